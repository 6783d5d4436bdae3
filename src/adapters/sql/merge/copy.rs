//! Rows of a table from one server into another, in a stream of constant memory.

use std::{fmt::Write as _, time::Duration};

use bytes::BytesMut;
use futures::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Row as _};

use super::{
    super::link::{Link, coded},
    layout::Column,
    text::list,
};
use crate::domain::environment::Engine;

/// Bytes of a statement, or of a message, after which it is sent.
const BATCH: usize = 1 << 20;
/// Bytes after which what was written is committed.
const COMMITTED: usize = 32 << 20;
/// A restored server reads its blocks from S3 one by one; silence beyond this is none.
const SILENCE: Duration = Duration::from_secs(300);

/// How a value is written in a statement of MySQL or MariaDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Number,
    Text,
    Bytes,
}

/// From a table into one that is empty; both named with their schema. Tells the rows and bytes of it.
pub(super) async fn rows(
    from: &mut Link,
    to: &mut Link,
    source: &str,
    stage: &str,
    columns: &[Column],
) -> Result<u64, String> {
    match from.engine {
        Engine::Postgres => postgres(from, to, source, stage, columns).await,
        Engine::Mysql | Engine::Mariadb => mysql(from, to, source, stage, columns).await,
    }
}

/// Makes a session fit for a copy: nothing ends it but silence, and what it writes is written as it stands.
pub(super) async fn prepare(link: &mut Link) -> Result<(), String> {
    if link.engine == Engine::Postgres {
        return link.run("SET statement_timeout = 0").await;
    }
    // MySQL's name of it, then MariaDB's.
    if link.run("SET SESSION max_execution_time = 0").await.is_err() {
        link.run("SET SESSION max_statement_time = 0").await?;
    }
    link.run(MODE).await?;
    link.run("SET SESSION unique_checks = 0, foreign_key_checks = 0").await
}

/// Nothing is cut or made NULL without an error; a 0 is no new number; dates are as they were, zeros as well.
pub(super) const MODE: &str =
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION,ALLOW_INVALID_DATES'";

async fn heard<T>(what: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, String> {
    match tokio::time::timeout(SILENCE, what).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(format!("Rows could not be copied: {}.", coded(&error))),
        Err(_) => Err(format!("A server was silent for {} s while rows were copied.", SILENCE.as_secs())),
    }
}

async fn postgres(
    from: &mut Link,
    to: &mut Link,
    source: &str,
    stage: &str,
    columns: &[Column],
) -> Result<u64, String> {
    let names = list(from, "", columns.iter().map(|column| &column.name));
    if names.is_empty() {
        return Err("It has no columns.".to_owned());
    }
    let (out, into) = (format!("COPY {source} ({names}) TO STDOUT"), format!("COPY {stage} ({names}) FROM STDIN"));
    let mut out = heard(from.postgres()?.copy_out_raw(&out)).await?;
    let mut into = heard(to.postgres()?.copy_in_raw(&into)).await?;
    let mut buffer = BytesMut::with_capacity(BATCH);
    let copied = async {
        while let Some(row) = heard(out.try_next()).await? {
            buffer.extend_from_slice(&row);
            if buffer.len() >= BATCH {
                heard(into.send(&buffer[..])).await?;
                buffer.clear();
            }
        }
        heard(into.send(&buffer[..])).await.map(|_| ())
    };
    match copied.await {
        Ok(()) => heard(into.finish()).await,
        Err(why) => {
            let _ = heard(into.abort("the rows did not come to their end")).await;
            Err(why)
        }
    }
}

async fn mysql(from: &mut Link, to: &mut Link, source: &str, stage: &str, columns: &[Column]) -> Result<u64, String> {
    let largest = super::text::number(to, "SELECT CAST(@@max_allowed_packet AS CHAR)").await?;
    let largest = usize::try_from(largest).unwrap_or(usize::MAX) / 2;
    let forms: Vec<Form> = columns.iter().map(form).collect();
    let selected: Vec<String> = columns.iter().map(|column| selected(from, column)).collect();
    let select = AssertSqlSafe(format!("SELECT {} FROM {source}", selected.join(", ")));
    let head = format!("INSERT INTO {stage} ({}) VALUES ", list(to, "", columns.iter().map(|column| &column.name)));
    let mut rows = sqlx::raw_sql(select).fetch(from.mysql()?);
    let mut writer = Writer { to, head, buffer: String::new(), written: 0, rows: 0 };
    heard(sqlx::raw_sql("START TRANSACTION").execute(writer.to.mysql()?)).await?;
    while let Some(row) = heard(rows.try_next()).await? {
        let mut values = Vec::with_capacity(forms.len());
        for i in 0..forms.len() {
            let value: Option<&[u8]> = row.try_get_unchecked(i).map_err(|_| "A value could not be read.".to_owned())?;
            values.push(value);
        }
        // In hexadecimal it is twice as long, so it may be more than a statement may have; as a value it is not.
        let size: usize = values.iter().flatten().map(|value| 2 * value.len() + 4).sum();
        if size > largest {
            writer.flush().await?;
            writer.alone(&forms, &values).await?;
        } else {
            if writer.buffer.len() + size > BATCH.min(largest) {
                writer.flush().await?;
            }
            writer.add(&forms, &values);
        }
    }
    writer.flush().await?;
    heard(sqlx::raw_sql("COMMIT").execute(writer.to.mysql()?)).await?;
    Ok(writer.rows)
}

/// Rows on their way into a table.
struct Writer<'l> {
    to: &'l mut Link,
    head: String,
    buffer: String,
    written: usize,
    rows: u64,
}

impl Writer<'_> {
    fn add(&mut self, forms: &[Form], values: &[Option<&[u8]>]) {
        if self.buffer.is_empty() {
            self.buffer.reserve(BATCH + BATCH / 4);
            self.buffer.push_str(&self.head);
        } else {
            self.buffer.push(',');
        }
        for (i, (form, value)) in forms.iter().zip(values).enumerate() {
            self.buffer.push(if i == 0 { '(' } else { ',' });
            literal(&mut self.buffer, *form, *value);
        }
        self.buffer.push(')');
        self.rows += 1;
    }

    async fn flush(&mut self) -> Result<(), String> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let sql = std::mem::take(&mut self.buffer);
        self.written += sql.len();
        heard(sqlx::raw_sql(AssertSqlSafe(sql)).execute(self.to.mysql()?)).await?;
        if self.written > COMMITTED {
            self.written = 0;
            heard(sqlx::raw_sql("COMMIT").execute(self.to.mysql()?)).await?;
            heard(sqlx::raw_sql("START TRANSACTION").execute(self.to.mysql()?)).await?;
        }
        Ok(())
    }

    /// One row as values beside its statement.
    async fn alone(&mut self, forms: &[Form], values: &[Option<&[u8]>]) -> Result<(), String> {
        let marks = vec!["?"; values.len()].join(", ");
        let sql = AssertSqlSafe(format!("{}({marks})", self.head));
        let mut query = sqlx::query(sql).persistent(false);
        for (form, value) in forms.iter().zip(values) {
            query = match (form, value.map(std::str::from_utf8)) {
                (Form::Bytes, _) | (_, Some(Err(_))) => query.bind(value.map(<[u8]>::to_vec)),
                (_, text) => query.bind(text.and_then(Result::ok).map(str::to_owned)),
            };
        }
        heard(query.execute(self.to.mysql()?)).await?;
        self.rows += 1;
        Ok(())
    }
}

fn form(column: &Column) -> Form {
    match column.base.as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "float" | "double" | "year" | "bit" => {
            Form::Number
        }
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" | "geometry" | "point"
        | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon" | "geometrycollection"
        | "geomcollection" | "vector" => Form::Bytes,
        _ => Form::Text,
    }
}

fn selected(link: &Link, column: &Column) -> String {
    let name = link.quoted(&column.name);
    match column.base.as_str() {
        // Its text has six digits.
        "float" => format!("CAST({name} AS DOUBLE)"),
        "bit" => format!("CAST({name} AS UNSIGNED)"),
        _ => name,
    }
}

fn literal(sql: &mut String, form: Form, value: Option<&[u8]>) {
    let Some(value) = value else { return sql.push_str("NULL") };
    match (form, std::str::from_utf8(value)) {
        (Form::Number, Ok(number)) if number.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => {
            sql.push_str(number);
        }
        (Form::Text | Form::Number, Ok(text)) => {
            sql.push('\'');
            let mut rest = text;
            while let Some(at) = rest.find(['\'', '\\', '\0']) {
                sql.push_str(&rest[..at]);
                sql.push_str(match rest.as_bytes()[at] {
                    b'\'' => "\\'",
                    b'\\' => "\\\\",
                    _ => "\\0",
                });
                rest = &rest[at + 1..];
            }
            sql.push_str(rest);
            sql.push('\'');
        }
        // Bytes, or text that is none.
        _ => {
            sql.push_str("x'");
            for byte in value {
                let _ = write!(sql, "{byte:02x}");
            }
            sql.push('\'');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_what_they_are() {
        let of = |form, value: Option<&[u8]>| {
            let mut sql = String::new();
            literal(&mut sql, form, value);
            sql
        };
        assert_eq!(of(Form::Text, None), "NULL");
        assert_eq!(of(Form::Number, Some(b"-1.5e10")), "-1.5e10");
        assert_eq!(of(Form::Number, Some(b"1); DROP TABLE t")), "'1); DROP TABLE t'");
        assert_eq!(of(Form::Text, Some("O'Hara \\ \0 ä".as_bytes())), "'O\\'Hara \\\\ \\0 ä'");
        assert_eq!(of(Form::Text, Some(&[0xff, 0x27])), "x'ff27'");
        assert_eq!(of(Form::Bytes, Some(b"")), "x''");
    }
}
