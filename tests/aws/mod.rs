//! The AWS adapters over real HTTP: against moto where moto knows the call, against answers in the shapes of AWS's own
//! service model where it does not. Every call made is compared with the IAM policies in `deploy/iam`.

mod backup;
mod buckets_data;
mod configuration;
mod conformance;
mod dumps;
mod ends;
mod errors;
mod exports;
mod fake;
mod files;
mod identity;
mod inventory;
mod measurements;
mod moto;
mod plans;
mod points;
mod policies;
mod records;
mod restores;
mod s3_fake;
mod secrets_check;
mod snapshots;
mod support;
mod vaults;
mod watch;
mod whole;
mod world;
