//! What bbws starts by itself: the routines there are, and when each is due. What AWS can do by itself is left to AWS; this is
//! the rest: exports, records, dumps, and the checks and test restores that prove what backups are worth.
//!
//! A config only wishes. A routine is in force once a schedule was approved, which leaves a mark with its [`Template`]; the times
//! at which routines are due are rows of the ledger ([`Due`]), moved on in the transaction that makes the run.

mod rhythm;
mod template;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use rhythm::Rhythm;
pub use template::Template;

use super::{environment::Environment, moment::Moment};

/// The scope of what is due for all environments together.
pub const EVERYWHERE: &str = "*";
/// The routine that is none: the line a day that says that all is well.
pub const DAILY: &str = "daily";

/// A run begins no later than this after its time, so that many environments do not begin in one second.
const SPREAD: Duration = Duration::from_secs(600);

/// One thing that bbws starts by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Routine {
    /// An export of the secrets.
    Secrets,
    /// An export of the parameters.
    Config,
    /// A record of the buckets' versions.
    S3,
    /// The logical dumps.
    Dump,
    /// A load of the newest dumps.
    DumpTest,
    /// A check of the buckets' lifecycle rules.
    Lifecycle,
    /// What is protected, against what exists.
    Inventory,
    /// How far the copies lag behind.
    Replication,
    /// What stands in the way of a failover.
    DrCheck,
    /// A test restore of the newest recovery points, or of random ones of a time.
    RestoreTest,
    /// A test restore to a point in time.
    PitrTest,
    /// A test restore from what lies in the DR region.
    DrRestoreTest,
}

impl Routine {
    /// Every routine, in the order lists name them.
    pub const ALL: [Routine; 12] = [
        Routine::Secrets,
        Routine::Config,
        Routine::S3,
        Routine::Dump,
        Routine::Lifecycle,
        Routine::Inventory,
        Routine::Replication,
        Routine::DrCheck,
        Routine::DumpTest,
        Routine::RestoreTest,
        Routine::PitrTest,
        Routine::DrRestoreTest,
    ];

    /// The word for it in commands and in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Routine::Secrets => "secrets",
            Routine::Config => "config",
            Routine::S3 => "s3",
            Routine::Dump => "dump",
            Routine::Lifecycle => "lifecycle",
            Routine::Inventory => "inventory",
            Routine::Replication => "replication",
            Routine::DrCheck => "dr-check",
            Routine::DumpTest => "dump-test",
            Routine::RestoreTest => "restore-test",
            Routine::PitrTest => "pitr-test",
            Routine::DrRestoreTest => "dr-restore-test",
        }
    }

    /// Its key under `schedules` in the config.
    pub fn key(self) -> &'static str {
        match self {
            Routine::DrCheck => "dr_check",
            Routine::DumpTest => "dump_test",
            Routine::RestoreTest => "restore_test",
            Routine::PitrTest => "pitr_test",
            Routine::DrRestoreTest => "dr_restore_test",
            other => other.name(),
        }
    }

    /// The routine of this word.
    pub fn named(word: &str) -> Option<Routine> {
        Routine::ALL.into_iter().find(|routine| routine.name() == word)
    }

    /// The routine of this key of the config.
    pub fn keyed(key: &str) -> Option<Routine> {
        Routine::ALL.into_iter().find(|routine| routine.key() == key)
    }

    /// What people call it: `the export of secrets`.
    pub fn spoken(self) -> &'static str {
        match self {
            Routine::Secrets => "the export of secrets",
            Routine::Config => "the export of parameters",
            Routine::S3 => "the record of the buckets' versions",
            Routine::Dump => "the dumps",
            Routine::Lifecycle => "the check of lifecycle rules",
            Routine::Inventory => "the inventory",
            Routine::Replication => "the measurement of the copies",
            Routine::DrCheck => "the check of disaster recovery",
            Routine::DumpTest => "the test load of dumps",
            Routine::RestoreTest => "the test restore",
            Routine::PitrTest => "the test restore to a point in time",
            Routine::DrRestoreTest => "the test restore from the DR region",
        }
    }

    /// Whether it restores something: then it never runs beside a restore in earnest.
    pub fn restores(self) -> bool {
        matches!(self, Routine::DumpTest | Routine::RestoreTest | Routine::PitrTest | Routine::DrRestoreTest)
    }

    /// When the config wishes it; none where it says nothing of it.
    pub fn wished(self, environment: &Environment) -> Option<Wish> {
        let text = environment.schedules.get(self.key())?;
        // It was checked when the config was read.
        Wish::parse(text).ok()
    }
}

/// What the config says of a routine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// It is to be due like this.
    When(Rhythm),
    /// It is not to be.
    Never,
}

/// How the config says that something is not to be.
const OFF: &str = "off";

impl Wish {
    /// Reads `cron(…)`, a length of time such as `7d`, or `off`.
    ///
    /// # Errors
    /// A sentence without a final period, with the text and what to write instead.
    pub fn parse(text: &str) -> Result<Wish, String> {
        if text.trim().eq_ignore_ascii_case(OFF) { Ok(Wish::Never) } else { Rhythm::parse(text).map(Wish::When) }
    }
}

/// When something is due next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Environment, or [`EVERYWHERE`].
    pub environment: String,
    /// Which routine, by its name.
    pub routine: String,
    /// When, by the database's clock.
    pub at: Moment,
    /// What else is kept with it.
    pub kept: Kept,
}

/// What is kept with a due time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Kept {
    /// The schedule by which it is due: an operation's id.
    pub schedule: String,
    /// The longest time between two due times, in milliseconds.
    pub gap: u64,
    /// What was told of why it did not start, so that it is told once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
}

impl Due {
    /// What people call its routine.
    pub fn spoken(&self) -> &str {
        match Routine::named(&self.routine) {
            Some(routine) => routine.spoken(),
            None => &self.routine,
        }
    }

    /// How long it is late.
    pub fn late(&self, now: Moment) -> Duration {
        now.since(self.at)
    }

    /// Whether its time lies so far ahead that only a clock that was wrong can have set it.
    pub fn astray(&self, now: Moment) -> bool {
        self.at < Moment::FAR_FUTURE && self.at.since(now) > Duration::from_millis(self.kept.gap) * 2 + SPREAD
    }
}

/// How much later than the hour a routine of an environment is due: the same each time, and another for each, within a twentieth
/// of its rhythm.
pub fn jitter(environment: &str, routine: &str, gap: Duration) -> Duration {
    let digest = Sha256::digest(format!("{environment} {routine}"));
    let number = u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes"));
    let most = jitter_at_most(gap).as_secs().max(1);
    Duration::from_secs(number % most)
}

/// The most by which anything in such a rhythm is due later than the hour.
pub fn jitter_at_most(gap: Duration) -> Duration {
    (gap / 20).min(SPREAD)
}
