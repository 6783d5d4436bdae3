//! The steps of a run as the tasks people see: one each, or, where there are too many, failures first and the rest by kind and region.

use std::collections::BTreeMap;

use super::{
    blocks::{Status, TASKS, Task},
    links,
    text::{clip, count, number, one_line, size},
};
use crate::domain::{
    moment::{Moment, spoken},
    operation::Run,
    step::{Step, StepSpec, StepState},
};

/// Most failures shown one by one when steps are grouped.
const FAILURES: usize = 20;

/// At most [`TASKS`] tasks.
pub fn tasks(run: &Run, now: Moment) -> Vec<Task> {
    let unbegun: Vec<Step>;
    let steps: Vec<(&StepSpec, &Step)> = if run.steps.len() == run.op.plan.steps.len() {
        run.op.plan.steps.iter().zip(&run.steps).collect()
    } else {
        unbegun = (0..run.op.plan.steps.len()).map(Step::new).collect();
        let known = |i: usize| run.steps.iter().find(|s| s.index == i).unwrap_or(&unbegun[i]);
        run.op.plan.steps.iter().enumerate().map(|(i, spec)| (spec, known(i))).collect()
    };
    // The way back is shown to those that take it.
    let shown = |(spec, _): &(&StepSpec, &Step)| !spec.back || run.op.turned.is_some();
    let steps: Vec<(&StepSpec, &Step)> = steps.into_iter().filter(shown).collect();
    if steps.len() <= TASKS {
        return steps.iter().map(|(spec, step)| single(run, spec, step, now)).collect();
    }
    let (bad, rest): (Vec<_>, Vec<_>) =
        steps.into_iter().partition(|(_, step)| matches!(step.state, StepState::Failed | StepState::Unknown));
    let mut tasks: Vec<Task> = bad.iter().take(FAILURES).map(|(spec, step)| single(run, spec, step, now)).collect();
    if bad.len() > FAILURES {
        tasks.push(Task {
            id: "more-failures".to_owned(),
            title: format!("… and {} more that failed or whose outcome is unknown", number(bad.len() - FAILURES)),
            status: Status::Error,
            details: format!("`/bbws op show {}` names them", run.op.id).replace('`', ""),
            code: None,
            output: None,
            link: None,
        });
    }
    tasks.extend(groups(&rest, TASKS - tasks.len()));
    tasks
}

fn status(state: StepState) -> Status {
    match state {
        StepState::Ready | StepState::Skipped => Status::Pending,
        StepState::Calling | StepState::Polling => Status::InProgress,
        StepState::Done => Status::Complete,
        StepState::Failed | StepState::Unknown => Status::Error,
    }
}

fn single(run: &Run, spec: &StepSpec, step: &Step, now: Moment) -> Task {
    let mut details: Vec<String> = Vec::new();
    match step.state {
        StepState::Ready => {}
        StepState::Skipped => details.push("skipped".to_owned()),
        StepState::Done => details.push("done".to_owned()),
        StepState::Failed => details.push("failed".to_owned()),
        StepState::Unknown => details.push("outcome unknown".to_owned()),
        StepState::Calling | StepState::Polling => {
            details.extend(step.percent.map(|_| format!("{} %", u64::from(step.progress()))))
        }
    }
    details.extend(step.detail.as_deref().map(one_line).filter(|d| !d.is_empty()));
    if let Some(started) = step.started {
        let usual = step
            .expected
            .filter(|_| step.state.in_flight())
            .map(|e| format!(" of about {}", spoken(e)))
            .unwrap_or_default();
        details.push(format!("{}{usual}", spoken(step.ended.unwrap_or(now).since(started))));
    }
    if step.round > 0 {
        details
            .push(format!("repeated {}", if step.round == 1 { "once".to_owned() } else { count(step.round, "time") }));
    }
    let output = step
        .error
        .clone()
        .filter(|_| step.state != StepState::Done)
        .or_else(|| Some(outputs(step)).filter(|o| !o.is_empty() && step.state == StepState::Done));
    Task {
        id: format!("step-{}", step.index),
        title: spec.title.clone(),
        status: status(step.state),
        details: details.join(" · "),
        // Since when an upload is made tells one attempt from the next, and people nothing.
        code: step.external_id.as_deref().map(|id| id.split(" since ").next().unwrap_or(id).to_owned()),
        output,
        link: links::console(run, spec, step),
    }
}

/// What a step gave, for people: the AWS id stands beside the details already.
fn outputs(step: &Step) -> String {
    // What later steps read as JSON is for them: people are told of it in the thread.
    let news = step
        .outputs
        .iter()
        .filter(|(_, value)| step.external_id.as_ref() != Some(value) && !value.starts_with(['{', '[']));
    let told = news.take(4).map(|(name, value)| format!("{}: {}", name.replace('_', " "), readable(name, value)));
    told.collect::<Vec<_>>().join(" · ")
}

/// Sizes in units, and of a hash as much as tells it from others.
fn readable(name: &str, value: &str) -> String {
    let hash = value.len() >= 40 && value.bytes().all(|b| b.is_ascii_hexdigit());
    match value.parse() {
        Ok(bytes) if name == "size" => size(bytes),
        _ if hash => clip(value, 13),
        _ => value.to_owned(),
    }
}

#[derive(Default)]
struct Tally {
    total: usize,
    done: usize,
    flying: usize,
    skipped: usize,
}

fn groups(steps: &[(&StepSpec, &Step)], room: usize) -> Vec<Task> {
    let mut order: Vec<(&'static str, &str)> = Vec::new();
    let mut tallies: BTreeMap<(&'static str, &str), Tally> = BTreeMap::new();
    for (spec, step) in steps {
        let key = (spec.action.label(), spec.action.region().unwrap_or(""));
        let tally = tallies.entry(key).or_insert_with(|| {
            order.push(key);
            Tally::default()
        });
        tally.add(step.state);
    }
    if order.len() > room {
        // More regions than lines: what does not fit becomes one line.
        let kept = room.saturating_sub(1);
        let rest = order
            .split_off(kept)
            .into_iter()
            .filter_map(|key| tallies.remove(&key))
            .fold(Tally::default(), Tally::plus);
        order.push(("Other steps", ""));
        tallies.insert(("Other steps", ""), rest);
    }
    order.iter().enumerate().filter_map(|(i, key)| tallies.get(key).map(|tally| tally.task(i, *key))).collect()
}

impl Tally {
    fn add(&mut self, state: StepState) {
        self.total += 1;
        match state {
            StepState::Done => self.done += 1,
            StepState::Calling | StepState::Polling => self.flying += 1,
            StepState::Skipped => self.skipped += 1,
            _ => {}
        }
    }

    fn plus(self, other: Tally) -> Tally {
        Tally {
            total: self.total + other.total,
            done: self.done + other.done,
            flying: self.flying + other.flying,
            skipped: self.skipped + other.skipped,
        }
    }

    fn task(&self, index: usize, (label, region): (&str, &str)) -> Task {
        let place = if region.is_empty() { String::new() } else { format!(" ({})", clip(&one_line(region), 40)) };
        let status = match self {
            Tally { total, done, .. } if total == done => Status::Complete,
            Tally { done: 0, flying: 0, .. } => Status::Pending,
            _ => Status::InProgress,
        };
        let waiting = self.total - self.done - self.flying - self.skipped;
        let parts = [(self.flying, "in progress"), (waiting, "to come"), (self.skipped, "skipped")];
        let details: Vec<String> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", number(*n))).collect();
        Task {
            id: format!("group-{index}"),
            title: format!("{label}{place}: {} of {} done", number(self.done), number(self.total)),
            status,
            details: if details.is_empty() {
                format!("{}, all done", count(self.total, "step"))
            } else {
                details.join(" · ")
            },
            code: None,
            output: None,
            link: None,
        }
    }
}
