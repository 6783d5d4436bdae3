//! Everything that a schedule can start: wished for in the config, listed, changed, started by itself whatever dies, and told where
//! it does not go well.

use std::{collections::BTreeSet, time::Duration};

use bbws::{
    adapters::sandbox::aws::{Fault, Target, incidents::Side},
    config::Config,
    domain::{
        mark::MarkKind,
        moment::Moment,
        operation::State,
        operations::schedule::own,
        routine::Routine,
        span::Span,
        step::{Action, RestoreTest},
    },
    ports::{clock::Clock, store::Store},
};

use super::timer::{pass, said, scheduled, started};
use crate::support::{clock::ManualClock, db, kill::Killer, rig::Rig};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// The demo's platform, which is backed up as usual, with this change of its config.
async fn demo(change: impl FnOnce(&mut Config)) -> Rig {
    let clock = ManualClock::new();
    let mut config = Config::demo();
    change(&mut config);
    let rig = Rig::new(db::sqlite(clock.clone()).await, clock, config, 7);
    rig.cloud.keep_backing_up();
    rig
}

fn wished(config: &mut Config, environment: &str, rhythm: &str) {
    let all = Routine::ALL.into_iter().map(|routine| (routine.key().to_owned(), rhythm.to_owned()));
    config.environments.get_mut(environment).unwrap().schedules = all.collect();
}

/// What is in force of each, as the mark has it.
async fn rhythms(rig: &Rig) -> Vec<String> {
    let marks = rig.ledger.marks("sit", Some(MarkKind::Routine)).await.unwrap();
    let of = |routine| own::in_force(&marks, routine).map_or_else(String::new, |(_, template)| template.rhythm);
    Routine::ALL.into_iter().map(of).collect()
}

#[tokio::test]
async fn every_kind_is_wished_listed_changed_and_runs_by_itself_whatever_dies() {
    let (early, late) = ("cron(0 6/12 * * ? *)", "cron(0 2/12 * * ? *)");
    let mut rig = demo(|config| wished(config, "sit", early)).await;
    for routine in Routine::ALL {
        scheduled(&mut rig, &format!("backup schedule sit create --type {}", routine.name())).await;
    }
    let list = rig.say("U0DAVE", "backup schedule sit list").await;
    for routine in Routine::ALL {
        assert!(list.contains(&format!("{}: ", routine.spoken())), "{}: {list}", routine.name());
    }
    assert_eq!(rhythms(&rig).await, vec![early; Routine::ALL.len()]);
    said(&rig);

    let mut lives = 1;
    rig.reboot(Killer::at(60)).await;
    let end = rig.clock.now() + 18 * HOUR;
    let over = |all: &[bbws::domain::operation::Operation]| {
        let ended = all.iter().filter(|op| op.state.terminal());
        let routines: BTreeSet<_> = ended.map(|op| op.by_schedule.as_ref().unwrap().routine.clone()).collect();
        routines.len() == Routine::ALL.len() && all.iter().all(|op| op.state.terminal())
    };
    while !over(&started(&rig).await) && rig.clock.now() < end {
        pass(&mut rig, 20 * MINUTE).await;
        if rig.process.killer.dead() {
            lives += 1;
            rig.clock.advance(MINUTE + Duration::from_secs(1));
            rig.reboot(Killer::at(60 + 45 * lives)).await;
        }
    }
    let runs = started(&rig).await;
    let mut seen = BTreeSet::new();
    for op in &runs {
        let by = op.by_schedule.clone().unwrap();
        assert_eq!(op.state, State::Succeeded, "{} {}: {:?}", op.id, by.routine, op.outcome);
        // What a look finds is told on a card; that it looked is what is asked here.
        let found = !rig.run(&op.id.0).await.issues().is_empty();
        let looks = [Routine::Inventory, Routine::Replication, Routine::DrCheck].map(Routine::name);
        assert!(!found || looks.contains(&by.routine.as_str()), "{} {}: {:?}", op.id, by.routine, op.outcome);
        assert_eq!(rig.chat.cards_of(&op.id.0).len(), usize::from(found), "{} {:?}", by.routine, op.outcome);
        assert!(seen.insert((by.routine.clone(), by.due)), "{} twice at {}", by.routine, by.due);
    }
    let routines: BTreeSet<_> = seen.iter().map(|(routine, _)| routine.as_str()).collect();
    assert_eq!(routines, Routine::ALL.into_iter().map(Routine::name).collect(), "each ran");
    assert!(lives > 5, "{lives} lives");
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());

    wished(&mut rig.config, "sit", late);
    rig.reboot(Killer::never()).await;
    for routine in Routine::ALL {
        scheduled(&mut rig, &format!("backup schedule sit update --type {}", routine.name())).await;
    }
    assert_eq!(rhythms(&rig).await, vec![late; Routine::ALL.len()]);
}

#[tokio::test]
async fn what_does_not_go_well_has_a_card_and_the_line_of_the_day_says_so() {
    let mut rig = demo(|config| wished(config, "prod", "cron(0 * * * ? *)")).await;
    scheduled(&mut rig, "backup schedule prod create --type dr-check").await;
    pass(&mut rig, 70 * MINUTE).await;
    let well = started(&rig).await;
    assert!(!well.is_empty());
    for op in &well {
        assert_eq!((op.state, rig.run(&op.id.0).await.issues()), (State::Succeeded, vec![]), "{:?}", op.outcome);
        assert!(rig.chat.cards_of(&op.id.0).is_empty());
    }
    rig.cloud.set_key_enabled("prod", Side::Dr, "alias/bbws-dr", false);
    pass(&mut rig, HOUR).await;
    let ill = started(&rig).await.pop().unwrap();
    assert_eq!(rig.chat.cards_of(&ill.id.0).len(), 1, "{:?}", ill.outcome);
    let told = ill.outcome.unwrap();
    assert!(told.contains("a failover is not possible") && told.contains("alias/bbws-dr"), "{told}");
    said(&rig);
    while rig.clock.now().iso()[11..13] != *"08" {
        pass(&mut rig, 30 * MINUTE).await;
    }
    let lines = said(&rig);
    let line = lines.iter().find(|line| line.starts_with("Started by schedule")).expect("a line");
    assert!(line.contains(&format!("{} with issues", ill.id)) && !line.contains("All is well"), "{line}");
}

#[tokio::test]
async fn a_test_restore_takes_a_random_point_and_never_runs_beside_a_restore() {
    let week = Span::parse("7d").unwrap();
    let mut rig = demo(|config| {
        wished(config, "prod", "cron(0 0/3 * * ? *)");
        config.environments.get_mut("prod").unwrap().restore_test_window = Some(week);
    })
    .await;
    let dump = rig.approved_backup("backup create prod dump").await;
    assert_eq!(rig.finish(&dump).await, State::Succeeded);
    scheduled(&mut rig, "backup schedule prod create --type restore-test").await;
    rig.process.timer.turn().await.unwrap();
    let restore = rig.asked("backup restore prod pitr --target-time latest").await;
    let due = rig.ledger.dues(Some("prod")).await.unwrap().all[0].at;
    rig.clock.set(due + MINUTE);
    for _ in 0..3 {
        rig.process.timer.turn().await.unwrap();
    }
    if rig.state(&restore).await.terminal() {
        panic!("{:?}", rig.run(&restore).await.op.outcome);
    }
    assert!(started(&rig).await.is_empty(), "{restore} is under way");
    assert_eq!(rig.finish(&restore).await, State::Succeeded);
    let mut ages = BTreeSet::new();
    while ages.len() < 2 && rig.clock.now().since(due) < 48 * HOUR {
        pass(&mut rig, HOUR).await;
        for op in started(&rig).await {
            assert_eq!(op.command, "backup validate prod --test-restore --since 7d");
            assert!(matches!(op.state, State::Succeeded | State::Running | State::Queued), "{:?}", op.outcome);
            let tested = op.plan.steps.iter().find_map(|step| match &step.action {
                Action::RestoreTest(RestoreTest { snapshot, .. }) => Some(snapshot.clone()),
                _ => None,
            });
            let drawn = op.by_schedule.unwrap().due;
            let of = op.plan.facts.iter().find(|fact| fact.found.contains(tested.as_deref().expect("a restore")));
            let found = &of.expect("it is named").found;
            let data_of: Moment = bbws::domain::command::value::moment(found.rsplit(' ').next().unwrap()).unwrap();
            assert!(drawn.since(data_of) <= week.0 + 24 * HOUR, "{found}, drawn at {drawn}");
            ages.insert(tested);
        }
    }
    assert!(ages.len() > 1, "each time another one: {ages:?}");
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
}

/// Values in CloudWatch: metric, resource, value.
fn put(rig: &Rig) -> Vec<(String, String, String)> {
    let account = rig.config.environments["prod"].account.clone();
    let put = rig.cloud.change(|world, _| world.region(&account, "eu-west-1").cloudwatch.put.clone());
    let of = |dimensions: &str| dimensions.strip_prefix("Environment=prod Resource=").expect("dimensions").to_owned();
    put.into_iter()
        .map(|(namespace, metric, dimensions, value)| {
            assert_eq!(namespace, "Bbws/Prod");
            (metric, of(&dimensions), value)
        })
        .collect()
}

#[tokio::test]
async fn what_runs_came_to_is_in_cloudwatch_once_for_each_resource_where_that_is_switched_on() {
    let mut rig =
        demo(|config| config.environments.get_mut("prod").unwrap().cloudwatch = Some("Bbws/Prod".into())).await;
    let db = "bbws-prod-mysql";
    let files = "fs-0900d000000000001";
    let datum = |metric: &str, of: &str, value: &str| (metric.to_owned(), of.to_owned(), value.to_owned());
    let id = rig.approved_backup("backup create prod rds").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    rig.settle(MINUTE).await;
    assert_eq!(put(&rig), [datum("BackupSuccess", db, "1.0")]);
    let id = rig.approved_backup("backup create prod efs").await;
    rig.cloud.inject(Fault::JobFails, Target::next_start().of_kind("backup.job"));
    assert_eq!(rig.finish(&id).await, State::Failed);
    rig.settle(MINUTE).await;
    assert_eq!(put(&rig)[1..], [datum("BackupSuccess", files, "0.0")]);
    let id = rig.asked("backup validate prod --test-restore").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    // A death behind the call tells the same again, as of the same moment.
    rig.settle(MINUTE).await;
    let mut tested = put(&rig).split_off(2);
    tested.sort();
    let all: Vec<_> = tested.iter().filter(|(_, of, _)| of == db || of == files).cloned().collect();
    let both = |metric: &str| [datum(metric, db, "1.0"), datum(metric, files, "1.0")];
    assert_eq!(all, [both("RestoreSuccess"), both("RestoreValidationSuccess")].concat());
    let dev = rig.approved_backup("backup create dev rds").await;
    assert_eq!(rig.finish(&dev).await, State::Succeeded);
    rig.settle(MINUTE).await;
    assert_eq!(put(&rig).len(), 2 + tested.len(), "dev has it switched off");
}

#[tokio::test]
async fn a_schedule_of_which_only_the_length_is_said_goes_by_the_rpo_as_its_plan_says() {
    let (clock, mut config) = (ManualClock::new(), Config::demo());
    config.environments.get_mut("sit").unwrap().schedule = None;
    let mut rig = Rig::new(db::sqlite(clock.clone()).await, clock, config, 7);
    let id = scheduled(&mut rig, "backup schedule sit create --retention 7").await;
    let notes = rig.run(&id).await.op.plan.notes.join("\n");
    let often = "every day at 00:00, 04:00, 08:00, 12:00, 16:00 and 20:00 UTC";
    let said =
        format!("Backups are made {often}: neither `--cron` nor the config says when, so that the RPO of 4 h does.");
    assert!(notes.contains(&said), "{notes}");
    let list = rig.say("U0DAVE", "backup schedule sit list").await;
    assert!(list.contains("cron(0 0/4 * * ? *), kept 7 days"), "{list}");
}
