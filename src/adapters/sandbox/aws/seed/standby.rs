//! What stands ready on the other side: read replicas, services, and the weighted records that steer traffic.

use super::super::{
    time::hex_for,
    world::{
        World,
        ecs::{Definition, REVISION, Service},
        kms::RDS_KEY,
        route53::Zone,
    },
};
use crate::{
    adapters::sandbox::aws::api::route53::REGION,
    domain::{environment::Environment, moment::Moment},
};

/// Tasks that a service has in the DR region while it serves nobody.
const STANDING: u32 = 1;

pub(super) fn seed(world: &mut World, environment: &Environment, now: Moment) {
    replicas(world, environment);
    if let Some(group) = &environment.dr.db_subnet_group {
        let subnets = super::rds::subnets(world.seed, group);
        let place = world.region(&environment.account, &environment.dr_region);
        place.rds.subnet_groups.entry(group.clone()).or_insert(subnets);
    }
    services(world, environment, now);
    records(world, environment);
}

/// Read replicas in the DR region.
fn replicas(world: &mut World, environment: &Environment) {
    let (account, dr) = (&environment.account, &environment.dr_region);
    for database in &environment.databases {
        let Some(id) = &database.dr_replica else { continue };
        let there = world.find(account, &environment.primary_region);
        let Some(source) = there.and_then(|place| place.rds.instances.get(&database.id)).cloned() else { continue };
        let place = world.region(account, dr);
        let named = environment.dr_kms_key.as_deref().unwrap_or(RDS_KEY);
        let key = place.kms.arn(named).unwrap_or_default().to_owned();
        let replica = source.replica(&environment.database_arn(&database.id), &key);
        place.rds.instances.entry(id.to_lowercase()).or_insert(replica);
    }
}

/// The cluster of each side with its services.
fn services(world: &mut World, environment: &Environment, now: Moment) {
    let Some(declared) = &environment.services else { return };
    let standing = environment.standby_cluster().unwrap_or(&declared.cluster);
    let sides = [
        (&environment.primary_region, declared.cluster.as_str(), None),
        (&environment.dr_region, standing, Some(STANDING)),
    ];
    for (region, cluster, tasks) in sides {
        let place = world.region(&environment.account, region);
        let services = place.ecs.clusters.entry(cluster.to_owned()).or_default();
        for service in &declared.services {
            let tasks = tasks.unwrap_or(service.desired);
            services.entry(service.name.clone()).or_insert_with(|| Service::long_there(tasks, now));
        }
    }
}

/// What tasks of both sides are started from, with its image in each region's registry.
pub(super) fn tasks(world: &mut World, environment: &Environment) {
    let Some(declared) = &environment.services else { return };
    let (seed, account) = (world.seed, &environment.account);
    for region in [&environment.primary_region, &environment.dr_region] {
        let ecs = &mut world.region(account, region).ecs;
        for service in &declared.services {
            let (name, tag) = (&service.name, "6.8");
            let image = format!("{account}.dkr.ecr.{region}.amazonaws.com/bbws/{name}:{tag}");
            let definition = Definition { cpu: 1024, image, active: true };
            ecs.definitions.entry(format!("{name}:{REVISION}")).or_insert(definition);
            let digest = format!("sha256:{}", hex_for(seed, &format!("image/{name}/{tag}"), 64));
            ecs.repositories.entry(format!("bbws/{name}")).or_default().insert(tag.to_owned(), digest);
        }
    }
}

/// The hosted zone: all traffic goes to the primary region.
fn records(world: &mut World, environment: &Environment) {
    let Some(dns) = &environment.dns else { return };
    if let Some(controls) = &dns.routing_controls {
        world.controls.extend([(controls.primary.clone(), true), (controls.dr.clone(), false)]);
    }
    let name = dns.records.first().and_then(|record| record.name.split_once('.')).map_or("example.", |(_, rest)| rest);
    let mut zone = Zone::new(name);
    for record in &dns.records {
        let value = |region: &str| match record.kind.as_str() {
            "A" => if region == environment.primary_region { "192.0.2.1" } else { "192.0.2.2" }.to_owned(),
            "AAAA" => if region == environment.primary_region { "2001:db8::1" } else { "2001:db8::2" }.to_owned(),
            _ => format!("{}.{region}.elb.amazonaws.com", environment.name),
        };
        zone.weigh(&record.name, &record.kind, &record.primary, 100, &value(&environment.primary_region));
        zone.weigh(&record.name, &record.kind, &record.dr, 0, &value(&environment.dr_region));
    }
    let zones = &mut world.region(&environment.account, REGION).route53.zones;
    zones.entry(dns.hosted_zone.clone()).or_insert(zone);
}
