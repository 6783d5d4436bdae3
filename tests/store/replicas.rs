//! Several replicas over one PostgreSQL.

use std::{sync::Arc, time::Duration};

use bbws::{
    adapters::store::{Ledger, Options},
    domain::{moment::Moment, operation::State},
    ports::{
        clock::{Clock as _, SystemClock},
        store::{Accepted, Commit, Guard, Store as _, StoreError},
    },
};

use crate::store::bed::{Bed, Hand, LEASE, START, entry, open, operation, request, write};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_may_start_at_the_same_time_on_an_empty_database() {
    let url = crate::support::pg::database().await;
    let clock = Hand::at(START);
    let (a, b, c) = tokio::join!(open(&url, clock.clone()), open(&url, clock.clone()), open(&url, clock.clone()));
    for ledger in [a, b, c] {
        ledger.expect("each of them opens").ready().await.expect("and takes writes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_reaches_two_replicas_is_accepted_by_one() {
    let bed = Bed::postgres().await;
    let other = Arc::new(open(&bed.url, bed.clock.clone()).await.expect("a second replica"));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..600 {
        let ledger = if n % 2 == 0 { bed.ledger.clone() } else { other.clone() };
        // Each id reaches both replicas, in opposite orders.
        let id = if n % 2 == 0 { n / 2 } else { 299 - n / 2 };
        tasks.spawn(async move {
            ledger.accept(request(&format!("{id:03}"), START), None, vec![entry("request", id)]).await.unwrap()
        });
    }
    let new = tasks.join_all().await.into_iter().filter(|a| *a == Accepted::New).count();
    assert_eq!(new, 300);
    assert_eq!(other.verify_audit().await.unwrap().expect("the chain is whole").seq, 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_append_to_one_chain_and_only_one_wins_a_version() {
    let bed = Bed::postgres().await;
    let other = Arc::new(open(&bed.url, bed.clock.clone()).await.expect("a second replica"));
    let op = bed.plant("bk-1", "prod", State::Running).await;
    let mut tasks = tokio::task::JoinSet::new();
    for ledger in [bed.ledger.clone(), other] {
        let op = op.clone();
        tasks.spawn(async move {
            let mut won = 0;
            for _ in 0..40 {
                let version = ledger.load(&op.id).await.unwrap().unwrap().version;
                let audit = vec![entry("state", version)];
                match ledger.commit(Commit { audit, ..write(Guard::Version(version), &op) }).await {
                    Ok(()) => won += 1,
                    Err(StoreError::Conflict) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            won
        });
    }
    let won: i64 = tasks.join_all().await.iter().sum();
    assert_eq!(bed.version(&op).await, 1 + won);
    assert_eq!(bed.ledger.verify_audit().await.unwrap().expect("the chain is whole").seq, won);
}

/// A replica whose own clock is hours off neither steals leases nor loses its own.
#[tokio::test]
async fn the_databases_clock_decides_leases() {
    let url = crate::support::pg::database().await;
    let hours = Duration::from_secs(6 * 3600);
    let (early, late) = (Hand::at(SystemClock.now() - hours), Hand::at(SystemClock.now() + hours));
    let slow = Ledger::open(&url, early, Options::default()).await.expect("one replica");
    let fast = Ledger::open(&url, late, Options::default()).await.expect("the other");
    let op = operation("bk-1", "prod", State::Running, Moment(0));
    slow.commit(write(Guard::New, &op)).await.unwrap();
    let claim = slow.claim("slow", LEASE, 1).await.unwrap().remove(0);
    assert_eq!(fast.claim("fast", LEASE, 1).await.unwrap(), []);
    let guard = |version| Guard::Runner { fence: claim.fence, version, intent: true };
    slow.commit(write(guard(1), &op)).await.unwrap();
    fast.commit(write(guard(2), &op)).await.unwrap();
    fast.break_leases().await.unwrap();
    assert!(matches!(slow.commit(write(guard(3), &op)).await, Err(StoreError::Fenced)));
    let taken = fast.claim("fast", Duration::ZERO, 1).await.unwrap().remove(0);
    assert!(matches!(fast.park(&taken, 3, START).await, Err(StoreError::Fenced)), "a lease of no length has ended");
}
