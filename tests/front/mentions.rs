//! Spoken to or spoken of: only a message that begins with the bot's own mention is a command.

use axum::http::StatusCode;
use bbws::app::inbound::Inbound;
use serde_json::json;

use crate::front::support::*;

async fn read(text: &str) -> Inbound {
    let bench = Bench::new();
    let mut body = mention();
    body["event"]["text"] = json!(text);
    assert!(bench.event(&body).await.is_bare(StatusCode::OK), "{text}");
    bench.taken().pop().expect("the mention is taken").what
}

#[tokio::test]
async fn mentioned_is_not_addressed() {
    let command = |text: &str| Inbound::Command { text: text.to_owned() };
    let aside = |text: &str| Inbound::Mentioned { text: text.to_owned() };
    let talk = "<@U0BOB> stop prod deploys please … <@U0BOT> is in the middle of something";
    for (said, what) in [
        ("<@U0BOT> stop prod the database looks corrupt", command("stop prod the database looks corrupt")),
        ("<@U0BOT|bbws> op list", command("op list")),
        (talk, aside("is in the middle of something")),
        ("<@U0BOB> <@U0BOT> stop prod now", aside("stop prod now")),
        ("stop prod <@U0BOT>", aside("")),
        ("&gt; <@U0BOT> stop prod now", aside("stop prod now")),
    ] {
        assert_eq!(read(said).await, what, "{said}");
    }
}

#[tokio::test]
async fn whose_mention_it_is_is_told_by_the_id() {
    let bench = Bench::new();
    let mut body = mention();
    body["authorizations"] = json!([{ "team_id": "T0BBWS", "user_id": "U0OTHERBOT", "is_bot": true }]);
    bench.event(&body).await;
    assert_eq!(bench.taken()[0].what, Inbound::Mentioned { text: String::new() }, "another bot's name is not ours");
    body["authorizations"] = json!([]);
    body["event_id"] = json!("Ev0SECOND");
    bench.event(&body).await;
    assert_eq!(bench.taken()[1].what, Inbound::Mentioned { text: String::new() }, "nobody knows");
}
