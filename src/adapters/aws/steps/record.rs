//! The record of a bucket: which version of every object was the current one, as compressed JSON lines.

use std::sync::Arc;

use aws_sdk_s3::types::{DeleteMarkerEntry, EncodingType, ObjectVersion};
use serde::Serialize;

use super::{
    super::{
        background::{Outcome, Teller},
        s3::{self, Object},
        session::Session,
    },
    At, Change,
    lines::Lines,
    objects, uploads,
};
use crate::{
    domain::{
        moment::Moment,
        step::{BucketRecord, Outputs},
        text::count,
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

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
pub(super) struct Marker {
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
    let (mut lines, mut numbers) = (Lines::new()?, Numbers::default());
    let mut marker = Marker::default();
    loop {
        let (page, next) = page(&session, source, "", object.account, marker).await?;
        for version in page.versions.iter().filter(|version| version.is_latest() == Some(true)) {
            add(&mut lines, &mut numbers, version)?;
        }
        tell.tell(None, count(numbers.objects, "object"));
        lines.send(&session, &call, &object).await?;
        match next {
            Some(next) => marker = next,
            None => break,
        }
    }
    let metadata = [(s3::COUNT, numbers.objects.to_string()), (BYTES, numbers.bytes.to_string())];
    let stored = lines.finish(&session, &call, &object, metadata).await?;
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

/// One page of versions and delete markers, with keys as they are.
#[derive(Default)]
pub(super) struct Page {
    pub(super) versions: Vec<ObjectVersion>,
    pub(super) markers: Vec<DeleteMarkerEntry>,
}

/// A page, and where the next one begins.
pub(super) async fn page(
    session: &Session,
    bucket: &str,
    prefix: &str,
    account: &str,
    from: Marker,
) -> Result<(Page, Option<Marker>), CloudError> {
    let attempt = session.reads("s3:ListBucketVersions", format!("objects of bucket {bucket}"));
    let request = session.s3().list_object_versions().bucket(bucket).expected_bucket_owner(account);
    // Without an encoding a key with control characters would make the XML unreadable.
    let request = request.max_keys(PAGE).encoding_type(EncodingType::Url);
    let request = request.set_prefix(Some(prefix.to_owned()).filter(|prefix| !prefix.is_empty()));
    let request = request.set_key_marker(from.key).set_version_id_marker(from.version);
    let answer = request.send().await.map_err(|e| attempt.failed(e))?;
    let encoded = answer.encoding_type == Some(EncodingType::Url);
    let plain = |key: String| if encoded { decoded(&key) } else { key };
    let next = Marker { key: answer.next_key_marker.map(plain), version: answer.next_version_id_marker };
    let more = s3::goes_on(answer.is_truncated, next.key.is_some(), &attempt)?;
    let mut page =
        Page { versions: answer.versions.unwrap_or_default(), markers: answer.delete_markers.unwrap_or_default() };
    for key in page.versions.iter_mut().map(|v| &mut v.key).chain(page.markers.iter_mut().map(|m| &mut m.key)) {
        *key = key.take().map(plain);
    }
    Ok((page, more.then_some(next)))
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

fn add(lines: &mut Lines, numbers: &mut Numbers, version: &ObjectVersion) -> Result<(), CloudError> {
    let line = Line {
        key: version.key().unwrap_or_default(),
        version: version.version_id().unwrap_or_default(),
        size: version.size().unwrap_or(0),
        etag: version.e_tag().unwrap_or_default().trim_matches('"'),
        modified: version.last_modified().and_then(|t| t.to_millis().ok()).map(|millis| Moment(millis).iso()),
    };
    numbers.objects += 1;
    numbers.bytes += u64::try_from(line.size).unwrap_or(0);
    lines.add(&line)
}
