//! Recovery points wherever they lie, both regions side by side, a page at a time. Nothing is asked of AWS point by point,
//! and what AWS can leave out is left out there.

use aws_sdk_backup::types::{RecoveryPointByBackupVault, RecoveryPointStatus};
use aws_sdk_rds::types::{DbSnapshot, Filter};
use futures::future::join_all;

use super::super::{AwsCloud, backup, moment, rds, session::Session, side_by_side, tags, time};
use super::{archives, sink::Sink};
use crate::{
    domain::{
        environment::Environment,
        lag::Side,
        moment::Moment,
        point::{Place, Point, PointKind, PointQuery, PointState},
    },
    ports::cloud::{CloudError, LeftOut, Pages},
};

/// The most recovery points AWS Backup gives on a page.
const VAULT_PAGE: i32 = 1000;
/// Both sides, in the order people name them.
pub const BOTH: [Side; 2] = [Side::Primary, Side::Dr];

/// What AWS Backup keeps of what is known here, with its own words for it.
const IN_VAULTS: [(PointKind, &str); 3] = [(PointKind::Efs, "EFS"), (PointKind::Rds, "RDS"), (PointKind::S3, "S3")];

/// One listing.
enum Source<'e> {
    Vault(&'e str),
    Snapshots(Vec<String>),
    Archives(&'e str, PointKind),
}

/// What came of one region.
struct Region {
    region: String,
    listings: usize,
    failed: Vec<CloudError>,
}

/// Reads the points of these sides, as they come. Answers what is not among them.
///
/// # Errors
/// `Retryable` or `Permanent` when nothing could be read.
pub async fn read(
    cloud: &AwsCloud,
    environment: &Environment,
    query: &PointQuery,
    requester: &str,
    sides: &[Side],
    page: &mut Pages<'_>,
) -> Result<LeftOut, CloudError> {
    let sink = Sink::new(query, page);
    let sides = sides.iter().filter(|side| **side == Side::Primary || environment.replicates());
    let sides = join_all(sides.map(|side| read_side(cloud, environment, *side, requester, &sink))).await;
    let unread = verdict(sides)?;
    Ok(LeftOut { unread, others: sink.left_out() })
}

/// The region of a side.
pub fn region(environment: &Environment, side: Side) -> &str {
    match side {
        Side::Primary => &environment.primary_region,
        Side::Dr => &environment.dr_region,
    }
}

async fn read_side(
    cloud: &AwsCloud,
    environment: &Environment,
    side: Side,
    requester: &str,
    sink: &Sink<'_, '_>,
) -> Region {
    let region = region(environment, side);
    let session = cloud.sessions.get(environment, region, requester).await;
    let sources = sources(environment, side, sink.query());
    let listings = sources.len();
    let read = side_by_side(sources.iter().map(|source| list(&session, environment, source, sink)).collect()).await;
    Region { region: region.to_owned(), listings, failed: read.into_iter().filter_map(Result::err).collect() }
}

/// A sentence for each listing that failed, or one for a region out of which nothing came.
fn verdict(sides: Vec<Region>) -> Result<Vec<String>, CloudError> {
    let (mut anything, mut first, mut sentences) = (false, None, Vec::new());
    for side in sides {
        let dead = side.listings > 0 && side.failed.len() == side.listings;
        anything |= !dead;
        match side.failed.first() {
            Some(reason) if dead => sentences.push(format!("Nothing could be read in {}. {reason}", side.region)),
            _ => sentences.extend(side.failed.iter().map(ToString::to_string)),
        }
        first = first.or(side.failed.into_iter().next());
    }
    match first {
        Some(error) if !anything => Err(error),
        _ => Ok(sentences),
    }
}

/// The listings that can hold what is asked for.
fn sources<'e>(environment: &'e Environment, side: Side, query: &PointQuery) -> Vec<Source<'e>> {
    let (vault, bucket) = match side {
        Side::Primary => (Some(&environment.vault), environment.secrets_bucket.as_ref()),
        Side::Dr => (environment.dr_vault.as_ref(), environment.dr_secrets_bucket.as_ref()),
    };
    let asked = |kind: PointKind| query.of(kind) && may_be_of(environment, kind, query.resource.as_deref());
    let databases: Vec<String> = environment
        .databases
        .iter()
        // What was made of the one that was live before is a recovery point of the database as well.
        .flat_map(|d| [Some(d.id.clone()), d.declared.clone()])
        .flatten()
        .filter(|id| query.resource.as_ref().is_none_or(|wanted| wanted == id))
        .collect();
    let mut sources = Vec::new();
    if let Some(vault) = vault.filter(|_| IN_VAULTS.into_iter().any(|(kind, _)| asked(kind))) {
        sources.push(Source::Vault(vault));
    }
    if asked(PointKind::Rds) && !databases.is_empty() {
        sources.push(Source::Snapshots(databases));
    }
    if let Some(bucket) = bucket {
        let kinds = [PointKind::Secrets, PointKind::Config, PointKind::S3, PointKind::Dump];
        sources.extend(kinds.into_iter().filter(|kind| asked(*kind)).map(|kind| Source::Archives(bucket, kind)));
    }
    sources
}

/// Whether points of a kind can be of this resource, by what its id looks like.
fn may_be_of(environment: &Environment, kind: PointKind, resource: Option<&str>) -> bool {
    let Some(id) = resource else { return true };
    match kind {
        PointKind::Efs => id.starts_with("fs-"),
        PointKind::Rds | PointKind::S3 | PointKind::Dump => !id.starts_with("fs-") && !id.contains('/'),
        PointKind::Secrets | PointKind::Config => archives::whole(environment, kind) == id,
    }
}

async fn list(
    session: &Session,
    environment: &Environment,
    source: &Source<'_>,
    sink: &Sink<'_, '_>,
) -> Result<(), CloudError> {
    match source {
        Source::Vault(vault) => list_vault(session, environment, vault, sink).await,
        Source::Snapshots(databases) => list_snapshots(session, environment, databases, sink).await,
        Source::Archives(bucket, kind) => archives::list(session, environment, bucket, *kind, sink).await,
    }
}

async fn list_vault(
    session: &Session,
    environment: &Environment,
    vault: &str,
    sink: &Sink<'_, '_>,
) -> Result<(), CloudError> {
    let query = sink.query();
    let found = backup::describe_vault(session, vault).await?;
    let attempt = session.reads("backup:ListRecoveryPointsByBackupVault", format!("recovery points of vault {vault}"));
    if let Some(arn) = found.backup_vault_arn.as_deref().filter(|arn| !owned(arn, &environment.account)) {
        return Err(attempt.never(
            &format!("the vault is {arn}, not of account {}", environment.account),
            "Set `assume_role` of the environment to a role in its account.",
        ));
    }
    let locked = found.locked.unwrap_or(false);
    let mut kinds = IN_VAULTS.into_iter().filter(|(kind, _)| query.of(*kind));
    let kind = kinds.next().filter(|_| kinds.next().is_none());
    let resource = query.resource.as_deref().and_then(|id| arn_of(environment, kind.map(|(kind, _)| kind), id));
    let mut pages = session
        .backup()
        .list_recovery_points_by_backup_vault()
        .backup_vault_name(vault)
        .max_results(VAULT_PAGE)
        // Nobody documents whether the ends count, so a second more is asked for and left out here.
        .set_by_created_after(query.since.map(|m| time(Moment(m.0 - 1000))))
        .set_by_created_before(query.before.map(|m| time(Moment(m.0 + 1000))))
        // The ARN implies the type.
        .set_by_resource_type(kind.filter(|_| resource.is_none()).map(|(_, word)| word.to_owned()))
        .set_by_resource_arn(resource)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let points = page.map_err(|e| attempt.failed(e))?.recovery_points.unwrap_or_default();
        for (point, kind) in points.iter().filter_map(|point| Some((point, other_kind(point)?))) {
            sink.leave_out(kind, point.creation_date.and_then(moment));
        }
        sink.give(points.into_iter().filter_map(|point| of_vault(point, vault, &session.region, locked)));
    }
    Ok(())
}

/// The ARN of a resource, where what is asked of it says which it is. A copy keeps its source's resource, so that it is of the
/// primary region on both sides.
fn arn_of(environment: &Environment, kind: Option<PointKind>, id: &str) -> Option<String> {
    match kind {
        Some(PointKind::S3) => Some(Environment::bucket_arn(id)),
        _ if id.starts_with("fs-") => Some(environment.file_system_arn(id)),
        Some(_) => Some(environment.database_arn(id)),
        // A bucket can have the name of a database.
        None => None,
    }
}

/// What AWS calls the kind of a recovery point that is of none that is known here.
fn other_kind(found: &RecoveryPointByBackupVault) -> Option<String> {
    let arn = found.resource_arn().filter(|arn| resource(arn).is_none())?;
    let service = arn.split(':').nth(2).unwrap_or("unknown");
    Some(found.resource_type().unwrap_or(service).to_owned())
}

fn of_vault(found: RecoveryPointByBackupVault, vault: &str, region: &str, locked: bool) -> Option<Point> {
    let (arn, of) = (found.recovery_point_arn?, found.resource_arn?);
    let (kind, resource) = resource(&of)?;
    let days = found.lifecycle.as_ref().and_then(|l| l.delete_after_days);
    Some(Point {
        kind,
        id: arn.rsplit(':').next().unwrap_or(&arn).to_owned(),
        place: Place::Vault { vault: vault.to_owned() },
        region: region.to_owned(),
        resource,
        created: moment(found.creation_date?)?,
        bytes: found.backup_size_in_bytes.and_then(|bytes| u64::try_from(bytes).ok()),
        expires: found.calculated_lifecycle.and_then(|l| l.delete_at).and_then(moment),
        state: match found.status {
            Some(RecoveryPointStatus::Completed | RecoveryPointStatus::Available) => PointState::Available,
            Some(RecoveryPointStatus::Creating) => PointState::Creating,
            Some(RecoveryPointStatus::Partial) => PointState::Partial,
            Some(RecoveryPointStatus::Expired) => PointState::Expired,
            Some(RecoveryPointStatus::Stopped) => PointState::Stopped,
            _ => PointState::Unusable,
        },
        encrypted: found.is_encrypted,
        locked,
        retention_days: days.and_then(|days| u32::try_from(days).ok()),
        // Tags of recovery points are only told one point at a time.
        operation: None,
        tenant: None,
        arn,
    })
}

/// Kind and id of what an ARN names: a DB instance, a file system or a bucket; nothing else is of any concern here.
pub fn resource(arn: &str) -> Option<(PointKind, String)> {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, rest) = (parts.next()?, parts.nth(2)?);
    match service {
        "rds" => Some((PointKind::Rds, rest.strip_prefix("db:")?.to_owned())),
        "elasticfilesystem" => Some((PointKind::Efs, rest.strip_prefix("file-system/")?.to_owned())),
        "s3" => (!rest.contains('/')).then(|| (PointKind::S3, rest.to_owned())),
        _ => None,
    }
}

/// Whether an ARN is of the account; one that names none is of any.
fn owned(arn: &str, account: &str) -> bool {
    arn.split(':').nth(4).is_none_or(|found| found.is_empty() || found == account)
}

async fn list_snapshots(
    session: &Session,
    environment: &Environment,
    databases: &[String],
    sink: &Sink<'_, '_>,
) -> Result<(), CloudError> {
    for chunk in databases.chunks(rds::PAGE) {
        let attempt = session.reads("rds:DescribeDBSnapshots", format!("snapshots of {}", chunk.join(", ")));
        let filter = Filter::builder().name("db-instance-id").set_values(Some(chunk.to_vec())).build();
        let request = session.rds().describe_db_snapshots().snapshot_type("manual").filters(filter).max_records(100);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let snapshots = page.map_err(|e| attempt.failed(e))?.db_snapshots.unwrap_or_default();
            if let Some(arn) =
                snapshots.iter().filter_map(|s| s.db_snapshot_arn()).find(|a| !owned(a, &environment.account))
            {
                return Err(attempt.never(
                    &format!("there is {arn}, which is not of account {}", environment.account),
                    "Set `assume_role` of the environment to a role in its account.",
                ));
            }
            sink.give(snapshots.into_iter().filter_map(|s| of_snapshot(s, &session.region, &environment.account)));
        }
    }
    Ok(())
}

/// A manual snapshot. One that is so young that RDS gives no time yet is not told of.
fn of_snapshot(found: DbSnapshot, region: &str, account: &str) -> Option<Point> {
    // A copy's own time is when it was copied; its data is as old as its source's.
    let time = found.snapshot_database_time.or(found.original_snapshot_create_time).or(found.snapshot_create_time)?;
    let state = match rds::status_of(&found) {
        "available" => PointState::Available,
        "creating" | "copying" | "pending" => PointState::Creating,
        _ => PointState::Unusable,
    };
    let gib = || found.allocated_storage.and_then(|gib| u64::try_from(gib).ok()).map(|gib| gib << 30);
    let tagged = |key| rds::tag(&found, key).filter(|value| !value.is_empty()).map(str::to_owned);
    let id = found.db_snapshot_identifier.clone()?;
    Some(Point {
        kind: PointKind::Rds,
        arn: found.db_snapshot_arn.clone().unwrap_or_else(|| format!("arn:aws:rds:{region}:{account}:snapshot:{id}")),
        id,
        place: Place::Snapshot,
        region: region.to_owned(),
        resource: found.db_instance_identifier.clone()?,
        created: moment(time)?,
        bytes: found.full_snapshot_size_in_bytes.and_then(|bytes| u64::try_from(bytes).ok()).or_else(gib),
        // AWS never deletes a manual snapshot by itself.
        expires: None,
        state,
        encrypted: found.encrypted.unwrap_or(false),
        locked: false,
        retention_days: tagged(tags::RETENTION).and_then(|days| days.parse().ok()),
        operation: tagged(tags::OPERATION),
        tenant: tagged(tags::TENANT),
    })
}
