//! STS: who we are, and whether that is who we should be.

use super::session::Session;
use crate::ports::cloud::CloudError;

/// The identity in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// 12-digit account.
    pub account: String,
    /// ARN of the caller.
    pub arn: String,
}

/// Asks AWS who we are.
///
/// # Errors
/// See [`CloudError`].
pub async fn identity(session: &Session) -> Result<Identity, CloudError> {
    let attempt = session.reads("sts:GetCallerIdentity", "the AWS identity");
    let answer = session.sts().get_caller_identity().send().await.map_err(|e| attempt.failed(e))?;
    Ok(Identity { account: answer.account.unwrap_or_default(), arn: answer.arn.unwrap_or_default() })
}

/// Refuses every account but the environment's.
///
/// # Errors
/// `Permanent`, with both accounts.
pub fn belongs(identity: &Identity, environment: &str, account: &str) -> Result<(), CloudError> {
    if identity.account == account {
        return Ok(());
    }
    Err(CloudError::Permanent {
        reason: format!(
            "Environment {environment} is account {account}, but the AWS identity in use ({}) belongs to account {}. \
             Set `assume_role` of the environment to a role in {account}, or run with credentials of that account.",
            identity.arn, identity.account
        ),
    })
}
