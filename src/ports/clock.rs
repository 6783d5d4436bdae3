//! The only source of the present time.

use std::time::Duration;

use crate::domain::moment::Moment;

/// Tells the time. Simulated in tests.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Moment;

    /// How long the machine takes until so much has passed by this clock: the same, unless it runs at a speed of its own.
    fn takes(&self, span: Duration) -> Duration {
        span
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}
