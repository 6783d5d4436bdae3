//! Clusters of ECS and their services, what their tasks are started from, and how many there may be.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::time::Timeline;
use crate::domain::moment::Moment;

/// ECS in a region: services by cluster and name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Ecs {
    /// Clusters by name.
    pub clusters: BTreeMap<String, BTreeMap<String, Service>>,
    /// Task definitions by family and revision: `wordpress:7`.
    #[serde(default)]
    pub definitions: BTreeMap<String, Definition>,
    /// Repositories of ECR, each with the digests of its images by their tags.
    #[serde(default)]
    pub repositories: BTreeMap<String, BTreeMap<String, String>>,
    /// How many vCPUs tasks on Fargate may have at once, where the account asked for another number than it had.
    #[serde(default)]
    pub fargate_vcpus: Option<u32>,
}

/// What tasks are started from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Units of CPU; 1024 are a vCPU.
    pub cpu: u32,
    /// Image of its one container.
    pub image: String,
    /// Not deregistered.
    pub active: bool,
}

/// The revision of the task definition that a service is seeded with.
pub const REVISION: u32 = 7;

fn seeded() -> u32 {
    REVISION
}

/// A service with one deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// How many tasks it is to have.
    pub desired: u32,
    /// How many it had before the last change.
    pub before: u32,
    /// How the last change of that number goes.
    pub scaling: Timeline,
    /// Revision of its task definition, whose family has its name.
    #[serde(default = "seeded")]
    pub revision: u32,
}

impl Service {
    /// One that has run so many tasks for long.
    pub fn long_there(tasks: u32, since: Moment) -> Service {
        Service { desired: tasks, before: tasks, scaling: Timeline::instant(since), revision: REVISION }
    }

    /// Tasks that run now. What is stopped ends at once, what is started takes its time.
    pub fn running(&self, now: Moment) -> u32 {
        if self.scaling.done(now) || self.desired < self.before { self.desired } else { self.before }
    }
}
