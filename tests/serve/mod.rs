//! `bbws serve` as others see it: the real binary, spoken to over HTTP as Slack speaks to it, on a local Slack workspace and
//! on a simulated AWS.
#![allow(clippy::unwrap_used)]

mod amazon;
mod behind;
mod console;
mod ends;
mod expressions;
mod gate;
mod health;
mod ledger;
mod path;
mod proxy;
mod rules;
mod sparse;
mod stage;
mod watchdog;
