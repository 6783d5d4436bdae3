//! What the test binaries share: simulated time, Slack and death, and the rig that holds them together.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

pub mod chat;
pub mod clock;
pub mod db;
pub mod kill;
pub mod measurements;
pub mod moved;
pub mod overwrite;
pub mod pg;
pub mod rig;
pub mod rooms;
