//! The audit chain from outside: verified, exported, tampered with.

use sqlx::{AnyConnection, Connection as _};

use crate::serve::stage::Stage;

#[tokio::test]
async fn the_chain_is_verified_exported_and_a_forgery_is_named() {
    let mut stage = Stage::running().await;
    let id = stage.asks("U0ALICE", "backup create dev rds --reason =1+1").await;
    stage.card(&id, "succeeded").await;
    let live = stage.run(&["audit", "verify"]).await;
    assert_eq!(live.status.code(), Some(0), "while it serves: {live:?}");
    stage.kill();
    let rows = exported(&stage, &["audit", "export", "--format", "jsonl"]).await;
    let entries: Vec<serde_json::Value> = rows.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(entries.len() > 5, "{rows}");
    assert!(rows.contains(&id) && rows.contains("U0ALICE"), "{rows}");
    assert!(!rows.contains("s3cr3t"), "no secret is in it");
    let csv = exported(&stage, &["audit", "export", "--format", "csv"]).await;
    assert_eq!(csv.lines().count(), entries.len() + 1);
    let none = exported(&stage, &["audit", "export", "--since", "2999-01-01T00:00:00Z"]).await;
    assert_eq!(none, "");
    assert_eq!(exported(&stage, &["audit", "export", "--since", "1h"]).await, rows);
    for wrong in ["audit export --since yesterday", "manifest --url ftp://bot.example.com"] {
        let refused = stage.run(&wrong.split(' ').collect::<Vec<_>>()).await;
        assert_eq!(refused.status.code(), Some(2), "wrong usage: {refused:?}");
    }

    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&stage.database).await.unwrap();
    for trigger in triggers(&mut connection).await {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DROP TRIGGER {trigger}"))).execute(&mut connection).await.unwrap();
    }
    let forged = entries.iter().rfind(|e| e.to_string().contains("U0ALICE")).unwrap()["seq"].as_i64().unwrap();
    let changed = sqlx::query("UPDATE audit SET body = replace(body, 'U0ALICE', 'U0CAROL') WHERE seq = $1")
        .bind(forged)
        .execute(&mut connection)
        .await
        .unwrap();
    assert_eq!(changed.rows_affected(), 1);
    connection.close().await.unwrap();
    let told = stage.run(&["audit", "verify"]).await;
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    assert_eq!(told.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("entry {forged}")), "{said}");
}

async fn exported(stage: &Stage, arguments: &[&str]) -> String {
    let done = stage.run(arguments).await;
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    String::from_utf8(done.stdout).unwrap()
}

async fn triggers(connection: &mut AnyConnection) -> Vec<String> {
    let rows: Vec<(String,)> =
        sqlx::query_as("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetch_all(connection).await.unwrap();
    rows.into_iter().map(|(name,)| name).collect()
}
