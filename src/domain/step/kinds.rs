//! What can be told of every kind of step: its name, whether it changes AWS, where, and on what.

use super::Action;

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
            Action::ConfigExport { .. } => "config.export",
            Action::BucketRecord { .. } => "s3.record",
            Action::VerifyBucket { .. } => "verify.bucket",
            Action::VerifyLifecycle { .. } => "verify.lifecycle",
            Action::DumpExport { .. } => "dump.export",
            Action::VerifyDump { .. } => "verify.dump",
            Action::PutPlan { .. } => "backup.plan",
            Action::AutomatedBackups { .. } => "rds.automated_backups",
            Action::DeleteSnapshot { .. } => "rds.delete_snapshot",
            Action::DeletePoint { .. } => "backup.delete_point",
            Action::LegalHold { .. } => "backup.hold",
            Action::ReleaseHold { .. } => "backup.release",
            Action::TagSnapshot { .. } => "rds.tag_snapshot",
            Action::RestoreTest { .. } => "rds.restore_test",
            Action::VerifyDatabase { .. } => "verify.database",
            Action::DeleteInstance { .. } => "rds.delete_instance",
            Action::RestoreFiles { .. } => "backup.restore_test",
            Action::TagFiles { .. } => "efs.tag",
            Action::MountTarget { .. } => "efs.mount_target",
            Action::VerifyFiles { .. } => "verify.files",
            Action::DeleteMountTarget { .. } => "efs.delete_mount_target",
            Action::DeleteFiles { .. } => "efs.delete_file_system",
            Action::VerifySecrets { .. } => "verify.secrets",
            Action::InventoryReport { .. } => "report.inventory",
            Action::ReplicationReport { .. } => "report.replication",
            Action::Mark { .. } => "ledger.mark",
            Action::Unmark { .. } => "ledger.unmark",
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
                | Action::ConfigExport { .. }
                | Action::BucketRecord { .. }
                | Action::DumpExport { .. }
                | Action::PutPlan { .. }
                | Action::AutomatedBackups { .. }
                | Action::DeleteSnapshot { .. }
                | Action::DeletePoint { .. }
                | Action::LegalHold { .. }
                | Action::ReleaseHold { .. }
                | Action::TagSnapshot { .. }
                | Action::RestoreTest { .. }
                | Action::DeleteInstance { .. }
                | Action::RestoreFiles { .. }
                | Action::TagFiles { .. }
                | Action::MountTarget { .. }
                | Action::DeleteMountTarget { .. }
                | Action::DeleteFiles { .. }
        )
    }

    /// Whether it happens in the ledger, in one transaction, and not in AWS.
    pub fn in_ledger(&self) -> bool {
        matches!(self, Action::ClearStop { .. } | Action::Mark { .. } | Action::Unmark { .. })
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
            | Action::VerifyObject { region, .. }
            | Action::ConfigExport { region, .. }
            | Action::BucketRecord { region, .. }
            | Action::VerifyBucket { region, .. }
            | Action::VerifyLifecycle { region, .. }
            | Action::DumpExport { region, .. }
            | Action::VerifyDump { region, .. }
            | Action::PutPlan { region, .. }
            | Action::AutomatedBackups { region, .. }
            | Action::DeleteSnapshot { region, .. }
            | Action::DeletePoint { region, .. }
            | Action::LegalHold { region, .. }
            | Action::ReleaseHold { region, .. }
            | Action::TagSnapshot { region, .. }
            | Action::RestoreTest { region, .. }
            | Action::VerifyDatabase { region, .. }
            | Action::DeleteInstance { region, .. }
            | Action::RestoreFiles { region, .. }
            | Action::TagFiles { region, .. }
            | Action::MountTarget { region, .. }
            | Action::VerifyFiles { region, .. }
            | Action::DeleteMountTarget { region, .. }
            | Action::DeleteFiles { region, .. }
            | Action::VerifySecrets { region, .. }
            | Action::InventoryReport { region, .. }
            | Action::ReplicationReport { region, .. } => Some(region),
            Action::ClearStop { .. } | Action::Mark { .. } | Action::Unmark { .. } => None,
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
            Action::ConfigExport { parameters_prefix, .. } => parameters_prefix,
            Action::BucketRecord { source, .. } => source,
            Action::VerifyBucket { bucket, .. } | Action::VerifyLifecycle { bucket, .. } => bucket,
            Action::DumpExport { database, .. }
            | Action::AutomatedBackups { database, .. }
            | Action::VerifyDatabase { database, .. } => database,
            // Their ends differ with every operation; experience is of what stands before.
            Action::VerifyDump { key, .. } => key.rsplit('/').next().unwrap_or(key),
            Action::RestoreTest { instance, .. } | Action::DeleteInstance { instance, .. } => {
                instance.split("-restored-").next().unwrap_or(instance)
            }
            Action::RestoreFiles { name, .. }
            | Action::TagFiles { name, .. }
            | Action::MountTarget { name, .. }
            | Action::DeleteMountTarget { name, .. }
            | Action::DeleteFiles { name, .. } => name.split("-restored-").next().unwrap_or(name),
            Action::VerifyFiles { file_system, .. } => file_system,
            Action::DeleteSnapshot { snapshot, .. } => snapshot,
            Action::PutPlan { name, .. } => name,
            Action::DeletePoint { recovery_point, .. } => recovery_point,
            Action::LegalHold { resource_arn, .. } => resource_arn,
            Action::ReleaseHold { hold, .. } => hold,
            Action::TagSnapshot { arn, .. } => arn,
            Action::VerifySecrets { prefix, .. } => prefix,
            Action::InventoryReport { region } | Action::ReplicationReport { region } => region,
            Action::Mark { subject, .. } | Action::Unmark { subject, .. } => subject,
            Action::ClearStop { scope } => scope,
        }
    }
}
