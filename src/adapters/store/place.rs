//! What `DATABASE_URL` names, and the lock that keeps a second process out of a file.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    str::FromStr as _,
};

use sqlx::{ConnectOptions as _, any::AnyConnectOptions};

use super::dialect::unavailable;
use crate::ports::store::StoreError;

/// What a URL names.
pub(super) enum Place {
    Memory,
    File(PathBuf),
    Server,
}

impl Place {
    /// Reads a URL. What it refuses it names without a password.
    pub(super) fn of(url: &str) -> Result<Place, StoreError> {
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
}

/// How to connect to a URL.
pub(super) fn options(url: &str) -> Result<AnyConnectOptions, StoreError> {
    Ok(AnyConnectOptions::from_str(url)?.disable_statement_logging())
}

/// How to connect to a file: `ro`, `rw`, or `rwc` to make it where it is missing.
pub(super) fn file_options(path: &Path, mode: &str) -> Result<AnyConnectOptions, StoreError> {
    let name = path.to_str().ok_or_else(|| unavailable(format!("the path {} is not valid UTF-8", path.display())))?;
    let escaped = name.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    options(&format!("sqlite://{escaped}?mode={mode}"))
}

/// Takes the lock beside the database file.
pub(super) fn lock(database: &Path) -> Result<File, StoreError> {
    let path = beside(database, ".lock");
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

/// A file beside the database: its name with an ending.
pub(super) fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(ending);
    PathBuf::from(path)
}
