//! What a dump says it holds: pg_restore's list, or the SQL itself.

use std::collections::HashSet;

/// More names than this are counted, not kept.
const NAMES: usize = 20_000;
/// Longest beginning of a line that matters: two identifiers of 64 characters, escaped.
const LINE: usize = 1024;

/// Tables of a dump.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tables {
    /// How many.
    pub count: u64,
    /// Their names as `schema.table`, at most 20,000.
    pub names: Vec<String>,
}

impl Tables {
    fn add(&mut self, name: String) {
        self.count += 1;
        if self.names.len() < NAMES {
            self.names.push(name);
        }
    }
}

/// pg_restore's list: `228; 1259 16391 TABLE public posts postgres`; comments begin with `;`.
#[derive(Debug, Default)]
pub(super) struct PgList {
    pub(super) entries: u64,
    pub(super) tables: Tables,
}

impl PgList {
    pub(super) fn line(&mut self, line: &str) {
        let Some((id, rest)) = line.split_once(';') else { return };
        if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
            return;
        }
        self.entries += 1;
        // 1259 is the catalogue of relations: `TABLE DATA` and `TABLE ATTACH` have no place in any.
        let words: Vec<&str> = rest.split_whitespace().collect();
        if let ["1259", _, "TABLE", schema, name @ .., _owner] = words.as_slice() {
            self.tables.add(format!("{schema}.{}", name.join(" ")));
        }
    }
}

/// Scans the SQL of mariadb-dump and mysqldump as it passes. Only beginnings of lines are looked at: these programs write
/// line breaks inside of values as `\n`.
#[derive(Debug, Default)]
pub(super) struct SqlScan {
    line: Vec<u8>,
    database: String,
    announced: HashSet<String>,
    pub(super) tables: Tables,
    /// Whether the last line that is not empty says so.
    pub(super) completed: bool,
}

impl SqlScan {
    pub(super) fn see(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            self.more(&bytes[..end]);
            self.end_line();
            bytes = &bytes[end + 1..];
        }
        self.more(bytes);
    }

    pub(super) fn finish(&mut self) {
        self.end_line();
    }

    fn more(&mut self, bytes: &[u8]) {
        let room = LINE.saturating_sub(self.line.len()).min(bytes.len());
        self.line.extend_from_slice(&bytes[..room]);
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if text.is_empty() {
            return;
        }
        self.completed = text.starts_with("-- Dump completed");
        if let Some(name) = text.strip_prefix("-- Current Database: ").and_then(quoted) {
            self.database = name;
        } else if let Some(name) = text.strip_prefix("-- Table structure for table ").and_then(quoted) {
            // A dump that announces without creating is hostile; it must not fill memory.
            if self.announced.len() < NAMES {
                self.announced.insert(name);
            }
        } else if let Some(name) = text.strip_prefix("CREATE TABLE ").and_then(quoted) {
            // Only what was announced: a stored procedure may have such a line too.
            if self.announced.remove(&name) {
                let database = &self.database;
                self.tables.add(if database.is_empty() { name } else { format!("{database}.{name}") });
            }
        }
        self.line = line;
        self.line.clear();
    }
}

/// The name between the first pair of backticks, of which a doubled one stands for itself.
fn quoted(text: &str) -> Option<String> {
    let mut letters = text.strip_prefix('`')?.chars().peekable();
    let mut name = String::new();
    while let Some(letter) = letters.next() {
        if letter == '`' && letters.next_if_eq(&'`').is_none() {
            return Some(name);
        }
        name.push(letter);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(parts: &[&str]) -> SqlScan {
        let mut scan = SqlScan::default();
        parts.iter().for_each(|part| scan.see(part.as_bytes()));
        scan.finish();
        scan
    }

    const TABLE: &str =
        "-- Current Database: `t_1`\n\n-- Table structure for table `wp``posts`\n\nCREATE TABLE `wp``posts` (\n";

    #[test]
    fn tables_are_found_wherever_the_stream_is_cut() {
        for cut in 0..TABLE.len() {
            let found = scan(&[&TABLE[..cut], &TABLE[cut..], "-- Dump completed on 2026-01-01\n"]);
            assert_eq!(found.tables.names, ["t_1.wp`posts"], "cut at {cut}");
            assert!(found.completed);
        }
    }

    #[test]
    fn a_table_inside_of_a_procedure_or_a_value_is_none() {
        let insert = format!("INSERT INTO `x` VALUES ('{}\\n-- Table structure for table `y`');\n", "a".repeat(5000));
        let found = scan(&[TABLE, &insert, "CREATE TABLE `z` (\n", "-- Temporary table structure for view `v`\n"]);
        assert_eq!(found.tables.count, 1);
        assert!(!found.completed, "the last line is another one");
    }

    #[test]
    fn what_follows_the_end_makes_it_none() {
        assert!(!scan(&["-- Dump completed on 2026-01-01\n", "INSERT"]).completed);
        assert!(scan(&["-- Dump completed on 2026-01-01\n\n"]).completed);
        assert!(!scan(&[]).completed);
    }

    #[test]
    fn pg_lists_are_read() {
        let mut list = PgList::default();
        let text = ";\n; Archive created at 2026-01-01\n;     TOC Entries: 12\n216; 1259 16391 TABLE public my posts postgres\n\
                    3340; 0 16391 TABLE DATA public my posts postgres\n5; 2615 2200 SCHEMA - public pg_database_owner\n\
                    217; 1259 16392 TABLE DATA names postgres\n3000; 0 16400 TABLE ATTACH public part_1 postgres\n";
        text.lines().for_each(|line| list.line(line));
        assert_eq!((list.entries, list.tables.count), (5, 2));
        assert_eq!(list.tables.names, ["public.my posts", "DATA.names"]);
    }
}
