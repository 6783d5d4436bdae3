//! What restores did to tenants' schemas in simulated databases.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// By the journal that names operation and schema.
pub type Tenants = BTreeMap<String, Work>;

/// What one operation did to one tenant's schema.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Tables that were put beside the live ones, and which of them have no rows; none where that was not finished.
    pub staged: Option<Staged>,
    /// Tables that had no rows before they were swapped or merged.
    pub before: Option<BTreeSet<String>>,
    /// It was a swap.
    pub swapped: bool,
    /// It was taken back, or is not to be done any more.
    pub undone: bool,
}

/// What lies beside live tables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    /// As `schema.table`.
    pub tables: BTreeSet<String>,
    /// Those without rows.
    pub emptied: BTreeSet<String>,
}
