//! What the watcher measures of the simulated AWS: lags, jobs, vaults, keys, buckets, what exists.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Inner, Verb, answer_of, backup, buckets,
    estate::last,
    points, survey,
    world::{Aws, Job, Region, permanent},
};
use crate::{
    domain::{
        environment::Environment,
        lag::{Component, Existing, JobTrouble, Leg},
        moment::Moment,
        point::PointKind,
    },
    ports::cloud::{CloudError, Condition, Point, Readings},
};

/// Automated backups can be restored from up to so long ago.
pub(super) const RESTORABLE: Duration = Duration::from_secs(300);
const DAY: Duration = Duration::from_secs(86_400);

/// What is asked of one region: what is in it, or why it cannot be asked.
struct Asked<'a> {
    region: &'a str,
    place: Result<&'a Region, String>,
    points: Vec<Point>,
}

impl<'a> Asked<'a> {
    /// A region that answers, or the reason why it does not.
    fn new(
        aws: &'a Aws,
        environment: &'a Environment,
        region: &'a str,
        open: Result<(), String>,
        now: Moment,
    ) -> Result<Asked<'a>, CloudError> {
        let place = aws.region(&environment.account, region)?;
        let points = if open.is_ok() { points::all(aws, environment, &[region], now) } else { Vec::new() };
        Ok(Asked { region, place: open.map(|()| place), points })
    }

    /// Time of the newest usable point of a resource.
    fn newest(&self, kind: PointKind, resource: &str) -> Result<Moment, String> {
        self.place.as_ref().map_err(Clone::clone)?;
        let of = self.points.iter().filter(|p| p.kind == kind && p.resource == resource && p.usable());
        let newest = of.map(|p| p.created).max();
        newest.ok_or_else(|| format!("there is no usable backup of {resource} in {}", self.region))
    }
}

impl Inner {
    /// Measures an environment, region by region.
    pub(super) fn readings(&mut self, environment: &Environment) -> Result<Readings, CloudError> {
        let now = self.time.now();
        let mut asked = Vec::new();
        let regions = points::regions(environment);
        for region in &regions {
            let gate = self.faults.gate(&mut self.rng, Verb::Readings, "readings", &[region]);
            self.journal.request();
            self.looked(Verb::Readings, "readings", region, now, answer_of(&gate));
            asked.push(gate.map(|_| ()).map_err(|error| error.to_string()));
        }
        let mut sides = regions
            .into_iter()
            .zip(asked)
            .map(|(region, open)| Asked::new(&self.aws, environment, region, open, now))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter();
        let primary = sides.next().ok_or_else(|| permanent("the environment has no region"))?;
        Ok(read(&self.aws, environment, &primary, sides.next().as_ref(), now))
    }
}

/// Measures an environment.
fn read(aws: &Aws, environment: &Environment, primary: &Asked<'_>, dr: Option<&Asked<'_>>, now: Moment) -> Readings {
    let mut components = components(environment, primary, Leg::Primary, now);
    if let Some(dr) = dr.filter(|_| environment.replicates()) {
        components.extend(components_in_dr(environment, primary, dr, now));
    }
    for component in &mut components {
        if let Some(lag) = aws.lagging.get(&Aws::lag_key(environment, &component.name()))
            && let Ok(safe) = &mut component.safe
        {
            *safe = (*safe).min(now - Duration::from_millis(*lag));
        }
    }
    let of_primary = primary.place.as_ref().map_err(Clone::clone);
    Readings {
        at: now,
        components,
        jobs: of_primary.clone().map(|place| jobs(place, now)),
        trouble: of_primary.clone().map(|place| trouble(place, primary.region, now)),
        places: places(environment, primary, dr),
        existing: of_primary.map(|place| existing(place, environment, now)),
    }
}

/// Everything declared whose newest archive or point decides, without RDS and buckets of data.
fn by_newest(environment: &Environment) -> Vec<(PointKind, &str)> {
    let mut all: Vec<(PointKind, &str)> =
        environment.file_systems.iter().map(|fs| (PointKind::Efs, fs.id.as_str())).collect();
    let archives = environment.secrets_bucket.is_some();
    all.extend(environment.secrets_prefix.iter().filter(|_| archives).map(|p| (PointKind::Secrets, p.as_str())));
    all.extend(environment.parameters_prefix.iter().filter(|_| archives).map(|p| (PointKind::Config, p.as_str())));
    all.extend(environment.dumps.iter().map(|d| (PointKind::Dump, d.database.as_str())));
    all
}

fn components(environment: &Environment, primary: &Asked<'_>, leg: Leg, now: Moment) -> Vec<Component> {
    let component = |kind, resource: &str, safe| Component { kind, resource: resource.to_owned(), leg, safe };
    let mut all = Vec::new();
    for db in &environment.databases {
        all.push(component(PointKind::Rds, &db.id, restorable(primary, &db.id, now)));
    }
    for (kind, resource) in by_newest(environment) {
        all.push(component(kind, resource, primary.newest(kind, resource)));
    }
    for bucket in &environment.buckets {
        let safe = primary.place.clone().and_then(|place| buckets::versioned(place, primary.region, &bucket.name));
        all.push(component(PointKind::S3, &bucket.name, safe.map(|()| now)));
    }
    all
}

fn components_in_dr(environment: &Environment, primary: &Asked<'_>, dr: &Asked<'_>, now: Moment) -> Vec<Component> {
    let component = |kind, resource: &str, safe| Component { kind, resource: resource.to_owned(), leg: Leg::Dr, safe };
    let mut all = Vec::new();
    for db in &environment.databases {
        all.push(component(PointKind::Rds, &db.id, dr.newest(PointKind::Rds, &db.id)));
    }
    for (kind, resource) in by_newest(environment) {
        all.push(component(kind, resource, dr.newest(kind, resource)));
    }
    for bucket in environment.buckets.iter().filter(|bucket| bucket.dr.is_some()) {
        // The state of replication is told by the source.
        let place = dr.place.clone().and(primary.place.clone());
        let safe = place.and_then(|place| buckets::in_sync(place, environment, bucket, now));
        all.push(component(PointKind::S3, &bucket.name, safe));
    }
    all
}

/// Automated backups cover up to five minutes ago; without them the newest snapshot counts.
fn restorable(primary: &Asked<'_>, id: &str, now: Moment) -> Result<Moment, String> {
    let place = primary.place.as_ref().map_err(Clone::clone)?;
    let db = place.databases.get(id).ok_or_else(|| format!("DB instance {id} does not exist in {}", primary.region))?;
    if db.automated_days > 0 { Ok(now - RESTORABLE) } else { primary.newest(PointKind::Rds, id) }
}

fn jobs(place: &Region, now: Moment) -> BTreeMap<String, u64> {
    let since = now - DAY * 14;
    let mut count = BTreeMap::new();
    let past = place.past_jobs.iter().filter(|job| job.at >= since).map(|job| job.state.as_str());
    let own = place.jobs.values().filter(|job| !job.copy && job.course.created >= since);
    for state in past.chain(own.map(|job| backup::job_state(job, now))) {
        *count.entry(state.to_owned()).or_default() += 1;
    }
    count
}

fn trouble(place: &Region, region: &str, now: Moment) -> Vec<JobTrouble> {
    let recent = |at: Moment| at <= now && at >= now - DAY;
    let past = place.past_jobs.iter().filter(|job| job.state != "COMPLETED" && recent(job.at)).map(|job| JobTrouble {
        id: job.id.clone(),
        what: "backup".to_owned(),
        resource: job.resource.clone(),
        region: region.to_owned(),
        state: job.state.clone(),
        at: job.at,
        message: job.message.clone(),
    });
    let failed = place.jobs.iter().filter(|(_, job)| job.course.failed(now) && recent(job.course.ends));
    let mut all: Vec<JobTrouble> = past.chain(failed.map(|(id, job)| failure(id, job, region, now))).collect();
    all.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
    all
}

fn failure(id: &str, job: &Job, region: &str, now: Moment) -> JobTrouble {
    JobTrouble {
        id: id.to_owned(),
        what: if job.copy { "copy" } else { "backup" }.to_owned(),
        resource: last(&job.resource_arn).to_owned(),
        region: region.to_owned(),
        state: backup::job_state(job, now).to_owned(),
        at: job.course.ends,
        message: job.course.fails.clone().unwrap_or_default(),
    }
}

fn places(environment: &Environment, primary: &Asked<'_>, dr: Option<&Asked<'_>>) -> Vec<(String, Condition)> {
    let mut all = Vec::new();
    let mut add = |asked: &Asked<'_>, what: &str, name: &str, look: &dyn Fn(&Region) -> Condition| {
        let condition = asked.place.clone().and_then(look);
        all.push((format!("{what} {name}"), condition));
    };
    let e = environment;
    add(primary, "region", primary.region, &|_| Ok(primary.region.to_owned()));
    add(primary, "vault", &e.vault, &|place| survey::vault(place, primary.region, &e.vault));
    if let Some(name) = &e.secrets_bucket {
        add(primary, "bucket", name, &|place| survey::bucket(place, primary.region, name));
    }
    for bucket in &e.buckets {
        add(primary, "bucket", &bucket.name, &|place| buckets::usable(place, e, bucket));
    }
    if let Some(name) = &e.dump_kms_key {
        add(primary, "key", name, &|place| place.usable_key(primary.region, name));
    }
    let Some(dr) = dr else { return all };
    add(dr, "region", dr.region, &|_| Ok(dr.region.to_owned()));
    if let Some(name) = &e.dr_vault {
        add(dr, "vault", name, &|place| survey::vault(place, dr.region, name));
    }
    if let Some(name) = &e.dr_secrets_bucket {
        add(dr, "bucket", name, &|place| match &primary.place {
            Ok(source) => survey::dr_bucket(source, place, e, name),
            Err(_) => survey::bucket(place, dr.region, name),
        });
    }
    for name in e.buckets.iter().filter_map(|bucket| bucket.dr.as_ref()) {
        add(dr, "bucket", name, &|place| survey::bucket(place, dr.region, name));
    }
    if let Some(name) = &e.dr_kms_key {
        add(dr, "key", name, &|place| place.usable_key(dr.region, name));
    }
    all
}

fn existing(place: &Region, environment: &Environment, now: Moment) -> Vec<Existing> {
    let databases = place.databases.keys();
    let restored = place.instances.iter().filter(|(_, instance)| instance.exists(now)).map(|(id, _)| id);
    let mut all: Vec<Existing> = databases
        .chain(restored)
        .map(|id| Existing { kind: PointKind::Rds, id: id.clone(), name: id.clone() })
        .collect();
    all.extend(place.file_systems.keys().map(|id| {
        let declared = environment.file_systems.iter().find(|fs| fs.id == *id);
        Existing { kind: PointKind::Efs, id: id.clone(), name: declared.map_or(id, |fs| &fs.name).clone() }
    }));
    let restored = place.restored_files.iter().filter(|(_, files)| files.exists(now));
    all.extend(restored.map(|(name, f)| Existing { kind: PointKind::Efs, id: f.id.clone(), name: name.clone() }));
    all
}
