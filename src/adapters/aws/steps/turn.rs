//! Routing controls, turned over whichever endpoint of their cluster takes it.

use std::time::Duration;

use super::{
    super::{arc, background::Outcome},
    At, Change, begun_ago, begun_at,
};
use crate::{
    domain::step::{Outputs, TurnControls},
    ports::cloud::{CloudError, Probe, Progress, Started},
};

/// So long other endpoints may tell what was before.
const SPREADS: Duration = Duration::from_secs(300);

impl Change for TurnControls {
    /// As they are is as they are, whoever turned them; to turn them again changes nothing.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        Ok(match self.turned(at).await? {
            true => Probe::Present(begun_at(&self.on, at.session.now())),
            false => Probe::Absent,
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let by = arc::turn(&at.session, &self.endpoints, &self.on, &self.off).await?;
        Ok(begun_at(&by, at.session.now()))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        if self.turned(at).await? {
            let detail = format!("{} is on, and {} is off", self.on, self.off);
            return Ok(Progress::Done { outputs: Outputs::new(), detail });
        }
        if begun_ago(at.call, at.session.now()).is_some_and(|ago| ago > SPREADS) {
            let reason = format!(
                "Routing control {} is not on, or {} is not off, although they were turned: somebody turned them back, or a safety rule does. Look at the control panel in ARC, then retry.",
                self.on, self.off
            );
            return Ok(Progress::Failed { reason });
        }
        Ok(Progress::Running { percent: None, detail: "turned; not every endpoint says so yet".to_owned() })
    }
}

impl TurnControls {
    async fn turned(&self, at: &At<'_>) -> Result<bool, CloudError> {
        Ok(arc::states(&at.session, &self.endpoints, &[&self.on, &self.off]).await? == [true, false])
    }
}
