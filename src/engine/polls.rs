//! Watching what was begun: merged polls, and what is written down of them.

use std::time::Duration;

use serde_json::json;

use super::{
    Claimed, Dropped, Engine,
    steps::{STARTS, failed, looking, lost},
};
use crate::{
    app::{
        change::{Change, Illegal, SELF},
        room, words,
    },
    domain::{
        attachment::Report,
        operations,
        run::{Course, Pacing},
        step::{Action, Outputs, StepEvent, StepState, Work},
        text::count,
    },
    ports::{
        alert::Topic,
        chat::Level,
        cloud::{CloudError, Progress},
    },
};

/// No step is watched for longer than this.
const LONGEST: Duration = Duration::from_secs(3 * 86_400);

/// AWS is asked again about a step at least this often, however long it has not answered: whatever waits for the same region
/// is tried with the first answer.
const LOOK: Duration = Duration::from_secs(60);

/// A poll's answers for one run, by step.
pub(super) type Answers = Vec<(usize, Result<Progress, CloudError>)>;

impl Engine {
    /// Asks after the steps of all runs at once: executors merge what they can.
    pub(super) async fn poll(&self, hands: &[Claimed]) -> Vec<(usize, Answers)> {
        let now = self.clock.now();
        let (mut tasks, mut owners) = (Vec::new(), Vec::new());
        for (at, hand) in hands.iter().enumerate() {
            for index in hand.run.due(StepState::Polling, now) {
                if let Some(task) = looking(&hand.run, index) {
                    tasks.push(task);
                    owners.push((at, index));
                }
            }
        }
        let polled = self.executors.poll(tasks).await;
        let mut by_hand: Vec<(usize, Answers)> = Vec::new();
        for ((at, index), answer) in owners.into_iter().zip(polled) {
            match by_hand.last_mut() {
                Some((last, answers)) if *last == at => answers.push((index, answer)),
                _ => by_hand.push((at, vec![(index, answer)])),
            }
        }
        by_hand
    }

    /// Writes down what a poll told of one run; nothing when it told nothing new.
    pub(super) async fn record_polls(&self, hand: &mut Claimed, answers: Answers) -> Result<(), Dropped> {
        let (pacing, called) = (self.pacing, Box::pin(self.called(&hand.run)).await?);
        self.write(hand, false, |change| {
            for (index, answer) in &answers {
                if change.run.steps[*index].state == StepState::Polling {
                    polled(change, *index, answer, pacing)?;
                    Engine::heard(change, *index, answer.as_ref().err(), &called);
                }
            }
            let doomed = change.run.doomed();
            change.skip(&doomed);
            change.heed_people()
        })
        .await
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
    let work = change.run.op.plan.steps[index].action.work();
    let mutates = work == Work::AwsChange;
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
            publish_cutover(change, index);
            Ok(())
        }
        Ok(Progress::Failed { reason }) => failed(change, index, reason),
        Ok(Progress::Refuted { reason, outputs }) => {
            change.touch(index).outputs.extend(outputs.clone());
            show_report(change, index, outputs);
            failed(change, index, reason)
        }
        Ok(Progress::Gone { reason }) => gone(change, index, reason),
        // People take the time they take.
        Ok(Progress::Running { .. }) | Err(_) if elapsed > LONGEST && work != Work::People => {
            lost(change, index, "it did not end within three days")
        }
        Ok(Progress::Running { percent, detail }) => {
            let course = Course { elapsed, expected: step.expected, percent: (*percent, step.percent) };
            let wake_at = now + pacing.next(course);
            let step = change.touch(index);
            (step.percent, step.detail) = (percent.or(step.percent), Some(detail.clone()));
            (step.silence, step.wake_at) = (0, wake_at);
            if work == Work::People {
                room::beat(change, index);
            }
            Ok(())
        }
        Err(CloudError::Permanent { reason }) if !mutates => failed(change, index, reason),
        Err(CloudError::Permanent { reason }) => lost(change, index, reason),
        Err(error) => {
            let step = change.touch(index);
            step.silence += 1;
            step.detail = Some(format!("AWS does not answer: {error}"));
            step.wake_at = now + Pacing::backoff(step.silence).min(LOOK);
            Ok(())
        }
    }
}

/// That people have agreed to a cutover goes to the status topic: from now on what is live changes.
fn publish_cutover(change: &mut Change, index: usize) {
    let op = &change.run.op;
    let Some(Action::WaitForPeople(what)) = op.plan.steps.get(index).map(|spec| &spec.action) else { return };
    if what.rule.is_none() {
        return;
    }
    let mut body = words::notice_body(&change.run);
    body["interruption"] = json!(operations::of(op.kind()).interrupts(&op.plan));
    let (id, subject) = (op.id.clone(), words::subject(op, "is cut over"));
    let round = change.run.steps[index].round;
    change.publish(Topic::BackupStatus, format!("{id}-cutover-{index}-{round}"), subject, body);
}

/// What a step has to show beside its verdict goes into the thread.
fn show_report(change: &mut Change, index: usize, outputs: &Outputs) {
    let Some(report) = Report::of(outputs) else { return };
    let round = change.run.steps[index].round;
    let level = if report.breaches.is_empty() { Level::Success } else { Level::Warning };
    change.show(format!("step-{index}-report-{round}"), level, report.text, report.attachment);
}

/// What ran in a process of ours ended with it. Like a call that certainly did not get through, it is made again.
fn gone(change: &mut Change, index: usize, reason: &str) -> Result<(), Illegal> {
    let now = change.now();
    let attempt = change.run.steps[index].attempt;
    if attempt >= STARTS {
        return failed(change, index, &format!("{reason} (tried {})", count(attempt, "time")));
    }
    let step = change.step(index, StepEvent::Absent)?;
    (step.external_id, step.percent, step.silence) = (None, None, 0);
    step.detail = Some(format!("begins anew: {reason}"));
    step.wake_at = now + Pacing::backoff(attempt);
    change.audit(SELF, "gone", json!({"step": index, "reason": reason}));
    Ok(())
}
