//! Where all is well nothing is said: the platform of the demo, whose backups are in order, watched for a day.

use std::time::Duration;

use bbws::ports::store::{Commit, MarkWrite, Store as _};

use crate::support::rig::Rig;

const MINUTE: Duration = Duration::from_secs(60);

/// The demo as it starts.
async fn demo() -> Rig {
    let rig = Rig::demo_sqlite().await;
    let marks = rig.cloud.keep_backing_up().into_iter().map(MarkWrite::Set).collect();
    rig.ledger.commit(Commit { marks, ..Commit::default() }).await.unwrap();
    rig
}

/// What was said in channels.
fn said(rig: &Rig) -> Vec<String> {
    rig.chat.cards().iter().filter_map(|posted| posted.line().map(str::to_owned)).collect()
}

/// Looks a little less often than the demo does at its usual speed.
async fn watch(rig: &mut Rig, looks: u32) {
    for _ in 0..looks {
        rig.clock.advance(20 * MINUTE);
        rig.watch().await;
    }
}

#[tokio::test]
async fn a_day_of_the_demo_in_which_nothing_is_wrong_says_nothing() {
    let mut rig = demo().await;
    rig.watch_for(25 * MINUTE).await;
    assert!(said(&rig).is_empty(), "{:#?}", said(&rig));
    watch(&mut rig, 72).await;
    assert!(said(&rig).is_empty(), "{:#?}", said(&rig));
    let status = rig.say("U0DAVE", "status").await;
    assert_eq!(status.matches("nothing runs, waits or is late").count(), 3, "{status}");
    // Whoever puts the clock forward finds a platform that has gone on meanwhile.
    rig.clock.advance(60 * MINUTE);
    watch(&mut rig, 5).await;
    assert!(said(&rig).is_empty(), "{:#?}", said(&rig));
    assert_eq!(rig.mutations(), 0, "the watcher only reads");
}

#[tokio::test]
async fn what_goes_wrong_is_told_and_over_once_it_is_mended() {
    let mut rig = demo().await;
    watch(&mut rig, 5).await;
    rig.cloud.region_down("eu-west-1", true);
    watch(&mut rig, 6).await;
    let told = said(&rig);
    assert!(!told.is_empty() && told.len() <= 4, "{told:#?}");
    assert!(told.iter().all(|line| line.contains("eu-west-1")), "{told:#?}");
    rig.cloud.region_down("eu-west-1", false);
    watch(&mut rig, 9).await;
    let status = rig.say("U0DAVE", "status").await;
    assert_eq!(status.matches("nothing runs, waits or is late").count(), 3, "{status} {:#?}", said(&rig));
}

#[tokio::test]
async fn what_the_platform_backs_up_by_itself_can_be_restored_for_a_test() {
    let mut rig = demo().await;
    rig.clock.advance(40 * MINUTE);
    let id = rig.asked("backup validate prod --test-restore").await;
    rig.finish(&id).await;
    let run = rig.run(&id).await;
    let outcome = run.op.outcome.unwrap_or_default();
    assert!(outcome.starts_with("Everything that was looked at holds"), "{outcome}");
    let loaded = run.steps.iter().filter_map(|step| step.detail.as_deref()).any(|d| d.contains("loaded into "));
    assert!(loaded, "{:#?}", run.steps);
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
}
