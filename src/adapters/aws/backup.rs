//! AWS Backup: backup jobs and copy jobs. Its mutations take our own idempotency token.

use std::collections::HashMap;

use super::{error::Attempt, kms, session::Session, tags};
use crate::{
    domain::{
        step::{self, ISSUE, Outputs},
        world::VaultRange,
    },
    ports::cloud::{Call, CloudError, Condition, Probe, Progress, Started},
};
use aws_sdk_backup::{
    operation::{
        describe_backup_job::DescribeBackupJobOutput, describe_backup_vault::DescribeBackupVaultOutput,
        describe_recovery_point::DescribeRecoveryPointOutput,
    },
    types::{BackupJob, BackupJobState, CopyJob, CopyJobState, Lifecycle, RecoveryPointStatus, VaultState},
};
use aws_smithy_types::DateTime;

/// The output that followers verify or copy.
pub const RECOVERY_POINT: &str = "recovery_point";
/// A job that has not begun after an hour never will: the smallest window AWS takes.
pub const START_WINDOW_MINUTES: i64 = 60;
/// A backup that runs for more than a day helps nobody.
pub const COMPLETE_WINDOW_MINUTES: i64 = 24 * 60;
/// How far back a probe looks for a job; longer than any process is down.
const PROBE_SECONDS: i64 = 7 * 86_400;
/// Most recovery points whose tags a probe reads, newest first.
const PROBE_TAGS: usize = 50;
/// From so many jobs on, one listing costs less than a description of each.
const LIST_FROM: usize = 4;

/// Why what AWS names under our token is not ours, and what to do.
const EARLIER: &str =
    "AWS Backup answered with what it made before this was asked for, which belongs to an earlier life of the ledger";
const EARLIER_NEXT: &str = "Nothing was started. Ask for it anew.";

/// Refuses what AWS answers with when a token made it before this step was intended: tokens outlive a ledger that goes back.
///
/// # Errors
/// `Permanent` for what is older.
pub fn not_of_an_earlier_life(call: &Call, made: Option<&DateTime>, attempt: &Attempt<'_>) -> Result<(), CloudError> {
    if tags::is_older(call, made) { Err(attempt.never(EARLIER, EARLIER_NEXT)) } else { Ok(()) }
}

/// Starts a backup job; the same token gives the same job.
///
/// # Errors
/// See [`CloudError`].
pub async fn start_job(session: &Session, call: &Call, job: &step::BackupJob) -> Result<Started, CloudError> {
    let attempt =
        session.changes("backup:StartBackupJob", format!("backup of {} into vault {}", job.resource_arn, job.vault));
    let request = session
        .backup()
        .start_backup_job()
        .backup_vault_name(&job.vault)
        .resource_arn(&job.resource_arn)
        .iam_role_arn(&job.role)
        .idempotency_token(&call.token)
        .start_window_minutes(START_WINDOW_MINUTES)
        .complete_window_minutes(COMPLETE_WINDOW_MINUTES)
        .lifecycle(delete_after(job.retention_days))
        .set_recovery_point_tags(Some(tags::of(call).into_iter().collect()));
    let answer = request.send().await.map_err(|e| attempt.failed(e))?;
    not_of_an_earlier_life(call, answer.creation_date(), &attempt)?;
    Ok(Started {
        external_id: answer.backup_job_id,
        outputs: recovery_point(answer.recovery_point_arn),
        finished: false,
    })
}

/// Looks for the job an earlier [`start_job`] may have started, by the tag on its recovery point. A job whose tags are not
/// visible yet counts as absent: calling again with the same token gives that very job.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe_job(session: &Session, call: &Call, job: &step::BackupJob) -> Result<Probe, CloudError> {
    let attempt = session.reads("backup:ListBackupJobs", format!("backup jobs of {}", job.resource_arn));
    let mut pages = session
        .backup()
        .list_backup_jobs()
        .by_resource_arn(&job.resource_arn)
        .by_backup_vault_name(&job.vault)
        .by_created_after(ago(session, PROBE_SECONDS))
        .into_paginator()
        .send();
    let mut jobs = Vec::new();
    while let Some(page) = pages.next().await {
        jobs.extend(page.map_err(|e| attempt.failed(e))?.backup_jobs.unwrap_or_default());
    }
    // Jobs of backup plans have a creator, ours have none. One that ended badly is not adopted: it may be of an earlier
    // round, and with our token AWS names it again if it is not.
    jobs.retain(|j| j.created_by.is_none() && j.state.as_ref().is_some_and(|s| !ended_badly(s)));
    jobs.sort_by_key(|j| std::cmp::Reverse(j.creation_date.map(|d| d.secs())));
    for candidate in jobs.into_iter().take(PROBE_TAGS) {
        let Some(arn) = candidate.recovery_point_arn.clone() else { continue };
        let found = tags_of(session, &arn).await?;
        if tags::is_ours(call, |key| found.get(key).map(String::as_str), candidate.creation_date()) {
            return Ok(Probe::Present(Started {
                external_id: candidate.backup_job_id,
                outputs: recovery_point(Some(arn)),
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

/// Starts a copy of the step's recovery point, in the source region; the same token gives the same job.
///
/// # Errors
/// See [`CloudError`].
pub async fn start_copy(session: &Session, call: &Call, copy: &step::BackupCopy) -> Result<Started, CloudError> {
    let source = input(call)?;
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
        .lifecycle(delete_after(copy.retention_days));
    let answer = request.send().await.map_err(|e| attempt.failed(e))?;
    not_of_an_earlier_life(call, answer.creation_date(), &attempt)?;
    Ok(Started { external_id: answer.copy_job_id, outputs: Outputs::new(), finished: false })
}

/// Looks for the job an earlier [`start_copy`] may have started. The source recovery point belongs to this operation
/// alone, so a copy of it to this vault is ours.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe_copy(session: &Session, call: &Call, copy: &step::BackupCopy) -> Result<Probe, CloudError> {
    let source = input(call)?;
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
                && job.state.as_ref().is_some_and(|state| !copy_ended_badly(state))
            {
                // Where it lands is told when it is done: until then the input stands, and followers wait.
                return Ok(Probe::Present(Started { external_id: job.copy_job_id, ..Started::default() }));
            }
        }
    }
    Ok(Probe::Absent)
}

/// Many jobs in few requests, where one listing costs less than a description of each. What is not in the answer is to be
/// described one by one.
pub async fn list_many(session: &Session, ids: &[&str]) -> HashMap<String, JobNow> {
    if ids.len() < LIST_FROM { HashMap::new() } else { list_jobs(session, ids).await.unwrap_or_default() }
}

async fn list_jobs(session: &Session, ids: &[&str]) -> Result<HashMap<String, JobNow>, CloudError> {
    let attempt = session.reads("backup:ListBackupJobs", "backup jobs");
    let mut pages = session
        .backup()
        .list_backup_jobs()
        .by_created_after(ago(session, PROBE_SECONDS))
        .max_results(1000)
        .into_paginator()
        .send();
    let mut found = HashMap::new();
    while let Some(page) = pages.next().await {
        let jobs = page.map_err(|e| attempt.failed(e))?.backup_jobs.unwrap_or_default();
        found.extend(jobs.into_iter().filter_map(|job| {
            let id = job.backup_job_id.clone().filter(|id| ids.contains(&id.as_str()))?;
            Some((id, JobNow::from(job)))
        }));
        if found.len() == ids.len() {
            break;
        }
    }
    Ok(found)
}

/// How far a backup job is, out of what was listed of it, or else described.
///
/// # Errors
/// See [`CloudError`].
pub async fn poll_job(session: &Session, call: &Call, listed: Option<&JobNow>) -> Result<Progress, CloudError> {
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
        Ok(answer) => Ok(JobNow::from(answer).progress(id, session)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
            Err(attempt.later("AWS Backup accepted it but does not show it", None))
        }
        Err(error) => Err(attempt.failed(error)),
    }
}

/// What two different answers of AWS say about a backup job.
pub struct JobNow {
    state: Option<BackupJobState>,
    percent: Option<String>,
    message: Option<String>,
    recovery_point: Option<String>,
    bytes: Option<i64>,
}

impl From<BackupJob> for JobNow {
    fn from(job: BackupJob) -> JobNow {
        let (state, percent, message) = (job.state, job.percent_done, job.status_message);
        JobNow { state, percent, message, recovery_point: job.recovery_point_arn, bytes: job.backup_size_in_bytes }
    }
}

impl From<DescribeBackupJobOutput> for JobNow {
    fn from(job: DescribeBackupJobOutput) -> JobNow {
        let (state, percent, message) = (job.state, job.percent_done, job.status_message);
        JobNow { state, percent, message, recovery_point: job.recovery_point_arn, bytes: job.backup_size_in_bytes }
    }
}

impl JobNow {
    fn progress(&self, id: &str, session: &Session) -> Progress {
        let word = self.state.as_ref().map_or("of unknown state", BackupJobState::as_str);
        match &self.state {
            Some(BackupJobState::Completed) => match &self.recovery_point {
                Some(_) => with_issue(recovery_point(self.recovery_point.clone()), self.bytes, self.message.as_deref()),
                None => Progress::Running {
                    percent: Some(100),
                    detail: "COMPLETED, its recovery point is not visible yet".to_owned(),
                },
            },
            Some(state) if ended_badly(state) => Progress::Failed {
                reason: ended(&format!("Backup job {id} in {}", session.region), word, self.message.as_deref()),
            },
            _ => Progress::Running { percent: self.percent.as_deref().and_then(percent), detail: word.to_owned() },
        }
    }
}

/// How far a copy job is.
///
/// # Errors
/// See [`CloudError`].
pub async fn poll_copy(session: &Session, call: &Call) -> Result<Progress, CloudError> {
    let Some(id) = call.external_id.as_deref() else {
        return Err(CloudError::Permanent {
            reason: "The id of the copy job was never learnt. Retry the step.".to_owned(),
        });
    };
    let attempt = session.reads("backup:DescribeCopyJob", format!("copy job {id}"));
    match session.backup().describe_copy_job().copy_job_id(id).send().await {
        Ok(answer) => match answer.copy_job {
            Some(job) => Ok(copy_progress(id, session, &job)),
            None => Err(attempt.later("AWS Backup described it without any data", None)),
        },
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
            Err(attempt.later("AWS Backup accepted it but does not show it", None))
        }
        Err(error) => Err(attempt.failed(error)),
    }
}

fn copy_progress(id: &str, session: &Session, job: &CopyJob) -> Progress {
    let word = job.state.as_ref().map_or("of unknown state", CopyJobState::as_str);
    match &job.state {
        Some(CopyJobState::Completed) => match &job.destination_recovery_point_arn {
            Some(arn) => {
                with_issue(recovery_point(Some(arn.clone())), job.backup_size_in_bytes, job.status_message.as_deref())
            }
            None => Progress::Running {
                percent: None,
                detail: "COMPLETED, its recovery point is not visible yet".to_owned(),
            },
        },
        Some(state) if copy_ended_badly(state) => Progress::Failed {
            reason: ended(&format!("Copy job {id} in {}", session.region), word, job.status_message.as_deref()),
        },
        // ABORTING and FAILING, which end soon and badly, are told with AWS's reason.
        _ => Progress::Running {
            percent: None,
            detail: words_of_aws(job.status_message.as_deref())
                .map_or_else(|| word.to_owned(), |message| format!("{word}: {message}")),
        },
    }
}

/// Verifies the recovery point of the step this one follows.
///
/// # Errors
/// See [`CloudError`].
pub async fn verify(session: &Session, call: &Call, vault: &str, retention_days: u32) -> Result<Progress, CloudError> {
    let arn = input(call)?;
    let wrong = |why: &str| {
        Ok(Progress::Failed {
            reason: format!(
                "Recovery point {arn} in vault {vault} in {} does not hold: {why}. Back up again.",
                session.region
            ),
        })
    };
    let Some(point) = describe_point(session, vault, arn).await? else {
        return wrong("it does not exist");
    };
    let status = point.status.as_ref().map_or("of unknown state", |s| s.as_str());
    match &point.status {
        Some(RecoveryPointStatus::Completed | RecoveryPointStatus::Available) => {}
        Some(RecoveryPointStatus::Creating) => {
            return Ok(Progress::Running { percent: None, detail: status.to_owned() });
        }
        _ => {
            let message = words_of_aws(point.status_message.as_deref());
            let message = message.unwrap_or_else(|| "AWS gives no reason".to_owned());
            return wrong(&format!("it is {status}, neither AVAILABLE nor COMPLETED ({message})"));
        }
    }
    if !point.is_encrypted {
        return wrong("it is not encrypted");
    }
    let bytes = point.backup_size_in_bytes.unwrap_or(0);
    if bytes <= 0 {
        return wrong("it is empty");
    }
    match point.lifecycle.as_ref().and_then(|l| l.delete_after_days) {
        Some(days) if days == i64::from(retention_days) => {}
        Some(days) => return wrong(&format!("it is kept for {days} days instead of {retention_days}")),
        None => return wrong(&format!("nothing says that it is kept for {retention_days} days")),
    }
    let Some(key) = &point.encryption_key_arn else {
        return wrong("AWS Backup does not name the KMS key it is encrypted under");
    };
    Ok(match kms::usable(session, key).await? {
        Err(reason) => Progress::Failed {
            reason: format!("Recovery point {arn} in {} could not be restored: {reason}", session.region),
        },
        Ok(_) => Progress::Done {
            outputs: issue(point.status_message.as_deref()),
            detail: format!(
                "{status}, encrypted, {}, kept {retention_days} days, key usable in {}",
                size(bytes),
                session.region
            ),
        },
    })
}

/// A recovery point as AWS Backup describes it; none where there is no such point.
///
/// # Errors
/// See [`CloudError`].
pub async fn describe_point(
    session: &Session,
    vault: &str,
    arn: &str,
) -> Result<Option<DescribeRecoveryPointOutput>, CloudError> {
    let attempt = session.reads("backup:DescribeRecoveryPoint", format!("recovery point {arn} in vault {vault}"));
    match session.backup().describe_recovery_point().backup_vault_name(vault).recovery_point_arn(arn).send().await {
        Ok(point) => Ok(Some(point)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
        Err(error) => Err(attempt.failed(error)),
    }
}

/// Whether a vault can take backups: its ARN, or why not.
///
/// # Errors
/// `Retryable` when nobody can tell now.
pub async fn vault(session: &Session, name: &str) -> Result<Condition, CloudError> {
    Ok(vault_and_range(session, name).await?.0)
}

/// Whether a vault can take backups, and for how long it keeps them where its lock says so.
///
/// # Errors
/// `Retryable` when nobody can tell now.
pub async fn vault_and_range(session: &Session, name: &str) -> Result<(Condition, Option<VaultRange>), CloudError> {
    match describe_vault(session, name).await {
        Ok(found) => {
            let days = |days: Option<i64>| days.and_then(|days| u32::try_from(days).ok()).filter(|days| *days > 0);
            let (min, max) = (days(found.min_retention_days), days(found.max_retention_days));
            let range = VaultRange { vault: name.to_owned(), region: session.region.clone(), min, max };
            let locked = found.locked == Some(true) && (min.is_some() || max.is_some());
            let condition = usable(session, name, found.vault_state.as_ref(), found.backup_vault_arn);
            Ok((condition, locked.then_some(range)))
        }
        Err(error) => Ok((kms::missing(error)?, None)),
    }
}

/// A vault as AWS Backup describes it.
///
/// # Errors
/// See [`CloudError`].
pub async fn describe_vault(session: &Session, name: &str) -> Result<DescribeBackupVaultOutput, CloudError> {
    let attempt = session.reads("backup:DescribeBackupVault", format!("vault {name}"));
    session.backup().describe_backup_vault().backup_vault_name(name).send().await.map_err(|e| attempt.failed(e))
}

/// Whether a vault so described can take backups: its ARN, or why not.
pub fn usable(session: &Session, name: &str, state: Option<&VaultState>, arn: Option<String>) -> Condition {
    match (state, arn) {
        (Some(VaultState::Creating | VaultState::Failed), _) => {
            Err(format!("Vault {name} in {} is not available.", session.region))
        }
        (_, Some(arn)) => Ok(arn),
        (_, None) => Err(format!("Vault {name} in {} has no ARN.", session.region)),
    }
}

fn input(call: &Call) -> Result<&str, CloudError> {
    call.inputs.get(RECOVERY_POINT).map(String::as_str).ok_or_else(|| CloudError::Permanent {
        reason: "The step before this one named no recovery point. Retry the backup from its beginning.".to_owned(),
    })
}

fn recovery_point(arn: Option<String>) -> Outputs {
    arn.into_iter().map(|arn| (RECOVERY_POINT.to_owned(), arn)).collect()
}

/// A lifecycle that deletes after so many days.
pub fn delete_after(days: u32) -> Lifecycle {
    Lifecycle::builder().delete_after_days(i64::from(days)).build()
}

fn ended_badly(state: &BackupJobState) -> bool {
    matches!(
        state,
        BackupJobState::Aborted | BackupJobState::Failed | BackupJobState::Expired | BackupJobState::Partial
    )
}

/// States of copy jobs out of which nothing comes. That of a job somebody stopped is missing in AWS's own list of them.
fn copy_ended_badly(state: &CopyJobState) -> bool {
    matches!(state.as_str(), "FAILED" | "PARTIAL" | "ABORTED" | "EXPIRED")
}

/// What AWS says of a state, where it says anything.
pub fn words_of_aws(message: Option<&str>) -> Option<String> {
    let line = message?.split_whitespace().collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then_some(line)
}

/// A job that is COMPLETED and says something is "completed with issues" to AWS's console.
pub fn issue(message: Option<&str>) -> Outputs {
    words_of_aws(message).map(|words| (ISSUE.to_owned(), words)).into_iter().collect()
}

fn with_issue(mut outputs: Outputs, bytes: Option<i64>, message: Option<&str>) -> Progress {
    outputs.extend(issue(message));
    let mut detail = completed(bytes);
    if let Some(words) = outputs.get(ISSUE) {
        detail.push_str(&format!(", but AWS says: {words}"));
    }
    Progress::Done { outputs, detail }
}

/// That a job ended otherwise than well, for people.
pub fn ended(what: &str, state: &str, message: Option<&str>) -> String {
    let message = message.map(str::trim).filter(|m| !m.is_empty()).unwrap_or("AWS gives no reason");
    format!("{what} ended {state}: {}. Mend what it names and retry.", message.trim_end_matches('.'))
}

fn completed(bytes: Option<i64>) -> String {
    bytes.map_or_else(|| "COMPLETED".to_owned(), |bytes| format!("COMPLETED, {}", size(bytes)))
}

/// `12.5%`, `12` and `12.5` are all seen.
pub fn percent(text: &str) -> Option<u8> {
    let number: f64 = text.trim().trim_end_matches('%').trim().parse().ok()?;
    // Clamped to 0–100, so the conversion is exact.
    number.is_finite().then(|| number.clamp(0.0, 100.0) as u8)
}

/// Bytes for people.
pub fn size(bytes: i64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = "bytes";
    for next in units {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "bytes" { format!("{bytes} bytes") } else { format!("{value:.1} {unit}") }
}

/// So many seconds ago.
pub fn ago(session: &Session, seconds: i64) -> DateTime {
    DateTime::from_secs(session.now().seconds() - seconds)
}
