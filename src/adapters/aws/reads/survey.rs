//! The live world as a planner needs it, and as `bbws check` reports it. Reads only.

use std::{collections::BTreeMap, future::Future};

use aws_sdk_efs::types::LifeCycleState;
use futures::future::{OptionFuture, try_join, try_join3, try_join4};

use super::super::{
    AwsCloud, backup, efs, kms, rds, s3, secrets, session::Session, sns, ssm, steps::mounts, steps::plans, sts,
};
use super::{buckets, check, lineage, newest};
use crate::{
    domain::{
        environment::Environment,
        lag::Side,
        point::Point,
        world::{BucketFound, Network, PlanFound, VaultRange},
    },
    ports::{
        alert::Topic,
        check::CheckLine,
        cloud::{CloudError, Condition, FileSystemFound, Survey, World},
    },
};

/// Who the checks of `bbws check` and notices are made for.
pub const NOBODY: &str = "bbws";

/// Reads everything that was asked for, side by side.
///
/// # Errors
/// `Permanent` for the wrong account or missing permissions, `Retryable` when AWS cannot be reached.
pub async fn survey(
    cloud: &AwsCloud,
    environment: &Environment,
    ask: &Survey,
    requester: &str,
) -> Result<World, CloudError> {
    let here = cloud.sessions.get(environment, &environment.primary_region, requester).await;
    // Nothing may be reported of a foreign account, so this comes first.
    let identity = sts::identity(&here).await?;
    sts::belongs(&identity, &environment.name, &environment.account)?;
    let data = try_join3(
        rds::instances(&here, &ask.databases),
        seen_file_systems(&here, &ask.file_systems),
        when(ask.secrets_prefix.as_deref().map(|prefix| secrets::names(&here, prefix))),
    );
    let places = try_join(
        when(ask.vault.then(|| backup::vault_and_range(&here, &environment.vault))),
        when(
            ask.bucket
                .then(|| named_bucket(&here, environment, environment.secrets_bucket.as_deref(), "secrets_bucket")),
        ),
    );
    let far = when(ask.dr.then(|| dr_side(cloud, &here, environment, requester)));
    let more = try_join3(
        more_data(&here, environment, ask),
        backups(cloud, &here, environment, ask, requester),
        more_places(&here, environment, ask),
    );
    let ((databases, file_systems, names), (vault, bucket), far, more) = try_join4(data, places, far, more).await?;
    let ((parameters, buckets, described), (lineage, newest, plan), (dump_key, isolated)) = more;
    let (dr_vault, dr_bucket, dr_key) = far.map_or((None, None, None), |(v, b, k)| (Some(v), Some(b), Some(k)));
    let (vault, range) = vault.unzip();
    let (dr_vault, dr_range) = dr_vault.unzip();
    Ok(World {
        account: identity.account,
        databases,
        file_systems,
        secrets: names.unwrap_or_default(),
        vault,
        bucket,
        dr_vault,
        dr_bucket,
        dr_key,
        parameters: parameters.unwrap_or_default(),
        buckets,
        described,
        dump_key,
        lineage: lineage.unwrap_or_default(),
        newest: newest.unwrap_or_default(),
        plan: plan.flatten(),
        isolated,
        vault_ranges: [range, dr_range].into_iter().flatten().flatten().collect(),
    })
}

/// Parameters, buckets of data, and secrets by their names.
async fn more_data(
    here: &Session,
    environment: &Environment,
    ask: &Survey,
) -> Result<(Option<Vec<String>>, Vec<BucketFound>, BTreeMap<String, Condition>), CloudError> {
    try_join3(
        when(ask.parameters_prefix.as_deref().map(|prefix| ssm::names(here, prefix))),
        buckets::describe(here, environment, &ask.buckets),
        secrets::described(here, &ask.secrets),
    )
    .await
}

/// What backups there are, and which are planned.
async fn backups(
    cloud: &AwsCloud,
    here: &Session,
    environment: &Environment,
    ask: &Survey,
    requester: &str,
) -> Result<(Option<Vec<Point>>, Option<Vec<Point>>, Option<Option<PlanFound>>), CloudError> {
    let plan = environment.plan_name();
    try_join3(
        when(ask.point.as_deref().map(|id| lineage::lineage(cloud, environment, id, requester))),
        when(ask.newest.then(|| newest_here(cloud, environment, requester))),
        when(ask.schedule.then(|| plans::find(here, &plan))),
    )
    .await
}

async fn newest_here(cloud: &AwsCloud, environment: &Environment, requester: &str) -> Result<Vec<Point>, CloudError> {
    let declared = newest::declared(environment);
    let found = newest::newest(cloud, environment, Side::Primary, requester, &declared).await?;
    lineage::whole(found.unread)?;
    let mut points: Vec<Point> = found.points.into_values().collect();
    points.extend(found.snapshots.into_values());
    points.dedup_by(|a, b| a.arn == b.arn);
    Ok(points)
}

/// The key of dumps and the network of test restores.
async fn more_places(
    here: &Session,
    environment: &Environment,
    ask: &Survey,
) -> Result<(Option<Condition>, Option<Result<Network, String>>), CloudError> {
    let key = async {
        match &environment.dump_kms_key {
            Some(key) => kms::usable(here, key).await,
            None => Ok(Err(unset(environment, "dump_kms_key"))),
        }
    };
    try_join(
        when(ask.dump_key.then_some(key)),
        when(ask.isolated.then(|| rds::subnet_group(here, environment.isolated_subnet_group()))),
    )
    .await
}

/// File systems as EFS describes them. AWS Backup decides whether it can back one up, so not being allowed to look is no obstacle.
async fn seen_file_systems(here: &Session, ids: &[String]) -> Result<Vec<FileSystemFound>, CloudError> {
    match efs::file_systems(here, ids).await {
        Err(CloudError::Permanent { reason }) => {
            tracing::warn!(reason, "the file systems cannot be looked at before the backup");
            Ok(Vec::new())
        }
        other => other,
    }
}

/// Vault, bucket and key of the DR region.
async fn dr_side(
    cloud: &AwsCloud,
    here: &Session,
    environment: &Environment,
    requester: &str,
) -> Result<((Condition, Option<VaultRange>), Condition, Condition), CloudError> {
    let there = cloud.sessions.get(environment, &environment.dr_region, requester).await;
    try_join3(dr_vault(&there, environment), dr_bucket(here, &there, environment), dr_key(&there, environment)).await
}

async fn dr_vault(there: &Session, environment: &Environment) -> Result<(Condition, Option<VaultRange>), CloudError> {
    match &environment.dr_vault {
        Some(name) => backup::vault_and_range(there, name).await,
        None => Ok((Err(unset(environment, "dr_vault")), None)),
    }
}

async fn dr_key(there: &Session, environment: &Environment) -> Result<Condition, CloudError> {
    match &environment.dr_kms_key {
        Some(key) => kms::usable(there, key).await,
        None => Ok(Err(unset(environment, "dr_kms_key"))),
    }
}

/// The DR bucket, and whether the primary bucket is replicated to it: its name, or why not.
///
/// # Errors
/// `Retryable` when nobody can tell now.
pub async fn dr_bucket(here: &Session, there: &Session, environment: &Environment) -> Result<Condition, CloudError> {
    let name = environment.dr_secrets_bucket.as_deref();
    let found = named_bucket(there, environment, name, "dr_secrets_bucket").await?;
    let (Ok(_), Some(source), Some(name)) = (&found, &environment.secrets_bucket, name) else { return Ok(found) };
    Ok(match s3::replicates(here, source, name, &environment.account).await? {
        Ok(()) => found,
        Err(reason) => Err(reason),
    })
}

async fn named_bucket(
    session: &Session,
    environment: &Environment,
    name: Option<&str>,
    key: &str,
) -> Result<Condition, CloudError> {
    match name {
        Some(name) => s3::bucket(session, name, &environment.account).await,
        None => Ok(Err(unset(environment, key))),
    }
}

/// What is missing in the config file.
pub fn unset(environment: &Environment, key: &str) -> String {
    format!("Environment {} has no `{key}` in the config file. Set it.", environment.name)
}

/// Runs what there is to run.
async fn when<T, F: Future<Output = Result<T, CloudError>>>(ask: Option<F>) -> Result<Option<T>, CloudError> {
    OptionFuture::from(ask).await.transpose()
}

/// Everything of an environment that has to be there, one line each.
pub async fn check(cloud: &AwsCloud, environment: &Environment) -> Vec<CheckLine> {
    let here = cloud.sessions.get(environment, &environment.primary_region, NOBODY).await;
    let mut lines = Report { environment: &environment.name, lines: Vec::new() };
    let who = match sts::identity(&here).await {
        Ok(identity) => sts::belongs(&identity, &environment.name, &environment.account).map(|()| identity.arn),
        Err(error) => Err(error),
    };
    let known = who.is_ok();
    lines.add(&format!("AWS identity for account {}", environment.account), who.map_err(|e| e.to_string()));
    if !known {
        // Every further line would only repeat that reason.
        let what = format!("{}: everything else in AWS", environment.name);
        lines.lines.push(CheckLine::unchecked(what, "nobody is known to AWS as asking; mend the identity first"));
        return lines.lines;
    }
    check_data(&here, environment, &mut lines).await;
    check_places(&here, environment, &mut lines).await;
    // Boxed: what it awaits is large, and every caller would carry it on its stack.
    for (what, found) in Box::pin(check::check(cloud, environment)).await {
        lines.add(&what, found);
    }
    if environment.replicates() {
        check_dr(cloud, &here, environment, &mut lines).await;
    }
    check_topics(cloud, environment, &mut lines).await;
    lines.lines
}

struct Report<'a> {
    environment: &'a str,
    lines: Vec<CheckLine>,
}

impl Report<'_> {
    fn add(&mut self, what: &str, found: Condition) {
        let what = format!("{}: {what}", self.environment);
        self.lines.push(match found {
            Ok(detail) => CheckLine::good(what, detail),
            Err(detail) => CheckLine::bad(what, detail),
        });
    }
}

async fn check_data(here: &Session, environment: &Environment, lines: &mut Report<'_>) {
    let ids: Vec<String> = environment.databases.iter().map(|d| d.id.clone()).collect();
    let instances = rds::instances(here, &ids).await;
    for database in &environment.databases {
        lines.add(&format!("database {}", database.id), found_database(&instances, database, &here.region));
    }
    for wanted in &environment.file_systems {
        let found = match efs::file_systems(here, std::slice::from_ref(&wanted.id)).await {
            Ok(found) => found.into_iter().next().map(|fs| fs.status).ok_or_else(|| absent(&here.region)),
            Err(error) => Err(error.to_string()),
        };
        lines.add(&format!("file system {} ({})", wanted.id, wanted.name), found);
        if environment.restore_test.is_some() {
            lines.add(&format!("address of file system {}", wanted.id), flat(address(here, &wanted.id).await));
        }
    }
    if let Some(prefix) = &environment.secrets_prefix {
        let found = match secrets::names(here, prefix).await {
            Ok(names) if names.is_empty() => {
                Err(format!("No secret has this prefix in {}. Correct `secrets_prefix`.", here.region))
            }
            Ok(names) => Ok(format!("{} found", names.len())),
            Err(error) => Err(error.to_string()),
        };
        lines.add(&format!("secrets under {prefix}"), found);
    }
}

/// Where a test restore of a file system is compared with it.
async fn address(here: &Session, id: &str) -> Result<Condition, CloudError> {
    let targets = mounts::targets(here, id).await?;
    let usable = targets.iter().filter(|t| t.life_cycle_state == LifeCycleState::Available && t.ip_address.is_some());
    Ok(match usable.count() {
        0 => {
            Err("No mount target of it is available, so a restored one cannot be compared with it. Give it one.".into())
        }
        1 => Ok("1 mount target".to_owned()),
        count => Ok(format!("{count} mount targets")),
    })
}

fn found_database(
    instances: &Result<Vec<crate::ports::cloud::DatabaseFound>, CloudError>,
    wanted: &crate::domain::environment::Database,
    region: &str,
) -> Condition {
    let found = instances
        .as_ref()
        .map_err(ToString::to_string)?
        .iter()
        .find(|d| d.id.eq_ignore_ascii_case(&wanted.id))
        .ok_or_else(|| absent(region))?;
    found.stands_alone()?;
    if !found.engine.starts_with(&wanted.engine.to_string()) {
        return Err(format!("It runs {}, the config file says {}. Correct `engine`.", found.engine, wanted.engine));
    }
    if !found.encrypted {
        return Err(format!(
            "{}, but its storage is not encrypted, so no backup of it can be verified. Encrypt it.",
            found.engine
        ));
    }
    Ok(format!("{}, {}, {} GiB", found.engine, found.status, found.size_gib))
}

fn absent(region: &str) -> String {
    format!("It does not exist in {region}. Correct its id in the config file.")
}

async fn check_places(here: &Session, environment: &Environment, lines: &mut Report<'_>) {
    let (vault, bucket) = (&environment.vault, environment.secrets_bucket.as_deref());
    lines.add(&format!("vault {vault}"), flat(backup::vault(here, vault).await));
    if let Some(name) = bucket {
        lines.add(&format!("bucket {name}"), flat(s3::bucket(here, name, &environment.account).await));
    }
}

async fn check_dr(cloud: &AwsCloud, here: &Session, environment: &Environment, lines: &mut Report<'_>) {
    let there = cloud.sessions.get(environment, &environment.dr_region, NOBODY).await;
    let label = |what: &str, name: &Option<String>| format!("DR {what} {}", name.as_deref().unwrap_or("(not set)"));
    lines
        .add(&label("vault", &environment.dr_vault), flat(dr_vault(&there, environment).await.map(|(found, _)| found)));
    lines.add(&label("bucket", &environment.dr_secrets_bucket), flat(dr_bucket(here, &there, environment).await));
    lines.add(&label("KMS key", &environment.dr_kms_key), flat(dr_key(&there, environment).await));
}

async fn check_topics(cloud: &AwsCloud, environment: &Environment, lines: &mut Report<'_>) {
    let session = cloud.sessions.get(environment, sns::region(&cloud.topics, environment), NOBODY).await;
    for topic in [Topic::BackupStatus, Topic::OpsWarning, Topic::OpsCritical, Topic::DrEvents] {
        let arn = sns::arn(&cloud.topics, topic, environment);
        let found = sns::look(&session, &arn).await.map(|()| arn).map_err(|e| e.to_string());
        lines.add(&format!("topic {}", sns::name(&cloud.topics, topic)), found);
    }
}

fn flat(found: Result<Condition, CloudError>) -> Condition {
    found.unwrap_or_else(|error| Err(error.to_string()))
}
