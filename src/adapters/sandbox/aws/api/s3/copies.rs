//! Copies that S3 makes by itself, of a version onto a key: at once, or as a part of an upload.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    Served, bucket_of, document, key_of,
    objects::{described, draft, etag, store, usable},
    uploads::upload_of,
};
use crate::adapters::sandbox::aws::{
    api::{
        Context, Refusal, Request,
        protocols::{decoded, element},
    },
    world::s3::{Content, Part, Version},
};

/// Larger objects are copied in parts.
const LARGEST: u64 = 5 << 30;

pub(super) fn copy(cx: &mut Context<'_>, request: &Request) -> Served {
    let (bucket, key, source) = source(cx, request)?;
    if source.content.len() > LARGEST {
        let why = "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120";
        return Err(Refusal::new("InvalidRequest", why));
    }
    let onto_itself = request.input["Bucket"].as_str() == Some(bucket.as_str()) && key_of(request) == key;
    let raw = &request.raw;
    let replaces = |header: &str| raw.header(header).is_some_and(|word| word.eq_ignore_ascii_case("REPLACE"));
    let now = cx.now;
    let current = bucket_of(cx, request)?.current(&key, now).is_some_and(|current| current.id == source.id);
    if onto_itself && current && !replaces("x-amz-metadata-directive") && raw.header("x-amz-storage-class").is_none() {
        let why = "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.";
        return Err(Refusal::new("InvalidRequest", why));
    }
    let mut version = draft(cx, request)?;
    if !replaces("x-amz-metadata-directive") {
        version.metadata.clone_from(&source.metadata);
        version.content_type.clone_from(&source.content_type);
    }
    if !replaces("x-amz-tagging-directive") {
        version.tags.clone_from(&source.tags);
    }
    version.content = source.content.clone();
    version.sha256.clone_from(&source.sha256);
    // An ETag is of what is encrypted: under KMS another one for every write.
    version.etag = match &version.key {
        Some(_) => etag(cx.world.next_id("etag").as_bytes()),
        None => source.etag.clone(),
    };
    let made = store(cx, request, version)?;
    let mut body = "<CopyObjectResult>".to_owned();
    element(&mut body, "ETag", &json!(format!("\"{}\"", made.etag)));
    element(&mut body, "LastModified", &request.time(made.made));
    let reply = document(body + "</CopyObjectResult>")?;
    Ok(described(reply, &made, false).with("x-amz-copy-source-version-id", source.id))
}

pub(super) fn part(cx: &mut Context<'_>, request: &Request) -> Served {
    let number = request.number("partNumber").and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=10_000).contains(n));
    let Some(number) = number else {
        return Err(request.invalid("Part number must be an integer between 1 and 10000, inclusive"));
    };
    let (_, _, source) = source(cx, request)?;
    let length = source.content.len();
    let (from, upto) = match request.raw.header("x-amz-copy-source-range") {
        None => (0, length),
        Some(range) => {
            let ends = range.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
            let ends =
                ends.and_then(|(from, last)| Some((from.parse().ok()?, last.parse::<u64>().ok()?.checked_add(1)?)));
            let within = ends.filter(|(from, upto)| from < upto && *upto <= length);
            within.ok_or_else(|| request.invalid("Range specified is not valid for source object"))?
        }
    };
    let (bytes, zeros) = match &source.content {
        Content::Real(_) => (source.content.range(from, upto), 0),
        Content::Zeros(_) => (Default::default(), upto - from),
    };
    let sha256 = BASE64.encode(Sha256::digest(&bytes));
    let part =
        Part { etag: etag(format!("{from}-{upto}/{}", source.etag).as_bytes()), bytes, sha256, at: cx.now, zeros };
    let (tag, at) = (part.etag.clone(), part.at);
    upload_of(bucket_of(cx, request)?, request)?.parts.insert(number, part);
    let mut body = "<CopyPartResult>".to_owned();
    element(&mut body, "ETag", &json!(format!("\"{tag}\"")));
    element(&mut body, "LastModified", &request.time(at));
    document(body + "</CopyPartResult>")
}

/// Bucket, key and version that are copied, in whichever region they lie.
fn source(cx: &mut Context<'_>, request: &Request) -> Result<(String, String, Version), Refusal> {
    let named = request.raw.header("x-amz-copy-source").unwrap_or_default();
    let (path, id) = match named.split_once("?versionId=") {
        Some((path, id)) => (path, Some(id)),
        None => (named, None),
    };
    let path = decoded(path.trim_start_matches('/'));
    let Some((bucket, key)) = path.split_once('/') else {
        return Err(request.invalid("Copy Source must mention the source bucket and key: sourcebucket/sourcekey"));
    };
    let now = cx.now;
    let Some(found) = cx.world.s3.buckets.get(bucket) else {
        return Err(Refusal::with_status(404, "NoSuchBucket", "The specified bucket does not exist"));
    };
    let expected = request.raw.header("x-amz-source-expected-bucket-owner");
    if found.account != request.account() || expected.is_some_and(|owner| owner != found.account) {
        return Err(Refusal::with_status(403, "AccessDenied", "Access Denied"));
    }
    let region = found.region.clone();
    let version = match id {
        None => found.current(key, now),
        Some(id) => {
            let versions = found.objects.get(key).into_iter().flatten();
            versions.filter(|version| version.visible <= now).find(|version| version.id == id)
        }
    };
    let version = match (version, id) {
        (Some(version), _) if version.deleted => {
            let why = "The source of a copy request may not specifically refer to a delete marker by version id.";
            return Err(Refusal::new("InvalidRequest", why));
        }
        (Some(version), _) => version.clone(),
        (None, None) => return Err(Refusal::with_status(404, "NoSuchKey", "The specified key does not exist.")),
        (None, Some(_)) => {
            return Err(Refusal::with_status(404, "NoSuchVersion", "The specified version does not exist."));
        }
    };
    if version.frozen() {
        let why = "Operation is not valid for the source object's storage class";
        return Err(Refusal::with_status(403, "InvalidObjectState", why));
    }
    cx.reach(&region)?;
    if let Some(key) = &version.key
        && cx.world.region(request.account(), &region).kms.usable(key).is_none()
    {
        return Err(usable(cx, request, key)
            .err()
            .unwrap_or_else(|| Refusal::new("KMS.DisabledException", format!("{key} is disabled."))));
    }
    Ok((bucket.to_owned(), key.to_owned(), version))
}
