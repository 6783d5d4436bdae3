//! The card of an operation as a letter: what it shows, and the metadata by which it is found again.

use serde_json::{Value, json};

use super::deliver::Letter;
use crate::{
    domain::{
        moment::Moment,
        operation::{Run, State},
    },
    ports::chat::{CardView, Content},
};

/// Metadata of cards.
pub(super) const CARD: &str = "bbws_operation";

/// The card as it is at this moment.
pub(super) fn card_letter(run: &Run, now: Moment) -> Letter {
    let content = Content::Card(Box::new(CardView { run: run.clone(), now }));
    Letter {
        elsewhere: content.clone(),
        content,
        event_type: CARD,
        payload: card_payload(run),
        sought: json!({"operation": run.op.id}),
        since: run.op.created.seconds() - 60,
        lost: None,
    }
}

/// The metadata payload of a card.
pub fn card_payload(run: &Run) -> Value {
    let op = &run.op;
    let mut payload =
        json!({"operation": op.id, "kind": op.kind(), "environment": op.environment(), "state": op.state.name()});
    if op.state == State::Succeeded && !run.issues().is_empty() {
        payload["issues"] = Value::Bool(true);
    }
    payload
}
