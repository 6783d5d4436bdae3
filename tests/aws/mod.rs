//! The AWS adapters over the simulated AWS at the level of HTTP, each test in one of its own; where a test is about an answer that
//! AWS seldom gives, that one answer is overridden. Every call made is compared with the IAM policies in `deploy/iam`.

mod backup;
pub mod bed;
mod buckets_data;
mod configuration;
mod conformance;
mod dumps;
mod ends;
mod errors;
mod exports;
mod files;
mod identity;
mod inventory;
mod measurements;
mod moto;
mod mysql;
mod plans;
mod points;
mod policies;
mod records;
mod restores;
mod secrets_check;
mod snapshots;
mod support;
mod watch;
mod whole;
mod world;
