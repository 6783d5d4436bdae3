//! An operation that takes the environment of another with its approval: the other is stopped in the same transaction, whatever it
//! waits for, and nothing of it begins again.

use serde_json::json;

use super::{
    change::{Change, Illegal},
    desk::{Desk, say},
    words,
};
use crate::{
    domain::{
        language,
        moment::Moment,
        operation::{Halt, OpId, Operation, Run, State, Trigger},
        operations::{self, title},
        text::{count, escape},
    },
    ports::{
        chat::{Attachment, Level, Offer, Reply},
        store::{Lock, StoreError},
    },
};

impl Desk {
    /// Makes of the wish to take an environment from an operation what it comes to now: that one is stopped with it where it holds the
    /// environment; where it does not any more, the environment has to be free.
    pub(super) async fn take_from(&self, change: &mut Change, by: &str) -> Result<(), StoreError> {
        let Some(from) = change.takes_from().cloned() else { return Ok(()) };
        let op = change.run.op.clone();
        let holds = self.store.holder(op.environment()).await?.is_some_and(|holder| holder == from);
        let holder = if holds { self.store.load(&from).await? } else { None };
        // One that has ended meanwhile frees the environment, or has done so.
        match holder.and_then(|run| gives_way(&run, &op, by, change.now()).ok()) {
            Some(stopped) => {
                let what = escape(&title(&stopped.run.op));
                let text = format!(
                    "<@{by}> lets it take `{}` from {from} ({what}), which is stopped.",
                    escape(op.environment())
                );
                change.thread(format!("takes-from-{from}"), Level::Warning, text);
                change.supplant(stopped);
            }
            None => change.lock(Lock::Take),
        }
        Ok(())
    }

    /// The answer to a command that would change an environment which another operation holds.
    pub(super) async fn locked_reply(
        &self,
        environment: &str,
        holder: &OpId,
        command: &str,
    ) -> Result<Reply, StoreError> {
        let run = self.store.load(holder).await?;
        let silent = run.as_ref().is_some_and(|run| !run.outages().is_empty());
        let halfway = run.as_ref().is_some_and(Run::exchanges);
        let reasoned = format!(
            "Its region does not answer. To give it up in the middle of its exchange: `/bbws op cancel {holder} --reason \"why\"`, which does not wait for that"
        );
        let state = run.as_ref().map(|run| run.op.state);
        let is = state.map_or_else(String::new, |s| format!(" (it {})", s.spoken()));
        let command = language::parse(command, &self.environments()).ok();
        let over = command.as_ref().zip(run.as_ref()).and_then(|(command, run)| {
            let (label, command) = operations::asked(command)?.over(command, run)?;
            Some(over(holder, label, command.canonical()))
        });
        let hint = match state {
            _ if over.is_some() => "It need not be waited for: the button stops it and goes on, which takes two people",
            Some(State::AwaitingApproval) => "Approve or cancel it first",
            Some(State::NeedsAttention) => "It waits for a person: Retry or Cancel it on its card",
            _ if silent && halfway => reasoned.as_str(),
            _ if silent => "Cancel it: its region does not answer, and it does not wait for that",
            _ => "Wait for it, or stop or cancel it on its card",
        };
        let text = format!(
            "{holder} is under way in `{environment}`{is}, and one operation at a time may change an environment. Nothing new was started. {hint}: `/bbws op show {holder}`."
        );
        let cancel = || Offer {
            label: format!("Cancel {holder}"),
            command: format!("op cancel {holder}"),
            confirm: Some(
                "Nothing new of it begins. What its region was doing is not known until that answers.".to_owned(),
            ),
        };
        let offers = over.or_else(|| (silent && !halfway).then(cancel)).into_iter().collect();
        Ok(Reply { attachment: Attachment { offers, ..Attachment::default() }, ..say(Level::Warning, text) })
    }
}

fn over(holder: &OpId, label: String, command: String) -> Offer {
    let confirm = format!(
        "It asks for the same again, with {holder} to be stopped in the moment in which somebody else approves it. Until then {holder} goes on."
    );
    Offer { label, command, confirm: Some(confirm) }
}

/// The record of a run that gives its environment up to another one. What of it runs in AWS is watched to its end; what had not
/// begun as a whole is withdrawn.
fn gives_way(run: &Run, to: &Operation, by: &str, now: Moment) -> Result<Change, Illegal> {
    let mut change = Change::on(run, now);
    let (id, what) = (&to.id, title(to));
    let reason = format!("{id} takes the environment: {what}");
    let halt = Halt { by: by.to_owned(), reason: Some(reason), at: now, cancel: false, gave_way: Some(id.clone()) };
    change.audit(by, "gives_way", json!({"to": id, "digest": to.digest}));
    let goes = format!("<@{by}> gave its environment to {id} ({})", escape(&what));
    if matches!(run.op.state, State::Running | State::Paused | State::Waiting | State::Stopped) {
        if run.op.state != State::Stopped {
            change.trigger(Trigger::Stop, by)?;
        }
        change.op().halt = Some(halt);
        let watched = match run.in_aws() {
            0 => "Nothing of it runs in AWS".to_owned(),
            flying => format!("What runs of it in AWS ({}) is watched to its end", count(flying, "step")),
        };
        let text = format!(
            "Stopped: {goes}. No step of it begins any more. {watched}. Cancel closes it; to ask anew once `{}` is free: `/bbws {}`",
            escape(to.environment()),
            escape(&run.op.command)
        );
        change.thread(format!("gave-way-{id}"), Level::Warning, words::calling(&change.run, State::Stopped, &text));
        return Ok(change);
    }
    change.op().halt = Some(halt);
    change.trigger(Trigger::Cancel, by)?;
    let outcome = format!(
        "Cancelled: {goes}. {} To ask anew once `{}` is free: `/bbws {}`",
        words::left_behind(&change.run),
        escape(to.environment()),
        escape(&run.op.command)
    );
    change.op().outcome = Some(outcome.clone());
    change.thread(format!("gave-way-{id}"), Level::Warning, words::calling(&change.run, State::Cancelled, &outcome));
    Ok(change)
}

/// The refusal of a hand on a run that would let it begin something again, where it gave its environment up.
pub(super) fn gone(op: &Operation) -> Option<Reply> {
    let to = op.gave_way()?;
    let text = format!(
        "{} gave `{}` up to {to}, so nothing of it begins again. Nothing was done. To ask anew: `/bbws {}`",
        op.id,
        escape(op.environment()),
        escape(&op.command)
    );
    Some(say(Level::Warning, text))
}
