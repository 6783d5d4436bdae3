//! The sentence of a card that must be seen: what became of the operation, who halted it and why, how to go on.

use std::collections::BTreeMap;

use super::text::{clip_mrkdwn, count, date, escape, mention, mrkdwn, number};
use crate::{
    domain::{
        approval,
        operation::{Operation, Run, State},
        operations,
        step::{Proof, StepState},
    },
    ports::chat::Level,
};

/// Longest sentence.
const ALERT: usize = 1_500;

/// What must be seen in this state, if anything.
pub fn alert(run: &Run) -> Option<(Level, String)> {
    let op = &run.op;
    let cancelling = op.halt.as_ref().is_some_and(|h| h.cancel);
    let told = told(op);
    // The outcome in the ledger names the next step itself.
    let next = || if op.outcome.is_none() { next(op) } else { None };
    let (level, sentences) = match op.state {
        State::Succeeded if !run.issues().is_empty() => (Level::Warning, vec![told]),
        State::Succeeded => (Level::Success, vec![told, receipt(run)]),
        State::Failed => (Level::Error, vec![told.or_else(|| bad_steps(run, StepState::Failed)), next()]),
        State::RolledBack => (Level::Error, vec![told.or_else(|| bad_steps(run, StepState::Failed)), next()]),
        State::NeedsAttention => (Level::Error, vec![told.or_else(|| bad_steps(run, StepState::Unknown)), next()]),
        State::Stopped => (Level::Warning, vec![halted(op, "Stopped").or(told), self::next(op)]),
        State::Paused => (Level::Warning, vec![halted(op, "Paused").or(told), self::next(op)]),
        State::Expired => (Level::Warning, vec![told.or_else(|| Some(expired(op))), next()]),
        State::Rejected => (Level::Warning, vec![told.or_else(|| halted(op, "Rejected")), next()]),
        State::Cancelled => (Level::Info, vec![told.or_else(|| halted(op, "Cancelled"))]),
        State::Waiting => (Level::Info, vec![told, asked(run).or_else(next)]),
        State::AwaitingApproval if op.revision > 1 => {
            let drift =
                || "What the plan rests on changed, so it was made anew. Earlier approvals do not count.".to_owned();
            (Level::Warning, vec![told.or_else(|| Some(drift()))])
        }
        State::Running if cancelling && !run.outages().is_empty() => (
            Level::Warning,
            vec![
                halted(op, "Cancelled"),
                Some(format!("{} *Cancel* again ends it without waiting for that.", silence(run))),
            ],
        ),
        State::Running if cancelling => (
            Level::Warning,
            vec![halted(op, "Cancelled"), Some("It ends once what already runs in AWS has ended.".to_owned())],
        ),
        State::Running if !run.outages().is_empty() => (Level::Warning, vec![Some(away(run))]),
        // Agreed to, but something keeps it from starting.
        State::Queued if told.is_some() => (Level::Info, vec![told]),
        State::AwaitingApproval | State::Queued | State::Running => return None,
    };
    let mut text = String::new();
    for sentence in sentences.into_iter().flatten() {
        if !text.contains(&sentence) {
            text.push_str(if text.is_empty() { "" } else { " " });
            text.push_str(&sentence);
        }
    }
    Some((level, clip_mrkdwn(&text, ALERT))).filter(|(_, text)| !text.is_empty())
}

/// What happens next, or who has to do what.
pub fn next(op: &Operation) -> Option<String> {
    Some(match op.state {
        State::AwaitingApproval => {
            let by = op.deadline.map(|at| format!(", by {}", date(at))).unwrap_or_default();
            format!("Next: somebody other than {} presses *Approve* or *Reject*{by}.", mention(&op.requester.user))
        }
        State::Queued => "Next: it starts by itself.".to_owned(),
        State::Running => return None,
        State::Paused => "*Resume* goes on, *Stop* halts it, *Cancel* gives it up.".to_owned(),
        State::Waiting => "A person has to say how to go on.".to_owned(),
        State::Stopped if op.gave_way().is_some() => {
            "Nothing of it begins again. What already runs in AWS is watched to its end. *Cancel* closes it.".to_owned()
        }
        State::Stopped => "What already runs in AWS is watched to its end. *Resume* goes on; a second person has to agree to that. *Cancel* gives it up.".to_owned(),
        State::Failed if !operations::of(op.kind()).retries(&op.plan) || op.gave_way().is_some() => {
            format!("`/bbws op show {}` shows every step.", escape(&op.id.0))
        }
        State::Failed => format!("*Retry* tries what failed again; `/bbws op show {}` shows every step.", escape(&op.id.0)),
        State::NeedsAttention => "Look in AWS first. *Retry* looks for what may have happened before it calls again, *Cancel* gives it up.".to_owned(),
        State::Expired | State::Rejected | State::RolledBack => format!("To ask again: `{}`", command(op)),
        State::Succeeded | State::Cancelled => return None,
    })
}

/// What people are asked, who has to answer, and who holds it meanwhile.
fn asked(run: &Run) -> Option<String> {
    let (index, what) = run.asks()?;
    let answers = &run.steps.get(index)?.answers;
    let question = clip_mrkdwn(&escape(&what.question), 900);
    Some(match &answers.held {
        Some(held) => format!(
            "{question} *Held by {}*, {}: it goes on when somebody presses *Continue*.",
            held.who(),
            date(held.at)
        ),
        None => {
            let whom = escape(&approval::whom(&run.op, what, answers));
            format!("{question} It waits for {whom}: *Continue* or *Hold*.")
        }
    })
}

fn command(op: &Operation) -> String {
    let command = op.command.trim_start_matches('/').trim_start_matches("bbws ");
    clip_mrkdwn(&format!("/bbws {}", escape(command).replace('`', "'")), 300)
}

/// The outcome as the ledger tells it: mrkdwn with the next step.
fn told(op: &Operation) -> Option<String> {
    op.outcome.as_deref().map(|o| clip_mrkdwn(&mrkdwn(o), 1_200)).filter(|o| !o.is_empty())
}

fn halted(op: &Operation, what: &str) -> Option<String> {
    let halt = op.halt.as_ref()?;
    let why = halt.reason.as_deref().map(escape).filter(|r| !r.is_empty());
    let why = why.map(|r| format!(": “{}”", clip_mrkdwn(&r, 500))).unwrap_or_default();
    Some(format!("{what} by {}, {}{why}.", mention(&halt.by), date(halt.at)))
}

/// What becomes of the run while a region does not answer.
fn away(run: &Run) -> String {
    format!(
        "{} Nothing is called again before it was looked for; it goes on by itself once there is an answer. *Try now* asks at once.",
        silence(run)
    )
}

/// Which regions do not answer.
fn silence(run: &Run) -> String {
    let regions: Vec<String> = run.outages().iter().map(|o| clip_mrkdwn(&escape(&o.region), 60)).collect();
    format!("{} {} not answer.", regions.join(" and "), if regions.len() == 1 { "does" } else { "do" })
}

fn expired(op: &Operation) -> String {
    let needed: usize = op.needs.iter().map(|n| n.count as usize).sum();
    match op.votes.len() {
        0 if needed > 0 => "Nobody agreed in time; nothing was run.".to_owned(),
        some if some < needed => format!("Only {some} of {needed} agreed in time; nothing was run."),
        _ => "It did not start in time; nothing was run.".to_owned(),
    }
}

/// The first steps in that state with their errors.
fn bad_steps(run: &Run, state: StepState) -> Option<String> {
    let bad: Vec<_> = run.steps.iter().filter(|s| s.state == state).collect();
    let sentence = |index: usize, error: Option<&str>| {
        let title = run.op.plan.steps.get(index).map_or("a step", |s| s.title.as_str());
        let error = error.map_or_else(
            || if state == StepState::Failed { "failed".to_owned() } else { "outcome unknown".to_owned() },
            escape,
        );
        format!("“{}”: {}", clip_mrkdwn(&escape(title), 150), clip_mrkdwn(error.trim_end_matches('.'), 300))
    };
    let mut told: Vec<String> = bad.iter().take(3).map(|s| sentence(s.index, s.error.as_deref())).collect();
    if bad.len() > 3 {
        told.push(format!("and {} more", number(bad.len() - 3)));
    }
    Some(told.join("; ")).filter(|t| !t.is_empty()).map(|t| format!("{t}."))
}

/// What was verified, in numbers.
fn receipt(run: &Run) -> Option<String> {
    let mut regions: BTreeMap<&str, BTreeMap<Proof, usize>> = BTreeMap::new();
    for (spec, _) in run.op.plan.steps.iter().zip(&run.steps).filter(|(_, s)| s.state == StepState::Done) {
        if let (Some(region), Some(proof)) = (spec.action.region(), spec.action.proves()) {
            *regions.entry(region).or_default().entry(proof).or_default() += 1;
        }
    }
    let each: Vec<String> = regions.iter().take(4).map(|(region, counts)| verified_in(region, counts)).collect();
    let more =
        if regions.len() > 4 { format!("; and in {}", count(regions.len() - 4, "more region")) } else { String::new() };
    (!each.is_empty()).then(|| format!("Verified: {}{more}.", each.join("; ")))
}

fn verified_in(region: &str, counts: &BTreeMap<Proof, usize>) -> String {
    let some: Vec<String> = counts.iter().map(|(proof, n)| count(*n, proof.noun())).collect();
    format!("{} in {}", some.join(", "), clip_mrkdwn(&escape(region), 60))
}
