//! Recovery points of both regions: which calls find them, and what they say.

use std::time::Duration;

use bbws::{
    adapters::{
        aws::session::Session,
        sandbox::aws::{
            Override, Target,
            api::{Refusal, Request},
            world::backup::Lifecycle,
        },
    },
    domain::{
        confidence,
        environment::{Bucket, Environment, Replication},
        moment::Moment,
        point::{Place, Point, PointKind, PointQuery, PointState},
        retention,
    },
    ports::cloud::{Cloud as _, CloudError, Survey},
};

use crate::aws::{
    bed::{ACCOUNT, Bed, DB, FILES, FS, environment},
    snapshots,
    support::{DR, HOME, Platform},
};

/// When the first point was made, less than its retention ago.
const FIRST: Moment = Moment(1_795_000_000_000);
const LIST: &str = "ListRecoveryPointsByBackupVault";

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

/// So many seconds after the first.
fn at(n: usize) -> Moment {
    FIRST + Duration::from_secs(n as u64)
}

fn arn(region: &str, n: usize) -> String {
    format!("arn:aws:backup:{region}:{ACCOUNT}:recovery-point:{n:06}")
}

/// So many points of the file system in each vault, one a second; that of the DR region is locked.
fn full(bed: &Bed, points: usize) {
    for region in [HOME, DR] {
        for n in 0..points {
            bed.point(region, &arn(region, n), FS, at(n));
        }
    }
    bed.there(|place, _| place.backup.vaults.get_mut("bbws-prod-dr").expect("it is there").locked = true);
}

/// The environment in its primary region alone.
fn alone() -> Environment {
    Environment { replication: Replication::Disabled, ..environment() }
}

#[tokio::test]
async fn pages_are_as_large_as_they_can_be_and_no_point_is_asked_for_by_itself() {
    let bed = Bed::new();
    full(&bed, 2500);
    let (points, sizes, unread) = read(&bed.platform, &query(&[PointKind::Efs])).await.expect("points");
    assert_eq!((points.len(), unread.len()), (5000, 0));
    assert_eq!(sizes.iter().max(), Some(&1000));
    let vaults = |requests: Vec<Request>| {
        let mut vaults: Vec<String> =
            requests.iter().map(|request| request.text("backupVaultName").unwrap_or_default().to_owned()).collect();
        vaults.sort();
        vaults
    };
    let (home, dr) = ("bbws-prod", "bbws-prod-dr");
    assert_eq!(vaults(bed.asked("DescribeBackupVault")), [home, dr]);
    assert_eq!(vaults(bed.asked(LIST)), [home, home, home, dr, dr, dr]);
    assert_eq!(bed.requests(), 8, "nothing else is asked");
    assert!(points.iter().all(|p| p.locked == (p.region == DR)), "the lock is that of the vault");
}

#[tokio::test]
async fn aws_leaves_out_what_is_not_asked_for() {
    let bed = Bed::new();
    full(&bed, 10);
    let ask = PointQuery {
        since: Some(at(3)),
        before: Some(at(5)),
        resource: Some(FILES.to_owned()),
        ..PointQuery::default()
    };
    let (points, ..) = read(&bed.platform, &ask).await.expect("points");
    let ids: Vec<&str> = points.iter().map(|p| p.id.as_str()).collect();
    assert_eq!(ids, ["000003", "000004", "000003", "000004"], "the beginning counts, the end does not");
    assert_eq!(bed.requests(), 4, "nothing but vaults can hold points of a file system");
    let listing = bed.asked(LIST).remove(0);
    assert_eq!(listing.text("resourceArn"), Some(FS));
    let ends = (listing.moment("createdAfter"), listing.moment("createdBefore"));
    assert_eq!(ends, (Some(at(2)), Some(at(6))), "nobody documents whether the ends count");
    assert_eq!(listing.number("maxResults"), Some(1000));

    let before = bed.asked(LIST).len();
    read(&bed.platform, &query(&[PointKind::Efs])).await.expect("points");
    let listings = bed.asked(LIST).split_off(before);
    assert_eq!(listings.iter().map(|l| l.text("resourceType")).collect::<Vec<_>>(), [Some("EFS"), Some("EFS")]);

    let bed = Bed::of(alone());
    read(&bed.platform, &query(&[PointKind::Efs])).await.expect("points");
    assert!(bed.asked(LIST).iter().all(|l| l.region == HOME), "nothing is copied, so DR is not asked");
}

/// A vault holds what anybody backs up into it.
#[tokio::test]
async fn points_of_other_kinds_are_counted_where_all_are_asked_for() {
    let bed = Bed::of(Environment { databases: Vec::new(), secrets_bucket: None, ..alone() });
    let table = "arn:aws:dynamodb:af-south-1:093646564004:table/orders";
    let cluster = "arn:aws:rds:af-south-1:093646564004:cluster:main";
    for (n, of) in [FS, table, table, cluster].into_iter().enumerate() {
        bed.point(HOME, &arn(HOME, n), of, at(n));
    }
    bed.backup(|backup, _| {
        for point in backup.vaults.values_mut().flat_map(|vault| vault.points.values_mut()) {
            let of = point.resource_arn.as_str();
            point.resource_type = if of == table {
                "DynamoDB"
            } else if of == cluster {
                "Aurora"
            } else {
                "EFS"
            }
            .into();
        }
    });
    let others = async |query: PointQuery| {
        let mut shown = 0;
        let mut page = |page: Vec<Point>| shown += page.len();
        let left_out = bed.platform.cloud.points(&bed.platform.environment, &query, "U0ALICE", &mut page).await;
        let left_out = left_out.expect("points");
        assert_eq!(left_out.unread, [""; 0]);
        (shown, left_out.others.into_iter().collect::<Vec<_>>())
    };
    let (dynamo, aurora) = (("DynamoDB".to_owned(), 2), ("Aurora".to_owned(), 1));
    assert_eq!(others(PointQuery::default()).await, (1, vec![aurora.clone(), dynamo]));
    let since = Some(at(3));
    assert_eq!(others(PointQuery { since, ..PointQuery::default() }).await, (0, vec![aurora]));
    assert_eq!(others(query(&[PointKind::Efs])).await, (1, vec![]), "who asks for one kind misses no other");
}

#[tokio::test]
async fn a_dead_region_does_not_take_the_other_with_it() {
    let bed = Bed::new();
    full(&bed, 3);
    let down = Refusal::with_status(503, "ServiceUnavailableException", "the region is down");
    bed.aws.override_answers(Target::always().in_region(DR), Override::Refused(down.clone()));
    let (points, _, unread) = read(&bed.platform, &query(&[PointKind::Efs])).await.expect("the other region answers");
    assert_eq!(points.len(), 3);
    assert_eq!(
        unread,
        ["Nothing could be read in eu-west-1. Vault bbws-prod-dr in eu-west-1: it is not ready for this yet \
             (ServiceUnavailableException: the region is down). It is tried again."]
    );
    bed.aws.override_answers(Target::always().in_region(HOME), Override::Refused(down));
    let nothing = read(&bed.platform, &query(&[])).await;
    assert!(matches!(nothing, Err(CloudError::Retryable { .. })), "{nothing:?}");
}

#[tokio::test]
async fn a_vault_of_another_account_is_none_of_ours() {
    let bed = Bed::new();
    bed.edit("DescribeBackupVault", |answer| {
        answer["BackupVaultArn"] = "arn:aws:backup:af-south-1:999999999999:backup-vault:bbws-prod".into();
    });
    let answer = read(&bed.platform, &query(&[PointKind::Efs])).await;
    let Err(CloudError::Permanent { reason }) = answer else { panic!("{answer:?}") };
    assert!(reason.contains("not of account") && reason.contains("assume_role"), "{reason}");
    assert!(bed.asked(LIST).is_empty(), "it is not read");
}

#[tokio::test]
async fn a_recovery_point_says_what_aws_says_of_it() {
    let statuses = ["COMPLETED", "PARTIAL", "DELETING", "EXPIRED", "AVAILABLE", "STOPPED", "CREATING", "SOMETHING_NEW"];
    let bed = Bed::new();
    for (n, status) in statuses.into_iter().enumerate() {
        bed.point(HOME, &arn(HOME, n), FS, at(n));
        bed.backup(|backup, _| {
            let vault = backup.vaults.get_mut("bbws-prod").expect("it is there");
            let point = vault.points.get_mut(&arn(HOME, n)).expect("it is there");
            (point.status, point.size) = (Some(status.to_owned()), 4096);
            point.lifecycle = Lifecycle { cold_after: None, delete_after: Some(30) };
        });
    }
    bed.point(HOME, "arn:aws:rds:af-south-1:093646564004:snapshot:awsbackup:job-1", DB, at(100));
    bed.point(HOME, &arn(HOME, 101), "arn:aws:ec2:af-south-1:093646564004:volume/vol-1", at(101));
    bed.point(HOME, &arn(HOME, 102), "arn:aws:rds:af-south-1:093646564004:cluster:aurora", at(102));
    let (points, ..) = read(&bed.platform, &query(&[PointKind::Efs])).await.expect("points");
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
            resource: FILES.into(),
            created: FIRST,
            bytes: Some(4096),
            expires: Some(FIRST + Duration::from_secs(30 * 86_400)),
            state: Available,
            encrypted: true,
            locked: false,
            retention_days: Some(30),
            operation: None,
            tenant: None,
        }
    );
    let vault_only = PointQuery { resource: Some("bbws-other".into()), ..query(&[PointKind::Rds]) };
    assert!(read(&bed.platform, &vault_only).await.expect("points").0.is_empty());
}

/// What AWS Backup keeps of a bucket is listed with its record, and left to AWS Backup.
#[tokio::test]
async fn what_aws_backup_keeps_of_buckets_is_listed_and_left_to_it() {
    let buckets = vec![Bucket { name: "my.data".into(), dr: None }];
    let bed = Bed::of(Environment { buckets, databases: Vec::new(), secrets_bucket: None, ..alone() });
    let (of, once) = ("arn:aws:s3:::my.data", arn(HOME, 7).replace("000007", "my.data-20261120-1"));
    let continuous = "arn:aws:backup:af-south-1:093646564004:recovery-point:continuous:my.data-2";
    bed.point(HOME, &once, of, at(7));
    bed.point(HOME, continuous, of, at(8));
    bed.point(HOME, &arn(HOME, 9), FS, at(9));
    let (points, ..) = read(&bed.platform, &query(&[PointKind::S3])).await.expect("points");
    assert_eq!(bed.asked(LIST).remove(0).text("resourceType"), Some("S3"));
    let told: Vec<_> = points.iter().map(|p| (p.id.as_str(), p.resource.as_str(), p.bytes, p.arn.as_str())).collect();
    let size = Some(1 << 30);
    let both = [("my.data-2", "my.data", size, continuous), ("my.data-20261120-1", "my.data", size, once.as_str())];
    assert_eq!(told, both);
    assert!(points.iter().all(|p| matches!(&p.place, Place::Vault { vault } if vault == "bbws-prod")));
    for point in &points {
        assert_eq!(confidence::asks_for("prod", point, false, None), None, "no restore of bbws begins with it");
        let why = retention::protection(point, &bed.platform.environment, &points, &[], at(1_000)).join(" ");
        assert!(why.contains("is what AWS Backup keeps of bucket my.data"), "{why}");
    }
    // Who names one is told what it is, and not that there is none.
    for id in ["my.data-20261120-1", "my.data-2"] {
        let ask = Survey { point: Some(id.to_owned()), ..Survey::default() };
        let world = bed.platform.cloud.survey(&bed.platform.environment, &ask, "U0ALICE").await.expect("a survey");
        assert_eq!(world.lineage.len(), 2, "{id}");
    }
    let one = PointQuery { resource: Some("my.data".into()), ..query(&[PointKind::S3]) };
    assert_eq!(read(&bed.platform, &one).await.expect("points").0.len(), 2);
    assert_eq!(bed.asked(LIST).pop().expect("a listing").text("resourceArn"), Some(of));
}

pub async fn object(session: &Session, bucket: &str, key: &str) {
    let body = aws_sdk_s3::primitives::ByteStream::from_static(b"not empty");
    session.s3().put_object().bucket(bucket).key(key).body(body).send().await.expect("an object");
}

#[tokio::test]
async fn snapshots_and_archives_are_points_too() {
    let buckets = vec![Bucket { name: "my.data".into(), dr: None }];
    let bed = Bed::of(Environment { buckets, ..environment() });
    snapshots::made(&bed).await;
    let here = bed.platform.setup(HOME).await;
    for key in [
        "prod/secrets/20261120/bk-7/secrets.json",
        "prod/s3/20261120/bk-8/my.data.jsonl.zst",
        "prod/dump/20261121/bk-9/bbws-prod-mysql.dump",
        "prod/secrets/not-a-day/bk-7/secrets.json",
        "prod/notes.txt",
        "sit/secrets/20261120/bk-7/secrets.json",
    ] {
        object(&here, "bbws-prod-backups", key).await;
    }
    // What is put is replicated after a while.
    let (points, _, unread) = read(&bed.platform, &query(&[])).await.expect("points");
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
    assert!(snapshot.arn.contains(&format!(":rds:{HOME}:{ACCOUNT}:snapshot:")), "{}", snapshot.arn);
    assert_eq!(points[4].key(), snapshot.key(), "the copy is of the snapshot");

    let tomorrow = PointQuery { since: Some(snapshot.created + Duration::from_secs(86_400)), ..query(&[]) };
    assert!(read(&bed.platform, &tomorrow).await.expect("points").0.is_empty());
    let one = PointQuery { resource: Some("bbws/prod/".into()), ..query(&[]) };
    assert_eq!(read(&bed.platform, &one).await.expect("points").0.len(), 1);
}
