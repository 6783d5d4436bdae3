//! Secrets Manager: secrets with versions and stages, their replicas in other regions.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    super::{
        judge::Made,
        time::{Phase, Timeline, between, hex_for},
        world::{
            kms::SECRETS_KEY,
            secrets::{Replica, Secret},
        },
    },
    Context, Outcome, Refusal, Request, paging,
};
use crate::domain::moment::Moment;

/// Most entries of a list, and of a batch.
const PAGE: usize = 100;
const BATCH: usize = 20;
const CURRENT: &str = "AWSCURRENT";

pub(super) fn serve(cx: &mut Context<'_>, request: &Request) -> Outcome {
    match request.operation.as_str() {
        "BatchGetSecretValue" => batch(cx, request),
        "CreateSecret" => create(cx, request),
        "DeleteSecret" => delete(cx, request),
        "DescribeSecret" => describe(cx, request),
        "GetSecretValue" => value(cx, request),
        "ListSecrets" => list(cx, request),
        "PutSecretValue" => put(cx, request),
        "ReplicateSecretToRegions" => replicate(cx, request),
        "RestoreSecret" => restore(cx, request),
        "StopReplicationToReplica" => promote(cx, request),
        "UpdateSecretVersionStage" => stage(cx, request),
        _ => Err(super::unknown(request)),
    }
}

fn create(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (name, now) = (request.need("Name")?, cx.now);
    let version = version_id(cx, request);
    match cx.place(request).secrets.secrets.get(name) {
        Some(there) if there.deleted.is_some_and(|end| end > now) => {
            let why = "You can't create this secret because a secret with this name is already scheduled for deletion.";
            return Err(Refusal::new("InvalidRequestException", why));
        }
        Some(there) if there.deleted.is_none() => {
            // The same request again is the same secret.
            if request.text("ClientRequestToken").is_some_and(|token| there.versions.contains_key(token)) {
                return Ok(json!({ "ARN": there.arn, "Name": name, "VersionId": version }));
            }
            let why = format!("The operation failed because the secret {name} already exists.");
            return Err(Refusal::new("ResourceExistsException", why));
        }
        _ => {}
    }
    let seed = cx.world.seed;
    let letters = &hex_for(seed, &format!("secret/{}/{}/{name}", request.account(), request.region), 6);
    let arn = format!("arn:aws:secretsmanager:{}:{}:secret:{name}-{letters}", request.region, request.account());
    let mut secret = Secret::new(arn.clone(), now);
    secret.description = request.text("Description").map(str::to_owned);
    secret.key = request.text("KmsKeyId").map(str::to_owned);
    secret.tags = request.tags("Tags");
    let given = given(request);
    if let Some((string, binary)) = given.clone() {
        secret.put(version.clone(), string, binary, now);
    }
    cx.place(request).secrets.secrets.insert(name.to_owned(), secret);
    spread(cx, request, name, request.list("AddReplicaRegions"))?;
    changed(cx, request, name, &version);
    Ok(json!({ "ARN": arn, "Name": name, "VersionId": given.map(|_| version) }))
}

/// Text and bytes of a request, if it has any.
fn given(request: &Request) -> Option<(Option<String>, Option<String>)> {
    let text = |name: &str| request.input[name].as_str().map(str::to_owned);
    let (string, binary) = (text("SecretString"), text("SecretBinary"));
    (string.is_some() || binary.is_some()).then_some((string, binary))
}

fn version_id(cx: &mut Context<'_>, request: &Request) -> String {
    request.text("ClientRequestToken").map_or_else(|| cx.world.next_id("secret"), str::to_owned)
}

fn put(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("SecretId")?.to_owned();
    let Some((string, binary)) = given(request) else {
        return Err(request.invalid("You must provide either SecretString or SecretBinary."));
    };
    let (version, now) = (version_id(cx, request), cx.now);
    let (name, secret) = living(cx, request, &id)?;
    if secret.primary.is_some() {
        return Err(Refusal::new("InvalidRequestException", "Operation not permitted on a replica secret."));
    }
    if let Some(there) = secret.versions.get(&version) {
        if (&there.string, &there.binary) != (&string, &binary) {
            let why = "You can't use this ClientRequestToken: a version with it exists and its value is another one.";
            return Err(Refusal::new("ResourceExistsException", why));
        }
    } else {
        secret.put(version.clone(), string, binary, now);
    }
    let arn = secret.arn.clone();
    resend(cx, request, &name);
    changed(cx, request, &name, &version);
    Ok(json!({ "ARN": arn, "Name": name, "VersionId": version, "VersionStages": [CURRENT] }))
}

fn changed(cx: &mut Context<'_>, request: &Request, name: &str, version: &str) {
    let made = Made::SecretVersion { name: name.to_owned(), version: version.to_owned() };
    cx.changed(request, format!("value of secret {name}"), made);
}

/// `UpdateSecretVersionStage`: a stage goes from one version to another; what loses AWSCURRENT becomes the previous one.
fn stage(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, stage) = (request.need("SecretId")?.to_owned(), request.need("VersionStage")?);
    let (to, from) = (request.text("MoveToVersionId"), request.text("RemoveFromVersionId"));
    let now = cx.now;
    let (name, secret) = living(cx, request, &id)?;
    let holder = secret.at_stage(stage).map(|(id, _)| id.clone());
    if to.is_some_and(|to| !secret.versions.contains_key(to)) {
        let why = "Secrets Manager can't find the specified secret version.";
        return Err(Refusal::new("ResourceNotFoundException", why));
    }
    let lost = holder.filter(|holder| to != Some(holder));
    if let Some(holder) = &lost
        && from != Some(holder)
    {
        let why = format!(
            "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
        );
        return Err(Refusal::new("InvalidParameterException", why));
    }
    if stage == CURRENT && to.is_none() {
        let why =
            "You can only move staging label AWSCURRENT to a different secret version. It can't be completely removed.";
        return Err(Refusal::new("InvalidParameterException", why));
    }
    for (id, version) in &mut secret.versions {
        version.stages.retain(|has| has != stage && (stage != CURRENT || has != "AWSPREVIOUS"));
        if Some(id.as_str()) == to {
            version.stages.push(stage.to_owned());
        } else if stage == CURRENT && Some(id) == lost.as_ref() {
            version.stages.push("AWSPREVIOUS".to_owned());
        }
    }
    secret.versions.retain(|_, version| !version.stages.is_empty());
    secret.changed = now;
    let arn = secret.arn.clone();
    let current = secret.at_stage(CURRENT).map(|(id, _)| id.clone()).unwrap_or_default();
    resend(cx, request, &name);
    changed(cx, request, &name, &current);
    Ok(json!({ "ARN": arn, "Name": name }))
}

fn value(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("SecretId")?.to_owned();
    one(cx, request, &id, request.text("VersionId"), request.text("VersionStage").unwrap_or(CURRENT))
}

fn one(cx: &mut Context<'_>, request: &Request, id: &str, version: Option<&str>, stage: &str) -> Outcome {
    let (name, secret) = living(cx, request, id)?;
    let found = match version {
        Some(version) => secret.versions.get_key_value(version),
        None => secret.at_stage(stage),
    };
    let Some((version, found)) = found else {
        let why = format!("Secrets Manager can't find the specified secret value for staging label: {stage}");
        return Err(Refusal::new("ResourceNotFoundException", why));
    };
    let answer = json!({
        "ARN": secret.arn,
        "Name": name,
        "VersionId": version,
        "SecretString": found.string,
        "SecretBinary": found.binary,
        "VersionStages": found.stages,
        "CreatedDate": request.time(found.created),
    });
    let key = secret.key.clone().unwrap_or_else(|| SECRETS_KEY.to_owned());
    match cx.place(request).kms.usable(&key) {
        Some(_) => Ok(answer),
        None => {
            let why = "Secrets Manager can't decrypt the protected secret text using the provided KMS key.";
            Err(Refusal::new("DecryptionFailure", why))
        }
    }
}

fn batch(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let ids: Vec<String> = request.texts("SecretIdList").into_iter().map(str::to_owned).collect();
    if ids.is_empty() || ids.len() > BATCH {
        return Err(request.invalid(format!("SecretIdList must name 1 to {BATCH} secrets.")));
    }
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    for id in ids {
        match one(cx, request, &id, None, CURRENT) {
            Ok(found) => values.push(found),
            Err(refusal) => {
                errors.push(json!({ "SecretId": id, "ErrorCode": refusal.code, "Message": refusal.message }));
            }
        }
    }
    Ok(json!({ "SecretValues": values, "Errors": errors }))
}

fn describe(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, now) = (request.need("SecretId")?.to_owned(), cx.now);
    let (name, secret) = known(cx, request, &id)?;
    Ok(shown(request, &name, secret, now))
}

fn list(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (now, all) = (cx.now, request.flag("IncludePlannedDeletion"));
    let most = request.number("MaxResults").and_then(|most| usize::try_from(most).ok());
    let most = most.map_or(PAGE, |most| most.clamp(1, PAGE));
    let table = &cx.place(request).secrets.secrets;
    let wanted = |name: &str, secret: &Secret| {
        let there = secret.deleted.is_none_or(|end| all && end > now) && secret.visible <= now;
        there && request.list("Filters").iter().all(|filter| passes(filter, name, secret))
    };
    let show = |name: &str, secret: &Secret| {
        let mut entry = shown(request, name, secret, now);
        // A list says it in other words than a description, and nothing of replicas.
        if let Some(entry) = entry.as_object_mut() {
            let stages = entry.remove("VersionIdsToStages");
            entry.insert("SecretVersionsToStages".to_owned(), stages.unwrap_or_default());
            entry.remove("ReplicationStatus");
        }
        entry
    };
    let (page, next) = paging::keyed(request, table, request.text("NextToken"), most, wanted, show)?;
    Ok(json!({ "SecretList": page, "NextToken": next }))
}

/// A filter's values are alternatives; one that begins with `!` excludes.
fn passes(filter: &Value, name: &str, secret: &Secret) -> bool {
    let values = filter["Values"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let meets = |value: &str| match filter["Key"].as_str() {
        Some("name") => name.starts_with(value),
        Some("description") => secret.description.as_deref().unwrap_or_default().starts_with(value),
        Some("tag-key") => secret.tags.keys().any(|key| key.starts_with(value)),
        Some("tag-value") => secret.tags.values().any(|tag| tag.starts_with(value)),
        Some("primary-region") => secret.primary.as_deref().unwrap_or_default().starts_with(value),
        _ => true,
    };
    let (no, yes): (Vec<&str>, Vec<&str>) = values.partition(|value| value.starts_with('!'));
    no.iter().all(|value| !meets(&value[1..])) && (yes.is_empty() || yes.iter().any(|value| meets(value)))
}

fn shown(request: &Request, name: &str, secret: &Secret, now: Moment) -> Value {
    let stages: Map<String, Value> =
        secret.versions.iter().map(|(id, version)| (id.clone(), json!(version.stages))).collect();
    let replicas: Vec<Value> =
        secret.replicas.iter().map(|(region, replica)| of_replica(region, replica, now)).collect();
    let rotation = secret.rotation.as_ref();
    json!({
        "ARN": secret.arn,
        "Name": name,
        "Description": secret.description,
        "KmsKeyId": secret.key,
        "RotationEnabled": rotation.map(|_| true),
        "RotationLambdaARN": rotation.map(|rotation| &rotation.lambda),
        "RotationRules": rotation.map(|rotation| json!({ "AutomaticallyAfterDays": rotation.days })),
        "LastRotatedDate": secret.rotated.map(|at| request.time(at)),
        "LastChangedDate": request.time(secret.changed),
        "DeletedDate": secret.deleted.map(|at| request.time(at)),
        "Tags": secret.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect::<Vec<_>>(),
        "VersionIdsToStages": (!stages.is_empty()).then_some(stages),
        "CreatedDate": request.time(secret.created),
        "PrimaryRegion": secret.primary.clone().or_else(|| (!replicas.is_empty()).then(|| request.region.clone())),
        "ReplicationStatus": (!replicas.is_empty()).then_some(replicas),
    })
}

fn of_replica(region: &str, replica: &Replica, now: Moment) -> Value {
    let (status, message) = match replica.course.phase(now) {
        Phase::Queued | Phase::Running(_) => ("InProgress", None),
        Phase::Done => ("InSync", None),
        Phase::Failed(why) => ("Failed", Some(why)),
    };
    let key = replica.key.as_deref().unwrap_or(SECRETS_KEY);
    json!({ "Region": region, "KmsKeyId": key, "Status": status, "StatusMessage": message })
}

fn delete(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, now) = (request.need("SecretId")?.to_owned(), cx.now);
    let days = request.number("RecoveryWindowInDays").unwrap_or(30);
    if !(7..=30).contains(&days) {
        return Err(request.invalid("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."));
    }
    let forced = request.flag("ForceDeleteWithoutRecovery");
    let (name, secret) = known(cx, request, &id)?;
    if !secret.replicas.is_empty() {
        let why = "You can't delete secret that still has replica regions.";
        return Err(Refusal::new("InvalidRequestException", why));
    }
    let window = Duration::from_secs(86_400 * u64::try_from(days).unwrap_or(0));
    let end = if forced { now } else { now + window };
    let answer = json!({ "ARN": secret.arn, "Name": name, "DeletionDate": request.time(end) });
    secret.deleted = Some(end);
    if forced {
        cx.place(request).secrets.secrets.remove(&name);
    }
    Ok(answer)
}

fn restore(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("SecretId")?.to_owned();
    let (name, secret) = known(cx, request, &id)?;
    secret.deleted = None;
    Ok(json!({ "ARN": secret.arn, "Name": name }))
}

fn replicate(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("SecretId")?.to_owned();
    let (name, _) = living(cx, request, &id)?;
    spread(cx, request, &name, request.list("AddReplicaRegions"))?;
    let now = cx.now;
    let (_, secret) = living(cx, request, &id)?;
    let status: Vec<Value> = secret.replicas.iter().map(|(region, replica)| of_replica(region, replica, now)).collect();
    Ok(json!({ "ARN": secret.arn, "ReplicationStatus": status }))
}

/// `StopReplicationToReplica`: asked where the replica is, whose source need not answer.
fn promote(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("SecretId")?.to_owned();
    let now = cx.now;
    let (name, secret) = living(cx, request, &id)?;
    let Some(source) = secret.primary.take() else {
        return Err(Refusal::new("InvalidRequestException", "The secret is not a replica."));
    };
    secret.changed = now;
    let (arn, version) = (secret.arn.clone(), secret.at_stage(CURRENT).map(|(id, _)| id.clone()).unwrap_or_default());
    let from = &mut cx.world.region(request.account(), &source).secrets.secrets;
    if let Some(source) = from.get_mut(&name) {
        source.replicas.remove(&request.region);
    }
    let made = Made::SecretVersion { name: name.clone(), version };
    cx.changed(request, format!("promotion of secret {name}"), made);
    Ok(json!({ "ARN": arn }))
}

/// Adds replicas of a secret in other regions.
fn spread(cx: &mut Context<'_>, request: &Request, name: &str, regions: &[Value]) -> Result<(), Refusal> {
    for wanted in regions {
        let Some(region) = wanted["Region"].as_str() else { return Err(request.invalid("A replica needs a region.")) };
        let key = wanted["KmsKeyId"].as_str().map(str::to_owned);
        let course = Timeline::instant(cx.now);
        if let Some(secret) = cx.place(request).secrets.secrets.get_mut(name) {
            secret.replicas.insert(region.to_owned(), Replica { key, course });
        }
    }
    if !regions.is_empty() {
        resend(cx, request, name);
    }
    Ok(())
}

/// Sends what a secret holds now to its replicas.
fn resend(cx: &mut Context<'_>, request: &Request, name: &str) {
    let Some(secret) = cx.place(request).secrets.secrets.get(name).cloned() else { return };
    for (region, replica) in &secret.replicas {
        let fate = cx.fate(request);
        let lasts = fate.stretch(between(cx.world.seed, &format!("secret/{name}/{region}"), 2, 10));
        let key = replica.key.as_deref().unwrap_or(SECRETS_KEY);
        let unusable = cx.world.region(request.account(), region).kms.usable(key).is_none();
        let fails = match unusable || fate.fails {
            true => Some(format!("Replication to {region} failed: the KMS key cannot be used.")),
            false => None,
        };
        let course = Timeline::new(cx.now, cx.now, lasts, fails);
        let arn = secret.arn.replacen(&format!(":{}:", request.region), &format!(":{region}:"), 1);
        if course.fails.is_none() {
            let there = &mut cx.world.region(request.account(), region).secrets.secrets;
            let visible = there.get(name).map_or(course.ends, |there| there.visible);
            let copy = Secret {
                arn,
                key: replica.key.clone(),
                primary: Some(request.region.clone()),
                replicas: Default::default(),
                visible,
                ..secret.clone()
            };
            there.insert(name.to_owned(), copy);
        }
        if let Some(own) = cx.place(request).secrets.secrets.get_mut(name) {
            own.replicas.insert(region.clone(), Replica { key: replica.key.clone(), course });
        }
    }
}

/// A secret by its name, its ARN, or the ARN without its last letters; also one that is to be deleted.
fn known<'c>(cx: &'c mut Context<'_>, request: &Request, id: &str) -> Result<(String, &'c mut Secret), Refusal> {
    let now = cx.now;
    let secrets = &mut cx.place(request).secrets.secrets;
    let found = secrets.iter().find(|(name, secret)| {
        *name == id || secret.arn == id || secret.arn.rsplit_once('-').is_some_and(|(arn, _)| arn == id)
    });
    let name = found.filter(|(_, secret)| secret.visible <= now && secret.deleted.is_none_or(|end| end > now));
    let name = name.map(|(name, _)| name.clone()).ok_or_else(not_found)?;
    secrets.get_mut(&name).map(|secret| (name, secret)).ok_or_else(not_found)
}

/// The same, but one that can be read.
fn living<'c>(cx: &'c mut Context<'_>, request: &Request, id: &str) -> Result<(String, &'c mut Secret), Refusal> {
    let (name, secret) = known(cx, request, id)?;
    if secret.deleted.is_some() {
        let why = "You can't perform this operation on the secret because it was marked for deletion.";
        return Err(Refusal::new("InvalidRequestException", why));
    }
    Ok((name, secret))
}

fn not_found() -> Refusal {
    Refusal::new("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}
