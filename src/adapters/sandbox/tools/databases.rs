//! Simulated database servers: whoever signs in at the address of an instance finds what the instance holds.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    adapters::{
        sandbox::aws::{
            SimAws,
            time::hex_for,
            world::{
                World,
                rds::Instance,
                rows::{Rows, Tables},
                schemas::{TABLES, schemas as schemas_of},
            },
        },
        sql::{Checked, Databases, Identity, Incoming, Inventory, Promised, Room, Target, Wanted},
    },
    domain::{
        environment::Engine,
        moment::{Moment, spoken},
    },
};

/// The newest row of a live database is so many seconds old.
const IDLE: u64 = 20;
/// Between the moment that a copy is said to be of and what is in it.
const MARGIN: Duration = Duration::from_secs(600);

/// The servers in a simulated AWS.
#[derive(Debug)]
pub struct SimServers {
    aws: Arc<SimAws>,
}

/// A server as somebody finds it who signed in.
struct Server {
    seed: u64,
    now: Moment,
    instance: Instance,
    /// What was loaded into a server of a test's own.
    loaded: Option<Tables>,
}

impl SimServers {
    /// Those of this AWS.
    pub fn new(aws: Arc<SimAws>) -> SimServers {
        SimServers { aws }
    }

    /// Signs in, or says why not.
    fn open(&self, target: &Target) -> Result<Server, String> {
        let id = target.host.split('.').next().unwrap_or_default().to_lowercase();
        self.aws.look(|world, now| {
            let instance = find(world, &id, now).ok_or_else(|| {
                format!("{}:{} cannot be reached: no such host. Look at the secret's host.", target.host, target.port)
            })?;
            let status = instance.status(now);
            if !["available", "backing-up", "modifying"].contains(&status) {
                return Err(format!("{}:{} refuses connections: the instance is {status}.", target.host, target.port));
            }
            let loaded = world.tenants.spares.get(&target.host).cloned();
            Ok(Server { seed: world.seed, now, instance: instance.clone(), loaded })
        })
    }
}

/// An instance by its identifier, wherever it is: identifiers of environments differ. A server of a test's own has the name of
/// the one whose dumps are loaded into it in front of its domain, and is like that one.
fn find<'w>(world: &'w World, id: &str, now: Moment) -> Option<&'w Instance> {
    world.places().find_map(|(_, _, place)| place.rds.instance(id, now))
}

#[async_trait]
impl Databases for SimServers {
    async fn validate(&self, restored: &Target, source: Option<&Target>, wanted: &Wanted) -> Vec<Checked> {
        let mut checks = Vec::new();
        let here = signed_in("restored", restored, self.open(restored), &mut checks);
        let there = match source {
            Some(source) => signed_in("source", source, self.open(source), &mut checks),
            None => None,
        };
        let unknown = || Err("This is unknown, since not both could be signed in to.".to_owned());
        for schema in schemas_of(&wanted.schemas) {
            if wanted.alone {
                let rows = here.as_ref().map(|here| here.instance.data.rows(here.now));
                let found = rows.map_or_else(unknown, |rows| Ok(format!("{rows} rows, compared with nothing.")));
                checks.push(Checked { rows, ..checked(format!("rows of {schema}"), found) });
                continue;
            }
            let pair = here.as_ref().zip(there.as_ref());
            let shape = pair.map_or_else(unknown, |(here, there)| here.same_shape(there, &schema));
            checks.push(checked(format!("schema of {schema}"), shape));
            let rows = pair.map_or_else(unknown, |(here, there)| here.same_rows(there, &schema, wanted.measures));
            let counted = pair.filter(|_| rows.is_ok()).map(|(here, _)| here.instance.data.rows(here.now));
            let (damaged, unproved) =
                pair.map(|(here, there)| here.apart(there, &schema, wanted.promised)).unwrap_or_default();
            let rows = match damaged.first() {
                None => rows,
                Some(table) => Err(format!("{table} has other rows than its source, which has not changed it since.")),
            };
            checks.push(Checked { rows: counted, unproved, ..checked(format!("rows of {schema}"), rows) });
            let newest = pair.map_or_else(unknown, |(here, there)| here.as_new(there, wanted));
            checks.push(checked(format!("newest data of {schema}"), newest));
        }
        let written = here.as_ref().map_or_else(unknown, |_| Ok("A row was written, read and deleted.".to_owned()));
        checks.push(checked("write, read, delete", written));
        for schema in &wanted.wordpress {
            let found = here.as_ref().map_or_else(unknown, |_| Ok(format!("{schema} has the tables of WordPress.")));
            checks.push(checked(format!("WordPress of {schema}"), found));
        }
        checks
    }

    async fn inventory(&self, target: &Target, schemas: &[String]) -> Result<Inventory, String> {
        let server = self.open(target)?;
        let identity = server.identity(target.engine);
        let tables = schemas_of(schemas)
            .into_iter()
            .flat_map(|schema| TABLES.map(|table| format!("{schema}.{table}")))
            .filter_map(|table| server.table(&table).map(|rows| (table, Some(rows.count()))))
            .collect();
        Ok(Inventory::of_tables(identity, tables))
    }

    async fn count_rows(&self, target: &Target, tables: &[String]) -> Result<BTreeMap<String, u64>, String> {
        let server = self.open(target)?;
        let rows = |table: &String| server.table(table).map_or(0, |rows| rows.count());
        Ok(tables.iter().map(|table| (table.clone(), rows(table))).collect())
    }

    /// Whatever is asked, whole data answers it rightly and data that lacks rows does not; what is asked of a table that is
    /// called `missing` cannot be answered.
    async fn ask(&self, target: &Target, _: &str, query: &str) -> Result<bool, String> {
        let server = self.open(target)?;
        if query.split(|c: char| !c.is_alphanumeric()).any(|word| word == "missing") {
            return Err("The database refused the question with code 1146.".to_owned());
        }
        Ok(!server.instance.data.lacks_rows)
    }

    async fn prepare(
        &self,
        target: &Target,
        source: &Target,
        _: Incoming,
    ) -> Result<(Box<dyn Room>, Identity), String> {
        if target.host.eq_ignore_ascii_case(&source.host) && target.port == source.port {
            return Err(format!("{} is the server that was dumped, into which nothing is ever loaded.", target.host));
        }
        let (here, there) = (self.open(target)?.identity(target.engine), self.open(source)?.identity(source.engine));
        if (here.engine, here.major) != (there.engine, there.major) {
            return Err(format!("{} is {} {}, its source {}.", target.host, here.engine, here.version, there.version));
        }
        Ok((Box::new(Spare { aws: Arc::clone(&self.aws), target: target.clone() }), here))
    }
}

/// A server of the test's own.
struct Spare {
    aws: Arc<SimAws>,
    target: Target,
}

#[async_trait]
impl Room for Spare {
    fn target(&self) -> &Target {
        &self.target
    }

    async fn clear(self: Box<Self>) -> Result<(), String> {
        self.aws.change(|world, _| world.tenants.spares.remove(&self.target.host));
        Ok(())
    }

    async fn keep(self: Box<Self>, _: Option<&str>) -> Result<(), String> {
        Ok(())
    }
}

fn signed_in(side: &str, target: &Target, server: Result<Server, String>, checks: &mut Vec<Checked>) -> Option<Server> {
    let what = format!("login to the {side} database");
    match server {
        Ok(server) => {
            let found = format!("{} signed in over TLS, {}.", target.username, server.instance.version);
            checks.push(checked(what, Ok(found)));
            Some(server)
        }
        Err(why) => {
            checks.push(checked(what, Err(why)));
            None
        }
    }
}

fn checked(name: impl Into<String>, answer: Result<String, String>) -> Checked {
    let ok = answer.is_ok();
    Checked { name: name.into(), ok, found: answer.unwrap_or_else(|wrong| wrong), rows: None, unproved: Vec::new() }
}

impl Server {
    fn table(&self, name: &str) -> Option<Rows> {
        match &self.loaded {
            Some(loaded) => loaded.rows(name, self.now),
            None => self.instance.data.table(name, self.now),
        }
    }

    fn identity(&self, engine: Engine) -> Identity {
        let version = self.instance.version.clone();
        Identity { engine, major: version.split('.').next().and_then(|n| n.parse().ok()).unwrap_or(0), version }
    }

    fn shape(&self, schema: &str) -> String {
        let data = &self.instance.data;
        hex_for(self.seed, &format!("{}/{schema}/{}", data.of, data.tables), 8)
    }

    fn same_shape(&self, source: &Server, schema: &str) -> Result<String, String> {
        let (here, there) = (self.shape(schema), source.shape(schema));
        if here != there {
            return Err(format!("{schema} has the checksum {here}, its source {there}."));
        }
        Ok(format!("{} tables, checksum {here}.", self.instance.data.tables))
    }

    fn same_rows(&self, source: &Server, schema: &str, measures: bool) -> Result<String, String> {
        let (here, there) = (self.instance.data.rows(self.now), source.instance.data.rows(source.now));
        if there.abs_diff(here) * 1000 > there && !measures {
            return Err(format!("{schema} has {here} rows, its source {there}: more than 0.1 % apart."));
        }
        Ok(format!("{here} rows, {there} in its source."))
    }

    /// Tables with other rows than the source's: those that it has not changed since the moment that was promised, and others.
    fn apart(&self, source: &Server, schema: &str, promised: Option<Promised>) -> (Vec<String>, Vec<String>) {
        let tables = TABLES.map(|table| format!("{schema}.{table}"));
        let other = tables.into_iter().filter(|table| {
            let both = self.table(table).zip(source.table(table));
            both.is_some_and(|(here, there)| here != there)
        });
        let unchanged = |table: &String| {
            let then = promised.and_then(|of| source.instance.data.table_at(table, of.at - MARGIN));
            then.is_some_and(|then| Some(then) == source.table(table))
        };
        other.partition(unchanged)
    }

    /// A live database was written a moment ago, a restored one when its backup was made.
    fn newest(&self) -> Moment {
        self.instance.data.until.unwrap_or(self.now - Duration::from_secs(IDLE))
    }

    fn as_new(&self, source: &Server, wanted: &Wanted) -> Result<String, String> {
        let behind = source.newest().since(self.newest());
        if behind > wanted.rpo {
            return Err(format!(
                "The newest row is {} older than its source's; at most {} were promised.",
                spoken(behind),
                spoken(wanted.rpo)
            ));
        }
        Ok(format!("{}, {} older than its source's.", self.newest(), spoken(behind)))
    }
}
