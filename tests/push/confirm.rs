//! Subscriptions: confirmed at SNS and nowhere else, and never made anew by ourselves.

use bbws::ports::{fetch::FetchError, store::Store as _};

use crate::push::{DENIED, LATER, OK, sns::*, stage::Stage};

const CONFIRM: &str = "SubscriptionConfirmation";

async fn audited(stage: &Stage) -> Vec<String> {
    stage.rig.ledger.audit(0, 100).await.unwrap().into_iter().map(|a| a.entry.action).collect()
}

#[tokio::test]
async fn a_subscription_to_our_topic_is_confirmed() {
    let stage = Stage::new().await;
    let message = signed(subscription(CONFIRM, &confirmation()));
    assert_eq!(stage.send(&message).await, OK);
    assert_eq!(stage.web.asked(), [CERTIFICATE.to_owned(), confirmation()]);
    assert_eq!(stage.send(&message).await, OK);
    assert_eq!(audited(&stage).await, ["subscribed"], "on the record, once");
    let entries = stage.rig.ledger.audit(0, 100).await.unwrap();
    assert!(!format!("{entries:?}").contains(TOKEN));
}

#[tokio::test]
async fn a_confirmation_that_fails_is_tried_again_unless_sns_refuses() {
    let stage = Stage::new().await;
    let message = signed(subscription(CONFIRM, &confirmation()));
    stage.web.put(&confirmation(), Err(FetchError::Unreachable("reset".to_owned())));
    assert_eq!(stage.send(&message).await, LATER);
    stage.web.put(&confirmation(), Err(FetchError::Status(403)));
    assert_eq!(stage.send(&message).await, OK, "asking again would not help");
    assert!(audited(&stage).await.is_empty());
    stage.web.put(&confirmation(), Ok(Vec::new()));
    assert_eq!(stage.send(&message).await, OK);
    assert_eq!(audited(&stage).await, ["subscribed"]);
}

#[tokio::test]
async fn nothing_but_a_confirmation_of_this_topic_is_ever_asked_for() {
    let stage = Stage::new().await;
    let good = confirmation();
    let foreign = TOPIC.replace("093646564004", "666666666666");
    let cases = [
        good.replace(HOST, "sns.af-south-1.amazonaws.com.evil.com"),
        good.replace(HOST, "sns.af-south-1.amazonaws.com@evil.com"),
        good.replace(HOST, "sns.eu-west-1.amazonaws.com"),
        good.replace(HOST, "sns.af-south-1.amazonaws.com:8443"),
        good.replace(HOST, "169.254.169.254"),
        good.replace("https://", "http://"),
        good.replace("/?", "/x?"),
        good.replace("ConfirmSubscription", "Unsubscribe"),
        good.replace(TOPIC, &foreign),
        good.replace(TOKEN, "another"),
        format!("{good}&TopicArn={foreign}"),
        format!("{good}&Action=DeleteTopic"),
        format!("{good}&AuthenticateOnUnsubscribe=true"),
        format!("{good}#x"),
        good.replace("Action=ConfirmSubscription&", ""),
        "https://".to_owned(),
        String::new(),
    ];
    for url in cases {
        assert_eq!(stage.send(&signed(subscription(CONFIRM, &url))).await, DENIED, "{url}");
    }
    assert_eq!(stage.web.asked(), [CERTIFICATE]);
}

#[tokio::test]
async fn a_forged_confirmation_is_not_followed() {
    let stage = Stage::new().await;
    let message = signed_by(&foreign_key(), subscription(CONFIRM, &confirmation()));
    assert_eq!(stage.send(&message).await, DENIED);
    let mut tokenless = subscription(CONFIRM, &confirmation());
    tokenless.remove("Token");
    assert_eq!(stage.send(&signed(tokenless)).await, DENIED);
    assert_eq!(stage.web.asked(), [CERTIFICATE]);
}

#[tokio::test]
async fn the_end_of_a_subscription_is_noted_and_not_undone() {
    let stage = Stage::new().await;
    let message = signed(subscription("UnsubscribeConfirmation", &confirmation()));
    for _ in 0..2 {
        assert_eq!(stage.send(&message).await, OK);
    }
    assert_eq!(audited(&stage).await, ["unsubscribed"]);
    assert_eq!(stage.web.asked(), [CERTIFICATE], "its address would subscribe us again");
}
