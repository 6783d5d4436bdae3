//! An archive as an object of S3: where it lies, and what S3 knows of it.

use std::collections::HashMap;

use aws_sdk_s3::{Client, types::ChecksumMode};

use super::error::{ArchiveError, failed};

/// An object. The account guards against a bucket of that name in foreign hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Account that owns the bucket.
    pub account: String,
    /// Bucket.
    pub bucket: String,
    /// Key.
    pub key: String,
}

impl Place {
    pub(super) fn name(&self) -> String {
        format!("object s3://{}/{}", self.bucket, self.key)
    }
}

/// What S3 says about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Bytes.
    pub bytes: u64,
    /// Identity of the content.
    pub etag: String,
    /// Version, in a versioned bucket.
    pub version: Option<String>,
    /// SHA-256 over the parts, `base64-N`, where S3 has it.
    pub checksum: Option<String>,
    /// Metadata, `bbws-operation` among it.
    pub metadata: HashMap<String, String>,
}

/// The object in that place, if there is one.
///
/// # Errors
/// See [`ArchiveError`].
pub async fn stored(client: &Client, place: &Place) -> Result<Option<Stored>, ArchiveError> {
    let request = client.head_object().bucket(&place.bucket).key(&place.key).expected_bucket_owner(&place.account);
    match request.checksum_mode(ChecksumMode::Enabled).send().await {
        Ok(head) => Ok(Some(Stored {
            bytes: head.content_length.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0),
            etag: head.e_tag.unwrap_or_default(),
            version: head.version_id,
            checksum: head.checksum_sha256,
            metadata: head.metadata.unwrap_or_default(),
        })),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_not_found()) => Ok(None),
        Err(error) => Err(failed("s3:GetObject", &place.name(), &error)),
    }
}
