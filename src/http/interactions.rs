//! `POST /slack/interactions`: buttons. Everything else Slack sends here is acknowledged and left alone.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use serde::Deserialize;

use super::{
    Desk,
    admit::Signed,
    answer::{self, Answer, MAX_TEXT, storable},
    commands::is_form,
    is_id,
    meters::Outcome,
};
use crate::app::inbound::{Envelope, Inbound, Refusal, Via};

/// Buttons of ours carry ids that begin so.
const OURS: &str = "bbws.";

#[derive(Deserialize)]
struct Form<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: String,
}

/// `block_actions`, as far as it matters. `null` and absent are the same everywhere.
#[derive(Debug, Deserialize)]
struct Pressed {
    user: Person,
    team: Option<Named>,
    #[serde(default)]
    api_app_id: Option<String>,
    channel: Option<Named>,
    container: Option<Container>,
    message: Option<Message>,
    state: Option<Typed>,
    actions: Option<Vec<Action>>,
}

#[derive(Debug, Deserialize)]
struct Person {
    id: String,
    team_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Named {
    id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Container {
    message_ts: Option<String>,
    channel_id: Option<String>,
    thread_ts: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Message {
    ts: Option<String>,
    thread_ts: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Action {
    action_id: Option<String>,
    block_id: Option<String>,
    value: Option<String>,
}

/// What stands in the message's inputs: block → action → input.
#[derive(Debug, Deserialize)]
struct Typed {
    values: Option<BTreeMap<String, BTreeMap<String, Input>>>,
}

#[derive(Debug, Deserialize)]
struct Input {
    #[serde(rename = "type")]
    kind: Option<String>,
    // Other kinds of input hold other things here.
    value: Option<serde_json::Value>,
}

impl Typed {
    /// The `reason` field of the block made for it, or of any other.
    fn reason(&self) -> Option<&str> {
        let values = self.values.as_ref()?;
        let meant = values.get("bbws.reason").and_then(|block| block.get("reason"));
        let any = || {
            let named = values.values().filter_map(|block| block.get("reason").or_else(|| block.get("bbws.reason")));
            named.filter(|input| input.kind.as_deref() == Some("plain_text_input")).find(|input| input.text().is_some())
        };
        meant.or_else(any)?.text()
    }
}

impl Input {
    fn text(&self) -> Option<&str> {
        self.value.as_ref()?.as_str().map(str::trim).filter(|text| !text.is_empty())
    }
}

impl Pressed {
    /// Channel, message and thread the button stands in.
    fn place(&mut self) -> (Option<String>, Option<String>, Option<String>) {
        let container = self.container.take().unwrap_or_default();
        let message = self.message.take().unwrap_or_default();
        let channel = container.channel_id.or_else(|| self.channel.take()?.id);
        (
            channel.filter(|id| is_id(id)),
            container.message_ts.or(message.ts).filter(|ts| is_ts(ts)),
            container.thread_ts.or(message.thread_ts).filter(|ts| is_ts(ts)),
        )
    }
}

/// Whether a text can be a message's `ts`: `1700000000.000100`.
pub(super) fn is_ts(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// Deals with a signed interaction.
pub(super) async fn deal(desk: &Arc<Desk>, signed: Signed) -> Answer {
    let form: Form<'_> = match serde_urlencoded::from_bytes(&signed.body) {
        Ok(form) if is_form(&signed.headers) => form,
        _ => return senseless("not a form with a payload"),
    };
    match serde_json::from_str::<Kind>(&form.payload) {
        Ok(it) if it.kind == "block_actions" => {}
        Ok(it) => {
            tracing::debug!(kind = it.kind, "left alone");
            return Answer::empty(Outcome::Ignored);
        }
        Err(_) => return senseless("the payload is not an object with a type"),
    }
    match serde_json::from_str::<Pressed>(&form.payload) {
        Ok(pressed) => press(desk, &signed, pressed).await,
        Err(_) => senseless("the payload has not the shape of block_actions"),
    }
}

async fn press(desk: &Arc<Desk>, signed: &Signed, mut pressed: Pressed) -> Answer {
    let ours = |action: &Action| action.action_id.as_ref().is_some_and(|id| id.starts_with(OURS));
    let Some(action) = pressed.actions.take().into_iter().flatten().find(ours) else {
        return Answer::empty(Outcome::Ignored);
    };
    let (channel, message_ts, thread) = pressed.place();
    let user = pressed.user.id;
    let theirs = pressed.user.team_id;
    let home = pressed.team.and_then(|team| team.id);
    let (Some(team), true) = (theirs.clone().or_else(|| home.clone()), is_id(&user)) else {
        return senseless("nobody is named who pressed");
    };
    let id = signed.id.hex();
    // Buttons travel into shared channels: the workspace of the message and that of the person both count.
    let teams = theirs.iter().chain(&home).map(String::as_str);
    if let Some(why) = desk.barred(teams, pressed.api_app_id.as_deref().unwrap_or_default()) {
        let team = answer::shown(&team);
        let channel = channel.unwrap_or_default();
        let refusal = Refusal { id, via: Via::Interaction, user, team, channel, at: signed.at, why };
        return answer::refuse(desk, refusal).await;
    }
    let Some(channel) = channel else { return senseless("no channel is named") };
    let reason = pressed.state.as_ref().and_then(Typed::reason).map(storable);
    let (name, value) = (action.action_id.unwrap_or_default(), action.value.unwrap_or_default());
    if [&name, &value].into_iter().chain(&action.block_id).chain(&reason).any(|text| text.len() > MAX_TEXT) {
        return senseless("a text in it is longer than any Slack sends");
    }
    let what = Inbound::Click {
        action: storable(&name),
        value: storable(&value),
        block_id: action.block_id.as_deref().map(storable),
        message_ts,
        reason,
    };
    let envelope = Envelope { id, via: Via::Interaction, user, team, channel, thread, at: signed.at, what };
    answer::take(desk, signed, envelope).await
}

fn senseless(why: &str) -> Answer {
    tracing::warn!(why, "a signed interaction makes no sense; nothing was done");
    Answer::empty(Outcome::Malformed)
}
