//! Slash commands.

use std::borrow::Cow;

use serde::Deserialize;

use super::{
    Asked, Payload, Senseless,
    text::{MAX_TEXT, address, is_id, shown, storable, trigger},
};
use crate::app::inbound::{Inbound, Via};

/// The fields that matter; the token is never looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Form<'a> {
    #[serde(borrow)]
    team_id: Cow<'a, str>,
    #[serde(borrow)]
    enterprise_id: Cow<'a, str>,
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
    response_url: Cow<'a, str>,
    #[serde(borrow)]
    trigger_id: Cow<'a, str>,
    #[serde(borrow)]
    ssl_check: Cow<'a, str>,
}

/// Whether this is Slack looking at our certificate: `ssl_check=1`, with a token at most, and asking for nothing.
pub fn is_certificate_check(body: &[u8]) -> bool {
    let Ok(fields) = serde_urlencoded::from_bytes::<Vec<(Cow<'_, str>, Cow<'_, str>)>>(body) else { return false };
    fields.iter().any(|(name, value)| name == "ssl_check" && value == "1")
        && fields.iter().all(|(name, _)| name == "ssl_check" || name == "token")
}

/// Reads a command's form.
pub fn command(body: &[u8]) -> Payload {
    let Ok(form) = serde_urlencoded::from_bytes::<Form<'_>>(body) else {
        return Payload::senseless(Via::Command, "it is not a form as Slack sends it");
    };
    if form.ssl_check == "1" {
        return Payload::Nothing("ssl_check");
    }
    let grid = is_id(&form.enterprise_id);
    let senseless = |why: String| {
        let known = |id: &str| if is_id(id) { id.to_owned() } else { String::new() };
        Payload::Senseless(Box::new(Senseless {
            via: Via::Command,
            user: known(&form.user_id),
            team: known(&form.team_id),
            channel: known(&form.channel_id),
            why,
        }))
    };
    for (name, id) in [("user_id", &form.user_id), ("team_id", &form.team_id), ("channel_id", &form.channel_id)] {
        let may_lack = name == "team_id" && grid && id.is_empty();
        if !is_id(id) && !may_lack {
            return senseless(format!("its `{name}` is `{}`", shown(id)));
        }
    }
    if form.text.len() > MAX_TEXT {
        return senseless(format!("it has {} bytes, and the longest command has {MAX_TEXT}", form.text.len()));
    }
    Payload::Asks(Box::new(Asked {
        field: None,
        event: None,
        via: Via::Command,
        teams: Some(form.team_id.to_string()).filter(|t| !t.is_empty()).into_iter().collect(),
        grid,
        app: form.api_app_id.into_owned(),
        command: Some(form.command.into_owned()),
        channel: form.channel_id.into_owned(),
        thread: None,
        shared: false,
        answer_to: address(&form.response_url),
        trigger: trigger(&form.trigger_id),
        user: form.user_id.into_owned(),
        what: Inbound::Command { text: storable(&form.text) },
    }))
}
