//! What goes back to Slack, and the hand-over to the inbox with its deadline.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json as value};
use tracing::Instrument;

use super::{Gate, Outcome, admit::Signed, verify::Distrust};
use crate::{
    app::inbound::{Envelope, Refusal, Via},
    ports::chat::{Attachment, Level, Reply},
};

/// An answer and what it is counted as.
pub(in crate::front) struct Answer {
    pub(in crate::front) outcome: Outcome,
    pub(in crate::front) response: Response,
}

impl Answer {
    /// 200 and nothing in it.
    pub(in crate::front) fn empty(outcome: Outcome) -> Answer {
        Answer { outcome, response: StatusCode::OK.into_response() }
    }

    /// 200 with a sentence for the person who asked.
    pub(super) fn say(gate: &Gate, outcome: Outcome, level: Level, text: impl Into<String>) -> Answer {
        Answer::reply(gate, outcome, &Reply { level, text: text.into(), attachment: Attachment::default() })
    }

    fn reply(gate: &Gate, outcome: Outcome, reply: &Reply) -> Answer {
        Answer { outcome, response: json(&(gate.render)(reply)) }
    }

    fn status(outcome: Outcome, status: StatusCode) -> Answer {
        Answer { outcome, response: status.into_response() }
    }

    /// The same outcome with a bare status, unless it is an error already.
    pub(super) fn with(self, status: StatusCode) -> Answer {
        if self.response.status().is_success() { Answer::status(self.outcome, status) } else { self }
    }
}

/// 200 with a JSON body.
pub(super) fn json(value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Most characters that are said below a field of a form.
const BELOW: usize = 500;

/// Keeps a form open that came to nothing, with the reason below one of its fields: whoever mistyped a name types it again.
fn below(field: &str, reply: &Reply) -> Answer {
    // What stands there is plain text.
    let plain = reply.text.replace(['*', '`'], "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let said: String = plain.chars().take(BELOW).collect();
    Answer {
        outcome: Outcome::Accepted,
        response: json(&value!({"response_action": "errors", "errors": {field: said}})),
    }
}

/// Hands a request to the inbox and answers with what comes of it. `field` is that of the form it came with, where it came with
/// one.
pub(super) async fn take(gate: &Arc<Gate>, signed: &Signed, envelope: Envelope, field: Option<String>) -> Answer {
    let via = envelope.via;
    let inbox = Arc::clone(&gate.inbox);
    // A task of its own: a caller who hangs up ends this future, but must not end what the person asked for.
    let work = tokio::spawn(async move { inbox.take(envelope).await }.in_current_span());
    match tokio::time::timeout(gate.answer_within, work).await {
        Ok(Ok(Ok(Some(reply)))) if via == Via::Command => Answer::reply(gate, Outcome::Accepted, &reply),
        Ok(Ok(Ok(Some(reply)))) => match (field, reply.level) {
            (Some(field), Level::Warning | Level::Error) => below(&field, &reply),
            _ => Answer::empty(Outcome::Accepted),
        },
        Ok(Ok(Ok(None))) => replayed(via),
        Ok(Ok(Err(error))) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a request was not stored");
            gate.seen.forget(&signed.id);
            unavailable(gate, via)
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "dealing with a request broke off");
            unknown(gate, via, Outcome::Unavailable, "Something went wrong inside bbws")
        }
        Err(_) => unknown(gate, via, Outcome::Late, "This takes longer than Slack waits and goes on"),
    }
}

/// Slack sends an event again until it is acknowledged; a command or click that comes twice was copied.
fn replayed(via: Via) -> Answer {
    match via {
        Via::Event => Answer::empty(Outcome::Ignored),
        Via::Command | Via::Interaction => Answer::status(Distrust::Replayed.into(), StatusCode::UNAUTHORIZED),
    }
}

fn unavailable(gate: &Gate, via: Via) -> Answer {
    match via {
        Via::Command => Answer::say(
            gate,
            Outcome::Unavailable,
            Level::Error,
            "Not accepted: the ledger of bbws cannot be written just now. Nothing was done. Try again in a minute.",
        ),
        // Slack marks the button as failed, which is the only way to tell the person; an event it sends again later.
        Via::Interaction | Via::Event => Answer::status(Outcome::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
    }
}

fn unknown(gate: &Gate, via: Via, outcome: Outcome, what: &str) -> Answer {
    match via {
        Via::Command => {
            let look =
                format!("{what}. Look with `{} op list` what came of it before you ask again.", gate.rules.command);
            Answer::say(gate, outcome, Level::Warning, look)
        }
        Via::Interaction | Via::Event => Answer::empty(outcome),
    }
}

/// Turns a person away: on the record, and with a sentence.
pub(super) async fn refuse(gate: &Arc<Gate>, refusal: Refusal, outcome: Outcome) -> Answer {
    let via = refusal.via;
    let sentence = refusal.why.clone();
    let inbox = Arc::clone(&gate.inbox);
    let work = tokio::spawn(async move { inbox.refuse(refusal).await }.in_current_span());
    match tokio::time::timeout(gate.answer_within, work).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a refusal was not written into the audit chain");
        }
        Ok(Err(error)) => tracing::error!(%error, "writing a refusal broke off"),
        Err(_) => tracing::warn!("writing a refusal takes long and goes on"),
    }
    match via {
        Via::Command => Answer::say(gate, outcome, Level::Error, sentence),
        Via::Interaction | Via::Event => Answer::empty(outcome),
    }
}
