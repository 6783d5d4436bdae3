//! Requests that tell of many steps at once: what each step asks for, and what the answer told.

use std::{borrow::Cow, collections::HashMap, mem};

use super::{
    super::{backup, rds, session::Session},
    At,
};
use crate::ports::cloud::CloudError;

/// What a step asks for, by the kind of request that tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch<'c> {
    /// A DB snapshot, by name.
    Snapshot(&'c str),
    /// A backup job, by AWS's id.
    BackupJob(&'c str),
    /// A DB instance, by identifier.
    Instance(&'c str),
}

/// What one request told.
pub enum Told {
    /// DB snapshots by their names in lower case.
    Snapshots(rds::Found),
    /// Backup jobs by their ids. What is not in here is described on its own.
    BackupJobs(HashMap<String, backup::JobNow>),
    /// DB instances by their identifiers in lower case.
    Instances(rds::Instances),
}

impl<'c> Batch<'c> {
    /// Whether one request tells both.
    pub fn goes_with(&self, other: &Batch<'_>) -> bool {
        mem::discriminant(self) == mem::discriminant(other)
    }

    /// What it asks for.
    pub fn name(&self) -> &'c str {
        match self {
            Batch::Snapshot(name) | Batch::BackupJob(name) | Batch::Instance(name) => name,
        }
    }

    /// Asks for all of these.
    ///
    /// # Errors
    /// See [`CloudError`].
    pub async fn ask(&self, session: &Session, mut names: Vec<&str>) -> Result<Told, CloudError> {
        names.sort_unstable();
        names.dedup();
        Ok(match self {
            Batch::Snapshot(_) => Told::Snapshots(rds::describe(session, &names).await?),
            Batch::BackupJob(_) => Told::BackupJobs(backup::list_many(session, &names).await),
            Batch::Instance(_) => Told::Instances(rds::describe_instances(session, &names).await?),
        })
    }
}

impl At<'_> {
    /// Snapshots, this one among them: as they were told together, or asked for now.
    ///
    /// # Errors
    /// See [`CloudError`].
    pub async fn snapshots(&self, name: &str) -> Result<Cow<'_, rds::Found>, CloudError> {
        match self.told {
            Some(Told::Snapshots(found)) => Ok(Cow::Borrowed(found)),
            Some(Told::BackupJobs(_) | Told::Instances(_)) | None => {
                Ok(Cow::Owned(rds::describe(&self.session, &[name]).await?))
            }
        }
    }

    /// Instances, this one among them: as they were told together, or asked for now.
    ///
    /// # Errors
    /// See [`CloudError`].
    pub async fn instances(&self, name: &str) -> Result<Cow<'_, rds::Instances>, CloudError> {
        match self.told {
            Some(Told::Instances(found)) => Ok(Cow::Borrowed(found)),
            Some(Told::BackupJobs(_) | Told::Snapshots(_)) | None => {
                Ok(Cow::Owned(rds::describe_instances(&self.session, &[name]).await?))
            }
        }
    }

    /// A backup job, where it was told together with others.
    pub fn job(&self, id: &str) -> Option<&backup::JobNow> {
        match self.told? {
            Told::BackupJobs(jobs) => jobs.get(id),
            Told::Snapshots(_) | Told::Instances(_) => None,
        }
    }
}
