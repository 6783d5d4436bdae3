//! What the databases hold, and what a dump of them says.

use std::{collections::BTreeMap, fmt::Write as _};

use super::rows::Rows;
use crate::domain::environment::Engine;

/// Tables of each schema that a dump holds.
pub const TABLES: [&str; 4] = ["wp_options", "wp_posts", "wp_users", "wp_usermeta"];

/// The value of a row that does not hold what it should.
const CORRUPT: &str = "corrupt";

/// The schemas that are looked at; those of a server of which nobody names any.
pub fn schemas(named: &[String]) -> Vec<String> {
    if named.is_empty() { vec!["tenant_1".to_owned(), "tenant_2".to_owned()] } else { named.to_vec() }
}

/// What the engine is called in the first line of a dump.
fn title(engine: Engine) -> &'static str {
    match engine {
        Engine::Mysql => "MySQL",
        Engine::Mariadb => "MariaDB",
        Engine::Postgres => "PostgreSQL",
    }
}

/// As mysqldump and mariadb-dump write it. `rows` tells those of a table that is named with its schema.
pub fn dump(engine: Engine, host: &str, schemas: &[String], at: &str, rows: impl Fn(&str) -> Option<Rows>) -> String {
    let mut text = format!("-- {} dump\n--\n-- Host: {host}\n", title(engine));
    for schema in schemas {
        let _ = write!(
            text,
            "\n--\n-- Current Database: `{schema}`\n--\n\nCREATE DATABASE `{schema}`;\n\nUSE `{schema}`;\n"
        );
        for table in TABLES {
            let Some(rows) = rows(&format!("{schema}.{table}")) else { continue };
            let _ = write!(
                text,
                "\n--\n-- Table structure for table `{table}`\n--\n\nCREATE TABLE `{table}` (\n  `id` int NOT NULL,\n  `value` text\n);\n"
            );
            let value = |(number, whole): (u64, bool)| match (whole, number) {
                (false, _) => format!("({number},'{CORRUPT}')"),
                (true, 1) => format!("({number},'{schema}')"),
                (true, 2) => format!("({number},'{at}')"),
                (true, _) => format!("({number},'row {number}')"),
            };
            let values: Vec<String> = rows.iter().map(value).collect();
            if !values.is_empty() {
                let _ = writeln!(text, "INSERT INTO `{table}` VALUES {};", values.join(","));
            }
        }
    }
    let _ = writeln!(text, "\n-- Dump completed on {at}");
    text
}

/// What a dump holds.
#[derive(Debug, Default)]
pub struct Dumped {
    /// Host of the server that was dumped.
    pub host: String,
    /// Rows by `schema.table`.
    pub tables: BTreeMap<String, Rows>,
}

/// Reads such a text.
pub fn read(text: &str) -> Dumped {
    let mut found = Dumped::default();
    let (mut schema, mut table) = ("", String::new());
    let quoted = |line: &str| line.split('`').nth(1).map(str::to_owned).unwrap_or_default();
    for line in text.lines() {
        if let Some(host) = line.strip_prefix("-- Host: ") {
            host.clone_into(&mut found.host);
        } else if let Some(rest) = line.strip_prefix("USE `") {
            schema = rest.trim_end_matches("`;");
        } else if line.starts_with("CREATE TABLE `") {
            table = format!("{schema}.{}", quoted(line));
            found.tables.insert(table.clone(), Rows::default());
        } else if let Some((_, values)) = line.split_once(" VALUES ") {
            let rows = values.trim_start_matches('(').trim_end_matches(");").split("),(").filter_map(|row| {
                let (number, value) = row.split_once(',')?;
                Some((number.parse().ok()?, value.trim_matches('\'') != CORRUPT))
            });
            found.tables.insert(table.clone(), rows.collect());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_read_as_it_was_written() {
        let rows: Rows = [(1, true), (2, true), (3, false), (9, true)].into_iter().collect();
        let of = |name: &str| match name.rsplit('.').next() {
            Some("wp_posts") => Some(rows.clone()),
            Some("wp_users") => Some(Rows::default()),
            _ => None,
        };
        let text = dump(Engine::Mysql, "db.example", &["tenant_1".to_owned()], "2026-11-21T10:00:00Z", of);
        let found = read(&text);
        assert_eq!(found.host, "db.example");
        assert_eq!(found.tables.len(), 2);
        assert_eq!(found.tables["tenant_1.wp_posts"], rows);
        assert_eq!(found.tables["tenant_1.wp_users"], Rows::default());
    }
}
