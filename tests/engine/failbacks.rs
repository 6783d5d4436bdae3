//! Failbacks: at every moment at most one database is written, what fails while writes stand still gives them back, and traffic goes
//! home only as far as people say.

use std::time::Duration;

use bbws::{
    adapters::sandbox::aws::{
        api::route53::REGION,
        incidents::Side,
        world::{World, cloudwatch::Lag},
    },
    config::Config,
    domain::{
        environment::Side as Of,
        operation::State,
        standby::{RoutingControls, Third},
        step::{Action, StepState},
    },
    ports::clock::Clock as _,
};

use crate::support::{clock::ManualClock, db, moved, rig::Rig};

const HOME: &str = "af-south-1";
const DR: &str = "eu-west-1";
const LIVE: &str = "bbws-prod-mysql";
const REPLICA: &str = "bbws-prod-mysql-replica";
const SECRET: &str = "bbws/prod/endpoint";

/// A platform whose applications are told by a secret where their database is.
async fn led() -> Rig {
    let clock = ManualClock::new();
    let mut config = Config::demo();
    config.environments.get_mut("prod").unwrap().databases[0].endpoint_secret = Some(SECRET.into());
    Rig::new(db::sqlite(clock.clone()).await, clock, config, 7)
}

fn world<T>(rig: &Rig, look: impl FnOnce(&World, bbws::domain::moment::Moment) -> T) -> T {
    rig.cloud.look(look)
}

/// Weights of the primary and the DR side.
fn weights(rig: &Rig) -> (u8, u8) {
    let account = &rig.config.environments["prod"].account;
    world(rig, |world, _| {
        let zone = &world.find(account, REGION).expect("Route 53").route53.zones["Z0BBWSPROD"];
        let weight = |set| zone.weight("wp.bbws.example.", "CNAME", set).expect("a weight");
        (weight("primary"), weight("dr"))
    })
}

fn tasks(rig: &Rig, side: Side) -> u32 {
    rig.cloud
        .inspect("prod", side, |_, place, now| {
            place.ecs.clusters.values().flat_map(|c| c.values()).map(|s| s.running(now)).sum()
        })
        .expect("the region")
}

/// The instances of the database in a region, and what each follows.
fn instances(rig: &Rig, side: Side) -> Vec<(String, Option<String>)> {
    rig.cloud
        .inspect("prod", side, |_, place, now| {
            let all = place.rds.instances.iter().filter(|(id, found)| id.starts_with(LIVE) && !found.is_gone(now));
            all.map(|(id, found)| (id.clone(), found.source(now).map(str::to_owned))).collect()
        })
        .expect("the region")
}

/// Asks as Alice, approves as Bob.
async fn begun(rig: &mut Rig, ask: &str) -> String {
    let before = rig.mutations();
    let id = rig.asked(ask).await;
    rig.settle(Duration::from_secs(2)).await;
    assert_eq!(rig.state(&id).await, State::AwaitingApproval, "two people");
    assert_eq!(rig.mutations(), before);
    rig.click("U0BOB", "approve", &id).await;
    id
}

/// The step that asks people, if one does.
async fn asks(rig: &Rig, id: &str) -> Option<(String, String)> {
    let run = rig.run(id).await;
    let polled = run.steps.iter().filter(|step| step.state == StepState::Polling && run.op.state == State::Waiting);
    let mut asking =
        polled.map(|step| &run.op.plan.steps[step.index]).filter(|spec| spec.action.kind() == "people.wait");
    asking.next().map(|spec| (spec.action.resource().to_owned(), spec.title.clone()))
}

/// Goes on in small steps until a step that others are asked by is up, or the run is over; Alice says what is done by hand. Never are two
/// databases written.
async fn on(rig: &mut Rig, id: &str) -> Option<String> {
    for _ in 0..20_000 {
        let written = moved::written(rig);
        assert!(written.len() <= 1, "two writers: {written:?}");
        let state = rig.state(id).await;
        if state.terminal() || state == State::NeedsAttention {
            return None;
        }
        match asks(rig, id).await {
            Some((rule, _)) if rule == "look" => _ = rig.click("U0ALICE", "continue", id).await,
            Some((rule, title)) => {
                assert_eq!(rule, "dr.shift");
                return Some(title);
            }
            None => {}
        }
        rig.settle(Duration::from_secs(5)).await;
    }
    panic!("it does not end: {:#?}", rig.run(id).await);
}

async fn agree(rig: &mut Rig, id: &str) -> Option<String> {
    rig.click("U0BOB", "continue", id).await;
    rig.settle(Duration::from_secs(1)).await;
    on(rig, id).await
}

async fn runs_in(rig: &Rig) -> Of {
    rig.process.desk.planner.active("prod").await.unwrap().side
}

#[tokio::test]
async fn a_platform_that_left_a_dark_region_goes_home_in_parts() {
    let mut rig = led().await;
    rig.cloud.region_down(HOME, true);
    let left =
        begun(&mut rig, "dr failover prod --execute --ticket INC-1 --reason \"the primary region is gone\"").await;
    let over = loop {
        if let Some((_, title)) = asks(&rig, &left).await {
            let by = if title.contains("traffic") { "U0BOB" } else { "U0ALICE" };
            rig.click(by, "continue", &left).await;
        }
        rig.settle(Duration::from_secs(20)).await;
        let state = rig.state(&left).await;
        if state.terminal() {
            break state;
        }
    };
    assert_eq!(over, State::Succeeded, "{:#?}", rig.run(&left).await);
    // The region comes back, and somebody does what the card of the failover said of it.
    rig.cloud.region_down(HOME, false);
    let env = rig.config.environments["prod"].clone();
    rig.cloud.change(|world, now| moved::services(world, &env, Side::Primary, 0, now));
    let ask = "dr failback prod --staged --ticket INC-2";
    let said = rig.say("U0ALICE", ask).await;
    assert!(said.contains("WAIT") && said.contains("was not seen healthy until now"), "{said}");
    moved::healthy(&rig).await;
    let judged = rig.say("U0DAVE", "dr failback prod").await;
    assert!(
        judged.starts_with("*PROCEED*") && judged.contains(&format!("{left} did not keep {HOME} from writing")),
        "{judged}"
    );
    let before = (instances(&rig, Side::Primary), instances(&rig, Side::Dr));
    let id = begun(&mut rig, ask).await;
    let asked = on(&mut rig, &id).await.expect("it asks before writes stand still");
    assert!(asked.contains("writes stand still"), "{asked}");
    let aside = format!("{LIVE}-before-{id}");
    let source = format!("arn:aws:rds:eu-west-1:{}:db:{REPLICA}", env.account);
    let names: Vec<(String, Option<String>)> = instances(&rig, Side::Primary);
    assert!(names.contains(&(LIVE.into(), Some(source))) && names.contains(&(aside.clone(), None)), "{names:?}");
    assert_eq!(moved::written(&rig), [format!("{REPLICA} in eu-west-1")]);
    let own = rig.click("U0ALICE", "continue", &id).await.expect("an answer").text;
    assert!(own.contains("somebody else has to say"), "{own}");
    for (part, before) in [(10, (0, 100)), (50, (10, 90)), (100, (50, 50))] {
        let asked = agree(&mut rig, &id).await.unwrap_or_else(|| panic!("{part}: {before:?}"));
        assert!(asked.ends_with(&format!("gets {part} %")), "{asked}");
        assert_eq!((weights(&rig), runs_in(&rig).await), (before, Of::Primary));
        assert_eq!(moved::written(&rig), [format!("{LIVE} in {HOME}")], "both sides write at home");
        assert_eq!((tasks(&rig, Side::Primary), tasks(&rig, Side::Dr)), (4, 4));
    }
    assert_eq!(agree(&mut rig, &id).await, None);
    let run = rig.run(&id).await;
    assert_eq!(run.op.state, State::Succeeded, "{run:#?}");
    assert!(run.issues().is_empty(), "{:?}", run.issues());
    assert_eq!((weights(&rig), tasks(&rig, Side::Primary), tasks(&rig, Side::Dr)), ((100, 0), 4, 1));
    assert_eq!(instances(&rig, Side::Primary), [(LIVE.to_owned(), None), (aside, None)]);
    assert_eq!(instances(&rig, Side::Dr), before.1, "nothing of it is deleted");
    let snapshots: Vec<String> = rig
        .cloud
        .inspect("prod", Side::Primary, |_, place, _| {
            place.rds.snapshots.keys().filter(|name| name.ends_with(&id)).cloned().collect()
        })
        .unwrap();
    assert_eq!(snapshots.len(), 2, "the archive and the first backup: {snapshots:?}");
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
    let told: Vec<String> = rig.cloud.published().into_iter().map(|(_, message)| message.subject).collect();
    assert!(told.iter().any(|subject| subject.contains(&id) && subject.ends_with("succeeded")), "{told:?}");
    let backup = rig.approved_backup("backup create prod rds").await;
    assert_eq!(rig.finish(&backup).await, State::Succeeded, "{:?}", rig.run(&backup).await.op.outcome);
    assert_eq!(rig.run(&backup).await.op.plan.region, HOME);
    rig.ledger.verify_audit().await.unwrap().unwrap();
}

#[tokio::test]
async fn without_a_secret_all_traffic_goes_at_once_and_the_card_says_so() {
    let mut rig = Rig::demo_sqlite().await;
    moved::failed_over(&rig).await;
    let id = begun(&mut rig, "dr failback prod --staged --ticket INC-1").await;
    let notes = rig.run(&id).await.op.plan.notes;
    assert!(notes.iter().any(|note| note.starts_with("Traffic goes from 0 to 100 % in one step")), "{notes:?}");
    on(&mut rig, &id).await.expect("it asks before writes stand still");
    assert_eq!(agree(&mut rig, &id).await, None, "and not again");
    assert_eq!(rig.state(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    assert_eq!((weights(&rig), tasks(&rig, Side::Primary), tasks(&rig, Side::Dr)), ((100, 0), 4, 0));
    assert_eq!(moved::written(&rig), [format!("{LIVE} in {HOME}")]);
}

#[tokio::test]
async fn what_does_not_arrive_in_time_gives_writes_back_by_itself() {
    let mut rig = led().await;
    moved::failed_over(&rig).await;
    let id = begun(&mut rig, "dr failback prod --execute --ticket INC-1").await;
    on(&mut rig, &id).await.expect("it asks before writes stand still");
    let lag = Lag { seconds: Some(7200), age: 30 };
    rig.cloud.meddle("prod", Side::Primary, |place, _, _| place.cloudwatch.lags.insert(LIVE.to_owned(), lag));
    let from = rig.clock.now();
    assert_eq!(agree(&mut rig, &id).await, None);
    let run = rig.run(&id).await;
    assert_eq!(run.op.state, State::RolledBack, "{run:#?}");
    let failed = run.steps.iter().find(|step| step.state == StepState::Failed).expect("one failed");
    assert!(failed.error.as_ref().unwrap().contains("has not got everything within 30 min"), "{failed:?}");
    assert!(rig.clock.now().since(from) < Duration::from_secs(45 * 60));
    assert_eq!((weights(&rig), tasks(&rig, Side::Dr), runs_in(&rig).await), ((0, 100), 4, Of::Dr));
    assert_eq!(moved::written(&rig), [format!("{REPLICA} in eu-west-1")]);
    // What follows already is taken as it is by the next one.
    rig.cloud.meddle("prod", Side::Primary, |place, _, _| place.cloudwatch.lags.clear());
    moved::healthy(&rig).await;
    let next = begun(&mut rig, "dr failback prod --execute --ticket INC-1").await;
    on(&mut rig, &next).await.expect("it asks before writes stand still");
    assert_eq!(agree(&mut rig, &next).await, None);
    assert_eq!(rig.state(&next).await, State::Succeeded, "{:#?}", rig.run(&next).await);
    assert_eq!((weights(&rig), instances(&rig, Side::Primary).len()), ((100, 0), 2));
}

#[tokio::test]
async fn it_goes_back_while_the_other_side_is_kept_and_nobody_writes_twice() {
    let mut rig = led().await;
    moved::failed_over(&rig).await;
    let id = begun(&mut rig, "dr failback prod --staged --ticket INC-1").await;
    on(&mut rig, &id).await.expect("it asks before writes stand still");
    agree(&mut rig, &id).await.expect("it asks before traffic moves");
    agree(&mut rig, &id).await.expect("10 % are there");
    rig.say("U0BOB", &format!("op rollback {id} --reason \"home is slow\"")).await;
    assert_eq!(on(&mut rig, &id).await, None);
    assert_eq!(rig.state(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
    assert_eq!((weights(&rig), tasks(&rig, Side::Primary), tasks(&rig, Side::Dr)), ((0, 100), 0, 4));
    assert_eq!((moved::written(&rig), runs_in(&rig).await), (vec![format!("{REPLICA} in eu-west-1")], Of::Dr));
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
}

#[tokio::test]
async fn nobody_gives_it_up_by_a_click_once_writes_stand_still() {
    let mut rig = led().await;
    moved::failed_over(&rig).await;
    let id = begun(&mut rig, "dr failback prod --staged --ticket INC-1").await;
    on(&mut rig, &id).await.expect("it asks before writes stand still");
    rig.click("U0BOB", "continue", &id).await;
    while tasks(&rig, Side::Dr) > 0 {
        rig.settle(Duration::from_secs(1)).await;
    }
    let refused = |said: String| assert!(said.contains("Roll back on the card") && said.contains("--reason"), "{said}");
    refused(rig.click("U0ALICE", "cancel", &id).await.expect("an answer").text);
    on(&mut rig, &id).await.expect("it asks before traffic moves");
    agree(&mut rig, &id).await.expect("10 % are there");
    refused(rig.click("U0ALICE", "cancel", &id).await.expect("an answer").text);
    assert_eq!((rig.state(&id).await, weights(&rig)), (State::Waiting, (10, 90)));
    // Where it leads back and is given up on that way, the ledger is where traffic is.
    rig.say("U0BOB", &format!("op rollback {id} --reason \"home is slow\"")).await;
    let steps = rig.run(&id).await.op.plan.steps;
    let shift = steps.iter().position(|spec| spec.back && spec.action.kind() == "dns.shift").expect("the step");
    for _ in 0..3600 {
        if rig.run(&id).await.steps[shift].state == StepState::Polling {
            break;
        }
        rig.settle(Duration::from_secs(1)).await;
    }
    rig.say("U0ALICE", &format!("op cancel {id} --reason \"it goes on by hand\"")).await;
    assert_eq!(rig.finish(&id).await, State::Cancelled, "{:#?}", rig.run(&id).await);
    assert_eq!((weights(&rig), runs_in(&rig).await), ((0, 100), Of::Dr));
}

#[tokio::test]
async fn a_part_after_which_the_platform_is_ill_is_held_by_itself() {
    let mut rig = led().await;
    moved::failed_over(&rig).await;
    let id = begun(&mut rig, "dr failback prod --staged --ticket INC-1").await;
    on(&mut rig, &id).await.expect("it asks before writes stand still");
    agree(&mut rig, &id).await.expect("it asks before traffic moves");
    rig.cloud.meddle("prod", Side::Primary, |place, _, _| {
        place.rds.instances.get_mut(LIVE).expect("it is there").data.lacks_rows = true;
    });
    agree(&mut rig, &id).await.expect("it asks whether 50 % follow");
    let run = rig.run(&id).await;
    let held = run.steps.iter().find_map(|step| step.answers.held.as_ref()).expect("it is held");
    assert_eq!((held.who().as_str(), weights(&rig)), ("bbws itself", (10, 90)));
    let said: Vec<String> = rig.chat.thread_of(&id).iter().filter_map(|p| p.line().map(str::to_owned)).collect();
    assert!(said.iter().any(|line| line.contains("*Held by itself*: ") && line.contains("503")), "{said:#?}");
    rig.settle(Duration::from_secs(7200)).await;
    assert_eq!(weights(&rig), (10, 90), "nothing goes on by itself");
}

#[tokio::test]
async fn whoever_starts_to_write_again_stops_it_before_the_promotion() {
    let mut rig = led().await;
    moved::failed_over(&rig).await;
    let id = begun(&mut rig, "dr failback prod --execute --ticket INC-1").await;
    on(&mut rig, &id).await.expect("it asks before writes stand still");
    rig.click("U0BOB", "continue", &id).await;
    while tasks(&rig, Side::Dr) > 0 {
        rig.settle(Duration::from_secs(1)).await;
    }
    let env = rig.config.environments["prod"].clone();
    rig.settle(Duration::from_secs(5)).await;
    rig.cloud.change(|world, now| moved::services(world, &env, Side::Dr, 2, now));
    assert_eq!(on(&mut rig, &id).await, None);
    let run = rig.run(&id).await;
    assert!(run.steps.iter().any(|step| step.error.as_ref().is_some_and(|why| why.contains("runs again"))), "{run:#?}");
    assert_eq!((run.op.state, runs_in(&rig).await), (State::RolledBack, Of::Dr));
    assert!(instances(&rig, Side::Primary).iter().any(|(id, source)| id == LIVE && source.is_some()), "not promoted");
}

#[tokio::test]
async fn nothing_is_protected_while_traffic_goes_elsewhere_than_the_ledger_says() {
    let mut rig = led().await;
    moved::failed_over(&rig).await;
    let account = rig.config.environments["prod"].account.clone();
    let lead = |rig: &Rig, primary, dr| {
        rig.cloud.change(|world, _| {
            let zone = world.region(&account, REGION).route53.zones.get_mut("Z0BBWSPROD").expect("the zone");
            zone.weigh("wp.bbws.example.", "CNAME", "primary", primary, "prod.af-south-1.elb.amazonaws.com");
            zone.weigh("wp.bbws.example.", "CNAME", "dr", dr, "prod.eu-west-1.elb.amazonaws.com");
        });
    };
    lead(&rig, 100, 0);
    let said = rig.say("U0ALICE", "dr reprotect prod").await;
    assert!(said.contains(&format!("sends all traffic to {HOME}, but by the ledger prod runs in {DR}")), "{said}");
    assert!(said.contains(&format!("Once its records lead to {DR} again")), "{said}");
    assert_eq!(rig.ledger_holder("prod").await, None);
    // What it says to do lets it be asked.
    lead(&rig, 0, 100);
    begun(&mut rig, "dr reprotect prod").await;
}

#[tokio::test]
async fn after_a_failback_it_is_protected_again_and_a_second_failover_succeeds() {
    let mut rig = led().await;
    moved::failed_over(&rig).await;
    let left = rig.say("U0DAVE", "status prod").await;
    assert!(left.contains("*nothing protects prod* since ") && left.contains("`/bbws dr reprotect prod`"), "{left}");
    let home = begun(&mut rig, "dr failback prod --execute --ticket INC-1").await;
    on(&mut rig, &home).await.expect("it asks before writes stand still");
    assert_eq!(agree(&mut rig, &home).await, None);
    assert_eq!(rig.state(&home).await, State::Succeeded, "{:#?}", rig.run(&home).await);
    assert!(
        rig.say("U0DAVE", "status prod").await.contains("*nothing protects prod* since "),
        "home, and without replica"
    );
    let id = begun(&mut rig, "dr reprotect prod").await;
    assert_eq!(on(&mut rig, &id).await, None);
    let run = rig.run(&id).await;
    assert_eq!(run.op.state, State::Succeeded, "{run:#?}");
    let source = format!("arn:aws:rds:{HOME}:{}:db:{LIVE}", rig.config.environments["prod"].account);
    let there = instances(&rig, Side::Dr);
    assert!(there.contains(&(REPLICA.into(), Some(source))), "{there:?}");
    assert!(there.contains(&(format!("{REPLICA}-before-{id}"), None)), "nothing of it is deleted: {there:?}");
    assert!(!rig.say("U0DAVE", "status prod").await.contains("nothing protects"));
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
    let again = begun(&mut rig, "dr failover prod --execute --ticket INC-2 --reason \"a planned move\"").await;
    for _ in 0..2000 {
        if let Some((_, title)) = asks(&rig, &again).await {
            let by = if title.contains("traffic") { "U0BOB" } else { "U0ALICE" };
            rig.click(by, "continue", &again).await;
        }
        rig.settle(Duration::from_secs(20)).await;
        if rig.state(&again).await.terminal() {
            break;
        }
    }
    assert_eq!(rig.state(&again).await, State::Succeeded, "{:#?}", rig.run(&again).await);
    assert_eq!((weights(&rig), runs_in(&rig).await), ((0, 100), Of::Dr));
    assert_eq!(
        moved::written(&rig),
        [format!("{REPLICA} in {DR}")],
        "its secret led home since the failback, and leads to what was promoted"
    );
    assert!(
        rig.say("U0DAVE", "status prod").await.contains("*nothing protects prod* since "),
        "what protected it did so at home"
    );
}

/// Backs up the databases of a platform that was failed over, and looks where their copies are.
async fn copied(rig: &mut Rig, region: &str, key: &str) {
    let status = rig.command("U0DAVE", "dr status prod --replication").await.expect("an answer");
    assert!(status.text.contains(&format!("protected in {region}")), "{}", status.text);
    let rows = status.attachment.table.expect("a table").rows;
    let row = rows.iter().find(|row| row[0] == format!("rds {REPLICA} in DR")).expect("a row");
    assert!(row[1] == "kept" && row[2].contains(&format!("in {region}")), "{row:?}");
    let id = rig.approved_backup("backup create prod rds").await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:?}", rig.run(&id).await.op.outcome);
    let plan = rig.run(&id).await.op.plan;
    assert_eq!((plan.region.as_str(), plan.dr_region.as_deref()), (DR, Some(region)));
    let copy = plan.steps.iter().find_map(|spec| match &spec.action {
        Action::RdsCopy(copy) => Some(copy.clone()),
        _ => None,
    });
    let copy = copy.expect("a copy");
    assert_eq!((copy.region.as_str(), copy.kms_key.as_deref()), (region, Some(key)));
    let account = rig.config.environments["prod"].account.clone();
    rig.cloud.look(|world, now| {
        let place = world.find(&account, region).expect("the region");
        assert_eq!(place.rds.snapshots[&copy.copy].status(now), "available");
    });
    let validation = rig.asked("backup validate prod --replication").await;
    assert_eq!(rig.finish(&validation).await, State::Succeeded, "{:?}", rig.run(&validation).await.op.outcome);
}

#[tokio::test]
async fn once_it_is_protected_backups_of_the_new_side_are_copied_to_where_it_is() {
    let mut rig = Rig::demo_sqlite().await;
    moved::failed_over(&rig).await;
    let before = rig.approved_backup("backup create prod rds").await;
    assert_eq!(rig.run(&before).await.op.plan.dr_region, None, "nothing protects it yet");
    assert_eq!(rig.finish(&before).await, State::Succeeded);
    let id = begun(&mut rig, "dr reprotect prod").await;
    assert_eq!(on(&mut rig, &id).await, None);
    assert_eq!(rig.state(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    copied(&mut rig, HOME, "alias/bbws-home").await;
}

#[tokio::test]
async fn routing_controls_turn_home_and_turn_back() {
    let (clock, mut config) = (ManualClock::new(), Config::demo());
    let dns = config.environments.get_mut("prod").unwrap().dns.as_mut().expect("it has records");
    dns.routing_controls = Some(RoutingControls {
        primary: "arn:primary".into(),
        dr: "arn:dr".into(),
        endpoints: vec!["https://c1.route53-recovery-cluster.us-east-1.amazonaws.com/v1".into()],
    });
    let mut rig = Rig::new(db::sqlite(clock.clone()).await, clock, config, 7);
    moved::failed_over(&rig).await;
    rig.cloud.change(|world, _| world.controls.extend([("arn:primary".into(), false), ("arn:dr".into(), true)]));
    let turned = |rig: &Rig| rig.cloud.look(|world, _| (world.controls["arn:primary"], world.controls["arn:dr"]));
    let id = begun(&mut rig, "dr failback prod --execute --ticket INC-1").await;
    on(&mut rig, &id).await.expect("it asks before writes stand still");
    assert_eq!(turned(&rig), (false, true));
    assert_eq!(agree(&mut rig, &id).await, None);
    assert_eq!(rig.state(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    assert_eq!((turned(&rig), weights(&rig)), ((true, false), (100, 0)));
    rig.say("U0BOB", &format!("op rollback {id} --reason \"home is slow\"")).await;
    assert_eq!(on(&mut rig, &id).await, None);
    assert_eq!(rig.state(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
    assert_eq!((turned(&rig), weights(&rig)), ((false, true), (0, 100)));
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
}

#[tokio::test]
async fn a_third_region_protects_without_the_one_that_is_gone() {
    const THIRD: &str = "eu-central-1";
    let clock = ManualClock::new();
    let mut config = Config::demo();
    let prod = config.environments.get_mut("prod").unwrap();
    prod.dr.third_region = Some(THIRD.into());
    prod.dr.third = Some(Third {
        vault: "bbws-prod-dr".into(),
        kms_key: "alias/bbws-third".into(),
        bucket: "bbws-prod-third".into(),
        subnet_group: "bbws-third".into(),
    });
    let mut rig = Rig::new(db::sqlite(clock.clone()).await, clock, config, 7);
    moved::failed_over(&rig).await;
    let env = rig.config.environments["prod"].clone();
    rig.cloud.region_down(HOME, true);
    let ask = format!("dr reprotect prod --region {THIRD}");
    let said = rig.say("U0ALICE", "dr reprotect prod --region us-east-1").await;
    assert!(said.contains("it names af-south-1, eu-west-1, eu-central-1"), "{said}");
    let said = rig.say("U0ALICE", "dr reprotect prod --region eu-west-1").await;
    assert!(said.contains("runs in eu-west-1 itself"), "{said}");
    rig.cloud.change(|world, _| {
        let vault = world.region(&env.account, &env.dr_region).backup.vaults["bbws-prod-dr"].clone();
        let third = world.region(&env.account, THIRD);
        third.backup.vaults.insert("bbws-prod-dr".to_owned(), vault);
        third.kms.add(&env.account, THIRD, "alias/bbws-third");
    });
    let said = rig.say("U0ALICE", &ask).await;
    assert!(said.contains("bbws-third"), "it lacks its subnet group: {said}");
    rig.cloud.change(|world, _| {
        let third = world.region(&env.account, THIRD);
        third.rds.subnet_groups.insert("bbws-third".to_owned(), vec!["subnet-1".to_owned(), "subnet-2".to_owned()]);
    });
    let before = rig.cloud.journal().iter().filter(|asked| asked.region == HOME).count();
    let id = begun(&mut rig, &ask).await;
    assert_eq!(on(&mut rig, &id).await, None);
    assert_eq!(rig.state(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    let asked = rig.cloud.journal().iter().filter(|asked| asked.region == HOME).count();
    assert_eq!(asked, before, "nothing is asked of the region that is gone");
    rig.cloud.look(|world, now| {
        let third = world.find(&env.account, THIRD).expect("the region");
        let replica = third.rds.instance(&format!("{LIVE}-replica-{id}"), now).expect("a replica");
        assert!(replica.source(now).is_some_and(|source| source.ends_with(&format!(":db:{REPLICA}"))));
        assert!(third.rds.snapshots.keys().any(|name| name.ends_with(&format!("{id}-dr"))), "the first copy");
    });
    assert!(!rig.say("U0DAVE", "status prod").await.contains("nothing protects"));
    copied(&mut rig, THIRD, "alias/bbws-third").await;
    let asked = rig.cloud.journal().iter().filter(|asked| asked.region == HOME && asked.effect).count();
    assert_eq!(asked, 0, "nothing is changed in the region that is gone");
}
