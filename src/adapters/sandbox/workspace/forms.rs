//! What Slack sends an app when a person acts: slash commands, pressed buttons, submitted modals, all signed.

use axum::body::Body;
use axum::http::{Request, header};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;

use super::Workspace;
use super::message::Message;
use super::people::{APP, BOT_USER, COMMAND, DOMAIN, Person, TEAM};
use super::state::Quirks;

/// Where events go: they alone are JSON as a whole.
const EVENTS: &str = "/slack/events";

/// A signed request, ready to be sent to the product.
#[derive(Debug, Clone)]
pub struct SignedForm {
    /// Path of the product's endpoint.
    pub path: &'static str,
    /// `X-Slack-Request-Timestamp`: seconds since 1970.
    pub timestamp: String,
    /// `X-Slack-Signature`.
    pub signature: String,
    /// The form-encoded body the signature covers.
    pub body: String,
}

impl SignedForm {
    /// The request, for a router in this process or, with a base URL in front of its path, for the network.
    pub fn request(&self, base_url: &str) -> Result<Request<Body>, axum::http::Error> {
        let kind = if self.path == EVENTS { "application/json" } else { "application/x-www-form-urlencoded" };
        Request::post(format!("{base_url}{}", self.path))
            .header(header::CONTENT_TYPE, kind)
            .header(header::USER_AGENT, "Slackbot 1.0 (+https://api.slack.com/robots)")
            .header("x-slack-request-timestamp", &self.timestamp)
            .header("x-slack-signature", &self.signature)
            .body(Body::from(self.body.clone()))
    }
}

/// A button a person presses.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Press {
    /// Channel id of the message; empty in a view.
    #[serde(default)]
    pub channel: String,
    /// The message; empty in a view.
    #[serde(default)]
    pub ts: String,
    /// The block the button is in.
    pub block_id: String,
    /// The button.
    pub action_id: String,
    /// The button's value; it tells buttons of one action id apart, and stands in for a button that has gone.
    #[serde(default)]
    pub value: Option<String>,
    /// What is filled into the message's inputs: `{block_id: {action_id: {type, value}}}`.
    #[serde(default)]
    pub state: Value,
}

/// Every button under a value: those of actions, accessories, cards and table cells.
fn buttons<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(map) if value["type"] == "button" && map.contains_key("text") => found.push(value),
        Value::Object(map) => map.values().for_each(|inner| buttons(inner, found)),
        Value::Array(list) => list.iter().for_each(|inner| buttons(inner, found)),
        _ => {}
    }
}

impl Message {
    /// Labels of the buttons on the message, in reading order.
    pub fn button_labels(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.blocks.iter().for_each(|block| buttons(block, &mut found));
        found.iter().filter_map(|b| b["text"]["text"].as_str()).map(str::to_owned).collect()
    }

    /// How to press the first button with that visible label.
    pub fn press(&self, label: &str) -> Option<Press> {
        self.blocks.iter().find_map(|block| {
            let mut found = Vec::new();
            buttons(block, &mut found);
            let button = found.into_iter().find(|b| b["text"]["text"] == label)?;
            Some(Press {
                channel: self.channel.clone(),
                ts: self.ts.clone(),
                block_id: block["block_id"].as_str().unwrap_or_default().into(),
                action_id: button["action_id"].as_str().unwrap_or_default().into(),
                value: button["value"].as_str().map(str::to_owned),
                state: Value::Null,
            })
        })
    }

    fn button(&self, press: &Press) -> Option<Value> {
        let block = self.blocks.iter().find(|b| b["block_id"] == press.block_id.as_str())?;
        let mut found = Vec::new();
        buttons(block, &mut found);
        let right = |b: &&&Value| {
            b["action_id"] == press.action_id.as_str() && press.value.as_deref().is_none_or(|value| b["value"] == value)
        };
        found.iter().find(right).map(|b| (**b).clone())
    }
}

impl Workspace {
    /// A slash command as Slack posts it; `text` is what follows the command's name. Slack's error code when the
    /// person or the channel does not exist.
    pub fn command_form(&self, user: &str, channel: &str, text: &str) -> Result<SignedForm, String> {
        let now = self.now_ms();
        let base = self.base_url();
        let fields = {
            let mut state = self.state();
            let person = state.person(user).ok_or("user_not_found")?.clone();
            let channel = state.channel(channel).ok_or("channel_not_found")?.clone();
            let trigger = state.new_trigger(user, self.machines_ms());
            let hook = state.new_hook(user, &channel.id, None, now);
            [
                ("token", String::new()),
                ("team_id", TEAM.into()),
                ("team_domain", DOMAIN.into()),
                ("channel_id", channel.id),
                ("channel_name", channel.name),
                ("user_id", person.id),
                ("user_name", person.name),
                ("command", COMMAND.into()),
                ("text", text.into()),
                ("api_app_id", APP.into()),
                ("is_enterprise_install", "false".into()),
                ("response_url", format!("{base}/sandbox/slack/hooks/{hook}")),
                ("trigger_id", trigger),
            ]
        };
        Ok(self.sign("/slack/commands", &fields))
    }

    /// The event that tells the app of a message which speaks of it; `None` where the message does not.
    pub fn mention_form(
        &self,
        user: &str,
        channel: &str,
        ts: &str,
        text: &str,
        thread: Option<&str>,
    ) -> Option<SignedForm> {
        let labelled = format!("<@{BOT_USER}|");
        let (before, _) = text.split_once(&labelled)?;
        let behind = text[before.len() + labelled.len()..].split_once('>').map_or("", |(_, behind)| behind);
        let event = json!({
            "type": "app_mention", "user": user, "text": format!("{before}<@{BOT_USER}>{behind}"), "ts": ts,
            "thread_ts": thread, "channel": channel, "team": TEAM, "event_ts": ts,
        });
        Some(self.event_form(&format!("Ev{}", ts.replace('.', "")), &event))
    }

    /// An event as Slack posts it.
    pub(super) fn event_form(&self, id: &str, event: &Value) -> SignedForm {
        let callback = json!({
            "type": "event_callback", "team_id": TEAM, "api_app_id": APP, "event_id": id,
            "event_time": self.now_ms().div_euclid(1_000), "is_ext_shared_channel": false,
            "authorizations": [{ "team_id": TEAM, "user_id": BOT_USER, "is_bot": true }], "event": event,
        });
        self.sign_body(EVENTS, callback.to_string())
    }

    /// A pressed button as Slack posts it. Slack's error code when the person or the message is unknown.
    pub fn press_form(&self, user: &str, press: &Press) -> Result<SignedForm, String> {
        let now = self.now_ms();
        let base = self.base_url();
        let payload = {
            let mut state = self.state();
            let person = state.person(user).ok_or("user_not_found")?.clone();
            let channel = state.channel(&press.channel).ok_or("channel_not_found")?.clone();
            let posted = state.message(&channel.id, &press.ts);
            let seen = posted.or_else(|| state.ephemeral(&channel.id, &press.ts, user));
            let message = seen.ok_or("message_not_found")?.clone();
            let ephemeral = message.only_for.is_some();
            let trigger = state.new_trigger(user, self.machines_ms());
            let hook = state.new_hook(user, &channel.id, Some(&press.ts), now);
            let mut payload = base_payload("block_actions", &person, &trigger);
            payload["container"] = json!({"type": "message", "message_ts": press.ts,
                "channel_id": channel.id, "is_ephemeral": ephemeral});
            payload["channel"] = json!({"id": channel.id, "name": channel.name});
            if !ephemeral {
                payload["message"] = message.to_slack(true);
            }
            payload["state"] = json!({"values": filled_in(press, state.quirks)});
            state.quirks.apply(&mut payload);
            payload["response_url"] = json!(format!("{base}/sandbox/slack/hooks/{hook}"));
            payload["actions"] = json!([action(&message, press, &state.next_ts(now))]);
            payload
        };
        Ok(self.sign("/slack/interactions", &[("payload", payload.to_string())]))
    }

    /// A button pressed in a person's Home tab or open modal, as Slack posts it: with the view, and no channel or message.
    /// Slack's error code when the view is not there.
    pub fn press_in_view_form(&self, user: &str, view_id: &str, press: &Press) -> Result<SignedForm, String> {
        let now = self.now_ms();
        let payload = {
            let mut state = self.state();
            let person = state.person(user).ok_or("user_not_found")?.clone();
            let open = state.modals.iter().filter(|m| m.user == user).map(|m| &m.view);
            let views: Vec<&Value> = open.chain(state.homes.get(user)).collect();
            let mut view = (*views.iter().find(|v| v["id"] == view_id).ok_or("view_not_found")?).clone();
            view["state"] = json!({"values": filled_in(press, state.quirks)});
            let mut payload = base_payload("block_actions", &person, &state.new_trigger(user, self.machines_ms()));
            payload["container"] = json!({"type": "view", "view_id": view_id});
            payload["view"] = view;
            payload["actions"] = json!([{"type": "button", "block_id": press.block_id, "action_id": press.action_id,
                "value": press.value, "action_ts": state.next_ts(now)}]);
            state.quirks.apply(&mut payload);
            payload
        };
        Ok(self.sign("/slack/interactions", &[("payload", payload.to_string())]))
    }

    /// A submitted modal as Slack posts it, with the values filled in. Slack's error code when it is not open.
    pub fn submit_form(&self, user: &str, view_id: &str, values: &Value) -> Result<SignedForm, String> {
        self.view_form("view_submission", user, view_id, values)
    }

    pub(super) fn view_form(
        &self,
        kind: &str,
        user: &str,
        view_id: &str,
        values: &Value,
    ) -> Result<SignedForm, String> {
        let payload = {
            let mut state = self.state();
            let person = state.person(user).ok_or("user_not_found")?.clone();
            let open = state.modals.iter().find(|m| m.user == user && m.view["id"] == view_id);
            let mut view = open.ok_or("view_not_found")?.view.clone();
            view["state"] = json!({"values": values});
            let mut payload = base_payload(kind, &person, &state.new_trigger(user, self.machines_ms()));
            payload["view"] = view;
            if kind == "view_submission" {
                payload["response_urls"] = json!([]);
            } else {
                payload["is_cleared"] = json!(false);
            }
            payload
        };
        Ok(self.sign("/slack/interactions", &[("payload", payload.to_string())]))
    }

    /// Signs a form the way Slack does: `v0=` and the HMAC-SHA256 of `v0:{timestamp}:{body}`.
    fn sign<F: serde::Serialize + ?Sized>(&self, path: &'static str, fields: &F) -> SignedForm {
        self.sign_body(path, serde_urlencoded::to_string(fields).expect("pairs of strings always encode"))
    }

    fn sign_body(&self, path: &'static str, body: String) -> SignedForm {
        let timestamp = self.now_ms().div_euclid(1_000).to_string();
        let secret = self.inner.signing_secret.expose_secret().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
        mac.update(format!("v0:{timestamp}:{body}").as_bytes());
        let signature = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
        SignedForm { path, timestamp, signature, body }
    }
}

/// What is filled in, as `state.values`.
fn filled_in(press: &Press, quirks: Quirks) -> Value {
    match &press.state {
        Value::Object(filled) if !filled.is_empty() => press.state.clone(),
        _ if quirks.empty_lists => json!([]),
        _ => json!({}),
    }
}

impl Quirks {
    fn apply(self, payload: &mut Value) {
        if self.null_team {
            payload["team"] = Value::Null;
            payload["is_enterprise_install"] = json!(true);
        }
        let number = |ts: &Value| ts.as_str().and_then(|ts| ts.parse::<f64>().ok()).map(Value::from);
        if self.numeric_ts {
            for pointer in ["/container/message_ts", "/message/ts"] {
                if let Some(ts) = payload.pointer_mut(pointer)
                    && let Some(number) = number(ts)
                {
                    *ts = number;
                }
            }
        }
    }
}

fn base_payload(kind: &str, person: &Person, trigger: &str) -> Value {
    json!({
        "type": kind, "api_app_id": APP, "token": "", "trigger_id": trigger,
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team},
        "team": {"id": TEAM, "domain": DOMAIN}, "enterprise": null, "is_enterprise_install": false,
    })
}

/// The pressed button; one that has gone from the message is taken as the person's screen still showed it.
fn action(message: &Message, press: &Press, now_ts: &str) -> Value {
    let mut action = json!({"type": "button", "block_id": press.block_id, "action_id": press.action_id,
        "action_ts": now_ts});
    match message.button(press) {
        Some(button) => {
            for key in ["text", "value", "style"].into_iter().filter(|key| !button[*key].is_null()) {
                action[key] = button[key].clone();
            }
        }
        None => action["value"] = json!(press.value),
    }
    action
}
