//! The simulated platform at its addresses: a side answers where its region lives, its services run, and its databases can be
//! written and have what they need. Where records weigh its sides, each that gets traffic has to.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{
    adapters::sandbox::aws::{SimAws, api::route53::REGION, incidents::Side, world::World},
    domain::{environment::Environment, moment::Moment},
    ports::fetch::{Fetch, FetchError},
};

/// The platforms of a simulated AWS.
pub struct SimWeb {
    aws: Arc<SimAws>,
}

impl fmt::Debug for SimWeb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimWeb")
    }
}

impl SimWeb {
    /// Those of this AWS.
    pub fn new(aws: Arc<SimAws>) -> SimWeb {
        SimWeb { aws }
    }
}

#[async_trait]
impl Fetch for SimWeb {
    async fn get(&self, url: &str, _: usize) -> Result<Vec<u8>, FetchError> {
        let Some((environment, own)) = self.aws.behind(url) else {
            return Err(FetchError::Unreachable("no such host".to_owned()));
        };
        let sides = own.map_or_else(|| self.aws.look(|world, _| sides(world, &environment)), |own| vec![own]);
        if sides.iter().any(|side| self.aws.is_down(side.of(&environment))) {
            return Err(FetchError::Unreachable("connection refused".to_owned()));
        }
        let well = self.aws.look(|world, now| sides.iter().all(|side| serves(world, &environment, *side, now)));
        if well { Ok(b"ok".to_vec()) } else { Err(FetchError::Status(503)) }
    }
}

/// The sides that get traffic, by the weights of the first record.
fn sides(world: &World, environment: &Environment) -> Vec<Side> {
    let Some(dns) = &environment.dns else { return vec![Side::Primary] };
    let zone = world.find(&environment.account, REGION).and_then(|place| place.route53.zones.get(&dns.hosted_zone));
    let (Some(zone), Some(record)) = (zone, dns.records.first()) else { return vec![Side::Primary] };
    let weight = |set: &str| zone.weight(&record.name, &record.kind, set).unwrap_or(0);
    let weights = [(Side::Primary, weight(&record.primary)), (Side::Dr, weight(&record.dr))];
    // Where nothing weighs anything, all are answered alike.
    let all_nothing = weights.iter().all(|(_, weight)| *weight == 0);
    weights.into_iter().filter(|(_, weight)| all_nothing || *weight > 0).map(|(side, _)| side).collect()
}

/// Whether a side has tasks that run, and databases that can be written and lack nothing.
fn serves(world: &World, environment: &Environment, side: Side, now: Moment) -> bool {
    let Some(place) = world.find(&environment.account, side.of(environment)) else { return false };
    let tasks = environment.services.as_ref().is_none_or(|declared| {
        let running = |name: &str| {
            place.ecs.clusters.values().filter_map(|cluster| cluster.get(name)).map(|s| s.running(now)).sum::<u32>()
        };
        declared.services.iter().all(|service| running(&service.name) > 0)
    });
    let reached = |status: &str| ["available", "backing-up", "modifying"].contains(&status);
    tasks
        && environment.databases.iter().all(|database| {
            let own = |id: &&String| match side {
                Side::Primary => **id == database.id,
                Side::Dr => {
                    Some(*id) == database.dr_replica.as_ref() || id.starts_with(&format!("{}-restored-", database.id))
                }
            };
            let mut all = place.rds.instances.iter().filter(|(id, instance)| own(id) && !instance.is_gone(now));
            all.any(|(_, found)| reached(found.status(now)) && found.source(now).is_none() && !found.data.lacks_rows)
        })
}
