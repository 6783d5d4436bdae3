//! `chat.*`: posting, editing, ephemeral messages, deleting.

use serde_json::{Value, json};

use super::Workspace;
use super::api::{Args, Refusal};
use super::limits::{self, Surface};
use super::people::BOT_USER;
use super::state::{Message, State};

/// Characters of `text` Slack takes before it refuses.
const TEXT: usize = 40_000;
/// Bytes of metadata Slack takes.
const METADATA: usize = 16_000;

/// What a call wants said.
pub(super) struct Content {
    pub(super) text: Option<String>,
    pub(super) blocks: Option<Vec<Value>>,
    metadata: Option<Value>,
}

impl Content {
    fn read(args: &Args) -> Result<Self, Refusal> {
        let text = args.text("text").map(str::to_owned);
        if text.as_ref().is_some_and(|t| t.chars().count() > TEXT) {
            return Err("msg_too_long".into());
        }
        let blocks = args.data("blocks")?.map(checked).transpose()?;
        let metadata = args.data("metadata")?;
        if let Some(metadata) = &metadata {
            check_metadata(metadata)?;
        }
        Ok(Self { text, blocks, metadata })
    }

    fn is_empty(&self) -> bool {
        self.text.is_none() && self.blocks.as_ref().is_none_or(Vec::is_empty)
    }
}

/// An ephemeral message to be shown to one person.
pub(super) struct Whisper<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) channel: &'a str,
    pub(super) text: String,
    pub(super) blocks: Vec<Value>,
    pub(super) thread_ts: Option<String>,
}

/// Blocks that keep Slack's rules.
pub(super) fn checked(blocks: Value) -> Result<Vec<Value>, Refusal> {
    let found = limits::problems(&blocks, Surface::Message);
    match blocks {
        Value::Array(list) if found.is_empty() => Ok(list),
        _ => Err(Refusal::invalid_blocks(found)),
    }
}

fn check_metadata(metadata: &Value) -> Result<(), Refusal> {
    // An empty object takes the metadata away.
    let empty = metadata.as_object().is_some_and(serde_json::Map::is_empty);
    let named = metadata["event_type"].as_str().is_some_and(|t| !t.is_empty());
    let whole = named && metadata["event_payload"].is_object();
    if !(empty || whole) {
        return Err("invalid_metadata_format".into());
    }
    if metadata.to_string().len() > METADATA {
        return Err("metadata_too_large".into());
    }
    Ok(())
}

/// The channel a call may post in.
fn postable(state: &State, name: &str) -> Result<String, Refusal> {
    let channel = state.channel(name).ok_or("channel_not_found")?;
    if channel.is_archived {
        return Err("is_archived".into());
    }
    Ok(channel.id.clone())
}

fn posted(message: &Message) -> Value {
    json!({"channel": message.channel, "ts": message.ts, "message": message.to_slack(true)})
}

impl Workspace {
    pub(super) fn post(&self, args: &Args) -> Result<Value, Refusal> {
        let content = Content::read(args)?;
        if content.is_empty() {
            return Err("no_text".into());
        }
        let thread = args.text("thread_ts");
        let message = self.post_as_bot(args.need("channel")?, content, thread)?;
        Ok(posted(&message))
    }

    /// Posts as the app and tells the pages.
    pub(super) fn post_as_bot(
        &self,
        channel: &str,
        content: Content,
        thread: Option<&str>,
    ) -> Result<Message, Refusal> {
        let now = self.now_ms();
        let message = {
            let mut state = self.state();
            let channel = postable(&state, channel)?;
            // A reply to a reply belongs to the thread's first message.
            let thread_ts = match thread {
                None => None,
                Some(ts) => {
                    let parent = state.message(&channel, ts).ok_or("thread_not_found")?;
                    Some(parent.thread_ts.clone().unwrap_or_else(|| parent.ts.clone()))
                }
            };
            let mut blocks = content.blocks.unwrap_or_default();
            state.identify(&mut blocks);
            let message = Message {
                ts: state.next_ts(now),
                channel,
                user: BOT_USER.into(),
                text: content.text.unwrap_or_default(),
                blocks,
                metadata: content.metadata.filter(|m| m["event_type"].is_string()),
                thread_ts,
                edited: None,
                only_for: None,
            };
            state.put(message.clone());
            message
        };
        self.tell(None, json!({"kind": "message", "message": message.to_page()}));
        Ok(message)
    }

    pub(super) fn update(&self, args: &Args) -> Result<Value, Refusal> {
        let content = Content::read(args)?;
        if content.text.is_none() && content.blocks.is_none() {
            return Err("no_text".into());
        }
        let message = self.edit_as_bot(args.need("channel")?, args.need("ts")?, content)?;
        Ok(json!({"channel": message.channel, "ts": message.ts, "text": message.text,
            "message": message.to_slack(true)}))
    }

    /// Edits one of the app's own messages; what the call leaves out stays as it was.
    pub(super) fn edit_as_bot(&self, channel: &str, ts: &str, content: Content) -> Result<Message, Refusal> {
        let now = self.now_ms();
        let message = {
            let mut state = self.state();
            let channel = postable(&state, channel)?;
            let mut blocks = content.blocks;
            if let Some(blocks) = &mut blocks {
                state.identify(blocks);
            }
            let edited = state.next_ts(now);
            let mut message = state.message(&channel, ts).ok_or("message_not_found")?.clone();
            if message.user != BOT_USER {
                return Err("cant_update_message".into());
            }
            if let Some(text) = content.text {
                message.text = text;
            }
            if let Some(blocks) = blocks {
                message.blocks = blocks;
            }
            if let Some(metadata) = content.metadata {
                message.metadata = Some(metadata).filter(|m| m["event_type"].is_string());
            }
            message.edited = Some(edited);
            state.put(message.clone());
            message
        };
        self.tell(None, json!({"kind": "message", "message": message.to_page()}));
        Ok(message)
    }

    pub(super) fn post_ephemeral(&self, args: &Args) -> Result<Value, Refusal> {
        let content = Content::read(args)?;
        if content.is_empty() {
            return Err("no_text".into());
        }
        let user = args.need("user")?;
        if self.state().person(user).is_none_or(|p| p.deleted) {
            return Err("user_not_in_channel".into());
        }
        let channel = postable(&self.state(), args.need("channel")?)?;
        let ts = self.whisper(Whisper {
            from: BOT_USER,
            to: user,
            channel: &channel,
            text: content.text.unwrap_or_default(),
            blocks: content.blocks.unwrap_or_default(),
            thread_ts: args.text("thread_ts").map(str::to_owned),
        });
        Ok(json!({"message_ts": ts}))
    }

    /// Shows one person an ephemeral message; returns its ts.
    pub(super) fn whisper(&self, whisper: Whisper<'_>) -> String {
        let now = self.now_ms();
        let message = {
            let mut state = self.state();
            let mut blocks = whisper.blocks;
            state.identify(&mut blocks);
            let message = Message {
                ts: state.next_ts(now),
                channel: whisper.channel.into(),
                user: whisper.from.into(),
                text: whisper.text,
                blocks,
                metadata: None,
                thread_ts: whisper.thread_ts,
                edited: None,
                only_for: Some(whisper.to.into()),
            };
            state.remember_ephemeral(message.clone());
            message
        };
        self.tell(Some(whisper.to), json!({"kind": "message", "message": message.to_page()}));
        message.ts
    }

    pub(super) fn delete(&self, args: &Args) -> Result<Value, Refusal> {
        let (channel, ts) = (args.need("channel")?, args.need("ts")?);
        {
            let mut state = self.state();
            let message = state.message(channel, ts).ok_or("message_not_found")?;
            if message.user != BOT_USER {
                return Err("cant_delete_message".into());
            }
            state.remove(channel, ts);
        }
        self.tell(None, json!({"kind": "gone", "channel": channel, "ts": ts}));
        Ok(json!({"channel": channel, "ts": ts}))
    }

    /// Takes an ephemeral message off a person's screen.
    pub(super) fn hush(&self, user: &str, channel: &str, ts: &str) {
        let mine = |m: &Message| m.channel == channel && m.ts == ts && m.only_for.as_deref() == Some(user);
        self.state().ephemerals.retain(|m| !mine(m));
        self.tell(Some(user), json!({"kind": "gone", "channel": channel, "ts": ts}));
    }

    /// What a reply of the app's says, checked like any message; nothing where it says nothing.
    pub(super) fn reply_content(body: &Value) -> Result<Option<Content>, Refusal> {
        let text = body["text"].as_str().filter(|t| !t.is_empty()).map(str::to_owned);
        let blocks = match &body["blocks"] {
            Value::Null => None,
            blocks => Some(checked(blocks.clone())?),
        };
        let content = Content { text, blocks, metadata: None };
        Ok(if content.is_empty() { None } else { Some(content) })
    }
}
