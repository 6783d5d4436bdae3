//! A nudge for the loops that work off the ledger, so that nothing waits for a timer when there is work.

use tokio::sync::Notify;

/// Nudges. The ledger stays the only truth: a lost nudge costs time, never work.
#[derive(Debug, Default)]
pub struct Wake {
    /// There may be a run to advance.
    pub engine: Notify,
    /// There may be something to tell.
    pub announcer: Notify,
}

impl Wake {
    /// Nudges everybody.
    pub fn all(&self) {
        self.engine.notify_one();
        self.announcer.notify_one();
    }
}
