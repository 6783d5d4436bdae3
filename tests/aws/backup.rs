//! AWS Backup: its jobs, their copies, and what is verified of both.

use std::time::Duration;

use bbws::{
    adapters::sandbox::aws::{Fault, Target, time::Timeline},
    domain::step::{self, Action, Outputs},
    ports::{
        clock::Clock as _,
        cloud::{Call, Cloud as _, CloudError, Probe, Progress},
    },
};
use serde_json::{Value, json as value};

use crate::aws::{
    bed::{Bed, FS},
    support::{DR, HOME, done, failed, permanent, poll},
};

pub const POINT: &str = "arn:aws:backup:af-south-1:093646564004:recovery-point:1";
pub const COPIED: &str = "arn:aws:backup:eu-west-1:093646564004:recovery-point:2";
const ROLE: &str = "arn:aws:iam::093646564004:role/bbws-backup";
const DR_VAULT: &str = "arn:aws:backup:eu-west-1:093646564004:backup-vault:bbws-prod-dr";

pub fn job() -> Action {
    Action::BackupJob(step::BackupJob {
        region: HOME.into(),
        resource_arn: FS.into(),
        vault: "bbws-prod".into(),
        role: ROLE.into(),
        retention_days: 30,
    })
}

pub fn copy() -> Action {
    Action::BackupCopy(step::BackupCopy {
        region: HOME.into(),
        vault: "bbws-prod".into(),
        to_region: DR.into(),
        to_vault_arn: DR_VAULT.into(),
        role: ROLE.into(),
        retention_days: 30,
    })
}

pub fn verify(region: &str) -> Action {
    let vault = if region == HOME { "bbws-prod" } else { "bbws-prod-dr" };
    Action::VerifyRecoveryPoint(step::VerifyRecoveryPoint {
        region: region.into(),
        vault: vault.into(),
        retention_days: 30,
    })
}

pub fn follows(point: &str, call: Call) -> Call {
    Call { inputs: Outputs::from([("recovery_point".to_owned(), point.to_owned())]), ..call }
}

fn named(id: &str, call: Call) -> Call {
    Call { external_id: Some(id.to_owned()), ..call }
}

/// Starts a job, or a copy; its id.
async fn begin(bed: &Bed, call: &Call) -> String {
    bed.platform.cloud.start(call).await.expect("it starts").external_id.expect("it has an id")
}

/// An answer of AWS's in which some fields are as said.
fn with(answer: &mut Value, fields: &Value) {
    for (name, value) in fields.as_object().expect("fields") {
        answer[name] = value.clone();
    }
}

#[tokio::test]
async fn a_job_is_started_with_our_token_our_tags_and_its_retention() {
    let bed = Bed::new();
    let started = bed.platform.cloud.start(&bed.platform.call(job())).await.expect("it starts");
    let jobs: Vec<_> = bed.backup(|backup, _| backup.jobs.clone().into_iter().collect());
    assert_eq!(jobs.len(), 1);
    assert_eq!(started.external_id.as_ref(), Some(&jobs[0].0));
    assert_eq!(started.outputs["recovery_point"], jobs[0].1.point);
    let asked = bed.asked("StartBackupJob");
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].input,
        value!({
            "BackupVaultName": "bbws-prod",
            "ResourceArn": FS,
            "IamRoleArn": ROLE,
            "IdempotencyToken": "bk-1042-0-r0",
            "StartWindowMinutes": 60,
            "CompleteWindowMinutes": 1440,
            "Lifecycle": { "DeleteAfterDays": 30 },
            "RecoveryPointTags": {
                "bbws:operation": "bk-1042",
                "bbws:environment": "prod",
                "bbws:requested-by": "U0ALICE",
                "bbws:approved-by": "U0BOB U0CAROL",
                "bbws:retention-days": "30",
            },
        })
    );
}

/// AWS keeps tokens for longer than a ledger may have gone back in time.
#[tokio::test]
async fn the_job_of_an_earlier_life_is_not_taken_for_ours() {
    let bed = Bed::new();
    let made = bed.clock.now();
    bed.point(HOME, POINT, FS, made);
    let (cloud, copied) = (&bed.platform.cloud, follows(POINT, bed.platform.call(copy())));
    for call in [bed.platform.call(job()), copied] {
        let id = begin(&bed, &call).await;
        let again = async |seconds| {
            let intended = made + Duration::from_secs(seconds);
            cloud.start(&Call { intended, ..call.clone() }).await
        };
        let allowed = again(299).await.expect("clocks may differ");
        assert_eq!(allowed.external_id, Some(id), "the token gives what it made");
        assert!(permanent(again(301).await).contains("an earlier life of the ledger"));
    }
}

/// What is told of a job that AWS describes so.
async fn state(fields: Value) -> Result<Progress, CloudError> {
    let bed = Bed::new();
    let call = bed.platform.call(job());
    let id = begin(&bed, &call).await;
    bed.edit("DescribeBackupJob", move |answer| with(answer, &fields));
    poll(&bed.platform.cloud, &named(&id, call)).await
}

#[tokio::test]
async fn every_state_of_a_job_is_understood() {
    let running = |percent: Option<u8>, detail: &str| Ok(Progress::Running { percent, detail: detail.to_owned() });
    let without = Value::Null;
    assert_eq!(state(value!({ "State": "CREATED", "PercentDone": without })).await, running(None, "CREATED"));
    assert_eq!(state(value!({ "State": "RUNNING", "PercentDone": "42.7%" })).await, running(Some(42), "RUNNING"));
    assert_eq!(state(value!({ "State": "RUNNING", "PercentDone": "250" })).await, running(Some(100), "RUNNING"));
    assert_eq!(state(value!({ "State": "RUNNING", "PercentDone": "soon" })).await, running(None, "RUNNING"));
    assert_eq!(state(value!({ "State": "ABORTING", "PercentDone": without })).await, running(None, "ABORTING"));
    assert_eq!(
        state(value!({ "State": "SOMETHING_NEW", "PercentDone": without })).await,
        running(None, "SOMETHING_NEW")
    );
    let completed = value!({ "State": "COMPLETED", "RecoveryPointArn": POINT, "BackupSizeInBytes": 5_368_709_120_i64 });
    let (outputs, detail) = done(state(completed).await);
    assert_eq!((outputs["recovery_point"].as_str(), detail.as_str()), (POINT, "COMPLETED, 5.0 GiB"));
    let issues =
        value!({ "State": "COMPLETED", "RecoveryPointArn": POINT, "StatusMessage": "Some files  changed\nmeanwhile" });
    let (outputs, detail) = done(state(issues).await);
    assert_eq!(outputs["issue"], "Some files changed meanwhile", "it is no unqualified success");
    assert_eq!(detail, "COMPLETED, but AWS says: Some files changed meanwhile");
    for bad in ["FAILED", "ABORTED", "EXPIRED", "PARTIAL"] {
        let reason = failed(state(value!({ "State": bad, "StatusMessage": "The role cannot be assumed." })).await);
        let (job, rest) = reason.split_once(" in ").expect("it names its region");
        assert!(job.starts_with("Backup job "), "{reason}");
        assert_eq!(rest, format!("af-south-1 ended {bad}: The role cannot be assumed. Mend what it names and retry."));
    }
}

#[tokio::test]
async fn a_job_nobody_sees_yet_is_asked_for_again() {
    let bed = Bed::new();
    let answer = poll(&bed.platform.cloud, &named("job-1", bed.platform.call(job()))).await;
    assert!(matches!(answer, Err(CloudError::Retryable { .. })), "{answer:?}");
}

#[tokio::test]
async fn many_jobs_are_asked_for_in_one_request() {
    let bed = Bed::new();
    let mut calls = Vec::new();
    for n in 0..10 {
        let call = Call { token: format!("bk-1042-{n}-r0"), ..bed.platform.call(job()) };
        calls.push(named(&begin(&bed, &call).await, call));
    }
    let ids: Vec<String> = calls.iter().map(|call| call.external_id.clone().expect("it has an id")).collect();
    let (listed, last) = (ids.clone(), ids[9].clone());
    bed.edit("ListBackupJobs", move |answer| {
        let jobs = answer["BackupJobs"].as_array_mut().expect("a list");
        jobs.retain(|job| job["BackupJobId"] != last.as_str());
        for job in jobs {
            let place = listed.iter().position(|id| job["BackupJobId"] == id.as_str()).expect("it is one of ours");
            with(job, &value!({ "State": "RUNNING", "PercentDone": place.to_string() }));
        }
    });
    bed.edit("DescribeBackupJob", |answer| with(answer, &value!({ "State": "PENDING", "PercentDone": null })));
    let answers = bed.platform.cloud.poll(&calls).await;
    let percents: Vec<Option<u8>> = answers
        .into_iter()
        .map(|answer| match answer {
            Ok(Progress::Running { percent, .. }) => percent,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(percents, [Some(0), Some(1), Some(2), Some(3), Some(4), Some(5), Some(6), Some(7), Some(8), None]);
    let described = bed.asked("DescribeBackupJob");
    let described: Vec<_> = described.iter().map(|request| request.text("backupJobId")).collect();
    assert_eq!(described, [Some(ids[9].as_str())], "a description of what the list lacked");
    assert_eq!(bed.asked("ListBackupJobs").len(), 1, "one list");
}

#[tokio::test]
async fn a_probe_knows_our_job_by_the_tag_of_its_recovery_point() {
    let bed = Bed::new();
    let (cloud, call) = (&bed.platform.cloud, bed.platform.call(job()));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    begin(&bed, &bed.platform.call_of("bk-1041", job())).await;
    bed.later(Duration::from_secs(3600));
    let ours = begin(&bed, &call).await;
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent), "not yet tagged: the token gives the same job again");
    bed.later(Duration::from_secs(60));
    let another = |step: u8| Call { token: format!("bk-1042-{step}-r0"), ..call.clone() };
    let (planned, lost) = (begin(&bed, &another(8)).await, begin(&bed, &another(9)).await);
    bed.backup(|backup, now| {
        backup.jobs.get_mut(&planned).expect("it is there").created_by = Some(value!({ "BackupPlanId": "plan" }));
        let fails = Some("The role cannot be assumed.".to_owned());
        backup.jobs.get_mut(&lost).expect("it is there").course = Timeline::new(now, now, Duration::ZERO, fails);
    });
    let before = bed.asked("ListTags").len();
    let Ok(Probe::Present(started)) = cloud.probe(&call).await else { panic!("it is there") };
    let point = bed.backup(|backup, _| backup.jobs[&ours].point.clone());
    assert_eq!((started.external_id, started.outputs["recovery_point"].clone()), (Some(ours), point));
    let looked = bed.asked("ListTags").len() - before;
    assert_eq!(looked, 1, "neither planned nor failed jobs are looked into, the newest comes first");
    let asked = &bed.asked("ListBackupJobs")[0];
    assert_eq!((asked.text("resourceArn"), asked.text("backupVaultName")), (Some(FS), Some("bbws-prod")));
}

#[tokio::test]
async fn a_copy_is_of_the_recovery_point_of_the_step_before() {
    let bed = Bed::new();
    bed.point(HOME, POINT, FS, bed.clock.now());
    let (cloud, call) = (&bed.platform.cloud, follows(POINT, bed.platform.call(copy())));
    bed.aws.inject(Fault::JobFails, Target::next().of("StartCopyJob"));
    begin(&bed, &Call { token: "bk-1042-0-r9".into(), ..call.clone() }).await;
    bed.later(Duration::from_secs(6 * 3600));
    let id = begin(&bed, &call).await;
    assert_eq!(
        bed.asked("StartCopyJob")[1].input,
        value!({
            "RecoveryPointArn": POINT,
            "SourceBackupVaultName": "bbws-prod",
            "DestinationBackupVaultArn": DR_VAULT,
            "IamRoleArn": ROLE,
            "IdempotencyToken": "bk-1042-0-r0",
            "Lifecycle": { "DeleteAfterDays": 30 },
        })
    );
    let Ok(Probe::Present(found)) = cloud.probe(&call).await else { panic!("it is there") };
    assert_eq!(found.external_id.as_deref(), Some(id.as_str()), "a failed copy of an earlier round is not adopted");
    bed.later(Duration::from_secs(6 * 3600));
    let copied = bed.backup(|backup, _| backup.copies[&id].point.clone());
    let (outputs, _) = done(poll(cloud, &named(&id, call.clone())).await);
    assert_eq!(outputs["recovery_point"], copied, "followers verify the copy, not the source");
    assert!(permanent(cloud.start(&bed.platform.call(copy())).await).contains("named no recovery point"));
}

/// What is told of a copy that AWS describes so.
async fn copy_state(state: &'static str, message: Option<&'static str>) -> Result<Progress, CloudError> {
    let bed = Bed::new();
    bed.point(HOME, POINT, FS, bed.clock.now());
    let call = follows(POINT, bed.platform.call(copy()));
    let id = begin(&bed, &call).await;
    bed.edit("DescribeCopyJob", move |answer| {
        with(&mut answer["CopyJob"], &value!({ "State": state, "StatusMessage": message }));
    });
    poll(&bed.platform.cloud, &named(&id, call)).await
}

#[tokio::test]
async fn every_state_of_a_copy_is_understood() {
    let running = |detail: &str| Ok(Progress::Running { percent: None, detail: detail.to_owned() });
    assert_eq!(copy_state("RUNNING", None).await, running("RUNNING"));
    assert!(failed(copy_state("ABORTED", Some("Stopped by Eve")).await).contains("ended ABORTED: Stopped by Eve."));
    assert_eq!(copy_state("ABORTING", Some("Stopped by Eve")).await, running("ABORTING: Stopped by Eve"));
    let reason = failed(copy_state("FAILED", Some("Access denied to the key")).await);
    assert!(
        reason.starts_with("Copy job ") && reason.contains(" in af-south-1 ended FAILED: Access denied to the key.")
    );
}

/// What is verified of a recovery point that AWS describes with some fields as said, under a key in a state.
async fn verification(fields: Value, key: &'static str) -> Result<Progress, CloudError> {
    let bed = Bed::new();
    bed.point(DR, COPIED, FS, bed.clock.now());
    bed.edit("DescribeRecoveryPoint", move |answer| {
        with(answer, &value!({ "BackupSizeInBytes": 2_097_152, "Lifecycle": { "DeleteAfterDays": 30 } }));
        with(answer, &fields);
    });
    bed.edit("DescribeKey", move |answer| answer["KeyMetadata"]["KeyState"] = key.into());
    let answer = poll(&bed.platform.cloud, &follows(COPIED, bed.platform.call(verify(DR)))).await;
    let asked = &bed.asked("DescribeRecoveryPoint")[0];
    assert_eq!((asked.text("backupVaultName"), asked.text("recoveryPointArn")), (Some("bbws-prod-dr"), Some(COPIED)));
    answer
}

#[tokio::test]
async fn a_recovery_point_is_verified_down_to_its_key() {
    let (_, detail) = done(verification(value!({}), "Enabled").await);
    assert_eq!(detail, "COMPLETED, encrypted, 2.0 MiB, kept 30 days, key usable in eu-west-1");
    done(verification(value!({ "Status": "AVAILABLE" }), "Enabled").await);
    let early = verification(value!({ "Status": "CREATING" }), "Enabled").await;
    assert_eq!(early, Ok(Progress::Running { percent: None, detail: "CREATING".into() }));
    let (outputs, _) = done(verification(value!({ "StatusMessage": "2 objects were skipped" }), "Enabled").await);
    assert_eq!(outputs["issue"], "2 objects were skipped");
    for (fields, why) in [
        (value!({ "Status": "EXPIRED" }), "it is EXPIRED, neither AVAILABLE nor COMPLETED"),
        (value!({ "IsEncrypted": false }), "it is not encrypted"),
        (value!({ "BackupSizeInBytes": 0 }), "it is empty"),
        (value!({ "Lifecycle": { "DeleteAfterDays": 3 } }), "it is kept for 3 days instead of 30"),
        (value!({ "Lifecycle": null }), "nothing says that it is kept for 30 days"),
        (value!({ "EncryptionKeyArn": null }), "does not name the KMS key"),
    ] {
        let reason = failed(verification(fields, "Enabled").await);
        assert!(reason.contains(why), "{reason}");
    }
    let reason = failed(verification(value!({}), "PendingDeletion").await);
    assert!(reason.contains("could not be restored") && reason.contains("is PendingDeletion, not Enabled"), "{reason}");
}

#[tokio::test]
async fn a_recovery_point_that_is_gone_is_a_failure() {
    let bed = Bed::new();
    let call = follows(COPIED, bed.platform.call(verify(DR)));
    assert!(failed(poll(&bed.platform.cloud, &call).await).contains("it does not exist"));
}
