//! What ends recovery points, and what keeps them from ending.

use bbws::{
    domain::{
        moment::Moment,
        step::{self, Action},
    },
    ports::cloud::{Call, Cloud as _, CloudError, Probe, Progress},
};
use serde_json::json as value;

use crate::aws::{
    fake::{Answer, Fake},
    snapshots,
    support::{HOME, Platform, done, environment, failed, permanent, poll, refuted},
    vaults::{Trouble, Vaults},
};

const POINT: &str = "arn:aws:backup:af-south-1:093646564004:recovery-point:1";
const FS: &str = "arn:aws:elasticfilesystem:af-south-1:093646564004:file-system/fs-0900d000000000001";
const SNAPSHOT: &str = "bbws-prod-mysql-manual-20261121-bk-1042";

pub fn delete_point() -> Action {
    Action::DeletePoint(step::DeletePoint {
        region: HOME.into(),
        vault: "bbws-prod".into(),
        recovery_point: POINT.into(),
    })
}

pub fn delete_snapshot() -> Action {
    Action::DeleteSnapshot(step::DeleteSnapshot { region: HOME.into(), snapshot: SNAPSHOT.into() })
}

pub fn hold() -> Action {
    Action::LegalHold(step::LegalHold {
        region: HOME.into(),
        vault: "bbws-prod".into(),
        resource_arn: FS.into(),
        created: Moment(1_700_000_000_250),
        title: "bbws CHG-1".into(),
    })
}

pub fn release(id: &str) -> Action {
    Action::ReleaseHold(step::ReleaseHold { region: HOME.into(), hold: id.into(), description: "CHG-2".into() })
}

pub fn tag(arn: &str, value: Option<&str>) -> Action {
    Action::TagSnapshot(step::TagSnapshot {
        region: HOME.into(),
        arn: arn.into(),
        key: "bbws:hold".into(),
        value: value.map(str::to_owned),
    })
}

fn named(id: &str, call: Call) -> Call {
    Call { external_id: Some(id.to_owned()), ..call }
}

async fn on() -> (Vaults, Platform) {
    let vaults = Vaults::start().await;
    vaults.with(|state| state.points.insert(POINT.into(), "COMPLETED"));
    let platform = vaults.platform(environment(false)).await;
    (vaults, platform)
}

fn running(detail: &str) -> Result<Progress, CloudError> {
    Ok(Progress::Running { percent: None, detail: detail.into() })
}

#[tokio::test]
async fn a_recovery_point_is_gone_when_nobody_can_describe_it() {
    let (vaults, platform) = on().await;
    let (cloud, call) = (&platform.cloud, platform.call(delete_point()));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    vaults.with(|state| state.deleted_become = Some("DELETING"));
    let started = cloud.start(&call).await.expect("it is accepted");
    assert!(!started.finished);
    assert_eq!(vaults.changes(), [format!("DELETE /backup-vaults/bbws-prod/recovery-points/{POINT}")]);
    assert_eq!(poll(cloud, &call).await, running("DELETING"));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Present(started)), "it is on its way");
    vaults.with(|state| state.points.clear());
    assert_eq!(done(poll(cloud, &call).await).1, "deleted");
    assert!(matches!(cloud.probe(&call).await, Ok(Probe::Present(s)) if s.finished));
    assert!(cloud.start(&call).await.expect("that it is gone is what is wanted").finished);
}

#[tokio::test]
async fn a_recovery_point_that_aws_could_not_delete_is_a_failure() {
    let (vaults, platform) = on().await;
    vaults.with(|state| state.deleted_become = Some("EXPIRED"));
    let call = platform.call(delete_point());
    platform.cloud.start(&call).await.expect("AWS says yes");
    let reason = failed(poll(&platform.cloud, &call).await);
    assert!(
        reason.contains("left it EXPIRED: The role may not.") && reason.contains("AWSBackupServiceRolePolicyForBackup"),
        "{reason}"
    );
    assert_eq!(platform.cloud.probe(&call).await, Ok(Probe::Absent), "a repeat asks AWS again");
}

#[tokio::test]
async fn what_is_held_or_locked_is_not_deleted() {
    let (vaults, platform) = on().await;
    let call = platform.call(delete_point());
    let refuse = |code| vaults.with(|state| state.trouble = vec![Trouble::Refused("DELETE", "/backup-vaults", code)]);
    refuse("InvalidRequestException");
    let reason = permanent(platform.cloud.start(&call).await);
    assert_eq!(
        reason,
        format!(
            "Recovery point {POINT} in vault bbws-prod in af-south-1: AWS Backup does not let it go (as the test says). \
             Look at it in vault bbws-prod in AWS Backup in af-south-1, mend what AWS names, then retry."
        )
    );
    refuse("InvalidResourceStateException");
    assert!(matches!(platform.cloud.start(&call).await, Err(CloudError::Retryable { .. })), "another job is on it");
    refuse("ThrottlingException");
    assert!(matches!(platform.cloud.start(&call).await, Err(CloudError::Retryable { .. })));
    vaults.with(|state| state.trouble = vec![Trouble::Lost("DELETE", "/backup-vaults")]);
    // Repeated by the SDK, the lost deletion answers that there is nothing.
    let answer = platform.cloud.start(&call).await;
    assert!(matches!(answer, Err(CloudError::Unknown { .. })), "{answer:?}");
    vaults.with(|state| state.trouble.clear());
    assert!(matches!(platform.cloud.probe(&call).await, Ok(Probe::Present(s)) if s.finished));
}

#[tokio::test]
async fn a_snapshot_is_deleted_once_and_watched_with_others() {
    let platform = Platform::on_moto().await;
    snapshots::database(&platform).await;
    let (cloud, call) = (&platform.cloud, platform.call(delete_snapshot()));
    cloud.start(&platform.call(snapshots::snapshot())).await.expect("a snapshot");
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    assert_eq!(poll(cloud, &call).await, running("available"));
    assert!(!cloud.start(&call).await.expect("it is deleted").finished);
    assert_eq!(done(poll(cloud, &call).await).1, "deleted");
    assert!(matches!(cloud.probe(&call).await, Ok(Probe::Present(s)) if s.finished));
    assert!(cloud.start(&call).await.expect("it is gone").finished);
}

#[tokio::test]
async fn a_hold_is_over_one_second_of_one_resource_in_one_vault() {
    let (vaults, platform) = on().await;
    let (cloud, call) = (&platform.cloud, platform.call(hold()));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    let started = cloud.start(&call).await.expect("it is placed");
    assert_eq!((started.external_id.as_deref(), started.finished), (Some("hold-1"), false));
    let asked = vaults.fake.asked("POST", "/legal-holds")[0].json();
    assert_eq!((&asked["Title"], &asked["IdempotencyToken"]), (&value!("bbws CHG-1"), &value!("bk-1042-0-r0")));
    assert_eq!(
        asked["RecoveryPointSelection"],
        value!({
            "VaultNames": ["bbws-prod"],
            "ResourceIdentifiers": [FS],
            "DateRange": { "FromDate": 1_700_000_000, "ToDate": 1_700_000_001 },
        })
    );
    assert_eq!(asked["Tags"]["bbws:operation"], "bk-1042");
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Present(started.clone())));
    assert_eq!(cloud.start(&call).await, Ok(started), "the same token gives the same hold");
    assert_eq!(cloud.probe(&platform.call_of("bk-7", hold())).await, Ok(Probe::Absent), "that is another's hold");
    let call = named("hold-1", call);
    assert_eq!(poll(cloud, &call).await, running("CREATING"));
    vaults.with(|state| state.holds.get_mut("hold-1").expect("it is there")["Status"] = "ACTIVE".into());
    let (outputs, detail) = done(poll(cloud, &call).await);
    assert_eq!(outputs["legal_hold"], "hold-1");
    assert_eq!(detail, "ACTIVE, and holds the recovery point");
    vaults.with(|state| state.holds_nothing = true);
    let (why, _) = refuted(poll(cloud, &call).await);
    assert!(why.contains("holds no recovery point of"), "{why}");
    vaults.with(|state| state.holds_nothing = false);
    vaults.with(|state| state.holds.get_mut("hold-1").expect("it is there")["Status"] = "CANCELED".into());
    assert!(failed(poll(cloud, &call).await).contains("somebody cancelled it"));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent), "a hold that is over holds nothing");
    let unseen = poll(cloud, &named("hold-9", call)).await;
    assert!(matches!(unseen, Err(CloudError::Retryable { .. })), "{unseen:?}");
}

/// An older copy of a ledger gives the same ids again, and AWS keeps what its earlier life held.
#[tokio::test]
async fn the_hold_of_another_life_is_not_taken_for_ours() {
    const ASKED: i64 = 1_795_230_600;
    let (vaults, platform) = on().await;
    let as_ledger = |name: &str, asked: i64| {
        let mut call = Call { intended: Moment(asked * 1000), ..platform.call(hold()) };
        call.tags.push(("bbws:ledger".into(), name.into()));
        call
    };
    vaults.with(|state| state.made = Some(ASKED - 200));
    let call = as_ledger("5e1fca9e", ASKED);
    let placed = platform.cloud.start(&call).await.expect("AWS's clock may be a little behind");
    assert_eq!(platform.cloud.probe(&call).await, Ok(Probe::Present(placed)));
    let later = as_ledger("5e1fca9e", ASKED + 3600);
    assert_eq!(platform.cloud.probe(&later).await, Ok(Probe::Absent), "it is older than the intent");
    let answer = permanent(platform.cloud.start(&later).await);
    assert!(answer.contains("an earlier life of the ledger"), "the token gives that hold again: {answer}");
    let other = Call { token: "01dbeef0-bk-1042-0-r0".into(), ..as_ledger("01dbeef0", ASKED) };
    assert_eq!(platform.cloud.probe(&other).await, Ok(Probe::Absent), "it is another ledger's");
    vaults.with(|state| state.made = Some(ASKED));
    let second = platform.cloud.start(&other).await.expect("it is placed beside the other");
    assert_eq!(second.external_id.as_deref(), Some("hold-2"));
}

#[tokio::test]
async fn a_hold_whose_reply_is_lost_is_found_again() {
    let (vaults, platform) = on().await;
    let call = platform.call(hold());
    vaults.with(|state| state.trouble = vec![Trouble::Lost("POST", "/legal-holds")]);
    let answer = platform.cloud.start(&call).await;
    assert!(matches!(answer, Err(CloudError::Unknown { .. })), "{answer:?}");
    assert_eq!(vaults.with(|state| state.holds.len()), 1);
    vaults.with(|state| state.trouble.clear());
    let Ok(Probe::Present(found)) = platform.cloud.probe(&call).await else { panic!("it is there") };
    assert_eq!((found.external_id.as_deref(), found.outputs["legal_hold"].as_str()), (Some("hold-1"), "hold-1"));
    vaults.with(|state| state.trouble = vec![Trouble::Refused("POST", "/legal-holds", "LimitExceededException")]);
    assert!(matches!(platform.cloud.start(&call).await, Err(CloudError::Retryable { .. })));
}

#[tokio::test]
async fn a_hold_is_released_once() {
    let (vaults, platform) = on().await;
    let cloud = &platform.cloud;
    cloud.start(&platform.call(hold())).await.expect("it is placed");
    let call = platform.call(release("hold-1"));
    let is = |status: &str| {
        vaults.with(|state| state.holds.get_mut("hold-1").expect("it is there")["Status"] = status.into())
    };
    let answer = cloud.start(&call).await;
    assert!(matches!(answer, Err(CloudError::Retryable { .. })), "it is still being placed: {answer:?}");
    is("ACTIVE");
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    assert!(!cloud.start(&call).await.expect("it is cancelled").finished);
    let asked = vaults.fake.asked("DELETE", "/legal-holds/hold-1").pop().expect("it was");
    assert_eq!(asked.asked("cancelDescription").as_deref(), Some("CHG-2"));
    assert_eq!(asked.asked("retainRecordInDays"), None);
    assert_eq!(poll(cloud, &call).await, running("CANCELING"));
    assert!(matches!(cloud.probe(&call).await, Ok(Probe::Present(s)) if !s.finished));
    assert!(!cloud.start(&call).await.expect("it is under way").finished);
    is("CANCELED");
    assert_eq!(done(poll(cloud, &call).await).1, "CANCELED");
    assert!(cloud.start(&call).await.expect("it was cancelled before").finished);
    assert!(matches!(cloud.probe(&call).await, Ok(Probe::Present(s)) if s.finished));
    assert!(cloud.start(&platform.call(release("hold-9"))).await.expect("there is nothing to release").finished);
}

#[tokio::test]
async fn a_tag_is_set_and_removed() {
    let platform = Platform::on_moto().await;
    snapshots::database(&platform).await;
    let cloud = &platform.cloud;
    cloud.start(&platform.call(snapshots::snapshot())).await.expect("a snapshot");
    let (outputs, _) = done(poll(cloud, &platform.call(snapshots::snapshot())).await);
    let arn = outputs["snapshot_arn"].as_str();
    let (set, remove) = (platform.call(tag(arn, Some("CHG-1"))), platform.call(tag(arn, None)));
    assert_eq!(cloud.probe(&set).await, Ok(Probe::Absent));
    assert!(matches!(cloud.probe(&remove).await, Ok(Probe::Present(s)) if s.finished), "there is nothing to remove");
    assert!(cloud.start(&set).await.expect("it is set").finished);
    assert!(matches!(cloud.probe(&set).await, Ok(Probe::Present(s)) if s.finished));
    assert_eq!(cloud.probe(&platform.call(tag(arn, Some("CHG-2")))).await, Ok(Probe::Absent), "that is another value");
    assert_eq!(done(poll(cloud, &set).await).1, "tagged");
    assert!(failed(poll(cloud, &remove).await).contains("is not as it was written"));
    assert!(cloud.start(&remove).await.expect("it is removed").finished);
    assert_eq!(cloud.probe(&set).await, Ok(Probe::Absent));
}

/// RDS with one instance in which some fields are as said.
async fn instance(fields: &'static str) -> (Fake, Platform) {
    let fake = Fake::start(move |seen| {
        let action = seen.field("Action").unwrap_or_default();
        let list = format!(
            "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance><DBInstanceIdentifier>bbws-prod-mysql</DBInstanceIdentifier>\
             {fields}</DBInstance></DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>"
        );
        let body = if action == "DescribeDBInstances" { list } else { "<ModifyDBInstanceResponse><ModifyDBInstanceResult/></ModifyDBInstanceResponse>".into() };
        Answer { status: 200, headers: vec![("content-type", "text/xml".into())], body }
    })
    .await;
    let platform = Platform::on(&fake.address, &[], environment(false)).await;
    (fake, platform)
}

pub fn automated(days: u32) -> Action {
    Action::AutomatedBackups(step::AutomatedBackups {
        region: HOME.into(),
        database: "bbws-prod-mysql".into(),
        days,
        window: Some("02:00-02:30".into()),
    })
}

#[tokio::test]
async fn automated_backups_are_changed_at_once_and_watched_until_they_are() {
    let before = "<DBInstanceStatus>available</DBInstanceStatus><BackupRetentionPeriod>7</BackupRetentionPeriod>\
                  <PreferredBackupWindow>02:00-02:30</PreferredBackupWindow>";
    let (fake, platform) = instance(before).await;
    let call = platform.call(automated(14));
    assert_eq!(platform.cloud.probe(&call).await, Ok(Probe::Absent));
    assert!(!platform.cloud.start(&call).await.expect("it is changed").finished);
    let asked = fake.seen().pop().expect("it was asked");
    let field = |name: &str| asked.field(name).unwrap_or_default();
    assert_eq!(
        [
            field("Action"),
            field("DBInstanceIdentifier"),
            field("BackupRetentionPeriod"),
            field("PreferredBackupWindow"),
            field("ApplyImmediately")
        ],
        ["ModifyDBInstance", "bbws-prod-mysql", "14", "02:00-02:30", "true"]
    );
    assert_eq!(poll(&platform.cloud, &call).await, running("available, kept 7 days, taken 02:00-02:30 UTC so far"));
    let same = platform.call(automated(7));
    let asked = fake.seen().len();
    assert!(platform.cloud.start(&same).await.expect("it is so already").finished);
    assert_eq!(fake.seen().len(), asked + 1, "it was only looked at");
    assert!(matches!(platform.cloud.probe(&same).await, Ok(Probe::Present(s)) if s.finished));
    assert_eq!(done(poll(&platform.cloud, &same).await).1, "kept 7 days, taken 02:00-02:30 UTC");
    let before = fake.seen().len();
    assert_eq!(platform.cloud.poll(&[call, same]).await.len(), 2);
    assert_eq!(fake.seen().len(), before + 1, "one request tells of both");
}

#[tokio::test]
async fn what_is_pending_is_not_done_and_what_is_broken_fails() {
    let pending = "<DBInstanceStatus>modifying</DBInstanceStatus><BackupRetentionPeriod>7</BackupRetentionPeriod><PreferredBackupWindow>02:00-02:30</PreferredBackupWindow>\
                   <PendingModifiedValues><BackupRetentionPeriod>14</BackupRetentionPeriod></PendingModifiedValues>";
    let (_fake, platform) = instance(pending).await;
    let call = platform.call(automated(14));
    assert!(matches!(platform.cloud.probe(&call).await, Ok(Probe::Present(s)) if !s.finished));
    assert_eq!(poll(&platform.cloud, &call).await, running("modifying, kept 7 days, taken 02:00-02:30 UTC so far"));
    let (_fake, platform) = instance("<DBInstanceStatus>incompatible-network</DBInstanceStatus>").await;
    let reason = failed(poll(&platform.cloud, &platform.call(automated(14))).await);
    assert!(reason.contains("is incompatible-network"), "{reason}");
    let gone = Action::AutomatedBackups(step::AutomatedBackups {
        region: HOME.into(),
        database: "gone".into(),
        days: 1,
        window: None,
    });
    assert!(failed(poll(&platform.cloud, &platform.call(gone)).await).contains("Database gone is gone"));
}
