//! The two state machines, over every state and event: exactly these moves are legal.

use bbws::domain::{
    operation::{State, Trigger},
    step::{StepEvent, StepState},
};

#[test]
fn every_move_of_an_operation() {
    let mut moves = Vec::new();
    for state in State::ALL {
        for trigger in Trigger::ALL {
            if let Some(to) = state.on(trigger) {
                assert_ne!(to, state, "{state} {trigger:?}");
                moves.push(format!("{state} --{trigger:?}--> {to}"));
            }
        }
    }
    insta::assert_snapshot!(moves.join("\n"), @r"
    awaiting_approval --Approve--> queued
    awaiting_approval --Reject--> rejected
    awaiting_approval --Expire--> expired
    awaiting_approval --Cancel--> cancelled
    queued --Expire--> expired
    queued --Cancel--> cancelled
    queued --Start--> running
    queued --Void--> awaiting_approval
    running --Cancel--> cancelled
    running --Pause--> paused
    running --Stop--> stopped
    running --Succeed--> succeeded
    running --Fail--> failed
    running --Lose--> needs_attention
    running --Wait--> waiting
    running --RollBack--> rolled_back
    paused --Cancel--> cancelled
    paused --Unpause--> running
    paused --Stop--> stopped
    paused --Succeed--> succeeded
    paused --Fail--> failed
    paused --Lose--> needs_attention
    paused --TurnBack--> running
    paused --RollBack--> rolled_back
    waiting --Cancel--> cancelled
    waiting --Stop--> stopped
    waiting --Continue--> running
    waiting --TurnBack--> running
    succeeded --TurnBack--> running
    failed --Retry--> queued
    failed --TurnBack--> running
    stopped --Cancel--> cancelled
    stopped --Resume--> running
    stopped --Succeed--> succeeded
    stopped --Fail--> failed
    stopped --Lose--> needs_attention
    stopped --RollBack--> rolled_back
    needs_attention --Cancel--> cancelled
    needs_attention --Retry--> running
    needs_attention --TurnBack--> running
    ");
}

#[test]
fn every_move_of_a_step() {
    let mut moves = Vec::new();
    for state in StepState::ALL {
        for event in StepEvent::ALL {
            if let Some(to) = state.on(event) {
                moves.push(format!("{state} --{event:?}--> {to}"));
            }
        }
    }
    insta::assert_snapshot!(moves.join("\n"), @r"
    ready --Intend--> calling
    ready --Watch--> polling
    ready --Skip--> skipped
    calling --Started--> polling
    calling --Absent--> ready
    calling --Finish--> done
    calling --Fail--> failed
    calling --Lose--> unknown
    polling --Absent--> ready
    polling --Finish--> done
    polling --Fail--> failed
    polling --Lose--> unknown
    polling --Dismiss--> skipped
    failed --Reset--> ready
    skipped --Reset--> ready
    unknown --Reset--> calling
    ");
}

#[test]
fn terminal_states_are_left_by_a_retry_or_by_turning_back() {
    for state in State::ALL.into_iter().filter(|s| s.terminal()) {
        for trigger in Trigger::ALL {
            let leaves = state.on(trigger).is_some();
            let retry = state == State::Failed && trigger == Trigger::Retry;
            let back = matches!(state, State::Failed | State::Succeeded) && trigger == Trigger::TurnBack;
            assert_eq!(leaves, retry || back, "{state} {trigger:?}");
        }
    }
}

#[test]
fn a_step_that_is_done_stays_done() {
    for event in StepEvent::ALL {
        assert_eq!(StepState::Done.on(event), None);
    }
}

#[test]
fn names_of_states_are_those_of_the_contract() {
    let names: Vec<&str> = State::ALL.iter().map(|s| s.name()).collect();
    assert_eq!(
        names,
        [
            "awaiting_approval",
            "queued",
            "running",
            "paused",
            "waiting",
            "succeeded",
            "failed",
            "rolled_back",
            "rejected",
            "expired",
            "cancelled",
            "stopped",
            "needs_attention"
        ]
    );
    for state in State::ALL {
        assert_eq!(state.name().parse::<State>(), Ok(state));
        assert_eq!(serde_json::to_value(state).ok(), Some(serde_json::json!(state.name())));
    }
}
