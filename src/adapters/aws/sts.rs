//! STS: who we are, and the role of an environment with its requester as SourceIdentity.

use std::{fmt, time::SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, error::CredentialsError, future},
};

use super::{
    error::{Attempt, Refused},
    session::{Session, client},
};
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

/// Text that STS takes as a session name or SourceIdentity: 2–64 of `[\w+=,.@-]`.
pub fn name_for_sts(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let mut name: String = text.chars().map(|c| if allowed(c) { c } else { '-' }).take(64).collect();
    while name.len() < 2 {
        name.push('-');
    }
    name
}

/// A role that is assumed anew each time it is asked for credentials; [`super::credentials::Kept`] keeps them.
pub struct Role {
    arn: String,
    region: String,
    session_name: String,
    source_identity: String,
    sts: aws_sdk_sts::Client,
}

impl Role {
    /// A role to assume with the credentials and the region of `config`.
    pub fn new(config: &SdkConfig, arn: &str, environment: &str, region: &str, requester: &str) -> Role {
        Role {
            arn: arn.to_owned(),
            region: region.to_owned(),
            session_name: name_for_sts(&format!("bbws-{environment}")),
            source_identity: name_for_sts(requester),
            sts: client!(aws_sdk_sts, config),
        }
    }

    async fn assume(&self) -> provider::Result {
        let request = self
            .sts
            .assume_role()
            .role_arn(&self.arn)
            .role_session_name(&self.session_name)
            .source_identity(&self.source_identity);
        let answer = request.send().await.map_err(|error| {
            let thing = format!("role {}", self.arn);
            let who = "this process's own AWS identity";
            let attempt = Attempt { action: "sts:AssumeRole", thing, region: &self.region, who, mutates: false };
            CredentialsError::provider_error(Refused(attempt.failed(error)))
        })?;
        let Some(given) = answer.credentials else {
            return Err(CredentialsError::unhandled("AssumeRole answered without credentials"));
        };
        let end = SystemTime::try_from(given.expiration).map_err(CredentialsError::unhandled)?;
        let parts = [&given.access_key_id, &given.secret_access_key, &given.session_token];
        if end == SystemTime::UNIX_EPOCH || parts.into_iter().any(String::is_empty) {
            return Err(CredentialsError::unhandled("AssumeRole answered with a part of the credentials missing"));
        }
        Ok(Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            Some(given.session_token),
            Some(end),
            "bbws-assume-role",
        ))
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Role")
            .field("arn", &self.arn)
            .field("source_identity", &self.source_identity)
            .finish_non_exhaustive()
    }
}

impl ProvideCredentials for Role {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.assume())
    }
}
