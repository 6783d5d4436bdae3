//! Archives that a process of ours makes in the simulated AWS, and what is verified of them and of buckets.

use std::time::Duration;

use bbws::{
    adapters::sandbox::cloud::{Fault, Side, Target},
    domain::{
        environment::Engine,
        point::PointKind,
        step::{self, Action},
        world::LifecycleFound,
    },
    ports::cloud::{Call, Cloud as _, Probe, Progress},
};

use super::rig::*;

const DUMP: &str = "prod/dump/20261121/bk-1001/bbws-prod-mysql.dump";
const DUMPS: &str = "alias/bbws-dumps";

fn config(rig: &Rig) -> Call {
    let action = Action::ConfigExport(step::ConfigExport {
        region: HOME.into(),
        parameters_prefix: "/bbws/prod/".into(),
        secrets_prefix: Some("bbws/prod/".into()),
        bucket: ARCHIVES.into(),
        key: "prod/config/20261121/bk-1001/config.json".into(),
    });
    rig.call(0, action)
}

fn record(rig: &Rig) -> Call {
    let action = Action::BucketRecord(step::BucketRecord {
        region: HOME.into(),
        source: MEDIA.into(),
        bucket: ARCHIVES.into(),
        key: "prod/s3/20261121/bk-1001/bbws-prod-media.jsonl.zst".into(),
    });
    rig.call(1, action)
}

fn dump(rig: &Rig) -> Call {
    let action = Action::DumpExport(step::DumpExport {
        region: HOME.into(),
        database: DB.into(),
        engine: Engine::Mysql,
        secret: LOGIN.into(),
        schemas: vec!["tenant_1".into()],
        bucket: ARCHIVES.into(),
        key: DUMP.into(),
        kms_key: DUMPS.into(),
    });
    rig.call(2, action)
}

fn bucket(rig: &Rig, sample: u32) -> Call {
    let replica = Some((AWAY.to_owned(), MEDIA_DR.to_owned()));
    rig.call(3, Action::VerifyBucket(step::VerifyBucket { region: HOME.into(), bucket: MEDIA.into(), replica, sample }))
}

#[tokio::test]
async fn an_archive_takes_its_time_and_lies_in_both_regions() {
    let rig = Rig::declared(71);
    for (call, kind) in
        [(config(&rig), PointKind::Config), (record(&rig), PointKind::S3), (dump(&rig), PointKind::Dump)]
    {
        let started = rig.lose(&call).await;
        assert!(!started.finished, "{kind}");
        let begun = rig.now();
        assert!(running(rig.poll(&call).await).0.unwrap() < 100);
        assert!(rig.newest(kind).created < begun, "it is not there yet");
        rig.pass(3);
        if kind == PointKind::Dump {
            let (percent, detail) = running(rig.poll(&call).await);
            assert!(percent.unwrap() > 30 && detail.contains("written"), "{percent:?} {detail}");
        }
        rig.pass(10);
        let outputs = done(rig.poll(&call).await);
        assert_eq!(outputs["sha256"].len(), 64);
        assert!(outputs["size"].parse::<u64>().unwrap() > 0 && outputs["count"].parse::<u32>().unwrap() > 0);
        let point = rig.newest(kind);
        assert_eq!((point.created, point.operation.as_deref()), (begun, Some("bk-1001")));
        let copies = rig.cloud.points_now("prod").into_iter().filter(|p| p.key() == point.key());
        assert_eq!(copies.count(), 2, "replicated");
        assert!(permanent(rig.cloud.start(&by("bk-1002", &call)).await).contains("was not written by bk-1002"));
    }
    assert!(rig.cloud.objects("prod", Side::Primary, ARCHIVES).contains(&DUMP.to_owned()));
    assert_eq!(rig.cloud.effects(), 3);
    assert!(rig.cloud.twice().is_empty());
}

#[tokio::test]
async fn what_breaks_off_may_be_begun_again() {
    let rig = Rig::declared(72);
    rig.cloud.start(&dump(&rig)).await.unwrap();
    rig.pass(1);
    assert_eq!(rig.cloud.interrupt_exports("prod"), 1);
    let gone = rig.poll(&dump(&rig)).await;
    assert!(matches!(&gone, Progress::Gone { reason } if reason.contains(DUMP)), "{gone:?}");
    assert_eq!(rig.cloud.probe(&dump(&rig)).await, Ok(Probe::Absent));
    rig.cloud.inject(Fault::JobFails, Target::next_start());
    rig.cloud.start(&dump(&rig)).await.unwrap();
    rig.pass(10);
    assert!(failed(rig.poll(&dump(&rig)).await).contains("broke off"));
    assert_eq!(rig.cloud.probe(&dump(&rig)).await, Ok(Probe::Absent));
    rig.finish(dump(&rig)).await;
    assert!(rig.cloud.twice().is_empty(), "what was begun before did not stand");
}

#[tokio::test]
async fn what_is_missing_is_named_before_anything_is_made() {
    let rig = Rig::declared(73);
    rig.cloud.delete_secret("prod", LOGIN);
    assert!(permanent(rig.cloud.start(&dump(&rig)).await).contains("secret bbws/prod/database does not exist"));
    rig.cloud.add_secret("prod", LOGIN);
    rig.cloud.disable_key("prod", Side::Primary, DUMPS);
    assert!(permanent(rig.cloud.start(&dump(&rig)).await).contains("alias/bbws-dumps in af-south-1 is disabled"));
    rig.cloud.set_key_enabled("prod", Side::Primary, DUMPS, true);
    rig.cloud.modify_database("prod", DB, |db| db.status = "stopped".into());
    assert!(is_retryable(&rig.cloud.start(&dump(&rig)).await));
    rig.cloud.delete_database("prod", DB);
    assert!(permanent(rig.cloud.start(&dump(&rig)).await).contains("bbws-prod-mysql does not exist"));
    let mut none = config(&rig);
    if let Action::ConfigExport(step::ConfigExport { parameters_prefix, .. }) = &mut none.action {
        *parameters_prefix = "/none/".into();
    }
    assert!(permanent(rig.cloud.start(&none).await).contains("no parameter under /none/"));
    rig.cloud.set_versioned("prod", MEDIA, false);
    assert!(permanent(rig.cloud.start(&record(&rig)).await).contains("suspended"));
    assert_eq!(rig.cloud.effects(), 0);
}

#[tokio::test]
async fn a_dump_is_verified_by_its_hash_and_retention() {
    let rig = Rig::declared(74);
    let verify = |days, sha256: &str| {
        let (region, bucket, key) = (HOME.to_owned(), ARCHIVES.to_owned(), DUMP.to_owned());
        let action = Action::VerifyDump(step::VerifyDump {
            region,
            bucket,
            key,
            engine: Engine::Mysql,
            retention_days: days,
            load_test: None,
        });
        with(rig.call(4, action), "sha256", sha256)
    };
    assert!(failed(rig.poll(&verify(30, "")).await).contains("does not exist"));
    let sha256 = rig.finish(dump(&rig)).await["sha256"].clone();
    done(rig.poll(&verify(30, &sha256)).await);
    assert!(refuted(rig.poll(&verify(7, &sha256)).await).0.contains("30 instead of 7"));
    rig.cloud.corrupt_object("prod", Side::Primary, ARCHIVES, DUMP);
    assert!(refuted(rig.poll(&verify(30, &sha256)).await).0.contains("hash"));
}

#[tokio::test]
async fn an_export_of_secrets_is_compared_with_what_is_live() {
    let rig = Rig::declared(75);
    let (region, prefix) = (HOME.to_owned(), "bbws/prod/".to_owned());
    let verify = rig.call(
        5,
        Action::VerifySecrets(step::VerifySecrets { region, prefix, bucket: ARCHIVES.into(), key: KEY.into() }),
    );
    assert!(failed(rig.poll(&verify).await).contains("does not exist"));
    rig.cloud.start(&rig.export()).await.unwrap();
    assert_eq!(done(rig.poll(&verify).await)["count"], "7");
    rig.cloud.rotate_secret("prod", LOGIN);
    rig.cloud.add_secret("prod", "bbws/prod/new");
    rig.cloud.delete_secret("prod", "bbws/prod/smtp");
    let (reason, _) = refuted(rig.poll(&verify).await);
    for why in ["database was rotated", "new is not in it", "smtp does not exist any more"] {
        assert!(reason.contains(why), "{reason}");
    }
}

#[tokio::test]
async fn a_bucket_is_verified_by_a_sample_of_its_newest_objects() {
    let rig = Rig::declared(76);
    let (_, detail) = running(rig.poll(&bucket(&rig, 20)).await);
    assert!(detail.contains("PENDING of 5 of the 20"), "{detail}");
    rig.pass(30);
    assert_eq!(done(rig.poll(&bucket(&rig, 20)).await)["sample"], "20");
    rig.cloud.write_object("prod", MEDIA, "slow.jpg", Ok(Duration::from_secs(600)));
    assert!(running(rig.poll(&bucket(&rig, 20)).await).1.contains("of 1 of the 20"));
    rig.pass(11);
    done(rig.poll(&bucket(&rig, 20)).await);
    rig.cloud.write_object("prod", MEDIA, "stuck.jpg", Err(()));
    assert!(refuted(rig.poll(&bucket(&rig, 20)).await).0.contains("stuck.jpg the first"));
    rig.cloud.remove_bucket_rule("prod", MEDIA);
    assert!(refuted(rig.poll(&bucket(&rig, 20)).await).0.contains("no replication rule"));
    rig.cloud.set_versioned("prod", MEDIA, false);
    assert!(refuted(rig.poll(&bucket(&rig, 20)).await).0.contains("suspended"));
    rig.cloud.region_down(AWAY, true);
    assert!(is_retryable(&rig.cloud.poll(&[bucket(&rig, 20)]).await.remove(0)));
}

#[tokio::test]
async fn a_rule_that_deletes_too_early_is_found() {
    let rig = Rig::declared(77);
    let verify = |bucket: &str, prefix: &str, min_days| {
        let (region, bucket, prefix) = (HOME.to_owned(), bucket.to_owned(), prefix.to_owned());
        rig.call(6, Action::VerifyLifecycle(step::VerifyLifecycle { region, bucket, prefix, min_days }))
    };
    let kept = rig.poll(&verify(ARCHIVES, "prod/", 2557)).await;
    assert!(matches!(&kept, Progress::Done { detail, .. } if detail.contains("STANDARD_IA after 30 days")), "{kept:?}");
    done(rig.poll(&verify(MEDIA, "", 365)).await);
    let rule = |prefix: &str| LifecycleFound {
        prefix: prefix.into(),
        transitions: vec![],
        expires: Some(20),
        noncurrent_expires: None,
    };
    rig.cloud.set_lifecycle("prod", ARCHIVES, vec![rule("sit/")]);
    done(rig.poll(&verify(ARCHIVES, "prod/", 30)).await);
    for prefix in ["", "prod/", "prod/dump/"] {
        rig.cloud.set_lifecycle("prod", ARCHIVES, vec![rule(prefix)]);
        let (reason, _) = refuted(rig.poll(&verify(ARCHIVES, "prod/", 30)).await);
        assert!(reason.contains("after 20 days") && reason.contains("kept for 30"), "{reason}");
    }
    assert!(failed(rig.poll(&verify("none", "", 30)).await).contains("none does not exist"));
}
