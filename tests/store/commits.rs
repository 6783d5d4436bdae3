//! Guarded writes of operations, their steps, the environment's lock, and what is read back.

use std::time::Duration;

use bbws::{
    domain::{
        moment::Moment,
        operation::{OpId, State},
        step::{Step, StepState},
    },
    ports::{
        clock::Clock as _,
        store::{Commit, Filter, Guard, Lock, Store as _, StoreError},
    },
};

use crate::store::bed::{Bed, card, entry, operation, request, tell, with_lock, with_steps, write};

on_every_database!(
    what_is_written_is_read,
    a_write_against_an_older_version_is_refused,
    a_refused_commit_leaves_nothing_behind,
    steps_of_an_older_plan_are_deleted,
    an_environment_is_locked_for_one_operation,
    ids_are_never_given_twice,
    lists_are_filtered_and_begin_with_the_newest,
    durations_come_from_finished_steps,
    a_request_is_answered_once,
    the_database_says_that_it_takes_writes,
);

async fn what_is_written_is_read(bed: Bed) {
    assert!(bed.ledger.load(&OpId("bk-1".into())).await.unwrap().is_none());
    let mut op = operation("bk-1", "prod", State::Queued, bed.clock.now());
    let steps: Vec<Step> = (0..75).map(Step::new).collect();
    bed.ledger.commit(with_steps(write(Guard::New, &op), steps.clone())).await.unwrap();
    let run = bed.ledger.load(&op.id).await.unwrap().unwrap();
    assert_eq!((run.op, run.steps, run.version), (op.clone(), steps.clone(), 1));

    op.state = State::Running;
    op.wake_at = Moment(5);
    let mut changed = steps[3].clone();
    changed.state = StepState::Calling;
    changed.token = Some("db-0".into());
    bed.ledger.commit(with_steps(write(Guard::Version(1), &op), vec![changed.clone()])).await.unwrap();
    let run = bed.ledger.load(&op.id).await.unwrap().unwrap();
    assert_eq!((&run.op, &run.steps[3], run.version), (&op, &changed, 2));
    assert_eq!((&run.steps[2], run.steps.len()), (&steps[2], 75));
}

async fn a_write_against_an_older_version_is_refused(bed: Bed) {
    let mut op = bed.plant("bk-1", "prod", State::AwaitingApproval).await;
    assert!(matches!(bed.ledger.commit(write(Guard::New, &op)).await, Err(StoreError::Conflict)));
    op.state = State::Queued;
    // Two people click in the same instant.
    let (a, b) = tokio::join!(
        bed.ledger.commit(write(Guard::Version(1), &op)),
        bed.ledger.commit(write(Guard::Version(1), &op))
    );
    let refused = [&a, &b].iter().filter(|r| matches!(r, Err(StoreError::Conflict))).count();
    assert_eq!((a.is_ok() || b.is_ok(), refused), (true, 1));
    assert_eq!(bed.version(&op).await, 2);
    assert!(matches!(
        bed.ledger.commit(write(Guard::Version(2), &operation("bk-9", "prod", State::Queued, Moment(0)))).await,
        Err(StoreError::Conflict)
    ));
}

async fn a_refused_commit_leaves_nothing_behind(bed: Bed) {
    let op = bed.plant("bk-1", "prod", State::Running).await;
    let other = bed.plant("bk-2", "prod", State::Running).await;
    bed.ledger.commit(with_lock(write(Guard::Version(1), &op), Lock::Take)).await.unwrap();
    let mut refused = with_lock(write(Guard::Version(1), &other), Lock::Take);
    refused.audit.push(entry("state", "never"));
    refused.notices.push(card(&other));
    assert!(matches!(bed.ledger.commit(refused).await, Err(StoreError::Locked(id)) if id == op.id));
    assert_eq!(bed.version(&other).await, 1);
    assert_eq!(bed.ledger.audit(0, 10).await.unwrap(), []);
    assert_eq!(bed.ledger.outgoing(Duration::ZERO, 10).await.unwrap(), []);
}

async fn steps_of_an_older_plan_are_deleted(bed: Bed) {
    let op = operation("bk-1", "prod", State::AwaitingApproval, bed.clock.now());
    bed.ledger.commit(with_steps(write(Guard::New, &op), (0..9).map(Step::new).collect())).await.unwrap();
    let mut commit = with_steps(write(Guard::Version(1), &op), (0..2).map(Step::new).collect());
    commit.op.as_mut().unwrap().replace_steps = true;
    bed.ledger.commit(commit).await.unwrap();
    let left = bed.ledger.load(&op.id).await.unwrap().unwrap().steps;
    assert_eq!(left, [Step::new(0), Step::new(1)]);
}

async fn an_environment_is_locked_for_one_operation(bed: Bed) {
    let (first, second) =
        (bed.plant("bk-1", "prod", State::Queued).await, bed.plant("bk-2", "prod", State::Queued).await);
    let elsewhere = bed.plant("bk-3", "sit", State::Queued).await;
    assert_eq!(bed.ledger.holder("prod").await.unwrap(), None);
    bed.ledger.commit(with_lock(write(Guard::Version(1), &first), Lock::Take)).await.unwrap();
    bed.ledger.commit(with_lock(write(Guard::Version(2), &first), Lock::Take)).await.unwrap();
    bed.ledger.commit(with_lock(write(Guard::Version(1), &elsewhere), Lock::Take)).await.unwrap();
    assert_eq!(bed.ledger.holder("prod").await.unwrap().as_ref(), Some(&first.id));

    // Freeing what another holds frees nothing.
    bed.ledger.commit(with_lock(write(Guard::Version(1), &second), Lock::Free)).await.unwrap();
    let refused = bed.ledger.commit(with_lock(write(Guard::Version(2), &second), Lock::Take)).await.unwrap_err();
    assert_eq!(refused.to_string(), "bk-1 is under way in this environment");

    bed.ledger.commit(with_lock(write(Guard::Version(3), &first), Lock::Free)).await.unwrap();
    bed.ledger.commit(with_lock(write(Guard::Version(2), &second), Lock::Take)).await.unwrap();
    assert_eq!(bed.ledger.holder("prod").await.unwrap(), Some(second.id));
}

async fn ids_are_never_given_twice(bed: Bed) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let ledger = bed.ledger.clone();
        tasks.spawn(async move { ledger.next_id("bk").await.unwrap().0 });
    }
    let mut given = tasks.join_all().await;
    given.sort();
    let mut expected: Vec<String> = (1..=20).map(|n| format!("bk-{n}")).collect();
    expected.sort();
    assert_eq!(given, expected);
    assert_eq!(bed.ledger.next_id("dr").await.unwrap().0, "dr-1");
}

async fn lists_are_filtered_and_begin_with_the_newest(bed: Bed) {
    for (n, (environment, state)) in
        [("prod", State::Failed), ("sit", State::Running), ("prod", State::Running)].into_iter().enumerate()
    {
        // Created in the same millisecond: the higher number is the newer one, also when it has more digits.
        bed.plant(&format!("bk-{}", 8 + n), environment, state).await;
    }
    let list = async |environment: Option<&str>, states: &[State], limit| {
        let filter = Filter { environment: environment.map(Into::into), states: states.to_vec(), limit };
        bed.ledger.list(&filter).await.unwrap().into_iter().map(|op| op.id.0).collect::<Vec<_>>()
    };
    assert_eq!(list(None, &[], 10).await, ["bk-10", "bk-9", "bk-8"]);
    assert_eq!(list(None, &[], 1).await, ["bk-10"]);
    assert_eq!(list(Some("prod"), &[], 10).await, ["bk-10", "bk-8"]);
    assert_eq!(list(None, &[State::Running, State::Queued], 10).await, ["bk-10", "bk-9"]);
    assert_eq!(list(Some("prod"), &[State::Failed, State::RolledBack], 10).await, ["bk-8"]);
    assert_eq!(list(Some("dev"), &[], 10).await, [""; 0]);
}

async fn durations_come_from_finished_steps(bed: Bed) {
    for (n, state) in [StepState::Done, StepState::Done, StepState::Failed].into_iter().enumerate() {
        let op = operation(&format!("bk-{n}"), "prod", State::Running, bed.clock.now());
        let mut step = Step::new(0);
        step.state = state;
        step.started = Some(Moment(1_000_000 * n as i64));
        step.ended = Some(Moment(1_000_000 * n as i64 + 60_000 + n as i64));
        bed.ledger.commit(with_steps(write(Guard::New, &op), vec![step, Step::new(1)])).await.unwrap();
    }
    let took = async |kind, resource, limit| bed.ledger.durations(kind, resource, limit).await.unwrap();
    assert_eq!(took("rds.snapshot", "db-0", 10).await, [Duration::from_millis(60_001), Duration::from_millis(60_000)]);
    assert_eq!(took("rds.snapshot", "db-0", 1).await, [Duration::from_millis(60_001)]);
    assert!(took("rds.snapshot", "db-1", 10).await.is_empty());
    assert!(took("rds.copy", "db-0", 10).await.is_empty());
}

async fn a_request_is_answered_once(bed: Bed) {
    let now = bed.clock.now();
    for id in ["b", "a"] {
        bed.ledger.accept(request(id, now), None, vec![]).await.unwrap();
        bed.clock.pass(1);
    }
    bed.ledger.accept(request("help", now), Some("the help\u{0}".into()), vec![]).await.unwrap();
    assert_eq!(bed.ledger.unanswered(now, 10).await.unwrap(), [request("a", now), request("b", now)]);
    assert_eq!(bed.ledger.unanswered(Moment(now.0 - 1), 10).await.unwrap(), []);
    assert_eq!(bed.ledger.unanswered(now, 1).await.unwrap(), [request("a", now)]);

    let op = operation("bk-1", "prod", State::Queued, now);
    let answered = Commit { answers: Some(("a".into(), "bk-1 begins\u{0}".into())), ..write(Guard::New, &op) };
    bed.ledger.commit(answered).await.unwrap();
    assert_eq!(bed.ledger.unanswered(now, 10).await.unwrap(), [request("b", now)]);

    // Whoever finds the request unanswered at the same time makes no second operation of it.
    let second = operation("bk-2", "prod", State::Queued, now);
    let again = Commit { answers: Some(("a".into(), "bk-2 begins".into())), ..write(Guard::New, &second) };
    assert!(matches!(bed.ledger.commit(again).await, Err(StoreError::Conflict)));
    assert!(bed.ledger.load(&second.id).await.unwrap().is_none());
}

async fn the_database_says_that_it_takes_writes(bed: Bed) {
    bed.ledger.ready().await.unwrap();
    bed.ledger.close().await;
    assert!(matches!(bed.ledger.ready().await, Err(StoreError::Database(_))));
    assert!(bed.ledger.accept(request("late", bed.clock.now()), None, vec![]).await.is_err());
    assert!(bed.ledger.commit(tell(vec![])).await.is_err());
}
