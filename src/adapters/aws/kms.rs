//! KMS: whether a key can be used where it will be needed.

use aws_sdk_kms::types::{KeyManagerType, KeyState, KeyUsageType};

use super::session::Session;
use crate::{
    domain::world::Rotation,
    ports::cloud::{CloudError, Condition},
};

/// Whether the key (id, ARN or alias) can encrypt and decrypt in the session's region: its ARN, or why not.
///
/// # Errors
/// `Retryable` when nobody can tell now.
pub async fn usable(session: &Session, key: &str) -> Result<Condition, CloudError> {
    let attempt = session.reads("kms:DescribeKey", format!("KMS key {key}"));
    let answer = match session.kms().describe_key().key_id(key).send().await {
        Ok(answer) => answer,
        Err(error) => return missing(attempt.failed(error)),
    };
    let Some(found) = answer.key_metadata else {
        return Ok(Err(format!("KMS key {key} in {} was described without any data.", session.region)));
    };
    let state = found.key_state.as_ref().map_or("of unknown state", KeyState::as_str);
    if !found.enabled || found.key_state != Some(KeyState::Enabled) {
        return Ok(Err(format!(
            "KMS key {key} in {} is {state}, not Enabled. Enable it, or cancel its deletion.",
            session.region
        )));
    }
    if found.key_usage.as_ref().is_some_and(|usage| *usage != KeyUsageType::EncryptDecrypt) {
        return Ok(Err(format!(
            "KMS key {key} in {} is not for encryption. Use a key with usage ENCRYPT_DECRYPT.",
            session.region
        )));
    }
    Ok(Ok(found.arn.unwrap_or(found.key_id)))
}

/// How often KMS says that it rotates a key where it says nothing of it, in days.
const YEARLY: u32 = 365;

/// How the key (id, ARN or alias) is rotated, with its ARN.
///
/// # Errors
/// See [`CloudError`].
pub async fn rotation(session: &Session, key: &str) -> Result<(String, Rotation), CloudError> {
    let attempt = session.reads("kms:DescribeKey", format!("KMS key {key}"));
    let answer = session.kms().describe_key().key_id(key).send().await.map_err(|e| attempt.failed(e))?;
    let Some(found) = answer.key_metadata else {
        return Err(attempt.never("it was described without any data", "Look at it in KMS."));
    };
    let arn = found.arn.unwrap_or(found.key_id);
    if found.key_manager == Some(KeyManagerType::Aws) {
        return Ok((arn, Rotation::ByAws));
    }
    // An alias is no name of a key here.
    let attempt = session.reads("kms:GetKeyRotationStatus", format!("KMS key {arn}"));
    match session.kms().get_key_rotation_status().key_id(&arn).send().await {
        Ok(status) if status.key_rotation_enabled => {
            let days = status.rotation_period_in_days.and_then(|days| u32::try_from(days).ok());
            Ok((arn, Rotation::Every(days.unwrap_or(YEARLY))))
        }
        Ok(_) => Ok((arn, Rotation::Off)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_unsupported_operation_exception()) => Ok((
            arn,
            Rotation::Impossible(
                "its material was brought in, or it is of a kind that AWS does not rotate.".to_owned(),
            ),
        )),
        Err(error) => Err(attempt.failed(error)),
    }
}

/// What is permanent is a condition somebody has to mend; the rest means that nobody knows yet.
pub fn missing<T>(error: CloudError) -> Result<Result<T, String>, CloudError> {
    match error {
        CloudError::Permanent { reason } => Ok(Err(reason)),
        other => Err(other),
    }
}
