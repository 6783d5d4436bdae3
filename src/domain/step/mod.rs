//! A step of a plan as data: what it does, in which state it is, and the only legal moves between states.

mod action;
mod archive;
mod backup;
pub mod bisect;
mod cutover;
mod drill;
mod dump;
mod efs;
mod failover;
mod ledger;
mod lifecycle;
mod page;
mod parameters;
mod people;
mod rds;
mod replica;
mod replication;
mod report;
mod room;
mod s3;
mod tenant;
mod values;

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::moment::Moment;
pub(crate) use action::every_kind_of_step;
pub use action::{Action, Work};
pub use archive::*;
pub use backup::*;
pub use bisect::{BisectAsk, BisectPoints, BisectReport, BisectRestore, ProbePoint, RememberAnswers};
pub use cutover::*;
pub use drill::*;
pub use dump::*;
pub use efs::*;
pub use failover::*;
pub use ledger::*;
pub use lifecycle::*;
pub use page::{Job, Page};
pub use parameters::{Metric, Parameters, Proof};
pub use people::*;
pub use rds::*;
pub use replica::*;
pub use replication::*;
pub use report::*;
pub use room::*;
pub use s3::*;
pub use tenant::*;
pub use values::*;

/// What a step gives to those that follow it, for example `recovery_point` → ARN.
pub type Outputs = BTreeMap<String, String>;

/// The output of a step that did what was asked and about which something is to be said nevertheless: AWS's words for a job
/// that is "completed with issues", or what a check found less of than before. Where there is one, nothing is called verified.
pub const ISSUE: &str = "issue";

/// The output that says up to when restored data goes, as [`super::moment::Moment::iso`] writes it, where only the restore itself
/// could tell.
pub const DATA_OF: &str = "data_of";

/// The output that names tables of a copy of which nothing proves that they are what they were at the moment it is said to be of; empty
/// where nobody could sign in, so that nothing in it is proved.
pub const UNPROVED: &str = "unproved";

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun, or to be called again.
    Ready,
    /// The intent is written; the call may or may not have been made.
    Calling,
    /// AWS accepted it; its progress is being watched.
    Polling,
    /// Finished as promised.
    Done,
    /// Finished otherwise.
    Failed,
    /// Never begun, because something before it failed or the operation was cancelled.
    Skipped,
    /// Nobody knows whether it happened; a person has to look.
    Unknown,
}

/// What can happen to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepEvent {
    /// The intent to call is written.
    Intend,
    /// A step that only reads begins to be watched.
    Watch,
    /// AWS accepted the call, or a probe found what an earlier call made.
    Started,
    /// It is certain that nothing happened; the call may be made again.
    Absent,
    /// It is finished.
    Finish,
    /// It failed for good.
    Fail,
    /// Nobody knows.
    Lose,
    /// It will not be begun.
    Skip,
    /// A person asked to try again.
    Reset,
    /// Nobody needs to answer any more: a step that asks people is given up.
    Dismiss,
}

impl StepState {
    /// Every state.
    pub const ALL: [StepState; 7] = [
        StepState::Ready,
        StepState::Calling,
        StepState::Polling,
        StepState::Done,
        StepState::Failed,
        StepState::Skipped,
        StepState::Unknown,
    ];

    /// The one place that holds the legal moves; `None` where a move is not legal.
    pub fn on(self, event: StepEvent) -> Option<StepState> {
        use StepEvent as E;
        use StepState as S;
        Some(match (self, event) {
            (S::Ready, E::Intend) => S::Calling,
            (S::Ready, E::Watch) => S::Polling,
            (S::Ready, E::Skip) => S::Skipped,
            (S::Polling, E::Dismiss) => S::Skipped,
            (S::Calling, E::Started) => S::Polling,
            // From `polling` only where the work was done by a process of ours that ended.
            (S::Calling | S::Polling, E::Absent) => S::Ready,
            (S::Calling | S::Polling, E::Finish) => S::Done,
            (S::Calling | S::Polling, E::Fail) => S::Failed,
            (S::Calling | S::Polling, E::Lose) => S::Unknown,
            (S::Failed | S::Skipped, E::Reset) => S::Ready,
            // What may have happened is looked for again before it is called again.
            (S::Unknown, E::Reset) => S::Calling,
            _ => return None,
        })
    }

    /// In AWS's hands, or possibly so.
    pub fn in_flight(self) -> bool {
        matches!(self, StepState::Calling | StepState::Polling)
    }
}

impl StepEvent {
    /// Every event.
    pub const ALL: [StepEvent; 10] = [
        StepEvent::Intend,
        StepEvent::Watch,
        StepEvent::Started,
        StepEvent::Absent,
        StepEvent::Finish,
        StepEvent::Fail,
        StepEvent::Lose,
        StepEvent::Skip,
        StepEvent::Reset,
        StepEvent::Dismiss,
    ];
}

impl fmt::Display for StepState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StepState::Ready => "ready",
            StepState::Calling => "calling",
            StepState::Polling => "polling",
            StepState::Done => "done",
            StepState::Failed => "failed",
            StepState::Skipped => "skipped",
            StepState::Unknown => "unknown",
        })
    }
}

/// A step of a plan, before it runs: part of what is approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSpec {
    /// What people read: `Snapshot database bbws-prod-mysql`.
    pub title: String,
    /// Indexes of the steps that must be done first.
    pub after: Vec<usize>,
    /// Version of the kind's meaning.
    pub kind_version: u32,
    /// What it does.
    #[serde(flatten)]
    pub action: Action,
    /// It begins once everything in `after` has ended, well or not: cleaning up. Left out of the digest where it is not so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub always: bool,
    /// It begins only when the run turns back, after every step of the way back before it. What it undoes is the last step in `after`
    /// that goes forward: where that was never begun it is skipped. Left out of the digest where it is not so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub back: bool,
}

/// A region that does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Down {
    /// Its name. Not always that of the step: some look at two.
    pub region: String,
    /// When it was first left unanswered; the same for all steps that wait for it.
    pub since: Moment,
}

/// The moving part of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Position in the plan.
    pub index: usize,
    /// State.
    pub state: StepState,
    /// Idempotency token, fixed when the first intent is written; a deliberate repeat gets a new one.
    pub token: Option<String>,
    /// How often a person asked to repeat it.
    pub round: u32,
    /// Intents written in this round.
    pub attempt: u32,
    /// Consecutive answers that told nothing.
    pub silence: u32,
    /// AWS's id: a job id, an ARN, a name.
    pub external_id: Option<String>,
    /// What it gives to the steps that follow.
    pub outputs: Outputs,
    /// 0–100 where AWS tells.
    pub percent: Option<u8>,
    /// What AWS says of it now, for people.
    pub detail: Option<String>,
    /// Why it failed or nobody knows, and what to do.
    pub error: Option<String>,
    /// When the first intent was written or watching began.
    pub started: Option<Moment>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// How long it takes by experience.
    pub expected: Option<Duration>,
    /// When to look at it next.
    pub wake_at: Moment,
    /// What people said to it. Left out of the ledger where they said nothing.
    #[serde(default, skip_serializing_if = "Answers::is_empty")]
    pub answers: Answers,
    /// The region that left its last attempt unanswered. Left out of the ledger while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<Down>,
    /// How long it stood still because its region did not answer. Left out of the ledger where it did not.
    #[serde(default, skip_serializing_if = "Duration::is_zero")]
    pub stalled: Duration,
}

impl Step {
    /// How far it is, 0–100; 100 only when it is done.
    pub fn progress(&self) -> u8 {
        match self.state {
            StepState::Done => 100,
            StepState::Calling | StepState::Polling => self.percent.unwrap_or(0).min(99),
            _ => 0,
        }
    }

    /// Whether anything was done for it yet.
    pub fn begun(&self) -> bool {
        self.external_id.is_some() || self.started.is_some()
    }

    /// Whether it may have done anything: it was begun, or is past its beginning.
    pub fn touched(&self) -> bool {
        self.begun() || !matches!(self.state, StepState::Ready | StepState::Skipped)
    }

    /// A step that has not begun.
    pub fn new(index: usize) -> Step {
        Step {
            index,
            state: StepState::Ready,
            token: None,
            round: 0,
            attempt: 0,
            silence: 0,
            external_id: None,
            outputs: Outputs::new(),
            percent: None,
            detail: None,
            error: None,
            started: None,
            ended: None,
            expected: None,
            wake_at: Moment(0),
            answers: Answers::default(),
            down: None,
            stalled: Duration::ZERO,
        }
    }
}
