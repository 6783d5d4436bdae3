//! What Slack does with an app's reply: to a command, to a submitted modal, at a response address; and what a
//! person reads when the app does not reply.

use serde_json::{Value, json};

use super::Workspace;
use super::api::Refusal;
use super::chat::Whisper;
use super::people::{BOT_USER, COMMAND, SLACKBOT};

/// The product's answer to a signed form.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The body; JSON or plain text.
    pub body: String,
}

impl Reply {
    /// The body as JSON; plain text becomes `{"text": …}`.
    fn json(&self) -> Value {
        match serde_json::from_str(&self.body) {
            Ok(value @ Value::Object(_)) => value,
            _ => json!({"text": self.body.trim()}),
        }
    }
}

impl Workspace {
    /// Shows the reply to a command: to the person alone, or in the channel where it says `in_channel`.
    pub fn command_replied(&self, user: &str, channel: &str, reply: &Reply) {
        if reply.status != 200 {
            self.command_failed(user, channel, "dispatch_unknown_error");
            return;
        }
        let Err(refusal) = self.respond(user, channel, None, &reply.json()) else {
            return;
        };
        tracing::warn!(?refusal, "the reply to a command breaks Slack's rules");
        self.command_failed(user, channel, "invalid_blocks");
    }

    /// Tells the person that a command failed, as Slackbot does.
    pub fn command_failed(&self, user: &str, channel: &str, code: &str) {
        let why = match code {
            "operation_timeout" => "bbws did not respond.",
            _ => "bbws could not be reached, or answered with an error.",
        };
        let text = format!("`{COMMAND}` failed with the error “{code}”. {why}");
        self.slackbot(user, channel, text);
    }

    pub(super) fn slackbot(&self, user: &str, channel: &str, text: String) {
        let (blocks, thread_ts) = (Vec::new(), None);
        self.whisper(Whisper { from: SLACKBOT, to: user, channel, text, blocks, thread_ts });
    }

    /// Carries out the reply to a submitted modal. An error code for the page, with the messages per input
    /// where the product refused what was filled in.
    pub fn view_replied(&self, user: &str, view_id: &str, reply: &Reply) -> Result<(), Value> {
        if reply.status != 200 {
            return Err(json!({"error": "bbws answered with an error. Try again."}));
        }
        let body = reply.json();
        match body["response_action"].as_str() {
            Some("errors") => return Err(json!({"errors": body["errors"]})),
            Some("clear") => self.close_modal(user, None),
            Some("push") => {
                self.show_modal(user, body["view"].clone());
            }
            Some("update") => {
                self.close_modal(user, Some(view_id));
                self.show_modal(user, body["view"].clone());
            }
            _ => self.close_modal(user, Some(view_id)),
        }
        Ok(())
    }

    /// A post to a response address. Slack's error code where the address is spent or the blocks break its rules.
    pub fn hook_called(&self, id: &str, body: &Value) -> Result<(), String> {
        let now = self.now_ms();
        let hook = self.state().use_hook(id, now)?;
        self.respond(&hook.user, &hook.channel, hook.message.as_deref(), body).map_err(|refusal| format!("{refusal:?}"))
    }

    /// Shows what the app says to a person about an earlier act of theirs, in which `original` was pressed.
    fn respond(&self, user: &str, channel: &str, original: Option<&str>, body: &Value) -> Result<(), Refusal> {
        let posted = original.filter(|ts| self.message(channel, ts).is_some());
        if body["delete_original"] == true || body["replace_original"] == true {
            match (original, posted) {
                (_, Some(ts)) if body["replace_original"] == true => {
                    if let Some(content) = Self::reply_content(body)? {
                        self.edit_as_bot(channel, ts, content)?;
                    }
                    return Ok(());
                }
                (Some(ts), None) => self.hush(user, channel, ts),
                _ => {}
            }
        }
        let Some(content) = Self::reply_content(body)? else {
            return Ok(());
        };
        if body["response_type"] == "in_channel" {
            self.post_as_bot(channel, content, None)?;
            return Ok(());
        }
        let thread_ts = posted.and_then(|ts| self.message(channel, ts)?.thread_ts);
        self.whisper(Whisper {
            from: BOT_USER,
            to: user,
            channel,
            text: content.text.unwrap_or_default(),
            blocks: content.blocks.unwrap_or_default(),
            thread_ts,
        });
        Ok(())
    }
}
