//! Futures that are dropped at every await of every method: what was begun comes to its end, and no connection goes back
//! inside a transaction.

use std::{
    future::{Future, poll_fn},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use bbws::{
    adapters::store::Ledger,
    domain::{
        moment::Moment,
        operation::{CardRef, OpId, State},
        step::Step,
    },
    ports::store::{
        Commit, Filter, Guard, Lock, Mark, MarkKind, MarkWrite, Notice, Sample, Stop, Store as _, StoreError,
    },
};
use futures::future::BoxFuture;
use sqlx::{AnyConnection, Connection as _, query_scalar};

use crate::store::bed::{Bed, LEASE, START, card, entry, operation, request, thread, with_lock, with_steps, write};

/// More awaits than any method has.
const AWAITS: usize = 60;

/// Polls a future so many times, and drops it then; whether it came to its end before.
async fn polled<F: Future>(future: F, times: usize) -> bool {
    let mut future = Box::pin(future);
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

type Work = Box<dyn Fn(Arc<Ledger>, usize) -> BoxFuture<'static, ()> + Send + Sync>;

fn work<F, T>(of: impl Fn(Arc<Ledger>, usize) -> F + Send + Sync + 'static) -> Work
where
    F: Future<Output = Result<T, StoreError>> + Send + 'static,
    T: 'static,
{
    Box::new(move |ledger, n| {
        let work = of(ledger, n);
        Box::pin(async move { drop(work.await) })
    })
}

/// A commit with something of everything.
fn everything(n: usize) -> Commit {
    let op = operation(&format!("bk-{}", 1000 + n), &format!("env-{n}"), State::Queued, START);
    let mark = |subject: &str| Mark {
        environment: "prod".into(),
        kind: MarkKind::Hold,
        subject: subject.into(),
        note: "CHG-1".into(),
        operation: op.id.0.clone(),
        at: START,
    };
    let sample = Sample { environment: "prod".into(), component: "db".into(), at: Moment(n as i64), lag: Some(1) };
    let stop = Stop { scope: "sit".into(), by: "U0BOB".into(), reason: "look".into(), at: START };
    let mut commit = with_lock(with_steps(write(Guard::New, &op), (0..9).map(Step::new).collect()), Lock::Take);
    commit.stop = Some(stop);
    commit.lift = Some("dev".into());
    commit.audit = vec![entry("state", n)];
    commit.notices = vec![card(&op), thread(&op, "started")];
    commit.marks = vec![MarkWrite::Set(mark("a")), MarkWrite::Set(mark("b"))];
    commit.samples = vec![sample];
    commit
}

fn every_method() -> Vec<(&'static str, Work)> {
    let id = || OpId("bk-1".into());
    let all = |notice: Notice| bbws::ports::store::Queued {
        key: "card:bk-1".into(),
        notice,
        version: 1,
        uncertain: false,
        attempts: 0,
        created: START,
    };
    let queued = move || all(Notice::Card { operation: id() });
    vec![
        ("commit", work(|l, n| async move { l.commit(everything(n)).await })),
        (
            "accept",
            work(|l, n| async move { l.accept(request(&n.to_string(), START), None, vec![entry("request", n)]).await }),
        ),
        ("next_id", work(|l, _| async move { l.next_id("bk").await })),
        ("claim", work(|l, _| async move { l.claim("runner", LEASE, 10).await })),
        (
            "park",
            work(move |l, _| async move {
                let claim = bbws::ports::store::Claim { id: id(), fence: 1, lease: LEASE };
                l.park(&claim, 1, START).await
            }),
        ),
        ("break_leases", work(|l, _| async move { l.break_leases().await })),
        ("outgoing", work(|l, _| async move { l.outgoing(Duration::from_secs(20), 10).await })),
        (
            "sent",
            work(move |l, _| async move {
                let place = CardRef { channel: "C0PROD".into(), ts: "1.1".into() };
                l.sent(&queued(), Some((id(), place)), START).await
            }),
        ),
        ("defer", work(move |l, _| async move { l.defer(&queued(), START, true).await })),
        ("prune", work(|l, _| async move { l.prune(START).await })),
        ("ready", work(|l, _| async move { l.ready().await })),
        ("unanswered", work(|l, _| async move { l.unanswered(START, 10).await })),
        ("numbers", work(|l, _| async move { l.numbers().await })),
        ("incarnation", work(|l, _| async move { l.incarnation().await })),
        ("head", work(|l, _| async move { l.head().await })),
        ("load", work(move |l, _| async move { l.load(&id()).await })),
        ("list", work(|l, _| async move { l.list(&Filter { limit: 10, ..Filter::default() }).await })),
        ("holder", work(|l, _| async move { l.holder("prod").await })),
        ("stops", work(|l, _| async move { l.stops().await })),
        ("next_wake", work(|l, _| async move { l.next_wake().await })),
        ("next_notice", work(|l, _| async move { l.next_notice().await })),
        ("audit", work(|l, _| async move { l.audit(0, 10).await })),
        ("marks", work(|l, _| async move { l.marks("prod", None).await })),
        ("samples", work(|l, _| async move { l.samples("prod", START).await })),
        ("durations", work(|l, _| async move { l.durations("rds.snapshot", "db-0", 10).await })),
        ("verify_audit", work(|l, _| async move { l.verify_audit().await })),
    ]
}

/// Drops every method at every await, and asks after each time whether the ledger is as it was meant to be.
async fn whoever_is_dropped_leaves_the_ledger_in_order(bed: Bed) {
    bed.plant("bk-1", "prod", State::Running).await;
    let mut acknowledged = 0;
    for (name, work) in every_method() {
        for awaits in 1..AWAITS {
            let ended = polled(work(bed.ledger.clone(), acknowledged), awaits).await;
            acknowledged += 1;
            // What somebody else does now is done, and stays.
            let before = bed.ledger.head().await.unwrap().seq;
            let note = Commit { audit: vec![entry("note", name)], ..Commit::default() };
            bed.ledger
                .commit(note)
                .await
                .unwrap_or_else(|e| panic!("after {name} was dropped at await {awaits}: {e:?}"));
            let whole = bed.ledger.verify_audit().await;
            let whole = whole.unwrap_or_else(|e| panic!("after {name} was dropped at await {awaits}: {e:?}"));
            assert!(whole.expect("the chain is whole").seq > before, "{name} at await {awaits}");
            if ended {
                break;
            }
            assert!(awaits + 1 < AWAITS, "{name} has more awaits than that");
        }
    }
    nobody_is_inside_a_transaction(&bed).await;
    // A commit whose caller went away happened as a whole or not at all.
    for n in 0..acknowledged {
        let Some(run) = bed.ledger.load(&OpId(format!("bk-{}", 1000 + n))).await.unwrap() else { continue };
        assert_eq!((run.steps.len(), run.version), (9, 1));
        assert_eq!(bed.ledger.holder(&format!("env-{n}")).await.unwrap(), Some(run.op.id));
    }
    bed.ledger.close().await;
    let again = crate::store::bed::open(&bed.url, bed.clock.clone()).await;
    if bed.url != "sqlite::memory:" {
        again.unwrap().verify_audit().await.unwrap().expect("what was acknowledged is there");
    }
}

/// No session of the ledger holds a transaction open while nobody works.
async fn nobody_is_inside_a_transaction(bed: &Bed) {
    if !bed.url.starts_with("postgres") {
        return;
    }
    let mut connection = AnyConnection::connect(&bed.url).await.unwrap();
    const OPEN: &str = "SELECT COUNT(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'";
    let mut open = i64::MAX;
    // What was begun for somebody who went away may be at its end just now.
    for _ in 0..200 {
        open = query_scalar(OPEN).fetch_one(&mut connection).await.unwrap();
        if open == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(open, 0, "connections inside a transaction");
    connection.close().await.unwrap();
}

on_every_database!(whoever_is_dropped_leaves_the_ledger_in_order);
