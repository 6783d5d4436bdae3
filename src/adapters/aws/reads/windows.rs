//! From when to when databases can be restored to any second, in one region or in both.

use futures::future::join_all;

use super::{
    super::{AwsCloud, rds, session::Session},
    points,
};
use crate::{
    domain::{environment::Environment, lag::Side, point::Window},
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
    let found = rds::automated(session, databases).await?.into_iter();
    let ours = found.filter(|automated| automated.replicated == (side == Side::Dr));
    Ok(ours
        .filter_map(|automated| {
            Some(Window {
                database: automated.database,
                region: session.region.clone(),
                oldest: automated.oldest?,
                latest: automated.latest,
                backup: automated.backup,
            })
        })
        .collect())
}
