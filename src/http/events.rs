//! `POST /slack/events`: mentions of the bot, which are commands where slash commands do not work.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Desk,
    admit::Signed,
    answer::{self, Answer, MAX_TEXT, storable},
    interactions::is_ts,
    is_id,
    meters::Outcome,
};
use crate::app::inbound::{Envelope, Inbound, Refusal, Via};

/// The outer part of everything that comes here. The event itself is read once its type is known.
#[derive(Debug, Deserialize)]
struct Callback {
    #[serde(rename = "type")]
    kind: String,
    challenge: Option<String>,
    event_id: Option<String>,
    team_id: Option<String>,
    api_app_id: Option<String>,
    is_ext_shared_channel: Option<bool>,
    authorizations: Option<Vec<Authorization>>,
    event: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Authorization {
    user_id: Option<String>,
    is_bot: Option<bool>,
}

/// `app_mention`.
#[derive(Debug, Deserialize)]
struct Mention {
    user: Option<String>,
    text: Option<String>,
    channel: Option<String>,
    thread_ts: Option<String>,
    team: Option<String>,
    user_team: Option<String>,
    source_team: Option<String>,
    bot_id: Option<String>,
    subtype: Option<String>,
    edited: Option<Value>,
}

/// Deals with a signed event.
pub(super) async fn deal(desk: &Arc<Desk>, signed: Signed) -> Answer {
    let Ok(mut callback) = serde_json::from_slice::<Callback>(&signed.body) else {
        return senseless("not JSON with a type");
    };
    match (callback.kind.as_str(), callback.challenge.take()) {
        ("url_verification", Some(challenge)) => {
            Answer { outcome: Outcome::Ignored, response: answer::json(&json!({ "challenge": challenge })) }
        }
        ("event_callback", _) => match callback.event.take() {
            Some(event) if event["type"] == "app_mention" => match Mention::deserialize(event) {
                Ok(mention) => mentioned(desk, &signed, callback, mention).await,
                Err(_) => senseless("not the shape of app_mention"),
            },
            _ => Answer::empty(Outcome::Ignored),
        },
        _ => Answer::empty(Outcome::Ignored),
    }
}

async fn mentioned(desk: &Arc<Desk>, signed: &Signed, callback: Callback, mention: Mention) -> Answer {
    // What a bot says is no command, and a command is not asked again by correcting its spelling.
    if mention.bot_id.is_some() || mention.subtype.is_some() || mention.edited.is_some() {
        return Answer::empty(Outcome::Ignored);
    }
    let (Some(user), Some(channel)) = (mention.user.filter(|id| is_id(id)), mention.channel.filter(|id| is_id(id)))
    else {
        return senseless("nobody or no channel is named");
    };
    let said_by = [mention.user_team, mention.team, mention.source_team, callback.team_id];
    let mut teams = said_by.iter().flatten().map(String::as_str);
    let Some(team) = teams.clone().next().map(answer::shown) else { return senseless("no workspace is named") };
    let id = callback.event_id.filter(|id| is_id(id)).unwrap_or_else(|| signed.id.hex());
    let shared = || {
        let shared = callback.is_ext_shared_channel == Some(true);
        shared.then(|| "bbws does not work in channels shared with other organisations. Nothing was done. Ask in a channel of your own.".to_owned())
    };
    let barred = desk.barred(&mut teams, callback.api_app_id.as_deref().unwrap_or_default());
    if let Some(why) = barred.or_else(shared) {
        let refusal = Refusal { id, via: Via::Event, user, team, channel, at: signed.at, why };
        return answer::refuse(desk, refusal).await;
    }
    let text = mention.text.unwrap_or_default();
    if text.len() > MAX_TEXT {
        return senseless("longer than any command");
    }
    let bots = callback.authorizations.into_iter().flatten().filter(|a| a.is_bot != Some(false));
    let bots: Vec<String> = bots.filter_map(|a| a.user_id).collect();
    let what = Inbound::Command { text: storable(unaddressed(&text, &bots)) };
    let thread = mention.thread_ts.filter(|ts| is_ts(ts));
    let envelope = Envelope { id, via: Via::Event, user, team, channel, thread, at: signed.at, what };
    answer::take(desk, signed, envelope).await
}

/// The text without the mention: what follows the leading one, or what follows the bot's own further on.
fn unaddressed<'a>(text: &'a str, bots: &[String]) -> &'a str {
    let text = text.trim();
    if let Some((_, rest)) = text.strip_prefix("<@").and_then(|rest| rest.split_once('>')) {
        return rest.trim_start();
    }
    let address = |bot: &String| {
        let (_, rest) = text.split_once(&format!("<@{bot}"))?;
        Some(rest.split_once('>')?.1.trim_start())
    };
    bots.iter().find_map(address).unwrap_or(text)
}

fn senseless(why: &str) -> Answer {
    tracing::warn!(why, "a signed event makes no sense; nothing was done");
    Answer::empty(Outcome::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mention_is_taken_off() {
        let bots = ["U0BOT".to_owned()];
        for (said, asked) in [
            ("<@U0BOT> backup create prod", "backup create prod"),
            ("  <@U0BOT|bbws>\u{a0}help ", "help"),
            ("please <@U0BOT> status prod", "status prod"),
            ("ask <@U0BOB> then <@U0BOT|bbws> help", "help"),
            ("<@U0BOT>", ""),
            ("<@U0BOT", "<@U0BOT"),
            ("status", "status"),
        ] {
            assert_eq!(unaddressed(said, &bots), asked, "{said}");
        }
    }
}
