//! The front: requests from Slack and SNS are verified, parsed and handed on; nothing is decided here.

mod admit;
mod answer;
mod commands;
mod events;
mod health;
mod interactions;
mod meters;
mod push;
mod replay;
mod verify;

use std::{
    collections::HashSet,
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::post,
    serve::ListenerExt,
};
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use serde_json::Value;
use tokio::net::TcpListener;
use tracing::Instrument;

pub use self::{
    admit::MAX_BODY,
    health::Check,
    meters::{ACK_SECONDS, REQUESTS},
    replay::Seen,
    verify::{Distrust, SignatureId, Verifier, WINDOW},
};
use self::{
    admit::Rejected,
    answer::Answer,
    meters::{Endpoint, Meters, Outcome},
};
use crate::{
    app::{inbound::Inbox, push::Push},
    ports::{chat::Reply, clock::Clock},
};

/// How long a person waits for an answer at most, a little more than the inbox takes by its own count, unless [`Front::answer_within`] says otherwise.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(950);

/// Draws a reply as the JSON body Slack shows for a command.
pub type Render = Arc<dyn Fn(&Reply) -> Value + Send + Sync>;

/// All the front needs.
pub struct Front {
    /// Slack's signing secret.
    pub signing_secret: SecretString,
    /// Workspaces whose members may act.
    pub teams: Vec<String>,
    /// Ids of the Slack apps that may call; any when empty.
    pub apps: Vec<String>,
    /// Name of the slash command, with its slash.
    pub command: String,
    /// The present time.
    pub clock: Arc<dyn Clock>,
    /// Who takes requests in.
    pub inbox: Arc<dyn Inbox>,
    /// Draws replies.
    pub render: Render,
    /// Who takes what SNS pushes; nobody is believed where left out.
    pub push: Option<Arc<Push>>,
    /// How long the inbox may take before the person is told that it goes on; usually [`ANSWER_WITHIN`].
    pub answer_within: Duration,
    /// What has to hold for `/readyz`.
    pub checks: Vec<Check>,
    /// Where `/metrics` comes from; 404 without.
    pub metrics: Option<PrometheusHandle>,
}

/// What the handlers share.
struct Desk {
    verifier: Verifier,
    seen: Seen,
    teams: HashSet<String>,
    apps: HashSet<String>,
    command: String,
    clock: Arc<dyn Clock>,
    inbox: Arc<dyn Inbox>,
    render: Render,
    push: Option<push::Gate>,
    answer_within: Duration,
    meters: Meters,
    requests: Requests,
    warned: AtomicI64,
}

/// The routes of the product. Metrics have to be installed before, or nothing is counted.
pub fn router(front: Front) -> Router {
    let health = health::router(front.checks, front.metrics);
    let desk = Arc::new(Desk {
        verifier: Verifier::new(&front.signing_secret),
        seen: Seen::default(),
        teams: front.teams.into_iter().collect(),
        apps: front.apps.into_iter().collect(),
        command: front.command,
        clock: front.clock,
        inbox: front.inbox,
        render: front.render,
        push: front.push.map(push::Gate::new),
        answer_within: front.answer_within,
        meters: Meters::new(),
        requests: Requests { process: rand::random(), count: AtomicU64::new(0) },
        warned: AtomicI64::new(i64::MIN),
    });
    let signed = |endpoint| post(move |State(desk): State<Arc<Desk>>, request| handle(endpoint, desk, request));
    Router::new()
        .route("/slack/commands", signed(Endpoint::Commands))
        .route("/slack/interactions", signed(Endpoint::Interactions))
        .route("/slack/events", signed(Endpoint::Events))
        .route("/aws/sns", signed(Endpoint::Sns))
        .with_state(desk)
        .merge(health)
}

/// Serves until `shutdown` is over and the requests under way are answered.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // Answers are small: waiting to fill a packet would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
    });
    axum::serve(listener, router).with_graceful_shutdown(shutdown).await
}

async fn handle(endpoint: Endpoint, desk: Arc<Desk>, request: Request) -> Response {
    let started = Instant::now();
    let span = tracing::info_span!("request", request_id = %desk.requests.next(), endpoint = endpoint.name());
    async {
        let (outcome, response) = match dealt(endpoint, &desk, request).await {
            Ok(answer) => (answer.outcome, answer.response),
            Err(rejected) => {
                desk.warn(rejected.outcome);
                (rejected.outcome, rejected.status.into_response())
            }
        };
        let took = started.elapsed();
        desk.meters.record(endpoint, outcome, took);
        tracing::debug!(outcome = outcome.name(), status = response.status().as_u16(), ?took, "answered");
        response
    }
    .instrument(span)
    .await
}

async fn dealt(endpoint: Endpoint, desk: &Arc<Desk>, request: Request) -> Result<Answer, Rejected> {
    if endpoint == Endpoint::Sns {
        return push::deal(desk, request).await.map(Answer::empty);
    }
    let signed = admit::admit(desk, request).await?;
    Ok(match endpoint {
        Endpoint::Commands => commands::deal(desk, signed).await,
        Endpoint::Interactions => interactions::deal(desk, signed).await,
        Endpoint::Events | Endpoint::Sns => events::deal(desk, signed).await,
    })
}

impl Desk {
    /// Says in the log that a request was turned away; once a second at most, lest a flood of them fill the disk.
    fn warn(&self, outcome: Outcome) {
        let now = self.clock.now().seconds();
        if self.warned.swap(now, Ordering::Relaxed) != now {
            tracing::warn!(reason = outcome.name(), "a request was turned away; all of them are in {REQUESTS}");
        }
    }

    /// Why somebody of these workspaces, calling through this app, may not act; in a sentence.
    fn barred<'a>(&self, teams: impl IntoIterator<Item = &'a str>, app: &str) -> Option<String> {
        if let Some(team) = teams.into_iter().find(|t| !self.teams.contains(*t)) {
            let team = answer::shown(team);
            return Some(format!(
                "Members of workspace `{team}` may not use this app. Nothing was done. Whoever runs bbws can add the \
                 workspace to `teams` in its configuration."
            ));
        }
        if !self.apps.is_empty() && !self.apps.contains(app) {
            let app = answer::shown(app);
            return Some(format!(
                "This came through Slack app `{app}`, which bbws does not answer. Nothing was done. Whoever runs bbws \
                 can add the app to `apps` in its configuration."
            ));
        }
        None
    }
}

/// Numbers requests, differently in every process.
struct Requests {
    process: u32,
    count: AtomicU64,
}

impl Requests {
    fn next(&self) -> RequestId {
        RequestId(self.process, self.count.fetch_add(1, Ordering::Relaxed))
    }
}

struct RequestId(u32, u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}", self.0, self.1)
    }
}

/// Whether a text can be an id of Slack's: a user, team, channel, app or event.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}
