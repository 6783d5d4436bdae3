//! Runs that wait for people and runs that turn back, by an operation that exists in tests only.

use std::time::Duration;

use bbws::{
    app::{change::Change, control},
    domain::{
        approval::ANY_ROLE,
        mark::{Mark, MarkKind},
        operation::{OpId, Operation, Run, State},
        plan::Plan,
        policy::Need,
        principal::{PersonId, Principal},
        step::{self, Action, Consent, Step, StepSpec, StepState},
        watch::Kind,
    },
    ports::{
        clock::Clock,
        store::{Commit, Guard, Lock, MarkWrite, Store},
    },
};

use crate::support::{kill::Killer, rig::Rig};

const ID: &str = "bk-900";
const DATABASE: &str = "bbws-prod-mysql";
/// Positions in the plan of [`plan`].
const NOTE: usize = 0;
const ASK: usize = 1;
const CHANGE: usize = 2;
const CHANGE_BACK: usize = 3;
const FORGET: usize = 4;

fn automated(days: u32) -> Action {
    step::AutomatedBackups { region: "af-south-1".into(), database: DATABASE.into(), days, window: None }.into()
}

fn spec(title: &str, after: &[usize], action: impl Into<Action>, back: bool) -> StepSpec {
    StepSpec { title: title.into(), after: after.to_vec(), kind_version: 1, action: action.into(), always: false, back }
}

/// Writes something down, asks people, changes AWS; and the way back of both changes.
fn plan(consent: Consent) -> Plan {
    let ask = step::WaitForPeople {
        question: "The clone is valid. Shall the platform use it?".into(),
        rule: Some("backup.cutover".into()),
        consent,
    };
    let mark = (MarkKind::Tier, "test of turning".to_owned());
    Plan {
        kind: "test.turn".into(),
        environment: "prod".into(),
        scope: String::new(),
        tenant: None,
        account: "093646564004".into(),
        region: "af-south-1".into(),
        dr_region: None,
        retention_days: None,
        facts: vec![],
        notes: vec![],
        steps: vec![
            spec("Note it", &[], step::Remember { mark: mark.0, subject: mark.1.clone(), note: "x".into() }, false),
            spec("Ask", &[NOTE], ask, false),
            spec("Keep 14 days", &[ASK], automated(14), false),
            spec("Keep 7 days again", &[CHANGE], automated(7), true),
            spec("Forget it", &[NOTE], step::Forget { mark: mark.0, subject: mark.1 }, true),
        ],
    }
}

/// Puts the operation into the ledger as a run that was approved and is under way.
async fn plant(rig: &mut Rig, plan: Plan) {
    let now = rig.clock.now();
    let alice =
        Principal { person: PersonId("U0ALICE".into()), user: "U0ALICE".into(), roles: vec!["operator".into()] };
    let steps: Vec<Step> = (0..plan.steps.len()).map(Step::new).collect();
    let op = Operation {
        id: OpId(ID.into()),
        state: State::Running,
        digest: plan.digest(),
        plan,
        revision: 1,
        needs: vec![],
        requester: alice,
        reason: None,
        channel: "C0GENERAL".into(),
        command: "test turn prod".into(),
        votes: vec![],
        created: now,
        deadline: None,
        started: Some(now),
        ended: None,
        estimate: None,
        halt: None,
        outcome: None,
        card: None,
        wake_at: now,
        turned: None,
        by_schedule: None,
        incident: None,
        recovery: None,
    };
    let run = Run { op, steps: steps.clone(), version: 0 };
    let mut change = Change::on(&run, now);
    change.replace_steps(steps);
    change.lock(Lock::Take);
    rig.ledger.commit(change.commit(Guard::New).1).await.unwrap();
    rig.settle(Duration::from_secs(30)).await;
}

fn dba() -> Consent {
    Consent::Others(vec![Need { role: "dba".into(), count: 1 }])
}

async fn said(rig: &mut Rig, user: &str, button: &str) -> String {
    let reply = rig.click(user, button, ID).await.expect("an answer").text;
    rig.settle(Duration::from_secs(5)).await;
    reply
}

async fn states(rig: &Rig) -> Vec<StepState> {
    rig.run(ID).await.steps.iter().map(|s| s.state).collect()
}

async fn turn_back(rig: &mut Rig) {
    let run = rig.run(ID).await;
    let mut change = Change::on(&run, rig.clock.now());
    change.turn_back("U0BOB", Some("the shop is slow".into())).expect("a run like this can turn back");
    rig.ledger.commit(change.commit(Guard::Version(run.version)).1).await.unwrap();
}

async fn judge(rig: &Rig) {
    assert!(rig.cloud.twice().is_empty(), "{:?}", rig.cloud.twice());
    rig.ledger.verify_audit().await.unwrap().unwrap();
    assert_eq!(rig.ledger_holder("prod").await, None, "the environment is free");
    let cards = rig.chat.cards_of(ID);
    assert_eq!(cards.last().and_then(|c| c.card_state()), Some(rig.state(ID).await));
}

async fn noted(rig: &Rig) -> bool {
    let marks = rig.ledger.marks("prod", Some(MarkKind::Tier)).await.unwrap();
    marks.iter().any(|m| m.subject == "test of turning")
}

#[tokio::test]
async fn a_run_waits_for_another_person_of_the_role_and_goes_on() {
    let mut rig = Rig::sqlite().await;
    plant(&mut rig, plan(dba())).await;
    assert_eq!(rig.state(ID).await, State::Waiting);
    assert!(noted(&rig).await);
    assert_eq!(rig.mutations(), 0, "nothing is changed before people say so");
    // It waits as long as it takes, the approval's time does not run, and nothing takes it for lost.
    rig.settle(Duration::from_secs(5 * 86_400)).await;
    assert_eq!(rig.state(ID).await, State::Waiting);
    let refused = said(&mut rig, "U0ALICE", "continue").await;
    assert!(refused.contains("somebody else has to say"), "{refused}");
    let other = said(&mut rig, "U0DAVE", "continue").await;
    assert!(other.contains("no role"), "{other}");
    assert_eq!(rig.state(ID).await, State::Waiting);
    let counted = said(&mut rig, "U0BOB", "continue").await;
    assert!(counted.contains("goes on"), "{counted}");
    assert_eq!(rig.finish(ID).await, State::Succeeded);
    assert_eq!(states(&rig).await[..=CHANGE], [StepState::Done; 3]);
    assert_eq!(states(&rig).await[CHANGE_BACK..], [StepState::Skipped; 2], "the way back is not taken");
    judge(&rig).await;
    let audit = rig.ledger.audit(0, 1000).await.unwrap();
    let word = audit.iter().find(|a| a.entry.action == "continue").expect("it is audited");
    assert_eq!((word.entry.actor.as_str(), &word.entry.detail["step"]), ("U0BOB", &serde_json::json!(ASK)));
    assert_eq!(word.entry.detail["digest"], rig.run(ID).await.op.digest);
    let again = said(&mut rig, "U0CAROL", "continue").await;
    assert!(again.contains("waits for nobody"), "{again}");
}

#[tokio::test]
async fn a_step_that_names_nobody_still_asks_somebody_else() {
    for nobody in [vec![], vec![Need { role: "dba".into(), count: 0 }]] {
        let mut rig = Rig::sqlite().await;
        plant(&mut rig, plan(Consent::Others(nobody))).await;
        assert_eq!(rig.state(ID).await, State::Waiting);
        assert!(said(&mut rig, "U0ALICE", "continue").await.contains("somebody else"));
        said(&mut rig, "U0BOB", "continue").await;
        assert_eq!(rig.finish(ID).await, State::Succeeded);
    }
}

#[tokio::test]
async fn two_people_are_two_people() {
    let mut rig = Rig::sqlite().await;
    let two = Consent::Others(vec![Need { role: "dba".into(), count: 1 }, Need { role: ANY_ROLE.into(), count: 1 }]);
    plant(&mut rig, plan(two)).await;
    let first = said(&mut rig, "U0BOB", "continue").await;
    assert!(first.contains("still needs"), "{first}");
    assert!(said(&mut rig, "U0BOB", "continue").await.contains("counts once"));
    assert_eq!((rig.state(ID).await, rig.mutations()), (State::Waiting, 0));
    said(&mut rig, "U0CAROL", "continue").await;
    assert_eq!(rig.finish(ID).await, State::Succeeded);
    judge(&rig).await;
}

#[tokio::test]
async fn a_look_takes_one_person_the_requester_included_and_hold_keeps_it_waiting() {
    let mut rig = Rig::sqlite().await;
    plant(&mut rig, plan(Consent::Look)).await;
    let held = said(&mut rig, "U0CAROL", "hold").await;
    assert!(held.contains("is held"), "{held}");
    assert!(said(&mut rig, "U0BOB", "hold").await.contains("holds bk-900 already"));
    rig.settle(Duration::from_secs(86_400)).await;
    assert_eq!(rig.state(ID).await, State::Waiting);
    let run = rig.run(ID).await;
    assert!(run.steps[ASK].detail.as_deref().is_some_and(|d| d.contains("held by <@U0CAROL>")), "{run:#?}");
    said(&mut rig, "U0ALICE", "continue").await;
    assert_eq!(rig.finish(ID).await, State::Succeeded);
    judge(&rig).await;
}

#[tokio::test]
async fn a_stop_reaches_a_run_that_waits_and_cancel_ends_it() {
    let mut rig = Rig::sqlite().await;
    plant(&mut rig, plan(dba())).await;
    rig.say("U0BOB", "stop prod the database looks corrupt").await;
    rig.settle(Duration::from_secs(5)).await;
    assert_eq!(rig.state(ID).await, State::Stopped);
    assert!(said(&mut rig, "U0BOB", "continue").await.contains("waits for nobody"), "a stop is stronger");
    said(&mut rig, "U0BOB", "cancel").await;
    assert_eq!(rig.finish(ID).await, State::Cancelled);
    assert_eq!(rig.mutations(), 0);
    judge(&rig).await;
    let mut rig = Rig::sqlite().await;
    plant(&mut rig, plan(dba())).await;
    said(&mut rig, "U0BOB", "cancel").await;
    assert_eq!(rig.state(ID).await, State::Cancelled);
    judge(&rig).await;
}

#[tokio::test]
async fn a_run_that_waits_turns_back_and_undoes_only_what_was_begun() {
    let mut rig = Rig::sqlite().await;
    plant(&mut rig, plan(dba())).await;
    turn_back(&mut rig).await;
    assert_eq!(rig.finish(ID).await, State::RolledBack);
    use StepState::{Done, Skipped};
    assert_eq!(states(&rig).await, [Done, Skipped, Skipped, Skipped, Done], "what was never changed needs no way back");
    assert!(!noted(&rig).await);
    assert_eq!(rig.mutations(), 0);
    let outcome = rig.run(ID).await.op.outcome.expect("an outcome");
    assert!(
        outcome.contains("Rolled back by <@U0BOB>: the shop is slow") && outcome.contains("*not* done"),
        "{outcome}"
    );
    judge(&rig).await;
}

#[tokio::test]
async fn nobody_is_sent_back_into_a_region_that_does_not_answer() {
    let mut rig = Rig::sqlite().await;
    plant(&mut rig, plan(dba())).await;
    said(&mut rig, "U0BOB", "continue").await;
    assert_eq!(rig.finish(ID).await, State::Succeeded);
    let dark = Mark {
        environment: "prod".into(),
        kind: MarkKind::Finding,
        subject: Kind::Place.key("region af-south-1"),
        note: "{}".into(),
        operation: String::new(),
        at: rig.clock.now(),
    };
    rig.ledger.commit(Commit { marks: vec![MarkWrite::Set(dark)], ..Commit::default() }).await.unwrap();
    let refused = said(&mut rig, "U0BOB", "roll_back").await;
    assert!(refused.contains("af-south-1, which does not answer") && refused.contains("Nothing was done"), "{refused}");
    assert_eq!(rig.state(ID).await, State::Succeeded);
    let tried = rig.say("U0BOB", &format!("op rollback {ID} --reason \"it answers again\"")).await;
    assert!(tried.contains("is being rolled back"), "{tried}");
    assert_eq!(rig.finish(ID).await, State::RolledBack);
}

#[tokio::test]
async fn a_run_that_was_over_turns_back_in_order_and_takes_its_environment_again() {
    let mut rig = Rig::sqlite().await;
    plant(&mut rig, plan(dba())).await;
    said(&mut rig, "U0BOB", "continue").await;
    assert_eq!(rig.finish(ID).await, State::Succeeded);
    let changed = rig.mutations();
    turn_back(&mut rig).await;
    assert_eq!(rig.ledger_holder("prod").await, Some(OpId(ID.into())));
    let mut order = Vec::new();
    for _ in 0..10_000 {
        let steps = rig.run(ID).await.steps;
        for back in [CHANGE_BACK, FORGET] {
            if steps[back].started.is_some() && !order.contains(&back) {
                order.push(back);
                let before = steps[CHANGE_BACK].state;
                assert!(back == CHANGE_BACK || before == StepState::Done, "one after the other: {steps:#?}");
            }
        }
        if rig.state(ID).await.terminal() {
            break;
        }
        if !rig.step().await {
            rig.clock.advance(Duration::from_secs(1));
        }
    }
    assert_eq!(rig.finish(ID).await, State::RolledBack);
    assert_eq!((order, rig.mutations()), (vec![CHANGE_BACK, FORGET], changed + 1));
    assert!(!noted(&rig).await);
    judge(&rig).await;
    let run = rig.run(ID).await;
    let mut twice = Change::on(&run, rig.clock.now());
    assert!(twice.turn_back("U0BOB", None).is_err(), "nobody turns back twice");
}

#[tokio::test]
async fn a_stop_says_what_has_a_way_back_and_names_what_has_none() {
    let mut rig = Rig::sqlite().await;
    plant(&mut rig, plan(dba())).await;
    said(&mut rig, "U0BOB", "continue").await;
    assert_eq!(rig.finish(ID).await, State::Succeeded);
    let mut run = rig.run(ID).await;
    run.op.state = State::Running;
    let told = |run: &Run| {
        let change = control::stopped(run, "U0BOB", Some("odd"), rig.clock.now()).expect("it is stopped");
        format!("{:?}", change.commit(Guard::Version(run.version)).1.notices)
    };
    let before = told(&run);
    assert!(
        before.contains("has a way back: Resume, and then Roll back on the card.")
            && !before.contains("cannot be undone"),
        "{before}"
    );
    assert!(before.contains("Going on takes a second person: Resume on the card."), "{before}");
    let gone = step::DeleteSnapshot { region: "af-south-1".into(), snapshot: "s1".into() };
    run.op.plan.steps.push(spec("Delete snapshot s1", &[NOTE], gone, false));
    let mut deleted = Step::new(run.steps.len());
    (deleted.state, deleted.started) = (StepState::Done, Some(rig.clock.now()));
    run.steps.push(deleted);
    let after = told(&run);
    assert!(after.contains("Begun, and cannot be undone: *Delete snapshot s1*."), "{after}");
}

/// A way back of more than ten minutes is a decision of its own.
#[tokio::test]
async fn a_way_back_that_takes_long_needs_a_reason() {
    let mut rig = Rig::sqlite().await;
    plant(&mut rig, plan(dba())).await;
    said(&mut rig, "U0BOB", "continue").await;
    assert_eq!(rig.finish(ID).await, State::Succeeded);
    let slow = |rig: &Rig, run: &Run| {
        let mut change = Change::on(run, rig.clock.now());
        change.touch(CHANGE_BACK).expected = Some(Duration::from_secs(11 * 60));
        change.touch(FORGET).expected = Some(Duration::ZERO);
        change.commit(Guard::Version(run.version)).1
    };
    let run = rig.run(ID).await;
    rig.ledger.commit(slow(&rig, &run)).await.unwrap();
    let told = rig.say("U0BOB", &format!("op rollback {ID}")).await;
    assert!(told.contains("usually takes 11 min, so it needs a reason"), "{told}");
    assert_eq!(rig.state(ID).await, State::Succeeded, "nothing was done");
    rig.say("U0BOB", &format!("op rollback {ID} --reason \"orders are missing\"")).await;
    assert_eq!(rig.finish(ID).await, State::RolledBack);
}

#[tokio::test]
async fn a_way_back_survives_the_death_of_its_process_at_every_point() {
    let mut point = 0;
    loop {
        let mut rig = Rig::sqlite().await;
        plant(&mut rig, plan(Consent::Look)).await;
        said(&mut rig, "U0ALICE", "continue").await;
        assert_eq!(rig.finish(ID).await, State::Succeeded);
        let changed = rig.mutations();
        turn_back(&mut rig).await;
        let killer = Killer::at(point);
        rig.reboot(killer.clone()).await;
        rig.finish(ID).await;
        let died = killer.dead();
        if died {
            rig.reboot(Killer::never()).await;
        }
        assert_eq!(rig.finish(ID).await, State::RolledBack, "death at {point} {:?}", killer.died_at());
        assert_eq!(rig.mutations(), changed + 1, "death at {point} {:?}", killer.died_at());
        assert!(rig.cloud.twice().is_empty() && !noted(&rig).await, "death at {point}");
        rig.ledger.verify_audit().await.unwrap().unwrap();
        if !died {
            assert!(point > 10, "{point}");
            break;
        }
        point += 1;
    }
}
