//! The language of `/bbws`: what is understood, every sentence people get when it is not, every page of help.

mod backups;
mod pages;
mod properties;
mod refusals;
mod schedule;
mod values;

use bbws::domain::command::{BackupScope, Command, Wrong, help, parse, readme_table, reference, validate};

const ENVIRONMENTS: &[&str] = &["dev", "sit", "prod"];
/// What a suggestion leaves to the person.
const OPEN: [&str; 6] = ["<env>", "<id>", "<tenant>", "<ticket>", "<days>", "<cron>"];

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
        ("op stop bk-1042", Command::OpStop { id: id() }),
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
fn commands_can_be_kept_as_json() {
    let command = backup(BackupScope::Rds, None, Some("why"));
    let json = serde_json::to_string(&command).expect("it serialises");
    insta::assert_snapshot!(json, @r#"{"BackupCreate":{"environment":"prod","scope":"rds","tenant":null,"reason":"why"}}"#);
    assert_eq!(serde_json::from_str::<Command>(&json).expect("it is read back"), command);
    assert_eq!(BackupScope::Efs.to_string().parse(), Ok(BackupScope::Efs));
}
