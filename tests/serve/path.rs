//! The whole path, from the command to what is left in AWS.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    pg,
    serve::stage::{ACCOUNT, ASKED_IN, DR, HOME, Stage, dated, id_in, until},
};

#[tokio::test]
async fn a_backup_of_prod_is_asked_for_approved_run_verified_and_told() {
    let stage = Stage::running().await;
    whole_path(&stage).await;
}

#[tokio::test]
async fn the_same_on_postgresql() {
    let mut stage = Stage::set().await;
    stage.database = pg::database().await;
    stage.start().await;
    whole_path(&stage).await;
    let verified = stage.run(&["audit", "verify"]).await;
    assert!(verified.status.success(), "{verified:?}");
}

async fn whole_path(stage: &Stage) {
    let id = stage.asks("U0ALICE", "backup create prod full").await;
    let card = stage.card(&id, "awaiting_approval").await;
    assert_eq!(card.channel, ASKED_IN);
    assert_eq!(
        card.metadata.clone().unwrap(),
        json!({ "event_type": "bbws_operation", "event_payload": {
            "operation": id, "kind": "backup.create", "environment": "prod", "state": "awaiting_approval" } })
    );
    assert_eq!(card.button_labels(), ["Approve", "Reject", "Cancel"]);
    for label in card.button_labels() {
        assert_eq!(card.press(&label).unwrap().value.as_deref(), Some(id.as_str()), "a value is the operation's id");
    }

    let before = stage.workspace.ephemerals("U0ALICE").len();
    stage.presses("U0ALICE", "Approve", &card).await;
    let refusal = stage.whispered("U0ALICE", before).await;
    assert!(refusal.contains(&id), "{refusal}");
    let before = stage.workspace.ephemerals("U0MALLORY").len();
    stage.presses("U0MALLORY", "Approve", &card).await;
    assert!(stage.whispered("U0MALLORY", before).await.contains("guest"));
    assert!(stage.amazon.asked("CreateDBSnapshot").is_empty(), "nothing was changed in AWS");

    stage.presses("U0BOB", "Approve", &card).await;
    let card = stage.card(&id, "succeeded").await;
    assert!(card.button_labels().is_empty(), "{:?}", card.button_labels());
    assert_eq!(stage.cards(&id).len(), 1);
    told(stage, &id).await;
    left_in_rds(stage, &id).await;
    left_in_s3(stage, &id).await;
    let asked = stage.amazon.asked("StartBackupJob");
    assert_eq!((asked.len(), stage.amazon.jobs()), (1, 1));
    let tags = asked[0].tags("RecoveryPointTags");
    assert_eq!((tags["bbws:operation"].as_str(), tags["bbws:approved-by"].as_str()), (id.as_str(), "U0BOB"));
}

/// The topic for the backup's status hears of it.
async fn told(stage: &Stage, id: &str) {
    let published = until("a notice", async || stage.amazon.asked("Publish").into_iter().next()).await;
    let topic = format!("arn:aws:sns:{DR}:{ACCOUNT}:bbws-backup-status");
    assert_eq!(published.text("TopicArn"), Some(topic.as_str()));
    let body: Value = serde_json::from_str(published.text("Message").unwrap()).unwrap();
    assert_eq!((body["operation"].as_str(), body["state"].as_str()), (Some(id), Some("succeeded")));
}

async fn left_in_rds(stage: &Stage, id: &str) {
    let expected = BTreeMap::from([
        ("bbws:operation", id),
        ("bbws:environment", "prod"),
        ("bbws:requested-by", "U0ALICE"),
        ("bbws:approved-by", "U0BOB"),
    ]);
    for (region, ending) in [(HOME, ""), (DR, "-dr")] {
        let snapshots = stage.snapshots(region).await;
        assert_eq!(snapshots.len(), 1, "{snapshots:?}");
        let (name, tags) = &snapshots[0];
        let (database, _, rest) = dated(name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!((database.as_str(), rest), ("bbws-prod-mysql", format!("{id}{ending}")));
        for (key, value) in &expected {
            assert!(tags.iter().any(|(k, v)| k == key && v == value), "{name} lacks {key}={value}: {tags:?}");
        }
    }
}

async fn left_in_s3(stage: &Stage, id: &str) {
    for (region, ending) in [(HOME, ""), (DR, "-dr")] {
        let bucket = format!("bbws-prod-backups{ending}");
        let session = stage.session(region).await;
        let listed = session.s3().list_objects_v2().bucket(&bucket).send().await.unwrap();
        let keys: Vec<&str> = listed.contents().iter().filter_map(|o| o.key()).collect();
        assert_eq!(keys.len(), 1, "{keys:?}");
        let parts: Vec<&str> = keys[0].split('/').collect();
        assert_eq!((parts[0], parts[1], parts[2].len(), parts[3]), ("prod", "secrets", 8, id), "{keys:?}");
    }
}

#[tokio::test]
async fn dev_runs_at_once_without_approval() {
    let stage = Stage::running().await;
    let id = stage.asks("U0ALICE", "backup create dev --type rds").await;
    let card = stage.card(&id, "succeeded").await;
    assert_eq!(card.metadata.unwrap()["event_payload"]["environment"], "dev");
    let made = stage.snapshots(HOME).await;
    assert_eq!(made.len(), 1);
    assert_eq!(dated(&made[0].0).map(|(d, _, i)| (d, i)), Some(("bbws-dev-mysql".to_owned(), id.clone())));
    assert!(stage.snapshots(DR).await.is_empty(), "dev is not replicated");
    let listed = stage.says("U0BOB", "op list").await;
    assert_eq!(id_in(&listed), Some(id));
}
