//! What restores left behind is deleted by itself, once its time is over: the plan that was run says so.

use std::time::Duration;

use super::{desk::Desk, standing::standing, submit::New};
use crate::{
    domain::{
        environment::Environment,
        mark::{Leftover, Mark, MarkKind},
        operation::{OpId, Run, State},
        operations::{Operation, cleanup},
    },
    ports::store::{Filter, Guard, Lock, StoreError},
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
        }
        Ok(())
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
