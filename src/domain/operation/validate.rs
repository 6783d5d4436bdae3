//! `backup.validate`: whether the backups are worth anything. Reports that only look, and a restore that proves it.

use super::draft::{Draft, Head};
use crate::domain::{
    command::Checks,
    environment::{Database, Environment},
    mark::MarkKind,
    moment::{Moment, spoken},
    operation::OpId,
    plan::Plan,
    point::{Place, Point, PointKind},
    step::Action,
    world::{Survey, World},
};

/// Kind.
pub const KIND: &str = "backup.validate";
/// Prefix of its ids.
pub const PREFIX: &str = "vl";
/// What a test leaves behind is cleaned up by itself after this long, in hours.
pub const TTL_HOURS: u64 = 24;

/// What has to be known of the live world.
pub fn survey(env: &Environment, checks: Checks) -> Survey {
    if !checks.test_restore {
        return Survey::default();
    }
    Survey {
        databases: env.databases.iter().map(|d| d.id.clone()).collect(),
        newest: true,
        isolated: !env.databases.is_empty(),
        ..Survey::default()
    }
}

/// The plan.
///
/// # Errors
/// What stands in the way, a sentence each: only what was asked for by name stands in the way, the rest is noted.
pub fn plan(env: &Environment, checks: Checks, world: &World, id: &OpId, now: Moment) -> Result<Plan, Vec<String>> {
    let mut draft = Draft::default();
    if checks.inventory {
        let region = env.primary_region.clone();
        draft.step(format!("Take inventory of {}", env.name), vec![], Action::InventoryReport { region });
    }
    if checks.replication {
        let region = if env.replicates() { &env.dr_region } else { &env.primary_region };
        draft.step(
            format!("Measure how far the copies of {} are behind", env.name),
            vec![],
            Action::ReplicationReport { region: region.clone() },
        );
    }
    if checks.test_restore {
        let before = draft.all().len();
        let mut tests = Tests { env, world, id, now, draft: &mut draft, missing: Vec::new() };
        tests.all();
        let missing = tests.missing;
        let only = !checks.inventory && !checks.replication;
        for why in missing {
            if only && draft.all().len() == before {
                draft.problem(format!("Not tested: {why}"));
            } else {
                draft.note(format!("Not tested: {why}"));
            }
        }
    }
    draft.finish(Head { kind: KIND, environment: env, scope: checks.words(), tenant: None, retention_days: None })
}

struct Tests<'a> {
    env: &'a Environment,
    world: &'a World,
    id: &'a OpId,
    now: Moment,
    draft: &'a mut Draft,
    missing: Vec<String>,
}

impl Tests<'_> {
    fn all(&mut self) {
        for database in &self.env.databases {
            // What a schedule of AWS Backup makes lies in a vault; a snapshot is what is restored for a test.
            match self.newest_snapshot(&database.id).or_else(|| self.newest(PointKind::Rds, &database.id)) {
                Some(point) => self.database(database, &point),
                None => self.missing.push(format!(
                    "there is no usable recovery point of database {}. Make one: `/bbws backup create {} rds`.",
                    database.id, self.env.name
                )),
            }
        }
        if !self.env.file_systems.is_empty() {
            self.missing.push("file systems: bbws has no mount to compare files by. Restore one in AWS Backup into a new file system and compare a sample by hand.".to_owned());
        }
        self.secrets();
        self.dumps();
    }

    fn newest(&self, kind: PointKind, resource: &str) -> Option<Point> {
        let of = |p: &&Point| p.kind == kind && p.resource == resource && p.usable();
        self.world.newest.iter().filter(of).max_by_key(|p| p.created).cloned()
    }

    fn newest_snapshot(&self, database: &str) -> Option<Point> {
        let of = |p: &&Point| p.place == Place::Snapshot && p.resource == database && p.usable();
        self.world.newest.iter().filter(of).max_by_key(|p| p.created).cloned()
    }

    fn database(&mut self, database: &Database, point: &Point) {
        if let Some(Err(why)) = &self.world.isolated {
            self.missing.push(format!("database {}: {why}", database.id));
            return;
        }
        if point.place != Place::Snapshot {
            self.missing.push(format!(
                "database {}: its newest recovery point {} lies in a vault of AWS Backup, and only snapshots are restored for a test. Make one: `/bbws backup create {} rds`, then test again.",
                database.id, point.id, self.env.name
            ));
            return;
        }
        if !self.world.databases.iter().any(|d| d.id == database.id) {
            self.missing.push(format!(
                "database {} was not found, so there is nothing to compare with. Check its name in bbws.toml.",
                database.id
            ));
            return;
        }
        self.draft.fact(
            format!("Newest recovery point of {}", database.id),
            format!("{}, data of {}", point.id, point.created),
        );
        self.draft.note(format!(
            "{} is restored into DB subnet group {}, validated and deleted again. What is left of it is deleted by itself after {TTL_HOURS} h.",
            point.id,
            self.env.isolated_subnet_group()
        ));
        self.draft.note(format!("Its data is {} old.", spoken(self.now.since(point.created))));
        self.restore(database, point);
    }

    fn restore(&mut self, database: &Database, point: &Point) {
        let region = self.env.primary_region.clone();
        let instance = format!("{}-restored-{}", database.id, self.id);
        let noted = self.draft.step(
            format!("Write down that {instance} is made for a test"),
            vec![],
            Action::Mark { mark: MarkKind::Leftover, subject: instance.clone(), note: region.clone() },
        );
        let restored = self.draft.step(
            format!("Restore {} as {instance}", point.id),
            vec![noted],
            Action::RestoreTest {
                region: region.clone(),
                snapshot: point.id.clone(),
                instance: instance.clone(),
                subnet_group: self.env.isolated_subnet_group().to_owned(),
                security_groups: self.env.restore_test_security_groups.clone(),
            },
        );
        let dump = self.env.dumps.iter().find(|d| d.database == database.id);
        if dump.is_none() {
            self.draft.note(format!(
                "No `dumps` entry names credentials of {}: its tables are not compared, and it does not count as restore-tested.",
                database.id
            ));
        }
        let tenants = self.env.tenants.values().filter(|t| t.database.as_ref() == Some(&database.id));
        let validated = self.draft.step(
            format!("Validate {instance} against {}", database.id),
            vec![restored],
            Action::VerifyDatabase {
                region: region.clone(),
                instance: instance.clone(),
                database: database.id.clone(),
                engine: database.engine,
                secret: dump.map(|d| d.secret.clone()),
                schemas: dump.map(|d| d.schemas.clone()).unwrap_or_default(),
                wordpress: tenants.filter_map(|t| t.schema.clone()).collect(),
                data_of: point.created,
                rpo_seconds: self.env.rpo.0.as_secs(),
            },
        );
        if dump.is_some() {
            self.draft.step(
                format!("Write down that {} is restore-tested", point.id),
                vec![validated],
                Action::Mark {
                    mark: MarkKind::Tested,
                    subject: point.key(),
                    note: format!("{} by {}", database.id, self.id),
                },
            );
        }
        let deleted = self.draft.always(
            format!("Delete {instance}"),
            vec![restored, validated],
            Action::DeleteInstance { region, instance: instance.clone(), operation: self.id.to_string() },
        );
        self.draft.step(
            format!("Write down that nothing is left of {instance}"),
            vec![deleted],
            Action::Unmark { mark: MarkKind::Leftover, subject: instance },
        );
    }

    fn secrets(&mut self) {
        let Some(prefix) = self.env.secrets_prefix.clone() else { return };
        let newest = self.world.newest.iter().filter(|p| p.kind == PointKind::Secrets && p.usable());
        let Some((point, bucket)) = newest.max_by_key(|p| p.created).and_then(in_bucket) else {
            self.missing.push(format!(
                "there is no export of secrets. Make one: `/bbws backup create {} secrets`.",
                self.env.name
            ));
            return;
        };
        self.draft.fact("Newest export of secrets", format!("{}, of {}", point.id, point.created));
        self.draft.step(
            format!("Validate the export of secrets under {prefix}"),
            vec![],
            Action::VerifySecrets {
                region: self.env.primary_region.clone(),
                prefix,
                bucket: bucket.to_owned(),
                key: point.id.clone(),
            },
        );
    }

    fn dumps(&mut self) {
        for dump in &self.env.dumps {
            let ending = format!("/{}.dump", dump.database);
            let of = |p: &&Point| p.kind == PointKind::Dump && p.usable() && p.id.ends_with(&ending);
            let Some((point, bucket)) =
                self.world.newest.iter().filter(of).max_by_key(|p| p.created).and_then(in_bucket)
            else {
                self.missing.push(format!(
                    "there is no dump of {}. Make one: `/bbws backup create {} dump`.",
                    dump.database, self.env.name
                ));
                continue;
            };
            self.draft.fact(format!("Newest dump of {}", dump.database), format!("{}, of {}", point.id, point.created));
            self.draft.step(
                format!("Read the newest dump of {} to its end", dump.database),
                vec![],
                Action::VerifyDump {
                    region: self.env.primary_region.clone(),
                    bucket: bucket.to_owned(),
                    key: point.id.clone(),
                    engine: dump.engine,
                    retention_days: point.retention_days.unwrap_or(self.env.retention_days.min),
                },
            );
        }
    }
}

fn in_bucket(point: &Point) -> Option<(&Point, &str)> {
    match &point.place {
        Place::Bucket { bucket } => Some((point, bucket)),
        _ => None,
    }
}
