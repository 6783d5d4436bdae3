//! S3: which operation a request is. Buckets are in the host name or in the path.

use serde_json::{Map, Value};

use super::{Raw, Refusal, protocols::decoded};

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
