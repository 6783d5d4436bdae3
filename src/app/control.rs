//! Hands on a run: cancel, retry, pause, resume, and the stop that halts at once.

use serde_json::json;

use super::{
    authority::Freshness,
    change::{Change, Illegal},
    decide::Attempt,
    desk::{Desk, Inquiry, say},
    supplant::gone,
};
use crate::{
    domain::{
        moment::Moment,
        operation::{Halt, OpId, Run, State, Trigger},
        operations,
        step::{Step, StepEvent, StepState},
        text::{escape, one_line},
    },
    ports::{
        chat::{Attachment, Level, Offer, Reply},
        store::{AuditEntry, Commit, Filter, Guard, Lock, Notice, Stop, StoreError},
    },
};

impl Desk {
    /// Withdraws what has not begun; ends what has, once what AWS is doing for it has ended.
    pub(super) async fn cancel(&self, ask: &Inquiry, id: &OpId, reason: Option<String>) -> Result<Reply, StoreError> {
        let by = match self.actor(ask, Freshness::Recent).await {
            Ok(principal) => principal.user,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        let reason = reason.map(|r| one_line(&r)).filter(|r| !r.is_empty());
        self.attempt(ask, id, |run| cancelled(run, &by, reason.as_deref(), self.clock.now())).await
    }

    /// Lets an operation finish nothing more for now.
    pub(super) async fn pause(&self, ask: &Inquiry, id: &OpId) -> Result<Reply, StoreError> {
        let by = match self.actor(ask, Freshness::Recent).await {
            Ok(principal) => principal.user,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        self.attempt(ask, id, |run| {
            let now = self.clock.now();
            let mut change = Change::on(run, now);
            if change.trigger(Trigger::Pause, &by).is_err() {
                return Attempt::Refuse(no_such_move(run, "paused", "Only a running operation can be paused"));
            }
            change.op().halt = Some(Halt { by: by.clone(), reason: None, at: now, cancel: false, gave_way: None });
            change.thread(format!("paused-{}", now.0), Level::Warning, format!("Paused by <@{by}>. No new step starts; what runs in AWS goes on and is watched. Resume it on the card."));
            Attempt::Change(Box::new(change), say(Level::Success, format!("{id} is paused. `/bbws op resume {id}` lets it go on.")))
        })
        .await
    }

    /// Lets a paused operation go on; for a stopped one, asks a second person.
    pub(super) async fn resume_one(&self, ask: &Inquiry, id: &OpId) -> Result<Reply, StoreError> {
        let by = match self.actor(ask, Freshness::Recent).await {
            Ok(principal) => principal.user,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        if let Some(run) = self.store.load(id).await?
            && run.op.state == State::Stopped
        {
            if let Some(refusal) = gone(&run.op) {
                return self.refuse_ask(ask, refusal).await;
            }
            return self.resume_stopped(ask, &run.op).await;
        }
        self.attempt(ask, id, |run| {
            let now = self.clock.now();
            let mut change = Change::on(run, now);
            if change.trigger(Trigger::Unpause, &by).is_err() {
                return Attempt::Refuse(no_such_move(run, "resumed", "Only a paused or stopped operation can go on"));
            }
            change.op().halt = None;
            change.thread(format!("resumed-{}", now.0), Level::Info, format!("Resumed by <@{by}>."));
            Attempt::Change(Box::new(change), say(Level::Success, format!("{id} goes on.")))
        })
        .await
    }

    /// Runs what failed again, or looks again for what nobody knows of.
    pub(super) async fn retry(&self, ask: &Inquiry, id: &OpId) -> Result<Reply, StoreError> {
        let by = match self.actor(ask, Freshness::Now).await {
            Ok(principal) => principal.user,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        self.attempt(ask, id, |run| self.retried(run, &by)).await
    }

    fn retried(&self, run: &Run, by: &str) -> Attempt {
        let (mut change, then) = match self.again(run, by) {
            Ok(again) => again,
            Err(reply) => return Attempt::Refuse(reply),
        };
        let (id, now) = (&run.op.id, change.now());
        change.thread(format!("retry-{}", now.0), Level::Info, format!("Retry by <@{by}>. {then}"));
        Attempt::Change(Box::new(change), say(Level::Success, format!("{id} is tried again. {then}")))
    }

    /// The record of a run that is tried again, and what is said of that; or why it cannot be.
    #[expect(
        clippy::result_large_err,
        reason = "the refusal is the reply, and there is one for each click at the most"
    )]
    pub(super) fn again(&self, run: &Run, by: &str) -> Result<(Change, &'static str), Reply> {
        let now = self.clock.now();
        let id = &run.op.id;
        let failed = run.op.state == State::Failed;
        if let Some(refusal) = gone(&run.op) {
            return Err(refusal);
        }
        if failed && !operations::of(run.op.kind()).retries(&run.op.plan) {
            let text = format!(
                "{id} has ended as a whole, so there is nothing to go on with. Ask anew: `/bbws {}`",
                escape(&run.op.command)
            );
            return Err(say(Level::Warning, text));
        }
        let mut change = Change::on(run, now);
        if change.trigger(Trigger::Retry, by).is_err() {
            return Err(no_such_move(
                run,
                "retried",
                "Only a failed operation, or one that needs attention, can be retried",
            ));
        }
        for index in 0..run.steps.len() {
            let was = run.steps[index].state;
            if !repeats(run, index) || change.step(index, StepEvent::Reset).is_err() {
                continue;
            }
            let step = change.touch(index);
            if was == StepState::Failed {
                // A deliberate repeat: the old token would only bring the old failure back.
                step.round += 1;
                step.token = None;
                step.external_id = None;
                step.outputs.clear();
            }
            (step.attempt, step.silence, step.percent, step.down) = (0, 0, None, None);
            (step.detail, step.error, step.ended) = (None, None, None);
            step.wake_at = now;
        }
        let needless = change.run.op.turned.as_ref().map(|_| change.run.needless()).unwrap_or_default();
        change.skip(&needless);
        let limits = self.limits;
        let op = change.op();
        let fresh = op.ended.is_none_or(|ended| now.since(ended) <= limits.start_within.0);
        (op.ended, op.outcome, op.halt) = (None, None, None);
        if failed {
            op.deadline = Some(now + limits.start_within.0);
            if operations::of(run.op.kind()).locked_by(&run.op.plan) {
                change.lock(Lock::Take);
            }
            if !fresh && !run.op.needs.is_empty() && run.op.turned.is_none() {
                // The approval was for a run about then; a late repeat is a new decision.
                change.op().votes.clear();
                change.op().revision += 1;
                change.op().deadline = Some(now + limits.approve_within.0);
                if change.trigger(Trigger::Void, by).is_err() {
                    return Err(no_such_move(run, "retried", "It cannot be approved again"));
                }
                change.op().wake_at = now + limits.approve_within.0;
            }
        }
        let waits = change.run.op.state == State::AwaitingApproval;
        let then = if waits {
            "Its approval is too old to run it again, so it has to be approved once more."
        } else {
            "Steps that are done are not repeated."
        };
        Ok((change, then))
    }

    /// The Stop button: halts this operation at once.
    pub(super) async fn stop_one(&self, ask: &Inquiry, id: &OpId) -> Result<Reply, StoreError> {
        let by = match self.stopper(ask).await {
            Ok(user) => user,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        self.attempt(ask, id, |run| {
            let now = self.clock.now();
            match stopped(run, &by, None, now) {
                Some(change) => Attempt::Change(Box::new(change), say(Level::Success, format!("{id} is stopped."))),
                // What has not begun is withdrawn: there is nothing to halt, and nobody wants it to begin.
                None if run.op.state == State::Queued => cancelled(run, &by, None, now),
                None => Attempt::Refuse(no_such_move(run, "stopped", "Only a running operation can be stopped")),
            }
        })
        .await
    }

    /// `/bbws stop [env] <reason>`: first the stop itself, so that no new intent can be written; then every running operation.
    pub(super) async fn stop(
        &self,
        ask: &Inquiry,
        environment: Option<&str>,
        reason: &str,
    ) -> Result<Reply, StoreError> {
        let by = match self.stopper(ask).await {
            Ok(user) => user,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        let now = self.clock.now();
        let scope = environment.unwrap_or("*");
        let stop = Stop { scope: scope.to_owned(), by: by.clone(), reason: one_line(reason), at: now };
        let what = environment.map_or_else(|| "Everything".to_owned(), |e| format!("`{e}`"));
        let lift = environment.map_or_else(|| "/bbws resume".to_owned(), |e| format!("/bbws resume {e}"));
        let reply = say(
            Level::Success,
            format!(
                "{what} is stopped: no new step starts. What already runs in AWS cannot be called back; it is watched to its end and reported on the cards. `{lift}` asks a second person to lift the stop."
            ),
        );
        let detail = json!({"scope": scope, "reason": stop.reason});
        self.store
            .commit(Commit {
                stop: Some(stop.clone()),
                audit: vec![AuditEntry { at: now, actor: by, action: "stop".to_owned(), operation: None, detail }],
                notices: ask.whisper(&reply).into_iter().chain(self.stop_notices(&stop)).collect(),
                answers: Some((ask.request.id.clone(), reply.text.clone())),
                ..Commit::default()
            })
            .await?;
        self.halt_running(&stop).await?;
        Ok(reply)
    }

    /// Everybody is told who stopped what and why: in the ops channel, and in the channel of each environment it concerns.
    fn stop_notices(&self, stop: &Stop) -> Vec<Notice> {
        let everything = stop.scope == "*";
        let what = if everything { "everything".to_owned() } else { format!("`{}`", stop.scope) };
        let lift = if everything { "resume".to_owned() } else { format!("resume {}", stop.scope) };
        let reason = escape(&stop.reason);
        let text = format!(
            "<@{}> stopped {what}: {}. No new step starts; what already runs in AWS is watched to its end. *Resume* asks a second person to lift the stop.",
            stop.by,
            reason.trim_end_matches('.')
        );
        let offer = Offer { label: "Resume".to_owned(), command: lift, confirm: None };
        let attachment = Attachment { offers: vec![offer], ..Attachment::default() };
        let mut channels = vec![self.ops_channel.as_str()];
        let mut told = vec!["*".to_owned()];
        for environment in self.planner.environments().filter(|e| everything || e.name == stop.scope) {
            let Some(channel) = environment.channel.as_deref() else { continue };
            if !channels.contains(&channel) {
                channels.push(channel);
                told.push(environment.name.clone());
            }
        }
        let notice = |environment: String| Notice::Channel {
            environment,
            key: format!("stop-{}-{}", stop.scope, stop.at.0),
            level: Level::Warning,
            text: text.clone(),
            attachment: attachment.clone(),
        };
        told.into_iter().map(notice).collect()
    }

    async fn halt_running(&self, stop: &Stop) -> Result<(), StoreError> {
        let filter = Filter {
            environment: (stop.scope != "*").then(|| stop.scope.clone()),
            states: vec![State::Running, State::Paused, State::Waiting],
            limit: 10_000,
        };
        for op in self.store.list(&filter).await? {
            // The engine halts what this loop misses: it meets the stop before the next intent.
            for _ in 0..8 {
                let Some(run) = self.store.load(&op.id).await? else { break };
                let Some(change) = stopped(&run, &stop.by, Some(&stop.reason), self.clock.now()) else { break };
                match self.store.commit(change.commit(Guard::Version(run.version)).1).await {
                    Err(StoreError::Conflict) => {}
                    other => {
                        other?;
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whoever holds a role may stop, also when Slack cannot be asked and they are named in the config.
    async fn stopper(&self, ask: &Inquiry) -> Result<String, Reply> {
        match self.actor(ask, Freshness::Recent).await {
            Ok(principal) => Ok(principal.user),
            Err(_) if !self.authority.listed(&ask.request.user).is_empty() && !self.barred(&ask.request.user).await => {
                Ok(ask.request.user.clone())
            }
            Err(reply) => Err(reply),
        }
    }

    async fn barred(&self, user: &str) -> bool {
        matches!(self.authority.principal(user, Freshness::Recent).await, Err(super::authority::Denied::Barred(_)))
    }
}

/// A running operation, halted; none when there is nothing to halt.
pub fn stopped(run: &Run, by: &str, reason: Option<&str>, now: Moment) -> Option<Change> {
    if operations::of(run.op.kind()).passes_stops() {
        return None;
    }
    let mut change = Change::on(run, now);
    change.trigger(Trigger::Stop, by).ok()?;
    let cancel = run.op.halt.as_ref().is_some_and(|h| h.cancel);
    let reason_given = reason.map(str::to_owned);
    change.op().halt = Some(Halt { by: by.to_owned(), reason: reason_given, at: now, cancel, gave_way: None });
    let why = reason.map_or_else(String::new, |r| format!(": {}", escape(r)));
    let flying = run.in_aws();
    let watched = match flying {
        0 => "Nothing of it runs in AWS.".to_owned(),
        1 => "1 of its steps runs in AWS; it is watched to its end.".to_owned(),
        _ => format!("{flying} of its steps run in AWS; they are watched to their end."),
    };
    change.thread(
        format!("stopped-{}", now.0),
        Level::Warning,
        format!(
            "Stopped by <@{by}>{why}. No new step starts. {watched}{} Going on takes a second person: Resume on the card.",
            undoable(run)
        ),
    );
    Some(change)
}

/// Most steps that are named in a sentence.
const NAMED: usize = 5;

/// What of a run that was stopped has a way back, and which of its steps have none; with a space before it, or nothing.
fn undoable(run: &Run) -> String {
    let begun = run.op.plan.steps.iter().zip(&run.steps).filter(|(spec, step)| step.begun() && !spec.back);
    let last: Vec<&str> =
        begun.filter(|(spec, _)| spec.action.is_final()).map(|(spec, _)| spec.title.as_str()).collect();
    let mut told = String::new();
    if run.undoes().is_some() {
        told.push_str(
            " What it has put in the place of something else has a way back: Resume, and then Roll back on the card.",
        );
    }
    if !last.is_empty() {
        let more = last.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named: Vec<String> = last.iter().take(NAMED).map(|title| format!("*{}*", escape(title))).collect();
        told.push_str(&format!(" Begun, and cannot be undone: {}{more}.", named.join(", ")));
    }
    told
}

/// Why nobody gives an exchange up in its middle by a click: neither Retry nor Roll back is there afterwards. A reason lets it pass, since
/// the way back may lead through a region that does not answer.
fn halfway(run: &Run, reason: Option<&str>) -> Option<Reply> {
    let op = &run.op;
    let already = op.halt.as_ref().is_some_and(|h| h.cancel);
    if reason.is_some() || already || op.gave_way().is_some() || op.state.terminal() || !run.exchanges() {
        return None;
    }
    // Whether going on is the only way out.
    let forth = op.turned.is_some() || run.undoes().is_none();
    let out = match op.state {
        State::Stopped if forth => "Resume on the card takes a second person; then it goes on to its end",
        State::Stopped => "Resume on the card takes a second person; then it goes on, and Roll back undoes it",
        State::Paused if forth => "Resume on the card lets it go on to its end",
        State::NeedsAttention if forth => "Retry on the card looks again and goes on to its end",
        _ if op.turned.is_some() => "It is on its way back: let it come to its end",
        _ if forth => "Let it come to its end",
        State::AwaitingApproval | State::Queued => "Once it runs again it goes on, and Roll back undoes it",
        _ => "Roll back on the card undoes what it has exchanged",
    };
    let text = format!(
        "{0} is in the middle of an exchange, and Cancel would leave it there: nothing goes on or back afterwards. {out}. To leave it half done all the same: `/bbws op cancel {0} --reason \"why\"`. Nothing was done.",
        op.id
    );
    Some(say(Level::Warning, text))
}

fn cancelled(run: &Run, by: &str, reason: Option<&str>, now: Moment) -> Attempt {
    if let Some(refusal) = halfway(run, reason) {
        return Attempt::Refuse(refusal);
    }
    let id = &run.op.id;
    let why = reason.map_or_else(String::new, |r| format!(": {}", escape(r)));
    let mut change = Change::on(run, now);
    let gave_way = run.op.gave_way().cloned();
    let halt = Halt { by: by.to_owned(), reason: reason.map(str::to_owned), at: now, cancel: true, gave_way };
    let already = run.op.halt.as_ref().is_some_and(|h| h.cancel);
    // Nobody needs to answer what is given up; AWS may still have to end what it does.
    change.dismiss_people();
    if lose_the_silent(&mut change).is_err() {
        return Attempt::Refuse(no_such_move(run, "cancelled", "It is over"));
    }
    if change.run.in_flight()
        && matches!(run.op.state, State::Running | State::Paused | State::Waiting | State::Stopped)
    {
        if already {
            return Attempt::Refuse(say(
                Level::Info,
                format!("{id} is being cancelled already; it ends when AWS has finished what it is doing."),
            ));
        }
        change.op().halt = Some(halt);
        change.op().wake_at = now;
        change.skip_ready();
        if change.heed_people().is_err() {
            return Attempt::Refuse(no_such_move(run, "cancelled", "It is over"));
        }
        change.audit(by, "cancel", json!({"reason": reason}));
        change.thread(
            "cancelling",
            Level::Warning,
            format!("Cancelled by <@{by}>{why}. No new step starts; it ends when AWS has finished what already runs."),
        );
        return Attempt::Change(
            Box::new(change),
            say(
                Level::Success,
                format!(
                    "{id} is being cancelled: no new step starts, and it ends when AWS has finished what already runs."
                ),
            ),
        );
    }
    if change.trigger(Trigger::Cancel, by).is_err() {
        return Attempt::Refuse(no_such_move(run, "cancelled", "It is over"));
    }
    change.op().halt = Some(halt);
    let left = super::words::left_behind(&change.run);
    let outcome = format!("Cancelled by <@{by}>{why}. {left}");
    change.op().outcome = Some(outcome.clone());
    let told = super::words::calling(&change.run, State::Cancelled, &outcome);
    change.thread("cancelled", Level::Warning, told);
    Attempt::Change(Box::new(change), say(Level::Success, format!("{id} is cancelled. {left}")))
}

/// A region that is lost answers nobody, so that whoever cancels must not wait for it: the environment has to be free for a
/// failover. Where nothing else is in flight, what AWS did with those steps is not known.
fn lose_the_silent(change: &mut Change) -> Result<(), Illegal> {
    let run = &change.run;
    let lost: Vec<String> = run.outages().into_iter().map(|outage| outage.region).collect();
    // What this process works on itself in a lost region shows no silence of its own: it is in its queue.
    let silent = |step: &Step| {
        let region = step.waits_for().map(|down| down.region.as_str());
        let region = region.or_else(|| run.op.plan.steps[step.index].action.region());
        region.filter(|region| lost.iter().any(|lost| lost == region)).map(str::to_owned)
    };
    let in_flight = run.steps.iter().filter(|step| step.state.in_flight());
    let Some(silent) = in_flight.map(|step| Some((step.index, silent(step)?))).collect::<Option<Vec<_>>>() else {
        return Ok(());
    };
    for (index, region) in silent {
        let step = change.step(index, StepEvent::Lose)?;
        step.error = Some(format!("{region} does not answer, and nobody waited for it"));
    }
    Ok(())
}

fn no_such_move(run: &Run, done: &str, only: &str) -> Reply {
    say(
        Level::Warning,
        format!("{} {} and cannot be {done}. {only}. Nothing was done.", run.op.id, run.op.state.spoken()),
    )
}

/// Whether a retry takes this step up again. What a run has cleaned up behind is not made anew: nothing would remove it a
/// second time.
fn repeats(run: &Run, index: usize) -> bool {
    let steps = &run.op.plan.steps;
    let forward = run.op.turned.is_some() && !run.back(index);
    let cleans = || run.always(index) || steps[index].after.iter().any(|before| run.always(*before));
    match run.steps[index].state {
        StepState::Unknown => true,
        // What has turned back does not go forward again.
        _ if forward => false,
        StepState::Failed | StepState::Skipped => cleans() || !steps.iter().any(|s| s.always),
        _ => false,
    }
}
