//! A cutover by secret: nothing is renamed, the application is sent elsewhere, and every command follows.

use std::time::Duration;

use bbws::{
    app::inbound::Inbound,
    config::Config,
    domain::{environment::Cutover, live::Live, mark::MarkKind, operation::State, step::Action},
    ports::store::Store,
};

use crate::support::{clock::ManualClock, db, kill::Killer, rig::Rig};

const LIVE: &str = "bbws-prod-mysql";
const SECRET: &str = "bbws/prod/endpoint";
const POSTS: &str = "tenant_1.wp_posts";
const ACCOUNT: &str = "093646564004";
const HOME: &str = "af-south-1";

async fn rig() -> Rig {
    let clock = ManualClock::new();
    let mut config = Config::demo();
    let database = &mut config.environments.get_mut("prod").unwrap().databases[0];
    (database.endpoint_secret, database.cutover) = (Some(SECRET.into()), Some(Cutover::Secret));
    Rig::new(db::sqlite(clock.clone()).await, clock, config, 7)
}

/// Runs until people are asked.
async fn waiting(rig: &mut Rig, id: &str) {
    for _ in 0..240 {
        if rig.state(id).await == State::Waiting || rig.process.killer.dead() {
            return;
        }
        rig.settle(Duration::from_secs(30)).await;
    }
    panic!("nobody is asked: {:#?}", rig.run(id).await);
}

/// Runs until the cutover is agreed to.
async fn agreed(rig: &mut Rig) -> String {
    let id = rig.asked("backup restore prod pitr --target-time latest --into live --ticket INC-1").await;
    rig.settle(Duration::from_secs(2)).await;
    rig.say("U0BOB", &format!("op approve {id} --confirm {LIVE}")).await;
    waiting(rig, &id).await;
    rig.click("U0ALICE", "continue", &id).await;
    rig.settle(Duration::from_secs(5)).await;
    waiting(rig, &id).await;
    rig.click("U0BOB", "continue", &id).await;
    id
}

/// Runs until it is asked that the services are redeployed, says so, and lets it end.
async fn cut_over(rig: &mut Rig) -> String {
    let id = agreed(rig).await;
    rig.settle(Duration::from_secs(5)).await;
    waiting(rig, &id).await;
    rig.click("U0ALICE", "continue", &id).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    id
}

/// What applications read.
fn secret(rig: &Rig) -> String {
    rig.cloud.look(|world, _| {
        let secret = &world.find(ACCOUNT, HOME).unwrap().secrets.secrets[SECRET];
        secret.at_stage("AWSCURRENT").unwrap().1.string.clone().unwrap()
    })
}

/// The instance that the secret leads to.
fn led(rig: &Rig) -> String {
    let value: serde_json::Value = serde_json::from_str(&secret(rig)).unwrap();
    value["host"].as_str().unwrap().split('.').next().unwrap().to_owned()
}

async fn note(rig: &Rig) -> Option<String> {
    let mut marks = rig.ledger.marks("prod", Some(MarkKind::Live)).await.unwrap();
    assert!(marks.len() <= 1, "{marks:?}");
    marks.pop().map(|mark| mark.note)
}

#[tokio::test]
async fn a_word_on_a_card_that_still_shows_the_question_before_does_not_count_for_the_next() {
    let mut rig = rig().await;
    let id = rig.asked("backup restore prod pitr --target-time latest --into live --ticket INC-1").await;
    rig.settle(Duration::from_secs(2)).await;
    rig.say("U0BOB", &format!("op approve {id} --confirm {LIVE}")).await;
    waiting(&mut rig, &id).await;
    let run = rig.run(&id).await;
    let of_the_look = |action: &str| Inbound::Click {
        action: format!("bbws.{action}"),
        value: id.clone(),
        block_id: Some(format!("bbws:{}", run.shown())),
        message_ts: run.op.card.as_ref().map(|card| card.ts.clone()),
        reason: None,
    };
    rig.click("U0ALICE", "continue", &id).await;
    rig.settle(Duration::from_secs(5)).await;
    waiting(&mut rig, &id).await;
    // Bob is a DBA, so that his word would be enough for the cutover; he was asked only whether what was found is wanted.
    let asks = rig.run(&id).await.asks().map(|(index, _)| index);
    let said = rig.raw_click("U0BOB", of_the_look("continue")).await.expect("an answer").text;
    assert!(said.contains("is answered") && said.contains("look at its card again"), "{said}");
    rig.settle(Duration::from_secs(30)).await;
    let run = rig.run(&id).await;
    assert_eq!(run.asks().map(|(index, _)| index), asks, "{run:#?}");
    // To hold is never too late: it holds what is asked now.
    rig.raw_click("U0BOB", of_the_look("hold")).await;
    let held = rig.run(&id).await;
    assert!(asks.is_some_and(|asks| held.steps[asks].answers.held.is_some()), "{held:#?}");
    rig.click("U0BOB", "continue", &id).await;
    rig.settle(Duration::from_secs(5)).await;
    assert_ne!(rig.run(&id).await.asks().map(|(index, _)| index), asks);
}

#[tokio::test]
async fn the_application_is_sent_to_the_clone_and_every_command_follows() {
    let mut rig = rig().await;
    let was = secret(&rig);
    let id = cut_over(&mut rig).await;
    let clone = format!("{LIVE}-restored-{id}");
    assert_eq!(led(&rig), clone);
    let (old, new): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(&was).unwrap(), serde_json::from_str(&secret(&rig)).unwrap());
    assert_eq!(
        was.replace(old["host"].as_str().unwrap(), new["host"].as_str().unwrap()),
        secret(&rig),
        "only the host"
    );
    assert_eq!(note(&rig).await, Some(Live { instance: &clone, before: LIVE }.note()));
    let (tag, protected) = rig.cloud.look(|world, _| {
        let instance = &world.find(ACCOUNT, HOME).unwrap().rds.instances[&clone];
        (instance.tags.get("bbws:live").cloned(), instance.protected)
    });
    assert_eq!((tag.as_deref(), protected), (Some(LIVE), true));
    let outcome = rig.run(&id).await.op.outcome.unwrap();
    assert!(outcome.contains(&format!("What was live before is kept as {LIVE}")), "{outcome}");
    // A backup takes what is live, under the name that people know.
    let backup = rig.asked("backup create prod rds").await;
    let plan = rig.run(&backup).await.op.plan;
    assert!(plan.steps[0].title.ends_with(&clone), "{:?}", plan.steps[0]);
    rig.settle(Duration::from_secs(2)).await;
    rig.click("U0BOB", "approve", &backup).await;
    assert_eq!(rig.finish(&backup).await, State::Succeeded, "{:?}", rig.run(&backup).await.op.outcome);
    let listed = rig.say("U0ALICE", "backup restore prod list rds").await;
    assert!(!listed.contains("not known"), "{listed}");
    // Nothing deletes it, however long it is there.
    rig.clock.advance(Duration::from_secs(10 * 86_400));
    rig.process.desk.tidy().await.unwrap();
    rig.settle(Duration::from_secs(3600)).await;
    assert!(rig.cloud.restored_instances().contains_key(&clone));
    rig.say("U0BOB", &format!("op rollback {id} --reason \"orders are missing\"")).await;
    assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
    assert_eq!(secret(&rig), was, "the old world is back");
    let outcome = rig.run(&id).await.op.outcome.unwrap();
    assert!(outcome.contains("Redeploy the services that read"), "{outcome}");
    assert_eq!(note(&rig).await, None);
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
}

#[tokio::test]
async fn what_is_live_by_secret_can_be_replaced_again_and_go_back_to_it() {
    let mut rig = rig().await;
    let first = format!("{LIVE}-restored-{}", cut_over(&mut rig).await);
    rig.clock.advance(Duration::from_secs(7200));
    let id = cut_over(&mut rig).await;
    let second = format!("{LIVE}-restored-{id}");
    assert_eq!(led(&rig), second);
    assert_eq!(note(&rig).await, Some(Live { instance: &second, before: &first }.note()));
    // Back to what was there before the first one leads only by way of the second one.
    let one = first.strip_prefix(&format!("{LIVE}-restored-")).unwrap();
    let refused = rig.say("U0BOB", &format!("op rollback {one} --reason \"worse\"")).await;
    assert!(refused.contains(&format!("Roll that one back first: `/bbws op rollback {id}`")), "{refused}");
    assert_eq!((rig.state(one).await, led(&rig)), (State::Succeeded, second.clone()));
    rig.say("U0BOB", &format!("op rollback {id} --reason \"worse\"")).await;
    assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
    assert_eq!(led(&rig), first);
    assert_eq!(note(&rig).await, Some(Live { instance: &first, before: &second }.note()));
    rig.say("U0BOB", &format!("op rollback {one} --reason \"worse as well\"")).await;
    assert_eq!(rig.finish(one).await, State::RolledBack, "{:#?}", rig.run(one).await);
    assert_eq!((led(&rig), note(&rig).await), (LIVE.to_owned(), None), "where it led before both");
}

#[tokio::test]
async fn a_secret_that_somebody_led_elsewhere_since_is_not_told_to_lead_back() {
    let mut rig = rig().await;
    let id = cut_over(&mut rig).await;
    let other = r#"{"host":"proxy.example","port":3306,"username":"u","password":"p"}"#;
    rig.cloud.change(|world, now| {
        let secrets = &mut world.region(ACCOUNT, HOME).secrets.secrets;
        let version = "a-version-that-leads-to-a-proxy-0001".into();
        secrets.get_mut(SECRET).unwrap().put(version, Some(other.into()), None, now);
    });
    rig.say("U0BOB", &format!("op rollback {id} --reason \"worse\"")).await;
    assert_eq!(rig.finish(&id).await, State::Failed, "{:#?}", rig.run(&id).await);
    assert_eq!(secret(&rig), other);
    assert!(note(&rig).await.is_some(), "the ledger does not say that it leads back");
    let why = rig.run(&id).await.steps.iter().find_map(|step| step.error.clone()).expect("a reason");
    assert!(why.contains("another version since the cutover") && why.contains(&format!("Write {LIVE}.")), "{why}");
    // As it asks.
    let was = format!(r#"{{"host":"{}","port":3306,"username":"u","password":"p"}}"#, host(&why));
    rig.cloud.change(|world, now| {
        let secrets = &mut world.region(ACCOUNT, HOME).secrets.secrets;
        let version = "a-version-that-leads-back-again-0001".into();
        secrets.get_mut(SECRET).unwrap().put(version, Some(was.clone()), None, now);
    });
    rig.click("U0BOB", "retry", &id).await;
    assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
    assert_eq!((led(&rig), note(&rig).await), (LIVE.to_owned(), None));
}

/// The host that a message wants to be written.
fn host(why: &str) -> &str {
    why.split("Write ").nth(1).unwrap().split(':').next().unwrap()
}

/// Whether the first row of a tenant's posts is in an instance.
fn has_rows(rig: &Rig, instance: &str) -> bool {
    rig.cloud.rows_of("prod", instance, POSTS).and_then(|rows| rows.get(1)).is_some()
}

#[tokio::test]
async fn a_tenants_rows_come_back_into_what_is_live_and_not_into_what_was_live_before() {
    let mut rig = rig().await;
    let clone = format!("{LIVE}-restored-{}", cut_over(&mut rig).await);
    let backup = rig.approved_backup("backup create prod rds").await;
    assert_eq!(rig.finish(&backup).await, State::Succeeded);
    let point = rig.run(&backup).await.op.plan.steps.into_iter().find_map(|spec| match spec.action {
        Action::RdsSnapshot(what) => Some(what.snapshot),
        _ => None,
    });
    let point = point.expect("a snapshot");
    // The login's secret goes on naming the one before, which lacks the same rows.
    for instance in [LIVE, clone.as_str()] {
        assert!(has_rows(&rig, instance) && rig.cloud.delete_rows("prod", instance, POSTS), "{instance}");
    }
    rig.settle(Duration::from_secs(900)).await;
    assert!(!has_rows(&rig, LIVE) && !has_rows(&rig, &clone));
    let wanted = format!("rds --snapshot-id {point} --tenant tenant-1 --merge missing --into live --ticket INC-7");
    let id = rig.asked(&format!("backup restore prod {wanted}")).await;
    rig.settle(Duration::from_secs(2)).await;
    rig.say("U0BOB", &format!("op approve {id} --confirm {clone}")).await;
    for user in ["U0ALICE", "U0BOB"] {
        waiting(&mut rig, &id).await;
        rig.click(user, "continue", &id).await;
        rig.settle(Duration::from_secs(5)).await;
    }
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    assert!(has_rows(&rig, &clone), "they are back where the application reads");
    assert!(!has_rows(&rig, LIVE), "what was live before is as it was");
}

#[tokio::test]
async fn a_secret_that_leads_elsewhere_is_left_alone() {
    let mut rig = rig().await;
    let other = r#"{"host":"proxy.example","port":3306,"username":"u","password":"p"}"#;
    rig.cloud.change(|world, now| {
        let secrets = &mut world.region(ACCOUNT, HOME).secrets.secrets;
        secrets.get_mut(SECRET).unwrap().put(
            "a-version-that-leads-to-a-proxy-0001".into(),
            Some(other.into()),
            None,
            now,
        );
    });
    let id = agreed(&mut rig).await;
    assert_eq!(rig.finish(&id).await, State::Failed, "{:#?}", rig.run(&id).await);
    assert_eq!(secret(&rig), other);
    assert_eq!(note(&rig).await, None);
    let run = rig.run(&id).await;
    let why = run.steps.iter().find_map(|step| step.error.clone()).expect("a reason");
    assert!(why.contains("it leads to proxy.example:3306 and not to bbws-prod-mysql"), "{why}");
}

#[tokio::test]
async fn while_the_redeployment_is_waited_for_it_can_be_rolled_back() {
    let mut rig = rig().await;
    let was = secret(&rig);
    let id = agreed(&mut rig).await;
    rig.settle(Duration::from_secs(5)).await;
    waiting(&mut rig, &id).await;
    assert_ne!(secret(&rig), was);
    rig.say("U0ALICE", &format!("op rollback {id}")).await;
    assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
    assert_eq!((secret(&rig), note(&rig).await), (was, None));
}

#[tokio::test]
async fn whenever_it_dies_the_secret_leads_to_the_old_world_or_to_the_new_one() {
    let mut rig = rig().await;
    let whole = Killer::never();
    let id = agreed(&mut rig).await;
    rig.reboot(whole.clone()).await;
    rig.settle(Duration::from_secs(600)).await;
    assert_eq!(rig.state(&id).await, State::Waiting);
    let points = whole.passed();
    assert!(points > 10, "{points}");
    for point in (0..points).step_by((points / 8).max(1)) {
        let mut rig = self::rig().await;
        let id = agreed(&mut rig).await;
        let new = format!("{LIVE}-restored-{id}");
        rig.reboot(Killer::at(point)).await;
        let mut worlds = vec![led(&rig)];
        for _ in 0..720 {
            rig.settle(Duration::from_secs(5)).await;
            if rig.process.killer.dead() {
                rig.clock.advance(Duration::from_secs(61));
                rig.reboot(Killer::never()).await;
            }
            worlds.push(led(&rig));
            match rig.state(&id).await {
                State::Waiting => _ = rig.click("U0BOB", "continue", &id).await,
                state if state.terminal() => break,
                _ => {}
            }
        }
        assert_eq!(rig.state(&id).await, State::Succeeded, "killed at {point}: {:#?}", rig.run(&id).await);
        worlds.dedup();
        assert_eq!(worlds, [LIVE.to_owned(), new], "killed at {point}: the old world, and then the new one");
        assert!(rig.cloud.twice().is_empty(), "killed at {point}: {:?}", rig.cloud.twice());
    }
}

#[tokio::test]
async fn an_export_never_leads_the_application_away_from_what_is_live() {
    let mut rig = rig().await;
    let export = rig.approved_backup("backup create prod secrets").await;
    assert_eq!(rig.finish(&export).await, State::Succeeded);
    let points = rig.cloud.point_ids("prod", bbws::adapters::sandbox::aws::incidents::Side::Primary);
    let key = points.into_iter().find(|point| point.contains(&format!("/{export}/"))).expect("an export");
    let id = cut_over(&mut rig).await;
    let clone = format!("{LIVE}-restored-{id}");
    assert_eq!(led(&rig), clone);
    crate::support::overwrite::secret(&rig.cloud, 1);
    let named = format!("backup restore prod secrets --from {key} --name {SECRET} --into live --ticket INC-2");
    let said = rig.say("U0ALICE", &named).await;
    assert!(said.contains("leads applications to a database"), "{said}");
    let back = rig.asked(&format!("backup restore prod secrets --from {key} --into live --ticket INC-2")).await;
    let notes = rig.run(&back).await.op.plan.notes.join("\n");
    assert!(notes.contains("Left as they are") && notes.contains(SECRET), "{notes}");
    rig.settle(Duration::from_secs(2)).await;
    rig.say("U0BOB", &format!("op approve {back} --confirm Prod")).await;
    waiting(&mut rig, &back).await;
    rig.click("U0ALICE", "continue", &back).await;
    rig.settle(Duration::from_secs(5)).await;
    waiting(&mut rig, &back).await;
    rig.click("U0BOB", "continue", &back).await;
    assert_eq!(rig.finish(&back).await, State::Succeeded, "{:#?}", rig.run(&back).await);
    assert_ne!(crate::support::overwrite::secret_now(&rig.cloud), "wrong");
    assert_eq!(led(&rig), clone, "it still leads to what is live");
}
