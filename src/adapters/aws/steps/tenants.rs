//! One tenant's rows brought back into a live database. What is done is asked of the database itself, so that any process
//! knows it: a copy that was not finished does not count, and a transaction was committed or was not.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    super::{
        background::{Outcome, Teller},
        session::Session,
        tools::{DumpedDefinitions, Tools},
    },
    At, Change, Look,
    archives::target,
    begun,
    dump_check::permanent,
    dump_load::Loaded,
    finished, restore_database,
    tenant_words::{TOLD, by_schema, compared, receipt, summed, words},
};
use crate::{
    adapters::sql::{
        Target,
        merge::{Done, Hitch, Staged, State, Tenant},
    },
    domain::{
        step::{
            ClearTenant, CompareTenant, EXPECTED, ISSUE, MergeTenant, MergeTenantBack, OTHERS, Origin, Outputs,
            RETURNING, StageTenant, SumOthers, SwapTenant, SwapTenantBack, TenantTables, VerifyTenant,
        },
        text::count,
    },
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// So long is counted at the most what was written since a cutover: it is told, and nothing waits for it.
const COUNTING: Duration = Duration::from_secs(10);
/// One row in so many may be deleted by whoever uses the tables before they are counted.
const SHARE: u64 = 1000;
/// And so many of a table that has few.
const DELETED: u64 = 10;

impl Change for StageTenant {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        // What is not finished is begun from nothing.
        let state = state(at, &self.of).await?;
        Ok(if state.staged { Probe::Present(begun(&self.of.schema)) } else { Probe::Absent })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let (session, call, what, tools) = carried(at, self);
        at.cloud.jobs.spawn(&at.call.token, move |tell| stage(session, call, what, tools, tell));
        Ok(begun(&self.of.schema))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let done = |state: &State| state.staged;
        worked(at, &self.of, "copying rows", done, "beside the live tables, compared row by row").await
    }
}

impl Look for CompareTenant {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let (what, tools) = (self.clone(), at.cloud.tools.clone());
        at.watch(move |session, call, _| async move {
            let (live, tenant) = live(&session, &call, &what.of).await?;
            let found = tools.tenants.difference(&live, &tenant, what.bring).await.map_err(failed)?;
            let outputs = Outputs::from([
                (RETURNING.to_owned(), json(&found.agreed(what.bring))),
                (EXPECTED.to_owned(), json(&found.expected())),
                receipt(&found, &what).to_output(),
            ]);
            Ok(Progress::Done { outputs, detail: words(&found, what.bring) })
        })
    }
}

impl Look for SumOthers {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let (what, tools) = (self.clone(), at.cloud.tools.clone());
        at.watch(move |session, call, _| async move {
            let (live, tenant) = live(&session, &call, &what.of).await?;
            let sums = tools.tenants.others(&live, &tenant).await.map_err(later)?;
            let now = by_schema(&sums);
            let before = call.inputs.get(OTHERS).and_then(|text| serde_json::from_str(text).ok());
            let detail = before.map_or_else(|| summed(&now), |before| compared(&before, &now, &what.of.schema));
            Ok(Progress::Done { outputs: Outputs::from([(OTHERS.to_owned(), json(&now))]), detail })
        })
    }
}

impl Look for VerifyTenant {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let (what, tools) = (self.clone(), at.cloud.tools.clone());
        at.watch(move |session, call, _| async move {
            let (live, _) = live(&session, &call, &what.of).await?;
            let expected: Option<BTreeMap<String, u64>> =
                call.inputs.get(EXPECTED).and_then(|text| serde_json::from_str(text).ok());
            let Some(expected) = expected else {
                return Err(permanent("What was to come back is not known any more. Look at the tables.".to_owned()));
            };
            let name = |table: &String| format!("{}.{table}", what.of.schema);
            // What is not there cannot be counted.
            let there = tools.databases.inventory(&live, std::slice::from_ref(&what.of.schema)).await.map_err(later)?;
            let names: Vec<String> = expected.keys().map(name).filter(|name| there.tables.contains_key(name)).collect();
            let found = tools.databases.count_rows(&live, &names).await.map_err(later)?;
            Ok(counted(&expected, |table| found.get(&name(table)).copied().unwrap_or(0)))
        })
    }
}

/// Whether live tables have what was to come back. What somebody deleted meanwhile is no fault.
fn counted(expected: &BTreeMap<String, u64>, found: impl Fn(&String) -> u64) -> Progress {
    let lacks = |table: &&String| {
        let (wanted, there) = (expected[*table], found(table));
        wanted.saturating_sub(there) > (wanted / SHARE).max(DELETED) || (wanted > 0 && there == 0)
    };
    let (few, all): (Vec<&String>, Vec<&String>) = expected.keys().partition(lacks);
    if !few.is_empty() {
        let told: Vec<String> = few
            .iter()
            .take(TOLD)
            .map(|table| format!("{table} has {} rows of the {} that came back", found(table), expected[*table]))
            .collect();
        let reason = format!("The live tables do not have what came back: {}. Roll back, and look.", told.join("; "));
        return Progress::Refuted { reason, outputs: Outputs::new() };
    }
    let rows: u64 = all.iter().map(|table| found(table)).sum();
    let tables = count(all.len() as u64, "table");
    let detail = format!("{tables} with {} in live, and nothing of what came back is missing", count(rows, "row"));
    Progress::Done { outputs: Outputs::new(), detail }
}

impl Change for SwapTenant {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let (state, tenant) = (state(at, &self.of).await?, tenant(at.call, &self.of));
        Ok(if state.swapped || state.unswapped { Probe::Present(begun(&tenant.before())) } else { Probe::Absent })
    }

    /// Seconds at most: it waits for nobody for longer.
    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let (live, tenant) = live(&at.session, at.call, &self.of).await?;
        at.cloud.tools.tenants.swap(&live, &tenant).await.map_err(failed)?;
        Ok(begun(&tenant.before()))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let tenant = tenant(at.call, &self.of);
        let detail = format!("swapped in one statement; what was live before is in {}", tenant.before());
        // Going back tells by it what came since.
        let expected = at.call.inputs.get(EXPECTED).map(|rows| (EXPECTED.to_owned(), rows.clone()));
        made(state(at, &self.of).await?.swapped, expected.into_iter().collect(), detail)
    }
}

impl Change for SwapTenantBack {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let (state, tenant) = (state(at, &self.of).await?, tenant(at.call, &self.of));
        Ok(if state.unswapped { Probe::Present(begun(&tenant.undone())) } else { Probe::Absent })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let (live, tenant) = live(&at.session, at.call, &self.of).await?;
        at.cloud.tools.tenants.swap_back(&live, &tenant).await.map_err(failed)?;
        Ok(begun(&tenant.undone()))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        let tenant = tenant(at.call, &self.of);
        let unswapped = state(at, &self.of).await?.unswapped;
        let counted = async { if unswapped { written_since(at, &self.of).await } else { None } };
        let since = tokio::time::timeout(COUNTING, counted).await.ok().flatten();
        let detail = format!(
            "as before in one statement; what was live meanwhile is in {}{}",
            tenant.undone(),
            since.map(|since| format!(", {since}")).unwrap_or_default()
        );
        made(unswapped, Outputs::new(), detail)
    }
}

impl Change for MergeTenant {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let state = state(at, &self.of).await?;
        Ok(if state.merged || state.unmerged { Probe::Present(begun(&self.of.schema)) } else { Probe::Absent })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let (session, call, what, tools) = carried(at, self);
        at.cloud.jobs.spawn(&at.call.token, move |_| async move {
            let (live, tenant) = live(&session, &call, &what.of).await?;
            let seen = call.inputs.get(RETURNING).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            let done = tools.tenants.merge(&live, &tenant, what.bring, &seen).await.map_err(failed)?;
            Ok(ended(&done))
        });
        Ok(begun(&self.of.schema))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        worked(at, &self.of, "merging rows", |state| state.merged, "merged in one transaction").await
    }
}

impl Change for MergeTenantBack {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        let state = state(at, &self.of).await?;
        Ok(if state.unmerged { Probe::Present(begun(&self.of.schema)) } else { Probe::Absent })
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let (session, call, what, tools) = carried(at, self);
        at.cloud.jobs.spawn(&at.call.token, move |_| async move {
            let (live, tenant) = live(&session, &call, &what.of).await?;
            let done = tools.tenants.merge_back(&live, &tenant).await.map_err(failed)?;
            Ok(ended(&done))
        });
        Ok(begun(&self.of.schema))
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        worked(at, &self.of, "taking rows back", |state| state.unmerged, "taken back in one transaction").await
    }
}

impl Change for ClearTenant {
    /// To drop what is not there does no harm.
    async fn probe(&self, _: &At<'_>) -> Result<Probe, CloudError> {
        Ok(Probe::Absent)
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        let (live, tenant) = live(&at.session, at.call, &self.of).await?;
        at.cloud.tools.tenants.clear(&live, &tenant).await.map_err(later)?;
        Ok(finished(&tenant.stage()))
    }

    async fn poll(&self, _: &At<'_>) -> Outcome {
        Ok(Progress::Done { outputs: Outputs::new(), detail: "nothing is left beside the live tables".to_owned() })
    }
}

/// Everything that work in the background takes along.
fn carried<W: Clone>(at: &At<'_>, what: &W) -> (Arc<Session>, Call, W, Tools) {
    (Arc::clone(&at.session), at.call.clone(), what.clone(), at.cloud.tools.clone())
}

fn tenant(call: &Call, of: &TenantTables) -> Tenant {
    Tenant { schema: of.schema.clone(), tables: of.tables.clone(), operation: call.operation.0.clone() }
}

/// The live server, which after a cutover by secret is not the one that the login's secret leads to, and whose rows in it.
async fn live(session: &Session, call: &Call, of: &TenantTables) -> Result<(Target, Tenant), CloudError> {
    let login = restore_database::login_of(session, &call.environment, &of.database, &of.secret).await?;
    let database = login.database.clone();
    Ok((target(&login, of.engine, database), tenant(call, of)))
}

async fn state(at: &At<'_>, of: &TenantTables) -> Result<State, CloudError> {
    let (live, tenant) = live(&at.session, at.call, of).await?;
    at.cloud.tools.tenants.state(&live, &tenant).await.map_err(later)
}

/// How far work is that this process or another one began: what the database shows is what counts.
async fn worked(
    at: &At<'_>,
    of: &TenantTables,
    doing: &str,
    is_done: impl Fn(&State) -> bool,
    detail: &str,
) -> Outcome {
    let told = at.cloud.jobs.ask(&at.call.token);
    if let Some(Ok(progress)) = told {
        return Ok(progress);
    }
    if is_done(&state(at, of).await?) {
        return Ok(Progress::Done { outputs: Outputs::new(), detail: detail.to_owned() });
    }
    match told {
        Some(Err(CloudError::Permanent { reason })) => Ok(Progress::Failed { reason }),
        Some(Err(CloudError::Retryable { reason, .. })) => Ok(Progress::Gone { reason }),
        Some(Err(error)) => Err(error),
        _ => Ok(Progress::Gone { reason: format!("The process that was {doing} ended before it was done.") }),
    }
}

/// How many rows the tables that were swapped back have more and fewer than when they were put there; none where that cannot be
/// counted, which is no reason not to go back.
async fn written_since(at: &At<'_>, of: &TenantTables) -> Option<String> {
    let expected: BTreeMap<String, u64> = serde_json::from_str(at.call.inputs.get(EXPECTED)?).ok()?;
    let (live, tenant) = live(&at.session, at.call, of).await.ok()?;
    let (undone, databases) = (tenant.undone(), &at.cloud.tools.databases);
    let there = databases.inventory(&live, std::slice::from_ref(&undone)).await.ok()?;
    let name = |table: &String| format!("{undone}.{table}");
    let names: Vec<String> = expected.keys().map(name).filter(|name| there.tables.contains_key(name)).collect();
    let found = databases.count_rows(&live, &names).await.ok()?;
    let (mut more, mut fewer) = (0, 0);
    for (table, were) in &expected {
        let are = found.get(&name(table)).copied().unwrap_or(0);
        (more, fewer) = (more + are.saturating_sub(*were), fewer + were.saturating_sub(are));
    }
    Some(format!("with {} more and {fewer} fewer than at the cutover", count(more, "row")))
}

fn made(is: bool, outputs: Outputs, detail: String) -> Outcome {
    match is {
        true => Ok(Progress::Done { outputs, detail }),
        false => Err(CloudError::Unknown {
            reason: "The database does not show what it was told to do. Look at the schemas there.".to_owned(),
        }),
    }
}

fn failed(hitch: Hitch) -> CloudError {
    match hitch {
        Hitch::Refused(reason) => CloudError::Permanent { reason },
        Hitch::Later(reason) => CloudError::Retryable { reason, after: None },
        Hitch::Unknown(reason) => CloudError::Unknown { reason },
    }
}

fn later(reason: String) -> CloudError {
    CloudError::Retryable { reason, after: None }
}

fn ended(done: &Done) -> Progress {
    let mut outputs = Outputs::from([("rows".to_owned(), done.count.to_string())]);
    if !done.issues.is_empty() {
        outputs.insert(ISSUE.to_owned(), done.issues.join("; "));
    }
    Progress::Done { outputs, detail: done.found.join("; ") }
}

async fn stage(session: Arc<Session>, call: Call, what: StageTenant, tools: Tools, tell: Teller) -> Outcome {
    let (live, tenant) = live(&session, &call, &what.of).await?;
    let told = |text: String| tell.tell(None, text);
    let staged = match &what.from {
        Origin::Instance { instance } => {
            let from = restored(&session, instance, &live).await?;
            tools.tenants.stage(&from, &live, &tenant, what.bring, &DumpedDefinitions, &told).await.map_err(failed)
        }
        Origin::Dump { bucket, key, load } => {
            tell.tell(None, "reading the dump");
            let dump = Loaded { session: &session, tools: &tools, call: &call, bucket, key, engine: what.of.engine };
            let found = dump.within(load, &what.of.secret, async |from: &Target| {
                tools.tenants.stage(from, &live, &tenant, what.bring, &DumpedDefinitions, &told).await.map_err(failed)
            });
            found.await
        }
    }?;
    let Staged { rows, notes } = staged;
    let all: u64 = rows.values().sum();
    let mut detail = format!(
        "{}, {} beside the live ones in {}, each the same as where it comes from",
        count(rows.len() as u64, "table"),
        count(all, "row"),
        tenant.stage()
    );
    for note in &notes {
        detail.push_str(&format!("; {note}"));
    }
    let outputs = Outputs::from([("rows".to_owned(), all.to_string())]);
    Ok(Progress::Done { outputs, detail })
}

/// A restored instance, with the login of its source.
async fn restored(session: &Session, instance: &str, live: &Target) -> Result<Target, CloudError> {
    let Some(found) = restore_database::describe(session, instance).await? else {
        return Err(permanent(format!(
            "Instance {instance} does not exist, so no rows come from it. Restore it again."
        )));
    };
    let Some((host, port)) = restore_database::endpoint(&found) else {
        return Err(later(format!("RDS tells no endpoint of {instance} yet.")));
    };
    Ok(Target { host, port, ..live.clone() })
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_lacks_what_came_back_refutes_and_a_few_deleted_rows_do_not() {
        let expected = |rows: u64| BTreeMap::from([("wp_posts".to_owned(), rows)]);
        for (rows, found, holds) in [
            (20_000, 20_000, true),
            (20_000, 19_980, true),
            (20_000, 19_979, false),
            (2, 2, true),
            (2, 0, false),
            (12, 2, true),
            (0, 0, true),
        ] {
            let told = counted(&expected(rows), |_| found);
            assert_eq!(matches!(told, Progress::Done { .. }), holds, "{found} of {rows}: {told:?}");
        }
        let Progress::Refuted { reason, .. } = counted(&expected(2), |_| 0) else { panic!("it is refuted") };
        assert!(reason.contains("wp_posts has 0 rows of the 2 that came back"), "{reason}");
    }
}
