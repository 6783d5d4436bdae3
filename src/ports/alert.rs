//! Notices to machines: SNS topics and CloudWatch metrics of the environment's account.

use async_trait::async_trait;

use super::cloud::CloudError;
use crate::domain::{datum::Datum, environment::Environment, moment::Moment};

/// Which topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Completion and failure of backups.
    BackupStatus,
    /// A validation failed, something is at risk.
    OpsWarning,
    /// Somebody has to act now.
    OpsCritical,
    /// Disaster recovery.
    DrEvents,
}

/// Publishes to SNS and CloudWatch.
#[async_trait]
pub trait Alerts: Send + Sync {
    /// Publishes one message. `subject` has under 100 characters; `body` is JSON that names the operation, since a
    /// standard topic may deliver twice.
    ///
    /// # Errors
    /// See [`CloudError`].
    async fn publish(
        &self,
        environment: &Environment,
        topic: Topic,
        subject: &str,
        body: &str,
    ) -> Result<(), CloudError>;

    /// Puts values of metrics into CloudWatch, in this namespace, as of a moment. A repeat puts them there again as of the same moment,
    /// where their average stays what it is.
    ///
    /// # Errors
    /// See [`CloudError`].
    async fn measure(
        &self,
        environment: &Environment,
        namespace: &str,
        at: Moment,
        data: &[Datum],
    ) -> Result<(), CloudError>;
}
