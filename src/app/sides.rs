//! Both sides of an environment, as a failover and a drill see them: what AWS shows now, and what the ledger remembers of what AWS
//! cannot show now.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    domain::{
        active::Active,
        environment::Environment,
        operation::OpId,
        operations,
        readiness::{self, Readiness},
    },
    ports::{
        cloud::{Cloud, CloudError},
        store::{Filter, Store, StoreError},
    },
};

/// What was measured longer ago than this is not held against what cannot be measured now.
pub(super) const RECALLED: Duration = Duration::from_secs(7 * 86_400);
/// Operations of an environment looked through for those that promoted something.
const PAST: u32 = 5_000;

/// Looks at both.
///
/// # Errors
/// AWS's, for the wrong account, within the ledger's.
pub async fn readiness(
    cloud: &dyn Cloud,
    store: &dyn Store,
    config: &Environment,
    active: &Active,
    by: &str,
) -> Result<Result<Readiness, CloudError>, StoreError> {
    let mut found = match cloud.readiness(config, active, by).await {
        Ok(found) => found,
        Err(error) => return Ok(Err(error)),
    };
    found.recall(&store.samples(&config.name, found.at - RECALLED).await?);
    if !found.promoted.is_empty() {
        let promotions = promotions(store, &config.name).await?;
        found.explain(|replica| promotions.get(replica).cloned());
    }
    Ok(Ok(found))
}

/// The replicas that runs of an environment promoted, and which run the newest time.
async fn promotions(store: &dyn Store, environment: &str) -> Result<BTreeMap<String, OpId>, StoreError> {
    let filter = Filter { environment: Some(environment.to_owned()), limit: PAST, ..Filter::default() };
    let mut promotions = BTreeMap::new();
    for op in store.list(&filter).await?.iter().filter(|op| operations::of(op.kind()).moves().is_some()) {
        let Some(run) = store.load(&op.id).await? else { continue };
        for replica in readiness::promotions(&run) {
            promotions.entry(replica.to_owned()).or_insert_with(|| op.id.clone());
        }
    }
    Ok(promotions)
}
