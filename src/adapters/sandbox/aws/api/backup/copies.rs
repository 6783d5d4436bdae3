//! Copy jobs: `StartCopyJob` in the source's region, and what tells of them. The copy lands in another region's vault.

use serde_json::{Value, json};

use super::{
    super::{
        super::{
            judge::Made,
            time::{Timeline, between},
            world::backup::{CopyJob, Point},
        },
        Context, Outcome, Refusal, Request,
    },
    Wanted, assumed, fresh_id, lifecycle_of, made_before, name_of_vault, not_found, page_of, point_arn, region_of,
    remember, shown_lifecycle, unusable_key, vault_in, vault_of,
};
use crate::domain::moment::Moment;

/// So many copies of one service run at once out of one region; more stay CREATED.
const COPIES_AT_ONCE: usize = 5;

/// `StartCopyJob`.
pub(super) fn start(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (source, role) = (request.need("RecoveryPointArn")?, request.need("IamRoleArn")?);
    let (vault, to) = (request.need("SourceBackupVaultName")?, request.need("DestinationBackupVaultArn")?);
    let lifecycle = lifecycle_of(request, "Lifecycle")?;
    if let Some(id) = made_before(cx, request)? {
        return Ok(answered(cx, request, &id));
    }
    assumed(request, role)?;
    let now = cx.now;
    let from_vault = vault_of(cx, request, vault)?.arn.clone();
    let (original, status) = {
        let here = &mut cx.place(request).backup;
        let (_, point) =
            here.point(vault, source, now).ok_or_else(|| not_found(&format!("Recovery point {source}")))?;
        (point.clone(), here.status_of(vault, point, now).unwrap_or_default().to_owned())
    };
    if !["COMPLETED", "AVAILABLE", "PARTIAL"].contains(&status.as_str()) {
        let why = format!("Recovery point {source} is {status} and cannot be copied.");
        return Err(Refusal::new("InvalidRequestException", why));
    }
    let (to_region, to_name) = (region_of(to), name_of_vault(to));
    let key = vault_in(cx, request, &to_region, &to_name)?.key.clone();
    let id = fresh_id(cx, request, "copy").to_uppercase();
    let fate = cx.fate(request);
    let accepted = now + between(cx.world.seed, &format!("accepted/{id}"), 5, 20);
    let lasts = fate.stretch(between(cx.world.seed, &id, 360, 600));
    let fails = fate.fails.then(|| "Copy job failed because of an internal error of AWS Backup.".to_owned());
    let unusable = unusable_key(cx, request, &to_region, &key);
    let kind = original.resource_type.clone();
    let slots = cx.place(request).backup.copying.entry(kind.clone()).or_default();
    let course = Timeline::new(now, slots.turn(now, COPIES_AT_ONCE).max(accepted), lasts, unusable.or(fails));
    slots.take(course.ends);
    let arn = point_arn(cx, request, &to_region, &kind, &id);
    let job = CopyJob {
        from_vault: from_vault.clone(),
        source: source.to_owned(),
        to_vault: to.to_owned(),
        point: arn.clone(),
        resource_arn: original.resource_arn.clone(),
        resource_type: kind,
        course: course.clone(),
        size: original.size,
        role: role.to_owned(),
        lifecycle,
        created_by: None,
        ends_as: None,
        message: None,
    };
    // A copy of a continuous backup is a snapshot like any other.
    let copy = Point {
        course,
        key,
        lifecycle,
        role: role.to_owned(),
        encrypted: true,
        source_vault: Some(from_vault),
        continuous: false,
        deleting: None,
        sticks: false,
        ..original
    };
    cx.place(request).backup.copies.insert(id.clone(), job);
    let there = &mut cx.world.region(request.account(), &to_region).backup;
    if let Some(vault) = there.vaults.get_mut(&to_name) {
        vault.points.insert(arn, copy);
    }
    cx.changed(request, format!("copy of {source} to {to}"), Made::CopyJob { id: id.clone() });
    remember(cx, request, &id);
    Ok(answered(cx, request, &id))
}

fn answered(cx: &mut Context<'_>, request: &Request, id: &str) -> Value {
    let created = cx.place(request).backup.copies.get(id).map(|job| request.time(job.course.created));
    json!({ "CopyJobId": id, "CreationDate": created, "IsParent": false })
}

/// `DescribeCopyJob`.
pub(super) fn describe(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, now) = (request.need("copyJobId")?, cx.now);
    let job = cx.place(request).backup.copies.get(id).ok_or_else(|| not_found(&format!("Copy job {id}")))?;
    Ok(json!({ "CopyJob": shown(request, id, job, now) }))
}

/// `ListCopyJobs`.
pub(super) fn list(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (now, wanted) = (cx.now, Wanted::of(request));
    let (source, to) = (request.text("sourceRecoveryPointArn"), request.text("destinationVaultArn"));
    let here = &mut cx.place(request).backup;
    page_of(
        request,
        "CopyJobs",
        &here.copies,
        |_, job| {
            let ended = Some(job.course.ends).filter(|ends| *ends <= now);
            source.is_none_or(|source| source == job.source)
                && to.is_none_or(|to| to == job.to_vault)
                && wanted.met(&job.resource_arn, &job.resource_type, job.state(now), job.course.created, ended)
        },
        |id, job| shown(request, id, job, now),
    )
}

fn shown(request: &Request, id: &str, job: &CopyJob, now: Moment) -> Value {
    let done = job.course.done(now);
    json!({
        "AccountId": request.account(),
        "CopyJobId": id,
        "SourceBackupVaultArn": job.from_vault,
        "SourceRecoveryPointArn": job.source,
        "DestinationBackupVaultArn": job.to_vault,
        // Where it lands is told when it is there.
        "DestinationRecoveryPointArn": done.then_some(&job.point),
        "DestinationRecoveryPointLifecycle": shown_lifecycle(job.lifecycle),
        "ResourceArn": job.resource_arn,
        "ResourceType": job.resource_type,
        "CreationDate": request.time(job.course.created),
        "CompletionDate": (job.course.ends <= now).then(|| request.time(job.course.ends)),
        "State": job.state(now),
        "StatusMessage": job.message(now),
        "BackupSizeInBytes": done.then_some(job.size),
        "IamRoleArn": job.role,
        "CreatedBy": job.created_by,
        "IsParent": false,
    })
}
