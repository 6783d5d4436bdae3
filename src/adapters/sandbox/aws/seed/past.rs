//! Backups of the last fourteen days, for environments that promise a schedule: when each was, whose it was, how it ended.

use std::time::Duration;

use super::super::{
    time::{Timeline, between},
    world::Tags,
};
use crate::domain::{environment::Environment, moment::Moment};

/// Backups of the past, six hours apart, the newest so old.
const BACKUPS: u32 = 56;
const RECENT: u32 = 4;
const APART: Duration = Duration::from_secs(6 * 3600);
const NEWEST: Duration = Duration::from_secs(40 * 60);
/// Which of the past backups were restored for a test: the first of these that is still there.
pub(super) const TESTED: [u32; 3] = [8, 2, 1];
/// Those whose jobs of AWS Backup ended badly, counted from the newest.
const BAD: [(u32, &str); 4] = [(3, "FAILED"), (17, "EXPIRED"), (30, "FAILED"), (41, "ABORTED")];

/// One backup of the past.
pub struct Past<'e> {
    /// Environment.
    pub environment: &'e Environment,
    /// When it began.
    pub at: Moment,
    /// Operation that made it.
    pub operation: String,
    /// Tags of everything it made.
    pub tags: Tags,
    /// How its job of AWS Backup ended, where it did not end well.
    pub bad: Option<&'static str>,
    /// What it made was deleted in time.
    pub over: bool,
    /// One of the newest, or one that was restored for a test: its archives are what somebody restores.
    pub recent: bool,
}

impl Past<'_> {
    /// Something that took so many minutes from its beginning.
    pub fn lasting(&self, minutes: u64) -> Timeline {
        Timeline { created: self.at, begins: self.at, ends: self.at + Duration::from_secs(60 * minutes), fails: None }
    }
}

/// The highest number of an operation that made any of it.
pub const LAST: i64 = 999;

/// All of them, the newest of each environment first.
pub fn all<'e>(seed: u64, environments: impl Iterator<Item = &'e Environment>, now: Moment) -> Vec<Past<'e>> {
    let scheduled = environments.filter(|e| e.schedule.is_some()).enumerate();
    scheduled
        .flat_map(|(index, environment)| (0..BACKUPS).map(move |n| past(seed, environment, index, n, now)))
        .collect()
}

/// The index keeps environments from sharing operations.
pub(super) fn past(seed: u64, environment: &Environment, index: usize, n: u32, now: Moment) -> Past<'_> {
    let number = LAST - i64::from(n) - 100 * i64::try_from(index).unwrap_or(0);
    let operation = format!("bk-{}", number.max(0));
    let jitter = between(seed, &format!("past/{}/{n}", environment.name), 0, 120);
    let at = now - NEWEST - APART * n - if n == 0 { Duration::ZERO } else { jitter };
    let days = environment.retention_days.default;
    let tags = [
        ("bbws:operation", operation.clone()),
        ("bbws:environment", environment.name.clone()),
        ("bbws:retention-days", days.to_string()),
    ];
    Past {
        environment,
        at,
        operation,
        tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        bad: BAD.iter().find(|(bad, _)| *bad == n).map(|(_, state)| *state),
        recent: n < RECENT || TESTED.contains(&n),
        over: now.since(at) >= Duration::from_secs(u64::from(days) * 86_400),
    }
}
