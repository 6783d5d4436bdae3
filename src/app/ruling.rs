//! What the commander of an incident decides, and why: kept for those who come later, and shown on the card.

use serde_json::json;

use super::{
    authority::Freshness,
    change::Change,
    decide::Attempt,
    desk::{Desk, Inquiry, say},
};
use crate::{
    domain::{
        command::Command,
        drill::choice::Choice,
        incident::{Duty, Entry, RULINGS, Ruling, declared},
        moment::Moment,
        operation::{OpId, Run},
        text::escape,
    },
    ports::{
        chat::{Attachment, Form, Level, Offer, ReasonForm, Reply},
        store::StoreError,
    },
};

impl Desk {
    /// The commander decides; who has not said why is asked.
    pub(super) async fn rule(
        &self,
        ask: &Inquiry,
        id: &OpId,
        choice: Choice,
        command: &Command,
    ) -> Result<Reply, StoreError> {
        let by = match self.actor(ask, Freshness::Recent).await {
            Ok(principal) => principal.user,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        let form = ReasonForm {
            command: command.canonical(),
            title: format!("Decide in {id}"),
            asks: "What the commander decides is kept with the reason: on the card, on the timeline and in the review. It starts nothing by itself.".to_owned(),
            channel: ask.request.channel.clone(),
        };
        let why = command.reason();
        self.attempt(ask, id, |run| ruled(run, &by, choice, why, &form, self.clock.now())).await
    }
}

fn ruled(run: &Run, by: &str, choice: Choice, why: Option<&str>, form: &ReasonForm, now: Moment) -> Attempt {
    let id = &run.op.id;
    let Some(room) = declared(&run.op.plan) else {
        let text = format!("{id} is no incident. In a tabletop say which inject: `--inject 1`. Nothing was done.");
        return Attempt::Refuse(say(Level::Error, text));
    };
    if run.op.state.terminal() {
        let text =
            format!("{id} {}, so that there is nothing left to decide. Nothing was done.", run.op.state.spoken());
        return Attempt::Refuse(say(Level::Warning, text));
    }
    if let Some(refusal) = does_not_lead(run, by) {
        return Attempt::Refuse(refusal);
    }
    let label = choice.in_earnest(room.disaster);
    let Some(why) = why else {
        let text = format!(
            "Say why, so that it is kept: `/bbws {} --reason \"why\"`. Nothing was done.",
            escape(&form.command)
        );
        return Attempt::Ask(Some(Form::Reason(form.clone())), say(Level::Error, text));
    };
    let incident = run.op.incident.as_deref();
    let same = |last: &Ruling| last.choice == choice && last.why == why;
    if incident.and_then(|incident| incident.rulings.last()).is_some_and(same) {
        return Attempt::Refuse(say(Level::Info, format!("{id}: *{label}* is decided already, for that reason.")));
    }
    if incident.is_some_and(|incident| incident.rulings.len() >= RULINGS) {
        let text =
            format!("{id} has {RULINGS} decisions, and no more are kept. Write it into the room. Nothing was done.");
        return Attempt::Refuse(say(Level::Warning, text));
    }
    let mut change = Change::on(run, now);
    let incident = change.op().incident.get_or_insert_default();
    incident.rulings.push(Ruling { choice, why: why.to_owned(), by: by.to_owned(), at: now });
    incident.note(Entry {
        at: now,
        by: by.to_owned(),
        text: format!("Decided: {label}. Why: {why}"),
        message: None,
        later: Vec::new(),
    });
    change.audit(by, "decide", json!({"choice": choice.word(), "why": why}));
    let told = format!("<@{by}> decides: *{label}*, because {}.", escape(why));
    change.thread(format!("ruling-{}", now.0), Level::Warning, told);
    let next = match choice {
        Choice::Proceed => " It starts nothing by itself: ask for what is to run, as the first steps in the room say.",
        Choice::Look | Choice::Never => "",
    };
    Attempt::Change(Box::new(change), say(Level::Success, format!("{id}: *{label}* is kept with its reason.{next}")))
}

/// Why this person cannot decide: somebody else leads, or nobody does yet.
fn does_not_lead(run: &Run, by: &str) -> Option<Reply> {
    let id = &run.op.id;
    let commander = run.op.incident.as_ref().and_then(|incident| incident.duties.get(&Duty::Commander));
    let (text, label, confirm) = match commander {
        Some(holder) if holder.user == by => return None,
        Some(holder) => (
            format!("<@{}> is commander of {id} and decides. Ask them, or take over if they cannot.", holder.user),
            "Take over commander",
            Some("Somebody is commander already. Take it over from them?".to_owned()),
        ),
        None => (format!("Nobody leads {id} yet, and the commander decides. Take that first."), "Take commander", None),
    };
    let offer = Offer { label: label.to_owned(), command: format!("dr duty {id} commander"), confirm };
    let attachment = Attachment { offers: vec![offer], ..Attachment::default() };
    Some(Reply { level: Level::Warning, text: format!("{text} Nothing was done."), attachment })
}
