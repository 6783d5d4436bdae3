//! Recovery points: what a backup left, wherever it lies, in one shape.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::moment::Moment;

/// What kind of data a recovery point holds. The words are those people type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PointKind {
    /// A snapshot of a DB instance.
    Rds,
    /// A recovery point of a file system.
    Efs,
    /// Exported secrets.
    Secrets,
    /// Exported parameters and secrets' metadata.
    Config,
    /// The record of a bucket's versions, or a recovery point of AWS Backup of the bucket itself.
    S3,
    /// A logical dump.
    Dump,
}

impl PointKind {
    /// Every kind, in the order help names them.
    pub const ALL: [PointKind; 6] =
        [PointKind::Rds, PointKind::Efs, PointKind::Secrets, PointKind::Config, PointKind::S3, PointKind::Dump];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            PointKind::Rds => "rds",
            PointKind::Efs => "efs",
            PointKind::Secrets => "secrets",
            PointKind::Config => "config",
            PointKind::S3 => "s3",
            PointKind::Dump => "dump",
        }
    }

    /// Whether a backup of this kind is full, incremental or continuous.
    pub fn nature(self) -> &'static str {
        match self {
            PointKind::Rds => "full snapshots, which RDS stores incrementally, and its continuous automated backups",
            PointKind::Efs => "full recovery points, which AWS Backup stores incrementally",
            PointKind::Secrets | PointKind::Config | PointKind::Dump => "full",
            PointKind::S3 => "continuous: S3 keeps every version, and a record names those that were current",
        }
    }

    /// Why there are no differential backups, a sentence.
    pub const NO_DIFFERENTIAL: &str = "Differential backups are not made: AWS stores only what changed of what is large, every recovery point is \
        restored by itself, and a differential one is worth nothing without its base.";

    /// The kind of an archive in the secrets bucket by the second part of its key: `<env>/<kind>/<yyyymmdd>/<op>/…`.
    pub fn of_key(key: &str) -> Option<PointKind> {
        let word = key.split('/').nth(1)?;
        [PointKind::Secrets, PointKind::Config, PointKind::S3, PointKind::Dump].into_iter().find(|k| k.as_str() == word)
    }
}

impl fmt::Display for PointKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a recovery point lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "in")]
pub enum Place {
    /// An RDS snapshot.
    Snapshot,
    /// A recovery point of AWS Backup.
    Vault {
        /// Name of the vault.
        vault: String,
    },
    /// An object.
    Bucket {
        /// Name of the bucket.
        bucket: String,
    },
}

/// How far a recovery point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointState {
    /// Usable.
    Available,
    /// Being made.
    Creating,
    /// AWS Backup's PARTIAL: not usable as a whole.
    Partial,
    /// Past its lifecycle; AWS could not delete it.
    Expired,
    /// A continuous backup that is written no longer: any second up to its end can be restored.
    Stopped,
    /// It failed, or is being deleted.
    Unusable,
}

/// One backup of one thing in one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Kind of data.
    pub kind: PointKind,
    /// What people type: a snapshot's name, the last part of a recovery point's ARN, an object's key.
    pub id: String,
    /// ARN.
    pub arn: String,
    /// Where it lies.
    pub place: Place,
    /// Region.
    pub region: String,
    /// What it is a backup of: DB instance id, file system id, prefix or bucket.
    pub resource: String,
    /// When the data was as it is in there; copies keep their source's.
    pub created: Moment,
    /// Bytes, where AWS tells.
    pub bytes: Option<u64>,
    /// When AWS deletes it by itself.
    pub expires: Option<Moment>,
    /// How far it is.
    pub state: PointState,
    /// Encrypted at rest.
    pub encrypted: bool,
    /// It lies in a locked vault, or under an object lock.
    pub locked: bool,
    /// Days it was promised to be kept, from its tag or lifecycle.
    pub retention_days: Option<u32>,
    /// Operation that made it, from its tag or key.
    pub operation: Option<String>,
    /// Tenant it is narrowed to, from its tag.
    pub tenant: Option<String>,
}

impl Point {
    /// Whether something can be restored from it.
    pub fn usable(&self) -> bool {
        matches!(self.state, PointState::Available | PointState::Stopped)
    }

    /// Whether it is AWS Backup's own of a bucket, which is not made, restored or deleted by bbws: what brings a bucket back here
    /// is the versions that it keeps.
    pub fn is_left_to_aws(&self) -> bool {
        self.kind == PointKind::S3 && matches!(self.place, Place::Vault { .. })
    }

    /// Whether an id that somebody typed is this one's: the id itself or its ARN. AWS tells apart keys of objects by their
    /// case, and nothing else here.
    pub fn is_named(&self, id: &str) -> bool {
        match &self.place {
            Place::Bucket { .. } => self.id == id || self.arn == id,
            Place::Snapshot | Place::Vault { .. } => {
                self.id.eq_ignore_ascii_case(id) || self.arn.eq_ignore_ascii_case(id)
            }
        }
    }

    /// What RDS restores it from: a snapshot's name, also of one that AWS Backup keeps in a vault. Continuous backups have none.
    pub fn snapshot(&self) -> Option<&str> {
        match self.place {
            Place::Snapshot => Some(&self.id),
            Place::Bucket { .. } => None,
            Place::Vault { .. } => self.arn.split_once(":snapshot:").map(|(_, name)| name),
        }
    }

    /// What it shares with its copies and nothing else: a snapshot's name without the ending of copies, or else the
    /// resource and the time of the data, which copies of AWS Backup keep.
    pub fn key(&self) -> String {
        match &self.place {
            Place::Snapshot => format!("{} {}", self.kind, self.id.strip_suffix("-dr").unwrap_or(&self.id)),
            Place::Vault { .. } => format!("{} {} {}", self.kind, self.resource, self.created),
            Place::Bucket { .. } => format!("{} {}", self.kind, self.id),
        }
    }
}

/// Whether an ARN is of a continuous backup: the one point from which any second can be restored, and which AWS goes on
/// writing.
pub fn is_continuous(arn: &str) -> bool {
    arn.contains(":continuous:") || arn.contains(":auto-backup:")
}

/// How a continuous backup is let go without an end to point-in-time recovery.
pub fn disassociate(arn: &str, vault: &str, region: &str) -> String {
    format!(
        "`aws backup disassociate-recovery-point --region {region} --backup-vault-name {vault} --recovery-point-arn {arn}`          (DisassociateRecoveryPoint) hands it back to its service, which keeps its own automated backups."
    )
}

/// What a database can be restored to without any recovery point of ours: any second of this window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// DB instance id.
    pub database: String,
    /// Region it is restored in.
    pub region: String,
    /// The earliest second.
    pub oldest: Moment,
    /// The latest second; it goes on moving.
    pub latest: Moment,
    /// ARN of the automated backup, where that was replicated from another region.
    pub backup: Option<String>,
}

/// Which recovery points to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PointQuery {
    /// Kinds; all when empty.
    pub kinds: Vec<PointKind>,
    /// Only data from this moment or later.
    pub since: Option<Moment>,
    /// Only data from before this moment.
    pub before: Option<Moment>,
    /// Only of this resource.
    pub resource: Option<String>,
}

impl PointQuery {
    /// Whether a point is asked for. Adapters narrow at AWS where it can, and let this decide in the end.
    pub fn wants(&self, point: &Point) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&point.kind))
            && self.since.is_none_or(|since| point.created >= since)
            && self.before.is_none_or(|before| point.created < before)
            && self.resource.as_ref().is_none_or(|r| *r == point.resource)
    }

    /// Whether points of this kind are asked for.
    pub fn of(&self, kind: PointKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}
