//! What a survey finds beyond databases and vaults: parameters, buckets of data, secrets, keys, networks, points and their kin.

use std::{sync::Arc, time::Duration};

use bbws::{
    adapters::sandbox::aws::{Override, Target, api::Refusal},
    domain::{
        environment::{Bucket, Environment},
        world::{BucketFound, LifecycleFound, Network, RuleFound, Survey, World},
    },
    ports::{
        clock::Clock as _,
        cloud::{Cloud as _, CloudError},
    },
};

use crate::aws::{
    bed::{ACCOUNT, Bed, FS, environment},
    snapshots,
    support::{DR, HOME, Platform},
};

async fn survey(platform: &Platform, ask: &Survey) -> World {
    platform.cloud.survey(&platform.environment, ask, "U0ALICE").await.expect("a world")
}

#[tokio::test]
async fn parameters_are_told_by_name() {
    let bed = Bed::new();
    let ssm = bed.platform.setup(HOME).await;
    let ssm = ssm.ssm();
    for name in ["/bbws/prod/b", "/bbws/prod/a", "/bbws/prodigal", "/other/bbws/prod/x"] {
        let kind = aws_sdk_ssm::types::ParameterType::SecureString;
        ssm.put_parameter().name(name).value("hidden").r#type(kind).send().await.expect("a parameter");
    }
    let ask = Survey { parameters_prefix: Some("/bbws/prod/".into()), ..Survey::default() };
    assert_eq!(survey(&bed.platform, &ask).await.parameters, ["/bbws/prod/a", "/bbws/prod/b"]);
}

/// What a survey finds of bucket `media` with these rules, and of one that does not exist.
async fn buckets(replication: &str, lifecycle: &str) -> Vec<BucketFound> {
    let media = Bucket { name: "media".into(), dr: Some("media-dr".into()) };
    let bed = Bed::of(Environment { buckets: vec![media], ..environment() });
    let written = |rules: &str, text: String| (!rules.is_empty()).then_some(text);
    bed.bucket("media", |bucket| {
        bucket.replication = written(
            replication,
            format!("<ReplicationConfiguration><Role>r</Role>{replication}</ReplicationConfiguration>"),
        );
        bucket.lifecycle = written(lifecycle, format!("<LifecycleConfiguration>{lifecycle}</LifecycleConfiguration>"));
    });
    let ask = Survey { buckets: vec!["media".into(), "none".into()], ..Survey::default() };
    survey(&bed.platform, &ask).await.buckets
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
    let rule = |id: &str, words: &str| RuleFound { id: id.into(), words: words.into(), plain: false };
    let rules = vec![
        rule(
            "old",
            "rule old (under tmp/): STANDARD_IA after 30 days, expires after 90 days, noncurrent versions expire after 10 days",
        ),
        rule("off", "rule off: expires after 1 days, disabled"),
    ];
    let (name, replication) = ("media".into(), Err(why.into()));
    let media = BucketFound { name, versioned: true, replication, lifecycle: vec![old], rules };
    assert_eq!(found, [media], "what is not there is absent, and a disabled rule lets nothing go");
    assert!(buckets("", "").await[0].lifecycle.is_empty());
}

async fn replicating(rules: &str) -> Result<String, String> {
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
    let mut bed = Bed::new();
    let (environment, here) = ((*bed.platform.environment).clone(), bed.platform.setup(HOME).await);
    let with_key =
        |key: Option<&str>| Arc::new(Environment { dump_kms_key: key.map(str::to_owned), ..environment.clone() });
    bed.platform.environment = with_key(Some("alias/bbws-dumps"));
    let made =
        here.secrets().create_secret().name("bbws/prod/db").secret_string("hidden").send().await.expect("a secret");
    here.secrets().create_secret().name("bbws/prod/gone").secret_string("hidden").send().await.expect("a secret");
    here.secrets().delete_secret().secret_id("bbws/prod/gone").send().await.expect("it goes");
    let names = ["bbws/prod/db", "bbws/prod/gone", "bbws/prod/none"].map(str::to_owned).to_vec();
    let ask = Survey { secrets: names, dump_key: true, ..Survey::default() };
    let world = survey(&bed.platform, &ask).await;
    assert_eq!(world.described["bbws/prod/db"], Ok(made.version_id.expect("it has one")));
    assert!(world.described["bbws/prod/gone"].as_ref().is_err_and(|why| why.contains("scheduled for deletion")));
    assert!(world.described["bbws/prod/none"].as_ref().is_err_and(|why| why.contains("does not exist in af-south-1")));
    assert!(world.dump_key.expect("it was asked for").is_err(), "there is no such key yet");
    let key = bed.platform.key(HOME, Some("alias/bbws-dumps")).await;
    assert_eq!(survey(&bed.platform, &ask).await.dump_key, Some(Ok(key)));
    assert!(bed.asked("GetSecretValue").is_empty() && bed.asked("BatchGetSecretValue").is_empty());
    bed.platform.environment = with_key(None);
    let why = survey(&bed.platform, &ask).await.dump_key.expect("it was asked for").expect_err("it is not set");
    assert!(why.contains("has no `dump_kms_key` in the config file"), "{why}");
}

const SOURCE: &str = "5f0c2a6e-7e1d-4d55-9a11-00000000000a";
const COPY: &str = "5f0c2a6e-7e1d-4d55-9a11-00000000000b";

fn arn(region: &str, id: &str) -> String {
    format!("arn:aws:backup:{region}:{ACCOUNT}:recovery-point:{id}")
}

/// Vaults in which the file system has a point of so long ago, and its copy.
fn with_points(age: Duration) -> Bed {
    let bed = Bed::of(Environment { databases: Vec::new(), secrets_prefix: None, ..environment() });
    let made = bed.clock.now() - age;
    bed.point(HOME, &arn(HOME, SOURCE), FS, made);
    bed.point(DR, &arn(DR, COPY), FS, made);
    bed
}

fn point(id: &str) -> Survey {
    Survey { point: Some(id.into()), ..Survey::default() }
}

#[tokio::test]
async fn a_point_is_found_by_its_id_with_all_of_its_kin() {
    let bed = with_points(Duration::from_secs(3600));
    for id in [COPY.to_owned(), arn(DR, COPY)] {
        let lineage = survey(&bed.platform, &point(&id)).await.lineage;
        let mut kin: Vec<String> = lineage.into_iter().map(|p| p.region).collect();
        kin.sort();
        assert_eq!(kin, [HOME, DR], "the copy leads to its source");
    }
    let listings = bed.asked("ListRecoveryPointsByBackupVault");
    assert!(listings.iter().all(|request| request.text("resourceArn").is_some()), "no vault is read whole");
    for nobody in [
        "5f0c2a6e-7e1d-4d55-9a11-0000000000ff",
        "no-such-snapshot",
        "prod/secrets/20261121/bk-1/secrets.json",
        "job-1",
        "x/y",
    ] {
        assert!(survey(&bed.platform, &point(nobody)).await.lineage.is_empty(), "{nobody}");
    }
}

#[tokio::test]
async fn kin_that_cannot_be_read_are_not_left_out() {
    let bed = with_points(Duration::from_secs(3600));
    let down = Refusal::with_status(503, "ServiceUnavailableException", "down");
    bed.aws.override_answers(Target::always().in_region(DR), Override::Refused(down));
    let answer = bed.platform.cloud.survey(&bed.platform.environment, &point(SOURCE), "U0ALICE").await;
    let Err(CloudError::Retryable { reason, .. }) = answer else { panic!("{answer:?}") };
    assert!(reason.contains("Nothing could be read in eu-west-1."), "{reason}");
}

#[tokio::test]
async fn a_snapshot_and_its_copy_are_kin() {
    let bed = Bed::of(Environment { secrets_bucket: None, dr_secrets_bucket: None, ..environment() });
    snapshots::made(&bed).await;
    let name = "bbws-prod-mysql-manual-20261121-bk-1042";
    for id in [name.to_owned(), format!("{name}-dr")] {
        let kin = survey(&bed.platform, &point(&id)).await.lineage;
        assert_eq!(kin.len(), 2, "{id}");
        assert!(kin.iter().all(|p| p.key() == format!("rds {name}")));
    }
    let newest = survey(&bed.platform, &Survey { newest: true, ..Survey::default() }).await.newest;
    assert_eq!(newest.iter().map(|p| (p.id.as_str(), p.region.as_str())).collect::<Vec<_>>(), [(name, HOME)]);
}

#[tokio::test]
async fn the_isolated_network_is_there_or_is_not() {
    let ask = Survey { isolated: true, ..Survey::default() };
    let bed = Bed::new();
    let group = bed.platform.environment.isolated_subnet_group().to_owned();
    let subnets = vec!["subnet-1".to_owned(), "subnet-2".to_owned()];
    let reversed = vec!["subnet-2".to_owned(), "subnet-1".to_owned()];
    bed.place(|place, _| place.rds.subnet_groups.insert(group.clone(), reversed));
    let found = survey(&bed.platform, &ask).await.isolated;
    assert_eq!(found, Some(Ok(Network { subnet_group: group.clone(), subnets })));
    let unusable = async || {
        let why = survey(&bed.platform, &ask).await.isolated.expect("it was asked for").expect_err("it is not usable");
        assert!(why.contains("DB subnet group bbws-isolated in af-south-1"), "{why}");
    };
    let incomplete = |answer: &str| answer.replace(">Complete<", ">Incomplete<");
    bed.aws.override_answers(Target::next().of("DescribeDBSubnetGroups"), Override::xml(incomplete));
    unusable().await;
    bed.place(|place, _| place.rds.subnet_groups.remove(&group));
    unusable().await;
}

#[tokio::test]
async fn the_newest_point_is_found_however_old_it_is() {
    let bed = with_points(Duration::from_secs(300 * 86_400));
    let newest = survey(&bed.platform, &Survey { newest: true, ..Survey::default() }).await.newest;
    assert_eq!(newest.len(), 1);
    let listings = bed.asked("ListRecoveryPointsByBackupVault");
    assert!(listings[0].text("createdAfter").is_some() && listings[0].region == HOME);
    assert!(listings[1].text("resourceArn").is_some(), "only what was not there lately is looked for further back");
}
