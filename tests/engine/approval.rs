//! Who may approve what, when, and what takes an approval back.

use std::time::Duration;

use bbws::{
    app::inbound::{Inbound, Inbox as _, Via},
    domain::{
        operation::State,
        principal::{PersonId, Profile},
    },
};

use crate::support::{chat::person, rig::Rig};

async fn refused(rig: &mut Rig, user: &str, id: &str, because: &str) {
    let reply = rig.click(user, "approve", id).await.expect("an answer");
    assert!(reply.text.contains(because), "{user}: {}", reply.text);
    assert_eq!(rig.state(id).await, State::AwaitingApproval, "{user} must not count");
    rig.settle(Duration::from_secs(5)).await;
    assert!(rig.chat.whispers(user).iter().any(|w| w.contains(because)), "{user} is told");
}

#[tokio::test]
async fn nobody_approves_alone_or_without_the_right() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    refused(&mut rig, "U0ALICE", &id, "somebody else has to approve").await;
    refused(&mut rig, "U0MALLORY", &id, "guests may not").await;
    refused(&mut rig, "U0DAVE", &id, "no role").await;
    refused(&mut rig, "U0NOBODY", &id, "did not say who you are").await;
    for (profile, because) in [
        (Profile { deleted: true, ..person("U0CAROL") }, "deactivated"),
        (Profile { bot: true, ..person("U0CAROL") }, "bots"),
        (Profile { stranger: true, ..person("U0CAROL") }, "other workspaces"),
        (Profile { team: Some("T0OTHER".into()), ..person("U0CAROL") }, "other workspaces"),
        (Profile { invited: true, ..person("U0CAROL") }, "not joined"),
    ] {
        let user = profile.user.clone();
        rig.chat.person(profile);
        // What is remembered of people for a minute must not decide a vote.
        refused(&mut rig, &user, &id, because).await;
        rig.chat.person(person(&user));
        rig.clock.advance(Duration::from_secs(61));
    }
    rig.chat.person(person("U0CAROL"));
    rig.click("U0CAROL", "approve", &id).await;
    assert_eq!(rig.state(&id).await, State::Queued);
    assert_eq!(rig.mutations(), 0);
}

#[tokio::test]
async fn two_accounts_of_one_person_count_once() {
    let mut rig = Rig::sqlite().await;
    rig.chat.person(Profile { enterprise_user: Some("W0SAME".into()), ..person("U0ALICE") });
    rig.chat.person(Profile { enterprise_user: Some("W0SAME".into()), ..person("U0BOB") });
    let id = rig.asked("backup create prod").await;
    assert_eq!(rig.run(&id).await.op.requester.person, PersonId("W0SAME".into()));
    refused(&mut rig, "U0BOB", &id, "somebody else has to approve").await;
}

#[tokio::test]
async fn double_clicks_and_late_clicks_are_harmless() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.settle(Duration::from_secs(2)).await;
    rig.click("U0BOB", "approve", &id).await;
    let again = rig.click("U0BOB", "approve", &id).await.unwrap();
    assert!(again.text.contains("nothing to decide"), "{}", again.text);
    let late = rig.click("U0CAROL", "reject", &id).await.unwrap();
    assert!(late.text.contains("nothing to decide"), "{}", late.text);
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    assert_eq!(rig.run(&id).await.op.votes.len(), 1);
    let over = rig.click("U0CAROL", "approve", &id).await.unwrap();
    assert!(over.text.contains("succeeded"), "{}", over.text);
}

#[tokio::test]
async fn two_approvers_in_the_same_instant_start_it_once() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    let other = rig.process.desk.clone();
    let run = rig.run(&id).await;
    let block_id = Some(format!("bbws:{id}:{}:1", &run.op.digest[..16]));
    let click = |user: &str, n: u8| bbws::app::inbound::Envelope {
        id: format!("{n:064x}f"),
        via: bbws::app::inbound::Via::Interaction,
        user: user.to_owned(),
        team: "T0BBWS".into(),
        channel: "C0GENERAL".into(),
        thread: None,
        at: bbws::ports::clock::Clock::now(rig.clock.as_ref()),
        what: Inbound::Click {
            action: "bbws.approve".into(),
            value: id.clone(),
            block_id: block_id.clone(),
            message_ts: None,
            reason: None,
        },
    };
    use bbws::app::inbound::Inbox as _;
    let (bob, carol) = (click("U0BOB", 1), click("U0CAROL", 2));
    let (a, b) = tokio::join!(other.take(bob), rig.process.desk.take(carol));
    assert!(a.is_ok() && b.is_ok());
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    assert!(rig.cloud.twice().is_empty());
    assert_eq!(rig.run(&id).await.op.votes.len(), 1, "the second click came too late to be needed");
}

#[tokio::test]
async fn a_rejection_carries_its_reason_and_frees_the_environment() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    let what = Inbound::Click {
        action: "bbws.reject".into(),
        value: id.clone(),
        block_id: None,
        message_ts: None,
        reason: Some("wrong <!channel> night".into()),
    };
    rig.raw_click("U0BOB", what).await;
    assert_eq!(rig.state(&id).await, State::Rejected);
    let outcome = rig.run(&id).await.op.outcome.unwrap();
    assert!(outcome.contains("wrong &lt;!channel&gt; night"), "{outcome}");
    assert_eq!(rig.ledger_holder("prod").await, None);
    assert_eq!(rig.mutations(), 0);
}

#[tokio::test]
async fn approvals_expire() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.settle(Duration::from_secs(3600)).await;
    assert_eq!(rig.state(&id).await, State::Expired);
    let said = rig.click("U0BOB", "approve", &id).await.unwrap().text;
    assert!(said.contains("expired"), "{said}");
    assert_eq!(rig.mutations(), 0);
    assert_eq!(rig.ledger_holder("prod").await, None);
}

#[tokio::test]
async fn an_approval_that_cannot_start_in_time_expires() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.click("U0BOB", "approve", &id).await;
    rig.chat.down(true);
    for _ in 0..200 {
        rig.step().await;
        rig.clock.advance(Duration::from_secs(5));
    }
    rig.chat.down(false);
    assert_eq!(rig.finish(&id).await, State::Expired);
    assert_eq!(rig.mutations(), 0, "nobody could say that the approver still may");
}

#[tokio::test]
async fn drift_voids_the_approval_and_says_what_changed() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.settle(Duration::from_secs(2)).await;
    rig.click("U0BOB", "approve", &id).await;
    rig.cloud.set_engine_version("prod", "bbws-prod-mysql", "8.4.99");
    rig.settle(Duration::from_secs(5)).await;
    assert_eq!(rig.state(&id).await, State::AwaitingApproval);
    assert_eq!(rig.mutations(), 0);
    let thread: Vec<String> = rig.chat.thread_of(&id).iter().filter_map(|p| p.line().map(str::to_owned)).collect();
    assert!(thread.iter().any(|t| t.contains("8.4.99") && t.contains("void")), "{thread:#?}");
    let run = rig.run(&id).await;
    assert_eq!((run.op.revision, run.op.votes.len()), (2, 0));
    let stale = Inbound::Click {
        action: "bbws.approve".into(),
        value: id.clone(),
        block_id: Some(format!("bbws:{id}:0123456789abcdef:1")),
        message_ts: run.op.card.map(|c| c.ts),
        reason: None,
    };
    let said = rig.raw_click("U0BOB", stale).await.unwrap().text;
    assert!(said.contains("changed after the card"), "{said}");
    rig.click("U0BOB", "approve", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
}

#[tokio::test]
async fn an_approver_who_loses_the_right_before_the_start_does_not_count() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.click("U0BOB", "approve", &id).await;
    rig.chat.person(Profile { deleted: true, ..person("U0BOB") });
    rig.settle(Duration::from_secs(5)).await;
    assert_eq!(rig.state(&id).await, State::AwaitingApproval);
    assert_eq!(rig.mutations(), 0);
}

#[tokio::test]
async fn people_without_a_role_read_and_nothing_else() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    for text in ["help", "op list", &format!("op show {id}")] {
        let said = rig.say("U0DAVE", text).await;
        assert!(!said.contains("no role"), "{text}: {said}");
    }
    for text in [
        "backup create dev".to_owned(),
        format!("op cancel {id}"),
        "stop prod why".to_owned(),
        format!("op approve {id}"),
    ] {
        let said = rig.say("U0DAVE", &text).await;
        assert!(said.contains("no role"), "{text}: {said}");
        let said = rig.say("U0MALLORY", &text).await;
        assert!(said.contains("guests may not"), "{text}: {said}");
    }
    assert_eq!(rig.state(&id).await, State::AwaitingApproval);
    let said = rig.say("U0MALLORY", "help").await;
    assert!(said.contains("guests may not"), "{said}");
}

#[tokio::test]
async fn shared_channels_get_a_sentence() {
    let mut rig = Rig::sqlite().await;
    rig.chat.share("C0GENERAL");
    let said = rig.say("U0ALICE", "backup create dev").await;
    assert!(said.contains("shared with other organisations"), "{said}");
    assert_eq!(rig.ledger_holder("dev").await, None);
}

/// What App Home sends has neither channel nor message; the block still says which plan was on the screen.
#[tokio::test]
async fn a_vote_from_app_home_counts_for_the_plan_that_was_on_the_screen() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.settle(Duration::from_secs(5)).await;
    let run = rig.run(&id).await;
    assert!(run.op.card.is_some(), "the card stands elsewhere");
    let click = |digest: &str| Inbound::Click {
        action: "bbws.approve".into(),
        value: id.clone(),
        block_id: Some(format!("bbws:{id}:{digest}:{}", run.op.revision)),
        message_ts: None,
        reason: None,
    };
    for (digest, state) in [("0123456789abcdef", State::AwaitingApproval), (&run.op.digest[..16], State::Queued)] {
        let mut envelope = rig.envelope("U0CAROL", Via::Interaction, click(digest));
        envelope.channel = String::new();
        rig.process.desk.take(envelope).await.unwrap();
        assert_eq!(rig.state(&id).await, state, "{digest}");
    }
}
