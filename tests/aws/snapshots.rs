//! Snapshots of databases, their copies in the DR region and their verification.

use std::time::Duration;

use bbws::{
    adapters::sandbox::aws::{Override, Target, world::rds::Snapshot},
    domain::step::{self, Action},
    ports::cloud::{Call, Cloud as _, CloudError, Probe, Progress},
};

use crate::aws::{
    bed::Bed,
    support::{DR, HOME, Platform, done, failed, permanent, poll},
};

const SNAPSHOT: &str = "bbws-prod-mysql-manual-20261121-bk-1042";
const COPY: &str = "bbws-prod-mysql-manual-20261121-bk-1042-dr";

pub fn snapshot() -> Action {
    Action::RdsSnapshot(step::RdsSnapshot {
        region: HOME.into(),
        database: "bbws-prod-mysql".into(),
        snapshot: SNAPSHOT.into(),
    })
}

pub fn copy(platform: &Platform) -> Action {
    Action::RdsCopy(step::RdsCopy {
        from_region: HOME.into(),
        region: DR.into(),
        account: platform.environment.account.clone(),
        snapshot: SNAPSHOT.into(),
        copy: COPY.into(),
        kms_key: Some("alias/bbws-dr".into()),
    })
}

pub fn verify(region: &str, days: u32) -> Action {
    let snapshot = if region == HOME { SNAPSHOT } else { COPY };
    Action::VerifySnapshot(step::VerifySnapshot {
        region: region.into(),
        snapshot: snapshot.into(),
        retention_days: days,
    })
}

/// Longer than RDS takes for a snapshot or a copy.
const LATER: Duration = Duration::from_secs(3600);

/// An AWS whose database is of 100 GiB.
fn on() -> Bed {
    let bed = Bed::new();
    bed.place(|place, _| place.rds.instances.get_mut("bbws-prod-mysql").expect("it is there").size_gib = 100);
    bed
}

/// Makes the snapshot and its copy on behalf of an operation.
async fn make(bed: &Bed, operation: &str) {
    bed.place(|place, _| {
        let instance = place.rds.instances.get_mut("bbws-prod-mysql").expect("it is there");
        (instance.size_gib, instance.version) = (100, "8.0.36".into());
    });
    for action in [snapshot(), copy(&bed.platform)] {
        bed.platform.cloud.start(&bed.platform.call_of(operation, action)).await.expect("it is made");
        bed.later(LATER);
    }
}

/// Makes the snapshot and its copy.
pub async fn made(bed: &Bed) {
    make(bed, "bk-1042").await;
}

/// An AWS in which an operation has made both.
async fn copied(operation: &str) -> Bed {
    let bed = Bed::new();
    make(&bed, operation).await;
    bed
}

/// Changes the copy past every API.
fn meddle(bed: &Bed, change: impl FnOnce(&mut Snapshot)) {
    bed.there(|place, _| change(place.rds.snapshots.get_mut(COPY).expect("it is there")));
}

#[tokio::test]
async fn a_snapshot_is_made_once_and_found_again() {
    let bed = on();
    let (cloud, call) = (&bed.platform.cloud, bed.platform.call(snapshot()));

    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    let started = cloud.start(&call).await.expect("it starts");
    assert_eq!(started.external_id.as_deref(), Some(SNAPSHOT));
    assert!(!started.finished);
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Present(started.clone())));
    assert_eq!(cloud.start(&call).await, Ok(started), "the same operation adopts what it made");

    let stranger = bed.platform.call_of("bk-7", snapshot());
    assert_eq!(cloud.probe(&stranger).await, Ok(Probe::Absent), "what another operation made is not ours");
    let reason = permanent(cloud.start(&stranger).await);
    assert_eq!(
        reason,
        format!(
            "Snapshot {SNAPSHOT} of database bbws-prod-mysql in af-south-1: a snapshot of that name exists that this operation did not make. \
             Look at it in RDS; delete or rename it, then retry."
        )
    );

    bed.later(LATER);
    let (outputs, detail) = done(poll(cloud, &call).await);
    assert_eq!(detail, "available, encrypted, 100 GiB");
    assert!(outputs["snapshot_arn"].ends_with(SNAPSHOT));
    assert_eq!(bed.aws.effects(), 1, "one was made");
}

#[tokio::test]
async fn a_copy_lands_in_the_dr_region_under_its_key() {
    let bed = on();
    let cloud = &bed.platform.cloud;
    cloud.start(&bed.platform.call(snapshot())).await.expect("a snapshot");
    bed.later(LATER);

    let call = bed.platform.call(copy(&bed.platform));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    let started = cloud.start(&call).await.expect("a copy");
    assert_eq!(cloud.start(&call).await, Ok(started.clone()), "the same operation adopts what it made");
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Present(started)));
    bed.later(LATER);

    let others = [verify(DR, 30), snapshot(), verify(HOME, 30)].map(|action| bed.platform.call(action));
    let answers = cloud.poll(&[&[call], &others[..]].concat()).await;
    let details: Vec<String> = answers.into_iter().map(|answer| done(answer).1).collect();
    assert_eq!(
        details,
        [
            "available, encrypted, 100 GiB",
            "available, encrypted, 100 GiB, key usable in eu-west-1",
            "available, encrypted, 100 GiB",
            "available, encrypted, 100 GiB, key usable in af-south-1",
        ]
    );
    let (key, is) = bed.there(|place, _| {
        (place.kms.usable("alias/bbws-dr").map(str::to_owned), place.rds.snapshots[COPY].key.clone())
    });
    assert!(key.is_some() && key == is, "{key:?}, {is:?}");
}

#[tokio::test]
async fn verification_says_what_does_not_hold() {
    let bed = on();
    let cloud = &bed.platform.cloud;
    assert!(failed(poll(cloud, &bed.platform.call(verify(HOME, 30))).await).contains("it does not exist"));
    cloud.start(&bed.platform.call(snapshot())).await.expect("a snapshot");
    let reason = failed(poll(cloud, &bed.platform.call(verify(HOME, 30))).await);
    assert!(reason.contains("it is creating, not available"), "{reason}");
    bed.later(LATER);
    assert_eq!(
        failed(poll(cloud, &bed.platform.call(verify(HOME, 7))).await),
        format!(
            "Snapshot {SNAPSHOT} in af-south-1 does not hold: its tag bbws:retention-days says 30 days instead of 7. Back up again."
        )
    );
    bed.place(|place, _| {
        let key = place.rds.snapshots[SNAPSHOT].key.clone().expect("it is encrypted");
        assert!(place.kms.set_enabled(&key, false));
    });
    let reason = failed(poll(cloud, &bed.platform.call(verify(HOME, 30))).await);
    assert!(reason.contains("could not be restored") && reason.contains("Disabled, not Enabled"), "{reason}");
}

#[tokio::test]
async fn a_snapshot_nobody_sees_is_neither_running_nor_failed() {
    let bed = on();
    let answer = poll(&bed.platform.cloud, &bed.platform.call(snapshot())).await;
    assert!(matches!(answer, Err(CloudError::Retryable { .. })), "{answer:?}");
    assert!(!matches!(answer, Ok(Progress::Failed { .. })));
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() {
    let bed = on();
    bed.place(|place, _| place.rds.instances.clear());
    let reason = permanent(bed.platform.cloud.start(&bed.platform.call(snapshot())).await);
    assert!(
        reason.contains("database bbws-prod-mysql in af-south-1: it does not exist (DBInstanceNotFound"),
        "{reason}"
    );
    assert!(reason.ends_with("Check its name and region in the config file."), "{reason}");
}

#[tokio::test]
async fn a_copy_is_asked_for_in_the_dr_region_by_arn_and_adopted_when_ours() {
    let bed = on();
    bed.platform.cloud.start(&bed.platform.call(snapshot())).await.expect("a snapshot");
    bed.later(LATER);
    let call = bed.platform.call(copy(&bed.platform));
    bed.platform.cloud.start(&call).await.expect("it is made");
    bed.platform.cloud.start(&call).await.expect("it is adopted");
    let asked = bed.asked("CopyDBSnapshot").remove(0);
    let source = format!("arn:aws:rds:af-south-1:093646564004:snapshot:{SNAPSHOT}");
    assert_eq!((asked.region.as_str(), asked.text("SourceDBSnapshotIdentifier")), (DR, Some(source.as_str())));
    let fields = ["TargetDBSnapshotIdentifier", "KmsKeyId", "CopyTags"].map(|name| asked.text(name));
    assert_eq!(fields, [Some(COPY), Some("alias/bbws-dr"), Some("true")]);
    assert_eq!(asked.tags("Tags")["bbws:operation"], "bk-1042", "tagged at once");
    bed.later(Duration::from_secs(300));
    match poll(&bed.platform.cloud, &call).await {
        Ok(Progress::Running { percent: Some(1..=99), detail }) => assert_eq!(detail, "copying"),
        other => panic!("it is on its way: {other:?}"),
    }
    let verified = poll(&bed.platform.cloud, &bed.platform.call(verify(DR, 30))).await;
    assert!(failed(verified).contains("it is copying, not available"));
}

#[tokio::test]
async fn a_copy_of_something_else_is_not_adopted() {
    let others = copied("bk-1").await;
    let elsewhere = copied("bk-1042").await;
    meddle(&elsewhere, |copy| copy.copied_from = Some("arn:aws:rds:af-south-1:1:snapshot:x".into()));
    for bed in [others, elsewhere] {
        let call = bed.platform.call(copy(&bed.platform));
        assert!(permanent(bed.platform.cloud.start(&call).await).contains("that this operation did not make"));
        assert_eq!(bed.platform.cloud.probe(&call).await, Ok(Probe::Absent));
    }
}

/// The same id is given again by an older copy of the ledger: neither its earlier life's copy, nor another ledger's, is ours.
#[tokio::test]
async fn a_copy_of_another_life_is_not_adopted() {
    const MINUTES: Duration = Duration::from_secs(600);
    for (ledger, made_before, ours) in
        [(None, MINUTES, false), (Some("01dbeef0"), Duration::ZERO, false), (None, MINUTES / 10, true)]
    {
        let bed = copied("bk-1042").await;
        meddle(&bed, |copy| copy.tags.extend(ledger.map(|name| ("bbws:ledger".to_owned(), name.to_owned()))));
        let made = bed.there(|place, _| place.rds.snapshots[COPY].timeline.begins);
        let mut call = Call { intended: made + made_before, ..bed.platform.call(copy(&bed.platform)) };
        call.tags.push(("bbws:ledger".into(), "5e1fca9e".into()));
        let probed = bed.platform.cloud.probe(&call).await.expect("it is seen");
        assert_eq!(probed != Probe::Absent, ours, "{ledger:?}, {made_before:?}");
        let started = bed.platform.cloud.start(&call).await;
        match ours {
            true => assert!(started.is_ok(), "AWS's clock may be a little behind: {started:?}"),
            false => assert!(permanent(started).contains("that this operation did not make"), "{ledger:?}"),
        }
    }
}

#[tokio::test]
async fn states_that_lead_nowhere_are_failures() {
    for state in ["failed", "incompatible-restore", "inaccessible-encryption-credentials", "copy-error"] {
        let bed = copied("bk-1042").await;
        let now = format!("<Status>{state}</Status>");
        bed.aws.override_answers(
            Target::always().of("DescribeDBSnapshots").in_region(DR),
            Override::xml(move |answer| answer.replace("<Status>available</Status>", &now)),
        );
        let call = bed.platform.call(copy(&bed.platform));
        assert!(failed(poll(&bed.platform.cloud, &call).await).contains("/bbws backup delete "), "{state}");
        assert!(permanent(bed.platform.cloud.start(&call).await).contains("/bbws backup delete "), "{state}");
    }
}

#[tokio::test]
async fn many_snapshots_are_asked_for_in_one_request() {
    let bed = copied("bk-1042").await;
    let actions = [copy(&bed.platform), verify(DR, 30), copy(&bed.platform), snapshot()];
    let calls = actions.map(|action| bed.platform.call(action));
    assert_eq!(bed.platform.cloud.poll(&calls).await.len(), 4);
    assert_eq!(bed.asked("DescribeDBSnapshots").len(), 2, "one per region");
}
