//! S3: an object written once, its replica, its verification, and the buckets.

use aws_sdk_s3::{
    error::ProvideErrorMetadata as _,
    operation::head_object::HeadObjectOutput,
    primitives::{ByteStream, SdkBody},
    types::{ChecksumAlgorithm, ChecksumMode, ReplicationRuleStatus, ReplicationStatus, ServerSideEncryption},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use http_body_util::Full;
use secrecy::zeroize::Zeroizing;
use sha2::{Digest as _, Sha256};

use super::{backup::size, error::Attempt, kms, session::Session, tags};
use crate::{
    domain::step::Outputs,
    ports::cloud::{Call, CloudError, Condition, Progress, Started},
};

/// Metadata key that names the operation an object was made by.
const BY_OPERATION: &str = "bbws-operation";
/// Metadata key with the name of the ledger that asked for an object.
const BY_LEDGER: &str = "bbws-ledger";
/// Metadata key with the number of secrets in the object.
pub const COUNT: &str = "bbws-count";
/// Output with the object's SHA-256 in base64, as S3 gives it.
pub const SHA256: &str = "sha256";

/// One object. The account guards against a bucket of that name in foreign hands.
pub struct Object<'a> {
    /// Account that owns the bucket.
    pub account: &'a str,
    /// Bucket.
    pub bucket: &'a str,
    /// Key.
    pub key: &'a str,
}

impl Object<'_> {
    /// For people.
    pub fn name(&self) -> String {
        format!("object s3://{}/{}", self.bucket, self.key)
    }
}

/// Whether a list goes on behind this page. A page that does not say so is no last page, and one that goes on has to say
/// where: whoever took it for the end would take what follows for gone.
///
/// # Errors
/// `Retryable` where S3 does not tell.
pub fn goes_on(truncated: Option<bool>, has_next: bool, attempt: &Attempt<'_>) -> Result<bool, CloudError> {
    match truncated {
        None => Err(attempt.later("S3 does not say whether its list ends here", None)),
        Some(true) if !has_next => Err(attempt.later("S3 says that its list goes on, but not where", None)),
        Some(more) => Ok(more),
    }
}

/// What is written on every object, so that it is recognised as this call's: see [`made_by`].
pub fn by(call: &Call) -> Vec<(&'static str, String)> {
    let ledger = tags::ledger(call).map(|ledger| (BY_LEDGER, ledger.to_owned()));
    [(BY_OPERATION, call.operation.to_string())].into_iter().chain(ledger).collect()
}

/// Writes the object unless it exists; then it is adopted when this operation made it.
///
/// # Errors
/// See [`CloudError`].
pub async fn put_once(
    session: &Session,
    object: &Object<'_>,
    body: Zeroizing<Vec<u8>>,
    metadata: impl IntoIterator<Item = (&'static str, String)>,
    call: &Call,
) -> Result<Started, CloudError> {
    let attempt = session.changes("s3:PutObject", object.name());
    let checksum = BASE64.encode(Sha256::digest(body.as_slice()));
    let length = body.len();
    let tagging = serde_urlencoded::to_string(tags::of(call))
        .map_err(|e| attempt.never(&format!("its tags cannot be written ({e})"), "Report this."))?;
    let mut request = session
        .s3()
        .put_object()
        .bucket(object.bucket)
        .key(object.key)
        .expected_bucket_owner(object.account)
        .content_type(if object.key.ends_with(".json") { "application/json" } else { "application/octet-stream" })
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .if_none_match("*")
        .checksum_algorithm(ChecksumAlgorithm::Sha256)
        .checksum_sha256(&checksum)
        .tagging(tagging);
    let mut count = String::new();
    for (key, value) in by(call).into_iter().chain(metadata) {
        if key == COUNT {
            count.clone_from(&value);
        }
        request = request.metadata(key, value);
    }
    match request.body(private(body)).send().await {
        Ok(answer) => Ok(stored(object, checksum, answer.version_id, length, count)),
        Err(error)
            if error.code() == Some("PreconditionFailed")
                || error.raw_response().is_some_and(|r| r.status().as_u16() == 412) =>
        {
            made_by(session, object, call).await?.ok_or_else(|| {
                attempt.never(
                    "an object of that name exists that this operation did not make",
                    "Look at it in S3; rename or delete it, then retry.",
                )
            })
        }
        Err(error) => Err(attempt.failed(error)),
    }
}

/// The object, if it exists and this step made it.
///
/// # Errors
/// See [`CloudError`].
pub async fn made_by(session: &Session, object: &Object<'_>, call: &Call) -> Result<Option<Started>, CloudError> {
    let Some(head) = head(session, object).await? else { return Ok(None) };
    let about = |key: &str| head.metadata().and_then(|m| m.get(key)).cloned();
    let (operation, ledger) = (about(BY_OPERATION), about(BY_LEDGER));
    let value = |key: &str| match key {
        tags::OPERATION => operation.as_deref(),
        tags::LEDGER => ledger.as_deref(),
        _ => None,
    };
    if !tags::is_ours(call, value, head.last_modified()) {
        return Ok(None);
    }
    let length = usize::try_from(head.content_length.unwrap_or(0)).unwrap_or(0);
    let checksum = head.checksum_sha256.clone().unwrap_or_default();
    Ok(Some(stored(object, checksum, head.version_id.clone(), length, about(COUNT).unwrap_or_default())))
}

/// Whether there is an object in that place, whoever made it.
///
/// # Errors
/// See [`CloudError`].
pub async fn exists(session: &Session, object: &Object<'_>) -> Result<bool, CloudError> {
    Ok(head(session, object).await?.is_some())
}

fn stored(object: &Object<'_>, checksum: String, version: Option<String>, length: usize, count: String) -> Started {
    let mut outputs = Outputs::from([
        (SHA256.to_owned(), checksum),
        ("size".to_owned(), length.to_string()),
        ("count".to_owned(), count),
    ]);
    if let Some(version) = version {
        outputs.insert("version_id".to_owned(), version);
    }
    Started { external_id: Some(format!("s3://{}/{}", object.bucket, object.key)), outputs, finished: true }
}

/// A body that can be sent again, whose Debug text does not show what is in it, and that is wiped in the end.
fn private(body: Zeroizing<Vec<u8>>) -> ByteStream {
    let bytes = Bytes::from_owner(body);
    ByteStream::new(SdkBody::retryable(move || SdkBody::from_body_1_x(Full::new(bytes.clone()))))
}

async fn head(session: &Session, object: &Object<'_>) -> Result<Option<HeadObjectOutput>, CloudError> {
    let attempt = session.reads("s3:GetObject", object.name());
    let request =
        session.s3().head_object().bucket(object.bucket).key(object.key).expected_bucket_owner(object.account);
    match request.checksum_mode(ChecksumMode::Enabled).send().await {
        Ok(head) => Ok(Some(head)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_not_found()) => Ok(None),
        Err(error) => Err(attempt.failed(error)),
    }
}

/// Whether S3 has replicated the object.
///
/// # Errors
/// See [`CloudError`].
pub async fn replica(
    from: &Session,
    source: &Object<'_>,
    to: &Session,
    destination: &Object<'_>,
    call: &Call,
) -> Result<Progress, CloudError> {
    let (at_source, at_destination) = futures::future::join(head(from, source), head(to, destination)).await;
    let (at_source, at_destination) = (at_source?, at_destination?);
    let failed = |reason: String| Ok(Progress::Failed { reason });
    let Some(at_source) = at_source else {
        return failed(format!(
            "The {} is gone, so there is nothing to replicate. Export the secrets again.",
            source.name()
        ));
    };
    let status = at_source.replication_status.as_ref();
    if status == Some(&ReplicationStatus::Failed) {
        return failed(format!(
            "S3 could not replicate {} to {}. Check the replication role, the destination's bucket policy and its KMS key, then retry.",
            source.name(),
            destination.bucket
        ));
    }
    match at_destination {
        Some(copy) if same(&at_source, &copy, call) => {
            let detail = format!(
                "replicated to {} in {}, {}",
                destination.bucket,
                to.region,
                size(copy.content_length.unwrap_or(0))
            );
            Ok(Progress::Done { outputs: Outputs::new(), detail })
        }
        Some(_) if is_done(status) => failed(format!(
            "The {} is not the object that was exported: its checksum differs. Look at who wrote it, then export again.",
            destination.name()
        )),
        None if status.is_none() => failed(format!(
            "S3 does not replicate {}: no replication rule of bucket {} matches it. Add a rule to {} that includes KMS-encrypted objects, then retry.",
            source.name(),
            source.bucket,
            destination.bucket
        )),
        _ if is_done(status) => {
            Ok(Progress::Running { percent: None, detail: "replication COMPLETED, not visible yet".to_owned() })
        }
        _ => {
            let word = status.map_or("not begun", ReplicationStatus::as_str);
            Ok(Progress::Running { percent: None, detail: format!("replication {word}") })
        }
    }
}

fn is_done(status: Option<&ReplicationStatus>) -> bool {
    matches!(status, Some(ReplicationStatus::Completed | ReplicationStatus::Complete) | None)
}

/// The same bytes: by checksum, or by ETag where a checksum is missing on either side.
fn same(source: &HeadObjectOutput, copy: &HeadObjectOutput, call: &Call) -> bool {
    let promised =
        call.inputs.get(SHA256).map(String::as_str).or(source.checksum_sha256.as_deref()).filter(|sum| !sum.is_empty());
    match (promised, copy.checksum_sha256.as_deref()) {
        (Some(promised), Some(found)) => sums_match(promised, found),
        _ => source.e_tag == copy.e_tag && source.content_length == copy.content_length,
    }
}

/// Whether two SHA-256 of S3 are the same. That of an object written in parts ends in their number, `-3`, which not every
/// answer tells.
pub fn sums_match(one: &str, other: &str) -> bool {
    let parts = |sum: &str| {
        sum.split_once('-').map_or((sum.to_owned(), None), |(sum, parts)| (sum.to_owned(), Some(parts.to_owned())))
    };
    let ((one, of_one), (other, of_other)) = (parts(one), parts(other));
    one == other && (of_one.is_none() || of_other.is_none() || of_one == of_other)
}

/// Verifies an object against what was promised.
///
/// # Errors
/// See [`CloudError`].
pub async fn verify(
    session: &Session,
    object: &Object<'_>,
    retention_days: u32,
    call: &Call,
) -> Result<Progress, CloudError> {
    let name = object.name();
    let wrong = |why: &str| {
        Ok(Progress::Failed {
            reason: format!("The {name} in {} does not hold: {why}. Back up again.", session.region),
        })
    };
    let Some(head) = head(session, object).await? else {
        return wrong("it does not exist");
    };
    if !matches!(head.server_side_encryption, Some(ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse)) {
        return wrong("it is not encrypted under KMS");
    }
    let bytes = head.content_length.unwrap_or(0);
    if bytes <= 0 {
        return wrong("it is empty");
    }
    match (call.inputs.get(SHA256).map(String::as_str), head.checksum_sha256.as_deref()) {
        (None | Some(""), _) => return wrong("the export left no SHA-256 to compare with"),
        (_, None) => return wrong("S3 has no SHA-256 of it"),
        (Some(promised), Some(found)) if !sums_match(promised, found) => {
            return wrong("its SHA-256 is not that of the export");
        }
        _ => {}
    }
    if let Err(why) = tags::check_retention(retention_tag(session, object).await?.as_deref(), retention_days) {
        return wrong(&why);
    }
    // Without a key of its own the bucket uses the region's key for S3.
    let key = head.ssekms_key_id.as_deref().unwrap_or("alias/aws/s3");
    Ok(match kms::usable(session, key).await? {
        Err(reason) => {
            Progress::Failed { reason: format!("The {name} in {} could not be read back: {reason}", session.region) }
        }
        Ok(_) => Progress::Done {
            outputs: Outputs::new(),
            detail: format!("SSE-KMS, {}, SHA-256 matches, key usable in {}", size(bytes), session.region),
        },
    })
}

/// Days the object's tag says it is to be kept.
///
/// # Errors
/// See [`CloudError`].
pub async fn retention_tag(session: &Session, object: &Object<'_>) -> Result<Option<String>, CloudError> {
    let attempt = session.reads("s3:GetObjectTagging", object.name());
    let request =
        session.s3().get_object_tagging().bucket(object.bucket).key(object.key).expected_bucket_owner(object.account);
    let answer = request.send().await.map_err(|e| attempt.failed(e))?;
    Ok(answer.tag_set.into_iter().find(|tag| tag.key == tags::RETENTION).map(|tag| tag.value))
}

/// Whether a bucket is there and ours: its name, or why not.
///
/// # Errors
/// `Retryable` when nobody can tell now.
pub async fn bucket(session: &Session, name: &str, account: &str) -> Result<Condition, CloudError> {
    let attempt = session.reads("s3:ListBucket", format!("bucket {name}"));
    match session.s3().head_bucket().bucket(name).expected_bucket_owner(account).send().await {
        Ok(answer) => Ok(match answer.bucket_region {
            Some(region) if region != session.region => {
                Err(format!("Bucket {name} is in {region}, not in {}. Correct the config file.", session.region))
            }
            _ => Ok(name.to_owned()),
        }),
        Err(error) => kms::missing(attempt.failed(error)),
    }
}

/// Whether a rule of the source bucket replicates to the destination bucket; says why not. A rule that may not be
/// read counts as there: the replica itself is verified later.
///
/// # Errors
/// `Retryable` when nobody can tell now.
pub async fn replicates(
    session: &Session,
    source: &str,
    destination: &str,
    account: &str,
) -> Result<Result<(), String>, CloudError> {
    let none = || {
        format!(
            "Bucket {source} has no enabled replication rule to {destination}. Add one that includes KMS-encrypted objects."
        )
    };
    let attempt = session.reads("s3:GetReplicationConfiguration", format!("replication of bucket {source}"));
    let answer = match session.s3().get_bucket_replication().bucket(source).expected_bucket_owner(account).send().await
    {
        Ok(answer) => answer,
        Err(error) if error.code() == Some("ReplicationConfigurationNotFoundError") => return Ok(Err(none())),
        Err(error) => {
            tracing::info!(error = %attempt.failed(error), "the replication rules cannot be read; the replica itself is verified later");
            return Ok(Ok(()));
        }
    };
    let arn = format!("arn:aws:s3:::{destination}");
    let rules = answer.replication_configuration.map(|c| c.rules).unwrap_or_default();
    let found = rules.iter().any(|rule| {
        rule.status == ReplicationRuleStatus::Enabled && rule.destination.as_ref().is_some_and(|d| d.bucket == arn)
    });
    Ok(if found { Ok(()) } else { Err(none()) })
}
