//! A thousand operations in flight at once: how many requests AWS gets for each, and what they cost in memory.

use std::time::Duration;

use bbws::{
    config::Config,
    domain::operation::State,
    ports::store::{Filter, Store as _},
};

use crate::support::{
    clock::ManualClock,
    db,
    rig::{Rig, id_in},
};

const OPERATIONS: usize = 1_000;

/// Resident memory of this process in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// A thousand environments like dev, each with a database of its own, in one account and region.
fn crowd() -> Config {
    let mut config = Config::example();
    let template = config.environments["dev"].clone();
    for n in 0..OPERATIONS {
        let mut env = template.clone();
        env.name = format!("e{n}");
        env.tenants.clear();
        env.file_systems.clear();
        env.secrets_prefix = None;
        env.databases[0].id = format!("db-{n}");
        config.environments.insert(env.name.clone(), env);
    }
    config
}

#[tokio::test]
async fn a_thousand_operations_at_once() {
    let clock = ManualClock::new();
    let mut rig = Rig::new(db::sqlite(clock.clone()).await, clock, crowd(), 7);
    let mut ids = Vec::new();
    for n in 0..OPERATIONS {
        ids.push(id_in(&rig.say("U0ALICE", &format!("backup create e{n} rds")).await));
    }
    for _ in 0..8 {
        rig.step().await;
    }
    let filter = Filter { states: vec![State::Running], limit: 2_000, ..Filter::default() };
    let running = rig.ledger.list(&filter).await.unwrap().len();
    assert_eq!(running, OPERATIONS, "all of them are in flight at once");
    let (before, planned) = (resident(), rig.cloud.requests());
    for _ in 0..30 {
        rig.settle(Duration::from_secs(60)).await;
    }
    let after = resident();
    for id in &ids {
        assert_eq!(rig.state(id).await, State::Succeeded);
    }
    let requests = rig.cloud.requests() - planned;
    println!(
        "{OPERATIONS} operations: {requests} requests to AWS while they ran, {before} MiB in flight, {after} MiB after"
    );
    assert!(rig.cloud.twice().is_empty());
    // A start and its verification, and next to nothing for looks that one request answers for hundreds.
    assert!(requests < 3 * OPERATIONS as u64, "{requests} requests: polls have to be merged");
    // The simulated AWS with its journal lives in this process too.
    assert!(after < before + 64, "memory grew from {before} to {after} MiB");
}
