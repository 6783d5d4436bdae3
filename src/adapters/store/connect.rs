//! Opening the database: which one, its pools, its pragmas, its migrations, and the lock that keeps a second process out.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    str::FromStr as _,
    sync::{LazyLock, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{
    Any, AnyConnection, AnyPool, ConnectOptions as _, Connection as _, SqlStr, Transaction,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::{Migration, MigrationType, Migrator},
};

use super::dialect::{Dialect, unavailable};
use crate::ports::store::StoreError;

/// In the order they were written. One that was released never changes: its checksum is in every database.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let one = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, SqlStr::from_static(sql), false)
    };
    Migrator::with_migrations(vec![
        one(1, "ledger", include_str!("../../../migrations/0001_ledger.sql")),
        one(2, "marks", include_str!("../../../migrations/0002_marks.sql")),
    ])
});

/// WAL with a sync at every commit. The log may grow to 64 MiB before it is folded back into the file: everybody waits
/// for that, so it has to be rare.
const SQLITE_WRITER: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 10000; \
    PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 16000; PRAGMA cache_size = -4000;";
const SQLITE_READER: &str =
    "PRAGMA query_only = ON; PRAGMA busy_timeout = 10000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -1000;";
/// Nothing may wait for ever for a lock that a dead replica still holds.
const POSTGRES: &str =
    "SET lock_timeout = '10s'; SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '30s';";
const POSTGRES_READER: &str = "SET default_transaction_read_only = on;";

const SQLITE_READERS: u32 = 3;
const POSTGRES_CONNECTIONS: u32 = 8;

/// The database, opened.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) dialect: Dialect,
    /// Where everything is written. A single connection for SQLite, so that writers queue up instead of failing.
    pub(super) writer: AnyPool,
    /// Where things are read.
    pub(super) reader: AnyPool,
    /// Held as long as the database is open.
    lock: Mutex<Option<File>>,
}

/// What a URL names.
enum Place {
    Memory,
    File(PathBuf),
    Server,
}

fn place(url: &str) -> Result<Place, StoreError> {
    if let Some(rest) = url.strip_prefix("sqlite:") {
        let path = rest.trim_start_matches("//").split('?').next().unwrap_or_default();
        return match path {
            ":memory:" => Ok(Place::Memory),
            "" => Err(unavailable("the database URL names no file; write sqlite://bbws.db, for example")),
            path => Ok(Place::File(PathBuf::from(path))),
        };
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Place::Server);
    }
    // A URL may hold a password, so only the part before the colon is shown.
    let scheme = url.split(':').next().unwrap_or_default();
    Err(unavailable(format!(
        "`{scheme}:` is not a database bbws knows; DATABASE_URL begins with sqlite:// or postgres://"
    )))
}

impl Database {
    /// Opens it for writing, creating and migrating it where needed.
    pub(super) async fn open(url: &str) -> Result<Database, StoreError> {
        sqlx::any::install_default_drivers();
        match place(url)? {
            Place::Memory => {
                let writer = pool(options("sqlite::memory:")?, 1, SQLITE_WRITER).await?;
                MIGRATIONS.run(&writer).await.map_err(migration)?;
                Ok(Database { dialect: Dialect::Sqlite, reader: writer.clone(), writer, lock: None.into() })
            }
            Place::File(path) => {
                if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
                    std::fs::create_dir_all(parent)
                        .map_err(|e| unavailable(format!("{} cannot be created: {e}", parent.display())))?;
                }
                let lock = lock(&path)?;
                let writer = pool(file_options(&path, "rwc")?, 1, SQLITE_WRITER).await?;
                MIGRATIONS.run(&writer).await.map_err(migration)?;
                let reader = pool(file_options(&path, "rw")?, SQLITE_READERS, SQLITE_READER).await?;
                Ok(Database { dialect: Dialect::Sqlite, writer, reader, lock: Some(lock).into() })
            }
            Place::Server => {
                let options = options(url)?;
                // On a connection of its own: waiting for another replica's migration has no time-out.
                let mut connection = AnyConnection::connect_with(&options).await?;
                MIGRATIONS.run(&mut connection).await.map_err(migration)?;
                connection.close().await?;
                let writer = pool(options, POSTGRES_CONNECTIONS, POSTGRES).await?;
                Ok(Database { dialect: Dialect::Postgres, reader: writer.clone(), writer, lock: None.into() })
            }
        }
    }

    /// Opens it for reading only, also while another process has it open for writing. It must exist already.
    pub(super) async fn open_readonly(url: &str) -> Result<Database, StoreError> {
        sqlx::any::install_default_drivers();
        let (dialect, reader) = match place(url)? {
            Place::Memory => return Err(unavailable("a database in memory cannot be opened a second time")),
            Place::File(path) if !path.exists() => {
                return Err(unavailable(format!(
                    "there is no database at {}; set DATABASE_URL to the one bbws writes to",
                    path.display()
                )));
            }
            Place::File(path) => (Dialect::Sqlite, pool(file_options(&path, "ro")?, 1, SQLITE_READER).await?),
            Place::Server => {
                let script = [POSTGRES, POSTGRES_READER].concat();
                (Dialect::Postgres, pool(options(url)?, 1, Box::leak(script.into_boxed_str())).await?)
            }
        };
        Ok(Database { dialect, writer: reader.clone(), reader, lock: None.into() })
    }

    /// Begins a transaction that writes.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Any>, sqlx::Error> {
        self.writer.begin_with(self.dialect.begin_write()).await
    }

    /// Begins a transaction that reads one state of the database.
    pub(super) async fn snapshot(&self) -> Result<Transaction<'static, Any>, sqlx::Error> {
        self.reader.begin_with(self.dialect.begin_snapshot()).await
    }

    /// Closes every connection, then lets other processes in.
    pub(super) async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
        self.unlock();
    }

    /// Lets other processes in.
    pub(super) fn unlock(&self) {
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn options(url: &str) -> Result<AnyConnectOptions, StoreError> {
    Ok(AnyConnectOptions::from_str(url)?.disable_statement_logging())
}

fn file_options(path: &Path, mode: &str) -> Result<AnyConnectOptions, StoreError> {
    let name = path.to_str().ok_or_else(|| unavailable(format!("the path {} is not valid UTF-8", path.display())))?;
    let escaped = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    options(&format!("sqlite://{escaped}?mode={mode}"))
}

async fn pool(options: AnyConnectOptions, size: u32, script: &'static str) -> Result<AnyPool, StoreError> {
    let embedded = options.database_url.scheme() == "sqlite";
    let pool = AnyPoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(15))
        // An embedded database does not drop connections, and one in memory ends with its connection.
        .idle_timeout((!embedded).then_some(Duration::from_secs(600)))
        .max_lifetime((!embedded).then_some(Duration::from_secs(1800)))
        .test_before_acquire(!embedded)
        .after_connect(move |connection, _| {
            Box::pin(async move { sqlx::raw_sql(script).execute(connection).await.map(drop) })
        });
    Ok(pool.connect_with(options).await?)
}

fn migration(error: sqlx::migrate::MigrateError) -> StoreError {
    StoreError::Database(Box::new(error))
}

/// Takes the lock beside the database file.
fn lock(database: &Path) -> Result<File, StoreError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let cannot = |e: &dyn std::fmt::Display| unavailable(format!("the lock {} cannot be taken: {e}", path.display()));
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(|e| cannot(&e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Only for the sentence: without it the refusal is as good.
            let _ = file.read_to_string(&mut holder);
            return Err(unavailable(format!(
                "another bbws process ({}) has the database {} open; stop that one first, or use PostgreSQL to run several",
                if holder.is_empty() { "of unknown id" } else { holder.trim() },
                database.display(),
            )));
        }
        Err(TryLockError::Error(e)) => return Err(cannot(&e)),
    }
    file.set_len(0).and_then(|()| writeln!(file, "process {}", std::process::id())).map_err(|e| cannot(&e))?;
    Ok(file)
}
