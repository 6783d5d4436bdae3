//! `backup list` and `backup schedule … list`: what there is in AWS, read page by page, shown a page at a time.

use std::collections::BTreeMap;

use super::{
    desk::{Desk, say},
    in_force,
    inventory::size,
    reports::tested_ago,
};
use crate::{
    domain::{
        active::Active,
        answers::backup_list,
        command::{Command, Does},
        confidence,
        environment::{Environment, Side, Tenant},
        language,
        mark::{Mark, MarkKind},
        moment::{Moment, spoken},
        operations::{
            delete,
            schedule::{self, ScheduleAct, own},
        },
        point::{Place, Point, PointKind, PointQuery, PointState},
        retention::{self, Guard},
        routine::{Due, Rhythm, Routine},
        schedule::Schedule,
        text::{count, escape},
    },
    ports::{
        chat::{Attachment, Level, Offer, Reply, Table},
        cloud::{CloudError, LeftOut, World},
        store::StoreError,
    },
};

/// Lines of one answer; older ones have a button.
const LINES: usize = 30;
/// Columns of the list: what decides whether a backup is of use comes first, since a phone shows no more.
const COLUMNS: [&str; 9] = ["Recovery point", "Age", "Expires", "Tested", "Kept by", "Of", "Size", "Here", "DR"];
/// Days the calendar of tiers looks ahead.
const CALENDAR: u32 = 400;
/// Lines of the calendar.
const CALENDAR_LINES: usize = 24;

/// Both copies of the same data.
#[derive(Debug, Clone, Default)]
struct Line {
    primary: Option<Point>,
    dr: Option<Point>,
}

impl Line {
    /// Every copy there is.
    fn both(&self) -> impl Iterator<Item = &Point> {
        [&self.primary, &self.dr].into_iter().flatten()
    }

    /// Whichever copy there is, the primary region's first.
    fn point(&self) -> Option<&Point> {
        self.primary.as_ref().or(self.dr.as_ref())
    }
}

/// The newest points of a stream of pages. Holds no more than it shows, however many there are.
#[derive(Debug)]
pub struct Newest<'q> {
    query: &'q PointQuery,
    tenant: Option<(&'q str, &'q Tenant)>,
    primary_region: &'q str,
    limit: usize,
    /// By time and key, the newest last.
    lines: BTreeMap<(Moment, String), Line>,
    seen: u64,
}

impl<'q> Newest<'q> {
    /// Nothing seen yet.
    pub fn new(
        query: &'q PointQuery,
        tenant: Option<(&'q str, &'q Tenant)>,
        primary_region: &'q str,
        limit: usize,
    ) -> Newest<'q> {
        Newest { query, tenant, primary_region, limit, lines: BTreeMap::new(), seen: 0 }
    }

    /// Points counted so far, copies included.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Takes a page in.
    pub fn page(&mut self, points: Vec<Point>) {
        for point in points {
            let whose = self.tenant.is_none_or(|(id, tenant)| holds(&point, id, tenant));
            if whose && self.query.wants(&point) {
                self.seen += 1;
                self.take(point);
            }
        }
    }

    fn take(&mut self, point: Point) {
        let key = point.key();
        // The copy of a snapshot may tell a time some seconds off its source's: it belongs to the same line all the same.
        let same = self.lines.iter().find(|((_, k), _)| *k == key).map(|(at, _)| at.clone());
        let at = same.unwrap_or((point.created, key));
        let line = self.lines.entry(at).or_default();
        let side = if point.region == self.primary_region { &mut line.primary } else { &mut line.dr };
        *side = Some(point);
        if self.lines.len() > self.limit {
            self.lines.pop_first();
        }
    }
}

/// Whether a point holds a tenant's data: made for it, or of a database or file system that it shares. Most places tell no tags
/// in a listing, so what the config says of the tenant decides.
pub(super) fn holds(point: &Point, id: &str, tenant: &Tenant) -> bool {
    let of = match point.kind {
        PointKind::Rds | PointKind::Dump => &tenant.database,
        PointKind::Efs => &tenant.file_system,
        PointKind::Secrets => &tenant.secrets_prefix,
        PointKind::Config | PointKind::S3 => &None,
    };
    match &point.tenant {
        Some(whose) => whose == id,
        None => of.as_ref() == Some(&point.resource),
    }
}

impl Desk {
    /// Answers `backup list`.
    pub(super) async fn backup_list(&self, command: &Command, by: &str) -> Result<Reply, StoreError> {
        let environment = command.environment().unwrap_or_default();
        let Some((active, env)) = self.planner.where_it_runs(environment).await? else {
            return Ok(say(Level::Error, format!("There is no environment `{}`.", escape(environment))));
        };
        let now = self.clock.now();
        let query = backup_list::query(command, now);
        let tenant = match backup_list::tenant(command).map(|id| env.tenant(id)).transpose() {
            Ok(tenant) => tenant,
            Err(why) => return Ok(say(Level::Warning, escape(&why))),
        };
        let mut newest = Newest::new(&query, tenant, &env.primary_region, LINES + 1);
        let read = self.planner.cloud().points(&env, &query, by, &mut |page| newest.page(page)).await;
        let left_out = match read {
            Ok(left_out) => left_out,
            Err(error) => return Ok(unreadable(environment, &error)),
        };
        let marks = self.store.marks(environment, None).await?;
        let mut reply = drawn(&env, command, &newest, &left_out, &marks, now);
        reply.text = elsewhere(&active, &env) + &reply.text;
        Ok(reply)
    }

    /// Answers `backup schedule … list`.
    pub(super) async fn schedule_list(&self, environment: &str, by: &str) -> Result<Reply, StoreError> {
        let Some((active, env)) = self.planner.where_it_runs(environment).await? else {
            return Ok(say(Level::Error, format!("There is no environment `{}`.", escape(environment))));
        };
        let world = match self.planner.cloud().survey(&env, &schedule::survey(&env), by).await {
            Ok(world) => world,
            Err(error) => return Ok(unreadable(environment, &error)),
        };
        let marks = in_force::marks(self.store.as_ref(), environment, None).await?;
        let dues = self.store.dues(Some(environment)).await?.all;
        let mut reply = schedule_reply(&env, &world, &marks, &dues, self.clock.now());
        reply.text = elsewhere(&active, &env) + &reply.text;
        Ok(reply)
    }
}

/// Where the platform runs in its DR region: that what is shown is of there. A line, or nothing.
pub(super) fn elsewhere(active: &Active, env: &Environment) -> String {
    match active.side {
        Side::Primary => String::new(),
        Side::Dr => format!(
            "*`{}` runs in {}*, its DR region: this is what there is there. What lies in {} is not looked at.\n",
            escape(&env.name),
            env.primary_region,
            env.dr_region
        ),
    }
}

pub(super) fn unreadable(environment: &str, error: &CloudError) -> Reply {
    let said = error.to_string();
    // Nobody tries it again but the person who asked.
    let said = said.trim_end_matches(" It is tried again.").trim_end_matches('.');
    let next = match error {
        CloudError::Permanent { .. } => "Ask again once that is mended",
        CloudError::Retryable { .. } | CloudError::Unknown { .. } => "Ask again in a minute",
    };
    let text = format!("AWS did not tell about `{}`: {}. {next}.", escape(environment), escape(said));
    say(Level::Error, text)
}

fn drawn(
    env: &Environment,
    command: &Command,
    newest: &Newest<'_>,
    left_out: &LeftOut,
    marks: &[Mark],
    now: Moment,
) -> Reply {
    let mut lines: Vec<&Line> = newest.lines.values().rev().collect();
    let more = lines.len() > LINES;
    lines.truncate(LINES);
    let unread = &left_out.unread;
    let mut head: Vec<String> = unread
        .iter()
        .map(|why| format!("*Not everything could be read*, what is not known is `?`. {}", escape(why)))
        .collect();
    let level = if unread.is_empty() { Level::Info } else { Level::Warning };
    // What is of no kind that is known here is nobody's in particular.
    let others = others(&left_out.others).filter(|_| newest.tenant.is_none());
    if lines.is_empty() {
        head.push(format!(
            "There are no such recovery points of `{}`. `/bbws backup create {}` makes some; `/bbws help backup list` says how to look for others.",
            env.name, env.name
        ));
        head.extend(others);
        return say(level, head.join("\n"));
    }
    head.push(if more {
        format!(
            "The newest {LINES} backups of `{}`, of {} recovery points in {}. *Older* shows those before them.",
            env.name,
            newest.seen(),
            regions(env)
        )
    } else {
        format!(
            "{} of `{}`, newest first: {} in {}.",
            count(lines.len(), "backup"),
            env.name,
            count(newest.seen(), "recovery point"),
            regions(env)
        )
    });
    let known: Vec<Point> = newest.lines.values().flat_map(Line::both).cloned().collect();
    let guards = |point: &Point| {
        let lineage: Vec<Point> =
            known.iter().filter(|p| p.kind == point.kind && p.resource == point.resource).cloned().collect();
        retention::guards(point, env, &lineage, marks, now)
    };
    let (mut rows, mut offers) = (Vec::new(), Vec::new());
    for (line, point) in lines.iter().filter_map(|line| Some((line, line.point()?))) {
        let guards = guards(point);
        rows.push(row(env, line, point, &guards, marks, now, unread.is_empty()));
        // What is not known may be what protects it.
        let deletable = guards.is_empty() && unread.is_empty();
        offers.push(match env.side {
            // Neither is done there.
            Side::Dr => None,
            Side::Primary if deletable => Some(deletion(env, point)),
            Side::Primary => restoration(env, line, point, newest.tenant),
        });
    }
    head.extend(others);
    let table = Table {
        caption: format!("Recovery points of {}", env.name),
        columns: COLUMNS.map(str::to_owned).to_vec(),
        rows,
        // A column of buttons without a button is only in the way.
        offers: if offers.iter().any(Option::is_some) { offers } else { Vec::new() },
    };
    let oldest = lines.last().and_then(|line| line.point()).map(|p| p.created);
    let older = oldest.filter(|_| more).map(|oldest| older(command, oldest));
    let attachment = Attachment { table: Some(table), chart: None, offers: older.into_iter().collect() };
    Reply { level, text: head.join("\n"), attachment }
}

/// That there is more than what is shown.
fn others(kinds: &BTreeMap<String, u64>) -> Option<String> {
    let named: Vec<String> = kinds.iter().map(|(kind, number)| format!("{number} of {}", escape(kind))).collect();
    Some(match kinds.values().sum() {
        0 => return None,
        1u64 => format!(
            "1 recovery point of another kind is not shown ({}); it is in the console of AWS Backup.",
            named.join(", ")
        ),
        all => {
            format!("{all} of other kinds are not shown ({}); they are in the console of AWS Backup.", named.join(", "))
        }
    })
}

pub(super) fn regions(env: &Environment) -> String {
    if env.replicates() { format!("{} and {}", env.primary_region, env.dr_region) } else { env.primary_region.clone() }
}

/// `all`: everything could be read, so that what is not there is known not to be there.
fn row(
    env: &Environment,
    line: &Line,
    point: &Point,
    guards: &[Guard],
    marks: &[Mark],
    now: Moment,
    all: bool,
) -> Vec<String> {
    let absent = if all { "—" } else { "?" };
    let there = |side: &Option<Point>| side.as_ref().map_or(absent, state).to_owned();
    let expires = line.both().filter_map(|p| p.expires).max();
    let mut kept: Vec<&str> = guards.iter().map(|guard| guard.short.as_str()).collect();
    // The copy may be locked where the one that would be deleted is not.
    if line.both().any(|p| p.locked) && !kept.contains(&"vault lock") {
        kept.push("vault lock");
    }
    let dr = if env.replicates() { there(&line.dr) } else { "off".to_owned() };
    vec![
        point.id.clone(),
        spoken(now.since(point.created)),
        expires.map_or_else(|| nobody(point).to_owned(), |at| retention::day(at, now)),
        tested_ago(point, marks, now),
        if kept.is_empty() { "—".to_owned() } else { kept.join(", ") },
        format!("{} {}", point.kind, point.resource),
        point.bytes.map_or_else(|| "?".to_owned(), size),
        there(&line.primary),
        dr,
    ]
}

/// A schedule in words, with a blank behind; nothing where it is none.
fn rhythm(text: &str) -> String {
    Schedule::parse(text).map(|schedule| format!("{} ", schedule.spoken())).unwrap_or_default()
}

/// A date, without the time.
fn date(at: Moment) -> String {
    at.date().to_string()
}

/// Who deletes what has no expiry of its own.
fn nobody(point: &Point) -> &'static str {
    if matches!(point.place, Place::Bucket { .. }) { "by the bucket's rules" } else { "never by itself" }
}

fn state(point: &Point) -> &'static str {
    match point.state {
        PointState::Available => "yes",
        PointState::Creating => "being made",
        PointState::Partial => "PARTIAL",
        PointState::Expired => "EXPIRED",
        PointState::Stopped => "yes, up to its end (STOPPED)",
        PointState::Unusable => "UNUSABLE",
    }
}

/// Asks to restore what something can be restored from: in the region of the copy where there is no other.
fn restoration(env: &Environment, line: &Line, point: &Point, tenant: Option<(&str, &Tenant)>) -> Option<Offer> {
    let from_dr = line.primary.is_none() && line.dr.is_some();
    let text = confidence::asks_for(&env.name, point, from_dr, tenant.map(|(id, _)| id)).filter(|_| point.usable())?;
    restore(&env.name, &text)
}

/// The button that asks for this restore; none where the grammar knows no such command yet.
pub(super) fn restore(environment: &str, text: &str) -> Option<Offer> {
    let command = language::parse(text, &[environment]).ok().filter(|command| command.does() == Does::Operation)?;
    let command = command.canonical();
    let confirm =
        format!("This asks for /bbws {command}: a copy beside the platform. Nothing that is live is changed.");
    Some(Offer { label: "Restore".to_owned(), command, confirm: Some(confirm) })
}

/// Asks to delete what nothing protects.
fn deletion(env: &Environment, point: &Point) -> Offer {
    Offer {
        label: "Delete".to_owned(),
        command: delete::command(&env.name, &point.id).canonical(),
        confirm: Some(format!(
            "Ask to delete {} in {}? This is irreversible: what is deleted cannot be brought back.",
            point.id, point.region
        )),
    }
}

fn older(command: &Command, oldest: Moment) -> Offer {
    let command = backup_list::older(command, oldest).canonical();
    Offer { label: "Older".to_owned(), command, confirm: None }
}

fn schedule_reply(env: &Environment, world: &World, marks: &[Mark], dues: &[Due], now: Moment) -> Reply {
    let mut head = Vec::new();
    head.push(match &world.plan {
        Some(plan) => format!("AWS Backup plan *{}*: {}.", env.plan_name(), escape(&schedule::describe(&plan.spec))),
        None => format!(
            "There is no AWS Backup plan `{}`. `/bbws backup schedule {} create` makes it.",
            env.plan_name(),
            env.name
        ),
    });
    head.push(match &env.schedule {
        Some(promised) => format!(
            "Promised in bbws.toml: {}(`{}`); the watcher holds it to that.",
            rhythm(promised),
            escape(promised)
        ),
        None => "bbws.toml promises no schedule, so nobody notices a backup that does not happen.".to_owned(),
    });
    for database in &world.databases {
        head.push(format!(
            "Automated backups of {}: {}, window {} UTC.",
            escape(&database.id),
            match database.automated_days {
                0 => "none".to_owned(),
                days => count(days, "day"),
            },
            escape(&database.window)
        ));
    }
    head.extend(routines(env, marks, dues, now));
    head.extend(retention::by_kind(env).iter().map(|line| format!("• {}", escape(line))));
    head.push(PointKind::NO_DIFFERENTIAL.to_owned());
    let Some(tiers) = &env.retention_tiers else {
        head.push(format!(
            "Everything is kept for {}; bbws.toml names no tiers.",
            count(env.retention_days.default, "day")
        ));
        return say(Level::Info, head.join("\n"));
    };
    head.push(format!(
        "Tiers: daily {}, weekly {}, monthly {}, yearly {}. The calendar shows when the next of each is due.",
        count(tiers.daily, "day"),
        count(tiers.weekly, "week"),
        count(tiers.monthly, "month"),
        count(tiers.yearly, "year")
    ));
    let made = marks.iter().filter(|m| m.kind == MarkKind::Tier);
    let made = made.rev().map(|m| vec![date(m.at), m.subject.clone(), "made".to_owned(), m.note.clone()]);
    let due = retention::calendar(tiers, now, CALENDAR).into_iter().take(CALENDAR_LINES);
    let due =
        due.map(|day| vec![day.date, day.tier.to_string(), "due".to_owned(), format!("kept until {}", day.until)]);
    let table = Table {
        caption: format!("Calendar of {}", env.name),
        columns: ["Day", "Backup", "State", "Kept"].map(str::to_owned).to_vec(),
        rows: due.chain(made.take(CALENDAR_LINES)).collect(),
        offers: Vec::new(),
    };
    Reply {
        level: Level::Info,
        text: head.join("\n"),
        attachment: Attachment { table: Some(table), ..Attachment::default() },
    }
}

/// What bbws starts by itself, a line each, and what could be.
fn routines(env: &Environment, marks: &[Mark], dues: &[Due], now: Moment) -> Vec<String> {
    let next = |routine: Routine| match dues.iter().find(|due| due.routine == routine.name()).map(|due| due.at) {
        Some(at) if at <= now => format!(", due since {}", at.clock_at(now)),
        Some(at) if at < Moment::FAR_FUTURE => format!(", next at {}", at.clock_at(now)),
        Some(_) | None => String::new(),
    };
    let line = |routine: Routine| {
        let (mark, template) = own::in_force(marks, routine)?;
        let rhythm = Rhythm::parse(&template.rhythm).map_or(template.rhythm, |rhythm| rhythm.spoken());
        Some(format!("• {}: {rhythm}, by {}{}", routine.spoken(), mark.operation, next(routine)))
    };
    let mut lines: Vec<String> = Routine::ALL.into_iter().filter_map(line).collect();
    if !lines.is_empty() {
        lines.insert(0, "Started by bbws itself:".to_owned());
    }
    let lacking: Vec<&str> = own::lacking(env, marks).into_iter().map(Routine::spoken).collect();
    if !lacking.is_empty() {
        lines.push(format!(
            "Not started by itself: {}. `/bbws {}` makes that so.",
            lacking.join(", "),
            schedule::own_command(&env.name, ScheduleAct::Create).canonical()
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_has_to_mend_is_not_asked_again_in_a_minute() {
        let said = |error| unreadable("sit", &error).text;
        let reason = || "It is another account. Set `assume_role`. It is tried again.".to_owned();
        let permanent = said(CloudError::Permanent { reason: reason() });
        assert!(permanent.ends_with("Set `assume_role`. Ask again once that is mended."), "{permanent}");
        let later = said(CloudError::Retryable { reason: reason(), after: None });
        assert!(later.ends_with("Set `assume_role`. Ask again in a minute."), "{later}");
    }

    #[test]
    fn what_is_not_shown_is_said() {
        let of = |kinds: &[(&str, u64)]| others(&kinds.iter().map(|(kind, n)| ((*kind).to_owned(), *n)).collect());
        assert_eq!(of(&[]), None);
        let one = "1 recovery point of another kind is not shown (1 of EBS); it is in the console of AWS Backup.";
        assert_eq!(of(&[("EBS", 1)]).as_deref(), Some(one));
        let many = "13 of other kinds are not shown (12 of DynamoDB, 1 of EBS); they are in the console of AWS Backup.";
        assert_eq!(of(&[("EBS", 1), ("DynamoDB", 12)]).as_deref(), Some(many));
    }
}
