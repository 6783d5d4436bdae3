//! `POST /aws/sns`: AWS tells of its jobs by EventBridge and SNS. Whatever is unsigned, badly signed, stale or from a
//! topic that is not ours gets a 401 that says nothing; what is genuine is handed to [`Push`].
//!
//! A genuine message that comes again is answered with 200, see [`Push::take`]: the 401 for what was seen before is for
//! copies of signed Slack requests, which Slack never sends twice.

mod certificate;
mod envelope;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use tracing::Instrument;

use self::{
    certificate::{Certificates, Unverified},
    envelope::{Envelope, Kind},
};
use super::http::{Answer, Distrust, Endpoint, Gate, Outcome, Rejected, WINDOW, receive, single};
use crate::{
    app::push::{Message, Push, Taken, What},
    domain::{moment::Moment, push::Source},
};

/// How old a message may be, in seconds: SNS tries to deliver for an hour at most and keeps the time at which the
/// message was published; the rest is for clocks that differ.
const OLDEST: u64 = 3600 + WINDOW;
/// How long storing and acting may take; SNS waits for 15 s.
const WITHIN: Duration = Duration::from_secs(8);

/// What handlers share.
struct Door {
    gate: Arc<Gate>,
    topics: Option<Topics>,
}

/// Whose messages are believed, and who takes them.
struct Topics {
    push: Arc<Push>,
    certificates: Certificates,
}

/// The endpoint. Nobody is believed without `push`.
pub(super) fn routes(gate: Arc<Gate>, push: Option<Arc<Push>>) -> Router {
    let topics = push.map(|push| Topics { certificates: Certificates::new(push.fetch.clone()), push });
    let taken = |State(door): State<Arc<Door>>, request: Request| async move {
        door.gate.watched(Endpoint::Sns, deal(&door, request)).await
    };
    Router::new().route("/aws/sns", post(taken)).with_state(Arc::new(Door { gate, topics }))
}

/// Deals with a request. `Err`: it is turned away.
async fn deal(door: &Door, request: Request) -> Result<Answer, Rejected> {
    let (head, body) = receive(request).await?;
    let Some(topics) = &door.topics else { return Err(Distrust::Unsigned.into()) };
    let at = door.gate.clock.now();
    let source = expected(&head.headers, &body, topics)?;
    let envelope = Envelope::read(&body).ok_or(Distrust::Malformed)?;
    agrees(&envelope, &head.headers, source)?;
    fresh(&envelope, at)?;
    if let Err(doubt) = topics.certificates.verify(&envelope, source, at).await {
        return Err(match doubt {
            Unverified::Forged => Distrust::Forged.into(),
            Unverified::Unknown => unavailable(),
        });
    }
    let message = believed(envelope, source, at)?;
    tracing::debug!(topic = source.arn, message = message.id, "a message of SNS");
    let push = Arc::clone(&topics.push);
    // A task of its own: a sender who hangs up must not end it half-way.
    let work = tokio::spawn(async move { push.take(message).await }.in_current_span());
    match tokio::time::timeout(WITHIN, work).await {
        Ok(Ok(Ok(taken))) => Ok(Answer::empty(outcome(taken))),
        Ok(Ok(Err(error))) => {
            tracing::error!(error = &error as &dyn std::error::Error, "SNS is asked to send a message again");
            Err(unavailable())
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "dealing with a message of SNS broke off");
            Err(unavailable())
        }
        Err(_) => Err(unavailable()),
    }
}

fn outcome(taken: Taken) -> Outcome {
    match taken {
        Taken::Acted => Outcome::Accepted,
        Taken::Nothing => Outcome::Ignored,
        Taken::Senseless => Outcome::Malformed,
        Taken::Foreign => Outcome::Refused,
    }
}

/// SNS sends again what is answered so.
fn unavailable() -> Rejected {
    Rejected::new(Outcome::Unavailable, StatusCode::SERVICE_UNAVAILABLE)
}

/// The topic the request says it is from. What costs nothing to see is seen before anything is parsed: the headers that
/// SNS always sends. Raw delivery leaves the signature out.
fn expected<'g>(headers: &HeaderMap, body: &[u8], topics: &'g Topics) -> Result<&'g Source, Distrust> {
    if headers.contains_key("x-amz-sns-rawdelivery") || body.first() != Some(&b'{') {
        return Err(Distrust::Unsigned);
    }
    let kind = single(headers, "x-amz-sns-message-type")?.ok_or(Distrust::Unsigned)?;
    Kind::named(kind).ok_or(Distrust::Malformed)?;
    let topic = single(headers, "x-amz-sns-topic-arn")?.ok_or(Distrust::Unsigned)?;
    topics.push.sources.get(topic).ok_or(Distrust::Forged)
}

/// The headers are not signed, so nothing may depend on them that the signed message does not say as well.
fn agrees(envelope: &Envelope<'_>, headers: &HeaderMap, source: &Source) -> Result<(), Distrust> {
    let kind = single(headers, "x-amz-sns-message-type")?;
    let same = kind == Some(envelope.kind.name()) && envelope.topic_arn == source.arn;
    if same { Ok(()) } else { Err(Distrust::Forged) }
}

fn fresh(envelope: &Envelope<'_>, now: Moment) -> Result<(), Distrust> {
    let sent: jiff::Timestamp = envelope.timestamp.parse().map_err(|_| Distrust::Malformed)?;
    let sent = Moment(sent.as_millisecond());
    let stale = now.since(sent) > Duration::from_secs(OLDEST) || sent.since(now) > Duration::from_secs(WINDOW);
    if stale { Err(Distrust::Stale) } else { Ok(()) }
}

/// The message, now that its signature is known to be right.
fn believed(envelope: Envelope<'_>, source: &Source, at: Moment) -> Result<Message, Distrust> {
    let what = match envelope.kind {
        Kind::Notification => What::Notification(envelope.message.into_owned()),
        Kind::Unsubscribed => What::Unsubscribed,
        Kind::Subscribed => {
            let url = envelope.subscribe_url.as_deref().unwrap_or_default();
            let token = envelope.token.as_deref().unwrap_or_default();
            let query = url.split_once('?').map_or("", |(_, query)| query);
            let parameters: Vec<(String, String)> =
                serde_urlencoded::from_str(query).map_err(|_| Distrust::Malformed)?;
            What::Subscribed(source.confirmation(url, token, &parameters).ok_or(Distrust::Forged)?)
        }
    };
    Ok(Message { id: envelope.message_id.into_owned(), topic: source.arn.clone(), at, what })
}
