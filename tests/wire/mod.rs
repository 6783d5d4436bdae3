//! The simulated AWS behind the wire: the real adapter speaks to it by the SDK, without a socket.

mod backups;
pub mod bed;
pub mod brought_back;
mod databases;
pub mod failback;
pub mod failover;
mod faults;
mod files;
mod lasting;
mod lifecycles;
mod models;
mod notices;
mod objects;
mod plans;
mod proven;
mod secrets;
mod vaults;
