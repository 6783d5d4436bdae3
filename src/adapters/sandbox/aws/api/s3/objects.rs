//! Objects: written once or over, read whole or in ranges, replicated as the bucket's rules say.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Served, bucket_of, buckets::Rule, document, http_date, key_of};
use crate::{
    adapters::sandbox::aws::{
        api::{Context, Refusal, Reply, Request, protocols::element},
        judge::Made,
        time::{Timeline, between},
        world::{
            Tags,
            kms::S3_KEY,
            s3::{Bucket, Content, Replication, Version},
        },
    },
    domain::moment::Moment,
};

pub(super) fn put(cx: &mut Context<'_>, request: &Request) -> Served {
    let body = body_of(request)?;
    let sum = BASE64.encode(Sha256::digest(&body));
    if request.raw.header("x-amz-checksum-sha256").is_some_and(|promised| promised != sum) {
        return Err(Refusal::new("BadDigest", "The SHA256 you specified did not match the calculated checksum."));
    }
    let mut version = draft(cx, request)?;
    let asked =
        request.raw.header("x-amz-sdk-checksum-algorithm").is_some_and(|name| name.eq_ignore_ascii_case("sha256"));
    let kept = asked || request.raw.header("x-amz-checksum-sha256").is_some();
    version.etag = etag(&body);
    version.sha256 = kept.then_some(sum);
    version.content = Content::Real(body);
    let made = store(cx, request, version)?;
    Ok(described(Reply::new(200), &made, true).with("etag", format!("\"{}\"", made.etag)))
}

/// What an object is to be like by the headers of a request, without its content.
pub(super) fn draft(cx: &mut Context<'_>, request: &Request) -> Result<Version, Refusal> {
    let raw = &request.raw;
    let own = bucket_of(cx, request)?.key.clone();
    let wanted = raw.header("x-amz-server-side-encryption");
    let named = raw.header("x-amz-server-side-encryption-aws-kms-key-id").map(str::to_owned);
    let key = match wanted {
        Some("AES256") => None,
        Some(_) => named.or(own).or_else(|| Some(S3_KEY.to_owned())),
        None => own,
    };
    let key = key.map(|name| usable(cx, request, &name)).transpose()?;
    let tags = raw.header("x-amz-tagging").unwrap_or_default();
    let tags: Vec<(String, String)> = serde_urlencoded::from_str(tags).unwrap_or_default();
    let metadata = raw
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("x-amz-meta-")?.to_owned(), value.clone())));
    Ok(Version {
        id: "null".to_owned(),
        made: cx.now,
        visible: cx.now,
        deleted: false,
        content: Content::Zeros(0),
        etag: String::new(),
        sha256: None,
        metadata: metadata.collect(),
        tags: tags.into_iter().collect(),
        content_type: raw.header("content-type").unwrap_or("binary/octet-stream").to_owned(),
        class: raw.header("x-amz-storage-class").unwrap_or("STANDARD").to_owned(),
        key,
        replication: None,
        replica: false,
    })
}

/// The ARN of a key that can be used.
pub(super) fn usable(cx: &mut Context<'_>, request: &Request, name: &str) -> Result<String, Refusal> {
    match cx.place(request).kms.key(name) {
        None => Err(Refusal::new("KMS.NotFoundException", format!("Key {name} does not exist"))),
        Some((arn, key)) if !key.enabled => Err(Refusal::new("KMS.DisabledException", format!("{arn} is disabled."))),
        Some((arn, _)) => Ok(arn.to_owned()),
    }
}

/// Writes a version where its place is free or may be written over, and sets its replication going.
pub(super) fn store(cx: &mut Context<'_>, request: &Request, mut version: Version) -> Result<Version, Refusal> {
    let (key, now) = (key_of(request).to_owned(), cx.now);
    let bucket = bucket_of(cx, request)?;
    if request.raw.header("if-none-match") == Some("*") && bucket.current(&key, now).is_some() {
        return Err(failed_condition());
    }
    still_is(bucket, request, now)?;
    let (versioned, rules) = (bucket.versioning == Some(true), Rule::all(bucket));
    if versioned {
        version.id = cx.world.next_id("version").replace('-', "");
    }
    let rule = rules.into_iter().find(|rule| rule.covers(&key, &version.tags, version.key.is_some()));
    if let Some(rule) = rule.filter(|_| versioned) {
        version.replication = Some(replicate(cx, request, &key, &version, &rule));
    }
    bucket_of(cx, request)?.add(&key, version.clone());
    let bucket = request.input["Bucket"].as_str().unwrap_or_default().to_owned();
    let target = format!("object s3://{bucket}/{key}");
    cx.changed(request, target, Made::Object { bucket, key });
    Ok(version)
}

fn failed_condition() -> Refusal {
    let why = "At least one of the pre-conditions you specified did not hold";
    Refusal::with_status(412, "PreconditionFailed", why)
}

/// Whether what is current is what `If-Match` says, where a request that changes something says so.
fn still_is(bucket: &Bucket, request: &Request, now: Moment) -> Result<(), Refusal> {
    let key = key_of(request);
    match (request.raw.header("if-match"), bucket.current(key, now)) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(no_key(bucket, key, now)),
        (Some(tag), Some(version)) if tag.trim_matches('"') == version.etag => Ok(()),
        (Some(_), Some(_)) => Err(failed_condition()),
    }
}

/// There is no such object: nothing of that key, or a delete marker, which is told in headers.
fn no_key(bucket: &Bucket, key: &str, now: Moment) -> Refusal {
    let mut refusal = Refusal::with_status(404, "NoSuchKey", "The specified key does not exist.");
    refusal.fields = Some(Box::new(json!({ "Key": key })));
    if let Some(marker) = bucket.newest(key, now).filter(|newest| newest.deleted) {
        refusal.headers = vec![
            ("x-amz-delete-marker".to_owned(), "true".to_owned()),
            ("x-amz-version-id".to_owned(), marker.id.clone()),
        ];
    }
    refusal
}

/// Puts the replica where it will be seen when its time has come, and says how it goes.
fn replicate(cx: &mut Context<'_>, request: &Request, key: &str, version: &Version, rule: &Rule) -> Replication {
    let (now, fate) = (cx.now, cx.fate(request));
    let lasts = fate.stretch(between(cx.world.seed, &format!("replica/{}/{key}/{}", rule.bucket, version.id), 40, 80));
    let place = cx.world.s3.buckets.get(&rule.bucket).map(|there| (there.region.clone(), there.key.clone()));
    let account = request.account().to_owned();
    let under = match (&version.key, &place) {
        (None, _) => Ok(None),
        (Some(_), Some((region, own))) => {
            let name = rule.key.clone().or(own.clone()).unwrap_or_else(|| S3_KEY.to_owned());
            let usable = cx.world.region(&account, region).kms.usable(&name).map(str::to_owned);
            usable.map(Some).ok_or("the key of the destination cannot be used")
        }
        (Some(_), None) => Ok(None),
    };
    let fails = match (&place, &under) {
        (None, _) => Some("the destination does not exist".to_owned()),
        (_, Err(why)) => Some((*why).to_owned()),
        _ => fate.fails.then(|| "replication failed".to_owned()),
    };
    let course = Timeline::new(now, now, lasts, fails);
    let there = cx.world.s3.buckets.get_mut(&rule.bucket).filter(|_| course.fails.is_none());
    if let (Some(there), Ok(under)) = (there, under) {
        let copy = Version { key: under, visible: course.ends, replica: true, replication: None, ..version.clone() };
        there.add(key, copy);
    }
    Replication { bucket: rule.bucket.clone(), course }
}

pub(super) fn head(cx: &mut Context<'_>, request: &Request) -> Served {
    let now = cx.now;
    let checked = request.raw.header("x-amz-checksum-mode").is_some();
    let bucket = bucket_of(cx, request)?;
    let version = version_of(bucket, request, now)?;
    let reply = about(Reply::new(200), version, checked, now);
    Ok(reply.with("content-length", version.content.len().to_string()))
}

pub(super) fn get(cx: &mut Context<'_>, request: &Request) -> Served {
    let now = cx.now;
    let version = version_of(bucket_of(cx, request)?, request, now)?.clone();
    if version.frozen() {
        let why = "The operation is not valid for the object's storage class";
        return Err(Refusal::with_status(403, "InvalidObjectState", why));
    }
    if let Some(key) = &version.key {
        usable(cx, request, key)?;
    }
    let length = version.content.len();
    let whole = request.raw.header("x-amz-checksum-mode").is_some();
    let Some(wanted) = request.raw.header("range") else {
        let reply = about(Reply::new(200), &version, whole, now).with("content-length", length.to_string());
        return Ok(reply.body(version.content.range(0, length)));
    };
    let Some((from, upto)) = range(wanted, length) else {
        return Err(Refusal::with_status(416, "InvalidRange", "The requested range is not satisfiable"));
    };
    let reply = about(Reply::new(206), &version, false, now);
    let reply = reply
        .with("content-range", format!("bytes {from}-{}/{length}", upto - 1))
        .with("content-length", (upto - from).to_string());
    Ok(reply.body(version.content.range(from, upto)))
}

/// From where up to where, of `bytes=a-b`, `bytes=a-` and `bytes=-n`.
fn range(wanted: &str, length: u64) -> Option<(u64, u64)> {
    let (from, last) = wanted.strip_prefix("bytes=")?.split_once('-')?;
    let (from, upto) = match (from.parse::<u64>().ok(), last.parse::<u64>().ok()) {
        (Some(from), Some(last)) => (from, last.saturating_add(1).min(length)),
        (Some(from), None) => (from, length),
        (None, Some(count)) => (length.saturating_sub(count), length),
        (None, None) => return None,
    };
    (from < upto).then_some((from, upto))
}

/// The version a request is about: the one it names, or the current one.
fn version_of<'b>(bucket: &'b Bucket, request: &Request, now: Moment) -> Result<&'b Version, Refusal> {
    let key = key_of(request);
    let found = match request.text("versionId") {
        None => bucket.current(key, now),
        Some(id) => {
            let versions = bucket.objects.get(key).into_iter().flatten();
            let found = versions.filter(|version| version.visible <= now).find(|version| version.id == id);
            let missing = || Refusal::with_status(404, "NoSuchVersion", "The specified version does not exist.");
            Some(found.filter(|version| !version.deleted).ok_or_else(missing)?)
        }
    };
    let found = found.ok_or_else(|| no_key(bucket, key, now))?;
    let matches = |header: &str| request.raw.header(header).map(|tag| tag.trim_matches('"') == found.etag);
    match (matches("if-match"), matches("if-none-match")) {
        (Some(false), _) => Err(failed_condition()),
        (_, Some(true)) => Err(Refusal::with_status(304, "NotModified", "Not Modified")),
        _ => Ok(found),
    }
}

/// Headers of what is read.
fn about(reply: Reply, version: &Version, checked: bool, now: Moment) -> Reply {
    let reply = described(reply, version, checked)
        .with("accept-ranges", "bytes")
        .with("content-type", version.content_type.clone())
        .with("etag", format!("\"{}\"", version.etag))
        .with("last-modified", http_date(version.made));
    let reply = version.metadata.iter().fold(reply, |r, (name, value)| r.with(&format!("x-amz-meta-{name}"), value));
    let reply = match version.class.as_str() {
        "STANDARD" => reply,
        class => reply.with("x-amz-storage-class", class),
    };
    let reply = match version.tags.len() {
        0 => reply,
        count => reply.with("x-amz-tagging-count", count.to_string()),
    };
    match version.replication_status(now) {
        Some(status) => reply.with("x-amz-replication-status", status),
        None => reply,
    }
}

/// Headers of what is written and of what is read: version, encryption and, where it is asked for, the checksum.
pub(super) fn described(mut reply: Reply, version: &Version, checked: bool) -> Reply {
    if version.id != "null" {
        reply = reply.with("x-amz-version-id", version.id.clone());
    }
    reply = match &version.key {
        Some(key) => reply
            .with("x-amz-server-side-encryption", "aws:kms")
            .with("x-amz-server-side-encryption-aws-kms-key-id", key.clone()),
        None => reply.with("x-amz-server-side-encryption", "AES256"),
    };
    match version.sha256.as_ref().filter(|_| checked) {
        Some(sum) => {
            let kind = if sum.contains('-') { "COMPOSITE" } else { "FULL_OBJECT" };
            reply.with("x-amz-checksum-sha256", sum.clone()).with("x-amz-checksum-type", kind)
        }
        None => reply,
    }
}

pub(super) fn tagging(cx: &mut Context<'_>, request: &Request) -> Served {
    let now = cx.now;
    let tags: Tags = version_of(bucket_of(cx, request)?, request, now)?.tags.clone();
    let mut body = "<Tagging><TagSet>".to_owned();
    for (key, value) in tags {
        element(&mut body, "Tag", &json!({ "Key": key, "Value": value }));
    }
    document(body + "</TagSet></Tagging>")
}

/// A version that is named goes for good; otherwise a delete marker is put on top, where versions are kept.
pub(super) fn delete(cx: &mut Context<'_>, request: &Request) -> Served {
    let (key, now) = (key_of(request).to_owned(), cx.now);
    let named = request.text("versionId").map(str::to_owned);
    let id = cx.world.next_id("marker").replace('-', "");
    let bucket = bucket_of(cx, request)?;
    if named.is_none() {
        still_is(bucket, request, now)?;
    }
    let reply = Reply::new(204);
    let reply = match (named, bucket.versioning) {
        (None, Some(true)) => {
            let marker = Version {
                id: id.clone(),
                made: now,
                visible: now,
                deleted: true,
                content: Content::Real(Bytes::new()),
                etag: String::new(),
                sha256: None,
                metadata: BTreeMap::new(),
                tags: Tags::new(),
                content_type: String::new(),
                class: String::new(),
                key: None,
                replication: None,
                replica: false,
            };
            let rules = Rule::all(bucket);
            bucket.add(&key, marker.clone());
            // Markers have no encryption that a rule could leave out.
            let rule = rules.into_iter().find(|rule| rule.markers && rule.covers(&key, &Tags::new(), false));
            if let Some(there) = rule.and_then(|rule| cx.world.s3.buckets.get_mut(&rule.bucket)) {
                there.add(&key, Version { replica: true, ..marker });
            }
            reply.with("x-amz-delete-marker", "true").with("x-amz-version-id", id)
        }
        (named, _) => {
            let gone = named.unwrap_or_else(|| "null".to_owned());
            let left = bucket.objects.get_mut(&key).map(|versions| {
                versions.retain(|version| version.id != gone);
                versions.len()
            });
            if left == Some(0) {
                bucket.objects.remove(&key);
            }
            reply
        }
    };
    let bucket = request.input["Bucket"].as_str().unwrap_or_default();
    let what = format!("s3://{bucket}/{key}");
    cx.changed(request, format!("end of {what}"), Made::Gone { what });
    Ok(reply)
}

/// Not MD5, which nothing relies on since objects are encrypted.
pub(super) fn etag(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))[..32].to_owned()
}

/// The body as it is meant: without the framing that a signature of chunks or a trailer puts around it.
///
/// # Errors
/// As S3 refuses a body that is shorter than was said.
pub(super) fn body_of(request: &Request) -> Result<Bytes, Refusal> {
    let raw = &request.raw;
    let framed = raw.header("content-encoding").is_some_and(|encoding| encoding.contains("aws-chunked"))
        || raw.header("x-amz-content-sha256").is_some_and(|sum| sum.starts_with("STREAMING-"));
    let body = if framed { unframed(&raw.body) } else { Some(raw.body.clone()) };
    let promised = raw.header("x-amz-decoded-content-length").and_then(|length| length.parse::<usize>().ok());
    match body {
        Some(body) if !framed || promised.is_none_or(|promised| promised == body.len()) => Ok(body),
        _ => Err(Refusal::new("IncompleteBody", "You did not provide the number of bytes specified by the header")),
    }
}

/// `<hex>[;chunk-signature=…]\r\n<bytes>\r\n … 0\r\n<trailers>`.
fn unframed(mut rest: &[u8]) -> Option<Bytes> {
    let mut whole = Vec::with_capacity(rest.len());
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let head = std::str::from_utf8(&rest[..end]).ok()?;
        let length = usize::from_str_radix(head.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if length == 0 {
            return Some(whole.into());
        }
        whole.extend_from_slice(rest.get(..length)?);
        rest = rest.get(length..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_taken_out_of_their_frame() {
        let framed = b"4;chunk-signature=ab\r\nbbws\r\n3\r\n or\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n";
        assert_eq!(unframed(framed).as_deref(), Some(&b"bbws or"[..]));
        assert_eq!(unframed(b"0\r\n\r\n").as_deref(), Some(&b""[..]));
        assert_eq!(unframed(b"9\r\nshort\r\n0\r\n\r\n"), None);
    }

    #[test]
    fn ranges_are_cut_to_what_is_there() {
        assert_eq!(range("bytes=0-3", 10), Some((0, 4)));
        assert_eq!(range("bytes=8-20", 10), Some((8, 10)));
        assert_eq!(range("bytes=8-", 10), Some((8, 10)));
        assert_eq!(range("bytes=-3", 10), Some((7, 10)));
        assert_eq!(range("bytes=10-", 10), None);
        assert_eq!(range("0-3", 10), None);
    }
}
