//! Test restores in the simulated AWS: made once, looked into, removed; and all of it outlives the process.

use bbws::{
    adapters::sandbox::cloud::{Fault, Side, Target},
    domain::{
        environment::Engine,
        exhibit::Report,
        point::PointKind,
        step::{self, Action},
    },
    ports::cloud::{Call, Cloud as _, Probe},
};

use super::rig::*;

const INSTANCE: &str = "bbws-prod-mysql-restored-bk-1001";

fn restore(rig: &Rig) -> Call {
    let action = Action::RestoreTest(step::RestoreTest {
        region: HOME.into(),
        snapshot: rig.newest(PointKind::Rds).id,
        instance: INSTANCE.into(),
        subnet_group: "bbws-isolated".into(),
        security_groups: vec!["sg-1".into()],
    });
    rig.call(0, action)
}

fn compare(rig: &Rig, rpo_minutes: u64) -> Call {
    let action = Action::VerifyDatabase(step::VerifyDatabase {
        region: HOME.into(),
        instance: INSTANCE.into(),
        database: DB.into(),
        engine: Engine::Mysql,
        secret: Some(LOGIN.into()),
        schemas: vec![],
        wordpress: vec!["tenant_1".into()],
        data_of: rig.cloud.now(),
        rpo_seconds: rpo_minutes * 60,
    });
    rig.call(1, action)
}

fn delete(rig: &Rig) -> Call {
    let (region, instance) = (HOME.to_owned(), INSTANCE.to_owned());
    rig.call(2, Action::DeleteInstance(step::DeleteInstance { region, instance, operation: "bk-1001".into() }))
}

#[tokio::test]
async fn an_instance_is_restored_once_looked_into_and_removed() {
    let rig = Rig::declared(81);
    let call = restore(&rig);
    rig.lose(&call).await;
    assert_eq!(running(rig.poll(&call).await), (None, "creating".to_owned()));
    assert_eq!(running(rig.poll(&compare(&rig, 60)).await).1, "creating");
    assert!(is_retryable(&rig.cloud.start(&delete(&rig)).await), "not while it is being made");
    rig.pass(14);
    let outputs = done(rig.poll(&call).await);
    assert_eq!((outputs["restored_instance"].as_str(), outputs["port"].as_str()), (INSTANCE, "3306"));
    assert!(outputs["endpoint"].starts_with(INSTANCE) && outputs["endpoint"].ends_with("rds.amazonaws.com"));
    let there = rig.cloud.instances();
    assert_eq!((there[0].status.as_str(), there[0].operation.as_str()), ("available", "bk-1001"));
    assert_eq!(
        (there[0].subnet_group.as_str(), &there[0].security_groups[..]),
        ("bbws-isolated", &["sg-1".to_owned()][..])
    );
    let readings = rig.cloud.readings(&rig.environment, "U0ALICE").await.unwrap();
    assert!(readings.existing.as_ref().unwrap().iter().any(|e| e.id == INSTANCE));
    assert_eq!(readings.unprotected(&rig.environment).unwrap().len(), 1, "a test restore is not meant to last");

    let report = Report::of(&done(rig.poll(&compare(&rig, 60)).await)).unwrap();
    let table = report.exhibit.table.unwrap();
    assert!(report.breaches.is_empty() && table.rows.len() == 9, "{table:?}");
    assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));

    rig.lose(&delete(&rig)).await;
    assert_eq!(running(rig.poll(&delete(&rig)).await).1, "deleting");
    assert_eq!(rig.cloud.instances()[0].status, "deleting");
    rig.pass(7);
    done(rig.poll(&delete(&rig)).await);
    assert!(rig.cloud.instances().is_empty());
    assert!(matches!(rig.cloud.probe(&delete(&rig)).await, Ok(Probe::Present(_))));
    assert!(rig.cloud.twice().is_empty());
    rig.cloud.start(&by("bk-1002", &delete(&rig))).await.unwrap();
    assert_eq!(rig.cloud.twice().len(), 1, "another operation removes what is gone");
}

#[tokio::test]
async fn what_was_not_restored_as_it_was_is_told() {
    let rig = Rig::declared(82);
    assert!(rig.cloud.corrupt_restore("prod", DB, true));
    rig.cloud.start(&restore(&rig)).await.unwrap();
    rig.pass(14);
    let (reason, outputs) = refuted(rig.poll(&compare(&rig, 60)).await);
    assert!(reason.contains("more than 0.1 % apart"), "{reason}");
    let report = Report::of(&outputs).unwrap();
    assert_eq!(report.breaches.len(), 1);
    let rows = report.exhibit.table.unwrap().rows;
    assert_eq!(rows.iter().filter(|row| row[3] == "differs").map(|row| row[0].as_str()).collect::<Vec<_>>(), ["rows"]);

    let rig = Rig::declared(82);
    rig.cloud.start(&restore(&rig)).await.unwrap();
    rig.pass(14);
    assert!(refuted(rig.poll(&compare(&rig, 30)).await).0.contains("RPO 30 min"));
    rig.cloud.set_engine_version("prod", DB, "8.4.0");
    assert!(refuted(rig.poll(&compare(&rig, 60)).await).0.contains("engine differs"));
    rig.cloud.delete_secret("prod", LOGIN);
    assert!(refuted(rig.poll(&compare(&rig, 60)).await).0.contains("secret bbws/prod/database does not exist"));
    rig.cloud.delete_database("prod", DB);
    assert!(failed(rig.poll(&compare(&rig, 60)).await).contains("nothing to compare with"));
}

#[tokio::test]
async fn only_a_restored_instance_of_the_operation_is_ever_removed() {
    let rig = Rig::declared(83);
    rig.cloud.start(&restore(&rig)).await.unwrap();
    rig.pass(14);
    let of = |instance: &str, operation: &str| {
        let (region, instance, operation) = (HOME.to_owned(), instance.to_owned(), operation.to_owned());
        rig.call(2, Action::DeleteInstance(step::DeleteInstance { region, instance, operation }))
    };
    assert!(permanent(rig.cloud.start(&of(DB, "bk-1001")).await).contains("is no test restore"));
    assert!(permanent(rig.cloud.start(&of(INSTANCE, "bk-1002")).await).contains("was not restored by bk-1002"));
    assert!(rig.cloud.add_database("prod", "x-restored-bk-1001", Engine::Mysql));
    assert!(permanent(rig.cloud.start(&of("x-restored-bk-1001", "bk-1001")).await).contains("is no test restore"));
    assert!(permanent(rig.cloud.start(&by("bk-1002", &restore(&rig))).await).contains("was not restored by bk-1002"));
    assert_eq!(rig.cloud.effects(), 1);
}

#[tokio::test]
async fn a_restore_or_removal_that_fails_can_be_repeated() {
    let rig = Rig::declared(84);
    rig.cloud.inject(Fault::JobFails, Target::next_start());
    rig.cloud.start(&restore(&rig)).await.unwrap();
    rig.pass(14);
    assert!(failed(rig.poll(&restore(&rig)).await).contains("delete bbws-prod-mysql-restored-bk-1001"));
    assert!(permanent(rig.cloud.start(&restore(&rig)).await).contains("is failed"));
    rig.cloud.inject(Fault::JobFails, Target::next_start());
    rig.cloud.start(&delete(&rig)).await.unwrap();
    rig.pass(7);
    assert!(failed(rig.poll(&delete(&rig)).await).contains("could not delete"));
    rig.finish(delete(&rig)).await;
    rig.finish(restore(&rig)).await;
    assert!(rig.cloud.twice().is_empty());

    let mut second = restore(&rig);
    if let Action::RestoreTest(step::RestoreTest { instance, .. }) = &mut second.action {
        instance.push_str("-2");
    }
    rig.cloud.start(&Call { step: 7, token: "bk-1001-7-r0".into(), ..second }).await.unwrap();
    assert_eq!(rig.cloud.twice().len(), 1, "one snapshot, restored by two steps");
}

#[tokio::test]
async fn a_restore_needs_a_usable_snapshot_and_the_isolated_network() {
    let rig = Rig::declared(85);
    rig.cloud.delete_subnet_group("prod", "bbws-isolated");
    assert!(permanent(rig.cloud.start(&restore(&rig)).await).contains("DBSubnetGroupNotFoundFault"));
    rig.cloud.disable_key("prod", Side::Primary, "alias/aws/rds");
    assert!(permanent(rig.cloud.start(&restore(&rig)).await).contains("disabled"));
    let call = restore(&rig);
    rig.cloud.remove_backups_since("prod", START - std::time::Duration::from_secs(86_400 * 30));
    assert!(permanent(rig.cloud.start(&call).await).contains("does not exist"));
    assert!(rig.cloud.instances().is_empty());
}

#[tokio::test]
async fn new_state_outlives_the_process_and_an_older_file_grows_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("aws.json");
    let first = Rig::declared(86);
    first.cloud.keep_in(&file).unwrap();
    let point = first.newest(PointKind::Rds);
    first.cloud.start(&restore(&first)).await.unwrap();
    first.cloud.lock_vault("prod", Side::Primary, "bbws-prod", true);
    let known = (first.cloud.points_now("prod"), first.cloud.instances());
    // It is written anew with every change.
    assert!(std::fs::metadata(&file).unwrap().len() < 1 << 20);
    drop(first);
    let second = Rig::declared(87);
    second.cloud.keep_in(&file).unwrap();
    assert_eq!((second.cloud.points_now("prod"), second.cloud.instances()), known);
    assert_eq!(second.newest(PointKind::Rds), point);
    assert!(matches!(second.cloud.probe(&restore(&second)).await, Ok(Probe::Present(_))));

    let file = folder.path().join("older.json");
    let older = Rig::new(88);
    older.cloud.keep_in(&file).unwrap();
    older.cloud.start(&older.snapshot()).await.unwrap();
    let mut kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    kept["aws"].as_object_mut().unwrap().remove("grown");
    for regions in kept["aws"]["accounts"].as_object_mut().unwrap().values_mut() {
        for place in regions.as_object_mut().unwrap().values_mut() {
            for new in
                ["parameters", "subnet_groups", "plans", "holds", "instances", "past_jobs", "modifying", "deleted"]
            {
                place.as_object_mut().unwrap().remove(new).unwrap();
            }
        }
    }
    std::fs::write(&file, kept.to_string()).unwrap();
    let newer = Rig::declared(89);
    newer.cloud.keep_in(&file).unwrap();
    assert_eq!(newer.cloud.points_now("prod").iter().filter(|p| p.id == SNAPSHOT).count(), 1, "what was there stays");
    assert!(newer.cloud.points_now("prod").len() > 100, "what is declared now was grown");
    assert!(!newer.cloud.objects("prod", Side::Primary, MEDIA).is_empty());
}
