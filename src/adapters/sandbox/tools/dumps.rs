//! Simulated dump programs: the text they would write of a database in the simulated AWS.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    adapters::{
        archive::{
            AnyReader, ArchiveError, DataKey, Dumper, Expected, PartSink, Sealed, Source, Written, seal, unseal,
        },
        sandbox::aws::{
            SimAws,
            world::schemas::{dump, schemas},
        },
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
        let text = dump(engine, &source.host, &schemas(&source.schemas), &self.aws.now().iso());
        progress(text.len() as u64);
        seal(text.as_bytes(), engine, key, sink).await
    }

    async fn load(
        &self,
        sealed: Sealed<AnyReader>,
        key: &DataKey,
        expected: &Expected,
        _to: &Source,
    ) -> Result<u64, ArchiveError> {
        // A simulated server has what every dump of its kind holds, so that of loading only the reading is left.
        unseal(sealed, key, expected, tokio::io::sink()).await
    }
}
