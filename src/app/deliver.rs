//! One message to the first of several places that takes it, once: looked for by its metadata where an earlier attempt may
//! have got through, else posted, else posted in the next place. Cards, replies, answers and findings all go this way.

use std::time::Duration;

use serde_json::Value;

use super::{addresses::Addresses, authority::Authority};
use crate::{
    domain::{operation::CardRef, run::Pacing},
    ports::{
        chat::{Chat, ChatError, Content, File, Outgoing, Remedy, Reply},
        clock::Clock,
        store::Queued,
    },
};

/// The longest pause between two attempts.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);
/// Attempts after which a refusal with an unknown code counts as lasting.
const TRIES: i64 = 3;

/// Where a message may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// In a channel.
    Channel(String),
    /// Below a message.
    Thread(CardRef),
    /// In a channel, for one person's eyes.
    Whisper { channel: String, user: String },
    /// The conversation between the app and a person.
    Direct(String),
    /// The address that Slack gave with this person's last request in this channel.
    Address { channel: String, user: String },
}

impl Place {
    /// The channel that others see, if there is one.
    fn channel(&self) -> Option<&str> {
        match self {
            Place::Channel(channel) | Place::Whisper { channel, .. } => Some(channel),
            Place::Thread(card) => Some(&card.channel),
            Place::Direct(_) | Place::Address { .. } => None,
        }
    }
}

/// What is to be delivered.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    /// What it says in the first place.
    pub(super) content: Content,
    /// What it says in any other, where what surrounds it no longer says what it is about.
    pub(super) elsewhere: Content,
    /// By what it is found again.
    pub(super) event_type: &'static str,
    /// Its metadata.
    pub(super) payload: Value,
    /// The part of its metadata by which it is found again: what does not change while it is on its way.
    pub(super) sought: Value,
    /// It was not posted before then: seconds since the epoch.
    pub(super) since: i64,
    /// A message with the same metadata that does not count, since it cannot be edited any more.
    pub(super) lost: Option<CardRef>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Delivered {
    /// It stands there now. An answer to one person has no place that could be named.
    Posted(Option<CardRef>),
    /// An earlier attempt had got through.
    Found(CardRef),
    /// Not yet, or nobody knows.
    Later { again: Duration, uncertain: bool, why: String },
    /// No place takes it.
    Nowhere(String),
}

/// What it takes to deliver: Slack, who may read there, where people can be answered, and the time.
pub(super) struct Postman<'a> {
    pub(super) chat: &'a dyn Chat,
    pub(super) authority: &'a Authority,
    pub(super) addresses: &'a Addresses,
    pub(super) clock: &'a dyn Clock,
}

impl Postman<'_> {
    /// Delivers a letter to the first place that takes it.
    pub(super) async fn deliver_once(&self, queued: &Queued, letter: &Letter, places: &[Place]) -> Delivered {
        // A card that moves may have been moved by another notice of the same operation.
        if queued.uncertain || letter.lost.is_some() {
            for place in places {
                match self.found(place, letter).await {
                    Ok(Some(card)) => return Delivered::Found(card),
                    Ok(None) => {}
                    Err(error) => return later(&error, queued, true),
                }
            }
        }
        let mut shut: Vec<&str> = Vec::new();
        let mut barred: Option<ChatError> = None;
        let mut reasons: Vec<String> = Vec::new();
        for (position, place) in places.iter().enumerate() {
            if place.channel().is_some_and(|channel| channel.is_empty() || shut.contains(&channel))
                || (barred.is_some() && !matches!(place, Place::Address { .. }))
            {
                continue;
            }
            match self.leads_outside(place).await {
                Ok(false) => {}
                Ok(true) => {
                    reasons
                        .push(format!("{} is shared with another organisation", place.channel().unwrap_or_default()));
                    shut.extend(place.channel());
                    continue;
                }
                Err(why) => return Delivered::Later { again: pause(queued), uncertain: queued.uncertain, why },
            }
            let content = if position == 0 { &letter.content } else { &letter.elsewhere };
            let error = match self.put(place, letter, content).await {
                Ok(Some(card)) => return Delivered::Posted(card),
                Ok(None) => continue,
                Err(error) => error,
            };
            reasons.push(error.to_string());
            match remedy(&error, queued) {
                Remedy::Wait => return later(&error, queued, true),
                Remedy::Person => barred = Some(error),
                Remedy::Elsewhere => shut.extend(place.channel()),
                Remedy::Anew | Remedy::OutsideThread => {}
            }
            tracing::warn!(key = %queued.key, ?place, reason = reasons.last(), "a place does not take a message");
        }
        match barred {
            Some(error) => {
                tracing::error!(key = %queued.key, %error, "Slack refuses whatever is said; the app or its token has to be mended");
                later(&error, queued, true)
            }
            None => Delivered::Nowhere(reasons.join("; ")),
        }
    }

    /// Shares a file below a card.
    pub(super) async fn share_once(&self, queued: &Queued, card: &CardRef, file: &File) -> Delivered {
        match self.leads_outside(&Place::Thread(card.clone())).await {
            Ok(false) => {}
            Ok(true) => return Delivered::Nowhere("the channel is shared with another organisation".to_owned()),
            Err(why) => return Delivered::Later { again: pause(queued), uncertain: queued.uncertain, why },
        }
        if queued.uncertain {
            let since = queued.created.seconds() - 60;
            match self.chat.shared(&card.channel, &card.ts, &file.name, since).await {
                Ok(true) => return Delivered::Found(card.clone()),
                Ok(false) => {}
                Err(error) => return later(&error, queued, true),
            }
        }
        match self.chat.share(&card.channel, &card.ts, file).await {
            Ok(()) => Delivered::Posted(None),
            Err(error) if remedy(&error, queued) == Remedy::Wait => later(&error, queued, true),
            Err(error) => Delivered::Nowhere(error.to_string()),
        }
    }

    async fn found(&self, place: &Place, letter: &Letter) -> Result<Option<CardRef>, ChatError> {
        let (channel, thread) = match place {
            Place::Channel(channel) => (channel, None),
            Place::Thread(card) => (&card.channel, Some(card.ts.as_str())),
            // What only one person sees is in no history.
            Place::Whisper { .. } | Place::Direct(_) | Place::Address { .. } => return Ok(None),
        };
        if channel.is_empty() {
            return Ok(None);
        }
        match self.chat.find(channel, thread, letter.event_type, &letter.sought, letter.since).await {
            Ok(found) => {
                let card = found.map(|ts| CardRef { channel: channel.clone(), ts });
                Ok(card.filter(|card| letter.lost.as_ref() != Some(card)))
            }
            Err(ChatError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether people of another organisation would read it: a channel may have become shared since it was last written to.
    pub(super) async fn leads_outside(&self, place: &Place) -> Result<bool, String> {
        match place.channel().filter(|channel| !channel.starts_with('D')) {
            Some(channel) => self.authority.external(channel).await.map_err(|denied| denied.sentence().to_owned()),
            None => Ok(false),
        }
    }

    /// `None`: the place does not exist.
    async fn put(
        &self,
        place: &Place,
        letter: &Letter,
        content: &Content,
    ) -> Result<Option<Option<CardRef>>, ChatError> {
        let outgoing = |channel: &str, thread: Option<&str>| Outgoing {
            channel: channel.to_owned(),
            thread: thread.map(str::to_owned),
            content: content.clone(),
            event_type: letter.event_type.to_owned(),
            payload: letter.payload.clone(),
        };
        let posted = |channel: &str, ts| Ok(Some(Some(CardRef { channel: channel.to_owned(), ts })));
        match place {
            Place::Channel(channel) => posted(channel, self.chat.post(&outgoing(channel, None)).await?),
            Place::Thread(card) => {
                posted(&card.channel, self.chat.post(&outgoing(&card.channel, Some(&card.ts))).await?)
            }
            Place::Whisper { channel, user } => {
                let Some(reply) = reply(content) else { return Ok(None) };
                self.chat.whisper(channel, user, &reply).await.map(|()| Some(None))
            }
            Place::Direct(user) => self.chat.post(&outgoing(user, None)).await.map(|_| Some(None)),
            Place::Address { channel, user } => {
                let Some(address) = self.addresses.spend(user, channel, self.clock.now()) else { return Ok(None) };
                let Some(reply) = reply(content) else { return Ok(None) };
                self.chat.respond(&address, &reply).await.map(|()| Some(None))
            }
        }
    }
}

/// The sentence as an answer; a card is none.
fn reply(content: &Content) -> Option<Reply> {
    match content {
        Content::Line { level, text, attachment } => {
            Some(Reply { level: *level, text: text.clone(), attachment: (**attachment).clone() })
        }
        Content::Card(_) => None,
    }
}

/// What helps. A refusal nobody has met is repeated first.
pub(super) fn remedy(error: &ChatError, queued: &Queued) -> Remedy {
    error.remedy().unwrap_or(if queued.attempts < TRIES { Remedy::Wait } else { Remedy::Elsewhere })
}

/// The pause before the next attempt, longer with each.
pub(super) fn pause(queued: &Queued) -> Duration {
    Pacing::backoff(u32::try_from(queued.attempts).unwrap_or(u32::MAX)).min(PATIENCE)
}

/// It is tried again. After a post without an answer nobody knows whether it is there.
pub(super) fn later(error: &ChatError, queued: &Queued, posting: bool) -> Delivered {
    let again = match error {
        ChatError::RateLimited { after } => *after,
        ChatError::Refused { .. } | ChatError::Unknown { .. } => pause(queued),
    };
    let uncertain = posting && (queued.uncertain || matches!(error, ChatError::Unknown { .. }));
    Delivered::Later { again, uncertain, why: error.to_string() }
}
