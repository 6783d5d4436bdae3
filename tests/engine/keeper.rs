//! The keeper: publishes where the audit chain ends, and holds the ledger against AWS, after an outage as well.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bbws::{
    app::{keeper::Keeper, wake::Wake},
    domain::{environment::Environment, moment::Moment, operation::State},
    ports::{clock::Clock as _, store::Store as _},
};

use crate::support::{
    db,
    kill::{Killer, MortalStore},
    rig::Rig,
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// A keeper as a process has it at its start.
fn keeper(rig: &Rig) -> (Keeper, Arc<Wake>) {
    let environments: BTreeMap<String, Arc<Environment>> =
        rig.config.environments.iter().map(|(name, env)| (name.clone(), Arc::new(env.clone()))).collect();
    let wake = Arc::new(Wake::default());
    wake.compared.close();
    let (store, cloud) = (rig.process.store.clone(), rig.seen.clone());
    (Keeper::new(store, cloud, rig.clock.clone(), wake.clone(), environments), wake)
}

/// Turns until so much time is over, as the loop does; the moments at which it came.
async fn turns(rig: &mut Rig, keeper: &Keeper, time: Duration) -> Vec<Moment> {
    let (mut came, end) = (Vec::new(), rig.clock.now() + time);
    while rig.clock.now() < end {
        came.push(rig.clock.now());
        let next = keeper.turn().await.expect("the ledger answers");
        assert!(next > rig.clock.now(), "it does not turn without a pause");
        rig.settle(MINUTE).await;
        rig.clock.set(next.min(end));
    }
    came
}

/// What SNS was told, in words that have this in them.
fn published(rig: &Rig, what: &str) -> Vec<String> {
    let all = rig.cloud.published().into_iter().map(|message| format!("{message:?}").replace('\\', ""));
    all.filter(|text| text.contains(what)).collect()
}

/// Heads of the audit chain that were published.
fn heads(rig: &Rig) -> Vec<String> {
    published(rig, "\"event\":\"audit.head\"")
}

#[tokio::test]
async fn the_head_of_the_audit_chain_is_published_daily_in_every_environment() {
    let mut rig = Rig::sqlite().await;
    let (keeper, _) = self::keeper(&rig);
    turns(&mut rig, &keeper, 2 * MINUTE).await;
    assert_eq!(heads(&rig), [""; 0], "not before it settled");
    turns(&mut rig, &keeper, 10 * MINUTE).await;
    assert_eq!(heads(&rig), [""; 0], "an empty chain has no head");

    let id = rig.asked("backup create dev rds").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    let head = rig.ledger.head().await.unwrap();
    turns(&mut rig, &keeper, DAY).await;
    let first = heads(&rig);
    let accounts = rig.config.environments.len();
    assert_eq!(first.len(), accounts, "once in each: {first:?}");
    let ledger = rig.ledger.incarnation().await.unwrap();
    let said =
        [format!("\"seq\":{}", head.seq), format!("\"hash\":\"{}\"", head.hash), format!("\"ledger\":\"{ledger}\"")];
    for (said, text) in said.iter().flat_map(|said| first.iter().map(move |text| (said, text))) {
        assert!(text.contains(said), "{said}: {text}");
    }
    let hashes: Vec<String> = rig.ledger.audit(0, 1000).await.unwrap().into_iter().map(|entry| entry.hash).collect();
    assert!(hashes.contains(&head.hash), "the entry it names is in the chain");

    let (restarted, _) = self::keeper(&rig);
    turns(&mut rig, &restarted, 20 * MINUTE).await;
    let after = heads(&rig).len() - first.len();
    assert!(after == 0 || after == accounts, "after a restart at most once a day: {after}");
    let before = heads(&rig).len();
    turns(&mut rig, &restarted, 3 * DAY).await;
    assert_eq!(heads(&rig).len() - before, 3 * accounts);
}

#[tokio::test]
async fn a_head_that_the_ledger_did_not_take_is_published_on_the_next_turn() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create dev rds").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    let killer = Killer::never();
    rig.process.store = Arc::new(MortalStore { inner: rig.ledger.clone(), killer: killer.clone() });
    let (keeper, _) = self::keeper(&rig);
    keeper.turn().await.unwrap();
    rig.clock.advance(10 * MINUTE);
    killer.outage(true);
    assert!(keeper.turn().await.is_err());
    killer.outage(false);
    keeper.turn().await.unwrap();
    rig.settle(MINUTE).await;
    assert_eq!(heads(&rig).len(), rig.config.environments.len());
}

/// A rig whose ledger knows `bk-…` up to the first of two operations, while AWS knows both: an older copy was put back.
async fn behind() -> (Rig, String) {
    let mut rig = Rig::sqlite().await;
    for _ in 0..2 {
        let id = rig.asked("backup create dev rds").await;
        assert_eq!(rig.finish(&id).await, State::Succeeded);
    }
    let newest = rig.newest().await.unwrap();
    rig.ledger = db::sqlite(rig.clock.clone()).await;
    rig.process = rig.another(Killer::never());
    // It has a history of its own, but a shorter one.
    let id = rig.asked("backup create prod rds").await;
    rig.click("U0ALICE", "cancel", &id).await;
    assert!(id < newest, "{id} {newest}");
    (rig, newest)
}

fn told(rig: &Rig) -> usize {
    published(rig, "the ledger is older than AWS").len()
}

#[tokio::test]
async fn what_an_outage_hid_is_compared_when_it_is_over() {
    let (mut rig, newest) = behind().await;
    let before = rig.ledger.incarnation().await.unwrap();
    rig.cloud.region_down("af-south-1", true);
    let (keeper, wake) = self::keeper(&rig);
    let came = turns(&mut rig, &keeper, 5 * MINUTE).await;
    assert!(came.len() >= 5, "it comes again every minute: {came:?}");
    tokio::time::timeout(Duration::from_secs(5), wake.compared.passed(DAY))
        .await
        .expect("a backup is possible meanwhile");
    assert_eq!((rig.ledger.incarnation().await.unwrap(), told(&rig)), (before.clone(), 0), "nothing is known yet");

    rig.cloud.region_down("af-south-1", false);
    turns(&mut rig, &keeper, 3 * MINUTE).await;
    assert_ne!(rig.ledger.incarnation().await.unwrap(), before, "it goes by another name");
    assert_eq!(told(&rig), 1, "once");
    let lines = rig.chat.cards();
    let lines = lines.iter().filter(|p| p.line().is_some_and(|t| t.contains("The ledger is older than AWS")));
    assert_eq!(lines.count(), 1, "and once in Slack");
    let id = rig.asked("backup create dev rds").await;
    assert!(id > newest, "ids go on after those in AWS: {id}, {newest}");
    let renamed = rig.ledger.incarnation().await.unwrap();
    let came = turns(&mut rig, &keeper, 10 * MINUTE).await;
    assert!(came.len() <= 2, "what was read is not read again: {came:?}");
    let (again, _) = self::keeper(&rig);
    again.turn().await.unwrap();
    assert_eq!((rig.ledger.incarnation().await.unwrap(), told(&rig)), (renamed, 1), "a restart finds nothing more");
}
