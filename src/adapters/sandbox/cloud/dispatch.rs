//! Which part of the simulated AWS a step's call goes to, which regions it needs, and what is checked of every call.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

use super::{
    Making, Start, archive,
    archive::Goal,
    backup, buckets, compare, files, holds, plans, rds, restore, retire, secrets, verify,
    world::{Aws, permanent},
};
use crate::{
    domain::{
        moment::Moment,
        step::{self, Action},
    },
    ports::cloud::{Call, CloudError, Probe, Progress},
};

/// Makes a step's one mutation.
pub(super) fn start(making: &mut Making<'_>) -> Start {
    match &making.call.action {
        Action::RdsSnapshot(step::RdsSnapshot { region, database, snapshot }) => {
            rds::create(making, region, database, snapshot)
        }
        Action::RdsCopy(step::RdsCopy { from_region, region, snapshot, copy, kms_key, .. }) => {
            rds::copy(making, from_region, region, snapshot, copy, kms_key.as_deref())
        }
        Action::BackupJob(step::BackupJob { region, resource_arn, vault, role, retention_days }) => {
            backup::start_job(making, region, resource_arn, vault, role, *retention_days)
        }
        Action::BackupCopy(step::BackupCopy { region, vault, to_region, to_vault_arn, role, retention_days }) => {
            let copy = backup::Copy { region, vault, to_region, to_vault_arn, role, days: *retention_days };
            backup::start_copy(making, &copy)
        }
        Action::SecretsExport(step::SecretsExport { region, prefix, bucket, key }) => {
            secrets::export(making, region, prefix, bucket, key)
        }
        _ => start_further(making),
    }
}

/// The kinds beyond a first backup.
fn start_further(making: &mut Making<'_>) -> Start {
    let call = making.call;
    if let Some(goal) = goal(&call.action) {
        return start_archive(making, goal);
    }
    match &call.action {
        Action::PutPlan(step::PutPlan { region, name, spec }) => plans::put(making, region, name, spec),
        Action::AutomatedBackups(step::AutomatedBackups { region, database, days, window }) => {
            plans::automate(making, region, database, *days, window.as_deref())
        }
        Action::DeleteSnapshot(step::DeleteSnapshot { region, snapshot }) => retire::snapshot(making, region, snapshot),
        Action::DeletePoint(step::DeletePoint { region, vault, recovery_point }) => {
            retire::point(making, region, vault, recovery_point)
        }
        Action::LegalHold(step::LegalHold { region, vault, resource_arn, created, title }) => {
            holds::create(making, &holds::Wanted { region, vault, resource_arn, created: *created, title })
        }
        Action::ReleaseHold(step::ReleaseHold { region, hold, .. }) => holds::release(making, region, hold),
        Action::TagSnapshot(step::TagSnapshot { region, arn, key, value }) => {
            retire::tag(making, region, arn, key, value.as_deref())
        }
        Action::RestoreTest(step::RestoreTest { region, snapshot, instance, subnet_group, security_groups }) => {
            restore::restore(making, &restore::Wanted { region, snapshot, instance, subnet_group, security_groups })
        }
        Action::DeleteInstance(step::DeleteInstance { region, instance, operation }) => {
            restore::delete(making, region, instance, operation)
        }
        Action::RestoreFiles(step::RestoreFiles { region, vault, recovery_point, name, role }) => {
            files::restore(making, &files::Wanted { region, vault, recovery_point, name, role })
        }
        Action::TagFiles(step::TagFiles { region, name }) => files::tag(making, region, name),
        Action::MountTarget(step::MountTarget { region, name, subnet, security_groups }) => {
            files::mount(making, region, name, subnet, security_groups)
        }
        Action::DeleteMountTarget(step::DeleteMountTarget { region, name, operation }) => {
            files::unmount(making, region, name, operation)
        }
        Action::DeleteFiles(step::DeleteFiles { region, name, operation }) => {
            files::delete(making, region, name, operation)
        }
        other => Err(nothing_to("start", other)),
    }
}

fn start_archive(making: &mut Making<'_>, goal: Goal<'_>) -> Start {
    match &making.call.action {
        Action::ConfigExport(step::ConfigExport { parameters_prefix, secrets_prefix, .. }) => {
            archive::config(making, goal, parameters_prefix, secrets_prefix.as_deref())
        }
        Action::BucketRecord(step::BucketRecord { source, .. }) => archive::record(making, goal, source),
        Action::DumpExport(step::DumpExport { database, secret, kms_key, .. }) => {
            archive::dump(making, goal, database, secret, kms_key)
        }
        other => Err(nothing_to("start", other)),
    }
}

/// The object a step of this product's own work ends in.
fn goal(action: &Action) -> Option<Goal<'_>> {
    match action {
        Action::ConfigExport(step::ConfigExport { region, bucket, key, .. })
        | Action::BucketRecord(step::BucketRecord { region, bucket, key, .. })
        | Action::DumpExport(step::DumpExport { region, bucket, key, .. }) => Some(Goal { region, bucket, key }),
        _ => None,
    }
}

/// Looks for what an earlier start may have made.
pub(super) fn probe(aws: &Aws, call: &Call, blind: bool, now: Moment) -> Result<Probe, CloudError> {
    match &call.action {
        Action::RdsSnapshot(step::RdsSnapshot { region, database, snapshot }) => {
            rds::probe(aws, call, region, snapshot, database)
        }
        Action::RdsCopy(step::RdsCopy { from_region, region, account, snapshot, copy, .. }) => {
            rds::probe(aws, call, region, copy, &rds::arn(account, from_region, snapshot))
        }
        Action::BackupJob(_) | Action::BackupCopy(_) | Action::RestoreFiles(_) if blind => Ok(Probe::Absent),
        Action::BackupJob(step::BackupJob { region, .. }) | Action::BackupCopy(step::BackupCopy { region, .. }) => {
            backup::probe(aws, call, region)
        }
        Action::SecretsExport(step::SecretsExport { region, bucket, key, .. }) => {
            secrets::probe(aws, call, region, bucket, key)
        }
        _ => probe_further(aws, call, now),
    }
}

fn probe_further(aws: &Aws, call: &Call, now: Moment) -> Result<Probe, CloudError> {
    if let Some(goal) = goal(&call.action) {
        return archive::probe(aws, call, goal, now);
    }
    match &call.action {
        Action::PutPlan(step::PutPlan { region, name, spec }) => plans::probe(aws, call, region, name, spec),
        Action::AutomatedBackups(step::AutomatedBackups { region, database, days, window }) => {
            plans::probe_automated(aws, call, region, database, *days, window.as_deref())
        }
        Action::DeleteSnapshot(step::DeleteSnapshot { region, snapshot }) => {
            retire::probe_snapshot(aws, call, region, snapshot)
        }
        Action::DeletePoint(step::DeletePoint { region, vault, recovery_point }) => {
            retire::probe_point(aws, call, region, vault, recovery_point, now)
        }
        Action::LegalHold(step::LegalHold { region, .. }) => holds::probe(aws, call, region),
        Action::ReleaseHold(step::ReleaseHold { region, hold, .. }) => holds::probe_release(aws, call, region, hold),
        Action::TagSnapshot(step::TagSnapshot { region, arn, key, value }) => {
            retire::probe_tag(aws, call, region, arn, key, value.as_deref())
        }
        Action::RestoreTest(step::RestoreTest { region, instance, .. }) => {
            restore::probe(aws, call, region, instance, now)
        }
        Action::DeleteInstance(step::DeleteInstance { region, instance, operation }) => {
            restore::probe_delete(aws, call, region, instance, operation, now)
        }
        Action::RestoreFiles(step::RestoreFiles { region, name, .. }) => files::probe(aws, call, region, name, now),
        Action::TagFiles(step::TagFiles { region, name }) => files::probe_tag(aws, call, region, name, now),
        Action::MountTarget(step::MountTarget { region, name, .. }) => files::probe_mount(aws, call, region, name, now),
        Action::DeleteMountTarget(step::DeleteMountTarget { region, name, operation }) => {
            files::probe_unmount(aws, call, region, name, operation, now)
        }
        Action::DeleteFiles(step::DeleteFiles { region, name, operation }) => {
            files::probe_delete(aws, call, region, name, operation, now)
        }
        other => Err(nothing_to("probe", other)),
    }
}

/// How far a step is.
pub(super) fn poll(aws: &Aws, call: &Call, now: Moment) -> Result<Progress, CloudError> {
    match &call.action {
        Action::RdsSnapshot(step::RdsSnapshot { region, snapshot: name, .. })
        | Action::RdsCopy(step::RdsCopy { region, copy: name, .. }) => rds::poll(aws, call, region, name, now),
        Action::BackupJob(step::BackupJob { region, .. }) | Action::BackupCopy(step::BackupCopy { region, .. }) => {
            backup::poll(aws, call, region, now)
        }
        Action::SecretsExport(step::SecretsExport { region, bucket, key, .. }) => {
            secrets::poll(aws, call, region, bucket, key)
        }
        Action::ObjectReplica(step::ObjectReplica { from_region, from_bucket, region, bucket, key }) => {
            secrets::poll_replica(aws, call, (from_region, from_bucket), (region, bucket), key, now)
        }
        Action::VerifySnapshot(step::VerifySnapshot { region, snapshot, retention_days }) => {
            verify::snapshot(aws, call, region, snapshot, *retention_days, now)
        }
        Action::VerifyRecoveryPoint(step::VerifyRecoveryPoint { region, vault, retention_days }) => {
            verify::point(aws, call, region, vault, *retention_days, now)
        }
        Action::VerifyVault(step::VerifyVault { region, vault, .. }) => verify::vault(aws, call, region, vault),
        Action::VerifyObject(step::VerifyObject { region, bucket, key, retention_days }) => {
            verify::object(aws, call, (region, bucket), key, *retention_days, now)
        }
        _ => poll_further(aws, call, now),
    }
}

fn poll_further(aws: &Aws, call: &Call, now: Moment) -> Result<Progress, CloudError> {
    if let Some(goal) = goal(&call.action) {
        return archive::poll(aws, call, goal, now);
    }
    match &call.action {
        Action::PutPlan(step::PutPlan { region, name, spec }) => plans::poll(aws, call, region, name, spec),
        Action::AutomatedBackups(step::AutomatedBackups { region, database, days, window }) => {
            plans::poll_automated(aws, call, region, database, (*days, window.as_deref()), now)
        }
        Action::DeleteSnapshot(step::DeleteSnapshot { region, snapshot }) => {
            retire::poll_snapshot(aws, call, region, snapshot, now)
        }
        Action::DeletePoint(step::DeletePoint { region, vault, recovery_point }) => {
            retire::poll_point(aws, call, region, vault, recovery_point, now)
        }
        Action::LegalHold(step::LegalHold { region, .. }) => holds::poll(aws, call, region, now),
        Action::ReleaseHold(step::ReleaseHold { region, hold, .. }) => {
            holds::poll_release(aws, call, region, hold, now)
        }
        Action::TagSnapshot(step::TagSnapshot { region, arn, key, value }) => {
            retire::poll_tag(aws, call, region, arn, key, value.as_deref())
        }
        Action::RestoreTest(step::RestoreTest { region, instance, .. }) => {
            restore::poll(aws, call, region, instance, now)
        }
        Action::DeleteInstance(step::DeleteInstance { region, instance, .. }) => {
            restore::poll_delete(aws, call, region, instance, now)
        }
        Action::RestoreFiles(step::RestoreFiles { region, name, .. }) => files::poll(aws, call, region, name, now),
        Action::TagFiles(step::TagFiles { region, name }) => files::poll_tag(aws, call, region, name, now),
        Action::MountTarget(step::MountTarget { region, name, .. }) => files::poll_mount(aws, call, region, name, now),
        Action::DeleteMountTarget(step::DeleteMountTarget { region, name, .. }) => {
            files::poll_unmount(aws, call, region, name, now)
        }
        Action::DeleteFiles(step::DeleteFiles { region, name, .. }) => files::poll_delete(aws, call, region, name, now),
        _ => look_further(aws, call, now),
    }
}

/// Verifications beyond a first backup.
fn look_further(aws: &Aws, call: &Call, now: Moment) -> Result<Progress, CloudError> {
    match &call.action {
        Action::VerifyBucket(step::VerifyBucket { region, bucket, replica, sample }) => {
            let replica = replica.as_ref().map(|(region, bucket)| (region.as_str(), bucket.as_str()));
            buckets::verify(aws, call, (region, bucket), replica, *sample, now)
        }
        Action::VerifyLifecycle(step::VerifyLifecycle { region, bucket, prefix, min_days }) => {
            buckets::verify_lifecycle(aws, call, (region, bucket), prefix, *min_days)
        }
        Action::VerifyDump(step::VerifyDump { region, bucket, key, retention_days, .. }) => {
            archive::verify_dump(aws, call, Goal { region, bucket, key }, *retention_days, now)
        }
        Action::VerifySecrets(step::VerifySecrets { region, prefix, bucket, key }) => {
            archive::verify_secrets(aws, call, Goal { region, bucket, key }, prefix, now)
        }
        Action::VerifyDatabase(step::VerifyDatabase {
            region,
            instance,
            database,
            secret,
            schemas,
            wordpress,
            data_of,
            rpo_seconds,
            ..
        }) => {
            let rpo = Duration::from_secs(*rpo_seconds) + now.since(*data_of);
            let secret = secret.as_deref();
            let pair = compare::Pair { region, instance, database, secret, schemas, wordpress, rpo };
            compare::verify(aws, call, &pair, now)
        }
        Action::VerifyFiles(step::VerifyFiles { region, name, file_system, folders, data_of }) => {
            files::verify(aws, call, &files::Pair { region, name, file_system, folders, data_of: *data_of }, now)
        }
        other => Err(nothing_to("poll", other)),
    }
}

fn nothing_to(verb: &str, action: &Action) -> CloudError {
    permanent(format!(
        "there is nothing to {verb} in AWS for a step of kind {}; this is an error of bbws, report it",
        action.kind()
    ))
}

/// Regions whose answer a read needs, the called one first.
pub(super) fn called(action: &Action) -> Vec<&str> {
    match action {
        Action::ObjectReplica(step::ObjectReplica { from_region, region, .. }) => vec![region, from_region],
        Action::VerifyBucket(step::VerifyBucket { region, replica: Some((to, _)), .. }) => vec![region, to],
        other => other.region().into_iter().collect(),
    }
}

/// Regions a change needs, the called one first.
pub(super) fn touched(action: &Action) -> Vec<&str> {
    match action {
        Action::RdsCopy(step::RdsCopy { from_region, region, .. }) => vec![region, from_region],
        Action::BackupCopy(step::BackupCopy { region, to_region, .. }) => vec![region, to_region],
        other => other.region().into_iter().collect(),
    }
}

/// What AWS checks of every call before it looks at anything.
pub(super) fn check(call: &Call) -> Result<(), CloudError> {
    let fits = !call.token.is_empty() && call.token.len() <= 50;
    if !fits || !call.token.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(permanent(format!(
            "idempotency token `{}` is not 1 to 50 of [a-z0-9-]; this is an error of bbws, report it",
            call.token
        )));
    }
    if let Action::RdsCopy(step::RdsCopy { account, .. }) = &call.action
        && *account != call.environment.account
    {
        let own = &call.environment.account;
        return Err(permanent(format!(
            "snapshots of account {account} cannot be copied in account {own}; correct the config"
        )));
    }
    Ok(())
}

/// SNS's limits and the port's promise that the body is JSON.
pub(super) fn message(topic: &str, subject: &str, body: &str) -> Result<(), CloudError> {
    let printable = !subject.is_empty() && subject.len() < 100 && subject.bytes().all(|b| (b' '..=b'~').contains(&b));
    if !printable {
        return Err(permanent(format!(
            "SNS takes no subject of {} characters for {topic}: 1 to 99 of printable ASCII are allowed",
            subject.len()
        )));
    }
    if body.len() > 256 * 1024 {
        return Err(permanent(format!("SNS takes no message of {} bytes for {topic}: 262144 are allowed", body.len())));
    }
    if serde_json::from_str::<Value>(body).is_err() {
        return Err(permanent(format!("the message for {topic} is not JSON")));
    }
    Ok(())
}

/// How many describe calls answer these polls: one per kind, account and region, but one per object.
pub(super) fn requests_for(calls: &[Call]) -> usize {
    let mut merged = BTreeSet::new();
    let mut single = 0;
    for call in calls {
        match &call.action {
            Action::ObjectReplica(_)
            | Action::VerifyObject(_)
            | Action::SecretsExport(_)
            | Action::ConfigExport(_)
            | Action::BucketRecord(_)
            | Action::DumpExport(_)
            | Action::VerifyBucket(_)
            | Action::VerifyLifecycle(_)
            | Action::VerifyDump(_)
            | Action::VerifySecrets(_)
            | Action::VerifyDatabase(_)
            | Action::RestoreFiles(_)
            | Action::TagFiles(_)
            | Action::MountTarget(_)
            | Action::VerifyFiles(_)
            | Action::DeleteMountTarget(_)
            | Action::DeleteFiles(_)
            | Action::DeletePoint(_)
            | Action::LegalHold(_)
            | Action::ReleaseHold(_)
            | Action::TagSnapshot(_)
            | Action::PutPlan(_) => single += 1,
            action => {
                merged.insert((action.kind(), call.environment.account.as_str(), action.region()));
            }
        }
    }
    single + merged.len()
}
