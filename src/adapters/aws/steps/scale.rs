//! Services of ECS: scaled on the side that takes over, and kept from running on the side that was left, where it can be reached.

use std::time::Duration;

use super::{
    super::{background::Outcome, ecs, ecs::Rollout},
    At, Change, begun, finished,
};
use crate::{
    domain::step::{FenceService, ISSUE, Outputs, ScaleService},
    ports::cloud::{CloudError, Probe, Progress, Started},
};

/// How long a side that was left is tried: less than a call may take, so that its silence is an answer here and no doubt.
const PATIENCE: Duration = Duration::from_secs(15);
/// So long a side that answers, and only cannot do it just now, is asked again.
const BUSY: Duration = Duration::from_secs(120);

impl Change for ScaleService {
    /// Looks whether ECS knows the number already. Whose word that was does not matter.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let found = ecs::service(&at.session, &self.cluster, &self.service).await?;
        Ok(match found.is_some_and(|service| u32::try_from(service.desired_count()) == Ok(self.desired)) {
            true => Probe::Present(begun(&self.service)),
            false => Probe::Absent,
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let Some(found) = ecs::service(&at.session, &self.cluster, &self.service).await? else {
            return Err(self.missing(at));
        };
        if u32::try_from(found.desired_count()) != Ok(self.desired) {
            ecs::scale(&at.session, &self.cluster, &self.service, self.desired).await?;
        }
        Ok(begun(&self.service))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let Some(found) = ecs::service(&at.session, &self.cluster, &self.service).await? else {
            return Err(self.missing(at));
        };
        if u32::try_from(found.desired_count()) != Ok(self.desired) {
            let reason = format!(
                "Service {} of {} is to run {} tasks, not {}: somebody or its autoscaling changed that. Raise the minimum of its autoscaling, then retry.",
                self.service,
                self.cluster,
                found.desired_count(),
                self.desired
            );
            return Ok(Progress::Failed { reason });
        }
        Ok(match ecs::rollout(&found, self.desired) {
            Rollout::Stable => {
                Progress::Done { outputs: Outputs::new(), detail: format!("{} tasks, one deployment", self.desired) }
            }
            Rollout::Under(detail) => Progress::Running { percent: None, detail },
            Rollout::Failed(why) => Progress::Failed {
                reason: format!(
                    "Service {} of {}: {why}. Look at its events in ECS, mend what they name, then retry.",
                    self.service, self.cluster
                ),
            },
        })
    }
}

impl ScaleService {
    fn missing(&self, at: &At<'_>) -> CloudError {
        CloudError::Permanent {
            reason: format!(
                "Cluster {} in {} has no active service {}. Make it there, or correct `services` and `dr.cluster` in bbws.toml.",
                self.cluster, at.session.region, self.service
            ),
        }
    }
}

impl Change for FenceService {
    /// To scale to nothing again does no harm, so that nothing has to be looked for.
    async fn probe(&self, _: &At<'_>) -> Result<Probe, CloudError> {
        Ok(Probe::Absent)
    }

    /// The side that was left may be dead, and nothing waits for it: what cannot be reached is said, and the run goes on.
    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let asked = async {
            match self.stop(at).await {
                // Where an answer was lost, the next look tells what it would have been.
                Err(CloudError::Unknown { .. }) => self.stop(at).await,
                other => other,
            }
        };
        let why = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(true)) => return Ok(begun(&self.service)),
            Ok(Ok(false)) => "there is no such service to stop".to_owned(),
            Ok(Err(error)) if passes(&error) && at.session.now().since(at.call.intended) < BUSY => return Err(error),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} seconds", PATIENCE.as_secs()),
        };
        Ok(Started { outputs: self.doubt(at, &why), ..finished(&self.service) })
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let asked = ecs::service(&at.session, &self.cluster, &self.service);
        let why = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(Some(found))) if found.running_count() > 0 => {
                let detail = format!("{} tasks still run", found.running_count());
                return Ok(Progress::Running { percent: None, detail });
            }
            Ok(Ok(Some(found))) if found.desired_count() == 0 => {
                let detail = "no task runs any more".to_owned();
                return Ok(Progress::Done { outputs: Outputs::new(), detail });
            }
            Ok(Ok(_)) => "somebody started it again".to_owned(),
            Ok(Err(error)) if passes(&error) => return Err(error),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} seconds", PATIENCE.as_secs()),
        };
        Ok(Progress::Done { outputs: self.doubt(at, &why), detail: "not fenced".to_owned() })
    }
}

/// Whether a side that lives said so, and only asks for patience.
fn passes(error: &CloudError) -> bool {
    matches!(error, CloudError::Retryable { .. }) && !error.unanswered()
}

impl FenceService {
    /// Scales it to nothing; whether there is such a service.
    async fn stop(&self, at: &At<'_>) -> Result<bool, CloudError> {
        let Some(found) = ecs::service(&at.session, &self.cluster, &self.service).await? else { return Ok(false) };
        if found.desired_count() > 0 {
            ecs::scale(&at.session, &self.cluster, &self.service, 0).await?;
        }
        Ok(true)
    }

    /// Why nobody may rely on it.
    fn doubt(&self, at: &At<'_>, why: &str) -> Outputs {
        let why = why.trim_end_matches(" It is tried again.").trim_end_matches('.');
        let text = format!(
            "{} in {} is not fenced: {why}. Should that region come back, it may take writes until somebody scales it to 0",
            self.service, at.session.region
        );
        Outputs::from([(ISSUE.to_owned(), text)])
    }
}
