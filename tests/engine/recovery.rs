//! `dr status` and the assessments, over the simulated AWS: what was measured is said, what could not be seen is unknown.

use std::time::Duration;

use bbws::{
    adapters::sandbox::aws::{incidents::Side, world::cloudwatch::Lag},
    config::Config,
    domain::active::Active,
    ports::chat::{Level, Reply},
};

use crate::support::{clock::ManualClock, db, rig::Rig};

const REPLICA: &str = "bbws-prod-mysql-replica";

async fn answered(rig: &mut Rig, command: &str) -> Reply {
    let before = rig.mutations();
    let reply = rig.command("U0DAVE", command).await.expect("an answer");
    assert_eq!(rig.mutations(), before, "it only reads: {}", reply.text);
    reply
}

/// The platform of the demo, with backups as its schedule says, so that its copies keep the RPO.
async fn kept() -> Rig {
    let rig = Rig::demo_sqlite().await;
    rig.cloud.keep_backing_up();
    rig
}

fn lag(rig: &Rig, lag: Lag) {
    rig.cloud.meddle("prod", Side::Dr, |place, _, _| place.cloudwatch.lags.insert(REPLICA.to_owned(), lag));
}

async fn runs_in_dr(rig: &Rig) {
    let there = Active::dr([("fs-0900d000000000001".to_owned(), "fs-0dd00000000000001".to_owned())]);
    rig.runs(&there).await;
}

#[tokio::test]
async fn a_healthy_platform_is_told_with_every_point() {
    let mut rig = kept().await;
    let reply = answered(&mut rig, "dr status prod").await;
    assert!(reply.text.starts_with("*`prod` runs in af-south-1*, which is *healthy*."), "{}", reply.text);
    assert!(reply.text.contains("loses the last ") && reply.text.contains("a planned move"), "{}", reply.text);
    let rows = reply.attachment.table.expect("a table").rows;
    let state =
        |what: &str| rows.iter().find(|row| row[0].contains(what)).unwrap_or_else(|| panic!("{what}: {rows:?}"));
    assert_eq!(state("https://wp.bbws.example/healthz")[1], "ok");
    assert_eq!(state("RDS in af-south-1")[1], "ok");
    assert_eq!(&state(&format!("replica {REPLICA}"))[1..], ["kept", "4 s behind bbws-prod-mysql"]);
    assert_eq!(state("DR KMS key")[1], "ok");
    for what in
        ["Image ", "Task definition ", "Parameter group ", "Fargate vCPUs", "RDS quota DBInstances", "KMS key of vault"]
    {
        assert_eq!(state(what)[1], "ok", "{what}");
    }
    assert_eq!(state("Promote bbws-prod-mysql-replica")[2], "the DR region; no run has proved it yet");
    assert!(state("Restore tests")[2].contains("restore-tested"), "{rows:?}");
    let lags = answered(&mut rig, "dr status prod --replication").await.attachment.table.expect("a table").rows;
    assert!(lags.len() < rows.len() && lags.iter().all(|row| !row[0].contains("KMS")), "{lags:?}");
}

#[tokio::test]
async fn an_outage_that_two_signs_show_is_down_and_everything_known_means_proceed() {
    let mut rig = kept().await;
    rig.watch_for(Duration::from_secs(900)).await;
    rig.cloud.region_down("af-south-1", true);
    let reply = answered(&mut rig, "dr failover prod").await;
    assert!(
        reply.text.starts_with("*PROCEED*: a failover of `prod` to eu-west-1.\n• af-south-1 is down: "),
        "{}",
        reply.text
    );
    assert!(reply.text.contains("loses the last "), "{}", reply.text);
    assert!(reply.text.contains("0 own failovers were measured, and no number is given under five"), "{}", reply.text);
    let status = answered(&mut rig, "dr status prod").await;
    assert!(status.text.contains("which is *down*"), "{}", status.text);
}

#[tokio::test]
async fn what_the_config_need_not_say_of_the_dr_region_holds_nobody_back() {
    let (clock, mut config) = (ManualClock::new(), Config::demo());
    let dr = &mut config.environments.get_mut("prod").unwrap().dr;
    // Replicas are promoted where they are, and the cluster has the same name in both regions.
    (dr.db_subnet_group, dr.cluster) = (None, None);
    let mut rig = Rig::new(db::sqlite(clock.clone()).await, clock, config, 7);
    rig.cloud.keep_backing_up();
    rig.watch_for(Duration::from_secs(900)).await;
    rig.cloud.region_down("af-south-1", true);
    let reply = answered(&mut rig, "dr failover prod").await;
    assert!(reply.text.starts_with("*PROCEED*"), "{}", reply.text);
}

#[tokio::test]
async fn a_lag_that_says_nothing_is_unknown_and_never_none() {
    let mut rig = kept().await;
    for (said, says) in [
        (Lag { seconds: Some(-1), age: 30 }, "ReplicaLag is -1: replication does not run"),
        (Lag { seconds: None, age: 0 }, "CloudWatch has no value of its ReplicaLag"),
        (Lag { seconds: Some(0), age: 420 }, "the newest value of its ReplicaLag is"),
    ] {
        lag(&rig, said);
        let reply = answered(&mut rig, "dr failover prod --assess-only").await;
        assert!(reply.text.starts_with("*RISKY*") && reply.text.contains(says), "{said:?}: {}", reply.text);
    }
    lag(&rig, Lag { seconds: Some(3), age: 60 });
    assert!(!answered(&mut rig, "dr failover prod").await.text.contains("ReplicaLag"));
}

#[tokio::test]
async fn without_a_key_that_opens_the_copies_there_is_nothing_to_fail_over_to() {
    let mut rig = kept().await;
    assert!(rig.cloud.set_key_enabled("prod", Side::Dr, "alias/bbws-dr", false));
    let reply = answered(&mut rig, "dr failover prod").await;
    assert!(reply.text.starts_with("*DO_NOT_FAILOVER*") && reply.text.contains("alias/bbws-dr"), "{}", reply.text);
    assert_eq!(reply.level, Level::Error);
}

#[tokio::test]
async fn an_environment_without_copies_is_refused() {
    let mut rig = kept().await;
    let reply = answered(&mut rig, "dr failover dev").await;
    assert!(reply.text.starts_with("*DO_NOT_FAILOVER*: `dev` has no copies in another region"), "{}", reply.text);
}

#[tokio::test]
async fn a_failback_waits_until_the_primary_was_healthy_for_an_hour() {
    let mut rig = kept().await;
    assert!(answered(&mut rig, "dr failback prod").await.text.starts_with("*WAIT*"), "it runs at home");
    runs_in_dr(&rig).await;
    let reply = answered(&mut rig, "dr failback prod").await;
    assert!(reply.text.contains("was not seen healthy until now"), "{}", reply.text);
    rig.watch_for(Duration::from_secs(1800)).await;
    let reply = answered(&mut rig, "dr failback prod").await;
    assert!(reply.text.starts_with("*WAIT*") && reply.text.contains("`dr.stable` asks for 1 h"), "{}", reply.text);
    rig.watch_for(Duration::from_secs(3900)).await;
    let reply = answered(&mut rig, "dr failback prod").await;
    assert!(!reply.text.contains("dr.stable"), "{}", reply.text);
}
