//! The words for an operation and where it is: its title, who has to agree, how far it is, how long it will take.

use std::time::Duration;

use super::text::{clip, clip_mrkdwn, count, escape, one_line};
use crate::domain::{
    approval::ANY_ROLE,
    incident,
    moment::{Moment, spoken},
    operation::{Operation, Run, State},
    operations,
    policy::Need,
    step::ITSELF,
};

/// `1 other operator`, `2 other dbas and 1 other lead`.
pub fn people(needs: &[Need]) -> String {
    let each: Vec<String> = needs
        .iter()
        .map(|n| match (n.role.as_str(), n.count) {
            (ANY_ROLE, n) => format!("{} in a role", count(n, "other person")),
            (role, n) => count(n, &format!("other {}", clip_mrkdwn(&escape(role), 80))),
        })
        .collect();
    if each.is_empty() { "nobody".to_owned() } else { clip_mrkdwn(&each.join(" and "), 600) }
}

/// What the operation is, in plain text: `Backup of prod (full)`. Not escaped.
pub fn title(op: &Operation) -> String {
    clip(&one_line(&operations::title(op)), 150)
}

/// A sign for the state, which is told apart by its shape as well as by its colour.
pub fn sign(run: &Run) -> &'static str {
    match run.op.state {
        State::AwaitingApproval | State::Waiting => "✋",
        State::Queued => "🕓",
        State::Running if !run.outages().is_empty() => "📡",
        State::Running => "▶️",
        State::Paused => "⏸️",
        State::Succeeded if !run.issues().is_empty() => "⚠️",
        State::Succeeded => "✅",
        State::Failed => "⛔",
        State::RolledBack => "↩️",
        State::Rejected => "🚫",
        State::Expired => "⌛",
        State::Cancelled => "✖️",
        State::Stopped => "🛑",
        State::NeedsAttention => "❓",
    }
}

/// `Waiting for eu-west-1 (down since 03:12 UTC), next try in 12 s`; none while every region answers.
fn outage(run: &Run, now: Moment) -> Option<String> {
    let outages = run.outages();
    let first = outages.first().filter(|_| run.op.state == State::Running)?;
    let regions: Vec<String> = outages.iter().map(|o| clip_mrkdwn(&escape(&o.region), 60)).collect();
    let next = match outages.iter().map(|o| o.next).min().map(|next| next.since(now)) {
        Some(wait) if wait >= Duration::from_secs(1) => format!("next try in {}", spoken(wait)),
        _ => "trying now".to_owned(),
    };
    Some(format!("Waiting for {} (down since {}), {next}", regions.join(" and "), first.since.clock()))
}

/// The state in plain words.
pub fn state(run: &Run, now: Moment) -> String {
    let op = &run.op;
    if op.halt.as_ref().is_some_and(|h| h.cancel) && !op.state.terminal() {
        return "Being cancelled; what already runs in AWS is watched to its end".to_owned();
    }
    if let Some(outage) = outage(run, now) {
        return outage;
    }
    match op.state {
        State::AwaitingApproval => format!("Waits for approval by {}", people(&op.needs)),
        State::Queued => "Agreed; about to start".to_owned(),
        State::Running => "Running".to_owned(),
        State::Paused => "Paused; no new step begins".to_owned(),
        State::Waiting if incident::declared(&op.plan).is_some() => "Open".to_owned(),
        State::Waiting => "Waits for a person".to_owned(),
        State::Succeeded if incident::declared(&op.plan).is_some() => "Closed".to_owned(),
        State::Succeeded if !run.issues().is_empty() && operations::of(op.kind()).found(run, "").is_some() => {
            "Done, and found what to look at".to_owned()
        }
        State::Succeeded if !run.issues().is_empty() => "Succeeded with issues: look before you rely on it".to_owned(),
        State::Succeeded => "Succeeded and verified".to_owned(),
        State::Failed => "Failed".to_owned(),
        State::RolledBack if op.turned.as_ref().is_some_and(|turned| turned.by != ITSELF) => {
            "Rolled back; what had been changed was undone".to_owned()
        }
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
    let waits = !run.outages().is_empty();
    let going = op.state == State::Running && !waits && !op.halt.as_ref().is_some_and(|h| h.cancel);
    let worked = elapsed.saturating_sub(run.stalled());
    let left = match op.estimate.and_then(|e| e.checked_sub(worked)).filter(|left| *left > Duration::ZERO) {
        Some(left) if going => format!(" · about {} left", spoken(left)),
        None if op.estimate.is_some() && going => " · longer than usual".to_owned(),
        _ => String::new(),
    };
    Some(format!("{} % · {} so far{left}", run.percent(), spoken(elapsed)))
}
