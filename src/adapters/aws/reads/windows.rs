//! From when to when databases can be restored to any second, in one region or in both, and what breaks that.

use std::time::Duration;

use futures::future::join_all;

use super::{
    super::{
        AwsCloud,
        rds::{self, Automated},
        session::Session,
    },
    chain, points,
};
use crate::{
    domain::{chain::Gap, environment::Environment, lag::Side, point::Window},
    ports::cloud::{CloudError, Windows},
};

/// Reads the windows of every database of the environment; a region that does not answer is a sentence.
pub async fn read(cloud: &AwsCloud, environment: &Environment, requester: &str) -> Windows {
    let databases: Vec<String> = environment.databases.iter().map(|d| d.id.clone()).collect();
    let mut all = Windows::default();
    if databases.is_empty() {
        return all;
    }
    let sides = points::BOTH.into_iter().filter(|side| *side == Side::Primary || environment.replicates());
    let databases = &databases;
    let read = join_all(sides.map(|side| async move {
        let session = cloud.sessions.get(environment, points::region(environment, side), requester).await;
        (session.region.clone(), of_region(&session, side, databases).await)
    }));
    for (region, found) in read.await {
        match found {
            Ok(found) => all.windows.extend(found),
            Err(error) => {
                all.unread.push(format!("Up to when databases can be restored in {region} is not known. {error}"))
            }
        }
    }
    all.windows.sort_by(|a, b| (&a.database, &a.region).cmp(&(&b.database, &b.region)));
    all
}

/// The windows of these databases in the region of a side. In the DR region there are those that were replicated there; what
/// lives there is another database.
///
/// # Errors
/// See [`CloudError`].
pub async fn of_region(session: &Session, side: Side, databases: &[String]) -> Result<Vec<Window>, CloudError> {
    Ok(of(session, side, rds::automated(session, databases).await?))
}

/// The windows among these automated backups. Those of an instance that is gone are no past of the one that has its name now.
fn of(session: &Session, side: Side, found: Vec<Automated>) -> Vec<Window> {
    let ours = found.into_iter().filter(|backup| backup.replicated == (side == Side::Dr) && backup.gone.is_none());
    ours.filter_map(|automated| {
        Some(Window {
            database: automated.database,
            region: session.region.clone(),
            oldest: automated.oldest?,
            latest: automated.latest,
            backup: automated.backup,
        })
    })
    .collect()
}

/// The windows, and what breaks them: backups that were off for a while, by the events of the last 14 days, and another instance
/// that had the name before. Why that is not known is a sentence.
///
/// # Errors
/// See [`CloudError`].
pub async fn whole(
    session: &Session,
    side: Side,
    databases: &[String],
) -> Result<(Vec<Window>, Result<Vec<Gap>, String>), CloudError> {
    let found = rds::automated(session, databases).await?;
    let gone: Vec<Automated> = found.iter().filter(|backup| backup.gone.is_some()).cloned().collect();
    let windows = of(session, side, found);
    let mut gaps: Vec<Gap> = gone.iter().filter_map(|backup| before(session, backup, &windows)).collect();
    // What is copied here tells nothing of its own.
    for database in databases.iter().filter(|_| side == Side::Primary) {
        match chain::links(session, database).await {
            Ok(links) => gaps.extend(Gap::between(database, &links)),
            Err(CloudError::Permanent { reason }) => return Ok((windows, Err(reason))),
            Err(error) => return Err(error),
        }
    }
    Ok((windows, Ok(gaps)))
}

/// The time of an instance that had the name before the one that has it now.
fn before(session: &Session, backup: &Automated, windows: &[Window]) -> Option<Gap> {
    let (oldest, id) = (backup.oldest?, backup.gone.as_ref()?);
    let now = windows.iter().find(|window| window.database == backup.database);
    Some(Gap {
        database: backup.database.clone(),
        from: oldest - Duration::from_millis(1),
        until: now.map(|window| window.oldest),
        why: format!(
            "{} was another instance then, {id}, which is gone. RDS keeps its backups from {oldest} to {}: `aws rds restore-db-instance-to-point-in-time --region {} --source-dbi-resource-id {id}` restores from them",
            backup.database, backup.latest, session.region
        ),
        certain: true,
    })
}
