//! What goes wrong with archives, in words for people, and what AWS's refusals mean for one.

use std::error::Error;

use aws_sdk_s3::error::SdkError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::ports::cloud::CloudError;

/// What went wrong. The text is for people: what, why, and the next step. It never holds a password or dumped data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Nothing was stored; it may work later.
    #[error("{0}")]
    Retryable(String),
    /// Nothing was stored, and nothing will be before somebody changes something.
    #[error("{0}")]
    Permanent(String),
    /// An object of that name exists already, and this upload did not make it.
    #[error("{0}")]
    Exists(String),
    /// The archive may or may not have been stored.
    #[error("{0}")]
    Unknown(String),
    /// The archive is not what was written: nothing in it can be relied on.
    #[error("{0}")]
    Damaged(String),
}

impl ArchiveError {
    /// The error that an [`std::io::Error`] carries, or one that says what could not be done.
    pub(super) fn from_io(error: std::io::Error, what: &str) -> ArchiveError {
        match error.downcast::<ArchiveError>() {
            Ok(own) => own,
            Err(error) => ArchiveError::Retryable(format!("{what}: {error}. It is tried again.")),
        }
    }
}

impl From<ArchiveError> for CloudError {
    fn from(error: ArchiveError) -> CloudError {
        match error {
            ArchiveError::Retryable(reason) => CloudError::Retryable { reason, after: None },
            ArchiveError::Unknown(reason) => CloudError::Unknown { reason },
            ArchiveError::Permanent(reason) | ArchiveError::Exists(reason) | ArchiveError::Damaged(reason) => {
                CloudError::Permanent { reason }
            }
        }
    }
}

/// A task of ours ended without an answer, which only a fault in this program can cause.
pub(super) fn lost(_: tokio::task::JoinError) -> ArchiveError {
    ArchiveError::Retryable(
        "The archive's worker ended without an answer; the log has the cause. It is tried again.".into(),
    )
}

/// The HTTP status of an answer, where there was one.
pub(super) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// The sentence for an AWS error, and whether it may help to try again.
pub(super) fn failed<E>(action: &str, thing: &str, error: &SdkError<E, HttpResponse>) -> ArchiveError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    const AGAIN: [&str; 8] = [
        "SlowDown",
        "ThrottlingException",
        "LimitExceededException",
        "RequestTimeout",
        "KMSInternalException",
        "DependencyTimeoutException",
        "ConditionalRequestConflict",
        "ExpiredToken",
    ];
    let code = error.code().unwrap_or_default();
    let mut causes = Vec::new();
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    tracing::warn!(action, thing, code, status = status(error), chain = %causes.join(": "), "an AWS call failed");
    let answered = matches!(error, SdkError::ServiceError(_));
    if !answered || AGAIN.contains(&code) || status(error).is_some_and(|s| s >= 500 || s == 429) {
        let why = if code.is_empty() { "AWS did not answer" } else { code };
        return ArchiveError::Retryable(format!("{action} on {thing} failed: {why}. It is tried again."));
    }
    let message: String = error.message().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let message: String = message.trim_end_matches('.').chars().take(300).collect();
    let next = match code {
        "AccessDenied" | "AccessDeniedException" => "Allow it in the role's policy",
        "NoSuchBucket" => "Correct the bucket in the config file",
        "NotFoundException" | "DisabledException" | "KMSInvalidStateException" => "Correct or enable the KMS key",
        "IncorrectKeyException" | "InvalidCiphertextException" => {
            return ArchiveError::Damaged(format!(
                "KMS refuses {thing} ({code}): it was made for another environment or operation, or was changed. Do not restore from it."
            ));
        }
        _ => "Correct what it names, then retry",
    };
    ArchiveError::Permanent(format!("AWS refused {action} on {thing} ({code}: {message}). {next}."))
}
