//! What an environment's watcher measures, in both regions side by side. What cannot be measured says why.

use std::collections::BTreeMap;

use futures::future::{OptionFuture, join, join3, join5};

use super::super::{AwsCloud, efs, rds, side_by_side, steps::plans};
use super::{chain, components, jobs, places, watch::Watch};
use crate::{
    domain::{
        chain::Gap,
        environment::Environment,
        lag::{AwsPlan, Existing, JobTrouble, Side},
        point::PointKind,
    },
    ports::cloud::{CloudError, DatabaseFound, Measurements},
};

/// Measures everything.
///
/// # Errors
/// When neither region answers, and for the wrong account.
pub async fn measurements(
    cloud: &AwsCloud,
    environment: &Environment,
    requester: &str,
) -> Result<Measurements, CloudError> {
    let watch = Watch::open(cloud, environment, requester).await?;
    let (instances, file_systems) = join(instances(&watch), file_systems(&watch)).await;
    let (primary, dr, jobs, trouble, (places, plans, gaps)) = join5(
        components::measure(&watch, Side::Primary, &instances),
        OptionFuture::from(watch.there.as_ref().map(|_| components::measure(&watch, Side::Dr, &instances))),
        counts(&watch),
        trouble(&watch),
        join3(places::look(&watch), plans(&watch), gaps(&watch)),
    )
    .await;
    Ok(Measurements {
        at: watch.at,
        components: primary.into_iter().chain(dr.into_iter().flatten()).collect(),
        jobs,
        trouble,
        places,
        existing: existing(instances, file_systems),
        plans,
        gaps,
    })
}

async fn instances(watch: &Watch<'_>) -> Result<Vec<DatabaseFound>, String> {
    rds::all_instances(watch.session(Side::Primary)?).await.map_err(|e| e.to_string())
}

async fn plans(watch: &Watch<'_>) -> Result<Vec<AwsPlan>, String> {
    plans::all(watch.session(Side::Primary)?).await.map_err(|e| e.to_string())
}

/// What breaks the chain of automated backups.
async fn gaps(watch: &Watch<'_>) -> Result<Vec<Gap>, String> {
    let session = watch.session(Side::Primary)?;
    let of = |id: &str| {
        let id = id.to_owned();
        async move { chain::links(session, &id).await.map(|links| Gap::between(&id, &links)) }
    };
    let read = side_by_side(watch.environment.databases.iter().map(|database| of(&database.id)).collect()).await;
    let gaps: Result<Vec<Vec<Gap>>, CloudError> = read.into_iter().collect();
    // What may have been one is told of the moment that somebody wants to restore.
    Ok(gaps.map_err(|error| error.to_string())?.into_iter().flatten().filter(|gap| gap.certain).collect())
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
