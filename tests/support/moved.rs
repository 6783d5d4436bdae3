//! A platform that was failed over, without the failover: what AWS and the ledger show after one.

use std::time::Duration;

use bbws::{
    adapters::sandbox::aws::{
        api::route53::REGION,
        incidents::Side,
        world::{World, ecs::Service, secrets::Secret},
    },
    domain::{active::Active, environment::Environment, mark::Sample, moment::Moment, readiness::HOME},
    ports::{
        clock::Clock as _,
        store::{Commit, Store as _},
    },
};

use super::rig::Rig;

/// Traffic, services and databases are in the DR region, and the primary one has been healthy for more than an hour.
pub async fn failed_over(rig: &Rig) {
    let env = rig.config.environments["prod"].clone();
    rig.cloud.change(|world, now| {
        let replicas: Vec<String> = env.databases.iter().filter_map(|database| database.dr_replica.clone()).collect();
        let there = world.region(&env.account, &env.dr_region);
        for replica in replicas {
            let instance = there.rds.instances.get_mut(&replica).expect("the replica");
            (instance.replica_of, instance.automated_days) = (None, 7);
        }
        for (side, tasks) in [(Side::Dr, 4), (Side::Primary, 0)] {
            services(world, &env, side, tasks, now);
        }
        let zone = world.region(&env.account, REGION).route53.zones.get_mut("Z0BBWSPROD").expect("the zone");
        zone.weigh("wp.bbws.example.", "CNAME", "primary", 0, "prod.af-south-1.elb.amazonaws.com");
        zone.weigh("wp.bbws.example.", "CNAME", "dr", 100, "prod.eu-west-1.elb.amazonaws.com");
    });
    rig.runs(&Active::dr([])).await;
    healthy(rig).await;
}

/// Somebody sets how many tasks the services of a side have.
pub fn services(world: &mut World, env: &Environment, side: Side, tasks: u32, now: Moment) {
    let place = world.region(&env.account, side.of(env));
    for service in place.ecs.clusters.values_mut().flat_map(|cluster| cluster.values_mut()) {
        *service = Service::long_there(tasks, now);
    }
}

/// The watcher has seen the primary region healthy for more than an hour.
pub async fn healthy(rig: &Rig) {
    let now = rig.clock.now();
    let look = |n: u64| Sample {
        environment: "prod".into(),
        component: HOME.into(),
        at: now - Duration::from_secs(n * 600),
        lag: Some(0),
    };
    rig.ledger.commit(Commit { samples: (0..8).map(look).collect(), ..Commit::default() }).await.unwrap();
}

/// The databases that are written: by the services of a side that run, where they are led to one that can be.
pub fn written(rig: &Rig) -> Vec<String> {
    written_by(rig, |_| true)
}

/// The same, by the services of some sides.
pub fn written_by(rig: &Rig, those: impl Fn(Side) -> bool) -> Vec<String> {
    let env = &rig.config.environments["prod"];
    rig.cloud.look(|world, now| {
        let mut written = Vec::new();
        for side in [Side::Primary, Side::Dr].into_iter().filter(|side| those(*side)) {
            let Some(place) = world.find(&env.account, side.of(env)) else { continue };
            if place.ecs.clusters.values().flat_map(|cluster| cluster.values()).all(|s| s.running(now) == 0) {
                continue;
            }
            for database in &env.databases {
                let secret = database.endpoint_secret.as_ref().and_then(|name| place.secrets.secrets.get(name));
                let (region, id) = match (secret, side) {
                    (Some(secret), _) => led(secret),
                    (None, Side::Primary) => (env.primary_region.clone(), database.id.clone()),
                    (None, Side::Dr) => (env.dr_region.clone(), database.dr_replica.clone().expect("a replica")),
                };
                let found = world.find(&env.account, &region).and_then(|place| place.rds.instance(&id, now));
                if found.is_some_and(|found| found.source(now).is_none()) {
                    written.push(format!("{id} in {region}"));
                }
            }
        }
        written.sort();
        written.dedup();
        written
    })
}

/// Region and id of the instance that a secret leads to.
fn led(secret: &Secret) -> (String, String) {
    let text = secret.at_stage("AWSCURRENT").expect("it has a value").1.string.clone().expect("it is text");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let host = value["host"].as_str().unwrap().to_owned();
    let mut parts = host.split('.');
    (parts.clone().nth(2).unwrap().to_owned(), parts.next().unwrap().to_owned())
}
