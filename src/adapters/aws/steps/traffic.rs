//! Traffic between the two sides of a platform: weights of records, and the wait until clients follow them.

use aws_sdk_route53::types::ResourceRecordSet;

use super::{
    super::{background::Outcome, route53, session::Session},
    At, Change, Look, begun,
};
use crate::{
    domain::{
        moment::spoken,
        step::{Outputs, SettleTraffic, ShiftTraffic, Weighing},
    },
    ports::cloud::{CloudError, Probe, Progress, Started},
};

impl Change for ShiftTraffic {
    /// Whole record sets are written again, however often: that changes nothing but the id of the change, without which nobody
    /// knows when it has reached all name servers.
    async fn probe(&self, _: &At<'_>) -> Result<Probe, CloudError> {
        Ok(Probe::Absent)
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let mut sets = Vec::new();
        for weighing in &self.records {
            let mut set = found(&at.session, &self.zone, weighing).await?;
            set.weight = Some(weighing.weight.into());
            sets.push(set);
        }
        Ok(begun(&route53::upsert(&at.session, &self.zone, sets).await?))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let Some(change) = at.call.external_id.as_deref() else {
            return Ok(Progress::Gone { reason: "the id of the change is not known".to_owned() });
        };
        if !route53::in_sync(&at.session, change).await? {
            return Ok(Progress::Running { percent: None, detail: "PENDING".to_owned() });
        }
        let detail = format!("INSYNC: {}", told(&self.records));
        Ok(Progress::Done { outputs: Outputs::new(), detail })
    }
}

impl Look for SettleTraffic {
    /// Resolvers and clients keep an answer for as long as it says; weights that somebody moves meanwhile begin anew.
    async fn poll(&self, at: &At<'_>) -> Outcome {
        for weighing in &self.records {
            let weight = found(&at.session, &self.zone, weighing).await?.weight;
            if weight != Some(weighing.weight.into()) {
                let is = weight.map_or("none".to_owned(), |weight| weight.to_string());
                let reason = format!(
                    "Somebody moved {} {} since: its weight is {is}, not {}. Look at the zone before anything else.",
                    weighing.name, weighing.set, weighing.weight
                );
                return Ok(Progress::Failed { reason });
            }
        }
        let (whole, waited) = (std::time::Duration::from_secs(self.seconds), at.session.now().since(at.call.intended));
        if waited >= whole {
            let detail = format!("{} after INSYNC; clients that keep a connection stay on it", spoken(waited));
            return Ok(Progress::Done { outputs: Outputs::new(), detail });
        }
        let percent = u8::try_from(waited.as_secs() * 100 / self.seconds.max(1)).ok();
        Ok(Progress::Running { percent, detail: format!("{} of {}", spoken(waited), spoken(whole)) })
    }
}

/// The record set that is weighed, out of its whole group.
async fn found(session: &Session, zone: &str, weighing: &Weighing) -> Result<ResourceRecordSet, CloudError> {
    let group = route53::group(session, zone, &weighing.name, &weighing.kind).await?;
    let own = |set: &ResourceRecordSet| set.set_identifier() == Some(weighing.set.as_str()) && set.weight.is_some();
    group.into_iter().find(own).ok_or_else(|| CloudError::Permanent {
        reason: format!(
            "Hosted zone {zone} has no weighted record {} {} with the set identifier {}. Correct `dns` in bbws.toml, or make the record.",
            weighing.name, weighing.kind, weighing.set
        ),
    })
}

fn told(records: &[Weighing]) -> String {
    let each = records.iter().map(|w| format!("{} {} {}", w.name, w.set, w.weight));
    each.collect::<Vec<_>>().join(", ")
}
