//! A verified request from Slack, and the trait by which the front hands it in.

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    domain::{
        moment::Moment,
        operation::{Operation, Run},
        text::escape,
    },
    ports::{
        chat::Reply,
        store::{Request, StoreError},
    },
};

/// What a person asked for. Every text in it was typed by a person or could have been: it is hostile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Inbound {
    /// A slash command, or a mention of the bot with the mention taken off.
    Command {
        /// What follows `/bbws`.
        text: String,
    },
    /// A button of ours was pressed.
    Click {
        /// `action_id`, which begins with `bbws.`.
        action: String,
        /// The button's value.
        value: String,
        /// Block the button stands in.
        block_id: Option<String>,
        /// `ts` of the message the button stands in.
        message_ts: Option<String>,
        /// What was typed into the message's `reason` field.
        reason: Option<String>,
    },
    /// A message was chosen for the timeline of an incident.
    Noted {
        /// Slack's id of the message.
        ts: String,
        /// Who wrote it; empty where a machine did.
        by: String,
        /// What it says.
        text: String,
    },
    /// Somebody put an emoji on a message.
    Reacted {
        /// Slack's name of the emoji.
        emoji: String,
        /// Slack's id of the message.
        ts: String,
    },
    /// A message of a person's was edited, or deleted.
    Amended {
        /// Slack's id of the message.
        ts: String,
        /// What it says now; none where it was deleted.
        text: Option<String>,
    },
    /// Somebody looks at App Home.
    OpenedHome,
    /// The bot was spoken of, not spoken to: nothing is done, and the person is told how to ask.
    Mentioned {
        /// What follows the mention, which may have been meant as a command; may be empty.
        text: String,
    },
}

/// `action_id` of buttons that say a command; those in one message are told apart by a number: `bbws.ask.3`.
const ASK: &str = "bbws.ask";

impl Inbound {
    /// The command that was said: typed, or by a button that says one. It has the same rights either way, those of the
    /// person.
    pub fn said(&self) -> Option<&str> {
        match self {
            Inbound::Command { text } => Some(text),
            Inbound::Click { action, value, .. } => says_command(action).then_some(value),
            Inbound::Noted { .. }
            | Inbound::Reacted { .. }
            | Inbound::Amended { .. }
            | Inbound::OpenedHome
            | Inbound::Mentioned { .. } => None,
        }
    }
}

impl Inbound {
    /// Whether the answer is to be read whatever it is: nothing on a card shows what came of it.
    pub fn wants_answer(&self) -> bool {
        self.said().is_some() || matches!(self, Inbound::Noted { .. } | Inbound::Reacted { .. })
    }
}

/// Whether the value of a button with this `action_id` is a command.
pub fn says_command(action: &str) -> bool {
    action.strip_prefix(ASK).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The way a request came, which decides how an answer gets back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Slash command: the answer is the reply to Slack's request itself.
    Command,
    /// Button: Slack shows nothing of the reply to its request, so whatever is to be read is whispered: refusals of an
    /// operation's buttons, and every answer to a button that says a command.
    Interaction,
    /// Mention: likewise.
    Event,
}

impl Via {
    /// [`Request::kind`].
    pub fn kind(self) -> &'static str {
        match self {
            Via::Command => "command",
            Via::Interaction => "interaction",
            Via::Event => "event",
        }
    }
}

/// A verified request. Holds no token, `response_url` or `trigger_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// When the request was signed and the SHA-256 of its signature, both in hex; or Slack's `event_id`.
    pub id: String,
    /// How it came.
    pub via: Via,
    /// Slack user id.
    pub user: String,
    /// Workspace the person belongs to; it is on the allow-list.
    pub team: String,
    /// Channel id; empty where it came from no channel, as from App Home.
    pub channel: String,
    /// `ts` of the thread it was said in.
    pub thread: Option<String>,
    /// When it arrived.
    pub at: Moment,
    /// What is asked.
    #[serde(flatten)]
    pub what: Inbound,
}

impl Envelope {
    /// The request as the ledger stores it.
    pub fn request(&self) -> Request {
        let mut body = json!(self.what);
        if let (Some(thread), Some(body)) = (&self.thread, body.as_object_mut()) {
            body.insert("thread".to_owned(), Value::String(thread.clone()));
        }
        Request {
            id: self.id.clone(),
            kind: self.via.kind().to_owned(),
            user: self.user.clone(),
            team: self.team.clone(),
            channel: self.channel.clone(),
            body,
            at: self.at,
        }
    }

    /// The envelope of a request that was stored before a crash.
    ///
    /// # Errors
    /// When the stored kind or body is of another version.
    pub fn stored(request: &Request) -> Result<Envelope, serde_json::Error> {
        Ok(Envelope {
            id: request.id.clone(),
            via: Via::deserialize(Value::String(request.kind.clone()))?,
            user: request.user.clone(),
            team: request.team.clone(),
            channel: request.channel.clone(),
            thread: request.body.get("thread").and_then(Value::as_str).map(str::to_owned),
            at: request.at,
            what: Inbound::deserialize(&request.body)?,
        })
    }
}

/// A signed request that is turned away before anybody looks at what it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// As [`Envelope::id`].
    pub id: String,
    /// How it came. Unless by command the person reads `why` only when it is whispered to them.
    pub via: Via,
    /// Slack user id.
    pub user: String,
    /// Workspace.
    pub team: String,
    /// Channel id; may be empty.
    pub channel: String,
    /// When.
    pub at: Moment,
    /// The sentence the person gets, as mrkdwn.
    pub why: String,
}

/// The request could not be stored: nothing was done and nothing will be.
#[derive(Debug, thiserror::Error)]
#[error("the request was not stored")]
pub struct Unavailable(#[from] pub StoreError);

/// Takes requests in. Called in a task of its own, so that neither a caller who hangs up nor a deadline cuts it short.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Stores the request durably, each at most once, and, once it is stored, deals with it. `None` for a replay.
    ///
    /// The front waits a little less than a second for the reply and then answers in its own words while this goes on.
    /// Who looks at App Home asks for nothing: that is not stored.
    ///
    /// Only [`Via::Command`] shows the reply to the person; for the others the implementation whispers what is to be read.
    ///
    /// # Errors
    /// [`Unavailable`] only when the request was not stored. Trouble after that is told in the reply.
    async fn take(&self, envelope: Envelope) -> Result<Option<Reply>, Unavailable>;

    /// Writes a refusal into the audit chain, and whispers the sentence where the request's reply is not shown.
    ///
    /// # Errors
    /// [`Unavailable`] when it could not be written. The request is turned away all the same.
    async fn refuse(&self, refusal: Refusal) -> Result<(), Unavailable>;

    /// Slack gave an address at which this person can be answered in this channel for half an hour. It is kept in memory
    /// and never stored.
    fn reachable(&self, user: &str, channel: &str, address: SecretString);

    /// Slack gave something to open a form with, for the request of this id that follows: good once, within three seconds. It is
    /// kept in memory and never stored. Whoever opens no forms lets go of it.
    fn triggered(&self, _request: &str, _trigger: SecretString) {}
}

/// What a click tells of the card it was made on.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// `bbws:<op>:<digest prefix>:<revision>`, and `:<step>` where people were asked.
    pub block_id: Option<String>,
    /// The message's ts.
    pub message_ts: Option<String>,
    /// That message shows the same card in another place.
    pub mirrored: bool,
}

impl Seen {
    /// Why a click on this card says nothing about the present plan, if so.
    pub(super) fn stale(&self, op: &Operation, channel: &str) -> Option<String> {
        // App Home shows buttons in no channel and no message; there, the block alone says which plan was on the screen.
        let other_card = !self.mirrored
            && op.card.as_ref().is_some_and(|card| {
                let other_message = self.message_ts.as_ref().is_some_and(|ts| *ts != card.ts);
                let other_channel = !channel.is_empty() && card.channel != channel;
                other_message || other_channel
            });
        if other_card {
            return Some(format!(
                "That button is not on the card of {}. Use its own card, or `/bbws op show {}`. Nothing was done.",
                op.id, op.id
            ));
        }
        let shown = self.block_id.as_deref().and_then(|b| b.strip_prefix("bbws:"));
        let fresh = match shown {
            Some(shown) => shown.strip_prefix(&op.shown()).is_some_and(|more| more.is_empty() || more.starts_with(':')),
            // A client that does not echo the block id can only have seen the first and only plan.
            None => op.revision == 1,
        };
        (!fresh).then(|| format!("The plan of {} changed after the card you clicked was drawn. Look at the card again before you decide. Nothing was done.", op.id))
    }

    /// Why a word on this card does not count for the question that is asked now, if so: a card that was not drawn anew yet asks
    /// an earlier one.
    pub(super) fn stale_answer(&self, run: &Run, channel: &str) -> Option<String> {
        if let Some(stale) = self.stale(&run.op, channel) {
            return Some(stale);
        }
        let shown = self.block_id.as_deref().and_then(|b| b.strip_prefix("bbws:"))?;
        let meant: usize = shown.strip_prefix(&run.op.shown())?.strip_prefix(':')?.parse().ok()?;
        let (asks, _) = run.asks().filter(|(asks, _)| *asks != meant)?;
        let title = |step: usize| escape(run.op.plan.steps.get(step).map_or("", |spec| spec.title.as_str()));
        Some(format!(
            "The card you clicked asked about *{}*, which is answered. {} now asks about *{}*: look at its card again before you decide. Nothing was done.",
            title(meant),
            run.op.id,
            title(asks)
        ))
    }
}
