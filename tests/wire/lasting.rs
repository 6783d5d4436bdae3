//! What outlives the process, and what the page's drawer shows and moves.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use bbws::{
    adapters::sandbox::{
        aws::{Fault, SimAws, Target, drawer::Drawer},
        clock::SharedClock,
    },
    config::Config,
    ports::{
        alert::{Alerts as _, Topic},
        clock::Clock as _,
        cloud::Cloud as _,
    },
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::bed::{Bed, HOME};

fn snapshot() -> bbws::domain::step::Action {
    bbws::domain::step::Action::RdsSnapshot(bbws::domain::step::RdsSnapshot {
        region: HOME.into(),
        database: "bbws-prod-mysql".into(),
        snapshot: "bbws-prod-mysql-manual-20261121-bk-1001".into(),
    })
}

#[tokio::test]
async fn the_world_its_faults_and_its_judge_outlive_the_process() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("world.json");
    let bed = Bed::new();
    bed.aws.keep_in(&file).unwrap();
    bed.cloud.start(&bed.call(0, snapshot())).await.unwrap();
    bed.cloud.publish(&bed.environment, Topic::BackupStatus, "subject", "{}").await.unwrap();
    bed.aws.region_down("eu-west-1", true);
    bed.aws.inject(Fault::JobFails, Target::next_change());
    let again = Bed::seeded(8);
    again.aws.keep_in(&file).unwrap();
    assert_eq!(again.aws.effects(), 1);
    assert_eq!(again.messages(), 1);
    let sizes = |bed: &Bed| bed.aws.look(|world, _| serde_json::to_string(world).unwrap());
    assert_eq!(sizes(&bed), sizes(&again));
    std::fs::write(&file, "{\"format\": 1}").unwrap();
    let refused = Bed::new().aws.keep_in(&file).unwrap_err();
    assert!(refused.contains("format 1") && refused.contains("Move the file away"), "{refused}");
}

async fn asked(drawer: &Drawer, method: &str, path: &str, body: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap();
    let response = drawer.clone().router().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn the_drawer_shows_what_is_there_and_moves_clock_faults_and_regions() {
    let config = Config::demo();
    let clock = Arc::new(SharedClock::new(Arc::new(bbws::ports::clock::SystemClock)));
    let aws = Arc::new(SimAws::new(&config.environments, &config.topics, clock.clone(), 7));
    let drawer = Drawer { aws, clock: clock.clone(), address: Some("127.0.0.1:4566".into()), bbws: Arc::default() };
    let (status, shown) = asked(&drawer, "GET", "/state", "").await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&shown["speed"], &shown["address"], &shown["twice"]),
        (&json!(1), &json!("127.0.0.1:4566"), &json!([]))
    );
    let kinds = |region: usize| -> std::collections::BTreeSet<String> {
        let all = shown["regions"][region]["resources"].as_array().unwrap();
        all.iter().map(|r| r["kind"].as_str().unwrap().to_owned()).collect()
    };
    for kind in [
        "DB snapshot",
        "DB instance",
        "File system",
        "Backup vault",
        "Backup job",
        "Recovery point",
        "Bucket",
        "Object",
    ] {
        assert!(kinds(0).contains(kind), "{kind} is not among {:?}", kinds(0));
    }
    let before = clock.now();
    assert_eq!(asked(&drawer, "POST", "/control", r#"{"speed": 0}"#).await.0, StatusCode::OK);
    assert_eq!(asked(&drawer, "POST", "/control", r#"{"advance": 3600}"#).await.0, StatusCode::OK);
    assert!(clock.now() >= before + Duration::from_secs(3600));
    assert_eq!(clock.speed(), 0.0);
    let down = asked(&drawer, "POST", "/control", r#"{"region": "af-south-1", "down": true}"#).await.1;
    assert_eq!(serde_json::from_str::<Value>(&down).unwrap()["regions"][0]["down"], json!(true));
    assert_eq!(asked(&drawer, "POST", "/control", r#"{"fault": "heal"}"#).await.0, StatusCode::OK);
    for (control, why) in [
        (r#"{"speed": 5000}"#, "The speed has to be from 0"),
        (r#"{"fault": "none"}"#, "There is no fault `none`"),
        (r#"{"region": "mars", "down": true}"#, "There is no region `mars`"),
        (r#"{"advance": 99999999999}"#, "at most"),
        ("{}", "One control at a time"),
        ("[", "This is no control"),
    ] {
        let (status, said) = asked(&drawer, "POST", "/control", control).await;
        assert!(status == StatusCode::BAD_REQUEST && said.contains(why), "{control}: {said}");
    }
}
