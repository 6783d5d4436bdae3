//! Buckets of data: S3 itself keeps the versions and the replica. A backup verifies that it does, and records what was current.

use super::Parts;
use crate::domain::{environment::Bucket, retention, step, world::BucketFound};

/// Newest objects whose replication is looked at.
const SAMPLE: u32 = 100;

impl Parts<'_> {
    pub(super) fn bucket(&mut self, bucket: &Bucket) {
        let Some(found) = self.found(bucket) else { return };
        self.draft.fact(format!("Bucket {}", bucket.name), describe(&found, self.env.replicates()));
        let region = self.env.primary_region.clone();
        let replica = bucket.dr.clone().filter(|_| self.env.replicates());
        let verified = self.draft.step(
            format!("Verify versioning and replication of bucket {}", bucket.name),
            vec![],
            step::VerifyBucket {
                region: region.clone(),
                bucket: bucket.name.clone(),
                replica: replica.map(|dr| (self.env.dr_region.clone(), dr)),
                sample: SAMPLE,
            },
        );
        self.lifecycle_of(&bucket.name, "", self.env.retention_days.min);
        let Some(records) = self.target.recorded_in().map(str::to_owned) else {
            self.draft.note(format!(
                "The versions in bucket {} are not recorded: `secrets_bucket` names no place for the record.",
                bucket.name
            ));
            return;
        };
        let key = self.key("s3", &format!("{}.jsonl.zst", bucket.name));
        let made = self.draft.step(
            format!("Record the versions in bucket {}", bucket.name),
            vec![verified],
            step::BucketRecord { region, source: bucket.name.clone(), bucket: records.clone(), key: key.clone() },
        );
        self.look_after(&format!("record of {}", bucket.name), made, &records, &key);
    }

    /// Only looks at the rules, of the buckets of data and of the one that archives lie in.
    pub(super) fn lifecycle(&mut self) {
        let floor = self.env.retention_days.min;
        for bucket in self.target.buckets.clone() {
            if let Some(found) = self.found(bucket) {
                self.draft.fact(format!("Bucket {}", bucket.name), describe(&found, self.env.replicates()));
                self.lifecycle_of(&bucket.name, "", floor);
            }
        }
        if let Some(archives) = self.target.recorded_in().map(str::to_owned) {
            let prefix = format!("{}/", self.env.name);
            self.lifecycle_of(&archives, &prefix, retention::longest(self.env));
        }
    }

    fn lifecycle_of(&mut self, bucket: &str, prefix: &str, min_days: u32) {
        self.draft.step(
            format!("Verify lifecycle rules of bucket {bucket}"),
            vec![],
            step::VerifyLifecycle {
                region: self.env.primary_region.clone(),
                bucket: bucket.to_owned(),
                prefix: prefix.to_owned(),
                min_days,
            },
        );
    }

    fn found(&mut self, bucket: &Bucket) -> Option<BucketFound> {
        let found = self.world.buckets.iter().find(|b| b.name == bucket.name).cloned();
        if found.is_none() {
            self.draft.problem(format!(
                "Bucket `{}` was not found in {} of account {}. Check `buckets` in bbws.toml.",
                bucket.name, self.env.primary_region, self.env.account
            ));
        }
        found
    }
}

fn describe(found: &BucketFound, replicates: bool) -> String {
    let versions = if found.versioned { "versioned" } else { "NOT versioned" };
    let replication = match &found.replication {
        _ if !replicates => "not replicated, as the environment is configured".to_owned(),
        Ok(rule) => format!("replicated to {rule}"),
        Err(why) => format!("NOT replicated: {why}"),
    };
    format!("{versions}, {replication}")
}
