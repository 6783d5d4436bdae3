//! A tabletop while it is played: which inject is on the table, what people decided, and how that is scored.

use std::time::Duration;

use super::{
    checklist,
    choice::Choice,
    ready,
    script::{Inject, SCRIPT},
};
use crate::domain::{
    attachment::Offer,
    incident::{Call, Decision},
    moment::{Moment, spoken},
    operation::Run,
    step::{Action, StepState},
    text::{count, escape},
};

/// The script that the run's first step made; empty before it has.
pub fn script(run: &Run) -> Vec<Inject> {
    let made = run.steps.iter().find_map(|step| step.outputs.get(SCRIPT));
    made.and_then(|script| serde_json::from_str(script).ok()).unwrap_or_default()
}

/// Steps that wait for a decision, in the order of their injects.
fn asking(run: &Run) -> Vec<usize> {
    let asks = |(_, spec): &(usize, &crate::domain::step::StepSpec)| matches!(spec.action, Action::WaitForPeople(_));
    run.op.plan.steps.iter().enumerate().filter(asks).map(|(index, _)| index).collect()
}

/// When the inject of this number was, or will be, put on the table: at its minute, and not before the one before it is decided.
fn due(run: &Run, number: usize, inject: &Inject) -> Option<Moment> {
    let asked = run.steps.get(*asking(run).get(number)?)?.started?;
    Some((run.op.started? + Duration::from_secs(inject.minute * 60)).max(asked))
}

/// What was decided on the inject of this number.
pub fn decision(run: &Run, number: usize) -> Option<&Decision> {
    run.op.incident.as_ref()?.decisions.get(&number)
}

/// The inject whose decision the run waits for, with its number and when it is due; none where it waits for none.
pub fn on_table(run: &Run) -> Option<(usize, Inject, Moment)> {
    let waits = |index: &usize| run.steps.get(*index).is_some_and(|step| step.state == StepState::Polling);
    let number = asking(run).iter().position(waits).filter(|number| decision(run, *number).is_none())?;
    let inject = script(run).into_iter().nth(number)?;
    let due = due(run, number, &inject)?;
    Some((number, inject, due))
}

/// What is put on the table now and was not yet, with a button for each choice.
pub fn calls(run: &Run, now: Moment) -> Vec<Call> {
    let Some((number, inject, due)) = on_table(run).filter(|(.., due)| *due <= now) else { return Vec::new() };
    let key = format!("inject-{number}");
    let decided = run.op.incident.as_ref().is_some_and(|done| done.said.contains(&key));
    if decided {
        return Vec::new();
    }
    let offers = Choice::ALL.into_iter().map(|choice| Offer {
        label: choice.label().to_owned(),
        command: format!("dr decide {} --inject {} --choice {}", run.op.id, number + 1, choice.word()),
        confirm: None,
    });
    let text = format!(
        "*Inject {} of 6, {}*: {} What do you decide? It is on the table since {}; Continue on the card passes on without a decision.",
        number + 1,
        minute(&inject),
        escape(&inject.text),
        due.clock_at(now)
    );
    vec![Call { keys: vec![key], text, offers: offers.collect() }]
}

fn minute(inject: &Inject) -> String {
    match inject.minute {
        0 => format!("T-0 {}", inject.stage),
        minute => format!("T+{minute} {}", inject.stage),
    }
}

/// Why nobody can say anything to it yet: the next inject comes later.
pub fn not_yet(run: &Run, now: Moment) -> Option<String> {
    let (number, _, due) = on_table(run).filter(|(.., due)| *due > now)?;
    Some(format!(
        "Inject {} comes at {}; until then there is nothing to decide. Nothing was done.",
        number + 1,
        due.clock_at(now)
    ))
}

/// What is told once somebody has decided.
pub fn answered(inject: &Inject, decision: &Decision, now: Moment, due: Moment) -> String {
    let right = decision.choice == inject.right;
    let held = if right { "as the assessment says" } else { "*otherwise* than the assessment says" };
    let reasons: Vec<String> = inject.reasons.iter().map(|reason| format!("\n• {}", escape(reason))).collect();
    format!(
        "*{}*: <@{}> decides after {}: {}, {held}. The assessment of the twin: *{}*.{}",
        minute(inject),
        decision.by,
        spoken(now.since(due)),
        decision.choice.label(),
        inject.verdict,
        reasons.concat()
    )
}

/// How a tabletop was played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// Decisions that were as the assessment says.
    pub right: usize,
    /// Injects there were.
    pub injects: usize,
    /// How long the slowest decision took.
    pub slowest: Option<Duration>,
    /// Injects that were passed on without a decision.
    pub dead_ends: usize,
}

/// The score of what was played so far; none where there is no script.
pub fn score(run: &Run) -> Option<Score> {
    let script = script(run);
    if script.is_empty() {
        return None;
    }
    let (mut right, mut dead_ends, mut slowest) = (0, 0, None::<Duration>);
    for (number, inject) in script.iter().enumerate() {
        let Some(decision) = decision(run, number) else {
            dead_ends += 1;
            continue;
        };
        right += usize::from(decision.choice == inject.right);
        let took = due(run, number, inject).map(|due| decision.at.since(due));
        slowest = slowest.max(took);
    }
    Some(Score { right, injects: script.len(), slowest, dead_ends })
}

impl Score {
    /// In a few words: `5 of 6`.
    pub fn words(&self) -> String {
        format!("{} of {}", self.right, self.injects)
    }

    /// Whether every decision was as the assessment says.
    pub fn passed(&self) -> bool {
        self.right == self.injects
    }
}

/// All of it at the end, mrkdwn, escaped.
pub fn told(run: &Run) -> String {
    let Some(score) = score(run) else { return "It was not played.".to_owned() };
    let head = if score.passed() { "Passed: " } else { "" };
    let slowest = score.slowest.map(|slowest| format!(", the slowest after {}", spoken(slowest))).unwrap_or_default();
    let ends = match score.dead_ends {
        0 => "none was passed on".to_owned(),
        ends => format!("{} without a decision", count(ends, "inject")),
    };
    let script = script(run);
    let lines = script.iter().enumerate().map(|(number, inject)| {
        let decision = decision(run, number);
        let said =
            decision.map_or_else(|| "no decision".to_owned(), |it| format!("{} by <@{}>", it.choice.label(), it.by));
        let sign = if decision.is_some_and(|it| it.choice == inject.right) { "✅" } else { "❌" };
        format!("\n{sign} {}: {said}; the assessment said {}", minute(inject), inject.verdict)
    });
    let mut reached = [run.op.started, None, None, None, None, None];
    for (number, at) in reached.iter_mut().enumerate().skip(1) {
        *at = decision(run, number).map(|it| it.at);
    }
    let ready = ready::told(run).map(|told| format!(" {told}")).unwrap_or_default();
    format!(
        "{head}{} decisions as the assessment says{slowest}; {ends}.{}\n{}{ready} It was played on a twin: nothing of it reached AWS.",
        score.words(),
        lines.collect::<String>(),
        checklist::told(&checklist::reached(reached))
    )
}
