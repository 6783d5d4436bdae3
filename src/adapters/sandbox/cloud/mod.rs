//! A simulated AWS: a state machine per resource, durations from a seed, idempotency as AWS has it, faults on demand,
//! and a journal that counts what was really changed. It carries `bbws demo` and the tests of the engine.

mod archive;
mod backup;
mod buckets;
mod compare;
mod dispatch;
mod drift;
mod estate;
mod faults;
mod files;
mod grow;
mod history;
mod holds;
pub mod http;
mod journal;
mod keep;
mod look;
mod mishap;
mod plans;
mod points;
mod rds;
mod readings;
mod restore;
mod retire;
mod secrets;
mod survey;
mod time;
mod verify;
mod view;
mod world;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use rand::{SeedableRng as _, rngs::Xoshiro256PlusPlus};
use serde::{Deserialize, Serialize};

pub use self::{
    drift::Side,
    estate::Contents,
    faults::{Chaos, Fault, Target},
    journal::{Answer, Mutation, Recorded, Twice, Verb},
    look::{SimFiles, SimHold, SimInstance},
    view::{RegionView, Resource},
    world::{SimDatabase, SimFileSystem},
};
use self::{
    faults::{Fate, Faults, Passage},
    journal::{Journal, Made},
    time::SimTime,
    world::Aws,
};
use crate::{
    domain::{environment::Environment, moment::Moment, operation::OpId},
    ports::{
        alert::{Alerts, Topic},
        clock::Clock,
        cloud::{Call, Cloud, CloudError, Pages, PointQuery, Probe, Progress, Readings, Started, Survey, World},
    },
};

/// A message that reached a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// When, in simulated time.
    pub at: Moment,
    /// Environment's name.
    pub environment: String,
    /// Topic.
    pub topic: Topic,
    /// Subject.
    pub subject: String,
    /// JSON.
    pub body: String,
}

/// The simulated AWS. One mutex guards it all; nothing is awaited while it is held.
pub struct SimCloud {
    inner: Mutex<Inner>,
}

struct Inner {
    time: SimTime,
    aws: Aws,
    environments: BTreeMap<String, Environment>,
    faults: Faults,
    rng: Xoshiro256PlusPlus,
    journal: Journal,
    published: Vec<Published>,
    blind_probe: bool,
    /// Where all this outlives the process.
    file: Option<PathBuf>,
}

/// What a start has at hand.
struct Making<'a> {
    aws: &'a mut Aws,
    faults: &'a mut Faults,
    rng: &'a mut Xoshiro256PlusPlus,
    now: Moment,
    call: &'a Call,
}

impl Making<'_> {
    fn account(&self) -> &str {
        &self.call.environment.account
    }

    /// What befalls the thing that is being made; to be asked once, and only when it certainly is made.
    fn fate(&mut self, region: &str) -> Fate {
        self.faults.fate(self.rng, self.call.action.kind(), region)
    }
}

/// The answer of a start, and what it made if it made anything.
type Start = Result<(Started, Option<Made>), CloudError>;

impl SimCloud {
    /// An AWS that holds what the environments describe. The same seed and calls give the same answers.
    pub fn new(environments: &BTreeMap<String, Environment>, clock: Arc<dyn Clock>, seed: u64) -> SimCloud {
        // The key of the table is the name, also for environments that were not read from a file.
        let environments: BTreeMap<String, Environment> = environments
            .iter()
            .map(|(name, e)| (name.clone(), Environment { name: name.clone(), ..e.clone() }))
            .collect();
        let time = SimTime::new(clock);
        SimCloud {
            inner: Mutex::new(Inner {
                aws: Aws::grown_from(&environments, seed, time.now()),
                time,
                environments,
                faults: Faults::default(),
                rng: Xoshiro256PlusPlus::seed_from_u64(seed),
                journal: Journal::default(),
                published: Vec::new(),
                blind_probe: false,
                file: None,
            }),
        }
    }

    /// Simulated time.
    pub fn now(&self) -> Moment {
        self.lock().time.now()
    }

    /// Simulated seconds per second of the base clock.
    pub fn speed(&self) -> f64 {
        self.lock().time.speed()
    }

    /// Changes the speed from now on; time does not jump. What is not between 0 and a million is brought there.
    pub fn set_speed(&self, speed: f64) {
        self.changing().time.set_speed(if speed.is_nan() { 0.0 } else { speed.clamp(0.0, 1e6) });
    }

    /// Puts a fault in wait.
    pub fn inject(&self, fault: Fault, target: Target) {
        self.changing().faults.inject(fault, target);
    }

    /// Faults by chance from now on, besides those injected.
    pub fn set_chaos(&self, chaos: Chaos) {
        self.changing().faults.set_chaos(chaos);
    }

    /// A region that is down answers nothing: reads and half of the changes are refused, the other half is swallowed
    /// (the outcome is unknown to the caller). What runs there goes on.
    pub fn region_down(&self, region: &str, down: bool) {
        self.changing().faults.set_down(region, down);
    }

    /// Takes back every fault, the chaos and the outages. What already failed stays failed.
    pub fn heal(&self) {
        self.changing().faults.heal();
    }

    /// Makes probes of AWS Backup jobs find nothing, since the real API does not tell tokens: such a job is found again
    /// only by starting it again with the same token.
    pub fn set_blind_probe(&self, blind: bool) {
        self.changing().blind_probe = blind;
    }

    /// The last calls, oldest first (at most 50,000).
    pub fn journal(&self) -> Vec<Recorded> {
        self.lock().journal.recent().cloned().collect()
    }

    /// Calls of one operation, oldest first, as far as they are remembered.
    pub fn calls_by(&self, operation: &OpId) -> Vec<Recorded> {
        self.lock().journal.recent().filter(|r| r.operation.as_ref() == Some(operation)).cloned().collect()
    }

    /// Number of all calls of one operation.
    pub fn count_by(&self, operation: &OpId) -> u64 {
        self.lock().journal.count_by(operation)
    }

    /// Number of all calls.
    pub fn calls(&self) -> u64 {
        self.lock().journal.total()
    }

    /// Number of requests AWS would have seen: polls that one describe call answers count once.
    pub fn requests(&self) -> u64 {
        self.lock().journal.requests()
    }

    /// Number of true changes of resources; publications are not among them.
    pub fn effects(&self) -> u64 {
        self.lock().journal.effective()
    }

    /// True changes by operation, step and what the step works on.
    pub fn mutations(&self) -> BTreeMap<Mutation, u32> {
        self.lock().journal.mutations().clone()
    }

    /// Everything that was changed again while the earlier result still stood. A repeat after a result that failed or
    /// was deleted is not listed.
    pub fn twice(&self) -> Vec<Twice> {
        self.lock().journal.twice().to_vec()
    }

    /// What reached the topics, oldest first.
    pub fn published(&self) -> Vec<Published> {
        self.lock().published.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn survey(&mut self, environment: &Environment, ask: &Survey) -> Result<World, CloudError> {
        let now = self.time.now();
        let regions = survey::regions(environment, ask);
        let answer = self
            .faults
            .gate(&mut self.rng, Verb::Survey, "survey", &regions)
            .and_then(|_| survey::survey(&self.aws, environment, ask, now));
        self.journal.request();
        self.looked(Verb::Survey, "survey", &environment.primary_region, now, answer_of(&answer));
        answer
    }

    /// Writes down a call that belongs to no operation.
    fn looked(&mut self, verb: Verb, kind: &'static str, region: &str, at: Moment, answer: Answer) {
        self.journal.record(Recorded {
            at,
            operation: None,
            step: None,
            verb,
            kind,
            region: region.to_owned(),
            token: String::new(),
            effect: false,
            answer,
        });
    }

    fn probe(&mut self, call: &Call) -> Result<Probe, CloudError> {
        let now = self.time.now();
        let answer = self
            .faults
            .gate(&mut self.rng, Verb::Probe, call.action.kind(), &dispatch::called(&call.action))
            .and_then(|_| dispatch::probe(&self.aws, call, self.blind_probe, now));
        self.journal.request();
        self.record(call, Verb::Probe, now, false, answer_of(&answer));
        answer
    }

    fn start(&mut self, call: &Call) -> Result<Started, CloudError> {
        let now = self.time.now();
        let (answer, made) = self.carry_out(call, now);
        let effect = made.is_some();
        if let Some(made) = made {
            self.journal.effect(&self.aws, call, made, now);
        }
        self.journal.request();
        self.record(call, Verb::Start, now, effect, answer_of(&answer));
        answer
    }

    fn carry_out(&mut self, call: &Call, now: Moment) -> (Result<Started, CloudError>, Option<Made>) {
        let kind = call.action.kind();
        let passage = match self.faults.gate(&mut self.rng, Verb::Start, kind, &dispatch::touched(&call.action)) {
            Ok(passage) => passage,
            Err(error) => return (Err(error), None),
        };
        let mut making = Making { aws: &mut self.aws, faults: &mut self.faults, rng: &mut self.rng, now, call };
        let (answer, made) = match dispatch::check(call).and_then(|()| dispatch::start(&mut making)) {
            Ok((started, made)) => (Ok(started), made),
            Err(error) => (Err(error), None),
        };
        match passage {
            Passage::Clear => (answer, made),
            Passage::LoseReply => (Err(faults::lost(kind, call.action.region().unwrap_or_default())), made),
        }
    }

    fn poll(&mut self, calls: &[Call]) -> Vec<Result<Progress, CloudError>> {
        let now = self.time.now();
        for _ in 0..dispatch::requests_for(calls) {
            self.journal.request();
        }
        calls.iter().map(|call| self.poll_one(call, now)).collect()
    }

    fn poll_one(&mut self, call: &Call, now: Moment) -> Result<Progress, CloudError> {
        let answer = self
            .faults
            .gate(&mut self.rng, Verb::Poll, call.action.kind(), &dispatch::called(&call.action))
            .and_then(|_| dispatch::poll(&self.aws, call, now));
        self.record(call, Verb::Poll, now, false, answer_of(&answer));
        answer
    }

    fn publish(
        &mut self,
        environment: &Environment,
        topic: Topic,
        subject: &str,
        body: &str,
    ) -> Result<(), CloudError> {
        let now = self.time.now();
        // Where the primary region's failure does not reach.
        let region = environment.dr_region.clone();
        let kind = topic_name(topic);
        let passage = self.faults.gate(&mut self.rng, Verb::Publish, kind, &[&region]);
        let arrives = passage.and_then(|passage| dispatch::message(kind, subject, body).map(|()| passage));
        if arrives.is_ok() {
            let (environment, subject, body) = (environment.name.clone(), subject.to_owned(), body.to_owned());
            self.published.push(Published { at: now, environment, topic, subject, body });
        }
        let effect = arrives.is_ok();
        let answer = arrives.and_then(|passage| match passage {
            Passage::Clear => Ok(()),
            Passage::LoseReply => Err(faults::lost(kind, &region)),
        });
        self.journal.request();
        self.journal.record(Recorded {
            at: now,
            operation: None,
            step: None,
            verb: Verb::Publish,
            kind,
            region,
            token: String::new(),
            effect,
            answer: answer_of(&answer),
        });
        answer
    }

    fn record(&mut self, call: &Call, verb: Verb, at: Moment, effect: bool, answer: Answer) {
        self.journal.record(Recorded {
            at,
            operation: Some(call.operation.clone()),
            step: Some(call.step),
            verb,
            kind: call.action.kind(),
            region: call.action.region().unwrap_or_default().to_owned(),
            token: call.token.clone(),
            effect,
            answer,
        });
    }
}

#[async_trait]
impl Cloud for SimCloud {
    async fn survey(&self, environment: &Environment, ask: &Survey, _requester: &str) -> Result<World, CloudError> {
        self.lock().survey(environment, ask)
    }

    async fn points(
        &self,
        environment: &Environment,
        query: &PointQuery,
        _requester: &str,
        page: &mut Pages<'_>,
    ) -> Result<Vec<String>, CloudError> {
        let regions = points::regions(environment);
        let (mut unread, mut refused) = (Vec::new(), Vec::new());
        for region in &regions {
            // The lock is not held while the pages are taken.
            match self.lock().points(environment, region, query) {
                Ok(found) => points::give(found, page),
                Err(error) => {
                    unread.push(format!("What is in {region} is not listed: {error}."));
                    refused.push(error);
                }
            }
        }
        if refused.len() == regions.len() {
            return Err(refused.swap_remove(0));
        }
        Ok(unread)
    }

    async fn readings(&self, environment: &Environment, _requester: &str) -> Result<Readings, CloudError> {
        self.lock().readings(environment)
    }

    async fn probe(&self, call: &Call) -> Result<Probe, CloudError> {
        self.lock().probe(call)
    }

    async fn start(&self, call: &Call) -> Result<Started, CloudError> {
        self.changing().start(call)
    }

    async fn poll(&self, calls: &[Call]) -> Vec<Result<Progress, CloudError>> {
        self.lock().poll(calls)
    }
}

#[async_trait]
impl Alerts for SimCloud {
    async fn publish(
        &self,
        environment: &Environment,
        topic: Topic,
        subject: &str,
        body: &str,
    ) -> Result<(), CloudError> {
        self.changing().publish(environment, topic, subject, body)
    }
}

fn topic_name(topic: Topic) -> &'static str {
    match topic {
        Topic::BackupStatus => "backup_status",
        Topic::OpsWarning => "ops_warning",
        Topic::OpsCritical => "ops_critical",
        Topic::DrEvents => "dr_events",
    }
}

fn answer_of<T>(answer: &Result<T, CloudError>) -> Answer {
    match answer {
        Ok(_) => Answer::Ok,
        Err(CloudError::Retryable { .. }) => Answer::Retryable,
        Err(CloudError::Permanent { .. }) => Answer::Permanent,
        Err(CloudError::Unknown { .. }) => Answer::Unknown,
    }
}
