<<<<<<< HEAD
//! SNS topics that automatic notices go to.

use serde::{Deserialize, Serialize};

/// Topic names, one of each per environment's account, and the region they are published in.
=======
//! The config file's `[topics]`: which SNS topics are told, and in which region.

use serde::{Deserialize, Serialize};

/// Which of an environment's two regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TopicRegion {
    /// The DR region: where a failure of the primary region does not reach.
    Dr,
    /// The primary region.
    Primary,
}

/// Names of the SNS topics; every environment's account has one of each.
>>>>>>> aws
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topics {
    /// Completion and failure of backups.
    pub backup_status: String,
<<<<<<< HEAD
    /// What should be looked at, such as a validation that failed.
    pub ops_warning: String,
    /// What must be looked at now.
    pub ops_critical: String,
    /// Failovers, failbacks and drills.
    pub dr_events: String,
    /// Which of the environment's regions they are in.
    pub region: TopicRegion,
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
=======
    /// A validation failed, something is at risk.
    pub ops_warning: String,
    /// Somebody has to act now.
    pub ops_critical: String,
    /// Disaster recovery.
    pub dr_events: String,
    /// Region of the topics.
    pub region: TopicRegion,
}
>>>>>>> aws
