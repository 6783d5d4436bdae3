//! A little past: backups and jobs of the last fourteen days, for environments that promise a schedule.

use std::{collections::BTreeMap, time::Duration};

use sha2::{Digest as _, Sha256};

use super::{
    backup::point_arn,
    estate::PastJob,
    rds,
    secrets::names_under,
    time::{Course, between, uuid_for},
    world::{
        Aws, BACKUP_KEY, Object, RDS_KEY, RecoveryPoint, Replica, S3_KEY, Snapshot, TAG_ENVIRONMENT, TAG_OPERATION,
        TAG_RETENTION, Tags,
    },
};
use crate::domain::{environment::Environment, moment::Moment, point::PointKind};

/// Backups of the past, six hours apart, the newest so old.
const BACKUPS: u64 = 56;
const APART: Duration = Duration::from_secs(6 * 3600);
const NEWEST: Duration = Duration::from_secs(40 * 60);
/// Those whose jobs ended badly, counted from the newest.
const BAD: [(u64, &str); 4] = [(3, "FAILED"), (17, "EXPIRED"), (30, "FAILED"), (41, "ABORTED")];

/// One backup of the past.
struct Past<'a> {
    environment: &'a Environment,
    seed: u64,
    at: Moment,
    operation: String,
    tags: Tags,
    bad: Option<&'static str>,
}

/// Grows it. The index keeps environments from sharing operations.
pub(super) fn grow(aws: &mut Aws, environment: &Environment, index: usize, now: Moment) {
    for n in 0..BACKUPS {
        let number = 999 - i64::try_from(n).unwrap_or(0) - 100 * i64::try_from(index).unwrap_or(0);
        let operation = format!("bk-{}", number.max(0));
        let jitter = between(aws.seed, &format!("past/{}/{n}", environment.name), 0, 120);
        let at = now - NEWEST - APART * u32::try_from(n).unwrap_or(0) - if n == 0 { Duration::ZERO } else { jitter };
        let days = environment.retention_days.default;
        let tags = [
            (TAG_OPERATION, operation.clone()),
            (TAG_ENVIRONMENT, environment.name.clone()),
            (TAG_RETENTION, days.to_string()),
        ];
        let tags = tags.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        let bad = BAD.iter().find(|(bad, _)| *bad == n).map(|(_, state)| *state);
        let past = Past { environment, seed: aws.seed, at, operation, tags, bad };
        past.jobs(aws);
        // What is past its retention was deleted in time.
        if now.since(at) < Duration::from_secs(u64::from(days) * 86_400) {
            past.snapshots(aws);
            past.points(aws);
            past.archives(aws);
        }
    }
}

impl Past<'_> {
    fn ends(&self, minutes: u64) -> Course {
        Course { created: self.at, begins: self.at, ends: self.at + Duration::from_secs(60 * minutes), fails: None }
    }

    fn jobs(&self, aws: &mut Aws) {
        let e = self.environment;
        let plot = aws.plot(&e.account, &e.primary_region);
        for fs in &e.file_systems {
            let id = uuid_for(self.seed, &format!("past job/{}/{}", fs.id, self.operation));
            let (state, message) = match self.bad {
                None => ("COMPLETED", ""),
                Some("EXPIRED") => ("EXPIRED", "Backup job did not start within its start window."),
                Some("ABORTED") => ("ABORTED", "Backup job was stopped by an operator."),
                Some(other) => (other, "Backup job failed because of an internal error of AWS Backup."),
            };
            let at = self.at + Duration::from_secs(300);
            let (state, message) = (state.to_owned(), message.to_owned());
            plot.past_jobs.push(PastJob { id, resource: fs.id.clone(), state, at, message });
        }
    }

    fn snapshots(&self, aws: &mut Aws) {
        let e = self.environment;
        for db in &e.databases {
            let name = format!("{}-manual-{}-{}", db.id, self.at.yyyymmdd(), self.operation);
            let plot = aws.plot(&e.account, &e.primary_region);
            let Some(found) = plot.databases.get(&db.id) else { continue };
            let snapshot = Snapshot {
                source: db.id.clone(),
                copy: false,
                course: self.ends(8),
                size_gib: found.size_gib,
                encrypted: true,
                key: RDS_KEY.to_owned(),
                tags: self.tags.clone(),
                database: db.id.clone(),
                data: Some(self.at),
                sticks: false,
            };
            plot.snapshots.insert(name.clone(), snapshot.clone());
            if e.replicates() {
                let source = rds::arn(&e.account, &e.primary_region, &name);
                let key = e.dr_kms_key.clone().unwrap_or_else(|| RDS_KEY.to_owned());
                let copy = Snapshot { source, copy: true, course: self.ends(20), key, ..snapshot };
                aws.plot(&e.account, &e.dr_region).snapshots.insert(format!("{name}-dr"), copy);
            }
        }
    }

    fn points(&self, aws: &mut Aws) {
        let e = self.environment;
        for fs in e.file_systems.iter().filter(|_| self.bad.is_none()) {
            let plot = aws.plot(&e.account, &e.primary_region);
            let Some(found) = plot.file_systems.get(&fs.id) else { continue };
            let point = RecoveryPoint {
                resource_arn: e.file_system_arn(&fs.id),
                course: self.ends(6),
                size_bytes: found.size_bytes,
                encrypted: true,
                retention_days: e.retention_days.default,
                tags: self.tags.clone(),
                data: Some(self.at),
                expired: false,
                sticks: false,
            };
            let arn = |region: &str| {
                point_arn(self.seed, &e.account, region, &format!("past/{region}/{}/{}", fs.id, self.operation))
            };
            if let Some(vault) = plot.vaults.get_mut(&e.vault) {
                vault.points.insert(arn(&e.primary_region), point.clone());
            }
            let plot = aws.plot(&e.account, &e.dr_region);
            let dr = e.dr_vault.as_ref().filter(|_| e.replicates());
            if let Some(vault) = dr.and_then(|name| plot.vaults.get_mut(name)) {
                vault.points.insert(arn(&e.dr_region), RecoveryPoint { course: self.ends(15), ..point });
            }
        }
    }

    fn archives(&self, aws: &mut Aws) {
        let e = self.environment;
        let wanted = [
            e.secrets_prefix.as_ref().map(|p| (PointKind::Secrets, p)),
            e.parameters_prefix.as_ref().map(|p| (PointKind::Config, p)),
        ];
        for (kind, resource) in wanted.into_iter().flatten() {
            self.archive(aws, kind, resource, &format!("{kind}.json"), 6_000);
        }
        for bucket in &e.buckets {
            self.archive(aws, PointKind::S3, &bucket.name, &format!("{}.jsonl.zst", bucket.name), 9_000);
        }
        for dump in &e.dumps {
            self.archive(aws, PointKind::Dump, &dump.database, &format!("{}.dump", dump.database), 700 << 20);
        }
    }

    fn archive(&self, aws: &mut Aws, kind: PointKind, resource: &str, file: &str, size: u64) {
        let e = self.environment;
        let Some(name) = &e.secrets_bucket else { return };
        let key = format!("{}/{kind}/{}/{}/{file}", e.name, self.at.yyyymmdd(), self.operation);
        let versions = match kind {
            PointKind::Secrets => self.versions(aws, resource),
            _ => BTreeMap::new(),
        };
        let plot = aws.plot(&e.account, &e.primary_region);
        let Some(bucket) = plot.buckets.get_mut(name) else { return };
        let copied = self.ends(3);
        let replication =
            bucket.rule.clone().map(|(region, bucket)| Replica { region, bucket, course: copied.clone() });
        let object = Object {
            course: self.ends(1),
            replication: replication.clone(),
            size,
            sha256: hex::encode(Sha256::digest(key.as_bytes())),
            version_id: uuid_for(self.seed, &key).replace('-', ""),
            count: 1,
            key: S3_KEY.to_owned(),
            tags: self.tags.clone(),
            resource: resource.to_owned(),
            data: Some(self.at),
            versions,
        };
        bucket.objects.insert(key.clone(), object.clone());
        let Some(replica) = replication else { return };
        if let Some(bucket) = aws.plot(&e.account, &replica.region).buckets.get_mut(&replica.bucket) {
            let under = if bucket.key.is_empty() { BACKUP_KEY.to_owned() } else { bucket.key.clone() };
            bucket.objects.insert(key, Object { course: copied, replication: None, key: under, ..object });
        }
    }

    /// The secrets under the prefix with the versions they have.
    fn versions(&self, aws: &mut Aws, prefix: &str) -> BTreeMap<String, String> {
        let account = &self.environment.account;
        let place = aws.plot(account, &self.environment.primary_region);
        let names = names_under(place, prefix);
        names.into_iter().map(|n| (n.clone(), place.secret_version(self.seed, account, &n))).collect()
    }
}
