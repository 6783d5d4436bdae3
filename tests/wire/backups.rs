//! AWS Backup: backup, copy and restore jobs, recovery points and their end, as the real adapter meets them.

use std::time::Duration;

use bbws::{
    adapters::{
        aws::{backup as adapter, reads::jobs, steps::restore_files as files},
        sandbox::aws::{Fault, Target},
    },
    domain::step::{self, Action, Outputs},
    ports::cloud::{Call, Cloud as _, CloudError, Probe, Progress},
};

use super::bed::{Bed, DR, HOME};

pub const ROLE: &str = "arn:aws:iam::093646564004:role/bbws-backup";
pub const FS: &str = "fs-0900d000000000001";

pub fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

pub fn job(bed: &Bed) -> Action {
    Action::BackupJob(step::BackupJob {
        region: HOME.into(),
        resource_arn: bed.environment.file_system_arn(FS),
        vault: "bbws-prod".into(),
        role: ROLE.into(),
        retention_days: 30,
    })
}

fn copy(bed: &Bed) -> Action {
    Action::BackupCopy(step::BackupCopy {
        region: HOME.into(),
        vault: "bbws-prod".into(),
        to_region: DR.into(),
        to_vault_arn: format!("arn:aws:backup:{DR}:{}:backup-vault:bbws-prod-dr", bed.environment.account),
        role: ROLE.into(),
        retention_days: 30,
    })
}

fn verify(region: &str) -> Action {
    let vault = if region == HOME { "bbws-prod" } else { "bbws-prod-dr" };
    Action::VerifyRecoveryPoint(step::VerifyRecoveryPoint {
        region: region.into(),
        vault: vault.into(),
        retention_days: 30,
    })
}

fn delete(region: &str, arn: &str) -> Action {
    let vault = if region == HOME { "bbws-prod" } else { "bbws-prod-dr" };
    Action::DeletePoint(step::DeletePoint { region: region.into(), vault: vault.into(), recovery_point: arn.into() })
}

/// Asks after one step.
pub async fn poll(bed: &Bed, call: &Call) -> Result<Progress, CloudError> {
    bed.cloud.poll(std::slice::from_ref(call)).await.pop().unwrap()
}

/// Starts a step, and gives the call that asks after it.
pub async fn started(bed: &Bed, call: Call) -> Call {
    let started = bed.cloud.start(&call).await.unwrap();
    Call { external_id: started.external_id, ..call }
}

/// What a step came to that has done well.
pub async fn done(bed: &Bed, call: &Call) -> (Outputs, String) {
    match poll(bed, call).await {
        Ok(Progress::Done { outputs, detail }) => (outputs, detail),
        other => panic!("{other:?}"),
    }
}

async fn running(bed: &Bed, call: &Call) -> (Option<u8>, String) {
    match poll(bed, call).await {
        Ok(Progress::Running { percent, detail }) => (percent, detail),
        other => panic!("{other:?}"),
    }
}

async fn failed(bed: &Bed, call: &Call) -> String {
    match poll(bed, call).await {
        Ok(Progress::Failed { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

/// A recovery point that was just made, by its ARN.
pub async fn backed_up(bed: &Bed, step: usize) -> String {
    let call = started(bed, bed.call(step, job(bed))).await;
    bed.clock.advance(minutes(20));
    done(bed, &call).await.0["recovery_point"].clone()
}

fn of(point: &str, call: Call) -> Call {
    Call { inputs: Outputs::from([("recovery_point".to_owned(), point.to_owned())]), ..call }
}

#[tokio::test]
async fn a_backup_runs_from_created_to_completed_and_its_copy_after_it() {
    let bed = Bed::new();
    let call = started(&bed, bed.call(0, job(&bed))).await;
    assert_eq!(running(&bed, &call).await, (Some(0), "CREATED".into()));
    bed.clock.advance(minutes(3));
    let (percent, word) = running(&bed, &call).await;
    assert!(percent.is_some_and(|p| (20..80).contains(&p)) && word == "RUNNING", "{percent:?} {word}");
    bed.clock.advance(minutes(10));
    let (outputs, detail) = done(&bed, &call).await;
    assert!(detail.starts_with("COMPLETED, ") && detail.ends_with(" GiB"), "{detail}");
    let point = outputs["recovery_point"].clone();
    let (_, detail) = done(&bed, &of(&point, bed.call(1, verify(HOME)))).await;
    assert!(detail.contains("encrypted") && detail.contains("kept 30 days, key usable in af-south-1"), "{detail}");

    let copying = started(&bed, of(&point, bed.call(2, copy(&bed)))).await;
    assert_eq!(running(&bed, &copying).await, (None, "CREATED".into()));
    bed.clock.advance(minutes(4));
    assert_eq!(running(&bed, &copying).await, (None, "RUNNING".into()));
    bed.clock.advance(minutes(10));
    let copied = done(&bed, &copying).await.0["recovery_point"].clone();
    assert!(copied.starts_with("arn:aws:backup:eu-west-1:"), "{copied}");
    done(&bed, &of(&copied, bed.call(3, verify(DR)))).await;
    let (source, copy) = (described(&bed, HOME, &point).await, described(&bed, DR, &copied).await);
    assert_eq!(source.creation_date, copy.creation_date, "a copy keeps its source's date");
    assert_eq!(source.resource_arn, copy.resource_arn);
    assert_eq!(bed.aws.twice(), []);
    assert_eq!(bed.aws.effects(), 2);
}

async fn described(
    bed: &Bed,
    region: &str,
    arn: &str,
) -> aws_sdk_backup::operation::describe_recovery_point::DescribeRecoveryPointOutput {
    let vault = if region == HOME { "bbws-prod" } else { "bbws-prod-dr" };
    adapter::describe_point(&*bed.session(region).await, vault, arn).await.unwrap().unwrap()
}

#[tokio::test]
async fn the_same_token_is_the_same_job_and_another_use_of_it_is_refused() {
    let bed = Bed::new();
    let call = bed.call(0, job(&bed));
    let first = bed.cloud.start(&call).await.unwrap();
    assert_eq!(bed.cloud.start(&call).await.unwrap(), first);
    bed.clock.advance(minutes(600));
    assert_eq!(bed.cloud.start(&call).await.unwrap(), first, "also long after it ended");
    assert_eq!(bed.aws.effects(), 1);
    let mut other = call.clone();
    if let Action::BackupJob(step::BackupJob { retention_days, .. }) = &mut other.action {
        *retention_days = 7;
    }
    let refused = bed.cloud.start(&other).await;
    assert!(
        matches!(&refused, Err(CloudError::Permanent { reason }) if reason.contains("was used before")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_lost_reply_is_found_again_once_the_tags_can_be_seen() {
    let bed = Bed::new();
    bed.aws.inject(Fault::LostReply, Target::next().of("StartBackupJob"));
    let call = bed.call(0, job(&bed));
    let lost = bed.cloud.start(&call).await;
    assert!(matches!(lost, Err(CloudError::Unknown { .. })), "{lost:?}");
    assert_eq!(bed.cloud.probe(&call).await, Ok(Probe::Absent), "its recovery point has no tags yet");
    let again = bed.cloud.start(&call).await.unwrap();
    bed.clock.advance(minutes(3));
    let Ok(Probe::Present(found)) = bed.cloud.probe(&call).await else { panic!("it runs") };
    assert_eq!(found.external_id, again.external_id);
    assert_eq!(bed.aws.effects(), 1);
}

#[tokio::test]
async fn one_job_runs_for_a_resource_at_a_time() {
    let bed = Bed::new();
    let first = started(&bed, bed.call(0, job(&bed))).await;
    let second = started(&bed, Call { token: "bk-1002-0".into(), ..bed.call(0, job(&bed)) }).await;
    assert_ne!(first.external_id, second.external_id);
    bed.clock.advance(minutes(3));
    assert_eq!(running(&bed, &first).await.1, "RUNNING");
    assert_eq!(running(&bed, &second).await.1, "PENDING");
    bed.clock.advance(minutes(7));
    done(&bed, &first).await;
    assert_eq!(running(&bed, &second).await.1, "RUNNING");
}

#[tokio::test]
async fn six_copies_at_once_are_one_too_many() {
    let bed = Bed::new();
    let point = backed_up(&bed, 0).await;
    let mut copies = Vec::new();
    for n in 0..6 {
        let call = Call { token: format!("bk-1001-{}", n + 10), ..of(&point, bed.call(n + 10, copy(&bed))) };
        copies.push(started(&bed, call).await);
    }
    bed.clock.advance(minutes(5));
    let mut words = Vec::new();
    for call in &copies {
        words.push(running(&bed, call).await.1);
    }
    assert_eq!(words, ["RUNNING", "RUNNING", "RUNNING", "RUNNING", "RUNNING", "CREATED"]);
    bed.clock.advance(minutes(30));
    for call in &copies {
        done(&bed, call).await;
    }
}

#[tokio::test]
async fn a_job_that_fails_says_why_and_leaves_no_point() {
    let bed = Bed::new();
    bed.aws.inject(Fault::JobFails, Target::next().of("StartBackupJob"));
    let call = started(&bed, bed.call(0, job(&bed))).await;
    bed.clock.advance(minutes(10));
    let reason = failed(&bed, &call).await;
    assert!(reason.contains("ended FAILED: Backup job failed because of an internal error"), "{reason}");
    assert_eq!(bed.cloud.probe(&call).await, Ok(Probe::Absent));
    let account = bed.environment.account.clone();
    bed.aws.change(|world, _| {
        let kms = &mut world.region(&account, DR).kms;
        assert!(kms.set_enabled("alias/bbws-dr", false));
    });
    let point = backed_up(&bed, 1).await;
    let copying = started(&bed, of(&point, bed.call(2, copy(&bed)))).await;
    bed.clock.advance(minutes(20));
    let reason = failed(&bed, &copying).await;
    assert!(reason.contains("ended FAILED: KMS key arn:aws:kms:eu-west-1:"), "{reason}");
    assert_eq!(bed.aws.twice(), []);
}

#[tokio::test]
async fn a_deletion_that_is_accepted_may_leave_the_point_expired() {
    let bed = Bed::new();
    let point = backed_up(&bed, 0).await;
    let account = bed.environment.account.clone();
    bed.aws.change(|world, _| {
        let vault = world.region(&account, HOME).backup.vaults.get_mut("bbws-prod").unwrap();
        vault.points.get_mut(&point).unwrap().sticks = true;
    });
    let call = started(&bed, bed.call(1, delete(HOME, &point))).await;
    assert_eq!(running(&bed, &call).await.1, "DELETING");
    assert!(matches!(bed.cloud.probe(&call).await, Ok(Probe::Present(_))));
    bed.clock.advance(minutes(2));
    let reason = failed(&bed, &call).await;
    assert!(reason.contains("left it EXPIRED: Recovery point could not be deleted"), "{reason}");
    let call = started(&bed, bed.call(1, delete(HOME, &point))).await;
    bed.clock.advance(minutes(2));
    assert_eq!(done(&bed, &call).await.1, "deleted");
    assert_eq!(bed.aws.twice(), [], "the first deletion came to nothing");
    let gone = bed.cloud.start(&bed.call(1, delete(HOME, &point))).await.unwrap();
    assert!(gone.finished, "what is gone is finished");
}

#[tokio::test]
async fn what_is_held_or_locked_is_not_deleted() {
    let bed = Bed::new();
    let point = backed_up(&bed, 0).await;
    let created = described(&bed, HOME, &point).await.creation_date.unwrap();
    let hold = Action::LegalHold(step::LegalHold {
        region: HOME.into(),
        vault: "bbws-prod".into(),
        resource_arn: bed.environment.file_system_arn(FS),
        created: bbws::domain::moment::Moment(created.to_millis().unwrap()),
        title: "case 7".into(),
    });
    let holding = started(&bed, bed.call(1, hold.clone())).await;
    assert_eq!(running(&bed, &holding).await.1, "CREATING");
    bed.clock.advance(minutes(2));
    let (outputs, detail) = done(&bed, &holding).await;
    assert_eq!(detail, "ACTIVE, and holds the recovery point");
    assert!(matches!(bed.cloud.probe(&bed.call(1, hold)).await, Ok(Probe::Present(_))));
    let refused = bed.cloud.start(&bed.call(2, delete(HOME, &point))).await;
    assert!(
        matches!(&refused, Err(CloudError::Permanent { reason }) if reason.contains("is under legal hold")),
        "{refused:?}"
    );
    let release = Action::ReleaseHold(step::ReleaseHold {
        region: HOME.into(),
        hold: outputs["legal_hold"].clone(),
        description: "over".into(),
    });
    let releasing = started(&bed, bed.call(3, release)).await;
    assert_eq!(running(&bed, &releasing).await.1, "CANCELING");
    bed.clock.advance(minutes(2));
    assert_eq!(done(&bed, &releasing).await.1, "CANCELED");
    let account = bed.environment.account.clone();
    let lock = |locked| {
        bed.aws.change(|world, _| {
            world.region(&account, HOME).backup.vaults.get_mut("bbws-prod").unwrap().locked = locked;
        });
    };
    lock(true);
    let refused = bed.cloud.start(&bed.call(2, delete(HOME, &point))).await;
    assert!(matches!(&refused, Err(CloudError::Permanent { reason }) if reason.contains("is locked")), "{refused:?}");
    lock(false);
    started(&bed, bed.call(2, delete(HOME, &point))).await;
}

#[tokio::test]
async fn a_point_goes_when_its_retention_is_over_unless_it_is_held() {
    let bed = Bed::new();
    let point = backed_up(&bed, 0).await;
    bed.clock.advance(Duration::from_secs(30 * 86_400));
    let found = adapter::describe_point(&*bed.session(HOME).await, "bbws-prod", &point).await.unwrap();
    assert!(found.is_none(), "{found:?}");
}

pub const NAME: &str = "fs-0900d000000000001-restored-bk-1001";

pub fn restore(point: &str) -> Action {
    Action::RestoreFiles(step::RestoreFiles {
        region: HOME.into(),
        vault: "bbws-prod".into(),
        recovery_point: point.into(),
        name: NAME.into(),
        role: ROLE.into(),
    })
}

#[tokio::test]
async fn a_restore_makes_a_file_system_that_is_known_by_its_token() {
    let bed = Bed::new();
    let point = backed_up(&bed, 0).await;
    bed.aws.inject(Fault::LostReply, Target::next().of("StartRestoreJob"));
    let call = bed.call(1, restore(&point));
    assert!(matches!(bed.cloud.start(&call).await, Err(CloudError::Unknown { .. })));
    let Ok(Probe::Present(found)) = bed.cloud.probe(&call).await else { panic!("it is there") };
    let call = Call { external_id: found.external_id, ..call };
    assert_eq!(running(&bed, &call).await.1, "PENDING");
    let session = bed.session(HOME).await;
    let early = files::find(&session, NAME).await;
    assert!(matches!(early, Err(CloudError::Retryable { .. })), "{early:?}");
    bed.clock.advance(minutes(3));
    assert_eq!(running(&bed, &call).await.1, "RUNNING");
    let made = files::find(&session, NAME).await.unwrap().unwrap();
    assert_eq!((made.creation_token.as_str(), made.encrypted), (NAME, Some(true)));
    bed.clock.advance(minutes(20));
    let (outputs, _) = done(&bed, &call).await;
    assert_eq!(outputs["restored_file_system"], made.file_system_id);
    let folder = bed.aws.look(|world, _| {
        let place = world.find(&bed.environment.account, HOME).unwrap();
        place.efs.file_systems[&made.file_system_id].restored.as_ref().unwrap().folder()
    });
    assert!(folder.starts_with("aws-backup-restore_2026-11-21T"), "{folder}");
    assert_eq!(bed.aws.twice(), []);
}

#[tokio::test]
async fn jobs_are_counted_and_trouble_is_told() {
    let bed = Bed::new();
    let session = bed.session(HOME).await;
    let counts = jobs::counts(&session).await.unwrap();
    assert_eq!(counts.values().sum::<u64>(), 56, "{counts:?}");
    assert_eq!((counts["FAILED"], counts["EXPIRED"], counts["ABORTED"]), (2, 1, 1));
    let trouble = jobs::trouble(&session, &["bbws-prod"], super::bed::START).await.unwrap();
    let told: Vec<(&str, &str)> = trouble.iter().map(|t| (t.resource.as_str(), t.state.as_str())).collect();
    assert_eq!(told, [(FS, "FAILED")]);
    assert_eq!(trouble[0].message, "Backup job failed because of an internal error of AWS Backup.");
}

#[tokio::test]
async fn what_is_in_vaults_and_buckets_is_listed() {
    let bed = Bed::new();
    let query =
        bbws::domain::point::PointQuery { kinds: vec![bbws::domain::point::PointKind::Efs], ..Default::default() };
    let mut points = Vec::new();
    let unread = bed.cloud.points(&bed.environment, &query, "U0ALICE", &mut |page| points.extend(page)).await.unwrap();
    assert_eq!(unread.unread, [""; 0]);
    assert_eq!(points.len(), 2 * 52, "four of 56 ended badly, and each of the others has a copy");
    assert!(points.iter().all(|point| point.usable()));
    assert!(points.iter().all(|point| point.expires.is_some()));
}
