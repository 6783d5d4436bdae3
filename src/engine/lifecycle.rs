//! The run as a whole: expiry, the checks before the start, stops, and the end.

use std::time::Duration;

use serde_json::json;

use super::{Claimed, Dropped, Engine};
use crate::{
    app::{
        authority::{Denied, Freshness},
        change::{Change, Illegal, SELF},
        control,
        planner::{NoPlan, steps_with_experience},
        room, words,
    },
    domain::{
        approval::{self, Approved},
        environment::Environment,
        held,
        moment::spoken,
        operation::{Halt, OpId, Operation, Run, State, Trigger},
        operations,
        pace::{ASKED, Overrun},
        plan::Plan,
        recovery::{self, Account},
        run::carry_over,
        step::{ISSUE, StepState},
        text::{count, escape},
    },
    ports::{
        alert::Topic,
        chat::{Attachment, Level, Offer},
        store::{Filter, StoreError},
    },
};

/// How many operations are looked through for the predecessors of one.
const LOOKED_THROUGH: u32 = 200;
/// How long a refuted copy is held against the next one.
const DAY: Duration = Duration::from_secs(86_400);
/// So many of them are compared with: what has fallen is told as many times, and is what is usual after that.
const PREDECESSORS: usize = 5;

impl Engine {
    /// An approval that did not come in time.
    pub(super) async fn expire_unapproved(&self, hand: &mut Claimed) -> Result<(), Dropped> {
        let now = self.clock.now();
        if hand.run.op.deadline.is_none_or(|d| d > now) {
            return Ok(());
        }
        self.write(hand, false, |change| {
            if change.run.op.state != State::AwaitingApproval {
                return Ok(());
            }
            let missing = approval::missing(
                &change.run.op.needs,
                &change.run.op.requester.person,
                &change.run.op.digest,
                &change.run.op.votes,
            );
            let text = format!(
                "Expired: {} did not approve in time. Nothing was started. To ask again: `/bbws {}`",
                approval::spoken(&missing),
                escape(&change.run.op.command)
            );
            expire(change, text)
        })
        .await
    }

    /// Everything that has to hold at the moment of the start, and then the start.
    pub(super) async fn start_queued(&self, hand: &mut Claimed) -> Result<(), Dropped> {
        let now = self.clock.now();
        if hand.run.op.deadline.is_some_and(|d| d <= now) {
            return self
                .write(hand, false, |change| {
                    if change.run.op.state != State::Queued {
                        return Ok(());
                    }
                    let held = change.run.op.outcome.clone().map(|o| format!(" It waited: {o}")).unwrap_or_default();
                    let text = format!(
                        "Expired: it could not start in time after its approval.{held} To ask again: `/bbws {}`",
                        escape(&change.run.op.command)
                    );
                    expire(change, text)
                })
                .await;
        }
        if !operations::of(hand.run.op.kind()).passes_stops()
            && let Some(stop) = self.stop_in_force(&hand.run).await?
        {
            let why = format!("a stop by <@{}> is in force: {}.", stop.by, escape(&stop.reason));
            return self.hold(hand, &why).await;
        }
        if !self.voters_still_hold(hand).await? || !self.world_is_still(hand).await? {
            return Ok(());
        }
        if hand.run.op.state != State::Queued {
            return Ok(());
        }
        if let Err(why) = self.approved(&hand.run).await? {
            tracing::error!(operation = %hand.run.op.id, why, "a queued operation is not approved");
            return self.void(hand, None, &[why]).await;
        }
        self.write(hand, false, |change| {
            change.trigger(Trigger::Start, SELF)?;
            let now = change.now();
            let op = change.op();
            op.started = op.started.or(Some(now));
            op.deadline = None;
            op.outcome = None;
            let eta = op.estimate.map(|e| format!(", about {} by experience", spoken(e))).unwrap_or_default();
            let text = format!("Started: {}{eta}.", count(op.plan.forward(), "step"));
            let round = change.run.version;
            change.thread(format!("started-{round}"), Level::Info, text);
            words::tell_turn(change, "started");
            publish_start(change, round);
            publish_alarm(change, round);
            Ok(())
        })
        .await
    }

    /// The proof that the run is approved, from the ledger's records: its own, and that of the schedule which started it.
    pub(super) async fn approved(&self, run: &Run) -> Result<Result<Approved<Plan>, String>, StoreError> {
        let schedule = self.schedule_of(run).await?;
        Ok(Approved::<Plan>::rebuild(&run.op, schedule.as_ref()))
    }

    /// The record of the schedule whose approval is that of this run; none where people approve it.
    async fn schedule_of(&self, run: &Run) -> Result<Option<Operation>, StoreError> {
        match run.op.mandate() {
            Some(by) => Ok(self.store.load(&by.schedule).await?.map(|run| run.op)),
            None => Ok(None),
        }
    }

    /// Whether what it would do now is still of nothing but what the schedule that started it lets bbws start.
    async fn within_mandate(&self, run: &Run, now: Option<&Plan>) -> Result<bool, StoreError> {
        let (Some(schedule), Some(by), Some(now)) = (self.schedule_of(run).await?, run.op.mandate(), now) else {
            return Ok(false);
        };
        let template = approval::template_of(&schedule.plan, &by.routine);
        Ok(template.is_some_and(|template| template.covers(now).is_ok()))
    }

    async fn stop_in_force(&self, run: &Run) -> Result<Option<crate::ports::store::Stop>, StoreError> {
        let environment = run.op.environment();
        Ok(self.store.stops().await?.into_iter().find(|s| s.scope == "*" || s.scope == environment))
    }

    /// Says on the card why it does not start yet.
    async fn hold(&self, hand: &mut Claimed, why: &str) -> Result<(), Dropped> {
        if hand.run.op.outcome.as_deref() == Some(why) {
            return Ok(());
        }
        self.write(hand, false, |change| {
            change.op().outcome = Some(why.to_owned());
            Ok(())
        })
        .await
    }

    /// Asks Slack once more who the approvers are. Votes of people who may no longer approve are dropped.
    /// That somebody who approved a schedule has left does not end what it starts.
    async fn voters_still_hold(&self, hand: &mut Claimed) -> Result<bool, Dropped> {
        if hand.run.op.mandate().is_some() {
            return Ok(true);
        }
        let mut lost: Vec<(String, String)> = Vec::new();
        for vote in hand.run.op.votes.clone() {
            match self.authority.principal(&vote.by.user, Freshness::Now).await {
                Ok(now) => {
                    let kept = |role: &String| now.roles.contains(role);
                    if now.person != vote.by.person || !vote.by.roles.iter().all(kept) {
                        lost.push((vote.by.user.clone(), "no longer holds the same roles".to_owned()));
                    }
                }
                Err(Denied::Barred(why)) => lost.push((vote.by.user.clone(), why)),
                Err(Denied::Unknown(_)) => {
                    self.hold(hand, "Slack does not answer who the approvers are.").await?;
                    return Ok(false);
                }
            }
        }
        if lost.is_empty() {
            return Ok(true);
        }
        let lines: Vec<String> = lost
            .iter()
            .map(|(user, why)| format!("the approval of <@{user}> no longer counts: {}", escape(why)))
            .collect();
        self.void(hand, None, &lines).await?;
        Ok(false)
    }

    /// Resolves the plan again and compares.
    async fn world_is_still(&self, hand: &mut Claimed) -> Result<bool, Dropped> {
        // The way back is that of the plan that was run, whatever the world has become.
        if hand.run.op.turned.is_some() {
            return Ok(true);
        }
        match self.planner.again(&hand.run).await {
            Ok(plan) if operations::of(hand.run.op.kind()).stands(&hand.run.op.plan, &plan) => Ok(true),
            Ok(plan) => {
                let lines: Vec<String> = hand.run.op.plan.drift(&plan).iter().map(|l| escape(l)).collect();
                self.void(hand, Some(plan), &lines).await?;
                Ok(false)
            }
            Err(NoPlan::Later(reason)) => {
                let why = format!("AWS does not answer: {}", escape(&reason));
                self.hold(hand, &why).await?;
                Ok(false)
            }
            Err(NoPlan::Ledger(error)) => Err(error.into()),
            Err(NoPlan::Problems(problems)) => {
                let why = problems.iter().map(|p| escape(p.trim_end_matches('.'))).collect::<Vec<_>>().join("; ");
                self.write(hand, false, |change| {
                    if change.run.op.state != State::Queued {
                        return Ok(());
                    }
                    let text = format!(
                        "Not started, the approval is void: it cannot be done any more. {why}. To ask again: `/bbws {}`",
                        escape(&change.run.op.command)
                    );
                    change.audit(SELF, "drift", json!({"problems": problems}));
                    expire(change, text)
                })
                .await?;
                Ok(false)
            }
        }
    }

    /// Takes the approvals back and says why. With a new plan, that is the plan to be approved from now on.
    async fn void(&self, hand: &mut Claimed, plan: Option<Plan>, lines: &[String]) -> Result<(), Dropped> {
        let fresh = match &plan {
            Some(plan) => Some(steps_with_experience(self.store.as_ref(), plan).await?),
            None => None,
        };
        let changed = lines.iter().map(|l| format!("• {l}")).collect::<Vec<_>>().join("\n");
        // What a schedule lets bbws start goes on as the world is now; what it does not is put to people like any other.
        let within = self.within_mandate(&hand.run, plan.as_ref()).await?;
        let needs = self.planner.needs(plan.as_ref().unwrap_or(&hand.run.op.plan));
        self.write(hand, false, |change| {
            if change.run.op.state != State::Queued {
                return Ok(());
            }
            change.trigger(Trigger::Void, SELF)?;
            change.audit(SELF, "drift", json!({"changed": lines, "digest": plan.as_ref().map(Plan::digest)}));
            if let (Some(plan), Some(fresh)) = (&plan, &fresh) {
                let mut steps = carry_over(&change.run.op.plan, &change.run.steps, plan);
                for (step, fresh) in steps.iter_mut().zip(fresh) {
                    step.expected = step.expected.or(fresh.expected);
                }
                change.replace_steps(steps);
                change.op().digest = plan.digest();
                change.op().plan = plan.clone();
            }
            let deadline = change.now() + self.limits.approve_within.0;
            let op = change.op();
            if !within {
                op.votes.clear();
                if let Some(by) = op.by_schedule.as_mut().filter(|by| by.covered) {
                    by.covered = false;
                    op.needs = approval::somebody(needs.clone());
                }
            }
            let needs_nobody = op.needs.is_empty() || within;
            op.revision += 1;
            op.deadline = Some(deadline);
            op.outcome = None;
            op.wake_at = deadline;
            let revision = op.revision;
            if needs_nobody {
                change.trigger(Trigger::Approve, SELF)?;
                return Ok(());
            }
            let again = words::approval_needed(&change.run.op, &self.authority);
            change.thread(format!("void-{revision}"), Level::Warning, format!("The approval is void, since something changed:\n{changed}\nThe card shows the plan as it is now. {again}"));
            Ok(())
        })
        .await
    }

    /// Halts a run that a stop has reached.
    pub(super) async fn heed_stop(&self, hand: &mut Claimed) -> Result<(), Dropped> {
        if !matches!(hand.run.op.state, State::Running | State::Waiting)
            || operations::of(hand.run.op.kind()).passes_stops()
        {
            return Ok(());
        }
        let Some(stop) = self.stop_in_force(&hand.run).await? else { return Ok(()) };
        self.write(hand, false, |change| {
            if let Some(halted) = control::stopped(&change.run, &stop.by, Some(&stop.reason), change.now()) {
                *change = halted;
            }
            Ok(())
        })
        .await
    }

    /// Stops and asks, once, where it takes far longer than usual until something that is live changes.
    pub(super) async fn heed_time(&self, hand: &mut Claimed) -> Result<(), Dropped> {
        let until = operations::of(hand.run.op.kind()).hurries(&hand.run.op.plan);
        let Some(until) = until.filter(|until| hand.run.overruns(*until, self.clock.now()).is_some()) else {
            return Ok(());
        };
        if hand.run.op.state != State::Running || hand.run.op.turned.is_some() {
            return Ok(());
        }
        self.write(hand, false, |change| {
            let now = change.now();
            let over = change.run.overruns(until, now).filter(|_| change.run.op.state == State::Running);
            let Some(Overrun { took, usual }) = over else { return Ok(()) };
            change.trigger(Trigger::Pause, SELF)?;
            let reason = format!(
                "what comes before the cutover has taken {}, and more than 150 % of the {} that it usually takes",
                spoken(took),
                spoken(usual)
            );
            let slow = change.run.steps[..until].iter().rfind(|step| step.begun()).map_or(0, |step| step.index);
            change.touch(slow).outputs.insert(ASKED.to_owned(), now.iso());
            let text = format!(
                "*Paused by itself*: {reason}. No new step starts, and nothing that is live was changed; what runs in AWS goes on and is watched. *Resume* goes on and does not ask again, *Cancel* gives it up."
            );
            change.op().halt = Some(Halt { by: SELF.to_owned(), reason: Some(reason), at: now, cancel: false, gave_way: None });
            let told = words::calling(&change.run, State::Paused, &text);
            change.thread(format!("overrun-{}", now.0), Level::Warning, told);
            Ok(())
        })
        .await
    }

    /// Ends the run, when nothing is in flight and nothing can begin.
    pub(super) async fn conclude(&self, hand: &mut Claimed) -> Result<(), Dropped> {
        if hand.run.verdict().is_none() {
            return Ok(());
        }
        let falls = self.falls(&hand.run).await?;
        let review = room::review(self.store.as_ref(), &hand.run, self.clock.now()).await?;
        let refuted = self.refuted_lately(&hand.run).await?;
        let environment = self.planner.environment(hand.run.op.environment()).cloned();
        let counted = self.planner.environment(hand.run.op.environment()).is_some_and(|env| env.cloudwatch.is_some());
        let ended = self.write(hand, false, |change| {
            let Some(verdict) = change.run.verdict() else { return Ok(()) };
            for (index, less) in &falls {
                change.touch(*index).outputs.entry(ISSUE.to_owned()).or_insert_with(|| less.clone());
            }
            let to = change.trigger(verdict, SELF)?;
            if to == State::NeedsAttention {
                change.op().wake_at = crate::domain::moment::Moment::FAR_FUTURE;
            }
            let outcome = words::outcome(&change.run, to, change.now());
            change.op().outcome = Some(outcome.clone());
            let level = match to {
                State::Succeeded if !change.run.issues().is_empty() => Level::Warning,
                State::Succeeded => Level::Success,
                State::Failed | State::NeedsAttention => Level::Error,
                _ => Level::Warning,
            };
            let round = change.run.version;
            change.audit(SELF, "outcome", json!({"state": to.name(), "outcome": outcome}));
            let told = words::calling(&change.run, to, &outcome);
            change.thread(format!("{}-{round}", to.name()), level, told);
            publish_end(change, to, round);
            if counted && to.terminal() {
                change.measure(round);
            }
            propose_stop(change, to, &refuted);
            if let Some(environment) = &environment {
                account(change, environment);
            }
            if let Some(review) = review.clone().filter(|_| to == State::Succeeded) {
                room::reviewed(change, review);
            }
            Ok(())
        });
        ended.await
    }
}

impl Engine {
    /// Other runs of the last day in the environment of this one whose copies were refuted.
    async fn refuted_lately(&self, run: &Run) -> Result<Vec<OpId>, StoreError> {
        if !operations::of(run.op.kind()).refuted(run) {
            return Ok(Vec::new());
        }
        let filter = Filter {
            environment: Some(run.op.environment().to_owned()),
            states: vec![State::Failed],
            limit: LOOKED_THROUGH,
        };
        let now = self.clock.now();
        let lately = |op: &Operation| op.ended.is_some_and(|ended| now.since(ended) < DAY);
        let restores = |op: &Operation| op.id != run.op.id && operations::of(op.kind()).restores();
        let mut refuted = Vec::new();
        for op in self.store.list(&filter).await?.into_iter().filter(|op| lately(op) && restores(op)) {
            let other = self.store.load(&op.id).await?;
            refuted.extend(other.filter(|other| operations::of(op.kind()).refuted(other)).map(|other| other.op.id));
        }
        Ok(refuted)
    }

    /// What of a run that made something holds less than its predecessors: the last runs that succeeded at the same.
    async fn falls(&self, run: &Run) -> Result<Vec<(usize, String)>, StoreError> {
        let op = &run.op;
        if !held::measured(run) {
            return Ok(Vec::new());
        }
        let filter = Filter {
            environment: Some(op.environment().to_owned()),
            states: vec![State::Succeeded],
            limit: LOOKED_THROUGH,
        };
        let alike = |other: &Operation| {
            let (plan, mine) = (&other.plan, &op.plan);
            other.id != op.id && plan.kind == mine.kind && plan.scope == mine.scope && plan.tenant == mine.tenant
        };
        let mut before = Vec::new();
        for other in self.store.list(&filter).await?.into_iter().filter(alike).take(PREDECESSORS) {
            before.extend(self.store.load(&other.id).await?);
        }
        let least = self.planner.environment(op.environment()).map(|env| env.thresholds).unwrap_or_default();
        Ok(held::falls(run, &before, &least))
    }
}

fn expire(change: &mut Change, text: String) -> Result<(), Illegal> {
    change.trigger(Trigger::Expire, SELF)?;
    let told = words::calling(&change.run, State::Expired, &text);
    change.op().outcome = Some(text);
    let key = format!("expired-{}", change.run.op.revision);
    change.thread(key, Level::Warning, told);
    Ok(())
}

/// A copy that is not what it was to be may be one bad backup. A second one within a day is a reason to think that all of them are,
/// or that something is still writing what is wrong: people are asked whether everything shall stop. Nothing stops by itself.
fn propose_stop(change: &mut Change, to: State, refuted: &[OpId]) {
    let run = &change.run;
    if to != State::Failed || refuted.is_empty() || !operations::of(run.op.kind()).refuted(run) {
        return;
    }
    let (round, environment) = (run.version, run.op.environment().to_owned());
    let others = refuted.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
    let text = format!(
        "This is not the only copy of `{0}` that was refuted within a day: so was that of {others}. Backups may be bad as a whole, or something may still be writing what is wrong. Shall everything in `{0}` stop until that is known? Lifting a stop takes two people.",
        escape(&environment)
    );
    let stop = Offer {
        label: "Stop everything".to_owned(),
        command: format!("stop {environment} \"restored copies were refuted\""),
        confirm: Some(format!("Nothing new starts in {environment} until two people lift it.")),
    };
    let attachment = Attachment { offers: vec![stop], ..Attachment::default() };
    change.show(format!("refuted-{round}"), Level::Error, text, attachment);
}

/// The report of a run that recovered something: what was measured goes below the card as a sentence and as files to keep, and
/// the audit chain names those with their sums.
fn account(change: &mut Change, environment: &Environment) {
    let Some(Account { told, files }) = Account::of(&change.run, environment) else { return };
    let level = if change.run.op.state == State::Succeeded { Level::Info } else { Level::Warning };
    let round = change.run.version;
    change.audit(SELF, "report", json!({"files": recovery::sums(&files)}));
    change.thread(format!("report-{round}"), level, told);
    for file in files {
        change.share(file);
    }
}

/// The start of what interrupts something goes to the status topic, with what that is.
fn publish_start(change: &mut Change, round: i64) {
    let op = &change.run.op;
    let Some(interrupts) = operations::of(op.kind()).interrupts(&op.plan) else { return };
    let mut body = words::notice_body(&change.run);
    body["interruption"] = json!(interrupts);
    let (id, subject) = (op.id.clone(), words::subject(op, "started"));
    change.publish(Topic::BackupStatus, format!("{id}-started-{round}"), subject, body);
}

/// The start of what everybody has to act on goes to those who have to act now, and to those who follow disaster recovery.
fn publish_alarm(change: &mut Change, round: i64) {
    let op = &change.run.op;
    if !operations::of(op.kind()).alarms() {
        return;
    }
    let body = words::notice_body(&change.run);
    let (id, subject) = (op.id.clone(), words::subject(op, "is declared"));
    for (topic, name) in [(Topic::OpsCritical, "critical"), (Topic::DrEvents, "dr")] {
        change.publish(topic, format!("{id}-alarm-{name}-{round}"), subject.clone(), body.clone());
    }
}

/// Completion and failure go to the status topic, those of a move of the platform and of a drill to that of disaster recovery; a verification
/// that did not hold, and what succeeded with issues, to the
/// warnings as well.
fn publish_end(change: &mut Change, to: State, round: i64) {
    if !operations::of(change.run.op.kind()).publishes() {
        return;
    }
    let (id, body) = (change.run.op.id.clone(), words::notice_body(&change.run));
    let subject = words::subject(&change.run.op, to.name());
    let moves = operations::of(change.run.op.kind()).moves().is_some();
    let exercise = operations::of(change.run.op.kind()).exercise();
    let topic = if moves || exercise { Topic::DrEvents } else { Topic::BackupStatus };
    change.publish(topic, format!("{id}-{}-{round}", to.name()), subject.clone(), body.clone());
    if moves && matches!(to, State::Failed | State::NeedsAttention) {
        change.publish(Topic::OpsCritical, format!("{id}-critical-{round}"), subject.clone(), body.clone());
    }
    let invalid = change.run.steps.iter().any(|s| {
        let verifies = change.run.op.plan.steps.get(s.index).is_some_and(|p| !p.action.mutates());
        verifies && s.state == StepState::Failed
    });
    if invalid || (to == State::Succeeded && !change.run.issues().is_empty()) {
        change.publish(Topic::OpsWarning, format!("{id}-validation-{round}"), subject, body);
    }
}
