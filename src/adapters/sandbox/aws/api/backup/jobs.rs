//! Backup jobs: `StartBackupJob` and what tells of them.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::{
    super::{
        super::{
            judge::Made,
            time::{Phase, Timeline, between},
            world::backup::{Job, Point, Vault},
        },
        Context, Outcome, Request,
    },
    Wanted, assumed, fresh_id, lifecycle_of, made_before, not_found, page_of, point_arn, remember, resource_of,
    shown_lifecycle, unusable_key, vault_of,
};
use crate::domain::moment::Moment;

/// AWS's own: a job that has not begun after eight hours expires.
const START_WINDOW: i64 = 8 * 60;
/// AWS takes no shorter one.
const SHORTEST_WINDOW: i64 = 60;

/// `StartBackupJob`.
pub(super) fn start(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (vault, resource, role) =
        (request.need("BackupVaultName")?, request.need("ResourceArn")?, request.need("IamRoleArn")?);
    let window = request.number("StartWindowMinutes").unwrap_or(START_WINDOW);
    if window < SHORTEST_WINDOW {
        return Err(request.invalid(format!("Start window must be at least {SHORTEST_WINDOW} minutes.")));
    }
    let lifecycle = lifecycle_of(request, "Lifecycle")?;
    if let Some(id) = made_before(cx, request)? {
        return Ok(answered(cx, request, &id));
    }
    assumed(request, role)?;
    let key = vault_of(cx, request, vault)?.key.clone();
    let found = resource_of(cx, request, resource)?;
    let id = fresh_id(cx, request, "job").to_uppercase();
    let (now, fate) = (cx.now, cx.fate(request));
    let accepted = now + between(cx.world.seed, &format!("accepted/{id}"), 5, 20);
    let here = &mut cx.place(request).backup;
    let turn = here.busy.get(resource).copied().unwrap_or(accepted).max(accepted);
    let lasts = fate.stretch(between(cx.world.seed, &id, 240, 480));
    let fails = fate.fails.then(|| "Backup job failed because of an internal error of AWS Backup.".to_owned());
    let unusable = unusable_key(cx, request, &request.region, &key);
    let course = Timeline::new(now, turn, lasts, unusable.or(fails));
    let start_by = now + Duration::from_secs(60 * u64::try_from(window).unwrap_or(0));
    let arn = point_arn(cx, request, &request.region, &found.kind, &id);
    let point = Point {
        resource_arn: resource.to_owned(),
        resource_type: found.kind.clone(),
        course: course.clone(),
        created: now,
        size: found.size,
        encrypted: found.encrypted || found.kind == "EFS",
        key,
        lifecycle,
        tags: request.tags("RecoveryPointTags"),
        role: role.to_owned(),
        source_vault: None,
        message: None,
        status: None,
        continuous: false,
        deleting: None,
        sticks: false,
    };
    let job = Job {
        vault: vault.to_owned(),
        resource_arn: resource.to_owned(),
        resource_type: found.kind,
        point: arn.clone(),
        accepted,
        start_by,
        size: found.size,
        role: role.to_owned(),
        lifecycle,
        created_by: None,
        ends_as: None,
        message: None,
        stopped: None,
        course: course.clone(),
    };
    let here = &mut cx.place(request).backup;
    // One that will expire keeps nobody waiting, and makes nothing.
    if course.begins <= start_by {
        here.busy.insert(resource.to_owned(), course.ends);
        if let Some(vault) = here.vaults.get_mut(vault) {
            vault.points.insert(arn, point);
        }
    }
    here.jobs.insert(id.clone(), job);
    cx.changed(request, format!("backup of {resource}"), Made::BackupJob { id: id.clone() });
    remember(cx, request, &id);
    Ok(answered(cx, request, &id))
}

fn answered(cx: &mut Context<'_>, request: &Request, id: &str) -> Value {
    let job = cx.place(request).backup.jobs.get(id);
    json!({
        "BackupJobId": id,
        "RecoveryPointArn": job.map(|job| &job.point),
        "CreationDate": job.map(|job| request.time(job.course.created)),
        "IsParent": false,
    })
}

/// `DescribeBackupJob`.
pub(super) fn describe(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, now) = (request.need("backupJobId")?, cx.now);
    let here = &mut cx.place(request).backup;
    let job = here.jobs.get(id).ok_or_else(|| not_found(&format!("Backup job {id}")))?;
    Ok(shown(request, id, job, here.vaults.get(&job.vault), now))
}

/// `ListBackupJobs`.
pub(super) fn list(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (now, wanted) = (cx.now, Wanted::of(request));
    let vault = request.text("backupVaultName");
    let here = &mut cx.place(request).backup;
    page_of(
        request,
        "BackupJobs",
        &here.jobs,
        |_, job| {
            vault.is_none_or(|vault| vault == job.vault)
                && wanted.met(&job.resource_arn, &job.resource_type, job.state(now), job.course.created, job.ended(now))
        },
        |id, job| shown(request, id, job, here.vaults.get(&job.vault), now),
    )
}

fn shown(request: &Request, id: &str, job: &Job, vault: Option<&Vault>, now: Moment) -> Value {
    let state = job.state(now);
    let done = job.course.done(now);
    let percent = match job.course.phase(now) {
        Phase::Queued => "0.0".to_owned(),
        Phase::Running(percent) => format!("{percent}.0"),
        Phase::Done | Phase::Failed(_) => "100.0".to_owned(),
    };
    json!({
        "AccountId": request.account(),
        "BackupJobId": id,
        "BackupVaultName": job.vault,
        "BackupVaultArn": vault.map(|vault| &vault.arn),
        "RecoveryPointArn": job.point,
        "RecoveryPointLifecycle": shown_lifecycle(job.lifecycle),
        "EncryptionKeyArn": vault.map(|vault| &vault.key),
        "ResourceArn": job.resource_arn,
        "ResourceType": job.resource_type,
        "CreationDate": request.time(job.course.created),
        "CompletionDate": job.ended(now).map(|at| request.time(at)),
        "StartBy": request.time(job.start_by),
        "State": state,
        "StatusMessage": job.message(now),
        "PercentDone": percent,
        // AWS tells the size when there is one.
        "BackupSizeInBytes": done.then_some(job.size),
        "BytesTransferred": done.then_some(job.size),
        "IamRoleArn": job.role,
        "CreatedBy": job.created_by,
        "IsParent": false,
    })
}

/// `StopBackupJob`, which AWS does not do for RDS.
pub(super) fn stop(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, now) = (request.need("backupJobId")?, cx.now);
    let here = &mut cx.place(request).backup;
    let job = here.jobs.get_mut(id).ok_or_else(|| not_found(&format!("Backup job {id}")))?;
    if job.resource_type != "EFS" {
        return Err(request.invalid(format!("Stopping backup jobs of {} is not supported.", job.resource_type)));
    }
    if job.ended(now).is_some() {
        return Err(request.invalid(format!("Backup job {id} is {}.", job.state(now))));
    }
    job.stopped = Some(now);
    let (vault, point, resource) = (job.vault.clone(), job.point.clone(), job.resource_arn.clone());
    if let Some(vault) = here.vaults.get_mut(&vault) {
        vault.points.remove(&point);
    }
    here.busy.remove(&resource);
    Ok(json!({}))
}

/// `ListBackupJobSummaries`: counts by state of the last days, in the region that is asked.
pub(super) fn summaries(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let days = match request.text("AggregationPeriod") {
        Some("ONE_DAY") => 1,
        Some("SEVEN_DAYS") => 7,
        _ => 14,
    };
    let now = cx.now;
    let since = now - Duration::from_secs(days * 86_400);
    let mut counts = BTreeMap::<(String, String), u64>::new();
    for job in
        cx.place(request).backup.jobs.values().filter(|job| job.course.created >= since && job.course.created <= now)
    {
        *counts.entry((job.state(now).to_owned(), job.resource_type.clone())).or_default() += 1;
    }
    let wanted = request.text("State").filter(|state| *state != "ANY");
    let all = counts.into_iter().filter(|((state, _), _)| wanted.is_none_or(|wanted| wanted == state));
    let all: Vec<Value> = all
        .map(|((state, kind), count)| {
            json!({
                "Region": request.region,
                "AccountId": request.account(),
                "State": state,
                "ResourceType": kind,
                "Count": count,
                "StartTime": request.time(since),
                "EndTime": request.time(now),
            })
        })
        .collect();
    Ok(json!({
        "BackupJobSummaries": all,
        "AggregationPeriod": request.text("AggregationPeriod").unwrap_or("FOURTEEN_DAYS"),
    }))
}
