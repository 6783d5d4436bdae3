//! `POST /aws/sns` through the real router: what is believed, what is not, and what comes of it.
#![allow(clippy::unwrap_used)]

mod confirm;
mod forged;
mod hasten;
mod sns;
mod stage;
mod web;

use std::time::Duration;

use axum::http::StatusCode;
use bbws::{
    domain::push::Event,
    ports::{clock::Clock as _, fetch::FetchError, store::Store as _},
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use sns::*;
use stage::*;

const OK: StatusCode = StatusCode::OK;
const DENIED: StatusCode = StatusCode::UNAUTHORIZED;
const LATER: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

#[tokio::test]
async fn a_genuine_message_has_its_effect_once_however_often_it_comes() {
    let stage = Stage::new().await;
    let message = signed(notification(&event().to_string()));
    assert_eq!(stage.send(&message).await, OK);
    assert!(stage.nudged("prod") && !stage.nudged("sit") && !stage.nudged("dev"));
    for _ in 0..3 {
        assert_eq!(stage.send(&message).await, OK, "or SNS would try for an hour");
        assert!(!stage.nudged("prod"));
    }
    let other = Stage::on(stage.rig);
    assert_eq!(other.send(&message).await, OK);
    assert!(!other.nudged("prod"), "another process knows it from the ledger");
    assert_eq!(other.web.asked(), [CERTIFICATE], "one certificate, one fetch");
    let left = other.rig.ledger.unanswered(other.rig.clock.now(), 10).await.unwrap();
    assert!(left.is_empty(), "it is dealt with: {left:?}");
}

#[tokio::test]
async fn the_subject_is_signed_too_where_there_is_one() {
    let stage = Stage::new().await;
    let mut message = notification(&event().to_string());
    message.insert("Subject".to_owned(), "Notification from AWS Backup".into());
    let message = signed(message);
    assert_eq!(stage.send(&message).await, OK);
    assert!(stage.nudged("prod"));
    let mut without = message.clone();
    without.remove("Subject");
    without.insert("MessageId".to_owned(), "another".into());
    assert_eq!(stage.send(&without).await, DENIED);
}

#[tokio::test]
async fn either_region_and_every_event_of_a_job_counts() {
    let kinds = [
        ("aws.backup", "Copy Job State Change"),
        ("aws.backup", "Restore Job State Change"),
        ("aws.backup", "Recovery Point State Change"),
        ("aws.rds", "RDS DB Snapshot Event"),
        ("aws.rds", "RDS DB Instance Event"),
    ];
    let stage = Stage::new().await;
    for (n, (source, kind)) in kinds.into_iter().enumerate() {
        let mut told = event();
        (told["source"], told["detail-type"]) = (source.into(), kind.into());
        let mut message = notification(&told.to_string());
        message.insert("MessageId".to_owned(), format!("id-{n}").into());
        assert_eq!(stage.send(&signed(message)).await, OK);
        assert!(stage.nudged("prod"), "{kind}");
    }
    let dr = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-00.pem";
    stage.web.put(dr, Ok(certificate(key(), &["sns.amazonaws.com"], (2026, 2028))));
    let mut told = event();
    told["region"] = "eu-west-1".into();
    let mut message = notification(&told.to_string());
    message.insert("TopicArn".to_owned(), TOPIC.replace("af-south-1", "eu-west-1").into());
    message.insert("SigningCertURL".to_owned(), dr.into());
    assert_eq!(stage.send(&signed(message)).await, OK);
    assert!(stage.nudged("prod"), "the DR region has a topic of its own, and SNS another certificate");
}

#[tokio::test]
async fn what_nothing_waits_for_is_acknowledged_and_left_alone() {
    let change = |field: &str, value: &str| {
        let mut event = event();
        event[field] = value.into();
        event.to_string()
    };
    let cases = [
        ("another service", change("source", "aws.ec2")),
        ("another event", change("detail-type", "Backup Vault State Change")),
        ("another account", change("account", "815856636111")),
        ("another region", change("region", "us-east-1")),
        ("a person's words", "hello".to_owned()),
        ("other JSON", "[1]".to_owned()),
        ("nothing", String::new()),
        ("lines that look like fields", "x\nMessageId\ny\n".to_owned()),
    ];
    let stage = Stage::new().await;
    for (name, message) in cases {
        assert_eq!(stage.send(&signed(notification(&message))).await, OK, "{name}");
        assert!(["dev", "sit", "prod"].iter().all(|e| !stage.nudged(e)), "{name}");
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_stored_is_asked_for_again() {
    let stage = Stage::new().await;
    let message = signed(notification(&event().to_string()));
    stage.rig.ledger.close().await;
    assert_eq!(stage.send(&message).await, LATER);
    assert!(!stage.nudged("prod"));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_had_just_now_is_no_reason_to_lose_the_message() {
    let stage = Stage::new().await;
    let message = signed(notification(&event().to_string()));
    for trouble in [FetchError::Unreachable("timed out".to_owned()), FetchError::Status(503)] {
        stage.web.put(CERTIFICATE, Err(trouble));
        assert_eq!(stage.send(&message).await, LATER);
    }
    stage.web.put(CERTIFICATE, Ok(good_certificate()));
    assert_eq!(stage.send(&message).await, OK);
    assert!(stage.nudged("prod"));
}

#[tokio::test]
async fn invented_certificates_do_not_make_us_ask_without_end() {
    let stage = Stage::new().await;
    let good = signed(notification(&event().to_string()));
    assert_eq!(stage.send(&good).await, OK);
    let mut forged = good.clone();
    let mut last = DENIED;
    for n in 0..100 {
        let url = CERTIFICATE.replace("0a1b2c3d4e5f", &format!("{n:x}"));
        forged.insert("SigningCertURL".to_owned(), url.into());
        last = stage.send(&forged).await;
    }
    assert_eq!(last, LATER, "nobody knows whether it was genuine");
    assert_eq!(stage.web.asked().len(), 30);
    assert_eq!(stage.send(&good).await, OK, "what is known already needs no asking");
    stage.rig.clock.advance(Duration::from_secs(60));
    assert_eq!(stage.send(&forged).await, DENIED);
}

#[tokio::test]
async fn without_a_topic_in_the_config_nothing_is_believed() {
    let stage = Stage::new().await;
    let router = front(&stage.rig, None);
    let body = Value::Object(signed(notification(&event().to_string()))).to_string();
    let answer = router.oneshot(request("Notification", TOPIC, body)).await.unwrap();
    assert_eq!(bare(answer).await, DENIED);
}

#[tokio::test]
async fn only_post_is_answered_and_a_body_has_a_limit() {
    let stage = Stage::new().await;
    let message = json!(signed(notification(&event().to_string()))).to_string();
    let padded = |size: usize| format!("{message}{}", " ".repeat(size - message.len()));
    assert_eq!(stage.raw(request("Notification", TOPIC, padded(1 << 20))).await, OK);
    let over = request("Notification", TOPIC, padded((1 << 20) + 1));
    assert_eq!(stage.raw(over).await, StatusCode::PAYLOAD_TOO_LARGE);
    let get = axum::http::Request::get("/aws/sns").body(axum::body::Body::empty()).unwrap();
    assert_eq!(stage.raw(get).await, StatusCode::METHOD_NOT_ALLOWED);
}

/// `deploy/push.json` asks AWS for what is understood here: no event more, no signature less.
#[test]
fn the_template_asks_for_what_is_understood() {
    let template: Value = serde_json::from_str(include_str!("../../deploy/push.json")).unwrap();
    let resources = &template["Resources"];
    assert_eq!(resources["Topic"]["Properties"]["SignatureVersion"], "2");
    assert_eq!(resources["Subscription"]["Properties"]["RawMessageDelivery"], false);
    let mut kinds = 0;
    for rule in ["BackupJobs", "Snapshots"] {
        let pattern = &resources[rule]["Properties"]["EventPattern"];
        let [source] = pattern["source"].as_array().unwrap().as_slice() else { panic!("one source: {pattern}") };
        for kind in pattern["detail-type"].as_array().unwrap() {
            let told = json!({"source": source, "detail-type": kind, "account": "1", "region": "r"});
            assert!(Event::read(&told.to_string()).unwrap().tells_of_a_job(), "{told}");
            kinds += 1;
        }
        let allowed = &resources["TopicPolicy"]["Properties"]["PolicyDocument"]["Statement"][0];
        assert!(allowed["Condition"].to_string().contains(rule), "{allowed}");
    }
    assert_eq!(kinds, 6, "all of them");
}
