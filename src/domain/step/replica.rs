//! Read replicas of another region: made, followed, and seen to have everything that was written before writes stood still.

use serde::{Deserialize, Serialize};

use super::{Outputs, Page, Parameters, Step};

/// `rds:CreateDBInstanceReadReplica`, called in the region that gets it. The replica's name is the idempotency token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateReplica {
    /// Region that gets it.
    pub region: String,
    /// Region of its source.
    pub from_region: String,
    /// DB instance identifier of its source.
    pub source: String,
    /// DB instance identifier it gets.
    pub instance: String,
    /// An instance of its own region whose settings it takes, so that it can take that one's place; those of its source where
    /// there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
    /// KMS key of its own region; that of the instance whose settings it takes where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// DB subnet group, where there is no instance whose settings it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_group: Option<String>,
    /// VPC security groups, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
}

impl Parameters for CreateReplica {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.source
    }

    fn label(&self) -> &'static str {
        "Make replicas"
    }

    fn page(&self, _step: &Step, _inputs: &Outputs) -> Option<Page> {
        None
    }
}

/// Waits until a replica is hardly behind, so that writes need not stand still for long later. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowReplica {
    /// Region of the replica.
    pub region: String,
    /// Its DB instance identifier.
    pub replica: String,
    /// How far it may be behind, in seconds.
    pub at_most: u64,
}

impl Parameters for FollowReplica {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.replica
    }

    fn label(&self) -> &'static str {
        "Follow replicas"
    }
}

/// A service that has no tasks while writes stand still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoppedService {
    /// Cluster.
    pub cluster: String,
    /// Service.
    pub service: String,
}

/// Waits until a replica has everything that was written before this step began, and sees all the while that nobody started what
/// writes again. It fails, and turns the run back, where that takes too long: writes stand still meanwhile. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatchUp {
    /// Region of the replica.
    pub region: String,
    /// Its DB instance identifier.
    pub replica: String,
    /// Region of what was stopped.
    pub from_region: String,
    /// What was stopped there.
    pub stopped: Vec<StoppedService>,
    /// For how long at most, in seconds.
    pub within: u64,
}

impl Parameters for CatchUp {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.replica
    }

    fn label(&self) -> &'static str {
        "Wait for the last writes"
    }

    /// The side that wrote has to write again.
    fn turns_back(&self) -> bool {
        true
    }
}
