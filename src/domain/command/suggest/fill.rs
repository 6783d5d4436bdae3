//! Sorts the words of somebody who mistyped into the arguments of the command that was probably meant.

use std::{iter::Peekable, slice::Iter};

use super::super::lexer::{Word, is_long_dash};
use super::super::table::{Arg, Form, Kind, Spec, Values};
use super::super::{BackupScope, ScheduleAct, grammar, validate};
use super::{SOME_CRON, SOME_DAYS, SOME_ENVIRONMENT, SOME_ID, SOME_TENANT, SOME_TICKET, nearest, within};
use crate::domain::{point::PointKind, schedule::Schedule};

/// Sorts the words into the command's arguments: first what fits exactly, then what nearly does.
pub(super) fn fill(spec: &Spec, words: &[Word], environments: &[&str]) -> Values {
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
            (None, Some(arg)) if arg.form != Form::Flag => {
                words.next_if(|next| !next.is_option()).map(|next| next.text.as_str())
            }
            (inline, _) => inline,
        };
        match (arg.map(|arg| arg.kind), value) {
            (Some(Kind::Reason), value) if reason.is_empty() => reason.push(value.unwrap_or("why").to_owned()),
            (Some(Kind::Scope | Kind::Data | Kind::Scheduled) | None, Some(value))
                if !fits(spec, &mut values, value, environments) =>
            {
                pending.push(value.to_owned());
            }
            (Some(_), value) => {
                if let Some(arg) = arg {
                    take_option(&mut values, arg, value, &mut words);
                }
            }
            _ => {}
        }
    }
    pending.retain(|word| !grammar::is_placeholder(word));
    settle(spec, &mut values, pending, reason, environments);
    values
}

/// Takes what is behind an option; what cannot be mended is left open, or left out where that asks for more rather
/// than for something else.
fn take_option<'w>(values: &mut Values, arg: &Arg, value: Option<&'w str>, words: &mut Peekable<Iter<'w, Word>>) {
    let open = |checked: Option<String>, placeholder: &str| Some(checked.unwrap_or_else(|| placeholder.to_owned()));
    match arg.kind {
        Kind::Tenant if values.tenant.is_none() => {
            values.tenant = open(value.and_then(|value| validate::tenant(value).ok()), SOME_TENANT);
        }
        Kind::Ticket if values.ticket.is_none() => {
            values.ticket = open(value.and_then(|value| validate::ticket(value).ok()), SOME_TICKET);
        }
        Kind::Retention if values.retention.is_none() => {
            let days = value.and_then(|value| validate::days(value.trim_end_matches(['d', 'D'])).ok());
            values.retention = open(days.map(|days| days.to_string()), SOME_DAYS);
        }
        Kind::Since if values.since.is_none() => {
            let since = mend_span(value.unwrap_or_default(), words);
            values.since = Some(since.unwrap_or_else(|| "7d".to_owned()));
        }
        Kind::Before if values.before.is_none() => {
            values.before = value.and_then(|value| validate::moment(value).ok()).map(validate::moment_text);
        }
        Kind::Cron if values.cron.is_none() => {
            values.cron = open(mend_cron(value.unwrap_or_default(), words), SOME_CRON)
        }
        Kind::Check | Kind::Release if !values.flags.contains(&arg.name) => values.flags.push(arg.name),
        _ => {}
    }
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
    if let Ok(kind) = validate::kind(word, kinds(spec)) {
        values.kind.get_or_insert(kind);
        return true;
    }
    if spec.arg(Kind::Act).is_some()
        && let Ok(act) = validate::act(word)
    {
        values.act.get_or_insert(act);
        return true;
    }
    let plain = |word: &str| word.replace(['-', '_'], "").to_ascii_lowercase();
    if let Some(check) = spec.args.iter().find(|arg| arg.kind == Kind::Check && plain(arg.name) == plain(word)) {
        if !values.flags.contains(&check.name) {
            values.flags.push(check.name);
        }
        return true;
    }
    if spec.arg(Kind::Operation).is_some() && values.id.is_none() {
        values.id = validate::operation_id(word).ok();
        return values.id.is_some();
    }
    false
}

/// The kinds of recovery points that this command can be narrowed to.
fn kinds(spec: &Spec) -> &'static [PointKind] {
    match (spec.arg(Kind::Data), spec.arg(Kind::Scheduled)) {
        (Some(_), _) => &PointKind::ALL,
        (_, Some(_)) => &grammar::SCHEDULED,
        _ => &[],
    }
}

fn settle(spec: &Spec, values: &mut Values, mut pending: Vec<String>, mut reason: Vec<String>, environments: &[&str]) {
    settle_environment(spec, values, &mut pending, environments);
    if spec.arg(Kind::Operation).is_some() && values.id.is_none() && !pending.is_empty() {
        values.id = Some(take_nearest(&mut pending, SOME_ID, mend_id));
    }
    settle_point(spec, values, &mut pending);
    settle_schedule(spec, values, &mut pending);
    settle_kind(spec, values, &mut pending);
    // One word too many beside a scope or an id is another nobody asked for; several are a reason without its quotes.
    let named = [Kind::Scope, Kind::Scheduled, Kind::Point].into_iter().any(|kind| spec.arg(kind).is_some());
    let prose = pending.len() > 1 || !named;
    if spec.arg(Kind::Reason).is_some() && !pending.is_empty() && (prose || !reason.is_empty()) {
        reason.append(&mut pending);
    }
    // A reason belongs to a change.
    let only_shows = spec.arg(Kind::Act).is_some() && values.act.unwrap_or(ScheduleAct::List) == ScheduleAct::List;
    if !reason.is_empty() && !only_shows {
        values.reason = Some(validate::reason(&reason.join(" ")).unwrap_or_else(|_| "why".to_owned()));
    }
}

fn settle_environment(spec: &Spec, values: &mut Values, pending: &mut Vec<String>, environments: &[&str]) {
    if spec.arg(Kind::Environment).is_none() || values.environment.is_some() || pending.is_empty() {
        return;
    }
    let near = |word: &str| {
        nearest(word, environments.iter().copied()).or_else(|| within(2, word, environments)).map(str::to_owned)
    };
    // The only word beside a command that wants an id is rather the id than an environment nobody knows.
    if spec.arg(Kind::Point).is_some() && pending.len() == 1 && near(&pending[0]).is_none() {
        return;
    }
    values.environment = Some(take_nearest(pending, SOME_ENVIRONMENT, near));
}

/// The id of a recovery point is whatever is left, unless that is a ticket.
fn settle_point(spec: &Spec, values: &mut Values, pending: &mut Vec<String>) {
    if spec.arg(Kind::Point).is_none() {
        return;
    }
    let is_ticket = |word: &String| {
        word.split_once('-').is_some_and(|(letters, number)| {
            letters.len() > 1
                && letters.bytes().all(|b| b.is_ascii_uppercase())
                && (1..=9).contains(&number.len())
                && number.bytes().all(|b| b.is_ascii_digit())
        })
    };
    if spec.arg(Kind::Ticket).is_some() && values.ticket.is_none() {
        let at = pending.iter().position(is_ticket);
        values.ticket = at.map(|at| pending.remove(at));
    }
    if !pending.is_empty() {
        values.point = Some(take_nearest(pending, SOME_ID, |word| validate::point_id(word).ok()));
    }
}

/// What is done with a schedule, and that it fits what is asked for.
fn settle_schedule(spec: &Spec, values: &mut Values, pending: &mut Vec<String>) {
    if spec.arg(Kind::Act).is_none() {
        return;
    }
    if values.act.is_none() && !pending.is_empty() {
        let meant = pending.iter().enumerate().find_map(|(at, word)| Some((at, act_meant(word)?)));
        values.act = meant.map(|(at, act)| {
            pending.remove(at);
            act
        });
    }
    let changes = values.retention.is_some() || values.cron.is_some();
    match values.act {
        None | Some(ScheduleAct::List) if changes => values.act = Some(ScheduleAct::Update),
        None | Some(ScheduleAct::List) => values.kind = None,
        Some(ScheduleAct::Update) if !changes => values.retention = Some(SOME_DAYS.to_owned()),
        Some(_) => {}
    }
}

fn act_meant(word: &str) -> Option<ScheduleAct> {
    match word.to_ascii_lowercase().as_str() {
        "show" | "get" | "ls" => Some(ScheduleAct::List),
        "set" | "change" | "edit" | "modify" => Some(ScheduleAct::Update),
        "make" | "new" | "add" => Some(ScheduleAct::Create),
        other => validate::act(nearest(other, ScheduleAct::ALL.map(ScheduleAct::as_str))?).ok(),
    }
}

/// Which kind of data, by a word that is nearly one.
fn settle_kind(spec: &Spec, values: &mut Values, pending: &mut Vec<String>) {
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
    let kinds = kinds(spec);
    let lists = values.act == Some(ScheduleAct::List) || values.act.is_none() && spec.arg(Kind::Act).is_some();
    if !kinds.is_empty() && values.kind.is_none() && !lists {
        let near = |word: &String| {
            let meant = scope_meant(word).map(BackupScope::as_str);
            validate::kind(meant.or_else(|| nearest(word, kinds.iter().map(|kind| kind.as_str())))?, kinds).ok()
        };
        if let Some((at, kind)) = pending.iter().enumerate().find_map(|(at, word)| Some((at, near(word)?))) {
            values.kind = Some(kind);
            pending.remove(at);
        }
    }
}

/// `7 days`, `7days`, `1w` are written for `7d`; `days` may be the next word.
fn mend_span<'w>(text: &'w str, words: &mut Peekable<Iter<'w, Word>>) -> Option<String> {
    if let Ok(span) = validate::span(text) {
        return Some(validate::span_text(span));
    }
    let digits = text.trim().bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.trim().split_at(digits);
    let unit = match unit.trim() {
        "" => words.next_if(|next| unit_meant(&next.text).is_some())?.text.as_str(),
        unit => unit,
    };
    let (factor, unit) = unit_meant(unit)?;
    let number = number.parse::<u64>().ok()?.checked_mul(factor)?;
    validate::span(&format!("{number}{unit}")).ok().map(validate::span_text)
}

fn unit_meant(word: &str) -> Option<(u64, char)> {
    match word.to_ascii_lowercase().as_str() {
        "m" | "min" | "mins" | "minute" | "minutes" => Some((1, 'm')),
        "h" | "hour" | "hours" => Some((1, 'h')),
        "d" | "day" | "days" => Some((1, 'd')),
        "w" | "week" | "weeks" => Some((7, 'd')),
        _ => None,
    }
}

/// An expression without its quotes is several words; one that AWS would not take may still say what is meant.
fn mend_cron<'w>(text: &'w str, words: &mut Peekable<Iter<'w, Word>>) -> Option<String> {
    let part = |word: &Word| {
        !word.is_option()
            && !word.quoted
            && word.text.bytes().all(|b| b.is_ascii_alphanumeric() || b"*?/,-#)".contains(&b))
    };
    let mut whole = text.to_owned();
    while whole.split_whitespace().count() < 6 && !whole.ends_with(')') {
        let Some(next) = words.next_if(|next| part(next)) else { break };
        whole.push(' ');
        whole.push_str(&next.text);
    }
    Schedule::parse(&whole).ok().or_else(|| Schedule::meant(&whole)).map(|schedule| schedule.text().to_owned())
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

pub(super) fn fill_free_text(words: &[Word], environments: &[&str]) -> Values {
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
