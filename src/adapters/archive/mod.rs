//! Logical database dumps as archives: dumped, compressed, encrypted and uploaded in one pass, and read back the same way.
//!
//! ```text
//! pg_dump | mariadb-dump | mysqldump → count what passes → SHA-256 → zstd → AES-256-GCM in chunks → SHA-256 → parts → PartSink (S3 multipart)
//! S3 ranges → SHA-256 → AES-256-GCM → zstd → SHA-256 → pg_restore --list | scan of the SQL
//! ```
//!
//! Memory is constant however large the database is: one part is filled, one waits, one is on its way. Nothing of the
//! plaintext reaches a disk or the log. An upload is completed only after the dump program ended well and after everything
//! it wrote was sealed; whatever else happens, also when the future is dropped, ends the program and aborts the upload.
//!
//! The largest archive is [`PartPlan::S3`]: 2,000 parts of 16 MiB and 8,000 of 64 MiB, 531 GiB after compression.

use std::path::PathBuf;

use secrecy::SecretString;

use crate::ports::cloud::CloudError;

mod child;
mod contents;
mod dump;
mod fetch;
mod format;
mod globals;
mod key;
mod load;
mod pg_archive;
mod programs;
mod relay;
mod seal;
mod sql_scan;
mod tally;
mod unseal;
mod upload;
mod verify;

pub use dump::{DumpPrograms, Dumper, PartSink, dump, seal, sealed};
pub use fetch::{Stored, fetch, stored};
pub use format::{Header, MAGIC};
pub use globals::roles;
pub use key::{Context, DataKey};
pub use load::load;
pub use programs::{Programs, Release};
pub use seal::{Part, PartPlan};
pub use tally::{Counted, Tables, Tally};
pub use upload::{Place, S3Upload, abandon};
pub use verify::{Contents, Expected, Sealed, unseal, verify};

/// A database to dump, or to load a dump into.
#[derive(Debug, Clone)]
pub struct Source {
    /// What the server says that it is. Decides which program speaks to it.
    pub server: Release,
    /// Where that program is looked for.
    pub programs: Programs,
    /// MariaDB: whether tables keep the history of their rows, which is then dumped as well.
    pub history: bool,
    /// Host name or address. The connection is always TCP under TLS.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Who signs in.
    pub username: String,
    /// With what. Reaches the program in a file that only this user can read, and that is gone once it has signed in.
    pub password: SecretString,
    /// PostgreSQL: the database of which the schemas are part, which has to be named. MySQL and MariaDB: not used.
    pub database: Option<String>,
    /// PostgreSQL: schemas of that database. MySQL and MariaDB: databases. Empty means all.
    pub schemas: Vec<String>,
    /// Certificate authorities (PEM). With them the server's certificate and name are verified, otherwise the
    /// connection is encrypted only.
    pub ca: Option<PathBuf>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Bytes the dump program wrote.
    pub bytes_plain: u64,
    /// SHA-256 of those, in hex.
    pub sha256_plain: String,
    /// Bytes of the archive.
    pub bytes_archive: u64,
    /// SHA-256 of the archive, in hex.
    pub sha256_archive: String,
    /// SHA-256 over the SHA-256 of all parts with their number, as S3 gives it: `base64-N`.
    pub checksum: String,
    /// Parts.
    pub parts: u32,
    /// What the dump held.
    pub held: Tally,
}

/// What went wrong. The text is for people: what, why, and the next step. It never holds a password or dumped data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Nothing was stored; it may work later.
    #[error("{0}")]
    Retryable(String),
    /// Nothing was stored, and nothing will be before somebody changes something.
    #[error("{0}")]
    Permanent(String),
    /// An object of that name exists already, and this upload did not make it.
    #[error("{0}")]
    Exists(String),
    /// The archive may or may not have been stored.
    #[error("{0}")]
    Unknown(String),
    /// The archive is not what was written: nothing in it can be relied on.
    #[error("{0}")]
    Damaged(String),
}

impl ArchiveError {
    /// The error that an [`std::io::Error`] carries, or one that says what could not be done.
    fn from_io(error: std::io::Error, what: &str) -> ArchiveError {
        match error.downcast::<ArchiveError>() {
            Ok(own) => own,
            Err(error) => ArchiveError::Retryable(format!("{what}: {error}. It is tried again.")),
        }
    }
}

impl From<ArchiveError> for CloudError {
    fn from(error: ArchiveError) -> CloudError {
        match error {
            ArchiveError::Retryable(reason) => CloudError::Retryable { reason, after: None },
            ArchiveError::Unknown(reason) => CloudError::Unknown { reason },
            ArchiveError::Permanent(reason) | ArchiveError::Exists(reason) | ArchiveError::Damaged(reason) => {
                CloudError::Permanent { reason }
            }
        }
    }
}

/// A task of ours ended without an answer, which only a fault in this program can cause.
fn lost(_: tokio::task::JoinError) -> ArchiveError {
    ArchiveError::Retryable(
        "The archive's worker ended without an answer; the log has the cause. It is tried again.".into(),
    )
}
