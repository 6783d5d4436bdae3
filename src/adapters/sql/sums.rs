//! One sum over all rows of a table, whatever their order: equal only where the rows are.
//!
//! Not `CHECKSUM TABLE`, which changes with generated columns and takes ('xy', '') for ('x', 'y'); not `GROUP_CONCAT`, which
//! cuts. Each row is hashed with marks for NULL and with parts of known length; the hashes are added, in two pieces of 60 bits.

use super::link::Link;
use crate::domain::environment::Engine;

/// Rows, and the two sums of their hashes.
pub(super) async fn of(link: &mut Link, schema: &str, table: &str) -> Result<Vec<String>, String> {
    let name = link.table(schema, table);
    let sql = match link.engine {
        // A row as text has its own marks for NULL and quotes. `bbws_row.*` is the row also where a column is named like it.
        Engine::Postgres => format!(
            "SELECT count(*)::text, sum(('x' || substr(h, 1, 15))::bit(60)::bigint)::text, sum(('x' || substr(h, 16, 15))::bit(60)::bigint)::text
             FROM (SELECT encode(sha256(convert_to((bbws_row.*)::text, 'UTF8')), 'hex') AS h FROM ONLY {name} AS bbws_row) AS hashes"
        ),
        _ => {
            let row = row(link, schema, table).await?;
            format!(
                "SELECT CAST(COUNT(h) AS CHAR), CAST(SUM(CAST(CONV(SUBSTR(h, 1, 15), 16, 10) AS UNSIGNED)) AS CHAR),
                   CAST(SUM(CAST(CONV(SUBSTR(h, 16, 15), 16, 10) AS UNSIGNED)) AS CHAR)
                 FROM (SELECT SHA2({row}, 256) AS h FROM {name}) AS hashes"
            )
        }
    };
    let sums: Vec<String> = link.ask(&sql, &[]).await?.into_iter().flatten().map(Option::unwrap_or_default).collect();
    if sums.len() == 3 { Ok(sums) } else { Err("no sum came back".to_owned()) }
}

/// A row of MySQL or MariaDB as one text. What is generated is not asked for: it follows from the rest.
async fn row(link: &mut Link, schema: &str, table: &str) -> Result<String, String> {
    let sql = "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND IFNULL(GENERATION_EXPRESSION, '') = '' ORDER BY ORDINAL_POSITION";
    let mut parts = Vec::new();
    for column in link.ask(sql, &[schema, table]).await? {
        let [Some(name), Some(kind)] = <[_; 2]>::try_from(column).unwrap_or_default() else { continue };
        let name = link.quoted(&name);
        let text = match kind.as_str() {
            // FLOAT as well: its text is all that a dump keeps of it.
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float" | "double" | "year"
            | "date" | "time" | "datetime" | "timestamp" => format!("CAST({name} AS CHAR)"),
            // However long it is, its hash is short: a text beyond max_allowed_packet would be NULL.
            _ => format!("SHA2({name}, 256)"),
        };
        parts.push(format!("IFNULL(CONCAT(LENGTH({text}), ':', {text}), 'N')"));
    }
    if parts.is_empty() {
        Err(format!("the columns of {table} are not shown"))
    } else {
        Ok(format!("CONCAT({})", parts.join(", ")))
    }
}
