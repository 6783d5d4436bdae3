//! Whether to fail over: every kind of finding against the verdict it has to lead to.

use std::time::Duration;

use bbws::{
    config::Config,
    domain::{
        active::Active,
        environment::{Environment, Side},
        lag::Component,
        mark::Sample,
        moment::Moment,
        operation::OpId,
        point::PointKind,
        proven::{Forms, Needs, Part, parts},
        readiness::{
            Found, HOME, Health, Prerequisite, Promoted, Readiness, Replica, Return, Saw, Sign, Source, Verdict,
            failback, failover, healthy_for,
        },
    },
};

const NOW: Moment = Moment(1_800_000_000_000);

fn prod() -> Environment {
    Config::demo().environments["prod"].clone()
}

fn ago(seconds: u64) -> Moment {
    NOW - Duration::from_secs(seconds)
}

fn sign(source: Source, saw: Saw) -> Sign {
    Sign { source, subject: format!("{source:?}"), saw, detail: format!("is {saw:?}") }
}

fn component(safe: Result<Moment, String>) -> Component {
    Component { kind: PointKind::Rds, resource: "bbws-prod-mysql".into(), side: Side::Dr, safe }
}

fn prerequisite(vital: bool, found: Found) -> Prerequisite {
    Prerequisite { subject: "It".into(), vital, found }
}

fn replica(lag: Result<Duration, String>) -> Replica {
    Replica {
        database: "bbws-prod-mysql".into(),
        id: "bbws-prod-mysql-replica".into(),
        status: "available".into(),
        source: Some("arn".into()),
        lag,
    }
}

/// The primary region is down by two signs, and everything there is in the DR region is known and as promised.
fn outage() -> Readiness {
    Readiness {
        at: NOW,
        signs: vec![sign(Source::Addresses, Saw::Ill), sign(Source::Apis, Saw::Ill)],
        dr_answers: true,
        components: vec![component(Ok(ago(240)))],
        uncopied: Vec::new(),
        replicas: vec![replica(Ok(Duration::from_secs(4)))],
        prerequisites: vec![prerequisite(true, Found::Ready("there".into()))],
        leans: Vec::new(),
        forms: Forms::new(),
        promoted: Vec::new(),
        disagreements: Vec::new(),
    }
}

#[test]
fn what_an_earlier_run_promoted_can_be_gone_on_from_and_what_nobody_knows_of_cannot() {
    let promoted = Promoted { database: "bbws-prod-mysql".into(), id: "bbws-prod-mysql-replica".into() };
    let mut riddle = Readiness { replicas: Vec::new(), promoted: vec![promoted], ..outage() };
    let judged = failover(&prod(), &Active::primary(), &riddle);
    assert_eq!(judged.verdict, Verdict::DoNotFailover, "{judged:?}");
    assert!(judged.reasons[0].contains("find out who promoted it"), "{judged:?}");
    riddle.explain(|replica| (replica == "bbws-prod-mysql-replica").then(|| OpId("dr-1".into())));
    let judged = failover(&prod(), &Active::primary(), &riddle);
    assert_eq!(judged.verdict, Verdict::Risky, "{judged:?}");
    assert!(judged.reasons.iter().any(|why| why.contains("since dr-1 promoted it")), "{judged:?}");
}

type Change = fn(&mut Readiness);

#[test]
fn every_finding_leads_to_its_verdict() {
    let cases: [(&str, Change, Verdict, &str); 16] = [
        ("nothing is wrong", |_| {}, Verdict::Proceed, "af-south-1 is down"),
        ("healthy", |r| r.signs = vec![sign(Source::Apis, Saw::Well)], Verdict::Risky, "a planned move"),
        (
            "one sign only",
            |r| r.signs = vec![sign(Source::Apis, Saw::Ill)],
            Verdict::Risky,
            "cannot be seen: it takes two signs",
        ),
        ("one of two is well", |r| r.signs[0].saw = Saw::Well, Verdict::Risky, "is degraded, not down"),
        ("nobody looked", |r| r.signs = Vec::new(), Verdict::Risky, "nothing was looked at"),
        ("our own silence", |r| r.dr_answers = false, Verdict::Risky, "eu-west-1 does not answer"),
        (
            "late",
            |r| {
                r.replicas.clear();
                r.components = vec![component(Ok(ago(3601)))];
            },
            Verdict::Risky,
            "It loses the last 1 h, and the RPO is 1 h",
        ),
        (
            "a copy of unknown age",
            |r| {
                r.replicas.clear();
                r.components.push(component(Err("no answer".into())));
            },
            Verdict::Risky,
            "What it loses is unknown: rds bbws-prod-mysql in DR: no answer.",
        ),
        ("nothing declared", |r| r.components.clear(), Verdict::Risky, "What it loses is unknown"),
        (
            "a replica of unknown lag",
            |r| r.replicas = vec![replica(Err("its ReplicaLag is -1".into()))],
            Verdict::Risky,
            "How far replica bbws-prod-mysql-replica is behind is unknown: its ReplicaLag is -1.",
        ),
        (
            "something to make up for",
            |r| r.prerequisites.push(prerequisite(false, Found::Lacking("it is not there".into()))),
            Verdict::Risky,
            "It: it is not there.",
        ),
        (
            "something vital that nobody could see",
            |r| r.prerequisites.push(prerequisite(true, Found::Unknown("no answer".into()))),
            Verdict::Risky,
            "It is unknown: no answer.",
        ),
        (
            "a component without a copy",
            |r| {
                r.components = vec![component(Err("there is none".into()))];
                r.uncopied = vec!["rds bbws-prod-mysql in DR".into()];
            },
            Verdict::DoNotFailover,
            "rds bbws-prod-mysql in DR has no copy: there is none.",
        ),
        (
            "no key",
            |r| r.prerequisites.push(prerequisite(true, Found::Lacking("there is none".into()))),
            Verdict::DoNotFailover,
            "It: there is none.",
        ),
        (
            "AWS disagrees",
            |r| r.disagreements.push("It was promoted.".into()),
            Verdict::DoNotFailover,
            "It was promoted.",
        ),
        (
            "the worst comes first",
            |r| {
                r.signs.clear();
                r.disagreements.push("It was promoted.".into());
            },
            Verdict::DoNotFailover,
            "It was promoted.",
        ),
    ];
    for (name, change, verdict, says) in cases {
        let mut found = outage();
        change(&mut found);
        let judged = failover(&prod(), &Active::primary(), &found);
        assert_eq!(judged.verdict, verdict, "{name}: {judged:?}");
        assert!(
            judged.reasons[0].contains(says) || judged.reasons.iter().any(|r| r.contains(says)),
            "{name}: {judged:?}"
        );
        if verdict == Verdict::DoNotFailover {
            assert!(judged.reasons[0].contains(says), "{name}: {judged:?}");
        }
    }
    let gone = failover(&prod(), &Active::dr([]), &outage());
    assert_eq!((gone.verdict, gone.reasons[0].as_str()), (Verdict::DoNotFailover, "prod runs in eu-west-1 already."));
    let alone = Config::demo().environments["dev"].clone();
    assert_eq!(failover(&alone, &Active::primary(), &outage()).verdict, Verdict::DoNotFailover);
}

#[test]
fn an_outage_hides_no_more_than_what_came_after_the_last_look() {
    let sample = |minutes: u64, lag: Option<u64>| Sample {
        environment: "prod".into(),
        component: "rds bbws-prod-mysql in DR".into(),
        at: ago(minutes * 60),
        lag,
    };
    let recalled = |safe: Result<Moment, String>, samples: &[Sample]| {
        let mut found = Readiness { components: vec![component(safe)], ..outage() };
        found.recall(samples);
        found.components[0].safe.clone()
    };
    let unseen = || Err("no answer".to_owned());
    assert_eq!(recalled(unseen(), &[]), unseen());
    assert_eq!(recalled(unseen(), &[sample(5, None)]), unseen(), "what was unknown then is no help now");
    assert_eq!(recalled(unseen(), &[sample(10, Some(0)), sample(5, Some(60)), sample(2, None)]), Ok(ago(360)));
    assert_eq!(recalled(Ok(ago(3600)), &[sample(5, Some(60))]), Ok(ago(360)), "the later of both");
    assert_eq!(recalled(Ok(ago(60)), &[sample(5, Some(60))]), Ok(ago(60)));
    let mut none = Readiness {
        components: vec![component(unseen())],
        uncopied: vec!["rds bbws-prod-mysql in DR".into()],
        ..outage()
    };
    none.recall(&[sample(5, Some(0))]);
    assert_eq!(none.components[0].safe, unseen(), "what is gone is not recalled");
}

#[test]
fn what_is_lost_is_said_as_measured() {
    let loss = |found: &Readiness| failover(&prod(), &Active::primary(), found).loss();
    assert_eq!(loss(&outage()), "loses the last 4 s of writes", "a replica is promoted, and is 4 s behind");
    let unknown = Readiness { replicas: vec![replica(Err("its ReplicaLag is -1".into()))], ..outage() };
    assert_eq!(loss(&unknown), "loses the last 4 min of writes", "not less than its newest copy has");
    let behind = Readiness { replicas: vec![replica(Ok(Duration::from_secs(900)))], ..outage() };
    assert_eq!(loss(&behind), "loses the last 15 min of writes", "what is promoted counts, not what lies beside it");
    let files = Component { kind: PointKind::Efs, resource: "fs-1".into(), ..component(Ok(ago(600))) };
    let mut slower = outage();
    slower.components.push(files);
    assert_eq!(loss(&slower), "loses the last 10 min of writes", "the worst of all components");
    let mut found = Readiness { replicas: Vec::new(), ..outage() };
    found.components.push(component(Err("no answer".into())));
    assert!(failover(&prod(), &Active::primary(), &found).loss().starts_with("loses an unknown part"));
}

#[test]
fn only_two_sources_that_agree_make_a_region_down() {
    use Saw::{Ill, Nothing, Well};
    use Source::{Addresses, Apis, Databases};
    for (signs, elsewhere, health) in [
        (vec![(Addresses, Ill), (Apis, Ill)], true, Health::Down),
        (vec![(Apis, Ill), (Databases, Ill)], true, Health::Down),
        (vec![(Addresses, Ill), (Apis, Ill), (Databases, Nothing)], true, Health::Down),
        (vec![(Addresses, Ill), (Apis, Ill)], false, Health::Unobservable),
        (vec![(Apis, Ill), (Apis, Ill), (Apis, Ill)], true, Health::Unobservable),
        (vec![(Addresses, Ill), (Apis, Nothing)], true, Health::Unobservable),
        (vec![(Addresses, Ill), (Apis, Ill), (Databases, Well)], true, Health::Degraded),
        (vec![(Addresses, Ill), (Apis, Well)], true, Health::Degraded),
        (vec![(Addresses, Well), (Apis, Ill), (Apis, Well)], true, Health::Degraded),
        (vec![(Addresses, Well), (Apis, Nothing)], true, Health::Unobservable),
        (vec![(Addresses, Well), (Apis, Well), (Databases, Well)], true, Health::Healthy),
        (vec![], true, Health::Unobservable),
    ] {
        let of: Vec<Sign> = signs.iter().map(|(source, saw)| sign(*source, *saw)).collect();
        assert_eq!(Health::of(&of, elsewhere), health, "{signs:?}, elsewhere {elsewhere}");
    }
}

#[test]
fn a_failback_waits_for_a_primary_that_has_been_healthy_for_long_enough() {
    let there = Active::dr([]);
    let healthy = Readiness { signs: vec![sign(Source::Apis, Saw::Well)], ..outage() };
    let hour = Duration::from_secs(3600);
    assert_eq!(failback(&prod(), &there, &healthy, Some(hour)), (Return::Proceed, Vec::new()));
    for (active, found, since, says) in [
        (&Active::primary(), &healthy, Some(hour), "there is nothing to fail back"),
        (&there, &outage(), Some(hour), "af-south-1 is down"),
        (
            &there,
            &healthy,
            Some(hour - Duration::from_secs(1)),
            "has been healthy for 59 min, and `dr.stable` asks for 1 h",
        ),
        (&there, &healthy, None, "was not seen healthy until now"),
    ] {
        let (verdict, reasons) = failback(&prod(), active, found, since);
        assert_eq!(verdict, Return::Wait, "{says}");
        assert!(reasons.iter().any(|reason| reason.contains(says)), "{says}: {reasons:?}");
    }
    let mut lacks = healthy.clone();
    lacks.prerequisites.push(prerequisite(false, Found::Unknown("no answer".into())));
    assert_eq!(failback(&prod(), &there, &lacks, Some(hour)).0, Return::Wait);
}

#[test]
fn health_counts_back_to_the_first_gap_or_illness() {
    let look = |minutes: u64, well: bool| Sample {
        environment: "prod".into(),
        component: HOME.into(),
        at: ago(minutes * 60),
        lag: well.then_some(0),
    };
    let minutes = |m: u64| Some(Duration::from_secs(m * 60));
    assert_eq!(healthy_for(&[], NOW), None);
    assert_eq!(healthy_for(&[look(10, true), look(5, true), look(0, true)], NOW), minutes(10));
    assert_eq!(healthy_for(&[look(20, true), look(15, false), look(10, true), look(5, true)], NOW), minutes(10));
    assert_eq!(healthy_for(&[look(40, true), look(5, true)], NOW), minutes(5), "nobody looked in between");
    assert_eq!(healthy_for(&[look(5, true), look(0, false)], NOW), None);
    assert_eq!(healthy_for(&[look(16, true)], NOW), None, "nobody looked lately");
    let other = Sample { component: "efs fs-1 in DR".into(), ..look(0, true) };
    assert_eq!(healthy_for(&[other], NOW), None);
}

#[test]
fn no_step_of_a_failover_relies_on_the_region_that_is_left() {
    let found = parts(&prod(), &[]);
    let of = |found: &[(Part, Needs)], needs: Needs| {
        found.iter().filter(|(_, own)| *own == needs).map(|(part, _)| part.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of(&found, Needs::PrimaryRegion), [Part::Fence]);
    assert_eq!(of(&found, Needs::GlobalControlPlane), [Part::Records]);
    assert_eq!(of(&found, Needs::LostRegion), []);
    let leans = ["tasks of wordpress are started from an image there".to_owned()];
    assert_eq!(of(&parts(&prod(), &leans), Needs::LostRegion), [Part::Services]);
}
