//! Buttons that say a command: nothing comes of them that would not come of typing it.

use std::time::Duration;

use bbws::{
    app::inbound::{Envelope, Inbound, Via},
    domain::operation::State,
    ports::{chat::Level, clock::Clock, store::Store},
};

use crate::support::rig::{Rig, id_in};

fn button(command: &str) -> Inbound {
    Inbound::Click {
        action: "bbws.ask.3".into(),
        value: command.into(),
        block_id: Some("table".into()),
        message_ts: Some("1.1".into()),
        reason: None,
    }
}

/// Presses, and answers what was whispered about it.
async fn press(rig: &mut Rig, user: &str, command: &str) -> (Level, String) {
    let told = |rig: &Rig| [rig.chat.whispers(user), rig.chat.said_in(user)].concat();
    let reply = rig.raw_click(user, button(command)).await.expect("an answer");
    rig.settle(Duration::from_secs(5)).await;
    let told = told(rig);
    assert!(told.iter().any(|t| t.contains(&reply.text)), "the reply is whispered: {told:?} lacks {}", reply.text);
    (reply.level, reply.text)
}

#[tokio::test]
async fn a_button_asks_for_a_backup_in_the_name_of_whoever_presses_it() {
    let mut rig = Rig::sqlite().await;
    let (_, said) = press(&mut rig, "U0ALICE", "backup create prod full").await;
    let id = id_in(&said);
    let run = rig.run(&id).await;
    assert_eq!((run.op.state, run.op.requester.user.as_str()), (State::AwaitingApproval, "U0ALICE"));
    assert_eq!(run.op.command, "backup create prod full");
    assert_eq!(rig.mutations(), 0);
    // It counts as Alice's own request.
    rig.click("U0ALICE", "approve", &id).await;
    assert_eq!(rig.state(&id).await, State::AwaitingApproval);
    let approve = format!("op approve {id}");
    let (level, refused) = press(&mut rig, "U0ALICE", &approve).await;
    assert!(level == Level::Error && refused.contains("somebody else has to approve"), "{refused}");
    rig.click("U0BOB", "approve", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    assert!(rig.ledger.verify_audit().await.unwrap().is_ok());
}

#[tokio::test]
async fn questions_are_answered_with_their_table() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    let (level, said) = press(&mut rig, "U0BOB", "op list").await;
    assert!(level == Level::Info && said.contains("1 operation, "), "{said}");
    let reply = rig.chat.whispered("U0BOB").pop().expect("a whisper");
    assert_eq!(reply.attachment.table.expect("a table").rows[0][0], id);
    let (_, said) = press(&mut rig, "U0DAVE", "help").await;
    assert!(said.contains("backup create"), "{said}");
}

#[tokio::test]
async fn what_the_grammar_refuses_is_refused() {
    let mut rig = Rig::sqlite().await;
    for value in ["", "drop everything", "backup create prod\u{202E}; stop <!channel>", "\"", &"x".repeat(9_000)] {
        let typed = rig.say("U0ALICE", value).await;
        let (level, said) = press(&mut rig, "U0ALICE", value).await;
        assert_eq!(said, typed, "the same as when it is typed");
        assert!(!said.contains('<') && (level == Level::Error || value.is_empty()), "{said}");
    }
    assert_eq!(rig.newest().await, None);
}

#[tokio::test]
async fn nobody_gains_a_right_by_pressing() {
    let mut rig = Rig::sqlite().await;
    let command = "backup create prod full";
    let (_, said) = press(&mut rig, "U0DAVE", command).await;
    assert!(said.contains("no role"), "{said}");
    let (_, said) = press(&mut rig, "U0MALLORY", command).await;
    assert!(said.contains("guests may not"), "{said}");
    let (_, said) = press(&mut rig, "U0MALLORY", "op list").await;
    assert!(said.contains("guests may not"), "{said}");
    rig.chat.share("C0GENERAL");
    rig.clock.advance(Duration::from_secs(600));
    let (_, said) = press(&mut rig, "U0ALICE", command).await;
    assert!(said.contains("shared with other organisations"), "{said}");
    assert_eq!(rig.newest().await, None);
}

#[tokio::test]
async fn a_stop_by_button_needs_slack_no_more_than_a_typed_one() {
    let mut rig = Rig::sqlite().await;
    rig.chat.down(true);
    let reply = rig.raw_click("U0BOB", button("stop prod the database looks corrupt")).await.expect("an answer");
    rig.chat.down(false);
    let said = rig.say("U0ALICE", "backup create prod").await;
    assert!(said.contains("is stopped by"), "{}: {said}", reply.text);
}

#[tokio::test]
async fn other_buttons_stay_what_they_are() {
    let mut rig = Rig::sqlite().await;
    let what = Inbound::Click {
        action: "bbws.asking".into(),
        value: "backup create prod full".into(),
        block_id: None,
        message_ts: None,
        reason: None,
    };
    let reply = rig.raw_click("U0ALICE", what).await.expect("an answer");
    assert!(reply.text.contains("not one this version knows"), "{}", reply.text);
    assert_eq!(rig.newest().await, None);
}

#[tokio::test]
async fn a_button_pressed_before_a_crash_is_answered_after_it() {
    let mut rig = Rig::sqlite().await;
    let envelope = Envelope {
        id: "f".repeat(64),
        via: Via::Interaction,
        user: "U0ALICE".into(),
        team: "T0BBWS".into(),
        channel: "C0GENERAL".into(),
        thread: None,
        at: rig.clock.now(),
        what: button("backup create prod full"),
    };
    rig.ledger.accept(envelope.request(), None, Vec::new()).await.unwrap();
    rig.process.desk.sweep().await.unwrap();
    rig.settle(Duration::from_secs(5)).await;
    let told = rig.chat.whispers("U0ALICE");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(rig.state(&id_in(&told[0])).await, State::AwaitingApproval);
}
