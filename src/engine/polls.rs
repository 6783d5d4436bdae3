//! Watching what was begun: merged polls, reports worked out here, and what is written down of either.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use futures::FutureExt as _;
use serde_json::json;

use super::{
    CALL, Dropped, Engine, Hand,
    steps::{STARTS, failed, lost, timed_out},
};
use crate::{
    app::{
        change::{Change, Illegal, SELF},
        reports,
    },
    domain::{
        exhibit::Report,
        run::Pacing,
        step::{Outputs, StepEvent, StepState},
    },
    ports::{
        chat::Level,
        cloud::{Call, Cloud, CloudError, Progress},
        store::Store,
    },
};

/// A report may take so long: a hundred thousand recovery points are some hundred pages.
const REPORT: Duration = Duration::from_secs(900);
/// No step is watched for longer than this.
const LONGEST: Duration = Duration::from_secs(3 * 86_400);

/// A poll's answers for one run, by step.
pub(super) type Answers = Vec<(usize, Result<Progress, CloudError>)>;

impl Engine {
    /// One request for all runs: the adapter merges what it can.
    pub(super) async fn poll(&self, hands: &[Hand]) -> Vec<(usize, Answers)> {
        let now = self.clock.now();
        let (mut calls, mut owners) = (Vec::new(), Vec::new());
        for (at, hand) in hands.iter().enumerate() {
            for index in hand.run.due(StepState::Polling, now) {
                if let Ok(Some(call)) = self.call(&hand.run, index) {
                    calls.push(call);
                    owners.push((at, index));
                }
            }
        }
        if calls.is_empty() {
            return Vec::new();
        }
        let polled = self.ask(calls).await;
        let mut by_hand: Vec<(usize, Answers)> = Vec::new();
        for ((at, index), answer) in owners.into_iter().zip(polled) {
            match by_hand.last_mut() {
                Some((last, answers)) if *last == at => answers.push((index, answer)),
                _ => by_hand.push((at, vec![(index, answer)])),
            }
        }
        by_hand
    }

    /// Asks AWS about steps; those that report on a whole environment are worked out here. One answer per call, in order.
    async fn ask(&self, calls: Vec<Call>) -> Vec<Result<Progress, CloudError>> {
        let (reports, others): (Vec<_>, Vec<_>) =
            calls.into_iter().enumerate().partition(|(_, call): &(usize, Call)| reports::is_report(&call.action));
        let (places, others): (Vec<usize>, Vec<Call>) = others.into_iter().unzip();
        let asked = async {
            match others.is_empty() {
                true => Vec::new(),
                false => tokio::time::timeout(CALL, self.cloud.poll(&others))
                    .await
                    .unwrap_or_else(|_| others.iter().map(|_| Err(timed_out())).collect()),
            }
        };
        // A report may take longer than a call and must not hold up what else was asked.
        let looked: Vec<_> = reports.into_iter().map(|(place, call)| (place, self.report(call))).collect();
        let asked = asked.await;
        let mut answers: Vec<(usize, Result<Progress, CloudError>)> =
            places.into_iter().zip(asked).chain(looked).collect();
        answers.sort_by_key(|(place, _)| *place);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    /// Begins a report, or answers how far the one is that was begun under the same token.
    fn report(&self, call: Call) -> Result<Progress, CloudError> {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.retain(|_, (begun, _)| begun.elapsed() < REPORT * 2);
        let token = call.token.clone();
        let busy = Ok(Progress::Running { percent: None, detail: "reading".to_owned() });
        match reports.remove(&token) {
            Some((_, task)) if task.is_finished() => {
                let lost = || Err(CloudError::Retryable { reason: "The report was lost.".to_owned(), after: None });
                task.now_or_never().and_then(Result::ok).unwrap_or_else(lost)
            }
            Some(under_way) => {
                reports.insert(token, under_way);
                busy
            }
            None => {
                let (cloud, store) = (self.cloud.clone(), self.store.clone());
                let task = tokio::spawn(async move { report(cloud, store, call).await });
                reports.insert(token, (Instant::now(), task));
                busy
            }
        }
    }

    /// Writes down what a poll told of one run; nothing when it told nothing new.
    pub(super) async fn record_polls(&self, hand: &mut Hand, answers: Answers) -> Result<(), Dropped> {
        let pacing = self.pacing;
        self.write(hand, false, |change| {
            for (index, answer) in &answers {
                if change.run.steps[*index].state == StepState::Polling {
                    polled(change, *index, answer, pacing)?;
                }
            }
            let doomed = change.run.doomed();
            change.skip(&doomed);
            Ok(())
        })
        .await
    }
}

async fn report(cloud: Arc<dyn Cloud>, store: Arc<dyn Store>, call: Call) -> Result<Progress, CloudError> {
    match tokio::time::timeout(REPORT, reports::look(cloud.as_ref(), store.as_ref(), &call)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a report could not be worked out");
            Err(CloudError::Retryable { reason: "The ledger does not answer.".to_owned(), after: None })
        }
        Err(_) => Err(CloudError::Unknown {
            reason: format!("AWS did not tell everything within {} minutes.", REPORT.as_secs() / 60),
        }),
    }
}

/// What a poll told of one step.
fn polled(
    change: &mut Change,
    index: usize,
    answer: &Result<Progress, CloudError>,
    pacing: Pacing,
) -> Result<(), Illegal> {
    let now = change.now();
    let mutates = change.run.op.plan.steps[index].action.mutates();
    let step = &change.run.steps[index];
    let elapsed = step.started.map(|s| now.since(s)).unwrap_or_default();
    match answer {
        Ok(Progress::Done { outputs, detail }) => {
            let step = change.step(index, StepEvent::Finish)?;
            step.outputs.extend(outputs.clone());
            step.detail = Some(detail.clone());
            (step.percent, step.silence, step.error) = (Some(100), 0, None);
            change.audit(SELF, "done", json!({"step": index, "found": detail}));
            show_report(change, index, outputs);
            Ok(())
        }
        Ok(Progress::Failed { reason }) => failed(change, index, reason),
        Ok(Progress::Refuted { reason, outputs }) => {
            change.touch(index).outputs.extend(outputs.clone());
            show_report(change, index, outputs);
            failed(change, index, reason)
        }
        Ok(Progress::Gone { reason }) => gone(change, index, reason),
        Ok(Progress::Running { .. }) | Err(_) if elapsed > LONGEST => {
            lost(change, index, "it did not end within three days")
        }
        Ok(Progress::Running { percent, detail }) => {
            let wake_at = now + pacing.next(elapsed, step.expected);
            let step = change.touch(index);
            (step.percent, step.detail) = (percent.or(step.percent), Some(detail.clone()));
            (step.silence, step.wake_at) = (0, wake_at);
            Ok(())
        }
        Err(CloudError::Permanent { reason }) if !mutates => failed(change, index, reason),
        Err(CloudError::Permanent { reason }) => lost(change, index, reason),
        Err(error) => {
            let step = change.touch(index);
            step.silence += 1;
            step.detail = Some(format!("AWS does not answer: {error}"));
            step.wake_at = now + Pacing::backoff(step.silence);
            Ok(())
        }
    }
}

/// What a step has to show beside its verdict goes into the thread.
fn show_report(change: &mut Change, index: usize, outputs: &Outputs) {
    let Some(report) = Report::of(outputs) else { return };
    let round = change.run.steps[index].round;
    let level = if report.breaches.is_empty() { Level::Success } else { Level::Warning };
    change.show(format!("step-{index}-report-{round}"), level, report.text, report.exhibit);
}

/// What ran in a process of ours ended with it. Like a call that certainly did not get through, it is made again.
fn gone(change: &mut Change, index: usize, reason: &str) -> Result<(), Illegal> {
    let now = change.now();
    let attempt = change.run.steps[index].attempt;
    if attempt >= STARTS {
        return failed(change, index, &format!("{reason} (tried {attempt} times)"));
    }
    let step = change.step(index, StepEvent::Absent)?;
    (step.external_id, step.percent, step.silence) = (None, None, 0);
    step.detail = Some(format!("begins anew: {reason}"));
    step.wake_at = now + Pacing::backoff(attempt);
    change.audit(SELF, "gone", json!({"step": index, "reason": reason}));
    Ok(())
}
