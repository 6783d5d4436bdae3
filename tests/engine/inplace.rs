//! Restores in place: a look, a fresh backup, the word of others, the change, and the way back.

use std::time::Duration;

use bbws::{
    domain::{
        operation::State,
        point::{PointKind, PointQuery},
        step::StepState,
    },
    ports::{clock::Clock, cloud::Cloud},
};

use crate::support::{overwrite, rig::Rig};

const HOME: &str = "af-south-1";

/// Runs a backup of this kind and gives the id of what it made.
async fn backed_up(rig: &mut Rig, kind: PointKind) -> String {
    let id = rig.asked(&format!("backup create prod {kind}")).await;
    rig.settle(Duration::from_secs(2)).await;
    if rig.state(&id).await == State::AwaitingApproval {
        rig.click("U0BOB", "approve", &id).await;
    }
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:?}", rig.run(&id).await.op.outcome);
    let environment = rig.config.environments["prod"].clone();
    let mut all = Vec::new();
    let query = PointQuery::default();
    rig.adapter.points(&environment, &query, "U0ALICE", &mut |page| all.extend(page)).await.expect("AWS answers");
    all.retain(|point| point.kind == kind && point.usable() && point.region == HOME);
    all.into_iter().max_by_key(|point| point.created).expect("it was just made").id
}

/// Asks for it, has it approved, and waits until it asks people.
async fn waiting(rig: &mut Rig, command: &str) -> String {
    let id = rig.asked(command).await;
    rig.settle(Duration::from_secs(2)).await;
    let said = rig.click("U0BOB", "approve", &id).await.expect("an answer").text;
    assert!(said.contains(&format!("op approve {id} --confirm prod")), "{said}");
    rig.say("U0BOB", &format!("op approve {id} --confirm prod")).await;
    rig.settle(Duration::from_secs(3600)).await;
    assert_eq!(rig.state(&id).await, State::Waiting, "{:#?}", rig.run(&id).await);
    id
}

/// Says Continue to the look and to the cutover, and lets it end.
async fn cut_over(rig: &mut Rig, id: &str) {
    rig.click("U0ALICE", "continue", id).await;
    rig.settle(Duration::from_secs(7200)).await;
    assert_eq!(rig.state(id).await, State::Waiting, "{:#?}", rig.run(id).await);
    rig.click("U0ALICE", "continue", id).await;
    rig.settle(Duration::from_secs(60)).await;
    assert_eq!(rig.state(id).await, State::Waiting, "who asked for it does not count");
    rig.click("U0BOB", "continue", id).await;
    assert_eq!(rig.finish(id).await, State::Succeeded, "{:#?}", rig.run(id).await);
    let outcome = rig.run(id).await.op.outcome.expect("an outcome");
    assert!(outcome.contains("Roll back on the card puts back what was live before"), "{outcome}");
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
}

async fn roll_back(rig: &mut Rig, id: &str) {
    rig.say("U0BOB", &format!("op rollback {id} --reason \"it was right before\"")).await;
    assert_eq!(rig.finish(id).await, State::RolledBack, "{:#?}", rig.run(id).await);
    let run = rig.run(id).await;
    assert!(run.steps.iter().all(|step| step.state == StepState::Done), "{:#?}", run.steps);
    assert_eq!(rig.ledger_holder("prod").await, None);
}

#[tokio::test]
async fn secrets_come_back_after_a_look_and_a_word_and_go_back() {
    let mut rig = Rig::demo_sqlite().await;
    let export = backed_up(&mut rig, PointKind::Secrets).await;
    let right = overwrite::secret_now(&rig.cloud);
    overwrite::secret(&rig.cloud, 1);
    let command = format!("backup restore prod secrets --from {export} --into live --ticket INC-1");
    let id = waiting(&mut rig, &command).await;
    assert_eq!(overwrite::secret_now(&rig.cloud), "wrong", "nothing before the word");
    cut_over(&mut rig, &id).await;
    assert_eq!(overwrite::secret_now(&rig.cloud), right);
    roll_back(&mut rig, &id).await;
    assert_eq!(overwrite::secret_now(&rig.cloud), "wrong");
    let record = format!("{:?}", rig.run(&id).await);
    assert!(!record.contains(&right), "no value in any record");
}

#[tokio::test]
async fn parameters_come_back_and_go_back() {
    let mut rig = Rig::demo_sqlite().await;
    let export = backed_up(&mut rig, PointKind::Config).await;
    let right = overwrite::parameter_now(&rig.cloud);
    overwrite::parameter(&rig.cloud);
    let id = waiting(&mut rig, &format!("backup restore prod config --from {export} --into live --ticket INC-1")).await;
    cut_over(&mut rig, &id).await;
    assert_eq!(overwrite::parameter_now(&rig.cloud), right);
    roll_back(&mut rig, &id).await;
    assert_eq!(overwrite::parameter_now(&rig.cloud), "wrong");
}

#[tokio::test]
async fn objects_come_back_and_go_back() {
    let mut rig = Rig::demo_sqlite().await;
    let (at, before) = (rig.clock.now().iso(), overwrite::object_now(&rig.cloud));
    rig.clock.advance(Duration::from_secs(60));
    overwrite::object(&rig.cloud);
    let command = format!("backup restore prod s3 --bucket bbws-prod-media --as-of {at} --into live --ticket INC-1");
    let id = waiting(&mut rig, &command).await;
    assert_eq!(overwrite::object_now(&rig.cloud), Some(7));
    cut_over(&mut rig, &id).await;
    assert_eq!(overwrite::object_now(&rig.cloud), before);
    roll_back(&mut rig, &id).await;
    assert_eq!(overwrite::object_now(&rig.cloud), Some(7));
}

#[tokio::test]
async fn a_folder_is_swapped_and_swapped_back() {
    let mut rig = Rig::demo_sqlite().await;
    let point = backed_up(&mut rig, PointKind::Efs).await;
    let command =
        format!("backup restore prod efs --recovery-point {point} --tenant tenant-1 --into live --ticket INC-1");
    let id = waiting(&mut rig, &command).await;
    assert_eq!(rig.run(&id).await.op.plan.scope, "tenant");
    assert!(!overwrite::folder_is_restored(&rig.cloud), "nothing before the word");
    cut_over(&mut rig, &id).await;
    assert!(overwrite::folder_is_restored(&rig.cloud));
    roll_back(&mut rig, &id).await;
    assert!(!overwrite::folder_is_restored(&rig.cloud));
}

#[tokio::test]
async fn what_cannot_go_into_live_is_refused_with_what_can() {
    let mut rig = Rig::demo_sqlite().await;
    let at = rig.clock.now().iso();
    let command = format!("backup restore prod s3 --bucket bbws-prod-media --as-of {at} --into live");
    let said = rig.say("U0ALICE", &command).await;
    assert!(said.contains("needs the ticket that asks for it: `--ticket INC-123`"), "{said}");
    let point = backed_up(&mut rig, PointKind::Efs).await;
    overwrite::access_point(&rig.cloud, "/");
    let command = format!("backup restore prod efs --recovery-point {point} --into live --ticket INC-1");
    let said = rig.say("U0ALICE", &command).await;
    assert!(said.contains("leads to the root of fs-0900d000000000001, and a root cannot be swapped"), "{said}");
    assert!(said.contains("Say `--path /folder` or `--tenant ID`"), "{said}");
}

/// Access points keep their ids, so what they lead to takes the place of what was there: all of them, or none.
#[tokio::test]
async fn a_whole_file_system_goes_live_behind_its_access_points_and_goes_back() {
    let mut rig = Rig::demo_sqlite().await;
    overwrite::access_point(&rig.cloud, "/shared");
    let point = backed_up(&mut rig, PointKind::Efs).await;
    let id = waiting(&mut rig, &format!("backup restore prod efs --recovery-point {point} --into live --ticket INC-1"))
        .await;
    let plan = rig.run(&id).await.op.plan;
    let in_use = plan.facts.iter().find(|fact| fact.subject.starts_with("Folders of ")).expect("what is swapped");
    assert_eq!(in_use.found, "/shared, /tenant-1");
    let backups = plan.steps.iter().filter(|spec| spec.title.starts_with("Back up ")).count();
    assert_eq!(backups, 1, "it is backed up once: {:#?}", plan.steps);
    let restored = |rig: &Rig| ["/shared", "/tenant-1"].map(|folder| overwrite::is_restored(&rig.cloud, folder));
    assert_eq!(restored(&rig), [false, false], "nothing before the word");
    cut_over(&mut rig, &id).await;
    assert_eq!(restored(&rig), [true, true]);
    let run = rig.run(&id).await;
    assert!(run.op.outcome.as_deref().is_some_and(|told| told.contains("/shared") && told.contains("/tenant-1")));
    let watched = run.op.plan.steps.iter().any(|spec| spec.title.starts_with("Watch the health of prod"));
    assert!(watched, "the platform is watched once all of it is swapped");
    roll_back(&mut rig, &id).await;
    assert_eq!(restored(&rig), [false, false]);
}
