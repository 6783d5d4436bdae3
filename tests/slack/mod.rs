//! The Slack adapter: what a card says in every state, that it always fits, and what becomes of Slack's answers.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod attachment;
mod card;
mod client;
mod limits;
pub mod sample;
mod words;
