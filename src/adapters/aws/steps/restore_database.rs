//! Test restores: an instance made out of a snapshot in a network of its own, and its deletion.
//!
//! Nothing is ever deleted here that does not bear both the name of a restored instance and the tag of the operation that
//! made it.

use aws_sdk_rds::types::{DbInstance, Filter, Tag};

use super::super::{background::Outcome, error::Attempt, rds, session::Session, tags};
use crate::{
    domain::step::Outputs,
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

/// What every restored instance has in its name.
const RESTORED: &str = "-restored-";

/// What [`start`] makes.
pub struct Restore<'a> {
    /// Snapshot's name.
    pub snapshot: &'a str,
    /// Name of the instance to make.
    pub instance: &'a str,
    /// DB subnet group.
    pub subnet_group: &'a str,
    /// VPC security groups; the network's default where empty.
    pub security_groups: &'a [String],
}

/// Restores the snapshot, or adopts the instance this operation made before.
///
/// # Errors
/// See [`CloudError`].
pub async fn start(session: &Session, call: &Call, what: &Restore<'_>) -> Result<Started, CloudError> {
    let thing = format!("instance {} restored from snapshot {}", what.instance, what.snapshot);
    let attempt = session.changes("rds:RestoreDBInstanceFromDBSnapshot", thing);
    let groups = Some(what.security_groups.to_vec()).filter(|groups| !groups.is_empty());
    let request = session
        .rds()
        .restore_db_instance_from_db_snapshot()
        .db_snapshot_identifier(what.snapshot)
        .db_instance_identifier(what.instance)
        .db_subnet_group_name(what.subnet_group)
        .set_vpc_security_group_ids(groups)
        .publicly_accessible(false)
        .multi_az(false)
        .deletion_protection(false)
        .copy_tags_to_snapshot(false)
        .set_tags(Some(rds::rds_tags(call)));
    match request.send().await {
        Ok(_) => Ok(started(what.instance)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_instance_already_exists_fault()) => {
            adopt(session, call, what.instance, &attempt).await
        }
        Err(error) => Err(attempt.failed(error)),
    }
}

/// Looks for the instance an earlier [`start`] may have made.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe(session: &Session, call: &Call, instance: &str) -> Result<Probe, CloudError> {
    let found = describe(session, instance).await?;
    // A stranger's instance of this name means that ours was never made; the call itself will say so in words.
    Ok(match found.filter(|db| is_of(db, &call.operation.0)) {
        Some(_) => Probe::Present(started(instance)),
        None => Probe::Absent,
    })
}

/// The name is taken: by an earlier attempt of this operation, or by somebody else.
async fn adopt(session: &Session, call: &Call, name: &str, attempt: &Attempt<'_>) -> Result<Started, CloudError> {
    let Some(found) = describe(session, name).await? else {
        return Err(attempt.later("RDS says that it exists, but does not show it yet", None));
    };
    if !is_of(&found, &call.operation.0) {
        let next = "Look at it in RDS; delete or rename it, then retry.";
        return Err(attempt.never("an instance of that name exists that this operation did not make", next));
    }
    if rds::is_bad(status_of(&found)) {
        let why = format!("this operation's instance exists but is {}", status_of(&found));
        return Err(attempt.never(&why, "Delete it in RDS, then retry."));
    }
    Ok(started(name))
}

/// How far the restore is.
///
/// # Errors
/// `Retryable` while RDS does not show it.
pub async fn poll(session: &Session, name: &str) -> Outcome {
    let Some(found) = describe(session, name).await? else {
        let attempt = session.reads("rds:DescribeDBInstances", format!("instance {name}"));
        return Err(attempt.later("RDS accepted it but does not show it; if that lasts, somebody deleted it", None));
    };
    let status = status_of(&found);
    if rds::is_bad(status) || status == "insufficient-capacity" {
        let reason = format!(
            "Instance {name} in {} is {status}. Look at the RDS events of it, delete it, then retry.",
            session.region
        );
        return Ok(Progress::Failed { reason });
    }
    if status != "available" {
        return Ok(Progress::Running { percent: None, detail: status.to_owned() });
    }
    // It answers before all of its data has arrived.
    if let Some(percent) = initializing(&found) {
        return Ok(Progress::Running { percent, detail: "available, storage Initializing".to_owned() });
    }
    let Some((address, port)) = endpoint(&found) else {
        return Ok(Progress::Running { percent: None, detail: "available, no endpoint yet".to_owned() });
    };
    let detail = format!("available at {address}:{port}, not reachable from outside of its network");
    let outputs = Outputs::from([
        ("endpoint".to_owned(), address),
        ("port".to_owned(), port.to_string()),
        ("restored_instance".to_owned(), name.to_owned()),
    ]);
    Ok(Progress::Done { outputs, detail })
}

/// Deletes a restored instance, with its backups and without a last snapshot.
///
/// # Errors
/// See [`CloudError`]; `Permanent` for whatever the operation did not restore.
pub async fn delete(session: &Session, name: &str, operation: &str) -> Result<Started, CloudError> {
    let attempt = session.changes("rds:DeleteDBInstance", format!("instance {name}"));
    if !is_named_after(name, operation) {
        let why = format!("only instances named …{RESTORED}…{operation} are deleted by operation {operation}");
        return Err(attempt.never(&why, "Nothing was done. Report this."));
    }
    let Some(found) = describe(session, name).await? else { return Ok(gone(name)) };
    if !is_of(&found, operation) {
        let why = format!("it does not carry the tag {} of {operation}, so it may be somebody else's", tags::OPERATION);
        return Err(attempt.never(&why, "Nothing was done. Look at it in RDS; delete it there if it is not needed."));
    }
    if status_of(&found) == "deleting" {
        return Ok(started(name));
    }
    let request = session.rds().delete_db_instance().db_instance_identifier(name);
    match request.skip_final_snapshot(true).delete_automated_backups(true).send().await {
        Ok(_) => Ok(started(name)),
        Err(error) if error.as_service_error().is_some_and(|e| e.is_db_instance_not_found_fault()) => Ok(gone(name)),
        Err(error) => {
            // An earlier attempt, whose answer was lost, may have begun it.
            let failed = attempt.failed(error);
            match describe(session, name).await {
                Ok(Some(found)) if status_of(&found) == "deleting" => Ok(started(name)),
                _ => Err(failed),
            }
        }
    }
}

/// Looks whether an earlier [`delete`] got through.
///
/// # Errors
/// See [`CloudError`].
pub async fn probe_delete(session: &Session, name: &str, operation: &str) -> Result<Probe, CloudError> {
    Ok(match describe(session, name).await? {
        None => Probe::Present(gone(name)),
        Some(found) if is_of(&found, operation) && status_of(&found) == "deleting" => Probe::Present(started(name)),
        Some(_) => Probe::Absent,
    })
}

/// Whether the instance is gone.
///
/// # Errors
/// See [`CloudError`].
pub async fn poll_delete(session: &Session, name: &str, operation: &str) -> Outcome {
    Ok(match describe(session, name).await? {
        Some(found) if is_of(&found, operation) => {
            Progress::Running { percent: None, detail: status_of(&found).to_owned() }
        }
        // One of that name that is not ours was made after ours had gone.
        _ => Progress::Done { outputs: Outputs::new(), detail: "gone, with its automated backups".to_owned() },
    })
}

/// An instance as RDS describes it.
///
/// # Errors
/// See [`CloudError`].
pub async fn describe(session: &Session, name: &str) -> Result<Option<DbInstance>, CloudError> {
    let attempt = session.reads("rds:DescribeDBInstances", format!("instance {name}"));
    let filter = Filter::builder().name("db-instance-id").values(name.to_lowercase()).build();
    let answer = session.rds().describe_db_instances().filters(filter).send().await.map_err(|e| attempt.failed(e))?;
    let named = |db: &DbInstance| db.db_instance_identifier().is_some_and(|id| id.eq_ignore_ascii_case(name));
    Ok(answer.db_instances.unwrap_or_default().into_iter().find(named))
}

/// Percent of the storage that has arrived, as long as not all has.
pub fn initializing(instance: &DbInstance) -> Option<Option<u8>> {
    let status = instance.storage_operation_status()?;
    let percent = instance.storage_operation_percent_progress().and_then(|p| u8::try_from(p.clamp(0, 100)).ok());
    status.eq_ignore_ascii_case("initializing").then_some(percent)
}

/// Where an instance is reached.
pub fn endpoint(instance: &DbInstance) -> Option<(String, u16)> {
    let endpoint = instance.endpoint()?;
    let port = endpoint.port().and_then(|port| u16::try_from(port).ok())?;
    Some((endpoint.address()?.to_owned(), port))
}

/// RDS's word for its state.
pub fn status_of(instance: &DbInstance) -> &str {
    instance.db_instance_status().unwrap_or("of unknown state")
}

fn is_of(instance: &DbInstance, operation: &str) -> bool {
    let tag = instance.tag_list().iter().find(|tag| tag.key() == Some(tags::OPERATION));
    tag.and_then(Tag::value) == Some(operation)
}

fn is_named_after(name: &str, operation: &str) -> bool {
    !operation.is_empty() && name.contains(RESTORED) && name.ends_with(&format!("-{operation}"))
}

fn started(name: &str) -> Started {
    Started { external_id: Some(name.to_owned()), ..Started::default() }
}

fn gone(name: &str) -> Started {
    Started { finished: true, ..started(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_restored_instances_of_the_operation_will_do() {
        assert!(is_named_after("bbws-prod-mysql-restored-bk-1042", "bk-1042"));
        for (name, operation) in [
            ("bbws-prod-mysql", "bk-1042"),
            ("bbws-prod-mysql-restored-bk-1042", "bk-104"),
            ("bbws-prod-mysql-restored-bk-1042", "k-1042"),
            ("bbws-prod-mysql-restored-bk-1042", ""),
            ("bbws-prod-mysql-bk-1042", "bk-1042"),
            ("bbws-prod-mysql-restored-bk-1042-2", "bk-1042"),
        ] {
            assert!(!is_named_after(name, operation), "{name} of {operation}");
        }
    }
}
