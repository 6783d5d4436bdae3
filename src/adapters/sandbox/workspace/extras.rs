//! What hangs on a channel: pins and bookmarks.

use serde_json::{Value, json};

use super::Workspace;
use super::api::{Args, Refusal};
use super::people::BOT_USER;
use super::state::State;

/// Most pins, and most bookmarks, of a channel.
const MOST: usize = 100;

/// The message a pin is about.
fn pinned(state: &State, args: &Args) -> Result<(String, String), Refusal> {
    let channel = state.visible(args.need("channel")?)?;
    if !channel.has_bot {
        return Err("not_in_channel".into());
    }
    let ts = args.need("timestamp")?;
    let message = state.message(&channel.id, ts).ok_or("message_not_found")?;
    Ok((message.channel.clone(), message.ts.clone()))
}

impl Workspace {
    pub(super) fn pin(&self, args: &Args) -> Result<Value, Refusal> {
        let mut state = self.state();
        let pin = pinned(&state, args)?;
        if state.channel(&pin.0).is_some_and(|c| c.is_archived) {
            return Err("is_archived".into());
        }
        if state.pins.contains(&pin) {
            return Err("already_pinned".into());
        }
        if state.pins.iter().filter(|(channel, _)| *channel == pin.0).count() >= MOST {
            return Err("too_many_pins".into());
        }
        state.pins.push(pin);
        Ok(json!({}))
    }

    pub(super) fn unpin(&self, args: &Args) -> Result<Value, Refusal> {
        let mut state = self.state();
        let pin = pinned(&state, args)?;
        let at = state.pins.iter().position(|p| *p == pin).ok_or("no_pin")?;
        state.pins.remove(at);
        Ok(json!({}))
    }

    pub(super) fn pins(&self, args: &Args) -> Result<Value, Refusal> {
        let state = self.state();
        let channel = state.visible(args.need("channel")?)?.id.clone();
        let mine = state.pins.iter().filter(|(c, _)| *c == channel).filter_map(|(c, ts)| state.message(c, ts));
        let items: Vec<Value> = mine
            .map(|m| json!({"type": "message", "channel": m.channel, "message": m.to_slack(false), "created_by": BOT_USER}))
            .collect();
        Ok(json!({"items": items}))
    }

    pub(super) fn add_bookmark(&self, args: &Args) -> Result<Value, Refusal> {
        let (title, kind, link) = (args.need("title")?, args.need("type")?, args.text("link"));
        if kind != "link" {
            return Err("invalid_bookmark_type".into());
        }
        let link = link.filter(|l| l.starts_with("https://") || l.starts_with("http://")).ok_or("invalid_link")?;
        let mut state = self.state();
        let channel = state.visible(args.need("channel_id")?)?;
        if !channel.has_bot {
            return Err("not_in_channel".into());
        }
        let channel = channel.id.clone();
        if state.bookmarks.iter().filter(|b| b["channel_id"] == channel.as_str()).count() >= MOST {
            return Err("too_many_bookmarks".into());
        }
        let bookmark = json!({"id": state.next_id("Bk0"), "channel_id": channel, "title": title, "link": link, "type": kind,
            "emoji": args.text("emoji"), "date_created": 1_700_000_000, "last_updated_by_user_id": BOT_USER});
        state.bookmarks.push(bookmark.clone());
        Ok(json!({"bookmark": bookmark}))
    }

    pub(super) fn edit_bookmark(&self, args: &Args) -> Result<Value, Refusal> {
        let (id, channel) = (args.need("bookmark_id")?, args.need("channel_id")?);
        let mut state = self.state();
        let found = state.bookmarks.iter_mut().find(|b| b["id"] == id && b["channel_id"] == channel);
        let bookmark = found.ok_or("bookmark_not_found")?;
        for key in ["title", "link", "emoji"] {
            if let Some(text) = args.text(key) {
                bookmark[key] = json!(text);
            }
        }
        Ok(json!({"bookmark": bookmark.clone()}))
    }

    pub(super) fn remove_bookmark(&self, args: &Args) -> Result<Value, Refusal> {
        let (id, channel) = (args.need("bookmark_id")?, args.need("channel_id")?);
        let mut state = self.state();
        let at = state.bookmarks.iter().position(|b| b["id"] == id && b["channel_id"] == channel);
        state.bookmarks.remove(at.ok_or("bookmark_not_found")?);
        Ok(json!({}))
    }

    pub(super) fn bookmarks(&self, args: &Args) -> Result<Value, Refusal> {
        let state = self.state();
        let channel = state.visible(args.need("channel_id")?)?.id.clone();
        let mine: Vec<&Value> = state.bookmarks.iter().filter(|b| b["channel_id"] == channel.as_str()).collect();
        Ok(json!({"bookmarks": mine}))
    }
}
