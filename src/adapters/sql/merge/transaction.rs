//! One transaction over a tenant's live tables: all of it or nothing, and proved from inside before it is committed.

use std::collections::BTreeMap;

use super::{
    super::{catalogue, link::Link},
    Done, Hitch,
    difference::Plan,
    layout::texts,
    planned::Planned,
    refuse, settle,
    text::{joined, named},
};
use crate::domain::environment::Engine;

/// What a transaction wrote.
#[derive(Default)]
pub(super) struct Written {
    /// Rows of live tables, by table: inserted, updated, deleted.
    pub(super) live: BTreeMap<String, [u64; 3]>,
    /// Rows of the journal.
    pub(super) journal: u64,
    pub(super) done: Done,
}

/// All of it or nothing. `done` is what is written down in it.
pub(super) async fn run(
    link: &mut Link,
    plan: &Plan,
    done: &str,
    work: impl AsyncFnOnce(&mut Link, &Plan, &mut Written) -> Result<(), Hitch>,
) -> Result<Done, Hitch> {
    begin(link, plan).await?;
    let mut written = Written::default();
    let worked = async {
        work(link, plan, &mut written).await?;
        settle::note(link, &plan.tenant, done).await?;
        written.journal += 1;
        prove(link, plan, &mut written).await
    };
    if let Err(hitch) = worked.await {
        // It is over either way.
        let _ = link.run("ROLLBACK").await;
        return Err(match hitch {
            Hitch::Later(why) => Hitch::Later(format!("{why} Nothing was changed.")),
            other => other,
        });
    }
    link.conclude("COMMIT").await?;
    Ok(written.done)
}

async fn begin(link: &mut Link, plan: &Plan) -> Result<(), String> {
    if link.engine != Engine::Postgres {
        link.run(super::copy::MODE).await?;
        let schema = link.quoted(&plan.tenant.schema);
        // Rows that are only read are not locked then, so that others write on.
        link.run(&format!(
            "USE {schema}; SET SESSION innodb_lock_wait_timeout = 20, foreign_key_checks = 1, unique_checks = 1"
        ))
        .await?;
        link.run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
        return link.run("START TRANSACTION").await;
    }
    let owner = link.quoted(&plan.owner);
    for schema in [plan.tenant.stage(), plan.tenant.journal()] {
        // A way back needs nothing of what was staged.
        if !catalogue::exists(link, &schema).await? {
            continue;
        }
        let schema = link.quoted(&schema);
        link.run(&format!(
            "GRANT ALL ON SCHEMA {schema} TO {owner}; GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {owner}"
        ))
        .await?;
    }
    let schema = link.quoted(&plan.tenant.schema);
    // As the application does it: functions in defaults and checks may name tables without their schema.
    link.run(&format!(
        "BEGIN; SET LOCAL lock_timeout = '20s'; SET LOCAL ROLE {owner}; SET LOCAL search_path TO {schema}, public"
    ))
    .await
}

/// Gives the rows in `old` the values of `from`, which is the stage or `old` itself; only rows for which `filter` holds.
pub(super) async fn assign(link: &mut Link, part: &Planned, from: &str, filter: &str) -> Result<u64, String> {
    let old = part.at(link, "old");
    let free = part.shared.iter().filter(|column| !part.key.contains(&column.name) && !column.always);
    let set = |alias: &str| {
        let pairs = free.clone().map(|column| {
            let name = link.quoted(&column.name);
            format!("{alias}{name} = s.{name}")
        });
        pairs.collect::<Vec<_>>().join(", ")
    };
    let (on, of) = (part.same(link, "l", "s"), joined(link, ("o", &part.key), ("s", &part.key)));
    let sql = match link.engine {
        Engine::Postgres => format!(
            "UPDATE {} AS l SET {} FROM {from} AS s JOIN {old} AS o ON {of} WHERE {on}{filter}",
            part.live,
            set("")
        ),
        _ => format!(
            "UPDATE {} AS l JOIN {from} AS s ON {on} JOIN {old} AS o ON {of} SET {} WHERE TRUE{filter}",
            part.live,
            set("l.")
        ),
    };
    link.change(&sql).await.map_err(|why| format!("{}: {why}", part.name))
}

/// PostgreSQL: triggers of people are switched off, those of foreign keys stay on. Tells what puts them back as they were.
pub(super) async fn triggers(link: &mut Link, plan: &Plan) -> Result<Vec<String>, Hitch> {
    let mut back = Vec::new();
    if link.engine != Engine::Postgres {
        let has = |part: &&Planned| plan.layout.tables.get(&part.name).is_some_and(|table| !table.triggers.is_empty());
        let with: Vec<String> = plan.tables.iter().filter(has).map(|part| part.name.clone()).collect();
        if !with.is_empty() {
            return refuse(format!(
                "{} of {} has triggers since, which would fire. Nothing was changed; drop them for the time of the merge, or leave the table out.",
                named(&with),
                plan.tenant.schema
            ));
        }
        return Ok(back);
    }
    for part in &plan.tables {
        for trigger in plan.layout.tables.get(&part.name).into_iter().flat_map(|table| &table.triggers) {
            let name = link.quoted(&trigger.name);
            let on = match trigger.mode.as_str() {
                "D" => continue,
                "A" => "ENABLE ALWAYS TRIGGER",
                "R" => "ENABLE REPLICA TRIGGER",
                _ => "ENABLE TRIGGER",
            };
            link.run(&format!("ALTER TABLE {} DISABLE TRIGGER {name}", part.live)).await?;
            back.push(format!("ALTER TABLE {} {on} {name}", part.live));
        }
    }
    Ok(back)
}

/// Everything that was put off is looked at now, then triggers are put back.
pub(super) async fn settled(link: &mut Link, triggers: &[String]) -> Result<(), String> {
    if link.engine == Engine::Postgres {
        link.run("SET CONSTRAINTS ALL IMMEDIATE").await?;
    }
    for back in triggers {
        link.run(back).await?;
    }
    Ok(())
}

/// From inside the transaction: it touched the tables that it was to touch, those rows, and nothing else, whatever others write.
async fn prove(link: &mut Link, plan: &Plan, written: &mut Written) -> Result<(), Hitch> {
    let live: u64 = written.live.values().flatten().sum();
    if link.engine != Engine::Postgres {
        let all = live + written.journal;
        let mut found = None;
        // The table is at most a tenth of a second behind.
        for _ in 0..6 {
            let sql = "SELECT CAST(trx_rows_modified AS CHAR) FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id = CONNECTION_ID()";
            found = link.raw(sql).await?.into_iter().flatten().flatten().next().and_then(|n| n.parse::<u64>().ok());
            if found == Some(all) {
                written.done.found.push(format!("the transaction changed {all} rows in all, those and its journal's"));
                return Ok(());
            }
            link.run("DO SLEEP(0.15)").await?;
        }
        return refuse(match found {
            Some(found) => format!(
                "The transaction changed {found} rows where {all} were to be changed, so something else was touched. Nothing was changed; look for triggers and cascades in {}.",
                plan.tenant.schema
            ),
            None => "The login may not see what its own transaction changed (information_schema.INNODB_TRX). Run: GRANT PROCESS ON *.* TO the user of this login.".to_owned(),
        });
    }
    let sql = "SELECT schemaname::text, relname::text, n_tup_ins::text, n_tup_upd::text, n_tup_del::text FROM pg_catalog.pg_stat_xact_user_tables
         WHERE n_tup_ins + n_tup_upd + n_tup_del > 0";
    let mut seen = BTreeMap::new();
    for row in link.raw(sql).await? {
        let [Some(schema), Some(table), ins, upd, del] = texts(row) else { continue };
        let counts = [ins, upd, del].map(|n| n.and_then(|n| n.parse().ok()).unwrap_or(0u64));
        if schema == plan.tenant.schema {
            seen.insert(table, counts);
        } else if schema != plan.tenant.journal() {
            return refuse(format!(
                "The transaction touched {schema}.{table}, which is not {}'s. Nothing was changed; look for what writes there.",
                plan.tenant.schema
            ));
        }
    }
    let expected: BTreeMap<String, [u64; 3]> =
        written.live.iter().filter(|(_, n)| n.iter().any(|n| *n > 0)).map(|(name, n)| (name.clone(), *n)).collect();
    if seen != expected {
        return refuse(format!(
            "The transaction changed other rows of {} than it was to change. Nothing was changed; look for rules and cascades there.",
            plan.tenant.schema
        ));
    }
    written.done.found.push(format!(
        "the transaction touched {} tables of {} and no other schema",
        expected.len(),
        plan.tenant.schema
    ));
    Ok(())
}
