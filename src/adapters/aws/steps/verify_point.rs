//! `verify.recovery_point`: whether a recovery point in a vault holds what was promised.

use aws_sdk_backup::types::RecoveryPointStatus;

use super::{
    super::{background::Outcome, backup, kms, session::Session},
    At, Look,
};
use crate::{
    domain::{step::VerifyRecoveryPoint, text::kept},
    ports::cloud::{Call, CloudError, Progress},
};

impl Look for VerifyRecoveryPoint {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        verify(&at.session, at.call, &self.vault, self.retention_days).await
    }
}

/// Verifies the recovery point of the step this one follows.
///
/// # Errors
/// See [`CloudError`].
async fn verify(session: &Session, call: &Call, vault: &str, retention_days: u32) -> Result<Progress, CloudError> {
    let arn = backup::input(call)?;
    let wrong = |why: &str| {
        Ok(Progress::Failed {
            reason: format!(
                "Recovery point {arn} in vault {vault} in {} does not hold: {why}. Back up again.",
                session.region
            ),
        })
    };
    let Some(point) = backup::describe_point(session, vault, arn).await? else {
        return wrong("it does not exist");
    };
    let status = point.status.as_ref().map_or("of unknown state", |s| s.as_str());
    match &point.status {
        Some(RecoveryPointStatus::Completed | RecoveryPointStatus::Available) => {}
        Some(RecoveryPointStatus::Creating) => {
            return Ok(Progress::Running { percent: None, detail: status.to_owned() });
        }
        _ => {
            let message = backup::words_of_aws(point.status_message.as_deref());
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
            outputs: backup::issue(point.status_message.as_deref()),
            detail: format!(
                "{status}, encrypted, {}, kept {}, key usable in {}",
                backup::size(bytes),
                kept(retention_days),
                session.region
            ),
        },
    })
}
