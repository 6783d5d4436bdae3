//! An export of secrets or parameters, read back whole: its bytes held against their SHA-256, its values in memory that is
//! wiped when it is let go. What is told of it is names, never values.

use std::{sync::Arc, time::Duration};

use aws_sdk_s3::types::ChecksumMode;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout_at};

use super::super::{s3::Object, session::Session};
use crate::{
    domain::step::Export,
    ports::cloud::{Call, CloudError},
};

/// Larger exports than this are not ours: 5,000 secrets of 64 KiB.
const LARGEST: i64 = 512 << 20;
/// The longest that reading one may take: the largest at 2 MiB per second, and some more. No time-out of the SDK covers a body.
const READ: Duration = Duration::from_secs(300);

/// An export as it lies in its bucket.
pub(super) struct Bytes {
    /// All of it.
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// Seconds since 1970 at which it was written.
    pub(super) written: i64,
}

/// Reads an export; the inner error says why it cannot be relied on. `promised` is its SHA-256 where a step before knows it.
pub(super) async fn bytes(
    session: &Session,
    promised: Option<&String>,
    object: &Object<'_>,
) -> Result<Result<Bytes, String>, CloudError> {
    let attempt = session.reads("s3:GetObject", object.name());
    let request = session.s3().get_object().bucket(object.bucket).key(object.key);
    let request = request.expected_bucket_owner(object.account).checksum_mode(ChecksumMode::Enabled);
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => {
            return Ok(Err("it does not exist".to_owned()));
        }
        Err(error) => return Err(attempt.failed(error)),
    };
    let length = answer.content_length.unwrap_or(0);
    if length <= 0 || length > LARGEST {
        return Ok(Err(format!("it has {length} bytes, which no export has")));
    }
    let written = answer.last_modified.map_or(0, |time| time.secs());
    let promised = promised.filter(|sum| !sum.is_empty()).or(answer.checksum_sha256.as_ref());
    let Some(promised) = promised.cloned() else { return Ok(Err("S3 has no SHA-256 of it".to_owned())) };
    // Room for everything from the start: a buffer that grows leaves unwiped copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0)));
    let mut body = answer.body;
    let late = || attempt.later("it did not come within its time", None);
    let end = Instant::now() + READ;
    while let Some(chunk) = timeout_at(end, body.next()).await.map_err(|_| late())? {
        match chunk {
            Ok(chunk) if bytes.len() + chunk.len() <= bytes.capacity() => bytes.extend_from_slice(&chunk),
            Ok(_) => return Ok(Err("it is longer than S3 says".to_owned())),
            Err(error) if error.to_string().contains("checksum") => {
                return Ok(Err("its SHA-256 is not the one S3 keeps of it".to_owned()));
            }
            Err(error) => return Err(attempt.later(&format!("it could not be read to its end ({error})"), None)),
        }
    }
    if BASE64.encode(Sha256::digest(bytes.as_slice())) != promised {
        return Ok(Err("its SHA-256 is not that of the export".to_owned()));
    }
    Ok(Ok(Bytes { bytes, written }))
}

/// A value, wiped when it is dropped. Nothing shows it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Value(pub(super) Zeroizing<String>);

impl Value {
    pub(super) fn new(value: String) -> Value {
        Value(Zeroizing::new(value))
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value")
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        String::deserialize(deserializer).map(Value::new)
    }
}

/// A secret of an export.
#[derive(Debug, Deserialize)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) version_id: String,
    /// Text.
    pub(super) string: Option<Value>,
    /// Bytes in base64.
    pub(super) binary: Option<Value>,
}

/// A parameter of an export.
#[derive(Debug, Deserialize)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) r#type: String,
    pub(super) data_type: String,
    pub(super) version: i64,
    /// As SSM keeps it: that of a SecureString is encrypted.
    pub(super) value: Value,
}

#[derive(Deserialize)]
struct OfSecrets {
    format: String,
    environment: String,
    secrets: Vec<Secret>,
}

#[derive(Deserialize)]
struct OfParameters {
    format: String,
    environment: String,
    parameters: Vec<Parameter>,
}

/// Secrets of the export that are meant, by name.
///
/// # Errors
/// `Permanent` when it cannot be relied on.
pub(super) async fn secrets(at: &Reader, export: &Export) -> Result<Vec<Secret>, CloudError> {
    let document: OfSecrets = at.read(export).await?;
    at.is_whose(&document.format, "bbws.secrets/1", &document.environment, export)?;
    let found: Vec<Secret> = document.secrets.into_iter().filter(|secret| export.means(&secret.name)).collect();
    match found.iter().find(|secret| secret.string.is_none() && secret.binary.is_none()) {
        Some(without) => Err(at.unreliable(export, &format!("secret {} has no value in it", without.name))),
        None => Ok(found),
    }
}

/// Parameters of the export that are meant, by name.
///
/// # Errors
/// `Permanent` when it cannot be relied on.
pub(super) async fn parameters(at: &Reader, export: &Export) -> Result<Vec<Parameter>, CloudError> {
    let document: OfParameters = at.read(export).await?;
    at.is_whose(&document.format, "bbws.config/1", &document.environment, export)?;
    Ok(document.parameters.into_iter().filter(|parameter| export.means(&parameter.name)).collect())
}

/// Reads exports for a call.
pub(super) struct Reader {
    /// Session of the region the export lies in.
    pub(super) session: Arc<Session>,
    pub(super) call: Call,
}

impl Reader {
    async fn read<T: DeserializeOwned>(&self, export: &Export) -> Result<T, CloudError> {
        let object = Object { account: &self.call.environment.account, bucket: &export.bucket, key: &export.key };
        let found = bytes(&self.session, None, &object).await?.map_err(|why| self.unreliable(export, &why))?;
        // The error's words may hold a piece of a value; its place does not.
        serde_json::from_slice(&found.bytes).map_err(|e| {
            let place = format!("it is not the JSON of an export (line {}, column {})", e.line(), e.column());
            self.unreliable(export, &place)
        })
    }

    fn is_whose(&self, format: &str, wanted: &str, environment: &str, export: &Export) -> Result<(), CloudError> {
        if format == wanted && environment == self.call.environment.name {
            return Ok(());
        }
        Err(self.unreliable(export, &format!("it is no such export of {}", self.call.environment.name)))
    }

    fn unreliable(&self, export: &Export, why: &str) -> CloudError {
        let Export { bucket, key, .. } = export;
        let reason = format!(
            "The export s3://{bucket}/{key} in {} cannot be relied on: {why}. Nothing was changed by this. Choose another: `/bbws backup list {}`.",
            self.session.region, self.call.environment.name
        );
        CloudError::Permanent { reason }
    }
}
