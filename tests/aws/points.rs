//! Recovery points of both regions: which calls find them, and what they say.

use bbws::{
    adapters::aws::session::Session,
    domain::{
        environment::Environment,
        moment::Moment,
        point::{Place, Point, PointKind, PointQuery, PointState},
    },
    ports::cloud::{Cloud as _, CloudError},
};
use serde_json::{Value, json as value};

use crate::aws::{
    fake::{Answer, Fake, Seen, error, json},
    moto, snapshots,
    support::{DR, HOME, Platform, environment},
};

pub const FS: &str = "fs-0900d000000000001";

fn query(kinds: &[PointKind]) -> PointQuery {
    PointQuery { kinds: kinds.to_vec(), ..PointQuery::default() }
}

/// Everything found, the pages' sizes, and what could not be read.
async fn read(platform: &Platform, query: &PointQuery) -> Result<(Vec<Point>, Vec<usize>, Vec<String>), CloudError> {
    let (mut points, mut sizes) = (Vec::new(), Vec::new());
    let mut page = |page: Vec<Point>| {
        sizes.push(page.len());
        points.extend(page);
    };
    let unread = platform.cloud.points(&platform.environment, query, "U0ALICE", &mut page).await?.unread;
    points.sort_by(|a, b| (&a.region, &a.id).cmp(&(&b.region, &b.id)));
    Ok((points, sizes, unread))
}

/// A recovery point of the file system in the state, some seconds after another.
pub fn vault_point(n: usize, status: &str) -> Value {
    value!({
        "RecoveryPointArn": format!("arn:aws:backup:af-south-1:093646564004:recovery-point:{n:06}"),
        "ResourceArn": format!("arn:aws:elasticfilesystem:af-south-1:093646564004:file-system/{FS}"),
        "ResourceType": "EFS", "Status": status, "CreationDate": 1_700_000_000 + n, "BackupSizeInBytes": 4096, "IsEncrypted": true,
        "Lifecycle": { "DeleteAfterDays": 30 }, "CalculatedLifecycle": { "DeleteAt": 1_702_592_000 + n },
    })
}

/// Vaults with so many points, in pages as large as is asked for.
fn full_vault(seen: &Seen, points: usize) -> Answer {
    let vault = seen.path.split('/').nth(2).unwrap_or_default();
    if !seen.path.ends_with("/recovery-points") {
        return json(
            value!({ "BackupVaultName": vault, "BackupVaultArn": format!("arn:{vault}"), "Locked": vault.ends_with("-dr") }),
        );
    }
    let number = |name: &str, default: usize| seen.asked(name).map_or(default, |n| n.parse().expect("a number"));
    let (from, size) = (number("nextToken", 0), number("maxResults", 100));
    let end = (from + size).min(points);
    let listed: Vec<Value> = (from..end).map(|n| vault_point(n, "COMPLETED")).collect();
    let mut body = value!({ "RecoveryPoints": listed });
    if end < points {
        body["NextToken"] = end.to_string().into();
    }
    json(body)
}

async fn on(environment: Environment, script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> (Fake, Platform) {
    let fake = Fake::start(script).await;
    let platform = Platform::on(&fake.address, &[], environment).await;
    (fake, platform)
}

#[tokio::test]
async fn pages_are_as_large_as_they_can_be_and_no_point_is_asked_for_by_itself() {
    let (fake, platform) = on(environment(false), |seen| full_vault(seen, 2500)).await;
    let (points, sizes, unread) = read(&platform, &query(&[PointKind::Efs])).await.expect("points");
    assert_eq!((points.len(), unread.len()), (5000, 0));
    assert_eq!(sizes.iter().max(), Some(&1000));
    let mut paths: Vec<String> = fake.seen().into_iter().map(|s| s.path).collect();
    paths.sort();
    let (home, dr) = ("/backup-vaults/bbws-prod", "/backup-vaults/bbws-prod-dr");
    let (home_points, dr_points) = (format!("{home}/recovery-points"), format!("{dr}/recovery-points"));
    let wanted = [dr, &dr_points, &dr_points, &dr_points, home, &home_points, &home_points, &home_points];
    let mut wanted = wanted.map(str::to_owned);
    wanted.sort();
    assert_eq!(paths, wanted);
    assert!(points.iter().all(|p| p.locked == (p.region == DR)), "the lock is that of the vault");
}

#[tokio::test]
async fn aws_leaves_out_what_is_not_asked_for() {
    let (fake, mut platform) = on(environment(false), |seen| full_vault(seen, 10)).await;
    let account = platform.environment.account.clone();
    let ask = PointQuery {
        since: Some(Moment(1_700_000_003_000)),
        before: Some(Moment(1_700_000_005_000)),
        resource: Some(FS.to_owned()),
        ..PointQuery::default()
    };
    let (points, ..) = read(&platform, &ask).await.expect("points");
    let ids: Vec<&str> = points.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(ids, ["000003", "000004", "000003", "000004"], "the beginning counts, the end does not");
    let seen = fake.seen();
    assert_eq!(seen.len(), 4, "nothing but vaults can hold points of a file system");
    let listing = seen.iter().find(|s| s.path.ends_with("/recovery-points")).expect("a listing");
    let asked = |name: &str| listing.asked(name).unwrap_or_default();
    assert_eq!(asked("resourceArn"), format!("arn:aws:elasticfilesystem:af-south-1:{account}:file-system/{FS}"));
    assert_eq!(
        (asked("createdAfter").as_str(), asked("createdBefore").as_str()),
        ("2023-11-14T22:13:22Z", "2023-11-14T22:13:26Z")
    );
    assert_eq!(asked("maxResults"), "1000");

    let before = fake.seen().len();
    read(&platform, &query(&[PointKind::Efs])).await.expect("points");
    let types: Vec<_> = fake.seen().split_off(before).iter().filter_map(|s| s.asked("resourceType")).collect();
    assert_eq!(types, ["EFS", "EFS"]);

    let mut alone = environment(false);
    alone.replication = bbws::domain::environment::Replication::Disabled;
    platform.environment = std::sync::Arc::new(alone);
    let before = fake.seen().len();
    read(&platform, &query(&[PointKind::Efs])).await.expect("points");
    assert!(fake.seen().split_off(before).iter().all(|s| s.scope.0 == HOME), "nothing is copied, so DR is not asked");
}

/// A vault holds what anybody backs up into it.
#[tokio::test]
async fn points_of_other_kinds_are_counted_where_all_are_asked_for() {
    let other = |n: usize, kind: &str, arn: &str| {
        let mut point = vault_point(n, "COMPLETED");
        point["ResourceType"] = kind.into();
        point["ResourceArn"] = arn.into();
        point
    };
    let table = "arn:aws:dynamodb:af-south-1:093646564004:table/orders";
    let listed = value!({ "RecoveryPoints": [
        vault_point(1, "COMPLETED"),
        other(2, "DynamoDB", table),
        other(3, "DynamoDB", table),
        other(4, "Aurora", "arn:aws:rds:af-south-1:093646564004:cluster:main"),
    ] });
    let mut alone = environment(false);
    alone.replication = bbws::domain::environment::Replication::Disabled;
    (alone.databases, alone.secrets_bucket) = (Vec::new(), None);
    let (_fake, platform) = on(alone, move |seen| match seen.path.ends_with("/recovery-points") {
        true => json(listed.clone()),
        false => full_vault(seen, 0),
    })
    .await;
    let others = async |query: PointQuery| {
        let mut shown = 0;
        let mut page = |page: Vec<Point>| shown += page.len();
        let left_out =
            platform.cloud.points(&platform.environment, &query, "U0ALICE", &mut page).await.expect("points");
        assert_eq!(left_out.unread, [""; 0]);
        (shown, left_out.others.into_iter().collect::<Vec<_>>())
    };
    let (dynamo, aurora) = (("DynamoDB".to_owned(), 2), ("Aurora".to_owned(), 1));
    assert_eq!(others(PointQuery::default()).await, (1, vec![aurora.clone(), dynamo]));
    let since = Some(Moment(1_700_000_004_000));
    assert_eq!(others(PointQuery { since, ..PointQuery::default() }).await, (0, vec![aurora]));
    assert_eq!(others(query(&[PointKind::Efs])).await, (1, vec![]), "who asks for one kind misses no other");
}

#[tokio::test]
async fn a_dead_region_does_not_take_the_other_with_it() {
    let dead = |seen: &Seen| match seen.scope.0.as_str() {
        DR => error(503, "ServiceUnavailableException", "the region is down"),
        _ => full_vault(seen, 3),
    };
    let (_fake, platform) = on(environment(false), dead).await;
    let (points, _, unread) = read(&platform, &query(&[PointKind::Efs])).await.expect("the other region answers");
    assert_eq!(points.len(), 3);
    assert_eq!(
        unread,
        ["Nothing could be read in eu-west-1. Vault bbws-prod-dr in eu-west-1: it is not ready for this yet \
             (ServiceUnavailableException: the region is down). It is tried again."]
    );
    let (_fake, platform) = on(environment(false), |_| error(503, "ServiceUnavailableException", "down")).await;
    let nothing = read(&platform, &query(&[])).await;
    assert!(matches!(nothing, Err(CloudError::Retryable { .. })), "{nothing:?}");
}

#[tokio::test]
async fn a_vault_of_another_account_is_none_of_ours() {
    let (_fake, platform) = on(environment(false), |seen| match seen.path.ends_with("/recovery-points") {
        true => panic!("it must not be read"),
        false => json(value!({ "BackupVaultArn": "arn:aws:backup:af-south-1:999999999999:backup-vault:bbws-prod" })),
    })
    .await;
    let answer = read(&platform, &query(&[PointKind::Efs])).await;
    let Err(CloudError::Permanent { reason }) = answer else { panic!("{answer:?}") };
    assert!(reason.contains("not of account") && reason.contains("assume_role"), "{reason}");
}

#[tokio::test]
async fn a_recovery_point_says_what_aws_says_of_it() {
    let statuses = ["COMPLETED", "PARTIAL", "DELETING", "EXPIRED", "AVAILABLE", "STOPPED", "CREATING", "SOMETHING_NEW"];
    let (_fake, platform) =
        on(environment(false), move |seen| match (seen.scope.0.as_str(), seen.path.ends_with("/recovery-points")) {
            (DR, true) => json(value!({ "RecoveryPoints": [] })),
            (_, true) => {
                let mut listed: Vec<Value> = statuses.iter().enumerate().map(|(n, s)| vault_point(n, s)).collect();
                let mut database = vault_point(100, "COMPLETED");
                database["RecoveryPointArn"] = "arn:aws:rds:af-south-1:093646564004:snapshot:awsbackup:job-1".into();
                database["ResourceArn"] = "arn:aws:rds:af-south-1:093646564004:db:bbws-prod-mysql".into();
                let mut volume = vault_point(101, "COMPLETED");
                volume["ResourceArn"] = "arn:aws:ec2:af-south-1:093646564004:volume/vol-1".into();
                let mut cluster = vault_point(102, "COMPLETED");
                cluster["ResourceArn"] = "arn:aws:rds:af-south-1:093646564004:cluster:aurora".into();
                listed.extend([database, volume, cluster]);
                json(value!({ "RecoveryPoints": listed }))
            }
            _ => json(value!({ "BackupVaultArn": "arn:x" })),
        })
        .await;
    let (points, ..) = read(&platform, &query(&[PointKind::Efs])).await.expect("points");
    let states: Vec<PointState> = points.iter().map(|p| p.state).collect();
    use PointState::{Available, Creating, Expired, Partial, Stopped, Unusable};
    assert_eq!(states, [Available, Partial, Unusable, Expired, Available, Stopped, Creating, Unusable]);
    assert_eq!(
        points[0],
        Point {
            kind: PointKind::Efs,
            id: "000000".into(),
            arn: "arn:aws:backup:af-south-1:093646564004:recovery-point:000000".into(),
            place: Place::Vault { vault: "bbws-prod".into() },
            region: HOME.into(),
            resource: FS.into(),
            created: Moment(1_700_000_000_000),
            bytes: Some(4096),
            expires: Some(Moment(1_702_592_000_000)),
            state: Available,
            encrypted: true,
            locked: false,
            retention_days: Some(30),
            operation: None,
            tenant: None,
        }
    );
    let vault_only = PointQuery { resource: Some("bbws-other".into()), ..query(&[PointKind::Rds]) };
    assert!(read(&platform, &vault_only).await.expect("points").0.is_empty());
}

/// Vaults that hold nothing, beside a moto that has the rest.
pub async fn empty_vaults() -> Fake {
    Fake::start(|seen| match seen.path.ends_with("/recovery-points") {
        true => json(value!({ "RecoveryPoints": [] })),
        false => json(value!({ "BackupVaultArn": "arn:x" })),
    })
    .await
}

pub async fn bucket(session: &Session, name: &str) {
    let place =
        aws_sdk_s3::types::CreateBucketConfiguration::builder().location_constraint(session.region.as_str().into());
    session
        .s3()
        .create_bucket()
        .bucket(name)
        .create_bucket_configuration(place.build())
        .send()
        .await
        .expect("a bucket");
}

pub async fn object(session: &Session, bucket: &str, key: &str) {
    let body = aws_sdk_s3::primitives::ByteStream::from_static(b"not empty");
    session.s3().put_object().bucket(bucket).key(key).body(body).send().await.expect("an object");
}

#[tokio::test]
async fn snapshots_and_archives_are_points_too() {
    let vaults = empty_vaults().await;
    let mut environment = environment(true);
    environment.buckets = vec![bbws::domain::environment::Bucket { name: "my.data".into(), dr: None }];
    let platform = Platform::on(moto::address(), &[("backup", &vaults.address)], environment).await;
    snapshots::database(&platform).await;
    platform.key(DR, Some("alias/bbws-dr")).await;
    platform.cloud.start(&platform.call(snapshots::snapshot())).await.expect("a snapshot");
    platform.cloud.start(&platform.call(snapshots::copy(&platform))).await.expect("a copy");
    let here = platform.setup(HOME).await;
    let (bucket_name, region) = (platform.environment.secrets_bucket.clone().expect("a bucket"), HOME.to_owned());
    bucket(&here, &bucket_name).await;
    bucket(&*platform.setup(DR).await, platform.environment.dr_secrets_bucket.as_deref().expect("a bucket")).await;
    for key in [
        "prod/secrets/20261120/bk-7/secrets.json",
        "prod/s3/20261120/bk-8/my.data.jsonl.zst",
        "prod/dump/20261121/bk-9/bbws-prod-mysql.dump",
        "prod/secrets/not-a-day/bk-7/secrets.json",
        "prod/notes.txt",
        "sit/secrets/20261120/bk-7/secrets.json",
    ] {
        object(&here, &bucket_name, key).await;
    }
    let (points, _, unread) = read(&platform, &query(&[])).await.expect("points");
    assert_eq!(unread, [""; 0]);
    let told: Vec<(PointKind, &str, &str, &str)> = points
        .iter()
        .map(|p| (p.kind, p.region.as_str(), p.resource.as_str(), p.operation.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(
        told,
        [
            (PointKind::Rds, HOME, "bbws-prod-mysql", "bk-1042"),
            (PointKind::Dump, HOME, "bbws-prod-mysql", "bk-9"),
            (PointKind::S3, HOME, "my.data", "bk-8"),
            (PointKind::Secrets, HOME, "bbws/prod/", "bk-7"),
            (PointKind::Rds, DR, "bbws-prod-mysql", "bk-1042"),
        ]
    );
    let snapshot = &points[0];
    assert_eq!((snapshot.retention_days, snapshot.bytes, snapshot.encrypted), (Some(30), Some(100 << 30), true));
    assert!(
        snapshot.arn.contains(&format!(":rds:{region}:{}:snapshot:", platform.environment.account)),
        "{}",
        snapshot.arn
    );
    assert_eq!(points[4].key(), snapshot.key(), "the copy is of the snapshot");

    let tomorrow = PointQuery { since: Some(snapshot.created + std::time::Duration::from_secs(86_400)), ..query(&[]) };
    assert!(read(&platform, &tomorrow).await.expect("points").0.is_empty());
    let one = PointQuery { resource: Some("bbws/prod/".into()), ..query(&[]) };
    assert_eq!(read(&platform, &one).await.expect("points").0.len(), 1);
}
