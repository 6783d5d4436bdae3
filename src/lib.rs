//! bbws: backup, restore and disaster recovery of an AWS platform from Slack, approved by two people.

pub mod adapters;
pub mod domain;
pub mod ports;
