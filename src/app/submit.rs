//! New operations: what commands ask for.

use std::time::Duration;

use serde_json::json;

use super::{
    authority::Freshness,
    change::{Change, SELF},
    desk::{Desk, Inquiry, say},
    planner::{Asking, NoPlan, steps_with_experience},
    words,
};
use crate::{
    domain::{
        approval,
        command::Command,
        experience,
        moment::Moment,
        operation::{BySchedule, OpId, Operation, Run, State, Vote},
        operations::{self, title},
        plan::Plan,
        policy::Need,
        principal::Principal,
        text::{count, escape, one_line},
    },
    ports::{
        chat::{Level, Reply},
        store::{Filter, Guard, Lock, Stop, StoreError},
    },
};

/// What a new operation is made of.
pub(super) struct New {
    pub(super) id: OpId,
    pub(super) plan: Plan,
    pub(super) needs: Vec<Need>,
    pub(super) requester: Principal,
    pub(super) reason: Option<String>,
    pub(super) command: String,
    pub(super) created: Moment,
    pub(super) lock: Lock,
    /// What stands in for a person who asks; none where one did.
    pub(super) mandate: Option<Mandate>,
}

/// That a schedule starts it.
pub(super) struct Mandate {
    pub(super) by: BySchedule,
    /// Votes on the schedule.
    pub(super) votes: Vec<Vote>,
    /// When it has to have started: when it is due again.
    pub(super) start_by: Moment,
}

/// Runs looked through for those that tell how long it takes to bring something back.
const MEASURED: u32 = 500;

/// How long a request waits at the start until the ledger was compared with AWS.
const COMPARED_WITHIN: Duration = Duration::from_secs(20);

impl Desk {
    /// The next id, once the ledger was compared with AWS.
    pub(super) async fn fresh_id(&self, prefix: &str) -> Result<OpId, StoreError> {
        self.wake.compared.passed(COMPARED_WITHIN).await;
        self.store.next_id(prefix).await
    }

    /// Every command that makes an operation of an environment: planned against the live world, stored, put to approval.
    pub(super) async fn submit(&self, ask: &Inquiry, command: &Command) -> Result<Reply, StoreError> {
        let (Some(operation), Some(environment)) = (operations::asked(command), command.environment()) else {
            let text = format!("`{}` cannot be asked for this way. Nothing was done.", command.name());
            return self.refuse_ask(ask, say(Level::Error, text)).await;
        };
        let requester = match self.actor(ask, Freshness::Recent).await {
            Ok(principal) => principal,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        if let Some(reply) = self.odd_ticket(command) {
            return self.refuse_ask(ask, reply).await;
        }
        if let Some(stop) = self.stop_of(environment).await?.filter(|_| !operation.passes_stops()) {
            return self.refuse_ask(ask, stopped_reply(environment, &stop)).await;
        }
        let lock = match self.lock_for(operation, command, environment).await? {
            Ok(lock) => lock,
            Err(holder) => {
                let reply = self.locked_reply(environment, &holder, &command.canonical()).await?;
                return self.refuse_ask(ask, reply).await;
            }
        };
        let id = self.fresh_id(operation.prefix()).await?;
        let created = self.clock.now();
        let asking = Asking { id: &id, at: created, drawn: created, by: &requester.user };
        let what = operation.what(command, environment);
        let (plan, needs) = match self.planner.plan(command, asking).await {
            Ok(planned) => planned,
            Err(NoPlan::Ledger(error)) => return Err(error),
            Err(NoPlan::Problems(problems)) => {
                return self.refuse_ask(ask, problems_reply(&what, &problems)).await;
            }
            Err(NoPlan::Later(reason)) => {
                let declared = self.planner.environment(environment);
                let instead = declared.and_then(|env| operations::asked(command)?.instead(command, env));
                return self.refuse_ask(ask, later_reply(&what, environment, &reason, instead.as_deref())).await;
            }
        };
        let reason = command.reason().map(str::to_owned);
        let command = command.canonical();
        let new = New { id, plan, needs, requester, reason, command, created, lock, mandate: None };
        self.create(ask, new).await
    }

    /// What the operation would do with the environment's lock, or who holds that.
    pub(super) async fn lock_for(
        &self,
        operation: &dyn operations::Operation,
        command: &Command,
        environment: &str,
    ) -> Result<Result<Lock, OpId>, StoreError> {
        if !operation.locks_for(command) {
            return Ok(Ok(Lock::Keep));
        }
        let stops = operation.stops_first(command);
        if stops.is_some()
            && let Some(other) = self.supplanting(environment).await?
        {
            return Ok(Err(other));
        }
        let Some(holder) = self.store.holder(environment).await? else { return Ok(Ok(Lock::Take)) };
        // It takes the environment with its approval, and not before.
        if stops.is_some_and(|stops| stops == holder) {
            return Ok(Ok(Lock::Keep));
        }
        // What waits for people must not keep the environment from being backed up.
        let waits =
            operation.backs_up() && self.store.load(&holder).await?.is_some_and(|run| run.op.state == State::Waiting);
        Ok(if waits { Ok(Lock::Keep) } else { Err(holder) })
    }

    /// An operation that waits for the approval with which it takes the environment from another one.
    async fn supplanting(&self, environment: &str) -> Result<Option<OpId>, StoreError> {
        let states = vec![State::AwaitingApproval];
        let filter = Filter { environment: Some(environment.to_owned()), states, limit: MEASURED };
        let waiting = self.store.list(&filter).await?;
        Ok(waiting.into_iter().find(|op| operations::of(op.kind()).supplants(&op.plan).is_some()).map(|op| op.id))
    }

    /// The refusal of a ticket that does not look as the config says tickets look.
    fn odd_ticket(&self, command: &Command) -> Option<Reply> {
        let ticket = command.values().get("ticket")?;
        let pattern = &self.ticket_pattern;
        if pattern.is_match(ticket) {
            return None;
        }
        let text = format!(
            "`{}` does not look like a ticket (`{}` in bbws.toml). Say which ticket asks for it.",
            escape(ticket),
            escape(pattern.as_str())
        );
        Some(say(Level::Error, text))
    }

    /// One transaction: the operation, the environment's lock, the audit entry, the card, the answer.
    pub(super) async fn create(&self, ask: &Inquiry, new: New) -> Result<Reply, StoreError> {
        let (op, mut change) = self.begin(new, &ask.request.channel).await?;
        let here = op.channel == ask.request.channel;
        let reply = say(Level::Success, created_text(&op, here));
        ask.seal(&mut change, &reply);
        let (_, commit) = change.commit(Guard::New);
        match self.store.commit(commit).await {
            Ok(()) => Ok(reply),
            Err(StoreError::Locked(holder)) => {
                let reply = self.locked_reply(op.environment(), &holder, &op.command).await?;
                self.refuse_ask(ask, reply).await
            }
            Err(StoreError::Conflict) if !self.answered(ask).await? => {
                let text = "Somebody asked for the same at this moment, and was quicker. Nothing was done. `/bbws status` shows it.";
                self.refuse_ask(ask, say(Level::Warning, text)).await
            }
            Err(other) => Err(other),
        }
    }

    /// The record of a new operation, and the change that stores it.
    pub(super) async fn begin(&self, new: New, channel: &str) -> Result<(Operation, Change), StoreError> {
        let now = self.clock.now();
        let steps = steps_with_experience(self.store.as_ref(), &new.plan).await?;
        let recovery = self.recovery(&new.plan).await?;
        let digest = new.plan.digest();
        let by_schedule = new.mandate.as_ref().map(|mandate| mandate.by.clone());
        let mandate = new.mandate.filter(|mandate| mandate.by.covered);
        let at_once = new.needs.is_empty() || mandate.is_some();
        let limit = if at_once { self.limits.start_within } else { self.limits.approve_within };
        let deadline = (now + limit.0).max(mandate.as_ref().map_or(now, |mandate| mandate.start_by));
        let op = Operation {
            id: new.id.clone(),
            state: if at_once { State::Queued } else { State::AwaitingApproval },
            plan: new.plan,
            digest: digest.clone(),
            revision: 1,
            needs: new.needs,
            requester: new.requester,
            reason: new.reason.map(|r| one_line(&r)),
            channel: self.public(channel).to_owned(),
            command: new.command,
            votes: mandate.map(|mandate| mandate.votes).unwrap_or_default(),
            created: new.created,
            deadline: Some(deadline),
            started: None,
            ended: None,
            estimate: None,
            halt: None,
            outcome: None,
            card: None,
            wake_at: if at_once { now } else { deadline },
            turned: None,
            by_schedule,
            incident: None,
            recovery,
        };
        let mut run = Run { op, steps: steps.clone(), version: 0 };
        run.op.estimate = run.estimate();
        let mut change = Change::on(&run, now);
        change.replace_steps(steps);
        change.lock(new.lock);
        operations::of(run.op.kind()).claims(&run.op).into_iter().for_each(|claim| change.mark(claim));
        let op = run.op;
        let mut detail = json!({"command": op.command, "kind": op.kind(), "environment": op.environment(), "digest": digest, "needs": op.needs, "reason": op.reason});
        // Nobody asked for it in that moment.
        let actor = match &op.by_schedule {
            Some(by) => {
                detail["schedule"] = json!(by.schedule);
                SELF
            }
            None => op.requester.user.as_str(),
        };
        change.audit(actor, "created", detail);
        if !at_once {
            change.thread("approval-needed-1", Level::Info, words::approval_needed(&op, &self.authority));
        }
        Ok((op, change))
    }

    /// The recovery time that such a run has to keep, and what runs like it took; none where it brings nothing back.
    async fn recovery(&self, plan: &Plan) -> Result<Option<String>, StoreError> {
        let Some(what) = operations::of(&plan.kind).recovers(plan) else { return Ok(None) };
        let Some(environment) = self.planner.environment(&plan.environment) else { return Ok(None) };
        let filter =
            Filter { environment: Some(environment.name.clone()), states: vec![State::Succeeded], limit: MEASURED };
        let known = experience::of(&self.store.list(&filter).await?);
        Ok(Some(experience::promise(what, &known, environment.rto.0)))
    }

    /// Where a card can be seen by those who approve it: what is asked in App Home or in a conversation of two is not.
    fn public<'a>(&'a self, channel: &'a str) -> &'a str {
        if channel.is_empty() || channel.starts_with('D') { &self.ops_channel } else { channel }
    }

    /// The stop that is in force for an environment.
    pub(super) async fn stop_of(&self, environment: &str) -> Result<Option<Stop>, StoreError> {
        Ok(self.store.stops().await?.into_iter().find(|s| s.scope == "*" || s.scope == environment))
    }
}

fn stopped_reply(environment: &str, stop: &Stop) -> Reply {
    let lift = if stop.scope == "*" { "/bbws resume".to_owned() } else { format!("/bbws resume {environment}") };
    say(
        Level::Error,
        format!(
            "`{environment}` is stopped by <@{}> since {}: {}. Nothing was started. `{lift}` asks a second person to lift the stop.",
            stop.by,
            stop.at.day_and_clock(),
            escape(&stop.reason)
        ),
    )
}

fn problems_reply(what: &str, problems: &[String]) -> Reply {
    let lines: Vec<String> = problems.iter().map(|p| format!("• {}", escape(p))).collect();
    let text = format!("{what} cannot be planned; nothing was started:\n{}", lines.join("\n"));
    say(Level::Error, text)
}

fn later_reply(what: &str, environment: &str, reason: &str, instead: Option<&str>) -> Reply {
    let what = format!("{}{}", what[..1].to_lowercase(), &what[1..]);
    // Nobody tries it again but the person who asked.
    let reason = reason.trim_end_matches(" It is tried again.").trim_end_matches('.');
    let text = format!(
        "AWS did not answer while {what} was being planned; nothing was started: {}. Ask again in a minute; `/bbws dr status {environment}` shows whether the region is down, and what to do then.{}",
        escape(reason),
        instead.map(|instead| format!(" {instead}")).unwrap_or_default()
    );
    say(Level::Error, text)
}

/// `here`: it was asked for in the channel its card is in.
fn created_text(op: &Operation, here: bool) -> String {
    let what = title(op);
    let steps = count(op.plan.forward(), "step");
    let place = if here { "this channel".to_owned() } else { format!("<#{}>", op.channel) };
    if op.needs.is_empty() {
        format!("*{}* · {what}: {steps}, starting now. Its card is in {place}.", op.id)
    } else {
        let card = if here { "its card".to_owned() } else { format!("its card in {place}") };
        format!(
            "*{}* · {what}: {steps}. It starts with the approval of {} on {card}, by {}.",
            op.id,
            approval::spoken(&op.needs),
            words::clock_time(op.deadline, op.created)
        )
    }
}
