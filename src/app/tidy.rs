//! What restores left behind is deleted by itself, once its time is over: the plan that was run says so.

use std::time::Duration;

use serde_json::json;

use super::{
    change::SELF,
    desk::Desk,
    standing::standing,
    submit::{Mandate, New},
};
use crate::{
    domain::{
        cost::{self, Hardware},
        environment::Environment,
        mark::{Leftover, Mark, MarkKind},
        operation::{BySchedule, OpId, Run, State},
        operations::{Operation, cleanup},
        restored::Left,
        text::escape,
    },
    ports::{
        chat::{Attachment, Level},
        store::{AuditEntry, Commit, Filter, Guard, Lock, MarkWrite, Notice, StoreError},
    },
};

/// A cleanup that failed is tried again after this long.
const AGAIN: Duration = Duration::from_secs(6 * 3600);
/// Operations looked through for one that cleans up already.
const RECENT: u32 = 200;

impl Desk {
    /// Begins a cleanup for every leftover that is due, and for which none is under way.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let environments: Vec<_> = self.planner.environments().cloned().collect();
        for declared in environments {
            let environment = standing(self.store.as_ref(), &declared, None).await?;
            for leftover in self.store.marks(&environment.name, Some(MarkKind::Leftover)).await? {
                if now.since(leftover.at) >= Leftover::read(&leftover.note).stays() {
                    self.clean_up(&environment, &leftover).await?;
                }
            }
            for before in self.store.marks(&environment.name, Some(MarkKind::Before)).await? {
                if now.since(before.at) >= Leftover::read(&before.note).stays() {
                    self.propose_the_end(&environment, &before).await?;
                }
            }
        }
        Ok(())
    }

    /// Tells once that what was live before a restore has been kept for as long as was promised. Nothing deletes it by itself.
    async fn propose_the_end(&self, env: &Environment, before: &Mark) -> Result<(), StoreError> {
        let Mark { environment, subject, operation, .. } = before;
        let note = Leftover::read(&before.note);
        let promised = note.kept.unwrap_or_default();
        let run = self.store.load(&OpId(operation.clone())).await?;
        let hardware = run.as_ref().and_then(|run| Hardware::of(subject, run));
        let rolled_back = run.is_some_and(|run| run.op.state == State::RolledBack);
        let was = match (Left::of(subject), rolled_back) {
            (Left::Journal, true) => format!("says what {operation} merged, and what of that was taken back"),
            (Left::Journal, false) => format!("says what {operation} merged"),
            (_, true) => format!("was live from {operation} on until that was rolled back"),
            (_, false) => format!("was live before {operation} put something else in its place"),
        };
        let back = match rolled_back {
            true => String::new(),
            false => format!(" As long as it is there, `/bbws op rollback {operation}` is the way back."),
        };
        let text = format!(
            "`{0}` in {1} {was}, and was promised for {promised}: that is over. It {2}. bbws never deletes it by itself: when two of you agree that nobody needs it, {3}.{back}",
            escape(subject),
            escape(note.region),
            escape(&cost::told(subject, hardware.as_ref(), &env.prices)),
            Left::of(subject).removed()
        );
        let proposed = Commit {
            marks: vec![MarkWrite::Take {
                environment: environment.clone(),
                kind: MarkKind::Before,
                subject: subject.clone(),
            }],
            notices: vec![Notice::Channel {
                environment: environment.clone(),
                key: format!("before-{operation}-{subject}"),
                level: Level::Warning,
                text,
                attachment: Attachment::default(),
            }],
            audit: vec![AuditEntry {
                at: self.clock.now(),
                actor: SELF.to_owned(),
                action: "propose".to_owned(),
                operation: Some(OpId(operation.clone())),
                detail: json!({"end_of": subject, "promised": promised}),
            }],
            ..Commit::default()
        };
        match self.store.commit(proposed).await {
            // Another replica told it.
            Err(StoreError::Conflict) => Ok(()),
            told => told.map(drop),
        }
    }

    async fn clean_up(&self, environment: &Environment, leftover: &Mark) -> Result<(), StoreError> {
        let Some(test) = self.store.load(&OpId(leftover.operation.clone())).await? else {
            tracing::error!(instance = %leftover.subject, "no record tells who made this instance; it has to be deleted by hand");
            return Ok(());
        };
        // As long as the test goes on, cleaning up is its own business.
        let halted = matches!(test.op.state, State::NeedsAttention | State::Stopped | State::Paused);
        let over = test.op.state.terminal() || (halted && !test.in_flight());
        if !over || self.cleaning(environment, leftover).await? {
            return Ok(());
        }
        let plan = match cleanup::plan(environment, leftover) {
            Ok(plan) => plan,
            Err(problems) => {
                tracing::error!(instance = %leftover.subject, ?problems, "this cannot be cleaned up by itself");
                return Ok(());
            }
        };
        let Run { op: test, .. } = test;
        let new = New {
            id: self.fresh_id(cleanup::Cleanup.prefix()).await?,
            plan,
            // Who agreed to the test agreed to this: its plan says so.
            needs: Vec::new(),
            requester: test.requester,
            reason: Some(format!("left behind by {}", test.id)),
            command: test.command,
            created: self.clock.now(),
            lock: Lock::Keep,
            mandate: test.by_schedule.map(|by| Mandate {
                by: BySchedule { covered: false, ..by },
                votes: Vec::new(),
                start_by: self.clock.now(),
            }),
        };
        let (_, change) = self.begin(new, &test.channel).await?;
        match self.store.commit(change.commit(Guard::New).1).await {
            // Another replica was faster.
            Err(StoreError::Conflict) => Ok(()),
            other => {
                self.wake.all();
                other
            }
        }
    }

    /// Whether a cleanup of this is under way, or failed only lately.
    async fn cleaning(&self, environment: &Environment, leftover: &Mark) -> Result<bool, StoreError> {
        let filter = Filter { environment: Some(environment.name.clone()), states: Vec::new(), limit: RECENT };
        let now = self.clock.now();
        let recent = self.store.list(&filter).await?;
        let same = recent.iter().filter(|op| op.kind() == cleanup::Cleanup.kind() && op.plan.scope == leftover.subject);
        Ok(same.into_iter().any(|op| op.ended.is_none_or(|ended| now.since(ended) < AGAIN)))
    }
}
