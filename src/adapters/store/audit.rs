//! The audit chain in the database: appending under the head's lock, reading, and checking it as a whole.

use std::sync::Arc;

use sqlx::{Any, AssertSqlSafe, Executor, Transaction, query, query_as};

use super::{
    Core, Ledger,
    bulk::{Bulk, prepared},
    dialect::Dialect,
};
use crate::domain::{
    audit::{AuditEntry, Audited, Broken, Head, Walk},
    moment::Moment,
};
use crate::ports::store::StoreError;

pub(super) const WHERE_IT_ENDS: &str = "SELECT seq, hash FROM audit_head WHERE id = 1";
const HEAD: &str = "SELECT seq, hash FROM audit_head WHERE id = 1{update}";
const AFTER: &str = "SELECT seq, body, previous, hash FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2";
const APPEND: &str = "INSERT INTO audit (seq, body, previous, hash) VALUES";
pub(super) const MOVE_HEAD: &str = "UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1";
/// Entries read at once while the chain is walked.
const PAGE: u32 = 500;

/// Prepared texts of this file.
pub(super) struct Texts {
    lock_head: Arc<str>,
    append: Bulk,
}

impl Texts {
    pub(super) fn new(dialect: Dialect) -> Texts {
        Texts { lock_head: dialect.text(HEAD), append: Bulk::new(APPEND, 4, "") }
    }
}

type Row = (i64, String, String, String);

impl Core {
    /// Chains entries, given as canonical JSON, after the last one.
    pub(super) async fn append(
        &self,
        tx: &mut Transaction<'static, Any>,
        entries: &[String],
    ) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let head = query_as::<_, (i64, String)>(AssertSqlSafe(Arc::clone(&self.texts.audit.lock_head)));
        let (seq, hash) = head.fetch_one(&mut **tx).await?;
        let mut head = Head { seq, hash };
        let rows: Vec<(&String, String, Head)> = entries
            .iter()
            .map(|entry| {
                let next = head.extend(entry);
                let previous = std::mem::replace(&mut head, next.clone());
                (entry, previous.hash, next)
            })
            .collect();
        for (text, rows) in self.texts.audit.append.split(&rows) {
            let mut insert = prepared(text);
            for (entry, previous, at) in rows {
                insert = insert.bind(at.seq).bind(*entry).bind(previous).bind(&at.hash);
            }
            insert.execute(&mut **tx).await?;
        }
        query(MOVE_HEAD).bind(head.seq).bind(head.hash).execute(&mut **tx).await?;
        Ok(())
    }

    pub(super) async fn head(&self) -> Result<Head, StoreError> {
        let (seq, hash) = query_as(WHERE_IT_ENDS).fetch_one(self.db.reader()).await?;
        Ok(Head { seq, hash })
    }

    pub(super) async fn audit_after(&self, after: i64, limit: u32) -> Result<Vec<Audited>, StoreError> {
        page(self.db.reader(), after, limit).await
    }
}

impl Core {
    async fn walk(&self, pins: Vec<Head>) -> Result<Result<Head, Broken>, StoreError> {
        let mut tx = self.db.snapshot().await?;
        let (seq, hash): (i64, String) = query_as(WHERE_IT_ENDS).fetch_one(&mut *tx).await?;
        let mut walk = Walk::with(pins);
        let mut last = 0;
        loop {
            let entries = page(&mut *tx, last, PAGE).await?;
            let Some(end) = entries.last() else { return Ok(walk.end(&Head { seq, hash })) };
            last = end.seq;
            for entry in &entries {
                if let Err(broken) = walk.step(entry) {
                    return Ok(Err(broken));
                }
            }
        }
    }
}

impl Ledger {
    /// Walks the whole chain as it is at one moment; answers where it ends, or the first thing that is wrong with it.
    ///
    /// # Errors
    /// [`StoreError::Database`]: nothing is known of the chain then.
    pub async fn verify_audit(&self) -> Result<Result<Head, Broken>, StoreError> {
        self.verify_audit_with(Vec::new()).await
    }

    /// The same, and compares with entries that are known from outside.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn verify_audit_with(&self, pins: Vec<Head>) -> Result<Result<Head, Broken>, StoreError> {
        self.work(move |core| async move { core.walk(pins).await }).await
    }
}

async fn page<'e>(from: impl Executor<'e, Database = Any>, after: i64, limit: u32) -> Result<Vec<Audited>, StoreError> {
    let rows: Vec<Row> = query_as(AFTER).bind(after).bind(i64::from(limit)).fetch_all(from).await?;
    Ok(rows.into_iter().map(entry).collect())
}

/// An entry whose text is not what we would have written keeps its place in the chain, as one that cannot be genuine:
/// it is the walk's business to name it.
fn entry((seq, body, previous, hash): Row) -> Audited {
    let entry = match serde_json::from_str::<AuditEntry>(&body) {
        Ok(entry) if entry.canonical() == body => entry,
        _ => AuditEntry {
            at: Moment(0),
            actor: String::new(),
            action: "unreadable".to_owned(),
            operation: None,
            detail: body.into(),
        },
    };
    Audited { seq, entry, previous, hash }
}
