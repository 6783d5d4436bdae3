//! The simulated recovery points of a region, in the shape people see them in.

use super::{
    Inner, Verb, answer_of,
    estate::last,
    rds,
    time::Phase,
    world::{
        Aws, GIB, Object, RecoveryPoint, Region, Snapshot, TAG_ENVIRONMENT, TAG_OPERATION, TAG_RETENTION, TAG_TENANT,
        Tags,
    },
};
use crate::{
    domain::{
        environment::Environment,
        moment::Moment,
        point::{Place, PointKind, PointState},
    },
    ports::cloud::{CloudError, Pages, Point, PointQuery},
};

/// Recovery points per page: what AWS Backup and S3 give at most.
const PAGE: usize = 1000;
/// Snapshots per page of RDS.
const RDS_PAGE: usize = 100;

impl Inner {
    /// What a query finds in one region, with its faults and in the journal.
    pub(super) fn points(
        &mut self,
        environment: &Environment,
        region: &str,
        query: &PointQuery,
    ) -> Result<Vec<Point>, CloudError> {
        let now = self.time.now();
        let answer = self
            .faults
            .gate(&mut self.rng, Verb::Points, "points", &[region])
            .and_then(|_| list(&self.aws, environment, region, query, now));
        self.journal.requests_more(answer.as_ref().map_or(1, |(_, requests)| *requests));
        self.looked(Verb::Points, "points", region, now, answer_of(&answer));
        answer.map(|(found, _)| found)
    }
}

/// A page at a time, as AWS does.
pub(super) fn give(found: Vec<Point>, page: &mut Pages<'_>) {
    let mut rest = found.into_iter().peekable();
    while rest.peek().is_some() {
        page(rest.by_ref().take(PAGE).collect());
    }
}

/// Regions in which an environment has recovery points, the primary first.
pub(super) fn regions(environment: &Environment) -> Vec<&str> {
    let mut regions = vec![environment.primary_region.as_str()];
    if environment.replicates() || environment.dr_vault.is_some() || environment.dr_secrets_bucket.is_some() {
        regions.push(&environment.dr_region);
    }
    regions
}

/// What a query finds in one region, and how many requests AWS would have seen.
pub(super) fn list(
    aws: &Aws,
    environment: &Environment,
    region: &str,
    query: &PointQuery,
    now: Moment,
) -> Result<(Vec<Point>, usize), CloudError> {
    let place = aws.region(&environment.account, region)?;
    let look = Look { environment, place, region, now };
    let mut found = Vec::new();
    let mut requests = 0;
    if query.of(PointKind::Rds) {
        let snapshots: Vec<Point> = look.snapshots().collect();
        requests += snapshots.len().div_ceil(RDS_PAGE).max(1);
        found.extend(snapshots);
    }
    if query.of(PointKind::Efs) || query.of(PointKind::Rds) {
        let points = look.recovery_points();
        requests += points.len().div_ceil(PAGE).max(1);
        found.extend(points);
    }
    let archives = [PointKind::Secrets, PointKind::Config, PointKind::S3, PointKind::Dump];
    if archives.into_iter().any(|kind| query.of(kind)) {
        let objects = look.archives();
        requests += objects.len().div_ceil(PAGE).max(1);
        found.extend(objects);
    }
    found.retain(|point| query.wants(point));
    Ok((found, requests))
}

/// Everything of an environment in the regions given, whatever stands in the way.
pub(super) fn all(aws: &Aws, environment: &Environment, regions: &[&str], now: Moment) -> Vec<Point> {
    let query = PointQuery::default();
    let lists = regions.iter().filter_map(|region| list(aws, environment, region, &query, now).ok());
    lists.flat_map(|(points, _)| points).collect()
}

/// Every point of the resource whose point has this id or ARN.
pub(super) fn lineage(points: Vec<Point>, id: &str) -> Vec<Point> {
    let Some(wanted) = points.iter().find(|p| p.id == id || p.arn == id) else { return Vec::new() };
    let (kind, resource) = (wanted.kind, wanted.resource.clone());
    points.into_iter().filter(|p| p.kind == kind && p.resource == resource).collect()
}

/// The newest usable point of each resource, and the newest snapshot of each database.
pub(super) fn newest(points: Vec<Point>) -> Vec<Point> {
    let mut newest = std::collections::BTreeMap::<(PointKind, String, bool), Point>::new();
    for point in points.into_iter().filter(Point::usable) {
        let key = (point.kind, point.resource.clone(), point.place == Place::Snapshot);
        if newest.get(&key).is_none_or(|known| known.created < point.created) {
            newest.insert(key, point);
        }
    }
    newest.into_values().collect()
}

struct Look<'a> {
    environment: &'a Environment,
    place: &'a Region,
    region: &'a str,
    now: Moment,
}

impl Look<'_> {
    fn snapshots(&self) -> impl Iterator<Item = Point> {
        let ours = |snapshot: &Snapshot| {
            snapshot.tags.get(TAG_ENVIRONMENT) == Some(&self.environment.name)
                || self.environment.databases.iter().any(|db| db.id == snapshot.database())
        };
        self.place.snapshots.iter().filter(move |(_, s)| ours(s)).map(|(name, s)| self.snapshot(name, s))
    }

    fn snapshot(&self, name: &str, snapshot: &Snapshot) -> Point {
        let state = match snapshot.course.phase(self.now) {
            Phase::Done => PointState::Available,
            Phase::Failed(_) => PointState::Unusable,
            Phase::Queued | Phase::Running(_) => PointState::Creating,
        };
        let point = Point {
            kind: PointKind::Rds,
            id: name.to_owned(),
            arn: rds::arn(&self.environment.account, self.region, name),
            place: Place::Snapshot,
            region: self.region.to_owned(),
            resource: snapshot.database().to_owned(),
            created: snapshot.data(),
            bytes: Some(u64::from(snapshot.size_gib) * GIB),
            expires: None,
            state,
            encrypted: snapshot.encrypted,
            locked: false,
            retention_days: None,
            operation: None,
            tenant: None,
        };
        tagged(point, &snapshot.tags)
    }

    fn vault(&self) -> Option<&str> {
        let primary = self.region == self.environment.primary_region;
        if primary { Some(&self.environment.vault) } else { self.environment.dr_vault.as_deref() }
    }

    fn recovery_points(&self) -> Vec<Point> {
        let Some((name, vault)) = self.vault().and_then(|name| Some((name, self.place.vaults.get(name)?))) else {
            return Vec::new();
        };
        let there = vault.points.iter().filter(|(_, point)| self.place.is_there(name, point, self.now));
        there.map(|(arn, point)| self.recovery_point(name, vault.locked, arn, point)).collect()
    }

    fn recovery_point(&self, vault: &str, locked: bool, arn: &str, point: &RecoveryPoint) -> Point {
        let overdue = point.expired || point.expires() <= self.now;
        let kind = if point.resource_arn.contains(":db:") { PointKind::Rds } else { PointKind::Efs };
        let found = Point {
            kind,
            id: last(arn).to_owned(),
            arn: arn.to_owned(),
            place: Place::Vault { vault: vault.to_owned() },
            region: self.region.to_owned(),
            resource: last(&point.resource_arn).to_owned(),
            created: point.data(),
            bytes: Some(point.size_bytes),
            expires: Some(point.expires()),
            state: if overdue { PointState::Expired } else { PointState::Available },
            encrypted: point.encrypted,
            locked,
            retention_days: None,
            operation: None,
            tenant: None,
        };
        Point { retention_days: Some(point.retention_days), ..tagged(found, &point.tags) }
    }

    fn archives(&self) -> Vec<Point> {
        let primary = self.region == self.environment.primary_region;
        let name = if primary { &self.environment.secrets_bucket } else { &self.environment.dr_secrets_bucket };
        let Some((name, bucket)) = name.as_ref().and_then(|name| Some((name, self.place.buckets.get(name)?))) else {
            return Vec::new();
        };
        let prefix = format!("{}/", self.environment.name);
        let own = bucket.objects.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        let there = own.filter(|(_, object)| object.course.done(self.now));
        there.filter_map(|(key, object)| self.archive(name, key, object)).collect()
    }

    fn archive(&self, bucket: &str, key: &str, object: &Object) -> Option<Point> {
        let kind = PointKind::of_key(key)?;
        let resource = match (object.resource.as_str(), kind) {
            ("", PointKind::Secrets) => self.environment.secrets_prefix.clone().unwrap_or_default(),
            (resource, _) => resource.to_owned(),
        };
        let point = Point {
            kind,
            id: key.to_owned(),
            arn: format!("arn:aws:s3:::{bucket}/{key}"),
            place: Place::Bucket { bucket: bucket.to_owned() },
            region: self.region.to_owned(),
            resource,
            created: object.data(),
            bytes: Some(object.size),
            expires: None,
            state: PointState::Available,
            encrypted: !object.key.is_empty(),
            locked: false,
            retention_days: None,
            operation: None,
            tenant: None,
        };
        Some(tagged(point, &object.tags))
    }
}

fn tagged(point: Point, tags: &Tags) -> Point {
    Point {
        retention_days: tags.get(TAG_RETENTION).and_then(|days| days.parse().ok()),
        operation: tags.get(TAG_OPERATION).cloned(),
        tenant: tags.get(TAG_TENANT).cloned(),
        ..point
    }
}
