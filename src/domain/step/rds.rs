//! RDS: snapshots, their copies and their end, automated backups, and instances restored for a test.

use serde::{Deserialize, Serialize};

use super::{Metric, Outputs, Page, Parameters, Proof, Step};
use crate::domain::{environment::Engine, moment::Moment, restored};

/// What stands between the name of a database and the rest of the name of a snapshot that was asked for.
const MANUAL: &str = "-manual-";

/// `rds:CreateDBSnapshot`; the snapshot's name is the idempotency token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RdsSnapshot {
    /// Region of the instance.
    pub region: String,
    /// DB instance identifier.
    pub database: String,
    /// Name of the snapshot to make.
    pub snapshot: String,
}

impl Parameters for RdsSnapshot {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.database
    }

    fn label(&self) -> &'static str {
        "Snapshot databases"
    }

    fn page(&self, step: &Step, _inputs: &Outputs) -> Option<Page> {
        step.begun().then(|| Page::snapshot(&self.region, &self.snapshot))
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Backup)
    }
}

/// `rds:CopyDBSnapshot`, called in the destination region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RdsCopy {
    /// Region of the source snapshot.
    pub from_region: String,
    /// Destination region.
    pub region: String,
    /// Account of both.
    pub account: String,
    /// Source snapshot's name.
    pub snapshot: String,
    /// Name of the copy.
    pub copy: String,
    /// KMS key of the destination region; needed when the source is encrypted.
    pub kms_key: Option<String>,
}

impl Parameters for RdsCopy {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        before(&self.copy, MANUAL)
    }

    fn label(&self) -> &'static str {
        "Copy database snapshots"
    }

    fn page(&self, step: &Step, _inputs: &Outputs) -> Option<Page> {
        step.begun().then(|| Page::snapshot(&self.region, &self.copy))
    }
}

/// Verifies that a snapshot exists, is available, encrypted, not empty, tagged with its retention, and its key usable. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifySnapshot {
    /// Region of the snapshot.
    pub region: String,
    /// Snapshot's name.
    pub snapshot: String,
    /// Retention the tag has to show, in days.
    pub retention_days: u32,
}

impl Parameters for VerifySnapshot {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        before(&self.snapshot, MANUAL)
    }

    fn label(&self) -> &'static str {
        "Verify snapshots"
    }

    fn page(&self, step: &Step, _inputs: &Outputs) -> Option<Page> {
        step.begun().then(|| Page::snapshot(&self.region, &self.snapshot))
    }

    fn proves(&self) -> Option<Proof> {
        Some(Proof::Snapshot)
    }
}

/// `rds:ModifyDBInstance`: retention and window of automated backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutomatedBackups {
    /// Region of the instance.
    pub region: String,
    /// DB instance identifier.
    pub database: String,
    /// Days of retention.
    pub days: u32,
    /// Window in UTC, `02:00-02:30`; as it is where left out.
    pub window: Option<String>,
}

impl Parameters for AutomatedBackups {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.database
    }

    fn label(&self) -> &'static str {
        "Set automated backups"
    }
}

/// `rds:DeleteDBSnapshot`, and a look whether it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteSnapshot {
    /// Region of the snapshot.
    pub region: String,
    /// Snapshot's name.
    pub snapshot: String,
}

impl Parameters for DeleteSnapshot {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.snapshot
    }

    fn label(&self) -> &'static str {
        "Delete snapshots"
    }

    fn is_final(&self) -> bool {
        true
    }
}

/// `rds:AddTagsToResource` or `RemoveTagsFromResource` on a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagSnapshot {
    /// Region of the snapshot.
    pub region: String,
    /// ARN of the snapshot.
    pub arn: String,
    /// Tag.
    pub key: String,
    /// Its value; none removes it.
    pub value: Option<String>,
}

impl Parameters for TagSnapshot {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.arn
    }

    fn label(&self) -> &'static str {
        "Tag snapshots"
    }
}

/// `rds:RestoreDBInstanceFromDBSnapshot` into the isolated network, not reachable from the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreTest {
    /// Region of the snapshot.
    pub region: String,
    /// Snapshot's name.
    pub snapshot: String,
    /// Name of the instance to make.
    pub instance: String,
    /// DB subnet group.
    pub subnet_group: String,
    /// VPC security groups.
    pub security_groups: Vec<String>,
}

impl Parameters for RestoreTest {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        restored::source(&self.instance)
    }

    fn label(&self) -> &'static str {
        "Restore for a test"
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Restore)
    }
}

/// `rds:RestoreDBInstanceToPointInTime` into the isolated network, not reachable from the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreMoment {
    /// Region it is restored in.
    pub region: String,
    /// The instance whose past it is.
    pub database: String,
    /// ARN of its automated backup, where that was replicated from another region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// The moment; as late as can be where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Moment>,
    /// Name of the instance to make.
    pub instance: String,
    /// DB subnet group.
    pub subnet_group: String,
    /// VPC security groups.
    pub security_groups: Vec<String>,
}

impl Parameters for RestoreMoment {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.database
    }

    fn label(&self) -> &'static str {
        "Restore to a moment"
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Restore)
    }
}

/// Compares a restored instance with its source over a connection: login, schema, rows, canary. Reads AWS only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyDatabase {
    /// Region of the restored instance.
    pub region: String,
    /// Region of the source, where it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_region: Option<String>,
    /// The restored instance.
    pub instance: String,
    /// The source.
    pub database: String,
    /// Engine.
    pub engine: Engine,
    /// Secret with the source's credentials; none: only the instance is looked at.
    pub secret: Option<String>,
    /// Schemas to compare; all when empty.
    pub schemas: Vec<String>,
    /// Schemas that hold a tenant's WordPress.
    pub wordpress: Vec<String>,
    /// When the data was as it is in there. What the source got since is no fault of the backup.
    pub data_of: Moment,
    /// How much older than that its newest row may be, in seconds.
    pub rpo_seconds: u64,
    /// What differs from the source is told and refutes nothing, as long as nothing of the source is missing: who restores in
    /// earnest does so because the source is not as it should be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub measures: bool,
    /// It has taken the place of its source: it is where the platform's databases are, under the platform's login.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
    /// Its failure turns the run back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub turns_back: bool,
    /// The source's region does not answer: it is looked at by itself, under the login that its own region has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
}

impl Parameters for VerifyDatabase {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.database
    }

    fn label(&self) -> &'static str {
        "Validate restored databases"
    }

    fn turns_back(&self) -> bool {
        self.turns_back
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Validation)
    }
}

/// Puts a named question of the config to a restored instance, in a read-only transaction. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyCheck {
    /// Region of the instance.
    pub region: String,
    /// The restored instance.
    pub instance: String,
    /// The source, whose login is used.
    pub database: String,
    /// Engine.
    pub engine: Engine,
    /// Secret with the source's credentials.
    pub secret: String,
    /// Region of that secret, where it is another one than the instance's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_region: Option<String>,
    /// Name of the check.
    pub check: String,
    /// Schema (PostgreSQL: schema or database) it is asked in.
    pub schema: String,
    /// The question.
    pub query: String,
}

impl Parameters for VerifyCheck {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.database
    }

    fn label(&self) -> &'static str {
        "Put named checks"
    }
}

/// How much storage is free on a restored instance, before something is put on it. Where it is about to run full, the people who
/// are asked next are asked to wait ([`super::HOLD`]). Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyStorage {
    /// Region of the instance.
    pub region: String,
    /// The restored instance.
    pub instance: String,
}

impl Parameters for VerifyStorage {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        restored::source(&self.instance)
    }

    fn label(&self) -> &'static str {
        "Look at free storage"
    }
}

/// `rds:DeleteDBInstance` of an instance that this product restored, without a final snapshot, and a look whether it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteInstance {
    /// Region of the instance.
    pub region: String,
    /// Its name, which begins as its source's and ends in `-restored-<op>`.
    pub instance: String,
    /// Operation it has to be tagged with.
    pub operation: String,
}

impl Parameters for DeleteInstance {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        restored::source(&self.instance)
    }

    fn label(&self) -> &'static str {
        "Delete test instances"
    }

    fn is_final(&self) -> bool {
        true
    }
}

fn before<'n>(name: &'n str, end: &str) -> &'n str {
    name.split(end).next().unwrap_or(name)
}
