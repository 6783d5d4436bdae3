//! Restores: what is planned, what is refused and why, with the nearest that works.

use bbws::domain::{
    active::Active,
    environment::Environment,
    language,
    mark::{Leftover, Mark, MarkKind},
    moment::Moment,
    operation::OpId,
    operations::{self, Asked, Known},
    plan::Plan,
    point::Window,
    policy::Rule,
    world::{DatabaseFound, Network, SnapshotFound, World},
};
use insta::assert_snapshot;

use super::plans::{NOW, prod, shown};

const DB: &str = "bbws-prod-mysql";
const SNAPSHOT: &str = "bbws-prod-mysql-manual-20261121-bk-1042";

fn ago(minutes: i64) -> Moment {
    Moment(NOW.0 - minutes * 60_000)
}

fn window(oldest: i64, latest: i64) -> Window {
    Window { database: DB.into(), region: "af-south-1".into(), oldest: ago(oldest), latest: ago(latest), backup: None }
}

fn world() -> World {
    World {
        databases: vec![DatabaseFound {
            source: None,
            id: DB.into(),
            engine: "mysql 8.0.36".into(),
            status: "available".into(),
            encrypted: true,
            size_gib: 100,
            multi_az: true,
            automated_days: 7,
            window: "22:00-22:30".into(),
            restorable: Some(ago(5)),
            resource: "db-LIVE".into(),
            cluster: None,
        }],
        isolated: Some(Ok(Network { subnet_group: "bbws-isolated".into(), subnets: vec!["subnet-1".into()] })),
        snapshot: Some(snapshot()),
        windows: vec![window(7 * 1440, 5)],
        ..World::default()
    }
}

fn snapshot() -> SnapshotFound {
    SnapshotFound {
        id: SNAPSHOT.into(),
        arn: format!("arn:aws:rds:af-south-1:093646564004:snapshot:{SNAPSHOT}"),
        database: DB.into(),
        source: "manual".into(),
        status: "available".into(),
        created: ago(47),
        engine: "mysql 8.0.36".into(),
        size_gib: 100,
        encrypted: true,
    }
}

/// As the example config ships them.
fn rules() -> Vec<Rule> {
    bbws::config::Config::example().approvals
}

/// The plan of a command, or why there is none.
fn planned(env: &Environment, text: &str, world: World, marks: Vec<Mark>) -> Result<Plan, String> {
    let command = language::parse(text, &["prod"]).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
    let id = OpId("rs-7".into());
    let asked = Asked { command: &command, environment: env, id: &id, at: NOW, drawn: NOW, active: &Active::primary() };
    let operation = operations::asked(&command).expect("it is an operation");
    let joined = |problems: Vec<String>| problems.join("\n");
    operation.survey(&asked).map_err(joined)?;
    operation.plan(&asked, &Known { world, marks, past: vec![], rules: rules(), ..Known::default() }).map_err(joined)
}

fn refused(text: &str, world: World) -> String {
    planned(&prod(), text, world, vec![]).expect_err(text)
}

#[test]
fn a_restore_of_a_snapshot_ends_as_a_clone_that_is_kept_for_a_while() {
    let tested = Mark {
        environment: "prod".into(),
        kind: MarkKind::Tested,
        subject: format!("rds {SNAPSHOT}"),
        note: Mark::tested(DB, "vl-3"),
        operation: "vl-3".into(),
        at: ago(40),
    };
    let text = format!("backup restore prod rds --snapshot-id {SNAPSHOT} --keep 6h --ticket INC-1");
    let plan = planned(&prod(), &text, world(), vec![tested]).unwrap();
    assert_snapshot!(shown(&plan), @r"
    Ticket: INC-1
    Snapshot bbws-prod-mysql-manual-20261121-bk-1042: of bbws-prod-mysql, data of 2026-11-21T01:13:00Z, mysql 8.0.36, 100 GiB, encrypted
    ! bbws-prod-mysql-manual-20261121-bk-1042 was restored and validated before, by vl-3.
    ! What is in the copy is not looked into: no `dumps` entry in the config names a login for bbws-prod-mysql.
    ! What was written to bbws-prod-mysql in the last 47 min is not in the copy.
    ! Nothing of the platform is changed: bbws-prod-mysql-restored-rs-7 is made beside it, and nothing uses it. It costs what such a database costs, and is deleted by itself 6h after it was validated.
    0. Write down that bbws-prod-mysql-restored-rs-7 is made after []
    1. Restore bbws-prod-mysql-manual-20261121-bk-1042 as bbws-prod-mysql-restored-rs-7 after [0]
    2. Validate bbws-prod-mysql-restored-rs-7 against bbws-prod-mysql after [1]
    3. Write down that bbws-prod-mysql-restored-rs-7 is kept for 6h after [2]
    ");
    assert_eq!((plan.scope.as_str(), plan.kind.as_str()), ("clone", "backup.restore"));
    let titled = operations::of("backup.restore").title(&plan);
    assert_snapshot!(titled, @"Restore of bbws-prod-mysql-manual-20261121-bk-1042 into a clone");
}

#[test]
fn a_restore_to_a_moment_names_it_in_utc() {
    // Two hours ahead of UTC, as in summer.
    let plan = planned(&prod(), "backup restore prod pitr --target-time 2026-11-21T03:30:00+02:00", world(), vec![]);
    assert_snapshot!(shown(&plan.unwrap()), @r"
    ! What is in the copy is not looked into: no `dumps` entry in the config names a login for bbws-prod-mysql.
    ! What was written to bbws-prod-mysql in the last 30 min is not in the copy.
    ! Nothing of the platform is changed: bbws-prod-mysql-restored-rs-7 is made beside it, and nothing uses it. It costs what such a database costs, and is deleted by itself 1d after it was validated.
    0. Write down that bbws-prod-mysql-restored-rs-7 is made after []
    1. Restore bbws-prod-mysql as of 2026-11-21T01:30:00Z as bbws-prod-mysql-restored-rs-7 after [0]
    2. Validate bbws-prod-mysql-restored-rs-7 against bbws-prod-mysql after [1]
    3. Write down that bbws-prod-mysql-restored-rs-7 is kept for 1d after [2]
    ");
    let plan = planned(&prod(), "backup restore prod pitr --target-time latest", world(), vec![]).unwrap();
    assert_snapshot!(shown(&plan), @r"
    ! What is in the copy is not looked into: no `dumps` entry in the config names a login for bbws-prod-mysql.
    ! The latest restorable moment is that of the very restore, usually about five minutes before it: what was written after it is not in the copy.
    ! Nothing of the platform is changed: bbws-prod-mysql-restored-rs-7 is made beside it, and nothing uses it. It costs what such a database costs, and is deleted by itself 1d after it was validated.
    0. Write down that bbws-prod-mysql-restored-rs-7 is made after []
    1. Restore bbws-prod-mysql as late as can be as bbws-prod-mysql-restored-rs-7 after [0]
    2. Validate bbws-prod-mysql-restored-rs-7 against bbws-prod-mysql after [1]
    3. Write down that bbws-prod-mysql-restored-rs-7 is kept for 1d after [2]
    ");
    let later = World { windows: vec![window(7, 1)], ..world() };
    let again = planned(&prod(), "backup restore prod pitr --target-time latest", later, vec![]).unwrap();
    assert_eq!(again.digest(), plan.digest(), "that time goes by is no drift");
}

#[test]
fn moments_that_cannot_be_restored_are_refused_with_the_nearest_that_can() {
    let said: Vec<String> = ["2026-11-21T02:00:01Z", "2026-11-13T00:00:00Z", "2026-11-21T01:58:00Z"]
        .map(|at| refused(&format!("backup restore prod pitr --target-time {at}"), world()))
        .to_vec();
    assert_snapshot!(said.join("\n"), @r"
    2026-11-21T02:00:01Z is in the future: it is 2026-11-21T02:00:00Z now. The latest that works is `--target-time latest`.
    2026-11-13T00:00:00Z is before that: bbws-prod-mysql can be restored in af-south-1 to any second from 2026-11-14T02:00:00Z to 2026-11-21T01:55:00Z. The nearest that works is `--target-time 2026-11-14T02:00:00Z`; snapshots may be older.
    2026-11-21T01:58:00Z is after that: bbws-prod-mysql can be restored in af-south-1 to any second from 2026-11-14T02:00:00Z to 2026-11-21T01:55:00Z. The nearest that works is `--target-time latest`.
    ");
    let none = World { windows: vec![], ..world() };
    assert_snapshot!(refused("backup restore prod pitr --target-time latest", none), @"bbws-prod-mysql cannot be restored to a moment in af-south-1: it has no automated backups there. `/bbws backup list prod rds` shows its snapshots.");
}

#[test]
fn snapshots_of_others_are_refused_with_the_reason() {
    let with = |change: &dyn Fn(&mut SnapshotFound)| {
        let mut found = snapshot();
        change(&mut found);
        World { snapshot: Some(found), ..world() }
    };
    let text = format!("backup restore prod rds --snapshot-id {SNAPSHOT}");
    let said = [
        refused(
            &format!("backup restore prod rds --snapshot-id arn:aws:rds:af-south-1:111122223333:snapshot:{SNAPSHOT}"),
            world(),
        ),
        refused(&text, World { snapshot: None, ..world() }),
        refused(&text, with(&|found| found.source = "shared".into())),
        refused(&text, with(&|found| found.status = "creating".into())),
        refused(&text, with(&|found| found.database = "somebody-elses".into())),
        refused(
            &text,
            World {
                isolated: Some(Err("DB subnet group bbws-isolated does not exist in af-south-1. Create it.".into())),
                ..world()
            },
        ),
        refused(&format!("{text} --database bbws-prod-other"), world()),
    ];
    assert_snapshot!(said.join("\n"), @r"
    arn:aws:rds:af-south-1:111122223333:snapshot:bbws-prod-mysql-manual-20261121-bk-1042 belongs to account 111122223333 and `prod` is account 093646564004: what is shared from elsewhere is not restored, since nobody here vouches for it. Copy it into the account first, if it is the right one.
    There is no snapshot `bbws-prod-mysql-manual-20261121-bk-1042` in af-south-1. `/bbws backup list prod rds` shows those there are; a continuous backup is restored with `pitr --target-time`.
    bbws-prod-mysql-manual-20261121-bk-1042 is shared: it comes from another account, and nobody here vouches for it. Copy it into account 093646564004 first, if it is the right one.
    bbws-prod-mysql-manual-20261121-bk-1042 is creating, so nothing can be restored from it. `/bbws backup list prod rds` shows others.
    bbws-prod-mysql-manual-20261121-bk-1042 is a snapshot of somebody-elses, which is no database of `prod`. Only what the config declares is restored.
    DB subnet group bbws-isolated does not exist in af-south-1. Create it.
    bbws-prod-mysql-manual-20261121-bk-1042 is a snapshot of bbws-prod-mysql, not of bbws-prod-other. Leave `--database` out, or say another snapshot.
    ");
}

#[test]
fn the_note_of_a_leftover_says_where_it_is_and_how_long_it_stays() {
    for (note, stays) in
        [("af-south-1", 24), ("efs af-south-1", 24), ("af-south-1 for 6h", 6), ("efs eu-west-1 for 2d", 48)]
    {
        let read = Leftover::read(note);
        assert_eq!(read.note(), note);
        assert_eq!(read.stays().as_secs(), stays * 3600, "{note}");
        assert_eq!(read.files, note.starts_with("efs "));
    }
}

#[test]
fn a_restore_into_live_goes_by_people_and_has_a_way_back() {
    let text = format!("backup restore prod rds --snapshot-id {SNAPSHOT} --into live --ticket INC-1");
    let plan = planned(&prod(), &text, world(), vec![]).unwrap();
    assert_snapshot!(shown(&plan), @r"
    Ticket: INC-1
    Snapshot bbws-prod-mysql-manual-20261121-bk-1042: of bbws-prod-mysql, data of 2026-11-21T01:13:00Z, mysql 8.0.36, 100 GiB, encrypted
    Database bbws-prod-mysql: mysql 8.0.36, 100 GiB, db-LIVE
    ! bbws-prod-mysql-manual-20261121-bk-1042 was never restored for a test.
    ! What is in the copy is not looked into: no `dumps` entry in the config names a login for bbws-prod-mysql.
    ! What was written to bbws-prod-mysql in the last 47 min is not in the copy.
    ! bbws-prod-mysql is replaced as a whole: what is in it stays in bbws-prod-mysql-before-rs-7, which nothing here deletes; it is promised for 7 d. As long as it is there, Roll back on the card exchanges both again; what was written meanwhile stays in bbws-prod-mysql-undone-rs-7.
    ! Connections to bbws-prod-mysql are refused from the first rename to the end of the second, usually some minutes. No estimate is made.
    ! Replica bbws-prod-mysql-replica in eu-west-1 goes on following what was live before: make another one of bbws-prod-mysql after the cutover.
    ! Health is asked of https://wp.bbws.example/healthz for 5 min after the cutover.
    ! Where health or the validation after the cutover fails, it is rolled back by itself.
    0. Write down that bbws-prod-mysql-restored-rs-7 is made after []
    1. Restore bbws-prod-mysql-manual-20261121-bk-1042 as bbws-prod-mysql-restored-rs-7 after [0]
    2. Validate bbws-prod-mysql-restored-rs-7 against bbws-prod-mysql after [1]
    3. Look how much storage of bbws-prod-mysql-restored-rs-7 is free after [2]
    4. Wait until somebody has looked at what was found after [3]
    5. Snapshot database bbws-prod-mysql after [4]
    6. Verify bbws-prod-mysql-manual-20261121-rs-7 after [5]
    7. Look how much storage of bbws-prod-mysql-restored-rs-7 is free after [6]
    8. Wait for the word that bbws-prod-mysql-restored-rs-7 takes the place of bbws-prod-mysql after [7, 6]
    9. Look whether bbws-prod-mysql is still as large as was agreed to after [8]
    10. Write down that bbws-prod-mysql-restored-rs-7 is not deleted any more after [9]
    11. Protect bbws-prod-mysql-restored-rs-7 from deletion after [10]
    12. Rename bbws-prod-mysql to bbws-prod-mysql-before-rs-7 after [11]
    13. Rename bbws-prod-mysql-restored-rs-7 to bbws-prod-mysql after [1, 12]
    14. Write down that bbws-prod-mysql-before-rs-7 is promised for 7 d after [13]
    15. Watch the health of prod for 5 min after [13]
    16. Validate bbws-prod-mysql against bbws-prod-mysql-before-rs-7 after [2, 15]
    17. Rename what was restored from bbws-prod-mysql to bbws-prod-mysql-undone-rs-7 after [1, 13]
    18. Rename bbws-prod-mysql-before-rs-7 back to bbws-prod-mysql after [12, 17]
    19. Write down that bbws-prod-mysql-before-rs-7 is live again after [14, 18]
    20. Write down that bbws-prod-mysql-undone-rs-7 is promised for 7 d after [14, 18]
    ");
    assert_eq!(plan.scope, "single");
    let operation = operations::of("backup.restore");
    assert_eq!(operation.confirmed_by(&plan), Some(vec![DB.to_owned(), "prod".to_owned()]));
    assert_eq!(operation.title(&plan), format!("Restore of {SNAPSHOT} into live {DB}"));
    for (size, scope) in [(500, "single"), (501, "multi"), (1025, "full")] {
        let mut world = world();
        world.databases[0].size_gib = size;
        assert_eq!(planned(&prod(), &text, world, vec![]).unwrap().scope, scope, "{size} GiB");
    }
    let dr = refused(&format!("backup restore prod rds --snapshot-id {SNAPSHOT} --into live --region dr"), world());
    assert_snapshot!(dr, @r"
    A restore into live in `prod` needs the ticket that asks for it: `--ticket INC-123`.
    What is restored in the DR region cannot take the place of what is live in the primary one: leave `--region dr` out, or restore into a clone.
    ");
}
