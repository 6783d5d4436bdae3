//! Requests: durable, each once, many in one transaction.

use std::time::Duration;

use bbws::{
    domain::moment::Moment,
    ports::{
        clock::Clock as _,
        store::{Accepted, Store as _},
    },
};

use crate::store::bed::{Bed, START, entry, request};

on_every_database!(
    a_thousand_at_once_are_each_stored_once,
    a_replay_among_new_ones_is_told_apart,
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
