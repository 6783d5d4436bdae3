//! What a merge wrote, taken back: only rows that nobody changed since, and only where nothing hangs on them.

use std::collections::BTreeMap;

use super::{
    super::{Target, link::Link},
    Done, Hitch, Tenant,
    apply::{BETWEEN, TABLES},
    difference::Plan,
    layout::{Foreign, Layout, texts},
    open,
    planned::Planned,
    refuse, settle,
    text::{hash, joined},
    transaction::{self, Written, assign},
};
use crate::domain::environment::Engine;

/// See [`super::Tenants::merge_back`].
pub(super) async fn back(live: &Target, tenant: &Tenant) -> Result<Done, Hitch> {
    let mut link = open(live).await?;
    let done = async {
        settle::lock(&mut link, tenant).await?;
        let state = settle::of(&mut link, tenant).await?;
        if state.unmerged {
            return refuse(format!("What was merged into {} was taken back already.", tenant.schema));
        }
        if !state.merged {
            return Ok(settle::never(&mut link, tenant, "unmerged").await?);
        }
        let plan = as_written(&mut link, tenant).await?;
        if link.engine != Engine::Postgres {
            // Tables that are deleted from by another name need a default database (1046).
            let schema = link.quoted(&tenant.schema);
            link.run(&format!("USE {schema}")).await?;
        }
        transaction::run(&mut link, &plan, "unmerged", async |link: &mut Link, plan: &Plan, written: &mut Written| {
            let off = transaction::triggers(link, plan).await?;
            all(link, plan, written).await?;
            Ok(transaction::settled(link, &off).await?)
        })
        .await
    };
    let done = done.await;
    link.close().await;
    done
}

/// The tables of a merge by their numbers, with the columns that were brought back and those that the hashes are made of. What
/// was staged may be gone by now.
async fn as_written(link: &mut Link, tenant: &Tenant) -> Result<Plan, Hitch> {
    let (layout, journal) = (Layout::of(link, &tenant.schema).await?, Layout::of(link, &tenant.journal()).await?);
    let table = link.table(&tenant.journal(), TABLES);
    let text = if link.engine == Engine::Postgres { "::text" } else { "" };
    let mut parts = BTreeMap::new();
    for row in link.raw(&format!("SELECT name, CONCAT(number, ''){text}, columns FROM {table}")).await? {
        let [Some(name), Some(number), Some(columns)] = texts(row) else { continue };
        let number: usize = number.parse().unwrap_or(usize::MAX);
        let (Some(our), Some(brought)) = (layout.tables.get(&name), journal.tables.get(&format!("old_{number}")))
        else {
            return refuse(format!(
                "{name} of {} is gone since the merge, so nothing can be taken back from it. Nothing was changed.",
                tenant.schema
            ));
        };
        let mut part = Planned::new(link, tenant, number, &name, brought, our);
        let known = |name: &str| our.written().find(|column| column.name == name).cloned();
        let hashed: Option<Vec<_>> = columns.split(BETWEEN).map(known).collect();
        let Some(hashed) = hashed else {
            return refuse(format!(
                "{name} has lost columns since the merge, so whether its rows were changed cannot be told. Delete by hand what has to go; the keys are in {}.",
                tenant.journal()
            ));
        };
        part.all = hashed;
        parts.insert(name, part);
    }
    let names = parts.keys().cloned().collect();
    let Ok(order) = layout.parents_first(&tenant.schema, &names) else {
        return refuse(format!("The foreign keys of {} go in a circle since.", tenant.schema));
    };
    let owner = order.first().and_then(|name| layout.tables.get(name)).map(|table| table.owner.clone());
    let tables = order.iter().filter_map(|name| parts.remove(name)).collect();
    Ok(Plan { tenant: tenant.clone(), tables, layout, owner: owner.unwrap_or_default() })
}

/// Children first.
async fn all(link: &mut Link, plan: &Plan, written: &mut Written) -> Result<(), Hitch> {
    for part in plan.tables.iter().rev() {
        revert(link, part, written).await?;
        remove(link, plan, part, written).await?;
    }
    Ok(())
}

/// Rows that got old values get back what they had before.
async fn revert(link: &mut Link, part: &Planned, written: &mut Written) -> Result<(), Hitch> {
    let kept = part.rows(link, "old").await?;
    if kept == 0 {
        return Ok(());
    }
    let old = part.at(link, "old");
    let unchanged = format!(" AND {} = o.bbws_hash", hash(link, "l", &part.all));
    let reverted = assign(link, part, &old, &unchanged).await?;
    written.live.entry(part.name.clone()).or_default()[1] += reverted;
    written.done.count += reverted;
    written.done.found.push(format!("{}: {reverted} rows have again what they had before the merge", part.name));
    if reverted < kept {
        written.done.issues.push(format!(
            "{}: {} rows were changed since the merge and stay",
            part.name,
            kept - reverted
        ));
    }
    Ok(())
}

/// Rows that came back go away.
async fn remove(link: &mut Link, plan: &Plan, part: &Planned, written: &mut Written) -> Result<(), Hitch> {
    let wrote = part.rows(link, "wrote").await?;
    if wrote == 0 {
        return Ok(());
    }
    let (drop, names) = (part.at(link, "drop"), part.keys(link, ""));
    let (keys, on, hash) = (part.keys(link, "l"), part.same(link, "l", "g"), hash(link, "l", &part.all));
    let sql = format!(
        "INSERT INTO {drop} ({names}) SELECT {keys} FROM {} AS l JOIN {} AS g ON {on} WHERE {hash} = g.bbws_hash",
        part.live,
        part.at(link, "wrote")
    );
    let unchanged = link.change(&sql).await?;
    written.journal += unchanged;
    let hanging = keep_parents(link, plan, part, written).await?;
    let expected = part.rows(link, "drop").await?;
    let selfish = plan.layout.parents_of(&part.tenant.schema, &part.name).any(|f| f.parent == part.name);
    let unchecked = link.engine != Engine::Postgres && selfish;
    if unchecked {
        // Nothing hangs on them but each other, whatever the order.
        link.run("SET SESSION foreign_key_checks = 0").await?;
    }
    let on = part.same(link, "l", "g");
    let sql = match link.engine {
        Engine::Postgres => format!("DELETE FROM {} AS l USING {drop} AS g WHERE {on}", part.live),
        _ => format!("DELETE l FROM {} AS l JOIN {drop} AS g ON {on}", part.live),
    };
    let removed = link.change(&sql).await.map_err(|why| format!("{}: {why}", part.name))?;
    if unchecked {
        link.run("SET SESSION foreign_key_checks = 1").await?;
    }
    if removed != expected {
        return refuse(format!("{}: {removed} rows went where {expected} were to go. Nothing was changed.", part.name));
    }
    written.live.entry(part.name.clone()).or_default()[2] += removed;
    written.done.count += removed;
    written.done.found.push(format!("{}: {removed} rows that had come back are gone again", part.name));
    let issues = &mut written.done.issues;
    if unchanged < wrote {
        issues.push(format!(
            "{}: {} rows were changed or deleted since the merge and are left as they are",
            part.name,
            wrote - unchanged
        ));
    }
    if hanging > 0 {
        issues.push(format!("{}: {hanging} rows stay, because rows written since belong to them", part.name));
    }
    Ok(())
}

/// Rows on which others hang that do not go away stay: a cascade would take those along.
async fn keep_parents(link: &mut Link, plan: &Plan, part: &Planned, written: &mut Written) -> Result<u64, Hitch> {
    let mut hanging = 0;
    loop {
        let mut found = 0;
        for foreign in plan.layout.children_of(&part.tenant.schema, &part.name) {
            let held = part.at(link, "held");
            let sql = format!(
                "INSERT INTO {held} ({}, bbws_why, bbws_what) {}",
                part.keys(link, ""),
                with_children(link, part, foreign)
            );
            let added = link.change(&sql).await?;
            if added == 0 {
                continue;
            }
            let (drop, on) = (part.at(link, "drop"), part.same(link, "h", "g"));
            let sql = match link.engine {
                Engine::Postgres => {
                    format!("DELETE FROM {drop} AS g USING {held} AS h WHERE {on} AND h.bbws_what = 'drop'")
                }
                _ => format!("DELETE g FROM {drop} AS g JOIN {held} AS h ON {on} WHERE h.bbws_what = 'drop'"),
            };
            written.journal += added + link.change(&sql).await?;
            found += added;
        }
        hanging += found;
        if found == 0 {
            return Ok(hanging);
        }
    }
}

fn with_children(link: &Link, part: &Planned, foreign: &Foreign) -> String {
    let child = link.table(&foreign.schema, &foreign.table);
    let points = joined(link, ("c", &foreign.columns), ("l", &foreign.parent_columns));
    // A row of the same table that goes away itself is nothing that hangs on it.
    let goes_too = (foreign.schema == part.tenant.schema && foreign.table == part.name).then(|| {
        format!(" AND NOT EXISTS (SELECT 1 FROM {} AS d WHERE {})", part.at(link, "drop"), part.same(link, "d", "c"))
    });
    format!(
        "SELECT {}, 'hanging', 'drop' FROM {} AS g JOIN {} AS l ON {} WHERE EXISTS (SELECT 1 FROM {child} AS c WHERE {points}{})",
        part.keys(link, "g"),
        part.at(link, "drop"),
        part.live,
        part.same(link, "l", "g"),
        goes_too.unwrap_or_default()
    )
}
