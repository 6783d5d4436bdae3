//! `POST /aws/sns`: AWS tells of its jobs by EventBridge and SNS. Whatever is unsigned, badly signed, stale or from a
//! topic that is not ours gets a 401 that says nothing; what is genuine is handed to [`Push`].
//!
//! A genuine message that comes again is answered with 200, see [`Push::take`]: the 401 for what was seen before is for
//! copies of signed Slack requests, which Slack never sends twice.

mod certificate;
mod envelope;

use std::{sync::Arc, time::Duration};

use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode},
};
use tracing::Instrument;

use self::{
    certificate::{Certificates, Unverified},
    envelope::{Envelope, Kind},
};
use super::{
    Desk,
    admit::{self, Rejected, single},
    meters::Outcome,
    verify::{Distrust, WINDOW},
};
use crate::{
    app::push::{Message, Push, Taken, What},
    domain::{moment::Moment, push::Source},
};

/// How old a message may be, in seconds: SNS tries to deliver for an hour at most and keeps the time at which the
/// message was published; the rest is for clocks that differ.
const OLDEST: u64 = 3600 + WINDOW;
/// How long storing and acting may take; SNS waits for 15 s.
const WITHIN: Duration = Duration::from_secs(8);

/// The endpoint's own part of what handlers share.
pub(super) struct Gate {
    push: Arc<Push>,
    certificates: Certificates,
}

impl Gate {
    pub(super) fn new(push: Arc<Push>) -> Gate {
        let certificates = Certificates::new(push.fetch.clone());
        Gate { push, certificates }
    }
}

/// Deals with a request. `Err`: it is turned away.
pub(super) async fn deal(desk: &Desk, request: Request) -> Result<Outcome, Rejected> {
    let (head, body) = admit::receive(request).await?;
    let Some(gate) = &desk.push else { return Err(Distrust::Unsigned.into()) };
    let at = desk.clock.now();
    let source = expected(&head.headers, &body, gate)?;
    let envelope = Envelope::read(&body).ok_or(Distrust::Malformed)?;
    agrees(&envelope, &head.headers, source)?;
    fresh(&envelope, at)?;
    if let Err(doubt) = gate.certificates.verify(&envelope, source, at).await {
        return Err(match doubt {
            Unverified::Forged => Distrust::Forged.into(),
            Unverified::Unknown => unavailable(),
        });
    }
    let message = believed(envelope, source, at)?;
    tracing::debug!(topic = source.arn, message = message.id, "a message of SNS");
    let push = Arc::clone(&gate.push);
    // A task of its own: a sender who hangs up must not end it half-way.
    let work = tokio::spawn(async move { push.take(message).await }.in_current_span());
    match tokio::time::timeout(WITHIN, work).await {
        Ok(Ok(Ok(taken))) => Ok(outcome(taken)),
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
fn expected<'g>(headers: &HeaderMap, body: &[u8], gate: &'g Gate) -> Result<&'g Source, Distrust> {
    if headers.contains_key("x-amz-sns-rawdelivery") || body.first() != Some(&b'{') {
        return Err(Distrust::Unsigned);
    }
    let kind = single(headers, "x-amz-sns-message-type")?.ok_or(Distrust::Unsigned)?;
    Kind::named(kind).ok_or(Distrust::Malformed)?;
    let topic = single(headers, "x-amz-sns-topic-arn")?.ok_or(Distrust::Unsigned)?;
    gate.push.sources.get(topic).ok_or(Distrust::Forged)
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
