//! What an SDK error means: try again, a person has to act, or nobody knows whether it happened.

use std::{error::Error, fmt, time::Duration};

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::guard::NotWhole;
use crate::ports::cloud::{After, CloudError};

/// One call, in the words its errors need.
#[derive(Debug, Clone)]
pub struct Attempt<'a> {
    /// IAM action: `rds:CreateDBSnapshot`.
    pub action: &'static str,
    /// What it was about: `snapshot x of database y`.
    pub thing: String,
    /// Region of the call.
    pub region: &'a str,
    /// Whose permissions it used.
    pub who: &'a str,
    /// Whether it changes anything.
    pub mutates: bool,
}

/// A role could not be assumed; carried through the SDK so that the reason is not lost on the way.
#[derive(Debug)]
pub struct Refused(pub CloudError);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Refused {}

/// What a service's error code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Throttled,
    Busy,
    Expired,
    Denied,
    Unaccepted,
    Missing,
    Quota,
    Key,
    Exists,
    Elsewhere,
    Other,
}

impl Attempt<'_> {
    /// Classifies an error and logs its cause chain. Never logs a body: it may hold a secret.
    pub fn failed<E>(&self, error: SdkError<E, HttpResponse>) -> CloudError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let answer = self.classify(&error);
        tracing::warn!(
            action = self.action,
            region = self.region,
            thing = %self.thing,
            code = error.code().unwrap_or_default(),
            status = error.raw_response().map(|r| r.status().as_u16()),
            class = class_of(&answer),
            chain = %chain(&error),
            "an AWS call failed"
        );
        answer
    }

    fn classify<E>(&self, error: &SdkError<E, HttpResponse>) -> CloudError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        match error {
            SdkError::ConstructionFailure(_) => {
                self.later("the request could not be built; the log has the cause", None)
            }
            SdkError::DispatchFailure(_) => self.not_dispatched(error),
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                let after = retry_after(service.raw());
                self.answered(service.err().code(), service.err().message(), status, after)
            }
            SdkError::TimeoutError(_) => self.lost("AWS did not answer in time"),
            _ => match causes(error).find_map(|cause| cause.downcast_ref::<NotWhole>()) {
                Some(why) => self.lost(&why.to_string()),
                None => self.lost("the connection was lost before the answer was read"),
            },
        }
    }

    /// Never sent, or lost on the way: the cause chain tells.
    fn not_dispatched(&self, error: &(dyn Error + 'static)) -> CloudError {
        for cause in causes(error) {
            if let Some(Refused(reason)) = cause.downcast_ref::<Refused>() {
                return reason.clone();
            }
        }
        for cause in causes(error) {
            if let Some(CredentialsError::CredentialsNotLoaded(_)) = cause.downcast_ref::<CredentialsError>() {
                return self.never(
                    "there are no AWS credentials",
                    "Give the process a role, or set AWS_PROFILE or AWS_ACCESS_KEY_ID.",
                );
            }
            if cause.is::<CredentialsError>() {
                return self.later("AWS credentials could not be fetched", None);
            }
            // Names of causes in hyper-util: nothing of the request has left this machine.
            let text = cause.to_string();
            if text.contains("client error (Connect)")
                || text.contains("dns error")
                || text.contains("HTTP connect timeout")
            {
                return self.unanswered(&format!("AWS cannot be reached in {}", self.region));
            }
        }
        self.lost("the connection to AWS failed")
    }

    /// AWS answered with an error.
    fn answered(&self, code: Option<&str>, message: Option<&str>, status: u16, after: Option<Duration>) -> CloudError {
        let code = code.filter(|c| !c.is_empty()).unwrap_or(match status {
            301 | 307 => "PermanentRedirect",
            403 => "AccessDenied",
            404 => "NotFound",
            409 => "ConditionalRequestConflict",
            429 => "TooManyRequests",
            _ => "",
        });
        let message = brief(message.unwrap_or_default());
        let says = match (code, message.as_str()) {
            ("", "") => format!("HTTP {status}"),
            (code, "") => code.to_owned(),
            (code, message) => format!("{code}: {message}"),
        };
        match meaning(code, &message) {
            Meaning::Throttled => self.later(&format!("AWS asks for fewer requests ({code})"), after),
            Meaning::Busy => self.later(&format!("it is not ready for this yet ({says})"), after),
            Meaning::Expired => {
                self.later(&format!("the AWS credentials have expired ({code}); new ones are fetched"), after)
            }
            Meaning::Denied => self.never(
                &format!("{} may not do {} ({code})", self.who, self.action),
                &format!(
                    "Allow {} in the policy of {}, or check that it exists in this account.",
                    self.action, self.who
                ),
            ),
            Meaning::Unaccepted => self.never(
                &format!("AWS does not accept the credentials here ({says})"),
                &format!(
                    "Check the credentials, the clock, and that region {} is enabled for the account.",
                    self.region
                ),
            ),
            Meaning::Missing => {
                self.never(&format!("it does not exist ({says})"), "Check its name and region in the config file.")
            }
            Meaning::Quota => self.never(
                &format!("a quota of the account is used up ({says})"),
                "Delete what is no longer needed or ask AWS to raise it.",
            ),
            Meaning::Key => self.never(
                &format!("its KMS key cannot be used ({says})"),
                &format!("Enable the key in {} and allow {} to use it.", self.region, self.who),
            ),
            Meaning::Exists => self.never(
                &format!("something of that name exists already ({says})"),
                "Look at it in AWS; delete or rename it.",
            ),
            Meaning::Elsewhere => self
                .never(&format!("it is not in {}", self.region), "Correct the region or the name in the config file."),
            Meaning::Other if status >= 500 || code.is_empty() && status != 400 => {
                self.lost(&format!("AWS failed with HTTP {status} ({says})"))
            }
            Meaning::Other => self.never(&format!("AWS refused it ({says})"), "Correct what it names and retry."),
        }
    }

    /// An error that came inside of an answer that was otherwise good.
    pub fn refused_with(&self, code: Option<&str>, message: Option<&str>) -> CloudError {
        let answer = self.answered(code, message, 400, None);
        let class = class_of(&answer);
        tracing::warn!(action = self.action, region = self.region, thing = %self.thing, code = code.unwrap_or_default(), class, "AWS refused a part");
        answer
    }

    /// Nothing happened; it may work later.
    pub fn later(&self, why: &str, after: Option<Duration>) -> CloudError {
        let reason = format!("{}: {why}. It is tried again.", self.subject());
        CloudError::Retryable { reason, after: after.map(After::Time) }
    }

    /// Nothing happened, since AWS did not answer.
    fn unanswered(&self, why: &str) -> CloudError {
        let reason = format!("{}: {why}. It is tried again.", self.subject());
        CloudError::Retryable { reason, after: Some(After::Answer(self.region.to_owned())) }
    }

    /// Nothing happened, and nothing will before somebody acts.
    pub fn never(&self, why: &str, next: &str) -> CloudError {
        CloudError::Permanent { reason: format!("{}: {why}. {next}", self.subject()) }
    }

    /// A read may simply be repeated; a mutation may have been carried out.
    fn lost(&self, why: &str) -> CloudError {
        if self.mutates {
            CloudError::Unknown {
                reason: format!("{}: {why}; {} may or may not have been carried out.", self.subject(), self.action),
            }
        } else {
            self.unanswered(why)
        }
    }

    fn subject(&self) -> String {
        let mut letters = self.thing.chars();
        let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
        format!("{first}{} in {}", letters.as_str(), self.region)
    }
}

/// The codes that AWS documents, over all services used here.
fn meaning(code: &str, message: &str) -> Meaning {
    let code = code.rsplit('#').next().unwrap_or(code);
    match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequests"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "ProvisionedThroughputExceededException"
        | "SlowDown"
        | "KMSThrottling"
        | "KMSThrottlingException"
        | "LimitExceededException"
        | "PriorRequestNotComplete" => Meaning::Throttled,
        "InvalidDBInstanceState"
        | "InvalidDBInstanceStateFault"
        | "InvalidDBSnapshotState"
        | "InvalidDBSnapshotStateFault"
        | "InsufficientDBInstanceCapacity"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "ConflictException"
        | "OperationAborted"
        | "InvalidResourceStateException"
        | "ConditionalRequestConflict"
        | "RequestTimeout"
        | "DependencyTimeoutException"
        | "KMSInternalException" => Meaning::Busy,
        // A quota of copies in flight frees itself; a quota of snapshots kept does not.
        "SnapshotQuotaExceeded" | "SnapshotQuotaExceededFault" if in_flight(message) => Meaning::Busy,
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => Meaning::Expired,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "AuthorizationError"
        | "AuthorizationErrorException"
        | "Forbidden"
        | "NotAuthorized"
        | "KMSAccessDenied"
        | "KMSAccessDeniedException" => Meaning::Denied,
        "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "UnrecognizedClientException"
        | "SignatureDoesNotMatch"
        | "AuthFailure"
        | "OptInRequired"
        | "RegionDisabledException"
        | "RequestTimeTooSkewed" => Meaning::Unaccepted,
        "ResourceNotFoundException"
        | "NotFound"
        | "NotFoundException"
        | "NoSuchBucket"
        | "NoSuchKey"
        | "DBInstanceNotFound"
        | "DBInstanceNotFoundFault"
        | "DBSnapshotNotFound"
        | "DBSnapshotNotFoundFault"
        | "DBSubnetGroupNotFoundFault"
        | "FileSystemNotFound" => Meaning::Missing,
        "SnapshotQuotaExceeded"
        | "SnapshotQuotaExceededFault"
        | "StorageQuotaExceeded"
        | "InstanceQuotaExceeded"
        | "QuotaExceeded" => Meaning::Quota,
        "KMSKeyNotAccessibleFault"
        | "KMSDisabled"
        | "KMSDisabledException"
        | "KMSInvalidState"
        | "KMSInvalidStateException"
        | "KMSNotFound"
        | "KMSNotFoundException"
        | "KMS.DisabledException"
        | "KMS.NotFoundException"
        | "KMS.KMSInvalidStateException"
        | "DecryptionFailure"
        | "EncryptionFailure"
        | "DisabledException"
        | "KeyUnavailableException" => Meaning::Key,
        "DBSnapshotAlreadyExists" | "DBInstanceAlreadyExists" | "AlreadyExistsException" => Meaning::Exists,
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => Meaning::Elsewhere,
        _ => Meaning::Other,
    }
}

fn in_flight(message: &str) -> bool {
    let message = message.to_lowercase();
    ["in progress", "simultaneous", "concurrent"].iter().any(|word| message.contains(word))
}

/// `Retry-After` in seconds, where AWS says so.
fn retry_after(response: &HttpResponse) -> Option<Duration> {
    let seconds: u64 = response.headers().get("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(3600)))
}

/// AWS's words on one line, shortened for a card.
fn brief(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = line.chars().take(300).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short.trim_end_matches('.').to_owned()
}

/// The error and its causes, outermost first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |e: &&'a (dyn Error + 'static)| (*e).source())
}

/// Display texts only: a Debug text would hold the whole response.
fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn class_of(error: &CloudError) -> &'static str {
    match error {
        CloudError::Retryable { .. } => "retryable",
        CloudError::Permanent { .. } => "permanent",
        CloudError::Unknown { .. } => "unknown",
    }
}
