//! The watcher over simulated time, AWS, Slack and death: everything is told once, and taken back once.

use std::time::Duration;

use bbws::{
    domain::{
        incident::{Drills, Every},
        lag::{Measurements, Side},
        moment::Moment,
        point::PointKind::{Efs, Rds},
    },
    ports::{
        alert::Topic,
        chat::{Content, Level, Offer},
        clock::Clock as _,
        cloud::CloudError,
        store::{MarkKind, Store as _},
    },
};

use crate::support::{
    chat::Posted,
    kill::Killer,
    measurements::{ended, healthy, with, without},
    rig::Rig,
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// Prod promises a backup an hour and nothing else; the other environments are well.
const NEVER: Option<Every> = Some(Every::NEVER);

async fn quiet(mut rig: Rig) -> Rig {
    for env in rig.config.environments.values_mut() {
        env.schedule = None;
        env.restore_test = None;
        env.drills = Drills { tabletop: NEVER, infra: NEVER, dns: NEVER, full_drill: NEVER };
    }
    rig.config.environments.get_mut("prod").unwrap().schedule = Some("cron(0 * * * ? *)".to_owned());
    for name in ["dev", "sit", "prod"] {
        rig.seen.dictate(name, |now| Ok(healthy(now)));
    }
    rig.reboot(Killer::never()).await;
    rig
}

fn level(posted: &Posted) -> Level {
    match &posted.message.content {
        Content::Line { level, .. } => *level,
        Content::Card(_) => panic!("a line"),
    }
}

fn offers(posted: &Posted) -> Vec<Offer> {
    match &posted.message.content {
        Content::Line { attachment, .. } => attachment.offers.clone(),
        Content::Card(_) => panic!("a line"),
    }
}

/// What went to a topic of SNS.
fn published(rig: &Rig, topic: Topic) -> usize {
    let name = bbws::adapters::aws::sns::name(&rig.config.topics, topic);
    rig.cloud.published().iter().filter(|(topic, _)| topic == name).count()
}

/// What was said in channels, outside threads.
fn said(rig: &Rig) -> Vec<Posted> {
    rig.chat.cards()
}

fn lagging(minutes: u64) -> impl Fn(Moment) -> Result<Measurements, CloudError> {
    move |now| Ok(with(healthy(now), Efs, Side::Dr, Ok(now - MINUTE * u32::try_from(minutes).unwrap())))
}

#[tokio::test]
async fn well_environments_are_looked_at_and_nothing_is_said() {
    let mut rig = quiet(Rig::sqlite().await).await;
    rig.watch_for(HOUR).await;
    for name in ["dev", "sit", "prod"] {
        assert!((11..=13).contains(&rig.seen.looks(name)), "{name}: {}", rig.seen.looks(name));
    }
    assert!(said(&rig).is_empty());
    let samples = rig.ledger.samples("prod", Moment(0)).await.unwrap();
    let of_one: Vec<_> = samples.iter().filter(|s| s.component.starts_with("rds") && s.lag == Some(60)).collect();
    assert!((20..=26).contains(&of_one.len()), "{}: one in five minutes and region", of_one.len());
    assert_eq!(rig.mutations(), 0);
}

#[tokio::test]
async fn a_finding_is_told_once_in_a_day_with_its_fix_and_taken_back() {
    let mut rig = quiet(Rig::sqlite().await).await;
    // A stop keeps nobody from watching.
    rig.say("U0BOB", "stop prod the region looks odd").await;
    rig.settle(MINUTE).await;
    let before = said(&rig).len();
    rig.seen.dictate("prod", lagging(75));
    rig.watch_for(DAY).await;
    let told: Vec<Posted> = said(&rig).split_off(before);
    assert_eq!(told.len(), 1, "{told:?}");
    let text = told[0].line().unwrap();
    assert!(text.contains("*prod*") && text.contains("efs wp-content in DR") && text.contains("1 h 15 min"), "{text}");
    assert_eq!((told[0].channel.as_str(), level(&told[0])), ("C0PROD", Level::Warning));
    assert_eq!(offers(&told[0]).iter().map(|o| o.command.as_str()).collect::<Vec<_>>(), ["backup create prod efs"]);
    assert_eq!(published(&rig, Topic::OpsWarning), 1);
    assert_eq!(published(&rig, Topic::OpsCritical), 0);

    rig.seen.dictate("prod", lagging(58));
    rig.watch_for(HOUR).await;
    assert_eq!(said(&rig).len(), before + 1, "it has not caught up yet");
    rig.seen.dictate("prod", lagging(45));
    rig.watch_for(DAY).await;
    let told: Vec<Posted> = said(&rig).split_off(before + 1);
    assert_eq!(told.len(), 1, "{told:?}");
    let text = told[0].line().unwrap();
    assert!(text.contains("resolved") && text.contains("stood for 1 d 1 h"), "{text}");
    assert_eq!(level(&told[0]), Level::Success);
    assert!(rig.ledger.marks("prod", Some(MarkKind::Finding)).await.unwrap().is_empty());
    let audit: Vec<String> = rig.ledger.audit(0, 1000).await.unwrap().into_iter().map(|a| a.entry.action).collect();
    let count = |what: &str| audit.iter().filter(|a| *a == what).count();
    assert_eq!((count("finding"), count("resolved")), (1, 1));
}

#[tokio::test]
async fn a_backup_that_did_not_happen_is_told_and_resolved_when_it_is_made() {
    let mut rig = quiet(Rig::sqlite().await).await;
    let last = rig.clock.now();
    rig.seen.dictate("prod", move |now| Ok(with(healthy(now), Efs, Side::Primary, Ok(last))));
    rig.watch_for(HOUR + 29 * MINUTE).await;
    assert!(said(&rig).is_empty(), "within its grace");
    rig.watch_for(6 * HOUR).await;
    let told = said(&rig);
    assert_eq!(told.len(), 1, "{told:?}");
    let text = told[0].line().unwrap();
    assert!(text.contains("due at 04:00 UTC on 21 Nov 2026 did not happen"), "{text}");
    rig.seen.dictate("prod", |now| Ok(healthy(now)));
    rig.watch_for(HOUR).await;
    let told = said(&rig);
    assert_eq!(told.len(), 2);
    assert!(told[1].line().unwrap().contains("resolved"), "{told:?}");
}

#[tokio::test]
async fn what_comes_up_together_is_one_message_and_critical_things_are_loud() {
    let mut rig = quiet(Rig::sqlite().await).await;
    rig.seen.dictate("prod", |now| {
        let behind = with(healthy(now), Efs, Side::Dr, Ok(now - 2 * HOUR));
        Ok(with(behind, Rds, Side::Dr, Ok(now - 2 * HOUR)))
    });
    rig.watch_for(DAY).await;
    let told = said(&rig);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(level(&told[0]), Level::Error);
    let commands: Vec<String> = offers(&told[0]).into_iter().map(|o| o.command).collect();
    assert_eq!(commands, ["backup create prod full", "backup create prod rds", "backup create prod efs"]);
    assert_eq!((published(&rig, Topic::OpsCritical), published(&rig, Topic::OpsWarning)), (1, 0));
}

#[tokio::test]
async fn a_place_that_blinks_is_not_told_and_one_that_is_gone_is_told_a_minute_later() {
    let mut rig = quiet(Rig::sqlite().await).await;
    let start = rig.clock.now();
    rig.seen.dictate("prod", move |now| {
        let odd = (now.since(start).as_secs() / 60).is_multiple_of(2);
        Ok(if odd { without(healthy(now), "vault bbws-prod", "throttled") } else { healthy(now) })
    });
    rig.watch_for(HOUR).await;
    assert!(said(&rig).is_empty(), "{:?}", said(&rig));
    rig.seen.dictate("prod", |now| Ok(without(healthy(now), "vault bbws-prod", "It does not exist")));
    rig.watch_for(7 * MINUTE).await;
    assert_eq!(said(&rig).len(), 1);
}

#[tokio::test]
async fn silence_of_aws_is_a_finding_and_takes_nothing_back() {
    let mut rig = quiet(Rig::sqlite().await).await;
    rig.seen.dictate("prod", lagging(75));
    rig.watch_for(10 * MINUTE).await;
    let silent = |_| Err(CloudError::Retryable { reason: "no answer in 30 s".to_owned(), after: None });
    rig.seen.dictate("prod", silent);
    rig.watch_for(10 * MINUTE).await;
    assert_eq!(said(&rig).len(), 1, "twice is no pattern");
    rig.watch_for(DAY).await;
    let told = said(&rig);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].line().unwrap().contains("nothing is watched"), "{told:?}");
    rig.seen.dictate("prod", lagging(75));
    rig.watch_for(HOUR).await;
    let told = said(&rig);
    assert_eq!(told.len(), 3, "only the silence is over: {told:?}");
    let marks = rig.ledger.marks("prod", Some(MarkKind::Finding)).await.unwrap();
    assert_eq!(marks.iter().map(|m| m.subject.as_str()).collect::<Vec<_>>(), ["lag:efs fs-0900d000000000001 in DR"]);
}

#[tokio::test]
async fn ten_thousand_troubles_are_one_message_and_one_resolved_note() {
    let mut rig = quiet(Rig::sqlite().await).await;
    let began = rig.clock.now();
    rig.seen.dictate("prod", move |now| {
        let mut measurements = healthy(now);
        let jobs = (0..10_000).map(|n| ended(&format!("job-{n}"), &format!("fs-{n:05}"), "FAILED", began));
        measurements.trouble = Ok(if now.since(began) < DAY { jobs.collect() } else { Vec::new() });
        Ok(measurements)
    });
    for _ in 0..3 {
        rig.watch_for(10 * MINUTE).await;
        rig.clock.advance(12 * HOUR);
    }
    rig.watch_for(10 * MINUTE).await;
    let told = said(&rig);
    assert!((2..=3).contains(&told.len()), "{}", told.len());
    assert!(told[0].line().unwrap().len() < 6_000);
    assert!(rig.ledger.marks("prod", Some(MarkKind::Finding)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_nudge_is_heeded_at_once_and_a_flood_of_them_is_bounded() {
    let mut rig = quiet(Rig::sqlite().await).await;
    rig.watch_for(10 * MINUTE).await;
    let before = rig.seen.looks("prod");
    rig.clock.advance(2 * MINUTE);
    for _ in 0..1000 {
        rig.process.watcher.nudge("prod");
        rig.process.watcher.turn().await.unwrap();
    }
    assert_eq!(rig.seen.looks("prod"), before + 1);
    rig.process.watcher.nudge("no such environment");
}

#[tokio::test]
async fn death_at_any_point_neither_doubles_nor_loses_a_notice() {
    for point in 0.. {
        let mut rig = quiet(Rig::sqlite().await).await;
        rig.seen.dictate("prod", lagging(75));
        rig.reboot(Killer::at(point)).await;
        rig.watch_for(12 * MINUTE).await;
        let first = rig.process.killer.died_at();
        rig.clock.advance(MINUTE);
        rig.reboot(Killer::never()).await;
        rig.watch_for(12 * MINUTE).await;
        let told = said(&rig);
        assert_eq!(told.len(), 1, "killed at {first:?}: {told:?}");
        rig.seen.dictate("prod", lagging(10));
        rig.reboot(Killer::at(point)).await;
        rig.watch_for(12 * MINUTE).await;
        let second = rig.process.killer.died_at();
        rig.clock.advance(MINUTE);
        rig.reboot(Killer::never()).await;
        rig.watch_for(12 * MINUTE).await;
        let told = said(&rig);
        assert_eq!(told.len(), 2, "killed at {second:?}: {told:?}");
        assert!(told[1].line().unwrap().contains("resolved"), "killed at {second:?}");
        if first.is_none() && second.is_none() {
            assert!(point > 10, "only {point} points: nothing was killed");
            return;
        }
    }
}

#[tokio::test]
async fn two_replicas_on_postgres_tell_once() {
    let mut rig = quiet(Rig::postgres().await).await;
    let other = rig.another(Killer::never());
    rig.clock.advance(10 * MINUTE);
    for (round, minutes) in [75, 10, 10].into_iter().cycle().take(30).enumerate() {
        rig.seen.dictate("prod", lagging(minutes));
        let (a, b) = tokio::join!(rig.process.watcher.turn(), other.watcher.turn());
        a.unwrap();
        b.unwrap();
        let (a, b) = tokio::join!(rig.process.announcer.turn(), other.announcer.turn());
        a.unwrap();
        b.unwrap();
        rig.settle(Duration::from_secs(5)).await;
        let told = round / 3 * 2 + (round % 3 + 1).min(2);
        assert_eq!(said(&rig).len(), told, "round {round}");
        // Every third time it is long enough ago to be nothing that comes and goes.
        rig.clock.advance(if round % 3 == 2 { 3 * DAY } else { 10 * MINUTE });
    }
    let samples = rig.ledger.samples("prod", Moment(0)).await.unwrap();
    assert_eq!(samples.len(), 30 * 4, "one per component and five minutes");
}

/// What was told of prod since the last call.
fn news(rig: &Rig, seen: &mut usize) -> Vec<String> {
    let lines = rig.chat.cards().into_iter().filter_map(|p| p.line().map(str::to_owned));
    let prod: Vec<String> = lines.filter(|l| l.contains("*prod*")).skip(*seen).collect();
    *seen += prod.len();
    prod
}

#[tokio::test]
async fn a_backup_and_a_lost_region_in_the_simulated_aws() {
    let mut rig = Rig::sqlite().await;
    let mut seen = 0;
    rig.watch_for(10 * MINUTE).await;
    let first = news(&rig, &mut seen);
    assert_eq!(first.len(), 1, "{first:#?}");
    assert!(first[0].contains("None of the 3 copies in eu-west-1"), "{first:#?}");

    let id = rig.approved_backup("backup create prod full").await;
    rig.finish(&id).await;
    rig.watch_for(6 * MINUTE).await;
    let resolved = news(&rig, &mut seen);
    assert_eq!(resolved.len(), 1, "{resolved:#?}");
    assert!(resolved[0].contains("are resolved"), "{resolved:#?}");

    rig.cloud.region_down("eu-west-1", true);
    rig.watch_for(15 * MINUTE).await;
    let lost = news(&rig, &mut seen);
    assert!(lost.iter().any(|l| l.contains("region eu-west-1 is not usable")), "{lost:#?}");
    assert!(lost.len() <= 2 && lost.iter().all(|l| !l.contains("vault")), "{lost:#?}");
    rig.cloud.region_down("eu-west-1", false);
    rig.watch_for(3 * HOUR).await;
    let healed = news(&rig, &mut seen);
    assert!(!healed.is_empty() && healed[0].contains("resolved"), "{healed:#?}");
}
