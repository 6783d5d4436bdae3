//! AWS Backup: its jobs, recovery points and vaults as it describes them, and the words for what it says.

use std::collections::HashMap;

use super::{error::Attempt, kms, session::Session, tags};
use crate::{
    domain::{
        moment::Moment,
        step::{ISSUE, Outputs},
        world::VaultRange,
    },
    ports::cloud::{Call, CloudError, Condition, Progress},
};
use aws_sdk_backup::{
    operation::{
        describe_backup_job::DescribeBackupJobOutput, describe_backup_vault::DescribeBackupVaultOutput,
        describe_recovery_point::DescribeRecoveryPointOutput,
    },
    types::{BackupJob, BackupJobState, Lifecycle, VaultState},
};
use aws_smithy_types::DateTime;

/// The output that followers verify or copy.
pub const RECOVERY_POINT: &str = "recovery_point";
/// A job that has not begun after an hour never will: the smallest window AWS takes.
pub const START_WINDOW_MINUTES: i64 = 60;
/// A backup that runs for more than a day helps nobody.
pub const COMPLETE_WINDOW_MINUTES: i64 = 24 * 60;
/// How far back a probe looks for a job; longer than any process is down.
pub const PROBE_SECONDS: i64 = 7 * 86_400;
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
    /// How far the job is, as a step tells it.
    pub fn progress(&self, id: &str, session: &Session) -> Progress {
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

/// What protects the vault from deletions, as its lock says. A lock is shown here and set nowhere: with days of grace it can never be
/// lifted again, so that it is for people to set, in AWS Backup.
pub fn lock(found: &DescribeBackupVaultOutput, now: Moment) -> String {
    if found.locked != Some(true) {
        return "not locked".to_owned();
    }
    let lifted = match found.lock_date.and_then(super::moment) {
        None => "by a governance lock, which can be lifted".to_owned(),
        Some(from) if from > now => format!("by a compliance lock, which can be lifted until {from} and never after"),
        Some(from) => format!("by a compliance lock, which nobody can lift since {from}"),
    };
    let days = match (found.min_retention_days, found.max_retention_days) {
        (None, None) => String::new(),
        (Some(min), None) => format!(" and keeps at least {min} days"),
        (None, Some(max)) => format!(" and keeps at most {max} days"),
        (Some(min), Some(max)) => format!(" and keeps {min} to {max} days"),
    };
    format!("locked {lifted}{days}")
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

/// The recovery point that the steps before this one made.
///
/// # Errors
/// `Permanent` where they named none.
pub fn input(call: &Call) -> Result<&str, CloudError> {
    call.inputs.get(RECOVERY_POINT).map(String::as_str).ok_or_else(|| CloudError::Permanent {
        reason: "The step before this one named no recovery point. Retry the backup from its beginning.".to_owned(),
    })
}

/// The output that names a recovery point, where AWS names one already.
pub fn recovery_point(arn: Option<String>) -> Outputs {
    arn.into_iter().map(|arn| (RECOVERY_POINT.to_owned(), arn)).collect()
}

/// A lifecycle that deletes after so many days.
pub fn delete_after(days: u32) -> Lifecycle {
    Lifecycle::builder().delete_after_days(i64::from(days)).build()
}

/// States of backup jobs out of which nothing comes, or less than was asked for.
pub fn ended_badly(state: &BackupJobState) -> bool {
    matches!(
        state,
        BackupJobState::Aborted | BackupJobState::Failed | BackupJobState::Expired | BackupJobState::Partial
    )
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

/// The end of a job that is COMPLETED, with what AWS says besides.
pub fn with_issue(mut outputs: Outputs, bytes: Option<i64>, message: Option<&str>) -> Progress {
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
