//! Slack, as far as the product speaks to it.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::domain::exhibit::{Chart, Exhibit, Offer, Table};
use crate::domain::{moment::Moment, operation::Run, principal::Profile};

/// Why Slack did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// Not now: 429 with `Retry-After`.
    #[error("Slack asks to wait {after:?}")]
    RateLimited {
        /// How long to wait.
        after: Duration,
    },
    /// Slack refused: its error code (`channel_not_found`, `missing_scope`, …). Nothing was posted.
    #[error("Slack refused {method}: {code}")]
    Refused {
        /// Web API method.
        method: String,
        /// Slack's error code.
        code: String,
    },
    /// No answer, or none that can be read: whether it was carried out is unknown.
    #[error("Slack did not answer {method}: {reason}")]
    Unknown {
        /// Web API method.
        method: String,
        /// Cause chain in one line; never a token or URL with a secret.
        reason: String,
    },
}

/// How loud a message is; drawn as Slack's `alert` levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Neutral.
    Info,
    /// It worked, and that was verified.
    Success,
    /// Somebody should look.
    Warning,
    /// It failed or was refused.
    Error,
}

/// Everything a card shows. The adapter draws it; the text and the plain form carry the same meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardView {
    /// The operation with its steps.
    pub run: Run,
    /// When it is drawn, for elapsed and remaining times.
    pub now: Moment,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An operation's card, with its buttons.
    Card(Box<CardView>),
    /// A line or two of mrkdwn. Whatever people typed in it is escaped already.
    Line {
        /// How loud.
        level: Level,
        /// mrkdwn.
        text: String,
        /// Beside it.
        exhibit: Box<Exhibit>,
    },
}

/// A message with the metadata by which it can be found again.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// Channel id.
    pub channel: String,
    /// `ts` of the message it is a reply to.
    pub thread: Option<String>,
    /// What it says.
    pub content: Content,
    /// Metadata `event_type`: `bbws_operation` for cards, `bbws_event` for thread replies.
    pub event_type: String,
    /// Metadata `event_payload`.
    pub payload: Value,
}

/// The answer to a command, for the eyes of the person who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// How loud.
    pub level: Level,
    /// mrkdwn, the whole meaning. Whatever people typed in it is escaped already.
    pub text: String,
    /// Beside it: a table for lists, buttons for more.
    #[serde(default)]
    pub exhibit: Exhibit,
}

/// What Slack knows of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChannelFacts {
    /// Shared with another organisation, or about to be.
    pub external: bool,
}

/// The Web API methods the product uses.
#[async_trait]
pub trait Chat: Send + Sync {
    /// `users.info`.
    ///
    /// # Errors
    /// See [`ChatError`]; the caller denies.
    async fn profile(&self, user: &str) -> Result<Profile, ChatError>;

    /// `usergroups.users.list`.
    ///
    /// # Errors
    /// See [`ChatError`].
    async fn group_members(&self, group: &str) -> Result<Vec<String>, ChatError>;

    /// `conversations.info`.
    ///
    /// # Errors
    /// See [`ChatError`].
    async fn channel(&self, channel: &str) -> Result<ChannelFacts, ChatError>;

    /// `chat.postMessage`; answers the message's `ts`.
    ///
    /// # Errors
    /// After `Unknown` the message must be looked for with [`Chat::find`] before it is posted again.
    async fn post(&self, message: &Outgoing) -> Result<String, ChatError>;

    /// `chat.update`.
    ///
    /// # Errors
    /// Safe to repeat.
    async fn update(&self, ts: &str, message: &Outgoing) -> Result<(), ChatError>;

    /// `chat.postEphemeral`.
    ///
    /// # Errors
    /// See [`ChatError`].
    async fn whisper(&self, channel: &str, user: &str, reply: &Reply) -> Result<(), ChatError>;

    /// The JSON body that answers a slash command: `response_type` ephemeral, text and blocks.
    fn reply(&self, reply: &Reply) -> Value;

    /// Finds a message of ours in the channel (or thread) by its metadata: `event_type` equal and every field of
    /// `payload` equal. Looks no further back than `oldest` (seconds since the epoch).
    ///
    /// # Errors
    /// See [`ChatError`]; the caller tries again later.
    async fn find(
        &self,
        channel: &str,
        thread: Option<&str>,
        event_type: &str,
        payload: &Value,
        oldest: i64,
    ) -> Result<Option<String>, ChatError>;
}
