//! A checklist before and during a dangerous run: what it is that has to be so, and how that stands.

/// How a line of a checklist stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// It is so.
    Ready,
    /// It is not so yet: it becomes so on the way, before anything that is live changes.
    Open,
    /// It is not so, and what it guards does not happen.
    Amiss,
    /// Nobody asks for it here.
    Skipped,
}

/// A line of a checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What has to be so: `Fresh backup`.
    pub what: &'static str,
    /// How that stands.
    pub stands: Stands,
    /// The reason, in plain text; not escaped.
    pub words: String,
}

impl Check {
    /// A line.
    pub fn new(what: &'static str, stands: Stands, words: impl Into<String>) -> Check {
        Check { what, stands, words: words.into() }
    }
}
