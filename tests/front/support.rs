//! A router with a fake inbox behind it, and requests as Slack makes them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    http::{Method, Request, Response, StatusCode, header},
};
use bbws::{
    app::inbound::{Envelope, Inbox, Refusal, Unavailable},
    domain::moment::Moment,
    front::{Front, http::Check, router},
    ports::{
        chat::{Level, Reply},
        clock::Clock,
        store::StoreError,
    },
};
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::BodyExt;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;
use tower::ServiceExt;

pub(crate) const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const COMMANDS: &str = "/slack/commands";
pub(crate) const INTERACTIONS: &str = "/slack/interactions";
pub(crate) const EVENTS: &str = "/slack/events";
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) struct Frozen;

impl Clock for Frozen {
    fn now(&self) -> Moment {
        Moment(NOW * 1000)
    }
}

/// How the fake inbox behaves.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mood {
    Well,
    Down,
    Stuck,
    Panics,
    Refuses,
}

/// Remembers what it was given, each id once, as the ledger does.
pub(crate) struct Fake {
    pub(crate) mood: Mutex<Mood>,
    pub(crate) taken: Mutex<Vec<Envelope>>,
    pub(crate) refused: Mutex<Vec<Refusal>>,
    pub(crate) addresses: Mutex<Vec<(String, String, String)>>,
}

pub(crate) fn down() -> Unavailable {
    Unavailable(StoreError::Database("disk full".into()))
}

#[async_trait]
impl Inbox for Fake {
    async fn take(&self, envelope: Envelope) -> Result<Option<Reply>, Unavailable> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Well | Mood::Refuses => {}
            Mood::Down => return Err(down()),
            Mood::Stuck => std::future::pending().await,
            Mood::Panics => panic!("inside the inbox"),
        }
        let mut taken = self.taken.lock().unwrap();
        if taken.iter().any(|known| known.id == envelope.id) {
            return Ok(None);
        }
        taken.push(envelope);
        let (level, text) = match mood {
            Mood::Refuses => (Level::Warning, "`prod-typo` is not what rs-7 is about. Type *prod* &amp; approve."),
            _ => (Level::Success, "done"),
        };
        Ok(Some(Reply { level, text: text.to_owned(), attachment: Default::default() }))
    }

    async fn refuse(&self, refusal: Refusal) -> Result<(), Unavailable> {
        if *self.mood.lock().unwrap() == Mood::Down {
            return Err(down());
        }
        self.refused.lock().unwrap().push(refusal);
        Ok(())
    }

    fn reachable(&self, user: &str, channel: &str, address: SecretString) {
        let entry = (user.to_owned(), channel.to_owned(), address.expose_secret().to_owned());
        self.addresses.lock().unwrap().push(entry);
    }
}

pub(crate) struct Bench {
    pub(crate) inbox: Arc<Fake>,
    pub(crate) router: Router,
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench::with(Vec::new(), Vec::new())
    }

    pub(crate) fn with(apps: Vec<String>, checks: Vec<Check>) -> Bench {
        let inbox = Arc::new(Fake {
            mood: Mutex::new(Mood::Well),
            taken: Mutex::default(),
            refused: Mutex::default(),
            addresses: Mutex::default(),
        });
        let router = router(Front {
            signing_secret: SECRET.into(),
            teams: vec!["T0BBWS".to_owned()],
            apps,
            command: "/bbws".to_owned(),
            clock: Arc::new(Frozen),
            inbox: inbox.clone(),
            render: Arc::new(|reply| json!({ "response_type": "ephemeral", "text": reply.text })),
            push: None,
            answer_within: Duration::from_millis(50),
            checks,
            metrics: None,
        });
        Bench { inbox, router }
    }

    pub(crate) fn mood(&self, mood: Mood) {
        *self.inbox.mood.lock().unwrap() = mood;
    }

    pub(crate) fn taken(&self) -> Vec<Envelope> {
        self.inbox.taken.lock().unwrap().clone()
    }

    pub(crate) fn refused(&self) -> Vec<Refusal> {
        self.inbox.refused.lock().unwrap().clone()
    }

    /// Nothing reached the inbox in any way.
    pub(crate) fn untouched(&self) -> bool {
        self.taken().is_empty() && self.refused().is_empty()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    pub(crate) async fn command(&self, fields: &[(&str, &str)]) -> Answer {
        self.send(signed(COMMANDS, &command(fields))).await
    }

    pub(crate) async fn interaction(&self, payload: &Value) -> Answer {
        self.send(signed(INTERACTIONS, &interaction(payload))).await
    }

    pub(crate) async fn event(&self, body: &Value) -> Answer {
        self.send(signed(EVENTS, &body.to_string())).await
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) kind: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn of(response: Response<Body>) -> Answer {
        let kind = response.headers().get(header::CONTENT_TYPE).map_or("", |v| v.to_str().unwrap()).to_owned();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, kind, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// The status and nothing else.
    pub(crate) fn is_bare(&self, status: StatusCode) -> bool {
        self.status == status && self.body.is_empty()
    }

    /// What it says as JSON.
    pub(crate) fn json(&self) -> Value {
        assert_eq!((self.status, self.kind.as_str()), (StatusCode::OK, "application/json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    /// The sentence of an ephemeral answer.
    pub(crate) fn sentence(&self) -> String {
        assert_eq!((self.status, self.kind.as_str()), (StatusCode::OK, "application/json"), "{self:?}");
        let body: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(body["response_type"], "ephemeral");
        body["text"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn signature(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{timestamp}:").as_bytes());
    mac.update(body);
    format!("v0={}", hex::encode(mac.finalize().into_bytes()))
}

pub(crate) fn content_type(path: &str) -> &'static str {
    if path == EVENTS { "application/json" } else { FORM }
}

pub(crate) fn request(path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(Method::POST).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

pub(crate) fn signed_at(path: &str, at: i64, body: &str) -> Request<Body> {
    let at = at.to_string();
    let signature = signature(SECRET, &at, body.as_bytes());
    let headers =
        [("x-slack-request-timestamp", &*at), ("x-slack-signature", &signature), ("content-type", content_type(path))];
    request(path, &headers, body.to_owned())
}

pub(crate) fn signed(path: &str, body: &str) -> Request<Body> {
    signed_at(path, NOW, body)
}

/// A command's form; `fields` replace or add to a valid one, an empty value takes a field out.
pub(crate) fn command(fields: &[(&str, &str)]) -> String {
    let mut form = vec![
        ("token", "verification-token"),
        ("team_id", "T0BBWS"),
        ("team_domain", "bbws"),
        ("channel_id", "C0OPS"),
        ("channel_name", "ops"),
        ("user_id", "U0ALICE"),
        ("user_name", "alice"),
        ("command", "/bbws"),
        ("text", "backup create prod full"),
        ("api_app_id", "A0BBWS"),
        ("response_url", "https://hooks.slack.com/commands/secret"),
        ("trigger_id", "13345224609.738474920.secret"),
    ];
    for field in fields {
        form.retain(|(name, _)| *name != field.0);
        if !field.1.is_empty() {
            form.push(*field);
        }
    }
    serde_urlencoded::to_string(form).unwrap()
}

pub(crate) fn interaction(payload: &Value) -> String {
    serde_urlencoded::to_string([("payload", payload.to_string())]).unwrap()
}

pub(crate) fn click() -> Value {
    json!({
        "type": "block_actions",
        "api_app_id": "A0BBWS",
        "token": "verification-token",
        "trigger_id": "13345224609.738474920.secret",
        "response_url": "https://hooks.slack.com/actions/secret",
        "user": { "id": "U0BOB", "username": "bob", "name": "bob", "team_id": "T0BBWS" },
        "team": { "id": "T0BBWS", "domain": "bbws" },
        "enterprise": null,
        "channel": { "id": "C0OPS", "name": "ops" },
        "container": {
            "type": "message", "message_ts": "1800000000.000100", "channel_id": "C0OPS", "is_ephemeral": false,
        },
        "message": { "type": "message", "ts": "1800000000.000100", "text": "bk-1042", "blocks": [{ "type": "plan" }] },
        "state": { "values": {
            "other": { "select": { "type": "static_select", "value": { "deep": 1 } } },
            "bbws.reason": { "reason": { "type": "plain_text_input", "value": " not today " } },
        } },
        "actions": [
            { "action_id": "reason", "block_id": "bbws.reason", "type": "plain_text_input", "value": "not today" },
            { "action_id": "bbws.reject", "block_id": "bbws.vote", "type": "button", "value": "bk-1042",
              "text": { "type": "plain_text", "text": "Reject" }, "action_ts": "1800000000.5" },
        ],
    })
}

pub(crate) fn mention() -> Value {
    json!({
        "type": "event_callback",
        "token": "verification-token",
        "team_id": "T0BBWS",
        "api_app_id": "A0BBWS",
        "event_id": "Ev0MENTION",
        "event_time": NOW,
        "authorizations": [{ "team_id": "T0BBWS", "user_id": "U0BOT", "is_bot": true }],
        "is_ext_shared_channel": false,
        "event": {
            "type": "app_mention", "user": "U0ALICE", "text": "<@U0BOT> op show bk-1042", "ts": "1800000000.000200",
            "thread_ts": "1800000000.000100", "channel": "C0OPS", "team": "T0BBWS", "event_ts": "1800000000.000200",
        },
    })
}
