//! A DB snapshot by the names it may have, as a restore needs to know it.

use super::super::{moment, rds};
use crate::{adapters::aws::session::Session, domain::world::SnapshotFound, ports::cloud::CloudError};

/// The first snapshot of these names that RDS knows in the session's region, whoever made it.
///
/// # Errors
/// See [`CloudError`].
pub async fn snapshot(session: &Session, names: &[String]) -> Result<Option<SnapshotFound>, CloudError> {
    for name in names {
        let attempt = session.reads("rds:DescribeDBSnapshots", format!("snapshot {name}"));
        let answer = match session.rds().describe_db_snapshots().db_snapshot_identifier(name).send().await {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_db_snapshot_not_found_fault()) => continue,
            Err(error) => return Err(attempt.failed(error)),
        };
        let Some(found) = answer.db_snapshots.unwrap_or_default().into_iter().next() else { continue };
        let status = rds::status_of(&found).to_owned();
        // A copy's own time is when it was copied; its data is as old as its source's.
        let time = found.snapshot_database_time.or(found.original_snapshot_create_time).or(found.snapshot_create_time);
        let Some(created) = time.and_then(moment) else {
            return Err(attempt.later("RDS does not say yet of when its data is", None));
        };
        return Ok(Some(SnapshotFound {
            id: found.db_snapshot_identifier.unwrap_or_else(|| name.clone()),
            arn: found.db_snapshot_arn.unwrap_or_default(),
            database: found.db_instance_identifier.unwrap_or_default(),
            source: found.snapshot_type.unwrap_or_default(),
            status,
            created,
            engine: format!("{} {}", found.engine.unwrap_or_default(), found.engine_version.unwrap_or_default())
                .trim()
                .to_owned(),
            size_gib: found.allocated_storage.and_then(|gib| u32::try_from(gib).ok()).unwrap_or(0),
            encrypted: found.encrypted.unwrap_or(false),
        }));
    }
    Ok(None)
}
