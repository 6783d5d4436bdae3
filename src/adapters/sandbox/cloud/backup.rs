//! Simulated AWS Backup: backup jobs and copy jobs, found again by their idempotency token.

use std::time::Duration;

use super::{
    Making, Start,
    journal::Made,
    time::{Course, Phase, between, uuid_for},
    world::{Aws, GIB, Job, RecoveryPoint, Region, permanent, retryable, tags_of},
};
use crate::{
    domain::{moment::Moment, step::Outputs},
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// AWS Backup copies so many recovery points out of one region at once; more stay CREATED.
const COPIES_AT_ONCE: usize = 5;

/// `StartBackupJob`.
pub(super) fn start_job(
    making: &mut Making<'_>,
    region: &str,
    resource: &str,
    vault: &str,
    role: &str,
    days: u32,
) -> Start {
    let account = making.account().to_owned();
    let (now, call) = (making.now, making.call);
    let request = format!("StartBackupJob {resource} {vault} {role} {days}");
    let place = making.aws.region(&account, region)?;
    if let Some(id) = used(place, &call.token, &request)? {
        return Ok((started(&id), None));
    }
    role_of(&account, role)?;
    vault_exists(place, region, vault)?;
    let Some((size_bytes, encrypted)) = size_of(place, resource) else {
        return Err(permanent(format!(
            "{resource} does not exist in {region}; correct the config or bring it back, then ask again"
        )));
    };
    let id = uuid_for(making.aws.seed, &format!("job/{account}/{region}/{}", call.token));
    let fate = making.fate(region);
    let accepted = now + waits(making.aws.seed, &id);
    let place = making.aws.region(&account, region)?;
    let turn = place.busy.get(resource).copied().unwrap_or(accepted).max(accepted);
    let lasts = fate.stretch(between(making.aws.seed, &id, 240, 480));
    let fails = fate.fails.then(|| format!("the backup of {resource} ended as FAILED (internal error of AWS Backup)"));
    let course = Course::new(now, turn, lasts, fails);
    let recovery_point = point_arn(making.aws.seed, &account, region, &id);
    let point = RecoveryPoint {
        resource_arn: resource.to_owned(),
        course: course.clone(),
        size_bytes,
        encrypted,
        retention_days: days,
        tags: tags_of(call),
        data: None,
        expired: false,
        sticks: false,
    };
    let place = making.aws.region_mut(&account, region)?;
    place.busy.insert(resource.to_owned(), course.ends);
    if let Some(vault) = place.vaults.get_mut(vault) {
        vault.points.insert(recovery_point.clone(), point);
    }
    let job = Job { copy: false, resource_arn: resource.to_owned(), accepted, course, recovery_point, size_bytes };
    Ok(keep(place, region, call, request, id, job))
}

/// What `StartCopyJob` is asked for.
pub(super) struct Copy<'a> {
    pub(super) region: &'a str,
    pub(super) vault: &'a str,
    pub(super) to_region: &'a str,
    pub(super) to_vault_arn: &'a str,
    pub(super) role: &'a str,
    pub(super) days: u32,
}

/// `StartCopyJob`, in the source region.
pub(super) fn start_copy(making: &mut Making<'_>, copy: &Copy<'_>) -> Start {
    let account = making.account().to_owned();
    let (now, call) = (making.now, making.call);
    let source = recovery_point(call).ok_or_else(|| {
        permanent("no recovery point is known to copy: the step before gave none; start a new backup")
    })?;
    let request = format!("StartCopyJob {source} {} {} {} {}", copy.vault, copy.to_vault_arn, copy.role, copy.days);
    let place = making.aws.region(&account, copy.region)?;
    if let Some(id) = used(place, &call.token, &request)? {
        return Ok((started(&id), None));
    }
    role_of(&account, copy.role)?;
    let original = copyable(place, copy, source, now)?;
    let to_vault = destination(making.aws, &account, copy)?;
    let id = uuid_for(making.aws.seed, &format!("copy/{account}/{}/{}", copy.region, call.token));
    let fate = making.fate(copy.region);
    let accepted = now + waits(making.aws.seed, &id);
    let lasts = fate.stretch(between(making.aws.seed, &id, 360, 600));
    let fails = fate.fails.then(|| format!("the copy of {source} ended as FAILED (internal error of AWS Backup)"));
    let recovery_point = point_arn(making.aws.seed, &account, copy.to_region, &id);
    let place = making.aws.region_mut(&account, copy.region)?;
    let course = Course::new(now, place.copies.turn(now, COPIES_AT_ONCE).max(accepted), lasts, fails);
    place.copies.take(course.ends);
    let job = Job {
        copy: true,
        resource_arn: original.resource_arn.clone(),
        accepted,
        course: course.clone(),
        recovery_point: recovery_point.clone(),
        size_bytes: original.size_bytes,
    };
    let kept = keep(place, copy.region, call, request, id, job);
    let data = Some(original.data());
    let point = RecoveryPoint {
        course,
        encrypted: true,
        retention_days: copy.days,
        tags: tags_of(call),
        data,
        sticks: false,
        ..original
    };
    if let Some(vault) = making.aws.region_mut(&account, copy.to_region)?.vaults.get_mut(&to_vault) {
        vault.points.insert(recovery_point, point);
    }
    Ok(kept)
}

/// Looks for the job that this token made.
pub(super) fn probe(aws: &Aws, call: &Call, region: &str) -> Result<Probe, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    Ok(place.tokens.get(&call.token).map_or(Probe::Absent, |(_, id)| Probe::Present(started(id))))
}

/// How far a job is.
pub(super) fn poll(aws: &Aws, call: &Call, region: &str, now: Moment) -> Result<Progress, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    let Some(id) = &call.external_id else {
        return Err(permanent(format!(
            "no job id is known for step {} of {}, so it cannot be watched; press Retry",
            call.step + 1,
            call.operation
        )));
    };
    let Some(job) = place.jobs.get(id) else {
        return Ok(Progress::Failed { reason: format!("AWS Backup knows no job {id} in {region}; start again") });
    };
    Ok(match job.course.phase(now) {
        Phase::Failed(reason) => Progress::Failed { reason: format!("{reason}; job {id} in {region}; press Retry") },
        Phase::Done => {
            let mut outputs = Outputs::new();
            outputs.insert("recovery_point".to_owned(), job.recovery_point.clone());
            outputs.insert("size".to_owned(), job.size_bytes.to_string());
            Progress::Done { outputs, detail: format!("COMPLETED, {}", size_text(job.size_bytes)) }
        }
        // AWS tells no percent of copies.
        Phase::Queued => {
            Progress::Running { percent: (!job.copy).then_some(0), detail: job_state(job, now).to_owned() }
        }
        Phase::Running(percent) => {
            Progress::Running { percent: (!job.copy).then_some(percent), detail: job_state(job, now).to_owned() }
        }
    })
}

/// What AWS Backup calls the state of a job.
pub(super) fn job_state(job: &Job, now: Moment) -> &'static str {
    match job.course.phase(now) {
        Phase::Done => "COMPLETED",
        Phase::Failed(_) => "FAILED",
        Phase::Running(_) => "RUNNING",
        Phase::Queued if now < job.accepted || job.copy => "CREATED",
        Phase::Queued => "PENDING",
    }
}

/// The recovery point that the step before gave.
pub(super) fn recovery_point(call: &Call) -> Option<&str> {
    call.inputs.get("recovery_point").map(String::as_str)
}

/// `42.0 GiB`, or bytes when it is small.
pub(super) fn size_text(bytes: u64) -> String {
    if bytes < GIB / 10 {
        return format!("{bytes} bytes");
    }
    let tenths = bytes * 10 / GIB;
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

fn started(id: &str) -> Started {
    Started { external_id: Some(id.to_owned()), ..Started::default() }
}

fn waits(seed: u64, id: &str) -> Duration {
    between(seed, &format!("accepted/{id}"), 5, 20)
}

pub(super) fn point_arn(seed: u64, account: &str, region: &str, job: &str) -> String {
    format!("arn:aws:backup:{region}:{account}:recovery-point:{}", uuid_for(seed, &format!("point/{job}")))
}

/// The job a token made, if it made one; the same token for something else is an error.
pub(super) fn used(place: &Region, token: &str, request: &str) -> Result<Option<String>, CloudError> {
    match place.tokens.get(token) {
        None => Ok(None),
        Some((was, id)) if was == request => Ok(Some(id.clone())),
        Some((was, _)) => Err(permanent(format!(
            "idempotency token {token} was used before for \"{was}\" (InvalidParameterValue); press Retry to get a new one"
        ))),
    }
}

pub(super) fn role_of(account: &str, role: &str) -> Result<(), CloudError> {
    if role.starts_with(&format!("arn:aws:iam::{account}:role/")) {
        return Ok(());
    }
    Err(permanent(format!(
        "AWS Backup cannot assume {role}: it is no role of account {account}; correct `backup_role` in the config"
    )))
}

pub(super) fn vault_exists(place: &Region, region: &str, vault: &str) -> Result<(), CloudError> {
    if place.vaults.contains_key(vault) {
        return Ok(());
    }
    Err(permanent(format!("backup vault {vault} does not exist in {region}; create it or correct the config")))
}

/// Size and encryption of a file system or DB instance by its ARN.
fn size_of(place: &Region, arn: &str) -> Option<(u64, bool)> {
    if let Some((_, id)) = arn.split_once(":file-system/") {
        return place.file_systems.get(id).map(|fs| (fs.size_bytes, fs.encrypted));
    }
    let (_, id) = arn.split_once(":db:")?;
    place.databases.get(id).map(|db| (u64::from(db.size_gib) * GIB, db.encrypted))
}

fn keep(
    place: &mut Region,
    region: &str,
    call: &Call,
    request: String,
    id: String,
    job: Job,
) -> (Started, Option<Made>) {
    place.tokens.insert(call.token.clone(), (request, id.clone()));
    place.jobs.insert(id.clone(), job);
    (started(&id), Some(Made::Job { region: region.to_owned(), id }))
}

fn copyable(place: &Region, copy: &Copy<'_>, source: &str, now: Moment) -> Result<RecoveryPoint, CloudError> {
    vault_exists(place, copy.region, copy.vault)?;
    let found = place.vaults.get(copy.vault).and_then(|v| v.points.get(source)).filter(|p| !p.course.failed(now));
    let Some(point) = found else {
        return Err(permanent(format!(
            "recovery point {source} is not in vault {} in {}; start a new backup",
            copy.vault, copy.region
        )));
    };
    if !point.course.done(now) {
        return Err(retryable(format!("recovery point {source} is not COMPLETED yet; it will be tried again")));
    }
    Ok(point.clone())
}

/// Name of the destination vault, if it exists and what is in it could be read there.
fn destination(aws: &Aws, account: &str, copy: &Copy<'_>) -> Result<String, CloudError> {
    let place = aws.region(account, copy.to_region)?;
    let Some((name, vault)) = place.vaults.iter().find(|(_, v)| v.arn == copy.to_vault_arn) else {
        return Err(permanent(format!(
            "backup vault {} does not exist in {}; create it or correct the config",
            copy.to_vault_arn, copy.to_region
        )));
    };
    place.usable_key(copy.to_region, &vault.key).map_err(permanent)?;
    Ok(name.clone())
}
