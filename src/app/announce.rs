//! From the ledger to Slack and SNS: every notice is sent until it got through, and no card is posted twice.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    domain::{
        environment::Environment,
        moment::Moment,
        operation::{CardRef, OpId, Run},
        run::Pacing,
    },
    ports::{
        alert::Alerts,
        chat::{CardView, Chat, ChatError, Content, Exhibit, Level, Outgoing, Reply},
        clock::Clock,
        cloud::CloudError,
        store::{Notice, Queued, Store, StoreError},
    },
};

/// Notices taken at once.
const BATCH: u32 = 32;
/// How long a taken notice is hidden from other replicas: longer than any call takes.
const HOLD: Duration = Duration::from_secs(30);
/// A card is edited at most this often.
const CARD_EVERY: Duration = Duration::from_secs(1);
/// The longest pause between two attempts.
const PATIENCE: Duration = Duration::from_secs(600);

/// Sends notices.
pub struct Announcer {
    /// Ledger.
    pub store: Arc<dyn Store>,
    /// Slack.
    pub chat: Arc<dyn Chat>,
    /// SNS.
    pub alerts: Arc<dyn Alerts>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Environments by name.
    pub environments: BTreeMap<String, Arc<Environment>>,
    /// Where a card goes when its own channel cannot be written to.
    pub ops_channel: String,
}

/// What became of one attempt.
enum Sent {
    /// It got through; a card may have got a place.
    Yes(Option<(OpId, CardRef)>),
    /// It did not, or nobody knows.
    No { again: Duration, uncertain: bool, why: String },
}

impl Announcer {
    /// Sends what is due. Answers how many notices were taken.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn turn(&self) -> Result<usize, StoreError> {
        let due = self.store.outgoing(HOLD, BATCH).await?;
        // What concerns one operation is told in order; operations do not wait for each other.
        let mut by_topic: BTreeMap<&str, Vec<&Queued>> = BTreeMap::new();
        for queued in &due {
            by_topic.entry(about(queued)).or_default().push(queued);
        }
        let sends = by_topic.into_values().map(|group| async move {
            for queued in group {
                self.send(queued).await?;
            }
            Ok::<(), StoreError>(())
        });
        futures::future::try_join_all(sends).await?;
        Ok(due.len())
    }

    async fn send(&self, queued: &Queued) -> Result<(), StoreError> {
        let sent = match &queued.notice {
            Notice::Card { operation } => self.card(queued, operation).await?,
            Notice::Thread { operation, key, level, text, exhibit } => {
                self.thread(queued, operation, key, line(*level, text, exhibit)).await?
            }
            Notice::Channel { environment, key, level, text, exhibit } => {
                self.channel(queued, environment, key, line(*level, text, exhibit)).await
            }
            Notice::Whisper { channel, user, level, text, exhibit } => {
                let reply = Reply { level: *level, text: text.clone(), exhibit: exhibit.clone() };
                self.whisper(queued, channel, user, &reply).await
            }
            Notice::Publish { environment, topic, subject, body, .. } => {
                let Some(env) = self.environments.get(environment) else {
                    tracing::error!(key = %queued.key, environment, "a notice names an environment that the config no longer has");
                    return self.store.defer(queued, self.clock.now() + PATIENCE, false).await;
                };
                match self.alerts.publish(env, *topic, subject, &body.to_string()).await {
                    Ok(()) => Sent::Yes(None),
                    Err(error) => unpublished(&error, queued),
                }
            }
        };
        let now = self.clock.now();
        match sent {
            Sent::Yes(card) => self.store.sent(queued, card, now + CARD_EVERY).await,
            Sent::No { again, uncertain, why } => {
                metrics::counter!("bbws_notices_deferred_total").increment(1);
                tracing::warn!(key = %queued.key, attempts = queued.attempts, %why, "a notice did not get through; it is tried again");
                self.store.defer(queued, now + again, uncertain).await
            }
        }
    }

    async fn card(&self, queued: &Queued, id: &OpId) -> Result<Sent, StoreError> {
        let Some(run) = self.store.load(id).await? else { return Ok(Sent::Yes(None)) };
        let mut message = card_message(&run, self.clock.now());
        if let Some(card) = run.op.card.clone() {
            message.channel = card.channel.clone();
            return Ok(match self.chat.update(&card.ts, &message).await {
                Ok(()) => Sent::Yes(None),
                Err(ChatError::Refused { code, .. }) if code == "message_not_found" => {
                    tracing::warn!(operation = %id, "the card was deleted; a new one is posted");
                    self.post_card(queued, &run, message).await
                }
                Err(error) => unsent(&error, queued, false),
            });
        }
        if queued.uncertain {
            // An earlier attempt may have posted it: look before posting again.
            let oldest = run.op.created.seconds() - 60;
            for channel in [run.op.channel.clone(), self.ops_channel.clone()] {
                match self.chat.find(&channel, None, &message.event_type, &json!({"operation": id}), oldest).await {
                    Ok(Some(ts)) => {
                        message.channel = channel.clone();
                        let card = Some((id.clone(), CardRef { channel, ts: ts.clone() }));
                        return Ok(match self.chat.update(&ts, &message).await {
                            Ok(()) => Sent::Yes(card),
                            Err(error) => unsent(&error, queued, true),
                        });
                    }
                    Ok(None) | Err(ChatError::Refused { .. }) => {}
                    Err(error) => return Ok(unsent(&error, queued, true)),
                }
            }
        }
        Ok(self.post_card(queued, &run, message).await)
    }

    async fn post_card(&self, queued: &Queued, run: &Run, mut message: Outgoing) -> Sent {
        let mut posted = self.chat.post(&message).await;
        if let Err(ChatError::Refused { code, .. }) = &posted
            && unreachable_channel(code)
            && message.channel != self.ops_channel
        {
            tracing::warn!(operation = %run.op.id, channel = %message.channel, code, "the card goes to the ops channel instead");
            message.channel.clone_from(&self.ops_channel);
            posted = self.chat.post(&message).await;
        }
        match posted {
            Ok(ts) => Sent::Yes(Some((run.op.id.clone(), CardRef { channel: message.channel, ts }))),
            Err(error) => unsent(&error, queued, true),
        }
    }

    async fn thread(&self, queued: &Queued, id: &OpId, key: &str, content: Content) -> Result<Sent, StoreError> {
        let Some(card) = self.store.load(id).await?.and_then(|run| run.op.card) else {
            return Ok(Sent::No { again: CARD_EVERY, uncertain: false, why: "its card is not posted yet".to_owned() });
        };
        let payload = json!({"operation": id, "key": key});
        if queued.uncertain {
            match self
                .chat
                .find(&card.channel, Some(&card.ts), "bbws_event", &payload, queued.created.seconds() - 60)
                .await
            {
                Ok(Some(_)) => return Ok(Sent::Yes(None)),
                Ok(None) => {}
                Err(error) => return Ok(unsent(&error, queued, true)),
            }
        }
        let message = Outgoing {
            channel: card.channel,
            thread: Some(card.ts),
            content,
            event_type: "bbws_event".to_owned(),
            payload,
        };
        Ok(match self.chat.post(&message).await {
            Ok(_) => Sent::Yes(None),
            Err(error) => unsent(&error, queued, true),
        })
    }

    /// In the environment's channel, or the ops channel where it has none or Slack does not let us in.
    async fn channel(&self, queued: &Queued, environment: &str, key: &str, content: Content) -> Sent {
        let own = self.environments.get(environment).and_then(|e| e.channel.clone());
        let mut message = Outgoing {
            channel: own.unwrap_or_else(|| self.ops_channel.clone()),
            thread: None,
            content,
            event_type: "bbws_event".to_owned(),
            payload: json!({"environment": environment, "key": key}),
        };
        if queued.uncertain {
            let oldest = queued.created.seconds() - 60;
            for channel in [message.channel.clone(), self.ops_channel.clone()] {
                match self.chat.find(&channel, None, &message.event_type, &message.payload, oldest).await {
                    Ok(Some(_)) => return Sent::Yes(None),
                    Ok(None) | Err(ChatError::Refused { .. }) => {}
                    Err(error) => return unsent(&error, queued, true),
                }
            }
        }
        let mut posted = self.chat.post(&message).await;
        if let Err(ChatError::Refused { code, .. }) = &posted
            && unreachable_channel(code)
            && message.channel != self.ops_channel
        {
            tracing::warn!(environment, channel = %message.channel, code, "the notice goes to the ops channel instead");
            message.channel.clone_from(&self.ops_channel);
            posted = self.chat.post(&message).await;
        }
        match posted {
            Ok(_) => Sent::Yes(None),
            Err(error) => unsent(&error, queued, true),
        }
    }

    async fn whisper(&self, queued: &Queued, channel: &str, user: &str, reply: &Reply) -> Sent {
        match self.chat.whisper(channel, user, reply).await {
            Ok(()) => Sent::Yes(None),
            // Whispers are answers to somebody who waits now: hours later nobody does.
            Err(error) if queued.attempts >= 8 => {
                tracing::error!(user, %error, "a whisper was given up");
                Sent::Yes(None)
            }
            Err(ChatError::Refused { code, .. }) => {
                tracing::warn!(user, channel, code, "Slack refused a whisper");
                Sent::Yes(None)
            }
            Err(error) => unsent(&error, queued, true),
        }
    }
}

fn about(queued: &Queued) -> &str {
    match &queued.notice {
        Notice::Card { operation } | Notice::Thread { operation, .. } => &operation.0,
        Notice::Channel { environment, .. } => environment,
        Notice::Whisper { .. } | Notice::Publish { .. } => &queued.key,
    }
}

fn line(level: Level, text: &str, exhibit: &Exhibit) -> Content {
    Content::Line { level, text: text.to_owned(), exhibit: Box::new(exhibit.clone()) }
}

fn card_message(run: &Run, now: Moment) -> Outgoing {
    let op = &run.op;
    Outgoing {
        channel: op.channel.clone(),
        thread: None,
        content: Content::Card(Box::new(CardView { run: run.clone(), now })),
        event_type: "bbws_operation".to_owned(),
        payload: card_payload(run),
    }
}

/// The metadata payload of a card.
pub fn card_payload(run: &Run) -> Value {
    let op = &run.op;
    json!({"operation": op.id, "kind": op.kind(), "environment": op.environment(), "state": op.state.name()})
}

fn unreachable_channel(code: &str) -> bool {
    matches!(code, "channel_not_found" | "not_in_channel" | "is_archived" | "restricted_action")
}

fn again(queued: &Queued) -> Duration {
    Pacing::backoff(u32::try_from(queued.attempts).unwrap_or(u32::MAX)).min(PATIENCE)
}

fn unsent(error: &ChatError, queued: &Queued, posting: bool) -> Sent {
    let again = match error {
        ChatError::RateLimited { after } => *after,
        ChatError::Refused { .. } | ChatError::Unknown { .. } => again(queued),
    };
    let uncertain = posting && (queued.uncertain || matches!(error, ChatError::Unknown { .. }));
    Sent::No { again, uncertain, why: error.to_string() }
}

fn unpublished(error: &CloudError, queued: &Queued) -> Sent {
    Sent::No { again: again(queued), uncertain: false, why: error.to_string() }
}
