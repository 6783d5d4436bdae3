//! A run that takes far longer than it should before it changes what is live: it stops and asks, once.

use std::time::Duration;

use super::{
    moment::Moment,
    operation::Run,
    step::{Step, Work},
};

/// More than so many per cent of what it usually takes is far longer.
const FAR: u32 = 150;

/// The output of a step during which people were asked whether it goes on.
pub const ASKED: &str = "asked_whether_it_goes_on";

/// What something took so far, and what it takes by experience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overrun {
    /// So far.
    pub took: Duration,
    /// By experience.
    pub usual: Duration,
}

impl Run {
    /// How long AWS usually takes for everything before this step, along the longest chain of steps; none where one of them was
    /// never measured.
    pub fn usual_until(&self, until: usize) -> Option<Duration> {
        self.chain(until, |step| step.expected).filter(|usual| !usual.is_zero())
    }

    /// The longest that it may take before people are asked whether it goes on.
    pub fn patience_until(&self, until: usize) -> Option<Duration> {
        Some(self.usual_until(until)? * FAR / 100)
    }

    /// Whether it takes far longer than usual to get to this step; none as soon as it was reached or people were asked, and
    /// while a region does not answer: that is told by itself.
    pub fn overruns(&self, until: usize, now: Moment) -> Option<Overrun> {
        let before = self.steps.get(..until)?;
        let reached = self.steps.get(until).is_none_or(Step::touched);
        let asked = before.iter().any(|step| step.outputs.contains_key(ASKED));
        if reached || asked || before.iter().any(|step| step.waits_for().is_some()) {
            return None;
        }
        let usual = self.usual_until(until)?;
        let took = self.chain(until, |step| {
            Some(step.started.map_or(Duration::ZERO, |started| step.ended.unwrap_or(now).since(started)))
        })?;
        (took > usual * FAR / 100).then_some(Overrun { took, usual })
    }

    /// The longest chain of what AWS does before a step, by a measure of each; none where one of them has none. What people take does
    /// not count.
    fn chain(&self, until: usize, measure: impl Fn(&Step) -> Option<Duration>) -> Option<Duration> {
        let mut ends: Vec<Duration> = Vec::with_capacity(until);
        for (spec, step) in self.op.plan.steps.iter().zip(&self.steps).take(until) {
            let begins = spec.after.iter().filter_map(|i| ends.get(*i)).max().copied().unwrap_or_default();
            let counts = !spec.back && matches!(spec.action.work(), Work::AwsChange | Work::AwsRead);
            ends.push(if counts { begins + measure(step)? } else { begins });
        }
        ends.into_iter().max()
    }
}
