//! What a restored file system needs to be looked into, and its end: tags, an address in the isolated network, deletion.
//!
//! Nothing is ever deleted here that was not restored, under its name, by the operation that asks for it.

use aws_sdk_efs::types::{FileSystemDescription, LifeCycleState, MountTargetDescription, Tag};

use super::super::{background::Outcome, error::Attempt, session::Session, tags};
use super::restore_files::{self, RESTORED};
use crate::{
    domain::step::{Action, Outputs},
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// The output that says where it is reached.
pub const ADDRESS: &str = "restored_address";

/// Writes our tags on it, and its name.
///
/// # Errors
/// See [`CloudError`].
pub async fn tag(session: &Session, call: &Call, name: &str) -> Result<Started, CloudError> {
    let attempt = session.changes("elasticfilesystem:TagResource", format!("file system {name}"));
    let id = match (call.inputs.get(RESTORED), restored(session, call, name, &attempt).await?) {
        (_, Some(found)) => found.file_system_id,
        (None, None) => return Ok(finished(name)),
        (Some(_), None) => return Err(attempt.later("EFS does not show it yet", None)),
    };
    let request = session.efs().tag_resource().resource_id(&id).set_tags(Some(wanted(call, name)));
    request.send().await.map_err(|e| attempt.failed(e))?;
    Ok(finished(&id))
}

/// Whether it is tagged, or gone before it had to be.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe_tag(session: &Session, call: &Call, name: &str) -> Result<Probe, CloudError> {
    let Some(found) = restore_files::find(session, name).await? else { return Ok(Probe::Absent) };
    let tagged = wanted(call, name).iter().all(|tag| found.tags().contains(tag));
    Ok(if tagged { Probe::Present(finished(&found.file_system_id)) } else { Probe::Absent })
}

fn wanted(call: &Call, name: &str) -> Vec<Tag> {
    let named = ("Name".to_owned(), name.to_owned());
    let all = tags::of(call).into_iter().chain([named]);
    all.filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok()).collect()
}

/// Gives it an address in a subnet. EFS makes one for each file system and zone, so this never makes a second one.
///
/// # Errors
/// See [`CloudError`].
pub async fn mount(
    session: &Session,
    call: &Call,
    name: &str,
    subnet: &str,
    security_groups: &[String],
) -> Result<Started, CloudError> {
    let attempt = session.changes("elasticfilesystem:CreateMountTarget", format!("address of file system {name}"));
    let Some(found) = restored(session, call, name, &attempt).await? else {
        return Err(attempt.never("the restored file system does not exist", "Somebody deleted it; test again."));
    };
    let id = found.file_system_id;
    let groups = Some(security_groups.to_vec()).filter(|groups| !groups.is_empty());
    let request = session.efs().create_mount_target().file_system_id(&id).subnet_id(subnet);
    match request.set_security_groups(groups).send().await {
        Ok(made) => Ok(started(&made.mount_target_id)),
        Err(error) => {
            let conflict = error.as_service_error().is_some_and(|e| e.is_mount_target_conflict());
            let early = error.as_service_error().is_some_and(|e| e.is_incorrect_file_system_life_cycle_state());
            let failed = attempt.failed(error);
            match in_subnet(session, &id, subnet).await {
                Ok(Some(made)) if conflict => Ok(started(&made.mount_target_id)),
                _ if early => Err(attempt.later("it is not ready for an address yet", None)),
                _ => Err(failed),
            }
        }
    }
}

/// Looks for the address an earlier [`mount`] may have made.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe_mount(session: &Session, name: &str, subnet: &str) -> Result<Probe, CloudError> {
    let Some(found) = restore_files::find(session, name).await? else { return Ok(Probe::Absent) };
    let made = in_subnet(session, &found.file_system_id, subnet).await?;
    Ok(made.map_or(Probe::Absent, |made| Probe::Present(started(&made.mount_target_id))))
}

/// How far the address is.
///
/// # Errors
/// See [`CloudError`].
pub async fn poll_mount(session: &Session, name: &str, subnet: &str) -> Outcome {
    let attempt = session.reads("elasticfilesystem:DescribeMountTargets", format!("address of file system {name}"));
    let unseen = || attempt.later("EFS accepted it but does not show it; if that lasts, somebody deleted it", None);
    let found = restore_files::find(session, name).await?.ok_or_else(unseen)?;
    let id = found.file_system_id;
    let made = in_subnet(session, &id, subnet).await?.ok_or_else(unseen)?;
    let state = made.life_cycle_state.as_str().to_owned();
    Ok(match (&made.life_cycle_state, made.ip_address) {
        (LifeCycleState::Available, Some(address)) => Progress::Done {
            detail: format!("{address} in {subnet}, not reachable from outside of its network"),
            outputs: Outputs::from([(RESTORED.to_owned(), id), (ADDRESS.to_owned(), address)]),
        },
        (LifeCycleState::Error | LifeCycleState::Deleted | LifeCycleState::Deleting, _) => Progress::Failed {
            reason: format!(
                "The mount target of {name} in {} is {state}. Look at it in EFS; test again.",
                session.region
            ),
        },
        _ => Progress::Running { percent: None, detail: state },
    })
}

/// Deletes the addresses of a restored file system.
///
/// # Errors
/// See [`CloudError`]; `Permanent` for whatever the operation did not restore.
pub async fn unmount(session: &Session, call: &Call) -> Result<Started, CloudError> {
    let (name, _) = named(call)?;
    let attempt = session.changes("elasticfilesystem:DeleteMountTarget", format!("address of file system {name}"));
    let Some(found) = removable(session, call, &attempt).await? else { return Ok(finished(name)) };
    let targets = targets(session, &found.file_system_id).await?;
    if targets.is_empty() {
        return Ok(finished(name));
    }
    for target in targets.iter().filter(|t| t.life_cycle_state != LifeCycleState::Deleting) {
        let request = session.efs().delete_mount_target().mount_target_id(&target.mount_target_id);
        match request.send().await {
            Ok(_) => {}
            Err(error) if error.as_service_error().is_some_and(|e| e.is_mount_target_not_found()) => {}
            Err(error) => return Err(attempt.failed(error)),
        }
    }
    Ok(started(name))
}

/// Looks whether an earlier [`unmount`] got through.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe_unmount(session: &Session, call: &Call) -> Result<Probe, CloudError> {
    let (name, _) = named(call)?;
    let Some(found) = restore_files::find(session, name).await? else { return Ok(Probe::Present(finished(name))) };
    let targets = targets(session, &found.file_system_id).await?;
    let there = targets.iter().any(|t| t.life_cycle_state != LifeCycleState::Deleting);
    Ok(match (there, targets.is_empty()) {
        (true, _) => Probe::Absent,
        (false, true) => Probe::Present(finished(name)),
        (false, false) => Probe::Present(started(name)),
    })
}

/// Whether its addresses are gone.
///
/// # Errors
/// See [`CloudError`].
pub async fn poll_unmount(session: &Session, call: &Call) -> Outcome {
    let (name, _) = named(call)?;
    let left = match restore_files::find(session, name).await? {
        Some(found) => targets(session, &found.file_system_id).await?.len(),
        None => 0,
    };
    Ok(match left {
        0 => Progress::Done { outputs: Outputs::new(), detail: "gone".to_owned() },
        _ => Progress::Running { percent: None, detail: "deleting".to_owned() },
    })
}

/// Deletes a restored file system.
///
/// # Errors
/// See [`CloudError`]; `Permanent` for whatever the operation did not restore.
pub async fn delete(session: &Session, call: &Call) -> Result<Started, CloudError> {
    let (name, _) = named(call)?;
    let attempt = session.changes("elasticfilesystem:DeleteFileSystem", format!("file system {name}"));
    let Some(found) = removable(session, call, &attempt).await? else { return Ok(finished(name)) };
    if is_going(&found) {
        return Ok(started(name));
    }
    match session.efs().delete_file_system().file_system_id(&found.file_system_id).send().await {
        Ok(_) => Ok(started(name)),
        Err(error) => {
            let (missing, used) = match error.as_service_error() {
                Some(e) => (e.is_file_system_not_found(), e.is_file_system_in_use()),
                None => (false, false),
            };
            match attempt.failed(error) {
                _ if missing => Ok(finished(name)),
                _ if used => Err(attempt.later("it still has a mount target", None)),
                failed => Err(failed),
            }
        }
    }
}

/// Looks whether an earlier [`delete`] got through.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe_delete(session: &Session, call: &Call) -> Result<Probe, CloudError> {
    let (name, _) = named(call)?;
    Ok(match restore_files::find(session, name).await? {
        None => Probe::Present(finished(name)),
        Some(found) if is_going(&found) => Probe::Present(started(name)),
        Some(_) => Probe::Absent,
    })
}

/// Whether it is gone.
///
/// # Errors
/// See [`CloudError`].
pub async fn poll_delete(session: &Session, call: &Call) -> Outcome {
    let (name, _) = named(call)?;
    Ok(match restore_files::find(session, name).await? {
        Some(found) if found.life_cycle_state != LifeCycleState::Deleted => {
            Progress::Running { percent: None, detail: found.life_cycle_state.as_str().to_owned() }
        }
        _ => Progress::Done { outputs: Outputs::new(), detail: "gone".to_owned() },
    })
}

/// Addresses of a file system; none when it does not exist.
///
/// # Errors
/// See [`CloudError`].
pub async fn targets(session: &Session, id: &str) -> Result<Vec<MountTargetDescription>, CloudError> {
    let attempt = session.reads("elasticfilesystem:DescribeMountTargets", format!("addresses of file system {id}"));
    match session.efs().describe_mount_targets().file_system_id(id).max_items(100).send().await {
        Ok(answer) => {
            let mut targets = answer.mount_targets.unwrap_or_default();
            targets.retain(|t| t.life_cycle_state != LifeCycleState::Deleted);
            Ok(targets)
        }
        Err(error) if error.as_service_error().is_some_and(|e| e.is_file_system_not_found()) => Ok(Vec::new()),
        Err(error) => Err(attempt.failed(error)),
    }
}

async fn in_subnet(session: &Session, id: &str, subnet: &str) -> Result<Option<MountTargetDescription>, CloudError> {
    Ok(targets(session, id).await?.into_iter().find(|t| t.subnet_id == subnet))
}

/// Only what a test of this very operation restored: neither a stranger's nor one that the config declares.
async fn removable(
    session: &Session,
    call: &Call,
    attempt: &Attempt<'_>,
) -> Result<Option<FileSystemDescription>, CloudError> {
    let (name, operation) = named(call)?;
    if operation.is_empty() || !name.starts_with("fs-") || !name.ends_with(&format!("-restored-{operation}")) {
        let why = format!("only file systems named fs-…-restored-{operation} are deleted by operation {operation}");
        return Err(attempt.never(&why, "Nothing was done. Report this."));
    }
    restored(session, call, name, attempt).await
}

/// What was restored under a name. Whatever AWS says that it is: never a file system that the config declares.
async fn restored(
    session: &Session,
    call: &Call,
    name: &str,
    attempt: &Attempt<'_>,
) -> Result<Option<FileSystemDescription>, CloudError> {
    let found = restore_files::find(session, name).await?;
    if let Some(id) = found.as_ref().map(|found| &found.file_system_id)
        && call.environment.file_systems.iter().any(|declared| declared.id == *id)
    {
        return Err(attempt.never(&format!("{id} is a file system of the platform"), "Nothing was done. Report this."));
    }
    Ok(found)
}

fn named(call: &Call) -> Result<(&str, &str), CloudError> {
    match &call.action {
        Action::DeleteMountTarget { name, operation, .. } | Action::DeleteFiles { name, operation, .. } => {
            Ok((name, operation))
        }
        _ => Err(super::super::not_aws()),
    }
}

fn is_going(found: &FileSystemDescription) -> bool {
    matches!(found.life_cycle_state, LifeCycleState::Deleting | LifeCycleState::Deleted)
}

fn started(id: &str) -> Started {
    Started { external_id: Some(id.to_owned()), ..Started::default() }
}

fn finished(id: &str) -> Started {
    Started { finished: true, ..started(id) }
}
