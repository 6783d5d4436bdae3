//! What somebody who mistyped most likely meant, as a line that is right. Nothing here is ever carried out.

mod fill;

use strsim::osa_distance;

use super::lexer::{self, Word};
use super::table::{Form, Kind, Spec, Values, commands, named, verbs};
use super::{SLASH, ScheduleAct, grammar, validate};
use fill::{fill, fill_free_text};

/// Stands for an environment only the person can know.
pub(super) const SOME_ENVIRONMENT: &str = "<env>";
const SOME_ID: &str = "<id>";
const SOME_TENANT: &str = "<tenant>";
const SOME_TICKET: &str = "<ticket>";
const SOME_DAYS: &str = "<days>";
const SOME_CRON: &str = "<cron>";
/// What only the person can know: whatever holds one of these is no command yet.
const OPEN: [&str; 6] = [SOME_ENVIRONMENT, SOME_ID, SOME_TENANT, SOME_TICKET, SOME_DAYS, SOME_CRON];

/// What people who think in other programs' words call our verbs.
const CALLED: [(&str, &str); 12] = [
    ("ls", "list"),
    ("rm", "delete"),
    ("remove", "delete"),
    ("drop", "delete"),
    ("check", "validate"),
    ("verify", "validate"),
    ("test", "validate"),
    ("make", "create"),
    ("new", "create"),
    ("cron", "schedule"),
    ("keep", "hold"),
    ("lock", "hold"),
];

/// The command line nearest to these words. It parses, or has a `<placeholder>`.
pub(super) fn repair(words: &[Word], environments: &[&str]) -> String {
    let words = grammar::without_slash(words);
    let Some((spec, rest)) = nearest_command(words, environments) else {
        let nouns = commands().filter(|spec| spec.path.len() == 2).map(|spec| spec.path[0]);
        let noun = words.first().and_then(|first| nearest(&first.text, nouns));
        return noun.map_or_else(|| format!("{SLASH} help"), |noun| format!("{SLASH} help {noun}"));
    };
    let spec =
        rest.first().filter(|word| validate::operation_id(&word.text).is_ok()).map_or(spec, |_| for_operations(spec));
    let values = if spec.free_text() { fill_free_text(rest, environments) } else { fill(spec, rest, environments) };
    let candidate = format!("{SLASH} {}", line(spec, &values));
    let open = OPEN.iter().any(|placeholder| candidate.contains(placeholder));
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
            Kind::Tenant => words.extend(values.tenant.iter().map(|tenant| option("tenant", tenant))),
            Kind::Data => words.extend(values.kind.map(|kind| kind.to_string())),
            Kind::Scheduled => words.extend(values.kind.map(|kind| option("type", kind.as_str()))),
            Kind::Since => words.extend(values.since.iter().map(|since| option("since", since))),
            Kind::Before => words.extend(values.before.iter().map(|before| option("before", before))),
            Kind::Act => words.push(values.act.unwrap_or(ScheduleAct::List).as_str().to_owned()),
            Kind::Retention => words.extend(values.retention.iter().map(|days| option("retention", days))),
            Kind::Cron => words.extend(values.cron.iter().map(|cron| format!("--cron {}", lexer::quote(cron)))),
            Kind::Point => words.extend(values.point.clone().or_else(|| placeholder(SOME_ID))),
            Kind::Ticket => words.push(option("ticket", values.ticket.as_deref().unwrap_or(SOME_TICKET))),
            Kind::Check | Kind::Release if values.flags.contains(&arg.name) => words.push(format!("--{}", arg.name)),
            Kind::Check | Kind::Release => {}
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

fn option(name: &str, value: &str) -> String {
    let value = if value.starts_with('-') { lexer::quote(value) } else { value.to_owned() };
    format!("--{name} {value}")
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
    let called = |index: usize, target: &str| {
        let word = words.get(index).map_or("", |word| word.text.as_str());
        CALLED.iter().any(|(other, ours)| *ours == target && other.eq_ignore_ascii_case(word)).then_some(1)
    };
    let mut best: Option<(usize, &'static Spec, usize)> = None;
    let mut offer = |cost: Option<usize>, spec: &'static Spec, used: usize| {
        if let Some(cost) = cost
            && best.is_none_or(|(least, _, _)| cost < least)
        {
            best = Some((cost, spec, used));
        }
    };
    for spec in commands() {
        match spec.path {
            [only] => offer(at(0, only), spec, 1),
            [noun, verb] => {
                offer(at(0, noun).zip(at(1, verb).or_else(|| called(1, verb))).map(|(a, b)| a + b), spec, 2);
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
