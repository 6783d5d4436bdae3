//! As much of S3 as writing one object in parts takes, and a bucket of as many versions as a test wants.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use sha2::{Digest as _, Sha256};

use crate::aws::fake::{Answer, Seen, headers};

/// What is stored, and what is under way.
#[derive(Debug, Default)]
pub struct Store {
    /// The one object, with its metadata.
    pub object: Option<(Vec<u8>, BTreeMap<String, String>)>,
    /// Checksum S3 has of it.
    pub checksum: String,
    /// Parts by upload.
    pub uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    /// Metadata by upload.
    pub metadata: BTreeMap<String, BTreeMap<String, String>>,
    /// Seconds ago at which the newest part of every upload was added, or the upload was begun where it has none.
    pub age: u64,
    /// Answers to writes of the object that are lost: it is stored, but the answer is a 500.
    pub lose: u32,
    /// Sizes of parts, in order.
    pub sizes: Vec<usize>,
}

pub type Shared = Arc<Mutex<Store>>;

pub fn xml(status: u16, body: String) -> Answer {
    Answer { status, headers: vec![("content-type", "application/xml".into())], body }
}

fn error(status: u16, code: &str) -> Answer {
    xml(status, format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>"))
}

/// A time so many seconds ago, as S3 writes it.
pub fn ago(seconds: u64) -> String {
    let then = SystemTime::now() - Duration::from_secs(seconds);
    aws_smithy_types::DateTime::from(then)
        .fmt(aws_smithy_types::date_time::Format::DateTime)
        .expect("it can be written")
}

fn value(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
}

/// A page of a bucket in which every object has `per` versions, of which the newest is current, and every tenth was deleted.
pub fn versions(seen: &Seen, objects: usize, per: usize, key: impl Fn(usize) -> String) -> Answer {
    let from = value(&seen.query, "key-marker").map_or(0, |marker| {
        let version = value(&seen.query, "version-id-marker").expect("both markers are sent");
        assert_eq!(value(&seen.query, "encoding-type").as_deref(), Some("url"));
        let at: usize = version.trim_start_matches('v').parse().expect("one of ours");
        assert_eq!(marker, key(at / per), "the marker is the decoded key");
        at + 1
    });
    let upto = (from + 1000).min(objects * per);
    let mut body = String::from("<ListVersionsResult><EncodingType>url</EncodingType>");
    for at in from..upto {
        let (object, version) = (at / per, at % per);
        let deleted = object % 10 == 9 && version == 0;
        let tag = if deleted { "DeleteMarker" } else { "Version" };
        let encoded = serde_urlencoded::to_string([("k", key(object))]).expect("it is text");
        body.push_str(&format!(
            "<{tag}><Key>{}</Key><VersionId>v{at}</VersionId><IsLatest>{}</IsLatest><LastModified>2026-11-20T01:02:03.000Z</LastModified>\
             <ETag>&quot;e{at}&quot;</ETag><Size>10</Size></{tag}>",
            &encoded[2..],
            version == 0
        ));
    }
    let more = upto < objects * per;
    body.push_str(&format!("<IsTruncated>{more}</IsTruncated>"));
    if more {
        let last = serde_urlencoded::to_string([("k", key((upto - 1) / per))]).expect("it is text");
        body.push_str(&format!(
            "<NextKeyMarker>{}</NextKeyMarker><NextVersionIdMarker>v{}</NextVersionIdMarker>",
            &last[2..],
            upto - 1
        ));
    }
    body.push_str("</ListVersionsResult>");
    xml(200, body)
}

impl Store {
    /// Answers whatever is about the one object.
    pub fn answer(&mut self, seen: &Seen) -> Answer {
        let upload = value(&seen.query, "uploadId");
        let has = |name: &str| seen.query.split('&').any(|pair| pair.split('=').next() == Some(name));
        match (seen.method.as_str(), upload) {
            ("HEAD", _) => self.head(),
            ("GET", None) if has("uploads") => self.list_uploads(seen),
            ("GET", Some(id)) => self.list_parts(&id),
            ("POST", None) if has("uploads") => self.begin(seen),
            ("POST", Some(id)) => self.complete(&id, seen),
            ("PUT", Some(id)) => {
                let number = value(&seen.query, "partNumber").and_then(|n| n.parse().ok()).expect("a number");
                self.sizes.push(seen.body.len());
                self.uploads.get_mut(&id).expect("it was begun").insert(number, seen.body.clone());
                headers(200, &[("etag", "\"part\"")])
            }
            ("PUT", None) => self.put(seen),
            ("DELETE", Some(id)) => {
                self.uploads.remove(&id);
                headers(204, &[])
            }
            other => panic!("no such call: {other:?} {seen:?}"),
        }
    }

    fn head(&self) -> Answer {
        let Some((bytes, metadata)) = &self.object else { return headers(404, &[]) };
        let mut answer = headers(200, &[("etag", "\"e\""), ("x-amz-checksum-sha256", &self.checksum)]);
        answer.headers.push(("content-length", bytes.len().to_string()));
        for name in ["x-amz-meta-bbws-operation", "x-amz-meta-bbws-count", "x-amz-meta-bbws-upload"] {
            answer.headers.extend(metadata.get(name).map(|value| (name, value.clone())));
        }
        answer
    }

    fn put(&mut self, seen: &Seen) -> Answer {
        if self.object.is_some() {
            return error(412, "PreconditionFailed");
        }
        self.checksum = BASE64.encode(Sha256::digest(&seen.body));
        self.object = Some((seen.body.clone(), seen.metadata.clone()));
        self.written(headers(200, &[("etag", "\"e\"")]))
    }

    fn written(&mut self, answer: Answer) -> Answer {
        if self.lose == 0 {
            return answer;
        }
        self.lose -= 1;
        error(500, "InternalError")
    }

    fn begin(&mut self, seen: &Seen) -> Answer {
        let id = format!("upload-{}", self.metadata.len());
        self.uploads.insert(id.clone(), BTreeMap::new());
        self.metadata.insert(id.clone(), seen.metadata.clone());
        xml(200, format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"))
    }

    fn complete(&mut self, id: &str, seen: &Seen) -> Answer {
        if self.object.is_some() {
            return error(412, "PreconditionFailed");
        }
        let Some(parts) = self.uploads.remove(id) else { return error(404, "NoSuchUpload") };
        let listed = String::from_utf8_lossy(&seen.body).matches("<PartNumber>").count();
        assert_eq!(listed, parts.len(), "every part is named");
        let digests: Vec<u8> = parts.values().flat_map(|part| Sha256::digest(part).to_vec()).collect();
        self.checksum = format!("{}-{}", BASE64.encode(Sha256::digest(&digests)), parts.len());
        self.object = Some((parts.into_values().flatten().collect(), self.metadata[id].clone()));
        self.written(xml(200, "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>".into()))
    }

    fn list_uploads(&self, seen: &Seen) -> Answer {
        let prefix = value(&seen.query, "prefix").expect("the key");
        let one = |id: &String| {
            format!(
                "<Upload><Key>{prefix}</Key><UploadId>{id}</UploadId><Initiated>{}</Initiated></Upload>",
                ago(self.age.max(9000))
            )
        };
        let stranger = format!(
            "<Upload><Key>{prefix}.other</Key><UploadId>other</UploadId><Initiated>{}</Initiated></Upload>",
            ago(0)
        );
        let uploads: String = self.uploads.keys().map(one).chain([stranger]).collect();
        xml(
            200,
            format!(
                "<ListMultipartUploadsResult>{uploads}<IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"
            ),
        )
    }

    fn list_parts(&self, id: &str) -> Answer {
        let Some(parts) = self.uploads.get(id) else { return error(404, "NoSuchUpload") };
        let part = |number: &u32| {
            format!("<Part><PartNumber>{number}</PartNumber><LastModified>{}</LastModified></Part>", ago(self.age))
        };
        let parts: String = parts.keys().map(part).collect();
        xml(200, format!("<ListPartsResult>{parts}<IsTruncated>false</IsTruncated></ListPartsResult>"))
    }
}
