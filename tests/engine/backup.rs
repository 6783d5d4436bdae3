//! `backup create`: what it does, what it says, and what it refuses.

use std::time::Duration;

use bbws::{
    adapters::sandbox::aws::{Fault, Target, incidents::Side, judge::Verb},
    domain::{operation::State, step::StepState},
};

use crate::support::rig::{Rig, id_in};

#[tokio::test]
async fn a_prod_backup_runs_to_a_verified_end() {
    let mut rig = Rig::sqlite().await;
    let said = rig.say("U0ALICE", "backup create prod full --reason \"before the release\"").await;
    let id = id_in(&said);
    assert_eq!(rig.state(&id).await, State::AwaitingApproval);
    rig.settle(Duration::from_secs(5)).await;
    assert_eq!(rig.mutations(), 0, "nothing may be changed before the approval");
    rig.click("U0BOB", "approve", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    rig.settle(Duration::from_secs(60)).await;
    let run = rig.run(&id).await;
    assert!(run.steps.iter().all(|s| s.state == StepState::Done), "{:#?}", run.steps);
    assert!(rig.cloud.twice().is_empty());
    let cards = rig.chat.cards_of(&id);
    assert_eq!(cards.len(), 1);
    assert_eq!(cards[0].card_state(), Some(State::Succeeded));
    let published = rig.cloud.published();
    assert_eq!(published.len(), 1);
    assert_eq!(published[0].0, "bbws-backup-status");
    assert!(published[0].1.body.contains(&id));
    assert!(rig.ledger.verify_audit().await.unwrap().is_ok());
    assert_eq!(rig.ledger_holder("prod").await, None);
}

#[tokio::test]
async fn dev_needs_nobody_and_sends_nothing_to_another_region() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create dev").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    let run = rig.run(&id).await;
    assert!(run.op.plan.steps.iter().all(|s| s.action.region() == Some("af-south-1")));
    assert_eq!(run.op.plan.dr_region, None);
}

#[tokio::test]
async fn a_tenant_gets_its_parts_and_its_tag() {
    let mut rig = Rig::sqlite().await;
    let id = rig.approved_backup("backup create prod full --tenant tenant-1").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    let run = rig.run(&id).await;
    assert_eq!(run.op.plan.tenant.as_deref(), Some("tenant-1"));
    let said = rig.say("U0ALICE", "backup create prod --tenant nobody").await;
    assert!(said.contains("no tenant `nobody`") && said.contains("`tenant-1`"), "{said}");
}

#[tokio::test]
async fn one_operation_at_a_time_changes_an_environment() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod").await;
    let said = rig.say("U0BOB", "backup create prod rds").await;
    assert!(said.contains(&id), "{said}");
    let other = rig.asked("backup create dev").await;
    assert_ne!(other, id);
    rig.click("U0ALICE", "cancel", &id).await;
    let next = rig.asked("backup create prod rds").await;
    assert_ne!(next, id);
}

#[tokio::test]
async fn what_is_missing_in_aws_is_named_before_anybody_approves() {
    let mut rig = Rig::sqlite().await;
    rig.cloud.delete_database("prod", "bbws-prod-mysql");
    let said = rig.say("U0ALICE", "backup create prod").await;
    assert!(said.contains("bbws-prod-mysql") && said.contains("nothing was started"), "{said}");
    assert_eq!(rig.ledger_holder("prod").await, None);
}

#[tokio::test]
async fn a_failed_job_fails_the_backup_and_retry_repeats_only_what_failed() {
    let mut rig = Rig::sqlite().await;
    let id = rig.approved_backup("backup create prod").await;
    rig.cloud.inject(Fault::JobFails, Target::next_start().of_kind("backup.job"));
    assert_eq!(rig.finish(&id).await, State::Failed);
    rig.settle(Duration::from_secs(60)).await;
    let published = rig.cloud.published();
    assert!(
        published.iter().any(|(topic, p)| topic == "bbws-backup-status" && p.body.contains("failed")),
        "{published:#?}"
    );
    let before = rig.mutations();
    rig.click("U0ALICE", "retry", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    assert_eq!(rig.mutations() - before, 2, "the job and its copy, nothing else");
    rig.settle(Duration::from_secs(60)).await;
    assert_eq!(rig.chat.cards_of(&id).len(), 1);
}

#[tokio::test]
async fn a_verification_that_does_not_hold_is_a_failure_and_a_warning() {
    let mut rig = Rig::sqlite().await;
    rig.cloud.modify_database("prod", "bbws-prod-mysql", |d| d.key = None);
    let id = rig.approved_backup("backup create prod rds").await;
    assert_eq!(rig.finish(&id).await, State::Failed);
    rig.settle(Duration::from_secs(60)).await;
    let published = rig.cloud.published();
    assert!(published.iter().any(|(topic, p)| topic == "bbws-ops-warning" && p.body.contains(&id)), "{published:#?}");
    let outcome = rig.run(&id).await.op.outcome.unwrap();
    assert!(outcome.contains("not* a complete backup"), "{outcome}");
}

#[tokio::test]
async fn throttling_and_lost_replies_are_ridden_out_without_doing_anything_twice() {
    for kind in ["rds.snapshot", "rds.copy", "backup.job", "backup.copy", "secrets.export"] {
        for fault in [Fault::Throttled, Fault::LostReply, Fault::LostRequest] {
            let mut rig = Rig::sqlite().await;
            let id = rig.approved_backup("backup create prod").await;
            rig.cloud.inject(fault, Target::next_start().of_kind(kind));
            assert_eq!(rig.finish(&id).await, State::Succeeded, "{kind} {fault:?}");
            assert!(rig.cloud.twice().is_empty(), "{kind} {fault:?}: {:?}", rig.cloud.twice());
        }
    }
}

#[tokio::test]
async fn polling_survives_an_outage_of_the_region() {
    let mut rig = Rig::sqlite().await;
    let id = rig.approved_backup("backup create prod").await;
    rig.settle(Duration::from_secs(30)).await;
    rig.cloud.region_down("af-south-1", true);
    rig.clock.advance(Duration::from_secs(120));
    rig.settle(Duration::from_secs(20)).await;
    assert_eq!(rig.state(&id).await, State::Running);
    rig.cloud.region_down("af-south-1", false);
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    assert!(rig.cloud.twice().is_empty());
}

#[tokio::test]
async fn an_unknown_outcome_is_never_guessed() {
    let mut rig = Rig::sqlite().await;
    let id = rig.approved_backup("backup create prod rds").await;
    rig.cloud.inject(Fault::LostReply, Target::next_start().of_kind("rds.snapshot"));
    rig.cloud.inject(Fault::Denied, Target::next().on(Verb::Probe).of_kind("rds.snapshot"));
    assert_eq!(rig.finish(&id).await, State::NeedsAttention);
    assert!(rig.ledger_holder("prod").await.is_some(), "the environment stays taken until a person decides");
    rig.click("U0ALICE", "retry", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded);
    assert!(rig.cloud.twice().is_empty());
}

#[tokio::test]
async fn a_key_that_is_disabled_in_the_dr_region_is_seen_by_the_verification() {
    let mut rig = Rig::sqlite().await;
    let id = rig.approved_backup("backup create prod rds").await;
    rig.settle(Duration::from_secs(30)).await;
    let env = rig.config.environments["prod"].clone();
    rig.cloud.set_key_enabled("prod", Side::Dr, env.dr_kms_key.as_deref().unwrap(), false);
    let state = rig.finish(&id).await;
    assert_eq!(state, State::Failed);
}

#[tokio::test]
async fn the_estimate_comes_from_history() {
    let mut rig = Rig::sqlite().await;
    let first = rig.asked("backup create dev").await;
    assert_eq!(rig.run(&first).await.op.estimate, None);
    rig.finish(&first).await;
    let second = rig.asked("backup create dev").await;
    let estimate = rig.run(&second).await.op.estimate.expect("there is history now");
    assert!(estimate > Duration::from_secs(60) && estimate < Duration::from_secs(3600), "{estimate:?}");
}
