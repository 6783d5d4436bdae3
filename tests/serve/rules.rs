//! Who may what, one operation at a time, stops, and words that are not commands.

use std::time::Duration;

use crate::serve::stage::{ASKED_IN, Stage, id_in, until};

#[tokio::test]
async fn a_rejection_needs_no_reason_and_frees_the_environment() {
    let stage = Stage::running().await;
    let id = stage.asks("U0ALICE", "backup create prod secrets").await;
    let card = stage.card(&id, "awaiting_approval").await;
    let refused = stage.says("U0BOB", "backup create prod full").await;
    assert!(refused.contains(&id), "{refused}");
    stage.presses("U0BOB", "Reject", &card).await;
    let card = stage.card(&id, "rejected").await;
    assert!(card.button_labels().is_empty());
    let next = stage.asks("U0BOB", "backup create prod secrets").await;
    assert_ne!(next, id);
    let card = stage.card(&next, "awaiting_approval").await;
    stage.presses("U0BOB", "Cancel", &card).await;
    stage.card(&next, "cancelled").await;
    assert_eq!(stage.amazon.changes("s3"), [""; 0], "nothing was written");
}

#[tokio::test]
async fn a_stop_holds_until_a_second_person_agrees_to_lift_it() {
    let stage = Stage::running().await;
    let said = stage.says("U0ALICE", "stop prod the database is failing over").await;
    assert!(said.contains("prod"), "{said}");
    let refused = stage.says("U0BOB", "backup create prod full").await;
    assert!(refused.contains("stopped") && refused.contains("the database is failing over"), "{refused}");
    let id = stage.asks("U0ALICE", "resume prod").await;
    let card = stage.card(&id, "awaiting_approval").await;
    let before = stage.workspace.ephemerals("U0ALICE").len();
    stage.presses("U0ALICE", "Approve", &card).await;
    stage.whispered("U0ALICE", before).await;
    stage.presses("U0BOB", "Approve", &card).await;
    stage.card(&id, "succeeded").await;
    let next = stage.asks("U0ALICE", "backup create prod rds").await;
    stage.card(&next, "awaiting_approval").await;
}

#[tokio::test]
async fn a_stop_halts_what_runs() {
    let stage = Stage::running().await;
    stage.amazon.hold(true);
    let id = stage.asks("U0ALICE", "backup create dev full").await;
    until("a job", async || (stage.amazon.jobs() > 0).then_some(())).await;
    stage.says("U0BOB", "stop dev wrong file system").await;
    let card = stage.card(&id, "stopped").await;
    assert!(card.button_labels().contains(&"Resume".to_owned()), "{:?}", card.button_labels());
    stage.amazon.hold(false);
    let resume = stage.asks("U0ALICE", "resume dev").await;
    let card = stage.card(&resume, "awaiting_approval").await;
    stage.presses("U0CAROL", "Approve", &card).await;
    stage.card(&id, "succeeded").await;
    assert_eq!(stage.amazon.jobs(), 1);
}

#[tokio::test]
async fn a_typo_is_never_an_action_and_help_answers_everywhere() {
    let stage = Stage::running().await;
    let said = stage.says("U0ALICE", "backup craete prod full").await;
    assert!(said.contains("backup create prod full"), "{said}");
    let said = stage.says("U0ALICE", "backup create prdo full").await;
    assert!(said.contains("prod"), "{said}");
    for text in ["", "help", "help backup create", "backup create --help", "BACKUP CREATE PROD --HELP"] {
        let said = stage.says("U0ALICE", text).await;
        assert!(said.contains("/bbws backup create"), "{text}: {said}");
    }
    assert!(stage.workspace.messages(ASKED_IN).is_empty(), "no card was posted");
    // The watcher looks all the time; nothing else was asked, least of all for a change.
    assert_eq!(stage.amazon.changes("rds"), [""; 0]);
}

#[tokio::test]
async fn people_in_no_role_may_read_and_guests_get_a_sentence() {
    use bbws::adapters::sandbox::workspace::Person;
    let stage = Stage::running().await;
    stage.workspace.add_person(Person::member("U0DAVE", "Dave", "In no role", "999999"));
    let said = stage.says("U0DAVE", "op list").await;
    assert!(!said.contains("Sorry"), "{said}");
    let said = stage.says("U0DAVE", "backup create dev rds").await;
    assert!(said.contains("role"), "{said}");
    let said = stage.says("U0MALLORY", "op list").await;
    assert!(said.contains("guest"), "{said}");
    assert!(stage.workspace.messages(ASKED_IN).is_empty());
}

#[tokio::test]
async fn of_two_who_ask_in_the_same_instant_one_gets_it() {
    let stage = Stage::running().await;
    let (alice, bob) =
        tokio::join!(stage.asks("U0ALICE", "backup create prod rds"), stage.asks("U0BOB", "backup create prod rds"));
    assert_eq!(alice, bob, "the one is answered with its own id, the other with the first one's");
    let card = stage.card(&alice, "awaiting_approval").await;
    assert_eq!(stage.operations(), std::slice::from_ref(&alice));
    // Both of the others approve at once; one vote is enough, and the second does no harm.
    tokio::join!(stage.presses("U0BOB", "Approve", &card), stage.presses("U0CAROL", "Approve", &card));
    stage.card(&alice, "succeeded").await;
    assert_eq!(stage.amazon.asked("CreateDBSnapshot").len(), 1);
}

#[tokio::test]
async fn a_slow_aws_delays_the_plan_and_not_the_answer() {
    let stage = Stage::running().await;
    stage.amazon.slow(Duration::from_millis(700));
    let said = stage.says("U0ALICE", "backup create prod rds").await;
    assert!(id_in(&said).is_none() && said.contains("follows"), "{said}");
    let told = stage.whispered("U0ALICE", 0).await;
    let id = id_in(&told).unwrap_or_else(|| panic!("{told}"));
    stage.card(&id, "awaiting_approval").await;
}
