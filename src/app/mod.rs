//! Use cases: what people ask for, decide and are told.

pub mod addresses;
pub mod announce;
pub mod authority;
pub mod change;
pub mod control;
mod convene;
pub mod decide;
mod deliver;
pub mod desk;
pub mod executors;
pub mod inbound;
mod insist;
pub mod inventory;
pub mod keeper;
mod lateness;
mod lift;
pub mod list;
mod mirrors;
pub mod planner;
pub mod push;
mod query;
pub mod recovery;
pub mod reports;
mod restorable;
pub mod restore_form;
pub mod room;
pub mod standing;
mod submit;
mod tidy;
pub mod timer;
mod turn;
mod waiting;
pub mod wake;
pub mod watch;

pub mod words;
