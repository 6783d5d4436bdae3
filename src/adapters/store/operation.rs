//! Operations: their guarded writes with their steps and the environment's lock, and what is read of them.

use std::{sync::Arc, time::Duration};

use sqlx::{Any, AssertSqlSafe, Transaction, query, query_as, query_scalar};

use super::{
    Core,
    bulk::{Bulk, prepared},
    dialect::{Dialect, unreadable},
};
use crate::domain::{
    moment::Moment,
    operation::{CardRef, OpId, Operation, Run},
    step::{Step, StepState},
};
use crate::ports::store::{Filter, Guard, Lock, OpWrite, StoreError};

/// The first statement of every write of a runner: it renews the lease, or the run is not its own any more.
const RENEW: &str =
    "UPDATE op SET lease_until = {now:$3} + lease_ms WHERE id = $1 AND fence = $2 AND lease_until > {now:$3}";
const INSERT: &str = "INSERT INTO op (id, environment, state, version, created, wake_at, body) \
    VALUES ($1, $2, $3, 1, $4, $5, $6) ON CONFLICT (id) DO NOTHING";
const UPDATE: &str = "UPDATE op SET environment = $3, state = $4, wake_at = $5, body = $6, version = version + 1 \
    WHERE id = $1 AND version = $2";
const STEPS: &str = "INSERT INTO step (op_id, idx, kind, resource, ended, took, body) VALUES";
const STEPS_KNOWN: &str = "ON CONFLICT (op_id, idx) DO UPDATE SET kind = excluded.kind, resource = excluded.resource, \
    ended = excluded.ended, took = excluded.took, body = excluded.body";
/// Header and steps in one statement, so that both are of the same version.
const LOAD: &str = "SELECT CAST(-1 AS BIGINT) AS idx, version, wake_at, card_channel, card_ts, body FROM op WHERE id = $1 \
    UNION ALL SELECT idx, 0, 0, NULL, NULL, body FROM step WHERE op_id = $1 ORDER BY 1";
const HOLDER: &str = "SELECT op_id FROM env_lock WHERE environment = $1";

/// A list of no more operations than this is read where it is asked for: what one answer shows.
const SHORT: u32 = 64;

/// Prepared texts of this file.
pub(super) struct Texts {
    renew: Arc<str>,
    steps: Bulk,
}

impl Texts {
    pub(super) fn new(dialect: Dialect) -> Texts {
        Texts { renew: dialect.text(RENEW), steps: Bulk::new(STEPS, 7, STEPS_KNOWN) }
    }
}

impl Core {
    /// Writes header and steps under their guard; answers the new version.
    pub(super) async fn write_operation(
        &self,
        tx: &mut Transaction<'static, Any>,
        write: &OpWrite,
    ) -> Result<i64, StoreError> {
        let version = match &write.guard {
            Guard::New => self.insert_header(tx, &write.op).await?,
            Guard::Version(version) => update_header(tx, &write.op, *version).await?,
            Guard::Runner { fence, version, intent } => {
                let renewed =
                    prepared(&self.texts.operation.renew).bind(&write.op.id.0).bind(*fence).bind(self.lease_now());
                if renewed.execute(&mut **tx).await?.rows_affected() == 0 {
                    return Err(StoreError::Fenced);
                }
                let version = update_header(tx, &write.op, *version).await?;
                if *intent {
                    self.refuse_if_stopped(tx, write.op.environment()).await?;
                }
                version
            }
        };
        self.write_steps(tx, write).await?;
        Ok(version)
    }

    async fn insert_header(&self, tx: &mut Transaction<'static, Any>, op: &Operation) -> Result<i64, StoreError> {
        let insert = query(INSERT)
            .bind(&op.id.0)
            .bind(op.environment())
            .bind(op.state.name())
            .bind(op.created.0)
            .bind(op.wake_at.0)
            .bind(to_json(op));
        if insert.execute(&mut **tx).await?.rows_affected() == 0 {
            return Err(StoreError::Conflict);
        }
        Ok(1)
    }

    async fn write_steps(&self, tx: &mut Transaction<'static, Any>, write: &OpWrite) -> Result<(), StoreError> {
        if write.replace_steps {
            query("DELETE FROM step WHERE op_id = $1").bind(&write.op.id.0).execute(&mut **tx).await?;
        }
        for (text, steps) in self.texts.operation.steps.split(&write.steps) {
            let mut insert = prepared(text);
            for step in steps {
                let action = write.op.plan.steps.get(step.index).map(|spec| &spec.action);
                insert = insert
                    .bind(&write.op.id.0)
                    .bind(i64::try_from(step.index).unwrap_or(i64::MAX))
                    .bind(action.map_or("", |a| a.kind()))
                    .bind(action.map_or("", |a| a.resource()))
                    .bind(step.ended.map(|at| at.0))
                    .bind(took(step))
                    .bind(to_json(step));
            }
            insert.execute(&mut **tx).await?;
        }
        Ok(())
    }

    /// Takes or frees the environment's lock. Taking what the operation already holds is fine.
    pub(super) async fn change_lock(
        &self,
        tx: &mut Transaction<'static, Any>,
        write: &OpWrite,
    ) -> Result<(), StoreError> {
        let (environment, id) = (write.op.environment(), &write.op.id);
        match &write.lock {
            Lock::Keep => {}
            Lock::Free => {
                let free =
                    query("DELETE FROM env_lock WHERE environment = $1 AND op_id = $2").bind(environment).bind(&id.0);
                free.execute(&mut **tx).await?;
            }
            Lock::TakeFrom(holder) => {
                const PASS: &str = "UPDATE env_lock SET op_id = $2, at = $4 WHERE environment = $1 AND op_id = $3";
                let pass = query(PASS).bind(environment).bind(&id.0).bind(&holder.0).bind(self.clock.now().0);
                if pass.execute(&mut **tx).await?.rows_affected() == 0 {
                    return Err(StoreError::Conflict);
                }
            }
            Lock::Take => {
                const TAKE: &str = "INSERT INTO env_lock (environment, op_id, at) VALUES ($1, $2, $3) ON CONFLICT (environment) DO NOTHING";
                let take = query(TAKE).bind(environment).bind(&id.0).bind(self.clock.now().0);
                if take.execute(&mut **tx).await?.rows_affected() == 0 {
                    let holder: Option<String> =
                        query_scalar(HOLDER).bind(environment).fetch_optional(&mut **tx).await?;
                    match holder {
                        Some(holder) if holder == id.0 => {}
                        Some(holder) => return Err(StoreError::Locked(OpId(holder))),
                        // Freed between the two statements: the caller loads and tries again.
                        None => return Err(StoreError::Conflict),
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) async fn load(&self, id: &OpId) -> Result<Option<Run>, StoreError> {
        type Row = (i64, i64, i64, Option<String>, Option<String>, String);
        let mut rows = query_as::<_, Row>(LOAD).bind(&id.0).fetch_all(self.db.reader()).await?.into_iter();
        let Some((-1, version, wake_at, channel, ts, body)) = rows.next() else { return Ok(None) };
        let op = header(&body, wake_at, channel, ts)?;
        let steps = rows
            .map(|row| serde_json::from_str(&row.5).map_err(|e| unreadable(&format!("step {} of {id}", row.0), &e)))
            .collect::<Result<Vec<Step>, StoreError>>()?;
        Ok(Some(Run { op, steps, version }))
    }

    pub(super) async fn list(&self, filter: &Filter) -> Result<Vec<Operation>, StoreError> {
        let mut list = query_as::<_, Listed>(AssertSqlSafe(list_text(filter))).bind(i64::from(filter.limit));
        if let Some(environment) = &filter.environment {
            list = list.bind(environment);
        }
        for state in &filter.states {
            list = list.bind(state.name());
        }
        headers(list.fetch_all(self.db.reader()).await?)
    }

    /// The same, read on the spot; nothing where that is not possible or would take too long.
    pub(super) fn list_directly(&self, filter: &Filter) -> Option<Result<Vec<Operation>, StoreError>> {
        let readers = self.readers.as_ref().filter(|_| filter.limit <= SHORT)?;
        let names: Vec<&str> = filter.states.iter().map(|state| state.name()).collect();
        let environment = filter.environment.iter().map(|name| name as &dyn rusqlite::ToSql);
        let parameters: Vec<&dyn rusqlite::ToSql> = std::iter::once(&filter.limit as &dyn rusqlite::ToSql)
            .chain(environment)
            .chain(names.iter().map(|name| name as &dyn rusqlite::ToSql))
            .collect();
        let listed = readers.rows(&list_text(filter), parameters.as_slice(), |row| {
            Ok::<Listed, _>((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        Some(listed.and_then(headers))
    }

    pub(super) async fn holder(&self, environment: &str) -> Result<Option<OpId>, StoreError> {
        let holder: Option<String> = query_scalar(HOLDER).bind(environment).fetch_optional(self.db.reader()).await?;
        Ok(holder.map(OpId))
    }

    pub(super) async fn next_id(&self, prefix: &str) -> Result<OpId, StoreError> {
        const NEXT: &str = "INSERT INTO sequence (prefix, last) VALUES ($1, 1) \
            ON CONFLICT (prefix) DO UPDATE SET last = sequence.last + 1 RETURNING last";
        let mut tx = self.db.begin().await?;
        let number: i64 = query_scalar(NEXT).bind(prefix).fetch_one(&mut **tx).await?;
        tx.commit().await?;
        Ok(OpId(format!("{prefix}-{number}")))
    }

    pub(super) async fn durations(&self, kind: &str, resource: &str, limit: u32) -> Result<Vec<Duration>, StoreError> {
        const TOOK: &str =
            "SELECT took FROM step WHERE kind = $1 AND resource = $2 AND took IS NOT NULL ORDER BY ended DESC LIMIT $3";
        let took: Vec<i64> =
            query_scalar(TOOK).bind(kind).bind(resource).bind(i64::from(limit)).fetch_all(self.db.reader()).await?;
        Ok(took.into_iter().map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0))).collect())
    }
}

/// A row of a list.
type Listed = (String, i64, Option<String>, Option<String>);

fn headers(rows: Vec<Listed>) -> Result<Vec<Operation>, StoreError> {
    rows.into_iter().map(|(body, wake_at, channel, ts)| header(&body, wake_at, channel, ts)).collect()
}

/// The statement of a list: its limit is the first parameter.
fn list_text(filter: &Filter) -> String {
    let mut text = String::from("SELECT body, wake_at, card_channel, card_ts FROM op WHERE 0 = 0");
    let mut parameter = 1;
    if filter.environment.is_some() {
        parameter += 1;
        text.push_str(&format!(" AND environment = ${parameter}"));
    }
    if !filter.states.is_empty() {
        let marks: Vec<String> = (1..=filter.states.len()).map(|n| format!("${}", parameter + n)).collect();
        text.push_str(&format!(" AND state IN ({})", marks.join(", ")));
    }
    text.push_str(" ORDER BY created DESC, length(id) DESC, id DESC LIMIT $1");
    text
}

async fn update_header(tx: &mut Transaction<'static, Any>, op: &Operation, version: i64) -> Result<i64, StoreError> {
    let update = query(UPDATE)
        .bind(&op.id.0)
        .bind(version)
        .bind(op.environment())
        .bind(op.state.name())
        .bind(op.wake_at.0)
        .bind(to_json(op));
    if update.execute(&mut **tx).await?.rows_affected() == 0 {
        return Err(StoreError::Conflict);
    }
    Ok(version + 1)
}

/// How long a step took, in milliseconds, once it is done. That its region did not answer is nothing to expect next time.
fn took(step: &Step) -> Option<i64> {
    let (started, ended) = (step.started?, step.ended?);
    (step.state == StepState::Done).then(|| super::millis(ended.since(started).saturating_sub(step.stalled)))
}

/// The header as loaded: what commits do not own comes from columns.
fn header(body: &str, wake_at: i64, channel: Option<String>, ts: Option<String>) -> Result<Operation, StoreError> {
    let mut op: Operation = serde_json::from_str(body).map_err(|e| unreadable("an operation", &e))?;
    op.wake_at = Moment(wake_at);
    op.card = channel.zip(ts).map(|(channel, ts)| CardRef { channel, ts });
    Ok(op)
}

pub(super) fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("the ledger's records are plain data and always serialise")
}
