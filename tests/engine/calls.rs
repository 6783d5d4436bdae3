//! Who is called, told and answered: stops, ends, votes that come too late, people with two ids, and people who only talk.

use std::time::Duration;

use bbws::{
    app::inbound::{Envelope, Inbound, Inbox as _, Via},
    domain::{operation::State, principal::Profile},
    ports::{
        chat::{Level, Reply},
        store::Store as _,
    },
};

use crate::support::{
    chat::person,
    rig::{Rig, id_in},
};

const SECOND: Duration = Duration::from_secs(1);

fn thread(rig: &Rig, id: &str) -> Vec<String> {
    rig.chat.thread_of(id).iter().filter_map(|p| p.line().map(str::to_owned)).collect()
}

/// The one line of the thread that says this.
fn line(rig: &Rig, id: &str, what: &str) -> String {
    let lines: Vec<String> = thread(rig, id).into_iter().filter(|t| t.contains(what)).collect();
    assert_eq!(lines.len(), 1, "{what}: {:#?}", thread(rig, id));
    lines[0].clone()
}

#[tokio::test]
async fn a_stop_is_told_to_everybody_with_who_why_and_the_way_back() {
    let mut rig = Rig::sqlite().await;
    rig.say("U0BOB", "stop prod the <database> looks corrupt").await;
    rig.settle(5 * SECOND).await;
    for channel in ["C0OPS", "C0PROD"] {
        let told = rig.chat.said_in(channel);
        assert_eq!(told.len(), 1, "{channel}: {told:?}");
        assert!(told[0].contains("<@U0BOB> stopped `prod`: the &lt;database&gt; looks corrupt."), "{told:?}");
    }
    let posted = rig.chat.cards().into_iter().find(|p| p.channel == "C0PROD").unwrap();
    let bbws::ports::chat::Content::Line { attachment, .. } = posted.message.content else { panic!("a line") };
    assert_eq!((&*attachment.offers[0].label, &*attachment.offers[0].command), ("Resume", "resume prod"));

    let mut rig = Rig::sqlite().await;
    rig.say("U0CAROL", "stop --reason \"region trouble\"").await;
    rig.settle(5 * SECOND).await;
    for channel in ["C0OPS", "C0PROD"] {
        let told = rig.chat.said_in(channel);
        assert!(told.len() == 1 && told[0].contains("<@U0CAROL> stopped everything: region trouble."), "{told:?}");
    }
}

#[tokio::test]
async fn one_channel_for_both_is_told_once() {
    let mut rig = Rig::sqlite().await;
    let mut config = rig.config.clone();
    config.environments.get_mut("prod").unwrap().channel = Some(config.slack.ops_channel.clone());
    rig = Rig::new(rig.ledger.clone(), rig.clock.clone(), config, 7);
    rig.say("U0BOB", "stop prod why not").await;
    rig.settle(5 * SECOND).await;
    assert_eq!(rig.chat.said_in("C0OPS").len(), 1);
}

#[tokio::test]
async fn ends_call_who_asked_and_failures_who_approved_too() {
    let mut rig = Rig::sqlite().await;
    let id = rig.approved_backup("backup create prod").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    let told = line(&rig, &id, "every result is verified");
    assert!(told.starts_with("<@U0ALICE> All ") && !told.contains("<@U0BOB>"), "{told}");
    assert!(!rig.run(&id).await.op.outcome.unwrap().contains("<@"), "the ledger's outcome is as it was");

    let rejected = rig.asked("backup create dev").await;
    if rig.state(&rejected).await == State::AwaitingApproval {
        rig.click("U0BOB", "reject", &rejected).await;
        rig.settle(5 * SECOND).await;
        let told = line(&rig, &rejected, "Rejected by");
        assert!(told.starts_with("<@U0ALICE> Rejected by <@U0BOB>"), "{told}");
    }
    let own = rig.asked("backup create prod").await;
    rig.say("U0ALICE", &format!("op cancel {own}")).await;
    rig.settle(5 * SECOND).await;
    let told = line(&rig, &own, "Cancelled by");
    assert_eq!(told.matches("<@U0ALICE>").count(), 1, "nobody is called who is named anyway: {told}");
}

#[tokio::test]
async fn a_failure_calls_who_approved_too() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.settle(SECOND).await;
    rig.click("U0BOB", "approve", &id).await;
    let run = rig.run(&id).await;
    let told = bbws::app::words::calling(&run, State::Failed, "Failed: 3 of 7 steps are done.");
    assert_eq!(told, "<@U0ALICE> <@U0BOB> Failed: 3 of 7 steps are done.");
    let told = bbws::app::words::calling(&run, State::NeedsAttention, "Nobody knows. <@U0BOB> was asked.");
    assert_eq!(told, "<@U0ALICE> Nobody knows. <@U0BOB> was asked.");
    let mut own = run.clone();
    own.op.requester.user = "bbws".into();
    assert_eq!(bbws::app::words::calling(&own, State::Succeeded, "Done."), "Done.", "nobody is called for itself");
}

#[tokio::test]
async fn a_resume_calls_everybody_who_may_press_once() {
    let mut rig = Rig::sqlite().await;
    rig.say("U0BOB", "stop prod why not").await;
    let resume = id_in(&rig.say("U0BOB", "resume prod").await);
    rig.settle(5 * SECOND).await;
    let told = line(&rig, &resume, "to approve until");
    assert!(told.contains("<@U0ALICE>") && told.contains("<@U0CAROL>"), "{told}");
    assert!(!told.contains("<@U0BOB>"), "never the person who asked: {told}");
    for user in ["U0ALICE", "U0CAROL"] {
        assert_eq!(told.matches(user).count(), 1, "{told}");
    }
}

async fn click(rig: &mut Rig, user: &str, button: &str, id: &str) -> Reply {
    rig.click(user, button, id).await.expect("an answer")
}

#[tokio::test]
async fn a_vote_that_comes_too_late_is_answered_with_a_way_to_stop() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.settle(2 * SECOND).await;
    click(&mut rig, "U0BOB", "approve", &id).await;
    for button in ["approve", "reject"] {
        let late = click(&mut rig, "U0CAROL", button, &id).await;
        assert!(late.text.starts_with("Too late: approved by <@U0BOB>. Stop it?"), "{}", late.text);
        assert_eq!(late.attachment.offers[0].command, format!("op stop {id}"));
    }
    rig.settle(5 * SECOND).await;
    assert_eq!(rig.chat.whispered("U0CAROL").len(), 2, "both are told");
    let own = click(&mut rig, "U0BOB", "approve", &id).await;
    assert!(own.text.starts_with("You approved it yourself."), "{}", own.text);
    rig.say("U0CAROL", &format!("op stop {id}")).await;
    assert_eq!(rig.state(&id).await, State::Stopped);
    let twice = click(&mut rig, "U0BOB", "approve", &id).await;
    assert!(twice.attachment.offers.is_empty(), "what is stopped is not offered to be stopped");
}

#[tokio::test]
async fn what_has_not_begun_is_withdrawn_by_the_same_button() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    click(&mut rig, "U0BOB", "approve", &id).await;
    assert_eq!(rig.state(&id).await, State::Queued);
    rig.say("U0CAROL", &format!("op stop {id}")).await;
    assert_eq!(rig.state(&id).await, State::Cancelled);
    assert_eq!(rig.mutations(), 0);
}

#[tokio::test]
async fn one_person_with_two_ids_holds_the_roles_of_both() {
    let grid = |user: &str, enterprise: &str| Profile {
        enterprise_user: Some(enterprise.into()),
        team: Some("T0OTHER".into()),
        enterprise_teams: vec!["T0OTHER".into(), "T0BBWS".into()],
        ..person(user)
    };
    let mut rig = Rig::sqlite().await;
    // Bob is in the roles by his id in the grid, and acts with another.
    let mut config = rig.config.clone();
    for members in config.roles.values_mut() {
        members.users.iter_mut().filter(|u| *u == "U0BOB").for_each(|u| *u = "W0BOB".into());
    }
    rig = Rig::new(rig.ledger.clone(), rig.clock.clone(), config, 7);
    rig.chat.person(grid("U0BOB", "W0BOB"));
    let id = rig.asked("backup create prod").await;
    click(&mut rig, "U0BOB", "approve", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "he belongs, and he counts");

    rig.chat.person(Profile { enterprise_teams: vec!["T0OTHER".into()], ..grid("U0BOB", "W0BOB") });
    rig.clock.advance(Duration::from_secs(61));
    let next = rig.asked("backup create prod").await;
    let refused = click(&mut rig, "U0BOB", "approve", &next).await;
    assert!(refused.text.contains("other workspaces"), "{}", refused.text);
}

#[tokio::test]
async fn people_in_a_group_by_either_id_count() {
    let rig = Rig::sqlite().await;
    let mut config = rig.config.clone();
    for members in config.roles.values_mut() {
        members.users.retain(|u| u != "U0BOB");
        members.group = Some("S0ALL".into());
    }
    let mut rig = Rig::new(rig.ledger.clone(), rig.clock.clone(), config, 7);
    rig.chat.group("S0ALL", &["W0BOB"]);
    rig.chat.person(Profile { enterprise_user: Some("W0BOB".into()), ..person("U0BOB") });
    let id = rig.asked("backup create prod").await;
    click(&mut rig, "U0BOB", "approve", &id).await;
    assert_eq!(rig.state(&id).await, State::Queued);
}

async fn mention(rig: &mut Rig, user: &str, text: &str) -> Reply {
    let envelope: Envelope = rig.envelope(user, Via::Event, Inbound::Mentioned { text: text.into() });
    let reply = rig.process.desk.take(envelope).await.unwrap().expect("an answer");
    rig.settle(5 * SECOND).await;
    reply
}

#[tokio::test]
async fn who_speaks_of_the_bot_is_told_how_to_speak_to_it_and_nothing_is_done() {
    let mut rig = Rig::sqlite().await;
    for (said, command) in [
        ("is in the middle of something", "help"),
        ("", "help"),
        ("op list", "op list"),
        ("stop prod the database looks corrupt", "stop prod \"the database looks corrupt\""),
    ] {
        let reply = mention(&mut rig, "U0BOB", said).await;
        assert_eq!(reply.level, Level::Info);
        assert!(reply.text.contains("nothing was done"), "{}", reply.text);
        assert_eq!(reply.attachment.offers.len(), 1);
        assert_eq!(reply.attachment.offers[0].command, command, "{said}");
        assert_eq!(reply.attachment.offers[0].confirm.is_some(), said.starts_with("stop"), "{said}");
    }
    assert_eq!(rig.chat.whispers("U0BOB").len(), 4);
    assert!(rig.ledger.stops().await.unwrap().is_empty(), "nothing is stopped by talk");
    let guest = mention(&mut rig, "U0MALLORY", "stop prod now").await;
    assert!(guest.text.contains("guests may not") && guest.attachment.offers.is_empty(), "{}", guest.text);
}
