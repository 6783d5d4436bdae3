//! AWS for real: the ports [`Cloud`] and [`Alerts`] on the AWS SDK, one file per service or task.
//!
//! Every call names its region, every mutation carries a token or a name that AWS makes once, and every error is one
//! of three kinds. This file only decides which service a step belongs to.

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use futures::{StreamExt as _, stream};

use crate::{
    domain::{environment::Environment, step::Action, topics::Topics},
    ports::{
        alert::{Alerts, Topic},
        check::CheckLine,
        cloud::{Call, Cloud, CloudError, Pages, PointQuery, Probe, Progress, Readings, Started, Survey, World},
    },
};

pub mod background;
pub mod backup;
pub mod checks;
pub mod data;
pub mod efs;
pub mod error;
pub mod kms;
pub mod login;
pub mod rds;
pub mod reads;
pub mod s3;
pub mod secrets;
pub mod session;
pub mod sns;
pub mod ssm;
pub mod steps;
pub mod sts;
pub mod tags;
pub mod web;

use reads::{measure, points, survey};
use s3::Object;
use session::{Session, Sessions};
use steps::{automated, delete, holds, plans, tagging};

/// Requests in flight at once on behalf of one caller; AWS Backup takes 15 descriptions per second.
const AT_ONCE: usize = 8;

/// AWS.
#[derive(Debug)]
pub struct AwsCloud {
    sessions: Sessions,
    topics: Topics,
    jobs: background::Jobs,
}

/// Steps whose progress one request can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Family {
    Snapshots,
    BackupJobs,
    AutomatedBackups,
    Alone(usize),
}

impl AwsCloud {
    /// AWS as the environment variables and profiles of the process say. Opens nothing and calls nothing.
    pub fn new(topics: Topics) -> AwsCloud {
        AwsCloud { sessions: Sessions::default(), topics, jobs: background::Jobs::default() }
    }

    /// AWS on top of a configuration that is loaded already; [`session::loader`] is where to begin one.
    pub fn with(topics: Topics, base: SdkConfig) -> AwsCloud {
        AwsCloud { sessions: Sessions::with(base), topics, jobs: background::Jobs::default() }
    }

    /// Says, line by line, what is right and wrong with an environment.
    pub async fn check(&self, environment: &Environment) -> Vec<CheckLine> {
        Box::pin(survey::check(self, environment)).await
    }

    async fn session(&self, call: &Call, region: &str) -> Arc<Session> {
        self.sessions.get(&call.environment, region, &call.requester).await
    }

    /// Asks after steps of one family; one answer per call, in order.
    async fn poll_group(&self, family: Family, calls: &[&Call]) -> Vec<Result<Progress, CloudError>> {
        let Some(first) = calls.first() else { return Vec::new() };
        let Some(region) = first.action.region() else { return vec![Err(not_aws())] };
        let session = self.session(first, region).await;
        match family {
            Family::Snapshots => poll_snapshots(&session, calls).await,
            Family::BackupJobs => backup::poll_jobs(&session, calls).await,
            Family::AutomatedBackups => automated::poll(&session, calls).await,
            Family::Alone(_) => vec![self.poll_one(&session, first).await],
        }
    }

    async fn poll_one(&self, session: &Session, call: &Call) -> Result<Progress, CloudError> {
        let account = call.environment.account.as_str();
        match &call.action {
            Action::BackupCopy { .. } => backup::poll_copy(session, call).await,
            Action::SecretsExport { bucket, key, .. } => {
                match s3::made_by(session, &Object { account, bucket, key }, &call.operation.0).await? {
                    Some(made) => Ok(Progress::Done { detail: "exported".to_owned(), outputs: made.outputs }),
                    None => Ok(Progress::Failed {
                        reason: format!("The export s3://{bucket}/{key} is gone. Retry the step."),
                    }),
                }
            }
            Action::ObjectReplica { from_region, from_bucket, bucket, key, .. } => {
                let from = self.session(call, from_region).await;
                s3::replica(
                    &from,
                    &Object { account, bucket: from_bucket, key },
                    session,
                    &Object { account, bucket, key },
                    call,
                )
                .await
            }
            Action::VerifyRecoveryPoint { vault, retention_days, .. } => {
                backup::verify(session, call, vault, *retention_days).await
            }
            Action::VerifyObject { bucket, key, retention_days, .. } => {
                s3::verify(session, &Object { account, bucket, key }, *retention_days, call).await
            }
            Action::PutPlan { .. } => plans::poll(session, call).await,
            Action::DeletePoint { .. } => delete::poll(session, call).await,
            Action::LegalHold { .. } | Action::ReleaseHold { .. } => holds::poll(session, call).await,
            Action::TagSnapshot { .. } => tagging::poll(session, call).await,
            Action::RdsSnapshot { .. }
            | Action::RdsCopy { .. }
            | Action::VerifySnapshot { .. }
            | Action::DeleteSnapshot { .. }
            | Action::BackupJob { .. }
            | Action::AutomatedBackups { .. }
            | Action::ClearStop { .. } => Err(not_aws()),
            _ => data::poll(self, call).await,
        }
    }
}

#[async_trait]
impl Cloud for AwsCloud {
    async fn survey(&self, environment: &Environment, ask: &Survey, requester: &str) -> Result<World, CloudError> {
        survey::survey(self, environment, ask, requester).await
    }

    async fn points(
        &self,
        environment: &Environment,
        query: &PointQuery,
        requester: &str,
        page: &mut Pages<'_>,
    ) -> Result<Vec<String>, CloudError> {
        points::read(self, environment, query, requester, &points::BOTH, page).await
    }

    async fn readings(&self, environment: &Environment, requester: &str) -> Result<Readings, CloudError> {
        measure::readings(self, environment, requester).await
    }

    async fn probe(&self, call: &Call) -> Result<Probe, CloudError> {
        let Some(region) = call.action.region() else { return Err(not_aws()) };
        let session = self.session(call, region).await;
        let account = call.environment.account.as_str();
        match &call.action {
            Action::RdsSnapshot { database, snapshot, .. } => {
                rds::probe_snapshot(&session, call, database, snapshot).await
            }
            Action::RdsCopy { .. } => match copy_of(&call.action) {
                Some(copy) => rds::probe_copy(&session, call, &copy).await,
                None => Err(not_aws()),
            },
            Action::BackupJob { resource_arn, vault, role, retention_days, .. } => {
                backup::probe_job(
                    &session,
                    call,
                    &backup::Job { resource_arn, vault, role, retention_days: *retention_days },
                )
                .await
            }
            Action::BackupCopy { vault, to_vault_arn, role, retention_days, .. } => {
                backup::probe_copy(
                    &session,
                    call,
                    &backup::CopyTo { vault, to_vault_arn, role, retention_days: *retention_days },
                )
                .await
            }
            Action::SecretsExport { bucket, key, .. } => {
                secrets::probe(&session, call, &Object { account, bucket, key }).await
            }
            Action::PutPlan { .. } => plans::probe(&session, call).await,
            Action::AutomatedBackups { .. } => automated::probe(&session, call).await,
            Action::DeleteSnapshot { .. } | Action::DeletePoint { .. } => delete::probe(&session, call).await,
            Action::LegalHold { .. } | Action::ReleaseHold { .. } => holds::probe(&session, call).await,
            Action::TagSnapshot { .. } => tagging::probe(&session, call).await,
            _ => data::probe(&session, call).await,
        }
    }

    async fn start(&self, call: &Call) -> Result<Started, CloudError> {
        let Some(region) = call.action.region() else { return Err(not_aws()) };
        let session = self.session(call, region).await;
        let account = call.environment.account.as_str();
        match &call.action {
            Action::RdsSnapshot { database, snapshot, .. } => {
                rds::start_snapshot(&session, call, database, snapshot).await
            }
            Action::RdsCopy { .. } => match copy_of(&call.action) {
                Some(copy) => rds::start_copy(&session, call, &copy).await,
                None => Err(not_aws()),
            },
            Action::BackupJob { resource_arn, vault, role, retention_days, .. } => {
                backup::start_job(
                    &session,
                    call,
                    &backup::Job { resource_arn, vault, role, retention_days: *retention_days },
                )
                .await
            }
            Action::BackupCopy { vault, to_vault_arn, role, retention_days, .. } => {
                backup::start_copy(
                    &session,
                    call,
                    &backup::CopyTo { vault, to_vault_arn, role, retention_days: *retention_days },
                )
                .await
            }
            Action::SecretsExport { prefix, bucket, key, .. } => {
                secrets::export(&session, call, prefix, &Object { account, bucket, key }).await
            }
            Action::PutPlan { .. } => plans::start(&session, call).await,
            Action::AutomatedBackups { .. } => automated::start(&session, call).await,
            Action::DeleteSnapshot { .. } | Action::DeletePoint { .. } => delete::start(&session, call).await,
            Action::LegalHold { .. } | Action::ReleaseHold { .. } => holds::start(&session, call).await,
            Action::TagSnapshot { .. } => tagging::start(&session, call).await,
            _ => data::start(self, call).await,
        }
    }

    async fn poll(&self, calls: &[Call]) -> Vec<Result<Progress, CloudError>> {
        let groups = groups(calls);
        let ask = |family, indexes: Vec<usize>| async move {
            let members: Vec<&Call> = indexes.iter().map(|i| &calls[*i]).collect();
            let answers = self.poll_group(family, &members).await;
            indexes.into_iter().zip(answers).collect::<Vec<_>>()
        };
        let asked = side_by_side(groups.into_iter().map(|(family, indexes)| ask(family, indexes)).collect()).await;
        let mut answers: Vec<(usize, Result<Progress, CloudError>)> = asked.into_iter().flatten().collect();
        answers.sort_by_key(|(index, _)| *index);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }
}

#[async_trait]
impl Alerts for AwsCloud {
    async fn publish(
        &self,
        environment: &Environment,
        topic: Topic,
        subject: &str,
        body: &str,
    ) -> Result<(), CloudError> {
        let session = self.sessions.get(environment, sns::region(&self.topics, environment), survey::NOBODY).await;
        sns::publish(&session, &sns::arn(&self.topics, topic, environment), &environment.name, subject, body).await
    }
}

/// Puts calls together that one request answers: same family, environment, region and, under a role, requester.
fn groups(calls: &[Call]) -> Vec<(Family, Vec<usize>)> {
    let mut groups: Vec<(Family, Vec<usize>)> = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        let family = match call.action {
            Action::RdsSnapshot { .. }
            | Action::RdsCopy { .. }
            | Action::VerifySnapshot { .. }
            | Action::DeleteSnapshot { .. } => Family::Snapshots,
            Action::BackupJob { .. } => Family::BackupJobs,
            Action::AutomatedBackups { .. } => Family::AutomatedBackups,
            _ => Family::Alone(index),
        };
        let together = |other: &Call| {
            other.environment.name == call.environment.name
                && other.action.region() == call.action.region()
                && (other.requester == call.requester || call.environment.assume_role.is_none())
        };
        match groups
            .iter_mut()
            .find(|(f, members)| *f == family && members.first().is_some_and(|i| together(&calls[*i])))
        {
            Some((_, members)) => members.push(index),
            None => groups.push((family, vec![index])),
        }
    }
    groups
}

/// Snapshots, copies, verifications and deletions of both, out of one description.
async fn poll_snapshots(session: &Session, calls: &[&Call]) -> Vec<Result<Progress, CloudError>> {
    let mut names: Vec<&str> = calls.iter().filter_map(|call| snapshot_of(&call.action)).collect();
    names.sort_unstable();
    names.dedup();
    let found = match rds::describe(session, &names).await {
        Ok(found) => found,
        Err(error) => return calls.iter().map(|_| Err(error.clone())).collect(),
    };
    side_by_side(calls.iter().map(|call| poll_snapshot(session, call, &found)).collect()).await
}

async fn poll_snapshot(session: &Session, call: &Call, found: &rds::Found) -> Result<Progress, CloudError> {
    match &call.action {
        Action::VerifySnapshot { snapshot, retention_days, .. } => {
            rds::verify(session, snapshot, *retention_days, found).await
        }
        Action::DeleteSnapshot { snapshot, .. } => Ok(delete::snapshot_gone(snapshot, found)),
        action => rds::progress(session, snapshot_of(action).unwrap_or_default(), found),
    }
}

/// Runs futures side by side, a few at a time; answers in their order.
async fn side_by_side<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    stream::iter(futures).buffered(AT_ONCE).collect().await
}

fn snapshot_of(action: &Action) -> Option<&str> {
    match action {
        Action::RdsSnapshot { snapshot, .. }
        | Action::VerifySnapshot { snapshot, .. }
        | Action::DeleteSnapshot { snapshot, .. } => Some(snapshot),
        Action::RdsCopy { copy, .. } => Some(copy),
        _ => None,
    }
}

fn copy_of(action: &Action) -> Option<rds::Copy<'_>> {
    match action {
        Action::RdsCopy { from_region, account, snapshot, copy, kms_key, .. } => {
            Some(rds::Copy { from_region, account, snapshot, copy, kms_key: kms_key.as_deref() })
        }
        _ => None,
    }
}

fn not_aws() -> CloudError {
    CloudError::Permanent { reason: "This step happens in the ledger, not in AWS.".to_owned() }
}
