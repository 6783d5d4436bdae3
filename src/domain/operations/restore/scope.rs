//! How far a restore reaches: who has to agree depends on it. Measured, never declared.

/// Every scope, by which approval rules tell restores apart.
pub(super) const WORDS: &[&str] = super::super::RADIUS;
/// Nothing of the platform is touched.
pub(super) const CLONE: &str = "clone";
