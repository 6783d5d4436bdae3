//! What goes back to Slack, and the hand-over to the inbox with its deadline.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use tracing::Instrument;

use super::{Desk, admit::Signed, meters::Outcome, verify::Distrust};
use crate::{
    app::inbound::{Envelope, Refusal, Via},
    ports::chat::{Exhibit, Level, Reply},
};

/// Longest command, value or reason that is looked at, in bytes; Slack's own fields are shorter.
pub(super) const MAX_TEXT: usize = 12_000;

/// An answer and what it is counted as.
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    pub(super) response: Response,
}

impl Answer {
    /// 200 and nothing in it.
    pub(super) fn empty(outcome: Outcome) -> Answer {
        Answer { outcome, response: StatusCode::OK.into_response() }
    }

    /// 200 with a sentence for the person who asked.
    pub(super) fn say(desk: &Desk, outcome: Outcome, level: Level, text: impl Into<String>) -> Answer {
        Answer::reply(desk, outcome, &Reply { level, text: text.into(), exhibit: Exhibit::default() })
    }

    fn reply(desk: &Desk, outcome: Outcome, reply: &Reply) -> Answer {
        Answer { outcome, response: json(&(desk.render)(reply)) }
    }

    fn status(outcome: Outcome, status: StatusCode) -> Answer {
        Answer { outcome, response: status.into_response() }
    }
}

/// 200 with a JSON body.
pub(super) fn json(value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// What is left of an id or name from outside once it is safe to show inside a code span.
pub(super) fn shown(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-/".contains(c);
    let safe: String = text.chars().take(40).map(|c| if plain(c) { c } else { '?' }).collect();
    if safe.is_empty() { "(none)".to_owned() } else { safe }
}

/// A text a person typed, fit for storing: PostgreSQL keeps no NUL.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', " ")
}

/// Hands a request to the inbox and answers with what comes of it.
pub(super) async fn take(desk: &Arc<Desk>, signed: &Signed, envelope: Envelope) -> Answer {
    let via = envelope.via;
    let inbox = Arc::clone(&desk.inbox);
    // A task of its own: a caller who hangs up ends this future, but must not end what the person asked for.
    let work = tokio::spawn(async move { inbox.take(envelope).await }.in_current_span());
    match tokio::time::timeout(desk.answer_within, work).await {
        Ok(Ok(Ok(Some(reply)))) if via == Via::Command => Answer::reply(desk, Outcome::Accepted, &reply),
        Ok(Ok(Ok(Some(_)))) => Answer::empty(Outcome::Accepted),
        Ok(Ok(Ok(None))) => replayed(via),
        Ok(Ok(Err(error))) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a request was not stored");
            desk.seen.forget(&signed.id);
            unavailable(desk, via)
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "dealing with a request broke off");
            unknown(desk, via, Outcome::Unavailable, "Something went wrong inside bbws")
        }
        Err(_) => unknown(desk, via, Outcome::Late, "This takes longer than Slack waits and goes on"),
    }
}

/// Slack sends an event again until it is acknowledged; a command or click that comes twice was copied.
fn replayed(via: Via) -> Answer {
    match via {
        Via::Event => Answer::empty(Outcome::Ignored),
        Via::Command | Via::Interaction => Answer::status(Distrust::Replayed.into(), StatusCode::UNAUTHORIZED),
    }
}

fn unavailable(desk: &Desk, via: Via) -> Answer {
    match via {
        Via::Command => Answer::say(
            desk,
            Outcome::Unavailable,
            Level::Error,
            "Not accepted: the ledger of bbws cannot be written just now. Nothing was done. Try again in a minute.",
        ),
        // Slack marks the button as failed, which is the only way to tell the person; an event it sends again later.
        Via::Interaction | Via::Event => Answer::status(Outcome::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
    }
}

fn unknown(desk: &Desk, via: Via, outcome: Outcome, what: &str) -> Answer {
    match via {
        Via::Command => {
            let look = format!("{what}. Look with `{} op list` what came of it before you ask again.", desk.command);
            Answer::say(desk, outcome, Level::Warning, look)
        }
        Via::Interaction | Via::Event => Answer::empty(outcome),
    }
}

/// Turns a person away: on the record, and with a sentence.
pub(super) async fn refuse(desk: &Arc<Desk>, refusal: Refusal) -> Answer {
    let via = refusal.via;
    let sentence = refusal.why.clone();
    let inbox = Arc::clone(&desk.inbox);
    let work = tokio::spawn(async move { inbox.refuse(refusal).await }.in_current_span());
    match tokio::time::timeout(desk.answer_within, work).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a refusal was not written into the audit chain");
        }
        Ok(Err(error)) => tracing::error!(%error, "writing a refusal broke off"),
        Err(_) => tracing::warn!("writing a refusal takes long and goes on"),
    }
    match via {
        Via::Command => Answer::say(desk, Outcome::Refused, Level::Error, sentence),
        Via::Interaction | Via::Event => Answer::empty(Outcome::Refused),
    }
}
