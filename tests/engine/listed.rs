//! What the demo's lists offer: every kind that has a button can be restored by it.

use bbws::domain::{operation::State, point::PointKind};

use crate::support::rig::Rig;

/// The commands behind the buttons of the list of one kind, the first first.
async fn offered(rig: &mut Rig, kind: PointKind) -> Vec<String> {
    let reply = rig.command("U0ALICE", &format!("backup restore prod list {kind}")).await.expect("an answer");
    let table = reply.attachment.table.unwrap_or_else(|| panic!("nothing of {kind}: {}", reply.text));
    table.offers.into_iter().flatten().map(|offer| offer.command).collect()
}

#[tokio::test]
async fn the_first_that_is_offered_of_each_kind_comes_back() {
    let mut rig = Rig::demo_sqlite().await;
    rig.cloud.keep_backing_up();
    for kind in [PointKind::Secrets, PointKind::Config, PointKind::S3, PointKind::Dump] {
        let commands = offered(&mut rig, kind).await;
        let command = commands.first().unwrap_or_else(|| panic!("no button for {kind}"));
        let id = rig.asked(command).await;
        assert_eq!(rig.finish(&id).await, State::Succeeded, "{command}: {:?}", rig.run(&id).await.op.outcome);
    }
}

#[tokio::test]
async fn a_dump_that_is_called_restore_tested_can_be_restored() {
    let mut rig = Rig::demo_sqlite().await;
    let mut tested = rig.cloud.keep_backing_up().into_iter();
    let mark =
        tested.find(|mark| mark.environment == "prod" && mark.subject.starts_with("dump ")).expect("a tested dump");
    let key = mark.subject.trim_start_matches("dump ");
    let id = rig.asked(&format!("backup restore prod dump --from {key}")).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{key}: {:?}", rig.run(&id).await.op.outcome);
}
