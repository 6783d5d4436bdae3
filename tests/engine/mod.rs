//! The product from request to verified end, over simulated AWS, Slack and time, on both databases.
#![allow(missing_docs, clippy::unwrap_used)]

mod advice;
mod approval;
mod asks;
mod backup;
mod bisect;
mod calls;
mod control;
mod delivery;
mod every;
mod findings;
mod frozen;
mod held;
mod keeper;
mod kill;
mod lists;
mod many;
mod outages;
mod pace;
mod protected;
mod restorable;
mod silence;
mod soak;
mod status;
mod turns;
mod watch;
