//! What machines ask, what `bbws check` says, and what is refused at start.

use crate::serve::stage::{ACCOUNT, HOME, Stage, until};

#[tokio::test]
async fn health_readiness_and_metrics() {
    let stage = Stage::running().await;
    assert_eq!(stage.get("/healthz").await.status, 200);
    let ready = stage.get("/readyz").await;
    assert_eq!(ready.status, 200, "{ready:?}");
    stage.says("U0ALICE", "help").await;
    let metrics = stage.get("/metrics").await;
    assert!(metrics.status == 200 && metrics.kind.starts_with("text/plain"), "{metrics:?}");
    let counted = |line: &str| {
        line.starts_with("bbws_") && line.rsplit(' ').next().is_some_and(|n| n.parse::<f64>().is_ok_and(|n| n > 0.0))
    };
    assert!(metrics.body.lines().any(counted), "{}", metrics.body);
    stage.workspace.set_down(true);
    let told = until("readiness to end", async || Some(stage.get("/readyz").await).filter(|h| h.status == 503)).await;
    assert!(told.body.contains("auth.test"), "{told:?}");
    assert_eq!(stage.get("/healthz").await.status, 200, "the process is up all the same");
}

#[tokio::test]
async fn a_bad_token_makes_it_unready_and_says_so() {
    let mut stage = Stage::set().await;
    stage.token = "xoxb-revoked".to_owned();
    stage.start().await;
    let told = stage.get("/readyz").await;
    assert_eq!(told.status, 503, "{told:?}");
    assert!(told.body.contains("invalid_auth"), "{told:?}");
    assert!(!told.body.contains("xoxb") && !stage.logged().contains("xoxb-revoked"), "a token is never shown");
    let checked = stage.run(&["check"]).await;
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(said.contains("invalid_auth"), "{said}");
}

#[tokio::test]
async fn check_says_line_by_line_what_is_right_and_wrong() {
    let stage = Stage::set().await;
    let good = stage.run(&["check"]).await;
    let said = String::from_utf8_lossy(&good.stdout).into_owned();
    assert_eq!(good.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&good.stderr));
    assert!(said.ends_with(" ok, 0 wrong, 0 not checked\n"), "{said}");
    for found in ["bbws-prod-mysql", "bbws-prod-dr", "alias/bbws-dr", "bbws-backup-status", "C0PROD"] {
        assert!(said.lines().any(|l| l.starts_with("ok") && l.contains(found)), "{found}: {said}");
    }
    stage.amazon.aws.change(|world, _| world.region(ACCOUNT, HOME).rds.instances.remove("bbws-sit-mysql"));
    let bad = stage.run(&["check"]).await;
    let said = String::from_utf8_lossy(&bad.stdout).into_owned();
    assert_eq!(bad.status.code(), Some(1), "{said}");
    let wrong: Vec<&str> = said.lines().filter(|l| l.starts_with("WRONG")).collect();
    assert!(wrong.len() == 1 && wrong[0].contains("bbws-sit-mysql"), "{said}");
}

#[tokio::test]
async fn a_bad_config_is_refused_at_start_with_its_line() {
    let stage = Stage::set().await;
    let text = std::fs::read_to_string(&stage.config).unwrap();
    for (from, to, names) in [
        ("[slack]\n", "[slack]\ncolour = \"red\"\n", "colour"),
        ("dr_region = \"eu-west-1\"", "dr_region = \"af-south-1\"", "af-south-1"),
        ("primary_region = \"af-south-1\"", "primary_region = \"af-south-7\"", "af-south-7"),
        ("min = 7, default = 30", "min = 2, default = 30", "2"),
        ("lead = { users = [\"U0CAROL\"] }", "lead = { users = [] }", "lead"),
    ] {
        let broken = text.replacen(from, to, 1);
        assert_ne!(broken, text, "{from}");
        let line = broken.lines().position(|l| l.contains(to.trim_start_matches("[slack]\n").trim())).unwrap() + 1;
        let file = stage.directory.path().join("broken.toml");
        std::fs::write(&file, broken).unwrap();
        let ended = stage.run(&["serve", "--config", file.to_str().unwrap()]).await;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{said}");
        assert!(said.contains(&format!("broken.toml:{line}")) && said.contains(names), "line {line}: {said}");
    }
}

#[tokio::test]
async fn wrong_usage_exits_2_and_missing_variables_are_named() {
    let stage = Stage::set().await;
    for arguments in
        [&["serv"][..], &["serve", "--speed", "3"], &["audit"], &["audit", "export", "--format", "xml"], &[]]
    {
        let ended = stage.run(arguments).await;
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}: {ended:?}");
    }
    let mut command = stage.bbws(&["serve"]);
    command.env_remove("SLACK_SIGNING_SECRET").env_remove("SLACK_BOT_TOKEN");
    let ended = command.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("SLACK_SIGNING_SECRET") && said.contains("SLACK_BOT_TOKEN"), "{said}");
}
