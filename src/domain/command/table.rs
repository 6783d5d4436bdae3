//! The one table of commands. The parser, the suggestions, the help, the README and the demo page's completion all read it.

use super::{BackupScope, Command};

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

    pub(super) fn arg(&self, kind: Kind) -> Option<&'static Arg> {
        self.args.iter().find(|arg| arg.kind == kind)
    }

    /// Whether what follows is free text, of which only the first word may mean something.
    pub(super) fn free_text(&self) -> bool {
        self.args.iter().any(|arg| arg.form == Form::Rest)
    }
}

/// The values of a command's arguments, whichever of them it has.
#[derive(Debug, Default, Clone)]
pub(super) struct Values {
    pub environment: Option<String>,
    pub scope: Option<BackupScope>,
    pub id: Option<String>,
    pub tenant: Option<String>,
    pub reason: Option<String>,
    pub topic: Vec<String>,
}

/// The command of that name.
pub(super) fn named(name: &str) -> Option<&'static Spec> {
    COMMANDS.iter().find(|spec| spec.name == name)
}

/// The verbs that follow this noun, for nouns that need one.
pub(super) fn verbs(noun: &str) -> Vec<&'static str> {
    let of_noun = COMMANDS.iter().filter(|spec| spec.path.len() == 2 && spec.path[0].eq_ignore_ascii_case(noun));
    of_noun.map(|spec| spec.path[1]).collect()
}

const EVERYONE: &str = "everyone in the workspace";
const ANY_ROLE: &str = "anyone in a role";
const APPROVERS: &str = "whoever the approval policy names, never the person who asked";
const TWO_PEOPLE: &str = "anyone in a role, and a second person has to agree";

const ENVIRONMENT: Arg =
    Arg { name: "environment", kind: Kind::Environment, form: Form::Word, required: true, about: "which environment" };
const ANY_ENVIRONMENT: Arg =
    Arg { required: false, about: "only this environment; all of them when left out", ..ENVIRONMENT };
const SCOPE: Arg = Arg {
    name: "type",
    kind: Kind::Scope,
    form: Form::WordOrOption,
    required: false,
    about: "`rds` is the databases, `efs` the files, `secrets` the secrets, `full` all three (what you get when you say nothing); `--type rds` works too",
};
const TENANT: Arg = Arg {
    name: "tenant",
    kind: Kind::Tenant,
    form: Form::Option,
    required: false,
    about: "only this tenant's database, files and secrets",
};
const REASON: Arg = Arg {
    name: "reason",
    kind: Kind::Reason,
    form: Form::Option,
    required: false,
    about: "why, in quotes; others see it and it stays in the audit log",
};
const ID: Arg = Arg {
    name: "id",
    kind: Kind::Operation,
    form: Form::Word,
    required: true,
    about: "the operation's id, as its card shows it",
};

/// Every command there is.
pub(super) const COMMANDS: &[Spec] = &[
    Spec {
        name: "backup.create",
        path: &["backup", "create"],
        group: Group::Backups,
        about: "Back up an environment and check the backup",
        happens: "Takes a snapshot of the databases, a backup of the files and an encrypted export of the secrets; copies them to the \
                  DR region where the environment replicates; then checks every one. Nothing is deleted or overwritten. \
                  Where the policy asks for approval, nothing starts before it is given.",
        args: &[ENVIRONMENT, SCOPE, TENANT, REASON],
        examples: &[
            "backup create ENV full",
            "backup create ENV rds --reason \"before the release\"",
            "backup create ENV --type secrets --tenant tenant-1",
        ],
        who: ANY_ROLE,
        build: |v| {
            let scope = v.scope.unwrap_or_default();
            Some(Command::BackupCreate { environment: v.environment?, scope, tenant: v.tenant, reason: v.reason })
        },
    },
    Spec {
        name: "op.list",
        path: &["op", "list"],
        group: Group::Operations,
        about: "List operations, newest first",
        happens: "Shows only you what runs, what waits and what is over. Changes nothing.",
        args: &[ANY_ENVIRONMENT],
        examples: &["op list", "op list ENV"],
        who: EVERYONE,
        build: |v| Some(Command::OpList { environment: v.environment }),
    },
    Spec {
        name: "op.show",
        path: &["op", "show"],
        group: Group::Operations,
        about: "Show one operation with its steps",
        happens: "Shows only you the state, the steps and the votes. Changes nothing.",
        args: &[ID],
        examples: &["op show bk-1042"],
        who: EVERYONE,
        build: |v| Some(Command::OpShow { id: v.id? }),
    },
    Spec {
        name: "op.approve",
        path: &["op", "approve"],
        group: Group::Operations,
        about: "Approve an operation, as its button does",
        happens: "Counts your vote for exactly the plan the card shows. It starts once enough people have approved.",
        args: &[ID],
        examples: &["op approve bk-1042"],
        who: APPROVERS,
        build: |v| Some(Command::OpApprove { id: v.id? }),
    },
    Spec {
        name: "op.reject",
        path: &["op", "reject"],
        group: Group::Operations,
        about: "Reject an operation, as its button does",
        happens: "Ends an operation that awaits approval. It never runs; asking again makes a new one.",
        args: &[ID, REASON],
        examples: &["op reject bk-1042 --reason \"release is under way\""],
        who: ANY_ROLE,
        build: |v| Some(Command::OpReject { id: v.id?, reason: v.reason }),
    },
    Spec {
        name: "op.cancel",
        path: &["op", "cancel"],
        group: Group::Operations,
        about: "Cancel an operation",
        happens: "No further step starts. What AWS has already begun is watched to its end and reported.",
        args: &[ID, REASON],
        examples: &["op cancel bk-1042", "op cancel bk-1042 --reason \"wrong environment\""],
        who: ANY_ROLE,
        build: |v| Some(Command::OpCancel { id: v.id?, reason: v.reason }),
    },
    Spec {
        name: "op.retry",
        path: &["op", "retry"],
        group: Group::Operations,
        about: "Try again what failed",
        happens: "Runs the failed steps again. What is already done stays done and is not made twice.",
        args: &[ID],
        examples: &["op retry bk-1042"],
        who: ANY_ROLE,
        build: |v| Some(Command::OpRetry { id: v.id? }),
    },
    Spec {
        name: "op.pause",
        path: &["op", "pause"],
        group: Group::Operations,
        about: "Hold an operation before its next step",
        happens: "No further step starts until somebody resumes it. What AWS has already begun goes on.",
        args: &[ID],
        examples: &["op pause bk-1042"],
        who: ANY_ROLE,
        build: |v| Some(Command::OpPause { id: v.id? }),
    },
    Spec {
        name: "op.resume",
        path: &["op", "resume"],
        group: Group::Operations,
        about: "Go on with a paused operation",
        happens: "The operation goes on with its next step.",
        args: &[ID],
        examples: &["op resume bk-1042"],
        who: ANY_ROLE,
        build: |v| Some(Command::OpResume { id: v.id? }),
    },
    Spec {
        name: "stop",
        path: &["stop"],
        group: Group::Emergency,
        about: "Stop everything at once, or everything in one environment",
        happens: "From this moment nothing new starts. What AWS has already begun is watched to its end and \
                  reported. No approval is needed; starting again takes two people.",
        args: &[
            Arg { about: "only this environment; *every* environment when left out", ..ANY_ENVIRONMENT },
            Arg {
                form: Form::Rest,
                required: true,
                about: "why; others see it and it stays in the audit log",
                ..REASON
            },
        ],
        examples: &["stop ENV \"database looks corrupt\"", "stop \"we are under attack\""],
        who: ANY_ROLE,
        build: |v| Some(Command::Stop { environment: v.environment, reason: v.reason? }),
    },
    Spec {
        name: "resume",
        path: &["resume"],
        group: Group::Emergency,
        about: "End a stop",
        happens: "Operations may start again once a second person has agreed.",
        args: &[
            Arg {
                about: "the environment that is stopped; left out, the stop of every environment",
                ..ANY_ENVIRONMENT
            },
            REASON,
        ],
        examples: &["resume ENV --reason \"false alarm\""],
        who: TWO_PEOPLE,
        build: |v| Some(Command::Resume { environment: v.environment, reason: v.reason }),
    },
    Spec {
        name: "help",
        path: &["help"],
        group: Group::Help,
        about: "Explain the commands, or one of them",
        happens: "Shows only you this text. Changes nothing.",
        args: &[Arg {
            name: "command",
            kind: Kind::Topic,
            form: Form::Rest,
            required: false,
            about: "the command to explain",
        }],
        examples: &["help", "help backup create"],
        who: EVERYONE,
        build: |v| Some(Command::Help { topic: v.topic }),
    },
];
