//! Service tiers: what is promised of each database, file system, bucket and configuration, and how well it was kept.

use std::time::Duration;

pub use super::environment::TierPromise;
use super::{
    environment::Environment,
    lag::{Component, Side},
    mark::Sample,
    moment::Moment,
    point::PointKind,
    text::escape,
};

/// Share of looks that has to find a promise kept, in per cent: more than this.
pub const WANTED: u64 = 95;
/// Days over which that is counted.
pub const DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;
/// What was measured longer ago than this is not what is so now.
const FRESH_MS: i64 = 15 * 60_000;
/// So many looks give a share; fewer give none, since one bad hour would be most of it.
const ENOUGH: u64 = 100;
/// Names told of what falls short; the rest is counted.
const NAMED: usize = 3;

/// How much a platform depends on something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceTier {
    /// Nothing works without it.
    Critical,
    /// Much is missed without it.
    Important,
    /// It can wait for a while.
    Standard,
    /// It is kept and hardly ever asked for.
    Archival,
}

impl ServiceTier {
    /// Every tier, the most urgent first.
    pub const ALL: [ServiceTier; 4] =
        [ServiceTier::Critical, ServiceTier::Important, ServiceTier::Standard, ServiceTier::Archival];

    /// Its key under `tiers` in the config.
    pub fn name(self) -> &'static str {
        match self {
            ServiceTier::Critical => "critical",
            ServiceTier::Important => "important",
            ServiceTier::Standard => "standard",
            ServiceTier::Archival => "archival",
        }
    }
}

/// What is promised of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// Its tier; none where the environment's own objectives hold.
    pub tier: Option<ServiceTier>,
    /// Most data that may be lost.
    pub rpo: Duration,
    /// Longest outage that is acceptable.
    pub rto: Duration,
}

impl Promise {
    /// The word for its tier.
    pub fn tier_name(&self) -> &'static str {
        self.tier.map_or("—", ServiceTier::name)
    }
}

/// Everything of the environment that is backed up, as kind and resource.
pub fn declared(environment: &Environment) -> Vec<(PointKind, String)> {
    let databases = environment.databases.iter().map(|d| (PointKind::Rds, d.id.clone()));
    let file_systems = environment.file_systems.iter().map(|f| (PointKind::Efs, f.id.clone()));
    let secrets = environment.secrets_prefix.iter().map(|p| (PointKind::Secrets, p.clone()));
    let config = environment.parameters_prefix.iter().map(|p| (PointKind::Config, p.clone()));
    let buckets = environment.buckets.iter().map(|b| (PointKind::S3, b.name.clone()));
    let dumps = environment.dumps.iter().map(|d| (PointKind::Dump, d.database.clone()));
    databases.chain(file_systems).chain(secrets).chain(config).chain(buckets).chain(dumps).collect()
}

/// Names by which a tier may call something of this kind, its kind last.
fn names(environment: &Environment, kind: PointKind, resource: &str) -> Vec<String> {
    let own = match kind {
        PointKind::Rds => {
            let found = environment.databases.iter().find(|d| d.is_called(resource));
            found.map(|d| vec![d.id.clone(), d.name().to_owned()]).unwrap_or_default()
        }
        PointKind::Efs => {
            let found = environment.file_systems.iter().find(|f| f.id == resource);
            found.map(|f| vec![f.id.clone(), f.name.clone()]).unwrap_or_default()
        }
        PointKind::S3 => vec![resource.to_owned()],
        // One of each kind, or called as the database that is dumped.
        PointKind::Secrets | PointKind::Config | PointKind::Dump => Vec::new(),
    };
    own.into_iter().chain([kind.as_str().to_owned()]).collect()
}

/// Every name that a tier of this environment may have.
pub fn known_names(environment: &Environment) -> Vec<String> {
    let kinds = PointKind::ALL.into_iter().map(|kind| kind.as_str().to_owned());
    let own = declared(environment).into_iter().flat_map(|(kind, resource)| {
        let mut names = names(environment, kind, &resource);
        names.pop();
        names
    });
    let mut all: Vec<String> = kinds.chain(own).collect();
    all.sort();
    all.dedup();
    all
}

impl Environment {
    /// What is promised of something of this kind.
    pub fn promise(&self, kind: PointKind, resource: &str) -> Promise {
        let named = |name: &String| {
            ServiceTier::ALL.into_iter().find_map(|tier| {
                let said = self.tiers.get(tier.name())?;
                said.of.iter().any(|of| of.eq_ignore_ascii_case(name)).then_some((tier, said))
            })
        };
        match names(self, kind, resource).iter().find_map(named) {
            Some((tier, said)) => Promise { tier: Some(tier), rpo: said.rpo.0, rto: said.rto.0 },
            None => Promise { tier: None, rpo: self.rpo.0, rto: self.rto.0 },
        }
    }

    /// What is promised of what was measured.
    pub fn promise_of(&self, component: &Component) -> Promise {
        self.promise(component.kind, &component.resource)
    }
}

/// How many looks of a day found a component within its RPO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Environment.
    pub environment: String,
    /// As [`Component::name`] gives it.
    pub component: String,
    /// Days since 1970, in UTC.
    pub day: i64,
    /// Looks.
    pub looks: u64,
    /// Those that found it within its RPO. What nobody could measure is none of them.
    pub kept: u64,
}

impl Tally {
    /// One look.
    pub fn of(environment: &Environment, component: &Component, at: Moment) -> Tally {
        let kept = component.within(environment.promise_of(component).rpo, at);
        Tally {
            environment: environment.name.clone(),
            component: component.name(),
            day: day(at),
            looks: 1,
            kept: u64::from(kept),
        }
    }
}

/// The day of a moment.
fn day(at: Moment) -> i64 {
    at.0.div_euclid(DAY_MS)
}

/// The first day that counts for what is said at a moment.
pub fn since(now: Moment) -> i64 {
    day(now) - DAYS + 1
}

/// Looks, and those that found the promise kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attainment {
    /// Looks.
    pub looks: u64,
    /// Those that found it kept.
    pub kept: u64,
}

impl Attainment {
    fn sum<'t>(tallies: impl IntoIterator<Item = &'t Tally>) -> Attainment {
        tallies.into_iter().fold(Attainment::default(), |sum, tally| Attainment {
            looks: sum.looks.saturating_add(tally.looks),
            kept: sum.kept.saturating_add(tally.kept),
        })
    }

    /// Tenths of a per cent, rounded down, so that 95.0 is never said of less; none where nobody looked.
    pub fn tenths(&self) -> Option<u64> {
        (self.looks > 0).then(|| u64::try_from(u128::from(self.kept) * 1000 / u128::from(self.looks)).unwrap_or(1000))
    }

    /// Whether it is more than is wanted; none where nobody looked.
    pub fn suffices(&self) -> Option<bool> {
        let enough = u128::from(self.kept) * 100 > u128::from(self.looks) * u128::from(WANTED);
        (self.looks > 0).then_some(enough)
    }

    /// `99.2 %`.
    pub fn spoken(&self) -> String {
        self.tenths().map_or_else(|| "not measured".to_owned(), |tenths| format!("{}.{} %", tenths / 10, tenths % 10))
    }
}

/// One line of the matrix: what is promised of something, how far it is behind, and how well it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What is promised.
    pub promise: Promise,
    /// `efs wp-content`.
    pub name: String,
    /// How far it is behind in the primary region, in seconds; none where nobody knows.
    pub here: Option<u64>,
    /// The same of its copy in the DR region; none where it has none.
    pub there: Option<Option<u64>>,
    /// The worse of both sides over the last 30 days.
    pub attainment: Attainment,
}

/// The matrix of an environment, the most urgent first.
pub fn matrix(environment: &Environment, samples: &[Sample], tallies: &[Tally], now: Moment) -> Vec<Row> {
    let latest = |name: &str| {
        let fresh = samples.iter().filter(|s| s.component == name && now.0 - s.at.0 <= FRESH_MS);
        fresh.max_by_key(|s| s.at).and_then(|s| s.lag)
    };
    let counted = |name: &str| {
        let first = since(now);
        Attainment::sum(tallies.iter().filter(|t| t.component == name && t.day >= first))
    };
    let row = |(kind, resource): (PointKind, String)| {
        let name = |side| Component { kind, resource: resource.clone(), side, safe: Ok(now) }.name();
        let (here, there) = (name(Side::Primary), name(Side::Dr));
        let dr = environment.replicates();
        let both = [counted(&here), counted(&there)];
        let worse = both.into_iter().filter(|a| a.looks > 0).min_by_key(Attainment::tenths).unwrap_or_default();
        let called = match kind {
            PointKind::Efs => environment.file_systems.iter().find(|f| f.id == resource).map(|f| f.name.clone()),
            _ => None,
        };
        Row {
            promise: environment.promise(kind, &resource),
            name: format!("{kind} {}", called.as_ref().unwrap_or(&resource)),
            here: latest(&here),
            there: dr.then(|| latest(&there)),
            attainment: worse,
        }
    };
    let mut rows: Vec<Row> = declared(environment).into_iter().map(row).collect();
    // What no tier names is held to the environment's own objectives, which stand behind those that are named.
    rows.sort_by_key(|row| row.promise.tier.map_or(usize::MAX, |tier| tier as usize));
    rows
}

/// How well the promises of an environment were kept, in a line; none where nobody looked often enough.
pub fn line(rows: &[Row]) -> Option<String> {
    let measured: Vec<&Row> = rows.iter().filter(|row| row.attainment.looks >= ENOUGH).collect();
    let worst = measured.iter().min_by_key(|row| row.attainment.tenths())?;
    let mut short: Vec<&&Row> = measured.iter().filter(|row| row.attainment.suffices() == Some(false)).collect();
    if short.is_empty() {
        let share = worst.attainment.spoken();
        return Some(format!(
            "RPOs kept in at least {share} of the looks of the last {DAYS} days, over {WANTED} % as wanted"
        ));
    }
    short.sort_by_key(|row| row.attainment.tenths());
    let more = if short.len() > NAMED { format!(" and {} more", short.len() - NAMED) } else { String::new() };
    let named: Vec<String> = short
        .iter()
        .take(NAMED)
        .map(|row| format!("`{}` {}", escape(&row.name.replace('`', "'")), row.attainment.spoken()))
        .collect();
    Some(format!("RPO kept too seldom in the last {DAYS} days, wanted are over {WANTED} %: {}{more}", named.join(", ")))
}
