//! How long it takes to plan a restore for each of a thousand tenants of one platform: what is known of AWS is given.

use std::{collections::BTreeMap, time::Instant};

use bbws::{
    config::Config,
    domain::{
        active::Active,
        environment::Tenant,
        language,
        moment::Moment,
        operation::OpId,
        operations::{self, Asked, Known},
        world::{DatabaseFound, Network, SnapshotFound, World},
    },
};

/// Tenants.
const TENANTS: usize = 1000;
/// The most that planning for all of them may take, in seconds.
const MOST: f64 = 1.0;
const NOW: Moment = Moment(1_795_230_000_000);
const DATABASE: &str = "bbws-prod-mysql";
const SNAPSHOT: &str = "bbws-prod-mysql-manual-20261121-bk-1042";

/// Plans them all, one after the other, and says how long that took.
pub fn measure() {
    let config = Config::demo();
    let mut environment = config.environments["prod"].clone();
    environment.tenants = (0..TENANTS).map(tenant).collect::<BTreeMap<_, _>>();
    let known = Known { world: world(), rules: config.approvals.clone(), ..Known::default() };
    let began = Instant::now();
    let mut steps = 0;
    for number in 0..TENANTS {
        let text = format!(
            "backup restore prod rds --snapshot-id {SNAPSHOT} --tenant tenant-{number} --merge missing --into live --ticket INC-1"
        );
        let command = language::parse(&text, &["prod"]).expect("a command");
        let (id, active) = (OpId(format!("rs-{number}")), Active::primary());
        let asked =
            Asked { command: &command, environment: &environment, id: &id, at: NOW, drawn: NOW, active: &active };
        let operation = operations::asked(&command).expect("an operation");
        operation.survey(&asked).expect("what it asks of AWS");
        let plan = operation.plan(&asked, &known).expect("a plan");
        assert!(!plan.digest().is_empty());
        steps += plan.steps.len();
    }
    let took = began.elapsed().as_secs_f64();
    println!("{TENANTS} tenants, a plan each of {} steps: {took:.3} s", steps / TENANTS);
    assert!(took < MOST, "planning for all of them takes less than {MOST} s");
}

fn tenant(number: usize) -> (String, Tenant) {
    let tenant = Tenant {
        database: Some(DATABASE.to_owned()),
        schema: Some(format!("tenant_{number}")),
        file_system: None,
        path: None,
        secrets_prefix: None,
    };
    (format!("tenant-{number}"), tenant)
}

fn world() -> World {
    let restorable = Some(Moment(NOW.0 - 300_000));
    World {
        databases: vec![DatabaseFound {
            source: None,
            id: DATABASE.into(),
            engine: "mysql 8.0.36".into(),
            status: "available".into(),
            encrypted: true,
            size_gib: 100,
            multi_az: true,
            automated_days: 7,
            window: "22:00-22:30".into(),
            restorable,
            resource: "db-LIVE".into(),
            cluster: None,
        }],
        isolated: Some(Ok(Network { subnet_group: "bbws-isolated".into(), subnets: vec!["subnet-1".into()] })),
        snapshot: Some(SnapshotFound {
            id: SNAPSHOT.into(),
            arn: format!("arn:aws:rds:af-south-1:093646564004:snapshot:{SNAPSHOT}"),
            database: DATABASE.into(),
            source: "manual".into(),
            status: "available".into(),
            created: Moment(NOW.0 - 47 * 60_000),
            engine: "mysql 8.0.36".into(),
            size_gib: 100,
            encrypted: true,
        }),
        ..World::default()
    }
}
