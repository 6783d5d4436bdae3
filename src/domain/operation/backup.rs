//! `backup.create`: what a backup of an environment consists of.

use sha2::{Digest as _, Sha256};

use crate::domain::{
    command::BackupScope,
    environment::{Database, Environment, FileSystem, Tenant},
    moment::Moment,
    operation::OpId,
    plan::{Fact, Plan},
    step::{Action, StepSpec},
    world::{DatabaseFound, FileSystemFound, Survey, World},
};

/// Kind.
pub const KIND: &str = "backup.create";
/// Prefix of its ids.
pub const PREFIX: &str = "bk";

/// What a backup takes in: the parts of the environment that the scope and the tenant leave.
#[derive(Debug, Clone)]
pub struct Target<'a> {
    environment: &'a Environment,
    scope: BackupScope,
    tenant: Option<(&'a str, &'a Tenant)>,
    databases: Vec<&'a Database>,
    file_systems: Vec<&'a FileSystem>,
    secrets: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Narrows the environment to the scope and the tenant.
    ///
    /// # Errors
    /// A sentence for the person who asked, when the tenant is unknown or nothing is left to back up.
    pub fn new(
        environment: &'a Environment,
        scope: BackupScope,
        tenant: Option<&'a str>,
    ) -> Result<Target<'a>, String> {
        let tenant = tenant.map(|id| find_tenant(environment, id)).transpose()?;
        let takes = |part: BackupScope| scope == BackupScope::Full || scope == part;
        let of_tenant = |wanted: Option<&String>, id: &str| wanted.is_some_and(|w| w == id);
        let databases = environment
            .databases
            .iter()
            .filter(|d| takes(BackupScope::Rds) && tenant.is_none_or(|(_, t)| of_tenant(t.database.as_ref(), &d.id)))
            .collect::<Vec<_>>();
        let file_systems = environment
            .file_systems
            .iter()
            .filter(|f| takes(BackupScope::Efs) && tenant.is_none_or(|(_, t)| of_tenant(t.file_system.as_ref(), &f.id)))
            .collect::<Vec<_>>();
        let secrets = match tenant {
            Some((_, tenant)) => tenant.secrets_prefix.as_deref(),
            None => environment.secrets_prefix.as_deref(),
        }
        .filter(|_| takes(BackupScope::Secrets) && environment.secrets_bucket.is_some());
        if databases.is_empty() && file_systems.is_empty() && secrets.is_none() {
            let whose = tenant.map(|(id, _)| format!(" of tenant `{id}`")).unwrap_or_default();
            return Err(format!(
                "There is nothing of type `{scope}`{whose} to back up in `{}`: the config declares none. Choose another type, or add it to bbws.toml.",
                environment.name
            ));
        }
        Ok(Target { environment, scope, tenant, databases, file_systems, secrets })
    }

    /// What has to be known of the live world.
    pub fn survey(&self) -> Survey {
        Survey {
            databases: self.databases.iter().map(|d| d.id.clone()).collect(),
            file_systems: self.file_systems.iter().map(|f| f.id.clone()).collect(),
            secrets_prefix: self.secrets.map(str::to_owned),
            vault: !self.file_systems.is_empty(),
            bucket: self.secrets.is_some(),
            dr: self.environment.replicates(),
            ..Survey::default()
        }
    }

    /// The scope as approval rules know it.
    pub fn scope(&self) -> String {
        if self.tenant.is_some() { "tenant".to_owned() } else { self.scope.to_string() }
    }

    /// Resolves the target against the live world.
    ///
    /// # Errors
    /// Everything that stands in the way, one sentence each.
    pub fn plan(&self, world: &World, id: &OpId, created: Moment) -> Result<Plan, Vec<String>> {
        let mut draft = Draft::new(self, world, id, created);
        draft.shared_conditions();
        for database in &self.databases {
            draft.database(database);
        }
        for file_system in &self.file_systems {
            draft.file_system(file_system);
        }
        if let Some(prefix) = self.secrets {
            draft.secrets(prefix);
        }
        if let Some((tenant, parts)) = self.tenant {
            draft.tenant_notes(tenant, parts);
        }
        draft.finish()
    }
}

fn find_tenant<'a>(environment: &'a Environment, id: &str) -> Result<(&'a str, &'a Tenant), String> {
    environment.tenants.get_key_value(id).map(|(k, v)| (k.as_str(), v)).ok_or_else(|| {
        let known: Vec<String> = environment.tenants.keys().map(|k| format!("`{k}`")).collect();
        let known = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
        format!("`{}` has no tenant `{id}`; {known}.", environment.name)
    })
}

/// A plan in the making.
struct Draft<'a> {
    target: &'a Target<'a>,
    env: &'a Environment,
    world: &'a World,
    id: &'a OpId,
    date: String,
    facts: Vec<Fact>,
    notes: Vec<String>,
    steps: Vec<StepSpec>,
    problems: Vec<String>,
}

impl<'a> Draft<'a> {
    fn new(target: &'a Target<'a>, world: &'a World, id: &'a OpId, created: Moment) -> Draft<'a> {
        Draft {
            target,
            env: target.environment,
            world,
            id,
            date: created.yyyymmdd(),
            facts: Vec::new(),
            notes: Vec::new(),
            steps: Vec::new(),
            problems: Vec::new(),
        }
    }

    fn fact(&mut self, subject: String, found: String) {
        self.facts.push(Fact { subject, found });
    }

    fn step(&mut self, title: String, after: Vec<usize>, action: Action) -> usize {
        self.steps.push(StepSpec { title, after, kind_version: 1, action, always: false });
        self.steps.len() - 1
    }

    /// What several steps rest on: vaults, buckets and the DR key.
    fn shared_conditions(&mut self) {
        let world = self.world;
        let files = !self.target.file_systems.is_empty();
        let secrets = self.target.secrets.is_some();
        let copies = self.env.replicates();
        for (wanted, what, condition) in [
            (files, "Backup vault", &world.vault),
            (secrets, "Secrets bucket", &world.bucket),
            (files && copies, "DR backup vault", &world.dr_vault),
            (secrets && copies, "DR secrets bucket", &world.dr_bucket),
            (copies && self.env.dr_kms_key.is_some(), "DR KMS key", &world.dr_key),
        ] {
            match condition {
                Some(Ok(found)) if wanted => self.fact(what.to_owned(), found.clone()),
                Some(Err(why)) if wanted => self.problems.push(format!("{what}: {why}")),
                None if wanted => self.problems.push(format!("{what}: nothing is known of it")),
                _ => {}
            }
        }
    }

    fn database(&mut self, database: &Database) {
        let Some(found) = self.world.databases.iter().find(|d| d.id == database.id) else {
            self.problems.push(format!(
                "Database `{}` was not found in {} of account {}. Check its name in bbws.toml and in the RDS console.",
                database.id, self.env.primary_region, self.env.account
            ));
            return;
        };
        if matches!(found.status.as_str(), "deleting" | "failed" | "restore-error")
            || found.status.starts_with("incompatible-")
        {
            self.problems.push(format!(
                "Database `{}` is `{}` and cannot be snapshotted. Repair it first.",
                database.id, found.status
            ));
            return;
        }
        self.fact(format!("Database {}", database.id), describe_database(found));
        if !found.encrypted {
            self.notes.push(format!(
                "Database {} is not encrypted: its snapshot will be made, but verification will fail, since a backup has to be encrypted.",
                database.id
            ));
        }
        let snapshot = format!("{}-manual-{}-{}", database.id, self.date, self.id);
        let region = self.env.primary_region.clone();
        let made = self.step(
            format!("Snapshot database {}", database.id),
            vec![],
            Action::RdsSnapshot { region: region.clone(), database: database.id.clone(), snapshot: snapshot.clone() },
        );
        let retention_days = self.env.retention_days.default;
        self.step(
            format!("Verify snapshot of {} in {region}", database.id),
            vec![made],
            Action::VerifySnapshot { region: region.clone(), snapshot: snapshot.clone(), retention_days },
        );
        if self.env.replicates() {
            let to = self.env.dr_region.clone();
            let copy = format!("{snapshot}-dr");
            let kms_key = if found.encrypted { self.env.dr_kms_key.clone() } else { None };
            let copied = self.step(
                format!("Copy snapshot of {} to {to}", database.id),
                vec![made],
                Action::RdsCopy {
                    from_region: region,
                    region: to.clone(),
                    account: self.env.account.clone(),
                    snapshot,
                    copy: copy.clone(),
                    kms_key,
                },
            );
            self.step(
                format!("Verify snapshot of {} in {to}", database.id),
                vec![copied],
                Action::VerifySnapshot { region: to, snapshot: copy, retention_days },
            );
        }
    }

    fn file_system(&mut self, file_system: &FileSystem) {
        let label = format!("{} ({})", file_system.name, file_system.id);
        let found = self.world.file_systems.iter().find(|f| f.id == file_system.id);
        let seen = found.map_or_else(|| "NOT seen by EFS".to_owned(), describe_file_system);
        self.fact(format!("File system {label}"), seen);
        if found.is_none() {
            // AWS Backup has the last word on what it can back up; the rest of the backup must not wait for it.
            self.notes.push(format!(
                "File system {label} was not seen in {} of account {}: its backup fails unless AWS Backup finds it. Check its id in bbws.toml and in the EFS console.",
                self.env.primary_region, self.env.account
            ));
        }
        let resource_arn = found.map_or_else(
            || {
                let (region, account) = (&self.env.primary_region, &self.env.account);
                format!("arn:aws:elasticfilesystem:{region}:{account}:file-system/{}", file_system.id)
            },
            |f| f.arn.clone(),
        );
        let (region, role, vault) =
            (self.env.primary_region.clone(), self.env.backup_role.clone(), self.env.vault.clone());
        let retention_days = self.env.retention_days.default;
        let made = self.step(
            format!("Back up file system {label}"),
            vec![],
            Action::BackupJob {
                region: region.clone(),
                resource_arn,
                vault: vault.clone(),
                role: role.clone(),
                retention_days,
            },
        );
        self.step(
            format!("Verify recovery point of {label} in {region}"),
            vec![made],
            Action::VerifyRecoveryPoint { region: region.clone(), vault: vault.clone(), retention_days },
        );
        if let (true, Some(dr_vault)) = (self.env.replicates(), self.env.dr_vault.clone()) {
            let to = self.env.dr_region.clone();
            let to_vault_arn = format!("arn:aws:backup:{to}:{}:backup-vault:{dr_vault}", self.env.account);
            let copied = self.step(
                format!("Copy recovery point of {label} to {to}"),
                vec![made],
                Action::BackupCopy { region, vault, to_region: to.clone(), to_vault_arn, role, retention_days },
            );
            self.step(
                format!("Verify recovery point of {label} in {to}"),
                vec![copied],
                Action::VerifyRecoveryPoint { region: to, vault: dr_vault, retention_days },
            );
        }
    }

    fn secrets(&mut self, prefix: &str) {
        let Some(bucket) = self.env.secrets_bucket.clone() else { return };
        if self.world.secrets.is_empty() {
            self.problems.push(format!(
                "There are no secrets under `{prefix}` in {} of account {}. Check `secrets_prefix` in bbws.toml.",
                self.env.primary_region, self.env.account
            ));
            return;
        }
        let names = hex::encode(Sha256::digest(self.world.secrets.join("\n")));
        self.fact(
            format!("Secrets under {prefix}"),
            format!("{} secrets, names {}", self.world.secrets.len(), &names[..12]),
        );
        let region = self.env.primary_region.clone();
        let key = format!("{}/secrets/{}/{}/secrets.json", self.env.name, self.date, self.id);
        let retention_days = self.env.retention_days.default;
        let made = self.step(
            format!("Export secrets under {prefix} to {bucket}"),
            vec![],
            Action::SecretsExport {
                region: region.clone(),
                prefix: prefix.to_owned(),
                bucket: bucket.clone(),
                key: key.clone(),
            },
        );
        self.step(
            format!("Verify secrets object in {region}"),
            vec![made],
            Action::VerifyObject { region: region.clone(), bucket: bucket.clone(), key: key.clone(), retention_days },
        );
        if let (true, Some(dr_bucket)) = (self.env.replicates(), self.env.dr_secrets_bucket.clone()) {
            let to = self.env.dr_region.clone();
            let copied = self.step(
                format!("Replicate secrets object to {to}"),
                vec![made],
                Action::ObjectReplica {
                    from_region: region,
                    from_bucket: bucket,
                    region: to.clone(),
                    bucket: dr_bucket.clone(),
                    key: key.clone(),
                },
            );
            self.step(
                format!("Verify secrets object in {to}"),
                vec![made, copied],
                Action::VerifyObject { region: to, bucket: dr_bucket, key, retention_days },
            );
        }
    }

    fn tenant_notes(&mut self, tenant: &str, parts: &Tenant) {
        if let Some(database) = parts.database.as_ref().filter(|_| !self.target.databases.is_empty()) {
            let schema = parts.schema.as_ref().map(|s| format!(" with schema {s}")).unwrap_or_default();
            self.notes.push(format!(
                "Database {database}{schema} of {tenant} is snapshotted whole: RDS cannot snapshot one schema."
            ));
        }
        if let Some(file_system) = parts.file_system.as_ref().filter(|_| !self.target.file_systems.is_empty()) {
            let path = parts.path.as_ref().map(|p| format!(" with folder {p}")).unwrap_or_default();
            self.notes.push(format!(
                "File system {file_system}{path} of {tenant} is backed up whole: AWS Backup cannot take one folder."
            ));
        }
    }

    fn finish(self) -> Result<Plan, Vec<String>> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let mut notes = self.notes;
        if !self.env.replicates() {
            notes.push(format!("No copy is made in another region: replication of {} is disabled.", self.env.name));
        }
        Ok(Plan {
            kind: KIND.to_owned(),
            environment: self.env.name.clone(),
            scope: self.target.scope.to_string(),
            tenant: self.target.tenant.map(|(id, _)| id.to_owned()),
            account: self.env.account.clone(),
            region: self.env.primary_region.clone(),
            dr_region: self.env.replicates().then(|| self.env.dr_region.clone()),
            retention_days: Some(self.env.retention_days.default),
            facts: self.facts,
            notes,
            steps: self.steps,
        })
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
