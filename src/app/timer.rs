//! Starts what was approved to start by itself, when it is due.
//!
//! What is in force is a mark, and when it is due a row of the ledger. A run is made in the transaction that moves its row on, by
//! the clock of the database: so of several replicas one makes it, once, whenever a process dies. Whatever keeps a run from
//! being made leaves the row as it is, so that it stays due and nothing is forgotten; however many times went by, one run is made.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::StreamExt as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    change::SELF,
    desk::Desk,
    in_force::in_force,
    planner::{Asking, NoPlan},
    submit::{Mandate, New},
};
use crate::{
    domain::{
        approval,
        command::Command,
        environment::Environment,
        language,
        mark::{Mark, MarkKind},
        moment::Moment,
        operation::{BySchedule, Operation, State},
        operations::{self, schedule::own},
        routine::{self, DAILY, Due, EVERYWHERE, Kept, Rhythm, Routine, Template},
        text::{count, escape},
    },
    ports::{
        chat::{Attachment, Level},
        store::{AuditEntry, Commit, DueWrite, Dues, Filter, Guard, Notice, Stop, StoreError},
    },
};

/// Runs made side by side.
const PARALLEL: usize = 4;
/// What could not be planned is tried again after this long.
const AGAIN: Duration = Duration::from_secs(300);
/// Somebody else's change is noticed after this long at the latest.
const REST: Duration = Duration::from_secs(30);
/// When the line a day is told.
const LINE: &str = "cron(0 7 * * ? *)";
/// Operations looked through for those of a day, and for those that are under way.
const RECENT: u32 = 2_000;

/// Starts what is due.
pub struct Timer {
    desk: Desk,
    /// What could not be planned, and when it is tried again. Nothing of it is needed after a crash.
    later: Mutex<HashMap<(String, String), Moment>>,
    /// The rhythms in force, by their texts: how far apart their times are is found out once, and not at each turn.
    rhythms: Mutex<HashMap<String, Arc<Rhythm>>>,
    /// Schedules that have left marks and are known to have succeeded.
    succeeded: Mutex<HashSet<String>>,
}

/// What is in force of one routine of one environment.
struct Force<'a> {
    environment: &'a Environment,
    routine: Routine,
    mark: &'a Mark,
    template: Template,
    rhythm: Arc<Rhythm>,
}

impl Force<'_> {
    fn jitter(&self) -> Duration {
        routine::jitter(&self.environment.name, self.routine.name(), self.rhythm.gap())
    }

    /// The row that says when it is due.
    fn due(&self, at: Moment, told: Option<String>) -> Due {
        let gap = u64::try_from(self.rhythm.gap().as_millis()).unwrap_or(u64::MAX);
        let kept = Kept { schedule: self.mark.operation.clone(), gap, told };
        Due { environment: self.environment.name.clone(), routine: self.routine.name().to_owned(), at, kept }
    }
}

impl Timer {
    /// Over the use cases of this desk.
    pub fn new(desk: Desk) -> Timer {
        Timer { desk, later: Mutex::default(), rhythms: Mutex::default(), succeeded: Mutex::default() }
    }

    /// Makes the runs that are due; answers when to come again.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn turn(&self) -> Result<Moment, StoreError> {
        let marks = self.desk.store.marks_of(MarkKind::Routine).await?;
        let Dues { now, all } = self.desk.store.dues(None).await?;
        let mut succeeded = std::mem::take(&mut *self.succeeded.lock().unwrap_or_else(PoisonError::into_inner));
        let marks = in_force(self.desk.store.as_ref(), marks, &mut succeeded).await?;
        *self.succeeded.lock().unwrap_or_else(PoisonError::into_inner) = succeeded;
        let force = self.in_force(&marks);
        self.arrange(&force, &all, now).await?;
        let ripe = all.iter().filter(|due| due.at <= now && !self.waits(due, now));
        // A row of the schedule before is another one by now, and is read anew at the next turn.
        let current = |(due, force): &(&Due, &Force<'_>)| due.kept.schedule == force.mark.operation;
        let work: Vec<_> = ripe.filter_map(|due| Some((due, find(&force, due)?))).filter(current).collect();
        let started: Vec<Result<(), StoreError>> = futures::stream::iter(work)
            .map(|(due, force)| self.start(force, due, now))
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        started.into_iter().collect::<Result<(), StoreError>>()?;
        self.say_daily(&all, !force.is_empty(), now).await?;
        let next = self.desk.store.dues(None).await?.all.iter().map(|due| due.at).filter(|at| *at > now).min();
        Ok(next.unwrap_or(Moment::FAR_FUTURE).min(now + REST))
    }

    /// What is in force of what this build knows, in environments that the config has.
    fn in_force<'a>(&'a self, marks: &'a [Mark]) -> Vec<Force<'a>> {
        let mut known = self.rhythms.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rhythms: HashMap<String, Arc<Rhythm>> = HashMap::new();
        let mut rhythm = |text: &str| {
            if let Some(rhythm) = rhythms.get(text) {
                return Some(Arc::clone(rhythm));
            }
            let rhythm = known.remove(text).or_else(|| Rhythm::parse(text).ok().map(Arc::new))?;
            rhythms.insert(text.to_owned(), Arc::clone(&rhythm));
            Some(rhythm)
        };
        let force = |mark: &'a Mark| {
            let environment = self.desk.planner.environment(&mark.environment)?;
            let (routine, template) = (Routine::named(&mark.subject)?, Template::read(&mark.note)?);
            let rhythm = rhythm(&template.rhythm)?;
            Some(Force { environment, routine, mark, template, rhythm })
        };
        let all = marks.iter().filter_map(force).collect();
        *known = rhythms;
        all
    }

    /// Every routine in force has its time, none else has, and no time lies where only a wrong clock can have put it.
    async fn arrange(&self, force: &[Force<'_>], all: &[Due], now: Moment) -> Result<(), StoreError> {
        let mut writes = Vec::new();
        for each in force {
            let is =
                all.iter().find(|due| due.environment == each.environment.name && due.routine == each.routine.name());
            let first = || each.due(each.rhythm.first(now, each.jitter()), None);
            match is {
                None => writes.push(DueWrite::Plan { due: first(), was: None }),
                Some(due) if due.kept.schedule != each.mark.operation => {
                    // What waits its turn keeps it.
                    let due_now = if due.at <= now { each.due(due.at, None) } else { first() };
                    writes.push(DueWrite::Plan { due: due_now, was: Some(due.at) });
                }
                Some(due) if due.astray(now) => {
                    let at = each.rhythm.next(now, now, each.jitter());
                    writes.push(DueWrite::Plan { due: each.due(at, due.kept.told.clone()), was: Some(due.at) });
                }
                Some(_) => {}
            }
        }
        // Of an environment that this config does not know, another replica's may; and of what was made since, the store knows.
        let known = |due: &Due| self.desk.planner.environment(&due.environment).is_some();
        let gone = all.iter().filter(|due| known(due) && find(force, due).is_none());
        writes.extend(gone.map(|due| DueWrite::Drop {
            environment: due.environment.clone(),
            routine: due.routine.clone(),
            was: due.at,
        }));
        for write in writes {
            self.commit(Commit { dues: vec![write], ..Commit::default() }).await?;
        }
        Ok(())
    }

    /// That another replica was faster is no error: what it wrote stands.
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        match self.desk.store.commit(commit).await {
            Ok(()) => {
                self.desk.wake.all();
                Ok(())
            }
            Err(StoreError::Conflict | StoreError::Locked(_)) => Ok(()),
            Err(other) => Err(other),
        }
    }

    fn waits(&self, due: &Due, now: Moment) -> bool {
        let later = self.later.lock().unwrap_or_else(PoisonError::into_inner);
        later.get(&(due.environment.clone(), due.routine.clone())).is_some_and(|at| *at > now)
    }

    fn try_later(&self, due: &Due, now: Moment) {
        let mut later = self.later.lock().unwrap_or_else(PoisonError::into_inner);
        later.retain(|_, at| *at > now);
        later.insert((due.environment.clone(), due.routine.clone()), now + AGAIN);
    }

    /// Makes the run of one routine, unless something keeps it.
    async fn start(&self, force: &Force<'_>, due: &Due, now: Moment) -> Result<(), StoreError> {
        let name = &force.environment.name;
        if let Some(stop) = self.desk.stop_of(name).await? {
            return self.skip(force, due, &stop, now).await;
        }
        let Some(command) = self.understood(force, due).await? else { return Ok(()) };
        let Some(operation) = operations::asked(&command) else { return Ok(()) };
        if self.is_overlapped(force).await? {
            return Ok(());
        }
        let lock = match self.desk.lock_for(operation, &command, name).await? {
            Ok(lock) => lock,
            // It waits its turn.
            Err(_) => return Ok(()),
        };
        let Some(schedule) =
            self.desk.store.load(&crate::domain::operation::OpId(force.mark.operation.clone())).await?
        else {
            return self.cannot(due, "no record tells who approved it", now).await;
        };
        let (schedule, at) = (schedule.op, self.desk.clock.now());
        let id = self.desk.fresh_id(operation.prefix()).await?;
        let asking = Asking { id: &id, at, drawn: due.at, by: &schedule.requester.user };
        let (plan, needs) = match self.desk.planner.plan(&command, asking).await {
            Ok(planned) => planned,
            Err(NoPlan::Ledger(error)) => return Err(error),
            Err(NoPlan::Problems(problems)) => return self.cannot(due, &problems.join(" "), now).await,
            Err(NoPlan::Later(reason)) => return self.cannot(due, &reason, now).await,
        };
        let next = force.rhythm.next(due.at, now, force.jitter());
        let covered = self.covers(force, &schedule, &plan).await?;
        let told = covered.as_ref().err().map(|why| why.as_str());
        if let Some(why) = told
            && due.kept.told.as_deref() == Some(&fingerprint(why))
        {
            // People were asked; until they approve the schedule anew, they are not asked each time.
            let write = DueWrite::Take { due: force.due(next, due.kept.told.clone()), was: due.at };
            return self.commit(Commit { dues: vec![write], ..Commit::default() }).await;
        }
        let by = BySchedule {
            schedule: schedule.id.clone(),
            routine: due.routine.clone(),
            due: due.at,
            covered: covered.is_ok(),
        };
        let new = New {
            id,
            needs: if covered.is_ok() { schedule.needs.clone() } else { approval::somebody(needs) },
            plan,
            requester: schedule.requester.clone(),
            reason: Some(reason(&schedule, told)),
            command: command.canonical(),
            created: at,
            lock,
            mandate: Some(Mandate { by, votes: schedule.votes.clone(), start_by: next.max(due.at + AGAIN) }),
        };
        let (_, mut change) = self.desk.begin(new, force.environment.channel.as_deref().unwrap_or_default()).await?;
        change.due(DueWrite::Take { due: force.due(next, told.map(fingerprint)), was: due.at });
        metrics::histogram!("bbws_schedule_delay_seconds").record(due.late(now).as_secs_f64());
        self.commit(change.commit(Guard::New).1).await
    }

    /// The command of a routine. One that this build does not understand any more is told of.
    async fn understood(&self, force: &Force<'_>, due: &Due) -> Result<Option<Command>, StoreError> {
        match language::parse(&force.template.command, &self.desk.environments()) {
            Ok(command) => Ok(Some(command)),
            Err(wrong) => {
                let now = self.desk.clock.now();
                self.cannot(due, &format!("`{}` is no longer understood: {}", force.template.command, wrong.said), now)
                    .await?;
                Ok(None)
            }
        }
    }

    /// Whether its last run is still under way, a restore in earnest beside which no test runs, or a move of the platform, of
    /// which a check of disaster recovery would make a disagreement.
    async fn is_overlapped(&self, force: &Force<'_>) -> Result<bool, StoreError> {
        let states = State::ALL.into_iter().filter(|state| !state.terminal()).collect();
        let filter = Filter { environment: Some(force.environment.name.clone()), states, limit: RECENT };
        let (restores, name) = (force.routine.restores(), force.routine.name());
        let same = |op: &Operation| op.by_schedule.as_ref().is_some_and(|by| by.routine == name);
        let in_earnest = |op: &Operation| {
            let operation = operations::of(op.kind());
            let moves = operation.moves().is_some();
            (moves && force.routine == Routine::DrCheck)
                || (restores && (operation.restores() || moves || op.kind() == force.template.kind))
        };
        Ok(self.desk.store.list(&filter).await?.iter().any(|op| same(op) || in_earnest(op)))
    }

    /// Whether the plan is of nothing but what was approved, and the environment would still have the same approved.
    async fn covers(
        &self,
        force: &Force<'_>,
        schedule: &Operation,
        plan: &crate::domain::plan::Plan,
    ) -> Result<Result<(), String>, StoreError> {
        let Some(approved) = approval::template_of(&schedule.plan, force.routine.name()) else {
            return Ok(Err(format!("{} says nothing of it", schedule.id)));
        };
        if let Err(why) = approved.covers(plan) {
            return Ok(Err(why));
        }
        let here = self.desk.planner.where_it_runs(&force.environment.name).await?;
        let now = here.and_then(|(_, environment)| own::template(&environment, force.routine, &force.rhythm));
        let same = now.is_some_and(|now| now == approved);
        Ok(if same { Ok(()) } else { Err("the config says something else of the environment".to_owned()) })
    }

    /// What is stopped is skipped, and told once for each stop.
    async fn skip(&self, force: &Force<'_>, due: &Due, stop: &Stop, now: Moment) -> Result<(), StoreError> {
        let told = fingerprint(&format!("stop {} {}", stop.scope, stop.at));
        let news = due.kept.told.as_deref() != Some(&told);
        let next = force.rhythm.next(due.at, now, force.jitter());
        let mut commit = Commit {
            dues: vec![DueWrite::Take { due: force.due(next, Some(told)), was: due.at }],
            ..Commit::default()
        };
        if news {
            let text = format!(
                "*{}*: {} was due at {} by schedule {} and is skipped, as whatever is due until the stop by <@{}> is lifted: {}. It is due again at {}.",
                escape(&due.environment),
                force.routine.spoken(),
                due.at.clock_at(now),
                due.kept.schedule,
                stop.by,
                escape(&stop.reason),
                next.clock_at(now)
            );
            commit.audit.push(audit("skipped", due, json!({"stop": stop.scope, "by": stop.by}), now));
            commit.notices.push(notice(due, "skipped", Level::Warning, text));
        }
        self.commit(commit).await
    }

    /// It stays due and is tried again, and why is told once.
    async fn cannot(&self, due: &Due, why: &str, now: Moment) -> Result<(), StoreError> {
        self.try_later(due, now);
        let told = fingerprint(why);
        if due.kept.told.as_deref() == Some(&told) {
            return Ok(());
        }
        let text = format!(
            "*{}*: {}, due at {} by schedule {}, cannot begin: {} It stays due and is tried again every {} minutes.",
            escape(&due.environment),
            escape(due.spoken()),
            due.at.clock_at(now),
            due.kept.schedule,
            escape(&sentence(why)),
            AGAIN.as_secs() / 60
        );
        let kept = Kept { told: Some(told), ..due.kept.clone() };
        let commit = Commit {
            dues: vec![DueWrite::Take { due: Due { kept, ..due.clone() }, was: due.at }],
            audit: vec![audit("late", due, json!({"why": why}), now)],
            notices: vec![notice(due, "late", Level::Warning, text)],
            ..Commit::default()
        };
        self.commit(commit).await
    }

    /// A run, and what is amiss with it, in a few words.
    async fn ended(&self, op: Operation) -> Result<(Operation, Option<String>), StoreError> {
        let amiss = match op.state {
            // One that goes on has a card where it does not go well.
            State::Queued | State::Running => None,
            State::Succeeded => {
                let issues = self.desk.store.load(&op.id).await?.is_some_and(|run| !run.issues().is_empty());
                issues.then(|| format!("{} with issues", op.id))
            }
            other => Some(format!("{} {}", op.id, other.spoken())),
        };
        Ok((op, amiss))
    }

    /// Once a day, a line on what was started by itself.
    async fn say_daily(&self, all: &[Due], any: bool, now: Moment) -> Result<(), StoreError> {
        let is = all.iter().find(|due| due.environment == EVERYWHERE && due.routine == DAILY);
        let rhythm = Rhythm::parse(LINE).map_err(|why| StoreError::Database(why.into()))?;
        let gap = u64::try_from(rhythm.gap().as_millis()).unwrap_or(u64::MAX);
        let at = |at| Due {
            environment: EVERYWHERE.to_owned(),
            routine: DAILY.to_owned(),
            at,
            kept: Kept { gap, ..Kept::default() },
        };
        let (next, none) = (rhythm.next(now, now, Duration::ZERO), Duration::ZERO);
        let mut commit = Commit::default();
        match is {
            None if any => commit.dues.push(DueWrite::Plan { due: at(rhythm.first(now, none)), was: None }),
            Some(due) if due.astray(now) => commit.dues.push(DueWrite::Plan { due: at(next), was: Some(due.at) }),
            Some(due) if due.at <= now => {
                commit.dues.push(DueWrite::Take { due: at(next), was: due.at });
                let since = self.desk.clock.now() - rhythm.gap();
                let filter = Filter { limit: RECENT, ..Filter::default() };
                let all = self.desk.store.list(&filter).await?;
                let mut day = Vec::new();
                for op in all.into_iter().filter(|op| op.created >= since && op.by_schedule.is_some()) {
                    day.push(self.ended(op).await?);
                }
                if let Some((level, text)) = line(&day) {
                    commit.notices.push(notice(due, "line", level, text));
                }
            }
            None | Some(_) => return Ok(()),
        }
        self.commit(commit).await
    }
}

fn find<'f, 'a>(force: &'f [Force<'a>], due: &Due) -> Option<&'f Force<'a>> {
    force.iter().find(|each| each.environment.name == due.environment && each.routine.name() == due.routine)
}

/// Why it was asked for, in plain text.
fn reason(schedule: &Operation, beyond: Option<&str>) -> String {
    match beyond {
        None => format!("by schedule {}", schedule.id),
        Some(why) => format!("by schedule {}, which does not cover it: {why}", schedule.id),
    }
}

/// What was told, short enough to be kept.
fn fingerprint(told: &str) -> String {
    hex::encode(&Sha256::digest(told)[..8])
}

fn sentence(why: &str) -> String {
    let why = why.trim();
    if why.ends_with('.') { why.to_owned() } else { format!("{why}.") }
}

fn audit(action: &str, due: &Due, detail: serde_json::Value, at: Moment) -> AuditEntry {
    let what = json!({"environment": due.environment, "routine": due.routine, "due": due.at, "detail": detail});
    AuditEntry { at, actor: SELF.to_owned(), action: action.to_owned(), operation: None, detail: what }
}

fn notice(due: &Due, what: &str, level: Level, text: String) -> Notice {
    Notice::Channel {
        environment: due.environment.clone(),
        key: format!("{what}:{}:{}", due.routine, due.at.0),
        level,
        text,
        attachment: Attachment::default(),
    }
}

/// What became of the runs of a day, in a line; none where there were none.
fn line(day: &[(Operation, Option<String>)]) -> Option<(Level, String)> {
    let mut environments: BTreeMap<&str, (usize, Vec<&str>)> = BTreeMap::new();
    for (op, wrong) in day {
        let (runs, amiss) = environments.entry(op.environment()).or_default();
        *runs += 1;
        amiss.extend(wrong.as_deref());
    }
    if environments.is_empty() {
        return None;
    }
    let well = environments.values().all(|(_, amiss)| amiss.is_empty());
    let each = environments.iter().map(|(name, (runs, amiss))| match amiss.as_slice() {
        [] => format!("`{}` {}", escape(name), count(*runs, "run")),
        amiss => format!("`{}` {}, of which {}", escape(name), count(*runs, "run"), amiss.join(", ")),
    });
    let text = format!("Started by schedule in the last 24 h: {}.", each.collect::<Vec<_>>().join("; "));
    Some(if well { (Level::Success, format!("{text} All is well.")) } else { (Level::Warning, text) })
}
