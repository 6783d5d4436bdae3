//! What looks at an environment as a whole and tells of it.

use serde::{Deserialize, Serialize};

use super::Parameters;

/// What is protected against what exists: counts, retention, success rate. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryReport {
    /// Primary region.
    pub region: String,
}

impl Parameters for InventoryReport {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.region
    }

    fn label(&self) -> &'static str {
        "Take inventory"
    }
}

/// Lag of every component against its RPO. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicationReport {
    /// DR region.
    pub region: String,
}

impl Parameters for ReplicationReport {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.region
    }

    fn label(&self) -> &'static str {
        "Measure replication"
    }
}

/// What stands in the way of a failover, however the primary region is. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObstacleReport {
    /// DR region.
    pub region: String,
}

impl Parameters for ObstacleReport {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.region
    }

    fn label(&self) -> &'static str {
        "Check disaster recovery"
    }
}
