//! Tools of the data plane: what speaks to that which lies in AWS and which no API of AWS tells of.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{background::Carry, web::Web};
use crate::{
    adapters::{
        archive::{self, DumpPrograms, Dumper, Programs, Release, Source},
        files::{self, FileSystems},
        sql::{
            self, Databases, Target,
            merge::{Definitions, Section, Tenants},
        },
    },
    ports::fetch::Fetch,
};

/// One of each.
#[derive(Clone)]
pub struct Tools {
    /// Asks database servers.
    pub databases: Arc<dyn Databases>,
    /// Brings a tenant's rows back into them.
    pub tenants: Arc<dyn Tenants>,
    /// Dumps them.
    pub dumper: Arc<dyn Dumper>,
    /// Looks into file systems.
    pub file_systems: Arc<dyn FileSystems>,
    /// Asks addresses of the platform.
    pub web: Arc<dyn Fetch>,
    /// How long is waited between two questions of which the first went wrong.
    pub between: Duration,
    /// What work in the background is given of the task that begins it.
    pub carry: Option<Carry>,
}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tools { databases, tenants, dumper, file_systems, web: _, between: _, carry: _ } = self;
        f.debug_list().entry(databases).entry(tenants).entry(dumper).entry(file_systems).finish()
    }
}

/// Servers that can be reached from here, and the dump programs on this machine.
impl Default for Tools {
    fn default() -> Tools {
        Tools {
            databases: Arc::new(sql::Servers),
            tenants: Arc::new(sql::Servers),
            dumper: Arc::new(DumpPrograms),
            file_systems: Arc::new(files::Servers),
            web: Arc::new(Web::default()),
            between: Duration::from_secs(5),
            carry: None,
        }
    }
}

/// Definitions by the dump programs on this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct DumpedDefinitions;

#[async_trait]
impl Definitions for DumpedDefinitions {
    async fn define(&self, from: &Target, schema: &str, tables: &[String], section: Section) -> Result<String, String> {
        let server = sql::identify(from).await?;
        let source = Source {
            server: Release { engine: server.engine, major: server.major },
            programs: Programs::installed(),
            history: false,
            host: from.host.clone(),
            port: from.port,
            username: from.username.clone(),
            password: from.password.clone(),
            database: from.database.clone().or_else(|| Some("postgres".to_owned())),
            schemas: Vec::new(),
            ca: from.ca.clone(),
        };
        let section = match section {
            Section::Before => archive::Section::Before,
            Section::After => archive::Section::After,
        };
        archive::define(&source, schema, tables, section).await.map_err(|error| error.to_string())
    }
}
