//! What somebody who mistyped most likely meant, as a line that is right. Nothing here is ever carried out.

use strsim::osa_distance;

use super::lexer::{self, Word, is_long_dash};
use super::table::{COMMANDS, Form, Kind, Spec, Values, named, verbs};
use super::{BackupScope, SLASH, grammar, validate};

/// Stands for an environment only the person can know.
pub(super) const SOME_ENVIRONMENT: &str = "<env>";
const SOME_ID: &str = "<id>";
const SOME_TENANT: &str = "<tenant>";

/// The command line nearest to these words. It parses, or has a `<placeholder>`.
pub(super) fn repair(words: &[Word], environments: &[&str]) -> String {
    let words = grammar::without_slash(words);
    let Some((spec, rest)) = nearest_command(words, environments) else {
        let nouns = COMMANDS.iter().filter(|spec| spec.path.len() == 2).map(|spec| spec.path[0]);
        let noun = words.first().and_then(|first| nearest(&first.text, nouns));
        return noun.map_or_else(|| format!("{SLASH} help"), |noun| format!("{SLASH} help {noun}"));
    };
    let spec =
        rest.first().filter(|word| validate::operation_id(&word.text).is_ok()).map_or(spec, |_| for_operations(spec));
    let values = if spec.free_text() { fill_free_text(rest, environments) } else { fill(spec, rest, environments) };
    let candidate = format!("{SLASH} {}", line(spec, &values));
    let open = [SOME_ENVIRONMENT, SOME_ID, SOME_TENANT].iter().any(|placeholder| candidate.contains(placeholder));
    if open || grammar::understand(&lexer::read(&candidate).words, environments).is_ok() {
        candidate
    } else {
        format!("{SLASH} help {}", spec.words())
    }
}

/// The line that stops every environment for this reason, whatever word the reason begins with.
pub(super) fn stop_everything(reason: &str) -> String {
    let fits = validate::reason(reason).ok().filter(|reason| reason.chars().count() <= 80 && !reason.contains('`'));
    format!("{SLASH} stop --reason {}", lexer::quote(fits.as_deref().unwrap_or("why")))
}

/// The command with these values in its usual spelling; what is required and absent is a placeholder.
pub(super) fn line(spec: &Spec, values: &Values) -> String {
    let mut words: Vec<String> = spec.path.iter().map(|word| (*word).to_owned()).collect();
    for arg in spec.args {
        let placeholder = |text: &str| arg.required.then(|| text.to_owned());
        match arg.kind {
            Kind::Environment => words.extend(values.environment.clone().or_else(|| placeholder(SOME_ENVIRONMENT))),
            Kind::Scope => words.push(values.scope.unwrap_or_default().to_string()),
            Kind::Operation => words.extend(values.id.clone().or_else(|| placeholder(SOME_ID))),
            Kind::Tenant => words.extend(values.tenant.iter().map(|tenant| {
                let tenant = if tenant.starts_with('-') { lexer::quote(tenant) } else { tenant.clone() };
                format!("--tenant {tenant}")
            })),
            Kind::Reason => words.extend(values.reason.iter().map(|reason| {
                // Without an environment before it, a bare reason's first word could be taken for one.
                let bare = arg.form == Form::Rest && values.environment.is_some() && !reason.starts_with('-');
                let option = if bare { "" } else { "--reason " };
                format!("{option}{}", lexer::quote(reason))
            })),
            Kind::Topic => words.extend(values.topic.iter().map(|word| {
                let simple =
                    word.starts_with(|c: char| c.is_ascii_alphanumeric()) && validate::identifier("word", word).is_ok();
                if simple { word.clone() } else { lexer::quote(word) }
            })),
        }
    }
    words.join(" ")
}

/// How far a word is from what was perhaps meant: 0 the same, `None` too far.
fn distance(word: &str, target: &str) -> Option<usize> {
    let (word, target) = (word.to_ascii_lowercase(), target.to_ascii_lowercase());
    if word == target {
        return Some(0);
    }
    let shorter = word.len().min(target.len());
    if shorter >= 2 && (word.starts_with(&target) || target.starts_with(&word)) {
        return Some(1);
    }
    let longer = word.chars().count().max(target.chars().count());
    // Words much longer than any of ours are no typo of ours, and comparing them is work.
    let limit = if longer <= 4 { 1 } else { 2 };
    (longer <= 40).then(|| osa_distance(&word, &target)).filter(|distance| *distance <= limit)
}

fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().filter_map(|known| Some((distance(word, known)?, known)));
    near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// The known word within so many edits of `word`, the nearest first.
pub(super) fn within<'a>(edits: usize, word: &str, known: &[&'a str]) -> Option<&'a str> {
    if word.is_empty() || word.len() > 200 {
        return None;
    }
    let near = known.iter().map(|known| (osa_distance(word, &known.to_ascii_lowercase()), *known));
    near.filter(|(distance, _)| *distance <= edits).min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// The command these words were probably meant to begin, and what follows it: both words mistyped, in the wrong order,
/// or the noun left out.
fn nearest_command<'w>(words: &'w [Word], environments: &[&str]) -> Option<(&'static Spec, &'w [Word])> {
    let at = |index: usize, target: &str| words.get(index).and_then(|word| distance(&word.text, target));
    let mut best: Option<(usize, &'static Spec, usize)> = None;
    let mut offer = |cost: Option<usize>, spec: &'static Spec, used: usize| {
        if let Some(cost) = cost
            && best.is_none_or(|(least, _, _)| cost < least)
        {
            best = Some((cost, spec, used));
        }
    };
    for spec in COMMANDS {
        match spec.path {
            [only] => offer(at(0, only), spec, 1),
            [noun, verb] => {
                offer(at(0, noun).zip(at(1, verb)).map(|(a, b)| a + b), spec, 2);
                offer(at(1, noun).zip(at(0, verb)).map(|(a, b)| a + b + 1), spec, 2);
                offer(at(0, verb).map(|cost| cost + 2), spec, 1);
                let leads_on =
                    words.get(1).is_none_or(|word| nearest(&word.text, environments.iter().copied()).is_some());
                if leads_on && verbs(noun).len() == 1 {
                    offer(at(0, noun).map(|cost| cost + 3), spec, 1);
                }
            }
            _ => {}
        }
    }
    best.map(|(_, spec, used)| (spec, &words[used..]))
}

/// The command for one operation that does what this one does for environments.
fn for_operations(spec: &'static Spec) -> &'static Spec {
    let name = match spec.name {
        "stop" => "op.cancel",
        "resume" => "op.resume",
        "op.list" => "op.show",
        other => other,
    };
    named(name).unwrap_or(spec)
}

/// Sorts the words into the command's arguments: first what fits exactly, then what nearly does.
fn fill(spec: &Spec, words: &[Word], environments: &[&str]) -> Values {
    let mut values = Values::default();
    let mut pending: Vec<String> = Vec::new();
    let mut reason: Vec<String> = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if !word.is_option() {
            if !fits(spec, &mut values, &word.text, environments) {
                let to = if reason.is_empty() { &mut pending } else { &mut reason };
                to.push(word.text.clone());
            }
            continue;
        }
        let (name, inline) =
            word.text.split_once('=').map_or((word.text.as_str(), None), |(name, value)| (name, Some(value)));
        let name = name.trim_start_matches('-');
        let options = spec.args.iter().filter(|arg| arg.form != Form::Word).map(|arg| arg.name);
        let arg = nearest(name, options).and_then(|name| spec.args.iter().find(|arg| arg.name == name));
        let value = match (inline, arg) {
            (None, Some(_)) => words.next_if(|next| !next.is_option()).map(|next| next.text.as_str()),
            (inline, _) => inline,
        };
        match (arg.map(|arg| arg.kind), value) {
            (Some(Kind::Reason), value) if reason.is_empty() => reason.push(value.unwrap_or("why").to_owned()),
            (Some(Kind::Tenant), value) if values.tenant.is_none() => {
                let tenant = value.and_then(|value| validate::identifier("tenant", value).ok());
                values.tenant = Some(tenant.unwrap_or_else(|| SOME_TENANT.to_owned()));
            }
            (Some(Kind::Scope) | None, Some(value)) if !fits(spec, &mut values, value, environments) => {
                pending.push(value.to_owned());
            }
            _ => {}
        }
    }
    settle(spec, &mut values, pending, reason, environments);
    values
}

/// Takes a word that is exactly a value of an argument not yet given.
fn fits(spec: &Spec, values: &mut Values, word: &str, environments: &[&str]) -> bool {
    if spec.arg(Kind::Environment).is_some() && values.environment.is_none() {
        values.environment = validate::known(word, environments).map(str::to_owned);
        if values.environment.is_some() {
            return true;
        }
    }
    if spec.arg(Kind::Scope).is_some()
        && let Ok(scope) = word.parse()
    {
        values.scope.get_or_insert(scope);
        return true;
    }
    if spec.arg(Kind::Operation).is_some() && values.id.is_none() {
        values.id = validate::operation_id(word).ok();
        return values.id.is_some();
    }
    false
}

fn settle(spec: &Spec, values: &mut Values, mut pending: Vec<String>, mut reason: Vec<String>, environments: &[&str]) {
    if spec.arg(Kind::Environment).is_some() && values.environment.is_none() && !pending.is_empty() {
        values.environment = Some(take_nearest(&mut pending, SOME_ENVIRONMENT, |word| {
            nearest(word, environments.iter().copied()).or_else(|| within(2, word, environments)).map(str::to_owned)
        }));
    }
    if spec.arg(Kind::Operation).is_some() && values.id.is_none() && !pending.is_empty() {
        values.id = Some(take_nearest(&mut pending, SOME_ID, mend_id));
    }
    if spec.arg(Kind::Scope).is_some() && values.scope.is_none() {
        if let [only] = pending.as_slice() {
            values.scope = scope_meant(only);
        }
        let near = |word: &String| nearest(word, BackupScope::ALL.map(BackupScope::as_str));
        if values.scope.is_some() {
            pending.clear();
        } else if let Some((at, scope)) = pending.iter().enumerate().find_map(|(at, word)| Some((at, near(word)?))) {
            values.scope = scope.parse().ok();
            pending.remove(at);
        }
    }
    // One word too many beside a scope is a scope nobody knows; several are a reason without its quotes.
    let prose = pending.len() > 1 || spec.arg(Kind::Scope).is_none();
    if spec.arg(Kind::Reason).is_some() && !pending.is_empty() && (prose || !reason.is_empty()) {
        reason.append(&mut pending);
    }
    if !reason.is_empty() {
        values.reason = Some(validate::reason(&reason.join(" ")).unwrap_or_else(|_| "why".to_owned()));
    }
}

/// What people call the parts of an environment who do not think in AWS's names.
fn scope_meant(word: &str) -> Option<BackupScope> {
    match word.to_ascii_lowercase().as_str() {
        "db" | "database" | "databases" | "mysql" | "postgres" | "sql" => Some(BackupScope::Rds),
        "file" | "files" | "filesystem" | "filesystems" | "uploads" | "wp-content" => Some(BackupScope::Efs),
        _ => None,
    }
}

/// Takes out of `pending` the first word that can be mended, or else the first, which becomes the placeholder.
fn take_nearest(pending: &mut Vec<String>, placeholder: &str, mend: impl Fn(&str) -> Option<String>) -> String {
    let mended = pending.iter().enumerate().find_map(|(at, word)| Some((at, mend(word)?)));
    let (at, value) = mended.unwrap_or_else(|| (0, placeholder.to_owned()));
    pending.remove(at);
    value
}

/// `bk1042`, `bk_1042`, `#bk-1042.` are written for `bk-1042`.
fn mend_id(word: &str) -> Option<String> {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let kind = word.get(..2)?;
    let number =
        word[2..].trim_start_matches(|c: char| matches!(c, '-' | '_' | '/' | '.' | ':' | '#' | ' ') || is_long_dash(c));
    validate::operation_id(&format!("{kind}-{number}")).ok()
}

fn fill_free_text(words: &[Word], environments: &[&str]) -> Values {
    let mut texts: Vec<&str> = Vec::new();
    for word in words {
        let text = if word.is_option() { word.text.split_once('=').map_or("", |(_, value)| value) } else { &word.text };
        if !text.is_empty() {
            texts.push(text);
        }
    }
    if let Some(first) = texts.iter().position(|text| grammar::says_something(text)) {
        texts.drain(..first);
    }
    let Some(first) = texts.first().copied() else {
        return Values {
            environment: Some(SOME_ENVIRONMENT.to_owned()),
            reason: Some("why".to_owned()),
            ..Values::default()
        };
    };
    let all = texts.join(" ");
    let after_first_word = || all.split_whitespace().skip(1).collect::<Vec<_>>().join(" ");
    let (environment, reason) = match grammar::suspect(first, environments) {
        _ if grammar::is_placeholder(first) => (Some(SOME_ENVIRONMENT), all[first.len()..].to_owned()),
        // `db` is two edits from `dev`, which is too many to put a name into somebody's mouth.
        Some(near) if near.len() > 3 || first.contains(' ') || nearest(first, [near]).is_some() => {
            (Some(near), after_first_word())
        }
        Some(_) => (Some(SOME_ENVIRONMENT), all),
        None => (None, all),
    };
    let reason = validate::reason(&reason).unwrap_or_else(|_| "why".to_owned());
    Values { environment: environment.map(str::to_owned), reason: Some(reason), ..Values::default() }
}

/// A value as a sentence shows it: short, in backticks, unable to end them.
pub(super) fn shown(value: &str) -> String {
    let plain = value.replace('`', "'");
    let mut short: String = plain.chars().take(60).collect();
    if short.len() < plain.len() {
        short.push('…');
    }
    if short.is_empty() { "(nothing)".to_owned() } else { format!("`{short}`") }
}

/// `dev, sit or prod`.
pub(super) fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
    }
}
