//! Drills: what people and the DR region can be tried on before it is in earnest, what such a trial came to, and when the next one
//! is due.

pub mod calendar;
pub mod checklist;
pub mod choice;
pub mod look;
pub mod ready;
pub mod script;
pub mod tabletop;

use super::{
    mark::{Mark, MarkKind, MarkWrite},
    moment::Moment,
    operation::{Run, State},
};

/// What a drill tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// People play an incident at a table.
    Tabletop,
    /// What a failover needs is looked at.
    Infra,
    /// Record sets are written as they are.
    Dns,
    /// All of it is tried, beside what is live.
    FullDrill,
}

impl Form {
    /// Every form, in the order lists name them.
    pub const ALL: [Form; 4] = [Form::Tabletop, Form::Infra, Form::Dns, Form::FullDrill];

    /// The word for it in commands, in plans and in the ledger.
    pub const fn word(self) -> &'static str {
        match self {
            Form::Tabletop => "tabletop",
            Form::Infra => "infra",
            Form::Dns => "dns",
            Form::FullDrill => "full-drill",
        }
    }

    /// The form of this word.
    pub fn named(word: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|form| form.word() == word)
    }

    /// What people call it, with a capital letter.
    pub fn title(self) -> &'static str {
        match self {
            Form::Tabletop => "Tabletop",
            Form::Infra => "Infrastructure drill",
            Form::Dns => "DNS drill",
            Form::FullDrill => "Full drill",
        }
    }
}

/// What every message of a drill says first, so that nobody takes it for the real thing.
pub const EXERCISE: &str = "EXERCISE";

/// The result of a drill in which nothing was missing.
pub const PASSED: &str = "passed";
/// The output of a step that says how many of how many points hold.
pub const SCORE: &str = "score";

/// What a drill that has ended came to, in a few words; none where it did not come to its end.
pub fn result(run: &Run) -> Option<String> {
    if run.op.state != State::Succeeded {
        return None;
    }
    if let Some(score) = tabletop::score(run) {
        return Some(if score.passed() { PASSED.to_owned() } else { score.words() });
    }
    if run.issues().is_empty() {
        return Some(PASSED.to_owned());
    }
    let score = run.steps.iter().find_map(|step| step.outputs.get(SCORE));
    Some(score.cloned().unwrap_or_else(|| "with gaps".to_owned()))
}

/// The ledger remembers of each form when it was last held, by which run, and with which result.
pub fn remembered(form: Form, run: &Run, result: String) -> MarkWrite {
    MarkWrite::Set(Mark {
        environment: run.op.environment().to_owned(),
        kind: MarkKind::Drill,
        subject: form.word().to_owned(),
        note: result,
        operation: run.op.id.to_string(),
        at: run.op.ended.unwrap_or(run.op.created),
    })
}

/// A drill that was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held<'m> {
    /// When it ended.
    pub at: Moment,
    /// By which run.
    pub by: &'m str,
    /// What it came to.
    pub result: &'m str,
}

/// When a form was last held in the environment of these marks; none where it never was.
pub fn held(marks: &[Mark], form: Form) -> Option<Held<'_>> {
    let mark = marks.iter().find(|mark| mark.kind == MarkKind::Drill && mark.subject == form.word())?;
    Some(Held { at: mark.at, by: &mark.operation, result: &mark.note })
}
