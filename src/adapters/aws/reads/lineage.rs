//! A recovery point by the id that people type, and everything else of its resource.

use futures::future::join_all;

use super::super::{AwsCloud, backup, rds, session::Session};
use super::{archives, newest::Of, points};
use crate::{
    domain::{
        environment::Environment,
        lag::Leg,
        point::{Point, PointKind, PointQuery},
    },
    ports::cloud::CloudError,
};

/// What an id can be.
enum Id<'i> {
    /// A snapshot's name.
    Snapshot(&'i str),
    /// The ARN of a recovery point in a vault, by the region it would be in.
    Point(Box<dyn Fn(&str) -> String + Send + Sync + 'i>),
    /// An object's key.
    Key(&'i str),
}

/// Every recovery point of the same kind and resource as the one with this id, in both regions; empty when there is no such point.
///
/// # Errors
/// Also when only a part can be read: whoever deletes has to know every copy.
pub async fn lineage(
    cloud: &AwsCloud,
    environment: &Environment,
    id: &str,
    requester: &str,
) -> Result<Vec<Point>, CloudError> {
    let Some((kind, resource)) = of(cloud, environment, id, requester).await? else { return Ok(Vec::new()) };
    // A dump of a database is no replacement for its snapshots, so other kinds are no kin.
    let query = PointQuery { kinds: vec![kind], resource: Some(resource), ..PointQuery::default() };
    let mut found = Vec::new();
    let unread =
        points::read(cloud, environment, &query, requester, &points::BOTH, &mut |page| found.extend(page)).await?;
    whole(unread)?;
    // The resource of a key is read out of the key, so the object itself need not be there.
    let there = found.iter().any(|point: &Point| point.id == id || point.arn == id);
    Ok(if there { found } else { Vec::new() })
}

/// Refuses what was read in part.
///
/// # Errors
/// What could not be read.
pub fn whole(unread: Vec<String>) -> Result<(), CloudError> {
    if unread.is_empty() { Ok(()) } else { Err(CloudError::Retryable { reason: unread.join(" "), after: None }) }
}

/// What the point with this id is of.
async fn of(cloud: &AwsCloud, environment: &Environment, id: &str, requester: &str) -> Result<Option<Of>, CloudError> {
    let what = read(environment, id);
    if let Id::Key(key) = what {
        return Ok(of_key(environment, key));
    }
    let legs = points::BOTH.into_iter().filter(|leg| *leg == Leg::Primary || environment.replicates());
    let what = &what;
    let asked = legs.map(|leg| async move {
        let session = cloud.sessions.get(environment, points::region(environment, leg), requester).await;
        match what {
            Id::Snapshot(name) => of_snapshot(&session, name).await,
            Id::Point(arn) => of_point(&session, environment, leg, &arn(&session.region)).await,
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
            _ => Id::Point(Box::new(move |_| id.to_owned())),
        };
    }
    let account = &environment.account;
    if id.contains('/') {
        Id::Key(id)
    } else if id.len() == 36 && id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
        Id::Point(Box::new(move |region| format!("arn:aws:backup:{region}:{account}:recovery-point:{id}")))
    } else if id.starts_with("job-") || id.starts_with("copyjob-") {
        Id::Point(Box::new(move |region| format!("arn:aws:rds:{region}:{account}:snapshot:awsbackup:{id}")))
    } else if id.starts_with("ab-") {
        Id::Point(Box::new(move |region| format!("arn:aws:rds:{region}:{account}:auto-backup:{id}")))
    } else {
        Id::Snapshot(id)
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

async fn of_point(session: &Session, environment: &Environment, leg: Leg, arn: &str) -> Result<Option<Of>, CloudError> {
    let vault = match leg {
        Leg::Primary => Some(&environment.vault),
        Leg::Dr => environment.dr_vault.as_ref(),
    };
    // An ARN that was typed says its region.
    let elsewhere = arn.split(':').nth(3).is_some_and(|region| region != session.region);
    let Some(vault) = vault.filter(|_| !elsewhere) else { return Ok(None) };
    let found = backup::describe_point(session, vault, arn).await?;
    Ok(found.and_then(|point| points::resource(point.resource_arn.as_deref()?)))
}
