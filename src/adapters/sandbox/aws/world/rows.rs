//! Rows of tenants' tables in a simulated database: numbered, written one after the other, and what people did to them. What a table
//! has at a moment follows from what happened to it until then, so that a copy of an earlier moment has what there was.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::domain::moment::Moment;

/// Rows of each table when a database begins.
const FIRST: u64 = 2;
/// A row is written every so often into each table that is written to.
const EVERY: Duration = Duration::from_secs(300);
/// No more rows are written than so many.
const MOST: u64 = 900;
/// The table of each schema that is written to.
const WRITTEN: &str = "wp_posts";
/// Of so many rows one is corrupted.
const SHARE: u64 = 2;

/// The rows of a table: by their number whether they hold what they should.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Run>", into = "Vec<Run>")]
pub struct Rows(BTreeMap<u64, bool>);

/// Rows from one number to another that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Run(u64, u64, bool);

impl From<Vec<Run>> for Rows {
    fn from(runs: Vec<Run>) -> Rows {
        Rows(runs.into_iter().flat_map(|Run(first, last, whole)| (first..=last).map(move |n| (n, whole))).collect())
    }
}

impl From<Rows> for Vec<Run> {
    fn from(rows: Rows) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (number, whole) in rows.0 {
            match runs.last_mut() {
                Some(Run(_, last, same)) if *last + 1 == number && *same == whole => *last = number,
                _ => runs.push(Run(number, number, whole)),
            }
        }
        runs
    }
}

impl FromIterator<(u64, bool)> for Rows {
    fn from_iter<I: IntoIterator<Item = (u64, bool)>>(rows: I) -> Rows {
        Rows(rows.into_iter().collect())
    }
}

impl Rows {
    /// Those of each table when a database begins.
    pub fn first() -> Rows {
        Rows((1..=FIRST).map(|number| (number, true)).collect())
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// How many are corrupted.
    pub fn corrupted(&self) -> u64 {
        self.0.values().filter(|whole| !**whole).count() as u64
    }

    /// Number and whether it holds what it should, of each.
    pub fn iter(&self) -> impl Iterator<Item = (u64, bool)> + '_ {
        self.0.iter().map(|(number, whole)| (*number, *whole))
    }

    /// Whether the row of this number holds what it should; none where there is no such row.
    pub fn get(&self, number: u64) -> Option<bool> {
        self.0.get(&number).copied()
    }

    /// Writes a row.
    pub fn set(&mut self, number: u64, whole: bool) {
        self.0.insert(number, whole);
    }

    /// Deletes a row.
    pub fn remove(&mut self, number: u64) {
        self.0.remove(&number);
    }

    /// A sum over all of them, which differs where any row differs.
    pub fn sum(&self) -> String {
        let mut sum: u64 = 0xcbf2_9ce4_8422_2325;
        for (number, whole) in self.iter() {
            for byte in number.to_be_bytes().into_iter().chain([u8::from(whole)]) {
                sum = (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        format!("{sum:016x}")
    }
}

/// The tables of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tables {
    /// When rows began to be written.
    begun: Moment,
    /// It has no tables but those that came later.
    #[serde(default)]
    bare: bool,
    /// By `schema.table`, oldest first.
    #[serde(default)]
    events: BTreeMap<String, Vec<Event>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Event {
    at: Moment,
    what: Happening,
}

/// What happens to a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Happening {
    /// All of its rows are deleted.
    Emptied,
    /// Some of its rows hold something else.
    Corrupted,
    /// From now on it has these rows; none: it is dropped.
    Is(Option<Rows>),
}

impl Default for Tables {
    fn default() -> Tables {
        Tables { begun: Moment::FAR_FUTURE, bare: false, events: BTreeMap::new() }
    }
}

impl Tables {
    /// Those of a database that begins now.
    pub fn beginning(now: Moment) -> Tables {
        Tables { begun: now, ..Tables::default() }
    }

    /// No tables at all.
    pub fn none() -> Tables {
        Tables { bare: true, ..Tables::default() }
    }

    /// As they are at a moment, for a copy.
    pub fn at(&self, moment: Moment) -> Tables {
        let mut copy = self.clone();
        copy.events.values_mut().for_each(|events| events.retain(|event| event.at <= moment));
        copy
    }

    /// Something happens to a table, named with its schema.
    pub fn happens(&mut self, table: &str, at: Moment, what: Happening) {
        self.events.entry(table.to_owned()).or_default().push(Event { at, what });
    }

    /// The rows of a table, named with its schema, that is written to until this moment; none where there is no such table.
    pub fn rows(&self, table: &str, until: Moment) -> Option<Rows> {
        let mut rows = (!self.bare).then(Rows::first);
        let mut written = 0;
        for Event { at, what } in self.events.get(table).into_iter().flatten() {
            self.write(table, &mut rows, &mut written, (*at).min(until));
            match (what, &mut rows) {
                (Happening::Emptied, Some(rows)) => rows.0.clear(),
                (Happening::Corrupted, Some(rows)) => {
                    rows.0.iter_mut().filter(|(number, _)| **number % SHARE == 0).for_each(|(_, whole)| *whole = false);
                }
                (Happening::Emptied | Happening::Corrupted, None) => {}
                (Happening::Is(new), rows) => rows.clone_from(new),
            }
        }
        self.write(table, &mut rows, &mut written, until);
        rows
    }

    /// Whoever writes goes on while the table is there; what cannot be written is lost.
    fn write(&self, table: &str, rows: &mut Option<Rows>, written: &mut u64, until: Moment) {
        if self.bare || !table.ends_with(&format!(".{WRITTEN}")) {
            return;
        }
        let by_then = (until.since(self.begun).as_secs() / EVERY.as_secs()).min(MOST);
        if let Some(rows) = rows {
            for number in *written + 1..=by_then {
                rows.set(FIRST + number, true);
            }
        }
        *written = by_then.max(*written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSTS: &str = "tenant_1.wp_posts";

    fn minutes(n: u64) -> Moment {
        Moment(0) + Duration::from_secs(n * 60)
    }

    #[test]
    fn what_was_deleted_is_in_a_copy_of_before_and_writing_goes_on() {
        let mut tables = Tables::beginning(minutes(0));
        assert_eq!(tables.rows(POSTS, minutes(11)).map(|rows| rows.count()), Some(4));
        assert_eq!(tables.rows("tenant_1.wp_users", minutes(11)).map(|rows| rows.count()), Some(2));
        tables.happens(POSTS, minutes(12), Happening::Emptied);
        tables.happens(POSTS, minutes(30), Happening::Corrupted);
        assert_eq!(tables.at(minutes(11)).rows(POSTS, minutes(11)).map(|rows| rows.count()), Some(4));
        let rows = tables.rows(POSTS, minutes(40)).expect("it is there");
        assert_eq!(rows.iter().map(|(number, _)| number).collect::<Vec<_>>(), [5, 6, 7, 8, 9, 10]);
        assert_eq!(rows.corrupted(), 2);
        tables.happens(POSTS, minutes(40), Happening::Is(None));
        assert_eq!(tables.rows(POSTS, minutes(60)), None);
        tables.happens(POSTS, minutes(61), Happening::Is(Some(rows.clone())));
        let later = tables.rows(POSTS, minutes(65)).expect("it is there again");
        assert_eq!(later.count(), 7, "what could not be written meanwhile is lost");
        assert_ne!(later.sum(), rows.sum());
    }

    #[test]
    fn rows_are_stored_as_runs() {
        let rows: Rows = [(1, true), (2, true), (3, false), (7, true)].into_iter().collect();
        let text = serde_json::to_string(&rows).unwrap();
        assert_eq!(text, "[[1,2,true],[3,3,false],[7,7,true]]");
        assert_eq!(serde_json::from_str::<Rows>(&text).unwrap(), rows);
    }
}
