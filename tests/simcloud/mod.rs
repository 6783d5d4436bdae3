//! The simulated AWS: what each verb does, what its faults do, and that its journal is a judge to be trusted.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod archives;
mod files;
mod kinds;
mod points;
mod readings;
mod restore;
mod retire;
mod rig;
mod schedule;

use std::{collections::BTreeMap, time::Duration};

use axum::{body::Body, http::Request, http::StatusCode};
use bbws::{
    adapters::sandbox::cloud::{Answer, Chaos, Fault, Side, Target, Verb, http},
    domain::{
        operation::OpId,
        step::{self, Action},
    },
    ports::{
        alert::{Alerts as _, Topic},
        cloud::{Call, Cloud as _, Probe, Progress, Survey},
    },
};
use http_body_util::BodyExt as _;
use rig::*;
use serde_json::{Value, json};
use tower::ServiceExt as _;

fn everything() -> Survey {
    Survey {
        databases: vec![DB.into(), "gone".into()],
        file_systems: vec!["fs-0900d000000000001".into()],
        secrets_prefix: Some("bbws/prod/".into()),
        vault: true,
        bucket: true,
        dr: true,
        ..Survey::default()
    }
}

#[tokio::test]
async fn a_survey_tells_what_is_there_and_what_is_not_usable() {
    let rig = Rig::new(1);
    let world = rig.cloud.survey(&rig.environment, &everything(), "U0ALICE").await.unwrap();
    assert_eq!(world.account, ACCOUNT);
    assert_eq!(world.databases.len(), 1, "what is missing is absent");
    let db = &world.databases[0];
    assert!(
        db.engine.starts_with("mysql 8.0.") && db.encrypted && db.multi_az && (100..=400).contains(&db.size_gib),
        "{db:?}"
    );
    assert_eq!(world.secrets.len(), 6);
    assert!(world.secrets.is_sorted() && world.secrets.iter().any(|s| s.starts_with("bbws/prod/tenant-1/")));
    assert!(world.vault.unwrap().unwrap().ends_with(":backup-vault:bbws-prod"));
    assert_eq!(world.dr_bucket.unwrap().unwrap(), "bbws-prod-backups-dr");
    assert!(world.dr_key.unwrap().unwrap().starts_with("arn:aws:kms:eu-west-1:"));

    assert!(rig.cloud.disable_dr_key("prod"));
    assert!(rig.cloud.remove_replication_rule("prod"));
    assert!(rig.cloud.set_engine_version("prod", DB, "8.0.99"));
    assert!(rig.cloud.add_secret("prod", "bbws/prod/new"));
    let world = rig.cloud.survey(&rig.environment, &everything(), "U0ALICE").await.unwrap();
    assert!(world.dr_key.unwrap().unwrap_err().contains("disabled"));
    assert!(world.dr_vault.unwrap().unwrap_err().contains("alias/bbws-dr"));
    assert!(world.dr_bucket.unwrap().unwrap_err().contains("no replication rule"));
    assert_eq!((world.databases[0].engine.as_str(), world.secrets.len()), ("mysql 8.0.99", 7));
    assert!(rig.cloud.delete_database("prod", DB));
    assert!(!rig.cloud.delete_database("prod", DB));
    assert!(permanent(rig.cloud.start(&rig.snapshot()).await).contains("bbws-prod-mysql does not exist in af-south-1"));
}

#[tokio::test]
async fn a_snapshot_is_made_once_and_watched_to_its_end() {
    let rig = Rig::new(2);
    let call = rig.snapshot();
    assert_eq!(rig.cloud.probe(&call).await, Ok(Probe::Absent));
    let first = rig.cloud.start(&call).await.unwrap();
    assert_eq!(rig.cloud.start(&call).await.unwrap(), first, "the name is the token");
    assert_eq!(rig.cloud.probe(&call).await, Ok(Probe::Present(first)));
    assert_eq!(rig.cloud.mutations().into_values().collect::<Vec<_>>(), [1]);
    assert_eq!(running(rig.poll(&call).await), (Some(0), "creating".to_owned()));
    let world = rig.cloud.survey(&rig.environment, &everything(), "U0ALICE").await.unwrap();
    assert_eq!(world.databases[0].status, "backing-up");
    rig.pass(3);
    let (percent, _) = running(rig.poll(&call).await);
    assert!((30..=50).contains(&percent.unwrap()), "three of six to nine minutes: {percent:?}");
    rig.pass(6);
    assert!(done(rig.poll(&call).await)["snapshot_arn"].ends_with(SNAPSHOT));
    assert_eq!(rig.cloud.tags("prod", Side::Primary, SNAPSHOT).unwrap()["bbws:operation"], "bk-1001");
    assert!(rig.cloud.twice().is_empty());
}

#[tokio::test]
async fn an_instance_that_is_busy_or_a_name_that_is_taken_is_not_touched() {
    let rig = Rig::new(3);
    rig.cloud.start(&rig.snapshot()).await.unwrap();
    let mut other = rig.snapshot();
    other.operation = OpId("bk-1002".into());
    other.action =
        Action::RdsSnapshot(step::RdsSnapshot { region: HOME.into(), database: DB.into(), snapshot: "another".into() });
    assert!(is_retryable(&rig.cloud.start(&other).await), "one snapshot of an instance at a time");
    assert!(rig.cloud.add_foreign_snapshot("prod", DB, "another"));
    assert!(permanent(rig.cloud.start(&other).await).contains("was not made by bk-1002"));
    assert!(permanent(rig.cloud.probe(&other).await).contains("was not made by bk-1002"));
    assert_eq!(rig.cloud.effects(), 1);
}

#[tokio::test]
async fn a_copy_needs_an_available_source_and_a_key_of_its_region() {
    let rig = Rig::new(4);
    let copy = rig.copy(Some("alias/bbws-dr"));
    assert!(permanent(rig.cloud.start(&copy).await).contains("does not exist in af-south-1"));
    rig.cloud.start(&rig.snapshot()).await.unwrap();
    assert!(is_retryable(&rig.cloud.start(&copy).await), "the source is still being made");
    rig.pass(10);
    assert!(permanent(rig.cloud.start(&rig.copy(None)).await).contains("needs a KMS key of eu-west-1"));
    assert!(
        permanent(rig.cloud.start(&rig.copy(Some("alias/none"))).await)
            .contains("alias/none does not exist in eu-west-1")
    );
    rig.cloud.disable_dr_key("prod");
    assert!(permanent(rig.cloud.start(&copy).await).contains("disabled"));
    rig.cloud.set_key_enabled("prod", Side::Dr, "alias/bbws-dr", true);
    rig.cloud.start(&copy).await.unwrap();
    assert_eq!(running(rig.poll(&copy).await).1, "copying");
    rig.pass(9);
    running(rig.poll(&copy).await);
    rig.pass(6);
    done(rig.poll(&copy).await);
    assert_eq!(rig.cloud.effects(), 2);
}

#[tokio::test]
async fn backup_jobs_are_found_by_token_and_queue_per_resource() {
    let rig = Rig::new(5);
    let mut first = rig.job(2);
    let started = rig.cloud.start(&first).await.unwrap();
    assert_eq!(rig.cloud.start(&first).await.unwrap(), started, "the same token gives the same job");
    assert_eq!(rig.cloud.probe(&first).await, Ok(Probe::Present(started.clone())));
    rig.cloud.set_blind_probe(true);
    assert_eq!(rig.cloud.probe(&first).await, Ok(Probe::Absent));
    let mut abused = rig.job(2);
    if let Action::BackupJob(step::BackupJob { retention_days, .. }) = &mut abused.action {
        *retention_days = 7;
    }
    assert!(permanent(rig.cloud.start(&abused).await).contains("was used before"));

    first.external_id = started.external_id;
    assert_eq!(running(rig.poll(&first).await).1, "CREATED");
    let mut second = rig.job(3);
    second.operation = OpId("bk-1002".into());
    second.token = "bk-1002-3-r0".into();
    second.external_id = rig.cloud.start(&second).await.unwrap().external_id;
    rig.pass(2);
    assert_eq!(running(rig.poll(&first).await).1, "RUNNING");
    assert_eq!(running(rig.poll(&second).await), (Some(0), "PENDING".to_owned()));
    rig.pass(30);
    let outputs = [done(rig.poll(&first).await), done(rig.poll(&second).await)];
    assert_ne!(outputs[0]["recovery_point"], outputs[1]["recovery_point"]);
    assert!(rig.cloud.twice().is_empty(), "two operations may back up one thing");
}

#[tokio::test]
async fn five_backup_copies_run_at_once() {
    let rig = Rig::new(6);
    let point = rig.finish(rig.job(2)).await["recovery_point"].clone();
    let mut copies = Vec::new();
    for n in 0..7 {
        let mut call = rig.job_copy(3, &point);
        call.operation = OpId(format!("bk-{n}"));
        call.token = format!("bk-{n}-3-r0");
        call.external_id = rig.cloud.start(&call).await.unwrap().external_id;
        copies.push(call);
    }
    rig.pass(1);
    let states = rig.cloud.poll(&copies).await.into_iter().map(|p| running(p.unwrap()));
    let states: Vec<(Option<u8>, String)> = states.collect();
    assert_eq!(states.iter().filter(|s| s.1 == "RUNNING").count(), 5);
    assert_eq!(states.iter().filter(|s| s.1 == "CREATED" && s.0.is_none()).count(), 2);
    rig.pass(25);
    assert!(rig.cloud.poll(&copies).await.into_iter().all(|p| matches!(p, Ok(Progress::Done { .. }))));
}

#[tokio::test]
async fn an_export_is_over_at_once_and_its_replica_follows() {
    let rig = Rig::new(7);
    let call = rig.export();
    assert_eq!(rig.cloud.probe(&call).await, Ok(Probe::Absent));
    let started = rig.cloud.start(&call).await.unwrap();
    assert!(started.finished);
    assert_eq!((started.outputs["count"].as_str(), started.outputs["sha256"].len()), ("6", 64));
    assert!(started.outputs["size"].parse::<u64>().unwrap() > 0 && !started.outputs["version_id"].is_empty());
    assert_eq!(rig.cloud.start(&call).await.unwrap(), started, "If-None-Match: what is ours is adopted");
    assert_eq!(rig.cloud.probe(&call).await, Ok(Probe::Present(started.clone())));
    let mut other = rig.export();
    other.operation = OpId("bk-1002".into());
    assert!(permanent(rig.cloud.start(&other).await).contains("was not written by bk-1002"));

    let verify = Action::VerifyObject(step::VerifyObject {
        region: AWAY.into(),
        bucket: "bbws-prod-backups-dr".into(),
        key: KEY.into(),
        retention_days: 30,
    });
    let verify = with(rig.call(6, verify), "sha256", &started.outputs["sha256"]);
    assert_eq!(running(rig.poll(&rig.replica()).await).1, "replication PENDING");
    assert!(failed(rig.poll(&verify).await).contains("does not exist"), "the replica is not there yet");
    rig.pass(2);
    done(rig.poll(&rig.replica()).await);
    done(rig.poll(&verify).await);
    assert!(failed(rig.poll(&with(verify.clone(), "sha256", "other")).await).contains("sha256"));
    rig.cloud.corrupt_object("prod", Side::Dr, "bbws-prod-backups-dr", KEY);
    assert!(failed(rig.poll(&verify).await).contains("sha256"));
    assert_eq!(rig.cloud.effects(), 1);
}

#[tokio::test]
async fn an_object_that_no_rule_covered_has_no_replica() {
    let rig = Rig::new(8);
    rig.cloud.remove_replication_rule("prod");
    rig.cloud.start(&rig.export()).await.unwrap();
    rig.pass(5);
    assert!(failed(rig.poll(&rig.replica()).await).contains("no replication rule"));
}

#[tokio::test]
async fn a_snapshot_is_verified_against_every_promise() {
    let rig = Rig::new(9);
    let days = |days| {
        rig.call(
            7,
            Action::VerifySnapshot(step::VerifySnapshot {
                region: HOME.into(),
                snapshot: SNAPSHOT.into(),
                retention_days: days,
            }),
        )
    };
    assert!(failed(rig.poll(&days(30)).await).contains("does not exist"));
    rig.cloud.start(&rig.snapshot()).await.unwrap();
    assert_eq!(running(rig.poll(&days(30)).await).1, "creating");
    rig.pass(10);
    done(rig.poll(&days(30)).await);
    assert!(failed(rig.poll(&days(7)).await).contains("30 instead of 7"));
    rig.cloud.set_key_enabled("prod", Side::Primary, "alias/aws/rds", false);
    assert!(failed(rig.poll(&days(30)).await).contains("disabled"));
    rig.cloud.set_key_enabled("prod", Side::Primary, "alias/aws/rds", true);
    rig.cloud.untag_snapshot("prod", Side::Primary, SNAPSHOT, "bbws:retention-days");
    assert!(failed(rig.poll(&days(30)).await).contains("no tag bbws:retention-days"));
    rig.cloud.delete_snapshot("prod", Side::Primary, SNAPSHOT);
    rig.cloud.modify_database("prod", DB, |db| (db.encrypted, db.size_gib) = (false, 0));
    rig.finish(rig.snapshot()).await;
    let reason = failed(rig.poll(&days(30)).await);
    assert!(reason.contains("not encrypted") && reason.contains("empty"), "{reason}");
}

#[tokio::test]
async fn a_recovery_point_is_verified_where_it_lies() {
    let rig = Rig::new(10);
    let point = rig.finish(rig.job(2)).await["recovery_point"].clone();
    let copied = rig.finish(rig.job_copy(3, &point)).await["recovery_point"].clone();
    assert_ne!(point, copied);
    let verify = |region: &str, vault: &str, days, arn: &str| {
        let action = Action::VerifyRecoveryPoint(step::VerifyRecoveryPoint {
            region: region.into(),
            vault: vault.into(),
            retention_days: days,
        });
        with(rig.call(6, action), "recovery_point", arn)
    };
    done(rig.poll(&verify(HOME, "bbws-prod", 30, &point)).await);
    done(rig.poll(&verify(AWAY, "bbws-prod-dr", 30, &copied)).await);
    assert!(failed(rig.poll(&verify(AWAY, "bbws-prod-dr", 30, &point)).await).contains("does not exist"));
    assert!(failed(rig.poll(&verify(AWAY, "bbws-prod-dr", 14, &copied)).await).contains("30 days instead of 14"));
    rig.cloud.disable_dr_key("prod");
    assert!(failed(rig.poll(&verify(AWAY, "bbws-prod-dr", 30, &copied)).await).contains("disabled"));
    done(rig.poll(&verify(HOME, "bbws-prod", 30, &point)).await);
    assert_eq!(rig.cloud.tags("prod", Side::Dr, &copied).unwrap()["bbws:operation"], "bk-1001");
}

#[tokio::test]
async fn a_second_start_with_another_token_is_caught() {
    let rig = Rig::new(11);
    rig.cloud.start(&rig.job(2)).await.unwrap();
    let mut again = rig.job(2);
    again.token = "bk-1001-2-r1".into();
    rig.cloud.start(&again).await.unwrap();
    let twice = rig.cloud.twice();
    assert_eq!((twice.len(), twice[0].step), (1, 2));
    assert_ne!(twice[0].first, twice[0].second);
    assert_eq!(rig.cloud.mutations().into_values().collect::<Vec<_>>(), [2]);

    let rig = Rig::new(11);
    rig.cloud.start(&rig.snapshot()).await.unwrap();
    rig.pass(20);
    let mut again = rig.snapshot();
    again.action = Action::RdsSnapshot(step::RdsSnapshot {
        region: HOME.into(),
        database: DB.into(),
        snapshot: format!("{SNAPSHOT}-2"),
    });
    rig.cloud.start(&again).await.unwrap();
    assert_eq!(rig.cloud.twice().len(), 1, "two snapshots for one step");

    let rig = Rig::new(11);
    rig.cloud.start(&rig.job(2)).await.unwrap();
    rig.cloud.start(&rig.job(3)).await.unwrap();
    assert_eq!(rig.cloud.twice().len(), 1, "two jobs on one thing in one operation, called by different steps");
}

#[tokio::test]
async fn a_repeat_after_a_failure_is_no_double_change() {
    let rig = Rig::new(12);
    rig.cloud.inject(Fault::JobFails, Target::next_start());
    let mut call = rig.job(2);
    call.external_id = rig.cloud.start(&call).await.unwrap().external_id;
    rig.pass(30);
    assert!(failed(rig.poll(&call).await).contains("FAILED"));
    assert_eq!(rig.cloud.start(&call).await.unwrap().external_id, call.external_id, "the old token gives the old job");
    call.token = "bk-1001-2-r1".into();
    rig.finish(call).await;
    assert!(rig.cloud.twice().is_empty());

    rig.cloud.inject(Fault::JobFails, Target::next_start().of_kind("rds.snapshot"));
    rig.cloud.start(&rig.snapshot()).await.unwrap();
    rig.pass(30);
    assert!(failed(rig.poll(&rig.snapshot()).await).contains("delete"));
    assert!(permanent(rig.cloud.start(&rig.snapshot()).await).contains("delete it"));
    assert_eq!(rig.cloud.delete_failed_snapshots(), 1);
    rig.finish(rig.snapshot()).await;
    assert!(rig.cloud.twice().is_empty());
}

#[tokio::test]
async fn lost_replies_and_lost_requests_look_alike_but_are_not() {
    let rig = Rig::new(13);
    rig.cloud.inject(Fault::LostRequest, Target::next_start());
    assert!(is_unknown(&rig.cloud.start(&rig.snapshot()).await));
    assert_eq!(rig.cloud.probe(&rig.snapshot()).await, Ok(Probe::Absent));
    assert_eq!(rig.cloud.effects(), 0);
    rig.cloud.inject(Fault::LostReply, Target::next_call());
    assert_eq!(rig.cloud.probe(&rig.snapshot()).await, Ok(Probe::Absent), "a read loses nothing");
    assert!(is_unknown(&rig.cloud.start(&rig.snapshot()).await));
    assert!(matches!(rig.cloud.probe(&rig.snapshot()).await, Ok(Probe::Present(_))));
    let calls = rig.cloud.calls_by(&OpId("bk-1001".into()));
    let starts: Vec<(bool, Answer)> =
        calls.iter().filter(|c| c.verb == Verb::Start).map(|c| (c.effect, c.answer)).collect();
    assert_eq!(starts, [(false, Answer::Unknown), (true, Answer::Unknown)]);
    assert_eq!((rig.cloud.calls(), rig.cloud.count_by(&OpId("bk-1001".into()))), (5, 5));
}

#[tokio::test]
async fn faults_hit_what_they_are_aimed_at() {
    let rig = Rig::new(14);
    rig.cloud.inject(Fault::Throttle, Target::nth_call(2));
    rig.cloud.inject(Fault::Denied, Target::next_call().of_kind("secrets.export").times(2));
    rig.cloud.inject(Fault::PollFails, Target::next_call().in_region(HOME));
    assert!(rig.cloud.probe(&rig.snapshot()).await.is_ok());
    assert!(is_retryable(&rig.cloud.start(&rig.snapshot()).await), "the second call");
    assert!(rig.cloud.start(&rig.snapshot()).await.is_ok());
    assert!(is_retryable(&rig.cloud.poll(&[rig.snapshot()]).await[0]));
    assert!(rig.cloud.poll(&[rig.snapshot()]).await[0].is_ok());
    assert!(permanent(rig.cloud.probe(&rig.export()).await).contains("AccessDenied"));
    assert!(permanent(rig.cloud.start(&rig.export()).await).contains("AccessDenied"));
    assert!(rig.cloud.start(&rig.export()).await.is_ok());

    rig.cloud.inject(Fault::Slow(10.0), Target::next_start());
    rig.cloud.inject(Fault::JobFails, Target::next_start().times(u32::MAX));
    let mut call = rig.job(2);
    call.external_id = rig.cloud.start(&call).await.unwrap().external_id;
    rig.pass(15);
    running(rig.poll(&call).await);
    rig.pass(40);
    failed(rig.poll(&call).await);
    rig.cloud.heal();
    call.token = "bk-1001-2-r1".into();
    rig.finish(call).await;
}

#[tokio::test]
async fn a_region_that_is_down_refuses_or_swallows() {
    let rig = Rig::new(15);
    rig.finish(rig.snapshot()).await;
    rig.cloud.region_down(HOME, true);
    assert!(is_retryable(&rig.cloud.survey(&rig.environment, &everything(), "U0ALICE").await));
    assert!(is_retryable(&rig.cloud.probe(&rig.snapshot()).await));
    assert!(is_retryable(&rig.cloud.poll(&[rig.snapshot()]).await[0]));
    let mut seen = [0, 0];
    for _ in 0..40 {
        let answer = rig.cloud.start(&rig.copy(Some("alias/bbws-dr"))).await;
        assert!(is_retryable(&answer) || is_unknown(&answer));
        seen[usize::from(is_unknown(&answer))] += 1;
    }
    assert!(seen[0] > 5 && seen[1] > 5, "both happen: {seen:?}");
    assert_eq!(rig.cloud.effects(), 1, "nothing happened");
    rig.cloud.region_down(HOME, false);
    rig.cloud.start(&rig.copy(Some("alias/bbws-dr"))).await.unwrap();
}

#[tokio::test]
async fn messages_are_kept_and_checked() {
    let rig = Rig::new(16);
    let publish = |subject: &'static str, body: &'static str| {
        let rig = &rig;
        async move { rig.cloud.publish(&rig.environment, Topic::BackupStatus, subject, body).await }
    };
    publish("bk-1001 succeeded", r#"{"operation":"bk-1001"}"#).await.unwrap();
    rig.cloud.inject(Fault::LostReply, Target::next_call());
    assert!(is_unknown(&publish("again", "{}").await));
    rig.cloud.inject(Fault::LostRequest, Target::next_call());
    assert!(is_unknown(&publish("never", "{}").await));
    assert!(permanent(publish("two\nlines", "{}").await).contains("subject"));
    assert!(permanent(publish("text", "no json").await).contains("not JSON"));
    let published = rig.cloud.published();
    let subjects: Vec<&str> = published.iter().map(|p| p.subject.as_str()).collect();
    assert_eq!(subjects, ["bk-1001 succeeded", "again"]);
    assert_eq!((published[0].environment.as_str(), published[0].topic), ("prod", Topic::BackupStatus));
}

#[tokio::test]
async fn what_no_step_can_mean_is_refused() {
    let rig = Rig::new(17);
    assert!(permanent(rig.cloud.start(&rig.replica()).await).contains("nothing to start"));
    let stop = rig.call(0, Action::ClearStop(step::ClearStop { scope: "*".into() }));
    assert!(permanent(rig.cloud.poll(&[stop]).await.remove(0)).contains("nothing to poll"));
    let mut call = rig.snapshot();
    call.token = "Not A Token".into();
    assert!(permanent(rig.cloud.start(&call).await).contains("idempotency token"));
    assert!(permanent(rig.cloud.poll(&[rig.job(2)]).await.remove(0)).contains("no job id"));
    let mut lost = rig.job(2);
    lost.external_id = Some("none".into());
    assert!(failed(rig.poll(&lost).await).contains("knows no job none"));
    assert!(permanent(rig.cloud.start(&rig.job_copy(3, "arn:none")).await).contains("is not in vault"));
}

#[tokio::test]
async fn time_does_not_jump_when_the_speed_changes() {
    let rig = Rig::new(18);
    rig.pass(1);
    rig.cloud.set_speed(60.0);
    assert_eq!(rig.cloud.now(), START + Duration::from_secs(60));
    rig.pass(1);
    rig.cloud.set_speed(0.5);
    assert_eq!(rig.cloud.now(), START + Duration::from_secs(60 + 3600));
    rig.pass(2);
    assert_eq!(rig.cloud.now(), START + Duration::from_secs(60 + 3600 + 60));
}

/// A run with everything going wrong, written down.
async fn story(seed: u64) -> String {
    let rig = Rig::new(seed);
    rig.cloud.set_chaos(Chaos { throttle: 0.1, lost_reply: 0.2, lost_request: 0.2, job_fails: 0.2, poll_fails: 0.2 });
    let mut lines = Vec::new();
    for round in 0..40 {
        let mut job = rig.job(2);
        job.token = format!("bk-1001-2-r{}", round / 10);
        let started = rig.cloud.start(&job).await;
        job.external_id = started.as_ref().ok().and_then(|s| s.external_id.clone());
        lines.push(format!("{started:?} {:?}", rig.cloud.start(&rig.snapshot()).await));
        lines.push(format!("{:?}", rig.cloud.poll(&[job, rig.snapshot()]).await));
        rig.pass(1);
    }
    lines.push(format!("{:?}", rig.cloud.journal()));
    lines.join("\n")
}

#[tokio::test]
async fn a_seed_tells_one_story() {
    assert_eq!(story(7).await, story(7).await);
    assert_ne!(story(7).await, story(8).await);
}

#[tokio::test]
async fn chaos_brings_every_fault_and_heal_ends_it() {
    let rig = Rig::new(19);
    rig.cloud.set_chaos(Chaos { throttle: 0.3, lost_reply: 0.3, lost_request: 0.3, ..Chaos::default() });
    let mut seen = BTreeMap::<String, u32>::new();
    for _ in 0..200 {
        rig.cloud.start(&rig.snapshot()).await.ok();
    }
    for call in rig.cloud.journal() {
        *seen.entry(format!("{:?}", call.answer)).or_default() += 1;
    }
    assert!(seen["Ok"] > 5 && seen["Retryable"] > 30 && seen["Unknown"] > 80, "{seen:?}");
    assert_eq!(rig.cloud.effects(), 1);
    rig.cloud.heal();
    for _ in 0..50 {
        rig.cloud.start(&rig.snapshot()).await.unwrap();
    }
}

#[tokio::test]
async fn polls_of_one_kind_are_one_request_and_stay_cheap() {
    let rig = Rig::new(20);
    let mut calls = Vec::new();
    for n in 0..1000 {
        let mut call = rig.job(2);
        call.operation = OpId(format!("bk-{n}"));
        call.token = format!("bk-{n}-2-r0");
        call.external_id = rig.cloud.start(&call).await.unwrap().external_id;
        calls.push(call);
    }
    let before = rig.cloud.requests();
    for _ in 0..20 {
        assert_eq!(rig.cloud.poll(&calls).await.len(), 1000);
    }
    assert_eq!(rig.cloud.requests() - before, 20);
    assert_eq!(rig.cloud.calls(), 21_000);
    assert!(rig.cloud.twice().is_empty());
}

async fn ask(rig: &Rig, request: Request<Body>) -> (StatusCode, String) {
    let response = http::router(rig.cloud.clone()).oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

async fn control(rig: &Rig, body: Value) -> (StatusCode, String) {
    ask(rig, Request::post("/control").body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn the_drawer_shows_the_state() {
    let rig = Rig::new(21);
    rig.cloud.start(&rig.snapshot()).await.unwrap();
    rig.pass(3);
    let (status, body) = ask(&rig, Request::get("/state").body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    let state: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&state["speed"], &state["calls"], &state["mutations"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(state["now"], json!((START + Duration::from_secs(180)).iso()));
    assert_eq!((&state["regions"][0]["name"], &state["regions"][0]["down"]), (&json!(HOME), &json!(false)));
    let first = &state["regions"][0]["resources"][0];
    assert_eq!(
        (&first["kind"], &first["id"], &first["status"]),
        (&json!("DB snapshot"), &json!(SNAPSHOT), &json!("creating"))
    );
    assert!(
        (30..=50).contains(&first["percent"].as_u64().unwrap()) && first["detail"].as_str().unwrap().contains("GiB")
    );
    assert_eq!(state["faults"][0], json!({"id": "throttle", "label": "Throttle the next call"}));
    assert_eq!(state["faults"][1], json!({"id": "lost_reply", "label": "Lose the reply of the next change"}));
}

#[tokio::test]
async fn the_drawer_steers() {
    let rig = Rig::new(22);
    let (status, body) = control(&rig, json!({"speed": 120})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["speed"], json!(120));
    let (_, body) = control(&rig, json!({"region": AWAY, "down": true})).await;
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["regions"][1]["down"], json!(true));
    control(&rig, json!({"region": AWAY, "down": false})).await;
    control(&rig, json!({"fault": "throttle"})).await;
    assert!(is_retryable(&rig.cloud.start(&rig.snapshot()).await));
    let (_, state) = ask(&rig, Request::get("/state").body(Body::empty()).unwrap()).await;
    let state: Value = serde_json::from_str(&state).unwrap();
    for lever in state["faults"].as_array().unwrap() {
        assert_eq!(control(&rig, json!({"fault": lever["id"]})).await.0, StatusCode::OK, "{lever}");
    }
    for (wrong, says) in [
        (json!({"speed": 0}), "over 0"),
        (json!({"speed": "fast"}), "no control"),
        (json!({"fault": "meteor"}), "no fault `meteor`"),
        (json!({"region": "mars-1", "down": true}), "no region `mars-1`"),
        (json!({"region": AWAY}), "One control at a time"),
        (json!({"speed": 1, "fault": "heal"}), "One control at a time"),
        (json!([]), "no control"),
    ] {
        let (status, body) = control(&rig, wrong.clone()).await;
        assert!(status == StatusCode::BAD_REQUEST && body.contains(says), "{wrong}: {status} {body}");
    }
}

#[tokio::test]
async fn what_is_kept_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("aws.json");
    let first = Rig::new(7);
    first.cloud.keep_in(&file).unwrap();
    first.cloud.set_speed(60.0);
    first.cloud.inject(Fault::LostReply, Target::next_start());
    assert!(is_unknown(&first.cloud.start(&first.snapshot()).await));
    let (now, tags) = (first.cloud.now(), first.cloud.tags("prod", Side::Primary, SNAPSHOT));
    drop(first);

    let second = Rig::new(8);
    second.cloud.keep_in(&file).unwrap();
    assert_eq!((second.cloud.now(), second.cloud.speed()), (now, 60.0));
    assert_eq!(second.cloud.tags("prod", Side::Primary, SNAPSHOT), tags);
    assert!(matches!(second.cloud.probe(&second.snapshot()).await, Ok(Probe::Present(_))));
    assert!(second.cloud.start(&second.snapshot()).await.is_ok(), "the fault was spent, and the snapshot is adopted");
    assert_eq!(second.cloud.effects(), 1);

    second.cloud.start(&second.job(2)).await.unwrap();
    let third = Rig::new(9);
    third.cloud.keep_in(&file).unwrap();
    let again = Call { token: "bk-1001-2-r1".into(), ..third.job(2) };
    third.cloud.start(&again).await.unwrap();
    assert_eq!(third.cloud.twice().len(), 1, "the judge remembers what another process did");
    assert_eq!(third.cloud.mutations().values().sum::<u32>(), 3);
}

#[test]
fn a_file_that_cannot_be_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("aws.json");
    for (text, why) in [("{\"format\": 1", "EOF"), ("{}", "missing field")] {
        std::fs::write(&file, text).unwrap();
        let refused = Rig::new(7).cloud.keep_in(&file).unwrap_err();
        assert!(refused.contains("aws.json cannot be read") && refused.contains(why), "{refused}");
        assert!(refused.contains("Move the file away"), "{refused}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "what is refused is left as it is");
    }
    let nowhere = folder.path().join("gone/aws.json");
    assert!(Rig::new(7).cloud.keep_in(&nowhere).unwrap_err().contains("cannot be kept in"));
}
