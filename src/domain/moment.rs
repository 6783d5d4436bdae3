//! A point in time as the ledger stores it: whole milliseconds since the Unix epoch, UTC.

use std::{fmt, ops::Add, ops::Sub, time::Duration};

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. The domain never reads a clock: moments are handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(pub i64);

impl Moment {
    /// Never: used as "no wake-up is planned".
    pub const FAR_FUTURE: Moment = Moment(i64::MAX / 4);

    /// ISO 8601 with seconds, in UTC.
    pub fn iso(self) -> String {
        self.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// What [`Moment::iso`] wrote; none where it did not.
    pub fn read(text: &str) -> Option<Moment> {
        text.parse::<jiff::Timestamp>().ok().map(|at| Moment(at.as_millisecond()))
    }

    /// The date as it stands in names of snapshots and keys, for example `20261121`.
    pub fn yyyymmdd(self) -> String {
        self.timestamp().strftime("%Y%m%d").to_string()
    }

    /// The day as people write it: `2 Dec 2033`. In UTC.
    pub fn day(self) -> String {
        self.timestamp().strftime("%-d %b %Y").to_string()
    }

    /// The time of the day, with its zone: `03:12 UTC`.
    pub fn clock(self) -> String {
        self.timestamp().strftime("%H:%M UTC").to_string()
    }

    /// The time of the day as somebody reads it at `now`, with the day where that is another one: `11:04 UTC on 28 Nov 2026`.
    pub fn clock_at(self, now: Moment) -> String {
        if self.date() == now.date() { self.clock() } else { format!("{} on {}", self.clock(), self.day()) }
    }

    /// Day and time: `27 Nov 2026, 20:03 UTC`.
    pub fn day_and_clock(self) -> String {
        format!("{}, {}", self.day(), self.clock())
    }

    /// The day it is in, in UTC.
    pub fn date(self) -> jiff::civil::Date {
        self.timestamp().to_zoned(jiff::tz::TimeZone::UTC).date()
    }

    /// Whole seconds since the epoch.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Time from `earlier` until this moment; zero when `earlier` is later.
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX)
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;
    fn add(self, by: Duration) -> Moment {
        Moment(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Moment {
    type Output = Moment;
    fn sub(self, by: Duration) -> Moment {
        Moment(self.0.saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso())
    }
}

/// A duration in the words people use: `45 s`, `6 min`, `2 h 05 min`, `3 d`, `3 d 4 h`.
pub fn spoken(span: Duration) -> String {
    let s = span.as_secs();
    match s {
        0..=59 => format!("{s} s"),
        60..=3599 if s.is_multiple_of(60) || s >= 600 => format!("{} min", s / 60),
        60..=3599 => format!("{} min {:02} s", s / 60, s % 60),
        3600..=86_399 if s % 3600 < 60 => format!("{} h", s / 3600),
        3600..=86_399 => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
        _ if s % 86_400 < 3600 => format!("{} d", s / 86_400),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let at = Moment(1_795_000_000_000);
        assert_eq!(Moment::read(&at.iso()), Some(at));
        assert_eq!([Moment::read(""), Moment::read("latest"), Moment::read("2026-11-28")], [None; 3]);
    }
}
