//! What people and accidents do to the simulated AWS behind the product's back.

use super::{
    SimCloud,
    time::Course,
    world::{RDS_KEY, Region, SimDatabase, SimFileSystem, Snapshot, Tags},
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

impl SimCloud {
    /// Deletes a DB instance; `false` if there is none.
    pub fn delete_database(&self, environment: &str, id: &str) -> bool {
        self.change(environment, Side::Primary, |place, _| place.databases.remove(id).is_some())
    }

    /// Changes a DB instance; `false` if there is none.
    pub fn modify_database(&self, environment: &str, id: &str, change: impl FnOnce(&mut SimDatabase)) -> bool {
        self.change(environment, Side::Primary, |place, _| place.databases.get_mut(id).map(change).is_some())
    }

    /// Upgrades a DB instance; `false` if there is none.
    pub fn set_engine_version(&self, environment: &str, id: &str, version: &str) -> bool {
        self.modify_database(environment, id, |db| version.clone_into(&mut db.version))
    }

    /// Deletes a file system; `false` if there is none.
    pub fn delete_file_system(&self, environment: &str, id: &str) -> bool {
        self.change(environment, Side::Primary, |place, _| place.file_systems.remove(id).is_some())
    }

    /// Changes a file system; `false` if there is none.
    pub fn modify_file_system(&self, environment: &str, id: &str, change: impl FnOnce(&mut SimFileSystem)) -> bool {
        self.change(environment, Side::Primary, |place, _| place.file_systems.get_mut(id).map(change).is_some())
    }

    /// Enables or disables a key by alias or ARN; `false` if there is none.
    pub fn set_key_enabled(&self, environment: &str, side: Side, key: &str, enabled: bool) -> bool {
        self.change(environment, side, |place, _| {
            let found = place.keys.iter_mut().find(|(alias, k)| *alias == key || k.arn == key);
            found.map(|(_, key)| key.enabled = enabled).is_some()
        })
    }

    /// Disables the key that copies in the DR region are encrypted under; `false` if the config names none.
    pub fn disable_dr_key(&self, environment: &str) -> bool {
        let key = self.lock().environments.get(environment).and_then(|e| e.dr_kms_key.clone());
        key.is_some_and(|key| self.set_key_enabled(environment, Side::Dr, &key, false))
    }

    /// Removes the rule that replicates exported secrets; `false` if there is none.
    pub fn remove_replication_rule(&self, environment: &str) -> bool {
        self.change(environment, Side::Primary, |place, environment| {
            let name = environment.secrets_bucket.as_deref().unwrap_or_default();
            place.buckets.get_mut(name).and_then(|b| b.rule.take()).is_some()
        })
    }

    /// Adds a secret by its full name; `false` if it exists.
    pub fn add_secret(&self, environment: &str, name: &str) -> bool {
        self.change(environment, Side::Primary, |place, _| place.secrets.insert(name.to_owned()))
    }

    /// Deletes a secret by its full name; `false` if there is none.
    pub fn delete_secret(&self, environment: &str, name: &str) -> bool {
        self.change(environment, Side::Primary, |place, _| place.secrets.remove(name))
    }

    /// Deletes a vault with all that is in it; `false` if there is none.
    pub fn delete_vault(&self, environment: &str, side: Side, name: &str) -> bool {
        self.change(environment, side, |place, _| place.vaults.remove(name).is_some())
    }

    /// Makes somebody else's snapshot, available at once; `false` if the name or the instance does not fit.
    pub fn add_foreign_snapshot(&self, environment: &str, database: &str, name: &str) -> bool {
        let now = self.now();
        self.change(environment, Side::Primary, |place, _| foreign(place, database, name, now))
    }

    /// Deletes a snapshot; `false` if there is none.
    pub fn delete_snapshot(&self, environment: &str, side: Side, name: &str) -> bool {
        self.change(environment, side, |place, _| place.snapshots.remove(name).is_some())
    }

    /// Deletes every failed snapshot, as an operator would before a retry, and tells how many there were.
    pub fn delete_failed_snapshots(&self) -> usize {
        let mut inner = self.changing();
        let now = inner.time.now();
        let mut deleted = 0;
        for place in inner.aws.accounts.values_mut().flat_map(|regions| regions.values_mut()) {
            let before = place.snapshots.len();
            place.snapshots.retain(|_, snapshot| !snapshot.course.failed(now));
            deleted += before - place.snapshots.len();
        }
        deleted
    }

    /// Removes a tag from a snapshot; `false` if there is none.
    pub fn untag_snapshot(&self, environment: &str, side: Side, name: &str, tag: &str) -> bool {
        self.change(environment, side, |place, _| {
            place.snapshots.get_mut(name).and_then(|s| s.tags.remove(tag)).is_some()
        })
    }

    /// Overwrites an object with other bytes; `false` if there is none.
    pub fn corrupt_object(&self, environment: &str, side: Side, bucket: &str, key: &str) -> bool {
        self.change(environment, side, |place, _| {
            let object = place.buckets.get_mut(bucket).and_then(|b| b.objects.get_mut(key));
            object.map(|o| o.sha256 = "0".repeat(64)).is_some()
        })
    }

    pub(super) fn change(
        &self,
        environment: &str,
        side: Side,
        change: impl FnOnce(&mut Region, &Environment) -> bool,
    ) -> bool {
        let mut inner = self.changing();
        let inner = &mut *inner;
        let Some(environment) = inner.environments.get(environment) else { return false };
        let region = match side {
            Side::Primary => &environment.primary_region,
            Side::Dr => &environment.dr_region,
        };
        inner.aws.region_mut(&environment.account, region).is_ok_and(|place| change(place, environment))
    }
}

fn foreign(place: &mut Region, database: &str, name: &str, now: Moment) -> bool {
    let Some(db) = place.databases.get(database).filter(|_| !place.snapshots.contains_key(name)) else { return false };
    let snapshot = Snapshot {
        source: database.to_owned(),
        copy: false,
        course: Course::instant(now),
        size_gib: db.size_gib,
        encrypted: db.encrypted,
        key: if db.encrypted { RDS_KEY.to_owned() } else { String::new() },
        tags: Tags::new(),
        database: database.to_owned(),
        data: None,
        sticks: false,
    };
    place.snapshots.insert(name.to_owned(), snapshot).is_none()
}
