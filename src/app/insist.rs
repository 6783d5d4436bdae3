//! `Try now`: a person knows that a region answers again, or wants to know whether it does.

use serde_json::json;

use super::{
    authority::Freshness,
    change::Change,
    decide::Attempt,
    desk::{Desk, Inquiry, say},
};
use crate::{
    domain::{
        moment::Moment,
        operation::{OpId, Run, State},
        text::escape,
    },
    ports::{
        chat::{Level, Reply},
        store::StoreError,
    },
};

/// What an impatient person asks for counts as little against the limits of attempts as the first two.
const COUNTED: u32 = 2;

impl Desk {
    /// Asks the regions at once that an operation waits for.
    pub(super) async fn try_now(&self, ask: &Inquiry, id: &OpId) -> Result<Reply, StoreError> {
        let by = match self.actor(ask, Freshness::Recent).await {
            Ok(principal) => principal.user,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        self.attempt(ask, id, |run| tried(run, &by, self.clock.now())).await
    }
}

fn tried(run: &Run, by: &str, now: Moment) -> Attempt {
    let id = &run.op.id;
    let regions: Vec<String> = run.outages().into_iter().map(|outage| outage.region).collect();
    if run.op.state != State::Running || regions.is_empty() {
        let text = format!("{id} waits for no region now. `/bbws op show {id}` shows what it does.");
        return Attempt::Refuse(say(Level::Info, text));
    }
    let mut change = Change::on(run, now);
    for index in regions.iter().flat_map(|region| run.unanswered(region)) {
        let step = change.touch(index);
        (step.silence, step.attempt) = (step.silence.min(COUNTED), step.attempt.min(COUNTED));
        step.wake_at = now;
    }
    change.op().wake_at = now;
    change.audit(by, "try now", json!({"regions": regions}));
    let named: Vec<String> = regions.iter().map(|region| escape(region)).collect();
    let verb = if named.len() == 1 { "is" } else { "are" };
    let text = format!("{} {verb} asked now for {id}; the card shows what comes of it.", named.join(" and "));
    Attempt::Change(Box::new(change), say(Level::Success, text))
}
