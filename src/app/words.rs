//! The sentences that tell of an operation in its thread, in lists and to SNS.

use serde_json::{Value, json};

use super::authority::Authority;
use crate::domain::{
    approval,
    moment::{Moment, spoken},
    operation::{Operation, Run, State, backup, cleanup, delete, hold, resume, schedule, validate},
    step::StepState,
    text::escape,
};

/// A moment as `10:42 UTC`; empty for none.
pub fn clock_time(at: Option<Moment>) -> String {
    at.map(|at| format!("{} UTC", &at.iso()[11..16])).unwrap_or_default()
}

/// The thread reply that calls the people who can approve.
pub fn approval_needed(op: &Operation, authority: &Authority) -> String {
    let mut people: Vec<String> = Vec::new();
    for need in op.needs.iter().filter(|n| n.role != approval::ANY_ROLE) {
        for mention in authority.mentions(&need.role, &op.requester.user) {
            if !people.contains(&mention) {
                people.push(mention);
            }
        }
    }
    let whom = if people.is_empty() { String::new() } else { format!(" {}", people.join(" ")) };
    format!("Needs {} to approve until {}.{whom}", approval::spoken(&op.needs), clock_time(op.deadline))
}

/// What a cancelled run leaves in AWS.
pub fn left_behind(run: &Run) -> String {
    let done = run.steps.iter().filter(|s| s.state == StepState::Done).count();
    let unknown = run.steps.iter().filter(|s| s.state == StepState::Unknown).count();
    let environment = run.op.environment();
    match (done, unknown) {
        (1.., 0) if run.op.kind() == delete::KIND => {
            format!(
                "What was deleted before that is gone for good: `/bbws backup list {environment}` shows what is left."
            )
        }
        (1.., 0) if run.op.kind() == schedule::KIND => {
            format!("{done} of its changes are made and stay: `/bbws backup schedule {environment} list` shows them.")
        }
        (1.., 0) if run.op.kind() == validate::KIND => {
            "What a test restored is deleted by itself within a day.".to_owned()
        }
        (0, 0) => "Nothing was left in AWS.".to_owned(),
        (done, 0) => {
            format!("What its {done} finished steps made stays in AWS, tagged `bbws:operation={}`.", run.op.id)
        }
        (_, unknown) => format!(
            "The outcome of {unknown} of its steps is unknown: look in AWS for resources tagged `bbws:operation={}`.",
            run.op.id
        ),
    }
}

/// What became of the run, with the next step, once it is over or stuck.
pub fn outcome(run: &Run, to: State, now: Moment) -> String {
    let took = run.op.started.map(|s| spoken(now.since(s))).unwrap_or_default();
    let total = run.steps.len();
    let done = run.steps.iter().filter(|s| s.state == StepState::Done).count();
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
        State::Succeeded => succeeded(run, total, &took),
        State::Failed => {
            let again = if run.op.plan.steps.iter().any(|s| s.always) {
                format!("When the reason is mended, ask anew: `/bbws {}`", escape(&run.op.command))
            } else {
                "When the reason is mended, press Retry: steps that are done are not repeated.".to_owned()
            };
            format!("Failed: {done} of {total} steps are done. {}\n{}\n{again}", not_done(run), errors())
        }
        State::NeedsAttention => format!(
            "Nobody knows whether a step was carried out, so it is not called again by itself.\n{}\nLook in AWS for resources tagged `bbws:operation={}`. Retry looks again and goes on; Cancel ends the operation and frees `{}`.",
            errors(),
            run.op.id,
            run.op.environment()
        ),
        State::Cancelled => left_behind(run),
        _ => String::new(),
    }
}

/// What a run that succeeded came to.
fn succeeded(run: &Run, total: usize, took: &str) -> String {
    let (plan, scope) = (&run.op.plan, escape(&run.op.plan.scope));
    match run.op.kind() {
        resume::KIND => "The stop is lifted.".to_owned(),
        delete::KIND => format!("{scope} is deleted, and it was looked for afterwards: it is gone. It took {took}."),
        hold::KIND if plan.releases() => format!(
            "That hold on {scope} is released. `/bbws backup list {}` shows whether another one remains.",
            run.op.environment()
        ),
        hold::KIND => format!("{scope} is held, and so are its copies. Releasing it takes two people."),
        schedule::KIND => "The schedule is as asked for: it was read back and compared.".to_owned(),
        validate::KIND => {
            let untested = validate::untested(plan);
            let holds = format!("Everything that was looked at holds: {total} steps in {took}.");
            match untested.is_empty() {
                true => holds,
                false => format!("{holds} But not everything was: {}", escape(&untested.join(" "))),
            }
        }
        cleanup::KIND => format!("{scope} is deleted: nothing is left of the test."),
        backup::KIND if scope == "lifecycle" => format!("The lifecycle rules hold: {total} steps in {took}."),
        _ => format!(
            "All {total} steps are done and every result is verified{}, in {took}.",
            plan.dr_region.as_ref().map(|r| format!(", in {r} too")).unwrap_or_default()
        ),
    }
}

/// What a run that failed must not be taken for.
fn not_done(run: &Run) -> &'static str {
    match run.op.kind() {
        delete::KIND => "Do *not* count on it being gone.",
        hold::KIND if run.op.plan.releases() => "bbws still keeps it, but AWS may hold it *no* longer.",
        hold::KIND => "bbws will not delete it, but AWS does *not* hold every copy.",
        schedule::KIND => "The schedule is *not* as asked for.",
        validate::KIND => "What failed is *not* proved.",
        cleanup::KIND => "Something may be left in AWS, and costs.",
        resume::KIND => "The stop is *not* lifted.",
        backup::KIND if run.op.plan.scope == "lifecycle" => "The rules do *not* keep what has to be kept.",
        _ => "This is *not* a complete backup.",
    }
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
    json!({
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
    })
}
