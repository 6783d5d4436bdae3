//! What lies in the simulated AWS, for the tools that look into it: databases, their dumps, file systems. No socket is opened.

pub mod databases;
pub mod dumps;
pub mod files;
pub mod tenants;
pub mod web;
