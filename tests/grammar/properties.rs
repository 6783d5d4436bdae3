//! What holds for every text whatever: it does what it says, or nothing.

use bbws::domain::{
    environment::Span,
    moment::Moment,
    operations::{
        schedule::ScheduleAct,
        validate::{self, Checks},
    },
    point::PointKind,
};
use proptest::prelude::*;

use super::*;

fn reasons() -> impl Strategy<Value = String> {
    let words =
        prop::collection::vec(prop_oneof!["\\PC{1,12}", "[a-z'\"“”‘’—–&<>@#|;\\\\-]{1,8}", hostile_words()], 1..6);
    words.prop_filter_map("a reason that stands", |words| value::reason(&words.join(" ")).ok())
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
        "delete",
        "validate",
        "schedule",
        "hold",
        "ls",
        "update",
        "--inventory",
        "--test-restore",
        "--release",
        "--release=yes",
        "--ticket",
        "INC-7",
        "--retention",
        "-5",
        "30",
        "--since",
        "7d",
        "--before",
        "2026-03-01T02:30:00Z",
        "--cron",
        "cron(0",
        "2",
        "*",
        "?",
        "*)",
        "\"cron(0 2 * * ? *)\"",
        "prod/secrets/20261121/bk-1/secrets.json",
        "snap-1",
    ])
    .prop_map(str::to_owned)
}

fn environments() -> impl Strategy<Value = String> {
    prop::sample::select(ENVIRONMENTS).prop_map(str::to_owned)
}

fn commands() -> impl Strategy<Value = Command> {
    prop_oneof![about_backups(), about_operations()]
}

fn about_backups() -> impl Strategy<Value = Command> {
    let reason = || prop::option::of(reasons());
    let tenant = || prop::option::of("[a-zA-Z0-9_-]{1,128}");
    let point = || {
        "[A-Za-z0-9:._+=@][A-Za-z0-9:._+=@-]{0,80}(/[A-Za-z0-9:_+=@-]{1,20}){0,4}"
            .prop_filter("does not climb", |id| !id.split('/').any(|part| part == ".."))
    };
    let scope = prop::sample::select(BackupScope::ALL.to_vec());
    let kind = prop::option::of(prop::sample::select(PointKind::ALL.to_vec()));
    let since = prop::option::of((1..=366 * 86_400 * 100u64).prop_map(|s| Span(std::time::Duration::from_secs(s))));
    let before = prop::option::of((0..=253_402_300_799_999i64).prop_map(Moment));
    prop_oneof![
        (environments(), scope, tenant(), reason()).prop_map(|(environment, scope, tenant, reason)| {
            let values = [("type", Some(scope.as_str())), ("tenant", tenant.as_deref()), ("reason", reason.as_deref())];
            about("backup.create", Some(&environment), &values)
        }),
        (environments(), kind, tenant(), since, before).prop_map(|(environment, kind, tenant, since, before)| {
            let (since, before) = (since.map(value::span_text), before.map(value::moment_text));
            let kind = kind.map(PointKind::as_str);
            let times = [("since", since.as_deref()), ("before", before.as_deref())];
            let values = [[("type", kind), ("tenant", tenant.as_deref())], times].concat();
            about("backup.list", Some(&environment), &values)
        }),
        (environments(), 1..8u8, reason()).prop_map(|(environment, bits, reason)| {
            let [inventory, replication, test_restore] = [1, 2, 4].map(|bit| bits & bit != 0);
            let command =
                validate::command(&environment, Checks { inventory, replication, test_restore, ..Checks::NONE });
            reason.into_iter().fold(command, |command, reason| command.with("reason", reason))
        }),
        schedules(),
        (environments(), point(), reason()).prop_map(|(environment, point, reason)| {
            about("backup.delete", Some(&environment), &[("id", Some(&point)), ("reason", reason.as_deref())])
        }),
        (environments(), point(), "[A-Za-z0-9_#-]{1,64}", any::<bool>(), reason()).prop_map(
            |(environment, point, ticket, release, reason)| {
                let flag = ("release", release.then_some(""));
                let values = [("id", Some(&*point)), ("ticket", Some(&*ticket)), flag, ("reason", reason.as_deref())];
                about("backup.hold", Some(&environment), &values)
            }
        ),
    ]
}

fn schedules() -> impl Strategy<Value = Command> {
    let change = prop::sample::select(vec![ScheduleAct::Create, ScheduleAct::Update]);
    let kind = prop::option::of(prop::sample::select(vec![PointKind::Rds, PointKind::Efs]));
    let cron = prop_oneof![
        (0..60, 0..24, 1..32).prop_map(|(m, h, d)| format!("cron({m} {h} {d} * ? *)")),
        (0..60, 1..8).prop_map(|(m, d)| format!("cron({m} 0/6 ? JAN-NOV {d}#1 *)")),
    ];
    let values = (prop::option::of(1..=36_500u32), prop::option::of(cron));
    let list = environments()
        .prop_map(|environment| about("backup.schedule", Some(&environment), &[("action", Some("list"))]));
    let change = (environments(), change, values, kind, prop::option::of(reasons())).prop_filter_map(
        "an update changes something",
        |(environment, act, (retention, cron), kind, reason)| {
            let changes = act == ScheduleAct::Create || retention.is_some() || cron.is_some();
            // RDS has a window of its own.
            let cron = cron.filter(|_| kind != Some(PointKind::Rds));
            let changes = changes && (act == ScheduleAct::Create || retention.is_some() || cron.is_some());
            let retention = retention.map(|days| days.to_string());
            let values = [
                ("action", Some(act.as_str())),
                ("retention", retention.as_deref()),
                ("cron", cron.as_deref()),
                ("type", kind.map(PointKind::as_str)),
                ("reason", reason.as_deref()),
            ];
            changes.then(|| about("backup.schedule", Some(&environment), &values))
        },
    );
    prop_oneof![1 => list, 5 => change]
}

fn about_operations() -> impl Strategy<Value = Command> {
    let some_environment = || prop::option::of(environments());
    let reason = || prop::option::of(reasons());
    let id = || "[a-z]{2}-[0-9]{1,9}";
    let words = prop::collection::vec(prop_oneof!["\\PC{1,12}", hostile_words()], 0..4);
    prop_oneof![
        some_environment().prop_map(|environment| about("op.list", environment.as_deref(), &[])),
        (prop::sample::select(vec!["show", "retry", "pause", "stop", "resume", "approve"]), id())
            .prop_map(|(verb, id)| about(&format!("op.{verb}"), None, &[("id", Some(&id))])),
        (prop::sample::select(vec!["cancel", "reject"]), id(), reason()).prop_map(|(verb, id, reason)| {
            about(&format!("op.{verb}"), None, &[("id", Some(&id)), ("reason", reason.as_deref())])
        }),
        (some_environment(), reasons()).prop_map(|(environment, reason)| about(
            "stop",
            environment.as_deref(),
            &[("reason", Some(&reason))]
        )),
        (some_environment(), reason()).prop_map(|(environment, reason)| {
            about("resume", environment.as_deref(), &[("reason", reason.as_deref())])
        }),
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
        Ok(command) if command.does() == Does::Explain => {
            help(&command.values().topic, ENVIRONMENTS);
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
        if let Ok(stop) = parse(&format!("stop {first} {rest}"), ENVIRONMENTS) {
            let environment = stop.environment();
            let least = ENVIRONMENTS.iter().map(|known| strsim::levenshtein(known, &first)).min();
            let wide = environment.is_none() && least > Some(2);
            prop_assert!(wide || environment == Some(first.as_str()), "stop {} gave {:?}", first, environment);
        }
    }
}
