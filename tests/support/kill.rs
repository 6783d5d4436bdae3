//! A process that dies: decorators over the ports that let the n-th point through, and nothing after it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use async_trait::async_trait;
use bbws::{
    domain::{
        answers::home::Home,
        datum::Datum,
        environment::Environment,
        moment::Moment,
        operation::{CardRef, OpId, Operation, Run},
        principal::Profile,
        tier::Tally,
    },
    ports::{
        alert::{Alerts, Topic},
        chat::{ChannelFacts, Chat, ChatError, File, Form, Outgoing, Reply, Written},
        cloud::{
            Call, Cloud, CloudError, KeyFound, LeftOut, Measurements, Pages, PointQuery, Probe, Progress, Started,
            Survey, Windows, World,
        },
        rooms::{RoomFacts, Rooms},
        store::{
            Accepted, AuditEntry, Audited, Claim, Commit, Dues, Filter, Head, Incarnation, Mark, MarkKind, Queued,
            Request, Sample, Stop, Store, StoreError,
        },
    },
};
use secrecy::SecretString;
use serde_json::Value;

/// What a process does after a death of the same life before it may die again, in points: enough to have picked up and
/// carried on what it found.
const QUIET: usize = 15;

/// A death by what it interrupts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// What is about to happen, or has just happened.
    pub meaning: String,
    /// How often by then in this life, from 1.
    pub nth: usize,
}

/// What the processes of one life share: how often each came to what, and which deaths are still to be died.
#[derive(Debug, Default)]
struct Life {
    times: BTreeMap<String, usize>,
    left: Vec<Death>,
}

/// A process that stands still, with its thread and all that it holds, and goes on when it is told to.
#[derive(Debug)]
struct Freeze {
    at: usize,
    stands: mpsc::Sender<()>,
    goes_on: Mutex<mpsc::Receiver<()>>,
}

/// Counts the points at which a process can die, and dies where it is told.
#[derive(Debug, Default)]
pub struct Killer {
    passed: AtomicUsize,
    at: Option<usize>,
    life: Arc<Mutex<Life>>,
    /// Dies no death before so many points have passed.
    quiet: usize,
    freeze: Option<Freeze>,
    dead: AtomicBool,
    died_at: Mutex<Option<String>>,
}

impl Killer {
    /// Never dies; counts.
    pub fn never() -> Arc<Killer> {
        Arc::new(Killer::default())
    }

    /// Dies at the point with this number, from 0.
    pub fn at(point: usize) -> Arc<Killer> {
        Arc::new(Killer { at: Some(point), ..Killer::default() })
    }

    /// Stands still at the point with this number, from 0, until it is told to go on; never dies. It says when it stands, and hangs
    /// up when it is over without having come so far.
    pub fn freezing(at: usize) -> (Arc<Killer>, mpsc::Receiver<()>, mpsc::Sender<()>) {
        let ((stands, stood), (go, goes_on)) = (mpsc::channel(), mpsc::channel());
        let freeze = Some(Freeze { at, stands, goes_on: Mutex::new(goes_on) });
        (Arc::new(Killer { freeze, ..Killer::default() }), stood, go)
    }

    /// Dies the first of these deaths that comes; its heirs die the others.
    pub fn of(deaths: Vec<Death>) -> Arc<Killer> {
        let life = Arc::new(Mutex::new(Life { left: deaths, ..Life::default() }));
        Arc::new(Killer { life, ..Killer::default() })
    }

    /// For the process after this one, in the same life: it dies what is left.
    pub fn heir(&self) -> Arc<Killer> {
        Arc::new(Killer { life: self.life.clone(), quiet: QUIET, ..Killer::default() })
    }

    /// The deaths of this life that nobody has died so far.
    pub fn left(&self) -> Vec<Death> {
        self.life.lock().unwrap().left.clone()
    }

    /// Points passed.
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }

    /// The deaths worth dying, of those that this process could have died: for everything that a death can interrupt, its
    /// first and its last time.
    pub fn deaths(&self) -> Vec<Death> {
        let ends = |(meaning, times): (String, usize)| {
            let mut nth = vec![1, times];
            nth.dedup();
            nth.into_iter().map(move |nth| Death { meaning: meaning.clone(), nth })
        };
        let times = self.life.lock().unwrap().times.clone();
        times.into_iter().flat_map(ends).collect()
    }

    /// The same, where the ledger's own calls are interrupted.
    pub fn deaths_of_the_ledger(&self) -> Vec<Death> {
        let of_ledger = ["accept", "next_id", "commit", "claim", "park", "outgoing", "sent", "defer"];
        let verb = |death: &Death| death.meaning.split(' ').nth(1).is_some_and(|v| of_ledger.contains(&v));
        self.deaths().into_iter().filter(verb).collect()
    }

    /// What it depends on is away for a while, or back again.
    pub fn outage(&self, down: bool) {
        self.dead.store(down, Ordering::SeqCst);
    }

    /// Whether the process is dead.
    pub fn dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// How often by now this life came to what the death interrupts.
    fn times(&self, death: &Death) -> usize {
        self.life.lock().unwrap().times.get(&death.meaning).copied().unwrap_or(0)
    }

    /// Where it died.
    pub fn died_at(&self) -> Option<String> {
        self.died_at.lock().unwrap().clone()
    }

    /// One point. `true`: the process is dead and nothing it does happens any more.
    fn point(&self, what: &str) -> bool {
        self.point_meaning(what, &[what.to_owned()])
    }

    /// A point that says more of where it is than of what it means.
    fn point_meaning(&self, what: &str, meant: &[String]) -> bool {
        if self.dead() {
            return true;
        }
        let number = self.passed.fetch_add(1, Ordering::SeqCst);
        if let Some(freeze) = self.freeze.as_ref().filter(|freeze| freeze.at == number) {
            freeze.stands.send(()).expect("somebody waits for it");
            freeze.goes_on.lock().unwrap().recv().expect("somebody lets it go on");
        }
        let mut life = self.life.lock().unwrap();
        for meaning in meant {
            *life.times.entry(meaning.clone()).or_default() += 1;
        }
        let mut now = self.at == Some(number);
        if number >= self.quiet {
            let Life { times, left } = &mut *life;
            let before = left.len();
            left.retain(|death| !(meant.contains(&death.meaning) && times[&death.meaning] >= death.nth));
            now |= left.len() < before;
        }
        if now {
            self.dead.store(true, Ordering::SeqCst);
            *self.died_at.lock().unwrap() = Some(what.to_owned());
        }
        self.dead()
    }
}

/// Lives until each of these deaths was died, several in one life, and says which never came. How often a life comes to
/// something differs from one to the next, so what does not come for the last time is died as often as it came; and what one
/// life did not come to at all, as to steps that happened to change together, the others may not either.
pub async fn die(mut deaths: Vec<Death>, mut live: impl AsyncFnMut(Arc<Killer>)) -> Vec<Death> {
    let mut never = Vec::new();
    while !deaths.is_empty() {
        let killer = Killer::of(deaths.clone());
        live(killer.clone()).await;
        let left = killer.left();
        let one_came = left.len() < deaths.len();
        deaths = left;
        if !one_came {
            for death in &mut deaths {
                death.nth = killer.times(death);
            }
            never.extend(deaths.extract_if(.., |death| death.nth == 0));
        }
    }
    never
}

/// Whether everything is asked, and not what is worth asking each time: `tests/run --long`.
pub fn long() -> bool {
    std::env::var_os("BBWS_LONG").is_some()
}

fn gone() -> StoreError {
    StoreError::Database("killed".into())
}

fn silent() -> CloudError {
    CloudError::Unknown { reason: "killed".to_owned() }
}

fn mute(method: &str) -> ChatError {
    ChatError::Unknown { method: method.to_owned(), reason: "killed".to_owned() }
}

/// The ledger of a mortal process.
pub struct MortalStore {
    /// What survives.
    pub inner: Arc<dyn Store>,
    /// When it dies.
    pub killer: Arc<Killer>,
}

impl MortalStore {
    fn alive(&self) -> Result<(), StoreError> {
        if self.killer.dead() { Err(gone()) } else { Ok(()) }
    }
    fn point(&self, what: &str) -> Result<(), StoreError> {
        if self.killer.point(what) { Err(gone()) } else { Ok(()) }
    }
}

#[async_trait]
impl Store for MortalStore {
    async fn accept(
        &self,
        request: Request,
        answer: Option<String>,
        audit: Vec<AuditEntry>,
    ) -> Result<Accepted, StoreError> {
        self.point("before accept")?;
        let accepted = self.inner.accept(request, answer, audit).await?;
        self.point("after accept")?;
        Ok(accepted)
    }
    async fn unanswered(&self, before: Moment, limit: u32) -> Result<Vec<Request>, StoreError> {
        self.alive()?;
        self.inner.unanswered(before, limit).await
    }
    async fn next_id(&self, prefix: &str) -> Result<OpId, StoreError> {
        self.point("before next_id")?;
        self.inner.next_id(prefix).await
    }
    async fn numbers(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        self.alive()?;
        self.inner.numbers().await
    }
    async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        self.alive()?;
        self.inner.incarnation().await
    }
    async fn head(&self) -> Result<Head, StoreError> {
        self.alive()?;
        self.inner.head().await
    }
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let what = commit.op.as_ref().map(|w| {
            format!("{} {} {:?}", w.op.id, w.op.state, w.steps.iter().map(|s| (s.index, s.state)).collect::<Vec<_>>())
        });
        let changes: BTreeSet<String> = match &commit.op {
            None => BTreeSet::from(["None".to_owned()]),
            Some(w) if w.steps.is_empty() => BTreeSet::from([w.op.state.to_string()]),
            Some(w) => {
                let kind = |index: usize| w.op.plan.steps.get(index).map_or("none", |step| step.action.kind());
                w.steps.iter().map(|s| format!("{} {} {}", w.op.state, kind(s.index), s.state)).collect()
            }
        };
        let die = |when: &str| {
            let meant: Vec<String> = changes.iter().map(|change| format!("{when} commit {change}")).collect();
            let dead = self.killer.point_meaning(&format!("{when} commit {what:?}"), &meant);
            if dead { Err(gone()) } else { Ok(()) }
        };
        die("before")?;
        self.inner.commit(commit).await?;
        die("after")
    }
    async fn load(&self, id: &OpId) -> Result<Option<Run>, StoreError> {
        self.alive()?;
        self.inner.load(id).await
    }
    async fn list(&self, filter: &Filter) -> Result<Vec<Operation>, StoreError> {
        self.alive()?;
        self.inner.list(filter).await
    }
    async fn holder(&self, environment: &str) -> Result<Option<OpId>, StoreError> {
        self.alive()?;
        self.inner.holder(environment).await
    }
    async fn stops(&self) -> Result<Vec<Stop>, StoreError> {
        self.alive()?;
        self.inner.stops().await
    }
    async fn claim(&self, owner: &str, lease: Duration, limit: u32) -> Result<Vec<Claim>, StoreError> {
        self.alive()?;
        let claims = self.inner.claim(owner, lease, limit).await?;
        if !claims.is_empty() {
            self.point("after claim")?;
        }
        Ok(claims)
    }
    async fn park(&self, claim: &Claim, version: i64, wake_at: Moment) -> Result<(), StoreError> {
        self.point("before park")?;
        self.inner.park(claim, version, wake_at).await
    }
    async fn next_wake(&self) -> Result<Option<Moment>, StoreError> {
        self.alive()?;
        self.inner.next_wake().await
    }
    async fn break_leases(&self) -> Result<(), StoreError> {
        self.alive()?;
        self.inner.break_leases().await
    }
    async fn outgoing(&self, hold: Duration, limit: u32) -> Result<Vec<Queued>, StoreError> {
        self.alive()?;
        let taken = self.inner.outgoing(hold, limit).await?;
        if !taken.is_empty() {
            self.point("after outgoing")?;
        }
        Ok(taken)
    }
    async fn sent(&self, queued: &Queued, card: Option<(OpId, CardRef)>, again: Moment) -> Result<(), StoreError> {
        self.point("before sent")?;
        self.inner.sent(queued, card, again).await?;
        self.point("after sent")
    }
    async fn defer(&self, queued: &Queued, at: Moment, uncertain: bool) -> Result<(), StoreError> {
        self.point("before defer")?;
        self.inner.defer(queued, at, uncertain).await
    }
    async fn next_notice(&self) -> Result<Option<Moment>, StoreError> {
        self.alive()?;
        self.inner.next_notice().await
    }
    async fn audit(&self, after: i64, limit: u32) -> Result<Vec<Audited>, StoreError> {
        self.alive()?;
        self.inner.audit(after, limit).await
    }
    async fn marks(&self, environment: &str, kind: Option<MarkKind>) -> Result<Vec<Mark>, StoreError> {
        self.alive()?;
        self.inner.marks(environment, kind).await
    }
    async fn marks_of(&self, kind: MarkKind) -> Result<Vec<Mark>, StoreError> {
        self.alive()?;
        self.inner.marks_of(kind).await
    }
    async fn dues(&self, environment: Option<&str>) -> Result<Dues, StoreError> {
        self.alive()?;
        self.inner.dues(environment).await
    }
    async fn samples(&self, environment: &str, since: Moment) -> Result<Vec<Sample>, StoreError> {
        self.alive()?;
        self.inner.samples(environment, since).await
    }
    async fn unsent(&self) -> Result<u64, StoreError> {
        self.alive()?;
        self.inner.unsent().await
    }
    async fn tallies(&self, environment: &str, since: i64) -> Result<Vec<Tally>, StoreError> {
        self.alive()?;
        self.inner.tallies(environment, since).await
    }
    async fn durations(&self, kind: &str, resource: &str, limit: u32) -> Result<Vec<Duration>, StoreError> {
        self.alive()?;
        self.inner.durations(kind, resource, limit).await
    }
    async fn ready(&self) -> Result<(), StoreError> {
        self.alive()?;
        self.inner.ready().await
    }
}

/// AWS, called by a mortal process.
pub struct MortalCloud {
    /// What survives.
    pub inner: Arc<dyn Cloud>,
    /// When it dies.
    pub killer: Arc<Killer>,
}

#[async_trait]
impl Cloud for MortalCloud {
    async fn survey(&self, environment: &Environment, ask: &Survey, requester: &str) -> Result<World, CloudError> {
        if self.killer.point("before survey") {
            return Err(silent());
        }
        self.inner.survey(environment, ask, requester).await
    }
    async fn points(
        &self,
        environment: &Environment,
        query: &PointQuery,
        requester: &str,
        page: &mut Pages<'_>,
    ) -> Result<LeftOut, CloudError> {
        if self.killer.dead() {
            return Err(silent());
        }
        self.inner.points(environment, query, requester, page).await
    }
    async fn windows(&self, environment: &Environment, requester: &str) -> Windows {
        self.inner.windows(environment, requester).await
    }
    async fn keys(&self, environment: &Environment, requester: &str) -> Vec<KeyFound> {
        self.inner.keys(environment, requester).await
    }
    async fn measurements(&self, environment: &Environment, requester: &str) -> Result<Measurements, CloudError> {
        if self.killer.dead() {
            return Err(silent());
        }
        self.inner.measurements(environment, requester).await
    }
    async fn readiness(
        &self,
        environment: &Environment,
        active: &bbws::domain::active::Active,
        requester: &str,
    ) -> Result<bbws::domain::readiness::Readiness, CloudError> {
        if self.killer.dead() {
            return Err(silent());
        }
        self.inner.readiness(environment, active, requester).await
    }
    async fn serving(
        &self,
        environment: &Environment,
        active: &bbws::domain::active::Active,
        requester: &str,
    ) -> Result<Vec<bbws::domain::serving::Looked>, CloudError> {
        if self.killer.dead() {
            return Err(silent());
        }
        self.inner.serving(environment, active, requester).await
    }
    async fn probe(&self, call: &Call) -> Result<Probe, CloudError> {
        if self.killer.point("before probe") {
            return Err(silent());
        }
        self.inner.probe(call).await
    }
    async fn start(&self, call: &Call) -> Result<Started, CloudError> {
        if self.killer.point(&format!("before start {}", call.action.kind())) {
            return Err(silent());
        }
        let started = self.inner.start(call).await;
        if self.killer.point(&format!("after start {}", call.action.kind())) {
            return Err(silent());
        }
        started
    }
    async fn poll(&self, calls: &[Call]) -> Vec<Result<Progress, CloudError>> {
        if self.killer.point("before poll") {
            return calls.iter().map(|_| Err(silent())).collect();
        }
        let answers = self.inner.poll(calls).await;
        if self.killer.point("after poll") {
            return calls.iter().map(|_| Err(silent())).collect();
        }
        answers
    }
}

/// SNS, called by a mortal process.
pub struct MortalAlerts {
    /// What survives.
    pub inner: Arc<dyn Alerts>,
    /// When it dies.
    pub killer: Arc<Killer>,
}

#[async_trait]
impl Alerts for MortalAlerts {
    async fn measure(
        &self,
        environment: &Environment,
        namespace: &str,
        at: Moment,
        data: &[Datum],
    ) -> Result<(), CloudError> {
        if self.killer.point("before metrics") {
            return Err(silent());
        }
        let put = self.inner.measure(environment, namespace, at, data).await;
        if self.killer.point("after metrics") { Err(silent()) } else { put }
    }

    async fn publish(
        &self,
        environment: &Environment,
        topic: Topic,
        subject: &str,
        body: &str,
    ) -> Result<(), CloudError> {
        if self.killer.point("before publish") {
            return Err(silent());
        }
        let published = self.inner.publish(environment, topic, subject, body).await;
        if self.killer.point("after publish") { Err(silent()) } else { published }
    }
}

/// Slack, called by a mortal process.
pub struct MortalChat {
    /// What survives.
    pub inner: Arc<dyn Chat>,
    /// When it dies.
    pub killer: Arc<Killer>,
}

impl MortalChat {
    /// One thing that is done to a room, and the two moments at which it may be cut off.
    async fn mortal<T>(&self, method: &str, call: impl Future<Output = Result<T, ChatError>>) -> Result<T, ChatError> {
        if self.killer.point(&format!("before {method}")) {
            return Err(mute(method));
        }
        let done = call.await;
        if self.killer.point(&format!("after {method}")) { Err(mute(method)) } else { done }
    }
}

#[async_trait]
impl Rooms for MortalChat {
    async fn create_room(&self, name: &str) -> Result<String, ChatError> {
        self.mortal("conversations.create", self.inner.create_room(name)).await
    }
    async fn find_room(&self, name: &str) -> Result<Option<RoomFacts>, ChatError> {
        if self.killer.dead() { Err(mute("conversations.list")) } else { self.inner.find_room(name).await }
    }
    async fn join_room(&self, room: &str) -> Result<(), ChatError> {
        self.mortal("conversations.join", self.inner.join_room(room)).await
    }
    async fn people_in(&self, room: &str) -> Result<Vec<String>, ChatError> {
        if self.killer.dead() { Err(mute("conversations.members")) } else { self.inner.people_in(room).await }
    }
    async fn invite(&self, room: &str, users: &[String]) -> Result<(), ChatError> {
        self.mortal("conversations.invite", self.inner.invite(room, users)).await
    }
    async fn set_topic(&self, room: &str, topic: &str) -> Result<(), ChatError> {
        self.mortal("conversations.setTopic", self.inner.set_topic(room, topic)).await
    }
    async fn pin(&self, room: &str, ts: &str) -> Result<(), ChatError> {
        self.mortal("pins.add", self.inner.pin(room, ts)).await
    }
    async fn canvas(&self, room: &str, title: &str, markdown: &str) -> Result<(), ChatError> {
        self.mortal("conversations.canvases.create", self.inner.canvas(room, title, markdown)).await
    }
    async fn bookmark(&self, room: &str, title: &str, link: &str) -> Result<(), ChatError> {
        self.mortal("bookmarks.add", self.inner.bookmark(room, title, link)).await
    }
}

#[async_trait]
impl Chat for MortalChat {
    async fn profile(&self, user: &str) -> Result<Profile, ChatError> {
        if self.killer.dead() { Err(mute("users.info")) } else { self.inner.profile(user).await }
    }
    async fn group_members(&self, group: &str) -> Result<Vec<String>, ChatError> {
        if self.killer.dead() { Err(mute("usergroups.users.list")) } else { self.inner.group_members(group).await }
    }
    async fn channel(&self, channel: &str) -> Result<ChannelFacts, ChatError> {
        if self.killer.dead() { Err(mute("conversations.info")) } else { self.inner.channel(channel).await }
    }
    async fn message(&self, channel: &str, ts: &str) -> Result<Option<Written>, ChatError> {
        if self.killer.dead() { Err(mute("conversations.replies")) } else { self.inner.message(channel, ts).await }
    }
    async fn post(&self, message: &Outgoing) -> Result<String, ChatError> {
        if self.killer.point("before post") {
            return Err(mute("chat.postMessage"));
        }
        let posted = self.inner.post(message).await;
        if self.killer.point("after post") { Err(mute("chat.postMessage")) } else { posted }
    }
    async fn share(&self, channel: &str, thread: &str, file: &File) -> Result<(), ChatError> {
        if self.killer.point("before share") {
            return Err(mute("files.completeUploadExternal"));
        }
        let shared = self.inner.share(channel, thread, file).await;
        if self.killer.point("after share") { Err(mute("files.completeUploadExternal")) } else { shared }
    }
    async fn shared(&self, channel: &str, thread: &str, name: &str, oldest: i64) -> Result<bool, ChatError> {
        if self.killer.dead() {
            return Err(mute("conversations.replies"));
        }
        self.inner.shared(channel, thread, name, oldest).await
    }
    async fn open(&self, trigger: &SecretString, form: &Form) -> Result<String, ChatError> {
        if self.killer.dead() { Err(mute("views.open")) } else { self.inner.open(trigger, form).await }
    }
    async fn publish(&self, user: &str, home: &Home, hash: Option<&str>) -> Result<String, ChatError> {
        if self.killer.dead() { Err(mute("views.publish")) } else { self.inner.publish(user, home, hash).await }
    }
    async fn refill(&self, view: &str, form: &Form) -> Result<(), ChatError> {
        if self.killer.dead() { Err(mute("views.update")) } else { self.inner.refill(view, form).await }
    }
    async fn update(&self, ts: &str, message: &Outgoing) -> Result<(), ChatError> {
        if self.killer.point("before update") {
            return Err(mute("chat.update"));
        }
        let updated = self.inner.update(ts, message).await;
        if self.killer.point("after update") { Err(mute("chat.update")) } else { updated }
    }
    async fn whisper(&self, channel: &str, user: &str, reply: &Reply) -> Result<(), ChatError> {
        if self.killer.dead() {
            Err(mute("chat.postEphemeral"))
        } else {
            self.inner.whisper(channel, user, reply).await
        }
    }
    async fn respond(&self, address: &SecretString, reply: &Reply) -> Result<(), ChatError> {
        if self.killer.dead() { Err(mute("response_url")) } else { self.inner.respond(address, reply).await }
    }
    fn reply(&self, reply: &Reply) -> Value {
        self.inner.reply(reply)
    }
    async fn find(
        &self,
        channel: &str,
        thread: Option<&str>,
        event_type: &str,
        payload: &Value,
        oldest: i64,
    ) -> Result<Option<String>, ChatError> {
        if self.killer.dead() {
            return Err(mute("conversations.history"));
        }
        self.inner.find(channel, thread, event_type, payload, oldest).await
    }
}
