//! Validators of a restored database over a real connection: does it answer, is it whole, is it recent, does it take writes.
//! Besides them: what a server has that a dump has to hold (`inventory`), a place to load a dump into (`trial`), and one
//! tenant's rows brought back (`merge`).
//!
//! Everything is asked of the databases themselves. Each check is one [`Checked`] with a sentence; what cannot be found out
//! is not ok. The source's session is read-only by the server's own rule; only the restored side is ever written to, and only
//! in a table of our own.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    time::Duration,
};

use async_trait::async_trait;
use secrecy::SecretString;

use crate::domain::{environment::Engine, moment::Moment};

mod anatomy;
mod canary;
mod catalogue;
mod grants;
mod inventory;
mod keys;
mod link;
pub mod merge;
mod positions;
mod question;
mod rows;
mod schema;
mod sums;
mod trial;
mod unchanged;
mod wordpress;

pub use inventory::{Identity, Inventory, Others, count_rows, identify, inventory};
use link::{Link, Mode};
pub use question::ask;
pub use trial::Trial;

/// A database server and who signs in there.
#[derive(Debug, Clone)]
pub struct Target {
    /// Which language it speaks.
    pub engine: Engine,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Who signs in.
    pub username: String,
    /// With what.
    pub password: SecretString,
    /// PostgreSQL: the database of which the schemas are part; without it `postgres`. MySQL and MariaDB: not used.
    pub database: Option<String>,
    /// Certificate authorities (PEM). With them the server's certificate and name are verified.
    pub ca: Option<PathBuf>,
    /// Whether a connection in plain text is refused.
    pub require_tls: bool,
}

impl Target {
    fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// What the restored database has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Schemas to look at; empty means all of the source, or of the restored side where there is no source.
    pub schemas: Vec<String>,
    /// Schemas that have to hold the tables of WordPress.
    pub wordpress: Vec<String>,
    /// How much older than the source's newest data the restored side's may be.
    pub rpo: Duration,
    /// Of which moment the restored side is said to be; none where nobody says.
    pub promised: Option<Promised>,
    /// The source does not answer, so that the restored side is looked at by itself.
    pub alone: bool,
    /// What differs from the source is told and is no fault, as long as every table of the source is there.
    pub measures: bool,
    /// Ends the name of the table that is written to; `[a-z0-9_]`, at most 40 characters, different for each run.
    pub token: String,
}

/// The moment that a copy is said to be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promised {
    /// The moment.
    pub at: Moment,
    /// How much of what was there then it may lack.
    pub within: Duration,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What was looked at: `schema of tenant_1`.
    pub name: String,
    /// Whether it is as it has to be; what is unknown is not.
    pub ok: bool,
    /// A sentence for people.
    pub found: String,
    /// Rows of the restored side, where this counts them.
    pub rows: Option<u64>,
    /// Tables of which nothing proves that they are what they were at the moment that was promised, with their schema.
    pub unproved: Vec<String>,
}

impl Checked {
    fn new(name: impl Into<String>, answer: Result<String, String>) -> Checked {
        let ok = answer.is_ok();
        Checked { name: name.into(), ok, found: answer.unwrap_or_else(|wrong| wrong), rows: None, unproved: Vec::new() }
    }
}

/// Database servers, as far as backups ask them. Those that can be reached are [`Servers`]; a simulated AWS brings simulated
/// ones.
#[async_trait]
pub trait Databases: fmt::Debug + Send + Sync {
    /// See [`validate`].
    async fn validate(&self, restored: &Target, source: Option<&Target>, wanted: &Wanted) -> Vec<Checked>;

    /// See [`inventory()`].
    ///
    /// # Errors
    /// A sentence for people.
    async fn inventory(&self, target: &Target, schemas: &[String]) -> Result<Inventory, String>;

    /// See [`count_rows`].
    ///
    /// # Errors
    /// A sentence for people.
    async fn count_rows(&self, target: &Target, tables: &[String]) -> Result<BTreeMap<String, u64>, String>;

    /// See [`question::ask`].
    ///
    /// # Errors
    /// Why it cannot be answered, a sentence without anything of what is in the database.
    async fn ask(&self, target: &Target, schema: &str, query: &str) -> Result<bool, String>;

    /// See [`Trial::prepare`].
    ///
    /// # Errors
    /// A sentence for people; nothing is left then.
    async fn prepare(
        &self,
        target: &Target,
        source: &Target,
        incoming: Incoming,
    ) -> Result<(Box<dyn Room>, Identity), String>;
}

/// What is about to be loaded.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// Ends the name of what is made for it; `[a-z0-9_]`, different for each load.
    pub token: String,
    /// MySQL, MariaDB: the schemas that it will make.
    pub schemas: BTreeSet<String>,
    /// PostgreSQL: the roles that own what is in it, as SQL of pg_dumpall.
    pub roles: String,
    /// It has scheduled events, which begin to run as soon as they are there.
    pub events: bool,
}

/// A place on a server of the test's own that is ready to be loaded into.
#[async_trait]
pub trait Room: Send {
    /// The server, and in PostgreSQL the database to load into.
    fn target(&self) -> &Target;

    /// Takes everything away that was loaded.
    ///
    /// # Errors
    /// A sentence for people that names what is left.
    async fn clear(self: Box<Self>) -> Result<(), String>;

    /// Leaves what was loaded where it is; in PostgreSQL as the database of this name.
    ///
    /// # Errors
    /// A sentence for people.
    async fn keep(self: Box<Self>, database: Option<&str>) -> Result<(), String>;
}

/// Servers that are signed in to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Servers;

#[async_trait]
impl Databases for Servers {
    async fn validate(&self, restored: &Target, source: Option<&Target>, wanted: &Wanted) -> Vec<Checked> {
        validate(restored, source, wanted).await
    }

    async fn inventory(&self, target: &Target, schemas: &[String]) -> Result<Inventory, String> {
        inventory(target, schemas).await
    }

    async fn count_rows(&self, target: &Target, tables: &[String]) -> Result<BTreeMap<String, u64>, String> {
        count_rows(target, tables).await
    }

    async fn ask(&self, target: &Target, schema: &str, query: &str) -> Result<bool, String> {
        question::ask(target, schema, query).await
    }

    async fn prepare(
        &self,
        target: &Target,
        source: &Target,
        incoming: Incoming,
    ) -> Result<(Box<dyn Room>, Identity), String> {
        let (trial, identity) = Trial::prepare(target, source, incoming).await?;
        Ok((Box::new(trial), identity))
    }
}

/// Runs all validators. Ends by itself: each question has a time limit.
pub async fn validate(restored: &Target, source: Option<&Target>, wanted: &Wanted) -> Vec<Checked> {
    let mut checks = Vec::new();
    let mut here = open(restored, Mode::Write, "restored", &mut checks).await;
    let mut there = match source {
        Some(source) => open(source, Mode::Read, "source", &mut checks).await,
        None => Link::absent("There is no source to compare with, so this is unknown."),
    };
    let asked = if source.is_some() { &mut there } else { &mut here };
    match schemas(asked, &wanted.schemas).await {
        Ok(schemas) => {
            for schema in &schemas {
                if wanted.alone {
                    checks.extend(alone(&mut here, schema).await);
                    continue;
                }
                let measured = |answer: Result<String, String>| match wanted.measures {
                    true => answer.or_else(|why| Ok(format!("Differs, which is told and decides nothing: {why}"))),
                    false => answer,
                };
                let answer = measured(schema::compare(&mut here, &mut there, schema).await);
                checks.push(Checked::new(format!("schema of {schema}"), answer));
                let answer = measured(positions::compare(&mut here, &mut there, schema).await);
                checks.push(Checked::new(format!("sequences of {schema}"), answer));
                let (counts, newest) = rows::compare(&mut here, &mut there, schema, wanted).await;
                let rows = counts.as_ref().ok().map(|counted| counted.rows);
                let unproved = counts.iter().flat_map(|counted| &counted.unproved);
                let unproved = unproved.map(|table| format!("{schema}.{table}")).collect();
                let counted = Checked::new(format!("rows of {schema}"), counts.map(|counted| counted.found));
                checks.push(Checked { rows, unproved, ..counted });
                checks.push(Checked::new(format!("keys of {schema}"), keys::hold(&mut here, &mut there, schema).await));
                checks.push(Checked::new(format!("newest data of {schema}"), newest));
            }
            let home = schemas.first().map_or("", String::as_str);
            let answer = canary::write(&mut here, restored, source, home, &wanted.token).await;
            checks.push(Checked::new("write, read, delete", answer));
        }
        Err(why) => checks.push(Checked::new("schemas", Err(why))),
    }
    for schema in &wanted.wordpress {
        let answer = wordpress::tables(&mut here, schema).await;
        checks.push(Checked::new(format!("WordPress in {schema}"), answer));
    }
    here.close().await;
    there.close().await;
    checks
}

/// What a copy can be asked whose source does not answer.
async fn alone(here: &mut Link, schema: &str) -> [Checked; 2] {
    let read = rows::alone(here, schema).await;
    let rows = read.as_ref().ok().map(|(_, rows)| *rows);
    let read = Checked::new(format!("rows of {schema}"), read.map(|(found, _)| found));
    let keys = Checked::new(format!("keys of {schema}"), keys::hold_alone(here, schema).await);
    [Checked { rows, ..read }, keys]
}

async fn open(target: &Target, mode: Mode, role: &str, checks: &mut Vec<Checked>) -> Link {
    let name = format!("login to the {role} database");
    match Link::open(target, mode).await {
        Ok((link, found)) => {
            checks.push(Checked::new(name, Ok(found)));
            link
        }
        Err(why) => {
            let link = Link::absent(&format!("This is unknown, since the {role} database cannot be asked."));
            checks.push(Checked::new(name, Err(why)));
            link
        }
    }
}

async fn schemas(link: &mut Link, wanted: &[String]) -> Result<Vec<String>, String> {
    if !wanted.is_empty() {
        return Ok(wanted.to_vec());
    }
    let found = catalogue::schemas(link).await?;
    if found.is_empty() {
        Err("There is no schema but the server's own, so nothing was restored.".to_owned())
    } else {
        Ok(found)
    }
}

/// `1 table`, `2 tables`.
fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}{}", if what.ends_with('x') { "es" } else { "s" })
    }
}
