//! How long a backup is kept, and what may be deleted: floors, tiers, holds, locks.

use std::{collections::BTreeSet, fmt};

use super::{
    environment::{Environment, RetentionTiers},
    mark::{Mark, MarkKind},
    moment::Moment,
    point::{Place, Point, PointKind, PointState, disassociate, is_continuous},
    text::kept as length,
    tier,
};

const DAY: u64 = 86_400;

/// Grandfather, father, son.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Every backup that is no other.
    Daily,
    /// The first backup of an ISO week.
    Weekly,
    /// The first backup of a month.
    Monthly,
    /// The first backup of a year.
    Yearly,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Tier::Daily => "daily",
            Tier::Weekly => "weekly",
            Tier::Monthly => "monthly",
            Tier::Yearly => "yearly",
        })
    }
}

impl Tier {
    /// Every tier above daily, the longest first.
    pub const LONG: [Tier; 3] = [Tier::Yearly, Tier::Monthly, Tier::Weekly];

    /// Days a backup of this tier is kept: weeks of 7, months of 31, years of 366.
    pub fn days(self, tiers: &RetentionTiers) -> u32 {
        match self {
            Tier::Daily => tiers.daily,
            Tier::Weekly => tiers.weekly.saturating_mul(7),
            Tier::Monthly => tiers.monthly.saturating_mul(31),
            Tier::Yearly => tiers.yearly.saturating_mul(366),
        }
    }

    /// The period of this tier that a moment is in: `2026`, `2026-11`, `2026-W47`. In UTC.
    pub fn period(self, at: Moment) -> String {
        let day = at.date();
        match self {
            Tier::Yearly => day.strftime("%Y").to_string(),
            Tier::Monthly => day.strftime("%Y-%m").to_string(),
            Tier::Weekly => day.strftime("%G-W%V").to_string(),
            Tier::Daily => day.strftime("%Y-%m-%d").to_string(),
        }
    }
}

/// How long a new backup is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Days.
    pub days: u32,
    /// Its tier, where the environment has tiers.
    pub tier: Option<Tier>,
    /// What is remembered once it succeeded, so that no other takes its place: one subject for each period it opens.
    pub periods: Vec<String>,
}

/// The tier of a backup of `scope` made now: the longest whose period has none yet.
pub fn kept(environment: &Environment, scope: &str, now: Moment, marks: &[Mark]) -> Kept {
    let plain = |days| Kept { days, tier: None, periods: Vec::new() };
    if let Some(days) = environment.retention.get(scope) {
        return plain(*days);
    }
    let Some(tiers) = &environment.retention_tiers else { return plain(environment.retention_days.default) };
    let subject = |tier: Tier| format!("{scope} {tier} {}", tier.period(now));
    let open = |tier: &Tier| !marks.iter().any(|m| m.kind == MarkKind::Tier && m.subject == subject(*tier));
    // The first of a year is the first of its month and week as well.
    let periods: Vec<Tier> = Tier::LONG.into_iter().filter(open).collect();
    let tier = periods.first().copied().unwrap_or(Tier::Daily);
    Kept { days: tier.days(tiers), tier: Some(tier), periods: periods.into_iter().map(subject).collect() }
}

/// Every length for which a backup of `scope` may be kept, in days: what [`kept`] can answer.
pub fn lengths(environment: &Environment, scope: &str) -> Vec<u32> {
    let own = environment.retention.contains_key(scope);
    let Some(tiers) = environment.retention_tiers.as_ref().filter(|_| !own) else {
        return vec![kept(environment, scope, Moment(0), &[]).days];
    };
    let mut lengths: Vec<u32> = Tier::LONG.into_iter().chain([Tier::Daily]).map(|tier| tier.days(tiers)).collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

/// The longest for which a backup of any kind may be kept, in days.
pub fn longest(environment: &Environment) -> u32 {
    let scopes = PointKind::ALL.into_iter().map(PointKind::as_str).chain(["full"]);
    scopes.flat_map(|scope| lengths(environment, scope)).max().unwrap_or(environment.retention_days.max)
}

/// For how long a backup of each kind that the environment declares is kept, and what it is; a sentence each.
pub fn by_kind(environment: &Environment) -> Vec<String> {
    let declared: BTreeSet<PointKind> = tier::declared(environment).into_iter().map(|(kind, _)| kind).collect();
    let line = |kind: PointKind| {
        let kept = match (environment.retention.get(kind.as_str()), &environment.retention_tiers) {
            (Some(days), _) => format!("kept for {}", length(*days)),
            (None, Some(_)) => "kept as the tiers say".to_owned(),
            (None, None) => format!("kept for {}", length(environment.retention_days.default)),
        };
        format!("{kind}: {kept}; {}", kind.nature())
    };
    PointKind::ALL.into_iter().filter(|kind| declared.contains(kind)).map(line).collect()
}

/// Under which a hold of a ticket on a point is remembered.
pub fn hold_subject(point: &Point, ticket: &str) -> String {
    format!("{} # {ticket}", point.key())
}

/// Tickets that hold a point.
pub fn holds<'m>(point: &Point, marks: &'m [Mark]) -> Vec<&'m Mark> {
    let prefix = format!("{} # ", point.key());
    marks.iter().filter(|m| m.kind == MarkKind::Hold && m.subject.starts_with(&prefix)).collect()
}

/// When a point, or a copy of it, was last restored and validated.
pub fn tested<'m>(point: &Point, marks: &'m [Mark]) -> Option<&'m Mark> {
    let key = point.key();
    marks.iter().filter(|m| m.kind == MarkKind::Tested && m.subject == key).max_by_key(|m| m.at)
}

/// One thing that forbids deleting a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// In a few words, as a list shows it: `floor until 4 Dec`.
    pub short: String,
    /// A sentence with the next step.
    pub why: String,
}

/// Everything that forbids deleting `point`, a sentence each; empty when it may be deleted. `lineage` are all points of
/// the same resource in both regions, itself included.
pub fn protection(
    point: &Point,
    environment: &Environment,
    lineage: &[Point],
    marks: &[Mark],
    now: Moment,
) -> Vec<String> {
    guards(point, environment, lineage, marks, now).into_iter().map(|guard| guard.why).collect()
}

/// The same, with what a list says of each. What nothing can be restored from is kept by no floor and by no test, so that
/// it never stands in the way of what would take its place.
pub fn guards(point: &Point, environment: &Environment, lineage: &[Point], marks: &[Mark], now: Moment) -> Vec<Guard> {
    let mut guards = Vec::new();
    let mut add = |short: String, why: String| guards.push(Guard { short, why });
    let id = &point.id;
    if let Place::Bucket { bucket } = &point.place {
        add(
            "bucket's rules".to_owned(),
            format!(
                "`{id}` is an archive in bucket `{bucket}`. Archives are never deleted by bbws: they go by the bucket's lifecycle rules."
            ),
        );
    }
    if let Place::Vault { vault } = &point.place
        && is_continuous(&point.arn)
    {
        add(
            "continuous backup".to_owned(),
            format!(
                "`{id}` is a continuous backup of {}: deleting it would also end point-in-time recovery from now on. {}",
                point.resource,
                disassociate(&point.arn, vault, &point.region)
            ),
        );
    }
    if point.is_left_to_aws() {
        add(
            "AWS Backup".to_owned(),
            format!(
                "`{id}` is what AWS Backup keeps of bucket {}: bbws neither restores nor deletes it. Restore it there; it goes by the lifecycle of its rule.",
                point.resource
            ),
        );
    }
    if point.state == PointState::Creating {
        add("being made".to_owned(), format!("`{id}` is still being made. Wait until it is done."));
    }
    for hold in holds(point, marks) {
        add(
            format!("hold {}", hold.note),
            format!(
                "`{id}` is held for {} since {} ({}). `/bbws backup hold {} {id} --ticket {} --release` asks two people to release it.",
                hold.note, hold.at, hold.operation, environment.name, hold.note
            ),
        );
    }
    if point.locked {
        let end = match point.expires {
            Some(at) => format!("AWS Backup deletes it by itself on {}; until then nothing has to be done.", at.day()),
            None => "It never expires by itself. Who has to keep it no longer gives it a lifecycle in AWS Backup."
                .to_owned(),
        };
        add(
            "vault lock".to_owned(),
            format!("`{id}` lies in a locked vault: nobody can delete it before its lock allows it. {end}"),
        );
    }
    let (floor, because) = floor(point, environment, marks);
    let free = point.created + std::time::Duration::from_secs(u64::from(floor) * DAY);
    if now < free && (point.usable() || point.state == PointState::Creating) {
        add(format!("floor until {}", day(free, now)), format!("`{id}` has to be kept until {free}: {because}."));
    }
    guards.extend(last_of_its_kind(point, environment, lineage, marks));
    guards
}

/// A day as people say it, with its year where it is not this one: `4 Dec`, `2 Dec 2033`.
pub fn day(at: Moment, now: Moment) -> String {
    let (day, today) = (at.date(), now.date());
    let form = if day.year() == today.year() { "%-d %b" } else { "%-d %b %Y" };
    day.strftime(form).to_string()
}

/// Days it may not be deleted before, and why.
fn floor(point: &Point, environment: &Environment, marks: &[Mark]) -> (u32, String) {
    let min = environment.retention_days.min;
    let by_floor = (min, format!("nothing of {} is kept for less than {}", environment.name, length(min)));
    let Some(tiers) = &environment.retention_tiers else { return by_floor };
    // What a schedule's rule made, and what lies in a vault, tells only how long it is kept.
    let long = Tier::Weekly.days(tiers);
    if let Some(days) = point.retention_days.filter(|days| *days >= long && *days > min) {
        return (days, format!("it was made to be kept for {}, longer than a daily backup", length(days)));
    }
    let made_by = point.operation.as_deref().unwrap_or_default();
    let tier = Tier::LONG.into_iter().find(|tier| {
        let word = format!(" {tier} ");
        !made_by.is_empty()
            && marks.iter().any(|m| m.kind == MarkKind::Tier && m.operation == made_by && m.subject.contains(&word))
    });
    match tier {
        Some(tier) if tier.days(tiers) > min => {
            (tier.days(tiers), format!("it is the {tier} backup of its period, kept for {}", length(tier.days(tiers))))
        }
        _ => by_floor,
    }
}

/// What would be lost with it: the only usable, or the only restore-tested point of its resource.
fn last_of_its_kind(point: &Point, environment: &Environment, lineage: &[Point], marks: &[Mark]) -> Option<Guard> {
    let others = || lineage.iter().filter(|p| p.arn != point.arn && p.usable());
    let id = &point.id;
    let what = format!("{} {}", point.kind, point.resource);
    let makes = format!("`/bbws backup create {} {}`", environment.name, point.kind);
    // Of what is partial or expired something may still be saved, as long as there is nothing better.
    let something = point.usable() || matches!(point.state, PointState::Partial | PointState::Expired);
    if something && others().next().is_none() {
        let (short, which) = match point.usable() {
            true => ("only usable one", "the only usable recovery point"),
            false => ("nothing better", "not usable as a whole, but there is no better recovery point"),
        };
        let why = format!("`{id}` is {which} of {what}. Make another one first: {makes}.");
        return Some(Guard { short: short.to_owned(), why });
    }
    let only = point.usable() && tested(point, marks).is_some() && !others().any(|p| tested(p, marks).is_some());
    only.then(|| Guard {
        short: "only tested one".to_owned(),
        why: format!(
            "`{id}` is the only restore-tested recovery point of {what}. Test another one first: `/bbws backup validate {} --test-restore`.",
            environment.name
        ),
    })
}

/// A day of the calendar on which a backup longer than daily is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// `2026-11-23`.
    pub date: String,
    /// The tier of the day's first backup.
    pub tier: Tier,
    /// Until when it is kept: `2027-02-22`.
    pub until: String,
}

/// The coming days on which the first backup opens a period, as the tiers go.
pub fn calendar(tiers: &RetentionTiers, from: Moment, days: u32) -> Vec<Day> {
    let day = |n: u32| from + std::time::Duration::from_secs(u64::from(n) * DAY);
    let opens = |n: u32| {
        let (before, at) = (day(n), day(n + 1));
        Tier::LONG.into_iter().find(|tier| tier.period(before) != tier.period(at)).map(|tier| {
            let until = at + std::time::Duration::from_secs(u64::from(tier.days(tiers)) * DAY);
            Day { date: Tier::Daily.period(at), tier, until: Tier::Daily.period(until) }
        })
    };
    (0..days).filter_map(opens).collect()
}
