//! A failover over an operation that holds the environment: two people stop that one and take its environment in one transaction.

use std::time::Duration;

use bbws::{
    adapters::{sandbox::aws::api::route53::REGION, slack::draw_card},
    app::inbound::{Inbound, Inbox as _, Via},
    domain::operation::{OpId, Run, State},
    ports::chat::{Content, Offer},
};

use crate::support::{kill::Killer, rig::Rig};

const HOME: &str = "af-south-1";
const ASK: &str = "dr failover prod --execute --ticket INC-1 --reason \"the primary region is gone\"";

/// A backup that hangs in the region that is lost.
async fn hanging(rig: &mut Rig) -> String {
    let id = rig.approved_backup("backup create prod rds").await;
    while rig.state(&id).await != State::Running {
        rig.settle(Duration::from_secs(1)).await;
    }
    rig.cloud.region_down(HOME, true);
    rig.settle(Duration::from_secs(120)).await;
    assert_eq!(rig.state(&id).await, State::Running);
    id
}

/// A restore into live that waits for people, while the region is lost.
async fn waiting(rig: &mut Rig) -> String {
    let id = rig.asked("backup restore prod pitr --target-time latest --into live --ticket INC-9").await;
    rig.settle(Duration::from_secs(2)).await;
    rig.say("U0BOB", &format!("op approve {id} --confirm prod")).await;
    for _ in 0..240 {
        if rig.state(&id).await == State::Waiting {
            rig.cloud.region_down(HOME, true);
            return id;
        }
        rig.settle(Duration::from_secs(30)).await;
    }
    panic!("nobody is asked: {:#?}", rig.run(&id).await);
}

/// What the refusal of a failover offers.
async fn offered(rig: &mut Rig, user: &str) -> Option<Offer> {
    let reply = rig.command(user, ASK).await.expect("an answer");
    assert!(reply.text.contains("is under way in `prod`"), "{}", reply.text);
    reply.attachment.offers.first().cloned()
}

/// Alice presses what is offered; answers the id of the failover.
async fn pressed(rig: &mut Rig, holder: &str) -> String {
    let offer = offered(rig, "U0ALICE").await.expect("a button");
    assert_eq!(offer.label, format!("Stop {holder} and fail over"));
    let id = rig.asked(&offer.command).await;
    rig.settle(Duration::from_secs(2)).await;
    id
}

/// The buttons on the newest card of an operation.
fn buttons(rig: &Rig, id: &str) -> Vec<String> {
    let cards = rig.chat.cards_of(id);
    let Content::Card(view) = &cards.last().expect("a card").message.content else { panic!("no card of {id}") };
    let blocks = serde_json::Value::from(draw_card(view).blocks).to_string();
    ["Approve", "Resume", "Cancel", "Continue", "Retry", "Roll back"]
        .into_iter()
        .filter(|label| blocks.contains(&format!("\"{label}\"")))
        .map(str::to_owned)
        .collect()
}

fn moved(rig: &Rig) -> Option<u8> {
    let account = &rig.config.environments["prod"].account;
    rig.cloud.look(|world, _| {
        let zone = &world.find(account, REGION).expect("Route 53").route53.zones["Z0BBWSPROD"];
        zone.weight("wp.bbws.example.", "CNAME", "dr")
    })
}

/// Runs the failover to its end; whoever is asked says yes.
async fn finished(rig: &mut Rig, id: &str) -> State {
    for _ in 0..360 {
        let state = rig.state(id).await;
        if state.terminal() || state == State::NeedsAttention {
            return state;
        }
        if state == State::Waiting {
            rig.click("U0BOB", "continue", id).await;
        }
        rig.settle(Duration::from_secs(20)).await;
    }
    panic!("it does not end: {:#?}", rig.run(id).await);
}

/// That of both exactly one has the environment, and that it is the right one.
async fn exactly_one(rig: &Rig, holder: &str, failover: &str, at: &str) -> bool {
    let (old, new) = (rig.run(holder).await, rig.run(failover).await);
    let has = rig.ledger_holder("prod").await;
    let passed = new.op.state != State::AwaitingApproval;
    if passed {
        assert_eq!(has, Some(OpId(failover.to_owned())), "{at}");
        assert_eq!((old.op.state, old.op.gave_way()), (State::Stopped, Some(&OpId(failover.to_owned()))), "{at}");
    } else {
        assert_eq!(has, Some(OpId(holder.to_owned())), "{at}");
        assert!(old.op.gave_way().is_none() && old.op.state != State::Stopped, "{at}: {:?}", old.op.state);
    }
    passed
}

/// Steps that have begun, with the tokens of their intents.
fn intents(run: &Run) -> Vec<(usize, String)> {
    run.steps.iter().filter(|step| step.begun()).filter_map(|step| Some((step.index, step.token.clone()?))).collect()
}

#[tokio::test]
async fn two_people_stop_what_holds_the_environment_and_nothing_of_it_begins_again() {
    for waits in [false, true] {
        let mut rig = Rig::demo_sqlite().await;
        let holder = if waits { waiting(&mut rig).await } else { hanging(&mut rig).await };
        let id = pressed(&mut rig, &holder).await;
        assert!(!exactly_one(&rig, &holder, &id, "before anybody approves").await);
        let plan = rig.run(&id).await.op.plan;
        assert!(plan.facts.iter().any(|f| f.subject == "Stops with the approval" && f.found == holder), "{plan:#?}");
        assert!(plan.notes[0].starts_with(&holder) && plan.notes[0].contains("is stopped"), "{:?}", plan.notes);
        let offer = offered(&mut rig, "U0CAROL").await.expect("a button");
        let again = rig.say("U0CAROL", &offer.command).await;
        assert!(again.contains(&id), "a second one is refused with the first one's id");
        let own = rig.click("U0ALICE", "approve", &id).await.expect("an answer").text;
        assert!(own.contains("somebody else has to approve it"), "{own}");
        let before = intents(&rig.run(&holder).await);
        rig.click("U0BOB", "approve", &id).await;
        assert!(exactly_one(&rig, &holder, &id, "once it is approved").await);
        assert_eq!(finished(&mut rig, &id).await, State::Succeeded, "{:#?}", rig.run(&id).await);
        assert_eq!(moved(&rig), Some(100));
        rig.settle(Duration::from_secs(60)).await;
        assert_eq!(rig.state(&holder).await, State::Stopped);
        assert_eq!(buttons(&rig, &holder), ["Cancel"]);
        let status = rig.say("U0DAVE", "status prod").await;
        let closed = format!("stopped; it gave its environment up to `{id}`, and Cancel on its card closes it");
        assert!(status.contains(&closed), "{status}");
        let told: Vec<String> =
            rig.chat.thread_of(&holder).into_iter().filter_map(|p| p.line().map(str::to_owned)).collect();
        let stopped = told.iter().find(|line| line.contains("Stopped: <@U0BOB> gave its environment to"));
        assert!(stopped.is_some_and(|line| line.contains(&id)), "by whom and for what: {told:?}");
        for hand in ["continue", "resume", "retry", "roll_back"] {
            rig.click("U0BOB", hand, &holder).await;
        }
        rig.say("U0ALICE", "stop prod a look").await;
        let lift = rig.asked("resume prod").await;
        rig.settle(Duration::from_secs(2)).await;
        rig.click("U0BOB", "approve", &lift).await;
        rig.cloud.region_down(HOME, false);
        rig.settle(Duration::from_secs(2 * 3600)).await;
        let run = rig.run(&holder).await;
        assert!(matches!(run.op.state, State::Stopped | State::Succeeded), "{:?}", run.op.state);
        assert_eq!(intents(&run), before, "nothing of it began");
        rig.say("U0ALICE", &format!("op cancel {holder}")).await;
        rig.settle(Duration::from_secs(3600)).await;
        assert!(rig.state(&holder).await.terminal());
        assert_eq!(rig.ledger_holder("prod").await, None);
        assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
        rig.ledger.verify_audit().await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_ended_by_itself_meanwhile_is_not_stopped_and_what_came_instead_is_offered() {
    let mut rig = Rig::demo_sqlite().await;
    let first = rig.approved_backup("backup create prod config").await;
    let id = pressed(&mut rig, &first).await;
    assert_eq!(rig.finish(&first).await, State::Succeeded);
    let second = rig.asked("backup create prod secrets").await;
    let said = rig.click("U0BOB", "approve", &id).await.expect("an answer");
    assert!(said.text.contains(&format!("{second} is under way")), "{}", said.text);
    assert_eq!(said.attachment.offers[0].label, format!("Stop {second} and fail over"));
    assert_eq!(rig.state(&id).await, State::AwaitingApproval);
    rig.say("U0ALICE", &format!("op cancel {second}")).await;
    rig.finish(&second).await;
    rig.click("U0BOB", "approve", &id).await;
    assert_eq!(rig.ledger_holder("prod").await, Some(OpId(id.clone())));
    let run = rig.run(&first).await;
    assert_eq!((run.op.state, run.op.gave_way()), (State::Succeeded, None));
}

#[tokio::test]
async fn what_moves_the_platform_is_not_stopped_by_a_button_and_nothing_else_is_named() {
    let mut rig = Rig::demo_sqlite().await;
    let first = rig.asked(ASK).await;
    assert_eq!(offered(&mut rig, "U0CAROL").await, None);
    rig.say("U0ALICE", &format!("op cancel {first}")).await;
    for (named, says) in [("bk-999", "There is no operation"), (first.as_str(), "moves `prod` itself")] {
        let said = rig.say("U0ALICE", &format!("{ASK} --stop {named}")).await;
        assert!(said.contains(says), "{said}");
    }
    assert_eq!(rig.mutations(), 0);
}

#[tokio::test]
async fn a_death_around_the_commit_leaves_exactly_one_of_both() {
    let (mut point, mut passed) = (0, 0);
    loop {
        let mut rig = Rig::demo_sqlite().await;
        let holder = hanging(&mut rig).await;
        let id = pressed(&mut rig, &holder).await;
        let killer = Killer::at(point);
        rig.reboot(killer.clone()).await;
        rig.click("U0BOB", "approve", &id).await;
        let at = format!("death at {point} {:?}", killer.died_at());
        if !killer.dead() {
            assert!(point > 3, "{point}");
            break;
        }
        passed += usize::from(exactly_one(&rig, &holder, &id, &at).await);
        rig.reboot(Killer::never()).await;
        rig.settle(Duration::from_secs(5)).await;
        rig.click("U0BOB", "approve", &id).await;
        assert!(exactly_one(&rig, &holder, &id, &at).await, "{at}");
        rig.settle(Duration::from_secs(120)).await;
        assert!(rig.cloud.twice().is_empty(), "{at}");
        rig.ledger.verify_audit().await.unwrap().unwrap();
        point += 1;
    }
    assert!(passed > 0, "no death came after the commit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_replicas_one_passes_the_environment_on_while_the_holder_runs() {
    for round in 0..6 {
        let mut rig = Rig::demo_postgres().await;
        let holder = hanging(&mut rig).await;
        let id = pressed(&mut rig, &holder).await;
        let other = rig.another(Killer::never());
        let run = rig.run(&id).await;
        let card = run.op.card.clone().expect("a card");
        let click = |rig: &mut Rig, user: &str| {
            let what = Inbound::Click {
                action: "bbws.approve".to_owned(),
                value: id.clone(),
                block_id: Some(format!("bbws:{id}:{}:{}", &run.op.digest[..16], run.op.revision)),
                message_ts: Some(card.ts.clone()),
                reason: None,
            };
            let mut envelope = rig.envelope(user, Via::Interaction, what);
            envelope.channel.clone_from(&card.channel);
            envelope
        };
        let (bob, carol) = (click(&mut rig, "U0BOB"), click(&mut rig, "U0CAROL"));
        // The runner of the holder looks at it at the same moment.
        rig.clock.advance(Duration::from_secs(60));
        let (one, two, _) = tokio::join!(rig.process.desk.take(bob), other.desk.take(carol), other.engine.turn());
        let texts: Vec<String> = [one, two].into_iter().filter_map(|reply| Some(reply.ok().flatten()?.text)).collect();
        let counted = texts.iter().filter(|text| text.contains("Your approval of")).count();
        assert_eq!(counted, 1, "round {round}: {texts:?}");
        assert!(exactly_one(&rig, &holder, &id, &format!("round {round}")).await);
        assert_eq!(rig.run(&id).await.op.votes.len(), 1, "round {round}");
        rig.ledger.verify_audit().await.unwrap().unwrap();
    }
}
