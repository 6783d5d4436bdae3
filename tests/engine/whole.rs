//! What restores come to as a whole: everything as of a moment, a dump in the place of a database, what is left of it all and
//! whose it is, and what two bad copies in a day mean.

use std::time::Duration;

use bbws::{
    adapters::sandbox::aws::incidents::Side,
    domain::{
        mark::MarkKind,
        moment::Moment,
        operation::State,
        step::{Action, StepState},
    },
    ports::{clock::Clock, store::Store},
};
use serde_json::Value;

use crate::support::rig::Rig;

const LIVE: &str = "bbws-prod-mysql";

/// Takes every kind of backup, an hour before now.
async fn backed_up(rig: &mut Rig) {
    let id = rig.approved_backup("backup create prod full").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    rig.settle(Duration::from_secs(3600)).await;
}

/// Runs until people are asked.
async fn waiting(rig: &mut Rig, id: &str) {
    for _ in 0..480 {
        if rig.state(id).await == State::Waiting {
            return;
        }
        rig.settle(Duration::from_secs(30)).await;
    }
    panic!("nobody is asked: {:#?}", rig.run(id).await);
}

/// What the facts of a plan say about something.
async fn fact(rig: &Rig, id: &str, subject: &str) -> String {
    let facts = rig.run(id).await.op.plan.facts;
    let found = facts.iter().find(|fact| fact.subject == subject);
    found.unwrap_or_else(|| panic!("{subject} among {facts:#?}")).found.clone()
}

/// When the steps of a kind began and ended.
async fn spans(rig: &Rig, id: &str, kind: &str) -> Vec<(Moment, Moment)> {
    let run = rig.run(id).await;
    let steps = run.op.plan.steps.iter().zip(&run.steps).filter(|(spec, _)| spec.action.kind() == kind);
    steps.map(|(_, step)| (step.started.unwrap(), step.ended.unwrap())).collect()
}

#[tokio::test]
async fn everything_is_restored_as_of_a_moment_one_thing_after_the_other() {
    let mut rig = Rig::demo_sqlite().await;
    backed_up(&mut rig).await;
    let at = rig.clock.now() - Duration::from_secs(600);
    let id = rig.asked(&format!("backup restore prod full --as-of {} --keep 6h", at.iso())).await;
    let database = fact(&rig, &id, &format!("Database {LIVE} gets")).await;
    assert!(database.starts_with(&format!("exactly as of {}", at.iso())), "{database}");
    let run = rig.run(&id).await;
    let files: Vec<&str> = run
        .op
        .plan
        .facts
        .iter()
        .filter(|f| f.subject.starts_with("File system fs-"))
        .map(|f| f.found.as_str())
        .collect();
    assert!(!files.is_empty() && files.iter().all(|found| found.contains(" before: ")), "{files:?}");
    assert_eq!(run.op.plan.scope, "clone");
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    let (made, copied) = (spans(&rig, &id, "rds.restore_moment").await, spans(&rig, &id, "backup.restore_test").await);
    assert!(made.iter().zip(&copied).all(|(database, files)| database.1 <= files.0), "{made:?} {copied:?}");
    let outcome = rig.run(&id).await.op.outcome.unwrap();
    assert!(outcome.contains("prod as of") && outcome.contains("deleted by itself in 6 h."), "{outcome}");
    // Its report measures against the oldest of what came back.
    rig.settle(Duration::from_secs(5)).await;
    let files = rig.chat.files_of(&id);
    let told: Value = serde_json::from_str(&files[1].text).unwrap();
    let oldest = rig
        .run(&id)
        .await
        .op
        .plan
        .steps
        .iter()
        .filter_map(|spec| match &spec.action {
            Action::VerifyFiles(what) => Some(what.data_of),
            _ => None,
        })
        .min()
        .unwrap();
    assert_eq!(told["recovery"]["data_of"], oldest.iso(), "{}", files[1].text);
    // Whatever it made goes by itself, and until then everybody can see whose it is.
    let said = rig.say("U0ALICE", "status prod").await;
    let left = format!("`{LIVE}-restored-{id}` of {id}, asked for by <@U0ALICE>: deleted by itself in");
    assert!(said.contains(&left) && said.contains("costs a day what db."), "{said}");
    rig.clock.advance(Duration::from_secs(7 * 3600));
    rig.process.desk.tidy().await.unwrap();
    rig.settle(Duration::from_secs(3600)).await;
    assert!(rig.cloud.restored_instances().is_empty(), "{:?}", rig.cloud.restored_instances());
    assert!(rig.ledger.marks("prod", Some(MarkKind::Leftover)).await.unwrap().is_empty());
    let said = rig.say("U0ALICE", "status prod").await;
    assert!(!said.contains("left by restores"), "{said}");
}

#[tokio::test]
async fn what_cannot_be_brought_to_a_moment_is_said_before_anybody_agrees() {
    let mut rig = Rig::demo_sqlite().await;
    backed_up(&mut rig).await;
    let id = rig.asked("backup restore prod full --as-of latest").await;
    let database = fact(&rig, &id, &format!("Database {LIVE} gets")).await;
    assert!(database.starts_with("its latest restorable moment when its restore begins"), "{database}");
    let notes = rig.run(&id).await.op.plan.notes.join("\n");
    assert!(notes.contains("the latest of a bucket is what is in it"), "{notes}");
    rig.click("U0ALICE", "cancel", &id).await;
    for (rest, why) in [
        ("--as-of 2001-01-01T00:00:00Z".to_owned(), "Nothing of `prod` can be restored as of 2001-01-01T00:00:00Z"),
        ("--as-of 2126-01-01T00:00:00Z".to_owned(), "is in the future"),
        (
            format!("--as-of {} --into live --ticket INC-1", rig.clock.now().iso()),
            "goes into live only while an incident is open there",
        ),
        (format!("--as-of {}", rig.clock.now().iso()), "The nearest that works is"),
    ] {
        let said = rig.say("U0ALICE", &format!("backup restore prod full {rest}")).await;
        assert!(said.contains(why), "{rest}: {said}");
    }
    let said = rig.say("U0ALICE", "backup restore prod s3 --bucket bbws-prod-media --as-of latest").await;
    assert!(said.contains("The latest of a bucket is what is in it"), "{said}");
}

#[tokio::test]
async fn a_dump_takes_the_place_of_a_database_like_anything_else_and_goes_back() {
    let mut rig = Rig::demo_sqlite().await;
    let dump = rig.approved_backup("backup create prod dump").await;
    assert_eq!(rig.finish(&dump).await, State::Succeeded);
    let points = rig.cloud.point_ids("prod", Side::Primary);
    let key = points.into_iter().find(|point| point.contains(&format!("/{dump}/"))).expect("a dump");
    let id = rig.asked(&format!("backup restore prod dump --from {key} --into live --ticket INC-1")).await;
    let notes = rig.run(&id).await.op.plan.notes.join("\n");
    assert!(notes.contains("Other accounts of MySQL and MariaDB are in no dump"), "{notes}");
    rig.settle(Duration::from_secs(2)).await;
    rig.say("U0BOB", &format!("op approve {id} --confirm {LIVE}")).await;
    waiting(&mut rig, &id).await;
    rig.click("U0ALICE", "continue", &id).await;
    rig.settle(Duration::from_secs(5)).await;
    waiting(&mut rig, &id).await;
    rig.click("U0BOB", "continue", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    let before = format!("{LIVE}-before-{id}");
    assert!(rig.cloud.modify_database("prod", &before, |_| ()), "what was live is kept");
    rig.say("U0BOB", &format!("op rollback {id} --reason \"it is too old\"")).await;
    assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
    let kept: Vec<String> =
        rig.ledger.marks("prod", Some(MarkKind::Before)).await.unwrap().into_iter().map(|mark| mark.subject).collect();
    assert_eq!(kept, [format!("{LIVE}-undone-{id}")], "what was live meanwhile is promised instead");
    let thread = rig.chat.thread_of(&id);
    let told: Vec<&str> = thread.iter().filter_map(|posted| posted.line()).collect();
    assert!(told.iter().any(|text| text.contains("of writes, all since the cutover")), "{told:#?}");
}

#[tokio::test]
async fn a_second_refuted_copy_within_a_day_asks_whether_everything_shall_stop() {
    let mut rig = Rig::demo_sqlite().await;
    assert!(rig.cloud.modify_database("prod", LIVE, |database| database.restores_badly = true));
    let mut ids = Vec::new();
    for _ in 0..2 {
        let at = (rig.clock.now() - Duration::from_secs(3600)).iso();
        let id = rig.asked(&format!("backup restore prod pitr --target-time {at}")).await;
        assert_eq!(rig.finish(&id).await, State::Failed, "{:#?}", rig.run(&id).await);
        rig.settle(Duration::from_secs(5)).await;
        ids.push(id);
    }
    let proposed = |id: &str| {
        let thread = rig.chat.thread_of(id);
        thread
            .into_iter()
            .filter(|posted| posted.line().is_some_and(|text| text.contains("is not the only copy")))
            .collect::<Vec<_>>()
    };
    assert!(proposed(&ids[0]).is_empty(), "one may be one bad backup");
    let told = proposed(&ids[1]);
    let [told] = told.as_slice() else { panic!("{told:#?}") };
    assert!(told.line().unwrap().contains(&format!("`{}`", ids[0])), "{told:?}");
    let shown = serde_json::to_string(&format!("{:?}", told.message.content)).unwrap();
    assert!(shown.contains("stop prod "), "{shown}");
    assert!(rig.ledger.stops().await.unwrap().is_empty(), "nothing stops by itself");
}

#[tokio::test]
async fn whoever_looks_at_a_copy_is_told_what_it_loses_and_that_it_runs_full() {
    let mut rig = Rig::demo_sqlite().await;
    let id = rig.asked("backup restore prod pitr --target-time latest --into live --ticket INC-1").await;
    rig.cloud.fill_storage("prod", &format!("{LIVE}-restored-{id}"), 6);
    rig.settle(Duration::from_secs(2)).await;
    rig.say("U0BOB", &format!("op approve {id} --confirm {LIVE}")).await;
    waiting(&mut rig, &id).await;
    let run = rig.run(&id).await;
    let began =
        run.op.plan.steps.iter().zip(&run.steps).find(|(spec, _)| spec.action.kind() == "rds.restore_like").unwrap().1;
    let measured = Moment::read(&began.outputs["data_of"]).expect("it was measured when it was restored");
    assert!(measured < began.started.unwrap(), "the latest restorable moment lies before the restore");
    rig.settle(Duration::from_secs(5)).await;
    let thread = rig.chat.thread_of(&id);
    let told: Vec<&str> = thread.iter().filter_map(|posted| posted.line()).collect();
    let asked = told.iter().rfind(|text| text.contains("It waits for anyone in a role")).expect("somebody is asked");
    assert!(asked.contains("*Held by itself*: only 6 %"), "{asked}");
    assert!(asked.contains(&format!("since {}", measured.iso())), "{asked}");
    assert!(asked.contains("And only 6 % of the"), "{asked}");
    let validated =
        run.op.plan.steps.iter().zip(&run.steps).find(|(spec, _)| matches!(spec.action, Action::VerifyDatabase(_)));
    assert_eq!(validated.unwrap().1.state, StepState::Done, "a person decides");
}

#[tokio::test]
async fn a_moment_at_which_backups_were_off_is_refused_with_the_nearest_that_work() {
    let mut rig = Rig::demo_sqlite().await;
    backed_up(&mut rig).await;
    let ago = |minutes: u64| Moment((rig.clock.now() - Duration::from_secs(60 * minutes)).seconds() * 1000);
    let (from, at, until) = (ago(50), ago(30), ago(20));
    rig.cloud.backups_were_off("prod", LIVE, (from, until));
    let said = rig.say("U0ALICE", &format!("backup restore prod pitr --target-time {at}")).await;
    let why = format!("{LIVE} cannot be restored to {at}, because its automated backups were switched off at {from}");
    assert!(said.contains(&why), "{said}");
    let advised: Vec<String> =
        said.split('`').filter(|text| text.starts_with("--target-time ")).map(str::to_owned).collect();
    assert_eq!(advised.len(), 2, "{said}");
    for advice in advised {
        let id = rig.asked(&format!("backup restore prod pitr {advice}")).await;
        rig.click("U0ALICE", "cancel", &id).await;
    }
    // Everything as of then is restored from what was made before.
    let id = rig.asked(&format!("backup restore prod full --as-of {at}")).await;
    let database = fact(&rig, &id, &format!("Database {LIVE} gets")).await;
    assert!(database.contains(" before: ") && database.contains("-manual-"), "{database}");
}

#[tokio::test]
async fn a_copy_that_runs_full_while_people_look_is_not_put_into_live_before_somebody_says_so() {
    let mut rig = Rig::demo_sqlite().await;
    let id = rig.asked("backup restore prod pitr --target-time latest --into live --ticket INC-1").await;
    rig.settle(Duration::from_secs(2)).await;
    rig.say("U0BOB", &format!("op approve {id} --confirm {LIVE}")).await;
    waiting(&mut rig, &id).await;
    let held = |run: &bbws::domain::operation::Run| {
        let (step, _) = run.asks().expect("people are asked");
        run.steps[step].answers.held.as_ref().map(|held| held.by.clone())
    };
    assert_eq!(held(&rig.run(&id).await), None);
    rig.cloud.fill_storage("prod", &format!("{LIVE}-restored-{id}"), 6);
    rig.click("U0ALICE", "continue", &id).await;
    rig.settle(Duration::from_secs(5)).await;
    waiting(&mut rig, &id).await;
    assert_eq!(held(&rig.run(&id).await).as_deref(), Some("bbws"));
    rig.click("U0BOB", "continue", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
}

#[tokio::test]
async fn what_takes_far_longer_than_usual_before_the_cutover_stops_and_asks_once() {
    let mut rig = Rig::demo_sqlite().await;
    let checked = |run: &bbws::domain::operation::Run| {
        let checks = bbws::domain::operations::of("backup.restore").preflight(run);
        checks.into_iter().find(|check| check.what == "Time until the cutover").expect("a line").words
    };
    let command = "backup restore prod pitr --target-time latest --into live --ticket INC-1";
    let first = rig.asked(command).await;
    assert!(checked(&rig.run(&first).await).starts_with("never measured"));
    rig.settle(Duration::from_secs(2)).await;
    rig.say("U0BOB", &format!("op approve {first} --confirm {LIVE}")).await;
    waiting(&mut rig, &first).await;
    rig.click("U0ALICE", "continue", &first).await;
    rig.settle(Duration::from_secs(5)).await;
    waiting(&mut rig, &first).await;
    rig.click("U0BOB", "continue", &first).await;
    assert_eq!(rig.finish(&first).await, State::Succeeded);
    // The same again, and AWS takes four hours.
    let id = rig.asked(command).await;
    let words = checked(&rig.run(&id).await);
    assert!(words.contains("150 % of the usual, it stops and asks"), "{words}");
    rig.settle(Duration::from_secs(2)).await;
    rig.say("U0BOB", &format!("op approve {id} --confirm {LIVE}")).await;
    rig.settle(Duration::from_secs(30)).await;
    rig.clock.advance(Duration::from_secs(4 * 3600));
    rig.settle(Duration::from_secs(60)).await;
    assert_eq!(rig.state(&id).await, State::Paused, "{:#?}", rig.run(&id).await);
    let before = rig.mutations();
    rig.settle(Duration::from_secs(3600)).await;
    assert_eq!(rig.mutations(), before, "nothing begins before somebody says so");
    let thread = rig.chat.thread_of(&id);
    let told: Vec<&str> = thread.iter().filter_map(|posted| posted.line()).collect();
    assert!(
        told.iter().any(|text| text.contains("<@U0ALICE>")
            && text.contains("*Paused by itself*: what comes before the cutover has taken 4 h")),
        "{told:#?}"
    );
    rig.click("U0BOB", "resume", &id).await;
    waiting(&mut rig, &id).await;
    rig.click("U0ALICE", "continue", &id).await;
    rig.settle(Duration::from_secs(5)).await;
    waiting(&mut rig, &id).await;
    rig.click("U0BOB", "continue", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "it is asked once: {:#?}", rig.run(&id).await);
}

/// Who had to agree was decided by how large it was.
#[tokio::test]
async fn what_grew_beyond_what_was_agreed_to_is_not_replaced() {
    let mut rig = Rig::demo_sqlite().await;
    let id = rig.asked("backup restore prod pitr --target-time latest --into live --ticket INC-1").await;
    assert_eq!(rig.run(&id).await.op.plan.scope, "single");
    rig.settle(Duration::from_secs(2)).await;
    rig.say("U0BOB", &format!("op approve {id} --confirm {LIVE}")).await;
    waiting(&mut rig, &id).await;
    rig.click("U0ALICE", "continue", &id).await;
    rig.settle(Duration::from_secs(5)).await;
    waiting(&mut rig, &id).await;
    assert!(rig.cloud.modify_database("prod", LIVE, |database| database.size_gib = 600));
    rig.click("U0BOB", "continue", &id).await;
    assert_eq!(rig.finish(&id).await, State::Failed, "{:#?}", rig.run(&id).await.steps);
    let run = rig.run(&id).await;
    let (_, measured) =
        run.op.plan.steps.iter().zip(&run.steps).find(|(spec, _)| spec.action.kind() == "verify.reach").unwrap();
    let why = measured.error.as_deref().unwrap_or_default();
    assert!(why.contains("has grown to 600 GiB") && why.contains("`single`, up to 500 GiB"), "{why}");
    assert!(rig.cloud.restored_instances().keys().all(|name| name != LIVE), "nothing was exchanged");
    let renamed = run.op.plan.steps.iter().zip(&run.steps).filter(|(spec, _)| spec.action.kind() == "rds.rename");
    assert!(renamed.into_iter().all(|(_, step)| !step.begun()), "{:#?}", run.steps);
}

#[tokio::test]
async fn what_rds_says_in_words_that_nobody_knows_is_told_and_refuses_nothing() {
    let mut rig = Rig::demo_sqlite().await;
    let now = rig.clock.now();
    let at = |minutes: u64| Moment((now - Duration::from_secs(60 * minutes)).seconds() * 1000);
    let (happened, meant, done) = (at(50), at(40), at(20));
    rig.cloud.rds_tells("prod", LIVE, happened, ("maintenance", "The engine of the DB instance is being upgraded"));
    rig.cloud.rds_tells("prod", LIVE, done, ("backup", "Finished DB Instance backup"));
    let id = rig.asked(&format!("backup restore prod pitr --target-time {meant}")).await;
    let notes = rig.run(&id).await.op.plan.notes.join("\n");
    assert!(notes.contains("cannot be told") && notes.contains("is being upgraded"), "{notes}");
    rig.click("U0ALICE", "cancel", &id).await;
    let id = rig.asked(&format!("backup restore prod pitr --target-time {}", at(10))).await;
    let notes = rig.run(&id).await.op.plan.notes.join("\n");
    assert!(!notes.contains("cannot be told"), "a later backup is the beginning of a whole chain: {notes}");
}

#[tokio::test]
async fn a_breach_and_a_compliance_freeze_ask_whether_everything_shall_stop() {
    for (what, reason) in
        [("--kind breach customers were copied", "breach"), ("a compliance freeze", "compliance freeze")]
    {
        let mut rig = Rig::demo_sqlite().await;
        rig.asked(&format!("dr declare prod --ticket INC-7 {what}")).await;
        rig.settle(Duration::from_secs(60)).await;
        let cards = rig.chat.cards();
        let asked: Vec<_> = cards
            .iter()
            .filter(|posted| posted.line().is_some_and(|text| text.contains("Shall everything stop")))
            .collect();
        let [asked] = asked.as_slice() else { panic!("{what}: {cards:#?}") };
        let shown = format!("{:?}", asked.message.content);
        assert!(
            shown.contains(&format!("stop prod \\\"{reason}, INC-7\\\"")) && shown.contains("two people lift it"),
            "{shown}"
        );
        assert!(rig.ledger.stops().await.unwrap().is_empty(), "nothing stops by itself");
    }
}
