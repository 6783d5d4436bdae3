//! What somebody who mistyped most likely meant, as a line that is right. Nothing here is ever carried out.

mod fill;

use std::borrow::Cow;

use strsim::osa_distance;

use super::entry::{Arg, ENVIRONMENT, Entry, Form, Table, Values};
use super::lexer::{self, Word};
use super::{SLASH, grammar, value};
use fill::{fill, fill_free_text};

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
pub(super) fn repair(table: &Table, words: &[Word], environments: &[&str]) -> String {
    let words = grammar::without_slash(words);
    let turned = environment_last(words, environments);
    let begun = nearest_command(table, words, environments);
    let Some((entry, rest)) = begun.or_else(|| nearest_command(table, &turned, environments)) else {
        let nouns = table.commands().filter(|entry| entry.path.len() == 2).map(|entry| entry.path[0]);
        let noun = words.first().and_then(|first| nearest(&first.text, nouns));
        return noun.map_or_else(|| format!("{SLASH} help"), |noun| format!("{SLASH} help {noun}"));
    };
    let entry = rest
        .first()
        .filter(|word| value::operation_id(&word.text).is_ok())
        .map_or(entry, |_| for_operations(table, entry));
    let values =
        if entry.free_text() { fill_free_text(entry, &rest, environments) } else { fill(entry, &rest, environments) };
    let candidate = format!("{SLASH} {}", line(entry, &values));
    // What only the person can know: whatever holds one of these is no command yet.
    let open =
        entry.args.iter().filter_map(|arg| arg.kind.open).any(|open| open.starts_with('<') && candidate.contains(open));
    if open || grammar::understand(table, &lexer::read(&candidate).words, environments).is_ok() {
        candidate
    } else {
        format!("{SLASH} help {}", entry.words())
    }
}

/// The words of `backup prod create` as `backup create prod`.
fn environment_last(words: &[Word], environments: &[&str]) -> Vec<Word> {
    let mut turned = words.to_vec();
    if words.len() > 2 && value::known(&words[1].text, environments).is_some() {
        turned.swap(1, 2);
    }
    turned
}

/// The command with these values in its usual spelling; what is required and absent is a placeholder.
pub(super) fn line(entry: &Entry, values: &Values) -> String {
    entry.line(|arg| {
        if arg.kind == &value::TOPIC {
            let words: Vec<String> = values.topic.iter().map(|word| topic_word(word)).collect();
            return (!words.is_empty()).then(|| words.join(" "));
        }
        let open = arg.kind.open.filter(|_| arg.required);
        let said = values.get(arg.name).or(arg.usual).or(open);
        match arg.form {
            Form::Flag => values.has(arg.name).then(|| format!("--{}", arg.name)),
            _ => said.map(|said| written(arg, said, values)),
        }
    })
}

/// One value of a command as it is typed.
fn written(arg: &Arg, said: &str, values: &Values) -> String {
    let bare = match arg.form {
        Form::Word | Form::WordOrOption => return said.to_owned(),
        // Without an environment before it, a bare reason's first word could be taken for one.
        Form::Rest => values.get(ENVIRONMENT.name).is_some() && !said.starts_with('-'),
        Form::Option | Form::Flag => false,
    };
    let text = if arg.kind.quoted || said.starts_with('-') { lexer::quote(said) } else { said.to_owned() };
    if bare { text } else { format!("--{} {text}", arg.name) }
}

fn topic_word(word: &str) -> String {
    let simple = word.starts_with(|c: char| c.is_ascii_alphanumeric()) && value::identifier("word", word).is_ok();
    if simple { word.to_owned() } else { lexer::quote(word) }
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

/// The command these words were probably meant to begin, and what follows it: both words mistyped, in the wrong order,
/// or the noun left out.
fn nearest_command<'w>(
    table: &Table,
    words: &'w [Word],
    environments: &[&str],
) -> Option<(&'static Entry, Cow<'w, [Word]>)> {
    let at = |index: usize, target: &str| words.get(index).and_then(|word| distance(&word.text, target));
    let called = |index: usize, target: &str| {
        let word = words.get(index).map_or("", |word| word.text.as_str());
        CALLED.iter().any(|(other, ours)| *ours == target && other.eq_ignore_ascii_case(word)).then_some(1)
    };
    // A word more that is there tells the command from the one without it.
    let near = |word: &str, target: &str| distance(word, target).is_some();
    let further = table.commands().filter(|entry| entry.path.len() > 2);
    if let Some(found) = further.filter_map(|entry| Some((entry, entry.rest(words, near)?))).next() {
        return Some(found);
    }
    let mut best: Option<(usize, &'static Entry, usize)> = None;
    let mut offer = |cost: Option<usize>, entry: &'static Entry, used: usize| {
        if let Some(cost) = cost
            && best.is_none_or(|(least, _, _)| cost < least)
        {
            best = Some((cost, entry, used));
        }
    };
    for entry in table.commands() {
        match entry.path {
            [only] => offer(at(0, only), entry, 1),
            [noun, verb] => {
                offer(at(0, noun).zip(at(1, verb).or_else(|| called(1, verb))).map(|(a, b)| a + b), entry, 2);
                offer(at(1, noun).zip(at(0, verb)).map(|(a, b)| a + b + 1), entry, 2);
                offer(at(0, verb).map(|cost| cost + 2), entry, 1);
                let leads_on =
                    words.get(1).is_none_or(|word| nearest(&word.text, environments.iter().copied()).is_some());
                if leads_on && table.verbs(noun).len() == 1 {
                    offer(at(0, noun).map(|cost| cost + 3), entry, 1);
                }
            }
            _ => {}
        }
    }
    best.map(|(_, entry, used)| (entry, Cow::Borrowed(&words[used..])))
}

/// The command for one operation that does what this one does for environments.
fn for_operations(table: &Table, entry: &'static Entry) -> &'static Entry {
    let name = match entry.name {
        "stop" => "op.cancel",
        "resume" => "op.resume",
        "op.list" => "op.show",
        other => other,
    };
    table.named(name).unwrap_or(entry)
}
