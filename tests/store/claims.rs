//! Leases, fences and wake-ups.

use std::collections::HashSet;

use bbws::{
    domain::{
        moment::Moment,
        operation::{OpId, State},
    },
    ports::{
        clock::Clock as _,
        store::{Claim, Guard, Store as _, StoreError},
    },
};

use crate::store::bed::{Bed, LEASE, START, write};

on_every_database!(
    only_what_is_due_is_claimed_and_only_once,
    a_lease_that_ran_out_fences_its_holder,
    a_write_of_the_runner_renews_its_lease,
    parking_plans_the_next_look,
    parking_keeps_an_earlier_look_somebody_else_planned,
    the_next_wake_is_known,
    broken_leases_are_free_at_once,
    claims_at_the_same_time_are_distinct,
);

fn runner(claim: &Claim, version: i64) -> Guard {
    Guard::Runner { fence: claim.fence, version, intent: false }
}

async fn claim_one(bed: &Bed) -> Claim {
    let mut claims = bed.ledger.claim("runner", LEASE, 10).await.unwrap();
    assert_eq!(claims.len(), 1);
    claims.remove(0)
}

async fn only_what_is_due_is_claimed_and_only_once(bed: Bed) {
    let now = bed.plant("bk-1", "prod", State::Queued).await;
    let mut later = bed.plant("bk-2", "prod", State::AwaitingApproval).await;
    later.wake_at = Moment(START.0 + 60_000);
    bed.ledger.commit(write(Guard::Version(1), &later)).await.unwrap();
    let mut never = bed.plant("bk-3", "prod", State::Succeeded).await;
    never.wake_at = Moment::FAR_FUTURE;
    bed.ledger.commit(write(Guard::Version(1), &never)).await.unwrap();

    let claims = bed.ledger.claim("a", LEASE, 10).await.unwrap();
    assert_eq!(claims, [Claim { id: now.id, fence: 1, lease: LEASE }]);
    assert_eq!(bed.ledger.claim("b", LEASE, 10).await.unwrap(), []);
    bed.clock.pass(29);
    assert_eq!(bed.ledger.claim("b", LEASE, 10).await.unwrap(), []);
    bed.clock.pass(31);
    let ids: HashSet<OpId> = bed.ledger.claim("b", LEASE, 10).await.unwrap().into_iter().map(|c| c.id).collect();
    assert_eq!(ids, HashSet::from([OpId("bk-1".into()), OpId("bk-2".into())]));
}

async fn a_lease_that_ran_out_fences_its_holder(bed: Bed) {
    let op = bed.plant("bk-1", "prod", State::Running).await;
    let first = claim_one(&bed).await;
    bed.clock.pass(30);
    // Nobody took over yet, and still the holder may not go on: somebody could be doing so right now.
    assert!(matches!(bed.ledger.commit(write(runner(&first, 1), &op)).await, Err(StoreError::Fenced)));
    assert!(matches!(bed.ledger.park(&first, 1, START).await, Err(StoreError::Fenced)));

    let second = claim_one(&bed).await;
    assert_eq!(second.fence, first.fence + 1);
    assert!(matches!(bed.ledger.commit(write(runner(&first, 1), &op)).await, Err(StoreError::Fenced)));
    bed.ledger.commit(write(runner(&second, 1), &op)).await.unwrap();
    assert!(matches!(bed.ledger.commit(write(runner(&second, 1), &op)).await, Err(StoreError::Conflict)));
    assert_eq!(bed.version(&op).await, 2);
}

async fn a_write_of_the_runner_renews_its_lease(bed: Bed) {
    let op = bed.plant("bk-1", "prod", State::Running).await;
    let claim = claim_one(&bed).await;
    for version in 1..4 {
        bed.clock.pass(29);
        bed.ledger.commit(write(runner(&claim, version), &op)).await.unwrap();
    }
    // A write that is refused renews nothing.
    bed.clock.pass(29);
    assert!(matches!(bed.ledger.commit(write(runner(&claim, 1), &op)).await, Err(StoreError::Conflict)));
    bed.clock.pass(1);
    assert!(matches!(bed.ledger.commit(write(runner(&claim, 4), &op)).await, Err(StoreError::Fenced)));
}

async fn parking_plans_the_next_look(bed: Bed) {
    let op = bed.plant("bk-1", "prod", State::Running).await;
    let claim = claim_one(&bed).await;
    bed.ledger.park(&claim, 1, Moment(START.0 + 5_000)).await.unwrap();
    assert!(matches!(bed.ledger.park(&claim, 1, START).await, Err(StoreError::Fenced)), "a claim is given back once");
    assert_eq!(bed.version(&op).await, 1);
    assert_eq!(bed.ledger.claim("runner", LEASE, 10).await.unwrap(), []);
    bed.clock.pass(5);
    assert_eq!(claim_one(&bed).await.fence, claim.fence + 1);
}

async fn parking_keeps_an_earlier_look_somebody_else_planned(bed: Bed) {
    let mut op = bed.plant("bk-1", "prod", State::Running).await;
    let claim = claim_one(&bed).await;
    op.state = State::Paused;
    op.wake_at = Moment(START.0 + 1_000);
    bed.ledger.commit(write(Guard::Version(1), &op)).await.unwrap();
    bed.ledger.park(&claim, 1, Moment(START.0 + 60_000)).await.unwrap();
    assert_eq!(bed.ledger.next_wake().await.unwrap(), Some(Moment(START.0 + 1_000)));

    bed.clock.pass(1);
    let claim = claim_one(&bed).await;
    op.wake_at = Moment::FAR_FUTURE;
    bed.ledger.commit(write(Guard::Version(2), &op)).await.unwrap();
    bed.ledger.park(&claim, 2, Moment(START.0 + 60_000)).await.unwrap();
    assert_eq!(bed.ledger.next_wake().await.unwrap(), Some(Moment(START.0 + 60_000)));
}

async fn the_next_wake_is_known(bed: Bed) {
    assert_eq!(bed.ledger.next_wake().await.unwrap(), None);
    bed.plant("bk-1", "prod", State::Running).await;
    assert_eq!(bed.ledger.next_wake().await.unwrap(), Some(START));
    claim_one(&bed).await;
    assert_eq!(bed.ledger.next_wake().await.unwrap(), Some(START + LEASE));
}

async fn broken_leases_are_free_at_once(bed: Bed) {
    let op = bed.plant("bk-1", "prod", State::Running).await;
    let lost = claim_one(&bed).await;
    bed.ledger.break_leases().await.unwrap();
    assert!(matches!(bed.ledger.commit(write(runner(&lost, 1), &op)).await, Err(StoreError::Fenced)));
    assert_eq!(claim_one(&bed).await.fence, lost.fence + 1);
}

async fn claims_at_the_same_time_are_distinct(bed: Bed) {
    for n in 0..30 {
        bed.plant(&format!("bk-{n}"), "prod", State::Running).await;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for runner in 0..6 {
        let ledger = bed.ledger.clone();
        tasks.spawn(async move { ledger.claim(&format!("runner-{runner}"), LEASE, 10).await.unwrap() });
    }
    let claims: Vec<Claim> = tasks.join_all().await.into_iter().flatten().collect();
    let distinct: HashSet<&OpId> = claims.iter().map(|c| &c.id).collect();
    assert_eq!(distinct.len(), claims.len());
    assert!(claims.iter().all(|c| c.fence == 1));
    // Rows locked by another claim are passed over, so some may be left; they are there for the next one.
    let left = bed.ledger.claim("late", LEASE, 30).await.unwrap();
    assert_eq!((claims.len() + left.len(), bed.clock.now()), (30, START));
}
