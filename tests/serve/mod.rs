//! `bbws serve` as others see it: the real binary, spoken to over HTTP as Slack speaks to it, on a local Slack workspace and
//! on moto with what moto lacks beside it.
#![allow(clippy::unwrap_used)]

mod amazon;
mod behind;
mod ends;
mod gate;
mod health;
mod jobs;
mod ledger;
mod path;
mod rules;
mod sparse;
mod stage;
mod watchdog;
