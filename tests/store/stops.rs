//! Stops: after one has committed, no intent does.

use bbws::{
    domain::operation::State,
    ports::store::{Claim, Commit, Guard, Stop, Store as _, StoreError},
};

use crate::store::bed::{Bed, LEASE, START, entry, write};

on_every_database!(a_stop_refuses_intents_of_its_scope, no_intent_commits_after_a_stop);

fn stop(scope: &str) -> Stop {
    Stop { scope: scope.into(), by: "U0BOB".into(), reason: "the wrong account?".into(), at: START }
}

fn stopping(scope: &str) -> Commit {
    Commit { stop: Some(stop(scope)), audit: vec![entry("stop", scope)], ..Commit::default() }
}

fn lifting(scope: &str) -> Commit {
    Commit { lift: Some(scope.into()), audit: vec![entry("lift", scope)], ..Commit::default() }
}

fn intent(claim: &Claim, version: i64) -> Guard {
    Guard::Runner { fence: claim.fence, version, intent: true }
}

async fn a_stop_refuses_intents_of_its_scope(bed: Bed) {
    let op = bed.plant("bk-1", "prod", State::Running).await;
    let claim = bed.ledger.claim("runner", LEASE, 1).await.unwrap().remove(0);
    bed.ledger.commit(stopping("sit")).await.unwrap();
    bed.ledger.commit(write(intent(&claim, 1), &op)).await.unwrap();
    for scope in ["prod", "*"] {
        bed.ledger.commit(stopping(scope)).await.unwrap();
        assert_eq!(bed.ledger.stops().await.unwrap().iter().filter(|s| **s == stop(scope)).count(), 1);
        match bed.ledger.commit(write(intent(&claim, 2), &op)).await {
            Err(StoreError::Halted { scope: by_scope, by, reason }) => {
                assert_eq!((by_scope.as_str(), by.as_str(), reason.as_str()), (scope, "U0BOB", "the wrong account?"));
            }
            other => panic!("an intent got past a stop: {other:?}"),
        }
        bed.ledger.commit(lifting(scope)).await.unwrap();
    }
    assert_eq!(bed.ledger.stops().await.unwrap(), [stop("sit")]);
    bed.ledger.commit(write(intent(&claim, 2), &op)).await.unwrap();

    // What is not an intent goes on: running work is watched to its end.
    bed.ledger.commit(stopping("*")).await.unwrap();
    bed.ledger.commit(write(Guard::Runner { fence: claim.fence, version: 3, intent: false }, &op)).await.unwrap();
    bed.ledger.commit(write(Guard::Version(4), &op)).await.unwrap();
}

/// Runners write intents as fast as they can while somebody stops and resumes; the audit chain tells the order of commits.
async fn no_intent_commits_after_a_stop(bed: Bed) {
    let mut ops = Vec::new();
    for n in 0..4 {
        ops.push(bed.plant(&format!("bk-{n}"), if n % 2 == 0 { "prod" } else { "sit" }, State::Running).await);
    }
    let claims = bed.ledger.claim("runner", LEASE, 4).await.unwrap();
    let (done, _) = tokio::sync::watch::channel(false);
    let mut runners = tokio::task::JoinSet::new();
    for op in ops {
        let claim = claims.iter().find(|c| c.id == op.id).expect("all are claimed").clone();
        let (ledger, done) = (bed.ledger.clone(), done.subscribe());
        runners.spawn(async move {
            let (mut version, mut halted) = (1, 0);
            while !*done.borrow() {
                let audit = vec![entry("intent", op.environment())];
                match ledger.commit(Commit { audit, ..write(intent(&claim, version), &op) }).await {
                    Ok(()) => version += 1,
                    Err(StoreError::Halted { .. }) => halted += 1,
                    Err(other) => panic!("{other:?}"),
                }
            }
            (version - 1, halted)
        });
    }
    for round in 0..12 {
        let scope = ["prod", "*", "sit"][round % 3];
        bed.ledger.commit(stopping(scope)).await.unwrap();
        for _ in 0..3 {
            bed.ledger.next_id("pause").await.unwrap();
        }
        bed.ledger.commit(lifting(scope)).await.unwrap();
    }
    done.send(true).expect("the runners listen");
    let told = runners.join_all().await;
    let committed: i64 = told.iter().map(|(committed, _)| committed).sum();

    let mut stopped: Vec<String> = Vec::new();
    let mut intents = 0;
    for audited in bed.ledger.audit(0, 100_000).await.unwrap() {
        let scope = audited.entry.detail.as_str().expect("a scope").to_owned();
        match audited.entry.action.as_str() {
            "stop" => stopped.push(scope),
            "lift" => stopped.retain(|s| *s != scope),
            _ => {
                intents += 1;
                assert!(
                    !stopped.iter().any(|s| s == "*" || *s == scope),
                    "intent in {scope} at {} after a stop of {stopped:?}",
                    audited.seq
                );
            }
        }
    }
    assert_eq!(intents, committed, "every intent is in the chain, once");
}
