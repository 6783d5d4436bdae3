//! Marks and samples: set, taken, counted, all or nothing with the rest of the transaction.

use std::time::Duration;

use bbws::{
    domain::{
        operation::State,
        tier::{self, Tally},
    },
    ports::store::{Commit, Mark, MarkKind, MarkWrite, Sample, Store as _, StoreError},
};

use crate::store::bed::{Bed, START, entry};

on_every_database!(
    a_mark_is_set_once_and_taken_once,
    marks_stand_and_fall_with_their_transaction,
    samples_are_kept_in_order_and_pruned,
    looks_are_counted_by_day_and_kept_for_a_month
);

fn mark(kind: MarkKind, subject: &str, note: &str) -> Mark {
    Mark {
        environment: "prod".into(),
        kind,
        subject: subject.into(),
        note: note.into(),
        operation: "hd-1".into(),
        at: START,
    }
}

fn writing(write: MarkWrite) -> Commit {
    Commit { marks: vec![write], ..Commit::default() }
}

fn take(kind: MarkKind, subject: &str) -> Commit {
    writing(MarkWrite::Take { environment: "prod".into(), kind, subject: subject.into() })
}

async fn a_mark_is_set_once_and_taken_once(bed: Bed) {
    let hold = mark(MarkKind::Hold, "rds a # INC-1", "INC-1");
    bed.ledger.commit(writing(MarkWrite::New(hold.clone()))).await.unwrap();
    let again = bed.ledger.commit(writing(MarkWrite::New(hold.clone()))).await;
    assert!(matches!(again, Err(StoreError::Conflict)), "{again:?}");
    let tested = mark(MarkKind::Tested, "rds a # INC-1", "the same subject, another kind");
    bed.ledger.commit(writing(MarkWrite::Set(tested.clone()))).await.unwrap();
    let later = Mark { note: "later".into(), at: START + Duration::from_secs(1), ..tested };
    bed.ledger.commit(writing(MarkWrite::Set(later.clone()))).await.unwrap();
    assert_eq!(bed.ledger.marks("prod", None).await.unwrap(), [hold.clone(), later.clone()]);
    assert_eq!(bed.ledger.marks("prod", Some(MarkKind::Hold)).await.unwrap(), [hold]);
    assert!(bed.ledger.marks("sit", None).await.unwrap().is_empty());
    bed.ledger.commit(take(MarkKind::Hold, "rds a # INC-1")).await.unwrap();
    let gone = bed.ledger.commit(take(MarkKind::Hold, "rds a # INC-1")).await;
    assert!(matches!(gone, Err(StoreError::Conflict)), "{gone:?}");
    let drop = MarkWrite::Drop { environment: "prod".into(), kind: MarkKind::Hold, subject: "nothing".into() };
    bed.ledger.commit(writing(drop)).await.unwrap();
    assert_eq!(bed.ledger.marks("prod", None).await.unwrap(), [later]);
}

async fn marks_stand_and_fall_with_their_transaction(bed: Bed) {
    bed.plant("bk-1", "prod", State::Running).await;
    let audited = bed.ledger.audit(0, 1000).await.unwrap().len();
    let both = Commit {
        marks: vec![
            MarkWrite::New(mark(MarkKind::Finding, "a", "")),
            MarkWrite::Take { environment: "prod".into(), kind: MarkKind::Finding, subject: "not there".into() },
        ],
        audit: vec![entry("finding", "a")],
        ..Commit::default()
    };
    assert!(matches!(bed.ledger.commit(both).await, Err(StoreError::Conflict)));
    assert!(bed.ledger.marks("prod", None).await.unwrap().is_empty(), "nothing of it was stored");
    assert_eq!(bed.ledger.audit(0, 1000).await.unwrap().len(), audited);
}

async fn samples_are_kept_in_order_and_pruned(bed: Bed) {
    let sample = |days: u64, component: &str, lag| Sample {
        environment: "prod".into(),
        component: component.into(),
        at: START + Duration::from_secs(days * 86_400),
        lag,
    };
    let all = vec![sample(0, "b", Some(7)), sample(0, "a", None), sample(1, "a", Some(60))];
    bed.ledger.commit(Commit { samples: all.clone(), ..Commit::default() }).await.unwrap();
    // The other replica measured, too.
    bed.ledger.commit(Commit { samples: vec![sample(0, "a", Some(9))], ..Commit::default() }).await.unwrap();
    let kept = bed.ledger.samples("prod", START).await.unwrap();
    assert_eq!(kept, [all[1].clone(), all[0].clone(), all[2].clone()]);
    assert_eq!(bed.ledger.samples("prod", START + Duration::from_secs(60)).await.unwrap(), [all[2].clone()]);
    bed.clock.pass(10 * 86_400);
    bed.ledger.prune(START + Duration::from_secs(30 * 86_400)).await.unwrap();
    assert_eq!(bed.ledger.samples("prod", START).await.unwrap(), [all[2].clone()], "nine days are kept");
}

async fn looks_are_counted_by_day_and_kept_for_a_month(bed: Bed) {
    let today = tier::since(START) + tier::DAYS - 1;
    let tally = |component: &str, day, looks, kept| Tally {
        environment: "prod".into(),
        component: component.into(),
        day,
        looks,
        kept,
    };
    let write = |tallies| Commit { tallies, ..Commit::default() };
    bed.ledger.commit(write(vec![tally("b", today, 1, 1), tally("a", today, 1, 0)])).await.unwrap();
    bed.ledger.commit(write(vec![tally("a", today, 1, 1), tally("a", today - 31, 1, 1)])).await.unwrap();
    let kept = bed.ledger.tallies("prod", today).await.unwrap();
    assert_eq!(kept, [tally("a", today, 2, 1), tally("b", today, 1, 1)]);
    assert!(bed.ledger.tallies("sit", 0).await.unwrap().is_empty());
    assert_eq!(bed.ledger.tallies("prod", 0).await.unwrap().len(), 3);
    bed.ledger.prune(START).await.unwrap();
    assert_eq!(bed.ledger.tallies("prod", 0).await.unwrap(), kept, "what no promise is judged by any more");
}
