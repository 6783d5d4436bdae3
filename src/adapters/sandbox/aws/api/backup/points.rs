//! Recovery points: what describes, lists, tags and deletes them.

use serde_json::{Value, json};

use super::{
    super::{
        super::{
            time::{Timeline, between},
            world::backup::{Point, Vault},
        },
        Context, Outcome, Refusal, Request,
    },
    gone, not_found, page_of, shown_lifecycle, vault_of,
};
use crate::domain::moment::Moment;

/// `DescribeRecoveryPoint`.
pub(super) fn describe(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (name, arn, now) = (request.need("backupVaultName")?, request.need("recoveryPointArn")?, cx.now);
    vault_of(cx, request, name)?;
    let (vault, point) =
        cx.place(request).backup.point(name, arn, now).ok_or_else(|| not_found(&format!("Recovery point {arn}")))?;
    Ok(shown(request, name, vault, arn, point, now))
}

/// `ListRecoveryPointsByBackupVault`.
pub(super) fn list(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (name, now) = (request.need("backupVaultName")?, cx.now);
    vault_of(cx, request, name)?;
    let (before, after) = (request.moment("createdBefore"), request.moment("createdAfter"));
    let (resource, kind) = (request.text("resourceArn"), request.text("resourceType"));
    let here = &mut cx.place(request).backup;
    let Some(vault) = here.vaults.get(name) else { return Err(not_found(&format!("Backup vault {name}"))) };
    page_of(
        request,
        "RecoveryPoints",
        &vault.points,
        |_, point| {
            before.is_none_or(|before| point.created < before)
                && after.is_none_or(|after| point.created > after)
                && resource.is_none_or(|resource| resource == point.resource_arn)
                && kind.is_none_or(|kind| kind == point.resource_type)
                && here.status_of(name, point, now).is_some()
        },
        |arn, point| shown(request, name, vault, arn, point, now),
    )
}

fn shown(request: &Request, name: &str, vault: &Vault, arn: &str, point: &Point, now: Moment) -> Value {
    let there = point.course.done(now);
    json!({
        "RecoveryPointArn": arn,
        "BackupVaultName": name,
        "BackupVaultArn": vault.arn,
        "SourceBackupVaultArn": point.source_vault,
        "ResourceArn": point.resource_arn,
        "ResourceType": point.resource_type,
        "IamRoleArn": point.role,
        "Status": point.status(now),
        "StatusMessage": point.message(now),
        "CreationDate": request.time(point.created),
        "InitiationDate": request.time(point.course.created),
        "CompletionDate": there.then(|| request.time(point.course.ends)),
        "BackupSizeInBytes": there.then_some(point.size),
        "CalculatedLifecycle": point.expires().map(|at| json!({ "DeleteAt": request.time(at) })),
        "Lifecycle": shown_lifecycle(point.lifecycle),
        "EncryptionKeyArn": point.key,
        "IsEncrypted": point.encrypted,
        "IsParent": false,
        "VaultType": "BACKUP_VAULT",
    })
}

/// `DeleteRecoveryPoint`. That it answers well does not mean that the point is gone.
pub(super) fn delete(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (name, arn, now) = (request.need("backupVaultName")?, request.need("recoveryPointArn")?, cx.now);
    let locked = vault_of(cx, request, name)?.locked;
    let here = &mut cx.place(request).backup;
    let (_, point) = here.point(name, arn, now).ok_or_else(|| not_found(&format!("Recovery point {arn}")))?;
    let kept = |why: String| Err(Refusal::new("InvalidRequestException", why));
    if let Some((hold, _)) = here.holds(name, point, now) {
        return kept(format!("Recovery point {arn} is under legal hold {hold} and cannot be deleted."));
    }
    if locked {
        return kept(format!("Backup vault {name} is locked; recovery point {arn} cannot be deleted before its time."));
    }
    match point.status(now) {
        Some("CREATING") => {
            return Err(Refusal::new("InvalidResourceStateException", format!("Recovery point {arn} is CREATING.")));
        }
        Some("DELETING") => return Ok(json!({})),
        _ => {}
    }
    let sticks = point.sticks;
    let fate = cx.fate(request);
    let why = "Recovery point could not be deleted because the role that made it lacks permissions.";
    let fails = (sticks || fate.fails).then(|| why.to_owned());
    let lasts = fate.stretch(between(cx.world.seed, &format!("delete/{arn}/{}", now.0), 10, 40));
    let point = cx.place(request).backup.vaults.get_mut(name).and_then(|vault| vault.points.get_mut(arn));
    if let Some(point) = point {
        point.sticks = false;
        point.deleting = Some(Timeline::new(now, now, lasts, fails));
    }
    gone(cx, request, arn);
    Ok(json!({}))
}

/// `DisassociateRecoveryPoint`: a continuous backup goes back to the service it is of, which goes on with it.
pub(super) fn disassociate(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (name, arn, now) = (request.need("backupVaultName")?, request.need("recoveryPointArn")?, cx.now);
    vault_of(cx, request, name)?;
    let here = &mut cx.place(request).backup;
    let (_, point) = here.point(name, arn, now).ok_or_else(|| not_found(&format!("Recovery point {arn}")))?;
    if !point.continuous {
        let why = format!("Recovery point {arn} is not of a continuous backup.");
        return Err(Refusal::new("InvalidRequestException", why));
    }
    if let Some(vault) = here.vaults.get_mut(name) {
        vault.points.remove(arn);
    }
    gone(cx, request, arn);
    Ok(json!({}))
}

/// `ListTags`, of recovery points, plans, holds and vaults.
pub(super) fn tags(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let arn = request.need("resourceArn")?;
    let now = cx.now;
    let here = &mut cx.place(request).backup;
    let of_point = here.vaults.iter().find_map(|(name, vault)| {
        let point = vault.points.get(arn)?;
        here.status_of(name, point, now).map(|_| &point.tags)
    });
    let id = arn.rsplit(':').next().unwrap_or_default();
    let of_plan = || here.plans.get(id).map(|plan| &plan.tags);
    let of_hold = || here.holds.get(id).map(|hold| &hold.tags);
    let tags = of_point.or_else(of_plan).or_else(of_hold).ok_or_else(|| not_found(arn))?;
    Ok(json!({ "Tags": tags }))
}

/// `TagResource`, of recovery points.
pub(super) fn tag(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (arn, tags) = (request.need("resourceArn")?, request.tags("Tags"));
    let found = cx.place(request).backup.vaults.values_mut().find_map(|vault| vault.points.get_mut(arn));
    found.ok_or_else(|| not_found(arn))?.tags.extend(tags);
    Ok(json!({}))
}
