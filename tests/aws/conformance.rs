//! moto and the simulated AWS answer the same to the same calls, but for what `conformance.py` lists with its reason.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::SystemTime};

use bbws::{
    adapters::sandbox::aws::{SimAws, port},
    ports::clock::SystemClock,
};
use tokio::process::Command;

use crate::aws::{moto, support::topics};

/// An account that no other test uses, since moto is shared.
fn account() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is right").as_micros();
    format!("{:012}", 100_000_000_000 + now % 800_000_000_000)
}

#[tokio::test]
async fn moto_and_the_simulated_aws_answer_alike() {
    let aws = Arc::new(SimAws::new(&BTreeMap::new(), &topics(), Arc::new(SystemClock), 1));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    tokio::spawn(port::serve(Arc::clone(&aws), listener, std::future::pending()));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let asked = Command::new(root.join("target/venv/bin/python"))
        .arg(root.join("tests/aws/conformance.py"))
        .args([moto::address(), &address, &account()])
        .output()
        .await
        .expect("target/venv has Python; `tests/run` makes it");
    let told = String::from_utf8_lossy(&asked.stdout);
    let mut lines: Vec<&str> = told.lines().filter(|line| !line.is_empty()).collect();
    let compared: usize = lines.pop().and_then(|line| line.parse().ok()).unwrap_or_default();
    assert_eq!(lines, [""; 0], "{}", String::from_utf8_lossy(&asked.stderr));
    assert!(compared > 80, "{compared} answers were compared");
}
