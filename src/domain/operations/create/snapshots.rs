//! Databases and file systems: a snapshot or recovery point, its copy in the DR region, and a look at both.

use super::Parts;
use crate::domain::{
    environment::{Database, FileSystem},
    step,
    world::{DatabaseFound, FileSystemFound},
};

impl Parts<'_> {
    pub(super) fn database(&mut self, database: &Database) {
        let Some(found) = self.world.databases.iter().find(|d| d.id == database.id) else {
            self.draft.problem(format!(
                "Database `{}` was not found in {} of account {}. Check its name in bbws.toml and in the RDS console.",
                database.id, self.env.primary_region, self.env.account
            ));
            return;
        };
        if let Err(why) = found.stands_alone() {
            return self.draft.problem(why);
        }
        if matches!(found.status.as_str(), "deleting" | "failed" | "restore-error")
            || found.status.starts_with("incompatible-")
        {
            self.draft.problem(format!(
                "Database `{}` is `{}` and cannot be snapshotted. Repair it first.",
                database.id, found.status
            ));
            return;
        }
        self.draft.fact(format!("Database {}", database.id), describe_database(found));
        if !found.encrypted {
            self.draft.note(format!(
                "Database {} is not encrypted: its snapshot will be made, but verification will fail, since a backup has to be encrypted.",
                database.id
            ));
        }
        let snapshot = format!("{}-manual-{}-{}", database.name(), self.date, self.id);
        let region = self.env.primary_region.clone();
        let made = self.draft.step(
            format!("Snapshot database {}", database.id),
            vec![],
            step::RdsSnapshot { region: region.clone(), database: database.id.clone(), snapshot: snapshot.clone() },
        );
        let retention_days = self.days;
        self.draft.step(
            format!("Verify snapshot of {} in {region}", database.id),
            vec![made],
            step::VerifySnapshot { region: region.clone(), snapshot: snapshot.clone(), retention_days },
        );
        if self.env.replicates() {
            let to = self.env.dr_region.clone();
            let copy = format!("{snapshot}-dr");
            let kms_key = if found.encrypted { self.env.dr_kms_key.clone() } else { None };
            let copied = self.draft.step(
                format!("Copy snapshot of {} to {to}", database.id),
                vec![made],
                step::RdsCopy {
                    from_region: region,
                    region: to.clone(),
                    account: self.env.account.clone(),
                    snapshot,
                    copy: copy.clone(),
                    kms_key,
                },
            );
            self.draft.step(
                format!("Verify snapshot of {} in {to}", database.id),
                vec![copied],
                step::VerifySnapshot { region: to, snapshot: copy, retention_days },
            );
        }
    }

    pub(super) fn file_system(&mut self, file_system: &FileSystem) {
        let label = format!("{} ({})", file_system.name, file_system.id);
        let found = self.world.file_systems.iter().find(|f| f.id == file_system.id);
        let seen = found.map_or_else(|| "NOT seen by EFS".to_owned(), describe_file_system);
        self.draft.fact(format!("File system {label}"), seen);
        if found.is_none() {
            // AWS Backup has the last word on what it can back up; the rest of the backup must not wait for it.
            self.draft.note(format!(
                "File system {label} was not seen in {} of account {}: its backup fails unless AWS Backup finds it. Check its id in bbws.toml and in the EFS console.",
                self.env.primary_region, self.env.account
            ));
        }
        let resource_arn = found.map_or_else(|| self.env.file_system_arn(&file_system.id), |f| f.arn.clone());
        let (region, role, vault) =
            (self.env.primary_region.clone(), self.env.backup_role.clone(), self.env.vault.clone());
        let retention_days = self.days;
        let made = self.draft.step(
            format!("Back up file system {label}"),
            vec![],
            step::BackupJob {
                region: region.clone(),
                resource_arn,
                vault: vault.clone(),
                role: role.clone(),
                retention_days,
            },
        );
        self.draft.step(
            format!("Verify recovery point of {label} in {region}"),
            vec![made],
            step::VerifyRecoveryPoint { region: region.clone(), vault: vault.clone(), retention_days },
        );
        if let (Some(to_vault_arn), Some(dr_vault)) = (self.env.dr_vault_arn(), self.env.dr_vault.clone()) {
            let to = self.env.dr_region.clone();
            let copied = self.draft.step(
                format!("Copy recovery point of {label} to {to}"),
                vec![made],
                step::BackupCopy { region, vault, to_region: to.clone(), to_vault_arn, role, retention_days },
            );
            self.draft.step(
                format!("Verify recovery point of {label} in {to}"),
                vec![copied],
                step::VerifyRecoveryPoint { region: to, vault: dr_vault, retention_days },
            );
        }
    }
}

fn describe_database(found: &DatabaseFound) -> String {
    let encrypted = if found.encrypted { "encrypted" } else { "NOT encrypted" };
    let zones = if found.multi_az { "Multi-AZ" } else { "Single-AZ" };
    format!("{}, {} GiB, {encrypted}, {zones}", found.engine, found.size_gib)
}

fn describe_file_system(found: &FileSystemFound) -> String {
    if found.encrypted { "encrypted".to_owned() } else { "NOT encrypted".to_owned() }
}
