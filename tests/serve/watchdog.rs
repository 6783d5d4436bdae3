//! What systemd hears of the program, and what a monitoring system reads.

use std::{
    collections::BTreeMap,
    io::Write as _,
    os::unix::net::UnixDatagram,
    process::{Command, Stdio},
    time::Duration,
};

use crate::serve::stage::{Stage, until};

#[tokio::test]
async fn systemd_hears_that_it_serves_that_it_turns_and_that_it_ends() {
    let stage = Stage::set().await;
    let path = stage.directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut child = stage
        .bbws(&["serve"])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "3000000")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let heard = async |what: &str| {
        until(what, async || {
            let mut bytes = [0; 256];
            let length = socket.recv(&mut bytes).ok()?;
            String::from_utf8_lossy(&bytes[..length]).contains(what).then_some(())
        })
        .await;
    };
    heard("READY=1").await;
    assert_eq!(stage.get("/healthz").await.status, 200, "it serves when it says so");
    heard("WATCHDOG=1").await;
    heard("WATCHDOG=1").await;
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    heard("STOPPING=1").await;
    let ended = until("its end", async || child.try_wait().unwrap()).await;
    assert_eq!(ended.code(), Some(0));
}

/// Every series by its name and labels.
fn series(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|l| !l.starts_with('#') && !l.is_empty());
    lines.filter_map(|l| l.rsplit_once(' ')).filter_map(|(name, n)| Some((name.to_owned(), n.parse().ok()?))).collect()
}

#[tokio::test]
async fn metrics_are_clean_described_and_complete_from_the_start() {
    let stage = Stage::running().await;
    let first = stage.get("/metrics").await.body;
    check(&first);
    let at_start = series(&first);
    for expected in [
        "bbws_notices_deferred_total",
        "bbws_build_info{version=\"0.1.0\"}",
        "bbws_ledger_accept_batch_bucket{le=\"1\"}",
        "bbws_ledger_commit_seconds_bucket{of=\"accept\",le=\"0.005\"}",
        "bbws_ledger_commit_seconds_count{of=\"change\"}",
        "bbws_requests_total{endpoint=\"commands\",outcome=\"forged\"}",
        "bbws_ack_seconds_bucket{endpoint=\"commands\",le=\"3\"}",
        "bbws_loop_turns_total{loop=\"timer\"}",
        "bbws_operations_total{kind=\"backup.create\",state=\"failed\"}",
        "bbws_schedule_delay_seconds_bucket{le=\"3600\"}",
    ] {
        assert!(at_start.contains_key(expected), "{expected} is missing at the start:\n{first}");
    }
    let id = stage.asks("U0ALICE", "backup create dev rds").await;
    stage.card(&id, "succeeded").await;
    stage.workspace.set_down(true);
    stage.says("U0ALICE", "stop dev enough").await;
    let deferred = "bbws_notices_deferred_total";
    let later = until("a notice that is put off", async || {
        Some(stage.get("/metrics").await.body).filter(|text| series(text)[deferred] > 0.0)
    })
    .await;
    check(&later);
    // What is measured has its labels from there.
    let measured =
        ["bbws_newest_point_age_seconds{", "bbws_restore_test_age_seconds{", "bbws_watch_last_look_timestamp_seconds{"];
    let new: Vec<String> = series(&later)
        .into_keys()
        .filter(|name| !at_start.contains_key(name) && !measured.iter().any(|gauge| name.starts_with(gauge)))
        .collect();
    assert_eq!(new, [""; 0], "a counter that appears at 1 has no increase");
}

/// As Prometheus's own linter sees it.
fn check(text: &str) {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs; tests/run installs it (Debian package prometheus)");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
}

/// A unit that cannot start has to say why within its start time.
#[tokio::test]
async fn a_start_without_its_config_ends_at_once() {
    let stage = Stage::set().await;
    let began = std::time::Instant::now();
    let ended = stage.run(&["serve", "--config", "/nonexistent/bbws.toml"]).await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(began.elapsed() < Duration::from_secs(15));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("/nonexistent/bbws.toml"));
}
