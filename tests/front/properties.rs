//! Whatever bytes arrive: nothing panics, and nothing unsigned is ever acted on.

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use bbws::app::inbound::Envelope;
use proptest::prelude::*;
use serde_json::Value;

use crate::front::support::*;

/// JSON of any shape.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,12}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Every path to a value inside.
fn pointers(value: &Value, at: String, all: &mut Vec<String>) {
    let escape = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| pointers(v, format!("{at}/{}", escape(k)), all)),
        Value::Array(list) => list.iter().enumerate().for_each(|(i, v)| pointers(v, format!("{at}/{i}"), all)),
        _ => {}
    }
    all.push(at);
}

pub(crate) fn spun<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_unsigned_ever_reaches_the_inbox(
        path in prop::sample::select(vec![COMMANDS, INTERACTIONS, EVENTS]),
        timestamp in prop_oneof![Just(NOW.to_string()), "[0-9+. -]{0,12}"],
        signature in prop_oneof!["v0=[0-9a-fA-F]{64}", "[ -~]{0,70}"],
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let bench = Bench::new();
        let headers = [("x-slack-request-timestamp", &*timestamp), ("x-slack-signature", &*signature)];
        let answer = spun(bench.send(request(path, &headers, body)));
        prop_assert!(answer.is_bare(StatusCode::UNAUTHORIZED), "{answer:?}");
        prop_assert!(bench.untouched());
    }

    #[test]
    fn one_changed_byte_is_a_forgery(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let bench = Bench::new();
        let body = command(&[]);
        let (head, _) = signed(COMMANDS, &body).into_parts();
        let mut bytes = body.into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let answer = spun(bench.send(Request::from_parts(head, Body::from(bytes))));
        prop_assert!(answer.is_bare(StatusCode::UNAUTHORIZED));
        prop_assert!(bench.untouched());
    }

    #[test]
    fn signed_garbage_does_nothing_and_is_on_the_record(
        path in prop::sample::select(vec![COMMANDS, INTERACTIONS, EVENTS]),
        body in prop_oneof![".{0,200}", "(payload|text|user_id|ssl_check)=[%&=a-z0-9{}\"]{0,60}"],
    ) {
        let bench = Bench::new();
        let answer = spun(bench.send(signed(path, &body)));
        prop_assert!(bench.taken().is_empty());
        let known = body.contains("ssl_check=1") || body.contains("type");
        prop_assert!(known || bench.refused().len() == 1);
        let expected = if path == COMMANDS || bench.refused().is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
        prop_assert_eq!(answer.status, expected);
    }

    #[test]
    fn any_json_in_any_place_is_survived(
        which in 0..2_usize,
        place in any::<prop::sample::Index>(),
        junk in any_json(),
    ) {
        let bench = Bench::new();
        let mut body = [click(), mention()][which].clone();
        let mut all = Vec::new();
        pointers(&body, String::new(), &mut all);
        let at = place.get::<String>(&all).clone();
        *body.pointer_mut(&at).unwrap() = junk;
        let answer = spun(async {
            if which == 0 { bench.interaction(&body).await } else { bench.event(&body).await }
        });
        // Taken, refused with a record, or nothing of ours; never lost.
        let lost = answer.status == StatusCode::OK && bench.untouched();
        let about = |fields: &[&str]| at.is_empty() || fields.iter().any(|field| at.starts_with(field));
        prop_assert!(!lost || about(&["/actions", "/type", "/event", "/challenge"]), "{}", at);
        let known = |e: &Envelope| e.team == "T0BBWS" && !e.user.is_empty();
        prop_assert!(bench.taken().iter().all(known));
    }

    /// Who acts, for which workspace, and what was pressed: nothing else may make a click unreadable.
    #[test]
    fn junk_in_what_is_optional_loses_no_click(
        field in prop::sample::select(vec![
            "/state", "/state/values", "/message", "/message/ts", "/container", "/container/message_ts", "/channel", "/enterprise",
            "/response_url", "/trigger_id", "/token", "/team", "/actions/1/block_id", "/actions/1/text", "/actions/0",
        ]),
        junk in any_json(),
    ) {
        let bench = Bench::new();
        let mut body = click();
        *body.pointer_mut(field).unwrap() = junk;
        let answer = spun(bench.interaction(&body));
        prop_assert_eq!(answer.status, StatusCode::OK);
        prop_assert_eq!(bench.taken().len(), 1, "{}", body);
    }
}
