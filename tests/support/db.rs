//! Fresh ledgers on both databases.

use std::sync::Arc;

use bbws::adapters::store::{Ledger, Options};

use super::clock::ManualClock;

/// In memory.
pub async fn sqlite(clock: Arc<ManualClock>) -> Arc<Ledger> {
    Arc::new(Ledger::open("sqlite::memory:", clock, Options::default()).await.expect("an in-memory ledger opens"))
}

/// On a real PostgreSQL server, with leases in simulated time.
pub async fn postgres(clock: Arc<ManualClock>) -> Arc<Ledger> {
    let url = super::pg::database().await;
    let options = Options { lease_clock_from_port: true, ..Options::default() };
    Arc::new(Ledger::open(&url, clock, options).await.expect("a ledger opens on PostgreSQL"))
}
