//! Secrets brought back from an export: each gets a new version under an id of this operation's own, so that it is made once
//! however often it is asked for; the version that was current keeps the stage AWSPREVIOUS, and the way back moves the stage.

use std::sync::Arc;

use secrecy::zeroize::Zeroizing;
use sha2::{Digest as _, Sha256};

use super::{
    super::{
        background::Outcome,
        secrets::{self, CURRENT, Live, Value},
        session::Session,
        tags,
    },
    At, Change, begun, bulk,
    exported::{self, Reader, Secret},
    verify_secrets::listed,
};
use crate::{
    domain::{
        step::{Export, Outputs, RestoreSecrets, RevertSecrets},
        text::count,
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// What became of one secret.
enum Did {
    /// It has the value now, by us.
    Written(String),
    /// It had it before.
    Equal,
    /// It was missing, and was not to be created.
    Missing(String),
    /// It is as it was before us.
    Back(String),
    /// It is not touched, for this reason.
    Left(String),
}

/// The id of the version that this operation makes of a secret: the same however often it is asked for, and in whichever
/// round. AWS takes 32 to 64 characters.
pub(super) fn version(call: &Call, name: &str) -> String {
    let ledger = tags::ledger(call).unwrap_or_default();
    hex::encode(Sha256::digest(format!("{ledger} {} {name}", call.operation)))
}

/// The id of the version that its way back makes, where the one before is not there to go back to.
pub(super) fn version_back(call: &Call, name: &str) -> String {
    hex::encode(Sha256::digest(format!("{} back", version(call, name))))
}

impl Change for RestoreSecrets {
    /// Every secret is looked at before it is written, and writing the same version again changes nothing.
    async fn probe(&self, _: &At<'_>) -> Result<Probe, CloudError> {
        Ok(Probe::Absent)
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let reader = Reader { session: at.elsewhere(&self.export.region).await, call: at.call.clone() };
        let (session, what) = (Arc::clone(&at.session), self.clone());
        at.cloud.jobs.spawn(&at.call.token, |_| restore(session, reader, what));
        Ok(begun(&self.export.key))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        bulk::poll(at)
    }
}

async fn restore(session: Arc<Session>, reader: Reader, what: RestoreSecrets) -> Outcome {
    let secrets = exported::secrets(&reader, &what.export).await?;
    let did = bulk::each(&secrets, |index| one(&session, &reader.call, &secrets[index], what.create)).await?;
    let (mut written, mut equal, mut missing) = (Vec::new(), 0_usize, Vec::new());
    for did in did {
        match did {
            Did::Written(name) | Did::Back(name) => written.push(name),
            Did::Missing(name) | Did::Left(name) => missing.push(name),
            Did::Equal => equal += 1,
        }
    }
    let mut detail = match written.is_empty() {
        true => "every secret had its value already".to_owned(),
        false => format!("{} written: {}", count(written.len(), "secret"), listed(&written)),
    };
    if equal > 0 && !written.is_empty() {
        detail.push_str(&format!("; {equal} had their value already"));
    }
    if !missing.is_empty() {
        detail.push_str(&format!("; missing and not created: {}", listed(&missing)));
    }
    let numbers = [("written", written.len()), ("same", equal), ("missing", missing.len())];
    let outputs = numbers.into_iter().map(|(name, number)| (name.to_owned(), number.to_string())).collect();
    Ok(Progress::Done { outputs, detail })
}

async fn one(session: &Session, call: &Call, wanted: &Secret, create: bool) -> Result<Did, CloudError> {
    let name = &wanted.name;
    let value = match (&wanted.string, &wanted.binary) {
        (Some(text), _) => Value::String(&text.0),
        (None, Some(bytes)) => Value::Binary(&bytes.0),
        (None, None) => return Ok(Did::Left(name.clone())),
    };
    let own = version(call, name);
    match secrets::value(session, name).await? {
        Live::Missing if create => secrets::create(session, name, &own, &value, call).await?,
        Live::Missing => return Ok(Did::Missing(name.clone())),
        Live::Doomed => return Err(doomed(session, name)),
        Live::Value { version, .. } if version == own => {}
        Live::Value { string, binary, .. } if is_equal(wanted, string.as_ref(), binary.as_ref()) => {
            return Ok(Did::Equal);
        }
        Live::Value { .. } | Live::Empty => secrets::put(session, name, &own, &value).await?,
    }
    Ok(Did::Written(name.clone()))
}

/// Whether a secret has the value that the export has of it.
pub(super) fn is_equal(
    wanted: &Secret,
    string: Option<&Zeroizing<String>>,
    binary: Option<&Zeroizing<String>>,
) -> bool {
    wanted.string.as_ref().map(|v| v.0.as_str()) == string.map(|v| v.as_str())
        && wanted.binary.as_ref().map(|v| v.0.as_str()) == binary.map(|v| v.as_str())
}

fn doomed(session: &Session, name: &str) -> CloudError {
    let reason = format!(
        "Secret {name} in {} is scheduled for deletion, so that it takes no value. Take it back by `aws secretsmanager restore-secret --secret-id {name}`, then retry.",
        session.region
    );
    CloudError::Permanent { reason }
}

impl Change for RevertSecrets {
    /// Where the stage stands is looked at before it is moved.
    async fn probe(&self, _: &At<'_>) -> Result<Probe, CloudError> {
        Ok(Probe::Absent)
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let reader = Reader { session: at.elsewhere(&self.before.region).await, call: at.call.clone() };
        let (session, before) = (Arc::clone(&at.session), self.before.clone());
        at.cloud.jobs.spawn(&at.call.token, |_| revert(session, reader, before));
        Ok(begun(&self.before.key))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        bulk::poll(at)
    }
}

async fn revert(session: Arc<Session>, reader: Reader, before: Export) -> Outcome {
    let secrets = exported::secrets(&reader, &before).await?;
    let did = bulk::each(&secrets, |index| back(&session, &reader.call, &secrets[index])).await?;
    let (mut back, mut left) = (Vec::new(), Vec::new());
    for did in did {
        match did {
            Did::Back(name) => back.push(name),
            Did::Left(name) => left.push(name),
            Did::Written(_) | Did::Equal | Did::Missing(_) => {}
        }
    }
    let mut detail = match back.is_empty() {
        true => "no secret is as this operation made it".to_owned(),
        false => format!("{} as before: {}", count(back.len(), "secret"), listed(&back)),
    };
    if !left.is_empty() {
        detail.push_str(&format!("; written anew since, and left so: {}", listed(&left)));
    }
    let numbers = [("back", back.len()), ("left", left.len())];
    let outputs: Outputs = numbers.into_iter().map(|(name, number)| (name.to_owned(), number.to_string())).collect();
    Ok(Progress::Done { outputs, detail })
}

/// Makes current what was current before, where what is current is ours.
async fn back(session: &Session, call: &Call, before: &Secret) -> Result<Did, CloudError> {
    let Secret { name, version_id, .. } = before;
    let Some(secret) = secrets::describe(session, name).await? else { return Ok(Did::Equal) };
    let stages = secret.version_ids_to_stages.unwrap_or_default();
    let own = version(call, name);
    if !stages.contains_key(&own) {
        return Ok(Did::Equal);
    }
    let current = stages.iter().find(|(_, has)| has.iter().any(|stage| stage == CURRENT)).map(|(id, _)| id);
    if current == Some(version_id) {
        return Ok(Did::Back(name.clone()));
    }
    if current != Some(&own) {
        return Ok(Did::Left(name.clone()));
    }
    secrets::make_current(session, name, version_id, &own).await?;
    Ok(Did::Back(name.clone()))
}
