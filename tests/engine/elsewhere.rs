//! What lies in the DR region is restored from there. Where its own region does not answer, nothing of that is asked, or the answer
//! says what works.

use std::time::Duration;

use bbws::{
    adapters::sandbox::aws::incidents::Side,
    domain::{
        operation::State,
        step::{Action, Export},
    },
    ports::clock::Clock as _,
};

use crate::support::rig::Rig;

const HOME: &str = "af-south-1";
const DR: &str = "eu-west-1";

/// The archive that a backup of this kind leaves.
async fn archive(rig: &mut Rig, kind: &str) -> String {
    let made = rig.approved_backup(&format!("backup create prod {kind}")).await;
    assert_eq!(rig.finish(&made).await, State::Succeeded);
    let points = rig.cloud.point_ids("prod", Side::Primary);
    points.into_iter().find(|point| point.contains(&format!("/{made}/"))).expect("an archive")
}

/// The command that an answer says works.
fn offered(said: &str) -> String {
    let (_, command) = said.split_once("`/bbws backup restore").expect("a command that works");
    format!("backup restore{}", command.split('`').next().expect("its end"))
}

#[tokio::test]
async fn the_replica_of_a_dump_is_loaded_where_it_lies() {
    let mut rig = Rig::demo_sqlite().await;
    let key = archive(&mut rig, "dump").await;
    let id = rig.asked(&format!("backup restore prod dump --from {key} --region dr")).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await.steps);
    let run = rig.run(&id).await;
    let loaded = run.op.plan.steps.iter().find_map(|spec| match &spec.action {
        Action::LoadDump(what) => Some((what.region.as_str(), what.bucket.as_str(), what.source_region.as_deref())),
        _ => None,
    });
    assert_eq!(loaded, Some((DR, "bbws-prod-backups-dr", Some(HOME))));
    let verdict = run.steps.iter().filter_map(|step| step.detail.as_deref()).collect::<Vec<_>>().join("\n");
    assert!(verdict.contains(&format!("loaded into bbws-prod-mysql-restored-{id}.")), "{verdict}");
    let made = rig.cloud.restored_instances();
    assert!(made.keys().any(|name| name.ends_with(&format!("-restored-{id}"))), "{made:?}");
    let into_live = format!("backup restore prod dump --from {key} --region dr --into live --ticket INC-7");
    let live = rig.say("U0ALICE", &into_live).await;
    assert!(live.contains("leave `--region dr` out"), "{live}");
}

#[tokio::test]
async fn a_dump_whose_region_does_not_answer_is_refused_with_the_command_that_works() {
    let mut rig = Rig::demo_sqlite().await;
    let key = archive(&mut rig, "dump").await;
    rig.cloud.region_down(HOME, true);
    let said = rig.say("U0ALICE", &format!("backup restore prod dump --from {key} --region dr")).await;
    assert!(said.contains("af-south-1 does not answer, and a dump cannot be loaded without it"), "{said}");
    let id = rig.asked(&offered(&said)).await;
    let plan = rig.run(&id).await.op.plan;
    assert!(plan.steps.iter().all(|step| step.action.region() != Some(HOME)), "{:#?}", plan.steps);
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await.steps);
}

#[tokio::test]
async fn everything_and_a_tenants_part_of_it_come_from_the_dr_region_while_their_own_does_not_answer() {
    let mut rig = Rig::demo_sqlite().await;
    rig.cloud.region_down(HOME, true);
    for whose in ["", " --tenant tenant-1"] {
        let id = rig.asked(&format!("backup restore prod full --as-of latest --region dr{whose}")).await;
        let plan = rig.run(&id).await.op.plan;
        assert!(plan.steps.iter().all(|step| step.action.region() != Some(HOME)), "{:#?}", plan.steps);
        let left_out = plan.facts.iter().filter(|fact| fact.found.starts_with("*nothing*")).count();
        assert!(left_out >= 2, "what cannot be restored there is told: {:#?}", plan.facts);
        assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await.steps);
        assert!(!rig.run(&id).await.issues().is_empty(), "nothing calls it verified");
    }
    let at = (rig.clock.now() - Duration::from_secs(7200)).iso();
    let id = rig.asked(&format!("backup restore prod full --as-of {at} --region dr")).await;
    let plan = rig.run(&id).await.op.plan;
    assert!(plan.steps.iter().all(|step| step.action.region() != Some(HOME)), "{:#?}", plan.steps);
    let bucket = plan.facts.iter().find(|fact| fact.subject.starts_with("Bucket ")).expect("a bucket");
    assert!(bucket.found.contains("does not answer") && bucket.found.contains("dr failover prod"), "{bucket:?}");
}

#[tokio::test]
async fn one_tenant_is_restored_from_the_dr_region_while_its_own_does_not_answer() {
    let mut rig = Rig::demo_sqlite().await;
    let there = rig.cloud.point_ids("prod", Side::Dr);
    let copy = there.into_iter().rfind(|id| id.ends_with("-dr")).expect("a copy of a snapshot");
    let command = format!("backup restore prod rds --snapshot-id {copy} --region dr --tenant tenant-1");
    // While it answers, its named checks are put to the copy as well, with the login that is there.
    let id = rig.asked(&command).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await.steps);
    let asked = rig.run(&id).await.op.plan.steps.iter().any(|spec| matches!(spec.action, Action::VerifyCheck(_)));
    assert!(asked && rig.run(&id).await.issues().is_empty(), "{:#?}", rig.run(&id).await.steps);
    rig.cloud.region_down(HOME, true);
    let id = rig.asked(&command).await;
    let plan = rig.run(&id).await.op.plan;
    assert!(plan.steps.iter().all(|step| step.action.region() != Some(HOME)), "{:#?}", plan.steps);
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await.steps);
}

#[tokio::test]
async fn exports_come_from_the_replica_as_long_as_there_is_something_to_compare_them_with() {
    let mut rig = Rig::demo_sqlite().await;
    for kind in ["secrets", "config"] {
        let key = archive(&mut rig, kind).await;
        let command = format!("backup restore prod {kind} --from {key} --region dr");
        let id = rig.asked(&command).await;
        assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await.steps);
        let export = rig.run(&id).await.op.plan.steps.iter().find_map(|spec| match &spec.action {
            Action::CompareExport(what) => Some(what.export.clone()),
            _ => None,
        });
        let Some(Export { region, bucket, .. }) = export else { panic!("nothing is compared") };
        assert_eq!((region.as_str(), bucket.as_str()), (DR, "bbws-prod-backups-dr"));
        rig.cloud.region_down(HOME, true);
        let said = rig.say("U0ALICE", &command).await;
        assert!(said.contains("does not answer") && said.contains("/bbws dr failover prod"), "{said}");
        rig.cloud.region_down(HOME, false);
    }
}

/// The other region may be the dead one as well.
#[tokio::test]
async fn what_lies_at_home_is_restored_while_the_dr_region_does_not_answer() {
    let mut rig = Rig::demo_sqlite().await;
    let key = archive(&mut rig, "dump").await;
    rig.cloud.region_down(DR, true);
    let id = rig.asked(&format!("backup restore prod dump --from {key}")).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await.steps);
}

#[tokio::test]
async fn a_file_system_is_restored_where_the_live_one_is() {
    let mut rig = Rig::demo_sqlite().await;
    let there = rig.cloud.point_ids("prod", Side::Dr);
    let point = there.into_iter().find(|id| id.len() == 36).expect("a copy of a file system");
    let said = rig.say("U0ALICE", &format!("backup restore prod efs --recovery-point {point} --region dr")).await;
    assert!(said.contains("`/bbws backup list prod efs` shows both") && said.contains("dr failover prod"), "{said}");
}
