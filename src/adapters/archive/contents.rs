//! pg_restore's list of what an archive holds: the second opinion on an archive of pg_dump, by the program that restores it.

use super::tally::Tables;

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

#[cfg(test)]
mod tests {
    use super::*;

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
