//! What carries out the steps of a plan: a file is a kind of step, or a family of kinds that share what they look at.

pub mod automated;
pub mod configuration;
pub mod delete;
pub mod dumps;
pub mod holds;
pub mod mounts;
pub mod plans;
pub mod record;
pub mod restore_database;
pub mod restore_files;
pub mod tagging;
pub mod uploads;
pub mod verify_bucket;
pub mod verify_database;
pub mod verify_files;
pub mod verify_lifecycle;
pub mod verify_secrets;
