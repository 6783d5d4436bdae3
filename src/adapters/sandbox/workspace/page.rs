//! The page and its endpoints: a browser acts as a person, and watches the workspace change.

use std::convert::Infallible;

use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::stream::{self, Stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::Workspace;
use super::fault::Fault;
use super::forms::Press;
use super::people::COMMAND;
use super::product::Product;

/// The page's files, part of the program.
const ASSETS: &[(&str, &str, &str)] = &[
    ("style.css", "text/css; charset=utf-8", include_str!("../page/style.css")),
    ("blocks.css", "text/css; charset=utf-8", include_str!("../page/blocks.css")),
    ("dom.js", JS, include_str!("../page/dom.js")),
    ("mrkdwn.js", JS, include_str!("../page/mrkdwn.js")),
    ("blocks.js", JS, include_str!("../page/blocks.js")),
    ("data.js", JS, include_str!("../page/data.js")),
    ("chart.js", JS, include_str!("../page/chart.js")),
    ("app.js", JS, include_str!("../page/app.js")),
    ("composer.js", JS, include_str!("../page/composer.js")),
    ("aws.js", JS, include_str!("../page/aws.js")),
    ("sides.js", JS, include_str!("../page/sides.js")),
];
const JS: &str = "text/javascript; charset=utf-8";
const INDEX: &str = include_str!("../page/index.html");

/// What the page may load: itself, and pictures.
const POLICY: &str = "default-src 'self'; img-src 'self' data: https:; base-uri 'none'; form-action 'self'; \
frame-ancestors 'none'";

/// One command of the product, as the page's command box offers it.
#[derive(Debug, Clone, Serialize)]
pub struct CommandHelp {
    /// The whole line with its arguments, for example `/bbws op show <id>`.
    pub usage: String,
    /// What it does, in a few words.
    pub about: String,
}

#[derive(Clone)]
struct Page {
    workspace: Workspace,
    product: Product,
}

#[derive(Deserialize)]
struct Watcher {
    user: String,
}

#[derive(Deserialize)]
struct Typed {
    user: String,
    channel: String,
    text: String,
    #[serde(default)]
    thread_ts: Option<String>,
}

#[derive(Deserialize)]
struct Looks {
    user: String,
}

#[derive(Deserialize)]
struct Click {
    user: String,
    /// The view the button stands in, where it stands in no message.
    #[serde(default)]
    view_id: Option<String>,
    #[serde(flatten)]
    press: Press,
}

#[derive(Deserialize)]
struct Filled {
    user: String,
    view_id: String,
    #[serde(default)]
    values: Value,
    /// The person closes the modal instead of submitting it.
    #[serde(default)]
    close: bool,
}

/// What a person does to a message besides pressing what is on it.
#[derive(Deserialize)]
#[serde(tag = "deed", rename_all = "snake_case")]
enum Deed {
    React { emoji: String },
    Edit { text: String },
    Delete,
}

#[derive(Deserialize)]
struct Done {
    user: String,
    channel: String,
    ts: String,
    #[serde(flatten)]
    deed: Deed,
}

#[derive(Deserialize)]
struct FaultWanted {
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    fault: Option<String>,
    /// Takes Slack down for every call, or brings it back.
    #[serde(default)]
    down: Option<bool>,
}

impl Workspace {
    /// The page at `/`, its files and endpoints under `/sandbox/page`, and response addresses under
    /// `/sandbox/slack/hooks`. People's acts are posted to the product at `base_url`.
    pub fn page(&self, base_url: &str, commands: Vec<CommandHelp>) -> Router {
        self.set_base_url(base_url);
        self.state().commands = json!(commands);
        let page = Page { workspace: self.clone(), product: Product::at(base_url) };
        Router::new()
            .route("/", get(index))
            .route("/sandbox/page/{file}", get(asset))
            .route("/sandbox/page/events", get(events))
            .route("/sandbox/page/commands", get(commands_list))
            .route("/sandbox/page/command", post(command))
            .route("/sandbox/page/click", post(click))
            .route("/sandbox/page/view", post(view))
            .route("/sandbox/page/home", post(home))
            .route("/sandbox/page/deed", post(deed))
            .route("/sandbox/page/dismiss", post(dismiss))
            .route("/sandbox/page/fault", post(fault))
            .route("/sandbox/slack/hooks/{id}", post(hook))
            .route("/sandbox/slack/upload/{id}", post(upload))
            .route("/sandbox/slack/files/{id}", get(file))
            .layer(DefaultBodyLimit::max(1 << 20))
            .with_state(page)
    }

    /// Ends the streams of all watching pages, so that a server can shut down in peace.
    pub fn close_pages(&self) {
        self.tell(None, Value::Null);
    }
}

async fn index() -> Response {
    let head = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (head, INDEX).into_response()
}

async fn asset(Path(file): Path<String>) -> Response {
    match ASSETS.iter().find(|(name, ..)| *name == file) {
        Some((_, kind, text)) => {
            ([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "no-cache")], *text).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn commands_list(State(page): State<Page>) -> Json<Value> {
    Json(page.workspace.state().commands.clone())
}

/// What one person sees: everything at first, then change by change; everything anew when the page fell behind.
async fn events(State(page): State<Page>, Query(watcher): Query<Watcher>) -> Response {
    if page.workspace.state().person(&watcher.user).is_none() {
        return (StatusCode::NOT_FOUND, "nobody of that id").into_response();
    }
    // Subscribed before the snapshot is taken: a change in between comes twice, which is harmless, never not at all.
    let changes = page.workspace.inner.changes.subscribe();
    let first = Some(page.workspace.snapshot(&watcher.user));
    let watching = (page.workspace, watcher.user, changes, first);
    let stream = stream::unfold(watching, |(workspace, user, mut changes, first)| async move {
        if let Some(snapshot) = first {
            return Some((event(&snapshot), (workspace, user, changes, None)));
        }
        loop {
            let body = match changes.recv().await {
                Ok(change) if change.body.is_null() => return None,
                Ok(change) if change.only_for.as_ref().is_none_or(|only| *only == user) => change.body,
                Ok(_) => continue,
                Err(RecvError::Lagged(_)) => workspace.snapshot(&user),
                Err(RecvError::Closed) => return None,
            };
            return Some((event(&body), (workspace, user, changes, None)));
        }
    });
    sse(stream)
}

fn event(body: &Value) -> Result<Event, Infallible> {
    Ok(Event::default().data(body.to_string()))
}

fn sse(stream: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    Sse::new(stream).keep_alive(KeepAlive::default()).into_response()
}

/// Typed text with names and signs as Slack hands them to apps: `@bob` and `#ops` as ids, `&`, `<`, `>` escaped.
fn escaped(workspace: &Workspace, text: &str) -> String {
    let state = workspace.state();
    let plain = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let word = |word: &str| {
        let person = word.strip_prefix('@').and_then(|name| state.people.iter().find(|p| p.name == name));
        let channel = word.strip_prefix('#').and_then(|name| state.channels.iter().find(|c| c.name == name));
        match (person, channel) {
            (Some(p), _) => format!("<@{}|{}>", p.id, p.name),
            (_, Some(c)) => format!("<#{}|{}>", c.id, c.name),
            _ => word.to_owned(),
        }
    };
    plain.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

async fn command(State(page): State<Page>, Json(typed): Json<Typed>) -> Response {
    let Page { workspace, product } = page;
    let Typed { user, channel, text, thread_ts } = typed;
    let text = text.trim();
    let name = text.split_whitespace().next().unwrap_or_default();
    if !name.starts_with('/') {
        let text = escaped(&workspace, text);
        let said = workspace.say(&user, &channel, &text, thread_ts.as_deref());
        let form =
            said.as_ref().ok().and_then(|ts| workspace.mention_form(&user, &channel, ts, &text, thread_ts.as_deref()));
        if let Some(form) = form {
            // Whoever writes a message waits for no app.
            tokio::spawn(async move {
                if let Err(code) = product.send(&form).await {
                    tracing::warn!(code, "bbws did not take that it was spoken to");
                }
            });
        }
        return outcome(said.map(|_| ()));
    }
    if name != COMMAND || thread_ts.is_some() {
        let why = if name == COMMAND { "works in channels, not in threads" } else { "is not a command here" };
        workspace.slackbot(&user, &channel, format!("`{name}` {why}. Try `{COMMAND} help` in a channel."));
        return outcome(Ok(()));
    }
    let rest = escaped(&workspace, text[name.len()..].trim_start());
    let form = match workspace.command_form(&user, &channel, &rest) {
        Ok(form) => form,
        Err(code) => return outcome(Err(code)),
    };
    match product.send(&form).await {
        Ok(reply) => workspace.command_replied(&user, &channel, &reply),
        Err(code) => workspace.command_failed(&user, &channel, code),
    }
    outcome(Ok(()))
}

async fn click(State(page): State<Page>, Json(click): Json<Click>) -> Response {
    let form = match &click.view_id {
        Some(view) => page.workspace.press_in_view_form(&click.user, view, &click.press),
        None => page.workspace.press_form(&click.user, &click.press),
    };
    let form = match form {
        Ok(form) => form,
        Err(code) => return outcome(Err(code)),
    };
    outcome(match page.product.send(&form).await {
        Ok(reply) if reply.status == 200 => Ok(()),
        Ok(reply) => Err(format!("bbws answered with status {}", reply.status)),
        Err(code) => Err(unanswered(code)),
    })
}

/// Somebody opens the app's Home.
async fn home(State(page): State<Page>, Json(looks): Json<Looks>) -> Response {
    let form = match page.workspace.open_home(&looks.user) {
        Ok(form) => form,
        Err(code) => return outcome(Err(code)),
    };
    outcome(match page.product.send(&form).await {
        Ok(_) => Ok(()),
        Err(code) => Err(unanswered(code)),
    })
}

async fn view(State(page): State<Page>, Json(filled): Json<Filled>) -> Response {
    let Page { workspace, product } = page;
    let open = workspace.modal(&filled.user).filter(|view| view["id"] == filled.view_id);
    let Some(open) = open else {
        return outcome(Err("this dialog is no longer open".into()));
    };
    if filled.close && open["notify_on_close"] != true {
        workspace.close_modal(&filled.user, Some(&filled.view_id));
        return outcome(Ok(()));
    }
    let kind = if filled.close { "view_closed" } else { "view_submission" };
    let form = match workspace.view_form(kind, &filled.user, &filled.view_id, &filled.values) {
        Ok(form) => form,
        Err(code) => return outcome(Err(code)),
    };
    let sent = product.send(&form).await;
    if filled.close {
        workspace.close_modal(&filled.user, Some(&filled.view_id));
        return outcome(Ok(()));
    }
    match sent {
        Err(code) => outcome(Err(unanswered(code))),
        Ok(reply) => match workspace.view_replied(&filled.user, &filled.view_id, &reply) {
            Ok(()) => outcome(Ok(())),
            Err(body) => (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response(),
        },
    }
}

async fn deed(State(page): State<Page>, Json(done): Json<Done>) -> Response {
    let Page { workspace, product } = page;
    let Done { user, channel, ts, deed } = done;
    let told = match deed {
        Deed::React { emoji } => workspace.react(&user, &channel, &ts, &emoji),
        Deed::Edit { text } => workspace.edit(&user, &channel, &ts, &escaped(&workspace, text.trim())),
        Deed::Delete => workspace.erase(&user, &channel, &ts),
    };
    match told {
        Ok(form) => {
            // Whoever does it waits for no app.
            tokio::spawn(async move {
                if let Err(code) = product.send(&form).await {
                    tracing::warn!(code, "bbws did not take what happened to a message");
                }
            });
            outcome(Ok(()))
        }
        Err(code) => outcome(Err(code)),
    }
}

/// "Dismiss" under an ephemeral message.
async fn dismiss(State(page): State<Page>, Json(click): Json<Value>) -> Response {
    let field = |key: &str| click[key].as_str().unwrap_or_default().to_owned();
    page.workspace.hush(&field("user"), &field("channel"), &field("ts"));
    outcome(Ok(()))
}

async fn fault(State(page): State<Page>, Json(wanted): Json<FaultWanted>) -> Response {
    if let Some(down) = wanted.down {
        page.workspace.set_down(down);
        return outcome(Ok(()));
    }
    let method = wanted.method.unwrap_or_else(|| "*".into());
    match wanted.fault.as_deref().and_then(Fault::parse) {
        Some(fault) => {
            page.workspace.fail_next(&method, fault);
            outcome(Ok(()))
        }
        None => outcome(Err("no such fault: try lost_reply, rate_limited:5, down or an error code".into())),
    }
}

async fn hook(State(page): State<Page>, Path(id): Path<String>, Json(body): Json<Value>) -> Response {
    match page.workspace.hook_called(&id, &body) {
        Ok(()) => "ok".into_response(),
        Err(code) => (StatusCode::NOT_FOUND, code).into_response(),
    }
}

async fn upload(State(page): State<Page>, Path(id): Path<String>, body: axum::body::Bytes) -> Response {
    match page.workspace.uploaded(&id, body.to_vec()) {
        true => format!("OK - {}", body.len()).into_response(),
        false => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A shared file, to be kept and not to be run in the page's name.
async fn file(State(page): State<Page>, Path(id): Path<String>) -> Response {
    let Some((name, bytes)) = page.workspace.file(&id) else { return StatusCode::NOT_FOUND.into_response() };
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{plain}\"")),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, bytes).into_response()
}

fn unanswered(code: &str) -> String {
    match code {
        "operation_timeout" => "bbws did not respond".into(),
        _ => "bbws could not be reached".into(),
    }
}

fn outcome(done: Result<(), String>) -> Response {
    match done {
        Ok(()) => Json(json!({"ok": true})).into_response(),
        Err(why) => (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"error": why}))).into_response(),
    }
}
