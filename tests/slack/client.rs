//! What Slack's answers become, against a small Web API on loopback.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::any,
};
use bbws::{
    adapters::slack::{Patience, SlackChat, Tickets},
    domain::ticket::TicketLinks,
    ports::chat::{Attachment, Chat, ChatError, Content, Level, Outgoing, Remedy, Reply},
};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::slack::{attachment::attachment, sample::view};

/// A call as it arrived: method and arguments.
#[derive(Debug, Clone)]
struct Call {
    method: String,
    args: Value,
    token: String,
}

type Script = Arc<dyn Fn(&Call, usize) -> Response + Send + Sync>;

#[derive(Clone)]
struct Api {
    calls: Arc<Mutex<Vec<Call>>>,
    script: Script,
}

impl Api {
    /// Answers every call by `script`, which also gets the number of calls before.
    async fn start(script: impl Fn(&Call, usize) -> Response + Send + Sync + 'static) -> (Api, SlackChat) {
        let api = Api { calls: Arc::default(), script: Arc::new(script) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/", listener.local_addr().unwrap());
        let app = Router::new().route("/api/{method}", any(handle)).with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (api, slack(&url, Duration::from_secs(5)))
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}

fn slack(url: &str, limit: Duration) -> SlackChat {
    SlackChat::patient(url, "xoxb-secret".to_owned().into(), Patience { call: limit, question: limit }).unwrap()
}

async fn handle(
    State(api): State<Api>,
    Path(method): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let args = if body.is_empty() { json!(query) } else { serde_json::from_slice(&body).unwrap() };
    let token = headers["authorization"].to_str().unwrap().to_owned();
    let call = Call { method, args, token };
    let before = {
        let mut calls = api.calls.lock().unwrap();
        calls.push(call.clone());
        calls.len() - 1
    };
    (api.script)(&call, before)
}

fn ok(body: Value) -> Response {
    Json(body).into_response()
}

fn refuse(code: &str) -> Response {
    ok(json!({ "ok": false, "error": code }))
}

fn line(text: &str) -> Outgoing {
    Outgoing {
        channel: "C0OPS".into(),
        thread: Some("1.0".into()),
        content: Content::Line { level: Level::Error, text: text.into(), attachment: Box::default() },
        event_type: "bbws_event".into(),
        payload: json!({ "operation": "bk-1042", "key": "started" }),
    }
}

fn card() -> Outgoing {
    Outgoing {
        channel: "C0OPS".into(),
        thread: None,
        content: Content::Card(Box::new(view())),
        event_type: "bbws_operation".into(),
        payload: json!({ "operation": "bk-1042", "kind": "backup.create", "environment": "prod", "state": "awaiting_approval" }),
    }
}

fn types(call: &Call) -> Vec<String> {
    call.args["blocks"].as_array().unwrap().iter().map(|b| b["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_card_is_posted_and_edited_with_its_metadata_and_without_previews() {
    let (api, slack) =
        Api::start(|_, _| ok(json!({ "ok": true, "ts": "17.0001", "channel": "C0OPS", "message": { "text": 7 } })))
            .await;
    assert_eq!(slack.post(&card()).await.unwrap(), "17.0001");
    slack.update("17.0001", &card()).await.unwrap();
    slack.post(&line("A step failed.")).await.unwrap();
    let calls = api.calls();
    assert_eq!(
        calls.iter().map(|c| c.method.as_str()).collect::<Vec<_>>(),
        ["chat.postMessage", "chat.update", "chat.postMessage"]
    );
    for call in &calls[..2] {
        assert_eq!(call.token, "Bearer xoxb-secret");
        assert_eq!(call.args["metadata"], json!({ "event_type": "bbws_operation", "event_payload": card().payload }));
        assert_eq!((&call.args["unfurl_links"], &call.args["unfurl_media"]), (&json!(false), &json!(false)));
        assert!(call.args["text"].as_str().unwrap().contains("Backup of prod (full)"));
    }
    assert_eq!(calls[1].args["ts"], "17.0001");
    assert_eq!(calls[2].args["thread_ts"], "1.0");
    assert_eq!(types(&calls[2]), ["section"]);
}

#[tokio::test]
async fn a_refusal_names_method_and_code() {
    let (_, slack) = Api::start(|_, _| refuse("channel_not_found")).await;
    assert_eq!(
        slack.post(&card()).await,
        Err(ChatError::Refused { method: "chat.postMessage".into(), code: "channel_not_found".into() })
    );
}

#[tokio::test]
async fn too_many_requests_tell_how_long_to_wait() {
    let (_, slack) = Api::start(|_, _| {
        (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "7")], Json(json!({ "ok": false, "error": "ratelimited" })))
            .into_response()
    })
    .await;
    assert_eq!(slack.post(&card()).await, Err(ChatError::RateLimited { after: Duration::from_secs(7) }));
}

#[tokio::test]
async fn whatever_may_have_been_carried_out_is_unknown() {
    let answers: [fn() -> Response; 5] = [
        || StatusCode::BAD_GATEWAY.into_response(),
        || "<html>maintenance</html>".into_response(),
        || ok(json!([1])),
        || ok(json!({ "ok": true })),
        || refuse("internal_error"),
    ];
    for answer in answers {
        let (_, slack) = Api::start(move |_, _| answer()).await;
        assert!(matches!(slack.post(&card()).await, Err(ChatError::Unknown { .. })), "{:?}", slack.post(&card()).await);
    }
}

#[tokio::test]
async fn silence_and_lost_connections_are_unknown_and_name_no_secret() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}/api", listener.local_addr().unwrap());
    let error = slack(&silent, Duration::from_millis(20)).post(&card()).await.unwrap_err();
    assert_eq!(error.to_string(), "Slack did not answer chat.postMessage: no answer within 20ms");

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closing = format!("http://{}/api", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let error = slack(&closing, Duration::from_secs(5)).post(&card()).await.unwrap_err();
    assert!(
        matches!(&error, ChatError::Unknown { reason, .. } if !reason.contains("xoxb") && !reason.contains("no answer within")),
        "{error}"
    );
}

#[tokio::test]
async fn refused_blocks_become_sections_once_and_for_all() {
    let (api, slack) = Api::start(|call, _| {
        if types(call).iter().any(|t| t == "container" || t == "alert") {
            refuse("invalid_blocks")
        } else {
            ok(json!({ "ok": true, "ts": "1.1" }))
        }
    })
    .await;
    assert_eq!(slack.post(&card()).await.unwrap(), "1.1");
    slack.update("1.1", &card()).await.unwrap();
    let calls = api.calls();
    assert_eq!(calls.len(), 3, "the second message is drawn plainly at once");
    assert_eq!(types(&calls[1]), types(&calls[2]));
    assert!(types(&calls[1]).contains(&"actions".to_owned()) && !types(&calls[1]).contains(&"container".to_owned()));
    assert_eq!(calls[1].args["metadata"], calls[0].args["metadata"]);
    let reply = slack.reply(&bbws::ports::chat::Reply {
        level: Level::Error,
        text: "no".into(),
        attachment: Default::default(),
    });
    assert_eq!(reply["blocks"][0]["type"], "section");
}

#[tokio::test]
async fn alerts_are_for_modals_and_cost_no_call_in_messages() {
    let (api, slack) = Api::start(|call, _| match types(call).iter().position(|t| t == "alert") {
        Some(at) => ok(json!({ "ok": false, "error": "invalid_blocks", "errors": [format!("unsupported type: alert [json-pointer:/blocks/{at}/type]")] })),
        None => ok(json!({ "ok": true, "ts": "1.1" })),
    })
    .await;
    let mut anew = view();
    anew.run.op.revision = 2;
    slack.post(&Outgoing { content: Content::Card(Box::new(anew)), ..card() }).await.unwrap();
    slack.post(&line("A step failed.")).await.unwrap();
    let calls = api.calls();
    assert_eq!(calls.len(), 2);
    assert!(types(&calls[0]).contains(&"container".to_owned()));
}

/// An answer goes out once and cannot be drawn again when Slack refuses its blocks.
#[tokio::test]
async fn answers_are_plain_until_slack_says_what_it_takes() {
    let (api, slack) = Api::start(|call, before| match (call.method.as_str(), before) {
        ("blocks.validate", 0) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        ("blocks.validate", 1) => (
            StatusCode::TOO_MANY_REQUESTS,
            [("retry-after", "7")],
            Json(json!({ "ok": false, "error": "ratelimited" })),
        )
            .into_response(),
        _ => ok(json!({ "ok": true })),
    })
    .await;
    let kinds = || -> Vec<String> {
        let said = Reply { level: Level::Warning, text: "Points".into(), attachment: attachment() };
        let answer = slack.reply(&said);
        answer["blocks"].as_array().unwrap().iter().map(|b| b["type"].as_str().unwrap().to_owned()).collect()
    };
    let plain = ["section", "section", "section", "actions"];
    for _ in 0..2 {
        assert_eq!(kinds(), plain);
        assert!(slack.learn_blocks().await.detail.contains("not checked"));
    }
    assert_eq!(kinds(), plain);
    assert!(slack.learn_blocks().await.detail.contains("is accepted"));
    assert_eq!(kinds(), ["section", "data_table", "data_visualization", "context", "actions"]);
    assert_eq!(api.calls().len(), 3);
}

/// What helps is decided in one table.
#[tokio::test]
async fn every_refusal_has_its_remedy() {
    let refused = |code: &str| ChatError::Refused { method: "chat.update".into(), code: code.into() };
    for (remedy, codes) in [
        (Remedy::Wait, vec!["internal_error", "service_unavailable", "external_channel_migrating"]),
        (Remedy::Anew, vec!["message_not_found", "edit_window_closed", "cant_update_message"]),
        (
            Remedy::OutsideThread,
            vec!["restricted_action_thread_locked", "restricted_action_non_threadable_channel", "thread_not_found"],
        ),
        (
            Remedy::Elsewhere,
            vec![
                "is_archived",
                "is_inactive",
                "not_in_channel",
                "channel_not_found",
                "user_not_in_channel",
                "restricted_action",
                "restricted_action_read_only_channel",
                "restricted_action_thread_only_channel",
                "messages_tab_disabled",
            ],
        ),
        (
            Remedy::Person,
            vec!["invalid_auth", "token_revoked", "missing_scope", "markdown_text_conflict", "account_inactive"],
        ),
    ] {
        for code in codes {
            assert_eq!(refused(code).remedy(), Some(remedy), "{code}");
        }
    }
    assert_eq!(refused("something_new").remedy(), None);
    assert_eq!(ChatError::RateLimited { after: Duration::from_secs(1) }.remedy(), Some(Remedy::Wait));
    assert_eq!(ChatError::Unknown { method: "m".into(), reason: "r".into() }.remedy(), Some(Remedy::Wait));
}

#[tokio::test]
async fn a_refused_chart_or_row_button_costs_no_other_block() {
    let (api, slack) = Api::start(|call, _| {
        let blocks = call.args["blocks"].as_array().unwrap();
        let refused = |b: &Value| b["type"] == "data_visualization" || b["rows"].to_string().contains("action_cell");
        match blocks.iter().rposition(refused) {
            Some(at) => ok(json!({ "ok": false, "error": "invalid_blocks", "response_metadata": { "messages": [format!("[ERROR] unsupported [json-pointer:/blocks/{at}/x]")] } })),
            None => ok(json!({ "ok": true, "ts": "1.1" })),
        }
    })
    .await;
    let content = Content::Line { level: Level::Info, text: "Points".into(), attachment: Box::new(attachment()) };
    let message = Outgoing { content, ..line("") };
    slack.post(&message).await.unwrap();
    slack.post(&message).await.unwrap();
    let calls = api.calls();
    assert_eq!(calls.len(), 4, "what was learned is kept");
    assert_eq!(types(&calls[0]), ["section", "data_table", "data_visualization", "context", "actions"]);
    assert_eq!(types(&calls[1]), ["section", "data_table", "section", "actions"]);
    assert_eq!(types(&calls[2]), types(&calls[1]));
    assert_eq!(calls[2].args["blocks"][1]["rows"][1][2]["text"], "/bbws restore prod rp-1", "the command in words");
    assert_eq!(calls[3].args, calls[2].args);
}

#[tokio::test]
async fn where_no_blocks_are_taken_the_text_still_arrives() {
    let (api, slack) = Api::start(|call, _| {
        if types(call).is_empty() { ok(json!({ "ok": true, "ts": "1.1" })) } else { refuse("invalid_blocks_format") }
    })
    .await;
    assert_eq!(slack.post(&line("A step failed.")).await.unwrap(), "1.1");
    assert_eq!(api.calls().last().unwrap().args["text"], "⛔ A step failed.");
}

#[tokio::test]
async fn a_message_is_found_by_its_metadata_on_a_later_page() {
    let (api, slack) = Api::start(|_, page| {
        let filler = json!({ "ts": format!("9.{page}"), "metadata": { "event_type": "bbws_operation", "event_payload": { "operation": "bk-1" } } });
        let wanted = json!({ "ts": "8.5", "metadata": { "event_type": "bbws_operation", "event_payload": { "operation": "bk-1042", "state": "running" } } });
        let messages = if page == 2 { json!([filler, wanted]) } else { json!([{ "ts": "9.9" }, filler]) };
        ok(json!({ "ok": true, "messages": messages, "has_more": true, "response_metadata": { "next_cursor": format!("page{}", page + 1) } }))
    })
    .await;
    let payload = json!({ "operation": "bk-1042" });
    assert_eq!(
        slack.find("C0OPS", None, "bbws_operation", &payload, 1_700_000_000).await.unwrap().as_deref(),
        Some("8.5")
    );
    let calls = api.calls();
    assert_eq!(calls.len(), 3);
    assert_eq!(calls[0].method, "conversations.history");
    assert_eq!(calls[0].args["include_all_metadata"], "true");
    assert_eq!(calls[0].args["oldest"], "1700000000");
    assert_eq!(calls[2].args["cursor"], "page2");
}

#[tokio::test]
async fn the_search_ends() {
    let (api, slack) = Api::start(|_, page| {
        ok(json!({ "ok": true, "messages": [], "response_metadata": { "next_cursor": format!("c{page}") } }))
    })
    .await;
    assert_eq!(
        slack.find("C0OPS", Some("1.0"), "bbws_event", &json!({ "operation": "bk-1042" }), 0).await.unwrap(),
        None
    );
    let calls = api.calls();
    assert_eq!(calls.len(), 5);
    assert!(calls.iter().all(|c| c.method == "conversations.replies" && c.args["ts"] == "1.0"));
}

#[tokio::test]
async fn who_somebody_is() {
    let (_, slack) = Api::start(|call, _| {
        ok(match call.args["user"].as_str().unwrap() {
            "U0ALICE" => json!({ "ok": true, "user": { "id": "U0ALICE", "team_id": "T0BBWS", "is_bot": false, "is_app_user": true, "enterprise_user": { "id": "W1", "teams": ["T0A", "T0B"] }, "profile": { "a": 1 } } }),
            "U0MALLORY" => json!({ "ok": true, "user": { "id": "U0MALLORY", "team_id": "T0BBWS", "is_restricted": true, "is_ultra_restricted": null, "is_stranger": true, "is_invited_user": true } }),
            "USLACKBOT" => json!({ "ok": true, "user": { "id": "USLACKBOT", "team_id": "T0BBWS", "deleted": true } }),
            _ => json!({ "ok": true }),
        })
    })
    .await;
    let alice = slack.profile("U0ALICE").await.unwrap();
    assert_eq!((alice.person().0.as_str(), alice.barred(&["T0BBWS".into()])), ("W1", None));
    assert!(alice.is("W1") && alice.is("U0ALICE") && !alice.is("U0BOB"), "both ids are Alice's");
    assert_eq!(alice.barred(&["T0B".into()]), None, "she is a member of that workspace, too");
    assert!(alice.barred(&["T0C".into()]).is_some());
    let mallory = slack.profile("U0MALLORY").await.unwrap();
    assert!(mallory.guest && mallory.stranger && mallory.invited && !mallory.bot);
    let bot = slack.profile("USLACKBOT").await.unwrap();
    assert!(bot.bot && bot.deleted);
    assert!(matches!(slack.profile("U0NOBODY").await, Err(ChatError::Unknown { .. })));
}

#[tokio::test]
async fn shared_channels_are_external_and_what_slack_does_not_tell_is_not() {
    let (_, slack) = Api::start(|call, _| match call.args["channel"].as_str().unwrap() {
        "C1" => ok(json!({ "ok": true, "channel": { "is_ext_shared": true } })),
        "C2" => ok(json!({ "ok": true, "channel": { "is_pending_ext_shared": true } })),
        "C3" => ok(json!({ "ok": true, "channel": { "is_org_shared": true } })),
        "C4" => refuse("missing_scope"),
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    })
    .await;
    for (channel, external) in [("C1", true), ("C2", true), ("C3", false), ("C4", false)] {
        assert_eq!(slack.channel(channel).await.unwrap().external, external, "{channel}");
    }
    assert!(matches!(slack.channel("C5").await, Err(ChatError::Unknown { .. })));
}

#[tokio::test]
async fn the_check_says_line_by_line_what_is_wrong() {
    let (api, slack) = Api::start(|call, _| match (call.method.as_str(), &call.args) {
        ("auth.test", _) => {
            ok(json!({ "ok": true, "team": "BBWS", "team_id": "T0BBWS", "user": "bbws", "user_id": "U0BOT" }))
        }
        ("conversations.info", a) if a["channel"] == "C0OPS" => ok(json!({ "ok": true, "channel": {} })),
        ("conversations.info", a) if a["channel"] == "C0OLD" => {
            ok(json!({ "ok": true, "channel": { "is_archived": true } }))
        }
        ("conversations.info", a) if a["channel"] == "C0OUT" => {
            ok(json!({ "ok": true, "channel": { "is_member": false } }))
        }
        ("conversations.info", _) => ok(json!({ "ok": false, "error": "missing_scope", "needed": "channels:read" })),
        ("usergroups.users.list", a) if a["usergroup"] == "S1" => ok(json!({ "ok": true, "users": ["U0BOB"] })),
        ("usergroups.users.list", _) => ok(json!({ "ok": true, "users": [] })),
        _ => refuse("unknown_method"),
    })
    .await;
    let groups = [("dba".to_owned(), "S1".to_owned()), ("lead".to_owned(), "S2".to_owned())];
    let lines = slack.check(&["C0OPS", "C0OLD", "C0OUT", "C0GONE"].map(str::to_owned), &groups).await;
    let told: Vec<String> = lines.iter().map(|l| format!("{} {}: {}", l.verdict, l.what, l.detail)).collect();
    insta::assert_snapshot!(told.join("\n"), @r##"
    ok Slack token: signed in as bbws (U0BOT) in BBWS (T0BBWS)
    ok channel C0OPS: found
    WRONG channel C0OLD: it is archived, so nothing can be said in it; choose another channel or unarchive it
    ok channel C0OUT: found; the app is not in it, so answers there go to people's own conversations: `/invite` it
    WRONG channel C0GONE: Slack refused conversations.info: missing_scope; add `channels:read` to the app's bot scopes and reinstall it
    ok approvers of role dba (group S1): 1 member
    WRONG approvers of role lead (group S2): the group is empty, so nobody can approve; add people to it
    ? Slack blocks: not checked: Slack refused blocks.validate: unknown_method. Answers are drawn plainly until Slack says which blocks it takes
    "##);
    let asked = api.calls().into_iter().find(|c| c.method == "blocks.validate").unwrap();
    let message: Value = serde_json::from_str(asked.args["message"].as_str().unwrap()).unwrap();
    assert!(message["blocks"].as_array().unwrap().iter().any(|b| b["type"] == "plan"));
}

#[tokio::test]
async fn tickets_are_links_in_messages_and_in_answers() {
    let (api, slack) = Api::start(|_, _| Json(json!({"ok": true, "ts": "1.2"})).into_response()).await;
    let links = TicketLinks::parse("https://tickets.example/{ticket}").unwrap();
    let slack = slack.linking(Some(Tickets::new(links, "^INC-[0-9]+$").unwrap()));
    let text = format!("{} is asked for by INC-7, as `--ticket INC-7` says.", "What is restored ".repeat(20));
    let link = "<https://tickets.example/INC-7|INC-7>, as `--ticket INC-7` says.";
    let said = Reply { level: Level::Info, text, attachment: Attachment::default() };
    slack.whisper("C1", "U1", &said).await.unwrap();
    let sent = api.calls()[0].args["blocks"].to_string();
    assert!(sent.contains(link), "{sent}");
    let answered = slack.reply(&said)["blocks"].to_string();
    assert!(answered.contains(link), "{answered}");
}
