//! Failovers: the primary region is dark or alive, people are asked before traffic moves, and what is told of it is true.

use std::time::Duration;

use bbws::{
    adapters::sandbox::aws::{
        Fault, Target,
        api::route53::REGION,
        incidents::Side,
        world::{Region, cloudwatch::Lag},
    },
    config::Config,
    domain::{
        environment::Side as Of,
        operation::{OpId, State},
        standby::RoutingControls,
        step::StepState,
    },
    ports::clock::Clock as _,
};

use crate::support::{clock::ManualClock, db, rig::Rig};

const HOME: &str = "af-south-1";
const DR: &str = "eu-west-1";
const REPLICA: &str = "bbws-prod-mysql-replica";
const LOGIN: &str = "bbws/prod/database";
const ASK: &str = "dr failover prod --execute --ticket INC-1 --reason \"the primary region is gone\"";

/// Weights of the primary and the DR side.
fn weights(rig: &Rig) -> (Option<u8>, Option<u8>) {
    let account = &rig.config.environments["prod"].account;
    rig.cloud.look(|world, _| {
        let zone = &world.find(account, REGION).expect("Route 53").route53.zones["Z0BBWSPROD"];
        let weight = |set| zone.weight("wp.bbws.example.", "CNAME", set);
        (weight("primary"), weight("dr"))
    })
}

fn there<T>(rig: &Rig, side: Side, look: impl FnOnce(&Region, bbws::domain::moment::Moment) -> T) -> T {
    rig.cloud.inspect("prod", side, |_, place, now| look(place, now)).expect("the region")
}

fn tasks(rig: &Rig, side: Side) -> u32 {
    let of = |place: &Region, now| place.ecs.clusters.values().flat_map(|c| c.values()).map(|s| s.running(now)).sum();
    there(rig, side, of)
}

fn promotions(rig: &Rig) -> usize {
    rig.cloud.journal().iter().filter(|asked| asked.operation == "PromoteReadReplica" && asked.effect).count()
}

/// Asks for it as Alice and approves it as Bob.
async fn begun(rig: &mut Rig) -> String {
    let id = rig.asked(ASK).await;
    rig.settle(Duration::from_secs(2)).await;
    assert_eq!(rig.state(&id).await, State::AwaitingApproval, "two people");
    assert_eq!(rig.mutations(), 0);
    let notes = rig.run(&id).await.op.plan.notes;
    assert!(notes.iter().any(|note| note.starts_with("What is lost: it loses ")), "{notes:?}");
    rig.click("U0BOB", "approve", &id).await;
    id
}

/// The rule of the step that asks people.
async fn asks(rig: &mut Rig, id: &str) -> Option<String> {
    for _ in 0..360 {
        let run = rig.run(id).await;
        if run.op.state.terminal() || run.op.state == State::NeedsAttention {
            panic!("{}: {:#?}", run.op.state, run.op.outcome);
        }
        if run.op.state == State::Waiting {
            let asking = run.steps.iter().find(|step| step.state == StepState::Polling).expect("a step that asks");
            return Some(run.op.plan.steps[asking.index].action.resource().to_owned());
        }
        rig.settle(Duration::from_secs(20)).await;
    }
    panic!("nobody is asked: {:#?}", rig.run(id).await);
}

/// Runs until the move of traffic is asked for; what is done by hand is said to be done by Alice.
async fn asked(rig: &mut Rig, id: &str) {
    while asks(rig, id).await.as_deref() == Some("look") {
        rig.click("U0ALICE", "continue", id).await;
        rig.settle(Duration::from_secs(5)).await;
    }
}

async fn moved(rig: &mut Rig) -> String {
    let id = begun(rig).await;
    asked(rig, &id).await;
    rig.click("U0BOB", "continue", &id).await;
    id
}

#[tokio::test]
async fn a_platform_moves_while_its_primary_region_is_dark() {
    for hangs in [false, true] {
        let mut rig = Rig::demo_sqlite().await;
        match hangs {
            false => rig.cloud.region_down(HOME, true),
            true => rig.cloud.inject(Fault::Hangs, Target::always().in_region(HOME)),
        }
        let id = begun(&mut rig).await;
        asked(&mut rig, &id).await;
        assert_eq!((weights(&rig), promotions(&rig)), ((Some(100), Some(0)), 1), "traffic waits for people");
        let own = rig.click("U0ALICE", "continue", &id).await.expect("an answer").text;
        assert!(own.contains("somebody else has to say"), "{own}");
        rig.settle(Duration::from_secs(3600)).await;
        assert_eq!(weights(&rig), (Some(100), Some(0)));
        rig.click("U0BOB", "continue", &id).await;
        assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
        rig.settle(Duration::from_secs(5)).await;
        let files = rig.chat.files_of(&id);
        let told: serde_json::Value = serde_json::from_str(&files[1].text).expect("its report");
        let stages = told["recovery"]["stages"].as_array().expect("stages").iter();
        let names: Vec<&str> = stages.filter_map(|stage| stage["stage"].as_str()).collect();
        assert!(names.contains(&"databases ready"), "{names:?}");
        assert!(names.ends_with(&["agreed to", "traffic moved", "proved"]), "{names:?}");
        assert_eq!((weights(&rig), promotions(&rig), tasks(&rig, Side::Dr)), ((Some(0), Some(100)), 1, 4));
        let run = rig.run(&id).await;
        let outcome = run.op.outcome.clone().expect("an outcome");
        assert!(outcome.contains("wordpress in af-south-1 is not fenced"), "{outcome}");
        let unseen = "whether anybody is still connected to bbws-prod-mysql in af-south-1 cannot be seen: ";
        assert!(run.issues().iter().any(|(_, why)| why.starts_with(unseen)), "{:?}", run.issues());
        assert!(outcome.contains("`/bbws dr reprotect prod`"), "{outcome}");
        assert!(!outcome.contains("dr failover"), "it has moved, so that it is not asked for again: {outcome}");
        assert!(rig.chat.cards_of(&id)[0].message.payload["issues"] == true, "what is open is said");
        let status = rig.say("U0DAVE", "status prod").await;
        assert!(status.contains(DR), "{status}");
        let first = there(&rig, Side::Dr, |place, now| {
            let of = |(_, s): &(&String, &bbws::adapters::sandbox::aws::world::rds::Snapshot)| s.instance == REPLICA;
            place
                .rds
                .snapshots
                .iter()
                .filter(of)
                .map(|(name, s)| (name.clone(), s.status(now).to_owned()))
                .collect::<Vec<_>>()
        });
        assert_eq!(first.len(), 1, "{first:?}");
        assert!(first[0].0.ends_with(&id) && first[0].1 == "available", "{first:?}");
        // Nothing but the fence and a look at its connections was asked of the region that is dark.
        let requests = rig.cloud.requests_by(&OpId(id.clone()));
        let there = requests.iter().filter(|asked| asked.region == HOME).flat_map(|asked| &asked.asker);
        let kinds = there.map(|asker| asker.steps.iter().map(|step| step.kind).collect::<Vec<_>>());
        // Steps that are looked at together are named together.
        let others: Vec<Vec<&str>> =
            kinds.filter(|kinds| !["ecs.fence", "rds.drained"].iter().any(|own| kinds.contains(own))).collect();
        assert!(others.is_empty(), "{others:?}");
        let told: Vec<String> = rig
            .cloud
            .published()
            .into_iter()
            .filter(|(topic, _)| topic == "bbws-dr-events")
            .map(|(_, m)| m.subject)
            .collect();
        for turn in ["started", "waits for people", "succeeded"] {
            assert!(told.iter().any(|subject| subject.ends_with(turn)), "{turn}: {told:?}");
        }
        assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
        assert_eq!(rig.ledger_holder("prod").await, None);
        rig.ledger.verify_audit().await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn traffic_goes_back_while_the_old_side_is_kept_and_data_does_not() {
    let mut rig = Rig::demo_sqlite().await;
    let id = moved(&mut rig).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    assert!(rig.run(&id).await.issues().is_empty(), "{:?}", rig.run(&id).await.issues());
    assert_eq!((tasks(&rig, Side::Primary), tasks(&rig, Side::Dr)), (0, 4), "the old side is fenced");
    let own = rig.say("U0ALICE", &format!("op rollback {id}")).await;
    assert!(own.contains("Your word would not count"), "{own}");
    rig.say("U0BOB", &format!("op rollback {id} --reason \"the new side is slow\"")).await;
    assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
    assert_eq!((weights(&rig), tasks(&rig, Side::Primary), tasks(&rig, Side::Dr)), ((Some(100), Some(0)), 4, 0));
    assert!(there(&rig, Side::Primary, |place, now| place.rds.instance("bbws-prod-mysql", now).is_some()));
    assert!(there(&rig, Side::Dr, |place, now| place
        .rds
        .instance(REPLICA, now)
        .is_some_and(|i| i.source(now).is_none())));
    let status = rig.say("U0DAVE", "status prod").await;
    assert!(status.contains(HOME), "{status}");
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
}

#[tokio::test]
async fn after_one_that_was_cancelled_another_goes_on_from_what_it_promoted() {
    let mut rig = Rig::demo_sqlite().await;
    rig.cloud.region_down(HOME, true);
    let first = begun(&mut rig).await;
    asked(&mut rig, &first).await;
    rig.say("U0ALICE", &format!("op cancel {first}")).await;
    assert_eq!(rig.finish(&first).await, State::Cancelled);
    let judged = rig.say("U0DAVE", "dr failover prod").await;
    assert!(judged.contains("RISKY") && judged.contains(&format!("since {first} promoted it")), "{judged}");
    let second = rig.asked(ASK).await;
    rig.settle(Duration::from_secs(2)).await;
    rig.click("U0BOB", "approve", &second).await;
    asked(&mut rig, &second).await;
    rig.click("U0BOB", "continue", &second).await;
    assert_eq!(rig.finish(&second).await, State::Succeeded, "{:#?}", rig.run(&second).await);
    assert_eq!((weights(&rig), promotions(&rig)), ((Some(0), Some(100)), 1));
}

/// Runs until traffic is being shifted.
async fn shifting(rig: &mut Rig) -> String {
    let id = moved(rig).await;
    let shift = rig.run(&id).await.op.plan.steps.iter().position(|spec| spec.action.kind() == "dns.shift");
    let shift = shift.expect("the step");
    for _ in 0..600 {
        if rig.run(&id).await.steps[shift].state == StepState::Polling {
            return id;
        }
        rig.settle(Duration::from_secs(1)).await;
    }
    panic!("no traffic is shifted: {:#?}", rig.run(&id).await);
}

async fn runs_in(rig: &Rig) -> Of {
    rig.process.desk.planner.active("prod").await.unwrap().side
}

#[tokio::test]
async fn nobody_leaves_traffic_between_two_sides_by_a_click_and_roll_back_leads_out() {
    let mut rig = Rig::demo_sqlite().await;
    let id = shifting(&mut rig).await;
    let said = rig.click("U0ALICE", "cancel", &id).await.expect("an answer").text;
    assert!(said.contains("Roll back on the card undoes") && said.contains("Nothing was done"), "{said}");
    assert_eq!(rig.state(&id).await, State::Running);
    rig.click("U0CAROL", "stop", &id).await;
    let said = rig.say("U0CAROL", &format!("op cancel {id}")).await;
    assert!(said.contains("Resume on the card takes a second person"), "{said}");
    rig.settle(Duration::from_secs(600)).await;
    assert_eq!((rig.state(&id).await, weights(&rig)), (State::Stopped, (Some(0), Some(100))));
    let said = rig.click("U0ALICE", "cancel", &id).await.expect("an answer").text;
    assert!(said.contains("Nothing was done"), "what has come to rest is as half done: {said}");

    let mut rig = Rig::demo_sqlite().await;
    let id = shifting(&mut rig).await;
    rig.click("U0BOB", "roll_back", &id).await;
    let said = rig.click("U0ALICE", "cancel", &id).await.expect("an answer").text;
    assert!(said.contains("on its way back"), "{said}");
    assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
    assert_eq!((weights(&rig), runs_in(&rig).await), ((Some(100), Some(0)), Of::Primary));
    rig.ledger.verify_audit().await.unwrap().unwrap();
}

#[tokio::test]
async fn whoever_gives_up_a_move_with_a_reason_leaves_a_ledger_that_says_where_traffic_goes() {
    for stopped in [false, true] {
        let mut rig = Rig::demo_sqlite().await;
        let id = shifting(&mut rig).await;
        if stopped {
            rig.click("U0CAROL", "stop", &id).await;
            rig.settle(Duration::from_secs(600)).await;
            assert_eq!((weights(&rig), runs_in(&rig).await), ((Some(0), Some(100)), Of::Primary), "they are apart");
        }
        rig.say("U0ALICE", &format!("op cancel {id} --reason \"it goes on by hand\"")).await;
        assert_eq!(rig.finish(&id).await, State::Cancelled, "{:#?}", rig.run(&id).await);
        assert_eq!((weights(&rig), runs_in(&rig).await), ((Some(0), Some(100)), Of::Dr));
        let run = rig.run(&id).await;
        let marks = run.op.plan.steps.iter().zip(&run.steps).filter(|(spec, _)| spec.action.kind() == "ledger.mark");
        let states: Vec<(bool, StepState)> = marks.map(|(spec, step)| (spec.back, step.state)).collect();
        assert_eq!(states, [(false, StepState::Done), (true, StepState::Skipped)]);
        let status = rig.say("U0DAVE", "dr status prod").await;
        assert!(status.contains(&format!("runs in {DR}")) && !status.contains("by the ledger"), "{status}");
        let home = rig.say("U0DAVE", "dr failback prod").await;
        assert!(!home.contains("there is nothing to fail back"), "a command goes on from there: {home}");
        assert_eq!(rig.ledger_holder("prod").await, None);
        rig.ledger.verify_audit().await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_second_failover_is_refused_with_the_first_ones_id() {
    let mut rig = Rig::demo_sqlite().await;
    let id = begun(&mut rig).await;
    asked(&mut rig, &id).await;
    let other = rig.say("U0CAROL", ASK).await;
    assert!(other.contains(&id), "{other}");
    assert_eq!(promotions(&rig), 1);
}

#[tokio::test]
async fn what_cannot_be_failed_over_is_refused_with_the_reason() {
    let mut rig = Rig::demo_sqlite().await;
    let said = rig.say("U0ALICE", "dr failover dev --execute --ticket INC-1 --reason x").await;
    assert!(said.contains("DO_NOT_FAILOVER") && said.contains("`replication = \"disabled\"`"), "{said}");
    let said = rig.say("U0ALICE", "dr failover prod --execute --ticket INC-1").await;
    assert!(said.contains("RISKY") && said.contains("--reason"), "{said}");
    let said = rig.say("U0ALICE", "dr failover prod --execute --reason x").await;
    assert!(said.contains("--ticket"), "{said}");
    rig.cloud.meddle("prod", Side::Dr, |place, _, _| {
        place.rds.instances.remove(REPLICA);
        place.rds.snapshots.clear();
    });
    let said = rig.say("U0ALICE", ASK).await;
    assert!(said.contains("DO_NOT_FAILOVER"), "{said}");
    assert_eq!(rig.mutations(), 0);
}

#[tokio::test]
async fn without_a_replica_the_newest_copy_is_restored() {
    let mut rig = Rig::demo_sqlite().await;
    rig.cloud.meddle("prod", Side::Dr, |place, _, _| place.rds.instances.remove(REPLICA));
    rig.cloud.region_down(HOME, true);
    let id = moved(&mut rig).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    let made = format!("bbws-prod-mysql-restored-{id}");
    assert!(there(&rig, Side::Dr, |place, now| place.rds.instance(&made, now).is_some_and(|i| i.protected)));
    assert_eq!((weights(&rig), promotions(&rig)), ((Some(0), Some(100)), 0));
    rig.clock.advance(Duration::from_secs(48 * 3600));
    rig.process.desk.tidy().await.unwrap();
    rig.settle(Duration::from_secs(3600)).await;
    assert!(
        there(&rig, Side::Dr, |place, now| place.rds.instance(&made, now).is_some()),
        "what is live is not cleaned up"
    );
}

/// What a reply says and shows.
async fn shown(rig: &mut Rig, text: &str) -> (String, Vec<Vec<String>>) {
    let reply = rig.command("U0DAVE", text).await.expect("an answer");
    (reply.text, reply.attachment.table.map(|table| table.rows).unwrap_or_default())
}

#[tokio::test]
async fn whether_it_serves_can_be_asked_before_and_after_and_what_is_not_well_says_what_to_do() {
    let mut rig = Rig::demo_sqlite().await;
    let (said, rows) = shown(&mut rig, "dr failover prod --validate").await;
    assert!(said.starts_with("*VALID*: `prod` in af-south-1") && !said.contains('•'), "{said}\n{rows:#?}");
    for looked in ["Outside: ", "Records ", "Service ", "Database ", "Login to ", "Backups of "] {
        assert!(rows.iter().any(|row| row[0].starts_with(looked) && row[1] == "ok"), "{looked}: {rows:#?}");
    }
    let changed = rig.mutations();
    // Secrets are replicated, as whoever can fail over has them.
    let account = rig.config.environments["prod"].account.clone();
    rig.cloud.change(|world, _| {
        let mut secret = world.region(&account, HOME).secrets.secrets[LOGIN].clone();
        secret.primary = Some(HOME.into());
        world.region(&account, DR).secrets.secrets.insert(LOGIN.into(), secret);
    });
    let id = moved(&mut rig).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    assert!(rig.mutations() > changed);
    let (said, rows) = shown(&mut rig, "dr failover prod --validate").await;
    assert!(said.starts_with("*VALID*: `prod` in eu-west-1"), "{said}\n{rows:#?}");
    assert!(rows.iter().any(|row| row[0] == format!("Database {REPLICA}")), "{rows:#?}");
    let changed = rig.mutations();
    rig.cloud.meddle("prod", Side::Dr, |place, _, now| {
        for service in place.ecs.clusters.values_mut().flat_map(|cluster| cluster.values_mut()) {
            *service = bbws::adapters::sandbox::aws::world::ecs::Service::long_there(1, now);
        }
        let database = place.rds.instances.get_mut(REPLICA).expect("the database");
        (database.modifying, database.automated_days) = (None, 0);
    });
    let (said, rows) = shown(&mut rig, "dr failover prod --validate").await;
    assert!(said.starts_with("*NOT VALID*"), "{said}");
    for line in [
        "• Service wordpress: 1 of 4 tasks run. Look at the events of wordpress",
        "RDS keeps no backups of it. `/bbws backup create prod rds`",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(rows.iter().any(|row| row[1] == "NOT OK"), "{rows:#?}");
    rig.cloud.region_down(DR, true);
    let (said, _) = shown(&mut rig, "dr failover prod --validate").await;
    assert!(!said.starts_with("*VALID*") && said.contains("is unknown"), "{said}");
    assert_eq!(rig.mutations(), changed, "it only looks");
    let said = rig.say("U0ALICE", "dr failover prod --validate --execute --ticket INC-1").await;
    assert!(said.contains("say it alone"), "{said}");
}

#[tokio::test]
async fn the_price_of_waiting_is_worked_out_each_time_somebody_looks() {
    let mut rig = Rig::demo_sqlite().await;
    rig.watch_for(Duration::from_secs(1800)).await;
    rig.cloud.region_down(HOME, true);
    rig.clock.advance(Duration::from_secs(600));
    let first = rig.say("U0DAVE", "dr failover prod").await;
    assert!(first.contains("Lost now: "), "{first}");
    assert!(first.contains("0 own failovers were measured, and no number is given under five"), "{first}");
    assert!(
        first.contains("The RTO of 4 h ends at ") && first.contains("when the region was last seen well"),
        "{first}"
    );
    rig.clock.advance(Duration::from_secs(600));
    let second = rig.say("U0DAVE", "dr failover prod").await;
    let lost = |said: &str| said.lines().find(|line| line.starts_with("Lost now")).map(str::to_owned);
    assert_ne!(lost(&first), lost(&second), "it is ten minutes more");
    let id = rig.asked(ASK).await;
    let notes = rig.run(&id).await.op.plan.notes;
    assert!(notes.iter().any(|note| note.starts_with("The price of waiting: ")), "{notes:?}");
}

#[tokio::test]
async fn what_people_run_themselves_waits_for_their_word_in_its_order() {
    let mut rig = Rig::demo_sqlite().await;
    let dr = &mut rig.config.environments.get_mut("prod").expect("it is declared").dr;
    dr.stack = Some("bbws-prod-dr".into());
    dr.manual = vec!["terraform -chdir=dr apply".into(), "make warm".into()];
    dr.runbook = Some("https://wiki.bbws.example/dr".into());
    rig.reboot(crate::support::kill::Killer::never()).await;
    let id = begun(&mut rig).await;
    let notes = rig.run(&id).await.op.plan.notes;
    assert!(notes.iter().any(|note| note.contains("https://wiki.bbws.example/dr (nobody knows when")), "{notes:?}");
    let mut questions = Vec::new();
    while asks(&mut rig, &id).await.as_deref() == Some("look") {
        questions.push(rig.run(&id).await.asks().expect("a question").1.question.clone());
        let before = weights(&rig);
        rig.click("U0ALICE", "continue", &id).await;
        rig.settle(Duration::from_secs(5)).await;
        assert_eq!(weights(&rig), before);
    }
    let mine: Vec<&String> =
        questions.iter().filter(|q| q.contains("bbws-prod-dr") || q.starts_with("Run `")).collect();
    assert_eq!(mine.len(), 3, "{questions:#?}");
    assert!(
        mine[0].contains("aws cloudformation describe-stacks --region eu-west-1 --stack-name bbws-prod-dr"),
        "{mine:?}"
    );
    assert!(mine[1].starts_with("Run `terraform -chdir=dr apply`; bbws does not. How did it end?"), "{mine:?}");
    assert!(mine[2].starts_with("Run `make warm`"), "{mine:?}");
}

/// The button that leaves a step out, pressed by somebody.
async fn left_out(rig: &mut Rig, user: &str, id: &str) -> String {
    let (step, _) = bbws::domain::operations::left_out(&rig.run(id).await).expect("a step that may be left out");
    let reply = rig.click(user, &format!("leave_out.{step}"), id).await.expect("an answer");
    reply.text
}

#[tokio::test]
async fn two_people_leave_out_what_may_be_left_out_and_its_loss_is_said() {
    let mut rig = Rig::demo_sqlite().await;
    rig.cloud.region_down(HOME, true);
    let id = begun(&mut rig).await;
    asked(&mut rig, &id).await;
    rig.click("U0BOB", "continue", &id).await;
    // The first backup never ends well.
    rig.cloud.inject(Fault::Denied, Target::always().of_kind("rds.snapshot"));
    for _ in 0..360 {
        if rig.state(&id).await == State::Failed {
            break;
        }
        rig.settle(Duration::from_secs(20)).await;
    }
    assert_eq!(rig.state(&id).await, State::Failed, "{:#?}", rig.run(&id).await.op.outcome);
    assert_eq!(rig.ledger_holder("prod").await, None);
    let mistaken = rig.say("U0ALICE", &format!("op force {id}")).await;
    assert!(
        mistaken.contains(&format!("by `/bbws op skip {id}`")) && mistaken.contains("Nothing was done"),
        "{mistaken}"
    );
    let first = rig.say("U0ALICE", &format!("op skip {id}")).await;
    assert!(first.contains("Nothing brings back") && first.contains("One other person has to press Skip"), "{first}");
    let typed = rig.say("U0ALICE", &format!("op skip {id}")).await;
    assert!(typed.contains("You said so already"), "{typed}");
    let again = left_out(&mut rig, "U0ALICE", &id).await;
    assert!(again.contains("You said so already"), "{again}");
    assert_eq!(rig.state(&id).await, State::Failed, "one person is not two");
    let guest = left_out(&mut rig, "U0DAVE", &id).await;
    assert!(!guest.contains("goes on"), "nobody without a role: {guest}");
    assert_eq!(rig.state(&id).await, State::Failed);
    let second = left_out(&mut rig, "U0BOB", &id).await;
    assert!(second.contains("goes on without that step"), "{second}");
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    let run = rig.run(&id).await;
    let skipped: Vec<&str> = run
        .issues()
        .into_iter()
        .filter(|(_, why)| why.starts_with("left out by two people"))
        .map(|(title, _)| title)
        .collect();
    assert_eq!(skipped.len(), 2, "the snapshot and what would have proved it: {:?}", run.issues());
    let told: Vec<String> = rig.chat.thread_of(&id).into_iter().filter_map(|p| p.line().map(str::to_owned)).collect();
    let line = told.iter().find(|line| line.contains("is left out by <@U0ALICE> and <@U0BOB>"));
    assert!(line.is_some_and(|line| line.contains("Nothing brings back what is written in eu-west-1")), "{told:#?}");
    assert!(run.op.outcome.clone().expect("an outcome").contains("*not* proved to be whole"), "{:?}", run.op.outcome);
    assert!(rig.cloud.twice().is_empty());
    rig.ledger.verify_audit().await.unwrap().unwrap();
}

#[tokio::test]
async fn what_ends_gracefully_is_forced_and_a_button_of_another_moment_does_nothing() {
    let mut rig = Rig::demo_sqlite().await;
    let id = begun(&mut rig).await;
    asked(&mut rig, &id).await;
    assert_eq!(
        bbws::domain::operations::left_out(&rig.run(&id).await),
        None,
        "people are asked, and nobody is passed over"
    );
    rig.click("U0BOB", "continue", &id).await;
    let settles = |run: &bbws::domain::operation::Run| {
        run.op.plan.steps.iter().position(|spec| spec.action.kind() == "dns.settle").expect("the step")
    };
    let step = settles(&rig.run(&id).await);
    let early = rig.click("U0ALICE", &format!("leave_out.{step}"), &id).await.expect("an answer").text;
    assert!(early.contains("is not one to leave out now"), "{early}");
    for _ in 0..600 {
        if rig.run(&id).await.steps[step].state == StepState::Polling {
            break;
        }
        rig.settle(Duration::from_secs(1)).await;
    }
    let (open, what) = bbws::domain::operations::left_out(&rig.run(&id).await).expect("a step");
    assert_eq!((open, what.label()), (step, "Force"));
    left_out(&mut rig, "U0ALICE", &id).await;
    let forced = rig.clock.now();
    let second = rig.say("U0BOB", &format!("op force {id}")).await;
    assert!(second.contains("goes on without that step"), "a button and a command are one word each: {second}");
    let run = rig.run(&id).await;
    assert_eq!(
        (run.steps[step].state, run.steps[step].ended),
        (StepState::Done, None),
        "at {forced} nothing was reached by it"
    );
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    assert!(
        rig.run(&id)
            .await
            .issues()
            .iter()
            .any(|(_, why)| why.contains("Resolvers may still lead clients to af-south-1"))
    );
    let none = rig.say("U0CAROL", &format!("op force {id}")).await;
    assert!(none.contains("No step of ") && none.contains("Nothing was done"), "{none}");
    let late = rig.click("U0CAROL", &format!("leave_out.{step}"), &id).await.expect("an answer").text;
    assert!(late.contains("is not one to leave out now"), "{late}");
}

#[tokio::test]
async fn a_report_shows_how_far_copies_were_behind() {
    let mut rig = Rig::demo_sqlite().await;
    rig.watch_for(Duration::from_secs(1800)).await;
    let without = rig.command("U0DAVE", "dr status prod").await.expect("an answer");
    assert!(without.attachment.chart.is_none());
    let with = rig.command("U0DAVE", "dr status prod --report").await.expect("an answer");
    let chart = with.attachment.chart.expect("a chart");
    assert!(chart.series.iter().any(|line| line.values.iter().any(Option::is_some)), "{chart:?}");
    assert!(chart.series.iter().all(|line| line.name.ends_with("in DR")), "{chart:?}");
}

/// A platform whose traffic is led by routing controls as well.
async fn controlled() -> Rig {
    let (clock, mut config) = (ManualClock::new(), Config::demo());
    let dns = config.environments.get_mut("prod").unwrap().dns.as_mut().expect("it has records");
    let endpoint = |region: &str| format!("https://c1.route53-recovery-cluster.{region}.amazonaws.com/v1");
    dns.routing_controls = Some(RoutingControls {
        primary: "arn:primary".into(),
        dr: "arn:dr".into(),
        endpoints: ["us-east-1", "us-west-2", "ap-northeast-1"].map(endpoint).into(),
    });
    Rig::new(db::sqlite(clock.clone()).await, clock, config, 7)
}

#[tokio::test]
async fn what_a_failover_proved_is_lost_by_a_change_and_routing_controls_turn_and_turn_back() {
    let mut rig = controlled().await;
    let turned = |rig: &Rig| rig.cloud.look(|world, _| (world.controls["arn:primary"], world.controls["arn:dr"]));
    let id = moved(&mut rig).await;
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    assert_eq!((turned(&rig), weights(&rig)), ((false, true), (Some(0), Some(100))));
    rig.say("U0BOB", &format!("op rollback {id} --reason \"the new side is slow\"")).await;
    assert_eq!(rig.finish(&id).await, State::RolledBack, "{:#?}", rig.run(&id).await);
    assert_eq!((turned(&rig), weights(&rig)), ((true, false), (Some(100), Some(0))));
    let holds = format!("proved in this form by {id}");
    let found = |rows: &[Vec<String>], what: &str| rows.iter().find(|row| row[0] == what).expect("a row")[2].clone();
    let (_, rows) = shown(&mut rig, "dr status prod --infrastructure").await;
    for step in ["Scale the services up", "Move traffic by routing controls", "Keep the old side from writing"] {
        let proof = found(&rows, step);
        assert!(proof.contains(&holds) && !proof.contains("NOT"), "{step}: {proof}");
    }
    let promotion = found(&rows, &format!("Promote {REPLICA}"));
    assert!(promotion.contains("NOT proved in this form"), "it is no replica any more: {promotion}");
    rig.cloud.meddle("prod", Side::Dr, |place, _, _| {
        place.ecs.definitions.get_mut("wordpress:7").expect("it is there").cpu = 512;
    });
    let (_, rows) = shown(&mut rig, "dr status prod --infrastructure").await;
    assert!(found(&rows, "Scale the services up").contains("NOT proved in this form"), "{rows:?}");
    assert!(found(&rows, "Move traffic by routing controls").contains(&holds), "{rows:?}");
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
}

#[tokio::test]
async fn a_copy_that_reaches_less_far_and_a_change_of_what_steps_rest_on_take_the_approval_back() {
    for change in 0..3 {
        let mut rig = Rig::demo_sqlite().await;
        let id = rig.asked(ASK).await;
        rig.settle(Duration::from_secs(2)).await;
        let behind = |rig: &Rig, seconds: i64| {
            let lag = Lag { seconds: Some(seconds), age: 30 };
            rig.cloud.meddle("prod", Side::Dr, |place, _, _| place.cloudwatch.lags.insert(REPLICA.to_owned(), lag));
        };
        match change {
            0 => behind(&rig, 1800),
            1 => {
                rig.cloud.meddle("prod", Side::Dr, |place, _, _| {
                    place.ecs.definitions.get_mut("wordpress:7").expect("it is there").cpu = 512;
                });
            }
            _ => behind(&rig, 60),
        }
        rig.click("U0BOB", "approve", &id).await;
        rig.settle(Duration::from_secs(10)).await;
        let state = rig.state(&id).await;
        assert_eq!(state == State::AwaitingApproval, change < 2, "{change}: {state}");
    }
}

#[tokio::test]
async fn whoever_stays_connected_to_the_old_side_is_said_with_how_to_cut_them_off() {
    let mut rig = Rig::demo_sqlite().await;
    let connected = |rig: &Rig, count: i64| {
        let set = |place: &mut Region| place.cloudwatch.connections.insert("bbws-prod-mysql".to_owned(), count);
        rig.cloud.meddle("prod", Side::Primary, |place, _, _| set(place));
    };
    connected(&rig, 3);
    let id = moved(&mut rig).await;
    let drains = rig.run(&id).await.op.plan.steps.iter().position(|spec| spec.action.kind() == "rds.drained");
    let drains = drains.expect("the step");
    for _ in 0..600 {
        if rig.run(&id).await.steps[drains].state == StepState::Polling {
            break;
        }
        rig.settle(Duration::from_secs(1)).await;
    }
    rig.settle(Duration::from_secs(60)).await;
    let detail = rig.run(&id).await.steps[drains].detail.clone();
    assert_eq!(detail.as_deref(), Some("connections: 3 to bbws-prod-mysql"));
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    let run = rig.run(&id).await;
    let issues = run.issues();
    let (_, why) = issues.iter().find(|(title, _)| title.starts_with("See connections")).expect("an issue");
    assert!(why.contains("3 to bbws-prod-mysql. Clients that keep a connection never leave by themselves"), "{why}");
    let cut = "`aws rds reboot-db-instance --region af-south-1 --db-instance-identifier bbws-prod-mysql`";
    assert!(why.ends_with(cut), "{why}");
}

#[tokio::test]
async fn an_old_side_that_comes_back_after_the_move_is_stopped_then() {
    let mut rig = Rig::demo_sqlite().await;
    rig.cloud.region_down(HOME, true);
    let id = moved(&mut rig).await;
    rig.settle(Duration::from_secs(20)).await;
    rig.cloud.region_down(HOME, false);
    assert_eq!(tasks(&rig, Side::Primary), 4, "it may take writes again");
    assert_eq!(rig.finish(&id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
    assert_eq!((tasks(&rig, Side::Primary), tasks(&rig, Side::Dr)), (0, 4));
    let run = rig.run(&id).await;
    let issues: Vec<&str> = run.issues().into_iter().map(|(title, _)| title).collect();
    assert_eq!(issues, ["Fence wordpress in af-south-1"], "only that it was not fenced before");
}
