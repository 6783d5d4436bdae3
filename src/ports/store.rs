//! The ledger: every change of state, with its audit entries and messages, in one transaction.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{alert::Topic, chat::Level};
pub use crate::domain::audit::{AuditEntry, Audited, Head};
pub use crate::domain::incarnation::Incarnation;
pub use crate::domain::mark::{Mark, MarkKind, MarkWrite, Sample};
pub use crate::domain::stop::Stop;
use crate::domain::{
    attachment::{Attachment, File},
    datum::Datum,
    moment::Moment,
    operation::{OpId, Operation, Run, State},
    routine::Due,
    step::Step,
    tier::Tally,
};

/// Why a write did not happen. Nothing of it was stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operation was changed meanwhile: load it again and decide again.
    #[error("the operation was changed meanwhile")]
    Conflict,
    /// The lease is no longer ours: drop the run on the spot.
    #[error("the lease of the run is no longer ours")]
    Fenced,
    /// A stop is in force; no intent may be written.
    #[error("stopped by {by}: {reason}")]
    Halted {
        /// `*` or the environment.
        scope: String,
        /// Slack user id.
        by: String,
        /// What they said.
        reason: String,
    },
    /// Another operation changes this environment.
    #[error("{0} is under way in this environment")]
    Locked(OpId),
    /// The database failed.
    #[error("the ledger is not available")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What was asked of us, before anything came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// When the request was signed and the SHA-256 of its signature in hex (or Slack's `event_id`): the same request is never accepted twice.
    pub id: String,
    /// `command`, `interaction` or `event`.
    pub kind: String,
    /// Slack user id.
    pub user: String,
    /// Workspace.
    pub team: String,
    /// Channel id.
    pub channel: String,
    /// What was asked, parsed: a JSON object without token, response_url or trigger_id.
    pub body: Value,
    /// When it arrived.
    pub at: Moment,
}

/// Something to tell, stored with the change it tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Notice {
    /// The operation's card shows an old state. Many such notices collapse into one: the card is drawn from the ledger when it is sent.
    Card {
        /// Operation.
        operation: OpId,
    },
    /// The card as it stands in the room of an incident shows an old state. Collapses like [`Notice::Card`].
    Mirror {
        /// Operation.
        operation: OpId,
        /// Whose room it is.
        incident: OpId,
    },
    /// A reply in the card's thread, told once per `key`.
    Thread {
        /// Operation.
        operation: OpId,
        /// What it tells, unique within the operation: `started`, `step-3-failed-r0`.
        key: String,
        /// How loud.
        level: Level,
        /// mrkdwn.
        text: String,
        /// Beside it.
        #[serde(default, rename = "exhibit", skip_serializing_if = "Attachment::is_empty")]
        attachment: Attachment,
    },
    /// A file in the card's thread, shared once per name.
    File {
        /// Operation.
        operation: OpId,
        /// The file.
        file: File,
    },
    /// The canvas of an incident's room, made once.
    Canvas {
        /// The incident.
        operation: OpId,
        /// What stands in it, Markdown; whatever people typed in it is text.
        markdown: String,
    },
    /// A message in the environment's channel that belongs to no operation, told once per `key`.
    Channel {
        /// Environment's name.
        environment: String,
        /// What it tells, unique within the environment.
        key: String,
        /// How loud.
        level: Level,
        /// mrkdwn.
        text: String,
        /// Beside it.
        #[serde(default, rename = "exhibit", skip_serializing_if = "Attachment::is_empty")]
        attachment: Attachment,
    },
    /// A message in a channel that belongs to no environment, told once per `key`.
    Post {
        /// Channel id.
        channel: String,
        /// What it tells, unique within the channel.
        key: String,
        /// How loud.
        level: Level,
        /// mrkdwn.
        text: String,
        /// Beside it.
        #[serde(default, rename = "exhibit")]
        attachment: Attachment,
    },
    /// Values of metrics, told once per `key`.
    Measure {
        /// Environment's name.
        environment: String,
        /// What they are of, unique.
        key: String,
        /// When they came about.
        at: Moment,
        /// The values.
        data: Vec<Datum>,
    },
    /// For one person's eyes.
    Whisper {
        /// Channel id.
        channel: String,
        /// Slack user id.
        user: String,
        /// How loud.
        level: Level,
        /// mrkdwn.
        text: String,
        /// Beside it.
        #[serde(default, rename = "exhibit", skip_serializing_if = "Attachment::is_empty")]
        attachment: Attachment,
    },
    /// To SNS.
    Publish {
        /// Environment's name.
        environment: String,
        /// Topic.
        topic: Topic,
        /// Unique, for example `bk-1042-succeeded-r0`.
        key: String,
        /// Under 100 characters.
        subject: String,
        /// JSON.
        body: Value,
    },
}

/// A notice on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Unique key of the row: `card:bk-1042`, `thread:bk-1042:started`.
    pub key: String,
    /// What to tell.
    pub notice: Notice,
    /// Raised whenever the same notice is due again.
    pub version: i64,
    /// An earlier attempt may have got through: look before posting again.
    pub uncertain: bool,
    /// Attempts so far.
    pub attempts: i64,
    /// Since when it waits to be told.
    pub created: Moment,
}

/// How an operation is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// It does not exist yet.
    New,
    /// By a person or a timer: its version must still be this.
    Version(i64),
    /// By a runner: it holds this fence, its lease has not run out, and the version must still be this.
    Runner {
        /// Fence got with the claim.
        fence: i64,
        /// Version it was loaded at.
        version: i64,
        /// Refuse when a stop is in force for the environment: set on every write that contains an intent.
        intent: bool,
    },
}

/// What happens to the environment's lock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Lock {
    /// Nothing.
    #[default]
    Keep,
    /// It is taken, or the whole write fails with [`StoreError::Locked`].
    Take,
    /// It is freed, if this operation holds it.
    Free,
    /// It passes from that operation, which is stopped in the same transaction ([`Commit::supplanted`]), to this one; where that one
    /// does not hold it any more, the whole write fails with [`StoreError::Conflict`].
    TakeFrom(OpId),
}

/// One operation's part of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpWrite {
    /// Precondition.
    pub guard: Guard,
    /// The header as it is from now on.
    pub op: Operation,
    /// Steps that changed (all of them when the plan is new).
    pub steps: Vec<Step>,
    /// Steps beyond these were of an older plan and are deleted.
    pub replace_steps: bool,
    /// Environment's lock.
    pub lock: Lock,
}

/// The ledger goes by a new name, because it was found to know less than AWS does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// Its name from now on.
    pub name: Incarnation,
    /// Why, for whoever reads the table.
    pub why: String,
    /// The highest number per prefix that was given out in the other life: the next one is above it. Where none of them is
    /// news, somebody else was quicker, and the commit fails with [`StoreError::Conflict`].
    pub given: BTreeMap<String, i64>,
}

/// One transaction.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Commit {
    /// A new name for the ledger.
    pub renewal: Option<Renewal>,
    /// At most one operation.
    pub op: Option<OpWrite>,
    /// The operation that gives its environment up to that one, as it is from now on.
    pub supplanted: Option<OpWrite>,
    /// A stop to set.
    pub stop: Option<Stop>,
    /// Scope of a stop to lift.
    pub lift: Option<String>,
    /// For the audit chain, in order.
    pub audit: Vec<AuditEntry>,
    /// To tell.
    pub notices: Vec<Notice>,
    /// What is remembered or forgotten.
    pub marks: Vec<MarkWrite>,
    /// Lags measured.
    pub samples: Vec<Sample>,
    /// How many of them kept their RPO.
    pub tallies: Vec<Tally>,
    /// When what starts by itself is due.
    pub dues: Vec<DueWrite>,
    /// The request that is answered by this, with the answer.
    pub answers: Option<(String, String)>,
}

/// A change of when something is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DueWrite {
    /// It is due then. The transaction fails with a conflict where it is not due at `was` as yet; none: where it is due at all.
    Plan {
        /// When from now on.
        due: Due,
        /// When until now.
        was: Option<Moment>,
    },
    /// Its time `was` has come, by the database's clock, and is taken: it is due again at another time. The transaction fails
    /// with a conflict where somebody else took it, or it has not come.
    Take {
        /// When again.
        due: Due,
        /// The time that is taken.
        was: Moment,
    },
    /// It is not due any more, unless it is due at another time by now or a mark says that it is in force. Then it stays, and that is
    /// no conflict.
    Drop {
        /// Environment.
        environment: String,
        /// Routine.
        routine: String,
        /// When until now.
        was: Moment,
    },
}

/// When everything that starts by itself is due.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dues {
    /// The moment, by the clock that decides.
    pub now: Moment,
    /// Earliest first.
    pub all: Vec<Due>,
}

/// A run this process may work on until the lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Operation.
    pub id: OpId,
    /// Fence.
    pub fence: i64,
    /// How much of the lease was left when it was claimed.
    pub lease: Duration,
}

/// Which operations to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only of this environment.
    pub environment: Option<String>,
    /// Only in these states; all when empty.
    pub states: Vec<State>,
    /// At most so many, newest first.
    pub limit: u32,
}

/// What became of a request that was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// Durably stored.
    New,
    /// Seen before: nothing was stored, nothing may be done.
    Replay,
}

/// The ledger. Implementations: SQLite and PostgreSQL with the same tables and SQL text.
#[async_trait]
pub trait Store: Send + Sync {
    /// Stores requests durably, each at most once; concurrent calls share one transaction. With `answer` the request
    /// is already dealt with (help, wrong input). `audit` goes into the chain in the same transaction.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn accept(
        &self,
        request: Request,
        answer: Option<String>,
        audit: Vec<AuditEntry>,
    ) -> Result<Accepted, StoreError>;

    /// Requests accepted at or before `before` and never dealt with, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn unanswered(&self, before: Moment, limit: u32) -> Result<Vec<Request>, StoreError>;

    /// The next operation id with this prefix. Never given twice, gaps are fine.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn next_id(&self, prefix: &str) -> Result<OpId, StoreError>;

    /// The last number given out per prefix of operation ids.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn numbers(&self) -> Result<BTreeMap<String, i64>, StoreError>;

    /// The name this ledger goes by now.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn incarnation(&self) -> Result<Incarnation, StoreError>;

    /// Carries out one transaction.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing was stored then, except that after [`StoreError::Database`] nobody knows.
    async fn commit(&self, commit: Commit) -> Result<(), StoreError>;

    /// Loads an operation.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn load(&self, id: &OpId) -> Result<Option<Run>, StoreError>;

    /// Lists headers, newest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn list(&self, filter: &Filter) -> Result<Vec<Operation>, StoreError>;

    /// The operation that holds the environment's lock.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn holder(&self, environment: &str) -> Result<Option<OpId>, StoreError>;

    /// Stops in force.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn stops(&self) -> Result<Vec<Stop>, StoreError>;

    /// Claims operations that are due and that nobody works on, raising their fence.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn claim(&self, owner: &str, lease: Duration, limit: u32) -> Result<Vec<Claim>, StoreError>;

    /// Gives a claim back and plans the next look, unless somebody planned an earlier one meanwhile (version changed).
    ///
    /// # Errors
    /// [`StoreError::Fenced`] or [`StoreError::Database`].
    async fn park(&self, claim: &Claim, version: i64, wake_at: Moment) -> Result<(), StoreError>;

    /// When the next operation is due.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn next_wake(&self) -> Result<Option<Moment>, StoreError>;

    /// Frees every lease and, in a moment, every held notice of this database: for an embedded database, whose only process has just started.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn break_leases(&self) -> Result<(), StoreError>;

    /// Takes notices that are due for sending, marks each as uncertain, and hides them from others for `hold`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn outgoing(&self, hold: Duration, limit: u32) -> Result<Vec<Queued>, StoreError>;

    /// A notice got through in this version; a card's place may be told with it. A newer version stays due, not before `again`.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn sent(
        &self,
        queued: &Queued,
        card: Option<(OpId, crate::domain::operation::CardRef)>,
        again: Moment,
    ) -> Result<(), StoreError>;

    /// A notice did not get through; try again at `at`. `uncertain` tells whether it may have got through after all.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn defer(&self, queued: &Queued, at: Moment, uncertain: bool) -> Result<(), StoreError>;

    /// When the next notice is due.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn next_notice(&self) -> Result<Option<Moment>, StoreError>;

    /// Audit entries after `seq`, in order.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn audit(&self, after: i64, limit: u32) -> Result<Vec<Audited>, StoreError>;

    /// Where the audit chain ends.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn head(&self) -> Result<Head, StoreError>;

    /// Marks of an environment, of all kinds when `kind` is none, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn marks(&self, environment: &str, kind: Option<MarkKind>) -> Result<Vec<Mark>, StoreError>;

    /// Marks of that kind, of all environments.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn marks_of(&self, kind: MarkKind) -> Result<Vec<Mark>, StoreError>;

    /// When what starts by itself is due, of one environment or of all.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn dues(&self, environment: Option<&str>) -> Result<Dues, StoreError>;

    /// Lags measured since then, in order.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn samples(&self, environment: &str, since: Moment) -> Result<Vec<Sample>, StoreError>;

    /// How many notices are not told yet.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn unsent(&self) -> Result<u64, StoreError>;

    /// How many looks of each day from that one on found a component within its RPO, by component and day.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn tallies(&self, environment: &str, since: i64) -> Result<Vec<Tally>, StoreError>;

    /// How long the last finished steps of this kind and resource took, newest first.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn durations(&self, kind: &str, resource: &str, limit: u32) -> Result<Vec<Duration>, StoreError>;

    /// Whether the database takes writes.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    async fn ready(&self) -> Result<(), StoreError>;
}
