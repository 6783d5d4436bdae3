//! The watcher: looks at every environment from time to time, tells what is wrong once, and takes it back once it is over.
//!
//! It only reads AWS, whatever stops are in force. What was told is a mark in the ledger, written in the transaction that
//! holds the notice, so that neither a crash nor a second replica tells anything twice or not at all.
//!
//! A look is one call of [`Cloud::measurements`] for an environment: about fifty requests for a platform with a database, a
//! file system and secrets in two regions. Sixteen of them list jobs (one per region and state that is no success), a dozen
//! look at vaults, keys and buckets; only pages of jobs and of points grow with what there is. Every five minutes that is
//! one request in six seconds, spread over six services, where each of them alone allows several a second. What seems to be
//! wrong for want of an answer, and what AWS announces by a push, is looked at sooner: at most once in a fifth of the interval.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::StreamExt as _;
use serde_json::json;

use super::{change::SELF, in_force, wake::Wake};
use crate::{
    domain::{
        active::Active,
        drill::calendar,
        environment::{Environment, Side},
        lag::Measurements,
        live,
        mark::Mark,
        moment::Moment,
        operations,
        point::PointKind,
        readiness::{HOME, Health},
        routine::Due,
        tier::{self, Tally},
        watch::{Calm, Finding, Kind, Look, News, Standing, View, rules, words},
    },
    ports::{
        alert::Topic,
        chat::{Attachment, Level},
        clock::Clock,
        cloud::{Cloud, CloudError},
        store::{AuditEntry, Commit, Notice, Sample, Store, StoreError},
    },
};

/// How often an environment is looked at where nobody says otherwise.
pub const EVERY: Duration = Duration::from_secs(300);
/// At most one lag of a component is kept per slot of this length.
const SLOT: Duration = Duration::from_secs(300);
/// As often AWS may leave a look unanswered before that is a finding itself.
const PATIENCE: u32 = 3;
/// Environments looked at side by side.
const PARALLEL: usize = 4;
/// As often another replica may get in between.
const ATTEMPTS: usize = 4;

/// Looks at environments.
pub struct Watcher {
    store: Arc<dyn Store>,
    cloud: Arc<dyn Cloud>,
    clock: Arc<dyn Clock>,
    environments: BTreeMap<String, Arc<Environment>>,
    wake: Arc<Wake>,
    every: Duration,
    memory: Mutex<BTreeMap<String, Memory>>,
}

/// What is remembered of an environment between two looks. Nothing of it is needed after a crash.
#[derive(Debug, Clone, Default)]
struct Memory {
    /// When it is looked at next.
    next: Moment,
    /// When it was looked at last.
    last: Option<Moment>,
    /// Looks in a row that AWS left unanswered.
    failures: u32,
    /// What the last look could not read.
    doubted: BTreeSet<String>,
    /// What comes and goes.
    calm: Calm,
    /// Slot of the last lags kept.
    slot: Option<Moment>,
}

impl Watcher {
    /// Looks at every environment once in `every`; the first looks are spread over that time.
    pub fn new(
        store: Arc<dyn Store>,
        cloud: Arc<dyn Cloud>,
        clock: Arc<dyn Clock>,
        environments: BTreeMap<String, Arc<Environment>>,
        wake: Arc<Wake>,
        every: Duration,
    ) -> Watcher {
        let now = clock.now();
        let share = every / u32::try_from(environments.len().max(1)).unwrap_or(u32::MAX);
        let first = |n: u32| Memory { next: now + share * n, ..Memory::default() };
        environments.values().for_each(|environment| unmeasured(environment, now));
        let memory = environments.keys().cloned().zip((0..).map(first)).collect();
        Watcher { store, cloud, clock, environments, wake, every, memory: Mutex::new(memory) }
    }

    /// Looks at every environment that is due; answers how many were.
    ///
    /// # Errors
    /// The ledger's. The environments it concerns stay due.
    pub async fn turn(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let due: Vec<String> =
            self.memory().iter().filter(|(_, m)| m.next <= now).map(|(name, _)| name.clone()).collect();
        let looks = due.iter().filter_map(|name| self.environments.get(name)).map(|env| self.look(env));
        let results: Vec<Result<(), StoreError>> =
            futures::stream::iter(looks).buffer_unordered(PARALLEL).collect().await;
        let looked = results.len();
        results.into_iter().collect::<Result<(), StoreError>>()?;
        if looked > 0 {
            // Far less than 2^52.
            metrics::gauge!("bbws_notices_unsent").set(self.store.unsent().await? as f64);
        }
        Ok(looked)
    }

    /// When the next environment is due.
    pub fn next(&self) -> Moment {
        self.memory().values().map(|m| m.next).min().unwrap_or(Moment::FAR_FUTURE)
    }

    /// Something happened in AWS: the environment is looked at now, or soon where it has just been looked at.
    pub fn nudge(&self, environment: &str) {
        let (now, soon) = (self.clock.now(), self.soon());
        if let Some(memory) = self.memory().get_mut(environment) {
            let earliest = memory.last.map_or(now, |last| now.max(last + soon));
            memory.next = memory.next.min(earliest);
        }
    }

    /// Waits for a nudge for any environment, and heeds it. Nudges for others are kept for the next wait.
    pub async fn nudged(&self) {
        let waits = self.environments.keys().map(|name| {
            let notify = self.wake.watcher(name);
            Box::pin(async move {
                notify.notified().await;
                name
            })
        });
        let waits: Vec<_> = waits.collect();
        if waits.is_empty() {
            return std::future::pending().await;
        }
        let (name, ..) = futures::future::select_all(waits).await;
        self.nudge(name);
    }

    fn soon(&self) -> Duration {
        self.every / 5
    }

    fn memory(&self) -> MutexGuard<'_, BTreeMap<String, Memory>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self, declared: &Environment) -> Result<(), StoreError> {
        let name = declared.name.as_str();
        let before = self.memory().get(name).cloned().unwrap_or_default();
        // What stands is read before AWS is: what another replica takes back meanwhile must not come up again.
        let marks = in_force::marks(self.store.as_ref(), name, None).await?;
        let active = Active::of(&marks);
        // Which instances are live is known of the primary region.
        let stands = live::standing(declared, &marks, None).filter(|_| active.side == Side::Primary);
        let config = stands.as_ref().unwrap_or(declared);
        let environment = &*active.environment(config);
        let (backing_up, dues) = (self.backing_up(name).await?, self.store.dues(Some(name)).await?.all);
        let read = self.cloud.measurements(environment, SELF).await;
        let now = self.clock.now();
        let failures = if read.is_ok() { 0 } else { before.failures + 1 };
        let mut samples = read.as_ref().map(|r| samples(name, r, before.slot)).unwrap_or_default();
        if let (Side::Dr, Some(at)) = (active.side, samples.first().map(|sample| sample.at)) {
            // A failback may begin only once the region that was left has been healthy for long enough.
            let home = self.cloud.readiness(config, &active, SELF).await;
            let healthy = home.is_ok_and(|found| found.health() == Health::Healthy);
            let (environment, component) = (name.to_owned(), HOME.to_owned());
            samples.push(Sample { environment, component, at, lag: healthy.then_some(0) });
        }
        let tallies = match (&read, samples.first()) {
            (Ok(read), Some(_)) => read.components.iter().map(|c| Tally::of(environment, c, read.at)).collect(),
            _ => Vec::new(),
        };
        let slot = samples.first().map(|s| s.at).or(before.slot);
        let mut attempt = 1;
        let mut known = Known { marks: marks.clone(), dues, backing_up };
        let (doubtful, calm) = loop {
            let standing = Standing::of(&known.marks);
            let look = judge(environment, &read, &known, &standing, failures, now);
            let mut calm = before.calm.clone();
            let news = calm.damp(look.clone().news(&standing, &before.doubted), &standing, now);
            let doubtful = news.doubtful.clone();
            let counted = Commit {
                samples: samples.clone(),
                tallies: tallies.clone(),
                marks: calendar::begins(name, &known.marks, now).into_iter().collect(),
                ..Commit::default()
            };
            match self.tell(name, &look, news, counted, now).await {
                Ok(()) => break (doubtful, calm),
                // Another replica was faster: what it told stands now.
                Err(StoreError::Conflict) if attempt < ATTEMPTS => attempt += 1,
                Err(StoreError::Conflict) => break (doubtful, calm),
                Err(error) => return Err(error),
            }
            known.marks = in_force::marks(self.store.as_ref(), name, None).await?;
        };
        if let Err(error) = &read {
            tracing::warn!(environment = name, failures, %error, "an environment could not be looked at");
        }
        if let Ok(measured) = &read {
            meter(environment, measured, &known.marks, now);
        }
        let unsure = read.is_ok() && !doubtful.is_empty();
        let regular = Some(before.next + self.every).filter(|next| *next > now).unwrap_or(now + self.every);
        let next = if unsure { regular.min(now + self.soon()) } else { regular };
        let doubted = if read.is_ok() { doubtful } else { before.doubted };
        self.memory().insert(name.to_owned(), Memory { next, last: Some(now), failures, doubted, calm, slot });
        Ok(())
    }

    /// Since when a backup of this environment is under way, if one is.
    async fn backing_up(&self, environment: &str) -> Result<Option<Moment>, StoreError> {
        let Some(id) = self.store.holder(environment).await? else { return Ok(None) };
        let run = self.store.load(&id).await?;
        Ok(run.filter(|run| operations::of(run.op.kind()).backs_up()).and_then(|run| run.op.started))
    }

    /// One transaction: marks, messages and audit, beside what was measured.
    async fn tell(
        &self,
        environment: &str,
        look: &Look,
        news: News,
        measured: Commit,
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut commit = measured;
        for found in grouped(news.fresh, |f| f.kind) {
            tell_fresh(&mut commit, environment, &found, now);
        }
        for over in grouped(news.over, |s| s.note.kind) {
            tell_over(&mut commit, environment, &over, look, now);
        }
        if commit.samples.is_empty() && commit.marks.is_empty() {
            return Ok(());
        }
        let told = !commit.notices.is_empty();
        self.store.commit(commit).await?;
        if told {
            self.wake.announcer.notify_one();
        }
        Ok(())
    }
}

/// For Prometheus, before the first look: every series, so that an alert that waits for one can go off although no look ever
/// succeeds.
fn unmeasured(environment: &Environment, now: Moment) {
    looked(environment, now);
    let sides = [Some(Side::Primary), Some(Side::Dr).filter(|_| environment.replicates())];
    for (kind, resource) in tier::declared(environment) {
        for side in sides.into_iter().flatten() {
            point_age(environment, kind, &resource, side).set(f64::NAN);
            let rpo = environment.promise(kind, &resource).rpo;
            point_gauge("bbws_rpo_seconds", environment, kind, &resource, side).set(rpo.as_secs_f64());
        }
    }
    if let Some(every) = environment.restore_test {
        for resource in tested(environment) {
            test_gauge("bbws_restore_test_age_seconds", environment, resource).set(f64::NAN);
            test_gauge("bbws_restore_test_promised_seconds", environment, resource).set(every.0.as_secs_f64());
        }
    }
}

/// What is restored for a test where tests are promised.
fn tested(environment: &Environment) -> impl Iterator<Item = &str> {
    let databases = environment.databases.iter().map(|database| database.id.as_str());
    databases.chain(environment.file_systems.iter().map(|files| files.id.as_str()))
}

fn test_gauge(name: &'static str, environment: &Environment, resource: &str) -> metrics::Gauge {
    metrics::gauge!(name, "environment" => environment.name.clone(), "resource" => resource.to_owned())
}

fn looked(environment: &Environment, at: Moment) {
    let gauge = metrics::gauge!("bbws_watch_last_look_timestamp_seconds", "environment" => environment.name.clone());
    gauge.set(at.since(Moment(0)).as_secs_f64());
}

fn point_age(environment: &Environment, kind: PointKind, resource: &str, side: Side) -> metrics::Gauge {
    point_gauge("bbws_newest_point_age_seconds", environment, kind, resource, side)
}

fn point_gauge(
    name: &'static str,
    environment: &Environment,
    kind: PointKind,
    resource: &str,
    side: Side,
) -> metrics::Gauge {
    metrics::gauge!(
        name,
        "environment" => environment.name.clone(),
        "kind" => kind.as_str(),
        "component" => format!("{kind} {resource}"),
        "side" => side.word()
    )
}

/// For Prometheus: what was measured, as far as it is known.
fn meter(environment: &Environment, measured: &Measurements, marks: &[Mark], now: Moment) {
    let seconds = |span: Duration| span.as_secs_f64();
    looked(environment, now);
    for component in &measured.components {
        let gauge = point_age(environment, component.kind, &component.resource, component.side);
        // What is not known is no number.
        gauge.set(component.lag(measured.at).map_or(f64::NAN, seconds));
    }
    // What was promised to be tested and never was is older than any limit.
    let promised = environment.restore_test.is_some();
    let never = tested(environment).filter(|_| promised);
    for resource in never.filter(|resource| !marks.iter().any(|mark| mark.tested_resource() == Some(resource))) {
        test_gauge("bbws_restore_test_age_seconds", environment, resource).set(f64::INFINITY);
    }
    let mut tested: BTreeMap<&str, Moment> = BTreeMap::new();
    for (resource, at) in marks.iter().filter_map(|mark| Some((mark.tested_resource()?, mark.at))) {
        let newest = tested.entry(resource).or_insert(at);
        *newest = at.max(*newest);
    }
    for (resource, at) in tested {
        test_gauge("bbws_restore_test_age_seconds", environment, resource).set(seconds(now.since(at)));
    }
}

/// What the ledger knows of an environment that is looked at.
struct Known {
    marks: Vec<Mark>,
    dues: Vec<Due>,
    /// Since when a backup of ours is being made.
    backing_up: Option<Moment>,
}

fn judge(
    environment: &Environment,
    read: &Result<Measurements, CloudError>,
    known: &Known,
    standing: &[Standing],
    failures: u32,
    now: Moment,
) -> Look {
    let Known { marks, dues, backing_up } = known;
    let backing_up = *backing_up;
    match read {
        Ok(measurements) => rules::look(&View { environment, measurements, marks, dues, standing, backing_up, now }),
        Err(error) if failures >= PATIENCE => rules::unreachable(environment, failures, &error.to_string()),
        Err(_) => rules::silence(),
    }
}

/// The lags of these measurements, unless there are some of the same slot.
fn samples(environment: &str, measurements: &Measurements, last: Option<Moment>) -> Vec<Sample> {
    let slot = i64::try_from(SLOT.as_millis()).unwrap_or(i64::MAX);
    let at = Moment(measurements.at.0 - measurements.at.0.rem_euclid(slot));
    if last == Some(at) {
        return Vec::new();
    }
    let sample = |c: &crate::domain::lag::Component| Sample {
        environment: environment.to_owned(),
        component: c.name(),
        at,
        lag: c.lag(measurements.at).map(|lag| lag.as_secs()),
    };
    measurements.components.iter().map(sample).collect()
}

/// In groups of one kind, as messages tell them.
fn grouped<T>(all: Vec<T>, kind: impl Fn(&T) -> Kind) -> Vec<Vec<T>> {
    let mut groups: BTreeMap<Kind, Vec<T>> = BTreeMap::new();
    for one in all {
        groups.entry(kind(&one)).or_default().push(one);
    }
    groups.into_values().collect()
}

fn tell_fresh(commit: &mut Commit, environment: &str, found: &[Finding], now: Moment) {
    let Some(first) = found.first() else { return };
    let critical = found.iter().any(|f| f.critical);
    let (text, offers) = words::told(environment, found);
    let key = format!("finding:{}:{}", first.key, now.0);
    for finding in found {
        commit.marks.push(finding.mark(environment, now));
        commit.audit.push(audit("finding", environment, &finding.key, &finding.title, now));
    }
    let listed: Vec<_> = found
        .iter()
        .map(|f| json!({"key": f.key, "kind": f.kind, "title": f.title, "reason": f.reason, "next": f.next}))
        .collect();
    commit.notices.push(Notice::Publish {
        environment: environment.to_owned(),
        topic: if critical { Topic::OpsCritical } else { Topic::OpsWarning },
        key: format!("{environment}:{key}"),
        subject: subject(environment, found),
        body: json!({"event": "finding", "environment": environment, "at": now.iso(), "critical": critical, "findings": listed}),
    });
    commit.notices.push(Notice::Channel {
        environment: environment.to_owned(),
        key,
        level: if critical { Level::Error } else { Level::Warning },
        text,
        attachment: Attachment { offers, ..Attachment::default() },
    });
}

fn tell_over(commit: &mut Commit, environment: &str, over: &[Standing], look: &Look, now: Moment) {
    let Some(first) = over.first() else { return };
    let (text, good) = words::resolved(environment, over, look, now);
    for standing in over {
        commit.marks.push(standing.take(environment));
        commit.audit.push(audit("resolved", environment, &standing.key, &standing.note.title, now));
    }
    commit.notices.push(Notice::Channel {
        environment: environment.to_owned(),
        key: format!("resolved:{}:{}", first.key, first.since.0),
        level: if good { Level::Success } else { Level::Info },
        text,
        attachment: Attachment::default(),
    });
}

fn audit(action: &str, environment: &str, key: &str, title: &str, at: Moment) -> AuditEntry {
    AuditEntry {
        at,
        actor: SELF.to_owned(),
        action: action.to_owned(),
        operation: None,
        detail: json!({"environment": environment, "finding": key, "title": title}),
    }
}

/// Plain ASCII under 100 characters, as SNS wants it.
fn subject(environment: &str, found: &[Finding]) -> String {
    let what = found.first().map_or("", |f| f.kind.name());
    let text = match found.len() {
        1 => format!("bbws {environment}: {}", found.first().map_or("", |f| f.key.as_str())),
        many => format!("bbws {environment}: {many} findings: {what}"),
    };
    text.chars().filter(|c| c.is_ascii() && !c.is_ascii_control()).take(99).collect()
}
