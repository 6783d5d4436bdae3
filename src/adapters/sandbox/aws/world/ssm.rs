//! Parameters of SSM.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::Tags;
use crate::domain::moment::Moment;

/// Parameters of a region, by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Ssm {
    /// Parameters by name.
    pub parameters: BTreeMap<String, Parameter>,
}

/// A parameter.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
    /// Its value in the clear.
    pub value: String,
    /// Counted from 1.
    pub version: i64,
    /// When it was last written.
    pub modified: Moment,
    /// Key of a SecureString, as it was named.
    pub key: Option<String>,
    /// Tags.
    pub tags: Tags,
    /// Values of earlier versions in the clear, by their number.
    #[serde(default)]
    pub earlier: BTreeMap<i64, String>,
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parameter").field("kind", &self.kind).field("version", &self.version).finish_non_exhaustive()
    }
}
