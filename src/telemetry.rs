//! Logs and metrics of the process, set up once at its start.

use std::{io::IsTerminal, time::Duration};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::front::http::ACK_SECONDS;

/// Upper bounds of the buckets of [`ACK_SECONDS`], in seconds.
const ACK_BUCKETS: [f64; 12] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0];

/// Samples wait in memory until they are counted; this often.
const UPKEEP: Duration = Duration::from_secs(1);

/// Sends logs to standard error: for people on a terminal, as JSON lines elsewhere. `RUST_LOG` chooses what is
/// logged, `info` unless it is set.
///
/// Standard output stays free for what commands print. A second call changes nothing.
pub fn log() {
    let wanted = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(wanted);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let set = if std::io::stderr().is_terminal() {
        registry.with(layer.with_target(false)).try_init()
    } else {
        registry.with(layer.json().flatten_event(true)).try_init()
    };
    if set.is_err() {
        tracing::debug!("logging was set up before");
    }
}

/// Installs the recorder of metrics and keeps it tidy from a task of the current runtime.
///
/// # Errors
/// When a recorder was installed before.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn metrics() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(ACK_SECONDS.to_owned()), &ACK_BUCKETS)?
        .install_recorder()?;
    let kept = handle.clone();
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(UPKEEP);
        loop {
            tick.tick().await;
            kept.run_upkeep();
        }
    });
    Ok(handle)
}
