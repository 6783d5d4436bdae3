//! Everything a step can do, as data.

use serde::{Deserialize, Serialize};

use crate::domain::{environment::Engine, mark::MarkKind, moment::Moment};

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
    /// Reads SSM parameters (SecureStrings stay encrypted) and Secrets Manager metadata and writes them as one SSE-KMS
    /// encrypted object (`If-None-Match: *`, SHA-256).
    #[serde(rename = "config.export")]
    ConfigExport {
        /// Region of the parameters and the bucket.
        region: String,
        /// Prefix of the parameters' names.
        parameters_prefix: String,
        /// Prefix of the names of secrets whose metadata is taken along.
        secrets_prefix: Option<String>,
        /// Bucket.
        bucket: String,
        /// Object key.
        key: String,
    },
    /// Writes down the current version of every object of a bucket as one object, compressed JSON lines.
    #[serde(rename = "s3.record")]
    BucketRecord {
        /// Region of both buckets.
        region: String,
        /// Bucket whose versions are recorded.
        source: String,
        /// Bucket of the record.
        bucket: String,
        /// The record's key.
        key: String,
    },
    /// Verifies that a bucket is versioned, is replicated to its replica, and that a sample of its newest objects arrived there. Reads only.
    #[serde(rename = "verify.bucket")]
    VerifyBucket {
        /// Region of the bucket.
        region: String,
        /// Bucket.
        bucket: String,
        /// Region and name of its replica; none where the environment does not replicate.
        replica: Option<(String, String)>,
        /// Objects looked at.
        sample: u32,
    },
    /// Verifies a bucket's lifecycle rules: none may delete what has to be kept. Reads only.
    #[serde(rename = "verify.lifecycle")]
    VerifyLifecycle {
        /// Region of the bucket.
        region: String,
        /// Bucket.
        bucket: String,
        /// Prefix under which what has to be kept lies; everything when empty.
        prefix: String,
        /// Days nothing may expire before.
        min_days: u32,
    },
    /// Dumps a database into an archive: compressed, encrypted in this process under a data key, in parts.
    #[serde(rename = "dump.export")]
    DumpExport {
        /// Region of the bucket, the key and the secret.
        region: String,
        /// DB instance identifier.
        database: String,
        /// Engine.
        engine: Engine,
        /// Secret with `host`, `port`, `username`, `password`.
        secret: String,
        /// Schemas; all when empty.
        schemas: Vec<String>,
        /// Bucket.
        bucket: String,
        /// Object key.
        key: String,
        /// KMS key of the data key.
        kms_key: String,
    },
    /// Verifies an archive of `dump.export`: reads it whole, its hashes and its table of contents. Reads only.
    #[serde(rename = "verify.dump")]
    VerifyDump {
        /// Region of the bucket.
        region: String,
        /// Bucket.
        bucket: String,
        /// Object key.
        key: String,
        /// Engine.
        engine: Engine,
        /// Retention the tag has to show, in days.
        retention_days: u32,
    },
    /// `backup:CreateBackupPlan` and `CreateBackupSelection`, or `UpdateBackupPlan`: the plan becomes what `spec` says.
    #[serde(rename = "backup.plan")]
    PutPlan {
        /// Region of the plan.
        region: String,
        /// Name of the plan.
        name: String,
        /// What it says from then on.
        spec: PlanSpec,
    },
    /// `rds:ModifyDBInstance`: retention and window of automated backups.
    #[serde(rename = "rds.automated_backups")]
    AutomatedBackups {
        /// Region of the instance.
        region: String,
        /// DB instance identifier.
        database: String,
        /// Days of retention.
        days: u32,
        /// Window in UTC, `02:00-02:30`; as it is where left out.
        window: Option<String>,
    },
    /// `rds:DeleteDBSnapshot`, and a look whether it is gone.
    #[serde(rename = "rds.delete_snapshot")]
    DeleteSnapshot {
        /// Region of the snapshot.
        region: String,
        /// Snapshot's name.
        snapshot: String,
    },
    /// `backup:DeleteRecoveryPoint`, and a look whether it is gone: 200 alone does not mean it.
    #[serde(rename = "backup.delete_point")]
    DeletePoint {
        /// Region of the vault.
        region: String,
        /// Vault.
        vault: String,
        /// ARN of the recovery point.
        recovery_point: String,
    },
    /// `backup:CreateLegalHold` over the resource's points of one vault that were made within the same second.
    #[serde(rename = "backup.hold")]
    LegalHold {
        /// Region of the vault.
        region: String,
        /// Vault.
        vault: String,
        /// ARN of the resource.
        resource_arn: String,
        /// Time of the point's data.
        created: Moment,
        /// Title of the hold; names the ticket.
        title: String,
    },
    /// `backup:CancelLegalHold`.
    #[serde(rename = "backup.release")]
    ReleaseHold {
        /// Region of the hold.
        region: String,
        /// Id of the hold.
        hold: String,
        /// Why, for AWS's record.
        description: String,
    },
    /// `rds:AddTagsToResource` or `RemoveTagsFromResource` on a snapshot.
    #[serde(rename = "rds.tag_snapshot")]
    TagSnapshot {
        /// Region of the snapshot.
        region: String,
        /// ARN of the snapshot.
        arn: String,
        /// Tag.
        key: String,
        /// Its value; none removes it.
        value: Option<String>,
    },
    /// `rds:RestoreDBInstanceFromDBSnapshot` into the isolated network, not reachable from the platform.
    #[serde(rename = "rds.restore_test")]
    RestoreTest {
        /// Region of the snapshot.
        region: String,
        /// Snapshot's name.
        snapshot: String,
        /// Name of the instance to make.
        instance: String,
        /// DB subnet group.
        subnet_group: String,
        /// VPC security groups.
        security_groups: Vec<String>,
    },
    /// Compares a restored instance with its source over a connection: login, schema, rows, canary. Reads AWS only.
    #[serde(rename = "verify.database")]
    VerifyDatabase {
        /// Region of both.
        region: String,
        /// The restored instance.
        instance: String,
        /// The source.
        database: String,
        /// Engine.
        engine: Engine,
        /// Secret with the source's credentials; none: only the instance is looked at.
        secret: Option<String>,
        /// Schemas to compare; all when empty.
        schemas: Vec<String>,
        /// Schemas that hold a tenant's WordPress.
        wordpress: Vec<String>,
        /// When the data was as it is in there. What the source got since is no fault of the backup.
        data_of: Moment,
        /// How much older than that its newest row may be, in seconds.
        rpo_seconds: u64,
    },
    /// `rds:DeleteDBInstance` of an instance that this product restored, without a final snapshot, and a look whether it is gone.
    #[serde(rename = "rds.delete_instance")]
    DeleteInstance {
        /// Region of the instance.
        region: String,
        /// Its name, which begins as its source's and ends in `-restored-<op>`.
        instance: String,
        /// Operation it has to be tagged with.
        operation: String,
    },
    /// `backup:StartRestoreJob` of a file system's recovery point into a new file system.
    #[serde(rename = "backup.restore_test")]
    RestoreFiles {
        /// Region of the vault.
        region: String,
        /// Vault.
        vault: String,
        /// ARN of the recovery point.
        recovery_point: String,
        /// Creation token of the file system to make: the source's id, then `-restored-<op>`.
        name: String,
        /// Role AWS Backup assumes.
        role: String,
    },
    /// `elasticfilesystem:TagResource` on a restored file system: AWS Backup restores it without our tags.
    #[serde(rename = "efs.tag")]
    TagFiles {
        /// Region of the file system.
        region: String,
        /// Its creation token.
        name: String,
    },
    /// `elasticfilesystem:CreateMountTarget`: the restored file system gets an address in the isolated network.
    #[serde(rename = "efs.mount_target")]
    MountTarget {
        /// Region of the file system.
        region: String,
        /// Its creation token.
        name: String,
        /// Subnet.
        subnet: String,
        /// VPC security groups.
        security_groups: Vec<String>,
    },
    /// Compares a sample of a restored file system with its source over NFS. Reads only.
    #[serde(rename = "verify.files")]
    VerifyFiles {
        /// Region of both.
        region: String,
        /// Creation token of the restored file system.
        name: String,
        /// The source.
        file_system: String,
        /// Tenants' folders, which have to be there.
        folders: Vec<String>,
        /// When the data was as it is in there. What the source got since is no fault of the backup.
        data_of: Moment,
    },
    /// `elasticfilesystem:DeleteMountTarget` of a file system that this product restored.
    #[serde(rename = "efs.delete_mount_target")]
    DeleteMountTarget {
        /// Region of the file system.
        region: String,
        /// Its creation token, which begins as its source's id and ends in `-restored-<op>`.
        name: String,
        /// Operation that restored it.
        operation: String,
    },
    /// `elasticfilesystem:DeleteFileSystem` of a file system that this product restored, and a look whether it is gone.
    #[serde(rename = "efs.delete_file_system")]
    DeleteFiles {
        /// Region of the file system.
        region: String,
        /// Its creation token, which begins as its source's id and ends in `-restored-<op>`.
        name: String,
        /// Operation that restored it.
        operation: String,
    },
    /// Decrypts an export of secrets and compares version ids with what is live. Reads only.
    #[serde(rename = "verify.secrets")]
    VerifySecrets {
        /// Region of the bucket and the secrets.
        region: String,
        /// Prefix of the secrets' names.
        prefix: String,
        /// Bucket.
        bucket: String,
        /// Object key.
        key: String,
    },
    /// What is protected against what exists: counts, retention, success rate. Reads only.
    #[serde(rename = "report.inventory")]
    InventoryReport {
        /// Primary region.
        region: String,
    },
    /// Lag of every component against its RPO. Reads only.
    #[serde(rename = "report.replication")]
    ReplicationReport {
        /// DR region.
        region: String,
    },
    /// Remembers something of a recovery point, an instance or an archive. Happens in the ledger, not in AWS.
    #[serde(rename = "ledger.mark")]
    Mark {
        /// What is remembered.
        mark: MarkKind,
        /// Of what.
        subject: String,
        /// With what: a ticket, a period, a time to live.
        note: String,
    },
    /// Forgets a mark. Happens in the ledger, not in AWS.
    #[serde(rename = "ledger.unmark")]
    Unmark {
        /// What was remembered.
        mark: MarkKind,
        /// Of what.
        subject: String,
    },
    /// Lifts a stop. Happens in the ledger, not in AWS.
    #[serde(rename = "control.clear_stop")]
    ClearStop {
        /// `*`, an environment's name or an operation's id.
        scope: String,
    },
}

/// What an AWS Backup plan says, as far as this product writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSpec {
    /// Vault of the recovery points.
    pub vault: String,
    /// Rules, by name.
    pub rules: Vec<PlanRule>,
    /// ARNs of the resources it protects, sorted.
    pub resources: Vec<String>,
    /// Role AWS Backup assumes.
    pub role: String,
}

/// One rule of an AWS Backup plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRule {
    /// Name.
    pub name: String,
    /// When, as an AWS cron expression in UTC.
    pub schedule: String,
    /// Days until its recovery points expire.
    pub delete_after_days: u32,
    /// ARN of the DR vault they are copied to, with the same expiry.
    pub copy_to: Option<String>,
}
