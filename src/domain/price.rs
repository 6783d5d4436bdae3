//! What it costs to wait with a failover: what is lost by now, when the platform would be back, and the minute after which the promised
//! recovery time is gone whatever is done. Nothing here is an estimate: how long it takes is what own runs took, and fewer than five
//! give no number.

use std::time::Duration;

use super::{
    experience::Experience,
    mark::Sample,
    moment::{Moment, spoken},
    readiness::{HOME, Health, Readiness},
};

/// What people call the runs that are measured.
pub const RUNS: &str = "failovers";
/// What ends the name of a component whose copy lies in the DR region.
const ELSEWHERE: &str = " in DR";

/// What waiting costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Up to when everything written is safe in the DR region, or why nobody knows.
    pub safe: Result<Moment, String>,
    /// Since when the primary region is not well; none while it is, or where nobody saw it well before.
    pub since: Option<Moment>,
    /// How long own runs took: nine of ten no longer than this; none where there are fewer than five.
    pub takes: Option<Duration>,
    /// How many there were.
    pub runs: usize,
    /// The promised recovery time.
    pub rto: Duration,
}

impl Price {
    /// By what was found. `signs`: when the region was last seen to answer, and what an open incident names as its first sign; the
    /// earliest counts. `takes` and `runs`: what own runs took.
    pub fn of(
        found: &Readiness,
        signs: [Option<Moment>; 2],
        (takes, runs): (Option<Duration>, usize),
        rto: Duration,
    ) -> Price {
        let well = found.health() == Health::Healthy;
        let since = signs.into_iter().flatten().filter(|at| *at <= found.at).min();
        Price { safe: found.loses().map(|loses| found.at - loses), since: since.filter(|_| !well), takes, runs, rto }
    }

    /// When the platform is back, if somebody begins at that moment.
    pub fn back(&self, begun: Moment) -> Option<Moment> {
        self.takes.map(|takes| begun + takes)
    }

    /// The moment after which whatever begins comes too late for the promised recovery time: by what own runs took, else when
    /// that time itself is over. Never before the outage.
    pub fn gone(&self) -> Option<Moment> {
        let left = self.rto.saturating_sub(self.takes.unwrap_or_default());
        self.since.map(|since| since + left)
    }

    /// In sentences, as it is at `now`.
    pub fn told(&self, now: Moment) -> Vec<String> {
        let lost = match &self.safe {
            Ok(safe) => format!(
                "Lost now: the last {} of writes; what was written up to {} is there.",
                spoken(now.since(*safe)),
                safe.clock_at(now)
            ),
            Err(why) => format!("Lost now: unknown ({why})."),
        };
        vec![lost, self.back_told(now), self.gone_told(now)]
    }

    fn back_told(&self, now: Moment) -> String {
        match self.back(now).zip(self.takes) {
            Some((back, takes)) => format!(
                "Begun now it is back by {} (nine of ten of {} own failovers took at most {}).",
                back.clock_at(now),
                self.runs,
                spoken(takes)
            ),
            None => format!(
                "How long it takes is not known: {} own failovers were measured, and no number is given under five.",
                self.runs
            ),
        }
    }

    fn gone_told(&self, now: Moment) -> String {
        let rto = spoken(self.rto);
        let (Some(since), Some(gone)) = (self.since, self.gone()) else {
            return format!("The RTO of {rto} does not run yet: nobody has seen when an outage began.");
        };
        let counted =
            format!("counted from {}, when the region was last seen well or its first sign came", since.clock_at(now));
        match (self.takes, now > gone) {
            (Some(_), false) => {
                format!("Begun after {} it comes too late for the RTO of {rto}, {counted}.", gone.clock_at(now))
            }
            (Some(_), true) => {
                format!(
                    "What begins now comes too late for the RTO of {rto}: that was gone at {}, {counted}.",
                    gone.clock_at(now)
                )
            }
            (None, false) => format!("The RTO of {rto} ends at {}, {counted}.", gone.clock_at(now)),
            (None, true) => format!("The RTO of {rto} is over since {}, {counted}.", gone.clock_at(now)),
        }
    }

    /// The same for a card, which stays as it is while people look at it: by the clock, and not by how long ago.
    pub fn by_the_clock(&self, now: Moment) -> String {
        let lost = match &self.safe {
            Ok(safe) => format!("what was written after {} is lost", safe.clock_at(now)),
            Err(why) => format!("what is lost is unknown ({why})"),
        };
        let takes = match self.takes {
            Some(takes) => format!("nine of ten of {} own failovers took at most {}", self.runs, spoken(takes)),
            None => format!("{} own failovers were measured, and no number is given under five", self.runs),
        };
        format!("The price of waiting: {lost}; {takes}. {}", self.gone_told(now))
    }
}

/// What own runs took, nine of ten of them, and how many there were.
pub fn measured(known: &[Experience]) -> (Option<Duration>, usize) {
    let own = known.iter().find(|experience| experience.what == RUNS);
    (own.and_then(|own| Some(own.took?.1)), own.map_or(0, |own| own.runs))
}

/// When the primary region was last seen to answer: something of it was measured then.
pub fn answered(samples: &[Sample]) -> Option<Moment> {
    let here =
        |sample: &&Sample| sample.lag.is_some() && sample.component != HOME && !sample.component.ends_with(ELSEWHERE);
    samples.iter().filter(here).map(|sample| sample.at).max()
}
