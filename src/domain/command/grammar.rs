//! Matches words against the table: finds the command, lets clap take its arguments apart, checks each value.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg as ClapArg, ArgAction, ArgMatches};

use super::lexer::Word;
use super::suggest::{one_of, shown, stop_everything};
use super::table::{Form, Kind, Spec, Values, commands, verbs};
use super::{Command, SLASH, ScheduleAct, Wrong, suggest, validate};
use crate::domain::{point::PointKind, schedule::daily_window};

/// The command these words are, to the letter.
pub(super) fn understand(words: &[Word], environments: &[&str]) -> Result<Command, Wrong> {
    let words = without_slash(words);
    if let Some(at) = words.iter().position(asks_help) {
        return Ok(Command::Help { topic: topic(&words[..at]) });
    }
    if words.is_empty() {
        return Ok(Command::Help { topic: Vec::new() });
    }
    let (spec, rest) = find(words)?;
    let values = if spec.arg(Kind::Topic).is_some() {
        Values { topic: topic(rest), ..Values::default() }
    } else {
        take(spec, rest, environments)?
    };
    let lacks = || Wrong::new(format!("`{}` lacks a value it needs.", spec.words()));
    (spec.build)(values).ok_or_else(lacks).and_then(makes_sense)
}

/// Whether values that are right each by itself belong together.
fn makes_sense(command: Command) -> Result<Command, Wrong> {
    let Command::BackupSchedule { environment, act, retention, cron, kind, reason } = &command else {
        return Ok(command);
    };
    let given = [
        ("--retention", retention.is_some()),
        ("--cron", cron.is_some()),
        ("--type", kind.is_some()),
        ("--reason", reason.is_some()),
    ];
    match act {
        ScheduleAct::List => match given.into_iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(Wrong::new(format!(
                "`backup schedule {environment} list` only shows the schedule and takes no `{option}`. `update` changes it."
            ))),
            None => Ok(command),
        },
        ScheduleAct::Create | ScheduleAct::Update
            if *kind == Some(PointKind::Rds) && cron.as_deref().is_some_and(|cron| daily_window(cron).is_none()) =>
        {
            Err(Wrong::new(
                "RDS makes automated backups once a day, in a window of half an hour. With `--type rds` say a daily time, such as `--cron \"cron(0 2 * * ? *)\"`, or leave `--cron` out.",
            ))
        }
        ScheduleAct::Update if retention.is_none() && cron.is_none() => Err(Wrong::new(format!(
            "`backup schedule {environment} update` would change nothing. Say what: `--retention`, `--cron` or both."
        ))),
        ScheduleAct::Create | ScheduleAct::Update => Ok(command),
    }
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
fn topic(words: &[Word]) -> Vec<String> {
    let words: Vec<String> = words
        .iter()
        .map(|word| word.text.chars().take(40).collect::<String>().to_ascii_lowercase())
        .filter(|word| !word.trim().is_empty())
        .skip_while(|word| word == "help")
        .take(2)
        .collect();
    let whole = commands().any(|spec| words == spec.path);
    let known = words.first().is_some_and(|first| commands().any(|spec| spec.path[0] == first));
    if known && !whole { words[..1].to_vec() } else { words }
}

/// The command the first words name exactly, and the words after them.
fn find(words: &[Word]) -> Result<(&'static Spec, &[Word]), Wrong> {
    let begins = |spec: &&Spec| {
        spec.path.len() <= words.len()
            && spec.path.iter().zip(words).all(|(path, word)| path.eq_ignore_ascii_case(&word.text))
    };
    if let Some(spec) = commands().find(begins) {
        return Ok((spec, &words[spec.path.len()..]));
    }
    let first = words.first().map_or("", |word| word.text.as_str());
    let verbs = verbs(first);
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

/// What AWS makes on a schedule.
pub(super) const SCHEDULED: [PointKind; 2] = [PointKind::Rds, PointKind::Efs];

/// The name under which clap keeps what `--name` says, apart from the word of the same name.
fn option_id(name: &str) -> String {
    format!("--{name}")
}

/// The parser of one command's arguments. All values are plain text to it: the sentences about them are ours.
fn parser(spec: &Spec) -> clap::Command {
    let mut parser = clap::Command::new(spec.name)
        .no_binary_name(true)
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .disable_version_flag(true);
    for arg in spec.args {
        let word = match arg.form {
            Form::Rest => Some(ClapArg::new(arg.name).action(ArgAction::Append).num_args(0..)),
            // Whether the first word is a value of its own is decided once all words are known.
            Form::Word | Form::WordOrOption if !spec.free_text() => Some(ClapArg::new(arg.name)),
            _ => None,
        };
        let option = ClapArg::new(option_id(arg.name)).long(arg.name);
        let option = match arg.form {
            Form::Word => None,
            Form::Flag => Some(option.action(ArgAction::SetTrue)),
            // Below zero is refused by what is said about the value, not as an option nobody knows.
            _ => Some(option.num_args(1).allow_negative_numbers(arg.kind == Kind::Retention)),
        };
        parser = parser.args(word).args(option);
    }
    parser
}

fn take(spec: &Spec, words: &[Word], environments: &[&str]) -> Result<Values, Wrong> {
    let matches = parser(spec).try_get_matches_from(arguments(words)).map_err(|error| translate(spec, &error))?;
    if spec.free_text() {
        return take_free_text(spec, &matches, environments);
    }
    let mut values = Values::default();
    for arg in spec.args {
        if arg.form == Form::Flag {
            values.flags.extend(matches.get_flag(&option_id(arg.name)).then_some(arg.name));
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
            Some(value) => put(&mut values, arg.kind, value, environments)?,
            None if arg.required => return Err(missing(spec, arg.kind, environments)),
            None => {}
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

fn put(values: &mut Values, kind: Kind, value: &str, environments: &[&str]) -> Result<(), Wrong> {
    match kind {
        Kind::Environment => values.environment = Some(validate::environment(value, environments)?),
        Kind::Scope => values.scope = Some(value.parse()?),
        Kind::Operation => values.id = Some(validate::operation_id(value)?),
        Kind::Tenant => values.tenant = Some(validate::tenant(value)?),
        Kind::Reason => values.reason = Some(validate::reason(value)?),
        Kind::Topic => values.topic.push(value.to_owned()),
        Kind::Data => values.kind = Some(validate::kind(value, &PointKind::ALL)?),
        Kind::Scheduled => values.kind = Some(validate::kind(value, &SCHEDULED)?),
        Kind::Since => values.since = Some(validate::span_text(validate::span(value)?)),
        Kind::Before => values.before = Some(validate::moment_text(validate::moment(value)?)),
        Kind::Act => values.act = Some(validate::act(value)?),
        Kind::Retention => values.retention = Some(validate::days(value)?.to_string()),
        Kind::Cron => values.cron = Some(validate::cron(value)?),
        Kind::Point => values.point = Some(validate::point_id(value)?),
        Kind::Ticket => values.ticket = Some(validate::ticket(value)?),
        // Flags have no value: `take` reads them.
        Kind::Check | Kind::Release => {}
    }
    Ok(())
}

fn missing(spec: &Spec, kind: Kind, environments: &[&str]) -> Wrong {
    let command = spec.words();
    Wrong::new(match kind {
        Kind::Environment if environments.is_empty() => {
            format!("`{command}` needs an environment; none is configured.")
        }
        Kind::Environment => format!("`{command}` needs an environment: {}.", one_of(environments)),
        Kind::Operation => format!("`{command}` needs the id of an operation, such as `bk-1042`."),
        Kind::Reason => format!("`{command}` needs a reason, so that others know why."),
        Kind::Point => format!("`{command}` needs the id of a recovery point, as `backup list` shows it."),
        Kind::Ticket => format!(
            "`{command}` needs a ticket, so that others know who asked for the hold and when it may end: `--ticket INC-123`."
        ),
        Kind::Act => format!("`{command}` needs to know what to do: list, create or update."),
        _ => format!("`{command}` lacks a value it needs."),
    })
}

/// `stop [env] <reason>`: the first word is an environment only if it is exactly one. A word that could have been meant
/// as one is refused, for taking it as the reason's first word would stop everything.
fn take_free_text(spec: &Spec, matches: &ArgMatches, environments: &[&str]) -> Result<Values, Wrong> {
    let name = spec.arg(Kind::Reason).map_or("reason", |arg| arg.name);
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
        values.environment = validate::known(first, environments).map(str::to_owned);
        if values.environment.is_some() {
            parts.retain(|(index, _)| *index != at);
        } else {
            refuse_doubtful(first, &whole, environments)?;
        }
    }
    if parts.is_empty() {
        return Err(missing(spec, Kind::Reason, environments));
    }
    values.reason = Some(validate::reason(&joined(&parts))?);
    Ok(values)
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
    if validate::operation_id(first).is_ok() {
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
        return validate::known(head, environments);
    }
    suggest::within(2, &lower, environments)
        .or_else(|| suggest::within(2, head, environments))
        .or_else(|| environments.iter().copied().find(|known| head.starts_with(&known.to_ascii_lowercase())))
}

/// Our sentence for clap's.
fn translate(spec: &Spec, error: &clap::Error) -> Wrong {
    let culprit = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(culprit)) => culprit.clone(),
        Some(ContextValue::Strings(culprits)) => culprits.join(" "),
        _ => String::new(),
    };
    // clap writes an option it knows with its value's name behind: `--reason <--reason>`.
    let option = shown(culprit.split_once(' ').map_or(culprit.as_str(), |(name, _)| name));
    let command = spec.words();
    Wrong::new(match error.kind() {
        ErrorKind::UnknownArgument if culprit.starts_with('-') => {
            let options: Vec<String> =
                spec.args.iter().filter(|arg| arg.form != Form::Word).map(|arg| format!("`--{}`", arg.name)).collect();
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
