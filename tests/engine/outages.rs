//! A region that does not answer in the middle of a run: what people see, what they are told, and that it goes on at once.

use std::time::Duration;

use bbws::{
    adapters::{
        sandbox::aws::{Fault, Target},
        slack::draw_card,
    },
    app::change::Change,
    domain::{
        moment::Moment,
        operation::{Run, State},
    },
    ports::{
        chat::{CardView, Level},
        clock::Clock as _,
        store::{Guard, Store as _},
    },
};

use crate::support::rig::Rig;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DR: &str = "eu-west-1";

/// A backup of prod that runs, with its DR region down since a moment, and waits for it.
async fn waiting(rig: &mut Rig) -> String {
    let id = rig.approved_backup("backup create prod full").await;
    while rig.state(&id).await != State::Running {
        rig.settle(SECOND).await;
    }
    rig.cloud.region_down(DR, true);
    for _ in 0..120 {
        if !rig.run(&id).await.outages().is_empty() {
            return id;
        }
        rig.settle(30 * SECOND).await;
    }
    panic!("the run never needs its DR region");
}

/// What the card says now, as the announcer drew it last.
fn card(rig: &Rig, id: &str) -> String {
    let cards = rig.chat.cards();
    let drawn = |p: &crate::support::chat::Posted| match &p.message.content {
        bbws::ports::chat::Content::Card(view) if view.run.op.id.0 == id => Some(draw_card(view).text),
        _ => None,
    };
    cards.iter().find_map(drawn).expect("the card is posted")
}

fn told(rig: &Rig, id: &str) -> Vec<String> {
    let lines = rig.chat.thread_of(id).into_iter().filter_map(|p| p.line().map(str::to_owned));
    lines.filter(|line| line.contains("has not answered since")).collect()
}

#[tokio::test]
async fn an_outage_is_told_once_and_the_card_counts_on() {
    let mut rig = Rig::sqlite().await;
    let id = waiting(&mut rig).await;
    let since = rig.run(&id).await.outages()[0].since;
    rig.settle(MINUTE).await;
    let first = card(&rig, &id);
    assert!(first.contains(&format!("Waiting for {DR} (down since {}), ", since.clock())), "{first}");
    assert!(first.contains("next try in ") || first.contains("trying now"), "{first}");
    assert!(first.contains("*Try now* asks at once") && !first.contains("left"), "{first}");
    rig.settle(5 * MINUTE).await;
    let later = card(&rig, &id);
    assert!(later != first && later.contains(&format!("(down since {})", since.clock())), "{later}");
    let status = rig.say("U0DAVE", "status prod").await;
    assert!(status.contains(&format!("waits for {DR} (down since {}), ", since.clock())), "{status}");
    let lines = told(&rig, &id);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!(lines[0].matches("<@U0ALICE>").count(), 1, "{lines:#?}");
    assert!(lines[0].contains(&since.clock()) && lines[0].contains("UTC"), "{lines:#?}");
}

#[tokio::test]
async fn it_goes_on_at_once_and_the_standstill_is_no_experience() {
    let mut rig = Rig::sqlite().await;
    let id = waiting(&mut rig).await;
    rig.settle(15 * MINUTE).await;
    assert_eq!(rig.state(&id).await, State::Running);
    let refused = rig.click("U0DAVE", "try_now", &id).await.expect("an answer");
    assert_eq!(refused.level, Level::Error, "{refused:?}");
    let still = rig.run(&id).await;

    rig.cloud.region_down(DR, false);
    let said = rig.click("U0BOB", "try_now", &id).await.expect("an answer");
    assert!(said.text.contains(&format!("{DR} is asked now for {id}")), "{said:?}");
    rig.settle(2 * SECOND).await;
    let run = rig.run(&id).await;
    assert!(run.outages().is_empty(), "{:#?}", run.outages());
    assert!(run.stalled() > 5 * MINUTE, "{:?}", run.stalled());
    let late = rig.click("U0BOB", "try_now", &id).await.expect("an answer");
    assert!(late.text.contains("waits for no region"), "{late:?}");
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    assert_eq!(told(&rig, &id).len(), 1);

    let run = rig.run(&id).await;
    for index in still.unanswered(DR) {
        let (step, action) = (&run.steps[index], &run.op.plan.steps[index].action);
        let took = rig.ledger.durations(action.kind(), action.resource(), 1).await.unwrap()[0];
        let lasted = step.ended.unwrap().since(step.started.unwrap());
        assert!(step.stalled > Duration::ZERO, "{step:#?}");
        assert_eq!(took, lasted - step.stalled, "{step:#?}");
    }
}

#[tokio::test]
async fn the_first_answer_of_a_region_wakes_everything_that_waits_for_it() {
    let mut rig = Rig::sqlite().await;
    let id = waiting(&mut rig).await;
    rig.settle(10 * MINUTE).await;
    rig.cloud.region_down(DR, false);
    let due = rig.run(&id).await.outages()[0].next;
    rig.settle(due.since(rig.clock.now()) + 5 * SECOND).await;
    let run = rig.run(&id).await;
    assert!(run.outages().is_empty(), "{:#?}", run.outages());
    assert!(run.unanswered(DR).is_empty(), "{:#?}", run.steps);
}

#[tokio::test]
async fn one_outage_calls_a_person_once_and_its_end_wakes_every_run() {
    let mut rig = Rig::sqlite().await;
    let second = rig.asked("backup create sit full").await;
    let first = waiting(&mut rig).await;
    for _ in 0..60 {
        if !rig.run(&second).await.outages().is_empty() {
            break;
        }
        rig.settle(MINUTE).await;
    }
    assert!(!rig.run(&second).await.outages().is_empty(), "{:#?}", rig.run(&second).await.steps);
    rig.settle(20 * MINUTE).await;
    let (one, other) = (told(&rig, &first), told(&rig, &second));
    assert_eq!((one.len(), other.len()), (1, 1), "each thread says why it waits: {one:#?} {other:#?}");
    let calls = [one, other].concat().iter().filter(|line| line.contains("<@U0ALICE>")).count();
    assert_eq!(calls, 1, "Alice is called once");

    rig.cloud.region_down(DR, false);
    let due = [&first, &second].map(|id| id.clone());
    let mut next = Moment::FAR_FUTURE;
    for id in &due {
        next = next.min(rig.run(id).await.outages()[0].next);
    }
    rig.settle(next.since(rig.clock.now()) + 5 * SECOND).await;
    for id in &due {
        let run = rig.run(id).await;
        assert!(run.outages().is_empty() && run.unanswered(DR).is_empty(), "{id}: {:#?}", run.outages());
    }
}

#[tokio::test]
async fn a_single_lost_answer_is_no_outage() {
    let mut rig = Rig::sqlite().await;
    let id = rig.approved_backup("backup create prod full").await;
    rig.cloud.inject(Fault::LostReply, Target::next_start());
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    assert!(told(&rig, &id).is_empty());
}

/// A run whose clock goes on shows how long it has taken.
#[tokio::test]
async fn elapsed_time_runs_on() {
    let mut rig = Rig::sqlite().await;
    let id = waiting(&mut rig).await;
    let shown = |run: bbws::domain::operation::Run, now: Moment| draw_card(&CardView { run, now }).text;
    let now = rig.clock.now();
    rig.settle(20 * MINUTE).await;
    let later = rig.clock.now();
    let run = rig.run(&id).await;
    let (before, after) = (shown(run.clone(), now), shown(run, later));
    assert!(before != after && after.contains(" so far"), "{before} / {after}");
}

#[tokio::test]
async fn whoever_cancels_does_not_wait_for_a_region_that_is_lost() {
    let mut rig = Rig::demo_sqlite().await;
    let id = rig.asked("backup create prod full").await;
    rig.settle(2 * SECOND).await;
    rig.click("U0BOB", "approve", &id).await;
    while !rig.run(&id).await.in_flight() {
        rig.settle(SECOND).await;
    }
    rig.cloud.region_down("af-south-1", true);
    rig.settle(10 * MINUTE).await;
    assert!(!rig.run(&id).await.outages().is_empty(), "{:#?}", rig.run(&id).await.steps);
    // A failover need not wait for it, and whoever only wants it to be over cancels it.
    let failover = "dr failover prod --execute --ticket INC-1 --reason \"af-south-1 is gone\"";
    let refused = rig.say("U0ALICE", failover).await;
    assert!(refused.contains(&id) && refused.contains("the button stops it and goes on"), "{refused}");
    let other = rig.say("U0ALICE", "backup create prod secrets").await;
    assert!(other.contains(&id) && other.contains("Cancel it: its region does not answer"), "{other}");
    rig.click("U0ALICE", "cancel", &id).await;
    // What is in flight elsewhere is watched to its end; then it is cancelled once more.
    for _ in 0..20 {
        if rig.state(&id).await.terminal() {
            break;
        }
        rig.settle(10 * MINUTE).await;
        rig.click("U0ALICE", "cancel", &id).await;
    }
    let run = rig.run(&id).await;
    assert_eq!(run.op.state, State::Cancelled, "{:#?}", run.steps);
    let outcome = run.op.outcome.clone().expect("an outcome");
    assert!(outcome.contains("is unknown: look in AWS for resources tagged"), "{outcome}");
    assert_eq!(rig.ledger_holder("prod").await, None);
    let failover = rig.asked(failover).await;
    assert!(failover.starts_with("dr-"), "{failover}");
}

#[tokio::test]
async fn what_waits_in_a_queue_of_this_process_for_a_lost_region_holds_no_cancellation_up() {
    let mut rig = Rig::demo_sqlite().await;
    let id = rig.asked("backup create prod full").await;
    rig.settle(2 * SECOND).await;
    rig.click("U0BOB", "approve", &id).await;
    while !rig.run(&id).await.in_flight() {
        rig.settle(SECOND).await;
    }
    rig.cloud.region_down("af-south-1", true);
    let waits = |run: &Run| run.steps.iter().filter(|s| s.state.in_flight()).all(|s| s.waits_for().is_some());
    for _ in 0..20 {
        rig.settle(10 * MINUTE).await;
        if waits(&rig.run(&id).await) {
            break;
        }
    }
    let run = rig.run(&id).await;
    assert!(waits(&run), "nothing goes on elsewhere: {:#?}", run.steps);
    let of_home = |index: usize| run.op.plan.steps[index].action.region() == Some("af-south-1");
    let mut flying = run.steps.iter().filter(|step| step.state.in_flight()).map(|step| step.index);
    let queued = flying.find(|index| of_home(*index)).expect("something was begun at home");
    // It never got as far as to ask the region, so that its step shows no silence.
    let mut change = Change::on(&run, rig.clock.now());
    let queued = change.touch(queued);
    (queued.silence, queued.down, queued.detail) = (0, None, Some("queued".into()));
    rig.ledger.commit(change.commit(Guard::Version(run.version)).1).await.expect("it is committed");
    rig.click("U0ALICE", "cancel", &id).await;
    assert_eq!(rig.state(&id).await, State::Cancelled, "{:#?}", rig.run(&id).await.steps);
    assert_eq!(rig.ledger_holder("prod").await, None);
}
