//! Matches words against the table: finds the command, lets clap take its arguments apart, checks each value.

use std::{borrow::Cow, cell::RefCell, collections::HashMap};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg as ClapArg, ArgAction, ArgMatches};

use super::entry::{ENVIRONMENT, Entry, Form, REASON, Table, Values};
use super::lexer::Word;
use super::text::{one_of, shown};
use super::value::Kind;
use super::{Command, SLASH, Wrong, lexer, shape, spelling, value};

/// The command these words are, to the letter.
pub(super) fn understand(table: &Table, words: &[Word], environments: &[&str]) -> Result<Command, Wrong> {
    let words = without_slash(words);
    let asked_about = match words.iter().position(asks_help) {
        Some(at) => Some(&words[..at]),
        None => Some(words).filter(|words| words.is_empty()),
    };
    let explains = |entry: &&'static Entry| entry.arg(&value::TOPIC).is_some();
    if let (Some(about), Some(help)) = (asked_about, table.commands().find(explains)) {
        return Ok(Command::new(help, Values::about(topic(table, about))));
    }
    let (entry, rest) = find(table, words)?;
    if entry.arg(&value::TOPIC).is_some() {
        return Ok(Command::new(entry, Values::about(topic(table, &rest))));
    }
    let values = take(entry, &rest, environments)?;
    Ok(Command::new(entry, (entry.settle)(values)?))
}

/// Drops a slash command that was typed twice or pasted with the rest.
pub(super) fn without_slash(words: &[Word]) -> &[Word] {
    match words.split_first() {
        Some((first, rest)) if [SLASH, &SLASH[1..]].iter().any(|slash| first.text.eq_ignore_ascii_case(slash)) => rest,
        _ => words,
    }
}

fn asks_help(word: &Word) -> bool {
    word.is_option() && ["--help", "-help", "-h"].iter().any(|help| word.text.eq_ignore_ascii_case(help))
}

/// The command (or noun) these words begin with; words that begin none are kept, so that help can say so.
fn topic(table: &Table, words: &[Word]) -> Vec<String> {
    let asked = words.iter().skip_while(|word| word.text.eq_ignore_ascii_case("help")).cloned().collect::<Vec<_>>();
    if let Some((entry, _)) = find(table, &asked).ok().filter(|(entry, _)| entry.path.len() > 2) {
        return entry.path.iter().map(|word| (*word).to_owned()).collect();
    }
    let words: Vec<String> = words
        .iter()
        .map(|word| word.text.chars().take(40).collect::<String>().to_ascii_lowercase())
        .filter(|word| !word.trim().is_empty())
        .skip_while(|word| word == "help")
        .take(2)
        .collect();
    let whole =
        table.commands().any(|entry| entry.path.starts_with(&words.iter().map(String::as_str).collect::<Vec<_>>()));
    let known = words.first().is_some_and(|first| table.commands().any(|entry| entry.path[0] == first));
    if known && !whole { words[..1].to_vec() } else { words }
}

/// The command the first words name exactly, and the words after them.
pub(super) fn find<'w>(table: &Table, words: &'w [Word]) -> Result<(&'static Entry, Cow<'w, [Word]>), Wrong> {
    let begun = |entry: &'static Entry| Some((entry, entry.rest(words, str::eq_ignore_ascii_case)?));
    if let Some(found) = table.most_words_first().find_map(begun) {
        return Ok(found);
    }
    let first = words.first().map_or("", |word| word.text.as_str());
    let verbs = table.verbs(first);
    let said = match (verbs.as_slice(), words.get(1)) {
        ([], None) => format!("There is no command {}.", shown(first)),
        ([], Some(second)) => format!("There is no command {}.", shown(&format!("{first} {}", second.text))),
        (verbs, None) => format!("{} needs a second word: {}.", shown(first), one_of(verbs)),
        (verbs, Some(second)) => {
            format!("{} cannot be followed by {}, only by {}.", shown(first), shown(&second.text), one_of(verbs))
        }
    };
    Err(Wrong { said, try_instead: None })
}

/// The name under which clap keeps what `--name` says, apart from the word of the same name.
fn option_id(name: &str) -> String {
    format!("--{name}")
}

/// The parser of one command's arguments. All values are plain text to it: the sentences about them are ours.
fn parser(entry: &Entry) -> clap::Command {
    let mut parser = clap::Command::new(entry.name)
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .disable_version_flag(true);
    for arg in entry.args {
        let word = match arg.form {
            Form::Rest => Some(ClapArg::new(arg.name).action(ArgAction::Append).num_args(0..)),
            // Whether the first word is a value of its own is decided once all words are known.
            Form::Word | Form::WordOrOption if !entry.free_text() => Some(ClapArg::new(arg.name)),
            _ => None,
        };
        let option = ClapArg::new(option_id(arg.name)).long(arg.name);
        let option = match arg.form {
            Form::Word => None,
            Form::Flag => Some(option.action(ArgAction::SetTrue)),
            // Below zero is refused by what is said about the value, not as an option nobody knows.
            _ => Some(option.num_args(1).allow_negative_numbers(arg.kind.number)),
        };
        parser = parser.args(word).args(option);
    }
    parser
}

thread_local! {
    /// Parsers by the name of their command: building one takes longer than everything else that is done to read a line.
    static PARSERS: RefCell<HashMap<&'static str, clap::Command>> = RefCell::default();
}

fn take(entry: &'static Entry, words: &[Word], environments: &[&str]) -> Result<Values, Wrong> {
    let read = |words: &[Word]| {
        PARSERS
            .with_borrow_mut(|parsers| {
                let parser = parsers.entry(entry.name).or_insert_with(|| parser(entry));
                parser.try_get_matches_from_mut(arguments(words))
            })
            .map_err(|error| translate(entry, &error))
    };
    if entry.free_text() {
        return take_free_text(entry, &read(words)?, environments);
    }
    let matches = read(&spelling::spelled(entry, words, environments))?;
    let mut values = Values::default();
    for arg in entry.args {
        if arg.form == Form::Flag {
            values.flag(arg.name, matches.get_flag(&option_id(arg.name)));
            continue;
        }
        let word = (arg.form != Form::Option).then(|| text(&matches, arg.name)).flatten();
        let option = (arg.form != Form::Word).then(|| text(&matches, &option_id(arg.name))).flatten();
        if let (Some(word), Some(option)) = (word, option)
            && !word.eq_ignore_ascii_case(option)
        {
            let option = shown(&format!("--{} {option}", arg.name));
            return Err(Wrong::new(format!("{} and {option} contradict each other. Say it once.", shown(word))));
        }
        match word.or(option) {
            Some(value) => values.set(arg.name, (arg.kind.read)(arg.kind, value, environments)?),
            None if arg.required => return Err(missing(entry, arg.kind, environments)),
            None => values.offer(arg.name, arg.usual),
        }
    }
    Ok(values)
}

fn text<'a>(matches: &'a ArgMatches, id: &str) -> Option<&'a str> {
    matches.get_one::<String>(id).map(String::as_str)
}

/// The words as clap wants them: option names in lower case, a quoted `-value` bound to its option.
fn arguments(words: &[Word]) -> Vec<String> {
    let mut out: Vec<String> = Vec::with_capacity(words.len());
    let mut awaits_value = false;
    for word in words {
        if word.is_option() {
            let (name, value) = word.text.split_once('=').map_or((word.text.as_str(), None), |(n, v)| (n, Some(v)));
            let name = name.to_ascii_lowercase();
            awaits_value = value.is_none() && name != "--";
            out.push(value.map_or_else(|| name.clone(), |value| format!("{name}={value}")));
            continue;
        }
        match out.last_mut() {
            Some(option) if awaits_value && word.quoted => {
                option.push('=');
                option.push_str(&word.text);
            }
            _ => out.push(word.text.clone()),
        }
        awaits_value = false;
    }
    out
}

fn missing(entry: &Entry, kind: &Kind, environments: &[&str]) -> Wrong {
    let command = entry.words();
    Wrong::new(match (kind.lacking)(environments) {
        nothing if nothing.is_empty() => format!("`{command}` lacks a value it needs."),
        lacking => format!("`{command}` needs {lacking}"),
    })
}

/// `stop [env] <reason>`: the first word is an environment only if it is exactly one. A word that could have been meant
/// as one is refused, for taking it as the reason's first word would stop everything. Where a command is about one
/// environment (`dr declare`), the first word has to name it.
fn take_free_text(entry: &Entry, matches: &ArgMatches, environments: &[&str]) -> Result<Values, Wrong> {
    let name = entry.arg(&value::REASON).map_or(REASON.name, |arg| arg.name);
    let option = option_id(name);
    let stated = matches.index_of(&option).zip(text(matches, &option));
    let words = spoken(matches, name);
    let mut parts: Vec<(usize, &str)> = stated.into_iter().chain(words.iter().copied()).collect();
    parts.sort_by_key(|(index, _)| *index);
    let whole = joined(&parts);

    let mut values = Values::default();
    if let Some(&(at, first)) = words.first() {
        if let Some((stated_at, stated)) = stated
            && stated_at < at
            && (words.len() > 1 || suspect(stated, environments).is_some())
        {
            return Err(Wrong::new(format!(
                "It is not clear where the reason {} ends. Put it in quotes.",
                shown(stated)
            )));
        }
        values.offer(ENVIRONMENT.name, value::known(first, environments));
        if values.get(ENVIRONMENT.name).is_some() {
            parts.retain(|(index, _)| *index != at);
        } else if about_one(entry) {
            values.set(ENVIRONMENT.name, (value::ENVIRONMENT.read)(&value::ENVIRONMENT, first, environments)?);
        } else {
            refuse_doubtful(first, &whole, environments)?;
        }
    }
    if values.get(ENVIRONMENT.name).is_none() && about_one(entry) {
        return Err(missing(entry, &value::ENVIRONMENT, environments));
    }
    for arg in entry.args.iter().filter(|arg| arg.form == Form::Option) {
        match text(matches, &option_id(arg.name)) {
            Some(said) => values.set(arg.name, (arg.kind.read)(arg.kind, said, environments)?),
            None if arg.required => return Err(missing(entry, arg.kind, environments)),
            None => values.offer(arg.name, arg.usual),
        }
    }
    if parts.is_empty() {
        return Err(missing(entry, &value::REASON, environments));
    }
    values.set(name, value::reason(&joined(&parts))?);
    Ok(values)
}

/// Whether it is nothing without an environment.
fn about_one(entry: &Entry) -> bool {
    entry.arg(&value::ENVIRONMENT).is_some_and(|arg| arg.required)
}

/// The words of free text, each with its place on the line. A dash or an emoji in front is not the first word.
fn spoken<'a>(matches: &'a ArgMatches, name: &str) -> Vec<(usize, &'a str)> {
    let texts = matches.get_many::<String>(name).into_iter().flatten();
    let places = matches.indices_of(name).into_iter().flatten();
    let mut words: Vec<(usize, &str)> = places.zip(texts.map(String::as_str)).collect();
    if let Some(first) = words.iter().position(|(_, word)| says_something(word)) {
        words.drain(..first);
    }
    words
}

/// Whether there is a letter or a digit in it.
pub(super) fn says_something(word: &str) -> bool {
    word.contains(char::is_alphanumeric)
}

fn joined(parts: &[(usize, &str)]) -> String {
    let texts: Vec<&str> = parts.iter().map(|(_, part)| *part).collect();
    texts.join(" ")
}

/// Refuses a first word that is no environment but may have been meant to say what to stop.
fn refuse_doubtful(first: &str, whole: &str, environments: &[&str]) -> Result<(), Wrong> {
    if is_placeholder(first) {
        return Err(Wrong::new(format!("{} stands for a value: put yours there. Nothing is stopped.", shown(first))));
    }
    if value::operation_id(first).is_ok() {
        let said = format!("{} is an operation, and `stop` stops environments. Nothing is stopped.", shown(first));
        return Err(Wrong::new(said));
    }
    match suspect(first, environments) {
        Some(near) => Err(Wrong::new(format!(
            "Nothing is stopped: {} is not an environment, but may be meant for `{near}`. To stop every environment: `{}`",
            shown(first),
            stop_everything(whole)
        ))),
        None => Ok(()),
    }
}

/// Whether this was copied from a usage line and not filled in: `<env>`, `[env]`.
pub(super) fn is_placeholder(word: &str) -> bool {
    (word.starts_with('<') && word.ends_with('>')) || (word.starts_with('[') && word.ends_with(']'))
}

/// The environment somebody who wrote this may have had in mind. Several words in quotes are a reason, unless they begin
/// with an environment's very name.
pub(super) fn suspect<'a>(text: &str, environments: &[&'a str]) -> Option<&'a str> {
    let lower = text.to_ascii_lowercase();
    let head =
        lower.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').find(|head| !head.is_empty()).unwrap_or("");
    if lower.contains(' ') {
        return value::known(head, environments);
    }
    shape::within(2, &lower, environments)
        .or_else(|| shape::within(2, head, environments))
        .or_else(|| environments.iter().copied().find(|known| head.starts_with(&known.to_ascii_lowercase())))
}

/// Our sentence for clap's.
fn translate(entry: &Entry, error: &clap::Error) -> Wrong {
    let culprit = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(culprit)) => culprit.clone(),
        Some(ContextValue::Strings(culprits)) => culprits.join(" "),
        _ => String::new(),
    };
    // clap writes an option it knows with its value's name behind: `--reason <--reason>`.
    let option = shown(culprit.split_once(' ').map_or(culprit.as_str(), |(name, _)| name));
    let command = entry.words();
    Wrong::new(match error.kind() {
        ErrorKind::UnknownArgument if culprit.starts_with('-') => {
            let options: Vec<String> =
                entry.args.iter().filter(|arg| arg.form != Form::Word).map(|arg| format!("`--{}`", arg.name)).collect();
            match options.len() {
                0 => format!("`{command}` has no option {}. It has none at all.", shown(&culprit)),
                1 => format!("`{command}` has no option {}, only {}.", shown(&culprit), options[0]),
                _ => {
                    let options: Vec<&str> = options.iter().map(String::as_str).collect();
                    format!(
                        "`{command}` has no option {}, only {}.",
                        shown(&culprit),
                        one_of(&options).replace(" or ", " and ")
                    )
                }
            }
        }
        ErrorKind::UnknownArgument => {
            format!("{} is one word too many for `{command}`.", shown(&culprit))
        }
        ErrorKind::TooManyValues => format!("{option} takes no value behind it."),
        ErrorKind::ArgumentConflict => format!("{option} is there twice. Say it once."),
        ErrorKind::InvalidValue | ErrorKind::WrongNumberOfValues | ErrorKind::TooFewValues | ErrorKind::NoEquals => {
            format!("{option} needs a value behind it.")
        }
        _ => format!("What follows `{command}` cannot be read."),
    })
}

/// The line that stops every environment for this reason, whatever word the reason begins with.
fn stop_everything(reason: &str) -> String {
    let fits = value::reason(reason).ok().filter(|reason| reason.chars().count() <= 80 && !reason.contains('`'));
    format!("{SLASH} stop --reason {}", lexer::quote(fits.as_deref().unwrap_or("why")))
}
