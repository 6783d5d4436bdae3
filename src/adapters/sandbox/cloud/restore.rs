//! Simulated test restores: a DB instance from a snapshot, what a look into it finds, and its end.

use super::{
    Making, Start,
    estate::Instance,
    journal::Made,
    retire::going,
    time::{Course, Phase, between},
    world::{Aws, Region, TAG_OPERATION, permanent, retryable, tags_of},
};
use crate::{
    domain::{moment::Moment, step::Outputs},
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// What `RestoreDBInstanceFromDBSnapshot` is asked for.
pub(super) struct Wanted<'a> {
    pub(super) region: &'a str,
    pub(super) snapshot: &'a str,
    pub(super) instance: &'a str,
    pub(super) subnet_group: &'a str,
    pub(super) security_groups: &'a [String],
}

/// `RestoreDBInstanceFromDBSnapshot`. The name is the token.
pub(super) fn restore(making: &mut Making<'_>, wanted: &Wanted<'_>) -> Start {
    let account = making.account().to_owned();
    let (now, call, seed) = (making.now, making.call, making.aws.seed);
    let Wanted { region, snapshot: name, instance, subnet_group, security_groups } = *wanted;
    let place = making.aws.region(&account, region)?;
    if let Some(existing) = place.instances.get(instance).filter(|i| i.exists(now)) {
        return adopt(existing, call, region, instance, now).map(|started| (started, None));
    }
    if place.databases.contains_key(instance) {
        return Err(foreign(call, region, instance));
    }
    let Some(snapshot) = place.snapshots.get(name).cloned() else {
        return Err(permanent(format!("snapshot {name} does not exist in {region}; list the backups again")));
    };
    match snapshot.course.phase(now) {
        Phase::Done => {}
        Phase::Failed(_) => return Err(permanent(format!("snapshot {name} in {region} is failed; choose another"))),
        Phase::Queued | Phase::Running(_) => {
            return Err(retryable(format!(
                "snapshot {name} in {region} is not available yet (InvalidDBSnapshotState); it will be tried again"
            )));
        }
    }
    if snapshot.encrypted {
        place.usable_key(region, &snapshot.key).map_err(permanent)?;
    }
    if !place.subnet_groups.contains(subnet_group) {
        return Err(permanent(format!(
            "DB subnet group {subnet_group} does not exist in {region} (DBSubnetGroupNotFoundFault); create it, cut off from the platform"
        )));
    }
    let source = source(making.aws, &account, region, snapshot.database());
    let (engine, version, contents, corrupt) = source.unwrap_or_default();
    let fate = making.fate(region);
    let lasts = fate.stretch(between(seed, &format!("restore/{account}/{region}/{instance}"), 420, 780));
    let fails = fate.fails.then(|| format!("the restore of {instance} ended as failed (internal error of RDS)"));
    let restored = Instance {
        snapshot: name.to_owned(),
        database: snapshot.database().to_owned(),
        engine,
        version,
        size_gib: snapshot.size_gib,
        encrypted: snapshot.encrypted,
        contents,
        data: snapshot.data(),
        course: Course::new(now, now, lasts, fails),
        subnet_group: subnet_group.to_owned(),
        security_groups: security_groups.to_vec(),
        operation: tags_of(call).remove(TAG_OPERATION).unwrap_or_default(),
        corrupt,
        deleting: None,
    };
    let place = making.aws.region_mut(&account, region)?;
    place.instances.insert(instance.to_owned(), restored);
    let made = Made::Instance { region: region.to_owned(), name: instance.to_owned() };
    Ok((started(&account, region, instance), Some(made)))
}

type Facts = (String, String, super::estate::Contents, bool);

/// The source's own region may be another one: a test restore from a copy.
fn source(aws: &Aws, account: &str, region: &str, database: &str) -> Option<Facts> {
    let regions = aws.accounts.get(account)?;
    let own = regions.get(region).into_iter();
    let db = own.chain(regions.values()).find_map(|place| place.databases.get(database))?;
    Some((db.engine.clone(), db.version.clone(), db.contents, db.restores_badly))
}

/// Looks for an instance that an earlier call with this name made.
pub(super) fn probe(aws: &Aws, call: &Call, region: &str, name: &str, now: Moment) -> Result<Probe, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    match place.instances.get(name).filter(|i| i.exists(now)) {
        None if place.databases.contains_key(name) => Err(foreign(call, region, name)),
        None => Ok(Probe::Absent),
        Some(found) => adopt(found, call, region, name, now).map(Probe::Present),
    }
}

/// How far a restore is.
pub(super) fn poll(aws: &Aws, call: &Call, region: &str, name: &str, now: Moment) -> Result<Progress, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    let Some(found) = place.instances.get(name).filter(|i| i.exists(now)) else {
        return Ok(Progress::Failed {
            reason: format!("DB instance {name} is not in {region}; somebody deleted it, start again"),
        });
    };
    Ok(match (found.status(now), found.course.phase(now)) {
        ("deleting", _) => Progress::Failed { reason: format!("DB instance {name} in {region} is being deleted") },
        (_, Phase::Failed(reason)) => {
            Progress::Failed { reason: format!("{reason}; delete {name} in {region}, then press Retry") }
        }
        (_, Phase::Done) => {
            let id = &super::time::uuid_for(aws.seed, name)[..8];
            let pairs = [
                ("endpoint", format!("{name}.c{id}.{region}.rds.amazonaws.com")),
                ("port", port(&found.engine).to_owned()),
                ("restored_instance", name.to_owned()),
            ];
            let outputs = pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
            let detail = format!("available, {} {}, {} GiB", found.engine, found.version, found.size_gib);
            Progress::Done { outputs, detail }
        }
        // RDS tells no percent of restores.
        (status, _) => Progress::Running { percent: None, detail: status.to_owned() },
    })
}

fn port(engine: &str) -> &'static str {
    if engine == "postgres" { "5432" } else { "3306" }
}

/// `DeleteDBInstance`, without a final snapshot.
pub(super) fn delete(making: &mut Making<'_>, region: &str, name: &str, operation: &str) -> Start {
    let account = making.account().to_owned();
    let (now, call, seed) = (making.now, making.call, making.aws.seed);
    let place = making.aws.region(&account, region)?;
    let Some(found) = removable(place, region, name, operation, now)? else {
        let by = place.deleted.get(name).map(|trace| &trace.operation).filter(|by| **by != call.operation.0);
        let again = by.map(|by| Made::GoneAgain { region: region.to_owned(), what: name.to_owned(), by: by.clone() });
        return Ok((started(&account, region, name), again));
    };
    match found.status(now) {
        "deleting" => return Ok((started(&account, region, name), None)),
        "creating" => {
            return Err(retryable(format!(
                "DB instance {name} in {region} is still creating (InvalidDBInstanceState); it will be tried again"
            )));
        }
        _ => {}
    }
    let fate = making.fate(region);
    let lasts = fate.stretch(between(seed, &format!("remove/{account}/{region}/{name}"), 150, 360));
    let fails = fate.fails.then(|| format!("RDS could not delete {name}"));
    let course = Course::new(now, now, lasts, fails);
    let trace = super::estate::Deleted { operation: call.operation.0.clone(), course: course.clone() };
    let place = making.aws.region_mut(&account, region)?;
    if course.fails.is_none() {
        place.deleted.insert(name.to_owned(), trace);
    }
    if let Some(found) = place.instances.get_mut(name) {
        found.deleting = Some(course);
    }
    let made = Made::Gone { region: region.to_owned(), what: name.to_owned() };
    Ok((started(&account, region, name), Some(made)))
}

/// What is not there, or on its way, has been deleted.
pub(super) fn probe_delete(
    aws: &Aws,
    call: &Call,
    region: &str,
    name: &str,
    operation: &str,
    now: Moment,
) -> Result<Probe, CloudError> {
    let account = &call.environment.account;
    let found = removable(aws.region(account, region)?, region, name, operation, now)?;
    let there = found.is_some_and(|found| found.status(now) != "deleting");
    Ok(if there { Probe::Absent } else { Probe::Present(started(account, region, name)) })
}

/// Whether it is gone.
pub(super) fn poll_delete(
    aws: &Aws,
    call: &Call,
    region: &str,
    name: &str,
    now: Moment,
) -> Result<Progress, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    let Some(found) = place.instances.get(name).filter(|i| i.exists(now)) else {
        return Ok(going(place, name, now));
    };
    Ok(match found.status(now) {
        "deleting" => Progress::Running { percent: None, detail: "deleting".to_owned() },
        status => {
            let why = found.deleting.as_ref().and_then(|course| course.fails.as_deref());
            let why = why.unwrap_or("its deletion did not begin");
            Progress::Failed { reason: format!("DB instance {name} in {region} is {status}: {why}; press Retry") }
        }
    })
}

/// Only what this product restored may be removed, and only for the operation that restored it.
fn removable<'a>(
    place: &'a Region,
    region: &str,
    name: &str,
    operation: &str,
    now: Moment,
) -> Result<Option<&'a Instance>, CloudError> {
    if !name.contains("-restored-") || place.databases.contains_key(name) {
        return Err(permanent(format!(
            "DB instance {name} in {region} is no test restore and is never deleted; this is an error of bbws, report it"
        )));
    }
    let Some(found) = place.instances.get(name).filter(|i| i.exists(now)) else { return Ok(None) };
    if found.operation != operation {
        return Err(permanent(format!(
            "DB instance {name} in {region} was not restored by {operation}, so it is not deleted; look whose it is"
        )));
    }
    Ok(Some(found))
}

fn started(account: &str, region: &str, name: &str) -> Started {
    let outputs = Outputs::from([("restored_instance".to_owned(), name.to_owned())]);
    Started { external_id: Some(format!("arn:aws:rds:{region}:{account}:db:{name}")), outputs, finished: false }
}

/// `DBInstanceAlreadyExists`: ours is adopted, anybody else's is not.
fn adopt(found: &Instance, call: &Call, region: &str, name: &str, now: Moment) -> Result<Started, CloudError> {
    if found.operation != call.operation.0 {
        return Err(foreign(call, region, name));
    }
    match found.status(now) {
        "failed" => {
            Err(permanent(format!("DB instance {name} in {region} exists and is failed; delete it, then press Retry")))
        }
        "deleting" => {
            Err(retryable(format!("DB instance {name} in {region} is being deleted; it will be tried again")))
        }
        _ => Ok(started(&call.environment.account, region, name)),
    }
}

fn foreign(call: &Call, region: &str, name: &str) -> CloudError {
    permanent(format!(
        "DB instance {name} in {region} exists already and was not restored by {}; look whose it is before retrying",
        call.operation
    ))
}
