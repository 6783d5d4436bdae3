//! The steps of a run: intent before call, probe before resend.

use std::time::Duration;

use futures::{StreamExt as _, stream::FuturesUnordered};
use serde_json::json;

use super::{Claimed, Dropped, Engine};
use crate::{
    app::{
        change::{Change, Illegal, SELF},
        executors::{Begun, Task},
        planner::NoPlan,
        words,
    },
    domain::{
        approval::{self, Approved},
        incarnation::{Incarnation, token},
        operation::{Run, State},
        operations,
        plan::Plan,
        run::Pacing,
        step::{Action, HOLD, Held, ITSELF, StepEvent, StepState},
        text::{count, escape},
    },
    ports::{
        alert::Topic,
        chat::Level,
        cloud::{After, CloudError, Probe},
        store::StoreError,
    },
};

/// Probes that may fail in a row before a person is asked.
const PROBES: u32 = 12;
/// Definite refusals to begin in a row before a step fails: about an hour of trying.
pub(super) const STARTS: u32 = 18;
/// Steps of one run begun at once.
const ABREAST: usize = 32;

impl Engine {
    /// Steps found in `calling`: an earlier call may have got through. Look first; adopt, or free for another call.
    pub(super) async fn look_for_lost_calls(&self, hand: &mut Claimed) -> Result<(), Dropped> {
        let now = self.clock.now();
        let called = Box::pin(self.called(&hand.run)).await?;
        for index in hand.run.due(StepState::Calling, now) {
            let Some(task) = looking(&hand.run, index) else { continue };
            match self.executors.of(task.action.work()).probe(&task).await {
                Ok(Probe::Present(started)) => {
                    self.write(hand, false, |change| {
                        change.audit(SELF, "adopted", json!({"step": index, "id": started.external_id}));
                        begun(change, index, &started.clone().into(), self.pacing)?;
                        Engine::heard(change, index, None, &called);
                        Ok(())
                    })
                    .await?;
                }
                Ok(Probe::Absent) => {
                    self.write(hand, false, |change| {
                        change.audit(SELF, "absent", json!({"step": index}));
                        let now = change.now();
                        let step = change.step(index, StepEvent::Absent)?;
                        (step.silence, step.wake_at) = (0, now);
                        Engine::heard(change, index, None, &called);
                        Ok(())
                    })
                    .await?;
                }
                Err(error) => {
                    self.write(hand, false, |change| {
                        unanswered_probe(change, index, &error)?;
                        Engine::heard(change, index, Some(&error), &called);
                        Ok(())
                    })
                    .await?;
                }
            }
        }
        Ok(())
    }

    /// Begins every step that may begin: one transaction with all intents, then the calls, side by side.
    pub(super) async fn begin_steps(&self, hand: &mut Claimed) -> Result<(), Dropped> {
        let now = self.clock.now();
        if hand.run.op.state != State::Running {
            return Ok(());
        }
        let ready: Vec<usize> =
            hand.run.startable().into_iter().filter(|i| hand.run.steps[*i].wake_at <= now).take(ABREAST).collect();
        if ready.is_empty() {
            return Ok(());
        }
        let approved = match self.approved(&hand.run).await? {
            Ok(approved) => approved,
            Err(why) => {
                tracing::error!(operation = %hand.run.op.id, why, "a running operation is not approved");
                return self.write(hand, false, |change| refuse_unapproved(change, &why)).await;
            }
        };
        if !self.may_still_change(hand, &ready).await? {
            return Ok(());
        }
        let wanted = ready.clone();
        let ledger = self.store.incarnation().await?;
        let guarded = !operations::of(hand.run.op.kind()).passes_stops();
        match self.write(hand, guarded, |change| intend(change, &wanted, &ledger)).await {
            Err(Dropped::Store(StoreError::Halted { .. })) => return self.heed_stop(hand).await,
            other => other?,
        }
        let begun: Vec<usize> = ready.into_iter().filter(|i| hand.run.steps[*i].state == StepState::Calling).collect();
        if hand.run.op.state != State::Running && begun.is_empty() {
            return Ok(());
        }
        self.call_all(hand, begun, &approved).await
    }

    /// Where the operation asks for it, plans once more immediately before a change and compares with what was approved.
    async fn may_still_change(&self, hand: &mut Claimed, ready: &[usize]) -> Result<bool, Dropped> {
        let changes = |i: &usize| action(&hand.run, *i).is_some_and(|a| a.mutates());
        let asks = operations::of(hand.run.op.kind()).asks_before_each_change();
        let Some(index) = ready.iter().copied().find(changes).filter(|_| asks) else {
            return Ok(true);
        };
        let why = match self.planner.again(&hand.run).await {
            Ok(plan) if plan.digest() == hand.run.op.digest => return Ok(true),
            Ok(plan) => hand.run.op.plan.drift(&plan).join("; "),
            Err(NoPlan::Problems(problems)) => problems.join(" "),
            Err(NoPlan::Ledger(error)) => return Err(error.into()),
            Err(NoPlan::Later(reason)) => {
                let wait = |change: &mut Change| {
                    let now = change.now();
                    let step = change.touch(index);
                    step.detail = Some(format!("waiting to look again before anything is changed: {reason}"));
                    step.wake_at = now + Duration::from_secs(15);
                    Ok(())
                };
                self.write(hand, false, wait).await?;
                return Ok(false);
            }
        };
        self.write(hand, false, |change| {
            if change.run.steps[index].state == StepState::Ready {
                change.step(index, StepEvent::Watch)?;
                failed(change, index, &format!("Nothing was changed, since it is not as it was approved: {why}"))?;
            }
            Ok(())
        })
        .await?;
        Ok(false)
    }

    async fn call_all(&self, hand: &mut Claimed, begun: Vec<usize>, approved: &Approved<Plan>) -> Result<(), Dropped> {
        let mut calls = FuturesUnordered::new();
        for index in begun {
            let Some(task) = mutation(&hand.run, index, approved)? else { continue };
            calls.push(async move { (index, self.executors.of(task.action.work()).start(&task).await) });
        }
        let told = Box::pin(self.called(&hand.run)).await?;
        while let Some((index, started)) = calls.next().await {
            self.write(hand, false, |change| {
                called(change, index, &started, self.pacing)?;
                Engine::heard(change, index, started.as_ref().err(), &told);
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Enters `waiting` where a step asks people, and leaves it where none does.
    pub(super) async fn heed_people(&self, hand: &mut Claimed) -> Result<(), Dropped> {
        let asks = hand.run.asks_people();
        match (hand.run.op.state, asks) {
            (State::Running, true) | (State::Waiting, false) => self.write(hand, false, Change::heed_people).await,
            _ => Ok(()),
        }
    }
}

/// The task of a step, for looking only.
pub(super) fn looking(run: &Run, index: usize) -> Option<Task> {
    Task::of(run, index, run.op.votes.iter().map(|v| v.by.user.clone()).collect())
}

/// The task of a step that is about to change something: there is none without the proof of approval.
fn mutation(run: &Run, index: usize, approved: &Approved<Plan>) -> Result<Option<Task>, Dropped> {
    if approved.get().steps.get(index) != run.op.plan.steps.get(index) {
        return Err(StoreError::Fenced.into());
    }
    Ok(Task::of(run, index, approved.by().to_vec()))
}

fn action(run: &Run, index: usize) -> Option<Action> {
    run.op.plan.steps.get(index).map(|s| s.action.clone())
}

/// Writes the intents. Steps that only read need none and are watched from now on.
fn intend(change: &mut Change, wanted: &[usize], ledger: &Incarnation) -> Result<(), Illegal> {
    if change.run.op.state != State::Running {
        return Ok(());
    }
    let now = change.now();
    for index in wanted {
        if change.run.steps[*index].state != StepState::Ready {
            continue;
        }
        let spec = change.run.op.plan.steps[*index].action.clone();
        // A token that was written stays, whoever wrote it: an earlier attempt may have left something under it.
        let before = &change.run.steps[*index];
        let token = before.token.clone().unwrap_or_else(|| token(&change.run.op.id, *index, before.round, ledger));
        if spec.work().is_intended() {
            let step = change.step(*index, StepEvent::Intend)?;
            step.attempt += 1;
            step.token = Some(token.clone());
            step.wake_at = now;
            let attempt = step.attempt;
            change.audit(SELF, "intent", json!({"step": index, "kind": spec.kind(), "resource": spec.resource(), "token": token, "attempt": attempt}));
        } else {
            let step = change.step(*index, StepEvent::Watch)?;
            step.token = Some(token);
            step.wake_at = now;
            ask_people(change, *index);
        }
    }
    change.heed_people()
}

/// Calls those whose word a step waits for. Where a look before it says so, it is held from the beginning.
fn ask_people(change: &mut Change, index: usize) {
    let Action::WaitForPeople(what) = change.run.op.plan.steps[index].action.clone() else { return };
    let holds = change.run.inputs(index).remove(HOLD);
    if holds.is_some() {
        let at = change.now();
        change.touch(index).answers.held = Some(Held { by: ITSELF.to_owned(), at });
    }
    let holds = holds.map(|why| format!("*Held by itself*: {} ", escape(&why))).unwrap_or_default();
    let whom = approval::whom(&change.run.op, &what, &change.run.steps[index].answers);
    let round = change.run.steps[index].round;
    change.audit(SELF, "ask", json!({"step": index, "rule": what.rule, "whom": whom}));
    let receipt = operations::of(change.run.op.kind()).receipt(&change.run, index, change.now());
    let receipt = receipt.map(|receipt| format!("{} ", escape(&receipt))).unwrap_or_default();
    let text = format!("{holds}{} {receipt}It waits for {whom}: Continue or Hold on the card.", escape(&what.question));
    change.thread(format!("step-{index}-asks-{round}"), Level::Warning, text);
    words::tell_turn(change, "waits for people");
}

/// What a call came to.
fn called(
    change: &mut Change,
    index: usize,
    started: &Result<Begun, CloudError>,
    pacing: Pacing,
) -> Result<(), Illegal> {
    let now = change.now();
    match started {
        Ok(started) => begun(change, index, started, pacing),
        Err(CloudError::Retryable { reason, after }) => {
            let attempt = change.run.steps[index].attempt;
            if attempt >= STARTS {
                return failed(change, index, &format!("{reason} (tried {})", count(attempt, "time")));
            }
            let step = change.step(index, StepEvent::Absent)?;
            step.detail = Some(format!("waiting to try again: {reason}"));
            let said = match after {
                Some(After::Time(said)) => *said,
                Some(After::Answer(_)) | None => Duration::ZERO,
            };
            step.wake_at = now + said.max(Pacing::backoff(attempt));
            Ok(())
        }
        Err(CloudError::Permanent { reason }) => failed(change, index, reason),
        Err(CloudError::Unknown { reason }) => {
            // It stays in `calling`: the next look probes before anything is called again.
            let step = change.touch(index);
            step.detail = Some(format!("no answer, looking for what happened: {reason}"));
            step.wake_at = now + Pacing::backoff(1);
            change.audit(SELF, "unknown", json!({"step": index, "reason": reason}));
            Ok(())
        }
    }
}

fn begun(change: &mut Change, index: usize, begun: &Begun, pacing: Pacing) -> Result<(), Illegal> {
    let (now, started) = (change.now(), &begun.started);
    let event = if started.finished { StepEvent::Finish } else { StepEvent::Started };
    let step = change.step(index, event)?;
    step.external_id = started.external_id.clone().or(step.external_id.take());
    step.outputs.extend(started.outputs.clone());
    (step.silence, step.detail, step.error) = (0, None, None);
    step.percent = started.finished.then_some(100);
    step.wake_at = now + pacing.first(step.expected);
    let id = step.external_id.clone();
    if change.run.op.plan.steps[index].action.work().is_called() {
        change.audit(SELF, "called", json!({"step": index, "id": id, "finished": started.finished}));
    }
    for mark in &begun.marks {
        change.mark(mark.clone());
    }
    Ok(())
}

fn unanswered_probe(change: &mut Change, index: usize, error: &CloudError) -> Result<(), Illegal> {
    let now = change.now();
    let silence = change.run.steps[index].silence + 1;
    let hopeless = matches!(error, CloudError::Permanent { .. }) || silence >= PROBES;
    if !hopeless {
        let step = change.touch(index);
        step.silence = silence;
        step.detail = Some(format!("looking for what happened: {error}"));
        step.wake_at = now + Pacing::backoff(silence);
        return Ok(());
    }
    lost(change, index, &error.to_string())
}

pub(super) fn failed(change: &mut Change, index: usize, reason: &str) -> Result<(), Illegal> {
    let step = change.step(index, StepEvent::Fail)?;
    step.error = Some(reason.to_owned());
    let round = step.round;
    change.audit(SELF, "failed", json!({"step": index, "reason": reason}));
    let title = change.run.op.plan.steps[index].title.clone();
    change.thread(
        format!("step-{index}-failed-{round}"),
        Level::Error,
        format!("*{}* failed: {}", escape(&title), escape(reason)),
    );
    turn_back(change, index, reason)?;
    let doomed = change.run.doomed();
    change.skip(&doomed);
    Ok(())
}

/// Turns the run back where the plan says that it will when this step fails.
fn turn_back(change: &mut Change, index: usize, reason: &str) -> Result<(), Illegal> {
    let run = &change.run;
    let spec = &run.op.plan.steps[index];
    if !spec.action.turns_back() || run.op.turned.is_some() || run.op.state != State::Running {
        return Ok(());
    }
    let title = spec.title.clone();
    change.turn_back(SELF, Some(format!("{title}: {reason}")))?;
    let text = format!("*{}* failed, so that the run turns back, as its plan says: {}", escape(&title), escape(reason));
    change.thread(format!("step-{index}-turns-back"), Level::Error, text);
    words::tell_turn(change, "turns back");
    change.publish(
        Topic::OpsCritical,
        format!("{}-turned-back", change.run.op.id),
        words::subject(&change.run.op, words::ROLLED_BACK),
        words::notice_body(&change.run),
    );
    Ok(())
}

pub(super) fn lost(change: &mut Change, index: usize, reason: &str) -> Result<(), Illegal> {
    let step = change.step(index, StepEvent::Lose)?;
    step.error = Some(reason.to_owned());
    let round = step.round;
    change.audit(SELF, "lost", json!({"step": index, "reason": reason}));
    let title = change.run.op.plan.steps[index].title.clone();
    let text = format!(
        "*{}*: nobody knows whether it was carried out. {} A person has to look.",
        escape(&title),
        escape(reason)
    );
    change.thread(format!("step-{index}-unknown-{round}-{}", change.now().0), Level::Error, text);
    Ok(())
}

fn refuse_unapproved(change: &mut Change, why: &str) -> Result<(), Illegal> {
    for index in change.run.startable() {
        let now = change.now();
        let step = change.touch(index);
        step.detail = Some(why.to_owned());
        step.wake_at = now + Duration::from_secs(300);
    }
    change.audit(SELF, "unapproved", json!({"why": why}));
    Ok(())
}
