//! Claims: leases with fences, so that two runners never both write, and wake-ups, so that waiting costs nothing.

use std::{sync::Arc, time::Duration};

use sqlx::{AssertSqlSafe, query, query_as, query_scalar};

use super::{Core, bulk::prepared, dialect::Dialect, millis};
use crate::domain::{moment::Moment, operation::OpId};
use crate::ports::store::{Claim, StoreError};

// `wake_at < 2305843009213693951` is Moment::FAR_FUTURE spelled out, for the partial index `op_due`.
const CLAIM: &str = "WITH due AS MATERIALIZED (SELECT id FROM op \
        WHERE wake_at < 2305843009213693951 AND wake_at <= $1 AND lease_until <= {now:$2} ORDER BY wake_at, id LIMIT $3{skip}) \
    UPDATE op SET owner = $4, fence = fence + 1, lease_ms = $5, lease_until = {now:$2} + $5 \
    WHERE id IN (SELECT id FROM due) RETURNING id, fence";
/// Somebody else's write may have planned an earlier look; a look too early does no harm, one too late would.
const PARK: &str = "UPDATE op SET owner = NULL, lease_until = 0, \
        wake_at = CASE WHEN version = $4 OR wake_at > $5 THEN $5 ELSE wake_at END \
    WHERE id = $1 AND fence = $2 AND lease_until > {now:$3}";

/// Prepared texts of this file.
pub(super) struct Texts {
    claim: Arc<str>,
    park: Arc<str>,
}

impl Texts {
    pub(super) fn new(dialect: Dialect) -> Texts {
        Texts { claim: dialect.text(CLAIM), park: dialect.text(PARK) }
    }
}

impl Core {
    pub(super) async fn claim(&self, owner: &str, lease: Duration, limit: u32) -> Result<Vec<Claim>, StoreError> {
        let claim = query_as::<_, (String, i64)>(AssertSqlSafe(Arc::clone(&self.texts.claim.claim)))
            .bind(self.clock.now().0)
            .bind(self.lease_now())
            .bind(i64::from(limit))
            .bind(owner)
            .bind(millis(lease));
        let mut tx = self.db.begin().await?;
        let claimed = claim.fetch_all(&mut **tx).await?;
        tx.commit().await?;
        Ok(claimed.into_iter().map(|(id, fence)| Claim { id: OpId(id), fence, lease }).collect())
    }

    pub(super) async fn park(&self, claim: &Claim, version: i64, wake_at: Moment) -> Result<(), StoreError> {
        let park = prepared(&self.texts.claim.park)
            .bind(&claim.id.0)
            .bind(claim.fence)
            .bind(self.lease_now())
            .bind(version)
            .bind(wake_at.0);
        let mut tx = self.db.begin().await?;
        if park.execute(&mut **tx).await?.rows_affected() == 0 {
            return Err(StoreError::Fenced);
        }
        Ok(tx.commit().await?)
    }

    pub(super) async fn next_wake(&self) -> Result<Option<Moment>, StoreError> {
        const NEXT: &str = "SELECT MIN(CASE WHEN lease_until > wake_at THEN lease_until ELSE wake_at END) FROM op \
            WHERE wake_at < 2305843009213693951";
        let next: Option<i64> = query_scalar(NEXT).fetch_one(self.db.reader()).await?;
        Ok(next.map(Moment))
    }

    pub(super) async fn break_leases(&self) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        query("UPDATE op SET owner = NULL, lease_until = 0 WHERE lease_until > 0").execute(&mut **tx).await?;
        self.free_held(&mut tx).await?;
        Ok(tx.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statements_name_the_far_future() {
        assert!(CLAIM.contains(&format!("wake_at < {} ", Moment::FAR_FUTURE.0)));
    }
}
