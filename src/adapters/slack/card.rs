//! An operation's card: what it is, what an approver signs, how far it is, what came of it, and the buttons.

use slack_morphism::prelude::SlackBlockButtonStyle;

use super::{
    approval::{self, kept_until, reason, route},
    blocks::{Button, Part, Question},
    incident, outcome,
    tasks::tasks,
    text::{clip, clip_mrkdwn, count, date, escape, mention},
    words,
};
use crate::{
    domain::{
        moment::spoken,
        operation::{Operation, Run, State},
        operations::{self, LeftOut},
        preflight::{Check, Stands},
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
    let awaiting = op.state == State::AwaitingApproval;
    let mut parts = vec![Part::Section(header(view))];
    if !awaiting {
        parts.push(Part::Fields(fields(op)));
    }
    let alert = outcome::alert(run);
    if let Some((level, text)) = &alert {
        parts.push(Part::Alert(*level, text.clone()));
    }
    let block = format!("bbws:{}", run.shown());
    let actions = Part::Actions { block, value: op.id.0.clone(), buttons: buttons(run) };
    let checklist = checklist(run);
    if awaiting {
        // What is signed and the buttons come first: they have to be on one screen of a phone.
        parts.extend([Part::Section(approval::signed(op)), actions, Part::Reason]);
        parts.extend(checklist);
        parts.push(approval::folded(op));
        parts.push(Part::Context(small_print(op)));
    } else {
        parts.extend(checklist);
        parts.extend(incident::parts(run, view.now));
        let tasks = tasks(run, view.now);
        if !tasks.is_empty() {
            parts.push(Part::Plan { title: plan_title(run), tasks });
        }
        parts.extend([Part::Context(small_print(op)), actions]);
    }
    Message { text: text(view, alert.map(|(_, text)| text)), parts }
}

/// The checklist before what is live changes; none once the run is over.
fn checklist(run: &Run) -> Option<Part> {
    let checks = operations::of(run.op.kind()).preflight(run);
    if checks.is_empty() || run.op.state.terminal() {
        return None;
    }
    let line = |check: &Check| {
        let sign = match check.stands {
            Stands::Ready => "✅",
            Stands::Open => "⬜",
            Stands::Amiss => "⛔",
            Stands::Skipped => "➖",
        };
        let skipped = if check.stands == Stands::Skipped { "skipped: " } else { "" };
        format!("{sign} *{}* {skipped}{}", check.what, clip_mrkdwn(&escape(&check.words), 200))
    };
    let lines: Vec<String> = checks.iter().map(line).collect();
    Some(Part::Section(format!("*Before anything that is live changes*\n{}", lines.join("\n"))))
}

pub(super) fn header(view: &CardView) -> String {
    let op = &view.run.op;
    let progress = words::progress(&view.run, view.now).map(|p| format!(" · {p}")).unwrap_or_default();
    let sign = words::sign(&view.run);
    let title = format!("{} · {}", escape(&op.id.0), escape(&words::title(op)));
    format!("*{sign} {title}*\n{}{progress}", words::state(&view.run, view.now))
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
    fields.extend(kept_until(op).map(|until| (operations::of(op.kind()).kept(), until)));
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
    if let (State::Queued, Some(at)) = (op.state, op.deadline) {
        fields.push(("Start by", date(at)));
    }
    if let Some(recovery) = &op.recovery {
        fields.push(("Recovery time", short(recovery)));
    }
    if let Some(estimate) = op.estimate {
        fields.push(("Usually takes", spoken(estimate)));
    }
    fields
}

fn plan_title(run: &Run) -> String {
    if run.op.started.is_none() {
        return format!("Plan: {}", approval::extent(&run.op));
    }
    // The way back counts, as it is shown, only for those that take it.
    let counts = |index: usize| run.op.turned.is_some() || !run.back(index);
    let steps = (0..run.op.plan.steps.len()).filter(|index| counts(*index)).count();
    let done = run.steps.iter().filter(|s| counts(s.index) && s.progress() == 100).count();
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
    let mut lines =
        vec![format!("{} · {}: {}.", escape(&op.id.0), escape(&words::title(op)), words::state(&view.run, view.now))];
    lines.extend(words::progress(&view.run, view.now).map(|p| format!("{p}.")));
    lines.extend(alert.map(|a| clip_mrkdwn(&a, 1_200)));
    lines.push(match reason(op) {
        Some(reason) => format!("Requested by {}: {reason}.", mention(&op.requester.user)),
        None => format!("Requested by {}.", mention(&op.requester.user)),
    });
    let kept = kept_until(op).map(|until| format!(", kept until {until}")).unwrap_or_default();
    if op.plan.account.is_empty() {
        lines.push(format!("{}.", count(op.plan.forward(), "step")));
    } else {
        let (account, route) = (clip_mrkdwn(&escape(&op.plan.account), 100), clip_mrkdwn(&escape(&route(op)), 200));
        lines.push(format!("Account {account}, {route}, {}{kept}.", count(op.plan.forward(), "step")));
    }
    if op.state == State::AwaitingApproval {
        lines.extend(op.plan.notes.iter().take(3).map(|n| clip_mrkdwn(&escape(n), 200)));
    }
    // Who is asked something has been told by the question.
    let next = outcome::next(op).filter(|_| view.run.asks().is_none());
    lines.extend(next.filter(|next| !lines.iter().any(|l| l.contains(next.as_str()))));
    clip_mrkdwn(&lines.join("\n"), TEXT)
}

pub(super) fn buttons(run: &Run) -> Vec<Button> {
    let op = &run.op;
    use SlackBlockButtonStyle::{Danger, Primary};
    let plain = |label, action: &'static str| Button { label, action: action.into(), style: None, confirm: None };
    let cancelling = op.halt.as_ref().is_some_and(|h| h.cancel);
    let cancel = || plain("Cancel", "bbws.cancel");
    let resume = || Button { style: Some(Primary), ..plain("Resume", "bbws.resume") };
    let retry = || Button { style: Some(Primary), ..plain("Retry", "bbws.retry") };
    let go_on = || Button { style: Some(Primary), ..plain("Continue", "bbws.continue") };
    let stop = || Button {
        style: Some(Danger),
        confirm: Some(Question {
            text: format!(
                "Stop {}? No new step begins; what already runs in AWS is watched to its end. Going on again takes two people.",
                op.id
            ),
            irreversible: false,
        }),
        ..plain("Stop", "bbws.stop")
    };
    let roll_back = run.undoes().filter(|_| op.turned.is_none()).map(|_| Button {
        style: Some(Danger),
        confirm: Some(Question {
            text: match run.way_back() {
                Some(takes) => format!(
                    "Roll {} back? It usually takes {}; what was written since is kept beside it.",
                    op.id,
                    spoken(takes)
                ),
                None => format!("Roll {} back? What was written since is kept beside it.", op.id),
            },
            irreversible: run.goes_back_slowly(),
        }),
        ..plain("Roll back", "bbws.roll_back")
    });
    let mut buttons = match op.state {
        State::AwaitingApproval => vec![
            Button {
                style: Some(if operations::of(op.kind()).irreversible().is_some() { Danger } else { Primary }),
                // What is confirmed by typing a name opens a form that asks.
                confirm: operations::of(op.kind()).confirmed_by(&op.plan).is_none().then(|| question(op)),
                ..plain("Approve", "bbws.approve")
            },
            Button { style: Some(Danger), ..plain("Reject", "bbws.reject") },
            cancel(),
        ],
        State::Queued => vec![cancel()],
        // What no stop reaches has no button for one.
        State::Running if operations::of(op.kind()).passes_stops() => vec![cancel()],
        State::Waiting if operations::of(op.kind()).passes_stops() => {
            // It ends what stays open for long, and its button looks like those of runs that wait beside it.
            let confirm = run.asks().map(|(_, what)| Question { text: clip(&what.question, 280), irreversible: false });
            vec![Button { confirm, ..go_on() }, plain("Hold", "bbws.hold"), cancel()]
        }
        State::Running if cancelling && !run.outages().is_empty() => vec![stop(), cancel()],
        State::Running if cancelling => vec![stop()],
        State::Running if !run.outages().is_empty() => {
            vec![Button { style: Some(Primary), ..plain("Try now", "bbws.try_now") }, stop(), cancel()]
        }
        State::Running => vec![stop(), cancel()],
        State::Waiting => vec![go_on(), plain("Hold", "bbws.hold"), stop(), cancel()],
        State::Paused => vec![resume(), stop(), cancel()],
        State::Stopped if op.gave_way().is_some() => vec![cancel()],
        State::Stopped => vec![resume(), cancel()],
        // What cleaned up behind itself is asked for anew.
        State::Failed if !operations::of(op.kind()).retries(&op.plan) || op.gave_way().is_some() => vec![],
        State::Failed => vec![retry()],
        State::NeedsAttention => vec![retry(), cancel()],
        State::Succeeded | State::RolledBack | State::Rejected | State::Expired | State::Cancelled => Vec::new(),
    };
    buttons.extend(operations::left_out(run).map(|(step, what)| leave_out(run, step, &what)));
    let goes_back = matches!(
        op.state,
        State::Running | State::Paused | State::Waiting | State::NeedsAttention | State::Failed | State::Succeeded
    );
    buttons.extend(roll_back.filter(|_| goes_back && op.gave_way().is_none()));
    buttons
}

/// The button that leaves a step out, with what that loses.
fn leave_out(run: &Run, step: usize, what: &LeftOut) -> Button {
    let title = run.op.plan.steps.get(step).map_or("", |spec| spec.title.as_str());
    let text = format!("Leave out “{}”? {} It takes two people.", clip(title, 80), clip(&what.loses, 180));
    Button {
        label: what.label(),
        action: format!("bbws.leave_out.{step}").into(),
        style: Some(SlackBlockButtonStyle::Danger),
        confirm: Some(Question { text, irreversible: true }),
    }
}

/// What the approver is asked, in plain text.
fn question(op: &Operation) -> Question {
    let title = words::title(op);
    let mut letters = title.chars();
    let first = letters.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
    let mut tail = approval::extent(op);
    if !op.plan.account.is_empty() {
        tail = format!("Account {}, {}, {tail}", clip(&op.plan.account, 30), clip(&route(op), 80));
    }
    let gone = operations::of(op.kind()).irreversible();
    let warning = gone.map(|what| format!(" This is irreversible. {what}")).unwrap_or_default();
    let text = format!("Approve {first}{}? {tail}.{warning}", clip(letters.as_str(), 100));
    Question { text, irreversible: gone.is_some() }
}
