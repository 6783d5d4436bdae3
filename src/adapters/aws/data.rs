//! Which file carries out a step that exports, records, restores or looks into data. Called by `mod.rs` alone.

use std::sync::Arc;

use super::{
    AwsCloud,
    background::Outcome,
    s3::{self, Object},
    secrets,
    session::Session,
    steps::{
        configuration, dumps, mounts, record,
        restore_database::{self, Restore},
        restore_files, uploads, verify_bucket, verify_database, verify_files, verify_lifecycle, verify_secrets,
    },
};
use crate::{
    domain::step::Action,
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// Looks for what an earlier start may have made.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe(session: &Session, call: &Call) -> Result<Probe, CloudError> {
    if let Some(object) = written(call) {
        return secrets::probe(session, call, &object).await;
    }
    match &call.action {
        Action::RestoreTest { instance, .. } => restore_database::probe(session, call, instance).await,
        Action::DeleteInstance { instance, operation, .. } => {
            restore_database::probe_delete(session, instance, operation).await
        }
        Action::RestoreFiles { name, .. } => restore_files::probe(session, name).await,
        Action::TagFiles { name, .. } => mounts::probe_tag(session, call, name).await,
        Action::MountTarget { name, subnet, .. } => mounts::probe_mount(session, name, subnet).await,
        Action::DeleteMountTarget { .. } => mounts::probe_unmount(session, call).await,
        Action::DeleteFiles { .. } => mounts::probe_delete(session, call).await,
        // Nothing that only reads can have left anything behind.
        _ => Ok(Probe::Absent),
    }
}

/// Makes the step's one mutation, or begins the work that does.
///
/// # Errors
/// See [`CloudError`].
pub async fn start(cloud: &AwsCloud, call: &Call) -> Result<Started, CloudError> {
    let session = session(cloud, call).await?;
    match &call.action {
        Action::RestoreTest { snapshot, instance, subnet_group, security_groups, .. } => {
            restore_database::start(&session, call, &Restore { snapshot, instance, subnet_group, security_groups })
                .await
        }
        Action::DeleteInstance { instance, operation, .. } => {
            restore_database::delete(&session, instance, operation).await
        }
        Action::RestoreFiles { vault, recovery_point, name, role, .. } => {
            restore_files::start(&session, call, &restore_files::Restore { vault, recovery_point, name, role }).await
        }
        Action::TagFiles { name, .. } => mounts::tag(&session, call, name).await,
        Action::MountTarget { name, subnet, security_groups, .. } => {
            mounts::mount(&session, call, name, subnet, security_groups).await
        }
        Action::DeleteMountTarget { .. } => mounts::unmount(&session, call).await,
        Action::DeleteFiles { .. } => mounts::delete(&session, call).await,
        action => match written(call) {
            Some(object) => write(cloud, &session, call, &object).await,
            None => Err(CloudError::Permanent {
                reason: format!("A step {} only reads; it is watched, not started.", action.kind()),
            }),
        },
    }
}

async fn write(
    cloud: &AwsCloud,
    session: &Arc<Session>,
    call: &Call,
    object: &Object<'_>,
) -> Result<Started, CloudError> {
    let (owned, own) = (Arc::clone(session), call.clone());
    match &call.action {
        Action::ConfigExport { parameters_prefix, secrets_prefix, .. } => {
            configuration::export(session, call, parameters_prefix, secrets_prefix.as_deref(), object).await
        }
        Action::BucketRecord { source, bucket, key, .. } => {
            let (source, bucket, key) = (source.clone(), bucket.clone(), key.clone());
            let work = |tell| record::write(owned, own, source, bucket, key, tell);
            uploads::start(cloud, session, call, object, work).await
        }
        Action::DumpExport { .. } => {
            let login = dumps::login(session, &call.action).await?;
            uploads::start(cloud, session, call, object, |tell| dumps::export(owned, own, login, tell)).await
        }
        _ => Err(super::not_aws()),
    }
}

/// How far a step is; steps that only read are carried out here, or by a job that is begun here.
///
/// # Errors
/// See [`CloudError`].
pub async fn poll(cloud: &AwsCloud, call: &Call) -> Outcome {
    let session = session(cloud, call).await?;
    let account = call.environment.account.as_str();
    let (owned, own) = (Arc::clone(&session), call.clone());
    match &call.action {
        Action::ConfigExport { bucket, key, .. } => {
            match s3::made_by(&session, &Object { account, bucket, key }, &call.operation.0).await? {
                Some(made) => Ok(Progress::Done { detail: "exported".to_owned(), outputs: made.outputs }),
                None => {
                    Ok(Progress::Failed { reason: format!("The export s3://{bucket}/{key} is gone. Retry the step.") })
                }
            }
        }
        Action::BucketRecord { bucket, key, .. } => {
            uploads::poll(cloud, &session, call, &Object { account, bucket, key }, record::found).await
        }
        Action::DumpExport { bucket, key, .. } => {
            uploads::poll(cloud, &session, call, &Object { account, bucket, key }, dumps::found).await
        }
        Action::VerifyBucket { bucket, replica, sample, .. } => {
            let replica = match replica {
                Some((region, name)) => Some((cloud.session(call, region).await, name.as_str())),
                None => None,
            };
            verify_bucket::verify(&session, &verify_bucket::Pair { account, bucket, replica }, *sample).await
        }
        Action::VerifyLifecycle { bucket, prefix, min_days, .. } => {
            verify_lifecycle::verify(&session, bucket, account, prefix, *min_days).await
        }
        Action::RestoreTest { instance, .. } => restore_database::poll(&session, instance).await,
        Action::DeleteInstance { instance, operation, .. } => {
            restore_database::poll_delete(&session, instance, operation).await
        }
        Action::RestoreFiles { name, .. } => restore_files::poll(&session, call, name).await,
        Action::MountTarget { name, subnet, .. } => mounts::poll_mount(&session, name, subnet).await,
        Action::DeleteMountTarget { .. } => mounts::poll_unmount(&session, call).await,
        Action::DeleteFiles { .. } => mounts::poll_delete(&session, call).await,
        Action::VerifyFiles { .. } => cloud.jobs.watch(&call.token, |tell| verify_files::verify(owned, own, tell)),
        Action::VerifyDatabase { .. } => {
            cloud.jobs.watch(&call.token, |tell| verify_database::verify(owned, own, tell))
        }
        Action::VerifyDump { .. } => cloud.jobs.watch(&call.token, |tell| dumps::verify(owned, own, tell)),
        Action::VerifySecrets { .. } => cloud.jobs.watch(&call.token, |_| verify_secrets::verify(owned, own)),
        _ => Err(super::not_aws()),
    }
}

async fn session(cloud: &AwsCloud, call: &Call) -> Result<Arc<Session>, CloudError> {
    match call.action.region() {
        Some(region) => Ok(cloud.session(call, region).await),
        None => Err(super::not_aws()),
    }
}

/// The object a step writes.
fn written(call: &Call) -> Option<Object<'_>> {
    let account = call.environment.account.as_str();
    match &call.action {
        Action::ConfigExport { bucket, key, .. }
        | Action::BucketRecord { bucket, key, .. }
        | Action::DumpExport { bucket, key, .. } => Some(Object { account, bucket, key }),
        _ => None,
    }
}
