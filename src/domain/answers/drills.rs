//! `dr test … list`: which drills there are in an environment, when each was last held, and when it is due.

use super::{Answer, Known, Told, Wants};
use crate::domain::{
    attachment::{Attachment, Offer, Table},
    command::{Command, Does, ENVIRONMENT, EVERYONE, Entry, Group, as_they_are, nothing_more},
    drill::{
        Form,
        calendar::{self, Stands},
        ready,
    },
    environment::{Environment, PRODUCTION},
    mark::MarkKind,
    moment::{Moment, spoken},
    text::escape,
};

static ENTRY: Entry = Entry {
    name: "dr.test.list",
    path: &["dr", "test", "list"],
    group: Group::Recovery,
    place: 48,
    about: "Show when each drill was last held, and when it is due",
    happens: "Shows only you each kind of drill with how often it is due, when it was last held and by which run, what it came to, \
              and when it is due next. Changes nothing and asks AWS nothing.",
    args: &[ENVIRONMENT],
    examples: &["dr test ENV list"],
    who: EVERYONE,
    does: |_| Does::Answer,
    settle: as_they_are,
    mend: nothing_more,
};

/// The answer.
pub struct Drills;

impl Answer for Drills {
    fn entry(&self) -> &'static Entry {
        &ENTRY
    }

    fn wants(&self, _: &Command) -> Wants {
        Wants { environments: true, marks: &[MarkKind::Drill], ..Wants::default() }
    }

    fn tell(&self, _: &Command, known: &Known<'_>) -> Told {
        let Some(environment) = known.environments.first() else {
            return Told::text("There is no such environment, so that it has no drills.");
        };
        let mut text =
            format!("*{}* · {}.", escape(&environment.name), calendar::line(environment, &known.marks, known.now));
        if environment.name == PRODUCTION {
            text.push_str(" A full drill of production is never held: a failover that was carried out, and the failback after it, count as one.");
        }
        let mut offers = Vec::new();
        for entry in calendar::of(environment, &known.marks).iter().filter(|entry| entry.every.is_some()) {
            if ready::asked(&environment.name, entry.form) {
                text.push_str(&format!("\n{}", ready::line(&known.marks, entry.form)));
                offers.extend(named(entry.form, ready::offers(&environment.name, &known.marks, entry.form)));
            }
        }
        let table = Some(table(environment, known));
        Told { found: true, text, attachment: Attachment { table, offers, ..Attachment::default() } }
    }
}

/// Buttons of one drill beside those of another.
fn named(form: Form, offers: Vec<Offer>) -> impl Iterator<Item = Offer> {
    offers.into_iter().map(move |offer| Offer { label: format!("{}: {}", form.title(), offer.label), ..offer })
}

fn table(environment: &Environment, known: &Known<'_>) -> Table {
    let day = |at: Option<Moment>| at.map_or_else(|| "—".to_owned(), Moment::day);
    let rows = calendar::of(environment, &known.marks).into_iter().map(|entry| {
        let state = match entry.stands(known.now) {
            Stands::Quiet => "",
            Stands::Soon(_) => "soon",
            Stands::Overdue(_) => "OVERDUE",
        };
        vec![
            entry.form.word().to_owned(),
            entry.every.map_or_else(|| "never".to_owned(), |every| format!("every {}", spoken(every))),
            day(entry.held.map(|held| held.at)),
            entry.held.map_or_else(|| "—".to_owned(), |held| format!("{}, {}", held.result, held.by)),
            day(entry.next),
            state.to_owned(),
        ]
    });
    Table {
        caption: format!("Drills of {}", environment.name),
        columns: ["Drill", "Due", "Last held", "Result", "Next", ""].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        offers: Vec::new(),
    }
}
