//! What ends recovery points, and what keeps them from ending.

use std::time::Duration;

use bbws::{
    adapters::sandbox::aws::{Fault, Target},
    domain::{
        moment::Moment,
        step::{self, Action},
    },
    ports::{
        clock::Clock as _,
        cloud::{Call, Cloud as _, CloudError, Probe, Progress},
    },
};
use serde_json::json as value;

use crate::aws::{
    bed::{Bed, FS},
    snapshots,
    support::{HOME, done, failed, permanent, poll, refuted},
};

pub const POINT: &str = "arn:aws:backup:af-south-1:093646564004:recovery-point:1";
const SNAPSHOT: &str = "bbws-prod-mysql-manual-20261121-bk-1042";

/// When the recovery point was made.
pub const MADE: Moment = Moment(1_700_000_000_250);
/// Longer than AWS takes for a hold, a release or a deletion.
const SOON: Duration = Duration::from_secs(600);

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
        created: MADE,
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

/// An AWS with the recovery point in its vault.
fn on() -> Bed {
    let bed = Bed::new();
    bed.point(HOME, POINT, FS, MADE);
    bed
}

fn running(detail: &str) -> Result<Progress, CloudError> {
    Ok(Progress::Running { percent: None, detail: detail.into() })
}

/// Makes the snapshot; its ARN.
async fn snapshot(bed: &Bed) -> String {
    let call = bed.platform.call(snapshots::snapshot());
    bed.platform.cloud.start(&call).await.expect("a snapshot");
    bed.later(Duration::from_secs(6 * 3600));
    done(poll(&bed.platform.cloud, &call).await).0["snapshot_arn"].clone()
}

#[tokio::test]
async fn a_recovery_point_is_gone_when_nobody_can_describe_it() {
    let bed = on();
    let (cloud, call) = (&bed.platform.cloud, bed.platform.call(delete_point()));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    let started = cloud.start(&call).await.expect("it is accepted");
    assert!(!started.finished);
    assert_eq!(bed.changes(), ["DeleteRecoveryPoint"]);
    let asked = &bed.asked("DeleteRecoveryPoint")[0];
    assert_eq!((asked.text("backupVaultName"), asked.text("recoveryPointArn")), (Some("bbws-prod"), Some(POINT)));
    assert_eq!(poll(cloud, &call).await, running("DELETING"));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Present(started)), "it is on its way");
    bed.later(SOON);
    assert_eq!(done(poll(cloud, &call).await).1, "deleted");
    assert!(matches!(cloud.probe(&call).await, Ok(Probe::Present(s)) if s.finished));
    assert!(cloud.start(&call).await.expect("that it is gone is what is wanted").finished);
}

#[tokio::test]
async fn a_recovery_point_that_aws_could_not_delete_is_a_failure() {
    let bed = on();
    bed.aws.inject(Fault::JobFails, Target::next().of("DeleteRecoveryPoint"));
    let call = bed.platform.call(delete_point());
    bed.platform.cloud.start(&call).await.expect("AWS says yes");
    bed.later(SOON);
    let reason = failed(poll(&bed.platform.cloud, &call).await);
    assert!(
        reason.contains(
            "left it EXPIRED: Recovery point could not be deleted because the role that made it lacks permissions."
        ) && reason.contains("AWSBackupServiceRolePolicyForBackup"),
        "{reason}"
    );
    assert_eq!(bed.platform.cloud.probe(&call).await, Ok(Probe::Absent), "a repeat asks AWS again");
}

#[tokio::test]
async fn what_is_held_or_locked_is_not_deleted() {
    let bed = on();
    let (cloud, call) = (&bed.platform.cloud, bed.platform.call(delete_point()));
    bed.refuse("DeleteRecoveryPoint", "InvalidRequestException");
    let reason = permanent(cloud.start(&call).await);
    assert_eq!(
        reason,
        format!(
            "Recovery point {POINT} in vault bbws-prod in af-south-1: AWS Backup does not let it go (as the test says). \
             Look at it in vault bbws-prod in AWS Backup in af-south-1, mend what AWS names, then retry."
        )
    );
    bed.refuse("DeleteRecoveryPoint", "InvalidResourceStateException");
    assert!(matches!(cloud.start(&call).await, Err(CloudError::Retryable { .. })), "another job is on it");
    bed.refuse("DeleteRecoveryPoint", "ThrottlingException");
    assert!(matches!(cloud.start(&call).await, Err(CloudError::Retryable { .. })));
    bed.aws.inject(Fault::LostReply, Target::next().of("DeleteRecoveryPoint"));
    let answer = cloud.start(&call).await;
    assert!(Bed::unknown(&answer), "{answer:?}");
    bed.later(SOON);
    assert!(matches!(cloud.probe(&call).await, Ok(Probe::Present(s)) if s.finished));
}

#[tokio::test]
async fn a_snapshot_is_deleted_once_and_watched_with_others() {
    let bed = Bed::new();
    snapshot(&bed).await;
    let (cloud, call) = (&bed.platform.cloud, bed.platform.call(delete_snapshot()));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    assert_eq!(poll(cloud, &call).await, running("available"));
    assert!(!cloud.start(&call).await.expect("it is deleted").finished);
    bed.later(SOON);
    assert_eq!(done(poll(cloud, &call).await).1, "deleted");
    assert!(matches!(cloud.probe(&call).await, Ok(Probe::Present(s)) if s.finished));
    assert!(cloud.start(&call).await.expect("it is gone").finished);
}

/// RDS deletes what is available, and shows it as deleting from then on.
#[tokio::test]
async fn a_snapshot_that_survives_its_deletion_is_a_failure() {
    let bed = Bed::new();
    snapshot(&bed).await;
    bed.place(|place, _| place.rds.snapshots.get_mut(SNAPSHOT).expect("it is there").sticks = true);
    let cloud = &bed.platform.cloud;
    let begun = cloud.start(&bed.platform.call(delete_snapshot())).await.expect("RDS says yes");
    let call = Call { external_id: begun.external_id, ..bed.platform.call(delete_snapshot()) };
    bed.later(Duration::from_secs(14 * 60));
    assert_eq!(poll(cloud, &call).await, running("available"));
    bed.later(Duration::from_secs(60));
    let reason = failed(poll(cloud, &call).await);
    assert!(reason.contains("and has not begun to: it is available still. Look at its events in RDS"), "{reason}");
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent), "a repeat asks RDS again");
    cloud.start(&call).await.expect("RDS says yes again");
    bed.later(SOON);
    assert_eq!(done(poll(cloud, &call).await).1, "deleted");
}

#[tokio::test]
async fn a_hold_is_over_one_second_of_one_resource_in_one_vault() {
    let bed = on();
    let (cloud, call) = (&bed.platform.cloud, bed.platform.call(hold()));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    let started = cloud.start(&call).await.expect("it is placed");
    let id = started.external_id.clone().expect("it has an id");
    assert!(!started.finished);
    let asked = bed.asked("CreateLegalHold")[0].input.clone();
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
    assert_eq!(cloud.probe(&bed.platform.call_of("bk-7", hold())).await, Ok(Probe::Absent), "that is another's hold");
    let call = named(&id, call);
    assert_eq!(poll(cloud, &call).await, running("CREATING"));
    bed.later(SOON);
    let (outputs, detail) = done(poll(cloud, &call).await);
    assert_eq!(outputs["legal_hold"], id);
    assert_eq!(detail, "ACTIVE, and holds the recovery point");
    bed.backup(|backup, _| backup.vaults.get_mut("bbws-prod").expect("it is there").points.remove(POINT));
    let (why, _) = refuted(poll(cloud, &call).await);
    assert!(why.contains("holds no recovery point of"), "{why}");
    let console = bed.platform.setup(HOME).await;
    let cancel = console.backup().cancel_legal_hold().legal_hold_id(&id).cancel_description("somebody else");
    cancel.send().await.expect("it is cancelled");
    bed.later(SOON);
    assert!(failed(poll(cloud, &call).await).contains("somebody cancelled it"));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent), "a hold that is over holds nothing");
    let unseen = poll(cloud, &named("hold-9", call)).await;
    assert!(matches!(unseen, Err(CloudError::Retryable { .. })), "{unseen:?}");
}

/// An older copy of a ledger gives the same ids again, and AWS keeps what its earlier life held.
#[tokio::test]
async fn the_hold_of_another_life_is_not_taken_for_ours() {
    let bed = on();
    let (cloud, made) = (&bed.platform.cloud, bed.clock.now());
    let as_ledger = |name: &str, seconds: u64| {
        let intended = made + Duration::from_secs(seconds);
        let mut call = Call { intended, ..bed.platform.call(hold()) };
        call.tags.push(("bbws:ledger".into(), name.into()));
        call
    };
    let call = as_ledger("5e1fca9e", 200);
    let placed = cloud.start(&call).await.expect("AWS's clock may be a little behind");
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Present(placed.clone())));
    let later = as_ledger("5e1fca9e", 3600);
    assert_eq!(cloud.probe(&later).await, Ok(Probe::Absent), "it is older than the intent");
    let answer = permanent(cloud.start(&later).await);
    assert!(answer.contains("an earlier life of the ledger"), "the token gives that hold again: {answer}");
    let other = Call { token: "01dbeef0-bk-1042-0-r0".into(), ..as_ledger("01dbeef0", 200) };
    assert_eq!(cloud.probe(&other).await, Ok(Probe::Absent), "it is another ledger's");
    let second = cloud.start(&other).await.expect("it is placed beside the other");
    assert_ne!(second.external_id, placed.external_id);
    assert_eq!(bed.backup(|backup, _| backup.holds.len()), 2);
}

#[tokio::test]
async fn a_hold_whose_reply_is_lost_is_found_again() {
    let bed = on();
    let (cloud, call) = (&bed.platform.cloud, bed.platform.call(hold()));
    bed.aws.inject(Fault::LostReply, Target::next().of("CreateLegalHold"));
    let answer = cloud.start(&call).await;
    assert!(Bed::unknown(&answer), "{answer:?}");
    let holds: Vec<String> = bed.backup(|backup, _| backup.holds.keys().cloned().collect());
    let Ok(Probe::Present(found)) = cloud.probe(&call).await else { panic!("it is there") };
    let id = found.external_id.expect("it has an id");
    assert_eq!((holds, &found.outputs["legal_hold"]), (vec![id.clone()], &id));
    bed.refuse("CreateLegalHold", "LimitExceededException");
    assert!(matches!(cloud.start(&call).await, Err(CloudError::Retryable { .. })));
}

#[tokio::test]
async fn a_hold_is_released_once() {
    let bed = on();
    let cloud = &bed.platform.cloud;
    let placed = cloud.start(&bed.platform.call(hold())).await.expect("it is placed");
    let id = placed.external_id.expect("it has an id");
    let call = bed.platform.call(release(&id));
    let answer = cloud.start(&call).await;
    assert!(matches!(answer, Err(CloudError::Retryable { .. })), "it is still being placed: {answer:?}");
    bed.later(SOON);
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    assert!(!cloud.start(&call).await.expect("it is cancelled").finished);
    let asked = bed.asked("CancelLegalHold").pop().expect("it was");
    assert_eq!((asked.text("legalHoldId"), asked.text("cancelDescription")), (Some(id.as_str()), Some("CHG-2")));
    assert!(asked.input.get("retainRecordInDays").is_none());
    assert_eq!(poll(cloud, &call).await, running("CANCELING"));
    assert!(matches!(cloud.probe(&call).await, Ok(Probe::Present(s)) if !s.finished));
    assert!(!cloud.start(&call).await.expect("it is under way").finished);
    bed.later(SOON);
    assert_eq!(done(poll(cloud, &call).await).1, "CANCELED");
    assert!(cloud.start(&call).await.expect("it was cancelled before").finished);
    assert!(matches!(cloud.probe(&call).await, Ok(Probe::Present(s)) if s.finished));
    let unknown = bed.platform.call(release("hold-9"));
    assert!(cloud.start(&unknown).await.expect("there is nothing to release").finished);
}

#[tokio::test]
async fn a_tag_is_set_and_removed() {
    let bed = Bed::new();
    let (cloud, arn) = (&bed.platform.cloud, snapshot(&bed).await);
    let (set, remove) = (bed.platform.call(tag(&arn, Some("CHG-1"))), bed.platform.call(tag(&arn, None)));
    assert_eq!(cloud.probe(&set).await, Ok(Probe::Absent));
    assert!(matches!(cloud.probe(&remove).await, Ok(Probe::Present(s)) if s.finished), "there is nothing to remove");
    assert!(cloud.start(&set).await.expect("it is set").finished);
    assert!(matches!(cloud.probe(&set).await, Ok(Probe::Present(s)) if s.finished));
    let other = bed.platform.call(tag(&arn, Some("CHG-2")));
    assert_eq!(cloud.probe(&other).await, Ok(Probe::Absent), "that is another value");
    assert_eq!(done(poll(cloud, &set).await).1, "tagged");
    assert!(failed(poll(cloud, &remove).await).contains("is not as it was written"));
    assert!(cloud.start(&remove).await.expect("it is removed").finished);
    assert_eq!(cloud.probe(&set).await, Ok(Probe::Absent));
}

pub fn automated(days: u32) -> Action {
    Action::AutomatedBackups(step::AutomatedBackups {
        region: HOME.into(),
        database: "bbws-prod-mysql".into(),
        days,
        window: Some("02:00-02:30".into()),
    })
}

/// The instance keeps its backups for a week.
fn a_week() -> Bed {
    let bed = Bed::new();
    bed.place(|place, _| {
        let instance = place.rds.instances.get_mut("bbws-prod-mysql").expect("it is there");
        (instance.automated_days, instance.window) = (7, "02:00-02:30".into());
    });
    bed
}

#[tokio::test]
async fn automated_backups_are_changed_at_once_and_watched_until_they_are() {
    let bed = a_week();
    let (cloud, same) = (&bed.platform.cloud, bed.platform.call(automated(7)));
    assert!(cloud.start(&same).await.expect("it is so already").finished);
    assert!(bed.changes().is_empty(), "it was only looked at");
    assert_eq!(bed.requests(), 1);
    assert!(matches!(cloud.probe(&same).await, Ok(Probe::Present(s)) if s.finished));
    assert_eq!(done(poll(cloud, &same).await).1, "kept 7 days, taken 02:00-02:30 UTC");

    let call = bed.platform.call(automated(14));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    assert!(!cloud.start(&call).await.expect("it is changed").finished);
    let asked = bed.asked("ModifyDBInstance").pop().expect("it was asked");
    let fields = ["DBInstanceIdentifier", "BackupRetentionPeriod", "PreferredBackupWindow", "ApplyImmediately"];
    let said = fields.map(|name| asked.text(name).unwrap_or_default());
    assert_eq!(said, ["bbws-prod-mysql", "14", "02:00-02:30", "true"]);
    assert_eq!(poll(cloud, &call).await, running("modifying, kept 7 days, taken 02:00-02:30 UTC so far"));
    let before = bed.requests();
    assert_eq!(cloud.poll(&[call.clone(), same]).await.len(), 2);
    assert_eq!(bed.requests(), before + 1, "one request tells of both");
    bed.later(SOON);
    assert_eq!(done(poll(cloud, &call).await).1, "kept 14 days, taken 02:00-02:30 UTC");
}

#[tokio::test]
async fn what_is_pending_is_not_done_and_what_is_broken_fails() {
    let bed = a_week();
    let (cloud, call) = (&bed.platform.cloud, bed.platform.call(automated(14)));
    cloud.start(&call).await.expect("it is changed");
    assert!(matches!(cloud.probe(&call).await, Ok(Probe::Present(s)) if !s.finished));
    let bed = a_week();
    bed.place(|place, _| {
        place.rds.instances.get_mut("bbws-prod-mysql").expect("it is there").status = "incompatible-network".into();
    });
    let reason = failed(poll(&bed.platform.cloud, &bed.platform.call(automated(14))).await);
    assert!(reason.contains("is incompatible-network"), "{reason}");
    let gone = Action::AutomatedBackups(step::AutomatedBackups {
        region: HOME.into(),
        database: "gone".into(),
        days: 1,
        window: None,
    });
    assert!(failed(poll(&bed.platform.cloud, &bed.platform.call(gone)).await).contains("Database gone is gone"));
}
