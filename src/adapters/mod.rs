//! The outside world behind the ports: one module per system the product speaks to.

pub mod sandbox;
pub mod slack;
pub mod store;
//! The outside world: what fulfils the ports.

pub mod aws;
