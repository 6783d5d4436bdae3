//! The few words in which PostgreSQL and SQLite differ, and how their errors become the port's.

use std::sync::Arc;

use crate::ports::store::StoreError;

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// The statement with its markers filled in: `{now:$1}` the moment that decides leases (the parameter, or the database's
    /// clock where the parameter is null), `{share}`, `{update}` and `{skip}` row locks, which SQLite's one writer needs not.
    pub(super) fn text(self, sql: &str) -> Arc<str> {
        let sql = match self {
            Dialect::Sqlite => sql.replace("{share}", "").replace("{update}", "").replace("{skip}", ""),
            Dialect::Postgres => sql
                .replace("{share}", " FOR SHARE")
                .replace("{update}", " FOR UPDATE")
                .replace("{skip}", " FOR UPDATE SKIP LOCKED"),
        };
        let mut out = String::with_capacity(sql.len() + 80);
        let mut rest = sql.as_str();
        while let Some((before, after)) = rest.split_once("{now:") {
            let (parameter, after) = after.split_once('}').expect("a marker is closed");
            out.push_str(before);
            match self {
                Dialect::Sqlite => out.push_str(parameter),
                Dialect::Postgres => {
                    out.push_str(&format!(
                        "COALESCE({parameter}, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)"
                    ));
                }
            }
            rest = after;
        }
        out.push_str(rest);
        out.into()
    }

    /// How a transaction that writes begins. SQLite takes its write lock at once, so that nothing fails half-way.
    pub(super) fn begin_write(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        }
    }

    /// How a transaction begins whose reads all see the same state.
    pub(super) fn begin_snapshot(self) -> &'static str {
        match self {
            Dialect::Sqlite => "BEGIN",
            Dialect::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }
}

/// Why nothing can be written, when the database is not the one that takes writes.
pub(super) const STANDBY: &str = "DATABASE_URL leads to a standby, or to a database set to be read-only, which takes no writes; \
    bbws tries again by itself and goes on once the address leads to the primary. Promote the standby, or change the address";

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        let Some(told) = error.as_database_error() else { return StoreError::Database(Box::new(error)) };
        match told.code().as_deref() {
            // serialization_failure and deadlock_detected: the transaction is undone and may be tried again.
            Some("40001" | "40P01") => StoreError::Conflict,
            // read_only_sql_transaction. The pool closes the connection when it comes back.
            Some("25006") => unavailable(STANDBY),
            _ if told.is_unique_violation() => StoreError::Conflict,
            _ => StoreError::Database(Box::new(error)),
        }
    }
}

/// A failure in a sentence of our own.
pub(super) fn unavailable(sentence: impl Into<String>) -> StoreError {
    StoreError::Database(sentence.into().into())
}

/// Something in the ledger that cannot be read as what it should be.
pub(super) fn unreadable(what: &str, error: &dyn std::fmt::Display) -> StoreError {
    unavailable(format!("{what} in the ledger cannot be read ({error}); was it written by a newer version of bbws?"))
}
