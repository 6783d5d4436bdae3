//! What a commander decides is kept with its reason, and what a review leaves to be done is asked after until it is done.

use std::time::Duration;

use bbws::{
    app::change::Change,
    domain::{
        active::Active,
        incident::{Measured, item},
        language,
        mark::MarkKind,
        operation::{OpId, State},
    },
    ports::{
        chat::{Content, Form},
        clock::Clock as _,
        store::{Guard, Store as _},
    },
};

use crate::support::{kill::Killer, rig::Rig};

const DAY: Duration = Duration::from_secs(86_400);

/// Declares an incident as Alice, and lets its room be furnished.
async fn declared(rig: &mut Rig, what: &str) -> String {
    let id = rig.asked(&format!("dr declare prod --ticket INC-1 {what}")).await;
    rig.settle(Duration::from_secs(60)).await;
    assert_eq!(rig.state(&id).await, State::Waiting, "{:#?}", rig.run(&id).await.steps);
    id
}

/// What people were asked of the items, with the commands of the buttons below.
fn questions(rig: &Rig, id: &str) -> Vec<(String, Vec<String>)> {
    let asked = rig.chat.cards_of(id).into_iter().filter_map(|posted| match posted.message.content {
        Content::Line { text, attachment, .. } if text.starts_with("Is this done?") => {
            Some((text, attachment.offers.into_iter().map(|offer| offer.command).collect()))
        }
        _ => None,
    });
    asked.collect()
}

#[tokio::test]
async fn what_a_review_leaves_has_an_owner_and_is_asked_after_every_week_until_it_is_done() {
    let mut rig = Rig::demo_sqlite().await;
    let id = declared(&mut rig, "orders are gone").await;
    rig.click("U0BOB", "continue", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    rig.settle(Duration::from_secs(30)).await;
    let run = rig.run(&id).await;
    let left: Vec<&str> = item::of(&run).iter().map(|item| item.what.as_str()).collect();
    assert_eq!(left, ["Duties: nobody was commander", "Duties: nobody was communication"]);
    for ask in ["status prod", "handover prod"] {
        let said = rig.say("U0DAVE", ask).await;
        assert!(
            said.contains("2 action items of incidents open, 2 of them nobody's: `/bbws dr actions prod`"),
            "{said}"
        );
    }
    assert!(!rig.say("U0DAVE", "status dev").await.contains("action item"));
    let listed = rig.command("U0DAVE", "dr actions").await.expect("an answer").attachment.table.expect("a table");
    assert_eq!(listed.rows[0], ["prod", id.as_str(), "1", "Duties: nobody was commander", "nobody"]);
    assert_eq!(listed.offers[0].as_ref().map(|offer| offer.command.as_str()), Some("dr action in-1 --item 1"));

    let refused = rig.say("U0DAVE", "dr action in-1 --item 1").await;
    assert!(refused.contains("You hold no role"), "{refused}");
    let refused = rig.say("U0ALICE", "dr action in-1 --item 3").await;
    assert!(refused.contains("has no action item 3"), "{refused}");
    let said = rig.say("U0ALICE", "dr action in-1 --item 1").await;
    assert!(said.contains("Item 1 of in-1 is yours."), "{said}");
    let again = rig.say("U0ALICE", "dr action in-1 --item 1").await;
    assert!(again.contains("is yours already"), "{again}");
    let refused = rig.say("U0ALICE", "dr action in-1 --item 2 --to <@U0DAVE>").await;
    assert!(refused.contains("hold no role in bbws"), "{refused}");
    rig.say("U0ALICE", "dr action in-1 --item 2 --to <@U0CAROL|carol>").await;

    rig.clock.advance(6 * DAY);
    rig.process.desk.convene().await.unwrap();
    rig.settle(Duration::from_secs(5)).await;
    assert_eq!(questions(&rig, &id), [], "not before a week is over");
    rig.clock.advance(DAY);
    let other = rig.another(Killer::never());
    for desk in [&rig.process.desk, &other.desk, &rig.process.desk] {
        desk.convene().await.unwrap();
    }
    rig.settle(Duration::from_secs(5)).await;
    let asked = questions(&rig, &id);
    assert_eq!(asked.len(), 1, "once a week, whichever process asks: {asked:#?}");
    assert!(asked[0].0.contains("1. Duties: nobody was commander: <@U0ALICE>"), "{asked:#?}");
    assert!(asked[0].0.contains("2. Duties: nobody was communication: <@U0CAROL>"), "{asked:#?}");
    assert_eq!(asked[0].1, ["dr action in-1 --item 1 --done", "dr action in-1 --item 2 --done"]);
    for command in &asked[0].1 {
        assert!(language::parse(command, &["prod"]).is_ok(), "{command}");
    }

    rig.say("U0ALICE", &asked[0].1[0]).await;
    let again = rig.say("U0BOB", &asked[0].1[0]).await;
    assert!(again.contains("Item 1 of in-1 is done, <@U0ALICE> said so"), "{again}");
    rig.clock.advance(7 * DAY);
    rig.process.desk.convene().await.unwrap();
    rig.settle(Duration::from_secs(5)).await;
    let asked = questions(&rig, &id);
    assert_eq!((asked.len(), asked[1].0.contains("nobody was commander")), (2, false), "{asked:#?}");
    rig.say("U0CAROL", "dr action in-1 --item 2 --done").await;
    assert!(rig.ledger.marks("prod", Some(MarkKind::Item)).await.unwrap().is_empty());
    rig.clock.advance(30 * DAY);
    rig.process.desk.convene().await.unwrap();
    rig.settle(Duration::from_secs(5)).await;
    assert_eq!(questions(&rig, &id).len(), 2, "nobody is asked after what is done");
    assert_eq!(rig.say("U0DAVE", "dr actions prod").await, "No incident left anything that is not done.");
}

#[tokio::test]
async fn the_commander_decides_and_the_reason_is_on_the_card_the_timeline_and_in_the_review() {
    let mut rig = Rig::demo_sqlite().await;
    let id = declared(&mut rig, "af-south-1 is dark").await;
    let decide = format!("dr decide {id} --choice proceed");
    let refused = rig.command("U0BOB", &decide).await.expect("an answer");
    assert!(refused.text.contains("Nobody leads in-1 yet"), "{}", refused.text);
    assert_eq!(refused.attachment.offers[0].command, "dr duty in-1 commander");
    rig.say("U0BOB", &refused.attachment.offers[0].command).await;
    let refused = rig.say("U0ALICE", &decide).await;
    assert!(refused.contains("<@U0BOB> is commander of in-1 and decides"), "{refused}");

    let unsaid = rig.say("U0BOB", &decide).await;
    assert!(unsaid.contains("`/bbws dr decide in-1 --choice proceed --reason \"why\"`"), "{unsaid}");
    rig.typed("U0BOB", &decide).await;
    let form = rig.chat.forms().pop().expect("Slack was asked to show a form");
    assert!(matches!(form, Form::Reason(form) if form.command == decide));
    assert!(rig.run(&id).await.op.incident.is_some_and(|incident| incident.rulings.is_empty()));

    let said = rig.say("U0BOB", &format!("{decide} --reason \"no <sign> of life for 20 min\"")).await;
    assert!(said.contains("*Fail over now* is kept with its reason") && said.contains("starts nothing"), "{said}");
    let again = rig.say("U0BOB", &format!("{decide} --reason \"no <sign> of life for 20 min\"")).await;
    assert!(again.contains("is decided already"), "{again}");
    assert_eq!(rig.mutations(), 0);
    let clock = bbws::domain::incident::clock(&rig.run(&id).await, rig.clock.now()).join("\n");
    assert!(clock.contains("*Fail over now*, because no &lt;sign&gt; of life for 20 min."), "{clock}");

    rig.click("U0BOB", "continue", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    rig.settle(Duration::from_secs(30)).await;
    let (file, _) = rig.chat.files_with_places().pop().expect("the review is shared");
    for told in [
        "<h2>Decisions</h2>",
        "<td>U0BOB</td><td>Fail over now</td><td>no &lt;sign&gt; of life for 20 min</td>",
        "Decided: Fail over now. Why: no &lt;sign&gt; of life for 20 min",
        "@media print",
    ] {
        assert!(file.text.contains(told), "{told} is missing from {}", file.text);
    }
    let late = rig.say("U0BOB", &format!("{decide} --reason late")).await;
    assert!(late.contains("nothing left to decide"), "{late}");
    let none = rig.asked("dr test prod tabletop").await;
    let said = rig.say("U0BOB", &format!("dr decide {none} --choice look --reason why")).await;
    assert!(said.contains("say which inject: `--inject 1`"), "{said}");
}

#[tokio::test]
async fn an_incident_says_until_when_a_failover_keeps_the_promise_by_what_own_failovers_took() {
    let mut rig = Rig::demo_sqlite().await;
    rig.runs(&Active::primary()).await;
    let planned = rig.asked("dr failover prod --execute --ticket INC-7 --reason \"a planned move\"").await;
    rig.say("U0ALICE", &format!("op cancel {planned}")).await;
    let (like, now) = (rig.run(&planned).await, rig.clock.now());
    for number in 1..=9 {
        let mut change = Change::on(&like, now);
        let op = change.op();
        (op.id, op.state) = (OpId(format!("dr-90{number}")), State::Succeeded);
        (op.started, op.ended) = (Some(now - 40 * DAY), Some(now - 40 * DAY + Duration::from_secs(60 * (38 + number))));
        rig.ledger.commit(change.commit(Guard::New).1).await.unwrap();
    }
    let id = declared(&mut rig, "af-south-1 is dark").await;
    let first_sign = rig.clock.now() - Duration::from_secs(60);
    rig.process.desk.convene().await.unwrap();
    let run = rig.run(&id).await;
    assert_eq!(run.op.incident.as_ref().and_then(|it| it.measured), Some(Measured { takes: 47 * 60, runs: 9 }));
    let clock = |at| bbws::domain::incident::clock(&run, at).join("\n");
    let at_once = clock(rig.clock.now());
    let by = "nine of ten of 9 measured failovers took at most 47 min.";
    assert!(
        at_once.contains("Past *06:13 UTC* a failover cannot keep the 4 h any more") && at_once.ends_with(by),
        "{at_once}"
    );
    let late = clock(first_sign + Duration::from_secs(3 * 3600 + 14 * 60));
    assert!(late.contains("Since 06:13 UTC no failover keeps the 4 h any more"), "{late}");
}

#[tokio::test]
async fn people_are_asked_once_a_week_whether_they_can_approve_and_it_is_seen_before_nobody_can() {
    let mut rig = Rig::demo_sqlite().await;
    let questions = |rig: &Rig| {
        let asked = |posted: &crate::support::chat::Posted| matches!(&posted.message.content, Content::Line { text, .. } if text.contains("Could you approve a failover"));
        rig.chat.cards().into_iter().filter(asked).collect::<Vec<_>>()
    };
    rig.process.desk.convene().await.unwrap();
    assert!(!rig.say("U0DAVE", "status prod").await.contains("Approvers"), "nobody was asked so far");
    rig.clock.advance(7 * DAY);
    let other = rig.another(Killer::never());
    for desk in [&rig.process.desk, &other.desk, &rig.process.desk] {
        desk.convene().await.unwrap();
    }
    rig.settle(Duration::from_secs(5)).await;
    let asked = questions(&rig);
    assert_eq!((asked.len(), asked[0].channel.as_str()), (1, "C0OPS"), "once, whichever process asks");
    let Content::Line { text, attachment, .. } = &asked[0].message.content else { unreachable!() };
    assert!(text.contains("<@U0BOB>") && text.contains("<@U0CAROL>"), "{text}");
    let taps: Vec<&str> = attachment.offers.iter().map(|offer| offer.command.as_str()).collect();
    assert_eq!(taps, ["dr approver always", "dr approver days", "dr approver never"]);

    let red = "Approvers of a failover: now *nobody*; tonight *nobody*; on Sunday *nobody*. \u{1f534} *Nobody could approve one now and tonight and on Sunday*";
    let said = rig.say("U0DAVE", "status prod").await;
    assert!(said.contains(red), "{said}");
    assert!(rig.say("U0DAVE", taps[0]).await.contains("You hold no role"));
    // A dba has to agree to a failover of prod; it is a Saturday, at three in the night.
    rig.say("U0ALICE", taps[0]).await;
    rig.say("U0BOB", taps[1]).await;
    assert!(rig.say("U0DAVE", "status prod").await.contains("now *nobody*"), "an operator is no dba, and it is night");
    rig.say("U0CAROL", taps[0]).await;
    let said = rig.say("U0DAVE", "status prod").await;
    let only = "<@U0CAROL> (not of what <@U0CAROL> asks)";
    assert!(said.contains(&format!("now {only}; tonight {only}; on Sunday {only}.")), "{said}");
    let said = rig.say("U0DAVE", "dr status prod").await;
    assert!(said.contains(&format!("Approvers of a failover: now {only}")), "{said}");
    assert!(!rig.say("U0DAVE", "status dev").await.contains("Approvers"), "it has nothing to fail over to");
    rig.clock.advance(9 * DAY);
    assert!(
        rig.say("U0DAVE", "status prod").await.contains("*Nobody could approve one now"),
        "what was said holds for a week"
    );
    assert_eq!(rig.mutations(), 0);
}

#[tokio::test]
async fn a_form_asks_for_the_rest_where_only_the_environment_is_said() {
    let mut rig = Rig::demo_sqlite().await;
    for (said, fields) in [
        ("dr declare prod", vec![("ticket", true), ("kind", false), ("reason", true)]),
        ("DR test Prod", vec![("type", true), ("seed", false), ("reason", false)]),
    ] {
        let typed = rig.say("U0ALICE", said).await;
        assert!(!typed.contains("The form"), "whoever has no forms is told what to type: {typed}");
        let answer = rig.typed("U0ALICE", said).await.expect("an answer").text;
        assert_eq!(answer, "The form asks for the rest.");
        let Some(Form::Command(form)) = rig.chat.forms().pop() else { panic!("no form for {said}") };
        assert_eq!(form.open.command, said.to_lowercase());
        let asked: Vec<_> = form.open.fields.iter().map(|field| (field.name, field.required)).collect();
        assert_eq!(asked, fields);
    }
    let whole = rig.typed("U0ALICE", "dr declare prod --ticket INC-1 orders are gone").await.expect("an answer").text;
    assert!(whole.contains("*in-1*"), "{whole}");
    assert_eq!(rig.chat.forms().len(), 2);
}

#[tokio::test]
async fn the_review_stands_in_the_canvas_of_the_room_and_a_refusal_is_said_once() {
    for refusal in [None, Some("missing_scope"), Some("canvas_disabled_user_team")] {
        let mut rig = Rig::demo_sqlite().await;
        let id = declared(&mut rig, "orders of [everybody](https://evil.example) are gone <!channel>").await;
        let room = rig.chat.room("inc-inc-1-prod").expect("a room");
        if let Some(code) = refusal {
            rig.chat.refuse("conversations.canvases.create", &room.id, code);
        }
        rig.click("U0BOB", "continue", &id).await;
        assert_eq!(rig.finish(&id).await, State::Succeeded);
        rig.settle(Duration::from_secs(30)).await;
        let canvas = rig.chat.room("inc-inc-1-prod").expect("a room").canvas;
        let said = rig.chat.said_in(&room.id).iter().filter(|line| line.contains("not in the canvas")).count();
        match refusal {
            None => {
                let canvas = canvas.expect("a canvas");
                assert!(
                    canvas
                        .starts_with("# INC-1 in prod: orders of (everybody)(https://evil.example) are gone @channel"),
                    "{canvas}"
                );
                for part in [
                    "\n## Timeline\n\n- ",
                    " ![](@U0ALICE): Declared: ",
                    "- [ ] 1. Duties: nobody was commander",
                    "`/bbws dr actions prod`",
                ] {
                    assert!(canvas.contains(part), "{part}: {canvas}");
                }
                assert_eq!(said, 0);
            }
            Some(_) => assert_eq!((canvas, said), (None, 1), "the file is there all the same"),
        }
        assert_eq!(rig.chat.files_with_places().len(), 1);
    }
}
