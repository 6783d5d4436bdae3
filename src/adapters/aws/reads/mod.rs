//! What is read of AWS as a whole: the survey a plan rests on, recovery points, measurements, and what `bbws check` says.

pub mod archives;
pub mod buckets;
pub mod capacity;
pub mod chain;
pub mod check;
pub mod components;
pub mod jobs;
pub mod keys;
pub mod lineage;
pub mod measure;
pub mod newest;
pub mod past;
pub mod places;
pub mod points;
pub mod readiness;
pub mod serving;
pub mod shelter;
pub mod sink;
pub mod stand_in;
mod standby;
pub mod survey;
pub mod tasks;
pub mod watch;
pub mod windows;
