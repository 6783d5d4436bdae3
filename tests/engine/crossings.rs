//! Whole ways of a platform to its other side and home again, from seeds: regions that go dark and flap, processes that die, people who
//! click what they should not, and stops, while a crew brings each way to an end. What was promised holds at every moment of each.
//!
//! Each run takes fresh seeds and prints the first; `BBWS_SEED=<seed> tests/run crossings_1` repeats one alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bbws::{
    adapters::sandbox::aws::{Chaos, api::route53::REGION, incidents::Side, platform},
    config::Config,
    domain::{
        approval,
        environment::{Environment, Side as Of},
        moment::Moment,
        operation::{OpId, Operation, Run, State},
        step::{Action, ISSUE, StepState},
    },
    ports::{
        clock::Clock as _,
        store::{Filter, Store as _},
    },
};
use futures::FutureExt as _;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::support::{
    chat::Trouble,
    clock::ManualClock,
    db,
    kill::{Killer, long},
    moved,
    rig::Rig,
};

/// Ways there and back of one test; there are four.
const CROSSINGS: u64 = 2;
/// The same with `tests/run --long`.
const LONG_CROSSINGS: u64 = 25_000;
const SIDES: [Side; 2] = [Side::Primary, Side::Dr];
const USERS: [&str; 6] = ["U0ALICE", "U0BOB", "U0CAROL", "U0DAVE", "U0MALLORY", "U0NOBODY"];
const BUTTONS: [&str; 8] = ["approve", "continue", "hold", "cancel", "stop", "retry", "roll_back", "try_now"];
const SECRET: &str = "bbws/prod/endpoint";
/// For how long resolvers lead clients to where a record led them.
const TTL: Duration = Duration::from_secs(60);
/// How many turns the crew takes at the most until the platform was away and is home again.
const TURNS: usize = 400;

#[tokio::test]
async fn crossings_1() {
    crossings().await;
}

#[tokio::test]
async fn crossings_2() {
    crossings().await;
}

#[tokio::test]
async fn crossings_3() {
    crossings().await;
}

#[tokio::test]
async fn crossings_4() {
    crossings().await;
}

/// One part of the ways.
async fn crossings() {
    if let Some(seed) = std::env::var("BBWS_SEED").ok().and_then(|s| s.parse().ok()) {
        return crossing(seed).await;
    }
    let count = if long() { LONG_CROSSINGS } else { CROSSINGS };
    let first = rand::random::<u32>() as u64;
    eprintln!("{count} ways there and back from seed {first}");
    for seed in first..first + count {
        if std::panic::AssertUnwindSafe(crossing(seed)).catch_unwind().await.is_err() {
            panic!("{seed} broke a promise; BBWS_SEED={seed} tests/run crossings_1 repeats it.");
        }
    }
}

async fn crossing(seed: u64) {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut night = Night::begin(seed, &mut dice).await;
    for _ in 0..dice.random_range(10..40) {
        night.act(&mut dice).await;
    }
    night.calm(&mut dice).await;
    night.judge().await;
}

/// A night, and what has to be remembered of it to say whether a promise was kept.
struct Night {
    rig: Rig,
    env: Environment,
    /// When the records last led anybody to each side.
    led: [Option<Moment>; 2],
    /// Every instance there ever was, by the id that stays with it, with the name it was first seen under.
    instances: BTreeMap<String, String>,
    /// Failovers and failbacks that succeeded.
    crossed: BTreeSet<OpId>,
}

impl Night {
    async fn begin(seed: u64, dice: &mut StdRng) -> Night {
        let clock = ManualClock::new();
        let mut config = Config::demo();
        config.environments.retain(|name, _| name == "prod");
        let prod = config.environments.get_mut("prod").expect("it is declared");
        prod.schedules.clear();
        if dice.random_bool(0.5) {
            prod.databases[0].endpoint_secret = Some(SECRET.into());
        }
        if dice.random_bool(0.5) {
            // Fewer things that people bring over by hand.
            (prod.secrets_prefix, prod.parameters_prefix) = (None, None);
            prod.buckets.clear();
        }
        let rig = Rig::new(db::sqlite(clock.clone()).await, clock, config, seed);
        let env = rig.config.environments["prod"].clone();
        let mut night = Night { rig, env, led: [None; 2], instances: BTreeMap::new(), crossed: BTreeSet::new() };
        night.look().await;
        night
    }

    /// One thing that happens.
    async fn act(&mut self, dice: &mut StdRng) {
        let user = USERS[dice.random_range(0..USERS.len())];
        match dice.random_range(0..100) {
            0..45 => self.forward(dice).await,
            45..55 => {
                let button = BUTTONS[dice.random_range(0..BUTTONS.len())];
                if let Some(id) = self.some_operation(dice).await {
                    self.rig.click(user, button, &id).await;
                }
            }
            55..60 => {
                if let Some(id) = self.some_operation(dice).await {
                    let verb = ["cancel", "retry", "pause", "resume", "stop", "skip", "force", "rollback"];
                    let verb = verb[dice.random_range(0..verb.len())];
                    self.rig.command(user, &format!("op {verb} {id}")).await;
                }
            }
            60..66 => {
                let asked = [
                    "dr failover prod --execute --ticket INC-7 --reason x",
                    "dr failback prod --execute --ticket INC-7",
                ];
                let more = ["dr reprotect prod", "backup create prod rds", "dr status prod", "dr failover prod"];
                let all: Vec<&str> = asked.into_iter().chain(more).collect();
                self.rig.command(user, all[dice.random_range(0..all.len())]).await;
            }
            66..70 => _ = self.rig.command(user, "stop prod \"something is odd\"").await,
            70..80 => {
                let side = SIDES[usize::from(dice.random_bool(0.25))];
                self.rig.cloud.region_down(side.of(&self.env), dice.random_bool(0.6));
            }
            80..86 => self.rig.reboot(Killer::at(dice.random_range(0..80))).await,
            86..90 => {
                let often = |dice: &mut StdRng| if dice.random_bool(0.5) { dice.random_range(0.0..0.1) } else { 0.0 };
                self.rig.cloud.set_chaos(Chaos {
                    throttled: often(dice),
                    unavailable: often(dice),
                    lost_reply: often(dice),
                    lost_request: often(dice),
                    cut_short: 0.0,
                    torn: often(dice) / 4.0,
                    hangs: often(dice) / 4.0,
                    job_fails: often(dice) / 4.0,
                });
            }
            90..94 => {
                let trouble = [Trouble::LostReply, Trouble::LostRequest, Trouble::RateLimited];
                self.rig.chat.trouble(trouble[dice.random_range(0..trouble.len())]);
            }
            _ => {}
        }
        self.pass(Duration::from_secs(dice.random_range(1..900))).await;
    }

    async fn some_operation(&self, dice: &mut StdRng) -> Option<String> {
        let all = self.operations().await;
        let newest = all.len().min(4);
        (newest > 0).then(|| all[dice.random_range(0..newest)].id.0.clone())
    }

    /// All operations, newest first.
    async fn operations(&self) -> Vec<Operation> {
        self.rig.ledger.list(&Filter { limit: 200, ..Filter::default() }).await.unwrap()
    }

    async fn active(&self) -> Of {
        self.rig.process.desk.planner.active("prod").await.map_or(Of::Primary, |active| active.side)
    }

    /// What a crew does that knows what to do: it brings to an end what there is, and asks for what comes next.
    async fn forward(&mut self, dice: &mut StdRng) {
        let all = self.operations().await;
        let open: Vec<&Operation> = all.iter().filter(|op| !op.state.terminal()).collect();
        for op in &open {
            self.bring_on(op).await;
        }
        if !open.is_empty() {
            return;
        }
        self.by_hand().await;
        if !self.rig.ledger.stops().await.unwrap().is_empty() {
            // It takes effect once another person has agreed.
            return drop(self.rig.command("U0ALICE", "resume prod").await);
        }
        if let Some(op) = all.iter().find(|op| ["dr.failover", "dr.failback"].contains(&op.kind()))
            && op.state == State::Failed
        {
            let verb = if dice.random_bool(0.7) { "retry" } else { "rollback" };
            self.rig.command("U0ALICE", &format!("op {verb} {} --reason \"it has failed\"", op.id)).await;
            self.rig.command("U0ALICE", &format!("op {verb} {}", op.id)).await;
            if !self.operations().await.iter().all(|op| op.state.terminal()) {
                return;
            }
        }
        let asked = match self.active().await {
            Of::Primary if dice.random_bool(0.2) => "dr reprotect prod",
            Of::Primary => "dr failover prod --execute --ticket INC-1 --reason \"it is to move\"",
            Of::Dr => {
                self.rig.cloud.region_down(&self.env.primary_region, false);
                moved::healthy(&self.rig).await;
                match dice.random_range(0..10) {
                    0 => "dr reprotect prod",
                    1..6 => "dr failback prod --staged --ticket INC-2",
                    _ => "dr failback prod --execute --ticket INC-2",
                }
            }
        };
        self.rig.command("U0ALICE", asked).await;
    }

    /// Where a move was cancelled in its middle, traffic may go elsewhere than the ledger says. No command goes on from there before a
    /// person has decided: here for the side that the ledger names.
    async fn by_hand(&mut self) {
        let side = self.active().await;
        let [primary, dr] = match side {
            Of::Primary => [100, 0],
            Of::Dr => [0, 100],
        };
        let lead = weights(&self.rig, &self.env);
        if lead == [primary, dr] {
            return;
        }
        if lead == [dr, primary] {
            let said = self.rig.command("U0ALICE", "dr status prod").await.map(|reply| reply.text).unwrap_or_default();
            assert!(said.contains("by the ledger") || said.contains("not answer"), "it is said: {said}");
        }
        let (env, now) = (self.env.clone(), self.rig.clock.now());
        self.rig.cloud.change(|world, _| {
            let zone = world.region(&env.account, REGION).route53.zones.get_mut("Z0BBWSPROD").expect("the zone");
            zone.weigh("wp.bbws.example.", "CNAME", "primary", primary, "prod.af-south-1.elb.amazonaws.com");
            zone.weigh("wp.bbws.example.", "CNAME", "dr", dr, "prod.eu-west-1.elb.amazonaws.com");
            let (on, off) = if side == Of::Primary { (Side::Primary, Side::Dr) } else { (Side::Dr, Side::Primary) };
            moved::services(world, &env, on, 4, now);
            moved::services(world, &env, off, 0, now);
        });
        self.led = [None; 2];
    }

    /// What the crew does about one operation.
    async fn bring_on(&mut self, op: &Operation) {
        let id = op.id.0.as_str();
        let other = if op.requester.user == "U0BOB" { "U0CAROL" } else { "U0BOB" };
        match op.state {
            State::AwaitingApproval => {
                for user in ["U0BOB", "U0CAROL", "U0ALICE"] {
                    self.rig.click(user, "approve", id).await;
                }
            }
            State::Waiting => {
                self.rig.click(other, "continue", id).await;
            }
            State::NeedsAttention => _ = self.rig.command("U0ALICE", &format!("op retry {id}")).await,
            State::Paused => _ = self.rig.command("U0ALICE", &format!("op resume {id}")).await,
            State::Stopped => {
                self.rig.command("U0ALICE", "resume prod").await;
                self.rig.click("U0ALICE", "resume", id).await;
            }
            _ => {}
        }
    }

    /// Works for so much simulated time; whoever dies is followed by another, and after each thing that happens everything is looked at.
    async fn pass(&mut self, time: Duration) {
        let end = self.rig.clock.now() + time;
        for _ in 0..20_000 {
            self.rig.revive().await;
            if self.rig.step().await {
                self.look().await;
                continue;
            }
            match self.rig.next_due().await {
                Some(next) if next <= end => {
                    let next = next.max(self.rig.clock.now() + Duration::from_millis(1));
                    self.rig.clock.set(next);
                }
                _ => break,
            }
        }
        if self.rig.clock.now() < end {
            self.rig.clock.set(end);
        }
        self.look().await;
    }

    /// What holds at every moment.
    async fn look(&mut self) {
        let now = self.rig.clock.now();
        for (led, weight) in self.led.iter_mut().zip(weights(&self.rig, &self.env)) {
            if weight > 0 {
                *led = Some(now);
            }
        }
        self.nothing_is_lost(now);
        let writers = self.writers(now);
        if writers.len() > 1 {
            let why = self.admitted(now).await;
            assert!(why, "two databases are written: {writers:?}; {:#?}", self.told().await);
        }
    }

    /// No instance of the platform was deleted, whatever it is called by now.
    fn nothing_is_lost(&mut self, now: Moment) {
        let env = &self.env;
        let there: BTreeMap<String, String> = self.rig.cloud.look(|world, _| {
            let mut there = BTreeMap::new();
            for side in SIDES {
                let Some(place) = world.find(&env.account, side.of(env)) else { continue };
                for (name, instance) in place.rds.instances.iter().filter(|(_, found)| !found.is_gone(now)) {
                    there.insert(format!("{} {}", side.of(env), instance.resource(world.seed, name)), name.clone());
                }
            }
            there
        });
        for (resource, name) in &self.instances {
            assert!(there.contains_key(resource), "{resource}, which was {name}, is gone: {there:#?}");
        }
        self.instances.extend(there);
    }

    /// The databases that users write to: by way of a side that answers, to which records lead them or led them until just now.
    fn writers(&self, now: Moment) -> BTreeSet<String> {
        let reached = SIDES.map(|side| {
            let led = self.led[usize::from(side == Side::Dr)];
            led.is_some_and(|led| now.since(led) < TTL) && !self.rig.cloud.is_down(side.of(&self.env))
        });
        let those = |side: Side| reached[usize::from(side == Side::Dr)];
        moved::written_by(&self.rig, those).into_iter().collect()
    }

    /// Whether two are written because a failover could not keep the old side from it, which it says, and resolvers have not forgotten
    /// that side yet.
    async fn admitted(&self, now: Moment) -> bool {
        for op in self.operations().await.iter().filter(|op| op.kind() == "dr.failover") {
            let run = self.rig.run(&op.id.0).await;
            let unfenced = steps(&run, "ecs.fence").any(|step| step.outputs.contains_key(ISSUE));
            let shifted = steps(&run, "dns.shift").filter_map(|step| step.started).max();
            if unfenced && shifted.is_some_and(|at| now.since(at) < Duration::from_secs(600)) {
                return true;
            }
        }
        false
    }

    /// Everything works again, and the crew goes on until the platform was away and is home again.
    async fn calm(&mut self, dice: &mut StdRng) {
        self.rig.cloud.set_chaos(Chaos::default());
        for side in SIDES {
            self.rig.cloud.region_down(side.of(&self.env), false);
        }
        self.rig.cloud.heal();
        self.rig.reboot(Killer::never()).await;
        for _ in 0..TURNS {
            let all = self.operations().await;
            let ended = |kind: &str| all.iter().any(|op| op.kind() == kind && op.state == State::Succeeded);
            let both = ended("dr.failover") && ended("dr.failback");
            if both && self.active().await == Of::Primary && all.iter().all(|op| op.state.terminal()) {
                let last = all.iter().find(|op| ["dr.failover", "dr.failback"].contains(&op.kind()));
                if last.is_some_and(|op| op.state == State::Succeeded || op.state == State::RolledBack) {
                    return self.pass(Duration::from_secs(1800)).await;
                }
            }
            self.forward(dice).await;
            self.pass(Duration::from_secs(dice.random_range(60..600))).await;
        }
        panic!("the platform does not come home: {:#?}", self.told().await);
    }

    /// What holds at the end.
    async fn judge(&mut self) {
        let rig = &self.rig;
        assert!(rig.cloud.twice().is_empty(), "done twice: {:?}", rig.cloud.twice());
        rig.ledger.verify_audit().await.unwrap().unwrap();
        assert_eq!(rig.ledger_holder("prod").await, None);
        super::soak::judge_audit(rig).await;
        for op in self.operations().await {
            let cards = rig.chat.cards_of(&op.id.0);
            assert_eq!((cards.len(), cards[0].card_state()), (1, Some(op.state)), "{}", op.id);
            let run = rig.run(&op.id.0).await;
            agreed(&run);
            if op.kind() == "dr.failback" && op.state == State::Succeeded {
                self.archived(&run);
                self.crossed.insert(op.id.clone());
            }
        }
        assert!(!self.crossed.is_empty());
        let now = rig.clock.now();
        assert_eq!(self.active().await, Of::Primary);
        assert_eq!(weights(rig, &self.env), [100, 0], "traffic goes where the ledger says that it does");
        let serves = rig.cloud.look(|world, now| platform::serves(world, &self.env, Side::Primary, now));
        assert!(serves, "it serves: {:#?}", self.told().await);
        assert_eq!(self.writers(now).len(), 1);
    }

    /// What only the old side had is kept: under another name, with a snapshot that is complete.
    fn archived(&self, run: &Run) {
        let env = &self.env;
        let renamed: Vec<String> = run
            .op
            .plan
            .steps
            .iter()
            .filter_map(|spec| match &spec.action {
                Action::Rename(rename) if !spec.back => Some(rename.to.clone()),
                _ => None,
            })
            .collect();
        self.rig.cloud.look(|world, now| {
            let place = world.find(&env.account, &env.primary_region).expect("the region");
            for name in &renamed {
                assert!(place.rds.instance(name, now).is_some(), "{name} of {}", run.op.id);
                let kept = place.rds.snapshots.iter().any(|(id, snapshot)| {
                    id.starts_with(name.as_str()) && id.ends_with(&run.op.id.0) && snapshot.status(now) == "available"
                });
                assert!(kept, "{name} of {} has a last snapshot", run.op.id);
            }
        });
    }

    /// What happened, for the message of a failure.
    async fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        for op in self.operations().await {
            let run = self.rig.run(&op.id.0).await;
            let steps = run.steps.iter().filter(|step| !matches!(step.state, StepState::Ready | StepState::Skipped));
            let steps: Vec<String> = steps
                .map(|step| {
                    let why = step.error.as_deref().or(step.outputs.get(ISSUE).map(String::as_str)).unwrap_or_default();
                    format!("{} {} {why}", run.op.plan.steps[step.index].title, step.state)
                })
                .collect();
            told.push(format!("{} {} by {}: {:?} {steps:#?}", op.id, op.command, op.requester.user, op.state));
        }
        let env = &self.env;
        told.push(format!("weights {:?}", weights(&self.rig, env)));
        self.rig.cloud.look(|world, now| {
            for side in SIDES {
                let Some(place) = world.find(&env.account, side.of(env)) else { continue };
                let of =
                    place.rds.instances.iter().map(|(id, found)| (id.as_str(), found.status(now), found.source(now)));
                told.push(format!("{}: {:?}", side.of(env), of.collect::<Vec<_>>()));
                let services = place.ecs.clusters.values().flatten().map(|(name, s)| (name.as_str(), s.running(now)));
                told.push(format!("{:?}", services.collect::<Vec<_>>()));
            }
        });
        told
    }
}

/// The steps of a kind, there and not back.
fn steps<'r>(run: &'r Run, kind: &str) -> impl Iterator<Item = &'r bbws::domain::step::Step> {
    let kind = kind.to_owned();
    run.steps.iter().filter(move |step| run.op.plan.steps[step.index].action.kind() == kind && !run.back(step.index))
}

/// Weights of the primary and the DR side.
fn weights(rig: &Rig, env: &Environment) -> [u8; 2] {
    rig.cloud.look(|world, _| {
        let zone = &world.find(&env.account, REGION).expect("Route 53").route53.zones["Z0BBWSPROD"];
        ["primary", "dr"].map(|set| zone.weight("wp.bbws.example.", "CNAME", set).unwrap_or(0))
    })
}

/// Whatever began behind a question began after those had answered it who were to.
fn agreed(run: &Run) {
    let plan = &run.op.plan;
    for step in run.steps.iter().filter(|step| step.begun() && !run.back(step.index)) {
        let mut before = plan.steps[step.index].after.clone();
        while let Some(index) = before.pop() {
            before.extend(&plan.steps[index].after);
            let Action::WaitForPeople(what) = &plan.steps[index].action else { continue };
            let open = approval::awaited(&run.op, what, &run.steps[index].answers);
            let (id, title) = (&run.op.id, &plan.steps[step.index].title);
            assert!(open.is_empty(), "{id}: {title} began and {open:?} had not agreed to {}", plan.steps[index].title);
        }
    }
}
