//! The one clock of the whole demo: bbws, Slack and AWS tell the time by it. It runs at a speed that may change at any moment
//! without a jump, can be halted, and can be put forward.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{domain::moment::Moment, ports::clock::Clock};

/// The fastest it runs.
const FASTEST: f64 = 1e6;

/// A clock over another one.
pub struct SharedClock {
    base: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    reading: Reading,
    file: Option<PathBuf>,
}

/// From when on it runs at a speed, and what it told then.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Reading {
    base: Moment,
    shown: Moment,
    speed: f64,
}

impl Reading {
    /// Whole milliseconds, so that a speed of 1 is exactly the base clock.
    fn at(&self, base: Moment) -> Moment {
        let since = base.since(self.base).as_millis() as f64;
        self.shown + Duration::from_millis((since * self.speed).round() as u64)
    }
}

impl SharedClock {
    /// Tells the same as the base clock at first, at its speed.
    pub fn new(base: Arc<dyn Clock>) -> SharedClock {
        let now = base.now();
        let reading = Reading { base: now, shown: now, speed: 1.0 };
        SharedClock { base, state: Mutex::new(State { reading, file: None }) }
    }

    /// Keeps what it tells in a file from now on, after going on from what is already in it: the time since then has passed.
    ///
    /// # Errors
    /// A sentence, where the file can be neither read nor written.
    pub fn keep_in(&self, file: &Path) -> Result<(), String> {
        let refused = |why: String| {
            format!("The clock cannot be kept in {}: {why}. Choose another directory with --data.", file.display())
        };
        let mut state = self.lock();
        match fs::read(file) {
            Ok(bytes) => state.reading = serde_json::from_slice(&bytes).map_err(|e| refused(e.to_string()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(refused(error.to_string())),
        }
        state.file = Some(file.to_owned());
        state.write().map_err(|e| refused(e.to_string()))
    }

    /// Seconds it tells per second; 0 while it is halted.
    pub fn speed(&self) -> f64 {
        self.lock().reading.speed
    }

    /// Runs at another speed from now on; 0 halts it. What is not between 0 and a million is brought there.
    pub fn set_speed(&self, speed: f64) {
        self.change(|reading| reading.speed = if speed.is_nan() { 0.0 } else { speed.clamp(0.0, FASTEST) });
    }

    /// Puts it forward.
    pub fn advance(&self, by: Duration) {
        self.change(|reading| reading.shown = reading.shown + by);
    }

    /// Anchored first, so that the past keeps its old speed.
    fn change(&self, change: impl FnOnce(&mut Reading)) {
        let base = self.base.now();
        let mut state = self.lock();
        state.reading = Reading { shown: state.reading.at(base), base, ..state.reading };
        change(&mut state.reading);
        if let Err(error) = state.write() {
            tracing::error!(%error, "the demo's clock could not be kept on disk");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let new = file.with_extension("new");
        fs::write(&new, serde_json::to_vec(&self.reading)?)?;
        fs::rename(&new, file)
    }
}

impl Clock for SharedClock {
    fn now(&self) -> Moment {
        let base = self.base.now();
        self.lock().reading.at(base)
    }

    fn takes(&self, span: Duration) -> Duration {
        let speed = self.speed();
        if speed <= 0.0 {
            Duration::MAX
        } else {
            Duration::try_from_secs_f64(span.as_secs_f64() / speed).unwrap_or(Duration::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Hand(Mutex<Moment>);

    impl Clock for Hand {
        fn now(&self) -> Moment {
            *self.0.lock().unwrap()
        }
    }

    #[test]
    fn it_runs_at_its_speed_halts_and_is_put_forward_without_a_jump() {
        let hand = Arc::new(Hand(Mutex::new(Moment(1_000))));
        let clock = SharedClock::new(hand.clone());
        let pass = |millis| *hand.0.lock().unwrap() = hand.now() + Duration::from_millis(millis);
        pass(10);
        assert_eq!(clock.now(), Moment(1_010));
        clock.set_speed(60.0);
        pass(1_000);
        assert_eq!(clock.now(), Moment(61_010));
        assert_eq!(clock.takes(Duration::from_secs(60)), Duration::from_secs(1));
        clock.set_speed(0.0);
        pass(1_000);
        assert_eq!(clock.now(), Moment(61_010));
        assert_eq!(clock.takes(Duration::from_secs(60)), Duration::MAX);
        clock.advance(Duration::from_secs(3600));
        assert_eq!(clock.now(), Moment(3_661_010));
        clock.set_speed(f64::NAN);
        assert_eq!(clock.speed(), 0.0);
    }
}
