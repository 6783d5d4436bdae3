//! What the databases hold, and what a dump of them says.

use std::fmt::Write as _;

use crate::domain::environment::Engine;

/// Tables of each schema that a dump holds.
pub const TABLES: [&str; 4] = ["wp_options", "wp_posts", "wp_users", "wp_usermeta"];

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

/// As mysqldump and mariadb-dump write it.
pub fn dump(engine: Engine, host: &str, schemas: &[String], at: &str) -> String {
    let mut text = format!("-- {} dump\n--\n-- Host: {host}\n", title(engine));
    for schema in schemas {
        let _ = write!(
            text,
            "\n--\n-- Current Database: `{schema}`\n--\n\nCREATE DATABASE `{schema}`;\n\nUSE `{schema}`;\n"
        );
        for table in TABLES {
            let _ = write!(
                text,
                "\n--\n-- Table structure for table `{table}`\n--\n\nCREATE TABLE `{table}` (\n  `id` int NOT NULL,\n  `value` text\n);\n\
                 INSERT INTO `{table}` VALUES (1,'{schema}'),(2,'{at}');\n"
            );
        }
    }
    let _ = writeln!(text, "\n-- Dump completed on {at}");
    text
}
