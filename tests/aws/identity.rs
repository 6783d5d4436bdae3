//! Who calls, what a survey and a check see, and notices to SNS.

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future};
use aws_sdk_s3::types::{
    BucketVersioningStatus, Destination, ReplicationConfiguration, ReplicationRule, ReplicationRuleFilter,
    ReplicationRuleStatus, VersioningConfiguration,
};
use bbws::{
    adapters::aws::{
        AwsCloud,
        credentials::Kept,
        role::{Role, name_for_sts},
    },
    ports::{
        alert::{Alerts as _, Topic},
        check::Verdict,
        cloud::{Cloud as _, CloudError, Survey},
    },
};

use crate::aws::{
    exports,
    fake::{Answer, Fake, Seen, json},
    snapshots,
    support::{DR, HOME, Platform, config, environment, permanent, topics},
};

fn sts_answer(seen: &Seen, seconds: u32) -> Answer {
    let body = if seen.field("Action").as_deref() == Some("AssumeRole") {
        format!(
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
             <SessionToken>t</SessionToken><Expiration>{}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
            bbws::domain::moment::Moment(now() + i64::from(seconds) * 1000).iso()
        )
    } else {
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>000000000000</Account><Arn>arn:aws:iam::000000000000:user/x</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>".to_owned()
    };
    Answer { status: 200, headers: vec![("content-type", "text/xml".into())], body }
}

fn now() -> i64 {
    let now =
        std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).expect("the clock is right");
    i64::try_from(now.as_millis()).expect("it is small")
}

/// Surveys three times for Alice and once for Bob; how often a role was assumed, and for whom.
async fn assumed() -> Vec<(Option<String>, Option<String>)> {
    let fake = Fake::start(|seen| sts_answer(seen, 3600)).await;
    let environment = environment(true);
    let cloud = AwsCloud::with(topics(), config(&fake.address, &[]).await);
    for requester in ["U0ALICE", "U0ALICE", "U0ALICE", "U0BOB"] {
        let reason = permanent(cloud.survey(&environment, &Survey::default(), requester).await);
        assert!(reason.contains("belongs to account 000000000000"), "{reason}");
    }
    let roles = fake.seen().into_iter().filter(|s| s.field("Action").as_deref() == Some("AssumeRole"));
    roles.map(|s| (s.field("RoleSessionName"), s.field("SourceIdentity"))).collect()
}

#[tokio::test]
async fn the_role_is_assumed_once_per_requester_who_is_its_source_identity() {
    let as_whom = |who: &str| (Some("bbws-prod".to_owned()), Some(who.to_owned()));
    assert_eq!(assumed().await, [as_whom("U0ALICE"), as_whom("U0BOB")]);
}

#[tokio::test]
async fn credentials_are_kept_until_shortly_before_they_end() {
    for (seconds, calls) in [(3600, 1), (60, 3)] {
        let fake = Fake::start(move |seen| sts_answer(seen, seconds)).await;
        let base = config(&fake.address, &[]).await;
        let role = Role::new(&base, "arn:aws:iam::000000000000:role/bbws-operator", "prod", DR, "U0ALICE");
        let kept = Kept::new(SharedCredentialsProvider::new(role), &base);
        for _ in 0..3 {
            let credentials = kept.provide_credentials().await.expect("credentials");
            assert_eq!(credentials.access_key_id(), "ASIAROLE");
        }
        assert_eq!(fake.seen().len(), calls, "credentials that last {seconds} s");
    }
}

#[test]
fn names_for_sts_have_its_characters_and_length() {
    assert_eq!(name_for_sts("U0ALICE"), "U0ALICE");
    assert_eq!(name_for_sts("a b/ü<x>"), "a-b---x-");
    assert_eq!(name_for_sts(""), "--");
    assert_eq!(name_for_sts(&"x".repeat(99)).len(), 64);
}

#[tokio::test]
async fn a_role_that_refuses_is_named() {
    let denied = |_: &Seen| Answer {
        status: 403,
        headers: vec![("content-type", "text/xml".into())],
        body: "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>".into(),
    };
    let fake = Fake::start(denied).await;
    let platform = Platform::on(&fake.address, &[], environment(true)).await;
    let reason = permanent(platform.cloud.start(&platform.call(snapshots::snapshot())).await);
    let role = platform.environment.assume_role.as_deref().expect("it has one");
    assert!(
        reason.starts_with(&format!(
            "Role {role} in af-south-1: this process's own AWS identity may not do sts:AssumeRole"
        )),
        "{reason}"
    );
    assert_eq!(fake.seen().len(), 1, "RDS was never called");
}

#[tokio::test]
async fn no_credentials_is_said_in_words() {
    let fake = Fake::start(|_| json(serde_json::json!({}))).await;
    let base = config(&fake.address, &[]).await;
    let none = SharedCredentialsProvider::new(NoCredentials);
    let cloud = AwsCloud::with(topics(), base.into_builder().credentials_provider(none).build());
    let reason = permanent(cloud.survey(&environment(false), &Survey::default(), "U0ALICE").await);
    assert!(reason.contains("there are no AWS credentials. Give the process a role, or set AWS_PROFILE"), "{reason}");
    assert!(fake.seen().is_empty());
}

#[derive(Debug)]
struct NoCredentials;

impl ProvideCredentials for NoCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Err(CredentialsError::not_loaded_no_source()))
    }
}

pub fn everything(platform: &Platform, file_system: &str) -> Survey {
    Survey {
        databases: vec!["bbws-prod-mysql".into(), "bbws-prod-gone".into()],
        file_systems: vec![file_system.into(), "fs-00000000000000bad".into()],
        secrets_prefix: platform.environment.secrets_prefix.clone(),
        vault: true,
        bucket: true,
        dr: true,
        ..Survey::default()
    }
}

/// A whole environment; the id of its file system.
pub async fn build(platform: &Platform) -> String {
    snapshots::database(platform).await;
    exports::secrets(platform).await;
    platform.key(DR, Some("alias/bbws-dr")).await;
    let (here, there) = (platform.setup(HOME).await, platform.setup(DR).await);
    for (session, vault) in [(&here, "bbws-prod"), (&there, "bbws-prod-dr")] {
        session.backup().create_backup_vault().backup_vault_name(vault).send().await.expect("a vault");
    }
    for (region, bucket) in
        [(HOME, &platform.environment.secrets_bucket), (DR, &platform.environment.dr_secrets_bucket)]
    {
        exports::bucket(platform, region, bucket).await;
        let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let request =
            platform.setup(region).await.s3().put_bucket_versioning().bucket(bucket.as_deref().expect("it has one"));
        request.versioning_configuration(versioning).send().await.expect("versions");
    }
    for name in ["bbws-backup-status", "bbws-ops-warning", "bbws-ops-critical", "bbws-dr-events"] {
        there.sns().create_topic().name(name).send().await.expect("a topic");
    }
    let request = here.efs().create_file_system().creation_token("wp-content").encrypted(true);
    request.send().await.expect("a file system").file_system_id
}

pub async fn replicate(platform: &Platform) {
    let (source, destination) = (&platform.environment.secrets_bucket, &platform.environment.dr_secrets_bucket);
    let destination = Destination::builder()
        .bucket(format!("arn:aws:s3:::{}", destination.as_deref().expect("it has one")))
        .build()
        .expect("a destination");
    let rule =
        ReplicationRule::builder().id("dr").priority(1).status(ReplicationRuleStatus::Enabled).destination(destination);
    let rule = rule.filter(ReplicationRuleFilter::builder().prefix("").build()).build().expect("a rule");
    let rules = ReplicationConfiguration::builder().role("arn:aws:iam::1:role/r").rules(rule).build().expect("rules");
    let request =
        platform.setup(HOME).await.s3().put_bucket_replication().bucket(source.as_deref().expect("it has one"));
    request.replication_configuration(rules).send().await.expect("replication");
}

#[tokio::test]
async fn a_survey_tells_the_world_as_it_is() {
    let platform = Platform::on_moto().await;
    let file_system = build(&platform).await;
    let ask = everything(&platform, &file_system);
    let account = platform.environment.account.clone();
    let world = platform.cloud.survey(&platform.environment, &ask, "U0ALICE").await.expect("a world");
    assert_eq!(world.account, account);
    assert_eq!(world.databases.len(), 1, "what is missing is absent");
    let database = &world.databases[0];
    assert_eq!(
        (database.engine.as_str(), database.status.as_str(), database.size_gib),
        ("mysql 8.0.36", "available", 100)
    );
    assert!(database.encrypted && database.multi_az);
    assert_eq!(world.file_systems.len(), 1);
    assert_eq!(
        world.file_systems[0].arn,
        format!("arn:aws:elasticfilesystem:af-south-1:{account}:file-system/{file_system}")
    );
    assert!(world.file_systems[0].encrypted);
    assert_eq!(world.secrets, ["bbws/prod/db", "bbws/prod/tenant-1/wp", "bbws/prod/tls"]);
    assert_eq!(world.vault, Some(Ok(format!("arn:aws:backup:af-south-1:{account}:backup-vault:bbws-prod"))));
    assert_eq!(world.bucket, Some(Ok(format!("b{account}"))));
    assert_eq!(world.dr_vault, Some(Ok(format!("arn:aws:backup:eu-west-1:{account}:backup-vault:bbws-prod-dr"))));
    let reason = world.dr_bucket.expect("asked for").expect_err("there is no rule yet");
    assert!(reason.contains("has no enabled replication rule to"), "{reason}");
    assert!(world.dr_key.expect("asked for").expect("usable").starts_with("arn:aws:kms:eu-west-1:"));

    replicate(&platform).await;
    let world = platform.cloud.survey(&platform.environment, &ask, "U0ALICE").await.expect("a world");
    assert_eq!(world.dr_bucket, Some(Ok(format!("b{account}-dr"))));
}

#[tokio::test]
async fn a_survey_of_nothing_that_exists_gives_reasons() {
    let platform = Platform::on_moto().await;
    let ask = everything(&platform, "fs-00000000000000bad");
    let world = platform.cloud.survey(&platform.environment, &ask, "U0ALICE").await.expect("a world");
    assert!(world.databases.is_empty() && world.file_systems.is_empty() && world.secrets.is_empty());
    for condition in [world.vault, world.bucket, world.dr_vault, world.dr_bucket, world.dr_key] {
        let reason = condition.expect("asked for").expect_err("missing");
        assert!(reason.contains("it does not exist"), "{reason}");
    }
}

#[tokio::test]
async fn the_wrong_account_is_refused() {
    let mut environment = environment(false);
    environment.account = "093646564004".into();
    let platform = Platform::on(crate::aws::moto::address(), &[], environment).await;
    let reason = permanent(platform.cloud.survey(&platform.environment, &Survey::default(), "U0ALICE").await);
    assert!(reason.starts_with("Environment prod is account 093646564004, but the AWS identity in use"), "{reason}");
}

#[tokio::test]
async fn a_check_says_line_by_line_what_is_right_and_wrong() {
    let platform = Platform::on_moto().await;
    build(&platform).await;
    replicate(&platform).await;
    let lines = platform.cloud.check(&platform.environment).await;
    let wrong: Vec<_> = lines.iter().filter(|line| line.verdict != Verdict::Good).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let account = &platform.environment.account;
    let names: Vec<String> = lines.iter().map(|line| line.what.replace(account.as_str(), "ACCOUNT")).collect();
    assert_eq!(
        names,
        [
            "prod: AWS identity for account ACCOUNT",
            "prod: database bbws-prod-mysql",
            "prod: secrets under bbws/prod/",
            "prod: vault bbws-prod",
            "prod: bucket bACCOUNT",
            "prod: DR vault bbws-prod-dr",
            "prod: DR bucket bACCOUNT-dr",
            "prod: DR KMS key alias/bbws-dr",
            "prod: topic bbws-backup-status",
            "prod: topic bbws-ops-warning",
            "prod: topic bbws-ops-critical",
            "prod: topic bbws-dr-events",
        ]
    );
    let bare = Platform::on_moto().await;
    let lines = bare.cloud.check(&bare.environment).await;
    assert_eq!(
        lines.iter().filter(|line| line.verdict == Verdict::Good).count(),
        1,
        "only the identity is right: {lines:#?}"
    );
}

#[tokio::test]
async fn a_notice_reaches_the_topic_in_the_dr_region() {
    let platform = Platform::on_moto().await;
    let listener = Fake::start(|_| json(serde_json::json!({}))).await;
    let there = platform.setup(DR).await;
    let topic =
        there.sns().create_topic().name("bbws-backup-status").send().await.expect("a topic").topic_arn.expect("an ARN");
    there
        .sns()
        .subscribe()
        .topic_arn(&topic)
        .protocol("http")
        .endpoint(&listener.address)
        .send()
        .await
        .expect("a subscription");
    let body = r#"{"operation":"bk-1042","state":"succeeded"}"#;
    platform
        .cloud
        .publish(&platform.environment, Topic::BackupStatus, "bk-1042\nsucceeded", body)
        .await
        .expect("published");
    let told = listener.seen().into_iter().map(|s| s.json()).find(|m| m["Type"] == "Notification").expect("a notice");
    assert_eq!(
        (told["Subject"].as_str(), told["Message"].as_str(), told["TopicArn"].as_str()),
        (Some("bk-1042 succeeded"), Some(body), Some(topic.as_str()))
    );

    let missing = permanent(platform.cloud.publish(&platform.environment, Topic::DrEvents, "x", "{}").await);
    assert!(missing.contains(":bbws-dr-events in eu-west-1: it does not exist"), "{missing}");
    let long = "x".repeat(300_000);
    assert!(
        permanent(platform.cloud.publish(&platform.environment, Topic::OpsWarning, "x", &long).await)
            .contains("SNS takes 262144")
    );
}

#[tokio::test]
async fn aws_out_of_reach_is_said_so() {
    let platform = Platform::on("http://nowhere.invalid", &[], environment(false)).await;
    match platform.cloud.survey(&platform.environment, &Survey::default(), "U0ALICE").await {
        Err(CloudError::Retryable { reason, .. }) => {
            assert!(reason.contains("AWS cannot be reached in af-south-1"), "{reason}")
        }
        other => panic!("{other:?}"),
    }
}

/// Runs only as a child of the next test, with an environment of its own.
#[tokio::test]
async fn child_with_variables() {
    if std::env::var_os("BBWS_TEST_CHILD").is_none() {
        return;
    }
    let cloud = AwsCloud::new(topics());
    let reason = permanent(cloud.survey(&environment(false), &Survey::default(), "U0ALICE").await);
    println!("answer: {reason}");
    let ask = Survey { bucket: true, ..Survey::default() };
    let mut here = environment(false);
    here.account = "000000000000".into();
    let world = cloud.survey(&here, &ask, "U0ALICE").await.expect("a world");
    println!("bucket: {:?}", world.bucket);
}

#[tokio::test]
async fn the_sdks_own_variables_decide_where_calls_go() {
    let sts = Fake::start(|seen| sts_answer(seen, 3600)).await;
    let s3 = Fake::start(|_| crate::aws::fake::headers(200, &[])).await;
    let program = std::env::current_exe().expect("this program");
    let child = tokio::task::spawn_blocking({
        let (sts, s3) = (sts.address.clone(), s3.address.replace("127.0.0.1", "localhost"));
        move || {
            std::process::Command::new(program)
                .args(["--exact", "aws::identity::child_with_variables", "--nocapture"])
                .env("BBWS_TEST_CHILD", "1")
                .env("AWS_ENDPOINT_URL", sts)
                .env("AWS_ENDPOINT_URL_S3", s3)
                .env("AWS_ACCESS_KEY_ID", "test")
                .env("AWS_SECRET_ACCESS_KEY", "test")
                .output()
        }
    });
    let output = child.await.expect("it ran").expect("it started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("belongs to account 000000000000"), "{text}");
    assert_eq!(sts.seen().len(), 2, "AWS_ENDPOINT_URL");
    let asked = s3.seen();
    assert_eq!(asked.len(), 1, "AWS_ENDPOINT_URL_S3");
    assert!(asked[0].path.starts_with("/b"), "the bucket is in the path, not in the host's name: {}", asked[0].path);
}
