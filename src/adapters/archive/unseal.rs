//! From an archive's chunks back to plaintext: hash, open, decompress, hash again. Synchronous; runs on a thread of its own.

use std::io::{self, Write};

use aead_stream::{DecryptorBE32, NewStream as _, StreamBE32};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use sha2::{Digest as _, Sha256};

use super::{
    ArchiveError,
    format::{Header, TRAILER, read_trailer},
    key::DataKey,
    seal::{Checksum, PartPlan},
};

/// What the whole archive turned out to be.
#[derive(Debug)]
pub(super) struct Opened<W> {
    pub(super) bytes_plain: u64,
    pub(super) sha256_plain: String,
    pub(super) bytes_archive: u64,
    pub(super) sha256_archive: String,
    pub(super) checksum: String,
    pub(super) writer: W,
}

impl<W> Opened<W> {
    /// What became of its writer, and the rest.
    pub(super) fn split<V>(self, of: impl FnOnce(W) -> V) -> (V, Opened<()>) {
        let opened = Opened {
            bytes_plain: self.bytes_plain,
            sha256_plain: self.sha256_plain,
            bytes_archive: self.bytes_archive,
            sha256_archive: self.sha256_archive,
            checksum: self.checksum,
            writer: (),
        };
        (of(self.writer), opened)
    }
}

/// Takes chunks in order and writes plaintext, which is to be trusted only after [`Opener::finish`].
pub(super) struct Opener<W: Write> {
    decryptor: Option<DecryptorBE32<Aes256Gcm>>,
    associated: Vec<u8>,
    /// The last bytes so far, which may be the trailer.
    held: Vec<u8>,
    decoder: zstd::stream::write::Decoder<'static, Counted<W>>,
    archive: Ciphertext,
    chunks: u64,
}

impl<W: Write> Opener<W> {
    /// `associated` is everything that came before the first chunk.
    pub(super) fn new(
        header: &Header,
        associated: Vec<u8>,
        key: &DataKey,
        plan: PartPlan,
        writer: W,
    ) -> Result<Opener<W>, ArchiveError> {
        let stream = StreamBE32::from_aead(Aes256Gcm::new(key.expose().into()), &header.nonce()?.into());
        let counted = Counted { writer, sha256: Sha256::new(), bytes: 0 };
        let decoder = zstd::stream::write::Decoder::new(counted).map_err(undone)?;
        let mut archive = Ciphertext::new(plan);
        archive.update(&associated);
        Ok(Opener {
            decryptor: Some(DecryptorBE32::from_stream_primitive(stream)),
            associated,
            held: Vec::new(),
            decoder,
            archive,
            chunks: 0,
        })
    }

    /// One sealed chunk.
    pub(super) fn chunk(&mut self, mut sealed: Vec<u8>, last: bool) -> Result<(), ArchiveError> {
        self.archive.update(&sealed);
        let refused = || {
            ArchiveError::Damaged(format!(
                "Chunk {} of the archive cannot be opened: it was changed, cut or moved, or the key is another one. \
                 Do not restore from it; dump again.",
                self.chunks
            ))
        };
        let opened = match (last, self.decryptor.take()) {
            (_, None) => return Err(refused()),
            (true, Some(decryptor)) => decryptor.decrypt_last_in_place(&self.associated, &mut sealed),
            (false, Some(mut decryptor)) => {
                let opened = decryptor.decrypt_next_in_place(&self.associated, &mut sealed);
                self.decryptor = Some(decryptor);
                opened
            }
        };
        opened.map_err(|_| refused())?;
        self.chunks += 1;
        self.held.append(&mut sealed);
        let sure = self.held.len().saturating_sub(TRAILER);
        self.decoder.write_all(&self.held[..sure]).map_err(undone)?;
        self.held.drain(..sure);
        Ok(())
    }

    /// Nothing follows: compares what came out with what the trailer promises.
    pub(super) fn finish(mut self) -> Result<Opened<W>, ArchiveError> {
        let wrong = |why: &str| {
            ArchiveError::Damaged(format!("The archive is not complete: {why}. Do not restore from it; dump again."))
        };
        if self.decryptor.is_some() {
            return Err(wrong("its last chunk is missing"));
        }
        let (bytes, sha256) = read_trailer(&self.held).ok_or_else(|| wrong("it does not end in its trailer"))?;
        self.decoder.flush().map_err(undone)?;
        let counted = self.decoder.into_inner();
        let found: [u8; 32] = counted.sha256.finalize().into();
        if (bytes, sha256) != (counted.bytes, found) {
            return Err(wrong(&format!("{} bytes came out of it, and not the {bytes} that went in", counted.bytes)));
        }
        let (bytes_archive, sha256_archive, checksum) = self.archive.finish();
        Ok(Opened {
            bytes_plain: bytes,
            sha256_plain: hex::encode(sha256),
            bytes_archive,
            sha256_archive,
            checksum,
            writer: counted.writer,
        })
    }
}

fn undone(error: io::Error) -> ArchiveError {
    match error.downcast::<ArchiveError>() {
        Ok(own) => own,
        Err(error) => ArchiveError::Damaged(format!(
            "The archive cannot be decompressed: {error}. Do not restore from it; dump again."
        )),
    }
}

/// Hashes what passes.
struct Counted<W> {
    writer: W,
    sha256: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write_all(bytes)?;
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// Hashes of the archive as it is stored: the whole, and as S3 sums up its parts.
struct Ciphertext {
    plan: PartPlan,
    all: Sha256,
    bytes: u64,
    part: Sha256,
    /// Bytes of the current part that are still to come.
    left: usize,
    number: u32,
    checksum: Checksum,
}

impl Ciphertext {
    fn new(plan: PartPlan) -> Ciphertext {
        let (all, part, checksum) = (Sha256::new(), Sha256::new(), Checksum::default());
        Ciphertext { plan, all, bytes: 0, part, left: plan.size(1), number: 1, checksum }
    }

    fn update(&mut self, mut bytes: &[u8]) {
        self.all.update(bytes);
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            if self.left == 0 {
                self.checksum.part(self.part.finalize_reset().into());
                self.number += 1;
                self.left = self.plan.size(self.number);
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.left));
            self.part.update(now);
            self.left -= now.len();
            bytes = later;
        }
    }

    fn finish(mut self) -> (u64, String, String) {
        self.checksum.part(self.part.finalize().into());
        (self.bytes, hex::encode(self.all.finalize()), self.checksum.finish())
    }
}
