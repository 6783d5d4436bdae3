//! What people say is ready for a drill, and what they decide in a tabletop.

use serde_json::json;

use super::{
    authority::Freshness,
    change::Change,
    decide::Attempt,
    desk::{Desk, Inquiry, say},
};
use crate::{
    domain::{
        drill::{
            Form,
            choice::Choice,
            ready::{self, Tick},
            tabletop,
        },
        incident::Decision,
        mark::MarkWrite,
        moment::Moment,
        operation::{OpId, Run, State, Vote},
        principal::Principal,
        text::escape,
    },
    ports::{
        chat::{Attachment, Level, Reply},
        store::{AuditEntry, MarkKind, StoreError},
    },
};

impl Desk {
    /// Somebody says that something is ready for the next drill of this form.
    pub(super) async fn ready(
        &self,
        ask: &Inquiry,
        environment: &str,
        form: Option<Form>,
        tick: Option<Tick>,
    ) -> Result<Reply, StoreError> {
        let by = match self.actor(ask, Freshness::Recent).await {
            Ok(principal) => principal.user,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        let (Some(form), Some(tick)) = (form, tick) else {
            let text = format!("Say for which drill, and one of {}. Nothing was done.", Tick::WORDS.join(", "));
            return self.refuse_ask(ask, say(Level::Error, text)).await;
        };
        if !ready::asked(environment, form) {
            let text = format!(
                "Nobody gets ready for that drill in {0}: it is not held there. `/bbws dr test {0} list` shows those that are. Nothing was done.",
                escape(environment)
            );
            return self.refuse_ask(ask, say(Level::Error, text)).await;
        }
        let mut marks = self.store.marks(environment, Some(MarkKind::Drill)).await?;
        if let Some(before) = ready::ticked(&marks, form, tick) {
            let text = format!("<@{before}> ticked *{}* already.", tick.label());
            return self.refuse_ask(ask, say(Level::Info, text)).await;
        }
        let now = self.clock.now();
        let said = ready::said(environment, form, tick, &by, now);
        if let MarkWrite::Set(mark) = &said {
            marks.retain(|before| before.subject != mark.subject);
            marks.push(mark.clone());
        }
        let attachment = Attachment { offers: ready::offers(environment, &marks, form), ..Attachment::default() };
        let reply = Reply { level: Level::Success, text: ready::line(&marks, form), attachment };
        let detail = json!({"environment": environment, "drill": form.word(), "ready": tick.word()});
        let audit = AuditEntry { at: now, actor: by, action: "ready".to_owned(), operation: None, detail };
        self.answer_with(ask, reply, audit, vec![said]).await
    }

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
