//! What drills do that nothing else does: look at all that a failover stands on, and write record sets as they are.

use serde::{Deserialize, Serialize};

use super::{Parameters, Weighing};

/// What a failover stands on, point by point. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadinessReport {
    /// DR region.
    pub region: String,
}

impl Parameters for ReadinessReport {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.region
    }

    fn label(&self) -> &'static str {
        "Look at what a failover needs"
    }
}

/// Reads both sides, and makes of what was read a twin and what happens to it, which people play. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwinReport {
    /// Primary region.
    pub region: String,
    /// What happens to the twin follows from it.
    pub seed: u32,
}

impl Parameters for TwinReport {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.region
    }

    fn label(&self) -> &'static str {
        "Make twins"
    }
}

/// `route53:ChangeResourceRecordSets`: record sets are read and written as they are, all in one change. Done once the change has
/// reached every name server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewriteRecords {
    /// Region whose credentials are used; Route 53 is the same from each.
    pub region: String,
    /// Hosted zone id.
    pub zone: String,
    /// Records with the weights they have: where one has another by now, nothing is written.
    pub records: Vec<Weighing>,
}

/// The output of [`RewriteRecords`] by which [`CompareRecords`] knows what the record sets were before: a digest.
pub const RECORDS: &str = "records";

impl Parameters for RewriteRecords {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.zone
    }

    fn label(&self) -> &'static str {
        "Write records as they are"
    }
}

/// Reads the record sets again, and compares them with what they were before. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompareRecords {
    /// Region whose credentials are used.
    pub region: String,
    /// Hosted zone id.
    pub zone: String,
    /// Records.
    pub records: Vec<Weighing>,
}

impl Parameters for CompareRecords {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.zone
    }

    fn label(&self) -> &'static str {
        "Compare records"
    }
}
