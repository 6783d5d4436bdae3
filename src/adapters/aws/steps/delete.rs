//! The end of recovery points. Nothing here is called but for a step that names the one point it deletes.
//!
//! What is gone stays gone, so that to delete it again is no harm; that AWS says 200 does not mean that it is gone.

use std::time::Duration;

use aws_sdk_backup::types::RecoveryPointStatus;

use super::{
    super::{background::Outcome, backup, rds, session::Session},
    At, Change,
    batch::Batch,
    begun, begun_ago, begun_at, finished,
};
use crate::{
    domain::{
        point::{disassociate, is_continuous},
        step::{DeletePoint, DeleteSnapshot, Outputs},
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// A snapshot that is available for so long after RDS accepted its deletion has survived it: what RDS shows lags by seconds.
const SURVIVED: Duration = Duration::from_secs(15 * 60);

impl Change for DeleteSnapshot {
    /// Looks whether it is gone already, or going.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let found = rds::describe(&at.session, &[&self.snapshot]).await?;
        Ok(match found.get(&self.snapshot.to_lowercase()).map(rds::status_of) {
            None if rds::is_gone(&at.session, &self.snapshot).await? => Probe::Present(finished(&self.snapshot)),
            Some("deleting" | "deleted") => Probe::Present(begun(&self.snapshot)),
            _ => Probe::Absent,
        })
    }

    /// Deletes it; what is gone already is finished.
    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        snapshot_away(&at.session, &self.snapshot).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let ago = begun_ago(at.call, at.session.now());
        snapshot_gone(&at.session, &self.snapshot, at.snapshots(&self.snapshot).await?.as_ref(), ago).await
    }

    fn batch<'c>(&'c self, _call: &'c Call) -> Option<Batch<'c>> {
        Some(Batch::Snapshot(&self.snapshot))
    }
}

impl Change for DeletePoint {
    /// Looks whether it is gone already, or going.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let found = backup::describe_point(&at.session, &self.vault, &self.recovery_point).await?;
        Ok(match found.map(|point| point.status) {
            None => Probe::Present(finished(&self.recovery_point)),
            Some(Some(RecoveryPointStatus::Deleting)) => Probe::Present(begun(&self.recovery_point)),
            Some(_) => Probe::Absent,
        })
    }

    /// Deletes it; what is gone already is finished, what AWS does not let go is a permanent error.
    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        point_away(&at.session, &self.vault, &self.recovery_point).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        point_gone(&at.session, self).await
    }
}

/// Looks whether a recovery point of AWS Backup is gone.
async fn point_gone(session: &Session, what: &DeletePoint) -> Outcome {
    let DeletePoint { vault, recovery_point, .. } = what;
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

/// Whether a snapshot is gone: told by a description of several, and asked for by its name where that does not show it. RDS
/// deletes what is `available`, and shows it as `deleting` from then on: what is available long after has survived.
async fn snapshot_gone(session: &Session, snapshot: &str, found: &rds::Found, ago: Option<Duration>) -> Outcome {
    let status = match found.get(&snapshot.to_lowercase()).map(rds::status_of) {
        None if !rds::is_gone(session, snapshot).await? => "still shown",
        None | Some("deleted") => {
            return Ok(Progress::Done { outputs: Outputs::new(), detail: "deleted".to_owned() });
        }
        Some("available") if ago.is_some_and(|ago| ago >= SURVIVED) => {
            return Ok(Progress::Failed {
                reason: format!(
                    "RDS accepted to delete snapshot {snapshot} in {}, and has not begun to: it is available still. \
                     Look at its events in RDS, then retry.",
                    session.region
                ),
            });
        }
        Some(status) => status,
    };
    Ok(Progress::Running { percent: None, detail: status.to_owned() })
}

async fn snapshot_away(session: &Session, snapshot: &str) -> Result<Started, CloudError> {
    let attempt = session.changes("rds:DeleteDBSnapshot", format!("snapshot {snapshot}"));
    match session.rds().delete_db_snapshot().db_snapshot_identifier(snapshot).send().await {
        Ok(_) => Ok(begun_at(snapshot, session.now())),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_snapshot_not_found_fault()) => {
            Ok(finished(snapshot))
        }
        Err(error) => Err(attempt.failed(error)),
    }
}

async fn point_away(session: &Session, vault: &str, arn: &str) -> Result<Started, CloudError> {
    let attempt = session.changes("backup:DeleteRecoveryPoint", format!("recovery point {arn} in vault {vault}"));
    if is_continuous(arn) {
        let why = "it is a continuous backup: deleting it would also end point-in-time recovery from now on";
        return Err(attempt.never(why, &disassociate(arn, vault, &session.region)));
    }
    let request = session.backup().delete_recovery_point().backup_vault_name(vault).recovery_point_arn(arn);
    let error = match request.send().await {
        Ok(_) => return Ok(begun(arn)),
        Err(error) => error,
    };
    match error.as_service_error() {
        Some(gone) if gone.is_resource_not_found_exception() => Ok(finished(arn)),
        // Here this one code means many things, which only the words tell.
        Some(kept) if kept.is_invalid_request_exception() => {
            let words = kept.meta().message().unwrap_or("it gives no reason").trim_end_matches('.');
            let why = format!("AWS Backup does not let it go ({words})");
            Err(attempt.never(&why, &advice(words, arn, vault, &session.region)))
        }
        _ => Err(attempt.failed(error)),
    }
}

/// What helps against AWS's reason for keeping a recovery point.
fn advice(words: &str, arn: &str, vault: &str, region: &str) -> String {
    let words = words.to_lowercase();
    let says = |any: &[&str]| any.iter().any(|word| words.contains(word));
    if says(&["legal hold", "legal-hold", "legalhold"]) {
        "Release the legal hold, then retry.".to_owned()
    } else if says(&["continuous", "disassociate", "point-in-time"]) {
        disassociate(arn, vault, region)
    } else if says(&["vault lock", "vaultlock", "locked", "min retention", "minimum retention", "compliance"]) {
        "Wait until the vault's lock lets it expire; nobody can delete it before.".to_owned()
    } else if says(&["in progress", "being", "running", "in use", "copying", "restor"]) {
        "Wait until what uses it has ended, then retry.".to_owned()
    } else if says(&["organization", "backup policy", "access policy", "explicit deny", "not authorized"]) {
        format!("Look at the access policy of vault {vault}, then retry.")
    } else {
        format!("Look at it in vault {vault} in AWS Backup in {region}, mend what AWS names, then retry.")
    }
}
