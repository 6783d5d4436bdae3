//! Jobs of AWS Backup: how many ended how, and what became of those that did not end well.

use std::collections::BTreeMap;

use aws_sdk_backup::types::{AggregationPeriod, BackupJobState, BackupJobStatus, RestoreJobStatus};
use aws_smithy_types::DateTime;
use futures::future::{BoxFuture, FutureExt as _, join};

use super::super::{backup::words_of_aws, moment, session::Session, side_by_side};
use super::points;
use crate::{
    domain::{lag::JobTrouble, moment::Moment},
    ports::cloud::CloudError,
};

/// A job that ends today may have begun this long ago: AWS lets it wait for 8 hours and run for 7 days.
const LONGEST: i64 = 8 * 86_400;
/// How far back trouble is told of.
const RECENT: i64 = 86_400;
/// AWS's word for success.
const COMPLETED: &str = "COMPLETED";
/// How trouble is called that AWS counts as success.
const WITH_ISSUES: &str = "COMPLETED with issues";

/// Backup jobs of the last 14 days by state, in the session's region.
///
/// # Errors
/// See [`CloudError`].
pub async fn counts(session: &Session) -> Result<BTreeMap<String, u64>, CloudError> {
    let attempt = session.reads("backup:ListBackupJobSummaries", "the counts of backup jobs");
    let mut pages = session
        .backup()
        .list_backup_job_summaries()
        .aggregation_period(AggregationPeriod::FourteenDays)
        .max_results(500)
        .into_paginator()
        .send();
    let mut counts = BTreeMap::new();
    while let Some(page) = pages.next().await {
        for summary in page.map_err(|e| attempt.failed(e))?.backup_job_summaries.unwrap_or_default() {
            let here = summary.region.as_ref().is_none_or(|region| *region == session.region);
            let Some(state) = summary.state.filter(|_| here) else { continue };
            // Sums over states would be counted twice.
            if !matches!(state, BackupJobStatus::AggregateAll | BackupJobStatus::Any) {
                *counts.entry(state.as_str().to_owned()).or_default() += u64::try_from(summary.count).unwrap_or(0);
            }
        }
    }
    Ok(counts)
}

/// Jobs of the last 24 hours, of these vaults, that ended otherwise than well, in the session's region, newest first. One that
/// is COMPLETED and says why it should not be relied on is among them.
///
/// # Errors
/// See [`CloudError`].
pub async fn trouble(session: &Session, vaults: &[&str], now: Moment) -> Result<Vec<JobTrouble>, CloudError> {
    let begun = Asked { begun: Some(DateTime::from_secs(now.seconds() - LONGEST)), ..Asked::default() };
    let ended = Asked { ended: Some(DateTime::from_secs(now.seconds() - RECENT)), ..Asked::default() };
    // A job that never began has no end by which it could be found.
    let backups = [BackupJobState::Failed, BackupJobState::Expired, BackupJobState::Aborted, BackupJobState::Partial];
    let restores = [RestoreJobStatus::Failed, RestoreJobStatus::Aborted];
    let mut asked: Vec<BoxFuture<'_, Result<Vec<Ended>, CloudError>>> = Vec::new();
    asked.extend(
        backups.into_iter().map(|state| {
            backup_jobs(session, Asked { state: Some(state.as_str().to_owned()), ..begun.clone() }).boxed()
        }),
    );
    asked.extend(
        restores.into_iter().map(|state| {
            restore_jobs(session, Asked { state: Some(state.as_str().to_owned()), ..begun.clone() }).boxed()
        }),
    );
    let completed = Asked { state: Some(COMPLETED.to_owned()), ..ended.clone() };
    asked.push(backup_jobs(session, completed.clone()).boxed());
    asked.push(restore_jobs(session, completed).boxed());
    // Copies end in states that AWS's own list of states to ask for lacks, so they are asked for without one.
    asked.push(copy_jobs(session, begun).boxed());
    let mut found = Vec::new();
    for answer in side_by_side(asked).await {
        let ours = answer?
            .into_iter()
            .filter(|job| job.vaults.is_empty() || job.vaults.iter().any(|v| vaults.contains(&v.as_str())));
        found.extend(ours.filter_map(|job| job.told(&session.region)));
    }
    let after = now.seconds() - RECENT;
    found.retain(|job: &JobTrouble| job.at.seconds() >= after);
    found.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
    Ok(found)
}

/// Trouble of two regions. What is known is told even when the other region does not answer; that there is none is only
/// said when both did.
///
/// # Errors
/// Why nobody knows.
pub async fn trouble_of_both(
    here: impl Future<Output = Result<Vec<JobTrouble>, String>>,
    there: impl Future<Output = Result<Vec<JobTrouble>, String>>,
) -> Result<Vec<JobTrouble>, String> {
    let mut all = Vec::new();
    let mut unread = Vec::new();
    let (here, there) = join(here, there).await;
    for answer in [here, there] {
        match answer {
            Ok(found) => all.extend(found),
            Err(error) => unread.push(error),
        }
    }
    all.sort_by(|a: &JobTrouble, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
    if all.is_empty() && !unread.is_empty() { Err(unread.join(" ")) } else { Ok(all) }
}

/// What three kinds of jobs have in common.
struct Ended {
    id: Option<String>,
    what: &'static str,
    resource: Option<String>,
    /// Names of the vaults it is between; empty where AWS does not tell.
    vaults: Vec<String>,
    state: String,
    created: Option<DateTime>,
    completed: Option<DateTime>,
    message: Option<String>,
}

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
struct Asked {
    state: Option<String>,
    /// Begun after this.
    begun: Option<DateTime>,
    /// Ended after this.
    ended: Option<DateTime>,
}

impl Ended {
    /// The trouble with it; none with one that ended well, or has not ended.
    fn told(self, region: &str) -> Option<JobTrouble> {
        let words = words_of_aws(self.message.as_deref());
        let state = match (self.state.as_str(), &words) {
            (COMPLETED, Some(_)) => WITH_ISSUES.to_owned(),
            ("FAILED" | "EXPIRED" | "ABORTED" | "PARTIAL", _) => self.state,
            _ => return None,
        };
        let arn = self.resource.unwrap_or_default();
        Some(JobTrouble {
            id: self.id?,
            what: self.what.to_owned(),
            resource: points::resource(&arn).map_or(arn, |(_, id)| id),
            region: region.to_owned(),
            state,
            // A job that never began has no end of its own.
            at: moment(self.completed.or(self.created)?)?,
            message: words.unwrap_or_else(|| "AWS gives no reason.".to_owned()),
        })
    }
}

impl Asked {
    /// What is listed, for people.
    fn thing(&self, what: &str) -> String {
        let state = self.state.as_deref().map(|state| format!(" that are {state}")).unwrap_or_default();
        format!("{what} jobs{state}")
    }
}

/// The vault's name at the end of its ARN.
fn vault_name(arn: Option<String>) -> Option<String> {
    arn.and_then(|arn| arn.rsplit(':').next().map(str::to_owned))
}

async fn backup_jobs(session: &Session, asked: Asked) -> Result<Vec<Ended>, CloudError> {
    let attempt = session.reads("backup:ListBackupJobs", asked.thing("backup"));
    let request = session
        .backup()
        .list_backup_jobs()
        .set_by_state(asked.state.as_deref().map(BackupJobState::from))
        .set_by_created_after(asked.begun)
        .set_by_complete_after(asked.ended)
        .max_results(1000);
    let mut pages = request.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        found.extend(page.map_err(|e| attempt.failed(e))?.backup_jobs.unwrap_or_default().into_iter().map(|job| {
            Ended {
                id: job.backup_job_id,
                what: "backup",
                resource: job.resource_arn,
                vaults: job.backup_vault_name.into_iter().collect(),
                state: job.state.map(|s| s.as_str().to_owned()).unwrap_or_default(),
                created: job.creation_date,
                completed: job.completion_date,
                message: job.status_message,
            }
        }));
    }
    Ok(found)
}

async fn copy_jobs(session: &Session, asked: Asked) -> Result<Vec<Ended>, CloudError> {
    let attempt = session.reads("backup:ListCopyJobs", asked.thing("copy"));
    let request = session.backup().list_copy_jobs().set_by_created_after(asked.begun).max_results(1000);
    let mut pages = request.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        found.extend(page.map_err(|e| attempt.failed(e))?.copy_jobs.unwrap_or_default().into_iter().map(|job| {
            Ended {
                id: job.copy_job_id,
                what: "copy",
                resource: job.resource_arn,
                vaults: vault_name(job.source_backup_vault_arn)
                    .into_iter()
                    .chain(vault_name(job.destination_backup_vault_arn))
                    .collect(),
                state: job.state.map(|s| s.as_str().to_owned()).unwrap_or_default(),
                created: job.creation_date,
                completed: job.completion_date,
                message: job.status_message,
            }
        }));
    }
    Ok(found)
}

async fn restore_jobs(session: &Session, asked: Asked) -> Result<Vec<Ended>, CloudError> {
    let attempt = session.reads("backup:ListRestoreJobs", asked.thing("restore"));
    let request = session
        .backup()
        .list_restore_jobs()
        .set_by_status(asked.state.as_deref().map(RestoreJobStatus::from))
        .set_by_created_after(asked.begun)
        .set_by_complete_after(asked.ended)
        .max_results(1000);
    let mut pages = request.into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        found.extend(page.map_err(|e| attempt.failed(e))?.restore_jobs.unwrap_or_default().into_iter().map(|job| {
            Ended {
                id: job.restore_job_id,
                what: "restore",
                resource: job.source_resource_arn.or(job.recovery_point_arn),
                vaults: vault_name(job.backup_vault_arn).into_iter().collect(),
                state: job.status.map(|s| s.as_str().to_owned()).unwrap_or_default(),
                created: job.creation_date,
                completed: job.completion_date,
                message: job.status_message,
            }
        }));
    }
    Ok(found)
}
