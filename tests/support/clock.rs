//! Time that only moves when it is told to.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use std::time::Duration;

use bbws::{domain::moment::Moment, ports::clock::Clock};

/// Set by hand.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// 2026-11-21T03:00:00Z, a time at which people are asleep.
    pub fn new() -> Arc<ManualClock> {
        Arc::new(ManualClock(AtomicI64::new(1_795_230_000_000)))
    }
    /// Moves forward to `to`; never back.
    pub fn set(&self, to: Moment) {
        self.0.fetch_max(to.0, Ordering::SeqCst);
    }
    /// Jumps, back as well: as a clock does that was wrong and is put right.
    pub fn jump(&self, to: Moment) {
        self.0.store(to.0, Ordering::SeqCst);
    }
    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now() + by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Moment {
        Moment(self.0.load(Ordering::SeqCst))
    }
}
