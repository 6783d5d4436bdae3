//! The inventory: what falls short is told in the order in which it should be mended, and figures are those of AWS.

use bbws::{
    app::inventory::{Seen, Tally},
    config::Config,
    domain::{
        attachment::Report,
        environment::{Environment, Price},
        lag::{AwsPlan, Component, Measurements, Side},
        moment::Moment,
        point::{Place, Point, PointKind, PointState},
        step::{Extra, PlanRule, PlanSpec},
        world::{KeyFound, Rotation},
    },
};

const DAY: i64 = 86_400_000;
/// 2026-11-21T03:00:00Z.
const NOW: Moment = Moment(1_795_230_000_000);
const GIB: u64 = 1 << 30;

fn prod() -> Environment {
    Config::example().environments["prod"].clone()
}

fn point(days_ago: i64, promised: u32, kept: i64) -> Point {
    let created = Moment(NOW.0 - days_ago * DAY);
    Point {
        kind: PointKind::Rds,
        id: format!("snapshot-{days_ago}"),
        arn: format!("arn:aws:rds:af-south-1:093646564004:snapshot:snapshot-{days_ago}"),
        place: Place::Snapshot,
        region: "af-south-1".to_owned(),
        resource: "bbws-prod-mysql".to_owned(),
        created,
        bytes: Some(10 * GIB),
        expires: Some(Moment(created.0 + kept * DAY)),
        state: PointState::Available,
        encrypted: true,
        locked: false,
        retention_days: Some(promised),
        operation: None,
        tenant: None,
    }
}

fn measured() -> Measurements {
    Measurements {
        at: NOW,
        components: Vec::new(),
        jobs: Ok([("COMPLETED".to_owned(), 20)].into()),
        trouble: Ok(Vec::new()),
        places: Vec::new(),
        existing: Ok(Vec::new()),
        plans: Ok(Vec::new()),
        gaps: Ok(Vec::new()),
    }
}

fn key(name: &str, rotation: Result<Rotation, String>) -> KeyFound {
    KeyFound { name: name.to_owned(), id: "arn:key".to_owned(), region: "af-south-1".to_owned(), rotation }
}

fn report(env: &Environment, measurements: &Measurements, points: &[Point], keys: &[KeyFound]) -> Report {
    let mut tally = Tally::new(env, NOW);
    tally.page(points);
    Seen { env, measurements, tally: &tally, unread: &[], keys, marks: &[], ours: &[] }.report(NOW)
}

#[test]
fn what_falls_short_is_told_the_worst_first() {
    let env = Environment { schedule: Some("cron(0 2 * * ? *)".to_owned()), ..prod() };
    let mut measurements = measured();
    measurements.jobs = Ok([("COMPLETED".to_owned(), 1), ("FAILED".to_owned(), 1)].into());
    measurements.existing = Err("AccessDenied.".to_owned());
    let safe = Err("There is none.".to_owned());
    let resource = "fs-0900d000000000001".to_owned();
    measurements.components = vec![Component { kind: PointKind::Efs, resource, side: Side::Primary, safe }];
    let keys = [key("vault bbws-prod", Ok(Rotation::Off)), key("dumps", Ok(Rotation::Every(365)))];
    let told = report(&env, &measurements, &[point(3, 30, 8)], &keys);
    insta::assert_snapshot!(told.breaches.join("\n"), @r#"
    efs fs-0900d000000000001 has no usable recovery point. Make one: `/bbws backup create prod efs`.
    1 recovery point of rds bbws-prod-mysql expires before what was promised of it.
    Nobody knows what exists in the account: AccessDenied.
    Only 50 % of the backup jobs of the last 14 days completed. AWS Backup says under Jobs why the others did not.
    No plan of AWS Backup names rds bbws-prod-mysql, efs wp-content: backups are made only when somebody asks. `/bbws backup schedule prod create` makes one.
    The key of vault bbws-prod is never rotated. Switch that on: `aws kms enable-key-rotation --region af-south-1 --key-id arn:key`.
    "#);
    assert!(told.text.contains("Keys: 1 of 2 are rotated by AWS."), "{}", told.text);
}

#[test]
fn storage_growth_cost_retention_and_plans_are_said_as_they_are() {
    let mut env = prod();
    env.prices.insert("rds".to_owned(), Price::parse("0.095").unwrap());
    let rule = PlanRule {
        name: "daily".to_owned(),
        schedule: "cron(0 2 * * ? *)".to_owned(),
        delete_after_days: 120,
        copy_to: None,
        extras: vec![Extra::Continuous, Extra::Cold(30)],
    };
    let mut measurements = measured();
    measurements.plans = Ok(vec![AwsPlan {
        name: "nightly".to_owned(),
        spec: PlanSpec {
            vault: "theirs".to_owned(),
            rules: vec![rule],
            resources: vec!["*".to_owned()],
            role: "role".to_owned(),
        },
    }]);
    let told = report(&env, &measurements, &[point(3, 30, 30), point(60, 90, 90)], &[]);
    insta::assert_snapshot!(told.text, @r#"
    *Inventory of prod*: 2 recovery points of 1 resource; 100 % of the backup jobs of the last 14 days completed (expired, aborted and partial ones count as failed); bbws made no backups in the last 14 days; 0 kept longer than promised; 0 holds; never restore-tested: bbws-prod-mysql, fs-0900d000000000001.
    Storage: 20.0 GiB as AWS states it, 10.0 GiB of it of the last 30 days; at most $1.90 a month by the prices of the config.
    Retention of the last 30 days: 1 recovery point made, all of them kept as promised.
    Plans of AWS Backup: `nightly`, not made by bbws: daily cron(0 2 * * ? *), kept 120 days, continuous, into cold storage after 30 days; 1 resource into vault theirs.
    Everything that was looked at holds.
    "#);
    assert_eq!(told.breaches, [""; 0]);
}
