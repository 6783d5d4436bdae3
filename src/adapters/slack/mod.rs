//! Slack, spoken to over its Web API: who people are, posting and editing messages, finding them again.

mod answers;
mod approval;
mod blocks;
mod card;
mod chart;
mod check;
mod client;
mod command_button;
mod files;
mod form;
mod home;
mod incident;
mod links;
mod outcome;
mod reply;
mod rooms;
mod sample;
mod support;
mod table;
mod tasks;
mod text;
mod tickets;
mod way;
mod words;

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};

use self::{
    answers::{ChannelAnswer, HistoryAnswer, MembersAnswer, PostAnswer, UserAnswer, ViewAnswer},
    card::Message,
    client::{Client, Failure, unknown},
    support::{Support, Surface, plainer},
};
use crate::{
    domain::{answers::home::Home, principal::Profile},
    ports::chat::{
        Attachment, CardView, ChannelFacts, Chat, ChatError, Content, File, Form, Level, Outgoing, Reply, Written,
    },
};

pub use self::{client::Patience, tickets::Tickets};

/// Most pages looked through for a message, and messages per page.
const PAGES: usize = 5;
const PAGE: usize = 200;

/// [`Chat`] by Slack's Web API.
pub struct SlackChat {
    client: Client,
    support: AtomicU8,
    /// Slack itself said which blocks it takes.
    validated: AtomicBool,
    /// Where tickets are read.
    tickets: Option<Tickets>,
}

/// A message as it would be sent, for previews and tests.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The whole meaning, for notifications and screen readers.
    pub text: String,
    /// All the blocks that are for messages.
    pub blocks: Vec<Value>,
    /// Sections, context, actions and input only.
    pub plain_blocks: Vec<Value>,
}

/// Draws an operation's card.
pub fn draw_card(view: &CardView) -> Drawn {
    drawn(card::card(view))
}

/// Draws App Home as it would be sent, for tests.
pub fn draw_home(shown: &Home) -> Value {
    home::view(shown)
}

/// Draws a sentence and what stands beside it.
pub fn draw_line(level: Level, text: &str, attachment: &Attachment) -> Drawn {
    drawn(reply::message(level, text, attachment))
}

fn drawn(message: Message) -> Drawn {
    Drawn {
        blocks: blocks::draw(&message.parts, Support::on(Surface::Message)),
        plain_blocks: blocks::draw(&message.parts, Support::PLAIN),
        text: message.text,
    }
}

impl SlackChat {
    /// Slack at `url` (`https://slack.com/api`), with a bot token.
    ///
    /// # Errors
    /// A sentence, where the address is no URL or the machine's certificates cannot be read.
    pub fn new(url: &str, token: SecretString) -> Result<SlackChat, String> {
        SlackChat::patient(url, token, Patience::default())
    }

    /// Like [`SlackChat::new`], with other time limits.
    ///
    /// # Errors
    /// As [`SlackChat::new`].
    pub fn patient(url: &str, token: SecretString, patience: Patience) -> Result<SlackChat, String> {
        let support = AtomicU8::new(Support::on(Surface::Message).bits());
        Ok(SlackChat {
            client: Client::new(url, token, patience)?,
            support,
            validated: AtomicBool::new(false),
            tickets: None,
        })
    }

    /// The same, with every ticket in what it sends as a link.
    #[must_use]
    pub fn linking(self, tickets: Option<Tickets>) -> SlackChat {
        SlackChat { tickets, ..self }
    }

    /// The blocks as they are sent.
    fn linked(&self, mut blocks: Vec<Value>) -> Vec<Value> {
        if let Some(tickets) = &self.tickets {
            tickets.link(&mut blocks);
        }
        blocks
    }

    fn support(&self) -> Support {
        Support::from_bits(self.support.load(Ordering::Relaxed))
    }

    /// For answers, which cannot be sent again when Slack refuses their blocks: plain until it is known what it takes.
    fn answers(&self) -> Support {
        if self.validated.load(Ordering::Relaxed) { self.support() } else { Support::PLAIN }
    }

    /// What the workspace refused once is not tried again by this process.
    fn give_up(&self, support: Support) {
        let before = self.support.fetch_or(support.bits(), Ordering::Relaxed);
        if before | support.bits() != before {
            tracing::warn!(
                refused = support.refused(Surface::Message),
                "the workspace refuses some of the newer blocks; messages are drawn with plainer ones from now on"
            );
        }
    }

    /// Sends a message, with plainer blocks where the workspace refuses the newer ones, and as text alone in the end.
    async fn send(
        &self,
        method: &'static str,
        base: &Map<String, Value>,
        message: &Message,
    ) -> Result<PostAnswer, Failure> {
        let mut support = self.support();
        loop {
            let blocks = self.linked(blocks::draw(&message.parts, support));
            let failure = match self.client.post(method, &body(base, &message.text, &blocks)).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let ChatError::Refused { code, .. } = &failure.error else { return Err(failure) };
            match plainer(support, code, &failure.body, &blocks) {
                Some(Some(next)) => {
                    // A message that is too long says nothing of what the workspace can draw.
                    if !code.ends_with("_too_long") {
                        self.give_up(next);
                    }
                    support = next;
                }
                Some(None) => {
                    tracing::error!(method, code, "Slack refuses even plain blocks; the message goes out as text");
                    return self.client.post(method, &body(base, &message.text, &[])).await;
                }
                None => return Err(failure),
            }
        }
    }
}

fn body(base: &Map<String, Value>, text: &str, blocks: &[Value]) -> Value {
    let mut body = base.clone();
    body.insert("text".to_owned(), text.into());
    body.insert("blocks".to_owned(), blocks.into());
    Value::Object(body)
}

fn draw(content: &Content) -> Message {
    match content {
        Content::Card(view) => card::card(view),
        Content::Line { level, text, attachment } => reply::message(*level, text, attachment),
    }
}

/// The arguments of `chat.postMessage` and `chat.update` but for text and blocks.
fn arguments(message: &Outgoing) -> Map<String, Value> {
    let mut base = Map::new();
    base.insert("channel".to_owned(), message.channel.as_str().into());
    base.insert("unfurl_links".to_owned(), false.into());
    base.insert("unfurl_media".to_owned(), false.into());
    base.insert("metadata".to_owned(), json!({ "event_type": message.event_type, "event_payload": message.payload }));
    base
}

#[async_trait]
impl Chat for SlackChat {
    async fn profile(&self, user: &str) -> Result<Profile, ChatError> {
        let answer: UserAnswer = self.client.ask("users.info", vec![("user", Some(user.to_owned()))]).await?;
        let Some(found) = answer.user else {
            return Err(unknown("users.info", "the answer names no user".to_owned()).into());
        };
        Ok(Profile {
            user: user.to_owned(),
            team: found.team_id.filter(|t| !t.is_empty()),
            enterprise_teams: found.enterprise_user.as_ref().map(|e| e.teams.clone()).unwrap_or_default(),
            enterprise_user: found.enterprise_user.map(|e| e.id).filter(|id| !id.is_empty()),
            deleted: found.deleted,
            bot: found.is_bot || found.id == "USLACKBOT" || user == "USLACKBOT",
            guest: found.is_restricted || found.is_ultra_restricted,
            stranger: found.is_stranger,
            invited: found.is_invited_user,
        })
    }

    async fn group_members(&self, group: &str) -> Result<Vec<String>, ChatError> {
        let answer: MembersAnswer =
            self.client.ask("usergroups.users.list", vec![("usergroup", Some(group.to_owned()))]).await?;
        Ok(answer.users)
    }

    async fn channel(&self, channel: &str) -> Result<ChannelFacts, ChatError> {
        let asked: Result<ChannelAnswer, Failure> =
            self.client.ask("conversations.info", vec![("channel", Some(channel.to_owned()))]).await;
        match asked.map_err(ChatError::from) {
            // Shared within one Enterprise Grid (`is_org_shared`) is not external.
            Ok(answer) => Ok(answer.channel.map_or(ChannelFacts::default(), |c| ChannelFacts {
                external: c.is_ext_shared || c.is_pending_ext_shared,
            })),
            Err(ChatError::Refused { code, .. }) => {
                // People of other organisations are still refused, by their own team.
                tracing::warn!(channel, code, "Slack does not tell about the channel; it is taken for one of our own");
                Ok(ChannelFacts { external: false })
            }
            Err(error) => Err(error),
        }
    }

    async fn message(&self, channel: &str, ts: &str) -> Result<Option<Written>, ChatError> {
        let params = vec![
            ("channel", Some(channel.to_owned())),
            ("ts", Some(ts.to_owned())),
            ("oldest", Some(ts.to_owned())),
            ("latest", Some(ts.to_owned())),
            ("inclusive", Some("true".to_owned())),
            ("limit", Some("1".to_owned())),
        ];
        let answer: Result<HistoryAnswer, Failure> = self.client.get("conversations.replies", params).await;
        let found = match answer.map_err(ChatError::from) {
            Ok(answer) => answer.messages.into_iter().find(|message| message.ts == ts),
            Err(ChatError::Refused { code, .. }) if code == "thread_not_found" || code == "message_not_found" => None,
            Err(error) => return Err(error),
        };
        Ok(found
            .map(|message| Written { by: message.user.unwrap_or_default(), text: message.text.unwrap_or_default() }))
    }

    async fn post(&self, message: &Outgoing) -> Result<String, ChatError> {
        let mut base = arguments(message);
        if let Some(thread) = &message.thread {
            base.insert("thread_ts".to_owned(), thread.as_str().into());
        }
        let answer = self.send("chat.postMessage", &base, &draw(&message.content)).await?;
        if answer.ts.is_empty() {
            return Err(unknown("chat.postMessage", "the answer names no message".to_owned()).into());
        }
        Ok(answer.ts)
    }

    async fn update(&self, ts: &str, message: &Outgoing) -> Result<(), ChatError> {
        let mut base = arguments(message);
        base.insert("ts".to_owned(), ts.into());
        self.send("chat.update", &base, &draw(&message.content)).await?;
        Ok(())
    }

    async fn share(&self, channel: &str, thread: &str, file: &File) -> Result<(), ChatError> {
        files::share(&self.client, channel, thread, file).await
    }

    async fn shared(&self, channel: &str, thread: &str, name: &str, oldest: i64) -> Result<bool, ChatError> {
        files::shared(&self.client, channel, thread, name, oldest).await
    }

    async fn whisper(&self, channel: &str, user: &str, said: &Reply) -> Result<(), ChatError> {
        let mut base = Map::new();
        base.insert("channel".to_owned(), channel.into());
        base.insert("user".to_owned(), user.into());
        self.send("chat.postEphemeral", &base, &reply::message(said.level, &said.text, &said.attachment)).await?;
        Ok(())
    }

    async fn open(&self, trigger: &SecretString, form: &Form) -> Result<String, ChatError> {
        let body = json!({"trigger_id": trigger.expose_secret(), "view": form::view(form)});
        let answer: ViewAnswer = self.client.post("views.open", &body).await?;
        Ok(answer.view.id)
    }

    async fn refill(&self, view: &str, form: &Form) -> Result<(), ChatError> {
        let body = json!({"view_id": view, "view": form::view(form)});
        let _: ViewAnswer = self.client.post("views.update", &body).await?;
        Ok(())
    }

    async fn publish(&self, user: &str, shown: &Home, hash: Option<&str>) -> Result<String, ChatError> {
        let mut body = json!({"user_id": user, "view": home::view(shown)});
        if let Some(hash) = hash {
            body["hash"] = hash.into();
        }
        let answer: ViewAnswer = self.client.post("views.publish", &body).await?;
        Ok(answer.view.hash)
    }

    async fn respond(&self, address: &SecretString, said: &Reply) -> Result<(), ChatError> {
        Ok(self.client.respond(address, &Chat::reply(self, said)).await?)
    }

    fn reply(&self, answer: &Reply) -> Value {
        let mut reply = reply::reply(answer, self.answers());
        if let Some(Value::Array(blocks)) = reply.get_mut("blocks") {
            *blocks = self.linked(std::mem::take(blocks));
        }
        reply
    }

    async fn find(
        &self,
        channel: &str,
        thread: Option<&str>,
        event_type: &str,
        payload: &Value,
        oldest: i64,
    ) -> Result<Option<String>, ChatError> {
        let method = if thread.is_some() { "conversations.replies" } else { "conversations.history" };
        let mut cursor = None;
        for _ in 0..PAGES {
            let params = vec![
                ("channel", Some(channel.to_owned())),
                ("ts", thread.map(str::to_owned)),
                ("include_all_metadata", Some("true".to_owned())),
                ("oldest", Some(oldest.to_string())),
                ("inclusive", Some("true".to_owned())),
                ("limit", Some(PAGE.to_string())),
                ("cursor", cursor.take()),
            ];
            let answer: HistoryAnswer = self.client.get(method, params).await?;
            if let Some(found) = answer.messages.into_iter().find(|m| carries(&m.metadata, event_type, payload)) {
                return Ok(Some(found.ts).filter(|ts| !ts.is_empty()));
            }
            match answer.response_metadata.map(|m| m.next_cursor).filter(|c| !c.is_empty()) {
                Some(next) => cursor = Some(next),
                None => return Ok(None),
            }
        }
        tracing::warn!(
            channel,
            pages = PAGES,
            "the message was not found in as much of the history as is looked through"
        );
        Ok(None)
    }
}

/// The event type is equal, and so is every field of the wanted payload.
fn carries(metadata: &Value, event_type: &str, payload: &Value) -> bool {
    let held = &metadata["event_payload"];
    let fields = || payload.as_object().is_some_and(|wanted| wanted.iter().all(|(k, v)| held.get(k) == Some(v)));
    metadata["event_type"] == event_type && (payload == held || fields())
}
