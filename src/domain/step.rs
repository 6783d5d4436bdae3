//! A step of a plan as data: what it does, in which state it is, and the only legal moves between states.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::moment::Moment;

/// What a step does. Stored as `kind` and `params`, so that a deploy never changes a run in flight.
/// Every name in here is deterministic from the operation, so that a crash cannot make two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "params")]
pub enum Action {
    /// `rds:CreateDBSnapshot`; the snapshot's name is the idempotency token.
    #[serde(rename = "rds.snapshot")]
    RdsSnapshot {
        /// Region of the instance.
        region: String,
        /// DB instance identifier.
        database: String,
        /// Name of the snapshot to make.
        snapshot: String,
    },
    /// `rds:CopyDBSnapshot`, called in the destination region.
    #[serde(rename = "rds.copy")]
    RdsCopy {
        /// Region of the source snapshot.
        from_region: String,
        /// Destination region.
        region: String,
        /// Account of both.
        account: String,
        /// Source snapshot's name.
        snapshot: String,
        /// Name of the copy.
        copy: String,
        /// KMS key of the destination region; needed when the source is encrypted.
        kms_key: Option<String>,
    },
    /// `backup:StartBackupJob`.
    #[serde(rename = "backup.job")]
    BackupJob {
        /// Region of the resource and the vault.
        region: String,
        /// ARN of the resource to back up.
        resource_arn: String,
        /// Backup vault.
        vault: String,
        /// Role AWS Backup assumes.
        role: String,
        /// Days until the recovery point expires.
        retention_days: u32,
    },
    /// `backup:StartCopyJob`, called in the source region. The source is the `recovery_point` of the step it follows.
    #[serde(rename = "backup.copy")]
    BackupCopy {
        /// Source region.
        region: String,
        /// Source vault.
        vault: String,
        /// Destination region.
        to_region: String,
        /// ARN of the destination vault.
        to_vault_arn: String,
        /// Role AWS Backup assumes.
        role: String,
        /// Days until the copy expires.
        retention_days: u32,
    },
    /// Reads every secret under the prefix and writes one SSE-KMS encrypted object (`If-None-Match: *`, SHA-256).
    #[serde(rename = "secrets.export")]
    SecretsExport {
        /// Region of the secrets and the bucket.
        region: String,
        /// Prefix of the secrets' names.
        prefix: String,
        /// Bucket.
        bucket: String,
        /// Object key.
        key: String,
    },
    /// Waits until S3 has replicated the object to the DR bucket. Reads only.
    #[serde(rename = "s3.replica")]
    ObjectReplica {
        /// Source region.
        from_region: String,
        /// Source bucket.
        from_bucket: String,
        /// DR region.
        region: String,
        /// DR bucket.
        bucket: String,
        /// Object key, the same in both.
        key: String,
    },
    /// Verifies that a snapshot exists, is available, encrypted, not empty, tagged with its retention, and its key usable. Reads only.
    #[serde(rename = "verify.snapshot")]
    VerifySnapshot {
        /// Region of the snapshot.
        region: String,
        /// Snapshot's name.
        snapshot: String,
        /// Retention the tag has to show, in days.
        retention_days: u32,
    },
    /// Verifies the `recovery_point` of the step it follows in the same way. Reads only.
    #[serde(rename = "verify.recovery_point")]
    VerifyRecoveryPoint {
        /// Region of the vault.
        region: String,
        /// Vault.
        vault: String,
        /// Retention its lifecycle has to show, in days.
        retention_days: u32,
    },
    /// Verifies that an object exists, is SSE-KMS encrypted, not empty and has the `sha256` of the step it follows. Reads only.
    #[serde(rename = "verify.object")]
    VerifyObject {
        /// Region of the bucket.
        region: String,
        /// Bucket.
        bucket: String,
        /// Object key.
        key: String,
        /// Retention the tag has to show, in days.
        retention_days: u32,
    },
    /// Lifts a stop. Happens in the ledger, not in AWS.
    #[serde(rename = "control.clear_stop")]
    ClearStop {
        /// `*`, an environment's name or an operation's id.
        scope: String,
    },
}

impl Action {
    /// The stored name of the kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Action::RdsSnapshot { .. } => "rds.snapshot",
            Action::RdsCopy { .. } => "rds.copy",
            Action::BackupJob { .. } => "backup.job",
            Action::BackupCopy { .. } => "backup.copy",
            Action::SecretsExport { .. } => "secrets.export",
            Action::ObjectReplica { .. } => "s3.replica",
            Action::VerifySnapshot { .. } => "verify.snapshot",
            Action::VerifyRecoveryPoint { .. } => "verify.recovery_point",
            Action::VerifyObject { .. } => "verify.object",
            Action::ClearStop { .. } => "control.clear_stop",
        }
    }

    /// Whether it changes anything in AWS, and so needs an intent written ahead of it.
    pub fn mutates(&self) -> bool {
        matches!(
            self,
            Action::RdsSnapshot { .. }
                | Action::RdsCopy { .. }
                | Action::BackupJob { .. }
                | Action::BackupCopy { .. }
                | Action::SecretsExport { .. }
        )
    }

    /// The region it is called in; none for what happens in the ledger.
    pub fn region(&self) -> Option<&str> {
        match self {
            Action::RdsSnapshot { region, .. }
            | Action::RdsCopy { region, .. }
            | Action::BackupJob { region, .. }
            | Action::BackupCopy { region, .. }
            | Action::SecretsExport { region, .. }
            | Action::ObjectReplica { region, .. }
            | Action::VerifySnapshot { region, .. }
            | Action::VerifyRecoveryPoint { region, .. }
            | Action::VerifyObject { region, .. } => Some(region),
            Action::ClearStop { .. } => None,
        }
    }

    /// What it works on, so that durations of the past can be found again.
    pub fn resource(&self) -> &str {
        match self {
            Action::RdsSnapshot { database, .. } => database,
            Action::RdsCopy { copy, .. } => copy.split("-manual-").next().unwrap_or(copy),
            Action::BackupJob { resource_arn, .. } => resource_arn,
            Action::BackupCopy { to_vault_arn, .. } => to_vault_arn,
            Action::SecretsExport { prefix, .. } => prefix,
            Action::ObjectReplica { bucket, .. } | Action::VerifyObject { bucket, .. } => bucket,
            Action::VerifySnapshot { snapshot, .. } => snapshot.split("-manual-").next().unwrap_or(snapshot),
            Action::VerifyRecoveryPoint { vault, .. } => vault,
            Action::ClearStop { scope } => scope,
        }
    }
}

/// What a step gives to those that follow it, for example `recovery_point` → ARN.
pub type Outputs = BTreeMap<String, String>;

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun, or to be called again.
    Ready,
    /// The intent is written; the call may or may not have been made.
    Calling,
    /// AWS accepted it; its progress is being watched.
    Polling,
    /// Finished as promised.
    Done,
    /// Finished otherwise.
    Failed,
    /// Never begun, because something before it failed or the operation was cancelled.
    Skipped,
    /// Nobody knows whether it happened; a person has to look.
    Unknown,
}

/// What can happen to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepEvent {
    /// The intent to call is written.
    Intend,
    /// A step that only reads begins to be watched.
    Watch,
    /// AWS accepted the call, or a probe found what an earlier call made.
    Started,
    /// It is certain that nothing happened; the call may be made again.
    Absent,
    /// It is finished.
    Finish,
    /// It failed for good.
    Fail,
    /// Nobody knows.
    Lose,
    /// It will not be begun.
    Skip,
    /// A person asked to try again.
    Reset,
}

impl StepState {
    /// Every state.
    pub const ALL: [StepState; 7] = [
        StepState::Ready,
        StepState::Calling,
        StepState::Polling,
        StepState::Done,
        StepState::Failed,
        StepState::Skipped,
        StepState::Unknown,
    ];

    /// The one place that holds the legal moves; `None` where a move is not legal.
    pub fn on(self, event: StepEvent) -> Option<StepState> {
        use StepEvent as E;
        use StepState as S;
        Some(match (self, event) {
            (S::Ready, E::Intend) => S::Calling,
            (S::Ready, E::Watch) => S::Polling,
            (S::Ready, E::Skip) => S::Skipped,
            (S::Calling, E::Started) => S::Polling,
            (S::Calling, E::Absent) => S::Ready,
            (S::Calling | S::Polling, E::Finish) => S::Done,
            (S::Calling | S::Polling, E::Fail) => S::Failed,
            (S::Calling | S::Polling, E::Lose) => S::Unknown,
            (S::Failed | S::Skipped, E::Reset) => S::Ready,
            // What may have happened is looked for again before it is called again.
            (S::Unknown, E::Reset) => S::Calling,
            _ => return None,
        })
    }

    /// In AWS's hands, or possibly so.
    pub fn in_flight(self) -> bool {
        matches!(self, StepState::Calling | StepState::Polling)
    }
}

impl StepEvent {
    /// Every event.
    pub const ALL: [StepEvent; 9] = [
        StepEvent::Intend,
        StepEvent::Watch,
        StepEvent::Started,
        StepEvent::Absent,
        StepEvent::Finish,
        StepEvent::Fail,
        StepEvent::Lose,
        StepEvent::Skip,
        StepEvent::Reset,
    ];
}

impl fmt::Display for StepState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StepState::Ready => "ready",
            StepState::Calling => "calling",
            StepState::Polling => "polling",
            StepState::Done => "done",
            StepState::Failed => "failed",
            StepState::Skipped => "skipped",
            StepState::Unknown => "unknown",
        })
    }
}

/// A step of a plan, before it runs: part of what is approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSpec {
    /// What people read: `Snapshot database bbws-prod-mysql`.
    pub title: String,
    /// Indexes of the steps that must be done first.
    pub after: Vec<usize>,
    /// Version of the kind's meaning.
    pub kind_version: u32,
    /// What it does.
    #[serde(flatten)]
    pub action: Action,
}

/// The moving part of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Position in the plan.
    pub index: usize,
    /// State.
    pub state: StepState,
    /// Idempotency token, fixed when the first intent is written; a deliberate repeat gets a new one.
    pub token: Option<String>,
    /// How often a person asked to repeat it.
    pub round: u32,
    /// Intents written in this round.
    pub attempt: u32,
    /// Consecutive answers that told nothing.
    pub silence: u32,
    /// AWS's id: a job id, an ARN, a name.
    pub external_id: Option<String>,
    /// What it gives to the steps that follow.
    pub outputs: Outputs,
    /// 0–100 where AWS tells.
    pub percent: Option<u8>,
    /// What AWS says of it now, for people.
    pub detail: Option<String>,
    /// Why it failed or nobody knows, and what to do.
    pub error: Option<String>,
    /// When the first intent was written or watching began.
    pub started: Option<Moment>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// How long it takes by experience.
    pub expected: Option<Duration>,
    /// When to look at it next.
    pub wake_at: Moment,
}

impl Step {
    /// A step that has not begun.
    pub fn new(index: usize) -> Step {
        Step {
            index,
            state: StepState::Ready,
            token: None,
            round: 0,
            attempt: 0,
            silence: 0,
            external_id: None,
            outputs: Outputs::new(),
            percent: None,
            detail: None,
            error: None,
            started: None,
            ended: None,
            expected: None,
            wake_at: Moment(0),
        }
    }
}
