//! A message as it stands in a channel.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::people;

/// One message, posted or ephemeral.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Slack's id of the message within its channel, `seconds.micros`.
    pub ts: String,
    /// Channel id.
    pub channel: String,
    /// Author's user id.
    pub user: String,
    /// Plain text; what notifications and screen readers get.
    pub text: String,
    /// Block Kit blocks, every one with its `block_id`.
    pub blocks: Vec<Value>,
    /// `{event_type, event_payload}` where the author attached any.
    pub metadata: Option<Value>,
    /// The ts of the thread's first message, for a reply.
    pub thread_ts: Option<String>,
    /// When it was last edited, as a ts.
    pub edited: Option<String>,
    /// The one person who sees it, for an ephemeral message.
    pub only_for: Option<String>,
    /// Files that it carries, as Slack's API gives them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Value>,
    /// Emoji that people put on it, by name, and who did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<(String, String)>,
}

/// A ts as microseconds; whole seconds will do.
pub(super) fn micros(ts: &str) -> i64 {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, ""));
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let seconds: i64 = seconds.parse().unwrap_or(0);
    seconds.saturating_mul(1_000_000).saturating_add(digits.parse().unwrap_or(0))
}

impl Message {
    /// Whether the app wrote it.
    pub fn by_bot(&self) -> bool {
        self.user == people::BOT_USER
    }

    /// The message as Slack's API gives it; metadata only where asked for.
    pub fn to_slack(&self, with_metadata: bool) -> Value {
        let mut out = json!({"type": "message", "ts": self.ts, "user": self.user, "text": self.text,
            "team": people::TEAM});
        if self.by_bot() {
            out["bot_id"] = json!(people::BOT);
            out["app_id"] = json!(people::APP);
            out["bot_profile"] = json!({"id": people::BOT, "app_id": people::APP, "name": "bbws",
                "team_id": people::TEAM, "deleted": false, "updated": 1_700_000_000});
        }
        if !self.blocks.is_empty() {
            out["blocks"] = json!(self.blocks);
        }
        if !self.files.is_empty() {
            out["files"] = json!(self.files);
        }
        if !self.reactions.is_empty() {
            let mut names: Vec<&String> = self.reactions.iter().map(|(name, _)| name).collect();
            names.dedup();
            let by = |name: &String| {
                let users: Vec<&String> =
                    self.reactions.iter().filter(|(n, _)| n == name).map(|(_, user)| user).collect();
                json!({"name": name, "users": users, "count": users.len()})
            };
            out["reactions"] = names.into_iter().map(by).collect();
        }
        if let Some(thread) = &self.thread_ts {
            out["thread_ts"] = json!(thread);
        }
        if let Some(edited) = &self.edited {
            out["edited"] = json!({"user": self.user, "ts": edited});
        }
        if let (true, Some(metadata)) = (with_metadata, &self.metadata) {
            out["metadata"] = metadata.clone();
        }
        out
    }

    /// The message as the page draws it.
    pub(super) fn to_page(&self) -> Value {
        let mut out = self.to_slack(false);
        out["channel"] = json!(self.channel);
        out["ephemeral"] = json!(self.only_for.is_some());
        out
    }
}
