//! `POST /slack/commands`: slash commands.

use std::{borrow::Cow, sync::Arc};

use axum::http::{HeaderMap, header};
use serde::Deserialize;

use super::{
    Desk,
    admit::Signed,
    answer::{self, Answer, MAX_TEXT, shown, storable},
    is_id,
    meters::Outcome,
};
use crate::{
    app::inbound::{Envelope, Inbound, Refusal, Via},
    ports::chat::Level,
};

/// The fields that matter; token, `response_url` and `trigger_id` are never looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Form<'a> {
    #[serde(borrow)]
    team_id: Cow<'a, str>,
    #[serde(borrow)]
    channel_id: Cow<'a, str>,
    #[serde(borrow)]
    user_id: Cow<'a, str>,
    #[serde(borrow)]
    command: Cow<'a, str>,
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(borrow)]
    api_app_id: Cow<'a, str>,
    #[serde(borrow)]
    ssl_check: Cow<'a, str>,
}

/// Whether the body is a form, as far as its sender says anything about it.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_none_or(|value| {
        let essence = value.as_bytes().split(|b| *b == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
    })
}

/// Deals with a signed command.
pub(super) async fn deal(desk: &Arc<Desk>, signed: Signed) -> Answer {
    let parsed = if is_form(&signed.headers) { serde_urlencoded::from_bytes(&signed.body).ok() } else { None };
    let form: Form<'_> = match parsed {
        Some(form) => form,
        None => return senseless(desk, "it is not a form as Slack sends it"),
    };
    if form.ssl_check == "1" {
        return Answer::empty(Outcome::Ignored);
    }
    for (name, id) in [("user_id", &form.user_id), ("team_id", &form.team_id), ("channel_id", &form.channel_id)] {
        if !is_id(id) {
            return senseless(desk, &format!("its `{name}` is `{}`", shown(id)));
        }
    }
    if form.text.len() > MAX_TEXT {
        return senseless(desk, &format!("it has {} bytes, and the longest command has {MAX_TEXT}", form.text.len()));
    }
    let why = desk.barred([&*form.team_id], &form.api_app_id).or_else(|| misnamed(desk, &form.command));
    let id = signed.id.hex();
    let (user, team, channel) = (form.user_id.into(), form.team_id.into(), form.channel_id.into());
    if let Some(why) = why {
        let refusal = Refusal { id, via: Via::Command, user, team, channel, at: signed.at, why };
        return answer::refuse(desk, refusal).await;
    }
    let what = Inbound::Command { text: storable(&form.text) };
    let envelope = Envelope { id, via: Via::Command, user, team, channel, thread: None, at: signed.at, what };
    answer::take(desk, &signed, envelope).await
}

fn misnamed(desk: &Desk, command: &str) -> Option<String> {
    if command == desk.command {
        return None;
    }
    let (ours, theirs) = (&desk.command, shown(command));
    Some(format!("bbws answers to `{ours}` and not to `{theirs}`. Nothing was done. Type `{ours} help`."))
}

fn senseless(desk: &Desk, why: &str) -> Answer {
    tracing::warn!(why, "a signed command makes no sense");
    let ours = &desk.command;
    let text =
        format!("This command cannot be read: {why}. Nothing was done. Type `{ours} help` to see what can be asked.");
    Answer::say(desk, Outcome::Malformed, Level::Error, text)
}
