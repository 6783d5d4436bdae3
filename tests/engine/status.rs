//! `status`: what is said of an environment at each turn of an operation, and that nothing is claimed that nobody looked at.

use std::time::Duration;

use bbws::{domain::answers, ports::chat::Level};

use crate::support::rig::Rig;

/// The screen somebody without a role gets, with ids and people as they are.
async fn status(rig: &mut Rig, command: &str) -> String {
    let before = rig.mutations();
    let reply = rig.command("U0DAVE", command).await.expect("an answer");
    assert_eq!((reply.level, rig.mutations()), (Level::Info, before), "it only reads: {}", reply.text);
    reply.text
}

#[tokio::test]
async fn each_turn_of_an_operation_is_told_with_who_has_to_act() {
    let mut rig = Rig::sqlite().await;
    rig.watch_for(Duration::from_secs(400)).await;
    insta::assert_snapshot!(status(&mut rig, "status").await, @r"
    *dev* · active in af-south-1 · nothing runs, waits or is late
    *prod* · active in af-south-1 · 4 late
    • None of the 3 copies in eu-west-1 keeps the RPO of 1 h (told 4 min ago)
    • How far `efs wp-content in DR` is behind is unknown, which counts as a breach of the RPO of 1 h (told 4 min ago)
    • and 2 more: `/bbws status prod`, `/bbws op list prod`
    *sit* · active in af-south-1 · 4 late
    • None of the 3 copies in eu-west-1 keeps the RPO of 4 h (told 2 min 20 s ago)
    • How far `efs wp-content in DR` is behind is unknown, which counts as a breach of the RPO of 4 h (told 2 min 20 s ago)
    • and 2 more: `/bbws status sit`, `/bbws op list sit`
    ");
    let id = rig.asked("backup create prod full").await;
    insta::assert_snapshot!(status(&mut rig, "status prod").await, @r"
    *prod* · active in af-south-1 · 1 waiting for people · 4 late
    • `bk-1` Backup of prod (full): waits for 1 operator to approve, 15 min left
    • None of the 3 copies in eu-west-1 keeps the RPO of 1 h (told 4 min ago)
    • How far `efs wp-content in DR` is behind is unknown, which counts as a breach of the RPO of 1 h (told 4 min ago)
    • How far `rds bbws-prod-mysql in DR` is behind is unknown, which counts as a breach of the RPO of 1 h (told 4 min ago)
    • How far `secrets bbws/prod/ in DR` is behind is unknown, which counts as a breach of the RPO of 1 h (told 4 min ago)
    • Drills: tabletop never held, due 19 Feb 2027; infra never held, due 19 Feb 2027
    ");
    rig.click("U0BOB", "approve", &id).await;
    rig.settle(Duration::from_secs(60)).await;
    // Steps side by side end in the order of their threads, so that the figure differs by a step.
    let said = status(&mut rig, "STATUS Prod").await;
    let done: u32 =
        said.split_once(" % done").and_then(|(head, _)| head.rsplit(' ').next()?.parse().ok()).expect("how far it is");
    assert!((25..45).contains(&done), "{said}");
    insta::assert_snapshot!(said.replace(&format!("{done} % done"), "[part] done"), @r"
    *prod* · active in af-south-1 · 1 running · 4 late
    • `bk-1` Backup of prod (full): [part] done, 1 min so far
    • None of the 3 copies in eu-west-1 keeps the RPO of 1 h (told 5 min ago)
    • How far `efs wp-content in DR` is behind is unknown, which counts as a breach of the RPO of 1 h (told 5 min ago)
    • How far `rds bbws-prod-mysql in DR` is behind is unknown, which counts as a breach of the RPO of 1 h (told 5 min ago)
    • How far `secrets bbws/prod/ in DR` is behind is unknown, which counts as a breach of the RPO of 1 h (told 5 min ago)
    • Drills: tabletop never held, due 19 Feb 2027; infra never held, due 19 Feb 2027
    ");
    rig.say("U0CAROL", "stop prod the database looks corrupt").await;
    rig.asked("resume prod").await;
    insta::assert_snapshot!(status(&mut rig, "status prod").await, @r"
    *prod* · active in af-south-1 · *stopped* · 2 waiting for people · 4 late
    • Stopped by <@U0CAROL> 0 s ago: the database looks corrupt. `/bbws resume prod` asks a second person to lift it.
    • `rs-1` Lift the stop of prod: waits for 1 other person in a role to approve, 15 min left
    • `bk-1` Backup of prod (full): stopped; Resume on its card asks a second person
    • None of the 3 copies in eu-west-1 keeps the RPO of 1 h (told 5 min ago)
    • How far `efs wp-content in DR` is behind is unknown, which counts as a breach of the RPO of 1 h (told 5 min ago)
    • How far `rds bbws-prod-mysql in DR` is behind is unknown, which counts as a breach of the RPO of 1 h (told 5 min ago)
    • How far `secrets bbws/prod/ in DR` is behind is unknown, which counts as a breach of the RPO of 1 h (told 5 min ago)
    • Drills: tabletop never held, due 19 Feb 2027; infra never held, due 19 Feb 2027
    ");
    let all = status(&mut rig, "status").await;
    assert!(all.lines().count() <= 16 && all.contains("*dev*") && all.contains("*sit*"), "one screen: {all}");
}

#[tokio::test]
async fn what_is_late_is_told_and_silence_is_no_good_news() {
    let mut rig = Rig::sqlite().await;
    insta::assert_snapshot!(status(&mut rig, "status dev").await, @r"
    *dev* · active in af-south-1
    • What is late is not known: nothing was measured in the last hour.
    • Drills: tabletop never held; infra never held
    ");
    rig.watch_for(Duration::from_secs(400)).await;
    rig.cloud.region_down("eu-west-1", true);
    rig.watch_for(Duration::from_secs(900)).await;
    let said = status(&mut rig, "status prod").await;
    assert!(said.contains("eu-west-1") && said.contains("told"), "{said}");
    rig.clock.advance(Duration::from_secs(1800));
    let said = status(&mut rig, "status prod").await;
    assert!(said.contains("What is late is not known: it was last measured"), "{said}");
}

#[tokio::test]
async fn whoever_asks_changes_nothing() {
    let mut rig = Rig::sqlite().await;
    let id = rig.asked("backup create prod full").await;
    for answer in answers::ALL {
        for example in answer.entry().examples {
            let command = example.replace("ENV", "prod").replace("bk-1042", &id);
            assert!(!status(&mut rig, &command).await.is_empty(), "{command}");
        }
    }
    assert_eq!(rig.newest().await, Some(id), "nothing was begun");
}

#[tokio::test]
async fn an_environment_nobody_knows_is_refused_with_those_there_are() {
    let mut rig = Rig::sqlite().await;
    let said = rig.say("U0DAVE", "status prd").await;
    assert!(said.contains("is not an environment") && said.contains("/bbws status prod"), "{said}");
}
