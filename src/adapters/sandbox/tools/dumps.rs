//! Simulated dump programs: the text they would write of a database in the simulated AWS.

use std::{fmt::Write as _, sync::Arc};

use async_trait::async_trait;

use super::databases::{TABLES, schemas, title};
use crate::{
    adapters::{
        archive::{ArchiveError, DataKey, Dumper, PartSink, Source, Written, seal},
        sandbox::aws::SimAws,
    },
    domain::environment::Engine,
};

/// Writes dumps of what the simulated servers hold.
#[derive(Debug)]
pub struct SimDumps {
    aws: Arc<SimAws>,
}

impl SimDumps {
    /// Of this AWS.
    pub fn new(aws: Arc<SimAws>) -> SimDumps {
        SimDumps { aws }
    }
}

#[async_trait]
impl Dumper for SimDumps {
    async fn dump(
        &self,
        source: &Source,
        key: &DataKey,
        sink: Box<dyn PartSink>,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<Written, ArchiveError> {
        let engine = source.server.engine;
        if engine == Engine::Postgres {
            return Err(ArchiveError::Permanent(
                "The simulated AWS has no dump program for PostgreSQL. Declare dumps of MySQL or MariaDB here.".into(),
            ));
        }
        let text = text(engine, &source.host, &schemas(&source.schemas), &self.aws.now().iso());
        progress(text.len() as u64);
        seal(text.as_bytes(), engine, key, sink).await
    }
}

/// As mysqldump and mariadb-dump write it.
pub(in super::super) fn text(engine: Engine, host: &str, schemas: &[String], at: &str) -> String {
    let mut text = format!("-- {} dump\n--\n-- Host: {host}\n", title(engine));
    for schema in schemas {
        let _ = write!(
            text,
            "\n--\n-- Current Database: `{schema}`\n--\n\nCREATE DATABASE `{schema}`;\n\nUSE `{schema}`;\n"
        );
        for table in TABLES {
            let _ = write!(
                text,
                "\n--\n-- Table structure for table `{table}`\n--\n\nCREATE TABLE `{table}` (\n  `id` int NOT NULL,\n  `value` text\n);\n\
                 INSERT INTO `{table}` VALUES (1,'{schema}'),(2,'{at}');\n"
            );
        }
    }
    let _ = writeln!(text, "\n-- Dump completed on {at}");
    text
}
