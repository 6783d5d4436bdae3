//! A nudge for the loops that work off the ledger, so that nothing waits for a timer when there is work.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

/// Nudges. The ledger stays the only truth: a lost nudge costs time, never work.
#[derive(Debug, Default)]
pub struct Wake {
    /// There may be a run to advance.
    pub engine: Notify,
    /// There may be something to tell.
    pub announcer: Notify,
    watchers: Mutex<BTreeMap<String, Arc<Notify>>>,
}

impl Wake {
    /// Nudges everybody.
    pub fn all(&self) {
        self.engine.notify_one();
        self.announcer.notify_one();
    }

    /// Something happened to the jobs, snapshots or recovery points of this environment. For one waiter per
    /// environment; a nudge that comes while it is busy is kept for its next wait.
    pub fn watcher(&self, environment: &str) -> Arc<Notify> {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(watchers.entry(environment.to_owned()).or_default())
    }
}
