//! The room of an incident: what it is told by itself while the incident is open, and the duties people take in it.

use serde_json::json;

use super::{
    authority::{Denied, Freshness},
    change::Change,
    decide::Attempt,
    desk::{Desk, Inquiry, say},
};
use crate::{
    domain::{
        incident::{self, Duty, Holder},
        moment::Moment,
        operation::{OpId, Run},
        text::one_line,
    },
    ports::{
        chat::{Attachment, Level, Reply},
        store::StoreError,
    },
};

/// Says to the room what is due, each once: what is said is written down in the transaction that says it.
pub fn beat(change: &mut Change) {
    for call in incident::calls(&change.run, change.now()) {
        let attachment = Attachment { offers: call.offers, ..Attachment::default() };
        let said = &mut change.op().incident.get_or_insert_default().said;
        said.extend(call.keys.iter().cloned());
        let Some(key) = call.keys.first() else { continue };
        let level = if attachment.offers.is_empty() { Level::Warning } else { Level::Info };
        change.show(key.clone(), level, call.text, attachment);
    }
}

impl Desk {
    /// Somebody takes a duty, or hands it to somebody.
    pub(super) async fn duty(
        &self,
        ask: &Inquiry,
        id: &OpId,
        duty: Option<Duty>,
        to: Option<&str>,
    ) -> Result<Reply, StoreError> {
        let by = match self.actor(ask, Freshness::Recent).await {
            Ok(principal) => principal.user,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        let Some(duty) = duty else {
            let text = format!("Say which duty: {}. Nothing was done.", Duty::WORDS.join(", "));
            return self.refuse_ask(ask, say(Level::Error, text)).await;
        };
        let user = to.map_or_else(|| by.clone(), one_line);
        if user != by
            && let Some(refusal) = self.cannot_hold(&user).await
        {
            return self.refuse_ask(ask, refusal).await;
        }
        self.attempt(ask, id, |run| taken(run, &by, duty, &user, self.clock.now())).await
    }

    /// Why nothing can be handed to somebody: who may not act here cannot do a duty either.
    async fn cannot_hold(&self, user: &str) -> Option<Reply> {
        let why = match self.authority.principal(user, Freshness::Recent).await {
            Ok(principal) if principal.roles.is_empty() => {
                "hold no role in bbws, so that they could only watch. Hand it to somebody who does".to_owned()
            }
            Ok(_) => return None,
            Err(Denied::Barred(why)) => format!("may not act here: {why} Hand it to somebody else"),
            Err(Denied::Unknown(_)) => {
                let text = "Slack does not say who that is. Try again in a moment. Nothing was done.";
                return Some(say(Level::Warning, text));
            }
        };
        Some(say(Level::Error, format!("They {why}. Nothing was done.")))
    }
}

fn taken(run: &Run, by: &str, duty: Duty, user: &str, now: Moment) -> Attempt {
    let id = &run.op.id;
    if incident::declared(&run.op.plan).is_none() {
        return Attempt::Refuse(say(
            Level::Error,
            format!("{id} is no incident, so that nobody has duties in it. Nothing was done."),
        ));
    }
    if run.op.state.terminal() {
        let text =
            format!("{id} {}, so that there is nothing left to do in it. Nothing was done.", run.op.state.spoken());
        return Attempt::Refuse(say(Level::Warning, text));
    }
    let before =
        run.op.incident.as_ref().and_then(|incident| incident.duties.get(&duty)).map(|holder| holder.user.clone());
    if before.as_deref() == Some(user) {
        let who = if user == by { "You are".to_owned() } else { format!("<@{user}> is") };
        return Attempt::Refuse(say(Level::Info, format!("{who} {duty} of {id} already.")));
    }
    let mut change = Change::on(run, now);
    change.op().incident.get_or_insert_default().duties.insert(duty, Holder { user: user.to_owned(), since: now });
    change.audit(by, "duty", json!({"duty": duty, "holder": user, "before": before}));
    let from = before.map(|before| format!(" from <@{before}>")).unwrap_or_default();
    let text = match user == by {
        true => format!(
            "<@{user}> is *{duty}* now{}.",
            if from.is_empty() { String::new() } else { format!(", taking over{from}") }
        ),
        false => format!("<@{user}> is *{duty}* now: <@{by}> handed it over{from}."),
    };
    change.thread(format!("duty-{duty}-{}", now.0), Level::Info, text);
    let who = if user == by { "You are".to_owned() } else { format!("<@{user}> is") };
    Attempt::Change(Box::new(change), say(Level::Success, format!("{who} {duty} of {id} now.")))
}
