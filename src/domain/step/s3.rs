//! Buckets and objects: replicas, records of versions, and what is verified of either.

use serde::{Deserialize, Serialize};

use super::{Metric, Outputs, Page, Parameters, Proof, Step};
use crate::domain::moment::Moment;

/// Waits until S3 has replicated the object to the DR bucket. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectReplica {
    /// Source region.
    pub from_region: String,
    /// Source bucket.
    pub from_bucket: String,
    /// DR region.
    pub region: String,
    /// DR bucket.
    pub bucket: String,
    /// Object key, the same in both.
    pub key: String,
}

impl Parameters for ObjectReplica {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.bucket
    }

    fn label(&self) -> &'static str {
        "Replicate objects"
    }

    fn page(&self, step: &Step, _inputs: &Outputs) -> Option<Page> {
        step.begun().then(|| Page::object(&self.region, &self.bucket, &self.key))
    }
}

/// Verifies that an object exists, is SSE-KMS encrypted, not empty and has the `sha256` of the step it follows. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyObject {
    /// Region of the bucket.
    pub region: String,
    /// Bucket.
    pub bucket: String,
    /// Object key.
    pub key: String,
    /// Retention the tag has to show, in days.
    pub retention_days: u32,
}

impl Parameters for VerifyObject {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.bucket
    }

    fn label(&self) -> &'static str {
        "Verify objects"
    }

    fn page(&self, step: &Step, _inputs: &Outputs) -> Option<Page> {
        step.begun().then(|| Page::object(&self.region, &self.bucket, &self.key))
    }

    fn proves(&self) -> Option<Proof> {
        Some(Proof::Object)
    }
}

/// Writes down the current version of every object of a bucket as one object, compressed JSON lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketRecord {
    /// Region of both buckets.
    pub region: String,
    /// Bucket whose versions are recorded.
    pub source: String,
    /// Bucket of the record.
    pub bucket: String,
    /// The record's key.
    pub key: String,
}

impl Parameters for BucketRecord {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.source
    }

    fn label(&self) -> &'static str {
        "Record bucket versions"
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Backup)
    }
}

/// Verifies that a bucket is versioned, is replicated to its replica, and that a sample of its newest objects arrived there. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyBucket {
    /// Region of the bucket.
    pub region: String,
    /// Bucket.
    pub bucket: String,
    /// Region and name of its replica; none where the environment does not replicate.
    pub replica: Option<(String, String)>,
    /// Objects looked at.
    pub sample: u32,
}

impl Parameters for VerifyBucket {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.bucket
    }

    fn label(&self) -> &'static str {
        "Verify buckets"
    }
}

/// Verifies a bucket's lifecycle rules: none may delete what has to be kept. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyLifecycle {
    /// Region of the bucket.
    pub region: String,
    /// Bucket.
    pub bucket: String,
    /// Prefix under which what has to be kept lies; everything when empty.
    pub prefix: String,
    /// Days nothing may expire before.
    pub min_days: u32,
}

impl Parameters for VerifyLifecycle {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.bucket
    }

    fn label(&self) -> &'static str {
        "Verify lifecycle rules"
    }
}

/// A bucket whose objects are brought back, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Bucket that is live.
    pub bucket: String,
    /// Region and name of the replica whose versions are brought back; the bucket's own where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<(String, String)>,
    /// Only keys that begin so; all when empty.
    pub prefix: String,
    /// As they were at this moment.
    pub as_of: Moment,
    /// Bucket of the list.
    pub archive: String,
    /// Key of the list: what is to be brought back, and what was current instead of it.
    pub list: String,
}

/// Writes down which versions were current at a moment and are not now, as one object: compressed JSON lines. Changes
/// nothing in the bucket itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListVersions {
    /// Region of the bucket and of the list.
    pub region: String,
    /// What is listed.
    pub versions: Versions,
}

impl Parameters for ListVersions {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.versions.bucket
    }

    fn label(&self) -> &'static str {
        "List versions to bring back"
    }

    fn page(&self, step: &Step, _inputs: &Outputs) -> Option<Page> {
        step.begun().then(|| Page::object(&self.region, &self.versions.archive, &self.versions.list))
    }
}

/// Brings back what is in the list, one object at a time: `s3:PutObject` by CopyObject where it was overwritten, and
/// `s3:DeleteObjectVersion` of the one delete marker that hides it where it was deleted. An object that is no longer as the
/// list says is left alone; one in an archived storage class is never thawed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreVersions {
    /// Region of the bucket and of the list.
    pub region: String,
    /// What was listed.
    pub versions: Versions,
}

impl Parameters for RestoreVersions {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.versions.bucket
    }

    fn label(&self) -> &'static str {
        "Bring versions back"
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Restore)
    }
}

/// Lists the bucket again: what was to be brought back is current, as far as nobody wrote it anew meanwhile. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyVersions {
    /// Region of the bucket and of the list.
    pub region: String,
    /// What was listed.
    pub versions: Versions,
}

impl Parameters for VerifyVersions {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.versions.bucket
    }

    fn label(&self) -> &'static str {
        "Verify versions"
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Validation)
    }
}

/// Makes current again what was current before: copies of the recorded versions, and delete markers where there were some.
/// An object that somebody wrote since is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevertVersions {
    /// Region of the bucket and of the list.
    pub region: String,
    /// What was listed.
    pub versions: Versions,
}

impl Parameters for RevertVersions {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.versions.bucket
    }

    fn label(&self) -> &'static str {
        "Put versions back"
    }
}
