//! Steps that look at an environment as a whole: the inventory, and the lags. They read AWS and the ledger, change nothing,
//! and answer with a report beside their verdict.

use std::time::Duration;

use super::{
    inventory::{Seen, Tally, findings, verdict},
    sides,
};
use crate::{
    domain::{
        active::Active,
        attachment::{Attachment, Chart, Report, Series, Table},
        drill::{
            self, Form, SCORE,
            ready::{self, Tick},
        },
        environment::Environment,
        lag::{Measurements, Side},
        mark::{Mark, MarkKind, Sample},
        moment::{Moment, spoken},
        operations::bisect,
        point::{Point, PointQuery},
        readiness::{self, Readiness},
        retention,
        step::{Action, ISSUE, Outputs},
        text::count,
    },
    ports::{
        cloud::{Call, Cloud, CloudError, Progress},
        store::{Filter, Store, StoreError},
    },
};

const DAY: u64 = 86_400;
/// Operations looked through for backups of the last 14 days.
const OPERATIONS: u32 = 5_000;

/// Carries out the step. `Err(CloudError)` within is AWS's.
///
/// # Errors
/// The ledger's.
pub async fn look(
    cloud: &dyn Cloud,
    store: &dyn Store,
    call: &Call,
) -> Result<Result<Progress, CloudError>, StoreError> {
    let env = &call.environment;
    if let Action::BisectReport(what) = &call.action {
        let report = bisect::report(&env.name, what, &call.inputs, call.intended);
        let found = report.breaches.first().cloned().unwrap_or_default();
        return Ok(Ok(progress(report, &found)));
    }
    let active = Active::of(&store.marks(&env.name, Some(MarkKind::Active)).await?);
    if matches!(call.action, Action::ReadinessReport(_)) {
        let found = sides::readiness(cloud, store, env, &active, &call.requester).await?;
        let unready = unready(store, call).await?;
        return Ok(found.map(|found| begun(infrastructure(env, &found), unready.as_deref())));
    }
    if matches!(call.action, Action::ObstacleReport(_)) {
        let found = sides::readiness(cloud, store, env, &active, &call.requester).await?;
        return Ok(found.map(|found| obstacles(env, &active, &found)));
    }
    if let Action::TwinReport(what) = &call.action {
        let found = sides::readiness(cloud, store, env, &active, &call.requester).await?;
        let unready = unready(store, call).await?;
        return Ok(found.map(|found| begun(twin(env, &found, what.seed), unready.as_deref())));
    }
    let env = &*active.environment(env);
    let measurements = match cloud.measurements(env, &call.requester).await {
        Ok(measurements) => measurements,
        Err(error) => return Ok(Err(error)),
    };
    // Ages are told as of the moment that was measured.
    let now = measurements.at;
    if matches!(call.action, Action::ReplicationReport(_)) {
        let samples = store.samples(&env.name, now - Duration::from_secs(7 * DAY)).await?;
        return Ok(Ok(progress(replication(env, &measurements, &samples, now), &late(env, &measurements, now))));
    }
    let marks = store.marks(&env.name, None).await?;
    let mut tally = Tally::new(env, now);
    let left_out = match cloud.points(env, &PointQuery::default(), &call.requester, &mut |page| tally.page(&page)).await
    {
        Ok(left_out) => left_out,
        Err(error) => return Ok(Err(error)),
    };
    let filter = Filter { environment: Some(env.name.clone()), states: Vec::new(), limit: OPERATIONS };
    let (keys, ours) = (cloud.keys(env, &call.requester).await, store.list(&filter).await?);
    let unread = &left_out.unread;
    let seen =
        Seen { env, measurements: &measurements, tally: &tally, unread, keys: &keys, marks: &marks, ours: &ours };
    let report = seen.report(now);
    let found = findings(&report.breaches);
    Ok(Ok(progress(report, &format!("{found} in the inventory"))))
}

/// What nobody ticked before this drill began; none where people get ready for none of its form.
async fn unready(store: &dyn Store, call: &Call) -> Result<Option<Vec<Tick>>, StoreError> {
    let run = store.load(&call.operation).await?;
    let form = run.and_then(|run| Form::named(&run.op.plan.scope));
    let Some(form) = form.filter(|form| ready::asked(&call.environment.name, *form)) else { return Ok(None) };
    Ok(Some(ready::open(&store.marks(&call.environment.name, Some(MarkKind::Drill)).await?, form)))
}

/// The first step of a drill says what was not ready.
fn begun(looked: Progress, unready: Option<&[Tick]>) -> Progress {
    match (looked, unready) {
        (Progress::Done { mut outputs, detail }, Some(open)) => {
            if let Some(mut report) = Report::of(&outputs) {
                report.text.push_str(&format!(" {}", ready::told_open(open)));
                outputs.extend([report.to_output()]);
            }
            outputs.extend([ready::output(open)]);
            Progress::Done { outputs, detail }
        }
        (looked, _) => looked,
    }
}

/// What stands in the way of a failover.
fn obstacles(env: &Environment, active: &Active, found: &Readiness) -> Progress {
    let (never, risky) = readiness::obstacles(env, active, found);
    let verdict = match (never.is_empty(), risky.is_empty()) {
        (false, _) => "a failover is not possible",
        (true, false) => "a failover would be risky",
        (true, true) => "nothing stands in the way of a failover",
    };
    let health = found.health().word();
    let text = format!("*Disaster recovery of {}*: {verdict}. {} is {health}.", env.name, env.primary_region);
    let breaches = never.into_iter().chain(risky).collect();
    progress(Report { text, attachment: Attachment::default(), breaches }, verdict)
}

/// A twin of what was read, and what happens to it.
fn twin(env: &Environment, found: &Readiness, seed: u32) -> Progress {
    let script = serde_json::to_string(&drill::script::script(env, found, seed)).unwrap_or_default();
    let report = Report { breaches: Vec::new(), ..drill::look::report(env, &drill::look::points(env, found)) };
    let text = format!(
        "*The twin is made* of what was read at {}. What happens to it from now on is made up.",
        found.at.clock()
    );
    let outputs = [(drill::script::SCRIPT.to_owned(), script), Report { text, ..report }.to_output()];
    Progress::Done { outputs: outputs.into(), detail: format!("as of {}", found.at.clock()) }
}

/// All that a failover stands on.
fn infrastructure(env: &Environment, found: &Readiness) -> Progress {
    let points = drill::look::points(env, found);
    let score = drill::look::score(&points);
    let answer = progress(drill::look::report(env, &points), &format!("{score} points hold"));
    match answer {
        Progress::Done { mut outputs, detail } => {
            outputs.insert(SCORE.to_owned(), score);
            Progress::Done { outputs, detail }
        }
        other => other,
    }
}

/// A report that was made is an answer, whatever it found: `found` says that in a few words.
fn progress(report: Report, found: &str) -> Progress {
    let mut outputs: Outputs = [report.to_output()].into();
    if report.breaches.is_empty() {
        return Progress::Done { outputs, detail: "everything holds".to_owned() };
    }
    outputs.insert(ISSUE.to_owned(), found.to_owned());
    Progress::Done { outputs, detail: found.to_owned() }
}

/// How many copies are late, or not known to be in time: `9 of 12 copies late, 1 of unknown age`.
fn late(env: &Environment, measurements: &Measurements, now: Moment) -> String {
    let all = &measurements.components;
    let unknown = all.iter().filter(|component| component.lag(now).is_none()).count();
    let late = all
        .iter()
        .filter(|component| !component.within(env.promise_of(component).rpo, now))
        .count()
        .saturating_sub(unknown);
    let of = format!("of {}", count(all.len(), "copy"));
    match (late, unknown) {
        (0, 0) => "nothing to measure".to_owned(),
        (0, unknown) => format!("{unknown} {of} of unknown age"),
        (late, 0) => format!("{late} {of} late"),
        (late, unknown) => format!("{late} {of} late, {unknown} of unknown age"),
    }
}

/// Lag of every component against its RPO, with the last week as a chart.
pub fn replication(env: &Environment, measurements: &Measurements, samples: &[Sample], now: Moment) -> Report {
    let mut breaches = Vec::new();
    let mut rows = Vec::new();
    let mut lags = Vec::new();
    let mut worst: Option<Duration> = Some(Duration::ZERO);
    for component in &measurements.components {
        let (lag, rpo) = (component.lag(now), env.promise_of(component).rpo);
        lags.push((component.name(), lag.map(|l| l.as_secs())));
        // What the primary region keeps is lost with it.
        if component.side == Side::Dr || !env.replicates() {
            worst = worst.zip(lag).map(|(a, b)| a.max(b));
        }
        let said = lag.map_or_else(|| "unknown".to_owned(), spoken);
        let holds = component.within(rpo, now);
        if !holds {
            breaches.push(match &component.safe {
                Ok(_) => format!(
                    "{} is {said} behind; its RPO is {}. {}",
                    component.name(),
                    spoken(rpo),
                    match component.side {
                        Side::Dr => "Look at what holds its copies up.",
                        Side::Primary => "Back it up.",
                    }
                ),
                Err(why) => {
                    format!("How far {} is behind is unknown, which counts as a breach: {why}", component.name())
                }
            });
        }
        rows.push(vec![component.name(), said, spoken(rpo), if holds { "kept" } else { "BREACH" }.to_owned()]);
    }
    if measurements.components.is_empty() {
        breaches.push(format!("`{}` declares nothing that could be measured.", env.name));
        worst = None;
    }
    let worst = worst.map_or_else(|| "unknown".to_owned(), spoken);
    let text = format!(
        "*Replication of {}*: were the primary region lost now, the worst component would lose {worst}; the RPO is {}.\n{}",
        env.name,
        spoken(env.rpo.0),
        verdict(&breaches),
    );
    let columns = ["Component", "Behind", "RPO", "Verdict"].map(str::to_owned).to_vec();
    let table = Table { caption: format!("Lag of {}", env.name), columns, rows, offers: Vec::new() };
    let chart = chart(env, samples, &lags, now);
    Report { text, attachment: Attachment { table: Some(table), chart, offers: Vec::new() }, breaches }
}

/// Slots of a chart.
const SLOTS: u64 = 24;
/// Lines of a chart.
const LINES: usize = 12;

/// The worst lag in each slot: of the last day while there is no more, else of the last week. Ends with what was measured now.
pub(super) fn chart(
    env: &Environment,
    samples: &[Sample],
    lags: &[(String, Option<u64>)],
    now: Moment,
) -> Option<Chart> {
    let oldest = samples.iter().map(|s| s.at).min()?;
    let week = now.since(oldest) > Duration::from_secs(DAY);
    let span = if week { 7 * DAY } else { DAY };
    let (slot, begin) = (span / SLOTS, now - Duration::from_secs(span));
    let index = |at: Moment| usize::try_from(at.since(begin).as_secs() / slot).map_or(usize::MAX, |i| i);
    let slots = usize::try_from(SLOTS).unwrap_or(24);
    let mut series = Vec::new();
    for (name, last) in lags.iter().take(LINES) {
        let mut values: Vec<Option<u64>> = vec![None; slots];
        let minutes = |seconds: u64| seconds / 60;
        for sample in samples.iter().filter(|s| s.component == *name && s.at >= begin) {
            if let Some(value) = values.get_mut(index(sample.at)) {
                *value = (*value).max(sample.lag.map(minutes));
            }
        }
        if let (Some(value), Some(last)) = (values.last_mut(), last) {
            *value = (*value).max(Some(minutes(*last)));
        }
        series.push(Series { name: name.clone(), values });
    }
    let label = |n: u64| {
        let at = (begin + Duration::from_secs((n + 1) * slot)).iso();
        if week { format!("{} {}", &at[5..10], &at[11..16]) } else { at[11..16].to_owned() }
    };
    let title = format!("Lag of {}, last {}", env.name, if week { "week" } else { "day" });
    let title = title.chars().take(50).collect();
    Some(Chart { title, unit: "minutes".to_owned(), categories: (0..SLOTS).map(label).collect(), series })
}

/// Whether a point was ever restored and validated, for a list.
pub fn tested_ago(point: &Point, marks: &[Mark], now: Moment) -> String {
    retention::tested(point, marks).map_or_else(|| "never".to_owned(), |m| format!("{} ago", spoken(now.since(m.at))))
}
