//! The record of every request, and the judge of "never twice".
//!
//! A request says whose it is by the tags and the token it carries. What carries neither (a deletion, a change of a setting)
//! is told by [`asking`], which the sandbox lays around the adapter's verbs; over a real port there is nobody to say it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    mem,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    api,
    world::{Region, World},
};
use crate::domain::{moment::Moment, operation::OpId};

/// How many requests are remembered one by one; totals and effects are remembered for ever.
const REMEMBERED: usize = 50_000;

/// What of the port [`Cloud`](crate::ports::cloud::Cloud) a request is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verb {
    /// A survey.
    Survey,
    /// A list of recovery points.
    Points,
    /// Measurements.
    Measurements,
    /// A look for what an earlier start made.
    Probe,
    /// A start.
    Start,
    /// A look at progress.
    Poll,
    /// A notice to machines.
    Publish,
}

/// Whose requests the ones of a task are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// What for.
    pub verb: Verb,
    /// The steps it is about: several only for polls that one request answers.
    pub steps: Vec<AskedStep>,
}

/// A step on whose behalf AWS is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedStep {
    /// Operation.
    pub operation: OpId,
    /// Position of the step in its plan.
    pub step: usize,
    /// Kind of the step.
    pub kind: &'static str,
    /// Idempotency token.
    pub token: String,
}

impl Asker {
    /// Whether a step of this kind is among those it is about.
    pub fn is_about(&self, kind: &str) -> bool {
        self.steps.iter().any(|step| step.kind == kind)
    }
}

tokio::task_local! {
    // Shared: a thousand steps that are watched together are named by every request of that look.
    static ASKER: Arc<Asker>;
}

/// Says for whom everything is that a future asks of AWS.
pub async fn asking<F: Future>(asker: impl Into<Arc<Asker>>, what: F) -> F::Output {
    ASKER.scope(asker.into(), what).await
}

/// A future that goes on asking for whoever the present task asks, also in a task of its own.
pub fn carried<F: Future>(what: F) -> impl Future<Output = F::Output> {
    let asker = asker();
    async move {
        match asker {
            Some(asker) => asking(asker, what).await,
            None => what.await,
        }
    }
}

/// For whom the present task asks, where somebody said so.
pub(super) fn asker() -> Option<Arc<Asker>> {
    ASKER.try_with(Clone::clone).ok()
}

/// What became of a request, as its caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A good answer arrived whole.
    Ok,
    /// AWS refused it, with this code.
    Refused(String),
    /// Not a whole answer arrived: refused connection, lost, cut, late.
    Nothing,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// When, by the clock of the simulated AWS.
    pub at: Moment,
    /// Account it was made in.
    pub account: String,
    /// Region it was made in.
    pub region: String,
    /// Service, by its name in signatures.
    pub service: &'static str,
    /// API operation.
    pub operation: String,
    /// ARN of the caller.
    pub caller: String,
    /// For whom, where it was said.
    pub asker: Option<Arc<Asker>>,
    /// Whether something was changed, whatever the caller was told.
    pub effect: bool,
    /// What the caller was told.
    pub answer: Answer,
}

/// Something that a request changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// What it works on, so that two effects on one thing meet: `backup of arn:…`.
    pub target: String,
    /// Whose it is by the tags or the token of the request or, where those say nothing, by the asker.
    pub by: Option<OpId>,
    /// What came of it.
    pub made: Made,
}

/// What an effect made, so that it can be asked later whether it still stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Made {
    /// A message, which stands for ever.
    Message {
        /// Its id.
        id: String,
    },
    /// A DB snapshot.
    Snapshot {
        /// Identifier.
        name: String,
    },
    /// A DB instance.
    Instance {
        /// Identifier.
        name: String,
    },
    /// A DB snapshot was deleted.
    SnapshotGone {
        /// Identifier.
        name: String,
    },
    /// A DB instance was deleted.
    InstanceGone {
        /// Identifier.
        name: String,
    },
    /// A DB instance got another name.
    Renamed {
        /// The id that stays with it.
        resource: String,
        /// Its name.
        name: String,
    },
    /// A read replica became an instance of its own.
    Promoted {
        /// Identifier.
        name: String,
        /// Which promotion of it.
        change: String,
    },
    /// Records of a hosted zone were changed.
    Records {
        /// Id of the change.
        change: String,
    },
    /// Routing controls were turned.
    Turned {
        /// Id of the change.
        change: String,
    },
    /// A service of ECS has another number of tasks to run.
    Scaled {
        /// Its name.
        service: String,
        /// Which change of it.
        change: String,
    },
    /// Automated backups were set.
    AutomatedBackups {
        /// Identifier of the instance.
        instance: String,
        /// For how long they are kept.
        days: u32,
        /// When they are taken, where that was set.
        window: Option<String>,
    },
    /// A tag was set or removed.
    RdsTag {
        /// ARN of what is tagged.
        arn: String,
        /// Key.
        key: String,
        /// Value; none where it was removed.
        value: Option<String>,
    },
    /// A backup job.
    BackupJob {
        /// Its id.
        id: String,
    },
    /// A copy job.
    CopyJob {
        /// Its id.
        id: String,
    },
    /// A restore job.
    RestoreJob {
        /// Its id.
        id: String,
    },
    /// A version of a backup plan.
    Plan {
        /// Id of the plan.
        id: String,
        /// Id of the version.
        version: String,
    },
    /// A selection of a backup plan.
    Selection {
        /// Id of the plan.
        plan: String,
        /// Its id.
        id: String,
    },
    /// A legal hold.
    Hold {
        /// Its id.
        id: String,
    },
    /// A mount target.
    MountTarget {
        /// Its id.
        id: String,
    },
    /// Tags of a thing.
    Tags {
        /// The thing.
        what: String,
    },
    /// An object.
    Object {
        /// Bucket.
        bucket: String,
        /// Key.
        key: String,
    },
    /// Something is set about a bucket as a whole.
    Bucket {
        /// Its name.
        name: String,
        /// What.
        what: String,
    },
    /// A version of a secret is the current one.
    SecretVersion {
        /// Name.
        name: String,
        /// Id of the version.
        version: String,
    },
    /// A version of a parameter.
    Parameter {
        /// Name.
        name: String,
        /// Its number.
        version: i64,
    },
    /// The end of a thing, which may not come about: then it may rightly be asked for again.
    Gone {
        /// The thing.
        what: String,
    },
}

impl Made {
    /// In words.
    pub fn name(&self) -> String {
        match self {
            Made::Message { id } => format!("message {id}"),
            Made::Snapshot { name } => format!("snapshot {name}"),
            Made::Instance { name } => format!("instance {name}"),
            Made::SnapshotGone { name } => format!("deletion of snapshot {name}"),
            Made::InstanceGone { name } => format!("deletion of instance {name}"),
            Made::Renamed { resource, name } => format!("name {name} of {resource}"),
            Made::Promoted { name, .. } => format!("promotion of {name}"),
            Made::Records { change } => format!("change {change} of records"),
            Made::Turned { change } => format!("turn {change} of routing controls"),
            Made::Scaled { service, .. } => format!("tasks of {service}"),
            Made::AutomatedBackups { instance, days, .. } => {
                format!("automated backups of {instance} for {days} days")
            }
            Made::RdsTag { arn, key, .. } => format!("tag {key} of {arn}"),
            Made::BackupJob { id } => format!("backup job {id}"),
            Made::CopyJob { id } => format!("copy job {id}"),
            Made::RestoreJob { id } => format!("restore job {id}"),
            Made::Plan { id, version } => format!("version {version} of backup plan {id}"),
            Made::Selection { plan, id } => format!("selection {id} of backup plan {plan}"),
            Made::Hold { id } => format!("legal hold {id}"),
            Made::MountTarget { id } => format!("mount target {id}"),
            Made::Tags { what } => format!("tags of {what}"),
            Made::Object { bucket, key } => format!("object s3://{bucket}/{key}"),
            Made::Bucket { name, what } => format!("{what} of bucket {name}"),
            Made::SecretVersion { name, version } => format!("version {version} of secret {name}"),
            Made::Parameter { name, version } => format!("version {version} of parameter {name}"),
            Made::Gone { what } => format!("end of {what}"),
        }
    }

    /// A result that failed or was removed may rightly be made again; any other may not.
    fn stands(&self, world: &World, account: &str, region: &str, now: Moment) -> bool {
        let Some(place) = world.find(account, region) else { return false };
        let (backup, efs) = (&place.backup, &place.efs);
        let bad = ["FAILED", "ABORTED", "EXPIRED", "PARTIAL"];
        match self {
            // A cutover and its way back give an instance several names, weights and tasks, each in its time.
            Made::Renamed { .. } | Made::Records { .. } | Made::Turned { .. } | Made::Scaled { .. } => false,
            Made::Message { .. } | Made::Tags { .. } => true,
            Made::Snapshot { .. }
            | Made::Instance { .. }
            | Made::SnapshotGone { .. }
            | Made::InstanceGone { .. }
            | Made::Promoted { .. }
            | Made::AutomatedBackups { .. }
            | Made::RdsTag { .. } => api::rds::stands(place, self, now),
            Made::BackupJob { id } => backup.jobs.get(id).is_some_and(|job| !bad.contains(&job.state(now))),
            Made::CopyJob { id } => backup.copies.get(id).is_some_and(|job| !bad.contains(&job.state(now))),
            Made::RestoreJob { id } => backup.restores.get(id).is_some_and(|job| !bad.contains(&job.status(now))),
            Made::Plan { id, version } => backup.plans.get(id).is_some_and(|plan| plan.says_since(version)),
            Made::Selection { plan, id } => backup.plans.get(plan).is_some_and(|p| p.selections.contains_key(id)),
            Made::Hold { id } => {
                backup.holds.get(id).is_some_and(|hold| ["CREATING", "ACTIVE"].contains(&hold.status(now)))
            }
            Made::MountTarget { id } => {
                efs.targets.get(id).is_some_and(|t| ["creating", "available"].contains(&t.state(now)))
            }
            Made::Object { bucket, key } => world.s3.buckets.get(bucket).is_some_and(|b| b.current(key, now).is_some()),
            Made::Bucket { name, .. } => world.s3.buckets.contains_key(name),
            Made::SecretVersion { name, version } => {
                let secret = place.secrets.secrets.get(name);
                secret.and_then(|s| s.at_stage("AWSCURRENT")).is_some_and(|(current, _)| current == version)
            }
            Made::Parameter { name, version } => {
                place.ssm.parameters.get(name).is_some_and(|parameter| parameter.version == *version)
            }
            Made::Gone { what } => !is_there(world, place, what, now),
        }
    }
}

/// Whether something that was to go is there, and not about to go.
fn is_there(world: &World, place: &Region, what: &str, now: Moment) -> bool {
    if let Some((bucket, key)) = what.strip_prefix("s3://").and_then(|rest| rest.split_once('/')) {
        return world.s3.buckets.get(bucket).is_some_and(|bucket| bucket.current(key, now).is_some());
    }
    let last = what.rsplit(['/', ':', ' ']).next().unwrap_or(what);
    let stays = |state: &str| state != "deleting";
    let points = place.backup.vaults.values().filter_map(|vault| vault.points.get(what));
    points.filter_map(|point| point.status(now)).any(|status| status != "DELETING")
        || place.efs.file_systems.get(last).is_some_and(|fs| fs.exists(now) && stays(fs.state(now)))
        || place.efs.targets.get(last).is_some_and(|target| target.exists(now) && stays(target.state(now)))
        || place.backup.holds.get(last).is_some_and(|hold| ["CREATING", "ACTIVE"].contains(&hold.status(now)))
        || place.backup.plans.values().any(|plan| plan.selections.contains_key(last))
}

/// Where a mutation took place. The key of [`SimAws::mutations`](super::SimAws::mutations).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mutation {
    /// Operation.
    pub operation: OpId,
    /// Position of the step in its plan, where somebody said it.
    pub step: Option<usize>,
    /// What it works on: account, region and target.
    pub resource: String,
}

/// Something that was changed again while the earlier result still stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twice {
    /// Operation.
    pub operation: OpId,
    /// Position of the step that made the second effect, where somebody said it.
    pub step: Option<usize>,
    /// The first result.
    pub first: String,
    /// The second result.
    pub second: String,
    /// When the second was made.
    pub at: Moment,
}

#[derive(Serialize, Deserialize)]
struct Noted {
    account: String,
    region: String,
    target: String,
    made: Made,
    /// The step it was made for, where somebody said it.
    #[serde(default)]
    step: Option<usize>,
}

impl Noted {
    /// Whether one step made both, and both are of one kind: a step makes one thing, whatever it works on. It may take several
    /// away.
    fn is_of(&self, step: Option<usize>, made: &Made) -> bool {
        let same = mem::discriminant(&self.made) == mem::discriminant(made);
        same && step.is_some() && step == self.step && !matches!(made, Made::Gone { .. })
    }
}

/// The journal.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Judge {
    /// Not kept on disk: what counts is in the totals and effects.
    #[serde(skip)]
    recent: VecDeque<Recorded>,
    requests: u64,
    effective: u64,
    /// Effects of nobody's operation: of a person at the command line, say.
    of_others: u64,
    effects: HashMap<OpId, Vec<Noted>>,
    #[serde(with = "pairs")]
    mutations: BTreeMap<Mutation, u32>,
    twice: Vec<Twice>,
}

impl Judge {
    pub(super) fn record(&mut self, entry: Recorded) {
        self.requests += 1;
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(entry);
    }

    /// Notes an effect and judges it. To be told before anything else changes, so that "still stands" is of this moment.
    pub(super) fn effect(
        &mut self,
        world: &World,
        at: (&str, &str),
        step: Option<&AskedStep>,
        effect: Effect,
        now: Moment,
    ) {
        let Effect { target, by, made } = effect;
        // A notice changes nothing of the platform's.
        if matches!(made, Made::Message { .. }) {
            return;
        }
        self.effective += 1;
        let Some(operation) = by.or_else(|| step.map(|s| s.operation.clone())) else {
            self.of_others += 1;
            return;
        };
        let (account, region) = at;
        let step = step.map(|s| s.step);
        let earlier = self.effects.entry(operation.clone()).or_default();
        // The same name is only made again when the old one was gone, so it is never a second result.
        let first = earlier
            .iter()
            .filter(|e| e.made != made && e.account == account && e.region == region)
            .filter(|e| e.target == target || e.is_of(step, &made))
            .find(|e| e.made.stands(world, &e.account, &e.region, now));
        if let Some(first) = first {
            let (first, second) = (first.made.name(), made.name());
            self.twice.push(Twice { operation: operation.clone(), step, first, second, at: now });
        }
        let resource = format!("{account}/{region}/{target}");
        *self.mutations.entry(Mutation { operation, step, resource }).or_default() += 1;
        earlier.push(Noted { account: account.to_owned(), region: region.to_owned(), target, made, step });
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

    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    pub(super) fn effective(&self) -> u64 {
        self.effective
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
        Vec::deserialize(from).map(|pairs| pairs.into_iter().collect())
    }
}
