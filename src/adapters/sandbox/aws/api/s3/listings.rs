//! Lists of objects and of their versions, in the order of keys, a page at a time.

use std::ops::Bound;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::json;

use super::{Served, bucket_of, document, encoded};
use crate::adapters::sandbox::aws::api::{Context, Request, protocols::element};

/// Most entries of a page.
const PAGE: usize = 1000;

pub(super) fn objects(cx: &mut Context<'_>, request: &Request) -> Served {
    let now = cx.now;
    let bucket = bucket_of(cx, request)?;
    let (prefix, most) = (request.text("prefix").unwrap_or_default(), most_of(request, "max-keys"));
    let token = match request.text("continuation-token") {
        None => None,
        Some(token) => {
            let key = BASE64.decode(token).ok().and_then(|key| String::from_utf8(key).ok());
            Some(key.ok_or_else(|| request.invalid("The continuation token provided is incorrect"))?)
        }
    };
    let after = token.or_else(|| request.text("start-after").map(str::to_owned));
    let after = after.filter(|after| after.as_str() >= prefix);
    let from = after.map_or(Bound::Included(prefix.to_owned()), Bound::Excluded);
    let within = bucket.objects.range((from, Bound::Unbounded)).take_while(|(key, _)| key.starts_with(prefix));
    let there = within.filter_map(|(key, _)| Some((key, bucket.current(key, now)?)));
    let delimiter = request.text("delimiter");
    let (mut body, mut folders, mut count, mut last) = (String::new(), Vec::<String>::new(), 0, None);
    let mut more = false;
    for (key, version) in there {
        let folder = delimiter.and_then(|end| {
            let at = key[prefix.len()..].find(end)?;
            Some(key[..prefix.len() + at + end.len()].to_owned())
        });
        if folder.as_ref().is_some_and(|folder| folders.last() == Some(folder)) {
            last = Some(key);
            continue;
        }
        if count == most {
            more = true;
            break;
        }
        count += 1;
        last = Some(key);
        match folder {
            Some(folder) => folders.push(folder),
            None => element(
                &mut body,
                "Contents",
                &json!({
                    "Key": encoded(key, request),
                    "LastModified": request.time(version.made),
                    "ETag": format!("\"{}\"", version.etag),
                    "Size": version.content.len(),
                    "StorageClass": version.class,
                }),
            ),
        }
    }
    for folder in &folders {
        element(&mut body, "CommonPrefixes", &json!({ "Prefix": encoded(folder, request) }));
    }
    element(&mut body, "Name", &request.input["Bucket"]);
    element(&mut body, "Prefix", &json!(encoded(prefix, request)));
    element(&mut body, "Delimiter", &json!(delimiter));
    element(&mut body, "StartAfter", &json!(request.text("start-after").map(|key| encoded(key, request))));
    element(&mut body, "KeyCount", &json!(count));
    element(&mut body, "MaxKeys", &json!(most));
    element(&mut body, "EncodingType", &request.input["encoding-type"]);
    element(&mut body, "IsTruncated", &json!(more));
    if let Some(last) = last.filter(|_| more) {
        element(&mut body, "NextContinuationToken", &json!(BASE64.encode(last)));
    }
    document(format!("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{body}</ListBucketResult>"))
}

pub(super) fn versions(cx: &mut Context<'_>, request: &Request) -> Served {
    let now = cx.now;
    let bucket = bucket_of(cx, request)?;
    let (prefix, most) = (request.text("prefix").unwrap_or_default(), most_of(request, "max-keys"));
    let (key_marker, id_marker) = (request.text("key-marker"), request.text("version-id-marker"));
    let from = match key_marker.filter(|key| *key >= prefix) {
        None => Bound::Included(prefix.to_owned()),
        // Versions of the marker's own key may be left.
        Some(key) if id_marker.is_some() => Bound::Included(key.to_owned()),
        Some(key) => Bound::Excluded(key.to_owned()),
    };
    let (mut body, mut count, mut last) = (String::new(), 0, None);
    let mut more = false;
    let within = bucket.objects.range((from, Bound::Unbounded)).take_while(|(key, _)| key.starts_with(prefix));
    'keys: for (key, versions) in within {
        let there = versions.iter().filter(|version| version.visible <= now);
        let mut left: Vec<_> = there.enumerate().collect();
        if key_marker == Some(key)
            && let Some(at) = left.iter().position(|(_, version)| Some(version.id.as_str()) == id_marker)
        {
            left.drain(..=at);
        }
        for (at, version) in left {
            if count == most {
                more = true;
                break 'keys;
            }
            count += 1;
            last = Some((key, &version.id));
            let mut entry = json!({
                "Key": encoded(key, request),
                "VersionId": version.id,
                "IsLatest": at == 0,
                "LastModified": request.time(version.made),
                "Owner": { "ID": bucket.account },
            });
            if version.deleted {
                element(&mut body, "DeleteMarker", &entry);
                continue;
            }
            entry["ETag"] = format!("\"{}\"", version.etag).into();
            entry["Size"] = version.content.len().into();
            entry["StorageClass"] = version.class.as_str().into();
            element(&mut body, "Version", &entry);
        }
    }
    element(&mut body, "Name", &request.input["Bucket"]);
    element(&mut body, "Prefix", &json!(encoded(prefix, request)));
    element(&mut body, "KeyMarker", &json!(key_marker.map(|key| encoded(key, request)).unwrap_or_default()));
    element(&mut body, "VersionIdMarker", &json!(id_marker.unwrap_or_default()));
    element(&mut body, "MaxKeys", &json!(most));
    element(&mut body, "EncodingType", &request.input["encoding-type"]);
    element(&mut body, "IsTruncated", &json!(more));
    if let Some((key, id)) = last.filter(|_| more) {
        element(&mut body, "NextKeyMarker", &json!(encoded(key, request)));
        element(&mut body, "NextVersionIdMarker", &json!(id));
    }
    document(format!(
        "<ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{body}</ListVersionsResult>"
    ))
}

pub(super) fn most_of(request: &Request, name: &str) -> usize {
    request.number(name).and_then(|most| usize::try_from(most).ok()).map_or(PAGE, |most| most.min(PAGE))
}
