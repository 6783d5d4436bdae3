//! An export of secrets, read back: whole, readable, and of the versions that are live.
//!
//! Values are skipped while the JSON is read; only that there is one is looked at.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use serde::{Deserialize, de::IgnoredAny};

use super::{
    super::{
        background::Outcome,
        s3::{self, Object},
        secrets,
        session::Session,
        side_by_side,
    },
    At, Look, exported,
};
use crate::{
    domain::{
        step::{Outputs, VerifySecrets},
        text::count,
    },
    ports::cloud::{Call, CloudError, Progress},
};

/// More names than this are counted, not listed.
const NAMED: usize = 10;

#[derive(Deserialize)]
struct Document {
    format: String,
    environment: String,
    secrets: Vec<Exported>,
}

#[derive(Deserialize)]
struct Exported {
    name: String,
    version_id: String,
    string: Option<IgnoredAny>,
    binary: Option<IgnoredAny>,
}

/// An export as it was read back, or why it cannot be relied on.
struct Read {
    versions: BTreeMap<String, String>,
    /// Seconds since 1970 at which it was written.
    written: i64,
}

impl Look for VerifySecrets {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let what = self.clone();
        at.watch(|session, call, _| verify(session, call, what))
    }
}

/// Compares an export with what is live.
async fn verify(session: Arc<Session>, call: Call, what: VerifySecrets) -> Outcome {
    let VerifySecrets { prefix, bucket, key, .. } = &what;
    let object = Object { account: &call.environment.account, bucket, key };
    let refuted = |why: &str| {
        let reason =
            format!("The {} in {} does not hold: {why}. Back up the secrets again.", object.name(), session.region);
        Ok(Progress::Refuted { reason, outputs: Outputs::new() })
    };
    let read = match read(&session, &call, &object).await? {
        Ok(read) => read,
        Err(why) => return refuted(&why),
    };
    let names = secrets::names(&session, prefix).await?;
    let answers = side_by_side(names.iter().map(|name| secrets::describe(&session, name)).collect()).await;
    let live: Vec<DescribeSecretOutput> =
        answers.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let found = Compared::of(&read, &live);
    if !found.lacking.is_empty() {
        return Ok(Progress::Refuted {
            reason: format!(
                "The {} in {} lacks {}, which existed when it was written. Back up the secrets again.",
                object.name(),
                session.region,
                listed(&found.lacking)
            ),
            outputs: found.outputs(&read),
        });
    }
    Ok(Progress::Done { outputs: found.outputs(&read), detail: found.words(&read) })
}

/// What differs, by name.
#[derive(Default)]
struct Compared {
    same: usize,
    rotated: Vec<String>,
    lacking: Vec<String>,
    newer: Vec<String>,
    deleted: Vec<String>,
}

impl Compared {
    fn of(read: &Read, live: &[DescribeSecretOutput]) -> Compared {
        let mut found = Compared::default();
        for secret in live {
            let name = secret.name().unwrap_or_default().to_owned();
            let current = current(secret);
            match (read.versions.get(&name), current) {
                (Some(exported), Some(current)) if exported == current => found.same += 1,
                (Some(_), _) => found.rotated.push(name),
                // One without a value cannot have been exported; one made later is not missing.
                (None, None) => {}
                (None, Some(_)) if secret.created_date().is_some_and(|made| made.secs() >= read.written) => {
                    found.newer.push(name);
                }
                (None, Some(_)) => found.lacking.push(name),
            }
        }
        let alive = |name: &&String| live.iter().any(|secret| secret.name() == Some(name.as_str()));
        found.deleted = read.versions.keys().filter(|name| !alive(name)).cloned().collect();
        found
    }

    fn outputs(&self, read: &Read) -> Outputs {
        let numbers = [
            ("secrets", read.versions.len()),
            ("same", self.same),
            ("rotated", self.rotated.len()),
            ("lacking", self.lacking.len()),
            ("newer", self.newer.len()),
            ("deleted", self.deleted.len()),
        ];
        numbers.into_iter().map(|(key, number)| (key.to_owned(), number.to_string())).collect()
    }

    fn words(&self, read: &Read) -> String {
        let mut words = format!(
            "{} read back, SHA-256 matches, {} in the version that is live",
            count(read.versions.len(), "secret"),
            self.same
        );
        for (what, names) in [
            ("rotated since", &self.rotated),
            ("made since and not in it", &self.newer),
            ("in it but deleted since", &self.deleted),
        ] {
            if !names.is_empty() {
                words.push_str(&format!("; {what}: {}", listed(names)));
            }
        }
        words
    }
}

/// Reads the export back; the inner error says why it cannot be relied on.
async fn read(session: &Session, call: &Call, object: &Object<'_>) -> Result<Result<Read, String>, CloudError> {
    let found = match exported::bytes(session, call.inputs.get(s3::SHA256), object).await? {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    let versions = parse(&found.bytes, &call.environment.name);
    Ok(versions.map(|versions| Read { versions, written: found.written }))
}

fn parse(bytes: &[u8], environment: &str) -> Result<BTreeMap<String, String>, String> {
    // The error's words may hold a piece of a value; its place does not.
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|e| format!("it is not the JSON of an export (line {}, column {})", e.line(), e.column()))?;
    if document.format != "bbws.secrets/1" || document.environment != environment {
        return Err(format!("it is not an export of the secrets of {environment}"));
    }
    let without = document.secrets.iter().find(|s| s.string.is_none() && s.binary.is_none());
    if let Some(secret) = without {
        return Err(format!("secret {} has no value in it", secret.name));
    }
    Ok(document.secrets.into_iter().map(|secret| (secret.name, secret.version_id)).collect())
}

fn current(secret: &DescribeSecretOutput) -> Option<&str> {
    let versions = secret.version_ids_to_stages()?;
    versions.iter().find(|(_, stages)| stages.iter().any(|s| s == "AWSCURRENT")).map(|(id, _)| id.as_str())
}

pub(super) fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let listed = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { listed } else { format!("{listed} and {more} more") }
}
