//! The process dies at every point at which it can: each run still ends as promised.

use std::time::Duration;

use bbws::domain::operation::State;

use crate::support::{kill::Killer, rig::Rig};

/// One life of a prod backup with a death at `point`. Answers where it died; none when it lived.
async fn one_life(rig: &mut Rig, point: usize) -> Option<String> {
    rig.reboot(Killer::at(point)).await;
    let mut id =
        rig.command("U0ALICE", "backup create prod full").await.and_then(|r| crate::support::rig::find_id(&r.text));
    if id.is_none() {
        revive(rig).await;
        id = rig.newest().await;
        if id.is_none() {
            // It died before the request was stored: nobody was told anything else, so Alice asks again.
            id = Some(rig.asked("backup create prod full").await);
        }
    }
    let id = id.unwrap();
    rig.settle(Duration::from_secs(2)).await;
    revive(rig).await;
    for _ in 0..3 {
        if rig.state(&id).await == State::AwaitingApproval {
            rig.click("U0BOB", "approve", &id).await;
            revive(rig).await;
        }
    }
    let mut state = rig.finish(&id).await;
    revive(rig).await;
    state = if state.terminal() { state } else { rig.finish(&id).await };
    rig.settle(Duration::from_secs(60)).await;
    revive(rig).await;
    rig.settle(Duration::from_secs(60)).await;
    let died = rig.died.take();
    assert_eq!(state, State::Succeeded, "killed at point {point}: {died:?}");
    check(rig, &id, point, died.as_deref()).await;
    died
}

async fn revive(rig: &mut Rig) {
    if rig.process.killer.dead() {
        rig.died = rig.process.killer.died_at();
        // A replica takes over when the lease has run out.
        rig.clock.advance(Duration::from_secs(61));
        rig.reboot(Killer::never()).await;
        rig.settle(Duration::from_secs(2)).await;
    }
}

async fn check(rig: &Rig, id: &str, point: usize, died: Option<&str>) {
    let at = format!("killed at point {point}: {died:?}");
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

async fn matrix(mut rig: Rig, part: usize, of: usize) {
    let mut point = part;
    let mut deaths = 0;
    loop {
        rig.fresh().await;
        if one_life(&mut rig, point).await.is_none() {
            break;
        }
        deaths += 1;
        point += of;
    }
    assert!(deaths * of > 150, "a backup has many points to die at, not {}", deaths * of);
}

#[tokio::test]
async fn at_every_point_on_sqlite_1() {
    matrix(Rig::sqlite().await, 0, 2).await;
}

#[tokio::test]
async fn at_every_point_on_sqlite_2() {
    matrix(Rig::sqlite().await, 1, 2).await;
}

#[tokio::test]
async fn at_every_point_on_postgresql_1() {
    matrix(Rig::postgres().await, 0, 2).await;
}

#[tokio::test]
async fn at_every_point_on_postgresql_2() {
    matrix(Rig::postgres().await, 1, 2).await;
}
