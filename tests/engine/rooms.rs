//! The room of an incident: opened once whatever Slack says, furnished, shown what goes on, and never in the way of anything.

use std::time::Duration;

use bbws::{
    app::inbound::{Inbound, Inbox, Via},
    domain::{mark::MarkKind, operation::State},
    ports::{clock::Clock, store::Store},
};

use crate::support::{
    chat::{Posted, Trouble},
    rig::Rig,
    rooms::Room,
};

const NAME: &str = "inc-inc-1-prod";
const DECLARE: &str = "dr declare prod --ticket INC-1 orders are gone";

/// Declares an incident as Alice, and lets its room be furnished.
async fn declared(rig: &mut Rig) -> String {
    let id = rig.asked(DECLARE).await;
    rig.settle(Duration::from_secs(60)).await;
    assert_eq!(rig.state(&id).await, State::Waiting, "{:#?}", rig.run(&id).await.steps);
    id
}

/// What of it is not as it should be, in the words that people read.
async fn issues(rig: &Rig, id: &str) -> String {
    let run = rig.run(id).await;
    run.issues().iter().map(|(title, words)| format!("{title}: {words}\n")).collect()
}

/// The card of an operation as it stands in a channel.
fn card_in(rig: &Rig, channel: &str, id: &str) -> Posted {
    let here = |card: &Posted| card.channel == channel && card.card_state().is_some();
    let here: Vec<Posted> = rig.chat.cards_of(id).into_iter().filter(here).collect();
    assert_eq!(here.len(), 1, "one card of {id} in {channel}");
    here[0].clone()
}

/// Presses a button on the card that stands in a room.
async fn pressed_in(rig: &mut Rig, user: &str, button: &str, id: &str, channel: &str) -> String {
    let card = card_in(rig, channel, id);
    let run = rig.run(id).await;
    let what = Inbound::Click {
        action: format!("bbws.{button}"),
        value: id.to_owned(),
        block_id: Some(format!("bbws:{id}:{}:{}", &run.op.digest[..16], run.op.revision)),
        message_ts: Some(card.ts),
        reason: None,
    };
    let mut envelope = rig.envelope(user, Via::Interaction, what);
    envelope.channel = channel.to_owned();
    rig.process.desk.take(envelope).await.ok().flatten().expect("an answer").text
}

#[tokio::test]
async fn declaring_opens_a_room_with_everybody_and_everything_in_it() {
    let mut rig = Rig::demo_sqlite().await;
    let id = declared(&mut rig).await;
    assert_eq!(rig.mutations(), 0, "nothing of it is done in AWS");
    let room = rig.chat.room(NAME).expect("the room");
    assert_eq!(room.invited, ["U0ALICE", "U0CAROL", "U0BOB"], "who declared it, and the roster, each once");
    assert!(
        room.topic.starts_with("INC-1 · prod · in-1 · RTO 4 h · RPO 1 h · https://meet.example/bbws"),
        "{}",
        room.topic
    );
    assert!(room.topic.ends_with("orders are gone"), "{}", room.topic);
    let card = card_in(&rig, &room.id, &id);
    assert_eq!((room.pins, card.card_state()), (vec![card.ts], Some(State::Waiting)));
    assert!(rig.run(&id).await.issues().is_empty(), "{}", issues(&rig, &id).await);
    let said = rig.chat.said_in(&room.id).join("\n");
    assert!(said.contains("*INC-1* in `prod`: orders are gone.") && said.contains("data is gone or wrong"), "{said}");
    assert!(said.contains("`/bbws backup restore prod pitr --target-time T --ticket INC-1`"), "{said}");
    let told = rig.cloud.published();
    for topic in ["bbws-ops-critical", "bbws-dr-events"] {
        let alarm = told.iter().find(|(to, message)| to == topic && message.subject.contains("is declared"));
        let (_, message) = alarm.unwrap_or_else(|| panic!("{topic} is told: {told:#?}"));
        let body = &message.body;
        assert!(body.contains("orders are gone") && body.contains("https://meet.example/bbws"), "{body}");
    }
    rig.click("U0BOB", "continue", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    let outcome = rig.run(&id).await.op.outcome.expect("an outcome");
    assert!(outcome.starts_with("Closed after "), "{outcome}");
    assert_eq!(card_in(&rig, &room.id, &id).card_state(), Some(State::Succeeded), "its end is shown in its room");
    assert!(rig.ledger.marks("prod", Some(MarkKind::Room)).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_slack_refuses_is_said_and_holds_nothing_up() {
    for (method, place, code, said) in [
        (
            "conversations.create",
            NAME,
            "restricted_action",
            "Open the room: Slack refuses conversations.create (restricted_action)",
        ),
        ("conversations.create", NAME, "missing_scope", "give the app the scope that `bbws manifest` lists"),
        (
            "conversations.invite",
            "C0ROOM0",
            "missing_scope",
            "Call people into it: <@U0ALICE>: Slack refuses conversations.invite",
        ),
        (
            "conversations.setTopic",
            "C0ROOM0",
            "missing_scope",
            "Say what it is about: Slack refuses conversations.setTopic",
        ),
        ("pins.add", "C0ROOM0", "too_many_pins", "Pin its card: Slack refuses pins.add (too_many_pins)"),
    ] {
        let mut rig = Rig::demo_sqlite().await;
        rig.chat.refuse(method, place, code);
        let id = declared(&mut rig).await;
        let words = issues(&rig, &id).await;
        assert!(words.contains(said), "{method} {code}: {words}");
        rig.chat.open();
        rig.click("U0BOB", "continue", &id).await;
        assert_eq!(rig.finish(&id).await, State::Succeeded);
        let outcome = rig.run(&id).await.op.outcome.expect("an outcome");
        assert!(outcome.contains("Slack did not do all of it") && outcome.contains(method), "{outcome}");
    }
}

#[tokio::test]
async fn whoever_cannot_be_invited_keeps_nobody_else_out() {
    let mut rig = Rig::demo_sqlite().await;
    let crowd: Vec<String> = (0..150).map(|n| format!("U0P{n:03}")).collect();
    let mut members: Vec<&str> = crowd.iter().map(String::as_str).collect();
    members.insert(20, "U0GONE");
    rig.chat.group("S0OPERATORS", &members);
    let id = declared(&mut rig).await;
    let room = rig.chat.room(NAME).expect("the room");
    assert_eq!(room.invited.len(), 150 + 3, "a hundred at once, and one by one where one of them is refused");
    let words = issues(&rig, &id).await;
    assert!(words.contains("<@U0GONE>: Slack refuses conversations.invite (user_disabled)"), "{words}");
}

#[tokio::test]
async fn a_channel_of_that_name_is_adopted_only_where_people_can_meet_in_it() {
    let other = |change: fn(&mut Room)| {
        let mut room = Room::default();
        change(&mut room);
        room
    };
    for (there, opens) in [
        (other(|_| {}), NAME),
        (other(|room| room.archived = true), "inc-inc-1-prod-2"),
        (other(|room| room.external = true), "inc-inc-1-prod-2"),
        (other(|room| room.private = true), "inc-inc-1-prod-2"),
    ] {
        let mut rig = Rig::demo_sqlite().await;
        rig.chat.others_room(NAME, there.clone());
        let id = declared(&mut rig).await;
        let room = rig.chat.room(opens).expect("the room");
        assert_eq!(room.invited.len(), 3, "{there:?}: {}", issues(&rig, &id).await);
        assert_eq!(rig.chat.rooms_made().len(), usize::from(opens != NAME), "{there:?}");
        assert_eq!(card_in(&rig, &room.id, &id).card_state(), Some(State::Waiting));
    }
}

#[tokio::test]
async fn lost_answers_and_slack_asking_to_wait_make_nothing_twice() {
    for trouble in [Trouble::LostReply, Trouble::LostRequest, Trouble::RateLimited] {
        for skipped in 0..12 {
            let mut rig = Rig::demo_sqlite().await;
            let id = rig.asked(DECLARE).await;
            for _ in 0..skipped {
                rig.step().await;
            }
            rig.chat.trouble(trouble);
            rig.settle(Duration::from_secs(120)).await;
            assert_eq!(rig.state(&id).await, State::Waiting, "{trouble:?} {skipped}: {:#?}", rig.run(&id).await.steps);
            let room = rig.chat.room(NAME).expect("the room");
            assert_eq!(rig.chat.rooms_made(), [NAME], "{trouble:?} {skipped}");
            assert_eq!(room.invited.len(), 3, "{trouble:?} {skipped}: {:?}", room.invited);
            assert_eq!((room.topics, room.pins.len()), (1, 1), "{trouble:?} {skipped}");
            card_in(&rig, &room.id, &id);
            assert!(rig.run(&id).await.issues().is_empty(), "{trouble:?} {skipped}: {}", issues(&rig, &id).await);
        }
    }
}

#[tokio::test]
async fn slack_that_stays_silent_is_given_up_and_said() {
    let mut rig = Rig::demo_sqlite().await;
    let id = rig.asked(DECLARE).await;
    rig.chat.down(true);
    rig.settle(Duration::from_secs(3600)).await;
    rig.chat.down(false);
    rig.settle(Duration::from_secs(1200)).await;
    assert_eq!(rig.state(&id).await, State::Waiting, "{:#?}", rig.run(&id).await.steps);
    let words = issues(&rig, &id).await;
    assert!(words.contains("Open the room: Slack did not answer conversations.create"), "{words}");
}

#[tokio::test]
async fn what_goes_on_in_the_environment_is_shown_in_the_room_with_its_buttons() {
    let mut rig = Rig::demo_sqlite().await;
    declared(&mut rig).await;
    let room = rig.chat.room(NAME).expect("the room").id;
    let backup = rig.asked("backup create prod config").await;
    rig.settle(Duration::from_secs(5)).await;
    assert_eq!(card_in(&rig, &room, &backup).card_state(), Some(State::AwaitingApproval));
    let said = pressed_in(&mut rig, "U0ALICE", "approve", &backup, &room).await;
    assert!(said.contains("somebody else has to approve it"), "{said}");
    pressed_in(&mut rig, "U0BOB", "approve", &backup, &room).await;
    assert_eq!(rig.finish(&backup).await, State::Succeeded);
    rig.settle(Duration::from_secs(5)).await;
    assert_eq!(card_in(&rig, &room, &backup).card_state(), Some(State::Succeeded));
    let other = rig.asked("backup create dev config").await;
    rig.settle(Duration::from_secs(30)).await;
    assert!(rig.chat.cards_of(&other).iter().all(|card| card.channel != room), "another environment's is not");
    rig.chat.shut(&room, "is_archived");
    let third = rig.asked("backup create prod config").await;
    rig.settle(Duration::from_secs(5)).await;
    rig.click("U0BOB", "approve", &third).await;
    assert_eq!(rig.finish(&third).await, State::Succeeded, "a room that is shut holds nothing up");
}

#[tokio::test]
async fn duties_are_taken_handed_over_and_called_for() {
    let mut rig = Rig::demo_sqlite().await;
    let id = declared(&mut rig).await;
    let room = rig.chat.room(NAME).expect("the room").id;
    rig.say("U0BOB", &format!("dr duty {id} database")).await;
    let refused = rig.say("U0ALICE", &format!("dr duty {id} scribe --to <@U0MALLORY|mallory>")).await;
    assert!(refused.contains("Nothing was done"), "{refused}");
    let refused = rig.say("U0DAVE", &format!("dr duty {id} scribe")).await;
    assert!(refused.contains("You hold no role"), "{refused}");
    let refused = rig.say("U0ALICE", "dr duty in-1 captain").await;
    assert!(refused.contains("is not a duty") && refused.contains("commander"), "{refused}");
    rig.settle(Duration::from_secs(5 * 60)).await;
    let said = rig.chat.said_in(&room).join("\n");
    assert!(
        said.contains("Nobody has taken this for 5 min yet") && said.contains("• *commander*: <@U0CAROL>"),
        "{said}"
    );
    assert!(!said.contains("• *database*"), "what is taken is not called for: {said}");
    rig.say("U0ALICE", &format!("dr duty {id} commander --to <@U0CAROL|carol>")).await;
    rig.settle(Duration::from_secs(6 * 60)).await;
    let said = rig.chat.said_in(&room).join("\n");
    assert!(said.contains("• *security*: <!subteam^S0LEADS>") && !said.contains("• *commander*: <!subteam"), "{said}");
    assert!(said.contains("<@U0CAROL> is *commander* now: <@U0ALICE> handed it over."), "{said}");
    rig.say("U0ALICE", &format!("dr duty {id} commander")).await;
    rig.settle(Duration::from_secs(3600)).await;
    let lines = rig.chat.said_in(&room);
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(count("Nobody has taken this"), 2, "each once: {lines:#?}");
    assert_eq!(count("taking over from <@U0CAROL>"), 1, "{lines:#?}");
    let incident = rig.run(&id).await.op.incident.expect("people have done something");
    assert_eq!(incident.duties.len(), 2);
    let none = rig.asked("backup create dev config").await;
    let said = rig.say("U0ALICE", &format!("dr duty {none} scribe")).await;
    assert!(said.contains("is no incident"), "{said}");
}

#[tokio::test]
async fn a_ticket_has_one_incident_at_a_time_and_a_stop_does_not_reach_it() {
    let mut rig = Rig::demo_sqlite().await;
    let id = declared(&mut rig).await;
    let said = rig.say("U0BOB", DECLARE).await;
    assert!(said.contains("in-1 is open for INC-1 already"), "{said}");
    rig.say("U0CAROL", "stop prod we are under attack").await;
    rig.settle(Duration::from_secs(60)).await;
    assert_eq!(rig.state(&id).await, State::Waiting, "people need their room most of all now");
    let said = rig.say("U0BOB", "dr declare prod --ticket INC-2 --kind breach and the files too").await;
    assert!(
        said.contains("*in-3*") || said.contains("*in-2*"),
        "another ticket has another, under a stop as well: {said}"
    );
}

#[tokio::test]
async fn whoever_takes_over_sees_on_one_screen_what_there_is() {
    let mut rig = Rig::demo_sqlite().await;
    rig.watch_for(Duration::from_secs(400)).await;
    let quiet = rig.say("U0DAVE", "handover dev").await;
    assert!(quiet.starts_with("*dev* · active in af-south-1"), "{quiet}");
    let id = declared(&mut rig).await;
    let backup = rig.asked("backup create prod config").await;
    let told = rig.say("U0DAVE", "handover prod").await;
    assert!(told.contains(&format!("`{id}` Incident INC-1 in prod: ")) && told.contains("*nobody leads it*"), "{told}");
    assert!(
        told.contains(&format!("*Waits*\n• `{backup}` Backup of prod (config): waits for 1 operator to approve")),
        "{told}"
    );
    assert!(told.lines().count() < 20, "one screen: {told}");
    rig.say("U0BOB", &format!("dr duty {id} commander")).await;
    rig.say("U0CAROL", "stop prod the database looks corrupt").await;
    let told = rig.say("U0DAVE", "handover prod").await;
    assert!(told.contains("<@U0BOB> leads it"), "{told}");
    assert!(told.contains("*Do not touch*\n• All of it: <@U0CAROL> stopped it: the database looks corrupt"), "{told}");
}

#[tokio::test]
async fn what_moves_production_gets_a_room_of_its_own_once() {
    let mut rig = Rig::demo_sqlite().await;
    rig.runs(&bbws::domain::active::Active::primary()).await;
    let failover = rig.asked("dr failover prod --execute --ticket INC-7 --reason \"a planned move\"").await;
    let backup = rig.asked("backup create dev config").await;
    for _ in 0..3 {
        rig.process.desk.convene().await.unwrap();
        rig.settle(Duration::from_secs(30)).await;
    }
    assert_eq!(rig.chat.rooms_made(), ["inc-inc-7-prod"], "one room, and none for {backup}");
    let room = rig.chat.room("inc-inc-7-prod").expect("the room").id;
    card_in(&rig, &room, &failover);
    let incident = rig.newest().await.expect("the incident");
    let run = rig.run(&incident).await;
    assert_eq!((run.op.plan.kind.as_str(), run.op.requester.user.as_str()), ("dr.incident", "U0ALICE"));
    assert!(run.op.reason.is_some_and(|why| why.starts_with("Failover of prod")), "{incident}");
    rig.click("U0BOB", "continue", &incident).await;
    assert_eq!(rig.finish(&incident).await, State::Succeeded);
    rig.process.desk.convene().await.unwrap();
    rig.settle(Duration::from_secs(30)).await;
    assert_eq!(rig.newest().await, Some(incident), "what was closed is not opened again for the same");
}

#[tokio::test]
async fn those_who_wait_hear_what_was_read_and_only_once() {
    let mut rig = Rig::demo_sqlite().await;
    let id = declared(&mut rig).await;
    let room = rig.chat.room(NAME).expect("the room").id;
    rig.process.desk.convene().await.unwrap();
    rig.settle(Duration::from_secs(31 * 60)).await;
    for _ in 0..3 {
        rig.process.desk.convene().await.unwrap();
        rig.settle(Duration::from_secs(5)).await;
    }
    let drafts = rig.chat.said_in(&room).iter().filter(|line| line.contains("A draft of what is known now")).count();
    assert_eq!(drafts, 1, "drafted once in half an hour");
    assert!(rig.chat.said_in("C0GENERAL").iter().all(|line| !line.contains("update of")), "nothing is sent by itself");
    let said = rig.say("U0ALICE", &format!("dr update {id} --number 2")).await;
    assert!(said.contains("has no draft 2"), "{said}");
    let draft = rig.run(&id).await.op.incident.and_then(|incident| incident.update).expect("a draft").text;
    rig.say("U0ALICE", &format!("dr update {id} --number 1")).await;
    let again = rig.say("U0BOB", &format!("dr update {id} --number 1")).await;
    assert!(again.contains("It is not sent twice"), "{again}");
    rig.settle(Duration::from_secs(5)).await;
    let told: Vec<String> =
        rig.chat.said_in("C0GENERAL").into_iter().filter(|line| line.contains("update of")).collect();
    assert_eq!(told, [draft], "word for word");
    assert!(told[0].contains("What happened: orders are gone") && !told[0].contains("will be"), "{}", told[0]);
}

#[tokio::test]
async fn a_message_joins_the_timeline_once_and_the_review_has_all_of_it() {
    let mut rig = Rig::demo_sqlite().await;
    let id = declared(&mut rig).await;
    let room = rig.chat.room(NAME).expect("the room").id;
    let ts = format!("{}.000100", rig.clock.now().seconds());
    let noted =
        Inbound::Noted { ts, by: "U0DAVE".to_owned(), text: "the <script>alert(1)</script> release did it".to_owned() };
    for expected in [true, false] {
        let mut envelope = rig.envelope("U0BOB", Via::Interaction, noted.clone());
        envelope.channel = room.clone();
        let said = rig.process.desk.take(envelope).await.ok().flatten().expect("an answer").text;
        assert_eq!(said.contains(&format!("It is on the timeline of {id}.")), expected, "{said}");
    }
    let elsewhere = rig.raw_click("U0BOB", noted).await.expect("an answer").text;
    assert!(elsewhere.contains("no open incident's room"), "{elsewhere}");
    rig.say("U0CAROL", &format!("dr duty {id} commander")).await;
    let backup = rig.asked("backup create prod config").await;
    rig.settle(Duration::from_secs(2)).await;
    rig.click("U0BOB", "approve", &backup).await;
    rig.settle(Duration::from_secs(600)).await;
    rig.click("U0BOB", "continue", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await.steps);
    let (file, below) = rig.chat.files_with_places().pop().expect("the review is shared");
    assert_eq!((file.name.as_str(), below), ("in-1-review.html", room), "in the room");
    let page = &file.text;
    for said in [
        "INC-1 in prod: orders are gone",
        "RTO 4 h kept",
        "the &lt;script&gt;alert(1)&lt;/script&gt; release did it",
        "Took commander",
        &format!("{backup} Backup of prod (config): approved"),
        "nobody was communication",
        "<svg ",
    ] {
        assert!(page.contains(said), "{said} is missing from {page}");
    }
    assert!(!page.contains("<script>"), "what people typed is text");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_that_sweep_at_once_open_one_incident_for_a_ticket() {
    let mut rig = Rig::demo_postgres().await;
    rig.asked("dr failover prod --execute --ticket INC-7 --reason \"a planned move\"").await;
    rig.settle(Duration::from_secs(2)).await;
    let others: Vec<_> = (0..3).map(|_| rig.another(crate::support::kill::Killer::never())).collect();
    let sweeps = others.iter().map(|process| process.desk.convene());
    for swept in futures::future::join_all(sweeps).await {
        swept.unwrap();
    }
    let filter = bbws::ports::store::Filter { limit: 50, ..Default::default() };
    let opened = rig.ledger.list(&filter).await.unwrap().into_iter().filter(|op| op.kind() == "dr.incident").count();
    assert_eq!(opened, 1);
    assert_eq!(rig.ledger.marks("prod", Some(MarkKind::Room)).await.unwrap().len(), 1);
}
