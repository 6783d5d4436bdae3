//! Where counters stand: sequences and columns that number their rows. A counter that was put back gives numbers out twice.

use std::collections::BTreeMap;

use super::{catalogue, count, link::Link, rows::one};
use crate::domain::environment::Engine;

/// Numbers that servers put aside at once, and leave out after a recovery.
const AHEAD: i128 = 1000;

/// Where a counter stands, and the column whose values it gives out.
struct Position {
    /// Nothing where it was never used.
    at: Option<i128>,
    column: Option<(String, String)>,
}

/// The source went on since, and a server that was recovered leaves some numbers out; so both may differ a little. But the
/// restored side is not at another order of magnitude, and gives out no number that a row has already.
pub(super) async fn compare(restored: &mut Link, source: &mut Link, schema: &str) -> Result<String, String> {
    for (link, side) in [(&mut *restored, "restored"), (&mut *source, "source")] {
        if !catalogue::exists(link, schema).await? {
            return Err(format!("There is no schema {schema} in the {side} database."));
        }
    }
    let (ours, theirs) = (positions(restored, schema).await?, positions(source, schema).await?);
    let mut wrong = Vec::new();
    for (name, theirs) in &theirs {
        let Some(ours) = ours.get(name) else {
            wrong.push(format!("{name} is missing"));
            continue;
        };
        if ours.at == theirs.at {
            continue;
        }
        if far(ours.at, theirs.at) {
            wrong.push(format!("{name} {}, the source's {}", at(ours.at), at(theirs.at)));
        } else if let (Some((table, column)), Some(number @ 0..)) = (&ours.column, ours.at.or(Some(0)))
            && let Some(highest) = highest(restored, schema, table, column).await?.filter(|highest| *highest > number)
        {
            wrong.push(format!("{name} {}, and {table}.{column} goes up to {highest}", at(ours.at)));
        }
    }
    if wrong.is_empty() {
        return Ok(format!("{} where the source may have been at the backup.", count(theirs.len(), "sequence")));
    }
    Err(format!("Numbers may be given out twice: {}. Set them before anybody writes.", wrong.join("; ")))
}

/// Used by one and never by the other, or of another order of magnitude.
fn far(ours: Option<i128>, theirs: Option<i128>) -> bool {
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return ours != theirs };
    let (small, large) = (ours.abs().min(theirs.abs()), ours.abs().max(theirs.abs()));
    large > small.saturating_mul(2).saturating_add(if ours.abs() > theirs.abs() { AHEAD } else { 0 })
}

fn at(position: Option<i128>) -> String {
    position.map_or_else(|| "was never used".to_owned(), |at| format!("is at {at}"))
}

async fn positions(link: &mut Link, schema: &str) -> Result<BTreeMap<String, Position>, String> {
    let sql = match link.engine {
        Engine::Postgres => POSTGRES,
        _ => MYSQL,
    };
    let mut found = BTreeMap::new();
    for row in link.ask(sql, &[schema]).await? {
        let [Some(name), at, table, column] = <[_; 4]>::try_from(row).unwrap_or_default() else { continue };
        let at = match (link.engine, &column) {
            (Engine::Mysql | Engine::Mariadb, None) => next_value(link, schema, &name).await?,
            _ => at.and_then(|at| at.parse().ok()),
        };
        found.insert(name, Position { at, column: table.zip(column) });
    }
    Ok(found)
}

/// A sequence of MariaDB is a table of one row.
async fn next_value(link: &mut Link, schema: &str, sequence: &str) -> Result<Option<i128>, String> {
    let table = link.table(schema, sequence);
    let sql = format!("SELECT CAST(next_not_cached_value AS CHAR) FROM {table}");
    Ok(one(link, &sql).await?.and_then(|at| at.parse().ok()))
}

async fn highest(link: &mut Link, schema: &str, table: &str, column: &str) -> Result<Option<i128>, String> {
    let (table, column) = (link.table(schema, table), link.quoted(column));
    let sql = match link.engine {
        Engine::Postgres => format!("SELECT max({column})::text FROM {table}"),
        _ => format!("SELECT CAST(MAX({column}) AS CHAR) FROM {table}"),
    };
    Ok(one(link, &sql).await?.and_then(|at| at.parse().ok()))
}

const POSTGRES: &str = "SELECT s.sequencename::text, s.last_value::text, t.relname::text, a.attname::text
     FROM pg_sequences s JOIN pg_namespace n ON n.nspname = s.schemaname
       JOIN pg_class c ON c.relname = s.sequencename AND c.relnamespace = n.oid AND c.relkind = 'S'
       LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
       LEFT JOIN pg_class t ON t.oid = d.refobjid AND t.relnamespace = n.oid
       LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
     WHERE s.schemaname = $1";

/// InnoDB keeps a column's counter above its rows by itself, but not where it was.
const MYSQL: &str = "SELECT t.TABLE_NAME, CAST(t.AUTO_INCREMENT AS CHAR), IF(t.TABLE_TYPE = 'SEQUENCE', NULL, t.TABLE_NAME), c.COLUMN_NAME
     FROM information_schema.TABLES t LEFT JOIN information_schema.COLUMNS c
       ON c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME AND c.EXTRA LIKE '%auto_increment%'
     WHERE t.TABLE_SCHEMA = ? AND (t.TABLE_TYPE = 'SEQUENCE' OR t.AUTO_INCREMENT IS NOT NULL AND c.COLUMN_NAME IS NOT NULL)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_back_is_far() {
        for (ours, theirs, is) in [
            (Some(100), Some(100), false),
            (Some(60), Some(100), false),
            (Some(49), Some(100), true),
            (Some(1), Some(1000), true),
            (Some(132), Some(100), false),
            (Some(5000), Some(100), true),
            (Some(-60), Some(-100), false),
            (None, Some(100), true),
            (Some(1), None, true),
            (None, None, false),
        ] {
            assert_eq!(far(ours, theirs), is, "{ours:?} of {theirs:?}");
        }
    }
}
