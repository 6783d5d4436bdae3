//! bbws: backup of an AWS platform from Slack, approved by two people.
#![doc = include_str!("ARCHITECTURE.md")]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod adapters;
pub mod app;
pub mod boot;
pub mod config;
pub mod domain;
pub mod engine;
pub mod front;
pub mod manifest;
pub mod ports;
pub mod settings;
pub mod telemetry;
