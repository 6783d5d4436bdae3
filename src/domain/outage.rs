//! A region that does not answer: since when, which steps of a run wait for it, and when it is asked next. The time spent so
//! is no experience of how long a step takes.

use std::{collections::BTreeMap, time::Duration};

use super::{
    moment::Moment,
    operation::Run,
    step::{Down, Step, StepState},
};

/// So many attempts in a row without an answer make an outage: a single lost answer is none.
const ATTEMPTS: u32 = 2;

/// A region that a run waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// Its name.
    pub region: String,
    /// When it was first left unanswered.
    pub since: Moment,
    /// When it is asked next.
    pub next: Moment,
}

impl Step {
    /// The region that leaves it unanswered, once that is no chance any more.
    pub fn waits_for(&self) -> Option<&Down> {
        let unanswered = match self.state {
            StepState::Ready => self.attempt,
            StepState::Calling => self.attempt + self.silence,
            StepState::Polling => self.silence,
            StepState::Done | StepState::Failed | StepState::Skipped | StepState::Unknown => return None,
        };
        self.down.as_ref().filter(|_| unanswered >= ATTEMPTS)
    }

    /// Its region answers again: the time it stood still is counted.
    pub fn revive(&mut self, now: Moment) {
        if let Some(Down { since, .. }) = self.down.take() {
            let stood = now.since(self.started.map_or(since, |started| started.max(since)));
            self.stalled = self.stalled.saturating_add(stood);
        }
    }
}

impl Run {
    /// The regions it waits for, the longest silent first.
    pub fn outages(&self) -> Vec<Outage> {
        let mut by_region: BTreeMap<&str, Outage> = BTreeMap::new();
        for step in &self.steps {
            let Some(down) = step.waits_for() else { continue };
            let new = || Outage { region: down.region.clone(), since: down.since, next: step.wake_at };
            let outage = by_region.entry(&down.region).or_insert_with(new);
            (outage.since, outage.next) = (outage.since.min(down.since), outage.next.min(step.wake_at));
        }
        let mut outages: Vec<Outage> = by_region.into_values().collect();
        outages.sort_by_key(|outage| outage.since);
        outages
    }

    /// How long it stood still for its regions, by the step that did so the longest.
    pub fn stalled(&self) -> Duration {
        self.steps.iter().map(|step| step.stalled).max().unwrap_or_default()
    }

    /// Steps whose last attempt this region left unanswered.
    pub fn unanswered(&self, region: &str) -> Vec<usize> {
        let open = |state: StepState| state == StepState::Ready || state.in_flight();
        let waits = |step: &&Step| open(step.state) && step.down.as_ref().is_some_and(|down| down.region == region);
        self.steps.iter().filter(waits).map(|step| step.index).collect()
    }
}
