//! What has to be so before a restore changes what is live, line by line for its card; and what whoever looks is told of what it
//! would cost.

use super::path;
use crate::domain::{
    approval,
    moment::{Moment, spoken},
    operation::{Run, State},
    preflight::{Check, Stands},
    step::{Action, Consent, ISSUE, Step, StepSpec, StepState, UNPROVED, VerifyDatabase},
    text::count,
};

/// The checklist; empty for what changes nothing that is live.
pub(super) fn checks(run: &Run) -> Vec<Check> {
    let plan = &run.op.plan;
    if !path::cuts_over(plan) {
        return Vec::new();
    }
    let ticket = plan.facts.iter().find(|fact| fact.subject == path::TICKET);
    let ticket = match ticket {
        Some(ticket) => Check::new("Ticket", Stands::Ready, ticket.found.clone()),
        None => {
            Check::new("Ticket", Stands::Skipped, format!("none was named, and `{}` asks for none", plan.environment))
        }
    };
    let window = "no window for changes is configured";
    let mut checks = vec![ticket, named(run), Check::new("Window", Stands::Skipped, window)];
    let before = |index: usize| !run.op.plan.steps[..index].iter().any(asks_to_cut_over);
    checks.push(of_steps(run, "What comes back", "is verified in this run", |index, spec| {
        before(index)
            && matches!(
                spec.action,
                Action::VerifyDatabase(_)
                    | Action::VerifyCheck(_)
                    | Action::VerifyFolder(_)
                    | Action::CompareExport(_)
                    | Action::ListVersions(_)
            )
    }));
    // Where several things are replaced, each is backed up immediately before.
    checks.push(of_steps(run, "Fresh backup", "is made and verified once somebody has looked", |_, spec| {
        matches!(spec.action, Action::VerifySnapshot(_) | Action::VerifyRecoveryPoint(_) | Action::VerifyObject(_))
    }));
    checks.push(time(run));
    checks.push(way_back(run));
    checks.push(agreement(run));
    checks
}

/// Whether what is replaced was typed by whoever approved it.
fn named(run: &Run) -> Check {
    let what = "Target typed";
    let names = crate::domain::operations::of(run.op.kind()).confirmed_by(&run.op.plan);
    match (names, run.op.state) {
        (None, _) => Check::new(what, Stands::Skipped, format!("`{}` does not ask for it", run.op.environment())),
        (Some(names), State::AwaitingApproval) => {
            Check::new(what, Stands::Open, format!("whoever approves types {}", names.join(" or ")))
        }
        (Some(_), _) if run.op.votes.is_empty() => {
            Check::new(what, Stands::Skipped, "the policy asks nobody to approve the start")
        }
        (Some(_), _) => Check::new(what, Stands::Ready, "by everyone who approved"),
    }
}

/// How the steps of one kind stand.
fn of_steps(run: &Run, what: &'static str, open: &str, kind: impl Fn(usize, &StepSpec) -> bool) -> Check {
    let forward = run.op.plan.steps.iter().zip(&run.steps).filter(|(spec, _)| !spec.back);
    let steps: Vec<(&StepSpec, &Step)> = forward.filter(|(spec, step)| kind(step.index, spec)).collect();
    if let Some((spec, step)) = steps.iter().find(|(_, s)| matches!(s.state, StepState::Failed | StepState::Unknown)) {
        let why = step.error.as_deref().unwrap_or("no reason is known");
        return Check::new(what, Stands::Amiss, format!("{}: {why}", spec.title));
    }
    match steps.last() {
        Some((_, last)) if steps.iter().all(|(_, step)| step.state == StepState::Done) => {
            Check::new(what, Stands::Ready, last.detail.clone().unwrap_or_else(|| "verified".to_owned()))
        }
        _ => {
            let done = steps.iter().filter(|(_, step)| step.state == StepState::Done).count();
            let so_far = if done == 0 { String::new() } else { format!("; {done} of {} so far", steps.len()) };
            Check::new(what, Stands::Open, format!("{open}{so_far}"))
        }
    }
}

fn asks_to_cut_over(spec: &StepSpec) -> bool {
    matches!(&spec.action, Action::WaitForPeople(what) if what.rule.is_some())
}

/// When it stops by itself and asks.
fn time(run: &Run) -> Check {
    let what = "Time until the cutover";
    match path::cutover(&run.op.plan).and_then(|until| run.patience_until(until)) {
        Some(patience) => {
            let words =
                format!("where AWS takes more than {}, 150 % of the usual, it stops and asks", spoken(patience));
            Check::new(what, Stands::Ready, words)
        }
        None => Check::new(what, Stands::Skipped, "never measured, so that it goes on however long it takes"),
    }
}

fn way_back(run: &Run) -> Check {
    let what = "Way back";
    let steps: Vec<&str> = run.op.plan.steps.iter().filter(|spec| spec.back).map(|spec| spec.title.as_str()).collect();
    match (steps.is_empty(), run.way_back()) {
        (true, _) => Check::new(what, Stands::Amiss, "there is none"),
        (false, Some(takes)) => {
            Check::new(what, Stands::Ready, format!("{}; usually takes {}", steps.join("; "), spoken(takes)))
        }
        (false, None) => Check::new(what, Stands::Ready, format!("{}; never measured", steps.join("; "))),
    }
}

fn agreement(run: &Run) -> Check {
    let what = "Agreement to the cutover";
    let steps = run.op.plan.steps.iter().zip(&run.steps);
    let asked = steps.filter_map(|(spec, step)| match &spec.action {
        Action::WaitForPeople(what) if what.rule.is_some() => Some((what, step)),
        _ => None,
    });
    let asked: Vec<_> = asked.collect();
    if asked.is_empty() {
        return Check::new(what, Stands::Amiss, "nobody is asked");
    }
    let said = asked.iter().filter(|(_, step)| step.state == StepState::Done).count();
    let Some((next, step)) = asked.iter().find(|(_, step)| step.state != StepState::Done) else {
        let words = asked.iter().map(|(_, step)| step.answers.votes.len()).sum::<usize>();
        return Check::new(what, Stands::Ready, count(words, "word"));
    };
    let open = approval::awaited(&run.op, next, &step.answers);
    let so_far = if asked.len() == 1 {
        String::new()
    } else {
        format!(", for each by itself: {said} of {} so far", asked.len())
    };
    Check::new(what, Stands::Open, format!("{} at that moment{so_far}", approval::spoken(&open)))
}

/// What whoever looks at what was found is told beside the question: what goes on would lose or bring back, as measured.
pub(super) fn receipt(run: &Run, index: usize, now: Moment) -> Option<String> {
    let spec = run.op.plan.steps.get(index)?;
    if !matches!(&spec.action, Action::WaitForPeople(what) if what.consent == Consent::Look && index > 0) {
        return None;
    }
    if run.steps[..index].iter().zip(&run.op.plan.steps).any(|(step, spec)| asks_to_cut_over(spec) && step.begun()) {
        return None;
    }
    let before = run.op.plan.steps.iter().zip(&run.steps).take(index);
    let of = path::tenant_tables(&run.op.plan);
    let merges = run.op.plan.steps.iter().any(|spec| matches!(spec.action, Action::MergeTenant(_)));
    let told = |(spec, step): (&StepSpec, &Step)| match (&spec.action, of) {
        // Rows that are merged take none away that were written since, and a tenant's tables lose nothing of the others'.
        (Action::VerifyDatabase(_), Some(_)) if merges => {
            let said: Vec<String> = amiss(step).into_iter().chain(unproved(step)).collect();
            (!said.is_empty()).then(|| said.join(" "))
        }
        (Action::VerifyDatabase(what), Some(of)) => loss(what, &format!("the tables of {}", of.schema), step, now),
        _ => measured(&spec.action, step, now),
    };
    let lines: Vec<String> = before.filter_map(told).collect();
    (!lines.is_empty()).then(|| lines.join(" "))
}

fn measured(action: &Action, step: &Step, now: Moment) -> Option<String> {
    if step.state != StepState::Done {
        return None;
    }
    let number = |name: &str| step.outputs.get(name).and_then(|n| n.parse::<u64>().ok());
    let parts = |names: &[(&str, &str)]| -> Vec<String> {
        let some = names.iter().filter_map(|(name, words)| Some((number(name).filter(|n| *n > 0)?, words)));
        some.map(|(n, words)| format!("{n} {words}")).collect()
    };
    Some(match action {
        Action::VerifyDatabase(what) => return loss(what, &what.database, step, now),
        Action::VerifyFolder(what) => loses(&format!("{} of {}", what.path, what.file_system), what.data_of, now),
        Action::CompareExport(_) => {
            let parts = parts(&[
                ("differs", "have another value and get the export's"),
                ("missing", "are missing"),
                ("doomed", "are scheduled for deletion"),
                ("same", "are as in the export"),
                ("newer", "are not in the export and stay"),
            ]);
            format!("Measured: {}.", parts.join(", "))
        }
        Action::ListVersions(_) => {
            let parts = parts(&[
                ("overwritten", "were overwritten and come back"),
                ("deleted", "were deleted and come back"),
                ("frozen", "are archived and stay so"),
                ("newer", "came since and stay"),
                ("same", "are as they were"),
            ]);
            format!("Measured: {}; {} bytes come back.", parts.join(", "), number("bytes").unwrap_or(0))
        }
        _ => return None,
    })
}

/// What going on with a copy that was looked into takes away, and what the look found amiss.
fn loss(looked: &VerifyDatabase, of: &str, step: &Step, now: Moment) -> Option<String> {
    let loses =
        (step.state == StepState::Done).then(|| loses(of, path::measured(step).unwrap_or(looked.data_of), now))?;
    let amiss = amiss(step).map(|issue| format!("And {issue}"));
    Some([loses].into_iter().chain(amiss).chain(unproved(step)).collect::<Vec<_>>().join(" "))
}

/// What the look found amiss.
fn amiss(step: &Step) -> Option<String> {
    step.outputs.get(ISSUE).map(|issue| format!("{issue}."))
}

/// Of which tables whoever goes on takes the copy's word.
fn unproved(step: &Step) -> Option<String> {
    step.outputs.get(UNPROVED).map(|tables| match tables.as_str() {
        "" => "Nobody signed in to it, since no login is configured for it (`dumps`): Continue takes the copy's word for all that is in it.".to_owned(),
        tables => format!(
            "Nothing proves what is in {tables}: live has changed there since, or it is too much to be read through. Continue takes the copy's word for it."
        ),
    })
}

fn loses(what: &str, data_of: Moment, now: Moment) -> String {
    format!(
        "It loses what was written to {what} since {data_of}: {} by now, and more until the cutover.",
        spoken(now.since(data_of))
    )
}
