//! What backups of the past left behind: jobs, recovery points and archives.

use std::time::Duration;

use bytes::Bytes;
use secrecy::SecretBox;
use serde_json::json;

use super::{
    super::{
        api::{kms, ssm},
        time::{Timeline, uuid_for},
        world::{
            World,
            backup::{Job, Lifecycle, Point},
            kms::BACKUP_KEY,
            rows,
            s3::Content,
            schemas,
        },
    },
    buckets,
    past::Past,
};
use crate::{
    adapters::archive::{DataKey, PartPlan, sealed},
    domain::{environment::Dump, point::PointKind},
};

/// What of a backup of the past is in vaults and buckets.
pub(super) fn seed_past(world: &mut World, past: &Past<'_>) {
    past.file_systems(world);
    if !past.over {
        past.archives(world);
    }
}

/// What AWS Backup says of a job that did not end well.
fn why(state: &str) -> &'static str {
    match state {
        "EXPIRED" => "Backup job did not start within its start window.",
        "ABORTED" => "Backup job was stopped by an operator.",
        _ => "Backup job failed because of an internal error of AWS Backup.",
    }
}

impl Past<'_> {
    fn file_systems(&self, world: &mut World) {
        let e = self.environment;
        for declared in &e.file_systems {
            let id = uuid_for(world.seed, &format!("past job/{}/{}", declared.id, self.operation)).to_uppercase();
            let seed = world.seed;
            let arn = |region: &str| {
                let name = format!("past/{region}/{}/{}", declared.id, self.operation);
                format!("arn:aws:backup:{region}:{}:recovery-point:{}", e.account, uuid_for(seed, &name))
            };
            let place = world.region(&e.account, &e.primary_region);
            let Some(size) = place.efs.file_systems.get(&declared.id).map(|fs| fs.size) else { continue };
            let Some(key) = place.backup.vaults.get(&e.vault).map(|vault| vault.key.clone()) else { continue };
            let lifecycle = Lifecycle { cold_after: None, delete_after: Some(i64::from(e.retention_days.default)) };
            let job = Job {
                vault: e.vault.clone(),
                resource_arn: e.file_system_arn(&declared.id),
                resource_type: "EFS".to_owned(),
                point: arn(&e.primary_region),
                accepted: self.at,
                course: Timeline { fails: self.bad.map(|state| why(state).to_owned()), ..self.lasting(5) },
                start_by: self.at + Duration::from_secs(3600),
                size,
                role: e.backup_role.clone(),
                lifecycle,
                created_by: None,
                ends_as: self.bad.map(str::to_owned),
                message: None,
                stopped: None,
            };
            let point = Point {
                resource_arn: job.resource_arn.clone(),
                resource_type: "EFS".to_owned(),
                course: self.lasting(6),
                created: self.at,
                size,
                encrypted: true,
                key,
                lifecycle,
                tags: self.tags.clone(),
                role: e.backup_role.clone(),
                source_vault: None,
                message: None,
                status: None,
                continuous: false,
                deleting: None,
                sticks: false,
            };
            place.backup.jobs.insert(id, job);
            if self.bad.is_some() || self.over {
                continue;
            }
            if let Some(vault) = place.backup.vaults.get_mut(&e.vault) {
                vault.points.insert(arn(&e.primary_region), point.clone());
            }
            let there = world.region(&e.account, &e.dr_region);
            let dr = e.dr_vault.as_ref().filter(|_| e.replicates());
            let under = there.kms.arn(e.dr_kms_key.as_deref().unwrap_or(BACKUP_KEY)).unwrap_or_default().to_owned();
            if let Some(vault) = dr.and_then(|name| there.backup.vaults.get_mut(name)) {
                vault.points.insert(arn(&e.dr_region), Point { course: self.lasting(15), key: under, ..point });
            }
        }
    }

    fn archives(&self, world: &mut World) {
        let e = self.environment;
        if let Some(prefix) = &e.secrets_prefix {
            let body = self.secrets(world, prefix);
            self.archive(world, PointKind::Secrets, "secrets.json", Content::Real(body.into()));
        }
        if let Some(prefix) = &e.parameters_prefix {
            let body = self.configuration(world, prefix);
            self.archive(world, PointKind::Config, "config.json", Content::Real(body.into()));
        }
        for bucket in &e.buckets {
            let content = if self.recent { Content::Real(vec![0; 9_000].into()) } else { Content::Zeros(9_000) };
            self.archive(world, PointKind::S3, &format!("{}.jsonl.zst", bucket.name), content);
        }
        for dump in &e.dumps {
            let file = format!("{}.dump", dump.database);
            match self.recent.then(|| self.dump(world, dump)).flatten() {
                None => drop(self.archive(world, PointKind::Dump, &file, Content::Zeros(700 << 20))),
                Some((bytes, checksum)) => {
                    let written = self.archive(world, PointKind::Dump, &file, Content::Real(bytes));
                    if let Some((bucket, key)) = written {
                        buckets::in_parts(world, &bucket, &key, &checksum);
                    }
                }
            }
        }
    }

    /// A dump as its program wrote it, sealed, and S3's checksum of it.
    fn dump(&self, world: &mut World, dump: &Dump) -> Option<(Bytes, String)> {
        let e = self.environment;
        let seed = world.seed;
        let name = e.dump_kms_key.as_deref()?;
        let arn = world.region(&e.account, &e.primary_region).kms.arn(name)?.to_owned();
        let context = DataKey::context(&e.name, &self.operation);
        let (plain, wrapped) = kms::data_key(seed, &arn, &format!("past-{}", self.operation), &context);
        let key = DataKey::new(SecretBox::new(Box::new(plain)), wrapped.into_bytes(), arn, context);
        let first = |_: &str| Some(rows::Rows::first());
        let text = schemas::dump(dump.engine, &dump.database, &schemas::schemas(&dump.schemas), &self.at.iso(), first);
        let (parts, written) = sealed(text.as_bytes(), dump.engine, &key, PartPlan::S3).ok()?;
        Some((parts.into_iter().flat_map(|part| part.bytes).collect(), written.checksum))
    }

    /// The secrets under the prefix in the versions they have, as an export has them.
    fn secrets(&self, world: &mut World, prefix: &str) -> String {
        let e = self.environment;
        let place = world.region(&e.account, &e.primary_region);
        let there = place.secrets.secrets.iter().filter(|(name, _)| name.starts_with(prefix));
        let exported: Vec<_> = there
            .filter_map(|(name, secret)| {
                let (id, version) = secret.at_stage("AWSCURRENT")?;
                Some(json!({
                    "name": name, "arn": secret.arn, "version_id": id, "version_stages": version.stages,
                    "string": version.string,
                }))
            })
            .collect();
        let document = json!({
            "format": "bbws.secrets/1", "operation": self.operation, "environment": e.name, "account": e.account,
            "region": e.primary_region, "prefix": prefix, "secrets": exported,
        });
        document.to_string()
    }

    /// The parameters under the prefix in the versions they have, as an export has them.
    fn configuration(&self, world: &mut World, prefix: &str) -> String {
        let e = self.environment;
        let place = world.region(&e.account, &e.primary_region);
        let there = place.ssm.parameters.iter().filter(|(name, _)| name.starts_with(prefix));
        let exported: Vec<_> = there
            .map(|(name, parameter)| {
                json!({
                    "name": name, "arn": ssm::arn_in(&e.primary_region, &e.account, name), "type": parameter.kind,
                    "data_type": "text", "version": parameter.version, "last_modified": parameter.modified.iso(),
                    "value": ssm::kept(parameter),
                })
            })
            .collect();
        let document = json!({
            "format": "bbws.config/1", "operation": self.operation, "environment": e.name, "account": e.account,
            "region": e.primary_region, "parameters_prefix": prefix, "secrets_prefix": e.secrets_prefix,
            "parameters": exported, "secrets": [],
        });
        document.to_string()
    }

    /// Bucket and key it was written to.
    fn archive(&self, world: &mut World, kind: PointKind, file: &str, content: Content) -> Option<(String, String)> {
        let e = self.environment;
        let name = e.secrets_bucket.as_ref()?;
        let key = format!("{}/{kind}/{}/{}/{file}", e.name, self.at.yyyymmdd(), self.operation);
        let to = e.dr_secrets_bucket.as_deref().filter(|_| e.replicates());
        let at = self.at + Duration::from_secs(60);
        buckets::put(world, name, &key, content, at, to.map(|to| (to, self.lasting(3))));
        buckets::mark(world, name, &key, &self.tags, &self.operation);
        Some((name.clone(), key))
    }
}
