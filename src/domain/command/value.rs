//! The kinds of values, one row each: what may be an id, a tenant, a reason, a time; what is said to whoever writes it
//! otherwise or leaves it out; and how it is completed for them. What only one operation knows has its row there.

use std::{iter::Peekable, slice::Iter};

use super::Wrong;
pub use super::lexer::Word;
use super::lexer::is_long_dash;
pub(super) use super::shape::known;
pub use super::shape::{
    LONGEST_DAYS, LONGEST_POINT, LONGEST_REASON, cron, days, environment, identifier, moment, moment_text,
    operation_id, point_id, reason, span, span_text, tenant, ticket, timestamp,
};
use super::text::{one_of, shown};
use crate::domain::schedule::Schedule;

/// The words that follow, of which a value in the mending may take more than one.
pub type Following<'w> = Peekable<Iter<'w, Word>>;

/// One kind of value.
pub struct Kind {
    /// Tells it from the others.
    pub name: &'static str,
    /// How usage lines write it; words it can be are written out instead.
    pub usage: &'static str,
    /// The words it can be; none where any text of the right shape will do.
    pub words: &'static [&'static str],
    /// What else people call one of those words.
    pub called: &'static [(&'static str, &'static str)],
    /// Whether those other names count only where nothing else was said, since they are everyday words as well.
    pub called_alone: bool,
    /// Whether its text always stands in quotes.
    pub quoted: bool,
    /// Whether people may write something below zero, which then is refused as a value, not as an option nobody knows.
    pub number: bool,
    /// The value in its usual spelling, given the environments there are.
    pub read: fn(&Kind, &str, &[&str]) -> Result<String, Wrong>,
    /// What a command needs that lacks it, given the environments there are: `a ticket, …`.
    pub lacking: fn(&[&str]) -> String,
    /// What was probably meant by a text that cannot be read, together with what follows it.
    pub mend: fn(&Kind, &str, &mut Following<'_>) -> Option<String>,
    /// What stands for it in a suggestion where nobody can tell what was meant; nothing where it is rather left out.
    pub open: Option<&'static str>,
}

impl PartialEq for Kind {
    fn eq(&self, other: &Kind) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Stands for an environment only the person can know.
pub const SOME_ENVIRONMENT: &str = "<env>";

/// What most rows have in common. Taken as it is, it is a value that can be anything.
pub const TEXT: Kind = Kind {
    name: "text",
    usage: "text",
    words: &[],
    called: &[],
    called_alone: false,
    quoted: false,
    number: false,
    read: |_, text, _| Ok(text.to_owned()),
    lacking: |_| String::new(),
    mend: |kind, text, _| (kind.read)(kind, text, &[]).ok(),
    open: None,
};
/// An environment that the config knows.
pub static ENVIRONMENT: Kind = Kind {
    name: "environment",
    usage: "env",
    read: |_, text, environments| environment(text, environments),
    lacking: |environments| match environments {
        [] => "an environment; none is configured.".to_owned(),
        known => format!("an environment: {}.", one_of(known)),
    },
    open: Some(SOME_ENVIRONMENT),
    ..TEXT
};
/// The id of an operation.
pub static OPERATION: Kind = Kind {
    name: "operation",
    usage: "id",
    read: |_, text, _| operation_id(text),
    lacking: |_| "the id of an operation, such as `bk-1042`.".to_owned(),
    mend: |_, text, _| mend_id(text),
    open: Some("<id>"),
    ..TEXT
};
/// The id of a recovery point.
pub static POINT: Kind = Kind {
    name: "recovery point",
    usage: "id",
    read: |_, text, _| point_id(text),
    lacking: |_| "the id of a recovery point, as `backup list` shows it.".to_owned(),
    open: Some("<id>"),
    ..TEXT
};
/// A tenant's id.
pub static TENANT: Kind =
    Kind { name: "tenant", usage: "ID", read: |_, text, _| tenant(text), open: Some("<tenant>"), ..TEXT };
/// The number of a ticket.
pub static TICKET: Kind = Kind {
    name: "ticket",
    usage: "ticket",
    read: |_, text, _| ticket(text),
    lacking: |_| {
        "a ticket, so that others know who asked for the hold and when it may end: `--ticket INC-123`.".to_owned()
    },
    open: Some("<ticket>"),
    ..TEXT
};
/// Why.
pub static REASON: Kind = Kind {
    name: "reason",
    usage: "\"why\"",
    quoted: true,
    read: |_, text, _| reason(text),
    lacking: |_| "a reason, so that others know why.".to_owned(),
    ..TEXT
};
/// The command help is asked about.
pub static TOPIC: Kind = Kind { name: "topic", usage: "command", ..TEXT };
/// A kind of recovery point.
pub static DATA: Kind = Kind {
    name: "kind of backup",
    words: &["rds", "efs", "secrets", "config", "s3", "dump"],
    called: &DATA_CALLED,
    read: |kind, text, _| word(kind, text, "a kind of backup"),
    ..TEXT
};
/// What has a schedule: what AWS makes by itself, and what bbws starts by itself, all of it or one routine.
pub static SCHEDULED: Kind = Kind {
    name: "scheduled kind",
    words: &[
        "rds",
        "efs",
        "own",
        "secrets",
        "config",
        "s3",
        "dump",
        "lifecycle",
        "inventory",
        "replication",
        "dr-check",
        "dump-test",
        "restore-test",
        "pitr-test",
        "dr-restore-test",
    ],
    called: &DATA_CALLED,
    read: |kind, text, _| word(kind, text, "something that has a schedule"),
    ..TEXT
};
/// How far back.
pub static DURATION: Kind = Kind {
    name: "duration",
    usage: "7d",
    read: |_, text, _| span(text).map(span_text),
    mend: |_, text, following| mend_span(text, following),
    open: Some("7d"),
    ..TEXT
};
/// A moment.
pub static TIME: Kind =
    Kind { name: "time", usage: "2026-03-01T02:30:00Z", read: |_, text, _| moment(text).map(moment_text), ..TEXT };
/// So many days.
pub static DAYS: Kind = Kind {
    name: "days",
    usage: "N",
    number: true,
    read: |_, text, _| days(text).map(|days| days.to_string()),
    mend: |_, text, _| days(text.trim_end_matches(['d', 'D'])).ok().map(|days| days.to_string()),
    open: Some("<days>"),
    ..TEXT
};
/// When AWS does something, as it writes it.
pub static CRON: Kind = Kind {
    name: "cron",
    usage: "\"…\"",
    quoted: true,
    read: |_, text, _| cron(text),
    mend: |_, text, following| mend_cron(text, following),
    open: Some("<cron>"),
    ..TEXT
};
/// A flag.
pub static FLAG: Kind = Kind { name: "flag", ..TEXT };
/// A flag that people also say as a word: one of the things a command looks at.
pub static CHECK: Kind = Kind { name: "check", ..TEXT };

/// Every row that several commands share.
pub static SHARED: [&Kind; 15] = [
    &ENVIRONMENT,
    &OPERATION,
    &POINT,
    &TENANT,
    &TICKET,
    &REASON,
    &TOPIC,
    &DATA,
    &SCHEDULED,
    &DURATION,
    &TIME,
    &DAYS,
    &CRON,
    &FLAG,
    &CHECK,
];

/// What people call the parts of an environment who do not think in AWS's names.
pub const DATA_CALLED: [(&str, &str); 12] = [
    ("db", "rds"),
    ("database", "rds"),
    ("databases", "rds"),
    ("mysql", "rds"),
    ("postgres", "rds"),
    ("sql", "rds"),
    ("file", "efs"),
    ("files", "efs"),
    ("filesystem", "efs"),
    ("filesystems", "efs"),
    ("uploads", "efs"),
    ("wp-content", "efs"),
];

/// One of the words a kind can be; `what` names the kind in the sentence that refuses another.
///
/// # Errors
/// When it is none of them; the error names them.
pub fn word(kind: &Kind, text: &str, what: &str) -> Result<String, Wrong> {
    kind.exactly(text)
        .map(str::to_owned)
        .ok_or_else(|| Wrong::new(format!("{} is not {what}. It is {}.", shown(text), one_of(kind.words))))
}

impl Kind {
    /// The word this is, in any case.
    pub fn exactly(&self, text: &str) -> Option<&'static str> {
        self.words.iter().copied().find(|word| word.eq_ignore_ascii_case(text))
    }

    /// The word that people call so who think in other names.
    pub(super) fn meant(&self, text: &str) -> Option<&'static str> {
        self.called.iter().find(|(called, _)| called.eq_ignore_ascii_case(text)).map(|(_, word)| *word)
    }
}

/// `7 days`, `7days`, `1w` are written for `7d`; `days` may be the next word.
fn mend_span(text: &str, words: &mut Following<'_>) -> Option<String> {
    if let Ok(span) = span(text) {
        return Some(span_text(span));
    }
    let digits = text.trim().bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.trim().split_at(digits);
    let unit = match unit.trim() {
        "" => words.next_if(|next| unit_meant(&next.text).is_some())?.text.as_str(),
        unit => unit,
    };
    let (factor, unit) = unit_meant(unit)?;
    let number = number.parse::<u64>().ok()?.checked_mul(factor)?;
    span(&format!("{number}{unit}")).ok().map(span_text)
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
fn mend_cron(text: &str, words: &mut Following<'_>) -> Option<String> {
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

/// `bk1042`, `bk_1042`, `#bk-1042.` are written for `bk-1042`.
fn mend_id(word: &str) -> Option<String> {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let kind = word.get(..2)?;
    let number =
        word[2..].trim_start_matches(|c: char| matches!(c, '-' | '_' | '/' | '.' | ':' | '#' | ' ') || is_long_dash(c));
    operation_id(&format!("{kind}-{number}")).ok()
}
