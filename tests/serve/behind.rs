//! A ledger that went back in time: an older copy is put back, and nothing of its other life is taken for its own.

use std::path::PathBuf;

use crate::serve::stage::{HOME, Stage, until};

fn file(stage: &Stage) -> PathBuf {
    PathBuf::from(stage.database.trim_start_matches("sqlite://"))
}

async fn backed_up(stage: &Stage) -> String {
    let id = stage.asks("U0ALICE", "backup create dev rds").await;
    stage.card(&id, "succeeded").await;
    id
}

/// The value of a tag on the snapshot that an operation made.
async fn tagged(stage: &Stage, id: &str, key: &str) -> String {
    let all = stage.snapshots(HOME).await;
    let made: Vec<_> = all.iter().filter(|(name, _)| name.ends_with(&format!("-{id}"))).collect();
    assert_eq!(made.len(), 1, "{id} made one snapshot: {all:?}");
    made[0].1.iter().find(|(k, _)| k == key).unwrap_or_else(|| panic!("{key} on {made:?}")).1.clone()
}

#[tokio::test]
async fn an_older_file_put_back_goes_on_after_what_aws_knows() {
    let mut stage = Stage::running().await;
    let first = backed_up(&stage).await;
    let (code, _) = stage.terminate().await;
    assert_eq!(code, Some(0));
    let old = stage.directory.path().join("old.db");
    std::fs::copy(file(&stage), &old).unwrap();
    stage.start().await;
    let second = backed_up(&stage).await;
    let ledger = tagged(&stage, &first, "bbws:ledger").await;
    assert_eq!(tagged(&stage, &second, "bbws:ledger").await, ledger, "a restart is no new life");

    let (code, _) = stage.terminate().await;
    assert_eq!(code, Some(0));
    std::fs::copy(&old, file(&stage)).unwrap();
    stage.start().await;
    let third = backed_up(&stage).await;
    assert_ne!(third, second, "the number of the other life is passed over");
    assert_ne!(tagged(&stage, &third, "bbws:ledger").await, ledger, "and what is asked for now bears another name");
    let told = until("a word about it", async || {
        let all = stage.workspace.messages("C0OPS");
        all.into_iter().find(|m| m.text.contains("The ledger is older than AWS"))
    })
    .await;
    assert!(told.text.contains(&second) && told.text.contains(&first), "{}", told.text);
    let verified = stage.run(&["audit", "verify"]).await;
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
}

#[tokio::test]
async fn a_copy_is_made_checked_and_put_back_by_command() {
    let mut stage = Stage::running().await;
    let first = backed_up(&stage).await;
    let copy = stage.directory.path().join("copy.db");
    let copy = copy.to_str().unwrap();
    let made = stage.run(&["ledger", "backup", copy]).await;
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    assert_eq!(made.status.code(), Some(0), "while it serves: {made:?}");
    assert!(said.contains("1 operation, "), "{said}");
    let second = backed_up(&stage).await;
    let held = stage.run(&["ledger", "restore", copy]).await;
    let why = String::from_utf8_lossy(&held.stderr).into_owned();
    assert_eq!(held.status.code(), Some(1));
    assert!(why.contains("another bbws process") && why.contains("Nothing was put back"), "{why}");
    let checked = stage.run(&["ledger", "verify", copy]).await;
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");

    // What was published of the newer chain is not in the copy, and is missed.
    let rows = stage.run(&["audit", "export"]).await;
    let newest = String::from_utf8_lossy(&rows.stdout).lines().last().unwrap().to_owned();
    let pinned = stage.directory.path().join("heads.jsonl");
    let wrapped = serde_json::json!({"Type": "Notification", "Message": newest}).to_string();
    std::fs::write(&pinned, format!("{{\"operation\":\"bk-1\"}}\n{wrapped}\n")).unwrap();
    let arguments = ["audit", "verify", "--pinned", pinned.to_str().unwrap()];
    let with = stage.run(&arguments).await;
    assert_eq!(with.status.code(), Some(0), "{with:?}");

    stage.terminate().await;
    let back = stage.run(&["ledger", "restore", copy]).await;
    let said = String::from_utf8_lossy(&back.stdout).into_owned();
    assert_eq!(back.status.code(), Some(0), "{back:?}");
    assert!(said.contains("new name") && said.contains("bbws.db.before-"), "{said}");
    let cut = stage.run(&arguments).await;
    let why = String::from_utf8_lossy(&cut.stderr).into_owned();
    assert_eq!(cut.status.code(), Some(1), "{cut:?}");
    assert!(why.contains("was pinned outside"), "{why}");
    stage.start().await;
    let third = backed_up(&stage).await;
    assert!(third != first && third != second, "{third}");
}
