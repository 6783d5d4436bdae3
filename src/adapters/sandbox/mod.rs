//! Imitations of the outside world that hold state: `bbws demo` runs on them, and so do the tests.

pub mod aws;
pub mod clock;
pub mod mortal;
pub mod tools;
pub mod workspace;
