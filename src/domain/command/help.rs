//! Help as Slack shows it, and the README's list of commands: written from the table, so that it says what the parser does.

use serde::Serialize;

use super::entry::{Arg, Entry, Form, Group, Table};
use super::text::shown;
use super::value::{self, SOME_ENVIRONMENT};
use super::{SLASH, lexer, suggest};

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
pub fn reference(table: &Table) -> Vec<Usage> {
    table.commands().map(|entry| Usage { usage: usage(entry), about: entry.about.to_owned(), who: entry.who }).collect()
}

/// The README's table of commands, in Markdown.
pub fn readme_table(table: &Table) -> String {
    let mut lines = String::from("| command | does | who |\n|---|---|---|\n");
    for Usage { usage, about, who } in reference(table) {
        lines.push_str(&format!("| `{}` | {about} | {who} |\n", usage.replace('|', "\\|")));
    }
    lines
}

/// Explains the command `topic` names, those of a noun, or all of them. Slack mrkdwn, ready to send: `& < >` are escaped.
pub fn help(table: &Table, topic: &[String], environments: &[&str]) -> String {
    let words: Vec<&str> = topic.iter().map(String::as_str).collect();
    if words.is_empty() || words == ["help"] {
        return overview(table, environments);
    }
    let further: Vec<&Entry> = table
        .commands()
        .filter(|entry| entry.path.len() > words.len().max(2) && entry.path.starts_with(&words))
        .collect();
    if let Some(entry) = table.commands().find(|entry| entry.path == words) {
        let also = further.iter().map(|entry| format!("\n\n{}\n{}", listed(entry), more(&entry.words())));
        return page(entry, environments) + &also.collect::<String>();
    }
    if let [only] = further[..]
        && words.len() == 2
    {
        return page(only, environments);
    }
    let of_noun: Vec<&Entry> =
        table.commands().filter(|entry| entry.path.len() >= 2 && words == entry.path[..1]).collect();
    if let Some(first) = of_noun.first() {
        let lines: Vec<String> = of_noun.iter().map(|entry| listed(entry)).collect();
        return format!("{}\n\n{}", lines.join("\n"), more(&first.words()));
    }
    unknown(table, &words, environments)
}

/// The usage line of one command: `<needed>`, `[not needed]`.
fn usage(entry: &Entry) -> String {
    format!("{SLASH} {}", entry.line(|arg| Some(placeholder(arg))))
}

fn placeholder(arg: &Arg) -> String {
    let value = match arg.kind.words {
        _ if arg.form == Form::Rest => arg.name.to_owned(),
        [] => arg.kind.usage.to_owned(),
        words => words.join("|"),
    };
    match (arg.form, arg.required) {
        (Form::Flag, _) => format!("[--{}]", arg.name),
        (Form::Option, true) => format!("--{} <{value}>", arg.name),
        (Form::Option, false) => format!("[--{} {value}]", arg.name),
        (_, true) => format!("<{value}>"),
        (_, false) => format!("[{value}]"),
    }
}

fn overview(table: &Table, environments: &[&str]) -> String {
    let mut text = String::new();
    for (group, heading) in [
        (Group::Backups, "Backups"),
        (Group::Recovery, "Disaster recovery"),
        (Group::Operations, "Operations"),
        (Group::Emergency, "Emergency"),
    ] {
        text.push_str(&format!("*{heading}*\n"));
        for entry in table.commands().filter(|entry| entry.group == group) {
            text.push_str(&listed(entry));
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

fn listed(entry: &Entry) -> String {
    format!("• `{}`\n   {}", escape(&usage(entry)), entry.about)
}

fn page(entry: &Entry, environments: &[&str]) -> String {
    let mut text = format!("*{}*\n`{}`\n\n{}\n", entry.about, escape(&usage(entry)), entry.happens);
    for arg in entry.args {
        let name = match arg.form {
            Form::Option | Form::Flag => format!("--{}", arg.name),
            _ => placeholder(arg).trim_matches(['<', '>', '[', ']']).to_owned(),
        };
        let lists = arg.kind == &value::ENVIRONMENT && !environments.is_empty();
        let known = if lists { format!(" ({})", escape(&environments.join(", "))) } else { String::new() };
        text.push_str(&format!("\n• `{}`: {}{known}", escape(&name), arg.about));
    }
    text.push_str("\n\n*Examples*\n");
    for example in entry.examples {
        text.push_str(&format!("`{SLASH} {}`\n", escape(&example.replace("ENV", example_environment(environments)))));
    }
    text.push_str(&format!("\n*Who may:* {}.", entry.who));
    text
}

/// The environment examples name: production where there is one, for that is what people come for at night.
fn example_environment<'a>(environments: &[&'a str]) -> &'a str {
    let prod = environments.iter().find(|environment| environment.eq_ignore_ascii_case("prod"));
    prod.or(environments.first()).copied().unwrap_or(SOME_ENVIRONMENT)
}

/// There is no such topic: says so, and shows the overview.
fn unknown(table: &Table, words: &[&str], environments: &[&str]) -> String {
    let asked = words.join(" ");
    let said = format!("There is no command {}.", shown(&asked));
    let meant = suggest::repair(table, &lexer::read(&lexer::encode(&asked)).words, environments);
    let path = table
        .commands()
        .find(|entry| meant.starts_with(&format!("{SLASH} {} ", entry.words())) && entry.group != Group::Help);
    let hint = path.map(|entry| format!(" Did you mean `{SLASH} help {}`?", entry.words())).unwrap_or_default();
    format!("{}{hint}\n\n{}", escape(&said), overview(table, environments))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
