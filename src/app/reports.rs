//! Steps that look at an environment as a whole: the inventory, and the lags. They read AWS and the ledger, change nothing,
//! and answer with a report beside their verdict.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    domain::{
        active::Active,
        attachment::{Attachment, Chart, Report, Series, Table},
        environment::Environment,
        lag::{Measurements, Side},
        mark::{Mark, MarkKind, Sample},
        moment::{Moment, spoken},
        operations::bisect,
        point::{Point, PointKind, PointQuery},
        retention,
        step::{Action, ISSUE, Outputs},
        text::{count, escape},
    },
    ports::{
        cloud::{Call, Cloud, CloudError, Progress},
        store::{Store, StoreError},
    },
};

const DAY: u64 = 86_400;
/// Success rate of backup jobs below which it is said, in per cent.
const GOOD: u64 = 95;
/// Names told of one kind of finding; the rest is counted.
const NAMED: usize = 10;

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
    let env = &*Active::of(&store.marks(&env.name, Some(MarkKind::Active)).await?).environment(env);
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
    let report = inventory(env, &measurements, &tally, &left_out.unread, &marks, now);
    let found = findings(&report.breaches);
    Ok(Ok(progress(report, &format!("{found} in the inventory"))))
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

fn findings(breaches: &[String]) -> String {
    count(breaches.len(), "finding")
}

/// How many copies are late, or not known to be in time: `9 of 12 copies late, 1 of unknown age`.
fn late(env: &Environment, measurements: &Measurements, now: Moment) -> String {
    let all = &measurements.components;
    let unknown = all.iter().filter(|component| component.lag(now).is_none()).count();
    let late = all.iter().filter(|component| !component.within(env.rpo.0, now)).count().saturating_sub(unknown);
    let of = format!("of {}", count(all.len(), "copy"));
    match (late, unknown) {
        (0, 0) => "nothing to measure".to_owned(),
        (0, unknown) => format!("{unknown} {of} of unknown age"),
        (late, 0) => format!("{late} {of} late"),
        (late, unknown) => format!("{late} {of} late, {unknown} of unknown age"),
    }
}

/// What is known of one resource's points in one region, whatever their number.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Row {
    usable: u64,
    unusable: u64,
    newest: Option<Moment>,
    oldest: Option<Moment>,
    bytes: u64,
    overdue: u64,
    unencrypted: u64,
    early: u64,
}

/// Counts recovery points as they come. Its size depends on the number of resources, not of points.
#[derive(Debug)]
pub struct Tally<'e> {
    env: &'e Environment,
    now: Moment,
    rows: BTreeMap<(PointKind, String, Side), Row>,
}

impl<'e> Tally<'e> {
    /// Nothing counted yet.
    pub fn new(env: &'e Environment, now: Moment) -> Tally<'e> {
        Tally { env, now, rows: BTreeMap::new() }
    }

    /// Counts a page.
    pub fn page(&mut self, points: &[Point]) {
        for point in points {
            self.count(point);
        }
    }

    /// How many points were counted.
    pub fn total(&self) -> u64 {
        self.rows.values().map(|r| r.usable + r.unusable).sum()
    }

    fn count(&mut self, point: &Point) {
        let side = if point.region == self.env.primary_region { Side::Primary } else { Side::Dr };
        let row = self.rows.entry((point.kind, point.resource.clone(), side)).or_default();
        if !point.usable() {
            row.unusable += 1;
            return;
        }
        row.usable += 1;
        row.bytes = row.bytes.saturating_add(point.bytes.unwrap_or(0));
        row.newest = row.newest.max(Some(point.created));
        row.oldest = Some(row.oldest.map_or(point.created, |oldest| oldest.min(point.created)));
        row.unencrypted += u64::from(!point.encrypted);
        let days = |n: u32| Duration::from_secs(u64::from(n) * DAY);
        // A day's grace: AWS deletes within a day of the expiry.
        let promised = point.retention_days.map(|n| point.created + days(n) + days(1));
        row.overdue += u64::from(promised.is_some_and(|until| until < self.now));
        let floor = point.created + days(self.env.retention_days.min);
        row.early += u64::from(point.expires.is_some_and(|at| at < floor));
    }
}

/// What is protected against what exists; counts; retention; success rate.
pub fn inventory(
    env: &Environment,
    measurements: &Measurements,
    tally: &Tally<'_>,
    unread: &[String],
    marks: &[Mark],
    now: Moment,
) -> Report {
    let mut breaches: Vec<String> = unread.iter().map(|why| format!("Not everything could be read: {why}")).collect();
    match measurements.unprotected(env) {
        Ok(found) => breaches.extend(found.iter().map(|e| {
            let name = if e.name == e.id { String::new() } else { format!(" ({})", e.name) };
            format!("{} {}{name} exists and is protected by nothing: add it to bbws.toml.", e.kind, e.id)
        })),
        Err(why) => breaches.push(format!("Nobody knows what exists in the account: {why}")),
    }
    let with_points: BTreeSet<(PointKind, &str, Side)> =
        tally.rows.iter().filter(|(_, r)| r.usable > 0).map(|((k, r, l), _)| (*k, r.as_str(), *l)).collect();
    for component in &measurements.components {
        // What AWS replicates by itself has no points of its own.
        let has = with_points.contains(&(component.kind, component.resource.as_str(), component.side));
        if !has && component.safe.is_err() {
            breaches.push(format!(
                "{} has no usable recovery point. Make one: `/bbws backup create {} {}`.",
                component.name(),
                env.name,
                component.kind
            ));
        }
    }
    for ((kind, resource, side), row) in &tally.rows {
        let place = if *side == Side::Dr { " in DR" } else { "" };
        for (n, what, more) in [
            (row.unusable, ["is not usable", "are not usable"], " (partial, expired or failed)"),
            (row.unencrypted, ["is not encrypted", "are not encrypted"], ""),
            (row.early, ["expires before the floor", "expire before the floor"], ""),
        ] {
            if n > 0 {
                let what = what[usize::from(n != 1)];
                let points = count(n, "recovery point");
                breaches.push(format!("{points} of {kind} {resource}{place} {what}{more}."));
            }
        }
    }
    let jobs = match (measurements.success_rate(), &measurements.jobs) {
        (Some(rate), _) => {
            if rate < GOOD {
                breaches.push(format!("Only {rate} % of the backup jobs of the last 14 days completed. AWS Backup says under Jobs why the others did not."));
            }
            format!(
                "{rate} % of the backup jobs of the last 14 days completed (expired, aborted and partial ones count as failed)"
            )
        }
        (None, Ok(_)) => "AWS Backup ran no jobs in the last 14 days".to_owned(),
        (None, Err(why)) => {
            breaches.push(format!("Nobody knows how the jobs of the last 14 days ended: {why}"));
            "the outcome of the last 14 days' jobs is unknown".to_owned()
        }
    };
    let overdue: u64 = tally.rows.values().map(|r| r.overdue).sum();
    let held = marks.iter().filter(|m| m.kind == MarkKind::Hold).count();
    let tested = tested(env, marks, now);
    let text = format!(
        "*Inventory of {}*: {} of {}; {jobs}; {overdue} kept longer than promised; {}; {tested}.\n{}",
        env.name,
        count(tally.total(), "recovery point"),
        count(tally.rows.keys().map(|(k, r, _)| (k, r)).collect::<BTreeSet<_>>().len(), "resource"),
        count(held, "hold"),
        verdict(&breaches),
    );
    Report { text, attachment: Attachment { table: Some(table(tally, now)), ..Attachment::default() }, breaches }
}

/// When what can be restored for a test was.
pub(super) fn tested(env: &Environment, marks: &[Mark], now: Moment) -> String {
    let resources = env.databases.iter().map(|d| &d.id).chain(env.file_systems.iter().map(|f| &f.id));
    let (mut never, mut oldest) = (Vec::new(), None::<Moment>);
    for resource in resources {
        let of = |m: &&Mark| m.tested_resource() == Some(resource);
        match marks.iter().filter(of).map(|m| m.at).max() {
            Some(at) => oldest = Some(oldest.map_or(at, |known| known.min(at))),
            None => never.push(resource.as_str()),
        }
    }
    match (never.is_empty(), oldest) {
        (true, Some(at)) => {
            format!("every database and file system was restore-tested, none longer ago than {}", spoken(now.since(at)))
        }
        (true, None) => "nothing to restore for a test".to_owned(),
        (false, _) => {
            let more = if never.len() > NAMED { format!(" and {} more", never.len() - NAMED) } else { String::new() };
            never.truncate(NAMED);
            format!("never restore-tested: {}{more}", escape(&never.join(", ")))
        }
    }
}

/// Whether everything holds. What does not is named once, with the outcome.
fn verdict(breaches: &[String]) -> String {
    if breaches.is_empty() {
        return "Everything that was looked at holds.".to_owned();
    }
    format!("{}, named with the outcome.", findings(breaches))
}

fn table(tally: &Tally<'_>, now: Moment) -> Table {
    let ago = |at: Option<Moment>| at.map_or_else(|| "—".to_owned(), |at| spoken(now.since(at)));
    let rows = tally
        .rows
        .iter()
        .map(|((kind, resource, side), row)| {
            vec![
                kind.to_string(),
                resource.clone(),
                if *side == Side::Dr { "DR" } else { "primary" }.to_owned(),
                row.usable.to_string(),
                row.unusable.to_string(),
                ago(row.newest),
                ago(row.oldest),
                size(row.bytes),
                row.overdue.to_string(),
            ]
        })
        .collect();
    let columns = ["Type", "Resource", "Region", "Usable", "Not usable", "Newest", "Oldest", "Size", "Overdue"];
    let caption = format!("Recovery points of {}", tally.env.name);
    Table { caption, columns: columns.map(str::to_owned).to_vec(), rows, offers: Vec::new() }
}

/// Bytes as people read them: `42.0 GiB`.
pub fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes;
    let mut tenths = 0;
    let mut unit = 0;
    while value >= 1024 && unit + 1 < units.len() {
        tenths = value % 1024 * 10 / 1024;
        value /= 1024;
        unit += 1;
    }
    if unit == 0 { format!("{value} B") } else { format!("{value}.{tenths} {}", units[unit]) }
}

/// Lag of every component against its RPO, with the last week as a chart.
pub fn replication(env: &Environment, measurements: &Measurements, samples: &[Sample], now: Moment) -> Report {
    let rpo = env.rpo.0;
    let mut breaches = Vec::new();
    let mut rows = Vec::new();
    let mut lags = Vec::new();
    let mut worst: Option<Duration> = Some(Duration::ZERO);
    for component in &measurements.components {
        let lag = component.lag(now);
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
        spoken(rpo),
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
fn chart(env: &Environment, samples: &[Sample], lags: &[(String, Option<u64>)], now: Moment) -> Option<Chart> {
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
