//! A simulated AWS behind the wire: it answers the requests of any SDK, in the protocols of its services, from a world that
//! holds state. `bbws demo` and the tests run the real adapters on it.
//!
//! A request comes in by the [`connector`] of an SDK in the same process, or by a real [`port`]. [`api`] takes it apart and
//! hands it to the file of its service, which reads and changes the [`world`]; its module doc says how an API operation is
//! added. `faults` decides what goes wrong on the way, [`judge`] writes down who asked for what and whether anything was
//! changed twice. How long things take is decided when they are made, and all states follow from the [`time`] of one clock.

pub mod api;
pub mod attributed;
pub mod connector;
pub mod drawer;
mod faults;
pub mod incidents;
pub mod judge;
mod overrides;
mod persistence;
pub mod platform;
pub mod port;
mod seed;
pub mod time;
pub mod view;
pub mod world;

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rand::{SeedableRng as _, rngs::Xoshiro256PlusPlus};

use self::{
    api::{Context, Raw, Reply, Request, protocols::Common},
    connector::Hung,
    faults::Faults,
    judge::{Answer, Asker, Judge, Mutation, Recorded, Twice},
    overrides::{Due, Overrides},
    world::World,
};
pub use self::{
    faults::{Chaos, Fate, Fault, Target},
    overrides::{Edit, Override},
};
use crate::{
    domain::{environment::Environment, mark::Mark, moment::Moment, operation::OpId, topics::Topics},
    ports::clock::Clock,
};

/// The simulated AWS. One mutex guards it all; nothing is awaited while it is held.
pub struct SimAws {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    hung: Arc<Hung>,
}

struct Inner {
    world: World,
    environments: BTreeMap<String, Environment>,
    topics: Topics,
    faults: Faults,
    overrides: Overrides,
    rng: Xoshiro256PlusPlus,
    judge: Judge,
    /// The platform makes its backups by itself.
    regular: bool,
    /// Where all this outlives the process.
    file: Option<PathBuf>,
}

/// How an answer gets to its caller, or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// As it should.
    Whole(Reply),
    /// The connection is refused.
    Refused,
    /// The connection ends without an answer.
    Lost,
    /// Never; the connection stays open.
    Never,
    /// Half of the body, and then nothing; the connection stays open.
    Stalls(Reply),
    /// Half of the body, as if that were all.
    CutShort(Reply),
    /// Half of the body, and then the connection breaks.
    Torn(Reply),
}

impl SimAws {
    /// An AWS that holds what the environments describe. The same seed and requests give the same answers.
    pub fn new(
        environments: &BTreeMap<String, Environment>,
        topics: &Topics,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> SimAws {
        // The key of the table is the name, also for environments that were not read from a file.
        let environments: BTreeMap<String, Environment> = environments
            .iter()
            .map(|(name, e)| (name.clone(), Environment { name: name.clone(), ..e.clone() }))
            .collect();
        let mut world = World::empty(seed);
        seed::seed(&mut world, &environments, topics, clock.now());
        SimAws {
            inner: Mutex::new(Inner {
                world,
                environments,
                topics: topics.clone(),
                faults: Faults::default(),
                overrides: Overrides::default(),
                rng: Xoshiro256PlusPlus::seed_from_u64(seed),
                judge: Judge::default(),
                regular: false,
                file: None,
            }),
            clock,
            hung: Arc::default(),
        }
    }

    /// Now, by its clock.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// The environment that answers at this address, and the side where it is one's own; none where no environment does.
    pub fn behind(&self, url: &str) -> Option<(Environment, Option<incidents::Side>)> {
        let inner = self.lock();
        let at = |urls: &[String]| urls.iter().any(|known| known == url);
        inner.environments.values().find_map(|environment| {
            let everywhere = environment.health.as_ref().is_some_and(|health| at(&health.urls));
            let there = at(&environment.dr.urls).then_some(incidents::Side::Dr);
            (everywhere || there.is_some()).then(|| (environment.clone(), there.filter(|_| !everywhere)))
        })
    }

    /// Whether a region answers nothing at present.
    pub fn is_down(&self, region: &str) -> bool {
        self.lock().faults.is_down(region)
    }

    /// Takes a request and says how its answer gets back.
    pub fn take(&self, raw: Raw) -> Delivery {
        let asker = judge::asker();
        let now = self.now();
        let mut inner = self.lock();
        inner.count_orders(now);
        let made = inner.back_up(now);
        let (delivery, changed) = inner.take(raw, asker, now);
        if changed || made {
            inner.keep(now);
        }
        delivery
    }

    /// From now on the platform makes its backups by itself, as its schedules say; answers what a ledger remembers that was there
    /// when its restores were tested last.
    pub fn keep_backing_up(&self) -> Vec<Mark> {
        let now = self.now();
        let mut inner = self.lock();
        inner.regular = true;
        let environments: Vec<Environment> = inner.environments.values().cloned().collect();
        environments.iter().for_each(|environment| seed::regular::replicate(&mut inner.world, environment));
        inner.back_up(now);
        inner.keep(now);
        let scheduled = environments.iter().filter(|e| e.schedule.is_some()).enumerate();
        scheduled.flat_map(|(index, e)| seed::regular::tested(inner.world.seed, e, index, now)).collect()
    }

    /// The highest number per prefix of the operations whose traces are in it from the start.
    pub fn given(&self) -> BTreeMap<String, i64> {
        ["bk", "vl"].map(|prefix| (prefix.to_owned(), seed::past::LAST)).into()
    }

    /// Looks at the world as it really is, whatever its faults would say.
    pub fn look<T>(&self, look: impl FnOnce(&World, Moment) -> T) -> T {
        look(&self.lock().world, self.now())
    }

    /// Changes the world past every API, as somebody at the console of another team would.
    pub fn change<T>(&self, change: impl FnOnce(&mut World, Moment) -> T) -> T {
        let now = self.now();
        let mut inner = self.lock();
        let answer = change(&mut inner.world, now);
        inner.keep(now);
        answer
    }

    /// Puts a fault in wait.
    pub fn inject(&self, fault: Fault, target: Target) {
        self.steer(|faults| faults.inject(fault, target));
    }

    /// Has requests answered otherwise than this AWS would.
    pub fn override_answers(&self, target: Target, what: Override) {
        self.lock().overrides.put(target, what);
    }

    /// Faults by chance from now on, besides those injected.
    pub fn set_chaos(&self, chaos: Chaos) {
        self.steer(|faults| faults.set_chaos(chaos));
    }

    /// A region that is down answers nothing: connections are refused, and half of the requests that would change
    /// something are swallowed. What runs there goes on.
    pub fn region_down(&self, region: &str, down: bool) {
        self.steer(|faults| faults.set_down(region, down));
    }

    /// Takes back every fault, the chaos and the outages. What already failed stays failed.
    pub fn heal(&self) {
        self.steer(Faults::heal);
    }

    fn steer(&self, change: impl FnOnce(&mut Faults)) {
        let now = self.now();
        let mut inner = self.lock();
        inner.count_orders(now);
        change(&mut inner.faults);
        inner.keep(now);
    }

    /// The last requests, oldest first (at most 50,000).
    pub fn journal(&self) -> Vec<Recorded> {
        self.lock().judge.recent().cloned().collect()
    }

    /// Requests on behalf of one operation, oldest first, as far as they are remembered.
    pub fn requests_by(&self, operation: &OpId) -> Vec<Recorded> {
        let is_its = |r: &&Recorded| {
            r.asker.as_ref().is_some_and(|asker| asker.steps.iter().any(|step| step.operation == *operation))
        };
        self.lock().judge.recent().filter(is_its).cloned().collect()
    }

    /// Number of all requests.
    pub fn requests(&self) -> u64 {
        self.lock().judge.requests()
    }

    /// Number of true changes.
    pub fn effects(&self) -> u64 {
        self.lock().judge.effective()
    }

    /// True changes by operation, step and what was worked on.
    pub fn mutations(&self) -> BTreeMap<Mutation, u32> {
        self.lock().judge.mutations().clone()
    }

    /// Everything that was changed again while the earlier result still stood. A repeat after a result that failed or
    /// was deleted is not listed.
    pub fn twice(&self) -> Vec<Twice> {
        self.lock().judge.twice().to_vec()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SimAws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimAws").finish_non_exhaustive()
    }
}

impl Inner {
    /// Makes the regular backups that are due; whether there were any.
    fn back_up(&mut self, now: Moment) -> bool {
        let Inner { regular: true, world, environments, faults, .. } = self else { return false };
        let mut made = false;
        for environment in environments.values() {
            made |= seed::regular::catch_up(world, environment, |region| faults.is_down(region), now);
        }
        made
    }

    /// How the answer gets back, and whether anything may have changed.
    fn take(&mut self, raw: Raw, asker: Option<Arc<Asker>>, now: Moment) -> (Delivery, bool) {
        let request = match api::read(&self.world, now, raw) {
            Ok(request) => request,
            Err((protocol, refusal)) => {
                let id = self.world.next_id("request");
                return (Delivery::Whole(protocol.refuse(api::Service::Sts, &refusal, &id)), false);
            }
        };
        let asked = api::asked(&request, asker.as_deref());
        let fault = self.faults.befalls(&mut self.rng, &asked);
        let due = self.overrides.due(&asked);
        let (delivery, answer, effect) = match fault {
            None => self.deliver(&request, asker.as_deref(), now, (None, &due)),
            Some(fault) if fault.after_the_fact() => self.deliver(&request, asker.as_deref(), now, (Some(fault), &due)),
            Some(Fault::Throttled) => self.refuse(&request, Common::Throttled),
            Some(Fault::Denied) => self.refuse(&request, Common::Denied),
            Some(Fault::Unavailable) => self.refuse(&request, Common::Unavailable),
            Some(Fault::Internal) => self.refuse(&request, Common::Internal),
            Some(Fault::Refused) => (Delivery::Refused, Answer::Nothing, false),
            Some(Fault::LostRequest) => (Delivery::Lost, Answer::Nothing, false),
            Some(_) => (Delivery::Never, Answer::Nothing, false),
        };
        let changed = api::changes(&request.operation);
        self.judge.record(Recorded {
            at: now,
            account: request.caller.account,
            region: request.region,
            service: request.service.name(),
            operation: request.operation,
            caller: request.caller.arn,
            asker,
            effect,
            answer,
        });
        (delivery, changed)
    }

    fn refuse(&mut self, request: &Request, why: Common) -> (Delivery, Answer, bool) {
        let protocol = request.protocol();
        let refusal = protocol.common(why);
        let reply = protocol.refuse(request.service, &refusal, &self.world.next_id("request"));
        (Delivery::Whole(reply), Answer::Refused(refusal.code), false)
    }

    /// Carries a request out, and lets a fault befall the answer.
    fn deliver(
        &mut self,
        request: &Request,
        asker: Option<&Asker>,
        now: Moment,
        (fault, due): (Option<Fault>, &Due),
    ) -> (Delivery, Answer, bool) {
        let mut cx = Context {
            world: &mut self.world,
            now,
            faults: &mut self.faults,
            rng: &mut self.rng,
            asker,
            effects: Vec::new(),
        };
        let (mut reply, refused) = match due.instead(request, "override") {
            Some(answer) => answer,
            None => api::serve(&mut cx, request),
        };
        due.edit(request, &mut reply);
        let effects = cx.effects;
        let effect = !effects.is_empty();
        // Of several steps that are watched together nobody knows which one it is for.
        let step = asker.and_then(|asker| match asker.steps.as_slice() {
            [step] => Some(step),
            _ => None,
        });
        for effect in effects {
            self.judge.effect(&self.world, (request.account(), &request.region), step, effect, now);
        }
        let answer = match (&fault, refused) {
            (Some(_), _) => Answer::Nothing,
            (None, Some(code)) => Answer::Refused(code),
            (None, None) => Answer::Ok,
        };
        let delivery = match fault {
            Some(Fault::HangsAfter) => Delivery::Never,
            Some(Fault::Stalls) => Delivery::Stalls(reply),
            Some(Fault::CutShort) => Delivery::CutShort(reply),
            Some(Fault::Torn) => Delivery::Torn(reply),
            Some(_) => Delivery::Lost,
            None => Delivery::Whole(reply),
        };
        (delivery, answer, effect)
    }
}
