//! `dr actions`: what incidents left to be done, and whose it is.

use super::{Answer, Known, Told, Wants};
use crate::domain::{
    attachment::{Attachment, Offer, Table},
    command::{ANY_ENVIRONMENT, Command, Does, EVERYONE, Entry, Group, as_they_are, nothing_more},
    incident::item,
    mark::{Mark, MarkKind},
    text::count,
};

static ENTRY: Entry = Entry {
    name: "dr.actions",
    path: &["dr", "actions"],
    group: Group::Recovery,
    place: 53,
    about: "Show what incidents left to be done, and whose it is",
    happens: "Shows only you the action items of reviews that are not done, with who has each. Changes nothing and asks AWS nothing.",
    args: &[ANY_ENVIRONMENT],
    examples: &["dr actions", "dr actions ENV"],
    who: EVERYONE,
    does: |_| Does::Answer,
    settle: as_they_are,
    mend: nothing_more,
};

/// The answer.
pub struct Actions;

impl Answer for Actions {
    fn entry(&self) -> &'static Entry {
        &ENTRY
    }

    fn wants(&self, _: &Command) -> Wants {
        Wants { environments: true, marks: &[MarkKind::Item], ..Wants::default() }
    }

    fn tell(&self, _: &Command, known: &Known<'_>) -> Told {
        let (mut rows, mut offers) = (Vec::new(), Vec::<Option<Offer>>::new());
        for environment in &known.environments {
            let own: Vec<Mark> =
                known.marks.iter().filter(|mark| mark.environment == environment.name).cloned().collect();
            for open in item::open(&own) {
                for found in &open.items {
                    let owner = found.owner.as_ref().map_or_else(|| "nobody".to_owned(), |user| format!("<@{user}>"));
                    rows.push(vec![
                        environment.name.clone(),
                        open.incident.clone(),
                        found.number.to_string(),
                        found.what.clone(),
                        owner,
                    ]);
                    offers.push(Some(found.offer(&open.incident)));
                }
            }
        }
        if rows.is_empty() {
            return Told::text("No incident left anything that is not done.");
        }
        let text = format!(
            "{} of incidents open. `/bbws dr action <id> --item N` takes one, `--to @somebody` hands it over, `--done` ends it.",
            count(rows.len(), "action item")
        )
        .replace("<id>", "&lt;id&gt;");
        let columns = ["Environment", "Incident", "Item", "What", "Whose"].map(str::to_owned).to_vec();
        let table = Table { caption: "Action items".to_owned(), columns, rows, offers };
        Told { found: true, text, attachment: Attachment { table: Some(table), ..Attachment::default() } }
    }
}
