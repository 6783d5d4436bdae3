//! Whether what the source's keys promise holds in a copy: rows that others point to are there, keys are unique, and the server can
//! read its own pages. None of that depends on how old the copy is, so that each breach of it refutes the copy.
//!
//! Constraints are taken from the source: a copy may have lost them. It is asked by query, since `VALIDATE CONSTRAINT` and
//! `CHECK TABLE` accept orphans.

use std::collections::BTreeMap;

use super::{
    catalogue::{self, Table},
    count,
    link::Link,
    rows::{self, LARGE, awake, several},
};
use crate::domain::environment::Engine;

/// Columns of a key in the order of the key: their names, and those of the columns they point to.
struct Key {
    table: String,
    name: String,
    columns: Vec<String>,
    /// The schema and the table it points to, with columns; none of a primary key.
    parent: Option<(String, String, Vec<String>)>,
}

/// Asks all of them of a copy, beside its source.
pub(super) async fn hold(restored: &mut Link, source: &mut Link, schema: &str) -> Result<String, String> {
    let there = catalogue::tables(source, schema).await?;
    let here = catalogue::tables(restored, schema).await?;
    if there.is_empty() {
        return Err(format!("The source has no tables in {schema}, so there is nothing to look at."));
    }
    let mut keys = keys(source, schema).await?;
    // What is missing as a whole is told where rows are counted.
    keys.retain(|key| here.contains_key(&key.table));
    let mut found = Found { keys: keys.len(), ..Found::default() };
    for key in &keys {
        match awake(source, broken(restored, schema, key, &here)).await {
            Ok(0) => {}
            // What is broken in the source as well was so when the copy was made.
            Ok(_) if key.parent.is_some() && broken(source, schema, key, &there).await.is_ok_and(|n| n > 0) => {
                found.unknown.push(format!("{}, which is broken in the source as well", key.name));
            }
            Ok(n) => found.damaged.push(key.breach(n)),
            Err(why) => found.unknown.push(format!("{} of {} ({})", key.name, key.table, why.trim_end_matches('.'))),
        }
    }
    awake(source, pages(restored, schema, &here, &mut found)).await;
    found.told(restored.engine)
}

/// Asks all of them of a copy whose source does not answer.
pub(super) async fn hold_alone(restored: &mut Link, schema: &str) -> Result<String, String> {
    let here = catalogue::tables(restored, schema).await?;
    let keys = keys(restored, schema).await?;
    let mut found = Found { keys: keys.len(), ..Found::default() };
    for key in &keys {
        match broken(restored, schema, key, &here).await {
            Ok(0) => {}
            Ok(n) => found.damaged.push(key.breach(n)),
            Err(why) => found.unknown.push(format!("{} of {} ({})", key.name, key.table, why.trim_end_matches('.'))),
        }
    }
    pages(restored, schema, &here, &mut found).await;
    found.told(restored.engine)
}

/// What was found of a copy.
#[derive(Default)]
struct Found {
    /// Keys that were looked at.
    keys: usize,
    /// Tables that the server read through.
    whole: usize,
    damaged: Vec<String>,
    unknown: Vec<String>,
}

impl Found {
    fn told(self, engine: Engine) -> Result<String, String> {
        if !self.damaged.is_empty() {
            return Err(format!("The copy is damaged: {}.", several(&self.damaged)));
        }
        let read = match engine {
            Engine::Postgres => String::new(),
            Engine::Mysql | Engine::Mariadb => {
                format!(", and {} read through by the server", count(self.whole, "table"))
            }
        };
        let unknown = match self.unknown.as_slice() {
            [] => String::new(),
            some => format!("; not known of {}", several(some)),
        };
        Ok(format!("{} looked at{read}: nothing is amiss{unknown}.", count(self.keys, "key")))
    }
}

impl Key {
    /// That so many rows breach it.
    fn breach(&self, rows: u64) -> String {
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        match &self.parent {
            Some((_, parent, _)) => {
                format!("{} of {} point to nothing in {parent} ({})", count(rows, "row"), self.table, self.name)
            }
            None => format!("{} has {} more than once", self.table, count(rows, "key")),
        }
    }
}

/// Primary keys and foreign keys of a schema.
async fn keys(link: &mut Link, schema: &str) -> Result<Vec<Key>, String> {
    let sql = match link.engine {
        Engine::Postgres => {
            "SELECT c.relname::text, o.conname::text, a.attname::text, n2.nspname::text, f.relname::text, b.attname::text
             FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
               CROSS JOIN LATERAL unnest(o.conkey) WITH ORDINALITY AS k(col, place)
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.col
               LEFT JOIN pg_class f ON f.oid = o.confrelid LEFT JOIN pg_namespace n2 ON n2.oid = f.relnamespace
               LEFT JOIN pg_attribute b ON b.attrelid = f.oid AND b.attnum = o.confkey[k.place]
             WHERE n.nspname = $1 AND c.relkind = 'r' AND o.contype IN ('p', 'f') AND o.convalidated
             ORDER BY c.relname, o.conname, k.place"
        }
        _ => {
            "SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME
             FROM information_schema.KEY_COLUMN_USAGE
             WHERE TABLE_SCHEMA = ? AND (CONSTRAINT_NAME = 'PRIMARY' OR REFERENCED_TABLE_NAME IS NOT NULL)
             ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION"
        }
    };
    let mut keys: Vec<Key> = Vec::new();
    for row in link.ask(sql, &[schema]).await? {
        let [Some(table), Some(name), Some(column), place, parent, to] = <[_; 6]>::try_from(row).unwrap_or_default()
        else {
            continue;
        };
        if keys.last().is_none_or(|key| key.table != table || key.name != name) {
            let parent = place.zip(parent).map(|(place, parent)| (place, parent, Vec::new()));
            keys.push(Key { table, name, columns: Vec::new(), parent });
        }
        let Some(key) = keys.last_mut() else { continue };
        key.columns.push(column);
        if let Some((_, _, columns)) = &mut key.parent {
            columns.extend(to);
        }
    }
    Ok(keys)
}

/// Rows without the row they point to; of a primary key, keys that are there more than once.
async fn broken(link: &mut Link, schema: &str, key: &Key, tables: &BTreeMap<String, Table>) -> Result<u64, String> {
    let large = tables.get(&key.table).and_then(|table| table.estimate).is_some_and(|rows| rows > LARGE);
    if large {
        return Err(format!("it has more than {LARGE} rows"));
    }
    let table = link.table(schema, &key.table);
    let number = if link.engine == Engine::Postgres { "count(*)::text" } else { "CAST(COUNT(*) AS CHAR)" };
    let columns: Vec<String> = key.columns.iter().map(|column| link.quoted(column)).collect();
    let sql = match &key.parent {
        None => {
            let columns = columns.join(", ");
            format!(
                "SELECT {number} FROM (SELECT {columns} FROM {table} GROUP BY {columns} HAVING COUNT(*) > 1) AS twice"
            )
        }
        Some((place, parent, to)) => {
            let to: Vec<String> = to.iter().map(|column| link.quoted(column)).collect();
            let pairs = columns.iter().zip(&to).map(|(ours, theirs)| format!("child.{ours} = parent.{theirs}"));
            let pairs: Vec<String> = pairs.collect();
            let there: Vec<String> = columns.iter().map(|column| format!("child.{column} IS NOT NULL")).collect();
            format!(
                "SELECT {number} FROM {table} AS child WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS parent WHERE {})",
                there.join(" AND "),
                link.table(place, parent),
                pairs.join(" AND ")
            )
        }
    };
    rows::one(link, &sql).await?.and_then(|n| n.parse().ok()).ok_or_else(|| "no number came back".to_owned())
}

/// Has MySQL or MariaDB read its tables through; PostgreSQL does that where rows are counted and summed.
async fn pages(link: &mut Link, schema: &str, tables: &BTreeMap<String, Table>, found: &mut Found) {
    if link.engine == Engine::Postgres {
        return;
    }
    for (name, table) in tables {
        if table.estimate.is_some_and(|rows| rows > LARGE) {
            found.unknown.push(format!("the pages of {name} (it has more than {LARGE} rows)"));
            continue;
        }
        let sql = format!("CHECK TABLE {}", link.table(schema, name));
        match link.raw(&sql).await {
            Ok(said) => match verdict(&said) {
                Ok(true) => found.whole += 1,
                Ok(false) => found.unknown.push(format!("the pages of {name}, which cannot be checked")),
                Err(why) => found.damaged.push(format!("{name} ({why})")),
            },
            Err(why) => found.unknown.push(format!("the pages of {name} ({})", why.trim_end_matches('.'))),
        }
    }
}

/// What `CHECK TABLE` answered: rows of table, operation, kind of message and message. `Ok(false)` where it cannot be checked.
fn verdict(said: &[Vec<Option<String>>]) -> Result<bool, String> {
    let lines = said.iter().filter_map(|row| match row.as_slice() {
        [.., Some(kind), Some(text)] => Some((kind.to_lowercase(), text.as_str())),
        _ => None,
    });
    let lines: Vec<(String, &str)> = lines.collect();
    if let Some((_, why)) = lines.iter().find(|(kind, _)| kind == "error") {
        // That a newer server would lay it out otherwise says nothing against what is in it.
        let newer = ["upgrade", "rebuild"].iter().any(|word| why.to_lowercase().contains(word));
        return if newer { Ok(false) } else { Err(why.trim_end_matches('.').to_owned()) };
    }
    match lines.last() {
        Some((kind, text)) if kind == "status" && (*text == "OK" || text.starts_with("Table is already")) => Ok(true),
        Some((kind, _)) if kind == "note" => Ok(false),
        Some((_, text)) => Err((*text).trim_end_matches('.').to_owned()),
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_check_table_says_is_read() {
        let said = |lines: &[(&str, &str)]| -> Vec<Vec<Option<String>>> {
            let line = |(kind, text): &(&str, &str)| ["a.t", "check", kind, text].map(|t| Some(t.to_owned())).to_vec();
            lines.iter().map(line).collect()
        };
        assert_eq!(verdict(&said(&[("status", "OK")])), Ok(true));
        assert_eq!(verdict(&said(&[("warning", "1 client is using it"), ("status", "OK")])), Ok(true));
        assert_eq!(verdict(&said(&[("note", "The storage engine for the table doesn't support check")])), Ok(false));
        let corrupt = said(&[("Warning", "InnoDB: Index 'x' contains 3 entries, should be 4."), ("error", "Corrupt.")]);
        assert_eq!(verdict(&corrupt), Err("Corrupt".to_owned()));
        assert_eq!(verdict(&said(&[("status", "Operation failed")])), Err("Operation failed".to_owned()));
        assert_eq!(verdict(&[]), Ok(false));
    }
}
