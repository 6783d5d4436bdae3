//! What needs no server and no clock: the language, the config, the domain, what is drawn, and the repository itself.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod config;
mod domain;
mod grammar;
mod repository;
mod slack;
