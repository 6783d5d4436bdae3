//! SNS topics: those that automatic notices go to, and the one that AWS's events come from.

use serde::{Deserialize, Serialize};

/// Topic names, one of each per environment's account, and the region they are published in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topics {
    /// Completion and failure of backups.
    pub backup_status: String,
    /// What should be looked at, such as a validation that failed.
    pub ops_warning: String,
    /// What must be looked at now.
    pub ops_critical: String,
    /// Failovers, failbacks and drills.
    pub dr_events: String,
    /// Which of the environment's regions they are in.
    pub region: TopicRegion,
    /// What EventBridge publishes changes of jobs to, in every region of an environment; no push is believed where left
    /// out.
    #[serde(default)]
    pub push: Option<String>,
}

/// Which of an environment's regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TopicRegion {
    /// The DR region, which the primary region's failure does not reach.
    Dr,
    /// The primary region.
    Primary,
}

/// The partition an AWS region belongs to; nothing is copied between partitions.
pub fn partition(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("eusc") => "aws-eusc",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}
