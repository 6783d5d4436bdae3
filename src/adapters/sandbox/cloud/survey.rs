//! The simulated world as a planner sees it.

use super::{
    rds,
    secrets::names_under,
    world::{Aws, Region},
};
use crate::{
    domain::{environment::Environment, moment::Moment},
    ports::cloud::{CloudError, Condition, DatabaseFound, FileSystemFound, Survey, World},
};

/// Regions a survey touches, the one it begins with first.
pub(super) fn regions<'a>(environment: &'a Environment, ask: &Survey) -> Vec<&'a str> {
    let primary = !ask.databases.is_empty()
        || !ask.file_systems.is_empty()
        || ask.secrets_prefix.is_some()
        || ask.vault
        || ask.bucket;
    let mut regions = Vec::new();
    // Whether objects are replicated is written on the primary bucket.
    if primary || ask.dr {
        regions.push(environment.primary_region.as_str());
    }
    if ask.dr {
        regions.push(environment.dr_region.as_str());
    }
    regions
}

/// Answers a survey.
pub(super) fn survey(aws: &Aws, environment: &Environment, ask: &Survey, now: Moment) -> Result<World, CloudError> {
    let account = &environment.account;
    let region = &environment.primary_region;
    let place = aws.region(account, region)?;
    let mut world = World { account: account.clone(), ..World::default() };
    world.databases = ask.databases.iter().filter_map(|id| database(place, id, now)).collect();
    world.file_systems = ask.file_systems.iter().filter_map(|id| file_system(place, account, region, id)).collect();
    if let Some(prefix) = &ask.secrets_prefix {
        world.secrets = names_under(place, prefix);
    }
    if ask.vault {
        world.vault = Some(vault(place, region, &environment.vault));
    }
    if ask.bucket {
        world.bucket = environment.secrets_bucket.as_ref().map(|name| bucket(place, region, name));
    }
    if ask.dr {
        let (dr, dr_region) = (aws.region(account, &environment.dr_region)?, &environment.dr_region);
        world.dr_vault = environment.dr_vault.as_ref().map(|name| vault(dr, dr_region, name));
        world.dr_bucket = environment.dr_secrets_bucket.as_ref().map(|name| dr_bucket(place, dr, environment, name));
        world.dr_key = environment.dr_kms_key.as_ref().map(|name| dr.usable_key(dr_region, name));
    }
    Ok(world)
}

fn database(place: &Region, id: &str, now: Moment) -> Option<DatabaseFound> {
    let db = place.databases.get(id)?;
    Some(DatabaseFound {
        id: id.to_owned(),
        engine: format!("{} {}", db.engine, db.version),
        status: rds::status(place, id, now),
        encrypted: db.encrypted,
        size_gib: db.size_gib,
        multi_az: db.multi_az,
        automated_days: 1,
        window: "02:00-02:30".to_owned(),
        restorable: None,
    })
}

fn file_system(place: &Region, account: &str, region: &str, id: &str) -> Option<FileSystemFound> {
    let fs = place.file_systems.get(id)?;
    Some(FileSystemFound {
        id: id.to_owned(),
        arn: format!("arn:aws:elasticfilesystem:{region}:{account}:file-system/{id}"),
        encrypted: fs.encrypted,
        size_bytes: fs.size_bytes,
        status: "available".to_owned(),
    })
}

fn vault(place: &Region, region: &str, name: &str) -> Condition {
    let Some(vault) = place.vaults.get(name) else {
        return Err(format!("backup vault {name} does not exist in {region}; create it or correct the config"));
    };
    place.usable_key(region, &vault.key).map_err(|reason| format!("backup vault {name} is not usable: {reason}"))?;
    Ok(vault.arn.clone())
}

fn bucket(place: &Region, region: &str, name: &str) -> Condition {
    match place.buckets.contains_key(name) {
        true => Ok(name.to_owned()),
        false => Err(format!("bucket {name} does not exist in {region}; create it or correct the config")),
    }
}

fn dr_bucket(place: &Region, dr: &Region, environment: &Environment, name: &str) -> Condition {
    bucket(dr, &environment.dr_region, name)?;
    let primary = environment.secrets_bucket.as_deref().unwrap_or_default();
    let rule = place.buckets.get(primary).and_then(|b| b.rule.as_ref());
    match rule.is_some_and(|(region, bucket)| *region == environment.dr_region && bucket == name) {
        true => Ok(name.to_owned()),
        false => Err(format!("bucket {primary} has no replication rule to {name}; add one")),
    }
}
