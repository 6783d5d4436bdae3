//! The ledger on every database, and the engine on top of it in simulated time.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod engine;
mod store;
mod support;
