//! The words for an operation and where it is: its title, who has to agree, how far it is, how long it will take.

use std::time::Duration;

use super::text::{clip, clip_mrkdwn, escape, one_line};
use crate::domain::{
    approval::ANY_ROLE,
    moment::{Moment, spoken},
    operation::{Operation, Run, State},
    operations,
    policy::Need,
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
    clip(&one_line(&operations::title(op)), 150)
}

/// The state in plain words.
pub fn state(run: &Run) -> String {
    let op = &run.op;
    if op.halt.as_ref().is_some_and(|h| h.cancel) && !op.state.terminal() {
        return "Being cancelled; what already runs in AWS is watched to its end".to_owned();
    }
    match op.state {
        State::AwaitingApproval => format!("Waits for approval by {}", people(&op.needs)),
        State::Queued => "Agreed; about to start".to_owned(),
        State::Running => "Running".to_owned(),
        State::Paused => "Paused; no new step begins".to_owned(),
        State::Waiting => "Waits for a person".to_owned(),
        State::Succeeded if !run.issues().is_empty() && operations::of(op.kind()).found(run, "").is_some() => {
            "Done, and found what to look at".to_owned()
        }
        State::Succeeded if !run.issues().is_empty() => "Succeeded with issues: look before you rely on it".to_owned(),
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

/// `43 % · 6 min so far · about 10 min left`; what is not known is left out.
pub fn progress(run: &Run, now: Moment) -> Option<String> {
    let op = &run.op;
    let started = op.started?;
    let elapsed = op.ended.unwrap_or(now).since(started);
    if let Some(ended) = op.ended {
        return Some(format!("{} % · took {}", run.percent(), spoken(ended.since(started))));
    }
    let going = op.state == State::Running && !op.halt.as_ref().is_some_and(|h| h.cancel);
    let left = match op.estimate.and_then(|e| e.checked_sub(elapsed)).filter(|left| *left > Duration::ZERO) {
        Some(left) if going => format!(" · about {} left", spoken(left)),
        None if op.estimate.is_some() && going => " · longer than usual".to_owned(),
        _ => String::new(),
    };
    Some(format!("{} % · {} so far{left}", run.percent(), spoken(elapsed)))
}
