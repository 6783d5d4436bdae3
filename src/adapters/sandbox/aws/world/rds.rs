//! DB instances, their snapshots and automated backups, and subnet groups of RDS.

use std::{collections::BTreeMap, time::Duration};

use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::{
    super::time::{Phase, Slots, Timeline, hex_for, rng_for},
    Tags,
    rows::{Happening, Rows, Tables},
};
use crate::domain::{environment::Engine, moment::Moment};

/// Up to this long ago an instance with automated backups can be restored.
const RESTORABLE: Duration = Duration::from_secs(240);

/// RDS in a region.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Rds {
    /// By identifier, which is in lower case.
    pub instances: BTreeMap<String, Instance>,
    /// By identifier, which is in lower case.
    pub snapshots: BTreeMap<String, Snapshot>,
    /// Subnets of each DB subnet group.
    pub subnet_groups: BTreeMap<String, Vec<String>>,
    /// Automated backups that were replicated here, by the ARN of their source.
    pub replicated: BTreeMap<String, Replicated>,
    /// How many instances the account may have, where it asked for another number than it had.
    #[serde(default)]
    pub most_instances: Option<u32>,
    /// Ends of snapshot copies that arrive here.
    pub copies: Slots,
    /// What happened to instances, in the order of time.
    #[serde(default)]
    pub events: Vec<Event>,
}

/// Something that RDS tells of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The instance.
    pub instance: String,
    /// When.
    pub at: Moment,
    /// What kind of thing.
    #[serde(default)]
    pub category: String,
    /// What it says.
    pub message: String,
}

impl Event {
    /// That its automated backups were switched on or off.
    pub fn backups(instance: &str, at: Moment, on: bool) -> Event {
        let what = if on { "enabled" } else { "disabled" };
        Event::new(instance, at, "configuration change", &format!("Automated backups {what}"))
    }

    /// That something happened to it.
    pub fn new(instance: &str, at: Moment, category: &str, message: &str) -> Event {
        Event { instance: instance.to_owned(), at, category: category.to_owned(), message: message.to_owned() }
    }
}

/// Automated backups of an instance of another region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicated {
    /// How far they are behind, in seconds.
    pub behind: u64,
}

/// A DB instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// `mysql`, ….
    pub engine: String,
    /// `8.0.36`.
    pub version: String,
    /// Allocated storage in GiB.
    pub size_gib: u32,
    /// ARN of the key it is encrypted under; not encrypted where there is none.
    pub key: Option<String>,
    /// Multi-AZ.
    pub multi_az: bool,
    /// What it is when RDS does nothing with it: `available`, `stopped`, ….
    pub status: String,
    /// Days of automated backups; 0 is none.
    pub automated_days: u32,
    /// Window of automated backups in UTC.
    pub window: String,
    /// DB subnet group.
    pub subnet_group: String,
    /// VPC security groups.
    pub security_groups: Vec<String>,
    /// Cannot be deleted.
    pub protected: bool,
    /// Tags.
    pub tags: Tags,
    /// How it comes to be.
    pub creating: Timeline,
    /// How its storage arrives after that, where it was restored.
    pub initializing: Option<Timeline>,
    /// Until when a snapshot is made of it.
    pub backing_up: Option<Moment>,
    /// A change under way.
    pub modifying: Option<Modification>,
    /// How it ends.
    pub deleting: Option<Timeline>,
    /// What is in it.
    pub data: Data,
    /// Whatever is restored of it from now on has lost rows.
    pub restores_badly: bool,
    /// The id that stays with it under another name; that of its name where it never had another.
    #[serde(default)]
    pub resource: Option<String>,
    /// ARN of the instance that it is a read replica of.
    #[serde(default)]
    pub replica_of: Option<String>,
    /// How it becomes an instance of its own.
    #[serde(default)]
    pub promoting: Option<Timeline>,
}

/// What is in a database: enough to compare a restored one with its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// Identifier of the instance whose data it was first.
    pub of: String,
    /// Number of tables.
    pub tables: u32,
    /// Rows of all tables at the epoch of [`Data::rows`].
    pub rows: u64,
    /// Up to when it was written; goes on being written where none.
    pub until: Option<Moment>,
    /// Rows are missing.
    pub lacks_rows: bool,
    /// Tenants' tables.
    #[serde(default)]
    pub tenants: Tables,
}

/// A change of an instance that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modification {
    /// How it goes.
    pub timeline: Timeline,
    /// Days of automated backups from its end on.
    pub automated_days: Option<u32>,
    /// It gets another name.
    #[serde(default)]
    pub renames: bool,
}

/// A manual snapshot, made of an instance or copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Identifier of the instance.
    pub instance: String,
    /// ARN of the snapshot it was copied from.
    pub copied_from: Option<String>,
    /// How it comes to be.
    pub timeline: Timeline,
    /// When the first of its line was made: copies keep it.
    pub original: Moment,
    /// Engine of the instance.
    pub engine: String,
    /// Version of the engine.
    pub version: String,
    /// Allocated storage in GiB.
    pub size_gib: u32,
    /// ARN of the key it is encrypted under.
    pub key: Option<String>,
    /// Tags.
    pub tags: Tags,
    /// What is in it.
    pub data: Data,
    /// How it ends.
    pub deleting: Option<Timeline>,
    /// RDS accepts its deletion once without carrying it out.
    pub sticks: bool,
}

impl Rds {
    /// An instance that is there.
    pub fn instance(&self, id: &str, now: Moment) -> Option<&Instance> {
        self.instances.get(&id.to_lowercase()).filter(|i| !i.is_gone(now))
    }

    /// A snapshot that is there.
    pub fn snapshot(&self, id: &str, now: Moment) -> Option<&Snapshot> {
        self.snapshots.get(&id.to_lowercase()).filter(|s| !s.is_gone(now))
    }

    /// Forgets what is gone, so that its name is free.
    pub fn sweep(&mut self, id: &str, now: Moment) {
        let id = id.to_lowercase();
        if self.instances.get(&id).is_some_and(|i| i.is_gone(now)) {
            self.instances.remove(&id);
        }
        if self.snapshots.get(&id).is_some_and(|s| s.is_gone(now)) {
            self.snapshots.remove(&id);
        }
    }
}

impl Instance {
    /// An instance as it stands after years, encrypted under this key.
    pub fn long_there(seed: u64, id: &str, engine: Engine, key: &str, now: Moment) -> Instance {
        let mut rng = rng_for(seed, id);
        let version = match engine {
            Engine::Mysql => format!("8.0.{}", rng.random_range(35..=40)),
            Engine::Mariadb => format!("10.11.{}", rng.random_range(6..=9)),
            Engine::Postgres => format!("16.{}", rng.random_range(2..=6)),
        };
        Instance {
            engine: engine.to_string(),
            version,
            size_gib: rng.random_range(2..=8) * 50,
            key: Some(key.to_owned()),
            multi_az: true,
            status: "available".to_owned(),
            automated_days: 1,
            window: "22:00-22:30".to_owned(),
            subnet_group: "default".to_owned(),
            security_groups: vec![format!("sg-{}", hex_for(seed, &format!("group of {id}"), 17))],
            protected: true,
            tags: Tags::new(),
            creating: Timeline::instant(now - Duration::from_secs(700 * 86_400)),
            initializing: None,
            backing_up: None,
            modifying: None,
            deleting: None,
            data: Data::of(seed, id, now),
            restores_badly: false,
            resource: None,
            replica_of: None,
            promoting: None,
        }
    }

    /// A read replica of it in another region, encrypted under a key of that one.
    pub fn replica(&self, source: &str, key: &str) -> Instance {
        Instance {
            key: Some(key.to_owned()),
            multi_az: false,
            automated_days: 0,
            subnet_group: "default".to_owned(),
            replica_of: Some(source.to_owned()),
            ..self.clone()
        }
    }

    /// The instance that it is a read replica of now.
    pub fn source(&self, now: Moment) -> Option<&str> {
        let promoted = self.promoting.as_ref().is_some_and(|promotion| promotion.done(now));
        self.replica_of.as_deref().filter(|_| !promoted)
    }

    /// The id that stays with it.
    pub fn resource(&self, seed: u64, id: &str) -> String {
        let own = || format!("db-{}", hex_for(seed, &format!("resource {id}"), 26).to_uppercase());
        self.resource.clone().unwrap_or_else(own)
    }

    /// Deleted, and the deletion is over.
    pub fn is_gone(&self, now: Moment) -> bool {
        self.deleting.as_ref().is_some_and(|d| d.done(now))
    }

    /// RDS's word for its state.
    pub fn status(&self, now: Moment) -> &str {
        if self.deleting.is_some() {
            return "deleting";
        }
        match self.creating.phase(now) {
            Phase::Queued | Phase::Running(_) => return "creating",
            Phase::Failed(_) => return "failed",
            Phase::Done => {}
        }
        if self.status != "available" {
            return &self.status;
        }
        match self.promoting.as_ref().map(|promotion| promotion.phase(now)) {
            Some(Phase::Failed(_)) => return "failed",
            Some(Phase::Queued | Phase::Running(_)) => return "modifying",
            Some(Phase::Done) | None => {}
        }
        if self.backing_up.is_some_and(|until| until > now) {
            return "backing-up";
        }
        match self.modifying.as_ref().filter(|m| m.timeline.open(now)) {
            Some(change) if change.renames => return "renaming",
            Some(_) => return "modifying",
            None => {}
        }
        "available"
    }

    /// Days of automated backups that hold now.
    pub fn automated_days(&self, now: Moment) -> u32 {
        let done = self.modifying.as_ref().filter(|m| m.timeline.done(now));
        done.and_then(|m| m.automated_days).unwrap_or(self.automated_days)
    }

    /// Days of automated backups that are yet to come.
    pub fn pending_days(&self, now: Moment) -> Option<u32> {
        self.modifying.as_ref().filter(|m| m.timeline.open(now)).and_then(|m| m.automated_days)
    }

    /// Up to when it can be restored to a point in time.
    pub fn restorable(&self, now: Moment) -> Option<Moment> {
        (self.automated_days(now) > 0).then(|| now - RESTORABLE)
    }

    /// From when on it can be restored to a point in time.
    pub fn oldest(&self, now: Moment) -> Moment {
        let switched_on = self.modifying.as_ref().filter(|m| m.timeline.done(now) && self.automated_days == 0);
        let since = switched_on.filter(|m| m.automated_days.is_some()).map_or(self.creating.ends, |m| m.timeline.ends);
        (now - Duration::from_secs(u64::from(self.automated_days(now)) * 86_400)).max(since)
    }

    /// Port of its engine.
    pub fn port(&self) -> u16 {
        if self.engine.starts_with("postgres") { 5432 } else { 3306 }
    }

    /// Host name.
    pub fn address(seed: u64, id: &str, region: &str) -> String {
        format!("{id}.c{}.{region}.rds.amazonaws.com", hex_for(seed, id, 8))
    }
}

impl Data {
    fn of(seed: u64, id: &str, now: Moment) -> Data {
        let mut rng = rng_for(seed, &format!("contents/{id}"));
        let (tables, rows) = (rng.random_range(40..90), rng.random_range(2_000_000..9_000_000));
        Data { of: id.to_owned(), tables, rows, until: None, lacks_rows: false, tenants: Tables::beginning(now) }
    }

    /// Nothing yet.
    pub fn none(now: Moment) -> Data {
        Data { of: String::new(), tables: 0, rows: 0, until: Some(now), lacks_rows: false, tenants: Tables::none() }
    }

    /// Nothing was ever in there.
    pub fn is_none(&self) -> bool {
        self.of.is_empty()
    }

    /// Rows of a tenant's table, named with its schema; none where there is no such table.
    pub fn table(&self, name: &str, now: Moment) -> Option<Rows> {
        self.tenants.rows(name, self.until.unwrap_or(now))
    }

    /// The rows of a tenant's table as they were at a moment.
    pub fn table_at(&self, name: &str, at: Moment) -> Option<Rows> {
        self.tenants.at(at).rows(name, at)
    }

    /// Something happens to a tenant's table, named with its schema.
    pub fn happens(&mut self, table: &str, now: Moment, what: Happening) {
        self.tenants.happens(table, now, what);
    }

    /// As it is at a moment, for a copy that is not written any more.
    pub fn frozen(&self, now: Moment) -> Data {
        let until = self.until.unwrap_or(now);
        Data { until: Some(until), tenants: self.tenants.at(now), ..self.clone() }
    }

    /// Rows at a moment: one more every minute while it is written.
    pub fn rows(&self, now: Moment) -> u64 {
        const EPOCH: i64 = 1_780_000_000;
        let at = self.until.unwrap_or(now);
        let rows = self.rows + u64::try_from((at.seconds() - EPOCH).max(0) / 60).unwrap_or(0);
        if self.lacks_rows { rows - rows / 50 } else { rows }
    }
}

impl Snapshot {
    /// A snapshot of an instance.
    pub fn of(id: &str, instance: &Instance, timeline: Timeline, tags: Tags) -> Snapshot {
        let lacks_rows = instance.data.lacks_rows || instance.restores_badly;
        Snapshot {
            instance: id.to_owned(),
            copied_from: None,
            original: timeline.begins,
            engine: instance.engine.clone(),
            version: instance.version.clone(),
            size_gib: instance.size_gib,
            key: instance.key.clone(),
            tags,
            data: Data { lacks_rows, ..instance.data.frozen(timeline.begins) },
            deleting: None,
            sticks: false,
            timeline,
        }
    }

    /// A copy of it under another key.
    pub fn copy(&self, source: &str, timeline: Timeline, key: Option<String>, tags: Tags) -> Snapshot {
        let copied_from = Some(source.to_owned());
        Snapshot { copied_from, timeline, key, tags, deleting: None, sticks: false, ..self.clone() }
    }

    /// Deleted, and the deletion is over.
    pub fn is_gone(&self, now: Moment) -> bool {
        self.deleting.as_ref().is_some_and(|d| d.done(now))
    }

    /// RDS's word for its state.
    pub fn status(&self, now: Moment) -> &'static str {
        if self.deleting.is_some() {
            return "deleting";
        }
        match self.timeline.phase(now) {
            Phase::Done => "available",
            Phase::Failed(_) => "failed",
            Phase::Queued | Phase::Running(_) if self.copied_from.is_some() => "copying",
            Phase::Queued | Phase::Running(_) => "creating",
        }
    }
}
