//! Secrets exported to S3, and the objects' verification, on moto; replication, which moto has not, on a fake.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, ServerSideEncryption};
use aws_smithy_types::Blob;
use bbws::{
    domain::step::{self, Action, Outputs},
    ports::cloud::{Call, Cloud as _, CloudError, Probe, Progress},
};
use serde_json::Value;

use crate::aws::{
    fake::{Answer, Fake, Seen, headers},
    support::{DR, HOME, Platform, done, environment, failed, permanent, poll},
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

pub async fn bucket(platform: &Platform, region: &str, name: &Option<String>) {
    let place =
        CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region)).build();
    let session = platform.setup(region).await;
    session
        .s3()
        .create_bucket()
        .bucket(name.as_deref().expect("it has one"))
        .create_bucket_configuration(place)
        .send()
        .await
        .expect("a bucket");
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
    let platform = Platform::on_moto().await;
    secrets(&platform).await;
    bucket(&platform, HOME, &platform.environment.secrets_bucket).await;
    let (cloud, call) = (&platform.cloud, platform.call(export(&platform)));
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
    let stranger = platform.call_of("bk-7", export(&platform));
    assert_eq!(cloud.probe(&stranger).await, Ok(Probe::Absent));
    assert!(permanent(cloud.start(&stranger).await).contains("that this operation did not make"));

    let check = |days: u32, inputs: Outputs| Call { inputs, ..platform.call(verify(&platform, days)) };
    let (_, detail) = done(poll(cloud, &check(30, started.outputs.clone())).await);
    assert_eq!(detail, format!("SSE-KMS, {} bytes, SHA-256 matches, key usable in af-south-1", bytes.len()));
    assert!(failed(poll(cloud, &check(7, started.outputs.clone())).await).contains("says 30 days instead of 7"));
    let other = Outputs::from([("sha256".to_owned(), "b3RoZXI=".to_owned())]);
    assert!(failed(poll(cloud, &check(30, other)).await).contains("its SHA-256 is not that of the export"));
}

#[tokio::test]
async fn values_are_in_no_log_however_fine() {
    let platform = Platform::on_moto().await;
    secrets(&platform).await;
    bucket(&platform, HOME, &platform.environment.secrets_bucket).await;
    let watching = watch::start();
    platform.cloud.start(&platform.call(export(&platform))).await.expect("an export");
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
    let platform = Platform::on_moto().await;
    let reason = permanent(platform.cloud.start(&platform.call(export(&platform))).await);
    assert_eq!(
        reason,
        "There is nothing under prefix bbws/prod/ in af-south-1 to export. Check `secrets_prefix` in the config file."
    );
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_named() {
    let platform = Platform::on_moto().await;
    secrets(&platform).await;
    let reason = permanent(platform.cloud.start(&platform.call(export(&platform))).await);
    assert!(reason.contains(KEY) && reason.contains("it does not exist (NoSuchBucket"), "{reason}");
}

/// Replication as S3 tells of it: source status, and what is at the destination.
async fn replication(source: Option<&'static str>, destination: Option<&'static str>) -> Result<Progress, CloudError> {
    let script = move |seen: &Seen| -> Answer {
        let at_destination = seen.path.contains("-dr/");
        let checksum = if at_destination { destination } else { Some("c291cmNl") };
        let Some(checksum) = checksum else { return headers(404, &[]) };
        let status = if at_destination { Some("REPLICA") } else { source };
        let mut known = vec![("content-length", "2048"), ("etag", "\"e\""), ("x-amz-checksum-sha256", checksum)];
        known.extend(status.map(|s| ("x-amz-replication-status", s)));
        headers(200, &known)
    };
    let fake = Fake::start(script).await;
    let platform = Platform::on(&fake.address, &[], environment(false)).await;
    let inputs = Outputs::from([("sha256".to_owned(), "c291cmNl".to_owned())]);
    poll(&platform.cloud, &Call { inputs, ..platform.call(replica(&platform)) }).await
}

#[tokio::test]
async fn replication_is_followed_to_the_object_in_the_dr_region() {
    let running = |detail: &str| Ok(Progress::Running { percent: None, detail: detail.to_owned() });
    assert_eq!(replication(Some("PENDING"), None).await, running("replication PENDING"));
    assert_eq!(replication(Some("COMPLETED"), None).await, running("replication COMPLETED, not visible yet"));
    assert!(done(replication(Some("COMPLETED"), Some("c291cmNl")).await).1.starts_with("replicated to b"));
    assert!(
        done(replication(None, Some("c291cmNl")).await).1.ends_with("-dr in eu-west-1, 2.0 KiB"),
        "whoever brought it there"
    );
    assert!(failed(replication(Some("FAILED"), None).await).contains("Check the replication role"));
    assert!(failed(replication(None, None).await).contains("no replication rule of bucket"));
    assert!(failed(replication(Some("COMPLETED"), Some("b3RoZXI=")).await).contains("its checksum differs"));
}
