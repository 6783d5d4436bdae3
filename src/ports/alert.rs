//! Notices to machines: SNS topics of the environment's account.

use async_trait::async_trait;

use super::cloud::CloudError;
use crate::domain::environment::Environment;

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

/// Publishes to SNS.
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
}
