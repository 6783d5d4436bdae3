//! The key of one archive: made by KMS, kept encrypted in the archive, wiped here when it is let go.

use std::{collections::BTreeMap, fmt};

use aws_sdk_kms::{primitives::Blob, types::DataKeySpec};
use secrecy::{ExposeSecret as _, SecretBox, zeroize::Zeroizing};

use super::{
    error::{ArchiveError, failed},
    format::Header,
};
use crate::domain::environment::Engine;

/// Encryption context: KMS decrypts only for those who name the same pairs, and CloudTrail shows them.
pub type Context = BTreeMap<String, String>;

/// 32 bytes, and the same as KMS encrypted them.
pub struct DataKey {
    plain: SecretBox<[u8; 32]>,
    wrapped: Vec<u8>,
    kms_key: String,
    context: Context,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey")
            .field("kms_key", &self.kms_key)
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

impl DataKey {
    /// A key that somebody has already; `wrapped` is what the archive's header will hold.
    pub fn new(plain: SecretBox<[u8; 32]>, wrapped: Vec<u8>, kms_key: String, context: Context) -> DataKey {
        DataKey { plain, wrapped, kms_key, context }
    }

    /// `{bbws:environment, bbws:operation}`.
    pub fn context(environment: &str, operation: &str) -> Context {
        [("bbws:environment", environment), ("bbws:operation", operation)]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into()
    }

    /// Asks KMS for a new key under `kms_key` (id, ARN or alias).
    ///
    /// # Errors
    /// `Permanent` when the key cannot be used, `Retryable` when KMS cannot tell now.
    pub async fn generate(kms: &aws_sdk_kms::Client, kms_key: &str, context: Context) -> Result<DataKey, ArchiveError> {
        let request = kms.generate_data_key().key_id(kms_key).key_spec(DataKeySpec::Aes256);
        let answer = request.set_encryption_context(Some(pairs(&context))).send().await;
        let answer = answer.map_err(|e| failed("kms:GenerateDataKey", &format!("KMS key {kms_key}"), &e))?;
        let plain = plain(answer.plaintext, kms_key)?;
        let wrapped = answer.ciphertext_blob.map(Blob::into_inner).unwrap_or_default();
        Ok(DataKey { plain, wrapped, kms_key: answer.key_id.unwrap_or_else(|| kms_key.to_owned()), context })
    }

    /// Has KMS decrypt an archive's key. `context` is what the archive is expected to be, not what it claims to be.
    ///
    /// # Errors
    /// As [`DataKey::generate`]; an archive of another environment or operation is refused by KMS.
    pub async fn open(kms: &aws_sdk_kms::Client, header: &Header, context: Context) -> Result<DataKey, ArchiveError> {
        if header.context != context {
            return Err(ArchiveError::Damaged(format!(
                "The archive was made for {}, not for {}. Look at what was put in its place.",
                words(&header.context),
                words(&context)
            )));
        }
        let wrapped = header.wrapped()?;
        let request = kms.decrypt().key_id(&header.kms_key).ciphertext_blob(Blob::new(wrapped.clone()));
        let answer = request.set_encryption_context(Some(pairs(&context))).send().await;
        let answer =
            answer.map_err(|e| failed("kms:Decrypt", &format!("the archive's key under {}", header.kms_key), &e))?;
        let plain = plain(answer.plaintext, &header.kms_key)?;
        Ok(DataKey { plain, wrapped, kms_key: header.kms_key.clone(), context })
    }

    /// The header of an archive under this key.
    pub(super) fn header(&self, engine: Engine) -> Header {
        Header::new(engine, &self.kms_key, &self.wrapped, &self.context)
    }

    pub(super) fn expose(&self) -> &[u8; 32] {
        self.plain.expose_secret()
    }
}

fn pairs(context: &Context) -> std::collections::HashMap<String, String> {
    context.clone().into_iter().collect()
}

fn words(context: &Context) -> String {
    let pairs: Vec<_> = context.iter().map(|(k, v)| format!("{k} = {v}")).collect();
    if pairs.is_empty() { "nobody".to_owned() } else { pairs.join(", ") }
}

fn plain(blob: Option<Blob>, kms_key: &str) -> Result<SecretBox<[u8; 32]>, ArchiveError> {
    let bytes = Zeroizing::new(blob.map(Blob::into_inner).unwrap_or_default());
    if bytes.len() != 32 {
        return Err(ArchiveError::Permanent(format!(
            "KMS key {kms_key} gave a data key of {} bytes instead of 32. Use a symmetric key with usage ENCRYPT_DECRYPT.",
            bytes.len()
        )));
    }
    Ok(SecretBox::init_with_mut(|key: &mut [u8; 32]| key.copy_from_slice(&bytes)))
}
