//! When drills are due: as often as the config says, or as is usual for such an environment. It is worked out from what the ledger
//! remembers, and nothing starts by itself.

use std::time::Duration;

use super::{Form, Held, held};
use crate::domain::{
    environment::{Environment, PRODUCTION},
    mark::{Mark, MarkKind, MarkWrite},
    moment::{Moment, spoken},
    text::escape,
};

/// The subject of the mark from which on is counted what was never held.
const SINCE: &str = "calendar";
const DAY: u64 = 86_400;
/// How long before a drill is due that is said.
const NOTICE: Duration = Duration::from_secs(14 * DAY);

/// How often each form is due, in days, where the config does not say; 0 is never.
fn usual(environment: &str, form: Form) -> u64 {
    let [tabletop, infra, full] = match environment {
        "dev" => [30, 7, 0],
        PRODUCTION => [90, 90, 0],
        _ => [30, 30, 90],
    };
    match form {
        Form::Tabletop => tabletop,
        Form::Infra => infra,
        Form::Dns => 0,
        Form::FullDrill => full,
    }
}

/// How often a form is due in an environment; none where it never is.
pub fn every(env: &Environment, form: Form) -> Option<Duration> {
    let said = match form {
        Form::Tabletop => env.drills.tabletop,
        Form::Infra => env.drills.infra,
        Form::Dns => env.drills.dns,
        Form::FullDrill => env.drills.full_drill,
    };
    match said {
        Some(every) => every.0.map(|span| span.0),
        None => Some(usual(&env.name, form)).filter(|days| *days > 0).map(|days| Duration::from_secs(days * DAY)),
    }
}

/// One form in the calendar of an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'m> {
    /// Which.
    pub form: Form,
    /// How often it is due; none where it never is.
    pub every: Option<Duration>,
    /// When it was last held.
    pub held: Option<Held<'m>>,
    /// When it is due next; none where it never is, or nobody has looked at the calendar yet.
    pub next: Option<Moment>,
}

/// How an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// Nothing is to be done about it for now.
    Quiet,
    /// It is due soon.
    Soon(Moment),
    /// It was due.
    Overdue(Moment),
}

impl Entry<'_> {
    /// How it stands now. What is due every week is not announced two weeks before, but half a week.
    pub fn stands(&self, now: Moment) -> Stands {
        match (self.next, self.every) {
            (Some(next), Some(_)) if next <= now => Stands::Overdue(next),
            (Some(next), Some(every)) if next.since(now) <= NOTICE.min(every / 2) => Stands::Soon(next),
            _ => Stands::Quiet,
        }
    }

    /// When it was last held and when it is due, for a line that names all; none where there is nothing to say.
    fn told(&self, now: Moment) -> Option<String> {
        let word = self.form.word();
        let last = self.held.map(|held| format!("{} ago ({})", spoken(now.since(held.at)), escape(held.result)));
        let last = last.unwrap_or_else(|| "never held".to_owned());
        Some(match (self.stands(now), self.next) {
            (Stands::Overdue(at), _) => format!("*{word} overdue* since {}, {last}", at.day()),
            (Stands::Soon(at), _) | (Stands::Quiet, Some(at)) => format!("{word} {last}, due {}", at.day()),
            (Stands::Quiet, None) if self.held.is_some() || self.every.is_some() => format!("{word} {last}"),
            (Stands::Quiet, None) => return None,
        })
    }
}

/// The calendar of an environment, by its marks.
pub fn of<'m>(env: &Environment, marks: &'m [Mark]) -> Vec<Entry<'m>> {
    let begun = marks.iter().find(|mark| mark.kind == MarkKind::Drill && mark.subject == SINCE).map(|mark| mark.at);
    let entry = |form: Form| {
        let (every, held) = (every(env, form), held(marks, form));
        let next = held.map(|held| held.at).or(begun).zip(every).map(|(from, every)| from + every);
        Entry { form, every, held, next }
    };
    Form::ALL.into_iter().map(entry).collect()
}

/// All of the calendar in one line.
pub fn line(env: &Environment, marks: &[Mark], now: Moment) -> String {
    let told: Vec<String> = of(env, marks).iter().filter_map(|entry| entry.told(now)).collect();
    if told.is_empty() { "Drills: none is due".to_owned() } else { format!("Drills: {}", told.join("; ")) }
}

/// The calendar of an environment begins when it is first looked at: what was never held is due a rhythm later. None where it has
/// begun.
pub fn begins(environment: &str, marks: &[Mark], now: Moment) -> Option<MarkWrite> {
    let begun = |mark: &Mark| mark.kind == MarkKind::Drill && mark.subject == SINCE;
    (!marks.iter().any(begun)).then(|| {
        MarkWrite::New(Mark {
            environment: environment.to_owned(),
            kind: MarkKind::Drill,
            subject: SINCE.to_owned(),
            note: String::new(),
            operation: String::new(),
            at: now,
        })
    })
}
