//! What the watcher and the validation measure: how far every component is behind, which jobs failed, what is protected.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

pub use super::environment::Side;
use super::{
    chain::Gap, environment::Environment, moment::Moment, point::PointKind, restored, schedule::Schedule,
    step::PlanSpec, world::Condition,
};

/// One thing whose newest copy decides what would be lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Kind of data.
    pub kind: PointKind,
    /// DB instance id, file system id, prefix, bucket.
    pub resource: String,
    /// Where the copy lies.
    #[serde(rename = "leg")]
    pub side: Side,
    /// Up to when the data is safe there, or why nobody knows. Something that is in sync is safe up to now.
    pub safe: Result<Moment, String>,
}

impl Component {
    /// `rds bbws-prod-mysql in DR`.
    pub fn name(&self) -> String {
        let side = match self.side {
            Side::Primary => "",
            Side::Dr => " in DR",
        };
        format!("{} {}{side}", self.kind, self.resource)
    }

    /// What would be lost, were it needed now; none when nobody knows.
    pub fn lag(&self, now: Moment) -> Option<Duration> {
        self.safe.as_ref().ok().map(|safe| now.since(*safe))
    }

    /// Whether it keeps the objective. Unknown is a breach, never zero.
    pub fn within(&self, rpo: Duration, now: Moment) -> bool {
        self.lag(now).is_some_and(|lag| lag <= rpo)
    }
}

/// A job that ended otherwise than well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobTrouble {
    /// AWS's id.
    pub id: String,
    /// `backup`, `copy` or `restore`.
    pub what: String,
    /// DB instance id, file system id, or the ARN of anything else.
    pub resource: String,
    /// Region.
    pub region: String,
    /// `FAILED`, `EXPIRED`, `ABORTED`, `PARTIAL`.
    pub state: String,
    /// When it ended.
    pub at: Moment,
    /// What AWS says.
    pub message: String,
}

/// Something that exists in the account and could be backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Existing {
    /// Kind of data.
    pub kind: PointKind,
    /// DB instance id or file system id.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// A plan by which AWS Backup makes backups by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsPlan {
    /// Its name.
    pub name: String,
    /// When, for how long, and of what.
    pub spec: PlanSpec,
}

impl AwsPlan {
    /// Whether it says that it protects what has this ARN; one that selects by conditions or with a wildcard may.
    pub fn may_protect(&self, arn: &str) -> bool {
        let conditional = |resource: &String| !resource.starts_with("arn:") || resource.contains('*');
        self.spec.resources.iter().any(|resource| resource == arn || conditional(resource))
    }

    /// When a backup by it is due next after a moment; one that is copied to another region, where that is asked for.
    pub fn next(&self, after: Moment, copied: bool) -> Option<Moment> {
        let rules = self.spec.rules.iter().filter(|rule| !copied || rule.copy_to.is_some());
        // A schedule in another zone is due at some other hour; what cannot be read as one is due nobody knows when.
        rules.filter_map(|rule| Schedule::parse(&rule.schedule).ok()?.next(after)).min()
    }
}

/// What was measured of an environment. What could not be measured says why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measurements {
    /// When.
    pub at: Moment,
    /// Every component declared in the config, in the primary region and, where it replicates, in DR.
    pub components: Vec<Component>,
    /// Backup jobs of the last 14 days by state.
    pub jobs: Result<BTreeMap<String, u64>, String>,
    /// Jobs of the last 24 hours that ended otherwise than well, newest first.
    pub trouble: Result<Vec<JobTrouble>, String>,
    /// Vaults, buckets, keys and regions by what people call them: usable, or why not.
    pub places: Vec<(String, Condition)>,
    /// DB instances and file systems of the account in the primary region.
    pub existing: Result<Vec<Existing>, String>,
    /// Every AWS Backup plan of the account in the primary region, whoever made it.
    pub plans: Result<Vec<AwsPlan>, String>,
    /// Times to which databases cannot be restored, since their automated backups were off; as far as RDS remembers, 14 days.
    pub gaps: Result<Vec<Gap>, String>,
}

impl Measurements {
    /// Share of backup jobs of the last 14 days that completed, in per cent: everything that ended otherwise counts against it.
    /// None when there were none, or nobody knows.
    pub fn success_rate(&self) -> Option<u64> {
        let jobs = self.jobs.as_ref().ok()?;
        let count = |states: &[&str]| states.iter().filter_map(|s| jobs.get(*s)).sum::<u64>();
        let good = count(&["COMPLETED"]);
        let bad = count(&["FAILED", "EXPIRED", "ABORTED", "PARTIAL"]);
        (good + bad > 0).then(|| good * 100 / (good + bad))
    }

    /// What exists and is not declared in the config, so that no backup takes it.
    pub fn unprotected<'r>(&'r self, environment: &Environment) -> Result<Vec<&'r Existing>, &'r str> {
        let existing = self.existing.as_ref().map_err(String::as_str)?;
        let declared = |e: &&Existing| match e.kind {
            PointKind::Rds => {
                environment.databases.iter().any(|d| d.is_called(&e.id) || d.dr_replica.as_ref() == Some(&e.id))
            }
            PointKind::Efs => environment.file_systems.iter().any(|f| f.id == e.id),
            _ => true,
        };
        // What a test restored is not meant to last. A file system's id is EFS's, so its name tells.
        let restored = |e: &&Existing| match e.kind {
            PointKind::Efs => environment.file_systems.iter().any(|f| restored::is_of(&e.name, &f.id)),
            _ => restored::is_named(&e.id),
        };
        Ok(existing.iter().filter(|e| !declared(e) && !restored(e)).collect())
    }
}
