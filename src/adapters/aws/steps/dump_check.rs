//! Before a dump becomes an object: does it hold what the server has, and is the server what it was when the dump began.
//!
//! A dump program ends well without the tables its login was not shown, without a column that was dropped meanwhile, and with
//! empty tables that are not empty. So what passed is held against the catalogue before the upload is completed.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    adapters::{
        archive::{ArchiveError, Counted, Part, PartPlan, PartSink, Tally, Written},
        sql::{Databases, Inventory, Others, Target},
    },
    domain::environment::Engine,
    ports::cloud::CloudError,
};

/// A table with fewer rows is not looked at: it may fill and empty at any time.
const FEW: u64 = 1000;
/// So many times as many rows as in the dump are another order of magnitude.
const MAGNITUDE: u64 = 10;
/// What MySQL and MariaDB take as one statement where nobody told them otherwise.
const STATEMENT: u64 = 16 << 20;
/// Names that are told.
const NAMED: usize = 3;

/// Nothing happened, and nothing will before somebody changes something.
pub(super) fn permanent(reason: impl Into<String>) -> CloudError {
    CloudError::Permanent { reason: reason.into() }
}

/// A sink that is completed only when what it was given is what the server has.
pub(super) struct Compared<S> {
    inner: S,
    databases: Arc<dyn Databases>,
    target: Target,
    schemas: Vec<String>,
    before: Inventory,
    notes: String,
}

impl<S: PartSink> Compared<S> {
    /// `before` is what the server had when the dump began.
    pub(super) fn new(
        inner: S,
        databases: Arc<dyn Databases>,
        target: Target,
        schemas: Vec<String>,
        before: Inventory,
    ) -> Compared<S> {
        let notes = notes(&before);
        Compared { inner, databases, target, schemas, before, notes }
    }

    /// What people have to know of the dump though it is good; begins with `; ` where there is anything.
    pub(super) fn notes(&self) -> String {
        self.notes.clone()
    }
}

#[async_trait]
impl<S: PartSink> PartSink for Compared<S> {
    fn plan(&self) -> PartPlan {
        self.inner.plan()
    }

    async fn put(&mut self, part: Part) -> Result<(), ArchiveError> {
        self.inner.put(part).await
    }

    async fn complete(&mut self, written: &Written) -> Result<(), ArchiveError> {
        compare(&*self.databases, &self.target, &self.schemas, &self.before, &written.held).await?;
        self.inner.complete(written).await
    }

    async fn abort(&mut self) {
        self.inner.abort().await;
    }
}

/// Holds what passed against what the server has, and what the server has against what it had.
async fn compare(
    databases: &dyn Databases,
    target: &Target,
    schemas: &[String],
    before: &Inventory,
    held: &Tally,
) -> Result<(), ArchiveError> {
    let after = databases.inventory(target, schemas).await.map_err(|why| {
        ArchiveError::Retryable(format!("Whether the dump holds everything is unknown: {why} It is dumped again."))
    })?;
    if let Some(change) = after.changed_since(before) {
        return Err(ArchiveError::Retryable(format!(
            "The schema was changed while it was dumped ({change}), so what the dump holds of it is uncertain. It is dumped again; keep migrations out of this time."
        )));
    }
    let missing = missing(before, held);
    if !missing.is_empty() {
        return Err(ArchiveError::Permanent(format!(
            "The dump lacks what the server has: {}. Nothing was stored. Look at the rights of the login, then dump again.",
            several(&missing)
        )));
    }
    let suspects: Vec<String> = suspects(before, held);
    let counted = databases.count_rows(target, &suspects).await.map_err(|why| {
        ArchiveError::Retryable(format!("Whether the dump holds all rows is unknown: {why} It is dumped again."))
    })?;
    let few = |(table, rows): (&String, &u64)| {
        let ours = held.rows.get(table).copied().unwrap_or(0);
        far_less(ours, *rows).then(|| format!("{table} has {rows} rows, the dump {ours}"))
    };
    let few: Vec<String> = counted.iter().filter_map(few).collect();
    if few.is_empty() {
        return Ok(());
    }
    Err(ArchiveError::Retryable(format!(
        "Most rows are missing in the dump: {}. Nothing was stored; it is dumped again. Should it stay so, look at the login's rights and at row-level security.",
        several(&few)
    )))
}

/// What a person has to know of a dump with a statement that a server does not take as it comes.
pub(super) fn long_statement(longest: u64) -> Option<String> {
    (longest > STATEMENT).then(|| {
        format!(
            "; a server needs max_allowed_packet = {}M to take its longest statement",
            longest.div_ceil(1 << 20) + 1
        )
    })
}

/// What the dump does not hold.
fn missing(before: &Inventory, held: &Tally) -> Vec<String> {
    let mut missing = Vec::new();
    if held.tables.all_named() {
        let names: std::collections::HashSet<&String> = held.tables.names.iter().collect();
        missing
            .extend(before.tables.keys().filter(|table| !names.contains(table)).map(|table| format!("table {table}")));
    } else if (before.tables.len() as u64) > held.tables.count {
        missing.push(format!("{} of {} tables", before.tables.len() as u64 - held.tables.count, before.tables.len()));
    }
    let Others { views, routines, triggers, events, sequences, policies } = before.others;
    for (kind, name, there) in [
        (Counted::View, "views", views),
        (Counted::Routine, "routines", routines),
        (Counted::Trigger, "triggers", triggers),
        (Counted::Event, "events", events),
        (Counted::Sequence, "sequences", sequences),
        (Counted::Policy, "policies", policies),
    ] {
        let here = held.others.get(&kind).copied().unwrap_or(0);
        if here < there {
            missing.push(format!("{} of {there} {name}", there - here));
        }
    }
    missing
}

/// Tables that had many more rows when the dump began, as far as statistics can tell; they are counted then.
fn suspects(before: &Inventory, held: &Tally) -> Vec<String> {
    let of = |(table, estimate): (&String, &Option<u64>)| {
        let ours = held.rows.get(table).copied().unwrap_or(0);
        estimate.map_or(ours == 0, |rows| far_less(ours, rows)).then(|| table.clone())
    };
    before.tables.iter().filter_map(of).collect()
}

fn far_less(ours: u64, theirs: u64) -> bool {
    theirs >= FEW && ours.saturating_mul(MAGNITUDE) < theirs
}

fn notes(before: &Inventory) -> String {
    let mut notes = Vec::new();
    if !before.floats.is_empty() && before.server.engine != Engine::Postgres {
        notes.push(format!("FLOAT keeps six digits in a dump: {}", several(&before.floats)));
    }
    notes.extend(before.doubts.iter().cloned());
    notes.iter().map(|note| format!("; {note}")).collect()
}

fn several(all: &[String]) -> String {
    let named = all[..all.len().min(NAMED)].join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
