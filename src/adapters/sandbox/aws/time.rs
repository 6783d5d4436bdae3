//! How long things take in the simulated AWS: begin and end are decided when a thing is made, and every state is derived
//! from them and the clock.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};
use serde::{Deserialize, Serialize};

use crate::domain::moment::Moment;

/// When something that AWS works on begins and ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// When it was asked for.
    pub created: Moment,
    /// When its turn comes.
    pub begins: Moment,
    /// When it is over.
    pub ends: Moment,
    /// Why it ends badly, if it does.
    pub fails: Option<String>,
}

/// Where a [`Timeline`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase<'a> {
    /// Accepted, waits for its turn.
    Queued,
    /// Under way, 0–99 percent.
    Running(u8),
    /// Ended well.
    Done,
    /// Ended badly.
    Failed(&'a str),
}

impl Timeline {
    /// What fails does so half way.
    pub fn new(created: Moment, begins: Moment, lasts: Duration, fails: Option<String>) -> Timeline {
        let lasts = if fails.is_some() { lasts / 2 } else { lasts };
        Timeline { created, begins, ends: begins + lasts, fails }
    }

    /// Something that is there at once.
    pub fn instant(now: Moment) -> Timeline {
        Timeline { created: now, begins: now, ends: now, fails: None }
    }

    /// Where it is at a moment.
    pub fn phase(&self, now: Moment) -> Phase<'_> {
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

    /// Ended well.
    pub fn done(&self, now: Moment) -> bool {
        self.phase(now) == Phase::Done
    }

    /// Ended badly.
    pub fn failed(&self, now: Moment) -> bool {
        matches!(self.phase(now), Phase::Failed(_))
    }

    /// Not over yet.
    pub fn open(&self, now: Moment) -> bool {
        now < self.ends
    }

    /// 0–100.
    pub fn percent(&self, now: Moment) -> u8 {
        match self.phase(now) {
            Phase::Queued => 0,
            Phase::Running(percent) => percent,
            Phase::Done | Phase::Failed(_) => 100,
        }
    }
}

/// Turns for things of which only so many run at once.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Slots(Vec<Moment>);

impl Slots {
    /// When one more may begin if `limit` run at once.
    pub fn turn(&mut self, now: Moment, limit: usize) -> Moment {
        self.0.retain(|end| *end > now);
        if self.0.len() < limit { now } else { self.0[self.0.len() - limit] }
    }

    /// Takes the turn until `end`.
    pub fn take(&mut self, end: Moment) {
        let at = self.0.partition_point(|e| *e <= end);
        self.0.insert(at, end);
    }
}

/// Randomness that depends on the seed and a name only, never on the order of calls.
pub fn rng_for(seed: u64, name: &str) -> Xoshiro256PlusPlus {
    // FNV-1a: stable across platforms and releases, unlike the standard hasher.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    Xoshiro256PlusPlus::seed_from_u64(seed ^ hash)
}

/// A length of time between `low` and `high` seconds that belongs to `name`.
pub fn between(seed: u64, name: &str, low: u64, high: u64) -> Duration {
    Duration::from_millis(rng_for(seed, name).random_range(low * 1000..=high * 1000))
}

/// An id in the shape of AWS's job ids that belongs to `name`.
pub fn uuid_for(seed: u64, name: &str) -> String {
    let hex = hex_for(seed, name, 32);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// So many hexadecimal digits, at most 32, that belong to `name`: ids such as `fs-0123456789abcdef0`.
pub fn hex_for(seed: u64, name: &str, digits: usize) -> String {
    let bits: u128 = rng_for(seed, name).random();
    let mut hex = format!("{bits:032x}");
    hex.truncate(digits);
    hex
}
