//! `backup.copy`: AWS Backup's copies into the other region. Their mutation takes our own idempotency token.

use aws_sdk_backup::types::{CopyJob, CopyJobState};

use super::{
    super::{background::Outcome, backup, session::Session, tags},
    At, Change,
};
use crate::{
    domain::step::{BackupCopy, Outputs},
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

impl Change for BackupCopy {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        probe(&at.session, at.call, self).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        start(&at.session, at.call, self).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        poll(&at.session, at.call).await
    }
}

/// Starts a copy of the step's recovery point, in the source region; the same token gives the same job.
///
/// # Errors
/// See [`CloudError`].
async fn start(session: &Session, call: &Call, copy: &BackupCopy) -> Result<Started, CloudError> {
    let source = backup::input(call)?;
    let attempt = session
        .changes("backup:StartCopyJob", format!("copy of recovery point {source} into vault {}", copy.to_vault_arn));
    let request = session
        .backup()
        .start_copy_job()
        .recovery_point_arn(source)
        .source_backup_vault_name(&copy.vault)
        .destination_backup_vault_arn(&copy.to_vault_arn)
        .iam_role_arn(&copy.role)
        .idempotency_token(&call.token)
        .lifecycle(backup::delete_after(copy.retention_days));
    let answer = request.send().await.map_err(|e| attempt.failed(e))?;
    backup::not_of_an_earlier_life(call, answer.creation_date(), &attempt)?;
    Ok(Started { external_id: answer.copy_job_id, outputs: Outputs::new(), finished: false })
}

/// Looks for the job an earlier [`start`] may have started. The source recovery point belongs to this operation
/// alone, so a copy of it to this vault is ours.
///
/// # Errors
/// See [`CloudError`].
async fn probe(session: &Session, call: &Call, copy: &BackupCopy) -> Result<Probe, CloudError> {
    let source = backup::input(call)?;
    let attempt = session.reads("backup:ListCopyJobs", format!("copies of recovery point {source}"));
    let mut pages = session
        .backup()
        .list_copy_jobs()
        .by_source_recovery_point_arn(source)
        .by_destination_vault_arn(&copy.to_vault_arn)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        for job in page.map_err(|e| attempt.failed(e))?.copy_jobs.unwrap_or_default() {
            let same = job.source_recovery_point_arn.as_deref() == Some(source)
                && job.destination_backup_vault_arn.as_deref() == Some(copy.to_vault_arn.as_str());
            if same
                && job.created_by.is_none()
                && !tags::is_older(call, job.creation_date())
                && job.state.as_ref().is_some_and(|state| !ended_badly(state))
            {
                // Where it lands is told when it is done: until then the input stands, and followers wait.
                return Ok(Probe::Present(Started { external_id: job.copy_job_id, ..Started::default() }));
            }
        }
    }
    Ok(Probe::Absent)
}

/// How far a copy job is.
///
/// # Errors
/// See [`CloudError`].
async fn poll(session: &Session, call: &Call) -> Result<Progress, CloudError> {
    let Some(id) = call.external_id.as_deref() else {
        return Err(CloudError::Permanent {
            reason: "The id of the copy job was never learnt. Retry the step.".to_owned(),
        });
    };
    let attempt = session.reads("backup:DescribeCopyJob", format!("copy job {id}"));
    match session.backup().describe_copy_job().copy_job_id(id).send().await {
        Ok(answer) => match answer.copy_job {
            Some(job) => Ok(progress(id, session, &job)),
            None => Err(attempt.later("AWS Backup described it without any data", None)),
        },
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
            Err(attempt.later("AWS Backup accepted it but does not show it", None))
        }
        Err(error) => Err(attempt.failed(error)),
    }
}

fn progress(id: &str, session: &Session, job: &CopyJob) -> Progress {
    let word = job.state.as_ref().map_or("of unknown state", CopyJobState::as_str);
    match &job.state {
        Some(CopyJobState::Completed) => match &job.destination_recovery_point_arn {
            Some(arn) => backup::with_issue(
                backup::recovery_point(Some(arn.clone())),
                job.backup_size_in_bytes,
                job.status_message.as_deref(),
            ),
            None => Progress::Running {
                percent: None,
                detail: "COMPLETED, its recovery point is not visible yet".to_owned(),
            },
        },
        Some(state) if ended_badly(state) => Progress::Failed {
            reason: backup::ended(&format!("Copy job {id} in {}", session.region), word, job.status_message.as_deref()),
        },
        // ABORTING and FAILING, which end soon and badly, are told with AWS's reason.
        _ => Progress::Running {
            percent: None,
            detail: backup::words_of_aws(job.status_message.as_deref())
                .map_or_else(|| word.to_owned(), |message| format!("{word}: {message}")),
        },
    }
}

/// States of copy jobs out of which nothing comes. That of a job somebody stopped is missing in AWS's own list of them.
fn ended_badly(state: &CopyJobState) -> bool {
    matches!(state.as_str(), "FAILED" | "PARTIAL" | "ABORTED" | "EXPIRED")
}
