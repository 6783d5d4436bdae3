//! What restores did to tenants' schemas in simulated databases, and what servers hold that are there for loading dumps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rows::{Rows, Tables};

/// All of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tenants {
    /// By database, and the journal that names operation and schema.
    #[serde(default)]
    pub work: BTreeMap<String, Work>,
    /// What was loaded into servers of a test's own, by host.
    #[serde(default)]
    pub spares: BTreeMap<String, Tables>,
}

/// What one operation did to one tenant's schema.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// What was put beside the live tables, by table without schema; none where that was not finished.
    pub staged: Option<BTreeMap<String, Rows>>,
    /// What was live before, by table without schema; no rows where there was no such table.
    pub before: Option<BTreeMap<String, Option<Rows>>>,
    /// Numbers of the rows that were merged, by table without schema.
    pub wrote: BTreeMap<String, Vec<u64>>,
    /// It was a swap.
    pub swapped: bool,
    /// It was taken back, or is not to be done any more.
    pub undone: bool,
}
