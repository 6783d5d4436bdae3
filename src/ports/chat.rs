//! Slack, as far as the product speaks to it.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::domain::principal::Profile;

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

/// A message: blocks, the same meaning in plain text, and metadata by which it can be found again.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// Channel id.
    pub channel: String,
    /// `ts` of the message it is a reply to.
    pub thread: Option<String>,
    /// The whole meaning, for notifications and screen readers.
    pub text: String,
    /// Block Kit blocks (an array).
    pub blocks: Value,
    /// The same in plain sections, for workspaces that refuse the newer blocks.
    pub plain_blocks: Value,
    /// `{"event_type": …, "event_payload": {…}}`.
    pub metadata: Value,
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
    async fn whisper(&self, channel: &str, user: &str, text: &str, blocks: Value) -> Result<(), ChatError>;

    /// Finds a message of ours in the channel (or thread) by its metadata: `event_type` equal and every field of
    /// `payload` equal. Looks no further back than `oldest` (seconds since the epoch).
    ///
    /// # Errors
    /// See [`ChatError`]; the caller tries again later.
    async fn find(&self, channel: &str, thread: Option<&str>, event_type: &str, payload: &Value, oldest: i64) -> Result<Option<String>, ChatError>;
}
