//! Slack over HTTP: signatures, replays, body limits, the three endpoints, health and metrics.

mod admit;
mod answer;
mod health;
mod meters;
mod replay;
mod slack;
mod verify;

use std::{
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
use self::{admit::Signed, meters::Meters};
pub(super) use self::{
    admit::{Rejected, receive, single},
    answer::Answer,
    health::router as health,
    meters::{Endpoint, Outcome},
};
use super::payload::Rules;
use crate::{
    app::inbound::Inbox,
    ports::{chat::Reply, clock::Clock},
};

/// Draws a reply as the JSON body Slack shows for a command.
pub type Render = Arc<dyn Fn(&Reply) -> Value + Send + Sync>;

/// What the handlers share.
pub(super) struct Gate {
    verifier: Verifier,
    seen: Seen,
    rules: Rules,
    pub(super) clock: Arc<dyn Clock>,
    inbox: Arc<dyn Inbox>,
    render: Render,
    answer_within: Duration,
    meters: Meters,
    requests: Requests,
    warned: AtomicI64,
}

/// Slack's endpoints.
pub(super) fn routes(gate: Arc<Gate>) -> Router {
    let signed = |endpoint| {
        post(move |State(gate): State<Arc<Gate>>, request: Request| async move {
            gate.watched(endpoint, slack::deal(endpoint, &gate, request)).await
        })
    };
    Router::new()
        .route("/slack/commands", signed(Endpoint::Commands))
        .route("/slack/interactions", signed(Endpoint::Interactions))
        .route("/slack/events", signed(Endpoint::Events))
        .with_state(gate)
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

impl Gate {
    /// A gate that remembers nothing yet.
    pub(super) fn new(
        signing_secret: &SecretString,
        rules: Rules,
        clock: Arc<dyn Clock>,
        inbox: Arc<dyn Inbox>,
        render: Render,
        answer_within: Duration,
    ) -> Gate {
        Gate {
            verifier: Verifier::new(signing_secret),
            seen: Seen::default(),
            rules,
            clock,
            inbox,
            render,
            answer_within,
            meters: Meters::new(),
            requests: Requests { process: rand::random(), count: AtomicU64::new(0) },
            warned: AtomicI64::new(i64::MIN),
        }
    }

    /// Does one request's work under a name of its own in the log, and counts what became of it.
    pub(super) async fn watched(
        &self,
        endpoint: Endpoint,
        work: impl Future<Output = Result<Answer, Rejected>>,
    ) -> Response {
        let started = Instant::now();
        let span = tracing::info_span!("request", request_id = %self.requests.next(), endpoint = endpoint.name());
        async {
            let (outcome, response) = match work.await {
                Ok(answer) => (answer.outcome, answer.response),
                Err(rejected) => {
                    self.warn(rejected.outcome);
                    (rejected.outcome, rejected.status.into_response())
                }
            };
            let took = started.elapsed();
            self.meters.record(endpoint, outcome, took);
            tracing::debug!(outcome = outcome.name(), status = response.status().as_u16(), ?took, "answered");
            response
        }
        .instrument(span)
        .await
    }

    /// Says in the log that a request was turned away; once a second at most, lest a flood of them fill the disk.
    fn warn(&self, outcome: Outcome) {
        let now = self.clock.now().seconds();
        if self.warned.swap(now, Ordering::Relaxed) != now {
            tracing::warn!(reason = outcome.name(), "a request was turned away; all of them are in {REQUESTS}");
        }
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
