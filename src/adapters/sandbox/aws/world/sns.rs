//! Topics of SNS, and what reached them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::moment::Moment;

/// Topics of a region, by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Sns {
    /// Topics by name.
    pub topics: BTreeMap<String, Topic>,
}

/// A topic.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Topic {
    /// What reached it, oldest first.
    pub messages: Vec<Message>,
}

/// A message that reached a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Id.
    pub id: String,
    /// When.
    pub at: Moment,
    /// Subject.
    pub subject: String,
    /// Body.
    pub body: String,
    /// Deduplication id, of FIFO topics.
    pub deduplication: Option<String>,
}
