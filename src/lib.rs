//! bbws: backup, restore and disaster recovery of an AWS platform from Slack, approved by two people.

pub mod app;
pub mod domain;
pub mod engine;
pub mod ports;
