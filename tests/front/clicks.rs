//! Clicks as Slack sends them in the field: what is left out, null or of another shape costs nothing but itself.

use axum::http::StatusCode;
use bbws::app::inbound::{Inbound, Via};
use serde_json::{Value, json};

use crate::front::support::*;

/// The click as it was taken: channel, message and reason.
fn taken(bench: &Bench) -> (String, Option<String>, Option<String>) {
    let envelope = bench.taken().pop().expect("a click was taken");
    let Inbound::Click { message_ts, reason, action, value, .. } = envelope.what else { panic!("a click") };
    assert_eq!((&*action, &*value, &*envelope.user, &*envelope.team), ("bbws.reject", "bk-1042", "U0BOB", "T0BBWS"));
    (envelope.channel, message_ts, reason)
}

#[tokio::test]
async fn what_is_optional_is_read_by_itself() {
    let (channel, ts, reason) =
        (|| "C0OPS".to_owned(), || Some("1800000000.000100".to_owned()), || Some("not today".to_owned()));
    let cases = [
        ("/state/values", json!([]), (channel(), ts(), None)),
        ("/state", json!([]), (channel(), ts(), None)),
        ("/state", json!(null), (channel(), ts(), None)),
        ("/state/values/bbws.reason", json!([]), (channel(), ts(), None)),
        ("/state/values/bbws.reason/reason/value", json!(null), (channel(), ts(), None)),
        ("/state/values/other", json!([]), (channel(), ts(), reason())),
        ("/message", json!([]), (channel(), ts(), reason())),
        ("/message/ts", json!(1_800_000_000.000_1), (channel(), ts(), reason())),
        ("/container/message_ts", json!(1_800_000_000.000_1), (channel(), ts(), reason())),
        ("/container", json!([]), (channel(), ts(), reason())),
        ("/container", json!(null), (channel(), ts(), reason())),
        ("/channel", json!(null), (channel(), ts(), reason())),
        ("/team", json!(null), (channel(), ts(), reason())),
        ("/user/team_id", json!(null), (channel(), ts(), reason())),
        ("/actions/1/block_id", json!(7), (channel(), ts(), reason())),
        ("/actions/0", json!(null), (channel(), ts(), reason())),
        ("/response_url", json!([]), (channel(), ts(), reason())),
    ];
    for (pointer, junk, read) in cases {
        let bench = Bench::new();
        let mut payload = click();
        *payload.pointer_mut(pointer).unwrap() = junk.clone();
        assert!(bench.interaction(&payload).await.is_bare(StatusCode::OK), "{pointer} {junk}");
        assert_eq!(taken(&bench), read, "{pointer} {junk}");
    }
}

#[tokio::test]
async fn a_reason_longer_than_any_is_cut_and_loses_no_veto() {
    let bench = Bench::new();
    let mut payload = click();
    payload["state"]["values"]["bbws.reason"]["reason"]["value"] = json!("é".repeat(20_000));
    payload["actions"][1]["block_id"] = json!("b".repeat(20_000));
    bench.interaction(&payload).await;
    let (_, _, reason) = taken(&bench);
    assert_eq!(reason.map(|reason| reason.len()), Some(12_000));
}

#[tokio::test]
async fn a_click_in_app_home_or_a_modal_has_no_channel() {
    for kind in ["home", "modal"] {
        let bench = Bench::new();
        let mut payload = click();
        for gone in ["channel", "message", "state"] {
            payload.as_object_mut().unwrap().remove(gone);
        }
        payload["container"] = json!({ "type": "view", "view_id": "V0HOME" });
        payload["view"] = json!({ "id": "V0HOME", "type": kind, "state": { "values": {
            "bbws.reason": { "reason": { "type": "plain_text_input", "value": "from home" } },
        } } });
        assert!(bench.interaction(&payload).await.is_bare(StatusCode::OK));
        assert_eq!(taken(&bench), (String::new(), None, Some("from home".to_owned())), "{kind}");
    }
}

#[tokio::test]
async fn who_what_and_where_from_make_a_click_unreadable_and_that_is_on_the_record() {
    let cases = [
        ("user", json!(null), "who pressed"),
        ("user", json!({ "id": "" }), "who pressed"),
        ("user", json!([]), "who pressed"),
        ("actions", json!([]), "no button"),
        ("actions", json!(null), "no button"),
        ("actions", json!({ "0": {} }), "no button"),
    ];
    for (name, junk, why) in cases {
        let bench = Bench::new();
        let mut payload = click();
        payload[name] = junk;
        let answer = bench.interaction(&payload).await;
        assert!(answer.is_bare(StatusCode::BAD_REQUEST), "Slack marks the button: {answer:?}");
        let refused = bench.refused();
        assert!(refused.len() == 1 && refused[0].why.contains(why), "{name}: {refused:?}");
        assert_eq!((refused[0].via, &*refused[0].team, &*refused[0].channel), (Via::Interaction, "T0BBWS", "C0OPS"));
        assert!(bench.taken().is_empty());
    }
    let bench = Bench::new();
    let mut payload = click();
    (payload["user"]["team_id"], payload["team"]) = (json!(null), json!(null));
    assert!(bench.interaction(&payload).await.is_bare(StatusCode::BAD_REQUEST));
    assert!(bench.refused()[0].why.contains("no workspace") && bench.refused()[0].user == "U0BOB");
    let deep = format!("payload={}", "[".repeat(500_000));
    for body in
        ["", "payload=", "payload=%7B", "other=1", "payload={}&payload={}", "payload=null", "payload=[1]", &deep]
    {
        let bench = Bench::new();
        assert!(bench.send(signed(INTERACTIONS, body)).await.is_bare(StatusCode::BAD_REQUEST), "{body:.40}");
        assert_eq!(bench.refused().len(), 1, "{body:.40}");
    }
}

#[tokio::test]
async fn what_is_not_ours_is_acknowledged_and_left_alone() {
    let bench = Bench::new();
    let mut foreign = click();
    foreign["actions"] = json!([{ "action_id": "poll.vote", "value": "bk-1042" }]);
    let views = json!({ "type": "view_submission", "user": { "id": "U0BOB" }, "view": { "id": "V1" } });
    for payload in [foreign, views, json!({ "type": "shortcut" })] {
        assert!(bench.interaction(&payload).await.is_bare(StatusCode::OK), "{payload}");
    }
    assert!(bench.untouched());
}

#[tokio::test]
async fn a_form_that_came_to_nothing_stays_open_and_says_why() {
    let form = |callback: &str, field: &str, value: Value| {
        let metadata = r#"{"operation":"rs-7","environment":"prod","channel":"C0OPS"}"#;
        let values = json!({ format!("bbws.form.{field}"): { field: value } });
        let view = json!({ "callback_id": callback, "private_metadata": metadata, "state": { "values": values } });
        json!({
            "type": "view_submission", "user": { "id": "U0BOB", "team_id": "T0BBWS" }, "team": { "id": "T0BBWS" },
            "api_app_id": "A0BBWS", "view": view,
        })
    };
    let name = form("bbws.confirm", "name", json!({ "type": "plain_text_input", "value": "prod-typo" }));
    let chosen = json!({ "type": "static_select", "selected_option": { "value": "rds --snapshot-id s1" } });
    let point = form("bbws.restore", "point", chosen);
    for (payload, field) in [(name, "bbws.form.name"), (point, "bbws.form.point")] {
        let bench = Bench::new();
        bench.mood(Mood::Refuses);
        let answer = bench.interaction(&payload).await;
        let said = "prod-typo is not what rs-7 is about. Type prod & approve.";
        assert_eq!(answer.json(), json!({ "response_action": "errors", "errors": { field: said } }));
        let bench = Bench::new();
        assert!(bench.interaction(&payload).await.is_bare(StatusCode::OK), "what counts closes it");
    }
    // A button has no field.
    let bench = Bench::new();
    bench.mood(Mood::Refuses);
    assert!(bench.interaction(&click()).await.is_bare(StatusCode::OK));
}

/// On an Enterprise Grid a payload's workspace may be any of a person's, or none.
#[tokio::test]
async fn on_a_grid_the_person_decides_and_not_the_payload() {
    let on_grid = |user: Value, team: Value| {
        let mut payload = click();
        (payload["user"]["team_id"], payload["team"]) = (user, team);
        payload["enterprise"] = json!({ "id": "E0BBWS", "name": "BBWS" });
        payload
    };
    for (payload, team) in [
        (on_grid(json!("T0OTHER"), json!({ "id": "T0BBWS" })), "T0OTHER"),
        (on_grid(json!("E0BBWS"), json!(null)), "E0BBWS"),
        (on_grid(json!(null), json!(null)), ""),
    ] {
        let bench = Bench::new();
        assert!(bench.interaction(&payload).await.is_bare(StatusCode::OK));
        assert_eq!(bench.taken()[0].team, team);
    }
    let bench = Bench::new();
    bench.command(&[("team_id", "T0OTHER"), ("enterprise_id", "E0BBWS")]).await.sentence();
    let mut said = mention();
    (said["team_id"], said["enterprise_id"]) = (json!("T0OTHER"), json!("E0BBWS"));
    bench.event(&said).await;
    assert_eq!((bench.taken().len(), bench.refused().len()), (2, 0));
    let bench = Bench::new();
    assert!(bench.command(&[("team_id", "T0OTHER")]).await.sentence().contains("T0OTHER"), "without a grid it does");
}

#[tokio::test]
async fn the_address_for_answers_is_handed_on_and_not_stored() {
    let bench = Bench::new();
    bench.command(&[]).await.sentence();
    bench.interaction(&click()).await;
    let addresses = bench.inbox.addresses.lock().unwrap().clone();
    let entry = |user: &str, url: &str| (user.to_owned(), "C0OPS".to_owned(), url.to_owned());
    assert_eq!(
        addresses,
        [
            entry("U0ALICE", "https://hooks.slack.com/commands/secret"),
            entry("U0BOB", "https://hooks.slack.com/actions/secret"),
        ]
    );
    let bench = Bench::new();
    bench.command(&[("response_url", "javascript:alert(1)")]).await.sentence();
    assert!(bench.inbox.addresses.lock().unwrap().is_empty());
}
