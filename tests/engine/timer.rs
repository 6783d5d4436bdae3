//! What bbws starts by itself: approved once, started once each time, by one of several processes, whatever dies and whatever
//! the clock does.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bbws::{
    adapters::{
        sandbox::aws::{Fault, Target, judge::Verb},
        store::Ledger,
    },
    app::change::{Change, SELF},
    boot::sandbox,
    config::Config,
    domain::{
        approval::Approved,
        mark::{Mark, MarkKind},
        moment::Moment,
        operation::{OpId, Operation, State, Trigger},
        operations::schedule::own,
        plan::Plan,
        policy::Need,
        routine::{Due, EVERYWHERE, Rhythm, Routine},
    },
    ports::{
        clock::Clock,
        store::{Commit, DueWrite, Filter, Guard, MarkWrite, Store},
    },
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::support::{
    clock::ManualClock,
    db,
    kill::{Killer, long},
    rig::{Rig, id_in},
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// Lets time pass with its timer, for so long.
pub(super) async fn pass(rig: &mut Rig, time: Duration) {
    let end = rig.clock.now() + time;
    while rig.clock.now() < end && !rig.process.killer.dead() {
        let _ = rig.process.timer.turn().await;
        // It looks oftener than that; here nobody else changes anything.
        let (now, dues) = (rig.clock.now(), rig.ledger.dues(None).await.unwrap().all);
        let next = dues.iter().map(|due| due.at).filter(|at| *at > now).min().unwrap_or(end);
        let until = next.min(now + 5 * MINUTE).max(now + MINUTE).min(end);
        rig.settle(until.since(now)).await;
    }
}

/// What was started by itself, oldest first.
pub(super) async fn started(rig: &Rig) -> Vec<Operation> {
    let all = rig.ledger.list(&Filter { limit: 100_000, ..Filter::default() }).await.unwrap();
    all.into_iter().filter(|op| op.by_schedule.is_some()).rev().collect()
}

/// Messages outside of threads since the last time.
pub(super) fn said(rig: &Rig) -> Vec<String> {
    let said = rig.chat.cards().iter().filter_map(|posted| posted.line().map(str::to_owned)).collect();
    rig.chat.clear();
    said
}

/// Asks as Alice, approves as Bob, and waits for the end.
pub(super) async fn scheduled(rig: &mut Rig, text: &str) -> String {
    let id = rig.approved_backup(text).await;
    let end = rig.finish(&id).await;
    assert_eq!(end, State::Succeeded, "{:?}", rig.run(&id).await.op.outcome);
    id
}

#[tokio::test]
async fn a_config_only_wishes_and_what_was_approved_runs_by_itself_and_in_silence() {
    let clock = ManualClock::new();
    let mut config = Config::demo();
    let hourly =
        [("secrets".to_owned(), "cron(0 * * * ? *)".to_owned()), ("config".into(), "cron(10 * * * ? *)".into())];
    config.environments.get_mut("prod").unwrap().schedules.extend(hourly);
    let mut rig = Rig::new(db::sqlite(clock.clone()).await, clock, config, 7);
    pass(&mut rig, 2 * HOUR).await;
    assert!(started(&rig).await.is_empty(), "nothing starts before it was approved");
    let id = rig.asked("backup schedule prod create --type own").await;
    let run = rig.run(&id).await;
    let notes = run.op.plan.notes.join("\n");
    assert!(notes.contains("secrets: bbws starts `/bbws backup create prod secrets` every hour"), "{notes}");
    pass(&mut rig, 10 * MINUTE).await;
    assert!(started(&rig).await.is_empty(), "nothing starts while it waits for approval");
    rig.click("U0BOB", "approve", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    said(&rig);

    pass(&mut rig, 2 * HOUR).await;
    let runs = started(&rig).await;
    let of = |routine: &str| runs.iter().filter(|op| op.by_schedule.as_ref().unwrap().routine == routine).count();
    assert!((1..=3).contains(&of("secrets")) && (1..=3).contains(&of("config")), "{:#?}", of("secrets"));
    for op in &runs {
        let run = rig.run(&op.id.0).await;
        let issues = run.issues();
        assert!(matches!(op.state, State::Succeeded | State::Running), "{}: {:?}", op.id, op.outcome);
        assert_eq!(op.requester.user, "U0ALICE");
        assert_eq!(op.reason.as_deref(), Some(format!("by schedule {id}").as_str()));
        assert_eq!(op.votes.iter().map(|v| v.by.user.as_str()).collect::<Vec<_>>(), ["U0BOB"]);
        if issues.is_empty() {
            assert!(rig.chat.cards_of(&op.id.0).is_empty(), "{} is no news", op.id);
        }
    }
    let secrets = runs.iter().find(|op| op.plan.scope == "secrets").unwrap();
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
    let shown = rig.say("U0DAVE", &format!("op show {}", secrets.id)).await;
    assert!(shown.contains(&format!("by schedule {id}")) && shown.contains("U0BOB"), "{shown}");
    let list = rig.say("U0DAVE", "backup schedule prod list").await;
    assert!(list.contains("the export of secrets: every hour") && list.contains(", next at "), "{list}");

    // A line a day, and nothing else.
    let lines = said(&rig);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("`prod`"), "{lines:#?}");
}

#[tokio::test]
async fn a_night_of_the_demo_says_no_more_than_its_line() {
    let clock = ManualClock::new();
    let mut rig = Rig::new(db::sqlite(clock.clone()).await, clock, Config::demo(), 7);
    let marks = rig.cloud.keep_backing_up().into_iter().map(MarkWrite::Set).collect();
    rig.ledger.commit(Commit { marks, ..Commit::default() }).await.unwrap();
    for environment in rig.config.environments.values() {
        let (id, before) = (rig.ledger.next_id("sc").await.unwrap(), rig.clock.now() - DAY);
        let approved = sandbox::approved_schedule(&rig.config, environment, id, before).unwrap();
        rig.ledger.commit(approved).await.unwrap();
    }
    // From three to seven in the morning, when most of it is due.
    for _ in 0..9 {
        pass(&mut rig, 30 * MINUTE).await;
        rig.watch().await;
    }
    let runs = started(&rig).await;
    let states: Vec<_> = runs.iter().map(|op| (op.id.0.as_str(), op.plan.scope.as_str(), op.state)).collect();
    for scope in ["secrets", "config", "s3", "lifecycle"] {
        let well = |(_, of, state): &&(_, &str, State)| *of == scope && *state == State::Succeeded;
        assert_eq!(states.iter().filter(well).count(), 3, "{scope}: {states:#?}");
    }
    let told: Vec<String> = said(&rig).into_iter().filter(|line| !line.starts_with("Started by schedule")).collect();
    assert!(told.is_empty(), "{told:#?}");
    let cards: Vec<_> =
        runs.iter().filter(|op| !rig.chat.cards_of(&op.id.0).is_empty()).map(|op| &op.outcome).collect();
    assert!(cards.is_empty(), "{cards:#?}");
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
}

#[tokio::test]
async fn what_is_stopped_is_skipped_and_told_once_and_what_is_taken_waits_its_turn() {
    let mut rig = Rig::demo_sqlite().await;
    let id = scheduled(&mut rig, "backup schedule prod create --type secrets").await;
    rig.say("U0BOB", "stop prod the region looks odd").await;
    rig.settle(MINUTE).await;
    said(&rig);
    pass(&mut rig, 4 * HOUR).await;
    assert!(started(&rig).await.is_empty());
    let told: Vec<String> = said(&rig).into_iter().filter(|line| line.contains("is skipped")).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains(&id) && told[0].contains("the region looks odd"), "{told:#?}");
    let lift = id_in(&rig.say("U0ALICE", "resume prod").await);
    rig.click("U0CAROL", "approve", &lift).await;
    assert_eq!(rig.finish(&lift).await, State::Succeeded);
    pass(&mut rig, 70 * MINUTE).await;
    let before = started(&rig).await.len();
    assert!((1..=2).contains(&before), "it goes on by itself: {before}");

    // Somebody asks for a change and leaves it unapproved for as long as one may.
    let holder = rig.asked("backup create prod rds").await;
    let due = rig.ledger.dues(Some("prod")).await.unwrap().all[0].at;
    assert!(due.since(rig.clock.now()) < HOUR);
    rig.click("U0BOB", "approve", &holder).await;
    rig.process.engine.turn().await.unwrap();
    rig.clock.set(due + MINUTE);
    rig.process.timer.turn().await.unwrap();
    assert_eq!(started(&rig).await.len(), before, "the environment is taken");
    let status = rig.say("U0DAVE", "status prod").await;
    assert!(status.contains("1 running · 1 due by schedule"), "{status}");
    assert!(
        status.contains("the export of secrets, due since") && status.contains(&format!("behind `{holder}`")),
        "{status}"
    );
    assert_eq!(rig.finish(&holder).await, State::Succeeded);
    pass(&mut rig, 5 * MINUTE).await;
    assert_eq!(started(&rig).await.len(), before + 1, "it had its turn");
}

#[tokio::test]
async fn what_a_schedule_lets_start_waits_for_its_good_end() {
    let mut rig = Rig::demo_sqlite().await;
    let nothing = async |rig: &mut Rig| {
        let marks = rig.ledger.marks("prod", Some(MarkKind::Routine)).await.unwrap();
        assert!(!marks.is_empty(), "the routines' steps are done");
        rig.process.timer.turn().await.unwrap();
        assert_eq!(rig.ledger.dues(Some("prod")).await.unwrap().all, [], "nothing is due yet");
        let list = rig.say("U0DAVE", "backup schedule prod list").await;
        assert!(!list.contains("Started by bbws itself") && list.contains("Not started by itself"), "{list}");
        assert!(started(rig).await.is_empty());
    };
    // AWS refuses its part of it.
    rig.cloud.inject(Fault::Denied, Target::next_start().of_kind("backup.plan"));
    let failed = rig.approved_backup("backup schedule prod create").await;
    assert_eq!(rig.finish(&failed).await, State::Failed);
    nothing(&mut rig).await;
    // AWS takes long for it.
    rig.cloud.inject(Fault::Throttled, Target::always().on(Verb::Start).of_kind("backup.plan"));
    let made = rig.approved_backup("backup schedule prod create").await;
    rig.settle(MINUTE).await;
    assert_eq!(rig.state(&made).await, State::Running);
    nothing(&mut rig).await;
    rig.cloud.heal();
    assert_eq!(rig.finish(&made).await, State::Succeeded);
    pass(&mut rig, 70 * MINUTE).await;
    let runs = started(&rig).await;
    let by = |op: &Operation| op.mandate().map(|by| by.schedule.0.clone());
    assert!(!runs.is_empty() && runs.iter().all(|op| by(op).as_ref() == Some(&made)), "{runs:#?}");
}

#[tokio::test]
async fn what_waits_its_turn_is_not_forgotten_when_its_schedule_is_approved_anew() {
    let mut rig = Rig::demo_sqlite().await;
    scheduled(&mut rig, "backup schedule prod create --type secrets").await;
    pass(&mut rig, 70 * MINUTE).await;
    let before = started(&rig).await.len();
    let due = rig.ledger.dues(Some("prod")).await.unwrap().all[0].at;
    rig.clock.set(due + MINUTE);
    let anew = scheduled(&mut rig, "backup schedule prod update --type secrets --cron \"cron(0 4 * * ? *)\"").await;
    rig.process.timer.turn().await.unwrap();
    rig.process.timer.turn().await.unwrap();
    let runs = started(&rig).await;
    assert_eq!(runs.len(), before + 1, "{runs:#?}");
    let by = runs.last().unwrap().by_schedule.clone().unwrap();
    assert_eq!((by.schedule.0, by.due), (anew, due));
    let next = rig.ledger.dues(Some("prod")).await.unwrap().all[0].at;
    assert!(next > rig.clock.now(), "and then as approved anew");
}

#[tokio::test]
async fn a_replica_drops_no_time_that_its_config_or_its_last_look_does_not_explain() {
    let mut rig = Rig::demo_sqlite().await;
    scheduled(&mut rig, "backup schedule prod create --type secrets").await;
    rig.process.timer.turn().await.unwrap();
    let dues = rig.ledger.dues(Some("prod")).await.unwrap().all;
    assert_eq!(dues.len(), 1);
    // A replica from before the environment was declared.
    let whole = rig.config.clone();
    rig.config.environments.remove("prod");
    let old = rig.another(Killer::never());
    rig.config = whole;
    old.timer.turn().await.unwrap();
    assert_eq!(rig.ledger.dues(Some("prod")).await.unwrap().all, dues);
    // A replica that stood still from before the mark was set, or since before the time moved on.
    let drop = |was| {
        let write = DueWrite::Drop { environment: "prod".to_owned(), routine: "secrets".to_owned(), was };
        Commit { dues: vec![write], ..Commit::default() }
    };
    rig.ledger.commit(drop(dues[0].at)).await.unwrap();
    assert_eq!(rig.ledger.dues(Some("prod")).await.unwrap().all, dues, "it is in force");
    let (environment, kind, subject) = ("prod".to_owned(), MarkKind::Routine, "secrets".to_owned());
    let marks = vec![MarkWrite::Drop { environment, kind, subject }];
    rig.ledger.commit(Commit { marks, ..Commit::default() }).await.unwrap();
    rig.ledger.commit(drop(dues[0].at + MINUTE)).await.unwrap();
    assert_eq!(rig.ledger.dues(Some("prod")).await.unwrap().all, dues, "it stands elsewhere by now");
    rig.process.timer.turn().await.unwrap();
    assert_eq!(rig.ledger.dues(Some("prod")).await.unwrap().all, [], "and goes when nothing is in force");
}

#[tokio::test]
async fn after_a_downtime_one_run_catches_up() {
    let mut rig = Rig::demo_sqlite().await;
    scheduled(&mut rig, "backup schedule prod create --type secrets").await;
    pass(&mut rig, 70 * MINUTE).await;
    let before = started(&rig).await.len();
    rig.clock.advance(5 * DAY);
    pass(&mut rig, 10 * MINUTE).await;
    let runs = started(&rig).await;
    assert_eq!(runs.len(), before + 1, "one, not a hundred and twenty");
    let due = rig.ledger.dues(Some("prod")).await.unwrap().all[0].at;
    assert!(due > rig.clock.now() && due.since(rig.clock.now()) < 2 * HOUR, "and it is due as ever");
}

#[tokio::test]
async fn what_the_schedule_does_not_cover_takes_a_person_and_is_told_until_it_is_approved_anew() {
    let clock = ManualClock::new();
    let ledger = db::sqlite(clock.clone()).await;
    let mut config = Config::demo();
    config.environments.get_mut("prod").unwrap().schedules =
        BTreeMap::from([("s3".into(), "cron(0 * * * ? *)".into())]);
    let mut rig = Rig::new(ledger.clone(), clock.clone(), config.clone(), 7);
    let id = scheduled(&mut rig, "backup schedule prod create --type s3").await;
    pass(&mut rig, 70 * MINUTE).await;
    assert!(started(&rig).await.iter().all(|op| op.mandate().is_some()));

    // One bucket more, which nobody agreed to.
    let env = config.environments.get_mut("prod").unwrap();
    env.buckets.push(bbws::domain::environment::Bucket { name: "bbws-prod-backups".into(), dr: None });
    let known = started(&rig).await.len();
    rig.config = config;
    rig.reboot(Killer::never()).await;
    pass(&mut rig, 3 * HOUR).await;
    let beyond: Vec<Operation> = started(&rig).await.split_off(known);
    assert_eq!(beyond.len(), 1, "people are asked once: {beyond:#?}");
    assert!(beyond[0].mandate().is_none() && beyond[0].votes.is_empty() && !beyond[0].needs.is_empty());
    assert_eq!(beyond[0].state, State::Expired, "and nothing ran without them");
    assert!(!rig.chat.cards_of(&beyond[0].id.0).is_empty(), "on a card");
    said(&rig);
    rig.watch_for(10 * MINUTE).await;
    let told = said(&rig).join("\n");
    assert!(
        told.contains("What was approved for the record of the buckets' versions is not what the config says"),
        "{told}"
    );
    let anew = scheduled(&mut rig, "backup schedule prod update --type own").await;
    assert_ne!(anew, id);
    pass(&mut rig, 70 * MINUTE).await;
    let last = started(&rig).await.pop().unwrap();
    assert_eq!(last.mandate().map(|by| by.schedule.0.clone()), Some(anew));
}

#[tokio::test]
async fn an_approver_who_leaves_ends_nothing() {
    let mut rig = Rig::demo_sqlite().await;
    scheduled(&mut rig, "backup schedule prod create --type secrets").await;
    let gone = bbws::domain::principal::Profile { deleted: true, ..crate::support::chat::person("U0BOB") };
    rig.chat.person(gone);
    pass(&mut rig, 70 * MINUTE).await;
    let runs = started(&rig).await;
    assert!(!runs.is_empty() && runs.iter().all(|op| op.state == State::Succeeded), "{runs:#?}");
}

#[tokio::test]
async fn what_cannot_begin_is_told_once_and_stays_due() {
    let mut rig = Rig::demo_sqlite().await;
    scheduled(&mut rig, "backup schedule prod create --type secrets").await;
    said(&rig);
    rig.cloud.region_down("af-south-1", true);
    pass(&mut rig, 2 * HOUR).await;
    let status = rig.say("U0DAVE", "status prod").await;
    assert!(status.contains("could not begin, and why was told in the channel"), "{status}");
    rig.cloud.region_down("af-south-1", false);
    let told = said(&rig);
    assert!(told.iter().any(|line| line.contains("cannot begin")), "{told:#?}");
    assert_eq!(told.iter().filter(|line| line.contains("cannot begin")).count(), 1, "once: {told:#?}");
    pass(&mut rig, 15 * MINUTE).await;
    assert_eq!(started(&rig).await.len(), 1, "it was still due");
}

#[tokio::test]
async fn only_the_record_of_the_schedule_approves_a_run() {
    let mut rig = Rig::demo_sqlite().await;
    let id = scheduled(&mut rig, "backup schedule prod create --type secrets").await;
    pass(&mut rig, 70 * MINUTE).await;
    let op = started(&rig).await.pop().unwrap();
    let schedule = rig.run(&id).await.op;
    let rebuilt = |op: &Operation, schedule: Option<&Operation>| Approved::<Plan>::rebuild(op, schedule);
    assert_eq!(rebuilt(&op, Some(&schedule)).unwrap().by(), ["U0BOB"]);
    let refused = |op: &Operation, schedule: Option<&Operation>| rebuilt(op, schedule).unwrap_err();
    assert!(refused(&op, None).contains("no record tells of"), "{}", refused(&op, None));
    let edit = |edit: &dyn Fn(&mut Operation)| {
        let mut other = schedule.clone();
        edit(&mut other);
        refused(&op, Some(&other))
    };
    assert!(edit(&|s| s.state = State::Failed).contains("is not in force"));
    assert!(edit(&|s| s.votes.clear()).contains("still needs"));
    assert!(edit(&|s| s.plan.notes.clear()).contains("does not match its digest"));
    assert!(edit(&|s| s.needs = vec![Need { role: "lead".into(), count: 1 }]).contains("still needs 1 lead"));
    let mut wider = op.clone();
    wider.plan.scope = "full".into();
    wider.digest = wider.plan.digest();
    assert!(refused(&wider, Some(&schedule)).contains("its scope is full"), "{}", refused(&wider, Some(&schedule)));
    let mut longer = op.clone();
    longer.plan.retention_days = Some(9_999);
    longer.digest = longer.plan.digest();
    assert!(refused(&longer, Some(&schedule)).contains("9999 days"));
    let mut other = op;
    other.by_schedule.as_mut().unwrap().covered = false;
    assert!(refused(&other, Some(&schedule)).contains("still needs"), "votes on a schedule are none on a plan");
}

#[tokio::test]
async fn how_long_it_takes_to_bring_something_back_is_measured_and_held_against_the_promise() {
    let mut rig = Rig::demo_sqlite().await;
    let ask = "backup restore dev pitr --target-time latest";
    let first = rig.asked(ask).await;
    let promised = |run: &bbws::domain::operation::Run| run.op.recovery.clone().unwrap();
    assert_eq!(promised(&rig.run(&first).await), "RTO 1 d. No restores into a clone were measured yet");
    assert_eq!(rig.finish(&first).await, State::Succeeded);
    for _ in 0..4 {
        let id = rig.asked(ask).await;
        assert_eq!(rig.finish(&id).await, State::Succeeded);
    }
    let sixth = rig.asked(ask).await;
    let said = promised(&rig.run(&sixth).await);
    assert!(said.starts_with("RTO 1 d. Restores into a clone: half took at most "), "{said}");
    assert!(said.ends_with(" (5 runs), within the RTO of 1 d"), "{said}");
    let status = rig.say("U0DAVE", "status dev").await;
    assert!(status.contains("restores into a clone: half took at most "), "{status}");
    let backup = rig.asked("backup create dev secrets").await;
    assert_eq!(rig.run(&backup).await.op.recovery, None);
}

#[tokio::test]
async fn a_point_in_time_and_what_lies_in_the_dr_region_are_restored_by_themselves_and_go_by_themselves() {
    let mut rig = Rig::demo_sqlite().await;
    // As in the demo, so that the DR region has automated backups to restore from.
    rig.cloud.keep_backing_up();
    scheduled(&mut rig, "backup schedule sit create --type pitr-test").await;
    scheduled(&mut rig, "backup schedule sit create --type dr-restore-test").await;
    said(&rig);
    // The second waits for the end of the first; clones go after an hour.
    pass(&mut rig, 4 * HOUR).await;
    for _ in 0..4 {
        let _ = rig.process.desk.tidy().await;
        pass(&mut rig, HOUR).await;
    }
    let runs = started(&rig).await;
    let of = |kind: &str| runs.iter().filter(|op| op.kind() == kind && op.state == State::Succeeded).count();
    assert_eq!(
        (of("backup.restore"), of("backup.cleanup")),
        (2, 2),
        "{:#?}",
        runs.iter().map(|op| (&op.id, op.state, &op.outcome)).collect::<Vec<_>>()
    );
    assert!(rig.ledger.marks("sit", Some(bbws::domain::mark::MarkKind::Leftover)).await.unwrap().is_empty());
    let told: Vec<String> = said(&rig).into_iter().filter(|line| !line.starts_with("Started by schedule")).collect();
    assert!(told.is_empty(), "{told:#?}");
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
}

/// Two replicas for so many simulated days, with deaths in the middle of a turn and a clock that jumps.
async fn years(ledger: Arc<Ledger>, clock: Arc<ManualClock>, days: u32, seed: u64) {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut config = Config::demo();
    for (name, environment) in &mut config.environments {
        let often = if name == "dev" { "7h" } else { "cron(0 0/6 * * ? *)" };
        environment.schedules = BTreeMap::from([
            ("inventory".into(), often.into()),
            ("replication".into(), "cron(30 3 ? * MON,THU *)".into()),
        ]);
    }
    let mut rig = Rig::new(ledger, clock, config, seed);
    for env in ["dev", "sit", "prod"] {
        for routine in ["inventory", "replication"].into_iter().filter(|r| (env, *r) != ("dev", "replication")) {
            scheduled(&mut rig, &format!("backup schedule {env} create --type {routine}")).await;
        }
    }
    let mut replicas = [rig.another(Killer::never()), rig.another(Killer::never())];
    let alive = rig.another(Killer::never());
    // The true time, and by how much the clock is off.
    let (mut time, mut off, mut back) = (rig.clock.now(), 0i64, 0usize);
    let mut seen: BTreeMap<(String, String, Moment), (usize, OpId)> = BTreeMap::new();
    let (mut looked, mut runs) = (0, 0);
    let end = time + DAY * days;
    while time < end {
        time = time + MINUTE * dice.random_range(10..360);
        match dice.random_range(0..20) {
            0 => off += 3_600_000 * dice.random_range(1..72),
            1 => off -= 3_600_000 * dice.random_range(1..48),
            2..=4 => off = 0,
            _ => {}
        }
        let now = Moment(time.0 + off);
        if now < rig.clock.now() {
            back += 1;
        }
        rig.clock.jump(now);
        for replica in &mut replicas {
            if dice.random_range(0..4) == 0 {
                *replica = rig.another(Killer::at(dice.random_range(0..12)));
            } else if replica.killer.dead() {
                *replica = rig.another(Killer::never());
            }
        }
        let _ = tokio::join!(replicas[0].timer.turn(), replicas[1].timer.turn());
        alive.timer.turn().await.unwrap();
        // Whatever is queued ends at once: this is not about what runs do.
        let open = Filter { states: vec![State::Queued], limit: 1_000, ..Filter::default() };
        for op in rig.ledger.list(&open).await.unwrap() {
            let by = op.by_schedule.clone().unwrap_or_else(|| panic!("seed {seed}: {} is nobody's", op.id));
            let due = (op.environment().to_owned(), by.routine, by.due);
            // A time comes again only where the clock was put back.
            let earlier = seen.insert(due.clone(), (back, op.id.clone()));
            assert!(
                earlier.as_ref().is_none_or(|(then, _)| *then < back),
                "seed {seed}: {due:?} twice: {earlier:?}, {}",
                op.id
            );
            runs += 1;
            let run = rig.run(&op.id.0).await;
            let mut change = Change::on(&run, rig.clock.now());
            change.trigger(Trigger::Start, SELF).unwrap();
            change.trigger(Trigger::Succeed, SELF).unwrap();
            rig.ledger
                .commit(Commit { notices: Vec::new(), ..change.commit(Guard::Version(run.version)).1 })
                .await
                .unwrap();
        }
        // One turn more for what waited for the end of its last run.
        alive.timer.turn().await.unwrap();
        let dues = rig.ledger.dues(None).await.unwrap();
        assert_eq!(dues.all.len(), 6, "seed {seed}");
        for due in dues.all.iter().filter(|due| due.environment != EVERYWHERE) {
            let most = Duration::from_millis(due.kept.gap) * 2 + Duration::from_secs(600);
            let ahead = |due: &Due| due.at > now && due.at.since(now) <= most;
            assert!(ahead(due) || is_under_way(&rig, due).await, "seed {seed}: forgotten at {now}: {due:?}");
        }
        looked += 1;
    }
    println!("{days} days, {looked} looks, {runs} runs, the clock put back {back} times, seed {seed}");
    assert!(runs > days as usize * 3, "seed {seed}: {runs} runs");
}

async fn is_under_way(rig: &Rig, due: &Due) -> bool {
    let open = Filter { environment: Some(due.environment.clone()), states: vec![State::Queued], limit: 100 };
    let open = rig.ledger.list(&open).await.unwrap();
    open.iter().any(|op| op.by_schedule.as_ref().is_some_and(|by| by.routine == due.routine))
}

#[tokio::test]
async fn nothing_is_started_twice_and_nothing_is_forgotten_on_sqlite() {
    let days = if long() { 100_000 } else { 20 };
    let clock = ManualClock::new();
    years(db::sqlite(clock.clone()).await, clock, days, rand::random::<u64>() % 100_000).await;
}

#[tokio::test]
async fn nothing_is_started_twice_and_nothing_is_forgotten_on_postgresql() {
    let days = if long() { 10_000 } else { 8 };
    let clock = ManualClock::new();
    years(db::postgres(clock.clone()).await, clock, days, rand::random::<u64>() % 100_000).await;
}

/// A thousand environments like dev.
fn crowd() -> Config {
    let mut config = Config::example();
    let template = config.environments["dev"].clone();
    for n in 0..1_000 {
        let mut env = template.clone();
        env.name = format!("e{n}");
        env.tenants.clear();
        env.file_systems.clear();
        env.databases[0].id = format!("db-{n}");
        config.environments.insert(env.name.clone(), env);
    }
    config
}

/// What this process has spent of processors, and holds in memory, in MiB.
fn spent() -> (Duration, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    // User and system time in hundredths of a second.
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    (Duration::from_millis(ticks * 10), kib / 1024)
}

#[tokio::test]
async fn what_is_due_in_a_thousand_environments_is_planned_in_a_moment_and_spread_over_minutes() {
    let clock = ManualClock::new();
    let rig = Rig::new(db::sqlite(clock.clone()).await, clock, crowd(), 7);
    // Every day, every week, and on a day that only a calendar tells.
    let rhythms = [
        (Routine::Secrets, "cron(0 4 * * ? *)"),
        (Routine::PitrTest, "cron(0 1 ? * TUE *)"),
        (Routine::RestoreTest, "cron(0 1 ? * 1#1 *)"),
    ]
    .map(|(routine, text)| (routine, Rhythm::parse(text).unwrap()));
    let approved = |name: &String, (routine, rhythm): &(Routine, Rhythm)| {
        let template = own::template(&rig.config.environments[name], *routine, rhythm).unwrap();
        MarkWrite::Set(Mark {
            environment: name.clone(),
            kind: MarkKind::Routine,
            subject: routine.name().to_owned(),
            note: template.note(),
            operation: "sc-1".to_owned(),
            at: rig.clock.now(),
        })
    };
    let names = rig.config.environments.keys().filter(|name| name.starts_with('e'));
    let marks = names.flat_map(|name| rhythms.each_ref().map(|each| approved(name, each))).collect();
    rig.ledger.commit(Commit { marks, ..Commit::default() }).await.unwrap();
    rig.process.timer.turn().await.unwrap();
    let dues: Vec<Due> = rig.ledger.dues(None).await.unwrap().all;
    let dues: Vec<&Due> = dues.iter().filter(|due| due.routine == "secrets").collect();
    assert_eq!(dues.len(), 1_000, "each has its time");
    let mut seconds: BTreeMap<i64, usize> = BTreeMap::new();
    for due in &dues {
        *seconds.entry(due.at.0 / 1000).or_default() += 1;
    }
    let (first, last) = (seconds.keys().next().unwrap(), seconds.keys().next_back().unwrap());
    assert!(last - first > 300, "spread over minutes: {} s", last - first);
    assert!(seconds.values().all(|begun| *begun < 20), "not in one second: {seconds:?}");
    // What is looked at each time, when nothing has changed.
    let (before, memory) = spent();
    for _ in 0..10 {
        rig.process.timer.turn().await.unwrap();
    }
    let (after, grown) = spent();
    let each = (after - before) / 10;
    println!("a turn over 1,000 environments takes {each:?} of a processor");
    assert!(each < Duration::from_secs(1), "{each:?}, unoptimised");
    assert!(grown < memory + 64, "memory grew from {memory} to {grown} MiB");
}
