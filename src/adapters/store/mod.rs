//! The ledger over SQLite or PostgreSQL: the same tables and the same SQL text for both.
//!
//! One file per concern; each holds its statements and adds its methods to [`Ledger`]. Transactions take their locks in one
//! order, so that they do not deadlock on PostgreSQL: operation, control, environment's lock, inbox, marks, outbox, head of the audit chain.

mod audit;
mod bulk;
mod claim;
mod connect;
mod control;
mod dialect;
mod inbox;
mod ledger;
mod mark;
mod operation;
mod outbox;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use self::{
    connect::Database,
    inbox::{Intake, Waiting},
};
use crate::domain::{
    moment::Moment,
    operation::{CardRef, OpId, Operation, Run},
};
use crate::ports::{
    clock::Clock,
    store::{
        Accepted, AuditEntry, Audited, Claim, Commit, Filter, Mark, MarkKind, Queued, Request, Sample, Stop, Store,
        StoreError,
    },
};

/// What can be chosen when a ledger is opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Let the [`Clock`] decide leases on PostgreSQL too, for tests in simulated time. In production the database's own
    /// clock decides, because the replicas' clocks differ.
    pub lease_clock_from_port: bool,
}

/// The ledger.
pub struct Ledger {
    core: Arc<Core>,
    intake: Intake,
}

/// What the ledger's methods and its background task share.
struct Core {
    db: Database,
    clock: Arc<dyn Clock>,
    options: Options,
    texts: Texts,
}

/// Statements whose text depends on the database or is put together from parts.
struct Texts {
    claim: claim::Texts,
    control: control::Texts,
    inbox: inbox::Texts,
    operation: operation::Texts,
    outbox: outbox::Texts,
    audit: audit::Texts,
}

impl Core {
    fn new(db: Database, clock: Arc<dyn Clock>, options: Options) -> Arc<Core> {
        let texts = Texts {
            claim: claim::Texts::new(db.dialect),
            control: control::Texts::new(db.dialect),
            inbox: inbox::Texts::new(),
            operation: operation::Texts::new(db.dialect),
            outbox: outbox::Texts::new(db.dialect),
            audit: audit::Texts::new(db.dialect),
        };
        Arc::new(Core { db, clock, options, texts })
    }

    /// What `{now:…}` is bound to: nothing where the database's clock decides.
    fn lease_now(&self) -> Option<i64> {
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
        let core = Core::new(Database::open(url).await?, clock, options);
        let intake = Intake::start(Arc::clone(&core));
        Ok(Ledger { core, intake })
    }

    /// Opens an existing database for reading, also while another process writes to it. Every write fails.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn open_readonly(url: &str, clock: Arc<dyn Clock>) -> Result<Ledger, StoreError> {
        let core = Core::new(Database::open_readonly(url).await?, clock, Options::default());
        Ok(Ledger { core, intake: Intake::closed() })
    }

    /// Writes what was handed in, then closes every connection. Calls made afterwards fail.
    pub async fn close(&self) {
        self.intake.close().await;
        self.core.db.close().await;
    }

    /// Deletes requests and notices that were dealt with and are older than `before`. Replays are told from new requests only
    /// as long as the request is kept: keep at least a day. Answers how many rows were deleted.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn prune(&self, before: Moment) -> Result<u64, StoreError> {
        // Charts go back a week.
        let charted = before.min(self.core.clock.now() - Duration::from_secs(9 * 86_400));
        let told = self.core.prune_inbox(before).await? + self.core.prune_outbox(before).await?;
        Ok(told + self.core.prune_samples(charted).await?)
    }
}

/// Without [`Ledger::close`], what was handed in and not yet acknowledged is let go, and other processes are let in at once.
impl Drop for Ledger {
    fn drop(&mut self) {
        self.intake.abandon();
        self.core.db.unlock();
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
        self.core.unanswered(before, limit).await
    }

    async fn next_id(&self, prefix: &str) -> Result<OpId, StoreError> {
        self.core.next_id(prefix).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.core.commit(&commit).await
    }

    async fn load(&self, id: &OpId) -> Result<Option<Run>, StoreError> {
        self.core.load(id).await
    }

    async fn list(&self, filter: &Filter) -> Result<Vec<Operation>, StoreError> {
        self.core.list(filter).await
    }

    async fn holder(&self, environment: &str) -> Result<Option<OpId>, StoreError> {
        self.core.holder(environment).await
    }

    async fn stops(&self) -> Result<Vec<Stop>, StoreError> {
        self.core.stops().await
    }

    async fn claim(&self, owner: &str, lease: Duration, limit: u32) -> Result<Vec<Claim>, StoreError> {
        self.core.claim(owner, lease, limit).await
    }

    async fn park(&self, claim: &Claim, version: i64, wake_at: Moment) -> Result<(), StoreError> {
        self.core.park(claim, version, wake_at).await
    }

    async fn next_wake(&self) -> Result<Option<Moment>, StoreError> {
        self.core.next_wake().await
    }

    async fn break_leases(&self) -> Result<(), StoreError> {
        self.core.break_leases().await
    }

    async fn outgoing(&self, hold: Duration, limit: u32) -> Result<Vec<Queued>, StoreError> {
        self.core.outgoing(hold, limit).await
    }

    async fn sent(&self, queued: &Queued, card: Option<(OpId, CardRef)>, again: Moment) -> Result<(), StoreError> {
        self.core.sent(queued, card, again).await
    }

    async fn defer(&self, queued: &Queued, at: Moment, uncertain: bool) -> Result<(), StoreError> {
        self.core.defer(queued, at, uncertain).await
    }

    async fn next_notice(&self) -> Result<Option<Moment>, StoreError> {
        self.core.next_notice().await
    }

    async fn audit(&self, after: i64, limit: u32) -> Result<Vec<Audited>, StoreError> {
        self.core.audit_after(after, limit).await
    }

    async fn marks(&self, environment: &str, kind: Option<MarkKind>) -> Result<Vec<Mark>, StoreError> {
        self.core.marks(environment, kind).await
    }

    async fn samples(&self, environment: &str, since: Moment) -> Result<Vec<Sample>, StoreError> {
        self.core.samples(environment, since).await
    }

    async fn durations(&self, kind: &str, resource: &str, limit: u32) -> Result<Vec<Duration>, StoreError> {
        self.core.durations(kind, resource, limit).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.core.ready().await
    }
}

/// A length of time as the database keeps it.
fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX / 8)
}
