//! `rds.snapshot`, `rds.copy` and `verify.snapshot`: one description tells of all of them.

use super::{
    super::{background::Outcome, rds},
    At, Change, Look,
    batch::Batch,
};
use crate::{
    domain::step::{RdsCopy, RdsSnapshot, VerifySnapshot},
    ports::cloud::{Call, CloudError, Probe, Started},
};

impl Change for RdsSnapshot {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        rds::probe_snapshot(&at.session, at.call, self).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        rds::start_snapshot(&at.session, at.call, self).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        rds::progress(
            &at.session,
            &at.call.environment.name,
            &self.snapshot,
            at.snapshots(&self.snapshot).await?.as_ref(),
        )
    }

    fn batch<'c>(&'c self, _call: &'c Call) -> Option<Batch<'c>> {
        Some(Batch::Snapshot(&self.snapshot))
    }
}

impl Change for RdsCopy {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        rds::probe_copy(&at.session, at.call, self).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        rds::start_copy(&at.session, at.call, self).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        rds::progress(&at.session, &at.call.environment.name, &self.copy, at.snapshots(&self.copy).await?.as_ref())
    }

    fn batch<'c>(&'c self, _call: &'c Call) -> Option<Batch<'c>> {
        Some(Batch::Snapshot(&self.copy))
    }
}

impl Look for VerifySnapshot {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let found = at.snapshots(&self.snapshot).await?;
        rds::verify(&at.session, &self.snapshot, self.retention_days, found.as_ref()).await
    }

    fn batch<'c>(&'c self, _call: &'c Call) -> Option<Batch<'c>> {
        Some(Batch::Snapshot(&self.snapshot))
    }
}
