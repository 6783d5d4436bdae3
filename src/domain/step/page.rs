//! The page of the AWS console that shows what a step made or looked at, as data; whoever draws it makes an address of it.

/// A page of the console, in the region of what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// A DB snapshot.
    Snapshot {
        /// Region.
        region: String,
        /// Its name.
        name: String,
    },
    /// A job of AWS Backup.
    Job {
        /// Region.
        region: String,
        /// Of which kind.
        job: Job,
        /// AWS's id.
        id: String,
    },
    /// A recovery point in a vault.
    RecoveryPoint {
        /// Region.
        region: String,
        /// Vault.
        vault: String,
        /// ARN of the point.
        arn: String,
    },
    /// A file system.
    FileSystem {
        /// Region.
        region: String,
        /// `fs-…`.
        id: String,
    },
    /// An object in S3.
    Object {
        /// Region.
        region: String,
        /// Bucket.
        bucket: String,
        /// Key.
        key: String,
    },
}

/// What a job of AWS Backup does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Backs up.
    Backup,
    /// Copies.
    Copy,
    /// Restores.
    Restore,
}

impl Page {
    pub(super) fn snapshot(region: &str, name: &str) -> Page {
        Page::Snapshot { region: region.to_owned(), name: name.to_owned() }
    }

    pub(super) fn job(region: &str, job: Job, id: &str) -> Page {
        Page::Job { region: region.to_owned(), job, id: id.to_owned() }
    }

    pub(super) fn object(region: &str, bucket: &str, key: &str) -> Page {
        Page::Object { region: region.to_owned(), bucket: bucket.to_owned(), key: key.to_owned() }
    }
}
