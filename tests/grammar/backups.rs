//! The commands about backups: what each option means, and what people read when it is wrong.

use bbws::domain::{
    operations::{
        schedule::ScheduleAct,
        validate::{Checks, command},
    },
    point::PointKind,
};

use super::*;

fn list(kind: Option<PointKind>, tenant: Option<&str>, since: Option<&str>, before: Option<&str>) -> Command {
    let kind = kind.map(PointKind::as_str);
    about("backup.list", Some("prod"), &[("type", kind), ("tenant", tenant), ("since", since), ("before", before)])
}

fn validate(checks: Checks, reason: Option<&str>) -> Command {
    let command = command("prod", checks);
    reason.map_or(command.clone(), |reason| command.with("reason", reason))
}

fn schedule(act: ScheduleAct, retention: Option<&str>, cron: Option<&str>, kind: Option<PointKind>) -> Command {
    let kind = kind.map(PointKind::as_str);
    let values = [("action", Some(act.as_str())), ("retention", retention), ("cron", cron), ("type", kind)];
    about("backup.schedule", Some("prod"), &values)
}

fn delete(point: &str, reason: Option<&str>) -> Command {
    about("backup.delete", Some("prod"), &[("id", Some(point)), ("reason", reason)])
}

fn hold(ticket: &str, release: bool, reason: Option<&str>) -> Command {
    let release = ("release", release.then_some(""));
    about("backup.hold", Some("prod"), &[("id", Some("snap-1")), ("ticket", Some(ticket)), release, ("reason", reason)])
}

const NONE: Checks = Checks::NONE;

#[test]
fn understands_what_is_asked_of_backups() {
    let everything = "cron(0 2 * * ? *)";
    for (text, command) in [
        ("backup create prod config", backup(BackupScope::Config, None, None)),
        ("backup create prod --type s3", backup(BackupScope::S3, None, None)),
        ("backup create prod dump", backup(BackupScope::Dump, None, None)),
        ("backup create prod LIFECYCLE", backup(BackupScope::Lifecycle, None, None)),
        ("backup list prod", list(None, None, None, None)),
        ("backup list prod rds", list(Some(PointKind::Rds), None, None, None)),
        ("backup list prod --type s3 --tenant t-1", list(Some(PointKind::S3), Some("t-1"), None, None)),
        ("backup list --since 7d prod", list(None, None, Some("7d"), None)),
        ("backup list prod --since 48H", list(None, None, Some("2d"), None)),
        (
            "backup list prod --before 2026-03-01T04:30:00.5+02:00",
            list(None, None, None, Some("2026-03-01T02:30:00.5Z")),
        ),
        ("backup validate prod", validate(Checks::ALL, None)),
        ("backup validate prod --inventory", validate(Checks { inventory: true, ..NONE }, None)),
        ("backup validate --TEST-RESTORE prod", validate(Checks { test_restore: true, ..NONE }, None)),
        (
            "backup validate prod --replication —inventory",
            validate(Checks { test_restore: false, ..Checks::ALL }, None),
        ),
        ("backup validate prod --inventory --replication --test-restore", validate(Checks::ALL, None)),
        ("backup validate prod --reason \"every Monday\"", validate(Checks::ALL, Some("every Monday"))),
        ("backup schedule prod list", schedule(ScheduleAct::List, None, None, None)),
        ("backup schedule prod create", schedule(ScheduleAct::Create, None, None, None)),
        ("backup schedule prod UPDATE --retention 30", schedule(ScheduleAct::Update, Some("30"), None, None)),
        ("backup schedule prod update --retention 007", schedule(ScheduleAct::Update, Some("7"), None, None)),
        (
            "backup schedule prod update --cron \"cron(0 2 * * ? *)\"",
            schedule(ScheduleAct::Update, None, Some(everything), None),
        ),
        (
            "backup schedule prod update --cron “0  2 * * ? *”",
            schedule(ScheduleAct::Update, None, Some(everything), None),
        ),
        (
            "backup schedule prod create --cron='CRON( 0 2 ? * mon-fri * )' --type EFS",
            schedule(ScheduleAct::Create, None, Some("cron(0 2 ? * MON-FRI *)"), Some(PointKind::Efs)),
        ),
        ("backup delete prod rds:Snap-1", delete("rds:Snap-1", None)),
        (
            "backup delete prod prod/secrets/20261121/bk-1042/secrets.json --reason \"made by mistake\"",
            delete("prod/secrets/20261121/bk-1042/secrets.json", Some("made by mistake")),
        ),
        (
            "backup delete prod arn:aws:backup:eu-west-1:093646564004:recovery-point:8A92-11",
            delete("arn:aws:backup:eu-west-1:093646564004:recovery-point:8A92-11", None),
        ),
        ("backup hold prod snap-1 --ticket INC-123", hold("INC-123", false, None)),
        ("backup hold --ticket=#9 --release prod snap-1", hold("#9", true, None)),
        ("backup hold prod snap-1 --ticket INC-1 --reason \"in court\"", hold("INC-1", false, Some("in court"))),
    ] {
        assert_eq!(ok(text), command, "{text}");
        assert_eq!(ok(&command.canonical()), command, "{text}");
    }
}

#[test]
fn one_text_stands_for_each() {
    let canonical = |text: &str| format!("{}\n", ok(text).canonical());
    let said: String = [
        "backup list prod --since 48h --type rds --before 2026-03-01T04:30:00.5+02:00 --tenant t",
        "backup list prod --since 90m",
        "backup validate prod --replication --inventory --test-restore --reason why",
        "backup validate prod --test-restore --inventory",
        "backup schedule prod update --type efs --reason x --cron \"0 2 * * ? *\" --retention 014",
        "backup delete prod a/b --reason why",
        "backup hold prod x --release --ticket \"-1\"",
    ]
    .map(canonical)
    .concat();
    insta::assert_snapshot!(said, @r#"
    backup list prod rds --tenant t --since 2d --before 2026-03-01T02:30:00.5Z
    backup list prod --since 90m
    backup validate prod --reason "why"
    backup validate prod --inventory --test-restore
    backup schedule prod update --retention 14 --cron "cron(0 2 * * ? *)" --type efs --reason "x"
    backup delete prod a/b --reason "why"
    backup hold prod x --ticket "-1" --release
    "#);
}

#[test]
fn showing_a_schedule_changes_nothing_and_the_rest_does() {
    assert!(!ok("backup schedule prod list").changes_things());
    for text in ["backup schedule prod create", "backup schedule prod update --retention 3", "backup validate prod"] {
        assert!(ok(text).changes_things(), "{text}");
    }
}

#[test]
fn says_what_is_wrong_with_a_list_or_a_validation() {
    insta::assert_snapshot!(answers(&[
        "backup ls prod",
        "backup lst prd rsd",
        "backup list",
        "backup list rds prod",
        "backup list prod database",
        "backup list prod mysql efs",
        "backup list prod lifecycle",
        "backup list prod --since",
        "backup list prod --since 7",
        "backup list prod --since 7 days",
        "backup list prod --since 0d",
        "backup list prod --since 1w rds",
        "backup list prod --before yesterday",
        "backup list prod --before 2026-03-01T02:30:00",
        "backup list prod --reason x",
        "backup verify prod",
        "backup validate prod --testrestore",
        "backup validate prod --inventory --inventory",
        "backup validate prod --inventory=yes",
        "backup validate prod --all",
        "backup validate --inventory",
        "backup restore prod",
    ]), @r"
    backup ls prod
      `backup` cannot be followed by `ls`, only by create, list, validate, restore, bisect, schedule, lifecycle, delete or hold.
      /bbws backup list prod
    backup lst prd rsd
      `backup` cannot be followed by `lst`, only by create, list, validate, restore, bisect, schedule, lifecycle, delete or hold.
      /bbws backup list prod rds
    backup list
      `backup list` needs an environment: dev, sit or prod.
      /bbws backup list <env>
    backup list rds prod
      `rds` is not an environment. It is one of these: dev, sit or prod.
      /bbws backup list prod rds
    backup list prod database
      `database` is not a kind of backup. It is rds, efs, secrets, config, s3 or dump.
      /bbws backup list prod rds
    backup list prod mysql efs
      `efs` is one word too many for `backup list`.
      /bbws backup list prod efs
    backup list prod lifecycle
      `lifecycle` is not a kind of backup. It is rds, efs, secrets, config, s3 or dump.
      /bbws backup list prod
    backup list prod --since
      `--since` needs a value behind it.
      /bbws backup list prod --since 7d
    backup list prod --since 7
      `7` is not a length of time. Write a number and `m`, `h` or `d`, such as `7d`.
      /bbws backup list prod --since 7d
    backup list prod --since 7 days
      `days` is not a kind of backup. It is rds, efs, secrets, config, s3 or dump.
      /bbws backup list prod --since 7d
    backup list prod --since 0d
      `0d` is not a length of time. Write a number and `m`, `h` or `d`, such as `7d`.
      /bbws backup list prod --since 7d
    backup list prod --since 1w rds
      `1w` is not a length of time. Write a number and `m`, `h` or `d`, such as `7d`.
      /bbws backup list prod rds --since 7d
    backup list prod --before yesterday
      `yesterday` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
      /bbws backup list prod
    backup list prod --before 2026-03-01T02:30:00
      `2026-03-01T02:30:00` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
      /bbws backup list prod
    backup list prod --reason x
      `backup list` has no option `--reason`, only `--type`, `--tenant`, `--since` and `--before`.
      /bbws backup list prod
    backup verify prod
      `backup` cannot be followed by `verify`, only by create, list, validate, restore, bisect, schedule, lifecycle, delete or hold.
      /bbws backup validate prod
    backup validate prod --testrestore
      `backup validate` has no option `--testrestore`, only `--inventory`, `--replication`, `--test-restore`, `--dr`, `--dump-test`, `--since` and `--reason`.
      /bbws backup validate prod --test-restore
    backup validate prod --inventory --inventory
      `--inventory` is there twice. Say it once.
      /bbws backup validate prod --inventory
    backup validate prod --inventory=yes
      `--inventory` takes no value behind it.
      /bbws backup validate prod --inventory
    backup validate prod --all
      `backup validate` has no option `--all`, only `--inventory`, `--replication`, `--test-restore`, `--dr`, `--dump-test`, `--since` and `--reason`.
      /bbws backup validate prod
    backup validate --inventory
      `backup validate` needs an environment: dev, sit or prod.
      /bbws backup validate <env> --inventory
    backup restore prod
      `backup restore` needs to know what to restore: rds, pitr, efs, dump, secrets, config, s3 or full.
      /bbws backup restore prod <rds|pitr|efs|dump|secrets|config|s3|full> --into clone
    ");
}

#[test]
fn says_what_is_wrong_with_a_schedule() {
    insta::assert_snapshot!(answers(&[
        "backup schedule",
        "backup schedule prod",
        "backup schedule prod show",
        "backup schedule list prod",
        "backup schedule prod list --retention 30",
        "backup schedule prod list --reason x",
        "backup schedule prod update",
        "backup schedule prod update --type rds",
        "backup schedule prod update --type rds --cron \"cron(0 * * * ? *)\"",
        "backup schedule prod updat --retention 30",
        "backup schedule prod --retention 30",
        "backup schedule prod update --retention 0",
        "backup schedule prod update --retention -5",
        "backup schedule prod update --retention 30d",
        "backup schedule prod update --retention 36501",
        "backup schedule prod update --retention many",
        "backup schedule prod update rds --retention 30",
        "backup schedule prod update --retention 30 --type secrets",
        "backup schedule prod update --retention 30 --type db",
        "backup schedule prod update --cron \"0 2 * * *\"",
        "backup schedule prod update --cron \"0 2 * * 1-5\"",
        "backup schedule prod update --cron \"cron(0 2 * * * *)\"",
        "backup schedule prod update --cron cron(0 2 * * ? *) --retention 3",
        "backup schedule prod update --cron \"cron(0/30 * * * ? *)\"",
        "backup schedule prod update --cron \"rate(1 hour)\"",
        "backup schedule prod update --cron \"every night\"",
        "backup schedule prod update --cron",
    ]), @r#"
    backup schedule
      `backup schedule` needs an environment: dev, sit or prod.
      /bbws backup schedule <env> list
    backup schedule prod
      `backup schedule` needs to know what to do: list, create or update.
      /bbws backup schedule prod list
    backup schedule prod show
      `show` is not done with a schedule, only list, create or update.
      /bbws backup schedule prod list
    backup schedule list prod
      `list` is not an environment. It is one of these: dev, sit or prod.
      /bbws backup schedule prod list
    backup schedule prod list --retention 30
      `backup schedule prod list` only shows the schedule and takes no `--retention`. `update` changes it.
      /bbws backup schedule prod update --retention 30
    backup schedule prod list --reason x
      `backup schedule prod list` only shows the schedule and takes no `--reason`. `update` changes it.
      /bbws backup schedule prod list
    backup schedule prod update
      `backup schedule prod update` would change nothing. Say what: `--retention`, `--cron` or both.
      /bbws backup schedule prod update --retention <days>
    backup schedule prod update --type rds
      `backup schedule prod update` would change nothing. Say what: `--retention`, `--cron` or both.
      /bbws backup schedule prod update --retention <days> --type rds
    backup schedule prod update --type rds --cron "cron(0 * * * ? *)"
      RDS makes automated backups once a day, in a window of half an hour. With `--type rds` say a daily time, such as `--cron "cron(0 2 * * ? *)"`, or leave `--cron` out.
      /bbws help backup schedule
    backup schedule prod updat --retention 30
      `updat` is not done with a schedule, only list, create or update.
      /bbws backup schedule prod update --retention 30
    backup schedule prod --retention 30
      `backup schedule` needs to know what to do: list, create or update.
      /bbws backup schedule prod update --retention 30
    backup schedule prod update --retention 0
      `0` is not a number of days to keep. Write a whole one from 1 to 36500.
      /bbws backup schedule prod update --retention <days>
    backup schedule prod update --retention -5
      `-5` is not a number of days to keep. Write a whole one from 1 to 36500.
      /bbws backup schedule prod update --retention <days>
    backup schedule prod update --retention 30d
      `30d` is not a number of days to keep. Write a whole one from 1 to 36500.
      /bbws backup schedule prod update --retention 30
    backup schedule prod update --retention 36501
      `36501` is not a number of days to keep. Write a whole one from 1 to 36500.
      /bbws backup schedule prod update --retention <days>
    backup schedule prod update --retention many
      `many` is not a number of days to keep. Write a whole one from 1 to 36500.
      /bbws backup schedule prod update --retention <days>
    backup schedule prod update rds --retention 30
      `rds` is one word too many for `backup schedule`.
      /bbws backup schedule prod update --retention 30 --type rds
    backup schedule prod update --retention 30 --type secrets
      How long what bbws makes is kept is said in the config, by `retention` and `retention_tiers`. Leave `--retention` out.
      /bbws help backup schedule
    backup schedule prod update --retention 30 --type db
      `db` is not something that has a schedule. It is rds, efs, own, secrets, config, s3, dump, lifecycle, inventory, replication, dr-check, dump-test, restore-test, pitr-test or dr-restore-test.
      /bbws backup schedule prod update --retention 30 --type rds
    backup schedule prod update --cron "0 2 * * *"
      `0 2 * * *` has five fields, as Unix has; AWS has six, the year last: `cron(0 2 * * ? *)`.
      /bbws backup schedule prod update --cron "cron(0 2 * * ? *)"
    backup schedule prod update --cron "0 2 * * 1-5"
      `0 2 * * 1-5` has five fields, as Unix has; AWS has six, the year last: `cron(0 2 ? * 2-6 *)`.
      /bbws backup schedule prod update --cron "cron(0 2 ? * 2-6 *)"
    backup schedule prod update --cron "cron(0 2 * * * *)"
      `cron(0 2 * * * *)` must have `?` either as its day of the month or as its day of the week, and not in both: `cron(0 2 * * ? *)`.
      /bbws backup schedule prod update --cron "cron(0 2 * * ? *)"
    backup schedule prod update --cron cron(0 2 * * ? *) --retention 3
      `2` is one word too many for `backup schedule`.
      /bbws backup schedule prod update --retention 3 --cron "cron(0 2 * * ? *)"
    backup schedule prod update --cron "cron(0/30 * * * ? *)"
      `cron(0/30 * * * ? *)` is due more than once an hour; AWS Backup runs hourly at most: give one minute, such as `0`.
      /bbws backup schedule prod update --cron "<cron>"
    backup schedule prod update --cron "rate(1 hour)"
      `rate(1 hour)` is a rate; AWS Backup takes cron only, such as `cron(0 * * * ? *)`.
      /bbws backup schedule prod update --cron "<cron>"
    backup schedule prod update --cron "every night"
      `every night` has 2 fields; AWS has six: `cron(minute hour day-of-month month day-of-week year)`, such as `cron(0 2 * * ? *)`.
      /bbws backup schedule prod update --cron "<cron>"
    backup schedule prod update --cron
      `--cron` needs a value behind it.
      /bbws backup schedule prod update --cron "<cron>"
    "#);
}

#[test]
fn says_what_is_wrong_with_a_deletion_or_a_hold() {
    insta::assert_snapshot!(answers(&[
        "backup delete",
        "backup delete prod",
        "backup delete snap-1",
        "backup delete prd snap-1",
        "backup delete nowhere snap-1",
        "backup delete bk-1 prod",
        "backup rm prod snap-1",
        "backup delete prod <id>",
        "backup delete prod /snap-1",
        "backup delete prod ../dev/secrets/x",
        "backup delete prod snap-1 snap-2",
        "backup delete prod snap-1 too old",
        "backup delete prod snap-1 --force",
        "backup hold",
        "backup hold prod",
        "backup hold prod x",
        "backup hold prod x INC-123",
        "backup hold prod x --ticket",
        "backup hold prod x --ticket \"INC 123\"",
        "backup hold prod x --tiket INC-123",
        "backup hold prod x --ticket INC-123 --relase",
        "backup hold prod x --ticket INC-123 --release yes",
        "backup hold prod --ticket INC-123",
        "backup release prod x --ticket INC-123",
        "hold prod x",
    ]), @r#"
    backup delete
      `backup delete` needs an environment: dev, sit or prod.
      /bbws backup delete <env> <id>
    backup delete prod
      `backup delete` needs the id of a recovery point, as `backup list` shows it.
      /bbws backup delete prod <id>
    backup delete snap-1
      `snap-1` is not an environment. It is one of these: dev, sit or prod.
      /bbws backup delete <env> snap-1
    backup delete prd snap-1
      `prd` is not an environment. It is one of these: dev, sit or prod.
      /bbws backup delete prod snap-1
    backup delete nowhere snap-1
      `nowhere` is not an environment. It is one of these: dev, sit or prod.
      /bbws backup delete <env> snap-1
    backup delete bk-1 prod
      `bk-1` is not an environment. It is one of these: dev, sit or prod.
      /bbws backup delete prod bk-1
    backup rm prod snap-1
      `backup` cannot be followed by `rm`, only by create, list, validate, restore, bisect, schedule, lifecycle, delete or hold.
      /bbws backup delete prod snap-1
    backup delete prod <id>
      `<id>` is not the id of a recovery point. Copy one from what `backup list` shows.
      /bbws backup delete prod <id>
    backup delete prod /snap-1
      `/snap-1` is not the id of a recovery point. Copy one from what `backup list` shows.
      /bbws backup delete prod <id>
    backup delete prod ../dev/secrets/x
      `../dev/secrets/x` is not the id of a recovery point. Copy one from what `backup list` shows.
      /bbws backup delete prod <id>
    backup delete prod snap-1 snap-2
      `snap-2` is one word too many for `backup delete`.
      /bbws backup delete prod snap-1
    backup delete prod snap-1 too old
      `too` is one word too many for `backup delete`.
      /bbws backup delete prod snap-1 --reason "too old"
    backup delete prod snap-1 --force
      `backup delete` has no option `--force`, only `--reason`.
      /bbws backup delete prod snap-1
    backup hold
      `backup hold` needs an environment: dev, sit or prod.
      /bbws backup hold <env> <id> --ticket <ticket>
    backup hold prod
      `backup hold` needs the id of a recovery point, as `backup list` shows it.
      /bbws backup hold prod <id> --ticket <ticket>
    backup hold prod x
      `backup hold` needs a ticket, so that others know who asked for the hold and when it may end: `--ticket INC-123`.
      /bbws backup hold prod x --ticket <ticket>
    backup hold prod x INC-123
      `INC-123` is one word too many for `backup hold`.
      /bbws backup hold prod x --ticket INC-123
    backup hold prod x --ticket
      `--ticket` needs a value behind it.
      /bbws backup hold prod x --ticket <ticket>
    backup hold prod x --ticket "INC 123"
      `INC 123` is not a ticket. One has letters, digits, `-`, `_` and `#` only, at most 64: `INC-123`.
      /bbws backup hold prod x --ticket <ticket>
    backup hold prod x --tiket INC-123
      `backup hold` has no option `--tiket`, only `--ticket`, `--release` and `--reason`.
      /bbws backup hold prod x --ticket INC-123
    backup hold prod x --ticket INC-123 --relase
      `backup hold` has no option `--relase`, only `--ticket`, `--release` and `--reason`.
      /bbws backup hold prod x --ticket INC-123 --release
    backup hold prod x --ticket INC-123 --release yes
      `yes` is one word too many for `backup hold`.
      /bbws backup hold prod x --ticket INC-123 --release
    backup hold prod --ticket INC-123
      `backup hold` needs the id of a recovery point, as `backup list` shows it.
      /bbws backup hold prod <id> --ticket INC-123
    backup release prod x --ticket INC-123
      `backup` cannot be followed by `release`, only by create, list, validate, restore, bisect, schedule, lifecycle, delete or hold.
      /bbws help backup
    hold prod x
      There is no command `hold prod`.
      /bbws backup hold prod x --ticket <ticket>
    "#);
}

#[test]
fn what_can_be_restored_is_asked_for_behind_the_environment_before_it_or_as_an_option() {
    let list = |kind: Option<&str>, tenant: Option<&str>| {
        about("backup.restore.list", Some("prod"), &[("type", kind), ("tenant", tenant)])
    };
    for (text, command, canonical) in [
        ("backup restore prod list", list(None, None), "backup restore prod list"),
        ("backup restore list prod", list(None, None), "backup restore prod list"),
        ("BACKUP RESTORE PROD LIST RDS", list(Some("rds"), None), "backup restore prod list rds"),
        ("backup restore prod --list", list(None, None), "backup restore prod list"),
        ("backup restore --list prod efs", list(Some("efs"), None), "backup restore prod list efs"),
        ("backup restore prod —list --type dump", list(Some("dump"), None), "backup restore prod list dump"),
        ("backup restore prod list --type s3", list(Some("s3"), None), "backup restore prod list s3"),
        (
            "backup restore prod list config --tenant t-1",
            list(Some("config"), Some("t-1")),
            "backup restore prod list config --tenant t-1",
        ),
    ] {
        assert_eq!(ok(text), command, "{text}");
        assert_eq!(command.canonical(), canonical);
        assert_eq!(ok(canonical), command);
        assert!(!command.changes_things() && command.asks_aws());
    }
    insta::assert_snapshot!(answers(&[
        "backup restore prod lst rds",
        "backup restore list",
        "backup restore prod list lifecycle",
        "backup restore prod list --since 7d",
        "backup restore prod --list=rds",
    ]), @r"
    backup restore prod lst rds
      `rds` is one word too many for `backup restore`.
      /bbws backup restore prod list rds
    backup restore list
      `backup restore list` needs an environment: dev, sit or prod.
      /bbws backup restore <env> list
    backup restore prod list lifecycle
      `lifecycle` is not a kind of backup. It is rds, efs, secrets, config, s3 or dump.
      /bbws backup restore prod list
    backup restore prod list --since 7d
      `backup restore list` has no option `--since`, only `--type`, `--tenant` and `--reason`.
      /bbws backup restore prod list
    backup restore prod --list=rds
      `backup restore` has no option `--list`, only `--type`, `--snapshot-id`, `--target-time`, `--database`, `--recovery-point`, `--path`, `--from`, `--name`, `--bucket`, `--prefix`, `--as-of`, `--tenant`, `--tables`, `--merge`, `--region`, `--into`, `--keep`, `--ticket` and `--reason`.
      /bbws backup restore prod list
    ");
}
