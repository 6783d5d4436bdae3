//! Whole tables, swapped for the live ones in one statement, and swapped back.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{Target, link::Link},
    Done, Hitch, Tenant,
    layout::{Foreign, Layout, Table, texts},
    open, refuse, settle,
    text::{named, quoted},
};
use crate::domain::environment::Engine;

/// The table that tells which tables were swapped.
pub(super) const SWAPPED: &str = "bbws_swapped";
/// MySQL, MariaDB: the table that every swap moves along, out of the schema that what comes is taken from. Where it is, tells
/// what was done also where no table of the tenant's left.
pub(super) const MARKER: &str = "bbws_exchanged";
/// A swap waits so long, in seconds, for those who use the tables: whoever comes after it waits as well.
const PATIENCE: u32 = 10;

/// The tables that can be swapped for the live ones; a sentence with everything that is in the way otherwise.
pub(super) async fn swappable(
    source: &mut Link,
    live: &mut Link,
    tenant: &Tenant,
    theirs: &Layout,
    ours: &Layout,
) -> Result<BTreeSet<String>, Hitch> {
    let wanted: BTreeSet<String> = match tenant.tables.as_slice() {
        [] => theirs.tables.keys().cloned().collect(),
        some => some.iter().cloned().collect(),
    };
    let missing: Vec<String> = wanted.iter().filter(|name| !theirs.tables.contains_key(*name)).cloned().collect();
    if !missing.is_empty() {
        return refuse(format!("There is no {} in the backup of {}.", named(&missing), tenant.schema));
    }
    if wanted.is_empty() {
        return refuse(format!("The backup of {} has no tables.", tenant.schema));
    }
    let mut wrong = in_the_way(live.engine, tenant, &wanted, theirs);
    wrong.extend(in_the_way(live.engine, tenant, &leaving(tenant, &wanted, ours), ours));
    if live.engine == Engine::Postgres {
        let leaving = leaving(tenant, &wanted, ours);
        wrong.extend(holding(live, &tenant.schema, (!tenant.tables.is_empty()).then_some(&leaving)).await?);
        if !tenant.tables.is_empty() {
            wrong.extend(needing(source, &tenant.schema, &wanted).await?);
        }
    }
    free(tenant, wrong)?;
    Ok(wanted)
}

fn free(tenant: &Tenant, mut wrong: Vec<String>) -> Result<(), Hitch> {
    if wrong.is_empty() {
        return Ok(());
    }
    wrong.sort();
    wrong.dedup();
    refuse(format!(
        "The tables of {} cannot be swapped as a whole: {}. Bring rows back instead (--merge missing), or restore the whole database.",
        tenant.schema,
        named(&wrong)
    ))
}

/// Live tables that give way: those of the same names, or all of the schema.
fn leaving(tenant: &Tenant, coming: &BTreeSet<String>, live: &Layout) -> BTreeSet<String> {
    let leaves = |name: &&String| tenant.tables.is_empty() || coming.contains(*name);
    live.tables.keys().filter(leaves).cloned().collect()
}

/// What of these tables would not come along, or would be left hanging.
fn in_the_way(engine: Engine, tenant: &Tenant, tables: &BTreeSet<String>, layout: &Layout) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, table) in layout.tables.iter().filter(|(name, _)| tables.contains(*name)) {
        wrong.extend(immovable(engine, tenant, table).map(|why| format!("{name} {why}")));
        let triggers: Vec<String> = table.triggers.iter().map(|trigger| trigger.name.clone()).collect();
        // A trigger does not move to another schema there (1435).
        if engine != Engine::Postgres && !triggers.is_empty() {
            wrong.push(format!("{name} has triggers ({})", named(&triggers)));
        }
    }
    let is_in = |schema: &str, table: &str| schema == tenant.schema && tables.contains(table);
    let crosses = |f: &&Foreign| is_in(&f.schema, &f.table) != is_in(&f.parent_schema, &f.parent);
    // A foreign key follows the table that it points at, to wherever that is moved.
    wrong.extend(layout.foreign.iter().filter(crosses).map(|f| {
        format!("the foreign key {} of {}.{} points at {}.{}", f.name, f.schema, f.table, f.parent_schema, f.parent)
    }));
    wrong
}

fn immovable<'t>(engine: Engine, tenant: &Tenant, table: &'t Table) -> Option<&'t str> {
    let odd = table.odd.as_deref()?;
    let stays = match engine {
        // PostgreSQL: a schema takes everything along, single tables do not take their partitions.
        Engine::Postgres => {
            odd == "is a foreign table" || !tenant.tables.is_empty() && ["is partitioned", "inherits"].contains(&odd)
        }
        Engine::Mysql | Engine::Mariadb => odd == "is a sequence" || odd == "keeps the history of its rows",
    };
    stays.then_some(odd)
}

/// PostgreSQL: what outside of the schema (or of these tables) depends on what is inside, and would follow it away.
async fn holding(link: &mut Link, schema: &str, tables: Option<&BTreeSet<String>>) -> Result<Vec<String>, String> {
    let name = quoted(link, schema);
    let inside = match tables {
        None => "true".to_owned(),
        Some(tables) => format!("c.relname IN ({})", values(link, tables)),
    };
    let (others, outside) = match tables {
        None => (
            "UNION ALL SELECT 'pg_proc'::regclass, f.oid FROM pg_proc f, home WHERE f.pronamespace = home.oid
             UNION ALL SELECT 'pg_namespace'::regclass, home.oid FROM home",
            "coalesce(t.relnamespace, k.relnamespace, f.pronamespace, y.typnamespace) <> home.oid",
        ),
        Some(_) => ("", "coalesce(t.oid, 0) NOT IN (SELECT oid FROM tables)"),
    };
    let sql = format!(
        "WITH home AS (SELECT oid FROM pg_namespace WHERE nspname = {name}),
           tables AS (SELECT c.oid, c.reltype FROM pg_class c, home WHERE c.relnamespace = home.oid AND {inside}),
           inside AS (SELECT 'pg_class'::regclass AS class, oid FROM tables UNION ALL SELECT 'pg_type'::regclass, reltype FROM tables
             UNION ALL SELECT 'pg_type'::regclass, y.oid FROM pg_type y, home WHERE y.typnamespace = home.oid AND {whole} {others})
         SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid)
         FROM home, pg_depend d JOIN inside i ON d.refclassid = i.class AND d.refobjid = i.oid
           {RESOLVED}
         WHERE d.deptype IN ('n', 'a') AND (d.classid::regclass::text LIKE 'pg_publication%' OR d.deptype = 'n' AND {outside})
           AND d.classid <> 'pg_default_acl'::regclass ORDER BY 1",
        whole = if tables.is_none() { "true" } else { "false" },
    );
    let found = link.raw(&sql).await?.into_iter().flatten().flatten();
    Ok(found.map(|what| format!("{what} depends on it")).collect())
}

/// PostgreSQL: what these tables need of their own schema that does not come along with them.
async fn needing(link: &mut Link, schema: &str, tables: &BTreeSet<String>) -> Result<Vec<String>, String> {
    let (name, names) = (quoted(link, schema), values(link, tables));
    let sql = format!(
        "WITH home AS (SELECT oid FROM pg_namespace WHERE nspname = {name}),
           tables AS (SELECT c.oid, c.reltype FROM pg_class c, home WHERE c.relnamespace = home.oid AND c.relname IN ({names})),
           own AS (SELECT oid FROM tables UNION SELECT d.objid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
             AND d.refobjid IN (SELECT oid FROM tables) AND d.deptype IN ('a', 'i')
             UNION SELECT x.indexrelid FROM pg_index x WHERE x.indrelid IN (SELECT oid FROM tables))
         SELECT DISTINCT pg_describe_object(d.refclassid, d.refobjid, 0)
         FROM home, pg_depend d
           {RESOLVED}
           LEFT JOIN pg_class rc ON d.refclassid = 'pg_class'::regclass AND rc.oid = d.refobjid
           LEFT JOIN pg_proc rf ON d.refclassid = 'pg_proc'::regclass AND rf.oid = d.refobjid
           LEFT JOIN pg_type ry ON d.refclassid = 'pg_type'::regclass AND ry.oid = d.refobjid
         WHERE d.deptype = 'n' AND coalesce(t.oid, k.oid) IN (SELECT oid FROM tables)
           AND coalesce(rc.relnamespace, rf.pronamespace, ry.typnamespace) = home.oid
           AND coalesce(rc.oid, 0) NOT IN (SELECT oid FROM own) AND coalesce(ry.oid, 0) NOT IN (SELECT reltype FROM tables) ORDER BY 1"
    );
    let found = link.raw(&sql).await?.into_iter().flatten().flatten();
    Ok(found.map(|what| format!("{what} is needed by it and does not come along")).collect())
}

/// Which table something belongs to that depends on something else.
const RESOLVED: &str = "LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
           LEFT JOIN pg_constraint o ON d.classid = 'pg_constraint'::regclass AND o.oid = d.objid
           LEFT JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid
           LEFT JOIN pg_trigger g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
           LEFT JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
           LEFT JOIN pg_class k ON d.classid = 'pg_class'::regclass AND k.oid = d.objid
           LEFT JOIN pg_index x ON x.indexrelid = k.oid
           LEFT JOIN pg_proc f ON d.classid = 'pg_proc'::regclass AND f.oid = d.objid
           LEFT JOIN pg_type y ON d.classid = 'pg_type'::regclass AND y.oid = d.objid
           LEFT JOIN pg_class t ON t.oid = coalesce(r.ev_class, nullif(o.conrelid, 0), a.adrelid, g.tgrelid, p.polrelid, x.indrelid)";

fn values(link: &Link, names: &BTreeSet<String>) -> String {
    let values: Vec<String> = names.iter().map(|name| quoted(link, name)).collect();
    if values.is_empty() { "NULL".to_owned() } else { values.join(", ") }
}

/// See [`super::Tenants::swap`].
pub(super) async fn swap(live: &Target, tenant: &Tenant) -> Result<Done, Hitch> {
    let mut link = open(live).await?;
    let swapped = forward(&mut link, tenant).await;
    link.close().await;
    swapped
}

async fn forward(link: &mut Link, tenant: &Tenant) -> Result<Done, Hitch> {
    settle::lock(link, tenant).await?;
    let state = settle::of(link, tenant).await?;
    if state.swapped || state.unswapped {
        return refuse(format!("The tables of {} were swapped by {} already.", tenant.schema, tenant.operation));
    }
    settle::ready(link, tenant).await?;
    // Both may have changed since they were looked at.
    let (coming, now) = (Layout::of(link, &tenant.stage()).await?, Layout::of(link, &tenant.schema).await?);
    let names: BTreeSet<String> = coming.tables.keys().cloned().collect();
    let leaving = leaving(tenant, &names, &now);
    let mut wrong = in_the_way(link.engine, tenant, &leaving, &now);
    if link.engine == Engine::Postgres {
        wrong.extend(holding(link, &tenant.schema, (!tenant.tables.is_empty()).then_some(&leaving)).await?);
    }
    free(tenant, wrong)?;
    remember(link, tenant, &names).await?;
    let moves = Moves { out: tenant.before(), from: tenant.stage(), leaving, coming: names };
    let done = moves.carry_out(link, tenant).await?;
    Ok(done)
}

/// See [`super::Tenants::swap_back`].
pub(super) async fn back(live: &Target, tenant: &Tenant) -> Result<Done, Hitch> {
    let mut link = open(live).await?;
    let swapped = backward(&mut link, tenant).await;
    link.close().await;
    swapped
}

async fn backward(link: &mut Link, tenant: &Tenant) -> Result<Done, Hitch> {
    settle::lock(link, tenant).await?;
    let state = settle::of(link, tenant).await?;
    if state.unswapped {
        return refuse(format!("The tables of {} were swapped back already.", tenant.schema));
    }
    if !state.swapped {
        return Ok(settle::never(link, tenant, "unswapped").await?);
    }
    let (kept, now) = (Layout::of(link, &tenant.before()).await?, Layout::of(link, &tenant.schema).await?);
    let swapped = link.table(&tenant.journal(), SWAPPED);
    let brought: BTreeSet<String> =
        link.raw(&format!("SELECT name FROM {swapped}")).await?.into_iter().flatten().flatten().collect();
    let leaves = |name: &&String| tenant.tables.is_empty() || brought.contains(*name);
    let leaving: BTreeSet<String> = now.tables.keys().filter(leaves).cloned().collect();
    let mut wrong = in_the_way(link.engine, tenant, &leaving, &now);
    if link.engine == Engine::Postgres {
        wrong.extend(holding(link, &tenant.schema, (!tenant.tables.is_empty()).then_some(&leaving)).await?);
    }
    free(tenant, wrong)?;
    let moves =
        Moves { out: tenant.undone(), from: tenant.before(), leaving, coming: kept.tables.keys().cloned().collect() };
    moves.carry_out(link, tenant).await
}

/// Writes down which tables come, so that the way back knows which to take away.
async fn remember(link: &mut Link, tenant: &Tenant, names: &BTreeSet<String>) -> Result<(), String> {
    let table = link.table(&tenant.journal(), SWAPPED);
    link.run(&format!("DROP TABLE IF EXISTS {table}")).await?;
    link.run(&format!("CREATE TABLE {table} (name varchar(64) PRIMARY KEY)")).await?;
    for name in names {
        let name = quoted(link, name);
        link.run(&format!("INSERT INTO {table} (name) VALUES ({name})")).await?;
    }
    Ok(())
}

/// One swap: what leaves the live schema, and what comes into it.
struct Moves {
    out: String,
    from: String,
    leaving: BTreeSet<String>,
    coming: BTreeSet<String>,
}

impl Moves {
    async fn carry_out(&self, link: &mut Link, tenant: &Tenant) -> Result<Done, Hitch> {
        match link.engine {
            Engine::Postgres => self.postgres(link, tenant).await?,
            Engine::Mysql | Engine::Mariadb => self.mysql(link, tenant).await?,
        }
        let gone: Vec<String> = self.leaving.difference(&self.coming).cloned().collect();
        let mut issues = Vec::new();
        if !gone.is_empty() {
            issues.push(format!("{} were made since and are now in {} only", named(&gone), self.out));
        }
        Ok(Done {
            count: self.coming.len() as u64,
            found: vec![format!(
                "{} tables of {} swapped in one statement; what was live before is in {}",
                self.coming.len(),
                tenant.schema,
                self.out
            )],
            issues,
        })
    }

    async fn mysql(&self, link: &mut Link, tenant: &Tenant) -> Result<(), Hitch> {
        counters(link, &tenant.schema, &self.from).await?;
        let out = link.quoted(&self.out);
        link.run(&format!("CREATE SCHEMA IF NOT EXISTS {out}")).await?;
        let (unmoved, moved) = (link.table(&self.from, MARKER), link.table(&self.out, MARKER));
        link.run(&format!("CREATE TABLE IF NOT EXISTS {unmoved} (moved int PRIMARY KEY) ENGINE = InnoDB")).await?;
        link.run(&format!("SET SESSION lock_wait_timeout = {PATIENCE}")).await?;
        let away = self.leaving.iter().map(|name| (&tenant.schema, &self.out, name));
        let here = self.coming.iter().map(|name| (&self.from, &tenant.schema, name));
        let renames: Vec<String> = away
            .chain(here)
            .map(|(from, to, name)| format!("{} TO {}", link.table(from, name), link.table(to, name)))
            .chain([format!("{unmoved} TO {moved}")])
            .collect();
        Ok(link.conclude(&format!("RENAME TABLE {}", renames.join(", "))).await?)
    }

    async fn postgres(&self, link: &mut Link, tenant: &Tenant) -> Result<(), Hitch> {
        let done = self.in_transaction(link, tenant).await;
        if let Err(why) = done {
            // It is over either way.
            let _ = link.run("ROLLBACK").await;
            return Err(Hitch::Later(format!("{why} Nothing was changed.")));
        }
        Ok(link.conclude("COMMIT").await?)
    }

    async fn in_transaction(&self, link: &mut Link, tenant: &Tenant) -> Result<(), String> {
        let (live, out, from) = (link.quoted(&tenant.schema), link.quoted(&self.out), link.quoted(&self.from));
        link.run(&format!("BEGIN; SET LOCAL lock_timeout = '{PATIENCE}s'")).await?;
        if tenant.tables.is_empty() {
            link.run(&format!("ALTER SCHEMA {live} RENAME TO {out}; ALTER SCHEMA {from} RENAME TO {live}")).await?;
            return carry(link, &self.out, &tenant.schema).await;
        }
        link.run(&format!("CREATE SCHEMA {out}")).await?;
        for name in &self.leaving {
            link.run(&format!("ALTER TABLE {} SET SCHEMA {out}", link.table(&tenant.schema, name))).await?;
        }
        for name in &self.coming {
            link.run(&format!("ALTER TABLE {} SET SCHEMA {live}", link.table(&self.from, name))).await?;
        }
        carry(link, &self.out, &tenant.schema).await
    }
}

/// MySQL, MariaDB: numbers that were given out are not given out again.
async fn counters(link: &mut Link, live: &str, coming: &str) -> Result<(), String> {
    let sql = "SELECT TABLE_NAME, CAST(AUTO_INCREMENT AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND AUTO_INCREMENT IS NOT NULL";
    let mut stands: BTreeMap<String, u128> = BTreeMap::new();
    for row in link.ask(sql, &[coming]).await? {
        let [Some(table), Some(at)] = texts(row) else { continue };
        stands.insert(table, at.parse().unwrap_or(0));
    }
    for row in link.ask(sql, &[live]).await? {
        let [Some(table), Some(at)] = texts(row) else { continue };
        let Ok(at) = at.parse::<u128>() else { continue };
        if stands.get(&table).is_some_and(|stands| *stands < at) {
            let table = link.table(coming, &table);
            link.run(&format!("ALTER TABLE {table} AUTO_INCREMENT = {at}")).await?;
        }
    }
    Ok(())
}

/// PostgreSQL: the same, from the sequences of one schema to those of the other.
async fn carry(link: &mut Link, from: &str, to: &str) -> Result<(), String> {
    let theirs = sequences(link, from).await?;
    for (name, at) in sequences(link, to).await? {
        let ahead = theirs.get(&name).copied().flatten().filter(|theirs| at.is_none_or(|at| at < *theirs));
        if let Some(theirs) = ahead {
            set(link, to, &name, theirs).await?;
        }
    }
    Ok(())
}

/// PostgreSQL: sequences stand where those stand that they were made from.
pub(super) async fn raise(source: &mut Link, to: &mut Link, tenant: &Tenant) -> Result<(), String> {
    let stage = tenant.stage();
    let theirs = sequences(source, &stage).await?;
    for name in sequences(to, &stage).await?.into_keys() {
        if let Some(Some(at)) = theirs.get(&name) {
            set(to, &stage, &name, *at).await?;
        }
    }
    Ok(())
}

async fn set(link: &mut Link, schema: &str, sequence: &str, at: i64) -> Result<(), String> {
    let name = link.table(schema, sequence);
    let name = quoted(link, &name);
    link.run(&format!("SELECT setval({name}::regclass, {at})::text")).await
}

async fn sequences(link: &mut Link, schema: &str) -> Result<BTreeMap<String, Option<i64>>, String> {
    let sql = "SELECT sequencename::text, last_value::text FROM pg_sequences WHERE schemaname = $1";
    let rows = link.ask(sql, &[schema]).await?.into_iter();
    let read = rows.filter_map(|row| {
        let [name, at] = texts(row);
        Some((name?, at.and_then(|at| at.parse().ok())))
    });
    Ok(read.collect())
}
