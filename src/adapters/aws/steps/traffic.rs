//! Traffic between the two sides of a platform: weights of records, the wait until clients follow them, and the drill that writes
//! records as they are.

use aws_sdk_route53::types::ResourceRecordSet;
use sha2::{Digest as _, Sha256};

use super::{
    super::{background::Outcome, route53, session::Session},
    At, Change, Look, begun,
};
use crate::{
    domain::{
        moment::spoken,
        step::{CompareRecords, Outputs, RECORDS, RewriteRecords, SettleTraffic, ShiftTraffic, Weighing},
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
        reached(at, format!("INSYNC: {}", told(&self.records))).await
    }
}

impl Change for RewriteRecords {
    /// As for a shift.
    async fn probe(&self, _: &At<'_>) -> Result<Probe, CloudError> {
        Ok(Probe::Absent)
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let mut sets = Vec::new();
        for weighing in &self.records {
            let set = found(&at.session, &self.zone, weighing).await?;
            if set.weight != Some(weighing.weight.into()) {
                return Err(CloudError::Permanent { reason: moved(weighing, set.weight) });
            }
            sets.push(set);
        }
        let outputs = [(RECORDS.to_owned(), digest(&sets))].into();
        let change = route53::upsert(&at.session, &self.zone, sets).await?;
        Ok(Started { outputs, ..begun(&change) })
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        reached(at, "INSYNC: every name server has the change".to_owned()).await
    }
}

impl Look for CompareRecords {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let mut sets = Vec::new();
        for weighing in &self.records {
            sets.push(found(&at.session, &self.zone, weighing).await?);
        }
        if at.call.inputs.get(RECORDS).is_some_and(|before| *before == digest(&sets)) {
            let detail = format!("as they were: {}", told(&self.records));
            return Ok(Progress::Done { outputs: Outputs::new(), detail });
        }
        let reason = format!(
            "The records of hosted zone {} are not what they were before the drill: {}. Somebody else has changed them since, or in that moment. Look at the zone, put right what is wrong, then hold the drill again.",
            self.zone,
            sets.iter().map(shown).collect::<Vec<_>>().join("; ")
        );
        Ok(Progress::Failed { reason })
    }
}

/// Whether the change that was asked for has reached every name server.
async fn reached(at: &At<'_>, detail: String) -> Outcome {
    let Some(change) = at.call.external_id.as_deref() else {
        return Ok(Progress::Gone { reason: "the id of the change is not known".to_owned() });
    };
    if !route53::in_sync(&at.session, change).await? {
        return Ok(Progress::Running { percent: None, detail: "PENDING".to_owned() });
    }
    Ok(Progress::Done { outputs: Outputs::new(), detail })
}

/// Everything that a weighted record set says, on one line.
fn shown(set: &ResourceRecordSet) -> String {
    let values: Vec<&str> = set.resource_records().iter().map(|record| record.value.as_str()).collect();
    let alias =
        set.alias_target().map(|to| format!("{} {} {}", to.hosted_zone_id, to.dns_name, to.evaluate_target_health));
    format!(
        "{} {} {} weight {} ttl {} health check {} to {}",
        set.name,
        set.r#type.as_str(),
        set.set_identifier().unwrap_or("-"),
        set.weight.map_or("-".to_owned(), |weight| weight.to_string()),
        set.ttl.map_or("-".to_owned(), |ttl| ttl.to_string()),
        set.health_check_id().unwrap_or("-"),
        alias.unwrap_or_else(|| values.join(" "))
    )
}

/// By which it is known that record sets are what they were.
fn digest(sets: &[ResourceRecordSet]) -> String {
    let lines: Vec<String> = sets.iter().map(shown).collect();
    hex::encode(Sha256::digest(lines.join("\n")))
}

/// What is said of a weight that is not what it was.
fn moved(weighing: &Weighing, weight: Option<i64>) -> String {
    let is = weight.map_or("none".to_owned(), |weight| weight.to_string());
    format!(
        "Somebody moved {} {} since: its weight is {is}, not {}. Look at the zone before anything else.",
        weighing.name, weighing.set, weighing.weight
    )
}

impl Look for SettleTraffic {
    /// Resolvers and clients keep an answer for as long as it says; weights that somebody moves meanwhile begin anew.
    async fn poll(&self, at: &At<'_>) -> Outcome {
        for weighing in &self.records {
            let weight = found(&at.session, &self.zone, weighing).await?.weight;
            if weight != Some(weighing.weight.into()) {
                return Ok(Progress::Failed { reason: moved(weighing, weight) });
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
