//! The product from request to verified end, over simulated AWS, Slack and time, on both databases.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod approval;
mod backup;
mod control;
mod findings;
mod kill;
mod many;
mod soak;
mod watch;
