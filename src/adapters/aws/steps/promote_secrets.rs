//! Replicas of secrets become secrets of their own, which can be written where the platform runs now.

use super::{
    super::{background::Outcome, secrets},
    At, Change, begun,
};
use crate::{
    domain::{
        step::{Outputs, PromoteSecrets},
        text::count,
    },
    ports::cloud::{CloudError, Probe, Progress, Started},
};

impl Change for PromoteSecrets {
    /// What is promoted is no replica any more, so that going on after a lost answer promotes nothing twice.
    async fn probe(&self, _: &At<'_>) -> Result<Probe, CloudError> {
        Ok(Probe::Absent)
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        for name in secrets::replicas(&at.session, &self.prefix).await? {
            secrets::promote(&at.session, &name).await?;
        }
        Ok(begun(&self.prefix))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let left = secrets::replicas(&at.session, &self.prefix).await?.len();
        if left > 0 {
            let detail = format!("{} left", count(left, "replica"));
            return Ok(Progress::Running { percent: None, detail });
        }
        let all = secrets::names(&at.session, &self.prefix).await?.len();
        let detail = match all {
            0 => format!("none is under {} in {}, so none was promoted", self.prefix, at.session.region),
            _ => format!("{} of {} can be written", count(all, "secret"), at.session.region),
        };
        Ok(Progress::Done { outputs: Outputs::new(), detail })
    }
}
