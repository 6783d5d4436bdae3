//! Databases, their subnet groups, and the snapshots of the past.

use super::{
    super::{
        time::hex_for,
        world::{
            World,
            kms::RDS_KEY,
            rds::{Instance, Snapshot},
        },
    },
    past::Past,
};
use crate::domain::{
    environment::{Engine, Environment},
    moment::Moment,
};

/// Subnets of a DB subnet group, which belong to its name.
pub fn subnets(seed: u64, group: &str) -> Vec<String> {
    let mut subnets: Vec<String> =
        (0..2).map(|n| format!("subnet-{}", hex_for(seed, &format!("{group}/{n}"), 17))).collect();
    subnets.sort();
    subnets
}

pub(super) fn seed(world: &mut World, environment: &Environment, now: Moment) {
    let (seed, account, region) = (world.seed, &environment.account, &environment.primary_region);
    let place = world.region(account, region);
    let key = place.kms.arn(RDS_KEY).unwrap_or_default().to_owned();
    for group in ["default", environment.isolated_subnet_group()] {
        place.rds.subnet_groups.insert(group.to_owned(), subnets(seed, group));
    }
    for database in &environment.databases {
        let mut instance = Instance::long_there(seed, &database.id, database.engine, &key, now);
        if environment.schedule.is_some() {
            instance.automated_days = 7;
        }
        place.rds.instances.insert(database.id.to_lowercase(), instance);
    }
    if environment.schedule.is_some() {
        // Somebody made it by hand, and nobody declared it.
        let id = format!("bbws-{}-reporting", environment.name);
        let instance = Instance::long_there(seed, &id, Engine::Postgres, &key, now);
        place.rds.instances.insert(id, instance);
    }
    let dr = &environment.dr_region;
    for group in ["default", environment.isolated_subnet_group()] {
        world.region(account, dr).rds.subnet_groups.insert(group.to_owned(), subnets(seed, group));
    }
}

/// Snapshots of the databases, and their copies.
pub(super) fn seed_past(world: &mut World, past: &Past<'_>, _now: Moment) {
    let e = past.environment;
    for database in e.databases.iter().filter(|_| !past.over) {
        let name = format!("{}-manual-{}-{}", database.id, past.at.yyyymmdd(), past.operation);
        let place = world.region(&e.account, &e.primary_region);
        let Some(instance) = place.rds.instances.get(&database.id) else { continue };
        let snapshot = Snapshot::of(&database.id, instance, past.lasting(8), past.tags.clone());
        place.rds.snapshots.insert(name.clone(), snapshot.clone());
        if e.replicates() {
            let source = format!("arn:aws:rds:{}:{}:snapshot:{name}", e.primary_region, e.account);
            let place = world.region(&e.account, &e.dr_region);
            let key = e.dr_kms_key.as_deref().unwrap_or(RDS_KEY);
            let key = place.kms.arn(key).map(str::to_owned);
            let copy = snapshot.copy(&source, past.lasting(20), key, past.tags.clone());
            place.rds.snapshots.insert(format!("{name}-dr"), copy);
        }
    }
}
