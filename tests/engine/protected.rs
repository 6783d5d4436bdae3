//! No sequence of commands gets a protected recovery point deleted. BBWS_SEED replays one.

use std::{collections::BTreeSet, time::Duration};

use bbws::{
    domain::{
        mark::MarkKind,
        operation::State,
        point::{Place, Point, PointKind, PointQuery, PointState},
    },
    ports::{clock::Clock, cloud::Cloud, store::Store},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::support::{
    kill::long,
    rig::{Rig, find_id},
};

const SEEDS: u64 = 20;
/// What `tests/run --long` plays.
const LONG_SEEDS: u64 = 1_000;
const ACTS: usize = 25;
const FLOOR: Duration = Duration::from_secs(7 * 86_400);

async fn points(rig: &Rig) -> Vec<Point> {
    let env = rig.config.environments["prod"].clone();
    let mut all = Vec::new();
    let query = PointQuery { kinds: vec![PointKind::Rds, PointKind::Efs], ..PointQuery::default() };
    rig.adapter.points(&env, &query, "U0ALICE", &mut |page| all.extend(page)).await.expect("AWS answers");
    all
}

/// What the test itself knows of holds, from what it was told, not from the product's own marks.
#[derive(Default)]
struct Holds {
    held: BTreeSet<(String, String)>,
}

async fn carried_out(rig: &mut Rig, command: &str) -> bool {
    let said = rig.say("U0ALICE", command).await;
    let Some(id) = find_id(&said).filter(|_| !said.contains("nothing was started") && !said.contains("under way"))
    else {
        return false;
    };
    rig.settle(Duration::from_secs(2)).await;
    if rig.state(&id).await == State::AwaitingApproval {
        rig.click("U0BOB", "approve", &id).await;
    }
    rig.finish(&id).await == State::Succeeded
}

/// Why the point must still be there.
async fn protected(rig: &Rig, holds: &Holds, point: &Point, before: &[Point]) -> Option<String> {
    // What nothing can be restored from is in the way, and nothing else.
    if point.state == PointState::Unusable {
        return None;
    }
    if point.usable() && rig.clock.now().since(point.created) < FLOOR {
        return Some("it is under the floor".into());
    }
    if let Some((_, ticket)) = holds.held.iter().find(|(key, _)| *key == point.key()) {
        return Some(format!("it is held for {ticket}"));
    }
    let others = || before.iter().filter(|p| p.arn != point.arn && p.resource == point.resource && p.usable());
    if others().next().is_none() {
        return Some("it was the only one".into());
    }
    let tested = rig.ledger.marks("prod", Some(MarkKind::Tested)).await.unwrap();
    let is = |p: &Point| tested.iter().any(|m| m.subject == p.key());
    (point.usable() && is(point) && !others().any(is)).then(|| "it was the only restore-tested one".into())
}

async fn sequence(seed: u64) {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut rig = Rig::demo_sqlite().await;
    let mut holds = Holds::default();
    for act in 0..ACTS {
        let all = points(&rig).await;
        let some = all[dice.random_range(0..all.len())].clone();
        let ticket = format!("INC-{}", dice.random_range(1..4));
        match dice.random_range(0..10) {
            0 => drop(carried_out(&mut rig, "backup create prod rds").await),
            1 => drop(carried_out(&mut rig, "backup create prod efs").await),
            2 => drop(carried_out(&mut rig, "backup validate prod --test-restore").await),
            3 => rig.settle(Duration::from_secs(86_400)).await,
            4 | 5 => {
                if carried_out(&mut rig, &format!("backup hold prod {} --ticket {ticket}", some.id)).await {
                    holds.held.insert((some.key(), ticket));
                }
            }
            6 => {
                let release = format!("backup hold prod {} --ticket {ticket} --release", some.id);
                if carried_out(&mut rig, &release).await {
                    assert!(holds.held.remove(&(some.key(), ticket)), "seed {seed}: what was never held was released");
                }
            }
            _ => {
                let command = format!("backup delete prod {}", some.id);
                let reason = protected(&rig, &holds, &some, &all).await;
                let gone = carried_out(&mut rig, &command).await;
                let there = points(&rig).await.iter().any(|p| p.arn == some.arn);
                assert!(!(gone && there), "seed {seed}, act {act}: {} is said to be gone and is there", some.id);
                if let Some(reason) = reason {
                    assert!(!gone && there, "seed {seed}, act {act}: {} was deleted, though {reason}", some.id);
                }
            }
        }
        // Nothing else may have gone either, but what AWS itself expires.
        let now = points(&rig).await;
        for lost in all.iter().filter(|p| p.arn != some.arn && !now.iter().any(|n| n.arn == p.arn)) {
            let expired = lost.expires.is_some_and(|at| at <= rig.clock.now());
            assert!(expired && !matches!(lost.place, Place::Snapshot), "seed {seed}, act {act}: {} vanished", lost.id);
        }
    }
    assert!(rig.cloud.twice().is_empty(), "seed {seed}: {:?}", rig.cloud.twice());
}

#[tokio::test]
async fn no_sequence_of_commands_deletes_what_is_protected() {
    let seeds = match std::env::var("BBWS_SEED") {
        Ok(seed) => vec![seed.parse().expect("BBWS_SEED is a number")],
        Err(_) => (0..if long() { LONG_SEEDS } else { SEEDS }).collect(),
    };
    for seed in seeds {
        sequence(seed).await;
    }
}
