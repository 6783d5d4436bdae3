//! Buckets and objects: replicas, records of versions, and what is verified of either.

use serde::{Deserialize, Serialize};

use super::{Outputs, Page, Parameters, Proof, Step};

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
