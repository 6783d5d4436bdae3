//! An operation: its identity, the state machine it lives by, its votes, and the record the ledger keeps of it.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

pub use super::vote::Vote;
use super::{
    incident::record::Incident,
    moment::Moment,
    plan::Plan,
    policy::Need,
    principal::{PersonId, Principal},
    step::Step,
};

/// Short enough to say aloud on a call: `bk-1042`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpId(pub String);

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an operation is. The names are those of the message metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Other people have to agree first.
    AwaitingApproval,
    /// Agreed; about to start.
    Queued,
    /// Steps are being run.
    Running,
    /// No new step begins until somebody resumes it; what runs in AWS goes on and is watched.
    Paused,
    /// A step waits for a person.
    Waiting,
    /// Every step done and verified.
    Succeeded,
    /// A step failed for good.
    Failed,
    /// Failed, and what had been changed was undone.
    RolledBack,
    /// Somebody refused it.
    Rejected,
    /// Nobody agreed in time, or it did not start in time.
    Expired,
    /// Given up by a person.
    Cancelled,
    /// Halted at once; starting again takes two people.
    Stopped,
    /// The outcome of a step is unknown; a person must look.
    NeedsAttention,
}

/// What can happen to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// The last vote that was needed.
    Approve,
    /// A veto.
    Reject,
    /// A deadline passed.
    Expire,
    /// Given up.
    Cancel,
    /// The run begins.
    Start,
    /// The world changed after the approval.
    Void,
    /// No new steps for now.
    Pause,
    /// Go on after a pause.
    Unpause,
    /// Halt.
    Stop,
    /// Go on after a stop (two people).
    Resume,
    /// All steps done.
    Succeed,
    /// A step failed.
    Fail,
    /// A step's outcome is unknown.
    Lose,
    /// Try what failed again.
    Retry,
    /// A step asks people.
    Wait,
    /// They have said that it may go on.
    Continue,
    /// What was changed is to be undone: from now on only steps of the way back begin.
    TurnBack,
    /// The way back is at its end.
    RollBack,
}

impl State {
    /// Every state.
    pub const ALL: [State; 13] = [
        State::AwaitingApproval,
        State::Queued,
        State::Running,
        State::Paused,
        State::Waiting,
        State::Succeeded,
        State::Failed,
        State::RolledBack,
        State::Rejected,
        State::Expired,
        State::Cancelled,
        State::Stopped,
        State::NeedsAttention,
    ];

    /// The one place that holds the legal moves; `None` where a move is not legal.
    pub fn on(self, trigger: Trigger) -> Option<State> {
        use State as S;
        use Trigger as T;
        Some(match (self, trigger) {
            (S::AwaitingApproval, T::Approve) => S::Queued,
            (S::AwaitingApproval, T::Reject) => S::Rejected,
            (S::AwaitingApproval | S::Queued, T::Expire) => S::Expired,
            (S::AwaitingApproval | S::Queued, T::Cancel) => S::Cancelled,
            (S::Running | S::Paused | S::Waiting | S::Stopped | S::NeedsAttention, T::Cancel) => S::Cancelled,
            (S::Queued, T::Start) => S::Running,
            (S::Queued, T::Void) => S::AwaitingApproval,
            (S::Running, T::Pause) => S::Paused,
            (S::Paused, T::Unpause) => S::Running,
            (S::Running | S::Paused | S::Waiting, T::Stop) => S::Stopped,
            (S::Stopped, T::Resume) => S::Running,
            // What was in flight when people halted the run may turn out to have been its end.
            (S::Running | S::Paused | S::Stopped, T::Succeed) => S::Succeeded,
            (S::Running | S::Paused | S::Stopped, T::Fail) => S::Failed,
            (S::Running | S::Paused | S::Stopped, T::Lose) => S::NeedsAttention,
            (S::NeedsAttention, T::Retry) => S::Running,
            (S::Running, T::Wait) => S::Waiting,
            (S::Waiting, T::Continue) => S::Running,
            // Not where it is stopped: going on from there takes two people, whichever way it goes.
            (S::Paused | S::Waiting | S::NeedsAttention | S::Failed | S::Succeeded, T::TurnBack) => S::Running,
            (S::Running | S::Paused | S::Stopped, T::RollBack) => S::RolledBack,
            (S::Failed, T::Retry) => S::Queued,
            _ => return None,
        })
    }

    /// Over: the environment is free again.
    pub fn terminal(self) -> bool {
        matches!(
            self,
            State::Succeeded | State::Failed | State::RolledBack | State::Rejected | State::Expired | State::Cancelled
        )
    }

    /// Whether entering it is counted: it is over, or goes no further without a person.
    pub fn counted(self) -> bool {
        self.terminal() || self == State::NeedsAttention
    }

    /// Its name in metadata, the ledger and `/bbws op list`.
    pub fn name(self) -> &'static str {
        match self {
            State::AwaitingApproval => "awaiting_approval",
            State::Queued => "queued",
            State::Running => "running",
            State::Paused => "paused",
            State::Waiting => "waiting",
            State::Succeeded => "succeeded",
            State::Failed => "failed",
            State::RolledBack => "rolled_back",
            State::Rejected => "rejected",
            State::Expired => "expired",
            State::Cancelled => "cancelled",
            State::Stopped => "stopped",
            State::NeedsAttention => "needs_attention",
        }
    }
}

impl Trigger {
    /// Every trigger.
    pub const ALL: [Trigger; 18] = [
        Trigger::Approve,
        Trigger::Reject,
        Trigger::Expire,
        Trigger::Cancel,
        Trigger::Start,
        Trigger::Void,
        Trigger::Pause,
        Trigger::Unpause,
        Trigger::Stop,
        Trigger::Resume,
        Trigger::Succeed,
        Trigger::Fail,
        Trigger::Lose,
        Trigger::Retry,
        Trigger::Wait,
        Trigger::Continue,
        Trigger::TurnBack,
        Trigger::RollBack,
    ];
}

impl State {
    /// Where an operation is, as a sentence says it of one: `bk-1042 has failed`.
    pub fn spoken(self) -> &'static str {
        match self {
            State::AwaitingApproval => "waits for approval",
            State::Queued => "is about to start",
            State::Running => "is running",
            State::Paused => "is paused",
            State::Waiting => "waits for a person",
            State::Succeeded => "has succeeded",
            State::Failed => "has failed",
            State::RolledBack => "was rolled back",
            State::Rejected => "was rejected",
            State::Expired => "has expired",
            State::Cancelled => "was cancelled",
            State::Stopped => "is stopped",
            State::NeedsAttention => "needs attention",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for State {
    type Err = String;
    fn from_str(text: &str) -> Result<State, String> {
        State::ALL
            .into_iter()
            .find(|s| s.name() == text)
            .ok_or_else(|| format!("`{text}` is not a state of an operation"))
    }
}

/// Why a run does not go on by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// Slack user id.
    pub by: String,
    /// What they said.
    pub reason: Option<String>,
    /// When.
    pub at: Moment,
    /// `true`: given up, ends as cancelled once what is in flight has ended.
    pub cancel: bool,
    /// The operation to which it gave its environment up: nothing of it begins again. Left out of the ledger where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gave_way: Option<OpId>,
}

/// That a run has turned back, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Slack user id, or the product itself.
    pub by: String,
    /// What for.
    pub reason: Option<String>,
    /// When.
    pub at: Moment,
}

/// That a run was started by a schedule and not by a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BySchedule {
    /// The operation by which the schedule was approved.
    pub schedule: OpId,
    /// Which of its routines.
    pub routine: String,
    /// The time at which that was due.
    pub due: Moment,
    /// Whether its plan is of nothing but what that schedule lets bbws start, so that the approval of the schedule is that of the
    /// run. Where it is not, people are asked as for any other.
    pub covered: bool,
}

/// Where the card is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardRef {
    /// Slack channel id.
    pub channel: String,
    /// Slack message ts.
    pub ts: String,
}

/// The header of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Id.
    pub id: OpId,
    /// Where it is.
    pub state: State,
    /// What was asked for and resolved.
    pub plan: Plan,
    /// Digest of `plan`.
    pub digest: String,
    /// Raised whenever drift replaces the plan; votes of earlier revisions do not count.
    pub revision: u32,
    /// Who has to agree.
    pub needs: Vec<Need>,
    /// Who asked.
    pub requester: Principal,
    /// What they said it is for.
    pub reason: Option<String>,
    /// Channel it was asked for in.
    pub channel: String,
    /// The command that would ask for it again, as text.
    pub command: String,
    /// Votes on the present revision.
    pub votes: Vec<Vote>,
    /// When it was asked for.
    pub created: Moment,
    /// When the request, or the approval, runs out.
    pub deadline: Option<Moment>,
    /// When the run began.
    pub started: Option<Moment>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// How long such a run takes by experience.
    pub estimate: Option<Duration>,
    /// Who halted it and why.
    pub halt: Option<Halt>,
    /// What became of it, in a sentence, with the next step.
    pub outcome: Option<String>,
    /// Where the card is, once Slack has told. The store keeps it apart: a commit leaves it as it is.
    #[serde(skip)]
    pub card: Option<CardRef>,
    /// When the runner should look at it next.
    pub wake_at: Moment,
    /// Whether the run is on its way back. Left out of the ledger where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned: Option<Turn>,
    /// The schedule that started it. Left out of the ledger where a person asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_schedule: Option<BySchedule>,
    /// What people have done in it, where it is an incident. Left out of the ledger before they have done anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Box<Incident>>,
    /// The recovery time that is promised, and what such runs took before, as it was known when this was asked for. Left out of
    /// the ledger where it brings nothing back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<String>,
}

impl Operation {
    /// The schedule whose approval is that of this run, where there is one.
    pub fn mandate(&self) -> Option<&BySchedule> {
        self.by_schedule.as_ref().filter(|by| by.covered)
    }

    /// What buttons on its card name: the plan that is on the screen, `rs-7:0123456789abcdef:1`.
    pub fn shown(&self) -> String {
        format!("{}:{}:{}", self.id, &self.digest[..16.min(self.digest.len())], self.revision)
    }

    /// Kind, such as `backup.create`.
    pub fn kind(&self) -> &str {
        &self.plan.kind
    }

    /// Environment's name, `*` for all.
    pub fn environment(&self) -> &str {
        &self.plan.environment
    }

    /// The operation to which it gave its environment up, if it did.
    pub fn gave_way(&self) -> Option<&OpId> {
        self.halt.as_ref()?.gave_way.as_ref()
    }

    /// Whether the person asked for it.
    pub fn asked_by(&self, person: &PersonId) -> bool {
        self.requester.person == *person
    }
}

/// An operation with its steps, as loaded from the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Header.
    pub op: Operation,
    /// Steps, in the plan's order.
    pub steps: Vec<Step>,
    /// Raised by every write; a write against an older version is refused.
    pub version: i64,
}

impl Run {
    /// Whether it goes well and a schedule started it: then it has no card, and nobody hears of it but in a line a day.
    pub fn quiet(&self) -> bool {
        let well = match self.op.state {
            State::Queued | State::Running => true,
            State::Succeeded => self.issues().is_empty(),
            State::AwaitingApproval
            | State::Paused
            | State::Waiting
            | State::Failed
            | State::RolledBack
            | State::Rejected
            | State::Expired
            | State::Cancelled
            | State::Stopped
            | State::NeedsAttention => false,
        };
        // What cleans up after such a run is nobody's news either, and asks nobody.
        let unasked = self.op.by_schedule.as_ref().is_some_and(|by| by.covered || self.op.needs.is_empty());
        well && unasked && self.op.card.is_none() && self.op.halt.is_none()
    }
}
