//! S3 as a sink: a multipart upload that becomes an object only when it is complete, and only if none is there.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    config::{Builder, retry::RetryConfig, timeout::TimeoutConfig},
    primitives::ByteStream,
    types::{
        ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, ServerSideEncryption, StorageClass,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::{
    Written,
    dump::PartSink,
    error::{ArchiveError, failed, status},
    object::{Place, stored},
    seal::Part,
};

/// Metadata key with the random name of one upload, by which its object is recognised when an answer was lost.
const BY_UPLOAD: &str = "bbws-upload";
/// 64 MiB on a line of 2 Mbit/s.
const PART_TIMEOUT: Duration = Duration::from_secs(300);
/// Assembling 10,000 parts takes S3 minutes, in which it keeps the connection open.
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(900);
const ATTEMPTS: u32 = 5;

/// An upload to one place. Dropped unfinished it aborts itself in the background.
#[derive(Debug)]
pub struct S3Upload {
    client: Client,
    place: Place,
    kms_key: Option<String>,
    class: Option<String>,
    tagging: String,
    /// Written on the object beside its tags: what it is recognised by.
    metadata: Vec<(&'static str, String)>,
    /// Random name of this upload.
    name: String,
    /// S3's id, once there is one and as long as it may have to be aborted.
    id: Option<String>,
    parts: Vec<CompletedPart>,
}

impl S3Upload {
    /// Looks whether the place is free. Nothing is made before the first part is there. `kms_key` encrypts the object on
    /// S3's side; without it the bucket's own key does. `metadata` says who made it.
    ///
    /// # Errors
    /// `Exists` when the place is taken.
    pub async fn new(
        client: Client,
        place: Place,
        kms_key: Option<String>,
        tags: &[(String, String)],
        metadata: Vec<(&'static str, String)>,
    ) -> Result<S3Upload, ArchiveError> {
        if stored(&client, &place).await?.is_some() {
            return Err(taken(&place));
        }
        let tagging = serde_urlencoded::to_string(tags)
            .map_err(|e| ArchiveError::Permanent(format!("The tags of {} cannot be written ({e}).", place.name())))?;
        let name = format!("{:032x}", rand::random::<u128>());
        Ok(S3Upload { client, place, kms_key, class: None, tagging, metadata, name, id: None, parts: Vec::new() })
    }

    /// The same in a storage class other than Standard.
    #[must_use]
    pub fn in_class(mut self, class: Option<String>) -> S3Upload {
        self.class = class;
        self
    }

    async fn begin(&mut self) -> Result<String, ArchiveError> {
        let mut request = self.client.create_multipart_upload().bucket(&self.place.bucket).key(&self.place.key);
        for (key, value) in &self.metadata {
            request = request.metadata(*key, value);
        }
        let answer = request
            .expected_bucket_owner(&self.place.account)
            .content_type("application/octet-stream")
            .server_side_encryption(ServerSideEncryption::AwsKms)
            .set_ssekms_key_id(self.kms_key.clone())
            .set_storage_class(self.class.as_deref().map(StorageClass::from))
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_type(ChecksumType::Composite)
            .tagging(&self.tagging)
            .metadata(BY_UPLOAD, &self.name)
            .send()
            .await
            .map_err(|e| failed("s3:PutObject", &self.place.name(), &e))?;
        let id = answer.upload_id.ok_or_else(|| {
            ArchiveError::Retryable(format!("S3 began no upload of {}. It is tried again.", self.place.name()))
        })?;
        self.id = Some(id.clone());
        Ok(id)
    }

    /// Whether the object in this place is the one of this upload, whatever S3 answered.
    async fn is_there(&self) -> Result<bool, ArchiveError> {
        let found = stored(&self.client, &self.place).await?;
        Ok(found.is_some_and(|object| object.metadata.get(BY_UPLOAD) == Some(&self.name)))
    }
}

#[async_trait]
impl PartSink for S3Upload {
    async fn put(&mut self, part: Part) -> Result<(), ArchiveError> {
        let id = match &self.id {
            Some(id) => id.clone(),
            None => self.begin().await?,
        };
        let number = i32::try_from(part.number).unwrap_or(i32::MAX);
        let checksum = BASE64.encode(part.sha256);
        let request = self.client.upload_part().bucket(&self.place.bucket).key(&self.place.key).upload_id(id);
        let answer = request
            .expected_bucket_owner(&self.place.account)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .checksum_sha256(&checksum)
            .body(ByteStream::from(part.bytes))
            .customize()
            .config_override(patient(&self.client, PART_TIMEOUT))
            .send()
            .await
            .map_err(|e| failed("s3:PutObject", &format!("part {number} of {}", self.place.name()), &e))?;
        let done = CompletedPart::builder().part_number(number).set_e_tag(answer.e_tag).checksum_sha256(checksum);
        self.parts.push(done.build());
        Ok(())
    }

    async fn complete(&mut self, written: &Written) -> Result<(), ArchiveError> {
        let Some(id) = self.id.clone() else {
            return Err(ArchiveError::Permanent(format!("There is nothing to store as {}.", self.place.name())));
        };
        let parts = CompletedMultipartUpload::builder().set_parts(Some(std::mem::take(&mut self.parts))).build();
        let request = self.client.complete_multipart_upload().bucket(&self.place.bucket).key(&self.place.key);
        let answer = request
            .upload_id(id)
            .expected_bucket_owner(&self.place.account)
            .multipart_upload(parts)
            .mpu_object_size(i64::try_from(written.bytes_archive).unwrap_or(i64::MAX))
            .if_none_match("*")
            .customize()
            .config_override(patient(&self.client, COMPLETE_TIMEOUT))
            .send()
            .await;
        let Err(error) = answer else {
            self.id = None;
            return Ok(());
        };
        // An answer may have been lost, and the repetition refused because the first one was carried out.
        match self.is_there().await {
            Ok(true) => {
                self.id = None;
                Ok(())
            }
            Ok(false) if status(&error) == Some(412) => Err(taken(&self.place)),
            Ok(false) if matches!(status(&error), Some(400..=499)) => {
                Err(failed("s3:PutObject", &self.place.name(), &error))
            }
            // S3 may still be assembling it, which aborting would race with.
            _ => {
                self.id = None;
                Err(ArchiveError::Unknown(format!(
                    "S3 did not say whether {} was completed. Look whether it is there.",
                    self.place.name()
                )))
            }
        }
    }

    async fn abort(&mut self) {
        if let Some(id) = self.id.take() {
            abort(&self.client, &self.place, &id).await;
        }
    }
}

impl Drop for S3Upload {
    fn drop(&mut self) {
        let (Some(id), Ok(runtime)) = (self.id.take(), tokio::runtime::Handle::try_current()) else { return };
        let (client, place) = (self.client.clone(), self.place.clone());
        runtime.spawn(async move { abort(&client, &place, &id).await });
    }
}

/// Aborts what earlier attempts at this very place left unfinished, as a process that was killed does; says how many
/// those were. To be called before the next attempt, by whoever holds the operation's lease.
///
/// # Errors
/// See [`ArchiveError`].
pub async fn abandon(client: &Client, place: &Place) -> Result<usize, ArchiveError> {
    let what = format!("unfinished uploads of {}", place.name());
    let request = client.list_multipart_uploads().bucket(&place.bucket).prefix(&place.key);
    let answer = request.expected_bucket_owner(&place.account).send().await;
    let answer = answer.map_err(|e| failed("s3:ListBucketMultipartUploads", &what, &e))?;
    let ours = answer.uploads().iter().filter(|upload| upload.key() == Some(&place.key));
    let ids: Vec<&str> = ours.filter_map(|upload| upload.upload_id()).collect();
    for id in &ids {
        abort(client, place, id).await;
    }
    Ok(ids.len())
}

/// An upload that cannot be aborted costs storage until the bucket's lifecycle rule or [`abandon`] ends it.
async fn abort(client: &Client, place: &Place, id: &str) {
    let request = client.abort_multipart_upload().bucket(&place.bucket).key(&place.key).upload_id(id);
    if let Err(error) = request.expected_bucket_owner(&place.account).send().await {
        let why = failed("s3:AbortMultipartUpload", &format!("upload {id} of {}", place.name()), &error);
        tracing::warn!(%why, "an unfinished upload is left");
    }
}

/// For calls that carry much or take long; the product's own time-outs are for small ones. A client that makes one attempt
/// goes on making one: in simulated time nobody waits for the next.
fn patient(client: &Client, timeout: Duration) -> Builder {
    let once = client.config().retry_config().is_some_and(|retry| retry.max_attempts() <= 1);
    let retry = if once { RetryConfig::disabled() } else { RetryConfig::standard().with_max_attempts(ATTEMPTS) };
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(timeout)
        .operation_timeout(timeout * ATTEMPTS)
        .read_timeout(timeout);
    aws_sdk_s3::Config::builder().timeout_config(timeouts.build()).retry_config(retry)
}

fn taken(place: &Place) -> ArchiveError {
    ArchiveError::Exists(format!(
        "There is an {} already, which this dump did not write. It is left as it is; look at who made it.",
        place.name()
    ))
}
