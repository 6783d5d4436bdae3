//! The alert rules and the dashboard, asked of a real Prometheus that scrapes the real program: an expression that Prometheus takes and
//! that is about nothing never fires.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use crate::serve::stage::{Stage, until};

/// What is measured only where restores for a test are promised.
const PROMISED: [&str; 2] = ["bbws_restore_test_age_seconds", "bbws_restore_test_promised_seconds"];

struct Prometheus {
    child: Child,
    server: String,
    _data: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It has nothing to keep.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn scraping(program: std::net::SocketAddr) -> Prometheus {
        let data = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let rules = format!("{}/deploy/prometheus/rules.yml", env!("CARGO_MANIFEST_DIR"));
        let config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [\"{rules}\"]\n\
             scrape_configs: [{{ job_name: bbws, static_configs: [{{ targets: [\"{program}\"] }}] }}]\n"
        );
        let file = data.path().join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", data.path().join("data").display()))
            .arg(format!("--web.listen-address={free}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus runs; tests/run installs it (Debian package prometheus)");
        Prometheus { child, server: format!("http://{free}"), _data: data }
    }

    /// What promtool prints; none where Prometheus refuses it or does not answer yet.
    fn asked(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("promtool").arg("query").args(arguments).output().unwrap();
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Every expression of the rules and of the dashboard.
fn expressions() -> Vec<String> {
    let read = |name: &str| {
        std::fs::read_to_string(format!("{}/deploy/prometheus/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    let rules = read("rules.yml");
    let of_rules = rules.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).map(str::to_owned);
    let dashboard: serde_json::Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    // Grafana puts the chosen environments there.
    let of_panels = targets.map(|target| target["expr"].as_str().unwrap().replace("$environment", ".*"));
    of_rules.chain(of_panels).collect()
}

#[tokio::test]
async fn every_expression_is_taken_and_is_about_what_the_program_measures() {
    let stage = Stage::running().await;
    let prometheus = Prometheus::scraping(stage.address);
    let server = prometheus.server.as_str();
    let series = |metric: &str| {
        prometheus.asked(&["series", &format!("--match={metric}"), server]).filter(|found| !found.trim().is_empty())
    };
    until("the first look of the watcher to be scraped", async || series("bbws_newest_point_age_seconds")).await;
    let all = expressions();
    assert!(all.len() > 15, "{all:?}");
    let mut metrics = BTreeSet::new();
    for expression in &all {
        assert!(prometheus.asked(&["instant", server, expression]).is_some(), "Prometheus refuses {expression}");
        let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        metrics.extend(words.filter(|word| word.starts_with("bbws_")).map(str::to_owned));
    }
    let expected = |metric: &&String| !PROMISED.contains(&metric.as_str());
    let absent: Vec<&String> = metrics.iter().filter(expected).filter(|metric| series(metric).is_none()).collect();
    assert_eq!(absent, [""; 0], "nobody measures these");
    assert!(prometheus.asked(&["instant", server, "bbws_nothing["]).is_none(), "what is wrong is refused");
    let down = prometheus.asked(&["instant", server, "ALERTS{alertname=\"BbwsDown\"}"]).unwrap();
    assert!(down.trim().is_empty(), "it is scraped: {down}");
}
