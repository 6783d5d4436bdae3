//! What the product is about, without anything around it.
#![allow(missing_docs, clippy::unwrap_used)]

mod active;
mod backups;
mod bisect;
mod buckets;
mod confidence;
mod faults;
mod frozen;
mod live;
mod machines;
mod operations;
mod plans;
mod price;
mod readiness;
mod restored;
mod restores;
mod retention;
mod stock;
mod tiers;
mod turning;
