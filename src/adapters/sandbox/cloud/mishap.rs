//! What befalls backups, schedules and test restores in the simulated AWS behind the product's back.

use std::time::Duration;

use super::{
    Side, SimCloud,
    estate::last,
    rds,
    time::Course,
    world::{Aws, RDS_KEY, Snapshot, TAG_ENVIRONMENT, Tags, database},
};
use crate::domain::{environment::Engine, moment::Moment, world::LifecycleFound};

impl SimCloud {
    /// Puts a vault lock on a vault, or takes it off; `false` if there is no such vault.
    pub fn lock_vault(&self, environment: &str, side: Side, name: &str, locked: bool) -> bool {
        self.change(environment, side, |place, _| place.vaults.get_mut(name).map(|v| v.locked = locked).is_some())
    }

    /// Makes the next deletion of a snapshot (by name) or recovery point (by ARN or its last part) answer well without
    /// deleting it; `false` if there is none.
    pub fn fail_delete(&self, environment: &str, side: Side, id: &str) -> bool {
        self.change(environment, side, |place, _| {
            if let Some(snapshot) = place.snapshots.get_mut(last(id)) {
                snapshot.sticks = true;
                return true;
            }
            let mut points = place.vaults.values_mut().flat_map(|vault| vault.points.iter_mut());
            points.find(|(arn, _)| last(arn) == last(id)).map(|(_, point)| point.sticks = true).is_some()
        })
    }

    /// Makes whatever is restored of a DB instance from now on lack rows, or be whole again; `false` if there is none.
    pub fn corrupt_restore(&self, environment: &str, database: &str, corrupt: bool) -> bool {
        self.modify_database(environment, database, |db| db.restores_badly = corrupt)
    }

    /// The same of a file system: whatever is restored of it lacks files.
    pub fn corrupt_restored_files(&self, environment: &str, file_system: &str, corrupt: bool) -> bool {
        self.change(environment, Side::Primary, |place, _| {
            let known = place.file_systems.contains_key(file_system);
            if corrupt && known {
                place.restores_badly.insert(file_system.to_owned());
            } else {
                place.restores_badly.remove(file_system);
            }
            known
        })
    }

    /// Makes a component lag at least so much, or no more than it does; the component is named as
    /// [`Component::name`](crate::domain::lag::Component::name) does. `false` if there is no such environment.
    pub fn lag_replication(&self, environment: &str, component: &str, by: Option<Duration>) -> bool {
        let mut inner = self.changing();
        let Some(key) = inner.environments.get(environment).map(|e| Aws::lag_key(e, component)) else { return false };
        match by {
            Some(by) => inner.aws.lagging.insert(key, u64::try_from(by.as_millis()).unwrap_or(u64::MAX)),
            None => inner.aws.lagging.remove(&key),
        };
        true
    }

    /// Disables a key by alias or ARN; `false` if there is none.
    pub fn disable_key(&self, environment: &str, side: Side, key: &str) -> bool {
        self.set_key_enabled(environment, side, key, false)
    }

    /// Removes every recovery point with data of this moment or later, in both regions, and tells how many there were.
    pub fn remove_backups_since(&self, environment: &str, since: Moment) -> usize {
        let mut removed = 0;
        for side in [Side::Primary, Side::Dr] {
            self.change(environment, side, |place, environment| {
                let before = place.count();
                place
                    .snapshots
                    .retain(|_, s| s.data() < since || !environment.databases.iter().any(|db| db.id == s.database()));
                for vault in place.vaults.values_mut() {
                    vault.points.retain(|_, point| point.data() < since);
                }
                for bucket in place.buckets.values_mut() {
                    bucket.objects.retain(|_, object| object.data() < since);
                }
                removed += before - place.count();
                true
            });
        }
        removed
    }

    /// Adds usable snapshots of the environment's first DB instance, a minute apart into the past; `false` if it has none.
    pub fn add_snapshots(&self, environment: &str, side: Side, count: u32) -> bool {
        let now = self.now();
        self.change(environment, side, |place, environment| {
            let Some(db) = environment.databases.first() else { return false };
            for n in 1..=count {
                let at = now - Duration::from_secs(60) * n;
                let ending = if side == Side::Dr { "-dr" } else { "" };
                let name = format!("{}-manual-{}-many-{n}", db.id, at.yyyymmdd());
                let source = match side {
                    Side::Primary => db.id.clone(),
                    Side::Dr => rds::arn(&environment.account, &environment.primary_region, &name),
                };
                let snapshot = Snapshot {
                    source,
                    copy: side == Side::Dr,
                    course: Course::instant(at),
                    size_gib: 100,
                    encrypted: true,
                    key: RDS_KEY.to_owned(),
                    tags: Tags::from([(TAG_ENVIRONMENT.to_owned(), environment.name.clone())]),
                    database: db.id.clone(),
                    data: Some(at),
                    sticks: false,
                };
                place.snapshots.insert(format!("{name}{ending}"), snapshot);
            }
            true
        })
    }

    /// Makes a DB instance that nobody declared; `false` if there is one of that name.
    pub fn add_database(&self, environment: &str, id: &str, engine: Engine) -> bool {
        let seed = self.lock().aws.seed;
        self.change(environment, Side::Primary, |place, _| {
            let taken = place.databases.contains_key(id);
            if !taken {
                place.databases.insert(id.to_owned(), database(seed, id, engine));
            }
            !taken
        })
    }

    /// Gives a secret a new version; `false` if there is none.
    pub fn rotate_secret(&self, environment: &str, name: &str) -> bool {
        self.change(environment, Side::Primary, |place, _| {
            let known = place.secrets.contains(name);
            if known {
                *place.rotations.entry(name.to_owned()).or_default() += 1;
            }
            known
        })
    }

    /// Deletes an SSM parameter; `false` if there is none.
    pub fn delete_parameter(&self, environment: &str, name: &str) -> bool {
        self.change(environment, Side::Primary, |place, _| place.parameters.remove(name).is_some())
    }

    /// Suspends or enables versioning of a bucket; `false` if there is none.
    pub fn set_versioned(&self, environment: &str, bucket: &str, versioned: bool) -> bool {
        self.change(environment, Side::Primary, |place, _| {
            place.buckets.get_mut(bucket).map(|b| b.unversioned = !versioned).is_some()
        })
    }

    /// Replaces the lifecycle rules of a bucket; `false` if there is none.
    pub fn set_lifecycle(&self, environment: &str, bucket: &str, rules: Vec<LifecycleFound>) -> bool {
        self.change(environment, Side::Primary, |place, _| {
            place.buckets.get_mut(bucket).map(|b| b.lifecycle = rules).is_some()
        })
    }

    /// Removes the replication rule of any bucket; `false` if there is none.
    pub fn remove_bucket_rule(&self, environment: &str, bucket: &str) -> bool {
        self.change(environment, Side::Primary, |place, _| {
            place.buckets.get_mut(bucket).and_then(|b| b.rule.take()).is_some()
        })
    }

    /// Writes an object into a bucket of data whose replication takes so long, or fails; `false` if there is no such bucket.
    pub fn write_object(&self, environment: &str, bucket: &str, key: &str, replicates: Result<Duration, ()>) -> bool {
        let now = self.now();
        self.change(environment, Side::Primary, |place, _| {
            let fails = replicates.is_err().then(|| format!("S3 could not replicate {key}"));
            let lasts = replicates.unwrap_or_default();
            let found = place.buckets.get_mut(bucket);
            found.map(|b| b.write(key, now, Course::new(now, now, lasts, fails))).is_some()
        })
    }

    /// Deletes a DB subnet group; `false` if there is none.
    pub fn delete_subnet_group(&self, environment: &str, name: &str) -> bool {
        self.change(environment, Side::Primary, |place, _| place.subnet_groups.remove(name))
    }

    /// Changes a plan of AWS Backup behind the product's back: its rules keep for so many days. `false` if there is none.
    pub fn change_plan(&self, environment: &str, days: u32) -> bool {
        self.change(environment, Side::Primary, |place, environment| {
            let Some(plan) = place.plans.get_mut(&environment.plan_name()) else { return false };
            let Some(mut spec) = plan.spec().cloned() else { return false };
            spec.rules.iter_mut().for_each(|rule| rule.delete_after_days = days);
            plan.versions.push(spec);
            "somebody".clone_into(&mut plan.operation);
            true
        })
    }

    /// Ends every export, record and dump that is under way, as the death of the process that does the work would, and
    /// tells how many there were.
    pub fn interrupt_exports(&self, environment: &str) -> usize {
        let now = self.now();
        let mut ended = Vec::new();
        self.change(environment, Side::Primary, |place, _| {
            for bucket in place.buckets.values_mut() {
                let under_way = bucket.objects.iter().filter(|(_, object)| object.course.ends > now);
                let keys: Vec<String> = under_way.map(|(key, _)| key.clone()).collect();
                keys.iter().for_each(|key| drop(bucket.objects.remove(key)));
                ended.extend(keys);
            }
            true
        });
        self.change(environment, Side::Dr, |place, _| {
            for bucket in place.buckets.values_mut() {
                bucket.objects.retain(|key, _| !ended.contains(key));
            }
            true
        });
        ended.len()
    }
}
