//! Action items: what the review of an incident leaves to be done, whose each is, and when people are asked after them. They are kept
//! with the record of the incident; a mark says that some of them are open, so that nobody has to look through what is over.

use std::time::Duration;

use super::Item;
use crate::domain::{
    attachment::Offer,
    mark::{Mark, MarkKind, MarkWrite},
    moment::Moment,
    operation::Run,
    text::{count, escape},
};

/// How often people are asked after what is open.
const ASKED_EVERY: Duration = Duration::from_secs(7 * 86_400);
/// Most items that one review leaves: nobody works through a longer list.
const MOST: usize = 25;
/// Most characters of an item on a card or in a message.
const SHOWN: usize = 180;

/// The items of an incident that are open, as a mark has them. The longest that one of them went unasked counts for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// The incident.
    pub incident: String,
    /// Its items that are not done.
    pub items: Vec<Item>,
    /// When people were last asked after them.
    pub asked: Moment,
}

/// The items that a review leaves, by what it found.
pub fn left(found: impl IntoIterator<Item = String>, now: Moment) -> Vec<Item> {
    let item = |(number, what)| Item { number, what, asked: now, owner: None, done: None };
    (1..).zip(found).take(MOST).map(item).collect()
}

/// What the ledger remembers of the items of this incident that are open; nothing once all are done.
pub fn remembered(run: &Run) -> MarkWrite {
    let (environment, incident) = (run.op.environment().to_owned(), run.op.id.to_string());
    let open: Vec<&Item> = of(run).iter().filter(|item| item.done.is_none()).collect();
    let Some(asked) = open.iter().map(|item| item.asked).min() else {
        return MarkWrite::Drop { environment, kind: MarkKind::Item, subject: incident };
    };
    let note = serde_json::to_string(&open).unwrap_or_default();
    MarkWrite::Set(Mark {
        environment,
        kind: MarkKind::Item,
        subject: incident.clone(),
        note,
        operation: incident,
        at: asked,
    })
}

/// The items of an incident.
pub fn of(run: &Run) -> &[Item] {
    run.op.incident.as_ref().map_or(&[], |incident| &incident.items)
}

/// What is open by these marks, the oldest incident first.
pub fn open(marks: &[Mark]) -> Vec<Open> {
    let items = |mark: &Mark| Open {
        incident: mark.subject.clone(),
        items: serde_json::from_str(&mark.note).unwrap_or_default(),
        asked: mark.at,
    };
    marks.iter().filter(|mark| mark.kind == MarkKind::Item).map(items).collect()
}

impl Open {
    /// Whether people are to be asked after them now.
    pub fn due(&self, now: Moment) -> bool {
        now.since(self.asked) >= ASKED_EVERY
    }

    /// What people are asked, with whoever has one called; mrkdwn.
    pub fn question(&self) -> String {
        let lines: Vec<String> = self.items.iter().map(|item| format!("\n• {}", item.line())).collect();
        format!("Is this done? What is not is asked after again in a week.{}", lines.concat())
    }

    /// A button for each.
    pub fn offers(&self) -> Vec<Offer> {
        self.items.iter().map(|item| item.offer(&self.incident)).collect()
    }
}

/// How many are open, and how many of those nobody has, for a line that sums up; none where all are done.
pub fn counted(environment: &str, open: &[Open]) -> Option<String> {
    let items = || open.iter().flat_map(|open| &open.items);
    let all = items().count();
    let nobodys = match items().filter(|item| item.owner.is_none()).count() {
        0 => String::new(),
        nobodys => format!(", {nobodys} of them nobody's"),
    };
    let what = count(all, "action item");
    (all > 0).then(|| format!("{what} of incidents open{nobodys}: `/bbws dr actions {environment}`"))
}

impl Item {
    /// What it is and whose; mrkdwn.
    pub fn line(&self) -> String {
        let mut what: String = self.what.chars().take(SHOWN).collect();
        if what.len() < self.what.len() {
            what.push('…');
        }
        let whose = match (&self.done, &self.owner) {
            (Some(done), _) => format!("done, says <@{}>", done.user),
            (None, Some(owner)) => format!("<@{owner}>"),
            (None, None) => "*nobody's yet*".to_owned(),
        };
        format!("{}. {}: {whose}", self.number, escape(&what))
    }

    /// The button that takes it, or, once it is somebody's, says that it is done.
    pub fn offer(&self, incident: &str) -> Offer {
        let number = self.number;
        match self.owner {
            None => Offer {
                label: format!("Take item {number}"),
                command: format!("dr action {incident} --item {number}"),
                confirm: None,
            },
            Some(_) => Offer {
                label: format!("Item {number} is done"),
                command: format!("dr action {incident} --item {number} --done"),
                confirm: Some("Nobody is asked after it any more. Is it done, and not only begun?".to_owned()),
            },
        }
    }
}
