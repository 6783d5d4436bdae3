//! The ledger over SQLite or PostgreSQL: the same tables and the same SQL text for both.
//!
//! One file per concern; each holds its statements and adds its methods to [`Ledger`]. Transactions take their locks in one
//! order, so that they do not deadlock on PostgreSQL: numbers, operation, control, environment's lock, inbox, marks, due times, outbox, head of the audit chain.
//!
//! Everything is carried out by tasks of the ledger's own (`apart`), never in the caller's future: that one may be dropped at
//! any moment (a client of the web server that goes away drops its handler), and a transaction has to come to its end.
//! Everything is written inside a transaction, and no transaction inside another.

mod audit;
mod bulk;
mod checkpoint;
mod claim;
mod connect;
mod control;
pub mod copy;
mod dialect;
mod due;
mod inbox;
mod incarnation;
mod ledger;
mod mark;
mod native;
mod operation;
mod outbox;
mod place;
mod tables;
mod waiting;

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use tracing::Instrument as _;

use self::{
    connect::Database,
    dialect::unavailable,
    inbox::Intake,
    native::{Readers, Writer},
    place::Place,
    waiting::Waiting,
};
use crate::domain::{
    moment::Moment,
    operation::{CardRef, OpId, Operation, Run},
    tier::{self, Tally},
};
use crate::ports::{
    clock::Clock,
    store::{
        Accepted, AuditEntry, Audited, Claim, Commit, Dues, Filter, Head, Incarnation, Mark, MarkKind, Queued, Request,
        Sample, Stop, Store, StoreError,
    },
};

/// How long a readiness check waits for the database.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// What can be chosen when a ledger is opened.
#[derive(Clone, Default)]
pub struct Options {
    /// Let the [`Clock`] decide leases on PostgreSQL too, for tests in simulated time. In production the database's own
    /// clock decides, because the replicas' clocks differ.
    pub lease_clock_from_port: bool,
    /// The clock that decides leases on SQLite, where it is not the ledger's own: a lease is about this machine's time, at
    /// whatever speed the ledger's runs.
    pub lease_clock: Option<Arc<dyn Clock>>,
}

/// The ledger.
pub struct Ledger {
    core: Arc<Core>,
    intake: Intake,
}

/// What the ledger's methods and its background task share.
struct Core {
    db: Database,
    /// For a file.
    readers: Option<Readers>,
    clock: Arc<dyn Clock>,
    options: Options,
    texts: Texts,
}

/// Statements whose text depends on the database or is put together from parts.
struct Texts {
    claim: claim::Texts,
    due: due::Texts,
    control: control::Texts,
    inbox: inbox::Texts,
    operation: operation::Texts,
    outbox: outbox::Texts,
    audit: audit::Texts,
}

impl Core {
    fn new(db: Database, readers: Option<Readers>, clock: Arc<dyn Clock>, options: Options) -> Arc<Core> {
        let texts = Texts {
            claim: claim::Texts::new(db.dialect),
            due: due::Texts::new(db.dialect),
            control: control::Texts::new(db.dialect),
            inbox: inbox::Texts::new(),
            operation: operation::Texts::new(db.dialect),
            outbox: outbox::Texts::new(db.dialect),
            audit: audit::Texts::new(db.dialect),
        };
        Arc::new(Core { db, readers, clock, options, texts })
    }

    /// What `{now:…}` is bound to: nothing where the database's clock decides.
    fn lease_now(&self) -> Option<i64> {
        let port = self.db.dialect == dialect::Dialect::Sqlite || self.options.lease_clock_from_port;
        port.then(|| self.options.lease_clock.as_ref().unwrap_or(&self.clock).now().0)
    }

    /// The same for what is due by the calendar, which on SQLite is that of the ledger's own clock.
    fn calendar_now(&self) -> Option<i64> {
        let port = self.db.dialect == dialect::Dialect::Sqlite || self.options.lease_clock_from_port;
        port.then(|| self.clock.now().0)
    }
}

impl Ledger {
    /// Opens the database behind `url` (`sqlite://bbws.db`, `sqlite::memory:`, `postgres://…`), creates the file where it is
    /// missing, and brings the tables up to date. Must be called inside a Tokio runtime: requests are written by a task.
    ///
    /// # Errors
    /// [`StoreError::Database`], with a sentence as its source: another process has the file open, the URL is of no known kind, ….
    pub async fn open(url: &str, clock: Arc<dyn Clock>, options: Options) -> Result<Ledger, StoreError> {
        let db = Database::open(url).await?;
        let (readers, native) = match (Place::of(url)?, db.turn()) {
            (Place::File(path), Some(turn)) => {
                (Some(Readers::open(&path)?), Some(Writer::open(&path, Arc::clone(turn))?))
            }
            _ => (None, None),
        };
        let core = Core::new(db, readers, clock, options);
        let named = Arc::clone(&core);
        apart(async move { named.name_it().await }).await?;
        let intake = Intake::start(Arc::clone(&core), native)?;
        Ok(Ledger { core, intake })
    }

    /// Opens an existing database for reading, also while another process writes to it. Every write fails.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn open_readonly(url: &str, clock: Arc<dyn Clock>) -> Result<Ledger, StoreError> {
        let core = Core::new(Database::open_readonly(url).await?, None, clock, Options::default());
        Ok(Ledger { core, intake: Intake::closed() })
    }

    /// Writes what was handed in, then closes every connection. Calls made afterwards fail.
    pub async fn close(&self) {
        self.intake.close().await;
        let closed = self.work(|core| async move {
            if let Some(readers) = &core.readers {
                readers.close();
            }
            core.db.close().await;
            Ok(())
        });
        // It has no error of its own.
        let _ = closed.await;
    }

    /// Deletes requests and notices that were dealt with and are older than `before`. Replays are told from new requests only
    /// as long as the request is kept: keep at least a day. Answers how many rows were deleted.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn prune(&self, before: Moment) -> Result<u64, StoreError> {
        // Charts go back a week.
        let charted = before.min(self.core.clock.now() - Duration::from_secs(9 * 86_400));
        // A promise is judged by a month.
        let counted = tier::since(self.core.clock.now()) - 1;
        self.work(move |core| async move {
            let told = core.prune_inbox(before).await? + core.prune_outbox(before).await?;
            Ok(told + core.prune_samples(charted, counted).await?)
        })
        .await
    }

    /// Carries out work of the core in a task of its own.
    async fn work<T, W>(&self, work: impl FnOnce(Arc<Core>) -> W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        apart(work(Arc::clone(&self.core))).await
    }
}

/// Without [`Ledger::close`], what was handed in and not yet acknowledged is let go, and other processes are let in at once.
impl Drop for Ledger {
    fn drop(&mut self) {
        self.intake.abandon();
        self.core.db.unlock();
    }
}

/// Carries out work in a task of its own, which goes on when whoever waits for it is dropped: a transaction that was begun is
/// committed or undone, and its connection goes back in order.
async fn apart<T, W>(work: W) -> Result<T, StoreError>
where
    T: Send + 'static,
    W: Future<Output = Result<T, StoreError>> + Send + 'static,
{
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => done,
        Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
        Err(_) => Err(unavailable("the process is ending")),
    }
}

#[async_trait]
impl Store for Ledger {
    async fn accept(
        &self,
        request: Request,
        answer: Option<String>,
        audit: Vec<AuditEntry>,
    ) -> Result<Accepted, StoreError> {
        self.intake.hand_in(Waiting::new(request, answer, &audit)).await
    }

    async fn unanswered(&self, before: Moment, limit: u32) -> Result<Vec<Request>, StoreError> {
        self.work(move |core| async move { core.unanswered(before, limit).await }).await
    }

    async fn next_id(&self, prefix: &str) -> Result<OpId, StoreError> {
        let prefix = prefix.to_owned();
        self.work(move |core| async move { core.next_id(&prefix).await }).await
    }

    async fn numbers(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        self.work(|core| async move { core.numbers().await }).await
    }

    async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        self.work(|core| async move { core.incarnation().await }).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.work(move |core| async move { core.commit(&commit).await }).await
    }

    async fn load(&self, id: &OpId) -> Result<Option<Run>, StoreError> {
        let id = id.clone();
        self.work(move |core| async move { core.load(&id).await }).await
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Operation>, StoreError> {
        if let Some(listed) = self.core.list_directly(filter) {
            return listed;
        }
        let filter = filter.clone();
        self.work(move |core| async move { core.list(&filter).await }).await
    }

    async fn holder(&self, environment: &str) -> Result<Option<OpId>, StoreError> {
        let environment = environment.to_owned();
        self.work(move |core| async move { core.holder(&environment).await }).await
    }

    async fn stops(&self) -> Result<Vec<Stop>, StoreError> {
        if let Some(stops) = self.core.stops_directly() {
            return stops;
        }
        self.work(|core| async move { core.stops().await }).await
    }

    async fn claim(&self, owner: &str, lease: Duration, limit: u32) -> Result<Vec<Claim>, StoreError> {
        let owner = owner.to_owned();
        self.work(move |core| async move { core.claim(&owner, lease, limit).await }).await
    }

    async fn park(&self, claim: &Claim, version: i64, wake_at: Moment) -> Result<(), StoreError> {
        let claim = claim.clone();
        self.work(move |core| async move { core.park(&claim, version, wake_at).await }).await
    }

    async fn next_wake(&self) -> Result<Option<Moment>, StoreError> {
        self.work(|core| async move { core.next_wake().await }).await
    }

    async fn break_leases(&self) -> Result<(), StoreError> {
        self.work(|core| async move { core.break_leases().await }).await
    }

    async fn outgoing(&self, hold: Duration, limit: u32) -> Result<Vec<Queued>, StoreError> {
        self.work(move |core| async move { core.outgoing(hold, limit).await }).await
    }

    async fn sent(&self, queued: &Queued, card: Option<(OpId, CardRef)>, again: Moment) -> Result<(), StoreError> {
        let queued = queued.clone();
        self.work(move |core| async move { core.sent(&queued, card, again).await }).await
    }

    async fn defer(&self, queued: &Queued, at: Moment, uncertain: bool) -> Result<(), StoreError> {
        let queued = queued.clone();
        self.work(move |core| async move { core.defer(&queued, at, uncertain).await }).await
    }

    async fn next_notice(&self) -> Result<Option<Moment>, StoreError> {
        self.work(|core| async move { core.next_notice().await }).await
    }

    async fn audit(&self, after: i64, limit: u32) -> Result<Vec<Audited>, StoreError> {
        self.work(move |core| async move { core.audit_after(after, limit).await }).await
    }

    async fn head(&self) -> Result<Head, StoreError> {
        self.work(|core| async move { core.head().await }).await
    }

    async fn marks(&self, environment: &str, kind: Option<MarkKind>) -> Result<Vec<Mark>, StoreError> {
        let environment = environment.to_owned();
        self.work(move |core| async move { core.marks(&environment, kind).await }).await
    }

    async fn marks_of(&self, kind: MarkKind) -> Result<Vec<Mark>, StoreError> {
        self.work(move |core| async move { core.marks_of(kind).await }).await
    }

    async fn dues(&self, environment: Option<&str>) -> Result<Dues, StoreError> {
        let environment = environment.map(str::to_owned);
        self.work(move |core| async move { core.dues(environment.as_deref()).await }).await
    }

    async fn samples(&self, environment: &str, since: Moment) -> Result<Vec<Sample>, StoreError> {
        let environment = environment.to_owned();
        self.work(move |core| async move { core.samples(&environment, since).await }).await
    }

    async fn unsent(&self) -> Result<u64, StoreError> {
        self.work(|core| async move { core.unsent().await }).await
    }

    async fn tallies(&self, environment: &str, since: i64) -> Result<Vec<Tally>, StoreError> {
        let environment = environment.to_owned();
        self.work(move |core| async move { core.tallies(&environment, since).await }).await
    }

    async fn durations(&self, kind: &str, resource: &str, limit: u32) -> Result<Vec<Duration>, StoreError> {
        let (kind, resource) = (kind.to_owned(), resource.to_owned());
        self.work(move |core| async move { core.durations(&kind, &resource, limit).await }).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let pulse = self.work(|core| async move { core.pulse().await });
        let late = || match self.core.db.on_standby() {
            true => unavailable(dialect::STANDBY),
            false => unavailable(format!("the database did not take a write within {} s", READY_WITHIN.as_secs())),
        };
        tokio::time::timeout(READY_WITHIN, pulse).await.unwrap_or_else(|_| Err(late()))
    }
}

/// A length of time as the database keeps it.
fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX / 8)
}
