//! Opening the database: its pools, its pragmas, its migrations, and which connections are fit for use.

use std::{
    fs::File,
    ops::{Deref, DerefMut},
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{
    Any, AnyConnection, AnyPool, Connection as _, Row as _, SqlStr, Transaction,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::{Migration, MigrationType, Migrator},
};
use tokio::sync::OwnedMutexGuard;

use super::{
    checkpoint::Checkpoints,
    dialect::{Dialect, STANDBY, unavailable},
    place::{Place, file_options, lock, options},
};
use crate::ports::store::StoreError;

/// In the order they were written. One that was released never changes: its checksum is in every database.
pub(super) static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let one = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, SqlStr::from_static(sql), false)
    };
    Migrator::with_migrations(vec![
        one(1, "ledger", include_str!("../../../migrations/0001_ledger.sql")),
        one(2, "marks", include_str!("../../../migrations/0002_marks.sql")),
        one(3, "incarnation", include_str!("../../../migrations/0003_incarnation.sql")),
        one(4, "due", include_str!("../../../migrations/0004_due.sql")),
        one(5, "attainment", include_str!("../../../migrations/0005_attainment.sql")),
    ])
});

/// WAL with a sync at every commit. A task folds the log back into the file; should it not get to it, the log may grow to
/// 64 MiB before whoever commits has to fold it.
pub(super) const SQLITE_WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 10000; \
    PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 16000; PRAGMA cache_size = -4000;";
pub(super) const SQLITE_READER: &str =
    "PRAGMA query_only = ON; PRAGMA busy_timeout = 10000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -1000;";
/// Nothing may wait for ever for a lock that a dead replica still holds.
const POSTGRES: &str =
    "SET lock_timeout = '10s'; SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '30s';";
const POSTGRES_READER: &str = "SET default_transaction_read_only = on;";

/// What a PostgreSQL connection is good for. Outside of a transaction a statement's transaction begins with the statement;
/// that holds in the simple protocol only, which sends one message.
const POSTGRES_STATE: &str = "SELECT CASE WHEN pg_is_in_recovery() THEN 'standby' \
    WHEN current_setting('transaction_read_only') = 'on' THEN 'standby' \
    WHEN now() <> statement_timestamp() THEN 'busy' ELSE 'fit' END";

const SQLITE_READERS: u32 = 3;
const POSTGRES_CONNECTIONS: u32 = 8;

/// The database, opened.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) dialect: Dialect,
    /// Where everything is written, always inside a transaction, but for requests in a file. A single connection for SQLite, so that
    /// writers queue up instead of failing.
    writer: AnyPool,
    reader: AnyPool,
    /// The last new connection led to a database that takes no writes.
    standby: Arc<AtomicBool>,
    checkpoints: Mutex<Option<Checkpoints>>,
    /// Held as long as the database is open.
    lock: Mutex<Option<File>>,
    /// Whose turn it is to write, where `native` writes too.
    turn: Option<Turn>,
}

/// Held by whoever writes to a file. SQLite would let the second writer ask again and again instead.
pub(super) type Turn = Arc<tokio::sync::Mutex<()>>;

/// A transaction that writes, and its turn.
pub(super) struct Write {
    transaction: Transaction<'static, Any>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Write {
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        let Write { transaction, turn } = self;
        let committed = transaction.commit().await;
        drop(turn);
        committed
    }

    pub(super) async fn rollback(self) -> Result<(), sqlx::Error> {
        let Write { transaction, turn } = self;
        let undone = transaction.rollback().await;
        drop(turn);
        undone
    }
}

impl Deref for Write {
    type Target = Transaction<'static, Any>;
    fn deref(&self) -> &Self::Target {
        &self.transaction
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.transaction
    }
}

impl Database {
    fn new(dialect: Dialect, writer: AnyPool, reader: AnyPool) -> Database {
        Database {
            dialect,
            writer,
            reader,
            standby: Arc::default(),
            checkpoints: Mutex::default(),
            lock: Mutex::default(),
            turn: None,
        }
    }

    /// Opens it for writing, creating and migrating it where needed.
    pub(super) async fn open(url: &str) -> Result<Database, StoreError> {
        sqlx::any::install_default_drivers();
        match Place::of(url)? {
            Place::Memory => {
                let writer = embedded(options("sqlite::memory:")?, 1, SQLITE_WRITER).await?;
                MIGRATIONS.run(&writer).await.map_err(migration)?;
                Ok(Database::new(Dialect::Sqlite, writer.clone(), writer))
            }
            Place::File(path) => {
                if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
                    std::fs::create_dir_all(parent)
                        .map_err(|e| unavailable(format!("{} cannot be created: {e}", parent.display())))?;
                }
                let lock = lock(&path)?;
                let writer = embedded(file_options(&path, "rwc")?, 1, SQLITE_WRITER).await?;
                MIGRATIONS.run(&writer).await.map_err(migration)?;
                let checkpoints = Checkpoints::start(&path).await?;
                let reader = embedded(file_options(&path, "rw")?, SQLITE_READERS, SQLITE_READER).await?;
                let opened = Database::new(Dialect::Sqlite, writer, reader);
                Ok(Database {
                    lock: Some(lock).into(),
                    checkpoints: Some(checkpoints).into(),
                    turn: Some(Turn::default()),
                    ..opened
                })
            }
            Place::Server => {
                let options = options(url)?;
                // On a connection of its own: waiting for another replica's migration has no time-out.
                let mut connection = AnyConnection::connect_with(&options).await?;
                if state(&mut connection).await? == "standby" {
                    return Err(unavailable(STANDBY));
                }
                MIGRATIONS.run(&mut connection).await.map_err(migration)?;
                connection.close().await?;
                let standby = Arc::default();
                let writer = server(options, POSTGRES_CONNECTIONS, Arc::clone(&standby)).await?;
                Ok(Database { standby, ..Database::new(Dialect::Postgres, writer.clone(), writer) })
            }
        }
    }

    /// Opens it for reading only, also while another process has it open for writing. It must exist already. A standby will do.
    pub(super) async fn open_readonly(url: &str) -> Result<Database, StoreError> {
        sqlx::any::install_default_drivers();
        let (dialect, reader) = match Place::of(url)? {
            Place::Memory => return Err(unavailable("a database in memory cannot be opened a second time")),
            Place::File(path) if !path.exists() => {
                return Err(unavailable(format!(
                    "there is no database at {}; set DATABASE_URL to the one bbws writes to",
                    path.display()
                )));
            }
            Place::File(path) => (Dialect::Sqlite, embedded(file_options(&path, "ro")?, 1, SQLITE_READER).await?),
            Place::Server => {
                let pool = limits(1).after_connect(|connection, _| {
                    Box::pin(async move {
                        sqlx::raw_sql(POSTGRES).execute(&mut *connection).await?;
                        sqlx::raw_sql(POSTGRES_READER).execute(connection).await.map(drop)
                    })
                });
                (Dialect::Postgres, pool.connect_with(options(url)?).await?)
            }
        };
        Ok(Database::new(dialect, reader.clone(), reader))
    }

    /// Begins a transaction that writes. There is no other way to write, but for requests, which `native` stores in its turn.
    pub(super) async fn begin(&self) -> Result<Write, StoreError> {
        let turn = match &self.turn {
            Some(turn) => Some(Arc::clone(turn).lock_owned().await),
            None => None,
        };
        let transaction = self.writer.begin_with(self.dialect.begin_write()).await.map_err(|error| self.why(error))?;
        Ok(Write { transaction, turn })
    }

    /// Whose turn it is to write, for a file.
    pub(super) fn turn(&self) -> Option<&Turn> {
        self.turn.as_ref()
    }

    /// Begins a transaction that reads one state of the database.
    pub(super) async fn snapshot(&self) -> Result<Transaction<'static, Any>, StoreError> {
        self.reader.begin_with(self.dialect.begin_snapshot()).await.map_err(|error| self.why(error))
    }

    /// Where single statements read.
    pub(super) fn reader(&self) -> &AnyPool {
        &self.reader
    }

    /// Whether the last new connection led to a database that takes no writes.
    pub(super) fn on_standby(&self) -> bool {
        self.standby.load(Ordering::Relaxed)
    }

    /// That no connection was to be had says little when the reason is known.
    fn why(&self, error: sqlx::Error) -> StoreError {
        match error {
            sqlx::Error::PoolTimedOut if self.on_standby() => unavailable(STANDBY),
            other => other.into(),
        }
    }

    /// Closes every connection, then lets other processes in.
    pub(super) async fn close(&self) {
        let checkpoints = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(checkpoints) = checkpoints {
            checkpoints.end().await;
        }
        self.reader.close().await;
        self.writer.close().await;
        self.unlock();
    }

    /// Lets other processes in.
    pub(super) fn unlock(&self) {
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// An embedded database does not drop connections, and one in memory ends with its connection. A transaction whose beginning
/// nobody waited for is undone by the thread that runs SQLite.
async fn embedded(options: AnyConnectOptions, size: u32, script: &'static str) -> Result<AnyPool, StoreError> {
    let pool = AnyPoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(15))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move { sqlx::raw_sql(script).execute(connection).await.map(drop) })
        });
    Ok(pool.connect_with(options).await?)
}

fn limits(size: u32) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(15))
        .idle_timeout(Some(Duration::from_secs(600)))
        .max_lifetime(Some(Duration::from_secs(1800)))
}

/// A pool in which every connection leads to a database that takes writes and is in no transaction: asked when it is new, when
/// it comes back, and before it is used. sqlx 0.9.0 gives a connection back inside an open transaction when the future that
/// began it was dropped before the server's answer was read; and after a fail-over a connection to the old primary, now a
/// standby, passes every ping.
async fn server(options: AnyConnectOptions, size: u32, standby: Arc<AtomicBool>) -> Result<AnyPool, StoreError> {
    let seen = Arc::clone(&standby);
    let pool = limits(size)
        // The question below is also the ping.
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(fit(connection)))
        .after_release(|connection, _| Box::pin(fit(connection)))
        .after_connect(move |connection, _| {
            let standby = Arc::clone(&seen);
            Box::pin(async move {
                let found = state(connection).await?;
                standby.store(found == "standby", Ordering::Relaxed);
                if found != "fit" {
                    // The pool tries again until its time is up: a fail-over may be under way.
                    return Err(sqlx::Error::Protocol(STANDBY.to_owned()));
                }
                sqlx::raw_sql(POSTGRES).execute(connection).await.map(drop)
            })
        });
    match pool.connect_with(options).await {
        Err(sqlx::Error::PoolTimedOut) if standby.load(Ordering::Relaxed) => Err(unavailable(STANDBY)),
        other => Ok(other?),
    }
}

async fn state(connection: &mut AnyConnection) -> Result<String, sqlx::Error> {
    sqlx::raw_sql(POSTGRES_STATE).fetch_one(connection).await?.try_get(0)
}

/// Whether the next user may have this connection; it is closed otherwise.
async fn fit(connection: &mut AnyConnection) -> Result<bool, sqlx::Error> {
    let found = state(connection).await?;
    if found != "fit" {
        tracing::warn!(found, "a connection to the ledger's database is closed and replaced");
    }
    Ok(found == "fit")
}

fn migration(error: sqlx::migrate::MigrateError) -> StoreError {
    StoreError::Database(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The process behind a connection.
    async fn process(connection: &mut AnyConnection) -> i32 {
        sqlx::raw_sql("SELECT pg_backend_pid()").fetch_one(connection).await.unwrap().try_get(0).unwrap()
    }

    /// Whether PostgreSQL still has that process.
    async fn lives(asker: &mut AnyConnection, process: i32) -> bool {
        const SQL: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE pid = $1";
        sqlx::query_scalar::<_, i64>(SQL).bind(process).fetch_one(asker).await.unwrap() > 0
    }

    /// Nobody uses the pool after that, so that it is the question on the way back that closes the connection: until somebody
    /// asked for it, its locks would stay.
    #[tokio::test]
    async fn a_connection_that_comes_back_inside_a_transaction_is_closed_at_once() {
        sqlx::any::install_default_drivers();
        let url = std::env::var("BBWS_TEST_PG").expect("BBWS_TEST_PG is not set: run this test by `tests/run`");
        let options: AnyConnectOptions = url.parse().unwrap();
        let mut asker = AnyConnection::connect_with(&options).await.unwrap();
        let pool = server(options, 1, Arc::default()).await.unwrap();

        let mut whole = pool.acquire().await.unwrap();
        let kept = process(&mut whole).await;
        drop(whole);
        let mut open = pool.acquire().await.unwrap();
        assert_eq!(process(&mut open).await, kept, "one that is idle stays");
        // As sqlx leaves it when a `begin` is dropped before its answer: it knows of no transaction.
        sqlx::raw_sql("BEGIN").execute(&mut *open).await.unwrap();
        drop(open);
        for _ in 0..500 {
            if !lives(&mut asker, kept).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it went back into the pool inside a transaction");
    }
}
