//! The ledger: one suite, run on SQLite in memory, SQLite in a file, and PostgreSQL.

mod bed;

/// Runs each of these tests on every database.
macro_rules! on_every_database {
    ($($test:ident),* $(,)?) => {
        mod memory { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $test() { super::$test(crate::store::bed::Bed::memory().await).await; })* }
        mod file { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $test() { super::$test(crate::store::bed::Bed::file().await).await; })* }
        mod postgres { $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)] async fn $test() { super::$test(crate::store::bed::Bed::postgres().await).await; })* }
    };
}

mod chain;
mod claims;
mod commits;
mod copies;
mod dropped;
mod failover;
mod marks;
mod opening;
mod outbox;
mod replicas;
mod requests;
mod stops;
