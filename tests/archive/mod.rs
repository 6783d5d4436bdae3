//! Archives of real databases: dumped, read back, restored, tampered with; S3 against moto; validators of restored
//! databases. The servers are those that `tests/run` starts.

pub mod bed;
mod broken;
mod corrupt;
mod ends;
mod files;
mod kept;
mod memory;
mod mysql;
mod plain;
mod rounds;
mod s3;
mod shape;
pub mod sql;
