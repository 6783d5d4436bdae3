//! What comes in: Slack and SNS over HTTP, and the local Slack workspace.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod front;
mod push;
mod support;
mod workspace;
