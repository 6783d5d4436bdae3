//! What comes of a message that SNS surely sent: runs that wait for AWS are looked at at once instead of when their next
//! poll is due. A push is only ever a hint. Nothing is believed because of it, and a lost one costs time, never work.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    change::{Change, SELF},
    wake::Wake,
};
use crate::{
    domain::{
        moment::Moment,
        operation::{OpId, State},
        push::{Confirmation, Event, Source},
        step::StepState,
    },
    ports::{
        clock::Clock,
        fetch::{Fetch, FetchError},
        store::{Accepted, AuditEntry, Filter, Guard, Request, Store, StoreError},
    },
};

/// [`Request::kind`] of what SNS sends.
pub const KIND: &str = "push";
/// Runs of one environment are hastened at most this often: AWS sends an event for every job of the account, and asking
/// after each of them would use up the very requests that polling needs.
const PACE: Duration = Duration::from_secs(2);
/// Runs of one environment that are looked at; one at a time changes it, and some may be stopped.
const RUNS: u32 = 100;
/// Whoever else writes a run comes first so often before the push gives way to the next poll.
const TRIES: usize = 5;
/// Most bytes of SNS's answer to a confirmation.
const RECEIPT: usize = 64 * 1024;

/// A message whose signature, age and topic are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// SNS's id of the message, the same in every attempt to deliver it.
    pub id: String,
    /// ARN of the topic; it is one of ours.
    pub topic: String,
    /// When it arrived.
    pub at: Moment,
    /// What it says.
    pub what: What,
}

/// What SNS says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Somebody published this text.
    Notification(String),
    /// Somebody subscribed us: the address that confirms it.
    Subscribed(Confirmation),
    /// Our subscription is gone.
    Unsubscribed,
}

/// What came of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It was acted upon.
    Acted,
    /// Nothing to do: seen before, or it tells of something else.
    Nothing,
    /// Well signed, and not an event of EventBridge.
    Senseless,
    /// Well signed, and about an account or region that is not the topic's.
    Foreign,
}

/// The message could not be dealt with now and should come again.
#[derive(Debug, thiserror::Error)]
pub enum Later {
    /// It could not be stored.
    #[error("the message was not stored")]
    Store(#[from] StoreError),
    /// SNS did not take the confirmation.
    #[error("the subscription could not be confirmed")]
    Fetch(#[from] FetchError),
}

/// Takes messages in.
pub struct Push {
    /// Topics that messages may come from, by ARN.
    pub sources: BTreeMap<String, Source>,
    /// Ledger.
    pub store: Arc<dyn Store>,
    /// Reads SNS's addresses.
    pub fetch: Arc<dyn Fetch>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Nudges.
    pub wake: Arc<Wake>,
    /// When each environment's runs are, or were, last hastened to.
    pub hastened: Mutex<HashMap<String, Moment>>,
}

impl Push {
    /// Deals with a message, once.
    ///
    /// A message that was seen before is no offence, unlike a Slack request that comes twice: SNS delivers at least
    /// once, with the same id and signature every time, and tries again for an hour whatever it did not hear us accept.
    /// Were it refused, a lost answer of ours would become an hour of refusals, and SNS would count us as broken. What
    /// must not happen is that it has its effect twice, and of that the ledger takes care, across replicas and restarts.
    ///
    /// # Errors
    /// [`Later`]: nothing was done, and SNS should send it again.
    pub async fn take(&self, message: Message) -> Result<Taken, Later> {
        let Some(source) = self.sources.get(&message.topic) else { return Ok(Taken::Foreign) };
        match &message.what {
            What::Notification(text) => self.notified(&message, source, text).await,
            What::Subscribed(confirmation) => self.subscribed(&message, confirmation).await,
            What::Unsubscribed => self.unsubscribed(&message).await,
        }
    }

    async fn notified(&self, message: &Message, source: &Source, text: &str) -> Result<Taken, Later> {
        let Some(event) = Event::read(text) else {
            tracing::info!(topic = source.arn, "a message of SNS is not an event of EventBridge");
            return Ok(Taken::Senseless);
        };
        let environments = source.concerned(&event.account, &event.region);
        if environments.is_empty() {
            tracing::warn!(topic = source.arn, "an event is about another account or region than its topic's; ignored");
            return Ok(Taken::Foreign);
        }
        if !event.tells_of_a_job() {
            tracing::debug!(source = event.source, what = event.detail_type, "an event that nothing waits for");
            return Ok(Taken::Nothing);
        }
        let told =
            json!({"topic": source.arn, "source": event.source, "event": event.detail_type, "region": event.region});
        if self.accept(message, told, None).await? == Accepted::Replay {
            return Ok(Taken::Nothing);
        }
        for environment in environments {
            if let Err(error) = self.hasten(environment).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(environment, error, "runs could not be hastened; they are polled when their time comes");
            }
            self.wake.watcher(environment).notify_one();
        }
        self.wake.engine.notify_one();
        Ok(Taken::Acted)
    }

    /// Confirming twice is confirming once, so it is noted after it is done: one that failed may be tried again.
    async fn subscribed(&self, message: &Message, confirmation: &Confirmation) -> Result<Taken, Later> {
        match self.fetch.get(confirmation.url(), RECEIPT).await {
            Ok(_) => {}
            Err(error) if error.passes() => return Err(error.into()),
            Err(error) => {
                tracing::warn!(topic = message.topic, %error, "SNS refuses to confirm a subscription; subscribe again");
                return Ok(Taken::Nothing);
            }
        }
        tracing::info!(topic = message.topic, "the subscription to a topic of AWS's events is confirmed");
        self.accept(message, json!({"topic": message.topic}), Some("subscribed")).await?;
        Ok(Taken::Acted)
    }

    async fn unsubscribed(&self, message: &Message) -> Result<Taken, Later> {
        tracing::warn!(
            topic = message.topic,
            "the subscription to a topic of AWS's events was removed; AWS is polled. Subscribe again if that was not meant"
        );
        self.accept(message, json!({"topic": message.topic}), Some("unsubscribed")).await?;
        Ok(Taken::Acted)
    }

    /// Notes the message as dealt with, so that neither a repetition nor the search for unanswered requests takes it up.
    async fn accept(&self, message: &Message, told: Value, audited: Option<&str>) -> Result<Accepted, StoreError> {
        let request = Request {
            id: hex::encode(Sha256::digest(format!("sns:{}", message.id))),
            kind: KIND.to_owned(),
            user: String::new(),
            team: String::new(),
            channel: String::new(),
            body: told.clone(),
            at: message.at,
        };
        let entry = |action: &str| AuditEntry {
            at: message.at,
            actor: SELF.to_owned(),
            action: action.to_owned(),
            operation: None,
            detail: told,
        };
        let audit = audited.map(entry).into_iter().collect();
        self.store.accept(request, Some("taken".to_owned()), audit).await
    }

    /// Makes the environment's runs due that wait for AWS, now or as soon as [`PACE`] allows.
    async fn hasten(&self, environment: &str) -> Result<(), StoreError> {
        let at = self.turn(environment);
        let states = vec![State::Running, State::Paused, State::Stopped];
        let filter = Filter { environment: Some(environment.to_owned()), states, limit: RUNS };
        for op in self.store.list(&filter).await? {
            self.hasten_run(&op.id, at).await?;
        }
        Ok(())
    }

    /// When the environment is asked after next. Pushes that come before that moment share it.
    fn turn(&self, environment: &str) -> Moment {
        let now = self.clock.now();
        let mut hastened = self.hastened.lock().unwrap_or_else(PoisonError::into_inner);
        let last = hastened.entry(environment.to_owned()).or_insert(now - PACE);
        *last = match *last {
            // The clock was set back.
            far if far > now + PACE => now,
            planned if planned > now => planned,
            past => now.max(past + PACE),
        };
        *last
    }

    /// An ordinary versioned write, as if by a person: a runner that holds the run meanwhile loads it again, and nothing
    /// is written when nothing would be earlier. An answer of AWS that is on its way at this moment may be older than
    /// the push; then the next poll sees what the push was about.
    async fn hasten_run(&self, id: &OpId, at: Moment) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let Some(run) = self.store.load(id).await? else { return Ok(()) };
            let mut change = Change::on(&run, self.clock.now());
            let waiting = |s: &&crate::domain::step::Step| s.state == StepState::Polling && s.wake_at > at;
            let late: Vec<usize> = run.steps.iter().filter(waiting).map(|s| s.index).collect();
            if late.is_empty() {
                return Ok(());
            }
            late.into_iter().for_each(|index| change.touch(index).wake_at = at);
            change.op().wake_at = run.op.wake_at.min(at);
            let (_, commit) = change.commit(Guard::Version(run.version));
            match self.store.commit(commit).await {
                Err(StoreError::Conflict) => {}
                other => return other,
            }
        }
        tracing::debug!(operation = %id, "the run is written by others all the time; its next poll sees what happened");
        Ok(())
    }
}
