//! Everything that makes up a schema, as rows of texts: kind, table, name, and what it is.
//!
//! Tables, columns and indexes alone say that a schema is whole that has lost its foreign keys, triggers or policies. What
//! moves by itself (sequence positions, counters) is no part of it; `positions` looks at that.

use super::link::{Link, Texts};
use crate::domain::environment::Engine;

/// Kind of the rows that say who may do what.
pub(super) const GRANT: &str = "grant";

/// All of it, sorted here, since servers sort as they like.
pub(super) async fn of(link: &mut Link, schema: &str) -> Result<Vec<Texts>, String> {
    let mut all = Vec::new();
    for sql in queries(link).await? {
        all.extend(link.ask(sql, &[schema]).await?);
    }
    all.sort();
    Ok(all)
}

async fn queries(link: &mut Link) -> Result<Vec<&'static str>, String> {
    if link.engine == Engine::Postgres {
        return Ok(POSTGRES.to_vec());
    }
    // MySQL before 8.0.16 knows no checks; MariaDB's belong to tables, MySQL's only by name.
    let columns = columns(link, "CHECK_CONSTRAINTS").await?;
    let checks = match columns.iter().any(|name| name == "TABLE_NAME") {
        true => Some(MARIADB_CHECKS),
        false if columns.is_empty() => None,
        false => Some(MYSQL_CHECKS),
    };
    // MySQL before 8.0.13 and MariaDB before 10.6 know neither of these.
    let columns = self::columns(link, "STATISTICS").await?;
    let indexes = match ["EXPRESSION", "IGNORED"].map(|has| columns.iter().any(|name| name == has)) {
        [true, _] => MYSQL_INDEXES,
        [_, true] => MARIADB_INDEXES,
        _ => INDEXES,
    };
    Ok(MYSQL.iter().copied().chain([indexes]).chain(checks).collect())
}

/// What the server's catalogue tells in one of its tables.
async fn columns(link: &mut Link, of: &str) -> Result<Vec<String>, String> {
    let sql = "SELECT COLUMN_NAME FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = 'information_schema' AND TABLE_NAME = ?";
    Ok(link.ask(sql, &[of]).await?.into_iter().flatten().flatten().collect())
}

/// Columns are numbered anew: dropped ones leave gaps that a restored dump does not have.
const POSTGRES: [&str; 18] = [
    "SELECT 'table', c.relname::text, '', concat_ws(' ', c.relkind::text, c.relpersistence::text,
       CASE WHEN c.relrowsecurity THEN 'row level security' END, CASE WHEN c.relforcerowsecurity THEN 'forced' END,
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END, pg_get_expr(c.relpartbound, c.oid), array_to_string(c.reloptions, ','),
       'owner ' || pg_get_userbyid(c.relowner))
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')",
    "SELECT 'column', c.relname::text, a.attname::text,
       concat_ws(' ', row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attnotnull THEN 'NOT NULL' END, nullif(a.attidentity::text, ''), nullif(a.attgenerated::text, ''), pg_get_expr(d.adbin, d.adrelid),
         (SELECT 'COLLATE ' || o.collname FROM pg_collation o JOIN pg_type y ON y.oid = a.atttypid WHERE o.oid = a.attcollation AND o.oid <> y.typcollation))
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped",
    "SELECT 'index', tablename::text, indexname::text, indexdef::text FROM pg_indexes WHERE schemaname = $1",
    // NOT NULL is told with its column, constraint triggers with the triggers.
    "SELECT CASE o.contype WHEN 'f' THEN 'foreign key' WHEN 'c' THEN 'check' ELSE 'constraint' END,
       coalesce(c.relname, y.typname)::text, o.conname::text, pg_get_constraintdef(o.oid)
     FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace LEFT JOIN pg_class c ON c.oid = o.conrelid
       LEFT JOIN pg_type y ON y.oid = o.contypid WHERE n.nspname = $1 AND o.contype NOT IN ('n', 't')",
    "SELECT 'trigger', c.relname::text, t.tgname::text, concat_ws(' ', t.tgenabled::text, pg_get_triggerdef(t.oid))
     FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND NOT t.tgisinternal",
    "SELECT 'rule', tablename::text, rulename::text, definition FROM pg_rules WHERE schemaname = $1",
    "SELECT 'routine', p.proname::text, pg_get_function_identity_arguments(p.oid), concat_ws(' ',
       CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END,
       (SELECT concat_ws(' ', a.aggtransfn::text, a.aggfinalfn::text, a.aggtranstype::regtype::text, a.agginitval) FROM pg_aggregate a WHERE a.aggfnoid = p.oid),
       'owner ' || pg_get_userbyid(p.proowner))
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1",
    "SELECT 'policy', tablename::text, policyname::text, concat_ws(' ', permissive, cmd, roles::text, 'USING ' || qual, 'CHECK ' || with_check)
     FROM pg_policies WHERE schemaname = $1",
    "SELECT 'view', c.relname::text, '', pg_get_viewdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relkind IN ('v', 'm')",
    "SELECT 'type', y.typname::text, '', concat_ws(' ', y.typtype::text,
       (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = y.oid),
       CASE WHEN y.typtype = 'd' THEN concat_ws(' ', format_type(y.typbasetype, y.typtypmod), CASE WHEN y.typnotnull THEN 'NOT NULL' END, y.typdefault) END,
       (SELECT string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum)
        FROM pg_attribute a WHERE a.attrelid = y.typrelid AND a.attnum > 0 AND NOT a.attisdropped),
       (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = y.oid))
     FROM pg_type y JOIN pg_namespace n ON n.oid = y.typnamespace LEFT JOIN pg_class c ON c.oid = y.typrelid
     WHERE n.nspname = $1 AND (y.typtype IN ('e', 'd', 'r') OR c.relkind = 'c')",
    "SELECT 'sequence', sequencename::text, '', concat_ws(' ', data_type::text, start_value, min_value, max_value, increment_by, cycle, cache_size)
     FROM pg_sequences WHERE schemaname = $1",
    "SELECT 'extension', x.extname::text, '', x.extversion FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace WHERE n.nspname = $1",
    "SELECT 'statistics', s.stxname::text, '', pg_get_statisticsobjdef(s.oid) FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
     WHERE n.nspname = $1",
    // Where nothing was granted yet the catalogue has no list, which means the same as the list of defaults.
    "SELECT 'grant', c.relname::text, concat_ws(' ', coalesce(nullif(g.grantee, 0)::regrole::text, 'PUBLIC'), g.privilege_type), g.is_grantable::text
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
       aclexplode(coalesce(c.relacl, acldefault(CASE WHEN c.relkind = 'S' THEN 's' ELSE 'r' END::\"char\", c.relowner))) g
     WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')",
    "SELECT 'grant', concat_ws('.', c.relname, a.attname), concat_ws(' ', coalesce(nullif(g.grantee, 0)::regrole::text, 'PUBLIC'), g.privilege_type), g.is_grantable::text
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(a.attacl) g
     WHERE n.nspname = $1 AND NOT a.attisdropped",
    "SELECT 'grant', p.proname::text || '(' || pg_get_function_identity_arguments(p.oid) || ')',
       concat_ws(' ', coalesce(nullif(g.grantee, 0)::regrole::text, 'PUBLIC'), g.privilege_type), g.is_grantable::text
     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
     WHERE n.nspname = $1",
    "SELECT 'grant', '', concat_ws(' ', coalesce(nullif(g.grantee, 0)::regrole::text, 'PUBLIC'), g.privilege_type), g.is_grantable::text
     FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) g WHERE n.nspname = $1",
    "SELECT 'grant', 'default ' || d.defaclobjtype::text, concat_ws(' ', d.defaclrole::regrole::text, coalesce(nullif(g.grantee, 0)::regrole::text, 'PUBLIC'), g.privilege_type),
       g.is_grantable::text FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) g WHERE n.nspname = $1",
];

const MYSQL: [&str; 12] = [
    "SELECT 'table', TABLE_NAME, '', CONCAT_WS(' ', TABLE_TYPE, ENGINE, TABLE_COLLATION, NULLIF(CREATE_OPTIONS, ''))
     FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?",
    "SELECT 'column', TABLE_NAME, COLUMN_NAME, CONCAT_WS(' ', ORDINAL_POSITION, COLUMN_TYPE, COLLATION_NAME,
       IF(IS_NULLABLE = 'NO', 'NOT NULL', NULL), NULLIF(EXTRA, ''), CONCAT('DEFAULT ', COLUMN_DEFAULT), NULLIF(GENERATION_EXPRESSION, ''))
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ?",
    "SELECT 'foreign key', k.TABLE_NAME, CONCAT(k.CONSTRAINT_NAME, ' ', k.ORDINAL_POSITION),
       CONCAT_WS(' ', k.COLUMN_NAME, 'REFERENCES', k.REFERENCED_TABLE_SCHEMA, k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME,
         'ON UPDATE', r.UPDATE_RULE, 'ON DELETE', r.DELETE_RULE)
     FROM information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS r
       ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME
     WHERE k.TABLE_SCHEMA = ? AND k.REFERENCED_TABLE_NAME IS NOT NULL",
    "SELECT 'trigger', EVENT_OBJECT_TABLE, TRIGGER_NAME, CONCAT_WS(' ', ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER, ACTION_STATEMENT, DEFINER, SQL_MODE)
     FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ?",
    // A `;` at the end of a body that was made among other statements is lost when it is loaded, and means nothing.
    "SELECT 'routine', ROUTINE_NAME, ROUTINE_TYPE, CONCAT_WS(' ', DTD_IDENTIFIER, TRIM(TRAILING ';' FROM RTRIM(ROUTINE_DEFINITION)), IS_DETERMINISTIC, SQL_DATA_ACCESS, SECURITY_TYPE, DEFINER, SQL_MODE)
     FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ?",
    "SELECT 'parameter', SPECIFIC_NAME, CONCAT(ROUTINE_TYPE, ' ', ORDINAL_POSITION), CONCAT_WS(' ', PARAMETER_MODE, PARAMETER_NAME, DTD_IDENTIFIER)
     FROM information_schema.PARAMETERS WHERE SPECIFIC_SCHEMA = ?",
    "SELECT 'event', EVENT_NAME, '', CONCAT_WS(' ', STATUS, EVENT_TYPE, EXECUTE_AT, INTERVAL_VALUE, INTERVAL_FIELD, STARTS, ENDS, ON_COMPLETION,
       EVENT_DEFINITION, DEFINER, SQL_MODE, TIME_ZONE)
     FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ?",
    "SELECT 'view', TABLE_NAME, '', CONCAT_WS(' ', VIEW_DEFINITION, CHECK_OPTION, SECURITY_TYPE, DEFINER)
     FROM information_schema.VIEWS WHERE TABLE_SCHEMA = ?",
    "SELECT 'partition', TABLE_NAME, CONCAT_WS(' ', PARTITION_NAME, SUBPARTITION_NAME),
       CONCAT_WS(' ', PARTITION_METHOD, PARTITION_EXPRESSION, PARTITION_DESCRIPTION, SUBPARTITION_METHOD, SUBPARTITION_EXPRESSION)
     FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = ? AND PARTITION_NAME IS NOT NULL",
    // A schema's name is a pattern there, in which `_` is escaped.
    "SELECT 'grant', '', CONCAT(GRANTEE, ' ', PRIVILEGE_TYPE), IS_GRANTABLE
     FROM information_schema.SCHEMA_PRIVILEGES WHERE REPLACE(TABLE_SCHEMA, '\\\\', '') = ?",
    "SELECT 'grant', TABLE_NAME, CONCAT(GRANTEE, ' ', PRIVILEGE_TYPE), IS_GRANTABLE
     FROM information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA = ?",
    "SELECT 'grant', CONCAT(TABLE_NAME, '.', COLUMN_NAME), CONCAT(GRANTEE, ' ', PRIVILEGE_TYPE), IS_GRANTABLE
     FROM information_schema.COLUMN_PRIVILEGES WHERE TABLE_SCHEMA = ?",
];

/// Of every server.
const INDEXES: &str = "SELECT 'index', TABLE_NAME, CONCAT(INDEX_NAME, ' ', SEQ_IN_INDEX),
       CONCAT_WS(' ', COLUMN_NAME, SUB_PART, INDEX_TYPE, IF(NON_UNIQUE = 0, 'UNIQUE', NULL), IF(COLLATION = 'D', 'DESC', NULL))
     FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ?";

/// An index of an expression has no column, and one that is invisible is used by nothing.
const MYSQL_INDEXES: &str = "SELECT 'index', TABLE_NAME, CONCAT(INDEX_NAME, ' ', SEQ_IN_INDEX),
       CONCAT_WS(' ', COLUMN_NAME, EXPRESSION, SUB_PART, INDEX_TYPE, IF(NON_UNIQUE = 0, 'UNIQUE', NULL), IF(COLLATION = 'D', 'DESC', NULL),
         IF(IS_VISIBLE = 'NO', 'INVISIBLE', NULL))
     FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ?";

/// Ignored is MariaDB's word for it.
const MARIADB_INDEXES: &str = "SELECT 'index', TABLE_NAME, CONCAT(INDEX_NAME, ' ', SEQ_IN_INDEX),
       CONCAT_WS(' ', COLUMN_NAME, SUB_PART, INDEX_TYPE, IF(NON_UNIQUE = 0, 'UNIQUE', NULL), IF(COLLATION = 'D', 'DESC', NULL),
         IF(IGNORED = 'YES', 'IGNORED', NULL))
     FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ?";

const MARIADB_CHECKS: &str = "SELECT 'check', TABLE_NAME, CONSTRAINT_NAME, CHECK_CLAUSE
     FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = ?";

const MYSQL_CHECKS: &str = "SELECT 'check', t.TABLE_NAME, c.CONSTRAINT_NAME, CONCAT_WS(' ', c.CHECK_CLAUSE, IF(t.ENFORCED = 'NO', 'NOT ENFORCED', NULL))
     FROM information_schema.CHECK_CONSTRAINTS c JOIN information_schema.TABLE_CONSTRAINTS t
       ON t.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA AND t.CONSTRAINT_NAME = c.CONSTRAINT_NAME
     WHERE c.CONSTRAINT_SCHEMA = ?";
