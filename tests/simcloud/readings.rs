//! What is measured of the simulated AWS, and what a survey says of what the optional keys declare.

use std::time::Duration;

use bbws::{
    adapters::sandbox::cloud::{Fault, Side, Target},
    domain::{
        environment::Engine,
        lag::{Leg, Readings},
        point::PointKind,
        world::LifecycleFound,
    },
    ports::cloud::{Cloud as _, Survey},
};

use super::rig::*;

const MINUTE: Duration = Duration::from_secs(60);

async fn read(rig: &Rig) -> Readings {
    rig.cloud.readings(&rig.environment, "U0ALICE").await.unwrap()
}

fn lag(readings: &Readings, name: &str) -> Result<Duration, String> {
    let found = readings.components.iter().find(|c| c.name() == name);
    let component = found.unwrap_or_else(|| panic!("no component {name} in {:?}", readings.components));
    component.safe.clone().map(|safe| readings.at.since(safe))
}

fn place(readings: &Readings, name: &str) -> Result<String, String> {
    readings.places.iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("no {name}")).1.clone()
}

#[tokio::test]
async fn every_component_lags_as_its_newest_copy_does() {
    let rig = Rig::declared(41);
    let readings = read(&rig).await;
    assert_eq!(readings.components.len(), 2 * 6);
    assert_eq!(lag(&readings, "rds bbws-prod-mysql"), Ok(5 * MINUTE), "point in time, up to five minutes ago");
    assert_eq!(lag(&readings, "s3 bbws-prod-media"), Ok(Duration::ZERO), "versions are kept at once");
    for name in
        ["rds bbws-prod-mysql in DR", "efs fs-0900d000000000001", "secrets bbws/prod/ in DR", "config /bbws/prod/"]
    {
        assert_eq!(lag(&readings, name), Ok(40 * MINUTE), "{name}");
    }
    assert!(readings.components.iter().all(|c| c.within(Duration::from_secs(3600 * 6), readings.at)));
    let pending = lag(&readings, "s3 bbws-prod-media in DR").unwrap();
    assert!(pending > 60 * MINUTE, "the oldest object that is not replicated: {pending:?}");
    rig.pass(30);
    let readings = read(&rig).await;
    assert_eq!(lag(&readings, "s3 bbws-prod-media in DR"), Ok(Duration::ZERO), "in sync");
    assert_eq!(lag(&readings, "efs fs-0900d000000000001"), Ok(70 * MINUTE), "an hour is not kept any more");
    rig.finish(rig.job(2)).await;
    assert!(lag(&read(&rig).await, "efs fs-0900d000000000001").unwrap() <= 31 * MINUTE);

    rig.cloud.modify_database("prod", DB, |db| db.automated_days = 0);
    assert_eq!(lag(&read(&rig).await, "rds bbws-prod-mysql"), Ok(100 * MINUTE), "the newest snapshot");
    rig.cloud.remove_backups_since("prod", START - Duration::from_secs(86_400 * 30));
    let readings = read(&rig).await;
    assert!(lag(&readings, "rds bbws-prod-mysql").unwrap_err().contains("no usable backup of bbws-prod-mysql"));
    assert!(lag(&readings, "dump bbws-prod-mysql in DR").unwrap_err().contains("in eu-west-1"));
}

#[tokio::test]
async fn lag_can_be_brought_about() {
    let rig = Rig::declared(42);
    rig.pass(30);
    assert!(rig.cloud.lag_replication("prod", "s3 bbws-prod-media in DR", Some(180 * MINUTE)));
    assert_eq!(lag(&read(&rig).await, "s3 bbws-prod-media in DR"), Ok(180 * MINUTE));
    rig.cloud.lag_replication("prod", "s3 bbws-prod-media in DR", None);
    assert_eq!(lag(&read(&rig).await, "s3 bbws-prod-media in DR"), Ok(Duration::ZERO));
    assert!(rig.cloud.write_object("prod", MEDIA, "stuck.jpg", Err(())));
    rig.pass(90);
    assert_eq!(lag(&read(&rig).await, "s3 bbws-prod-media in DR"), Ok(90 * MINUTE));
    rig.cloud.set_versioned("prod", MEDIA, false);
    let readings = read(&rig).await;
    assert!(lag(&readings, "s3 bbws-prod-media").unwrap_err().contains("suspended"));
    assert!(place(&readings, "bucket bbws-prod-media").unwrap_err().contains("suspended"));
}

#[tokio::test]
async fn jobs_and_trouble_are_told() {
    let rig = Rig::declared(43);
    let readings = read(&rig).await;
    let jobs = readings.jobs.clone().unwrap();
    assert_eq!((jobs["COMPLETED"], jobs["FAILED"], jobs["EXPIRED"], jobs["ABORTED"]), (52, 2, 1, 1));
    assert_eq!(readings.success_rate(), Some(92));
    let trouble = readings.trouble.unwrap();
    assert_eq!(trouble.len(), 1, "one within a day: {trouble:?}");
    assert_eq!((trouble[0].state.as_str(), trouble[0].resource.as_str()), ("FAILED", "fs-0900d000000000001"));

    rig.cloud.inject(Fault::JobFails, Target::next_start());
    let started = rig.cloud.start(&rig.job(2)).await.unwrap();
    rig.pass(30);
    let readings = read(&rig).await;
    assert_eq!(readings.jobs.unwrap()["FAILED"], 3);
    let trouble = readings.trouble.unwrap();
    assert_eq!((trouble.len(), Some(&trouble[0].id)), (2, started.external_id.as_ref()), "the newest first");
    assert!(trouble[0].what == "backup" && trouble[0].message.contains("internal error"));
    rig.pass(25 * 60);
    assert!(read(&rig).await.trouble.unwrap().is_empty());
}

#[tokio::test]
async fn places_are_usable_or_say_why_not() {
    let rig = Rig::declared(44);
    let readings = read(&rig).await;
    assert!(readings.places.iter().all(|(_, condition)| condition.is_ok()), "{:?}", readings.places);
    assert!(rig.cloud.disable_key("prod", Side::Dr, "alias/bbws-dr"));
    assert!(rig.cloud.disable_key("prod", Side::Primary, "alias/bbws-dumps"));
    assert!(rig.cloud.delete_vault("prod", Side::Primary, "bbws-prod"));
    assert!(rig.cloud.remove_bucket_rule("prod", MEDIA));
    let readings = read(&rig).await;
    for (name, why) in [
        ("key alias/bbws-dr", "disabled"),
        ("key alias/bbws-dumps", "disabled"),
        ("vault bbws-prod", "does not exist"),
        ("vault bbws-prod-dr", "not usable"),
        ("bucket bbws-prod-media", "no replication rule"),
    ] {
        assert!(place(&readings, name).unwrap_err().contains(why), "{name}: {:?}", place(&readings, name));
    }
    rig.cloud.region_down(AWAY, true);
    let readings = read(&rig).await;
    assert!(place(&readings, "region eu-west-1").unwrap_err().contains("does not answer"));
    assert!(place(&readings, "region af-south-1").is_ok());
    let unknown = readings.components.iter().filter(|c| c.leg == Leg::Dr);
    assert!(unknown.clone().count() == 6 && unknown.clone().all(|c| c.safe.is_err()), "unknown is never zero");
    assert!(readings.jobs.is_ok());
    rig.cloud.region_down(HOME, true);
    let readings = read(&rig).await;
    assert!(readings.jobs.is_err() && readings.trouble.is_err() && readings.existing.is_err());
}

#[tokio::test]
async fn what_nobody_declared_is_found() {
    let rig = Rig::declared(45);
    let unprotected = |readings: &Readings| {
        let found = readings.unprotected(&rig.environment).unwrap();
        found.into_iter().map(|e| e.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(unprotected(&read(&rig).await), ["bbws-prod-reporting"]);
    assert!(rig.cloud.add_database("prod", "forgotten", Engine::Postgres));
    assert!(!rig.cloud.add_database("prod", "forgotten", Engine::Postgres));
    let readings = read(&rig).await;
    assert_eq!(unprotected(&readings), ["bbws-prod-reporting", "forgotten"]);
    let named = readings.existing.unwrap();
    assert!(named.iter().any(|e| e.kind == PointKind::Efs && e.name == "wp-content"));
    let plain = Rig::new(45);
    let readings = read(&plain).await;
    assert!(readings.unprotected(&plain.environment).unwrap().is_empty());
    assert_eq!(readings.jobs.unwrap().len(), 0, "no schedule, no past");
}

#[tokio::test]
async fn a_survey_tells_of_what_the_optional_keys_declare() {
    let rig = Rig::declared(46);
    let ask = Survey {
        databases: vec![DB.into()],
        parameters_prefix: Some("/bbws/prod/".into()),
        buckets: vec![MEDIA.into(), ARCHIVES.into(), "gone".into()],
        secrets: vec![LOGIN.into(), "bbws/prod/none".into()],
        dump_key: true,
        schedule: true,
        isolated: true,
        ..Survey::default()
    };
    let world = rig.cloud.survey(&rig.environment, &ask, "U0ALICE").await.unwrap();
    assert!(world.parameters.len() == 8 && world.parameters.is_sorted());
    assert!(world.parameters.contains(&"/bbws/prod/tenants/tenant-1/domain".to_owned()));
    let [media, archives] = &world.buckets[..] else { panic!("{:?}", world.buckets) };
    assert!(media.versioned && media.replication.is_ok() && media.lifecycle[0].expires.is_none());
    assert!(archives.replication.is_ok() && archives.lifecycle[0].expires > Some(7 * 365));
    assert!(world.described[LOGIN].is_ok() && world.described["bbws/prod/none"].is_err());
    assert!(world.dump_key.unwrap().unwrap().starts_with("arn:aws:kms:af-south-1:"));
    let network = world.isolated.unwrap().unwrap();
    assert_eq!((world.plan, network.subnet_group.as_str()), (None, "bbws-isolated"));
    assert_eq!(network.subnets, rig.cloud.isolated_subnets("prod"));
    let db = &world.databases[0];
    assert_eq!((db.automated_days, db.restorable), (7, Some(rig.now() - 5 * MINUTE)));

    assert!(rig.cloud.rotate_secret("prod", LOGIN));
    assert!(rig.cloud.delete_subnet_group("prod", "bbws-isolated"));
    assert!(rig.cloud.delete_parameter("prod", "/bbws/prod/smtp/host"));
    let rule =
        LifecycleFound { prefix: String::new(), transitions: vec![], expires: Some(3), noncurrent_expires: None };
    assert!(rig.cloud.set_lifecycle("prod", MEDIA, vec![rule.clone()]));
    let later = rig.cloud.survey(&rig.environment, &ask, "U0ALICE").await.unwrap();
    assert_ne!(later.described[LOGIN], world.described[LOGIN], "a rotated secret has another version");
    assert!(later.isolated.unwrap().unwrap_err().contains("bbws-isolated does not exist in af-south-1"));
    assert_eq!((later.parameters.len(), &later.buckets[0].lifecycle), (7, &vec![rule]));
}
