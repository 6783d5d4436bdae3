//! How much of what those before it held a backup has to hold, for nobody to be asked whether that is meant.

use serde::{Deserialize, Serialize};

/// For each thing that is counted in a backup: percent of the most that one of the last ones of its kind held. What holds less has
/// succeeded with an issue, and proves nothing. 0 asks about nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Tables of a dump.
    pub tables: u8,
    /// Rows of a dump.
    pub rows: u8,
    /// Objects in the record of a bucket.
    pub objects: u8,
    /// Secrets or parameters of an export.
    pub entries: u8,
    /// Bytes of what is in it, before it is compressed.
    pub bytes: u8,
}

/// Tables are never lost by chance; rows, objects and bytes come and go.
impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds { tables: 100, rows: 70, objects: 90, entries: 90, bytes: 70 }
    }
}

impl Thresholds {
    /// Each by its key in the config.
    pub fn named(&self) -> [(&'static str, u8); 5] {
        [
            ("tables", self.tables),
            ("rows", self.rows),
            ("objects", self.objects),
            ("entries", self.entries),
            ("bytes", self.bytes),
        ]
    }
}
