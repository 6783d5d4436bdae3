//! Restores of a search for the last right recovery point, and the question that is put to each. Which point a restore is
//! about follows from the answers before it; how it is restored is the test restore's.

use super::{super::background::Outcome, At, Change, Look, finished, verify_check::answered};
use crate::{
    domain::step::{BisectAsk, BisectRestore, ISSUE, Outputs},
    ports::cloud::{CloudError, Probe, Progress, Started},
};

/// What is said of a step that the search could do without.
const NEEDLESS: &str = "not needed: what can be found out is known";

impl Change for BisectRestore {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        match self.chosen(&at.call.inputs) {
            Some((_, _, restore)) => Change::probe(&restore, at).await,
            None => Ok(Probe::Present(finished(&self.instance))),
        }
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        match self.chosen(&at.call.inputs) {
            Some((_, _, restore)) => Change::start(&restore, at).await,
            None => Ok(finished(&self.instance)),
        }
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let Some((place, point, restore)) = self.chosen(&at.call.inputs) else {
            return Ok(Progress::Done { outputs: Outputs::new(), detail: NEEDLESS.to_owned() });
        };
        Ok(match Change::poll(&restore, at).await? {
            Progress::Running { percent, detail } => {
                Progress::Running { percent, detail: format!("{}: {detail}", point.id) }
            }
            Progress::Done { mut outputs, detail } => {
                // It is asked and deleted: that its storage is another one than its source's concerns nobody.
                outputs.remove(ISSUE);
                outputs.extend([BisectRestore::restored(place)]);
                Progress::Done { outputs, detail: format!("{}: {detail}", point.id) }
            }
            // A point that cannot be restored gives no answer; the search goes on without it.
            Progress::Failed { reason } | Progress::Refuted { reason, .. } => Progress::Done {
                outputs: Outputs::from([BisectRestore::restored(place), BisectRestore::unrestored(&reason)]),
                detail: format!("{}: {reason}", point.id),
            },
            gone @ Progress::Gone { .. } => gone,
        })
    }
}

impl Look for BisectAsk {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let inputs = &at.call.inputs;
        let Some(place) = BisectAsk::point(inputs) else {
            return Ok(Progress::Done { outputs: Outputs::new(), detail: NEEDLESS.to_owned() });
        };
        if let Some(why) = BisectAsk::unrestored(inputs) {
            let answer = Err(why.to_owned());
            return Ok(Progress::Done { outputs: BisectAsk::answered(place, &answer), detail: why.to_owned() });
        }
        let (ask, tools) = (self.ask.clone(), at.cloud.tools.clone());
        at.watch(move |session, _, _| async move {
            let answer = answered((&session, &session), &ask, &tools).await?;
            let detail = match &answer {
                Ok(true) => format!("check {} holds", ask.check),
                Ok(false) => format!("check {} does not hold", ask.check),
                Err(why) => format!("check {} is not answered: {why}", ask.check),
            };
            Ok(Progress::Done { outputs: BisectAsk::answered(place, &answer), detail })
        })
    }
}
