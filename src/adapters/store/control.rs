//! Stops: no intent commits after a stop has committed.
//!
//! Every scope has one permanent row. An intent holds a share lock on it until it commits; a stop updates it, so the two are
//! always one after the other, on PostgreSQL too.

use std::sync::Arc;

use sqlx::{Any, AssertSqlSafe, Transaction, query, query_scalar};

use super::{
    Core,
    dialect::{Dialect, unreadable},
    operation::to_json,
};
use crate::ports::store::{Stop, StoreError};

/// Scope of every environment.
const ALL: &str = "*";

const IN_FORCE: &str = "SELECT stop FROM control WHERE stop IS NOT NULL ORDER BY scope";

/// Prepared texts of this file.
pub(super) struct Texts {
    read: Arc<str>,
}

impl Texts {
    pub(super) fn new(dialect: Dialect) -> Texts {
        Texts { read: dialect.text("SELECT stop FROM control WHERE scope = $1{share}") }
    }
}

impl Core {
    /// Fails with [`StoreError::Halted`] when a stop is in force for the environment; otherwise none can commit before this does.
    pub(super) async fn refuse_if_stopped(
        &self,
        tx: &mut Transaction<'static, Any>,
        environment: &str,
    ) -> Result<(), StoreError> {
        let scopes = [Some(ALL), (environment != ALL).then_some(environment)];
        for scope in scopes.into_iter().flatten() {
            if let Some(stop) = self.control_row(tx, scope).await? {
                let stop = parse(&stop)?;
                return Err(StoreError::Halted { scope: stop.scope, by: stop.by, reason: stop.reason });
            }
        }
        Ok(())
    }

    /// Reads and share-locks a scope's row, making it where it is missing: there has to be one to lock.
    async fn control_row(&self, tx: &mut Transaction<'static, Any>, scope: &str) -> Result<Option<String>, StoreError> {
        let read = || {
            query_scalar::<_, Option<String>>(AssertSqlSafe(Arc::clone(&self.texts.control.read)))
                .bind(scope.to_owned())
        };
        if let Some(row) = read().fetch_optional(&mut **tx).await? {
            return Ok(row);
        }
        let insert =
            query("INSERT INTO control (scope, stop) VALUES ($1, NULL) ON CONFLICT (scope) DO NOTHING").bind(scope);
        insert.execute(&mut **tx).await?;
        Ok(read().fetch_one(&mut **tx).await?)
    }

    pub(super) async fn set_stop(&self, tx: &mut Transaction<'static, Any>, stop: &Stop) -> Result<(), StoreError> {
        const SET: &str =
            "INSERT INTO control (scope, stop) VALUES ($1, $2) ON CONFLICT (scope) DO UPDATE SET stop = excluded.stop";
        query(SET).bind(&stop.scope).bind(to_json(stop)).execute(&mut **tx).await?;
        Ok(())
    }

    pub(super) async fn lift_stop(&self, tx: &mut Transaction<'static, Any>, scope: &str) -> Result<(), StoreError> {
        query("UPDATE control SET stop = NULL WHERE scope = $1").bind(scope).execute(&mut **tx).await?;
        Ok(())
    }

    pub(super) async fn stops(&self) -> Result<Vec<Stop>, StoreError> {
        let rows: Vec<String> = query_scalar(IN_FORCE).fetch_all(self.db.reader()).await?;
        rows.iter().map(|row| parse(row)).collect()
    }

    /// The same, read on the spot where that is possible.
    pub(super) fn stops_directly(&self) -> Option<Result<Vec<Stop>, StoreError>> {
        let rows = self.readers.as_ref()?.rows(IN_FORCE, [], |row| row.get::<_, String>(0))?;
        Some(rows.and_then(|rows| rows.iter().map(|row| parse(row)).collect()))
    }
}

fn parse(row: &str) -> Result<Stop, StoreError> {
    serde_json::from_str(row).map_err(|e| unreadable("a stop", &e))
}
