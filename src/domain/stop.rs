//! A stop: from its moment on nothing new starts, in one environment or in all.

use serde::{Deserialize, Serialize};

use super::moment::Moment;

/// A stop that is set or lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// `*` or an environment's name.
    pub scope: String,
    /// Slack user id.
    pub by: String,
    /// What they said.
    pub reason: String,
    /// When.
    pub at: Moment,
}

impl Stop {
    /// Whether it holds for this environment.
    pub fn reaches(&self, environment: &str) -> bool {
        self.scope == "*" || self.scope == environment
    }
}
