//! What a server has that a dump of it has to hold: asked before the dump, and again after it.

use std::collections::BTreeMap;

use super::{
    Target, anatomy, catalogue, grants,
    link::{Link, Mode, Texts},
    rows::{exact, one},
    schema::difference,
};
use crate::domain::environment::Engine;

/// A server as it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What it is, whatever the config calls it.
    pub engine: Engine,
    /// Major version: 15 of PostgreSQL 15.4, 8 of MySQL 8.4, 10 of MariaDB 10.11.
    pub major: u32,
    /// Its own words, such as `10.11.19-MariaDB`.
    pub version: String,
}

/// MariaDB's word for a table that keeps the history of its rows.
const VERSIONED: &str = "SYSTEM VERSIONED";

/// How many of each kind besides tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Others {
    /// Views, materialised ones as well.
    pub views: u64,
    /// Functions, procedures, aggregates.
    pub routines: u64,
    /// Triggers of tables.
    pub triggers: u64,
    /// Scheduled events.
    pub events: u64,
    /// Sequences.
    pub sequences: u64,
    /// Row-level security policies.
    pub policies: u64,
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// Which server.
    pub server: Identity,
    /// Tables as `schema.table`, with the rows its statistics tell; `None` where they tell nothing.
    pub tables: BTreeMap<String, Option<u64>>,
    /// The rest.
    pub others: Others,
    /// Columns of type FLOAT as `schema.table.column`, of which MySQL and MariaDB write six digits only.
    pub floats: Vec<String>,
    /// Whether tables keep the history of their rows (MariaDB).
    pub history: bool,
    /// What this login may not be shown, and what is dumped in a way in which it is not loaded; a sentence each.
    pub doubts: Vec<String>,
    shape: Vec<Texts>,
}

impl Inventory {
    /// What a server says that has nothing but these tables.
    pub fn of_tables(server: Identity, tables: BTreeMap<String, Option<u64>>) -> Inventory {
        Inventory {
            server,
            tables,
            others: Others::default(),
            floats: Vec::new(),
            history: false,
            doubts: Vec::new(),
            shape: Vec::new(),
        }
    }

    /// What of the schemas was changed between `before` and this, if anything was. Grants may change at any time.
    pub fn changed_since(&self, before: &Inventory) -> Option<String> {
        (self.shape != before.shape).then(|| difference(&self.shape, &before.shape))
    }
}

/// Asks a server who it is.
///
/// # Errors
/// A sentence for people.
pub async fn identify(target: &Target) -> Result<Identity, String> {
    let (mut link, _) = Link::open(target, Mode::Read).await?;
    let identity = identity(&mut link).await;
    link.close().await;
    identity
}

/// Looks at everything in `schemas`; at all of them where none is named.
///
/// # Errors
/// A sentence for people; also where the login may not read all tables of a schema, so that it cannot know what it misses.
pub async fn inventory(target: &Target, schemas: &[String]) -> Result<Inventory, String> {
    let (mut link, _) = Link::open(target, Mode::Read).await?;
    let found = look(&mut link, target, schemas).await;
    link.close().await;
    found
}

/// Counts the rows of tables, each `schema.table` as [`Inventory::tables`] has it.
///
/// # Errors
/// A sentence for people.
pub async fn count_rows(target: &Target, tables: &[String]) -> Result<BTreeMap<String, u64>, String> {
    let (mut link, _) = Link::open(target, Mode::Read).await?;
    let mut counted = BTreeMap::new();
    for name in tables {
        let (schema, table) = split(&mut link, name).await?;
        counted.insert(name.clone(), all_rows(&mut link, &schema, &table).await?);
    }
    link.close().await;
    Ok(counted)
}

/// With the history of rows, where a table keeps it: a dump has that as well.
async fn all_rows(link: &mut Link, schema: &str, table: &str) -> Result<u64, String> {
    if link.engine != Engine::Postgres {
        let kind = "SELECT TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?";
        if link.ask(kind, &[schema, table]).await? == [vec![Some(VERSIONED.to_owned())]] {
            let sql = format!("SELECT CAST(COUNT(*) AS CHAR) FROM {} FOR SYSTEM_TIME ALL", link.table(schema, table));
            return one(link, &sql).await?.and_then(|n| n.parse().ok()).ok_or_else(|| "no number came back".to_owned());
        }
    }
    exact(link, schema, table).await
}

/// Names may have dots in them, so the schema is the longest one that there is.
async fn split(link: &mut Link, name: &str) -> Result<(String, String), String> {
    let schemas = catalogue::schemas(link).await?;
    let of =
        |schema: &String| Some((schema.clone(), name.strip_prefix(schema.as_str())?.strip_prefix('.')?.to_owned()));
    let found = schemas.iter().filter_map(of).max_by_key(|(schema, _)| schema.len());
    found.ok_or_else(|| format!("There is no schema of table {name} any more."))
}

pub(super) async fn identity(link: &mut Link) -> Result<Identity, String> {
    let sql = match link.engine {
        Engine::Postgres => "SELECT current_setting('server_version_num')",
        _ => "SELECT CONCAT(VERSION(), ' ', @@version_comment)",
    };
    let said = link.ask(sql, &[]).await?.into_iter().flatten().flatten().next().unwrap_or_default();
    let number: u32 = said.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(0);
    let (engine, major) = match link.engine {
        Engine::Postgres => (Engine::Postgres, number / 10_000),
        _ if said.contains("MariaDB") => (Engine::Mariadb, number),
        _ => (Engine::Mysql, number),
    };
    if major == 0 {
        return Err(format!(
            "The server does not say its version in a way that is understood: `{}`.",
            said.escape_default()
        ));
    }
    Ok(Identity { engine, major, version: said })
}

async fn look(link: &mut Link, target: &Target, wanted: &[String]) -> Result<Inventory, String> {
    let server = identity(link).await?;
    let schemas = if wanted.is_empty() { catalogue::schemas(link).await? } else { wanted.to_vec() };
    let doubts = match link.engine {
        Engine::Postgres => Vec::new(),
        _ => grants::sees_all(link, &target.username, wanted).await?,
    };
    let mut found = Inventory {
        server,
        tables: BTreeMap::new(),
        others: Others::default(),
        floats: Vec::new(),
        history: false,
        doubts,
        shape: Vec::new(),
    };
    for schema in &schemas {
        if !catalogue::exists(link, schema).await? {
            return Err(format!(
                "There is no schema {schema} in {}. Correct `schemas` in the config file.",
                target.name()
            ));
        }
        add(link, schema, &mut found).await?;
    }
    if link.engine == Engine::Postgres {
        found.floats.clear();
    }
    Ok(found)
}

async fn add(link: &mut Link, schema: &str, found: &mut Inventory) -> Result<(), String> {
    let (tables, others) = match link.engine {
        Engine::Postgres => (POSTGRES_TABLES, POSTGRES_OTHERS),
        _ => (MYSQL_TABLES, MYSQL_OTHERS),
    };
    for row in link.ask(tables, &[schema]).await? {
        let [Some(table), estimate, kind] = <[_; 3]>::try_from(row).unwrap_or_default() else { continue };
        found.history |= kind.as_deref() == Some(VERSIONED);
        // -1 is PostgreSQL's word for never counted.
        found.tables.insert(format!("{schema}.{table}"), estimate.and_then(|rows| rows.parse().ok()));
    }
    for row in link.ask(others, &vec![schema; if link.engine == Engine::Postgres { 1 } else { 5 }]).await? {
        let [Some(kind), Some(count)] = <[_; 2]>::try_from(row).unwrap_or_default() else { continue };
        let count: u64 = count.parse().unwrap_or(0);
        let others = &mut found.others;
        match kind.as_str() {
            "view" => others.views += count,
            "routine" => others.routines += count,
            "trigger" => others.triggers += count,
            "event" => others.events += count,
            "sequence" => others.sequences += count,
            "policy" => others.policies += count,
            _ => {}
        }
    }
    if link.engine != Engine::Postgres {
        let floats = "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND DATA_TYPE = 'float'";
        let named = link.ask(floats, &[schema]).await?.into_iter().map(|row| {
            let names: Vec<String> = row.into_iter().flatten().collect();
            format!("{schema}.{}", names.join("."))
        });
        found.floats.extend(named);
        if found.server.engine == Engine::Mysql {
            let ends = link.ask(MYSQL_ENDS, &[schema, schema]).await?.into_iter().map(|row| {
                let words: Vec<String> = row.into_iter().flatten().collect();
                format!(
                    "{} ends in `;` and is not loaded like that: make it anew without",
                    words.join(&format!(" {schema}."))
                )
            });
            found.doubts.extend(ends);
        }
    }
    let shape = anatomy::of(link, schema).await?.into_iter();
    found.shape.extend(shape.filter(|row| row.first().and_then(Option::as_deref) != Some(anatomy::GRANT)).map(
        |mut row| {
            // Equal names in two schemas are two things.
            if let Some(Some(table)) = row.get_mut(1) {
                table.insert_str(0, &format!("{schema}."));
            }
            row
        },
    ));
    Ok(())
}

/// pg_dump leaves what an extension made to the extension.
const POSTGRES_TABLES: &str = "SELECT c.relname::text, c.reltuples::bigint::text, c.relkind::text
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT 1 FROM pg_depend d
       WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

const POSTGRES_OTHERS: &str = "SELECT kind, count(*)::text FROM (
     SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'view' END AS kind, 'pg_class'::regclass AS class, c.oid, c.relnamespace AS home
       FROM pg_class c WHERE c.relkind IN ('v', 'm', 'S')
     UNION ALL SELECT 'routine', 'pg_proc'::regclass, p.oid, p.pronamespace FROM pg_proc p
     UNION ALL SELECT 'trigger', 'pg_class'::regclass, t.tgrelid, c.relnamespace FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
       WHERE NOT t.tgisinternal AND t.tgparentid = 0
     UNION ALL SELECT 'policy', 'pg_class'::regclass, p.polrelid, c.relnamespace FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
     ) o JOIN pg_namespace n ON n.oid = o.home
     WHERE n.nspname = $1 AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid
       AND (d.deptype = 'e' OR d.deptype = 'i' AND o.kind = 'routine'))
     GROUP BY kind";

const MYSQL_TABLES: &str = "SELECT TABLE_NAME, CAST(TABLE_ROWS AS CHAR), TABLE_TYPE FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = ? AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')";

/// MySQL keeps the `;` after a body that was made as one of several statements; mysqldump puts it into a comment, and no MySQL takes
/// that back.
const MYSQL_ENDS: &str = "SELECT 'trigger', TRIGGER_NAME FROM information_schema.TRIGGERS
       WHERE TRIGGER_SCHEMA = ? AND RTRIM(ACTION_STATEMENT) LIKE '%;'
     UNION ALL SELECT 'event', EVENT_NAME FROM information_schema.EVENTS
       WHERE EVENT_SCHEMA = ? AND RTRIM(EVENT_DEFINITION) LIKE '%;' ORDER BY 1, 2";

const MYSQL_OTHERS: &str = "SELECT 'view', CAST(COUNT(*) AS CHAR) FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ?
     UNION ALL SELECT 'routine', CAST(COUNT(*) AS CHAR) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ?
     UNION ALL SELECT 'trigger', CAST(COUNT(*) AS CHAR) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ?
     UNION ALL SELECT 'event', CAST(COUNT(*) AS CHAR) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ?
     UNION ALL SELECT 'sequence', CAST(COUNT(*) AS CHAR) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE = 'SEQUENCE'";
