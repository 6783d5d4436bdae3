//! Vaults and file systems that environments describe.

use std::{collections::BTreeMap, time::Duration};

use rand::RngExt as _;

use super::super::{
    time::{Timeline, hex_for, rng_for},
    world::{
        GIB, Tags, World,
        backup::{Lock, Vault},
        efs::{FileSystem, Folder, MountTarget},
        kms::{BACKUP_KEY, EFS_KEY},
    },
};
use crate::domain::{environment::Environment, moment::Moment};

/// Everything has been there for so long.
pub(super) const AGE: Duration = Duration::from_secs(400 * 86_400);

/// The vaults and file systems of an environment.
pub(super) fn seed(world: &mut World, environment: &Environment, now: Moment) {
    let e = environment;
    vault(world, &e.account, &e.primary_region, &e.vault, BACKUP_KEY, now);
    if let Some(name) = &e.dr_vault {
        let key = e.dr_kms_key.as_deref().unwrap_or(BACKUP_KEY);
        vault(world, &e.account, &e.dr_region, name, key, now);
    }
    for declared in &e.file_systems {
        file_system(world, environment, &declared.id, &declared.name, now);
    }
}

fn vault(world: &mut World, account: &str, region: &str, name: &str, key: &str, now: Moment) {
    let place = world.region(account, region);
    let vault = Vault {
        arn: format!("arn:aws:backup:{region}:{account}:backup-vault:{name}"),
        key: place.kms.arn(key).unwrap_or(key).to_owned(),
        created: now - AGE,
        points: BTreeMap::new(),
        locked: false,
        lock: Lock::default(),
        creator_request: None,
    };
    place.backup.vaults.entry(name.to_owned()).or_insert(vault);
}

/// The tenants' folders.
fn folders(environment: &Environment, id: &str, now: Moment) -> BTreeMap<String, Folder> {
    let tenants = environment.tenants.values().filter(|tenant| tenant.file_system.as_deref() == Some(id));
    let paths = tenants.filter_map(|tenant| tenant.path.as_deref());
    let folder = |(number, path): (u64, &str)| {
        let folder = Folder { id: 100 + number, since: now - AGE, data_of: None, corrupt: false };
        (format!("/{}", path.trim_matches('/')), folder)
    };
    (0..).zip(paths).map(folder).collect()
}

/// One for each folder.
fn access_points(folders: &BTreeMap<String, Folder>) -> BTreeMap<String, String> {
    folders.iter().map(|(path, folder)| (format!("fsap-{:017x}", folder.id), path.clone())).collect()
}

fn file_system(world: &mut World, environment: &Environment, id: &str, name: &str, now: Moment) {
    let bytes = rng_for(world.seed, id).random_range(20 * GIB..120 * GIB);
    let subnet = format!("subnet-{}", hex_for(world.seed, &format!("home/{}", environment.name), 17));
    let place = world.region(&environment.account, &environment.primary_region);
    let made = Timeline::instant(now - AGE);
    let folders = folders(environment, id, now);
    let file_system = FileSystem {
        token: format!("console-{}", hex_for(0, id, 32)),
        course: made.clone(),
        size: i64::try_from(bytes).unwrap_or(i64::MAX),
        encrypted: true,
        key: place.kms.arn(EFS_KEY).map(str::to_owned),
        performance_mode: "generalPurpose".to_owned(),
        tags: Tags::from([("Name".to_owned(), name.to_owned())]),
        deleting: None,
        restored: None,
        access_points: access_points(&folders),
        folders,
    };
    let target = MountTarget {
        file_system: id.to_owned(),
        subnet,
        security_groups: vec![format!("sg-{}", hex_for(0, id, 17))],
        address: format!("10.20.0.{}", rng_for(0, id).random_range(10..250)),
        course: made,
        deleting: None,
    };
    place.efs.file_systems.entry(id.to_owned()).or_insert(file_system);
    place.efs.targets.entry(format!("fsmt-{}", hex_for(0, &format!("target/{id}"), 17))).or_insert(target);
}
