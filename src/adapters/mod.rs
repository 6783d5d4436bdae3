//! The outside world: what fulfils the ports.

pub mod aws;
