//! Restore jobs: `StartRestoreJob` of file systems and of folders of them, and what tells of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    super::{
        super::{
            judge::Made,
            time::{Phase, Timeline, between},
            world::{
                Tags,
                backup::RestoreJob,
                efs::{FileSystem, Folder, Restored, restored_into},
            },
        },
        Context, Outcome, Refusal, Request,
    },
    Wanted, assumed, fresh_id, id_for, made_before, not_found, page_of, remember, unusable_key,
};
use crate::domain::moment::Moment;

/// `GetRecoveryPointRestoreMetadata`. AWS writes its keys in more than one case.
pub(super) fn metadata(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (vault, arn, now) = (request.need("backupVaultName")?, request.need("recoveryPointArn")?, cx.now);
    let (found, point) =
        cx.place(request).backup.point(vault, arn, now).ok_or_else(|| not_found(&format!("Recovery point {arn}")))?;
    let (vault_arn, kind, resource) = (found.arn.clone(), point.resource_type.clone(), point.resource_arn.clone());
    let key = point.key.clone();
    let id = resource.rsplit(['/', ':']).next().unwrap_or_default().to_owned();
    let metadata = match kind.as_str() {
        "EFS" => {
            let source = cx.place(request).efs.file_systems.get(&id);
            json!({
                "file-system-id": id,
                "Encrypted": "true",
                "KmsKeyId": source.and_then(|fs| fs.key.clone()).unwrap_or(key),
                "PerformanceMode": "generalPurpose",
                "newFileSystem": "false",
            })
        }
        _ => json!({ "DBInstanceIdentifier": id }),
    };
    Ok(
        json!({ "BackupVaultArn": vault_arn, "RecoveryPointArn": arn, "ResourceType": kind, "RestoreMetadata": metadata }),
    )
}

/// `StartRestoreJob`: file systems into new ones, or folders into the file system they are of.
pub(super) fn start(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (arn, role) = (request.need("RecoveryPointArn")?, request.need("IamRoleArn")?);
    let metadata = request.tags("Metadata");
    if let Some(id) = made_before(cx, request)? {
        return Ok(json!({ "RestoreJobId": id }));
    }
    assumed(request, role)?;
    let now = cx.now;
    let (vault, point) = {
        let here = &mut cx.place(request).backup;
        let found = here.vaults.keys().find_map(|vault| Some((vault.clone(), here.point(vault, arn, now)?.1.clone())));
        found.ok_or_else(|| not_found(&format!("Recovery point {arn}")))?
    };
    if point.resource_type != "EFS" {
        let why = format!("Restores of {} are not made by this AWS.", point.resource_type);
        return Err(Refusal::new("InvalidRequestException", why));
    }
    let (token, new) = wanted(request, &metadata)?;
    let token = token.to_owned();
    let id = fresh_id(cx, request, "restore").to_uppercase();
    let fate = cx.fate(request);
    let lasts = fate.stretch(between(cx.world.seed, &id, 420, 900));
    let begins = now + between(cx.world.seed, &format!("accepted/{id}"), 5, 20);
    let taken = new && cx.place(request).efs.file_systems.values().any(|fs| fs.token == token && fs.exists(now));
    let source = point.resource_arn.rsplit('/').next().unwrap_or_default().to_owned();
    let corrupt = cx.place(request).efs.restores_badly.contains(&source);
    let gone = !new && !cx.place(request).efs.file_systems.get(&source).is_some_and(|fs| fs.exists(now));
    let fails = match (unusable_key(cx, request, &request.region, &point.key), taken) {
        (Some(why), _) => Some(why),
        (None, _) if gone => Some(format!("File system {source} does not exist.")),
        (None, true) => Some(format!("File system with creation token {token} already exists.")),
        (None, false) => {
            fate.fails.then(|| "Restore job failed because of an internal error of AWS Backup.".to_owned())
        }
    };
    let course = Timeline::new(now, begins, lasts, fails);
    let file_system = match new {
        true => format!("fs-{}", &id_for(cx, &format!("files/{id}")).replace('-', "")[..17]),
        false => source.clone(),
    };
    let made = format!("arn:aws:elasticfilesystem:{}:{}:file-system/{file_system}", request.region, request.account());
    let key = value_of(&metadata, "KmsKeyId").unwrap_or(&point.key).to_owned();
    if !new && course.fails.is_none() {
        let number = u64::from_str_radix(&cx.world.next_id("folder")[..8], 16).unwrap_or(1000);
        let folders = items(&metadata).into_iter().zip(number..).map(|(path, id)| {
            let path = format!("/{}/{}", restored_into(begins), path.trim_matches('/'));
            (path, Folder { id, since: course.ends, data_of: Some(point.created), corrupt })
        });
        let folders: Vec<_> = folders.collect();
        if let Some(there) = cx.place(request).efs.file_systems.get_mut(&source) {
            there.folders.extend(folders);
        }
    }
    if new && !taken {
        // It is there long before its files are, and stays when they never come.
        let new = FileSystem {
            token: token.clone(),
            course: Timeline::new(begins, begins, lasts / 10, None),
            size: point.size,
            encrypted: value_of(&metadata, "Encrypted").is_some_and(|yes| yes.eq_ignore_ascii_case("true")),
            key: Some(key),
            performance_mode: value_of(&metadata, "PerformanceMode").unwrap_or("generalPurpose").to_owned(),
            tags: Tags::new(),
            deleting: None,
            restored: Some(Restored { point: arn.to_owned(), source, at: begins, corrupt }),
            folders: BTreeMap::new(),
            access_points: BTreeMap::new(),
        };
        cx.place(request).efs.file_systems.insert(file_system, new);
    }
    let job = RestoreJob {
        vault,
        point: arn.to_owned(),
        point_created: point.created,
        resource_arn: point.resource_arn,
        resource_type: point.resource_type,
        metadata,
        made,
        course,
        size: point.size,
        role: role.to_owned(),
        created_by: None,
        message: None,
    };
    cx.place(request).backup.restores.insert(id.clone(), job);
    cx.changed(request, format!("restore of {arn} as {token}"), Made::RestoreJob { id: id.clone() });
    remember(cx, request, &id);
    Ok(json!({ "RestoreJobId": id }))
}

/// The folders to restore, where not everything is.
fn items(metadata: &BTreeMap<String, String>) -> Vec<String> {
    value_of(metadata, "ItemsToRestore").and_then(|items| serde_json::from_str(items).ok()).unwrap_or_default()
}

/// The creation token, where everything is said that AWS needs, and whether a new file system is to be made.
fn wanted<'m>(request: &Request, metadata: &'m BTreeMap<String, String>) -> Result<(&'m str, bool), Refusal> {
    let needed = |key: &str| {
        value_of(metadata, key)
            .ok_or_else(|| request.invalid(format!("Metadata lacks {key}, which a new file system needs.")))
    };
    needed("file-system-id")?;
    let new = needed("newFileSystem")?.eq_ignore_ascii_case("true");
    let items = items(metadata);
    if !new && !(1..=5).contains(&items.len()) {
        return Err(request.invalid("This AWS restores one to five folders, or into new file systems."));
    }
    if items.iter().any(|item| !item.starts_with('/')) {
        return Err(request.invalid("Items to restore begin with a slash."));
    }
    if needed("Encrypted")?.eq_ignore_ascii_case("true") {
        needed("KmsKeyId")?;
    }
    needed("PerformanceMode")?;
    Ok((needed("CreationToken")?, new))
}

fn value_of<'m>(metadata: &'m BTreeMap<String, String>, key: &str) -> Option<&'m str> {
    metadata.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
}

/// `DescribeRestoreJob`.
pub(super) fn describe(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (id, now) = (request.need("restoreJobId")?, cx.now);
    let here = &mut cx.place(request).backup;
    let job = here.restores.get(id).ok_or_else(|| not_found(&format!("Restore job {id}")))?;
    Ok(shown(request, id, job, now))
}

/// `ListRestoreJobs`.
pub(super) fn list(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let (now, wanted) = (cx.now, Wanted::of(request));
    page_of(
        request,
        "RestoreJobs",
        &cx.place(request).backup.restores,
        |_, job| {
            let ended = Some(job.course.ends).filter(|ends| *ends <= now);
            wanted.met(&job.resource_arn, &job.resource_type, job.status(now), job.course.created, ended)
        },
        |id, job| shown(request, id, job, now),
    )
}

/// `GetRestoreJobMetadata`.
pub(super) fn job_metadata(cx: &mut Context<'_>, request: &Request) -> Outcome {
    let id = request.need("restoreJobId")?;
    let job = cx.place(request).backup.restores.get(id).ok_or_else(|| not_found(&format!("Restore job {id}")))?;
    Ok(json!({ "RestoreJobId": id, "Metadata": job.metadata }))
}

fn shown(request: &Request, id: &str, job: &RestoreJob, now: Moment) -> Value {
    let percent = match job.course.phase(now) {
        Phase::Queued => "0.00%".to_owned(),
        Phase::Running(percent) => format!("{percent}.00%"),
        Phase::Done | Phase::Failed(_) => "100.00%".to_owned(),
    };
    let (message, made) = match job.course.phase(now) {
        Phase::Failed(why) => (Some(why), None),
        Phase::Done => (job.message.as_deref(), Some(&job.made)),
        _ => (None, None),
    };
    json!({
        "AccountId": request.account(),
        "RestoreJobId": id,
        "RecoveryPointArn": job.point,
        "RecoveryPointCreationDate": request.time(job.point_created),
        "SourceResourceArn": job.resource_arn,
        "CreationDate": request.time(job.course.created),
        "CompletionDate": (job.course.ends <= now).then(|| request.time(job.course.ends)),
        "Status": job.status(now),
        "StatusMessage": message,
        "PercentDone": percent,
        "BackupSizeInBytes": job.size,
        "IamRoleArn": job.role,
        "ExpectedCompletionTimeMinutes": job.course.ends.since(job.course.created).as_secs() / 60,
        "CreatedResourceArn": made,
        "ResourceType": job.resource_type,
        "CreatedBy": job.created_by,
        "IsParent": false,
    })
}
