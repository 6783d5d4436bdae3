//! AWS, seen from a step: look at the world, look for what a call may have made, call, watch.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::domain::{
    active::Active,
    environment::Environment,
    moment::Moment,
    operation::OpId,
    step::{Action, Outputs},
};
pub use crate::domain::{
    lag::Measurements,
    point::{Point, PointQuery, Window},
    readiness::Readiness,
    serving::Looked,
    world::{Condition, DatabaseFound, FileSystemFound, KeyFound, Survey, World},
};

/// What went wrong, in the only three ways that matter. `reason` is for people: it names the thing and the next step;
/// the cause chain goes to the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloudError {
    /// Nothing happened; trying again later may work (throttling, a quota that frees itself, a resource that is busy).
    #[error("{reason}")]
    Retryable {
        /// For people.
        reason: String,
        /// Not before this, where something is known of it.
        after: Option<After>,
    },
    /// Nothing happened and nothing will until a person changes something.
    #[error("{reason}")]
    Permanent {
        /// For people, with what to do.
        reason: String,
    },
    /// The call may or may not have been carried out (time-out, connection lost, 5xx on a mutation).
    #[error("{reason}")]
    Unknown {
        /// For people.
        reason: String,
    },
}

/// When something that may work later may be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// So much later, as AWS said.
    Time(Duration),
    /// Once this region answers, which it did not: no connection, no answer in time, a failure of its own.
    Answer(String),
}

impl CloudError {
    /// Whether it means that the region did not answer, and not that it answered otherwise than was hoped.
    pub fn unanswered(&self) -> bool {
        matches!(self, CloudError::Retryable { after: Some(After::Answer(_)), .. } | CloudError::Unknown { .. })
    }

    /// The region that did not answer, where it is known.
    pub fn region(&self) -> Option<&str> {
        match self {
            CloudError::Retryable { after: Some(After::Answer(region)), .. } => Some(region),
            CloudError::Retryable { .. } | CloudError::Permanent { .. } | CloudError::Unknown { .. } => None,
        }
    }
}

/// One step's call, with all an adapter needs to make it.
#[derive(Debug, Clone)]
pub struct Call {
    /// Operation.
    pub operation: OpId,
    /// Position of the step in its plan.
    pub step: usize,
    /// Environment, with account, role and names.
    pub environment: Arc<Environment>,
    /// What to do.
    pub action: Action,
    /// Idempotency token, written to the ledger before the first call. Characters `[a-z0-9-]`, at most 50.
    pub token: String,
    /// When the first intent of this step was written. Nothing that is older was made by it, whatever its name and tags say.
    pub intended: Moment,
    /// Tags for everything that is created (`bbws:operation`, `bbws:ledger`, …).
    pub tags: Vec<(String, String)>,
    /// Outputs of the steps it comes after.
    pub inputs: Outputs,
    /// What AWS called it, once known.
    pub external_id: Option<String>,
    /// Slack user id of the requester, the SourceIdentity of assumed roles.
    pub requester: String,
}

/// AWS accepted a mutation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Started {
    /// AWS's id for it.
    pub external_id: Option<String>,
    /// What is known already, for the steps that follow.
    pub outputs: Outputs,
    /// It is finished, there is nothing to poll (a PUT, for example).
    pub finished: bool,
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// The earlier call was carried out: adopt its result. It carries our operation's tag or token, is not of another ledger
    /// (tag `bbws:ledger`), and is not older than the intent.
    Present(Started),
    /// It certainly was not; calling again with the same token is safe.
    Absent,
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Under way.
    Running {
        /// 0–100 where AWS tells.
        percent: Option<u8>,
        /// AWS's own word for the state, for people: `creating`, `RUNNING`, `replication PENDING`.
        detail: String,
    },
    /// Finished (or, for a verification, everything holds).
    Done {
        /// For the steps that follow and for the card.
        outputs: Outputs,
        /// What was found, for people: `available, encrypted, 100 GiB`.
        detail: String,
    },
    /// Failed for good.
    Failed {
        /// For people, with what to do.
        reason: String,
    },
    /// A verification was carried out, and what it looked for does not hold.
    Refuted {
        /// For people, with what to do.
        reason: String,
        /// What was found.
        outputs: Outputs,
    },
    /// What was under way in a process of ours ended with that process, and left nothing that counts: it may be called again.
    Gone {
        /// For people.
        reason: String,
    },
}

/// What a listing of recovery points leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// What could not be read, a sentence for each place (a region that does not answer, say).
    pub unread: Vec<String>,
    /// Recovery points of kinds that are no [`Point`], copies included, by what AWS calls them (`DynamoDB`). Counted where every
    /// kind is asked for.
    pub others: BTreeMap<String, u64>,
}

/// What databases can be restored to without a recovery point of ours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Windows {
    /// One for each database and region in which there is any.
    pub windows: Vec<Window>,
    /// What could not be read, a sentence for each region.
    pub unread: Vec<String>,
}

/// Takes recovery points a page at a time.
pub type Pages<'p> = dyn FnMut(Vec<Point>) + Send + 'p;

/// AWS. Every method names its region by the call's action; nothing else is ever touched.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// Reads what a plan rests on.
    ///
    /// # Errors
    /// `Retryable` or `Permanent` when the world cannot be read; what is merely missing is told in [`World`].
    async fn survey(&self, environment: &Environment, ask: &Survey, requester: &str) -> Result<World, CloudError>;

    /// Reads the environment's recovery points in both regions, as they come, in no order. Holds no more than a page in
    /// memory. Answers what is not among them: where nothing is `unread`, everything was read.
    ///
    /// # Errors
    /// `Retryable` or `Permanent` when nothing could be read.
    async fn points(
        &self,
        environment: &Environment,
        query: &PointQuery,
        requester: &str,
        page: &mut Pages<'_>,
    ) -> Result<LeftOut, CloudError>;

    /// Reads from when to when each of the environment's databases can be restored to any second, in both regions. What cannot
    /// be read is told in [`Windows`].
    async fn windows(&self, environment: &Environment, requester: &str) -> Windows;

    /// The keys that backups of an environment lie under, in both regions, and how they are rotated. What cannot be read of one
    /// is told with it.
    async fn keys(&self, environment: &Environment, requester: &str) -> Vec<KeyFound>;

    /// Measures an environment: lags, jobs, vaults, keys, what exists.
    ///
    /// # Errors
    /// Only when nothing can be measured at all (wrong account, no credentials); what cannot be measured says why in [`Measurements`].
    async fn measurements(&self, environment: &Environment, requester: &str) -> Result<Measurements, CloudError>;

    /// Looks at both sides of an environment, as the config has it, for a judgement of a failover or a failback. A region that
    /// does not answer is an answer.
    ///
    /// # Errors
    /// For the wrong account.
    async fn readiness(
        &self,
        environment: &Environment,
        active: &Active,
        requester: &str,
    ) -> Result<Readiness, CloudError>;

    /// Looks whether an environment, as the config has it, serves where it runs. What cannot be looked at is told as unknown.
    ///
    /// # Errors
    /// For the wrong account.
    async fn serving(
        &self,
        environment: &Environment,
        active: &Active,
        requester: &str,
    ) -> Result<Vec<Looked>, CloudError>;

    /// Looks for what an earlier `start` with the same token may have made. Reads only. Not used for steps that do not mutate.
    ///
    /// # Errors
    /// Any error means: nobody knows yet.
    async fn probe(&self, call: &Call) -> Result<Probe, CloudError>;

    /// Makes the step's one mutation.
    ///
    /// # Errors
    /// See [`CloudError`]; `Unknown` leads to a probe before anything is called again.
    async fn start(&self, call: &Call) -> Result<Started, CloudError>;

    /// Asks how far each step is; one answer per call, in order. Calls of one kind, account and region are merged into as
    /// few requests as AWS allows. Steps that only read are wholly carried out here.
    async fn poll(&self, calls: &[Call]) -> Vec<Result<Progress, CloudError>>;
}
