//! What else the simulated AWS holds: contents of databases, objects of the platform, backup plans, legal holds,
//! instances restored for a test, jobs of the past.

use std::time::Duration;

use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::{
    time::{Course, Phase, rng_for, uuid_for},
    world::{Aws, Bucket, Object, RecoveryPoint, Region, Snapshot, Vault},
};
use crate::domain::{environment::Environment, moment::Moment, step::PlanSpec};

/// What is in a database: enough to compare a restored one with its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Contents {
    /// Number of tables.
    pub tables: u32,
    /// Rows of all tables at the epoch of `rows`.
    pub rows: u64,
}

impl Contents {
    pub(super) fn of(seed: u64, id: &str) -> Contents {
        let mut rng = rng_for(seed, &format!("contents/{id}"));
        Contents { tables: rng.random_range(40..90), rows: rng.random_range(2_000_000..9_000_000) }
    }

    /// Rows at a moment: one more every minute.
    pub(super) fn rows(self, at: Moment) -> u64 {
        const EPOCH: i64 = 1_780_000_000;
        self.rows + u64::try_from((at.seconds() - EPOCH).max(0) / 60).unwrap_or(0)
    }
}

/// An object of the platform in a bucket of data.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct DataObject {
    pub(super) size: u64,
    pub(super) at: Moment,
    pub(super) version: String,
    /// How its replication goes, where a rule covered it when it was written.
    pub(super) replication: Option<Course>,
}

/// A plan of AWS Backup with everything it ever said.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) id: String,
    /// One per version, the newest last; never empty.
    pub(super) versions: Vec<PlanSpec>,
    /// Operation that wrote the newest.
    pub(super) operation: String,
}

impl Plan {
    pub(super) fn spec(&self) -> Option<&PlanSpec> {
        self.versions.last()
    }

    /// AWS's name for a version, counted from 1.
    pub(super) fn version_id(&self, seed: u64, version: usize) -> String {
        uuid_for(seed, &format!("plan/{}/{version}", self.id))
    }
}

/// A legal hold of AWS Backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Hold {
    pub(super) title: String,
    pub(super) vault: String,
    pub(super) resource_arn: String,
    /// Time of the data of the points it holds.
    pub(super) created: Moment,
    /// CREATING until its end.
    pub(super) course: Course,
    /// CANCELING until its end.
    pub(super) canceling: Option<Course>,
}

impl Hold {
    pub(super) fn status(&self, now: Moment) -> &'static str {
        match (&self.canceling, self.course.phase(now)) {
            (Some(course), _) if course.ends <= now => "CANCELED",
            (Some(_), _) => "CANCELING",
            (None, Phase::Done | Phase::Failed(_)) => "ACTIVE",
            (None, Phase::Queued | Phase::Running(_)) => "CREATING",
        }
    }

    /// It protects from its creation until it is canceled.
    pub(super) fn protects(&self, vault: &str, point: &RecoveryPoint, now: Moment) -> bool {
        self.vault == vault
            && self.resource_arn == point.resource_arn
            && self.created.seconds() == point.data().seconds()
            && self.status(now) != "CANCELED"
    }
}

/// A DB instance that was restored for a test.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Instance {
    pub(super) snapshot: String,
    /// Instance the snapshot is of.
    pub(super) database: String,
    pub(super) engine: String,
    pub(super) version: String,
    pub(super) size_gib: u32,
    pub(super) encrypted: bool,
    pub(super) contents: Contents,
    /// Time of the data in it.
    pub(super) data: Moment,
    pub(super) course: Course,
    pub(super) subnet_group: String,
    pub(super) security_groups: Vec<String>,
    pub(super) operation: String,
    /// Rows are missing.
    pub(super) corrupt: bool,
    pub(super) deleting: Option<Course>,
}

impl Instance {
    pub(super) fn exists(&self, now: Moment) -> bool {
        !self.deleting.as_ref().is_some_and(|course| course.done(now))
    }

    pub(super) fn status(&self, now: Moment) -> &'static str {
        if self.deleting.as_ref().is_some_and(|course| course.ends > now) {
            return "deleting";
        }
        match self.course.phase(now) {
            Phase::Queued | Phase::Running(_) => "creating",
            Phase::Failed(_) => "failed",
            Phase::Done => "available",
        }
    }
}

/// A backup job that ended before this AWS was first looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PastJob {
    pub(super) id: String,
    pub(super) resource: String,
    pub(super) state: String,
    pub(super) at: Moment,
    pub(super) message: String,
}

/// The trace of something that an operation deleted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Deleted {
    pub(super) operation: String,
    /// AWS says that it is deleting until its end.
    pub(super) course: Course,
}

impl Snapshot {
    /// Time of the data.
    pub(super) fn data(&self) -> Moment {
        self.data.unwrap_or(self.course.begins)
    }

    /// DB instance id, also of what files of earlier programs hold.
    pub(super) fn database(&self) -> &str {
        if !self.database.is_empty() {
            return &self.database;
        }
        let source = self.source.rsplit(':').next().unwrap_or(&self.source);
        if self.copy { source.split("-manual-").next().unwrap_or(source) } else { source }
    }
}

impl RecoveryPoint {
    /// Time of the data: AWS's CreationDate.
    pub(super) fn data(&self) -> Moment {
        self.data.unwrap_or(self.course.begins)
    }

    /// When its lifecycle deletes it.
    pub(super) fn expires(&self) -> Moment {
        self.data() + Duration::from_secs(u64::from(self.retention_days) * 86_400)
    }
}

impl Object {
    /// Time of the data.
    pub(super) fn data(&self) -> Moment {
        self.data.unwrap_or(self.course.begins)
    }
}

impl Region {
    /// Version id of a secret as it is now.
    pub(super) fn secret_version(&self, seed: u64, account: &str, name: &str) -> String {
        let rotated = self.rotations.get(name).copied().unwrap_or(0);
        uuid_for(seed, &format!("secret/{account}/{name}/{rotated}"))
    }

    /// Number of snapshots, recovery points and archives.
    pub(super) fn count(&self) -> usize {
        self.snapshots.len()
            + self.vaults.values().map(|vault| vault.points.len()).sum::<usize>()
            + self.buckets.values().map(|bucket| bucket.objects.len()).sum::<usize>()
    }

    /// Legal hold over a recovery point.
    pub(super) fn held(&self, vault: &str, point: &RecoveryPoint, now: Moment) -> Option<&Hold> {
        self.holds.values().find(|hold| hold.protects(vault, point, now))
    }

    /// Whether a recovery point is there: made, and not deleted by its lifecycle.
    pub(super) fn is_there(&self, vault: &str, point: &RecoveryPoint, now: Moment) -> bool {
        let due = point.expires() <= now && !point.expired && self.held(vault, point, now).is_none();
        point.course.done(now) && !due
    }

    /// A recovery point of a vault by its ARN or the ARN's last part.
    pub(super) fn point<'r>(&'r self, vault: &str, id: &str) -> Option<(&'r Vault, &'r str, &'r RecoveryPoint)> {
        let vault = self.vaults.get(vault)?;
        let found = vault.points.iter().find(|(arn, _)| *arn == id || last(arn) == id);
        found.map(|(arn, point)| (vault, arn.as_str(), point))
    }
}

impl Bucket {
    /// Writes an object of the platform.
    pub(super) fn write(&mut self, key: &str, at: Moment, replication: Course) {
        let version = uuid_for(0, &format!("{key}/{at}")).replace('-', "");
        let replication = self.rule.is_some().then_some(replication);
        self.data.insert(key.to_owned(), DataObject { size: 48_000, at, version, replication });
    }
}

impl Aws {
    /// Every region of every account.
    pub(super) fn places(&self) -> impl Iterator<Item = &Region> {
        self.accounts.values().flat_map(|regions| regions.values())
    }

    /// Key of a component that lags.
    pub(super) fn lag_key(environment: &Environment, component: &str) -> String {
        format!("{}/{component}", environment.name)
    }
}

/// The last part of an ARN.
pub(super) fn last(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or(arn)
}
