//! The SQL in which both kinds of servers differ: a row as one text, its hash, lists of columns.

use super::{super::link::Link, layout::Column};
use crate::domain::environment::Engine;

/// `s."a", s."b"`.
pub(super) fn list<'n>(link: &Link, alias: &str, columns: impl IntoIterator<Item = &'n String>) -> String {
    let of = |name: &String| match alias {
        "" => link.quoted(name),
        alias => format!("{alias}.{}", link.quoted(name)),
    };
    columns.into_iter().map(of).collect::<Vec<_>>().join(", ")
}

/// `s."a" = l."a" AND s."b" = l."b"`.
pub(super) fn joined(link: &Link, (one, its): (&str, &[String]), (other, theirs): (&str, &[String])) -> String {
    let pairs = its.iter().zip(theirs);
    let equal = |(a, b): (&String, &String)| format!("{one}.{} = {other}.{}", link.quoted(a), link.quoted(b));
    pairs.map(equal).collect::<Vec<_>>().join(" AND ")
}

/// The hash of a row: of every column, with its length and a mark for NULL, so that no two rows read the same.
pub(super) fn hash(link: &Link, alias: &str, columns: &[Column]) -> String {
    if link.engine == Engine::Postgres {
        let names = list(link, alias, columns.iter().map(|column| &column.name));
        return format!("encode(sha256(convert_to(ROW({names})::text, 'UTF8')), 'hex')");
    }
    let parts: Vec<String> = columns.iter().map(|column| part(link, alias, column)).collect();
    format!("SHA2(CONCAT({}), 256)", parts.join(", "))
}

fn part(link: &Link, alias: &str, column: &Column) -> String {
    let name = list(link, alias, [&column.name]);
    let text = match column.base.as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "double" | "year" | "date" | "time"
        | "datetime" | "timestamp" => format!("CAST({name} AS CHAR)"),
        // As text it would lose bits.
        "float" => format!("CAST(CAST({name} AS DOUBLE) AS CHAR)"),
        // However long it is, its hash is short: a text beyond max_allowed_packet would be NULL.
        _ => format!("SHA2({name}, 256)"),
    };
    format!("IFNULL(CONCAT(LENGTH({text}), ':', {text}), 'N')")
}

/// A number as text, which is all that answers are read as.
pub(super) fn counted(link: &Link, what: &str) -> String {
    match link.engine {
        Engine::Postgres => format!("{what}::text"),
        _ => format!("CAST({what} AS CHAR)"),
    }
}

/// The one number of an answer.
pub(super) async fn number(link: &mut Link, sql: &str) -> Result<u64, String> {
    let answer = link.raw(sql).await?.into_iter().flatten().flatten().next();
    answer.and_then(|n| n.parse().ok()).ok_or_else(|| "No number came back.".to_owned())
}

/// A value in a statement. What people or catalogues named; never a row's.
pub(super) fn quoted(link: &Link, value: &str) -> String {
    match link.engine {
        Engine::Postgres => format!("'{}'", value.replace('\'', "''")),
        _ => format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''")),
    }
}

/// Names in a sentence, at most so many.
pub(super) fn named(names: &[String]) -> String {
    const NAMED: usize = 8;
    let more = names.len().saturating_sub(NAMED);
    let named = names[..names.len().min(NAMED)].join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}
