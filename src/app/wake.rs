//! A nudge for the loops that work off the ledger, so that nothing waits for a timer when there is work.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, watch};

/// Nudges. The ledger stays the only truth: a lost nudge costs time, never work.
#[derive(Debug, Default)]
pub struct Wake {
    /// There may be a run to advance.
    pub engine: Notify,
    /// There may be something to tell.
    pub announcer: Notify,
    /// Opened once the ledger was compared with AWS: ids given before might be of its earlier life.
    pub compared: Gate,
    watchers: Mutex<BTreeMap<String, Arc<Notify>>>,
}

/// Something that may have to be waited for at the start. Open where nobody closes it.
#[derive(Debug)]
pub struct Gate(watch::Sender<bool>);

impl Default for Gate {
    fn default() -> Gate {
        Gate(watch::Sender::new(true))
    }
}

impl Gate {
    /// From now on it is waited for.
    pub fn close(&self) {
        self.0.send_replace(false);
    }

    /// It is not waited for any more.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is open, but no longer than that.
    pub async fn passed(&self, within: Duration) {
        let mut open = self.0.subscribe();
        // Late or not: what follows is safe either way, only its ids may be taken.
        let _ = tokio::time::timeout(within, open.wait_for(|open| *open)).await;
    }
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
