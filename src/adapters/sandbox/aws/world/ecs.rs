//! Clusters of ECS and their services.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::time::Timeline;
use crate::domain::moment::Moment;

/// ECS in a region: services by cluster and name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Ecs {
    /// Clusters by name.
    pub clusters: BTreeMap<String, BTreeMap<String, Service>>,
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
}

impl Service {
    /// One that has run so many tasks for long.
    pub fn long_there(tasks: u32, since: Moment) -> Service {
        Service { desired: tasks, before: tasks, scaling: Timeline::instant(since) }
    }

    /// Tasks that run now. What is stopped ends at once, what is started takes its time.
    pub fn running(&self, now: Moment) -> u32 {
        if self.scaling.done(now) || self.desired < self.before { self.desired } else { self.before }
    }
}
