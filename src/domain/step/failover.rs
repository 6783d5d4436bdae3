//! A platform moves to its other side: replicas are promoted, services scaled, traffic shifted.

use serde::{Deserialize, Serialize};

use super::Parameters;

/// `rds:PromoteReadReplica`: a read replica becomes an instance of its own. Nothing makes it a replica again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromoteReplica {
    /// Region of the replica.
    pub region: String,
    /// The database it is a replica of.
    pub database: String,
    /// Its DB instance identifier.
    pub replica: String,
}

impl Parameters for PromoteReplica {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.replica
    }

    fn label(&self) -> &'static str {
        "Promote replicas"
    }

    fn is_final(&self) -> bool {
        true
    }
}

/// `secretsmanager:StopReplicationToReplica`: every replica under the prefix becomes a secret of its own, which can be written. Nothing
/// makes it a replica again but a new replication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromoteSecrets {
    /// Region of the replicas.
    pub region: String,
    /// What their names begin with.
    pub prefix: String,
}

impl Parameters for PromoteSecrets {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.prefix
    }

    fn label(&self) -> &'static str {
        "Promote secrets"
    }

    fn is_final(&self) -> bool {
        true
    }
}

/// `ecs:UpdateService`: a service gets so many tasks, and has them once they run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScaleService {
    /// Region of the cluster.
    pub region: String,
    /// Cluster.
    pub cluster: String,
    /// Service.
    pub service: String,
    /// How many tasks.
    pub desired: u32,
}

impl Parameters for ScaleService {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.service
    }

    fn label(&self) -> &'static str {
        "Scale services"
    }
}

/// `ecs:UpdateService`: a service of the side that was left gets no tasks, where that side can be reached. Where it cannot, the
/// step ends and says so: nothing waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FenceService {
    /// Region of the cluster.
    pub region: String,
    /// Cluster.
    pub cluster: String,
    /// Service.
    pub service: String,
}

impl Parameters for FenceService {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.service
    }

    fn label(&self) -> &'static str {
        "Fence the old side"
    }
}

/// `route53-recovery-cluster:UpdateRoutingControlStates`: one routing control is turned on and another one off, in one change, over
/// the first endpoint of their cluster that takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnControls {
    /// Region whose credentials are used; the endpoints have regions of their own.
    pub region: String,
    /// ARN of the control that is turned on.
    pub on: String,
    /// ARN of the one that is turned off.
    pub off: String,
    /// Addresses of the cluster's endpoints, in the order in which they are tried.
    pub endpoints: Vec<String>,
}

impl Parameters for TurnControls {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.on
    }

    fn label(&self) -> &'static str {
        "Turn routing controls"
    }
}

/// A record of a weighted group and the weight it is to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weighing {
    /// Name with the final dot.
    pub name: String,
    /// Record type.
    pub kind: String,
    /// Set identifier.
    pub set: String,
    /// 0 to 255.
    pub weight: u8,
}

/// `route53:ChangeResourceRecordSets`: the weights of records, all in one change, everything else of them as it is. Done once
/// the change has reached every name server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftTraffic {
    /// Region whose credentials are used; Route 53 is the same from each.
    pub region: String,
    /// Hosted zone id.
    pub zone: String,
    /// Records.
    pub records: Vec<Weighing>,
}

impl Parameters for ShiftTraffic {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.zone
    }

    fn label(&self) -> &'static str {
        "Shift traffic"
    }
}

/// Waits for so long after a shift that no resolver has an answer from before, and sees that the weights stay. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettleTraffic {
    /// Region whose credentials are used.
    pub region: String,
    /// Hosted zone id.
    pub zone: String,
    /// Records with the weights they have to keep.
    pub records: Vec<Weighing>,
    /// How long, in seconds.
    pub seconds: u64,
}

impl Parameters for SettleTraffic {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.zone
    }

    fn label(&self) -> &'static str {
        "Wait for resolvers"
    }
}

/// Sees connections to the databases that were left fall, as far as anybody can see that: their region may be dead, and nothing waits for
/// it. Reads only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainConnections {
    /// Region in which the platform runs from now on.
    pub region: String,
    /// Region that was left.
    pub from_region: String,
    /// The DB instances that were left there.
    pub databases: Vec<String>,
    /// For how long at most, in seconds: clients that keep a connection never leave by themselves.
    pub within: u64,
}

impl Parameters for DrainConnections {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        "connections"
    }

    fn label(&self) -> &'static str {
        "Watch connections"
    }
}
