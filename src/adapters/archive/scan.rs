//! A dump of either format as it passes: what it holds, and whether it is whole.

use super::{ArchiveError, pg_archive::PgArchive, sql_scan::SqlScan, tally::Tally};
use crate::domain::environment::Engine;

/// Looks at a dump as it passes.
pub(super) enum Scan {
    Pg(Box<PgArchive>),
    Sql(Box<SqlScan>),
}

impl Scan {
    pub(super) fn new(engine: Engine) -> Scan {
        match engine {
            Engine::Postgres => Scan::Pg(Box::default()),
            Engine::Mysql | Engine::Mariadb => Scan::Sql(Box::default()),
        }
    }

    pub(super) fn see(&mut self, bytes: &[u8]) {
        match self {
            Scan::Pg(scan) => scan.see(bytes),
            Scan::Sql(scan) => scan.see(bytes),
        }
    }

    /// What it held, or why it is no complete dump.
    pub(super) fn finish(self) -> Result<Tally, String> {
        match self {
            Scan::Pg(scan) => scan.finish(),
            Scan::Sql(scan) => scan.finish(),
        }
    }
}

impl std::io::Write for Scan {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.see(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// An archive that was read whole and yet is none.
pub(super) fn incomplete(why: &str) -> ArchiveError {
    ArchiveError::Damaged(format!("The archive holds no complete dump: {why}. Do not restore from it; dump again."))
}
