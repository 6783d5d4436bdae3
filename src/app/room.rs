//! The room of an incident: what it is told by itself while the incident is open, the duties people take in it, and its updates.

use serde_json::json;

use super::{
    authority::{Denied, Freshness},
    change::{Change, SELF},
    decide::Attempt,
    desk::{Desk, Inquiry, say},
    words,
};
use crate::{
    domain::{
        drill::tabletop,
        incident::{self, Duty, Entry, Holder, Update, item, review::Review},
        moment::Moment,
        operation::{OpId, Run},
        text::{count, one_line},
    },
    ports::{
        alert::Topic,
        chat::{Attachment, File, Level, Reply},
        store::{Filter, Store, StoreError},
    },
};

/// Operations that a review looks through for those that went on meanwhile.
const LOOKED_THROUGH: u32 = 200;

/// The review of an incident that is closed now; none of anything else.
///
/// # Errors
/// The ledger's.
pub async fn review(store: &dyn Store, run: &Run, now: Moment) -> Result<Option<Review>, StoreError> {
    let Some(room) = incident::declared(&run.op.plan) else { return Ok(None) };
    let filter =
        Filter { environment: Some(run.op.environment().to_owned()), states: Vec::new(), limit: LOOKED_THROUGH };
    let mut others = Vec::new();
    for op in store.list(&filter).await?.into_iter().filter(|op| op.ended.is_none_or(|ended| ended >= room.first_sign))
    {
        others.extend(store.load(&op.id).await?);
    }
    Ok(incident::review::review(run, &others, now))
}

/// Shares the review, and puts to people what it leaves to be done, in the transaction that closes the incident.
pub fn reviewed(change: &mut Change, review: Review) {
    let (id, environment) = (change.run.op.id.clone(), change.run.op.environment().to_owned());
    change.share(File {
        name: format!("{id}-review.html"),
        title: format!("Review of {} in {environment}", review.ticket),
        text: review.page,
    });
    change.canvas(review.canvas);
    if review.items.is_empty() {
        return;
    }
    let told = format!(
        "The review leaves {} to be done, and nobody has any yet. Take one by its button on the card, or name somebody: `/bbws dr action {id} --item 1 --to @somebody`. They are asked after every week until they are done.",
        count(review.items.len(), "action item")
    );
    change.audit(SELF, "items", json!({"items": review.items}));
    change.op().incident.get_or_insert_default().items = review.items;
    change.mark(item::remembered(&change.run));
    change.thread("items", Level::Warning, told);
}

/// Says to the room of an incident, or to those who play a tabletop, what is due while this step waits for them, each once: what is said is written down in the transaction that says it.
pub fn beat(change: &mut Change, index: usize) {
    let (now, run) = (change.now(), &change.run);
    let calls = incident::calls(run, now).into_iter().chain(tabletop::calls(run, now));
    for call in calls.collect::<Vec<_>>() {
        let attachment = Attachment { offers: call.offers, ..Attachment::default() };
        let said = &mut change.op().incident.get_or_insert_default().said;
        said.extend(call.keys.iter().cloned());
        let Some(key) = call.keys.first() else { continue };
        let level = if attachment.offers.is_empty() { Level::Warning } else { Level::Info };
        change.show(key.clone(), level, call.text, attachment);
    }
    if let Some((.., due)) = tabletop::on_table(&change.run).filter(|(.., due)| *due > now) {
        let step = change.touch(index);
        step.wake_at = step.wake_at.min(due);
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
    pub(super) async fn cannot_hold(&self, user: &str) -> Option<Reply> {
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

impl Desk {
    /// Sends the update that was drafted, as it was drafted.
    pub(super) async fn send_update(&self, ask: &Inquiry, id: &OpId, number: Option<u32>) -> Result<Reply, StoreError> {
        let by = match self.actor(ask, Freshness::Recent).await {
            Ok(principal) => principal.user,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        let told = |run: &Run| {
            let environment = self.planner.environment(run.op.environment());
            environment.map(|environment| environment.incidents.stakeholders.clone()).unwrap_or_default()
        };
        self.attempt(ask, id, |run| sent(run, &by, number.unwrap_or_default(), &told(run), self.clock.now())).await
    }
}

fn sent(run: &Run, by: &str, number: u32, channels: &[String], now: Moment) -> Attempt {
    let id = &run.op.id;
    let drafted = run.op.incident.as_ref().and_then(|incident| incident.update.clone());
    let Some(update) = drafted.filter(|update| update.number == number) else {
        let text = format!("{id} has no draft {number}: the newest one stands in its room. Nothing was sent.");
        return Attempt::Refuse(say(Level::Warning, text));
    };
    if let Some(before) = &update.sent {
        let text = format!("<@{}> sent it at {}. It is not sent twice.", before.user, before.since.clock_at(now));
        return Attempt::Refuse(say(Level::Info, text));
    }
    let mut change = Change::on(run, now);
    let incident = change.op().incident.get_or_insert_default();
    incident.update = Some(Update { sent: Some(Holder { user: by.to_owned(), since: now }), ..update.clone() });
    let text = format!("Sent update {number} to those who wait");
    incident.note(Entry { at: now, by: by.to_owned(), text, message: None, later: Vec::new() });
    change.audit(by, "update", json!({"number": number, "channels": channels}));
    for channel in channels {
        change.post(channel, format!("{id}-update-{number}"), Level::Warning, update.text.clone());
    }
    let body = json!({"operation": id, "environment": run.op.environment(), "update": update.text});
    change.publish(Topic::DrEvents, format!("{id}-update-{number}"), words::subject(&run.op, "has an update"), body);
    let places: Vec<String> = channels.iter().map(|channel| format!("<#{channel}>")).collect();
    let places =
        if places.is_empty() { "SNS alone: the config names no stakeholders".to_owned() } else { places.join(", ") };
    change.thread(format!("update-{number}-sent"), Level::Info, format!("<@{by}> sent update {number} to {places}."));
    Attempt::Change(Box::new(change), say(Level::Success, format!("Update {number} is sent to {places}.")))
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
    let incident = change.op().incident.get_or_insert_default();
    incident.duties.insert(duty, Holder { user: user.to_owned(), since: now });
    incident.note(Entry {
        at: now,
        by: user.to_owned(),
        text: format!("Took {duty}"),
        message: None,
        later: Vec::new(),
    });
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
