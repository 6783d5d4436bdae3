//! Exports of secrets, read back and compared with what is live.

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bbws::{
    domain::step::{self, Action, Outputs},
    ports::cloud::{Call, Cloud as _},
};

use crate::aws::{
    bed::Bed,
    exports,
    support::{HOME, Platform, done, refuted, settled},
    watch,
};

pub fn verify(platform: &Platform) -> Action {
    let Action::SecretsExport(step::SecretsExport { region, prefix, bucket, key }) = exports::export(platform) else {
        unreachable!()
    };
    Action::VerifySecrets(step::VerifySecrets { region, prefix, bucket, key })
}

async fn exported() -> (Bed, Outputs) {
    let bed = Bed::without_secrets();
    let platform = &bed.platform;
    exports::secrets(platform).await;
    let outputs = platform.cloud.start(&platform.call(exports::export(platform))).await.expect("an export").outputs;
    bed.later(Duration::from_secs(60));
    (bed, outputs)
}

/// Each look is a job of its own.
fn look(platform: &Platform, token: &str, inputs: &Outputs) -> Call {
    Call { token: token.to_owned(), inputs: inputs.clone(), ..platform.call(verify(platform)) }
}

async fn put(platform: &Platform, text: &str) {
    let Action::SecretsExport(step::SecretsExport { bucket, key, .. }) = exports::export(platform) else {
        unreachable!()
    };
    let session = platform.setup(HOME).await;
    let body = ByteStream::from(text.as_bytes().to_vec());
    let request = session.s3().put_object().bucket(bucket).key(key).body(body);
    let request = request.checksum_algorithm(aws_sdk_s3::types::ChecksumAlgorithm::Sha256);
    request.send().await.expect("an object in its place");
}

#[tokio::test]
async fn an_export_holds_and_rotations_since_are_told() {
    let (bed, outputs) = exported().await;
    let platform = &bed.platform;
    let cloud = &platform.cloud;
    let (found, detail) = done(settled(cloud, &look(platform, "a", &outputs)).await);
    assert_eq!(detail, "3 secrets read back, SHA-256 matches, 3 in the version that is live");
    assert_eq!((found["secrets"].as_str(), found["rotated"].as_str()), ("3", "0"));

    let session = platform.setup(HOME).await;
    let secrets = session.secrets();
    secrets.put_secret_value().secret_id("bbws/prod/db").secret_string("s3cr3t-Newer").send().await.expect("rotated");
    let gone = secrets.delete_secret().secret_id("bbws/prod/tls").force_delete_without_recovery(true);
    gone.send().await.expect("deleted");
    let (found, detail) = done(settled(cloud, &look(platform, "b", &outputs)).await);
    assert_eq!(
        detail,
        "3 secrets read back, SHA-256 matches, 1 in the version that is live; rotated since: bbws/prod/db; \
         in it but deleted since: bbws/prod/tls"
    );
    assert_eq!((found["rotated"].as_str(), found["deleted"].as_str()), ("1", "1"));
}

#[tokio::test]
async fn a_secret_made_later_is_told_and_one_that_is_lacking_refutes() {
    let (bed, outputs) = exported().await;
    let platform = &bed.platform;
    let session = platform.setup(HOME).await;
    session.secrets().create_secret().name("bbws/prod/new").secret_string("s3cr3t-New").send().await.expect("a secret");
    let (found, detail) = done(settled(&platform.cloud, &look(platform, "a", &outputs)).await);
    assert!(detail.ends_with("; made since and not in it: bbws/prod/new"), "{detail}");
    assert_eq!(found["newer"], "1");

    bed.later(Duration::from_secs(60));
    put(
        platform,
        r#"{"format":"bbws.secrets/1","environment":"prod","secrets":[{"name":"bbws/prod/db","version_id":"v","string":"x"}]}"#,
    )
    .await;
    let (reason, found) = refuted(settled(&platform.cloud, &look(platform, "b", &Outputs::new())).await);
    assert!(
        reason.contains(
            "lacks bbws/prod/new, bbws/prod/tenant-1/wp, bbws/prod/tls, which existed when it was written. Back up the secrets again."
        ),
        "{reason}"
    );
    assert_eq!(found["lacking"], "3");
}

#[tokio::test]
async fn an_export_that_is_damaged_refutes_without_its_words() {
    let (bed, outputs) = exported().await;
    let platform = &bed.platform;
    let cloud = &platform.cloud;
    for (token, text, why) in [
        (
            "a",
            r#"{"format":"bbws.secrets/1","secrets":s3cr3t-Value"#,
            "it is not the JSON of an export (line 1, column",
        ),
        (
            "b",
            r#"{"format":"bbws.secrets/1","environment":"sit","secrets":[]}"#,
            "it is not an export of the secrets of prod",
        ),
        (
            "c",
            r#"{"format":"bbws.secrets/1","environment":"prod","secrets":[{"name":"n","version_id":"v"}]}"#,
            "secret n has no value in it",
        ),
    ] {
        put(platform, text).await;
        let reason = refuted(settled(cloud, &look(platform, token, &Outputs::new())).await).0;
        assert!(reason.contains(why) && !reason.contains("s3cr3t"), "{reason}");
    }
    let reason = refuted(settled(cloud, &look(platform, "d", &outputs)).await).0;
    assert!(reason.contains("its SHA-256 is not that of the export"), "{reason}");

    let session = platform.setup(HOME).await;
    let Action::SecretsExport(step::SecretsExport { bucket, key, .. }) = exports::export(platform) else {
        unreachable!()
    };
    session.s3().delete_object().bucket(bucket).key(key).send().await.expect("deleted");
    let reason = refuted(settled(cloud, &look(platform, "e", &outputs)).await).0;
    assert!(reason.contains("does not hold: it does not exist"), "{reason}");
}

#[tokio::test]
async fn values_read_back_are_in_no_log_however_fine() {
    let (bed, outputs) = exported().await;
    // In the process the SDK holds whole answers, and its own TRACE shows them.
    let platform = &bed.over_http().await;
    let watching = watch::start();
    done(settled(&platform.cloud, &look(platform, "a", &outputs)).await);
    let text = String::from_utf8_lossy(&watching.stop().log).into_owned();
    for sign in ["GetObject", "DescribeSecret", "TRACE"] {
        assert!(text.contains(sign), "the log lacks {sign}: it has {} bytes", text.len());
    }
    for value in ["s3cr3t-ValueOne", "s3cr3t-ValueTwo", "AAH+/w=="] {
        let place = text.find(value).map(|at| &text[at.saturating_sub(300)..(at + 40).min(text.len())]);
        assert_eq!(place, None, "{value} was logged");
    }
}
