//! Service tiers: which promise holds for what, and how well it was kept.

use std::{collections::BTreeMap, time::Duration};

use bbws::{
    config::Config,
    domain::{
        environment::{Environment, Span},
        moment::Moment,
        point::PointKind,
        tier::{Attainment, Promise, ServiceTier, Tally, TierPromise, line, matrix},
    },
};

const DAY_MS: i64 = 86_400_000;

fn prod() -> Environment {
    let mut prod = Config::example().environments["prod"].clone();
    let hours = |hours: u64| Span(Duration::from_secs(hours * 3600));
    let tier = |rpo, rto, of: &[&str]| TierPromise {
        rpo: hours(rpo),
        rto: hours(rto),
        of: of.iter().map(|name| (*name).to_owned()).collect(),
    };
    prod.tiers = BTreeMap::from([
        ("critical".to_owned(), tier(1, 2, &["bbws-prod-mysql"])),
        ("standard".to_owned(), tier(24, 24, &["rds", "wp-content"])),
    ]);
    prod
}

#[test]
fn a_name_goes_before_its_kind_and_what_no_tier_names_keeps_the_environments_objectives() {
    let prod = prod();
    let tier = |kind, resource: &str| prod.promise(kind, resource).tier;
    assert_eq!(tier(PointKind::Rds, "bbws-prod-mysql"), Some(ServiceTier::Critical));
    assert_eq!(tier(PointKind::Rds, "another"), Some(ServiceTier::Standard), "by its kind");
    assert_eq!(tier(PointKind::Efs, "fs-0900d000000000001"), Some(ServiceTier::Standard), "by its name");
    let secrets = prod.promise(PointKind::Secrets, "bbws/prod/");
    assert_eq!(secrets, Promise { tier: None, rpo: prod.rpo.0, rto: prod.rto.0 });
}

#[test]
fn attainment_counts_the_worse_side_of_thirty_days_and_95_is_not_over_95() {
    let prod = prod();
    let now = Moment(40 * DAY_MS);
    let tally = |component: &str, day, looks, kept| Tally {
        environment: "prod".to_owned(),
        component: component.to_owned(),
        day,
        looks,
        kept,
    };
    let tallies = [
        tally("rds bbws-prod-mysql", 40, 100, 100),
        tally("rds bbws-prod-mysql in DR", 39, 100, 95),
        tally("rds bbws-prod-mysql in DR", 10, 100, 0),
        tally("efs fs-0900d000000000001", 40, 1000, 999),
    ];
    let rows = matrix(&prod, &[], &tallies, now);
    assert_eq!(rows[0].name, "rds bbws-prod-mysql", "the most urgent is first");
    assert_eq!(rows[0].attainment, Attainment { looks: 100, kept: 95 }, "day 10 is too long ago");
    assert_eq!(rows[0].attainment.suffices(), Some(false));
    assert_eq!(
        line(&rows).as_deref(),
        Some("RPO kept too seldom in the last 30 days, wanted are over 95 %: `rds bbws-prod-mysql` 95.0 %")
    );
    let well = matrix(&prod, &[], &tallies[3..], now);
    assert_eq!(
        line(&well).as_deref(),
        Some("RPOs kept in at least 99.9 % of the looks of the last 30 days, over 95 % as wanted")
    );
    assert_eq!(line(&matrix(&prod, &[], &[], now)), None, "nobody looked");
}
