//! From the ledger to Slack and SNS: every notice is sent until it got through, and no card is posted twice.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    addresses::Addresses,
    authority::Authority,
    deliver::{self, Delivered, Letter, PATIENCE, Place, Postman},
    letter::{CARD, card_letter},
    words,
};
use crate::{
    domain::{
        environment::Environment,
        incident,
        operation::{CardRef, OpId, Run, State},
    },
    ports::{
        alert::{Alerts, Topic},
        chat::{Attachment, Chat, Content, Level, Outgoing, Remedy, Reply},
        clock::Clock,
        cloud::CloudError,
        store::{Commit, Notice, Queued, Store, StoreError},
    },
};

/// Notices taken at once.
const BATCH: u32 = 32;
/// How long a taken notice is hidden from other replicas: longer than any call takes.
const HOLD: Duration = Duration::from_secs(30);
/// A card is edited at most this often.
pub(super) const CARD_EVERY: Duration = Duration::from_secs(1);
/// Metadata of everything else.
const EVENT: &str = "bbws_event";
/// What Slack has not taken for so long is told elsewhere.
const DEAF: Duration = Duration::from_secs(3600);
/// It has to have failed so often, too: what waited for the process alone says nothing about Slack.
const DEAF_TRIES: i64 = 3;

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
    /// Which channels are shared with others.
    pub authority: Arc<Authority>,
    /// Where people can be answered when nothing can be posted.
    pub addresses: Arc<Addresses>,
    /// Cards that no channel takes, with the state that SNS was told of.
    pub unseen: Mutex<HashMap<OpId, State>>,
}

/// What became of one attempt.
pub(super) enum Sent {
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

    pub(super) fn postman(&self) -> Postman<'_> {
        Postman {
            chat: self.chat.as_ref(),
            authority: &self.authority,
            addresses: &self.addresses,
            clock: self.clock.as_ref(),
        }
    }

    async fn send(&self, queued: &Queued) -> Result<(), StoreError> {
        let sent = match &queued.notice {
            Notice::Card { operation } => {
                let sent = self.card(queued, operation).await?;
                self.show_in_rooms(operation).await?;
                sent
            }
            Notice::Mirror { operation, incident } => self.mirror(queued, operation, incident).await?,
            Notice::Thread { operation, key, level, text, attachment } => {
                self.thread(queued, operation, key, said(*level, text, attachment)).await?
            }
            Notice::File { operation, file } => self.file(queued, operation, file).await?,
            Notice::Canvas { operation, markdown } => self.canvas(queued, operation, markdown).await?,
            Notice::Channel { environment, key, level, text, attachment } => {
                self.channel(queued, environment, key, said(*level, text, attachment)).await
            }
            Notice::Post { channel, key, level, text, attachment } => {
                self.post(queued, channel, key, said(*level, text, attachment)).await
            }
            Notice::Whisper { channel, user, level, text, attachment } => {
                self.whisper(queued, channel, user, said(*level, text, attachment)).await
            }
            Notice::Measure { environment, at, data, .. } => self.measured(queued, environment, *at, data).await,
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
                if now.since(queued.created) >= DEAF && queued.attempts + 1 >= DEAF_TRIES {
                    self.tell_deaf(queued, &why).await?;
                }
                self.store.defer(queued, now + again, uncertain).await
            }
        }
    }

    /// Slack has taken nothing of this for an hour: SNS says so, once a day for each environment.
    async fn tell_deaf(&self, queued: &Queued, why: &str) -> Result<(), StoreError> {
        let environment = match &queued.notice {
            Notice::Card { operation }
            | Notice::Thread { operation, .. }
            | Notice::File { operation, .. }
            | Notice::Canvas { operation, .. }
            | Notice::Mirror { operation, .. } => {
                self.store.load(operation).await?.map(|run| run.op.environment().to_owned())
            }
            Notice::Channel { environment, .. } => Some(environment.clone()),
            Notice::Post { .. } | Notice::Whisper { .. } | Notice::Publish { .. } | Notice::Measure { .. } => None,
        };
        let Some(environment) = environment.filter(|name| self.environments.contains_key(name)) else { return Ok(()) };
        let now = self.clock.now();
        let body = json!({
            "event": "slack_deaf",
            "environment": environment,
            "waiting": queued.key,
            "since": queued.created.iso(),
            "why": why,
            "next": "bbws goes on by itself and tells Slack later. Look at Slack's status and at the bot's token; `bbws check` says what is wrong.",
        });
        let notice = Notice::Publish {
            key: format!("slack-deaf-{environment}-{}", now.yyyymmdd()),
            subject: format!("bbws: Slack has not taken what is told of {environment} for an hour"),
            topic: Topic::OpsCritical,
            environment,
            body,
        };
        self.store.commit(Commit { notices: vec![notice], ..Commit::default() }).await
    }

    /// The card as it is now: edited where it stands, else posted.
    async fn card(&self, queued: &Queued, id: &OpId) -> Result<Sent, StoreError> {
        let Some(run) = self.store.load(id).await?.filter(|run| !run.quiet()) else { return Ok(Sent::Yes(None)) };
        let mut letter = card_letter(&run, self.clock.now());
        let mut places = vec![Place::Channel(run.op.channel.clone()), self.ops()];
        if let Some(card) = &run.op.card {
            match self.edit(queued, card, &letter.content, &letter.payload).await {
                Edited::Yes => return Ok(Sent::Yes(None)),
                Edited::Later(later) => return Ok(later.into_sent()),
                Edited::Lost => places.insert(0, Place::Channel(card.channel.clone())),
                Edited::Shut => places.retain(|place| *place != Place::Channel(card.channel.clone())),
            }
            tracing::warn!(operation = %id, channel = card.channel, "the card cannot be edited any more; a new one is posted");
            letter.lost = Some(card.clone());
        }
        places.dedup();
        Ok(match self.postman().deliver_once(queued, &letter, &places).await {
            Delivered::Posted(card) => {
                if let Some(card) = card.as_ref().filter(|_| letter.lost.is_some()) {
                    self.call_again(queued, &run, card).await;
                }
                Sent::Yes(card.map(|card| (id.clone(), card)))
            }
            // What an earlier attempt posted may show an older state.
            Delivered::Found(card) => match self.edit(queued, &card, &letter.content, &letter.payload).await {
                Edited::Later(later) => later.doubtful().into_sent(),
                Edited::Yes | Edited::Lost | Edited::Shut => Sent::Yes(Some((id.clone(), card))),
            },
            Delivered::Nowhere(why) => self.unseen(&run, &why).await,
            later => later.into_sent(),
        })
    }

    /// Below a card that moved: those who have to approve it were called where nobody reads it any more. The card itself
    /// says what is needed, so this is not tried twice.
    async fn call_again(&self, queued: &Queued, run: &Run, card: &CardRef) {
        if run.op.state != State::AwaitingApproval {
            return;
        }
        let text = format!(
            "The card is here now: nothing more can be said where it was. {}",
            words::approval_needed(&run.op, &self.authority)
        );
        let content = line(&said(Level::Warning, &text, &Attachment::default()), text.clone());
        let letter = Letter {
            elsewhere: content.clone(),
            content,
            event_type: EVENT,
            payload: json!({"operation": run.op.id, "key": format!("moved-{}", card.ts)}),
            sought: json!({"operation": run.op.id, "key": format!("moved-{}", card.ts)}),
            since: queued.created.seconds() - 60,
            lost: None,
        };
        let called = self.postman().deliver_once(queued, &letter, &[Place::Thread(card.clone())]).await;
        if !matches!(called, Delivered::Posted(_) | Delivered::Found(_)) {
            tracing::warn!(operation = %run.op.id, ?called, "nobody could be called to the card that moved");
        }
    }

    fn ops(&self) -> Place {
        Place::Channel(self.ops_channel.clone())
    }

    pub(super) async fn edit(&self, queued: &Queued, card: &CardRef, content: &Content, payload: &Value) -> Edited {
        match self.postman().leads_outside(&Place::Thread(card.clone())).await {
            Ok(false) => {}
            Ok(true) => return Edited::Shut,
            Err(why) => {
                let uncertain = queued.uncertain;
                return Edited::Later(Delivered::Later { again: deliver::pause(queued), uncertain, why });
            }
        }
        let message = Outgoing {
            channel: card.channel.clone(),
            thread: None,
            content: content.clone(),
            event_type: CARD.to_owned(),
            payload: payload.clone(),
        };
        let Err(error) = self.chat.update(&card.ts, &message).await else { return Edited::Yes };
        match deliver::remedy(&error, queued) {
            Remedy::Wait | Remedy::Person => Edited::Later(deliver::later(&error, queued, false)),
            Remedy::Anew | Remedy::OutsideThread => Edited::Lost,
            Remedy::Elsewhere if error.remedy().is_none() => Edited::Lost,
            Remedy::Elsewhere => Edited::Shut,
        }
    }

    /// No place in Slack takes the card: SNS is told, once for each state, and Slack is tried again.
    async fn unseen(&self, run: &Run, why: &str) -> Sent {
        let (id, state) = (&run.op.id, run.op.state);
        metrics::counter!("bbws_notices_undeliverable_total").increment(1);
        tracing::error!(operation = %id, why, "no channel takes the card");
        let told = self.unseen.lock().unwrap_or_else(PoisonError::into_inner).get(id) == Some(&state);
        if !told {
            let mut body = words::notice_body(run);
            body["not_in_slack"] = why.into();
            let subject = format!("bbws {id}: {}, and no Slack channel takes its card", state.name());
            if self.sound(run.op.environment(), &subject, &body).await.is_ok() {
                self.unseen.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), state);
            }
        }
        Sent::No { again: PATIENCE, uncertain: false, why: why.to_owned() }
    }

    /// To SNS, for what no place in Slack takes: in the environment, or in each where it concerns all of them.
    async fn sound(&self, environment: &str, subject: &str, body: &Value) -> Result<(), CloudError> {
        let subject: String = subject.chars().filter(char::is_ascii).take(99).collect();
        for (name, env) in &self.environments {
            if environment == "*" || name == environment {
                self.alerts.publish(env, Topic::OpsWarning, &subject, &body.to_string()).await?;
            }
        }
        Ok(())
    }

    /// Below the card. Where its channel takes nothing any more, the card moves first.
    async fn thread(&self, queued: &Queued, id: &OpId, key: &str, said: Reply) -> Result<Sent, StoreError> {
        let Some((run, card)) =
            self.store.load(id).await?.and_then(|run| Some((run.op.card.clone()?, run))).map(|(c, r)| (r, c))
        else {
            return Ok(Sent::No { again: CARD_EVERY, uncertain: false, why: "its card is not posted yet".to_owned() });
        };
        let letter = Letter {
            content: line(&said, said.text.clone()),
            elsewhere: line(&said, format!("*{id}* · {}", said.text)),
            event_type: EVENT,
            payload: json!({"operation": id, "key": key}),
            sought: json!({"operation": id, "key": key}),
            since: queued.created.seconds() - 60,
            lost: None,
        };
        let room = incident::room(&run).map(|room| Place::Channel(room.to_owned()));
        let below = |card: &CardRef| {
            let own = [Place::Thread(card.clone()), Place::Channel(card.channel.clone())];
            room.clone().into_iter().chain(own).collect::<Vec<Place>>()
        };
        let why = match self.postman().deliver_once(queued, &letter, &below(&card)).await {
            Delivered::Posted(_) | Delivered::Found(_) => return Ok(Sent::Yes(None)),
            Delivered::Nowhere(why) => why,
            later => return Ok(later.into_sent()),
        };
        let mut again = card_letter(&run, self.clock.now());
        again.lost = Some(card.clone());
        let elsewhere: Vec<Place> =
            [self.ops()].into_iter().filter(|ops| *ops != Place::Channel(card.channel.clone())).collect();
        let moved = match self.postman().deliver_once(queued, &again, &elsewhere).await {
            Delivered::Posted(Some(card)) => {
                self.call_again(queued, &run, &card).await;
                card
            }
            Delivered::Found(card) => card,
            Delivered::Posted(None) | Delivered::Nowhere(_) => {
                let body = json!({"operation": id, "environment": run.op.environment(), "text": said.text, "not_in_slack": why});
                return Ok(self
                    .sounded(
                        run.op.environment(),
                        &format!("bbws {id}: no Slack channel takes what is to be told"),
                        &body,
                        queued,
                    )
                    .await);
            }
            later => return Ok(later.into_sent()),
        };
        tracing::warn!(operation = %id, from = card.channel, to = moved.channel, why, "the card moved");
        Ok(match self.postman().deliver_once(queued, &letter, &below(&moved)).await {
            Delivered::Posted(_) | Delivered::Found(_) => Sent::Yes(Some((id.clone(), moved))),
            Delivered::Nowhere(why) => Sent::No { again: deliver::pause(queued), uncertain: true, why },
            later => later.doubtful().into_sent(),
        })
    }

    /// In the environment's channel, or the ops channel where it has none or Slack does not let us in.
    async fn channel(&self, queued: &Queued, environment: &str, key: &str, said: Reply) -> Sent {
        let own = self.environments.get(environment).and_then(|e| e.channel.clone());
        let content = line(&said, said.text.clone());
        let letter = Letter {
            elsewhere: content.clone(),
            content,
            event_type: EVENT,
            payload: json!({"environment": environment, "key": key}),
            sought: json!({"environment": environment, "key": key}),
            since: queued.created.seconds() - 60,
            lost: None,
        };
        let mut places: Vec<Place> = own.map(Place::Channel).into_iter().chain([self.ops()]).collect();
        places.dedup();
        match self.postman().deliver_once(queued, &letter, &places).await {
            Delivered::Posted(_) | Delivered::Found(_) => Sent::Yes(None),
            Delivered::Nowhere(why) => {
                let body = json!({"environment": environment, "text": said.text, "not_in_slack": why});
                let subject = format!("bbws {environment}: no Slack channel takes what is to be told");
                self.sounded(environment, &subject, &body, queued).await
            }
            later => later.into_sent(),
        }
    }

    /// In a channel that somebody named, or else where those are who can do something about that.
    async fn post(&self, queued: &Queued, channel: &str, key: &str, said: Reply) -> Sent {
        let letter = Letter {
            content: line(&said, said.text.clone()),
            elsewhere: line(
                &said,
                format!("{}\n_This could not be said in <#{channel}>, where it was to go._", said.text),
            ),
            event_type: EVENT,
            payload: json!({"channel": channel, "key": key}),
            sought: json!({"channel": channel, "key": key}),
            since: queued.created.seconds() - 60,
            lost: None,
        };
        let places = [Place::Channel(channel.to_owned()), self.ops()];
        match self.postman().deliver_once(queued, &letter, &places).await {
            Delivered::Posted(_) | Delivered::Found(_) => Sent::Yes(None),
            later => later.into_sent(),
        }
    }

    async fn sounded(&self, environment: &str, subject: &str, body: &Value, queued: &Queued) -> Sent {
        metrics::counter!("bbws_notices_undeliverable_total").increment(1);
        tracing::error!(key = %queued.key, "no channel takes a notice; SNS gets it");
        match self.sound(environment, subject, body).await {
            Ok(()) => Sent::Yes(None),
            Err(error) => unpublished(&error, queued),
        }
    }

    /// To one person: where they asked, else in their own conversation with the app, else at the address Slack gave.
    async fn whisper(&self, queued: &Queued, channel: &str, user: &str, said: Reply) -> Sent {
        if user.is_empty() {
            return Sent::Yes(None);
        }
        let (channel, user) = (channel.to_owned(), user.to_owned());
        let asked_in = if channel.is_empty() || channel.starts_with('D') {
            String::new()
        } else {
            format!("\n_You asked in <#{channel}>, where this could not be shown._")
        };
        let letter = Letter {
            content: line(&said, said.text.clone()),
            elsewhere: line(&said, format!("{}{asked_in}", said.text)),
            event_type: EVENT,
            payload: json!({"whisper": queued.key}),
            sought: json!({"whisper": queued.key}),
            since: queued.created.seconds() - 60,
            lost: None,
        };
        let places = [
            Place::Whisper { channel: channel.clone(), user: user.clone() },
            Place::Direct(user.clone()),
            Place::Address { channel, user: user.clone() },
        ];
        match self.postman().deliver_once(queued, &letter, &places).await {
            Delivered::Posted(_) | Delivered::Found(_) => Sent::Yes(None),
            Delivered::Nowhere(why) => {
                tracing::error!(user, why, "nobody could be shown an answer");
                Sent::Yes(None)
            }
            // Whispers are answers to somebody who waits now: hours later nobody does.
            Delivered::Later { why, .. } if queued.attempts >= 8 => {
                tracing::error!(user, why, "a whisper was given up");
                Sent::Yes(None)
            }
            later => later.into_sent(),
        }
    }
}

/// What became of an edit.
pub(super) enum Edited {
    Yes,
    /// Not yet, or nobody knows.
    Later(Delivered),
    /// The message is gone, or too old to be edited.
    Lost,
    /// Its channel takes nothing any more, or nothing of ours.
    Shut,
}

impl Delivered {
    /// Something was posted before this, so that it has to be looked for the next time.
    pub(super) fn doubtful(self) -> Delivered {
        match self {
            Delivered::Later { again, why, .. } => Delivered::Later { again, uncertain: true, why },
            other => other,
        }
    }

    pub(super) fn into_sent(self) -> Sent {
        match self {
            Delivered::Later { again, uncertain, why } => Sent::No { again, uncertain, why },
            Delivered::Posted(_) | Delivered::Found(_) => Sent::Yes(None),
            Delivered::Nowhere(why) => Sent::No { again: PATIENCE, uncertain: false, why },
        }
    }
}

fn about(queued: &Queued) -> &str {
    match &queued.notice {
        Notice::Card { operation } | Notice::Thread { operation, .. } | Notice::File { operation, .. } => &operation.0,
        // Not before or behind the card itself: a room that cannot be written to must not hold it up.
        Notice::Mirror { .. } | Notice::Post { .. } | Notice::Canvas { .. } => &queued.key,
        Notice::Channel { environment, .. } => environment,
        Notice::Whisper { .. } | Notice::Publish { .. } | Notice::Measure { .. } => &queued.key,
    }
}

fn said(level: Level, text: &str, attachment: &Attachment) -> Reply {
    Reply { level, text: text.to_owned(), attachment: attachment.clone() }
}

fn line(said: &Reply, text: String) -> Content {
    Content::Line { level: said.level, text, attachment: Box::new(said.attachment.clone()) }
}

pub(super) fn unpublished(error: &CloudError, queued: &Queued) -> Sent {
    Sent::No { again: deliver::pause(queued), uncertain: false, why: error.to_string() }
}
