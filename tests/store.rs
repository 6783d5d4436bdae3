//! The ledger: one suite, run on SQLite in memory, SQLite in a file, and PostgreSQL.

#[path = "store/bed.rs"]
mod bed;
#[path = "support/pg.rs"]
mod pg;

/// Runs each of these tests on every database.
macro_rules! on_every_database {
    ($($test:ident),* $(,)?) => {
        mod memory { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $test() { super::$test(crate::bed::Bed::memory().await).await; })* }
        mod file { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $test() { super::$test(crate::bed::Bed::file().await).await; })* }
        mod postgres { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $test() { super::$test(crate::bed::Bed::postgres().await).await; })* }
    };
}

#[path = "store/chain.rs"]
mod chain;
#[path = "store/claims.rs"]
mod claims;
#[path = "store/commits.rs"]
mod commits;
#[path = "store/marks.rs"]
mod marks;
#[path = "store/opening.rs"]
mod opening;
#[path = "store/outbox.rs"]
mod outbox;
#[path = "store/replicas.rs"]
mod replicas;
#[path = "store/requests.rs"]
mod requests;
#[path = "store/stops.rs"]
mod stops;
