//! What is not believed: every field, certificate, address and time that is not as SNS makes it.

use std::sync::{Arc, LazyLock};

use axum::http::StatusCode;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::push::{DENIED, LATER, OK, sns::*, stage::*};

fn good() -> Map<String, Value> {
    let mut message = notification(&event().to_string());
    message.insert("Subject".to_owned(), "AWS Backup".into());
    message
}

/// The good message with another value in one field.
fn with(field: &str, value: &str) -> Map<String, Value> {
    let mut message = good();
    message.insert(field.to_owned(), value.into());
    message
}

#[tokio::test]
async fn a_field_changed_after_signing_is_a_forgery() {
    let stage = Stage::new().await;
    let original = signed(good());
    for field in ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type", "Signature", "SigningCertURL"] {
        let mut missing = original.clone();
        missing.remove(field);
        let mut null = original.clone();
        null.insert(field.to_owned(), Value::Null);
        let mut longer = original.clone();
        longer.insert(field.to_owned(), format!("{}0", original[field].as_str().unwrap()).into());
        for forged in [missing, null, longer] {
            // The headers say what the original said.
            let body = json!(forged).to_string();
            assert_eq!(stage.raw(request("Notification", TOPIC, body)).await, DENIED, "{field}");
        }
    }
    assert!(!stage.nudged("prod"));
    assert_eq!(stage.send(&original).await, OK);
}

#[tokio::test]
async fn another_division_into_fields_does_not_inherit_the_signature() {
    let stage = Stage::new().await;
    // Signed: a message with lines that look like a field. The same text, divided otherwise.
    let signed = signed(notification("{}\nMessageId\nmine"));
    let mut shifted = signed.clone();
    shifted.insert("Message".to_owned(), "{}".into());
    shifted
        .insert("MessageId".to_owned(), format!("mine\nMessageId\n{}", signed["MessageId"].as_str().unwrap()).into());
    assert_eq!(canonical(&signed), canonical(&shifted));
    assert_eq!(stage.send(&shifted).await, DENIED);
    assert_eq!(stage.send(&signed).await, OK);
}

#[tokio::test]
async fn sha1_is_not_believed_under_any_name() {
    let stage = Stage::new().await;
    for version in ["1", "2", "3", ""] {
        let forged = signed_with_sha1(with("SignatureVersion", version));
        assert_eq!(stage.send(&forged).await, DENIED, "{version}");
    }
    assert_eq!(stage.send(&signed(with("SignatureVersion", "1"))).await, DENIED);
    let mut number = good();
    number.insert("SignatureVersion".to_owned(), 2.into());
    assert_eq!(stage.send(&signed(number)).await, DENIED);
}

#[tokio::test]
async fn other_topics_are_not_ours() {
    let stage = Stage::new().await;
    for topic in [
        "arn:aws:sns:af-south-1:093646564004:bbws-backup-status",
        "arn:aws:sns:af-south-1:666666666666:bbws-backup-events",
        "arn:aws:sns:us-east-1:093646564004:bbws-backup-events",
        "arn:aws-cn:sns:af-south-1:093646564004:bbws-backup-events",
        "arn:aws:sns:af-south-1:093646564004:bbws-backup-events:c9135db0",
        "",
    ] {
        assert_eq!(stage.send(&signed(with("TopicArn", topic))).await, DENIED, "{topic}");
    }
    // A topic of ours in the headers, which nobody signed, and another in the message.
    let foreign = json!(signed(with("TopicArn", "arn:aws:sns:af-south-1:666666666666:bbws-backup-events"))).to_string();
    assert_eq!(stage.raw(request("Notification", TOPIC, foreign)).await, DENIED);
    assert!(stage.web.asked().is_empty(), "no certificate is fetched for them");
}

#[tokio::test]
async fn certificates_from_elsewhere_are_not_even_fetched() {
    let stage = Stage::new().await;
    for url in [
        CERTIFICATE.replace(HOST, "sns.af-south-1.amazonaws.com.evil.com"),
        CERTIFICATE.replace(HOST, "sns.af-south-1.amazonaws.com@evil.com"),
        CERTIFICATE.replace(HOST, "sns.eu-west-1.amazonaws.com"),
        CERTIFICATE.replace(HOST, "sns.af-south-1.amazonaws.com:443"),
        CERTIFICATE.replace(HOST, "s3.af-south-1.amazonaws.com"),
        CERTIFICATE.replace("https://", "http://"),
        CERTIFICATE.replace(".com/", ".com/bucket/"),
        CERTIFICATE.replace("SimpleNotificationService-", ""),
        format!("{CERTIFICATE}?x=.pem"),
    ] {
        stage.web.put(&url, Ok(good_certificate()));
        assert_eq!(stage.send(&signed(with("SigningCertURL", &url))).await, DENIED, "{url}");
    }
    assert!(stage.web.asked().is_empty());
}

#[tokio::test]
async fn certificates_have_to_be_snss_and_good_today() {
    let names = ["sns.amazonaws.com"];
    let foreign = foreign_key();
    let good = good_certificate();
    let cut = good[..good.len() / 2].to_vec();
    let cases = [
        ("expired", certificate(key(), &names, (2024, 2026))),
        ("expired long ago", certificate(key(), &names, (1985, 1999))),
        ("not yet valid", certificate(key(), &names, (2027, 2060))),
        ("another host's", certificate(key(), &["evil.com"], (2026, 2028))),
        ("another region's", certificate(key(), &["sns-signing.me-south-1.amazonaws.com"], (2026, 2028))),
        ("a wildcard's", certificate(key(), &["*.amazonaws.com"], (2026, 2028))),
        ("nobody's", certificate(key(), &[], (2026, 2028))),
        ("another key's", certificate(&foreign, &names, (2026, 2028))),
        ("cut off", cut),
        ("not a certificate", b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----".to_vec()),
        ("a web page", b"<html>".to_vec()),
        ("nothing", Vec::new()),
    ];
    for (name, document) in cases {
        let stage = Stage::new().await;
        stage.web.put(CERTIFICATE, Ok(document));
        assert_eq!(stage.send(&signed(super::forged::good())).await, DENIED, "{name}");
        assert_eq!(stage.web.asked(), [CERTIFICATE], "{name}");
    }
    for names in [&["sns.amazonaws.com"][..], &["sns-signing.af-south-1.amazonaws.com", HOST]] {
        for years in [(2026, 2028), (2026, 2060)] {
            let stage = Stage::new().await;
            stage.web.put(CERTIFICATE, Ok(certificate(key(), names, years)));
            assert_eq!(stage.send(&signed(super::forged::good())).await, OK, "{names:?}");
        }
    }
}

#[tokio::test]
async fn a_certificate_that_was_good_when_it_was_fetched_ends() {
    let stage = Stage::new().await;
    assert_eq!(stage.send(&signed(good())).await, OK);
    stage.rig.clock.advance(std::time::Duration::from_secs(86_400 * 500));
    let late = signed(with("Timestamp", "2028-04-04T03:00:00.000Z"));
    assert_eq!(stage.send(&late).await, DENIED, "its period ended with 2027");
}

#[tokio::test]
async fn messages_have_an_age() {
    let stage = Stage::new().await;
    let cases = [
        ("2026-11-21T01:55:00.000Z", OK),
        ("2026-11-21T01:54:59.999Z", DENIED),
        ("2026-11-21T03:05:00.000Z", OK),
        ("2026-11-21T03:05:00.001Z", DENIED),
        ("2025-11-21T03:00:00.000Z", DENIED),
        ("2026-11-21 03:00:00", DENIED),
        ("now", DENIED),
        ("", DENIED),
    ];
    for (timestamp, expected) in cases {
        assert_eq!(stage.send(&signed(with("Timestamp", timestamp))).await, expected, "{timestamp}");
    }
}

#[tokio::test]
async fn what_is_not_a_message_of_sns_is_turned_away_before_it_is_read() {
    let stage = Stage::new().await;
    let body = json!(signed(good())).to_string();
    let deep = "{\"a\":".repeat(100_000);
    for junk in ["", "{", "{}", "[]", "null", "\u{feff}{}", "hello", &event().to_string(), &deep] {
        assert_eq!(stage.raw(request("Notification", TOPIC, junk.to_owned())).await, DENIED, "{junk:.20}");
    }
    let twice = body.replacen('{', "{\"MessageId\":\"x\",", 1);
    assert_eq!(stage.raw(request("Notification", TOPIC, twice)).await, DENIED, "a field that is there twice");
    for kind in ["SubscriptionConfirmation", "notification", ""] {
        assert_eq!(stage.raw(request(kind, TOPIC, body.clone())).await, DENIED, "{kind}");
    }
    let mut raw = request("Notification", TOPIC, body.clone());
    raw.headers_mut().insert("x-amz-sns-rawdelivery", "true".parse().unwrap());
    assert_eq!(stage.raw(raw).await, DENIED);
    let mut headless = request("Notification", TOPIC, body.clone());
    headless.headers_mut().clear();
    assert_eq!(stage.raw(headless).await, DENIED);
    let mut double = request("Notification", TOPIC, body.clone());
    double.headers_mut().append("x-amz-sns-topic-arn", TOPIC.parse().unwrap());
    assert_eq!(stage.raw(double).await, DENIED);
    assert!(stage.web.asked().is_empty());
    assert_eq!(stage.raw(request("Notification", TOPIC, body)).await, OK);
}

/// What a signature vouches for.
const SIGNED: [&str; 6] = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];

/// One runtime and one stage for all cases: what a case leaves behind is a certificate that is known already.
struct Shared {
    runtime: tokio::runtime::Runtime,
    stage: Arc<Stage>,
    original: Map<String, Value>,
}

static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let stage = Arc::new(runtime.block_on(Stage::new()));
    let original = signed(good());
    assert_eq!(runtime.block_on(stage.send(&original)), OK);
    Shared { runtime, stage, original }
});

fn sent(body: Vec<u8>) -> StatusCode {
    SHARED.runtime.block_on(SHARED.stage.raw(request("Notification", TOPIC, body)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_mutation_of_a_signed_body_is_accepted(
        at in any::<prop::sample::Index>(),
        edit in 0..4_u8,
        byte in any::<u8>(),
        from in any::<prop::sample::Index>(),
    ) {
        let original = json!(SHARED.original).to_string().into_bytes();
        let mut body = original.clone();
        let at = at.index(body.len());
        match edit {
            0 => body[at] = byte,
            1 => body.insert(at, byte),
            2 => drop(body.remove(at)),
            _ => {
                let other = from.index(body.len());
                body.swap(at, other);
            }
        }
        if sent(body.clone()) == OK {
            // White space, or what nobody signs: the address for unsubscribing.
            let read: Value = serde_json::from_slice(&body).unwrap();
            for field in SIGNED {
                prop_assert_eq!(&read[field], &SHARED.original[field], "{}", String::from_utf8_lossy(&body));
            }
            prop_assert_eq!(&read["SigningCertURL"], CERTIFICATE);
            prop_assert_eq!(&read["SignatureVersion"], "2");
        }
    }

    #[test]
    fn no_other_value_of_a_field_is_accepted(
        field in prop::sample::select(SIGNED.to_vec()),
        value in prop_oneof![".{0,40}", "(\n|Message|MessageId|Subject|Type|[a-z0-9-]){0,12}"],
    ) {
        let mut forged = SHARED.original.clone();
        prop_assume!(forged[field] != value);
        forged.insert(field.to_owned(), value.into());
        let status = sent(json!(forged).to_string().into_bytes());
        prop_assert!(status == DENIED || status == LATER, "{status}");
    }

    #[test]
    fn no_invented_signature_is_accepted(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let mut forged = SHARED.original.clone();
        forged.insert("Signature".to_owned(), STANDARD.encode(bytes).into());
        prop_assert_eq!(sent(json!(forged).to_string().into_bytes()), DENIED);
    }
}
