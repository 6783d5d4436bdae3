//! One tenant's rows brought back into real servers: staged, compared, swapped, merged, and taken back.

mod bed;
mod dumped;
mod large;
mod merged;
mod refused;
mod swapped;
