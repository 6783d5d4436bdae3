//! A DB snapshot by the names it may have, as a restore needs to know it.

use aws_sdk_rds::types::DbSnapshot;

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
        return match self::found(&found) {
            Some(found) => Ok(Some(found)),
            None => Err(attempt.later("RDS does not say yet of when its data is", None)),
        };
    }
    Ok(None)
}

/// A snapshot as RDS describes it; none while RDS does not say of when its data is.
pub fn found(snapshot: &DbSnapshot) -> Option<SnapshotFound> {
    // A copy's own time is when it was copied; its data is as old as its source's.
    let time = snapshot
        .snapshot_database_time()
        .or(snapshot.original_snapshot_create_time())
        .or(snapshot.snapshot_create_time());
    let engine = format!("{} {}", snapshot.engine().unwrap_or_default(), snapshot.engine_version().unwrap_or_default());
    Some(SnapshotFound {
        id: snapshot.db_snapshot_identifier()?.to_owned(),
        arn: snapshot.db_snapshot_arn().unwrap_or_default().to_owned(),
        database: snapshot.db_instance_identifier().unwrap_or_default().to_owned(),
        source: snapshot.snapshot_type().unwrap_or_default().to_owned(),
        status: rds::status_of(snapshot).to_owned(),
        created: time.copied().and_then(moment)?,
        engine: engine.trim().to_owned(),
        size_gib: snapshot.allocated_storage().and_then(|gib| u32::try_from(gib).ok()).unwrap_or(0),
        encrypted: snapshot.encrypted().unwrap_or(false),
    })
}
