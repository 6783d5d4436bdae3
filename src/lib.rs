//! bbws: backup, restore and disaster recovery of an AWS platform from Slack, approved by two people.

pub mod adapters;
pub mod app;
pub mod boot;
pub mod config;
pub mod domain;
pub mod engine;
pub mod http;
pub mod manifest;
pub mod ports;
pub mod settings;
pub mod telemetry;
