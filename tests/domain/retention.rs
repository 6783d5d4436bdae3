//! How long backups are kept, and what may be deleted.

use bbws::{
    config::Config,
    domain::{
        environment::{Environment, RetentionTiers},
        mark::{Mark, MarkKind},
        moment::Moment,
        point::{Place, Point, PointKind, PointState},
        retention::{Tier, calendar, day, guards, hold_subject, kept, protection},
    },
};
use proptest::prelude::*;

/// 2026-11-21T02:00:00Z, a Saturday.
const NOW: Moment = Moment(1_795_226_400_000);
const DAY: i64 = 86_400_000;

fn prod() -> Environment {
    Config::example().environments["prod"].clone()
}

fn tiers() -> RetentionTiers {
    RetentionTiers { daily: 30, weekly: 13, monthly: 12, yearly: 7 }
}

fn snapshot(name: &str, days_old: i64) -> Point {
    Point {
        kind: PointKind::Rds,
        id: name.into(),
        arn: format!("arn:aws:rds:af-south-1:093646564004:snapshot:{name}"),
        place: Place::Snapshot,
        region: "af-south-1".into(),
        resource: "bbws-prod-mysql".into(),
        created: Moment(NOW.0 - days_old * DAY),
        bytes: Some(1 << 30),
        expires: None,
        state: PointState::Available,
        encrypted: true,
        locked: false,
        retention_days: Some(30),
        operation: Some("bk-1".into()),
        tenant: None,
    }
}

fn mark(kind: MarkKind, subject: String, note: &str) -> Mark {
    Mark { environment: "prod".into(), kind, subject, note: note.into(), operation: "bk-1".into(), at: NOW }
}

#[test]
fn an_old_point_with_others_beside_it_may_go() {
    let (old, new) = (snapshot("old", 20), snapshot("new", 1));
    assert_eq!(protection(&old, &prod(), &[old.clone(), new], &[], NOW), Vec::<String>::new());
}

#[test]
fn everything_that_protects_is_said_with_its_reason() {
    let (old, new) = (snapshot("old", 20), snapshot("new", 1));
    let both = [old.clone(), new.clone()];
    let said = |point: &Point, lineage: &[Point], marks: &[Mark], why: &str| {
        let reasons = protection(point, &prod(), lineage, marks, NOW);
        assert!(reasons.iter().any(|r| r.contains(why)), "{why:?} is not in {reasons:?}");
    };
    said(&new, &both, &[], "has to be kept until");
    said(&old, std::slice::from_ref(&old), &[], "only usable recovery point");
    said(&old, &both, &[mark(MarkKind::Hold, hold_subject(&old, "INC-7"), "INC-7")], "is held for INC-7");
    said(&old, &both, &[mark(MarkKind::Tested, old.key(), "")], "only restore-tested");
    said(&Point { locked: true, ..old.clone() }, &both, &[], "locked vault");
    said(&Point { state: PointState::Creating, ..old.clone() }, &both, &[], "still being made");
    let archive = Point { place: Place::Bucket { bucket: "b".into() }, kind: PointKind::Secrets, ..old.clone() };
    said(&archive, &both, &[], "never deleted by bbws");
}

#[test]
fn what_nothing_can_be_restored_from_is_kept_by_no_floor_and_no_test() {
    let (bad, new) = (Point { state: PointState::Unusable, ..snapshot("bad", 0) }, snapshot("new", 1));
    let tested = [mark(MarkKind::Tested, bad.key(), "")];
    let reasons = |point: &Point, lineage: &[Point]| protection(point, &prod(), lineage, &tested, NOW);
    assert!(reasons(&bad, &[bad.clone(), new.clone()]).is_empty());
    assert!(reasons(&bad, std::slice::from_ref(&bad)).is_empty(), "it is in the way of the first good one");
    let held = [mark(MarkKind::Hold, hold_subject(&bad, "INC-7"), "INC-7")];
    assert_eq!(protection(&bad, &prod(), &[bad.clone(), new.clone()], &held, NOW).len(), 1, "people said so");
    let locked = Point { locked: true, ..bad.clone() };
    assert_eq!(reasons(&locked, &[locked.clone(), new.clone()]).len(), 1, "AWS says so");
    for state in [PointState::Partial, PointState::Expired] {
        let part = Point { state, ..bad.clone() };
        assert!(reasons(&part, &[part.clone(), new.clone()]).is_empty(), "{state:?}");
        let alone = reasons(&part, std::slice::from_ref(&part));
        assert!(alone.len() == 1 && alone[0].contains("`/bbws backup create prod rds`"), "{alone:?}");
    }
}

#[test]
fn a_list_says_in_a_few_words_what_keeps_a_point() {
    let point = snapshot("p", 1);
    let short = |now| -> Vec<String> {
        let guards = guards(&point, &prod(), &[point.clone(), snapshot("q", 2)], &[], now);
        guards.into_iter().map(|guard| guard.short).collect()
    };
    assert_eq!(short(NOW), ["floor until 27 Nov"]);
    assert_eq!(day(Moment(NOW.0 + 60 * DAY), NOW), "20 Jan 2027");
    assert!(short(Moment(NOW.0 + 6 * DAY)).is_empty());
}

#[test]
fn a_hold_on_a_snapshot_holds_its_copy_too() {
    let original = snapshot("bbws-prod-mysql-manual-20261001-bk-1", 40);
    let copy = Point {
        id: format!("{}-dr", original.id),
        region: "eu-west-1".into(),
        arn: "arn:dr".into(),
        ..original.clone()
    };
    let marks = [mark(MarkKind::Hold, hold_subject(&original, "INC-7"), "INC-7")];
    let lineage = [original.clone(), copy.clone(), snapshot("new", 1)];
    assert!(!protection(&copy, &prod(), &lineage, &marks, NOW).is_empty());
    let other =
        [mark(MarkKind::Hold, hold_subject(&snapshot("bbws-prod-mysql-manual-20261001-bk-10", 40), "INC-7"), "INC-7")];
    assert!(protection(&original, &prod(), &lineage, &other, NOW).is_empty(), "bk-10 is not bk-1");
}

#[test]
fn a_tested_copy_lets_the_other_go() {
    let original = snapshot("a", 40);
    let copy = Point { id: "a-dr".into(), region: "eu-west-1".into(), arn: "arn:dr".into(), ..original.clone() };
    let marks = [mark(MarkKind::Tested, original.key(), "")];
    assert!(protection(&original, &prod(), &[original.clone(), copy], &marks, NOW).is_empty());
}

#[test]
fn the_first_backup_of_a_period_takes_its_tier() {
    let env = Environment { retention_tiers: Some(tiers()), ..prod() };
    let first = kept(&env, "full", NOW, &[]);
    assert_eq!((first.tier, first.days), (Some(Tier::Yearly), 7 * 366));
    assert_eq!(first.periods, ["full yearly 2026", "full monthly 2026-11", "full weekly 2026-W47"]);
    let marks: Vec<Mark> = first.periods.iter().map(|p| mark(MarkKind::Tier, p.clone(), "")).collect();
    let second = kept(&env, "full", NOW, &marks);
    assert_eq!((second.tier, second.days, second.periods), (Some(Tier::Daily), 30, vec![]));
    let next_week = kept(&env, "full", Moment(NOW.0 + 3 * DAY), &marks);
    assert_eq!((next_week.tier, next_week.days), (Some(Tier::Weekly), 91));
    assert_eq!(kept(&env, "rds", NOW, &marks).tier, Some(Tier::Yearly), "each scope has its own places");
    assert_eq!(kept(&prod(), "full", NOW, &[]).days, 30);
}

#[test]
fn a_yearly_backup_is_protected_for_its_years() {
    let env = Environment { retention_tiers: Some(tiers()), ..prod() };
    let lineage = [snapshot("yearly", 400), snapshot("new", 1)];
    let marks = [mark(MarkKind::Tier, "full yearly 2025".into(), "")];
    let reasons = protection(&lineage[0], &env, &lineage, &marks, NOW);
    assert!(reasons[0].contains("it is the yearly backup of its period, kept for 7 years"), "{reasons:?}");
    assert!(protection(&lineage[0], &prod(), &lineage, &marks, NOW).is_empty(), "without tiers there are none");
}

#[test]
fn the_calendar_names_the_first_of_weeks_months_and_years() {
    let days = calendar(&tiers(), NOW, 45);
    let shown: Vec<String> = days.iter().map(|d| format!("{} {} {}", d.date, d.tier, d.until)).collect();
    assert_eq!(
        shown,
        [
            "2026-11-23 weekly 2027-02-22",
            "2026-11-30 weekly 2027-03-01",
            "2026-12-01 monthly 2027-12-08",
            "2026-12-07 weekly 2027-03-08",
            "2026-12-14 weekly 2027-03-15",
            "2026-12-21 weekly 2027-03-22",
            "2026-12-28 weekly 2027-03-29",
            "2027-01-01 yearly 2034-01-06",
            "2027-01-04 weekly 2027-04-05",
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever else there is: what is young, held, locked or the last of its kind is refused.
    #[test]
    fn nothing_protected_is_ever_free(
        age in 0i64..60, held in any::<bool>(), locked in any::<bool>(), tested in any::<bool>(),
        others in prop::collection::vec((0i64..60, any::<bool>(), any::<bool>()), 0..5),
    ) {
        let env = prod();
        let point = Point { locked, ..snapshot("point", age) };
        let mut marks = Vec::new();
        if held { marks.push(mark(MarkKind::Hold, hold_subject(&point, "INC-1"), "INC-1")); }
        if tested { marks.push(mark(MarkKind::Tested, point.key(), "")); }
        let mut lineage = vec![point.clone()];
        for (n, (age, usable, tested)) in others.iter().enumerate() {
            let state = if *usable { PointState::Available } else { PointState::Partial };
            let other = Point { state, ..snapshot(&format!("other-{n}"), *age) };
            if *tested { marks.push(mark(MarkKind::Tested, other.key(), "")); }
            lineage.push(other);
        }
        let usable_left = others.iter().any(|(_, usable, _)| *usable);
        let tested_left = others.iter().any(|(_, usable, tested)| *usable && *tested);
        let protected = age < 7 || held || locked || !usable_left || (tested && !tested_left);
        prop_assert_eq!(protection(&point, &env, &lineage, &marks, NOW).is_empty(), !protected);
    }
}
