//! What AWS Backup holds in one region of one account. Every state is derived from a [`Timeline`] and the time.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    super::time::{Phase, Slots, Timeline},
    Tags,
};
use crate::domain::moment::Moment;

/// Vaults, jobs, plans and holds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Backup {
    /// By name.
    pub vaults: BTreeMap<String, Vault>,
    /// Backup jobs by id.
    pub jobs: BTreeMap<String, Job>,
    /// Copy jobs by id; a job is known in the region it copies from.
    pub copies: BTreeMap<String, CopyJob>,
    /// Restore jobs by id.
    pub restores: BTreeMap<String, RestoreJob>,
    /// Plans by id, deleted ones too.
    pub plans: BTreeMap<String, BackupPlan>,
    /// Legal holds by id.
    pub holds: BTreeMap<String, Hold>,
    /// What an idempotency token was used for, and the id of what it made.
    pub tokens: BTreeMap<String, (Value, String)>,
    /// Until when a resource is busy with a backup job: AWS Backup runs one at a time.
    pub busy: BTreeMap<String, Moment>,
    /// Copies out of this region by type of what they are of: AWS Backup runs five of each at a time.
    pub copying: BTreeMap<String, Slots>,
}

/// A vault.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Vault {
    /// ARN.
    pub arn: String,
    /// ARN of the KMS key of what is in it.
    pub key: String,
    /// When it was made.
    pub created: Moment,
    /// Recovery points by ARN.
    pub points: BTreeMap<String, Point>,
    /// Under a vault lock: nothing in it can be deleted before its time.
    #[serde(default)]
    pub locked: bool,
    /// What its lock says besides.
    #[serde(default)]
    pub lock: Lock,
    /// Whoever made it, if they said so.
    #[serde(default)]
    pub creator_request: Option<String>,
}

/// What a vault lock says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// From when on nobody can lift it; never where none is set.
    pub from: Option<Moment>,
    /// Days for which recovery points are kept at least.
    pub min_days: Option<i64>,
    /// And at most.
    pub max_days: Option<i64>,
}

/// How long a recovery point is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// Days after which it goes to cold storage.
    pub cold_after: Option<i64>,
    /// Days after which it is deleted; for ever where none are set.
    pub delete_after: Option<i64>,
}

/// A recovery point.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Point {
    /// What it is of.
    pub resource_arn: String,
    /// `EFS`, `RDS`, ….
    pub resource_type: String,
    /// CREATING until its end. Where the job fails there is no point.
    pub course: Timeline,
    /// AWS's CreationDate; a copy keeps its source's.
    pub created: Moment,
    /// Bytes.
    pub size: i64,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// ARN of the key it is encrypted under.
    pub key: String,
    /// How long it is kept.
    pub lifecycle: Lifecycle,
    /// Tags.
    pub tags: Tags,
    /// Role that made it.
    pub role: String,
    /// Vault a copy came from.
    #[serde(default)]
    pub source_vault: Option<String>,
    /// What AWS says about it besides its status.
    #[serde(default)]
    pub message: Option<String>,
    /// A status that stands whatever the time: PARTIAL, EXPIRED, STOPPED.
    #[serde(default)]
    pub status: Option<String>,
    /// Written on and on, for restores to a point in time: AVAILABLE instead of COMPLETED.
    #[serde(default)]
    pub continuous: bool,
    /// DELETING until its end; one that fails leaves it EXPIRED.
    #[serde(default)]
    pub deleting: Option<Timeline>,
    /// Its next deletion is accepted and not carried out.
    #[serde(default)]
    pub sticks: bool,
}

impl Point {
    /// When its lifecycle deletes it.
    pub fn expires(&self) -> Option<Moment> {
        self.lifecycle.delete_after.map(|days| self.created + day() * u32::try_from(days).unwrap_or(u32::MAX))
    }

    /// Its status; none where it is not there: not begun, failed, or deleted.
    pub fn status(&self, now: Moment) -> Option<&str> {
        match self.deleting.as_ref().map(|course| course.phase(now)) {
            Some(Phase::Done) => return None,
            Some(Phase::Failed(_)) => return Some("EXPIRED"),
            Some(Phase::Queued | Phase::Running(_)) => return Some("DELETING"),
            None => {}
        }
        match self.course.phase(now) {
            Phase::Queued | Phase::Failed(_) => None,
            Phase::Running(_) => Some("CREATING"),
            Phase::Done if self.continuous => Some(self.status.as_deref().unwrap_or("AVAILABLE")),
            Phase::Done => Some(self.status.as_deref().unwrap_or("COMPLETED")),
        }
    }

    /// What AWS adds to the status.
    pub fn message(&self, now: Moment) -> Option<&str> {
        match self.deleting.as_ref().map(|course| course.phase(now)) {
            Some(Phase::Failed(why)) => Some(why),
            _ => self.message.as_deref(),
        }
    }
}

/// A backup job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// Vault's name.
    pub vault: String,
    /// What is backed up.
    pub resource_arn: String,
    /// `EFS`, `RDS`, ….
    pub resource_type: String,
    /// ARN of the point it makes.
    pub point: String,
    /// CREATED until then, PENDING until its turn.
    pub accepted: Moment,
    /// RUNNING between its beginning and its end.
    pub course: Timeline,
    /// EXPIRED where it has not begun by then.
    pub start_by: Moment,
    /// Bytes.
    pub size: i64,
    /// Role.
    pub role: String,
    /// Lifecycle of the point.
    pub lifecycle: Lifecycle,
    /// The plan that started it, as AWS describes a creator.
    #[serde(default)]
    pub created_by: Option<Value>,
    /// The state it ends in instead of COMPLETED or FAILED.
    #[serde(default)]
    pub ends_as: Option<String>,
    /// What AWS says of a job that ended well.
    #[serde(default)]
    pub message: Option<String>,
    /// When somebody stopped it.
    #[serde(default)]
    pub stopped: Option<Moment>,
}

impl Job {
    /// `CREATED`, `RUNNING`, ….
    pub fn state(&self, now: Moment) -> &str {
        if self.stopped.is_some_and(|at| at <= now) {
            return "ABORTED";
        }
        if self.course.begins > self.start_by && now >= self.start_by {
            return "EXPIRED";
        }
        match self.course.phase(now) {
            Phase::Queued if now < self.accepted => "CREATED",
            Phase::Queued => "PENDING",
            Phase::Running(_) => "RUNNING",
            Phase::Done => self.ends_as.as_deref().unwrap_or("COMPLETED"),
            Phase::Failed(_) => self.ends_as.as_deref().unwrap_or("FAILED"),
        }
    }

    /// When it ended, if it has.
    pub fn ended(&self, now: Moment) -> Option<Moment> {
        let ends = match self.state(now) {
            "ABORTED" => self.stopped.unwrap_or(self.course.ends),
            "EXPIRED" => self.start_by.min(self.course.ends),
            "CREATED" | "PENDING" | "RUNNING" => return None,
            _ => self.course.ends,
        };
        Some(ends)
    }

    /// What AWS says of its state.
    pub fn message(&self, now: Moment) -> Option<&str> {
        match (self.state(now), self.course.phase(now)) {
            ("EXPIRED", Phase::Queued | Phase::Running(_)) => Some("Backup job did not start within its start window."),
            (_, Phase::Failed(why)) => Some(why),
            ("ABORTED", _) => Some("Backup job was stopped by an operator."),
            (_, Phase::Done) => self.message.as_deref(),
            _ => None,
        }
    }
}

/// A copy job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CopyJob {
    /// Source vault.
    pub from_vault: String,
    /// Source point.
    pub source: String,
    /// Destination vault.
    pub to_vault: String,
    /// Point it makes there.
    pub point: String,
    /// What the points are of.
    pub resource_arn: String,
    /// `EFS`, `RDS`, ….
    pub resource_type: String,
    /// CREATED until it begins.
    pub course: Timeline,
    /// Bytes.
    pub size: i64,
    /// Role.
    pub role: String,
    /// Lifecycle of the copy.
    pub lifecycle: Lifecycle,
    /// The plan that started it.
    #[serde(default)]
    pub created_by: Option<Value>,
    /// The state it ends in instead of COMPLETED or FAILED.
    #[serde(default)]
    pub ends_as: Option<String>,
    /// What AWS says of a job that ended well.
    #[serde(default)]
    pub message: Option<String>,
}

impl CopyJob {
    /// `CREATED`, `RUNNING`, ….
    pub fn state(&self, now: Moment) -> &str {
        match self.course.phase(now) {
            Phase::Queued => "CREATED",
            Phase::Running(_) => "RUNNING",
            Phase::Done => self.ends_as.as_deref().unwrap_or("COMPLETED"),
            Phase::Failed(_) => self.ends_as.as_deref().unwrap_or("FAILED"),
        }
    }

    /// What AWS says of its state.
    pub fn message(&self, now: Moment) -> Option<&str> {
        match self.course.phase(now) {
            Phase::Failed(why) => Some(why),
            Phase::Done => self.message.as_deref(),
            _ => None,
        }
    }
}

/// A restore job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreJob {
    /// Vault of the point.
    pub vault: String,
    /// Point it restores.
    pub point: String,
    /// When that point was made.
    pub point_created: Moment,
    /// What the point is of.
    pub resource_arn: String,
    /// `EFS`, `RDS`, ….
    pub resource_type: String,
    /// What it was asked to make.
    pub metadata: BTreeMap<String, String>,
    /// ARN of what it makes.
    pub made: String,
    /// PENDING until it begins.
    pub course: Timeline,
    /// Bytes.
    pub size: i64,
    /// Role.
    pub role: String,
    /// The testing plan that started it.
    #[serde(default)]
    pub created_by: Option<Value>,
    /// What AWS says of a job that ended well.
    #[serde(default)]
    pub message: Option<String>,
}

impl RestoreJob {
    /// `PENDING`, `RUNNING`, ….
    pub fn status(&self, now: Moment) -> &'static str {
        match self.course.phase(now) {
            Phase::Queued => "PENDING",
            Phase::Running(_) => "RUNNING",
            Phase::Done => "COMPLETED",
            Phase::Failed(_) => "FAILED",
        }
    }
}

/// A backup plan with everything it ever said.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BackupPlan {
    /// Id and body of each version, the newest last; never empty. The body is as AWS takes it, with ids of its rules.
    pub versions: Vec<(String, Value)>,
    /// When it was made, and when its newest version was.
    pub created: Moment,
    /// When it was deleted.
    pub deleted: Option<Moment>,
    /// Whoever made it, if they said so.
    pub creator_request: Option<String>,
    /// Tags.
    pub tags: Tags,
    /// Selections by id.
    pub selections: BTreeMap<String, Selection>,
}

impl BackupPlan {
    /// What it says now.
    pub fn body(&self) -> Option<&Value> {
        self.versions.last().map(|(_, body)| body)
    }

    /// Whether it says nothing else since a version.
    pub fn says_since(&self, version: &str) -> bool {
        let since = self.versions.iter().skip_while(|(id, _)| id != version);
        let mut bodies = since.map(|(_, body)| body).peekable();
        self.deleted.is_none() && bodies.peek().is_some() && bodies.all(|body| Some(body) == self.body())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.body().and_then(|body| body["BackupPlanName"].as_str()).unwrap_or_default()
    }
}

/// What a plan backs up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Selection {
    /// As AWS takes it.
    pub body: Value,
    /// When it was made.
    pub created: Moment,
    /// Whoever made it, if they said so.
    pub creator_request: Option<String>,
}

/// A legal hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hold {
    /// Title.
    pub title: String,
    /// Description.
    pub description: String,
    /// As AWS takes it; none for a hold of everything.
    pub selection: Option<Value>,
    /// Tags.
    pub tags: Tags,
    /// CREATING until its end.
    pub course: Timeline,
    /// CANCELING until its end, and why.
    pub canceling: Option<(Timeline, String)>,
}

impl Hold {
    /// `CREATING`, `ACTIVE`, `CANCELING` or `CANCELED`.
    pub fn status(&self, now: Moment) -> &'static str {
        match (&self.canceling, self.course.phase(now)) {
            (Some((course, _)), _) if course.ends <= now => "CANCELED",
            (Some(_), _) => "CANCELING",
            (None, Phase::Done | Phase::Failed(_)) => "ACTIVE",
            (None, Phase::Queued | Phase::Running(_)) => "CREATING",
        }
    }

    /// Whether its selection meets a point: every part of it that is named has to.
    pub fn meets(&self, vault: &str, point: &Point) -> bool {
        let Some(selection) = &self.selection else { return true };
        let named = |list: &str, it: &str| {
            selection[list].as_array().is_none_or(|all| all.is_empty() || all.iter().any(|one| one == it))
        };
        let range = &selection["DateRange"];
        let within = range.is_null() || {
            let at = point.created.0 as f64 / 1000.0;
            let (from, to) = (range["FromDate"].as_f64(), range["ToDate"].as_f64());
            from.is_none_or(|from| from <= at) && to.is_none_or(|to| at <= to)
        };
        named("VaultNames", vault) && named("ResourceIdentifiers", &point.resource_arn) && within
    }
}

impl Backup {
    /// The hold that keeps a point: from its creation until it is cancelled.
    pub fn holds(&self, vault: &str, point: &Point, now: Moment) -> Option<(&str, &Hold)> {
        let held = |hold: &&Hold| hold.status(now) != "CANCELED" && hold.meets(vault, point);
        self.holds.iter().find(|(_, hold)| held(hold)).map(|(id, hold)| (id.as_str(), hold))
    }

    /// A point's status where it is there, and not deleted by its lifecycle.
    pub fn status_of<'p>(&self, vault: &str, point: &'p Point, now: Moment) -> Option<&'p str> {
        let status = point.status(now)?;
        let due = status != "EXPIRED" && point.expires().is_some_and(|at| at <= now);
        (!due || self.holds(vault, point, now).is_some()).then_some(status)
    }

    /// A point of a vault that is there.
    pub fn point(&self, vault: &str, arn: &str, now: Moment) -> Option<(&Vault, &Point)> {
        let found = self.vaults.get(vault)?;
        let point = found.points.get(arn)?;
        self.status_of(vault, point, now).map(|_| (found, point))
    }
}

fn day() -> Duration {
    Duration::from_secs(86_400)
}
