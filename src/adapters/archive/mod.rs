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

mod child;
mod contents;
mod definitions;
mod dump;
mod error;
mod fetch;
mod format;
mod globals;
mod key;
mod load;
mod object;
mod pg_archive;
mod programs;
mod relay;
mod scan;
mod seal;
mod sql_scan;
mod tally;
mod unseal;
mod upload;
mod verify;

pub use definitions::{Section, define};
pub use dump::{AnyReader, DumpPrograms, Dumper, PartSink, dump, seal, sealed};
pub use error::ArchiveError;
pub use fetch::fetch;
pub use format::{Header, MAGIC};
pub use globals::roles;
pub use key::{Context, DataKey};
pub use load::load;
pub use object::{Place, Stored, stored};
pub use programs::{Programs, Release};
pub use seal::{Part, PartPlan};
pub use tally::{Counted, Tables, Tally};
pub use upload::{S3Upload, abandon};
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
