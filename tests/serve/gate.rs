//! The gate: signatures, time, replays, size, workspaces.

use axum::{body::Body, http::Request};
use bbws::adapters::sandbox::workspace::SignedForm;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::serve::stage::{ASKED_IN, SECRET, Stage, now_ms};

fn signed(path: &'static str, body: String, seconds: i64) -> SignedForm {
    let timestamp = seconds.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    SignedForm { path, timestamp, signature: format!("v0={}", hex::encode(mac.finalize().into_bytes())), body }
}

fn help(now: i64) -> SignedForm {
    let body = format!(
        "team_id=T0BBWS&channel_id={ASKED_IN}&user_id=U0ALICE&command=%2Fbbws&text=help&trigger_id={now}.{}",
        now_ms()
    );
    signed("/slack/commands", body, now)
}

#[tokio::test]
async fn whatever_is_not_surely_slacks_gets_401_and_no_detail() {
    let stage = Stage::running().await;
    let now = now_ms() / 1000;
    let good = help(now);
    assert!(stage.post(&good).await.said().contains("/bbws"));
    let replayed = stage.post(&good).await;
    let shouting = SignedForm { signature: format!("v0={}", good.signature[3..].to_uppercase()), ..good.clone() };
    let mut forged = help(now - 1);
    forged.signature.replace_range(3..5, if &forged.signature[3..5] == "00" { "11" } else { "00" });
    let altered = SignedForm { body: help(now).body + "&text=stop+prod", ..help(now) };
    let mut refused = vec![("replayed", replayed)];
    for (what, form) in [
        ("replayed in capitals", shouting),
        ("forged", forged),
        ("altered", altered),
        ("stale", help(now - 310)),
        ("future", help(now + 310)),
    ] {
        refused.push((what, stage.post(&form).await));
    }
    for path in ["/slack/commands", "/slack/interactions", "/slack/events"] {
        let request =
            Request::post(format!("http://{}{path}", stage.address)).body(Body::from(help(now).body)).unwrap();
        refused.push(("unsigned", stage.send(request).await.unwrap()));
    }
    for (what, heard) in refused {
        assert_eq!((heard.status, heard.body.as_str()), (401, ""), "{what}");
    }
}

#[tokio::test]
async fn a_body_over_a_mebibyte_gets_413() {
    let stage = Stage::running().await;
    let body = format!("text={}", "a".repeat(1 << 20));
    let heard = stage.post(&signed("/slack/commands", body, now_ms() / 1000)).await;
    assert_eq!(heard.status, 413, "{heard:?}");
}

#[tokio::test]
async fn another_workspace_gets_a_sentence() {
    let stage = Stage::running().await;
    let body = format!(
        "team_id=T0OTHER&channel_id={ASKED_IN}&user_id=U0ALICE&command=%2Fbbws&text=backup+create+dev+rds&trigger_id=1"
    );
    let said = stage.post(&signed("/slack/commands", body, now_ms() / 1000)).await.said();
    assert!(said.contains("T0OTHER"), "{said}");
    assert!(stage.workspace.messages(ASKED_IN).is_empty());
}

#[tokio::test]
async fn an_event_subscription_is_confirmed() {
    let stage = Stage::running().await;
    let body = r#"{"type":"url_verification","challenge":"3eZbrw1aB"}"#.to_owned();
    let form = signed("/slack/events", body.clone(), now_ms() / 1000);
    let request = Request::post(format!("http://{}/slack/events", stage.address))
        .header("content-type", "application/json")
        .header("x-slack-request-timestamp", form.timestamp)
        .header("x-slack-signature", form.signature)
        .body(Body::from(body))
        .unwrap();
    let heard = stage.send(request).await.unwrap();
    assert_eq!(heard.status, 200);
    assert!(heard.body.contains("3eZbrw1aB"), "{heard:?}");
}
