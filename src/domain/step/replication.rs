//! The rule by which S3 replicates a bucket to its replica.

use serde::{Deserialize, Serialize};

use super::Parameters;

/// A replication rule as this product writes it: of the whole bucket, with what is encrypted under KMS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicationSpec {
    /// Its name in S3.
    pub id: String,
    /// Bucket of the replicas.
    pub replica: String,
    /// ARN of the key that replicas are encrypted under; none where nothing under KMS is replicated.
    pub kms_key: Option<String>,
    /// Whether delete markers are replicated.
    pub delete_markers: bool,
}

impl ReplicationSpec {
    /// Its name where the config gives it none.
    pub const NAME: &str = "bbws-to-dr";

    /// What it does.
    pub fn words(&self) -> String {
        let Self { id, replica, kms_key, delete_markers } = self;
        let encrypted = match kms_key {
            Some(key) => format!("what is under KMS too, encrypted there under {key}"),
            None => "without what is under KMS".to_owned(),
        };
        let markers = if *delete_markers { "with delete markers" } else { "without delete markers" };
        format!("rule {id}: everything to {replica}, {encrypted}, {markers}")
    }
}

/// Makes S3 replicate a bucket by this rule. Rules of others stay as they are; the role is one for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutReplication {
    /// Region of the bucket.
    pub region: String,
    /// Bucket.
    pub bucket: String,
    /// ARN of the role that S3 assumes.
    pub role: String,
    /// The rule.
    pub rule: ReplicationSpec,
}

impl Parameters for PutReplication {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.bucket
    }

    fn label(&self) -> &'static str {
        "Put replication rule"
    }
}
