//! `rds.snapshot`, `rds.copy` and `verify.snapshot`: one description tells of all of them.
//!
//! RDS has no idempotency token: the snapshot's name is the token, and our operation's tag says whose it is.

use aws_sdk_rds::types::DbSnapshot;

use super::{
    super::{background::Outcome, error::Attempt, kms, rds, session::Session, tags},
    At, Change, Look,
    batch::Batch,
};
use crate::{
    domain::step::{RdsCopy, RdsSnapshot, VerifySnapshot},
    ports::cloud::{Call, CloudError, Probe, Progress, Started},
};

impl Change for RdsSnapshot {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        probe_snapshot(&at.session, at.call, self).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        start_snapshot(&at.session, at.call, self).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        progress(&at.session, &at.call.environment.name, &self.snapshot, at.snapshots(&self.snapshot).await?.as_ref())
    }

    fn batch<'c>(&'c self, _call: &'c Call) -> Option<Batch<'c>> {
        Some(Batch::Snapshot(&self.snapshot))
    }
}

impl Change for RdsCopy {
    async fn probe(&self, at: &At<'_>) -> Result<Probe, CloudError> {
        probe_copy(&at.session, at.call, self).await
    }

    async fn start(&self, at: &At<'_>) -> Result<Started, CloudError> {
        start_copy(&at.session, at.call, self).await
    }

    async fn poll(&self, at: &At<'_>) -> Outcome {
        progress(&at.session, &at.call.environment.name, &self.copy, at.snapshots(&self.copy).await?.as_ref())
    }

    fn batch<'c>(&'c self, _call: &'c Call) -> Option<Batch<'c>> {
        Some(Batch::Snapshot(&self.copy))
    }
}

impl Look for VerifySnapshot {
    async fn poll(&self, at: &At<'_>) -> Outcome {
        let found = at.snapshots(&self.snapshot).await?;
        verify(&at.session, &self.snapshot, self.retention_days, found.as_ref()).await
    }

    fn batch<'c>(&'c self, _call: &'c Call) -> Option<Batch<'c>> {
        Some(Batch::Snapshot(&self.snapshot))
    }
}

/// Where a snapshot has to come from to be ours.
enum Source<'a> {
    Database(&'a str),
    Snapshot(&'a str),
}

/// Creates a snapshot, or adopts the one this operation made before.
///
/// # Errors
/// See [`CloudError`].
async fn start_snapshot(session: &Session, call: &Call, what: &RdsSnapshot) -> Result<Started, CloudError> {
    let RdsSnapshot { database, snapshot, .. } = what;
    let attempt = session.changes("rds:CreateDBSnapshot", format!("snapshot {snapshot} of database {database}"));
    let request = session
        .rds()
        .create_db_snapshot()
        .db_instance_identifier(database)
        .db_snapshot_identifier(snapshot)
        .set_tags(Some(rds::rds_tags(call)));
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
async fn start_copy(session: &Session, call: &Call, what: &RdsCopy) -> Result<Started, CloudError> {
    let attempt = session.changes("rds:CopyDBSnapshot", format!("copy {} of snapshot {}", what.copy, what.snapshot));
    let source = source_arn(what);
    let request = session
        .rds()
        .copy_db_snapshot()
        .source_db_snapshot_identifier(&source)
        .target_db_snapshot_identifier(&what.copy)
        .set_kms_key_id(what.kms_key.clone())
        .copy_tags(true)
        .set_tags(Some(rds::rds_tags(call)));
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
async fn probe_snapshot(session: &Session, call: &Call, what: &RdsSnapshot) -> Result<Probe, CloudError> {
    probe(session, call, &what.snapshot, &Source::Database(&what.database)).await
}

/// Looks for the copy an earlier [`start_copy`] may have made.
///
/// # Errors
/// See [`CloudError`].
async fn probe_copy(session: &Session, call: &Call, what: &RdsCopy) -> Result<Probe, CloudError> {
    probe(session, call, &what.copy, &Source::Snapshot(&source_arn(what))).await
}

fn source_arn(what: &RdsCopy) -> String {
    format!("arn:aws:rds:{}:{}:snapshot:{}", what.from_region, what.account, what.snapshot)
}

async fn probe(session: &Session, call: &Call, name: &str, source: &Source<'_>) -> Result<Probe, CloudError> {
    let found = rds::describe(session, &[name]).await?;
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
    let found = rds::describe(session, &[name]).await?;
    let Some(snapshot) = found.get(&name.to_lowercase()) else {
        return Err(attempt.later("RDS says that it exists, but does not show it yet", None));
    };
    if !is_ours(snapshot, call, source) {
        let next = "Look at it in RDS; delete or rename it, then retry.";
        return Err(attempt.never("a snapshot of that name exists that this operation did not make", next));
    }
    if rds::is_bad(rds::status_of(snapshot)) {
        let why = format!("this operation's snapshot exists but is {}", rds::status_of(snapshot));
        return Err(attempt.never(&why, &away(&call.environment.name, name)));
    }
    Ok(started(name))
}

/// How a snapshot that is of no use stops standing in the way of the one that takes its place.
fn away(environment: &str, name: &str) -> String {
    format!("Delete it: `/bbws backup delete {environment} {name}`. Then press Retry.")
}

/// How far a snapshot or a copy of an environment is.
///
/// # Errors
/// `Retryable` while RDS does not show it.
fn progress(session: &Session, environment: &str, name: &str, found: &rds::Found) -> Result<Progress, CloudError> {
    let Some(snapshot) = found.get(&name.to_lowercase()) else {
        let attempt = session.reads("rds:DescribeDBSnapshots", format!("snapshot {name}"));
        return Err(attempt.later("RDS accepted it but does not show it; if that lasts, somebody deleted it", None));
    };
    let status = rds::status_of(snapshot);
    if rds::is_bad(status) {
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
async fn verify(
    session: &Session,
    name: &str,
    retention_days: u32,
    found: &rds::Found,
) -> Result<Progress, CloudError> {
    let wrong = |why: String| {
        Ok(Progress::Failed {
            reason: format!("Snapshot {name} in {} does not hold: {why}. Back up again.", session.region),
        })
    };
    let Some(snapshot) = found.get(&name.to_lowercase()) else {
        return wrong("it does not exist".to_owned());
    };
    if rds::status_of(snapshot) != "available" {
        return wrong(format!("it is {}, not available", rds::status_of(snapshot)));
    }
    if snapshot.encrypted != Some(true) {
        return wrong("it is not encrypted".to_owned());
    }
    if snapshot.allocated_storage.unwrap_or(0) <= 0 {
        return wrong("it is empty".to_owned());
    }
    if let Err(why) = tags::check_retention(rds::tag(snapshot, tags::RETENTION), retention_days) {
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
    from_there && tags::is_ours(call, |key| rds::tag(snapshot, key), snapshot.snapshot_create_time())
}

fn summary(snapshot: &DbSnapshot) -> String {
    let encrypted = if snapshot.encrypted == Some(true) { "encrypted" } else { "not encrypted" };
    format!("{}, {encrypted}, {} GiB", rds::status_of(snapshot), snapshot.allocated_storage.unwrap_or(0))
}
