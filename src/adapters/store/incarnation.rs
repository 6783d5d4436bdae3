//! The ledger's name, and the numbers it has given out.

use std::collections::BTreeMap;

use sqlx::{Any, Transaction, query, query_as, query_scalar};

use super::{Core, dialect::unreadable};
use crate::{
    domain::incarnation::Incarnation,
    ports::store::{Renewal, StoreError},
};

const NAME: &str = "SELECT name FROM incarnation ORDER BY seq DESC LIMIT 1";
/// Two replicas may name a ledger at the same time; one of them does.
const FIRST: &str =
    "INSERT INTO incarnation (seq, name, since, why) VALUES (1, $1, $2, 'first') ON CONFLICT (seq) DO NOTHING";
const NEXT: &str = "INSERT INTO incarnation (seq, name, since, why) \
    SELECT COALESCE(MAX(seq), 0) + 1, CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT) FROM incarnation";
const RAISE: &str = "INSERT INTO sequence (prefix, last) VALUES ($1, $2) \
    ON CONFLICT (prefix) DO UPDATE SET last = excluded.last WHERE sequence.last < excluded.last";

impl Core {
    /// Gives a ledger that has no name its first one: a new one, or one written by a build that knew no names.
    pub(super) async fn name_it(&self) -> Result<(), StoreError> {
        let named: Option<String> = query_scalar(NAME).fetch_optional(self.db.reader()).await?;
        if named.is_some() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        let name = Incarnation::of(rand::random());
        query(FIRST).bind(name.as_str()).bind(self.clock.now().0).execute(&mut **tx).await?;
        Ok(tx.commit().await?)
    }

    pub(super) async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        let name: String = query_scalar(NAME).fetch_one(self.db.reader()).await?;
        Incarnation::parse(&name).ok_or_else(|| unreadable("the ledger's name", &name))
    }

    pub(super) async fn numbers(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        let rows: Vec<(String, i64)> =
            query_as("SELECT prefix, last FROM sequence ORDER BY prefix").fetch_all(self.db.reader()).await?;
        Ok(rows.into_iter().collect())
    }

    pub(super) async fn renew(&self, tx: &mut Transaction<'static, Any>, renewal: &Renewal) -> Result<(), StoreError> {
        let mut raised = 0;
        for (prefix, last) in &renewal.given {
            raised += query(RAISE).bind(prefix).bind(*last).execute(&mut **tx).await?.rows_affected();
        }
        if raised == 0 {
            return Err(StoreError::Conflict);
        }
        self.rename(tx, &renewal.name, &renewal.why).await
    }

    /// From now on the ledger goes by this name.
    pub(super) async fn rename(
        &self,
        tx: &mut Transaction<'static, Any>,
        name: &Incarnation,
        why: &str,
    ) -> Result<(), StoreError> {
        query(NEXT).bind(name.as_str()).bind(self.clock.now().0).bind(why).execute(&mut **tx).await?;
        Ok(())
    }
}
