//! What the grammar knows of a command: how it is written, what its help says, what it does. Operations and answers bring
//! their own entry; [`Table`] is all of them in the order help shows.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use super::{
    Wrong,
    lexer::Word,
    value::{self, Kind},
};

/// Words of a path that stand before the environment.
const NOUN_AND_VERB: usize = 2;

/// The headings of the overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What makes, lists and ends backups.
    Backups,
    /// What moves a platform to its other region and back.
    Recovery,
    /// What is going on, and the hands on it.
    Operations,
    /// What stops and starts again.
    Emergency,
    /// Help itself, which the overview leaves out.
    Help,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A word at its place.
    Word,
    /// `--name value`.
    Option,
    /// Either of both.
    WordOrOption,
    /// `--name`, with no value behind it.
    Flag,
    /// Everything that is left, or `--name value`.
    Rest,
}

/// One argument of a command.
#[derive(Debug, Clone, Copy)]
pub struct Arg {
    /// The option's name, and the argument's in the parser and in [`Values`].
    pub name: &'static str,
    /// What it is.
    pub kind: &'static Kind,
    /// How it is written.
    pub form: Form,
    /// Whether the command is nothing without it.
    pub required: bool,
    /// What is meant where nothing is said; the canonical text says it.
    pub usual: Option<&'static str>,
    /// The line about it in the command's help.
    pub about: &'static str,
}

/// What holds the hands on operations that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// Vote for one.
    Approve,
    /// Vote against one.
    Reject,
    /// Withdraw one, or end it before its next step.
    Cancel,
    /// Run what failed again.
    Retry,
    /// Undo what a run has changed.
    RollBack,
    /// Go on without the step of a run that may be left out now.
    Skip,
    /// Wait no longer for the step of a run that ends gracefully.
    Force,
    /// Start no further step for now.
    Pause,
    /// Halt one, at once.
    Halt,
    /// Go on with a paused one.
    Resume,
    /// Start nothing more, at once.
    Stop,
    /// Ask a second person to end a stop.
    Lift,
    /// Take a duty in an incident, or hand it to somebody.
    Duty,
    /// Send the update of an incident that was drafted.
    Update,
    /// Decide what is asked in a tabletop, or as the commander of an incident.
    Decide,
    /// Say when one can approve.
    Reach,
    /// Say that something is ready for a drill.
    Ready,
    /// Take an action item of an incident, hand it over, or say that it is done.
    Item,
}

/// What AWS has to be asked for, since the ledger does not know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// Recovery points.
    Points,
    /// Recovery points by what they are worth.
    Restorable,
    /// When backups are made.
    Schedule,
    /// How ready both sides are for a failover.
    Readiness,
    /// Whether to fail over.
    Failover,
    /// Whether the platform serves where it runs.
    Serving,
    /// Whether to fail back.
    Failback,
}

/// What comes of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Help. Changes nothing.
    Explain,
    /// An answer from the ledger. Changes nothing.
    Answer,
    /// An answer from AWS, which takes its time. Changes nothing.
    List(List),
    /// An operation, which is planned, approved and run.
    Operation,
    /// A hand on operations that there are.
    Control(Control),
}

impl Does {
    /// Whether nothing can change by it: everybody in the workspace may ask.
    pub fn only_reads(self) -> bool {
        matches!(self, Does::Explain | Does::Answer | Does::List(_))
    }
}

/// One command.
pub struct Entry {
    /// The command's name, as policy and audit know it: `backup.create`, `op.list`, `stop`.
    pub name: &'static str,
    /// The words it begins with. A third one stands behind the environment: `backup restore prod list`.
    pub path: &'static [&'static str],
    /// Its heading.
    pub group: Group,
    /// Its place under the heading, in tens.
    pub place: u8,
    /// One line, for overviews.
    pub about: &'static str,
    /// What will happen, for the command's own page.
    pub happens: &'static str,
    /// Its arguments, in the order of its canonical text.
    pub args: &'static [Arg],
    /// What follows [`super::SLASH`]; `ENV` stands for an environment there is.
    pub examples: &'static [&'static str],
    /// Who may.
    pub who: &'static str,
    /// What comes of it with these values; some may be missing while somebody is still typing.
    pub does: fn(&Values) -> Does,
    /// Whether values that are right each by itself belong together; brings them into their usual form.
    pub settle: fn(Values) -> Result<Values, Wrong>,
    /// Completes what somebody who mistyped most likely meant, once each value is mended by itself.
    pub mend: fn(&mut Values),
}

impl Entry {
    /// The words it begins with, as one text.
    pub(super) fn words(&self) -> String {
        self.path.join(" ")
    }

    /// The words it begins with, and those that follow them; `written` writes an argument where it has its place.
    pub(super) fn line(&self, written: impl Fn(&'static Arg) -> Option<String>) -> String {
        let (front, behind) = self.path.split_at(self.path.len().min(NOUN_AND_VERB));
        let mut words: Vec<String> = front.iter().map(|word| (*word).to_owned()).collect();
        for (at, arg) in self.args.iter().enumerate() {
            words.extend(written(arg));
            words.extend(behind.iter().filter(|_| at == 0).map(|word| (*word).to_owned()));
        }
        words.join(" ")
    }

    /// What follows the words this command begins with; none where `words` do not begin it. What stands behind the
    /// environment may also stand before it, or be written as an option; `same` tells how far a word may be from it.
    pub(super) fn rest<'w>(&self, words: &'w [Word], same: impl Fn(&str, &str) -> bool) -> Option<Cow<'w, [Word]>> {
        let (front, behind) = self.path.split_at(self.path.len().min(NOUN_AND_VERB));
        let begins = front.len() <= words.len() && front.iter().zip(words).all(|(path, word)| same(&word.text, path));
        let rest = begins.then(|| &words[front.len()..])?;
        let Some(wanted) = behind.first() else { return Some(Cow::Borrowed(rest)) };
        let at = rest.iter().enumerate().position(|(at, word)| match word.is_option() {
            true => same(word.text.trim_start_matches('-'), wanted),
            false => at < 2 && !word.quoted && same(&word.text, wanted),
        })?;
        let mut rest = rest.to_vec();
        rest.remove(at);
        Some(Cow::Owned(rest))
    }

    /// Its first argument of that kind.
    pub(super) fn arg(&self, kind: &Kind) -> Option<&'static Arg> {
        self.args.iter().find(|arg| arg.kind == kind)
    }

    /// Whether what follows is free text, of which only the first word may mean something.
    pub(super) fn free_text(&self) -> bool {
        self.args.iter().any(|arg| arg.form == Form::Rest)
    }
}

/// Every value stands for itself: [`Entry::settle`] of most commands.
///
/// # Errors
/// None.
pub fn as_they_are(values: Values) -> Result<Values, Wrong> {
    Ok(values)
}

/// Nothing to complete: [`Entry::mend`] of most commands.
pub fn nothing_more(_: &mut Values) {}

/// The values of a command's arguments by the arguments' names, in their usual spelling.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Values {
    texts: BTreeMap<&'static str, String>,
    flags: BTreeSet<&'static str>,
    /// The words help is asked about.
    pub topic: Vec<String>,
}

impl Values {
    /// The words help is asked about, and nothing else.
    pub fn about(topic: Vec<String>) -> Values {
        Values { topic, ..Values::default() }
    }

    /// What was said for that argument.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// What was said for that argument, as what it means; none when nothing was said.
    pub fn read<T: FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    /// Whether that flag is set.
    pub fn has(&self, flag: &str) -> bool {
        self.flags.contains(flag)
    }

    /// Says so for that argument.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.texts.insert(name, value.into());
    }

    /// Says so for that argument, unless something was said or there is nothing to say.
    pub fn offer(&mut self, name: &'static str, value: Option<impl Into<String>>) {
        if let (None, Some(value)) = (self.get(name), value) {
            self.set(name, value);
        }
    }

    /// Says nothing for that argument.
    pub fn clear(&mut self, name: &str) {
        self.texts.remove(name);
    }

    /// Sets or takes back a flag.
    pub fn flag(&mut self, name: &'static str, on: bool) {
        if on {
            self.flags.insert(name);
        } else {
            self.flags.remove(name);
        }
    }
}

/// Every command there is.
pub struct Table {
    /// In the order help shows them.
    shown: Vec<&'static Entry>,
    /// Those with more words of their own first.
    read: Vec<&'static Entry>,
}

impl Table {
    /// Of these, in any order.
    pub fn new(entries: impl IntoIterator<Item = &'static Entry>) -> Table {
        let mut shown: Vec<&'static Entry> = entries.into_iter().collect();
        shown.sort_by_key(|entry| (entry.group, entry.place));
        let mut read = shown.clone();
        read.sort_by_key(|entry| std::cmp::Reverse(entry.path.len()));
        Table { shown, read }
    }

    /// All of them.
    pub fn commands(&self) -> impl Iterator<Item = &'static Entry> + Clone {
        self.shown.iter().copied()
    }

    /// All of them, those with more words of their own first.
    pub(super) fn most_words_first(&self) -> impl Iterator<Item = &'static Entry> {
        self.read.iter().copied()
    }

    /// The command of that name.
    pub fn named(&self, name: &str) -> Option<&'static Entry> {
        self.commands().find(|entry| entry.name == name)
    }

    /// The verbs that follow this noun, for nouns that need one.
    pub(super) fn verbs(&self, noun: &str) -> Vec<&'static str> {
        let of_noun = self.commands().filter(|entry| entry.path.len() == 2 && entry.path[0].eq_ignore_ascii_case(noun));
        of_noun.map(|entry| entry.path[1]).collect()
    }
}

/// Who may read.
pub const EVERYONE: &str = "everyone in the workspace";
/// Who may ask for what changes things.
pub const ANY_ROLE: &str = "anyone in a role";

/// The environment a command is about.
pub const ENVIRONMENT: Arg = Arg {
    name: "environment",
    kind: &value::ENVIRONMENT,
    form: Form::Word,
    required: true,
    usual: None,
    about: "which environment",
};
/// The environment a command is about, where it may be about all of them.
pub const ANY_ENVIRONMENT: Arg =
    Arg { required: false, about: "only this environment; all of them when left out", ..ENVIRONMENT };
/// Why.
pub const REASON: Arg = Arg {
    name: "reason",
    kind: &value::REASON,
    form: Form::Option,
    required: false,
    usual: None,
    about: "why, in quotes; others see it and it stays in the audit log",
};
/// Why somebody asks for an answer, which changes nothing.
pub const WHY_ASKED: Arg =
    Arg { about: "why, in quotes; as with any command, and the answer is for you alone", ..REASON };
/// No more than a judgement, which is what is given where nothing is carried out.
pub const ASSESS_ONLY: Arg = Arg {
    name: "assess-only",
    kind: &value::CHECK,
    form: Form::Flag,
    required: false,
    usual: None,
    about: "says no more than what is said without it",
};
/// Only one tenant's share.
pub const TENANT: Arg = Arg {
    name: "tenant",
    kind: &value::TENANT,
    form: Form::Option,
    required: false,
    usual: None,
    about: "only this tenant's",
};
/// A recovery point.
pub const POINT: Arg = Arg {
    name: "id",
    kind: &value::POINT,
    form: Form::Word,
    required: true,
    usual: None,
    about: "the recovery point's id, as `backup list` shows it",
};
/// An operation.
pub const OPERATION: Arg = Arg {
    name: "id",
    kind: &value::OPERATION,
    form: Form::Word,
    required: true,
    usual: None,
    about: "the operation's id, as its card shows it",
};
