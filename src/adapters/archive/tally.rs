//! What passes by in a dump, counted without keeping it: tables, rows, routines, triggers, events.

use std::collections::{BTreeMap, BTreeSet};

/// More names than this are counted, not kept.
pub(super) const NAMES: usize = 20_000;

/// Tables of a dump.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tables {
    /// How many.
    pub count: u64,
    /// Their names as `schema.table`, at most 20,000.
    pub names: Vec<String>,
}

impl Tables {
    pub(super) fn add(&mut self, name: String) {
        self.count += 1;
        if self.names.len() < NAMES {
            self.names.push(name);
        }
    }

    /// Whether every table is named.
    pub fn all_named(&self) -> bool {
        self.names.len() as u64 == self.count
    }
}

/// Kinds of things in a schema besides tables that a dump and a catalogue count alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// Views, materialised ones as well.
    View,
    /// Functions, procedures, aggregates.
    Routine,
    /// Triggers of tables.
    Trigger,
    /// Scheduled events.
    Event,
    /// Sequences.
    Sequence,
    /// Row-level security policies.
    Policy,
}

/// What a dump holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Tables.
    pub tables: Tables,
    /// MySQL and MariaDB: databases it makes.
    pub schemas: BTreeSet<String>,
    /// Rows by `schema.table`, of the tables that have any.
    pub rows: BTreeMap<String, u64>,
    /// How many of each other kind.
    pub others: BTreeMap<Counted, u64>,
    /// Bytes of the longest statement, which the server has to take when it is loaded. 0 for PostgreSQL, which copies rows.
    pub longest: u64,
}

impl Tally {
    pub(super) fn one_more(&mut self, kind: Counted) {
        *self.others.entry(kind).or_default() += 1;
    }

    pub(super) fn row_in(&mut self, table: &str, rows: u64) {
        if let Some(known) = self.rows.get_mut(table) {
            *known += rows;
        } else if self.rows.len() < NAMES && rows > 0 {
            self.rows.insert(table.to_owned(), rows);
        }
    }
}
