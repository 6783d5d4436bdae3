//! Copies of the ledger: made while it is in use, checked, and put back.
//!
//! A copy is one SQLite file, whatever database it comes from: the tables are the same everywhere, so that a copy of
//! PostgreSQL is checked, kept and put back like any other, into either of the two.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::json;
use sqlx::{AnyConnection, Connection as _, query, query_scalar};

use super::{
    Ledger, Options,
    connect::{Database, MIGRATIONS},
    dialect::unavailable,
    place::{Place, beside, file_options, lock},
    tables,
};
use crate::{
    domain::{
        audit::{AuditEntry, Head},
        incarnation::Incarnation,
    },
    ports::{clock::Clock, store::StoreError},
};

/// What a copy holds, after all of it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Where its audit chain ends.
    pub head: Head,
    /// Operations in it.
    pub operations: i64,
    /// The name the ledger went by; none in a copy of a build that knew no names.
    pub ledger: Option<Incarnation>,
}

/// What was put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// What the copy held.
    pub copied: Copied,
    /// The name the ledger goes by from now on.
    pub ledger: Incarnation,
    /// Where the file lies that was there before.
    pub before: Option<PathBuf>,
}

/// Copies the ledger behind `url` into a new file, also while a process writes to it, and checks the copy.
///
/// # Errors
/// [`StoreError::Database`]: the file exists already, the ledger cannot be read, the copy does not hold.
pub async fn backup(url: &str, to: &Path, clock: Arc<dyn Clock>) -> Result<Copied, StoreError> {
    if to.exists() {
        return Err(unavailable(format!("{} exists already; name a file that does not", to.display())));
    }
    let partial = Partial::at(to)?;
    match Place::of(url)? {
        Place::Memory => return Err(unavailable("a database in memory has no copies")),
        Place::File(path) => vacuum(&path, &partial.path).await?,
        Place::Server => export(url, &partial.path).await?,
    }
    let copied = verify(&partial.path, clock).await?;
    partial.become_file(to)?;
    Ok(copied)
}

/// Puts a copy back as the ledger behind `url`, under a new name. A file that is there is kept beside it; a PostgreSQL
/// database has to be empty.
///
/// # Errors
/// [`StoreError::Database`]: a process has it open, the copy does not hold, the database is not empty. Nothing was changed then.
pub async fn restore(file: &Path, url: &str, clock: Arc<dyn Clock>) -> Result<Restored, StoreError> {
    let copied = verify(file, Arc::clone(&clock)).await?;
    match Place::of(url)? {
        Place::Memory => Err(unavailable("nothing can be put back into a database in memory")),
        Place::File(path) => into_file(file, &path, copied, clock).await,
        Place::Server => into_server(file, url, copied, clock).await,
    }
}

/// A file that becomes another one when it is complete, and disappears otherwise. Only its owner may read it.
struct Partial {
    path: PathBuf,
}

impl Partial {
    fn at(to: &Path) -> Result<Partial, StoreError> {
        let path = beside(to, ".partial");
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        made.map_err(|e| unavailable(format!("{} cannot be made: {e}", path.display())))?;
        Ok(Partial { path })
    }

    fn become_file(self, to: &Path) -> Result<(), StoreError> {
        let cannot = |e: std::io::Error| unavailable(format!("{} cannot be written: {e}", to.display()));
        File::open(&self.path).and_then(|f| f.sync_all()).map_err(cannot)?;
        std::fs::rename(&self.path, to).map_err(cannot)?;
        let folder = to.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|f| f.sync_all()).map_err(cannot)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Gone already where it became a file.
        for ending in ["", "-wal", "-shm", "-journal", ".lock"] {
            let _ = std::fs::remove_file(beside(&self.path, ending));
        }
    }
}

/// SQLite's own copy: one state of the database, taken without stopping anybody.
async fn vacuum(from: &Path, to: &Path) -> Result<(), StoreError> {
    sqlx::any::install_default_drivers();
    if !from.exists() {
        return Err(unavailable(format!("there is no database at {}; set DATABASE_URL", from.display())));
    }
    let name = to.to_str().ok_or_else(|| unavailable(format!("the path {} is not valid UTF-8", to.display())))?;
    let mut connection = AnyConnection::connect_with(&file_options(from, "ro")?).await?;
    sqlx::raw_sql("PRAGMA busy_timeout = 10000").execute(&mut connection).await?;
    query("VACUUM INTO $1").bind(name.to_owned()).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Every row of one state of a server's database.
async fn export(url: &str, to: &Path) -> Result<(), StoreError> {
    let from = Database::open_readonly(url).await?;
    let mut copy = AnyConnection::connect_with(&file_options(to, "rw")?).await?;
    MIGRATIONS.run(&mut copy).await.map_err(|e| StoreError::Database(Box::new(e)))?;
    let mut rows = from.snapshot().await?;
    // A table may take longer than any statement of the service.
    sqlx::raw_sql("SET LOCAL statement_timeout = 0").execute(&mut *rows).await?;
    sqlx::raw_sql("BEGIN").execute(&mut copy).await?;
    tables::copy(&mut rows, &mut copy).await?;
    sqlx::raw_sql("COMMIT").execute(&mut copy).await?;
    rows.rollback().await?;
    copy.close().await?;
    from.close().await;
    Ok(())
}

/// Checks a copy: its pages, its references, its audit chain.
///
/// # Errors
/// [`StoreError::Database`] with what is wrong with it.
pub async fn verify(file: &Path, clock: Arc<dyn Clock>) -> Result<Copied, StoreError> {
    sqlx::any::install_default_drivers();
    let named = |what: String| unavailable(format!("{} is no copy that could be put back: {what}", file.display()));
    if !file.exists() {
        return Err(unavailable(format!("there is no file {}", file.display())));
    }
    let mut connection = AnyConnection::connect_with(&file_options(file, "ro")?).await?;
    let pages: Vec<String> = query_scalar("PRAGMA integrity_check")
        .fetch_all(&mut connection)
        .await
        .map_err(|e| named(format!("it is not a database ({e})")))?;
    if pages != ["ok"] {
        return Err(named(format!("its pages are damaged ({})", pages.join("; "))));
    }
    let orphans = query("PRAGMA foreign_key_check").fetch_all(&mut connection).await?;
    if !orphans.is_empty() {
        return Err(named(format!("{} rows refer to rows that are missing", orphans.len())));
    }
    let missing = || named("it has no tables of a ledger".to_owned());
    let has = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1";
    let tables: i64 = query_scalar(has).bind("audit_head").fetch_one(&mut connection).await?;
    if tables == 0 {
        return Err(missing());
    }
    let operations: i64 = query_scalar("SELECT COUNT(*) FROM op").fetch_one(&mut connection).await?;
    let names: i64 = query_scalar(has).bind("incarnation").fetch_one(&mut connection).await?;
    connection.close().await?;
    let reader = Ledger::open_readonly(&url_of(file)?, clock).await?;
    let head = reader.verify_audit().await?.map_err(|broken| named(broken.to_string()))?;
    let ledger = if names == 0 { None } else { Some(reader.core.incarnation().await?) };
    reader.close().await;
    Ok(Copied { head, operations, ledger })
}

/// The copy is made ready beside the file, and takes its place in one move.
async fn into_file(copy: &Path, path: &Path, copied: Copied, clock: Arc<dyn Clock>) -> Result<Restored, StoreError> {
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        let cannot = |e| unavailable(format!("{} cannot be created: {e}", folder.display()));
        std::fs::create_dir_all(folder).map_err(cannot)?;
    }
    let held = lock(path)?;
    let partial = Partial::at(&beside(path, ".restoring"))?;
    let cannot = |e: std::io::Error| unavailable(format!("{} cannot be copied: {e}", copy.display()));
    std::fs::copy(copy, &partial.path).map_err(cannot)?;
    let ready = Ledger::open(&url_of(&partial.path)?, Arc::clone(&clock), Options::default()).await?;
    let ledger = ready.begins_anew(&copied, &clock).await?;
    ready.close().await;
    let before = put_aside(path, &clock).await?;
    partial.become_file(path)?;
    drop(held);
    Ok(Restored { copied, ledger, before })
}

/// Keeps what was there under another name, with its log. It stays in its place until the copy takes it.
async fn put_aside(path: &Path, clock: &Arc<dyn Clock>) -> Result<Option<PathBuf>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    let folded = async {
        let mut connection = AnyConnection::connect_with(&file_options(path, "rw")?).await?;
        sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
        Ok::<(), StoreError>(connection.close().await?)
    };
    if let Err(error) = folded.await {
        // Perhaps that is why a copy is put back. It is kept as it is.
        tracing::warn!(error = &error as &dyn std::error::Error, "the ledger that is replaced cannot be opened");
    }
    let aside = beside(path, &format!(".before-{}", clock.now().iso().replace(':', "")));
    let cannot = |e: std::io::Error| unavailable(format!("{} cannot be put aside: {e}", path.display()));
    std::fs::hard_link(path, &aside).or_else(|_| std::fs::copy(path, &aside).map(drop)).map_err(cannot)?;
    for log in ["-wal", "-shm"] {
        let from = beside(path, log);
        if from.exists() {
            std::fs::rename(&from, beside(&aside, log)).map_err(cannot)?;
        }
    }
    Ok(Some(aside))
}

async fn into_server(copy: &Path, url: &str, copied: Copied, clock: Arc<dyn Clock>) -> Result<Restored, StoreError> {
    // Opened for writing as a file of its own, so that an older copy gets the tables of today.
    let partial = Partial::at(&std::env::temp_dir().join(format!("bbws-restore-{:016x}", rand::random::<u64>())))?;
    std::fs::copy(copy, &partial.path).map_err(|e| unavailable(format!("{} cannot be copied: {e}", copy.display())))?;
    let source = Ledger::open(&url_of(&partial.path)?, Arc::clone(&clock), Options::default()).await?;
    let target = Ledger::open(url, Arc::clone(&clock), Options::default()).await?;
    let mut rows = source.core.db.snapshot().await?;
    let mut tx = target.core.db.begin().await?;
    let used: i64 = query_scalar("SELECT (SELECT COUNT(*) FROM op) + (SELECT seq FROM audit_head WHERE id = 1)")
        .fetch_one(&mut **tx)
        .await?;
    if used > 0 {
        return Err(unavailable(
            "the database that DATABASE_URL names holds a ledger already; make an empty one (createdb) and name that",
        ));
    }
    tables::copy(&mut rows, &mut tx).await?;
    tx.commit().await?;
    rows.rollback().await?;
    let ledger = target.begins_anew(&copied, &clock).await?;
    source.close().await;
    target.close().await;
    Ok(Restored { copied, ledger, before: None })
}

impl Ledger {
    /// A copy that was put back goes by a new name, and says in the audit chain that it was.
    async fn begins_anew(&self, copied: &Copied, clock: &Arc<dyn Clock>) -> Result<Incarnation, StoreError> {
        let name = Incarnation::of(rand::random());
        let entry = AuditEntry {
            at: clock.now(),
            actor: "bbws".to_owned(),
            action: "restored".to_owned(),
            operation: None,
            detail: json!({
                "ledger": name.as_str(),
                "before": copied.ledger.as_ref().map(Incarnation::as_str),
                "entries": copied.head.seq,
                "hash": copied.head.hash,
            }),
        };
        let renamed = name.clone();
        self.work(move |core| async move {
            let mut tx = core.db.begin().await?;
            core.rename(&mut tx, &renamed, "a copy was put back").await?;
            // What the copy has still to tell may have been told since: it is looked for first.
            query("UPDATE outbox SET doubt = doubt + 1 WHERE sent < version").execute(&mut **tx).await?;
            core.append(&mut tx, &[entry.canonical()]).await?;
            Ok(tx.commit().await?)
        })
        .await?;
        Ok(name)
    }
}

fn url_of(file: &Path) -> Result<String, StoreError> {
    let name = file.to_str().ok_or_else(|| unavailable(format!("the path {} is not valid UTF-8", file.display())))?;
    Ok(format!("sqlite://{name}"))
}
