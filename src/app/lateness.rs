//! Whether somebody who waits for an answer gets it as the reply to their request, or was told meanwhile that it follows. The two
//! are decided side by side: the answer is being written while the time to reply runs out.

use std::sync::atomic::{AtomicU8, Ordering};

/// Somebody waits, and nothing is decided.
const OPEN: u8 = 0;
/// The answer is written as the reply, so that nothing whispers it.
const REPLIED: u8 = 1;
/// The person was told that it follows.
const LATE: u8 = 2;

/// What was decided first.
#[derive(Debug, Default)]
pub struct Lateness(AtomicU8);

impl Lateness {
    /// Of a request that nobody waits for.
    pub fn from_the_start() -> Self {
        Self(AtomicU8::new(LATE))
    }

    /// Whoever writes the answer asks whether it has to be whispered. Where it has not, that is decided for good.
    pub fn whispers(&self) -> bool {
        self.decide(REPLIED) == LATE
    }

    /// Whoever tells the person that the answer follows asks whether it does by itself. Where it does not, it was written as the
    /// reply, and has to be whispered by whoever asks this.
    pub fn follows(&self) -> bool {
        self.decide(LATE) == LATE
    }

    /// Decides so unless something was decided; what holds.
    fn decide(&self, so: u8) -> u8 {
        match self.0.compare_exchange(OPEN, so, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => so,
            Err(was) => was,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_of_both_brings_the_answer() {
        let in_time = Lateness::default();
        assert!(!in_time.whispers(), "the reply carries it");
        assert!(!in_time.follows(), "told too late that it follows: it was not whispered, so somebody has to");
        assert!(!in_time.whispers(), "a second attempt to write it decides nothing else");
        let late = Lateness::default();
        assert!(late.follows() && late.whispers(), "whoever writes it whispers it");
        assert!(Lateness::from_the_start().whispers());
    }
}
