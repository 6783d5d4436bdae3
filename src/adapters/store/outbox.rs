//! The outbox: what is to be told, stored with the change it tells of, and handed out until it got through.

use std::{sync::Arc, time::Duration};

use sqlx::{Any, AssertSqlSafe, Transaction, query, query_as, query_scalar};

use super::{
    Core,
    dialect::{Dialect, unreadable},
    millis,
    operation::to_json,
};
use crate::domain::{
    moment::Moment,
    operation::{CardRef, OpId},
};
use crate::ports::store::{Notice, Queued, StoreError};

/// A card is drawn when it is sent, wherever it is shown, so a second notice only raises the version. How long it has to wait stays as it was, and
/// so does since when it waits, unless everything was told already.
const PUT_CARD: &str = "INSERT INTO outbox (id, op_id, replies, body, version, not_before, created, place) \
    VALUES ($1, $2, 0, $3, 1, $4, $4, $5) ON CONFLICT (id) DO UPDATE SET version = outbox.version + 1, \
    created = CASE WHEN outbox.sent < outbox.version THEN outbox.created ELSE excluded.created END";
const PUT_ONCE: &str = "INSERT INTO outbox (id, op_id, replies, body, version, not_before, created, place) \
    VALUES ($1, $2, $6, $3, 1, $4, $4, $5) ON CONFLICT (id) DO NOTHING";
/// A reply is not due before its thread exists. The answer's `doubt` counts this attempt, too.
const TAKE: &str = "WITH due AS MATERIALIZED (SELECT id FROM outbox WHERE sent < version AND not_before <= $1 \
        AND (replies = 0 OR EXISTS (SELECT 1 FROM op WHERE op.id = outbox.op_id AND op.card_ts IS NOT NULL)) \
        ORDER BY not_before, created, place LIMIT $2{skip}) \
    UPDATE outbox SET doubt = doubt + 1, attempts = attempts + 1, not_before = $3 \
    WHERE id IN (SELECT id FROM due) RETURNING id, body, version, doubt, attempts, created, place";
/// What was added meanwhile waits from now on.
const SENT: &str = "UPDATE outbox SET sent = $2, doubt = 0, attempts = 0, not_before = $3, created = $3 \
    WHERE id = $1 AND sent < $2";
/// Only the last attempt may plan the next one.
const DEFER: &str = "UPDATE outbox SET not_before = $2, doubt = $3 WHERE id = $1 AND sent < version AND attempts = $4";
/// What was taken and not told to have got through.
const FREE: &str = "UPDATE outbox SET not_before = $1 WHERE sent < version AND doubt > 0 AND not_before > $1";
const NEXT: &str = "SELECT MIN(not_before) FROM outbox WHERE sent < version \
    AND (replies = 0 OR EXISTS (SELECT 1 FROM op WHERE op.id = outbox.op_id AND op.card_ts IS NOT NULL))";
const UNSENT: &str = "SELECT COUNT(*) FROM outbox WHERE sent < version";
const CARD: &str = "UPDATE op SET card_channel = $2, card_ts = $3 WHERE id = $1";
const PRUNE: &str = "DELETE FROM outbox WHERE id IN \
    (SELECT id FROM outbox WHERE sent >= version AND created < $1 AND id NOT LIKE 'card:%' LIMIT 500)";

/// What a process had on the wire when it died has arrived after this long, and is found instead of sent again.
const ON_THE_WIRE: Duration = Duration::from_secs(2);

/// Notices of one commit keep their order below those of the next version of the same operation.
const PLACES_PER_VERSION: i64 = 1000;

/// Prepared texts of this file.
pub(super) struct Texts {
    take: Arc<str>,
}

impl Texts {
    pub(super) fn new(dialect: Dialect) -> Texts {
        Texts { take: dialect.text(TAKE) }
    }
}

type Taken = (String, String, i64, i64, i64, i64, i64);

impl Core {
    pub(super) async fn unsent(&self) -> Result<u64, StoreError> {
        let unsent: i64 = query_scalar(UNSENT).fetch_one(self.db.reader()).await?;
        Ok(u64::try_from(unsent).unwrap_or(0))
    }

    /// Stores notices with the operation's new version.
    pub(super) async fn enqueue(
        &self,
        tx: &mut Transaction<'static, Any>,
        notices: &[Notice],
        version: i64,
    ) -> Result<(), StoreError> {
        let now = self.clock.now().0;
        let mut keyed: Vec<(String, i64, &Notice)> =
            (version * PLACES_PER_VERSION..).zip(notices).map(|(place, notice)| (key(notice), place, notice)).collect();
        // Rows are locked in one order by everybody.
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        for (key, place, notice) in keyed {
            let (card, replies, op) = match notice {
                Notice::Card { operation } | Notice::Mirror { operation, .. } => (true, 0, Some(&operation.0)),
                Notice::Thread { operation, .. }
                | Notice::File { operation, .. }
                | Notice::Canvas { operation, .. } => (false, 1, Some(&operation.0)),
                Notice::Channel { .. }
                | Notice::Post { .. }
                | Notice::Whisper { .. }
                | Notice::Publish { .. }
                | Notice::Measure { .. } => (false, 0, None),
            };
            let put = query(if card { PUT_CARD } else { PUT_ONCE })
                .bind(key)
                .bind(op)
                .bind(to_json(notice))
                .bind(now)
                .bind(place);
            let put = if card { put } else { put.bind(replies) };
            put.execute(&mut **tx).await?;
        }
        Ok(())
    }

    pub(super) async fn outgoing(&self, hold: Duration, limit: u32) -> Result<Vec<Queued>, StoreError> {
        let now = self.clock.now();
        let take = query_as::<_, Taken>(AssertSqlSafe(Arc::clone(&self.texts.outbox.take)))
            .bind(now.0)
            .bind(i64::from(limit))
            .bind(now.0.saturating_add(millis(hold)));
        let mut tx = self.db.begin().await?;
        let mut taken = take.fetch_all(&mut **tx).await?;
        tx.commit().await?;
        taken.sort_by_key(|row| (row.5, row.6));
        taken.into_iter().map(queued).collect()
    }

    /// The operation is written before the notice, in the order of every other transaction.
    pub(super) async fn sent(
        &self,
        queued: &Queued,
        card: Option<(OpId, CardRef)>,
        again: Moment,
    ) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        if let Some((id, card)) = card {
            query(CARD).bind(id.0).bind(card.channel).bind(card.ts).execute(&mut **tx).await?;
        }
        query(SENT).bind(&queued.key).bind(queued.version).bind(again.0).execute(&mut **tx).await?;
        Ok(tx.commit().await?)
    }

    pub(super) async fn defer(&self, queued: &Queued, at: Moment, uncertain: bool) -> Result<(), StoreError> {
        let defer = query(DEFER).bind(&queued.key).bind(at.0).bind(i64::from(uncertain)).bind(queued.attempts + 1);
        let mut tx = self.db.begin().await?;
        defer.execute(&mut **tx).await?;
        Ok(tx.commit().await?)
    }

    pub(super) async fn next_notice(&self) -> Result<Option<Moment>, StoreError> {
        let next: Option<i64> = query_scalar(NEXT).fetch_one(self.db.reader()).await?;
        Ok(next.map(Moment))
    }

    /// Makes due what a process took and died over, instead of when its hold runs out.
    pub(super) async fn free_held(&self, tx: &mut Transaction<'static, Any>) -> Result<(), StoreError> {
        let soon = self.clock.now() + ON_THE_WIRE;
        query(FREE).bind(soon.0).execute(&mut **tx).await?;
        Ok(())
    }

    /// Deletes what was told before `before`, a little at a time; cards stay as long as their operations.
    pub(super) async fn prune_outbox(&self, before: Moment) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let mut tx = self.db.begin().await?;
            let some = query(PRUNE).bind(before.0).execute(&mut **tx).await?.rows_affected();
            tx.commit().await?;
            deleted += some;
            if some == 0 {
                return Ok(deleted);
            }
        }
    }
}

fn queued((key, body, version, doubt, attempts, created, _): Taken) -> Result<Queued, StoreError> {
    let notice = serde_json::from_str(&body).map_err(|e| unreadable(&format!("the notice {key}"), &e))?;
    Ok(Queued { key, notice, version, uncertain: doubt > 1, attempts: attempts - 1, created: Moment(created) })
}

/// The key under which a notice is stored, and so what counts as the same one. Every whisper is one of its own.
fn key(notice: &Notice) -> String {
    match notice {
        Notice::Card { operation } => format!("card:{operation}"),
        Notice::Mirror { operation, incident } => format!("mirror:{operation}:{incident}"),
        Notice::Thread { operation, key, .. } => format!("thread:{operation}:{key}"),
        Notice::File { operation, file } => format!("file:{operation}:{}", file.name),
        Notice::Canvas { operation, .. } => format!("canvas:{operation}"),
        Notice::Channel { environment, key, .. } => format!("channel:{environment}:{key}"),
        Notice::Post { channel, key, .. } => format!("post:{channel}:{key}"),
        Notice::Whisper { .. } => format!("whisper:{:032x}", rand::random::<u128>()),
        Notice::Publish { key, .. } => format!("sns:{key}"),
        Notice::Measure { environment, key, .. } => format!("metric:{environment}:{key}"),
    }
}
