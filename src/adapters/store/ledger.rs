//! One transaction of the ledger, put together from its parts.

use std::time::Instant;

use super::Core;
use crate::{
    domain::{operation::State, operations},
    ports::store::{AuditEntry, Commit, Lock, StoreError},
};

impl Core {
    /// Carries out one transaction. An early return drops the transaction, which undoes it.
    pub(super) async fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let begun = Instant::now();
        let entries: Vec<String> = commit.audit.iter().map(AuditEntry::canonical).collect();
        let mut tx = self.db.begin().await?;
        if let Some(renewal) = &commit.renewal {
            self.renew(&mut tx, renewal).await?;
        }
        if let Some(write) = &commit.op
            && let Lock::TakeFrom(from) = &write.lock
            && commit.supplanted.as_ref().is_none_or(|stopped| stopped.op.id != *from)
        {
            // Nothing takes an environment from what goes on.
            return Err(StoreError::Conflict);
        }
        let mut version = 0;
        for write in commit.op.iter().chain(&commit.supplanted) {
            version = version.max(self.write_operation(&mut tx, write).await?);
        }
        if let Some(stop) = &commit.stop {
            self.set_stop(&mut tx, stop).await?;
        }
        if let Some(scope) = &commit.lift {
            self.lift_stop(&mut tx, scope).await?;
        }
        if let Some(write) = &commit.op {
            self.change_lock(&mut tx, write).await?;
        }
        if let Some((request, answer)) = &commit.answers {
            self.answer(&mut tx, request, answer).await?;
        }
        self.write_marks(&mut tx, &commit.marks).await?;
        self.write_samples(&mut tx, &commit.samples).await?;
        self.write_tallies(&mut tx, &commit.tallies).await?;
        self.write_dues(&mut tx, &commit.dues).await?;
        self.enqueue(&mut tx, &commit.notices, version).await?;
        self.append(&mut tx, &entries).await?;
        tx.commit().await?;
        metrics::histogram!("bbws_ledger_commit_seconds", "of" => "change").record(begun.elapsed().as_secs_f64());
        count(commit);
        Ok(())
    }

    /// Writes something of no meaning, durably.
    pub(super) async fn pulse(&self) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        sqlx::query("UPDATE pulse SET at = $1 WHERE id = 1").bind(self.clock.now().0).execute(&mut **tx).await?;
        Ok(tx.commit().await?)
    }
}

/// Counts what ended or needs a person from now on, once it is durable: here every way there comes together.
fn count(commit: &Commit) {
    for op in commit.op.iter().chain(&commit.supplanted).map(|write| &write.op) {
        let moves =
            commit.audit.iter().filter(|entry| entry.action == "state" && entry.operation.as_ref() == Some(&op.id));
        let to = moves.filter_map(|entry| entry.detail.get("to")?.as_str());
        for state in to.filter_map(|to| State::ALL.into_iter().find(|state| state.name() == to)).filter(|s| s.counted())
        {
            let kind = operations::of(op.kind()).kind();
            metrics::counter!("bbws_operations_total", "kind" => kind, "state" => state.name()).increment(1);
        }
    }
}
