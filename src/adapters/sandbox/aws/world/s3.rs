//! Buckets of S3: one namespace over all accounts and regions.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    super::time::{Phase, Timeline},
    Tags,
};
use crate::domain::moment::Moment;

/// Buckets by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct S3 {
    /// Buckets by name.
    pub buckets: BTreeMap<String, Bucket>,
}

/// A bucket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bucket {
    /// Account that owns it.
    pub account: String,
    /// Region it is in.
    pub region: String,
    /// When it was made.
    pub created: Moment,
    /// Enabled or suspended; none where it never was either.
    pub versioning: Option<bool>,
    /// ARN of the KMS key of objects that name none; without it S3's own keys encrypt, which are not of KMS.
    pub key: Option<String>,
    /// `ReplicationConfiguration` as it was put.
    pub replication: Option<String>,
    /// `LifecycleConfiguration` as it was put.
    pub lifecycle: Option<String>,
    /// Versions by key, the newest first; never empty.
    pub objects: BTreeMap<String, Vec<Version>>,
    /// Unfinished uploads by id.
    pub uploads: BTreeMap<String, Upload>,
}

impl Bucket {
    /// An empty one.
    pub fn new(account: &str, region: &str, created: Moment) -> Bucket {
        Bucket {
            account: account.to_owned(),
            region: region.to_owned(),
            created,
            versioning: None,
            key: None,
            replication: None,
            lifecycle: None,
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
        }
    }

    /// The current version of an object, if there is one that is no delete marker.
    pub fn current(&self, key: &str, now: Moment) -> Option<&Version> {
        self.newest(key, now).filter(|version| !version.deleted)
    }

    /// The newest version of a key, delete markers among them.
    pub fn newest(&self, key: &str, now: Moment) -> Option<&Version> {
        self.objects.get(key)?.iter().find(|version| version.visible <= now)
    }

    /// Adds a version, or puts it in place of the one there is.
    pub fn add(&mut self, key: &str, version: Version) {
        let keeps = self.versioning == Some(true);
        let versions = self.objects.entry(key.to_owned()).or_default();
        if !keeps {
            versions.retain(|there| there.id != version.id);
        }
        let at = versions.partition_point(|there| there.made > version.made);
        versions.insert(at, version);
    }
}

/// What an object is made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Content {
    /// Bytes.
    Real(#[serde(with = "base64_bytes")] Bytes),
    /// As many zeros: what stands for large files that nobody reads.
    Zeros(u64),
}

impl Content {
    /// Bytes there are.
    pub fn len(&self) -> u64 {
        match self {
            Content::Real(bytes) => bytes.len() as u64,
            Content::Zeros(count) => *count,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes from one place up to another, which are within it.
    pub fn range(&self, from: u64, upto: u64) -> Bytes {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        match self {
            Content::Real(bytes) => bytes.slice(place(from)..place(upto)),
            Content::Zeros(_) => vec![0; place(upto - from)].into(),
        }
    }
}

/// A version of an object, or a delete marker.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Version {
    /// `null` where versions are not kept.
    pub id: String,
    /// S3's LastModified, which a replica has from its source.
    pub made: Moment,
    /// From when on it is seen: replicas come later than they were made.
    pub visible: Moment,
    /// A delete marker.
    pub deleted: bool,
    /// Content.
    pub content: Content,
    /// ETag without quotes.
    pub etag: String,
    /// SHA-256 in base64, `-N` where it is over the parts of an upload.
    pub sha256: Option<String>,
    /// Metadata, without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
    /// Tags.
    pub tags: Tags,
    /// Content type.
    pub content_type: String,
    /// Storage class.
    #[serde(default = "standard")]
    pub class: String,
    /// ARN of the KMS key.
    pub key: Option<String>,
    /// Where it is replicated to, if a rule covered it when it was written.
    pub replication: Option<Replication>,
    /// It is a replica itself.
    pub replica: bool,
}

fn standard() -> String {
    "STANDARD".to_owned()
}

/// How the replication of a version goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replication {
    /// Bucket it goes to.
    pub bucket: String,
    /// PENDING until its end.
    pub course: Timeline,
}

impl Version {
    /// Whether it has to be thawed before it can be read.
    pub fn frozen(&self) -> bool {
        ["GLACIER", "DEEP_ARCHIVE"].contains(&self.class.as_str())
    }

    /// `x-amz-replication-status`.
    pub fn replication_status(&self, now: Moment) -> Option<&'static str> {
        match (&self.replication, self.replica) {
            (Some(replication), _) => Some(match replication.course.phase(now) {
                Phase::Queued | Phase::Running(_) => "PENDING",
                Phase::Done => "COMPLETED",
                Phase::Failed(_) => "FAILED",
            }),
            (None, true) => Some("REPLICA"),
            (None, false) => None,
        }
    }
}

/// An upload in parts that is not complete.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Upload {
    /// Key of the object to be.
    pub key: String,
    /// When it was begun.
    pub begun: Moment,
    /// What the object is to be like; its content is not known yet.
    pub draft: Version,
    /// A SHA-256 is kept of every part and of the object.
    pub summed: bool,
    /// By number.
    pub parts: BTreeMap<u32, Part>,
}

/// A part of an upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    /// Bytes.
    #[serde(with = "base64_bytes")]
    pub bytes: Bytes,
    /// ETag without quotes.
    pub etag: String,
    /// SHA-256 in base64.
    pub sha256: String,
    /// When it arrived.
    pub at: Moment,
    /// So many zeros instead of bytes: a part of a large file that nobody reads, copied.
    #[serde(default)]
    pub zeros: u64,
}

impl Part {
    /// Bytes there are.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64 + self.zeros
    }
}

/// Bytes as base64 in the file that keeps the world.
mod base64_bytes {
    use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
    use bytes::Bytes;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&BASE64.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        BASE64.decode(text).map(Bytes::from).map_err(D::Error::custom)
    }
}
