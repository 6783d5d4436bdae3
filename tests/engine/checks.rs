//! Named checks of the config, put to what a test restored.

use bbws::{
    config::Config,
    domain::{checked::Checked, mark::MarkKind, moment::Moment},
    ports::store::Store,
};

use crate::support::{clock::ManualClock, db, rig::Rig};

/// What a test restore came to, and what the ledger remembers of checks and of tests of databases.
async fn tested(rig: &mut Rig) -> (String, Vec<bool>, usize) {
    let id = rig.asked("backup validate prod --test-restore").await;
    rig.finish(&id).await;
    let outcome = rig.run(&id).await.op.outcome.expect("an outcome");
    assert!(rig.cloud.restored_instances().is_empty(), "nothing is left: {:?}", rig.cloud.restored_instances());
    let checked = rig.ledger.marks("prod", Some(MarkKind::Checked)).await.unwrap();
    let tested = rig.ledger.marks("prod", Some(MarkKind::Tested)).await.unwrap();
    let databases = tested.iter().filter(|mark| mark.tested_resource() == Some("bbws-prod-mysql")).count();
    (outcome, checked.iter().filter_map(Checked::of).map(|(_, checked)| checked.right).collect(), databases)
}

#[tokio::test]
async fn a_check_that_holds_is_remembered_of_the_point_and_one_that_does_not_is_a_fault() {
    let mut rig = Rig::demo_sqlite().await;
    let before = rig.ledger.marks("prod", Some(MarkKind::Tested)).await.unwrap().len();
    assert_eq!(before, 0);
    let (outcome, checked, databases) = tested(&mut rig).await;
    assert!(!outcome.contains("check"), "{outcome}");
    assert_eq!((checked, databases), (vec![true], 1));
    let mut rig = Rig::demo_sqlite().await;
    rig.cloud.corrupt_since("prod", "bbws-prod-mysql", Moment(0));
    let (outcome, checked, databases) = tested(&mut rig).await;
    assert!(outcome.contains("Check orders does not hold in bbws-prod-mysql-restored-"), "{outcome}");
    assert_eq!((checked, databases), (vec![], 0), "it proves nothing");
}

#[tokio::test]
async fn a_check_that_cannot_be_asked_is_told_and_proves_nothing() {
    let clock = ManualClock::new();
    let ledger = db::sqlite(clock.clone()).await;
    let mut config = Config::demo();
    let check = config.environments.get_mut("prod").unwrap().checks.get_mut("orders").unwrap();
    check.query = "SELECT COUNT(*) > 1 FROM missing".to_owned();
    let mut rig = Rig::new(ledger, clock, config, 7);
    let (outcome, checked, databases) = tested(&mut rig).await;
    assert!(outcome.contains("Whether check orders holds in bbws-prod-mysql-restored-"), "{outcome}");
    assert!(outcome.contains("code 1146"), "{outcome}");
    assert_eq!((checked, databases), (vec![], 0));
}
