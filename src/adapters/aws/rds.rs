//! RDS: snapshots, their copies in the DR region, and their verification.
//!
//! RDS has no idempotency token: the snapshot's name is the token, and our operation's tag says whose it is.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_rds::types::{DbInstance, DbSnapshot, Filter, Tag};

use super::{error::Attempt, kms, session::Session, tags};
use crate::{
    domain::{
        moment::Moment,
        step::{RdsCopy, RdsSnapshot},
        world::Network,
    },
    ports::cloud::{Call, CloudError, DatabaseFound, Probe, Progress, Started},
};

/// Names per Describe call; also the most records RDS gives on a page.
pub const PAGE: usize = 100;

/// Snapshots by their name in lower case, which is how RDS keeps names.
pub type Found = HashMap<String, DbSnapshot>;

/// Where a snapshot has to come from to be ours.
enum Source<'a> {
    Database(&'a str),
    Snapshot(&'a str),
}

/// Creates a snapshot, or adopts the one this operation made before.
///
/// # Errors
/// See [`CloudError`].
pub async fn start_snapshot(session: &Session, call: &Call, what: &RdsSnapshot) -> Result<Started, CloudError> {
    let RdsSnapshot { database, snapshot, .. } = what;
    let attempt = session.changes("rds:CreateDBSnapshot", format!("snapshot {snapshot} of database {database}"));
    let request = session
        .rds()
        .create_db_snapshot()
        .db_instance_identifier(database)
        .db_snapshot_identifier(snapshot)
        .set_tags(Some(rds_tags(call)));
    match request.send().await {
        Ok(_) => Ok(started(snapshot)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_snapshot_already_exists_fault()) => {
            adopt(session, call, snapshot, &Source::Database(database), &attempt).await
        }
        Err(error) => Err(attempt.failed(error)),
    }
}

/// Copies a snapshot into the session's region, or adopts the copy this operation made before. Outside GovCloud and
/// China RDS signs the request to the source region itself, so no presigned URL is passed.
///
/// # Errors
/// See [`CloudError`].
pub async fn start_copy(session: &Session, call: &Call, what: &RdsCopy) -> Result<Started, CloudError> {
    let attempt = session.changes("rds:CopyDBSnapshot", format!("copy {} of snapshot {}", what.copy, what.snapshot));
    let source = source_arn(what);
    let request = session
        .rds()
        .copy_db_snapshot()
        .source_db_snapshot_identifier(&source)
        .target_db_snapshot_identifier(&what.copy)
        .set_kms_key_id(what.kms_key.clone())
        .copy_tags(true)
        .set_tags(Some(rds_tags(call)));
    match request.send().await {
        Ok(_) => Ok(started(&what.copy)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_snapshot_already_exists_fault()) => {
            adopt(session, call, &what.copy, &Source::Snapshot(&source), &attempt).await
        }
        Err(error) => Err(attempt.failed(error)),
    }
}

/// Looks for the snapshot an earlier [`start_snapshot`] may have made.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe_snapshot(session: &Session, call: &Call, what: &RdsSnapshot) -> Result<Probe, CloudError> {
    probe(session, call, &what.snapshot, &Source::Database(&what.database)).await
}

/// Looks for the copy an earlier [`start_copy`] may have made.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe_copy(session: &Session, call: &Call, what: &RdsCopy) -> Result<Probe, CloudError> {
    probe(session, call, &what.copy, &Source::Snapshot(&source_arn(what))).await
}

fn source_arn(what: &RdsCopy) -> String {
    format!("arn:aws:rds:{}:{}:snapshot:{}", what.from_region, what.account, what.snapshot)
}

async fn probe(session: &Session, call: &Call, name: &str, source: &Source<'_>) -> Result<Probe, CloudError> {
    let found = describe(session, &[name]).await?;
    // A stranger's snapshot of this name means that ours was never made; the call itself will say so in words.
    Ok(match found.get(&name.to_lowercase()).filter(|s| is_ours(s, call, source)) {
        Some(_) => Probe::Present(started(name)),
        None => Probe::Absent,
    })
}

/// The name is taken: by an earlier attempt of this operation, or by somebody else.
async fn adopt(
    session: &Session,
    call: &Call,
    name: &str,
    source: &Source<'_>,
    attempt: &Attempt<'_>,
) -> Result<Started, CloudError> {
    let found = describe(session, &[name]).await?;
    let Some(snapshot) = found.get(&name.to_lowercase()) else {
        return Err(attempt.later("RDS says that it exists, but does not show it yet", None));
    };
    if !is_ours(snapshot, call, source) {
        let next = "Look at it in RDS; delete or rename it, then retry.";
        return Err(attempt.never("a snapshot of that name exists that this operation did not make", next));
    }
    if is_bad(status_of(snapshot)) {
        let why = format!("this operation's snapshot exists but is {}", status_of(snapshot));
        return Err(attempt.never(&why, &away(&call.environment.name, name)));
    }
    Ok(started(name))
}

/// Describes snapshots by name, as many as fit in one request. What does not exist is absent.
///
/// # Errors
/// See [`CloudError`].
pub async fn describe(session: &Session, names: &[&str]) -> Result<Found, CloudError> {
    let mut found = Found::new();
    for chunk in names.chunks(PAGE) {
        let attempt = session.reads("rds:DescribeDBSnapshots", format!("snapshot {}", chunk.join(", ")));
        let names = chunk.iter().map(|n| n.to_lowercase()).collect();
        let filter = Filter::builder().name("db-snapshot-id").set_values(Some(names)).build();
        let mut pages = session.rds().describe_db_snapshots().filters(filter).max_records(100).into_paginator().send();
        while let Some(page) = pages.next().await {
            for snapshot in page.map_err(|e| attempt.failed(e))?.db_snapshots.unwrap_or_default() {
                found.insert(snapshot.db_snapshot_identifier.clone().unwrap_or_default().to_lowercase(), snapshot);
            }
        }
    }
    Ok(found)
}

/// Whether RDS says that there is no snapshot of that name. That a list does not show it is no such answer.
///
/// # Errors
/// See [`CloudError`]; `Retryable` where it neither shows it nor says so.
pub async fn is_gone(session: &Session, name: &str) -> Result<bool, CloudError> {
    let attempt = session.reads("rds:DescribeDBSnapshots", format!("snapshot {name}"));
    match session.rds().describe_db_snapshots().db_snapshot_identifier(name).send().await {
        Ok(answer) if answer.db_snapshots().is_empty() => {
            Err(attempt.later("RDS neither shows it nor says that it is gone", None))
        }
        Ok(_) => Ok(false),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_snapshot_not_found_fault()) => Ok(true),
        Err(error) => Err(attempt.failed(error)),
    }
}

/// How a snapshot that is of no use stops standing in the way of the one that takes its place.
fn away(environment: &str, name: &str) -> String {
    format!("Delete it: `/bbws backup delete {environment} {name}`. Then press Retry.")
}

/// How far a snapshot or a copy of an environment is.
///
/// # Errors
/// `Retryable` while RDS does not show it.
pub fn progress(session: &Session, environment: &str, name: &str, found: &Found) -> Result<Progress, CloudError> {
    let Some(snapshot) = found.get(&name.to_lowercase()) else {
        let attempt = session.reads("rds:DescribeDBSnapshots", format!("snapshot {name}"));
        return Err(attempt.later("RDS accepted it but does not show it; if that lasts, somebody deleted it", None));
    };
    let status = status_of(snapshot);
    if is_bad(status) {
        return Ok(Progress::Failed {
            reason: format!(
                "Snapshot {name} in {} is {status}; its events in RDS say why. {}",
                session.region,
                away(environment, name)
            ),
        });
    }
    if status != "available" {
        let percent = snapshot.percent_progress.and_then(|p| u8::try_from(p.clamp(0, 100)).ok());
        return Ok(Progress::Running { percent, detail: status.to_owned() });
    }
    let outputs = snapshot.db_snapshot_arn.iter().map(|arn| ("snapshot_arn".to_owned(), arn.clone())).collect();
    Ok(Progress::Done { outputs, detail: summary(snapshot) })
}

/// Verifies a snapshot against what was promised.
///
/// # Errors
/// See [`CloudError`].
pub async fn verify(session: &Session, name: &str, retention_days: u32, found: &Found) -> Result<Progress, CloudError> {
    let wrong = |why: String| {
        Ok(Progress::Failed {
            reason: format!("Snapshot {name} in {} does not hold: {why}. Back up again.", session.region),
        })
    };
    let Some(snapshot) = found.get(&name.to_lowercase()) else {
        return wrong("it does not exist".to_owned());
    };
    if status_of(snapshot) != "available" {
        return wrong(format!("it is {}, not available", status_of(snapshot)));
    }
    if snapshot.encrypted != Some(true) {
        return wrong("it is not encrypted".to_owned());
    }
    if snapshot.allocated_storage.unwrap_or(0) <= 0 {
        return wrong("it is empty".to_owned());
    }
    if let Err(why) = tags::check_retention(tag(snapshot, tags::RETENTION), retention_days) {
        return wrong(why);
    }
    let Some(key) = &snapshot.kms_key_id else {
        return wrong("RDS does not name the KMS key it is encrypted under".to_owned());
    };
    Ok(match kms::usable(session, key).await? {
        Err(reason) => Progress::Failed {
            reason: format!("Snapshot {name} in {} could not be restored: {reason}", session.region),
        },
        Ok(_) => Progress::Done {
            outputs: Default::default(),
            detail: format!("{}, key usable in {}", summary(snapshot), session.region),
        },
    })
}

/// Describes DB instances by identifier. What does not exist is absent.
///
/// # Errors
/// See [`CloudError`].
pub async fn instances(session: &Session, ids: &[String]) -> Result<Vec<DatabaseFound>, CloudError> {
    let mut found = Vec::new();
    for chunk in ids.chunks(PAGE) {
        let attempt = session.reads("rds:DescribeDBInstances", format!("database {}", chunk.join(", ")));
        let filter = Filter::builder().name("db-instance-id").set_values(Some(chunk.to_vec())).build();
        let mut pages = session.rds().describe_db_instances().filters(filter).max_records(100).into_paginator().send();
        while let Some(page) = pages.next().await {
            found.extend(
                page.map_err(|e| attempt.failed(e))?.db_instances.unwrap_or_default().into_iter().map(instance),
            );
        }
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

/// Every DB instance of the account in the session's region.
///
/// # Errors
/// See [`CloudError`].
pub async fn all_instances(session: &Session) -> Result<Vec<DatabaseFound>, CloudError> {
    let attempt = session.reads("rds:DescribeDBInstances", "the databases");
    let mut pages = session.rds().describe_db_instances().max_records(100).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        found.extend(page.map_err(|e| attempt.failed(e))?.db_instances.unwrap_or_default().into_iter().map(instance));
    }
    Ok(found)
}

/// Whether a DB subnet group can take instances: its name, or why not.
///
/// # Errors
/// `Retryable` when nobody can tell now.
pub async fn subnet_group(session: &Session, name: &str) -> Result<Result<Network, String>, CloudError> {
    let attempt = session.reads("rds:DescribeDBSubnetGroups", format!("DB subnet group {name}"));
    let answer = match session.rds().describe_db_subnet_groups().db_subnet_group_name(name).send().await {
        Ok(answer) => answer,
        Err(error) => return kms::missing(attempt.failed(error)),
    };
    let found = answer.db_subnet_groups.unwrap_or_default().into_iter().next();
    Ok(match found {
        Some(group) if group.subnet_group_status() == Some("Complete") => {
            let mut subnets: Vec<String> =
                group.subnets().iter().filter_map(|s| s.subnet_identifier().map(str::to_owned)).collect();
            subnets.sort();
            Ok(Network { subnet_group: name.to_owned(), subnets })
        }
        Some(group) => {
            let status = group.subnet_group_status().unwrap_or("of unknown state");
            Err(format!("DB subnet group {name} in {} is {status}, not Complete.", session.region))
        }
        None => Err(format!("DB subnet group {name} does not exist in {}. Create it.", session.region)),
    })
}

/// Up to when each of these databases can be restored in the session's region out of automated backups that were replicated
/// there, by the id of its source; what is not replicated is absent.
///
/// # Errors
/// See [`CloudError`].
pub async fn replicated(session: &Session, ids: &[String]) -> Result<BTreeMap<String, Moment>, CloudError> {
    let mut found = BTreeMap::new();
    for chunk in ids.chunks(PAGE) {
        let attempt = session
            .reads("rds:DescribeDBInstanceAutomatedBackups", format!("automated backups of {}", chunk.join(", ")));
        let filter = Filter::builder().name("db-instance-id").set_values(Some(chunk.to_vec())).build();
        let request = session.rds().describe_db_instance_automated_backups().filters(filter).max_records(100);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error)
                    if error
                        .as_service_error()
                        .is_some_and(|e| e.is_db_instance_automated_backup_not_found_fault()) =>
                {
                    break;
                }
                Err(error) => return Err(attempt.failed(error)),
            };
            for backup in page.db_instance_automated_backups.unwrap_or_default() {
                // Backups of an instance that lives here and bears the same name are not copies of anything.
                let region = backup.db_instance_arn.as_deref().and_then(|arn| arn.split(':').nth(3)).map(str::to_owned);
                let elsewhere = region.or(backup.region).is_some_and(|region| region != session.region);
                let latest = backup.restore_window.and_then(|w| w.latest_time).and_then(|t| t.to_millis().ok());
                if let (true, Some(id), Some(latest)) = (elsewhere, backup.db_instance_identifier, latest) {
                    let safe = found.entry(id).or_insert(Moment(latest));
                    *safe = (*safe).max(Moment(latest));
                }
            }
        }
    }
    Ok(found)
}

fn instance(db: DbInstance) -> DatabaseFound {
    DatabaseFound {
        cluster: db.db_cluster_identifier,
        id: db.db_instance_identifier.unwrap_or_default(),
        engine: format!("{} {}", db.engine.unwrap_or_default(), db.engine_version.unwrap_or_default())
            .trim()
            .to_owned(),
        status: db.db_instance_status.unwrap_or_default(),
        encrypted: db.storage_encrypted.unwrap_or(false),
        size_gib: db.allocated_storage.and_then(|gib| u32::try_from(gib).ok()).unwrap_or(0),
        multi_az: db.multi_az.unwrap_or(false),
        automated_days: db.backup_retention_period.and_then(|days| u32::try_from(days).ok()).unwrap_or(0),
        window: db.preferred_backup_window.unwrap_or_default(),
        restorable: db.latest_restorable_time.and_then(|t| t.to_millis().ok()).map(Moment),
    }
}

fn started(name: &str) -> Started {
    Started { external_id: Some(name.to_owned()), ..Started::default() }
}

fn is_ours(snapshot: &DbSnapshot, call: &Call, source: &Source<'_>) -> bool {
    let from_there = match source {
        Source::Database(id) => {
            snapshot.db_instance_identifier.as_deref().is_some_and(|found| found.eq_ignore_ascii_case(id))
        }
        // Where AWS names no source (it does so for cross-region copies only), the name and the tag have to do.
        Source::Snapshot(arn) => {
            snapshot.source_db_snapshot_identifier.as_deref().is_none_or(|found| found.eq_ignore_ascii_case(arn))
        }
    };
    from_there && tags::is_ours(call, |key| tag(snapshot, key), snapshot.snapshot_create_time())
}

/// The value of a snapshot's tag.
pub fn tag<'a>(snapshot: &'a DbSnapshot, key: &str) -> Option<&'a str> {
    snapshot.tag_list().iter().find(|t| t.key() == Some(key)).and_then(Tag::value)
}

/// RDS's word for the state of a snapshot.
pub fn status_of(snapshot: &DbSnapshot) -> &str {
    snapshot.status.as_deref().unwrap_or("of unknown state")
}

/// States of snapshots and instances out of which nothing good comes; RDS adds new ones under these names.
pub fn is_bad(status: &str) -> bool {
    let bad = ["failed", "deleting", "deleted", "storage-full"].contains(&status);
    bad || status.starts_with("incompatible-") || status.starts_with("inaccessible-") || status.ends_with("-error")
}

fn summary(snapshot: &DbSnapshot) -> String {
    let encrypted = if snapshot.encrypted == Some(true) { "encrypted" } else { "not encrypted" };
    format!("{}, {encrypted}, {} GiB", status_of(snapshot), snapshot.allocated_storage.unwrap_or(0))
}

/// The call's tags as RDS takes them.
pub fn rds_tags(call: &Call) -> Vec<Tag> {
    tags::of(call).into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
