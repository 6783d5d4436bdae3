//! KMS: whether a key can be used where it will be needed.

use aws_sdk_kms::types::{KeyState, KeyUsageType};

use super::session::Session;
use crate::ports::cloud::{CloudError, Condition};

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

/// What is permanent is a condition somebody has to mend; the rest means that nobody knows yet.
pub fn missing<T>(error: CloudError) -> Result<Result<T, String>, CloudError> {
    match error {
        CloudError::Permanent { reason } => Ok(Err(reason)),
        other => Err(other),
    }
}
