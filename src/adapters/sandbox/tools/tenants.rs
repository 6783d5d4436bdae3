//! Tenants' rows in simulated databases: brought back, and taken away again. Which tables have lost their rows is all that such a
//! database knows of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;

use super::databases::ROWS;
use crate::adapters::{
    sandbox::aws::{
        SimAws,
        time::hex_for,
        world::{
            World,
            rds::Instance,
            schemas::{TABLES, schemas},
            tenants::{self, Work},
        },
    },
    sql::{
        Target,
        merge::{
            Bring, Definitions, Difference, Done, Hitch, Staged, State, Sum, Sums, TableDifference, Tenant, Tenants,
        },
    },
};

/// The servers in a simulated AWS.
#[derive(Debug)]
pub struct SimTenants {
    aws: Arc<SimAws>,
}

impl SimTenants {
    /// Those of this AWS.
    pub fn new(aws: Arc<SimAws>) -> SimTenants {
        SimTenants { aws }
    }

    /// Works on a live instance and on what this operation did to it.
    fn at<T>(
        &self,
        live: &Target,
        tenant: &Tenant,
        work: impl FnOnce(&mut Instance, &mut Work) -> Result<T, Hitch>,
    ) -> Result<T, Hitch> {
        let id = instance(live);
        let key = format!("{id}/{}", tenant.journal());
        self.aws.change(|world, now| {
            let mut done = world.tenants.get(&key).cloned().unwrap_or_default();
            let found = world.places_mut().find_map(|(_, _, place)| place.rds.instances.get_mut(&id));
            let found = found.filter(|found| !found.is_gone(now));
            let Some(found) = found else { return Err(unreachable(live)) };
            let answer = work(found, &mut done);
            if answer.is_ok() {
                world.tenants.insert(key, done);
            }
            answer
        })
    }
}

fn instance(target: &Target) -> String {
    target.host.split('.').next().unwrap_or_default().to_lowercase()
}

fn unreachable(target: &Target) -> Hitch {
    Hitch::Later(format!("{}:{} cannot be reached: no such host. Look at the secret's host.", target.host, target.port))
}

/// The tables that are meant, as `schema.table`.
fn tables(tenant: &Tenant) -> BTreeSet<String> {
    let named = |table: &&str| tenant.tables.is_empty() || tenant.tables.iter().any(|named| named == table);
    TABLES.iter().filter(|table| named(table)).map(|table| format!("{}.{table}", tenant.schema)).collect()
}

fn emptied(world: &World, target: &Target) -> Option<BTreeSet<String>> {
    let id = instance(target);
    let found = world.places().find_map(|(_, _, place)| place.rds.instances.get(&id));
    found.map(|found| found.data.emptied.clone())
}

fn refused<T>(why: String) -> Result<T, Hitch> {
    Err(Hitch::Refused(why))
}

/// The staged tables of an operation that has not done anything yet.
fn ready(work: &Work, tenant: &Tenant) -> Result<tenants::Staged, Hitch> {
    if work.before.is_some() || work.undone {
        return refused(format!("{} has changed {} already.", tenant.operation, tenant.schema));
    }
    let missing = || Hitch::Refused(format!("Nothing was put beside {} for this operation.", tenant.schema));
    work.staged.clone().ok_or_else(missing)
}

/// Puts rows back into the tables that the stage has rows of.
fn bring(live: &mut Instance, work: &mut Work, staged: &tenants::Staged, swapped: bool) -> Done {
    let back: BTreeSet<String> = live.data.emptied.difference(&staged.emptied).cloned().collect();
    let back: BTreeSet<String> = back.intersection(&staged.tables).cloned().collect();
    work.before = Some(live.data.emptied.clone());
    work.swapped = swapped;
    live.data.emptied.retain(|table| !back.contains(table));
    let rows = back.len() as u64 * ROWS;
    Done { count: rows, found: vec![format!("{rows} rows came back")], issues: Vec::new() }
}

fn undo(live: &mut Instance, work: &mut Work) -> Done {
    work.undone = true;
    let count = match work.before.take() {
        Some(before) => {
            let count = before.difference(&live.data.emptied).count() as u64 * ROWS;
            live.data.emptied.extend(before);
            count
        }
        None => 0,
    };
    Done { count, found: vec![format!("{count} rows that had come back are gone again")], issues: Vec::new() }
}

#[async_trait]
impl Tenants for SimTenants {
    async fn stage(
        &self,
        from: &Target,
        live: &Target,
        tenant: &Tenant,
        _: Bring,
        _: &dyn Definitions,
        tell: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Staged, Hitch> {
        let there = self.aws.look(|world, _| emptied(world, from)).ok_or_else(|| unreachable(from))?;
        tell("copying".to_owned());
        self.at(live, tenant, |_, work| {
            if work.before.is_some() || work.undone {
                return refused(format!("{} has changed {} already.", tenant.operation, tenant.schema));
            }
            let tables = tables(tenant);
            let rows = |table: &String| if there.contains(table) { 0 } else { ROWS };
            let bare = |table: &String| table.split_once('.').map_or(table.clone(), |(_, name)| name.to_owned());
            let staged = Staged { rows: tables.iter().map(|t| (bare(t), rows(t))).collect(), notes: Vec::new() };
            work.staged = Some(tenants::Staged { tables, emptied: there });
            Ok(staged)
        })
    }

    async fn difference(&self, live: &Target, tenant: &Tenant, _: Bring) -> Result<Difference, Hitch> {
        self.at(live, tenant, |live, work| {
            let staged = ready(work, tenant)?;
            let of = |name: &String| TableDifference {
                table: name.split_once('.').map_or(name.clone(), |(_, table)| table.to_owned()),
                vanished: if live.data.emptied.contains(name) && !staged.emptied.contains(name) { ROWS } else { 0 },
                ..TableDifference::default()
            };
            Ok(Difference { tables: staged.tables.iter().map(of).collect(), notes: Vec::new() })
        })
    }

    async fn swap(&self, live: &Target, tenant: &Tenant) -> Result<Done, Hitch> {
        self.at(live, tenant, |live, work| {
            let staged = ready(work, tenant)?;
            Ok(bring(live, work, &staged, true))
        })
    }

    async fn swap_back(&self, live: &Target, tenant: &Tenant) -> Result<Done, Hitch> {
        self.at(live, tenant, |live, work| Ok(undo(live, work)))
    }

    async fn merge(
        &self,
        live: &Target,
        tenant: &Tenant,
        _: Bring,
        agreed: &BTreeMap<String, u64>,
    ) -> Result<Done, Hitch> {
        self.at(live, tenant, |live, work| {
            let staged = ready(work, tenant)?;
            let returns = |name: &&String| live.data.emptied.contains(*name) && !staged.emptied.contains(*name);
            let seen =
                |name: &String| name.split_once('.').and_then(|(_, table)| agreed.get(table)).is_some_and(|n| *n > 0);
            if let Some(name) = staged.tables.iter().filter(returns).find(|name| !seen(name)) {
                return refused(format!("More rows of {name} would come back than were looked at. Look again."));
            }
            Ok(bring(live, work, &staged, false))
        })
    }

    async fn merge_back(&self, live: &Target, tenant: &Tenant) -> Result<Done, Hitch> {
        self.at(live, tenant, |live, work| Ok(undo(live, work)))
    }

    async fn state(&self, live: &Target, tenant: &Tenant) -> Result<State, String> {
        let found = self.at(live, tenant, |_, work| {
            let done = work.before.is_some() && !work.undone;
            Ok(State {
                staged: work.staged.is_some(),
                swapped: done && work.swapped,
                unswapped: work.undone,
                merged: done && !work.swapped,
                unmerged: work.undone,
            })
        });
        found.map_err(|why| why.to_string())
    }

    async fn others(&self, live: &Target, tenant: &Tenant) -> Result<Sums, String> {
        let seed = self.aws.look(|world, _| world.seed);
        let found = self.at(live, tenant, |live, _| {
            let others = schemas(&[]).into_iter().filter(|schema| *schema != tenant.schema);
            let names = others.flat_map(|schema| TABLES.map(|table| format!("{schema}.{table}")));
            Ok(names
                .map(|name| {
                    let rows = if live.data.emptied.contains(&name) { 0 } else { ROWS };
                    let sum = Sum { rows, hashes: (hex_for(seed, &name, 8), rows.to_string()) };
                    (name, sum)
                })
                .collect())
        });
        found.map_err(|why: Hitch| why.to_string())
    }

    async fn clear(&self, live: &Target, tenant: &Tenant) -> Result<(), String> {
        let cleared = self.at(live, tenant, |_, work| {
            work.staged = None;
            Ok(())
        });
        cleared.map_err(|why: Hitch| why.to_string())
    }
}
