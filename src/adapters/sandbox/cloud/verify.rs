//! Simulated verification: what is there is compared with what was promised. Reads only.

use super::{
    backup::{recovery_point, size_text},
    rds::{describe, snapshot_status},
    time::Phase,
    world::{Aws, Region, TAG_RETENTION, Tags},
};
use crate::{
    domain::{moment::Moment, step::Outputs},
    ports::cloud::{Call, CloudError, Progress},
};

/// A snapshot: exists, is available, encrypted, not empty, tagged with its retention, its key usable.
pub(super) fn snapshot(
    aws: &Aws,
    call: &Call,
    region: &str,
    name: &str,
    days: u32,
    now: Moment,
) -> Result<Progress, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    let what = format!("snapshot {name} in {region}");
    let Some(found) = place.snapshots.get(name) else { return Ok(missing(&what)) };
    match found.course.phase(now) {
        Phase::Failed(reason) => {
            return Ok(Progress::Failed { reason: format!("{what} is not usable: {reason}; start a new backup") });
        }
        Phase::Queued | Phase::Running(_) => {
            return Ok(Progress::Running { percent: None, detail: snapshot_status(found, now).to_owned() });
        }
        Phase::Done => {}
    }
    let mut wrong = common(place, region, found.encrypted, &found.key, u64::from(found.size_gib));
    wrong.extend(retention_tag(&found.tags, days));
    Ok(verdict(&what, wrong, describe(found), Outputs::new()))
}

/// The recovery point of the step before: the same, with the retention in its lifecycle.
pub(super) fn point(
    aws: &Aws,
    call: &Call,
    region: &str,
    vault: &str,
    days: u32,
    now: Moment,
) -> Result<Progress, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    let Some(arn) = recovery_point(call) else {
        return Ok(Progress::Failed {
            reason: format!("no recovery point is known to verify in vault {vault}; start a new backup"),
        });
    };
    let what = format!("recovery point {arn} in vault {vault}");
    let Some(vault) = place.vaults.get(vault) else { return Ok(missing(&format!("backup vault {vault} in {region}"))) };
    // A recovery point is not there before its job is COMPLETED.
    let Some(found) = vault.points.get(arn).filter(|p| p.course.done(now)) else { return Ok(missing(&what)) };
    let mut wrong = common(place, region, found.encrypted, &vault.key, found.size_bytes);
    if found.retention_days != days {
        wrong.push(format!("its lifecycle deletes it after {} days instead of {days}", found.retention_days));
    }
    let detail = format!("COMPLETED, encrypted, {}", size_text(found.size_bytes));
    Ok(verdict(&what, wrong, detail, Outputs::new()))
}

/// A vault: exists, its key usable.
pub(super) fn vault(aws: &Aws, call: &Call, region: &str, name: &str) -> Result<Progress, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    let what = format!("backup vault {name} in {region}");
    let Some(vault) = place.vaults.get(name) else { return Ok(missing(&what)) };
    let wrong = common(place, region, true, &vault.key, 1);
    Ok(verdict(&what, wrong, "takes backups".to_owned(), Outputs::new()))
}

/// An object: exists, is encrypted, not empty, has the sha256 of the step before, is tagged with its retention, its key usable.
pub(super) fn object(
    aws: &Aws,
    call: &Call,
    at: (&str, &str),
    key: &str,
    days: u32,
    now: Moment,
) -> Result<Progress, CloudError> {
    let (region, bucket) = at;
    let place = aws.region(&call.environment.account, region)?;
    let what = format!("s3://{bucket}/{key} in {region}");
    let found = place.buckets.get(bucket).and_then(|b| b.objects.get(key)).filter(|o| o.course.done(now));
    let Some(found) = found else { return Ok(missing(&what)) };
    let mut wrong = common(place, region, !found.key.is_empty(), &found.key, found.size);
    match call.inputs.get("sha256") {
        None => wrong.push("the step before gave no sha256 to compare with".to_owned()),
        Some(promised) if *promised != found.sha256 => {
            wrong.push(format!("its sha256 is {} instead of {promised}", found.sha256))
        }
        Some(_) => {}
    }
    wrong.extend(retention_tag(&found.tags, days));
    let detail = format!("encrypted, {}, sha256 {}…", size_text(found.size), &found.sha256[..12]);
    let outputs = Outputs::from([("sha256".to_owned(), found.sha256.clone())]);
    Ok(verdict(&what, wrong, detail, outputs))
}

fn common(place: &Region, region: &str, encrypted: bool, key: &str, size: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    if !encrypted {
        wrong.push("it is not encrypted".to_owned());
    } else if let Err(reason) = place.usable_key(region, key) {
        wrong.push(reason);
    }
    if size == 0 {
        wrong.push("it is empty".to_owned());
    }
    wrong
}

pub(super) fn retention_tag(tags: &Tags, days: u32) -> Option<String> {
    match tags.get(TAG_RETENTION) {
        Some(found) if *found == days.to_string() => None,
        Some(found) => Some(format!("its tag {TAG_RETENTION} is {found} instead of {days}")),
        None => Some(format!("it has no tag {TAG_RETENTION}")),
    }
}

fn missing(what: &str) -> Progress {
    Progress::Failed { reason: format!("{what} does not exist; start a new backup") }
}

fn verdict(what: &str, wrong: Vec<String>, detail: String, outputs: Outputs) -> Progress {
    if wrong.is_empty() {
        return Progress::Done { outputs, detail };
    }
    Progress::Failed { reason: format!("{what} is not as promised: {}", wrong.join("; ")) }
}
