//! What people read when a line is not a command, and the line they are offered instead.

use super::*;

#[test]
fn says_which_command_was_meant() {
    insta::assert_snapshot!(answers(&[
        "bakup crate prod",
        "bakup crate prd --resaon slow",
        "create backup prod",
        "create prod rds",
        "backup",
        "backup prod",
        "backup delete prod",
        "op",
        "op 1042",
        "ops lst prod",
        "operations list",
        "cancel bk-1042",
        "aprove bk-1042",
        "op aproove bk1042",
        "stpo prod db corrupt",
        "stoop db corrupt",
        "rezume prod",
        "hlep backup",
        "rm -rf /",
        "frobnicate `everything` <!channel>",
        "\"\"",
        "ьackup create prod",
    ]), @r#"
    bakup crate prod
      There is no command `bakup crate`.
      /bbws backup create prod full
    bakup crate prd --resaon slow
      There is no command `bakup crate`.
      /bbws backup create prod full --reason "slow"
    create backup prod
      There is no command `create backup`.
      /bbws backup create prod full
    create prod rds
      There is no command `create prod`.
      /bbws backup create prod rds
    backup
      `backup` needs a second word: create, list, validate, restore, bisect, schedule, lifecycle, delete or hold.
      /bbws help backup
    backup prod
      `backup` cannot be followed by `prod`, only by create, list, validate, restore, bisect, schedule, lifecycle, delete or hold.
      /bbws help backup
    backup delete prod
      `backup delete` needs the id of a recovery point, as `backup list` shows it.
      /bbws backup delete prod <id>
    op
      `op` needs a second word: list, show, approve, reject, cancel, retry, rollback, skip, force, pause, stop or resume.
      /bbws help op
    op 1042
      `op` cannot be followed by `1042`, only by list, show, approve, reject, cancel, retry, rollback, skip, force, pause, stop or resume.
      /bbws help op
    ops lst prod
      There is no command `ops lst`.
      /bbws op list prod
    operations list
      There is no command `operations list`.
      /bbws op list
    cancel bk-1042
      There is no command `cancel bk-1042`.
      /bbws op cancel bk-1042
    aprove bk-1042
      There is no command `aprove bk-1042`.
      /bbws op approve bk-1042
    op aproove bk1042
      `op` cannot be followed by `aproove`, only by list, show, approve, reject, cancel, retry, rollback, skip, force, pause, stop or resume.
      /bbws op approve bk-1042
    stpo prod db corrupt
      There is no command `stpo prod`.
      /bbws stop prod "db corrupt"
    stoop db corrupt
      There is no command `stoop db`.
      /bbws stop <env> "db corrupt"
    rezume prod
      There is no command `rezume prod`.
      /bbws resume prod
    hlep backup
      There is no command `hlep backup`.
      /bbws help
    rm -rf /
      There is no command `rm -rf`.
      /bbws help
    frobnicate `everything` <!channel>
      There is no command `frobnicate 'everything'`.
      /bbws help
    ""
      There is no command (nothing).
      /bbws help
    ьackup create prod
      There is no command `ьackup create`.
      /bbws backup create prod full
    "#);
}

#[test]
fn says_what_is_wrong_with_an_environment() {
    insta::assert_snapshot!(answers(&[
        "backup create",
        "backup create rds",
        "backup create prd",
        "backup create production rds",
        "backup create staging",
        "backup create <env> full",
        "backup create full prod",
        "op list prdo",
        "op list nowhere",
        "resume sti",
        "resume everything",
        "resume bk-1042",
        "op list bk-1042",
    ]), @r"
    backup create
      `backup create` needs an environment: dev, sit or prod.
      /bbws backup create <env> full
    backup create rds
      `rds` is not an environment. It is one of these: dev, sit or prod.
      /bbws backup create <env> rds
    backup create prd
      `prd` is not an environment. It is one of these: dev, sit or prod.
      /bbws backup create prod full
    backup create production rds
      `production` is not an environment. It is one of these: dev, sit or prod.
      /bbws backup create prod rds
    backup create staging
      `staging` is not an environment. It is one of these: dev, sit or prod.
      /bbws backup create <env> full
    backup create <env> full
      `<env>` is not an environment. It is one of these: dev, sit or prod.
      /bbws backup create <env> full
    backup create full prod
      `full` is not an environment. It is one of these: dev, sit or prod.
      /bbws backup create prod full
    op list prdo
      `prdo` is not an environment. It is one of these: dev, sit or prod.
      /bbws op list prod
    op list nowhere
      `nowhere` is not an environment. It is one of these: dev, sit or prod.
      /bbws op list <env>
    resume sti
      `sti` is not an environment. It is one of these: dev, sit or prod.
      /bbws resume sit
    resume everything
      `everything` is not an environment. It is one of these: dev, sit or prod.
      /bbws resume <env>
    resume bk-1042
      `bk-1042` is not an environment. It is one of these: dev, sit or prod.
      /bbws op resume bk-1042
    op list bk-1042
      `bk-1042` is not an environment. It is one of these: dev, sit or prod.
      /bbws op show bk-1042
    ");
    let Wrong { said, try_instead } = parse("backup create prod", &[]).expect_err("no environment is known");
    insta::assert_snapshot!(said, @r"`prod` is not an environment: none is configured.");
    insta::assert_snapshot!(try_instead.unwrap_or_default(), @r"/bbws backup create <env> full");
    insta::assert_snapshot!(parse("backup create", &[]).expect_err("none is given").said, @r"`backup create` needs an environment; none is configured.");
}

#[test]
fn says_what_is_wrong_with_values_and_options() {
    insta::assert_snapshot!(answers(&[
        "backup create prod databases",
        "backup create prod files",
        "backup create prod rsd",
        "backup create prod --type",
        "backup create prod --type mysql",
        "backup create prod rds --type efs",
        "backup create prod rds efs",
        "backup create prod --tenant",
        "backup create prod --tenant \"a b\"",
        "backup create prod --tenant --reason x",
        "backup create prod --tenant a --tenant b",
        "backup create prod --reason",
        "backup create prod --reason \"\"",
        "backup create prod --reason db is slow",
        "backup create prod db is slow",
        "backup create prod --tennant tenant-1",
        "backup create --environment prod --type rds",
        "backup create prod -t rds",
        "backup create prod --force",
        "op show",
        "op show 1042",
        "op show bk1042",
        "op show bkk-1042",
        "op show bk-1234567890",
        "op show bk-1042 now",
        "op show bk-1042 --verbose",
        "op reject bk-1042 too risky",
        "op cancel bk-1042 --rason x",
        "op list prod sit",
    ]), @r#"
    backup create prod databases
      `databases` is not something to back up. It is full, rds, efs, secrets, config, s3, dump or lifecycle.
      /bbws backup create prod rds
    backup create prod files
      `files` is not something to back up. It is full, rds, efs, secrets, config, s3, dump or lifecycle.
      /bbws backup create prod efs
    backup create prod rsd
      `rsd` is not something to back up. It is full, rds, efs, secrets, config, s3, dump or lifecycle.
      /bbws backup create prod rds
    backup create prod --type
      `--type` needs a value behind it.
      /bbws backup create prod full
    backup create prod --type mysql
      `mysql` is not something to back up. It is full, rds, efs, secrets, config, s3, dump or lifecycle.
      /bbws backup create prod rds
    backup create prod rds --type efs
      `rds` and `--type efs` contradict each other. Say it once.
      /bbws backup create prod rds
    backup create prod rds efs
      `efs` is one word too many for `backup create`.
      /bbws backup create prod rds
    backup create prod --tenant
      `--tenant` needs a value behind it.
      /bbws backup create prod full --tenant <tenant>
    backup create prod --tenant "a b"
      `a b` is not a tenant. One has letters, digits, `-`, `_` and dots inside only, at most 128.
      /bbws backup create prod full --tenant <tenant>
    backup create prod --tenant --reason x
      `--tenant` needs a value behind it.
      /bbws backup create prod full --tenant <tenant> --reason "x"
    backup create prod --tenant a --tenant b
      `--tenant` is there twice. Say it once.
      /bbws backup create prod full --tenant a
    backup create prod --reason
      `--reason` needs a value behind it.
      /bbws backup create prod full --reason "why"
    backup create prod --reason ""
      The reason is empty.
      /bbws backup create prod full --reason "why"
    backup create prod --reason db is slow
      `slow` is one word too many for `backup create`.
      /bbws backup create prod full --reason "db is slow"
    backup create prod db is slow
      `is` is one word too many for `backup create`.
      /bbws backup create prod full --reason "db is slow"
    backup create prod --tennant tenant-1
      `backup create` has no option `--tennant`, only `--type`, `--tenant` and `--reason`.
      /bbws backup create prod full --tenant tenant-1
    backup create --environment prod --type rds
      `backup create` has no option `--environment`, only `--type`, `--tenant` and `--reason`.
      /bbws backup create prod rds
    backup create prod -t rds
      `backup create` has no option `-t`, only `--type`, `--tenant` and `--reason`.
      /bbws backup create prod rds
    backup create prod --force
      `backup create` has no option `--force`, only `--type`, `--tenant` and `--reason`.
      /bbws backup create prod full
    op show
      `op show` needs the id of an operation, such as `bk-1042`.
      /bbws op show <id>
    op show 1042
      `1042` is not an operation id. One looks like `bk-1042`.
      /bbws op show <id>
    op show bk1042
      `bk1042` is not an operation id. One looks like `bk-1042`.
      /bbws op show bk-1042
    op show bkk-1042
      `bkk-1042` is not an operation id. One looks like `bk-1042`.
      /bbws op show <id>
    op show bk-1234567890
      `bk-1234567890` is not an operation id. One looks like `bk-1042`.
      /bbws op show <id>
    op show bk-1042 now
      `now` is one word too many for `op show`.
      /bbws op show bk-1042
    op show bk-1042 --verbose
      `op show` has no option `--verbose`. It has none at all.
      /bbws op show bk-1042
    op reject bk-1042 too risky
      `too` is one word too many for `op reject`.
      /bbws op reject bk-1042 --reason "too risky"
    op cancel bk-1042 --rason x
      `op cancel` has no option `--rason`, only `--reason`.
      /bbws op cancel bk-1042 --reason "x"
    op list prod sit
      `sit` is one word too many for `op list`.
      /bbws op list prod
    "#);
}

#[test]
fn says_what_is_wrong_with_quotes_and_lengths() {
    insta::assert_snapshot!(answers(&[
        "stop prod \"db corrupt",
        "stop prod “db corrupt",
        "backup create prod --reason 'before release",
        "backup create \"prod",
        "\"",
    ]), @r#"
    stop prod "db corrupt
      A quote is opened with " and never closed.
      /bbws stop prod "db corrupt"
    stop prod “db corrupt
      A quote is opened with “ and never closed.
      /bbws stop prod "db corrupt"
    backup create prod --reason 'before release
      A quote is opened with ' and never closed.
      /bbws backup create prod full --reason "before release"
    backup create "prod
      A quote is opened with " and never closed.
      /bbws backup create prod full
    "
      A quote is opened with " and never closed.
      /bbws help
    "#);
    let long = format!("op reject bk-1042 --reason \"{}\"", "why ".repeat(200));
    insta::assert_snapshot!(wrong(&long).said, @r"The reason is 799 characters long; at most 500 fit. It begins `why why why why why why why why why why why why why why why …`.");
    insta::assert_snapshot!(wrong(&long).try_instead.unwrap_or_default(), @r#"/bbws op reject bk-1042 --reason "why""#);
    insta::assert_snapshot!(wrong(&"é".repeat(4001)).said, @r"That is 4001 characters long; a command has at most 4000.");
    assert_eq!(ok(&format!("stop prod {}", "é".repeat(500))), stop(Some("prod"), &"é".repeat(500)));
    assert!(wrong(&format!("stop prod {}", "é".repeat(501))).said.contains("501"));
}

#[test]
fn stop_never_widens_or_narrows_silently() {
    insta::assert_snapshot!(answers(&[
        "stop",
        "stop prod",
        "stop \"prod\"",
        "stop prd db corrupt",
        "stop - prd — db corrupt",
        "stop prod: db corrupt",
        "stop prod,sit db corrupt",
        "stop production is down",
        "stop pr\u{43e}d db corrupt",
        "stop it is broken",
        "stop db corrupt",
        "stop \"prod db corrupt\"",
        "stop --reason prod db corrupt",
        "stop --reason prod down",
        "stop --reason",
        "stop bk-1042 wrong environment",
        "stop <env> db corrupt",
        "stop &lt;env&gt; \"why\"",
        "stop [env] db corrupt",
        "stop --environment prod db corrupt",
        "stop --force db corrupt",
        "stop prod --force",
        "stop prod \"--all is lost\"",
        "stop prod --reason a --reason b",
    ]), @r#"
    stop
      `stop` needs a reason, so that others know why.
      /bbws stop <env> "why"
    stop prod
      `stop` needs a reason, so that others know why.
      /bbws stop prod "why"
    stop "prod"
      `stop` needs a reason, so that others know why.
      /bbws stop prod "why"
    stop prd db corrupt
      Nothing is stopped: `prd` is not an environment, but may be meant for `prod`. To stop every environment: `/bbws stop --reason "prd db corrupt"`
      /bbws stop prod "db corrupt"
    stop - prd — db corrupt
      Nothing is stopped: `prd` is not an environment, but may be meant for `prod`. To stop every environment: `/bbws stop --reason "prd db corrupt"`
      /bbws stop prod "db corrupt"
    stop prod: db corrupt
      Nothing is stopped: `prod:` is not an environment, but may be meant for `prod`. To stop every environment: `/bbws stop --reason "prod: db corrupt"`
      /bbws stop prod "db corrupt"
    stop prod,sit db corrupt
      Nothing is stopped: `prod,sit` is not an environment, but may be meant for `prod`. To stop every environment: `/bbws stop --reason "prod,sit db corrupt"`
      /bbws stop prod "db corrupt"
    stop production is down
      Nothing is stopped: `production` is not an environment, but may be meant for `prod`. To stop every environment: `/bbws stop --reason "production is down"`
      /bbws stop prod "is down"
    stop prоd db corrupt
      Nothing is stopped: `prоd` is not an environment, but may be meant for `prod`. To stop every environment: `/bbws stop --reason "prоd db corrupt"`
      /bbws stop prod "db corrupt"
    stop it is broken
      Nothing is stopped: `it` is not an environment, but may be meant for `sit`. To stop every environment: `/bbws stop --reason "it is broken"`
      /bbws stop sit "is broken"
    stop db corrupt
      Nothing is stopped: `db` is not an environment, but may be meant for `dev`. To stop every environment: `/bbws stop --reason "db corrupt"`
      /bbws stop <env> "db corrupt"
    stop "prod db corrupt"
      Nothing is stopped: `prod db corrupt` is not an environment, but may be meant for `prod`. To stop every environment: `/bbws stop --reason "prod db corrupt"`
      /bbws stop prod "db corrupt"
    stop --reason prod db corrupt
      It is not clear where the reason `prod` ends. Put it in quotes.
      /bbws stop prod "db corrupt"
    stop --reason prod down
      It is not clear where the reason `prod` ends. Put it in quotes.
      /bbws stop prod "down"
    stop --reason
      `--reason` needs a value behind it.
      /bbws stop <env> "why"
    stop bk-1042 wrong environment
      `bk-1042` is an operation, and `stop` stops environments. Nothing is stopped.
      /bbws op cancel bk-1042 --reason "wrong environment"
    stop <env> db corrupt
      `<env>` stands for a value: put yours there. Nothing is stopped.
      /bbws stop <env> "db corrupt"
    stop &lt;env&gt; "why"
      `<env>` stands for a value: put yours there. Nothing is stopped.
      /bbws stop <env> "why"
    stop [env] db corrupt
      `[env]` stands for a value: put yours there. Nothing is stopped.
      /bbws stop <env> "db corrupt"
    stop --environment prod db corrupt
      `stop` has no option `--environment`, only `--reason`.
      /bbws stop prod "db corrupt"
    stop --force db corrupt
      `stop` has no option `--force`, only `--reason`.
      /bbws stop <env> "db corrupt"
    stop prod --force
      `stop` has no option `--force`, only `--reason`.
      /bbws stop prod "why"
    stop prod "--all is lost"
      `stop` has no option `--all is lost`, only `--reason`.
      /bbws stop prod --reason "--all is lost"
    stop prod --reason a --reason b
      `--reason` is there twice. Say it once.
      /bbws stop prod "a b"
    "#);
    assert_eq!(ok("stop everything is on fire"), stop(None, "everything is on fire"));
    assert_eq!(ok("stop \"it is broken\""), stop(None, "it is broken"), "in quotes it is a reason");
    assert_eq!(ok("stop --reason \"prod db corrupt\""), stop(None, "prod db corrupt"), "said in so many words");
    assert_eq!(ok("stop --reason \"db corrupt\" prod"), stop(Some("prod"), "db corrupt"));
    assert_eq!(ok("stop - prod — “db corrupt”"), stop(Some("prod"), "db corrupt"));
    assert_eq!(ok("stop 🔥 Prod burns"), stop(Some("prod"), "burns"));
    assert_eq!(ok("stop 🔥"), stop(None, "🔥"));
    assert_eq!(ok("stop prod sit is affected too"), stop(Some("prod"), "sit is affected too"));
}

#[test]
fn the_line_named_in_a_sentence_about_stop_is_right_too() {
    let said = wrong("stop prd \"db\" \\\\ “corrupt”").said;
    let line = said.split('`').find(|part| part.starts_with("/bbws stop")).expect("it names a line");
    assert_eq!(ok(line), stop(None, "prd db \\ corrupt"));
}

#[test]
fn an_answer_takes_a_reason_as_every_command_does() {
    for (typed, canonical) in [
        ("status --reason \"why\"", "status --reason \"why\""),
        ("status prod --reason why", "status prod --reason \"why\""),
        ("handover --reason \"end of my night\"", "handover --reason \"end of my night\""),
        ("dr status prod --replication --reason why", "dr status prod --replication --reason \"why\""),
        ("backup restore prod --list --type rds --reason why", "backup restore prod list rds --reason \"why\""),
    ] {
        let command = bbws::domain::language::parse(typed, &["dev", "sit", "prod"]).expect(typed);
        assert_eq!((command.canonical().as_str(), command.reason().is_some()), (canonical, true));
        assert!(!command.changes_things(), "{typed}");
    }
}

#[test]
fn what_people_type_and_is_no_command_of_its_own_says_what_comes_nearest() {
    for (typed, nearest) in [
        ("failover prod", "/bbws dr failover prod"),
        ("Failback PROD now", "/bbws dr failback prod"),
        ("drill sit", "/bbws dr test sit infra"),
    ] {
        let wrong = bbws::domain::language::parse(typed, &["dev", "sit", "prod"]).expect_err(typed);
        assert!(wrong.said.contains("is not a command of its own: "), "{typed}: {}", wrong.said);
        let instead = wrong.try_instead.expect(typed);
        assert_eq!(instead, nearest, "{typed}");
        let right = bbws::domain::language::parse(&instead, &["dev", "sit", "prod"]).is_ok();
        assert!(right || instead.contains('<'), "{typed}: {instead} is no command");
    }
    let help = bbws::domain::language::help(&["drill".to_owned()], &["prod"]);
    assert!(help.contains("is not a command of its own") && help.contains("&lt;env&gt;"), "{help}");
    assert!(
        bbws::domain::language::parse("dr-typo prod", &["prod"]).is_err_and(|wrong| !wrong.said.contains("of its own"))
    );
}
