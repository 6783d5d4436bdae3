//! What `bbws check` says of one thing it looked at.

/// One line of `bbws check`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckLine {
    /// All is right with it.
    pub ok: bool,
    /// What was looked at: `Slack token`, `channel C0OPS`.
    pub what: String,
    /// What was found; where it is wrong, the reason and the next step.
    pub detail: String,
}

impl CheckLine {
    /// It is as it should be.
    pub fn good(what: impl Into<String>, detail: impl Into<String>) -> CheckLine {
        CheckLine { ok: true, what: what.into(), detail: detail.into() }
    }

    /// Something has to be done about it.
    pub fn bad(what: impl Into<String>, detail: impl Into<String>) -> CheckLine {
        CheckLine { ok: false, what: what.into(), detail: detail.into() }
    }
}
