//! A Slack that knows little and says less: seven methods, answers with nothing in them that need not be there.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, header},
    routing::any,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use crate::serve::stage::{SECRET, Stage, id_in, now_ms, serve, until};

type Calls = Arc<Mutex<Vec<(String, Value)>>>;

async fn call(
    State(calls): State<Calls>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Json<Value> {
    let form = |encoded: &[u8]| {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(encoded).unwrap_or_default();
        pairs.into_iter().map(|(k, v)| (k, Value::String(v))).collect::<Map<_, _>>()
    };
    let json_body = headers.get(header::CONTENT_TYPE).is_some_and(|v| v.to_str().unwrap().contains("json"));
    let mut arguments = form(query.unwrap_or_default().as_bytes());
    arguments.extend(if json_body { serde_json::from_slice(&body).unwrap_or_default() } else { form(&body) });
    let user = arguments.get("user").cloned().unwrap_or_default();
    calls.lock().unwrap().push((method.clone(), Value::Object(arguments)));
    Json(match method.as_str() {
        "auth.test" | "chat.postEphemeral" => json!({ "ok": true }),
        "users.info" => json!({ "ok": true, "user": { "id": user } }),
        "chat.postMessage" | "chat.update" => json!({ "ok": true, "ts": "1.1", "channel": "C" }),
        "conversations.history" => json!({ "ok": true, "messages": [] }),
        "usergroups.users.list" => json!({ "ok": true, "users": ["U0BOB"] }),
        _ => json!({ "ok": false, "error": "unknown_method" }),
    })
}

struct Sparse {
    stage: Stage,
    calls: Calls,
}

impl Sparse {
    async fn start() -> Sparse {
        let calls = Calls::default();
        let router = Router::new().route("/api/{method}", any(call)).with_state(calls.clone());
        let mut stage = Stage::set().await;
        stage.slack_url = serve(router).await + "/api";
        stage.start().await;
        Sparse { stage, calls }
    }

    /// What a method was called with.
    fn called(&self, method: &str) -> Vec<Value> {
        self.calls.lock().unwrap().iter().filter(|(m, _)| m == method).map(|(_, a)| a.clone()).collect()
    }

    async fn post(&self, path: &'static str, fields: &[(&str, &str)]) -> crate::serve::stage::Heard {
        let body = serde_urlencoded::to_string(fields).unwrap();
        let timestamp = (now_ms() / 1000).to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(format!("v0:{timestamp}:{body}").as_bytes());
        let signature = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
        let form = bbws::adapters::sandbox::workspace::SignedForm { path, timestamp, signature, body };
        self.stage.post(&form).await
    }

    /// The fewest fields a command can have.
    async fn asks(&self, text: &str) -> String {
        let fields =
            [("command", "/bbws"), ("text", text), ("user_id", "U0ALICE"), ("team_id", "T0BBWS"), ("channel_id", "C")];
        let said = self.post("/slack/commands", &fields).await.said();
        if let Some(id) = id_in(&said) {
            return id;
        }
        let later = async || self.called("chat.postEphemeral").first().and_then(|c| id_in(c["text"].as_str()?));
        until("the answer that follows", later).await
    }

    /// The arguments of the last post or edit of the card that says this state.
    async fn card(&self, state: &str) -> Value {
        let look = async || {
            let sent = [self.called("chat.postMessage"), self.called("chat.update")].concat();
            sent.into_iter().rev().find(|m| data(&m["metadata"])["event_payload"]["state"] == state)
        };
        until(state, look).await
    }
}

/// Structured arguments come as JSON or as JSON text.
fn data(value: &Value) -> Value {
    value.as_str().map_or_else(|| value.clone(), |text| serde_json::from_str(text).unwrap())
}

#[tokio::test]
async fn dev_is_backed_up_on_a_slack_that_says_nothing() {
    let sparse = Sparse::start().await;
    assert_eq!(sparse.stage.get("/readyz").await.status, 200);
    let id = sparse.asks("backup create dev full").await;
    let card = sparse.card("succeeded").await;
    assert_eq!(card["ts"], "1.1", "the card is edited in place");
    assert_eq!(data(&card["metadata"])["event_payload"]["operation"], id.as_str());
}

#[tokio::test]
async fn prod_is_approved_on_a_slack_that_says_nothing() {
    let sparse = Sparse::start().await;
    let id = sparse.asks("backup create prod rds").await;
    let card = sparse.card("awaiting_approval").await;
    let blocks = data(&card["blocks"]);
    let block = blocks.as_array().unwrap().iter().find(|b| b["type"] == "actions").unwrap();
    let button = block["elements"].as_array().unwrap().iter().find(|b| b["text"]["text"] == "Approve").unwrap();
    for user in ["U0ALICE", "U0BOB"] {
        let payload = json!({
            "type": "block_actions",
            "user": { "id": user },
            "team": { "id": "T0BBWS" },
            "channel": { "id": "C" },
            "message": { "ts": "1.1" },
            "actions": [{ "type": "button", "action_id": button["action_id"], "value": button["value"] }],
        });
        let heard = sparse.post("/slack/interactions", &[("payload", &payload.to_string())]).await;
        assert_eq!(heard.status, 200, "{heard:?}");
    }
    let refused = async || {
        let told = sparse.called("chat.postEphemeral");
        told.into_iter().find(|c| c["user"] == "U0ALICE" && c["text"].as_str().is_some_and(|t| t.contains(&id)))
    };
    until("the requester's refusal", refused).await;
    let card = sparse.card("succeeded").await;
    assert_eq!(data(&card["metadata"])["event_payload"]["operation"], id.as_str());
}
