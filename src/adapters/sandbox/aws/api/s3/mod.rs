//! S3. Buckets, objects, lists and uploads have a file each; here is which operation a request is, and what they share.
//!
//! S3 speaks through headers and bodies as they are, so its functions read the raw request and answer a whole reply.

mod buckets;
mod copies;
mod listings;
mod objects;
mod uploads;

use serde_json::{Map, Value};

use super::{Context, Raw, Refusal, Reply, Request, protocols::decoded, xml};
use crate::{adapters::sandbox::aws::world::s3::Bucket, domain::moment::Moment};

/// What a function of S3 answers.
pub(super) type Served = Result<Reply, Refusal>;

/// Carries a request out. An answer to HEAD has no body, whatever it is.
pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> Served {
    match request.operation.as_str() {
        "AbortMultipartUpload" => uploads::abort(cx, request),
        "CompleteMultipartUpload" => uploads::complete(cx, request),
        "CopyObject" => copies::copy(cx, request),
        "CreateBucket" => buckets::create(cx, request),
        "CreateMultipartUpload" => uploads::begin(cx, request),
        "DeleteObject" => objects::delete(cx, request),
        "GetBucketLifecycleConfiguration" => buckets::lifecycle(cx, request),
        "GetBucketLocation" => buckets::location(cx, request),
        "GetBucketReplication" => buckets::replication(cx, request),
        "GetBucketVersioning" => buckets::versioning(cx, request),
        "GetObject" => objects::get(cx, request),
        "GetObjectTagging" => objects::tagging(cx, request),
        "HeadBucket" => buckets::head(cx, request),
        "HeadObject" => objects::head(cx, request),
        "ListBuckets" => buckets::list(cx, request),
        "ListMultipartUploads" => uploads::list(cx, request),
        "ListObjectVersions" => listings::versions(cx, request),
        "ListObjectsV2" => listings::objects(cx, request),
        "ListParts" => uploads::parts(cx, request),
        "PutBucketLifecycleConfiguration" => buckets::put_lifecycle(cx, request),
        "PutBucketReplication" => buckets::put_replication(cx, request),
        "PutBucketVersioning" => buckets::put_versioning(cx, request),
        "PutObject" => objects::put(cx, request),
        "UploadPart" => uploads::part(cx, request),
        "UploadPartCopy" => copies::part(cx, request),
        _ => Err(super::unknown(request)),
    }
}

/// Operation and inputs: `Bucket`, `Key` and the parameters of the query string; the rest is in headers and body.
pub(super) fn operation(raw: &Raw) -> Result<(String, Value), Refusal> {
    let (bucket, key) = address(raw);
    let parameters = raw.parameters();
    let has = |name: &str| parameters.iter().any(|(n, _)| n == name);
    let copies = raw.header("x-amz-copy-source").is_some();
    let operation = match (raw.method.as_str(), bucket.is_empty(), key.is_empty()) {
        ("GET", true, _) => "ListBuckets",
        ("GET", false, true) => match () {
            () if has("lifecycle") => "GetBucketLifecycleConfiguration",
            () if has("location") => "GetBucketLocation",
            () if has("replication") => "GetBucketReplication",
            () if has("uploads") => "ListMultipartUploads",
            () if has("versioning") => "GetBucketVersioning",
            () if has("versions") => "ListObjectVersions",
            () if has("list-type") => "ListObjectsV2",
            () => "ListObjects",
        },
        ("HEAD", false, true) => "HeadBucket",
        ("PUT", false, true) => match () {
            () if has("lifecycle") => "PutBucketLifecycleConfiguration",
            () if has("replication") => "PutBucketReplication",
            () if has("versioning") => "PutBucketVersioning",
            () => "CreateBucket",
        },
        ("POST", false, true) if has("delete") => "DeleteObjects",
        ("DELETE", false, true) => "DeleteBucket",
        ("GET", false, false) => match () {
            () if has("tagging") => "GetObjectTagging",
            () if has("uploadId") => "ListParts",
            () => "GetObject",
        },
        ("HEAD", false, false) => "HeadObject",
        ("PUT", false, false) => match () {
            () if has("uploadId") && copies => "UploadPartCopy",
            () if has("uploadId") => "UploadPart",
            () if has("tagging") => "PutObjectTagging",
            () if copies => "CopyObject",
            () => "PutObject",
        },
        ("POST", false, false) if has("uploads") => "CreateMultipartUpload",
        ("POST", false, false) if has("uploadId") => "CompleteMultipartUpload",
        ("DELETE", false, false) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", false, false) => "DeleteObject",
        _ => {
            let why = "The specified method is not allowed against this resource.";
            return Err(Refusal::with_status(405, "MethodNotAllowed", why));
        }
    };
    let mut input: Map<String, Value> = parameters.into_iter().map(|(n, v)| (n, Value::String(v))).collect();
    input.insert("Bucket".to_owned(), Value::String(bucket));
    input.insert("Key".to_owned(), Value::String(key));
    Ok((operation.to_owned(), Value::Object(input)))
}

/// Bucket and key. AWS's own hosts carry the bucket in front: `bucket.s3.eu-west-1.amazonaws.com`.
fn address(raw: &Raw) -> (String, String) {
    let path = raw.path.strip_prefix('/').unwrap_or(&raw.path);
    let front = raw.host.strip_suffix(".amazonaws.com").and_then(|host| host.rsplit_once(".s3").map(|(b, _)| b));
    match front {
        Some(bucket) => (bucket.to_owned(), decoded(path)),
        None => {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            (decoded(bucket), decoded(key))
        }
    }
}

/// The bucket of a request, if the caller may look at it.
///
/// # Errors
/// As S3 refuses what does not exist, is somebody else's, or is in another region.
fn bucket_of<'c>(cx: &'c mut Context<'_>, request: &Request) -> Result<&'c mut Bucket, Refusal> {
    let name = request.input["Bucket"].as_str().unwrap_or_default();
    let Some(bucket) = cx.world.s3.buckets.get_mut(name) else {
        return Err(Refusal::with_status(404, "NoSuchBucket", "The specified bucket does not exist"));
    };
    let expected = request.raw.header("x-amz-expected-bucket-owner");
    if bucket.account != request.account() || expected.is_some_and(|owner| owner != bucket.account) {
        return Err(Refusal::with_status(403, "AccessDenied", "Access Denied"));
    }
    if bucket.region != request.region {
        let why = "The bucket you are attempting to access must be addressed using the specified endpoint.";
        return Err(Refusal::with_status(301, "PermanentRedirect", why));
    }
    Ok(bucket)
}

fn key_of(request: &Request) -> &str {
    request.input["Key"].as_str().unwrap_or_default()
}

/// 200 with a document.
fn document(body: String) -> Served {
    let xml = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}");
    Ok(Reply::new(200).with("content-type", "application/xml").body(xml))
}

/// The body of a request as a tree.
fn read(request: &Request) -> Result<xml::Element, Refusal> {
    let text = std::str::from_utf8(&request.raw.body).ok();
    let why = "The XML you provided was not well-formed or did not validate against our published schema";
    text.and_then(xml::parse).ok_or_else(|| Refusal::new("MalformedXML", why))
}

/// A time as it stands in headers.
fn http_date(at: Moment) -> String {
    let stamp = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::MAX);
    stamp.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A key as lists have it when they are asked to encode it.
fn encoded(key: &str, request: &Request) -> String {
    match request.text("encoding-type") {
        Some("url") => {
            let form: String = serde_urlencoded::to_string([("", key)]).unwrap_or_default();
            form.trim_start_matches('=').replace("%2F", "/")
        }
        _ => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(method: &str, host: &str, path: &str, query: &str) -> (String, String, String) {
        let raw =
            Raw { method: method.into(), host: host.into(), path: path.into(), query: query.into(), ..Raw::default() };
        let (operation, input) = operation(&raw).unwrap();
        let text = |name: &str| input[name].as_str().unwrap().to_owned();
        (operation, text("Bucket"), text("Key"))
    }

    #[test]
    fn both_styles_of_addresses_name_the_same() {
        let wanted = ("GetObject".to_owned(), "my.bucket".to_owned(), "a/b c".to_owned());
        assert_eq!(of("GET", "my.bucket.s3.eu-west-1.amazonaws.com", "/a/b%20c", ""), wanted);
        assert_eq!(of("GET", "127.0.0.1", "/my.bucket/a/b%20c", ""), wanted);
        assert_eq!(of("GET", "s3.eu-west-1.amazonaws.com", "/", "").0, "ListBuckets");
        assert_eq!(of("GET", "b.s3.eu-west-1.amazonaws.com", "/", "list-type=2&prefix=x").0, "ListObjectsV2");
        assert_eq!(of("PUT", "127.0.0.1", "/b/k", "partNumber=1&uploadId=x").0, "UploadPart");
    }
}
