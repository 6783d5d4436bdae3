//! The weighted records of a platform and its routing controls, as whoever moves it from one side to the other shifts them.

use crate::domain::{
    environment::{DnsRecord, Environment},
    standby::RoutingControls,
    step::{TurnControls, Weighing},
    world::RecordFound,
};

/// All of the traffic.
pub(super) const ALL: u8 = 100;
/// Resolvers that keep answers longer than they may are given so many seconds more.
const MARGIN: u64 = 60;
/// What is taken for the time an alias is kept.
const OF_ALIASES: u64 = 60;

/// Every record of the config with that much of the traffic at the primary region and the rest at the other one.
///
/// # Errors
/// A record of the config that is not there.
pub(super) fn weighed(env: &Environment, found: &[RecordFound], primary: u8) -> Result<Vec<Weighing>, String> {
    each(env, found, |_, at_home| if at_home { primary } else { ALL - primary })
}

/// Every record of the config with the weight it has now.
///
/// # Errors
/// A record of the config that is not there.
pub(super) fn as_found(env: &Environment, found: &[RecordFound]) -> Result<Vec<Weighing>, String> {
    each(env, found, |was, _| was)
}

fn each(env: &Environment, found: &[RecordFound], weight: impl Fn(u8, bool) -> u8) -> Result<Vec<Weighing>, String> {
    let records = env.dns.iter().flat_map(|dns| &dns.records);
    let sets = records.flat_map(|record| [(record, &record.primary, true), (record, &record.dr, false)]);
    let of = |(record, set, at_home): (&DnsRecord, &String, bool)| {
        let own = |found: &&RecordFound| found.name == record.name && found.kind == record.kind && found.set == *set;
        let was = found.iter().find(own).and_then(|found| found.weight).ok_or_else(|| {
            format!(
                "Route 53 has no weighted record {} {} with the set identifier {set}. Make it, or correct `dns` in bbws.toml.",
                record.name, record.kind
            )
        })?;
        let (name, kind) = (record.name.clone(), record.kind.clone());
        Ok(Weighing { name, kind, set: set.clone(), weight: weight(was, at_home) })
    };
    sets.map(of).collect()
}

/// For how long after a shift, in seconds, resolvers may give the answer from before.
pub(super) fn forgotten_after(found: &[RecordFound]) -> u64 {
    found.iter().map(|record| record.ttl.unwrap_or(OF_ALIASES)).max().unwrap_or(OF_ALIASES) + MARGIN
}

/// Turns one of the routing controls on and the other one off.
pub(super) fn turn(region: &str, on: &str, off: &str, controls: &RoutingControls) -> TurnControls {
    TurnControls {
        region: region.to_owned(),
        on: on.to_owned(),
        off: off.to_owned(),
        endpoints: controls.endpoints.clone(),
    }
}

/// The records and their weights, for people.
pub(super) fn listed(records: &[Weighing]) -> String {
    let each = records.iter().map(|w| format!("{} {} {}", w.name, w.set, w.weight));
    each.collect::<Vec<_>>().join(", ")
}
