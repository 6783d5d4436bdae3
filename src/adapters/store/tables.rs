//! Every table with its columns, for copying rows from one database to another.

use futures::TryStreamExt as _;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _, query};

use crate::ports::store::StoreError;

/// A table: its name, its columns of text, its columns of numbers.
type Table = (&'static str, &'static [&'static str], &'static [&'static str]);

/// In an order in which rows follow those they refer to. A test holds it against the migrations.
pub(super) const TABLES: &[Table] = &[
    ("incarnation", &["name", "why"], &["seq", "since"]),
    ("sequence", &["prefix"], &["last"]),
    ("inbox", &["id", "body", "answer"], &["at", "answered"]),
    (
        "op",
        &["id", "environment", "state", "body", "owner", "card_channel", "card_ts"],
        &["version", "created", "wake_at", "fence", "lease_ms", "lease_until"],
    ),
    ("step", &["op_id", "kind", "resource", "body"], &["idx", "ended", "took"]),
    ("env_lock", &["environment", "op_id"], &["at"]),
    ("control", &["scope", "stop"], &[]),
    (
        "outbox",
        &["id", "op_id", "body"],
        &["replies", "version", "sent", "doubt", "attempts", "not_before", "created", "place"],
    ),
    ("audit", &["body", "previous", "hash"], &["seq"]),
    ("audit_head", &["hash"], &["id", "seq"]),
    ("pulse", &[], &["id", "at"]),
    ("mark", &["environment", "kind", "subject", "body"], &["at"]),
    ("sample", &["environment", "component"], &["at", "lag"]),
    ("due", &["environment", "routine", "body"], &["at"]),
    ("attainment", &["environment", "component"], &["day", "looks", "kept"]),
];

/// Replaces the rows of every table by those of `from`. Both are inside a transaction.
pub(super) async fn copy(from: &mut AnyConnection, to: &mut AnyConnection) -> Result<(), StoreError> {
    for (table, _, _) in TABLES.iter().rev() {
        query(AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut *to).await?;
    }
    for (table, texts, numbers) in TABLES {
        let columns = [*texts, *numbers].concat();
        let marks: Vec<String> = (1..=columns.len()).map(|n| format!("${n}")).collect();
        let columns = columns.join(", ");
        let insert = format!("INSERT INTO {table} ({columns}) VALUES ({})", marks.join(", "));
        let select = format!("SELECT {columns} FROM {table}");
        let mut rows = query(AssertSqlSafe(select)).fetch(&mut *from);
        while let Some(row) = rows.try_next().await? {
            let mut put = query(AssertSqlSafe(insert.clone()));
            for column in 0..texts.len() {
                put = put.bind(row.try_get::<Option<String>, _>(column)?);
            }
            for column in texts.len()..texts.len() + numbers.len() {
                put = put.bind(row.try_get::<Option<i64>, _>(column)?);
            }
            put.execute(&mut *to).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_and_every_column_is_copied() {
        let migrations = [
            include_str!("../../../migrations/0001_ledger.sql"),
            include_str!("../../../migrations/0002_marks.sql"),
            include_str!("../../../migrations/0003_incarnation.sql"),
            include_str!("../../../migrations/0004_due.sql"),
            include_str!("../../../migrations/0005_attainment.sql"),
        ];
        let mut found: Vec<(String, Vec<String>, Vec<String>)> = Vec::new();
        for line in migrations.iter().flat_map(|text| text.lines()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["CREATE", "TABLE", name, ..] => found.push(((*name).to_owned(), Vec::new(), Vec::new())),
                [column, kind, ..] if line.starts_with("    ") => {
                    let Some(table) = found.last_mut() else { continue };
                    match kind.trim_end_matches(',') {
                        "TEXT" => table.1.push((*column).to_owned()),
                        "BIGINT" => table.2.push((*column).to_owned()),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        found.sort();
        let mut copied: Vec<_> = TABLES
            .iter()
            .map(|(name, texts, numbers)| {
                let owned = |columns: &[&str]| columns.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
                ((*name).to_owned(), owned(texts), owned(numbers))
            })
            .collect();
        copied.sort();
        assert_eq!(found, copied);
    }
}
