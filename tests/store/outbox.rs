//! What is told: once, or again until it got through, the last state always.

use std::time::Duration;

use bbws::{
    domain::{
        moment::Moment,
        operation::{CardRef, State},
    },
    ports::{
        alert::Topic,
        chat::Level,
        store::{Commit, Guard, Notice, Queued, Store as _},
    },
};
use serde_json::json;

use crate::store::bed::{Bed, START, card, tell, thread, write};

on_every_database!(
    many_changes_of_a_card_are_one_notice,
    a_change_during_an_edit_is_sent_after_it,
    an_attempt_nobody_heard_of_again_is_uncertain,
    only_the_last_attempt_plans_the_next,
    replies_wait_for_their_thread_and_come_in_order,
    what_was_told_is_not_told_again,
    a_card_stays_where_it_is,
    old_notices_are_pruned_but_not_cards,
);

const HOLD: Duration = Duration::from_secs(20);

fn after(seconds: i64) -> Moment {
    Moment(START.0 + seconds * 1000)
}

async fn take(bed: &Bed) -> Vec<Queued> {
    bed.ledger.outgoing(HOLD, 10).await.unwrap()
}

async fn take_one(bed: &Bed) -> Queued {
    let mut taken = take(bed).await;
    assert_eq!(taken.len(), 1, "{taken:?}");
    taken.remove(0)
}

fn place(ts: &str) -> CardRef {
    CardRef { channel: "C0PROD".into(), ts: ts.into() }
}

async fn many_changes_of_a_card_are_one_notice(bed: Bed) {
    let op = bed.plant("bk-1", "prod", State::Running).await;
    assert_eq!(bed.ledger.next_notice().await.unwrap(), None);
    for version in 1..4 {
        bed.ledger.commit(Commit { notices: vec![card(&op)], ..write(Guard::Version(version), &op) }).await.unwrap();
    }
    assert_eq!(bed.ledger.next_notice().await.unwrap(), Some(START));
    let queued = take_one(&bed).await;
    let expected = Queued {
        key: "card:bk-1".into(),
        notice: card(&op),
        version: 3,
        uncertain: false,
        attempts: 0,
        created: START,
    };
    assert_eq!(queued, expected);
    assert_eq!(take(&bed).await, [], "it is hidden while it is being sent");
    bed.ledger.sent(&queued, None, after(1)).await.unwrap();
    assert_eq!(bed.ledger.next_notice().await.unwrap(), None);
    bed.clock.pass(100);
    assert_eq!(take(&bed).await, []);
    bed.ledger.commit(tell(vec![card(&op)])).await.unwrap();
    bed.clock.pass(10);
    assert_eq!(take_one(&bed).await.created, after(100), "it waits since it changed");
}

async fn a_change_during_an_edit_is_sent_after_it(bed: Bed) {
    let op = bed.plant("bk-1", "prod", State::Running).await;
    bed.ledger.commit(tell(vec![card(&op)])).await.unwrap();
    let first = take_one(&bed).await;
    bed.ledger.commit(tell(vec![card(&op)])).await.unwrap();
    assert_eq!(take(&bed).await, [], "two edits at once could arrive in the wrong order");
    bed.ledger.sent(&first, None, after(1)).await.unwrap();
    assert_eq!(take(&bed).await, [], "one edit per second");
    assert_eq!(bed.ledger.next_notice().await.unwrap(), Some(after(1)));
    bed.clock.pass(1);
    let second = take_one(&bed).await;
    assert_eq!((second.version, second.uncertain, second.attempts, second.created), (2, false, 0, after(1)));

    // Slack asks to wait a minute; a further change does not shorten that.
    bed.ledger.defer(&second, after(60), false).await.unwrap();
    bed.ledger.commit(tell(vec![card(&op)])).await.unwrap();
    assert_eq!(bed.ledger.next_notice().await.unwrap(), Some(after(60)));
    bed.clock.pass(59);
    let third = take_one(&bed).await;
    assert_eq!((third.version, third.uncertain, third.attempts, third.created), (3, false, 1, after(1)));
}

async fn an_attempt_nobody_heard_of_again_is_uncertain(bed: Bed) {
    let op = bed.plant("bk-1", "prod", State::Running).await;
    bed.ledger.commit(tell(vec![card(&op)])).await.unwrap();
    take_one(&bed).await;
    // The process dies here; the next one finds the notice when the hold has ended.
    assert_eq!(bed.ledger.next_notice().await.unwrap(), Some(START + HOLD));
    bed.clock.pass(20);
    let again = take_one(&bed).await;
    assert_eq!((again.uncertain, again.attempts), (true, 1));

    bed.ledger.defer(&again, after(30), true).await.unwrap();
    bed.clock.pass(10);
    let again = take_one(&bed).await;
    assert_eq!((again.uncertain, again.attempts), (true, 2));
    bed.ledger.defer(&again, after(30), false).await.unwrap();
    assert!(!take_one(&bed).await.uncertain);
}

async fn only_the_last_attempt_plans_the_next(bed: Bed) {
    let op = bed.plant("bk-1", "prod", State::Running).await;
    bed.ledger.commit(tell(vec![card(&op)])).await.unwrap();
    let slow = take_one(&bed).await;
    bed.clock.pass(20);
    let quick = take_one(&bed).await;
    bed.ledger.defer(&slow, START, false).await.unwrap();
    assert_eq!(take(&bed).await, []);
    bed.ledger.sent(&quick, None, after(1)).await.unwrap();
    bed.ledger.defer(&quick, START, true).await.unwrap();
    assert_eq!(bed.ledger.next_notice().await.unwrap(), None, "what got through stays told");
}

async fn replies_wait_for_their_thread_and_come_in_order(bed: Bed) {
    let op = bed.plant("bk-1", "prod", State::Running).await;
    let started = vec![card(&op), thread(&op, "started"), thread(&op, "a-detail")];
    bed.ledger.commit(Commit { notices: started, ..write(Guard::Version(1), &op) }).await.unwrap();
    bed.ledger.commit(Commit { notices: vec![thread(&op, "ended")], ..write(Guard::Version(2), &op) }).await.unwrap();
    let queued = take_one(&bed).await;
    assert_eq!(queued.key, "card:bk-1");
    bed.clock.pass(1);
    assert_eq!(take(&bed).await, []);
    assert_eq!(bed.ledger.next_notice().await.unwrap(), Some(START + HOLD), "replies without a thread wake nobody");

    bed.ledger.sent(&queued, Some((op.id.clone(), place("17.1"))), after(1)).await.unwrap();
    assert_eq!(bed.ledger.next_notice().await.unwrap(), Some(START));
    let keys: Vec<String> = take(&bed).await.into_iter().map(|q| q.key).collect();
    assert_eq!(keys, ["thread:bk-1:started", "thread:bk-1:a-detail", "thread:bk-1:ended"]);
}

async fn what_was_told_is_not_told_again(bed: Bed) {
    let op = bed.plant("bk-1", "prod", State::Running).await;
    let publish = Notice::Publish {
        environment: "prod".into(),
        topic: Topic::BackupStatus,
        key: "bk-1-succeeded-r0".into(),
        subject: "bk-1 succeeded".into(),
        body: json!({"operation": "bk-1"}),
    };
    let whisper = Notice::Whisper {
        channel: "C0PROD".into(),
        user: "U0BOB".into(),
        level: Level::Warning,
        text: "you asked for it yourself".into(),
        attachment: Default::default(),
    };
    let all = vec![thread(&op, "ended"), publish.clone(), whisper.clone()];
    bed.ledger
        .sent(
            &Queued {
                key: "none".into(),
                notice: publish.clone(),
                version: 1,
                uncertain: false,
                attempts: 0,
                created: START,
            },
            Some((op.id.clone(), place("17.1"))),
            START,
        )
        .await
        .unwrap();
    bed.ledger.commit(tell(all.clone())).await.unwrap();
    bed.ledger.commit(tell(vec![all[0].clone(), publish])).await.unwrap();
    let mut taken = take(&bed).await;
    assert_eq!(taken.iter().map(|q| &q.notice).collect::<Vec<_>>(), all.iter().collect::<Vec<_>>());
    for queued in taken.drain(..) {
        bed.ledger.sent(&queued, None, START).await.unwrap();
    }
    bed.ledger.commit(tell(all.clone())).await.unwrap();
    // The same words to the same person a second time are a second answer.
    assert_eq!(take_one(&bed).await.notice, whisper);
}

async fn a_card_stays_where_it_is(bed: Bed) {
    let mut op = bed.plant("bk-1", "prod", State::Running).await;
    bed.ledger.commit(tell(vec![card(&op)])).await.unwrap();
    bed.ledger.sent(&take_one(&bed).await, Some((op.id.clone(), place("17.1"))), START).await.unwrap();
    op.state = State::Failed;
    // Loaded before the card was posted, written after: the place is not lost, and its version is not another.
    bed.ledger.commit(write(Guard::Version(1), &op)).await.unwrap();
    let run = bed.ledger.load(&op.id).await.unwrap().unwrap();
    assert_eq!((run.op.card, run.op.state), (Some(place("17.1")), State::Failed));
    assert_eq!(
        bed.ledger.list(&bbws::ports::store::Filter { limit: 1, ..Default::default() }).await.unwrap()[0].card,
        Some(place("17.1"))
    );
}

async fn old_notices_are_pruned_but_not_cards(bed: Bed) {
    let op = bed.plant("bk-1", "prod", State::Running).await;
    bed.ledger.commit(tell(vec![card(&op)])).await.unwrap();
    bed.ledger.sent(&take_one(&bed).await, Some((op.id.clone(), place("17.1"))), START).await.unwrap();
    bed.ledger.commit(tell(vec![thread(&op, "told"), thread(&op, "untold")])).await.unwrap();
    bed.ledger.sent(&take(&bed).await[0], None, START).await.unwrap();
    assert_eq!(bed.ledger.prune(START).await.unwrap(), 0);
    assert_eq!(bed.ledger.prune(after(1)).await.unwrap(), 1);
    bed.clock.pass(60);
    bed.ledger.commit(tell(vec![card(&op)])).await.unwrap();
    let left: Vec<(String, i64)> = take(&bed).await.into_iter().map(|q| (q.key, q.version)).collect();
    assert_eq!(left, [("thread:bk-1:untold".into(), 1), ("card:bk-1".into(), 2)], "what waits for longer goes first");
}
