//! The process ends in the middle of a run, politely or not, and another one goes on.

use std::time::Duration;

use sqlx::Connection as _;

use crate::{
    pg,
    serve::stage::{DR, HOME, Stage, id_in, until},
};

/// A run of prod that has begun and is held by AWS Backup.
async fn begun(stage: &Stage) -> String {
    stage.amazon.hold(true);
    let id = stage.asks("U0ALICE", "backup create prod full").await;
    let card = stage.card(&id, "awaiting_approval").await;
    stage.presses("U0BOB", "Approve", &card).await;
    until("a job", async || (stage.amazon.jobs() > 0).then_some(())).await;
    id
}

async fn finished(stage: &Stage, id: &str) {
    stage.amazon.hold(false);
    stage.card(id, "succeeded").await;
    assert_eq!(stage.cards(id).len(), 1, "one card");
    for region in [HOME, DR] {
        assert_eq!(stage.snapshots(region).await.len(), 1);
    }
    assert_eq!(stage.amazon.asked("CreateDBSnapshot").len(), 1, "no snapshot was asked for twice");
    assert_eq!(stage.amazon.jobs(), 1);
    let verified = stage.run(&["audit", "verify"]).await;
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
}

#[tokio::test]
async fn a_killed_process_is_carried_on_by_the_next_one() {
    let mut stage = Stage::running().await;
    let id = begun(&stage).await;
    stage.card(&id, "running").await;
    stage.kill();
    stage.start().await;
    finished(&stage, &id).await;
}

#[tokio::test]
async fn a_terminated_process_ends_at_once_and_the_next_one_carries_on() {
    let mut stage = Stage::running().await;
    let id = begun(&stage).await;
    let (code, took) = stage.terminate().await;
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "it took {took:?}");
    stage.start().await;
    finished(&stage, &id).await;
}

#[tokio::test]
async fn killed_before_the_card_was_drawn_there_is_one_card_all_the_same() {
    use bbws::adapters::sandbox::workspace::Fault;
    let mut stage = Stage::running().await;
    stage.workspace.fail_next("chat.postMessage", Fault::LostReply);
    let id = stage.asks("U0ALICE", "backup create prod rds").await;
    until("a card", async || (!stage.cards(&id).is_empty()).then_some(())).await;
    stage.kill();
    stage.start().await;
    // Its thread is written under the card that was found again.
    let thread = async || {
        let card = stage.cards(&id).pop()?;
        (!stage.workspace.replies(&card.channel, &card.ts).is_empty()).then_some(())
    };
    until("a thread", thread).await;
    let card = stage.card(&id, "awaiting_approval").await;
    stage.presses("U0BOB", "Approve", &card).await;
    stage.card(&id, "succeeded").await;
    assert_eq!(stage.cards(&id).len(), 1);
}

#[tokio::test]
async fn killed_while_it_makes_the_plan_the_request_is_not_lost() {
    let mut stage = Stage::running().await;
    stage.amazon.quiet().await;
    stage.amazon.silence(1);
    let said = stage.says("U0ALICE", "backup create dev rds").await;
    assert_eq!(id_in(&said), None, "{said}");
    stage.amazon.silenced().await;
    stage.kill();
    stage.start().await;
    let id = until("a card", async || stage.operations().pop()).await;
    stage.card(&id, "succeeded").await;
    assert_eq!(stage.operations(), [id]);
}

#[tokio::test]
async fn another_replica_carries_on_what_a_killed_one_had_begun() {
    let mut stage = Stage::set().await;
    stage.database = pg::database().await;
    stage.start().await;
    let id = begun(&stage).await;
    stage.replica().await;
    stage.kill_others();
    a_minute_passes(&stage).await;
    finished(&stage, &id).await;
}

/// A minute, for whatever the killed replica had claimed or was about to tell: its leases and holds are a minute older.
async fn a_minute_passes(stage: &Stage) {
    const OLDER: &str = "UPDATE op SET lease_until = lease_until - 60000 WHERE lease_until > 0; \
        UPDATE outbox SET not_before = not_before - 60000 WHERE sent < version";
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(&stage.database).await.unwrap();
    sqlx::raw_sql(OLDER).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
