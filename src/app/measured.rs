//! What runs came to, as metrics of CloudWatch where an environment wants them.

use std::time::Duration;

use super::announce::{Announcer, Sent, unpublished};
use crate::{
    domain::{datum::Datum, moment::Moment},
    ports::store::Queued,
};

/// CloudWatch takes nothing that is older.
const TOO_OLD: Duration = Duration::from_secs(14 * 86_400);

impl Announcer {
    /// Puts them there, in the namespace that the config names now.
    pub(super) async fn measured(&self, queued: &Queued, environment: &str, at: Moment, data: &[Datum]) -> Sent {
        let named = self.environments.get(environment);
        let Some((env, namespace)) = named.and_then(|env| Some((env, env.cloudwatch.as_deref()?))) else {
            // It was switched off meanwhile.
            return Sent::Yes(None);
        };
        if self.clock.now().since(at) >= TOO_OLD {
            tracing::warn!(key = %queued.key, %at, "CloudWatch did not take metrics for two weeks, and takes none that old");
            return Sent::Yes(None);
        }
        match self.alerts.measure(env, namespace, at, data).await {
            Ok(()) => Sent::Yes(None),
            Err(error) => unpublished(&error, queued),
        }
    }
}
