//! Buttons. Everything else Slack sends as an interaction is acknowledged and left alone.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Asked, Payload, Senseless,
    text::{MAX_TEXT, address, id, storable, trigger, ts},
    view,
};
use crate::app::inbound::{Inbound, Via};

/// Buttons of ours carry ids that begin so.
const OURS: &str = "bbws.";
/// The shortcut that puts a message on a timeline.
const TIMELINE: &str = "bbws.timeline";

#[derive(Deserialize)]
struct Form<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

/// Reads an interaction as HTTP brings it: a form with one field, `payload`.
pub fn interaction_form(body: &[u8]) -> Payload {
    match serde_urlencoded::from_bytes::<Form<'_>>(body) {
        Ok(form) => interaction(form.payload.as_bytes()),
        Err(_) => Payload::senseless(Via::Interaction, "it is not a form with a payload"),
    }
}

/// Reads an interaction's JSON.
pub fn interaction(json: &[u8]) -> Payload {
    let Ok(payload) = serde_json::from_slice::<Value>(json) else {
        return Payload::senseless(Via::Interaction, "its payload is not JSON");
    };
    match payload["type"].as_str() {
        Some("block_actions") => pressed(&payload),
        Some("view_submission") => match payload["view"]["callback_id"].as_str() {
            Some(view::RESTORE) => submitted(&payload, view::restore, Some(view::POINT_FIELD.to_owned())),
            Some(view::CONFIRM) => submitted(&payload, view::confirmed, Some(view::NAME_FIELD.to_owned())),
            Some(view::COMMAND) => submitted(&payload, view::completed, view::first_field(&payload["view"])),
            Some(view::REASON) => submitted(&payload, view::reasoned, Some(view::WHY_FIELD.to_owned())),
            _ => Payload::Nothing("another form"),
        },
        Some("message_action") if payload["callback_id"] == TIMELINE => chosen(&payload),
        Some(_) => Payload::Nothing("not a button"),
        None => Payload::senseless(Via::Interaction, "its payload has no type"),
    }
}

fn pressed(payload: &Value) -> Payload {
    let user = id(&payload["user"]["id"]);
    let (grid, teams) = whence(payload);
    let (channel, message_ts, thread) = place(payload);
    let senseless = |why: &str| {
        Payload::Senseless(Box::new(Senseless {
            via: Via::Interaction,
            user: user.clone().unwrap_or_default(),
            team: teams.first().cloned().unwrap_or_default(),
            channel: channel.clone(),
            why: why.to_owned(),
        }))
    };
    let Some(actions) = payload["actions"].as_array().filter(|actions| !actions.is_empty()) else {
        return senseless("it names no button");
    };
    let name_of =
        |action: &Value| action["action_id"].as_str().filter(|name| name.starts_with(OURS)).map(str::to_owned);
    let Some((action, name)) = actions.iter().find_map(|action| Some((action, name_of(action)?))) else {
        return Payload::Nothing("another app's button");
    };
    let Some(user) = user.clone() else { return senseless("it does not say who pressed") };
    if teams.is_empty() && !grid {
        return senseless("it names no workspace");
    }
    let value = action["value"].as_str().unwrap_or_default();
    if name.len() > MAX_TEXT || value.len() > MAX_TEXT {
        return senseless("its button is longer than any Slack sends");
    }
    Payload::Asks(Box::new(Asked {
        event: None,
        via: Via::Interaction,
        user,
        grid,
        app: payload["api_app_id"].as_str().unwrap_or_default().to_owned(),
        command: None,
        thread,
        shared: false,
        answer_to: payload["response_url"].as_str().and_then(address),
        trigger: payload["trigger_id"].as_str().and_then(trigger),
        field: None,
        what: Inbound::Click {
            action: storable(&name),
            value: storable(value),
            block_id: action["block_id"].as_str().filter(|block| block.len() <= MAX_TEXT).map(storable),
            message_ts,
            reason: view::reason(payload).map(|reason| storable(view::cut(reason))),
        },
        teams,
        channel,
    }))
}

/// A message that was chosen by its shortcut.
fn chosen(payload: &Value) -> Payload {
    let (grid, teams) = whence(payload);
    let (user, channel) = (id(&payload["user"]["id"]), id(&payload["channel"]["id"]));
    let message = &payload["message"];
    let senseless = |why: &str| {
        Payload::Senseless(Box::new(Senseless {
            via: Via::Interaction,
            user: user.clone().unwrap_or_default(),
            team: teams.first().cloned().unwrap_or_default(),
            channel: channel.clone().unwrap_or_default(),
            why: why.to_owned(),
        }))
    };
    let (Some(user), Some(channel)) = (user.clone(), channel.clone()) else {
        return senseless("it names nobody or no channel");
    };
    if teams.is_empty() && !grid {
        return senseless("it names no workspace");
    }
    let Some(message_ts) = ts(&message["ts"]).or_else(|| ts(&payload["message_ts"])) else {
        return senseless("it names no message");
    };
    let text = message["text"].as_str().unwrap_or_default();
    Payload::Asks(Box::new(Asked {
        event: None,
        via: Via::Interaction,
        user,
        grid,
        app: payload["api_app_id"].as_str().unwrap_or_default().to_owned(),
        command: None,
        thread: ts(&message["thread_ts"]),
        shared: false,
        answer_to: payload["response_url"].as_str().and_then(address),
        trigger: None,
        field: None,
        what: Inbound::Noted {
            ts: message_ts,
            by: id(&message["user"]).unwrap_or_default(),
            text: storable(view::cut(text)),
        },
        teams,
        channel,
    }))
}

/// A form that was sent: what `meant` finds in it, as if a button had said it. Below `field` it is said why nothing came of it.
fn submitted(payload: &Value, meant: fn(&Value) -> Option<(String, Inbound)>, field: Option<String>) -> Payload {
    let (grid, teams) = whence(payload);
    let Some(user) = id(&payload["user"]["id"]) else {
        return Payload::senseless(Via::Interaction, "it does not say who sent the form");
    };
    let Some((channel, what)) = meant(&payload["view"]).filter(|_| !teams.is_empty() || grid) else {
        return Payload::senseless(Via::Interaction, "its form is none of ours");
    };
    Payload::Asks(Box::new(Asked {
        event: None,
        via: Via::Interaction,
        user,
        grid,
        app: payload["api_app_id"].as_str().unwrap_or_default().to_owned(),
        command: None,
        thread: None,
        shared: false,
        answer_to: None,
        trigger: None,
        field,
        what,
        teams,
        channel,
    }))
}

/// Whether it comes from an Enterprise Grid, and the workspaces it names. Buttons travel into shared channels: that of the person
/// and that of the message both count.
fn whence(payload: &Value) -> (bool, Vec<String>) {
    let grid = id(&payload["enterprise"]["id"]).is_some() || payload["is_enterprise_install"] == true;
    (grid, [&payload["user"]["team_id"], &payload["team"]["id"]].into_iter().filter_map(id).collect())
}

/// Channel, message and thread the button stands in. A view has none of them.
fn place(payload: &Value) -> (String, Option<String>, Option<String>) {
    if view::is_view(payload) {
        return (String::new(), None, None);
    }
    let (container, message) = (&payload["container"], &payload["message"]);
    let channels = [&container["channel_id"], &payload["channel"]["id"], &message["channel"]];
    (
        channels.into_iter().find_map(id).unwrap_or_default(),
        ts(&container["message_ts"]).or_else(|| ts(&message["ts"])),
        ts(&container["thread_ts"]).or_else(|| ts(&message["thread_ts"])),
    )
}
