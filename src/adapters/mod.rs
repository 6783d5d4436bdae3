//! The outside world behind the ports: one module per system the product speaks to.

pub mod archive;
pub mod aws;
pub mod files;
pub mod sandbox;
pub mod slack;
pub mod sql;
pub mod store;
