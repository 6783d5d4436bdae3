//! What `bbws check` says of one thing it looked at.

use std::fmt;

/// What came of looking at one thing. The worse is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is as it should be.
    Good,
    /// Nobody knows: it could not be looked at.
    Unchecked,
    /// Something has to be done about it.
    Wrong,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Good => "ok",
            Verdict::Unchecked => "?",
            Verdict::Wrong => "WRONG",
        })
    }
}

/// One line of `bbws check`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckLine {
    /// What came of it.
    pub verdict: Verdict,
    /// What was looked at: `Slack token`, `channel C0OPS`.
    pub what: String,
    /// What was found; where it is wrong, the reason and the next step.
    pub detail: String,
}

impl CheckLine {
    /// It is as it should be.
    pub fn good(what: impl Into<String>, detail: impl Into<String>) -> CheckLine {
        CheckLine { verdict: Verdict::Good, what: what.into(), detail: detail.into() }
    }

    /// Something has to be done about it.
    pub fn bad(what: impl Into<String>, detail: impl Into<String>) -> CheckLine {
        CheckLine { verdict: Verdict::Wrong, what: what.into(), detail: detail.into() }
    }

    /// It could not be looked at: why, and what to do about that.
    pub fn unchecked(what: impl Into<String>, why: impl fmt::Display) -> CheckLine {
        CheckLine { verdict: Verdict::Unchecked, what: what.into(), detail: format!("not checked: {why}") }
    }
}
