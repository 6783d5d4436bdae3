//! The simulated AWS as people look at it: one flat list per region.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Inner, Side, SimCloud, backup, rds,
    time::Phase,
    world::{Region, SimFileSystem, Snapshot},
};
use crate::domain::{moment::Moment, point::PointKind};

/// How many things that were made are shown per region, the newest first.
const SHOWN: usize = 60;

/// One thing in AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resource {
    /// `DB snapshot`, `Backup job`, ….
    pub kind: &'static str,
    /// What AWS calls it.
    pub id: String,
    /// AWS's word for its state.
    pub status: String,
    /// 0–100 while it is being made, where AWS tells.
    pub percent: Option<u8>,
    /// Size and such.
    pub detail: String,
}

/// A region over all accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegionView {
    /// Its name.
    pub name: String,
    /// Whether it answers nothing at present.
    pub down: bool,
    /// What was made, newest first, then what was there before.
    pub resources: Vec<Resource>,
}

impl SimCloud {
    /// Tags of a snapshot (by name), recovery point (by ARN) or object (by `s3://bucket/key`), if it exists.
    pub fn tags(&self, environment: &str, side: Side, id: &str) -> Option<BTreeMap<String, String>> {
        let inner = self.lock();
        let place = inner.place(environment, side)?;
        let object = || {
            let (bucket, key) = id.strip_prefix("s3://")?.split_once('/')?;
            place.buckets.get(bucket)?.objects.get(key).map(|o| &o.tags)
        };
        let point = || place.vaults.values().find_map(|v| v.points.get(id)).map(|p| &p.tags);
        place.snapshots.get(id).map(|s| &s.tags).or_else(point).or_else(object).cloned()
    }

    /// Every region with what is in it.
    pub fn regions(&self) -> Vec<RegionView> {
        self.lock().view()
    }
}

impl Inner {
    pub(super) fn view(&self) -> Vec<RegionView> {
        let now = self.time.now();
        self.region_names().into_iter().map(|name| self.view_region(name, now)).collect()
    }

    /// Primary regions first, in the order of the config.
    pub(super) fn region_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        let primaries = self.environments.values().map(|e| e.primary_region.as_str());
        for name in primaries.chain(self.environments.values().map(|e| e.dr_region.as_str())) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    pub(super) fn place(&self, environment: &str, side: Side) -> Option<&Region> {
        let environment = self.environments.get(environment)?;
        let region = if side == Side::Primary { &environment.primary_region } else { &environment.dr_region };
        self.aws.region(&environment.account, region).ok()
    }

    fn view_region(&self, name: &str, now: Moment) -> RegionView {
        let places: Vec<&Region> = self.aws.accounts.values().filter_map(|regions| regions.get(name)).collect();
        let mut made: Vec<(Moment, Resource)> = places.iter().flat_map(|place| made(place, now)).collect();
        made.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.id.cmp(&y.id)));
        let mut resources: Vec<Resource> = made.into_iter().take(SHOWN).map(|(_, resource)| resource).collect();
        resources.extend(places.iter().flat_map(|place| given(place, now)));
        RegionView { name: name.to_owned(), down: self.faults.is_down(name), resources }
    }
}

fn made(place: &Region, now: Moment) -> Vec<(Moment, Resource)> {
    let snapshots = place.snapshots.iter().map(|(name, s)| (s.course.created, snapshot(name, s, now)));
    let jobs = place.jobs.iter().map(|(id, job)| {
        let kind = if job.copy { "Copy job" } else { "Backup job" };
        let percent = if job.copy { None } else { percent(&job.course.phase(now)) };
        let detail = format!("{}, {}", tail(&job.resource_arn), backup::size_text(job.size_bytes));
        (
            job.course.created,
            Resource { kind, id: id.clone(), status: backup::job_state(job, now).to_owned(), percent, detail },
        )
    });
    let points =
        place.vaults.iter().flat_map(|(vault, v)| v.points.iter().map(move |(arn, point)| (vault, arn, point)));
    let points = points.filter(|(vault, _, point)| place.is_there(vault, point, now)).map(|(vault, arn, point)| {
        let detail = format!("in {vault}, {}, kept {} days", backup::size_text(point.size_bytes), point.retention_days);
        let status = if point.expired { "EXPIRED" } else { "COMPLETED" }.to_owned();
        (
            point.course.ends,
            Resource { kind: "Recovery point", id: tail(arn).to_owned(), status, percent: None, detail },
        )
    });
    let objects =
        place.buckets.iter().flat_map(|(bucket, b)| b.objects.iter().map(move |(key, object)| (bucket, key, object)));
    let objects = objects.filter(|(_, _, object)| !object.course.failed(now)).map(|(bucket, key, object)| {
        if let under_way @ (Phase::Queued | Phase::Running(_)) = object.course.phase(now) {
            let (id, status) = (format!("s3://{bucket}/{key}"), "being written".to_owned());
            let detail = format!("of {}", backup::size_text(object.size));
            let made = object.course.created;
            return (made, Resource { kind: "Object", id, status, percent: percent(&under_way), detail });
        }
        let status = match object.replication.as_ref().map(|r| r.course.phase(now)) {
            None => "stored",
            Some(Phase::Done) => "replication COMPLETED",
            Some(Phase::Failed(_)) => "replication FAILED",
            Some(Phase::Queued | Phase::Running(_)) => "replication PENDING",
        };
        let detail = format!("{} {}, {}", object.count, entries(key), backup::size_text(object.size));
        let id = format!("s3://{bucket}/{key}");
        (object.course.ends, Resource { kind: "Object", id, status: status.to_owned(), percent: None, detail })
    });
    let instances = place.instances.iter().filter(|(_, i)| i.exists(now)).map(|(id, i)| {
        let (status, detail) = (i.status(now).to_owned(), format!("restored from {}", i.snapshot));
        (i.course.created, Resource { kind: "DB instance", id: id.clone(), status, percent: None, detail })
    });
    let files = place.restored_files.iter().filter(|(_, f)| f.exists(now)).map(|(name, f)| {
        let (status, percent) = (f.status(now).to_owned(), percent(&f.course.phase(now)));
        let address = f.address.as_ref().filter(|a| a.exists(now)).map(|a| format!(", mounted in {}", a.subnet));
        let detail = format!("{}, restored as {name}{}", backup::size_text(f.size_bytes), address.unwrap_or_default());
        (f.course.created, Resource { kind: "File system", id: f.id.clone(), status, percent, detail })
    });
    let holds = place.holds.iter().map(|(id, hold)| {
        let (status, detail) = (hold.status(now).to_owned(), format!("{} in {}", hold.title, hold.vault));
        (hold.course.created, Resource { kind: "Legal hold", id: id.clone(), status, percent: None, detail })
    });
    snapshots.chain(jobs).chain(points).chain(objects).chain(instances).chain(files).chain(holds).collect()
}

/// What is in an archive.
fn entries(key: &str) -> &'static str {
    match PointKind::of_key(key) {
        Some(PointKind::Config) => "parameters and secrets",
        Some(PointKind::S3) => "versions",
        Some(PointKind::Dump) => "tables",
        _ => "secrets",
    }
}

fn given(place: &Region, now: Moment) -> Vec<Resource> {
    let resource =
        |kind, id: &str, status: String, detail| Resource { kind, id: id.to_owned(), status, percent: None, detail };
    let databases = place.databases.iter().map(|(id, db)| {
        let detail = format!("{} {}, {} GiB", db.engine, db.version, db.size_gib);
        resource("DB instance", id, rds::status(place, id, now), detail)
    });
    let file_systems = place.file_systems.iter().map(|(id, SimFileSystem { size_bytes, .. })| {
        resource("File system", id, "available".to_owned(), backup::size_text(*size_bytes))
    });
    let vaults = place.vaults.iter().map(|(name, vault)| {
        let count = vault.points.values().filter(|p| place.is_there(name, p, now)).count();
        let status = if vault.locked { "locked" } else { "available" };
        resource("Backup vault", name, status.to_owned(), format!("{count} recovery points"))
    });
    let plans = place.plans.iter().filter_map(|(name, plan)| {
        let rules = plan.spec()?.rules.iter().map(|rule| rule.schedule.as_str()).collect::<Vec<_>>().join(", ");
        Some(resource("Backup plan", name, format!("version {}", plan.versions.len()), rules))
    });
    let buckets = place.buckets.iter().filter(|(_, bucket)| !bucket.data.is_empty()).map(|(name, bucket)| {
        let status = if bucket.unversioned { "not versioned" } else { "versioned" };
        resource("Bucket", name, status.to_owned(), format!("{} objects", bucket.data.len()))
    });
    databases.chain(file_systems).chain(vaults).chain(plans).chain(buckets).collect()
}

fn snapshot(name: &str, snapshot: &Snapshot, now: Moment) -> Resource {
    let encrypted = if snapshot.encrypted { "encrypted" } else { "not encrypted" };
    Resource {
        kind: "DB snapshot",
        id: name.to_owned(),
        status: rds::snapshot_status(snapshot, now).to_owned(),
        percent: percent(&snapshot.course.phase(now)),
        detail: format!("{} GiB, {encrypted}", snapshot.size_gib),
    }
}

fn percent(phase: &Phase<'_>) -> Option<u8> {
    match phase {
        Phase::Queued => Some(0),
        Phase::Running(percent) => Some(*percent),
        Phase::Done => Some(100),
        Phase::Failed(_) => None,
    }
}

fn tail(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or(arn)
}
