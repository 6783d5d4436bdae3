//! The sentences that tell of an operation in its thread, in lists and to SNS.

use serde_json::{Value, json};

use super::{
    authority::Authority,
    change::{Change, SELF},
};
use crate::{
    domain::{
        approval, incident,
        moment::{Moment, spoken},
        operation::{Operation, Run, State},
        operations::{self, Ended},
        step::{Step, StepState},
        text::{count, escape},
    },
    ports::alert::Topic,
};

/// A moment as `10:42 UTC`, with the day where that is not the one of `now`; empty for none.
pub fn clock_time(at: Option<Moment>, now: Moment) -> String {
    at.map(|at| at.clock_at(now)).unwrap_or_default()
}

/// The thread reply that calls the people who can approve.
pub fn approval_needed(op: &Operation, authority: &Authority) -> String {
    let mut people: Vec<String> = Vec::new();
    for need in &op.needs {
        for mention in authority.mentions(&need.role, &op.requester) {
            if !people.contains(&mention) {
                people.push(mention);
            }
        }
    }
    let whom = if people.is_empty() { String::new() } else { format!(" {}", people.join(" ")) };
    format!("Needs {} to approve until {}.{whom}", approval::spoken(&op.needs), clock_time(op.deadline, op.created))
}

/// What is told of an end, with the people it concerns called: who asked, and those who approved it unless it went well.
/// Nobody is called who is named in it anyway.
pub fn calling(run: &Run, to: State, text: &str) -> String {
    let op = &run.op;
    let failed = matches!(to, State::Failed | State::NeedsAttention | State::RolledBack);
    let approvers = op.votes.iter().filter(|v| failed && v.digest == op.digest).map(|v| v.by.user.as_str());
    let mut calls: Vec<String> = Vec::new();
    for user in std::iter::once(op.requester.user.as_str()).chain(approvers).filter(|user| *user != SELF) {
        let mention = format!("<@{user}>");
        if !text.contains(&mention) && !calls.contains(&mention) {
            calls.push(mention);
        }
    }
    if calls.is_empty() { text.to_owned() } else { format!("{} {text}", calls.join(" ")) }
}

/// What a cancelled run leaves in AWS.
pub fn left_behind(run: &Run) -> String {
    let done = run.steps.iter().filter(|s| s.state == StepState::Done).count();
    let unknown = run.steps.iter().filter(|s| s.state == StepState::Unknown).count();
    match (done, unknown) {
        (0, 0) => "Nothing was left in AWS.".to_owned(),
        (done, 0) => operations::of(run.op.kind()).left_behind(&run.op.plan, done).unwrap_or_else(|| {
            format!(
                "What its {} made stays in AWS, tagged `bbws:operation={}`.",
                count(done, "finished step"),
                run.op.id
            )
        }),
        (_, unknown) => format!(
            "The outcome of {unknown} of its steps is unknown: look in AWS for resources tagged `bbws:operation={}`.",
            run.op.id
        ),
    }
}

/// What became of the run, with the next step, once it is over or stuck.
pub fn outcome(run: &Run, to: State, now: Moment) -> String {
    let operation = operations::of(run.op.kind());
    let took = run.op.started.map(|s| spoken(now.since(s))).unwrap_or_default();
    // The way back counts only for those that take it.
    let counts = |s: &&Step| run.op.turned.is_some() == run.back(s.index);
    let total = run.steps.iter().filter(counts).count();
    let done = run.steps.iter().filter(counts).filter(|s| s.state == StepState::Done).count();
    let errors = || {
        let failed = run.steps.iter().filter(|s| matches!(s.state, StepState::Failed | StepState::Unknown));
        let lines: Vec<String> = failed
            .map(|s| {
                format!(
                    "{}: {}",
                    escape(&run.op.plan.steps[s.index].title),
                    escape(s.error.as_deref().unwrap_or("no reason is known"))
                )
            })
            .collect();
        let more = lines.len().saturating_sub(5);
        let mut text = lines.into_iter().take(5).collect::<Vec<_>>().join("\n");
        if more > 0 {
            text.push_str(&format!("\n… and {more} more"));
        }
        text
    };
    match to {
        State::Succeeded if !run.issues().is_empty() => {
            operation.found(run, &took).unwrap_or_else(|| with_issues(run, total, &took))
        }
        State::Succeeded => operation.done(&Ended { plan: &run.op.plan, steps: total, took: &took, run }),
        State::Failed if run.op.turned.is_some() => format!(
            "The way back failed: {done} of {} {} done. What was changed before stays as it is wherever these did not change it back.\n{}\n{}",
            count(total, "step"),
            if total == 1 { "is" } else { "are" },
            errors(),
            operation.advice(run)
        ),
        State::Failed => format!(
            "Failed: {done} of {} {} done. {}\n{}\n{}",
            count(total, "step"),
            if total == 1 { "is" } else { "are" },
            operation.not_done(&run.op.plan),
            errors(),
            operation.advice(run)
        ),
        State::NeedsAttention => format!(
            "Nobody knows whether a step was carried out, so it is not called again by itself.\n{}\nLook in AWS for resources tagged `bbws:operation={}`. Retry looks again and goes on; Cancel ends the operation and frees `{}`.",
            errors(),
            run.op.id,
            run.op.environment()
        ),
        State::Cancelled => left_behind(run),
        State::RolledBack => {
            let turned = run.op.turned.as_ref();
            let who = turned.filter(|t| t.by != SELF).map(|t| format!(" by <@{}>", t.by)).unwrap_or_default();
            let why = turned.and_then(|t| t.reason.as_deref()).map(|r| format!(": {}", escape(r))).unwrap_or_default();
            let next = operation.after_the_way_back(run).map(|next| format!("\n{next}")).unwrap_or_default();
            format!(
                "Rolled back{who}{why}. Of the way back {done} of {total} steps were needed, and are done. {}{next}",
                operation.not_done(&run.op.plan)
            )
        }
        _ => String::new(),
    }
}

/// What is to be looked at before anybody relies on what was made.
fn with_issues(run: &Run, total: usize, took: &str) -> String {
    let issues = run.issues();
    let more = issues.len().saturating_sub(5);
    let mut lines: Vec<String> =
        issues.iter().take(5).map(|(title, words)| format!("• {}: {}", escape(title), escape(words))).collect();
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    format!(
        "{} in {took}, *with issues*: what they made is *not* proved to be whole.\n{}\n\
         Look at what is named before you rely on it. {}",
        operations::all_done(total),
        lines.join("\n"),
        operations::of(run.op.kind()).after_issues(run)
    )
}

/// Tells those who follow disaster recovery of a turn of a run that moves a platform.
pub fn tell_turn(change: &mut Change, turn: &str) {
    let op = &change.run.op;
    if operations::of(op.kind()).moves().is_none() {
        return;
    }
    let subject = subject(op, turn);
    let key = format!("{}-turn-{}", op.id, change.run.version);
    let body = notice_body(&change.run);
    change.publish(Topic::DrEvents, key, subject, body);
}

/// What an SNS message says of a run that turns back.
pub const ROLLED_BACK: &str = "is rolled back";

/// The subject of an SNS message about an operation: what became of it, in the characters and the length that SNS takes.
pub fn subject(op: &Operation, became: &str) -> String {
    let subject = format!("bbws {}: {} {became}", op.id, operations::title(op));
    subject.chars().filter(char::is_ascii).take(99).collect()
}

/// The JSON body of an SNS message about an operation.
pub fn notice_body(run: &Run) -> Value {
    let op = &run.op;
    let steps: Vec<Value> = run
        .steps
        .iter()
        .map(|s| {
            let spec = op.plan.steps.get(s.index);
            json!({
                "title": spec.map(|p| p.title.as_str()),
                "kind": spec.map(|p| p.action.kind()),
                "state": s.state,
                "id": s.external_id,
                "error": s.error,
            })
        })
        .take(200)
        .collect();
    let mut body = json!({
        "operation": op.id,
        "kind": op.kind(),
        "environment": op.environment(),
        "state": op.state.name(),
        "scope": op.plan.scope,
        "tenant": op.plan.tenant,
        "account": op.plan.account,
        "region": op.plan.region,
        "dr_region": op.plan.dr_region,
        "requested_by": op.requester.user,
        "approved_by": op.votes.iter().map(|v| v.by.user.as_str()).collect::<Vec<_>>(),
        "started": op.started.map(Moment::iso),
        "ended": op.ended.map(Moment::iso),
        "outcome": op.outcome,
        "steps": steps,
        "steps_total": run.steps.len(),
    });
    if operations::of(op.kind()).exercise() {
        body["exercise"] = Value::Bool(true);
    }
    let issues: Vec<Value> =
        run.findings().into_iter().map(|(title, words)| json!({"step": title, "says": words})).collect();
    if !issues.is_empty() {
        body["issues"] = Value::Array(issues);
    }
    if let Some(room) = incident::declared(&op.plan) {
        body["incident"] = json!({
            "ticket": room.ticket,
            "what": room.what,
            "kind": room.disaster,
            "first_sign": room.first_sign.iso(),
            "conference": room.conference,
            "channel": incident::room(run),
        });
    }
    body
}
