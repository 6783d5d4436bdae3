//! What passes by in a dump, counted without keeping it: tables, rows, routines, triggers, events.

use std::collections::{BTreeMap, BTreeSet};

use super::{ArchiveError, pg_archive::PgArchive, sql_scan::SqlScan};
use crate::domain::environment::Engine;

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

/// Looks at a dump as it passes.
pub(super) enum Scan {
    Pg(Box<PgArchive>),
    Sql(Box<SqlScan>),
}

impl Scan {
    pub(super) fn new(engine: Engine) -> Scan {
        match engine {
            Engine::Postgres => Scan::Pg(Box::default()),
            Engine::Mysql | Engine::Mariadb => Scan::Sql(Box::default()),
        }
    }

    pub(super) fn see(&mut self, bytes: &[u8]) {
        match self {
            Scan::Pg(scan) => scan.see(bytes),
            Scan::Sql(scan) => scan.see(bytes),
        }
    }

    /// What it held, or why it is no complete dump.
    pub(super) fn finish(self) -> Result<Tally, String> {
        match self {
            Scan::Pg(scan) => scan.finish(),
            Scan::Sql(scan) => scan.finish(),
        }
    }
}

impl std::io::Write for Scan {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.see(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// An archive that was read whole and yet is none.
pub(super) fn incomplete(why: &str) -> ArchiveError {
    ArchiveError::Damaged(format!("The archive holds no complete dump: {why}. Do not restore from it; dump again."))
}
