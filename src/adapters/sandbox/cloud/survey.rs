//! The simulated world as a planner sees it.

use super::{
    buckets, files, points, rds,
    readings::RESTORABLE,
    secrets::names_under,
    world::{Aws, Region},
};
use crate::{
    domain::{
        environment::Environment,
        moment::Moment,
        world::{Network, PlanFound},
    },
    ports::cloud::{CloudError, Condition, DatabaseFound, FileSystemFound, Survey, World},
};

/// Regions a survey touches, the one it begins with first.
pub(super) fn regions<'a>(environment: &'a Environment, ask: &Survey) -> Vec<&'a str> {
    let primary = !ask.databases.is_empty()
        || !ask.file_systems.is_empty()
        || ask.secrets_prefix.is_some()
        || ask.vault
        || ask.bucket
        || ask.parameters_prefix.is_some()
        || !ask.buckets.is_empty()
        || !ask.secrets.is_empty()
        || ask.dump_key
        || ask.newest
        || ask.schedule
        || ask.isolated
        || ask.point.is_some();
    let mut regions = Vec::new();
    // Whether objects are replicated is written on the primary bucket.
    if primary || ask.dr {
        regions.push(environment.primary_region.as_str());
    }
    // A point may lie on either side.
    let both = ask.point.is_some() && points::regions(environment).len() > 1;
    if ask.dr || both {
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
    further(aws, environment, ask, &mut world, now)?;
    Ok(world)
}

/// What the optional keys and the commands about recovery points ask for.
fn further(
    aws: &Aws,
    environment: &Environment,
    ask: &Survey,
    world: &mut World,
    now: Moment,
) -> Result<(), CloudError> {
    let (account, region) = (&environment.account, &environment.primary_region);
    let place = aws.region(account, region)?;
    if let Some(prefix) = &ask.parameters_prefix {
        world.parameters = place.parameters.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
    }
    world.buckets = ask.buckets.iter().filter_map(|name| buckets::describe(aws, environment, name)).collect();
    for name in &ask.secrets {
        let found = if place.secrets.contains(name) {
            Ok(place.secret_version(aws.seed, account, name))
        } else {
            Err(format!("secret {name} does not exist in {region}; create it or correct the config"))
        };
        world.described.insert(name.clone(), found);
    }
    if ask.dump_key {
        world.dump_key = environment.dump_kms_key.as_ref().map(|name| place.usable_key(region, name));
    }
    if let Some(id) = &ask.point {
        world.lineage = points::lineage(points::all(aws, environment, &points::regions(environment), now), id);
    }
    if ask.newest {
        world.newest = points::newest(points::all(aws, environment, &[region], now));
    }
    if ask.schedule {
        world.plan = place.plans.get(&environment.plan_name()).and_then(|plan| {
            let (version, spec) = (plan.version_id(aws.seed, plan.versions.len()), plan.spec()?.clone());
            Some(PlanFound { id: plan.id.clone(), version, spec })
        });
    }
    if ask.isolated {
        let name = environment.isolated_subnet_group();
        world.isolated = Some(if place.subnet_groups.contains(name) {
            Ok(Network { subnet_group: name.to_owned(), subnets: files::subnets(aws.seed, name) })
        } else {
            Err(format!(
                "DB subnet group {name} does not exist in {region}; create it, cut off from the platform's network, or correct `restore_test_subnet_group` in the config"
            ))
        });
    }
    Ok(())
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
        automated_days: db.automated_days,
        window: db.window.clone(),
        restorable: (db.automated_days > 0).then(|| now - RESTORABLE),
        cluster: None,
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

pub(super) fn vault(place: &Region, region: &str, name: &str) -> Condition {
    let Some(vault) = place.vaults.get(name) else {
        return Err(format!("backup vault {name} does not exist in {region}; create it or correct the config"));
    };
    place.usable_key(region, &vault.key).map_err(|reason| format!("backup vault {name} is not usable: {reason}"))?;
    Ok(vault.arn.clone())
}

pub(super) fn bucket(place: &Region, region: &str, name: &str) -> Condition {
    match place.buckets.contains_key(name) {
        true => Ok(name.to_owned()),
        false => Err(format!("bucket {name} does not exist in {region}; create it or correct the config")),
    }
}

pub(super) fn dr_bucket(place: &Region, dr: &Region, environment: &Environment, name: &str) -> Condition {
    bucket(dr, &environment.dr_region, name)?;
    let primary = environment.secrets_bucket.as_deref().unwrap_or_default();
    let rule = place.buckets.get(primary).and_then(|b| b.rule.as_ref());
    match rule.is_some_and(|(region, bucket)| *region == environment.dr_region && bucket == name) {
        true => Ok(name.to_owned()),
        false => Err(format!("bucket {primary} has no replication rule to {name}; add one")),
    }
}
