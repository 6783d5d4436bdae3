//! Simulated test restores of file systems: out of a recovery point into a new one, its address, and its end.

use serde::{Deserialize, Serialize};

use super::{
    Making, Start,
    backup::{role_of, size_text, used, vault_exists},
    estate::{Deleted, last},
    journal::Made,
    retire::going,
    time::{Course, Phase, between, uuid_for},
    world::{Aws, Region, Tags, permanent, retryable, tags_of},
};
use crate::{
    domain::{moment::Moment, step::Outputs},
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

mod look;

pub(super) use look::{Pair, verify};

/// What the trace of a deleted mount target is kept under, before the file system's name.
pub(super) const ADDRESS_OF: &str = "mount target of ";
/// What followers get: EFS's id of the restored file system.
const OUTPUT: &str = "restored_file_system";

/// A file system that was restored for a test.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RestoredFiles {
    pub(super) id: String,
    pub(super) recovery_point: String,
    /// Id of the restore job.
    job: String,
    pub(super) size_bytes: u64,
    /// The restore.
    pub(super) course: Course,
    pub(super) tags: Tags,
    pub(super) address: Option<Address>,
    /// Files are missing.
    pub(super) corrupt: bool,
    pub(super) deleting: Option<Course>,
}

/// Its mount target.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Address {
    pub(super) subnet: String,
    pub(super) security_groups: Vec<String>,
    course: Course,
    deleting: Option<Course>,
}

impl RestoredFiles {
    pub(super) fn exists(&self, now: Moment) -> bool {
        !self.deleting.as_ref().is_some_and(|course| course.done(now))
    }

    pub(super) fn status(&self, now: Moment) -> &'static str {
        if self.deleting.as_ref().is_some_and(|course| course.ends > now) {
            return "deleting";
        }
        match self.course.phase(now) {
            Phase::Queued | Phase::Running(_) => "restoring",
            Phase::Failed(_) => "failed",
            Phase::Done => "available",
        }
    }
}

impl Address {
    pub(super) fn exists(&self, now: Moment) -> bool {
        !self.deleting.as_ref().is_some_and(|course| course.done(now))
    }
}

/// Whether a restored file system has an address that nobody is deleting.
pub(super) fn has_address(place: &Region, name: &str) -> bool {
    place.restored_files.get(name).and_then(|f| f.address.as_ref()).is_some_and(|a| a.deleting.is_none())
}

/// Subnets of a DB subnet group.
pub(super) fn subnets(seed: u64, group: &str) -> Vec<String> {
    let subnet = |n| format!("subnet-{}", &uuid_for(seed, &format!("{group}/{n}")).replace('-', "")[..17]);
    let mut subnets: Vec<String> = (0..2).map(subnet).collect();
    subnets.sort();
    subnets
}

/// What `StartRestoreJob` is asked for.
pub(super) struct Wanted<'a> {
    pub(super) region: &'a str,
    pub(super) vault: &'a str,
    pub(super) recovery_point: &'a str,
    pub(super) name: &'a str,
    pub(super) role: &'a str,
}

/// `StartRestoreJob` into a new file system. The token finds the job again.
pub(super) fn restore(making: &mut Making<'_>, wanted: &Wanted<'_>) -> Start {
    let account = making.account().to_owned();
    let (now, call, seed) = (making.now, making.call, making.aws.seed);
    let Wanted { region, vault, recovery_point, name, role } = *wanted;
    let place = making.aws.region(&account, region)?;
    let request = format!("StartRestoreJob {recovery_point} {name} {role}");
    if let Some(job) = used(place, &call.token, &request)? {
        return Ok((started(&job), None));
    }
    role_of(&account, role)?;
    vault_exists(place, region, vault)?;
    let found = place.point(vault, recovery_point).filter(|(_, _, point)| place.is_there(vault, point, now));
    let Some((found_in, _, point)) = found else {
        return Err(permanent(format!(
            "recovery point {recovery_point} is not in vault {vault} of {region}; list the backups again"
        )));
    };
    place.usable_key(region, &found_in.key).map_err(permanent)?;
    let (size_bytes, source) = (point.size_bytes, last(&point.resource_arn).to_owned());
    let corrupt = place.restores_badly.contains(&source);
    let job = uuid_for(seed, &format!("restore/{account}/{region}/{}", call.token));
    let fate = making.fate(region);
    let lasts = fate.stretch(between(seed, &job, 420, 900));
    let fails = fate.fails.then(|| format!("restore job {job} ended as FAILED (internal error of AWS Backup)"));
    let restored = RestoredFiles {
        id: format!("fs-{}", &uuid_for(seed, &format!("files/{job}")).replace('-', "")[..17]),
        recovery_point: recovery_point.to_owned(),
        job: job.clone(),
        size_bytes,
        course: Course::new(now, now, lasts, fails),
        tags: Tags::new(),
        address: None,
        corrupt,
        deleting: None,
    };
    let place = making.aws.region_mut(&account, region)?;
    place.tokens.insert(call.token.clone(), (request, job.clone()));
    place.restored_files.insert(name.to_owned(), restored);
    Ok((started(&job), Some(Made::Files { region: region.to_owned(), name: name.to_owned() })))
}

/// Looks for the job that an earlier call began, by its creation token.
pub(super) fn probe(aws: &Aws, call: &Call, region: &str, name: &str, now: Moment) -> Result<Probe, CloudError> {
    let found = find(aws, call, region, name, now)?;
    Ok(found.map_or(Probe::Absent, |files| Probe::Present(started(&files.job))))
}

/// How far a restore is.
pub(super) fn poll(aws: &Aws, call: &Call, region: &str, name: &str, now: Moment) -> Result<Progress, CloudError> {
    let Some(files) = find(aws, call, region, name, now)? else { return Ok(lost(name, region)) };
    Ok(match files.course.phase(now) {
        Phase::Queued => Progress::Running { percent: None, detail: "PENDING".to_owned() },
        Phase::Running(percent) => Progress::Running { percent: Some(percent), detail: "RUNNING".to_owned() },
        Phase::Failed(reason) => {
            Progress::Failed { reason: format!("{reason}; look at it in AWS Backup, then test again") }
        }
        Phase::Done => {
            let outputs = Outputs::from([(OUTPUT.to_owned(), files.id.clone())]);
            Progress::Done { outputs, detail: format!("{}, {}", files.id, size_text(files.size_bytes)) }
        }
    })
}

/// `TagResource`.
pub(super) fn tag(making: &mut Making<'_>, region: &str, name: &str) -> Start {
    let (now, call) = (making.now, making.call);
    if find(making.aws, call, region, name, now)?.is_none() {
        return untagged(call, region, name).map(|started| (started, None));
    }
    let tags = tags_of(call);
    let place = making.aws.region_mut(&call.environment.account, region)?;
    let Some(files) = place.restored_files.get_mut(name) else { return Err(nothing(name, region)) };
    let done = Started { finished: true, ..started(&files.id) };
    if tags.iter().all(|(key, value)| files.tags.get(key) == Some(value)) {
        return Ok((done, None));
    }
    files.tags.extend(tags);
    files.tags.insert("Name".to_owned(), name.to_owned());
    Ok((done, Some(Made::FilesTag { region: region.to_owned(), name: name.to_owned() })))
}

/// What is gone before it is to be deleted needs no tag; what was just restored has to be there.
fn untagged(call: &Call, region: &str, name: &str) -> Result<Started, CloudError> {
    if call.inputs.contains_key(OUTPUT) {
        return Err(nothing(name, region));
    }
    Ok(Started { finished: true, ..started(name) })
}

/// Whether it is tagged.
pub(super) fn probe_tag(aws: &Aws, call: &Call, region: &str, name: &str, now: Moment) -> Result<Probe, CloudError> {
    let tags = tags_of(call);
    let tagged = find(aws, call, region, name, now)?
        .filter(|files| tags.iter().all(|(key, value)| files.tags.get(key) == Some(value)));
    Ok(tagged.map_or(Probe::Absent, |files| Probe::Present(Started { finished: true, ..started(&files.id) })))
}

/// The same as progress.
pub(super) fn poll_tag(aws: &Aws, call: &Call, region: &str, name: &str, now: Moment) -> Result<Progress, CloudError> {
    Ok(match probe_tag(aws, call, region, name, now)? {
        Probe::Present(_) => Progress::Done { outputs: Outputs::new(), detail: "tagged".to_owned() },
        Probe::Absent => lost(name, region),
    })
}

/// `CreateMountTarget`. A file system has one in a subnet.
pub(super) fn mount(
    making: &mut Making<'_>,
    region: &str,
    name: &str,
    subnet: &str,
    security_groups: &[String],
) -> Start {
    let account = making.account().to_owned();
    let (now, call, seed) = (making.now, making.call, making.aws.seed);
    let Some(files) = find(making.aws, call, region, name, now)? else { return Err(nothing(name, region)) };
    if files.address.as_ref().is_some_and(|a| a.exists(now)) {
        return Ok((started(&files.id), None));
    }
    let place = making.aws.region(&account, region)?;
    if !place.subnet_groups.iter().any(|group| subnets(seed, group).iter().any(|s| s == subnet)) {
        return Err(permanent(format!("subnet {subnet} does not exist in {region} (SubnetNotFound); test again")));
    }
    let id = files.id.clone();
    let fate = making.fate(region);
    let lasts = fate.stretch(between(seed, &format!("mount/{id}"), 60, 120));
    let fails = fate.fails.then(|| format!("the mount target of {name} ended in state error"));
    let course = Course::new(now, now, lasts, fails);
    let address =
        Address { subnet: subnet.to_owned(), security_groups: security_groups.to_vec(), course, deleting: None };
    let place = making.aws.region_mut(&account, region)?;
    if let Some(files) = place.restored_files.get_mut(name) {
        files.address = Some(address);
    }
    Ok((started(&id), Some(Made::MountTarget { region: region.to_owned(), name: name.to_owned() })))
}

/// Looks for the address.
pub(super) fn probe_mount(aws: &Aws, call: &Call, region: &str, name: &str, now: Moment) -> Result<Probe, CloudError> {
    let found =
        find(aws, call, region, name, now)?.filter(|files| files.address.as_ref().is_some_and(|a| a.exists(now)));
    Ok(found.map_or(Probe::Absent, |files| Probe::Present(started(&files.id))))
}

/// How far the address is.
pub(super) fn poll_mount(
    aws: &Aws,
    call: &Call,
    region: &str,
    name: &str,
    now: Moment,
) -> Result<Progress, CloudError> {
    let address = find(aws, call, region, name, now)?.and_then(|f| f.address.as_ref()).filter(|a| a.exists(now));
    let Some(address) = address else { return Ok(lost(&format!("the mount target of {name}"), region)) };
    Ok(match address.course.phase(now) {
        Phase::Queued | Phase::Running(_) => Progress::Running { percent: None, detail: "creating".to_owned() },
        Phase::Failed(reason) => Progress::Failed { reason: format!("{reason}; look at it in EFS, then test again") },
        Phase::Done => {
            let host = between(aws.seed, &address.subnet, 10, 250).as_secs();
            let detail = format!("available at 10.99.0.{host} in {}", address.subnet);
            Progress::Done {
                outputs: Outputs::from([("restored_address".to_owned(), format!("10.99.0.{host}"))]),
                detail,
            }
        }
    })
}

/// `DeleteMountTarget`.
pub(super) fn unmount(making: &mut Making<'_>, region: &str, name: &str, operation: &str) -> Start {
    let account = making.account().to_owned();
    let (now, call, seed) = (making.now, making.call, making.aws.seed);
    let what = format!("{ADDRESS_OF}{name}");
    let found = removable(making.aws, call, region, name, operation, now)?;
    let Some(address) = found.and_then(|f| f.address.as_ref()).filter(|a| a.exists(now)) else {
        return Ok((Started { finished: true, ..started(name) }, None));
    };
    if address.deleting.is_some() {
        return Ok((started(name), None));
    }
    if matches!(address.course.phase(now), Phase::Queued | Phase::Running(_)) {
        return Err(retryable(format!("the mount target of {name} is still creating; it will be tried again")));
    }
    let fate = making.fate(region);
    let lasts = fate.stretch(between(seed, &format!("unmount/{name}"), 20, 60));
    let fails = fate.fails.then(|| format!("EFS could not delete the mount target of {name}"));
    let course = Course::new(now, now, lasts, fails);
    let place = making.aws.region_mut(&account, region)?;
    if let Some(address) = place.restored_files.get_mut(name).and_then(|f| f.address.as_mut()) {
        address.deleting = Some(course);
    }
    Ok((started(name), Some(Made::Gone { region: region.to_owned(), what })))
}

/// What has no address, or one on its way out, has been dealt with.
pub(super) fn probe_unmount(
    aws: &Aws,
    call: &Call,
    region: &str,
    name: &str,
    operation: &str,
    now: Moment,
) -> Result<Probe, CloudError> {
    let found = removable(aws, call, region, name, operation, now)?;
    let there = found.and_then(|f| f.address.as_ref()).is_some_and(|a| a.exists(now) && a.deleting.is_none());
    Ok(if there { Probe::Absent } else { Probe::Present(started(name)) })
}

/// Whether the address is gone.
pub(super) fn poll_unmount(
    aws: &Aws,
    call: &Call,
    region: &str,
    name: &str,
    now: Moment,
) -> Result<Progress, CloudError> {
    let address = find(aws, call, region, name, now)?.and_then(|f| f.address.as_ref()).filter(|a| a.exists(now));
    Ok(match address.map(|a| &a.deleting) {
        None => gone(),
        Some(Some(course)) if course.ends > now => Progress::Running { percent: None, detail: "deleting".to_owned() },
        Some(_) => Progress::Failed {
            reason: format!("the mount target of {name} in {region} is still there; delete it in EFS"),
        },
    })
}

/// `DeleteFileSystem`.
pub(super) fn delete(making: &mut Making<'_>, region: &str, name: &str, operation: &str) -> Start {
    let account = making.account().to_owned();
    let (now, call, seed) = (making.now, making.call, making.aws.seed);
    let Some(files) = removable(making.aws, call, region, name, operation, now)? else {
        let place = making.aws.region(&account, region)?;
        let by = place.deleted.get(name).map(|trace| &trace.operation).filter(|by| **by != call.operation.0);
        let again = by.map(|by| Made::GoneAgain { region: region.to_owned(), what: name.to_owned(), by: by.clone() });
        return Ok((started(name), again));
    };
    match files.status(now) {
        "deleting" => return Ok((started(name), None)),
        "restoring" => {
            return Err(retryable(format!("file system {name} in {region} is being restored; it will be tried again")));
        }
        _ => {}
    }
    if files.address.as_ref().is_some_and(|a| a.exists(now)) {
        return Err(retryable(format!(
            "file system {name} in {region} still has a mount target (FileSystemInUse); it will be tried again"
        )));
    }
    let fate = making.fate(region);
    let lasts = fate.stretch(between(seed, &format!("remove/{account}/{region}/{name}"), 30, 90));
    let fails = fate.fails.then(|| format!("EFS could not delete {name}"));
    let course = Course::new(now, now, lasts, fails);
    let trace = Deleted { operation: call.operation.0.clone(), course: course.clone() };
    let place = making.aws.region_mut(&account, region)?;
    if course.fails.is_none() {
        place.deleted.insert(name.to_owned(), trace);
    }
    if let Some(files) = place.restored_files.get_mut(name) {
        files.deleting = Some(course);
    }
    Ok((started(name), Some(Made::Gone { region: region.to_owned(), what: name.to_owned() })))
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
    let found = removable(aws, call, region, name, operation, now)?;
    let there = found.is_some_and(|files| files.status(now) != "deleting");
    Ok(if there { Probe::Absent } else { Probe::Present(started(name)) })
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
    let Some(files) = find(aws, call, region, name, now)? else { return Ok(going(place, name, now)) };
    Ok(match files.status(now) {
        "deleting" => Progress::Running { percent: None, detail: "deleting".to_owned() },
        status => {
            let why = files.deleting.as_ref().and_then(|course| course.fails.as_deref());
            let why = why.unwrap_or("its deletion did not begin");
            Progress::Failed { reason: format!("file system {name} in {region} is {status}: {why}; press Retry") }
        }
    })
}

fn find<'a>(
    aws: &'a Aws,
    call: &Call,
    region: &str,
    name: &str,
    now: Moment,
) -> Result<Option<&'a RestoredFiles>, CloudError> {
    let place = aws.region(&call.environment.account, region)?;
    Ok(place.restored_files.get(name).filter(|files| files.exists(now)))
}

/// Only what this product restored may be removed, and only for the operation that restored it.
fn removable<'a>(
    aws: &'a Aws,
    call: &Call,
    region: &str,
    name: &str,
    operation: &str,
    now: Moment,
) -> Result<Option<&'a RestoredFiles>, CloudError> {
    if operation.is_empty() || !name.ends_with(&format!("-restored-{operation}")) {
        return Err(permanent(format!(
            "file system {name} in {region} is no test restore of {operation} and is never deleted; this is an error of bbws, report it"
        )));
    }
    find(aws, call, region, name, now)
}

fn started(id: &str) -> Started {
    Started { external_id: Some(id.to_owned()), ..Started::default() }
}

fn gone() -> Progress {
    Progress::Done { outputs: Outputs::new(), detail: "gone".to_owned() }
}

fn lost(what: &str, region: &str) -> Progress {
    Progress::Failed { reason: format!("{what} is not in {region}; somebody deleted it, test again") }
}

fn nothing(name: &str, region: &str) -> CloudError {
    permanent(format!("file system {name} does not exist in {region}; somebody deleted it, test again"))
}
