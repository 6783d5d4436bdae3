//! The language of `/bbws`: what is understood, every sentence people get when it is not, every page of help.

mod backups;
mod pages;
mod properties;
mod refusals;
mod restores;
mod schedule;
mod values;

use bbws::domain::{
    command::{Command, Does, Wrong, value},
    language::{help, parse, readme_table, reference, say},
    operations::create::BackupScope,
};

const ENVIRONMENTS: &[&str] = &["dev", "sit", "prod"];
/// What a suggestion leaves to the person.
const OPEN: [&str; 14] = [
    "<rds|pitr|efs|dump|secrets|config|s3|full>",
    "<tabletop|infra|dns|full-drill>",
    "<env>",
    "<id>",
    "<tenant>",
    "<ticket>",
    "<days>",
    "<cron>",
    "<time>",
    "<database>",
    "<bucket>",
    "<tables>",
    "<number>",
    "<@somebody>",
];

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
    let open = OPEN.iter().any(|placeholder| line.contains(placeholder));
    assert!(line.starts_with("/bbws "), "{line:?} is not a whole line");
    assert!(open || parse(line, ENVIRONMENTS).is_ok(), "the suggestion {line:?} is itself wrong");
}

fn topic(text: &str) -> Vec<String> {
    let command = ok(text);
    assert_eq!(command.does(), Does::Explain, "{text:?} should ask for help, and is {command:?}");
    command.values().topic.clone()
}

/// The command of that name, with what is said of it.
fn about(name: &str, environment: Option<&str>, values: &[(&str, Option<&str>)]) -> Command {
    let said = values.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
    let values: Vec<(&str, &str)> = environment.map(|e| ("environment", e)).into_iter().chain(said).collect();
    say(name, &values).unwrap_or_else(|| panic!("{name} takes {values:?}"))
}

fn op(verb: &str, reason: Option<&str>) -> Command {
    about(&format!("op.{verb}"), None, &[("id", Some("bk-1042")), ("reason", reason)])
}

fn backup(scope: BackupScope, tenant: Option<&str>, reason: Option<&str>) -> Command {
    about("backup.create", Some("prod"), &[("type", Some(scope.as_str())), ("tenant", tenant), ("reason", reason)])
}

fn stop(environment: Option<&str>, reason: &str) -> Command {
    about("stop", environment, &[("reason", Some(reason))])
}

#[test]
fn understands_every_command() {
    let reason = Some("too risky");
    for (text, command) in [
        ("backup create prod", backup(BackupScope::Full, None, None)),
        ("backup create prod rds", backup(BackupScope::Rds, None, None)),
        ("backup create prod --type secrets", backup(BackupScope::Secrets, None, None)),
        ("backup create --type=efs prod", backup(BackupScope::Efs, None, None)),
        ("backup create prod efs --type EFS", backup(BackupScope::Efs, None, None)),
        ("backup create prod --tenant tenant-1", backup(BackupScope::Full, Some("tenant-1"), None)),
        ("backup create --reason 'Before Release' prod", backup(BackupScope::Full, None, Some("Before Release"))),
        ("op list", about("op.list", None, &[])),
        ("op list sit", about("op.list", Some("sit"), &[])),
        ("op show bk-1042", op("show", None)),
        ("op cancel bk-1042", op("cancel", None)),
        ("op cancel bk-1042 --reason \"too risky\"", op("cancel", reason)),
        ("op retry bk-1042", op("retry", None)),
        ("op pause bk-1042", op("pause", None)),
        ("op stop bk-1042", op("stop", None)),
        ("op skip dr-17", about("op.skip", None, &[("id", Some("dr-17"))])),
        ("op force dr-17", about("op.force", None, &[("id", Some("dr-17"))])),
        ("op resume bk-1042", op("resume", None)),
        ("op reject bk-1042", op("reject", None)),
        ("op reject bk-1042 --reason \"too risky\"", op("reject", reason)),
        ("op approve bk-1042", op("approve", None)),
        ("stop prod db corrupt", stop(Some("prod"), "db corrupt")),
        ("stop \"we are under attack\"", stop(None, "we are under attack")),
        ("resume", about("resume", None, &[])),
        ("resume prod --reason \"too risky\"", about("resume", Some("prod"), &[("reason", reason)])),
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
    assert_eq!(ok("Op SHOW BK-1042"), op("show", None));
    assert_eq!(ok("STOP Prod DB Corrupt"), stop(Some("prod"), "DB Corrupt"));
    assert_eq!(
        parse("op list PROD", &["Prod"]),
        Ok(about("op.list", Some("Prod"), &[])),
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
    assert_eq!(ok("op show BK–1042"), op("show", None));
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
    assert_eq!(ok("op sh\u{200b}ow bk-\u{202e}1042\u{7}"), op("show", None));
    assert_eq!(ok("stop prod \u{202e}a\u{2066}b\u{feff}\u{0}c"), stop(Some("prod"), "abc"));
    assert_eq!(value::reason("a\u{202e}b\r\nc").as_deref(), Ok("ab c"));
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
    assert_eq!(ok("/bbws op list"), about("op.list", None, &[]));
    assert_eq!(ok("BBWS op list"), about("op.list", None, &[]));
}

#[test]
fn every_kind_of_value_says_what_is_wrong_and_is_completed() {
    let mut said = String::new();
    for kind in value::SHARED {
        // What is refused, what is lacking, and what stands for it in a suggestion.
        let refused = (kind.read)(kind, "?!", ENVIRONMENTS).err().map(|wrong| wrong.said).unwrap_or_default();
        let lacking = (kind.lacking)(ENVIRONMENTS);
        said.push_str(&format!("{}: {refused} | {lacking} | {}\n", kind.name, kind.open.unwrap_or("-")));
        for (called, word) in kind.called {
            assert_eq!(kind.exactly(word), Some(*word), "{called} of {} means nothing", kind.name);
        }
    }
    insta::assert_snapshot!(said, @r"
    environment: `?!` is not an environment. It is one of these: dev, sit or prod. | an environment: dev, sit or prod. | <env>
    operation: `?!` is not an operation id. One looks like `bk-1042`. | the id of an operation, such as `bk-1042`. | <id>
    recovery point: `?!` is not the id of a recovery point. Copy one from what `backup list` shows. | the id of a recovery point, as `backup list` shows it. | <id>
    tenant: `?!` is not a tenant. One has letters, digits, `-`, `_` and dots inside only, at most 128. |  | <tenant>
    ticket: `?!` is not a ticket. One has letters, digits, `-`, `_` and `#` only, at most 64: `INC-123`. | a ticket, so that others know who asked for the hold and when it may end: `--ticket INC-123`. | <ticket>
    reason:  | a reason, so that others know why. | -
    topic:  |  | -
    kind of backup: `?!` is not a kind of backup. It is rds, efs, secrets, config, s3 or dump. |  | -
    scheduled kind: `?!` is not something that has a schedule. It is rds, efs, own, secrets, config, s3, dump, lifecycle, inventory, replication, dr-check, dump-test, restore-test, pitr-test or dr-restore-test. |  | -
    duration: `?!` is not a length of time. Write a number and `m`, `h` or `d`, such as `7d`. |  | 7d
    time: `?!` is not a time with its zone. One looks like `2026-03-01T02:30:00Z` or `2026-03-01T04:30:00+02:00`. |  | -
    days: `?!` is not a number of days to keep. Write a whole one from 1 to 36500. |  | <days>
    cron: `?!` has 1 field; AWS has six: `cron(minute hour day-of-month month day-of-week year)`, such as `cron(0 2 * * ? *)`. |  | <cron>
    flag:  |  | -
    check:  |  | -
    ");
    assert_eq!(BackupScope::Efs.to_string().parse(), Ok(BackupScope::Efs));
}
