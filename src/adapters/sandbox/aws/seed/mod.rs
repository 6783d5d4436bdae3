//! What the environments of a config describe, as if it had been there for long: a file per service, and the backups of the
//! past fourteen days.

mod backups;
mod buckets;
mod files;
pub mod past;
mod rds;
pub mod regular;
mod secrets;
mod standby;

use std::collections::BTreeMap;

use super::world::World;
use crate::domain::{
    environment::Environment,
    moment::Moment,
    topics::{TopicRegion, Topics},
};

/// What this program seeds. A world that was kept by an earlier one is seeded with what is missing.
const SEEDED: u32 = 3;

/// Seeds what is not seeded yet.
pub(super) fn seed(world: &mut World, environments: &BTreeMap<String, Environment>, topics: &Topics, now: Moment) {
    let before = world.seeded;
    world.seeded = before.max(SEEDED);
    if before < 1 {
        home(world, environments, topics, now);
    }
    if before < 2 {
        environments.values().for_each(|environment| standby::seed(world, environment, now));
    }
    if before < 3 {
        environments.values().for_each(|environment| standby::tasks(world, environment));
    }
}

/// Both regions as they were before anything stood ready in one of them.
fn home(world: &mut World, environments: &BTreeMap<String, Environment>, topics: &Topics, now: Moment) {
    for environment in environments.values() {
        keys(world, environment);
        notices(world, environment, topics);
        rds::seed(world, environment, now);
        files::seed(world, environment, now);
        secrets::seed(world, environment, now);
        buckets::seed(world, environment, now);
    }
    for past in past::all(world.seed, environments.values(), now) {
        rds::seed_past(world, &past, now);
        backups::seed_past(world, &past);
    }
}

/// Keys the config names; AWS's own are everywhere.
fn keys(world: &mut World, environment: &Environment) {
    let (account, primary, dr) = (&environment.account, &environment.primary_region, &environment.dr_region);
    if let Some(name) = &environment.dr_kms_key {
        world.region(account, dr).kms.add(account, dr, name);
    }
    for name in environment.dump_kms_key.iter().chain(&environment.dr.primary_kms_key) {
        world.region(account, primary).kms.add(account, primary, name);
    }
}

/// Topics for notices, one of each per account.
fn notices(world: &mut World, environment: &Environment, topics: &Topics) {
    let region = match topics.region {
        TopicRegion::Dr => &environment.dr_region,
        TopicRegion::Primary => &environment.primary_region,
    };
    let place = world.region(&environment.account, region);
    for name in [&topics.backup_status, &topics.ops_warning, &topics.ops_critical, &topics.dr_events] {
        place.sns.topics.entry(name.clone()).or_default();
    }
}
