//! File systems of EFS, their mount targets and their replication.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    super::time::{Phase, Timeline},
    Tags,
};
use crate::domain::moment::Moment;

/// EFS in a region.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Efs {
    /// By id.
    pub file_systems: BTreeMap<String, FileSystem>,
    /// By id.
    pub targets: BTreeMap<String, MountTarget>,
    /// Replication by the id of its source.
    pub replications: BTreeMap<String, Replication>,
    /// File systems of which whatever is restored from now on lacks files.
    #[serde(default)]
    pub restores_badly: BTreeSet<String>,
}

/// A file system.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileSystem {
    /// What it was asked for under: there is no second one of that token.
    pub token: String,
    /// `creating` until its end.
    pub course: Timeline,
    /// Metered bytes.
    pub size: i64,
    /// Encrypted at rest.
    pub encrypted: bool,
    /// ARN of its key.
    pub key: Option<String>,
    /// `generalPurpose` or `maxIO`.
    pub performance_mode: String,
    /// Tags; `Name` is its name.
    pub tags: Tags,
    /// `deleting` until its end.
    pub deleting: Option<Timeline>,
    /// Where its files came from, if AWS Backup restored it.
    pub restored: Option<Restored>,
    /// Folders in it that are known one by one, by their path from the root.
    #[serde(default)]
    pub folders: BTreeMap<String, Folder>,
    /// The folders into which its access points lead, by their ids.
    #[serde(default)]
    pub access_points: BTreeMap<String, String>,
}

/// A folder with everything in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// The server's number of it.
    pub id: u64,
    /// From when on it is there.
    pub since: Moment,
    /// When its files were as they are, where a restore brought them.
    pub data_of: Option<Moment>,
    /// Files are missing.
    pub corrupt: bool,
}

/// What a restore put into a file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// ARN of the recovery point.
    pub point: String,
    /// Id of the file system the point is of.
    pub source: String,
    /// When: files land in `aws-backup-restore_<time>`, also in a new file system.
    pub at: Moment,
    /// Files are missing.
    pub corrupt: bool,
}

impl Restored {
    /// The folder everything is in.
    pub fn folder(&self) -> String {
        restored_into(self.at)
    }
}

/// The folder into which a restore of that moment puts everything.
pub fn restored_into(at: Moment) -> String {
    format!("aws-backup-restore_{}", at.iso().replace(':', "-"))
}

impl FileSystem {
    /// Whether it is there.
    pub fn exists(&self, now: Moment) -> bool {
        now >= self.course.begins && !self.deleting.as_ref().is_some_and(|course| course.done(now))
    }

    /// `creating`, `available`, `error` or `deleting`.
    pub fn state(&self, now: Moment) -> &'static str {
        if self.deleting.as_ref().is_some_and(|course| course.open(now)) {
            return "deleting";
        }
        match self.course.phase(now) {
            Phase::Queued | Phase::Running(_) => "creating",
            Phase::Done => "available",
            Phase::Failed(_) => "error",
        }
    }
}

/// A mount target.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MountTarget {
    /// Id of its file system.
    pub file_system: String,
    /// Subnet.
    pub subnet: String,
    /// Security groups.
    pub security_groups: Vec<String>,
    /// Address in the subnet.
    pub address: String,
    /// `creating` until its end.
    pub course: Timeline,
    /// `deleting` until its end.
    pub deleting: Option<Timeline>,
}

impl MountTarget {
    /// Whether it is there.
    pub fn exists(&self, now: Moment) -> bool {
        !self.deleting.as_ref().is_some_and(|course| course.done(now))
    }

    /// `creating`, `available`, `error` or `deleting`.
    pub fn state(&self, now: Moment) -> &'static str {
        if self.deleting.as_ref().is_some_and(|course| course.open(now)) {
            return "deleting";
        }
        match self.course.phase(now) {
            Phase::Queued | Phase::Running(_) => "creating",
            Phase::Done => "available",
            Phase::Failed(_) => "error",
        }
    }
}

/// The replication of a file system into another region.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Replication {
    /// Region of the source.
    pub source_region: String,
    /// ARN of the source.
    pub source_arn: String,
    /// Region of the replica.
    pub region: String,
    /// Id of the replica.
    pub file_system: String,
    /// When it was set up; the first copy is complete a quarter of an hour later.
    pub created: Moment,
    /// It is at least so far behind, in milliseconds, where something holds it up.
    #[serde(default)]
    pub lag: Option<u64>,
}

impl Replication {
    /// Everything written before this is in the replica; none before the first copy is complete.
    pub fn last(&self, now: Moment) -> Option<Moment> {
        const FIRST: Duration = Duration::from_secs(900);
        const USUAL: Duration = Duration::from_secs(300);
        let behind = self.lag.map_or(USUAL, |lag| USUAL.max(Duration::from_millis(lag)));
        (now.since(self.created) >= FIRST).then(|| (now - behind).max(self.created))
    }
}

impl Efs {
    /// Mount targets of a file system that are there.
    pub fn targets_of<'e>(&'e self, id: &'e str, now: Moment) -> impl Iterator<Item = (&'e String, &'e MountTarget)> {
        self.targets.iter().filter(move |(_, target)| target.file_system == id && target.exists(now))
    }
}
