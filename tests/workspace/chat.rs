//! The product's Slack adapter against the local workspace, over a socket: what it draws is taken, what it posts is found again.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use bbws::{
    adapters::{
        sandbox::workspace::{Fault, Workspace},
        slack::SlackChat,
    },
    domain::attachment::{Attachment, Chart, Offer, Series, Table},
    ports::chat::{Chat, ChatError, Content, File, Level, Outgoing, Reply},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

async fn office() -> (Workspace, SlackChat) {
    let workspace = Workspace::new("shh", "xoxb-1", Arc::new(|| 1_795_000_000_000), Arc::new(|| 1_795_000_000_000));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let api = workspace.page(&url, Vec::new()).fallback_service(workspace.slack_api());
    tokio::spawn(async move { axum::serve(listener, api).await });
    (workspace, SlackChat::new(&url, "xoxb-1".to_owned().into()).unwrap())
}

fn line(text: &str, payload: Value) -> Outgoing {
    Outgoing {
        channel: "C0OPS".into(),
        thread: None,
        content: Content::Line { level: Level::Warning, text: text.into(), attachment: Box::default() },
        event_type: "bbws_event".into(),
        payload,
    }
}

#[tokio::test]
async fn its_newest_blocks_are_taken() {
    let (_, chat) = office().await;
    let blocks = chat.learn_blocks().await;
    assert!(format!("{blocks:?}").contains("a sample card is accepted\""), "{blocks:?}");
    let lines = chat.check(&["C0OPS".into(), "C0NONE".into()], &[]).await;
    let said: Vec<String> = lines.iter().map(|line| format!("{line:?}")).collect();
    assert!(said[0].contains("U0BBWS") && said[0].contains("T0BBWS"), "{said:?}");
    assert!(said[2].contains("channel_not_found"), "{said:?}");
}

#[tokio::test]
async fn a_post_whose_reply_was_lost_is_found_again_and_edited() {
    let (workspace, chat) = office().await;
    let wanted = json!({"operation": "bk-1042", "event": "started"});
    workspace.fail_next("chat.postMessage", Fault::LostReply);
    let lost = chat.post(&line("started", wanted.clone())).await;
    assert!(matches!(lost, Err(ChatError::Unknown { .. })), "{lost:?}");
    let found =
        chat.find("C0OPS", None, "bbws_event", &wanted, 1_794_999_000).await.unwrap().expect("the message is there");
    assert_eq!(chat.find("C0OPS", None, "bbws_event", &json!({"operation": "bk-1"}), 0).await.unwrap(), None);
    chat.update(&found, &line("ended", wanted)).await.unwrap();
    assert_eq!(workspace.messages("C0OPS").len(), 1);
    assert!(workspace.messages("C0OPS")[0].text.contains("ended"));
}

#[tokio::test]
async fn a_file_is_shared_in_a_thread_and_found_there_by_its_name() {
    let (workspace, chat) = office().await;
    let card = chat.post(&line("card", json!({}))).await.unwrap();
    let file = File { name: "rs-1.html".into(), title: "A report".into(), text: "<p>späť</p>".into() };
    workspace.fail_next("files.completeUploadExternal", Fault::LostReply);
    let lost = chat.share("C0OPS", &card, &file).await;
    assert!(matches!(lost, Err(ChatError::Unknown { .. })), "{lost:?}");
    assert!(chat.shared("C0OPS", &card, "rs-1.html", 1_794_999_000).await.unwrap(), "it got through");
    assert!(!chat.shared("C0OPS", &card, "rs-2.html", 1_794_999_000).await.unwrap());
    let reply = workspace.messages("C0OPS").pop().expect("a reply");
    assert_eq!(reply.thread_ts, Some(card));
    let id = reply.files[0]["id"].as_str().unwrap();
    assert_eq!(workspace.file(id), Some((file.name, file.text.into_bytes())), "whole, and once");
    assert_eq!(workspace.messages("C0OPS").len(), 2);
}

#[tokio::test]
async fn it_tells_refusals_from_waits_from_doubt() {
    let (workspace, chat) = office().await;
    let post = async |fault| {
        workspace.fail_next("chat.postMessage", fault);
        chat.post(&line("x", json!({}))).await.unwrap_err()
    };
    let limited = post(Fault::RateLimited(7)).await;
    assert!(matches!(limited, ChatError::RateLimited { after } if after.as_secs() == 7), "{limited:?}");
    let refused = post(Fault::Error("channel_not_found".into())).await;
    assert!(matches!(&refused, ChatError::Refused { code, .. } if code == "channel_not_found"), "{refused:?}");
    let down = post(Fault::Down).await;
    assert!(matches!(down, ChatError::Unknown { .. }), "{down:?}");
    assert_eq!(workspace.messages("C0OPS"), vec![]);
}

#[tokio::test]
async fn refused_blocks_are_drawn_again_more_plainly() {
    let (workspace, chat) = office().await;
    workspace.fail_next("chat.postMessage", Fault::Error("invalid_blocks".into()));
    chat.post(&line("still said", json!({"operation": "bk-1"}))).await.unwrap();
    assert_eq!(workspace.count("chat.postMessage"), 2);
    assert!(workspace.messages("C0OPS")[0].blocks.iter().all(|b| b["type"] != "alert"));
}

/// A table with a button per row, a chart and a button below.
fn attachment() -> Attachment {
    let offer = |i: usize| Offer {
        label: "Restore".into(),
        command: format!("restore prod rp-{i}"),
        confirm: Some("Data written since would be lost. ".repeat(20)),
    };
    Attachment {
        table: Some(Table {
            caption: "Points".into(),
            columns: vec!["Id".into(), "Taken".into()],
            rows: (0..250).map(|i| vec![format!("rp-{i}"), "x".repeat(30)]).collect(),
            offers: (0..250).map(|i| Some(offer(i))).collect(),
        }),
        chart: Some(Chart {
            title: "Replication lag of every database of prod in both regions".into(),
            unit: "minutes".into(),
            categories: (0..288).map(|i| format!("2026-11-21T{:02}:{:02}:00Z", i / 12, i % 12 * 5)).collect(),
            series: (0..14)
                .map(|s| Series {
                    name: format!("bbws-prod-database-number-{s}"),
                    values: (0..288).map(|i| (i != 100).then_some(i * s)).collect(),
                })
                .collect(),
        }),
        offers: (0..30).map(offer).collect(),
    }
}

#[tokio::test]
async fn heavy_exhibits_keep_the_workspaces_limits() {
    let (workspace, chat) = office().await;
    let content = Content::Line { level: Level::Info, text: "Points".into(), attachment: Box::new(attachment()) };
    chat.post(&Outgoing { content, ..line("", json!({})) }).await.unwrap();
    let said = Reply { level: Level::Info, text: "Points".into(), attachment: attachment() };
    chat.whisper("C0OPS", "U0ALICE", &said).await.unwrap();
    assert_eq!((workspace.count("chat.postMessage"), workspace.count("chat.postEphemeral")), (1, 1), "none is refused");
    let kinds = |blocks: &[Value]| blocks.iter().map(|b| b["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let wanted = ["section", "data_table", "context", "data_visualization", "context", "context", "actions"];
    assert_eq!(kinds(&workspace.messages("C0OPS")[0].blocks), wanted);
    assert_eq!(kinds(&workspace.ephemerals("U0ALICE")[0].blocks), wanted);

    let form = workspace.press_form("U0ALICE", &workspace.ephemerals("U0ALICE")[0].press("Restore").unwrap()).unwrap();
    assert!(form.body.contains("bbws.ask.0") && form.body.contains("restore+prod+rp-0"), "{}", form.body);
}

#[tokio::test]
async fn people_are_who_the_workspace_says() {
    let (workspace, chat) = office().await;
    let mallory = chat.profile("U0MALLORY").await.unwrap();
    assert!(mallory.guest && !mallory.bot);
    workspace.edit_person("U0BOB", |p| p.enterprise_user = Some("W0BOB".into()));
    assert_eq!(chat.profile("U0BOB").await.unwrap().enterprise_user.as_deref(), Some("W0BOB"));
    assert!(chat.profile("U0NOBODY").await.is_err());
    workspace.edit_channel("C0OPS", |c| c.is_pending_ext_shared = true);
    assert!(chat.channel("C0OPS").await.unwrap().external);
    let refusal = Reply { level: Level::Error, text: "Guests may not".into(), attachment: Attachment::default() };
    chat.whisper("C0OPS", "U0ALICE", &refusal).await.unwrap();
    assert!(workspace.ephemerals("U0ALICE")[0].text.contains("Guests may not"));
}

#[tokio::test]
async fn an_answer_reaches_the_address_slack_gave_and_no_other() {
    let (workspace, chat) = office().await;
    let form = workspace.command_form("U0ALICE", "C0OPS", "help").unwrap();
    let fields: Vec<(String, String)> = serde_urlencoded::from_str(&form.body).unwrap();
    let address = |url: &str| secrecy::SecretString::from(url.to_owned());
    let url = &fields.iter().find(|(name, _)| name == "response_url").unwrap().1;
    let said = |n: usize| Reply { level: Level::Info, text: format!("answer {n}"), attachment: Attachment::default() };
    for n in 0..5 {
        chat.respond(&address(url), &said(n)).await.unwrap();
    }
    let seen: Vec<String> = workspace.ephemerals("U0ALICE").into_iter().map(|m| m.text).collect();
    assert!(seen.len() == 5 && seen[4].contains("answer 4"), "{seen:?}");
    assert!(matches!(chat.respond(&address(url), &said(5)).await, Err(ChatError::Refused { .. })), "five uses");
    for foreign in ["http://evil.example/hook", "nonsense"] {
        let refused = chat.respond(&address(foreign), &said(6)).await.unwrap_err();
        assert!(matches!(&refused, ChatError::Refused { code, .. } if code.ends_with("_address")), "{refused}");
        assert!(!refused.to_string().contains("evil"), "{refused}");
    }
}

#[tokio::test]
async fn a_person_can_be_written_to_where_the_manifest_allows_it() {
    let (workspace, chat) = office().await;
    let direct = Outgoing { channel: "U0ALICE".into(), ..line("only you", json!({})) };
    chat.post(&direct).await.unwrap();
    let id = bbws::adapters::sandbox::workspace::Channel::direct_id("U0ALICE");
    assert!(workspace.messages(&id)[0].text.contains("only you"));
    workspace.set_tabs(true, false);
    let refused = chat.post(&direct).await.unwrap_err();
    assert!(matches!(&refused, ChatError::Refused { code, .. } if code == "messages_tab_disabled"), "{refused}");
}
