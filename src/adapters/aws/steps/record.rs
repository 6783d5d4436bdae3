//! The record of a bucket: which version of every object was the current one, as compressed JSON lines.
//!
//! Memory is that of one page and one part, however many objects there are. A record that fits into one part is put at once.

use std::{io::Write as _, sync::Arc};

use aws_sdk_s3::types::{EncodingType, ObjectVersion};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use secrecy::zeroize::Zeroizing;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use zstd::stream::write::Encoder;

use super::{
    super::{
        background::{Outcome, Teller},
        s3::{self, Object},
        session::Session,
        tags,
    },
    At, Change, objects, uploads,
};
use crate::{
    adapters::archive::{ArchiveError, Part, PartSink as _, S3Upload, Tally, Written},
    domain::{
        moment::Moment,
        step::{BucketRecord, Outputs},
        text::count,
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// Size of a part; 10,000 of them hold the record of more than a billion objects.
const PART: usize = 8 << 20;
/// zstd's own default.
const LEVEL: i32 = 3;
/// What S3 gives at once.
const PAGE: i32 = 1000;
/// Metadata key with the bytes of all recorded objects.
const BYTES: &str = "bbws-bytes";

/// One line of the record.
#[derive(Serialize)]
struct Line<'a> {
    key: &'a str,
    version: &'a str,
    size: i64,
    etag: &'a str,
    modified: Option<String>,
}

/// Where the listing continues.
#[derive(Debug, Default)]
struct Marker {
    key: Option<String>,
    version: Option<String>,
}

impl Change for BucketRecord {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        objects::written(at, &self.bucket, &self.key).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let (session, call, what) = (Arc::clone(&at.session), at.call.clone(), self.clone());
        let work = |tell| write(session, call, what, tell);
        uploads::start(at, &at.object(&self.bucket, &self.key), work).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        uploads::poll(at, &at.object(&self.bucket, &self.key), found).await
    }
}

/// Lists the bucket and writes the record. Nothing was stored when it fails, except with `Unknown`, when nobody knows.
async fn write(session: Arc<Session>, call: Call, what: BucketRecord, tell: Teller) -> Outcome {
    let BucketRecord { source, bucket, key, .. } = &what;
    let object = Object { account: &call.environment.account, bucket, key };
    let mut record = Record::new()?;
    let mut upload: Option<S3Upload> = None;
    let mut marker = Marker::default();
    loop {
        let (versions, next) = page(&session, source, object.account, marker).await?;
        for version in versions.iter().filter(|version| version.is_latest() == Some(true)) {
            record.add(version)?;
        }
        tell.tell(None, count(record.objects, "object"));
        if record.waiting() >= PART {
            put(&session, &call, &object, &mut upload, record.part()).await?;
        }
        match next {
            Some(next) => marker = next,
            None => break,
        }
    }
    let end = record.end()?;
    let (numbers, stored) = match upload {
        None => put_whole(&session, &call, &object, end).await?,
        Some(upload) => complete(upload, end).await?,
    };
    Ok(finished(numbers, stored))
}

/// What a record that is there already says of itself; how many objects are in it only where it was put at once.
fn found(made: Started) -> Progress {
    let mut outputs = made.outputs;
    let objects = outputs.remove("count").filter(|count| !count.is_empty());
    let detail = objects.as_ref().map_or_else(
        || "recorded".to_owned(),
        |objects| format!("{objects} object{}", if objects == "1" { "" } else { "s" }),
    );
    outputs.extend(objects.map(|count| ("objects".to_owned(), count)));
    Progress::Done { detail, outputs }
}

fn finished(numbers: Numbers, mut outputs: Outputs) -> Progress {
    let detail = format!("{}, {}", count(numbers.objects, "object"), uploads::bytes(numbers.bytes));
    outputs.remove("count");
    outputs.insert("objects".to_owned(), numbers.objects.to_string());
    outputs.insert("bytes".to_owned(), numbers.bytes.to_string());
    Progress::Done { outputs, detail }
}

async fn put_whole(
    session: &Session,
    call: &Call,
    object: &Object<'_>,
    end: End,
) -> Result<(Numbers, Outputs), CloudError> {
    let metadata = [(s3::COUNT, end.numbers.objects.to_string()), (BYTES, end.numbers.bytes.to_string())];
    let body = Zeroizing::new(end.last.bytes.to_vec());
    let put = s3::put_once(session, object, body, metadata, call).await?;
    Ok((end.numbers, put.outputs))
}

async fn put(
    session: &Session,
    call: &Call,
    object: &Object<'_>,
    upload: &mut Option<S3Upload>,
    part: Part,
) -> Result<(), CloudError> {
    let upload = match upload {
        Some(upload) => upload,
        None => {
            let (place, tags) = (uploads::place(object), tags::of(call));
            upload.insert(S3Upload::new(session.s3().clone(), place, None, &tags, s3::by(call)).await?)
        }
    };
    Ok(upload.put(part).await?)
}

async fn complete(mut upload: S3Upload, end: End) -> Result<(Numbers, Outputs), CloudError> {
    let written = end.written;
    upload.put(end.last).await?;
    match upload.complete(&written).await {
        Ok(()) => {}
        // Whether it was stored is not known; it must not be aborted either.
        Err(error @ ArchiveError::Unknown(_)) => return Err(error.into()),
        Err(error) => {
            upload.abort().await;
            return Err(error.into());
        }
    }
    let outputs = Outputs::from([
        (s3::SHA256.to_owned(), written.checksum),
        ("size".to_owned(), written.bytes_archive.to_string()),
    ]);
    Ok((end.numbers, outputs))
}

/// One page of versions, with keys as they are, and where the next one begins.
async fn page(
    session: &Session,
    bucket: &str,
    account: &str,
    from: Marker,
) -> Result<(Vec<ObjectVersion>, Option<Marker>), CloudError> {
    let attempt = session.reads("s3:ListBucketVersions", format!("objects of bucket {bucket}"));
    let request = session.s3().list_object_versions().bucket(bucket).expected_bucket_owner(account);
    // Without an encoding a key with control characters would make the XML unreadable.
    let request = request.max_keys(PAGE).encoding_type(EncodingType::Url);
    let request = request.set_key_marker(from.key).set_version_id_marker(from.version);
    let answer = request.send().await.map_err(|e| attempt.failed(e))?;
    let encoded = answer.encoding_type == Some(EncodingType::Url);
    let plain = |key: String| if encoded { decoded(&key) } else { key };
    let next = Marker { key: answer.next_key_marker.map(plain), version: answer.next_version_id_marker };
    let more = s3::goes_on(answer.is_truncated, next.key.is_some(), &attempt)?;
    let mut versions = answer.versions.unwrap_or_default();
    for version in &mut versions {
        version.key = version.key.take().map(plain);
    }
    Ok((versions, more.then_some(next)))
}

/// S3 encodes keys as forms do.
fn decoded(key: &str) -> String {
    let pairs: Result<Vec<(String, String)>, _> = serde_urlencoded::from_str(&format!("key={key}"));
    pairs.ok().and_then(|pairs| pairs.into_iter().next()).map_or_else(|| key.to_owned(), |(_, key)| key)
}

/// How much was recorded.
#[derive(Debug, Clone, Copy, Default)]
struct Numbers {
    objects: u64,
    bytes: u64,
}

/// The record as it grows.
struct Record {
    encoder: Encoder<'static, Vec<u8>>,
    plain: Sha256,
    plain_bytes: u64,
    whole: Sha256,
    whole_bytes: u64,
    /// SHA-256 of the parts so far, one after the other.
    checksums: Vec<u8>,
    objects: u64,
    bytes: u64,
}

struct End {
    last: Part,
    written: Written,
    numbers: Numbers,
}

impl Record {
    fn new() -> Result<Record, CloudError> {
        Ok(Record {
            encoder: Encoder::new(Vec::new(), LEVEL).map_err(uncompressed)?,
            plain: Sha256::new(),
            plain_bytes: 0,
            whole: Sha256::new(),
            whole_bytes: 0,
            checksums: Vec::new(),
            objects: 0,
            bytes: 0,
        })
    }

    fn add(&mut self, version: &ObjectVersion) -> Result<(), CloudError> {
        let line = Line {
            key: version.key().unwrap_or_default(),
            version: version.version_id().unwrap_or_default(),
            size: version.size().unwrap_or(0),
            etag: version.e_tag().unwrap_or_default().trim_matches('"'),
            modified: version.last_modified().and_then(|t| t.to_millis().ok()).map(|millis| Moment(millis).iso()),
        };
        let mut text = serde_json::to_vec(&line).map_err(|e| uncompressed(e.into()))?;
        text.push(b'\n');
        self.plain.update(&text);
        self.plain_bytes += text.len() as u64;
        self.objects += 1;
        self.bytes += u64::try_from(line.size).unwrap_or(0);
        self.encoder.write_all(&text).map_err(uncompressed)
    }

    /// Compressed bytes that wait for a part.
    fn waiting(&self) -> usize {
        self.encoder.get_ref().len()
    }

    /// Everything that waits.
    fn part(&mut self) -> Part {
        let bytes = std::mem::take(self.encoder.get_mut());
        self.cut(bytes)
    }

    fn cut(&mut self, bytes: Vec<u8>) -> Part {
        let sha256: [u8; 32] = Sha256::digest(&bytes).into();
        self.whole.update(&bytes);
        self.whole_bytes += bytes.len() as u64;
        self.checksums.extend_from_slice(&sha256);
        Part { number: u32::try_from(self.checksums.len() / 32).unwrap_or(u32::MAX), bytes: bytes.into(), sha256 }
    }

    fn end(mut self) -> Result<End, CloudError> {
        let fresh = Encoder::new(Vec::new(), LEVEL).map_err(uncompressed)?;
        let rest = std::mem::replace(&mut self.encoder, fresh).finish().map_err(uncompressed)?;
        let last = self.cut(rest);
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
        Ok(End { last, written, numbers: Numbers { objects: self.objects, bytes: self.bytes } })
    }
}

fn uncompressed(error: std::io::Error) -> CloudError {
    CloudError::Permanent { reason: format!("The record could not be written: {error}. Report this.") }
}
