//! Which parts of an environment a backup takes.

use std::{fmt, str::FromStr};

/// Which parts of an environment a backup takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BackupScope {
    /// Everything the environment declares.
    #[default]
    Full,
    /// The databases.
    Rds,
    /// The file systems.
    Efs,
    /// The secrets.
    Secrets,
    /// SSM parameters and the secrets' metadata.
    Config,
    /// Buckets of data: their protection, and a record of their versions.
    S3,
    /// Logical dumps of databases.
    Dump,
    /// A check of the buckets' lifecycle rules; makes nothing.
    Lifecycle,
}

impl BackupScope {
    /// Every scope, in the order help names them.
    pub const ALL: [Self; 8] =
        [Self::Full, Self::Rds, Self::Efs, Self::Secrets, Self::Config, Self::S3, Self::Dump, Self::Lifecycle];

    /// The word people type: `full`, `rds`, ….
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Rds => "rds",
            Self::Efs => "efs",
            Self::Secrets => "secrets",
            Self::Config => "config",
            Self::S3 => "s3",
            Self::Dump => "dump",
            Self::Lifecycle => "lifecycle",
        }
    }
}

impl fmt::Display for BackupScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for BackupScope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|scope| scope.as_str().eq_ignore_ascii_case(text));
        known.ok_or_else(|| format!("`{text}` is not a part of an environment"))
    }
}
