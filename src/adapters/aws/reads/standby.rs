//! What stands ready in the DR region, read without a single request to the primary one, which may be dead.

use aws_sdk_rds::types::Filter;
use futures::future::{join, try_join, try_join3};

use super::{
    super::{
        AwsCloud, ecs, rds, route53,
        session::Session,
        steps::restore_database::{describe, status_of},
        sts,
    },
    past, survey,
};
use crate::{
    domain::{
        environment::Environment,
        world::{
            Condition, DatabaseFound, RecordFound, ReplicaFound, ServiceFound, SnapshotFound, StandbyFound, Survey,
        },
    },
    ports::cloud::{CloudError, World},
};

/// Reads it. Nothing may be reported of a foreign account, so that is asked first.
///
/// # Errors
/// `Permanent` for the wrong account or missing permissions, `Retryable` when the DR region cannot be reached.
pub async fn survey(
    cloud: &AwsCloud,
    environment: &Environment,
    ask: &Survey,
    requester: &str,
) -> Result<World, CloudError> {
    let there = cloud.sessions.get(environment, &environment.dr_region, requester).await;
    let identity = sts::identity(&there).await?;
    sts::belongs(&identity, &environment.name, &environment.account)?;
    let databases = try_join(replicas(&there, environment, &ask.heirs), copies(&there, environment));
    let places = try_join(subnet_group(&there, environment), key(&there, environment));
    let rest = join(services(&there, environment, environment.standby_cluster()), records(&there, environment));
    let ((replicas, copies), (subnet_group, key), (services, records)) =
        try_join3(databases, places, async { Ok(rest.await) }).await?;
    let isolated = match ask.isolated {
        true => Some(rds::subnet_group(&there, environment.isolated_subnet_group()).await?),
        false => None,
    };
    let (databases, home) = match ask.databases.is_empty() {
        true => Default::default(),
        false => at_home(cloud, environment, ask, requester).await?,
    };
    let standby = StandbyFound { replicas, copies, subnet_group, key, services: services?, home, records };
    Ok(World { account: identity.account, databases, isolated, standby: Some(standby), ..World::default() })
}

/// The databases of the primary region that were named, and its services.
async fn at_home(
    cloud: &AwsCloud,
    environment: &Environment,
    ask: &Survey,
    requester: &str,
) -> Result<(Vec<DatabaseFound>, Vec<ServiceFound>), CloudError> {
    let here = cloud.sessions.get(environment, &environment.primary_region, requester).await;
    let cluster = environment.services.as_ref().map(|services| services.cluster.as_str());
    try_join(rds::instances(&here, &ask.databases), services(&here, environment, cluster)).await
}

async fn replicas(
    there: &Session,
    environment: &Environment,
    heirs: &[String],
) -> Result<Vec<ReplicaFound>, CloudError> {
    let mut found: Vec<ReplicaFound> = Vec::new();
    let declared = environment.databases.iter().filter_map(|database| database.dr_replica.as_deref());
    for id in declared.chain(heirs.iter().map(String::as_str)) {
        if found.iter().any(|found| found.id == id) {
            continue;
        }
        let Some(instance) = describe(there, id).await? else { continue };
        let engine =
            format!("{} {}", instance.engine().unwrap_or_default(), instance.engine_version().unwrap_or_default());
        let source = instance.read_replica_source_db_instance_identifier().filter(|source| !source.is_empty());
        found.push(ReplicaFound {
            id: id.to_owned(),
            engine: engine.trim().to_owned(),
            status: status_of(&instance).to_owned(),
            source: source.map(str::to_owned),
            size_gib: instance.allocated_storage().and_then(|gib| u32::try_from(gib).ok()).unwrap_or(0),
            automated_days: instance.backup_retention_period().and_then(|days| u32::try_from(days).ok()).unwrap_or(0),
        });
    }
    Ok(found)
}

/// Usable snapshots of the databases, the newest first.
async fn copies(there: &Session, environment: &Environment) -> Result<Vec<SnapshotFound>, CloudError> {
    let mut found = Vec::new();
    for database in &environment.databases {
        let attempt = there.reads("rds:DescribeDBSnapshots", format!("snapshots of {}", database.id));
        let filter = Filter::builder().name("db-instance-id").values(&database.id).build();
        let request = there.rds().describe_db_snapshots().filters(filter).max_records(100);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| attempt.failed(error))?;
            found.extend(page.db_snapshots().iter().filter_map(past::found));
        }
    }
    let own = |snapshot: &SnapshotFound| environment.databases.iter().any(|database| database.id == snapshot.database);
    let foreign = ["shared", "public"];
    found.retain(|s| s.status == "available" && s.encrypted && own(s) && !foreign.contains(&s.source.as_str()));
    found.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
    Ok(found)
}

async fn subnet_group(there: &Session, environment: &Environment) -> Result<Option<Condition>, CloudError> {
    let Some(name) = &environment.dr.db_subnet_group else { return Ok(None) };
    Ok(Some(rds::subnet_group(there, name).await?.map(|network| network.subnet_group)))
}

async fn key(there: &Session, environment: &Environment) -> Result<Option<Condition>, CloudError> {
    match environment.dr_kms_key {
        Some(_) => survey::dr_key(there, environment).await.map(Some),
        None => Ok(None),
    }
}

async fn services(
    there: &Session,
    environment: &Environment,
    cluster: Option<&str>,
) -> Result<Vec<ServiceFound>, CloudError> {
    let (Some(declared), Some(cluster)) = (&environment.services, cluster) else {
        return Ok(Vec::new());
    };
    let names: Vec<&str> = declared.services.iter().map(|service| service.name.as_str()).collect();
    let found = ecs::services(there, cluster, &names).await?;
    let each = found.into_iter().filter_map(|service| {
        Some(ServiceFound { desired: u32::try_from(service.desired_count()).ok()?, name: service.service_name? })
    });
    Ok(each.collect())
}

/// The records, or why they cannot be read: a failover goes on without Route 53 as far as it can.
async fn records(there: &Session, environment: &Environment) -> Option<Result<Vec<RecordFound>, String>> {
    let dns = environment.dns.as_ref()?;
    let mut found = Vec::new();
    for record in &dns.records {
        let group = match route53::group(there, &dns.hosted_zone, &record.name, &record.kind).await {
            Ok(group) => group,
            Err(error) => return Some(Err(error.to_string())),
        };
        found.extend(group.into_iter().filter_map(|set| {
            Some(RecordFound {
                name: record.name.clone(),
                kind: record.kind.clone(),
                weight: set.weight.and_then(|weight| u8::try_from(weight).ok()),
                ttl: set.ttl.and_then(|ttl| u64::try_from(ttl).ok()),
                set: set.set_identifier?,
            })
        }));
    }
    Some(Ok(found))
}
