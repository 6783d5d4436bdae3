//! After a failover everything follows where the platform runs, nothing asks for the side that was left, and a plan for one side
//! never runs on the other.

use std::time::Duration;

use bbws::{
    domain::{active::Active, operation::State},
    ports::{
        clock::Clock as _,
        store::{MarkKind, Store as _},
    },
};

use crate::support::rig::{Rig, find_id};

/// A platform that was failed over: its replica took the database's place in the DR region, and its old region is dead.
async fn failed_over() -> Rig {
    let rig = Rig::demo_sqlite().await;
    rig.runs(&Active::dr([])).await;
    rig.cloud.region_down("af-south-1", true);
    rig
}

#[tokio::test]
async fn backups_lists_and_status_follow_a_failover_while_the_old_region_is_dead() {
    let mut rig = failed_over().await;
    let said = rig.say("U0DAVE", "status prod").await;
    assert!(said.starts_with("*prod* · active in eu-west-1, *its DR region*"), "{said}");
    let id = rig.approved_backup("backup create prod rds").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:?}", rig.run(&id).await.op.outcome);
    let plan = rig.run(&id).await.op.plan;
    assert_eq!((plan.region.as_str(), plan.dr_region.as_ref()), ("eu-west-1", None));
    assert_eq!(plan.facts[0].subject, "Active region");
    assert_eq!(plan.facts[0].found, "eu-west-1, the DR region, after a failover");
    assert!(plan.steps.iter().all(|step| step.action.region().is_none_or(|region| region == "eu-west-1")));
    assert!(
        plan.notes.iter().any(|note| note.contains("`/bbws dr reprotect prod` protects its databases")),
        "{:?}",
        plan.notes
    );
    let listed = rig.command("U0DAVE", "backup list prod rds").await.expect("an answer");
    assert!(listed.text.starts_with("*`prod` runs in eu-west-1*, its DR region"), "{}", listed.text);
    let table = listed.attachment.table.expect("a table");
    assert!(table.rows[0][0].contains(&id), "{:?}", table.rows);
    assert!(table.offers.is_empty(), "what would be refused is not offered");
    let restorable = rig.say("U0DAVE", "backup restore prod list rds").await;
    assert!(restorable.starts_with("*`prod` runs in eu-west-1*"), "{restorable}");
    let validation = rig.asked("backup validate prod --replication").await;
    assert_eq!(rig.finish(&validation).await, State::Succeeded, "{:?}", rig.run(&validation).await.op.outcome);
    let scheduled = rig.asked("backup schedule prod create --type efs").await;
    assert_eq!(rig.run(&scheduled).await.op.plan.region, "eu-west-1");
}

#[tokio::test]
async fn what_does_not_work_there_is_refused_with_what_to_do() {
    let mut rig = failed_over().await;
    for (command, works) in [
        ("backup restore prod rds --snapshot-id x --ticket INC-1", "backup restore"),
        ("backup delete prod bbws-prod-mysql-manual-20261121-bk-1", "backup delete"),
        ("backup bisect prod rds --check orders --since 1d", "backup bisect"),
    ] {
        let before = rig.mutations();
        let said = rig.say("U0ALICE", command).await;
        let why = format!(
            "`prod` runs in eu-west-1 since it was failed over, and `{works}` works only while it runs in af-south-1."
        );
        assert!(said.contains(&why), "{command}: {said}");
        assert!(said.contains("nothing was started") && find_id(&said).is_none(), "{said}");
        assert_eq!(rig.mutations(), before);
    }
}

#[tokio::test]
async fn a_plan_for_one_side_is_void_on_the_other() {
    let mut rig = Rig::demo_sqlite().await;
    let id = rig.asked("backup create prod rds").await;
    let before = rig.run(&id).await.op.digest;
    let mutations = rig.mutations();
    rig.runs(&Active::dr([])).await;
    rig.click("U0BOB", "approve", &id).await;
    rig.settle(Duration::from_secs(60)).await;
    let run = rig.run(&id).await;
    assert_eq!(run.op.state, State::AwaitingApproval, "{:?}", run.op.outcome);
    assert_ne!(run.op.digest, before);
    assert_eq!((run.op.plan.region.as_str(), rig.mutations()), ("eu-west-1", mutations));
    let thread = rig.chat.thread_of(&id);
    let said: Vec<&str> = thread.iter().filter_map(|posted| posted.line()).collect();
    let said = said.join("\n");
    assert!(said.contains("region: was af-south-1, is now eu-west-1"), "{said}");
}

#[tokio::test]
async fn the_watcher_follows_and_says_nothing_of_the_region_that_was_left() {
    let mut rig = failed_over().await;
    rig.watch_for(Duration::from_secs(1800)).await;
    let findings = rig.ledger.marks("prod", Some(MarkKind::Finding)).await.unwrap();
    assert!(!findings.is_empty(), "the platform in the DR region has no backups yet");
    for finding in findings {
        assert!(!finding.note.contains("af-south-1") && !finding.subject.contains("af-south-1"), "{finding:?}");
    }
    let samples = rig.ledger.samples("prod", rig.clock.now() - Duration::from_secs(1200)).await.unwrap();
    assert!(samples.iter().any(|sample| sample.component.contains("bbws-prod-mysql-replica")), "{samples:?}");
}
