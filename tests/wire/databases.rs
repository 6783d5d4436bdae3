//! RDS: every step about databases, carried out by the real adapter.

use std::time::Duration;

use bbws::{
    adapters::sandbox::aws::{Fault, Target},
    domain::step::{
        Action, AutomatedBackups, DeleteInstance, DeleteSnapshot, RdsCopy, RdsSnapshot, RestoreTest, TagSnapshot,
        VerifySnapshot,
    },
    ports::cloud::{Call, Cloud as _, CloudError, Probe, Progress, Started},
};

use super::bed::{Bed, DR, HOME};

const DB: &str = "bbws-prod-mysql";
const NAME: &str = "bbws-prod-mysql-manual-20261121-bk-1001";
const INSTANCE: &str = "bbws-prod-mysql-restored-bk-1001";

fn snapshot(name: &str) -> Action {
    Action::RdsSnapshot(RdsSnapshot { region: HOME.into(), database: DB.into(), snapshot: name.into() })
}

fn copy(bed: &Bed, key: Option<&str>) -> Action {
    Action::RdsCopy(RdsCopy {
        from_region: HOME.into(),
        region: DR.into(),
        account: bed.environment.account.clone(),
        snapshot: NAME.into(),
        copy: format!("{NAME}-dr"),
        kms_key: key.map(str::to_owned),
    })
}

fn verify(region: &str, snapshot: &str, days: u32) -> Action {
    Action::VerifySnapshot(VerifySnapshot { region: region.into(), snapshot: snapshot.into(), retention_days: days })
}

fn restore(group: &str) -> Action {
    Action::RestoreTest(RestoreTest {
        region: HOME.into(),
        snapshot: NAME.into(),
        instance: INSTANCE.into(),
        subnet_group: group.into(),
        security_groups: vec!["sg-0123456789abcdef0".into()],
    })
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

async fn poll(bed: &Bed, call: &Call) -> Progress {
    bed.cloud.poll(std::slice::from_ref(call)).await.remove(0).expect("AWS answers")
}

async fn done(bed: &Bed, call: &Call) -> String {
    for _ in 0..60 {
        match poll(bed, call).await {
            Progress::Running { .. } => bed.clock.advance(minutes(1)),
            Progress::Done { detail, .. } => return detail,
            other => panic!("{other:?}"),
        }
    }
    panic!("it does not end");
}

async fn made(bed: &Bed, step: usize, action: Action) -> String {
    let call = bed.call(step, action);
    assert_eq!(bed.cloud.probe(&call).await, Ok(Probe::Absent));
    bed.cloud.start(&call).await.expect("it starts");
    assert!(matches!(bed.cloud.probe(&call).await, Ok(Probe::Present(_))));
    done(bed, &call).await
}

fn permanent<T: std::fmt::Debug>(answer: Result<T, CloudError>) -> String {
    match answer {
        Err(CloudError::Permanent { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

fn later<T: std::fmt::Debug>(answer: Result<T, CloudError>) -> String {
    match answer {
        Err(CloudError::Retryable { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_snapshot_goes_through_its_states_and_is_made_once() {
    let bed = Bed::new();
    let call = bed.call(0, snapshot(NAME));
    assert_eq!(bed.cloud.probe(&call).await, Ok(Probe::Absent));
    let started = bed.cloud.start(&call).await.unwrap();
    assert_eq!(started.external_id.as_deref(), Some(NAME));
    assert_eq!(poll(&bed, &call).await, Progress::Running { percent: Some(0), detail: "creating".into() });
    bed.clock.advance(minutes(4));
    assert!(matches!(poll(&bed, &call).await, Progress::Running { percent: Some(40..=70), .. }));
    // The name is the token: the same call again adopts what it made.
    assert_eq!(bed.cloud.start(&call).await.unwrap(), started);
    assert_eq!(bed.cloud.probe(&call).await, Ok(Probe::Present(started)));
    // One at a time of each instance.
    let reason = later(bed.cloud.start(&bed.call(1, snapshot("bbws-other"))).await);
    assert!(reason.contains("InvalidDBInstanceState"), "{reason}");
    bed.clock.advance(minutes(6));
    let detail = done(&bed, &call).await;
    assert!(detail.starts_with("available, encrypted, "), "{detail}");
    assert_eq!(bed.aws.effects(), 1);
    let foreign = Call { operation: bbws::domain::operation::OpId("bk-1002".into()), ..call };
    assert!(permanent(bed.cloud.start(&foreign).await).contains("this operation did not make"));
    assert_eq!(bed.aws.twice(), []);
}

#[tokio::test]
async fn an_instance_that_is_missing_or_stopped_is_told_so() {
    let bed = Bed::new();
    let account = bed.environment.account.clone();
    let gone = Action::RdsSnapshot(RdsSnapshot { region: HOME.into(), database: "gone".into(), snapshot: NAME.into() });
    assert!(permanent(bed.cloud.start(&bed.call(0, gone)).await).contains("DBInstanceNotFound"));
    bed.aws.change(|world, _| {
        world.region(&account, HOME).rds.instances.get_mut(DB).unwrap().status = "stopped".into();
    });
    assert!(later(bed.cloud.start(&bed.call(0, snapshot(NAME))).await).contains("not currently in the available"));
}

#[tokio::test]
async fn a_lost_reply_is_found_again_and_a_lost_request_is_not() {
    for (fault, there) in [(Fault::LostReply, true), (Fault::LostRequest, false), (Fault::HangsAfter, true)] {
        let bed = Bed::new();
        let call = bed.call(0, snapshot(NAME));
        bed.aws.inject(fault, Target::next().of("CreateDBSnapshot"));
        assert!(matches!(bed.cloud.start(&call).await, Err(CloudError::Unknown { .. })), "{fault:?}");
        let found = bed.cloud.probe(&call).await.unwrap();
        assert_eq!(matches!(found, Probe::Present(_)), there, "{fault:?}");
    }
}

#[tokio::test]
async fn a_snapshot_that_fails_or_is_slow_says_so() {
    let bed = Bed::new();
    bed.aws.inject(Fault::JobFails, Target::next().of("CreateDBSnapshot"));
    let call = bed.call(0, snapshot(NAME));
    bed.cloud.start(&call).await.unwrap();
    bed.clock.advance(minutes(10));
    assert!(matches!(poll(&bed, &call).await, Progress::Failed { reason } if reason.contains("is failed")));
    assert!(permanent(bed.cloud.start(&call).await).contains("exists but is failed"));
    bed.aws.inject(Fault::Slow(4.0), Target::next().of("CreateDBSnapshot"));
    let slow = bed.call(1, snapshot("bbws-slow"));
    bed.cloud.start(&slow).await.unwrap();
    bed.clock.advance(minutes(20));
    assert!(matches!(poll(&bed, &slow).await, Progress::Running { .. }));
    bed.clock.advance(minutes(20));
    assert!(matches!(poll(&bed, &slow).await, Progress::Done { .. }));
}

#[tokio::test]
async fn a_copy_needs_its_source_its_key_and_both_regions() {
    let bed = Bed::new();
    let key = bed.environment.dr_kms_key.clone().unwrap();
    let with_key = copy(&bed, Some(&key));
    assert!(permanent(bed.cloud.start(&bed.call(1, with_key.clone())).await).contains("DBSnapshotNotFound"));
    bed.cloud.start(&bed.call(0, snapshot(NAME))).await.unwrap();
    assert!(later(bed.cloud.start(&bed.call(1, with_key.clone())).await).contains("InvalidDBSnapshotState"));
    bed.clock.advance(minutes(10));
    assert!(permanent(bed.cloud.start(&bed.call(1, copy(&bed, None))).await).contains("specify a KmsKeyId"));
    let account = bed.environment.account.clone();
    let enable = |enabled| bed.aws.change(|world, _| world.region(&account, DR).kms.set_enabled(&key, enabled));
    assert!(enable(false));
    assert!(permanent(bed.cloud.start(&bed.call(1, with_key.clone())).await).contains("KMS key cannot be used"));
    assert!(enable(true));
    bed.aws.region_down(HOME, true);
    assert!(later(bed.cloud.start(&bed.call(1, with_key.clone())).await).contains("ServiceUnavailable"));
    bed.aws.heal();
    made(&bed, 1, with_key).await;
    let session = bed.session(DR).await;
    let found = bbws::adapters::aws::rds::describe(&session, &[&format!("{NAME}-dr")]).await.unwrap();
    let found = &found[&format!("{NAME}-dr")];
    assert_eq!(found.kms_key_id(), Some(enabled_key(&bed, &key)).as_deref());
    assert!(found.tag_list().iter().any(|tag| tag.key() == Some("bbws:operation")));
    assert!(found.original_snapshot_create_time() < found.snapshot_create_time(), "a copy is younger than its data");
    assert_eq!(bed.aws.twice(), []);
}

fn enabled_key(bed: &Bed, key: &str) -> String {
    bed.aws.look(|world, _| world.find(&bed.environment.account, DR).unwrap().kms.arn(key).unwrap().to_owned())
}

#[tokio::test]
async fn a_snapshot_is_held_against_what_was_promised() {
    let bed = Bed::new();
    made(&bed, 0, snapshot(NAME)).await;
    let account = bed.environment.account.clone();
    let call = bed.call(1, verify(HOME, NAME, 30));
    assert!(matches!(poll(&bed, &call).await, Progress::Done { detail, .. } if detail.contains("key usable in")));
    let longer = bed.call(1, verify(HOME, NAME, 90));
    assert!(matches!(poll(&bed, &longer).await, Progress::Failed { .. }));
    bed.aws.change(|world, _| world.region(&account, HOME).kms.set_enabled("alias/aws/rds", false));
    assert!(matches!(poll(&bed, &call).await, Progress::Failed { reason } if reason.contains("could not be restored")));
    bed.aws.change(|world, _| world.region(&account, HOME).rds.snapshots.clear());
    assert!(matches!(poll(&bed, &call).await, Progress::Failed { reason } if reason.contains("does not exist")));
}

#[tokio::test]
async fn a_snapshot_is_deleted_once_and_one_that_is_being_made_is_not() {
    let bed = Bed::new();
    let away = bed.call(1, Action::DeleteSnapshot(DeleteSnapshot { region: HOME.into(), snapshot: NAME.into() }));
    bed.cloud.start(&bed.call(0, snapshot(NAME))).await.unwrap();
    assert!(later(bed.cloud.start(&away).await).contains("InvalidDBSnapshotState"));
    bed.clock.advance(minutes(10));
    assert_eq!(bed.cloud.probe(&away).await, Ok(Probe::Absent));
    bed.cloud.start(&away).await.unwrap();
    assert!(matches!(bed.cloud.probe(&away).await, Ok(Probe::Present(Started { finished: false, .. }))));
    assert_eq!(done(&bed, &away).await, "deleted");
    assert!(matches!(bed.cloud.start(&away).await, Ok(Started { finished: true, .. })));
    assert_eq!(bed.aws.effects(), 2);
    // Its name is free again.
    bed.cloud.start(&bed.call(2, snapshot(NAME))).await.unwrap();
    assert_eq!(bed.aws.twice(), []);
}

#[tokio::test]
async fn a_tag_is_set_read_back_and_removed() {
    let bed = Bed::new();
    made(&bed, 0, snapshot(NAME)).await;
    let arn = format!("arn:aws:rds:{HOME}:{}:snapshot:{NAME}", bed.environment.account);
    let tag = |value: Option<&str>| {
        let (region, key) = (HOME.to_owned(), "bbws:hold".to_owned());
        Action::TagSnapshot(TagSnapshot { region, arn: arn.clone(), key, value: value.map(str::to_owned) })
    };
    assert_eq!(made(&bed, 1, tag(Some("hd-1"))).await, "tagged");
    bed.cloud.start(&bed.call(1, tag(Some("hd-1")))).await.unwrap();
    assert_eq!(bed.aws.effects(), 2, "the same tag again changes nothing");
    assert_eq!(made(&bed, 2, tag(None)).await, "tagged");
    assert_eq!(bed.aws.twice(), []);
}

#[tokio::test]
async fn automated_backups_are_changed_after_a_while() {
    let bed = Bed::new();
    let action = |days| {
        let (region, database) = (HOME.to_owned(), DB.to_owned());
        Action::AutomatedBackups(AutomatedBackups { region, database, days, window: Some("01:00-01:30".into()) })
    };
    let call = bed.call(0, action(14));
    assert_eq!(bed.cloud.probe(&call).await, Ok(Probe::Absent));
    bed.cloud.start(&call).await.unwrap();
    assert!(matches!(bed.cloud.probe(&call).await, Ok(Probe::Present(Started { finished: false, .. }))));
    assert!(matches!(poll(&bed, &call).await, Progress::Running { detail, .. } if detail.starts_with("modifying")));
    assert_eq!(done(&bed, &call).await, "kept 14 days, taken 01:00-01:30 UTC");
    bed.cloud.start(&call).await.unwrap();
    assert_eq!(bed.aws.effects(), 1, "what is as wanted is not changed again");
    assert!(permanent(bed.cloud.start(&bed.call(1, action(36))).await).contains("between 0 and 35"));
}

#[tokio::test]
async fn a_test_restore_comes_up_without_all_of_its_data_and_ends() {
    let bed = Bed::new();
    let group = bed.environment.isolated_subnet_group().to_owned();
    assert!(permanent(bed.cloud.start(&bed.call(1, restore(&group))).await).contains("DBSnapshotNotFound"));
    made(&bed, 0, snapshot(NAME)).await;
    assert!(permanent(bed.cloud.start(&bed.call(1, restore("none"))).await).contains("DBSubnetGroupNotFoundFault"));
    let call = bed.call(1, restore(&group));
    bed.cloud.start(&call).await.unwrap();
    let mut seen = Vec::new();
    let detail = loop {
        match poll(&bed, &call).await {
            Progress::Running { detail, .. } => seen.push(detail),
            Progress::Done { detail, .. } => break detail,
            other => panic!("{other:?}"),
        }
        bed.clock.advance(Duration::from_secs(10));
    };
    seen.dedup();
    assert_eq!(seen, ["creating", "available, storage Initializing"]);
    assert!(detail.contains(".af-south-1.rds.amazonaws.com:3306"), "{detail}");
    let away = |operation: &str| {
        let (region, instance) = (HOME.to_owned(), INSTANCE.to_owned());
        bed.call(2, Action::DeleteInstance(DeleteInstance { region, instance, operation: operation.into() }))
    };
    assert!(permanent(bed.cloud.start(&away("bk-1002")).await).contains("Nothing was done"));
    bed.cloud.start(&away("bk-1001")).await.unwrap();
    assert_eq!(bed.cloud.start(&away("bk-1001")).await.unwrap().external_id.as_deref(), Some(INSTANCE));
    assert_eq!(done(&bed, &away("bk-1001")).await, "gone, with its automated backups");
    assert_eq!(bed.aws.effects(), 3);
    assert_eq!(bed.aws.twice(), []);
}
