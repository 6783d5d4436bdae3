//! Hosted zones of Route 53 and their record sets, each whole as it was sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::time::Timeline;

/// Route 53 of an account.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Route53 {
    /// Zones by id.
    pub zones: BTreeMap<String, Zone>,
    /// Changes by id: how long each takes to reach all name servers.
    pub changes: BTreeMap<String, Timeline>,
}

/// A hosted zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Domain with the final dot.
    pub name: String,
    /// Record sets by [`key`], in the form of the service's model.
    pub sets: BTreeMap<String, Value>,
}

/// What tells a record set from all others of its zone: name, type and set identifier, in the order in which they are listed.
pub fn key(name: &str, kind: &str, set: &str) -> String {
    let mut labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
    labels.reverse();
    format!("{} {kind} {set}", labels.join("."))
}

/// A text of a record set; empty where it has none.
pub fn text<'v>(set: &'v Value, name: &str) -> &'v str {
    set[name].as_str().unwrap_or_default()
}

impl Zone {
    /// A zone without records of the platform.
    pub fn new(name: &str) -> Zone {
        Zone { name: name.to_owned(), sets: BTreeMap::new() }
    }

    /// Adds a weighted record with one value.
    pub fn weigh(&mut self, name: &str, kind: &str, set: &str, weight: u8, value: &str) {
        let record = json!({
            "Name": name, "Type": kind, "SetIdentifier": set, "Weight": weight.to_string(), "TTL": "60",
            "ResourceRecords": [{"Value": value}],
        });
        self.sets.insert(key(name, kind, set), record);
    }

    /// The weight of a record; none where there is no such record or it has none.
    pub fn weight(&self, name: &str, kind: &str, set: &str) -> Option<u8> {
        text(self.sets.get(&key(name, kind, set))?, "Weight").parse().ok()
    }
}
