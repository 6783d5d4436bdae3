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
    on_postgres(&super::pg::database().await, clock).await
}

/// One more ledger on such a database, as another replica has it, with connections of its own.
pub async fn on_postgres(url: &str, clock: Arc<ManualClock>) -> Arc<Ledger> {
    let options = Options { lease_clock_from_port: true, ..Options::default() };
    Arc::new(Ledger::open(url, clock, options).await.expect("a ledger opens on PostgreSQL"))
}
