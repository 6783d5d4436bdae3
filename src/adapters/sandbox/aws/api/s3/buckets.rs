//! Buckets and what is set about them. Configurations are kept and given back as they were put.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Served, bucket_of, document, read, xml};
use crate::adapters::sandbox::aws::{
    api::{Context, Refusal, Reply, Request, protocols::element},
    judge::Made,
    world::s3::Bucket,
};

pub(super) fn create(cx: &mut Context<'_>, request: &Request) -> Served {
    let name = request.input["Bucket"].as_str().unwrap_or_default();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    if !(3..=63).contains(&name.len()) || !name.chars().all(fits) {
        return Err(Refusal::new("InvalidBucketName", "The specified bucket is not valid."));
    }
    let wanted = match request.raw.body.is_empty() {
        true => "us-east-1".to_owned(),
        false => read(request)?.text_at(&["LocationConstraint"]).to_owned(),
    };
    if wanted != request.region {
        let why = format!(
            "The {wanted} location constraint is incompatible for the region specific endpoint this request was sent to."
        );
        return Err(Refusal::new("IllegalLocationConstraintException", why));
    }
    if let Some(there) = cx.world.s3.buckets.get(name) {
        let (code, why) = match there.account == request.account() {
            true => (
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own it.",
            ),
            false => ("BucketAlreadyExists", "The requested bucket name is not available."),
        };
        return Err(Refusal::with_status(409, code, why));
    }
    cx.world.s3.buckets.insert(name.to_owned(), Bucket::new(request.account(), &request.region, cx.now));
    Ok(Reply::new(200).with("location", format!("/{name}")))
}

pub(super) fn head(cx: &mut Context<'_>, request: &Request) -> Served {
    let region = bucket_of(cx, request)?.region.clone();
    Ok(Reply::new(200).with("x-amz-bucket-region", region))
}

pub(super) fn list(cx: &mut Context<'_>, request: &Request) -> Served {
    let mut body = "<ListAllMyBucketsResult>".to_owned();
    element(&mut body, "Owner", &json!({ "ID": request.account() }));
    body.push_str("<Buckets>");
    for (name, bucket) in cx.world.s3.buckets.iter().filter(|(_, bucket)| bucket.account == request.account()) {
        let entry =
            json!({ "Name": name, "CreationDate": request.time(bucket.created), "BucketRegion": bucket.region });
        element(&mut body, "Bucket", &entry);
    }
    document(body + "</Buckets></ListAllMyBucketsResult>")
}

pub(super) fn location(cx: &mut Context<'_>, request: &Request) -> Served {
    let region = &bucket_of(cx, request)?.region;
    document(format!("<LocationConstraint>{}</LocationConstraint>", if region == "us-east-1" { "" } else { region }))
}

pub(super) fn versioning(cx: &mut Context<'_>, request: &Request) -> Served {
    let status = match bucket_of(cx, request)?.versioning {
        None => String::new(),
        Some(true) => "<Status>Enabled</Status>".to_owned(),
        Some(false) => "<Status>Suspended</Status>".to_owned(),
    };
    document(format!(
        "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{status}</VersioningConfiguration>"
    ))
}

pub(super) fn put_versioning(cx: &mut Context<'_>, request: &Request) -> Served {
    let enabled = match read(request)?.text_at(&["Status"]) {
        "Enabled" => true,
        "Suspended" => false,
        _ => return Err(Refusal::new("MalformedXML", "Status must be Enabled or Suspended")),
    };
    bucket_of(cx, request)?.versioning = Some(enabled);
    changed(cx, request, "versions");
    Ok(Reply::new(200))
}

pub(super) fn replication(cx: &mut Context<'_>, request: &Request) -> Served {
    match &bucket_of(cx, request)?.replication {
        Some(configuration) => document(configuration.clone()),
        None => Err(Refusal::with_status(
            404,
            "ReplicationConfigurationNotFoundError",
            "The replication configuration was not found",
        )),
    }
}

pub(super) fn put_replication(cx: &mut Context<'_>, request: &Request) -> Served {
    let configuration = read(request)?;
    let destinations: Vec<String> = configuration.all("Rule").map(|rule| Rule::of(rule).bucket).collect();
    if bucket_of(cx, request)?.versioning != Some(true) {
        let why = "Versioning must be 'Enabled' on the bucket to apply a replication configuration";
        return Err(Refusal::new("InvalidRequest", why));
    }
    if destinations.is_empty() || destinations.iter().any(|name| !cx.world.s3.buckets.contains_key(name)) {
        return Err(Refusal::new("InvalidRequest", "Destination bucket must exist."));
    }
    if destinations.iter().any(|name| cx.world.s3.buckets[name].versioning != Some(true)) {
        return Err(Refusal::new("InvalidRequest", "Destination bucket must have versioning enabled."));
    }
    let rules: Vec<&xml::Element> = configuration.all("Rule").collect();
    let newer = rules.iter().filter(|rule| rule.at(&["Filter"]).is_some()).count();
    if newer != 0 && newer != rules.len() {
        let why = "Replication rules of different schema versions cannot be in one configuration";
        return Err(Refusal::new("InvalidRequest", why));
    }
    let priorities: BTreeSet<&str> = rules.iter().map(|rule| rule.text_at(&["Priority"])).collect();
    if newer > 1 && priorities.len() != rules.len() {
        return Err(Refusal::new("InvalidRequest", "Found duplicate priorities. Priorities must be unique."));
    }
    bucket_of(cx, request)?.replication = Some(as_put(request));
    changed(cx, request, "replication");
    Ok(Reply::new(200))
}

pub(super) fn lifecycle(cx: &mut Context<'_>, request: &Request) -> Served {
    match &bucket_of(cx, request)?.lifecycle {
        Some(configuration) => document(configuration.clone()),
        None => {
            Err(Refusal::with_status(404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"))
        }
    }
}

pub(super) fn put_lifecycle(cx: &mut Context<'_>, request: &Request) -> Served {
    read(request)?;
    bucket_of(cx, request)?.lifecycle = Some(as_put(request));
    changed(cx, request, "lifecycle rules");
    Ok(Reply::new(200))
}

fn changed(cx: &mut Context<'_>, request: &Request, what: &str) {
    let name = request.input["Bucket"].as_str().unwrap_or_default().to_owned();
    cx.changed(request, format!("{what} of bucket {name}"), Made::Bucket { name, what: what.to_owned() });
}

/// The document of a request, without what stands before its root.
fn as_put(request: &Request) -> String {
    let text = String::from_utf8_lossy(&request.raw.body);
    let text = text.trim();
    let root = text.strip_prefix("<?").and_then(|rest| rest.split_once("?>")).map_or(text, |(_, root)| root);
    root.trim_start().to_owned()
}

/// A rule of replication as far as it decides what is replicated where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    enabled: bool,
    prefix: String,
    tags: Vec<(String, String)>,
    /// Name of the destination.
    pub(super) bucket: String,
    /// Also of what is encrypted under KMS: S3 leaves that out unless it is told.
    encrypted: bool,
    /// Key of the replicas.
    pub(super) key: Option<String>,
    /// Also of delete markers.
    pub(super) markers: bool,
}

impl Rule {
    /// All rules of a bucket, in their order.
    pub(super) fn all(bucket: &Bucket) -> Vec<Rule> {
        let configuration = bucket.replication.as_deref().and_then(xml::parse).unwrap_or_default();
        configuration.all("Rule").map(Rule::of).collect()
    }

    fn of(rule: &xml::Element) -> Rule {
        let prefix = [&["Prefix"][..], &["Filter", "Prefix"], &["Filter", "And", "Prefix"]]
            .into_iter()
            .map(|path| rule.text_at(path))
            .find(|prefix| !prefix.is_empty());
        let one = rule.at(&["Filter", "Tag"]).into_iter();
        let several = rule.at(&["Filter", "And"]).into_iter().flat_map(|and| and.all("Tag"));
        let pair = |tag: &xml::Element| (tag.text_at(&["Key"]).to_owned(), tag.text_at(&["Value"]).to_owned());
        let arn = rule.text_at(&["Destination", "Bucket"]);
        let encrypted = rule.text_at(&["SourceSelectionCriteria", "SseKmsEncryptedObjects", "Status"]);
        let key = rule.text_at(&["Destination", "EncryptionConfiguration", "ReplicaKmsKeyID"]);
        Rule {
            enabled: rule.text_at(&["Status"]) == "Enabled",
            prefix: prefix.unwrap_or_default().to_owned(),
            tags: one.chain(several).map(pair).collect(),
            bucket: arn.strip_prefix("arn:aws:s3:::").unwrap_or(arn).to_owned(),
            encrypted: encrypted == "Enabled",
            key: Some(key.to_owned()).filter(|key| !key.is_empty()),
            markers: rule.text_at(&["DeleteMarkerReplication", "Status"]) == "Enabled",
        }
    }

    /// Whether it is of an object with this key, these tags, under KMS or not.
    pub(super) fn covers(&self, key: &str, tags: &crate::adapters::sandbox::aws::world::Tags, under_kms: bool) -> bool {
        self.enabled
            && key.starts_with(&self.prefix)
            && self.tags.iter().all(|(name, value)| tags.get(name) == Some(value))
            && (self.encrypted || !under_kms)
    }
}
