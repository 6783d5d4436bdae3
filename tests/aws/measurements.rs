//! What the watcher measures, on a whole small AWS that answers in the shapes of the service models.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use bbws::{
    domain::{
        environment::{Bucket, Dump, Engine, Environment, FileSystem},
        lag::{Component, Measurements, Side},
        moment::Moment,
        point::PointKind,
    },
    ports::cloud::{Cloud as _, CloudError},
};
use serde_json::{Value, json as value};

use crate::aws::{
    fake::{Answer, Fake, Seen, error, headers, json},
    points::FS,
    support::{DR, HOME, Platform, environment, permanent},
};

const ACCOUNT: &str = "093646564004";

/// Seconds since 1970, so many minutes ago.
fn minutes_ago(minutes: i64) -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is right").as_secs();
    i64::try_from(now).expect("it is small") - minutes * 60
}

fn iso(seconds: i64) -> String {
    Moment(seconds * 1000).iso()
}

fn xml(body: String) -> Answer {
    Answer { status: 200, headers: vec![("content-type", "text/xml".into())], body }
}

fn refused(status: u16, code: &str) -> Answer {
    let body = format!("<ErrorResponse><Error><Code>{code}</Code><Message>{code}</Message></Error></ErrorResponse>");
    Answer { status, headers: vec![("content-type", "text/xml".into())], body }
}

fn point(arn: &str, minutes: i64, status: &str) -> Value {
    value!({
        "RecoveryPointArn": format!("arn:aws:backup:x:{ACCOUNT}:recovery-point:{status}-{minutes}"),
        "ResourceArn": arn, "Status": status, "CreationDate": minutes_ago(minutes), "IsEncrypted": true,
    })
}

fn file_system_arn() -> String {
    format!("arn:aws:elasticfilesystem:{HOME}:{ACCOUNT}:file-system/{FS}")
}

/// An AWS in which everything is well.
fn healthy(seen: &Seen) -> Answer {
    let (region, service) = (seen.scope.0.as_str(), seen.scope.1.as_str());
    let home = region == HOME;
    match service {
        "sts" => xml(format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{ACCOUNT}</Account><Arn>arn:aws:iam::{ACCOUNT}:role/x</Arn>\
             </GetCallerIdentityResult></GetCallerIdentityResponse>"
        )),
        "rds" => match seen.field("Action").as_deref() {
            Some("DescribeDBInstances") => xml(format!(
                "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>\
                 <DBInstance><DBInstanceIdentifier>bbws-prod-mysql</DBInstanceIdentifier><BackupRetentionPeriod>7</BackupRetentionPeriod>\
                 <LatestRestorableTime>{}</LatestRestorableTime></DBInstance>\
                 <DBInstance><DBInstanceIdentifier>forgotten</DBInstanceIdentifier></DBInstance>\
                 </DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>",
                iso(minutes_ago(5))
            )),
            Some("DescribeDBInstanceAutomatedBackups") => xml(format!(
                "<DescribeDBInstanceAutomatedBackupsResponse><DescribeDBInstanceAutomatedBackupsResult><DBInstanceAutomatedBackups>\
                 <DBInstanceAutomatedBackup><DBInstanceArn>arn:aws:rds:{HOME}:{ACCOUNT}:db:bbws-prod-mysql</DBInstanceArn>\
                 <DBInstanceIdentifier>bbws-prod-mysql</DBInstanceIdentifier><RestoreWindow><LatestTime>{}</LatestTime></RestoreWindow>\
                 </DBInstanceAutomatedBackup></DBInstanceAutomatedBackups></DescribeDBInstanceAutomatedBackupsResult></DescribeDBInstanceAutomatedBackupsResponse>",
                iso(minutes_ago(12))
            )),
            _ => xml("<DescribeDBSnapshotsResponse><DescribeDBSnapshotsResult><DBSnapshots/></DescribeDBSnapshotsResult></DescribeDBSnapshotsResponse>".into()),
        },
        "elasticfilesystem" if seen.path.ends_with("replication-configurations") => json(value!({ "Replications": [] })),
        "elasticfilesystem" => json(value!({ "FileSystems": [{
            "FileSystemId": FS, "Name": "uploads", "OwnerId": ACCOUNT, "CreationToken": "x", "CreationTime": 1, "LifeCycleState": "available",
            "NumberOfMountTargets": 1, "SizeInBytes": { "Value": 1 }, "PerformanceMode": "generalPurpose", "Tags": [],
        }] })),
        "kms" => json(value!({ "KeyMetadata": { "KeyId": "1", "Enabled": true, "KeyState": "Enabled" } })),
        "backup" => backup(seen, home),
        "secretsmanager" => json(value!({ "SecretList": [] })),
        "s3" => s3(seen),
        other => panic!("no such service: {other}"),
    }
}

fn backup(seen: &Seen, home: bool) -> Answer {
    let path = seen.path.as_str();
    if path.ends_with("/recovery-points") {
        // The newest that is COMPLETED counts, in the DR region an older one.
        let newest = if home { 50 } else { 110 };
        let fs = file_system_arn();
        return json(
            value!({ "RecoveryPoints": [point(&fs, newest, "COMPLETED"), point(&fs, 400, "COMPLETED"), point(&fs, 1, "PARTIAL")] }),
        );
    }
    let job = |id: &str, state: &str, minutes: i64| {
        value!({
            "BackupJobId": id, "BackupVaultName": "bbws-prod", "ResourceArn": file_system_arn(), "State": state,
            "CreationDate": minutes_ago(minutes + 60), "CompletionDate": minutes_ago(minutes), "StatusMessage": "The role cannot be assumed.",
        })
    };
    match path {
        "/audit/backup-job-summaries" => json(value!({ "BackupJobSummaries": [
            { "Region": HOME, "State": "COMPLETED", "ResourceType": "EFS", "Count": 40 },
            { "Region": HOME, "State": "COMPLETED", "ResourceType": "RDS", "Count": 8 },
            { "Region": HOME, "State": "EXPIRED", "Count": 2 },
            { "Region": "us-east-1", "State": "FAILED", "Count": 70 },
        ] })),
        "/backup-jobs" if home => match seen.asked("state").as_deref() {
            Some("FAILED") => {
                json(value!({ "BackupJobs": [job("late", "FAILED", 30), job("long ago", "FAILED", 25 * 60)] }))
            }
            // AWS's console calls this "completed with issues".
            Some("COMPLETED") => {
                let clean = value!({ "BackupJobId": "clean", "State": "COMPLETED", "ResourceArn": file_system_arn(), "CompletionDate": minutes_ago(4) });
                json(value!({ "BackupJobs": [job("odd", "COMPLETED", 5), clean] }))
            }
            _ => json(value!({ "BackupJobs": [] })),
        },
        "/backup-jobs" => json(value!({ "BackupJobs": [] })),
        "/copy-jobs" if home => json(value!({ "CopyJobs": [{
            "CopyJobId": "copy", "State": "FAILED", "ResourceArn": file_system_arn(), "CompletionDate": minutes_ago(10), "CreationDate": minutes_ago(20),
            "SourceBackupVaultArn": "arn:aws:backup:x:y:backup-vault:bbws-prod", "DestinationBackupVaultArn": "arn:z:bbws-prod-dr",
        }, {
            "CopyJobId": "of others", "State": "FAILED", "CompletionDate": minutes_ago(10), "SourceBackupVaultArn": "arn:z:elsewhere",
        }] })),
        "/copy-jobs" => json(value!({ "CopyJobs": [] })),
        "/restore-jobs" => json(value!({ "RestoreJobs": [] })),
        _ => {
            json(value!({ "BackupVaultArn": "arn:x", "Locked": !home, "EncryptionKeyArn": format!("arn:key:{home}") }))
        }
    }
}

fn listing(objects: &[(&str, i64)]) -> Answer {
    let contents: String = objects
        .iter()
        .map(|(key, minutes)| {
            format!(
                "<Contents><Key>{key}</Key><LastModified>{}</LastModified><Size>9</Size></Contents>",
                iso(minutes_ago(*minutes))
            )
        })
        .collect();
    xml(format!("<ListBucketResult>{contents}<IsTruncated>false</IsTruncated></ListBucketResult>"))
}

fn s3(seen: &Seen) -> Answer {
    if seen.method == "HEAD" {
        let status = if seen.path.ends_with("late") { "PENDING" } else { "COMPLETED" };
        return headers(200, &[("x-amz-replication-status", status)]);
    }
    if seen.query.contains("versioning") {
        return xml("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>".into());
    }
    if seen.query.contains("replication") {
        let bucket = whole().dr_secrets_bucket.expect("it has one");
        return xml(format!(
            "<ReplicationConfiguration><Role>r</Role><Rule><Status>Enabled</Status><Destination><Bucket>arn:aws:s3:::{bucket}</Bucket></Destination></Rule></ReplicationConfiguration>"
        ));
    }
    match seen.asked("prefix").as_deref() {
        Some("prod/secrets/") if seen.scope.0 == HOME => listing(&[
            ("prod/secrets/20261120/bk-1/secrets.json", 300),
            ("prod/secrets/20261121/bk-2/secrets.json", 20),
        ]),
        Some("prod/secrets/") => listing(&[("prod/secrets/20261120/bk-1/secrets.json", 300)]),
        Some(_) => listing(&[]),
        None => listing(&[("a", 500), ("b-late", 90), ("c-late", 60), ("d", 1)]),
    }
}

fn whole() -> Environment {
    let mut environment = environment(false);
    environment.account = ACCOUNT.into();
    environment.secrets_bucket = Some("exports".into());
    environment.dr_secrets_bucket = Some("exports-dr".into());
    environment.file_systems = vec![FileSystem { id: FS.into(), name: "uploads".into() }];
    environment.buckets = vec![Bucket { name: "media".into(), dr: Some("media-dr".into()) }];
    let dump = Dump {
        database: "bbws-prod-mysql".into(),
        engine: Engine::Mysql,
        secret: "x".into(),
        schemas: vec![],
        load_test: None,
    };
    environment.dumps = vec![dump];
    environment
}

async fn measured(
    environment: Environment,
    script: impl Fn(&Seen) -> Option<Answer> + Send + Sync + 'static,
) -> (Fake, Result<Measurements, CloudError>) {
    let fake = Fake::start(move |seen| script(seen).unwrap_or_else(|| healthy(seen))).await;
    let platform = Platform::on(&fake.address, &[], environment).await;
    let measurements = platform.cloud.measurements(&platform.environment, "U0ALICE").await;
    (fake, measurements)
}

/// Minutes that each component is behind; what is unknown is `Err`.
fn lags(measurements: &Measurements) -> BTreeMap<String, Result<u64, String>> {
    let lag = |c: &Component| {
        c.safe.clone().map(|safe| (measurements.at.since(safe) + Duration::from_secs(30)).as_secs() / 60)
    };
    measurements.components.iter().map(|c| (c.name(), lag(c))).collect()
}

#[tokio::test]
async fn every_component_is_measured_on_both_legs() {
    let (fake, measurements) = measured(whole(), |_| None).await;
    let measurements = measurements.expect("measurements");
    let mut lags = lags(&measurements);
    let dump = |lags: &mut BTreeMap<String, Result<u64, String>>, name: &str| {
        lags.remove(name).expect("it is there").expect_err("there is none")
    };
    assert_eq!(
        dump(&mut lags, "dump bbws-prod-mysql"),
        "There is no usable recovery point of dump bbws-prod-mysql in af-south-1. Back it up."
    );
    dump(&mut lags, "dump bbws-prod-mysql in DR");
    let told: Vec<(&str, u64)> =
        lags.iter().map(|(name, lag)| (name.as_str(), *lag.as_ref().expect("it is known"))).collect();
    assert_eq!(
        told,
        [
            ("efs fs-0900d000000000001", 50),
            ("efs fs-0900d000000000001 in DR", 110),
            ("rds bbws-prod-mysql", 5),
            ("rds bbws-prod-mysql in DR", 12),
            ("s3 media", 0),
            ("s3 media in DR", 90),
            ("secrets bbws/prod/", 20),
            ("secrets bbws/prod/ in DR", 300),
        ]
    );
    let snapshots = fake
        .seen()
        .into_iter()
        .filter(|s| s.scope.1 == "rds" && s.field("Action").as_deref() == Some("DescribeDBSnapshots"));
    assert_eq!(snapshots.count(), 0, "automated backups keep the objective, so no snapshot is looked for");
}

#[tokio::test]
async fn jobs_places_and_what_exists_are_told() {
    let (_fake, measurements) = measured(whole(), |_| None).await;
    let measurements = measurements.expect("measurements");
    assert_eq!(measurements.jobs, Ok(BTreeMap::from([("COMPLETED".into(), 48), ("EXPIRED".into(), 2)])));
    assert_eq!(measurements.success_rate(), Some(96));
    let trouble = measurements.trouble.as_ref().expect("it is known");
    let told: Vec<(&str, &str, &str, &str)> =
        trouble.iter().map(|t| (t.id.as_str(), t.what.as_str(), t.resource.as_str(), t.message.as_str())).collect();
    assert_eq!(
        told,
        [
            ("odd", "backup", FS, "The role cannot be assumed."),
            ("copy", "copy", FS, "AWS gives no reason."),
            ("late", "backup", FS, "The role cannot be assumed.")
        ],
        "newest first, neither what ended two days ago nor what is of other vaults"
    );
    assert_eq!(trouble[0].state, "COMPLETED with issues");
    let unusable: Vec<_> = measurements.places.iter().filter(|(_, found)| found.is_err()).collect();
    assert!(unusable.is_empty(), "{unusable:?}");
    let names: Vec<&str> = measurements.places.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..4], ["region af-south-1", "region eu-west-1", "vault bbws-prod", "KMS key of vault bbws-prod"]);
    assert!(names.contains(&"DR vault bbws-prod-dr") && names.contains(&"DR bucket media-dr"), "{names:?}");
    let locked = measurements.places.iter().find(|(name, _)| name == "DR vault bbws-prod-dr").expect("it is there");
    assert_eq!(locked.1, Ok("arn:x, locked".into()));
    let unprotected: Vec<&str> =
        measurements.unprotected(&whole()).expect("it is known").iter().map(|e| e.id.as_str()).collect();
    assert_eq!(unprotected, ["forgotten"]);
}

#[tokio::test]
async fn without_automated_backups_the_newest_snapshot_counts() {
    let snapshot = |name: &str, status: &str, minutes: i64, data: i64| {
        format!(
            "<DBSnapshot><DBSnapshotIdentifier>{name}</DBSnapshotIdentifier><DBInstanceIdentifier>bbws-prod-mysql</DBInstanceIdentifier>\
             <Status>{status}</Status><SnapshotCreateTime>{}</SnapshotCreateTime><OriginalSnapshotCreateTime>{}</OriginalSnapshotCreateTime></DBSnapshot>",
            iso(minutes_ago(minutes)),
            iso(minutes_ago(data))
        )
    };
    let (_fake, measurements) = measured(whole(), move |seen| {
        if seen.scope.1 != "rds" {
            return None;
        }
        Some(match seen.field("Action").as_deref() {
            Some("DescribeDBInstances") => xml(
                "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance><DBInstanceIdentifier>bbws-prod-mysql</DBInstanceIdentifier>\
                 <BackupRetentionPeriod>0</BackupRetentionPeriod></DBInstance></DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>".into(),
            ),
            Some("DescribeDBInstanceAutomatedBackups") => refused(404, "DBInstanceAutomatedBackupNotFound"),
            _ => {
                // A copy is as old as its source, whenever it was made.
                let listed = snapshot("a-dr", "available", 5, 6000) + &snapshot("b", "creating", 1, 1);
                xml(format!("<DescribeDBSnapshotsResponse><DescribeDBSnapshotsResult><DBSnapshots>{listed}</DBSnapshots></DescribeDBSnapshotsResult></DescribeDBSnapshotsResponse>"))
            }
        })
    })
    .await;
    let lags = lags(&measurements.expect("measurements"));
    assert_eq!(lags["rds bbws-prod-mysql"], Ok(6000), "read although it is older than what is looked at first");
    assert_eq!(lags["rds bbws-prod-mysql in DR"], Ok(6000));
}

#[tokio::test]
async fn what_replicates_by_itself_counts() {
    let (_fake, measurements) = measured(whole(), |seen| match (seen.scope.1.as_str(), seen.target.as_str()) {
        ("elasticfilesystem", _) if seen.path.ends_with("replication-configurations") => Some(json(value!({ "Replications": [{
            "SourceFileSystemId": FS, "SourceFileSystemRegion": HOME, "SourceFileSystemArn": file_system_arn(), "OriginalSourceFileSystemArn": file_system_arn(),
            "CreationTime": 1, "Destinations": [{ "Status": "ENABLED", "FileSystemId": "fs-2", "Region": DR, "LastReplicatedTimestamp": minutes_ago(3) }],
        }] }))),
        (_, "secretsmanager.ListSecrets") => Some(json(value!({ "SecretList": [{ "Name": "bbws/prod/db", "PrimaryRegion": HOME }] }))),
        (_, "secretsmanager.DescribeSecret") => {
            Some(json(value!({ "Name": "bbws/prod/db", "ReplicationStatus": [{ "Region": DR, "Status": "InSync" }] })))
        }
        _ => None,
    })
    .await;
    let lags = lags(&measurements.expect("measurements"));
    assert_eq!(lags["efs fs-0900d000000000001 in DR"], Ok(3));
    assert_eq!(lags["secrets bbws/prod/ in DR"], Ok(0));
    assert_eq!(lags["secrets bbws/prod/"], Ok(20), "a replica is not an export");
}

#[tokio::test]
async fn a_dead_region_is_told_and_the_other_is_measured() {
    for (dead, side) in [(DR, Side::Dr), (HOME, Side::Primary)] {
        let (_fake, measurements) = measured(whole(), move |seen| {
            (seen.scope.0 == dead).then(|| error(503, "ServiceUnavailable", "the region is down"))
        })
        .await;
        let measurements = measurements.expect("the other region answers");
        let (of_dead, of_other): (Vec<_>, Vec<_>) = measurements.components.iter().partition(|c| c.side == side);
        assert!(of_dead.iter().all(|c| c.safe.is_err()), "unknown is never zero: {of_dead:?}");
        assert!(of_other.iter().any(|c| c.safe.is_ok()));
        assert!(of_other.iter().filter(|c| c.kind == PointKind::Efs).all(|c| c.safe.is_ok()), "{of_other:?}");
        let (_, place) =
            measurements.places.iter().find(|(name, _)| *name == format!("region {dead}")).expect("it is told");
        assert!(place.as_ref().is_err_and(|why| why.contains(dead)), "{place:?}");
        match side {
            Side::Dr => assert_eq!(measurements.trouble.as_ref().map(Vec::len), Ok(3), "known trouble is not lost"),
            Side::Primary => {
                assert!(measurements.trouble.is_err(), "nobody knows whether there is none");
                assert!(measurements.jobs.is_err() && measurements.existing.is_err());
            }
        }
    }
    let (_fake, measurements) = measured(whole(), |_| Some(error(503, "ServiceUnavailable", "down"))).await;
    assert!(matches!(measurements, Err(CloudError::Retryable { .. })), "{measurements:?}");
}

#[tokio::test]
async fn nothing_is_measured_in_a_foreign_account() {
    let mut foreign = whole();
    foreign.account = "111122223333".into();
    let (fake, measurements) = measured(foreign, |_| None).await;
    let reason = permanent(measurements);
    assert!(reason.contains("belongs to account 093646564004"), "{reason}");
    assert!(fake.seen().iter().all(|s| s.scope.1 == "sts"));
}

#[tokio::test]
async fn a_vault_that_cannot_be_read_makes_its_file_systems_unknown() {
    let (_fake, measurements) = measured(whole(), |seen| {
        (seen.path.ends_with("/recovery-points")).then(|| error(403, "AccessDeniedException", "no"))
    })
    .await;
    let lags = lags(&measurements.expect("measurements"));
    let why = lags["efs fs-0900d000000000001"].as_ref().expect_err("nobody knows");
    assert!(why.contains("may not do backup:ListRecoveryPointsByBackupVault"), "{why}");
    assert_eq!(lags["rds bbws-prod-mysql"], Ok(5));
}
