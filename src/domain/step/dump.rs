//! A logical dump in an instance of its own: the instance is made empty, then the dump is loaded.

use serde::{Deserialize, Serialize};

use super::{Metric, Parameters};
use crate::domain::environment::Engine;

/// `rds:CreateDBInstance`: an empty instance of the engine, version, class and storage of another one, in a network of its own, with
/// that one's login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateEmpty {
    /// Region it is made in.
    pub region: String,
    /// The instance it is like.
    pub database: String,
    /// Secret with that one's login.
    pub secret: String,
    /// Name of the instance to make.
    pub instance: String,
    /// DB subnet group; empty where it gets that of the instance it is like.
    pub subnet_group: String,
    /// VPC security groups; none where it gets those of the instance it is like.
    pub security_groups: Vec<String>,
    /// Made to take the place of that one: with all of its settings. Left out where it is not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
    /// Region of the instance it is like and of the secret, where that is another one: its key is that of copies there, then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_region: Option<String>,
}

impl Parameters for CreateEmpty {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.database
    }

    fn label(&self) -> &'static str {
        "Make empty databases"
    }
}

/// Reads an archive of `dump.export` to its end, loads it into an instance that the same operation made, and compares what is there
/// then with what the archive holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadDump {
    /// Region of the bucket and the instance.
    pub region: String,
    /// Bucket.
    pub bucket: String,
    /// Object key.
    pub key: String,
    /// The instance that was dumped.
    pub database: String,
    /// Engine.
    pub engine: Engine,
    /// Secret with the login of both.
    pub secret: String,
    /// What the config says is dumped: schemas, in PostgreSQL the database.
    pub schemas: Vec<String>,
    /// The instance it is loaded into.
    pub instance: String,
    /// Region of the instance that was dumped, of the secret and of the key of dumps, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_region: Option<String>,
}

impl Parameters for LoadDump {
    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    fn resource(&self) -> &str {
        &self.database
    }

    fn label(&self) -> &'static str {
        "Load dumps"
    }

    fn metric(&self) -> Option<Metric> {
        Some(Metric::Restore)
    }
}
