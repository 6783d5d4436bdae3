//! The language of `/bbws`: what is understood, every sentence people get when it is not, every page of help.

use bbws::domain::command::{BackupScope, Command, Wrong, help, parse, readme_table, reference, validate};
use proptest::prelude::*;

const ENVIRONMENTS: &[&str] = &["dev", "sit", "prod"];

fn ok(text: &str) -> Command {
    parse(text, ENVIRONMENTS).unwrap_or_else(|wrong| panic!("{text:?} should be understood: {wrong:?}"))
}

fn wrong(text: &str) -> Wrong {
    match parse(text, ENVIRONMENTS) {
        Ok(command) => panic!("{text:?} should be refused, and is {command:?}"),
        Err(wrong) => wrong,
    }
}

/// What people read after typing each line. Every suggestion must itself be right, or leave a value open.
fn answers(lines: &[&str]) -> String {
    let answer = |line: &&str| {
        let Wrong { said, try_instead } = wrong(line);
        if let Some(line) = &try_instead {
            assert_sound(line);
        }
        format!("{line}\n  {said}\n  {}\n", try_instead.as_deref().unwrap_or("-"))
    };
    lines.iter().map(answer).collect()
}

fn assert_sound(line: &str) {
    let open = ["<env>", "<id>", "<tenant>"].iter().any(|placeholder| line.contains(placeholder));
    assert!(line.starts_with("/bbws "), "{line:?} is not a whole line");
    assert!(open || parse(line, ENVIRONMENTS).is_ok(), "the suggestion {line:?} is itself wrong");
}

fn topic(text: &str) -> Vec<String> {
    match ok(text) {
        Command::Help { topic } => topic,
        other => panic!("{text:?} should ask for help, and is {other:?}"),
    }
}

fn backup(scope: BackupScope, tenant: Option<&str>, reason: Option<&str>) -> Command {
    let (tenant, reason) = (tenant.map(str::to_owned), reason.map(str::to_owned));
    Command::BackupCreate { environment: "prod".into(), scope, tenant, reason }
}

fn stop(environment: Option<&str>, reason: &str) -> Command {
    Command::Stop { environment: environment.map(str::to_owned), reason: reason.into() }
}

#[test]
fn understands_every_command() {
    let (id, reason) = (|| "bk-1042".to_owned(), || Some("too risky".to_owned()));
    for (text, command) in [
        ("backup create prod", backup(BackupScope::Full, None, None)),
        ("backup create prod rds", backup(BackupScope::Rds, None, None)),
        ("backup create prod --type secrets", backup(BackupScope::Secrets, None, None)),
        ("backup create --type=efs prod", backup(BackupScope::Efs, None, None)),
        ("backup create prod efs --type EFS", backup(BackupScope::Efs, None, None)),
        ("backup create prod --tenant tenant-1", backup(BackupScope::Full, Some("tenant-1"), None)),
        ("backup create --reason 'Before Release' prod", backup(BackupScope::Full, None, Some("Before Release"))),
        ("op list", Command::OpList { environment: None }),
        ("op list sit", Command::OpList { environment: Some("sit".into()) }),
        ("op show bk-1042", Command::OpShow { id: id() }),
        ("op cancel bk-1042", Command::OpCancel { id: id(), reason: None }),
        ("op cancel bk-1042 --reason \"too risky\"", Command::OpCancel { id: id(), reason: reason() }),
        ("op retry bk-1042", Command::OpRetry { id: id() }),
        ("op pause bk-1042", Command::OpPause { id: id() }),
        ("op resume bk-1042", Command::OpResume { id: id() }),
        ("op reject bk-1042", Command::OpReject { id: id(), reason: None }),
        ("op reject bk-1042 --reason \"too risky\"", Command::OpReject { id: id(), reason: reason() }),
        ("op approve bk-1042", Command::OpApprove { id: id() }),
        ("stop prod db corrupt", stop(Some("prod"), "db corrupt")),
        ("stop \"we are under attack\"", stop(None, "we are under attack")),
        ("resume", Command::Resume { environment: None, reason: None }),
        ("resume prod --reason \"too risky\"", Command::Resume { environment: Some("prod".into()), reason: reason() }),
    ] {
        assert_eq!(ok(text), command, "{text}");
    }
}

#[test]
fn words_may_be_in_any_case_but_reasons_keep_theirs() {
    assert_eq!(
        ok("BACKUP Create PROD Rds --TENANT Tenant_A --Reason \"DB is Slow\""),
        backup(BackupScope::Rds, Some("Tenant_A"), Some("DB is Slow"))
    );
    assert_eq!(ok("Op SHOW BK-1042"), Command::OpShow { id: "bk-1042".into() });
    assert_eq!(ok("STOP Prod DB Corrupt"), stop(Some("prod"), "DB Corrupt"));
    assert_eq!(
        parse("op list PROD", &["Prod"]),
        Ok(Command::OpList { environment: Some("Prod".into()) }),
        "the configuration's spelling is what counts"
    );
}

#[test]
fn undoes_what_phones_do() {
    let expected = backup(BackupScope::Rds, None, Some("before release"));
    for text in [
        "backup create prod rds —reason “before release”",
        "backup create prod rds –reason ‘before release’",
        "backup create prod —type rds –-reason=“before release”",
        "backup\u{a0}create\u{202f}prod\u{a0}rds −−reason „before release”",
        "  backup\tcreate\nprod rds --reason \"before\n release\"  ",
        "backup create prod rds --reason before\\ release",
    ] {
        assert_eq!(ok(text), expected, "{text}");
    }
    assert_eq!(ok("op show BK–1042"), Command::OpShow { id: "bk-1042".into() });
    assert_eq!(ok("stop prod — db corrupt"), stop(Some("prod"), "db corrupt"));
}

#[test]
fn undoes_slacks_escapes_once() {
    for (sent, reason) in [
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("&amp;lt;", "&lt;"),
        ("said <@U123|alice> in <#C0OPS|ops>", "said U123 in C0OPS"),
        ("<@U123> and <!subteam^S1|@dbas>", "U123 and S1"),
        ("<!here> <!channel|@channel>", "@here @channel"),
        ("see <https://x.example/?a=1&amp;b=2|INC-7>", "see https://x.example/?a=1&b=2"),
        ("<http://wp.example|wp.example> is down", "wp.example is down"),
        ("<mailto:a@b.example|a@b.example> wrote", "a@b.example wrote"),
        ("1 < 2 <nonsense> <@> <", "1 < 2 <nonsense> <@> <"),
    ] {
        assert_eq!(ok(&format!("stop prod {sent}")), stop(Some("prod"), reason), "{sent}");
    }
}

#[test]
fn reads_quotes_as_people_mean_them() {
    for (typed, reason) in [
        ("db's gone, can't reach it", "db's gone, can't reach it"),
        ("“it’s gone”", "it’s gone"),
        ("'can't reach it'", "can't reach it"),
        ("see \\\"the\\\" log", "see \"the\" log"),
        ("\"a \\\"quoted\\\" word and a \\\\ \"", "a \"quoted\" word and a \\"),
        ("#incident C:\\tmp is full", "#incident C:\\tmp is full"),
        ("--reason db corrupt", "db corrupt"),
        ("--reason=\"db corrupt\"", "db corrupt"),
        ("db corrupt --reason really", "db corrupt really"),
        ("--reason \"-5 disks\"", "-5 disks"),
    ] {
        assert_eq!(ok(&format!("stop prod {typed}")), stop(Some("prod"), reason), "{typed}");
    }
}

#[test]
fn invisible_characters_hide_nothing() {
    assert_eq!(ok("op sh\u{200b}ow bk-\u{202e}1042\u{7}"), Command::OpShow { id: "bk-1042".into() });
    assert_eq!(ok("stop prod \u{202e}a\u{2066}b\u{feff}\u{0}c"), stop(Some("prod"), "abc"));
    assert_eq!(validate::reason("a\u{202e}b\r\nc").as_deref(), Ok("ab c"));
}

#[test]
fn help_is_found_anywhere() {
    for text in
        ["", "   ", "help", "HELP", "--help", "-h", "—help", "/bbws", "/bbws help", "help help", "--help backup"]
    {
        assert_eq!(topic(text), [""; 0], "{text}");
    }
    for text in [
        "help backup create",
        "backup create --help",
        "backup create prod --tenant x --help",
        "backup create nowhere –help rds",
        "Help BACKUP Create prod",
        "/bbws backup create -h",
    ] {
        assert_eq!(topic(text), ["backup", "create"], "{text}");
    }
    assert_eq!(topic("help backup"), ["backup"]);
    assert_eq!(topic("backup --help"), ["backup"]);
    assert_eq!(topic("stop prod db corrupt --help"), ["stop"]);
    assert_eq!(topic("help bakup crate"), ["bakup", "crate"]);
    assert_eq!(ok("stop prod --reason \"--help\""), stop(Some("prod"), "--help"), "in quotes it is a value");
}

#[test]
fn a_pasted_slash_command_is_the_command() {
    assert_eq!(ok("/bbws op list"), Command::OpList { environment: None });
    assert_eq!(ok("BBWS op list"), Command::OpList { environment: None });
}

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
      `backup` needs a second word: create.
      /bbws backup create <env> full
    backup prod
      `backup` cannot be followed by `prod`, only by create.
      /bbws backup create prod full
    backup delete prod
      `backup` cannot be followed by `delete`, only by create.
      /bbws help backup
    op
      `op` needs a second word: list, show, approve, reject, cancel, retry, pause or resume.
      /bbws help op
    op 1042
      `op` cannot be followed by `1042`, only by list, show, approve, reject, cancel, retry, pause or resume.
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
      `op` cannot be followed by `aproove`, only by list, show, approve, reject, cancel, retry, pause or resume.
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
      `databases` is not something to back up. It is full, rds, efs or secrets.
      /bbws backup create prod rds
    backup create prod files
      `files` is not something to back up. It is full, rds, efs or secrets.
      /bbws backup create prod efs
    backup create prod rsd
      `rsd` is not something to back up. It is full, rds, efs or secrets.
      /bbws backup create prod rds
    backup create prod --type
      `--type` needs a value behind it.
      /bbws backup create prod full
    backup create prod --type mysql
      `mysql` is not something to back up. It is full, rds, efs or secrets.
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
      `a b` is not a tenant. One has letters, digits, `-` and `_` only, at most 128.
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
fn identifiers_have_their_shape() {
    for id in ["bk-1", "DR-17", "bk-999999999"] {
        assert_eq!(validate::operation_id(id), Ok(id.to_lowercase()));
    }
    for id in [
        "",
        "bk",
        "bk-",
        "-1",
        "b-1",
        "bkk-1",
        "bk-1234567890",
        "bk-1a",
        "b1-1",
        "bk-１",
        "\u{212a}b-1",
        "bk-1 ",
        "bk--1",
    ] {
        assert!(validate::operation_id(id).is_err(), "{id:?}");
    }
    for id in ["a", "tenant-1", "T_9", &"x".repeat(128)] {
        assert_eq!(validate::identifier("tenant", id).as_deref(), Ok(id));
    }
    for id in ["", "a b", "a/b", "../x", "é", "a;b", &"x".repeat(129)] {
        assert!(validate::identifier("tenant", id).is_err(), "{id:?}");
    }
}

#[test]
fn timestamps_have_a_zone_and_are_past() {
    let now: jiff::Timestamp = "2026-03-01T12:00:00Z".parse().expect("a timestamp");
    let half_past_two: jiff::Timestamp = "2026-03-01T02:30:00Z".parse().expect("a timestamp");
    for text in [
        "2026-03-01T02:30:00Z",
        "2026-03-01T02:30Z",
        "2026-03-01T04:30:00+02:00",
        "2026-03-01T04:30:00.000+02:00",
        "2026-03-01t02:30:00z",
        "2026–03–01T02:30:00Z",
    ] {
        assert_eq!(validate::timestamp(text, now), Ok(half_past_two), "{text}");
    }
    assert_eq!(validate::timestamp("2026-03-01T12:00:00Z", now), Ok(now), "now is not the future");
    let mut said = String::new();
    for text in [
        "",
        "yesterday",
        "2026-03-01",
        "2026-03-01T02:30:00",
        "2026-03-01 02:30:00Z",
        "2026-03-01T02:30:00[Africa/Johannesburg]",
        "2026-02-30T02:30:00Z",
        "2026-03-01T25:30:00Z",
        "2026-03-01T12:00:01Z",
        "2026-03-01T12:00:00-02:00",
    ] {
        said.push_str(&format!("{}\n", validate::timestamp(text, now).expect_err(text).said));
    }
    insta::assert_snapshot!(said, @r"
    (nothing) is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
    `yesterday` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
    `2026-03-01` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
    `2026-03-01T02:30:00` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
    `2026-03-01 02:30:00Z` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
    `2026-03-01T02:30:00[Africa/Johannesburg]` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
    `2026-02-30T02:30:00Z` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
    `2026-03-01T25:30:00Z` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`.
    `2026-03-01T12:00:01Z` is in the future: it is 2026-03-01T12:00:00Z now.
    `2026-03-01T12:00:00-02:00` is in the future: it is 2026-03-01T12:00:00Z now.
    ");
}

#[test]
fn reasons_fit_in_one_line() {
    assert_eq!(validate::reason("  a\n b ").as_deref(), Ok("a b"));
    assert!(validate::reason(" \u{200b}\n").is_err());
    assert!(validate::reason(&"x".repeat(501)).is_err());
}

#[test]
fn the_overview() {
    insta::assert_snapshot!(help(&[], ENVIRONMENTS), @r#"
    *Backups*
    • `/bbws backup create &lt;env&gt; [full|rds|efs|secrets] [--tenant ID] [--reason "why"]`
       Back up an environment and check the backup

    *Operations*
    • `/bbws op list [env]`
       List operations, newest first
    • `/bbws op show &lt;id&gt;`
       Show one operation with its steps
    • `/bbws op approve &lt;id&gt;`
       Approve an operation, as its button does
    • `/bbws op reject &lt;id&gt; [--reason "why"]`
       Reject an operation, as its button does
    • `/bbws op cancel &lt;id&gt; [--reason "why"]`
       Cancel an operation
    • `/bbws op retry &lt;id&gt;`
       Try again what failed
    • `/bbws op pause &lt;id&gt;`
       Hold an operation before its next step
    • `/bbws op resume &lt;id&gt;`
       Go on with a paused operation

    *Emergency*
    • `/bbws stop [env] &lt;reason&gt;`
       Stop everything at once, or everything in one environment
    • `/bbws resume [env] [--reason "why"]`
       End a stop

    Environments: dev, sit, prod.
    A typo never does anything: you are shown the command you may have meant. More about one command: `/bbws help backup create`.
    "#);
}

#[test]
fn the_pages_of_backup() {
    insta::assert_snapshot!(help(&topic("help backup"), ENVIRONMENTS), @r#"
    • `/bbws backup create &lt;env&gt; [full|rds|efs|secrets] [--tenant ID] [--reason "why"]`
       Back up an environment and check the backup

    More about one command: `/bbws help backup create`.
    "#);
    insta::assert_snapshot!(help(&topic("help backup create"), ENVIRONMENTS), @r#"
    *Back up an environment and check the backup*
    `/bbws backup create &lt;env&gt; [full|rds|efs|secrets] [--tenant ID] [--reason "why"]`

    Takes a snapshot of the databases, a backup of the files and an encrypted export of the secrets; copies them to the DR region where the environment replicates; then checks every one. Nothing is deleted or overwritten. Where the policy asks for approval, nothing starts before it is given.

    • `env`: which environment (dev, sit, prod)
    • `full|rds|efs|secrets`: `rds` is the databases, `efs` the files, `secrets` the secrets, `full` all three (what you get when you say nothing); `--type rds` works too
    • `--tenant`: only this tenant's database, files and secrets
    • `--reason`: why, in quotes; others see it and it stays in the audit log

    *Examples*
    `/bbws backup create prod full`
    `/bbws backup create prod rds --reason "before the release"`
    `/bbws backup create prod --type secrets --tenant tenant-1`

    *Who may:* anyone in a role.
    "#);
}

#[test]
fn the_pages_of_op() {
    insta::assert_snapshot!(help(&topic("help op"), ENVIRONMENTS), @r#"
    • `/bbws op list [env]`
       List operations, newest first
    • `/bbws op show &lt;id&gt;`
       Show one operation with its steps
    • `/bbws op approve &lt;id&gt;`
       Approve an operation, as its button does
    • `/bbws op reject &lt;id&gt; [--reason "why"]`
       Reject an operation, as its button does
    • `/bbws op cancel &lt;id&gt; [--reason "why"]`
       Cancel an operation
    • `/bbws op retry &lt;id&gt;`
       Try again what failed
    • `/bbws op pause &lt;id&gt;`
       Hold an operation before its next step
    • `/bbws op resume &lt;id&gt;`
       Go on with a paused operation

    More about one command: `/bbws help op list`.
    "#);
    insta::assert_snapshot!(help(&topic("help op list"), ENVIRONMENTS), @r"
    *List operations, newest first*
    `/bbws op list [env]`

    Shows only you what runs, what waits and what is over. Changes nothing.

    • `env`: only this environment; all of them when left out (dev, sit, prod)

    *Examples*
    `/bbws op list`
    `/bbws op list prod`

    *Who may:* everyone in the workspace.
    ");
    insta::assert_snapshot!(help(&topic("help op show"), ENVIRONMENTS), @r"
    *Show one operation with its steps*
    `/bbws op show &lt;id&gt;`

    Shows only you the state, the steps and the votes. Changes nothing.

    • `id`: the operation's id, as its card shows it

    *Examples*
    `/bbws op show bk-1042`

    *Who may:* everyone in the workspace.
    ");
    insta::assert_snapshot!(help(&topic("help op approve"), ENVIRONMENTS), @r"
    *Approve an operation, as its button does*
    `/bbws op approve &lt;id&gt;`

    Counts your vote for exactly the plan the card shows. It starts once enough people have approved.

    • `id`: the operation's id, as its card shows it

    *Examples*
    `/bbws op approve bk-1042`

    *Who may:* whoever the approval policy names, never the person who asked.
    ");
    insta::assert_snapshot!(help(&topic("help op reject"), ENVIRONMENTS), @r#"
    *Reject an operation, as its button does*
    `/bbws op reject &lt;id&gt; [--reason "why"]`

    Ends an operation that awaits approval. It never runs; asking again makes a new one.

    • `id`: the operation's id, as its card shows it
    • `--reason`: why, in quotes; others see it and it stays in the audit log

    *Examples*
    `/bbws op reject bk-1042 --reason "release is under way"`

    *Who may:* anyone in a role.
    "#);
    insta::assert_snapshot!(help(&topic("help op cancel"), ENVIRONMENTS), @r#"
    *Cancel an operation*
    `/bbws op cancel &lt;id&gt; [--reason "why"]`

    No further step starts. What AWS has already begun is watched to its end and reported.

    • `id`: the operation's id, as its card shows it
    • `--reason`: why, in quotes; others see it and it stays in the audit log

    *Examples*
    `/bbws op cancel bk-1042`
    `/bbws op cancel bk-1042 --reason "wrong environment"`

    *Who may:* anyone in a role.
    "#);
    insta::assert_snapshot!(help(&topic("help op retry"), ENVIRONMENTS), @r"
    *Try again what failed*
    `/bbws op retry &lt;id&gt;`

    Runs the failed steps again. What is already done stays done and is not made twice.

    • `id`: the operation's id, as its card shows it

    *Examples*
    `/bbws op retry bk-1042`

    *Who may:* anyone in a role.
    ");
    insta::assert_snapshot!(help(&topic("help op pause"), ENVIRONMENTS), @r"
    *Hold an operation before its next step*
    `/bbws op pause &lt;id&gt;`

    No further step starts until somebody resumes it. What AWS has already begun goes on.

    • `id`: the operation's id, as its card shows it

    *Examples*
    `/bbws op pause bk-1042`

    *Who may:* anyone in a role.
    ");
    insta::assert_snapshot!(help(&topic("help op resume"), ENVIRONMENTS), @r"
    *Go on with a paused operation*
    `/bbws op resume &lt;id&gt;`

    The operation goes on with its next step.

    • `id`: the operation's id, as its card shows it

    *Examples*
    `/bbws op resume bk-1042`

    *Who may:* anyone in a role.
    ");
}

#[test]
fn the_pages_of_emergency() {
    insta::assert_snapshot!(help(&topic("help stop"), ENVIRONMENTS), @r#"
    *Stop everything at once, or everything in one environment*
    `/bbws stop [env] &lt;reason&gt;`

    From this moment nothing new starts. What AWS has already begun is watched to its end and reported. No approval is needed; starting again takes two people.

    • `env`: only this environment; *every* environment when left out (dev, sit, prod)
    • `reason`: why; others see it and it stays in the audit log

    *Examples*
    `/bbws stop prod "database looks corrupt"`
    `/bbws stop "we are under attack"`

    *Who may:* anyone in a role.
    "#);
    insta::assert_snapshot!(help(&topic("help resume"), ENVIRONMENTS), @r#"
    *End a stop*
    `/bbws resume [env] [--reason "why"]`

    Operations may start again once a second person has agreed.

    • `env`: the environment that is stopped; left out, the stop of every environment (dev, sit, prod)
    • `--reason`: why, in quotes; others see it and it stays in the audit log

    *Examples*
    `/bbws resume prod --reason "false alarm"`

    *Who may:* anyone in a role, and a second person has to agree.
    "#);
}

#[test]
fn help_on_what_is_not_there() {
    let first = |text: &str| help(&topic(text), ENVIRONMENTS).lines().next().unwrap_or_default().to_owned();
    insta::assert_snapshot!(first("help bakup crate"), @r"There is no command `bakup crate`. Did you mean `/bbws help backup create`?");
    insta::assert_snapshot!(first("help frobnicate"), @r"There is no command `frobnicate`.");
    insta::assert_snapshot!(first("help `<!channel>`&amp;"), @r"There is no command `'@channel'&amp;`.");
}

#[test]
fn every_example_is_a_command_of_its_page() {
    let mut examples = 0;
    for environments in [ENVIRONMENTS, &["alpha", "beta"]] {
        for usage in reference() {
            let words: Vec<String> = usage
                .usage
                .split(' ')
                .skip(1)
                .take_while(|word| !word.starts_with(['<', '[']))
                .map(str::to_owned)
                .collect();
            let page = help(&words, environments);
            for line in page.split("*Examples*").nth(1).unwrap_or_default().lines() {
                let Some(example) = line.strip_prefix('`').and_then(|line| line.strip_suffix('`')) else {
                    continue;
                };
                let command = parse(example, environments).unwrap_or_else(|wrong| panic!("{example}: {wrong:?}"));
                assert_eq!(command.name(), words.join("."), "{example}");
                examples += 1;
            }
        }
    }
    assert!(examples >= 2 * 14, "only {examples} examples were found");
}

#[test]
fn the_readme_table() {
    insta::assert_snapshot!(readme_table(), @r#"
    | command | does | who |
    |---|---|---|
    | `/bbws backup create <env> [full\|rds\|efs\|secrets] [--tenant ID] [--reason "why"]` | Back up an environment and check the backup | anyone in a role |
    | `/bbws op list [env]` | List operations, newest first | everyone in the workspace |
    | `/bbws op show <id>` | Show one operation with its steps | everyone in the workspace |
    | `/bbws op approve <id>` | Approve an operation, as its button does | whoever the approval policy names, never the person who asked |
    | `/bbws op reject <id> [--reason "why"]` | Reject an operation, as its button does | anyone in a role |
    | `/bbws op cancel <id> [--reason "why"]` | Cancel an operation | anyone in a role |
    | `/bbws op retry <id>` | Try again what failed | anyone in a role |
    | `/bbws op pause <id>` | Hold an operation before its next step | anyone in a role |
    | `/bbws op resume <id>` | Go on with a paused operation | anyone in a role |
    | `/bbws stop [env] <reason>` | Stop everything at once, or everything in one environment | anyone in a role |
    | `/bbws resume [env] [--reason "why"]` | End a stop | anyone in a role, and a second person has to agree |
    | `/bbws help [command]` | Explain the commands, or one of them | everyone in the workspace |
    "#);
}

#[test]
fn only_reading_changes_nothing() {
    let reading: Vec<&str> =
        one_of_each().iter().filter(|command| !command.changes_things()).map(Command::name).collect();
    assert_eq!(reading, ["help", "op.list", "op.show"]);
    let names: Vec<&str> = one_of_each().iter().map(Command::name).collect();
    let listed: Vec<String> = reference().iter().map(|usage| usage.usage.clone()).collect();
    assert_eq!(listed.len(), names.len());
    for name in names {
        let begin = format!("/bbws {}", name.replace('.', " "));
        assert!(listed.iter().any(|usage| usage.starts_with(&begin)), "{name} is missing from the reference");
    }
}

fn one_of_each() -> Vec<Command> {
    [
        "help",
        "backup create prod",
        "op list",
        "op show bk-1",
        "op cancel bk-1",
        "op retry bk-1",
        "op pause bk-1",
        "op resume bk-1",
        "op reject bk-1",
        "op approve bk-1",
        "stop prod why",
        "resume",
    ]
    .map(ok)
    .to_vec()
}

#[test]
fn commands_can_be_kept_as_json() {
    let command = backup(BackupScope::Rds, None, Some("why"));
    let json = serde_json::to_string(&command).expect("it serialises");
    insta::assert_snapshot!(json, @r#"{"BackupCreate":{"environment":"prod","scope":"rds","tenant":null,"reason":"why"}}"#);
    assert_eq!(serde_json::from_str::<Command>(&json).expect("it is read back"), command);
    assert_eq!(BackupScope::Efs.to_string().parse(), Ok(BackupScope::Efs));
}

fn reasons() -> impl Strategy<Value = String> {
    let words =
        prop::collection::vec(prop_oneof!["\\PC{1,12}", "[a-z'\"“”‘’—–&<>@#|;\\\\-]{1,8}", hostile_words()], 1..6);
    words.prop_filter_map("a reason that stands", |words| validate::reason(&words.join(" ")).ok())
}

/// Words that mean something to the grammar, near misses, and what may confuse it.
fn hostile_words() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "backup",
        "create",
        "bakup",
        "op",
        "list",
        "cancel",
        "approve",
        "stop",
        "resume",
        "help",
        "prod",
        "prd",
        "dev",
        "sit",
        "full",
        "rds",
        "--type",
        "--type=rds",
        "--tenant",
        "--reason",
        "--reason=",
        "—reason",
        "--help",
        "--",
        "-",
        "—",
        "-x",
        "bk-1042",
        "BK–7",
        "&lt;",
        "&amp;amp;",
        "<@U1|x>",
        "<#C1>",
        "<https://x|y>",
        "<env>",
        "\"",
        "“",
        "'",
        "\\",
        "=",
        "/bbws",
        "\u{202e}",
        "\u{a0}",
        "\u{200b}",
        "\0",
        "",
        "db",
        "it",
    ])
    .prop_map(str::to_owned)
}

fn commands() -> impl Strategy<Value = Command> {
    let environment = || prop::sample::select(ENVIRONMENTS).prop_map(str::to_owned);
    let some_environment = move || prop::option::of(environment());
    let reason = || prop::option::of(reasons());
    let id = || "[a-z]{2}-[0-9]{1,9}";
    let scope = prop::sample::select(BackupScope::ALL.to_vec());
    let tenant = prop::option::of("[a-zA-Z0-9_-]{1,128}");
    let words = prop::collection::vec(prop_oneof!["\\PC{1,12}", hostile_words()], 0..4);
    prop_oneof![
        (environment(), scope, tenant, reason()).prop_map(|(environment, scope, tenant, reason)| {
            Command::BackupCreate { environment, scope, tenant, reason }
        }),
        some_environment().prop_map(|environment| Command::OpList { environment }),
        id().prop_map(|id| Command::OpShow { id }),
        (id(), reason()).prop_map(|(id, reason)| Command::OpCancel { id, reason }),
        id().prop_map(|id| Command::OpRetry { id }),
        id().prop_map(|id| Command::OpPause { id }),
        id().prop_map(|id| Command::OpResume { id }),
        (id(), reason()).prop_map(|(id, reason)| Command::OpReject { id, reason }),
        id().prop_map(|id| Command::OpApprove { id }),
        (some_environment(), reasons()).prop_map(|(environment, reason)| Command::Stop { environment, reason }),
        (some_environment(), reason()).prop_map(|(environment, reason)| Command::Resume { environment, reason }),
        words.prop_filter_map("a request for help", |words| {
            let text = format!("help {}", words.join(" "));
            parse(&text, ENVIRONMENTS).ok().filter(|command| command.name() == "help")
        }),
    ]
}

/// What must hold for every text whatever: it is the command it begins with, or it is refused with a sound suggestion.
fn assert_harmless(text: &str) -> Result<(), TestCaseError> {
    match parse(text, ENVIRONMENTS) {
        Ok(command) if command.changes_things() => {
            let plain: String = text.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>().to_lowercase();
            let plain = plain.strip_prefix("bbws").unwrap_or(&plain);
            let begin = command.name().replace('.', "");
            prop_assert!(plain.starts_with(&begin), "{text:?} became {command:?}");
            prop_assert_eq!(parse(&command.canonical(), ENVIRONMENTS), Ok(command));
        }
        Ok(Command::Help { topic }) => {
            help(&topic, ENVIRONMENTS);
        }
        Ok(_) => {}
        Err(Wrong { said, try_instead }) => {
            prop_assert!(!said.is_empty() && said.chars().count() < 400, "{said}");
            prop_assert!(!said.contains('\n') && !said.contains("Usage"), "{said}");
            assert_sound(&try_instead.expect("every refusal suggests a line"));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_does_nothing(text in any::<String>()) {
        assert_harmless(&text)?;
    }

    #[test]
    fn arbitrary_words_do_only_what_they_say(words in prop::collection::vec(prop_oneof![9 => hostile_words(), 1 => any::<String>()], 0..9)) {
        assert_harmless(&words.join(" "))?;
    }

    #[test]
    fn commands_followed_by_anything_are_themselves_or_refused(command in commands(), rest in any::<String>(), glue in " ?") {
        assert_harmless(&format!("{}{glue}{rest}", command.canonical()))?;
    }

    #[test]
    fn every_command_survives_its_canonical_text(command in commands()) {
        prop_assert_eq!(parse(&command.canonical(), ENVIRONMENTS), Ok(command));
    }

    #[test]
    fn a_stop_names_its_environment_exactly_or_none_near(first in "[a-z]{1,6}", rest in "[a-z]{3,9}") {
        if let Ok(Command::Stop { environment, .. }) = parse(&format!("stop {first} {rest}"), ENVIRONMENTS) {
            let least = ENVIRONMENTS.iter().map(|known| strsim::levenshtein(known, &first)).min();
            let wide = environment.is_none() && least > Some(2);
            prop_assert!(wide || environment.as_deref() == Some(first.as_str()), "stop {} gave {:?}", first, environment);
        }
    }
}
