//! The words for an operation and where it is: its title, who has to agree, how far it is, how long it will take.

use std::time::Duration;

use super::text::{clip, clip_mrkdwn, escape, one_line};
use crate::domain::{
    approval::ANY_ROLE,
    moment::{Moment, spoken},
    operation::{Operation, Run, State, resume},
    policy::Need,
    step::{Step, StepState},
};

/// `1 other operator`, `2 other dbas and 1 other lead`.
pub fn people(needs: &[Need]) -> String {
    let each: Vec<String> = needs
        .iter()
        .map(|n| match (n.role.as_str(), n.count) {
            (ANY_ROLE, 1) => "1 other person in a role".to_owned(),
            (ANY_ROLE, n) => format!("{n} other people in a role"),
            (role, 1) => format!("1 other {}", clip_mrkdwn(&escape(role), 80)),
            (role, n) => format!("{n} other {}s", clip_mrkdwn(&escape(role), 80)),
        })
        .collect();
    if each.is_empty() { "nobody".to_owned() } else { clip_mrkdwn(&each.join(" and "), 600) }
}

/// What the operation is, in plain text: `Backup of prod (full)`. Not escaped.
pub fn title(op: &Operation) -> String {
    if op.kind() == resume::KIND {
        let scope = if op.plan.scope == "*" { "every environment" } else { &op.plan.scope };
        return clip(&one_line(&format!("Lift the stop of {scope}")), 150);
    }
    let verb = match op.kind() {
        "backup.create" => "Backup".to_owned(),
        kind => {
            let (noun, verb) = kind.split_once('.').unwrap_or(("", kind));
            let verb = verb.replace(['_', '.'], " ");
            let mut letters = verb.chars();
            let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
            match (noun, verb.as_str()) {
                ("backup", "restore") | ("dr", _) => format!("{first}{}", letters.as_str()),
                _ => format!("{first}{} {noun}", letters.as_str()).trim_end().to_owned(),
            }
        }
    };
    let environment = if op.environment() == "*" { "all environments" } else { op.environment() };
    let mut narrowed: Vec<&str> = Some(op.plan.scope.as_str()).filter(|s| !s.is_empty()).into_iter().collect();
    let tenant = op.plan.tenant.as_ref().filter(|t| **t != op.plan.scope).map(|t| format!("tenant {t}"));
    narrowed.extend(tenant.as_deref());
    let narrowed = if narrowed.is_empty() { String::new() } else { format!(" ({})", narrowed.join(", ")) };
    clip(&one_line(&format!("{verb} of {environment}{narrowed}")), 150)
}

/// The state in plain words.
pub fn state(op: &Operation) -> String {
    if op.halt.as_ref().is_some_and(|h| h.cancel) && !op.state.terminal() {
        return "Being cancelled; what already runs in AWS is watched to its end".to_owned();
    }
    match op.state {
        State::AwaitingApproval => format!("Waits for approval by {}", people(&op.needs)),
        State::Queued => "Agreed; about to start".to_owned(),
        State::Running => "Running".to_owned(),
        State::Paused => "Paused; no new step begins".to_owned(),
        State::Waiting => "Waits for a person".to_owned(),
        State::Succeeded => "Succeeded and verified".to_owned(),
        State::Failed => "Failed".to_owned(),
        State::RolledBack => "Failed; what had been changed was undone".to_owned(),
        State::Rejected => "Rejected".to_owned(),
        State::Expired => "Expired".to_owned(),
        State::Cancelled => "Cancelled".to_owned(),
        State::Stopped => "Stopped; no new step begins".to_owned(),
        State::NeedsAttention => "Needs attention: the outcome of a step is unknown".to_owned(),
    }
}

/// How far a step is, 0–100.
pub fn percent_of(step: &Step) -> u64 {
    match step.state {
        StepState::Done => 100,
        StepState::Calling | StepState::Polling => u64::from(step.percent.unwrap_or(0).min(99)),
        _ => 0,
    }
}

/// How far the whole is, 0–100: 100 only when every step is done.
pub fn percent(run: &Run) -> u64 {
    let steps = run.steps.len() as u64;
    if steps == 0 {
        return if run.op.state == State::Succeeded { 100 } else { 0 };
    }
    run.steps.iter().map(percent_of).sum::<u64>() / steps
}

/// `43 % · 6 min so far · about 10 min left`; what is not known is left out.
pub fn progress(run: &Run, now: Moment) -> Option<String> {
    let op = &run.op;
    let started = op.started?;
    let elapsed = op.ended.unwrap_or(now).since(started);
    if let Some(ended) = op.ended {
        return Some(format!("{} % · took {}", percent(run), spoken(ended.since(started))));
    }
    let going = op.state == State::Running && !op.halt.as_ref().is_some_and(|h| h.cancel);
    let left = match op.estimate.and_then(|e| e.checked_sub(elapsed)).filter(|left| *left > Duration::ZERO) {
        Some(left) if going => format!(" · about {} left", spoken(left)),
        None if op.estimate.is_some() && going => " · longer than usual".to_owned(),
        _ => String::new(),
    };
    Some(format!("{} % · {} so far{left}", percent(run), spoken(elapsed)))
}
