//! What backups and their proofs consist of, beyond the plans of every kind in `plans`.

use bbws::{
    config::Config,
    domain::{
        environment::{AwsBackup, Engine, Environment},
        operation::OpId,
        operations::{
            create::{BackupScope, Target},
            schedule::{self, ScheduleAct, own::Meant},
            validate::{self, Checks},
        },
        plan::Plan,
        point::{PointKind, PointState},
        retention,
        step::{Action, Extra},
        world::{Network, PlanFound, World},
    },
};
use insta::assert_snapshot;

use super::plans::{NOW, database, files, shown};

const DB: &str = "bbws-prod-mysql";

/// It declares everything, a named check among it.
fn prod() -> Environment {
    Config::demo().environments["prod"].clone()
}

fn restored() -> World {
    let snapshot = bbws::domain::point::Point {
        kind: PointKind::Rds,
        id: "newest".into(),
        arn: "arn:aws:rds:af-south-1:093646564004:snapshot:newest".into(),
        place: bbws::domain::point::Place::Snapshot,
        resource: DB.into(),
        state: PointState::Available,
        ..files("bbws-prod", "af-south-1", "point-1")
    };
    World {
        databases: vec![database()],
        newest: vec![snapshot],
        isolated: Some(Ok(Network { subnet_group: "bbws-isolated".into(), subnets: vec!["subnet-1".into()] })),
        ..World::default()
    }
}

fn test_restore(env: &Environment) -> Plan {
    let only = Checks { test_restore: true, ..Checks::NONE };
    validate::plan(env, only, &restored(), &OpId("vl-3".into()), NOW).unwrap()
}

#[test]
fn named_checks_are_put_to_what_a_test_restored_and_count_for_its_proof() {
    let mut env = prod();
    let again = env.checks["orders"].clone();
    env.checks.insert("sums".into(), again.clone());
    env.checks.insert("elsewhere".into(), bbws::domain::environment::NamedCheck { database: "other".into(), ..again });
    let text = shown(&test_restore(&env));
    let steps: Vec<&str> = text
        .lines()
        .filter(|line| {
            line.contains("restored-vl-3") || line.contains("holds") || line.contains("newest is restore-tested")
        })
        .collect();
    assert_snapshot!(steps.join("\n"), @r"
    0. Write down that bbws-prod-mysql-restored-vl-3 is made for a test after []
    1. Restore newest as bbws-prod-mysql-restored-vl-3 after [0]
    2. Validate bbws-prod-mysql-restored-vl-3 against bbws-prod-mysql after [1]
    3. Ask bbws-prod-mysql-restored-vl-3 whether orders holds after [2]
    4. Write down that orders holds after [3]
    5. Ask bbws-prod-mysql-restored-vl-3 whether sums holds after [2]
    6. Write down that sums holds after [5]
    7. Write down that newest is restore-tested after [2, 3, 5]
    8. Delete bbws-prod-mysql-restored-vl-3 after [1, 2, 3, 5] (always)
    9. Write down that nothing is left of bbws-prod-mysql-restored-vl-3 after [8]
    ");
    // What cannot be asked is said so, and nothing is promised of it.
    env.dumps.clear();
    let text = shown(&test_restore(&env));
    assert!(
        text.contains("! Not tested: whether orders holds in bbws-prod-mysql: no `dumps` entry in the config names a login to ask with."),
        "{text}"
    );
    assert!(!text.contains("Ask "), "{text}");
}

fn wanted(act: ScheduleAct) -> schedule::Wanted<'static> {
    let kind = Some(PointKind::Efs);
    schedule::Wanted { act, retention: None, cron: None, aws: true, kind, own: Meant::None }
}

fn vaults() -> World {
    World { vault: Some(Ok("arn:vault".into())), dr_vault: Some(Ok("arn:dr".into())), ..World::default() }
}

#[test]
fn cold_storage_continuous_backups_and_buckets_are_put_by_the_plan_of_aws_backup() {
    let further = AwsBackup { cold_after: Some(30), continuous: Some(14), buckets: true };
    let mut env = Environment { backup_plan: None, ..prod() };
    let before = schedule::plan(&env, &wanted(ScheduleAct::Create), &vaults(), &[]).unwrap();
    let spec = before.steps.iter().find_map(|step| match &step.action {
        Action::PutPlan(put) => Some(put.spec.clone()),
        _ => None,
    });
    let found = PlanFound { id: "plan-1".into(), version: "v1".into(), spec: spec.unwrap() };
    assert!(found.spec.rules.iter().all(|rule| rule.extras.is_empty()));
    let world = World { plan: Some(found.clone()), ..vaults() };
    let nothing = schedule::plan(&env, &wanted(ScheduleAct::Update), &world, &[]).unwrap_err();
    assert!(nothing[0].starts_with("Nothing would change"), "{nothing:?}");
    env.backup_plan = Some(further);
    assert_snapshot!(shown(&schedule::plan(&env, &wanted(ScheduleAct::Update), &world, &[]).unwrap()), @r"
    AWS Backup plan bbws-prod: scheduled cron(0 * * * ? *), kept 30 days, copied to DR; weekly cron(30 3 ? * MON *), kept 13 weeks, copied to DR; monthly cron(30 3 1 * ? *), kept 12 months, copied to DR; yearly cron(30 3 1 JAN ? *), kept 7 years, copied to DR; 2 resources into vault bbws-prod
    ! Cold storage is for recovery points of file systems, by monthly, yearly: AWS bills at least 90 days of each there, and a restore out of it takes hours longer. Those of databases and buckets stay warm.
    ! Continuous backups are of databases and buckets; of file systems the rule makes ordinary ones. From then on AWS Backup keeps the automated backups of bbws-prod-mysql, and only this rule changes for how long.
    ! AWS Backup takes buckets only where their versions are kept, its role has AWSBackupServiceRolePolicyForS3Backup, and S3 is opted in under its settings.
    ! Rule monthly: cron(30 3 1 * ? *), kept 12 months, copied to vault bbws-prod-dr in eu-west-1 → cron(30 3 1 * ? *), kept 12 months, copied to vault bbws-prod-dr in eu-west-1, into cold storage after 30 days
    ! Rule yearly: cron(30 3 1 JAN ? *), kept 7 years, copied to vault bbws-prod-dr in eu-west-1 → cron(30 3 1 JAN ? *), kept 7 years, copied to vault bbws-prod-dr in eu-west-1, into cold storage after 30 days
    ! Rule continuous: none → cron(0 * * * ? *), kept 14 days, no copy, continuous
    ! Resources: file system fs-0900d000000000001, database bbws-prod-mysql → file system fs-0900d000000000001, database bbws-prod-mysql, bucket bbws-prod-media
    0. Change AWS Backup plan bbws-prod after []
    ");
    // A plan that is new says so from the start, in the same words.
    let created = schedule::plan(&env, &wanted(ScheduleAct::Create), &vaults(), &[]).unwrap();
    let put = created.steps.iter().find_map(|step| match &step.action {
        Action::PutPlan(put) => Some(put.spec.clone()),
        _ => None,
    });
    let put = put.unwrap();
    let named = |name: &str| put.rules.iter().find(|rule| rule.name == name).unwrap();
    assert_eq!(named("continuous").extras, [Extra::Continuous]);
    assert_eq!((named("scheduled").extras.len(), named("yearly").extras.as_slice()), (0, &[Extra::Cold(30)][..]));
    let short = Environment { retention_tiers: None, ..env.clone() };
    let said = shown(&schedule::plan(&short, &wanted(ScheduleAct::Create), &vaults(), &[]).unwrap());
    assert!(
        said.contains("No rule keeps its recovery points for 120 days or more, so that none moves into cold"),
        "{said}"
    );
    // What is there already is named, and times and lengths are changed without any of it.
    let world = World { plan: Some(PlanFound { spec: put, ..found }), ..vaults() };
    assert!(schedule::plan(&env, &wanted(ScheduleAct::Update), &world, &[]).is_err());
    let shorter = schedule::Wanted { retention: Some(20), ..wanted(ScheduleAct::Update) };
    let text = shown(&schedule::plan(&env, &shorter, &world, &[]).unwrap());
    assert!(text.contains("into cold storage after 30 days") && text.contains("continuous"), "{text}");
}

fn backup(env: &Environment, scope: BackupScope, tenant: Option<&str>) -> Plan {
    let ok = |text: &str| Some(Ok(text.to_owned()));
    let world = World {
        bucket: ok("bbws-prod-backups"),
        dr_bucket: ok("bbws-prod-backups-dr"),
        dr_key: ok("arn:key"),
        dump_key: ok("arn:dumps"),
        parameters: vec!["/bbws/prod/database/host".into()],
        described: [("bbws/prod/database".to_owned(), Ok("v1".to_owned()))].into(),
        ..World::default()
    };
    Target::new(env, scope, tenant).unwrap().plan(&world, &[], &OpId("bk-7".into()), NOW).unwrap()
}

#[test]
fn a_tenants_dump_is_of_its_schema_where_the_engine_can_and_else_says_that_it_is_whole() {
    let plan = backup(&prod(), BackupScope::Dump, Some("tenant-1"));
    let Action::DumpExport(export) = &plan.steps[0].action else { panic!("a dump comes first") };
    assert_eq!(export.schemas, ["tenant_1"]);
    assert_eq!(export.storage_class.as_deref(), Some("STANDARD_IA"));
    assert!(export.key.ends_with("/bk-7/bbws-prod-mysql.tenant-1.dump"), "{}", export.key);
    assert!(
        plan.notes.contains(&"Of database bbws-prod-mysql schema tenant_1 of tenant-1 alone is dumped.".to_owned())
    );
    let mut postgres = prod();
    postgres.dumps[0].engine = Engine::Postgres;
    let plan = backup(&postgres, BackupScope::Dump, Some("tenant-1"));
    let Action::DumpExport(export) = &plan.steps[0].action else { panic!("a dump comes first") };
    assert!(export.key.ends_with("/bk-7/bbws-prod-mysql.dump"), "{}", export.key);
    assert!(plan.notes[0].contains("is dumped whole: a dump of PostgreSQL takes a database"), "{:?}", plan.notes);
}

#[test]
fn configuration_is_held_against_what_the_config_requires() {
    let text = shown(&backup(&prod(), BackupScope::Config, None));
    assert!(
        text.contains("! The config requires `/bbws/prod/wordpress/domain`, which is not there: the configuration is backed up, and not as a good one."),
        "{text}"
    );
    assert!(text.contains("1. Verify that the configuration under /bbws/prod/ is complete after [0]"), "{text}");
}

#[test]
fn it_is_said_of_each_kind_for_how_long_it_is_kept_and_what_it_is() {
    let mut env = prod();
    env.retention.insert("dump".into(), 90);
    assert_snapshot!(retention::by_kind(&env).join("\n"), @r"
    rds: kept as the tiers say; full snapshots, which RDS stores incrementally, and its continuous automated backups
    efs: kept as the tiers say; full recovery points, which AWS Backup stores incrementally
    secrets: kept as the tiers say; full
    config: kept as the tiers say; full
    s3: kept as the tiers say; continuous: S3 keeps every version, and a record names those that were current
    dump: kept for 90 days; full
    ");
    assert_eq!(retention::longest(&env), 7 * 366);
    env.retention_tiers = None;
    assert_eq!(retention::longest(&env), 90);
}
