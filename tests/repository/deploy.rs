//! What is deployed: systemd accepts and confines the unit, the container is not root, the example variables are read.

use std::process::Command;

use bbws::settings::Settings;

const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/bbws.service");

fn systemd_analyze(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .arg(UNIT)
        .output()
        .expect("systemd-analyze runs; tests/run installs it (Debian package systemd)");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), said)
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    assert_eq!(systemd_analyze(&["verify", "--man=no"]), (true, String::new()));
}

/// The scale ends at 10.0, which is a service without any confinement; the threshold is in tenths.
#[test]
fn the_unit_is_confined() {
    let (good, said) = systemd_analyze(&["security", "--offline=true", "--no-pager", "--threshold=15"]);
    assert!(good, "{said}");
}

/// A setting of the unit.
fn setting(name: &str) -> String {
    let unit = std::fs::read_to_string(UNIT).expect("the unit is there");
    let all: Vec<&str> = unit.lines().filter_map(|l| l.strip_prefix(name)?.strip_prefix('=')).collect();
    assert_eq!(all.len(), 1, "{name} is set once");
    all[0].to_owned()
}

#[test]
fn what_cannot_start_is_failed_after_a_while_and_what_hangs_is_restarted() {
    let seconds = |name: &str| setting(name).parse::<u64>().expect("a number of seconds");
    let (within, starts, pause) = (seconds("StartLimitIntervalSec"), seconds("StartLimitBurst"), seconds("RestartSec"));
    assert!(starts > 0 && within > 0, "without a limit a unit that cannot start is never `failed`");
    // The ledger waits fifteen seconds for its database, the rest of a start is quick.
    assert!(starts * (pause + 30) < within, "{starts} starts take too long to be within {within} s");
    assert!(starts * pause >= 240, "a database that is restarted is not worth a failed unit");
    assert_eq!(setting("Type"), "notify");
    assert!(seconds("WatchdogSec") >= 30);
}

#[test]
fn the_service_can_read_its_config_which_is_roots() {
    assert_eq!(setting("DynamicUser"), "yes");
    assert_eq!(setting("LoadCredential"), "bbws.toml:/etc/bbws/bbws.toml");
    assert!(setting("ExecStart").ends_with(" serve --config %d/bbws.toml"), "{}", setting("ExecStart"));
}

#[test]
fn the_container_is_not_root_and_is_watched() {
    let file = include_str!("../../deploy/Containerfile");
    let stage = &file[file.rfind("\nFROM ").expect("there are stages")..];
    let line = |word: &str| stage.lines().find(|l| l.trim_start().starts_with(word)).unwrap_or_default().trim();
    let user = line("USER").trim_start_matches("USER ").split(':').next().and_then(|u| u.parse::<u32>().ok());
    assert!(user.is_some_and(|id| id > 0), "a numeric user other than root: `{}`", line("USER"));
    assert!(line("CMD [\"/usr/local/bin/busybox\"").contains("http://127.0.0.1:8080/healthz"));
    assert_eq!(line("ENTRYPOINT"), "ENTRYPOINT [\"/usr/local/bin/bbws\"]");
}

/// Variables as systemd and `--env-file` read them.
fn variables() -> Vec<(&'static str, &'static str)> {
    let lines = include_str!("../../deploy/bbws.env.example").lines();
    lines.filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once('=')).collect()
}

#[test]
fn the_example_variables_lack_only_the_secrets() {
    let get = |name: &str| variables().into_iter().find(|(n, _)| *n == name).map(|(_, v)| v.to_owned());
    let wrong = Settings::read(get).expect_err("the secrets are for the operator to fill in");
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    let filled = |name: &str| get(name).map(|v| if v.is_empty() { "filled-in".to_owned() } else { v });
    let settings = Settings::read(filled).expect("nothing else is missing");
    assert_eq!(settings.config.to_str(), Some("/etc/bbws/bbws.toml"));
    assert!(settings.listen.ip().is_loopback(), "behind a proxy that ends TLS");
}

/// A file of what Prometheus and Grafana are given.
fn deployed(name: &str) -> (String, String) {
    let path = format!("{}/deploy/prometheus/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("it is there");
    (path, text)
}

#[test]
fn prometheus_takes_the_alert_rules() {
    let (path, _) = deployed("rules.yml");
    let output = Command::new("promtool").args(["check", "rules", &path]).output();
    let output = output.expect("promtool runs; tests/run installs it (Debian package prometheus)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A rule about a metric that does not exist never fires, and nobody notices.
#[test]
fn alerts_and_the_dashboard_ask_for_what_is_measured() {
    let sources = ["src/telemetry.rs", "src/front/http/meters.rs"];
    let read = |path: &str| std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let measured = sources.map(read).concat();
    for name in ["rules.yml", "dashboard.json"] {
        let (_, text) = deployed(name);
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let metrics: Vec<&str> = words.filter(|word| word.starts_with("bbws_")).collect();
        assert!(metrics.len() > 5, "{name}: {metrics:?}");
        for metric in metrics {
            let whole = ["_bucket", "_count", "_sum"].iter().find_map(|end| metric.strip_suffix(end)).unwrap_or(metric);
            assert!(measured.contains(&format!("\"{whole}\"")), "{name} asks for {metric}, which nobody measures");
        }
    }
}
