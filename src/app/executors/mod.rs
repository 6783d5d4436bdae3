//! Who carries steps out: one contract, and an executor for AWS, for the ledger, for Slack, for reports and for people.
//!
//! The engine decides when a step begins, writes down that it is about to, and hands the step to its executor; it knows no
//! kind of step and no operation by name.

mod aws;
mod chat;
mod ledger;
mod people;
mod reports;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;

use crate::{
    domain::{
        environment::Environment,
        moment::Moment,
        operation::{Operation, Run},
        step::{Action, Outputs, Work},
    },
    ports::{
        chat::Chat,
        clock::Clock,
        cloud::{Cloud, CloudError, Probe, Progress, Started},
        store::{MarkWrite, Store},
    },
};

pub use aws::CALL;

/// One step, with all that its executor needs to carry it out.
#[derive(Debug, Clone)]
pub struct Task {
    /// The operation as the ledger has it: its requester, its votes, when it was asked for.
    pub op: Arc<Operation>,
    /// Position of the step in its plan.
    pub step: usize,
    /// What to do.
    pub action: Action,
    /// Idempotency token, in the ledger before the first call. The same for every attempt of a round, another for a repeat
    /// that a person asked for. Characters `[a-z0-9-]`, at most 50.
    pub token: String,
    /// When the first intent was written or watching began: nothing that is older was made by it.
    pub intended: Option<Moment>,
    /// Who agreed, Slack user ids.
    pub approvers: Vec<String>,
    /// Outputs of the steps it comes after.
    pub inputs: Outputs,
    /// What is to be said about a step that it stands on, however far below, and of which step.
    pub doubt: Option<String>,
    /// What AWS called it, once known.
    pub external_id: Option<String>,
    /// What people have said to it; see [`crate::domain::step::Answers`].
    pub answers: crate::domain::step::Answers,
}

/// What a step came to when it was begun.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Begun {
    /// What was accepted, or is finished already.
    pub started: Started,
    /// What the ledger is to remember or to forget, in one transaction with the record of this answer.
    pub marks: Vec<MarkWrite>,
}

impl From<Started> for Begun {
    fn from(started: Started) -> Begun {
        Begun { started, marks: Vec::new() }
    }
}

/// Carries out steps of one kind of work ([`Work`]). What an implementor has to know:
///
/// **The engine may die between any two lines, and so may you.** Before [`start`](Executor::start) is called, the ledger holds
/// an intent with the step's token; after it has answered, the answer is committed. If the process dies between the two, nobody
/// knows whether the change was made, and another process finds the step in `calling`. So `start` has to make its change under
/// something that the other process can look for and that does not depend on memory: the token, a name that follows from the
/// operation, a tag that names it. To start the same task twice must not make two of anything: where the service has an
/// idempotency token, pass ours; where it has names, use the one in the parameters and adopt what this operation made under it;
/// where it has neither, look before you write. A step makes one change. If it needs two, they are two steps.
///
/// **A probe answers for the past, not for the present.** [`probe`](Executor::probe) is asked about a task whose `start` may or
/// may not have got through, and reads only. It may answer `Present` when it found what *this* step made: proof is our token or
/// our operation's tag, never a likeness, since a stranger's thing of the same name would otherwise be taken for ours. It may
/// answer `Absent` only when it is certain that nothing was made and nothing that is still under way can make it; then the step
/// is begun again with the same token. Where what was made becomes visible late, `Absent` is right only if a second `start` with
/// the same token is harmless. In any other case it answers an error: it is asked again, and after a dozen errors in a row a
/// person looks. Saying `Absent` in doubt is the one mistake here that can do a thing twice.
///
/// **An error says what happened, not what went wrong.** `Retryable`: certainly nothing happened; the engine tries again, later
/// each time. `Permanent`: nothing happened and will not until a person changes something; the step fails, so the reason has to
/// say what. `Unknown`: it may have happened. A lost reply, a time-out, a connection that broke after the request was sent, a 5xx
/// to a change are `Unknown`, and lead to a probe before anything is called again; taken for `Retryable`, they would do it twice,
/// taken for `Permanent`, they would lose sight of it. A connection that was never made, and a refusal, are not `Unknown`.
///
/// **Polling is how everything ends.** [`poll`](Executor::poll) gets the tasks of all runs that are due, reads only, and answers
/// one for one in their order; it merges what can be merged, and the failure of one must not be the answer for another.
/// `Running` is said again and again; `Done` and `Failed` are the end and have to be true: what is accepted is not done, what is
/// invisible has not failed, and a state that nobody has heard of is `Running`. Work of this process that ended with the process
/// is `Gone`, which begins the step anew. Steps that only read are never started: they are wholly carried out by polls.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Looks for what an earlier `start` of this task may have made.
    ///
    /// # Errors
    /// Any error means: nobody knows yet.
    async fn probe(&self, task: &Task) -> Result<Probe, CloudError>;

    /// Makes the step's one change.
    ///
    /// # Errors
    /// See [`CloudError`]; `Unknown` leads to a probe before anything is begun again.
    async fn start(&self, task: &Task) -> Result<Begun, CloudError>;

    /// How far each step is; one answer per task, in order.
    async fn poll(&self, tasks: &[Task]) -> Vec<Result<Progress, CloudError>>;
}

/// All executors of a process.
pub struct Executors {
    aws: aws::Aws,
    ledger: ledger::LedgerSteps,
    chat: chat::Rooms,
    reports: reports::Reports,
    people: people::People,
}

impl Executors {
    /// Over these ports; `environments` are those of the config, by name.
    pub fn new(
        cloud: Arc<dyn Cloud>,
        chat: Arc<dyn Chat>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        environments: BTreeMap<String, Arc<Environment>>,
    ) -> Executors {
        let aws = aws::Aws::new(cloud.clone(), store.clone(), clock.clone(), environments);
        Executors {
            reports: reports::Reports::new(aws.clone(), cloud, store.clone()),
            aws,
            chat: chat::Rooms { chat, store: store.clone(), clock: clock.clone() },
            ledger: ledger::LedgerSteps { store, clock },
            people: people::People,
        }
    }

    /// The executor of such work.
    pub fn of(&self, work: Work) -> &dyn Executor {
        match work {
            Work::AwsChange | Work::AwsRead => &self.aws,
            Work::Ledger => &self.ledger,
            Work::Chat => &self.chat,
            Work::Report => &self.reports,
            Work::People => &self.people,
        }
    }

    /// Asks after all of these, each of its executor, side by side. One answer per task, in order.
    pub async fn poll(&self, tasks: Vec<Task>) -> Vec<Result<Progress, CloudError>> {
        // Both kinds of AWS work are asked for together, so that they can be merged.
        let who = |work| if work == Work::AwsChange { Work::AwsRead } else { work };
        let mut by_work: Vec<(Work, Vec<usize>, Vec<Task>)> = Vec::new();
        for (place, task) in tasks.into_iter().enumerate() {
            let work = who(task.action.work());
            match by_work.iter_mut().find(|(other, ..)| *other == work) {
                Some((_, places, same)) => {
                    places.push(place);
                    same.push(task);
                }
                None => by_work.push((work, vec![place], vec![task])),
            }
        }
        let ask = |(work, places, tasks): (Work, Vec<usize>, Vec<Task>)| async move {
            places.into_iter().zip(self.of(work).poll(&tasks).await).collect::<Vec<_>>()
        };
        let asked = futures::future::join_all(by_work.into_iter().map(ask)).await;
        let mut answers: Vec<(usize, Result<Progress, CloudError>)> = asked.into_iter().flatten().collect();
        answers.sort_by_key(|(place, _)| *place);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }
}

impl Task {
    /// The step of a run, for those who agreed to it.
    pub fn of(run: &Run, index: usize, approvers: Vec<String>) -> Option<Task> {
        let action = run.op.plan.steps.get(index)?.action.clone();
        let step = run.steps.get(index)?;
        Some(Task {
            op: Arc::new(run.op.clone()),
            step: index,
            action,
            token: step.token.clone().unwrap_or_default(),
            intended: step.started,
            approvers,
            inputs: run.inputs(index),
            doubt: run.doubt(index).map(|(title, words)| format!("{title}: {words}")),
            external_id: step.external_id.clone(),
            answers: step.answers.clone(),
        })
    }
}

/// Nothing to do for such a task: an error of ours.
fn amiss(task: &Task, verb: &str) -> CloudError {
    let kind = task.action.kind();
    CloudError::Permanent { reason: format!("There is nothing to {verb} for a step {kind}. Report this.") }
}
