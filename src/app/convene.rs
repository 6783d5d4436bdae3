//! What an incident does by itself while it is open: rooms open for what others run with a ticket, and updates are drafted for
//! those who wait, and people are asked after what reviews left to be done, and when they can approve. Everything here follows from
//! the ledger, so that it can be done again at any time, by any process.

use super::{change::Change, desk::Desk, planner::Asking, submit::New};
use crate::{
    domain::{
        incident::{Update, declared, update},
        operation::{OpId, Operation, Run, State},
        operations::{self, Operation as _, incident},
    },
    ports::{
        chat::{Attachment, Level, Offer},
        store::{Filter, Guard, Lock, MarkKind, StoreError},
    },
};

/// Operations of an environment looked through.
const LOOKED_THROUGH: u32 = 200;

impl Desk {
    /// Opens rooms that are missing, and drafts updates that are due.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn convene(&self) -> Result<(), StoreError> {
        let environments: Vec<String> = self.environments().into_iter().map(str::to_owned).collect();
        for environment in environments {
            let states = State::ALL.into_iter().filter(|state| !state.terminal()).collect();
            let filter = Filter { environment: Some(environment.clone()), states, limit: LOOKED_THROUGH };
            let unfinished = self.store.list(&filter).await?;
            for op in &unfinished {
                if let Some(ticket) = operations::of(op.kind()).meets(&op.plan)
                    && !self.met(op, ticket).await?
                {
                    self.open_for(op, ticket).await?;
                }
            }
            for op in unfinished.iter().filter(|op| declared(&op.plan).is_some()) {
                self.draft_update(&op.id, &unfinished).await?;
                self.measure(op).await?;
            }
        }
        self.ask_after_items().await?;
        self.ask_who_can_approve().await
    }

    /// Writes down, once, how long own failovers took: an incident says until when one keeps the promise.
    async fn measure(&self, op: &Operation) -> Result<(), StoreError> {
        if op.incident.as_ref().is_some_and(|incident| incident.measured.is_some()) {
            return Ok(());
        }
        let Some(measured) = self.planner.failovers_took(op.environment()).await? else { return Ok(()) };
        let Some(run) = self.store.load(&op.id).await? else { return Ok(()) };
        let mut change = Change::on(&run, self.clock.now());
        change.op().incident.get_or_insert_default().measured = Some(measured);
        match self.store.commit(change.commit(Guard::Version(run.version)).1).await {
            // It changed meanwhile: the next round does it.
            Err(StoreError::Conflict) => Ok(()),
            other => {
                self.wake.all();
                other
            }
        }
    }

    /// Whether there is an incident for this ticket already, or was one while this operation was there.
    async fn met(&self, op: &Operation, ticket: &str) -> Result<bool, StoreError> {
        let environment = op.environment();
        let open = self.store.marks(environment, Some(MarkKind::Room)).await?;
        if open.iter().any(|mark| mark.subject == ticket) {
            return Ok(true);
        }
        let filter = Filter { environment: Some(environment.to_owned()), states: Vec::new(), limit: LOOKED_THROUGH };
        let closed = |other: &Operation| {
            let of_it = declared(&other.plan).is_some_and(|room| room.ticket == ticket);
            of_it && other.ended.is_none_or(|ended| ended >= op.created)
        };
        Ok(self.store.list(&filter).await?.iter().any(closed))
    }

    /// Declares an incident in the name of whoever asked for the operation.
    async fn open_for(&self, op: &Operation, ticket: &str) -> Result<(), StoreError> {
        let command = incident::command(op.environment(), ticket, &operations::title(op));
        let id = self.fresh_id(incident::Declare.prefix()).await?;
        let created = self.clock.now();
        let asking = Asking { id: &id, at: created, drawn: created, by: &op.requester.user };
        let (plan, needs) = match self.planner.plan(&command, asking).await {
            Ok(planned) => planned,
            Err(why) => {
                tracing::warn!(operation = %op.id, ?why, "no room can be opened for it");
                return Ok(());
            }
        };
        let new = New {
            id,
            plan,
            needs,
            requester: op.requester.clone(),
            reason: command.reason().map(str::to_owned),
            command: command.canonical(),
            created,
            lock: Lock::Keep,
            mandate: None,
        };
        let (_, change) = self.begin(new, &op.channel).await?;
        match self.store.commit(change.commit(Guard::New).1).await {
            // Another replica, or somebody by hand, was faster.
            Err(StoreError::Conflict) => Ok(()),
            other => {
                self.wake.all();
                other
            }
        }
    }

    /// Drafts the update that is due, and puts it to those who may send it.
    async fn draft_update(&self, id: &OpId, unfinished: &[Operation]) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some(run) = self.store.load(id).await? else { return Ok(()) };
        let Some(number) = update::due(&run, now) else { return Ok(()) };
        let mut others: Vec<Run> = Vec::new();
        for other in unfinished.iter().filter(|other| other.id != *id) {
            others.extend(self.store.load(&other.id).await?);
        }
        let Some(text) = update::draft(&run, &others, now) else { return Ok(()) };
        let mut change = Change::on(&run, now);
        change.op().incident.get_or_insert_default().update = Some(Update { number, text: text.clone(), sent: None });
        let offer = Offer {
            label: "Send update".to_owned(),
            command: format!("dr update {id} --number {number}"),
            confirm: Some("It goes to the channels of the stakeholders and to SNS, word for word.".to_owned()),
        };
        change.show(
            format!("update-{number}"),
            Level::Info,
            format!("Those who wait have heard nothing for a while. A draft of what is known now; nothing is sent until somebody presses:\n>>> {text}"),
            Attachment { offers: vec![offer], ..Attachment::default() },
        );
        match self.store.commit(change.commit(Guard::Version(run.version)).1).await {
            // It changed meanwhile: the next round drafts it.
            Err(StoreError::Conflict) => Ok(()),
            other => {
                self.wake.all();
                other
            }
        }
    }
}
