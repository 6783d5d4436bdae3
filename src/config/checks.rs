//! Checks on `[environments.….checks]`: named questions that may be asked of restored data, and of nothing else.

use crate::domain::environment::{Environment, NamedCheck};

use super::{
    forms,
    tree::{At, Report},
};

/// The most characters a question may have.
const LONGEST: usize = 4_000;
/// What may not be in a question, and why. A read-only transaction does not keep a server from writing files.
const BARRED: [(&str, &str); 3] =
    [("into", "writes a file or a table"), ("load_file", "reads a file of the server"), ("for update", "locks rows")];

/// Every question of an environment.
pub(super) fn check(env: &Environment, at: &At, report: &mut Report<'_>) {
    for (name, check) in &env.checks {
        let at = at.key(name);
        if !forms::word(name, 64, "-_") || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let text = format!("`{name}` is not a check's name; use 1 to 64 letters, digits, - and _, a letter first");
            report.problem(&at, text);
        }
        one(check, env, &at, report);
    }
}

fn one(check: &NamedCheck, env: &Environment, at: &At, report: &mut Report<'_>) {
    let NamedCheck { database, schema, query } = check;
    if !env.databases.iter().any(|d| d.id == *database) {
        report.problem(
            &at.key("database"),
            format_args!("`{}` has no database `{database}`; add it to databases, or name one of those", env.name),
        );
    } else if env.login(database).is_none() {
        report.warning(
            at,
            format_args!("cannot be asked: no `dumps` entry names a secret with a login of `{database}`; add one"),
        );
    }
    if !forms::word(schema, 64, "-_$") {
        report.problem(&at.key("schema"), format_args!("`{schema}` is not a schema's name"));
    }
    if let Err(why) = question(query) {
        report.problem(&at.key("query"), why);
    }
}

/// Whether a text can be a question: one statement that reads.
fn question(query: &str) -> Result<(), String> {
    let lower = query.to_ascii_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    let spaced = format!(" {} ", words.join(" "));
    if query.chars().count() > LONGEST {
        return Err(format!("has more than {LONGEST} characters; ask something shorter, or a view"));
    }
    if !matches!(words.first(), Some(&("select" | "with"))) {
        return Err(
            "does not begin with SELECT; write one question, such as `SELECT COUNT(*) > 100 FROM orders`".into()
        );
    }
    if query.trim_end().trim_end_matches(';').contains(';') {
        return Err("holds more than one statement; write one, without a semicolon in it".into());
    }
    if query.contains("/*!") {
        return Err("has a comment that servers carry out (`/*!`); leave it out".into());
    }
    match BARRED.into_iter().find(|(word, _)| spaced.contains(&format!(" {word} "))) {
        Some((word, why)) => Err(format!("has `{}`, which {why}; a check only reads", word.to_uppercase())),
        None => Ok(()),
    }
}
