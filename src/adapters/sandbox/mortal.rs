//! bbws itself, as somebody at the page of the demo can kill it, and the demo as a whole, which can begin again.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether bbws lives.
#[derive(Debug, Default)]
pub struct Mortal {
    killed: Notify,
    dead: AtomicBool,
    reset: Notify,
    begins_again: AtomicBool,
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

    /// Lets the whole demo begin again.
    pub fn reset(&self) {
        if !self.begins_again.swap(true, Ordering::SeqCst) {
            self.reset.notify_one();
        }
    }

    /// Whether the demo is to begin again.
    pub fn begins_again(&self) -> bool {
        self.begins_again.load(Ordering::SeqCst)
    }

    /// Resolves when the demo is to begin again.
    pub async fn until_reset(&self) {
        self.reset.notified().await;
    }

    /// Resolves when it is killed.
    pub async fn killed(&self) {
        self.killed.notified().await;
    }
}
