//! Secrets Manager: every secret under a prefix, exported as one object that S3 encrypts under KMS.
//!
//! Values are held in memory that is wiped when it is let go, and in nothing else of ours; they are never logged.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_secretsmanager::{
    operation::describe_secret::DescribeSecretOutput,
    primitives::Blob,
    types::{Filter, FilterNameStringType, SecretListEntry, SecretValueEntry, StatusType, Tag},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use secrecy::zeroize::{Zeroize as _, Zeroizing};
use serde::Serialize;

use super::{
    error::Attempt,
    kms,
    s3::{self, Object},
    session::Session,
    side_by_side, tags,
};
use crate::{
    domain::text::count,
    ports::cloud::{Call, CloudError, Condition, Probe, Started},
};

/// AWS's limit for BatchGetSecretValue.
const BATCH: usize = 20;
/// More secrets than this under one prefix are a mistake in the prefix.
const MOST: usize = 5000;

/// The stage of the version that applications read.
pub const CURRENT: &str = "AWSCURRENT";

/// The exported document. Its name and version are read by whoever restores from it.
#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    operation: &'a str,
    environment: &'a str,
    account: &'a str,
    region: &'a str,
    prefix: &'a str,
    secrets: Vec<Exported<'a>>,
}

#[derive(Serialize)]
struct Exported<'a> {
    name: &'a str,
    arn: &'a str,
    version_id: &'a str,
    version_stages: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    string: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binary: Option<&'a str>,
}

/// One secret with its value; the value is wiped when it is dropped.
struct Secret {
    name: String,
    arn: String,
    version_id: String,
    version_stages: Vec<String>,
    string: Option<Zeroizing<String>>,
    binary: Option<Zeroizing<String>>,
}

impl From<SecretValueEntry> for Secret {
    fn from(entry: SecretValueEntry) -> Secret {
        let binary = entry.secret_binary.map(|blob| {
            let raw = Zeroizing::new(blob.into_inner());
            Zeroizing::new(BASE64.encode(raw.as_slice()))
        });
        Secret {
            name: entry.name.unwrap_or_default(),
            arn: entry.arn.unwrap_or_default(),
            version_id: entry.version_id.unwrap_or_default(),
            version_stages: entry.version_stages.unwrap_or_default(),
            string: entry.secret_string.map(Zeroizing::new),
            binary,
        }
    }
}

impl Secret {
    fn exported(&self) -> Exported<'_> {
        Exported {
            name: &self.name,
            arn: &self.arn,
            version_id: &self.version_id,
            version_stages: &self.version_stages,
            string: self.string.as_ref().map(|s| s.as_str()),
            binary: self.binary.as_ref().map(|s| s.as_str()),
        }
    }

    fn length(&self) -> usize {
        let value = self.string.as_ref().map_or(0, |s| s.len()) + self.binary.as_ref().map_or(0, |s| s.len());
        value + self.name.len() + self.arn.len()
    }
}

/// Names of all secrets under the prefix, sorted.
///
/// # Errors
/// See [`CloudError`].
pub async fn names(session: &Session, prefix: &str) -> Result<Vec<String>, CloudError> {
    let mut names: Vec<String> = entries(session, prefix).await?.into_iter().filter_map(|s| s.name).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// Everything AWS tells of the secrets under the prefix, but their values.
async fn entries(session: &Session, prefix: &str) -> Result<Vec<SecretListEntry>, CloudError> {
    let attempt = session.reads("secretsmanager:ListSecrets", format!("secrets under {prefix}"));
    let filter = Filter::builder().key(FilterNameStringType::Name).values(prefix).build();
    let mut pages = session.secrets().list_secrets().filters(filter).max_results(100).into_paginator().send();
    let mut entries = Vec::new();
    while let Some(page) = pages.next().await {
        let secrets = page.map_err(|e| attempt.failed(e))?.secret_list.unwrap_or_default();
        // AWS's filter is about words of a name; ours is about its beginning.
        entries.extend(secrets.into_iter().filter(|s| s.name().is_some_and(|name| name.starts_with(prefix))));
        if entries.len() > MOST {
            return Err(
                attempt.never(&format!("there are more than {MOST}"), "Narrow `secrets_prefix` in the config file.")
            );
        }
    }
    Ok(entries)
}

/// Names of the secrets under the prefix that are replicas of another region's, sorted.
///
/// # Errors
/// See [`CloudError`].
pub async fn replicas(session: &Session, prefix: &str) -> Result<Vec<String>, CloudError> {
    let found = origins(session, prefix).await?.into_iter();
    Ok(found.filter(|(_, replica)| *replica).map(|(name, _)| name).collect())
}

/// Names of all secrets under the prefix, each with whether it is a replica of another region's.
///
/// # Errors
/// See [`CloudError`].
pub async fn origins(session: &Session, prefix: &str) -> Result<BTreeMap<String, bool>, CloudError> {
    // A secret that is replicated names its own region.
    let elsewhere = |s: &SecretListEntry| s.primary_region().is_some_and(|region| region != session.region);
    let found = entries(session, prefix).await?.into_iter();
    Ok(found.filter_map(|s| Some((s.name.clone()?, elsewhere(&s)))).collect())
}

/// Makes a replica a secret of its own.
///
/// # Errors
/// See [`CloudError`].
pub async fn promote(session: &Session, name: &str) -> Result<(), CloudError> {
    let attempt = session.changes("secretsmanager:StopReplicationToReplica", format!("replica of secret {name}"));
    let request = session.secrets().stop_replication_to_replica().secret_id(name);
    request.send().await.map(drop).map_err(|error| attempt.failed(error))
}

/// Whether every secret under the prefix has a replica in the other region, and all of them are in sync.
///
/// # Errors
/// See [`CloudError`].
pub async fn in_sync(here: &Session, there: &Session, prefix: &str) -> Result<bool, CloudError> {
    let replicas: BTreeSet<String> = entries(there, prefix)
        .await?
        .into_iter()
        .filter(|s| s.primary_region() == Some(here.region.as_str()))
        .filter_map(|s| s.name)
        .collect();
    if replicas.is_empty() {
        return Ok(false);
    }
    let names = names(here, prefix).await?;
    // Each is only described where all are replicated at all.
    if names.is_empty() || !names.iter().all(|name| replicas.contains(name)) {
        return Ok(false);
    }
    let described = side_by_side(names.iter().map(|name| describe(here, name)).collect()).await;
    let described: Vec<Option<DescribeSecretOutput>> = described.into_iter().collect::<Result<_, _>>()?;
    Ok(described.iter().flatten().all(|secret| {
        let mut replicas = secret.replication_status().iter().filter(|r| r.region() == Some(there.region.as_str()));
        replicas.any(|r| r.status == Some(StatusType::InSync))
    }))
}

/// Version ids of secrets as they are now, by name, or why there is none. No value is read.
///
/// # Errors
/// `Retryable` when nobody can tell now.
pub async fn described(session: &Session, names: &[String]) -> Result<BTreeMap<String, Condition>, CloudError> {
    let found = side_by_side(names.iter().map(|name| version(session, name)).collect()).await;
    names.iter().cloned().zip(found).map(|(name, found)| Ok((name, found?))).collect()
}

async fn version(session: &Session, name: &str) -> Result<Condition, CloudError> {
    let found = match describe(session, name).await {
        Ok(found) => found,
        Err(error) => return kms::missing(error),
    };
    let Some(secret) = found else {
        return Ok(Err(format!(
            "Secret {name} does not exist in {}. Create it or correct the config file.",
            session.region
        )));
    };
    if secret.deleted_date.is_some() {
        return Ok(Err(format!("Secret {name} in {} is scheduled for deletion. Restore it.", session.region)));
    }
    let current = |stages: &Vec<String>| stages.iter().any(|stage| stage == "AWSCURRENT");
    let version = secret.version_ids_to_stages.unwrap_or_default().into_iter().find(|(_, stages)| current(stages));
    Ok(version
        .map(|(id, _)| id)
        .ok_or_else(|| format!("Secret {name} in {} has no value. Give it one.", session.region)))
}

/// What AWS says of a secret; never its value. `None` where there is none.
///
/// # Errors
/// See [`CloudError`].
pub async fn describe(session: &Session, name: &str) -> Result<Option<DescribeSecretOutput>, CloudError> {
    let attempt = session.reads("secretsmanager:DescribeSecret", format!("secret {name}"));
    match session.secrets().describe_secret().secret_id(name).send().await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
        Err(error) => Err(attempt.failed(error)),
    }
}

/// What a secret is worth now.
pub enum Live {
    /// There is no such secret.
    Missing,
    /// It is scheduled for deletion, and can be neither read nor written.
    Doomed,
    /// There is one, without a value.
    Empty,
    /// Its current value.
    Value {
        /// Id of the version.
        version: String,
        /// Text.
        string: Option<Zeroizing<String>>,
        /// Bytes in base64.
        binary: Option<Zeroizing<String>>,
    },
}

/// The current value of a secret.
///
/// # Errors
/// See [`CloudError`].
pub async fn value(session: &Session, name: &str) -> Result<Live, CloudError> {
    let attempt = session.reads("secretsmanager:GetSecretValue", format!("secret {name}"));
    match session.secrets().get_secret_value().secret_id(name).send().await {
        Ok(found) => Ok(Live::Value {
            version: found.version_id.unwrap_or_default(),
            string: found.secret_string.map(Zeroizing::new),
            binary: found.secret_binary.map(|blob| {
                let raw = Zeroizing::new(blob.into_inner());
                Zeroizing::new(BASE64.encode(raw.as_slice()))
            }),
        }),
        Err(error) => {
            let (missing, refused) = error
                .as_service_error()
                .map_or((false, false), |e| (e.is_resource_not_found_exception(), e.is_invalid_request_exception()));
            if !missing && !refused {
                return Err(attempt.failed(error));
            }
            Ok(match describe(session, name).await? {
                None => Live::Missing,
                Some(secret) if secret.deleted_date.is_some() => Live::Doomed,
                Some(secret) if secret.version_ids_to_stages.is_none() => Live::Empty,
                Some(_) => return Err(attempt.failed(error)),
            })
        }
    }
}

/// The text of the version of a secret that has this stage; none where there is none.
///
/// # Errors
/// See [`CloudError`].
pub async fn text_at(session: &Session, name: &str, stage: &str) -> Result<Option<Zeroizing<String>>, CloudError> {
    let attempt = session.reads("secretsmanager:GetSecretValue", format!("secret {name}"));
    match session.secrets().get_secret_value().secret_id(name).version_stage(stage).send().await {
        Ok(found) => Ok(found.secret_string.map(Zeroizing::new)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
        Err(error) => Err(attempt.failed(error)),
    }
}

/// A value to be written: text, or bytes in base64.
pub enum Value<'v> {
    /// Text.
    String(&'v str),
    /// Bytes in base64.
    Binary(&'v str),
}

/// Gives a secret another value as a new version of this id. The same again changes nothing.
///
/// # Errors
/// See [`CloudError`].
pub async fn put(session: &Session, name: &str, version: &str, value: &Value<'_>) -> Result<(), CloudError> {
    let attempt = session.changes("secretsmanager:PutSecretValue", format!("secret {name}"));
    let request = session.secrets().put_secret_value().secret_id(name).client_request_token(version);
    let request = match value {
        Value::String(text) => request.secret_string(*text),
        Value::Binary(text) => request.secret_binary(blob(text, &attempt)?),
    };
    request.send().await.map(|_| ()).map_err(|e| attempt.failed(e))
}

/// Makes a secret with a first version of this id.
///
/// # Errors
/// See [`CloudError`].
pub async fn create(
    session: &Session,
    name: &str,
    version: &str,
    value: &Value<'_>,
    call: &Call,
) -> Result<(), CloudError> {
    let attempt = session.changes("secretsmanager:CreateSecret", format!("secret {name}"));
    let tags = tags::of(call).into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    let request = session.secrets().create_secret().name(name).client_request_token(version);
    let request = match value {
        Value::String(text) => request.secret_string(*text),
        Value::Binary(text) => request.secret_binary(blob(text, &attempt)?),
    };
    request.set_tags(Some(tags.collect())).send().await.map(|_| ()).map_err(|e| attempt.failed(e))
}

fn blob(text: &str, attempt: &Attempt<'_>) -> Result<Blob, CloudError> {
    let bytes = BASE64.decode(text);
    bytes.map(Blob::new).map_err(|_| attempt.never("its bytes in the export are not base64", "Choose another export."))
}

/// Makes one version of a secret the current one instead of another.
///
/// # Errors
/// See [`CloudError`].
pub async fn make_current(session: &Session, name: &str, version: &str, instead: &str) -> Result<(), CloudError> {
    let attempt = session.changes("secretsmanager:UpdateSecretVersionStage", format!("secret {name}"));
    let request = session.secrets().update_secret_version_stage().secret_id(name).version_stage(CURRENT);
    let request = request.move_to_version_id(version).remove_from_version_id(instead);
    request.send().await.map(|_| ()).map_err(|e| attempt.failed(e))
}

/// Exports every secret under the prefix into the object, once.
///
/// # Errors
/// See [`CloudError`].
pub async fn export(session: &Session, call: &Call, prefix: &str, object: &Object<'_>) -> Result<Started, CloudError> {
    let names = names(session, prefix).await?;
    if names.is_empty() {
        return Err(CloudError::Permanent {
            reason: format!(
                "There is nothing under prefix {prefix} in {} to export. Check `secrets_prefix` in the config file.",
                session.region
            ),
        });
    }
    let secrets = values(session, &names).await?;
    let document = serialise(session, call, prefix, &secrets)?;
    let metadata = [(s3::COUNT, secrets.len().to_string())];
    drop(secrets);
    s3::put_once(session, object, document, metadata, call).await
}

/// Looks for the object an earlier [`export`] may have made.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe(session: &Session, call: &Call, object: &Object<'_>) -> Result<Probe, CloudError> {
    Ok(match s3::made_by(session, object, call).await? {
        Some(started) => Probe::Present(started),
        None => Probe::Absent,
    })
}

async fn values(session: &Session, names: &[String]) -> Result<Vec<Secret>, CloudError> {
    let mut found: Vec<Secret> = Vec::with_capacity(names.len());
    for chunk in names.chunks(BATCH) {
        let attempt = session.reads(
            "secretsmanager:BatchGetSecretValue",
            format!("values of {} from {}", count(chunk.len(), "secret"), chunk[0]),
        );
        let request = session.secrets().batch_get_secret_value().set_secret_id_list(Some(chunk.to_vec()));
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| attempt.failed(e))?;
            if let Some(error) = page.errors().first() {
                let attempt = session.reads(
                    "secretsmanager:GetSecretValue",
                    format!("secret {}", error.secret_id().unwrap_or_default()),
                );
                return Err(attempt.refused_with(error.error_code(), error.message()));
            }
            found.extend(page.secret_values.unwrap_or_default().into_iter().map(Secret::from));
        }
    }
    // A secret that is silently left out would be missed on the worst of days.
    for name in names {
        if !found.iter().any(|s| s.name == *name && (s.string.is_some() || s.binary.is_some())) {
            let attempt = session.reads("secretsmanager:GetSecretValue", format!("secret {name}"));
            return Err(attempt.never("it has no value", "Give it one or delete it, then retry."));
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn serialise(
    session: &Session,
    call: &Call,
    prefix: &str,
    secrets: &[Secret],
) -> Result<Zeroizing<Vec<u8>>, CloudError> {
    let document = Document {
        format: "bbws.secrets/1",
        operation: &call.operation.0,
        environment: &call.environment.name,
        account: &call.environment.account,
        region: &session.region,
        prefix,
        secrets: secrets.iter().map(Secret::exported).collect(),
    };
    // Room for everything from the start: a buffer that grows leaves unwiped copies behind.
    let room = secrets.iter().map(|s| s.length() * 6 + 512).sum::<usize>() + 1024;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    match serde_json::to_writer(&mut *bytes, &document) {
        Ok(()) => Ok(bytes),
        Err(error) => {
            bytes.zeroize();
            Err(CloudError::Permanent { reason: format!("The secrets could not be written as JSON: {error}") })
        }
    }
}
