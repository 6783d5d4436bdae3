//! The end of recovery points. Nothing here is called but for a step that names the one point it deletes.
//!
//! What is gone stays gone, so that to delete it again is no harm; that AWS says 200 does not mean that it is gone.

use aws_sdk_backup::types::RecoveryPointStatus;

use super::super::{backup, rds, session::Session};
use crate::{
    domain::step::{Action, Outputs},
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// Looks whether the point is gone already, or going.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe(session: &Session, call: &Call) -> Result<Probe, CloudError> {
    match &call.action {
        Action::DeleteSnapshot { snapshot, .. } => {
            let found = rds::describe(session, &[snapshot]).await?;
            Ok(match found.get(&snapshot.to_lowercase()).map(rds::status_of) {
                None => Probe::Present(started(snapshot, true)),
                Some("deleting" | "deleted") => Probe::Present(started(snapshot, false)),
                Some(_) => Probe::Absent,
            })
        }
        Action::DeletePoint { vault, recovery_point, .. } => {
            let found = backup::describe_point(session, vault, recovery_point).await?;
            Ok(match found.map(|point| point.status) {
                None => Probe::Present(started(recovery_point, true)),
                Some(Some(RecoveryPointStatus::Deleting)) => Probe::Present(started(recovery_point, false)),
                Some(_) => Probe::Absent,
            })
        }
        _ => Err(super::super::not_aws()),
    }
}

/// Deletes it; what is gone already is finished.
///
/// # Errors
/// See [`CloudError`]; `Permanent` for what AWS does not let go.
pub async fn start(session: &Session, call: &Call) -> Result<Started, CloudError> {
    match &call.action {
        Action::DeleteSnapshot { snapshot, .. } => snapshot_away(session, snapshot).await,
        Action::DeletePoint { vault, recovery_point, .. } => point_away(session, vault, recovery_point).await,
        _ => Err(super::super::not_aws()),
    }
}

/// Looks whether a recovery point of AWS Backup is gone. Snapshots are looked at many at a time, see [`snapshot_gone`].
///
/// # Errors
/// See [`CloudError`].
pub async fn poll(session: &Session, call: &Call) -> Result<Progress, CloudError> {
    let Action::DeletePoint { vault, recovery_point, .. } = &call.action else { return Err(super::super::not_aws()) };
    let Some(point) = backup::describe_point(session, vault, recovery_point).await? else {
        return Ok(Progress::Done { outputs: Outputs::new(), detail: "deleted".to_owned() });
    };
    let status = point.status.as_ref().map_or("of unknown state", RecoveryPointStatus::as_str);
    if point.status == Some(RecoveryPointStatus::Expired) {
        let message = point.status_message.as_deref().map(str::trim).filter(|m| !m.is_empty());
        return Ok(Progress::Failed {
            reason: format!(
                "AWS Backup accepted to delete recovery point {recovery_point} in vault {vault} in {}, could not, and left it EXPIRED: {}. \
                 Let the role that made it delete it again (it needs the permissions of AWSBackupServiceRolePolicyForBackup), then retry.",
                session.region,
                message.unwrap_or("AWS gives no reason").trim_end_matches('.')
            ),
        });
    }
    Ok(Progress::Running { percent: None, detail: status.to_owned() })
}

/// Whether a snapshot is gone, out of a description of several.
pub fn snapshot_gone(snapshot: &str, found: &rds::Found) -> Progress {
    match found.get(&snapshot.to_lowercase()).map(rds::status_of) {
        None | Some("deleted") => Progress::Done { outputs: Outputs::new(), detail: "deleted".to_owned() },
        Some(status) => Progress::Running { percent: None, detail: status.to_owned() },
    }
}

async fn snapshot_away(session: &Session, snapshot: &str) -> Result<Started, CloudError> {
    let attempt = session.changes("rds:DeleteDBSnapshot", format!("snapshot {snapshot}"));
    match session.rds().delete_db_snapshot().db_snapshot_identifier(snapshot).send().await {
        Ok(_) => Ok(started(snapshot, false)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_snapshot_not_found_fault()) => {
            Ok(started(snapshot, true))
        }
        Err(error) => Err(attempt.failed(error)),
    }
}

async fn point_away(session: &Session, vault: &str, arn: &str) -> Result<Started, CloudError> {
    let attempt = session.changes("backup:DeleteRecoveryPoint", format!("recovery point {arn} in vault {vault}"));
    let request = session.backup().delete_recovery_point().backup_vault_name(vault).recovery_point_arn(arn);
    let error = match request.send().await {
        Ok(_) => return Ok(started(arn, false)),
        Err(error) => error,
    };
    match error.as_service_error() {
        Some(gone) if gone.is_resource_not_found_exception() => Ok(started(arn, true)),
        // Here this one code means: held, in a locked vault, or a continuous backup that is still written.
        Some(kept) if kept.is_invalid_request_exception() => Err(attempt.never(
            &format!(
                "AWS Backup does not let it go ({})",
                kept.meta().message().unwrap_or("it gives no reason").trim_end_matches('.')
            ),
            "Release its legal hold, or wait until the vault's lock lets it expire.",
        )),
        _ => Err(attempt.failed(error)),
    }
}

fn started(what: &str, finished: bool) -> Started {
    Started { external_id: Some(what.to_owned()), finished, ..Started::default() }
}
