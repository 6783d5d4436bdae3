//! Simulated NFS servers: whoever mounts a file system of the simulated AWS finds what was restored into it.

use std::sync::Arc;

use async_trait::async_trait;

use crate::adapters::{
    files::{Checked, FileSystems, Place, Wanted},
    sandbox::aws::{
        SimAws,
        world::{World, efs::FileSystem},
    },
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
}

fn checked(name: impl Into<String>, answer: Result<String, String>) -> Checked {
    let ok = answer.is_ok();
    Checked { name: name.into(), ok, found: answer.unwrap_or_else(|wrong| wrong) }
}
