//! Hands on a run: stop, resume, pause, cancel.

use std::time::Duration;

use bbws::{
    app::change::{Change, SELF},
    domain::{
        operation::{State, Trigger},
        step::StepState,
    },
    ports::{
        clock::Clock as _,
        store::{Guard, Store as _},
    },
};

use crate::support::rig::{Rig, id_in};

async fn running(rig: &mut Rig) -> String {
    let id = rig.approved_backup("backup create prod").await;
    rig.settle(Duration::from_secs(2)).await;
    assert_eq!(rig.state(&id).await, State::Running);
    id
}

#[tokio::test]
async fn stop_halts_at_once_and_resume_takes_two_people() {
    let mut rig = Rig::sqlite().await;
    let id = running(&mut rig).await;
    let before = rig.mutations();
    rig.say("U0BOB", "stop prod the database looks corrupt").await;
    assert_eq!(rig.state(&id).await, State::Stopped);
    rig.settle(Duration::from_secs(3600)).await;
    assert_eq!(rig.mutations(), before, "no mutation after a stop");
    let run = rig.run(&id).await;
    assert!(run.steps.iter().all(|s| !s.state.in_flight()), "what ran in AWS was watched to its end");
    assert!(run.steps.iter().any(|s| s.state == StepState::Ready));
    let said = rig.say("U0ALICE", "backup create prod").await;
    assert!(said.contains("is stopped by"), "{said}");
    let resume = id_in(&rig.say("U0BOB", "resume prod").await);
    assert_eq!(rig.state(&resume).await, State::AwaitingApproval);
    rig.click("U0BOB", "approve", &resume).await;
    assert_eq!(rig.state(&resume).await, State::AwaitingApproval, "the same person does not count");
    rig.click("U0CAROL", "approve", &resume).await;
    assert_eq!(rig.finish(&resume).await, State::Succeeded);
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    assert!(rig.cloud.twice().is_empty());
}

#[tokio::test]
async fn a_stop_of_everything_holds_what_was_approved() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    rig.say("U0CAROL", "stop --reason \"region trouble\"").await;
    rig.click("U0BOB", "approve", &id).await;
    for _ in 0..20 {
        rig.step().await;
        rig.clock.advance(Duration::from_secs(5));
    }
    assert_eq!(rig.state(&id).await, State::Queued);
    assert_eq!(rig.mutations(), 0);
    let resume = id_in(&rig.say("U0CAROL", "resume").await);
    rig.click("U0BOB", "approve", &resume).await;
    assert_eq!(rig.finish(&resume).await, State::Succeeded);
    assert_eq!(rig.finish(&id).await, State::Succeeded);
}

#[tokio::test]
async fn the_stop_button_and_its_resume() {
    let mut rig = Rig::sqlite().await;
    let id = running(&mut rig).await;
    rig.click("U0CAROL", "stop", &id).await;
    assert_eq!(rig.state(&id).await, State::Stopped);
    let before = rig.mutations();
    rig.settle(Duration::from_secs(3600)).await;
    assert_eq!(rig.mutations(), before);
    let resume = id_in(&rig.click("U0ALICE", "resume", &id).await.unwrap().text);
    rig.click("U0BOB", "approve", &resume).await;
    assert_eq!(rig.finish(&resume).await, State::Succeeded);
    assert_eq!(rig.finish(&id).await, State::Succeeded);
}

#[tokio::test]
async fn a_newer_stop_is_not_lifted_by_an_older_request() {
    let mut rig = Rig::sqlite().await;
    rig.say("U0BOB", "stop prod first").await;
    let resume = id_in(&rig.say("U0BOB", "resume prod").await);
    rig.clock.advance(Duration::from_secs(5));
    rig.say("U0CAROL", "stop prod \"second, worse\"").await;
    rig.click("U0ALICE", "approve", &resume).await;
    assert_eq!(rig.finish(&resume).await, State::Failed);
    let said = rig.say("U0ALICE", "backup create prod").await;
    assert!(said.contains("second, worse"), "{said}");
}

#[tokio::test]
async fn pause_and_resume_by_one_person() {
    let mut rig = Rig::sqlite().await;
    let id = running(&mut rig).await;
    rig.say("U0ALICE", &format!("op pause {id}")).await;
    assert_eq!(rig.state(&id).await, State::Paused);
    let before = rig.mutations();
    rig.settle(Duration::from_secs(3600)).await;
    assert_eq!((rig.mutations(), rig.state(&id).await), (before, State::Paused));
    rig.click("U0ALICE", "resume", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
}

#[tokio::test]
async fn cancel_while_running_waits_for_what_aws_is_doing() {
    let mut rig = Rig::sqlite().await;
    let id = running(&mut rig).await;
    let before = rig.mutations();
    let said = rig.say("U0ALICE", &format!("op cancel {id} --reason \"not tonight\"")).await;
    assert!(said.contains("no new step starts"), "{said}");
    assert_eq!(rig.state(&id).await, State::Running);
    assert_eq!(rig.finish(&id).await, State::Cancelled);
    assert_eq!(rig.mutations(), before);
    assert_eq!(rig.ledger_holder("prod").await, None);
}

#[tokio::test]
async fn moves_that_make_no_sense_are_refused_in_words() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    for (text, word) in [
        (format!("op pause {id}"), "Only a running operation"),
        (format!("op resume {id}"), "Only a paused or stopped"),
        (format!("op retry {id}"), "Only a failed operation"),
        ("op show bk-9999".to_owned(), "There is no operation"),
        ("resume prod".to_owned(), "Nothing is stopped"),
    ] {
        let said = rig.say("U0BOB", &text).await;
        assert!(said.contains(word), "{text}: {said}");
    }
    assert_eq!(rig.state(&id).await, State::AwaitingApproval);
}

#[tokio::test]
async fn every_end_is_counted_once_however_it_came_and_so_is_what_needs_a_person() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    let mut rig = Rig::sqlite().await;
    let rejected = rig.asked("backup create prod").await;
    rig.click("U0BOB", "reject", &rejected).await;
    let cancelled = rig.asked("backup create prod").await;
    rig.say("U0ALICE", &format!("op cancel {cancelled}")).await;
    let expired = rig.asked("backup create prod").await;
    assert_eq!(rig.finish(&expired).await, State::Expired);
    let succeeded = rig.approved_backup("backup create prod secrets").await;
    assert_eq!(rig.finish(&succeeded).await, State::Succeeded);
    let lost = rig.approved_backup("backup create prod secrets").await;
    let run = rig.run(&lost).await;
    let mut change = Change::on(&run, rig.clock.now());
    change.trigger(Trigger::Start, SELF).unwrap();
    change.trigger(Trigger::Lose, SELF).unwrap();
    let commit = change.commit(Guard::Version(run.version)).1;
    rig.ledger.commit(commit.clone()).await.unwrap();
    rig.ledger.commit(commit).await.unwrap_err();
    let text = handle.render();
    let counted: Vec<&str> = text.lines().filter(|line| line.starts_with("bbws_operations_total{")).collect();
    for state in ["rejected", "cancelled", "expired", "succeeded", "needs_attention"] {
        let one = format!(r#"bbws_operations_total{{kind="backup.create",state="{state}"}} 1"#);
        assert!(counted.contains(&one.as_str()), "{one}: {counted:#?}");
    }
    assert_eq!(counted.len(), 5, "{counted:#?}");
}
