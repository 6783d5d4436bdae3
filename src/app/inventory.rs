//! The inventory of an environment: what is protected against what exists, how long it is kept, what it takes, and what of that falls
//! short, the worst first.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::domain::{
    attachment::{Attachment, Report, Table},
    environment::Environment,
    lag::{AwsPlan, Measurements, Side},
    mark::{Mark, MarkKind},
    moment::{Moment, spoken},
    operation::{Operation, State},
    operations::{self, schedule},
    point::{Point, PointKind},
    text::{count, escape},
    world::{KeyFound, Rotation},
};

const DAY: u64 = 86_400;
/// Success rate of backups below which it is said, in per cent.
const GOOD: u64 = 95;
/// Names told of one kind of finding; the rest is counted.
const NAMED: usize = 10;
/// Plans told one by one.
const PLANS: usize = 5;
/// How far back AWS Backup counts its jobs, and this counts ours.
const FORTNIGHT: Duration = Duration::from_secs(14 * DAY);
/// What was made in this time is how much more there is each month.
const MONTH: Duration = Duration::from_secs(30 * DAY);
const GIB: u128 = 1 << 30;

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
    /// Expire before what was promised of them.
    short: u64,
    /// Of the last month, usable or not yet.
    fresh: u64,
    fresh_short: u64,
    fresh_bytes: u64,
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
        // AWS counts whole days, so that an expiry may lie some hours before the promise.
        let until = point.retention_days.map(|n| point.created + days(n.saturating_sub(1)));
        let short = u64::from(point.expires.zip(until).is_some_and(|(at, until)| at < until));
        row.short += short;
        if self.now.since(point.created) <= MONTH {
            row.fresh += 1;
            row.fresh_short += short;
            row.fresh_bytes = row.fresh_bytes.saturating_add(point.bytes.unwrap_or(0));
        }
    }
}

/// What was found of an environment.
pub struct Seen<'a> {
    /// Environment.
    pub env: &'a Environment,
    /// What was measured.
    pub measurements: &'a Measurements,
    /// Its recovery points, counted.
    pub tally: &'a Tally<'a>,
    /// What of them could not be read, in sentences.
    pub unread: &'a [String],
    /// The keys that what is kept is encrypted under.
    pub keys: &'a [KeyFound],
    /// What the ledger remembers.
    pub marks: &'a [Mark],
    /// Its operations, newest first.
    pub ours: &'a [Operation],
}

/// How bad a gap is: the earlier, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    /// Something cannot be brought back at all.
    Unprotected,
    /// What there is goes too early, or others can read it.
    Weak,
    /// Nobody knows.
    Unknown,
    /// Backups fail, or are made only when somebody asks.
    Unsure,
    /// A rule of good housekeeping is not kept.
    Housekeeping,
}

impl Seen<'_> {
    /// Everything, with what falls short named in the order in which it should be mended.
    pub fn report(&self, now: Moment) -> Report {
        let mut gaps = self.gaps();
        let jobs = self.jobs(&mut gaps);
        let ours = self.own_backups(now, &mut gaps);
        let keys = self.rotation(&mut gaps);
        let plans = self.plans(&mut gaps);
        gaps.sort_by_key(|(gap, _)| *gap);
        let breaches: Vec<String> = gaps.into_iter().map(|(_, said)| said).collect();
        let (env, tally) = (self.env, self.tally);
        let overdue: u64 = tally.rows.values().map(|r| r.overdue).sum();
        let held = self.marks.iter().filter(|m| m.kind == MarkKind::Hold).count();
        let lines = [
            format!(
                "*Inventory of {}*: {} of {}; {jobs}; {ours}; {overdue} kept longer than promised; {}; {}.",
                env.name,
                count(tally.total(), "recovery point"),
                count(tally.rows.keys().map(|(k, r, _)| (k, r)).collect::<BTreeSet<_>>().len(), "resource"),
                count(held, "hold"),
                tested(env, self.marks, now),
            ),
            storage(env, tally),
            audit(tally),
            plans,
            keys,
            verdict(&breaches),
        ];
        let text = lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
        Report { text, attachment: Attachment { table: Some(table(tally, now)), ..Attachment::default() }, breaches }
    }

    /// What is not protected, not as it should be, or not known.
    fn gaps(&self) -> Vec<(Gap, String)> {
        let (env, tally) = (self.env, self.tally);
        let unread = self.unread.iter().map(|why| (Gap::Unknown, format!("Not everything could be read: {why}")));
        let mut gaps: Vec<(Gap, String)> = unread.collect();
        match self.measurements.unprotected(env) {
            Ok(found) => gaps.extend(found.iter().map(|e| {
                let name = if e.name == e.id { String::new() } else { format!(" ({})", e.name) };
                let said =
                    format!("{} {}{name} exists and is protected by nothing: add it to bbws.toml.", e.kind, e.id);
                (Gap::Unprotected, said)
            })),
            Err(why) => gaps.push((Gap::Unknown, format!("Nobody knows what exists in the account: {why}"))),
        }
        let with_points: BTreeSet<(PointKind, &str, Side)> =
            tally.rows.iter().filter(|(_, r)| r.usable > 0).map(|((k, r, l), _)| (*k, r.as_str(), *l)).collect();
        for component in &self.measurements.components {
            // What AWS replicates by itself has no points of its own.
            let has = with_points.contains(&(component.kind, component.resource.as_str(), component.side));
            if !has && component.safe.is_err() {
                let (name, kind) = (component.name(), component.kind);
                let make = format!("`/bbws backup create {} {kind}`", env.name);
                gaps.push((Gap::Unprotected, format!("{name} has no usable recovery point. Make one: {make}.")));
            }
        }
        for ((kind, resource, side), row) in &tally.rows {
            let place = if *side == Side::Dr { " in DR" } else { "" };
            for (n, what, more) in [
                (row.unusable, ["is not usable", "are not usable"], " (partial, expired or failed)"),
                (row.unencrypted, ["is not encrypted", "are not encrypted"], ""),
                (row.early, ["expires before the floor", "expire before the floor"], ""),
                (row.short, ["expires before what was promised of it", "expire before what was promised of them"], ""),
            ] {
                if n > 0 {
                    let what = what[usize::from(n != 1)];
                    let points = count(n, "recovery point");
                    gaps.push((Gap::Weak, format!("{points} of {kind} {resource}{place} {what}{more}.")));
                }
            }
        }
        gaps
    }

    /// How the jobs of AWS Backup ended.
    fn jobs(&self, gaps: &mut Vec<(Gap, String)>) -> String {
        match (self.measurements.success_rate(), &self.measurements.jobs) {
            (Some(rate), _) => {
                if rate < GOOD {
                    let why = "AWS Backup says under Jobs why the others did not.";
                    let said = format!("Only {rate} % of the backup jobs of the last 14 days completed. {why}");
                    gaps.push((Gap::Unsure, said));
                }
                format!(
                    "{rate} % of the backup jobs of the last 14 days completed (expired, aborted and partial ones count as failed)"
                )
            }
            (None, Ok(_)) => "AWS Backup ran no jobs in the last 14 days".to_owned(),
            (None, Err(why)) => {
                gaps.push((Gap::Unknown, format!("Nobody knows how the jobs of the last 14 days ended: {why}")));
                "the outcome of the last 14 days' jobs is unknown".to_owned()
            }
        }
    }

    /// How the backups that bbws made ended. One that somebody cancelled or refused proves nothing either way.
    fn own_backups(&self, now: Moment, gaps: &mut Vec<(Gap, String)>) -> String {
        let ended = |op: &&Operation| op.ended.is_some_and(|at| now.since(at) <= FORTNIGHT);
        let backups = self.ours.iter().filter(ended).filter(|op| operations::of(op.kind()).backs_up());
        let (mut good, mut bad) = (0_u64, 0_u64);
        for op in backups {
            match op.state {
                State::Succeeded => good += 1,
                State::Failed | State::NeedsAttention | State::RolledBack => bad += 1,
                State::AwaitingApproval
                | State::Queued
                | State::Running
                | State::Paused
                | State::Waiting
                | State::Stopped
                | State::Rejected
                | State::Expired
                | State::Cancelled => {}
            }
        }
        if good + bad == 0 {
            return "bbws made no backups in the last 14 days".to_owned();
        }
        let rate = good * 100 / (good + bad);
        if rate < GOOD {
            let list = format!("`/bbws op list {}`", self.env.name);
            let said = format!(
                "Only {rate} % of the backups by bbws in the last 14 days succeeded. {list} shows which did not."
            );
            gaps.push((Gap::Unsure, said));
        }
        format!("{good} of {} by bbws in the last 14 days succeeded", count(good + bad, "backup"))
    }

    /// Whether the keys under which backups lie get new material each year.
    fn rotation(&self, gaps: &mut Vec<(Gap, String)>) -> String {
        let mut rotated = 0;
        for key in self.keys {
            let (name, id) = (&key.name, &key.id);
            match &key.rotation {
                Ok(Rotation::ByAws | Rotation::Every(_)) => rotated += 1,
                Ok(Rotation::Off) => gaps.push((
                    Gap::Housekeeping,
                    format!("The key of {name} is never rotated. Switch that on: `aws kms enable-key-rotation --region {} --key-id {id}`.", key.region),
                )),
                Ok(Rotation::Impossible(why)) => gaps.push((
                    Gap::Housekeeping,
                    format!("The key of {name} is not rotated by AWS: {why} Rotate it by hand, under another key."),
                )),
                Err(why) => gaps.push((
                    Gap::Unknown,
                    format!("Whether the key of {name} is rotated is unknown: {why}"),
                )),
            }
        }
        match self.keys.len() {
            0 => String::new(),
            all => format!("Keys: {rotated} of {all} are rotated by AWS."),
        }
    }

    /// The plans of AWS Backup, ours and others', and what none of them names.
    fn plans(&self, gaps: &mut Vec<(Gap, String)>) -> String {
        let env = self.env;
        let plans = match &self.measurements.plans {
            Ok(plans) => plans,
            Err(why) => {
                gaps.push((Gap::Unknown, format!("Which plans AWS Backup has is unknown: {why}")));
                return "Plans of AWS Backup: unknown.".to_owned();
            }
        };
        let databases = env.databases.iter().map(|d| (PointKind::Rds, d.id.as_str(), env.database_arn(&d.id)));
        let files = env.file_systems.iter().map(|f| (PointKind::Efs, f.name.as_str(), env.file_system_arn(&f.id)));
        let buckets = env.buckets.iter().filter(|_| env.backup_plan.as_ref().is_some_and(|further| further.buckets));
        let buckets = buckets.map(|b| (PointKind::S3, b.name.as_str(), Environment::bucket_arn(&b.name)));
        let unnamed =
            databases.chain(files).chain(buckets).filter(|(_, _, arn)| !plans.iter().any(|plan| plan.may_protect(arn)));
        let unnamed: Vec<String> = unnamed.map(|(kind, name, _)| format!("{kind} {name}")).collect();
        // Only where the config promises a schedule is AWS Backup expected to keep one.
        if env.schedule.is_some() && !unnamed.is_empty() {
            let (name, things) = (&env.name, unnamed.join(", "));
            let next = match plans.iter().any(|plan| plan.name == env.plan_name()) {
                true => format!("`/bbws backup schedule {name} update --type efs` adds what the config says."),
                false => format!("`/bbws backup schedule {name} create` makes one."),
            };
            gaps.push((
                Gap::Unsure,
                format!("No plan of AWS Backup names {things}: backups are made only when somebody asks. {next}"),
            ));
        }
        if plans.is_empty() {
            return "Plans of AWS Backup: none.".to_owned();
        }
        let told = |plan: &AwsPlan| {
            let whose = if plan.name == env.plan_name() { "" } else { ", not made by bbws" };
            format!("`{}`{whose}: {}", escape(&plan.name.replace('`', "'")), escape(&schedule::describe(&plan.spec)))
        };
        let mut lines: Vec<String> = plans.iter().take(PLANS).map(told).collect();
        if plans.len() > PLANS {
            lines.push(format!("{} more", plans.len() - PLANS));
        }
        format!("Plans of AWS Backup: {}.", lines.join(" · "))
    }
}

/// What recovery points take, how much of that is new, and what it costs a month by the prices of the config.
fn storage(env: &Environment, tally: &Tally<'_>) -> String {
    let sum = |of: fn(&Row) -> u64| tally.rows.values().map(of).fold(0_u64, u64::saturating_add);
    let (bytes, fresh) = (sum(|row| row.bytes), sum(|row| row.fresh_bytes));
    let mut priced: u128 = 0;
    let mut unpriced = BTreeSet::new();
    for ((kind, _, _), row) in tally.rows.iter().filter(|(_, row)| row.bytes > 0) {
        match env.prices.get(kind.as_str()) {
            Some(price) => priced += u128::from(row.bytes) * u128::from(price.0) / GIB,
            None => drop(unpriced.insert(kind.as_str())),
        }
    }
    let cost = match (priced, unpriced.is_empty()) {
        (0, _) => "what that costs is not known, since the config names no `prices`".to_owned(),
        (micros, all) => {
            let cents = micros / 10_000;
            let without =
                if all { String::new() } else { format!(", without {}", Vec::from_iter(unpriced).join(", ")) };
            format!("at most ${}.{:02} a month by the prices of the config{without}", cents / 100, cents % 100)
        }
    };
    format!("Storage: {} as AWS states it, {} of it of the last 30 days; {cost}.", size(bytes), size(fresh))
}

/// Whether what was made in the last month is kept as it was promised to be.
fn audit(tally: &Tally<'_>) -> String {
    let sum = |of: fn(&Row) -> u64| tally.rows.values().map(of).sum::<u64>();
    let (fresh, broken) = (sum(|row| row.fresh), sum(|row| row.fresh_short));
    match (fresh, broken) {
        (0, _) => "Retention of the last 30 days: nothing was made.".to_owned(),
        (fresh, 0) => format!(
            "Retention of the last 30 days: {} made, all of them kept as promised.",
            count(fresh, "recovery point")
        ),
        (fresh, broken) => format!(
            "Retention of the last 30 days: {} made, of which {broken} go earlier than promised.",
            count(fresh, "recovery point")
        ),
    }
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
pub(super) fn verdict(breaches: &[String]) -> String {
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

/// `3 findings`.
pub(super) fn findings(breaches: &[String]) -> String {
    count(breaches.len(), "finding")
}
