//! Objects that are written in parts. An upload is nothing until it is complete.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::{BufMut as _, BytesMut};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    Served, bucket_of, document, encoded, key_of,
    listings::most_of,
    objects::{body_of, described, draft, etag, store},
    read,
};
use crate::adapters::sandbox::aws::{
    api::{Context, Refusal, Reply, Request, protocols::element},
    world::s3::{Bucket, Content, Part, Upload},
};

/// Every part but the last has so many bytes at least.
const SMALLEST: u64 = 5 << 20;

pub(super) fn begin(cx: &mut Context<'_>, request: &Request) -> Served {
    let (draft, begun) = (draft(cx, request)?, cx.now);
    let id = cx.world.next_id("upload").replace('-', "");
    let reply = described(Reply::new(200).with("content-type", "application/xml"), &draft, false);
    let algorithm = request.raw.header("x-amz-checksum-algorithm").map(str::to_owned);
    let summed = algorithm.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("sha256"));
    let upload = Upload { key: key_of(request).to_owned(), begun, draft, summed, parts: Default::default() };
    bucket_of(cx, request)?.uploads.insert(id.clone(), upload);
    let reply = match algorithm {
        Some(algorithm) => reply.with("x-amz-checksum-algorithm", algorithm).with("x-amz-checksum-type", "COMPOSITE"),
        None => reply,
    };
    let mut body = "<InitiateMultipartUploadResult>".to_owned();
    element(&mut body, "Bucket", &request.input["Bucket"]);
    element(&mut body, "Key", &request.input["Key"]);
    element(&mut body, "UploadId", &json!(id));
    Ok(reply.body(body + "</InitiateMultipartUploadResult>"))
}

pub(super) fn part(cx: &mut Context<'_>, request: &Request) -> Served {
    let number = request.number("partNumber").and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=10_000).contains(n));
    let Some(number) = number else {
        return Err(request.invalid("Part number must be an integer between 1 and 10000, inclusive"));
    };
    let bytes = body_of(request)?;
    let sha256 = BASE64.encode(Sha256::digest(&bytes));
    if request.raw.header("x-amz-checksum-sha256").is_some_and(|promised| promised != sha256) {
        return Err(Refusal::new("BadDigest", "The SHA256 you specified did not match the calculated checksum."));
    }
    let part = Part { etag: etag(&bytes), bytes, sha256, at: cx.now, zeros: 0 };
    let upload = upload_of(bucket_of(cx, request)?, request)?;
    let reply = Reply::new(200).with("etag", format!("\"{}\"", part.etag));
    let reply = if upload.summed { reply.with("x-amz-checksum-sha256", &part.sha256) } else { reply };
    upload.parts.insert(number, part);
    Ok(reply)
}

pub(super) fn complete(cx: &mut Context<'_>, request: &Request) -> Served {
    let named = read(request)?;
    let now = cx.now;
    let upload = upload_of(bucket_of(cx, request)?, request)?;
    let (mut body, mut sums, mut count, mut previous) = (BytesMut::new(), Sha256::new(), 0_usize, 0);
    let (mut short, mut zeros) = (false, 0);
    for part in named.all("Part") {
        let number: u32 = part.text_at(&["PartNumber"]).parse().unwrap_or(0);
        if number <= previous {
            return Err(Refusal::new("InvalidPartOrder", "The list of parts was not in ascending order."));
        }
        previous = number;
        let (tag, sum) = (part.text_at(&["ETag"]).trim_matches('"'), part.text_at(&["ChecksumSHA256"]));
        let same = |found: &&Part| found.etag == tag && (sum.is_empty() || found.sha256 == sum);
        let Some(found) = upload.parts.get(&number).filter(same) else {
            return Err(Refusal::new("InvalidPart", "One or more of the specified parts could not be found."));
        };
        if short {
            return Err(Refusal::new(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
            ));
        }
        short = found.size() < SMALLEST;
        zeros += found.zeros;
        body.put_slice(&found.bytes);
        sums.update(BASE64.decode(&found.sha256).unwrap_or_default());
        count += 1;
    }
    if count == 0 {
        return Err(Refusal::new("MalformedXML", "You must specify at least one part"));
    }
    let promised = request.raw.header("x-amz-mp-object-size").and_then(|size| size.parse::<u64>().ok());
    let size = body.len() as u64 + zeros;
    if promised.is_some_and(|promised| promised != size) {
        return Err(Refusal::new("InvalidRequest", "The provided object size does not match the object."));
    }
    let mut version = upload.draft.clone();
    (version.made, version.visible) = (now, now);
    version.etag = format!("{}-{count}", etag(&body));
    version.sha256 = upload.summed.then(|| format!("{}-{count}", BASE64.encode(sums.finalize())));
    version.content = if zeros > 0 { Content::Zeros(size) } else { Content::Real(body.freeze()) };
    let made = store(cx, request, version)?;
    bucket_of(cx, request)?.uploads.remove(request.text("uploadId").unwrap_or_default());
    let reply = described(Reply::new(200).with("content-type", "application/xml"), &made, false);
    let mut body = "<CompleteMultipartUploadResult>".to_owned();
    element(&mut body, "Bucket", &request.input["Bucket"]);
    element(&mut body, "Key", &request.input["Key"]);
    element(&mut body, "ETag", &json!(format!("\"{}\"", made.etag)));
    element(&mut body, "ChecksumSHA256", &json!(made.sha256));
    element(&mut body, "ChecksumType", &json!(made.sha256.as_ref().map(|_| "COMPOSITE")));
    Ok(reply.body(body + "</CompleteMultipartUploadResult>"))
}

pub(super) fn abort(cx: &mut Context<'_>, request: &Request) -> Served {
    let bucket = bucket_of(cx, request)?;
    upload_of(bucket, request)?;
    bucket.uploads.remove(request.text("uploadId").unwrap_or_default());
    Ok(Reply::new(204))
}

pub(super) fn list(cx: &mut Context<'_>, request: &Request) -> Served {
    let bucket = bucket_of(cx, request)?;
    let (prefix, most) = (request.text("prefix").unwrap_or_default(), most_of(request, "max-uploads"));
    let after = (request.text("key-marker"), request.text("upload-id-marker"));
    let mut all: Vec<(&str, &str, &Upload)> =
        bucket.uploads.iter().map(|(id, upload)| (upload.key.as_str(), id.as_str(), upload)).collect();
    all.sort_by_key(|(key, id, _)| (*key, *id));
    let passed = |key: &str, id: &str| match after {
        (None, _) => false,
        (Some(marker), None) => key <= marker,
        (Some(marker), Some(last)) => (key, id) <= (marker, last),
    };
    all.retain(|(key, id, _)| key.starts_with(prefix) && !passed(key, id));
    let more = all.len() > most;
    all.truncate(most);
    let mut body = "<ListMultipartUploadsResult>".to_owned();
    element(&mut body, "Bucket", &request.input["Bucket"]);
    element(&mut body, "Prefix", &json!(encoded(prefix, request)));
    element(&mut body, "MaxUploads", &json!(most));
    element(&mut body, "IsTruncated", &json!(more));
    if let Some((key, id, _)) = all.last().filter(|_| more) {
        element(&mut body, "NextKeyMarker", &json!(encoded(key, request)));
        element(&mut body, "NextUploadIdMarker", &json!(id));
    }
    for (key, id, upload) in all {
        let entry = json!({
            "Key": encoded(key, request),
            "UploadId": id,
            "Initiated": request.time(upload.begun),
            "StorageClass": "STANDARD",
        });
        element(&mut body, "Upload", &entry);
    }
    document(body + "</ListMultipartUploadsResult>")
}

pub(super) fn parts(cx: &mut Context<'_>, request: &Request) -> Served {
    let most = most_of(request, "max-parts");
    let after = request.number("part-number-marker").and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let upload = upload_of(bucket_of(cx, request)?, request)?;
    let mut left = upload.parts.range(after.saturating_add(1)..).peekable();
    let mut body = "<ListPartsResult>".to_owned();
    element(&mut body, "Bucket", &request.input["Bucket"]);
    element(&mut body, "Key", &request.input["Key"]);
    element(&mut body, "UploadId", &request.input["uploadId"]);
    let mut last = after;
    for (number, part) in left.by_ref().take(most) {
        last = *number;
        let entry = json!({
            "PartNumber": number,
            "LastModified": request.time(part.at),
            "ETag": format!("\"{}\"", part.etag),
            "ChecksumSHA256": upload.summed.then_some(&part.sha256),
            "Size": part.size(),
        });
        element(&mut body, "Part", &entry);
    }
    let more = left.peek().is_some();
    element(&mut body, "StorageClass", &json!("STANDARD"));
    element(&mut body, "NextPartNumberMarker", &json!(last));
    element(&mut body, "MaxParts", &json!(most));
    element(&mut body, "IsTruncated", &json!(more));
    document(body + "</ListPartsResult>")
}

pub(super) fn upload_of<'b>(bucket: &'b mut Bucket, request: &Request) -> Result<&'b mut Upload, Refusal> {
    let id = request.text("uploadId").unwrap_or_default();
    let found = bucket.uploads.get_mut(id).filter(|upload| upload.key == key_of(request));
    found.ok_or_else(|| {
        let why = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
        Refusal::with_status(404, "NoSuchUpload", why)
    })
}
