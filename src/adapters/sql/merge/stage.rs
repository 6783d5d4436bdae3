//! A tenant's tables, or the rows of them, put beside the live ones and compared with where they come from.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    super::{
        Target, anatomy, catalogue, inventory,
        link::{Link, Texts},
        rows::awake,
    },
    AT_ONCE, Bring, Hitch, Tenant, copy,
    fit::{is_code, mergeable, parts_of, same_shape, shared},
    layout::{Column, Layout, Table},
    open, others, refuse, settle, swap,
    text::{list, named},
};
use crate::domain::environment::Engine;

/// A part of the definitions that a dump program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What has to be there before rows are.
    Before,
    /// Indexes, constraints, triggers.
    After,
}

/// Who writes the definitions of a PostgreSQL schema as SQL: the server's own dump program.
#[async_trait]
pub trait Definitions: Send + Sync {
    /// Of a schema, or of these tables in it.
    ///
    /// # Errors
    /// A sentence for people.
    async fn define(&self, from: &Target, schema: &str, tables: &[String], section: Section) -> Result<String, String>;
}

/// What lies beside the live schema.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Staged {
    /// Rows by table.
    pub rows: BTreeMap<String, u64>,
    /// What a person should know before it is used, parts of a sentence.
    pub notes: Vec<String>,
}

/// Copies a tenant's tables from `from` beside the live ones and compares them, row by row, with where they come from. What an
/// earlier attempt of this operation left is dropped first.
///
/// # Errors
/// See [`Hitch`].
pub(super) async fn stage(
    from: &Target,
    live: &Target,
    tenant: &Tenant,
    bring: Bring,
    definitions: &dyn Definitions,
    tell: &(dyn Fn(String) + Send + Sync),
) -> Result<Staged, Hitch> {
    let mut to = open(live).await?;
    let mut source = open(from).await?;
    let staged = async {
        settle::lock(&mut to, tenant).await?;
        fit(&mut source, &mut to, from, live, tenant).await?;
        settle::drop_schema(&mut to, &tenant.stage()).await?;
        settle::begin(&mut to, tenant).await?;
        if catalogue::exists(&mut source, &tenant.journal()).await? {
            return refuse(format!(
                "{} and {} are one server. Rows are brought back from a server of their own.",
                from.name(),
                live.name()
            ));
        }
        let work = Work { from, live, tenant, definitions, tell };
        let staged = match bring {
            Bring::Swap => work.whole(&mut source, &mut to).await?,
            Bring::Missing | Bring::Changed => work.rows(&mut source, &mut to).await?,
        };
        settle::note(&mut to, tenant, "staged").await?;
        Ok(staged)
    };
    let staged = staged.await;
    source.close().await;
    to.close().await;
    staged
}

/// Whether rows may go from the one server to the other at all.
async fn fit(source: &mut Link, to: &mut Link, from: &Target, live: &Target, tenant: &Tenant) -> Result<(), Hitch> {
    let state = settle::of(to, tenant).await?;
    if state.merged || state.swapped || state.unmerged || state.unswapped {
        return refuse(format!("{} has changed {} already. Ask for a new restore.", tenant.operation, tenant.schema));
    }
    if from.host.eq_ignore_ascii_case(&live.host) && from.port == live.port && from.database == live.database {
        return refuse(format!("{} is the live server itself. Rows are brought back from a clone.", from.name()));
    }
    let (theirs, ours) = (inventory::identity(source).await?, inventory::identity(to).await?);
    if (theirs.engine, theirs.major) != (ours.engine, ours.major) {
        return refuse(format!(
            "{} is {} {}, the live server {} {}. Rows are brought back between servers of one kind and version only.",
            from.name(),
            theirs.engine,
            theirs.version,
            ours.engine,
            ours.version
        ));
    }
    // An earlier attempt died while the clone's schema had its other name.
    if source.engine == Engine::Postgres
        && !catalogue::exists(source, &tenant.schema).await?
        && catalogue::exists(source, &tenant.stage()).await?
    {
        let (old, new) = (source.quoted(&tenant.schema), source.quoted(&tenant.stage()));
        source.run(&format!("ALTER SCHEMA {new} RENAME TO {old}")).await?;
    }
    for (link, target) in [(&mut *source, from), (&mut *to, live)] {
        if !catalogue::exists(link, &tenant.schema).await? {
            return refuse(format!("There is no schema {} in {}.", tenant.schema, target.name()));
        }
    }
    still(source, from, tenant).await
}

/// MySQL, MariaDB: events of a restored server run, and change what was restored.
async fn still(source: &mut Link, from: &Target, tenant: &Tenant) -> Result<(), Hitch> {
    if source.engine == Engine::Postgres {
        return Ok(());
    }
    let on = source.ask("SELECT CAST(@@GLOBAL.event_scheduler AS CHAR)", &[]).await?;
    if !on.iter().flatten().flatten().any(|state| state == "ON" || state == "1") {
        return Ok(());
    }
    let events = "SELECT CONCAT(EVENT_SCHEMA, '.', EVENT_NAME) FROM information_schema.EVENTS WHERE STATUS = 'ENABLED'";
    let events: Vec<String> = source.ask(events, &[]).await?.into_iter().flatten().flatten().collect();
    if events.is_empty() || source.run("SET GLOBAL event_scheduler = OFF").await.is_ok() {
        return Ok(());
    }
    refuse(format!(
        "The event scheduler of {} runs, and its events ({}) change what was restored of {}. Switch it off there (event_scheduler = OFF in its parameter group).",
        from.name(),
        named(&events),
        tenant.schema
    ))
}

struct Work<'w> {
    from: &'w Target,
    live: &'w Target,
    tenant: &'w Tenant,
    definitions: &'w dyn Definitions,
    tell: &'w (dyn Fn(String) + Send + Sync),
}

/// A table on its way.
struct Job {
    table: String,
    from_schema: String,
    columns: Vec<Column>,
}

impl Work<'_> {
    /// Rows only, in tables of the live ones' columns: what a merge joins with.
    async fn rows(&self, source: &mut Link, to: &mut Link) -> Result<Staged, Hitch> {
        let schema = &self.tenant.schema;
        let (theirs, ours) = (Layout::of(source, schema).await?, Layout::of(to, schema).await?);
        let tables = mergeable(to, self.tenant, &theirs, &ours)?;
        let stage = self.tenant.stage();
        let name = to.quoted(&stage);
        to.run(&format!("CREATE SCHEMA {name}")).await?;
        let mut staged = Staged::default();
        let mut jobs = Vec::new();
        for table in tables {
            let (their, our) = (&theirs.tables[&table], &ours.tables[&table]);
            let columns = shared(their, our);
            let only_theirs: Vec<String> =
                their.written().filter(|c| !columns.contains(c)).map(|c| c.name.clone()).collect();
            if !only_theirs.is_empty() {
                staged
                    .notes
                    .push(format!("{table} has no {} any more, whose values do not come back", named(&only_theirs)));
            }
            self.like_live(to, &stage, &table, our, &columns).await?;
            jobs.push((their.bytes, Job { table, from_schema: schema.clone(), columns }));
        }
        staged.rows = awake(to, awake(source, self.copy(jobs))).await?;
        Ok(staged)
    }

    async fn like_live(
        &self,
        to: &mut Link,
        stage: &str,
        table: &str,
        our: &Table,
        columns: &[Column],
    ) -> Result<(), String> {
        let (made, live) = (to.table(stage, table), to.table(&self.tenant.schema, table));
        let names = list(to, "", columns.iter().map(|column| &column.name));
        let key = list(to, "", &our.key);
        if to.engine == Engine::Postgres {
            to.run(&format!("CREATE TABLE {made} AS SELECT {names} FROM ONLY {live} WITH NO DATA")).await?;
            return to.run(&format!("ALTER TABLE {made} ADD PRIMARY KEY ({key})")).await;
        }
        to.run(copy::MODE).await?;
        to.run(&format!(
            "CREATE TABLE {made} (PRIMARY KEY ({key})) ENGINE = InnoDB AS SELECT {names} FROM {live} WHERE FALSE"
        ))
        .await
    }

    /// Whole tables with everything that belongs to them: what is swapped.
    async fn whole(&self, source: &mut Link, to: &mut Link) -> Result<Staged, Hitch> {
        let schema = &self.tenant.schema;
        let (theirs, ours) = (Layout::of(source, schema).await?, Layout::of(to, schema).await?);
        let tables = swap::swappable(source, to, self.tenant, &theirs, &ours).await?;
        match source.engine {
            Engine::Postgres => self.whole_postgres(source, to, &theirs, &tables).await,
            Engine::Mysql | Engine::Mariadb => self.whole_mysql(source, to, &theirs, &tables).await,
        }
    }

    async fn whole_mysql(
        &self,
        source: &mut Link,
        to: &mut Link,
        theirs: &Layout,
        tables: &BTreeSet<String>,
    ) -> Result<Staged, Hitch> {
        let (schema, stage) = (&self.tenant.schema, self.tenant.stage());
        let name = to.quoted(&stage);
        to.run(&format!("CREATE SCHEMA {name}")).await?;
        copy::prepare(to).await?;
        // Definitions name their own schema's tables without it.
        to.run(&format!("USE {name}")).await?;
        let mut jobs = Vec::new();
        for table in tables {
            let shown = source.raw(&format!("SHOW CREATE TABLE {}", source.table(schema, table))).await?;
            let Some(create) = shown.into_iter().next().and_then(|row| row.into_iter().nth(1).flatten()) else {
                return Err(Hitch::Later(format!("The definition of {table} was not shown.")));
            };
            to.run(&create).await.map_err(|why| format!("{table} could not be made beside the live one: {why}"))?;
            jobs.push((theirs.tables[table].bytes, self.job(schema, table, &theirs.tables[table])));
        }
        let rows = awake(to, awake(source, self.copy(jobs))).await?;
        let parts = |shape: Vec<Texts>, own: &str| parts_of(shape, tables, own);
        let (here, there) = (anatomy::of(to, &stage).await?, anatomy::of(source, schema).await?);
        same_shape(&parts(here, &stage), &parts(there, schema))?;
        let code = |shape: Vec<Texts>| -> Vec<Texts> { shape.into_iter().filter(is_code).collect() };
        let (live, there) = (anatomy::of(to, schema).await?, anatomy::of(source, schema).await?);
        let mut staged = Staged { rows, notes: Vec::new() };
        if code(live) != code(there) {
            staged.notes.push("views, routines and events differ from the backup's and stay as they are".to_owned());
        }
        Ok(staged)
    }

    async fn whole_postgres(
        &self,
        source: &mut Link,
        to: &mut Link,
        theirs: &Layout,
        tables: &BTreeSet<String>,
    ) -> Result<Staged, Hitch> {
        let (schema, stage) = (&self.tenant.schema, self.tenant.stage());
        // Under its other name, definitions say that name wherever they name the schema. The clone is nobody's.
        let (old, new) = (source.quoted(schema), source.quoted(&stage));
        source.run(&format!("ALTER SCHEMA {old} RENAME TO {new}")).await?;
        let staged = self.renamed(source, to, theirs, tables).await;
        let back = source.run(&format!("ALTER SCHEMA {new} RENAME TO {old}")).await;
        let staged = staged?;
        back?;
        Ok(staged)
    }

    async fn renamed(
        &self,
        source: &mut Link,
        to: &mut Link,
        theirs: &Layout,
        tables: &BTreeSet<String>,
    ) -> Result<Staged, Hitch> {
        let stage = self.tenant.stage();
        let some: Vec<String> =
            if self.tenant.tables.is_empty() { Vec::new() } else { tables.iter().cloned().collect() };
        let before = self.definitions.define(self.from, &stage, &some, Section::Before).await?;
        if !some.is_empty() {
            let name = to.quoted(&stage);
            to.run(&format!("CREATE SCHEMA {name}")).await?;
        }
        // All of it is one transaction of the server's.
        to.run(&script(&before))
            .await
            .map_err(|why| format!("The tables could not be made beside the live ones: {why}"))?;
        let mut jobs = Vec::new();
        for (table, of) in leaves(source, &stage, theirs, tables).await? {
            let job = Job { table, from_schema: stage.clone(), columns: of.1 };
            jobs.push((of.0, job));
        }
        let rows = awake(to, awake(source, self.copy(jobs))).await?;
        (self.tell)("making indexes and constraints".to_owned());
        let after = self.definitions.define(self.from, &stage, &some, Section::After).await?;
        copy::prepare(to).await?;
        to.run(&script(&after)).await.map_err(|why| format!("Indexes and constraints could not be made: {why}"))?;
        reset(to).await?;
        swap::raise(source, to, self.tenant).await?;
        let filter = |shape: Vec<Texts>| if some.is_empty() { shape } else { parts_of(shape, tables, &stage) };
        let (here, there) = (anatomy::of(to, &stage).await?, anatomy::of(source, &stage).await?);
        same_shape(&filter(here), &filter(there))?;
        Ok(Staged { rows, notes: Vec::new() })
    }

    fn job(&self, schema: &str, table: &str, layout: &Table) -> Job {
        Job { table: table.to_owned(), from_schema: schema.to_owned(), columns: layout.written().cloned().collect() }
    }

    /// Copies tables side by side, the largest first, and compares each as soon as it is there.
    async fn copy(&self, mut jobs: Vec<(u64, Job)>) -> Result<BTreeMap<String, u64>, Hitch> {
        jobs.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
        let all = jobs.len();
        let done = std::sync::atomic::AtomicUsize::new(0);
        let copied =
            stream::iter(jobs.into_iter().map(|(_, job)| self.one(job))).buffer_unordered(AT_ONCE).inspect_ok(|_| {
                let done = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
                (self.tell)(format!("{done} of {all} tables copied and compared"));
            });
        copied.try_collect().await
    }

    async fn one(&self, job: Job) -> Result<(String, u64), Hitch> {
        let Job { table, from_schema, columns } = job;
        let (mut source, mut to) = (open(self.from).await?, open(self.live).await?);
        copy::prepare(&mut source).await?;
        copy::prepare(&mut to).await?;
        let (there, here) = (source.table(&from_schema, &table), to.table(&self.tenant.stage(), &table));
        let rows =
            copy::rows(&mut source, &mut to, &there, &here, &columns).await.map_err(|why| format!("{table}: {why}"))?;
        let (ours, theirs) =
            futures::future::join(others::sum(&mut to, &here, &columns), others::sum(&mut source, &there, &columns))
                .await;
        source.close().await;
        to.close().await;
        let (ours, theirs) = (ours?, theirs?);
        if ours != theirs {
            return refuse(format!(
                "{table} is not what it was copied from: {} rows with the sum {}, and {} with {} there. Nothing was changed; look at the clone before it is tried again.",
                ours.rows,
                ours.short(),
                theirs.rows,
                theirs.short()
            ));
        }
        Ok((table, rows))
    }
}

/// Leaf tables with rows of their own, with their bytes and columns. PostgreSQL.
async fn leaves(
    source: &mut Link,
    stage: &str,
    theirs: &Layout,
    tables: &BTreeSet<String>,
) -> Result<BTreeMap<String, (u64, Vec<Column>)>, String> {
    let mut found: BTreeMap<String, (u64, Vec<Column>)> = BTreeMap::new();
    for (name, table) in theirs.tables.iter().filter(|(name, _)| tables.contains(*name)) {
        if table.odd.as_deref() != Some("is partitioned") {
            found.insert(name.clone(), (table.bytes, table.written().cloned().collect()));
        }
    }
    let partitions = "SELECT c.relname::text, pg_table_size(c.oid)::text, r.relname::text
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_class r ON r.oid = pg_partition_root(c.oid)
         WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relispartition";
    for row in source.ask(partitions, &[stage]).await? {
        let [Some(name), bytes, Some(root)] = super::layout::texts(row) else { continue };
        if let Some(root) = theirs.tables.get(&root).filter(|_| tables.contains(&root)) {
            let bytes = bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
            found.insert(name, (bytes, root.written().cloned().collect()));
        }
    }
    Ok(found)
}

/// pg_dump's script without the words that are for psql alone, which newer ones begin and end with.
fn script(text: &str) -> String {
    text.lines()
        .filter(|l| !l.starts_with("\\restrict ") && !l.starts_with("\\unrestrict "))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What a script of pg_dump's changes of a session, as [`Link`] had it.
async fn reset(link: &mut Link) -> Result<(), String> {
    link.run("SET search_path = pg_catalog; SET row_security = on; SET check_function_bodies = on; SET default_tablespace = ''").await
}
