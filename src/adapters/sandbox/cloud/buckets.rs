//! Simulated buckets of data: versioning, replication, lifecycle rules.

use super::{
    time::Phase,
    world::{Aws, Bucket, Region},
};
use crate::{
    domain::{
        environment::{Bucket as Declared, Environment},
        moment::Moment,
        step::Outputs,
        world::{BucketFound, LifecycleFound},
    },
    ports::cloud::{Call, CloudError, Condition, Progress},
};

/// A bucket as a survey finds it; none where there is none.
pub(super) fn describe(aws: &Aws, environment: &Environment, name: &str) -> Option<BucketFound> {
    let place = aws.region(&environment.account, &environment.primary_region).ok()?;
    let bucket = place.buckets.get(name)?;
    let declared = environment.buckets.iter().find(|b| b.name == name);
    let to =
        declared.and_then(|b| b.dr.as_ref()).or(environment.dr_secrets_bucket.as_ref().filter(|_| declared.is_none()));
    Some(BucketFound {
        name: name.to_owned(),
        versioned: !bucket.unversioned,
        replication: replication(bucket, name, to.map(|to| (environment.dr_region.as_str(), to.as_str()))),
        lifecycle: bucket.lifecycle.clone(),
    })
}

fn replication(bucket: &Bucket, name: &str, to: Option<(&str, &str)>) -> Condition {
    let Some((region, replica)) = to else {
        return Err(format!("the config names no replica of {name}; set `dr` of the bucket"));
    };
    match &bucket.rule {
        Some((r, b)) if r == region && b == replica => Ok(format!("everything to {replica} in {region}")),
        _ => Err(format!("bucket {name} has no replication rule to {replica}; add one")),
    }
}

/// Whether a bucket keeps versions; otherwise why not.
pub(super) fn versioned(place: &Region, region: &str, name: &str) -> Result<(), String> {
    match place.buckets.get(name) {
        None => Err(format!("bucket {name} does not exist in {region}; create it or correct the config")),
        Some(bucket) if bucket.unversioned => {
            Err(format!("versioning of bucket {name} is suspended; enable it, or what is overwritten is lost"))
        }
        Some(_) => Ok(()),
    }
}

/// Usable as a place of data: there, versioned, and replicated where it has to be.
pub(super) fn usable(place: &Region, environment: &Environment, bucket: &Declared) -> Condition {
    versioned(place, &environment.primary_region, &bucket.name)?;
    let found = place.buckets.get(&bucket.name).ok_or_else(|| format!("bucket {} does not exist", bucket.name))?;
    if let Some(to) = bucket.dr.as_ref().filter(|_| environment.replicates()) {
        replication(found, &bucket.name, Some((&environment.dr_region, to)))?;
    }
    Ok(bucket.name.clone())
}

/// Up to when a bucket is replicated: now, or the time of the oldest object that is not.
pub(super) fn in_sync(
    place: &Region,
    environment: &Environment,
    bucket: &Declared,
    now: Moment,
) -> Result<Moment, String> {
    usable(place, environment, bucket)?;
    let Some(found) = place.buckets.get(&bucket.name) else { return Ok(now) };
    let waiting = found.data.values().filter(|o| o.replication.as_ref().is_some_and(|course| !course.done(now)));
    Ok(waiting.map(|o| o.at).min().unwrap_or(now))
}

/// Versioned, replicated, and a sample of its newest objects has arrived.
pub(super) fn verify(
    aws: &Aws,
    call: &Call,
    at: (&str, &str),
    replica: Option<(&str, &str)>,
    sample: u32,
    now: Moment,
) -> Result<Progress, CloudError> {
    let (region, name) = at;
    let place = aws.region(&call.environment.account, region)?;
    let Some(bucket) = place.buckets.get(name) else {
        return Ok(Progress::Failed {
            reason: format!("bucket {name} does not exist in {region}; create it or correct the config"),
        });
    };
    let mut outputs = Outputs::from([("objects".to_owned(), bucket.data.len().to_string())]);
    if let Err(reason) = versioned(place, region, name) {
        return Ok(Progress::Refuted { reason, outputs });
    }
    let Some((to_region, to)) = replica else {
        return Ok(Progress::Done { outputs, detail: format!("versioned, {} objects", bucket.data.len()) });
    };
    if let Err(reason) = replication(bucket, name, Some((to_region, to))) {
        return Ok(Progress::Refuted { reason, outputs });
    }
    if !aws.region(&call.environment.account, to_region)?.buckets.contains_key(to) {
        let reason = format!("its replica {to} does not exist in {to_region}; create it or correct the config");
        return Ok(Progress::Refuted { reason, outputs });
    }
    let mut newest: Vec<_> = bucket.data.iter().collect();
    newest.sort_by(|a, b| b.1.at.cmp(&a.1.at).then_with(|| a.0.cmp(b.0)));
    newest.truncate(usize::try_from(sample).unwrap_or(usize::MAX));
    outputs.insert("sample".to_owned(), newest.len().to_string());
    let (mut pending, mut missing) = (0, Vec::new());
    for (key, object) in &newest {
        match object.replication.as_ref().map(|course| course.phase(now)) {
            Some(Phase::Done) => {}
            Some(Phase::Queued | Phase::Running(_)) => pending += 1,
            Some(Phase::Failed(_)) | None => missing.push(key.as_str()),
        }
    }
    if !missing.is_empty() {
        let reason = format!(
            "{} of the {} newest objects of {name} are not in {to}, {} the first; look at the replication role, then replicate them",
            missing.len(),
            newest.len(),
            missing[0]
        );
        return Ok(Progress::Refuted { reason, outputs });
    }
    if pending > 0 {
        let detail = format!("replication PENDING of {pending} of the {} newest objects", newest.len());
        return Ok(Progress::Running { percent: None, detail });
    }
    let detail = format!("versioned, {} objects, the newest {} replicated", bucket.data.len(), newest.len());
    Ok(Progress::Done { outputs, detail })
}

/// No rule deletes what has to be kept.
pub(super) fn verify_lifecycle(
    aws: &Aws,
    call: &Call,
    at: (&str, &str),
    prefix: &str,
    min_days: u32,
) -> Result<Progress, CloudError> {
    let (region, name) = at;
    let place = aws.region(&call.environment.account, region)?;
    let Some(bucket) = place.buckets.get(name) else {
        return Ok(Progress::Failed {
            reason: format!("bucket {name} does not exist in {region}; create it or correct the config"),
        });
    };
    let touching = |rule: &&LifecycleFound| rule.prefix.starts_with(prefix) || prefix.starts_with(&rule.prefix);
    let rules: Vec<&LifecycleFound> = bucket.lifecycle.iter().filter(touching).collect();
    let outputs = Outputs::from([("rules".to_owned(), rules.len().to_string())]);
    for rule in &rules {
        for (days, what) in [(rule.expires, "objects"), (rule.noncurrent_expires, "noncurrent versions")] {
            if let Some(days) = days.filter(|days| *days < min_days) {
                let under =
                    if rule.prefix.is_empty() { "everywhere".to_owned() } else { format!("under {}", rule.prefix) };
                let reason = format!(
                    "a lifecycle rule of {name} deletes {what} {under} after {days} days, and they have to be kept for {min_days}; change the rule"
                );
                return Ok(Progress::Refuted { reason, outputs });
            }
        }
    }
    let classes =
        rules.iter().flat_map(|rule| &rule.transitions).map(|(class, days)| format!("{class} after {days} days"));
    let classes: Vec<String> = classes.collect();
    let detail = if classes.is_empty() { "nothing is deleted too early".to_owned() } else { classes.join(", ") };
    Ok(Progress::Done { outputs, detail })
}
