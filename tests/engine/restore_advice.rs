//! What messages about restores advise is done as it stands there, by taking the command out of the message.

use std::time::Duration;

use bbws::{
    config::Config,
    domain::{mark::MarkKind, operation::State, step::Action, ticket::TicketLinks},
    ports::{
        chat::{Content, Offer},
        clock::Clock as _,
        store::Store as _,
    },
};

use crate::support::{chat::Posted, clock::ManualClock, db, rig::Rig};

const LIVE: &str = "bbws-prod-mysql";
const HOME: &str = "af-south-1";
const MINUTE: Duration = Duration::from_secs(60);

/// The commands in a message that begin so, without `/bbws `.
fn commands(said: &str, begins: &str) -> Vec<String> {
    let typed = said.split('`').filter_map(|text| text.strip_prefix("/bbws "));
    typed.filter(|text| text.starts_with(begins)).map(str::to_owned).collect()
}

fn offers(posted: &Posted) -> Vec<Offer> {
    match &posted.message.content {
        Content::Line { attachment, .. } => attachment.offers.clone(),
        Content::Card(_) => Vec::new(),
    }
}

#[tokio::test]
async fn who_reads_of_a_broken_chain_stops_everything_with_its_button() {
    let mut rig = Rig::demo_sqlite().await;
    let now = rig.clock.now();
    rig.cloud.backups_were_off("prod", LIVE, (now - 50 * MINUTE, now - 20 * MINUTE));
    rig.watch_for(10 * MINUTE).await;
    let mut posted: Vec<Posted> = rig.chat.cards();
    posted.retain(|posted| posted.line().is_some_and(|text| text.contains("shall everything in `prod` stop")));
    let [posted] = posted.as_slice() else { panic!("it is told once: {posted:#?}") };
    let stop = offers(posted).into_iter().find(|offer| offer.label == "Stop everything").expect("a button");
    let said = rig.say("U0ALICE", &stop.command).await;
    let [stopped] = &rig.ledger.stops().await.unwrap()[..] else { panic!("{said}") };
    assert!(stopped.reaches("prod") && stopped.reason.contains("chain of automated backups"), "{stopped:?}");
    let refused = rig.say("U0ALICE", "backup create prod rds").await;
    assert!(refused.contains("/bbws resume prod"), "{refused}");
}

#[tokio::test]
async fn what_cannot_be_planned_without_its_region_names_the_command_that_works_without_it() {
    let mut rig = Rig::demo_sqlite().await;
    let made = rig.approved_backup("backup create prod rds").await;
    assert_eq!(rig.finish(&made).await, State::Succeeded);
    rig.cloud.region_down(HOME, true);
    for asked in [
        "backup restore prod full --as-of latest",
        "backup restore prod full --as-of latest --into live --ticket INC-1",
        "backup restore prod full --as-of latest --tenant tenant-1 --keep 6h",
    ] {
        let said = rig.say("U0ALICE", asked).await;
        let works = commands(&said, "backup restore prod full");
        let [works] = works.as_slice() else { panic!("{asked}: {said}") };
        assert!(works.ends_with(" --region dr"), "{works}");
        let id = rig.asked(works).await;
        let plan = rig.run(&id).await.op.plan;
        assert!(plan.steps.iter().all(|step| step.action.region() != Some(HOME)), "{:#?}", plan.steps);
        assert_eq!(rig.finish(&id).await, State::Succeeded, "{works}: {:#?}", rig.run(&id).await.steps);
    }
    // A snapshot has another name there: the list knows it, and its row has the whole command.
    let said =
        rig.say("U0ALICE", &format!("backup restore prod rds --snapshot-id {LIVE}-manual-20261121-{made}")).await;
    let list = commands(&said, "backup restore prod list");
    let [list] = list.as_slice() else { panic!("{said}") };
    let reply = rig.command("U0ALICE", list).await.expect("an answer");
    let rows = reply.attachment.table.expect("a table").offers;
    let copy = rows.into_iter().flatten().map(|offer| offer.command).find(|text| text.contains("--snapshot-id"));
    let copy = copy.expect("a copy of it");
    assert!(copy.contains(" --region dr"), "{copy}");
    let id = rig.asked(&copy).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{copy}: {:#?}", rig.run(&id).await.steps);
}

#[tokio::test]
async fn the_end_of_what_was_live_before_is_proposed_with_what_it_costs_and_the_way_back_that_works() {
    let (clock, mut config) = (ManualClock::new(), Config::demo());
    let links = TicketLinks::parse("https://tickets.example/{ticket}").unwrap();
    config.environments.get_mut("prod").unwrap().tickets = Some(links);
    let mut rig = Rig::new(db::sqlite(clock.clone()).await, clock, config, 7);
    let id = rig.asked("backup restore prod pitr --target-time latest --into live --ticket INC-1").await;
    rig.say("U0BOB", &format!("op approve {id} --confirm {LIVE}")).await;
    for _ in 0..2 {
        for _ in 0..200 {
            rig.settle(MINUTE).await;
            if rig.state(&id).await == State::Waiting {
                break;
            }
        }
        rig.click("U0BOB", "continue", &id).await;
    }
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await.steps);
    // Whoever audits it finds the ticket.
    rig.settle(MINUTE).await;
    let files = rig.chat.files_of(&id);
    assert!(files[0].text.contains("<a href=\"https://tickets.example/INC-1\">INC-1</a>"), "{}", files[0].text);
    assert!(files[1].text.contains("\"ticket_address\": \"https://tickets.example/INC-1\""), "{}", files[1].text);
    let before = format!("{LIVE}-before-{id}");
    // Until then everybody sees whose it is, for how long, and what it costs: in the status and at the end of the list.
    let status = rig.say("U0ALICE", "status prod").await;
    let left = format!("`{before}` of {id}, asked for by <@U0ALICE>: promised for another ");
    assert!(status.contains(&left), "{status}");
    let line = status.lines().find(|line| line.contains(&before)).unwrap();
    assert!(line.contains("costs a day what db.") && line.contains("the config names no price"), "{line}");
    let list = rig.command("U0ALICE", "backup restore prod list rds").await.expect("an answer");
    let rows = list.attachment.table.expect("a table").rows;
    let row = rows.iter().find(|row| row[0] == before).unwrap_or_else(|| panic!("{rows:#?}"));
    assert!(row[2].starts_with("promised for another") && row[3].starts_with("costs a day what db."), "{row:?}");
    assert_eq!(row[5], format!("{id}, asked for by U0ALICE"));

    rig.clock.advance(Duration::from_secs(8 * 86_400));
    rig.process.desk.tidy().await.unwrap();
    rig.settle(MINUTE).await;
    let told: Vec<String> = rig.chat.cards().iter().filter_map(|posted| posted.line().map(str::to_owned)).collect();
    let proposed: Vec<&String> =
        told.iter().filter(|text| text.contains(&format!("`{before}` in {HOME} was live"))).collect();
    let [proposed] = proposed.as_slice() else { panic!("{told:#?}") };
    assert!(proposed.contains("It costs a day what db.") && proposed.contains("when two of you agree"), "{proposed}");
    assert!(rig.ledger.marks("prod", Some(MarkKind::Before)).await.unwrap().is_empty(), "it is proposed once");
    let back = commands(proposed, "op rollback");
    let [back] = back.as_slice() else { panic!("{proposed}") };
    let said = rig.say("U0BOB", &format!("{back} --reason \"orders are missing\"")).await;
    assert_eq!(rig.finish(&id).await, State::RolledBack, "{said}: {:#?}", rig.run(&id).await.steps);
    let run = rig.run(&id).await;
    let renamed = run.op.plan.steps.iter().zip(&run.steps).filter(|(spec, _)| spec.back);
    assert!(renamed.into_iter().any(|(spec, _)| matches!(spec.action, Action::Rename(_))), "the old one is live again");
}
