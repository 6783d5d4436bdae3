//! The orders that the customers of a platform place, one a second, in the databases of its two sides.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::moment::Moment;

/// Orders that a platform has when it begins.
const FIRST: f64 = 10_000.0;

/// The orders of a platform. Of two values the first is the primary region's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Orders {
    /// Up to when they are counted.
    counted: Moment,
    /// The newest order in each database.
    pub newest: [f64; 2],
    /// The newest order that both have, since neither follows the other.
    pub apart: Option<f64>,
    /// Customers that nobody served.
    pub turned_away: f64,
    /// Since when nobody is served.
    pub dark: Option<Moment>,
    traffic: Traffic,
}

/// What is so while orders are counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Whether the side serves whoever reaches it.
    pub open: [bool; 2],
    /// Whether its database is a replica of the other's.
    pub follows: [bool; 2],
    /// Whether the sides reach each other.
    pub linked: bool,
    /// By how many orders a replica is behind.
    pub behind: f64,
    /// The weights of the record that leads customers to the sides.
    pub weights: [u8; 2],
    /// How long an answer of that record lives.
    pub ttl: Duration,
}

/// Where resolvers send customers: they go over to another answer bit by bit while the old one lives.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Traffic {
    /// Share of the DR region before the weights changed, 0–1.
    from: f64,
    /// Its share by the weights.
    to: f64,
    /// When they changed.
    since: Moment,
    /// How long an answer lives.
    ttl: Duration,
}

impl Orders {
    /// Those of a platform that runs in its primary region.
    pub fn beginning(now: Moment) -> Orders {
        let traffic = Traffic { from: 0.0, to: 0.0, since: now, ttl: Duration::ZERO };
        Orders { counted: now, newest: [FIRST; 2], apart: None, turned_away: 0.0, dark: None, traffic }
    }

    /// Share of the customers who reach the DR region, 0–1.
    pub fn share(&self, at: Moment) -> f64 {
        let Traffic { from, to, since, ttl } = self.traffic;
        let over = at.since(since).as_secs_f64() / ttl.as_secs_f64().max(1.0);
        from + (to - from) * over.min(1.0)
    }

    /// How long resolvers still hold answers from before the weights changed; none once nobody does.
    pub fn draining(&self, at: Moment) -> Option<Duration> {
        let Traffic { from, to, since, ttl } = self.traffic;
        ttl.checked_sub(at.since(since)).filter(|left| from != to && !left.is_zero())
    }

    /// Counts what was placed since the last count, while everything was as it is seen.
    pub fn count(&mut self, seen: &Seen, now: Moment) {
        let time = now.since(self.counted);
        let there = self.share(self.counted + time / 2);
        let mut served = 0.0;
        for (side, share) in [1.0 - there, there].into_iter().enumerate().filter(|(side, _)| seen.open[*side]) {
            self.newest[side] += time.as_secs_f64() * share;
            served += share;
        }
        self.turned_away += time.as_secs_f64() * (1.0 - served);
        let since = self.dark.unwrap_or(self.counted);
        self.dark = (served == 0.0).then_some(since);
        self.replicate(seen);
        self.steer(seen, now);
        self.counted = now;
    }

    fn replicate(&mut self, seen: &Seen) {
        let [primary, dr] = self.newest;
        // Where each says that it follows the other, somebody is on the way back.
        let (leader, follower) = match seen.follows {
            [false, false] => return self.apart = Some(self.apart.unwrap_or(primary.min(dr))),
            [false, true] => (primary, 1),
            [true, _] => (dr, 0),
        };
        let was_apart = self.apart.take().is_some();
        if seen.linked {
            let arrived = leader - seen.behind;
            let had = self.newest[follower].min(leader);
            self.newest[follower] = if was_apart { arrived } else { arrived.max(had) };
        }
    }

    fn steer(&mut self, seen: &Seen, now: Moment) {
        let [primary, dr] = seen.weights.map(f64::from);
        let all = primary + dr;
        let to = if all > 0.0 { dr / all } else { 0.5 };
        if to != self.traffic.to {
            self.traffic = Traffic { from: self.share(now), to, since: now, ttl: seen.ttl };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: Seen = Seen {
        open: [true, false],
        follows: [false, true],
        linked: true,
        behind: 4.0,
        weights: [100, 0],
        ttl: Duration::from_secs(60),
    };

    fn at(seconds: i64) -> Moment {
        Moment(seconds * 1000)
    }

    #[test]
    fn what_a_replica_lacks_when_a_region_is_lost_stays_there_and_customers_follow_the_records_bit_by_bit() {
        let mut orders = Orders::beginning(at(0));
        orders.count(&WELL, at(100));
        assert_eq!((orders.newest, orders.dark), ([10_100.0, 10_096.0], None));
        // The primary region is lost.
        let dark = Seen { open: [false, false], linked: false, ..WELL };
        orders.count(&dark, at(400));
        assert_eq!((orders.newest, orders.turned_away, orders.dark), ([10_100.0, 10_096.0], 300.0, Some(at(100))));
        // The replica is promoted, and can be written; customers do not reach it yet.
        let promoted = Seen { open: [false, true], follows: [false, false], ..dark };
        orders.count(&promoted, at(500));
        assert_eq!((orders.apart, orders.dark), (Some(10_096.0), Some(at(100))));
        orders.count(&Seen { weights: [0, 100], ..promoted }, at(500));
        orders.count(&Seen { weights: [0, 100], ..promoted }, at(530));
        assert_eq!((orders.share(at(530)), orders.dark), (0.5, None));
        assert_eq!((orders.draining(at(530)), orders.draining(at(560))), (Some(Duration::from_secs(30)), None));
        orders.count(&Seen { weights: [0, 100], ..promoted }, at(560));
        assert_eq!(orders.newest, [10_100.0, 10_096.0 + 7.5 + 22.5]);
        // The old side comes back and becomes a replica of the new one: what only it had is gone from it.
        let back = Seen { follows: [true, false], linked: true, weights: [0, 100], ..promoted };
        orders.count(&back, at(570));
        assert_eq!((orders.newest, orders.apart), ([10_132.0, 10_136.0], None));
    }
}
