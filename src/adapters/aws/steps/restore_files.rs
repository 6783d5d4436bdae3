//! Test restores of file systems: AWS Backup restores a recovery point into a new one, which is known by its creation token.
//!
//! AWS Backup hands the creation token on to EFS. Should it ever not do so, the restore job still tells what it made, and
//! that is looked for as well: nothing that a test made may be lost sight of.

use std::collections::HashMap;

use aws_sdk_backup::types::{RestoreJobStatus, RestoreJobsListMember};
use aws_sdk_efs::types::FileSystemDescription;

use super::{
    super::{
        background::Outcome,
        backup::{ago, ended, issue, not_of_an_earlier_life, percent},
        session::Session,
        tags,
    },
    At, Change,
};
use crate::{
    domain::{
        restored,
        step::{ISSUE, RestoreFiles},
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// The output that followers tag, mount and look into.
pub const RESTORED: &str = "restored_file_system";
/// What AWS Backup calls the creation token in a job's metadata.
pub(super) const TOKEN: &str = "CreationToken";
/// For so long AWS Backup lists its jobs, in seconds.
const LISTED: i64 = 30 * 86_400;

impl Change for RestoreFiles {
    /// Looks for the job an earlier call may have started, by the creation token in its metadata.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        adopted(at, restored::source(&self.name), &self.name).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        restore(&at.session, at.call, self).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        progress(&at.session, at.call, &self.name).await
    }
}

/// The job of that creation token, where this step may have started it.
pub(super) async fn adopted(at: &At<'_>, source: &str, token: &str) -> Result<Probe, CloudError> {
    let job = job_of(&at.session, source, token).await?;
    // One that ended badly is not adopted: it may be of an earlier round.
    let job = job.filter(|job| !matches!(job.status, Some(RestoreJobStatus::Aborted | RestoreJobStatus::Failed)));
    let job = job.filter(|job| !tags::is_older(at.call, job.creation_date()));
    let adopted = |job: RestoreJobsListMember| Started { external_id: job.restore_job_id, ..Started::default() };
    Ok(job.map_or(Probe::Absent, |job| Probe::Present(adopted(job))))
}

/// Starts a restore into a new file system; the same token gives the same job.
async fn restore(session: &Session, call: &Call, what: &RestoreFiles) -> Result<Started, CloudError> {
    let RestoreFiles { vault, recovery_point, name, role, .. } = what;
    let wanted = [("newFileSystem", "true"), ("Encrypted", "true"), (TOKEN, name.as_str())];
    let metadata = metadata(session, (vault, recovery_point), &wanted).await?;
    begin(session, call, (recovery_point, role), metadata, name).await
}

/// Starts a restore job.
pub(super) async fn begin(
    session: &Session,
    call: &Call,
    (recovery_point, role): (&str, &str),
    metadata: HashMap<String, String>,
    name: &str,
) -> Result<Started, CloudError> {
    let thing = format!("restore of recovery point {recovery_point} as {name}");
    let attempt = session.changes("backup:StartRestoreJob", thing);
    let request = session
        .backup()
        .start_restore_job()
        .recovery_point_arn(recovery_point)
        .set_metadata(Some(metadata))
        .iam_role_arn(role)
        .idempotency_token(&call.token)
        .resource_type("EFS");
    let answer = request.send().await.map_err(|e| attempt.failed(e))?;
    Ok(Started { external_id: answer.restore_job_id, ..Started::default() })
}

/// What the recovery point needs to be restored with, turned towards what is wanted.
pub(super) async fn metadata(
    session: &Session,
    (vault, recovery_point): (&str, &str),
    wanted: &[(&str, &str)],
) -> Result<HashMap<String, String>, CloudError> {
    let thing = format!("recovery point {recovery_point} in vault {vault}");
    let attempt = session.reads("backup:GetRecoveryPointRestoreMetadata", thing);
    let request = session.backup().get_recovery_point_restore_metadata().backup_vault_name(vault);
    let answer = request.recovery_point_arn(recovery_point).send().await.map_err(|e| attempt.failed(e))?;
    let mut metadata = answer.restore_metadata.unwrap_or_default();
    // A part of it would prove only that part, where it is not what is wanted.
    metadata.retain(|key, _| !key.eq_ignore_ascii_case("ItemsToRestore"));
    // AWS writes its keys in more than one case.
    for (key, value) in wanted {
        metadata.retain(|theirs, _| !theirs.eq_ignore_ascii_case(key));
        metadata.insert((*key).to_owned(), (*value).to_owned());
    }
    if value_of(&metadata, "PerformanceMode").is_none() {
        metadata.insert("PerformanceMode".to_owned(), "generalPurpose".to_owned());
    }
    Ok(metadata)
}

/// How far the restore is.
pub(super) async fn progress(session: &Session, call: &Call, name: &str) -> Outcome {
    let Some(id) = call.external_id.as_deref() else {
        return Err(CloudError::Permanent {
            reason: "The id of the restore job was never learnt. Test again.".to_owned(),
        });
    };
    let attempt = session.reads("backup:DescribeRestoreJob", format!("restore job {id}"));
    let job = match session.backup().describe_restore_job().restore_job_id(id).send().await {
        Ok(job) => job,
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
            return Err(attempt.later("AWS Backup accepted it but does not show it", None));
        }
        Err(error) => return Err(attempt.failed(error)),
    };
    // Only here AWS Backup says when the job began: its answer to the call that starts one does not.
    not_of_an_earlier_life(call, job.creation_date(), &attempt)?;
    let word = job.status.as_ref().map_or("of unknown state", RestoreJobStatus::as_str);
    Ok(match &job.status {
        Some(RestoreJobStatus::Completed) => match job.created_resource_arn.as_deref().and_then(id_of) {
            Some(made) => {
                let mut outputs = issue(job.status_message.as_deref());
                let said = outputs.get(ISSUE).map(|words| format!(", but AWS says: {words}")).unwrap_or_default();
                outputs.insert(RESTORED.to_owned(), made.to_owned());
                Progress::Done { outputs, detail: format!("{made}, restored as {name}{said}") }
            }
            None => Progress::Running {
                percent: Some(100),
                detail: "COMPLETED, what it made is not visible yet".to_owned(),
            },
        },
        Some(RestoreJobStatus::Aborted | RestoreJobStatus::Failed) => Progress::Failed {
            reason: ended(&format!("Restore job {id} in {}", session.region), word, job.status_message.as_deref()),
        },
        _ => Progress::Running { percent: job.percent_done.as_deref().and_then(percent), detail: word.to_owned() },
    })
}

/// The restored file system of that creation token.
///
/// # Errors
/// See [`CloudError`]; `Retryable` while its restore job may still make it, and as long as EFS does not say that what it made
/// is gone.
pub async fn find(session: &Session, name: &str) -> Result<Option<FileSystemDescription>, CloudError> {
    let attempt = session.reads("elasticfilesystem:DescribeFileSystems", format!("file system {name}"));
    let request = session.efs().describe_file_systems().creation_token(name);
    let answer = request.send().await.map_err(|e| attempt.failed(e))?;
    let found = answer.file_systems.unwrap_or_default().into_iter().find(|fs| fs.creation_token == name);
    if found.is_some() {
        return Ok(found);
    }
    let Some(job) = job_of(session, restored::source(name), name).await? else { return Ok(None) };
    let Some(id) = job.created_resource_arn.as_deref().and_then(id_of) else {
        return match job.status {
            Some(RestoreJobStatus::Aborted | RestoreJobStatus::Failed) => Ok(None),
            // Whoever took this for gone would lose sight of what it makes next.
            _ => Err(attempt.later("its restore job is under way and has made nothing yet", None)),
        };
    };
    match session.efs().describe_file_systems().file_system_id(id).send().await {
        Ok(answer) => {
            let found = answer.file_systems.unwrap_or_default().into_iter().find(|fs| fs.file_system_id == id);
            found.map(Some).ok_or_else(|| attempt.later("EFS neither shows it nor says that it does not exist", None))
        }
        Err(error) if error.as_service_error().is_some_and(|e| e.is_file_system_not_found()) => Ok(None),
        Err(error) => Err(attempt.failed(error)),
    }
}

/// The newest restore job with that creation token.
async fn job_of(session: &Session, source: &str, name: &str) -> Result<Option<RestoreJobsListMember>, CloudError> {
    let attempt = session.reads("backup:ListRestoreJobs", format!("restores as {name}"));
    let request = session.backup().list_restore_jobs().by_resource_type("EFS").by_created_after(ago(session, LISTED));
    let mut pages = request.into_paginator().send();
    let mut jobs = Vec::new();
    while let Some(page) = pages.next().await {
        jobs.extend(page.map_err(|e| attempt.failed(e))?.restore_jobs.unwrap_or_default());
    }
    let of_source =
        |job: &RestoreJobsListMember| job.source_resource_arn.as_deref().and_then(id_of).is_none_or(|id| id == source);
    jobs.retain(|job| job.created_by.is_none() && of_source(job));
    jobs.sort_by_key(|job| std::cmp::Reverse(job.creation_date.map(|at| at.secs())));
    for job in jobs {
        let Some(id) = job.restore_job_id.as_deref() else { continue };
        let attempt = session.reads("backup:GetRestoreJobMetadata", format!("restore job {id}"));
        let answer = session.backup().get_restore_job_metadata().restore_job_id(id).send().await;
        let metadata = answer.map_err(|e| attempt.failed(e))?.metadata.unwrap_or_default();
        if value_of(&metadata, TOKEN) == Some(name) {
            return Ok(Some(job));
        }
    }
    Ok(None)
}

fn value_of<'m>(metadata: &'m HashMap<String, String>, key: &str) -> Option<&'m str> {
    metadata.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
}

/// `fs-…` out of a file system's ARN.
fn id_of(arn: &str) -> Option<&str> {
    arn.split_once(":file-system/").map(|(_, id)| id)
}
