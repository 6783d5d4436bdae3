//! The restores that prove a backup: of every database and file system into something of its own, looked into and deleted
//! again; of secrets and dumps by reading them to their end.

use super::super::{
    cleanup,
    draft::Draft,
    proof::{self, Subject},
};
use super::{Checks, TTL_HOURS, UNTESTED};
use crate::domain::{
    environment::{Database, Dump, Environment, FileSystem},
    mark::{Leftover, Mark, MarkKind},
    moment::{Moment, spoken},
    operation::OpId,
    point::{Place, Point, PointKind},
    restored, step,
    world::{Network, World},
};

/// Test restores in the planning.
pub(super) struct Tests<'a> {
    pub(super) env: &'a Environment,
    pub(super) world: &'a World,
    pub(super) id: &'a OpId,
    pub(super) now: Moment,
    pub(super) draft: &'a mut Draft,
    pub(super) missing: Vec<String>,
    pub(super) checks: Checks,
}

impl Tests<'_> {
    /// Everything that can be restored and was asked for; what cannot is in `missing`, with why.
    pub(super) fn all(&mut self) {
        if self.checks.test_restore {
            self.points();
        }
        self.dumps();
    }

    fn points(&mut self) {
        for database in &self.env.databases {
            match self.newest_snapshot(&database.id).or_else(|| self.newest(PointKind::Rds, &database.id)) {
                Some(point) => self.database(database, &point),
                None => self.missing.push(format!(
                    "there is no usable recovery point of database {}. Make one: `/bbws backup create {} rds`.",
                    database.id, self.env.name
                )),
            }
        }
        for files in &self.env.file_systems {
            match self.newest(PointKind::Efs, &files.id) {
                Some(point) => self.files(files, &point),
                None => self.missing.push(format!(
                    "there is no usable recovery point of file system {}. Make one: `/bbws backup create {} efs`.",
                    files.id, self.env.name
                )),
            }
        }
        self.secrets();
    }

    /// What a point is called that is restored: the newest there is, or the one that was drawn.
    fn which(&self) -> String {
        match self.checks.since {
            None => "Newest recovery point".to_owned(),
            Some(since) => format!("Recovery point, at random of the last {},", spoken(since.0)),
        }
    }

    fn newest(&self, kind: PointKind, resource: &str) -> Option<Point> {
        let of = |p: &&Point| p.kind == kind && p.resource == resource && p.usable();
        self.world.newest.iter().filter(of).max_by_key(|p| p.created).cloned()
    }

    /// A continuous backup may be newer, but is restored to a moment.
    fn newest_snapshot(&self, database: &str) -> Option<Point> {
        let of = |p: &&Point| p.snapshot().is_some() && p.resource == database && p.usable();
        self.world.newest.iter().filter(of).max_by_key(|p| p.created).cloned()
    }

    fn database(&mut self, database: &Database, point: &Point) {
        if let Err(why) = self.network() {
            self.missing.push(format!("database {}: {why}", database.id));
            return;
        }
        let Some(snapshot) = point.snapshot().map(str::to_owned) else {
            self.missing.push(format!(
                "database {}: its newest recovery point {} is a continuous backup, which is restored to a moment and not for a test. Make one: `/bbws backup create {} rds`, then test again.",
                database.id, point.id, self.env.name
            ));
            return;
        };
        if !self.world.databases.iter().any(|d| d.id == database.id) {
            self.missing.push(format!(
                "database {} was not found, so there is nothing to compare with. Check its name in bbws.toml.",
                database.id
            ));
            return;
        }
        self.draft
            .fact(format!("{} of {}", self.which(), database.id), format!("{}, data of {}", point.id, point.created));
        self.announce(point, &format!("DB subnet group {}", self.env.isolated_subnet_group()));
        self.restore(database, point, snapshot);
    }

    /// What becomes of the restored thing, and how old its data is.
    fn announce(&mut self, point: &Point, place: &str) {
        self.draft.note(format!(
            "{} is restored into {place}, validated and deleted again. What is left of it is deleted by itself after {TTL_HOURS} h.",
            point.id
        ));
        self.draft.note(format!("The data in {} is {} old.", point.id, spoken(self.now.since(point.created))));
    }

    /// The isolated network.
    fn network(&self) -> Result<&Network, String> {
        match &self.world.isolated {
            Some(found) => found.as_ref().map_err(Clone::clone),
            None => Err("whether the isolated network is there is not known. Ask again.".to_owned()),
        }
    }

    fn restore(&mut self, database: &Database, point: &Point, snapshot: String) {
        let subject = Subject {
            point: point.id.clone(),
            snapshot,
            key: point.key(),
            created: point.created,
            region: self.env.primary_region.clone(),
            source_region: None,
            measures: self.checks.since.is_some(),
        };
        proof::steps(self.draft, (self.env, self.id), database, &subject, &[]);
    }

    fn files(&mut self, files: &FileSystem, point: &Point) {
        let FileSystem { id, name: called } = files;
        let subnet = match self.network() {
            Ok(network) => network.subnets.first().cloned(),
            Err(why) => {
                self.missing.push(format!("file system {id}: {why}"));
                return;
            }
        };
        let (Some(subnet), Place::Vault { vault }) = (subnet, &point.place) else {
            let group = self.env.isolated_subnet_group();
            self.missing.push(format!("file system {id}: DB subnet group {group} has no subnet. Give it one."));
            return;
        };
        if !self.world.file_systems.iter().any(|found| found.id == *id) {
            self.missing.push(format!(
                "file system {id} was not found, so there is nothing to compare with. Check its id in bbws.toml."
            ));
            return;
        }
        self.draft
            .fact(format!("{} of {id} ({called})", self.which()), format!("{}, data of {}", point.id, point.created));
        self.announce(point, &format!("a new file system with an address in subnet {subnet}"));
        self.restore_files(files, point, vault.clone(), subnet);
    }

    fn restore_files(&mut self, files: &FileSystem, point: &Point, vault: String, subnet: String) {
        let region = self.env.primary_region.clone();
        let name = restored::name(&files.id, &self.id.0);
        let noted = self.draft.step(
            format!("Write down that {name} is made for a test"),
            vec![],
            step::Remember { mark: MarkKind::Leftover, subject: name.clone(), note: Leftover::files(&region).note() },
        );
        let restored = self.draft.step(
            format!("Restore {} as {name}", point.id),
            vec![noted],
            step::RestoreFiles {
                region: region.clone(),
                vault,
                recovery_point: point.arn.clone(),
                name: name.clone(),
                role: self.env.backup_role.clone(),
            },
        );
        let tagged = self.draft.step(
            format!("Tag {name}"),
            vec![restored],
            step::TagFiles { region: region.clone(), name: name.clone() },
        );
        let mounted = self.draft.step(
            format!("Give {name} an address in the isolated network"),
            vec![tagged],
            step::MountTarget {
                region: region.clone(),
                name: name.clone(),
                subnet,
                security_groups: self.env.restore_test_security_groups.clone(),
            },
        );
        let tenants = self.env.tenants.values().filter(|t| t.file_system.as_ref() == Some(&files.id));
        let validated = self.draft.step(
            format!("Compare a sample of {name} with {}", files.id),
            vec![mounted],
            step::VerifyFiles {
                region: region.clone(),
                name: name.clone(),
                file_system: files.id.clone(),
                folders: tenants.filter_map(|t| t.path.clone()).collect(),
                data_of: point.created,
            },
        );
        self.tested(point, &files.id, validated);
        // After the restore by way of what follows it. Where none of that was reached, nothing has to be there to be tagged.
        let mut last = vec![tagged, mounted, validated];
        for (title, action) in cleanup::ends_of_files(&region, &name, &self.id.0) {
            last = vec![self.draft.always(title, last, action)];
        }
        self.draft.step(
            format!("Write down that nothing is left of {name}"),
            last,
            step::Forget { mark: MarkKind::Leftover, subject: name },
        );
    }

    /// Remembers that the point was restored and found good.
    fn tested(&mut self, point: &Point, resource: &str, validated: usize) {
        self.draft.step(
            format!("Write down that {} is restore-tested", point.id),
            vec![validated],
            step::Remember { mark: MarkKind::Tested, subject: point.key(), note: Mark::tested(resource, &self.id.0) },
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
            step::VerifySecrets {
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
            let newest = self.world.newest.iter().filter(of).max_by_key(|p| p.created).cloned();
            let Some((point, bucket)) = newest.as_ref().and_then(in_bucket) else {
                self.missing.push(format!(
                    "there is no dump of {}. Make one: `/bbws backup create {} dump`.",
                    dump.database, self.env.name
                ));
                continue;
            };
            self.draft.fact(format!("Newest dump of {}", dump.database), format!("{}, of {}", point.id, point.created));
            match dump.load_test.is_none() && self.checks.dump_test {
                true => self.load(dump, point, bucket),
                false => self.read(dump, point, bucket),
            }
        }
    }

    /// Loaded into an instance that is made for it and deleted again.
    fn load(&mut self, dump: &Dump, point: &Point, bucket: &str) {
        let Dump { database: id, engine, secret, schemas, .. } = dump;
        let why = match self.network() {
            Err(why) => Some(why),
            Ok(_) if !self.world.databases.iter().any(|found| found.id == *id) => Some(
                "it was not found, so it cannot be known what an instance like it is. Check its name in bbws.toml."
                    .to_owned(),
            ),
            Ok(_) => None,
        };
        if let Some(why) = why {
            self.missing.push(format!("the dump of {id}: {why}"));
            return;
        }
        let region = self.env.primary_region.clone();
        let declared = self.env.databases.iter().find(|database| database.id == *id);
        let name = declared.map_or(id.as_str(), Database::name);
        let instance = match self.checks.test_restore {
            false => restored::name(name, &self.id.0),
            // The test restore of the database itself has that name.
            true => restored::name(&format!("{name}-dump"), &self.id.0),
        };
        self.announce(point, &format!("DB subnet group {}", self.env.isolated_subnet_group()));
        let noted = self.draft.step(
            format!("Write down that {instance} is made for a test"),
            vec![],
            step::Remember {
                mark: MarkKind::Leftover,
                subject: instance.clone(),
                note: Leftover::instance(&region).note(),
            },
        );
        let made = self.draft.step(
            format!("Make {instance}, empty and like {id}"),
            vec![noted],
            step::CreateEmpty {
                source_region: None,
                region: region.clone(),
                database: id.clone(),
                secret: secret.clone(),
                instance: instance.clone(),
                subnet_group: self.env.isolated_subnet_group().to_owned(),
                security_groups: self.env.restore_test_security_groups.clone(),
                live: false,
            },
        );
        let loaded = self.draft.step(
            format!("Load {} into {instance}, and compare", point.id),
            vec![made],
            step::LoadDump {
                source_region: None,
                region: region.clone(),
                bucket: bucket.to_owned(),
                key: point.id.clone(),
                database: id.clone(),
                engine: *engine,
                secret: secret.clone(),
                schemas: schemas.clone(),
                instance: instance.clone(),
            },
        );
        self.tested(point, &Mark::dump_of(id), loaded);
        let deleted = self.draft.always(
            format!("Delete {instance}"),
            vec![made, loaded],
            step::DeleteInstance { region, instance: instance.clone(), operation: self.id.to_string() },
        );
        self.draft.step(
            format!("Write down that nothing is left of {instance}"),
            vec![deleted],
            step::Forget { mark: MarkKind::Leftover, subject: instance },
        );
    }

    /// Loaded where the config names a server for that; otherwise read to its end, which is less, and says so.
    fn read(&mut self, dump: &Dump, point: &Point, bucket: &str) {
        let Dump { database, engine, secret, load_test, .. } = dump;
        let title = match load_test {
            Some(server) => {
                format!("Load the newest dump of {database} into the server of {server} and count its rows")
            }
            None => format!("Read the newest dump of {database} to its end"),
        };
        let verified = self.draft.step(
            title,
            vec![],
            step::VerifyDump {
                region: self.env.primary_region.clone(),
                bucket: bucket.to_owned(),
                key: point.id.clone(),
                engine: *engine,
                retention_days: point.retention_days.unwrap_or(self.env.retention_days.min),
                load_test: load_test.clone().map(|server| step::LoadTest { secret: server, source: secret.clone() }),
            },
        );
        if load_test.is_some() {
            self.tested(point, &Mark::dump_of(database), verified);
        } else {
            self.draft.note(format!(
                "{UNTESTED}that the dump of {database} can be loaded: its `dumps` entry in the config names no `load_test`, a secret with the login of a server of the test's own."
            ));
        }
    }
}

fn in_bucket(point: &Point) -> Option<(&Point, &str)> {
    match &point.place {
        Place::Bucket { bucket } => Some((point, bucket)),
        _ => None,
    }
}
