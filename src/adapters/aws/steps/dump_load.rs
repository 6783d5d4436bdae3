//! A dump is verified by loading it: into a server of the test's own, counted there, and taken away again.

use std::collections::BTreeSet;

use super::{
    super::{login, session::Session, tools::Tools},
    archives::{Archive, source, target},
    dump_check::permanent,
    restore_database::login_of,
};
use crate::{
    adapters::{
        archive::{AnyReader, ArchiveError, Contents, Counted, DataKey, Sealed, roles},
        sql::{self, Databases, Incoming, Inventory, Target},
    },
    domain::{environment::Engine, step::LoadTest},
    ports::cloud::{Call, CloudError},
};

/// Loads an archive that was read to its end before; what it came to, or why the dump is not good.
///
/// # Errors
/// See [`CloudError`]: what kept it from being tried says nothing of the dump.
pub(super) async fn verify(
    archive: &Archive<'_>,
    tools: &Tools,
    call: &Call,
    engine: Engine,
    test: &LoadTest,
    contents: &Contents,
) -> Result<Result<String, String>, CloudError> {
    let loading = Loading { archive, tools, call, engine, contents };
    let loaded = loading.within(&test.secret, &test.source, async |here: &Target, schemas: &BTreeSet<String>| {
        compare(&*tools.databases, here, schemas, contents).await
    });
    match loaded.await {
        Ok(compared) => Ok(compared),
        Err(Unloaded::Damaged(reason)) => Ok(Err(reason)),
        Err(Unloaded::Other(error)) => Err(error),
    }
}

/// Why a dump was not loaded.
enum Unloaded {
    /// It is not what it was, or a server does not take it.
    Damaged(String),
    /// What says nothing of the dump.
    Other(CloudError),
}

impl From<CloudError> for Unloaded {
    fn from(error: CloudError) -> Unloaded {
        Unloaded::Other(error)
    }
}

/// An archive on its way into a server of the test's own.
struct Loading<'l, 'a> {
    archive: &'l Archive<'a>,
    tools: &'l Tools,
    call: &'l Call,
    engine: Engine,
    contents: &'l Contents,
}

impl Loading<'_, '_> {
    /// Loads it, has something done with what was loaded, and takes it away again, whatever that came to. `load` and `source`
    /// are the secrets with the logins of the server it is loaded into and of the one that was dumped.
    async fn within<T>(
        &self,
        load: &str,
        source: &str,
        then: impl AsyncFnOnce(&Target, &BTreeSet<String>) -> Result<T, CloudError>,
    ) -> Result<T, Unloaded> {
        let session = self.archive.session();
        // After a cutover by secret the server whose settings are looked at is not the one that its login's secret leads to.
        let environment = &self.call.environment;
        let dumped = environment.dumps.iter().find(|dump| dump.secret == source);
        let database = dumped.map_or("", |dump| dump.database.as_str());
        let there = login_of(session, environment, database, source);
        let (there, here) = futures::future::join(there, login::read(session, load)).await;
        let (there, here) = (target(&there?, self.engine, None), target(&here?, self.engine, None));
        let schemas = schemas(self.engine, self.contents)?;
        let (sealed, key) = self.archive.open().await.map_err(CloudError::from)?;
        let incoming = incoming(self.call, self.contents, &sealed, &key, schemas.clone())?;
        let unready =
            |why: String| CloudError::Retryable { reason: format!("The dump was not loaded: {why}"), after: None };
        let (room, server) = self
            .tools
            .databases
            .prepare(&here, &there, incoming)
            .await
            .map_err(|why| permanent(format!("The dump was not loaded: {why}")))?;
        let to = self::source(room.target(), &server, Vec::new(), false);
        let done = match self.tools.dumper.load(sealed, &key, &self.archive.expected, &to).await {
            Ok(_) => then(room.target(), &schemas).await.map_err(Unloaded::Other),
            Err(ArchiveError::Damaged(reason)) => Err(Unloaded::Damaged(reason)),
            Err(error) => Err(Unloaded::Other(error.into())),
        };
        // Whatever it came to, nothing stays there.
        let cleared = room.clear().await;
        let done = done?;
        cleared.map_err(unready)?;
        Ok(done)
    }
}

/// A dump that rows are to come from.
pub(super) struct Loaded<'l> {
    pub(super) session: &'l Session,
    pub(super) tools: &'l Tools,
    pub(super) call: &'l Call,
    pub(super) bucket: &'l str,
    pub(super) key: &'l str,
    pub(super) engine: Engine,
}

impl Loaded<'_> {
    /// Reads it whole, loads it into the server of `load`, has something done with what was loaded, and takes it away again.
    pub(super) async fn within<T>(
        &self,
        load: &str,
        source: &str,
        then: impl AsyncFnOnce(&Target) -> Result<T, CloudError>,
    ) -> Result<T, CloudError> {
        let archive = Archive::at(self.session, self.call, self.bucket, self.key, self.engine).await?;
        // What is loaded is checked only when all of it was, so all of it is read before.
        let contents = archive.read().await?;
        let loading =
            Loading { archive: &archive, tools: self.tools, call: self.call, engine: self.engine, contents: &contents };
        let done = loading.within(load, source, async |here: &Target, _: &BTreeSet<String>| then(here).await).await;
        done.map_err(|why| match why {
            Unloaded::Damaged(reason) => permanent(reason),
            Unloaded::Other(error) => error,
        })
    }
}

/// What a server is to be made ready for.
///
/// # Errors
/// See [`CloudError`].
pub(super) fn incoming(
    call: &Call,
    contents: &Contents,
    sealed: &Sealed<AnyReader>,
    key: &DataKey,
    schemas: BTreeSet<String>,
) -> Result<Incoming, CloudError> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    Ok(Incoming {
        token: call.token.chars().map(plain).collect(),
        schemas,
        roles: roles(&sealed.header, key)?.unwrap_or_default(),
        events: contents.held.others.get(&Counted::Event).is_some_and(|events| *events > 0),
    })
}

/// The schemas that the dump will make. One of all schemas brings the accounts of its server along, which would replace
/// those of the other.
pub(super) fn schemas(engine: Engine, contents: &Contents) -> Result<BTreeSet<String>, CloudError> {
    if engine == Engine::Postgres {
        return Ok(BTreeSet::new());
    }
    let schemas: BTreeSet<String> = contents.held.schemas.clone();
    if schemas.contains("mysql") {
        return Err(permanent(
            "The dump was not loaded: it holds the accounts of its server, which would replace those of the other. Name its `schemas` in the config file.",
        ));
    }
    Ok(schemas)
}

/// Everything the archive holds has to be there, row by row.
pub(super) async fn compare(
    databases: &dyn Databases,
    target: &Target,
    schemas: &BTreeSet<String>,
    contents: &Contents,
) -> Result<Result<String, String>, CloudError> {
    let unknown =
        |why: String| CloudError::Retryable { reason: format!("What was loaded is unknown: {why}"), after: None };
    let names: Vec<String> = schemas.iter().cloned().collect();
    let there = databases.inventory(target, &names).await.map_err(unknown)?;
    let held = &contents.held;
    let mut wrong = Vec::new();
    if there.tables.len() as u64 != held.tables.count {
        wrong.push(format!("{} tables of {}", there.tables.len(), held.tables.count));
    }
    wrong.extend(others(&there, contents));
    let tables: Vec<String> = there.tables.keys().cloned().collect();
    let counted = databases.count_rows(target, &tables).await.map_err(unknown)?;
    for (table, rows) in &held.rows {
        // Partitions and what inherits are counted with their parent as well, and by themselves here.
        match counted.get(table) {
            Some(found) if found >= rows => {}
            found => wrong.push(format!("{table} has {} rows of {rows}", found.copied().unwrap_or(0))),
        }
    }
    if wrong.is_empty() {
        let rows: u64 = held.rows.values().sum();
        let host = &target.host;
        return Ok(Ok(format!("loaded into {host}: {} tables and {rows} rows were there", there.tables.len())));
    }
    let more = wrong.len().saturating_sub(3);
    wrong.truncate(3);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Ok(Err(format!(
        "The dump was loaded into {} and was not all there: {}{more}. Do not rely on it; dump again.",
        target.host,
        wrong.join("; ")
    )))
}

fn others(there: &Inventory, contents: &Contents) -> Vec<String> {
    let sql::Others { views, routines, triggers, events, sequences, policies } = there.others;
    let all = [
        (Counted::View, "views", views),
        (Counted::Routine, "routines", routines),
        (Counted::Trigger, "triggers", triggers),
        (Counted::Event, "events", events),
        (Counted::Sequence, "sequences", sequences),
        (Counted::Policy, "policies", policies),
    ];
    let wrong = all.into_iter().filter_map(|(kind, name, found)| {
        let held = contents.held.others.get(&kind).copied().unwrap_or(0);
        (found < held).then(|| format!("{found} {name} of {held}"))
    });
    wrong.collect()
}
