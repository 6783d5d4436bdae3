//! From plaintext to parts: hash, compress, seal, hash again. Synchronous; runs on a thread of its own.

use std::{
    io::{self, Write},
    mem,
};

use aead_stream::{EncryptorBE32, NewStream as _, StreamBE32};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{
    ArchiveError, Written,
    format::{CHUNK, Header, TAG, trailer},
    key::DataKey,
    tally::Tally,
};

/// zstd's own default: about three times gzip's speed at a better ratio.
const LEVEL: i32 = 3;
const UNCOMPRESSED: &str = "The dump could not be compressed";

/// A part of the archive, in order.
#[derive(Debug, Clone)]
pub struct Part {
    /// From 1.
    pub number: u32,
    /// Ciphertext.
    pub bytes: Bytes,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
}

/// How an archive is cut into parts. Only the last part may be smaller than the plan says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartPlan {
    /// Bytes of the first parts.
    pub first: usize,
    /// How many of those.
    pub firsts: u32,
    /// Bytes of every later part.
    pub later: usize,
    /// Parts in all.
    pub most: u32,
}

impl PartPlan {
    /// Within what S3 takes: parts of 5 MiB to 5 GiB, 10,000 of them. Small ones first, since most archives are small and
    /// three parts are in memory at once.
    pub const S3: PartPlan = PartPlan { first: 16 << 20, firsts: 2000, later: 64 << 20, most: 10_000 };

    /// Bytes of the part with this number.
    pub fn size(&self, number: u32) -> usize {
        if number <= self.firsts { self.first } else { self.later }
    }

    /// Bytes of the largest archive.
    pub fn largest(&self) -> u64 {
        let later = self.most.saturating_sub(self.firsts);
        u64::from(self.firsts.min(self.most)) * self.first as u64 + u64::from(later) * self.later as u64
    }
}

/// The whole way from plaintext to parts, which are given to `emit` one by one.
pub(super) struct Sealer<F: FnMut(Part) -> io::Result<()>> {
    encoder: zstd::stream::write::Encoder<'static, Chunks<F>>,
    sha256: Sha256,
    bytes: u64,
}

impl<F: FnMut(Part) -> io::Result<()>> Sealer<F> {
    pub(super) fn new(header: &Header, key: &DataKey, plan: PartPlan, emit: F) -> Result<Sealer<F>, ArchiveError> {
        let associated = header.encode()?;
        let mut parts = Parts::new(plan, emit);
        parts
            .write_all(&associated)
            .map_err(|e| ArchiveError::from_io(e, "The archive's header could not be written"))?;
        let stream = StreamBE32::from_aead(Aes256Gcm::new(key.expose().into()), &header.nonce()?.into());
        let chunks = Chunks {
            encryptor: EncryptorBE32::from_stream_primitive(stream),
            associated,
            buffer: Vec::with_capacity(CHUNK + TAG),
            parts,
        };
        let encoder =
            zstd::stream::write::Encoder::new(chunks, LEVEL).map_err(|e| ArchiveError::from_io(e, UNCOMPRESSED))?;
        Ok(Sealer { encoder, sha256: Sha256::new(), bytes: 0 })
    }

    /// More of the dump.
    pub(super) fn write(&mut self, plain: &[u8]) -> Result<(), ArchiveError> {
        self.sha256.update(plain);
        self.bytes += plain.len() as u64;
        self.encoder.write_all(plain).map_err(|e| ArchiveError::from_io(e, UNCOMPRESSED))
    }

    /// The dump is complete: seals the last chunk. Without this an archive cannot be opened.
    pub(super) fn finish(self) -> Result<Written, ArchiveError> {
        let sha256: [u8; 32] = self.sha256.finalize().into();
        let mut chunks = self.encoder.finish().map_err(|e| ArchiveError::from_io(e, UNCOMPRESSED))?;
        let archive = chunks
            .write_all(&trailer(self.bytes, &sha256))
            .and_then(|()| chunks.finish())
            .map_err(|e| ArchiveError::from_io(e, "The last part could not be written"))?;
        Ok(Written {
            bytes_plain: self.bytes,
            sha256_plain: hex::encode(sha256),
            bytes_archive: archive.bytes,
            sha256_archive: hex::encode(archive.sha256.finalize()),
            checksum: archive.checksum.finish(),
            parts: archive.number,
            held: Tally::default(),
        })
    }
}

/// Seals every full chunk.
struct Chunks<F: FnMut(Part) -> io::Result<()>> {
    encryptor: EncryptorBE32<Aes256Gcm>,
    associated: Vec<u8>,
    buffer: Vec<u8>,
    parts: Parts<F>,
}

impl<F: FnMut(Part) -> io::Result<()>> Chunks<F> {
    fn finish(mut self) -> io::Result<Parts<F>> {
        self.encryptor.encrypt_last_in_place(&self.associated, &mut self.buffer).map_err(|_| unsealed())?;
        self.parts.write_all(&self.buffer)?;
        self.parts.emit_part()?;
        Ok(self.parts)
    }
}

impl<F: FnMut(Part) -> io::Result<()>> Write for Chunks<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Only when more follows: the last chunk is sealed as the last one, be it full or not.
        if self.buffer.len() == CHUNK {
            self.encryptor.encrypt_next_in_place(&self.associated, &mut self.buffer).map_err(|_| unsealed())?;
            self.parts.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        let taken = bytes.len().min(CHUNK - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn unsealed() -> io::Error {
    io::Error::other(ArchiveError::Permanent(
        "The dump could not be encrypted: it has more chunks than one key may seal. Dump fewer schemas at once.".into(),
    ))
}

/// Gathers sealed bytes into parts.
struct Parts<F: FnMut(Part) -> io::Result<()>> {
    plan: PartPlan,
    emit: F,
    buffer: Vec<u8>,
    number: u32,
    bytes: u64,
    sha256: Sha256,
    checksum: Checksum,
}

impl<F: FnMut(Part) -> io::Result<()>> Parts<F> {
    fn new(plan: PartPlan, emit: F) -> Parts<F> {
        Parts {
            plan,
            emit,
            buffer: Vec::new(),
            number: 0,
            bytes: 0,
            sha256: Sha256::new(),
            checksum: Checksum::default(),
        }
    }

    fn emit_part(&mut self) -> io::Result<()> {
        if self.number == self.plan.most {
            return Err(io::Error::other(ArchiveError::Permanent(format!(
                "The archive would be larger than the {} bytes that S3 takes in {} parts. Dump fewer schemas at once.",
                self.plan.largest(),
                self.plan.most
            ))));
        }
        self.number += 1;
        let bytes = Bytes::from(mem::take(&mut self.buffer));
        self.bytes += bytes.len() as u64;
        self.sha256.update(&bytes);
        let sha256 = Sha256::digest(&bytes).into();
        self.checksum.part(sha256);
        (self.emit)(Part { number: self.number, bytes, sha256 })
    }
}

impl<F: FnMut(Part) -> io::Result<()>> Write for Parts<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let size = self.plan.size(self.number + 1);
        if self.buffer.len() >= size {
            self.emit_part()?;
        }
        let size = self.plan.size(self.number + 1);
        let taken = bytes.len().min(size - self.buffer.len());
        if self.buffer.len() + taken > self.buffer.capacity() {
            // Doubling would end far above the size of a part.
            let wanted = (self.buffer.capacity() * 2).clamp(taken, size.max(taken));
            self.buffer.reserve_exact(wanted.saturating_sub(self.buffer.len()).max(taken));
        }
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// S3's checksum of an object in parts: the SHA-256 of their SHA-256s, and how many they are.
#[derive(Debug, Default, Clone)]
pub(super) struct Checksum {
    all: Sha256,
    parts: u32,
}

impl Checksum {
    pub(super) fn part(&mut self, sha256: [u8; 32]) {
        self.all.update(sha256);
        self.parts += 1;
    }

    pub(super) fn finish(self) -> String {
        format!("{}-{}", BASE64.encode(self.all.finalize()), self.parts)
    }
}
