//! What CloudWatch measures: how far read replicas are behind.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// CloudWatch in a region.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CloudWatch {
    /// Replicas that are otherwise than usual, by instance.
    pub lags: BTreeMap<String, Lag>,
}

/// How far a replica is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// In seconds; −1 where replication does not run. None where nothing is measured.
    pub seconds: Option<i64>,
    /// How old the newest measurement is, in seconds.
    pub age: u64,
}

impl Lag {
    /// Of a replica about which there is nothing to say.
    pub const USUAL: Lag = Lag { seconds: Some(4), age: 30 };
}
