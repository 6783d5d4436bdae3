//! AWS and what lies in it: the adapters, archives of databases, the simulated AWS.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod archive;
mod aws;
mod tenants;
mod wire;
