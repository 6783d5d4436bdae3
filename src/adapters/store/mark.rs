//! Marks, samples and tallies of them: what the ledger remembers beyond operations.

use sqlx::{Any, Transaction, query, query_as, query_scalar};

use super::{Core, dialect::unreadable, operation::to_json};
use crate::{
    domain::{moment::Moment, tier::Tally},
    ports::store::{Mark, MarkKind, MarkWrite, Sample, StoreError},
};

const SET: &str = "INSERT INTO mark (environment, kind, subject, at, body) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (environment, kind, subject) DO UPDATE SET at = excluded.at, body = excluded.body";
const NEW: &str = "INSERT INTO mark (environment, kind, subject, at, body) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (environment, kind, subject) DO NOTHING";
const DROP: &str = "DELETE FROM mark WHERE environment = $1 AND kind = $2 AND subject = $3";
const OF_KIND: &str = "SELECT body FROM mark WHERE environment = $1 AND kind = $2 ORDER BY at, subject";
const EVERYWHERE: &str = "SELECT body FROM mark WHERE kind = $1 ORDER BY environment, at, subject";
const ALL: &str = "SELECT body FROM mark WHERE environment = $1 ORDER BY at, kind, subject";
/// Two replicas may measure at once: one of the two values is enough.
const SAMPLE: &str = "INSERT INTO sample (environment, component, at, lag) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (environment, at, component) DO NOTHING";
const SAMPLES: &str =
    "SELECT component, at, lag FROM sample WHERE environment = $1 AND at >= $2 ORDER BY at, component";
const PRUNE: &str = "DELETE FROM sample WHERE at < $1";
const COUNT: &str = "INSERT INTO attainment (environment, component, day, looks, kept) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (environment, component, day) DO UPDATE SET \
    looks = attainment.looks + excluded.looks, kept = attainment.kept + excluded.kept";
const TALLIES: &str = "SELECT component, day, looks, kept FROM attainment WHERE environment = $1 AND day >= $2 \
    ORDER BY component, day";
const FORGET: &str = "DELETE FROM attainment WHERE day < $1";

impl Core {
    /// Changes marks in the order given by their keys, so that transactions lock them in one order.
    pub(super) async fn write_marks(
        &self,
        tx: &mut Transaction<'static, Any>,
        writes: &[MarkWrite],
    ) -> Result<(), StoreError> {
        let mut ordered: Vec<&MarkWrite> = writes.iter().collect();
        ordered.sort_by_key(|write| key(write));
        for write in ordered {
            let (environment, kind, subject) = key(write);
            let changed = match write {
                MarkWrite::Set(mark) | MarkWrite::New(mark) => {
                    query(if matches!(write, MarkWrite::Set(_)) { SET } else { NEW })
                        .bind(environment.to_owned())
                        .bind(kind.name())
                        .bind(subject.to_owned())
                        .bind(mark.at.0)
                        .bind(to_json(mark))
                        .execute(&mut **tx)
                        .await?
                }
                MarkWrite::Take { .. } | MarkWrite::Drop { .. } => {
                    let drop = query(DROP).bind(environment.to_owned()).bind(kind.name()).bind(subject.to_owned());
                    drop.execute(&mut **tx).await?
                }
            };
            let must = matches!(write, MarkWrite::New(_) | MarkWrite::Take { .. });
            if must && changed.rows_affected() == 0 {
                return Err(StoreError::Conflict);
            }
        }
        Ok(())
    }

    pub(super) async fn write_samples(
        &self,
        tx: &mut Transaction<'static, Any>,
        samples: &[Sample],
    ) -> Result<(), StoreError> {
        for sample in samples {
            query(SAMPLE)
                .bind(sample.environment.clone())
                .bind(sample.component.clone())
                .bind(sample.at.0)
                .bind(sample.lag.map(|lag| i64::try_from(lag).unwrap_or(i64::MAX)))
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    /// Counts looks, in the order of their keys, so that transactions lock rows in one order.
    pub(super) async fn write_tallies(
        &self,
        tx: &mut Transaction<'static, Any>,
        tallies: &[Tally],
    ) -> Result<(), StoreError> {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let mut ordered: Vec<&Tally> = tallies.iter().collect();
        ordered.sort_by_key(|tally| (&tally.environment, &tally.component, tally.day));
        for tally in ordered {
            query(COUNT)
                .bind(tally.environment.clone())
                .bind(tally.component.clone())
                .bind(tally.day)
                .bind(number(tally.looks))
                .bind(number(tally.kept))
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    pub(super) async fn tallies(&self, environment: &str, since: i64) -> Result<Vec<Tally>, StoreError> {
        let rows: Vec<(String, i64, i64, i64)> =
            query_as(TALLIES).bind(environment.to_owned()).bind(since).fetch_all(self.db.reader()).await?;
        let number = |count: i64| u64::try_from(count).unwrap_or(0);
        let tally = |(component, day, looks, kept)| Tally {
            environment: environment.to_owned(),
            component,
            day,
            looks: number(looks),
            kept: number(kept),
        };
        Ok(rows.into_iter().map(tally).collect())
    }

    pub(super) async fn marks(&self, environment: &str, kind: Option<MarkKind>) -> Result<Vec<Mark>, StoreError> {
        let read = query_scalar::<_, String>(if kind.is_some() { OF_KIND } else { ALL }).bind(environment.to_owned());
        let read = match kind {
            Some(kind) => read.bind(kind.name()),
            None => read,
        };
        let rows = read.fetch_all(self.db.reader()).await?;
        rows.iter().map(|row| serde_json::from_str(row).map_err(|e| unreadable("a mark", &e))).collect()
    }

    pub(super) async fn marks_of(&self, kind: MarkKind) -> Result<Vec<Mark>, StoreError> {
        let rows: Vec<String> = query_scalar(EVERYWHERE).bind(kind.name()).fetch_all(self.db.reader()).await?;
        rows.iter().map(|row| serde_json::from_str(row).map_err(|e| unreadable("a mark", &e))).collect()
    }

    pub(super) async fn samples(&self, environment: &str, since: Moment) -> Result<Vec<Sample>, StoreError> {
        let rows: Vec<(String, i64, Option<i64>)> =
            query_as(SAMPLES).bind(environment.to_owned()).bind(since.0).fetch_all(self.db.reader()).await?;
        let sample = |(component, at, lag): (String, i64, Option<i64>)| Sample {
            environment: environment.to_owned(),
            component,
            at: Moment(at),
            lag: lag.and_then(|lag| u64::try_from(lag).ok()),
        };
        Ok(rows.into_iter().map(sample).collect())
    }

    /// Deletes samples from before that moment, and counts of days before that day.
    pub(super) async fn prune_samples(&self, before: Moment, day: i64) -> Result<u64, StoreError> {
        let mut tx = self.db.begin().await?;
        let samples = query(PRUNE).bind(before.0).execute(&mut **tx).await?.rows_affected();
        let deleted = samples + query(FORGET).bind(day).execute(&mut **tx).await?.rows_affected();
        tx.commit().await?;
        Ok(deleted)
    }
}

fn key(write: &MarkWrite) -> (&str, MarkKind, &str) {
    match write {
        MarkWrite::Set(mark) | MarkWrite::New(mark) => (&mark.environment, mark.kind, &mark.subject),
        MarkWrite::Take { environment, kind, subject } | MarkWrite::Drop { environment, kind, subject } => {
            (environment, *kind, subject)
        }
    }
}
