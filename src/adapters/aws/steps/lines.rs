//! Compressed JSON lines as one object: written in parts as they come, read back a batch at a time. Memory is that of one part,
//! however many lines there are. What fits into one part is put at once.

use std::{io::Write as _, time::Duration};

use aws_sdk_s3::primitives::ByteStream;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;
use zstd::stream::write::{Decoder, Encoder};

use super::{
    super::{
        error::Attempt,
        s3::{self, Object},
        session::Session,
        tags,
    },
    uploads,
};
use crate::{
    adapters::archive::{ArchiveError, Part, PartSink as _, S3Upload, Tally, Written},
    domain::step::Outputs,
    ports::cloud::{Call, CloudError},
};

/// Size of a part; 10,000 of them hold the record of more than a billion objects.
const PART: usize = 8 << 20;
/// zstd's own default.
const LEVEL: i32 = 3;
/// Lines that are given at once.
const BATCH: usize = 500;
/// A line is a key of at most 1,024 bytes and a few ids.
const LONGEST: usize = 64 << 10;
/// The longest that the next piece of a body may be on its way. No time-out of the SDK covers a body.
const PIECE: Duration = Duration::from_secs(60);

/// Lines on their way into one object.
pub(super) struct Lines {
    encoder: Encoder<'static, Vec<u8>>,
    plain: Sha256,
    plain_bytes: u64,
    whole: Sha256,
    whole_bytes: u64,
    /// SHA-256 of the parts so far, one after the other.
    checksums: Vec<u8>,
    count: u64,
    upload: Option<S3Upload>,
}

/// The last line of what is to be acted upon: how many came before it, their SHA-256, and what they come to.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seal {
    end: u64,
    sha256: String,
    sums: serde_json::Value,
}

impl Lines {
    pub(super) fn new() -> Result<Lines, CloudError> {
        Ok(Lines {
            encoder: Encoder::new(Vec::new(), LEVEL).map_err(uncompressed)?,
            plain: Sha256::new(),
            plain_bytes: 0,
            whole: Sha256::new(),
            whole_bytes: 0,
            checksums: Vec::new(),
            count: 0,
            upload: None,
        })
    }

    /// Adds a line.
    pub(super) fn add<L: Serialize>(&mut self, line: &L) -> Result<(), CloudError> {
        let mut text = serde_json::to_vec(line).map_err(|e| uncompressed(e.into()))?;
        text.push(b'\n');
        self.plain.update(&text);
        self.plain_bytes += text.len() as u64;
        self.count += 1;
        self.encoder.write_all(&text).map_err(uncompressed)
    }

    /// Adds the line without which whoever reads it takes it for cut off. It carries what the others come to.
    pub(super) fn seal<S: Serialize>(&mut self, sums: &S) -> Result<(), CloudError> {
        let sums = serde_json::to_value(sums).map_err(|e| uncompressed(e.into()))?;
        let seal = Seal { end: self.count, sha256: hex::encode(self.plain.clone().finalize()), sums };
        self.add(&seal)
    }

    /// Sends what fills a part.
    pub(super) async fn send(&mut self, session: &Session, call: &Call, object: &Object<'_>) -> Result<(), CloudError> {
        if self.encoder.get_ref().len() < PART {
            return Ok(());
        }
        let bytes = std::mem::take(self.encoder.get_mut());
        let part = self.cut(bytes);
        let upload = match &mut self.upload {
            Some(upload) => upload,
            None => {
                let (place, tags) = (uploads::place(object), tags::of(call));
                let upload = S3Upload::new(session.s3().clone(), place, None, &tags, s3::by(call)).await?;
                self.upload.insert(upload)
            }
        };
        Ok(upload.put(part).await?)
    }

    fn cut(&mut self, bytes: Vec<u8>) -> Part {
        let sha256: [u8; 32] = Sha256::digest(&bytes).into();
        self.whole.update(&bytes);
        self.whole_bytes += bytes.len() as u64;
        self.checksums.extend_from_slice(&sha256);
        Part { number: u32::try_from(self.checksums.len() / 32).unwrap_or(u32::MAX), bytes: bytes.into(), sha256 }
    }

    /// Makes the object of it. `metadata` is written on it where it is put at once.
    pub(super) async fn finish(
        mut self,
        session: &Session,
        call: &Call,
        object: &Object<'_>,
        metadata: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Outputs, CloudError> {
        let fresh = Encoder::new(Vec::new(), LEVEL).map_err(uncompressed)?;
        let rest = std::mem::replace(&mut self.encoder, fresh).finish().map_err(uncompressed)?;
        let last = self.cut(rest);
        let Some(upload) = self.upload.take() else {
            let body = Zeroizing::new(last.bytes.to_vec());
            return Ok(s3::put_once(session, object, body, metadata, call).await?.outputs);
        };
        let parts = last.number;
        let written = Written {
            bytes_plain: self.plain_bytes,
            sha256_plain: hex::encode(self.plain.finalize()),
            bytes_archive: self.whole_bytes,
            sha256_archive: hex::encode(self.whole.finalize()),
            checksum: format!("{}-{parts}", BASE64.encode(Sha256::digest(&self.checksums))),
            parts,
            held: Tally::default(),
        };
        complete(upload, last, written).await
    }
}

async fn complete(mut upload: S3Upload, last: Part, written: Written) -> Result<Outputs, CloudError> {
    upload.put(last).await?;
    match upload.complete(&written).await {
        Ok(()) => {}
        // Whether it was stored is not known; it must not be aborted either.
        Err(error @ ArchiveError::Unknown(_)) => return Err(error.into()),
        Err(error) => {
            upload.abort().await;
            return Err(error.into());
        }
    }
    Ok(Outputs::from([
        (s3::SHA256.to_owned(), written.checksum),
        ("size".to_owned(), written.bytes_archive.to_string()),
    ]))
}

fn uncompressed(error: std::io::Error) -> CloudError {
    CloudError::Permanent { reason: format!("The record could not be written: {error}. Report this.") }
}

/// A sealed object of lines, read to its end once: whole, and the one that is read again.
pub(super) struct Whole {
    etag: String,
    sums: serde_json::Value,
}

/// Reads it to its end, so that nothing is done on the word of half a list.
pub(super) async fn whole(session: &Session, object: &Object<'_>) -> Result<Whole, CloudError> {
    let (mut reading, etag) = open(session, object, None).await?;
    while reading.raw().await?.is_some() {}
    match reading.sealed.take() {
        Some(sums) => Ok(Whole { etag, sums }),
        None => Err(reading.broken("it stops before its end")),
    }
}

impl Whole {
    /// What its lines come to.
    pub(super) fn sums<S: DeserializeOwned>(&self) -> Option<S> {
        serde_json::from_value(self.sums.clone()).ok()
    }

    /// Reads it again, a batch at a time.
    pub(super) async fn read<'s>(&self, session: &'s Session, object: &Object<'_>) -> Result<Reading<'s>, CloudError> {
        Ok(open(session, object, Some(&self.etag)).await?.0)
    }
}

async fn open<'s>(
    session: &'s Session,
    object: &Object<'_>,
    etag: Option<&str>,
) -> Result<(Reading<'s>, String), CloudError> {
    let attempt = session.reads("s3:GetObject", object.name());
    let request = session.s3().get_object().bucket(object.bucket).key(object.key);
    let request = request.expected_bucket_owner(object.account).set_if_match(etag.map(str::to_owned));
    let answer = request.send().await.map_err(|e| attempt.failed(e))?;
    let etag = answer.e_tag.unwrap_or_default();
    let decoder = Decoder::new(Vec::new()).map_err(uncompressed)?;
    let reading =
        Reading { attempt, body: answer.body, decoder, from: 0, plain: Sha256::new(), count: 0, sealed: None };
    Ok((reading, etag))
}

/// Lines on their way out of one object.
pub(super) struct Reading<'s> {
    attempt: Attempt<'s>,
    body: ByteStream,
    decoder: Decoder<'static, Vec<u8>>,
    /// Where in what is decoded the next line begins.
    from: usize,
    plain: Sha256,
    count: u64,
    /// What the last line says, once it was read.
    sealed: Option<serde_json::Value>,
}

impl Reading<'_> {
    /// The next lines; none once the seal was read.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<Vec<T>>, CloudError> {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let Some(line) = self.raw().await? else { break };
            batch.push(serde_json::from_slice(&line).map_err(|e| self.broken(&format!("a line is amiss ({e})")))?);
        }
        Ok((!batch.is_empty()).then_some(batch))
    }

    async fn raw(&mut self) -> Result<Option<Vec<u8>>, CloudError> {
        loop {
            if self.sealed.is_some() {
                return Ok(None);
            }
            let decoded = self.decoder.get_ref();
            if let Some(end) = decoded[self.from..].iter().position(|byte| *byte == b'\n') {
                let line = decoded[self.from..self.from + end].to_vec();
                self.from += end + 1;
                if let Ok(seal) = serde_json::from_slice::<Seal>(&line) {
                    let sha256 = hex::encode(self.plain.clone().finalize());
                    if (seal.end, seal.sha256) != (self.count, sha256) {
                        return Err(self.broken("its last line does not fit the others"));
                    }
                    self.sealed = Some(seal.sums);
                    continue;
                }
                self.plain.update(&line);
                self.plain.update(b"\n");
                self.count += 1;
                return Ok(Some(line));
            }
            if decoded.len() - self.from > LONGEST {
                return Err(self.broken("a line does not end"));
            }
            if !self.fill().await? {
                return Err(self.broken("it stops before its end"));
            }
        }
    }

    /// Decodes the next piece of the body; false at its end.
    async fn fill(&mut self) -> Result<bool, CloudError> {
        let late = || self.attempt.later("it did not come within its time", None);
        let piece = timeout(PIECE, self.body.next()).await.map_err(|_| late())?;
        self.decoder.get_mut().drain(..std::mem::take(&mut self.from));
        match piece {
            None => Ok(false),
            Some(Ok(piece)) => {
                let written = self.decoder.write_all(&piece).and_then(|()| self.decoder.flush());
                written.map_err(|_| self.broken("it is not what was compressed"))?;
                Ok(true)
            }
            // The cause says it, and not the error itself.
            Some(Err(error)) if format!("{error:?}").to_ascii_lowercase().contains("checksum") => {
                Err(self.broken("it is not what S3 was given: its checksum is another one"))
            }
            Some(Err(error)) => Err(self.attempt.later(&format!("it could not be read to its end ({error})"), None)),
        }
    }

    fn broken(&self, why: &str) -> CloudError {
        self.attempt.never(why, "Nothing was done on its word. Ask anew, which makes another list.")
    }
}
