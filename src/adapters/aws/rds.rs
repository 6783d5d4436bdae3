//! RDS: instances, snapshots and subnet groups as it describes them.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_rds::types::{DbInstance, DbSnapshot, Filter, Tag};
use aws_smithy_types::DateTime;

use super::{kms, session::Session, tags};
use crate::{
    domain::{moment::Moment, world::Network},
    ports::cloud::{Call, CloudError, DatabaseFound},
};

/// Names per Describe call; also the most records RDS gives on a page.
pub const PAGE: usize = 100;

/// Instances by their name in lower case.
pub type Instances = HashMap<String, DbInstance>;

/// Snapshots by their name in lower case, which is how RDS keeps names.
pub type Found = HashMap<String, DbSnapshot>;

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

/// Automated backups of a database in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automated {
    /// Id of the database.
    pub database: String,
    /// Whether they came from another region; those of an instance that lives here are not copies of anything.
    pub replicated: bool,
    /// The earliest second to restore to.
    pub oldest: Option<Moment>,
    /// The latest.
    pub latest: Moment,
    /// ARN of what was replicated.
    pub backup: Option<String>,
    /// The id of the instance they are of, where that is gone and they were kept: they are no past of the one that has its name
    /// now.
    pub gone: Option<String>,
}

/// Automated backups of these databases in the session's region, as far as something can be restored from them.
///
/// # Errors
/// See [`CloudError`].
pub async fn automated(session: &Session, ids: &[String]) -> Result<Vec<Automated>, CloudError> {
    let mut found = Vec::new();
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
                let region = backup.db_instance_arn.as_deref().and_then(|arn| arn.split(':').nth(3)).map(str::to_owned);
                let replicated = region.or(backup.region).is_some_and(|region| region != session.region);
                let moment = |time: Option<DateTime>| time.and_then(|t| t.to_millis().ok()).map(Moment);
                let window = backup.restore_window.map(|w| (moment(w.earliest_time), moment(w.latest_time)));
                if let (Some(database), Some((oldest, Some(latest)))) = (backup.db_instance_identifier, window) {
                    let retained = backup.status.as_deref() == Some("retained");
                    let gone = backup.dbi_resource_id.filter(|_| retained);
                    let backup = backup.db_instance_automated_backups_arn.filter(|_| replicated);
                    found.push(Automated { database, replicated, oldest, latest, backup, gone });
                }
            }
        }
    }
    Ok(found)
}

/// Up to when each of these databases can be restored in the session's region out of automated backups that were replicated
/// there, by the id of its source; what is not replicated is absent.
///
/// # Errors
/// See [`CloudError`].
pub async fn replicated(session: &Session, ids: &[String]) -> Result<BTreeMap<String, Moment>, CloudError> {
    let mut found = BTreeMap::new();
    for backup in automated(session, ids).await?.into_iter().filter(|backup| backup.replicated) {
        let safe = found.entry(backup.database).or_insert(backup.latest);
        *safe = (*safe).max(backup.latest);
    }
    Ok(found)
}

fn instance(db: DbInstance) -> DatabaseFound {
    DatabaseFound {
        cluster: db.db_cluster_identifier,
        source: db.read_replica_source_db_instance_identifier.filter(|source| !source.is_empty()),
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
        resource: db.dbi_resource_id.unwrap_or_default(),
        restorable: db.latest_restorable_time.and_then(|t| t.to_millis().ok()).map(Moment),
    }
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

/// The call's tags as RDS takes them.
pub fn rds_tags(call: &Call) -> Vec<Tag> {
    tags::of(call).into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Instances by their identifiers in lower case. What does not exist is absent.
///
/// # Errors
/// See [`CloudError`].
pub async fn describe_instances(session: &Session, names: &[&str]) -> Result<Instances, CloudError> {
    let mut found = Instances::new();
    for chunk in names.chunks(PAGE) {
        let attempt = session.reads("rds:DescribeDBInstances", format!("database {}", chunk.join(", ")));
        let names = chunk.iter().map(|name| (*name).to_owned()).collect();
        let filter = Filter::builder().name("db-instance-id").set_values(Some(names)).build();
        let mut pages = session.rds().describe_db_instances().filters(filter).max_records(100).into_paginator().send();
        while let Some(page) = pages.next().await {
            for instance in page.map_err(|e| attempt.failed(e))?.db_instances.unwrap_or_default() {
                found.insert(instance.db_instance_identifier.clone().unwrap_or_default().to_lowercase(), instance);
            }
        }
    }
    Ok(found)
}
