//! The process dies at the points at which it can (`tests/run --long`: at every one): each run still ends as promised.

use std::{sync::Arc, time::Duration};

use bbws::domain::operation::State;

use crate::support::{
    kill::{Death, Killer, die, long},
    rig::{Rig, find_id},
};

/// One life of a prod backup, with this one's death in it.
async fn one_life(rig: &mut Rig, killer: &Arc<Killer>) {
    rig.fresh().await;
    rig.reboot(killer.clone()).await;
    let asked = rig.command("U0ALICE", "backup create prod full").await;
    let mut id = asked.and_then(|reply| find_id(&reply.text));
    rig.revive().await;
    if id.is_none() {
        id = rig.newest().await;
    }
    let id = match id {
        Some(id) => id,
        // It died before the request was stored: nobody was told anything else, so Alice asks again.
        None => rig.asked("backup create prod full").await,
    };
    rig.settle(Duration::from_secs(2)).await;
    rig.revive().await;
    while rig.state(&id).await == State::AwaitingApproval {
        rig.click("U0BOB", "approve", &id).await;
        rig.settle(Duration::from_secs(2)).await;
        rig.revive().await;
    }
    let mut state = rig.finish(&id).await;
    while rig.process.killer.dead() {
        rig.revive().await;
        state = rig.finish(&id).await;
    }
    for _ in 0..3 {
        rig.settle(Duration::from_secs(60)).await;
        rig.revive().await;
    }
    assert_eq!(state, State::Succeeded, "killed {:#?}", rig.died);
    check(rig, &id).await;
}

async fn check(rig: &Rig, id: &str) {
    let at = format!("killed {:#?}", rig.died);
    assert!(rig.cloud.twice().is_empty(), "{at}: {:?}", rig.cloud.twice());
    let cards = rig.chat.cards_of(id);
    assert_eq!(cards.len(), 1, "{at}: one card");
    assert_eq!(cards[0].card_state(), Some(rig.state(id).await), "{at}: card and ledger agree");
    let mut keys: Vec<String> = rig.chat.thread_of(id).iter().map(|p| p.message.payload["key"].to_string()).collect();
    let told = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(told, keys.len(), "{at}: nothing is told twice in the thread");
    assert_eq!(rig.ledger_holder("prod").await, None, "{at}: the environment is free");
    rig.ledger.verify_audit().await.unwrap().unwrap_or_else(|broken| panic!("{at}: {broken}"));
}

/// Every second death from `part` on, of those a backup can die.
async fn matrix(mut rig: Rig, part: usize, deaths: fn(&Killer) -> Vec<Death>) {
    let whole = Killer::never();
    one_life(&mut rig, &whole).await;
    assert!(whole.passed() > 150, "a backup has many points to die at, not {}", whole.passed());
    if long() {
        return every_number(&mut rig, part).await;
    }
    let deaths: Vec<Death> = deaths(&whole).into_iter().skip(part).step_by(2).collect();
    let never = die(deaths.clone(), async |killer| one_life(&mut rig, &killer).await).await;
    assert!(never.len() * 10 <= deaths.len(), "{} of {} never came: {never:#?}", never.len(), deaths.len());
}

async fn every_number(rig: &mut Rig, part: usize) {
    for point in (part..).step_by(2) {
        let killer = Killer::at(point);
        one_life(rig, &killer).await;
        if !killer.dead() {
            return;
        }
    }
}

#[tokio::test]
async fn at_every_point_on_sqlite_1() {
    matrix(Rig::sqlite().await, 0, Killer::deaths).await;
}

#[tokio::test]
async fn at_every_point_on_sqlite_2() {
    matrix(Rig::sqlite().await, 1, Killer::deaths).await;
}

#[tokio::test]
async fn at_every_point_on_postgresql_1() {
    matrix(Rig::postgres().await, 0, Killer::deaths_of_the_ledger).await;
}

#[tokio::test]
async fn at_every_point_on_postgresql_2() {
    matrix(Rig::postgres().await, 1, Killer::deaths_of_the_ledger).await;
}
