//! The record of every call and the judge of "never twice".

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::{
    estate::last,
    files,
    time::Course,
    world::{Aws, Region},
};
use crate::{
    domain::{
        moment::Moment,
        operation::OpId,
        step::{self, Action},
    },
    ports::cloud::Call,
};

/// How many calls are remembered one by one; totals and effects are remembered for ever.
const REMEMBERED: usize = 50_000;

/// What a call was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verb {
    /// [`Cloud::survey`](crate::ports::cloud::Cloud::survey).
    Survey,
    /// [`Cloud::points`](crate::ports::cloud::Cloud::points), once per region.
    Points,
    /// [`Cloud::readings`](crate::ports::cloud::Cloud::readings), once per region.
    Readings,
    /// [`Cloud::probe`](crate::ports::cloud::Cloud::probe).
    Probe,
    /// [`Cloud::start`](crate::ports::cloud::Cloud::start).
    Start,
    /// One call of a [`Cloud::poll`](crate::ports::cloud::Cloud::poll).
    Poll,
    /// [`Alerts::publish`](crate::ports::alert::Alerts::publish).
    Publish,
}

/// What a caller was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// It went well.
    Ok,
    /// [`CloudError::Retryable`](crate::ports::cloud::CloudError::Retryable).
    Retryable,
    /// [`CloudError::Permanent`](crate::ports::cloud::CloudError::Permanent).
    Permanent,
    /// [`CloudError::Unknown`](crate::ports::cloud::CloudError::Unknown).
    Unknown,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// When, in simulated time (the base clock's while the speed is 1).
    pub at: Moment,
    /// Operation; none for surveys and publications.
    pub operation: Option<OpId>,
    /// Position of the step in its plan.
    pub step: Option<usize>,
    /// What was called.
    pub verb: Verb,
    /// Kind of the step, `survey`, `points`, `readings`, or the topic of a publication.
    pub kind: &'static str,
    /// Region it was called in.
    pub region: String,
    /// Idempotency token.
    pub token: String,
    /// Whether a mutation took place, whatever the caller was told.
    pub effect: bool,
    /// What the caller was told.
    pub answer: Answer,
}

/// Where a mutation took place. The key of [`SimCloud::mutations`](super::SimCloud::mutations).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mutation {
    /// Operation.
    pub operation: OpId,
    /// Position of the step in its plan.
    pub step: usize,
    /// What the step works on, so that two effects on one thing meet: account, region and name.
    pub resource: String,
}

/// Something that was mutated again while the earlier result still stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twice {
    /// Operation.
    pub operation: OpId,
    /// Position of the step that made the second effect.
    pub step: usize,
    /// The first result.
    pub first: String,
    /// The second result.
    pub second: String,
    /// When the second was made.
    pub at: Moment,
}

/// What an effect made, so that it can be asked later whether it still stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Made {
    Snapshot {
        region: String,
        name: String,
    },
    Job {
        region: String,
        id: String,
    },
    Object {
        region: String,
        bucket: String,
        key: String,
    },
    /// A version of a plan, from 1.
    Plan {
        region: String,
        name: String,
        version: usize,
    },
    Automated {
        region: String,
        database: String,
        days: u32,
        window: Option<String>,
    },
    Tag {
        region: String,
        name: String,
        key: String,
        value: Option<String>,
    },
    Hold {
        region: String,
        id: String,
    },
    Released {
        region: String,
        id: String,
    },
    Instance {
        region: String,
        name: String,
    },
    /// A restored file system, by its creation token.
    Files {
        region: String,
        name: String,
    },
    /// Our tags on a restored file system.
    FilesTag {
        region: String,
        name: String,
    },
    /// The address of a restored file system.
    MountTarget {
        region: String,
        name: String,
    },
    /// Something was deleted.
    Gone {
        region: String,
        what: String,
    },
    /// A deletion of what another operation had deleted before: always a second one.
    GoneAgain {
        region: String,
        what: String,
        by: String,
    },
}

impl Made {
    fn name(&self) -> String {
        match self {
            Made::Snapshot { region, name } => format!("snapshot {name} in {region}"),
            Made::Job { region, id } => format!("job {id} in {region}"),
            Made::Object { region, bucket, key } => format!("object s3://{bucket}/{key} in {region}"),
            Made::Plan { region, name, version } => format!("version {version} of plan {name} in {region}"),
            Made::Automated { region, database, days, .. } => {
                format!("automated backups of {database} for {days} days in {region}")
            }
            Made::Tag { region, name, key, .. } => format!("tag {key} of {name} in {region}"),
            Made::Hold { region, id } => format!("legal hold {id} in {region}"),
            Made::Released { region, id } => format!("release of legal hold {id} in {region}"),
            Made::Instance { region, name } => format!("instance {name} in {region}"),
            Made::Files { region, name } => format!("file system {name} in {region}"),
            Made::FilesTag { region, name } => format!("tags of file system {name} in {region}"),
            Made::MountTarget { region, name } => format!("mount target of {name} in {region}"),
            Made::Gone { region, what } | Made::GoneAgain { region, what, .. } => {
                format!("deletion of {what} in {region}")
            }
        }
    }

    /// A result that failed or was removed may rightly be made again; any other may not.
    fn stands(&self, aws: &Aws, account: &str, now: Moment) -> bool {
        let good = |course: &Course| !course.failed(now);
        let Ok(place) = aws.region(account, self.region()) else { return false };
        match self {
            Made::Snapshot { name, .. } => place.snapshots.get(name).is_some_and(|s| good(&s.course)),
            Made::Job { id, .. } => place.jobs.get(id).is_some_and(|j| good(&j.course)),
            Made::Object { bucket, key, .. } => {
                place.buckets.get(bucket).and_then(|b| b.objects.get(key)).is_some_and(|o| good(&o.course))
            }
            Made::Plan { name, version, .. } => place.plans.get(name).is_some_and(|plan| {
                // Nobody wrote anything else since.
                let since = plan.versions.get(version.saturating_sub(1)..).unwrap_or_default();
                !since.is_empty() && since.iter().all(|spec| Some(spec) == plan.spec())
            }),
            Made::Automated { database, days, window, .. } => place
                .databases
                .get(database)
                .is_some_and(|db| db.automated_days == *days && window.as_ref().is_none_or(|w| *w == db.window)),
            Made::Tag { name, key, value, .. } => {
                place.snapshots.get(name).is_some_and(|s| s.tags.get(key) == value.as_ref())
            }
            Made::Hold { id, .. } => place.holds.get(id).is_some_and(|hold| hold.canceling.is_none()),
            Made::Released { id, .. } => place.holds.get(id).is_some_and(|hold| hold.canceling.is_some()),
            Made::Instance { name, .. } => {
                place.instances.get(name).is_some_and(|i| i.deleting.is_none() && good(&i.course))
            }
            Made::Files { name, .. } => {
                place.restored_files.get(name).is_some_and(|f| f.deleting.is_none() && good(&f.course))
            }
            Made::FilesTag { name, .. } => place.restored_files.get(name).is_some_and(|f| !f.tags.is_empty()),
            Made::MountTarget { name, .. } => files::has_address(place, name),
            Made::Gone { what, .. } | Made::GoneAgain { what, .. } => !is_there(place, what, now),
        }
    }

    fn region(&self) -> &str {
        match self {
            Made::Snapshot { region, .. }
            | Made::Job { region, .. }
            | Made::Object { region, .. }
            | Made::Plan { region, .. }
            | Made::Automated { region, .. }
            | Made::Tag { region, .. }
            | Made::Hold { region, .. }
            | Made::Released { region, .. }
            | Made::Instance { region, .. }
            | Made::Files { region, .. }
            | Made::FilesTag { region, .. }
            | Made::MountTarget { region, .. }
            | Made::Gone { region, .. }
            | Made::GoneAgain { region, .. } => region,
        }
    }
}

/// Whether something that was to be deleted is still there, by its name or the last part of its ARN.
fn is_there(place: &Region, what: &str, now: Moment) -> bool {
    if let Some(name) = what.strip_prefix(files::ADDRESS_OF) {
        return files::has_address(place, name);
    }
    let name = last(what);
    let instance = place.instances.get(name).is_some_and(|i| i.status(now) != "deleting" && i.exists(now));
    instance
        || place.restored_files.get(name).is_some_and(|f| f.status(now) != "deleting" && f.exists(now))
        || place.snapshots.contains_key(name)
        || place.vaults.values().flat_map(|vault| vault.points.keys()).any(|arn| last(arn) == name)
}

#[derive(Serialize, Deserialize)]
struct Effect {
    step: usize,
    account: String,
    /// Kind and what it works on: an effect of another step on the same thing is a second one, too.
    target: String,
    made: Made,
}

/// What the call works on. A copy is of one recovery point: several may go to one vault.
fn target(call: &Call) -> String {
    let what = match &call.action {
        Action::BackupCopy(_) => call.inputs.get("recovery_point").map_or("", String::as_str),
        Action::RdsSnapshot(step::RdsSnapshot { snapshot, .. }) => snapshot,
        Action::RdsCopy(step::RdsCopy { copy, .. }) => copy,
        Action::SecretsExport(step::SecretsExport { key, .. })
        | Action::ConfigExport(step::ConfigExport { key, .. })
        | Action::BucketRecord(step::BucketRecord { key, .. })
        | Action::DumpExport(step::DumpExport { key, .. }) => key,
        Action::RestoreTest(step::RestoreTest { snapshot, .. }) => snapshot,
        Action::DeleteInstance(step::DeleteInstance { instance, .. }) => instance,
        Action::RestoreFiles(step::RestoreFiles { name, .. })
        | Action::TagFiles(step::TagFiles { name, .. })
        | Action::MountTarget(step::MountTarget { name, .. })
        | Action::DeleteMountTarget(step::DeleteMountTarget { name, .. })
        | Action::DeleteFiles(step::DeleteFiles { name, .. }) => name,
        other => other.resource(),
    };
    let region = call.action.region().unwrap_or_default();
    let kind = call.action.kind();
    let account = &call.environment.account;
    match &call.action {
        // Points of one resource are told apart by their time, tags of one snapshot by their key.
        Action::LegalHold(step::LegalHold { vault, created, .. }) => {
            format!("{kind} {account}/{region}/{vault}/{what}/{created}")
        }
        Action::TagSnapshot(step::TagSnapshot { key, .. }) => format!("{kind} {account}/{region}/{what}/{key}"),
        _ => format!("{kind} {account}/{region}/{what}"),
    }
}

/// The journal.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Journal {
    /// Not kept on disk: what counts is in the totals and effects.
    #[serde(skip)]
    recent: VecDeque<Recorded>,
    total: u64,
    effective: u64,
    requests: u64,
    by_operation: HashMap<OpId, u64>,
    effects: HashMap<OpId, Vec<Effect>>,
    #[serde(with = "pairs")]
    mutations: BTreeMap<Mutation, u32>,
    twice: Vec<Twice>,
}

impl Journal {
    pub(super) fn record(&mut self, entry: Recorded) {
        self.total += 1;
        if let Some(operation) = &entry.operation {
            match self.by_operation.get_mut(operation) {
                Some(count) => *count += 1,
                None => {
                    self.by_operation.insert(operation.clone(), 1);
                }
            }
        }
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(entry);
    }

    /// Notes a true effect and judges it. To be told before anything else changes, so that "still stands" is of this moment.
    pub(super) fn effect(&mut self, aws: &Aws, call: &Call, made: Made, now: Moment) {
        self.effective += 1;
        let account = call.environment.account.clone();
        let target = target(call);
        let earlier = self.effects.entry(call.operation.clone()).or_default();
        // The same name is only made again when the old one was gone, so it is never a second result.
        let first = earlier
            .iter()
            .filter(|e| e.made != made && (e.step == call.step || e.target == target))
            .find(|e| e.made.stands(aws, &e.account, now));
        let first = match &made {
            Made::GoneAgain { by, .. } => Some(format!("{} by {by}", made.name())),
            _ => first.map(|first| first.made.name()),
        };
        if let Some(first) = first {
            let second = made.name();
            self.twice.push(Twice { operation: call.operation.clone(), step: call.step, first, second, at: now });
        }
        let key = Mutation { operation: call.operation.clone(), step: call.step, resource: target.clone() };
        *self.mutations.entry(key).or_default() += 1;
        earlier.push(Effect { step: call.step, account, target, made });
    }

    pub(super) fn request(&mut self) {
        self.requests += 1;
    }

    pub(super) fn requests_more(&mut self, count: usize) {
        self.requests += count as u64;
    }

    pub(super) fn recent(&self) -> impl Iterator<Item = &Recorded> {
        self.recent.iter()
    }

    pub(super) fn mutations(&self) -> &BTreeMap<Mutation, u32> {
        &self.mutations
    }

    pub(super) fn twice(&self) -> &[Twice] {
        &self.twice
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn effective(&self) -> u64 {
        self.effective
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    pub(super) fn count_by(&self, operation: &OpId) -> u64 {
        self.by_operation.get(operation).copied().unwrap_or(0)
    }
}

/// JSON has no objects with keys other than text: a list of pairs instead.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::Mutation;

    pub(super) fn serialize<S: Serializer>(map: &BTreeMap<Mutation, u32>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Mutation, u32>, D::Error> {
        Ok(Vec::<(Mutation, u32)>::deserialize(from)?.into_iter().collect())
    }
}
