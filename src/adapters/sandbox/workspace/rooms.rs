//! `conversations.*` that change something: making channels, who is in them, what they are called.

use serde_json::{Value, json};

use super::Workspace;
use super::api::{Args, Refusal};
use super::people::{BOT_USER, Channel};
use super::state::State;

/// Longest name of a channel.
const NAME: usize = 80;
/// Most people in one invitation.
const INVITED: usize = 1_000;
/// Longest topic or purpose.
const ABOUT: usize = 250;

/// A name as Slack takes it, or its code for what is wrong.
fn named(name: &str) -> Result<&str, Refusal> {
    let fits = |c: char| c.is_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    match name.chars().count() {
        0 => Err("invalid_name_required".into()),
        1..=NAME if name.chars().all(|c| "-_".contains(c)) => Err("invalid_name_punctuation".into()),
        1..=NAME if name.chars().all(fits) => Ok(name),
        1..=NAME => Err("invalid_name_specials".into()),
        _ => Err("invalid_name_maxlength".into()),
    }
}

/// A channel the app is in and may change.
fn own<'s>(state: &'s mut State, name: &str) -> Result<&'s mut Channel, Refusal> {
    let id = state.visible(name)?.id.clone();
    let channel = state.channels.iter_mut().find(|c| c.id == id).ok_or("channel_not_found")?;
    if channel.direct_with.is_some() {
        return Err("method_not_supported_for_channel_type".into());
    }
    if !channel.has_bot {
        return Err("not_in_channel".into());
    }
    Ok(channel)
}

impl State {
    /// Everybody who is in it; a public channel that nobody was invited to has all full members.
    fn members_of(&self, channel: &Channel) -> Vec<String> {
        match (&channel.direct_with, &channel.members) {
            (Some(user), _) => vec![user.clone(), BOT_USER.to_owned()],
            (None, Some(members)) => members.clone(),
            (None, None) => {
                let full =
                    self.people.iter().filter(|p| !p.deleted && (!p.is_bot || (p.id == BOT_USER && channel.has_bot)));
                full.map(|p| p.id.clone()).collect()
            }
        }
    }
}

impl Workspace {
    pub(super) fn create_channel(&self, args: &Args) -> Result<Value, Refusal> {
        let name = named(args.need("name")?)?;
        let channel = {
            let mut state = self.state();
            if state.channels.iter().any(|c| c.name == name && c.direct_with.is_none()) {
                return Err("name_taken".into());
            }
            let id = state.next_id("C0NEW");
            let channel = Channel {
                is_private: args.flag("is_private"),
                members: Some(vec![BOT_USER.to_owned()]),
                creator: BOT_USER.to_owned(),
                ..Channel::open(&id, name, "")
            };
            state.channels.push(channel.clone());
            channel
        };
        self.redraw();
        Ok(json!({"channel": channel.to_slack()}))
    }

    pub(super) fn invite(&self, args: &Args) -> Result<Value, Refusal> {
        let users: Vec<String> = args.need("users")?.split(',').map(|u| u.trim().to_owned()).collect();
        if users.len() > INVITED {
            return Err("too_many_users".into());
        }
        let channel = {
            let mut state = self.state();
            for user in &users {
                let person = state.person(user).ok_or("user_not_found")?;
                if person.deleted {
                    return Err("user_disabled".into());
                }
                if person.is_ultra_restricted {
                    return Err("ura_max_channels".into());
                }
                if user == BOT_USER {
                    return Err("cant_invite_self".into());
                }
            }
            let channel = own(&mut state, args.need("channel")?)?.clone();
            let now = state.members_of(&channel);
            if users.iter().all(|user| now.contains(user)) {
                return Err("already_in_channel".into());
            }
            let channel = own(&mut state, args.need("channel")?)?;
            if channel.is_archived {
                return Err("is_archived".into());
            }
            let new = users.into_iter().filter(|user| !now.contains(user)).collect::<Vec<_>>();
            channel.members = Some(now.into_iter().chain(new).collect());
            channel.clone()
        };
        self.redraw();
        Ok(json!({"channel": channel.to_slack()}))
    }

    /// The canvas of a channel; it has one at most.
    pub(super) fn create_canvas(&self, args: &Args) -> Result<Value, Refusal> {
        let content = args.data("document_content")?.unwrap_or_default();
        let markdown =
            content["markdown"].as_str().filter(|_| content["type"] == "markdown").ok_or("invalid_arguments")?;
        let mut state = self.state();
        let channel = state.visible(args.need("channel_id")?)?.clone();
        if channel.is_archived {
            return Err("is_archived".into());
        }
        if state.canvases.contains_key(&channel.id) {
            return Err("channel_canvas_already_exists".into());
        }
        let id = state.next_id("F0");
        state.canvases.insert(channel.id, markdown.to_owned());
        Ok(json!({"canvas_id": id}))
    }

    pub(super) fn kick(&self, args: &Args) -> Result<Value, Refusal> {
        let user = args.need("user")?;
        {
            let mut state = self.state();
            let channel = own(&mut state, args.need("channel")?)?.clone();
            let now = state.members_of(&channel);
            if user == BOT_USER {
                return Err("cant_kick_self".into());
            }
            if !now.iter().any(|member| member == user) {
                return Err("not_in_channel".into());
            }
            own(&mut state, args.need("channel")?)?.members = Some(now.into_iter().filter(|m| m != user).collect());
        }
        self.redraw();
        Ok(json!({}))
    }

    pub(super) fn members(&self, args: &Args) -> Result<Value, Refusal> {
        let state = self.state();
        let channel = state.visible(args.need("channel")?)?;
        Ok(json!({"members": state.members_of(channel), "response_metadata": {"next_cursor": ""}}))
    }

    pub(super) fn join(&self, args: &Args) -> Result<Value, Refusal> {
        let mut state = self.state();
        let id = state.visible(args.need("channel")?)?.id.clone();
        let channel = state.channels.iter_mut().find(|c| c.id == id).ok_or("channel_not_found")?;
        if channel.is_private {
            return Err("method_not_supported_for_channel_type".into());
        }
        if channel.is_archived {
            return Err("is_archived".into());
        }
        channel.has_bot = true;
        if let Some(members) = channel.members.as_mut().filter(|m| !m.iter().any(|m| m == BOT_USER)) {
            members.push(BOT_USER.to_owned());
        }
        Ok(json!({"channel": channel.to_slack()}))
    }

    pub(super) fn leave(&self, args: &Args) -> Result<Value, Refusal> {
        let mut state = self.state();
        let channel = own(&mut state, args.need("channel")?)?;
        channel.has_bot = false;
        if let Some(members) = &mut channel.members {
            members.retain(|member| member != BOT_USER);
        }
        Ok(json!({}))
    }

    pub(super) fn archive(&self, args: &Args, archived: bool) -> Result<Value, Refusal> {
        {
            let mut state = self.state();
            let channel = own(&mut state, args.need("channel")?)?;
            match (channel.is_archived, archived) {
                (true, true) => return Err("already_archived".into()),
                (false, false) => return Err("not_archived".into()),
                _ => channel.is_archived = archived,
            }
        }
        self.redraw();
        Ok(json!({}))
    }

    pub(super) fn rename(&self, args: &Args) -> Result<Value, Refusal> {
        let name = named(args.need("name")?)?;
        let channel = {
            let mut state = self.state();
            let id = own(&mut state, args.need("channel")?)?.id.clone();
            if state.channels.iter().any(|c| c.name == name && c.id != id) {
                return Err("name_taken".into());
            }
            let channel = own(&mut state, &id)?;
            channel.name = name.to_owned();
            channel.clone()
        };
        self.redraw();
        Ok(json!({"channel": channel.to_slack()}))
    }

    /// Topic or purpose.
    pub(super) fn describe(&self, args: &Args, what: &str) -> Result<Value, Refusal> {
        let text = args.text(what).unwrap_or_default();
        if text.chars().count() > ABOUT {
            return Err("too_long".into());
        }
        let channel = {
            let mut state = self.state();
            let channel = own(&mut state, args.need("channel")?)?;
            let field = if what == "topic" { &mut channel.topic } else { &mut channel.purpose };
            *field = text.to_owned();
            channel.clone()
        };
        self.redraw();
        Ok(json!({"channel": channel.to_slack()}))
    }

    /// Channels changed: they are kept, and every page that watches gets its view of them anew.
    fn redraw(&self) {
        self.state().keep_channels();
        let people: Vec<String> = self.state().people.iter().map(|p| p.id.clone()).collect();
        for user in people {
            self.tell(Some(&user), self.snapshot(&user));
        }
    }
}
