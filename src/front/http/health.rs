//! `/healthz`, `/readyz` and `/metrics`: what machines ask.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};
use tokio::{sync::Mutex, time::Instant};

/// How long a check may take.
const CHECK_WITHIN: Duration = Duration::from_secs(2);

type Probe = dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync;

/// Something that has to hold before requests should be sent here.
#[derive(Clone)]
pub struct Check {
    name: String,
    good_for: Duration,
    /// Without it the process is not alive.
    vital: bool,
    probe: Arc<Probe>,
    last: Arc<Mutex<Option<Known>>>,
}

/// A result and when it was got.
type Known = (Instant, Result<(), String>);

impl Check {
    /// A check whose result, good or bad, is believed for `good_for`. It fails with a reason people can read, which
    /// anybody who reaches the port gets to see: no secret and no address with one.
    pub fn new<F>(name: &str, good_for: Duration, probe: impl Fn() -> F + Send + Sync + 'static) -> Check
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let probe: Arc<Probe> = Arc::new(move || Box::pin(probe()));
        Check { name: name.to_owned(), good_for, vital: false, probe, last: Arc::default() }
    }

    /// A check of the process itself: when it fails, `/healthz` fails too, and whoever asks that restarts the process.
    pub fn vital(name: &str, probe: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Check {
        Check { vital: true, ..Check::new(name, Duration::ZERO, move || std::future::ready(probe())) }
    }

    /// The result, at most `good_for` old. Whoever asks meanwhile waits for the same one.
    async fn result(&self) -> Result<(), String> {
        let mut last = self.last.lock().await;
        if let Some((at, result)) = &*last
            && at.elapsed() < self.good_for
        {
            return result.clone();
        }
        let result = match tokio::time::timeout(CHECK_WITHIN, (self.probe)()).await {
            Ok(result) => result,
            Err(_) => Err(format!("no answer within {} s", CHECK_WITHIN.as_secs())),
        };
        *last = Some((Instant::now(), result.clone()));
        result
    }
}

/// The routes machines ask.
pub(in crate::front) fn router(checks: Vec<Check>, metrics: Option<PrometheusHandle>) -> Router {
    let router = Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .with_state(Arc::<[Check]>::from(checks));
    match metrics {
        Some(handle) => router.route("/metrics", get(render).with_state(handle)),
        None => router,
    }
}

async fn alive(State(checks): State<Arc<[Check]>>) -> Response {
    for check in checks.iter().filter(|check| check.vital) {
        if let Err(why) = check.result().await {
            return (StatusCode::SERVICE_UNAVAILABLE, format!("{}: {why}\n", check.name)).into_response();
        }
    }
    "ok\n".into_response()
}

async fn ready(State(checks): State<Arc<[Check]>>) -> Response {
    let results = futures::future::join_all(checks.iter().map(Check::result)).await;
    let ready = results.iter().all(Result::is_ok);
    let told: Vec<Value> = checks
        .iter()
        .zip(results)
        .map(|(check, result)| json!({ "check": check.name, "ok": result.is_ok(), "reason": result.err() }))
        .collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "checks": told }))).into_response()
}

async fn render(State(handle): State<PrometheusHandle>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
}
