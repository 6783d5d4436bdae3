//! What a restored file system needs to be looked into, and its end: tags, an address in the isolated network, deletion.
//!
//! Nothing is ever deleted here that was not restored, under its name, by the operation that asks for it.

use std::time::Duration;

use aws_sdk_efs::types::{FileSystemDescription, LifeCycleState, MountTargetDescription, Tag};

use super::{
    super::{background::Outcome, error::Attempt, session::Session, tags},
    At, Change, begun, finished,
    restore_files::{self, RESTORED},
};
use crate::{
    domain::{
        restored::{self, Found, Removable},
        step::{DeleteFiles, DeleteMountTarget, MountTarget, Outputs, TagFiles},
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// The output that says where it is reached.
pub const ADDRESS: &str = "restored_address";

impl Change for TagFiles {
    /// Whether it is tagged.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let Some(found) = restore_files::find(&at.session, &self.name).await? else { return Ok(Probe::Absent) };
        let tagged = wanted(at.call, &self.name).iter().all(|tag| found.tags().contains(tag));
        Ok(if tagged { Probe::Present(finished(&found.file_system_id)) } else { Probe::Absent })
    }

    /// Writes our tags on it, and its name; nothing where it is gone before it had to be tagged.
    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let (session, name) = (&at.session, &self.name);
        let attempt = session.changes("elasticfilesystem:TagResource", format!("file system {name}"));
        let id = match (at.call.inputs.get(RESTORED), foreign_to_platform(at, name, &attempt).await?) {
            (_, Some(found)) => found.file_system_id,
            (None, None) => return Ok(finished(name)),
            (Some(_), None) => return Err(attempt.later("EFS does not show it yet", None)),
        };
        let request = session.efs().tag_resource().resource_id(&id).set_tags(Some(wanted(at.call, name)));
        request.send().await.map_err(|e| attempt.failed(e))?;
        Ok(finished(&id))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        Ok(match self.probe(at).await? {
            Probe::Present(_) => Progress::Done { outputs: Outputs::new(), detail: "tagged".to_owned() },
            Probe::Absent => Progress::Failed {
                reason: format!("The tags of file system {} are not as they were written. Retry the step.", self.name),
            },
        })
    }
}

fn wanted(call: &Call, name: &str) -> Vec<Tag> {
    let named = ("Name".to_owned(), name.to_owned());
    let all = tags::of(call).into_iter().chain([named]);
    all.filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok()).collect()
}

impl Change for MountTarget {
    /// Looks for the address an earlier call may have made.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let Some(found) = restore_files::find(&at.session, &self.name).await? else { return Ok(Probe::Absent) };
        let made = in_subnet(&at.session, &found.file_system_id, &self.subnet).await?;
        Ok(made.map_or(Probe::Absent, |made| Probe::Present(begun(&made.mount_target_id))))
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        mount(at, self).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        mounted(&at.session, self).await
    }
}

impl Change for DeleteMountTarget {
    /// Looks whether an earlier call got through.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let name = &self.name;
        let Some(found) = restore_files::find(&at.session, name).await? else {
            return Ok(Probe::Present(finished(name)));
        };
        let targets = targets(&at.session, &found.file_system_id).await?;
        let there = targets.iter().any(|t| t.life_cycle_state != LifeCycleState::Deleting);
        Ok(match (there, targets.is_empty()) {
            (true, _) => Probe::Absent,
            (false, true) => Probe::Present(finished(name)),
            (false, false) => Probe::Present(begun(name)),
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        unmount(at, self).await
    }

    /// Whether its addresses are gone.
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let left = match restore_files::find(&at.session, &self.name).await? {
            Some(found) => targets(&at.session, &found.file_system_id).await?,
            None => Vec::new(),
        };
        let stays = left.iter().find(|target| !is_ending(&target.life_cycle_state));
        Ok(match (left.is_empty(), stays.filter(|_| survived(at))) {
            (true, _) => Progress::Done { outputs: Outputs::new(), detail: "gone".to_owned() },
            (false, Some(target)) => still_there(&format!("the address of {}", self.name), &target.life_cycle_state),
            (false, None) => Progress::Running { percent: None, detail: "deleting".to_owned() },
        })
    }
}

/// What EFS accepted to delete and shows as anything else so long after it has survived that.
const SURVIVED: Duration = Duration::from_secs(15 * 60);

fn survived(at: &At<'_>) -> bool {
    at.session.now().since(at.call.intended) >= SURVIVED
}

fn is_ending(state: &LifeCycleState) -> bool {
    matches!(state, LifeCycleState::Deleting | LifeCycleState::Deleted)
}

fn still_there(what: &str, state: &LifeCycleState) -> Progress {
    let reason = format!(
        "EFS accepted to delete {what}, and has not done it: it is {} still. Look at it in the console of EFS, then press Retry.",
        state.as_str()
    );
    Progress::Failed { reason }
}

impl Change for DeleteFiles {
    /// Looks whether an earlier call got through.
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        Ok(match restore_files::find(&at.session, &self.name).await? {
            None => Probe::Present(finished(&self.name)),
            Some(found) if is_going(&found) => Probe::Present(begun(&self.name)),
            Some(_) => Probe::Absent,
        })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        delete(at, self).await
    }

    /// Whether it is gone.
    async fn poll(&self, at: &At<'_>) -> Outcome {
        Ok(match restore_files::find(&at.session, &self.name).await? {
            Some(found) if !is_ending(&found.life_cycle_state) && survived(at) => {
                still_there(&format!("file system {}", self.name), &found.life_cycle_state)
            }
            Some(found) if found.life_cycle_state != LifeCycleState::Deleted => {
                Progress::Running { percent: None, detail: found.life_cycle_state.as_str().to_owned() }
            }
            _ => Progress::Done { outputs: Outputs::new(), detail: "gone".to_owned() },
        })
    }
}

/// Gives it an address in a subnet. EFS makes one for each file system and zone, so this never makes a second one.
async fn mount(at: &At<'_>, what: &MountTarget) -> Result<Started, CloudError> {
    let MountTarget { name, subnet, security_groups, .. } = what;
    let session = &at.session;
    let attempt = session.changes("elasticfilesystem:CreateMountTarget", format!("address of file system {name}"));
    let Some(found) = foreign_to_platform(at, name, &attempt).await? else {
        return Err(attempt.never("the restored file system does not exist", "Somebody deleted it; test again."));
    };
    let id = found.file_system_id;
    let groups = Some(security_groups.to_vec()).filter(|groups| !groups.is_empty());
    let request = session.efs().create_mount_target().file_system_id(&id).subnet_id(subnet);
    match request.set_security_groups(groups).send().await {
        Ok(made) => Ok(begun(&made.mount_target_id)),
        Err(error) => {
            let conflict = error.as_service_error().is_some_and(|e| e.is_mount_target_conflict());
            let early = error.as_service_error().is_some_and(|e| e.is_incorrect_file_system_life_cycle_state());
            let failed = attempt.failed(error);
            match in_subnet(session, &id, subnet).await {
                Ok(Some(made)) if conflict => Ok(begun(&made.mount_target_id)),
                _ if early => Err(attempt.later("it is not ready for an address yet", None)),
                _ => Err(failed),
            }
        }
    }
}

/// How far the address is.
async fn mounted(session: &Session, what: &MountTarget) -> Outcome {
    let MountTarget { name, subnet, .. } = what;
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
async fn unmount(at: &At<'_>, what: &DeleteMountTarget) -> Result<Started, CloudError> {
    let DeleteMountTarget { name, operation, .. } = what;
    let session = &at.session;
    let attempt = session.changes("elasticfilesystem:DeleteMountTarget", format!("address of file system {name}"));
    let Some(found) = removable(at, (name, operation), &attempt).await? else { return Ok(finished(name)) };
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
    Ok(begun(name))
}

/// Deletes a restored file system.
async fn delete(at: &At<'_>, what: &DeleteFiles) -> Result<Started, CloudError> {
    let DeleteFiles { name, operation, .. } = what;
    let session = &at.session;
    let attempt = session.changes("elasticfilesystem:DeleteFileSystem", format!("file system {name}"));
    let Some(found) = removable(at, (name, operation), &attempt).await? else { return Ok(finished(name)) };
    if is_going(&found) {
        return Ok(begun(name));
    }
    match session.efs().delete_file_system().file_system_id(&found.file_system_id).send().await {
        Ok(_) => Ok(begun(name)),
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

/// Only what a test of this very operation restored, and what still shows that it was: [`Removable`] says what that takes.
async fn removable(
    at: &At<'_>,
    (name, operation): (&str, &str),
    attempt: &Attempt<'_>,
) -> Result<Option<FileSystemDescription>, CloudError> {
    let environment = &at.call.environment;
    let report = "Nothing was done. Report this.";
    let removable = Removable::file_system(name, operation, environment).map_err(|why| attempt.never(&why, report))?;
    let found = restore_files::find(&at.session, name).await?;
    if let Some(found) = &found {
        let named = found.tags().iter().find(|tag| tag.key() == "Name");
        let shown = Found { id: &found.file_system_id, tag: named.map(Tag::value) };
        removable.admits(shown, environment).map_err(|why| attempt.never(&why, report))?;
    }
    Ok(found)
}

/// What was restored under a name. Whatever AWS says that it is: never a file system that the config declares.
async fn foreign_to_platform(
    at: &At<'_>,
    name: &str,
    attempt: &Attempt<'_>,
) -> Result<Option<FileSystemDescription>, CloudError> {
    let found = restore_files::find(&at.session, name).await?;
    if let Some(found) = &found {
        restored::declared_nowhere(&found.file_system_id, &at.call.environment)
            .map_err(|why| attempt.never(&why, "Nothing was done. Report this."))?;
    }
    Ok(found)
}

fn is_going(found: &FileSystemDescription) -> bool {
    matches!(found.life_cycle_state, LifeCycleState::Deleting | LifeCycleState::Deleted)
}
