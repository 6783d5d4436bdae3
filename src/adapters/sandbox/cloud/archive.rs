//! Simulated work of this product's own process that ends in an object: exports of parameters, records of buckets, dumps.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::{
    Making, Start,
    backup::size_text,
    journal::Made,
    rds,
    secrets::{names_under, replicate},
    time::{Course, Phase, between, uuid_for},
    verify::retention_tag,
    world::{Aws, GIB, Object, Region, Replica, is_ours, permanent, retryable, tags_of},
};
use crate::{
    domain::{moment::Moment, step::Outputs},
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// Where an archive goes.
#[derive(Clone, Copy)]
pub(super) struct Goal<'a> {
    pub(super) region: &'a str,
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
}

/// What becomes an archive.
pub(super) struct Content {
    resource: String,
    /// Number of things in it, and what they are called.
    count: usize,
    size: u64,
    /// Seconds it takes at least and at most.
    lasts: (u64, u64),
}

/// `config.export`: parameters and metadata of secrets.
pub(super) fn config(making: &mut Making<'_>, goal: Goal<'_>, prefix: &str, secrets: Option<&str>) -> Start {
    put(making, goal, |place| {
        let parameters = place.parameters.keys().filter(|name| name.starts_with(prefix)).count();
        if parameters == 0 {
            return Err(permanent(format!(
                "there is no parameter under {prefix} in {}; correct `parameters_prefix` in the config",
                goal.region
            )));
        }
        let count = parameters + secrets.map_or(0, |prefix| names_under(place, prefix).len());
        Ok(Content { resource: prefix.to_owned(), count, size: 180 * count as u64, lasts: (8, 25) })
    })
}

/// `s3.record`: the versions of a bucket.
pub(super) fn record(making: &mut Making<'_>, goal: Goal<'_>, source: &str) -> Start {
    put(making, goal, |place| {
        super::buckets::versioned(place, goal.region, source).map_err(permanent)?;
        let count = place.buckets.get(source).map_or(0, |bucket| bucket.data.len());
        Ok(Content { resource: source.to_owned(), count, size: 60 + 45 * count as u64, lasts: (20, 60) })
    })
}

/// `dump.export`: a database, compressed and encrypted.
pub(super) fn dump(making: &mut Making<'_>, goal: Goal<'_>, database: &str, secret: &str, key: &str) -> Start {
    let now = making.now;
    put(making, goal, |place| {
        let Some(db) = place.databases.get(database) else {
            return Err(permanent(format!(
                "DB instance {database} does not exist in {}; correct the config or bring it back, then ask again",
                goal.region
            )));
        };
        if !place.secrets.contains(secret) {
            return Err(permanent(format!(
                "secret {secret} does not exist in {}; create it with host, port, username and password",
                goal.region
            )));
        }
        place.usable_key(goal.region, key).map_err(permanent)?;
        let status = rds::status(place, database, now);
        if !["available", "backing-up", "modifying"].contains(&status.as_str()) {
            return Err(retryable(format!(
                "DB instance {database} in {} is {status} and takes no connection; it will be tried again",
                goal.region
            )));
        }
        let size = u64::from(db.size_gib) * GIB / 40;
        Ok(Content { resource: database.to_owned(), count: db.contents.tables as usize, size, lasts: (180, 420) })
    })
}

/// Puts one object, never over another; it is there when the work is done.
fn put(making: &mut Making<'_>, goal: Goal<'_>, content: impl FnOnce(&Region) -> Result<Content, CloudError>) -> Start {
    let account = making.account().to_owned();
    let (now, call, seed) = (making.now, making.call, making.aws.seed);
    let Goal { region, bucket, key } = goal;
    let place = making.aws.region(&account, region)?;
    let Some(target) = place.buckets.get(bucket) else {
        return Err(permanent(format!("bucket {bucket} does not exist in {region}; create it or correct the config")));
    };
    if let Some(existing) = target.objects.get(key).filter(|object| !object.course.failed(now)) {
        return adopt(existing, call, goal).map(|started| (started, None));
    }
    let content = content(place)?;
    let (under, rule) = (target.key.clone(), target.rule.clone());
    place.usable_key(region, &under).map_err(permanent)?;
    let what = format!("object/{account}/{bucket}/{key}");
    let fate = making.fate(region);
    let lasts = fate.stretch(between(seed, &what, content.lasts.0, content.lasts.1));
    let fails = fate.fails.then(|| format!("the connection broke off while s3://{bucket}/{key} was written"));
    let course = Course::new(now, now, lasts, fails);
    let replication = rule.filter(|_| course.fails.is_none()).map(|(region, bucket)| {
        let copying = between(seed, &format!("replica/{what}"), 40, 80);
        let course = Course { begins: course.ends, ..Course::new(now, course.ends, copying, None) };
        Replica { region, bucket, course }
    });
    let object = Object {
        course,
        replication,
        size: content.size,
        sha256: hex::encode(Sha256::digest(what.as_bytes())),
        version_id: uuid_for(seed, &what).replace('-', ""),
        count: content.count,
        key: under,
        tags: tags_of(call),
        resource: content.resource,
        data: Some(now),
        versions: BTreeMap::new(),
    };
    replicate(making.aws, &account, &object, key);
    if let Some(target) = making.aws.region_mut(&account, region)?.buckets.get_mut(bucket) {
        target.objects.insert(key.to_owned(), object);
    }
    let made = Made::Object { region: region.to_owned(), bucket: bucket.to_owned(), key: key.to_owned() };
    Ok((started(goal), Some(made)))
}

/// Looks for the object under the key, also while it is being written.
pub(super) fn probe(aws: &Aws, call: &Call, goal: Goal<'_>, now: Moment) -> Result<Probe, CloudError> {
    let place = aws.region(&call.environment.account, goal.region)?;
    let found = place.buckets.get(goal.bucket).and_then(|b| b.objects.get(goal.key));
    match found.filter(|object| !object.course.failed(now)) {
        None => Ok(Probe::Absent),
        Some(object) => adopt(object, call, goal).map(Probe::Present),
    }
}

/// How far the work is.
pub(super) fn poll(aws: &Aws, call: &Call, goal: Goal<'_>, now: Moment) -> Result<Progress, CloudError> {
    let Goal { region, bucket, key } = goal;
    let place = aws.region(&call.environment.account, region)?;
    let Some(object) = place.buckets.get(bucket).and_then(|b| b.objects.get(key)) else {
        return Ok(Progress::Gone {
            reason: format!("nothing writes s3://{bucket}/{key} any more and it is not there; it will be begun again"),
        });
    };
    Ok(match object.course.phase(now) {
        Phase::Queued => Progress::Running { percent: Some(0), detail: "waiting".to_owned() },
        Phase::Running(percent) => {
            let written = object.size / 100 * u64::from(percent);
            Progress::Running { percent: Some(percent), detail: format!("{} written", size_text(written)) }
        }
        Phase::Failed(reason) => Progress::Failed { reason: format!("{reason}; press Retry") },
        Phase::Done => Progress::Done {
            outputs: outputs(object),
            detail: format!("{} entries, {}, encrypted", object.count, size_text(object.size)),
        },
    })
}

/// An archive of a dump: readable, with the hash it was written with, and a table of contents.
pub(super) fn verify_dump(
    aws: &Aws,
    call: &Call,
    goal: Goal<'_>,
    days: u32,
    now: Moment,
) -> Result<Progress, CloudError> {
    let Goal { region, bucket, key } = goal;
    let place = aws.region(&call.environment.account, region)?;
    let found = place.buckets.get(bucket).and_then(|b| b.objects.get(key)).filter(|o| o.course.done(now));
    let Some(object) = found else {
        return Ok(Progress::Failed {
            reason: format!("s3://{bucket}/{key} does not exist in {region}; start a new backup"),
        });
    };
    let mut wrong = Vec::new();
    wrong.extend(place.usable_key(region, &object.key).err());
    // Its own metadata says what it was written with.
    let promised = call.inputs.get("sha256").cloned().unwrap_or_else(|| object.sha256.clone());
    if promised != object.sha256 || object.sha256.starts_with("0000000000") {
        wrong.push("its hash is not the one it was written with".to_owned());
    }
    if object.count == 0 {
        wrong.push("its table of contents is empty".to_owned());
    }
    wrong.extend(retention_tag(&object.tags, days));
    if wrong.is_empty() {
        let detail = format!("{} tables, {}, hash as written", object.count, size_text(object.size));
        return Ok(Progress::Done { outputs: outputs(object), detail });
    }
    let reason = format!("s3://{bucket}/{key} is not as promised: {}; start a new backup", wrong.join("; "));
    Ok(Progress::Refuted { reason, outputs: outputs(object) })
}

/// An export of secrets against the secrets as they are.
pub(super) fn verify_secrets(
    aws: &Aws,
    call: &Call,
    goal: Goal<'_>,
    prefix: &str,
    now: Moment,
) -> Result<Progress, CloudError> {
    let Goal { region, bucket, key } = goal;
    let account = &call.environment.account;
    let place = aws.region(account, region)?;
    let found = place.buckets.get(bucket).and_then(|b| b.objects.get(key)).filter(|o| o.course.done(now));
    let Some(object) = found else {
        return Ok(Progress::Failed {
            reason: format!("s3://{bucket}/{key} does not exist in {region}; start a new backup"),
        });
    };
    let outputs = Outputs::from([("count".to_owned(), object.versions.len().to_string())]);
    if let Err(reason) = place.usable_key(region, &object.key) {
        return Ok(Progress::Refuted { reason: format!("s3://{bucket}/{key} cannot be decrypted: {reason}"), outputs });
    }
    let live = names_under(place, prefix);
    let mut differ = Vec::new();
    for name in &live {
        match object.versions.get(name) {
            None => differ.push(format!("{name} is not in it")),
            Some(version) if *version != place.secret_version(aws.seed, account, name) => {
                differ.push(format!("{name} was rotated since"));
            }
            Some(_) => {}
        }
    }
    let deleted = object.versions.keys().filter(|name| !live.contains(name));
    differ.extend(deleted.map(|name| format!("{name} does not exist any more")));
    if differ.is_empty() {
        let detail = format!("{} secrets, decrypted, versions as live", object.versions.len());
        return Ok(Progress::Done { outputs, detail });
    }
    let reason = format!("s3://{bucket}/{key} is behind: {}; make a new backup of secrets", differ.join("; "));
    Ok(Progress::Refuted { reason, outputs })
}

fn started(goal: Goal<'_>) -> Started {
    Started { external_id: Some(format!("s3://{}/{}", goal.bucket, goal.key)), ..Started::default() }
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

/// `412 Precondition Failed`: ours is adopted, anybody else's is not.
fn adopt(object: &Object, call: &Call, goal: Goal<'_>) -> Result<Started, CloudError> {
    if is_ours(&object.tags, call) {
        return Ok(started(goal));
    }
    Err(permanent(format!(
        "s3://{}/{} exists already and was not written by {}; look whose it is before retrying",
        goal.bucket, goal.key, call.operation
    )))
}
