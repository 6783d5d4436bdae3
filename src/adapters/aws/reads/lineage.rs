//! A recovery point by the id that people type, and everything else of its resource.

use futures::future::join_all;

use super::super::{AwsCloud, backup, rds, session::Session};
use super::{archives, newest::Of, points};
use crate::{
    domain::{
        environment::Environment,
        lag::Side,
        point::{Point, PointKind, PointQuery},
    },
    ports::cloud::CloudError,
};

/// ARNs by the region they would be in.
type Regional<'i> = Box<dyn Fn(&str) -> Vec<String> + Send + Sync + 'i>;

/// What an id can be.
enum Id<'i> {
    /// A snapshot's name.
    Snapshot(&'i str),
    /// What the ARN of a recovery point in a vault can be, by the region it would be in.
    Point(Regional<'i>),
    /// A snapshot's name, or the end of the ARN of a continuous backup or of what is kept of a bucket.
    Either(&'i str),
    /// An object's key.
    Key(&'i str),
}

/// Every recovery point of the same kind and resource as the one with this id, on these sides; empty when there is no such point
/// there. Other sides are not asked: what is restored on one needs nothing of another one, which may be dead.
///
/// # Errors
/// Also when only a part can be read: whoever deletes has to know every copy.
pub async fn lineage(
    cloud: &AwsCloud,
    environment: &Environment,
    (id, sides): (&str, &[Side]),
    requester: &str,
) -> Result<Vec<Point>, CloudError> {
    let Some((kind, resource)) = of(cloud, environment, (id, sides), requester).await? else { return Ok(Vec::new()) };
    // A dump of a database is no replacement for its snapshots, so other kinds are no kin.
    let query = PointQuery { kinds: vec![kind], resource: Some(resource), ..PointQuery::default() };
    let mut found = Vec::new();
    let left_out = points::read(cloud, environment, &query, requester, sides, &mut |page| found.extend(page)).await?;
    whole(left_out.unread)?;
    // The resource of a key is read out of the key, so the object itself need not be there.
    let there = found.iter().any(|point: &Point| point.is_named(id));
    Ok(if there { found } else { Vec::new() })
}

/// Every recovery point of a database, in both regions.
///
/// # Errors
/// Also when only a part can be read.
pub async fn history(
    cloud: &AwsCloud,
    environment: &Environment,
    database: &str,
    requester: &str,
) -> Result<Vec<Point>, CloudError> {
    let (kinds, resource) = (vec![PointKind::Rds], Some(database.to_owned()));
    let query = PointQuery { kinds, resource, ..PointQuery::default() };
    let mut found = Vec::new();
    let left_out =
        points::read(cloud, environment, &query, requester, &points::BOTH, &mut |page| found.extend(page)).await?;
    whole(left_out.unread)?;
    Ok(found)
}

/// Refuses what was read in part.
///
/// # Errors
/// What could not be read.
pub fn whole(unread: Vec<String>) -> Result<(), CloudError> {
    if unread.is_empty() { Ok(()) } else { Err(CloudError::Retryable { reason: unread.join(" "), after: None }) }
}

/// What the point with this id is of.
async fn of(
    cloud: &AwsCloud,
    environment: &Environment,
    (id, sides): (&str, &[Side]),
    requester: &str,
) -> Result<Option<Of>, CloudError> {
    let what = read(environment, id);
    if let Id::Key(key) = what {
        return Ok(of_key(environment, key));
    }
    let sides = sides.iter().filter(|side| **side == Side::Primary || environment.replicates());
    let what = &what;
    let asked = sides.map(|side| async move {
        let side = *side;
        let session = cloud.sessions.get(environment, points::region(environment, side), requester).await;
        match what {
            Id::Snapshot(name) => of_snapshot(&session, name).await,
            Id::Point(arns) => of_points(&session, environment, side, arns(&session.region)).await,
            Id::Either(name) => match of_snapshot(&session, name).await? {
                Some(found) => Ok(Some(found)),
                None => {
                    let (region, account) = (&session.region, &environment.account);
                    let arn = |front| format!("arn:aws:backup:{region}:{account}:recovery-point:{front}{name}");
                    of_points(&session, environment, side, ["continuous:", ""].map(arn).to_vec()).await
                }
            },
            Id::Key(_) => Ok(None),
        }
    });
    let mut error = None;
    for answer in join_all(asked).await {
        match answer {
            Ok(Some(resource)) => return Ok(Some(resource)),
            Ok(None) => {}
            Err(reason) => error = Some(reason),
        }
    }
    error.map_or(Ok(None), Err)
}

/// Tells ids apart by their shape: AWS Backup's own are UUIDs or begin with `job-` or `copyjob-`.
fn read<'i>(environment: &'i Environment, id: &'i str) -> Id<'i> {
    if let Some(object) = id.strip_prefix("arn:aws:s3:::") {
        return Id::Key(object.split_once('/').map_or(object, |(_, key)| key));
    }
    if id.starts_with("arn:") {
        return match id.split_once(":snapshot:") {
            Some((_, name)) if !name.starts_with("awsbackup:") => Id::Snapshot(name),
            _ => Id::Point(Box::new(move |_| vec![id.to_owned()])),
        };
    }
    let account = &environment.account;
    let begins = |start: &str| id.get(..start.len()).is_some_and(|front| front.eq_ignore_ascii_case(start));
    if id.contains('/') {
        Id::Key(id)
    } else if id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
        // AWS Backup writes some of its ids in capitals.
        let cases = [id.to_owned(), id.to_ascii_uppercase(), id.to_ascii_lowercase()];
        Id::Point(Box::new(move |region| {
            let mut arns: Vec<String> =
                cases.iter().map(|id| format!("arn:aws:backup:{region}:{account}:recovery-point:{id}")).collect();
            arns.dedup();
            arns
        }))
    } else if begins("job-") || begins("copyjob-") {
        Id::Point(Box::new(move |region| {
            vec![format!("arn:aws:rds:{region}:{account}:snapshot:awsbackup:{}", id.to_ascii_lowercase())]
        }))
    } else if begins("ab-") {
        Id::Point(Box::new(move |region| {
            vec![format!("arn:aws:rds:{region}:{account}:auto-backup:{}", id.to_ascii_lowercase())]
        }))
    } else {
        Id::Either(id)
    }
}

fn of_key(environment: &Environment, key: &str) -> Option<Of> {
    let kind: PointKind = PointKind::of_key(key)?;
    let [ours, _, _, _, file] = key.splitn(5, '/').collect::<Vec<_>>()[..] else { return None };
    (ours == environment.name).then(|| (kind, archives::resource(environment, kind, file)))
}

async fn of_snapshot(session: &Session, name: &str) -> Result<Option<Of>, CloudError> {
    let found = rds::describe(session, &[name]).await?;
    let database = found.get(&name.to_lowercase()).and_then(|s| s.db_instance_identifier.clone());
    Ok(database.map(|id| (PointKind::Rds, id)))
}

async fn of_points(
    session: &Session,
    environment: &Environment,
    side: Side,
    arns: Vec<String>,
) -> Result<Option<Of>, CloudError> {
    for arn in arns {
        if let Some(found) = of_point(session, environment, side, &arn).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

async fn of_point(
    session: &Session,
    environment: &Environment,
    side: Side,
    arn: &str,
) -> Result<Option<Of>, CloudError> {
    let vault = match side {
        Side::Primary => Some(&environment.vault),
        Side::Dr => environment.dr_vault.as_ref(),
    };
    // An ARN that was typed says its region.
    let elsewhere = arn.split(':').nth(3).is_some_and(|region| region != session.region);
    let Some(vault) = vault.filter(|_| !elsewhere) else { return Ok(None) };
    let found = backup::describe_point(session, vault, arn).await?;
    Ok(found.and_then(|point| points::resource(point.resource_arn.as_deref()?)))
}
