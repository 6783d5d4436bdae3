//! The language people speak to bbws: a line of Slack text in, a [`Command`] or a helpful [`Wrong`] out.
//!
//! A line is tidied and split by `lexer`, matched by `grammar` against the one `table`, its values checked by
//! [`validate`]; what does not fit gets the nearest right line from `suggest`. Help comes from the same table.

mod grammar;
mod help;
mod lexer;
mod suggest;
mod table;
pub mod validate;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{environment::Span, moment::Moment, point::PointKind};

pub use help::{Usage, help, readme_table, reference};

/// The slash command as people type it.
pub const SLASH: &str = "/bbws";
/// The most characters one command may have; Slack itself sends no more.
pub const LONGEST: usize = 4000;

/// A well-formed request. `environment` is a known one; ids and tenants are syntactically valid, not yet known to exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Explain everything, or the command the words name.
    Help {
        /// The words of the command asked about, lower case; empty for the overview.
        topic: Vec<String>,
    },
    /// Back up an environment.
    BackupCreate {
        /// The environment to back up.
        environment: String,
        /// Which parts of it.
        scope: BackupScope,
        /// Only this tenant's share, where given.
        tenant: Option<String>,
        /// Why, for the card and the audit.
        reason: Option<String>,
    },
    /// List recovery points, newest first.
    BackupList {
        /// The environment whose points are listed.
        environment: String,
        /// Only points of this kind, where given.
        kind: Option<PointKind>,
        /// Only this tenant's, where given.
        tenant: Option<String>,
        /// Only data no older than this, where given.
        since: Option<Span>,
        /// Only data from before this moment: where the page before ended.
        before: Option<Moment>,
    },
    /// Find out whether the backups of an environment are worth anything.
    BackupValidate {
        /// The environment to look at.
        environment: String,
        /// What is looked at.
        checks: Checks,
        /// Why, for the card and the audit.
        reason: Option<String>,
    },
    /// Show or change when backups are made and how long they are kept.
    BackupSchedule {
        /// The environment.
        environment: String,
        /// Show, make or change.
        act: ScheduleAct,
        /// Days to keep, where given.
        retention: Option<u32>,
        /// When, as AWS writes it, where given: `cron(0 2 * * ? *)`.
        cron: Option<String>,
        /// Only this kind (`rds` or `efs`), where given.
        kind: Option<PointKind>,
        /// Why, for the card and the audit.
        reason: Option<String>,
    },
    /// Delete a recovery point.
    BackupDelete {
        /// The environment it belongs to.
        environment: String,
        /// Its id, as `backup list` shows it.
        point: String,
        /// Why, for the card and the audit.
        reason: Option<String>,
    },
    /// Put a recovery point under a hold, or release it.
    BackupHold {
        /// The environment it belongs to.
        environment: String,
        /// Its id, as `backup list` shows it.
        point: String,
        /// The ticket that asks for it.
        ticket: String,
        /// Release instead of hold.
        release: bool,
        /// Why, for the card and the audit.
        reason: Option<String>,
    },
    /// List operations, newest first.
    OpList {
        /// Only those of this environment, where given.
        environment: Option<String>,
    },
    /// Show one operation.
    OpShow {
        /// The operation's id, such as `bk-1042`.
        id: String,
    },
    /// Withdraw an operation, or end it before its next step.
    OpCancel {
        /// The operation's id.
        id: String,
        /// Why.
        reason: Option<String>,
    },
    /// Run what failed again.
    OpRetry {
        /// The operation's id.
        id: String,
    },
    /// Start no further step for now.
    OpPause {
        /// The operation's id.
        id: String,
    },
    /// Halt an operation at once; the same as its `Stop` button.
    OpStop {
        /// The operation's id.
        id: String,
    },
    /// Go on with a paused operation.
    OpResume {
        /// The operation's id.
        id: String,
    },
    /// Vote against an operation; the same as its `Reject` button.
    OpReject {
        /// The operation's id.
        id: String,
        /// Why.
        reason: Option<String>,
    },
    /// Vote for an operation; the same as its `Approve` button.
    OpApprove {
        /// The operation's id.
        id: String,
    },
    /// Start nothing more, at once: in one environment or in all.
    Stop {
        /// The environment to stop; every one where absent.
        environment: Option<String>,
        /// Why.
        reason: String,
    },
    /// End a stop.
    Resume {
        /// The environment to resume; the stop of every environment where absent.
        environment: Option<String>,
        /// Why.
        reason: Option<String>,
    },
}

impl Command {
    /// The operation's name as policy, audit and cards know it: `backup.create`, `op.list`, `stop`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Help { .. } => "help",
            Self::BackupCreate { .. } => "backup.create",
            Self::BackupList { .. } => "backup.list",
            Self::BackupValidate { .. } => "backup.validate",
            Self::BackupSchedule { .. } => "backup.schedule",
            Self::BackupDelete { .. } => "backup.delete",
            Self::BackupHold { .. } => "backup.hold",
            Self::OpList { .. } => "op.list",
            Self::OpShow { .. } => "op.show",
            Self::OpCancel { .. } => "op.cancel",
            Self::OpRetry { .. } => "op.retry",
            Self::OpPause { .. } => "op.pause",
            Self::OpStop { .. } => "op.stop",
            Self::OpResume { .. } => "op.resume",
            Self::OpReject { .. } => "op.reject",
            Self::OpApprove { .. } => "op.approve",
            Self::Stop { .. } => "stop",
            Self::Resume { .. } => "resume",
        }
    }

    /// Whether carrying it out can change anything: people without a role may not ask for such.
    pub fn changes_things(&self) -> bool {
        !matches!(
            self,
            Self::Help { .. }
                | Self::OpList { .. }
                | Self::OpShow { .. }
                | Self::BackupList { .. }
                | Self::BackupSchedule { act: ScheduleAct::List, .. }
        )
    }

    /// Whether it changes nothing, but AWS has to be asked for the answer, which takes its time.
    pub fn asks_aws(&self) -> bool {
        matches!(self, Self::BackupList { .. } | Self::BackupSchedule { act: ScheduleAct::List, .. })
    }

    /// The environment it is about, where it is about one.
    pub fn environment(&self) -> Option<&str> {
        match self {
            Self::BackupCreate { environment, .. }
            | Self::BackupList { environment, .. }
            | Self::BackupValidate { environment, .. }
            | Self::BackupSchedule { environment, .. }
            | Self::BackupDelete { environment, .. }
            | Self::BackupHold { environment, .. } => Some(environment),
            Self::OpList { environment } | Self::Stop { environment, .. } | Self::Resume { environment, .. } => {
                environment.as_deref()
            }
            _ => None,
        }
    }

    /// Why, where the person said so.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::BackupCreate { reason, .. }
            | Self::BackupValidate { reason, .. }
            | Self::BackupSchedule { reason, .. }
            | Self::BackupDelete { reason, .. }
            | Self::BackupHold { reason, .. }
            | Self::OpCancel { reason, .. }
            | Self::OpReject { reason, .. }
            | Self::Resume { reason, .. } => reason.as_deref(),
            Self::Stop { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// The one text that stands for this command, without the slash command in front: `parse` of it gives the command back.
    pub fn canonical(&self) -> String {
        let line = table::named(self.name()).map(|spec| suggest::line(spec, &self.values())).unwrap_or_default();
        lexer::encode(&line)
    }

    fn values(&self) -> table::Values {
        let mut values = table::Values::default();
        match self.clone() {
            Self::Help { topic } => values.topic = topic,
            Self::BackupCreate { environment, scope, tenant, reason } => {
                values.environment = Some(environment);
                values.scope = Some(scope);
                values.tenant = tenant;
                values.reason = reason;
            }
            Self::BackupList { environment, kind, tenant, since, before } => {
                values.environment = Some(environment);
                values.kind = kind;
                values.tenant = tenant;
                values.since = since.map(validate::span_text);
                values.before = before.map(validate::moment_text);
            }
            Self::BackupValidate { environment, checks, reason } => {
                values.environment = Some(environment);
                values.flags = if checks == Checks::ALL { Vec::new() } else { checks.named() };
                values.reason = reason;
            }
            Self::BackupSchedule { environment, act, retention, cron, kind, reason } => {
                values.environment = Some(environment);
                values.act = Some(act);
                values.retention = retention.map(|days| days.to_string());
                values.cron = cron;
                values.kind = kind;
                values.reason = reason;
            }
            Self::BackupDelete { environment, point, reason } => {
                values.environment = Some(environment);
                values.point = Some(point);
                values.reason = reason;
            }
            Self::BackupHold { environment, point, ticket, release, reason } => {
                values.environment = Some(environment);
                values.point = Some(point);
                values.ticket = Some(ticket);
                values.flags = if release { vec!["release"] } else { Vec::new() };
                values.reason = reason;
            }
            Self::OpList { environment } => values.environment = environment,
            Self::OpShow { id }
            | Self::OpRetry { id }
            | Self::OpPause { id }
            | Self::OpStop { id }
            | Self::OpResume { id }
            | Self::OpApprove { id } => values.id = Some(id),
            Self::OpCancel { id, reason } | Self::OpReject { id, reason } => {
                values.id = Some(id);
                values.reason = reason;
            }
            Self::Stop { environment, reason } => {
                values.environment = environment;
                values.reason = Some(reason);
            }
            Self::Resume { environment, reason } => {
                values.environment = environment;
                values.reason = reason;
            }
        }
        values
    }
}

/// What a validation looks at. At least one is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Checks {
    /// What is protected against what exists.
    pub inventory: bool,
    /// Lag against RPO.
    pub replication: bool,
    /// Restores the newest recovery point and validates it.
    pub test_restore: bool,
}

impl Checks {
    /// All of them: what you get when you say nothing.
    pub const ALL: Checks = Checks { inventory: true, replication: true, test_restore: true };

    /// The words, as a plan's scope keeps them: `inventory, replication, test-restore`.
    pub fn words(self) -> String {
        self.named().join(", ")
    }

    fn named(self) -> Vec<&'static str> {
        let named =
            [("inventory", self.inventory), ("replication", self.replication), ("test-restore", self.test_restore)];
        named.into_iter().filter(|(_, on)| *on).map(|(word, _)| word).collect()
    }
}

/// What is done with a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleAct {
    /// Show it.
    List,
    /// Make it.
    Create,
    /// Change it.
    Update,
}

impl ScheduleAct {
    /// Every act, in the order help names them.
    pub const ALL: [Self; 3] = [Self::List, Self::Create, Self::Update];

    /// The word people type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

/// Which parts of an environment a backup takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackupScope {
    /// Everything the environment declares.
    #[default]
    Full,
    /// The databases.
    Rds,
    /// The file systems.
    Efs,
    /// The secrets.
    Secrets,
    /// SSM parameters and the secrets' metadata.
    Config,
    /// Buckets of data: their protection, and a record of their versions.
    S3,
    /// Logical dumps of databases.
    Dump,
    /// A check of the buckets' lifecycle rules; makes nothing.
    Lifecycle,
}

impl BackupScope {
    /// Every scope, in the order help names them.
    pub const ALL: [Self; 8] =
        [Self::Full, Self::Rds, Self::Efs, Self::Secrets, Self::Config, Self::S3, Self::Dump, Self::Lifecycle];

    /// The word people type: `full`, `rds`, ….
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Rds => "rds",
            Self::Efs => "efs",
            Self::Secrets => "secrets",
            Self::Config => "config",
            Self::S3 => "s3",
            Self::Dump => "dump",
            Self::Lifecycle => "lifecycle",
        }
    }
}

impl fmt::Display for BackupScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for BackupScope {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        Self::ALL.into_iter().find(|scope| scope.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| {
            let known = suggest::one_of(&Self::ALL.map(Self::as_str));
            Wrong::new(format!("{} is not something to back up. It is {known}.", suggest::shown(text)))
        })
    }
}

/// Why a text is not a command, with the command that would be right.
///
/// Both are plain text in which backticks mark what is quoted: whoever sends them to Slack escapes `& < >`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{said}")]
pub struct Wrong {
    /// One or two sentences that name the offending value.
    pub said: String,
    /// A full command line, such as `/bbws backup create prod full`; where only the person can know a value it has
    /// a `<placeholder>`.
    pub try_instead: Option<String>,
}

impl Wrong {
    fn new(said: impl Into<String>) -> Self {
        Self { said: said.into(), try_instead: None }
    }
}

/// Reads the text after the slash command (or after a mention). `environments` are those the configuration knows.
///
/// # Errors
/// [`Wrong`] for everything that is not exactly a command. A typo is never acted on, only answered.
pub fn parse(text: &str, environments: &[&str]) -> Result<Command, Wrong> {
    let length = text.chars().count();
    if length > LONGEST {
        let said = format!("That is {length} characters long; a command has at most {LONGEST}.");
        return Err(Wrong { said, try_instead: Some(format!("{SLASH} help")) });
    }
    let line = lexer::read(text);
    let outcome = match line.unclosed {
        Some(quote) => Err(Wrong::new(format!("A quote is opened with {quote} and never closed."))),
        None => grammar::understand(&line.words, environments),
    };
    outcome.map_err(|wrong| Wrong {
        try_instead: wrong.try_instead.or_else(|| Some(suggest::repair(&line.words, environments))),
        said: wrong.said,
    })
}
