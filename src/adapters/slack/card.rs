//! An operation's card: what it is, what an approver signs, how far it is, what came of it, and the buttons.

use slack_morphism::prelude::SlackBlockButtonStyle;

use super::{
    blocks::{Button, Part},
    outcome,
    tasks::tasks,
    text::{clip, clip_mrkdwn, count, date, escape, len, mention},
    words,
};
use crate::{
    domain::{
        moment::spoken,
        operation::{Operation, Run, State},
        operations,
    },
    ports::chat::CardView,
};

/// Longest `text` of a message.
pub const TEXT: usize = 3_000;

/// A message before it is drawn: the whole meaning as text, and the pieces the blocks are made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// mrkdwn for notifications and screen readers, at most [`TEXT`] long.
    pub text: String,
    /// What the blocks are drawn from.
    pub parts: Vec<Part>,
}

/// The card of an operation as it is now.
pub fn card(view: &CardView) -> Message {
    let run = &view.run;
    let op = &run.op;
    let mut parts = vec![Part::Section(header(view)), Part::Fields(fields(op))];
    let alert = outcome::alert(run);
    if let Some((level, text)) = &alert {
        parts.push(Part::Alert(*level, text.clone()));
    }
    if op.state == State::AwaitingApproval {
        parts.extend(signed(op));
    }
    let tasks = tasks(run, view.now);
    if !tasks.is_empty() {
        parts.push(Part::Plan { title: plan_title(run), tasks });
    }
    parts.push(Part::Context(small_print(op)));
    if op.state == State::AwaitingApproval {
        parts.push(Part::Reason);
    }
    let block = format!("bbws:{}:{}:{}", op.id, op.digest.chars().take(16).collect::<String>(), op.revision);
    parts.push(Part::Actions { block, value: op.id.0.clone(), buttons: buttons(op) });
    Message { text: text(view, alert.map(|(_, text)| text)), parts }
}

fn header(view: &CardView) -> String {
    let op = &view.run.op;
    let progress = words::progress(&view.run, view.now).map(|p| format!(" · {p}")).unwrap_or_default();
    format!("*{} · {}*\n{}{progress}", escape(&op.id.0), escape(&words::title(op)), words::state(&view.run))
}

/// `af-south-1 → eu-west-1`.
fn route(op: &Operation) -> String {
    match &op.plan.dr_region {
        Some(dr) => format!("{} → {dr}", op.plan.region),
        None => op.plan.region.clone(),
    }
}

fn reason(op: &Operation) -> Option<String> {
    let reason = clip_mrkdwn(&escape(op.reason.as_deref()?), 500);
    Some(reason).filter(|r| !r.is_empty()).map(|r| format!("“{r}”"))
}

fn fields(op: &Operation) -> Vec<(&'static str, String)> {
    let short = |text: &str| clip_mrkdwn(&escape(text), 200);
    let route = if op.plan.dr_region.is_some() {
        short(&route(op))
    } else {
        format!("{}, no copy elsewhere", short(&op.plan.region))
    };
    let mut fields = Vec::new();
    // What happens in the ledger alone has neither.
    if !op.plan.account.is_empty() {
        fields.extend([("Account", short(&op.plan.account)), ("Region → DR region", route)]);
    }
    if let Some(days) = op.plan.retention_days {
        fields.push(("Kept for", count(days as usize, "day")));
    }
    let why = reason(op).map(|r| format!("\n{r}")).unwrap_or_default();
    fields.push(("Requested by", format!("{} · {}{why}", mention(&op.requester.user), date(op.created))));
    let agreed: Vec<String> = op.votes.iter().take(10).map(|v| mention(&v.by.user)).collect();
    match (op.needs.is_empty(), agreed.is_empty()) {
        (true, _) => fields.push(("Needs", "nobody else, by the policy".to_owned())),
        (false, true) => fields.push(("Needs", words::people(&op.needs))),
        (false, false) => {
            fields.push(("Needs", format!("{}\nagreed: {}", words::people(&op.needs), agreed.join(", "))))
        }
    }
    match (op.state, op.deadline) {
        (State::AwaitingApproval, Some(at)) => fields.push(("Agree by", date(at))),
        (State::Queued, Some(at)) => fields.push(("Start by", date(at))),
        _ => {}
    }
    if let Some(estimate) = op.estimate {
        fields.push(("Usually takes", spoken(estimate)));
    }
    fields
}

/// What an approver signs: what was found in the live world, and what they should know before.
fn signed(op: &Operation) -> Vec<Part> {
    let facts = op
        .plan
        .facts
        .iter()
        .map(|f| format!("*{}*: {}", clip_mrkdwn(&escape(&f.subject), 200), clip_mrkdwn(&escape(&f.found), 400)));
    let notes = op.plan.notes.iter().map(|n| clip_mrkdwn(&escape(n), 400));
    let lists =
        [("What is there now", facts.collect::<Vec<_>>(), 3_000), ("Know before you approve", notes.collect(), 1_500)];
    lists
        .iter()
        .filter(|(_, items, _)| !items.is_empty())
        .map(|(title, items, room)| Part::Section(bullets(op, title, items, *room)))
        .collect()
}

/// A bulleted list of at most `room`, which says how many do not fit.
fn bullets(op: &Operation, title: &str, items: &[String], room: usize) -> String {
    let mut out = format!("*{title}*");
    for (i, item) in items.iter().enumerate() {
        let more =
            format!("\n… and {} more: `/bbws op show {}` lists them", count(items.len() - i, "line"), escape(&op.id.0));
        if len(&out) + len(item) + 3 + len(&more) > room {
            out.push_str(&more);
            break;
        }
        out.push_str("\n• ");
        out.push_str(item);
    }
    out
}

fn plan_title(run: &Run) -> String {
    let steps = run.op.plan.steps.len();
    if run.op.started.is_none() {
        return format!("Plan: {}", count(steps, "step"));
    }
    let done = run.steps.iter().filter(|s| s.progress() == 100).count();
    format!("{} of {} done · {} %", super::text::number(done), count(steps, "step"), run.percent())
}

fn small_print(op: &Operation) -> String {
    let revision = if op.revision <= 1 { String::new() } else { format!(" · revision {}", op.revision) };
    format!(
        "Plan `{}`{revision} · `/bbws op show {}` shows everything",
        op.digest.chars().take(12).collect::<String>(),
        escape(&op.id.0)
    )
}

fn text(view: &CardView, alert: Option<String>) -> String {
    let op = &view.run.op;
    let mut lines = vec![format!("{} · {}: {}.", escape(&op.id.0), escape(&words::title(op)), words::state(&view.run))];
    lines.extend(words::progress(&view.run, view.now).map(|p| format!("{p}.")));
    lines.extend(alert.map(|a| clip_mrkdwn(&a, 1_200)));
    lines.push(match reason(op) {
        Some(reason) => format!("Requested by {}: {reason}.", mention(&op.requester.user)),
        None => format!("Requested by {}.", mention(&op.requester.user)),
    });
    let kept = op.plan.retention_days.map(|d| format!(", kept for {}", count(d as usize, "day"))).unwrap_or_default();
    if op.plan.account.is_empty() {
        lines.push(format!("{}.", count(op.plan.steps.len(), "step")));
    } else {
        let (account, route) = (clip_mrkdwn(&escape(&op.plan.account), 100), clip_mrkdwn(&escape(&route(op)), 200));
        lines.push(format!("Account {account}, {route}, {}{kept}.", count(op.plan.steps.len(), "step")));
    }
    if op.state == State::AwaitingApproval {
        lines.extend(op.plan.notes.iter().take(3).map(|n| clip_mrkdwn(&escape(n), 200)));
    }
    lines.extend(outcome::next(op).filter(|next| !lines.iter().any(|l| l.contains(next.as_str()))));
    clip_mrkdwn(&lines.join("\n"), TEXT)
}

fn buttons(op: &Operation) -> Vec<Button> {
    use SlackBlockButtonStyle::{Danger, Primary};
    let plain = |label, action| Button { label, action, style: None, confirm: None };
    let cancelling = op.halt.as_ref().is_some_and(|h| h.cancel);
    let cancel = || plain("Cancel", "bbws.cancel");
    let resume = || Button { style: Some(Primary), ..plain("Resume", "bbws.resume") };
    let retry = || Button { style: Some(Primary), ..plain("Retry", "bbws.retry") };
    let stop = || Button {
        style: Some(Danger),
        confirm: Some(format!(
            "Stop {}? No new step begins; what already runs in AWS is watched to its end. Going on again takes two people.",
            op.id
        )),
        ..plain("Stop", "bbws.stop")
    };
    match op.state {
        State::AwaitingApproval => vec![
            Button { style: Some(Primary), confirm: Some(question(op)), ..plain("Approve", "bbws.approve") },
            Button { style: Some(Danger), ..plain("Reject", "bbws.reject") },
            cancel(),
        ],
        State::Queued => vec![cancel()],
        State::Running if cancelling => vec![stop()],
        State::Running => vec![stop(), cancel()],
        State::Waiting => vec![
            Button { style: Some(Primary), ..plain("Continue", "bbws.continue") },
            plain("Hold", "bbws.hold"),
            stop(),
            cancel(),
        ],
        State::Paused => vec![resume(), stop(), cancel()],
        State::Stopped => vec![resume(), cancel()],
        // What cleaned up behind itself is asked for anew.
        State::Failed if !operations::of(op.kind()).retries(&op.plan) => vec![],
        State::Failed => vec![retry()],
        State::NeedsAttention => vec![retry(), cancel()],
        State::Succeeded | State::RolledBack | State::Rejected | State::Expired | State::Cancelled => Vec::new(),
    }
}

/// What the approver is asked, in plain text.
fn question(op: &Operation) -> String {
    let title = words::title(op);
    let mut letters = title.chars();
    let first = letters.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
    let mut tail = count(op.plan.steps.len(), "step");
    if !op.plan.account.is_empty() {
        tail = format!("account {}, {}, {tail}", clip(&op.plan.account, 30), clip(&route(op), 80));
    }
    format!("Approve {first}{}? {tail}", clip(letters.as_str(), 120))
}
