//! Plans of every kind against a world made by hand: what is shown, what is refused, what is done.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bbws::{
    config::Config,
    domain::{
        environment::{Bucket, Dump, Engine, Environment},
        mark::{Mark, MarkKind},
        moment::Moment,
        operation::OpId,
        operations::{
            Operation as _, cleanup,
            create::{BackupScope, Target},
            delete, hold,
            schedule::{self, ScheduleAct, own::Meant},
            validate::{self, Checks},
        },
        plan::Plan,
        point::{Place, Point, PointKind, PointState},
        retention::hold_subject,
        span::Span,
        step::{self, Action},
        world::{BucketFound, DatabaseFound, FileSystemFound, Network, PlanFound, World},
    },
};
use insta::assert_snapshot;

pub const NOW: Moment = Moment(1_795_226_400_000);
const DB: &str = "bbws-prod-mysql";

pub fn prod() -> Environment {
    Config::example().environments["prod"].clone()
}

fn id(text: &str) -> OpId {
    OpId(text.into())
}

pub fn shown(plan: &Plan) -> String {
    let mut lines: Vec<String> = plan.facts.iter().map(|f| format!("{}: {}", f.subject, f.found)).collect();
    lines.extend(plan.notes.iter().map(|n| format!("! {n}")));
    lines.extend(plan.steps.iter().enumerate().map(|(n, s)| {
        let always = if s.always { " (always)" } else { "" };
        format!("{n}. {} after {:?}{always}", s.title, s.after)
    }));
    lines.join("\n")
}

fn snapshot(name: &str, region: &str, days_old: i64) -> Point {
    Point {
        kind: PointKind::Rds,
        id: name.into(),
        arn: format!("arn:aws:rds:{region}:093646564004:snapshot:{name}"),
        place: Place::Snapshot,
        region: region.into(),
        resource: DB.into(),
        created: Moment(NOW.0 - days_old * 86_400_000),
        bytes: Some(100 << 30),
        expires: None,
        state: PointState::Available,
        encrypted: true,
        locked: false,
        retention_days: Some(30),
        operation: Some("bk-1".into()),
        tenant: None,
    }
}

pub fn files(vault: &str, region: &str, point: &str) -> Point {
    Point {
        kind: PointKind::Efs,
        id: point.into(),
        arn: format!("arn:aws:backup:{region}:093646564004:recovery-point:{point}"),
        place: Place::Vault { vault: vault.into() },
        resource: "fs-0900d000000000001".into(),
        ..snapshot(point, region, 20)
    }
}

fn network() -> Network {
    Network { subnet_group: "bbws-isolated".into(), subnets: vec!["subnet-1".into(), "subnet-2".into()] }
}

fn file_system() -> FileSystemFound {
    FileSystemFound {
        id: "fs-0900d000000000001".into(),
        arn: "arn:aws:elasticfilesystem:af-south-1:093646564004:file-system/fs-0900d000000000001".into(),
        encrypted: true,
        size_bytes: 60 << 30,
        status: "available".into(),
    }
}

pub fn database() -> DatabaseFound {
    DatabaseFound {
        source: None,
        id: DB.into(),
        engine: "mysql 8.0.36".into(),
        status: "available".into(),
        encrypted: true,
        size_gib: 100,
        multi_az: true,
        automated_days: 7,
        window: "02:00-02:30".into(),
        restorable: None,
        resource: "db-1".into(),
        cluster: None,
    }
}

#[test]
fn a_backup_of_configuration_buckets_and_dumps() {
    let env = Environment {
        parameters_prefix: Some("/bbws/prod/".into()),
        buckets: vec![Bucket { name: "bbws-prod-media".into(), dr: Some("bbws-prod-media-dr".into()) }],
        dumps: vec![Dump {
            database: DB.into(),
            engine: Engine::Mysql,
            secret: "bbws/prod/database".into(),
            schemas: vec!["tenant_1".into()],
            load_test: None,
        }],
        dump_kms_key: Some("alias/bbws-dumps".into()),
        ..prod()
    };
    let ok = |text: &str| Some(Ok(text.to_owned()));
    let world = World {
        bucket: ok("bbws-prod-backups"),
        dr_bucket: ok("bbws-prod-backups-dr"),
        dr_key: ok("arn:key"),
        dump_key: ok("arn:dumps"),
        parameters: vec!["/bbws/prod/a".into(), "/bbws/prod/b".into()],
        buckets: vec![BucketFound {
            name: "bbws-prod-media".into(),
            versioned: true,
            replication: Ok("bbws-prod-media-dr".into()),
            lifecycle: vec![],
            rules: vec![],
        }],
        described: [("bbws/prod/database".to_owned(), Ok("v1".to_owned()))].into(),
        ..World::default()
    };
    let plan = |scope| {
        let target = Target::new(&env, scope, None).unwrap();
        shown(&target.plan(&world, &[], &id("bk-7"), NOW).unwrap())
    };
    assert_snapshot!(plan(BackupScope::Config), @r"
    Secrets bucket: bbws-prod-backups
    DR secrets bucket: bbws-prod-backups-dr
    DR KMS key: arn:key
    Parameters under /bbws/prod/: 2 parameters, names 8db6e6f20bca
    0. Export configuration under /bbws/prod/ to bbws-prod-backups after []
    1. Verify configuration object in af-south-1 after [0]
    2. Replicate configuration object to eu-west-1 after [0]
    3. Verify configuration object in eu-west-1 after [0, 2]
    ");
    assert_snapshot!(plan(BackupScope::S3), @r"
    Secrets bucket: bbws-prod-backups
    DR secrets bucket: bbws-prod-backups-dr
    DR KMS key: arn:key
    Bucket bbws-prod-media: versioned, replicated to bbws-prod-media-dr
    0. Verify versioning and replication of bucket bbws-prod-media after []
    1. Verify lifecycle rules of bucket bbws-prod-media after []
    2. Record the versions in bucket bbws-prod-media after [0]
    3. Verify record of bbws-prod-media in af-south-1 after [2]
    4. Replicate record of bbws-prod-media to eu-west-1 after [2]
    5. Verify record of bbws-prod-media in eu-west-1 after [2, 4]
    ");
    assert_snapshot!(plan(BackupScope::Dump), @r"
    Secrets bucket: bbws-prod-backups
    DR secrets bucket: bbws-prod-backups-dr
    DR KMS key: arn:key
    KMS key of dumps: arn:dumps
    Dump of bbws-prod-mysql: mysql, tenant_1
    0. Dump database bbws-prod-mysql to bbws-prod-backups after []
    1. Verify dump of bbws-prod-mysql in af-south-1 after [0]
    2. Replicate dump of bbws-prod-mysql to eu-west-1 after [0]
    3. Verify dump of bbws-prod-mysql in eu-west-1 after [0, 2]
    ");
    assert_snapshot!(plan(BackupScope::Lifecycle), @r"
    Bucket bbws-prod-media: versioned, replicated to bbws-prod-media-dr
    0. Verify lifecycle rules of bucket bbws-prod-media after []
    1. Verify lifecycle rules of bucket bbws-prod-backups after []
    ");
}

#[test]
fn a_deletion_says_what_is_lost_and_what_remains() {
    let (old, new) = (snapshot("old", "af-south-1", 20), snapshot("new", "af-south-1", 1));
    let world = World { lineage: vec![old, new], ..World::default() };
    let plan = delete::plan(&prod(), "old", &world, &[], NOW).unwrap();
    assert_snapshot!(shown(&plan), @r"
    Recovery point old: rds of bbws-prod-mysql in af-south-1, data of 2026-11-01T02:00:00Z, encrypted
    ! What is lost: rds bbws-prod-mysql as it was at 2026-11-01T02:00:00Z (20 d ago). This cannot be undone.
    ! What remains of bbws-prod-mysql: at least new in af-south-1, of 2026-11-20T02:00:00Z.
    0. Delete old in af-south-1 after []
    ");
    let unknown = delete::plan(&prod(), "nothing", &world, &[], NOW).unwrap_err();
    assert_snapshot!(unknown.join("\n"), @"There is no recovery point `nothing` of `prod` in af-south-1 or eu-west-1. `/bbws backup list prod` shows those there are.");
    assert!(delete::plan(&prod(), "new", &world, &[], NOW).is_err(), "it is under the floor");
}

#[test]
fn a_hold_covers_every_copy_and_a_release_takes_back_what_it_made() {
    let lineage = vec![
        files("bbws-prod", "af-south-1", "aaaa"),
        files("bbws-prod-dr", "eu-west-1", "bbbb"),
        Point { created: NOW, ..files("bbws-prod", "af-south-1", "cccc") },
    ];
    let world = World { lineage, ..World::default() };
    let plan = hold::hold(&prod(), "aaaa", "INC-7", &world, &[]).unwrap();
    assert_snapshot!(shown(&plan), @r"
    Recovery point aaaa: efs of fs-0900d000000000001 in af-south-1, data of 2026-11-01T02:00:00Z, encrypted
    Recovery point bbbb: efs of fs-0900d000000000001 in eu-west-1, data of 2026-11-01T02:00:00Z, encrypted
    ! Nothing of it can be deleted by bbws until two people release it; AWS's own expiry of recovery points waits too.
    0. Write down that aaaa is held for INC-7 after []
    1. Legal hold on aaaa in af-south-1 after [0]
    2. Legal hold on bbbb in eu-west-1 after [0]
    ");
    assert!(!plan.releases());
    let mark = Mark {
        environment: "prod".into(),
        kind: MarkKind::Hold,
        subject: hold_subject(&world.lineage[0], "INC-7"),
        note: "INC-7".into(),
        operation: "hd-1".into(),
        at: NOW,
    };
    let legal: BTreeMap<String, Vec<String>> =
        [("af-south-1".to_owned(), vec!["lh-1".to_owned()]), ("eu-west-1".to_owned(), vec!["lh-2".to_owned()])].into();
    let release = hold::release(&prod(), "bbbb", "INC-7", &world, std::slice::from_ref(&mark), &legal).unwrap();
    assert_snapshot!(shown(&release), @r"
    Hold for INC-7: since 2026-11-21T02:00:00Z by hd-1
    ! No hold remains: from then on it can be deleted and expires as its retention says.
    0. Cancel legal hold lh-1 in af-south-1 after []
    1. Cancel legal hold lh-2 in eu-west-1 after []
    2. Write down that bbbb is no longer held for INC-7 after [0, 1]
    ");
    assert!(release.releases());
    let again = hold::hold(&prod(), "aaaa", "INC-7", &world, std::slice::from_ref(&mark)).unwrap_err();
    assert_snapshot!(again.join("\n"), @"`aaaa` is held for INC-7 already. Nothing has to be done.");
    let other = hold::release(&prod(), "aaaa", "INC-8", &world, &[mark], &legal).unwrap_err();
    assert_snapshot!(other.join("\n"), @"Nothing was released: `aaaa` is not held for INC-8, it is held for INC-7. `/bbws backup hold prod aaaa --ticket INC-7 --release` asks to release that.");
    assert_eq!(
        hold::Hold.needs(&release, vec![]).len(),
        1,
        "a release takes a second person, whatever the config leaves out"
    );
    assert!(hold::Hold.needs(&plan, vec![]).is_empty());
}

#[test]
fn a_schedule_shows_before_and_after_and_refuses_what_changes_nothing() {
    let env = prod();
    let wanted =
        |act, retention, cron| schedule::Wanted { act, retention, cron, aws: true, kind: None, own: Meant::None };
    let mut world = World {
        databases: vec![database()],
        vault: Some(Ok("arn:vault".into())),
        dr_vault: Some(Ok("arn:dr".into())),
        ..World::default()
    };
    let created =
        schedule::plan(&env, &wanted(ScheduleAct::Create, None, Some("cron(0 2 * * ? *)")), &world, &[]).unwrap();
    assert_snapshot!(shown(&created), @r"
    AWS Backup plan bbws-prod: none
    Automated backups of bbws-prod-mysql: 7 days, window 02:00-02:30
    ! Rule scheduled: none → cron(0 2 * * ? *), kept 30 days, copied to vault bbws-prod-dr in eu-west-1
    ! Vault: none → bbws-prod
    ! Role: none → role bbws-backup
    ! Resources: none → file system fs-0900d000000000001, database bbws-prod-mysql
    ! Automated backups of bbws-prod-mysql: 7 days → 30 days.
    0. Create AWS Backup plan bbws-prod after []
    1. Keep automated backups of bbws-prod-mysql for 30 days after []
    ");
    let missing = schedule::plan(&env, &wanted(ScheduleAct::Update, Some(14), None), &world, &[]).unwrap_err();
    assert_snapshot!(missing.join("\n"), @"There is no AWS Backup plan `bbws-prod` in af-south-1. `/bbws backup schedule prod create …` makes it.");
    let Action::PutPlan(step::PutPlan { spec, .. }) = created.steps[0].action.clone() else {
        panic!("the plan comes first")
    };
    world.plan = Some(PlanFound { id: "plan-1".into(), version: "v1".into(), spec });
    world.databases[0].automated_days = 30;
    let unchanged = schedule::plan(&env, &wanted(ScheduleAct::Update, Some(30), None), &world, &[]).unwrap_err();
    assert_snapshot!(unchanged.join("\n"), @"Nothing would change: `bbws-prod` and the automated backups are as asked for already. No new version is made.");
    let shorter =
        schedule::plan(&env, &wanted(ScheduleAct::Update, Some(14), Some("cron(0 * * * ? *)")), &world, &[]).unwrap();
    assert_snapshot!(shown(&shorter), @r"
    AWS Backup plan bbws-prod: scheduled cron(0 2 * * ? *), kept 30 days, copied to DR; 2 resources into vault bbws-prod
    Automated backups of bbws-prod-mysql: 30 days, window 02:00-02:30
    ! Rule scheduled: cron(0 2 * * ? *), kept 30 days, copied to vault bbws-prod-dr in eu-west-1 → cron(0 * * * ? *), kept 14 days, copied to vault bbws-prod-dr in eu-west-1
    ! What ends: what rule scheduled makes is kept for 14 days from now on, and no longer for 30 days.
    ! Automated backups of bbws-prod-mysql: 30 days → 14 days.
    ! What ends: bbws-prod-mysql can then no longer be restored to moments more than 14 days ago.
    0. Change AWS Backup plan bbws-prod after []
    1. Keep automated backups of bbws-prod-mysql for 14 days after []
    ");
    for (days, why) in [(6, "under the floor"), (31, "over the ceiling")] {
        let said = schedule::bounds(&env, Some(days)).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_schedule_that_nobody_gave_a_time_goes_by_the_rpo_and_says_so() {
    let create = schedule::Wanted {
        act: ScheduleAct::Create,
        retention: Some(7),
        cron: None,
        aws: true,
        kind: Some(PointKind::Efs),
        own: Meant::None,
    };
    let planned = |rpo: &str, schedule: Option<&str>| {
        let rpo = serde_json::from_value(rpo.into()).unwrap();
        let env = Environment { schedule: schedule.map(str::to_owned), rpo, ..prod() };
        let world = World { vault: Some(Ok("arn:v".into())), dr_vault: Some(Ok("arn:d".into())), ..World::default() };
        let plan = schedule::plan(&env, &create, &world, &[]).unwrap();
        let told = plan.notes.iter().filter(|note| note.contains("Backups are made") || note.contains("Rule"));
        told.map(|note| format!("{}\n", note.split(", copied").next().unwrap())).collect::<String>()
    };
    assert_snapshot!(planned("1h", None), @r"
    Backups are made every hour: neither `--cron` nor the config says when, so that the RPO of 1 h does.
    Rule scheduled: none → cron(0 * * * ? *), kept 7 days
    ");
    assert_snapshot!(planned("4h", None), @r"
    Backups are made every day at 00:00, 04:00, 08:00, 12:00, 16:00 and 20:00 UTC: neither `--cron` nor the config says when, so that the RPO of 4 h does.
    Rule scheduled: none → cron(0 0/4 * * ? *), kept 7 days
    ");
    assert_snapshot!(planned("24h", None), @r"
    Backups are made every day at 02:00 UTC: neither `--cron` nor the config says when, so that the RPO of 1 d does.
    Rule scheduled: none → cron(0 2 * * ? *), kept 7 days
    ");
    assert_snapshot!(planned("15m", None), @r"
    Backups are made every hour, which is as often as AWS Backup goes and not as often as the RPO of 15 min asks: neither `--cron` nor the config says when.
    Rule scheduled: none → cron(0 * * * ? *), kept 7 days
    ");
    assert_snapshot!(planned("4h", Some("cron(0 5 * * ? *)")), @"Rule scheduled: none → cron(0 5 * * ? *), kept 7 days");
}

#[test]
fn a_test_restore_cleans_up_whatever_happens() {
    let env = Environment {
        dumps: vec![Dump {
            database: DB.into(),
            engine: Engine::Mysql,
            secret: "s".into(),
            schemas: vec![],
            load_test: None,
        }],
        ..prod()
    };
    let world = World {
        databases: vec![database()],
        file_systems: vec![file_system()],
        newest: vec![snapshot("newest", "af-south-1", 1), files("bbws-prod", "af-south-1", "point-1")],
        isolated: Some(Ok(network())),
        ..World::default()
    };
    let plan = validate::plan(&env, Checks::ALL, &world, &id("vl-3"), NOW).unwrap();
    assert_snapshot!(shown(&plan), @r"
    Newest recovery point of bbws-prod-mysql: newest, data of 2026-11-20T02:00:00Z
    Newest recovery point of fs-0900d000000000001 (wp-content): point-1, data of 2026-11-01T02:00:00Z
    ! newest is restored into DB subnet group bbws-isolated, validated and deleted again. What is left of it is deleted by itself after 24 h.
    ! The data in newest is 1 d old.
    ! point-1 is restored into a new file system with an address in subnet subnet-1, validated and deleted again. What is left of it is deleted by itself after 24 h.
    ! The data in point-1 is 20 d old.
    ! Not tested: there is no export of secrets. Make one: `/bbws backup create prod secrets`.
    ! Not tested: there is no dump of bbws-prod-mysql. Make one: `/bbws backup create prod dump`.
    0. Take inventory of prod after []
    1. Measure how far the copies of prod are behind after []
    2. Write down that bbws-prod-mysql-restored-vl-3 is made for a test after []
    3. Restore newest as bbws-prod-mysql-restored-vl-3 after [2]
    4. Validate bbws-prod-mysql-restored-vl-3 against bbws-prod-mysql after [3]
    5. Write down that newest is restore-tested after [4]
    6. Delete bbws-prod-mysql-restored-vl-3 after [3, 4] (always)
    7. Write down that nothing is left of bbws-prod-mysql-restored-vl-3 after [6]
    8. Write down that fs-0900d000000000001-restored-vl-3 is made for a test after []
    9. Restore point-1 as fs-0900d000000000001-restored-vl-3 after [8]
    10. Tag fs-0900d000000000001-restored-vl-3 after [9]
    11. Give fs-0900d000000000001-restored-vl-3 an address in the isolated network after [10]
    12. Compare a sample of fs-0900d000000000001-restored-vl-3 with fs-0900d000000000001 after [11]
    13. Write down that point-1 is restore-tested after [12]
    14. See that fs-0900d000000000001-restored-vl-3 bears our tags after [10, 11, 12] (always)
    15. Delete the mount target of fs-0900d000000000001-restored-vl-3 after [14] (always)
    16. Delete file system fs-0900d000000000001-restored-vl-3 after [15] (always)
    17. Write down that nothing is left of fs-0900d000000000001-restored-vl-3 after [16]
    18. Verify that vault bbws-prod in af-south-1 takes backups after []
    19. Verify that vault bbws-prod-dr in eu-west-1 takes backups after []
    ");
    let only = Checks { test_restore: true, ..Checks::NONE };
    // A dump is loaded where there is something to load it into; where there is nothing, that is said.
    let point = Point {
        kind: PointKind::Dump,
        id: format!("prod/dump/20261120/bk-1/{DB}.dump"),
        place: Place::Bucket { bucket: "bbws-prod-backups".into() },
        ..snapshot("dump", "af-south-1", 1)
    };
    let world = World { newest: vec![point], ..World::default() };
    let plan = validate::plan(&env, only, &world, &id("vl-3"), NOW).unwrap();
    assert!(shown(&plan).contains("Read the newest dump of bbws-prod-mysql to its end after []"), "{}", shown(&plan));
    assert!(shown(&plan).contains("! Not tested: that the dump of bbws-prod-mysql can be loaded"), "{}", shown(&plan));
    let mut able = env.clone();
    able.dumps[0].load_test = Some("spare".into());
    let plan = validate::plan(&able, only, &world, &id("vl-3"), NOW).unwrap();
    assert!(
        shown(&plan).contains(
            "0. Load the newest dump of bbws-prod-mysql into the server of spare and count its rows after []"
        ) && shown(&plan).contains("bbws-prod-mysql.dump is restore-tested after [0]")
            && !shown(&plan).contains("can be loaded"),
        "{}",
        shown(&plan)
    );
    let nothing = validate::plan(&env, only, &World::default(), &id("vl-3"), NOW).unwrap_err();
    assert_snapshot!(nothing.join("\n"), @r"
    Not tested: there is no usable recovery point of database bbws-prod-mysql. Make one: `/bbws backup create prod rds`.
    Not tested: there is no usable recovery point of file system fs-0900d000000000001. Make one: `/bbws backup create prod efs`.
    Not tested: there is no export of secrets. Make one: `/bbws backup create prod secrets`.
    Not tested: there is no dump of bbws-prod-mysql. Make one: `/bbws backup create prod dump`.
    ");
    let leftover = Mark {
        environment: "prod".into(),
        kind: MarkKind::Leftover,
        subject: format!("{DB}-restored-vl-3"),
        note: "af-south-1".into(),
        operation: "vl-3".into(),
        at: NOW,
    };
    let files = Mark {
        subject: "fs-0900d000000000001-restored-vl-3".into(),
        note: "efs af-south-1".into(),
        ..leftover.clone()
    };
    assert_snapshot!(shown(&cleanup::plan(&env, &files).unwrap()), @r"
    File system fs-0900d000000000001-restored-vl-3: made for a test by vl-3 at 2026-11-21T02:00:00Z
    0. See that fs-0900d000000000001-restored-vl-3 bears our tags after []
    1. Delete the mount target of fs-0900d000000000001-restored-vl-3 after [0]
    2. Delete file system fs-0900d000000000001-restored-vl-3 after [1]
    3. Write down that nothing is left of fs-0900d000000000001-restored-vl-3 after [2]
    ");
    assert_snapshot!(shown(&cleanup::plan(&env, &leftover).unwrap()), @r"
    Instance bbws-prod-mysql-restored-vl-3: made for a test by vl-3 at 2026-11-21T02:00:00Z
    0. Delete bbws-prod-mysql-restored-vl-3 after []
    1. Write down that nothing is left of bbws-prod-mysql-restored-vl-3 after [0]
    ");
    let foreign = Mark { subject: DB.into(), ..leftover };
    assert!(cleanup::plan(&env, &foreign).is_err(), "only what a test made is deleted");
}

#[test]
fn a_dump_is_proved_by_loading_it_into_something_that_is_deleted_again() {
    let dump = |load_test: Option<&str>| Dump {
        database: DB.into(),
        engine: Engine::Mysql,
        secret: "s".into(),
        schemas: vec![],
        load_test: load_test.map(str::to_owned),
    };
    let mut env = Environment { dumps: vec![dump(None)], ..prod() };
    let only = Checks { dump_test: true, ..Checks::NONE };
    let point = Point {
        kind: PointKind::Dump,
        id: format!("prod/dump/20261120/bk-1/{DB}.dump"),
        place: Place::Bucket { bucket: "bbws-prod-backups".into() },
        ..snapshot("dump", "af-south-1", 1)
    };
    let (databases, isolated) = (vec![database()], Some(Ok(network())));
    let world = World { databases, newest: vec![point], isolated, ..World::default() };
    let planned = |env: &Environment, world: &World| validate::plan(env, only, world, &id("vl-3"), NOW);
    assert_snapshot!(shown(&planned(&env, &world).unwrap()), @r"
    Newest dump of bbws-prod-mysql: prod/dump/20261120/bk-1/bbws-prod-mysql.dump, of 2026-11-20T02:00:00Z
    ! prod/dump/20261120/bk-1/bbws-prod-mysql.dump is restored into DB subnet group bbws-isolated, validated and deleted again. What is left of it is deleted by itself after 24 h.
    ! The data in prod/dump/20261120/bk-1/bbws-prod-mysql.dump is 1 d old.
    0. Write down that bbws-prod-mysql-restored-vl-3 is made for a test after []
    1. Make bbws-prod-mysql-restored-vl-3, empty and like bbws-prod-mysql after [0]
    2. Load prod/dump/20261120/bk-1/bbws-prod-mysql.dump into bbws-prod-mysql-restored-vl-3, and compare after [1]
    3. Write down that prod/dump/20261120/bk-1/bbws-prod-mysql.dump is restore-tested after [2]
    4. Delete bbws-prod-mysql-restored-vl-3 after [1, 2] (always)
    5. Write down that nothing is left of bbws-prod-mysql-restored-vl-3 after [4]
    ");
    let nowhere = World { isolated: Some(Err("no DB subnet group bbws-isolated. Make it.".into())), ..world.clone() };
    assert!(planned(&env, &nowhere).unwrap_err().join(" ").contains("no DB subnet group bbws-isolated"));
    env.dumps = vec![dump(Some("spare"))];
    let plan = shown(&planned(&env, &nowhere).unwrap());
    assert!(plan.contains("0. Load the newest dump of bbws-prod-mysql into the server of spare"), "{plan}");
}

#[test]
fn a_random_recovery_point_is_the_same_for_each_look_and_another_for_each_due_time() {
    let env = prod();
    let month = Span::parse("30d").unwrap();
    let checks = Checks { test_restore: true, since: Some(month), ..Checks::NONE };
    let drawn = |at: Moment| validate::survey(&env, checks, at).newest_at.expect("a moment");
    assert_eq!(drawn(NOW), drawn(NOW));
    let days = |n: u32| NOW + Duration::from_secs(86_400) * n;
    let all: BTreeSet<u64> = (0..100).map(|n| days(n).since(drawn(days(n))).as_secs()).collect();
    assert!(all.len() > 95 && all.iter().all(|ago| *ago < month.0.as_secs()), "{all:?}");
    let (first, last) = (*all.first().unwrap() / 86_400, *all.last().unwrap() / 86_400);
    assert!(first < 3 && last > 26, "from all of the time: {first} to {last} days ago");
    assert_eq!(validate::survey(&env, Checks { since: None, ..checks }, NOW).newest_at, None);
}

#[test]
fn the_newest_point_that_can_be_restored_for_a_test_is_the_one_that_is() {
    let env = Environment { file_systems: vec![], secrets_prefix: None, ..prod() };
    let only = Checks { test_restore: true, ..Checks::NONE };
    let vaulted = |days_old, arn: &str| Point {
        id: arn.rsplit(':').next().unwrap().into(),
        arn: arn.into(),
        place: Place::Vault { vault: "bbws-prod".into() },
        ..snapshot("x", "af-south-1", days_old)
    };
    let job = vaulted(1, "arn:aws:rds:af-south-1:093646564004:snapshot:awsbackup:job-1");
    let continuous = vaulted(0, "arn:aws:rds:af-south-1:093646564004:auto-backup:ab-1");
    let planned = |newest: Vec<Point>| {
        let (databases, isolated) = (vec![database()], Some(Ok(network())));
        let world = World { databases, newest, isolated, ..World::default() };
        validate::plan(&env, only, &world, &id("vl-3"), NOW)
    };
    let restored = |newest: Vec<Point>| {
        let steps = planned(newest).unwrap().steps;
        steps.into_iter().find_map(|s| match s.action {
            Action::RestoreTest(step::RestoreTest { snapshot, .. }) => Some(snapshot),
            _ => None,
        })
    };
    let name = Some("awsbackup:job-1".to_owned());
    assert_eq!(restored(vec![snapshot("older", "af-south-1", 2), job.clone()]), name, "also what a schedule made");
    assert_eq!(restored(vec![continuous.clone(), job]), name, "a continuous backup is restored to a moment");
    assert_eq!(restored(vec![continuous.clone(), snapshot("own", "af-south-1", 3)]), Some("own".into()));
    let why = planned(vec![continuous]).unwrap_err().join(" ");
    assert!(why.contains("ab-1 is a continuous backup") && why.contains("`/bbws backup create prod rds`"), "{why}");
}

#[test]
fn with_type_rds_the_daily_time_is_the_window_of_automated_backups() {
    let env = prod();
    let mut world = World { databases: vec![database()], vault: Some(Ok("arn:vault".into())), ..World::default() };
    let planned = |world: &World, retention, cron| {
        let kind = Some(PointKind::Rds);
        schedule::plan(
            &env,
            &schedule::Wanted {
                act: ScheduleAct::Update,
                retention,
                cron: Some(cron),
                aws: true,
                kind,
                own: Meant::None,
            },
            world,
            &[],
        )
    };
    assert_snapshot!(shown(&planned(&world, None, "cron(45 23 * * ? *)").unwrap()), @r"
    Automated backups of bbws-prod-mysql: 7 days, window 02:00-02:30
    ! Window of bbws-prod-mysql: 02:00-02:30 → 23:45-00:15 UTC.
    0. Keep automated backups of bbws-prod-mysql for 7 days, made 23:45-00:15 UTC after []
    ");
    let unchanged = planned(&world, None, "cron(0 2 * * ? *)").unwrap_err().join(" ");
    assert!(unchanged.starts_with("Nothing would change"), "{unchanged}");
    world.databases[0].automated_days = 0;
    let both = planned(&world, Some(14), "cron(5 1 ? * * *)").unwrap();
    assert!(both.steps[0].title.ends_with("for 14 days, made 01:05-01:35 UTC"), "{}", both.steps[0].title);
    assert!(
        both.notes
            .iter()
            .any(|n| n == "bbws-prod-mysql is restarted: RDS does so when automated backups are switched on.")
    );
    let off = planned(&world, None, "cron(5 1 ? * * *)").unwrap_err().join(" ");
    assert!(off.contains("are switched off") && off.contains("Say `--retention` too"), "{off}");
    for other in ["cron(0 * * * ? *)", "cron(0 2 ? * MON *)", "cron(0 2 1 * ? *)", "cron(0 2,14 * * ? *)", "0 2 * *"] {
        assert_eq!(bbws::domain::schedule::daily_window(other), None, "{other}");
    }
}
