//! What is set about a bucket as a whole: that its versions are kept, and its lifecycle rules.

use serde::{Deserialize, Serialize};

use super::Parameters;
use crate::domain::environment::LifecycleRule;

/// A lifecycle rule as this product writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSpec {
    /// Its name in S3.
    pub id: String,
    /// What its objects' keys begin with; everything when empty.
    pub prefix: String,
    /// Only objects whose tag says that they are to be kept for so many days; all where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Days until each colder storage class, in order.
    pub transitions: Vec<(String, u32)>,
    /// Days until current versions expire; none where they never do.
    pub expires: Option<u32>,
    /// Days until noncurrent versions expire; none where they never do.
    pub noncurrent_expires: Option<u32>,
}

impl RuleSpec {
    /// What names begin with that the config did not choose.
    pub const OURS: &str = "bbws-";

    /// The tag that says for how many days an archive is to be kept.
    pub const TAG: &str = "bbws:retention-days";

    /// The name of a rule about this prefix where the config gives it none.
    pub fn named(prefix: &str) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
        match prefix.trim_end_matches('/') {
            "" => format!("{}all", Self::OURS),
            prefix => format!("{}{}", Self::OURS, prefix.chars().map(plain).take(200).collect::<String>()),
        }
    }

    /// The name of a rule of the config in S3.
    pub fn name_of(rule: &LifecycleRule) -> String {
        let ending = rule.retention.map(|days| format!("-{days}d")).unwrap_or_default();
        rule.id.clone().unwrap_or_else(|| format!("{}{ending}", Self::named(&rule.prefix)))
    }

    /// What it does, in the words of S3.
    pub fn words(&self) -> String {
        let mut acts: Vec<String> =
            self.transitions.iter().map(|(class, days)| format!("{class} after {days} days")).collect();
        acts.extend(self.expires.map(|days| format!("expires after {days} days")));
        acts.extend(self.noncurrent_expires.map(|days| format!("noncurrent versions expire after {days} days")));
        if acts.is_empty() {
            acts.push("moves and expires nothing".to_owned());
        }
        let under = (!self.prefix.is_empty()).then(|| format!("under {}", self.prefix));
        let kept = self.retention_days.map(|days| format!("with tag {}={days}", Self::TAG));
        let scope: Vec<String> = under.into_iter().chain(kept).collect();
        let scope = if scope.is_empty() { String::new() } else { format!(" ({})", scope.join(", ")) };
        format!("rule {}{scope}: {}", self.id, acts.join(", "))
    }
}

/// Makes a bucket keep the versions of its objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnableVersioning {
    /// Region of the bucket.
    pub region: String,
    /// Bucket.
    pub bucket: String,
}

impl Parameters for EnableVersioning {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.bucket
    }

    fn label(&self) -> &'static str {
        "Keep versions"
    }
}

/// Makes the lifecycle rules of ours on a bucket these and no others. What somebody else put there stays word for word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutLifecycle {
    /// Region of the bucket.
    pub region: String,
    /// Bucket.
    pub bucket: String,
    /// The rules.
    pub rules: Vec<RuleSpec>,
}

impl Parameters for PutLifecycle {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.bucket
    }

    fn label(&self) -> &'static str {
        "Put lifecycle rules"
    }
}
