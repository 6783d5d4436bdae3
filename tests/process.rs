//! The program as people run it: real processes, real deadlines, a real browser.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod page;
#[allow(dead_code)]
#[path = "support/pg.rs"]
mod pg;
mod serve;
mod sigkill;
