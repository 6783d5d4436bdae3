//! The live world as a planner needs it. Reads only.

use std::{collections::BTreeMap, future::Future};

use futures::future::{BoxFuture, OptionFuture, try_join, try_join3, try_join4};

use super::super::{
    AwsCloud, backup, efs, kms, rds, s3, secrets, session::Session, side_by_side, ssm, steps, steps::plans, sts,
};
use super::{buckets, lineage, newest, past, points, shelter, standby, windows};
use crate::{
    domain::{
        chain::Gap,
        environment::Environment,
        lag::Side,
        point::{Point, PointKind, Window},
        tier,
        world::{BucketFound, DatabaseFound, Network, PlanFound, ReplicationFound, SnapshotFound, VaultRange},
    },
    ports::cloud::{CloudError, Condition, FileSystemFound, Survey, World},
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
    if let Some(asked) = &ask.shelter {
        return shelter::survey(cloud, environment, asked, requester).await;
    }
    if ask.standby {
        return standby::survey(cloud, environment, ask, requester).await;
    }
    let here = cloud.sessions.get(environment, &environment.primary_region, requester).await;
    let restores = cloud.sessions.get(environment, restored_in(environment, ask), requester).await;
    // Nothing may be reported of a foreign account, so this comes first.
    let identity = sts::identity(&restores).await?;
    sts::belongs(&identity, &environment.name, &environment.account)?;
    let data = try_join4(
        live_databases(&here, environment, ask),
        seen_file_systems(&here, &ask.file_systems),
        when(ask.access_points.then(|| efs::access_points(&here, &ask.file_systems))),
        when(ask.secrets_prefix.as_deref().map(|prefix| secrets::names(&here, prefix))),
    );
    let places = try_join(
        when(ask.vault.then(|| backup::vault_and_range(&here, &environment.vault))),
        when(ask.bucket.then(|| archives_bucket(&here, environment, ask))),
    );
    let far = when(ask.dr.then(|| dr_side(cloud, &here, environment, requester)));
    let more = try_join3(
        more_data(&here, environment, ask),
        backups(cloud, &here, environment, ask, requester),
        dump_key(&here, environment, ask),
    );
    let there = try_join3(
        try_join4(data, places, far, more),
        restorable(cloud, environment, ask, requester),
        replications(cloud, &here, environment, ask, requester),
    );
    let (found, (isolated, snapshot, windows), replications) = there.await?;
    let (((databases, silent), file_systems, access_points, names), (vault, bucket), far, more) = found;
    let ((parameters, buckets, described), (lineage, newest, plan), dump_key) = more;
    let (windows, gaps) = windows.map_or((Vec::new(), None), |(windows, gaps)| (windows, Some(gaps)));
    let bucket = bucket.flatten();
    let (dr_vault, dr_bucket, dr_key) = far.map_or((None, None, None), |(v, b, k)| (Some(v), Some(b), Some(k)));
    let (vault, range) = vault.unzip();
    let (dr_vault, dr_range) = dr_vault.unzip();
    Ok(World {
        account: identity.account,
        databases,
        silent,
        file_systems,
        access_points: access_points.unwrap_or_default(),
        secrets: names.unwrap_or_default(),
        vault,
        bucket,
        dr_vault,
        dr_bucket,
        dr_key,
        parameters: parameters.unwrap_or_default(),
        buckets,
        replications,
        described,
        dump_key,
        lineage: lineage.unwrap_or_default(),
        newest: newest.unwrap_or_default(),
        plan: plan.flatten(),
        isolated,
        snapshot: snapshot.flatten(),
        windows,
        gaps,
        vault_ranges: [range, dr_range].into_iter().flatten().flatten().collect(),
        // Asked for by itself: a survey needs the primary region, this does not.
        readiness: None,
        standby: None,
        shelter: None,
    })
}

/// How buckets are replicated. What does not exist is absent.
async fn replications(
    cloud: &AwsCloud,
    here: &Session,
    environment: &Environment,
    ask: &Survey,
    requester: &str,
) -> Result<Vec<ReplicationFound>, CloudError> {
    if ask.replications.is_empty() {
        return Ok(Vec::new());
    }
    let there = cloud.sessions.get(environment, &environment.dr_region, requester).await;
    let each = ask
        .replications
        .iter()
        .map(|(bucket, replica)| steps::replication::found(here, &there, bucket, replica, &environment.account));
    let found = side_by_side(each.collect()).await;
    Ok(found.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Parameters, buckets of data, and secrets by their names.
async fn more_data(
    here: &Session,
    environment: &Environment,
    ask: &Survey,
) -> Result<(Option<Vec<String>>, Vec<BucketFound>, BTreeMap<String, Condition>), CloudError> {
    let buckets = async { unless_silent(environment, ask, buckets::describe(here, environment, &ask.buckets).await) };
    try_join3(
        when(ask.parameters_prefix.as_deref().map(|prefix| ssm::names(here, prefix))),
        buckets,
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
        when(lineage_asked(cloud, environment, ask, requester)),
        when((ask.newest || ask.newest_at.is_some()).then(|| newest_of(cloud, environment, ask, requester))),
        when(ask.schedule.then(|| plans::find(here, &plan))),
    )
    .await
}

/// What a survey wants to know of the points of one thing.
fn lineage_asked<'a>(
    cloud: &'a AwsCloud,
    environment: &'a Environment,
    ask: &'a Survey,
    requester: &'a str,
) -> Option<BoxFuture<'a, Result<Vec<Point>, CloudError>>> {
    // What is restored on one side comes from there; without a side all copies are meant.
    let sides: &[Side] = match ask.restored_in.as_deref().map(|region| side(environment, region)) {
        None => &points::BOTH,
        Some(Side::Primary) => &[Side::Primary],
        Some(Side::Dr) => &[Side::Dr],
    };
    match (&ask.point, &ask.history) {
        (Some(id), _) => Some(Box::pin(lineage::lineage(cloud, environment, (id, sides), requester))),
        (None, Some(database)) => Some(Box::pin(lineage::history(cloud, environment, database, requester))),
        (None, None) => None,
    }
}

async fn newest_of(
    cloud: &AwsCloud,
    environment: &Environment,
    ask: &Survey,
    requester: &str,
) -> Result<Vec<Point>, CloudError> {
    let mut declared = tier::declared(environment);
    let side = side(environment, restored_in(environment, ask));
    let mut archives = Vec::new();
    if ask.newest && ask.newest_at.is_some() {
        let restored = |of: &newest::Of| matches!(of.0, PointKind::Rds | PointKind::Efs);
        (declared, archives) = declared.into_iter().partition(restored);
    }
    let found = newest::newest(cloud, environment, side, requester, &declared, ask.newest_at).await?;
    lineage::whole(found.unread)?;
    let none = declared.into_iter().filter(|of| !found.points.contains_key(of)).chain(archives);
    let none: Vec<newest::Of> = none.collect();
    let mut points: Vec<Point> = found.points.into_values().collect();
    points.extend(found.snapshots.into_values());
    if ask.newest && ask.newest_at.is_some() {
        // Of what had none yet at that moment, and of archives, which are held against what is live now.
        let later = newest::newest(cloud, environment, side, requester, &none, None).await?;
        lineage::whole(later.unread)?;
        points.extend(later.points.into_values());
        points.extend(later.snapshots.into_values());
    }
    points.dedup_by(|a, b| a.arn == b.arn);
    Ok(points)
}

/// The key of dumps.
async fn dump_key(here: &Session, environment: &Environment, ask: &Survey) -> Result<Option<Condition>, CloudError> {
    let key = async {
        match &environment.dump_kms_key {
            Some(key) => kms::usable(here, key).await,
            None => Ok(Err(unset(environment, "dump_kms_key"))),
        }
    };
    when(ask.dump_key.then_some(key)).await
}

/// The region in which something is restored.
fn restored_in<'a>(environment: &'a Environment, ask: &'a Survey) -> &'a str {
    ask.restored_in.as_deref().unwrap_or(&environment.primary_region)
}

fn side(environment: &Environment, region: &str) -> Side {
    if region == environment.dr_region { Side::Dr } else { Side::Primary }
}

/// What is to be known of the region in which something is restored.
type Restorable =
    (Option<Result<Network, String>>, Option<Option<SnapshotFound>>, Option<(Vec<Window>, Result<Vec<Gap>, String>)>);

/// The network of restores, and what databases can be restored from.
async fn restorable(
    cloud: &AwsCloud,
    environment: &Environment,
    ask: &Survey,
    requester: &str,
) -> Result<Restorable, CloudError> {
    let region = restored_in(environment, ask);
    let side = side(environment, region);
    let session = cloud.sessions.get(environment, region, requester).await;
    try_join3(
        when(ask.isolated.then(|| rds::subnet_group(&session, environment.isolated_subnet_group()))),
        when((!ask.snapshot.is_empty()).then(|| past::snapshot(&session, &ask.snapshot))),
        when((!ask.windows.is_empty()).then(|| windows::whole(&session, side, &ask.windows))),
    )
    .await
}

/// The databases of the primary region, or what came of asking for them: what is restored in another region needs nothing of one that
/// does not answer.
async fn live_databases(
    here: &Session,
    environment: &Environment,
    ask: &Survey,
) -> Result<(Vec<DatabaseFound>, Option<String>), CloudError> {
    match rds::instances(here, &ask.databases).await {
        Err(error) if error.unanswered() && restored_in(environment, ask) != environment.primary_region => {
            Ok((Vec::new(), Some(error.to_string())))
        }
        found => found.map(|databases| (databases, None)),
    }
}

/// What was found in the primary region; nothing where that does not answer and what is asked for is restored in another one. That it
/// does not answer is told by its databases.
fn unless_silent<T: Default>(
    environment: &Environment,
    ask: &Survey,
    found: Result<T, CloudError>,
) -> Result<T, CloudError> {
    match found {
        Err(error) if error.unanswered() && restored_in(environment, ask) != environment.primary_region => {
            Ok(T::default())
        }
        found => found,
    }
}

/// The bucket of archives in the primary region.
async fn archives_bucket(
    here: &Session,
    environment: &Environment,
    ask: &Survey,
) -> Result<Option<Condition>, CloudError> {
    let found = named_bucket(here, environment, environment.secrets_bucket.as_deref(), "secrets_bucket").await;
    unless_silent(environment, ask, found.map(Some))
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

/// The vault of the DR region, and for how long it keeps backups where its lock says so.
///
/// # Errors
/// `Retryable` when nobody can tell now.
pub async fn dr_vault(
    there: &Session,
    environment: &Environment,
) -> Result<(Condition, Option<VaultRange>), CloudError> {
    match &environment.dr_vault {
        Some(name) => backup::vault_and_range(there, name).await,
        None => Ok((Err(unset(environment, "dr_vault")), None)),
    }
}

/// The key that copies in the DR region are encrypted under.
///
/// # Errors
/// `Retryable` when nobody can tell now.
pub async fn dr_key(there: &Session, environment: &Environment) -> Result<Condition, CloudError> {
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
