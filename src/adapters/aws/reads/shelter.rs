//! What protects an environment where it runs. Reads only those two regions: any other one may be gone for good.

use futures::future::{OptionFuture, try_join, try_join3};

use super::{
    super::{AwsCloud, backup, ecs, kms, rds, session::Session, sts},
    readiness,
};
use crate::{
    domain::{
        active::Active,
        environment::{Environment, Side},
        shelter::Shelter,
        world::{Condition, ServiceFound, ShelterFound, World},
    },
    ports::cloud::CloudError,
};

/// Reads it. Nothing may be reported of a foreign account, so that is asked first, where the environment runs.
///
/// # Errors
/// `Permanent` for the wrong account or missing permissions, `Retryable` when either region cannot be reached.
pub async fn survey(
    cloud: &AwsCloud,
    environment: &Environment,
    asked: &Shelter,
    requester: &str,
) -> Result<World, CloudError> {
    let here = cloud.sessions.get(environment, &asked.from, requester).await;
    let identity = sts::identity(&here).await?;
    sts::belongs(&identity, &environment.name, &environment.account)?;
    let there = cloud.sessions.get(environment, &asked.region, requester).await;
    let live: Vec<String> = asked.replicas.iter().map(|(live, _)| live.clone()).collect();
    let names: Vec<String> = asked.replicas.iter().filter_map(|(_, name)| name.clone()).collect();
    let databases = try_join(rds::instances(&here, &live), rds::instances(&there, &names));
    let vault = when(asked.vault.as_ref().map(|vault| backup::vault(&there, vault)));
    let key = when(asked.key.as_ref().map(|key| kms::usable(&there, key)));
    let group = when(asked.subnet_group.as_ref().map(|group| network(&there, group)));
    let places = try_join3(vault, key, group);
    let ((live, there), (vault, key, subnet_group), services) =
        try_join3(databases, places, services(&there, environment, asked)).await?;
    let side = if asked.from == environment.dr_region { Side::Dr } else { Side::Primary };
    let runs = Active { side, ..Active::default() };
    let disagreements = readiness::records(environment, &runs, Some(&here)).await.disagreements;
    let shelter = ShelterFound { live, there, vault, key, subnet_group, services, disagreements };
    Ok(World { account: identity.account, shelter: Some(shelter), ..World::default() })
}

async fn when<T>(ask: Option<impl Future<Output = Result<T, CloudError>>>) -> Result<Option<T>, CloudError> {
    OptionFuture::from(ask).await.transpose()
}

async fn network(there: &Session, group: &str) -> Result<Condition, CloudError> {
    Ok(rds::subnet_group(there, group).await?.map(|network| network.subnet_group))
}

async fn services(
    there: &Session,
    environment: &Environment,
    asked: &Shelter,
) -> Result<Vec<ServiceFound>, CloudError> {
    let (Some(declared), Some(cluster)) = (&environment.services, &asked.cluster) else { return Ok(Vec::new()) };
    let names: Vec<&str> = declared.services.iter().map(|service| service.name.as_str()).collect();
    let found = ecs::services(there, cluster, &names).await?;
    let each = found.into_iter().filter_map(|service| {
        Some(ServiceFound { desired: u32::try_from(service.desired_count()).ok()?, name: service.service_name? })
    });
    Ok(each.collect())
}
