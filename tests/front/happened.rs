//! What happens to messages: only what may concern a timeline is taken, and what Slack sends of everything else is left alone.

use axum::http::StatusCode;
use bbws::app::inbound::Inbound;
use serde_json::{Value, json};

use crate::front::support::*;

/// What is taken in of this event.
async fn taken(event: Value, shared: bool) -> Option<(String, String, Inbound)> {
    let bench = Bench::new();
    let mut body = mention();
    body["event"] = event;
    body["is_ext_shared_channel"] = json!(shared);
    assert!(bench.event(&body).await.is_bare(StatusCode::OK));
    bench.taken().pop().map(|envelope| (envelope.user, envelope.channel, envelope.what))
}

fn reaction() -> Value {
    json!({
        "type": "reaction_added", "user": "U0BOB", "reaction": "memo", "item_user": "U0DAVE", "event_ts": "1800000000.000300",
        "item": {"type": "message", "channel": "C0ROOM", "ts": "1800000000.000200"},
    })
}

fn message(text: &str) -> Value {
    json!({"type": "message", "user": "U0DAVE", "text": text, "ts": "1800000000.000200"})
}

fn changed(before: &str, now: &str) -> Value {
    let mut edited = message(now);
    edited["edited"] = json!({"user": "U0DAVE", "ts": "1800000000.000000"});
    json!({
        "type": "message", "subtype": "message_changed", "hidden": true, "channel": "C0ROOM", "ts": "1800000000.000400",
        "message": edited, "previous_message": message(before),
    })
}

#[tokio::test]
async fn an_emoji_an_edit_and_a_deletion_are_taken() {
    let ts = "1800000000.000200".to_owned();
    let what = Inbound::Reacted { emoji: "memo".to_owned(), ts: ts.clone() };
    assert_eq!(taken(reaction(), false).await, Some(("U0BOB".to_owned(), "C0ROOM".to_owned(), what)));
    let what = Inbound::Amended { ts: ts.clone(), text: Some("b".to_owned()) };
    assert_eq!(taken(changed("a", "b"), false).await, Some(("U0DAVE".to_owned(), "C0ROOM".to_owned(), what)));
    let deleted = json!({
        "type": "message", "subtype": "message_deleted", "hidden": true, "channel": "C0ROOM", "deleted_ts": ts,
        "previous_message": message("a"),
    });
    let what = Inbound::Amended { ts, text: None };
    assert_eq!(taken(deleted, false).await, Some(("U0DAVE".to_owned(), "C0ROOM".to_owned(), what)));
}

#[tokio::test]
async fn everything_else_that_slack_tells_of_messages_is_left_alone() {
    let mut file = reaction();
    file["item"] = json!({"type": "file", "file": "F1"});
    let mut bots = changed("a", "b");
    bots["message"]["bot_id"] = json!("B0BBWS");
    let mut nameless = changed("a", "b");
    nameless["message"]["edited"] = Value::Null;
    nameless["message"]["user"] = Value::Null;
    let mut typed = message("hello");
    typed["channel"] = json!("C0ROOM");
    let mut joined = typed.clone();
    joined["subtype"] = json!("channel_join");
    let mut odd = reaction();
    odd["item"]["ts"] = json!([]);
    for (event, shared) in [
        (file, false),
        (bots, false),
        (nameless, false),
        (typed, false),
        (joined, false),
        (odd, false),
        (changed("a", "a"), false),
        (json!({"type": "message", "subtype": "message_changed"}), false),
        (json!({"type": "message", "subtype": "message_deleted"}), false),
        (json!({"type": "reaction_added"}), false),
        (reaction(), true),
        (changed("a", "b"), true),
    ] {
        assert_eq!(taken(event.clone(), shared).await, None, "{event}");
    }
}

#[tokio::test]
async fn who_opens_home_is_taken_and_who_reads_messages_there_is_not() {
    let opened = |tab: &str| json!({"type": "app_home_opened", "user": "U0BOB", "channel": "D0BOB", "tab": tab, "event_ts": "1800000000.000300"});
    let home = Some(("U0BOB".to_owned(), String::new(), Inbound::OpenedHome));
    assert_eq!(taken(opened("home"), false).await, home);
    assert_eq!(taken(opened("messages"), false).await, None);
    assert_eq!(taken(json!({"type": "app_home_opened", "tab": "home"}), false).await, None, "nobody is named");
}
