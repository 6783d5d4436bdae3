//! What the catalogues of both kinds of servers say, as texts.

use std::collections::BTreeMap;

use super::link::Link;
use crate::domain::environment::Engine;

/// Columns that tell when a row was made or changed, the most telling first.
const TELLING: [&str; 12] = [
    "updated_at",
    "modified_at",
    "last_modified",
    "created_at",
    "post_modified_gmt",
    "post_modified",
    "post_date_gmt",
    "post_date",
    "comment_date_gmt",
    "comment_date",
    "user_registered",
    "timestamp",
];

/// A table with rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// Rows as the server's statistics have them.
    pub(super) estimate: Option<u64>,
    /// What tells how recent it is.
    pub(super) clock: Option<Clock>,
}

/// A column that tells how recent a table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clock {
    /// Its name.
    pub(super) column: String,
    /// Its type has a time zone, which has to be asked for.
    pub(super) zoned: bool,
    /// What our sessions read of it is in UTC; of others nobody knows in which zone they are.
    pub(super) in_utc: bool,
}

/// Schemas but the server's own, sorted.
pub(super) async fn schemas(link: &mut Link) -> Result<Vec<String>, String> {
    let sql = match link.engine {
        Engine::Postgres => {
            "SELECT nspname::text FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%' ORDER BY 1"
        }
        _ => {
            "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA
             WHERE SCHEMA_NAME NOT IN ('information_schema', 'performance_schema', 'mysql', 'sys', 'innodb', 'tmp') ORDER BY 1"
        }
    };
    Ok(link.ask(sql, &[]).await?.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}

/// Tables with rows of their own, by name.
pub(super) async fn tables(link: &mut Link, schema: &str) -> Result<BTreeMap<String, Table>, String> {
    let (tables, clocks) = match link.engine {
        Engine::Postgres => (
            "SELECT c.relname::text, c.reltuples::bigint::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = $1 AND c.relkind = 'r'",
            "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL)
             FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = $1 AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
               AND a.atttypid IN ('timestamp'::regtype, 'timestamptz'::regtype) ORDER BY a.attnum",
        ),
        _ => (
            "SELECT TABLE_NAME, CAST(TABLE_ROWS AS CHAR) FROM information_schema.TABLES
             WHERE TABLE_SCHEMA = ? AND TABLE_TYPE = 'BASE TABLE'",
            "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS
             WHERE TABLE_SCHEMA = ? AND DATA_TYPE IN ('datetime', 'timestamp') ORDER BY ORDINAL_POSITION",
        ),
    };
    let mut found = BTreeMap::new();
    for row in link.ask(tables, &[schema]).await? {
        let [Some(name), estimate] = <[_; 2]>::try_from(row).unwrap_or_default() else { continue };
        // -1 is PostgreSQL's word for never counted.
        found.insert(name, Table { estimate: estimate.and_then(|n| n.parse().ok()), clock: None });
    }
    for row in link.ask(clocks, &[schema]).await? {
        let [Some(name), Some(column), Some(kind)] = <[_; 3]>::try_from(row).unwrap_or_default() else { continue };
        let Some(table) = found.get_mut(&name) else { continue };
        let better = table.clock.as_ref().is_none_or(|have| rank(&column) < rank(&have.column));
        if better {
            let zoned = kind.contains("with time zone");
            // What MySQL and MariaDB call `timestamp` has the zone of the session, which is UTC.
            let in_utc = zoned || kind == "timestamp" || column.to_lowercase().ends_with("_gmt");
            table.clock = Some(Clock { column, zoned, in_utc });
        }
    }
    Ok(found)
}

/// Smaller is more telling; columns of other names come last, in their own order.
fn rank(column: &str) -> usize {
    let column = column.to_lowercase();
    TELLING.iter().position(|name| *name == column).unwrap_or(TELLING.len())
}

/// Whether the schema is there at all.
pub(super) async fn exists(link: &mut Link, schema: &str) -> Result<bool, String> {
    let sql = match link.engine {
        Engine::Postgres => "SELECT nspname::text FROM pg_namespace WHERE nspname = $1",
        _ => "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?",
    };
    Ok(!link.ask(sql, &[schema]).await?.is_empty())
}
