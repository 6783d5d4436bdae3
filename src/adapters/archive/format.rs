//! How an archive looks: magic, header, sealed chunks; inside of them a zstd stream that ends in a trailer.
//!
//! ```text
//! BBWSDUMP1 | length of the header, u32 big endian | header, JSON | chunk 0 | chunk 1 | … | last chunk
//! chunk = AES-256-GCM(STREAM BE32: nonce prefix, counter, last flag; associated data: everything before chunk 0)
//! all chunks decrypted = zstd frame | skippable zstd frame: plain bytes u64 little endian, SHA-256 of them
//! ```
//!
//! So `zstd -d` reads what the chunks decrypt to, and an archive proves itself without any record of ours.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

use super::ArchiveError;
use crate::domain::environment::Engine;

/// What every archive of this version begins with.
pub const MAGIC: &[u8; 9] = b"BBWSDUMP1";
/// Magic and length.
pub(super) const PREAMBLE: usize = MAGIC.len() + 4;
/// Plaintext of a chunk; only the last one is shorter.
pub(super) const CHUNK: usize = 1 << 20;
/// What sealing adds to a chunk.
pub(super) const TAG: usize = 16;
/// Bytes of the nonce that all chunks share.
pub(super) const NONCE_PREFIX: usize = 7;
/// The trailer as a skippable frame: magic, length, plain bytes, SHA-256.
pub(super) const TRAILER: usize = 4 + 4 + 8 + 32;
/// A header that claims to be longer is not one. Most of it are the roles of a PostgreSQL server.
const LONGEST_HEADER: usize = 1 << 20;
const SKIPPABLE: u32 = 0x184D_2A5B;
const COMPRESSION: &str = "zstd";

/// What has to be known to open an archive. It is readable by everybody and authenticated with every chunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// What was dumped, and so what reads it.
    pub engine: Engine,
    /// KMS key under which the data key is encrypted.
    pub kms_key: String,
    /// The data key as KMS encrypted it, base64.
    pub data_key: String,
    /// Encryption context that KMS wants to see again.
    pub context: BTreeMap<String, String>,
    /// Nonce prefix, hex.
    pub nonce: String,
    /// `zstd`.
    pub compression: String,
    /// Plaintext bytes per chunk.
    pub chunk: usize,
    /// PostgreSQL: roles and what else belongs to the whole server, which no dump of a database holds. Sealed, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub globals: Option<String>,
}

impl Header {
    /// A header with a fresh nonce prefix; `data_key` is what KMS encrypted.
    pub(super) fn new(engine: Engine, kms_key: &str, data_key: &[u8], context: &BTreeMap<String, String>) -> Header {
        Header {
            engine,
            kms_key: kms_key.to_owned(),
            data_key: BASE64.encode(data_key),
            context: context.clone(),
            nonce: hex::encode(rand::random::<[u8; NONCE_PREFIX]>()),
            compression: COMPRESSION.to_owned(),
            chunk: CHUNK,
            globals: None,
        }
    }

    /// The archive's first bytes, which are the associated data of every chunk too.
    pub(super) fn encode(&self) -> Result<Vec<u8>, ArchiveError> {
        let unwritable =
            |why: String| ArchiveError::Permanent(format!("The archive's header cannot be written: {why}."));
        let json = serde_json::to_vec(self).map_err(|e| unwritable(e.to_string()))?;
        let length = u32::try_from(json.len()).ok().filter(|_| json.len() <= LONGEST_HEADER);
        let length = length.ok_or_else(|| unwritable(format!("it would have {} bytes", json.len())))?;
        Ok([MAGIC.as_slice(), &length.to_be_bytes(), &json].concat())
    }

    /// Length of the JSON that follows the preamble.
    pub(super) fn length(preamble: &[u8; PREAMBLE]) -> Result<usize, ArchiveError> {
        let Some((magic, length)) = preamble.split_first_chunk::<9>() else { return Err(not_ours("it is empty")) };
        if magic != MAGIC {
            return Err(not_ours("it does not begin with BBWSDUMP1"));
        }
        let length = length.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        if length > LONGEST_HEADER { Err(not_ours("its header would be too long")) } else { Ok(length) }
    }

    /// The header in its JSON.
    pub(super) fn decode(json: &[u8]) -> Result<Header, ArchiveError> {
        let header: Header =
            serde_json::from_slice(json).map_err(|e| not_ours(&format!("its header is unreadable ({e})")))?;
        if header.chunk == 0 || header.chunk > 16 * CHUNK || header.compression != COMPRESSION {
            return Err(not_ours("its header names a compression or chunk size that this version does not read"));
        }
        Ok(header)
    }

    /// The nonce prefix.
    pub(super) fn nonce(&self) -> Result<[u8; NONCE_PREFIX], ArchiveError> {
        let bytes = hex::decode(&self.nonce).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| not_ours("its header has no nonce of 7 bytes"))
    }

    /// The data key as KMS encrypted it.
    pub(super) fn wrapped(&self) -> Result<Vec<u8>, ArchiveError> {
        BASE64.decode(&self.data_key).map_err(|_| not_ours("the data key in its header is not base64"))
    }
}

/// Not an archive, or one whose first bytes were changed.
pub(super) fn not_ours(why: &str) -> ArchiveError {
    ArchiveError::Damaged(format!(
        "This is not an archive of bbws that can be read: {why}. Do not restore from it; dump again."
    ))
}

/// The trailer, a skippable frame of zstd.
pub(super) fn trailer(bytes: u64, sha256: &[u8; 32]) -> Vec<u8> {
    let length = u32::try_from(TRAILER - 8).unwrap_or_default();
    [SKIPPABLE.to_le_bytes().as_slice(), &length.to_le_bytes(), &bytes.to_le_bytes(), sha256].concat()
}

/// What the trailer promises: bytes and SHA-256.
pub(super) fn read_trailer(frame: &[u8]) -> Option<(u64, [u8; 32])> {
    let (bytes, sha256) = (frame.get(8..16)?.try_into().ok()?, frame.get(16..TRAILER)?.try_into().ok()?);
    let (bytes, sha256) = (u64::from_le_bytes(bytes), sha256);
    (frame == trailer(bytes, &sha256)).then_some((bytes, sha256))
}
