//! What a survey finds beyond databases and vaults: parameters, buckets of data, secrets, keys, networks, points and their kin.

use std::sync::Arc;

use bbws::{
    domain::{
        environment::{Bucket, Environment, FileSystem},
        world::{BucketFound, LifecycleFound, Network, Survey, World},
    },
    ports::cloud::{Cloud as _, CloudError},
};
use serde_json::json as value;

use crate::aws::{
    fake::{Answer, Fake, Seen, error, json},
    moto,
    points::{FS, vault_point},
    snapshots,
    support::{DR, HOME, Platform, environment},
};

async fn survey(platform: &Platform, ask: &Survey) -> World {
    platform.cloud.survey(&platform.environment, ask, "U0ALICE").await.expect("a world")
}

#[tokio::test]
async fn parameters_are_told_by_name() {
    let platform = Platform::on_moto().await;
    let ssm = platform.setup(HOME).await;
    let ssm = ssm.ssm();
    for name in ["/bbws/prod/b", "/bbws/prod/a", "/bbws/prodigal", "/other/bbws/prod/x"] {
        let kind = aws_sdk_ssm::types::ParameterType::SecureString;
        ssm.put_parameter().name(name).value("hidden").r#type(kind).send().await.expect("a parameter");
    }
    let ask = Survey { parameters_prefix: Some("/bbws/prod/".into()), ..Survey::default() };
    assert_eq!(survey(&platform, &ask).await.parameters, ["/bbws/prod/a", "/bbws/prod/b"]);
}

/// What a survey finds of bucket `media` and of one that does not exist; moto answers versioning in a shape that AWS does not.
pub async fn buckets(replication: &'static str, lifecycle: &'static str) -> Vec<BucketFound> {
    let mut environment = environment(false);
    environment.buckets = vec![Bucket { name: "media".into(), dr: Some("media-dr".into()) }];
    let account = environment.account.clone();
    let fake = Fake::start(move |seen| {
        let refuse =
            |code: &str| Answer { status: 404, headers: vec![], body: format!("<Error><Code>{code}</Code></Error>") };
        let topic = seen.query.split('&').map(|q| q.trim_end_matches('='));
        match topic.into_iter().find(|q| ["versioning", "replication", "lifecycle"].contains(q)) {
            None => identity(&account),
            Some(_) if !seen.path.ends_with("media") => refuse("NoSuchBucket"),
            Some("replication") if replication.is_empty() => refuse("ReplicationConfigurationNotFoundError"),
            Some("replication") => {
                xml(format!("<ReplicationConfiguration><Role>r</Role>{replication}</ReplicationConfiguration>"))
            }
            Some("lifecycle") if lifecycle.is_empty() => refuse("NoSuchLifecycleConfiguration"),
            Some("lifecycle") => xml(format!("<LifecycleConfiguration>{lifecycle}</LifecycleConfiguration>")),
            Some(_) => xml("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>".into()),
        }
    })
    .await;
    let platform = Platform::on(&fake.address, &[], environment).await;
    let ask = Survey { buckets: vec!["media".into(), "none".into()], ..Survey::default() };
    survey(&platform, &ask).await.buckets
}

fn xml(body: String) -> Answer {
    Answer { status: 200, headers: vec![("content-type", "text/xml".into())], body }
}

fn identity(account: &str) -> Answer {
    xml(format!(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{account}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
    ))
}

#[tokio::test]
async fn buckets_of_data_tell_their_versions_and_what_they_let_go() {
    let found = buckets(
        "",
        "<Rule><ID>old</ID><Status>Enabled</Status><Filter><And><Prefix>tmp/</Prefix><Tag><Key>a</Key><Value>b</Value></Tag></And></Filter>\
         <Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition><Expiration><Days>90</Days></Expiration>\
         <NoncurrentVersionExpiration><NoncurrentDays>10</NoncurrentDays></NoncurrentVersionExpiration></Rule>\
         <Rule><ID>off</ID><Status>Disabled</Status><Filter><Prefix></Prefix></Filter><Expiration><Days>1</Days></Expiration></Rule>",
    )
    .await;
    let old = LifecycleFound {
        prefix: "tmp/".into(),
        transitions: vec![("STANDARD_IA".into(), 30)],
        expires: Some(90),
        noncurrent_expires: Some(10),
    };
    let why = "Bucket media has no replication rule to media-dr. Add one for the whole bucket.";
    let media =
        BucketFound { name: "media".into(), versioned: true, replication: Err(why.into()), lifecycle: vec![old] };
    assert_eq!(found, [media], "what is not there is absent, and a disabled rule lets nothing go");
    assert!(buckets("", "").await[0].lifecycle.is_empty());
}

async fn replicating(rules: &'static str) -> Result<String, String> {
    buckets(rules, "").await.remove(0).replication
}

#[tokio::test]
async fn only_a_rule_for_the_whole_bucket_counts_as_replication() {
    let whole = "<Rule><ID>a</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter><Destination><Bucket>arn:aws:s3:::media-dr</Bucket></Destination></Rule>";
    assert_eq!(replicating(whole).await, Ok("rule a to media-dr".into()));
    let part = "<Rule><ID>a</ID><Status>Enabled</Status><Filter><Prefix>up/</Prefix></Filter><Destination><Bucket>arn:aws:s3:::media-dr</Bucket></Destination></Rule>";
    assert_eq!(
        replicating(part).await,
        Err("Rule a replicates only what begins with `up/` of bucket media to media-dr. Add a rule for the whole bucket.".into())
    );
    let off = "<Rule><ID>a</ID><Status>Disabled</Status><Destination><Bucket>arn:aws:s3:::media-dr</Bucket></Destination></Rule>";
    assert_eq!(replicating(off).await, Err("Rule a of bucket media to media-dr is disabled. Enable it.".into()));
    let elsewhere =
        "<Rule><ID>a</ID><Status>Enabled</Status><Destination><Bucket>arn:aws:s3:::other</Bucket></Destination></Rule>";
    assert!(replicating(elsewhere).await.is_err_and(|why| why.contains("has no replication rule to media-dr")));
}

#[tokio::test]
async fn secrets_and_keys_are_looked_at_without_their_values() {
    let mut environment = environment(true);
    environment.dump_kms_key = Some("alias/bbws-dumps".into());
    let mut platform = Platform::on(moto::address(), &[], environment.clone()).await;
    let here = platform.setup(HOME).await;
    let made =
        here.secrets().create_secret().name("bbws/prod/db").secret_string("hidden").send().await.expect("a secret");
    here.secrets().create_secret().name("bbws/prod/gone").secret_string("hidden").send().await.expect("a secret");
    here.secrets().delete_secret().secret_id("bbws/prod/gone").send().await.expect("it goes");
    let names = ["bbws/prod/db", "bbws/prod/gone", "bbws/prod/none"].map(str::to_owned).to_vec();
    let ask = Survey { secrets: names, dump_key: true, ..Survey::default() };
    let world = survey(&platform, &ask).await;
    assert_eq!(world.described["bbws/prod/db"], Ok(made.version_id.expect("it has one")));
    assert!(world.described["bbws/prod/gone"].as_ref().is_err_and(|why| why.contains("scheduled for deletion")));
    assert!(world.described["bbws/prod/none"].as_ref().is_err_and(|why| why.contains("does not exist in af-south-1")));
    assert!(world.dump_key.expect("it was asked for").is_err(), "there is no such key yet");
    let key = platform.key(HOME, Some("alias/bbws-dumps")).await;
    assert_eq!(survey(&platform, &ask).await.dump_key, Some(Ok(key)));
    environment.dump_kms_key = None;
    platform.environment = Arc::new(environment);
    let why = survey(&platform, &ask).await.dump_key.expect("it was asked for").expect_err("it is not set");
    assert!(why.contains("has no `dump_kms_key` in the config file"), "{why}");
}

/// Vaults in which the file system has a point and its copy, and RDS with the isolated subnet group in a state.
fn small(seen: &Seen, account: &str, group: &str) -> Answer {
    let region = seen.scope.0.as_str();
    let id =
        if region == HOME { "5f0c2a6e-7e1d-4d55-9a11-00000000000a" } else { "5f0c2a6e-7e1d-4d55-9a11-00000000000b" };
    let arn = format!("arn:aws:backup:{region}:{account}:recovery-point:{id}");
    let of = format!("arn:aws:elasticfilesystem:{HOME}:{account}:file-system/{FS}");
    match seen.scope.1.as_str() {
        "sts" => identity(account),
        "rds" if seen.field("Action").as_deref() == Some("DescribeDBSubnetGroups") => match group {
            "" => Answer {
                status: 404,
                headers: vec![],
                body: "<ErrorResponse><Error><Code>DBSubnetGroupNotFoundFault</Code></Error></ErrorResponse>".into(),
            },
            state => xml(format!(
                "<DescribeDBSubnetGroupsResponse><DescribeDBSubnetGroupsResult><DBSubnetGroups><DBSubnetGroup><DBSubnetGroupName>x</DBSubnetGroupName>\
                 <SubnetGroupStatus>{state}</SubnetGroupStatus><Subnets><Subnet><SubnetIdentifier>subnet-2</SubnetIdentifier></Subnet>\
                 <Subnet><SubnetIdentifier>subnet-1</SubnetIdentifier></Subnet></Subnets></DBSubnetGroup></DBSubnetGroups></DescribeDBSubnetGroupsResult></DescribeDBSubnetGroupsResponse>"
            )),
        },
        "rds" => xml("<DescribeDBSnapshotsResponse><DescribeDBSnapshotsResult/></DescribeDBSnapshotsResponse>".into()),
        "s3" => xml("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>".into()),
        "backup" if seen.path.ends_with("/recovery-points") => {
            let mut point = vault_point(1, "COMPLETED");
            point["RecoveryPointArn"] = arn.into();
            point["ResourceArn"] = of.into();
            json(value!({ "RecoveryPoints": [point] }))
        }
        "backup" if seen.path.ends_with(id) => json(value!({ "ResourceArn": of })),
        "backup" if seen.path.contains("/recovery-points/") => error(400, "ResourceNotFoundException", "no such point"),
        _ => json(value!({ "BackupVaultArn": "arn:x" })),
    }
}

async fn with_points(
    script: impl Fn(&Seen) -> Option<Answer> + Send + Sync + 'static,
    group: &'static str,
) -> (Fake, Platform) {
    let mut environment: Environment = environment(false);
    environment.file_systems = vec![FileSystem { id: FS.into(), name: "uploads".into() }];
    environment.databases.clear();
    environment.secrets_prefix = None;
    let account = environment.account.clone();
    let fake = Fake::start(move |seen| script(seen).unwrap_or_else(|| small(seen, &account, group))).await;
    let platform = Platform::on(&fake.address, &[], environment).await;
    (fake, platform)
}

fn point(id: &str) -> Survey {
    Survey { point: Some(id.into()), ..Survey::default() }
}

#[tokio::test]
async fn a_point_is_found_by_its_id_with_all_of_its_kin() {
    let (fake, platform) = with_points(|_| None, "").await;
    let account = platform.environment.account.clone();
    let copy = "5f0c2a6e-7e1d-4d55-9a11-00000000000b";
    for id in [copy.to_owned(), format!("arn:aws:backup:{DR}:{account}:recovery-point:{copy}")] {
        let mut kin: Vec<String> = survey(&platform, &point(&id)).await.lineage.into_iter().map(|p| p.region).collect();
        kin.sort();
        assert_eq!(kin, [HOME, DR], "the copy leads to its source");
    }
    let listings = fake.seen().into_iter().filter(|s| s.path.ends_with("/recovery-points"));
    assert!(listings.into_iter().all(|s| s.asked("resourceArn").is_some()), "no vault is read whole");
    for nobody in [
        "5f0c2a6e-7e1d-4d55-9a11-0000000000ff",
        "no-such-snapshot",
        "prod/secrets/20261121/bk-1/secrets.json",
        "job-1",
        "x/y",
    ] {
        assert!(survey(&platform, &point(nobody)).await.lineage.is_empty(), "{nobody}");
    }
}

#[tokio::test]
async fn kin_that_cannot_be_read_are_not_left_out() {
    let dead = |seen: &Seen| (seen.scope.0 == DR).then(|| error(503, "ServiceUnavailableException", "down"));
    let (_fake, platform) = with_points(dead, "").await;
    let ask = point("5f0c2a6e-7e1d-4d55-9a11-00000000000a");
    let answer = platform.cloud.survey(&platform.environment, &ask, "U0ALICE").await;
    let Err(CloudError::Retryable { reason, .. }) = answer else { panic!("{answer:?}") };
    assert!(reason.contains("Nothing could be read in eu-west-1."), "{reason}");
}

#[tokio::test]
async fn a_snapshot_and_its_copy_are_kin() {
    let vaults = crate::aws::points::empty_vaults().await;
    let mut environment = environment(true);
    environment.secrets_bucket = None;
    environment.dr_secrets_bucket = None;
    let platform = Platform::on(moto::address(), &[("backup", &vaults.address)], environment).await;
    snapshots::database(&platform).await;
    platform.key(DR, Some("alias/bbws-dr")).await;
    platform.cloud.start(&platform.call(snapshots::snapshot())).await.expect("a snapshot");
    platform.cloud.start(&platform.call(snapshots::copy(&platform))).await.expect("a copy");
    let name = "bbws-prod-mysql-manual-20261121-bk-1042";
    for id in [name.to_owned(), format!("{name}-dr")] {
        let kin = survey(&platform, &point(&id)).await.lineage;
        assert_eq!(kin.len(), 2, "{id}");
        assert!(kin.iter().all(|p| p.key() == format!("rds {name}")));
    }
    let newest = survey(&platform, &Survey { newest: true, ..Survey::default() }).await.newest;
    assert_eq!(newest.iter().map(|p| (p.id.as_str(), p.region.as_str())).collect::<Vec<_>>(), [(name, HOME)]);
}

#[tokio::test]
async fn the_isolated_network_is_there_or_is_not() {
    let ask = Survey { isolated: true, ..Survey::default() };
    let (_fake, platform) = with_points(|_| None, "Complete").await;
    assert_eq!(
        survey(&platform, &ask).await.isolated,
        Some(Ok(Network { subnet_group: "bbws-isolated".into(), subnets: vec!["subnet-1".into(), "subnet-2".into()] }))
    );
    for group in ["", "Incomplete"] {
        let (_fake, platform) = with_points(|_| None, group).await;
        let why = survey(&platform, &ask).await.isolated.expect("it was asked for").expect_err("it is not usable");
        assert!(why.contains("DB subnet group bbws-isolated in af-south-1"), "{why}");
    }
}

#[tokio::test]
async fn the_newest_point_is_found_however_old_it_is() {
    let (fake, platform) = with_points(|_| None, "").await;
    let newest = survey(&platform, &Survey { newest: true, ..Survey::default() }).await.newest;
    assert_eq!(newest.len(), 1);
    let listings: Vec<_> = fake.seen().into_iter().filter(|s| s.path.ends_with("/recovery-points")).collect();
    assert!(listings[0].asked("createdAfter").is_some() && listings[0].scope.0 == HOME);
    assert!(listings[1].asked("resourceArn").is_some(), "only what was not there lately is looked for further back");
}
