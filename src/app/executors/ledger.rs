//! The ledger: what is to be remembered once a run got so far, and the lifting of stops.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;

use super::{Begun, Executor, Task, amiss};
use crate::{
    app::change::{Change, SELF},
    domain::{
        bisect::Answer,
        checked::Checked,
        mark::MarkKind,
        operation::{OpId, State, Trigger},
        step::{Action, ClearStop, ISSUE, bisect},
    },
    ports::{
        chat::Level,
        clock::Clock,
        cloud::{CloudError, Probe, Progress, Started},
        store::{AuditEntry, Commit, Filter, Guard, Mark, MarkWrite, Stop, Store, StoreError},
    },
};

/// More operations than this are never stopped at once.
const MOST: u32 = 10_000;

/// Carries out what happens in the ledger.
pub struct LedgerSteps {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
}

#[async_trait]
impl Executor for LedgerSteps {
    /// The effect of a mark and the end of its step are one transaction, so a step that has not ended had no effect. Lifting a
    /// stop may be done again from its beginning.
    async fn probe(&self, _: &Task) -> Result<Probe, CloudError> {
        Ok(Probe::Absent)
    }

    async fn start(&self, task: &Task) -> Result<Begun, CloudError> {
        let finished = Started { finished: true, ..Started::default() };
        let environment = task.op.environment().to_owned();
        let mut finished = finished;
        // What came with an issue is no proof, though every step of it is done.
        if let (Action::Remember(what), Some(doubt)) = (&task.action, &task.doubt)
            && what.mark == MarkKind::Tested
        {
            finished.outputs.insert(ISSUE.to_owned(), format!("it does not count as restore-tested ({doubt})"));
            return Ok(finished.into());
        }
        let marks = match &task.action {
            Action::Remember(what) => {
                vec![MarkWrite::Set(what.written(&environment, &task.op.id.0, self.clock.now()))]
            }
            Action::Forget(what) => {
                vec![MarkWrite::Drop { environment, kind: what.mark, subject: what.subject.clone() }]
            }
            Action::BisectPoints(what) => {
                finished.outputs = what.outputs();
                Vec::new()
            }
            Action::RememberAnswers(what) => self.answers(task, &what.check),
            Action::ClearStop(what) => {
                self.clear_stop(task, what).await?;
                Vec::new()
            }
            _ => return Err(amiss(task, "write down")),
        };
        Ok(Begun { started: finished, marks })
    }

    async fn poll(&self, tasks: &[Task]) -> Vec<Result<Progress, CloudError>> {
        tasks.iter().map(|task| Err(amiss(task, "wait for"))).collect()
    }
}

impl LedgerSteps {
    /// What the points of a search answered to a check. Those without an answer are as they were.
    fn answers(&self, task: &Task, check: &str) -> Vec<MarkWrite> {
        let points = bisect::points(&task.inputs);
        let mark = |(at, answer): (usize, Answer)| {
            let right = match answer {
                Answer::Right => true,
                Answer::Wrong => false,
                Answer::Unknown => return None,
            };
            Some(MarkWrite::Set(Mark {
                environment: task.op.environment().to_owned(),
                kind: MarkKind::Checked,
                subject: Checked::subject(&points.get(at)?.key, check),
                note: Checked::note(right).to_owned(),
                operation: task.op.id.to_string(),
                at: self.clock.now(),
            }))
        };
        bisect::answers(&task.inputs).into_iter().filter_map(mark).collect()
    }

    /// Lifts a stop, and lets go on what it had halted. Every part of it may be done again.
    async fn clear_stop(&self, task: &Task, what: &ClearStop) -> Result<(), CloudError> {
        let (scope, op) = (what.scope.as_str(), &task.op);
        let asked = op.created;
        let stops = self.store.stops().await.map_err(silent)?;
        let covered = |s: &Stop| scope == "*" || s.scope == scope;
        if let Some(newer) = stops.iter().find(|s| covered(s) && s.at > asked) {
            let reason = format!("a newer stop by {} came after this was asked for: {}", newer.by, newer.reason);
            return Err(CloudError::Permanent { reason });
        }
        for stop in stops.iter().filter(|s| covered(s)) {
            let entry = AuditEntry {
                at: self.clock.now(),
                actor: op.requester.user.clone(),
                action: "lift".to_owned(),
                operation: Some(op.id.clone()),
                detail: json!({"scope": stop.scope}),
            };
            let lift = Commit { lift: Some(stop.scope.clone()), audit: vec![entry], ..Commit::default() };
            self.store.commit(lift).await.map_err(silent)?;
        }
        let environment = op.environment();
        let filter = Filter {
            environment: (environment != "*").then(|| environment.to_owned()),
            states: vec![State::Stopped],
            limit: MOST,
        };
        let single = !stops.iter().any(covered) && scope != "*" && scope != environment;
        for stopped in self.store.list(&filter).await.map_err(silent)? {
            let meant = !single || stopped.id.0 == scope;
            if meant && stopped.halt.as_ref().is_none_or(|h| h.at <= asked) {
                self.resume_run(&stopped.id, task).await.map_err(silent)?;
            }
        }
        Ok(())
    }

    async fn resume_run(&self, id: &OpId, task: &Task) -> Result<(), StoreError> {
        loop {
            let Some(run) = self.store.load(id).await? else { return Ok(()) };
            let mut change = Change::on(&run, self.clock.now());
            if run.op.gave_way().is_some() || change.trigger(Trigger::Resume, SELF).is_err() {
                return Ok(());
            }
            if change.run.op.halt.as_ref().is_some_and(|h| !h.cancel) {
                change.op().halt = None;
            }
            let by = &task.op;
            let approver = by.votes.last().map(|v| format!(" and <@{}>", v.by.user)).unwrap_or_default();
            change.thread(
                format!("resumed-{}", by.id),
                Level::Info,
                format!("Goes on: {} by <@{}>{approver}.", by.id, by.requester.user),
            );
            match self.store.commit(change.commit(Guard::Version(run.version)).1).await {
                Err(StoreError::Conflict) => {}
                other => return other,
            }
        }
    }
}

/// What was written before the ledger fell silent may be written again.
fn silent(error: StoreError) -> CloudError {
    tracing::error!(error = &error as &dyn std::error::Error, "a step in the ledger could not be carried out");
    CloudError::Retryable { reason: "The ledger does not answer.".to_owned(), after: None }
}
