//! The Web API over HTTP: who may call, how arguments arrive, which faults strike; the methods are next door.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::Workspace;
use super::check::Surface;
use super::fault::Fault;
use super::limits;
use super::people::{APP, BOT, BOT_USER, DOMAIN, TEAM};
use super::scopes;

/// Why Slack refuses a call.
#[derive(Debug)]
pub(super) struct Refusal {
    code: String,
    messages: Vec<String>,
    errors: Box<Value>,
    /// Further fields of the answer.
    more: Box<Map<String, Value>>,
}

impl From<&str> for Refusal {
    fn from(code: &str) -> Self {
        Self { code: code.into(), messages: Vec::new(), errors: Box::default(), more: Box::default() }
    }
}

impl Refusal {
    pub(super) fn invalid_blocks(messages: Vec<String>) -> Self {
        Self { errors: Box::new(json!(messages)), messages, ..Self::from("invalid_blocks") }
    }

    /// With further fields in its answer.
    pub(super) fn with(self, more: Value) -> Self {
        let more = if let Value::Object(more) = more { more } else { Map::new() };
        Self { more: Box::new(more), ..self }
    }

    fn to_slack(&self) -> Value {
        let mut out = json!({"ok": false, "error": self.code});
        for (name, value) in self.more.iter() {
            out[name] = value.clone();
        }
        if !self.messages.is_empty() {
            out["response_metadata"] = json!({"messages": self.messages});
        }
        if !self.errors.is_null() {
            out["errors"] = Value::clone(&self.errors);
        }
        out
    }
}

/// `blocks.validate`: exactly one of `blocks`, `message` and `view`, each JSON; what is wrong comes with its pointer.
fn validate(args: &Args) -> Result<Value, Refusal> {
    let (blocks, message, view) = (args.data("blocks")?, args.data("message")?, args.data("view")?);
    let (code, list, surface, root) = match (blocks, message, view) {
        (Some(blocks), None, None) => ("invalid_blocks", blocks, Surface::Message, ""),
        (None, Some(mut message), None) => ("invalid_message", message["blocks"].take(), Surface::Message, "/blocks"),
        (None, None, Some(mut view)) => {
            let surface = if view["type"] == "home" { Surface::Home } else { Surface::Modal };
            ("invalid_view", view["blocks"].take(), surface, "/blocks")
        }
        _ => return Err("invalid_arguments".into()),
    };
    let found = limits::problems(&list, surface);
    if found.is_empty() {
        return Ok(json!({}));
    }
    let error = |line: &String| {
        let (why, pointer) = line.trim_end_matches(']').split_once(" [json-pointer:/blocks").unwrap_or((line, ""));
        json!({"pointer": format!("{root}{pointer}"), "code": "failed_constraint", "message": why.trim_start_matches("[ERROR] ")})
    };
    Err(Refusal { errors: Box::new(found.iter().map(error).collect()), ..Refusal::from(code) })
}

/// `api.test`: says back what it was told, or refuses as it was told.
fn echo(args: &Args) -> Result<Value, Refusal> {
    match args.text("error") {
        Some(code) => Err(code.into()),
        None => Ok(json!({"args": args.0})),
    }
}

/// The arguments of a call, however they were sent.
#[derive(Debug)]
pub(super) struct Args(Value);

impl Args {
    /// A non-empty string.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.0[key].as_str().filter(|text| !text.is_empty())
    }

    /// A string, or the refusal Slack gives for its absence.
    pub(super) fn need(&self, key: &str) -> Result<&str, Refusal> {
        self.text(key).ok_or_else(|| Refusal {
            messages: vec![format!("[ERROR] missing required field: {key}")],
            ..Refusal::from("invalid_arguments")
        })
    }

    /// A flag; forms send `true` or `1`.
    pub(super) fn flag(&self, key: &str) -> bool {
        match &self.0[key] {
            Value::Bool(yes) => *yes,
            Value::String(text) => text == "true" || text == "1",
            _ => false,
        }
    }

    /// A whole number; forms send digits.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.0[key].as_u64().or_else(|| self.0[key].as_str()?.parse().ok())
    }

    /// Structured data: as it is in JSON, or JSON text in a form.
    pub(super) fn data(&self, key: &str) -> Result<Option<Value>, Refusal> {
        match &self.0[key] {
            Value::Null => Ok(None),
            Value::String(text) => {
                let wrong = format!("invalid_{key}");
                serde_json::from_str(text).map(Some).map_err(|_| Refusal::from(wrong.as_str()))
            }
            value => Ok(Some(value.clone())),
        }
    }
}

impl Workspace {
    /// The Web API: mount it where `SLACK_API_URL` points, methods directly under the mount.
    pub fn slack_api(&self) -> Router {
        Router::new().route("/{method}", any(call)).layer(DefaultBodyLimit::max(1 << 20)).with_state(self.clone())
    }

    fn authorised(&self, headers: &HeaderMap, args: &Value) -> Result<(), Refusal> {
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|v| v.to_str().ok()?.strip_prefix("Bearer "))
            .or_else(|| args["token"].as_str());
        match bearer {
            None => Err("not_authed".into()),
            Some(token) if token == self.inner.bot_token.expose_secret() => Ok(()),
            Some(_) => Err("invalid_auth".into()),
        }
    }

    fn dispatch(&self, method: &str, args: &Args) -> Result<Value, Refusal> {
        match method {
            "auth.test" => Ok(json!({"url": format!("https://{DOMAIN}.slack.com/"), "team": "BBWS", "user": "bbws",
                "team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT, "is_enterprise_install": false})),
            "bots.info" => Ok(json!({"bot": {"id": BOT, "deleted": false, "name": "bbws", "updated": 1_700_000_000,
                "app_id": APP, "user_id": BOT_USER, "icons": {}}})),
            "api.test" => echo(args),
            "team.info" => {
                Ok(json!({"team": {"id": TEAM, "name": "BBWS", "domain": DOMAIN, "email_domain": "bbws.example",
                "url": format!("https://{DOMAIN}.slack.com/"), "icon": {}}}))
            }
            "users.info" => self.users_info(args),
            "users.list" => self.users_list(),
            "users.lookupByEmail" => self.user_by_email(args),
            "usergroups.list" => self.user_groups(),
            "usergroups.users.list" => self.user_group(args),
            "conversations.info" => self.channel_info(args),
            "conversations.list" => self.channel_list(args),
            "conversations.canvases.create" => self.create_canvas(args),
            "conversations.create" => self.create_channel(args),
            "conversations.invite" => self.invite(args),
            "conversations.members" => self.members(args),
            "conversations.join" => self.join(args),
            "conversations.leave" => self.leave(args),
            "conversations.kick" => self.kick(args),
            "conversations.open" => self.open_direct(args),
            "conversations.archive" => self.archive(args, true),
            "conversations.unarchive" => self.archive(args, false),
            "conversations.rename" => self.rename(args),
            "conversations.setTopic" => self.describe(args, "topic"),
            "conversations.setPurpose" => self.describe(args, "purpose"),
            "conversations.history" => self.history(args),
            "conversations.replies" => self.thread(args),
            "chat.postMessage" => self.post(args),
            "chat.update" => self.update(args),
            "chat.postEphemeral" => self.post_ephemeral(args),
            "chat.delete" => self.delete(args),
            "chat.getPermalink" => self.permalink(args),
            "views.open" => self.open_view(args),
            "views.push" => self.push_view(args),
            "views.update" => self.update_view(args),
            "views.publish" => self.publish_view(args),
            "pins.add" => self.pin(args),
            "pins.remove" => self.unpin(args),
            "pins.list" => self.pins(args),
            "bookmarks.add" => self.add_bookmark(args),
            "bookmarks.edit" => self.edit_bookmark(args),
            "bookmarks.remove" => self.remove_bookmark(args),
            "bookmarks.list" => self.bookmarks(args),
            "files.getUploadURLExternal" => self.upload_url(args),
            "files.completeUploadExternal" => self.complete_upload(args),
            "files.info" => self.file_info(args),
            "files.list" => self.file_list(args),
            "files.delete" => self.delete_file(args),
            "blocks.validate" => validate(args),
            _ => Err("unknown_method".into()),
        }
    }

    /// Carries out one call and says how it went, faults aside.
    fn answer(&self, method: &str, headers: &HeaderMap, args: Value) -> Value {
        let allowed = self.authorised(headers, &args);
        let args = Args(args);
        let allowed = allowed.and_then(|()| scopes::check(&self.state(), method, &args));
        let done = allowed.and_then(|()| self.dispatch(method, &args));
        match done {
            Ok(mut body) => {
                body["ok"] = json!(true);
                body
            }
            Err(refusal) => refusal.to_slack(),
        }
    }
}

async fn call(
    State(workspace): State<Workspace>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(args) = arguments(&headers, query.as_deref(), &body) else {
        return workspace.reply(&json!({"ok": false, "error": "invalid_json"}));
    };
    let fault = {
        let mut state = workspace.state();
        state.record(&method, &args);
        state.take_fault(&method)
    };
    match fault {
        None => workspace.reply(&workspace.answer(&method, &headers, args)),
        Some(Fault::Error(code)) => workspace.reply(&Refusal::from(code.as_str()).to_slack()),
        Some(Fault::RateLimited(seconds)) => {
            let mut response = workspace.reply(&json!({"ok": false, "error": "ratelimited"}));
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
        Some(Fault::LostReply) => {
            workspace.answer(&method, &headers, args);
            broken()
        }
        Some(Fault::Down) => (StatusCode::SERVICE_UNAVAILABLE, "upstream unavailable").into_response(),
    }
}

impl Workspace {
    /// A whole answer; what the app was granted stands in a header of each.
    fn reply(&self, body: &Value) -> Response {
        let granted = self.state().granted.join(",");
        let head = [
            (header::CONTENT_TYPE.as_str(), "application/json; charset=utf-8"),
            ("x-oauth-scopes", granted.as_str()),
            ("x-accepted-oauth-scopes", ""),
        ];
        (head, body.to_string()).into_response()
    }
}

/// A reply that breaks off: the server closes the connection in the middle of the body.
fn broken() -> Response {
    let gone = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the reply is lost");
    let pieces = [Ok(Bytes::from_static(b"{\"ok\":")), Err(gone)];
    let head = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    (head, Body::from_stream(futures::stream::iter(pieces))).into_response()
}

/// Query, form and JSON arguments as one object; nothing where the body is not what it claims to be.
fn arguments(headers: &HeaderMap, query: Option<&str>, body: &[u8]) -> Option<Value> {
    let mut all = Map::new();
    let mut add = |encoded: &[u8]| -> Option<()> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(encoded).ok()?;
        all.extend(pairs.into_iter().map(|(key, value)| (key, Value::String(value))));
        Some(())
    };
    add(query.unwrap_or_default().as_bytes())?;
    let json_body = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/json"));
    if !json_body {
        add(body)?;
    } else if !body.is_empty() {
        let Ok(Value::Object(map)) = serde_json::from_slice(body) else {
            return None;
        };
        all.extend(map);
    }
    Some(Value::Object(all))
}
