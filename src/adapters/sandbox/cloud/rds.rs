//! Simulated RDS: snapshots and their copies. The name is the idempotency token.

use super::{
    Making, Start,
    journal::Made,
    time::{Course, Phase, between},
    world::{Aws, GIB, RDS_KEY, Region, Snapshot, is_ours, permanent, retryable, tags_of},
};
use crate::{
    domain::{moment::Moment, step::Outputs},
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// RDS copies so many snapshots into one region at once; more wait at 0 percent.
const COPIES_AT_ONCE: usize = 20;

/// `CreateDBSnapshot`.
pub(super) fn create(making: &mut Making<'_>, region: &str, database: &str, name: &str) -> Start {
    let account = making.account().to_owned();
    let (now, call) = (making.now, making.call);
    let place = making.aws.region(&account, region)?;
    if let Some(existing) = place.snapshots.get(name) {
        return adopt(existing, call, region, name, database, now).map(|started| (started, None));
    }
    let Some(db) = place.databases.get(database).cloned() else {
        return Err(permanent(format!(
            "DB instance {database} does not exist in {region}; correct the config or bring it back, then ask again"
        )));
    };
    let status = status(place, database, now);
    if status != "available" {
        return Err(retryable(format!(
            "DB instance {database} in {region} is {status}, not available (InvalidDBInstanceState); it will be tried again"
        )));
    }
    let fate = making.fate(region);
    let lasts = fate.stretch(between(making.aws.seed, &format!("snapshot/{account}/{region}/{name}"), 360, 540));
    let fails = fate.fails.then(|| format!("the snapshot of {database} ended as failed (internal error of RDS)"));
    let course = Course::new(now, now, lasts, fails);
    let place = making.aws.region_mut(&account, region)?;
    place.backing_up.insert(database.to_owned(), course.ends);
    let snapshot = Snapshot {
        source: database.to_owned(),
        copy: false,
        course,
        size_gib: db.size_gib,
        encrypted: db.encrypted,
        key: if db.encrypted { RDS_KEY.to_owned() } else { String::new() },
        tags: tags_of(call),
        database: database.to_owned(),
        data: None,
        sticks: false,
    };
    place.snapshots.insert(name.to_owned(), snapshot);
    Ok((started(&account, region, name), Some(Made::Snapshot { region: region.to_owned(), name: name.to_owned() })))
}

/// `CopyDBSnapshot`, in the destination region.
pub(super) fn copy(
    making: &mut Making<'_>,
    from: &str,
    region: &str,
    source: &str,
    name: &str,
    key: Option<&str>,
) -> Start {
    let account = making.account().to_owned();
    let (now, call) = (making.now, making.call);
    let source_arn = arn(&account, from, source);
    let place = making.aws.region(&account, region)?;
    if let Some(existing) = place.snapshots.get(name) {
        return adopt(existing, call, region, name, &source_arn, now).map(|started| (started, None));
    }
    let original = making.aws.region(&account, from)?.snapshots.get(source);
    let original = copyable(original, from, source, now)?.clone();
    let key = match key {
        Some(key) => place.usable_key(region, key).map_err(permanent)?,
        None if original.encrypted => {
            return Err(permanent(format!(
                "snapshot {source} is encrypted: its copy needs a KMS key of {region}; set `dr_kms_key` in the config"
            )));
        }
        None => String::new(),
    };
    let fate = making.fate(region);
    let lasts = fate.stretch(between(making.aws.seed, &format!("copy/{account}/{region}/{name}"), 600, 900));
    let fails = fate.fails.then(|| format!("the copy {name} ended as failed (internal error of RDS)"));
    let place = making.aws.region_mut(&account, region)?;
    let course = Course::new(now, place.snapshot_copies.turn(now, COPIES_AT_ONCE), lasts, fails);
    place.snapshot_copies.take(course.ends);
    let (database, data) = (original.database().to_owned(), Some(original.data()));
    let mut tags = original.tags;
    tags.extend(tags_of(call));
    let encrypted = original.encrypted || !key.is_empty();
    let snapshot = Snapshot {
        source: source_arn,
        copy: true,
        course,
        size_gib: original.size_gib,
        encrypted,
        key,
        tags,
        database,
        data,
        sticks: false,
    };
    place.snapshots.insert(name.to_owned(), snapshot);
    Ok((started(&account, region, name), Some(Made::Snapshot { region: region.to_owned(), name: name.to_owned() })))
}

/// Looks for a snapshot or copy that an earlier call with this name made.
pub(super) fn probe(aws: &Aws, call: &Call, region: &str, name: &str, source: &str) -> Result<Probe, CloudError> {
    let account = &call.environment.account;
    match aws.region(account, region)?.snapshots.get(name) {
        None => Ok(Probe::Absent),
        Some(found) if is_ours(&found.tags, call) && found.source == source => {
            Ok(Probe::Present(started(account, region, name)))
        }
        Some(_) => Err(foreign(call, region, name)),
    }
}

/// How far a snapshot or copy is.
pub(super) fn poll(aws: &Aws, call: &Call, region: &str, name: &str, now: Moment) -> Result<Progress, CloudError> {
    let account = &call.environment.account;
    let Some(snapshot) = aws.region(account, region)?.snapshots.get(name) else {
        return Ok(Progress::Failed {
            reason: format!("snapshot {name} is not in {region}; somebody deleted it, start again"),
        });
    };
    Ok(match snapshot.course.phase(now) {
        Phase::Failed(reason) => {
            Progress::Failed { reason: format!("{reason}; delete {name} in {region}, then press Retry") }
        }
        Phase::Done => {
            let mut outputs = Outputs::new();
            outputs.insert("snapshot_arn".to_owned(), arn(account, region, name));
            outputs.insert("size".to_owned(), (u64::from(snapshot.size_gib) * GIB).to_string());
            Progress::Done { outputs, detail: describe(snapshot) }
        }
        Phase::Queued => Progress::Running { percent: Some(0), detail: snapshot_status(snapshot, now).to_owned() },
        Phase::Running(percent) => {
            Progress::Running { percent: Some(percent), detail: snapshot_status(snapshot, now).to_owned() }
        }
    })
}

/// What RDS calls the state of a snapshot.
pub(super) fn snapshot_status(snapshot: &Snapshot, now: Moment) -> &'static str {
    match snapshot.course.phase(now) {
        Phase::Done => "available",
        Phase::Failed(_) => "failed",
        Phase::Queued | Phase::Running(_) if snapshot.copy => "copying",
        Phase::Queued | Phase::Running(_) => "creating",
    }
}

/// What RDS calls the state of an instance that exists.
pub(super) fn status(place: &Region, database: &str, now: Moment) -> String {
    let own = place.databases.get(database).map_or("unknown", |db| db.status.as_str());
    if own != "available" {
        return own.to_owned();
    }
    let backing_up = place.backing_up.get(database).is_some_and(|until| *until > now);
    let modifying = place.modifying.get(database).is_some_and(|course| course.ends > now);
    match (backing_up, modifying) {
        (true, _) => "backing-up".to_owned(),
        (false, true) => "modifying".to_owned(),
        (false, false) => own.to_owned(),
    }
}

/// `available, encrypted, 100 GiB`.
pub(super) fn describe(snapshot: &Snapshot) -> String {
    let encrypted = if snapshot.encrypted { "encrypted" } else { "not encrypted" };
    format!("available, {encrypted}, {} GiB", snapshot.size_gib)
}

pub(super) fn arn(account: &str, region: &str, name: &str) -> String {
    format!("arn:aws:rds:{region}:{account}:snapshot:{name}")
}

fn started(account: &str, region: &str, name: &str) -> Started {
    Started { external_id: Some(arn(account, region, name)), ..Started::default() }
}

/// `DBSnapshotAlreadyExists`: ours is adopted, anybody else's is not.
fn adopt(
    found: &Snapshot,
    call: &Call,
    region: &str,
    name: &str,
    source: &str,
    now: Moment,
) -> Result<Started, CloudError> {
    if !is_ours(&found.tags, call) || found.source != source {
        return Err(foreign(call, region, name));
    }
    if found.course.failed(now) {
        return Err(permanent(format!(
            "snapshot {name} in {region} exists and is failed; delete it, then press Retry"
        )));
    }
    Ok(started(&call.environment.account, region, name))
}

fn foreign(call: &Call, region: &str, name: &str) -> CloudError {
    permanent(format!(
        "snapshot {name} in {region} exists already and was not made by {} from this source; look whose it is before retrying",
        call.operation
    ))
}

fn copyable<'a>(
    found: Option<&'a Snapshot>,
    region: &str,
    name: &str,
    now: Moment,
) -> Result<&'a Snapshot, CloudError> {
    let Some(snapshot) = found else {
        return Err(permanent(format!(
            "snapshot {name} does not exist in {region}, so it cannot be copied; start a new backup"
        )));
    };
    match snapshot.course.phase(now) {
        Phase::Done => Ok(snapshot),
        Phase::Failed(_) => {
            Err(permanent(format!("snapshot {name} in {region} is failed and cannot be copied; start a new backup")))
        }
        Phase::Queued | Phase::Running(_) => {
            let status = snapshot_status(snapshot, now);
            Err(retryable(format!(
                "snapshot {name} in {region} is still {status} (InvalidDBSnapshotState); it will be tried again"
            )))
        }
    }
}
