//! The newest usable recovery point of each resource, without reading every point there is.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::super::{AwsCloud, side_by_side};
use super::points;
use crate::{
    domain::{
        environment::Environment,
        lag::Side,
        moment::Moment,
        point::{Place, Point, PointKind, PointQuery},
    },
    ports::cloud::CloudError,
};

/// Whatever is backed up at all is backed up more often than this. Where that is wrong the whole history is read.
const WINDOW: Duration = Duration::from_secs(3 * 86_400);

/// What a point is of.
pub type Of = (PointKind, String);

/// What was found.
#[derive(Debug, Default)]
pub struct Newest {
    /// By what it is of.
    pub points: BTreeMap<Of, Point>,
    /// The newest snapshot of each database: what a schedule of AWS Backup makes beside it is no snapshot.
    pub snapshots: BTreeMap<String, Point>,
    /// What could not be read, in sentences.
    pub unread: Vec<String>,
}

/// Looks for the newest usable point of each of these, of those from until `at` where that is asked for: first among the points of the last days, then, for what has none
/// there, among all of its own.
///
/// # Errors
/// `Retryable` or `Permanent` when nothing could be read.
pub async fn newest(
    cloud: &AwsCloud,
    environment: &Environment,
    side: Side,
    requester: &str,
    wanted: &[Of],
    at: Option<Moment>,
) -> Result<Newest, CloudError> {
    let kinds: BTreeSet<PointKind> = wanted.iter().map(|(kind, _)| *kind).collect();
    if kinds.is_empty() {
        return Ok(Newest::default());
    }
    // What was made at that moment is from until then.
    let before = at.map(|at| at + Duration::from_millis(1));
    let recent = PointQuery {
        kinds: kinds.into_iter().collect(),
        since: Some(at.unwrap_or_else(|| cloud.now()) - WINDOW),
        before,
        ..PointQuery::default()
    };
    let mut found = read(cloud, environment, side, requester, &recent).await?;
    // What could not be read just now is not asked for again.
    if found.unread.is_empty() {
        let missing: Vec<PointQuery> =
            wanted.iter().filter(|of| !found.points.contains_key(*of)).map(|of| all_of(of, before)).collect();
        let older = missing.iter().map(|query| read(cloud, environment, side, requester, query)).collect();
        for answer in side_by_side(older).await {
            let answer = answer?;
            found.points.extend(answer.points);
            found.snapshots.extend(answer.snapshots);
            found.unread.extend(answer.unread);
        }
    }
    found.points.retain(|of, _| wanted.contains(of));
    Ok(found)
}

fn all_of((kind, resource): &Of, before: Option<Moment>) -> PointQuery {
    PointQuery { kinds: vec![*kind], resource: Some(resource.clone()), before, ..PointQuery::default() }
}

async fn read(
    cloud: &AwsCloud,
    environment: &Environment,
    side: Side,
    requester: &str,
    query: &PointQuery,
) -> Result<Newest, CloudError> {
    let mut newest: BTreeMap<Of, Point> = BTreeMap::new();
    let mut snapshots: BTreeMap<String, Point> = BTreeMap::new();
    let mut keep = |page: Vec<Point>| {
        // A tenant's dump is none of its database.
        let whole = |point: &Point| point.kind != PointKind::Dump || point.tenant.is_none();
        for point in page.into_iter().filter(|point| point.usable() && whole(point)) {
            let younger = snapshots.get(&point.resource).is_none_or(|known| known.created < point.created);
            if point.place == Place::Snapshot && younger {
                snapshots.insert(point.resource.clone(), point.clone());
            }
            let of = (point.kind, point.resource.clone());
            if newest.get(&of).is_none_or(|known| known.created < point.created) {
                newest.insert(of, point);
            }
        }
    };
    let left_out = points::read(cloud, environment, query, requester, &[side], &mut keep).await?;
    Ok(Newest { points: newest, snapshots, unread: left_out.unread })
}
