//! Methods that only read: people, groups, channels, history, threads.

use serde_json::{Value, json};

use super::Workspace;
use super::api::{Args, Refusal};
use super::message::{Message, micros};
use super::people::{self, Channel, Person, TEAM};
use super::state::State;

impl Workspace {
    pub(super) fn users_info(&self, args: &Args) -> Result<Value, Refusal> {
        let state = self.state();
        let person = state.person(args.need("user")?).ok_or("user_not_found")?;
        Ok(json!({"user": person.to_slack()}))
    }

    pub(super) fn users_list(&self) -> Result<Value, Refusal> {
        let members: Vec<Value> = self.state().people.iter().map(Person::to_slack).collect();
        Ok(json!({"members": members, "response_metadata": {"next_cursor": ""}}))
    }

    pub(super) fn user_group(&self, args: &Args) -> Result<Value, Refusal> {
        let state = self.state();
        let users = state.groups.get(args.need("usergroup")?).ok_or("no_such_subteam")?;
        Ok(json!({"users": users}))
    }

    pub(super) fn user_groups(&self) -> Result<Value, Refusal> {
        let group = |(id, users): (&String, &Vec<String>)| {
            json!({"id": id, "team_id": TEAM, "is_usergroup": true, "handle": people::handle(id), "name": id,
                "date_delete": 0, "user_count": users.len(), "users": users})
        };
        let groups: Vec<Value> = self.state().groups.iter().map(group).collect();
        Ok(json!({"usergroups": groups}))
    }

    pub(super) fn user_by_email(&self, args: &Args) -> Result<Value, Refusal> {
        let email = args.need("email")?;
        let state = self.state();
        let person = state.people.iter().find(|p| p.email().eq_ignore_ascii_case(email) && !p.deleted);
        Ok(json!({"user": person.ok_or("users_not_found")?.to_slack()}))
    }

    pub(super) fn channel_info(&self, args: &Args) -> Result<Value, Refusal> {
        let state = self.state();
        let channel = state.visible(args.need("channel")?)?;
        Ok(json!({"channel": channel.to_slack()}))
    }

    /// Public channels, and those of other kinds that the app is in and asked for.
    pub(super) fn channel_list(&self, args: &Args) -> Result<Value, Refusal> {
        let types = args.text("types").unwrap_or("public_channel").to_owned();
        let wanted = |channel: &&Channel| match (&channel.direct_with, channel.is_private) {
            (Some(_), _) => types.contains("im"),
            (None, true) => channel.has_bot && types.contains("private_channel"),
            (None, false) => types.contains("public_channel"),
        };
        let gone = args.flag("exclude_archived");
        let state = self.state();
        let found = state.channels.iter().filter(wanted).filter(|c| !(gone && c.is_archived));
        let channels: Vec<Value> = found.map(Channel::to_slack).collect();
        Ok(json!({"channels": channels, "response_metadata": {"next_cursor": ""}}))
    }

    /// Newest first, thread replies left out, a cursor where there is more.
    pub(super) fn history(&self, args: &Args) -> Result<Value, Refusal> {
        let state = self.state();
        let channel = state.readable(args.need("channel")?)?;
        let mut found: Vec<&Message> =
            state.messages.iter().filter(|m| m.channel == channel && m.thread_ts.is_none()).collect();
        found.retain(|m| within(m, args));
        found.reverse();
        let with_metadata = args.flag("include_all_metadata");
        let render = |m: &Message| with_replies(m, &state.messages, with_metadata);
        page(&found, args, render)
    }

    /// The first message and its replies, oldest first.
    pub(super) fn thread(&self, args: &Args) -> Result<Value, Refusal> {
        let state = self.state();
        let channel = state.readable(args.need("channel")?)?;
        let ts = args.need("ts")?;
        let first = state.message(&channel, ts).ok_or("thread_not_found")?;
        let replies = state
            .messages
            .iter()
            .filter(|m| m.channel == channel && m.thread_ts.as_deref() == Some(ts) && within(m, args));
        let found: Vec<&Message> = std::iter::once(first).chain(replies).collect();
        let with_metadata = args.flag("include_all_metadata");
        page(&found, args, |m| with_replies(m, &state.messages, with_metadata))
    }
}

impl State {
    /// A channel the app may know of: a private one only when it is in it.
    pub(super) fn visible(&self, name: &str) -> Result<&Channel, Refusal> {
        let channel = self.channel(name).filter(|c| !c.is_private || c.has_bot);
        Ok(channel.ok_or("channel_not_found")?)
    }

    /// The id of a channel whose messages the app may read: one that it is in.
    fn readable(&self, name: &str) -> Result<String, Refusal> {
        let channel = self.visible(name)?;
        if channel.has_bot { Ok(channel.id.clone()) } else { Err("not_in_channel".into()) }
    }
}

/// Whether a message lies between `oldest` and `latest`.
fn within(message: &Message, args: &Args) -> bool {
    let (at, inclusive) = (micros(&message.ts), args.flag("inclusive"));
    let above = args.text("oldest").map(micros).is_none_or(|t| at > t || (inclusive && at == t));
    let below = args.text("latest").map(micros).is_none_or(|t| at < t || (inclusive && at == t));
    above && below
}

fn page(found: &[&Message], args: &Args, render: impl Fn(&Message) -> Value) -> Result<Value, Refusal> {
    let limit = usize::try_from(args.number("limit").unwrap_or(100).clamp(1, 999)).unwrap_or(999);
    let start: usize = match args.text("cursor") {
        None => 0,
        Some(cursor) => cursor.strip_prefix("next:").and_then(|n| n.parse().ok()).ok_or("invalid_cursor")?,
    };
    let messages: Vec<Value> = found.iter().skip(start).take(limit).map(|m| render(m)).collect();
    let has_more = start + messages.len() < found.len();
    let cursor = if has_more { format!("next:{}", start + messages.len()) } else { String::new() };
    Ok(json!({"messages": messages, "has_more": has_more, "pin_count": 0,
        "response_metadata": {"next_cursor": cursor}}))
}

fn with_replies(message: &Message, all: &[Message], with_metadata: bool) -> Value {
    let mut out = message.to_slack(with_metadata);
    let replies: Vec<&Message> =
        all.iter().filter(|m| m.channel == message.channel && m.thread_ts.as_deref() == Some(&message.ts)).collect();
    if let Some(last) = replies.last() {
        out["thread_ts"] = json!(message.ts);
        out["reply_count"] = json!(replies.len());
        out["latest_reply"] = json!(last.ts);
    }
    out
}
