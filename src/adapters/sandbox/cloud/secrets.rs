//! Simulated Secrets Manager and S3: the export of secrets and the replication of objects.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::{
    Making, Start,
    journal::Made,
    time::{Course, Phase, between, uuid_for},
    world::{Aws, Object, Region, Replica, is_ours, permanent, tags_of},
};
use crate::{
    domain::{moment::Moment, step::Outputs},
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// Reads the secrets under the prefix and puts one object, never over another.
pub(super) fn export(making: &mut Making<'_>, region: &str, prefix: &str, bucket: &str, key: &str) -> Start {
    let account = making.account().to_owned();
    let (now, call, seed) = (making.now, making.call, making.aws.seed);
    let place = making.aws.region(&account, region)?;
    let Some(target) = place.buckets.get(bucket) else {
        return Err(permanent(format!("bucket {bucket} does not exist in {region}; create it or correct the config")));
    };
    if let Some(existing) = target.objects.get(key) {
        return adopt(existing, call, bucket, key).map(|started| (started, None));
    }
    let names = names_under(place, prefix);
    if names.is_empty() {
        return Err(permanent(format!(
            "there is no secret under {prefix} in {region}; correct `secrets_prefix` in the config"
        )));
    }
    let under = target.key.clone();
    place.usable_key(region, &under).map_err(permanent)?;
    let rule = target.rule.clone();
    let versions = names.iter().map(|n| (n.clone(), place.secret_version(seed, &account, n))).collect();
    let what = format!("object/{account}/{bucket}/{key}");
    let replication = rule.map(|(to_region, to_bucket)| {
        let fate = making.fate(region);
        let fails = fate
            .fails
            .then(|| format!("S3 could not replicate s3://{bucket}/{key} to {to_bucket} (replication FAILED)"));
        let course = Course::new(now, now, fate.stretch(between(seed, &what, 40, 80)), fails);
        Replica { region: to_region, bucket: to_bucket, course }
    });
    let version = uuid_for(seed, &what).replace('-', "");
    let mut object = sealed(&names, version, under, call, Course::instant(now), replication);
    (object.versions, object.resource) = (versions, prefix.to_owned());
    let started = started(&object, bucket, key);
    replicate(making.aws, &account, &object, key);
    if let Some(target) = making.aws.region_mut(&account, region)?.buckets.get_mut(bucket) {
        target.objects.insert(key.to_owned(), object);
    }
    let made = Made::Object { region: region.to_owned(), bucket: bucket.to_owned(), key: key.to_owned() };
    Ok((started, Some(made)))
}

/// Looks for the object under the key.
pub(super) fn probe(aws: &Aws, call: &Call, region: &str, bucket: &str, key: &str) -> Result<Probe, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    match place.buckets.get(bucket).and_then(|b| b.objects.get(key)) {
        None => Ok(Probe::Absent),
        Some(object) => adopt(object, call, bucket, key).map(Probe::Present),
    }
}

/// An export is over when it has been put.
pub(super) fn poll(aws: &Aws, call: &Call, region: &str, bucket: &str, key: &str) -> Result<Progress, CloudError> {
    Ok(match probe(aws, call, region, bucket, key)? {
        Probe::Present(started) => {
            let count = started.outputs.get("count").cloned().unwrap_or_default();
            Progress::Done { outputs: started.outputs, detail: format!("{count} secrets, encrypted") }
        }
        Probe::Absent => {
            Progress::Failed { reason: format!("s3://{bucket}/{key} is not in {region}; press Retry to export again") }
        }
    })
}

/// How far the replication of an object is.
pub(super) fn poll_replica(
    aws: &Aws,
    call: &Call,
    from: (&str, &str),
    to: (&str, &str),
    key: &str,
    now: Moment,
) -> Result<Progress, CloudError> {
    let place = aws.region(&call.environment.account, from.0)?;
    let Some(object) = place.buckets.get(from.1).and_then(|b| b.objects.get(key)) else {
        return Ok(Progress::Failed {
            reason: format!("s3://{}/{key} is not in {}; start a new backup", from.1, from.0),
        });
    };
    let covered = object.replication.as_ref().filter(|r| r.region == to.0 && r.bucket == to.1);
    let Some(replica) = covered else {
        let reason = format!(
            "no replication rule of {} covered {key} when it was written; add the rule to {}, then start a new backup",
            from.1, to.1
        );
        return Ok(Progress::Failed { reason });
    };
    Ok(match replica.course.phase(now) {
        Phase::Failed(reason) => {
            Progress::Failed { reason: format!("{reason}; look at the replication role and the key of {}", to.1) }
        }
        Phase::Queued | Phase::Running(_) => {
            Progress::Running { percent: None, detail: "replication PENDING".to_owned() }
        }
        Phase::Done => Progress::Done { outputs: outputs(object), detail: "replication COMPLETED".to_owned() },
    })
}

/// Names of the secrets under a prefix, sorted.
pub(super) fn names_under(place: &Region, prefix: &str) -> Vec<String> {
    place.secrets.range(prefix.to_owned()..).take_while(|n| n.starts_with(prefix)).cloned().collect()
}

fn sealed(
    names: &[String],
    version_id: String,
    key: String,
    call: &Call,
    course: Course,
    replication: Option<Replica>,
) -> Object {
    // Values do not exist here; what a real export would hold is stood for by the names.
    let body = names.join("\n");
    Object {
        course,
        replication,
        size: body.len() as u64 + 220 * names.len() as u64,
        sha256: hex::encode(Sha256::digest(body.as_bytes())),
        version_id,
        count: names.len(),
        key,
        tags: tags_of(call),
        resource: String::new(),
        data: None,
        versions: BTreeMap::new(),
    }
}

/// The replica exists from the moment its replication is done.
pub(super) fn replicate(aws: &mut Aws, account: &str, object: &Object, key: &str) {
    let Some(replica) = object.replication.clone().filter(|r| r.course.fails.is_none()) else { return };
    let Ok(place) = aws.region_mut(account, &replica.region) else { return };
    if let Some(bucket) = place.buckets.get_mut(&replica.bucket) {
        let (key_of, data) = (bucket.key.clone(), Some(object.data()));
        let copy = Object { course: replica.course, replication: None, key: key_of, data, ..object.clone() };
        bucket.objects.insert(key.to_owned(), copy);
    }
}

fn outputs(object: &Object) -> Outputs {
    let pairs = [
        ("sha256", object.sha256.clone()),
        ("version_id", object.version_id.clone()),
        ("size", object.size.to_string()),
        ("count", object.count.to_string()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn started(object: &Object, bucket: &str, key: &str) -> Started {
    Started { external_id: Some(format!("s3://{bucket}/{key}")), outputs: outputs(object), finished: true }
}

/// `412 Precondition Failed`: ours is adopted, anybody else's is not.
fn adopt(object: &Object, call: &Call, bucket: &str, key: &str) -> Result<Started, CloudError> {
    if is_ours(&object.tags, call) {
        return Ok(started(object, bucket, key));
    }
    Err(permanent(format!(
        "s3://{bucket}/{key} exists already and was not written by {}; look whose it is before retrying",
        call.operation
    )))
}
