//! What can be asked for that changes nothing: one file per answer, and the one list of them. An answer says how it is asked
//! for, what of the ledger it rests on, and what it says then. It is pure: who asks gets all of it in one reply.

mod actions;
pub mod backup_list;
pub mod dr;
mod drills;
mod handover;
pub mod home;
mod op_list;
mod op_show;
pub mod restore_list;
mod status;
mod tiers;

use std::collections::BTreeMap;

use super::{
    attachment::Attachment,
    command::{Command, Does, Entry},
    cost::Hardware,
    environment::Environment,
    mark::{Mark, MarkKind, Sample},
    moment::Moment,
    operation::{OpId, Operation, Run},
    policy::Rule,
    routine::Due,
    stop::Stop,
    tier::Tally,
};

/// Every answer from the ledger. A new one is its file and its line here.
pub static ALL: [&dyn Answer; 6] =
    [&op_list::OpList, &op_show::OpShow, &status::Status, &handover::Handover, &drills::Drills, &actions::Actions];

/// Which runs an answer rests on, with their steps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Runs {
    /// None.
    #[default]
    Nothing,
    /// One.
    One(OpId),
    /// All that are not over.
    Unfinished,
}

/// What an answer rests on. What it does not want, it is not given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wants {
    /// The environments it was asked about: where they run, and what of them is live. Whatever is of an environment comes with it.
    pub environments: bool,
    /// Headers of the newest operations, so many, of the environment it was asked about.
    pub newest: u32,
    /// Runs.
    pub runs: Runs,
    /// Stops in force.
    pub stops: bool,
    /// Marks of these kinds, of the environment it was asked about or of all.
    pub marks: &'static [MarkKind],
    /// When each environment was last measured.
    pub measured: bool,
    /// What starts by itself, and when it is due.
    pub dues: bool,
    /// How well RPOs were kept, and the lags of the last hour.
    pub attainment: bool,
    /// Who said when they can approve.
    pub approvers: bool,
}

/// What was found out for an answer.
#[derive(Debug, Clone)]
pub struct Known<'a> {
    /// The moment it is given.
    pub now: Moment,
    /// The environments it was asked about: the one that was named, or all. None where they are not wanted.
    pub environments: Vec<&'a Environment>,
    /// Newest operations.
    pub newest: Vec<Operation>,
    /// Runs.
    pub runs: Vec<Run>,
    /// Stops in force.
    pub stops: Vec<Stop>,
    /// Marks.
    pub marks: Vec<Mark>,
    /// Who asked for the operations that set them: Slack user ids, by the operation's id.
    pub owners: BTreeMap<String, String>,
    /// What instances that restores left are made of, by their name; those that no step saw are missing.
    pub hardware: BTreeMap<String, Hardware>,
    /// When AWS was last measured, by environment; those of which nothing was measured in the last hour are missing.
    pub measured: BTreeMap<String, Moment>,
    /// Lags of the last hour.
    pub samples: Vec<Sample>,
    /// How well RPOs were kept.
    pub tallies: Vec<Tally>,
    /// When what starts by itself is due in these environments.
    pub dues: Vec<Due>,
    /// The approval rules.
    pub rules: &'a [Rule],
    /// Since when nothing protects an environment, because it moved; those that are protected are missing.
    pub exposed: BTreeMap<String, Moment>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Whether there is such a thing as was asked about.
    pub found: bool,
    /// mrkdwn, the whole meaning.
    pub text: String,
    /// Beside it.
    pub attachment: Attachment,
}

impl Told {
    fn text(text: impl Into<String>) -> Told {
        Told { found: true, text: text.into(), attachment: Attachment::default() }
    }
}

/// One kind of answer.
pub trait Answer: Sync {
    /// How it is asked for: its words, values and help.
    fn entry(&self) -> &'static Entry;

    /// What of the ledger it rests on.
    fn wants(&self, command: &Command) -> Wants;

    /// What it says.
    fn tell(&self, command: &Command, known: &Known<'_>) -> Told;
}

/// The answer that this command asks for; none where nothing, or AWS, has to be asked for it.
pub fn asked(command: &Command) -> Option<&'static dyn Answer> {
    let asks = |answer: &&dyn Answer| answer.entry().name == command.name();
    ALL.into_iter().find(asks).filter(|_| command.does() == Does::Answer)
}

/// How every answer is asked for, those from AWS included.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    ALL.into_iter().map(Answer::entry).chain([&backup_list::ENTRY, &restore_list::ENTRY, &dr::STATUS])
}
