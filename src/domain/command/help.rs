//! Help as Slack shows it, and the README's list of commands: written from the table, so that it says what the parser does.

use serde::Serialize;

use super::lexer;
use super::suggest::{SOME_ENVIRONMENT, shown};
use super::table::{Arg, Form, Group, Kind, Spec, commands};
use super::{BackupScope, SLASH, ScheduleAct, grammar, suggest};
use crate::domain::point::PointKind;

/// One command as a reader needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// How it is typed: `/bbws op show <id>`.
    pub usage: String,
    /// What it does, in one line.
    pub about: String,
    /// Who may use it.
    pub who: &'static str,
}

/// Every command, in the order help shows them.
pub fn reference() -> Vec<Usage> {
    commands().map(|spec| Usage { usage: usage(spec), about: spec.about.to_owned(), who: spec.who }).collect()
}

/// The README's table of commands, in Markdown.
pub fn readme_table() -> String {
    let mut table = String::from("| command | does | who |\n|---|---|---|\n");
    for Usage { usage, about, who } in reference() {
        table.push_str(&format!("| `{}` | {about} | {who} |\n", usage.replace('|', "\\|")));
    }
    table
}

/// Explains the command `topic` names, those of a noun, or all of them. Slack mrkdwn, ready to send: `& < >` are escaped.
pub fn help(topic: &[String], environments: &[&str]) -> String {
    let words: Vec<&str> = topic.iter().map(String::as_str).collect();
    if words.is_empty() || words == ["help"] {
        return overview(environments);
    }
    if let Some(spec) = commands().find(|spec| spec.path == words) {
        return page(spec, environments);
    }
    let of_noun: Vec<&Spec> = commands().filter(|spec| spec.path.len() == 2 && words == spec.path[..1]).collect();
    if let Some(first) = of_noun.first() {
        let lines: Vec<String> = of_noun.iter().map(|spec| entry(spec)).collect();
        return format!("{}\n\n{}", lines.join("\n"), more(&first.words()));
    }
    unknown(&words, environments)
}

/// The usage line of one command: `<needed>`, `[not needed]`.
fn usage(spec: &Spec) -> String {
    let mut words = vec![SLASH.to_owned()];
    words.extend(spec.path.iter().map(|word| (*word).to_owned()));
    words.extend(spec.args.iter().map(placeholder));
    words.join(" ")
}

fn placeholder(arg: &Arg) -> String {
    let value = match arg.kind {
        Kind::Environment => "env".to_owned(),
        Kind::Scope => BackupScope::ALL.map(BackupScope::as_str).join("|"),
        Kind::Operation => "id".to_owned(),
        Kind::Tenant => "ID".to_owned(),
        Kind::Reason if arg.form == Form::Option => "\"why\"".to_owned(),
        Kind::Reason | Kind::Topic => arg.name.to_owned(),
        Kind::Data => PointKind::ALL.map(PointKind::as_str).join("|"),
        Kind::Scheduled => grammar::SCHEDULED.map(PointKind::as_str).join("|"),
        Kind::Since => "7d".to_owned(),
        Kind::Before => "2026-03-01T02:30:00Z".to_owned(),
        Kind::Act => ScheduleAct::ALL.map(ScheduleAct::as_str).join("|"),
        Kind::Retention => "N".to_owned(),
        Kind::Cron => "\"…\"".to_owned(),
        Kind::Point => "id".to_owned(),
        Kind::Ticket => "ticket".to_owned(),
        Kind::Check | Kind::Release => String::new(),
    };
    match (arg.form, arg.required) {
        (Form::Flag, _) => format!("[--{}]", arg.name),
        (Form::Option, true) => format!("--{} <{value}>", arg.name),
        (Form::Option, false) => format!("[--{} {value}]", arg.name),
        (_, true) => format!("<{value}>"),
        (_, false) => format!("[{value}]"),
    }
}

fn overview(environments: &[&str]) -> String {
    let mut text = String::new();
    for (group, heading) in
        [(Group::Backups, "Backups"), (Group::Operations, "Operations"), (Group::Emergency, "Emergency")]
    {
        text.push_str(&format!("*{heading}*\n"));
        for spec in commands().filter(|spec| spec.group == group) {
            text.push_str(&entry(spec));
            text.push('\n');
        }
        text.push('\n');
    }
    if !environments.is_empty() {
        text.push_str(&format!("Environments: {}.\n", escape(&environments.join(", "))));
    }
    text.push_str("A typo never does anything: you are shown the command you may have meant. ");
    text.push_str(&more("backup create"));
    text
}

fn more(topic: &str) -> String {
    format!("More about one command: `{SLASH} help {topic}`.")
}

fn entry(spec: &Spec) -> String {
    format!("• `{}`\n   {}", escape(&usage(spec)), spec.about)
}

fn page(spec: &Spec, environments: &[&str]) -> String {
    let mut text = format!("*{}*\n`{}`\n\n{}\n", spec.about, escape(&usage(spec)), spec.happens);
    for arg in spec.args {
        let name = match arg.form {
            Form::Option | Form::Flag => format!("--{}", arg.name),
            _ => placeholder(arg).trim_matches(['<', '>', '[', ']']).to_owned(),
        };
        let known = match arg.kind {
            Kind::Environment if !environments.is_empty() => {
                format!(" ({})", escape(&environments.join(", ")))
            }
            _ => String::new(),
        };
        text.push_str(&format!("\n• `{}`: {}{known}", escape(&name), arg.about));
    }
    text.push_str("\n\n*Examples*\n");
    for example in spec.examples {
        text.push_str(&format!("`{SLASH} {}`\n", escape(&example.replace("ENV", example_environment(environments)))));
    }
    text.push_str(&format!("\n*Who may:* {}.", spec.who));
    text
}

/// The environment examples name: production where there is one, for that is what people come for at night.
fn example_environment<'a>(environments: &[&'a str]) -> &'a str {
    let prod = environments.iter().find(|environment| environment.eq_ignore_ascii_case("prod"));
    prod.or(environments.first()).copied().unwrap_or(SOME_ENVIRONMENT)
}

/// There is no such topic: says so, and shows the overview.
fn unknown(words: &[&str], environments: &[&str]) -> String {
    let asked = words.join(" ");
    let said = format!("There is no command {}.", shown(&asked));
    let meant = suggest::repair(&lexer::read(&lexer::encode(&asked)).words, environments);
    let path =
        commands().find(|spec| meant.starts_with(&format!("{SLASH} {} ", spec.words())) && spec.group != Group::Help);
    let hint = path.map(|spec| format!(" Did you mean `{SLASH} help {}`?", spec.words())).unwrap_or_default();
    format!("{}{hint}\n\n{}", escape(&said), overview(environments))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
