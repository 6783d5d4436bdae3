//! What people and accidents do to the simulated AWS behind the product's back, and what is really there.

use std::{collections::BTreeMap, time::Duration};

use super::{
    SimAws,
    time::Timeline,
    world::{
        Region, Tags, World,
        kms::RDS_KEY,
        rds::{Event, Instance, Snapshot},
        rows::{Happening, Rows},
        sns::Message,
    },
};
use crate::domain::{environment::Environment, moment::Moment};

/// Which region of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where the platform runs.
    Primary,
    /// Where it runs after a failover.
    Dr,
}

impl Side {
    /// Its region.
    pub fn of(self, environment: &Environment) -> &str {
        match self {
            Side::Primary => &environment.primary_region,
            Side::Dr => &environment.dr_region,
        }
    }
}

impl SimAws {
    /// An environment that it was made for.
    fn environment(&self, name: &str) -> Option<Environment> {
        self.lock().environments.get(name).cloned()
    }

    /// Changes a region of an environment; `None` if there is no such environment.
    pub fn meddle<T>(
        &self,
        environment: &str,
        side: Side,
        change: impl FnOnce(&mut Region, &Environment, Moment) -> T,
    ) -> Option<T> {
        let environment = self.environment(environment)?;
        Some(self.change(|world, now| {
            let region = world.region(&environment.account, side.of(&environment));
            change(region, &environment, now)
        }))
    }

    /// Looks at a region of an environment.
    pub fn inspect<T>(
        &self,
        environment: &str,
        side: Side,
        look: impl FnOnce(&World, &Region, Moment) -> T,
    ) -> Option<T> {
        let environment = self.environment(environment)?;
        self.look(|world, now| Some(look(world, world.find(&environment.account, side.of(&environment))?, now)))
    }

    /// Changes a DB instance; `false` if there is none.
    pub fn modify_database(&self, environment: &str, id: &str, change: impl FnOnce(&mut Instance)) -> bool {
        let changed = self
            .meddle(environment, Side::Primary, |place, _, _| place.rds.instances.get_mut(id).map(change).is_some());
        changed == Some(true)
    }

    /// Somebody switched the automated backups of an instance off, and on again later.
    pub fn backups_were_off(&self, environment: &str, id: &str, (from, until): (Moment, Moment)) {
        self.meddle(environment, Side::Primary, |place, _, _| {
            place.rds.events.extend([Event::backups(id, from, false), Event::backups(id, until, true)]);
        });
    }

    /// RDS tells that something happened to an instance, in words of its own.
    pub fn rds_tells(&self, environment: &str, id: &str, at: Moment, (category, message): (&str, &str)) {
        self.meddle(environment, Side::Primary, |place, _, _| {
            place.rds.events.push(Event::new(id, at, category, message));
        });
    }

    /// From now on so many per cent of the storage of an instance that is there, or will be, are free.
    pub fn fill_storage(&self, environment: &str, id: &str, percent: u8) {
        self.meddle(environment, Side::Primary, |place, _, _| place.cloudwatch.free.insert(id.to_lowercase(), percent));
    }

    /// Takes rows away from a database since a moment of the past: it lacks them, and so does every snapshot made of it since.
    pub fn corrupt_since(&self, environment: &str, id: &str, at: Moment) {
        self.modify_database(environment, id, |db| db.data.lacks_rows = true);
        for side in [Side::Primary, Side::Dr] {
            self.meddle(environment, side, |place, _, _| {
                let of = place.rds.snapshots.values_mut().filter(|snapshot| snapshot.instance == id);
                for snapshot in of.filter(|snapshot| snapshot.data.until.is_some_and(|until| until >= at)) {
                    snapshot.data.lacks_rows = true;
                }
            });
        }
    }

    /// Somebody runs DELETE without WHERE on a tenant's table, named with its schema; `false` if there is no such database.
    pub fn delete_rows(&self, environment: &str, id: &str, table: &str) -> bool {
        self.happens(environment, id, table, Happening::Emptied)
    }

    /// A faulty program overwrites rows of a tenant's table; `false` if there is no such database.
    pub fn corrupt_rows(&self, environment: &str, id: &str, table: &str) -> bool {
        self.happens(environment, id, table, Happening::Corrupted)
    }

    /// Somebody drops a tenant's table; `false` if there is no such database.
    pub fn drop_table(&self, environment: &str, id: &str, table: &str) -> bool {
        self.happens(environment, id, table, Happening::Is(None))
    }

    /// The rows of a tenant's table now; none where there is no such table.
    pub fn rows_of(&self, environment: &str, id: &str, table: &str) -> Option<Rows> {
        let found = self.inspect(environment, Side::Primary, |_, place, now| {
            place.rds.instance(id, now).and_then(|found| found.data.table(table, now))
        });
        found.flatten()
    }

    fn happens(&self, environment: &str, id: &str, table: &str, what: Happening) -> bool {
        let changed = self.meddle(environment, Side::Primary, |place, _, now| {
            place.rds.instances.get_mut(id).map(|found| found.data.happens(table, now, what)).is_some()
        });
        changed == Some(true)
    }

    /// Keeps no more versions in a bucket; `false` if there is none.
    pub fn suspend_versions(&self, bucket: &str) -> bool {
        self.change(|world, _| world.s3.buckets.get_mut(bucket).map(|found| found.versioning = Some(false)).is_some())
    }

    /// Deletes a DB instance; `false` if there is none.
    pub fn delete_database(&self, environment: &str, id: &str) -> bool {
        self.meddle(environment, Side::Primary, |place, _, _| place.rds.instances.remove(id).is_some()) == Some(true)
    }

    /// Upgrades a DB instance; `false` if there is none.
    pub fn set_engine_version(&self, environment: &str, id: &str, version: &str) -> bool {
        self.modify_database(environment, id, |db| version.clone_into(&mut db.version))
    }

    /// Deletes a DB subnet group; `false` if there is none.
    pub fn delete_subnet_group(&self, environment: &str, name: &str) -> bool {
        let gone = |place: &mut Region, _: &Environment, _: Moment| place.rds.subnet_groups.remove(name).is_some();
        self.meddle(environment, Side::Primary, gone) == Some(true)
    }

    /// Enables or disables a key by alias or ARN; `false` if there is none.
    pub fn set_key_enabled(&self, environment: &str, side: Side, key: &str, enabled: bool) -> bool {
        self.meddle(environment, side, |place, _, _| place.kms.set_enabled(key, enabled)) == Some(true)
    }

    /// Adds usable snapshots of the environment's first DB instance, a minute apart into the past; `false` if it has none.
    pub fn add_snapshots(&self, environment: &str, side: Side, count: u32) -> bool {
        let Some(declared) = self.environment(environment) else { return false };
        let Some(db) = declared.databases.first() else { return false };
        let found = |_: &World, place: &Region, _: Moment| place.rds.instances.get(&db.id).cloned();
        let Some(instance) = self.inspect(environment, Side::Primary, found).flatten() else { return false };
        let added = self.meddle(environment, side, |place, environment, now| {
            let key = place.kms.arn(RDS_KEY).map(str::to_owned);
            for n in 1..=count {
                let at = now - Duration::from_secs(60) * n;
                let name = format!("{}-manual-{}-many-{n}", db.id, at.yyyymmdd());
                let tags = Tags::from([("bbws:environment".to_owned(), environment.name.clone())]);
                let snapshot = Snapshot::of(&db.id, &instance, Timeline::instant(at), tags.clone());
                match side {
                    Side::Primary => place.rds.snapshots.insert(name, snapshot),
                    Side::Dr => {
                        let (region, account) = (&environment.primary_region, &environment.account);
                        let source = format!("arn:aws:rds:{region}:{account}:snapshot:{name}");
                        let copy = snapshot.copy(&source, Timeline::instant(at), key.clone(), tags);
                        place.rds.snapshots.insert(format!("{name}-dr"), copy)
                    }
                };
            }
        });
        added.is_some()
    }

    /// Deletes every failed snapshot, as an operator would before a retry, and tells how many there were.
    pub fn delete_failed_snapshots(&self) -> usize {
        self.change(|world, now| {
            let mut deleted = 0;
            for (_, _, place) in world.places_mut() {
                let before = place.rds.snapshots.len();
                place.rds.snapshots.retain(|_, snapshot| !snapshot.timeline.failed(now));
                deleted += before - place.rds.snapshots.len();
            }
            deleted
        })
    }

    /// Everything an environment can be restored from in one of its regions, by the ids people use: names of snapshots, ids
    /// of recovery points, keys of archives.
    pub fn point_ids(&self, environment: &str, side: Side) -> Vec<String> {
        let Some(declared) = self.environment(environment) else { return Vec::new() };
        let (vault, bucket) = match side {
            Side::Primary => (Some(&declared.vault), declared.secrets_bucket.as_ref()),
            Side::Dr => (declared.dr_vault.as_ref(), declared.dr_secrets_bucket.as_ref()),
        };
        let found = |world: &World, place: &Region, now: Moment| {
            let is_ours = |s: &&Snapshot| declared.databases.iter().any(|db| db.id == s.instance);
            let snapshots = place.rds.snapshots.iter().filter(|(_, s)| is_ours(s) && !s.is_gone(now));
            let mut ids: Vec<String> = snapshots.map(|(name, _)| name.clone()).collect();
            if let Some((name, vault)) = vault.and_then(|name| place.backup.vaults.get_key_value(name)) {
                let there = vault.points.iter().filter(|(_, p)| place.backup.status_of(name, p, now).is_some());
                ids.extend(there.filter_map(|(arn, _)| arn.rsplit(':').next()).map(str::to_owned));
            }
            if let Some(bucket) = bucket.and_then(|name| world.s3.buckets.get(name)) {
                ids.extend(bucket.objects.keys().filter(|key| bucket.current(key, now).is_some()).cloned());
            }
            ids
        };
        self.inspect(environment, side, found).unwrap_or_default()
    }

    /// Instances that were restored for a test and exist, by name, with the name of the snapshot's instance.
    pub fn restored_instances(&self) -> BTreeMap<String, String> {
        self.look(|world, now| {
            let all = world.places().flat_map(|(_, _, place)| &place.rds.instances);
            all.filter(|(_, i)| i.data.until.is_some() && !i.is_gone(now))
                .map(|(name, instance)| (name.clone(), instance.data.of.clone()))
                .collect()
        })
    }

    /// File systems that were restored for a test and exist: creation tokens by id.
    pub fn restored_files(&self) -> BTreeMap<String, String> {
        self.look(|world, now| {
            let all = world.places().flat_map(|(_, _, place)| &place.efs.file_systems);
            all.filter(|(_, fs)| fs.restored.is_some() && fs.exists(now))
                .map(|(id, fs)| (id.clone(), fs.token.clone()))
                .collect()
        })
    }

    /// What reached the topics of all accounts: name of the topic and message, oldest first.
    pub fn published(&self) -> Vec<(String, Message)> {
        self.look(|world, _| {
            let topics = world.places().flat_map(|(_, _, place)| &place.sns.topics);
            let mut all: Vec<(String, Message)> = topics
                .flat_map(|(name, topic)| topic.messages.iter().map(move |message| (name.clone(), message.clone())))
                .collect();
            all.sort_by_key(|(_, message)| message.at);
            all
        })
    }
}
