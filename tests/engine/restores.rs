//! Restores into live: what is asked of people, what a reader gets meanwhile, and the way back.

use std::{collections::BTreeMap, time::Duration};

use bbws::{
    adapters::sandbox::aws::{Fault, Target, world::rds::Instance},
    app::inbound::Inbound,
    config::Config,
    domain::{
        mark::MarkKind,
        operation::State,
        operations,
        preflight::Stands,
        recovery,
        step::{Action, StepState},
    },
    ports::{chat::Form, clock::Clock, store::Store},
};

use crate::support::{
    clock::ManualClock,
    db,
    kill::Killer,
    rig::{Rig, id_in},
};

const LIVE: &str = "bbws-prod-mysql";

/// Asks for a restore of the last hour into live as Alice, and approves it as Bob, who types what it replaces.
async fn begun(rig: &mut Rig) -> String {
    let at = (rig.clock.now() - Duration::from_secs(3600)).iso();
    let id = rig.asked(&format!("backup restore prod pitr --target-time {at} --into live --ticket INC-1")).await;
    rig.settle(Duration::from_secs(2)).await;
    rig.say("U0BOB", &format!("op approve {id} --confirm {LIVE}")).await;
    id
}

/// Runs until people are asked.
async fn waiting(rig: &mut Rig, id: &str) {
    for _ in 0..240 {
        if rig.state(id).await == State::Waiting {
            return;
        }
        rig.settle(Duration::from_secs(30)).await;
    }
    panic!("nobody is asked: {:#?}", rig.run(id).await);
}

/// Runs until the cutover is asked for.
async fn asked(rig: &mut Rig) -> String {
    let id = begun(rig).await;
    waiting(rig, &id).await;
    rig.click("U0ALICE", "continue", &id).await;
    rig.settle(Duration::from_secs(5)).await;
    waiting(rig, &id).await;
    id
}

/// Runs until the cutover is agreed to.
async fn agreed(rig: &mut Rig) -> String {
    let id = asked(rig).await;
    rig.click("U0BOB", "continue", &id).await;
    id
}

/// Ids that RDS knows instances by, with their names.
fn names(rig: &Rig) -> Vec<(String, String)> {
    rig.cloud.look(|world, now| {
        let places = world.places();
        let all = places.flat_map(|(_, _, place)| place.rds.instances.iter().map(|(id, i)| (id.clone(), i.clone())));
        // Its replica in the other region has nothing to do with it.
        let of_it = |id: &str| id.starts_with(LIVE) && !id.ends_with("-replica");
        let shown = all.filter(|(id, i)| of_it(id) && !i.is_gone(now));
        shown.map(|(id, i)| (i.resource(world.seed, &id), id)).collect()
    })
}

/// The id of what is called so.
fn called(rig: &Rig, name: &str) -> Option<String> {
    names(rig).into_iter().find(|(_, id)| id == name).map(|(resource, _)| resource)
}

/// How the lines of the checklist stand.
async fn checklist(rig: &Rig, id: &str) -> BTreeMap<&'static str, (Stands, String)> {
    let run = rig.run(id).await;
    let checks = operations::of(run.op.kind()).preflight(&run);
    checks.into_iter().map(|check| (check.what, (check.stands, check.words))).collect()
}

/// The messages that say so.
fn posted(rig: &Rig, what: &str) -> Vec<String> {
    let all = rig.chat.cards().into_iter().filter_map(|posted| posted.line().map(str::to_owned));
    all.filter(|text| text.contains(what)).collect()
}

/// The report of a restore into live that has succeeded: what it measured, and that the ledger names its files.
async fn accounted(rig: &mut Rig, id: &str) {
    rig.settle(Duration::from_secs(5)).await;
    let files = rig.chat.files_of(id);
    let [page, json] = files.as_slice() else { panic!("a page and JSON: {files:#?}") };
    let told: serde_json::Value = serde_json::from_str(&json.text).unwrap();
    let stages = told["recovery"]["stages"].as_array().unwrap();
    let names: Vec<&str> = stages.iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
    let whole = ["decided", "approved", "begun", "restored", "validated", "looked at", "agreed to", "live", "proved"];
    assert_eq!(names, whole);
    let (rto, run) = (&told["recovery"]["rto"], rig.run(id).await);
    let proved = run.steps.iter().filter_map(|step| step.ended).max().unwrap();
    assert_eq!(rto["seconds"], proved.since(run.op.created).as_secs(), "to the last proof");
    assert_eq!(rto["target_seconds"], rig.config.environments["prod"].rto.0.as_secs());
    assert_eq!(rto["met"], rto["seconds"].as_u64() <= rto["target_seconds"].as_u64());
    assert_eq!((&told["state"], &told["plan"]), (&"succeeded".into(), &run.op.digest.as_str().into()));
    for shown in ["Against the targets", &run.op.digest, "U0BOB", "INC-1", "<th>After the request</th>"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert!(!page.text.contains("<script") && !page.text.contains("src="), "nothing runs and nothing is fetched");
    let audit = rig.ledger.audit(0, 10_000).await.unwrap();
    let report = audit.iter().rfind(|entry| entry.entry.action == "report").expect("an entry");
    assert_eq!(report.entry.detail["files"], recovery::sums(&files), "it names both by what is in them");
}

#[tokio::test]
async fn a_restore_into_live_asks_at_every_gate_and_keeps_what_was_there() {
    let mut rig = Rig::demo_sqlite().await;
    let was = called(&rig, LIVE).expect("it is there");
    let refused = rig.say("U0ALICE", "backup restore prod pitr --target-time latest --into live").await;
    assert!(refused.contains("needs the ticket that asks for it: `--ticket INC-123`"), "{refused}");
    let said = rig.say("U0ALICE", "backup restore prod pitr --target-time latest --into live --ticket INC-1").await;
    let id = id_in(&said);
    rig.settle(Duration::from_secs(2)).await;
    let plan = rig.run(&id).await.op.plan;
    assert_eq!(plan.scope, "single");
    let (steps, all) = (plan.steps.iter().filter(|step| !step.back).count(), plan.steps.len());
    assert!(steps < all && said.contains(&format!(": {steps} steps.")), "of {all} steps, the way back aside: {said}");
    let said = rig.click("U0BOB", "approve", &id).await.expect("an answer").text;
    assert!(said.contains(&format!("op approve {id} --confirm {LIVE}")), "{said}");
    let standing = checklist(&rig, &id).await;
    assert_eq!(standing["Ticket"], (Stands::Ready, "INC-1".to_owned()));
    assert_eq!(standing["Target typed"].0, Stands::Open);
    assert_eq!((standing["Window"].0, standing["What comes back"].0), (Stands::Skipped, Stands::Open));
    assert_eq!(rig.state(&id).await, State::AwaitingApproval, "whoever approves has to type what it replaces");
    // In Slack itself the click brings something to open a form with.
    let said = rig.click_in_slack("U0BOB", "approve", &id).await.expect("an answer");
    assert!(said.text.contains("asks for the name"), "{}", said.text);
    let Some(Form::Confirm(form)) = rig.chat.forms().pop() else { panic!("a form") };
    assert_eq!((form.operation.as_str(), form.names), (id.as_str(), vec![LIVE.to_owned(), "prod".to_owned()]));
    let sent = |name: &str| Inbound::Click {
        action: "bbws.approve".to_owned(),
        value: id.clone(),
        block_id: form.block_id.clone(),
        message_ts: None,
        reason: Some(name.to_owned()),
    };
    let wrong = rig.raw_click("U0BOB", sent("sit")).await.expect("an answer").text;
    assert!(wrong.contains("`sit` is not what"), "{wrong}");
    assert_eq!(rig.state(&id).await, State::AwaitingApproval);
    let own = rig.raw_click("U0ALICE", sent("prod")).await.expect("an answer").text;
    assert!(own.contains("somebody else has to approve"), "{own}");
    rig.raw_click("U0BOB", sent(LIVE)).await;
    waiting(&mut rig, &id).await;
    // While it waits, the environment is backed up and nothing else changes it.
    let before = names(&rig);
    let other = rig.say("U0CAROL", "backup schedule prod update --retention 14").await;
    assert!(other.contains(&id), "{other}");
    let backup = rig.approved_backup("backup create prod config").await;
    assert_eq!(rig.finish(&backup).await, State::Succeeded);
    assert_eq!(names(&rig), before, "nothing is exchanged before a person has looked");
    let asked =
        rig.chat.thread_of(&id).iter().filter_map(|posted| posted.line().map(str::to_owned)).collect::<Vec<_>>();
    let asked = asked.iter().rfind(|text| text.contains("It waits for anyone in a role")).expect("somebody is asked");
    assert!(asked.contains(&format!("It loses what was written to {LIVE} since ")), "{asked}");
    rig.click("U0ALICE", "continue", &id).await;
    rig.settle(Duration::from_secs(5)).await;
    waiting(&mut rig, &id).await;
    let standing = checklist(&rig, &id).await;
    for what in ["Ticket", "Target typed", "What comes back", "Fresh backup", "Way back"] {
        assert_eq!(standing[what].0, Stands::Ready, "{what}: {standing:?}");
    }
    assert_eq!(standing["Agreement to the cutover"].0, Stands::Open);
    let own = rig.click("U0ALICE", "continue", &id).await.expect("an answer").text;
    assert!(own.contains("somebody else has to say"), "{own}");
    rig.click("U0BOB", "continue", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    assert_eq!(called(&rig, &format!("{LIVE}-before-{id}")), Some(was.clone()), "what was live is kept");
    accounted(&mut rig, &id).await;
    let told = rig.cloud.published();
    let status =
        told.iter().filter(|(topic, what)| topic.contains("backup-status") && format!("{what:?}").contains(&id));
    let status: Vec<String> = status.map(|(_, what)| format!("{what:?}")).collect();
    assert_eq!(status.len(), 3, "its start, its cutover and its end: {status:#?}");
    for begin in &status[..2] {
        assert!(begin.contains(&format!("Connections to {LIVE} are refused")), "what is interrupted: {begin}");
    }
    assert_ne!(called(&rig, LIVE), Some(was.clone()));
    assert!(
        rig.ledger.marks("prod", Some(MarkKind::Leftover)).await.unwrap().is_empty(),
        "what is live is no leftover"
    );
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
    rig.clock.advance(Duration::from_secs(48 * 3600));
    rig.process.desk.tidy().await.unwrap();
    rig.settle(Duration::from_secs(3600)).await;
    assert_eq!(names(&rig).len(), 2, "nothing deletes what is live or was live before: {:?}", names(&rig));
    // What was promised for a while is proposed for its end once, and only proposed.
    rig.clock.advance(Duration::from_secs(7 * 86_400));
    for _ in 0..2 {
        rig.process.desk.tidy().await.unwrap();
        rig.settle(Duration::from_secs(60)).await;
    }
    let told = format!("`{LIVE}-before-{id}` in af-south-1 was live before {id} put something else in its place");
    assert_eq!(posted(&rig, &told).len(), 1);
    assert_eq!(names(&rig).len(), 2, "it is still there");
    // Once it is over, rolling back takes those who agree to a cutover.
    let own = rig.say("U0ALICE", &format!("op rollback {id}")).await;
    assert!(own.contains("Your word would not count"), "{own}");
    rig.say("U0BOB", &format!("op rollback {id} --reason \"orders are missing\"")).await;
    assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
    assert_eq!(called(&rig, LIVE), Some(was), "the old world is back");
    assert!(called(&rig, &format!("{LIVE}-undone-{id}")).is_some(), "and the other side is kept");
    rig.settle(Duration::from_secs(5)).await;
    let files = rig.chat.files_of(&id);
    assert_eq!(files.len(), 4, "what became of it is reported as well");
    let told: serde_json::Value = serde_json::from_str(&files[3].text).unwrap();
    assert_eq!((&told["state"], &told["recovery"]["rto"]["met"]), (&"rolled_back".into(), &serde_json::Value::Null));
}

#[tokio::test]
async fn of_two_restores_the_later_one_is_rolled_back_first() {
    let mut rig = Rig::demo_sqlite().await;
    let was = called(&rig, LIVE);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let id = asked(&mut rig).await;
        rig.click("U0BOB", "continue", &id).await;
        assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
        rig.clock.advance(Duration::from_secs(7200));
        ids.push(id);
    }
    let (one, two, live) = (&ids[0], &ids[1], called(&rig, LIVE));
    let refused = rig.say("U0BOB", &format!("op rollback {one} --reason \"worse\"")).await;
    assert!(refused.contains(&format!("Roll that one back first: `/bbws op rollback {two}`")), "{refused}");
    assert_eq!((rig.state(one).await, called(&rig, LIVE)), (State::Succeeded, live), "nothing was done");
    for id in [two, one] {
        rig.say("U0BOB", &format!("op rollback {id} --reason \"worse\"")).await;
        assert_eq!(rig.finish(id).await, State::RolledBack, "{:#?}", rig.run(id).await);
    }
    assert_eq!(called(&rig, LIVE), was, "what was there before both");
}

#[tokio::test]
async fn what_is_ill_after_the_cutover_is_rolled_back_by_itself() {
    let mut rig = Rig::demo_sqlite().await;
    let was = called(&rig, LIVE);
    let id = asked(&mut rig).await;
    let clone = format!("{LIVE}-restored-{id}");
    assert!(rig.cloud.modify_database("prod", &clone, |database| database.data.lacks_rows = true));
    rig.click("U0BOB", "continue", &id).await;
    assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
    assert_eq!(called(&rig, LIVE), was);
    let run = rig.run(&id).await;
    let watched = run.op.plan.steps.iter().position(|spec| matches!(spec.action, Action::WatchHealth(_))).unwrap();
    assert_eq!(run.steps[watched].state, StepState::Failed);
    assert!(rig.cloud.published().iter().any(|(topic, _)| topic.contains("ops-critical")), "it is told as critical");
}

#[tokio::test]
async fn what_nobody_could_sign_in_to_is_not_said_to_be_validated() {
    let clock = ManualClock::new();
    let mut config = Config::demo();
    let prod = config.environments.get_mut("prod").unwrap();
    prod.dumps.clear();
    prod.checks.clear();
    let mut rig = Rig::new(db::sqlite(clock.clone()).await, clock, config, 7);
    let id = asked(&mut rig).await;
    rig.click("U0BOB", "continue", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await.steps);
    let outcome = rig.run(&id).await.op.outcome.unwrap();
    assert!(outcome.contains("only the instance was looked at, since no login is configured"), "{outcome}");
}

#[tokio::test]
async fn a_roll_back_does_not_wait_for_what_only_looks() {
    let mut rig = Rig::demo_sqlite().await;
    let was = called(&rig, LIVE);
    let id = asked(&mut rig).await;
    rig.click("U0BOB", "continue", &id).await;
    let steps = rig.run(&id).await.op.plan.steps;
    let watch = steps.iter().position(|spec| matches!(spec.action, Action::WatchHealth(_))).unwrap();
    for _ in 0..1_000 {
        if rig.run(&id).await.steps[watch].state == StepState::Polling {
            break;
        }
        rig.settle(Duration::from_secs(10)).await;
    }
    assert_eq!(rig.run(&id).await.steps[watch].state, StepState::Polling, "health is watched");
    rig.say("U0BOB", &format!("op rollback {id} --reason \"orders are missing\"")).await;
    assert_eq!(rig.run(&id).await.steps[watch].state, StepState::Skipped, "nobody waits for the end of the watch");
    assert_eq!(rig.finish(&id).await, State::RolledBack);
    assert_eq!(called(&rig, LIVE), was);
}

/// Health says that it answers; the validators say that rows are gone.
#[tokio::test]
async fn more_than_a_thousandth_of_its_rows_gone_after_the_cutover_rolls_it_back() {
    for (gone, ends) in [(2, State::RolledBack), (0, State::Succeeded)] {
        let mut rig = Rig::demo_sqlite().await;
        let was = called(&rig, LIVE);
        let id = asked(&mut rig).await;
        let clone = format!("{LIVE}-restored-{id}");
        let now = rig.clock.now();
        let lose = |database: &mut Instance| database.data.rows -= database.data.rows(now) * gone / 1000;
        assert!(rig.cloud.modify_database("prod", &clone, lose));
        rig.click("U0BOB", "continue", &id).await;
        assert_eq!(rig.finish(&id).await, ends, "{gone} of a thousand: {:#?}", rig.run(&id).await.steps);
        assert_eq!(called(&rig, LIVE) == was, gone > 0);
        let run = rig.run(&id).await;
        let steps = run.op.plan.steps.iter().zip(&run.steps);
        let mut looked =
            steps.filter(|(spec, _)| matches!(spec.action, Action::VerifyDatabase(_))).map(|(_, step)| step);
        let error = looked.next_back().and_then(|step| step.error.clone()).unwrap_or_default();
        assert_eq!(error.contains("more than 0.1 % are gone"), gone > 0, "{error}");
    }
}

/// A rig in which nothing rolls back by itself, with a restore whose copy of live turned out to be ill after its cutover: the rig, the
/// restore, and what was live before.
async fn ill_after_its_cutover() -> (Rig, String, Option<String>) {
    let clock = ManualClock::new();
    let mut config = Config::demo();
    config.environments.get_mut("prod").unwrap().restore.auto_roll_back = false;
    let mut rig = Rig::new(db::sqlite(clock.clone()).await, clock, config, 7);
    let was = called(&rig, LIVE);
    let id = asked(&mut rig).await;
    let clone = format!("{LIVE}-restored-{id}");
    assert!(rig.cloud.modify_database("prod", &clone, |database| database.data.lacks_rows = true));
    rig.click("U0BOB", "continue", &id).await;
    assert_eq!(rig.finish(&id).await, State::Failed, "{:#?}", rig.run(&id).await);
    (rig, id, was)
}

#[tokio::test]
async fn where_nothing_rolls_back_by_itself_it_is_offered() {
    let (mut rig, id, was) = ill_after_its_cutover().await;
    let notes = rig.run(&id).await.op.plan.notes.join("\n");
    assert!(notes.contains("Roll back is offered and nothing is rolled back by itself"), "{notes}");
    assert_ne!(called(&rig, LIVE), was, "what is ill stays until somebody decides");
    let run = rig.run(&id).await;
    assert!(run.undoes().is_some(), "Roll back stands on the card");
    // For as long as health is watched that is anybody's; the platform has lived on it since, and the requester is not a second person.
    rig.clock.advance(Duration::from_secs(3600));
    let own = rig.say("U0ALICE", &format!("op rollback {id} --reason \"it is ill\"")).await;
    assert!(own.contains("Your word would not count"), "{own}");
    assert_eq!(rig.state(&id).await, State::Failed);
    rig.say("U0BOB", &format!("op rollback {id} --reason \"it is ill\"")).await;
    assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
    assert_eq!(called(&rig, LIVE), was);
}

#[tokio::test]
async fn what_has_just_failed_is_rolled_back_by_anybody() {
    let (mut rig, id, was) = ill_after_its_cutover().await;
    rig.say("U0ALICE", &format!("op rollback {id} --reason \"it is ill\"")).await;
    assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
    assert_eq!(called(&rig, LIVE), was);
}

#[tokio::test]
async fn what_failed_after_its_cutover_is_tried_again_in_the_world_that_it_made() {
    for mended in [true, false] {
        let (mut rig, id, was) = ill_after_its_cutover().await;
        let (digest, new) = (rig.run(&id).await.op.digest, called(&rig, LIVE));
        assert_ne!(new, was);
        assert!(rig.cloud.modify_database("prod", LIVE, |database| database.data.lacks_rows = !mended));
        rig.click("U0ALICE", "retry", &id).await;
        let ends = if mended { State::Succeeded } else { State::Failed };
        assert_eq!(rig.finish(&id).await, ends, "{:#?}", rig.run(&id).await.op.outcome);
        let run = rig.run(&id).await;
        assert_eq!((run.op.digest.clone(), called(&rig, LIVE)), (digest, new), "what was agreed to is what is live");
        assert!(run.undoes().is_some(), "Roll back stands on the card");
        rig.say("U0BOB", &format!("op rollback {id} --reason \"it is ill\"")).await;
        assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
        assert_eq!(called(&rig, LIVE), was);
    }
}

#[tokio::test]
async fn a_clone_that_a_named_check_refutes_is_never_cut_over() {
    let mut rig = Rig::demo_sqlite().await;
    let was = called(&rig, LIVE);
    assert!(rig.cloud.modify_database("prod", LIVE, |database| database.restores_badly = true));
    let id = begun(&mut rig).await;
    assert_eq!(rig.finish(&id).await, State::Failed, "{:#?}", rig.run(&id).await);
    assert_eq!(called(&rig, LIVE), was);
    assert_eq!(called(&rig, &format!("{LIVE}-before-{id}")), None, "nothing was exchanged");
}

#[tokio::test]
async fn a_rename_that_fails_never_leaves_the_platform_without_a_database() {
    for skip in [1, 2] {
        let mut rig = Rig::demo_sqlite().await;
        let was = called(&rig, LIVE);
        let id = agreed(&mut rig).await;
        rig.cloud.inject(Fault::Denied, Target::nth(skip).of("ModifyDBInstance").of_kind("rds.rename"));
        assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
        assert_eq!(called(&rig, LIVE), was, "with rename {skip} refused");
        rig.cloud.heal();
    }
}

#[tokio::test]
async fn whenever_it_dies_a_reader_gets_the_old_world_or_the_new_one() {
    let mut rig = Rig::demo_sqlite().await;
    let whole = Killer::never();
    // How many points there are from the agreement to the end.
    let id = agreed(&mut rig).await;
    rig.reboot(whole.clone()).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    let points = whole.passed();
    assert!(points > 20, "{points}");
    for point in (0..points).step_by((points / 12).max(1)) {
        let mut rig = Rig::demo_sqlite().await;
        let was = called(&rig, LIVE).expect("it is there");
        let id = agreed(&mut rig).await;
        let new = called(&rig, &format!("{LIVE}-restored-{id}")).expect("it is restored");
        rig.reboot(Killer::at(point)).await;
        let (mut none, mut worlds) = (Duration::ZERO, vec![was.clone()]);
        for _ in 0..720 {
            rig.settle(Duration::from_secs(5)).await;
            if rig.process.killer.dead() {
                rig.clock.advance(Duration::from_secs(61));
                rig.reboot(Killer::never()).await;
            }
            match called(&rig, LIVE) {
                Some(world) => worlds.push(world),
                None => none += Duration::from_secs(5),
            }
            if rig.state(&id).await.terminal() {
                break;
            }
        }
        assert_eq!(rig.state(&id).await, State::Succeeded, "killed at {point}: {:#?}", rig.run(&id).await);
        worlds.dedup();
        assert_eq!(worlds, [was, new], "killed at {point}: the old world, and then the new one");
        assert!(none <= Duration::from_secs(300), "killed at {point}: {none:?} without a database");
        assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
    }
}
