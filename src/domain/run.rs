//! What a run does next: which steps may begin, which are to be looked at, and how it ends.

use std::{collections::BTreeSet, time::Duration};

use super::{
    attachment::Report,
    mark::MarkKind,
    moment::Moment,
    operation::{Run, State, Trigger},
    plan::Plan,
    step::{Action, ISSUE, Outputs, Remember, Step, StepState, WaitForPeople, Work},
};

/// How often AWS is asked about a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pacing {
    /// Never more often than this.
    pub floor: Duration,
    /// Never less often than this.
    pub ceiling: Duration,
}

/// What is known of how far a step is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Course {
    /// How long it has taken.
    pub elapsed: Duration,
    /// How long such a step took before.
    pub expected: Option<Duration>,
    /// AWS's own percentage, now and the time before.
    pub percent: (Option<u8>, Option<u8>),
}

/// The first look at a step of which nothing is known.
const FIRST: Duration = Duration::from_secs(1);
/// Near its end a step is looked at again after this part of the time it has taken: what is noticed late by so much is late by
/// four percent, of a minute as of an hour.
const CLOSE: u32 = 25;

/// A way back that takes longer than this is asked in red and needs a reason.
const SLOW: Duration = Duration::from_secs(600);

impl Default for Pacing {
    fn default() -> Self {
        Pacing { floor: Duration::from_millis(100), ceiling: Duration::from_secs(30) }
    }
}

impl Pacing {
    /// When to look for the first time at what has just begun.
    pub fn first(&self, expected: Option<Duration>) -> Duration {
        expected.map_or(FIRST, |expected| Pacing::shortly_before(expected).clamp(self.floor, self.ceiling))
    }

    /// When to look again: when it is likely to have ended. AWS's percentage says that best as long as it moves, then experience.
    /// Without either, the looks become fewer the longer it takes.
    pub fn next(&self, course: Course) -> Duration {
        let Course { elapsed, expected, percent } = course;
        let wait = match (Pacing::end(elapsed, percent), expected) {
            (Some(end), _) => end.saturating_sub(elapsed).max(elapsed / 64),
            // It has come to a halt, or AWS counts in leaps.
            (None, _) if percent.0.is_some_and(|percent| percent > 0) => elapsed / CLOSE,
            // Experience does not hold.
            (None, Some(expected)) if elapsed > expected * 3 / 2 => elapsed / 10,
            (None, Some(expected)) => Pacing::shortly_before(expected).saturating_sub(elapsed).max(elapsed / CLOSE),
            (None, None) => elapsed / 5,
        };
        wait.clamp(self.floor, self.ceiling)
    }

    /// Experience was gathered by looking, so that it is a little more than what it took.
    fn shortly_before(expected: Duration) -> Duration {
        expected * 15 / 16
    }

    /// How long it takes as a whole, if it goes on as it went so far. A percentage is rounded down: while that leaves the end open by more than
    /// a little, its earliest moment, to look closer from there.
    fn end(elapsed: Duration, (percent, before): (Option<u8>, Option<u8>)) -> Option<Duration> {
        let percent = percent.filter(|now| (1..100).contains(now) && before != Some(*now))?;
        let (earliest, latest) = (elapsed * 100 / u32::from(percent + 1), elapsed * 100 / u32::from(percent));
        Some(if latest - earliest <= latest / 32 { latest } else { earliest })
    }

    /// When to try again after so many failures in a row: doubling, from one second to five minutes.
    pub fn backoff(failures: u32) -> Duration {
        Duration::from_secs((1u64 << failures.min(9)).min(300))
    }
}

impl Run {
    /// Steps that may begin now: everything they come after is done. On the way back these are its own steps, one after the
    /// other, once nothing else is in flight; and what cleans up.
    pub fn startable(&self) -> Vec<usize> {
        self.indexes(|step| {
            match (self.op.turned.is_some(), self.back(step.index)) {
                (false, true) => return false,
                (true, true) => return step.state == StepState::Ready && self.may_go_back(step.index),
                (true, false) if !self.always(step.index) => return false,
                (true | false, false) => {}
            }
            let ready = |state: StepState| match self.always(step.index) {
                true => matches!(state, StepState::Done | StepState::Failed | StepState::Skipped),
                false => state == StepState::Done,
            };
            step.state == StepState::Ready && self.spec_after(step.index).iter().all(|i| ready(self.steps[*i].state))
        })
    }

    /// Whether everything that has to end before a step of the way back has ended: what went forward, and the steps of the way
    /// back before it, those well.
    fn may_go_back(&self, index: usize) -> bool {
        self.steps.iter().all(|other| match self.back(other.index) {
            true => other.index >= index || matches!(other.state, StepState::Done | StepState::Skipped),
            false => !other.state.in_flight(),
        })
    }

    /// Steps of the way back that have nothing to undo: what they undo was never begun.
    pub fn needless(&self) -> Vec<usize> {
        self.indexes(|step| {
            self.back(step.index)
                && step.state == StepState::Ready
                && self.undone_by(step.index).is_some_and(|forward| !forward.touched())
        })
    }

    /// What a step of the way back undoes: the last step that goes forward of those it comes after. The others only tell it something.
    fn undone_by(&self, index: usize) -> Option<&Step> {
        self.steps.get(*self.spec_after(index).iter().rfind(|before| !self.back(**before))?)
    }

    /// The step that waits for people, with what it asks them; none where the run waits for nobody.
    pub fn asks(&self) -> Option<(usize, &WaitForPeople)> {
        let steps = self.op.plan.steps.iter().zip(&self.steps);
        let step =
            steps.filter(|(_, step)| step.state == StepState::Polling).find_map(|(spec, step)| match &spec.action {
                Action::WaitForPeople(what) => Some((step.index, what)),
                _ => None,
            });
        step.filter(|_| self.op.state == State::Waiting)
    }

    /// What buttons on its card name: the plan that is on the screen and, while people are asked, the step that asks. A word that
    /// was meant for one question never counts for the next.
    pub fn shown(&self) -> String {
        let asking = self.asks().map(|(index, _)| format!(":{index}")).unwrap_or_default();
        format!("{}{asking}", self.op.shown())
    }

    /// The first step of the way back that has something to undo. None where there is no way back, or nothing yet to go back from.
    pub fn undoes(&self) -> Option<usize> {
        let begun = |step: &&Step| self.back(step.index) && self.undone_by(step.index).is_some_and(Step::touched);
        self.steps.iter().find(begun).map(|step| step.index)
    }

    /// Whether it is in an exchange: people have agreed to one, and something after that was begun that has a way back, or that they do by
    /// hand. Whoever gives it up then leaves it half done, and nothing goes on or back from there.
    pub fn exchanges(&self) -> bool {
        let specs = &self.op.plan.steps;
        let asks =
            |rule: bool, action: &Action| matches!(action, Action::WaitForPeople(what) if what.rule.is_some() == rule);
        let Some(agreed) = specs.iter().position(|spec| asks(true, &spec.action)) else { return false };
        let undone = |index: usize| specs.iter().any(|spec| spec.back && spec.after.contains(&index));
        let mut begun =
            self.steps.iter().zip(specs).skip(agreed + 1).filter(|(step, spec)| step.touched() && !spec.back);
        begun.any(|(step, spec)| undone(step.index) || asks(false, &spec.action))
    }

    /// The step that writes down where the platform runs and did not come to it, although traffic was led there: the last move of traffic
    /// that was begun is done, and the step comes after that.
    pub fn owes(&self) -> Option<(usize, &Remember)> {
        let specs = &self.op.plan.steps;
        let leads = |action: &Action| matches!(action, Action::ShiftTraffic(_) | Action::TurnControls(_));
        let mut moves = self.steps.iter().zip(specs).filter(|(step, spec)| step.touched() && leads(&spec.action));
        let (last, _) = moves.next_back().filter(|(step, _)| step.state == StepState::Done)?;
        // Where the way there was never written down, neither is the way back: the ledger says so all along.
        let stale = |index: usize| !self.back(index) || self.undone_by(index).is_some_and(Step::touched);
        let mut open = self
            .steps
            .iter()
            .zip(specs)
            .filter(|(step, spec)| !step.touched() && spec.after.contains(&last.index) && stale(step.index));
        open.find_map(|(step, spec)| match &spec.action {
            Action::Remember(what) if what.mark == MarkKind::Active => Some((step.index, what)),
            _ => None,
        })
    }

    /// How many steps AWS may be working on.
    pub fn in_aws(&self) -> usize {
        let called = |step: &&Step| self.work(step.index).is_some_and(Work::is_called);
        self.steps.iter().filter(|s| s.state.in_flight()).filter(called).count()
    }

    /// Whether a step waits for the word of people.
    pub fn asks_people(&self) -> bool {
        !self.indexes(|step| step.state == StepState::Polling && self.work(step.index) == Some(Work::People)).is_empty()
    }

    fn work(&self, index: usize) -> Option<Work> {
        self.op.plan.steps.get(index).map(|spec| spec.action.work())
    }

    /// Steps that can never begin, because something they come after failed or was skipped.
    pub fn doomed(&self) -> Vec<usize> {
        let mut doomed: Vec<bool> =
            self.steps.iter().map(|s| matches!(s.state, StepState::Failed | StepState::Skipped)).collect();
        // Steps come after earlier ones only, so one pass reaches every follower.
        for index in 0..self.steps.len() {
            let goes_on = self.always(index) || self.back(index);
            let follows = !goes_on && self.spec_after(index).iter().any(|i| doomed[*i]);
            doomed[index] = doomed[index] || follows;
        }
        self.indexes(|step| step.state == StepState::Ready && doomed[step.index])
    }

    /// Steps in this state whose time to be looked at has come.
    pub fn due(&self, state: StepState, now: Moment) -> Vec<usize> {
        self.indexes(|step| step.state == state && step.wake_at <= now)
    }

    /// Whether AWS may be working for this run.
    pub fn in_flight(&self) -> bool {
        self.steps.iter().any(|s| s.state.in_flight())
    }

    /// What the steps before it gave to this one; later ones override earlier ones.
    pub fn inputs(&self, index: usize) -> Outputs {
        let mut inputs = Outputs::new();
        for before in self.spec_after(index) {
            inputs.extend(self.steps[*before].outputs.clone());
        }
        inputs
    }

    /// How the run ends, once nothing is in flight and nothing can begin any more.
    pub fn verdict(&self) -> Option<Trigger> {
        let going_on = self.in_flight() || !self.startable().is_empty();
        if going_on || !matches!(self.op.state, State::Running | State::Paused | State::Stopped) {
            return None;
        }
        let any = |state| self.steps.iter().any(|s| s.state == state);
        let turned = self.op.turned.is_some();
        let undone = || {
            let mut back = self.steps.iter().filter(|s| self.back(s.index));
            back.all(|s| matches!(s.state, StepState::Done | StepState::Skipped))
        };
        Some(if any(StepState::Unknown) {
            Trigger::Lose
        } else if !turned && self.steps.iter().all(|s| self.back(s.index) || s.state == StepState::Done) {
            Trigger::Succeed
        } else if self.op.halt.as_ref().is_some_and(|h| h.cancel) {
            Trigger::Cancel
        } else if turned && undone() {
            Trigger::RollBack
        } else {
            Trigger::Fail
        })
    }

    /// When to look at this run again.
    pub fn next_wake(&self, now: Moment) -> Moment {
        let step_wakes = self.steps.iter().filter(|s| s.state.in_flight()).map(|s| s.wake_at).min();
        let begins = (self.op.state == State::Running)
            .then(|| self.startable().iter().map(|i| self.steps[*i].wake_at).min())
            .flatten();
        let lifecycle = match self.op.state {
            State::AwaitingApproval => self.op.deadline,
            State::Queued => Some(now),
            _ => None,
        };
        [step_wakes, begins, lifecycle].into_iter().flatten().min().unwrap_or(Moment::FAR_FUTURE)
    }

    /// Share of the work that is done, 0–100, each step weighing the same and counting by AWS's own percentage.
    pub fn percent(&self) -> u8 {
        let counts = |step: &&Step| self.op.turned.is_some() || !self.back(step.index);
        let (mut total, mut steps) = (0u32, 0u32);
        for step in self.steps.iter().filter(counts) {
            total += u32::from(step.progress());
            steps += 1;
        }
        u8::try_from(total / steps.max(1)).unwrap_or(100)
    }

    /// What is to be said about steps that are done: their titles, and AWS's or a check's words. Where anything is, what the
    /// run made is not verified.
    pub fn issues(&self) -> Vec<(&str, &str)> {
        let done = self.steps.iter().filter(|step| step.state == StepState::Done);
        done.filter_map(|step| {
            let title = self.op.plan.steps.get(step.index).map_or("", |spec| spec.title.as_str());
            Some((title, step.outputs.get(ISSUE)?.as_str()))
        })
        .collect()
    }

    /// What is to be said about this step or about anything it stands on; with that, nothing is proved by it.
    pub fn doubt(&self, index: usize) -> Option<(&str, &str)> {
        let mut below = BTreeSet::from([index]);
        let mut open = vec![index];
        while let Some(next) = open.pop() {
            open.extend(self.spec_after(next).iter().filter(|before| below.insert(**before)));
        }
        below.into_iter().find_map(|index| {
            let step = self.steps.get(index).filter(|step| step.state == StepState::Done)?;
            let title = self.op.plan.steps.get(index).map_or("", |spec| spec.title.as_str());
            Some((title, step.outputs.get(ISSUE)?.as_str()))
        })
    }

    /// The same, thing by thing: what a report found is told one by one, and what two of them found is told once.
    pub fn findings(&self) -> Vec<(&str, String)> {
        let mut told: Vec<(&str, String)> = Vec::new();
        for step in self.steps.iter().filter(|step| step.state == StepState::Done) {
            let Some(words) = step.outputs.get(ISSUE) else { continue };
            let title = self.op.plan.steps.get(step.index).map_or("", |spec| spec.title.as_str());
            let found = Report::of(&step.outputs).map(|report| report.breaches).filter(|found| !found.is_empty());
            for each in found.unwrap_or_else(|| vec![words.clone()]) {
                if !told.iter().any(|(_, before)| *before == each) {
                    told.push((title, each));
                }
            }
        }
        told
    }

    /// How long the longest chain of steps takes by experience; none when a step has no experience.
    pub fn estimate(&self) -> Option<Duration> {
        let mut ends: Vec<Duration> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            if self.back(step.index) {
                ends.push(Duration::ZERO);
                continue;
            }
            let begin = self.spec_after(step.index).iter().map(|i| ends[*i]).max().unwrap_or_default();
            ends.push(begin + step.expected?);
        }
        ends.into_iter().max()
    }

    /// How long the way back takes by experience; none where it has none, or one of its steps was never measured.
    pub fn way_back(&self) -> Option<Duration> {
        let steps: Vec<&Step> = self.steps.iter().filter(|step| self.back(step.index)).collect();
        if steps.is_empty() {
            return None;
        }
        steps.iter().map(|step| step.expected).sum()
    }

    /// Whether the way back takes so long by experience that it is a decision of its own.
    pub fn goes_back_slowly(&self) -> bool {
        self.way_back().is_some_and(|takes| takes > SLOW)
    }

    fn spec_after(&self, index: usize) -> &[usize] {
        self.op.plan.steps.get(index).map(|s| s.after.as_slice()).unwrap_or_default()
    }

    /// Whether it belongs to the way back.
    pub fn back(&self, index: usize) -> bool {
        self.op.plan.steps.get(index).is_some_and(|s| s.back)
    }

    /// Whether it cleans up: it begins also after what failed.
    pub fn always(&self, index: usize) -> bool {
        self.op.plan.steps.get(index).is_some_and(|s| s.always)
    }

    fn indexes(&self, keep: impl Fn(&Step) -> bool) -> Vec<usize> {
        self.steps.iter().filter(|s| keep(s)).map(|s| s.index).collect()
    }
}

/// Steps of a new plan, keeping the record of those that the old plan already finished in the same way.
pub fn carry_over(old_plan: &Plan, old_steps: &[Step], new_plan: &Plan) -> Vec<Step> {
    (0..new_plan.steps.len())
        .map(|index| {
            let action = &new_plan.steps[index].action;
            let kept = old_plan
                .steps
                .iter()
                .zip(old_steps)
                .find(|(spec, step)| spec.action == *action && step.state == StepState::Done)
                .map(|(_, step)| Step { index, ..step.clone() });
            kept.unwrap_or_else(|| Step::new(index))
        })
        .collect()
}
