//! Roll back: who may turn a run back, and when.

use std::time::Duration;

use serde_json::json;

use super::{
    authority::Freshness,
    change::Change,
    decide::Attempt,
    desk::{Desk, Inquiry, say},
    inbound::Seen,
    supplant::gone,
    words,
};
use crate::{
    domain::{
        approval, exchange,
        mark::MarkKind,
        moment::{Moment, spoken},
        operation::{OpId, Run, State, Vote},
        operations::CUTOVER,
        principal::Principal,
        step::{Action, StepState, WaitForPeople},
        text::one_line,
        watch::{Kind, Standing},
    },
    ports::{
        alert::Topic,
        chat::{Level, Reply},
        store::{Filter, StoreError},
    },
};

/// So many operations are looked through for one that replaced what another had put there.
const LATER: u32 = 1000;

impl Desk {
    /// Roll back: what was changed is undone, as the plan says.
    pub(super) async fn roll_back(
        &self,
        ask: &Inquiry,
        id: &OpId,
        reason: Option<String>,
        seen: Option<&Seen>,
    ) -> Result<Reply, StoreError> {
        let by = match self.actor(ask, Freshness::Now).await {
            Ok(principal) => principal,
            Err(reply) => return self.refuse_ask(ask, reply).await,
        };
        let reason = reason.map(|reason| one_line(&reason)).filter(|reason| !reason.is_empty());
        let channel = &ask.request.channel;
        let silent = self.silent_places(id).await?;
        let replaced = self.replaced(id).await?;
        self.attempt(ask, id, |run| {
            let stale = seen.and_then(|seen| seen.stale(&run.op, channel));
            match stale.or_else(|| out_of_reach(run, &silent).filter(|_| reason.is_none())) {
                Some(why) => Attempt::Refuse(say(Level::Warning, why)),
                None => turned(run, &by, reason.as_deref(), replaced.as_deref(), self.clock.now()),
            }
        })
        .await
    }

    /// Why going back would lead to what is live no more: a later operation replaced what this one had put there. Whatever comes
    /// later than this look takes the environment's lock, which this one needs.
    async fn replaced(&self, id: &OpId) -> Result<Option<String>, StoreError> {
        let run = self.store.load(id).await?;
        let Some(run) = run.filter(|run| exchange::exchanges(&run.op.plan)) else { return Ok(None) };
        let states = [
            State::Succeeded,
            State::Failed,
            State::Cancelled,
            State::Queued,
            State::Running,
            State::Paused,
            State::Waiting,
            State::Stopped,
            State::NeedsAttention,
        ];
        let environment = Some(run.op.environment().to_owned());
        let filter = Filter { environment, states: states.to_vec(), limit: LATER };
        // The newest first: that one has to go back before those that it replaced.
        let ops = self.store.list(&filter).await?;
        for op in ops.iter().take_while(|op| op.id != *id).filter(|op| exchange::exchanges(&op.plan)) {
            if let Some(later) = self.store.load(&op.id).await?.filter(|later| exchange::replaced(&run, later)) {
                return Ok(Some(exchange::in_the_way(id, &later)));
            }
        }
        Ok(None)
    }

    /// What the watcher found to be wrong in the environment of this operation.
    async fn silent_places(&self, id: &OpId) -> Result<Vec<Standing>, StoreError> {
        let Some(run) = self.store.load(id).await? else { return Ok(Vec::new()) };
        Ok(Standing::of(&self.store.marks(run.op.environment(), Some(MarkKind::Finding)).await?))
    }
}

/// The step that asked for the word of people before anything was exchanged.
fn agreed(run: &Run) -> Option<&WaitForPeople> {
    run.op.plan.steps.iter().find_map(|spec| match &spec.action {
        Action::WaitForPeople(what) if what.rule.is_some() => Some(what),
        _ => None,
    })
}

/// So long one person may end by a roll back what has failed, where health is not watched.
const UNWATCHED: Duration = Duration::from_secs(5 * 60);

/// Whether the platform has been living on what was exchanged, so that it is not one person's to end that: the run is over, or has come
/// to nothing more since people agreed to a cutover, for longer than health is watched.
fn lived_on(run: &Run, what: &WaitForPeople, now: Moment) -> bool {
    let op = &run.op;
    if op.state == State::Succeeded {
        return true;
    }
    let steps = || op.plan.steps.iter().zip(&run.steps);
    let same = |action: &Action| matches!(action, Action::WaitForPeople(asked) if asked == what);
    let agreed = steps().any(|(spec, step)| step.state == StepState::Done && same(&spec.action));
    if !agreed || op.state == State::Running || what.rule.as_deref() != Some(CUTOVER) {
        return false;
    }
    let watch = steps().find_map(|(spec, _)| match &spec.action {
        Action::WatchHealth(watch) => Some(Duration::from_secs(watch.seconds)),
        _ => None,
    });
    let happened = steps().flat_map(|(_, step)| [step.started, step.ended]).flatten().max();
    let since = op.ended.or(happened);
    since.is_some_and(|since| now.since(since) > watch.unwrap_or(UNWATCHED))
}

/// Why the way back could only fail: a region that it changes something in does not answer, by the watcher's last look.
fn out_of_reach(run: &Run, found: &[Standing]) -> Option<String> {
    // What is on its way already, or has nothing to undo, is told so.
    run.undoes().filter(|_| run.op.turned.is_none())?;
    let back = run.op.plan.steps.iter().filter(|spec| spec.back);
    let mut regions = back.filter(|spec| spec.action.mutates()).filter_map(|spec| spec.action.region());
    let lost = |region: &&str| found.iter().any(|found| found.key == Kind::Place.key(&format!("region {region}")));
    let region = regions.find(lost)?;
    let (id, environment) = (&run.op.id, run.op.environment());
    Some(format!(
        "The way back of {id} changes things in {region}, which does not answer: it would only fail. `/bbws dr status {environment}` shows when it does. To try all the same: `/bbws op rollback {id} --reason \"why\"`. Nothing was done."
    ))
}

/// What is left behind by going back, measured in time: from the first change that is undone on, whatever was written went there.
fn stays(run: &Run, now: Moment) -> String {
    let undone = run.op.plan.steps.iter().filter(|spec| spec.back).flat_map(|spec| &spec.after);
    let changed = undone.filter(|index| !run.back(**index)).filter_map(|index| run.steps.get(*index));
    // What was made ready before people agreed to the exchange was written to by nobody.
    let agreed = run.op.plan.steps.iter().zip(&run.steps).find_map(|(spec, step)| match &spec.action {
        Action::WaitForPeople(what) if what.rule.is_some() => step.ended,
        _ => None,
    });
    let exchanged = changed.filter_map(|step| step.started).filter(|at| agreed.is_none_or(|agreed| *at >= agreed));
    match exchanged.min() {
        Some(since) => format!(
            "{} of writes, all since the cutover, are not in what comes back; they stay beside it.",
            spoken(now.since(since))
        ),
        None => "What was written since the cutover stays beside it.".to_owned(),
    }
}

fn turned(run: &Run, by: &Principal, reason: Option<&str>, replaced: Option<&str>, now: Moment) -> Attempt {
    let op = &run.op;
    if op.turned.is_some() {
        let text = match op.state {
            State::RolledBack => format!("{} was rolled back already. Nothing was done.", op.id),
            _ => format!("{} is on its way back already.", op.id),
        };
        return Attempt::Refuse(say(Level::Info, text));
    }
    if let Some(refusal) = gone(op) {
        return Attempt::Refuse(refusal);
    }
    let Some(first) = run.undoes() else {
        let text = format!("{} has exchanged nothing that could be rolled back. Nothing was done.", op.id);
        return Attempt::Refuse(say(Level::Info, text));
    };
    if let Some(why) = replaced {
        return Attempt::Refuse(say(Level::Warning, why.to_owned()));
    }
    if run.goes_back_slowly() && reason.is_none() {
        let takes = run.way_back().map(spoken).unwrap_or_default();
        let text = format!(
            "The way back of {0} usually takes {takes}, so it needs a reason: `/bbws op rollback {0} --reason \"why\"`. Nothing was done.",
            op.id
        );
        return Attempt::Refuse(say(Level::Warning, text));
    }
    let mut change = Change::on(run, now);
    if let Some(what) = agreed(run).filter(|what| lived_on(run, what, now)) {
        // The platform has been living on it: those who agreed to that agree to its end.
        let mut answers = run.steps[first].answers.clone();
        let before = approval::awaited(op, what, &answers);
        answers.votes.push(Vote { by: by.clone(), digest: op.digest.clone(), at: now });
        let after = approval::awaited(op, what, &answers);
        let count = |needs: &[crate::domain::policy::Need]| needs.iter().map(|n| n.count).sum::<u32>();
        if count(&after) >= count(&before) {
            let text =
                format!("To roll {} back now takes {}. Your word would not count.", op.id, approval::spoken(&before));
            return Attempt::Refuse(say(Level::Error, text));
        }
        change.touch(first).answers = answers;
        if !after.is_empty() {
            let still = approval::spoken(&after);
            change.audit(&by.user, "roll_back", json!({"still": still, "reason": reason}));
            let text = format!("<@{}> asks to roll it back. That still needs {still}: Roll back on the card.", by.user);
            change.thread(format!("roll-back-{}", now.0), Level::Warning, text);
            return Attempt::Change(
                Box::new(change),
                say(Level::Success, format!("Your word counts. It still needs {still}.")),
            );
        }
    }
    if change.turn_back(&by.user, reason.map(str::to_owned)).is_err() {
        let text = format!("{} is `{}` and cannot be rolled back now. Nothing was done.", op.id, op.state);
        return Attempt::Refuse(say(Level::Warning, text));
    }
    let why = reason.map(|reason| format!(": {}", crate::domain::text::escape(reason))).unwrap_or_default();
    change.thread(
        format!("turned-{}", now.0),
        Level::Warning,
        format!("<@{}> rolls it back{why}. {}", by.user, stays(run, now)),
    );
    let (id, body) = (op.id.clone(), words::notice_body(&change.run));
    change.publish(Topic::OpsCritical, format!("{id}-turned-back"), words::subject(op, words::ROLLED_BACK), body);
    words::tell_turn(&mut change, "turns back");
    Attempt::Change(Box::new(change), say(Level::Success, format!("{id} is being rolled back.")))
}
