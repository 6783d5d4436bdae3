//! Whether the loops turn: what `/healthz` and systemd's watchdog go by.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{front::http::Check, telemetry};

/// When each loop last came round.
#[derive(Debug, Default)]
pub struct Beats {
    loops: Mutex<BTreeMap<String, Beat>>,
}

/// One loop's last turn, and how long a turn may take.
#[derive(Debug, Clone, Copy)]
struct Beat {
    last: Instant,
    within: Duration,
}

impl Beats {
    /// The loop came round; it has to again within that time. `kind` is what it is counted as.
    pub fn turn(&self, name: &str, kind: &'static str, within: Duration) {
        telemetry::turned(kind);
        let beat = Beat { last: Instant::now(), within };
        self.loops.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), beat);
    }

    /// The loop has ended in order and is expected no more.
    pub fn over(&self, name: &str) {
        self.loops.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// What stands still, in a sentence.
    ///
    /// # Errors
    /// The sentence.
    pub fn turning(&self) -> Result<(), String> {
        self.at(Instant::now())
    }

    /// What `/healthz` goes by.
    pub fn check(self: &Arc<Beats>) -> Check {
        let turning = Arc::clone(self);
        Check::vital("loops", move || turning.turning())
    }

    fn at(&self, now: Instant) -> Result<(), String> {
        let loops = self.loops.lock().unwrap_or_else(PoisonError::into_inner);
        let still: Vec<String> = loops
            .iter()
            .map(|(name, beat)| (name, now.saturating_duration_since(beat.last), beat.within))
            .filter(|(_, since, within)| since > within)
            .map(|(name, since, _)| format!("the {name} has not come round for {} s", since.as_secs()))
            .collect();
        if still.is_empty() { Ok(()) } else { Err(format!("{}; restart bbws", still.join(", "))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_stands_still_is_named() {
        let beats = Beats::default();
        assert_eq!(beats.turning(), Ok(()), "nothing has begun yet");
        beats.turn("engine 1", "engine", Duration::from_secs(60));
        beats.turn("sweeper", "sweeper", Duration::from_secs(600));
        let later = |seconds| Instant::now() + Duration::from_secs(seconds);
        assert_eq!(beats.at(later(59)), Ok(()));
        assert_eq!(beats.at(later(61)), Err("the engine 1 has not come round for 61 s; restart bbws".to_owned()));
        assert!(beats.at(later(601)).unwrap_err().contains("the sweeper has not"));
        beats.over("engine 1");
        beats.over("sweeper");
        assert_eq!(beats.at(later(601)), Ok(()), "what has ended in order does not stand still");
    }
}
