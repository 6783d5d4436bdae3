//! What people decide in a tabletop.

use serde_json::json;

use super::{
    authority::Freshness,
    change::Change,
    decide::Attempt,
    desk::{Desk, Inquiry, say},
};
use crate::{
    domain::{
        drill::{choice::Choice, tabletop},
        incident::Decision,
        moment::Moment,
        operation::{OpId, Run, State, Vote},
        principal::Principal,
    },
    ports::{
        chat::{Level, Reply},
        store::StoreError,
    },
};

impl Desk {
    /// Somebody decides on the inject that is on the table.
    pub(super) async fn decide_inject(
        &self,
        ask: &Inquiry,
        id: &OpId,
        number: Option<usize>,
        choice: Option<Choice>,
    ) -> Result<Reply, StoreError> {
        let voter = match self.actor(ask, Freshness::Recent).await {
            Ok(principal) => principal,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        let (Some(number), Some(choice)) = (number, choice) else {
            let text = format!("Say which inject, and one of {}. Nothing was done.", Choice::WORDS.join(", "));
            return self.refuse_ask(ask, say(Level::Error, text)).await;
        };
        self.attempt(ask, id, |run| decided(run, &voter, number, choice, self.clock.now())).await
    }
}

fn decided(run: &Run, voter: &Principal, number: usize, choice: Choice, now: Moment) -> Attempt {
    let id = &run.op.id;
    if let Some(before) = number.checked_sub(1).and_then(|at| tabletop::decision(run, at)) {
        let text = format!("Inject {number} of {id} is decided already, by <@{}>. Nothing was done.", before.by);
        return Attempt::Refuse(say(Level::Info, text));
    }
    let table = tabletop::on_table(run).filter(|_| run.op.state == State::Waiting);
    let Some((at, inject, due)) = table else {
        let text = format!("{id} {} and has no inject on the table. Nothing was done.", run.op.state.spoken());
        return Attempt::Refuse(say(Level::Info, text));
    };
    if let Some(why) = tabletop::not_yet(run, now) {
        return Attempt::Refuse(say(Level::Info, why));
    }
    if at + 1 != number {
        let text = format!("Inject {number} of {id} is not on the table: inject {} is. Nothing was done.", at + 1);
        return Attempt::Refuse(say(Level::Info, text));
    }
    let Some((index, _)) = run.asks() else {
        return Attempt::Refuse(say(Level::Info, format!("{id} waits for nobody. Nothing was done.")));
    };
    let decision = Decision { choice, by: voter.user.clone(), at: now };
    let mut change = Change::on(run, now);
    change.op().incident.get_or_insert_default().decisions.insert(at, decision.clone());
    let vote = Vote { by: voter.clone(), digest: run.op.digest.clone(), at: now };
    let step = change.touch(index);
    step.answers.held = None;
    step.answers.votes.push(vote);
    step.wake_at = now;
    change.op().wake_at = now;
    change.audit(&voter.user, "decide", json!({"step": index, "inject": number, "choice": choice.word()}));
    change.thread(format!("decided-{at}"), Level::Info, tabletop::answered(&inject, &decision, now, due));
    Attempt::Change(Box::new(change), say(Level::Success, format!("Decided: {}. {id} goes on.", choice.label())))
}
