//! Requests: durable, each once, many in one transaction.

use std::time::Duration;

use bbws::{
    domain::{moment::Moment, operation::State},
    ports::{
        clock::Clock as _,
        store::{Accepted, Commit, Filter, Stop, Store as _},
    },
};

use crate::store::bed::{Bed, START, entry, request};

on_every_database!(
    a_thousand_at_once_are_each_stored_once,
    a_replay_among_new_ones_is_told_apart,
    what_the_build_before_stored_is_a_replay,
    a_list_and_the_stops_show_what_was_just_committed,
    old_requests_are_pruned_when_they_are_answered,
);

async fn a_thousand_at_once_are_each_stored_once(bed: Bed) {
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..2000 {
        let ledger = bed.ledger.clone();
        tasks.spawn(async move {
            let id = format!("{:04}", n % 1000);
            let audit = vec![entry("request", id.clone()), entry("state", n)];
            (id.clone(), ledger.accept(request(&id, START), None, audit).await.unwrap())
        });
    }
    let mut new: Vec<String> =
        tasks.join_all().await.into_iter().filter(|(_, a)| *a == Accepted::New).map(|(id, _)| id).collect();
    new.sort();
    let expected: Vec<String> = (0..1000).map(|n| format!("{n:04}")).collect();
    assert_eq!(new, expected);
    let stored: Vec<String> = bed.ledger.unanswered(START, 2000).await.unwrap().into_iter().map(|r| r.id).collect();
    assert_eq!(stored, expected);

    assert_eq!(bed.ledger.verify_audit().await.unwrap().expect("the chain is whole").seq, 2000);
    let chain = bed.ledger.audit(0, 3000).await.unwrap();
    let mut audited: Vec<&str> = chain.iter().filter_map(|a| a.entry.detail.as_str()).collect();
    audited.sort_unstable();
    assert_eq!(audited, expected, "what was seen before leaves no entry");
}

async fn a_replay_among_new_ones_is_told_apart(bed: Bed) {
    let accept = |id: &str| {
        let ledger = bed.ledger.clone();
        let request = request(id, START);
        async move { ledger.accept(request, None, vec![entry("request", "")]).await.unwrap() }
    };
    assert_eq!(accept("a").await, Accepted::New);
    assert_eq!(accept("a").await, Accepted::Replay);
    let together = tokio::join!(accept("b"), accept("a"), accept("c"), accept("b"));
    assert_eq!((&together.1, &together.2), (&Accepted::Replay, &Accepted::New));
    assert_ne!(together.0, together.3, "one of two equal ones is new");
    assert_eq!(bed.ledger.verify_audit().await.unwrap().expect("the chain is whole").seq, 3);
}

/// Ids were the digest of the signature alone.
async fn what_the_build_before_stored_is_a_replay(bed: Bed) {
    let (stored, other) = ("ab".repeat(32), "cd".repeat(32));
    let accept = |id: String| {
        let ledger = bed.ledger.clone();
        async move { ledger.accept(request(&id, START), None, vec![entry("request", "")]).await.unwrap() }
    };
    assert_eq!(accept(stored.clone()).await, Accepted::New);
    assert_eq!(accept(format!("6ad3f2c0-{stored}")).await, Accepted::Replay);
    assert_eq!(accept(format!("6ad3f2c0-{other}")).await, Accepted::New);
    assert_eq!(accept(format!("6ad3f2c0-{other}")).await, Accepted::Replay);
    assert_eq!(bed.ledger.verify_audit().await.unwrap().expect("the chain is whole").seq, 2);
}

/// Short lists and stops are read past the pool where that can be done.
async fn a_list_and_the_stops_show_what_was_just_committed(bed: Bed) {
    for (n, environment) in ["dev", "prod", "dev"].into_iter().enumerate() {
        bed.plant(&format!("bk-{n}"), environment, State::Queued).await;
        bed.clock.pass(1);
    }
    let listed = async |environment: Option<&str>, states: &[State], limit| {
        let filter = Filter { environment: environment.map(str::to_owned), states: states.to_vec(), limit };
        let listed = bed.ledger.list(&filter).await.unwrap();
        listed.into_iter().map(|op| op.id.0).collect::<Vec<_>>()
    };
    for limit in [5, 500] {
        assert_eq!(listed(None, &[], limit).await, ["bk-2", "bk-1", "bk-0"]);
        assert_eq!(listed(Some("dev"), &[], limit).await, ["bk-2", "bk-0"]);
        assert_eq!(listed(Some("dev"), &[State::Queued, State::Running], limit).await, ["bk-2", "bk-0"]);
        assert_eq!(listed(Some("prod"), &[State::Running], limit).await, [""; 0]);
    }
    assert_eq!(listed(None, &[], 1).await, ["bk-2"]);
    assert_eq!(bed.ledger.stops().await.unwrap(), []);
    let stop = Stop { scope: "dev".into(), by: "U0BOB".into(), reason: "look".into(), at: START };
    bed.ledger.commit(Commit { stop: Some(stop.clone()), ..Commit::default() }).await.unwrap();
    assert_eq!(bed.ledger.stops().await.unwrap(), [stop]);
}

async fn old_requests_are_pruned_when_they_are_answered(bed: Bed) {
    for n in 0..3 {
        let answer = (n > 0).then(|| "help".to_owned());
        bed.ledger.accept(request(&n.to_string(), bed.clock.now()), answer, vec![]).await.unwrap();
        bed.clock.pass(60);
    }
    assert_eq!(bed.ledger.prune(START + Duration::from_secs(120)).await.unwrap(), 1);
    assert_eq!(bed.ledger.unanswered(Moment(i64::MAX), 10).await.unwrap().len(), 1);
    assert_eq!(bed.ledger.accept(request("2", START), None, vec![]).await.unwrap(), Accepted::Replay);
    assert_eq!(bed.ledger.accept(request("1", START), None, vec![]).await.unwrap(), Accepted::New);
}
