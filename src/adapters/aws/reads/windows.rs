//! From when to when databases can be restored to any second, in both regions.

use futures::future::join_all;

use super::{
    super::{AwsCloud, rds},
    points,
};
use crate::{
    domain::{environment::Environment, lag::Side, point::Window},
    ports::cloud::Windows,
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
        (side, session.region.clone(), rds::automated(&session, databases).await)
    }));
    for (side, region, found) in read.await {
        match found {
            // In the DR region there are those that were replicated there; what lives there is another database.
            Ok(found) => all.windows.extend(
                found.into_iter().filter(|a| a.replicated == (side == Side::Dr)).filter_map(|automated| {
                    let (oldest, latest) = (automated.oldest?, automated.latest);
                    Some(Window { database: automated.database, region: region.clone(), oldest, latest })
                }),
            ),
            Err(error) => {
                all.unread.push(format!("Up to when databases can be restored in {region} is not known. {error}"))
            }
        }
    }
    all.windows.sort_by(|a, b| (&a.database, &a.region).cmp(&(&b.database, &b.region)));
    all
}
