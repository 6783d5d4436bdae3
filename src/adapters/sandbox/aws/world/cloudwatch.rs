//! What CloudWatch measures: how far read replicas are behind, and how much of the storage of instances is free; and what is put there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// CloudWatch in a region.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CloudWatch {
    /// Replicas that are otherwise than usual, by instance.
    pub lags: BTreeMap<String, Lag>,
    /// Instances of whose storage another share is free than [`CloudWatch::FREE`], in per cent.
    #[serde(default)]
    pub free: BTreeMap<String, u8>,
    /// Instances that have another number of connections than the tasks of their region's services open.
    #[serde(default)]
    pub connections: BTreeMap<String, i64>,
    /// Values that were put there: namespace, metric, its dimensions in words, and the value as text.
    #[serde(default)]
    pub put: Vec<(String, String, String, String)>,
}

impl CloudWatch {
    /// How much of an instance's storage is free where there is nothing to say about it, in per cent.
    pub const FREE: u8 = 60;
    /// Connections that a task opens.
    pub const A_TASK: i64 = 10;
    /// Values that were put there are kept up to so many.
    const PUT: usize = 10_000;

    /// Keeps what was put there, the newest.
    pub fn keep(&mut self, values: Vec<(String, String, String, String)>) {
        self.put.extend(values);
        let over = self.put.len().saturating_sub(CloudWatch::PUT);
        self.put.drain(..over);
    }
}

/// How far a replica is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// In seconds, of storage in bytes, of connections their number; −1 where replication does not run. None where nothing is measured.
    pub seconds: Option<i64>,
    /// How old the newest measurement is, in seconds.
    pub age: u64,
}

impl Lag {
    /// Of a replica about which there is nothing to say.
    pub const USUAL: Lag = Lag { seconds: Some(4), age: 30 };
}
