//! A dump is verified by loading it: into a server of the test's own, counted there, and taken away again.

use std::collections::BTreeSet;

use super::{
    super::{login, tools::Tools},
    archives::{Archive, source, target},
    dump_check::permanent,
};
use crate::{
    adapters::{
        archive::{ArchiveError, Contents, Counted, roles},
        sql::{self, Databases, Inventory, Target},
    },
    domain::{environment::Engine, step::LoadTest},
    ports::cloud::{Call, CloudError},
};

/// Loads an archive that was read to its end before; what it came to, or why the dump is not good.
///
/// # Errors
/// See [`CloudError`]: what kept it from being tried says nothing of the dump.
pub(super) async fn verify(
    archive: &Archive<'_>,
    tools: &Tools,
    call: &Call,
    engine: Engine,
    test: &LoadTest,
    contents: &Contents,
) -> Result<Result<String, String>, CloudError> {
    let (there, here) = futures::future::join(
        login::read(archive.session(), &test.source),
        login::read(archive.session(), &test.secret),
    )
    .await;
    let (there, here) = (target(&there?, engine, None), target(&here?, engine, None));
    let schemas = schemas(engine, contents)?;
    let (sealed, key) = archive.open().await?;
    let roles = roles(&sealed.header, &key)?.unwrap_or_default();
    let token: String =
        call.token.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    let unready =
        |why: String| CloudError::Retryable { reason: format!("The dump was not loaded: {why}"), after: None };
    let (room, server) = tools
        .databases
        .prepare(&here, &there, &token, schemas.clone(), &roles)
        .await
        .map_err(|why| permanent(format!("The dump was not loaded: {why}")))?;
    let to = source(room.target(), &server, Vec::new(), false);
    let loaded = match tools.dumper.load(sealed, &key, &archive.expected, &to).await {
        Ok(_) => compare(&*tools.databases, room.target(), &schemas, contents).await,
        Err(ArchiveError::Damaged(reason)) => Ok(Err(reason)),
        Err(error) => Err(error.into()),
    };
    // Whatever it came to, nothing stays there.
    let cleared = room.clear().await;
    let loaded = loaded?;
    cleared.map_err(unready)?;
    Ok(loaded)
}

/// The schemas that the dump will make. One of all schemas brings the accounts of its server along, which would replace
/// those of the other.
fn schemas(engine: Engine, contents: &Contents) -> Result<BTreeSet<String>, CloudError> {
    if engine == Engine::Postgres {
        return Ok(BTreeSet::new());
    }
    let schemas: BTreeSet<String> = contents.held.schemas.clone();
    if schemas.contains("mysql") {
        return Err(permanent(
            "The dump was not loaded: it holds the accounts of its server, which would replace those of the other. Name its `schemas` in the config file.",
        ));
    }
    Ok(schemas)
}

/// Everything the archive holds has to be there, row by row.
async fn compare(
    databases: &dyn Databases,
    target: &Target,
    schemas: &BTreeSet<String>,
    contents: &Contents,
) -> Result<Result<String, String>, CloudError> {
    let unknown =
        |why: String| CloudError::Retryable { reason: format!("What was loaded is unknown: {why}"), after: None };
    let names: Vec<String> = schemas.iter().cloned().collect();
    let there = databases.inventory(target, &names).await.map_err(unknown)?;
    let held = &contents.held;
    let mut wrong = Vec::new();
    if there.tables.len() as u64 != held.tables.count {
        wrong.push(format!("{} tables of {}", there.tables.len(), held.tables.count));
    }
    wrong.extend(others(&there, contents));
    let tables: Vec<String> = there.tables.keys().cloned().collect();
    let counted = databases.count_rows(target, &tables).await.map_err(unknown)?;
    for (table, rows) in &held.rows {
        // Partitions and what inherits are counted with their parent as well, and by themselves here.
        match counted.get(table) {
            Some(found) if found >= rows => {}
            found => wrong.push(format!("{table} has {} rows of {rows}", found.copied().unwrap_or(0))),
        }
    }
    if wrong.is_empty() {
        let rows: u64 = held.rows.values().sum();
        let host = &target.host;
        return Ok(Ok(format!("loaded into {host}: {} tables and {rows} rows were there", there.tables.len())));
    }
    let more = wrong.len().saturating_sub(3);
    wrong.truncate(3);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Ok(Err(format!(
        "The dump was loaded into {} and was not all there: {}{more}. Do not rely on it; dump again.",
        target.host,
        wrong.join("; ")
    )))
}

fn others(there: &Inventory, contents: &Contents) -> Vec<String> {
    let sql::Others { views, routines, triggers, events, sequences, policies } = there.others;
    let all = [
        (Counted::View, "views", views),
        (Counted::Routine, "routines", routines),
        (Counted::Trigger, "triggers", triggers),
        (Counted::Event, "events", events),
        (Counted::Sequence, "sequences", sequences),
        (Counted::Policy, "policies", policies),
    ];
    let wrong = all.into_iter().filter_map(|(kind, name, found)| {
        let held = contents.held.others.get(&kind).copied().unwrap_or(0);
        (found < held).then(|| format!("{found} {name} of {held}"))
    });
    wrong.collect()
}
