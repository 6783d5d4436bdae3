//! One signed request of Slack's, from its bytes to its answer: what it says is read by `payload`, the rest is HTTP.

use std::sync::Arc;

use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode, header},
};
use serde_json::json;

use super::{
    Endpoint, Gate, Outcome, Rejected, Signed,
    admit::{self, Admitted},
    answer::{self, Answer},
};
use crate::{
    app::inbound::{Refusal, Via},
    front::payload::{self, Asked, Payload, Senseless},
    ports::chat::Level,
};

/// Deals with one request.
pub(super) async fn deal(endpoint: Endpoint, gate: &Arc<Gate>, request: Request) -> Result<Answer, Rejected> {
    let signed = match admit::admit(gate, endpoint, request).await? {
        Admitted::Signed(signed) => signed,
        // Slack looks at our certificate before it has a secret to sign with.
        Admitted::CertificateCheck => return Ok(Answer::empty(Outcome::Ignored)),
    };
    let form = is_form(&signed.headers);
    let payload = match endpoint {
        Endpoint::Commands if form => payload::command(&signed.body),
        Endpoint::Interactions if form => payload::interaction_form(&signed.body),
        Endpoint::Commands => Payload::senseless(Via::Command, "it is not a form as Slack sends it"),
        Endpoint::Interactions => Payload::senseless(Via::Interaction, "it is not a form with a payload"),
        Endpoint::Events | Endpoint::Sns => payload::event(&signed.body),
    };
    Ok(match payload {
        Payload::Nothing(why) => {
            tracing::debug!(why, "left alone");
            Answer::empty(Outcome::Ignored)
        }
        Payload::Challenge(challenge) => {
            Answer { outcome: Outcome::Ignored, response: answer::json(&json!({ "challenge": challenge })) }
        }
        Payload::Senseless(senseless) => unreadable(gate, &signed, *senseless).await,
        Payload::Asks(asked) => asks(gate, &signed, *asked).await,
    })
}

async fn asks(gate: &Arc<Gate>, signed: &Signed, mut asked: Asked) -> Answer {
    // Slack names events; everything else is known by its signature.
    let id = asked.event.clone().unwrap_or_else(|| signed.id.text());
    if let Some(address) = &asked.answer_to {
        gate.inbox.reachable(&asked.user, &asked.channel, address.clone());
    }
    if let Some(trigger) = &asked.trigger {
        gate.inbox.triggered(&id, trigger.clone());
    }
    let field = asked.field.take();
    match gate.rules.judge(asked, id, signed.at) {
        Ok(envelope) => answer::take(gate, signed, envelope, field).await,
        Err(refusal) => answer::refuse(gate, refusal, Outcome::Refused).await,
    }
}

/// What cannot be read is put on the record, and the person sees that it failed: Slack marks a button whose request is
/// not answered with 200. Only a command has a place for a sentence.
async fn unreadable(gate: &Arc<Gate>, signed: &Signed, senseless: Senseless) -> Answer {
    let Senseless { via, user, team, channel, why } = senseless;
    tracing::warn!(via = via.kind(), why, "a signed request makes no sense; nothing was done");
    let why = match via {
        Via::Command => format!(
            "This command cannot be read: {why}. Nothing was done. Type `{} help` to see what can be asked.",
            gate.rules.command
        ),
        Via::Interaction => {
            format!(
                "This click cannot be read: {why}. Nothing was done. Type the command instead, or look at the card again."
            )
        }
        Via::Event => format!("This message cannot be read: {why}. Nothing was done."),
    };
    let refusal = Refusal { id: signed.id.text(), via, user, team, channel, at: signed.at, why: why.clone() };
    let answer = answer::refuse(gate, refusal, Outcome::Malformed).await;
    match via {
        Via::Command => Answer::say(gate, Outcome::Malformed, Level::Error, why),
        Via::Interaction | Via::Event => answer.with(StatusCode::BAD_REQUEST),
    }
}

/// Whether the body is a form, as far as its sender says anything about it.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_none_or(|value| {
        let essence = value.as_bytes().split(|b| *b == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
    })
}
