//! Sorts the words of somebody who mistyped into the arguments of the command that was probably meant.

use super::super::entry::{Arg, ENVIRONMENT, Entry, Form, OPERATION, POINT, REASON, Values};
use super::super::lexer::Word;
use super::super::value::{self, Following, Kind, SOME_ENVIRONMENT};
use super::super::{grammar, shape::within, spelling, value::TICKET};
use super::nearest;

/// What stands for a reason that was not written, or cannot be kept.
const WHY: &str = "why";

/// Sorts the words into the command's arguments: first what fits exactly, then what nearly does.
pub(super) fn fill(entry: &Entry, words: &[Word], environments: &[&str]) -> Values {
    let mut values = Values::default();
    let mut pending: Vec<String> = Vec::new();
    let mut reason: Vec<String> = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if !word.is_option() {
            if !fits(entry, &mut values, &word.text, environments) {
                let to = if reason.is_empty() { &mut pending } else { &mut reason };
                to.push(word.text.clone());
            }
            continue;
        }
        let (name, inline) =
            word.text.split_once('=').map_or((word.text.as_str(), None), |(name, value)| (name, Some(value)));
        let name = name.trim_start_matches('-');
        let options = entry.args.iter().filter(|arg| arg.form != Form::Word).map(|arg| arg.name);
        let arg = nearest(name, options).and_then(|name| entry.args.iter().find(|arg| arg.name == name));
        let value = match (inline, arg) {
            (None, Some(arg)) if arg.form != Form::Flag => {
                words.next_if(|next| !next.is_option()).map(|next| next.text.as_str())
            }
            (inline, _) => inline,
        };
        match (arg, value) {
            (Some(arg), value) if arg.kind == &value::REASON => {
                let first = reason.is_empty().then(|| value.unwrap_or(WHY).to_owned());
                reason.extend(first);
            }
            (Some(arg), value) if arg.kind.words.is_empty() => take_option(&mut values, arg, value, &mut words),
            // Of a few words, or of no option there is: wherever it fits.
            (_, Some(value)) if !fits(entry, &mut values, value, environments) => pending.push(value.to_owned()),
            _ => {}
        }
    }
    pending.retain(|word| !grammar::is_placeholder(word));
    settle(entry, &mut values, pending, reason, environments);
    values
}

/// Takes what is behind an option; what cannot be mended is left open, or left out where that asks for more rather
/// than for something else.
fn take_option(values: &mut Values, arg: &Arg, value: Option<&str>, words: &mut Following<'_>) {
    if arg.form == Form::Flag {
        values.flag(arg.name, true);
    } else if values.get(arg.name).is_none() {
        let mended = (arg.kind.mend)(arg.kind, value.unwrap_or_default(), words);
        values.offer(arg.name, mended.or_else(|| arg.kind.open.map(str::to_owned)));
    }
}

/// Takes a word that is exactly a value of an argument not yet given.
fn fits(entry: &Entry, values: &mut Values, word: &str, environments: &[&str]) -> bool {
    if entry.arg(&value::ENVIRONMENT).is_some() && values.get(ENVIRONMENT.name).is_none() {
        values.offer(ENVIRONMENT.name, value::known(word, environments));
        if values.get(ENVIRONMENT.name).is_some() {
            return true;
        }
    }
    if let Some((arg, exactly)) = entry.args.iter().find_map(|arg| Some((arg, arg.kind.exactly(word)?))) {
        values.offer(arg.name, Some(exactly));
        return true;
    }
    let plain = |word: &str| word.replace(['-', '_'], "").to_ascii_lowercase();
    if let Some(flag) = spelling::flags(entry).find(|flag| plain(flag.name) == plain(word)) {
        values.flag(flag.name, true);
        return true;
    }
    if entry.arg(&value::OPERATION).is_some() && values.get(OPERATION.name).is_none() {
        values.offer(OPERATION.name, value::operation_id(word).ok());
        return values.get(OPERATION.name).is_some();
    }
    false
}

fn settle(
    entry: &Entry,
    values: &mut Values,
    mut pending: Vec<String>,
    mut reason: Vec<String>,
    environments: &[&str],
) {
    settle_environment(entry, values, &mut pending, environments);
    // Where an id is an option, a word that is none was not meant for one.
    if let Some(arg) = entry.arg(&value::OPERATION).filter(|arg| arg.form != Form::Option)
        && values.get(arg.name).is_none()
        && !pending.is_empty()
    {
        let id = take_nearest(&mut pending, arg.kind, |word| mended(arg.kind, word));
        values.offer(arg.name, id);
    }
    settle_ticket(entry, values, &mut pending);
    settle_point(entry, values, &mut pending);
    for arg in entry.args.iter().filter(|arg| !arg.kind.words.is_empty()) {
        settle_word(arg, values, &mut pending);
    }
    (entry.mend)(values);
    // One word too many beside a word of few or an id is another nobody asked for; several are a reason without its quotes.
    let named = entry.args.iter().any(|arg| !arg.kind.words.is_empty() || arg.kind == &value::POINT);
    let prose = pending.len() > 1 || !named;
    if entry.arg(&value::REASON).is_some() && !pending.is_empty() && (prose || !reason.is_empty()) {
        reason.append(&mut pending);
    }
    // A reason belongs to a change.
    if !reason.is_empty() && !(entry.does)(values).only_reads() {
        values.set(REASON.name, value::reason(&reason.join(" ")).unwrap_or_else(|_| WHY.to_owned()));
    }
}

fn settle_environment(entry: &Entry, values: &mut Values, pending: &mut Vec<String>, environments: &[&str]) {
    if entry.arg(&value::ENVIRONMENT).is_none() || values.get(ENVIRONMENT.name).is_some() || pending.is_empty() {
        return;
    }
    let near = |word: &str| {
        nearest(word, environments.iter().copied()).or_else(|| within(2, word, environments)).map(str::to_owned)
    };
    // The only word beside a command that wants an id is rather the id than an environment nobody knows.
    if entry.arg(&value::POINT).is_some() && pending.len() == 1 && near(&pending[0]).is_none() {
        return;
    }
    values.offer(ENVIRONMENT.name, take_nearest(pending, &value::ENVIRONMENT, near));
}

/// A word that looks like a ticket is one.
fn settle_ticket(entry: &Entry, values: &mut Values, pending: &mut Vec<String>) {
    let is_ticket = |word: &String| {
        word.split_once('-').is_some_and(|(letters, number)| {
            letters.len() > 1
                && letters.bytes().all(|b| b.is_ascii_uppercase())
                && (1..=9).contains(&number.len())
                && number.bytes().all(|b| b.is_ascii_digit())
        })
    };
    if let Some(ticket) = entry.arg(&TICKET).filter(|ticket| values.get(ticket.name).is_none()) {
        let at = pending.iter().position(is_ticket);
        values.offer(ticket.name, at.map(|at| pending.remove(at)));
    }
}

/// The id of a recovery point is whatever is left.
fn settle_point(entry: &Entry, values: &mut Values, pending: &mut Vec<String>) {
    if entry.arg(&value::POINT).is_some() && !pending.is_empty() {
        values.offer(POINT.name, take_nearest(pending, &value::POINT, |word| value::point_id(word).ok()));
    }
}

/// One of a few words, by what people call it or by what is nearly one.
fn settle_word(arg: &Arg, values: &mut Values, pending: &mut Vec<String>) {
    if values.get(arg.name).is_some() {
        return;
    }
    if arg.kind.called_alone
        && let [only] = pending.as_slice()
        && let Some(meant) = arg.kind.meant(only)
    {
        values.set(arg.name, meant);
        return pending.clear();
    }
    let near = |word: &str| nearest(word, arg.kind.words.iter().copied());
    let meant = |word: &str| match arg.kind.called_alone {
        true => near(word),
        // What is called so and cannot stand here is not nearly anything else.
        false => arg.kind.meant(word).or_else(|| near(word)),
    };
    if let Some((at, word)) = pending.iter().enumerate().find_map(|(at, word)| Some((at, meant(word)?))) {
        values.set(arg.name, word);
        pending.remove(at);
    }
}

fn mended(kind: &Kind, word: &str) -> Option<String> {
    (kind.mend)(kind, word, &mut [].iter().peekable())
}

/// Takes out of `pending` the first word that can be mended, or else the first, which leaves the value open.
fn take_nearest(pending: &mut Vec<String>, kind: &Kind, mend: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mended = pending.iter().enumerate().find_map(|(at, word)| Some((at, mend(word)?)));
    let (at, value) = mended.map_or((0, None), |(at, value)| (at, Some(value)));
    pending.remove(at);
    value.or_else(|| kind.open.map(str::to_owned))
}

/// A line that ends in free text: which environment, if one, what its options say, and why.
pub(super) fn fill_free_text(entry: &Entry, words: &[Word], environments: &[&str]) -> Values {
    let mut values = Values::default();
    let mut texts: Vec<&str> = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if let Some(arg) = word.is_option().then(|| option_of(entry, &word.text)).flatten() {
            let inline = word.text.split_once('=').map(|(_, value)| value);
            let value = inline.or_else(|| words.next_if(|next| !next.is_option()).map(|next| next.text.as_str()));
            take_option(&mut values, arg, value, &mut words);
            continue;
        }
        let text = if word.is_option() { word.text.split_once('=').map_or("", |(_, value)| value) } else { &word.text };
        if !text.is_empty() {
            texts.push(text);
        }
    }
    if let Some(first) = texts.iter().position(|text| grammar::says_something(text)) {
        texts.drain(..first);
    }
    let Some(first) = texts.first().copied() else {
        values.set(ENVIRONMENT.name, SOME_ENVIRONMENT);
        (entry.mend)(&mut values);
        values.offer(REASON.name, Some(WHY));
        return values;
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
    let named = entry.arg(&value::ENVIRONMENT).is_some_and(|arg| arg.required);
    values.offer(ENVIRONMENT.name, environment.or_else(|| named.then_some(SOME_ENVIRONMENT)));
    values.offer(REASON.name, value::reason(&reason).ok());
    (entry.mend)(&mut values);
    values.offer(REASON.name, Some(WHY));
    values
}

/// The option of a command that was probably meant, but for the reason, which is text like the rest.
fn option_of(entry: &Entry, word: &str) -> Option<&'static Arg> {
    let name = word.split('=').next().unwrap_or(word).trim_start_matches('-');
    let options = entry.args.iter().filter(|arg| arg.form == Form::Option && arg.kind != &value::REASON);
    let nearest = nearest(name, options.map(|arg| arg.name))?;
    entry.args.iter().find(|arg| arg.name == nearest)
}
