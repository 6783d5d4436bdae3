//! When what starts by itself is due: each time is taken once, in the transaction of the run that it makes, by the clock of the
//! database.

use std::sync::Arc;

use sqlx::{Any, AssertSqlSafe, Transaction, query, query_as, query_scalar};

use super::{
    Core,
    bulk::prepared,
    dialect::{Dialect, unreadable},
    operation::to_json,
};
use crate::{
    domain::{moment::Moment, routine::Due},
    ports::store::{DueWrite, Dues, StoreError},
};

const NOW: &str = "SELECT CAST({now:$1} AS BIGINT)";
const OF_ALL: &str = "SELECT environment, routine, at, body FROM due ORDER BY at, environment, routine";
const OF_ONE: &str = "SELECT environment, routine, at, body FROM due WHERE environment = $1 ORDER BY at, routine";
const FIRST: &str = "INSERT INTO due (environment, routine, at, body) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (environment, routine) DO NOTHING";
const MOVE: &str = "UPDATE due SET at = $3, body = $4 WHERE environment = $1 AND routine = $2 AND at = $5";
const TAKE: &str =
    "UPDATE due SET at = $3, body = $4 WHERE environment = $1 AND routine = $2 AND at = $5 AND at <= {now:$6}";
const DROP: &str = "DELETE FROM due WHERE environment = $1 AND routine = $2 AND at = $3 AND NOT EXISTS \
    (SELECT 1 FROM mark WHERE mark.environment = due.environment AND mark.kind = 'routine' AND mark.subject = due.routine)";

/// Prepared texts of this file.
pub(super) struct Texts {
    now: Arc<str>,
    take: Arc<str>,
}

impl Texts {
    pub(super) fn new(dialect: Dialect) -> Texts {
        Texts { now: dialect.text(NOW), take: dialect.text(TAKE) }
    }
}

impl Core {
    pub(super) async fn dues(&self, environment: Option<&str>) -> Result<Dues, StoreError> {
        let now = query_scalar(AssertSqlSafe(Arc::clone(&self.texts.due.now))).bind(self.calendar_now());
        let now = Moment(now.fetch_one(self.db.reader()).await?);
        let read = query_as(if environment.is_some() { OF_ONE } else { OF_ALL });
        let read = match environment {
            Some(environment) => read.bind(environment.to_owned()),
            None => read,
        };
        let rows: Vec<(String, String, i64, String)> = read.fetch_all(self.db.reader()).await?;
        let due = |(environment, routine, at, body): (String, String, i64, String)| {
            let kept = serde_json::from_str(&body).map_err(|e| unreadable("a due time", &e))?;
            Ok(Due { environment, routine, at: Moment(at), kept })
        };
        Ok(Dues { now, all: rows.into_iter().map(due).collect::<Result<_, StoreError>>()? })
    }

    /// Changes due times in the order of their keys, so that transactions lock them in one order.
    pub(super) async fn write_dues(
        &self,
        tx: &mut Transaction<'static, Any>,
        writes: &[DueWrite],
    ) -> Result<(), StoreError> {
        let mut ordered: Vec<&DueWrite> = writes.iter().collect();
        ordered.sort_by_key(|write| key(write));
        for write in ordered {
            let (environment, routine) = key(write);
            let changed = match write {
                DueWrite::Plan { due, was } => {
                    let put = query(if was.is_some() { MOVE } else { FIRST })
                        .bind(environment.to_owned())
                        .bind(routine.to_owned())
                        .bind(due.at.0)
                        .bind(to_json(&due.kept));
                    match was {
                        Some(was) => put.bind(was.0).execute(&mut **tx).await?,
                        None => put.execute(&mut **tx).await?,
                    }
                }
                DueWrite::Take { due, was } => {
                    prepared(&self.texts.due.take)
                        .bind(environment.to_owned())
                        .bind(routine.to_owned())
                        .bind(due.at.0)
                        .bind(to_json(&due.kept))
                        .bind(was.0)
                        .bind(self.calendar_now())
                        .execute(&mut **tx)
                        .await?
                }
                DueWrite::Drop { was, .. } => {
                    let drop = query(DROP).bind(environment.to_owned()).bind(routine.to_owned()).bind(was.0);
                    drop.execute(&mut **tx).await?
                }
            };
            if !matches!(write, DueWrite::Drop { .. }) && changed.rows_affected() == 0 {
                return Err(StoreError::Conflict);
            }
        }
        Ok(())
    }
}

fn key(write: &DueWrite) -> (&str, &str) {
    match write {
        DueWrite::Plan { due, .. } | DueWrite::Take { due, .. } => (&due.environment, &due.routine),
        DueWrite::Drop { environment, routine, .. } => (environment, routine),
    }
}
