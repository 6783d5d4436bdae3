//! What an environment's watcher measures, in both regions side by side. What cannot be measured says why.

use std::{collections::BTreeMap, sync::Arc};

use futures::future::{OptionFuture, join, join5};

use super::super::{AwsCloud, efs, rds, session::Session, sts};
use super::{components, jobs, places, points};
use crate::{
    domain::{
        environment::Environment,
        lag::{Existing, JobTrouble, Side},
        moment::Moment,
        point::PointKind,
    },
    ports::cloud::{CloudError, DatabaseFound, Measurements},
};

/// What is measured, by whom, and the regions that answer.
pub struct Watch<'a> {
    /// AWS.
    pub cloud: &'a AwsCloud,
    /// Environment.
    pub environment: &'a Environment,
    /// For whom.
    pub requester: &'a str,
    /// When.
    pub at: Moment,
    /// The primary region, or why it does not answer.
    pub here: Result<Arc<Session>, String>,
    /// The DR region, or why it does not answer; none where nothing is copied there.
    pub there: Option<Result<Arc<Session>, String>>,
}

impl Watch<'_> {
    /// The region of a side, or why it does not answer.
    ///
    /// # Errors
    /// A sentence.
    pub fn session(&self, side: Side) -> Result<&Arc<Session>, String> {
        match side {
            Side::Primary => self.here.as_ref().map_err(Clone::clone),
            Side::Dr => match &self.there {
                Some(there) => there.as_ref().map_err(Clone::clone),
                None => Err(format!("Environment {} is not copied to the DR region.", self.environment.name)),
            },
        }
    }
}

/// Measures everything.
///
/// # Errors
/// When neither region answers, and for the wrong account.
pub async fn measurements(
    cloud: &AwsCloud,
    environment: &Environment,
    requester: &str,
) -> Result<Measurements, CloudError> {
    let (here, there) = join(
        reach(cloud, environment, Side::Primary, requester),
        OptionFuture::from(environment.replicates().then(|| reach(cloud, environment, Side::Dr, requester))),
    )
    .await;
    let (here, there) = (here?, there.transpose()?);
    let here = match (here, &there) {
        (Err(error), None | Some(Err(_))) => return Err(error),
        (here, _) => here.map_err(|e| e.to_string()),
    };
    let there = there.map(|there| there.map_err(|e| e.to_string()));
    let watch = Watch { cloud, environment, requester, at: cloud.now(), here, there };
    let (instances, file_systems) = join(instances(&watch), file_systems(&watch)).await;
    let (primary, dr, jobs, trouble, places) = join5(
        components::measure(&watch, Side::Primary, &instances),
        OptionFuture::from(watch.there.as_ref().map(|_| components::measure(&watch, Side::Dr, &instances))),
        counts(&watch),
        trouble(&watch),
        places::look(&watch),
    )
    .await;
    Ok(Measurements {
        at: watch.at,
        components: primary.into_iter().chain(dr.into_iter().flatten()).collect(),
        jobs,
        trouble,
        places,
        existing: existing(instances, file_systems),
    })
}

/// A region, or why it does not answer.
async fn reach(
    cloud: &AwsCloud,
    environment: &Environment,
    side: Side,
    requester: &str,
) -> Result<Result<Arc<Session>, CloudError>, CloudError> {
    let session = cloud.sessions.get(environment, points::region(environment, side), requester).await;
    match sts::identity(&session).await {
        // Nothing may be reported of a foreign account.
        Ok(identity) => sts::belongs(&identity, &environment.name, &environment.account).map(|()| Ok(session)),
        Err(error) => Ok(Err(error)),
    }
}

async fn instances(watch: &Watch<'_>) -> Result<Vec<DatabaseFound>, String> {
    rds::all_instances(watch.session(Side::Primary)?).await.map_err(|e| e.to_string())
}

async fn file_systems(watch: &Watch<'_>) -> Result<Vec<(String, String)>, String> {
    efs::all(watch.session(Side::Primary)?).await.map_err(|e| e.to_string())
}

fn existing(
    instances: Result<Vec<DatabaseFound>, String>,
    file_systems: Result<Vec<(String, String)>, String>,
) -> Result<Vec<Existing>, String> {
    let databases = instances?.into_iter().map(|d| Existing { kind: PointKind::Rds, name: d.id.clone(), id: d.id });
    let file_systems = file_systems?.into_iter().map(|(id, name)| Existing { kind: PointKind::Efs, id, name });
    Ok(databases.chain(file_systems).collect())
}

async fn counts(watch: &Watch<'_>) -> Result<BTreeMap<String, u64>, String> {
    jobs::counts(watch.session(Side::Primary)?).await.map_err(|e| e.to_string())
}

async fn trouble(watch: &Watch<'_>) -> Result<Vec<JobTrouble>, String> {
    let environment = watch.environment;
    let vaults: Vec<&str> =
        std::iter::once(environment.vault.as_str()).chain(environment.dr_vault.as_deref()).collect();
    let side = |side| {
        let session = watch.session(side);
        let vaults = &vaults;
        async move { jobs::trouble(session?, vaults, watch.at).await.map_err(|e| e.to_string()) }
    };
    match watch.there {
        Some(_) => jobs::trouble_of_both(side(Side::Primary), side(Side::Dr)).await,
        None => side(Side::Primary).await,
    }
}
