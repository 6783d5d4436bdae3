//! Tenants' rows in simulated databases: put beside the live ones, compared, swapped or merged, and taken away again.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;

use crate::{
    adapters::{
        sandbox::aws::{
            SimAws,
            world::{
                World,
                rds::Instance,
                rows::{Happening, Rows},
                schemas::{TABLES, schemas},
                tenants::Work,
            },
        },
        sql::{
            Target,
            merge::{
                Bring, Definitions, Difference, Done, Hitch, Staged, State, Sum, Sums, TableDifference, Tenant, Tenants,
            },
        },
    },
    domain::moment::Moment,
};

/// Runs of numbers that are told of a table.
const RUNS: usize = 6;

/// The servers in a simulated AWS.
#[derive(Debug)]
pub struct SimTenants {
    aws: Arc<SimAws>,
}

/// A live instance, and what an operation did to it.
struct Place<'w> {
    live: &'w mut Instance,
    work: &'w mut Work,
    tenant: &'w Tenant,
    now: Moment,
}

impl SimTenants {
    /// Those of this AWS.
    pub fn new(aws: Arc<SimAws>) -> SimTenants {
        SimTenants { aws }
    }

    /// Works on a live instance. What comes to nothing changes nothing.
    fn at<T>(
        &self,
        live: &Target,
        tenant: &Tenant,
        work: impl FnOnce(&mut Place<'_>) -> Result<T, Hitch>,
    ) -> Result<T, Hitch> {
        let id = instance(live);
        let key = format!("{id}/{}", tenant.journal());
        self.aws.change(|world, now| {
            let mut done = world.tenants.work.get(&key).cloned().unwrap_or_default();
            let found = world.places_mut().find_map(|(_, _, place)| place.rds.instances.get_mut(&id));
            let found = found.filter(|found| !found.is_gone(now));
            let Some(found) = found else { return Err(unreachable(live)) };
            let answer = work(&mut Place { live: found, work: &mut done, tenant, now });
            if answer.is_ok() {
                world.tenants.work.insert(key, done);
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

fn refused<T>(why: String) -> Result<T, Hitch> {
    Err(Hitch::Refused(why))
}

/// The tenant's tables as a server has them, without schema.
fn there(world: &World, target: &Target, tenant: &Tenant, now: Moment) -> Option<BTreeMap<String, Rows>> {
    let rows = |rows: &dyn Fn(&str) -> Option<Rows>| {
        let meant = TABLES.iter().filter(|table| means(tenant, table));
        meant.filter_map(|table| Some(((*table).to_owned(), rows(&format!("{}.{table}", tenant.schema))?))).collect()
    };
    if let Some(spare) = world.tenants.spares.get(&target.host) {
        return Some(rows(&|table| spare.rows(table, now)));
    }
    let found = world.places().find_map(|(_, _, place)| place.rds.instance(&instance(target), now))?;
    Some(rows(&|table| found.data.table(table, now)))
}

fn means(tenant: &Tenant, table: &str) -> bool {
    tenant.tables.is_empty() || tenant.tables.iter().any(|named| named == table)
}

/// What a table lacks and has beside what lies beside it.
struct Compared {
    gone: Vec<u64>,
    changed: Vec<u64>,
    came: u64,
}

fn compare(staged: &Rows, live: &Rows) -> Compared {
    let gone = staged.iter().filter(|(number, _)| live.get(*number).is_none()).map(|(number, _)| number).collect();
    let differs = |(number, whole): &(u64, bool)| live.get(*number).is_some_and(|now| now != *whole);
    Compared {
        gone,
        changed: staged.iter().filter(differs).map(|(number, _)| number).collect(),
        came: live.iter().filter(|(number, _)| staged.get(*number).is_none()).count() as u64,
    }
}

/// `1–40, 57`.
fn runs(numbers: &[u64]) -> Option<String> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let more = if runs.len() > RUNS { Some("…".to_owned()) } else { None };
    let told = runs.iter().take(RUNS);
    let told = told.map(|(low, high)| if low == high { low.to_string() } else { format!("{low}–{high}") });
    let told: Vec<String> = told.chain(more).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

impl Place<'_> {
    fn name(&self, table: &str) -> String {
        format!("{}.{table}", self.tenant.schema)
    }

    fn rows(&self, table: &str) -> Option<Rows> {
        self.live.data.table(&self.name(table), self.now)
    }

    fn set(&mut self, table: &str, rows: Option<Rows>) {
        let name = self.name(table);
        self.live.data.happens(&name, self.now, Happening::Is(rows));
    }

    /// The staged tables of an operation that has not done anything yet.
    fn ready(&self) -> Result<BTreeMap<String, Rows>, Hitch> {
        self.untouched()?;
        let missing = || Hitch::Refused(format!("Nothing was put beside {} for this operation.", self.tenant.schema));
        self.work.staged.clone().ok_or_else(missing)
    }

    fn untouched(&self) -> Result<(), Hitch> {
        if self.work.before.is_some() || self.work.undone {
            return refused(format!("{} has changed {} already.", self.tenant.operation, self.tenant.schema));
        }
        Ok(())
    }

    fn difference(&self, bring: Bring) -> Result<Difference, Hitch> {
        let mut found = Difference::default();
        for (table, staged) in self.ready()? {
            let live = self.rows(&table);
            if live.is_none() && bring != Bring::Swap {
                return refused(format!(
                    "{table} of {} is gone as a whole: leave `--merge` out to bring it back.",
                    self.tenant.schema
                ));
            }
            if live.is_none() {
                found.notes.push(format!("{table} is gone as a whole, and comes back."));
            }
            let compared = compare(&staged, &live.unwrap_or_default());
            found.tables.push(TableDifference {
                table,
                staged: staged.count(),
                vanished: compared.gone.len() as u64,
                changed: compared.changed.len() as u64,
                came: compared.came,
                ids: runs(&compared.gone),
                ..TableDifference::default()
            });
        }
        if bring == Bring::Swap {
            let lost = "Everything written since the backup to these tables goes away; it is kept beside them.";
            found.notes.push(lost.to_owned());
        }
        Ok(found)
    }

    fn swap(&mut self) -> Result<Done, Hitch> {
        let staged = self.ready()?;
        let before = staged.keys().map(|table| (table.clone(), self.rows(table))).collect();
        let count = staged.len() as u64;
        for (table, rows) in staged {
            self.set(&table, Some(rows));
        }
        (self.work.before, self.work.swapped) = (Some(before), true);
        Ok(Done { count, found: vec![format!("{count} tables were swapped")], issues: Vec::new() })
    }

    fn merge(&mut self, bring: Bring, agreed: &BTreeMap<String, u64>) -> Result<Done, Hitch> {
        let staged = self.ready()?;
        let (mut count, mut before, mut merged) = (0, BTreeMap::new(), Vec::new());
        for (table, rows) in staged {
            let Some(mut live) = self.rows(&table) else {
                return refused(format!("{table} of {} is gone as a whole.", self.tenant.schema));
            };
            before.insert(table.clone(), Some(live.clone()));
            let compared = compare(&rows, &live);
            let changed = if bring == Bring::Changed { compared.changed } else { Vec::new() };
            let wrote = [compared.gone, changed].concat();
            let (wanted, seen) = (wrote.len() as u64, agreed.get(&table).copied().unwrap_or(0));
            if wanted > seen {
                return refused(format!(
                    "{wanted} rows of {table} would be written now, {seen} when it was looked at. Look again."
                ));
            }
            for number in &wrote {
                live.set(*number, rows.get(*number).unwrap_or(true));
            }
            count += wanted;
            merged.push((table, live, wrote));
        }
        for (table, live, wrote) in merged {
            self.set(&table, Some(live));
            self.work.wrote.insert(table, wrote);
        }
        self.work.before = Some(before);
        Ok(Done { count, found: vec![format!("{count} rows came back")], issues: Vec::new() })
    }

    /// What was live before, as a whole.
    fn swap_back(&mut self) -> Done {
        self.work.undone = true;
        let before = self.work.before.take().unwrap_or_default();
        let count = before.len() as u64;
        for (table, rows) in before {
            self.set(&table, rows);
        }
        Done { count, found: vec![format!("{count} tables are as they were")], issues: Vec::new() }
    }

    /// What was written goes away again or gets its earlier value; what came since stays.
    fn merge_back(&mut self) -> Done {
        self.work.undone = true;
        let before = self.work.before.take().unwrap_or_default();
        let wrote = std::mem::take(&mut self.work.wrote);
        let mut count = 0;
        for (table, numbers) in wrote {
            let Some(mut live) = self.rows(&table) else { continue };
            let was = before.get(&table).and_then(Option::as_ref);
            for number in numbers {
                match was.and_then(|was| was.get(number)) {
                    Some(whole) => live.set(number, whole),
                    None => live.remove(number),
                }
                count += 1;
            }
            self.set(&table, Some(live));
        }
        Done { count, found: vec![format!("{count} rows that had come back are gone again")], issues: Vec::new() }
    }
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
        let found = self.aws.look(|world, now| there(world, from, tenant, now)).ok_or_else(|| unreachable(from))?;
        let lacks = |table: &&String| !found.contains_key(*table);
        let missing: BTreeSet<&String> = tenant.tables.iter().filter(lacks).collect();
        if let Some(table) = missing.into_iter().next() {
            return refused(format!("There is no table {table} in {} of the backup.", tenant.schema));
        }
        if found.is_empty() {
            return refused(format!("The backup has no tables of {}.", tenant.schema));
        }
        tell("copying".to_owned());
        self.at(live, tenant, |place| {
            place.untouched()?;
            let rows = found.iter().map(|(table, rows)| (table.clone(), rows.count())).collect();
            place.work.staged = Some(found);
            Ok(Staged { rows, notes: Vec::new() })
        })
    }

    async fn difference(&self, live: &Target, tenant: &Tenant, bring: Bring) -> Result<Difference, Hitch> {
        self.at(live, tenant, |place| place.difference(bring))
    }

    async fn swap(&self, live: &Target, tenant: &Tenant) -> Result<Done, Hitch> {
        self.at(live, tenant, |place| place.swap())
    }

    async fn swap_back(&self, live: &Target, tenant: &Tenant) -> Result<Done, Hitch> {
        self.at(live, tenant, |place| Ok(place.swap_back()))
    }

    async fn merge(
        &self,
        live: &Target,
        tenant: &Tenant,
        bring: Bring,
        agreed: &BTreeMap<String, u64>,
    ) -> Result<Done, Hitch> {
        self.at(live, tenant, |place| place.merge(bring, agreed))
    }

    async fn merge_back(&self, live: &Target, tenant: &Tenant) -> Result<Done, Hitch> {
        self.at(live, tenant, |place| Ok(place.merge_back()))
    }

    async fn state(&self, live: &Target, tenant: &Tenant) -> Result<State, String> {
        let found = self.at(live, tenant, |place| {
            let work = &place.work;
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
        let found = self.at(live, tenant, |place| {
            let others = schemas(&[]).into_iter().filter(|schema| *schema != tenant.schema);
            let names = others.flat_map(|schema| TABLES.map(|table| format!("{schema}.{table}")));
            let sum = |name: String| {
                let rows = place.live.data.table(&name, place.now)?;
                Some((name, Sum { rows: rows.count(), hashes: (rows.sum(), rows.count().to_string()) }))
            };
            Ok(names.filter_map(sum).collect())
        });
        found.map_err(|why: Hitch| why.to_string())
    }

    async fn clear(&self, live: &Target, tenant: &Tenant) -> Result<(), String> {
        let cleared = self.at(live, tenant, |place| {
            place.work.staged = None;
            Ok(())
        });
        cleared.map_err(|why: Hitch| why.to_string())
    }
}
