//! What the watcher measures, in an AWS whose state is known to the minute.

use std::{collections::BTreeMap, time::Duration};

use bbws::{
    adapters::{
        aws::AwsCloud,
        sandbox::aws::{
            Override, Target,
            api::Refusal,
            time::Timeline,
            world::{
                Tags,
                backup::{CopyJob, Job, Lifecycle},
                efs::Replication as FilesReplication,
                rds::{Replicated, Snapshot},
                s3::{Replication, Version},
            },
        },
    },
    domain::{
        environment::{Bucket, Dump, Engine, Environment},
        lag::{Component, Measurements, Side},
        moment::Moment,
        point::PointKind,
    },
    ports::{
        clock::Clock as _,
        cloud::{Cloud as _, CloudError},
    },
};
use serde_json::json as value;

use crate::{
    aws::{
        bed::{ACCOUNT, Bed, DB, FILES, FS, environment},
        support::{DR, HOME, permanent, topics},
    },
    wire::bed::base,
};

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

/// An environment with a file system, a bucket of data and a dump that was never made.
fn whole() -> Environment {
    let dump = Dump {
        database: "bbws-prod-mysql".into(),
        engine: Engine::Mysql,
        secret: "x".into(),
        schemas: vec![],
        load_test: None,
    };
    let media = Bucket { name: "media".into(), dr: Some("media-dr".into()) };
    Environment { buckets: vec![media], dumps: vec![dump], ..environment() }
}

/// An AWS in which everything is well.
fn healthy() -> Bed {
    let bed = Bed::of(whole());
    databases(&bed);
    points(&bed);
    jobs(&bed);
    objects(&bed);
    bed
}

/// Automated backups, replicated, and an instance that nobody declared.
fn databases(bed: &Bed) {
    bed.place(|place, _| {
        let instance = place.rds.instances.get_mut("bbws-prod-mysql").expect("it is there");
        instance.automated_days = 7;
        let forgotten = instance.clone();
        place.rds.instances.insert("forgotten".into(), forgotten);
    });
    bed.there(|place, _| place.rds.replicated.insert(DB.into(), Replicated { behind: 12 * 60 }));
}

/// The newest that is COMPLETED counts, in the DR region an older one, whose vault is locked.
fn points(bed: &Bed) {
    let now = bed.clock.now();
    for (region, newest) in [(HOME, 50), (DR, 110)] {
        for (age, status) in [(newest, "COMPLETED"), (400, "COMPLETED"), (1, "PARTIAL")] {
            let arn = format!("arn:aws:backup:{region}:{ACCOUNT}:recovery-point:{status}-{age}");
            bed.point(region, &arn, FS, now - minutes(age));
            bed.aws.change(|world, _| {
                let vaults = &mut world.region(ACCOUNT, region).backup.vaults;
                let point = vaults.values_mut().find_map(|vault| vault.points.get_mut(&arn)).expect("it is there");
                point.status = Some(status.into());
            });
        }
    }
    bed.there(|place, _| place.backup.vaults.get_mut("bbws-prod-dr").expect("it is there").locked = true);
}

/// What became of jobs lately.
fn jobs(bed: &Bed) {
    let role = bed.platform.environment.backup_role.clone();
    let over = |now: Moment, ended: u64| Timeline::instant(now - minutes(ended));
    let job = |now: Moment, state: &str, ended: u64, message: Option<&str>| Job {
        vault: "bbws-prod".into(),
        resource_arn: FS.into(),
        resource_type: "EFS".into(),
        point: String::new(),
        accepted: now - minutes(ended),
        course: over(now, ended),
        start_by: now,
        size: 1,
        role: role.clone(),
        lifecycle: Lifecycle::default(),
        created_by: None,
        ends_as: Some(state.into()),
        message: message.map(str::to_owned),
        stopped: None,
    };
    let vault = |region: &str, name: &str| format!("arn:aws:backup:{region}:{ACCOUNT}:backup-vault:{name}");
    let copy = |now: Moment, from: &str| CopyJob {
        from_vault: vault(HOME, from),
        source: String::new(),
        to_vault: vault(DR, if from == "bbws-prod" { "bbws-prod-dr" } else { from }),
        point: String::new(),
        resource_arn: FS.into(),
        resource_type: "EFS".into(),
        course: over(now, 10),
        size: 1,
        role: role.clone(),
        lifecycle: Lifecycle::default(),
        created_by: None,
        ends_as: Some("FAILED".into()),
        message: None,
    };
    let why = Some("The role cannot be assumed.");
    bed.backup(|backup, now| {
        backup.jobs.insert("late".into(), job(now, "FAILED", 30, why));
        backup.jobs.insert("long ago".into(), job(now, "FAILED", 25 * 60, why));
        // AWS's console calls this "completed with issues".
        backup.jobs.insert("odd".into(), job(now, "COMPLETED", 5, why));
        backup.jobs.insert("clean".into(), job(now, "COMPLETED", 4, None));
        backup.copies.insert("copy".into(), copy(now, "bbws-prod"));
        backup.copies.insert("of others".into(), copy(now, "elsewhere"));
    });
    // Of all regions, whichever is asked.
    bed.edit("ListBackupJobSummaries", |answer| {
        answer["BackupJobSummaries"] = value!([
            { "Region": HOME, "State": "COMPLETED", "ResourceType": "EFS", "Count": 40 },
            { "Region": HOME, "State": "COMPLETED", "ResourceType": "RDS", "Count": 8 },
            { "Region": HOME, "State": "EXPIRED", "Count": 2 },
            { "Region": "us-east-1", "State": "FAILED", "Count": 70 },
        ]);
    });
}

/// Exports of secrets in both regions, the newest not replicated yet, and a bucket whose newest objects are late.
fn objects(bed: &Bed) {
    let template = bed.bucket("media", |bucket| bucket.objects.values().next().expect("an object")[0].clone());
    let now = bed.clock.now();
    let at = |age: u64| Version { made: now - minutes(age), visible: now - minutes(age), ..template.clone() };
    let (older, newer) = ("prod/secrets/20261120/bk-1/secrets.json", "prod/secrets/20261121/bk-2/secrets.json");
    bed.bucket("bbws-prod-backups", |bucket| {
        bucket.add(older, at(300));
        bucket.add(newer, at(20));
    });
    bed.bucket("bbws-prod-backups-dr", |bucket| bucket.add(older, at(300)));
    bed.bucket("media", |bucket| {
        bucket.objects.clear();
        for (key, age, late) in [("a", 500, false), ("b-late", 90, true), ("c-late", 60, true), ("d", 1, false)] {
            let made = now - minutes(age);
            let course = if late { Timeline::new(made, made, minutes(10_000), None) } else { Timeline::instant(made) };
            let replication = Some(Replication { bucket: "media-dr".into(), course });
            bucket.add(key, Version { replication, replica: false, ..at(age) });
        }
    });
}

async fn measured(bed: &Bed) -> Result<Measurements, CloudError> {
    bed.platform.cloud.measurements(&bed.platform.environment, "U0ALICE").await
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
    let bed = healthy();
    let measurements = measured(&bed).await.expect("measurements");
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
            ("rds bbws-prod-mysql", 4),
            ("rds bbws-prod-mysql in DR", 12),
            ("s3 media", 0),
            ("s3 media in DR", 90),
            ("secrets bbws/prod/", 20),
            ("secrets bbws/prod/ in DR", 300),
        ]
    );
    let listed = bed.asked("DescribeDBSnapshots").len();
    assert_eq!(listed, 0, "automated backups keep the objective, so no snapshot is looked for");
}

#[tokio::test]
async fn jobs_places_and_what_exists_are_told() {
    let measurements = measured(&healthy()).await.expect("measurements");
    assert_eq!(measurements.jobs, Ok(BTreeMap::from([("COMPLETED".into(), 48), ("EXPIRED".into(), 2)])));
    assert_eq!(measurements.success_rate(), Some(96));
    let trouble = measurements.trouble.as_ref().expect("it is known");
    let told: Vec<(&str, &str, &str, &str)> =
        trouble.iter().map(|t| (t.id.as_str(), t.what.as_str(), t.resource.as_str(), t.message.as_str())).collect();
    assert_eq!(
        told,
        [
            ("odd", "backup", FILES, "The role cannot be assumed."),
            ("copy", "copy", FILES, "AWS gives no reason."),
            ("late", "backup", FILES, "The role cannot be assumed.")
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
    assert_eq!(locked.1, Ok(format!("arn:aws:backup:eu-west-1:{ACCOUNT}:backup-vault:bbws-prod-dr, locked")));
    let unprotected: Vec<&str> =
        measurements.unprotected(&whole()).expect("it is known").iter().map(|e| e.id.as_str()).collect();
    assert_eq!(unprotected, ["forgotten"]);
}

#[tokio::test]
async fn without_automated_backups_the_newest_snapshot_counts() {
    let bed = healthy();
    let instance = bed.place(|place, _| {
        let instance = place.rds.instances.get_mut("bbws-prod-mysql").expect("it is there");
        instance.automated_days = 0;
        instance.clone()
    });
    bed.there(|place, _| place.rds.replicated.clear());
    let now = bed.clock.now();
    let of = |timeline| Snapshot::of("bbws-prod-mysql", &instance, timeline, Tags::new());
    // A copy is as old as its source, whenever it was made.
    let mut copy = of(Timeline::instant(now - minutes(5)));
    copy.original = now - minutes(6000);
    copy.data.until = Some(copy.original);
    let creating = of(Timeline::new(now - minutes(1), now - minutes(1), minutes(60), None));
    for region in [HOME, DR] {
        bed.aws.change(|world, _| {
            let snapshots = &mut world.region(ACCOUNT, region).rds.snapshots;
            snapshots.insert("a-dr".into(), copy.clone());
            snapshots.insert("b".into(), creating.clone());
        });
    }
    let lags = lags(&measured(&bed).await.expect("measurements"));
    assert_eq!(lags["rds bbws-prod-mysql"], Ok(6000), "read although it is older than what is looked at first");
    assert_eq!(lags["rds bbws-prod-mysql in DR"], Ok(6000));
}

#[tokio::test]
async fn what_replicates_by_itself_counts() {
    let bed = healthy();
    let replication = FilesReplication {
        source_region: HOME.into(),
        source_arn: FS.into(),
        region: DR.into(),
        file_system: "fs-2".into(),
        created: bed.clock.now() - minutes(6000),
        lag: None,
    };
    bed.place(|place, _| place.efs.replications.insert(FILES.into(), replication.clone()));
    bed.there(|place, _| place.efs.replications.insert(FILES.into(), replication));
    let names: Vec<String> = bed.place(|place, _| place.secrets.secrets.keys().cloned().collect());
    let here = bed.platform.setup(HOME).await;
    for name in names {
        let to = aws_sdk_secretsmanager::types::ReplicaRegionType::builder().region(DR).build();
        here.secrets()
            .replicate_secret_to_regions()
            .secret_id(name)
            .add_replica_regions(to)
            .send()
            .await
            .expect("it is");
    }
    bed.later(minutes(1));
    let lags = lags(&measured(&bed).await.expect("measurements"));
    assert_eq!(lags["efs fs-0900d000000000001 in DR"], Ok(5));
    assert_eq!(lags["secrets bbws/prod/ in DR"], Ok(0));
    assert_eq!(lags["secrets bbws/prod/"], Ok(21), "a replica is not an export");
}

#[tokio::test]
async fn a_dead_region_is_told_and_the_other_is_measured() {
    let down = || Override::Refused(Refusal::with_status(503, "ServiceUnavailable", "the region is down"));
    for (dead, side) in [(DR, Side::Dr), (HOME, Side::Primary)] {
        let bed = healthy();
        bed.aws.override_answers(Target::always().in_region(dead), down());
        let measurements = measured(&bed).await.expect("the other region answers");
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
    let bed = healthy();
    bed.aws.override_answers(Target::always(), down());
    let nothing = measured(&bed).await;
    assert!(matches!(nothing, Err(CloudError::Retryable { .. })), "{nothing:?}");
}

#[tokio::test]
async fn nothing_is_measured_in_a_foreign_account() {
    let bed = healthy();
    let foreign = AwsCloud::with(topics(), base(&bed.aws, &bed.clock, "111122223333"));
    let reason = permanent(foreign.measurements(&bed.platform.environment, "U0ALICE").await);
    assert!(reason.contains("belongs to account 111122223333"), "{reason}");
    assert_eq!(bed.requests(), bed.asked("GetCallerIdentity").len());
}

#[tokio::test]
async fn a_vault_that_cannot_be_read_makes_its_file_systems_unknown() {
    let bed = healthy();
    let denied = Refusal::with_status(403, "AccessDeniedException", "no");
    bed.aws.override_answers(Target::always().of("ListRecoveryPointsByBackupVault"), Override::Refused(denied));
    let lags = lags(&measured(&bed).await.expect("measurements"));
    let why = lags["efs fs-0900d000000000001"].as_ref().expect_err("nobody knows");
    assert!(why.contains("may not do backup:ListRecoveryPointsByBackupVault"), "{why}");
    assert_eq!(lags["rds bbws-prod-mysql"], Ok(4));
}
