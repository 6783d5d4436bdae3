//! A year of three environments with nobody awake: schedules, faults, deaths, deploys. Every promise is kept, or people were told that
//! it is not. And whatever asks for an environment at once, it is free again.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bbws::{
    adapters::sandbox::aws::Chaos,
    boot::sandbox,
    config::Config,
    domain::{
        mark::MarkKind,
        moment::Moment,
        operation::{OpId, State},
        routine::{EVERYWHERE, Routine},
    },
    ports::{
        clock::Clock,
        store::{Commit, Filter, MarkWrite, Store},
    },
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::timer::{scheduled, started};
use crate::support::{
    clock::ManualClock,
    db,
    kill::{Killer, long},
    rig::Rig,
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// A platform that is backed up as usual, with the schedules of the demo approved the day before.
async fn platform(seed: u64) -> Rig {
    let clock = ManualClock::new();
    let rig = Rig::new(db::sqlite(clock.clone()).await, clock, Config::demo(), seed);
    let marks = rig.cloud.keep_backing_up().into_iter().map(MarkWrite::Set).collect();
    rig.ledger.commit(Commit { marks, ..Commit::default() }).await.unwrap();
    for environment in rig.config.environments.values() {
        let (id, before) = (rig.ledger.next_id("sc").await.unwrap(), rig.clock.now() - DAY);
        let approved = sandbox::approved_schedule(&rig.config, environment, id, before).unwrap();
        rig.ledger.commit(approved).await.unwrap();
    }
    rig
}

/// What may go wrong in an hour, and for how long.
fn mishap(rig: &Rig, dice: &mut StdRng) {
    let often = |dice: &mut StdRng| if dice.random_bool(0.5) { dice.random_range(0.0..0.2) } else { 0.0 };
    match dice.random_range(0..12) {
        0 => rig.cloud.region_down("af-south-1", true),
        1 => rig.cloud.region_down("eu-west-1", true),
        2 | 3 => rig.cloud.set_chaos(Chaos {
            throttled: often(dice),
            unavailable: often(dice),
            lost_reply: often(dice),
            lost_request: often(dice),
            cut_short: 0.0,
            torn: often(dice) / 4.0,
            hangs: often(dice) / 4.0,
            job_fails: often(dice),
        }),
        4..=8 => {
            rig.cloud.set_chaos(Chaos::default());
            for region in ["af-south-1", "eu-west-1"] {
                rig.cloud.region_down(region, false);
            }
            rig.cloud.heal();
        }
        _ => {}
    }
}

/// Who died is there again, and a deploy takes over in the middle of whatever is under way.
async fn restarted(rig: &mut Rig, dice: &mut StdRng) {
    if rig.process.killer.dead() {
        rig.clock.advance(MINUTE + Duration::from_secs(1));
        rig.reboot(Killer::never()).await;
    }
    match dice.random_range(0..10) {
        0 => rig.reboot(Killer::at(dice.random_range(0..400))).await,
        1 => rig.reboot(Killer::never()).await,
        _ => {}
    }
}

/// So much time with everything that runs by itself.
async fn pass(rig: &mut Rig, time: Duration) {
    let end = rig.clock.now() + time;
    while rig.clock.now() < end && !rig.process.killer.dead() {
        let _ = rig.process.timer.turn().await;
        let _ = rig.process.desk.tidy().await;
        let (now, dues) = (rig.clock.now(), rig.ledger.dues(None).await.unwrap().all);
        let next = dues.iter().map(|due| due.at).filter(|at| *at > now).min().unwrap_or(end);
        let until = next.min(now + 15 * MINUTE).max(now + MINUTE).min(end);
        rig.settle(until.since(now)).await;
    }
}

/// Whether people were told that this did not go well: by its card, or by anything that says its name or that of its schedule.
fn told(rig: &Rig, id: &OpId) -> bool {
    !rig.chat.cards_of(&id.0).is_empty()
}

/// A person who looks in the morning: what needs one is dealt with.
async fn morning(rig: &mut Rig) {
    let open = Filter {
        states: vec![State::NeedsAttention, State::Paused, State::Stopped],
        limit: 1_000,
        ..Filter::default()
    };
    for op in rig.ledger.list(&open).await.unwrap() {
        assert!(told(rig, &op.id), "{} needs a person, and nobody was told: {:?}", op.id, op.outcome);
        rig.command("U0BOB", &format!("op cancel {}", op.id)).await;
    }
}

/// Looks for a promise that was broken and nobody told of.
async fn judge(rig: &Rig, seed: u64, counted: &mut BTreeMap<String, usize>, known: &mut BTreeSet<OpId>) {
    let now = rig.clock.now();
    assert!(rig.cloud.twice().is_empty(), "seed {seed}: {:?}", rig.cloud.twice());
    // Each run came to an end that is good, or told.
    for op in started(rig).await {
        if !op.state.terminal() {
            assert!(now.since(op.created) < DAY, "seed {seed}: {} {:?} for more than a day", op.id, op.state);
            continue;
        }
        if !known.insert(op.id.clone()) {
            continue;
        }
        let by = op.by_schedule.clone().unwrap();
        let well = op.state == State::Succeeded && rig.run(&op.id.0).await.issues().is_empty();
        assert!(well || told(rig, &op.id), "seed {seed}: {} of {} ended {:?} in silence", op.id, by.routine, op.state);
        *counted.entry(by.routine).or_default() += 1;
    }
    // Nothing is overdue but what is said to be.
    let dues = rig.ledger.dues(None).await.unwrap().all;
    for due in dues.iter().filter(|due| due.environment != EVERYWHERE) {
        let late = due.late(now) > 3 * HOUR;
        assert!(!late || due.kept.told.is_some(), "seed {seed}: {due:?} is forgotten at {now}");
    }
    // What AWS shows to be behind is a finding.
    for environment in rig.config.environments.values() {
        let Ok(seen) = bbws::ports::cloud::Cloud::measurements(rig.adapter.as_ref(), environment, "U0ALICE").await
        else {
            continue;
        };
        let findings = rig.ledger.marks(&environment.name, Some(MarkKind::Finding)).await.unwrap();
        for component in &seen.components {
            let behind =
                component.lag(seen.at).is_some_and(|lag| lag > environment.promise_of(component).rpo + 4 * HOUR);
            let said = findings.iter().any(|mark| mark.subject.contains(&component.resource));
            assert!(!behind || said, "seed {seed}: {} is behind, and nobody was told: {findings:#?}", component.name());
        }
    }
}

async fn year(days: u32, seed: u64) {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut rig = platform(seed).await;
    let (mut counted, mut known) = (BTreeMap::new(), BTreeSet::new());
    let end = rig.clock.now() + DAY * days;
    let mut next: Moment = rig.clock.now() + DAY;
    while rig.clock.now() < end {
        mishap(&rig, &mut dice);
        restarted(&mut rig, &mut dice).await;
        pass(&mut rig, MINUTE * dice.random_range(60..240)).await;
        if rig.clock.now() >= next {
            next = next + DAY;
            rig.cloud.set_chaos(Chaos::default());
            for region in ["af-south-1", "eu-west-1"] {
                rig.cloud.region_down(region, false);
            }
            rig.cloud.heal();
            rig.clock.advance(MINUTE + Duration::from_secs(1));
            rig.reboot(Killer::never()).await;
            morning(&mut rig).await;
            pass(&mut rig, HOUR).await;
            for _ in 0..2 {
                rig.watch().await;
                rig.clock.advance(5 * MINUTE);
            }
            judge(&rig, seed, &mut counted, &mut known).await;
        }
    }
    println!("{days} days, seed {seed}: {counted:?}");
    for environment in rig.config.environments.values() {
        assert_eq!(rig.ledger_holder(&environment.name).await, None, "seed {seed}");
    }
    rig.ledger.verify_audit().await.unwrap().unwrap();
    // As many as its rhythm asks for, but for what waited through an outage.
    for routine in [Routine::Secrets, Routine::Config, Routine::S3] {
        let runs = counted.get(routine.name()).copied().unwrap_or_default();
        assert!(runs >= days as usize * 2, "seed {seed}: {} ran {runs} times", routine.name());
    }
}

#[tokio::test]
async fn in_a_year_of_three_environments_every_promise_is_kept_or_told() {
    let given = std::env::var("BBWS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| rand::random::<u64>() % 100_000);
    year(if long() { 365 } else { 2 }, seed).await;
}

/// What is under way in prod.
async fn under_way(rig: &Rig) -> Vec<(OpId, State, String)> {
    let open: Vec<State> = State::ALL.into_iter().filter(|state| !state.terminal()).collect();
    let filter = Filter { environment: Some("prod".into()), states: open, limit: 1_000 };
    let all = rig.ledger.list(&filter).await.unwrap();
    all.into_iter().map(|op| (op.id.clone(), op.state, op.kind().to_owned())).collect()
}

/// A restore into live, a failover and a run by schedule ask for the environment in one moment, in any order; people go on with one
/// of them, or not.
async fn contended(rig: &mut Rig, dice: &mut StdRng, round: usize) {
    let due = rig.ledger.dues(Some("prod")).await.unwrap().all[0].at;
    rig.clock.set(due.max(rig.clock.now()) + MINUTE);
    let before = rig.clock.now();
    let mut order = [0, 1, 2];
    for at in (1..3).rev() {
        order.swap(at, dice.random_range(0..=at));
    }
    for who in order {
        match who {
            0 => rig.process.timer.turn().await.map(drop).unwrap(),
            1 => {
                let ask = format!("backup restore prod pitr --target-time latest --into live --ticket INC-{round}");
                rig.command("U0ALICE", &ask).await;
            }
            _ => {
                let ask = format!("dr failover prod --execute --ticket INC-{round} --reason \"a planned move\"");
                rig.command("U0BOB", &ask).await;
            }
        }
    }
    let asked = under_way(rig).await;
    let holder = rig.ledger_holder("prod").await.expect("one of them has it");
    let locking = asked.iter().filter(|(_, _, kind)| !matches!(kind.as_str(), "backup.validate" | "dr.incident"));
    assert_eq!(locking.count(), 1, "{order:?}: {asked:?}, {holder} has it");
    // Somebody goes on with it for a while, then thinks better of it.
    rig.settle(Duration::from_secs(5)).await;
    if dice.random_bool(0.5) {
        rig.command("U0CAROL", &format!("op approve {holder} --confirm prod")).await;
    }
    rig.settle(MINUTE * dice.random_range(1..20)).await;
    for _ in 0..200 {
        let open = under_way(rig).await;
        if open.is_empty() {
            break;
        }
        for (id, state, _) in open {
            match state {
                State::NeedsAttention => panic!("{id}: {:?}", rig.run(&id.0).await.op.outcome),
                State::Queued | State::Running if dice.random_bool(0.8) => {}
                _ => drop(rig.command("U0CAROL", &format!("op cancel {id}")).await),
            }
        }
        rig.settle(5 * MINUTE).await;
    }
    assert_eq!(under_way(rig).await, [], "{order:?}");
    assert_eq!(rig.ledger_holder("prod").await, None, "{order:?}");
    // What was due by schedule had its turn, then or now.
    pass(rig, 10 * MINUTE).await;
    let late = rig.ledger.dues(Some("prod")).await.unwrap().all.into_iter().find(|due| due.at < before);
    assert_eq!(late, None, "{order:?}");
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
}

#[tokio::test]
async fn a_restore_a_failover_and_a_schedule_that_ask_at_once_never_lock_each_other_out() {
    let seed = rand::random::<u64>() % 100_000;
    println!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let mut rig = Rig::demo_sqlite().await;
    rig.cloud.keep_backing_up();
    scheduled(&mut rig, "backup schedule prod create --type secrets").await;
    pass(&mut rig, 10 * MINUTE).await;
    for round in 1..=if long() { 500 } else { 6 } {
        contended(&mut rig, &mut dice, round).await;
    }
    let routine = started(&rig).await;
    assert!(!routine.is_empty() && routine.iter().all(|op| op.state.terminal()));
}
