//! What the simulated AWS holds: accounts, regions and everything in them, grown from the config.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::{
    estate::{Contents, DataObject, Deleted, Hold, Instance, PastJob, Plan},
    files::RestoredFiles,
    time::{Course, rng_for},
};
use crate::{
    domain::{
        environment::{Engine, Environment},
        moment::Moment,
        world::LifecycleFound,
    },
    ports::cloud::{Call, CloudError},
};

/// The tag that tells whose a resource is.
pub(super) const TAG_OPERATION: &str = "bbws:operation";
/// The tag that tells how long a resource is kept.
pub(super) const TAG_RETENTION: &str = "bbws:retention-days";
/// The tag that tells which tenant a resource is narrowed to.
pub(super) const TAG_TENANT: &str = "bbws:tenant";
/// The tag that tells which environment a resource belongs to.
pub(super) const TAG_ENVIRONMENT: &str = "bbws:environment";
/// AWS's own keys, used where the config names none.
pub(super) const RDS_KEY: &str = "alias/aws/rds";
pub(super) const BACKUP_KEY: &str = "alias/aws/backup";
pub(super) const S3_KEY: &str = "alias/aws/s3";

/// Bytes of a GiB.
pub(super) const GIB: u64 = 1 << 30;

pub(super) type Tags = BTreeMap<String, String>;

/// A simulated DB instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimDatabase {
    /// `mysql`, ….
    pub engine: String,
    /// `8.0.36`.
    pub version: String,
    /// Allocated storage in GiB.
    pub size_gib: u32,
    /// Storage encrypted.
    pub encrypted: bool,
    /// Multi-AZ.
    pub multi_az: bool,
    /// What it is when no snapshot is being made of it: `available`, `stopped`, ….
    pub status: String,
    /// Days of automated backups; 0 is none.
    #[serde(default = "one_day")]
    pub automated_days: u32,
    /// Window of automated backups in UTC.
    #[serde(default = "night")]
    pub window: String,
    /// What is in it.
    #[serde(default)]
    pub contents: Contents,
    /// Whatever is restored from now on has lost rows.
    #[serde(default)]
    pub restores_badly: bool,
}

/// A simulated file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimFileSystem {
    /// Metered size in bytes.
    pub size_bytes: u64,
    /// Encrypted at rest.
    pub encrypted: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) arn: String,
    pub(super) enabled: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Snapshot {
    /// DB instance id for a snapshot, ARN of the source for a copy.
    pub(super) source: String,
    pub(super) copy: bool,
    pub(super) course: Course,
    pub(super) size_gib: u32,
    pub(super) encrypted: bool,
    pub(super) key: String,
    pub(super) tags: Tags,
    /// DB instance id, also of a copy.
    #[serde(default)]
    pub(super) database: String,
    /// Time of the data where it is not that of its own making: copies.
    #[serde(default)]
    pub(super) data: Option<Moment>,
    /// RDS accepts its deletion once without carrying it out.
    #[serde(default)]
    pub(super) sticks: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RecoveryPoint {
    pub(super) resource_arn: String,
    /// Hidden until it is done.
    pub(super) course: Course,
    pub(super) size_bytes: u64,
    pub(super) encrypted: bool,
    pub(super) retention_days: u32,
    pub(super) tags: Tags,
    /// Time of the data where it is not that of its own making: copies keep their source's.
    #[serde(default)]
    pub(super) data: Option<Moment>,
    /// AWS said it would delete it, and could not.
    #[serde(default)]
    pub(super) expired: bool,
    /// AWS accepts its deletion once without carrying it out.
    #[serde(default)]
    pub(super) sticks: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Vault {
    pub(super) arn: String,
    pub(super) key: String,
    pub(super) points: BTreeMap<String, RecoveryPoint>,
    /// Under a vault lock: nothing in it can be deleted before its time.
    #[serde(default)]
    pub(super) locked: bool,
}

/// A backup or copy job of AWS Backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) copy: bool,
    pub(super) resource_arn: String,
    /// Until then it is only CREATED; if its turn has not come by then it is PENDING.
    pub(super) accepted: Moment,
    pub(super) course: Course,
    pub(super) recovery_point: String,
    pub(super) size_bytes: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Object {
    /// Visible from its end on: at once for what was put, later for a replica.
    pub(super) course: Course,
    /// How replication of it goes, where a rule covered it when it was put.
    pub(super) replication: Option<Replica>,
    pub(super) size: u64,
    pub(super) sha256: String,
    pub(super) version_id: String,
    pub(super) count: usize,
    pub(super) key: String,
    pub(super) tags: Tags,
    /// What it is a backup of; empty in files of earlier programs.
    #[serde(default)]
    pub(super) resource: String,
    /// Time of the data where it is not that of its own making: replicas.
    #[serde(default)]
    pub(super) data: Option<Moment>,
    /// Version ids of what is in it, by name: exports of secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) versions: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Replica {
    pub(super) region: String,
    pub(super) bucket: String,
    pub(super) course: Course,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Bucket {
    pub(super) key: String,
    /// Region and name of the bucket that new objects are replicated to.
    pub(super) rule: Option<(String, String)>,
    pub(super) objects: BTreeMap<String, Object>,
    /// Objects of the platform, not archives.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) data: BTreeMap<String, DataObject>,
    /// Versioning was switched off.
    #[serde(default)]
    pub(super) unversioned: bool,
    #[serde(default)]
    pub(super) lifecycle: Vec<LifecycleFound>,
}

/// One region of one account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Region {
    pub(super) databases: BTreeMap<String, SimDatabase>,
    pub(super) file_systems: BTreeMap<String, SimFileSystem>,
    pub(super) secrets: BTreeSet<String>,
    pub(super) keys: BTreeMap<String, Key>,
    pub(super) vaults: BTreeMap<String, Vault>,
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) snapshots: BTreeMap<String, Snapshot>,
    pub(super) jobs: BTreeMap<String, Job>,
    /// What a token was used for, and the job it made.
    pub(super) tokens: HashMap<String, (String, String)>,
    /// Until when the instance is busy with a snapshot.
    pub(super) backing_up: HashMap<String, Moment>,
    /// Until when the resource is busy with a backup job.
    pub(super) busy: HashMap<String, Moment>,
    /// Ends of backup copies that left from here, and of snapshot copies that arrive here.
    pub(super) copies: Slots,
    pub(super) snapshot_copies: Slots,
    /// Names of SSM parameters, and whether each is a SecureString.
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, bool>,
    /// How often a secret was rotated, where it was.
    #[serde(default)]
    pub(super) rotations: BTreeMap<String, u32>,
    #[serde(default)]
    pub(super) subnet_groups: BTreeSet<String>,
    #[serde(default)]
    pub(super) plans: BTreeMap<String, Plan>,
    #[serde(default)]
    pub(super) holds: BTreeMap<String, Hold>,
    /// DB instances that were restored for a test.
    #[serde(default)]
    pub(super) instances: BTreeMap<String, Instance>,
    /// File systems that were restored for a test, by their creation token.
    #[serde(default)]
    pub(super) restored_files: BTreeMap<String, RestoredFiles>,
    /// File systems of which whatever is restored from now on has lost files.
    #[serde(default)]
    pub(super) restores_badly: BTreeSet<String>,
    #[serde(default)]
    pub(super) past_jobs: Vec<PastJob>,
    /// Until when an instance is being modified.
    #[serde(default)]
    pub(super) modifying: BTreeMap<String, Course>,
    /// What was deleted by an operation: a snapshot's name, a recovery point's ARN, an instance's name.
    #[serde(default)]
    pub(super) deleted: BTreeMap<String, Deleted>,
}

impl Region {
    /// A key by its alias or ARN.
    pub(super) fn key(&self, name: &str) -> Option<&Key> {
        self.keys.get(name).or_else(|| self.keys.values().find(|k| k.arn == name))
    }

    /// Whether what is encrypted under this key can be read here; otherwise why not.
    pub(super) fn usable_key(&self, region: &str, name: &str) -> Result<String, String> {
        match self.key(name) {
            None => Err(format!("KMS key {name} does not exist in {region}; create it there or correct the config")),
            Some(key) if !key.enabled => Err(format!("KMS key {name} in {region} is disabled; enable it")),
            Some(key) => Ok(key.arn.clone()),
        }
    }
}

/// Turns for things of which only so many run at once.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Slots(Vec<Moment>);

impl Slots {
    /// When one more may begin if `limit` run at once.
    pub(super) fn turn(&mut self, now: Moment, limit: usize) -> Moment {
        self.0.retain(|end| *end > now);
        if self.0.len() < limit { now } else { self.0[self.0.len() - limit] }
    }

    /// Takes the turn until `end`.
    pub(super) fn take(&mut self, end: Moment) {
        let at = self.0.partition_point(|e| *e <= end);
        self.0.insert(at, end);
    }
}

/// Everything there is, by account and region.
#[derive(Serialize, Deserialize)]
pub(super) struct Aws {
    pub(super) seed: u64,
    pub(super) accounts: BTreeMap<String, BTreeMap<String, Region>>,
    /// What was grown into it; an older file grows the rest when it is taken up.
    #[serde(default)]
    pub(super) grown: u32,
    /// By environment and component: so many milliseconds it lags at least.
    #[serde(default)]
    pub(super) lagging: BTreeMap<String, u64>,
}

impl Aws {
    /// What the environments describe, as if it had been there for long.
    pub(super) fn grown_from(environments: &BTreeMap<String, Environment>, seed: u64, now: Moment) -> Aws {
        let mut aws = Aws { seed, accounts: BTreeMap::new(), grown: 0, lagging: BTreeMap::new() };
        for environment in environments.values() {
            aws.grow_primary(environment);
            aws.grow_dr(environment);
        }
        aws.grow_further(environments, now);
        aws
    }

    pub(super) fn region(&self, account: &str, region: &str) -> Result<&Region, CloudError> {
        self.accounts.get(account).and_then(|r| r.get(region)).ok_or_else(|| no_region(account, region))
    }

    pub(super) fn region_mut(&mut self, account: &str, region: &str) -> Result<&mut Region, CloudError> {
        self.accounts.get_mut(account).and_then(|r| r.get_mut(region)).ok_or_else(|| no_region(account, region))
    }

    pub(super) fn plot(&mut self, account: &str, region: &str) -> &mut Region {
        let plot = self.accounts.entry(account.to_owned()).or_default().entry(region.to_owned()).or_default();
        for alias in [RDS_KEY, BACKUP_KEY, S3_KEY] {
            plot.keys.entry(alias.to_owned()).or_insert_with(|| key(account, region, alias));
        }
        plot
    }

    fn grow_primary(&mut self, environment: &Environment) {
        let seed = self.seed;
        let (account, region) = (environment.account.as_str(), environment.primary_region.as_str());
        let plot = self.plot(account, region);
        for db in &environment.databases {
            plot.databases.insert(db.id.clone(), database(seed, &db.id, db.engine));
        }
        for fs in &environment.file_systems {
            let size_bytes = rng_for(seed, &fs.id).random_range(20 * GIB..120 * GIB);
            plot.file_systems.insert(fs.id.clone(), SimFileSystem { size_bytes, encrypted: true });
        }
        plot.secrets.extend(secrets(environment));
        plot.vaults.insert(environment.vault.clone(), vault(account, region, &environment.vault, BACKUP_KEY));
        if let Some(name) = &environment.secrets_bucket {
            let rule = environment.dr_secrets_bucket.clone().filter(|_| environment.replicates());
            let rule = rule.map(|bucket| (environment.dr_region.clone(), bucket));
            plot.buckets.insert(name.clone(), Bucket { key: S3_KEY.to_owned(), rule, ..Bucket::default() });
        }
    }

    fn grow_dr(&mut self, environment: &Environment) {
        let (account, region) = (environment.account.as_str(), environment.dr_region.as_str());
        let plot = self.plot(account, region);
        if let Some(alias) = &environment.dr_kms_key {
            plot.keys.entry(alias.clone()).or_insert_with(|| key(account, region, alias));
        }
        let own = environment.dr_kms_key.clone();
        if let Some(name) = &environment.dr_vault {
            let under = own.as_deref().unwrap_or(BACKUP_KEY);
            plot.vaults.insert(name.clone(), vault(account, region, name, under));
        }
        if let Some(name) = &environment.dr_secrets_bucket {
            let under = own.unwrap_or_else(|| S3_KEY.to_owned());
            plot.buckets.insert(name.clone(), Bucket { key: under, ..Bucket::default() });
        }
    }
}

pub(super) fn key(account: &str, region: &str, alias: &str) -> Key {
    // An ARN in the config names the key itself.
    if alias.starts_with("arn:") {
        return Key { arn: alias.to_owned(), enabled: true };
    }
    let id = super::time::uuid_for(0, &format!("{account}/{region}/{alias}"));
    Key { arn: format!("arn:aws:kms:{region}:{account}:key/{id}"), enabled: true }
}

fn vault(account: &str, region: &str, name: &str, key: &str) -> Vault {
    let arn = format!("arn:aws:backup:{region}:{account}:backup-vault:{name}");
    Vault { arn, key: key.to_owned(), ..Vault::default() }
}

pub(super) fn database(seed: u64, id: &str, engine: Engine) -> SimDatabase {
    let mut rng = rng_for(seed, id);
    let version = match engine {
        Engine::Mysql => format!("8.0.{}", rng.random_range(35..=40)),
        Engine::Mariadb => format!("10.11.{}", rng.random_range(6..=9)),
        Engine::Postgres => format!("16.{}", rng.random_range(2..=6)),
    };
    SimDatabase {
        engine: engine.to_string(),
        version,
        size_gib: rng.random_range(2..=8) * 50,
        encrypted: true,
        multi_az: true,
        status: "available".to_owned(),
        automated_days: one_day(),
        window: night(),
        contents: Contents::of(seed, id),
        restores_badly: false,
    }
}

fn one_day() -> u32 {
    1
}

fn night() -> String {
    "02:00-02:30".to_owned()
}

/// Four of the platform and one or more of every tenant.
fn secrets(environment: &Environment) -> Vec<String> {
    let Some(prefix) = &environment.secrets_prefix else { return Vec::new() };
    let mut names: Vec<String> = ["db-master", "smtp", "wordpress/auth-keys", "wordpress/salts"]
        .iter()
        .map(|n| format!("{prefix}{n}"))
        .collect();
    for tenant in environment.tenants.values().filter_map(|t| t.secrets_prefix.as_ref()) {
        names.push(format!("{tenant}db"));
        names.push(format!("{tenant}wp-admin"));
    }
    names
}

fn no_region(account: &str, region: &str) -> CloudError {
    permanent(format!("account {account} has nothing in {region}; correct the region in the config"))
}

pub(super) fn permanent(reason: impl Into<String>) -> CloudError {
    CloudError::Permanent { reason: reason.into() }
}

pub(super) fn retryable(reason: impl Into<String>) -> CloudError {
    CloudError::Retryable { reason: reason.into(), after: None }
}

/// A call's tags as AWS keeps them.
pub(super) fn tags_of(call: &Call) -> Tags {
    call.tags.iter().cloned().collect()
}

/// Whether a resource with these tags was made by this call's operation.
pub(super) fn is_ours(tags: &Tags, call: &Call) -> bool {
    tags.get(TAG_OPERATION) == Some(&call.operation.0)
}
