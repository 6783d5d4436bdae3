//! Secrets exported to S3, the objects' verification, and their replication.

use std::time::Duration;

use aws_sdk_s3::types::ServerSideEncryption;
use aws_smithy_types::Blob;
use bbws::{
    adapters::sandbox::aws::world::s3::Version,
    domain::step::{self, Action, Outputs},
    ports::cloud::{Call, Cloud as _, CloudError, Probe, Progress},
};
use serde_json::Value;

use crate::aws::{
    bed::Bed,
    support::{DR, HOME, Platform, done, failed, permanent, poll},
    watch,
};

const KEY: &str = "prod/secrets/20261121/bk-1042/secrets.json";

pub fn export(platform: &Platform) -> Action {
    let bucket = platform.environment.secrets_bucket.clone().expect("it has one");
    Action::SecretsExport(step::SecretsExport {
        region: HOME.into(),
        prefix: "bbws/prod/".into(),
        bucket,
        key: KEY.into(),
    })
}

pub fn verify(platform: &Platform, days: u32) -> Action {
    let bucket = platform.environment.secrets_bucket.clone().expect("it has one");
    Action::VerifyObject(step::VerifyObject { region: HOME.into(), bucket, key: KEY.into(), retention_days: days })
}

pub fn replica(platform: &Platform) -> Action {
    let name = |bucket: &Option<String>| bucket.clone().expect("it has one");
    Action::ObjectReplica(step::ObjectReplica {
        from_region: HOME.into(),
        from_bucket: name(&platform.environment.secrets_bucket),
        region: DR.into(),
        bucket: name(&platform.environment.dr_secrets_bucket),
        key: KEY.into(),
    })
}

pub async fn secrets(platform: &Platform) {
    let session = platform.setup(HOME).await;
    for (name, value) in [
        ("bbws/prod/db", "s3cr3t-ValueOne"),
        ("bbws/prod/tenant-1/wp", "s3cr3t-ValueTwo"),
        ("bbws/sit/db", "s3cr3t-Elsewhere"),
    ] {
        session.secrets().create_secret().name(name).secret_string(value).send().await.expect("a secret");
    }
    session
        .secrets()
        .create_secret()
        .name("bbws/prod/tls")
        .secret_binary(Blob::new([0, 1, 254, 255]))
        .send()
        .await
        .expect("a binary secret");
}

#[tokio::test]
async fn secrets_are_exported_once_encrypted_and_found_again() {
    let bed = Bed::without_secrets();
    let platform = &bed.platform;
    secrets(platform).await;
    let (cloud, call) = (&platform.cloud, platform.call(export(platform)));
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Absent));
    let started = cloud.start(&call).await.expect("an export");
    assert!(started.finished);
    assert_eq!(started.outputs["count"], "3");

    let session = platform.setup(HOME).await;
    let name = platform.environment.secrets_bucket.as_deref().expect("it has one");
    let object = session.s3().get_object().bucket(name).key(KEY).send().await.expect("the object");
    assert_eq!(object.server_side_encryption(), Some(&ServerSideEncryption::AwsKms));
    assert_eq!(object.metadata().expect("metadata")["bbws-operation"], "bk-1042");
    let bytes = object.body.collect().await.expect("a body").to_vec();
    assert_eq!(started.outputs["size"], bytes.len().to_string());
    let document: Value = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(document["format"], "bbws.secrets/1");
    assert_eq!(document["environment"], "prod");
    let exported: Vec<(&str, &Value, &Value)> = document["secrets"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|s| {
            assert!(s["version_id"].as_str().is_some_and(|v| !v.is_empty()), "a version");
            (s["name"].as_str().expect("a name"), &s["string"], &s["binary"])
        })
        .collect();
    let text = |t: &str| Value::String(t.into());
    assert_eq!(
        exported,
        [
            ("bbws/prod/db", &text("s3cr3t-ValueOne"), &Value::Null),
            ("bbws/prod/tenant-1/wp", &text("s3cr3t-ValueTwo"), &Value::Null),
            ("bbws/prod/tls", &Value::Null, &text("AAH+/w==")),
        ]
    );
    let tags = session.s3().get_object_tagging().bucket(name).key(KEY).send().await.expect("tags");
    assert!(tags.tag_set().iter().any(|t| t.key() == "bbws:approved-by" && t.value() == "U0BOB U0CAROL"));

    assert_eq!(cloud.start(&call).await, Ok(started.clone()), "a second PUT answers 412 and the object is adopted");
    assert_eq!(cloud.probe(&call).await, Ok(Probe::Present(started.clone())));
    let stranger = platform.call_of("bk-7", export(platform));
    assert_eq!(cloud.probe(&stranger).await, Ok(Probe::Absent));
    assert!(permanent(cloud.start(&stranger).await).contains("that this operation did not make"));

    let check = |days: u32, inputs: Outputs| Call { inputs, ..platform.call(verify(platform, days)) };
    let (_, detail) = done(poll(cloud, &check(30, started.outputs.clone())).await);
    assert_eq!(detail, format!("SSE-KMS, {} bytes, SHA-256 matches, key usable in af-south-1", bytes.len()));
    assert!(failed(poll(cloud, &check(7, started.outputs.clone())).await).contains("says 30 days instead of 7"));
    let other = Outputs::from([("sha256".to_owned(), "b3RoZXI=".to_owned())]);
    assert!(failed(poll(cloud, &check(30, other)).await).contains("its SHA-256 is not that of the export"));
}

#[tokio::test]
async fn values_are_in_no_log_however_fine() {
    let bed = Bed::without_secrets();
    let platform = &bed.platform;
    secrets(platform).await;
    // In the process the SDK holds whole answers, and its own TRACE shows them.
    let platform = &bed.over_http().await;
    let watching = watch::start();
    platform.cloud.start(&platform.call(export(platform))).await.expect("an export");
    let text = String::from_utf8_lossy(&watching.stop().log).into_owned();
    for sign in ["BatchGetSecretValue", "PutObject", "TRACE"] {
        assert!(text.contains(sign), "the log lacks {sign}: it has {} bytes", text.len());
    }
    for value in ["s3cr3t-ValueOne", "s3cr3t-ValueTwo", "AAH+/w=="] {
        let place = text.find(value).map(|at| &text[at.saturating_sub(300)..(at + 40).min(text.len())]);
        assert_eq!(place, None, "{value} was logged");
    }
}

#[tokio::test]
async fn nothing_to_export_is_an_error() {
    let bed = Bed::without_secrets();
    let platform = &bed.platform;
    let reason = permanent(platform.cloud.start(&platform.call(export(platform))).await);
    assert_eq!(
        reason,
        "There is nothing under prefix bbws/prod/ in af-south-1 to export. Check `secrets_prefix` in the config file."
    );
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let bed = Bed::without_secrets();
    let platform = &bed.platform;
    secrets(platform).await;
    bed.aws.change(|world, _| world.s3.buckets.clear());
    let reason = permanent(platform.cloud.start(&platform.call(export(platform))).await);
    assert!(reason.contains(KEY) && reason.contains("it does not exist (NoSuchBucket"), "{reason}");
}

/// What becomes of the replication of an export, some time after something was done to it.
async fn replication(after: Duration, meddle: impl FnOnce(&Bed)) -> Result<Progress, CloudError> {
    let bed = Bed::without_secrets();
    secrets(&bed.platform).await;
    let exported = bed.platform.cloud.start(&bed.platform.call(export(&bed.platform))).await.expect("an export");
    meddle(&bed);
    bed.later(after);
    let call = Call { inputs: exported.outputs, ..bed.platform.call(replica(&bed.platform)) };
    poll(&bed.platform.cloud, &call).await
}

/// The newest version of the export.
fn source(bed: &Bed, change: impl FnOnce(&mut Version)) {
    bed.bucket("bbws-prod-backups", |bucket| change(&mut bucket.objects.get_mut(KEY).expect("it is there")[0]));
}

/// The newest version of its replica.
fn there(bed: &Bed, change: impl FnOnce(&mut Version)) {
    bed.bucket("bbws-prod-backups-dr", |bucket| change(&mut bucket.objects.get_mut(KEY).expect("it is there")[0]));
}

#[tokio::test]
async fn replication_is_followed_to_the_object_in_the_dr_region() {
    const SOON: Duration = Duration::ZERO;
    const LATER: Duration = Duration::from_secs(3600);
    let running = |detail: &str| Ok(Progress::Running { percent: None, detail: detail.to_owned() });
    assert_eq!(replication(SOON, |_| ()).await, running("replication PENDING"));
    let unseen = |bed: &Bed| bed.bucket("bbws-prod-backups-dr", |bucket| bucket.objects.clear());
    assert_eq!(replication(LATER, unseen).await, running("replication COMPLETED, not visible yet"));
    let detail = done(replication(LATER, |_| ()).await).1;
    assert!(detail.starts_with("replicated to bbws-prod-backups-dr"), "{detail}");
    let by_hand = |bed: &Bed| source(bed, |version| version.replication = None);
    let detail = done(replication(LATER, by_hand).await).1;
    assert!(detail.contains("bbws-prod-backups-dr in eu-west-1, "), "whoever brought it there: {detail}");
    let fails = |bed: &Bed| {
        unseen(bed);
        source(bed, |version| {
            version.replication.as_mut().expect("it is replicated").course.fails = Some("The role may not.".to_owned());
        });
    };
    assert!(failed(replication(LATER, fails).await).contains("Check the replication role"));
    let never = |bed: &Bed| {
        unseen(bed);
        by_hand(bed);
    };
    assert!(failed(replication(LATER, never).await).contains("no replication rule of bucket"));
    let other = |bed: &Bed| there(bed, |version| version.sha256 = Some("b3RoZXI=".to_owned()));
    assert!(failed(replication(LATER, other).await).contains("its checksum differs"));
}
