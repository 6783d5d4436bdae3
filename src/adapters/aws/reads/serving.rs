//! Whether a platform serves where it runs: its addresses, the weights of its records, its services, its databases and their
//! backups. Reads only, and asks the other region for nothing.

use aws_sdk_rds::types::DbInstance;
use futures::future::{join_all, join4};

use super::{
    super::{
        AwsCloud, ecs,
        ecs::Rollout,
        rds, route53,
        session::Session,
        steps::{health, restore_database},
    },
    readiness::{Reached, brief},
    watch,
};
use crate::{
    adapters::sql::Target,
    domain::{
        active::Active,
        environment::{Database, DnsRecord, Environment, Side},
        moment::Moment,
        readiness::Found,
        serving::Looked,
        text::count,
    },
    ports::cloud::CloudError,
};

/// Looks at everything.
///
/// # Errors
/// For the wrong account only: what cannot be looked at is told as unknown.
pub async fn serving(
    cloud: &AwsCloud,
    config: &Environment,
    active: &Active,
    requester: &str,
) -> Result<Vec<Looked>, CloudError> {
    let reached = watch::reach(cloud, config, active.side, requester).await?;
    let env = active.environment(config);
    let (mut looked, records, services, databases) = join4(
        addresses(cloud, config, active),
        records(config, active, &reached),
        services(&env, &reached),
        databases(cloud, &env, &reached),
    )
    .await;
    looked.extend(records);
    looked.extend(services);
    looked.extend(databases);
    Ok(looked)
}

fn looked(subject: impl Into<String>, found: Found, next: impl Into<String>) -> Looked {
    Looked { subject: subject.into(), found, next: next.into() }
}

/// The platform's own addresses, and those of the side that took over.
async fn addresses(cloud: &AwsCloud, config: &Environment, active: &Active) -> Vec<Looked> {
    let outside = config.health.as_ref().map(|health| health.urls.as_slice()).unwrap_or_default();
    let inside = if active.side == Side::Dr { config.dr.urls.as_slice() } else { Default::default() };
    let tools = &cloud.tools;
    let ask = |from: &'static str, url: &String| {
        let url = url.clone();
        async move {
            let found = match health::answers(&*tools.web, &url, tools.between).await {
                None => Found::Ready("answers".to_owned()),
                Some(why) => Found::Lacking(format!("fails {} times in a row ({why})", health::IN_A_ROW)),
            };
            let next = match from {
                "Outside" => {
                    "Look at the records, services and databases below first; where all of them are well, ask it from another network."
                }
                _ => "Look at the services and their load balancer in the region where the platform runs.",
            };
            looked(format!("{from}: {url}"), found, next)
        }
    };
    let mut all: Vec<Looked> =
        join_all(outside.iter().map(|url| ask("Outside", url)).chain(inside.iter().map(|url| ask("Inside", url))))
            .await;
    if outside.is_empty() {
        let why = "`health.urls` of the config names no address, so that nothing is looked at as users see it";
        all.insert(0, looked("Outside", Found::Unknown(why.to_owned()), "Set `health.urls` in bbws.toml."));
    }
    all
}

/// The weighted records: all traffic goes where the ledger says that the platform runs.
async fn records(config: &Environment, active: &Active, reached: &Reached) -> Vec<Looked> {
    let Some(dns) = &config.dns else { return Vec::new() };
    let of = |record: &DnsRecord| {
        let record = record.clone();
        async move {
            let subject = format!("Records {} {}", record.name, record.kind);
            let next =
                format!("`/bbws op list {}` shows what moved traffic last; Route 53 shows who else did.", config.name);
            let found = match reached {
                Ok(session) => weights(session, &dns.hosted_zone, &record, active.side, config).await,
                Err(error) => Found::Unknown(brief(error)),
            };
            looked(subject, found, next)
        }
    };
    join_all(dns.records.iter().map(of)).await
}

async fn weights(session: &Session, zone: &str, record: &DnsRecord, side: Side, config: &Environment) -> Found {
    let sets = match route53::group(session, zone, &record.name, &record.kind).await {
        Ok(sets) => sets,
        Err(CloudError::Permanent { reason }) => return Found::Lacking(reason),
        Err(error) => return Found::Unknown(brief(&error)),
    };
    let weight = |set: &str| sets.iter().find(|s| s.set_identifier() == Some(set)).and_then(|s| s.weight);
    let (Some(primary), Some(dr)) = (weight(&record.primary), weight(&record.dr)) else {
        return Found::Lacking(format!(
            "hosted zone {zone} has no pair of weighted records `{}` and `{}` of that name",
            record.primary, record.dr
        ));
    };
    let told = format!("weights {primary} (primary) and {dr} (DR)");
    let (here, away) = match side {
        Side::Primary => (primary, dr),
        Side::Dr => (dr, primary),
    };
    match (here, away) {
        (1.., 0) => Found::Ready(told),
        // Two zeros share the traffic evenly.
        _ => Found::Lacking(format!("{told}: not all traffic goes to {}", config.region(side))),
    }
}

async fn services(env: &Environment, reached: &Reached) -> Vec<Looked> {
    let Some(declared) = &env.services else { return Vec::new() };
    let names: Vec<&str> = declared.services.iter().map(|service| service.name.as_str()).collect();
    let there = match reached {
        Ok(session) => ecs::services(session, &declared.cluster, &names).await,
        Err(error) => Err(error.clone()),
    };
    let of = |name: &str, desired: u32| match &there {
        Err(error) => Found::Unknown(brief(error)),
        Ok(there) => match there.iter().find(|service| service.service_name() == Some(name)) {
            None => Found::Lacking(format!("cluster {} has no such active service", declared.cluster)),
            Some(service) => match ecs::rollout(service, desired) {
                Rollout::Stable => Found::Ready(format!("{} of {desired} tasks run", service.running_count())),
                Rollout::Under(how) => Found::Lacking(how),
                Rollout::Failed(why) => Found::Lacking(format!("its deployment failed: {why}")),
            },
        },
    };
    let each = declared.services.iter().map(|service| {
        let next = format!(
            "Look at the events of {} in cluster {} in {}.",
            service.name, declared.cluster, env.primary_region
        );
        looked(format!("Service {}", service.name), of(&service.name, service.desired), next)
    });
    each.collect()
}

/// Whether databases can be written and signed in to, and whether anything would bring them back.
async fn databases(cloud: &AwsCloud, env: &Environment, reached: &Reached) -> Vec<Looked> {
    let ids: Vec<&str> = env.databases.iter().map(|database| database.id.as_str()).collect();
    let instances = match reached {
        _ if ids.is_empty() => return Vec::new(),
        Ok(session) => rds::describe_instances(session, &ids).await,
        Err(error) => Err(error.clone()),
    };
    let now = cloud.now();
    let of = |database: &Database| {
        let (database, instances) = (database.clone(), &instances);
        async move {
            let found = instances.as_ref().map(|found| found.get(&database.id.to_lowercase())).map_err(Clone::clone);
            vec![
                state(env, &database, &found),
                signed_in(cloud, env, &database, reached, &found).await,
                backups(env, &database, &found, now),
            ]
        }
    };
    join_all(env.databases.iter().map(of)).await.into_iter().flatten().collect()
}

/// An instance as RDS describes it; none where there is none.
type Described<'a> = Result<Option<&'a DbInstance>, CloudError>;

fn state(env: &Environment, database: &Database, found: &Described<'_>) -> Looked {
    let state = match found {
        Err(error) => Found::Unknown(brief(error)),
        Ok(None) => Found::Lacking(format!("it does not exist in {}", env.primary_region)),
        Ok(Some(instance)) => {
            let status = restore_database::status_of(instance);
            let source = instance.read_replica_source_db_instance_identifier().filter(|source| !source.is_empty());
            match (status, source) {
                (_, Some(source)) => Found::Lacking(format!("it is a replica of {source} and takes no writes")),
                ("available" | "backing-up" | "modifying", None) => Found::Ready(format!("{status}, takes writes")),
                (status, None) => Found::Lacking(format!("it is {status}")),
            }
        }
    };
    let next = format!("Look at its events in RDS in {}.", env.primary_region);
    looked(format!("Database {}", database.id), state, next)
}

/// Signs in to it at its own address, by TLS.
async fn signed_in(
    cloud: &AwsCloud,
    env: &Environment,
    database: &Database,
    reached: &Reached,
    found: &Described<'_>,
) -> Looked {
    let subject = format!("Login to {}", database.id);
    let Some(secret) = env.login(&database.id) else {
        let why = "the config names no secret with a login of it";
        let next = "Name one under `dumps` in bbws.toml; until then sign in by hand.";
        return looked(subject, Found::Unknown(why.to_owned()), next);
    };
    let next = format!("Look at secret {secret} and at the security groups of {}.", database.id);
    let answer = match (reached, found) {
        (Err(error), _) | (_, Err(error)) => Found::Unknown(brief(error)),
        (_, Ok(None)) => Found::Lacking("there is nothing to sign in to".to_owned()),
        (Ok(session), Ok(Some(instance))) => login(cloud, session, database, secret, instance).await,
    };
    looked(subject, answer, next)
}

async fn login(cloud: &AwsCloud, session: &Session, database: &Database, secret: &str, instance: &DbInstance) -> Found {
    let login = match super::super::login::read(session, secret).await {
        Ok(login) => login,
        Err(CloudError::Permanent { reason }) => return Found::Lacking(reason),
        Err(error) => return Found::Unknown(brief(&error)),
    };
    let Some((host, port)) = restore_database::endpoint(instance) else {
        return Found::Unknown("RDS tells no endpoint of it".to_owned());
    };
    let target = Target {
        engine: database.engine,
        host,
        port,
        username: login.username,
        password: login.password,
        database: login.database,
        ca: None,
        require_tls: true,
    };
    // Nothing is counted: that somebody is let in is the answer.
    match cloud.tools.databases.count_rows(&target, &[]).await {
        Ok(_) => Found::Ready(format!("signed in over TLS as {}", target.username)),
        Err(why) => Found::Lacking(why),
    }
}

fn backups(env: &Environment, database: &Database, found: &Described<'_>, now: Moment) -> Looked {
    let kept = |instance: &DbInstance| {
        let days = instance.backup_retention_period().and_then(|days| usize::try_from(days).ok()).unwrap_or(0);
        let until = instance.latest_restorable_time().and_then(|at| at.to_millis().ok()).map(Moment);
        match (days, until) {
            (0, _) => Found::Lacking("RDS keeps no backups of it".to_owned()),
            (_, None) => Found::Lacking("none of its backups is complete yet".to_owned()),
            (days, Some(until)) => {
                Found::Ready(format!("kept for {}, restorable up to {}", count(days, "day"), until.clock_at(now)))
            }
        }
    };
    let state = match found {
        Err(error) => Found::Unknown(brief(error)),
        Ok(None) => Found::Lacking("there is nothing to back up".to_owned()),
        Ok(Some(instance)) => kept(instance),
    };
    let next = format!("`/bbws backup create {} rds` makes one now.", env.name);
    looked(format!("Backups of {}", database.id), state, next)
}
