//! What has to be ready before people hold a drill, and who said that it is. Nothing waits for it: what nobody ticked is said when the
//! drill begins, and again in its score.

use std::str::FromStr;

use super::{Form, held};
use crate::domain::{
    attachment::Offer,
    environment::PRODUCTION,
    mark::{Mark, MarkKind, MarkWrite},
    moment::Moment,
    operation::Run,
};

/// The output of a drill's first step that names what was not ticked by then; empty where all of it was.
pub const READY: &str = "not_ready";

/// Something that has to be ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// Who has which duty.
    Roles,
    /// What has to be shown for the drill to have passed.
    Criteria,
    /// What it is held in.
    Environment,
    /// The runbook, and the plan of the drill.
    Plan,
}

impl Tick {
    /// All of it, in the order of its buttons.
    pub const ALL: [Tick; 4] = [Tick::Roles, Tick::Criteria, Tick::Environment, Tick::Plan];
    /// The words for it in commands.
    pub const WORDS: [&str; 4] = ["roles", "criteria", "environment", "plan"];

    /// The word for it in commands.
    pub fn word(self) -> &'static str {
        match self {
            Tick::Roles => "roles",
            Tick::Criteria => "criteria",
            Tick::Environment => "environment",
            Tick::Plan => "plan",
        }
    }

    /// What its button says.
    pub fn label(self) -> &'static str {
        match self {
            Tick::Roles => "Roles are set",
            Tick::Criteria => "Success criteria are set",
            Tick::Environment => "Environment is prepared",
            Tick::Plan => "Plan is reviewed",
        }
    }
}

impl FromStr for Tick {
    type Err = String;

    fn from_str(text: &str) -> Result<Tick, String> {
        let known = Tick::ALL.into_iter().find(|tick| tick.word() == text);
        known.ok_or_else(|| format!("`{text}` is nothing that can be ticked; that is {}", Tick::WORDS.join(", ")))
    }
}

/// Forms that people hold and get ready for; the others look at AWS alone.
pub const FORMS: [Form; 2] = [Form::Tabletop, Form::FullDrill];

/// Whether people get ready for this form in this environment.
pub fn asked(environment: &str, form: Form) -> bool {
    FORMS.contains(&form) && !(form == Form::FullDrill && environment == PRODUCTION)
}

fn subject(form: Form, tick: Tick) -> String {
    format!("ready {} {}", form.word(), tick.word())
}

/// What the ledger remembers of somebody who says that it is ready.
pub fn said(environment: &str, form: Form, tick: Tick, by: &str, at: Moment) -> MarkWrite {
    MarkWrite::Set(Mark {
        environment: environment.to_owned(),
        kind: MarkKind::Drill,
        subject: subject(form, tick),
        note: by.to_owned(),
        operation: String::new(),
        at,
    })
}

/// Who said that it is ready, since the last drill of this form was held.
pub fn ticked(marks: &[Mark], form: Form, tick: Tick) -> Option<&str> {
    let subject = subject(form, tick);
    let mark = marks.iter().find(|mark| mark.kind == MarkKind::Drill && mark.subject == subject)?;
    held(marks, form).is_none_or(|held| held.at < mark.at).then_some(mark.note.as_str())
}

/// What nobody has ticked.
pub fn open(marks: &[Mark], form: Form) -> Vec<Tick> {
    Tick::ALL.into_iter().filter(|tick| ticked(marks, form, *tick).is_none()).collect()
}

/// What is ready for a form and what is not, in a line of mrkdwn.
pub fn line(marks: &[Mark], form: Form) -> String {
    let each = Tick::ALL.map(|tick| match ticked(marks, form, tick) {
        Some(by) => format!("☑ {} (<@{by}>)", tick.label()),
        None => format!("☐ {}", tick.label()),
    });
    format!("Before the {}: {}", form.title().to_lowercase(), each.join(" · "))
}

/// The buttons for what nobody has ticked.
pub fn offers(environment: &str, marks: &[Mark], form: Form) -> Vec<Offer> {
    let offer = |tick: Tick| Offer {
        label: tick.label().to_owned(),
        command: format!("dr ready {environment} {} --tick {}", form.word(), tick.word()),
        confirm: None,
    };
    open(marks, form).into_iter().map(offer).collect()
}

/// What was open when a drill began, as an output of its first step.
pub fn output(open: &[Tick]) -> (String, String) {
    let words: Vec<&str> = open.iter().map(|tick| tick.word()).collect();
    (READY.to_owned(), words.join(" "))
}

/// What was open when a drill began, in a sentence.
pub fn told_open(open: &[Tick]) -> String {
    if open.is_empty() {
        return "All that has to be ready before it was ticked.".to_owned();
    }
    let labels: Vec<String> = open.iter().map(|tick| tick.label().to_lowercase()).collect();
    format!("*Not ticked* before it began: {}.", labels.join(", "))
}

/// The same of a run; nothing where its form asks for nothing, or it did not begin.
pub fn told(run: &Run) -> Option<String> {
    let words = run.steps.iter().find_map(|step| step.outputs.get(READY))?;
    let open: Vec<Tick> = words.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    Some(told_open(&open))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(write: MarkWrite) -> Mark {
        match write {
            MarkWrite::Set(mark) => mark,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_ticked_counts_for_the_next_drill_and_for_no_other() {
        let at = |seconds: i64| Moment(seconds * 1000);
        let mut marks = vec![
            mark(said("sit", Form::Tabletop, Tick::Roles, "U0BOB", at(10))),
            mark(said("sit", Form::FullDrill, Tick::Plan, "U0BOB", at(10))),
        ];
        assert_eq!(open(&marks, Form::Tabletop), [Tick::Criteria, Tick::Environment, Tick::Plan]);
        assert_eq!(offers("sit", &marks, Form::Tabletop)[0].command, "dr ready sit tabletop --tick criteria");
        assert!(
            line(&marks, Form::Tabletop).starts_with("Before the tabletop: ☑ Roles are set (<@U0BOB>) · ☐ Success")
        );
        let drill = Mark {
            subject: Form::Tabletop.word().to_owned(),
            ..mark(said("sit", Form::Tabletop, Tick::Plan, "", at(20)))
        };
        marks.push(drill);
        assert_eq!(open(&marks, Form::Tabletop), Tick::ALL, "the drill was held since");
        assert_eq!(open(&marks, Form::FullDrill), [Tick::Roles, Tick::Criteria, Tick::Environment]);
        marks[0] = mark(said("sit", Form::Tabletop, Tick::Roles, "U0BOB", at(30)));
        assert_eq!(ticked(&marks, Form::Tabletop, Tick::Roles), Some("U0BOB"));
        assert_eq!(
            told_open(&Tick::ALL[2..]),
            "*Not ticked* before it began: environment is prepared, plan is reviewed."
        );
    }
}
