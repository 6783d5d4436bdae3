//! `backup.job`: AWS Backup's jobs. Their mutation takes our own idempotency token.

use std::collections::HashMap;

use super::{
    super::{background::Outcome, backup, session::Session, tags},
    At, Change,
    batch::Batch,
};
use crate::{
    domain::step::BackupJob,
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// Most recovery points whose tags a probe reads, newest first.
const PROBE_TAGS: usize = 50;

impl Change for BackupJob {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        probe(&at.session, at.call, self).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        start(&at.session, at.call, self).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let listed = at.call.external_id.as_deref().and_then(|id| at.job(id));
        poll(&at.session, at.call, listed).await
    }

    fn batch<'c>(&'c self, call: &'c Call) -> Option<Batch<'c>> {
        call.external_id.as_deref().map(Batch::BackupJob)
    }
}

/// Starts a backup job; the same token gives the same job.
///
/// # Errors
/// See [`CloudError`].
async fn start(session: &Session, call: &Call, job: &BackupJob) -> Result<Started, CloudError> {
    let attempt =
        session.changes("backup:StartBackupJob", format!("backup of {} into vault {}", job.resource_arn, job.vault));
    let request = session
        .backup()
        .start_backup_job()
        .backup_vault_name(&job.vault)
        .resource_arn(&job.resource_arn)
        .iam_role_arn(&job.role)
        .idempotency_token(&call.token)
        .start_window_minutes(backup::START_WINDOW_MINUTES)
        .complete_window_minutes(backup::COMPLETE_WINDOW_MINUTES)
        .lifecycle(backup::delete_after(job.retention_days))
        .set_recovery_point_tags(Some(tags::of(call).into_iter().collect()));
    let answer = request.send().await.map_err(|e| attempt.failed(e))?;
    backup::not_of_an_earlier_life(call, answer.creation_date(), &attempt)?;
    Ok(Started {
        external_id: answer.backup_job_id,
        outputs: backup::recovery_point(answer.recovery_point_arn),
        finished: false,
    })
}

/// Looks for the job an earlier [`start`] may have started, by the tag on its recovery point. A job whose tags are not
/// visible yet counts as absent: calling again with the same token gives that very job.
///
/// # Errors
/// See [`CloudError`].
async fn probe(session: &Session, call: &Call, job: &BackupJob) -> Result<Probe, CloudError> {
    let attempt = session.reads("backup:ListBackupJobs", format!("backup jobs of {}", job.resource_arn));
    let mut pages = session
        .backup()
        .list_backup_jobs()
        .by_resource_arn(&job.resource_arn)
        .by_backup_vault_name(&job.vault)
        .by_created_after(backup::ago(session, backup::PROBE_SECONDS))
        .into_paginator()
        .send();
    let mut jobs = Vec::new();
    while let Some(page) = pages.next().await {
        jobs.extend(page.map_err(|e| attempt.failed(e))?.backup_jobs.unwrap_or_default());
    }
    // Jobs of backup plans have a creator, ours have none. One that ended badly is not adopted: it may be of an earlier
    // round, and with our token AWS names it again if it is not.
    jobs.retain(|j| j.created_by.is_none() && j.state.as_ref().is_some_and(|s| !backup::ended_badly(s)));
    jobs.sort_by_key(|j| std::cmp::Reverse(j.creation_date.map(|d| d.secs())));
    for candidate in jobs.into_iter().take(PROBE_TAGS) {
        let Some(arn) = candidate.recovery_point_arn.clone() else { continue };
        let found = tags_of(session, &arn).await?;
        if tags::is_ours(call, |key| found.get(key).map(String::as_str), candidate.creation_date()) {
            return Ok(Probe::Present(Started {
                external_id: candidate.backup_job_id,
                outputs: backup::recovery_point(Some(arn)),
                finished: false,
            }));
        }
    }
    Ok(Probe::Absent)
}

/// Tags of a recovery point; none while AWS does not show it.
async fn tags_of(session: &Session, arn: &str) -> Result<HashMap<String, String>, CloudError> {
    let attempt = session.reads("backup:ListTags", format!("recovery point {arn}"));
    match session.backup().list_tags().resource_arn(arn).send().await {
        Ok(answer) => Ok(answer.tags.unwrap_or_default()),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
            Ok(HashMap::new())
        }
        Err(error) => Err(attempt.failed(error)),
    }
}

/// How far a backup job is, out of what was listed of it, or else described.
///
/// # Errors
/// See [`CloudError`].
async fn poll(session: &Session, call: &Call, listed: Option<&backup::JobNow>) -> Result<Progress, CloudError> {
    let Some(id) = call.external_id.as_deref() else {
        return Err(CloudError::Permanent {
            reason: "The id of the backup job was never learnt. Retry the step.".to_owned(),
        });
    };
    if let Some(job) = listed {
        return Ok(job.progress(id, session));
    }
    let attempt = session.reads("backup:DescribeBackupJob", format!("backup job {id}"));
    match session.backup().describe_backup_job().backup_job_id(id).send().await {
        Ok(answer) => Ok(backup::JobNow::from(answer).progress(id, session)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
            Err(attempt.later("AWS Backup accepted it but does not show it", None))
        }
        Err(error) => Err(attempt.failed(error)),
    }
}
