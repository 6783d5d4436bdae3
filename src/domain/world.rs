//! The live world as a plan sees it: what is asked of AWS before anything is promised, and what was found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    chain::Gap,
    moment::Moment,
    point::{Point, Window},
    readiness::Readiness,
    shelter::Shelter,
    step::PlanSpec,
};

/// What a planner wants to know of the live world.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// DB instance identifiers to describe in the primary region.
    pub databases: Vec<String>,
    /// File system ids to describe in the primary region.
    pub file_systems: Vec<String>,
    /// Whether to describe the access points of those file systems.
    pub access_points: bool,
    /// Prefix of secret names to list in the primary region.
    pub secrets_prefix: Option<String>,
    /// Whether to look at the primary vault.
    pub vault: bool,
    /// Whether to look at the primary secrets bucket.
    pub bucket: bool,
    /// Whether to look at the DR side: vault, bucket, KMS key.
    pub dr: bool,
    /// Prefix of SSM parameter names to list in the primary region.
    pub parameters_prefix: Option<String>,
    /// Buckets of data to describe, by name, in the primary region.
    pub buckets: Vec<String>,
    /// Buckets whose replication is asked for, each with its replica in the DR region.
    pub replications: Vec<(String, String)>,
    /// Secrets to describe by name in the primary region; their values are not read.
    pub secrets: Vec<String>,
    /// Whether the KMS key of dumps is usable.
    pub dump_key: bool,
    /// A recovery point to find by its id, with everything else of its resource: in the region in which something is restored, or in
    /// both where there is none.
    pub point: Option<String>,
    /// A database whose recovery points are all to be found, in both regions.
    pub history: Option<String>,
    /// Whether to find the newest usable recovery point of every resource, in the region in which something is restored.
    pub newest: bool,
    /// The same as of a moment: of what was made until then. With [`Survey::newest`] of databases and file systems only, and
    /// of everything else, and of what had none then, the newest.
    pub newest_at: Option<Moment>,
    /// Whether to look at the environment's AWS Backup plan and the databases' automated backups.
    pub schedule: bool,
    /// Whether the isolated DB subnet group exists.
    pub isolated: bool,
    /// A DB snapshot, by the names it may have.
    pub snapshot: Vec<String>,
    /// Databases whose past is asked for: from when to when each can be restored to any second.
    pub windows: Vec<String>,
    /// Both sides, for a judgement of a failover: what is asked for besides is asked of the primary region, which may be dead.
    pub readiness: bool,
    /// Region in which the isolated group, the snapshot, the windows, the newest points and the point by its id are looked for; the
    /// primary region where there is none.
    pub restored_in: Option<String>,
    /// What stands ready in the DR region, and nothing else: the primary region, which may be dead, is not asked, unless for
    /// databases that are named and the services beside them. The isolated group, where that is asked for, is looked for there.
    pub standby: bool,
    /// With that: further DB instances to describe in the DR region.
    pub heirs: Vec<String>,
    /// What protects it where it runs, and nothing else: no other region is asked than those two.
    pub shelter: Option<Shelter>,
}

/// A DB instance as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseFound {
    /// DB instance identifier.
    pub id: String,
    /// `mysql 8.0.36`.
    pub engine: String,
    /// `available`, `backing-up`, ….
    pub status: String,
    /// Storage encrypted.
    pub encrypted: bool,
    /// Allocated storage in GiB.
    pub size_gib: u32,
    /// Multi-AZ.
    pub multi_az: bool,
    /// Days of automated backups; 0 is none.
    pub automated_days: u32,
    /// Window of automated backups in UTC, `02:00-02:30`.
    pub window: String,
    /// Up to when it can be restored to any second, with automated backups.
    pub restorable: Option<Moment>,
    /// The id that RDS knows it by, whatever its name is.
    pub resource: String,
    /// The cluster it is a member of: then it has neither snapshots nor automated backups of its own.
    pub cluster: Option<String>,
    /// What it is a read replica of, an ARN where that is in another region; none where it is an instance of its own.
    pub source: Option<String>,
}

impl DatabaseFound {
    /// Why nothing of this kind can be done with it, where it is a member of a cluster.
    ///
    /// # Errors
    /// A sentence with what to do.
    pub fn stands_alone(&self) -> Result<(), String> {
        match &self.cluster {
            None => Ok(()),
            Some(cluster) => Err(format!(
                "Database `{}` is a member of cluster `{cluster}` ({}): RDS snapshots clusters as a whole, and bbws backs up instances only. \
                 Take it out of `databases` in bbws.toml, and back the cluster up by AWS Backup.",
                self.id, self.engine
            )),
        }
    }
}

/// A file system as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSystemFound {
    /// `fs-…`.
    pub id: String,
    /// ARN.
    pub arn: String,
    /// Encrypted at rest.
    pub encrypted: bool,
    /// Metered size in bytes. Not part of any plan: it changes all the time.
    pub size_bytes: u64,
    /// `available`, ….
    pub status: String,
}

/// An access point of a file system as found: what mounts it is led into a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPointFound {
    /// `fsap-…`.
    pub id: String,
    /// The file system.
    pub file_system: String,
    /// The folder, from the root.
    pub path: String,
}

/// Something that either is as needed, or is not for a reason.
pub type Condition = Result<String, String>;

/// The live world as far as a survey asked. What was asked for and is missing is absent from the lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct World {
    /// Account of the identity in use.
    pub account: String,
    /// DB instances found.
    pub databases: Vec<DatabaseFound>,
    /// What came of asking the primary region for them, where it did not answer and what is asked for is in another one: nothing is
    /// known of them then, and nothing has to be.
    pub silent: Option<String>,
    /// File systems found.
    pub file_systems: Vec<FileSystemFound>,
    /// Access points found.
    pub access_points: Vec<AccessPointFound>,
    /// Names of secrets under the prefix, sorted.
    pub secrets: Vec<String>,
    /// Primary vault: its ARN, or why it is not usable.
    pub vault: Option<Condition>,
    /// Primary secrets bucket: its name, or why not.
    pub bucket: Option<Condition>,
    /// DR vault: its ARN, or why not.
    pub dr_vault: Option<Condition>,
    /// DR bucket: its name, or why not (for example: no replication rule).
    pub dr_bucket: Option<Condition>,
    /// DR KMS key: its ARN, or why it is not usable there.
    pub dr_key: Option<Condition>,
    /// Names of SSM parameters under the prefix, sorted.
    pub parameters: Vec<String>,
    /// Buckets of data found.
    pub buckets: Vec<BucketFound>,
    /// How buckets are replicated.
    pub replications: Vec<ReplicationFound>,
    /// Described secrets by name: their version id, or why there is none.
    pub described: BTreeMap<String, Condition>,
    /// KMS key of dumps: its ARN, or why it is not usable.
    pub dump_key: Option<Condition>,
    /// Every recovery point of the resource whose point, or of the database whose history, was asked for, in both regions;
    /// empty when there is no such point.
    pub lineage: Vec<Point>,
    /// The newest usable recovery point of each resource in one region, and the newest snapshot of each database.
    pub newest: Vec<Point>,
    /// The AWS Backup plan as it is; none when there is none.
    pub plan: Option<PlanFound>,
    /// Isolated DB subnet group, or why it is not usable.
    pub isolated: Option<Result<Network, String>>,
    /// The snapshot that was asked for.
    pub snapshot: Option<SnapshotFound>,
    /// From when to when databases can be restored to any second; what has no such past is absent.
    pub windows: Vec<Window>,
    /// What breaks those windows or may do so, or why nobody knows whether anything does; none where no window was asked for.
    pub gaps: Option<Result<Vec<Gap>, String>>,
    /// How long the vaults that were looked at keep what is put into them, where a lock of theirs says so.
    pub vault_ranges: Vec<VaultRange>,
    /// Both sides.
    pub readiness: Option<Readiness>,
    /// What stands ready in the DR region.
    pub standby: Option<StandbyFound>,
    /// What protects it where it runs.
    pub shelter: Option<ShelterFound>,
}

/// What protects an environment where it runs, as found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShelterFound {
    /// The databases that are live.
    pub live: Vec<DatabaseFound>,
    /// What has the names of their replicas.
    pub there: Vec<DatabaseFound>,
    /// Backup vault, or why it is not usable; none where nobody named one.
    pub vault: Option<Condition>,
    /// KMS key, likewise.
    pub key: Option<Condition>,
    /// DB subnet group, likewise.
    pub subnet_group: Option<Condition>,
    /// Services of the config in the platform's cluster there, as many as are there and active.
    pub services: Vec<ServiceFound>,
    /// Where the weighted records lead all traffic elsewhere than by the ledger, a sentence each.
    pub disagreements: Vec<String>,
}

/// What stands ready in the DR region, as found without asking the primary one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StandbyFound {
    /// The read replicas of the config that are there, and the instances that were asked for besides.
    pub replicas: Vec<ReplicaFound>,
    /// The usable snapshots of the config's databases, copies of the primary region's, the newest first.
    pub copies: Vec<SnapshotFound>,
    /// DB subnet group of databases that are restored there, or why it is not usable; none where nobody named one.
    pub subnet_group: Option<Condition>,
    /// KMS key of that region, or why it is not usable there; none where nobody named one.
    pub key: Option<Condition>,
    /// Services of the config in the DR region's cluster, as many as are there and active.
    pub services: Vec<ServiceFound>,
    /// Those in the primary region's cluster, where that region was asked.
    pub home: Vec<ServiceFound>,
    /// Records of the config, or why they could not be read; none where it has none.
    pub records: Option<Result<Vec<RecordFound>, String>>,
}

/// A read replica as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaFound {
    /// DB instance identifier.
    pub id: String,
    /// `mysql 8.0.36`.
    pub engine: String,
    /// `available`, `backing-up`, ….
    pub status: String,
    /// What it is a replica of; none where it is an instance of its own.
    pub source: Option<String>,
    /// Allocated storage in GiB.
    pub size_gib: u32,
    /// Days of automated backups; 0 is none.
    pub automated_days: u32,
}

/// A service of ECS as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFound {
    /// Name.
    pub name: String,
    /// Tasks it is to run.
    pub desired: u32,
}

/// A weighted record as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFound {
    /// Name as the config has it.
    pub name: String,
    /// Record type.
    pub kind: String,
    /// Set identifier.
    pub set: String,
    /// Weight; none where it is not weighted.
    pub weight: Option<u8>,
    /// For how long resolvers keep it, in seconds; none for aliases, which have what they lead to.
    pub ttl: Option<u64>,
}

impl World {
    /// Why the vaults refuse what is to be kept for so many days, a sentence each; 0 is for ever.
    pub fn refusals(&self, days: u32) -> Vec<String> {
        let refused = |range: &VaultRange| {
            let too_short = range.min.is_some_and(|min| days > 0 && days < min);
            let too_long = range.max.is_some_and(|max| days == 0 || days > max);
            let bound = |days: Option<u32>, or: &str| days.map_or_else(|| or.to_owned(), |days| days.to_string());
            (too_short || too_long).then(|| {
                format!(
                    "Vault {} in {} is locked and takes only what is kept for {} to {} days, not {}. Change the retention, or name another vault.",
                    range.vault,
                    range.region,
                    bound(range.min, "1"),
                    bound(range.max, "any number of"),
                    if days == 0 { "for ever".to_owned() } else { format!("{days} days") }
                )
            })
        };
        self.vault_ranges.iter().filter_map(refused).collect()
    }
}

/// A DB snapshot as found: a manual one, one of RDS's own, or one that AWS Backup keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotFound {
    /// Its name.
    pub id: String,
    /// ARN.
    pub arn: String,
    /// The instance it is of.
    pub database: String,
    /// Whom it comes from, as RDS says it: `manual`, `automated`, `awsbackup`, `shared`, `public`.
    pub source: String,
    /// `available`, `creating`, ….
    pub status: String,
    /// When its data was as it is in there.
    pub created: Moment,
    /// `mysql 8.0.36`.
    pub engine: String,
    /// Allocated storage in GiB.
    pub size_gib: u32,
    /// Encrypted at rest.
    pub encrypted: bool,
}

/// How long a locked vault keeps what is put into it: AWS Backup fails a job whose retention is any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultRange {
    /// Vault's name.
    pub vault: String,
    /// Region.
    pub region: String,
    /// Days at least.
    pub min: Option<u32>,
    /// Days at most.
    pub max: Option<u32>,
}

/// The isolated network as found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// DB subnet group.
    pub subnet_group: String,
    /// Ids of its subnets, sorted.
    pub subnets: Vec<String>,
}

/// A bucket of data as found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketFound {
    /// Name.
    pub name: String,
    /// Versioning is enabled.
    pub versioned: bool,
    /// Replication to the DR bucket: what the rule is, or why there is none that counts.
    pub replication: Condition,
    /// Its lifecycle rules that are enabled.
    pub lifecycle: Vec<LifecycleFound>,
    /// All its lifecycle rules.
    pub rules: Vec<RuleFound>,
}

/// How S3 replicates a bucket, as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicationFound {
    /// Name of the bucket.
    pub bucket: String,
    /// Whether versions are kept in it.
    pub versioned: bool,
    /// Name of its replica.
    pub replica: String,
    /// Whether versions are kept there; none where there is no such bucket.
    pub replica_versioned: Option<bool>,
    /// ARN of the role that S3 assumes, where it replicates anything.
    pub role: Option<String>,
    /// All its rules.
    pub rules: Vec<RuleFound>,
    /// Names of the rules of S3's first schema: S3 takes none of the newer one beside them.
    pub first_schema: Vec<String>,
}

/// A rule of a bucket, whoever made it: of its lifecycle, or of its replication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFound {
    /// Its name; empty where it has none.
    pub id: String,
    /// What it does, in the words of S3.
    pub words: String,
    /// It says nothing that this product does not write.
    pub plain: bool,
}

/// A lifecycle rule of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleFound {
    /// Prefix it applies to; everything when empty.
    pub prefix: String,
    /// Days until each storage class: `STANDARD_IA`, `GLACIER`, `DEEP_ARCHIVE`, ….
    pub transitions: Vec<(String, u32)>,
    /// Days until current versions expire.
    pub expires: Option<u32>,
    /// Days until noncurrent versions expire.
    pub noncurrent_expires: Option<u32>,
}

/// The AWS Backup plan as found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFound {
    /// Id.
    pub id: String,
    /// Version id.
    pub version: String,
    /// What it says, as far as this product writes it.
    pub spec: PlanSpec,
}

/// How a key gets new material.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// AWS owns it and sees to that.
    ByAws,
    /// Once in so many days.
    Every(u32),
    /// It does not.
    Off,
    /// AWS cannot: why, a sentence.
    Impossible(String),
}

/// A key under which something is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFound {
    /// What lies under it: `vault bbws-prod`.
    pub name: String,
    /// Its id or ARN as far as known.
    pub id: String,
    /// Region.
    pub region: String,
    /// How it gets new material, or why nobody knows.
    pub rotation: Result<Rotation, String>,
}
