//! What Slack refuses, and the shapes it sends beside the documented ones.

use axum::http::StatusCode;
use bbws::adapters::sandbox::workspace::{Press, Quirks};
use serde_json::{Value, json};

use super::Desk;
use super::limits::{plain, section};

async fn code(desk: &Desk, method: &str, args: Value) -> String {
    let answer = desk.call(method, args).await;
    if answer["ok"] == true { "ok".to_owned() } else { answer["error"].as_str().unwrap().to_owned() }
}

/// What posting, replying, editing, whispering and reading come to in #ops.
async fn acts(desk: &Desk, ts: &str) -> [String; 5] {
    let here = |more: Value| {
        let mut all = json!({"channel": "C0OPS", "text": "x"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    [
        code(desk, "chat.postMessage", here(json!({}))).await,
        code(desk, "chat.postMessage", here(json!({"thread_ts": ts}))).await,
        code(desk, "chat.update", here(json!({"ts": ts}))).await,
        code(desk, "chat.postEphemeral", here(json!({"user": "U0ALICE"}))).await,
        code(desk, "conversations.history", json!({"channel": "C0OPS"})).await,
    ]
}

#[tokio::test]
async fn a_channel_says_why_it_takes_nothing() {
    let desk = Desk::new();
    let ts = desk.post(json!({"text": "card"})).await;
    let (ok, not_in) = ("ok", "not_in_channel");
    assert_eq!(acts(&desk, &ts).await, [ok; 5]);
    desk.workspace.edit_channel("C0OPS", |c| c.has_bot = false);
    assert_eq!(
        acts(&desk, &ts).await,
        [ok, not_in, not_in, not_in, not_in],
        "chat:write.public lets it post, and no more"
    );
    desk.workspace.edit_channel("C0OPS", |c| c.is_private = true);
    assert_eq!(acts(&desk, &ts).await, ["channel_not_found"; 5]);
    desk.workspace.edit_channel("C0OPS", |c| (c.has_bot, c.is_private, c.is_archived) = (true, false, true));
    let archived = "is_archived";
    assert_eq!(acts(&desk, &ts).await, [archived, archived, archived, archived, ok]);
    desk.workspace.edit_channel("C0OPS", |c| (c.is_archived, c.is_frozen) = (false, true));
    assert_eq!(acts(&desk, &ts).await[2], "is_inactive");
    desk.workspace.edit_channel("C0OPS", |c| c.is_frozen = false);
    for (restriction, refused) in [
        ("restricted_action_read_only_channel", [true, true, false, true]),
        ("restricted_action_thread_only_channel", [true, false, false, false]),
        ("restricted_action_non_threadable_channel", [false, true, false, false]),
        ("restricted_action_thread_locked", [false, true, false, false]),
    ] {
        desk.workspace.edit_channel("C0OPS", |c| c.restriction = Some(restriction.into()));
        let wanted = refused.map(|refused| if refused { restriction } else { ok });
        assert_eq!(acts(&desk, &ts).await[..4], wanted, "{restriction}");
    }
}

#[tokio::test]
async fn text_alone_takes_the_blocks_away_and_edits_have_their_time() {
    let desk = Desk::new();
    let ts = desk.post(json!({"text": "card", "blocks": [section("card")]})).await;
    let edit = |more: Value| {
        let mut all = json!({"channel": "C0OPS", "ts": ts});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    desk.call("chat.update", edit(json!({"blocks": [section("other")]}))).await;
    assert_eq!(desk.workspace.message("C0OPS", &ts).unwrap().text, "card");
    desk.call("chat.update", edit(json!({"text": "plain"}))).await;
    let card = desk.workspace.message("C0OPS", &ts).unwrap();
    assert_eq!((card.text.as_str(), card.blocks.len()), ("plain", 0));
    desk.workspace.set_edit_window(Some(60_000));
    desk.pass(61_000);
    assert_eq!(code(&desk, "chat.update", edit(json!({"text": "late"}))).await, "edit_window_closed");
}

fn payload(body: &str) -> Value {
    let fields: Vec<(String, String)> = serde_urlencoded::from_str(body).unwrap();
    serde_json::from_str(&fields[0].1).unwrap()
}

#[tokio::test]
async fn payloads_come_in_the_shapes_slack_is_known_to_send() {
    let desk = Desk::new();
    let button = json!({"type": "button", "action_id": "go", "text": plain("Go"), "value": "v"});
    let ts = desk.post(json!({"text": "t", "blocks": [{"type": "actions", "elements": [button]}]})).await;
    let press = desk.workspace.message("C0OPS", &ts).unwrap().press("Go").unwrap();
    let usual = payload(&desk.workspace.press_form("U0BOB", &press).unwrap().body);
    assert!(usual["state"]["values"].is_object() && usual["team"].is_object() && usual["message"]["ts"].is_string());
    desk.workspace.set_quirks(Quirks { empty_lists: true, null_team: true, numeric_ts: true });
    let odd = payload(&desk.workspace.press_form("U0BOB", &press).unwrap().body);
    assert_eq!((&odd["state"]["values"], &odd["team"]), (&json!([]), &Value::Null));
    assert!(odd["message"]["ts"].is_number() && odd["container"]["message_ts"].is_number());
    let filled = Press { state: json!({"b": {"a": {"type": "plain_text_input", "value": "x"}}}), ..press };
    let odd = payload(&desk.workspace.press_form("U0BOB", &filled).unwrap().body);
    assert_eq!(odd["state"]["values"], filled.state, "what is filled in is never a list");
}

#[tokio::test]
async fn a_click_at_home_has_a_view_and_no_channel() {
    let desk = Desk::new();
    let button = json!({"type": "actions", "elements": [{"type": "button", "action_id": "bbws.ask", "text": plain("List"), "value": "op list"}]});
    let home = json!({"type": "home", "blocks": [button]});
    let shown = desk.call("views.publish", json!({"user_id": "U0BOB", "view": home})).await;
    assert_eq!(shown["ok"], true, "{shown}");
    let id = desk.workspace.home("U0BOB").unwrap()["id"].as_str().unwrap().to_owned();
    let press = Press { action_id: "bbws.ask".into(), value: Some("op list".into()), ..Press::default() };
    let clicked = payload(&desk.workspace.press_in_view_form("U0BOB", &id, &press).unwrap().body);
    assert_eq!((&clicked["container"]["type"], &clicked["view"]["type"]), (&json!("view"), &json!("home")));
    assert!(clicked.get("channel").is_none() && clicked.get("message").is_none());
    assert_eq!(desk.raw("views.publish", &json!({})).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_was_not_granted_is_refused_by_name() {
    let desk = Desk::new();
    let ts = desk.post(json!({"text": "card"})).await;
    desk.workspace.grant(&bbws::manifest::SCOPES);
    assert_eq!(acts(&desk, &ts).await, ["ok"; 5], "what the product does is in its manifest");
    desk.workspace.edit_channel("C0OPS", |c| c.is_private = true);
    assert_eq!(acts(&desk, &ts).await, ["ok"; 5], "in private channels as well");
    let refused = desk.call("users.lookupByEmail", json!({"email": "alice@bbws.example"})).await;
    assert_eq!((&refused["error"], &refused["needed"]), (&json!("missing_scope"), &json!("users:read.email")));
    assert!(refused["provided"].as_str().unwrap().contains("chat:write"), "{refused}");
    let granted: Vec<&str> = bbws::manifest::SCOPES.into_iter().filter(|scope| *scope != "groups:history").collect();
    desk.workspace.grant(&granted);
    let refused = desk.call("conversations.history", json!({"channel": "C0OPS"})).await;
    assert_eq!(refused["needed"], "groups:history", "the channel is private");
}

#[tokio::test]
async fn markdown_is_said_alone() {
    let desk = Desk::new();
    for more in [json!({"text": "x"}), json!({"blocks": [section("x")]})] {
        let mut all = json!({"channel": "C0OPS", "markdown_text": "**x**"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(code(&desk, "chat.postMessage", all).await, "markdown_text_conflict");
    }
    assert_eq!(code(&desk, "chat.postMessage", json!({"channel": "C0OPS", "markdown_text": "**x**"})).await, "ok");
}
