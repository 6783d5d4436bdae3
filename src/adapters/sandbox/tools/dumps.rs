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
            world::{
                World,
                rds::Data,
                rows::{Happening, Tables},
                schemas::{Dumped, dump, read, schemas},
            },
        },
    },
    domain::{environment::Engine, moment::Moment},
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
        let text = self.aws.look(|world, now| {
            let server = instance(world, &source.host, now);
            let rows = |name: &str| server.and_then(|server| server.table(name, now));
            dump(engine, &source.host, &schemas(&source.schemas), &now.iso(), rows)
        });
        progress(text.len() as u64);
        seal(text.as_bytes(), engine, key, sink).await
    }

    async fn load(
        &self,
        sealed: Sealed<AnyReader>,
        key: &DataKey,
        expected: &Expected,
        to: &Source,
    ) -> Result<u64, ArchiveError> {
        let mut text = Vec::new();
        let bytes = unseal(sealed, key, expected, &mut text).await?;
        let dumped = read(&String::from_utf8_lossy(&text));
        self.aws.change(|world, now| loaded(world, &to.host, dumped, now));
        Ok(bytes)
    }
}

/// What is in the instance of this host.
fn instance<'w>(world: &'w World, host: &str, now: Moment) -> Option<&'w Data> {
    let id = host.split('.').next().unwrap_or_default().to_lowercase();
    world.places().find_map(|(_, _, place)| place.rds.instance(&id, now)).map(|found| &found.data)
}

/// A dump is in an instance that was empty, or in a server of the test's own.
fn loaded(world: &mut World, host: &str, dumped: Dumped, now: Moment) {
    let source = instance(world, &dumped.host, now).cloned();
    let mut tables = Tables::none();
    for (table, rows) in dumped.tables {
        tables.happens(&table, now, Happening::Is(Some(rows)));
    }
    let id = host.split('.').next().unwrap_or_default().to_lowercase();
    let empty = world.places_mut().find_map(|(_, _, place)| place.rds.instances.get_mut(&id));
    match (empty.filter(|found| found.data.is_none()), source) {
        (Some(empty), Some(source)) => empty.data = Data { tenants: tables, ..source.frozen(now) },
        _ => _ = world.tenants.spares.insert(host.to_owned(), tables),
    }
}
