//! Thousands of random nights: requests, clicks, faults, kills, all from a seed. What was promised holds in every one.
//!
//! Each run takes fresh seeds and prints the first; a failing night prints its own, and `BBWS_SEED=<seed> tests/run nights_1` runs that
//! one alone. Seeds that broke a promise once are in [`KEPT`] and run each time.

use std::{collections::BTreeMap, time::Duration};

use bbws::{
    adapters::sandbox::aws::{Chaos, incidents::Side},
    app::inbound::Inbound,
    domain::{
        audit::Audited,
        operation::{OpId, State},
        operations,
    },
    ports::store::{Filter, Store as _},
};
use futures::FutureExt as _;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::support::{
    chat::Trouble,
    kill::{Killer, long},
    rig::Rig,
};

/// Nights of one test; there are four.
const NIGHTS: u64 = 375;
/// The same with `tests/run --long`.
const LONG_NIGHTS: u64 = 12_500;
/// Seeds that broke a promise once.
const KEPT: [u64; 1] = [2_981_802_149];
const USERS: [&str; 6] = ["U0ALICE", "U0BOB", "U0CAROL", "U0DAVE", "U0MALLORY", "U0NOBODY"];
const BUTTONS: [&str; 6] = ["approve", "approve", "reject", "cancel", "stop", "resume"];
const REGIONS: [&str; 2] = ["af-south-1", "eu-west-1"];

#[tokio::test]
async fn nights_1() {
    nights(0).await;
}

#[tokio::test]
async fn nights_2() {
    nights(1).await;
}

#[tokio::test]
async fn nights_3() {
    nights(2).await;
}

#[tokio::test]
async fn nights_4() {
    nights(3).await;
}

/// One part of the nights.
async fn nights(part: u64) {
    if let Some(seed) = std::env::var("BBWS_SEED").ok().and_then(|s| s.parse().ok()) {
        return night(seed).await;
    }
    let count = if long() { LONG_NIGHTS } else { NIGHTS };
    let first = rand::random::<u32>() as u64;
    eprintln!("{count} nights from seed {first}");
    let kept = KEPT.iter().copied().filter(|seed| seed % 4 == part);
    for seed in kept.chain(first..first + count) {
        if std::panic::AssertUnwindSafe(night(seed)).catch_unwind().await.is_err() {
            panic!(
                "night {seed} broke a promise; BBWS_SEED={seed} tests/run nights_1 repeats it. Add the seed to KEPT."
            );
        }
    }
}

async fn night(seed: u64) {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut rig = Rig::sqlite_with(seed).await;
    if dice.random_bool(0.5) {
        let often = |dice: &mut StdRng| if dice.random_bool(0.5) { dice.random_range(0.0..0.25) } else { 0.0 };
        rig.cloud.set_chaos(Chaos {
            throttled: often(&mut dice),
            unavailable: often(&mut dice),
            lost_reply: often(&mut dice),
            lost_request: often(&mut dice),
            cut_short: 0.0,
            torn: often(&mut dice) / 4.0,
            hangs: often(&mut dice) / 4.0,
            job_fails: often(&mut dice) / 4.0,
        });
    }
    for _ in 0..dice.random_range(5..25) {
        act(&mut rig, &mut dice).await;
        if rig.process.killer.dead() {
            rig.clock.advance(Duration::from_secs(61));
            rig.reboot(Killer::never()).await;
        }
    }
    calm(&mut rig).await;
    judge(&rig).await;
}

async fn act(rig: &mut Rig, dice: &mut StdRng) {
    let user = USERS[dice.random_range(0..USERS.len())];
    let environment = ["prod", "dev", "sit"][dice.random_range(0..3)];
    match dice.random_range(0..100) {
        0..7 => {
            let command = some_command(rig, dice, environment);
            rig.command(user, &command).await;
        }
        7..25 => {
            let scope = ["", "full", "rds", "efs", "secrets", "--tenant tenant-1"][dice.random_range(0..6)];
            rig.command(user, &format!("backup create {environment} {scope}")).await;
        }
        25..50 => {
            let button = BUTTONS[dice.random_range(0..BUTTONS.len())];
            if let Some(id) = some_operation(rig, dice).await {
                rig.click(user, button, &id).await;
            }
        }
        50..54 => {
            if let Some(id) = some_operation(rig, dice).await {
                let verb = ["cancel", "retry", "pause", "resume", "show"][dice.random_range(0..5)];
                rig.command(user, &format!("op {verb} {id}")).await;
            }
        }
        54..57 => {
            rig.command(user, &format!("stop {environment} \"something is odd\"")).await;
        }
        57..60 => {
            rig.command(user, &format!("resume {environment}")).await;
        }
        60..63 => {
            let stale = Inbound::Click {
                action: "bbws.approve".into(),
                value: some_operation(rig, dice).await.unwrap_or_default(),
                block_id: Some("bbws:bk-1:0000:9".into()),
                message_ts: Some("1.1".into()),
                reason: None,
            };
            rig.raw_click(user, stale).await;
        }
        63..73 => {
            let killer = Killer::at(dice.random_range(0..60));
            rig.reboot(killer).await;
        }
        73..78 => {
            let region = REGIONS[dice.random_range(0..2)];
            rig.cloud.region_down(region, dice.random_bool(0.5));
        }
        78..83 => {
            let trouble = [Trouble::LostReply, Trouble::LostRequest, Trouble::RateLimited][dice.random_range(0..3)];
            rig.chat.trouble(trouble);
        }
        _ => rig.settle(Duration::from_secs(dice.random_range(1..900))).await,
    }
}

/// What is asked of backups that are there already, or of their schedule.
fn some_command(rig: &Rig, dice: &mut StdRng, environment: &str) -> String {
    let points = rig.cloud.point_ids(environment, Side::Primary);
    let point = match points.len() {
        0 => "nothing".to_owned(),
        n => points[dice.random_range(0..n)].clone(),
    };
    let ticket = dice.random_range(1..3);
    match dice.random_range(0..8) {
        0 => format!("backup hold {environment} {point} --ticket INC-{ticket}"),
        1 => format!("backup hold {environment} {point} --ticket INC-{ticket} --release"),
        2 => format!("backup delete {environment} {point}"),
        3 => format!("backup schedule {environment} create --cron \"cron(0 2 * * ? *)\""),
        4 => format!("backup schedule {environment} update --retention {}", dice.random_range(1..32)),
        5 => format!("backup validate {environment}"),
        6 => format!("backup validate {environment} --test-restore"),
        _ => format!("backup list {environment}"),
    }
}

async fn some_operation(rig: &Rig, dice: &mut StdRng) -> Option<String> {
    let all = rig.ledger.list(&Filter { limit: 20, ..Filter::default() }).await.unwrap();
    (!all.is_empty()).then(|| all[dice.random_range(0..all.len())].id.0.clone())
}

/// Everything works again, and people deal with what waits for them.
async fn calm(rig: &mut Rig) {
    rig.cloud.set_chaos(Chaos::default());
    for region in REGIONS {
        rig.cloud.region_down(region, false);
    }
    rig.cloud.heal();
    rig.reboot(Killer::never()).await;
    for _ in 0..40 {
        rig.settle(Duration::from_secs(1800)).await;
        let open: Vec<_> = rig.ledger.list(&Filter { limit: 200, ..Filter::default() }).await.unwrap();
        let open: Vec<_> = open.into_iter().filter(|op| !op.state.terminal()).collect();
        if open.is_empty() {
            return rig.settle(Duration::from_secs(1800)).await;
        }
        for op in open {
            match op.state {
                State::NeedsAttention | State::Stopped | State::Paused => {
                    rig.command("U0BOB", &format!("op cancel {}", op.id)).await;
                }
                _ => {}
            }
        }
    }
    let all = rig.ledger.list(&Filter { limit: 200, ..Filter::default() }).await.unwrap();
    let mut open = Vec::new();
    for op in all.iter().filter(|op| !op.state.terminal()) {
        let steps = rig.run(&op.id.0).await.steps;
        let stuck = steps.into_iter().filter(|step| step.ended.is_none());
        open.push((op.id.clone(), op.state, op.command.clone(), op.wake_at, stuck.collect::<Vec<_>>()));
    }
    panic!("the night does not end: {open:#?}");
}

async fn judge(rig: &Rig) {
    assert!(rig.cloud.twice().is_empty(), "done twice: {:?}", rig.cloud.twice());
    rig.ledger.verify_audit().await.unwrap().unwrap();
    for environment in ["prod", "sit", "dev"] {
        assert_eq!(rig.ledger_holder(environment).await, None, "{environment} is free");
    }
    for op in rig.ledger.list(&Filter { limit: 200, ..Filter::default() }).await.unwrap() {
        let cards = rig.chat.cards_of(&op.id.0);
        assert_eq!(cards.len(), 1, "{} has one card", op.id);
        assert_eq!(cards[0].card_state(), Some(op.state), "{}: card and ledger agree", op.id);
        let mut keys: Vec<_> =
            rig.chat.thread_of(&op.id.0).iter().map(|p| p.message.payload["key"].to_string()).collect();
        let told = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), told, "{}: nothing is told twice", op.id);
    }
    judge_audit(rig).await;
}

/// Reads the chain as an auditor would: no intent under a stop, none without the votes, one operation per environment at a time.
pub(super) async fn judge_audit(rig: &Rig) {
    let entries: Vec<Audited> = rig.ledger.audit(0, 100_000).await.unwrap();
    let mut stopped: Vec<String> = Vec::new();
    let mut votes: BTreeMap<OpId, Vec<String>> = BTreeMap::new();
    let mut holder: BTreeMap<String, OpId> = BTreeMap::new();
    for audited in entries {
        let entry = audited.entry;
        match (entry.action.as_str(), entry.operation) {
            ("stop", _) => stopped.push(entry.detail["scope"].as_str().unwrap().to_owned()),
            ("lift", _) => stopped.retain(|s| entry.detail["scope"] != *s),
            ("vote", Some(id)) if entry.detail["vote"] == "approve" => votes.entry(id).or_default().push(entry.actor),
            ("state", Some(id)) if entry.detail["to"] == "awaiting_approval" => drop(votes.remove(&id)),
            ("state", Some(id)) if entry.detail["to"].as_str().unwrap().parse::<State>().unwrap().terminal() => {
                holder.retain(|_, held| *held != id);
            }
            ("intent", Some(id)) => {
                let run = rig.run(&id.0).await;
                let operation = operations::of(run.op.kind());
                if operation.passes_stops() {
                    continue;
                }
                let environment = run.op.environment().to_owned();
                assert!(!stopped.iter().any(|s| s == "*" || *s == environment), "{id} began a step under a stop");
                let others =
                    votes.get(&id).map(|v| v.iter().filter(|u| **u != run.op.requester.user).count()).unwrap_or(0);
                assert!(
                    others >= run.op.needs.iter().map(|n| n.count as usize).sum::<usize>(),
                    "{id} began without approval"
                );
                if !operation.locks() {
                    // They make what they delete again, and hold nobody up.
                    continue;
                }
                let first = holder.entry(environment.clone()).or_insert_with(|| id.clone()).clone();
                // What waits for people lets backups run beside it.
                let backs_up = |kind: &str| operations::of(kind).backs_up();
                let beside = first != id && backs_up(run.op.kind()) != backs_up(rig.run(&first.0).await.op.kind());
                assert!(first == id || beside, "two operations in {environment}: {first}, {id}");
            }
            _ => {}
        }
    }
}
