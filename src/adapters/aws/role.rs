//! The role of an environment, assumed with its requester as SourceIdentity.

use std::{fmt, time::SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::{
    Credentials,
    provider::{self, ProvideCredentials, error::CredentialsError, future},
};

use super::{
    error::{Attempt, Refused},
    guard::{Guard, client},
};

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
            sts: client!(aws_sdk_sts, config, Guard::of(None)),
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
