//! What carries out the steps of a plan in AWS: a file is a kind of step, or a family of kinds that share what they look at.
//!
//! A kind that changes AWS implements [`Change`], one that only looks implements [`Look`]. Which of the two is said by the
//! section of the one list of kinds it stands in, and the functions here are made of that list: a kind without its
//! implementation does not compile, and nothing here has an arm for "all others".

use std::{future::Future, sync::Arc, time::Duration};

use futures::future::BoxFuture;

use super::{
    AwsCloud,
    background::{Outcome, Teller},
    s3::Object,
    session::Session,
    side_by_side,
};
use crate::{
    domain::{
        moment::Moment,
        step::{Action, Parameters, every_kind_of_step},
    },
    ports::cloud::{Call, CloudError, Probe, Started},
};

mod archives;
pub mod automated;
pub mod batch;
pub mod bisect;
mod bulk;
pub mod compare_export;
pub mod configuration;
pub mod copies;
mod cutover;
pub mod delete;
mod drained;
mod dump_check;
mod dump_clone;
mod dump_load;
pub mod dumps;
mod exported;
pub mod health;
pub mod holds;
pub mod jobs;
pub mod lifecycle;
mod lines;
pub mod list_versions;
pub mod mounts;
pub mod objects;
pub mod plans;
mod point_secret;
mod promote;
mod promote_secrets;
pub mod record;
mod replicate;
pub mod replication;
pub mod restore_database;
pub mod restore_files;
pub mod restore_folder;
mod restore_like;
mod restore_moment;
pub mod restore_parameters;
pub mod restore_secrets;
pub mod restore_versions;
mod scale;
pub mod snapshots;
pub mod tagging;
mod tenant_words;
pub mod tenants;
mod traffic;
mod turn;
pub mod uploads;
pub mod verify_bucket;
pub mod verify_check;
mod verify_config;
pub mod verify_database;
pub mod verify_files;
pub mod verify_lifecycle;
pub mod verify_point;
mod verify_reach;
pub mod verify_secrets;
pub mod verify_storage;
pub mod verify_vault;
pub mod verify_versions;

use batch::{Batch, Told};

/// Where a step is carried out, and for whom.
pub struct At<'a> {
    /// AWS as a whole, for what reaches into other regions or works in the background.
    pub cloud: &'a AwsCloud,
    /// The step's own account and region.
    pub session: Arc<Session>,
    /// What the engine says of the step.
    pub call: &'a Call,
    /// What one request told of many steps, where they were asked after together.
    pub told: Option<&'a Told>,
}

impl At<'_> {
    /// An object in a bucket of the environment's account.
    pub fn object<'o>(&'o self, bucket: &'o str, key: &'o str) -> Object<'o> {
        Object { account: &self.call.environment.account, bucket, key }
    }

    /// The same account in another region.
    pub async fn elsewhere(&self, region: &str) -> Arc<Session> {
        self.cloud.session(self.call, region).await
    }

    /// Looks into something for longer than a call may take: begun once, and asked after by the step's token.
    pub fn watch<W>(&self, work: impl FnOnce(Arc<Session>, Call, Teller) -> W + Send + 'static) -> Outcome
    where
        W: Future<Output = Outcome> + Send + 'static,
    {
        let (session, call) = (Arc::clone(&self.session), self.call.clone());
        self.cloud.jobs.watch(&self.call.token, |tell| work(session, call, tell))
    }
}

/// A kind of step that changes AWS. The contract of the three verbs is that of [`crate::ports::cloud::Cloud`].
pub trait Change: Parameters {
    /// Looks for what an earlier `start` of this step may have made. Reads only.
    fn probe(&self, at: &At<'_>) -> impl Future<Output = Result<Probe, CloudError>> + Send;

    /// Makes the one change.
    fn start(&self, at: &At<'_>) -> impl Future<Output = Result<Started, CloudError>> + Send;

    /// How far it is. Reads only.
    fn poll(&self, at: &At<'_>) -> impl Future<Output = Outcome> + Send;

    /// What to ask for when many steps are asked after by one request.
    fn batch<'c>(&'c self, _call: &'c Call) -> Option<Batch<'c>> {
        None
    }
}

/// A kind of step that only looks at AWS.
pub trait Look: Parameters {
    /// Looks, and says what it found.
    fn poll(&self, at: &At<'_>) -> impl Future<Output = Outcome> + Send;

    /// What to ask for when many steps are asked after by one request.
    fn batch<'c>(&'c self, _call: &'c Call) -> Option<Batch<'c>> {
        None
    }
}

macro_rules! dispatch {
    (
        AwsChange { $($change:ident = $_change:literal,)* }
        AwsRead { $($look:ident = $_look:literal,)* }
        $($_elsewhere:ident { $($other:ident = $_other:literal,)* })*
    ) => {
        async fn probed(at: &At<'_>) -> Result<Probe, CloudError> {
            let answer: BoxFuture<'_, Result<Probe, CloudError>> = match &at.call.action {
                $(Action::$change(kind) => Box::pin(Change::probe(kind, at)),)*
                // What only looks leaves nothing behind.
                $(Action::$look(_) => return Ok(Probe::Absent),)*
                $($(Action::$other(_))|* => return Err(not_aws(&at.call.action)),)*
            };
            answer.await
        }

        async fn started(at: &At<'_>) -> Result<Started, CloudError> {
            let answer: BoxFuture<'_, Result<Started, CloudError>> = match &at.call.action {
                $(Action::$change(kind) => Box::pin(Change::start(kind, at)),)*
                $(Action::$look(_))|* => return Err(only_looks(&at.call.action)),
                $($(Action::$other(_))|* => return Err(not_aws(&at.call.action)),)*
            };
            answer.await
        }

        async fn polled(at: &At<'_>) -> Outcome {
            let answer: BoxFuture<'_, Outcome> = match &at.call.action {
                $(Action::$change(kind) => Box::pin(Change::poll(kind, at)),)*
                $(Action::$look(kind) => Box::pin(Look::poll(kind, at)),)*
                $($(Action::$other(_))|* => return Err(not_aws(&at.call.action)),)*
            };
            answer.await
        }

        fn batch_of(call: &Call) -> Option<Batch<'_>> {
            match &call.action {
                $(Action::$change(kind) => Change::batch(kind, call),)*
                $(Action::$look(kind) => Look::batch(kind, call),)*
                $($(Action::$other(_))|* => None,)*
            }
        }
    };
}

every_kind_of_step!(dispatch);

/// Looks for what an earlier start may have made.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe(cloud: &AwsCloud, call: &Call) -> Result<Probe, CloudError> {
    probed(&at(cloud, call).await?).await
}

/// Makes the step's one change, or begins the work that does.
///
/// # Errors
/// See [`CloudError`].
pub async fn start(cloud: &AwsCloud, call: &Call) -> Result<Started, CloudError> {
    started(&at(cloud, call).await?).await
}

/// How far steps are: one answer per call, in order. What one request can tell is asked for once.
pub async fn poll(cloud: &AwsCloud, calls: &[Call]) -> Vec<Outcome> {
    let groups = groups(calls);
    let asked = side_by_side(groups.iter().map(|group| poll_group(cloud, calls, group)).collect()).await;
    let mut answers: Vec<(usize, Outcome)> = asked.into_iter().flatten().collect();
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// Calls that one request answers, by their places.
struct Group<'c> {
    batch: Option<Batch<'c>>,
    members: Vec<usize>,
}

/// Puts calls together that one request answers: the same kind of request in one session. The process's own identity has one
/// for all environments; under a role it is one of an environment and a requester, who is named to AWS.
fn groups(calls: &[Call]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        let batch = batch_of(call);
        let together = |other: &Call| {
            let (own, theirs) = (&call.environment, &other.environment);
            let same_role = own.name == theirs.name && other.requester == call.requester;
            other.action.region() == call.action.region()
                && own.assume_role == theirs.assume_role
                && (own.assume_role.is_none() || same_role)
        };
        let fits = |group: &&mut Group<'_>| {
            let same = matches!((&group.batch, &batch), (Some(one), Some(other)) if one.goes_with(other));
            same && group.members.first().is_some_and(|first| together(&calls[*first]))
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.members.push(index),
            None => groups.push(Group { batch, members: vec![index] }),
        }
    }
    groups
}

async fn poll_group(cloud: &AwsCloud, calls: &[Call], group: &Group<'_>) -> Vec<(usize, Outcome)> {
    let each = |answer: &CloudError| group.members.iter().map(|index| (*index, Err(answer.clone()))).collect();
    let first = match group.members.first().map(|index| at(cloud, &calls[*index])) {
        Some(first) => first.await,
        None => return Vec::new(),
    };
    let session = match first {
        Ok(first) => first.session,
        Err(error) => return each(&error),
    };
    let told = match &group.batch {
        Some(batch) => {
            let wanted = group.members.iter().filter_map(|index| batch_of(&calls[*index]));
            match batch.ask(&session, wanted.map(|batch| batch.name()).collect()).await {
                Ok(told) => Some(told),
                Err(error) => return each(&error),
            }
        }
        None => None,
    };
    let told = told.as_ref();
    let ask = |index: usize| {
        let session = Arc::clone(&session);
        async move { (index, polled(&At { cloud, session, call: &calls[index], told }).await) }
    };
    side_by_side(group.members.iter().map(|index| ask(*index)).collect()).await
}

async fn at<'a>(cloud: &'a AwsCloud, call: &'a Call) -> Result<At<'a>, CloudError> {
    match call.action.region() {
        Some(region) => Ok(At { cloud, session: cloud.session(call, region).await, call, told: None }),
        None => Err(not_aws(&call.action)),
    }
}

fn not_aws(action: &Action) -> CloudError {
    CloudError::Permanent { reason: format!("A step {} does not happen in AWS. Report this.", action.kind()) }
}

fn only_looks(action: &Action) -> CloudError {
    CloudError::Permanent { reason: format!("A step {} only reads; it is watched, not started.", action.kind()) }
}

/// What is already so: there is nothing to watch.
fn finished(id: &str) -> Started {
    Started { finished: true, ..begun(id) }
}

/// What AWS accepted under this id.
fn begun(id: &str) -> Started {
    Started { external_id: Some(id.to_owned()), ..Started::default() }
}

/// Stands before the time at which something was begun, in the id its call is given.
const SINCE: &str = " since ";

/// What was begun under this id, and when: a later look is held against it.
fn begun_at(id: &str, now: Moment) -> Started {
    begun(&format!("{id}{SINCE}{}", now.iso()))
}

/// How long ago that was, by what the call was given as its id.
fn begun_ago(call: &Call, now: Moment) -> Option<Duration> {
    let begun: jiff::Timestamp = call.external_id.as_deref()?.rsplit_once(SINCE)?.1.parse().ok()?;
    Some(now.since(Moment(begun.as_millisecond())))
}
