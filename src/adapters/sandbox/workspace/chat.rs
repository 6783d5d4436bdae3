//! `chat.*`: posting, editing, ephemeral messages, deleting.

use serde_json::{Value, json};

use super::Workspace;
use super::api::{Args, Refusal};
use super::check::Surface;
use super::limits;
use super::message::{Message, micros};
use super::people::{BOT_USER, Channel, DOMAIN};
use super::state::State;

/// Characters of `text` Slack takes before it refuses.
const TEXT: usize = 40_000;
/// Bytes of metadata Slack takes.
const METADATA: usize = 16_000;

/// What a call wants said.
pub(super) struct Content {
    pub(super) text: Option<String>,
    pub(super) blocks: Option<Vec<Value>>,
    metadata: Option<Value>,
    files: Vec<Value>,
}

impl Content {
    /// The same with files.
    pub(super) fn carrying(self, files: Vec<Value>) -> Self {
        Self { files, ..self }
    }

    fn read(args: &Args) -> Result<Self, Refusal> {
        let markdown = args.text("markdown_text");
        if markdown.is_some() && (args.text("text").is_some() || args.data("blocks")?.is_some()) {
            return Err("markdown_text_conflict".into());
        }
        let text = markdown.or_else(|| args.text("text")).map(str::to_owned);
        if text.as_ref().is_some_and(|t| t.chars().count() > TEXT) {
            return Err("msg_too_long".into());
        }
        let blocks = args.data("blocks")?.map(checked).transpose()?;
        let metadata = args.data("metadata")?;
        if let Some(metadata) = &metadata {
            check_metadata(metadata)?;
        }
        Ok(Self { text, blocks, metadata, files: Vec::new() })
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

/// What the app wants to do in a channel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Post,
    Reply,
    Edit,
    Whisper,
}

/// The channel the app may do that in. It may post in public channels it is not in (`chat:write.public`), and nothing else.
fn open_to(state: &State, name: &str, act: Act) -> Result<String, Refusal> {
    let channel = state.visible(name)?;
    if !channel.has_bot && act != Act::Post {
        return Err("not_in_channel".into());
    }
    if channel.is_archived {
        return Err("is_archived".into());
    }
    if channel.is_frozen {
        return Err("is_inactive".into());
    }
    let only = match channel.restriction.as_deref() {
        Some("restricted_action_thread_only_channel") => act == Act::Post,
        Some("restricted_action_non_threadable_channel" | "restricted_action_thread_locked") => act == Act::Reply,
        _ => act != Act::Edit,
    };
    match &channel.restriction {
        Some(code) if only => Err(code.as_str().into()),
        _ => Ok(channel.id.clone()),
    }
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
        let direct = self.direct(channel)?;
        let channel = direct.as_deref().unwrap_or(channel);
        let (message, only_for) = {
            let mut state = self.state();
            let channel = open_to(&state, channel, if thread.is_some() { Act::Reply } else { Act::Post })?;
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
                files: content.files,
                reactions: Vec::new(),
            };
            state.put(message.clone());
            let only_for = state.channel(&message.channel).and_then(|c| c.direct_with.clone());
            (message, only_for)
        };
        self.tell(only_for.as_deref(), json!({"kind": "message", "message": message.to_page()}));
        Ok(message)
    }

    /// The conversation with a person whose id stands where a channel is meant, made where there is none yet.
    fn direct(&self, user: &str) -> Result<Option<String>, Refusal> {
        let id = {
            let mut state = self.state();
            let Some(person) = state.person(user) else { return Ok(None) };
            if person.deleted {
                return Err("user_disabled".into());
            }
            if person.is_bot {
                return Err("cant_dm_bot".into());
            }
            if !state.messages_tab {
                return Err("messages_tab_disabled".into());
            }
            let id = Channel::direct_id(user);
            if state.channel(&id).is_some() {
                return Ok(Some(id));
            }
            state.channels.push(Channel::direct(user));
            id
        };
        self.tell(Some(user), self.snapshot(user));
        Ok(Some(id))
    }

    pub(super) fn open_direct(&self, args: &Args) -> Result<Value, Refusal> {
        let id = self.direct(args.need("users")?)?.ok_or("user_not_found")?;
        Ok(json!({"channel": {"id": id}}))
    }

    pub(super) fn permalink(&self, args: &Args) -> Result<Value, Refusal> {
        let state = self.state();
        let channel = state.visible(args.need("channel")?)?.id.clone();
        let ts = args.need("message_ts")?;
        let message = state.message(&channel, ts).ok_or("message_not_found")?;
        let link = format!("https://{DOMAIN}.slack.com/archives/{channel}/p{}", message.ts.replace('.', ""));
        Ok(json!({"channel": channel, "permalink": link}))
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

    /// Edits one of the app's own messages. Text alone takes the blocks away; metadata stays unless there is another.
    pub(super) fn edit_as_bot(&self, channel: &str, ts: &str, content: Content) -> Result<Message, Refusal> {
        let now = self.now_ms();
        let (message, only_for) = {
            let mut state = self.state();
            let channel = open_to(&state, channel, Act::Edit)?;
            let mut blocks = content.blocks;
            if let Some(blocks) = &mut blocks {
                state.identify(blocks);
            }
            let window = state.edit_window_ms;
            let edited = state.next_ts(now);
            let mut message = state.message(&channel, ts).ok_or("message_not_found")?.clone();
            if message.user != BOT_USER {
                return Err("cant_update_message".into());
            }
            if window.is_some_and(|window| now - micros(&message.ts) / 1_000 > window) {
                return Err("edit_window_closed".into());
            }
            match (content.text, blocks) {
                (text, Some(blocks)) => {
                    message.text = text.unwrap_or(message.text);
                    message.blocks = blocks;
                }
                (Some(text), None) => (message.text, message.blocks) = (text, Vec::new()),
                (None, None) => {}
            }
            if let Some(metadata) = content.metadata {
                message.metadata = Some(metadata).filter(|m| m["event_type"].is_string());
            }
            message.edited = Some(edited);
            state.put(message.clone());
            let only_for = state.channel(&message.channel).and_then(|c| c.direct_with.clone());
            (message, only_for)
        };
        self.tell(only_for.as_deref(), json!({"kind": "message", "message": message.to_page()}));
        Ok(message)
    }

    pub(super) fn post_ephemeral(&self, args: &Args) -> Result<Value, Refusal> {
        let content = Content::read(args)?;
        if content.is_empty() {
            return Err("no_text".into());
        }
        let user = args.need("user")?;
        let channel = {
            let state = self.state();
            let channel = open_to(&state, args.need("channel")?, Act::Whisper)?;
            let shown = state.channel(&channel).is_some_and(|c| c.shows_to(user));
            if state.person(user).is_none_or(|p| p.deleted) || !shown {
                return Err("user_not_in_channel".into());
            }
            channel
        };
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
                files: Vec::new(),
                reactions: Vec::new(),
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
        let content = Content { text, blocks, metadata: None, files: Vec::new() };
        Ok(if content.is_empty() { None } else { Some(content) })
    }
}
