//! What waiting with a failover costs, held against an oracle that plays outages out second by second.

use std::time::Duration;

use bbws::domain::{
    environment::Side,
    lag::Component,
    mark::Sample,
    moment::Moment,
    point::PointKind,
    price::{Price, answered},
    readiness::{HOME, Readiness, Saw, Sign, Source},
};

/// Every outage begins in this second of its world.
const START: u64 = 1_800_000_000;
/// How often the watcher looks.
const LOOKS: u64 = 300;

/// Numbers that are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn upto(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % (most + 1)
    }
}

/// A night: how far each copy reaches, when the region was last seen, how long failovers took.
struct Night {
    now: u64,
    /// Seconds up to which each component is there.
    copies: Vec<u64>,
    /// Looks at the region, and whether it answered.
    looks: Vec<(u64, bool)>,
    took: Vec<u64>,
    rto: u64,
}

fn at(second: u64) -> Moment {
    Moment(i64::try_from(second * 1000).unwrap())
}

impl Night {
    fn of(seed: u64) -> Night {
        let mut dice = Dice(seed);
        let waited = dice.upto(8 * 3600);
        let first = START - dice.upto(LOOKS - 1) - 20 * LOOKS;
        let looks = (0..).map(|n| first + n * LOOKS).take_while(|look| *look <= START + waited);
        Night {
            now: START + waited,
            copies: (0..=dice.upto(4)).map(|_| START - dice.upto(7200)).collect(),
            looks: looks.map(|look| (look, look < START)).collect(),
            took: (0..dice.upto(14)).map(|_| 300 + dice.upto(5400)).collect(),
            rto: 1800 + dice.upto(6 * 3600),
        }
    }

    /// What bbws makes of it.
    fn price(&self) -> Price {
        let component = |safe: &u64| Component {
            kind: PointKind::Rds,
            resource: format!("db-{safe}"),
            side: Side::Dr,
            safe: Ok(at(*safe)),
        };
        let sign = |source: Source| Sign { source, subject: "it".into(), saw: Saw::Ill, detail: "is not".into() };
        let found = Readiness {
            at: at(self.now),
            signs: vec![sign(Source::Addresses), sign(Source::Apis)],
            dr_answers: true,
            components: self.copies.iter().map(component).collect(),
            uncopied: Vec::new(),
            replicas: Vec::new(),
            leans: Vec::new(),
            forms: Default::default(),
            prerequisites: Vec::new(),
            promoted: Vec::new(),
            disagreements: Vec::new(),
        };
        let sample = |component: &str, look: &u64, lag: Option<u64>| Sample {
            environment: "prod".into(),
            component: component.into(),
            at: at(*look),
            lag,
        };
        let samples: Vec<Sample> = self
            .looks
            .iter()
            .flat_map(|(look, well)| {
                // The DR region goes on answering all the while, and says nothing of the primary one.
                [
                    sample("rds db", look, well.then_some(60)),
                    sample("rds db in DR", look, Some(60)),
                    sample(HOME, look, Some(0)),
                ]
            })
            .collect();
        let mut took: Vec<Duration> = self.took.iter().map(|s| Duration::from_secs(*s)).collect();
        took.sort_unstable();
        let ninth = (took.len() >= 5).then(|| took[(took.len() * 9).div_ceil(10) - 1]);
        Price::of(&found, [answered(&samples), None], (ninth, took.len()), Duration::from_secs(self.rto))
    }

    /// The length that nine of ten runs kept, by counting; none where there are fewer than five.
    fn kept_by_nine_of_ten(&self) -> Option<u64> {
        let kept = |length: u64| self.took.iter().filter(|took| **took <= length).count();
        let longest = self.took.iter().copied().max()?;
        (self.took.len() >= 5).then(|| (0..=longest).find(|length| kept(*length) * 10 >= self.took.len() * 9).unwrap())
    }

    /// The last second in which somebody may begin so that nine of ten runs bring it back in time, playing every second out.
    fn last_chance(&self) -> u64 {
        let since = self.looks.iter().filter(|(_, well)| *well).map(|(look, _)| *look).next_back().unwrap();
        let takes = self.kept_by_nine_of_ten().unwrap_or(0);
        let in_time = |begun: &u64| begun + takes <= since + self.rto;
        (since..=since + self.rto).take_while(in_time).last().unwrap_or(since)
    }

    /// Seconds of writes that are nowhere but in the region that is lost: a second each, counted one by one.
    fn lost(&self) -> usize {
        let worst = *self.copies.iter().min().unwrap();
        (worst..self.now).filter(|second| self.copies.iter().any(|copy| second >= copy)).count()
    }
}

#[test]
fn over_five_hundred_outages_the_price_is_that_of_the_oracle_within_a_minute() {
    let (mut numbers, mut gone) = (0, 0);
    for seed in 0..500 {
        let night = Night::of(seed * 7919 + 1);
        let price = night.price();
        let apart = |a: Moment, b: u64| (a.0 / 1000 - i64::try_from(b).unwrap()).unsigned_abs();
        let minute = price.gone().expect("the region was seen before");
        assert!(apart(minute, night.last_chance()) <= 60, "{seed}: {minute} and {}", at(night.last_chance()));
        let lost = at(night.now).since(price.safe.clone().expect("all is known")).as_secs();
        assert!(lost.abs_diff(night.lost() as u64) <= 60, "{seed}: {lost} and {}", night.lost());
        let back = price.back(at(night.now));
        assert_eq!(back.is_some(), night.kept_by_nine_of_ten().is_some(), "{seed}: no number under five");
        if let (Some(back), Some(takes)) = (back, night.kept_by_nine_of_ten()) {
            numbers += 1;
            assert!(apart(back, night.now + takes) <= 60, "{seed}");
        }
        let told = price.told(at(night.now)).join(" ");
        assert!(told.contains(&format!("{} own failovers", night.took.len())), "n is named: {told}");
        let late = night.now > night.last_chance();
        gone += usize::from(late);
        let says = ["comes too late for the RTO", "is over since"].iter().any(|says| told.contains(says));
        assert!(!late || says, "{seed}: {told}");
    }
    assert!(numbers > 200 && gone > 50 && gone < 450, "{numbers} with a number, {gone} too late");
}

#[test]
fn the_price_is_told_as_it_is_at_that_moment() {
    let price = Price {
        safe: Ok(at(START)),
        since: Some(at(START + 240)),
        takes: Some(Duration::from_secs(2400)),
        runs: 7,
        rto: Duration::from_secs(3600),
    };
    assert_eq!(at(START).clock(), "08:00 UTC");
    let told = |price: &Price, minutes: u64| price.told(at(START + minutes * 60));
    assert_eq!(
        told(&price, 10),
        [
            "Lost now: the last 10 min of writes; what was written up to 08:00 UTC is there.",
            "Begun now it is back by 08:50 UTC (nine of ten of 7 own failovers took at most 40 min).",
            "Begun after 08:24 UTC it comes too late for the RTO of 1 h, counted from 08:04 UTC, when the region was last seen well or its first sign came.",
        ]
    );
    assert!(
        told(&price, 25)[2]
            .starts_with("What begins now comes too late for the RTO of 1 h: that was gone at 08:24 UTC")
    );
    let few = Price { takes: None, runs: 4, ..price.clone() };
    assert_eq!(
        told(&few, 10)[1],
        "How long it takes is not known: 4 own failovers were measured, and no number is given under five."
    );
    assert!(told(&few, 10)[2].starts_with("The RTO of 1 h ends at 09:04 UTC"), "{:?}", told(&few, 10));
    assert!(told(&few, 70)[2].starts_with("The RTO of 1 h is over since 09:04 UTC"));
    let well = Price { since: None, safe: Err("efs fs-1: no answer".into()), ..price.clone() };
    assert_eq!(told(&well, 10)[0], "Lost now: unknown (efs fs-1: no answer).");
    assert_eq!(told(&well, 10)[2], "The RTO of 1 h does not run yet: nobody has seen when an outage began.");
    let card = price.by_the_clock(at(START + 600));
    assert!(
        card.contains("what was written after 08:00 UTC is lost") && card.contains("Begun after 08:24 UTC"),
        "{card}"
    );
}
