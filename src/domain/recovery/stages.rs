//! When a run reached what, by the ends of its steps.

use crate::domain::{
    moment::Moment,
    operation::Run,
    step::{Step, StepSpec, StepState},
};

/// The stages of a run so far.
#[derive(Debug)]
pub struct Stages<'r> {
    run: &'r Run,
    reached: Vec<(&'static str, Moment)>,
}

impl<'r> Stages<'r> {
    /// What every run has: when somebody else first decided on it, when the last word came that was needed, and its start.
    pub fn of(run: &'r Run) -> Stages<'r> {
        let mut stages = Stages { run, reached: Vec::new() };
        let votes = || run.op.votes.iter().map(|vote| vote.at);
        stages.add("decided", votes().min());
        stages.add("approved", votes().max());
        stages.add("begun", run.op.started);
        stages
    }

    /// One more, where it was reached.
    pub fn add(&mut self, stage: &'static str, at: Option<Moment>) {
        self.reached.extend(at.map(|at| (stage, at)));
    }

    /// When the last of these steps ended that go forward.
    pub fn last(&self, kind: impl Fn(&StepSpec) -> bool) -> Option<Moment> {
        self.by(None, kind)
    }

    /// When the first of these steps ended that go forward.
    pub fn first(&self, kind: impl Fn(&StepSpec) -> bool) -> Option<Moment> {
        self.forward().filter(|(spec, _)| kind(spec)).filter_map(|(_, step)| step.ended).min()
    }

    /// When the last of these steps ended that had ended by then.
    pub fn by(&self, by: Option<Moment>, kind: impl Fn(&StepSpec) -> bool) -> Option<Moment> {
        let ended = self.forward().filter(|(spec, _)| kind(spec)).filter_map(|(_, step)| step.ended);
        ended.filter(|ended| by.is_none_or(|by| *ended <= by)).max()
    }

    /// All of them, in the order of time: what goes on side by side may end in any.
    pub fn all(mut self) -> Vec<(&'static str, Moment)> {
        self.reached.sort_by_key(|(_, at)| *at);
        self.reached
    }

    fn forward(&self) -> impl Iterator<Item = (&'r StepSpec, &'r Step)> + use<'r> {
        let steps = self.run.op.plan.steps.iter().zip(&self.run.steps);
        steps.filter(|(spec, step)| !spec.back && step.state == StepState::Done)
    }
}
