//! What a run does next, over every state of its steps: forward, with people asked, and on its way back.

use bbws::domain::{
    mark::MarkKind,
    moment::Moment,
    operation::{OpId, Operation, Run, State, Trigger, Turn},
    plan::Plan,
    principal::{PersonId, Principal},
    step::{self, Action, Consent, Step, StepSpec, StepState},
};

const FIRST: usize = 0;
const SECOND: usize = 1;
const CLEAN: usize = 2;
const UNDO_SECOND: usize = 3;
const UNDO_FIRST: usize = 4;

fn plan() -> Plan {
    let mark = |subject: &str| Action::from(step::Forget { mark: MarkKind::Tier, subject: subject.into() });
    let spec = |after: &[usize], action: Action, always, back| StepSpec {
        title: "a step".into(),
        after: after.to_vec(),
        kind_version: 1,
        action,
        always,
        back,
    };
    let ask = step::WaitForPeople { question: "Well?".into(), rule: None, consent: Consent::Look };
    Plan {
        kind: "test.turn".into(),
        environment: "prod".into(),
        scope: String::new(),
        tenant: None,
        account: String::new(),
        region: String::new(),
        dr_region: None,
        retention_days: None,
        facts: vec![],
        notes: vec![],
        steps: vec![
            spec(&[], ask.into(), false, false),
            spec(&[FIRST], mark("second"), false, false),
            spec(&[FIRST, SECOND], mark("clean"), true, false),
            spec(&[SECOND], mark("undo second"), false, true),
            spec(&[FIRST], mark("undo first"), false, true),
        ],
    }
}

fn run(states: [StepState; 5], turned: bool) -> Run {
    let plan = plan();
    let steps = states.iter().enumerate().map(|(index, state)| {
        let started = matches!(state, StepState::Ready | StepState::Skipped).then_some(()).is_none();
        Step { state: *state, started: started.then_some(Moment(1)), ..Step::new(index) }
    });
    let steps = steps.collect();
    let op = Operation {
        id: OpId("bk-1".into()),
        state: State::Running,
        digest: plan.digest(),
        plan,
        revision: 1,
        needs: vec![],
        requester: Principal { person: PersonId("U1".into()), user: "U1".into(), roles: vec![] },
        reason: None,
        channel: "C1".into(),
        command: String::new(),
        votes: vec![],
        created: Moment(0),
        deadline: None,
        started: None,
        ended: None,
        estimate: None,
        halt: None,
        outcome: None,
        card: None,
        wake_at: Moment(0),
        turned: turned.then(|| Turn { by: "U1".into(), reason: None, at: Moment(2) }),
        by_schedule: None,
        incident: None,
        recovery: None,
    };
    Run { op, steps, version: 1 }
}

/// Every state of five steps: 16,807 runs, forward and turned back.
fn every(check: impl Fn(&Run)) {
    let all = StepState::ALL;
    for a in all {
        for b in all {
            for c in all {
                for d in all {
                    for e in all {
                        check(&run([a, b, c, d, e], false));
                        check(&run([a, b, c, d, e], true));
                    }
                }
            }
        }
    }
}

#[test]
fn the_way_back_begins_only_when_the_run_turned_and_in_order() {
    every(|run| {
        let startable = run.startable();
        let back: Vec<usize> = startable.iter().copied().filter(|i| run.back(*i)).collect();
        if run.op.turned.is_none() {
            assert!(back.is_empty(), "{run:#?}");
            return;
        }
        assert!(startable.iter().all(|i| run.back(*i) || run.always(*i)), "nothing goes forward: {run:#?}");
        assert!(back.len() <= 1, "one at a time: {run:#?}");
        if let Some(begun) = back.first() {
            assert!(!run.steps[..UNDO_SECOND].iter().any(|s| s.state.in_flight()), "{run:#?}");
            let before = &run.steps[UNDO_SECOND..*begun];
            assert!(before.iter().all(|s| matches!(s.state, StepState::Done | StepState::Skipped)), "{run:#?}");
        }
    });
}

#[test]
fn a_run_is_rolled_back_only_when_the_whole_way_back_ended_well() {
    every(|run| {
        let any = |state| run.steps.iter().any(|s| s.state == state);
        let well = |steps: &[Step]| steps.iter().all(|s| matches!(s.state, StepState::Done | StepState::Skipped));
        let (forward, back) = run.steps.split_at(UNDO_SECOND);
        match run.verdict() {
            Some(Trigger::RollBack) => {
                assert!(run.op.turned.is_some() && well(back) && !any(StepState::Unknown), "{run:#?}");
            }
            Some(Trigger::Succeed) => {
                assert!(run.op.turned.is_none(), "{run:#?}");
                assert!(forward.iter().all(|s| s.state == StepState::Done), "{run:#?}");
            }
            Some(Trigger::Lose) => assert!(any(StepState::Unknown), "{run:#?}"),
            Some(Trigger::Fail) => assert!(!any(StepState::Unknown), "{run:#?}"),
            Some(other) => panic!("{other:?}: {run:#?}"),
            None => {
                let flying = run.steps.iter().any(|s| s.state.in_flight());
                assert!(flying || !run.startable().is_empty(), "{run:#?}");
            }
        }
    });
}

#[test]
fn what_was_never_begun_needs_no_way_back() {
    use StepState::{Done, Failed, Ready, Skipped};
    let needless = |first, second| run([first, second, Skipped, Ready, Ready], true).needless();
    assert_eq!(needless(Skipped, Skipped), [UNDO_SECOND, UNDO_FIRST]);
    assert_eq!(needless(Done, Skipped), [UNDO_SECOND]);
    assert_eq!(needless(Done, Failed), [] as [usize; 0], "what failed may have changed something");
    assert!(run([Done, Done, Done, Ready, Ready], false).doomed().is_empty());
}

#[test]
fn people_are_asked_while_their_step_is_watched() {
    every(|run| assert_eq!(run.asks_people(), run.steps[FIRST].state == StepState::Polling));
    let waiting =
        run([StepState::Polling, StepState::Ready, StepState::Ready, StepState::Ready, StepState::Ready], false);
    assert!(waiting.verdict().is_none() && waiting.startable().is_empty() && !waiting.always(SECOND));
    assert!(waiting.always(CLEAN));
}
