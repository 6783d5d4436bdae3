//! A push ends the wait of a parked run at once, and no flood of pushes makes us ask AWS without end.

use std::time::Duration;

use bbws::{
    domain::{moment::Moment, operation::Run, step::StepState},
    ports::clock::Clock as _,
};

use super::{OK, sns::*, stage::Stage};
use crate::support::rig::Rig;

impl Stage {
    /// AWS tells that some job of prod has changed.
    async fn pushed(&self, id: &str) {
        let timestamp = self.rig.clock.now().iso();
        let mut message = notification(&event().to_string());
        message.insert("MessageId".to_owned(), id.into());
        message.insert("Timestamp".to_owned(), timestamp.into());
        assert_eq!(self.send(&signed(message)).await, OK);
    }
}

fn waiting(run: &Run) -> Vec<(usize, Moment)> {
    let polling = run.steps.iter().filter(|s| s.state == StepState::Polling);
    polling.map(|s| (s.index, s.wake_at)).collect()
}

/// Works until nothing is due at this very moment.
async fn rest(rig: &mut Rig) {
    while rig.step().await {}
}

/// A prod backup whose jobs AWS works on, parked.
async fn parked(mut rig: Rig) -> (Stage, String) {
    let id = rig.approved_backup("backup create prod").await;
    rig.settle(Duration::from_secs(60)).await;
    rest(&mut rig).await;
    let run = rig.run(&id).await;
    assert!(!waiting(&run).is_empty(), "{run:#?}");
    assert!(run.op.wake_at > rig.clock.now(), "it waits for its next poll");
    (Stage::on(rig), id)
}

async fn a_push_ends_a_wait(rig: Rig) {
    let (mut stage, id) = parked(rig).await;
    let (now, asked) = (stage.rig.clock.now(), stage.rig.cloud.requests());
    stage.pushed("first").await;
    assert!(stage.rig.step().await, "the run is due");
    rest(&mut stage.rig).await;
    assert_eq!(stage.rig.clock.now(), now, "no time went by");
    assert!(stage.rig.cloud.requests() > asked, "AWS was asked");
    let run = stage.rig.run(&id).await;
    assert!(waiting(&run).iter().all(|(_, at)| *at > now), "and waits again: {run:#?}");
    assert!(stage.rig.ledger.verify_audit().await.unwrap().is_ok());
}

#[tokio::test]
async fn a_push_ends_a_wait_on_sqlite() {
    a_push_ends_a_wait(Rig::sqlite().await).await;
}

#[tokio::test]
async fn a_push_ends_a_wait_on_postgresql() {
    a_push_ends_a_wait(Rig::postgres().await).await;
}

#[tokio::test]
async fn a_job_that_ended_is_seen_before_its_next_poll_is_due() {
    let (mut stage, id) = parked(Rig::sqlite().await).await;
    for n in 0..500 {
        let before = waiting(&stage.rig.run(&id).await);
        let next = before.iter().map(|(_, at)| *at).min().unwrap();
        let just_before = Moment(next.0 - 1);
        stage.rig.clock.set(just_before);
        rest(&mut stage.rig).await;
        stage.pushed(&format!("id-{n}")).await;
        rest(&mut stage.rig).await;
        assert!(stage.rig.clock.now() < next);
        let run = stage.rig.run(&id).await;
        let done = before.iter().filter(|(index, _)| run.steps[*index].state == StepState::Done).count();
        if done > 0 {
            assert_eq!(stage.rig.finish(&id).await, bbws::domain::operation::State::Succeeded);
            assert!(stage.rig.cloud.twice().is_empty());
            return;
        }
    }
    panic!("no job ever ended");
}

#[tokio::test]
async fn a_flood_of_pushes_is_one_poll_every_two_seconds() {
    let (mut stage, id) = parked(Rig::sqlite().await).await;
    let (start, asked) = (stage.rig.clock.now(), stage.rig.cloud.requests());
    stage.pushed("alone").await;
    rest(&mut stage.rig).await;
    let one = stage.rig.cloud.requests() - asked;
    let version = stage.rig.run(&id).await.version;
    for n in 0..100 {
        stage.pushed(&format!("flood-{n}")).await;
        rest(&mut stage.rig).await;
    }
    assert_eq!(stage.rig.cloud.requests() - asked, one, "the rest waits");
    assert_eq!(stage.rig.run(&id).await.version, version + 1, "and is written down once");
    stage.rig.settle(Duration::from_secs(2)).await;
    assert!(stage.rig.cloud.requests() - asked > one, "the last of them is not lost");
    assert_eq!(stage.rig.clock.now(), start + Duration::from_secs(2));
}

#[tokio::test]
async fn other_environments_and_people_who_are_asked_are_left_alone() {
    let mut rig = Rig::sqlite().await;
    let asked = rig.asked("backup create prod").await;
    let dev = rig.asked("backup create dev").await;
    rig.settle(Duration::from_secs(60)).await;
    rest(&mut rig).await;
    let stage = Stage::on(rig);
    let before = (stage.rig.run(&asked).await, stage.rig.run(&dev).await);
    stage.pushed("prod's").await;
    assert_eq!((stage.rig.run(&asked).await, stage.rig.run(&dev).await), before);
}
