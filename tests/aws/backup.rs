//! AWS Backup, which no emulator has, on answers in the shapes of its service model.

use bbws::{
    domain::{
        moment::Moment,
        step::{self, Action, Outputs},
    },
    ports::cloud::{Call, Cloud as _, CloudError, Probe, Progress},
};
use serde_json::{Value, json as value};

use crate::aws::{
    fake::{Answer, Fake, Seen, error, json},
    support::{DR, HOME, Platform, done, environment, failed, permanent, poll},
};

pub const POINT: &str = "arn:aws:backup:af-south-1:093646564004:recovery-point:1";
pub const COPIED: &str = "arn:aws:backup:eu-west-1:093646564004:recovery-point:2";
const RESOURCE: &str = "arn:aws:elasticfilesystem:af-south-1:093646564004:file-system/fs-0900d000000000001";
const ROLE: &str = "arn:aws:iam::093646564004:role/bbws-backup";
const DR_VAULT: &str = "arn:aws:backup:eu-west-1:093646564004:backup-vault:bbws-prod-dr";

pub fn job() -> Action {
    Action::BackupJob(step::BackupJob {
        region: HOME.into(),
        resource_arn: RESOURCE.into(),
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

async fn on(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> (Fake, Platform) {
    let fake = Fake::start(script).await;
    let platform = Platform::on(&fake.address, &[], environment(false)).await;
    (fake, platform)
}

fn named(id: &str, call: Call) -> Call {
    Call { external_id: Some(id.to_owned()), ..call }
}

#[tokio::test]
async fn a_job_is_started_with_our_token_our_tags_and_its_retention() {
    let (fake, platform) =
        on(|_| json(value!({ "BackupJobId": "job-1", "RecoveryPointArn": POINT, "CreationDate": 1 }))).await;
    let started = platform.cloud.start(&platform.call(job())).await.expect("it starts");
    assert_eq!(started.external_id.as_deref(), Some("job-1"));
    assert_eq!(started.outputs["recovery_point"], POINT);
    let asked = fake.asked("PUT", "/backup-jobs");
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].json(),
        value!({
            "BackupVaultName": "bbws-prod",
            "ResourceArn": RESOURCE,
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
    let at = |seconds: i64| async move {
        let (_fake, platform) = on(move |_| {
            json(value!({ "BackupJobId": "job-1", "CopyJobId": "copy-1", "RecoveryPointArn": POINT, "CreationDate": seconds }))
        })
        .await;
        let intended = Moment(1_795_230_600_000);
        let started = platform.cloud.start(&Call { intended, ..platform.call(job()) }).await;
        let copied = platform.cloud.start(&Call { intended, ..follows(POINT, platform.call(copy())) }).await;
        (started, copied)
    };
    let (started, copied) = at(1_795_230_600 - 299).await;
    assert!(started.is_ok() && copied.is_ok(), "clocks may differ: {started:?} {copied:?}");
    let (started, copied) = at(1_795_230_600 - 301).await;
    for answer in [started, copied] {
        assert!(permanent(answer).contains("an earlier life of the ledger"));
    }
}

/// How a job looks in a state.
async fn state(job_now: Value) -> Result<Progress, CloudError> {
    let (_fake, platform) = on(move |_| json(job_now.clone())).await;
    poll(&platform.cloud, &named("job-1", platform.call(job()))).await
}

#[tokio::test]
async fn every_state_of_a_job_is_understood() {
    let running = |percent: Option<u8>, detail: &str| Ok(Progress::Running { percent, detail: detail.to_owned() });
    assert_eq!(state(value!({ "State": "CREATED" })).await, running(None, "CREATED"));
    assert_eq!(state(value!({ "State": "RUNNING", "PercentDone": "42.7%" })).await, running(Some(42), "RUNNING"));
    assert_eq!(state(value!({ "State": "RUNNING", "PercentDone": "250" })).await, running(Some(100), "RUNNING"));
    assert_eq!(state(value!({ "State": "RUNNING", "PercentDone": "soon" })).await, running(None, "RUNNING"));
    assert_eq!(state(value!({ "State": "ABORTING" })).await, running(None, "ABORTING"));
    assert_eq!(state(value!({ "State": "SOMETHING_NEW" })).await, running(None, "SOMETHING_NEW"));
    let (outputs, detail) = done(
        state(value!({ "State": "COMPLETED", "RecoveryPointArn": POINT, "BackupSizeInBytes": 5_368_709_120_i64 }))
            .await,
    );
    assert_eq!((outputs["recovery_point"].as_str(), detail.as_str()), (POINT, "COMPLETED, 5.0 GiB"));
    let issues =
        value!({ "State": "COMPLETED", "RecoveryPointArn": POINT, "StatusMessage": "Some files  changed\nmeanwhile" });
    let (outputs, detail) = done(state(issues).await);
    assert_eq!(outputs["issue"], "Some files changed meanwhile", "it is no unqualified success");
    assert_eq!(detail, "COMPLETED, but AWS says: Some files changed meanwhile");
    for bad in ["FAILED", "ABORTED", "EXPIRED", "PARTIAL"] {
        let reason = failed(state(value!({ "State": bad, "StatusMessage": "The role cannot be assumed." })).await);
        assert_eq!(
            reason,
            format!(
                "Backup job job-1 in af-south-1 ended {bad}: The role cannot be assumed. Mend what it names and retry."
            )
        );
    }
}

#[tokio::test]
async fn a_job_nobody_sees_yet_is_asked_for_again() {
    let (_fake, platform) = on(|_| error(400, "ResourceNotFoundException", "no such job")).await;
    let answer = poll(&platform.cloud, &named("job-1", platform.call(job()))).await;
    assert!(matches!(answer, Err(CloudError::Retryable { .. })), "{answer:?}");
}

#[tokio::test]
async fn many_jobs_are_asked_for_in_one_request() {
    let (fake, platform) = on(|seen| match seen.path.as_str() {
        "/backup-jobs" => {
            let jobs: Vec<Value> = (0..9)
                .map(
                    |n| value!({ "BackupJobId": format!("job-{n}"), "State": "RUNNING", "PercentDone": n.to_string() }),
                )
                .collect();
            json(value!({ "BackupJobs": jobs }))
        }
        _ => json(value!({ "State": "PENDING" })),
    })
    .await;
    let calls: Vec<Call> = (0..10).map(|n| named(&format!("job-{n}"), platform.call(job()))).collect();
    let answers = platform.cloud.poll(&calls).await;
    let percents: Vec<Option<u8>> = answers
        .into_iter()
        .map(|answer| match answer {
            Ok(Progress::Running { percent, .. }) => percent,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(percents, [Some(0), Some(1), Some(2), Some(3), Some(4), Some(5), Some(6), Some(7), Some(8), None]);
    let paths: Vec<String> = fake.seen().into_iter().map(|s| s.path).collect();
    assert_eq!(paths, ["/backup-jobs", "/backup-jobs/job-9"], "one list, and a description of what it lacked");
}

/// Jobs as a probe sees them: id, state, whether a plan made it, and the operation on its recovery point.
async fn probe(
    jobs: &'static [(&'static str, &'static str, bool, Option<&'static str>)],
) -> (Fake, Result<Probe, CloudError>) {
    let (fake, platform) = on(move |seen| {
        if seen.path == "/backup-jobs" {
            let listed = jobs.iter().enumerate().map(|(n, (id, state, plan, _))| {
                let mut job = value!({ "BackupJobId": id, "State": state, "RecoveryPointArn": format!("arn:{id}"), "CreationDate": n });
                if *plan {
                    job["CreatedBy"] = value!({ "BackupPlanId": "plan" });
                }
                job
            });
            return json(value!({ "BackupJobs": listed.collect::<Vec<_>>() }));
        }
        let found = jobs.iter().find(|(id, ..)| seen.path == format!("/tags/arn:{id}")).and_then(|(.., operation)| *operation);
        match found {
            Some(operation) => json(value!({ "Tags": { "bbws:operation": operation } })),
            None => error(400, "ResourceNotFoundException", "not there yet"),
        }
    })
    .await;
    let answer = platform.cloud.probe(&platform.call(job())).await;
    (fake, answer)
}

#[tokio::test]
async fn a_probe_knows_our_job_by_the_tag_of_its_recovery_point() {
    let (fake, found) = probe(&[
        ("old", "COMPLETED", false, Some("bk-1041")),
        ("ours", "RUNNING", false, Some("bk-1042")),
        ("planned", "RUNNING", true, Some("bk-1042")),
        ("lost", "FAILED", false, Some("bk-1042")),
    ])
    .await;
    let Ok(Probe::Present(started)) = found else { panic!("{found:?}") };
    assert_eq!(
        (started.external_id.as_deref(), started.outputs["recovery_point"].as_str()),
        (Some("ours"), "arn:ours")
    );
    assert_eq!(
        fake.asked("GET", "/tags").len(),
        1,
        "neither planned nor failed jobs are looked into, the newest comes first"
    );
    let query = &fake.asked("GET", "/backup-jobs")[0].query;
    assert!(
        query.contains(&format!("resourceArn={RESOURCE}")) && query.contains("backupVaultName=bbws-prod"),
        "{query}"
    );
    assert_eq!(
        probe(&[("young", "RUNNING", false, None)]).await.1,
        Ok(Probe::Absent),
        "the token gives the same job again"
    );
    assert_eq!(probe(&[]).await.1, Ok(Probe::Absent));
}

#[tokio::test]
async fn a_copy_is_of_the_recovery_point_of_the_step_before() {
    let (fake, platform) = on(|seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("PUT", _) => json(value!({ "CopyJobId": "copy-1" })),
        (_, "/copy-jobs") => json(value!({ "CopyJobs": [
            { "CopyJobId": "bad", "State": "FAILED", "SourceRecoveryPointArn": POINT, "DestinationBackupVaultArn": DR_VAULT },
            { "CopyJobId": "copy-1", "State": "RUNNING", "SourceRecoveryPointArn": POINT, "DestinationBackupVaultArn": DR_VAULT },
        ] })),
        (_, "/copy-jobs/running") => json(value!({ "CopyJob": { "State": "RUNNING" } })),
        (_, "/copy-jobs/stopped") => json(value!({ "CopyJob": { "State": "ABORTED", "StatusMessage": "Stopped by Eve" } })),
        (_, "/copy-jobs/stopping") => json(value!({ "CopyJob": { "State": "ABORTING", "StatusMessage": "Stopped by Eve" } })),
        (_, "/copy-jobs/failed") => json(value!({ "CopyJob": { "State": "FAILED", "StatusMessage": "Access denied to the key" } })),
        _ => json(value!({ "CopyJob": { "State": "COMPLETED", "DestinationRecoveryPointArn": COPIED, "BackupSizeInBytes": 10 } })),
    })
    .await;
    let call = follows(POINT, platform.call(copy()));
    assert_eq!(platform.cloud.start(&call).await.expect("it starts").external_id.as_deref(), Some("copy-1"));
    assert_eq!(
        fake.asked("PUT", "/copy-jobs")[0].json(),
        value!({
            "RecoveryPointArn": POINT,
            "SourceBackupVaultName": "bbws-prod",
            "DestinationBackupVaultArn": DR_VAULT,
            "IamRoleArn": ROLE,
            "IdempotencyToken": "bk-1042-0-r0",
            "Lifecycle": { "DeleteAfterDays": 30 },
        })
    );
    let Ok(Probe::Present(found)) = platform.cloud.probe(&call).await else { panic!("it is there") };
    assert_eq!(found.external_id.as_deref(), Some("copy-1"), "a failed copy of an earlier round is not adopted");
    let at = |id: &str| named(id, call.clone());
    assert_eq!(
        poll(&platform.cloud, &at("running")).await,
        Ok(Progress::Running { percent: None, detail: "RUNNING".into() })
    );
    assert!(failed(poll(&platform.cloud, &at("stopped")).await).contains("ended ABORTED: Stopped by Eve."));
    assert_eq!(
        poll(&platform.cloud, &at("stopping")).await,
        Ok(Progress::Running { percent: None, detail: "ABORTING: Stopped by Eve".into() })
    );
    assert!(
        failed(poll(&platform.cloud, &at("failed")).await)
            .starts_with("Copy job failed in af-south-1 ended FAILED: Access denied to the key.")
    );
    assert_eq!(
        done(poll(&platform.cloud, &at("copy-1")).await).0["recovery_point"],
        COPIED,
        "followers verify the copy, not the source"
    );
    assert!(permanent(platform.cloud.start(&platform.call(copy())).await).contains("named no recovery point"));
}

/// A recovery point that is as promised.
fn good_point() -> Value {
    value!({
        "RecoveryPointArn": COPIED, "Status": "COMPLETED", "IsEncrypted": true, "BackupSizeInBytes": 2_097_152,
        "Lifecycle": { "DeleteAfterDays": 30 }, "EncryptionKeyArn": "arn:aws:kms:eu-west-1:093646564004:key/1",
    })
}

async fn verification(change: &str, to: Value, key_state: &'static str) -> Result<Progress, CloudError> {
    let mut point = good_point();
    if !change.is_empty() {
        point[change] = to;
    }
    let (_fake, platform) = on(move |seen| {
        if seen.target == "TrentService.DescribeKey" {
            return json(
                value!({ "KeyMetadata": { "KeyId": "1", "Enabled": key_state == "Enabled", "KeyState": key_state } }),
            );
        }
        assert_eq!(seen.path, format!("/backup-vaults/bbws-prod-dr/recovery-points/{COPIED}"));
        json(point.clone())
    })
    .await;
    poll(&platform.cloud, &follows(COPIED, platform.call(verify(DR)))).await
}

#[tokio::test]
async fn a_recovery_point_is_verified_down_to_its_key() {
    let (_, detail) = done(verification("", Value::Null, "Enabled").await);
    assert_eq!(detail, "COMPLETED, encrypted, 2.0 MiB, kept 30 days, key usable in eu-west-1");
    done(verification("Status", value!("AVAILABLE"), "Enabled").await);
    let early = verification("Status", value!("CREATING"), "Enabled").await;
    assert_eq!(early, Ok(Progress::Running { percent: None, detail: "CREATING".into() }));
    let (outputs, _) = done(verification("StatusMessage", value!("2 objects were skipped"), "Enabled").await);
    assert_eq!(outputs["issue"], "2 objects were skipped");
    for (change, to, why) in [
        ("Status", value!("EXPIRED"), "it is EXPIRED, neither AVAILABLE nor COMPLETED"),
        ("IsEncrypted", value!(false), "it is not encrypted"),
        ("BackupSizeInBytes", value!(0), "it is empty"),
        ("Lifecycle", value!({ "DeleteAfterDays": 3 }), "it is kept for 3 days instead of 30"),
        ("Lifecycle", Value::Null, "nothing says that it is kept for 30 days"),
        ("EncryptionKeyArn", Value::Null, "does not name the KMS key"),
    ] {
        let reason = failed(verification(change, to, "Enabled").await);
        assert!(reason.contains(why), "{reason}");
    }
    let reason = failed(verification("", Value::Null, "PendingDeletion").await);
    assert!(reason.contains("could not be restored") && reason.contains("is PendingDeletion, not Enabled"), "{reason}");
}

#[tokio::test]
async fn a_recovery_point_that_is_gone_is_a_failure() {
    let (_fake, platform) = on(|_| error(400, "ResourceNotFoundException", "gone")).await;
    assert!(
        failed(poll(&platform.cloud, &follows(COPIED, platform.call(verify(DR)))).await).contains("it does not exist")
    );
}
