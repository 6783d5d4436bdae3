//! Requests, made durable before they are answered. Whoever calls at the same time shares one transaction (group commit),
//! so that durability costs one sync for many.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use sqlx::{Any, AssertSqlSafe, Transaction, query, query_scalar};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{
    Core,
    bulk::{Bulk, prepared},
    dialect::{unavailable, unreadable},
    operation::to_json,
};
use crate::domain::moment::Moment;
use crate::ports::store::{Accepted, AuditEntry, Request, StoreError};

/// Requests that may wait; whoever comes then waits with the request in hand.
const QUEUE: usize = 4096;
/// Requests of one transaction.
const BATCH: usize = 512;
/// Against other replicas, a transaction may have to be tried again.
const TRIES: usize = 5;

const INSERT: &str = "INSERT INTO inbox (id, at, body, answer, answered) VALUES";
const OPEN: &str = "SELECT body FROM inbox WHERE answered IS NULL AND at <= $1 ORDER BY at, id LIMIT $2";
const ANSWER: &str = "UPDATE inbox SET answer = $2, answered = $3 WHERE id = $1 AND answered IS NULL";
const PRUNE: &str =
    "DELETE FROM inbox WHERE id IN (SELECT id FROM inbox WHERE answered IS NOT NULL AND at < $1 LIMIT 500)";

/// Prepared texts of this file.
pub(super) struct Texts {
    insert: Bulk,
    known: Bulk,
}

impl Texts {
    pub(super) fn new() -> Texts {
        Texts {
            insert: Bulk::new(INSERT, 5, "ON CONFLICT (id) DO NOTHING"),
            known: Bulk::new("SELECT id FROM inbox WHERE id IN (VALUES", 1, ")"),
        }
    }
}

/// A request that waits to be stored, as text already.
pub(super) struct Waiting {
    id: String,
    at: Moment,
    body: String,
    answer: Option<String>,
    audit: Vec<String>,
}

impl Waiting {
    /// Serialised where the request arrives, not in the one task that writes.
    pub(super) fn new(request: Request, answer: Option<String>, audit: &[AuditEntry]) -> Waiting {
        let body = to_json(&request);
        let audit = audit.iter().map(AuditEntry::canonical).collect();
        Waiting { id: request.id, at: request.at, body, answer: answer.map(storable), audit }
    }
}

/// PostgreSQL's TEXT takes every character but NUL.
fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

type Reply = oneshot::Sender<Result<Accepted, StoreError>>;

/// Where requests are handed in.
pub(super) struct Intake {
    door: Mutex<Option<mpsc::Sender<(Waiting, Reply)>>>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Intake {
    /// Starts the task that writes.
    pub(super) fn start(core: Arc<Core>) -> Intake {
        let (door, queue) = mpsc::channel(QUEUE);
        Intake { door: Some(door).into(), task: Some(tokio::spawn(write(core, queue))).into() }
    }

    /// One that takes nothing.
    pub(super) fn closed() -> Intake {
        Intake { door: None.into(), task: None.into() }
    }

    /// Hands a request in and waits until it is durable.
    pub(super) async fn hand_in(&self, waiting: Waiting) -> Result<Accepted, StoreError> {
        let closed = || unavailable("it is closed");
        let door = self.door.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(closed)?;
        let (reply, answer) = oneshot::channel();
        door.send((waiting, reply)).await.map_err(|_| closed())?;
        drop(door);
        answer.await.map_err(|_| closed())?
    }

    /// Takes nothing any more, and ends once everything handed in is written.
    pub(super) async fn close(&self) {
        drop(self.door.lock().unwrap_or_else(PoisonError::into_inner).take());
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task
            && task.await.is_err()
        {
            tracing::error!("the task that stores requests ended abnormally");
        }
    }
}

impl Intake {
    /// Ends at once; whoever waits for an acknowledgement gets none.
    pub(super) fn abandon(&self) {
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

/// Stores whatever has queued up, again and again, until nobody can hand in any more.
async fn write(core: Arc<Core>, mut queue: mpsc::Receiver<(Waiting, Reply)>) {
    let mut received = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut received, BATCH).await > 0 {
        let begun = Instant::now();
        let (batch, replies): (Vec<Waiting>, Vec<Reply>) = received.drain(..).unzip();
        match core.store(&batch).await {
            Ok(accepted) => {
                metrics::histogram!("bbws_ledger_accept_batch").record(batch.len() as f64);
                metrics::histogram!("bbws_ledger_commit_seconds", "of" => "accept")
                    .record(begun.elapsed().as_secs_f64());
                // A caller that is gone needs no answer: its request is stored, and will be found unanswered.
                replies.into_iter().zip(accepted).for_each(|(reply, accepted)| drop(reply.send(Ok(accepted))));
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), requests = batch.len(), "requests could not be stored");
                let shared = Arc::new(error);
                replies.into_iter().for_each(|reply| {
                    drop(reply.send(Err(StoreError::Database(Box::new(Shared(Arc::clone(&shared)))))))
                });
            }
        }
    }
}

/// One failure told to many.
#[derive(Debug, thiserror::Error)]
#[error("{}", chain(&self.0))]
struct Shared(Arc<StoreError>);

fn chain(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl Core {
    /// Stores a batch; answers for each request whether it was new.
    async fn store(&self, batch: &[Waiting]) -> Result<Vec<Accepted>, StoreError> {
        let mut seen = HashSet::with_capacity(batch.len());
        let mut fresh: Vec<usize> = (0..batch.len()).filter(|i| seen.insert(batch[*i].id.as_str())).collect();
        for attempt in 0..TRIES {
            // Almost always all are new. Which are not is only asked when the count says that some are.
            if attempt > 0 {
                let known = self.known(batch, &fresh).await?;
                fresh.retain(|i| !known.contains(batch[*i].id.as_str()));
            }
            match self.try_store(batch, &fresh).await {
                Ok(true) => {
                    let mut accepted = vec![Accepted::Replay; batch.len()];
                    fresh.iter().for_each(|i| accepted[*i] = Accepted::New);
                    return Ok(accepted);
                }
                Ok(false) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(unavailable(format!(
            "storing requests was tried {TRIES} times, and other replicas came in between each time"
        )))
    }

    /// One transaction; `false` when one of the requests is known already and nothing was stored.
    async fn try_store(&self, batch: &[Waiting], fresh: &[usize]) -> Result<bool, StoreError> {
        if fresh.is_empty() {
            return Ok(true);
        }
        // Replicas insert in the same order, so that they wait for each other in a line and not in a circle.
        let mut rows: Vec<&Waiting> = fresh.iter().map(|i| &batch[*i]).collect();
        rows.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let mut tx = self.db.begin().await?;
        for (text, rows) in self.texts.inbox.insert.split(&rows) {
            let mut insert = prepared(text);
            for row in rows {
                let answered = row.answer.as_ref().map(|_| row.at.0);
                insert = insert.bind(&row.id).bind(row.at.0).bind(&row.body).bind(&row.answer).bind(answered);
            }
            if insert.execute(&mut *tx).await?.rows_affected() != rows.len() as u64 {
                tx.rollback().await?;
                return Ok(false);
            }
        }
        let entries: Vec<String> = fresh.iter().flat_map(|i| &batch[*i].audit).cloned().collect();
        self.append(&mut tx, &entries).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Which of these requests are stored already.
    async fn known(&self, batch: &[Waiting], of: &[usize]) -> Result<HashSet<String>, StoreError> {
        let mut known = HashSet::new();
        for (text, part) in self.texts.inbox.known.split(of) {
            let mut select = query_scalar::<_, String>(AssertSqlSafe(Arc::clone(text)));
            for i in part {
                select = select.bind(&batch[*i].id);
            }
            known.extend(select.fetch_all(self.db.reader()).await?);
        }
        Ok(known)
    }

    /// Notes what came of a request. One that is already dealt with is a conflict: nothing is ever done twice for it.
    pub(super) async fn answer(
        &self,
        tx: &mut Transaction<'static, Any>,
        request: &str,
        answer: &str,
    ) -> Result<(), StoreError> {
        let answer = query(ANSWER).bind(request).bind(storable(answer.to_owned())).bind(self.clock.now().0);
        match answer.execute(&mut **tx).await?.rows_affected() {
            0 => Err(StoreError::Conflict),
            _ => Ok(()),
        }
    }

    pub(super) async fn unanswered(&self, before: Moment, limit: u32) -> Result<Vec<Request>, StoreError> {
        let rows: Vec<String> =
            query_scalar(OPEN).bind(before.0).bind(i64::from(limit)).fetch_all(self.db.reader()).await?;
        rows.iter().map(|row| serde_json::from_str(row).map_err(|e| unreadable("a request", &e))).collect()
    }

    /// Deletes requests that were dealt with and arrived before `before`, a little at a time.
    pub(super) async fn prune_inbox(&self, before: Moment) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let mut tx = self.db.begin().await?;
            let some = query(PRUNE).bind(before.0).execute(&mut *tx).await?.rows_affected();
            tx.commit().await?;
            deleted += some;
            if some == 0 {
                return Ok(deleted);
            }
        }
    }
}
