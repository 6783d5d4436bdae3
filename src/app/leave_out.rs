//! Skip and Force: two people leave out a step of a run in its middle, knowing what is lost by it. The step counts as done with an issue, so
//! that the run goes on and nothing of it is called verified.

use std::time::Duration;

use serde_json::json;

use super::{
    authority::Freshness,
    change::{Change, Illegal},
    decide::Attempt,
    desk::{Desk, Inquiry, say},
    inbound::Seen,
};
use crate::{
    domain::{
        operation::{OpId, Run, State, Vote},
        operations::{self, LeftOut},
        principal::Principal,
        step::{ISSUE, StepEvent, StepState, Work},
        text::escape,
    },
    ports::{
        chat::{Level, Reply},
        store::StoreError,
    },
};

/// What the buttons' action ids begin with; behind it stands the number of the step.
const ACTION: &str = "bbws.leave_out.";
/// People that it takes.
const PEOPLE: usize = 2;
/// A word that was given longer ago was given about another situation.
const COUNTS_FOR: Duration = Duration::from_secs(3600);

/// How somebody says that a step is left out.
pub(super) enum Left<'s> {
    /// By the button of this step, as it was drawn.
    Pressed(usize, &'s Seen),
    /// By a command, which is about the step that may be left out in that moment; whether it was called forcing.
    Typed {
        /// `op force`, and not `op skip`.
        forced: bool,
    },
}

/// The step that a button is about.
pub(super) fn pressed(action: &str) -> Option<usize> {
    action.strip_prefix(ACTION)?.parse().ok()
}

impl Desk {
    /// One person's word that a step is left out.
    pub(super) async fn leave_out(&self, ask: &Inquiry, id: &OpId, left: Left<'_>) -> Result<Reply, StoreError> {
        let by = match self.actor(ask, Freshness::Now).await {
            Ok(principal) => principal,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        let channel = &ask.request.channel;
        self.attempt(ask, id, |run| {
            let open = operations::left_out(run);
            match &left {
                Left::Pressed(step, seen) => match (seen.stale(&run.op, channel), open) {
                    (Some(why), _) => Attempt::Refuse(say(Level::Warning, why)),
                    (None, Some((open, what))) if open == *step => self.word(run, (open, &what), &by),
                    // What the button was drawn for is over, or another step is asked about now.
                    (None, _) => Attempt::Refuse(say(
                        Level::Info,
                        format!(
                            "That step of {} is not one to leave out now. Its card shows where it is. Nothing was done.",
                            run.op.id
                        ),
                    )),
                },
                Left::Typed { forced } => match open {
                    Some((step, what)) if what.forced == *forced => self.word(run, (step, &what), &by),
                    other => Attempt::Refuse(say(Level::Info, not_that(run, other))),
                },
            }
        })
        .await
    }

    fn word(&self, run: &Run, (step, what): (usize, &LeftOut), by: &Principal) -> Attempt {
        let (op, now) = (&run.op, self.clock.now());
        let mut votes = run.steps[step].answers.votes.clone();
        votes.retain(|vote| vote.digest == op.digest && now.since(vote.at) <= COUNTS_FOR);
        if votes.iter().any(|vote| vote.by.person == by.person) {
            let text = format!("You said so already; leaving a step of {} out takes somebody else as well.", op.id);
            return Attempt::Refuse(say(Level::Info, text));
        }
        votes.push(Vote { by: by.clone(), digest: op.digest.clone(), at: now });
        let title = escape(&op.plan.steps[step].title);
        let detail =
            json!({"step": step, "label": what.label(), "loses": what.loses, "digest": op.digest, "person": by.person});
        if votes.len() < PEOPLE {
            let mut change = Change::on(run, now);
            change.touch(step).answers.votes = votes;
            change.audit(&by.user, "leave_out", detail);
            let text = format!(
                "*{title}*: <@{}> would leave it out. {} It takes one other person: {} on the card, or `/bbws op {} {}`.",
                by.user,
                escape(&what.loses),
                what.label(),
                verb(what),
                op.id
            );
            change.thread(format!("step-{step}-leave-out-{}", now.0), Level::Warning, text);
            let answer = format!(
                "Your word counts: *{title}* would be left out. {} One other person has to press {} on {}, or to type `/bbws op {} {2}`.",
                escape(&what.loses),
                what.label(),
                op.id,
                verb(what)
            );
            return Attempt::Change(Box::new(change), say(Level::Success, answer));
        }
        let begun = match op.state {
            State::Failed => self.again(run, &by.user).map(|(change, _)| change),
            _ => Ok(Change::on(run, now)),
        };
        let mut change = match begun {
            Ok(change) => change,
            Err(reply) => return Attempt::Refuse(reply),
        };
        if passed_over(&mut change, step, what).is_err() {
            let text = format!("{} is at a point at which that cannot be left out. Nothing was done.", op.id);
            return Attempt::Refuse(say(Level::Warning, text));
        }
        change.op().wake_at = now;
        change.audit(&by.user, "left_out", detail);
        let who: Vec<String> = votes.iter().map(|vote| format!("<@{}>", vote.by.user)).collect();
        let text = format!("*{title}* is left out by {}. {}", who.join(" and "), escape(&what.loses));
        change.thread(format!("step-{step}-left-out-{}", now.0), Level::Warning, text);
        Attempt::Change(Box::new(change), say(Level::Success, format!("{} goes on without that step.", op.id)))
    }
}

/// The command that says what its button says.
fn verb(what: &LeftOut) -> &'static str {
    if what.forced { "force" } else { "skip" }
}

/// Why a command leaves nothing out, and what can be said instead.
fn not_that(run: &Run, open: Option<(usize, LeftOut)>) -> String {
    let id = &run.op.id;
    match open {
        Some((step, what)) => format!(
            "*{}* is the step of {id} that may be left out now, by `/bbws op {} {id}`. {} Nothing was done.",
            escape(&run.op.plan.steps[step].title),
            verb(&what),
            escape(&what.loses)
        ),
        None => format!("No step of {id} can be left out now. Its card shows where it is. Nothing was done."),
    }
}

/// The step, and whatever does nothing but prove what it would have made, count as done, with an issue each. They reached nothing, and how
/// long they took tells nobody how long such a step takes.
fn passed_over(change: &mut Change, step: usize, what: &LeftOut) -> Result<(), Illegal> {
    let steps = &change.run.op.plan.steps;
    let proves = |index: &usize| {
        let spec = &steps[*index];
        spec.after == [step] && spec.action.work() == Work::AwsRead && spec.action.proves().is_some()
    };
    let mut over = vec![step];
    over.extend((step + 1..steps.len()).filter(proves));
    for index in over {
        if change.run.steps[index].state == StepState::Ready {
            change.step(index, StepEvent::Watch)?;
        }
        let step = change.step(index, StepEvent::Finish)?;
        step.outputs.insert(ISSUE.to_owned(), format!("left out by two people. {}", what.loses));
        (step.detail, step.error, step.ended, step.down) = (Some("left out".to_owned()), None, None, None);
    }
    Ok(())
}
