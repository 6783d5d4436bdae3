//! What every test of the ledger starts from: an empty ledger, a clock that stands still, and records to write.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bbws::{
    adapters::store::{Ledger, Options},
    domain::{
        moment::Moment,
        operation::{OpId, Operation, State},
        plan::Plan,
        principal::{PersonId, Principal},
        step::{self, Action, Step, StepSpec},
    },
    ports::{
        chat::Level,
        clock::Clock,
        store::{AuditEntry, Commit, Guard, Lock, Notice, OpWrite, Request, Store, StoreError},
    },
};
use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};

pub const START: Moment = Moment(1_795_000_000_000);
pub const LEASE: Duration = Duration::from_secs(30);

/// A clock that moves when told to.
pub struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Moment {
        Moment(self.0.load(Ordering::SeqCst))
    }
}

impl Hand {
    pub fn at(moment: Moment) -> Arc<Hand> {
        Arc::new(Hand(AtomicI64::new(moment.0)))
    }

    pub fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

pub struct Bed {
    pub ledger: Arc<Ledger>,
    pub clock: Arc<Hand>,
    pub url: String,
    pub directory: Option<tempfile::TempDir>,
}

impl Bed {
    pub async fn memory() -> Bed {
        Bed::on("sqlite::memory:".to_owned(), None).await
    }

    pub async fn file() -> Bed {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let url = format!("sqlite://{}/bbws.db", directory.path().display());
        Bed::on(url, Some(directory)).await
    }

    pub async fn postgres() -> Bed {
        Bed::on(crate::support::pg::database().await, None).await
    }

    async fn on(url: String, directory: Option<tempfile::TempDir>) -> Bed {
        let clock = Hand::at(START);
        let ledger = Arc::new(open(&url, clock.clone()).await.expect("the ledger opens"));
        Bed { ledger, clock, url, directory }
    }

    /// Runs SQL past the ledger.
    pub async fn tamper(&self, sql: &str) {
        let mut connection = AnyConnection::connect(&self.url).await.expect("a second connection");
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect("the SQL is right");
        connection.close().await.expect("it closes");
    }

    /// Stores a new operation in this state, due now.
    pub async fn plant(&self, id: &str, environment: &str, state: State) -> Operation {
        let op = operation(id, environment, state, self.clock.now());
        self.ledger.commit(write(Guard::New, &op)).await.expect("a new operation is stored");
        op
    }

    pub async fn version(&self, op: &Operation) -> i64 {
        self.ledger.load(&op.id).await.expect("it loads").expect("it exists").version
    }
}

pub async fn open(url: &str, clock: Arc<Hand>) -> Result<Ledger, StoreError> {
    Ledger::open(url, clock, Options { lease_clock_from_port: true, ..Options::default() }).await
}

/// The refusal with all its causes.
pub fn sentence(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

pub fn operation(id: &str, environment: &str, state: State, now: Moment) -> Operation {
    let snapshot = |n: usize, after: Vec<usize>| StepSpec {
        title: format!("Snapshot database db-{n}"),
        after,
        kind_version: 1,
        action: Action::RdsSnapshot(step::RdsSnapshot {
            region: "af-south-1".into(),
            database: format!("db-{n}"),
            snapshot: format!("db-{n}-{id}"),
        }),
        always: false,
        back: false,
    };
    let plan = Plan {
        kind: "backup.create".into(),
        environment: environment.into(),
        scope: "rds".into(),
        tenant: None,
        account: "093646564004".into(),
        region: "af-south-1".into(),
        dr_region: None,
        retention_days: Some(30),
        facts: Vec::new(),
        notes: vec!["nothing is lost \u{2013} \"really\"".into()],
        steps: vec![snapshot(0, vec![]), snapshot(1, vec![0])],
    };
    Operation {
        id: OpId(id.into()),
        state,
        digest: plan.digest(),
        plan,
        revision: 0,
        needs: Vec::new(),
        requester: Principal { person: PersonId("W1".into()), user: "U0ALICE".into(), roles: vec!["operator".into()] },
        reason: Some("before the release".into()),
        channel: "C0PROD".into(),
        command: "/bbws backup create prod rds".into(),
        votes: Vec::new(),
        created: now,
        deadline: None,
        started: None,
        ended: None,
        estimate: Some(Duration::from_secs(600)),
        halt: None,
        outcome: None,
        card: None,
        wake_at: now,
        turned: None,
        by_schedule: None,
        incident: None,
        recovery: None,
    }
}

/// A commit that writes the header and nothing else.
pub fn write(guard: Guard, op: &Operation) -> Commit {
    let op = OpWrite { guard, op: op.clone(), steps: Vec::new(), replace_steps: false, lock: Lock::Keep };
    Commit { op: Some(op), ..Commit::default() }
}

pub fn with_steps(mut commit: Commit, steps: Vec<Step>) -> Commit {
    commit.op.as_mut().expect("it writes an operation").steps = steps;
    commit
}

pub fn with_lock(mut commit: Commit, lock: Lock) -> Commit {
    commit.op.as_mut().expect("it writes an operation").lock = lock;
    commit
}

pub fn entry(action: &str, detail: impl Into<serde_json::Value>) -> AuditEntry {
    AuditEntry { at: START, actor: "U0ALICE".into(), action: action.into(), operation: None, detail: detail.into() }
}

pub fn request(id: &str, at: Moment) -> Request {
    Request {
        id: id.into(),
        kind: "command".into(),
        user: "U0ALICE".into(),
        team: "T0BBWS".into(),
        channel: "C0PROD".into(),
        body: json!({"text": "backup create prod full", "odd": "nul \u{0} and \u{1F4A9}"}),
        at,
    }
}

pub fn card(op: &Operation) -> Notice {
    Notice::Card { operation: op.id.clone() }
}

pub fn thread(op: &Operation, key: &str) -> Notice {
    Notice::Thread {
        operation: op.id.clone(),
        key: key.into(),
        level: Level::Info,
        text: format!("told: {key}"),
        attachment: Default::default(),
    }
}

pub fn tell(notices: Vec<Notice>) -> Commit {
    Commit { notices, ..Commit::default() }
}
