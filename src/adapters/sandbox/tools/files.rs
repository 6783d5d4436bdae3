//! Simulated NFS servers: whoever mounts a file system of the simulated AWS finds what was restored into it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    adapters::{
        files::{Checked, FileSystems, Folder, NoSwap, Place, Swap, Swapped, Wanted},
        sandbox::aws::{
            SimAws,
            world::{World, efs::FileSystem},
        },
    },
    domain::moment::Moment,
};

/// WordPress has a file in about so many bytes.
const BYTES_PER_FILE: i64 = 60_000;

/// The file systems of a simulated AWS.
#[derive(Debug)]
pub struct SimFileServers {
    aws: Arc<SimAws>,
}

impl SimFileServers {
    /// Of this AWS.
    pub fn new(aws: Arc<SimAws>) -> SimFileServers {
        SimFileServers { aws }
    }

    /// Mounts it, or says why not.
    fn open(&self, place: &Place) -> Result<FileSystem, String> {
        self.aws.look(|world, now| {
            let found = find(world, &place.name).filter(|fs| fs.exists(now));
            let answers = world.places().any(|(_, _, region)| {
                region.efs.targets_of(&place.name, now).any(|(_, target)| target.address == place.address)
            });
            match found {
                Some(found) if answers => Ok(found.clone()),
                _ => Err(format!("{} does not answer NFSv4.0 at {}:{}.", place.name, place.address, place.port)),
            }
        })
    }
}

fn find<'w>(world: &'w World, id: &str) -> Option<&'w FileSystem> {
    world.places().find_map(|(_, _, place)| place.efs.file_systems.get(id))
}

#[async_trait]
impl FileSystems for SimFileServers {
    async fn validate(
        &self,
        restored: &Place,
        source: &Place,
        wanted: &Wanted,
        tell: &(dyn Fn(Option<u8>, String) + Send + Sync),
    ) -> Vec<Checked> {
        tell(Some(0), "comparing files".to_owned());
        let (here, there) = (self.open(restored), self.open(source));
        let connected = |place: &Place, side: &Result<FileSystem, String>| {
            side.as_ref().map(|_| format!("{} answers NFSv4.0 over TLS 1.3.", place.name)).map_err(Clone::clone)
        };
        let mut checks = vec![
            checked("connection to the restored file system", connected(restored, &here)),
            checked("connection to the source", connected(source, &there)),
        ];
        let unknown = || Err("This is unknown, since not both could be mounted.".to_owned());
        let pair = here.ok().zip(there.ok());
        let sample = wanted.limits.files;
        let compared = pair.as_ref().map_or_else(unknown, |(here, there)| {
            let all = there.size / BYTES_PER_FILE;
            match &here.restored {
                // A folder brought back into the file system it is of.
                None if wanted.found => match here.folders.get(&restored.root) {
                    None => Err(format!("There is no folder {} in {}.", restored.root, restored.name)),
                    Some(folder) if folder.corrupt => {
                        Err(format!("{} of {sample} files that are older than the backup are missing.", sample / 40))
                    }
                    Some(_) => Ok(format!(
                        "{sample} files that are older than {} are the same: size, time and SHA-256.",
                        wanted.data_of
                    )),
                },
                None => Err(format!("{} was not restored from a recovery point.", restored.name)),
                Some(from) if from.source != source.name => {
                    Err(format!("{} was restored from {}, not from {}.", restored.name, from.source, source.name))
                }
                Some(from) if from.corrupt => {
                    let missing = sample / 40;
                    Err(format!("{missing} of {sample} files of {all} that are older than the backup are missing."))
                }
                Some(_) => Ok(format!(
                    "{sample} of {all} files that are older than {} are the same: size, time and SHA-256.",
                    wanted.data_of
                )),
            }
        });
        checks.push(checked("files", compared));
        for folder in &wanted.folders {
            let found = pair.as_ref().map_or_else(unknown, |_| Ok(format!("{folder} has files in it.")));
            checks.push(checked(format!("folder {folder}"), found));
        }
        checks
    }

    async fn restored(&self, place: &Place, path: &str, since: Moment) -> Result<Folder, String> {
        let (files, now) = (self.open(place)?, self.aws.now());
        let found = files.folders.iter().filter(|(there, folder)| {
            let inner = there.strip_prefix("/aws-backup-restore_").and_then(|rest| rest.split_once('/'));
            inner.is_some_and(|(_, inner)| inner == path.trim_matches('/')) && (since..=now).contains(&folder.since)
        });
        let mut found: Vec<_> = found.collect();
        let whose = || "0:0 0755".to_owned();
        match (found.pop(), found.is_empty()) {
            (Some((there, folder)), true) => Ok(Folder {
                path: there.clone(),
                owner: whose(),
                id: folder.id,
                live: files.folders.get(path).map(|live| (live.id, whose())),
            }),
            (None, _) => Err(format!(
                "There is no folder `{path}` in any `aws-backup-restore_…` since the restore began. Look at the restore job, and whether the recovery point holds it."
            )),
            (Some(_), false) => Err(format!("`{path}` was restored more than once since.")),
        }
    }

    async fn swapped(&self, place: &Place, swap: &Swap) -> Result<Swapped, NoSwap> {
        let files = self.open(place).map_err(NoSwap::Later)?;
        Ok(if is_swapped(&files, swap) { Swapped::Done } else { Swapped::Open })
    }

    async fn swap(&self, place: &Place, swap: &Swap) -> Result<(), NoSwap> {
        let files = self.open(place).map_err(NoSwap::Later)?;
        if is_swapped(&files, swap) {
            return Ok(());
        }
        self.aws.change(|world, _| {
            let found = world.file_system(&place.name).ok_or_else(|| {
                NoSwap::Later(format!("{} does not answer NFSv4.0 at {}:{}.", place.name, place.address, place.port))
            })?;
            let id = |path: &str| found.folders.get(path).map(|folder| folder.id);
            if let Some(live) = id(&swap.path) {
                if swap.only.is_some_and(|only| only != live) {
                    return Err(NoSwap::Never(format!("`{}` is another folder by now, and stays.", swap.path)));
                }
                if id(&swap.aside).is_some() {
                    return Err(NoSwap::Never(format!(
                        "There is a `{}` already. Nothing is written over.",
                        swap.aside
                    )));
                }
            }
            if let Some(with) = swap.with.as_ref().filter(|with| id(&with.path) != Some(with.id)) {
                return Err(NoSwap::Never(format!("`{}` is not there any more.", with.path)));
            }
            if let Some(live) = found.folders.remove(&swap.path) {
                found.folders.insert(swap.aside.clone(), live);
            }
            if let Some(folder) = swap.with.as_ref().and_then(|with| found.folders.remove(&with.path)) {
                found.folders.insert(swap.path.clone(), folder);
            }
            Ok(())
        })
    }
}

fn is_swapped(files: &FileSystem, swap: &Swap) -> bool {
    let live = files.folders.get(&swap.path).map(|folder| folder.id);
    live == swap.with.as_ref().map(|with| with.id)
}

fn checked(name: impl Into<String>, answer: Result<String, String>) -> Checked {
    let ok = answer.is_ok();
    Checked { name: name.into(), ok, found: answer.unwrap_or_else(|wrong| wrong) }
}
