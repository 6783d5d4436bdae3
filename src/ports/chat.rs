//! Slack, as far as the product speaks to it.

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use crate::domain::attachment::{Attachment, Chart, File, Offer, Table};
use crate::domain::{answers::home::Home, language::OpenCommand, moment::Moment, operation::Run, principal::Profile};

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

/// What helps when Slack refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Time: the same again later.
    Wait,
    /// This message cannot be edited any more: another one in the same place.
    Anew,
    /// Nothing can be said in this thread: the same in the channel.
    OutsideThread,
    /// Nothing can be said in this channel, or not by us: the same elsewhere.
    Elsewhere,
    /// A person: the app, its token or what it says is wrong, wherever it is said.
    Person,
}

/// Slack's refusals, sorted once. What is not in here is unknown: it is repeated a few times, and then taken for
/// [`Remedy::Elsewhere`].
const REFUSALS: [(Remedy, &[&str]); 5] = [
    (
        Remedy::Wait,
        &[
            "accesslimited",
            "external_channel_migrating",
            "fatal_error",
            "internal_error",
            "message_limit_exceeded",
            "ratelimited",
            "request_timeout",
            "rollup_error",
            "service_unavailable",
            "team_added_to_org",
        ],
    ),
    (
        Remedy::Anew,
        &[
            "as_user_not_supported",
            "block_mismatch",
            "cant_update_message",
            "edit_window_closed",
            "message_not_found",
            "update_failed",
        ],
    ),
    (
        Remedy::OutsideThread,
        &[
            "cannot_reply_to_message",
            "restricted_action_non_threadable_channel",
            "restricted_action_thread_locked",
            "thread_not_found",
        ],
    ),
    (
        Remedy::Elsewhere,
        &[
            "as_user_is_not_allowed",
            "cant_dm_bot",
            "channel_is_archived",
            "channel_not_found",
            "channel_type_not_supported",
            "is_archived",
            "is_inactive",
            "messages_tab_disabled",
            "method_not_supported_for_channel_type",
            "not_in_channel",
            "restricted_action",
            "restricted_action_read_only_channel",
            "restricted_action_thread_only_channel",
            "slack_connect_file_link_sharing_blocked",
            "team_not_found",
            "user_disabled",
            "user_not_found",
            "user_not_in_channel",
            "user_not_visible",
        ],
    ),
    (
        Remedy::Person,
        &[
            "access_denied",
            "account_inactive",
            "deprecated_endpoint",
            "ekm_access_denied",
            "enterprise_is_restricted",
            "invalid_arg_name",
            "invalid_arguments",
            "invalid_auth",
            "invalid_blocks",
            "invalid_blocks_format",
            "invalid_metadata_format",
            "invalid_metadata_schema",
            "markdown_text_conflict",
            "metadata_too_large",
            "method_deprecated",
            "missing_scope",
            "msg_blocks_too_long",
            "msg_too_long",
            "no_permission",
            "no_text",
            "not_allowed_token_type",
            "not_authed",
            "org_login_required",
            "team_access_not_granted",
            "token_expired",
            "token_revoked",
            "two_factor_setup_required",
        ],
    ),
];

impl ChatError {
    /// What helps; nothing where Slack's code is one nobody has met.
    pub fn remedy(&self) -> Option<Remedy> {
        let ChatError::Refused { code, .. } = self else { return Some(Remedy::Wait) };
        REFUSALS.iter().find(|(_, codes)| codes.contains(&code.as_str())).map(|(remedy, _)| *remedy)
    }
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
        attachment: Box<Attachment>,
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
    #[serde(default, rename = "exhibit")]
    pub attachment: Attachment,
}

/// Something to choose in a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What people read: how far back it is, and how far it is trusted.
    pub label: String,
    /// The line below: which thing it is.
    pub about: String,
    /// What a command says for it behind the environment.
    pub value: String,
}

/// A form that Slack shows over everything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// What to restore.
    Restore(RestoreForm),
    /// The word without which an approval does not count.
    Confirm(ConfirmForm),
    /// The reason that a command lacks.
    Reason(ReasonForm),
    /// Whatever a command lacks.
    Command(CommandForm),
}

/// A form that asks for what a command lacks. What is filled in becomes its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandForm {
    /// The command, and what it takes.
    pub open: OpenCommand,
    /// Where it was asked for, and where the answer goes.
    pub channel: String,
}

/// A form that asks why. What is typed becomes the reason of the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReasonForm {
    /// The command, canonical, without a reason.
    pub command: String,
    /// What it is about, in a few words.
    pub title: String,
    /// What happens with the answer, a sentence; escaped.
    pub asks: String,
    /// Where it was asked for, and where the answer goes.
    pub channel: String,
}

/// A form that asks whoever approves to type the name of what will be replaced. What is typed counts as if it had come with the
/// button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfirmForm {
    /// The operation that is approved.
    pub operation: String,
    /// What it does, escaped.
    pub does: String,
    /// Names of which one has to be typed, the most telling first.
    pub names: Vec<String>,
    /// Where the card stands.
    pub channel: String,
    /// The block of the button, which says what was on the screen.
    pub block_id: Option<String>,
    /// The card.
    pub message_ts: Option<String>,
}

/// A form that asks what to restore. What is filled in becomes a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreForm {
    /// Environment.
    pub environment: String,
    /// Where it was asked for, and where the answer goes.
    pub channel: String,
    /// Words for where to restore to, the usual one first.
    pub places: Vec<&'static str>,
    /// What can be restored; none while that is read.
    pub choices: Option<Vec<Choice>>,
    /// mrkdwn: what else there is to say, or why there is nothing to choose.
    pub note: String,
}

/// A message as Slack has it now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// Who wrote it, Slack user id; empty where a machine did.
    pub by: String,
    /// What it says; hostile.
    pub text: String,
}

/// What Slack knows of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChannelFacts {
    /// Shared with another organisation, or about to be.
    pub external: bool,
}

/// The Web API methods the product uses.
#[async_trait]
pub trait Chat: super::rooms::Rooms {
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

    /// `conversations.replies`: one message, in a thread or not; none where it is gone.
    ///
    /// # Errors
    /// See [`ChatError`].
    async fn message(&self, channel: &str, ts: &str) -> Result<Option<Written>, ChatError>;

    /// `chat.postMessage`; answers the message's `ts`. A user id as channel is the conversation between the app and that
    /// person.
    ///
    /// # Errors
    /// After `Unknown` the message must be looked for with [`Chat::find`] before it is posted again.
    async fn post(&self, message: &Outgoing) -> Result<String, ChatError>;

    /// `chat.update`.
    ///
    /// # Errors
    /// Safe to repeat.
    async fn update(&self, ts: &str, message: &Outgoing) -> Result<(), ChatError>;

    /// Shares a file in a thread: `files.getUploadURLExternal`, the upload, `files.completeUploadExternal`.
    ///
    /// # Errors
    /// After `Unknown` it must be looked for with [`Chat::shared`] before it is shared again.
    async fn share(&self, channel: &str, thread: &str, file: &File) -> Result<(), ChatError>;

    /// Whether a file of that name is in the thread. Looks no further back than `oldest` (seconds since the epoch).
    ///
    /// # Errors
    /// See [`ChatError`]; the caller tries again later.
    async fn shared(&self, channel: &str, thread: &str, name: &str, oldest: i64) -> Result<bool, ChatError>;

    /// `chat.postEphemeral`.
    ///
    /// # Errors
    /// See [`ChatError`].
    async fn whisper(&self, channel: &str, user: &str, reply: &Reply) -> Result<(), ChatError>;

    /// `views.open`: shows a form to whoever the trigger is of, within three seconds of it. Answers the view's id.
    ///
    /// # Errors
    /// See [`ChatError`]; a trigger is good once.
    async fn open(&self, trigger: &SecretString, form: &Form) -> Result<String, ChatError>;

    /// `views.update`: the form as it is now.
    ///
    /// # Errors
    /// See [`ChatError`]; safe to repeat.
    async fn refill(&self, view: &str, form: &Form) -> Result<(), ChatError>;

    /// `views.publish`: shows a person their App Home, unless it is another than that with this hash by now. Answers the hash of
    /// what is shown.
    ///
    /// # Errors
    /// See [`ChatError`]; safe to repeat. `hash_conflict` where somebody else published meanwhile, `not_enabled` where the app has
    /// no Home.
    async fn publish(&self, user: &str, home: &Home, hash: Option<&str>) -> Result<String, ChatError>;

    /// Posts to an address that Slack gave with a request.
    ///
    /// # Errors
    /// See [`ChatError`]; an address is good for half an hour and five uses.
    async fn respond(&self, address: &SecretString, reply: &Reply) -> Result<(), ChatError>;

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
