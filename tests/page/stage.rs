//! A workspace served over HTTP beside a small product of the test's own, which answers commands and buttons.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use bbws::adapters::sandbox::workspace::{CommandHelp, Workspace};
use bbws::adapters::slack::draw_line;
use bbws::ports::chat::Level;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use tower::ServiceExt;

const SECRET: &str = "a signing secret";
const TOKEN: &str = "xoxb-a-bot-token";

/// The workspace, where it is served, and the product behind it.
pub struct Stage {
    pub workspace: Workspace,
    pub url: String,
}

#[derive(Clone)]
struct Product {
    workspace: Workspace,
    api: Router,
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("before the year 292 million")
}

impl Stage {
    /// Serves everything on a free port.
    pub async fn set() -> Self {
        let workspace = Workspace::new(SECRET, TOKEN, Arc::new(now_ms), Arc::new(now_ms));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let api = Router::new().nest("/sandbox/slack/api", workspace.slack_api());
        let product = Product { workspace: workspace.clone(), api: api.clone() };
        let endpoints = Router::new()
            .route("/slack/commands", post(commands))
            .route("/slack/interactions", post(interactions))
            .with_state(product);
        let app = workspace.page(&url, help()).merge(api).merge(endpoints).merge(aws());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { workspace, url }
    }
}

fn help() -> Vec<CommandHelp> {
    let line = |usage: &str, about: &str| CommandHelp { usage: usage.into(), about: about.into() };
    vec![
        line("/bbws help [command]", "What can be asked for"),
        line(
            "/bbws backup create <environment> [full|rds|efs|secrets] [--tenant ID] [--reason …]",
            "Back up an environment",
        ),
        line("/bbws backup list <environment>", "The backups there are"),
        line("/bbws op list [environment]", "Operations under way and lately"),
        line("/bbws op show <id>", "One operation, step by step"),
        line("/bbws op cancel <id>", "Give up an operation that waits"),
        line("/bbws stop [environment] <reason>", "Stop everything, at once"),
        line("/bbws resume [environment]", "Let things run again"),
    ]
}

/// The two endpoints of the simulated cloud, in the shapes the drawer reads.
fn aws() -> Router {
    let state = json!({
        "speed": 60, "now": "2026-11-21T01:02:03Z", "calls": 17, "mutations": 3,
        "regions": [
            {"name": "af-south-1", "down": false, "resources": [
                {"kind": "DB snapshot", "id": "bbws-prod-mysql-manual-20261121-bk-1001", "status": "creating",
                    "percent": 40, "detail": "mysql, 200 GiB, encrypted"},
                {"kind": "EFS recovery point", "id": "rp-0900d-bk-1001", "status": "completed", "percent": 100, "detail": "vault bbws-prod"}]},
            {"name": "eu-west-1", "down": true, "resources": []}],
        "faults": [{"id": "throttle", "label": "Throttle the next call"}, {"id": "lost_reply", "label": "Lose the reply of the next change"}],
    });
    Router::new()
        .route("/sandbox/aws/state", get(move || async move { Json(state.clone()) }))
        .route("/sandbox/aws/control", post(|| async { Json(json!({"ok": true})) }))
}

fn signed(headers: &HeaderMap, body: &[u8]) -> bool {
    let field = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key will do");
    mac.update(format!("v0:{}:", field("x-slack-request-timestamp")).as_bytes());
    mac.update(body);
    field("x-slack-signature") == format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

fn form(body: &[u8]) -> impl Fn(&str) -> String {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(body).expect("a form");
    move |key| pairs.iter().find(|(k, _)| k == key).map(|(_, v)| v.clone()).unwrap_or_default()
}

impl Product {
    async fn slack(&self, method: &str, body: Value) -> Value {
        let request = Request::post(format!("/sandbox/slack/api/{method}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .body(Body::from(body.to_string()))
            .expect("a valid request");
        let response = self.api.clone().oneshot(request).await.expect("the router answers");
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a whole reply");
        serde_json::from_slice(&body).expect("JSON")
    }
}

async fn commands(State(product): State<Product>, headers: HeaderMap, body: Bytes) -> Result<Json<Value>, StatusCode> {
    if !signed(&headers, &body) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let field = form(&body);
    let (user, channel, text) = (field("user_id"), field("channel_id"), field("text"));
    match text.as_str() {
        "backup create prod full" => {
            let card = super::cards::card(&user, super::cards::Stage::Awaiting);
            let sent = product.slack("chat.postMessage", merge(json!({"channel": channel}), card)).await;
            assert_eq!(sent["ok"], true, "{sent}");
            let note = "`bk-1042` asks for approval: one other operator has to approve it within 15 minutes.";
            Ok(Json(json!({"response_type": "ephemeral", "text": note})))
        }
        "gallery" => {
            for message in super::cards::gallery() {
                let sent = product.slack("chat.postMessage", merge(json!({"channel": channel}), message)).await;
                assert_eq!(sent["ok"], true, "{sent}");
            }
            Ok(Json(json!({})))
        }
        "points" => {
            let drawn = draw_line(
                Level::Info,
                "26 recovery points of `prod`, the newest 12 minutes old.",
                &super::cards::attachment(),
            );
            Ok(Json(json!({"response_type": "ephemeral", "text": drawn.text, "blocks": drawn.blocks})))
        }
        "dialog" => {
            let view = super::cards::dialog();
            let body = json!({"trigger_id": field("trigger_id"), "view": view});
            let opened = product.slack("views.open", body).await;
            assert_eq!(opened["ok"], true, "{opened}");
            Ok(Json(json!({})))
        }
        "silence" => std::future::pending().await,
        other => Ok(Json(json!({"response_type": "ephemeral", "text": format!("There is no command `{other}`.")}))),
    }
}

async fn interactions(
    State(product): State<Product>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, StatusCode> {
    if !signed(&headers, &body) {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let payload: Value = serde_json::from_str(&form(&body)("payload")).expect("JSON in the payload");
    if payload["type"] == "view_submission" {
        let reason = &payload["view"]["state"]["values"]["reason"]["text"]["value"];
        if reason == "no" {
            return Ok(Json(json!({"response_action": "errors", "errors": {"reason": "Say a little more."}})));
        }
        product
            .slack(
                "chat.postMessage",
                json!({"channel": "C0OPS", "text": format!("Reason given: {}", reason.as_str().unwrap_or("none"))}),
            )
            .await;
        return Ok(Json(json!({})));
    }
    let (user, action) = (payload["user"]["id"].as_str().unwrap_or_default(), &payload["actions"][0]);
    let requester = payload["message"]["metadata"]["event_payload"]["requester"].as_str().unwrap_or_default();
    let place = json!({"channel": payload["channel"]["id"], "ts": payload["message"]["ts"]});
    let next = match action["action_id"].as_str().unwrap_or_default() {
        ask if ask.starts_with("bbws.ask.") => {
            let text = format!("You said `/bbws {}`.", action["value"].as_str().unwrap_or_default());
            product.slack("chat.postEphemeral", json!({"channel": place["channel"], "user": user, "text": text})).await;
            return Ok(Json(json!({})));
        }
        "approve" if user == requester => {
            let text = "You asked for `bk-1042` yourself; somebody else has to approve it.";
            product.slack("chat.postEphemeral", json!({"channel": place["channel"], "user": user, "text": text})).await;
            return Ok(Json(json!({})));
        }
        "approve" => super::cards::Stage::Running,
        "stop" => super::cards::Stage::Succeeded,
        _ => {
            let reason = payload["state"]["values"]["reason"]["text"]["value"].as_str().unwrap_or_default();
            super::cards::Stage::Rejected(user.into(), reason.into())
        }
    };
    let updated = product.slack("chat.update", merge(place.clone(), super::cards::card(requester, next))).await;
    assert_eq!(updated["ok"], true, "{updated}");
    let reply = json!({"channel": place["channel"], "thread_ts": place["ts"], "text": format!("<@{user}> pressed *{}*.", action["text"]["text"].as_str().unwrap_or_default())});
    product.slack("chat.postMessage", reply).await;
    drop(product.workspace);
    Ok(Json(json!({})))
}

fn merge(mut base: Value, more: Value) -> Value {
    if let (Value::Object(base), Value::Object(more)) = (&mut base, more) {
        base.extend(more);
    }
    base
}
