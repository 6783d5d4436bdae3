//! bbws itself, as somebody at the page of the demo can kill it.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether bbws lives.
#[derive(Debug, Default)]
pub struct Mortal {
    killed: Notify,
    dead: AtomicBool,
}

impl Mortal {
    /// Kills it, where it lives.
    pub fn kill(&self) {
        if !self.dead.swap(true, Ordering::SeqCst) {
            self.killed.notify_one();
        }
    }

    /// It lives again.
    pub fn live(&self) {
        self.dead.store(false, Ordering::SeqCst);
    }

    /// Whether it is dead.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Resolves when it is killed.
    pub async fn killed(&self) {
        self.killed.notified().await;
    }
}
