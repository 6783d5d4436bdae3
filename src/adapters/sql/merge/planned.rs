//! One table whose rows are merged by primary key: its names in the live schema, the staged one and the journal, and how many of its
//! rows differ.

use super::{
    super::link::Link,
    Tenant,
    fit::shared,
    layout::{Column, Table, Unique, texts},
    text::{counted, hash, joined, list, number, quoted},
};
use crate::domain::environment::Engine;

/// Runs of ids that are told of a table.
const RUNS: usize = 6;

/// A table whose rows are merged.
pub(super) struct Planned {
    pub(super) tenant: Tenant,
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) key: Vec<String>,
    /// Columns that are brought back.
    pub(super) shared: Vec<Column>,
    /// All columns of the live table that are written.
    pub(super) all: Vec<Column>,
    pub(super) live: String,
    pub(super) stage: String,
    /// Whether its primary key is one whole number.
    pub(super) numbered: bool,
    pub(super) uniques: Vec<Unique>,
}

impl Planned {
    pub(super) fn new(link: &Link, tenant: &Tenant, number: usize, name: &str, their: &Table, our: &Table) -> Planned {
        Planned {
            tenant: tenant.clone(),
            number,
            name: name.to_owned(),
            key: our.key.clone(),
            shared: shared(their, our),
            all: our.written().cloned().collect(),
            live: link.table(&tenant.schema, name),
            stage: link.table(&tenant.stage(), name),
            numbered: our.numbered(),
            uniques: our.uniques.clone(),
        }
    }

    /// A table of the journal that belongs to this one.
    pub(super) fn at(&self, link: &Link, what: &str) -> String {
        link.table(&self.tenant.journal(), &format!("{what}_{}", self.number))
    }

    /// `s.key = l.key`.
    pub(super) fn same(&self, link: &Link, one: &str, other: &str) -> String {
        joined(link, (one, &self.key), (other, &self.key))
    }

    pub(super) fn keys(&self, link: &Link, alias: &str) -> String {
        list(link, alias, &self.key)
    }

    pub(super) fn first(&self, link: &Link, alias: &str) -> String {
        list(link, alias, self.key.first())
    }

    pub(super) async fn rows(&self, link: &mut Link, what: &str) -> Result<u64, String> {
        let sql = format!("SELECT {} FROM {}", counted(link, "COUNT(*)"), self.at(link, what));
        number(link, &sql).await
    }

    pub(super) async fn staged(&self, link: &mut Link) -> Result<u64, String> {
        number(link, &format!("SELECT {} FROM {}", counted(link, "COUNT(*)"), self.stage)).await
    }

    pub(super) async fn vanished(&self, link: &mut Link) -> Result<u64, String> {
        let (count, on, first) = (counted(link, "COUNT(*)"), self.same(link, "l", "s"), self.first(link, "l"));
        let sql = format!(
            "SELECT {count} FROM {} AS s LEFT JOIN {} AS l ON {on} WHERE {first} IS NULL",
            self.stage, self.live
        );
        number(link, &sql).await
    }

    pub(super) async fn changed(&self, link: &mut Link) -> Result<u64, String> {
        let (count, on) = (counted(link, "COUNT(*)"), self.same(link, "l", "s"));
        let (theirs, ours) = (hash(link, "s", &self.shared), hash(link, "l", &self.shared));
        let sql =
            format!("SELECT {count} FROM {} AS s JOIN {} AS l ON {on} WHERE {theirs} <> {ours}", self.stage, self.live);
        number(link, &sql).await
    }

    pub(super) async fn came(&self, link: &mut Link) -> Result<u64, String> {
        let (count, on, first) = (counted(link, "COUNT(*)"), self.same(link, "l", "s"), self.first(link, "s"));
        let sql = format!(
            "SELECT {count} FROM {} AS l LEFT JOIN {} AS s ON {on} WHERE {first} IS NULL",
            self.live, self.stage
        );
        number(link, &sql).await
    }

    /// `1–40, 57`: ids of the rows that come back. What is no number may be a customer's.
    pub(super) async fn ids(&self, link: &mut Link) -> Option<String> {
        if !self.numbered {
            return None;
        }
        let key = self.first(link, "");
        let (whole, text) = match link.engine {
            Engine::Postgres => (format!("{key}::bigint"), "::text"),
            _ => (format!("CAST({key} AS SIGNED)"), ""),
        };
        let (low, high) = match link.engine {
            Engine::Postgres => (format!("MIN(i){text}"), format!("MAX(i){text}")),
            _ => ("CAST(MIN(i) AS CHAR)".to_owned(), "CAST(MAX(i) AS CHAR)".to_owned()),
        };
        let sql = format!(
            "SELECT {low}, {high} FROM (SELECT {whole} AS i, {whole} - ROW_NUMBER() OVER (ORDER BY {key}) AS run FROM {}) AS runs
             GROUP BY run ORDER BY MIN(i) LIMIT {}",
            self.at(link, "gone"),
            RUNS + 1
        );
        let runs = link.raw(&sql).await.ok()?;
        let mut told: Vec<String> = runs
            .into_iter()
            .filter_map(|row| {
                let [Some(low), Some(high)] = texts(row) else { return None };
                Some(if low == high { low } else { format!("{low}–{high}") })
            })
            .collect();
        if told.len() > RUNS {
            told.truncate(RUNS);
            told.push("…".to_owned());
        }
        (!told.is_empty()).then(|| told.join(", "))
    }

    /// Whether numbers are given out again that the backup has: what a TRUNCATE does.
    pub(super) async fn began_anew(&self, link: &mut Link) -> Result<bool, String> {
        if !self.numbered {
            return Ok(false);
        }
        let key = self.first(link, "");
        let highest =
            number(link, &format!("SELECT {} FROM {}", counted(link, &format!("COALESCE(MAX({key}), 0)")), self.stage))
                .await?;
        let (schema, table) = (quoted(link, &self.tenant.schema), quoted(link, &self.name));
        let next = match link.engine {
            Engine::Postgres => {
                let (live, column) = (quoted(link, &self.live), quoted(link, &self.key[0]));
                format!(
                    "SELECT coalesce(s.last_value, 0)::text FROM pg_sequences s WHERE format('%I.%I', s.schemaname, s.sequencename)::regclass = pg_get_serial_sequence({live}, {column})::regclass"
                )
            }
            _ => format!(
                "SELECT CAST(AUTO_INCREMENT - 1 AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {schema} AND TABLE_NAME = {table}"
            ),
        };
        let found = link.raw(&next).await?.into_iter().flatten().flatten().next();
        Ok(found.and_then(|at| at.parse::<u64>().ok()).is_some_and(|at| at < highest))
    }
}
