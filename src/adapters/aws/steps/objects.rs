//! `secrets.export`, `s3.replica` and `verify.object`: an export of secrets, and what is looked at of any written object.

use super::{
    super::{background::Outcome, s3, secrets},
    At, Change, Look,
};
use crate::{
    domain::step::{ObjectReplica, SecretsExport, VerifyObject},
    ports::cloud::{CloudError, Probe, Progress, Started},
};

impl Change for SecretsExport {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        written(at, &self.bucket, &self.key).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        secrets::export(&at.session, at.call, &self.prefix, &at.object(&self.bucket, &self.key)).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        exported(at, &self.bucket, &self.key).await
    }
}

impl Look for ObjectReplica {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let from = at.elsewhere(&self.from_region).await;
        let (source, copy) = (at.object(&self.from_bucket, &self.key), at.object(&self.bucket, &self.key));
        s3::replica(&from, &source, &at.session, &copy, at.call).await
    }
}

impl Look for VerifyObject {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        s3::verify(&at.session, &at.object(&self.bucket, &self.key), self.retention_days, at.call).await
    }
}

/// Whether this operation wrote the object.
pub(super) async fn written(at: &At<'_>, bucket: &str, key: &str) -> Result<Probe, CloudError> {
    secrets::probe(&at.session, at.call, &at.object(bucket, key)).await
}

/// An export is one request, so it is there or it is gone.
pub(super) async fn exported(at: &At<'_>, bucket: &str, key: &str) -> Outcome {
    Ok(match s3::made_by(&at.session, &at.object(bucket, key), at.call).await? {
        Some(made) => Progress::Done { detail: "exported".to_owned(), outputs: made.outputs },
        None => Progress::Failed { reason: format!("The export s3://{bucket}/{key} is gone. Retry the step.") },
    })
}
