//! Events: mentions of the bot, which are commands where slash commands do not work, what happens to messages that may be on the
//! timeline of an incident, and that somebody looks at App Home.

use serde_json::Value;

use super::{
    Asked, Payload, Senseless,
    text::{MAX_TEXT, id, storable, ts},
    view,
};
use crate::app::inbound::{Inbound, Via};

/// Reads the outer part of everything that comes as an event.
pub fn event(json: &[u8]) -> Payload {
    let Ok(callback) = serde_json::from_slice::<Value>(json) else {
        return Payload::senseless(Via::Event, "it is not JSON");
    };
    match (callback["type"].as_str(), callback["challenge"].as_str()) {
        (Some("url_verification"), Some(challenge)) => Payload::Challenge(challenge.to_owned()),
        (Some("event_callback"), _) => match callback["event"]["type"].as_str() {
            Some("app_mention") => mentioned(&callback),
            Some("reaction_added") => reacted(&callback),
            Some("app_home_opened") => opened(&callback),
            Some("message") => amended(&callback),
            _ => Payload::Nothing("an event that nothing waits for"),
        },
        (Some(_), _) => Payload::Nothing("an event that nothing waits for"),
        (None, _) => Payload::senseless(Via::Event, "it has no type"),
    }
}

fn mentioned(callback: &Value) -> Payload {
    let event = &callback["event"];
    // What a bot says is no command, and a command is not asked again by correcting its spelling.
    if ["bot_id", "subtype", "edited"].iter().any(|sign| !event[*sign].is_null()) {
        return Payload::Nothing("a bot's message, or a corrected one");
    }
    let said_by = [&event["user_team"], &event["team"], &event["source_team"], &callback["team_id"]];
    let teams: Vec<String> = said_by.into_iter().filter_map(id).collect();
    let grid = id(&callback["enterprise_id"]).is_some();
    let (user, channel) = (id(&event["user"]), id(&event["channel"]));
    let senseless = |why: &str| {
        Payload::Senseless(Box::new(Senseless {
            via: Via::Event,
            user: user.clone().unwrap_or_default(),
            team: teams.first().cloned().unwrap_or_default(),
            channel: channel.clone().unwrap_or_default(),
            why: why.to_owned(),
        }))
    };
    let (Some(user), Some(channel)) = (user.clone(), channel.clone()) else {
        return senseless("nobody or no channel is named");
    };
    if teams.is_empty() && !grid {
        return senseless("no workspace is named");
    }
    let Some(text) = event["text"].as_str().filter(|text| text.len() <= MAX_TEXT) else {
        return senseless("it has no text, or one longer than any command");
    };
    Payload::Asks(Box::new(Asked {
        event: id(&callback["event_id"]),
        via: Via::Event,
        user,
        teams,
        grid,
        app: callback["api_app_id"].as_str().unwrap_or_default().to_owned(),
        command: None,
        channel,
        thread: ts(&event["thread_ts"]),
        shared: callback["is_ext_shared_channel"] == true,
        answer_to: None,
        trigger: None,
        field: None,
        what: addressed(text, &own_ids(callback)),
    }))
}

/// An emoji on a message. What comes from a shared channel is left alone: nobody asked for anything.
fn reacted(callback: &Value) -> Payload {
    let event = &callback["event"];
    let found = (|| {
        let emoji = event["reaction"].as_str().filter(|name| !name.is_empty() && name.len() <= EMOJI)?;
        let of_message = event["item"]["type"] == "message";
        let (channel, ts) = (id(&event["item"]["channel"])?, ts(&event["item"]["ts"]).filter(|_| of_message)?);
        Some((id(&event["user"])?, channel, Inbound::Reacted { emoji: storable(emoji), ts }))
    })();
    happened(callback, found)
}

/// An edited or deleted message of a person's. Slack sends every message of every channel that the app is in; the others are none
/// of its business, and its own cards are edited all the time.
fn amended(callback: &Value) -> Payload {
    let event = &callback["event"];
    let (now, before) = (&event["message"], &event["previous_message"]);
    let machine = [now, before].iter().any(|message| !message["bot_id"].is_null() || !message["app_id"].is_null());
    let found = match event["subtype"].as_str().filter(|_| !machine) {
        // Slack shows links and counts replies by the same event.
        Some("message_changed") if now["text"] != before["text"] => (|| {
            let by = id(&now["edited"]["user"]).or_else(|| id(&now["user"]))?;
            let text = Some(storable(view::cut(now["text"].as_str()?)));
            Some((by, id(&event["channel"])?, Inbound::Amended { ts: ts(&now["ts"])?, text }))
        })(),
        Some("message_deleted") => (|| {
            let gone = ts(&event["deleted_ts"]).or_else(|| ts(&before["ts"]))?;
            Some((id(&before["user"])?, id(&event["channel"])?, Inbound::Amended { ts: gone, text: None }))
        })(),
        _ => None,
    };
    happened(callback, found)
}

/// Somebody looks at App Home. Slack tells the same of the tab where the app's messages are.
fn opened(callback: &Value) -> Payload {
    let event = &callback["event"];
    let home = event["tab"].as_str().is_none_or(|tab| tab == "home");
    let found = id(&event["user"]).filter(|_| home);
    happened(callback, found.map(|user| (user, String::new(), Inbound::OpenedHome)))
}

/// Longest name of an emoji that is looked at.
const EMOJI: usize = 200;

/// Something that happened: who did it, in which channel if in any, and what.
fn happened(callback: &Value, found: Option<(String, String, Inbound)>) -> Payload {
    let own = callback["is_ext_shared_channel"] != true;
    let Some((user, channel, what)) = found.filter(|_| own) else {
        return Payload::Nothing("nothing that is waited for, or of a shared channel");
    };
    Payload::Asks(Box::new(Asked {
        event: id(&callback["event_id"]),
        via: Via::Event,
        user,
        teams: id(&callback["team_id"]).into_iter().collect(),
        grid: id(&callback["enterprise_id"]).is_some(),
        app: callback["api_app_id"].as_str().unwrap_or_default().to_owned(),
        command: None,
        channel,
        thread: None,
        shared: false,
        answer_to: None,
        trigger: None,
        field: None,
        what,
    }))
}

/// User ids of the app's own in this workspace.
fn own_ids(callback: &Value) -> Vec<String> {
    let authorizations = callback["authorizations"].as_array().into_iter().flatten();
    authorizations.filter(|a| a["is_bot"] != false).filter_map(|a| id(&a["user_id"])).collect()
}

/// A message is for the bot only when it begins with the bot's own mention. People speak *of* it as well, and what they
/// say then is no command, whoever else the message begins with.
fn addressed(text: &str, own: &[String]) -> Inbound {
    let text = text.trim();
    if let Some((mentioned, rest)) = mention(text)
        && own.iter().any(|id| id == mentioned)
    {
        let asked = rest.trim_start_matches([',', ':']).trim_start();
        return Inbound::Command { text: storable(asked) };
    }
    let after = text.match_indices("<@").find_map(|(at, _)| {
        let (mentioned, rest) = mention(&text[at..])?;
        own.iter().any(|id| id == mentioned).then(|| rest.trim())
    });
    Inbound::Mentioned { text: storable(after.unwrap_or_default()) }
}

/// The id in a mention at the beginning, and what follows it.
fn mention(text: &str) -> Option<(&str, &str)> {
    let (inner, rest) = text.strip_prefix("<@")?.split_once('>')?;
    Some((inner.split('|').next().unwrap_or(inner), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_with_the_bots_own_mention_is_a_command() {
        let own = ["U0BOT".to_owned()];
        let command = |text: &str| Inbound::Command { text: text.to_owned() };
        let aside = |text: &str| Inbound::Mentioned { text: text.to_owned() };
        for (said, read) in [
            ("<@U0BOT> backup create prod", command("backup create prod")),
            ("  <@U0BOT|bbws>\u{a0}help ", command("help")),
            ("<@U0BOT>: help", command("help")),
            ("<@U0BOT>", command("")),
            ("please <@U0BOT> status prod", aside("status prod")),
            ("<@U0BOB> stop prod deploys please, <@U0BOT> is busy", aside("is busy")),
            ("<@U0BOB> stop prod", aside("")),
            ("<@U0BOT", aside("")),
            ("<@U0BOTTOM> stop prod", aside("")),
            ("stop prod <@U0BOT>", aside("")),
            ("status", aside("")),
        ] {
            assert_eq!(addressed(said, &own), read, "{said}");
        }
        assert_eq!(addressed("<@U0BOT> stop prod", &[]), aside(""), "nobody knows who the bot is");
    }
}
