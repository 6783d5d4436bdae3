//! The one table of commands. The parser, the suggestions, the help, the README and the demo page's completion all read it.

mod backup;
mod emergency;
mod op;

use super::{BackupScope, Command, ScheduleAct};
use crate::domain::point::PointKind;

/// The headings of the overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Backups,
    Operations,
    Emergency,
    Help,
}

/// What a value is: decides how it is checked, shown and repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Environment,
    Scope,
    Operation,
    Tenant,
    Reason,
    Topic,
    /// A kind of recovery point.
    Data,
    /// A kind of recovery point that AWS makes on a schedule.
    Scheduled,
    /// How far back.
    Since,
    /// Up to which moment.
    Before,
    /// What is done with a schedule.
    Act,
    /// Days to keep.
    Retention,
    Cron,
    /// A recovery point's id.
    Point,
    Ticket,
    /// One of the things a validation looks at.
    Check,
    Release,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
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
#[derive(Debug)]
pub(super) struct Arg {
    /// The option's name, and the argument's in the parser.
    pub name: &'static str,
    pub kind: Kind,
    pub form: Form,
    pub required: bool,
    /// The line about it in the command's help.
    pub about: &'static str,
}

/// One command.
pub(super) struct Spec {
    /// The command's name, as [`Command::name`] gives it.
    pub name: &'static str,
    /// The words it begins with.
    pub path: &'static [&'static str],
    pub group: Group,
    /// One line, for overviews.
    pub about: &'static str,
    /// What will happen, for the command's own page.
    pub happens: &'static str,
    pub args: &'static [Arg],
    /// What follows [`super::SLASH`]; `ENV` stands for an environment there is.
    pub examples: &'static [&'static str],
    pub who: &'static str,
    /// Makes the command from values already checked; `None` when a required one is missing.
    pub build: fn(Values) -> Option<Command>,
}

impl Spec {
    /// The words it begins with, as one text.
    pub(super) fn words(&self) -> String {
        self.path.join(" ")
    }

    /// Its first argument of that kind.
    pub(super) fn arg(&self, kind: Kind) -> Option<&'static Arg> {
        self.args.iter().find(|arg| arg.kind == kind)
    }

    /// Whether what follows is free text, of which only the first word may mean something.
    pub(super) fn free_text(&self) -> bool {
        self.args.iter().any(|arg| arg.form == Form::Rest)
    }
}

/// The values of a command's arguments, whichever of them it has.
///
/// Values that a suggestion may leave open are texts: a checked value in its usual spelling, or a placeholder.
#[derive(Debug, Default, Clone)]
pub(super) struct Values {
    pub environment: Option<String>,
    pub scope: Option<BackupScope>,
    pub id: Option<String>,
    pub tenant: Option<String>,
    pub reason: Option<String>,
    pub topic: Vec<String>,
    pub kind: Option<PointKind>,
    pub since: Option<String>,
    pub before: Option<String>,
    pub act: Option<ScheduleAct>,
    pub retention: Option<String>,
    pub cron: Option<String>,
    pub point: Option<String>,
    pub ticket: Option<String>,
    /// Names of the flags that are set.
    pub flags: Vec<&'static str>,
}

/// Every command there is, in the order help shows them.
pub(super) fn commands() -> impl Iterator<Item = &'static Spec> + Clone {
    [backup::BACKUP, op::OP, emergency::EMERGENCY].into_iter().flatten()
}

/// The command of that name.
pub(super) fn named(name: &str) -> Option<&'static Spec> {
    commands().find(|spec| spec.name == name)
}

/// The verbs that follow this noun, for nouns that need one.
pub(super) fn verbs(noun: &str) -> Vec<&'static str> {
    let of_noun = commands().filter(|spec| spec.path.len() == 2 && spec.path[0].eq_ignore_ascii_case(noun));
    of_noun.map(|spec| spec.path[1]).collect()
}

const EVERYONE: &str = "everyone in the workspace";
const ANY_ROLE: &str = "anyone in a role";
const APPROVERS: &str = "whoever the approval policy names, never the person who asked";

const ENVIRONMENT: Arg =
    Arg { name: "environment", kind: Kind::Environment, form: Form::Word, required: true, about: "which environment" };
const ANY_ENVIRONMENT: Arg =
    Arg { required: false, about: "only this environment; all of them when left out", ..ENVIRONMENT };
const REASON: Arg = Arg {
    name: "reason",
    kind: Kind::Reason,
    form: Form::Option,
    required: false,
    about: "why, in quotes; others see it and it stays in the audit log",
};
