//! The front, driven through its router: what is let in, what is turned away, and what each gets to read.

#![allow(clippy::unwrap_used)]

mod clicks;
mod happened;
mod mentions;
mod properties;
mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use bbws::{
    app::inbound::{Envelope, Inbound, Via},
    domain::moment::Moment,
    front::http::{Check, MAX_BODY},
};
use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use properties::spun;
use support::*;

#[tokio::test]
async fn a_signed_command_is_taken_and_answered() {
    let bench = Bench::new();
    let body = command(&[]);
    let answer = bench.send(signed(COMMANDS, &body)).await;
    assert_eq!(answer.sentence(), "done");
    let signature = hex::decode(&signature(SECRET, &NOW.to_string(), body.as_bytes())[3..]).unwrap();
    let expected = Envelope {
        id: format!("{NOW:08x}-{}", hex::encode(Sha256::digest(signature))),
        via: Via::Command,
        user: "U0ALICE".to_owned(),
        team: "T0BBWS".to_owned(),
        channel: "C0OPS".to_owned(),
        thread: None,
        at: Moment(NOW * 1000),
        what: Inbound::Command { text: "backup create prod full".to_owned() },
    };
    assert_eq!(bench.taken(), [expected]);
}

#[tokio::test]
async fn what_is_stored_holds_no_secret_and_comes_back_whole() {
    let bench = Bench::new();
    bench.command(&[]).await.sentence();
    bench.interaction(&click()).await;
    bench.event(&mention()).await;
    let taken = bench.taken();
    assert_eq!(taken.iter().map(|e| e.request().kind).collect::<Vec<_>>(), ["command", "interaction", "event"]);
    for envelope in taken {
        let request = envelope.request();
        let text = serde_json::to_string(&request).unwrap();
        assert!(!text.contains("secret") && !text.contains("verification-token"), "{text}");
        assert_eq!(Envelope::stored(&request).unwrap(), envelope);
        let again: Envelope = serde_json::from_str(&serde_json::to_string(&envelope).unwrap()).unwrap();
        assert_eq!(again, envelope);
    }
}

#[tokio::test]
async fn the_unsigned_the_forged_and_the_stale_get_a_bare_401() {
    let now = NOW.to_string();
    let body = command(&[]);
    let good = signature(SECRET, &now, body.as_bytes());
    let forged = signature("another secret", &now, body.as_bytes());
    let at = |offset: i64| (NOW + offset).to_string();
    let (past, future) = (at(-301), at(301));
    let (past_signed, future_signed) =
        (signature(SECRET, &past, body.as_bytes()), signature(SECRET, &future, body.as_bytes()));
    let (timestamp, sign) = ("x-slack-request-timestamp", "x-slack-signature");
    let cases: Vec<(&str, Vec<(&str, &str)>)> = vec![
        ("nothing", vec![]),
        ("no timestamp", vec![(sign, &good)]),
        ("no signature", vec![(timestamp, &now)]),
        ("forged", vec![(timestamp, &now), (sign, &forged)]),
        ("empty signature", vec![(timestamp, &now), (sign, "")]),
        ("other version", vec![(timestamp, &now), (sign, "v1=00")]),
        ("past", vec![(timestamp, &past), (sign, &past_signed)]),
        ("future", vec![(timestamp, &future), (sign, &future_signed)]),
        ("not a number", vec![(timestamp, "now"), (sign, &good)]),
        ("two signatures", vec![(timestamp, &now), (sign, &good), (sign, &good)]),
        ("two timestamps", vec![(timestamp, &now), (timestamp, &now), (sign, &good)]),
    ];
    let bench = Bench::new();
    for (name, headers) in cases {
        for path in [COMMANDS, INTERACTIONS, EVENTS] {
            let answer = bench.send(request(path, &headers, body.clone())).await;
            assert!(answer.is_bare(StatusCode::UNAUTHORIZED), "{name}: {answer:?}");
        }
    }
    assert!(bench.untouched());
    for offset in [-300, 300] {
        assert_eq!(bench.send(signed_at(COMMANDS, NOW + offset, &body)).await.sentence(), "done", "{offset}");
    }
}

#[tokio::test]
async fn a_replay_gets_a_bare_401_whoever_notices_it() {
    let bench = Bench::new();
    let body = command(&[]);
    bench.send(signed(COMMANDS, &body)).await.sentence();
    assert!(bench.send(signed(COMMANDS, &body)).await.is_bare(StatusCode::UNAUTHORIZED));
    // Another process stored it: only the ledger knows.
    let other = Bench { router: Bench::new().router, inbox: bench.inbox.clone() };
    assert_eq!(other.send(signed(COMMANDS, &body)).await.sentence(), "done", "its own inbox is empty");
    let fresh = Bench::new();
    fresh.inbox.taken.lock().unwrap().extend(bench.taken());
    assert!(fresh.send(signed(COMMANDS, &body)).await.is_bare(StatusCode::UNAUTHORIZED));
    assert_eq!((bench.taken().len(), fresh.taken().len()), (1, 1));
}

#[tokio::test]
async fn a_body_over_one_mebibyte_gets_413() {
    let bench = Bench::new();
    let limit = |size: usize| {
        let frame = command(&[("text", "x")]);
        frame.replace("text=x", &format!("text={}", "x".repeat(size - frame.len() + 1)))
    };
    let largest = limit(MAX_BODY);
    assert_eq!(largest.len(), MAX_BODY);
    assert!(bench.send(signed(COMMANDS, &largest)).await.sentence().contains("12000"), "in bounds, but no command");

    let over = limit(MAX_BODY + 1);
    let mut declared = signed(COMMANDS, &over);
    declared.headers_mut().insert(header::CONTENT_LENGTH, over.len().into());
    let mut lying = signed(COMMANDS, &over);
    lying.headers_mut().insert(header::CONTENT_LENGTH, 10.into());
    let chunks: Vec<Result<Bytes, std::io::Error>> =
        over.as_bytes().chunks(60_000).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
    let chunked = signed(COMMANDS, &over).map(|_| Body::from_stream(stream::iter(chunks)));
    for (name, request) in [("declared", declared), ("lying", lying), ("chunked", chunked)] {
        assert!(bench.send(request).await.is_bare(StatusCode::PAYLOAD_TOO_LARGE), "{name}");
    }
    assert!(bench.taken().is_empty());
    assert_eq!(bench.refused().len(), 1, "only the one in bounds was read");
}

#[tokio::test]
async fn wrong_workspace_app_and_command_get_a_sentence_and_a_record() {
    let bench = Bench::with(vec!["A0BBWS".to_owned()], Vec::new());
    let cases: [(&[(&str, &str)], &str); 4] = [
        (&[("team_id", "T0EVIL")], "workspace `T0EVIL`"),
        (&[("api_app_id", "A0EVIL")], "app `A0EVIL`"),
        (&[("api_app_id", "")], "app `(none)`"),
        (&[("command", "/other`<!channel>")], "not to `/other???channel?`"),
    ];
    for (n, (fields, named)) in cases.into_iter().enumerate() {
        let sentence = bench.command(fields).await.sentence();
        assert!(sentence.contains(named) && sentence.contains("Nothing was done"), "{sentence}");
        assert_eq!(bench.refused()[n].why, sentence);
    }
    let refused = &bench.refused()[0];
    assert_eq!((&*refused.user, &*refused.team, &*refused.channel), ("U0ALICE", "T0EVIL", "C0OPS"));
    assert!(bench.taken().is_empty());

    bench.mood(Mood::Down);
    let sentence = bench.command(&[("team_id", "T0EVIL"), ("text", "again")]).await.sentence();
    assert!(sentence.contains("T0EVIL"), "refused even when it cannot be written down");
}

#[tokio::test]
async fn a_command_that_makes_no_sense_gets_a_sentence() {
    let bench = Bench::new();
    for fields in [[("user_id", "")], [("team_id", "")], [("channel_id", "C0 OPS")], [("user_id", "U0<ALICE>")]] {
        let sentence = bench.command(&fields).await.sentence();
        assert!(sentence.contains(fields[0].0) && sentence.contains("Nothing was done"), "{sentence}");
    }
    let twice = format!("{}&user_id=U0CAROL", command(&[]));
    assert!(bench.send(signed(COMMANDS, &twice)).await.sentence().contains("cannot be read"));
    let mut json = signed(COMMANDS, &command(&[("text", "json")]));
    json.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    assert!(bench.send(json).await.sentence().contains("not a form"));
    assert!(bench.taken().is_empty());
    assert_eq!(bench.refused().len(), 6, "each is on the record");
    assert_eq!((&*bench.refused()[0].team, &*bench.refused()[2].user), ("T0BBWS", "U0ALICE"), "with what can be read");
}

#[tokio::test]
async fn slack_checking_our_certificate_gets_200() {
    let bench = Bench::new();
    assert!(bench.send(signed(COMMANDS, "ssl_check=1&token=x")).await.is_bare(StatusCode::OK));
    let unsigned = |path, body: &str| request(path, &[("content-type", FORM)], body.to_owned());
    for body in ["ssl_check=1&token=x", "ssl_check=1"] {
        assert!(
            bench.send(unsigned(COMMANDS, body)).await.is_bare(StatusCode::OK),
            "it holds no secret to sign with: {body}"
        );
    }
    // Nothing that asks for anything passes for one, and no other door has it.
    let asking = command(&[("ssl_check", "1")]);
    for (path, body) in [
        (COMMANDS, "ssl_check=0"),
        (COMMANDS, ""),
        (COMMANDS, &asking),
        (INTERACTIONS, "ssl_check=1"),
        (EVENTS, "ssl_check=1"),
    ] {
        assert!(bench.send(unsigned(path, body)).await.is_bare(StatusCode::UNAUTHORIZED), "{path} {body}");
    }
    let forged = [("x-slack-request-timestamp", "1800000000"), ("x-slack-signature", "v0=00")];
    assert!(bench.send(request(COMMANDS, &forged, "ssl_check=1")).await.is_bare(StatusCode::UNAUTHORIZED));
    assert!(bench.untouched());
}

#[tokio::test]
async fn texts_are_decoded_and_safe_to_store() {
    let bench = Bench::new();
    bench.command(&[("text", "help \u{201c}a b\u{201d} %&=+ \0 \u{1f4be}")]).await.sentence();
    bench.command(&[("text", "")]).await.sentence();
    let texts: Vec<Inbound> = bench.taken().into_iter().map(|e| e.what).collect();
    let text = |text: &str| Inbound::Command { text: text.to_owned() };
    assert_eq!(texts, [text("help \u{201c}a b\u{201d} %&=+   \u{1f4be}"), text("")]);
}

#[tokio::test]
async fn trouble_behind_the_front_is_told_in_time_and_honestly() {
    let bench = Bench::new();
    let body = command(&[]);
    bench.mood(Mood::Down);
    let sentence = bench.send(signed(COMMANDS, &body)).await.sentence();
    assert!(sentence.contains("Not accepted") && sentence.contains("Nothing was done"), "{sentence}");
    assert!(bench.interaction(&click()).await.is_bare(StatusCode::SERVICE_UNAVAILABLE));
    assert!(bench.event(&mention()).await.is_bare(StatusCode::SERVICE_UNAVAILABLE), "so that Slack sends it again");

    bench.mood(Mood::Stuck);
    let sentence = bench.command(&[("text", "slow")]).await.sentence();
    assert!(sentence.contains("goes on") && sentence.contains("/bbws op list"), "{sentence}");
    bench.mood(Mood::Panics);
    let sentence = bench.command(&[("text", "broken")]).await.sentence();
    assert!(sentence.contains("/bbws op list"), "{sentence}");

    bench.mood(Mood::Well);
    assert_eq!(bench.send(signed(COMMANDS, &body)).await.sentence(), "done", "what was not stored may come again");
    assert!(bench.event(&mention()).await.is_bare(StatusCode::OK));
    assert_eq!(bench.taken().len(), 2);
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_undo_the_request() {
    let bench = Bench::new();
    let call = bench.router.clone().oneshot(signed(COMMANDS, &command(&[])));
    let mut call = Box::pin(call);
    // One poll hands the request over; then the connection is gone.
    assert!(futures::poll!(&mut call).is_pending());
    drop(call);
    // The runtime has this one thread: whatever else is ready runs when this test gives way.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.taken().len(), 1);
}

#[tokio::test]
async fn a_click_carries_all_that_matters() {
    let bench = Bench::new();
    assert!(bench.interaction(&click()).await.is_bare(StatusCode::OK), "Slack shows no reply to a click");
    let taken = bench.taken();
    assert_eq!((&*taken[0].user, &*taken[0].team, &*taken[0].channel), ("U0BOB", "T0BBWS", "C0OPS"));
    let what = Inbound::Click {
        action: "bbws.reject".to_owned(),
        value: "bk-1042".to_owned(),
        block_id: Some("bbws.vote".to_owned()),
        message_ts: Some("1800000000.000100".to_owned()),
        reason: Some("not today".to_owned()),
    };
    assert_eq!(taken[0].what, what);
}

#[tokio::test]
async fn a_button_that_says_a_command_hands_its_command_in() {
    let bench = Bench::new();
    let longest = format!("stop prod {}", "é".repeat(1_990));
    for (action, value) in
        [("bbws.ask", "op list"), ("bbws.ask.12", "backup create prod full"), ("bbws.ask.0", &longest)]
    {
        let mut payload = click();
        payload["actions"] = json!([{ "action_id": action, "block_id": "t1", "type": "button", "value": value }]);
        assert!(bench.interaction(&payload).await.is_bare(StatusCode::OK));
        let taken = bench.taken().pop().unwrap();
        assert_eq!((taken.via, taken.user.as_str()), (Via::Interaction, "U0BOB"));
        assert_eq!(taken.what.said(), Some(value));
    }
    let mut payload = click();
    payload["actions"] =
        json!([{ "action_id": "bbws.asking", "block_id": "t1", "type": "button", "value": "op list" }]);
    bench.interaction(&payload).await;
    assert_eq!(bench.taken().pop().unwrap().what.said(), None, "another button");
}

#[tokio::test]
async fn a_click_needs_little() {
    let bench = Bench::new();
    let bare = json!({
        "type": "block_actions",
        "user": { "id": "U0BOB" },
        "team": { "id": "T0BBWS" },
        "channel": { "id": "C0OPS" },
        "container": null,
        "message": { "ts": "1.2", "thread_ts": "1.1" },
        "state": { "values": { "x": { "reason": { "type": "plain_text_input", "value": "because" } } } },
        "actions": [{ "action_id": "bbws.stop", "value": null }],
    });
    bench.interaction(&bare).await;
    let taken = bench.taken();
    assert_eq!((&*taken[0].channel, taken[0].thread.as_deref()), ("C0OPS", Some("1.1")));
    let Inbound::Click { action, value, message_ts, reason, .. } = &taken[0].what else { panic!("{taken:?}") };
    assert_eq!((&**action, &**value), ("bbws.stop", ""));
    assert_eq!((message_ts.as_deref(), reason.as_deref()), (Some("1.2"), Some("because")));
}

#[tokio::test]
async fn a_click_from_elsewhere_is_refused_on_the_record() {
    let bench = Bench::with(vec!["A0BBWS".to_owned()], Vec::new());
    let cases = [
        ("/user/team_id", "T0EVIL", "workspace `T0EVIL`"),
        ("/team/id", "T0EVIL", "workspace `T0EVIL`"),
        ("/api_app_id", "A0EVIL", "app `A0EVIL`"),
    ];
    for (n, (pointer, value, named)) in cases.into_iter().enumerate() {
        let mut payload = click();
        *payload.pointer_mut(pointer).unwrap() = json!(value);
        assert!(bench.interaction(&payload).await.is_bare(StatusCode::OK));
        let refused = &bench.refused()[n];
        assert!(refused.why.contains(named), "{refused:?}");
        assert_eq!((refused.via, &*refused.user, &*refused.channel), (Via::Interaction, "U0BOB", "C0OPS"));
    }
    assert!(bench.taken().is_empty());
}

#[tokio::test]
async fn a_mention_is_a_command_in_its_thread() {
    let bench = Bench::new();
    assert!(bench.event(&mention()).await.is_bare(StatusCode::OK));
    // Slack did not hear us and sends it again, signed anew.
    let mut retry = signed_at(EVENTS, NOW + 5, &mention().to_string());
    retry.headers_mut().insert("x-slack-retry-num", 1.into());
    assert!(bench.send(retry).await.is_bare(StatusCode::OK));
    let taken = bench.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!((&*taken[0].id, taken[0].via), ("Ev0MENTION", Via::Event));
    assert_eq!(taken[0].thread.as_deref(), Some("1800000000.000100"));
    assert_eq!(taken[0].what, Inbound::Command { text: "op show bk-1042".to_owned() });
}

#[tokio::test]
async fn bots_corrections_and_other_events_are_left_alone() {
    let bench = Bench::new();
    for (name, value) in [
        ("bot_id", json!("B0BOT")),
        ("subtype", json!("bot_message")),
        ("edited", json!({ "user": "U0ALICE" })),
        ("type", json!("message")),
    ] {
        let mut body = mention();
        body["event"][name] = value;
        assert!(bench.event(&body).await.is_bare(StatusCode::OK), "{name}");
    }
    for body in
        [r#"{"type":"event_callback"}"#, r#"{"type":"event_callback","event":3}"#, r#"{"type":"app_rate_limited"}"#]
    {
        assert!(bench.send(signed(EVENTS, body)).await.is_bare(StatusCode::OK), "{body}");
    }
    assert!(bench.untouched());
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_on_the_record_and_not_acknowledged() {
    let bench = Bench::new();
    for (n, (name, value)) in
        [("user", json!(null)), ("channel", json!("")), ("text", json!(7)), ("text", json!("x".repeat(12_001)))]
            .into_iter()
            .enumerate()
    {
        let mut body = mention();
        body["event"][name] = value;
        assert!(bench.event(&body).await.is_bare(StatusCode::BAD_REQUEST), "{name}");
        assert!(bench.refused()[n].why.contains("cannot be read"), "{name}");
    }
    for body in ["", "{", "[]", "{}"] {
        assert!(bench.send(signed(EVENTS, body)).await.is_bare(StatusCode::BAD_REQUEST), "{body}");
    }
    assert!(bench.taken().is_empty());
    assert_eq!(bench.refused().len(), 8);
}

#[tokio::test]
async fn a_mention_from_elsewhere_is_refused_on_the_record() {
    let bench = Bench::new();
    for (n, pointer) in ["/team_id", "/event/team", "/is_ext_shared_channel"].into_iter().enumerate() {
        let mut body = mention();
        *body.pointer_mut(pointer).unwrap() = if n == 2 { json!(true) } else { json!("T0EVIL") };
        assert!(bench.event(&body).await.is_bare(StatusCode::OK));
        let named = if n == 2 { "shared" } else { "T0EVIL" };
        assert!(bench.refused()[n].why.contains(named), "{pointer}");
    }
    assert!(bench.taken().is_empty());
}

#[tokio::test]
async fn slack_verifying_the_address_gets_the_challenge() {
    let bench = Bench::new();
    let answer = bench.event(&json!({ "type": "url_verification", "token": "x", "challenge": "3eZb\"rw" })).await;
    assert_eq!((answer.status, answer.kind.as_str()), (StatusCode::OK, "application/json"));
    assert_eq!(serde_json::from_str::<Value>(&answer.body).unwrap(), json!({ "challenge": "3eZb\"rw" }));
    assert!(bench.untouched());
}

#[tokio::test]
async fn readiness_names_what_is_wrong_and_remembers_for_a_while() {
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let slack = Check::new("slack token", Duration::from_secs(3600), move || {
        let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        async move { if first { Err("Slack refused auth.test: invalid_auth".to_owned()) } else { Ok(()) } }
    });
    let ledger = Check::new("ledger", Duration::ZERO, async || Ok(()));
    let bench = Bench::with(Vec::new(), vec![ledger.clone(), slack]);
    assert_eq!(bench.send(get("/healthz")).await.body, "ok\n");
    for _ in 0..2 {
        let answer = bench.send(get("/readyz")).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.body.contains("slack token") && answer.body.contains("invalid_auth"), "{}", answer.body);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(Bench::with(Vec::new(), vec![ledger]).send(get("/readyz")).await.status, StatusCode::OK);
    assert_eq!(bench.send(get("/metrics")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(bench.send(get(COMMANDS)).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn metrics_count_what_happened() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let bench = metrics::with_local_recorder(&recorder, Bench::new);
    let text = {
        spun(async {
            bench.command(&[]).await;
            bench.send(signed(COMMANDS, &command(&[]))).await;
        });
        handle.render()
    };
    assert!(text.contains(r#"bbws_requests_total{endpoint="commands",outcome="accepted"} 1"#), "{text}");
    assert!(text.contains(r#"bbws_requests_total{endpoint="commands",outcome="replayed"} 1"#), "{text}");
    assert!(text.contains(r#"bbws_ack_seconds_count{endpoint="commands"} 1"#), "{text}");
}
