//! Every answer, held against the models of AWS's services by Python's botocore over a real port.

use std::{path::Path, sync::Arc};

use bbws::adapters::sandbox::aws::port;
use tokio::process::Command;

use super::{
    backups::FS,
    bed::{Bed, DR},
    failover,
};

#[tokio::test]
async fn every_answer_has_the_shape_of_its_services_model() {
    let bed = Bed::new();
    failover::controls(&bed);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(port::serve(Arc::clone(&bed.aws), listener, std::future::pending()));
    // Whoever signs with credentials of its own has no role of the environment's.
    let account = bed.environment.account.as_str();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let asked = Command::new(root.join("target/venv/bin/python"))
        .arg(root.join("tests/wire/models.py"))
        .args([&address, account, FS, "bbws-prod", "bbws-prod-backups", "bbws-prod-mysql"])
        .output()
        .await
        .expect("target/venv has Python; `tests/run` makes it");
    let told = String::from_utf8_lossy(&asked.stdout);
    let mut lines: Vec<&str> = told.lines().filter(|line| !line.is_empty()).collect();
    let looked: usize = lines.pop().and_then(|line| line.parse().ok()).unwrap_or_default();
    assert_eq!(lines, [""; 0], "{}", String::from_utf8_lossy(&asked.stderr));
    assert!(looked > 110, "{looked} answers were looked at");
    assert!(bed.aws.journal().iter().any(|r| r.region == DR && r.operation == "Publish"));
}
