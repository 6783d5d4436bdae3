//! How long it takes to bring something back, measured by what was brought back: restores, test restores and failovers, held
//! against the RTO.

use std::{collections::BTreeMap, time::Duration};

use super::{
    moment::spoken,
    operation::{Operation, State},
    operations,
};

/// So many runs give a number; fewer give none, since one slow night would be all of it.
pub const ENOUGH: usize = 5;

/// How long runs of one sort took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experience {
    /// What people call them: `test restores`.
    pub what: &'static str,
    /// How many there were.
    pub runs: usize,
    /// What half of them kept, and what nine of ten did; none while there are too few.
    pub took: Option<(Duration, Duration)>,
}

/// What the runs that succeeded tell, by what they brought back.
pub fn of<'o>(ops: impl IntoIterator<Item = &'o Operation>) -> Vec<Experience> {
    let mut lengths: BTreeMap<&'static str, Vec<Duration>> = BTreeMap::new();
    for op in ops {
        let what = operations::of(op.kind()).recovers(&op.plan).filter(|_| op.state == State::Succeeded);
        if let (Some(what), Some(started), Some(ended)) = (what, op.started, op.ended) {
            lengths.entry(what).or_default().push(ended.since(started));
        }
    }
    lengths.into_iter().map(|(what, lengths)| measured(what, lengths)).collect()
}

fn measured(what: &'static str, mut lengths: Vec<Duration>) -> Experience {
    lengths.sort_unstable();
    let runs = lengths.len();
    let within = |tenths: usize| lengths[(runs * tenths).div_ceil(10).max(1) - 1];
    let took = (runs >= ENOUGH).then(|| (within(5), within(9)));
    Experience { what, runs, took }
}

impl Experience {
    /// In plain text, held against the RTO.
    pub fn spoken(&self, rto: Duration) -> String {
        let Experience { what, runs, took } = self;
        match took {
            None => format!("{what}: {runs} so far, and no number before {ENOUGH}"),
            Some((half, most)) => {
                let verdict = if *most > rto { "longer than" } else { "within" };
                format!(
                    "{what}: half took at most {}, nine of ten at most {} ({runs} runs), {verdict} the RTO of {}",
                    spoken(*half),
                    spoken(*most),
                    spoken(rto)
                )
            }
        }
    }
}

/// What such a run has to keep, and what runs like it took so far; plain text.
pub fn promise(what: &'static str, known: &[Experience], rto: Duration) -> String {
    match known.iter().find(|experience| experience.what == what) {
        Some(experience) => format!("RTO {}. {}", spoken(rto), upper(&experience.spoken(rto))),
        None => format!("RTO {}. No {what} were measured yet", spoken(rto)),
    }
}

fn upper(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_five_runs_there_is_no_number_and_then_it_is_held_against_the_promise() {
        let minutes = |all: &[u64]| all.iter().map(|m| Duration::from_secs(m * 60)).collect::<Vec<_>>();
        let hour = Duration::from_secs(3600);
        let few = measured("test restores", minutes(&[50, 10, 20, 30]));
        assert_eq!(few.spoken(hour), "test restores: 4 so far, and no number before 5");
        let enough = measured("test restores", minutes(&[50, 10, 20, 30, 40]));
        assert_eq!(enough.took, Some((Duration::from_secs(1800), Duration::from_secs(3000))));
        assert_eq!(
            enough.spoken(hour),
            "test restores: half took at most 30 min, nine of ten at most 50 min (5 runs), within the RTO of 1 h"
        );
        assert!(enough.spoken(hour / 2).ends_with("longer than the RTO of 30 min"));
        assert_eq!(promise("failovers", &[enough], hour), "RTO 1 h. No failovers were measured yet");
        let twenty = measured("failovers", minutes(&(1..=20).collect::<Vec<_>>()));
        assert_eq!(twenty.took, Some((Duration::from_secs(600), Duration::from_secs(1080))));
    }
}
