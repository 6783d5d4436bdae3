//! Deleting in the simulated AWS: snapshots and recovery points, and tags of snapshots. What AWS says it deleted is not
//! always gone.

use super::{
    Making, Start,
    estate::{Deleted, last},
    journal::Made,
    rds::{arn, snapshot_status},
    time::{Course, Phase, between},
    world::{Aws, Region, permanent, retryable},
};
use crate::{
    domain::{moment::Moment, step::Outputs},
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// `DeleteDBSnapshot`.
pub(super) fn snapshot(making: &mut Making<'_>, region: &str, name: &str) -> Start {
    let account = making.account().to_owned();
    let (now, call) = (making.now, making.call);
    let id = arn(&account, region, name);
    let place = making.aws.region(&account, region)?;
    let Some(found) = place.snapshots.get(name) else { return Ok(gone_before(place, call, region, &id)) };
    if matches!(found.course.phase(now), Phase::Queued | Phase::Running(_)) {
        let status = snapshot_status(found, now);
        return Err(retryable(format!(
            "snapshot {name} in {region} is still {status} (InvalidDBSnapshotState); it will be tried again"
        )));
    }
    let sticks = found.sticks || making.fate(region).fails;
    let trace = trace(making, &id);
    let place = making.aws.region_mut(&account, region)?;
    if sticks {
        if let Some(found) = place.snapshots.get_mut(name) {
            found.sticks = false;
        }
    } else {
        place.snapshots.remove(name);
        place.deleted.insert(id.clone(), trace);
    }
    Ok((started(&id), Some(Made::Gone { region: region.to_owned(), what: id })))
}

/// `DeleteRecoveryPoint`.
pub(super) fn point(making: &mut Making<'_>, region: &str, vault: &str, id: &str) -> Start {
    let account = making.account().to_owned();
    let (now, call) = (making.now, making.call);
    let place = making.aws.region(&account, region)?;
    if !place.vaults.contains_key(vault) {
        return Err(permanent(format!("backup vault {vault} does not exist in {region}; correct the config")));
    }
    let found = place.point(vault, id).filter(|(_, _, point)| place.is_there(vault, point, now));
    let Some((found_in, arn, point)) = found else { return Ok(gone_before(place, call, region, id)) };
    if found_in.locked {
        return Err(permanent(format!(
            "recovery point {arn} lies in the locked vault {vault} of {region} and cannot be deleted before {}; wait until then",
            point.expires()
        )));
    }
    if let Some(hold) = place.held(vault, point, now) {
        return Err(permanent(format!(
            "recovery point {arn} is under the legal hold \"{}\" (InvalidResourceState); release the hold first",
            hold.title
        )));
    }
    let (arn, sticks) = (arn.to_owned(), point.sticks);
    let sticks = sticks || making.fate(region).fails;
    let trace = trace(making, &arn);
    let what = last(&arn).to_owned();
    let place = making.aws.region_mut(&account, region)?;
    if let Some(found) = place.vaults.get_mut(vault) {
        if sticks {
            if let Some(point) = found.points.get_mut(&arn) {
                (point.sticks, point.expired) = (false, true);
            }
        } else {
            found.points.remove(&arn);
        }
    }
    if !sticks {
        place.deleted.insert(what.clone(), trace);
    }
    Ok((started(id), Some(Made::Gone { region: region.to_owned(), what })))
}

/// What is not there has been deleted: by an earlier call of ours, or by somebody else, which comes to the same.
pub(super) fn probe_snapshot(aws: &Aws, call: &Call, region: &str, name: &str) -> Result<Probe, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    let there = place.snapshots.contains_key(name);
    Ok(if there { Probe::Absent } else { Probe::Present(started(&arn(&call.environment.account, region, name))) })
}

/// The same of a recovery point. One that is EXPIRED is there.
pub(super) fn probe_point(
    aws: &Aws,
    call: &Call,
    region: &str,
    vault: &str,
    id: &str,
    now: Moment,
) -> Result<Probe, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    let there = place.point(vault, id).is_some_and(|(_, _, point)| place.is_there(vault, point, now));
    Ok(if there { Probe::Absent } else { Probe::Present(started(id)) })
}

/// Whether a snapshot is gone.
pub(super) fn poll_snapshot(
    aws: &Aws,
    call: &Call,
    region: &str,
    name: &str,
    now: Moment,
) -> Result<Progress, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    if let Some(found) = place.snapshots.get(name) {
        let status = snapshot_status(found, now);
        return Ok(Progress::Failed {
            reason: format!(
                "snapshot {name} is still {status} in {region} although RDS accepted its deletion; press Retry, or look at it in the console"
            ),
        });
    }
    Ok(going(place, &arn(&call.environment.account, region, name), now))
}

/// Whether a recovery point is gone: an answer of 200 does not mean it.
pub(super) fn poll_point(
    aws: &Aws,
    call: &Call,
    region: &str,
    vault: &str,
    id: &str,
    now: Moment,
) -> Result<Progress, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    if let Some((_, arn, point)) = place.point(vault, id).filter(|(_, _, p)| place.is_there(vault, p, now)) {
        let status = if point.expired { "EXPIRED" } else { "COMPLETED" };
        return Ok(Progress::Failed {
            reason: format!(
                "AWS Backup accepted the deletion of {arn}, but the recovery point is still in vault {vault}, {status}; look at the permissions of {}, then press Retry",
                call.environment.backup_role
            ),
        });
    }
    Ok(going(place, id, now))
}

/// `AddTagsToResource` and `RemoveTagsFromResource`; what is so already is not written again.
pub(super) fn tag(making: &mut Making<'_>, region: &str, arn: &str, key: &str, value: Option<&str>) -> Start {
    let account = making.account().to_owned();
    let name = last(arn).to_owned();
    let place = making.aws.region_mut(&account, region)?;
    let Some(snapshot) = place.snapshots.get_mut(&name) else { return Err(no_snapshot(&name, region)) };
    let done = Started { external_id: Some(arn.to_owned()), finished: true, ..Started::default() };
    if snapshot.tags.get(key).map(String::as_str) == value {
        return Ok((done, None));
    }
    match value {
        Some(value) => snapshot.tags.insert(key.to_owned(), value.to_owned()),
        None => snapshot.tags.remove(key),
    };
    let (region, key, value) = (region.to_owned(), key.to_owned(), value.map(str::to_owned));
    Ok((done, Some(Made::Tag { region, name, key, value })))
}

/// Whether the tag is as it has to be.
pub(super) fn probe_tag(
    aws: &Aws,
    call: &Call,
    region: &str,
    arn: &str,
    key: &str,
    value: Option<&str>,
) -> Result<Probe, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    let name = last(arn);
    let Some(snapshot) = place.snapshots.get(name) else { return Err(no_snapshot(name, region)) };
    if snapshot.tags.get(key).map(String::as_str) != value {
        return Ok(Probe::Absent);
    }
    Ok(Probe::Present(Started { external_id: Some(arn.to_owned()), finished: true, ..Started::default() }))
}

/// The same as progress.
pub(super) fn poll_tag(
    aws: &Aws,
    call: &Call,
    region: &str,
    arn: &str,
    key: &str,
    value: Option<&str>,
) -> Result<Progress, CloudError> {
    Ok(match probe_tag(aws, call, region, arn, key, value)? {
        Probe::Present(_) => Progress::Done { outputs: Outputs::new(), detail: "tagged".to_owned() },
        Probe::Absent => Progress::Failed {
            reason: format!("tag {key} of {} in {region} is not as it was written; press Retry", last(arn)),
        },
    })
}

fn no_snapshot(name: &str, region: &str) -> CloudError {
    permanent(format!("snapshot {name} does not exist in {region}, so it cannot be tagged; list the backups again"))
}

fn started(id: &str) -> Started {
    Started { external_id: Some(id.to_owned()), ..Started::default() }
}

/// The journal is told where another operation deletes what one has deleted before.
fn gone_before(place: &Region, call: &Call, region: &str, id: &str) -> (Started, Option<Made>) {
    let by = trace_of(place, id).map(|trace| &trace.operation).filter(|by| **by != call.operation.0);
    let again = by.map(|by| Made::GoneAgain { region: region.to_owned(), what: id.to_owned(), by: by.clone() });
    (started(id), again)
}

/// Recovery points are traced by the last part of their ARN, which is also a name for them.
fn trace_of<'a>(place: &'a Region, id: &str) -> Option<&'a Deleted> {
    place.deleted.get(id).or_else(|| place.deleted.get(last(id)))
}

fn trace(making: &Making<'_>, id: &str) -> Deleted {
    let lasts = between(making.aws.seed, &format!("delete/{id}"), 10, 40);
    let course = Course::new(making.now, making.now, lasts, None);
    Deleted { operation: making.call.operation.0.clone(), course }
}

/// What is not there any more may still be called deleting for a while.
pub(super) fn going(place: &Region, id: &str, now: Moment) -> Progress {
    match trace_of(place, id).filter(|trace| trace.course.ends > now) {
        Some(_) => Progress::Running { percent: None, detail: "deleting".to_owned() },
        None => Progress::Done { outputs: Outputs::new(), detail: "gone".to_owned() },
    }
}
