//! Rows merged back in one transaction: parents first, plain inserts, counted and proved before they are committed.

use std::collections::BTreeMap;

use super::{
    super::{Target, link::Link},
    Bring, Done, Hitch, Tenant,
    difference::{Plan, past_numbers},
    open,
    planned::Planned,
    refuse, settle,
    text::{hash, list, number, quoted},
    transaction::{self, Written, assign},
};
use crate::domain::environment::Engine;

/// One row in so many may have vanished since people agreed.
const TOLERANCE: u64 = 1000;
/// The table that tells which columns a row's hash is made of.
pub(super) const TABLES: &str = "bbws_tables";
/// Between the names in it: no name has it.
pub(super) const BETWEEN: &str = "\u{1f}";

/// See [`super::Tenants::merge`].
pub(super) async fn merge(
    live: &Target,
    tenant: &Tenant,
    bring: Bring,
    agreed: &BTreeMap<String, u64>,
) -> Result<Done, Hitch> {
    let mut link = open(live).await?;
    let merged = async {
        settle::lock(&mut link, tenant).await?;
        let state = settle::of(&mut link, tenant).await?;
        if state.merged || state.unmerged {
            return refuse(format!("The rows of {} were merged by {} already.", tenant.schema, tenant.operation));
        }
        settle::ready(&mut link, tenant).await?;
        let plan = Plan::of(&mut link, tenant).await?;
        plan.prepare(&mut link).await?;
        remember(&mut link, &plan).await?;
        transaction::run(&mut link, &plan, "merged", async |link: &mut Link, plan: &Plan, written: &mut Written| {
            there(link, plan, bring, agreed, written).await
        })
        .await
    };
    let merged = merged.await;
    link.close().await;
    merged
}

/// Writes down what the hashes are made of.
async fn remember(link: &mut Link, plan: &Plan) -> Result<(), String> {
    let table = link.table(&plan.tenant.journal(), TABLES);
    link.run(&format!("DROP TABLE IF EXISTS {table}")).await?;
    link.run(&format!("CREATE TABLE {table} (name varchar(64) PRIMARY KEY, number int, columns text)")).await?;
    for part in &plan.tables {
        let columns: Vec<&str> = part.all.iter().map(|column| column.name.as_str()).collect();
        let (name, columns) = (quoted(link, &part.name), quoted(link, &columns.join(BETWEEN)));
        link.run(&format!("INSERT INTO {table} (name, number, columns) VALUES ({name}, {}, {columns})", part.number))
            .await?;
    }
    Ok(())
}

async fn there(
    link: &mut Link,
    plan: &Plan,
    bring: Bring,
    agreed: &BTreeMap<String, u64>,
    written: &mut Written,
) -> Result<(), Hitch> {
    written.journal += plan.compute(link, bring).await?;
    check_agreed(link, plan, agreed).await?;
    let off = transaction::triggers(link, plan).await?;
    for part in &plan.tables {
        insert(link, plan, part, written).await?;
        if bring == Bring::Changed {
            update(link, part, written).await?;
        }
        past_numbers(link, part).await?;
    }
    transaction::settled(link, &off).await?;
    Ok(told(link, plan, written).await?)
}

/// More than people have seen is not brought back without being seen.
async fn check_agreed(link: &mut Link, plan: &Plan, agreed: &BTreeMap<String, u64>) -> Result<(), Hitch> {
    for part in &plan.tables {
        let now = part.rows(link, "gone").await? + part.rows(link, "edit").await?;
        let seen = agreed.get(&part.name).copied().unwrap_or(0);
        if now > seen + seen / TOLERANCE {
            return refuse(format!(
                "{now} rows of {} would be written now, {seen} when it was looked at: more were deleted or edited since. Nothing was changed; ask again and look again.",
                part.name
            ));
        }
    }
    Ok(())
}

/// Rows that are gone, into the live table.
async fn insert(link: &mut Link, plan: &Plan, part: &Planned, written: &mut Written) -> Result<(), Hitch> {
    let columns = list(link, "", part.shared.iter().map(|column| &column.name));
    let values = list(link, "s", part.shared.iter().map(|column| &column.name));
    let (gone, wrote, keys) = (part.at(link, "gone"), part.at(link, "wrote"), part.keys(link, ""));
    let expected = part.rows(link, "gone").await?;
    if expected == 0 {
        return Ok(());
    }
    let overriding = if link.engine == Engine::Postgres { " OVERRIDING SYSTEM VALUE" } else { "" };
    // A row may point at one of its own table that is written after it: whether that one comes was looked at before.
    let selfish = plan.layout.parents_of(&part.tenant.schema, &part.name).any(|f| f.parent == part.name);
    let unchecked = link.engine != Engine::Postgres && selfish;
    if unchecked {
        link.run("SET SESSION foreign_key_checks = 0").await?;
    }
    let sql = format!(
        "INSERT INTO {} ({columns}){overriding} SELECT {values} FROM {} AS s JOIN {gone} AS g ON {}",
        part.live,
        part.stage,
        part.same(link, "s", "g")
    );
    let inserted = link.change(&sql).await.map_err(|why| format!("{}: {why}", part.name))?;
    if unchecked {
        link.run("SET SESSION foreign_key_checks = 1").await?;
    }
    written.live.entry(part.name.clone()).or_default()[0] += inserted;
    let same = equal(link, part, &gone).await?;
    if inserted != expected || same != expected {
        return refuse(format!(
            "{}: {expected} rows were to come back, {inserted} were written and {same} of them are as they were in the backup. Nothing was changed.",
            part.name
        ));
    }
    let (hash, values, on) = (hash(link, "l", &part.all), part.keys(link, "l"), part.same(link, "l", "g"));
    let sql = format!(
        "INSERT INTO {wrote} ({keys}, bbws_hash) SELECT {values}, {hash} FROM {} AS l JOIN {gone} AS g ON {on}",
        part.live
    );
    written.journal += link.change(&sql).await?;
    written.done.count += inserted;
    Ok(())
}

/// How many rows of a list are live as they were in the backup.
async fn equal(link: &mut Link, part: &Planned, of: &str) -> Result<u64, String> {
    let (theirs, ours) = (hash(link, "s", &part.shared), hash(link, "l", &part.shared));
    let sql = format!(
        "SELECT {} FROM {of} AS g JOIN {} AS s ON {} JOIN {} AS l ON {} WHERE {theirs} = {ours}",
        super::text::counted(link, "COUNT(*)"),
        part.stage,
        part.same(link, "s", "g"),
        part.live,
        part.same(link, "l", "g")
    );
    number(link, &sql).await
}

/// Old values for rows that differ; what they were is kept first.
async fn update(link: &mut Link, part: &Planned, written: &mut Written) -> Result<(), Hitch> {
    let (edit, old) = (part.at(link, "edit"), part.at(link, "old"));
    let names = list(link, "", part.shared.iter().map(|column| &column.name));
    let values = list(link, "l", part.shared.iter().map(|column| &column.name));
    let locked = if link.engine == Engine::Postgres { "FOR UPDATE OF l" } else { "FOR UPDATE" };
    let sql = format!(
        "INSERT INTO {old} ({names}, bbws_hash) SELECT {values}, '' FROM {} AS l JOIN {edit} AS g ON {} {locked}",
        part.live,
        part.same(link, "l", "g")
    );
    let kept = link.change(&sql).await?;
    if kept == 0 {
        return Ok(());
    }
    written.journal += kept;
    let updated = assign(link, part, &part.stage, "").await?;
    written.live.entry(part.name.clone()).or_default()[1] += updated;
    let same = equal(link, part, &old).await?;
    if updated != kept || same != kept {
        return refuse(format!(
            "{}: {kept} rows were to get their old values, {updated} were written and {same} of them are as they were in the backup. Nothing was changed.",
            part.name
        ));
    }
    let (hash, on) = (hash(link, "l", &part.all), part.same(link, "o", "l"));
    let sql = match link.engine {
        Engine::Postgres => format!("UPDATE {old} AS o SET bbws_hash = {hash} FROM {} AS l WHERE {on}", part.live),
        _ => format!("UPDATE {old} AS o JOIN {} AS l ON {on} SET o.bbws_hash = {hash}", part.live),
    };
    written.journal += link.change(&sql).await?;
    written.done.count += updated;
    Ok(())
}

/// What came back and what was held back, for people.
async fn told(link: &mut Link, plan: &Plan, written: &mut Written) -> Result<(), String> {
    for part in &plan.tables {
        let [inserted, updated, _] = written.live.get(&part.name).copied().unwrap_or_default();
        if inserted + updated > 0 {
            let updated = if updated > 0 { format!(", {updated} got their old values") } else { String::new() };
            written.done.found.push(format!("{}: {inserted} rows came back{updated}", part.name));
        }
        let held = part.rows(link, "held").await?;
        if held > 0 {
            written.done.issues.push(format!(
                "{}: {held} rows held back, because another row has their unique value now or the row they belong to is not there",
                part.name
            ));
        }
    }
    Ok(())
}
