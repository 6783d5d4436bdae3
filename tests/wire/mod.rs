//! The simulated AWS behind the wire: the real adapter speaks to it by the SDK, without a socket.

mod bed;
mod databases;
mod faults;
mod notices;
