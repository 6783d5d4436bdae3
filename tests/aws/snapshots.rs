//! Snapshots of databases, their copies in the DR region and their verification, on moto.

use bbws::{
    domain::{
        moment::Moment,
        step::{self, Action},
    },
    ports::cloud::{Call, Cloud as _, CloudError, Probe, Progress},
};

use crate::aws::{
    fake::{Answer, Fake, Seen},
    support::{DR, HOME, Platform, done, environment, failed, permanent, poll},
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

/// A database, encrypted under a key of its region.
pub async fn database(platform: &Platform) -> String {
    let key = platform.key(HOME, None).await;
    let session = platform.setup(HOME).await;
    let request = session
        .rds()
        .create_db_instance()
        .db_instance_identifier("bbws-prod-mysql")
        .db_instance_class("db.m5.large")
        .engine("mysql");
    let request =
        request.engine_version("8.0.36").allocated_storage(100).storage_encrypted(true).kms_key_id(&key).multi_az(true);
    // moto gives a restored instance what its source has, whatever is asked for.
    let request = request.publicly_accessible(false);
    request.master_username("admin").master_user_password("not-a-secret").send().await.expect("a database");
    key
}

#[tokio::test]
async fn a_snapshot_is_made_once_and_found_again() {
    let platform = Platform::on_moto().await;
    database(&platform).await;
    let (cloud, call) = (&platform.cloud, platform.call(snapshot()));

    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    let started = cloud.start(&call).await.expect("it starts");
    assert_eq!(started.external_id.as_deref(), Some(SNAPSHOT));
    assert!(!started.finished);
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Present(started.clone())));
    assert_eq!(cloud.start(&call).await, Ok(started), "the same operation adopts what it made");

    let stranger = platform.call_of("bk-7", snapshot());
    assert_eq!(cloud.probe(&stranger).await, Ok(Probe::Absent), "what another operation made is not ours");
    let reason = permanent(cloud.start(&stranger).await);
    assert_eq!(
        reason,
        format!(
            "Snapshot {SNAPSHOT} of database bbws-prod-mysql in af-south-1: a snapshot of that name exists that this operation did not make. \
             Look at it in RDS; delete or rename it, then retry."
        )
    );

    let (outputs, detail) = done(poll(cloud, &call).await);
    assert_eq!(detail, "available, encrypted, 100 GiB");
    assert!(outputs["snapshot_arn"].ends_with(SNAPSHOT));
    let session = platform.setup(HOME).await;
    let all = session.rds().describe_db_snapshots().snapshot_type("manual").send().await.expect("a list");
    assert_eq!(all.db_snapshots().len(), 1);
}

#[tokio::test]
async fn a_copy_lands_in_the_dr_region_under_its_key() {
    let platform = Platform::on_moto().await;
    database(&platform).await;
    let key = platform.key(DR, Some("alias/bbws-dr")).await;
    let cloud = &platform.cloud;
    cloud.start(&platform.call(snapshot())).await.expect("a snapshot");

    let call = platform.call(copy(&platform));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    let started = cloud.start(&call).await.expect("a copy");
    assert_eq!(cloud.start(&call).await, Ok(started.clone()), "the same operation adopts what it made");
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Present(started)));

    let answers = cloud
        .poll(&[call, platform.call(verify(DR, 30)), platform.call(snapshot()), platform.call(verify(HOME, 30))])
        .await;
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
    let session = platform.setup(DR).await;
    let found = session.rds().describe_db_snapshots().db_snapshot_identifier(COPY).send().await.expect("the copy");
    let found = &found.db_snapshots()[0];
    assert!(
        [key.as_str(), "alias/bbws-dr"].contains(&found.kms_key_id().expect("a key"))
            || found.kms_key_id().is_some_and(|k| key.ends_with(k))
    );
}

#[tokio::test]
async fn verification_says_what_does_not_hold() {
    let platform = Platform::on_moto().await;
    let key = database(&platform).await;
    let cloud = &platform.cloud;
    assert!(failed(poll(cloud, &platform.call(verify(HOME, 30))).await).contains("it does not exist"));
    cloud.start(&platform.call(snapshot())).await.expect("a snapshot");
    assert_eq!(
        failed(poll(cloud, &platform.call(verify(HOME, 7))).await),
        format!(
            "Snapshot {SNAPSHOT} in af-south-1 does not hold: its tag bbws:retention-days says 30 days instead of 7. Back up again."
        )
    );
    platform
        .setup(HOME)
        .await
        .kms()
        .disable_key()
        .key_id(key.rsplit('/').next().expect("an id"))
        .send()
        .await
        .expect("disabled");
    let reason = failed(poll(cloud, &platform.call(verify(HOME, 30))).await);
    assert!(reason.contains("could not be restored") && reason.contains("Disabled, not Enabled"), "{reason}");
}

#[tokio::test]
async fn a_snapshot_nobody_sees_is_neither_running_nor_failed() {
    let platform = Platform::on_moto().await;
    let answer = poll(&platform.cloud, &platform.call(snapshot())).await;
    assert!(matches!(answer, Err(CloudError::Retryable { .. })), "{answer:?}");
    assert!(!matches!(answer, Ok(Progress::Failed { .. })));
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() {
    let platform = Platform::on_moto().await;
    let reason = permanent(platform.cloud.start(&platform.call(snapshot())).await);
    assert!(
        reason.contains("database bbws-prod-mysql in af-south-1: it does not exist (DBInstanceNotFound"),
        "{reason}"
    );
    assert!(reason.ends_with("Check its name and region in the config file."), "{reason}");
}

fn xml(status: u16, body: String) -> Answer {
    Answer { status, headers: vec![("content-type", "text/xml".into())], body }
}

/// RDS with one snapshot of the copy's name, in which some fields are as said.
async fn rds_with(fields: &'static str, operation: &'static str) -> (Fake, Platform) {
    let script = move |seen: &Seen| {
        match seen.field("Action").as_deref() {
        Some("DescribeDBSnapshots") => xml(
            200,
            format!(
                "<DescribeDBSnapshotsResponse><DescribeDBSnapshotsResult><DBSnapshots><DBSnapshot><DBSnapshotIdentifier>{COPY}</DBSnapshotIdentifier>{fields}\
                 <TagList><Tag><Key>bbws:operation</Key><Value>{operation}</Value></Tag></TagList></DBSnapshot></DBSnapshots></DescribeDBSnapshotsResult></DescribeDBSnapshotsResponse>"
            ),
        ),
        _ => xml(400, "<ErrorResponse><Error><Code>DBSnapshotAlreadyExists</Code><Message>exists</Message></Error></ErrorResponse>".into()),
    }
    };
    let fake = Fake::start(script).await;
    let mut environment = environment(false);
    environment.account = "093646564004".into();
    let platform = Platform::on(&fake.address, &[], environment).await;
    (fake, platform)
}

const SOURCE: &str = "<SourceDBSnapshotIdentifier>arn:aws:rds:af-south-1:093646564004:snapshot:bbws-prod-mysql-manual-20261121-bk-1042</SourceDBSnapshotIdentifier>\
     <Status>creating</Status><PercentProgress>37</PercentProgress>";

#[tokio::test]
async fn a_copy_is_asked_for_in_the_dr_region_by_arn_and_adopted_when_ours() {
    let (fake, platform) = rds_with(SOURCE, "bk-1042").await;
    let call = platform.call(copy(&platform));
    platform.cloud.start(&call).await.expect("it is adopted");
    let asked = &fake.seen()[0];
    let field = |name: &str| asked.field(name).unwrap_or_default();
    assert_eq!(field("Action"), "CopyDBSnapshot");
    assert_eq!(field("SourceDBSnapshotIdentifier"), format!("arn:aws:rds:af-south-1:093646564004:snapshot:{SNAPSHOT}"));
    assert_eq!(
        (field("TargetDBSnapshotIdentifier").as_str(), field("KmsKeyId").as_str(), field("CopyTags").as_str()),
        (COPY, "alias/bbws-dr", "true")
    );
    assert!(asked.form().iter().any(|(_, value)| value == "bbws:operation"), "tagged at once");
    assert_eq!(
        poll(&platform.cloud, &call).await,
        Ok(Progress::Running { percent: Some(37), detail: "creating".into() })
    );
    assert!(
        failed(poll(&platform.cloud, &platform.call(verify(DR, 30))).await).contains("it is creating, not available")
    );
}

#[tokio::test]
async fn a_copy_of_something_else_is_not_adopted() {
    for (fields, operation) in [
        (SOURCE, "bk-1"),
        ("<SourceDBSnapshotIdentifier>arn:aws:rds:af-south-1:1:snapshot:x</SourceDBSnapshotIdentifier>", "bk-1042"),
    ] {
        let (_fake, platform) = rds_with(fields, operation).await;
        let call = platform.call(copy(&platform));
        assert!(permanent(platform.cloud.start(&call).await).contains("that this operation did not make"));
        assert_eq!(platform.cloud.probe(&call).await, Ok(Probe::Absent));
    }
}

/// The same id is given again by an older copy of the ledger: neither its earlier life's copy, nor another ledger's, is ours.
#[tokio::test]
async fn a_copy_of_another_life_is_not_adopted() {
    const OLD: &str = "<Status>available</Status><SnapshotCreateTime>2026-11-21T03:00:00Z</SnapshotCreateTime>";
    const NEW: &str = "<Status>available</Status><SnapshotCreateTime>2026-11-21T03:20:00Z</SnapshotCreateTime>";
    const OTHERS: &str = "bk-1042</Value></Tag><Tag><Key>bbws:ledger</Key><Value>01dbeef0";
    const OURS: &str = "<Status>available</Status><SnapshotCreateTime>2026-11-21T03:09:00Z</SnapshotCreateTime>";
    let intended = Moment(1_795_230_600_000);
    assert_eq!(intended.iso(), "2026-11-21T03:10:00Z");
    for (fields, operation, ours) in [(OLD, "bk-1042", false), (NEW, OTHERS, false), (OURS, "bk-1042", true)] {
        let (_fake, platform) = rds_with(fields, operation).await;
        let mut call = Call { intended, ..platform.call(copy(&platform)) };
        call.tags.push(("bbws:ledger".into(), "5e1fca9e".into()));
        let probed = platform.cloud.probe(&call).await.expect("it is seen");
        assert_eq!(probed != Probe::Absent, ours, "{fields}");
        let started = platform.cloud.start(&call).await;
        match ours {
            true => assert!(started.is_ok(), "AWS's clock may be a little behind: {started:?}"),
            false => assert!(permanent(started).contains("that this operation did not make"), "{fields}"),
        }
    }
}

#[tokio::test]
async fn states_that_lead_nowhere_are_failures() {
    for state in [
        "<Status>failed</Status>",
        "<Status>incompatible-restore</Status>",
        "<Status>inaccessible-encryption-credentials</Status>",
        "<Status>copy-error</Status>",
    ] {
        let (_fake, platform) = rds_with(state, "bk-1042").await;
        let call = platform.call(copy(&platform));
        assert!(failed(poll(&platform.cloud, &call).await).contains("/bbws backup delete "), "{state}");
        assert!(permanent(platform.cloud.start(&call).await).contains("/bbws backup delete "), "{state}");
    }
}

#[tokio::test]
async fn many_snapshots_are_asked_for_in_one_request() {
    let (fake, platform) = rds_with(SOURCE, "bk-1042").await;
    let calls = [
        platform.call(copy(&platform)),
        platform.call(verify(DR, 30)),
        platform.call(copy(&platform)),
        platform.call(snapshot()),
    ];
    assert_eq!(platform.cloud.poll(&calls).await.len(), 4);
    assert_eq!(fake.seen().len(), 2, "one per region");
}
