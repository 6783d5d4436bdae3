//! A ledger that an earlier build wrote, with runs in flight: it opens, verifies, and goes on to its end.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bbws::{
    adapters::store::{Ledger, Options},
    app::letter::card_payload,
    config::Config,
    domain::{
        moment::Moment,
        operation::{Operation, State},
        step::{Step, StepState},
    },
    ports::clock::Clock,
};
use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};

use crate::support::{clock::ManualClock, rig::Rig};

/// Written by `freeze_ledger` of the build named in tests/frozen/README.md.
const WRITTEN: &str = include_str!("../frozen/ledger.sql");
/// The moment at which its process ended.
const ENDED: Moment = Moment(1_795_230_132_000);
/// What is in it, and how it stands there.
const SUCCEEDED: &str = "bk-1";
const POLLED: &str = "bk-2";
const CALLED: &str = "bk-3";
const WAITING: &str = "bk-4";

/// The ledger as it was written, in a file of its own.
async fn written() -> (String, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/bbws.db", directory.path().display());
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&format!("{url}?mode=rwc")).await.unwrap();
    // Tables are written in no order that their references would allow.
    let unchecked = format!("PRAGMA foreign_keys = OFF;\n{WRITTEN}");
    sqlx::raw_sql(AssertSqlSafe(unchecked)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    (url, directory)
}

async fn bodies(url: &str, sql: &'static str) -> Vec<String> {
    let mut connection = AnyConnection::connect(url).await.unwrap();
    let rows = sqlx::query(sql).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(0)).collect()
}

#[tokio::test]
async fn it_is_read_and_would_be_written_byte_by_byte_as_it_is() {
    let (url, _directory) = written().await;
    let ops = bodies(&url, "SELECT body FROM op ORDER BY id").await;
    let steps = bodies(&url, "SELECT body FROM step ORDER BY op_id, idx").await;
    assert_eq!(ops.len(), 4);
    for body in &ops {
        let op: Operation = serde_json::from_str(body).unwrap_or_else(|e| panic!("{body}: {e}"));
        assert_eq!(serde_json::to_string(&op).unwrap(), *body);
        assert_eq!(op.plan.digest(), op.digest);
    }
    assert!(steps.len() > 20, "{}", steps.len());
    for body in &steps {
        let step: Step = serde_json::from_str(body).unwrap_or_else(|e| panic!("{body}: {e}"));
        assert_eq!(serde_json::to_string(&step).unwrap(), *body);
    }
}

#[tokio::test]
async fn it_opens_verifies_and_goes_on_to_its_end() {
    let (url, _directory) = written().await;
    let clock = ManualClock::new();
    clock.set(ENDED + Duration::from_secs(60));
    let ledger = Arc::new(Ledger::open(&url, clock.clone(), Options::default()).await.expect("it opens"));
    let entries = ledger.verify_audit().await.unwrap().expect("it verifies").seq;
    let mut rig = Rig::new(ledger, clock, Config::demo(), 7);
    rig.process.store.break_leases().await.unwrap();

    let mut cards = BTreeMap::new();
    for id in [SUCCEEDED, POLLED, CALLED, WAITING] {
        let run = rig.run(id).await;
        cards.insert(id, card_payload(&run));
    }
    let card = |id: &str, environment: &str, state: &str| json!({"operation": id, "kind": "backup.create", "environment": environment, "state": state});
    assert_eq!(cards[SUCCEEDED], card(SUCCEEDED, "prod", "succeeded"));
    assert_eq!(cards[POLLED], card(POLLED, "dev", "running"));
    assert_eq!(cards[CALLED], card(CALLED, "sit", "running"));
    assert_eq!(cards[WAITING], card(WAITING, "prod", "awaiting_approval"));
    let stands = |run: &bbws::domain::operation::Run, state| run.steps.iter().any(|s| s.state == state);
    assert!(stands(&rig.run(POLLED).await, StepState::Polling));
    assert!(stands(&rig.run(CALLED).await, StepState::Calling));

    let before = rig.clock.now();
    // Requests are numbered from one in every test; those of the ledger's own time are taken for repeats.
    for _ in 0..20 {
        rig.command("U0BOB", "op list").await;
    }
    // The world it was planned for is not the one of this test, so its plan may have to be approved once more.
    for _ in 0..2 {
        rig.click("U0BOB", "approve", WAITING).await;
        rig.settle(Duration::from_secs(10)).await;
    }
    for id in [POLLED, CALLED, WAITING] {
        let end = rig.finish(id).await;
        assert_eq!(end, State::Succeeded, "{id}: {:#?}", rig.run(id).await);
    }
    assert!(rig.clock.now() > before);
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
    let after = rig.ledger.verify_audit().await.unwrap().expect("it still verifies").seq;
    assert!(after > entries, "{after} after {entries}");
    for environment in ["dev", "sit", "prod"] {
        assert_eq!(rig.ledger_holder(environment).await, None, "{environment} is free");
    }
}
