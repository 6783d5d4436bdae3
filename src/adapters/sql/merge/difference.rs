//! What bringing rows back would change, by primary key: measured in the live server, beside the live schema.

use std::collections::BTreeMap;

use super::{
    super::{Target, link::Link},
    Bring, Hitch, Tenant,
    layout::{Foreign, Layout},
    open,
    planned::Planned,
    refuse, settle,
    text::{counted, hash, joined, list, number, quoted},
};
use crate::domain::environment::Engine;

/// What bringing rows back would change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// By table, parents first.
    pub tables: Vec<TableDifference>,
    /// What a person should know, a sentence each.
    pub notes: Vec<String>,
}

/// Of one table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableDifference {
    /// Its name, without schema.
    pub table: String,
    /// All rows of the backup.
    pub staged: u64,
    /// Rows of the backup whose key is not live any more, those held back included.
    pub vanished: u64,
    /// Rows of the same key that differ.
    pub changed: u64,
    /// Live rows whose key is not in the backup.
    pub came: u64,
    /// Vanished (or changed) rows that are held back because another live row has a value that has to be unique.
    pub taken: u64,
    /// Rows that are held back because the row they belong to is not there and does not come back.
    pub orphaned: u64,
    /// Ids of the rows that come back, as runs; only where the key is one whole number.
    pub ids: Option<String>,
}

impl TableDifference {
    /// Rows that come back.
    pub fn returning(&self) -> u64 {
        self.vanished.saturating_sub(self.taken + self.orphaned)
    }

    /// Rows that the live table has at the least once they are back, where nobody deletes any: those of the backup but for
    /// those held back.
    pub fn expected(&self) -> u64 {
        self.staged.saturating_sub(self.taken + self.orphaned)
    }
}

impl Difference {
    /// Rows that would be written, by table: what people agree to.
    pub fn agreed(&self, bring: Bring) -> BTreeMap<String, u64> {
        let overwritten = |table: &TableDifference| if bring == Bring::Changed { table.changed } else { 0 };
        self.tables.iter().map(|table| (table.table.clone(), table.returning() + overwritten(table))).collect()
    }

    /// Rows that live tables have at the least once they are back, by table.
    pub fn expected(&self) -> BTreeMap<String, u64> {
        self.tables.iter().map(|table| (table.table.clone(), table.expected())).collect()
    }
}

/// See [`super::Tenants::difference`].
pub(super) async fn difference(live: &Target, tenant: &Tenant, bring: Bring) -> Result<Difference, Hitch> {
    let mut link = open(live).await?;
    let found = async {
        settle::lock(&mut link, tenant).await?;
        settle::ready(&mut link, tenant).await?;
        match bring {
            Bring::Swap => whole(&mut link, tenant).await,
            Bring::Missing | Bring::Changed => by_key(&mut link, tenant, bring).await,
        }
    };
    let found = found.await;
    link.close().await;
    found
}

/// What a swap takes away and brings: tables without a primary key are counted only.
async fn whole(link: &mut Link, tenant: &Tenant) -> Result<Difference, Hitch> {
    let (staged, live) = (Layout::of(link, &tenant.stage()).await?, Layout::of(link, &tenant.schema).await?);
    let mut found = Difference::default();
    let mut unkeyed = Vec::new();
    for (name, their) in &staged.tables {
        let (s, l) = (link.table(&tenant.stage(), name), link.table(&tenant.schema, name));
        let rows = number(link, &format!("SELECT {} FROM {s}", counted(link, "COUNT(*)"))).await?;
        let mut table = TableDifference { table: name.clone(), staged: rows, ..TableDifference::default() };
        match live.tables.get(name) {
            None => {
                table.vanished = rows;
                found.notes.push(format!("{name} is gone as a whole, and comes back."));
            }
            Some(our) if !our.key.is_empty() && our.key == their.key => {
                let part = Planned::new(link, tenant, 0, name, their, our);
                table.vanished = part.vanished(link).await?;
                table.changed = part.changed(link).await?;
                table.came = part.came(link).await?;
            }
            Some(_) => {
                let live = number(link, &format!("SELECT {} FROM {l}", counted(link, "COUNT(*)"))).await?;
                table.vanished = rows.saturating_sub(live);
                table.came = live.saturating_sub(rows);
                unkeyed.push(name.clone());
            }
        }
        found.tables.push(table);
    }
    let only_live = |name: &&String| tenant.tables.is_empty() && !staged.tables.contains_key(*name);
    let gone: Vec<String> = live.tables.keys().filter(only_live).cloned().collect();
    if !gone.is_empty() {
        found.notes.push(format!("{} were made since and go away with what is live now.", super::text::named(&gone)));
    }
    if !unkeyed.is_empty() {
        found.notes.push(format!(
            "{} have no primary key in common with the backup: their rows were only counted.",
            super::text::named(&unkeyed)
        ));
    }
    found
        .notes
        .push("Everything written since the backup to these tables goes away; it is kept beside them.".to_owned());
    Ok(found)
}

async fn by_key(link: &mut Link, tenant: &Tenant, bring: Bring) -> Result<Difference, Hitch> {
    let plan = Plan::of(link, tenant).await?;
    plan.prepare(link).await?;
    plan.compute(link, Bring::Changed).await?;
    let mut found = Difference::default();
    for part in &plan.tables {
        let held = |why: &'static str, what: &'static str| {
            let held = part.at(link, "held");
            format!(
                "SELECT {} FROM {held} WHERE bbws_why = '{why}' AND bbws_what = '{what}'",
                counted(link, "COUNT(*)")
            )
        };
        let (taken, orphaned) = (held("taken", "gone"), held("orphaned", "gone"));
        let (taken, orphaned) = (number(link, &taken).await?, number(link, &orphaned).await?);
        let table = TableDifference {
            table: part.name.clone(),
            staged: part.staged(link).await?,
            vanished: part.rows(link, "gone").await? + taken + orphaned,
            changed: part.changed(link).await?,
            came: part.came(link).await?,
            taken,
            orphaned,
            ids: part.ids(link).await,
        };
        if table.vanished + table.changed > 0 && part.began_anew(link).await.unwrap_or(false) {
            found.notes.push(format!(
                "The numbers of {} began anew since (TRUNCATE): rows of the same id are others now{}.",
                part.name,
                if bring == Bring::Changed { ", and would be overwritten" } else { ", and stay" }
            ));
        }
        found.tables.push(table);
    }
    found.notes.extend(plan.notes(bring));
    Ok(found)
}

/// The tables whose rows are merged, parents first, and how they are built.
pub(super) struct Plan {
    pub(super) tenant: Tenant,
    pub(super) tables: Vec<Planned>,
    pub(super) layout: Layout,
    /// PostgreSQL: whose the tables are.
    pub(super) owner: String,
}

impl Plan {
    pub(super) async fn of(link: &mut Link, tenant: &Tenant) -> Result<Plan, Hitch> {
        let (staged, layout) = (Layout::of(link, &tenant.stage()).await?, Layout::of(link, &tenant.schema).await?);
        let names = staged.tables.keys().cloned().collect();
        let Ok(order) = layout.parents_first(&tenant.schema, &names) else {
            return refuse(format!("The foreign keys of {} go in a circle since.", tenant.schema));
        };
        let mut plan =
            Plan { tenant: tenant.clone(), tables: Vec::new(), layout: Layout::default(), owner: String::new() };
        for (number, name) in order.iter().enumerate() {
            let (Some(their), Some(our)) = (staged.tables.get(name), layout.tables.get(name)) else {
                return refuse(format!("{name} of {} is gone since its rows were put beside it.", tenant.schema));
            };
            plan.owner.clone_from(&our.owner);
            plan.tables.push(Planned::new(link, tenant, number, name, their, our));
        }
        plan.layout = layout;
        Ok(plan)
    }

    fn planned(&self, name: &str) -> Option<&Planned> {
        self.tables.iter().find(|part| part.name == name)
    }

    /// Makes the journal's tables, empty. Outside of a transaction: MySQL and MariaDB commit when a table is made.
    pub(super) async fn prepare(&self, link: &mut Link) -> Result<(), String> {
        if link.engine != Engine::Postgres {
            link.run(super::copy::MODE).await?;
            // Tables that are deleted from by another name need a default database (1046).
            let schema = link.quoted(&self.tenant.schema);
            link.run(&format!("USE {schema}")).await?;
        }
        for part in &self.tables {
            let keys = part.keys(link, "");
            let full = list(link, "", part.shared.iter().map(|column| &column.name));
            // Which rows come back, which are overwritten, which go away again: by key. `old`: what was overwritten.
            for (what, columns, more) in [
                ("gone", &keys, ""),
                ("wrote", &keys, "bbws_hash"),
                ("edit", &keys, ""),
                ("held", &keys, "bbws_why, bbws_what"),
                ("old", &full, "bbws_hash"),
                ("drop", &keys, ""),
            ] {
                let made = part.at(link, what);
                let extra: String = more
                    .split(", ")
                    .filter(|name| !name.is_empty())
                    .map(|name| match link.engine {
                        Engine::Postgres => format!(", ''::varchar(64) AS {name}"),
                        _ => format!(", CAST(REPEAT(' ', 64) AS CHAR(64)) AS {name}"),
                    })
                    .collect();
                link.run(&format!("DROP TABLE IF EXISTS {made}")).await?;
                // A row may be held back as gone and as changed, but not twice as either.
                let key = if what == "held" { format!("{keys}, bbws_what") } else { keys.clone() };
                let create = match link.engine {
                    Engine::Postgres => format!(
                        "CREATE TABLE {made} AS SELECT {columns}{extra} FROM {} WHERE false; ALTER TABLE {made} ADD PRIMARY KEY ({key})",
                        part.stage
                    ),
                    _ => format!(
                        "CREATE TABLE {made} (PRIMARY KEY ({key})) ENGINE = InnoDB AS SELECT {columns}{extra} FROM {} WHERE FALSE",
                        part.stage
                    ),
                };
                link.run(&create).await?;
            }
        }
        Ok(())
    }

    /// Fills the journal: which rows come back (`gone`), which are overwritten (`edit`), which are held back and why. Tells how
    /// many rows of the journal it changed.
    pub(super) async fn compute(&self, link: &mut Link, bring: Bring) -> Result<u64, String> {
        let mut changed = 0;
        for part in &self.tables {
            let (keys, on) = (part.keys(link, "s"), part.same(link, "l", "s"));
            let (gone, names, first) = (part.at(link, "gone"), part.keys(link, ""), part.first(link, "l"));
            let sql = format!(
                "INSERT INTO {gone} ({names}) SELECT {keys} FROM {} AS s LEFT JOIN {} AS l ON {on} WHERE {first} IS NULL",
                part.stage, part.live
            );
            changed += link.change(&sql).await?;
            if bring == Bring::Changed {
                let (theirs, ours) = (hash(link, "s", &part.shared), hash(link, "l", &part.shared));
                let sql = format!(
                    "INSERT INTO {} ({names}) SELECT {keys} FROM {} AS s JOIN {} AS l ON {on} WHERE {theirs} <> {ours}",
                    part.at(link, "edit"),
                    part.stage,
                    part.live
                );
                changed += link.change(&sql).await?;
            }
            for what in ["gone", "edit"] {
                for unique in 0..part.uniques.len() {
                    let taken = self.taken(link, part, unique, what);
                    changed += self.hold(link, part, what, &taken).await?;
                }
            }
            changed += self.hold_orphans(link, part).await?;
        }
        Ok(changed)
    }

    /// Rows whose parent is not there and does not come back. A row that points at another of its own table loses its parent
    /// when that is held back, so it is asked until nothing is added.
    async fn hold_orphans(&self, link: &mut Link, part: &Planned) -> Result<u64, String> {
        let mut changed = 0;
        loop {
            let mut held = 0;
            for foreign in self.layout.parents_of(&self.tenant.schema, &part.name) {
                if !foreign.columns.iter().all(|name| part.shared.iter().any(|column| column.name == *name)) {
                    continue;
                }
                for what in ["gone", "edit"] {
                    let orphans = self.orphans(link, part, foreign, what);
                    held += self.hold(link, part, what, &orphans).await?;
                }
            }
            changed += held;
            if held == 0 {
                return Ok(changed);
            }
        }
    }

    /// Moves rows from where they would be brought back to those that are held back.
    async fn hold(&self, link: &mut Link, part: &Planned, what: &str, select: &str) -> Result<u64, String> {
        let (held, list, names) = (part.at(link, "held"), part.at(link, what), part.keys(link, ""));
        let sql = format!("INSERT INTO {held} ({names}, bbws_why, bbws_what) {select}");
        let added = link.change(&sql).await?;
        if added == 0 {
            return Ok(0);
        }
        let on = part.same(link, "h", "g");
        let what = quoted(link, what);
        let sql = match link.engine {
            Engine::Postgres => {
                format!("DELETE FROM {list} AS g USING {held} AS h WHERE {on} AND h.bbws_what = {what}")
            }
            _ => format!("DELETE g FROM {list} AS g JOIN {held} AS h ON {on} WHERE h.bbws_what = {what}"),
        };
        Ok(added + link.change(&sql).await?)
    }

    /// Rows of which another live row has a value that has to be unique.
    fn taken(&self, link: &Link, part: &Planned, unique: usize, what: &str) -> String {
        let unique = &part.uniques[unique];
        let values = |from: &str| {
            let parts = unique.parts.iter().enumerate().map(|(i, part)| format!(", ({part}) AS bbws_u{i}"));
            let filter = unique.filter.as_deref().map(|filter| format!(" WHERE {filter}")).unwrap_or_default();
            format!("(SELECT {}{} FROM {from}{filter})", part.keys(link, ""), parts.collect::<String>())
        };
        let equal: Vec<String> = (0..unique.parts.len())
            .map(|i| match unique.nulls_equal {
                true => format!("l.bbws_u{i} IS NOT DISTINCT FROM s.bbws_u{i}"),
                false => format!("l.bbws_u{i} = s.bbws_u{i}"),
            })
            .collect();
        format!(
            "SELECT {keys}, 'taken', '{what}' FROM {list} AS g JOIN {theirs} AS s ON {on} WHERE EXISTS (SELECT 1 FROM {ours} AS l WHERE {equal} AND NOT ({same}))",
            keys = part.keys(link, "g"),
            list = part.at(link, what),
            theirs = values(&part.stage),
            on = part.same(link, "s", "g"),
            ours = values(&part.live),
            equal = equal.join(" AND "),
            same = part.same(link, "l", "g"),
        )
    }

    fn orphans(&self, link: &Link, part: &Planned, foreign: &Foreign, what: &str) -> String {
        let given: Vec<String> =
            foreign.columns.iter().map(|name| format!("s.{} IS NOT NULL", link.quoted(name))).collect();
        let parent = link.table(&foreign.parent_schema, &foreign.parent);
        let live = joined(link, ("p", &foreign.parent_columns), ("s", &foreign.columns));
        let coming = self.planned(&foreign.parent).filter(|_| foreign.parent_schema == self.tenant.schema).map(|p| {
            format!(
                " AND NOT EXISTS (SELECT 1 FROM {} AS pg JOIN {} AS p ON {} WHERE {live})",
                p.at(link, "gone"),
                p.stage,
                p.same(link, "p", "pg")
            )
        });
        format!(
            "SELECT {keys}, 'orphaned', '{what}' FROM {list} AS g JOIN {stage} AS s ON {on}
             WHERE {given} AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE {live}){coming}",
            keys = part.keys(link, "g"),
            list = part.at(link, what),
            stage = part.stage,
            on = part.same(link, "s", "g"),
            given = given.join(" AND "),
            coming = coming.unwrap_or_default(),
        )
    }

    /// What nobody can measure.
    fn notes(&self, bring: Bring) -> Vec<String> {
        let mut notes = vec![
            "Rows that were rightly deleted since the backup come back with the others: see the ids.".to_owned(),
            "What was edited between the backup and the accident, and is gone now, comes back as it was at the backup."
                .to_owned(),
        ];
        if bring == Bring::Changed {
            notes.push("Rows that differ get their old values, those edited rightly since as well.".to_owned());
        }
        let is_left = |f: &&Foreign| {
            f.schema == self.tenant.schema && self.planned(&f.parent).is_some() && self.planned(&f.table).is_none()
        };
        let mut left: Vec<String> = self.layout.foreign.iter().filter(is_left).map(|f| f.table.clone()).collect();
        left.sort();
        left.dedup();
        if !left.is_empty() {
            notes.push(format!(
                "Rows of {} that belonged to them do not come back with them.",
                super::text::named(&left)
            ));
        }
        notes
    }
}

/// PostgreSQL: numbers are not given out again that came back with rows.
pub(super) async fn past_numbers(link: &mut Link, part: &Planned) -> Result<(), String> {
    if link.engine != Engine::Postgres || !part.numbered {
        return Ok(());
    }
    let (live, column, key) = (quoted(link, &part.live), quoted(link, &part.key[0]), part.first(link, ""));
    let sql = format!(
        "SELECT setval(s.q, s.high)::text FROM (SELECT pg_get_serial_sequence({live}, {column})::regclass AS q, (SELECT max({key}) FROM {}) AS high) s
           JOIN pg_sequences p ON format('%I.%I', p.schemaname, p.sequencename)::regclass = s.q
         WHERE s.high > coalesce(p.last_value, 0) AND p.increment_by > 0",
        part.live
    );
    link.run(&sql).await
}
