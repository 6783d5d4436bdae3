//! One person's word.

use serde::{Deserialize, Serialize};

use super::{moment::Moment, principal::Principal};

/// One person's word on one plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who, with the roles they held at the click.
    pub by: Principal,
    /// Digest of the plan they saw.
    pub digest: String,
    /// When.
    pub at: Moment,
}
