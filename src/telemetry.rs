//! Logs and metrics of the process, set up once at its start.

use std::{io::IsTerminal, sync::OnceLock, time::Duration};

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    domain::{
        operation::State,
        operations::{self, Operation},
    },
    front::http::ACK_SECONDS,
};

/// Turns of the loops.
const TURNS: &str = "bbws_loop_turns_total";
/// What runs.
const BUILD: &str = "bbws_build_info";
/// Notices that did not get through at the first attempt; see `app::announce`.
const DEFERRED: &str = "bbws_notices_deferred_total";
/// Transactions of the ledger; see `adapters::store`.
const COMMIT_SECONDS: &str = "bbws_ledger_commit_seconds";
/// Requests in one transaction; see `adapters::store`.
const ACCEPT_BATCH: &str = "bbws_ledger_accept_batch";

/// Notices that no place takes; see `app::announce`.
const UNDELIVERABLE: &str = "bbws_notices_undeliverable_total";
/// Notices that are not told yet; see `app::watch`.
const UNSENT: &str = "bbws_notices_unsent";
/// How late what a schedule starts was started; see `app::timer`.
const SCHEDULE_DELAY: &str = "bbws_schedule_delay_seconds";
/// Ends of operations, and what needs a person; see `adapters::store`.
const OPERATIONS: &str = "bbws_operations_total";
/// When an environment was last looked at, its lags, and the age of its restore tests; see `app::watch`.
const LAST_LOOK: &str = "bbws_watch_last_look_timestamp_seconds";
const POINT_AGE: &str = "bbws_newest_point_age_seconds";
const TEST_AGE: &str = "bbws_restore_test_age_seconds";
/// What is promised of them, by the config.
const RPO: &str = "bbws_rpo_seconds";
const TEST_EVERY: &str = "bbws_restore_test_promised_seconds";

/// What the loops are counted as.
pub const LOOPS: [&str; 6] = ["engine", "announcer", "watcher", "sweeper", "keeper", "timer"];
/// What transactions are for.
const COMMITS: [&str; 2] = ["accept", "change"];

/// Upper bounds in seconds.
const ACK_BUCKETS: [f64; 12] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0];
const COMMIT_BUCKETS: [f64; 11] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0];
const DELAY_BUCKETS: [f64; 8] = [5.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0];
/// Upper bounds in requests.
const BATCH_BUCKETS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0, 512.0];

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

/// The recorder of metrics. The first time it is installed, and kept tidy from a task of the current runtime.
///
/// # Errors
/// When another recorder was installed before.
///
/// # Panics
/// Outside a Tokio runtime.
pub fn metrics() -> Result<PrometheusHandle, BuildError> {
    static INSTALLED: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = INSTALLED.get() {
        return Ok(handle.clone());
    }
    let full = |name: &str| Matcher::Full(name.to_owned());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(full(ACK_SECONDS), &ACK_BUCKETS)?
        .set_buckets_for_metric(full(COMMIT_SECONDS), &COMMIT_BUCKETS)?
        .set_buckets_for_metric(full(ACCEPT_BATCH), &BATCH_BUCKETS)?
        .set_buckets_for_metric(full(SCHEDULE_DELAY), &DELAY_BUCKETS)?
        .install_recorder()?;
    declare();
    let kept = handle.clone();
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(UPKEEP);
        loop {
            tick.tick().await;
            kept.run_upkeep();
        }
    });
    Ok(INSTALLED.get_or_init(|| handle).clone())
}

/// Describes what is counted, and makes every series be there from the start: of a counter that appears at 1, `increase()`
/// sees nothing. The front does so for its own.
fn declare() {
    describe_counter!(TURNS, "Turns of the loops that work off the ledger, by loop");
    describe_gauge!(BUILD, "Always 1; the label says which version runs");
    describe_counter!(DEFERRED, "Attempts to tell Slack or SNS something that are made again");
    describe_histogram!(
        COMMIT_SECONDS,
        metrics::Unit::Seconds,
        "Time of a transaction of the ledger, by what it is for"
    );
    describe_counter!(UNDELIVERABLE, "Attempts to tell something that no place in Slack takes");
    describe_gauge!(UNSENT, "Notices that are not told yet, by the watcher's last look");
    describe_counter!(OPERATIONS, "Operations that ended or came to need a person, by kind and by state");
    describe_histogram!(
        SCHEDULE_DELAY,
        metrics::Unit::Seconds,
        "How long after its time something was started by schedule"
    );
    describe_gauge!(LAST_LOOK, metrics::Unit::Seconds, "When an environment was last looked at, in Unix time");
    describe_gauge!(
        POINT_AGE,
        metrics::Unit::Seconds,
        "How old the newest good recovery point of a component is, or how far a copy is behind"
    );
    describe_gauge!(
        TEST_AGE,
        metrics::Unit::Seconds,
        "How long ago a backup of a resource was last restored for a test"
    );
    describe_gauge!(
        RPO,
        metrics::Unit::Seconds,
        "The RPO of a component by the config: how old its newest point may be"
    );
    describe_gauge!(
        TEST_EVERY,
        metrics::Unit::Seconds,
        "How long ago the last test restore of a resource may be, by the config"
    );
    describe_histogram!(ACCEPT_BATCH, "Requests that share a transaction of the ledger");
    for name in LOOPS {
        drop(counter!(TURNS, "loop" => name));
    }
    for of in COMMITS {
        drop(histogram!(COMMIT_SECONDS, "of" => of));
    }
    for kind in operations::ALL.into_iter().map(Operation::kind) {
        for state in State::ALL.into_iter().filter(|state| state.counted()) {
            drop(counter!(OPERATIONS, "kind" => kind, "state" => state.name()));
        }
    }
    drop(histogram!(SCHEDULE_DELAY));
    drop(counter!(UNDELIVERABLE));
    drop(counter!(DEFERRED));
    drop(gauge!(UNSENT));
    drop(histogram!(ACCEPT_BATCH));
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// Counts a turn of a loop, one of [`LOOPS`].
pub fn turned(name: &'static str) {
    counter!(TURNS, "loop" => name).increment(1);
}
