//! Who calls, what a survey and a check see, and notices to SNS.

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future};
use aws_sdk_s3::types::{
    Destination, ReplicationConfiguration, ReplicationRule, ReplicationRuleFilter, ReplicationRuleStatus,
};
use bbws::{
    adapters::{
        aws::{
            AwsCloud,
            credentials::Kept,
            role::{Role, name_for_sts},
        },
        sandbox::aws::{Override, Target, api::Refusal},
    },
    domain::environment::Environment,
    ports::{
        alert::{Alerts as _, Topic},
        check::Verdict,
        clock::Clock as _,
        cloud::{Cloud as _, CloudError, Survey},
    },
};

use crate::{
    aws::{
        bed::{ACCOUNT, Bed, FILES, FS, environment, tagged},
        exports, snapshots,
        support::{DR, HOME, Platform, permanent, topics},
    },
    wire::bed::base,
};

/// Surveys three times for Alice and once for Bob; how often a role was assumed, and for whom.
async fn assumed() -> Vec<(Option<String>, Option<String>)> {
    let bed = Bed::under_a_role();
    for requester in ["U0ALICE", "U0ALICE", "U0ALICE", "U0BOB"] {
        bed.platform.cloud.survey(&bed.platform.environment, &Survey::default(), requester).await.expect("a world");
    }
    let said = |request: &bbws::adapters::sandbox::aws::api::Request, name| request.text(name).map(str::to_owned);
    let roles = bed.asked("AssumeRole");
    roles.iter().map(|request| (said(request, "RoleSessionName"), said(request, "SourceIdentity"))).collect()
}

#[tokio::test]
async fn the_role_is_assumed_once_per_requester_who_is_its_source_identity() {
    let as_whom = |who: &str| (Some("bbws-prod".to_owned()), Some(who.to_owned()));
    assert_eq!(assumed().await, [as_whom("U0ALICE"), as_whom("U0BOB")]);
}

#[tokio::test]
async fn credentials_are_kept_until_shortly_before_they_end() {
    for (seconds, calls) in [(3600, 1), (60, 3)] {
        let bed = Bed::new();
        let ends = (bed.clock.now() + std::time::Duration::from_secs(seconds)).iso();
        let lasts = move |answer: &str| tagged(answer, "Expiration", &ends);
        bed.aws.override_answers(Target::always().of("AssumeRole"), Override::xml(lasts));
        let base = bed.config();
        let role = Role::new(&base, &format!("arn:aws:iam::{ACCOUNT}:role/bbws-operator"), "prod", DR, "U0ALICE");
        let kept = Kept::new(SharedCredentialsProvider::new(role), &base);
        for _ in 0..3 {
            let credentials = kept.provide_credentials().await.expect("credentials");
            assert!(credentials.access_key_id().starts_with("ASIA"), "{}", credentials.access_key_id());
        }
        assert_eq!(bed.requests(), calls, "credentials that last {seconds} s");
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
    let bed = Bed::under_a_role();
    let platform = &bed.platform;
    let denied = Refusal::with_status(403, "AccessDenied", "no");
    bed.aws.override_answers(Target::always().of("AssumeRole"), Override::Refused(denied));
    let reason = permanent(platform.cloud.start(&platform.call(snapshots::snapshot())).await);
    let role = platform.environment.assume_role.as_deref().expect("it has one");
    assert!(
        reason.starts_with(&format!(
            "Role {role} in af-south-1: this process's own AWS identity may not do sts:AssumeRole"
        )),
        "{reason}"
    );
    assert_eq!(bed.requests(), 1, "RDS was never called");
}

#[tokio::test]
async fn no_credentials_is_said_in_words() {
    let bed = Bed::new();
    let base = bed.config();
    let none = SharedCredentialsProvider::new(NoCredentials);
    let cloud = AwsCloud::with(topics(), base.into_builder().credentials_provider(none).build());
    let reason = permanent(cloud.survey(&environment(), &Survey::default(), "U0ALICE").await);
    assert!(reason.contains("there are no AWS credentials. Give the process a role, or set AWS_PROFILE"), "{reason}");
    assert_eq!(bed.requests(), 0);
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
    let bed = Bed::without_secrets();
    let platform = &bed.platform;
    exports::secrets(platform).await;
    bed.place(|place, _| {
        let instance = place.rds.instances.get_mut("bbws-prod-mysql").expect("it is there");
        (instance.size_gib, instance.version) = (100, "8.0.36".into());
    });
    bed.bucket("bbws-prod-backups", |bucket| bucket.replication = None);
    let ask = everything(platform, FILES);
    let world = platform.cloud.survey(&platform.environment, &ask, "U0ALICE").await.expect("a world");
    assert_eq!(world.account, ACCOUNT);
    assert_eq!(world.databases.len(), 1, "what is missing is absent");
    let database = &world.databases[0];
    assert_eq!(
        (database.engine.as_str(), database.status.as_str(), database.size_gib),
        ("mysql 8.0.36", "available", 100)
    );
    assert!(database.encrypted && database.multi_az);
    assert_eq!(world.file_systems.len(), 1);
    assert_eq!(world.file_systems[0].arn, FS);
    assert!(world.file_systems[0].encrypted);
    assert_eq!(world.secrets, ["bbws/prod/db", "bbws/prod/tenant-1/wp", "bbws/prod/tls"]);
    assert_eq!(world.vault, Some(Ok(format!("arn:aws:backup:af-south-1:{ACCOUNT}:backup-vault:bbws-prod"))));
    assert_eq!(world.bucket, Some(Ok("bbws-prod-backups".into())));
    assert_eq!(world.dr_vault, Some(Ok(format!("arn:aws:backup:eu-west-1:{ACCOUNT}:backup-vault:bbws-prod-dr"))));
    let reason = world.dr_bucket.expect("asked for").expect_err("there is no rule yet");
    assert!(reason.contains("has no enabled replication rule to"), "{reason}");
    assert!(world.dr_key.expect("asked for").expect("usable").starts_with("arn:aws:kms:eu-west-1:"));

    replicate(platform).await;
    let world = platform.cloud.survey(&platform.environment, &ask, "U0ALICE").await.expect("a world");
    assert_eq!(world.dr_bucket, Some(Ok("bbws-prod-backups-dr".into())));
}

#[tokio::test]
async fn a_survey_of_nothing_that_exists_gives_reasons() {
    let bed = Bed::bare();
    let platform = &bed.platform;
    let ask = everything(platform, FILES);
    let world = platform.cloud.survey(&platform.environment, &ask, "U0ALICE").await.expect("a world");
    assert!(world.databases.is_empty() && world.file_systems.is_empty() && world.secrets.is_empty());
    for condition in [world.vault, world.bucket, world.dr_vault, world.dr_bucket, world.dr_key] {
        let reason = condition.expect("asked for").expect_err("missing");
        assert!(reason.contains("it does not exist"), "{reason}");
    }
}

#[tokio::test]
async fn the_wrong_account_is_refused() {
    let bed = Bed::new();
    let foreign = AwsCloud::with(topics(), base(&bed.aws, &bed.clock, "999999999999"));
    let reason = permanent(foreign.survey(&bed.platform.environment, &Survey::default(), "U0ALICE").await);
    assert!(reason.starts_with("Environment prod is account 093646564004, but the AWS identity in use"), "{reason}");
}

#[tokio::test]
async fn a_check_says_line_by_line_what_is_right_and_wrong() {
    let bed = Bed::new();
    let lines = bed.platform.cloud.check(&bed.platform.environment).await;
    let wrong: Vec<_> = lines.iter().filter(|line| line.verdict != Verdict::Good).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let names: Vec<&str> = lines.iter().map(|line| line.what.as_str()).collect();
    assert_eq!(
        names,
        [
            "prod: AWS identity for account 093646564004",
            "prod: database bbws-prod-mysql",
            "prod: file system fs-0900d000000000001 (uploads)",
            "prod: secrets under bbws/prod/",
            "prod: vault bbws-prod",
            "prod: bucket bbws-prod-backups",
            "prod: DR vault bbws-prod-dr",
            "prod: DR bucket bbws-prod-backups-dr",
            "prod: DR KMS key alias/bbws-dr",
            "prod: topic bbws-backup-status",
            "prod: topic bbws-ops-warning",
            "prod: topic bbws-ops-critical",
            "prod: topic bbws-dr-events",
        ]
    );
    let bare = Bed::bare();
    let lines = bare.platform.cloud.check(&bare.platform.environment).await;
    assert_eq!(
        lines.iter().filter(|line| line.verdict == Verdict::Good).count(),
        1,
        "only the identity is right: {lines:#?}"
    );
}

#[tokio::test]
async fn a_notice_reaches_the_topic_in_the_dr_region() {
    let bed = Bed::new();
    let (cloud, environment) = (&bed.platform.cloud, &bed.platform.environment);
    let body = r#"{"operation":"bk-1042","state":"succeeded"}"#;
    cloud.publish(environment, Topic::BackupStatus, "bk-1042\nsucceeded", body).await.expect("published");
    let told = bed.there(|place, _| place.sns.topics["bbws-backup-status"].messages.clone());
    let told: Vec<_> = told.iter().map(|message| (message.subject.as_str(), message.body.as_str())).collect();
    assert_eq!(told, [("bk-1042 succeeded", body)]);

    bed.there(|place, _| place.sns.topics.remove("bbws-dr-events"));
    let missing = permanent(cloud.publish(environment, Topic::DrEvents, "x", "{}").await);
    assert!(missing.contains(":bbws-dr-events in eu-west-1: it does not exist"), "{missing}");
    let long = "x".repeat(300_000);
    assert!(permanent(cloud.publish(environment, Topic::OpsWarning, "x", &long).await).contains("SNS takes 262144"));
}

#[tokio::test]
async fn aws_out_of_reach_is_said_so() {
    let platform = Platform::on("http://nowhere.invalid", environment()).await;
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
    let reason = permanent(cloud.survey(&environment(), &Survey::default(), "U0ALICE").await);
    println!("answer: {reason}");
    let ask = Survey { bucket: true, ..Survey::default() };
    let mut here = environment();
    here.account = "000000000000".into();
    let world = cloud.survey(&here, &ask, "U0ALICE").await.expect("a world");
    println!("bucket: {:?}", world.bucket);
}

#[tokio::test]
async fn the_sdks_own_variables_decide_where_calls_go() {
    let account = |account: &str| Environment { account: account.into(), ..environment() };
    let (sts, s3) = (Bed::of(account("000000000000")), Bed::of(account("000000000000")));
    let (sts_address, s3_address) = (sts.port().await, s3.port().await);
    let program = std::env::current_exe().expect("this program");
    let child = tokio::task::spawn_blocking({
        let (sts, s3) = (sts_address, s3_address.replace("127.0.0.1", "localhost"));
        move || {
            std::process::Command::new(program)
                .args(["--exact", "aws::identity::child_with_variables", "--nocapture"])
                .env("BBWS_TEST_CHILD", "1")
                .env("AWS_ENDPOINT_URL", sts)
                .env("AWS_ENDPOINT_URL_S3", s3)
                .env("AWS_ACCESS_KEY_ID", "000000000000")
                .env("AWS_SECRET_ACCESS_KEY", "test")
                .output()
        }
    });
    let output = child.await.expect("it ran").expect("it started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("belongs to account 000000000000"), "{text}");
    assert_eq!(sts.requests(), 2, "AWS_ENDPOINT_URL");
    let asked = s3.asked("HeadBucket");
    assert_eq!((asked.len(), s3.requests()), (1, 1), "AWS_ENDPOINT_URL_S3");
    let path = &asked[0].raw.path;
    assert!(path.starts_with("/b"), "the bucket is in the path, not in the host's name: {path}");
}
