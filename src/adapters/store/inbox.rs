//! Requests, made durable before they are answered. Whoever calls at the same time shares one transaction (group commit),
//! so that durability costs one sync for many.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{Any, AssertSqlSafe, Transaction, query, query_scalar};
use tokio::sync::{mpsc, oneshot};

use super::{
    Core,
    bulk::{Bulk, prepared},
    dialect::{unavailable, unreadable},
    native::Writer,
    waiting::{Waiting, storable},
};
use crate::domain::moment::Moment;
use crate::ports::store::{Accepted, Request, StoreError};

/// Requests that may wait; whoever comes then waits with the request in hand.
const QUEUE: usize = 4096;
/// Requests of one transaction.
const BATCH: usize = 512;
/// How long is waited at the most for as many as came the time before: where many ask at once, one sync for all of them is worth more to
/// each than this. Whoever asks alone waits for nobody.
const GATHER: Duration = Duration::from_millis(2);
/// How long it is slept before it is looked again who came meanwhile.
const LOOK: Duration = Duration::from_micros(200);
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

type Reply = oneshot::Sender<Result<Accepted, StoreError>>;
type Handed = (Waiting, Reply);
/// What became of each request of a transaction.
type Outcomes = Vec<(Reply, Result<Accepted, StoreError>)>;

/// Where requests are handed in.
pub(super) struct Intake {
    door: Mutex<Option<mpsc::Sender<Handed>>>,
    /// Told when what writes has ended.
    ended: Mutex<Option<oneshot::Receiver<()>>>,
    abandoned: Arc<AtomicBool>,
}

impl Intake {
    /// Starts what writes: a thread of its own where the database can be written to directly, a task elsewhere.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(super) fn start(core: Arc<Core>, native: Option<Writer>) -> Result<Intake, StoreError> {
        let (door, queue) = mpsc::channel(QUEUE);
        let (end, ended) = oneshot::channel();
        let abandoned = Arc::new(AtomicBool::new(false));
        let queue = Queue { queue, abandoned: Arc::clone(&abandoned) };
        match native {
            Some(writer) => {
                let thread = std::thread::Builder::new().name("ledger".to_owned());
                let (tell, mut told) = mpsc::unbounded_channel();
                // A thread that wakes many tasks one by one pays for each; a task wakes its neighbours for next to nothing.
                tokio::spawn(async move {
                    while let Some(outcomes) = told.recv().await {
                        acknowledge(outcomes);
                    }
                });
                thread
                    .spawn(move || {
                        write_directly(writer, queue, &tell);
                        // Nobody listens where the ledger was dropped and not closed.
                        let _ = end.send(());
                    })
                    .map_err(|error| unavailable(format!("no thread can be started: {error}")))?;
            }
            None => drop(tokio::spawn(async move {
                write(core, queue).await;
                let _ = end.send(());
            })),
        }
        Ok(Intake { door: Some(door).into(), ended: Some(ended).into(), abandoned })
    }

    /// One that takes nothing.
    pub(super) fn closed() -> Intake {
        Intake { door: None.into(), ended: None.into(), abandoned: Arc::default() }
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
        self.shut();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(ended) = ended
            && ended.await.is_err()
        {
            tracing::error!("what stores requests ended abnormally");
        }
    }

    /// Ends at once; whoever waits for an acknowledgement gets none.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::SeqCst);
        self.shut();
    }

    fn shut(&self) {
        drop(self.door.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// What was handed in, in the order it came.
struct Queue {
    queue: mpsc::Receiver<Handed>,
    abandoned: Arc<AtomicBool>,
}

impl Queue {
    /// Whatever has queued up, after waiting for the first. Nothing once nobody can hand in any more.
    async fn batch(&mut self, batch: &mut Vec<Handed>) -> bool {
        self.queue.recv_many(batch, BATCH).await > 0 && !self.abandoned.load(Ordering::SeqCst)
    }

    /// The same, for a thread. `last` is how many there were the time before.
    fn batch_blocking(&mut self, batch: &mut Vec<Handed>, last: usize) -> bool {
        let came = self.queue.blocking_recv_many(batch, BATCH);
        let begun = Instant::now();
        while came > 0 && batch.len() < last && begun.elapsed() < GATHER {
            std::thread::sleep(LOOK);
            while batch.len() < BATCH
                && let Ok(one) = self.queue.try_recv()
            {
                batch.push(one);
            }
        }
        came > 0 && !self.abandoned.load(Ordering::SeqCst)
    }
}

/// Stores whatever has queued up, again and again.
async fn write(core: Arc<Core>, mut queue: Queue) {
    let mut handed = Vec::with_capacity(BATCH);
    while queue.batch(&mut handed).await {
        let begun = Instant::now();
        let (batch, replies): (Vec<Waiting>, Vec<Reply>) = handed.drain(..).unzip();
        let stored = core.store(&batch).await;
        acknowledge(outcomes(begun, replies, stored));
    }
}

/// The same, by a thread that owns its connection.
fn write_directly(mut writer: Writer, mut queue: Queue, tell: &mpsc::UnboundedSender<Outcomes>) {
    let (mut handed, mut last) = (Vec::with_capacity(BATCH), 0);
    while queue.batch_blocking(&mut handed, last) {
        last = handed.len();
        let begun = Instant::now();
        let (batch, replies): (Vec<Waiting>, Vec<Reply>) = handed.drain(..).unzip();
        let stored = writer.store(&batch);
        // Where nobody tells any more, the process is going down, and what was stored will be found unanswered.
        let _ = tell.send(outcomes(begun, replies, stored));
    }
}

/// What came of each request.
fn outcomes(begun: Instant, replies: Vec<Reply>, stored: Result<Vec<Accepted>, StoreError>) -> Outcomes {
    match stored {
        Ok(accepted) => {
            metrics::histogram!("bbws_ledger_accept_batch").record(replies.len() as f64);
            metrics::histogram!("bbws_ledger_commit_seconds", "of" => "accept").record(begun.elapsed().as_secs_f64());
            replies.into_iter().zip(accepted.into_iter().map(Ok)).collect()
        }
        Err(error) => {
            tracing::error!(error = %chain(&error), requests = replies.len(), "requests could not be stored");
            let shared = Arc::new(error);
            let failed = || Err(StoreError::Database(Box::new(Shared(Arc::clone(&shared)))));
            replies.into_iter().map(|reply| (reply, failed())).collect()
        }
    }
}

/// Tells everybody. A caller that is gone needs no answer: its request is stored, and will be found unanswered.
fn acknowledge(outcomes: Outcomes) {
    outcomes.into_iter().for_each(|(reply, outcome)| drop(reply.send(outcome)));
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
        let before: Vec<&str> = batch.iter().filter_map(Waiting::earlier).collect();
        let before = self.known(&before).await?;
        fresh.retain(|i| batch[*i].earlier().is_none_or(|id| !before.contains(id)));
        for attempt in 0..TRIES {
            // Almost always all are new. Which are not is only asked when the count says that some are.
            if attempt > 0 {
                let ids: Vec<&str> = fresh.iter().map(|i| batch[*i].id.as_str()).collect();
                let known = self.known(&ids).await?;
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
            if insert.execute(&mut **tx).await?.rows_affected() != rows.len() as u64 {
                tx.rollback().await?;
                return Ok(false);
            }
        }
        let entries: Vec<String> = fresh.iter().flat_map(|i| &batch[*i].audit).cloned().collect();
        self.append(&mut tx, &entries).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Which of these ids are stored already.
    async fn known(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
        let mut known = HashSet::new();
        for (text, part) in self.texts.inbox.known.split(ids) {
            let mut select = query_scalar::<_, String>(AssertSqlSafe(Arc::clone(text)));
            for id in part {
                select = select.bind((*id).to_owned());
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
            let some = query(PRUNE).bind(before.0).execute(&mut **tx).await?.rows_affected();
            tx.commit().await?;
            deleted += some;
            if some == 0 {
                return Ok(deleted);
            }
        }
    }
}
