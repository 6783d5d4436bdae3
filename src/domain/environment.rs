//! What the config file says of the platform: environments, their data, their regions and objectives.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::incident::settings::{Drills, Incidents};
pub use super::span::Span;
use super::standby::{Day, RoutingControls, Standby, Third};
pub use super::threshold::Thresholds;
use super::ticket::TicketLinks;

/// One of an environment's two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The primary region, where the config says that the platform runs. Of a copy: what a restore there would lose.
    #[default]
    Primary,
    /// The DR region. Of a copy: what a failover would lose.
    Dr,
}

impl Side {
    /// The word for it in commands and in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Side::Primary => "primary",
            Side::Dr => "dr",
        }
    }

    /// The other one.
    pub fn other(self) -> Side {
        match self {
            Side::Primary => Side::Dr,
            Side::Dr => Side::Primary,
        }
    }
}

/// Whether backups are copied to the DR region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Replication {
    /// No copies.
    Disabled,
    /// Copies are made.
    Enabled,
    /// Copies are made, and a backup without them is not complete.
    Mandatory,
}

/// How long backups are kept, in days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionDays {
    /// No backup may be kept for less.
    pub min: u32,
    /// What a backup gets when nobody says otherwise.
    pub default: u32,
    /// No backup may be kept for longer.
    pub max: u32,
}

/// Engines whose instances this product can snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// MySQL.
    Mysql,
    /// MariaDB.
    Mariadb,
    /// PostgreSQL.
    Postgres,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Mysql => "mysql",
            Engine::Mariadb => "mariadb",
            Engine::Postgres => "postgres",
        })
    }
}

/// An RDS instance of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// DB instance identifier.
    pub id: String,
    /// Engine.
    pub engine: Engine,
    /// Cross-region read replica, where there is one.
    pub dr_replica: Option<String>,
    /// Secret whose JSON tells the application host, port, username, password and dbname of this database.
    pub endpoint_secret: Option<String>,
    /// How a restored instance takes its place; `rename` where left out.
    pub cutover: Option<Cutover>,
    /// What the config calls it, where another instance is live in its place; never of the config itself. See
    /// [`super::live`].
    #[serde(skip)]
    pub declared: Option<String>,
}

impl Database {
    /// What people call it, and the names of what is made of it begin with: its id in the config.
    pub fn name(&self) -> &str {
        self.declared.as_deref().unwrap_or(&self.id)
    }

    /// Whether this is its id in the config, or the instance that is live in its place.
    pub fn is_called(&self, name: &str) -> bool {
        self.id.eq_ignore_ascii_case(name) || self.name().eq_ignore_ascii_case(name)
    }
}

/// How a restored instance takes the place of the one that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cutover {
    /// It gets its name.
    Rename,
    /// The application's secret gets a new version.
    Secret,
}

/// What restores of an environment go by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Restoring {
    /// DB subnet group of clones, cut off from the platform; see [`Environment::isolated_subnet_group`].
    pub subnet_group: Option<String>,
    /// How long health is watched after a cutover.
    pub health_watch: Span,
    /// Whether a restore whose health or validation fails after the cutover is rolled back by itself.
    pub auto_roll_back: bool,
    /// How long what was live before is kept.
    pub keep_before: Span,
}

impl Default for Restoring {
    fn default() -> Restoring {
        let minutes = |m: u64| Span(Duration::from_secs(m * 60));
        Restoring { subnet_group: None, health_watch: minutes(5), auto_roll_back: true, keep_before: minutes(7 * 1440) }
    }
}

/// An EFS file system of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSystem {
    /// `fs-…`.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// A bucket of the platform's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bucket {
    /// Bucket in the primary region.
    pub name: String,
    /// Its replica in the DR region.
    pub dr: Option<String>,
}

/// A lifecycle rule that a bucket is to have, in days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LifecycleRule {
    /// Bucket of data, or the one of archives.
    pub bucket: String,
    /// What its objects' keys begin with; everything where left out.
    #[serde(default)]
    pub prefix: String,
    /// Only archives that are to be kept for so many days, as their tag says; all where left out.
    pub retention: Option<u32>,
    /// Its name in S3: one that is there is replaced. A name of ours where left out.
    pub id: Option<String>,
    /// Until objects move into Standard-IA.
    pub ia: Option<u32>,
    /// Until they move into Glacier Flexible Retrieval.
    pub glacier: Option<u32>,
    /// Until they move into Glacier Deep Archive.
    pub deep_archive: Option<u32>,
    /// Until they expire.
    pub expire: Option<u32>,
    /// Until versions that are no longer current expire.
    pub noncurrent: Option<u32>,
}

/// What the AWS Backup plan of an environment does besides backing up databases and file systems by schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsBackup {
    /// Days until recovery points move into cold storage, of the rules that keep them for long enough.
    pub cold_after: Option<u32>,
    /// Days for which continuous backups are kept, from which any second can be restored; none are made where left out.
    pub continuous: Option<u32>,
    /// Whether it backs up the buckets of data, too.
    #[serde(default)]
    pub buckets: bool,
}

impl AwsBackup {
    /// AWS Backup keeps continuous backups for no longer, in days.
    pub const CONTINUOUS_DAYS: u32 = 35;
    /// AWS Backup keeps what is in cold storage for no less, in days.
    pub const COLD_DAYS: u32 = 90;
}

/// How S3 replicates the buckets of an environment to the DR region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Replication {
    /// ARN of the role that S3 assumes.
    pub role: String,
    /// Name of the rule in S3: one that is there is replaced. A name of ours where left out.
    pub rule: Option<String>,
    /// Whether what is deleted in a bucket of data is deleted in its replica, too. Of archives it never is.
    #[serde(default)]
    pub delete_markers: bool,
}

/// A logical dump of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dump {
    /// DB instance identifier.
    pub database: String,
    /// Engine, which decides the dump program.
    pub engine: Engine,
    /// Secrets Manager secret whose JSON has `host`, `port`, `username`, `password`.
    pub secret: String,
    /// Schemas (PostgreSQL: databases) to dump; all of the server's where empty.
    #[serde(default)]
    pub schemas: Vec<String>,
    /// Secret, as `secret`, with the login of a server of the test's own, into which `backup validate` loads the newest dump.
    /// Without it dumps are read to their end and not loaded.
    pub load_test: Option<String>,
}

/// What the config says of a tier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierPromise {
    /// Most data that may be lost.
    pub rpo: Span,
    /// Longest outage that is acceptable.
    pub rto: Span,
    /// What is in it: kinds (`rds`, `secrets`, …), DB instance ids, ids or names of file systems, buckets. A name goes before
    /// the kind it is of.
    pub of: Vec<String>,
}

/// What something costs, in millionths of a dollar; written as `"0.095"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Price(pub u64);

impl Price {
    /// Reads dollars with up to six digits behind the point.
    ///
    /// # Errors
    /// A sentence that names the text and the form that is accepted.
    pub fn parse(text: &str) -> Result<Price, String> {
        let wrong = || format!("`{text}` is not a price in dollars; write one such as `0.095`");
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || whole.len() > 6 || part.len() > 6 {
            return Err(wrong());
        }
        let micros = format!("{whole}{part:0<6}").parse().map_err(|_| wrong())?;
        Ok(Price(micros))
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Price::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Grandfather, father, son: how many backups of each tier are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionTiers {
    /// Days a daily backup is kept.
    pub daily: u32,
    /// Weeks a weekly backup is kept.
    pub weekly: u32,
    /// Months a monthly backup is kept.
    pub monthly: u32,
    /// Years a yearly backup is kept.
    pub yearly: u32,
}

/// One weighted record that steers traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsRecord {
    /// Fully qualified name, with the final dot.
    pub name: String,
    /// Record type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Set identifier of the record of the primary region.
    pub primary: String,
    /// Set identifier of the record of the DR region.
    pub dr: String,
}

/// The environment's weighted DNS records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// Hosted zone id.
    pub hosted_zone: String,
    /// Records of that zone.
    pub records: Vec<DnsRecord>,
    /// ARC routing controls that steer traffic without a control plane.
    pub routing_controls: Option<RoutingControls>,
    /// As [`Standby::third`]; kept there once the file is read.
    pub third: Option<Third>,
    /// As [`Standby::primary_kms_key`], likewise.
    pub primary_kms_key: Option<String>,
    /// As [`Standby::stack`], likewise.
    pub stack: Option<String>,
    /// As [`Standby::manual`], likewise.
    #[serde(default)]
    pub manual: Vec<String>,
    /// As [`Standby::runbook`], likewise.
    pub runbook: Option<String>,
    /// As [`Standby::runbook_reviewed`], likewise.
    pub runbook_reviewed: Option<Day>,
}

/// One ECS service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Service name.
    pub name: String,
    /// Desired task count when it serves traffic.
    pub desired: u32,
}

/// The environment's ECS services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Services {
    /// ECS cluster name.
    pub cluster: String,
    /// Services of that cluster.
    pub services: Vec<Service>,
}

/// What "up" means for the environment, asked from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Addresses that answer 2xx when the platform serves.
    pub urls: Vec<String>,
}

/// A tenant's share of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// DB instance that holds the tenant's schema.
    pub database: Option<String>,
    /// The tenant's schema in that database.
    pub schema: Option<String>,
    /// File system that holds the tenant's files.
    pub file_system: Option<String>,
    /// The tenant's folder on that file system.
    pub path: Option<String>,
    /// Prefix of the tenant's secret names.
    pub secrets_prefix: Option<String>,
}

/// A question that whoever runs the platform can answer by rule, and that right data answers with true. It is asked of
/// restored data only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedCheck {
    /// DB instance identifier.
    pub database: String,
    /// Schema (PostgreSQL: schema or database) in which the query's tables are.
    pub schema: String,
    /// One `SELECT` whose one row has one column that is true.
    pub query: String,
}

/// One environment: an AWS account, its regions, its data and what is promised for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// The table's key in the config file: `dev`, `sit`, `prod`.
    #[serde(skip_deserializing, default)]
    pub name: String,
    /// 12-digit AWS account id.
    pub account: String,
    /// Where the platform runs.
    pub primary_region: String,
    /// Where it runs after a failover.
    pub dr_region: String,
    /// Whether backups are copied to the DR region.
    pub replication: Replication,
    /// How long backups are kept.
    pub retention_days: RetentionDays,
    /// Most data that may be lost.
    pub rpo: Span,
    /// Longest outage that is acceptable.
    pub rto: Span,
    /// Role to assume for every call in this account; the process's own identity where left out.
    pub assume_role: Option<String>,
    /// Channel of notices about this environment; the ops channel where left out.
    pub channel: Option<String>,
    /// AWS Backup vault in the primary region.
    pub vault: String,
    /// AWS Backup vault in the DR region.
    pub dr_vault: Option<String>,
    /// Bucket in the primary region that receives exported secrets.
    pub secrets_bucket: Option<String>,
    /// Its replica in the DR region.
    pub dr_secrets_bucket: Option<String>,
    /// Role that AWS Backup assumes.
    pub backup_role: String,
    /// KMS key of the DR region under which copies are encrypted.
    pub dr_kms_key: Option<String>,
    /// RDS instances.
    #[serde(default)]
    pub databases: Vec<Database>,
    /// EFS file systems.
    #[serde(default)]
    pub file_systems: Vec<FileSystem>,
    /// Prefix of the names of the environment's secrets.
    pub secrets_prefix: Option<String>,
    /// Weighted DNS records.
    pub dns: Option<Dns>,
    /// ECS services.
    pub services: Option<Services>,
    /// What "up" means.
    pub health: Option<Health>,
    /// Tenants by id.
    #[serde(default)]
    pub tenants: BTreeMap<String, Tenant>,
    /// Prefix of the names of the environment's SSM parameters: the type `config`.
    pub parameters_prefix: Option<String>,
    /// Names of parameters without which a backup of configuration is not good.
    #[serde(default)]
    pub required_parameters: Vec<String>,
    /// Buckets whose contents are the platform's data: the type `s3`.
    #[serde(default)]
    pub buckets: Vec<Bucket>,
    /// Logical dumps: the type `dump`.
    #[serde(default)]
    pub dumps: Vec<Dump>,
    /// Storage class that dumps are written in; Standard where left out.
    pub dump_storage_class: Option<String>,
    /// KMS key of the primary region whose data keys encrypt dumps before they leave the process.
    pub dump_kms_key: Option<String>,
    /// How often a backup is promised: an AWS Backup cron expression in UTC (see `domain::schedule`). The watcher holds the environment to it.
    pub schedule: Option<String>,
    /// When bbws starts by itself what AWS does not: a rhythm for each routine that is wished for, see [`super::routine`].
    #[serde(default)]
    pub schedules: BTreeMap<String, String>,
    /// A recovery point is restored for a test at least this often.
    pub restore_test: Option<Span>,
    /// A test restore by schedule takes a random recovery point that is no older; the newest where left out.
    pub restore_test_window: Option<Span>,
    /// DB subnet group that test restores are put into, cut off from the platform; `bbws-isolated` where left out.
    pub restore_test_subnet_group: Option<String>,
    /// Security groups of test restores; none but the isolated network's default where left out.
    #[serde(default)]
    pub restore_test_security_groups: Vec<String>,
    /// How many daily, weekly, monthly and yearly backups are kept.
    pub retention_tiers: Option<RetentionTiers>,
    /// Days for which backups of one kind are kept, in place of the environment's default and its tiers. It may be over
    /// `retention_days.max`, and is never under `min`. A backup of everything keeps all its parts alike.
    #[serde(default)]
    pub retention: BTreeMap<String, u32>,
    /// Namespace of CloudWatch that BackupSuccess, RestoreSuccess and RestoreValidationSuccess of each resource are put into, in the
    /// region of the topics; nothing is put anywhere where left out.
    pub cloudwatch: Option<String>,
    /// Lifecycle rules that buckets are to have; see `domain::operations::lifecycle`.
    #[serde(default)]
    pub lifecycle: Vec<LifecycleRule>,
    /// What the AWS Backup plan does besides; see `domain::operations::schedule`.
    pub backup_plan: Option<AwsBackup>,
    /// How buckets are to be replicated by S3; see `domain::operations::lifecycle`.
    pub s3_replication: Option<S3Replication>,
    /// What is promised of each service tier, by the tier's name; see [`super::tier`]. What none names is held to `rpo` and `rto`.
    #[serde(default)]
    pub tiers: BTreeMap<String, TierPromise>,
    /// What AWS bills in these regions, on which alone rests what is told of costs: a GiB of backups a month, by kind (`rds`); a GiB
    /// of a type of storage a month (`gp3`); an instance class an hour, in one zone (`db.r6g.large`).
    #[serde(default)]
    pub prices: BTreeMap<String, Price>,
    /// How much of what those before it held a backup has to hold.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// Named questions to restored data, by name.
    #[serde(default)]
    pub checks: BTreeMap<String, NamedCheck>,
    /// What restores go by.
    #[serde(default)]
    pub restore: Restoring,
    /// What stands ready in the DR region, and what a failover goes by.
    #[serde(default)]
    pub dr: Standby,
    /// How often drills are due.
    #[serde(default)]
    pub drills: Drills,
    /// What incidents go by: the same in every environment.
    #[serde(skip)]
    pub incidents: Incidents,
    /// Where tickets are read: the same in every environment.
    #[serde(skip)]
    pub tickets: Option<TicketLinks>,
    /// The side this describes: as the config has it, or as it is after a failover ([`super::active::Active::environment`]).
    #[serde(skip)]
    pub side: Side,
}

/// The environment that users depend on, which is guarded more than others.
pub const PRODUCTION: &str = "prod";

/// DB subnet group of test restores where the config names none.
pub const ISOLATED: &str = "bbws-isolated";

impl Environment {
    /// A tenant by its id.
    ///
    /// # Errors
    /// A sentence that names those there are.
    pub fn tenant(&self, id: &str) -> Result<(&str, &Tenant), String> {
        self.tenants.get_key_value(id).map(|(k, v)| (k.as_str(), v)).ok_or_else(|| {
            let known: Vec<String> = self.tenants.keys().map(|k| format!("`{k}`")).collect();
            let known =
                if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
            format!("`{}` has no tenant `{id}`; {known}.", self.name)
        })
    }

    /// The secret with which a database is signed in to, where the config names one.
    pub fn login(&self, database: &str) -> Option<&str> {
        self.dumps.iter().find(|dump| dump.database == database).map(|dump| dump.secret.as_str())
    }

    /// The region of a side of it.
    pub fn region(&self, side: Side) -> &str {
        match side {
            Side::Primary => &self.primary_region,
            Side::Dr => &self.dr_region,
        }
    }

    /// The ECS cluster of the DR region.
    pub fn standby_cluster(&self) -> Option<&str> {
        self.dr.cluster.as_deref().or(self.services.as_ref().map(|services| services.cluster.as_str()))
    }

    /// Whether backups of this environment get a copy in the DR region.
    pub fn replicates(&self) -> bool {
        self.replication != Replication::Disabled
    }

    /// The buckets that have a replica, and its name: those of data, then the one of archives.
    pub fn replicated_buckets(&self) -> impl Iterator<Item = (&str, &str)> {
        let data = self.buckets.iter().filter_map(|bucket| Some((bucket.name.as_str(), bucket.dr.as_deref()?)));
        let archives = self.secrets_bucket.as_deref().zip(self.dr_secrets_bucket.as_deref());
        data.chain(archives).filter(|_| self.replicates())
    }

    /// Where clones and test restores are put.
    pub fn isolated_subnet_group(&self) -> &str {
        let named = self.restore.subnet_group.as_deref().or(self.restore_test_subnet_group.as_deref());
        named.unwrap_or(ISOLATED)
    }

    /// The AWS Backup plan that is kept for it.
    pub fn plan_name(&self) -> String {
        format!("bbws-{}", self.name)
    }

    /// ARN of a file system of its, in the primary region.
    pub fn file_system_arn(&self, id: &str) -> String {
        format!("arn:aws:elasticfilesystem:{}:{}:file-system/{id}", self.primary_region, self.account)
    }

    /// ARN of a bucket, which names neither region nor account.
    pub fn bucket_arn(name: &str) -> String {
        format!("arn:aws:s3:::{name}")
    }

    /// ARN of a DB instance of its, in the primary region.
    pub fn database_arn(&self, id: &str) -> String {
        format!("arn:aws:rds:{}:{}:db:{id}", self.primary_region, self.account)
    }

    /// ARN of the DR vault, where copies go.
    pub fn dr_vault_arn(&self) -> Option<String> {
        let vault = self.dr_vault.as_ref().filter(|_| self.replicates())?;
        Some(format!("arn:aws:backup:{}:{}:backup-vault:{vault}", self.dr_region, self.account))
    }
}
