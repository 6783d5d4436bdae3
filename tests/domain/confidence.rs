//! Which recovery points are trusted, why, and what restoring them loses.

use std::{collections::BTreeSet, time::Duration};

use bbws::domain::{
    checked::{Checked, checked},
    confidence::{
        Candidate, Candidates, Confidence, Evidence, Ranked, Trust, asks_for, asks_for_window, best_of_each, loses,
        lost, rank, window,
    },
    mark::{Mark, MarkKind},
    moment::Moment,
    point::{Place, Point, PointKind, PointState},
};
use proptest::prelude::*;

/// 2026-11-21T02:00:00Z.
const NOW: Moment = Moment(1_795_226_400_000);
const HOUR: Duration = Duration::from_secs(3600);
const GIB: u64 = 1 << 30;

fn snapshot(name: &str, minutes_old: u64) -> Point {
    Point {
        kind: PointKind::Rds,
        id: name.into(),
        arn: format!("arn:aws:rds:af-south-1:093646564004:snapshot:{name}"),
        place: Place::Snapshot,
        region: "af-south-1".into(),
        resource: "bbws-prod-mysql".into(),
        created: NOW - Duration::from_secs(60 * minutes_old),
        bytes: Some(100 * GIB),
        expires: None,
        state: PointState::Available,
        encrypted: true,
        locked: false,
        retention_days: Some(30),
        operation: Some("bk-1".into()),
        tenant: None,
    }
}

fn copy(of: &Point) -> Point {
    Point { id: format!("{}-dr", of.id), region: "eu-west-1".into(), ..of.clone() }
}

fn both(point: Point) -> Candidate {
    Candidate { dr: Some(copy(&point)), primary: Some(point) }
}

fn here(point: Point) -> Candidate {
    Candidate { primary: Some(point), dr: None }
}

fn mark(kind: MarkKind, subject: String, note: &str, hours_ago: u32) -> Mark {
    let at = NOW - HOUR * hours_ago;
    Mark { environment: "prod".into(), kind, subject, note: note.into(), operation: "vl-1".into(), at }
}

fn evidence<'a>(marks: &'a [Mark], verified: &'a BTreeSet<String>) -> Evidence<'a> {
    Evidence { marks, verified, rpo: HOUR, replicates: true, dr_known: true, now: NOW }
}

fn ids(ranked: &[Ranked]) -> Vec<&str> {
    ranked.iter().filter_map(|ranked| Some(ranked.candidate.point()?.id.as_str())).collect()
}

fn of<'r>(ranked: &'r [Ranked], id: &str) -> &'r Confidence {
    let found = ranked.iter().find(|ranked| ranked.candidate.point().is_some_and(|point| point.id == id));
    &found.unwrap_or_else(|| panic!("no {id}")).confidence
}

#[test]
fn a_point_with_everything_to_be_said_for_it_has_all_hundred() {
    let (old, new) = (snapshot("old", 90), snapshot("new", 47));
    let marks = [mark(MarkKind::Tested, new.key(), &Mark::tested("bbws-prod-mysql", "vl-1"), 3)];
    let verified = BTreeSet::from(["new".to_owned()]);
    let ranked = rank(vec![both(old), both(new)], &evidence(&marks, &verified));
    assert_eq!(ids(&ranked), ["new", "old"]);
    let best = of(&ranked, "new");
    assert_eq!((best.score, best.trust()), (100, Trust::High));
    assert_eq!(
        best.why(),
        "restore-tested 3 h ago; 47 min old, within the RPO of 1 h; usable in eu-west-1 as well; verified when it was made; as large as those before it"
    );
    assert!(best.reasons.iter().all(|reason| reason.holds == Some(true)));
}

#[test]
fn each_sign_counts_and_says_what_is_wrong() {
    let whole = |id: &str| both(snapshot(id, 47));
    let marks = [mark(MarkKind::Tested, snapshot("a", 0).key(), &Mark::tested("bbws-prod-mysql", "vl-1"), 3)];
    let verified = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
    let base = both(snapshot("base", 200));
    let worth = |candidate: Candidate, known: bool| {
        let id = candidate.point().unwrap().id.clone();
        let evidence = Evidence { dr_known: known, ..evidence(&marks, &verified) };
        let ranked = rank(vec![base.clone(), candidate], &evidence);
        (of(&ranked, &id).score, of(&ranked, &id).why())
    };
    let sized = |bytes: Option<u64>| both(Point { bytes, ..snapshot("a", 47) });
    let stale = |copied: PointState| Candidate {
        dr: Some(Point { state: copied, ..copy(&snapshot("a", 47)) }),
        primary: Some(snapshot("a", 47)),
    };
    for (candidate, known, score, why) in [
        (whole("a"), true, 100, "restore-tested 3 h ago"),
        (whole("b"), true, 80, "? not restore-tested itself, another one was 3 h ago"),
        (whole("c"), true, 65, "? not verified by bbws when it was made"),
        (both(snapshot("a", 61)), true, 97, "✗ 1 h 01 min old, the RPO is 1 h"),
        (both(snapshot("a", 190)), true, 94, "✗ 3 h 10 min old, the RPO is 1 h"),
        (here(snapshot("a", 47)), true, 85, "✗ no copy in the DR region"),
        (here(snapshot("a", 47)), false, 92, "? nobody knows of a copy in the DR region"),
        (stale(PointState::Partial), true, 85, "✗ its copy in eu-west-1: PARTIAL, not whole"),
        (stale(PointState::Creating), true, 85, "✗ its copy in eu-west-1: still being made"),
        (sized(Some(60 * GIB)), true, 85, "✗ 60 % of the size of those before it"),
        (sized(Some(70 * GIB)), true, 100, "as large as those before it"),
        (sized(Some(201 * GIB)), true, 85, "✗ 201 % of the size of those before it"),
        (sized(Some(0)), true, 85, "✗ 0 % of the size of those before it"),
        (sized(Some(5_000 * GIB)), true, 85, "✗ more than ten times as large as those before it"),
        (sized(None), true, 92, "? its size is not told"),
    ] {
        let found = worth(candidate, known);
        assert!(found.0 == score && found.1.contains(why), "{found:?} instead of {score}, {why}");
    }
}

#[test]
fn sizes_are_compared_with_the_median_of_the_five_before_of_the_same_kind_of_place() {
    let sizes = [100, 100, 900, 100, 100, 100];
    let mut all: Vec<Candidate> = (0u64..)
        .zip(sizes)
        .map(|(n, gib)| both(Point { bytes: Some(gib * GIB), ..snapshot(&format!("s{n}"), 60 * (20 - n)) }))
        .collect();
    // What a vault tells of the same database is another measure, and no predecessor.
    let vault = Place::Vault { vault: "bbws-prod".into() };
    all.push(here(Point { place: vault, bytes: Some(GIB), ..snapshot("job-1", 30) }));
    all.push(both(snapshot("last", 20)));
    let nothing = BTreeSet::new();
    let ranked = rank(all, &evidence(&[], &nothing));
    assert!(of(&ranked, "last").why().contains("as large as those before it"), "{}", of(&ranked, "last").why());
    assert!(of(&ranked, "s2").why().contains("900 % of the size"), "{}", of(&ranked, "s2").why());
    assert!(of(&ranked, "job-1").why().contains("nothing before it to compare with"));
}

#[test]
fn a_check_that_does_not_hold_outweighs_everything_and_one_that_holds_is_told() {
    let (good, bad) = (snapshot("good", 500), snapshot("bad", 5));
    let answer = |point: &Point, right| {
        mark(MarkKind::Checked, Checked::subject(&point.key(), "orders"), Checked::note(right), 1)
    };
    let tested = mark(MarkKind::Tested, bad.key(), &Mark::tested("bbws-prod-mysql", "vl-1"), 1);
    let marks = [answer(&good, true), answer(&bad, false), tested];
    let nothing = BTreeSet::new();
    let ranked = rank(vec![both(bad.clone()), here(good.clone())], &evidence(&marks, &nothing));
    assert_eq!(ids(&ranked), ["good", "bad"]);
    assert_eq!((of(&ranked, "bad").score, of(&ranked, "bad").trust()), (5, Trust::Low));
    assert!(of(&ranked, "bad").why().starts_with("✗ check orders does not hold on it; restore-tested"));
    assert_eq!(checked(&good, &marks), "orders: right");
    assert_eq!(checked(&copy(&bad), &marks), "orders: wrong", "a copy is of the same data");
    assert_eq!(checked(&snapshot("other", 1), &marks), "—");
}

#[test]
fn what_cannot_be_restored_is_last_and_says_why() {
    let broken = |state| both(Point { state, ..snapshot("broken", 1) });
    for (state, why) in [
        (PointState::Partial, "✗ PARTIAL, not whole"),
        (PointState::Creating, "✗ still being made"),
        (PointState::Expired, "✗ EXPIRED"),
        (PointState::Unusable, "✗ not usable"),
    ] {
        let nothing = BTreeSet::new();
        let dead = |mut candidate: Candidate| {
            candidate.dr = None;
            candidate
        };
        let ranked = rank(vec![dead(broken(state)), here(snapshot("old", 100_000))], &evidence(&[], &nothing));
        assert_eq!(ids(&ranked), ["old", "broken"]);
        assert_eq!((of(&ranked, "broken").trust(), of(&ranked, "broken").why()), (Trust::None, why.to_owned()));
    }
}

#[test]
fn the_copy_is_restored_where_the_source_cannot_be() {
    let source = snapshot("s", 30);
    let lost_here = Candidate { primary: None, dr: Some(copy(&source)) };
    assert!(lost_here.from_dr());
    assert!(!both(source.clone()).from_dr());
    let broken =
        Candidate { primary: Some(Point { state: PointState::Unusable, ..source.clone() }), dr: Some(copy(&source)) };
    assert!(broken.from_dr());
    let nothing = BTreeSet::new();
    let ranked = rank(vec![lost_here], &evidence(&[], &nothing));
    assert!(ranked[0].confidence.why().contains("in eu-west-1, from where it would be restored"));
    assert_eq!(
        asks_for("prod", &copy(&source), true, Some("tenant-1")).as_deref(),
        Some("backup restore prod rds --snapshot-id s-dr --tenant tenant-1 --region dr")
    );
}

#[test]
fn what_is_lost_is_told_as_people_say_it() {
    assert_eq!(loses(lost(&snapshot("s", 47), NOW)), "loses the last 47 min of writes");
    let continuous = Point {
        arn: "arn:aws:backup:af-south-1:093646564004:recovery-point:continuous:bbws-prod-mysql-1".into(),
        place: Place::Vault { vault: "v".into() },
        ..snapshot("bbws-prod-mysql-1", 50_000)
    };
    assert_eq!(loses(lost(&continuous, NOW)), "loses the last 5 min of writes");
    assert_eq!(asks_for("prod", &continuous, false, None), None, "it is restored to a moment");
    let (reach, loses) = window(NOW - Duration::from_secs(300), NOW - HOUR * 24 * 7, NOW);
    assert_eq!(reach, "any second of 6 days: from 2026-11-14T02:00:00Z to 2026-11-21T01:55:00Z");
    assert_eq!(loses, "loses the last 5 min of writes");
    assert_eq!(
        asks_for_window("prod", "bbws-prod-mysql", false, None),
        "backup restore prod pitr --target-time latest --database bbws-prod-mysql"
    );
}

#[test]
fn each_kind_is_asked_for_in_its_own_words() {
    let archive = |kind| Point {
        kind,
        id: "prod/x/20261121/bk-1/x".into(),
        place: Place::Bucket { bucket: "b".into() },
        resource: "bbws-prod-media".into(),
        ..snapshot("x", 1)
    };
    let said = |point: &Point| asks_for("prod", point, false, None).unwrap();
    assert_eq!(said(&archive(PointKind::Dump)), "backup restore prod dump --from prod/x/20261121/bk-1/x");
    assert_eq!(said(&archive(PointKind::Secrets)), "backup restore prod secrets --from prod/x/20261121/bk-1/x");
    assert_eq!(said(&archive(PointKind::Config)), "backup restore prod config --from prod/x/20261121/bk-1/x");
    let s3 = said(&archive(PointKind::S3));
    assert_eq!(s3, "backup restore prod s3 --bucket bbws-prod-media --as-of 2026-11-21T01:59:00Z");
    let files = Point { kind: PointKind::Efs, ..snapshot("rp-1", 1) };
    assert_eq!(said(&files), "backup restore prod efs --recovery-point rp-1");
}

#[test]
fn of_everything_that_is_backed_up_the_best_are_kept() {
    let other = |id: &str, minutes| here(Point { resource: "bbws-prod-pg".into(), ..snapshot(id, minutes) });
    let nothing = BTreeSet::new();
    let all = vec![both(snapshot("a", 1)), both(snapshot("b", 2)), both(snapshot("c", 3)), other("d", 900)];
    let best = best_of_each(rank(all, &evidence(&[], &nothing)), 2);
    assert_eq!(ids(&best), ["a", "b", "d"]);
}

#[test]
fn of_any_number_the_newest_are_held_with_their_copies() {
    let mut candidates = Candidates::new("af-south-1", 100);
    for n in 0..10_000u64 {
        // In no order, and copies far from their sources.
        let n = n * 7_919 % 10_000;
        candidates.take(snapshot(&format!("s{n:05}"), n));
        let far = (n + 5_000) % 10_000;
        candidates.take(copy(&snapshot(&format!("s{far:05}"), far)));
    }
    assert_eq!(candidates.seen(), 20_000);
    let nothing = BTreeSet::new();
    let ranked = candidates.ranked(&evidence(&[], &nothing));
    assert_eq!(ranked.len(), 100);
    let newest: BTreeSet<String> = (0..100).map(|n| format!("s{n:05}")).collect();
    assert!(ids(&ranked).into_iter().all(|id| newest.contains(id)), "{:?}", ids(&ranked));
}

proptest! {
    #[test]
    fn ranking_is_an_order_that_does_not_depend_on_the_order_of_the_listing(
        minutes in prop::collection::vec((1u64..100_000, any::<bool>(), 1u64..400), 1..40), seed in any::<u64>(),
    ) {
        let mut all: Vec<Candidate> = minutes.iter().enumerate().map(|(n, (old, copied, gib))| {
            let point = Point { bytes: Some(gib * GIB), ..snapshot(&format!("s{n}"), *old) };
            if *copied { both(point) } else { here(point) }
        }).collect();
        let nothing = BTreeSet::new();
        let evidence = evidence(&[], &nothing);
        let one = rank(all.clone(), &evidence);
        let length = all.len();
        for at in 0..length {
            all.swap(at, (seed as usize).wrapping_mul(at + 1) % length);
        }
        let other = rank(all, &evidence);
        prop_assert_eq!(&one, &other);
        prop_assert!(one.windows(2).all(|pair| pair[0].confidence.score >= pair[1].confidence.score));
        prop_assert!(one.iter().all(|ranked| (1..=100).contains(&ranked.confidence.score)));
    }
}
