//! Where messages go when their place takes nothing: nothing is lost, nothing is told twice, nothing leaves the house.

use std::time::Duration;

use bbws::{
    app::inbound::{Inbound, Inbox as _, Via},
    domain::operation::{OpId, State},
    ports::{
        chat::{File, Level},
        store::{Commit, Notice, Store as _},
    },
};

use crate::support::{
    chat::Trouble,
    rig::{Rig, id_in},
};

const HERE: &str = "C0GENERAL";
const OPS: &str = "C0OPS";
const SECOND: Duration = Duration::from_secs(1);

/// Cards of an operation, as channel and state.
fn cards(rig: &Rig, id: &str) -> Vec<(String, State)> {
    rig.chat.cards_of(id).iter().filter_map(|p| Some((p.channel.clone(), p.card_state()?))).collect()
}

/// Lines that stand in the thread of the newest card in this channel.
fn below(rig: &Rig, id: &str, channel: &str) -> Vec<String> {
    let thread = rig.chat.thread_of(id);
    thread.iter().filter(|p| p.channel == channel).filter_map(|p| p.line().map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_card_that_cannot_be_edited_is_posted_anew_and_the_thread_moves_along() {
    for (code, to) in [
        ("is_archived", OPS),
        ("is_inactive", OPS),
        ("restricted_action_read_only_channel", OPS),
        ("channel_not_found", OPS),
        ("not_in_channel", OPS),
    ] {
        let mut rig = Rig::sqlite().await;
        let id = rig.asked("backup create prod").await;
        rig.settle(2 * SECOND).await;
        assert_eq!(cards(&rig, &id), [(HERE.to_owned(), State::AwaitingApproval)]);
        rig.chat.shut(HERE, code);
        rig.click("U0BOB", "approve", &id).await;
        rig.settle(5 * SECOND).await;
        let moved = rig.run(&id).await.op.card.expect("a card");
        assert_eq!(moved.channel, to, "{code}");
        assert_eq!(rig.finish(&id).await, State::Succeeded, "{code}");
        let after = cards(&rig, &id);
        assert_eq!(after[1..], [(OPS.to_owned(), State::Succeeded)], "{code}: posted anew once, and edited there");
        let told = below(&rig, &id, OPS);
        assert!(told.iter().any(|t| t.contains("Approved by")), "{code}: {told:?}");
        assert!(told.iter().any(|t| t.contains("every result is verified")), "{code}: {told:?}");
        let twice = told.iter().filter(|t| told.iter().filter(|o| o == t).count() > 1).count();
        assert_eq!(twice, 0, "{code}: {told:?}");
    }
}

#[tokio::test]
async fn a_card_that_moves_before_it_is_approved_calls_again() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.settle(2 * SECOND).await;
    rig.chat.shut(HERE, "is_archived");
    rig.cloud.set_engine_version("prod", "bbws-prod-mysql", "8.4.99");
    rig.click("U0BOB", "approve", &id).await;
    rig.settle(5 * SECOND).await;
    assert_eq!(cards(&rig, &id)[1..], [(OPS.to_owned(), State::AwaitingApproval)]);
    let called: Vec<String> =
        below(&rig, &id, OPS).into_iter().filter(|t| t.contains("The card is here now")).collect();
    assert!(called.len() == 1 && called[0].contains("<@U0BOB>"), "{called:?}");
    rig.click("U0BOB", "approve", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "a click on the moved card counts");
}

#[tokio::test]
async fn a_card_too_old_to_edit_is_posted_anew_in_its_channel() {
    for code in ["edit_window_closed", "cant_update_message", "message_not_found"] {
        let mut rig = Rig::sqlite().await;
        let id = rig.asked("backup create prod").await;
        rig.settle(2 * SECOND).await;
        rig.chat.refuse("chat.update", HERE, code);
        rig.click("U0BOB", "approve", &id).await;
        rig.step().await;
        rig.chat.open();
        assert_eq!(rig.finish(&id).await, State::Succeeded);
        let after = cards(&rig, &id);
        assert_eq!((after.len(), &after[1]), (2, &(HERE.to_owned(), State::Succeeded)), "{code}: {after:?}");
    }
}

#[tokio::test]
async fn a_refusal_nobody_has_met_is_repeated_before_it_counts_as_lasting() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.settle(2 * SECOND).await;
    rig.chat.refuse("chat.update", HERE, "something_new");
    rig.click("U0BOB", "approve", &id).await;
    rig.step().await;
    assert_eq!(cards(&rig, &id).len(), 1, "not at once");
    rig.settle(Duration::from_secs(120)).await;
    assert!(cards(&rig, &id).len() > 1, "but not for ever");
}

#[tokio::test]
async fn a_token_that_was_revoked_is_no_reason_to_post_elsewhere() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    for channel in [HERE, OPS] {
        rig.chat.shut(channel, "token_revoked");
    }
    rig.settle(Duration::from_secs(60)).await;
    assert_eq!(cards(&rig, &id), []);
    rig.chat.open();
    rig.settle(Duration::from_secs(700)).await;
    assert_eq!(cards(&rig, &id).len(), 1, "it is told when the token is mended");
}

#[tokio::test]
async fn a_moved_card_is_found_again_after_a_lost_reply() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.settle(2 * SECOND).await;
    rig.chat.shut(HERE, "is_archived");
    rig.click("U0BOB", "approve", &id).await;
    rig.chat.trouble(Trouble::LostReply);
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    assert_eq!(cards(&rig, &id).iter().filter(|(channel, _)| channel == OPS).count(), 1);
}

#[tokio::test]
async fn a_card_whose_reply_was_lost_is_found_whatever_became_of_the_operation_since() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.chat.trouble(Trouble::LostReply);
    rig.step().await;
    // Its metadata on the first card says that it waits.
    rig.click("U0BOB", "approve", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    assert_eq!(cards(&rig, &id), [(HERE.to_owned(), State::Succeeded)]);
}

#[tokio::test]
async fn a_locked_thread_costs_the_thread_and_not_the_message() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.settle(2 * SECOND).await;
    // The fake refuses replies and posts alike, so what cannot be said below the card is told by the moved one.
    rig.chat.refuse("chat.postMessage", HERE, "restricted_action_thread_locked");
    rig.click("U0BOB", "approve", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    let told = below(&rig, &id, OPS);
    assert!(told.iter().any(|t| t.contains("every result is verified")), "{told:?}");
}

/// Shares a file below the card of an operation.
async fn share(rig: &Rig, id: &str) -> File {
    let file = File { name: "a.html".to_owned(), title: "A report".to_owned(), text: "<p>".to_owned() };
    let notice = Notice::File { operation: OpId(id.to_owned()), file: file.clone() };
    rig.process.store.commit(Commit { notices: vec![notice], ..Commit::default() }).await.unwrap();
    file
}

#[tokio::test]
async fn a_file_is_shared_once_whatever_is_lost_on_the_way() {
    for trouble in [Trouble::LostReply, Trouble::LostRequest, Trouble::RateLimited] {
        let mut rig = Rig::sqlite().await;
        let id = rig.asked("backup create prod").await;
        rig.settle(5 * SECOND).await;
        let file = share(&rig, &id).await;
        rig.chat.trouble(trouble);
        rig.settle(60 * SECOND).await;
        assert_eq!(rig.chat.files_of(&id), [file], "{trouble:?}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_shared_is_told_of_with_what_helps() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.settle(5 * SECOND).await;
    rig.chat.refuse("files.completeUploadExternal", HERE, "missing_scope");
    share(&rig, &id).await;
    rig.settle(60 * SECOND).await;
    assert!(rig.chat.files_of(&id).is_empty());
    let told = below(&rig, &id, HERE);
    let told: Vec<&String> = told.iter().filter(|text| text.contains("could not be shared here")).collect();
    assert!(matches!(told[..], [said] if said.contains("missing_scope") && said.contains("`files:write`")), "{told:?}");
}

#[tokio::test]
async fn a_channel_that_became_shared_gets_nothing_more() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.settle(2 * SECOND).await;
    let stood = rig.chat.said_in(HERE).len();
    let asked = rig.chat.asked(HERE);
    rig.click("U0BOB", "approve", &id).await;
    rig.settle(20 * SECOND).await;
    assert!(rig.chat.asked(HERE) <= asked + 1, "asked at most once a minute");
    rig.clock.advance(Duration::from_secs(61));
    rig.chat.share(HERE);
    let edits = rig.chat.cards_of(&id)[0].edits;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    let card = &rig.chat.cards_of(&id)[0];
    assert!(card.edits <= edits + 1 && card.card_state() != Some(State::Succeeded), "no end is told outside");
    let told = rig.chat.said_in(HERE)[stood..].to_vec();
    assert!(told.iter().all(|t| !t.contains("verified")), "{told:?}");
    assert_eq!(cards(&rig, &id)[1], (OPS.to_owned(), State::Succeeded));
    assert!(below(&rig, &id, OPS).iter().any(|t| t.contains("every result is verified")));
}

#[tokio::test]
async fn where_no_channel_takes_anything_sns_is_told() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.settle(2 * SECOND).await;
    for channel in [HERE, OPS] {
        rig.chat.shut(channel, "is_archived");
    }
    rig.click("U0BOB", "approve", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    let published: Vec<String> = rig.cloud.published().into_iter().map(|p| format!("{p:?}")).collect();
    let lost: Vec<&String> = published.iter().filter(|p| p.contains("not_in_slack")).collect();
    assert!(lost.iter().any(|p| p.contains("every result is verified")), "{published:#?}");
    rig.chat.open();
    rig.settle(Duration::from_secs(1300)).await;
    assert_eq!(cards(&rig, &id)[0].1, State::Succeeded, "the card is right again once it can be edited");
}

/// Asks for a list from this channel, by mention; nobody waits for the answer.
async fn list_from(rig: &mut Rig, channel: &str) {
    let what = Inbound::Command { text: "op list".into() };
    let envelope =
        bbws::app::inbound::Envelope { channel: channel.into(), ..rig.envelope("U0ALICE", Via::Event, what) };
    rig.process.desk.take(envelope).await.unwrap();
    rig.settle(5 * SECOND).await;
}

#[tokio::test]
async fn an_answer_falls_back_to_the_person_and_then_to_the_address() {
    for code in ["not_in_channel", "channel_not_found", "user_not_in_channel", "is_archived"] {
        let mut rig = Rig::sqlite().await;
        rig.chat.shut("C0PRIVATE", code);
        list_from(&mut rig, "C0PRIVATE").await;
        let told = rig.chat.said_in("U0ALICE");
        assert_eq!(told.len(), 1, "{code}: {told:?}");
        assert!(told[0].contains("operations") && told[0].contains("<#C0PRIVATE>"), "{code}: {told:?}");
        assert!(rig.chat.whispers("U0ALICE").is_empty());

        rig.chat.shut("U0ALICE", "messages_tab_disabled");
        let address = || "https://hooks.slack.com/secret".to_owned().into();
        rig.process.desk.reachable("U0ALICE", "C0PRIVATE", address());
        rig.process.desk.reachable("U0BOB", "C0PRIVATE", address());
        list_from(&mut rig, "C0PRIVATE").await;
        let responses = rig.chat.responses();
        assert_eq!(responses.len(), 1, "{code}");
        assert_eq!((responses[0].0.as_str(), responses[0].1.level), ("https://hooks.slack.com/secret", Level::Info));
        let stored = format!("{:?}", rig.ledger.audit(0, 1000).await.unwrap());
        assert!(!stored.contains("hooks.slack.com"), "the address is kept in memory only");
    }
}

#[tokio::test]
async fn a_revoked_token_leaves_the_address() {
    let mut rig = Rig::sqlite().await;
    rig.chat.shut("C0PRIVATE", "token_revoked");
    rig.process.desk.reachable("U0ALICE", "C0PRIVATE", "https://hooks.slack.com/secret".to_owned().into());
    list_from(&mut rig, "C0PRIVATE").await;
    assert_eq!((rig.chat.responses().len(), rig.chat.said_in("U0ALICE").len()), (1, 0));
}

#[tokio::test]
async fn what_is_asked_at_home_or_in_a_conversation_of_two_gets_its_card_where_others_see_it() {
    for channel in ["", "D0ALICE"] {
        let mut rig = Rig::sqlite().await;
        let what = Inbound::Click {
            action: "bbws.ask.0".into(),
            value: "backup create prod full".into(),
            block_id: None,
            message_ts: None,
            reason: None,
        };
        let envelope =
            bbws::app::inbound::Envelope { channel: channel.into(), ..rig.envelope("U0ALICE", Via::Interaction, what) };
        let reply = rig.process.desk.take(envelope).await.unwrap().expect("an answer");
        assert!(reply.text.contains("<#C0OPS>"), "{}", reply.text);
        let id = id_in(&reply.text);
        rig.settle(5 * SECOND).await;
        assert_eq!(cards(&rig, &id), [(OPS.to_owned(), State::AwaitingApproval)]);
        let told = [rig.chat.said_in("U0ALICE"), rig.chat.whispers("U0ALICE")].concat();
        assert!(told.iter().any(|t| t.contains(&id)), "{channel}: {told:?}");
    }
}

/// What SNS was told of Slack's silence.
fn silences(rig: &Rig) -> Vec<String> {
    let published = rig.cloud.published().into_iter().map(|message| format!("{message:?}"));
    published.filter(|text| text.contains("slack_deaf")).collect()
}

#[tokio::test]
async fn when_slack_has_been_deaf_for_an_hour_sns_says_so() {
    for refusal in [None, Some("token_revoked"), Some("internal_error")] {
        let mut rig = Rig::sqlite().await;
        let id = rig.asked("backup create prod").await;
        rig.settle(2 * SECOND).await;
        match refusal {
            None => rig.chat.down(true),
            Some(code) => [HERE, OPS, "C0PROD"].into_iter().for_each(|channel| rig.chat.shut(channel, code)),
        }
        rig.say("U0ALICE", "stop prod the deploy is under way").await;
        rig.settle(Duration::from_secs(3500)).await;
        assert_eq!(silences(&rig), [""; 0], "{refusal:?}: not before");
        rig.settle(Duration::from_secs(1200)).await;
        let told = silences(&rig);
        assert_eq!(told.len(), 1, "{refusal:?}: once, whatever waits: {told:?}");
        assert!(
            told[0].to_lowercase().contains("critical") && told[0].contains("prod") && told[0].contains("bbws check"),
            "{told:?}"
        );
        assert!(told[0].contains("2026-11-21T03:00:0"), "{refusal:?}: since when: {told:?}");
        rig.chat.down(false);
        rig.chat.open();
        rig.settle(Duration::from_secs(700)).await;
        assert!(
            below(&rig, &id, HERE).len() + rig.chat.said_in("C0PROD").len() > 0,
            "{refusal:?}: Slack is told later"
        );
        assert_eq!(silences(&rig).len(), 1);
    }
}

#[tokio::test]
async fn what_waited_for_the_process_does_not_make_slack_deaf() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.clock.advance(Duration::from_secs(8 * 3600));
    rig.chat.trouble(Trouble::RateLimited);
    rig.settle(Duration::from_secs(120)).await;
    assert_eq!((cards(&rig, &id).len(), silences(&rig).len()), (1, 0));
}
