//! The simulated AWS as people look at it: one flat list per region.

use serde::Serialize;

use super::{
    Inner,
    time::{Phase, Timeline},
    world::{Region, World, rows::Rows, s3::Bucket, schemas::TABLES},
};
use crate::domain::moment::Moment;

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

/// A tenant's table in a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableView {
    /// The environment.
    pub environment: String,
    /// The DB instance.
    pub database: String,
    /// With its schema.
    pub table: String,
    /// How many rows it has; none where there is no such table.
    pub rows: Option<u64>,
    /// The number of the newest row.
    pub newest: Option<u64>,
    /// How many of them hold something else than they should.
    pub corrupted: u64,
    /// The sum over all of them.
    pub sum: Option<String>,
}

impl Inner {
    /// The tables of tenants that the config declares, in the databases that are live.
    pub(super) fn tables(&self, now: Moment) -> Vec<TableView> {
        let mut all = Vec::new();
        for (name, environment) in &self.environments {
            let Some(place) = self.world.find(&environment.account, &environment.primary_region) else { continue };
            for tenant in environment.tenants.values() {
                let (Some(database), Some(schema)) = (&tenant.database, &tenant.schema) else { continue };
                let Some(found) = place.rds.instance(database, now) else { continue };
                all.extend(TABLES.iter().map(|table| {
                    let table = format!("{schema}.{table}");
                    let rows = found.data.table(&table, now);
                    TableView {
                        environment: name.clone(),
                        database: database.clone(),
                        table,
                        rows: rows.as_ref().map(Rows::count),
                        newest: rows.as_ref().and_then(|rows| rows.iter().last()).map(|(number, _)| number),
                        corrupted: rows.as_ref().map_or(0, Rows::corrupted),
                        sum: rows.as_ref().map(Rows::sum),
                    }
                }));
            }
        }
        all
    }

    pub(super) fn view(&self, now: Moment) -> Vec<RegionView> {
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

    fn view_region(&self, name: &str, now: Moment) -> RegionView {
        let places: Vec<&Region> =
            self.world.places().filter(|(_, region, _)| *region == name).map(|(_, _, place)| place).collect();
        let mut made: Vec<(Moment, Resource)> = places.iter().flat_map(|place| made(place, now)).collect();
        made.extend(objects(&self.world, name, now));
        made.sort_by(|(a, x), (b, y)| b.cmp(a).then_with(|| x.id.cmp(&y.id)));
        let mut resources: Vec<Resource> = made.into_iter().take(SHOWN).map(|(_, resource)| resource).collect();
        resources.extend(places.iter().flat_map(|place| given(place, now)));
        let buckets = self.world.s3.buckets.iter().filter(|(_, bucket)| bucket.region == name);
        resources.extend(buckets.map(|(name, found)| bucket(name, found)));
        RegionView { name: name.to_owned(), down: self.faults.is_down(name), resources }
    }
}

/// What came about lately, and when.
fn made(place: &Region, now: Moment) -> Vec<(Moment, Resource)> {
    let mut all = Vec::new();
    let mut add = |at: Moment, kind, id: &str, status: &str, percent, detail: String| {
        all.push((at, Resource { kind, id: id.to_owned(), status: status.to_owned(), percent, detail }));
    };
    for (id, snapshot) in place.rds.snapshots.iter().filter(|(_, s)| !s.is_gone(now)) {
        let encrypted = if snapshot.key.is_some() { "encrypted" } else { "not encrypted" };
        let detail = format!("{} GiB, {encrypted}", snapshot.size_gib);
        add(
            snapshot.timeline.created,
            "DB snapshot",
            id,
            snapshot.status(now),
            percent(&snapshot.timeline, now),
            detail,
        );
    }
    for (id, job) in &place.backup.jobs {
        let detail = format!("{}, {}", tail(&job.resource_arn), size(job.size));
        add(job.course.created, "Backup job", id, job.state(now), percent(&job.course, now), detail);
    }
    for (id, job) in &place.backup.copies {
        let detail = format!("{}, {}", tail(&job.resource_arn), size(job.size));
        add(job.course.created, "Copy job", id, job.state(now), None, detail);
    }
    for (id, job) in &place.backup.restores {
        let detail = format!("{}, {}", tail(&job.resource_arn), size(job.size));
        add(job.course.created, "Restore job", id, job.status(now), percent(&job.course, now), detail);
    }
    for (name, vault) in &place.backup.vaults {
        for (arn, point) in &vault.points {
            let Some(status) = place.backup.status_of(name, point, now) else { continue };
            let kept = point.lifecycle.delete_after.map_or("for ever".to_owned(), |days| format!("{days} days"));
            let detail = format!("in {name}, {}, kept {kept}", size(point.size));
            add(point.course.ends, "Recovery point", tail(arn), status, None, detail);
        }
    }
    for (id, instance) in place.rds.instances.iter().filter(|(_, i)| i.initializing.is_some() && !i.is_gone(now)) {
        let detail = format!("restored from a snapshot of {}", instance.data.of);
        add(instance.creating.created, "DB instance", id, instance.status(now), None, detail);
    }
    for (id, fs) in place.efs.file_systems.iter().filter(|(_, fs)| fs.restored.is_some() && fs.exists(now)) {
        let mounted = place.efs.targets_of(id, now).next().map(|(_, target)| format!(", mounted in {}", target.subnet));
        let detail = format!("{}, restored as {}{}", size(fs.size), fs.token, mounted.unwrap_or_default());
        add(fs.course.created, "File system", id, fs.state(now), percent(&fs.course, now), detail);
    }
    for (id, hold) in &place.backup.holds {
        add(hold.course.created, "Legal hold", id, hold.status(now), None, hold.title.clone());
    }
    all
}

/// What was there before.
fn given(place: &Region, now: Moment) -> Vec<Resource> {
    let mut all = Vec::new();
    let mut add = |kind, id: &str, status: &str, detail: String| {
        all.push(Resource { kind, id: id.to_owned(), status: status.to_owned(), percent: None, detail });
    };
    for (id, db) in place.rds.instances.iter().filter(|(_, i)| i.initializing.is_none() && !i.is_gone(now)) {
        add("DB instance", id, db.status(now), format!("{} {}, {} GiB", db.engine, db.version, db.size_gib));
    }
    for (id, fs) in place.efs.file_systems.iter().filter(|(_, fs)| fs.restored.is_none() && fs.exists(now)) {
        add("File system", id, fs.state(now), size(fs.size));
    }
    for (name, vault) in &place.backup.vaults {
        let there = vault.points.values().filter(|p| place.backup.status_of(name, p, now).is_some()).count();
        let status = if vault.locked { "locked" } else { "available" };
        add("Backup vault", name, status, format!("{there} recovery points"));
    }
    for plan in place.backup.plans.values().filter(|plan| plan.deleted.is_none()) {
        let rules = plan.body().and_then(|body| body["Rules"].as_array().cloned()).unwrap_or_default();
        let times: Vec<&str> = rules.iter().filter_map(|rule| rule["ScheduleExpression"].as_str()).collect();
        add("Backup plan", plan.name(), &format!("version {}", plan.versions.len()), times.join(", "));
    }
    all
}

/// Archives, by where they were put: what carries the tag of an operation.
fn objects(world: &World, region: &str, now: Moment) -> Vec<(Moment, Resource)> {
    let buckets = world.s3.buckets.iter().filter(|(_, bucket)| bucket.region == region);
    let archives = buckets.flat_map(|(name, bucket)| {
        bucket.objects.keys().filter_map(move |key| Some((name, key, bucket.current(key, now)?)))
    });
    archives
        .filter(|(_, _, version)| version.tags.contains_key("bbws:operation"))
        .map(|(bucket, key, version)| {
            let status = version.replication_status(now).map_or("stored".to_owned(), |s| format!("replication {s}"));
            let (id, detail) =
                (format!("s3://{bucket}/{key}"), size(i64::try_from(version.content.len()).unwrap_or(0)));
            (version.visible, Resource { kind: "Object", id, status, percent: None, detail })
        })
        .collect()
}

fn bucket(name: &str, bucket: &Bucket) -> Resource {
    let status = if bucket.versioning == Some(true) { "versioned" } else { "not versioned" }.to_owned();
    let detail = format!("{} objects", bucket.objects.len());
    Resource { kind: "Bucket", id: name.to_owned(), status, percent: None, detail }
}

fn percent(timeline: &Timeline, now: Moment) -> Option<u8> {
    match timeline.phase(now) {
        Phase::Failed(_) => None,
        _ => Some(timeline.percent(now)),
    }
}

/// Bytes for people.
fn size(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{value:.1} {}", UNITS[unit]) }
}

fn tail(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or(arn)
}
