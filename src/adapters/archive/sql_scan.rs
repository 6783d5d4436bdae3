//! The SQL of mariadb-dump and mysqldump as it passes: tables, rows, routines, triggers, events, the longest statement.
//!
//! Only beginnings of lines are looked at, but for INSERTs, whose values are followed through quotes to count rows: these
//! programs write line breaks inside of values as `\n`.

use std::collections::HashSet;

use super::tally::{Counted, NAMES, Tally};

/// Longest beginning of a line that matters: two identifiers of 64 characters, escaped.
const LINE: usize = 1024;
const INSERT: &[u8] = b"INSERT INTO `";
const VALUES: &[u8] = b"VALUES";
/// Longest name in bytes: 64 characters, doubled backticks.
const NAME: usize = 512;

/// Scans a dump.
#[derive(Debug, Default)]
pub(super) struct SqlScan {
    line: Vec<u8>,
    database: String,
    section: Section,
    /// Between two changes of the delimiter there is the body of something, whose lines mean nothing here.
    in_body: bool,
    announced: HashSet<String>,
    insert: Option<Insert>,
    tally: Tally,
    /// Whether the last line that is not empty says so.
    completed: bool,
}

/// What the dump is about to tell: triggers come with their tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Section {
    #[default]
    Tables,
    Events,
    Routines,
}

impl SqlScan {
    pub(super) fn see(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if let Some(insert) = &mut self.insert {
                let taken = insert.see(bytes);
                bytes = &bytes[taken..];
                if insert.ended() {
                    self.end_insert();
                }
                continue;
            }
            // The first letters decide whether it is an INSERT, which may be longer than any line that is kept.
            let wanted = INSERT.len().saturating_sub(self.line.len());
            let piece = if wanted > 0 { &bytes[..wanted.min(bytes.len())] } else { bytes };
            let end = piece.iter().position(|b| *b == b'\n');
            let piece = &piece[..end.unwrap_or(piece.len())];
            let room = LINE.saturating_sub(self.line.len()).min(piece.len());
            self.line.extend_from_slice(&piece[..room]);
            bytes = &bytes[piece.len() + usize::from(end.is_some())..];
            if end.is_some() {
                self.end_line();
            } else if self.line == INSERT && !self.in_body {
                self.line.clear();
                self.completed = false;
                self.insert = Some(Insert::default());
            }
        }
    }

    /// What it held, or why it is no complete dump.
    pub(super) fn finish(mut self) -> Result<Tally, String> {
        self.end_line();
        if self.completed && self.insert.is_none() {
            Ok(self.tally)
        } else {
            Err("its SQL does not end in `-- Dump completed`".to_owned())
        }
    }

    fn end_insert(&mut self) {
        let Some(insert) = self.insert.take() else { return };
        self.tally.longest = self.tally.longest.max(insert.bytes + INSERT.len() as u64);
        let name = self.qualified(&String::from_utf8_lossy(&insert.name));
        self.tally.row_in(&name, insert.rows);
    }

    fn qualified(&self, name: &str) -> String {
        if self.database.is_empty() { name.to_owned() } else { format!("{}.{name}", self.database) }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if !text.is_empty() {
            self.line_of(text);
        }
        self.line = line;
        self.line.clear();
    }

    fn line_of(&mut self, text: &str) {
        if let Some(delimiter) = text.strip_prefix("DELIMITER ") {
            self.in_body = delimiter.trim() != ";";
            if self.in_body {
                self.tally.one_more(match self.section {
                    Section::Tables => Counted::Trigger,
                    Section::Events => Counted::Event,
                    Section::Routines => Counted::Routine,
                });
            }
            return;
        }
        if self.in_body {
            return;
        }
        self.completed = text.starts_with("-- Dump completed");
        if let Some(name) = text.strip_prefix("-- Current Database: ").and_then(quoted) {
            if self.tally.schemas.len() < NAMES {
                self.tally.schemas.insert(name.clone());
            }
            (self.database, self.section) = (name, Section::Tables);
        } else if let Some(name) = text.strip_prefix("-- Table structure for table ").and_then(quoted) {
            // A dump that announces without creating is hostile; it must not fill memory.
            if self.announced.len() < NAMES {
                self.announced.insert(name);
            }
        } else if let Some(name) = text.strip_prefix("CREATE TABLE ").and_then(quoted) {
            // Only what was announced.
            if self.announced.remove(&name) {
                let name = self.qualified(&name);
                self.tally.tables.add(name);
            }
        } else if text.starts_with("-- Dumping events for database ") {
            self.section = Section::Events;
        } else if text.starts_with("-- Dumping routines for database ") {
            self.section = Section::Routines;
        } else if text.starts_with("-- Final view structure for view ") {
            self.tally.one_more(Counted::View);
        } else if text.starts_with("CREATE SEQUENCE `") {
            self.tally.one_more(Counted::Sequence);
        }
    }
}

/// An INSERT from after its first backtick to its semicolon.
#[derive(Debug, Default)]
struct Insert {
    name: Vec<u8>,
    bytes: u64,
    rows: u64,
    at: At,
}

#[derive(Debug, Clone, Copy, Default)]
enum At {
    /// In the table's name; whether the last byte was a backtick that may be doubled.
    #[default]
    Name,
    NameTick,
    /// Among the columns, how much of `VALUES` was seen, and whether in backticks.
    Columns {
        seen: usize,
        ticked: bool,
    },
    /// Among the values.
    Values {
        depth: u32,
        quote: u8,
        escaped: bool,
    },
    End,
}

impl Insert {
    fn ended(&self) -> bool {
        matches!(self.at, At::End)
    }

    /// Takes bytes until it ends; says how many.
    fn see(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        for byte in bytes {
            taken += 1;
            self.at = match self.at {
                At::Values { depth, quote, escaped } => self.value(*byte, depth, quote, escaped),
                other => self.head(*byte, other),
            };
            if self.ended() {
                break;
            }
        }
        self.bytes += taken as u64;
        taken
    }

    fn head(&mut self, byte: u8, at: At) -> At {
        match at {
            At::Name if byte == b'`' => At::NameTick,
            At::Name => {
                self.letter(byte);
                At::Name
            }
            At::NameTick if byte == b'`' => {
                self.letter(byte);
                At::Name
            }
            At::Columns { ticked, .. } if byte == b'`' => At::Columns { seen: 0, ticked: !ticked },
            At::Columns { ticked: true, .. } => At::Columns { seen: 0, ticked: true },
            At::Columns { seen, .. } if VALUES.get(seen) == Some(&byte) && seen + 1 == VALUES.len() => {
                At::Values { depth: 0, quote: 0, escaped: false }
            }
            At::Columns { seen, .. } if VALUES.get(seen) == Some(&byte) => {
                At::Columns { seen: seen + 1, ticked: false }
            }
            At::NameTick | At::Columns { .. } => At::Columns { seen: 0, ticked: false },
            At::Values { .. } | At::End => At::End,
        }
    }

    fn letter(&mut self, byte: u8) {
        if self.name.len() < NAME {
            self.name.push(byte);
        }
    }

    fn value(&mut self, byte: u8, depth: u32, quote: u8, escaped: bool) -> At {
        let values = |depth, quote, escaped| At::Values { depth, quote, escaped };
        if quote != 0 {
            // A doubled quote ends one text and begins the next, which is the same here.
            let still = escaped || byte != quote;
            return values(depth, if still { quote } else { 0 }, !escaped && byte == b'\\');
        }
        match byte {
            b'\'' | b'"' => values(depth, byte, false),
            b'(' => {
                self.rows += u64::from(depth == 0);
                values(depth + 1, 0, false)
            }
            b')' => values(depth.saturating_sub(1), 0, false),
            b';' if depth == 0 => At::End,
            _ => values(depth, 0, false),
        }
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

    const END: &str = "-- Dump completed on 2026-01-01\n";

    fn scan(parts: &[&str]) -> Result<Tally, String> {
        let mut scan = SqlScan::default();
        parts.iter().for_each(|part| scan.see(part.as_bytes()));
        scan.finish()
    }

    const TABLE: &str = "-- Current Database: `t_1`\n\n-- Table structure for table `wp``posts`\n\nCREATE TABLE `wp``posts` (\n\
        INSERT INTO `wp``posts` (`a(`, `VALUES`) VALUES\n(1,'x;(\\'),(\\\\'),\n(2,CONVERT('(' USING x));\n\
        INSERT INTO `wp``posts` VALUES (1,'It''s'),(2,NULL);\n";

    #[test]
    fn tables_and_rows_are_found_wherever_the_stream_is_cut() {
        for cut in 0..TABLE.len() {
            let found = scan(&[&TABLE[..cut], &TABLE[cut..], END]).expect("it is complete");
            assert_eq!(found.tables.names, ["t_1.wp`posts"], "cut at {cut}");
            assert_eq!(found.rows, [("t_1.wp`posts".to_owned(), 4)].into(), "cut at {cut}");
            assert_eq!(found.longest, 91, "cut at {cut}");
        }
    }

    #[test]
    fn what_stands_in_a_body_or_a_value_counts_for_nothing() {
        let insert = format!("INSERT INTO `x` VALUES ('{}\\n-- Table structure for table `y`');\n", "a".repeat(5000));
        let trigger =
            "DELIMITER ;;\nCREATE TRIGGER a\nINSERT INTO `no` VALUES (1);\nCREATE SEQUENCE `no`\n;;\nDELIMITER ;\n";
        let routines = "-- Dumping events for database 'x'\nDELIMITER ;;\nb ;;\nDELIMITER ;\n-- Dumping routines for database 'x'\nDELIMITER ;;\n-- Dump completed\n;;\nDELIMITER ;\n";
        let view = "-- Temporary table structure for view `v`\n-- Final view structure for view `v`\n";
        let found = scan(&[TABLE, &insert, "CREATE TABLE `z` (\n", trigger, routines, view, END]).expect("complete");
        assert_eq!((found.tables.count, found.rows.len()), (1, 2));
        let one = |kind| (kind, 1);
        let others = [Counted::View, Counted::Routine, Counted::Trigger, Counted::Event].map(one);
        assert_eq!(found.others, others.into());
        assert!(found.longest > 5000);
        scan(&[TABLE, routines]).expect_err("what a routine says is not the end");
    }

    #[test]
    fn what_follows_the_end_makes_it_none() {
        assert!(scan(&[END, "INSERT"]).is_err());
        assert!(scan(&[END, "INSERT INTO `x` VALUES (1"]).is_err());
        assert!(scan(&[END, "\n"]).is_ok());
        assert!(scan(&[]).is_err());
    }
}
