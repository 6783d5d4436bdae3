//! Simulated time: the base clock, run at a speed that may change at any moment without a jump.

use std::{sync::Arc, time::Duration};

use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};
use serde::{Deserialize, Serialize};

use crate::{domain::moment::Moment, ports::clock::Clock};

/// The base clock × speed.
pub(super) struct SimTime {
    base: Arc<dyn Clock>,
    /// Base time of the last change of speed.
    base_anchor: Moment,
    /// Simulated time at that point.
    sim_anchor: Moment,
    speed: f64,
}

impl SimTime {
    pub(super) fn new(base: Arc<dyn Clock>) -> SimTime {
        let now = base.now();
        SimTime { base, base_anchor: now, sim_anchor: now, speed: 1.0 }
    }

    pub(super) fn now(&self) -> Moment {
        // Whole milliseconds, so that a speed of 1 is exactly the base clock.
        let since = self.base.now().since(self.base_anchor).as_millis() as f64;
        self.sim_anchor + Duration::from_millis((since * self.speed).round() as u64)
    }

    pub(super) fn speed(&self) -> f64 {
        self.speed
    }

    /// Anchors first, so that the past keeps its old speed.
    pub(super) fn set_speed(&mut self, speed: f64) {
        let now = self.now();
        self.base_anchor = self.base.now();
        self.sim_anchor = now;
        self.speed = speed;
    }

    /// What is needed to go on in another process.
    pub(super) fn reading(&self) -> Reading {
        Reading { base: self.base.now(), simulated: self.now(), speed: self.speed }
    }

    /// Takes a reading up. The time since then has passed for AWS, too.
    pub(super) fn resume(&mut self, reading: &Reading) {
        self.base_anchor = reading.base;
        self.sim_anchor = reading.simulated;
        self.speed = reading.speed;
    }
}

/// The clock at a moment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Reading {
    base: Moment,
    simulated: Moment,
    speed: f64,
}

/// When something that AWS works on begins and ends, decided when it is made; every state is derived from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Course {
    pub(super) created: Moment,
    pub(super) begins: Moment,
    pub(super) ends: Moment,
    /// Why it ends badly, if it does.
    pub(super) fails: Option<String>,
}

/// Where a [`Course`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Phase<'a> {
    /// Accepted, waits for its turn.
    Queued,
    /// Under way, 0–99 percent.
    Running(u8),
    /// Ended well.
    Done,
    /// Ended badly.
    Failed(&'a str),
}

impl Course {
    /// What fails does so half way.
    pub(super) fn new(created: Moment, begins: Moment, lasts: Duration, fails: Option<String>) -> Course {
        let lasts = if fails.is_some() { lasts / 2 } else { lasts };
        Course { created, begins, ends: begins + lasts, fails }
    }

    /// Something that is there at once.
    pub(super) fn instant(now: Moment) -> Course {
        Course { created: now, begins: now, ends: now, fails: None }
    }

    pub(super) fn phase(&self, now: Moment) -> Phase<'_> {
        if now >= self.ends {
            return self.fails.as_deref().map_or(Phase::Done, Phase::Failed);
        }
        if now < self.begins {
            return Phase::Queued;
        }
        let whole = self.ends.since(self.begins).as_millis().max(1);
        let percent = now.since(self.begins).as_millis() * 100 / whole;
        Phase::Running(u8::try_from(percent).unwrap_or(99).min(99))
    }

    pub(super) fn done(&self, now: Moment) -> bool {
        self.phase(now) == Phase::Done
    }

    pub(super) fn failed(&self, now: Moment) -> bool {
        matches!(self.phase(now), Phase::Failed(_))
    }
}

/// Randomness that depends on the seed and a name only, never on the order of calls.
pub(super) fn rng_for(seed: u64, name: &str) -> Xoshiro256PlusPlus {
    // FNV-1a: stable across platforms and releases, unlike the standard hasher.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    Xoshiro256PlusPlus::seed_from_u64(seed ^ hash)
}

/// A length of time between `low` and `high` seconds that belongs to `name`.
pub(super) fn between(seed: u64, name: &str, low: u64, high: u64) -> Duration {
    Duration::from_millis(rng_for(seed, name).random_range(low * 1000..=high * 1000))
}

/// An id in the shape of AWS's job ids that belongs to `name`.
pub(super) fn uuid_for(seed: u64, name: &str) -> String {
    let bits: u128 = rng_for(seed, name).random();
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
