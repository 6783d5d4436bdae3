//! The simulated platform as its customers meet it: which side their requests reach, whether that one can serve them, and the
//! orders they place, one a second, in the database of the side that serves them.

use std::time::Duration;

use serde::Serialize;

use super::{
    Inner,
    api::route53::REGION,
    incidents::Side,
    world::{
        Region, World,
        cloudwatch::Lag,
        orders::{Orders, Seen},
        rds::Instance,
        route53,
    },
};
use crate::domain::{environment::Environment, moment::Moment};

/// How long resolvers keep an answer where a record does not say, in seconds.
const TTL: u64 = 60;
/// The role of a replica.
const REPLICATES: &str = "replicates";

/// The weights of an environment's first record, primary and DR region, and its TTL in seconds; none where nothing is weighed.
fn weights(world: &World, environment: &Environment) -> Option<([u8; 2], u64)> {
    let dns = environment.dns.as_ref()?;
    let zone = world.find(&environment.account, REGION)?.route53.zones.get(&dns.hosted_zone)?;
    let record = dns.records.first()?;
    let weight = |set: &str| zone.weight(&record.name, &record.kind, set).unwrap_or(0);
    let set = zone.sets.get(&route53::key(&record.name, &record.kind, &record.primary));
    let ttl = set.and_then(|set| route53::text(set, "TTL").parse().ok()).unwrap_or(TTL);
    Some(([weight(&record.primary), weight(&record.dr)], ttl))
}

/// The sides that get traffic, by the weights of the first record.
pub fn sides(world: &World, environment: &Environment) -> Vec<Side> {
    let Some(([primary, dr], _)) = weights(world, environment) else { return vec![Side::Primary] };
    // Where nothing weighs anything, all are answered alike.
    let all_nothing = primary == 0 && dr == 0;
    let weighed = [(Side::Primary, primary), (Side::Dr, dr)];
    weighed.into_iter().filter(|(_, weight)| all_nothing || *weight > 0).map(|(side, _)| side).collect()
}

/// Tasks of a service that run on a side.
fn running(place: &Region, service: &str, now: Moment) -> u32 {
    place.ecs.clusters.values().filter_map(|cluster| cluster.get(service)).map(|found| found.running(now)).sum()
}

/// The instances that can be a declared database's on a side.
fn databases<'w>(
    place: &'w Region,
    environment: &Environment,
    side: Side,
    index: usize,
    now: Moment,
) -> impl Iterator<Item = (&'w String, &'w Instance)> {
    let database = &environment.databases[index];
    let (id, replica) = (database.id.clone(), database.dr_replica.clone());
    let own = move |name: &str| match side {
        Side::Primary => name == id,
        Side::Dr => Some(name) == replica.as_deref() || name.starts_with(&format!("{id}-restored-")),
    };
    place.rds.instances.iter().filter(move |(name, instance)| own(name) && !instance.is_gone(now))
}

/// Whether a side has tasks that run, and databases that can be written and lack nothing.
pub fn serves(world: &World, environment: &Environment, side: Side, now: Moment) -> bool {
    let Some(place) = world.find(&environment.account, side.of(environment)) else { return false };
    let declared = environment.services.as_ref().map_or(&[][..], |declared| &declared.services);
    let tasks = declared.iter().all(|service| running(place, &service.name, now) > 0);
    let reached = |status: &str| ["available", "backing-up", "modifying"].contains(&status);
    let well = |found: &Instance| reached(found.status(now)) && found.source(now).is_none() && !found.data.lacks_rows;
    tasks
        && (0..environment.databases.len())
            .all(|index| databases(place, environment, side, index, now).any(|(_, found)| well(found)))
}

/// The first database of an environment, as it is on a side.
fn first<'w>(
    world: &'w World,
    environment: &Environment,
    side: Side,
    now: Moment,
) -> Option<(&'w String, &'w Instance)> {
    let place = world.find(&environment.account, side.of(environment))?;
    environment.databases.first()?;
    // Of several the one that is written.
    databases(place, environment, side, 0, now).max_by_key(|(_, found)| found.source(now).is_none())
}

/// What decides who can place orders where, and who follows whom.
fn seen(world: &World, environment: &Environment, down: impl Fn(&str) -> bool, now: Moment) -> Seen {
    let both = [Side::Primary, Side::Dr];
    let lives = both.map(|side| !down(side.of(environment)));
    let serves = both.map(|side| serves(world, environment, side, now));
    let follows = |side| first(world, environment, side, now).is_some_and(|(_, found)| found.source(now).is_some());
    let (weights, ttl) = weights(world, environment).unwrap_or(([1, 0], TTL));
    Seen {
        open: [lives[0] && serves[0], lives[1] && serves[1]],
        follows: both.map(follows),
        linked: lives == [true, true],
        behind: Lag::USUAL.seconds.map_or(0.0, |seconds| seconds as f64),
        weights,
        ttl: Duration::from_secs(ttl),
    }
}

/// A platform with a side in each of two regions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlatformView {
    /// The environment.
    pub environment: String,
    /// The primary region first.
    pub sides: [SideView; 2],
    /// Which orders only one side has, a sentence.
    pub orders: String,
    /// Customers that nobody served so far.
    pub turned_away: u64,
    /// For how long nobody has been served by now, in seconds; none while somebody is.
    pub dark: Option<u64>,
    /// Within how long it promises to be back, in seconds.
    pub rto: u64,
    /// How much it promises to lose at most, in seconds.
    pub rpo: u64,
    /// How far the replica is behind its source, in seconds; none where neither follows the other.
    pub behind: Option<u64>,
    /// Seconds of orders that only the side has which was left, or is ahead of its replica.
    pub lost: u64,
    /// How long resolvers still lead customers to where the records no longer do, in seconds; none once they do not.
    pub draining: Option<u64>,
    /// What comes next in the demonstration of a region's loss.
    pub next: Next,
}

/// One side of a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SideView {
    /// Its region.
    pub region: String,
    /// Whether that answers nothing at present.
    pub down: bool,
    /// Its instance of the first database; empty where it has none.
    pub database: String,
    /// What that does.
    pub role: &'static str,
    /// Number of the newest order in it.
    pub newest: u64,
    /// Tasks of its services that run.
    pub tasks: u32,
    /// Its weight in the first record; none where nothing is weighed.
    pub weight: Option<u8>,
    /// Customers who reach it, in percent.
    pub traffic: u8,
}

/// What somebody who shows the demo does next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Next {
    /// What it is, for a button or a line.
    pub label: String,
    /// A command to type.
    pub command: Option<String>,
    /// A region to lose, or to bring back.
    pub region: Option<(String, bool)>,
}

impl Inner {
    /// Counts the orders of every platform that has two sides, up to now. To be called before anything changes.
    pub(super) fn count_orders(&mut self, now: Moment) {
        let Inner { regular: true, world, environments, faults, .. } = self else { return };
        for (name, environment) in environments.iter().filter(|(_, environment)| has_two_sides(environment)) {
            let seen = seen(world, environment, |region| faults.is_down(region), now);
            world.orders.entry(name.clone()).or_insert_with(|| Orders::beginning(now)).count(&seen, now);
        }
    }

    /// Platforms that have two sides, as they are now.
    pub(super) fn platforms(&mut self, now: Moment) -> Vec<PlatformView> {
        self.count_orders(now);
        let all = self.environments.iter().filter(|(_, environment)| has_two_sides(environment));
        all.filter_map(|(name, environment)| Some(self.platform(environment, self.world.orders.get(name)?, now)))
            .collect()
    }

    fn platform(&self, environment: &Environment, orders: &Orders, now: Moment) -> PlatformView {
        let side = |side: Side, newest: f64, share: f64, weight: Option<u8>| {
            let region = side.of(environment).to_owned();
            let found = first(&self.world, environment, side, now);
            let role = match found.map(|(_, found)| (found.status(now), found.source(now))) {
                None => "no database",
                Some((_, Some(_))) => REPLICATES,
                Some(("available" | "backing-up", None)) => "can be written",
                Some((_, None)) => "is changing",
            };
            let place = self.world.find(&environment.account, &region);
            let services = environment.services.as_ref().map_or(&[][..], |declared| &declared.services);
            SideView {
                down: self.faults.is_down(&region),
                database: found.map(|(id, _)| id.clone()).unwrap_or_default(),
                role,
                newest: newest as u64,
                tasks: place.map_or(0, |place| services.iter().map(|service| running(place, &service.name, now)).sum()),
                weight,
                traffic: (share * 100.0).round() as u8,
                region,
            }
        };
        let share = orders.share(now);
        let weighed = weights(&self.world, environment).map(|(weights, _)| weights);
        let sides = [
            side(Side::Primary, orders.newest[0], 1.0 - share, weighed.map(|[primary, _]| primary)),
            side(Side::Dr, orders.newest[1], share, weighed.map(|[_, dr]| dr)),
        ];
        PlatformView {
            environment: environment.name.clone(),
            orders: difference(&sides, orders.apart),
            turned_away: orders.turned_away as u64,
            dark: orders.dark.map(|since| now.since(since).as_secs()),
            rto: environment.rto.0.as_secs(),
            rpo: environment.rpo.0.as_secs(),
            behind: behind(&sides),
            lost: lost(&sides, orders.apart),
            draining: orders.draining(now).map(|left| left.as_secs()),
            next: next(&environment.name, &sides, orders.apart.is_some(), share),
            sides,
        }
    }
}

fn has_two_sides(environment: &Environment) -> bool {
    environment.databases.first().is_some_and(|database| database.dr_replica.is_some())
}

/// How far the replica is behind: customers place an order a second.
fn behind(sides: &[SideView; 2]) -> Option<u64> {
    let [primary, dr] = sides;
    let follows = sides.iter().any(|side| side.role == REPLICATES);
    follows.then_some(primary.newest.abs_diff(dr.newest))
}

/// How many orders would be missing if the other side went on alone; where both were written since they were apart, what only the
/// primary one has.
fn lost([primary, dr]: &[SideView; 2], apart: Option<f64>) -> u64 {
    match apart {
        Some(both) => primary.newest.saturating_sub(both as u64),
        None => primary.newest.saturating_sub(dr.newest),
    }
}

/// Which orders only one side has.
fn difference([primary, dr]: &[SideView; 2], apart: Option<f64>) -> String {
    let only = |side: &SideView, than: u64| match side.newest.saturating_sub(than) {
        0 => None,
        1 => Some(format!("1 order is only in {}", side.region)),
        count => Some(format!("{count} orders are only in {}", side.region)),
    };
    let (here, there, loses) = match apart {
        Some(both) => (only(primary, both as u64), only(dr, both as u64), ""),
        None if primary.role == REPLICATES => (None, only(dr, primary.newest), ""),
        None => (only(primary, dr.newest), None, ": a failover now loses them"),
    };
    let told: Vec<String> = [here, there].into_iter().flatten().collect();
    if told.is_empty() { "Both sides have the same orders.".to_owned() } else { format!("{}{loses}.", told.join("; ")) }
}

/// The next scene of the loss of a region.
fn next(environment: &str, [primary, dr]: &[SideView; 2], apart: bool, share: f64) -> Next {
    let command = |label: &str, command: String| Next { label: label.to_owned(), command: Some(command), region: None };
    let switch =
        |label: String, down: bool| Next { label, command: None, region: Some((primary.region.clone(), down)) };
    match (primary.down, apart, share > 0.5) {
        (false, _, false) => switch(format!("Lose {}", primary.region), true),
        (true, false, _) => command(
            "Ask for a failover; another person approves it on its card",
            format!("/bbws dr failover {environment} --execute --ticket INC-1 --reason \"{} is gone\"", primary.region),
        ),
        (true, true, false) => Next {
            label: format!(
                "Wait for the card to ask, then press Continue as another person: traffic goes to {}",
                dr.region
            ),
            command: None,
            region: None,
        },
        (true, true, true) => switch(format!("Bring {} back", primary.region), false),
        (false, _, true) => command(
            &format!("Ask whether to go back to {}", primary.region),
            format!("/bbws dr failback {environment}"),
        ),
    }
}
