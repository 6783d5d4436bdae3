//! `backup.job`, `backup.copy` and `verify.recovery_point`.

use super::{
    super::{background::Outcome, backup},
    At, Change, Look,
    batch::Batch,
};
use crate::{
    domain::step::{BackupCopy, BackupJob, VerifyRecoveryPoint},
    ports::cloud::{Call, CloudError, Probe, Started},
};

impl Change for BackupJob {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        backup::probe_job(&at.session, at.call, self).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        backup::start_job(&at.session, at.call, self).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let listed = at.call.external_id.as_deref().and_then(|id| at.job(id));
        backup::poll_job(&at.session, at.call, listed).await
    }

    fn batch<'c>(&'c self, call: &'c Call) -> Option<Batch<'c>> {
        call.external_id.as_deref().map(Batch::BackupJob)
    }
}

impl Change for BackupCopy {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        backup::probe_copy(&at.session, at.call, self).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        backup::start_copy(&at.session, at.call, self).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        backup::poll_copy(&at.session, at.call).await
    }
}

impl Look for VerifyRecoveryPoint {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        backup::verify(&at.session, at.call, &self.vault, self.retention_days).await
    }
}
