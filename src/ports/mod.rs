//! What the product needs of the world, as traits. Adapters fulfil them; boot chooses which.

pub mod alert;
pub mod chat;
pub mod check;
pub mod clock;
pub mod cloud;
pub mod fetch;
pub mod rooms;
pub mod store;
