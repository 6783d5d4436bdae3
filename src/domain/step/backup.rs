//! AWS Backup: jobs and copies, plans, recovery points and their end, legal holds, and file systems restored for a test.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Job, Metric, Outputs, Page, Parameters, Proof, Step};
use crate::domain::{moment::Moment, restored};

/// `backup:StartBackupJob`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupJob {
    /// Region of the resource and the vault.
    pub region: String,
    /// ARN of the resource to back up.
    pub resource_arn: String,
    /// Backup vault.
    pub vault: String,
    /// Role AWS Backup assumes.
    pub role: String,
    /// Days until the recovery point expires.
    pub retention_days: u32,
}

impl Parameters for BackupJob {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.resource_arn
    }

    fn label(&self) -> &'static str {
        "Back up file systems"
    }

    fn page(&self, step: &Step, _inputs: &Outputs) -> Option<Page> {
        step.external_id.as_deref().map(|job| Page::job(&self.region, Job::Backup, job))
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Backup)
    }
}

/// `backup:StartCopyJob`, called in the source region. The source is the `recovery_point` of the step it follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupCopy {
    /// Source region.
    pub region: String,
    /// Source vault.
    pub vault: String,
    /// Destination region.
    pub to_region: String,
    /// ARN of the destination vault.
    pub to_vault_arn: String,
    /// Role AWS Backup assumes.
    pub role: String,
    /// Days until the copy expires.
    pub retention_days: u32,
}

impl Parameters for BackupCopy {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.to_vault_arn
    }

    fn label(&self) -> &'static str {
        "Copy recovery points"
    }

    fn page(&self, step: &Step, _inputs: &Outputs) -> Option<Page> {
        step.external_id.as_deref().map(|job| Page::job(&self.region, Job::Copy, job))
    }
}

/// Verifies the `recovery_point` of the step it follows in the same way. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyRecoveryPoint {
    /// Region of the vault.
    pub region: String,
    /// Vault.
    pub vault: String,
    /// Retention its lifecycle has to show, in days.
    pub retention_days: u32,
}

impl Parameters for VerifyRecoveryPoint {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.vault
    }

    fn label(&self) -> &'static str {
        "Verify recovery points"
    }

    fn page(&self, _step: &Step, inputs: &Outputs) -> Option<Page> {
        let arn = inputs.get("recovery_point")?.clone();
        Some(Page::RecoveryPoint { region: self.region.clone(), vault: self.vault.clone(), arn })
    }

    fn proves(&self) -> Option<Proof> {
        Some(Proof::RecoveryPoint)
    }
}

/// Verifies that a vault would take a backup now and keep it as long as wanted: it is there, its key can be used, and its lock,
/// where it has one, admits that many days. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyVault {
    /// Region of the vault.
    pub region: String,
    /// Vault.
    pub vault: String,
    /// Days that backups are to be kept in it.
    pub retention_days: u32,
}

impl Parameters for VerifyVault {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.vault
    }

    fn label(&self) -> &'static str {
        "Verify vaults"
    }
}

/// `backup:CreateBackupPlan` and `CreateBackupSelection`, or `UpdateBackupPlan`: the plan becomes what `spec` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutPlan {
    /// Region of the plan.
    pub region: String,
    /// Name of the plan.
    pub name: String,
    /// What it says from then on.
    pub spec: PlanSpec,
}

impl Parameters for PutPlan {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.name
    }

    fn label(&self) -> &'static str {
        "Write backup plans"
    }
}

/// `backup:DeleteRecoveryPoint`, and a look whether it is gone: 200 alone does not mean it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletePoint {
    /// Region of the vault.
    pub region: String,
    /// Vault.
    pub vault: String,
    /// ARN of the recovery point.
    pub recovery_point: String,
}

impl Parameters for DeletePoint {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.recovery_point
    }

    fn label(&self) -> &'static str {
        "Delete recovery points"
    }

    fn is_final(&self) -> bool {
        true
    }
}

/// `backup:CreateLegalHold` over the resource's points of one vault that were made within the same second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalHold {
    /// Region of the vault.
    pub region: String,
    /// Vault.
    pub vault: String,
    /// ARN of the resource.
    pub resource_arn: String,
    /// Time of the point's data.
    pub created: Moment,
    /// Title of the hold; names the ticket.
    pub title: String,
}

impl Parameters for LegalHold {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.resource_arn
    }

    fn label(&self) -> &'static str {
        "Set legal holds"
    }
}

/// `backup:CancelLegalHold`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseHold {
    /// Region of the hold.
    pub region: String,
    /// Id of the hold.
    pub hold: String,
    /// Why, for AWS's record.
    pub description: String,
}

impl Parameters for ReleaseHold {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.hold
    }

    fn label(&self) -> &'static str {
        "Release legal holds"
    }

    fn is_final(&self) -> bool {
        true
    }
}

/// `backup:StartRestoreJob` of a file system's recovery point into a new file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreFiles {
    /// Region of the vault.
    pub region: String,
    /// Vault.
    pub vault: String,
    /// ARN of the recovery point.
    pub recovery_point: String,
    /// Creation token of the file system to make: the source's id, then `-restored-<op>`.
    pub name: String,
    /// Role AWS Backup assumes.
    pub role: String,
}

impl Parameters for RestoreFiles {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        restored::source(&self.name)
    }

    fn label(&self) -> &'static str {
        "Restore file systems for a test"
    }

    fn page(&self, step: &Step, _inputs: &Outputs) -> Option<Page> {
        step.external_id.as_deref().map(|job| Page::job(&self.region, Job::Restore, job))
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Restore)
    }
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
    /// When, as an AWS cron expression, in UTC unless [`Extra::Zone`] says otherwise.
    pub schedule: String,
    /// Days until its recovery points expire; 0 where they never do.
    pub delete_after_days: u32,
    /// ARNs of the vaults they are copied to, with the same expiry unless [`Extra::Copy`] says otherwise.
    pub copy_to: Option<String>,
    /// What somebody else made it say besides. A rule that keeps what the plan has keeps it as AWS has it, word for word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extras: Vec<Extra>,
}

/// Something a rule says besides. Of its own this product writes [`Extra::Continuous`] and [`Extra::Cold`] only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extra {
    /// The time zone of its schedule.
    Zone(String),
    /// It makes continuous backups, which can be restored to any second.
    Continuous,
    /// Its recovery points move into cold storage after so many days.
    Cold(i64),
    /// It may start, and has to be complete, within so many minutes.
    Windows(i64, i64),
    /// A copy that is kept for another time than the recovery point: the vault's ARN and its days, none for ever.
    Copy(String, Option<i64>),
    /// Anything else, in AWS's name for it.
    Other(String),
}

impl fmt::Display for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Extra::Zone(zone) => write!(f, "in {zone}"),
            Extra::Continuous => f.write_str("continuous"),
            Extra::Cold(days) => write!(f, "into cold storage after {days} days"),
            Extra::Windows(start, complete) => write!(f, "windows of {start} and {complete} minutes"),
            Extra::Copy(to, Some(days)) => write!(f, "its copy in {to} kept {days} days"),
            Extra::Copy(to, None) => write!(f, "its copy in {to} kept for ever"),
            Extra::Other(what) => f.write_str(what),
        }
    }
}
