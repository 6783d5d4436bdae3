//! The ports fulfilled: one module per system the product speaks to.

pub mod slack;
