//! What the product is about, pure: no async, no input or output, no SDK, no SQL, no clock.

pub mod approval;
pub mod audit;
pub mod command;
pub mod environment;
pub mod exhibit;
pub mod incarnation;
pub mod lag;
pub mod mark;
pub mod moment;
pub mod operation;
pub mod operations;
pub mod plan;
pub mod point;
pub mod policy;
pub mod principal;
pub mod push;
pub mod restored;
pub mod retention;
pub mod run;
pub mod schedule;
pub mod step;
pub mod text;
pub mod topics;
pub mod watch;
pub mod world;
