//! How often a routine is due: at times of the calendar, or once in so long.

use std::time::Duration;

use crate::domain::{
    moment::{Moment, spoken},
    schedule::Schedule,
    span::Span,
};

/// Nothing is started more often.
const SHORTEST: Duration = Duration::from_secs(3600);

/// How often a routine is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rhythm {
    /// At times of the calendar, in UTC.
    At(Box<Schedule>),
    /// Once in so long, from the first run on, which comes at once.
    Every(Span, String),
}

impl Rhythm {
    /// Reads `cron(…)` or a length of time.
    ///
    /// # Errors
    /// A sentence without a final period, with the text and what to write instead.
    pub fn parse(text: &str) -> Result<Rhythm, String> {
        let text = text.trim();
        if !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Schedule::parse(text).map(Box::new).map(Rhythm::At);
        }
        match Span::parse(text) {
            Err(_) => Err(format!(
                "`{text}` is no rhythm; write `cron(0 4 * * ? *)`, a length of time such as `7d`, or `off`"
            )),
            Ok(span) if span.0 < SHORTEST => Err(format!("`{text}` is under an hour; set `1h` or more")),
            Ok(span) => Ok(Rhythm::Every(span, text.to_owned())),
        }
    }

    /// As the config and the ledger write it.
    pub fn text(&self) -> &str {
        match self {
            Rhythm::At(schedule) => schedule.text(),
            Rhythm::Every(_, text) => text,
        }
    }

    /// In plain English: `every day at 04:00 UTC`, `every 7 days`.
    pub fn spoken(&self) -> String {
        match self {
            Rhythm::At(schedule) => schedule.spoken(),
            Rhythm::Every(span, _) => match span.0.as_secs() {
                86_400 => "every day".to_owned(),
                days if days.is_multiple_of(86_400) => format!("every {} days", days / 86_400),
                _ => format!("every {}", spoken(span.0)),
            },
        }
    }

    /// The longest time between two due times.
    pub fn gap(&self) -> Duration {
        match self {
            Rhythm::At(schedule) => schedule.longest_gap(),
            Rhythm::Every(span, _) => span.0,
        }
    }

    /// When it is due for the first time, if it came into force now.
    pub fn first(&self, now: Moment, jitter: Duration) -> Moment {
        match self {
            Rhythm::At(_) => self.next(now, now, jitter),
            Rhythm::Every(..) => now + jitter,
        }
    }

    /// When it is due after this time, which is taken now: however many times went by meanwhile, the next one is ahead.
    pub fn next(&self, due: Moment, now: Moment, jitter: Duration) -> Moment {
        match self {
            Rhythm::At(schedule) => {
                let last = due.max(now) - jitter;
                schedule.next(last).map_or(Moment::FAR_FUTURE, |next| next + jitter)
            }
            Rhythm::Every(span, _) => {
                let rounds = now.since(due).as_millis() / span.0.as_millis().max(1) + 1;
                due + span.0 * u32::try_from(rounds).unwrap_or(u32::MAX)
            }
        }
    }
}
