//! How a schema's tables are built, as far as bringing rows back depends on it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::link::{Link, Texts},
    swap::MARKER,
};
use crate::domain::environment::Engine;

/// A schema's tables, and the foreign keys that begin or end in it.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) tables: BTreeMap<String, Table>,
    pub(super) foreign: Vec<Foreign>,
}

#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    /// Columns of the primary key; empty where there is none.
    pub(super) key: Vec<String>,
    pub(super) uniques: Vec<Unique>,
    pub(super) triggers: Vec<Trigger>,
    /// Why it is no plain table of rows in transactions: `is partitioned`.
    pub(super) odd: Option<String>,
    /// PostgreSQL: whose it is.
    pub(super) owner: String,
    /// Bytes as statistics tell, by which the largest is copied first.
    pub(super) bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its type with all that belongs to it.
    pub(super) kind: String,
    /// Its type's plain name: `varchar`.
    pub(super) base: String,
    /// Computed from others.
    pub(super) generated: bool,
    /// `GENERATED ALWAYS AS IDENTITY`: may be given at an insert, not at an update.
    pub(super) always: bool,
    /// An insert has to name it.
    pub(super) required: bool,
}

/// A unique index besides the primary key.
#[derive(Debug, Clone)]
pub(super) struct Unique {
    pub(super) name: String,
    /// What has to be unique, as expressions over unqualified columns.
    pub(super) parts: Vec<String>,
    /// Rows it is about; all where there is none.
    pub(super) filter: Option<String>,
    /// NULLs count as equal.
    pub(super) nulls_equal: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Trigger {
    pub(super) name: String,
    /// PostgreSQL's word for when it fires: `O`, `A`, `R`, `D`.
    pub(super) mode: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Foreign {
    pub(super) name: String,
    pub(super) schema: String,
    pub(super) table: String,
    pub(super) columns: Vec<String>,
    pub(super) parent_schema: String,
    pub(super) parent: String,
    pub(super) parent_columns: Vec<String>,
}

impl Table {
    /// Columns that are written, in their order.
    pub(super) fn written(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.generated)
    }

    /// Whether its primary key is one whole number, so that its values are ids and no data.
    pub(super) fn numbered(&self) -> bool {
        let [key] = self.key.as_slice() else { return false };
        let whole = ["tinyint", "smallint", "mediumint", "int", "bigint", "integer"];
        self.columns.iter().any(|column| column.name == *key && whole.contains(&column.base.as_str()))
    }
}

impl Layout {
    /// Of a schema, but for the table of ours that moves with a swap; empty where the schema is not there.
    pub(super) async fn of(link: &mut Link, schema: &str) -> Result<Layout, String> {
        let postgres = link.engine == Engine::Postgres;
        let mut layout = Layout::default();
        for row in link.ask(if postgres { POSTGRES_TABLES } else { MYSQL_TABLES }, &[schema]).await? {
            let [Some(name), odd, owner, bytes] = texts(row) else { continue };
            if name == MARKER {
                continue;
            }
            let table = Table {
                odd: odd.filter(|odd| !odd.is_empty()),
                owner: owner.unwrap_or_default(),
                bytes: bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or(0),
                ..Table::default()
            };
            layout.tables.insert(name, table);
        }
        layout.columns(link, schema).await?;
        layout.indexes(link, schema).await?;
        for row in link.ask(if postgres { POSTGRES_TRIGGERS } else { MYSQL_TRIGGERS }, &[schema]).await? {
            let [Some(table), Some(name), Some(mode)] = texts(row) else { continue };
            if let Some(table) = layout.tables.get_mut(&table) {
                table.triggers.push(Trigger { name, mode });
            }
        }
        layout.foreign_keys(link, schema).await?;
        Ok(layout)
    }

    async fn columns(&mut self, link: &mut Link, schema: &str) -> Result<(), String> {
        let sql = if link.engine == Engine::Postgres { POSTGRES_COLUMNS } else { MYSQL_COLUMNS };
        for row in link.ask(sql, &[schema]).await? {
            let [Some(table), Some(name), Some(kind), Some(base), Some(marks)] = texts(row) else { continue };
            let Some(table) = self.tables.get_mut(&table) else { continue };
            let has = |mark| marks.contains(mark);
            table.columns.push(Column {
                name,
                kind,
                base: base.to_lowercase(),
                generated: has('g'),
                always: has('a'),
                required: has('r'),
            });
        }
        Ok(())
    }

    async fn indexes(&mut self, link: &mut Link, schema: &str) -> Result<(), String> {
        let sql = if link.engine == Engine::Postgres { POSTGRES_INDEXES } else { MYSQL_INDEXES };
        for row in link.ask(sql, &[schema]).await? {
            let [Some(table), Some(name), Some(primary), part, length, filter, nulls] = texts(row) else { continue };
            let quoted = part.as_deref().map(|part| link.quoted(part));
            let Some(table) = self.tables.get_mut(&table) else { continue };
            let (Some(part), Some(quoted)) = (part, quoted) else {
                table.odd.get_or_insert_with(|| format!("has a unique index over an expression ({name})"));
                continue;
            };
            if primary == "t" {
                if length.is_some() {
                    table.odd.get_or_insert_with(|| "has a primary key over the beginning of a column".to_owned());
                }
                table.key.push(part);
                continue;
            }
            let part = match (link.engine, length) {
                // PostgreSQL says the expression, quoted where it has to be.
                (Engine::Postgres, _) => part,
                (_, Some(length)) => format!("LEFT({quoted}, {length})"),
                (_, None) => quoted,
            };
            match table.uniques.iter_mut().find(|unique| unique.name == name) {
                Some(unique) => unique.parts.push(part),
                None => {
                    let nulls_equal = nulls.as_deref() == Some("t");
                    table.uniques.push(Unique { name, parts: vec![part], filter, nulls_equal });
                }
            }
        }
        Ok(())
    }

    async fn foreign_keys(&mut self, link: &mut Link, schema: &str) -> Result<(), String> {
        let rows = match link.engine {
            Engine::Postgres => link.ask(POSTGRES_FOREIGN, &[schema]).await?,
            _ => link.ask(MYSQL_FOREIGN, &[schema, schema]).await?,
        };
        for row in rows {
            let [
                Some(name),
                Some(schema),
                Some(table),
                Some(column),
                Some(parent_schema),
                Some(parent),
                Some(parent_column),
            ] = texts(row)
            else {
                continue;
            };
            let same = |f: &&mut Foreign| f.name == name && f.schema == schema && f.table == table;
            match self.foreign.iter_mut().find(same) {
                Some(foreign) => {
                    foreign.columns.push(column);
                    foreign.parent_columns.push(parent_column);
                }
                None => self.foreign.push(Foreign {
                    name,
                    schema,
                    table,
                    columns: vec![column],
                    parent_schema,
                    parent,
                    parent_columns: vec![parent_column],
                }),
            }
        }
        Ok(())
    }

    /// Foreign keys of a table in this schema.
    pub(super) fn parents_of<'l>(&'l self, schema: &'l str, table: &'l str) -> impl Iterator<Item = &'l Foreign> {
        self.foreign.iter().filter(move |f| f.schema == schema && f.table == table)
    }

    /// Foreign keys that point at a table of this schema, wherever they are.
    pub(super) fn children_of<'l>(&'l self, schema: &'l str, table: &'l str) -> impl Iterator<Item = &'l Foreign> {
        self.foreign.iter().filter(move |f| f.parent_schema == schema && f.parent == table)
    }

    /// These tables, parents first.
    ///
    /// # Errors
    /// The names of those that point at each other in a circle.
    pub(super) fn parents_first(&self, schema: &str, tables: &BTreeSet<String>) -> Result<Vec<String>, Vec<String>> {
        let mut left: BTreeSet<&String> = tables.iter().collect();
        let mut ordered = Vec::new();
        while !left.is_empty() {
            let waits = |table: &str| {
                let parents = self.parents_of(schema, table);
                parents.into_iter().any(|f| f.parent_schema == schema && f.parent != table && left.contains(&f.parent))
            };
            let next: Vec<&String> = left.iter().copied().filter(|table| !waits(table)).collect();
            if next.is_empty() {
                return Err(left.into_iter().cloned().collect());
            }
            for table in next {
                left.remove(table);
                ordered.push(table.clone());
            }
        }
        Ok(ordered)
    }
}

/// A row of so many texts; what does not fit is no row of this kind.
pub(super) fn texts<const N: usize>(row: Texts) -> [Option<String>; N] {
    <[Option<String>; N]>::try_from(row).unwrap_or_else(|_| std::array::from_fn(|_| None))
}

const MYSQL_TABLES: &str = "SELECT TABLE_NAME, CASE WHEN TABLE_TYPE = 'SYSTEM VERSIONED' THEN 'keeps the history of its rows'
       WHEN TABLE_TYPE = 'SEQUENCE' THEN 'is a sequence' WHEN TABLE_TYPE <> 'BASE TABLE' THEN CONCAT('is a ', LOWER(TABLE_TYPE))
       WHEN ENGINE <> 'InnoDB' THEN CONCAT('is of the engine ', ENGINE) ELSE '' END, '', CAST(DATA_LENGTH AS CHAR)
     FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_TYPE NOT IN ('VIEW', 'SYSTEM VIEW')";

const MYSQL_COLUMNS: &str =
    "SELECT TABLE_NAME, COLUMN_NAME, CONCAT_WS(' ', COLUMN_TYPE, CHARACTER_SET_NAME, COLLATION_NAME), DATA_TYPE,
       CONCAT(IF(IFNULL(GENERATION_EXPRESSION, '') <> '', 'g', ''),
         IF(IS_NULLABLE = 'NO' AND COLUMN_DEFAULT IS NULL AND EXTRA NOT LIKE '%auto_increment%', 'r', ''))
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME, ORDINAL_POSITION";

const MYSQL_INDEXES: &str = "SELECT TABLE_NAME, INDEX_NAME, IF(INDEX_NAME = 'PRIMARY', 't', 'f'), COLUMN_NAME, CAST(SUB_PART AS CHAR), NULL, 'f'
     FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND NON_UNIQUE = 0 ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX";

const MYSQL_TRIGGERS: &str =
    "SELECT EVENT_OBJECT_TABLE, TRIGGER_NAME, 'O' FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ?";

const MYSQL_FOREIGN: &str = "SELECT CONSTRAINT_NAME, TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME
     FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL AND (TABLE_SCHEMA = ? OR REFERENCED_TABLE_SCHEMA = ?)
     ORDER BY TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION";

/// Partitions are part of what they are partitions of.
const POSTGRES_TABLES: &str = "SELECT c.relname::text, CASE WHEN c.relkind = 'p' THEN 'is partitioned' WHEN c.relkind = 'f' THEN 'is a foreign table'
       WHEN c.relpersistence <> 'p' THEN 'is not logged' WHEN EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhrelid = c.oid OR h.inhparent = c.oid) THEN 'inherits'
       WHEN EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conrelid = c.oid AND o.contype = 'x') THEN 'has an exclusion constraint' ELSE '' END,
       pg_get_userbyid(c.relowner)::text, pg_table_size(c.oid)::text
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition";

const POSTGRES_COLUMNS: &str = "SELECT c.relname::text, a.attname::text,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), (SELECT o.collname FROM pg_collation o WHERE o.oid = a.attcollation)),
       format_type(a.atttypid, NULL), concat(CASE WHEN a.attgenerated <> '' THEN 'g' END, CASE WHEN a.attidentity = 'a' THEN 'a' END,
         CASE WHEN a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' THEN 'r' END)
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY c.relname, a.attnum";

const POSTGRES_INDEXES: &str = "SELECT c.relname::text, x.relname::text, CASE WHEN i.indisprimary THEN 't' ELSE 'f' END,
       CASE WHEN i.indisprimary THEN a.attname::text ELSE pg_get_indexdef(i.indexrelid, k.n, true) END, NULL::text,
       pg_get_expr(i.indpred, i.indrelid, true), CASE WHEN to_jsonb(i) ->> 'indnullsnotdistinct' = 'true' THEN 't' ELSE 'f' END
     FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       CROSS JOIN LATERAL generate_series(1, i.indnkeyatts) AS k(n)
       LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[k.n - 1]
     WHERE n.nspname = $1 AND i.indisunique AND i.indislive AND c.relkind IN ('r', 'p') ORDER BY c.relname, x.relname, k.n";

const POSTGRES_TRIGGERS: &str = "SELECT c.relname::text, t.tgname::text, t.tgenabled::text
     FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND NOT t.tgisinternal";

const POSTGRES_FOREIGN: &str = "SELECT o.conname::text, n.nspname::text, c.relname::text, a.attname::text, pn.nspname::text, p.relname::text, pa.attname::text
     FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_class p ON p.oid = o.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
       CROSS JOIN LATERAL unnest(o.conkey, o.confkey) WITH ORDINALITY AS k(child, parent, n)
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.child JOIN pg_attribute pa ON pa.attrelid = p.oid AND pa.attnum = k.parent
     WHERE o.contype = 'f' AND o.conparentid = 0 AND $1 IN (n.nspname, pn.nspname) ORDER BY n.nspname, c.relname, o.conname, k.n";

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(table: &str, parent: &str) -> Foreign {
        Foreign {
            name: format!("{table}_{parent}"),
            schema: "t".into(),
            table: table.into(),
            columns: vec!["a".into()],
            parent_schema: "t".into(),
            parent: parent.into(),
            parent_columns: vec!["id".into()],
        }
    }

    #[test]
    fn parents_come_first_and_circles_are_named() {
        let tables: BTreeSet<String> = ["a", "b", "c"].map(str::to_owned).into();
        let of = |foreign: Vec<Foreign>| Layout { foreign, ..Layout::default() };
        let tree = of(vec![foreign("a", "b"), foreign("b", "c"), foreign("c", "c"), foreign("c", "elsewhere")]);
        assert_eq!(tree.parents_first("t", &tables).unwrap(), ["c", "b", "a"]);
        let circle = of(vec![foreign("a", "b"), foreign("b", "a")]);
        assert_eq!(circle.parents_first("t", &tables).unwrap_err(), ["a", "b"]);
    }
}
