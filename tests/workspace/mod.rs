//! The local Slack workspace keeps Slack's rules: limits, ids, triggers, signatures, and the faults it is asked for.

#![allow(clippy::unwrap_used)]

mod chat;
mod limits;
mod methods;
mod rooms;
mod strict;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use bbws::adapters::sandbox::workspace::{ClockFn, Fault, Reply, Workspace};
use bbws::app::inbound::Inbound;
use bbws::front::payload::{self, Payload};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sha2::Sha256;
use tower::ServiceExt;

use limits::{actions, button, plain, section};

const START_MS: i64 = 1_795_000_000_000;

struct Desk {
    workspace: Workspace,
    api: Router,
    now: Arc<AtomicI64>,
}

impl Desk {
    fn new() -> Self {
        let now = Arc::new(AtomicI64::new(START_MS));
        let clock = now.clone();
        let clock: ClockFn = Arc::new(move || clock.load(Ordering::SeqCst));
        let workspace = Workspace::new("shh", "xoxb-1", clock.clone(), clock);
        Self { api: workspace.slack_api(), workspace, now }
    }

    fn pass(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
    }

    async fn send(&self, request: Request<Body>) -> Response {
        self.api.clone().oneshot(request).await.unwrap()
    }

    async fn raw(&self, method: &str, args: &Value) -> Response {
        let request = Request::post(format!("/{method}"))
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .header(header::AUTHORIZATION, "Bearer xoxb-1")
            .body(Body::from(args.to_string()))
            .unwrap();
        self.send(request).await
    }

    async fn call(&self, method: &str, args: Value) -> Value {
        body(self.raw(method, &args).await).await
    }

    /// Posts a message in #ops and returns its ts.
    async fn post(&self, args: Value) -> String {
        let mut all = json!({"channel": "C0OPS"});
        all.as_object_mut().unwrap().extend(args.as_object().unwrap().clone());
        let sent = self.call("chat.postMessage", all).await;
        assert_eq!(sent["ok"], true, "{sent}");
        sent["ts"].as_str().unwrap().to_owned()
    }
}

async fn body(response: Response) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn metadata_comes_back_to_those_who_ask_for_it() {
    let desk = Desk::new();
    let metadata =
        json!({"event_type": "bbws_operation", "event_payload": {"operation": "bk-1042", "state": "running"}});
    let ts = desk.post(json!({"text": "card", "metadata": metadata})).await;

    let all = desk.call("conversations.history", json!({"channel": "C0OPS", "include_all_metadata": true})).await;
    assert_eq!(all["messages"][0]["metadata"], metadata);
    let without = desk.call("conversations.history", json!({"channel": "C0OPS"})).await;
    assert_eq!(without["messages"][0].get("metadata"), None);

    desk.call("chat.update", json!({"channel": "C0OPS", "ts": ts, "text": "edited"})).await;
    let card = desk.workspace.message("C0OPS", &ts).unwrap();
    assert_eq!((card.text.as_str(), card.metadata), ("edited", Some(metadata)), "an edit without metadata keeps it");

    for wrong in [json!({"event_type": "x"}), json!({"event_payload": {}}), json!([])] {
        let refused = desk.call("chat.postMessage", json!({"channel": "C0OPS", "text": "t", "metadata": wrong})).await;
        assert_eq!(refused["error"], "invalid_metadata_format");
    }
}

#[tokio::test]
async fn edits_reach_only_the_apps_own_messages() {
    let desk = Desk::new();
    let theirs = desk.workspace.say("U0ALICE", "C0OPS", "hello", None).unwrap();
    let edit = |ts: &str| json!({"channel": "C0OPS", "ts": ts, "text": "changed"});
    assert_eq!(desk.call("chat.update", edit(&theirs)).await["error"], "cant_update_message");
    assert_eq!(desk.call("chat.update", edit("1.000001")).await["error"], "message_not_found");
    assert_eq!(
        desk.call("chat.delete", json!({"channel": "C0OPS", "ts": theirs})).await["error"],
        "cant_delete_message"
    );
    assert_eq!(desk.workspace.messages("C0OPS")[0].text, "hello");
}

#[tokio::test]
async fn a_lost_reply_leaves_the_change_behind_and_other_faults_leave_nothing() {
    let desk = Desk::new();
    let message = json!({"channel": "C0OPS", "text": "once"});
    for (fault, status) in [
        (Fault::Error("internal_error".into()), StatusCode::OK),
        (Fault::RateLimited(7), StatusCode::TOO_MANY_REQUESTS),
        (Fault::Down, StatusCode::SERVICE_UNAVAILABLE),
    ] {
        desk.workspace.fail_next("chat.postMessage", fault);
        let response = desk.raw("chat.postMessage", &message).await;
        assert_eq!(response.status(), status);
        if status == StatusCode::TOO_MANY_REQUESTS {
            assert_eq!(response.headers()[header::RETRY_AFTER], "7");
        }
        assert_eq!(desk.workspace.messages("C0OPS"), vec![]);
    }
    desk.workspace.fail_next("*", Fault::LostReply);
    let response = desk.raw("chat.postMessage", &message).await;
    assert!(response.into_body().collect().await.is_err(), "the reply never becomes whole");
    assert_eq!(desk.workspace.messages("C0OPS").len(), 1);
    assert_eq!(desk.workspace.count("chat.postMessage"), 4);
    assert_eq!(desk.workspace.pending_faults(), 0);

    desk.workspace.set_down(true);
    assert_eq!(desk.raw("auth.test", &json!({})).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    desk.workspace.set_down(false);
    assert_eq!(desk.call("auth.test", json!({})).await["user_id"], "U0BBWS");
}

#[tokio::test]
async fn over_a_socket_a_lost_reply_is_a_broken_connection() {
    let desk = Desk::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/chat.postMessage", listener.local_addr().unwrap());
    let api = desk.api.clone();
    tokio::spawn(async move { axum::serve(listener, api).await });
    desk.workspace.fail_next("chat.postMessage", Fault::LostReply);
    let http = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let request = Request::post(url)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, "Bearer xoxb-1")
        .body(Body::from(r#"{"channel":"C0OPS","text":"once"}"#))
        .unwrap();
    let whole = match http.request(request).await {
        Ok(response) => response.into_body().collect().await.is_ok(),
        Err(_) => false,
    };
    assert!(!whole);
    assert_eq!(desk.workspace.messages("C0OPS").len(), 1);
}

#[tokio::test]
async fn arguments_come_as_json_form_or_query_and_the_token_is_checked() {
    let desk = Desk::new();
    let form = Request::post("/users.info")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::AUTHORIZATION, "Bearer xoxb-1")
        .body(Body::from("user=U0MALLORY"))
        .unwrap();
    let mallory = body(desk.send(form).await).await;
    assert_eq!((&mallory["user"]["is_restricted"], &mallory["user"]["is_bot"]), (&json!(true), &json!(false)));

    let query = Request::get("/conversations.info?channel=C0PROD").header(header::AUTHORIZATION, "Bearer xoxb-1");
    let channel = body(desk.send(query.body(Body::empty()).unwrap()).await).await;
    assert_eq!(channel["channel"]["name"], "prod-notices");

    for (token, error) in [(None, "not_authed"), (Some("Bearer xoxb-2"), "invalid_auth")] {
        let mut request = Request::post("/auth.test");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, token);
        }
        assert_eq!(body(desk.send(request.body(Body::empty()).unwrap()).await).await["error"], error);
    }
    let response = desk.raw("auth.test", &json!({})).await;
    let scopes = response.headers()["x-oauth-scopes"].to_str().unwrap();
    assert!(scopes.split(',').any(|s| s == "chat:write") && scopes.split(',').any(|s| s == "commands"));
    assert_eq!(desk.call("rtm.start", json!({})).await["error"], "unknown_method");
}

#[tokio::test]
async fn history_is_newest_first_in_pages_and_threads_are_apart() {
    let desk = Desk::new();
    let mut posted = Vec::new();
    for i in 0..5 {
        posted.push(desk.post(json!({"text": format!("m{i}")})).await);
    }
    assert!(posted.is_sorted() && posted.windows(2).all(|w| w[0] != w[1]), "ids rise though the clock stands still");
    let reply = desk.post(json!({"text": "reply", "thread_ts": posted[0]})).await;
    desk.post(json!({"text": "reply to the reply", "thread_ts": reply})).await;

    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = desk.call("conversations.history", json!({"channel": "C0OPS", "limit": 2, "cursor": cursor})).await;
        seen.extend(page["messages"].as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap().to_owned()));
        cursor = page["response_metadata"]["next_cursor"].as_str().unwrap().to_owned();
        assert_eq!(page["has_more"], !cursor.is_empty());
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["m4", "m3", "m2", "m1", "m0"]);

    let thread = desk.call("conversations.replies", json!({"channel": "C0OPS", "ts": posted[0]})).await;
    let texts: Vec<&str> = thread["messages"].as_array().unwrap().iter().map(|m| m["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["m0", "reply", "reply to the reply"]);
    assert_eq!(thread["messages"][0]["reply_count"], 2);
    let since = |oldest: &str| json!({"channel": "C0OPS", "oldest": oldest, "inclusive": true});
    for (oldest, count) in [("0", 5), ("999", 5), ("1795000000", 5), (posted[3].as_str(), 2), ("1795000001", 0)] {
        let found = desk.call("conversations.history", since(oldest)).await;
        assert_eq!(found["messages"].as_array().unwrap().len(), count, "since {oldest}");
    }
    let orphan = desk.call("chat.postMessage", json!({"channel": "C0OPS", "text": "x", "thread_ts": "1.000000"})).await;
    assert_eq!(orphan["error"], "thread_not_found");
}

#[tokio::test]
async fn a_command_is_signed_and_a_press_carries_what_the_message_holds() {
    let desk = Desk::new();
    let form = desk.workspace.command_form("U0ALICE", "C0OPS", "op list & more").unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"shh").unwrap();
    mac.update(format!("v0:{}:{}", START_MS / 1_000, form.body).as_bytes());
    assert_eq!(form.signature, format!("v0={}", hex::encode(mac.finalize().into_bytes())));
    let fields: std::collections::HashMap<String, String> = serde_urlencoded::from_str(&form.body).unwrap();
    assert_eq!(
        (fields["text"].as_str(), fields["team_id"].as_str(), fields["api_app_id"].as_str()),
        ("op list & more", "T0BBWS", "A0BBWS")
    );
    assert_eq!(
        (fields["channel_name"].as_str(), fields["user_id"].as_str(), fields["command"].as_str()),
        ("ops", "U0ALICE", "/bbws")
    );

    let metadata = json!({"event_type": "bbws_operation", "event_payload": {"operation": "bk-1"}});
    let approve =
        button(json!({"text": plain("Approve"), "action_id": "approve", "value": "bk-1", "style": "primary"}));
    let ts = desk.post(json!({"text": "card", "metadata": metadata, "blocks": [actions(vec![approve])]})).await;
    let card = desk.workspace.message("C0OPS", &ts).unwrap();
    assert_eq!(card.button_labels(), ["Approve"]);
    let mut press = card.press("Approve").unwrap();
    press.state = json!({"reason": {"text": {"type": "plain_text_input", "value": "because"}}});

    let payload = |form: &str| -> Value {
        let fields: std::collections::HashMap<String, String> = serde_urlencoded::from_str(form).unwrap();
        serde_json::from_str(&fields["payload"]).unwrap()
    };
    let sent = payload(&desk.workspace.press_form("U0BOB", &press).unwrap().body);
    assert_eq!(sent["type"], "block_actions");
    assert_eq!(sent["user"]["id"], "U0BOB");
    assert_eq!(
        sent["container"],
        json!({"type": "message", "message_ts": ts, "channel_id": "C0OPS", "is_ephemeral": false})
    );
    assert_eq!(sent["message"]["metadata"], metadata);
    assert_eq!(sent["state"]["values"]["reason"]["text"]["value"], "because");
    assert_eq!((&sent["actions"][0]["action_id"], &sent["actions"][0]["value"]), (&json!("approve"), &json!("bk-1")));
    assert_eq!(sent["actions"][0]["block_id"], card.blocks[0]["block_id"]);

    // A screen that has not caught up still shows the button; its press arrives as it was drawn.
    desk.call("chat.update", json!({"channel": "C0OPS", "ts": ts, "text": "done", "blocks": []})).await;
    let stale = payload(&desk.workspace.press_form("U0BOB", &press).unwrap().body);
    assert_eq!(stale["actions"][0]["value"], "bk-1");
    assert_eq!(desk.workspace.press_form("U0NOBODY", &press).unwrap_err(), "user_not_found");
}

#[tokio::test]
async fn a_trigger_opens_one_modal_within_three_seconds() {
    let desk = Desk::new();
    let trigger = |desk: &Desk| -> String {
        let form = desk.workspace.command_form("U0ALICE", "C0OPS", "").unwrap();
        let fields: std::collections::HashMap<String, String> = serde_urlencoded::from_str(&form.body).unwrap();
        fields["trigger_id"].clone()
    };
    let view = json!({"type": "modal", "title": plain("Title"), "private_metadata": "bk-1", "blocks": [section("x")]});
    let open = |trigger: String| json!({"trigger_id": trigger, "view": view});

    let late = trigger(&desk);
    desk.pass(3_001);
    assert_eq!(desk.call("views.open", open(late)).await["error"], "expired_trigger_id");
    let good = trigger(&desk);
    let opened = desk.call("views.open", open(good.clone())).await;
    assert_eq!(opened["view"]["private_metadata"], "bk-1");
    assert_eq!(desk.call("views.open", open(good)).await["error"], "exchanged_trigger_id");
    assert_eq!(desk.call("views.open", open("made-up".into())).await["error"], "invalid_trigger_id");

    let id = opened["view"]["id"].as_str().unwrap();
    let stale = desk.call("views.update", json!({"view_id": id, "hash": "old", "view": view})).await;
    assert_eq!(stale["error"], "hash_conflict");
    desk.workspace.submit_form("U0ALICE", id, &json!({})).unwrap();
    let reply = |body: &str| Reply { status: 200, body: body.into() };
    let refused =
        desk.workspace.view_replied("U0ALICE", id, &reply(r#"{"response_action":"errors","errors":{"b":"no"}}"#));
    assert_eq!(refused.unwrap_err()["errors"]["b"], "no");
    assert!(desk.workspace.modal("U0ALICE").is_some());
    desk.workspace.view_replied("U0ALICE", id, &reply("")).unwrap();
    assert_eq!(desk.workspace.modal("U0ALICE"), None);
}

#[tokio::test]
async fn replies_to_commands_are_shown_to_the_right_people() {
    let desk = Desk::new();
    let reply = |status: u16, body: &str| Reply { status, body: body.into() };
    desk.workspace.command_replied(
        "U0ALICE",
        "C0OPS",
        &reply(200, r#"{"response_type":"ephemeral","text":"for you"}"#),
    );
    desk.workspace.command_replied("U0ALICE", "C0OPS", &reply(200, "plain text"));
    desk.workspace.command_replied("U0ALICE", "C0OPS", &reply(200, ""));
    desk.workspace.command_replied(
        "U0ALICE",
        "C0OPS",
        &reply(200, r#"{"response_type":"in_channel","text":"for all"}"#),
    );
    desk.workspace.command_replied("U0ALICE", "C0OPS", &reply(500, "oops"));
    desk.workspace.command_failed("U0ALICE", "C0OPS", "operation_timeout");
    desk.workspace.command_replied("U0ALICE", "C0OPS", &reply(200, r#"{"blocks":[{"type":"blink"}]}"#));
    let texts: Vec<String> = desk.workspace.ephemerals("U0ALICE").into_iter().map(|m| m.text).collect();
    assert_eq!(texts[..2], ["for you", "plain text"]);
    assert!(texts[2].contains("dispatch_unknown_error"));
    assert!(texts[3].contains("operation_timeout") && texts[3].contains("did not respond"));
    assert!(texts[4].contains("invalid_blocks"));
    assert_eq!(texts.len(), 5);
    assert_eq!(desk.workspace.ephemerals("U0BOB"), vec![]);
    assert_eq!(desk.workspace.messages("C0OPS")[0].text, "for all");
}

#[tokio::test]
async fn a_response_address_works_five_times_within_thirty_minutes() {
    let desk = Desk::new();
    let hook = |desk: &Desk| -> String {
        let form = desk.workspace.command_form("U0ALICE", "C0OPS", "").unwrap();
        let fields: std::collections::HashMap<String, String> = serde_urlencoded::from_str(&form.body).unwrap();
        fields["response_url"].rsplit('/').next().unwrap().to_owned()
    };
    let first = hook(&desk);
    for _ in 0..5 {
        desk.workspace.hook_called(&first, &json!({"text": "more"})).unwrap();
    }
    assert_eq!(desk.workspace.hook_called(&first, &json!({"text": "more"})).unwrap_err(), "used_url");
    let second = hook(&desk);
    desk.pass(30 * 60 * 1_000 + 1);
    assert_eq!(desk.workspace.hook_called(&second, &json!({"text": "late"})).unwrap_err(), "expired_url");
    assert_eq!(desk.workspace.ephemerals("U0ALICE").len(), 5);
}

#[tokio::test]
async fn people_and_channels_can_be_changed_under_the_products_feet() {
    let desk = Desk::new();
    assert!(desk.workspace.edit_person("U0BOB", |p| p.deleted = true));
    assert!(!desk.workspace.edit_person("U0NOBODY", |p| p.deleted = true));
    assert_eq!(desk.call("users.info", json!({"user": "U0BOB"})).await["user"]["deleted"], true);
    desk.workspace.edit_channel("C0OPS", |c| c.is_ext_shared = true);
    assert_eq!(desk.call("conversations.info", json!({"channel": "C0OPS"})).await["channel"]["is_ext_shared"], true);
    desk.workspace.edit_channel("C0PROD", |c| c.is_archived = true);
    assert_eq!(desk.call("chat.postMessage", json!({"channel": "C0PROD", "text": "x"})).await["error"], "is_archived");
    desk.workspace.set_user_group("S0DBA", &["U0BOB"]);
    assert_eq!(desk.call("usergroups.users.list", json!({"usergroup": "S0DBA"})).await["users"], json!(["U0BOB"]));
    assert_eq!(desk.call("usergroups.users.list", json!({"usergroup": "S0NONE"})).await["error"], "no_such_subteam");
}

#[tokio::test]
async fn blocks_messages_and_views_are_validated_with_pointers() {
    let desk = Desk::new();
    let bad = json!([section("fine"), section("")]);
    let view = json!({"type": "modal", "blocks": bad});
    for (args, code, pointer) in [
        (json!({"blocks": bad.to_string()}), "invalid_blocks", "/1/text/text"),
        (json!({"message": json!({"blocks": bad}).to_string()}), "invalid_message", "/blocks/1/text/text"),
        (json!({"view": view.to_string()}), "invalid_view", "/blocks/1/text/text"),
    ] {
        let refused = desk.call("blocks.validate", args).await;
        assert_eq!((&refused["error"], &refused["errors"][0]["pointer"]), (&json!(code), &json!(pointer)), "{refused}");
        assert_eq!(refused["errors"][0]["message"], "must be more than 0 characters");
    }
    assert_eq!(desk.call("blocks.validate", json!({})).await["error"], "invalid_arguments");
}

#[tokio::test]
async fn messages_outlive_the_process_where_a_file_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("workspace.jsonl");
    let before = Desk::new();
    before.workspace.keep_in(&file).unwrap();
    let metadata = json!({"event_type": "bbws_operation", "event_payload": {"operation": "bk-1"}});
    let card = before.post(json!({"text": "card", "metadata": metadata})).await;
    before.post(json!({"text": "reply", "thread_ts": card})).await;
    let gone = before.post(json!({"text": "gone"})).await;
    before.call("chat.delete", json!({"channel": "C0OPS", "ts": gone})).await;
    for i in 0..3_000 {
        let text = format!("step {i}");
        before.call("chat.update", json!({"channel": "C0OPS", "ts": card, "text": text})).await;
    }
    let kept = before.workspace.messages("C0OPS");
    assert_eq!(kept.len(), 2);
    let room = before.call("conversations.create", json!({"name": "inc-inc-1-prod"})).await["channel"]["id"].clone();
    before.call("conversations.setTopic", json!({"channel": room, "topic": "INC-1"})).await;
    before.call("chat.postMessage", json!({"channel": room, "text": "it began"})).await;
    let lines = std::fs::read_to_string(&file).unwrap().lines().count();
    assert!(lines < 2_100, "the file does not grow with every edit: {lines} lines");
    // The process died in the middle of a line.
    let mut torn = std::fs::read_to_string(&file).unwrap();
    torn.push_str("{\"put\":{\"ts\":\"17");
    std::fs::write(&file, torn).unwrap();

    let after = Desk::new();
    after.workspace.keep_in(&file).unwrap();
    assert_eq!(after.workspace.messages("C0OPS"), kept);
    let found = after.call("conversations.info", json!({"channel": room})).await;
    assert_eq!(
        (&found["channel"]["name"], &found["channel"]["topic"]["value"]),
        (&json!("inc-inc-1-prod"), &json!("INC-1"))
    );
    assert_eq!(after.workspace.messages(room.as_str().unwrap()).len(), 1);
    let taken = after.call("conversations.create", json!({"name": "inc-inc-1-prod"})).await;
    assert_eq!(taken["error"], "name_taken");
    let other = after.call("conversations.create", json!({"name": "inc-inc-2-prod"})).await["channel"]["id"].clone();
    assert_ne!(other, room, "an id is given once");
    let next = after.post(json!({"text": "next"})).await;
    assert!(next > kept[0].edited.clone().unwrap(), "ids go on rising although the clock was set back");
    let again = Desk::new();
    again.workspace.keep_in(&file).unwrap();
    assert_eq!(again.workspace.messages("C0OPS").len(), 3);
}

#[tokio::test]
async fn a_message_that_begins_with_the_bots_name_comes_as_a_command() {
    let desk = Desk::new();
    let said = "<@U0BBWS|bbws> op show bk-1";
    let form = desk.workspace.mention_form("U0ALICE", "C0OPS", "1.2", said, Some("1.1")).expect("it speaks of the app");
    let Payload::Asks(asked) = payload::event(form.body.as_bytes()) else { panic!("{}", form.body) };
    assert_eq!(
        (asked.user.as_str(), asked.channel.as_str(), asked.thread.as_deref()),
        ("U0ALICE", "C0OPS", Some("1.1"))
    );
    assert!(matches!(&asked.what, Inbound::Command { text } if text == "op show bk-1"), "{asked:?}");
    assert!(desk.workspace.mention_form("U0ALICE", "C0OPS", "1.2", "no name in it", None).is_none());
}
