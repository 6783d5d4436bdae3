//! One transaction around one operation: edits of its record, with the audit entries and notices that belong to them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    domain::{
        datum,
        drill::EXERCISE,
        moment::Moment,
        operation::{OpId, Operation, Run, State, Trigger, Turn},
        operations,
        step::{Step, StepEvent, StepState, Work},
    },
    ports::{
        alert::Topic,
        chat::{Attachment, File, Level, Reply},
        store::{AuditEntry, Commit, DueWrite, Guard, Lock, MarkWrite, Notice, OpWrite},
    },
};

/// The actor of what the product does by itself.
pub const SELF: &str = "bbws";

/// A move that the state machine does not allow now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// Of the operation.
    #[error("{0} is {1}")]
    Operation(String, State),
    /// Of a step.
    #[error("step {0} of {1} is {2}")]
    Step(usize, String, StepState),
}

/// A change in the making. Dropping it changes nothing.
#[derive(Debug, Clone)]
pub struct Change {
    /// The record as it will be.
    pub run: Run,
    now: Moment,
    touched: BTreeSet<usize>,
    replaced: bool,
    lock: Lock,
    supplanted: Option<OpWrite>,
    lift: Option<String>,
    audit: Vec<AuditEntry>,
    notices: Vec<Notice>,
    marks: Vec<MarkWrite>,
    dues: Vec<DueWrite>,
    answers: Option<(String, String)>,
}

impl Change {
    /// Begins a change of this record. The card is redrawn with every change.
    pub fn on(run: &Run, now: Moment) -> Change {
        Change {
            run: run.clone(),
            now,
            touched: BTreeSet::new(),
            replaced: false,
            lock: Lock::Keep,
            supplanted: None,
            lift: None,
            audit: Vec::new(),
            notices: vec![Notice::Card { operation: run.op.id.clone() }],
            marks: Vec::new(),
            dues: Vec::new(),
            answers: None,
        }
    }

    /// The moment of the change.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Shorthand for the header.
    pub fn op(&mut self) -> &mut Operation {
        &mut self.run.op
    }

    /// Moves the operation, writes it into the audit chain, and does what every entry into a state needs: a terminal
    /// state frees the environment, drops what has not begun, and keeps the time.
    ///
    /// # Errors
    /// [`Illegal`] when the state machine has no such move.
    pub fn trigger(&mut self, trigger: Trigger, actor: &str) -> Result<State, Illegal> {
        let from = self.run.op.state;
        let to = from.on(trigger).ok_or_else(|| Illegal::Operation(self.run.op.id.to_string(), from))?;
        self.run.op.state = to;
        self.run.op.wake_at = self.now;
        self.audit(actor, "state", json!({"from": from.name(), "to": to.name()}));
        if to.terminal() {
            self.run.op.ended = Some(self.now);
            self.run.op.deadline = None;
            self.run.op.wake_at = Moment::FAR_FUTURE;
            self.lock = Lock::Free;
            // What gave its environment up is closed at any time: others may have moved it on since.
            if to == State::Cancelled && self.run.op.gave_way().is_none() {
                self.settle_where_it_runs()?;
            }
            let operation = operations::of(self.run.op.kind());
            self.marks.extend(operation.yields(&self.run.op));
            self.marks.extend(operation.remembers(&self.run));
            self.skip_ready();
        }
        Ok(to)
    }

    /// Whoever gives a run up does not give up what is so: where it led traffic elsewhere, the ledger says so from this transaction on.
    fn settle_where_it_runs(&mut self) -> Result<(), Illegal> {
        let owed = self.run.owes();
        let Some((index, mark)) =
            owed.map(|(index, what)| (index, what.written(self.run.op.environment(), &self.run.op.id.0, self.now)))
        else {
            return Ok(());
        };
        if self.run.steps[index].state == StepState::Skipped {
            self.step(index, StepEvent::Reset)?;
        }
        self.step(index, StepEvent::Intend)?;
        self.step(index, StepEvent::Finish)?;
        self.audit(SELF, "settled", json!({"step": index, "note": mark.note}));
        self.marks.push(MarkWrite::Set(mark));
        Ok(())
    }

    /// Turns the run back: what has not begun is skipped, what only looks is given up, what changes something is watched to its end, and then
    /// the steps of the way back begin. What nobody knows of is looked for first. A run that was over takes its environment again.
    ///
    /// # Errors
    /// [`Illegal`] when the state machine has no such move, or the run has turned back already.
    pub fn turn_back(&mut self, by: &str, reason: Option<String>) -> Result<(), Illegal> {
        let from = self.run.op.state;
        if self.run.op.turned.is_some() {
            return Err(Illegal::Operation(self.run.op.id.to_string(), from));
        }
        if from != State::Running {
            self.trigger(Trigger::TurnBack, by)?;
        }
        if from.terminal() {
            self.run.op.ended = None;
            self.run.op.outcome = None;
            if operations::of(self.run.op.kind()).locked_by(&self.run.op.plan) {
                self.lock = Lock::Take;
            }
        }
        self.run.op.halt = None;
        self.run.op.wake_at = self.now;
        self.audit(by, "turn_back", json!({"reason": reason}));
        self.run.op.turned = Some(Turn { by: by.to_owned(), reason, at: self.now });
        self.dismiss_people();
        let (now, steps) = (self.now, 0..self.run.steps.len());
        for index in steps {
            let (back, always) = (self.run.back(index), self.run.always(index));
            let looks = self.run.op.plan.steps.get(index).is_some_and(|spec| !spec.action.work().is_intended());
            match self.run.steps[index].state {
                StepState::Ready if !back && !always => self.skip(&[index]),
                // Nobody waits for an answer about what is taken back.
                StepState::Polling if !back && !always && looks => drop(self.step(index, StepEvent::Dismiss)?),
                StepState::Skipped if back => self.step(index, StepEvent::Reset)?.wake_at = now,
                StepState::Unknown => self.step(index, StepEvent::Reset)?.wake_at = now,
                _ => {}
            }
        }
        let needless = self.run.needless();
        self.skip(&needless);
        Ok(())
    }

    /// Gives up every step that waits for the word of people.
    pub fn dismiss_people(&mut self) {
        for index in 0..self.run.steps.len() {
            let asks = self.run.op.plan.steps.get(index).is_some_and(|s| s.action.work() == Work::People);
            if asks && self.run.steps[index].state == StepState::Polling && self.step(index, StepEvent::Dismiss).is_ok()
            {
                self.touch(index).detail = None;
            }
        }
    }

    /// Enters or leaves `waiting`, by whether a step waits for the word of people.
    ///
    /// # Errors
    /// [`Illegal`], never for a run that is under way.
    pub fn heed_people(&mut self) -> Result<(), Illegal> {
        match (self.run.op.state, self.run.asks_people()) {
            (State::Running, true) => self.trigger(Trigger::Wait, SELF).map(drop),
            (State::Waiting, false) => self.trigger(Trigger::Continue, SELF).map(drop),
            _ => Ok(()),
        }
    }

    /// Moves a step; keeps its times.
    ///
    /// # Errors
    /// [`Illegal`] when the state machine has no such move.
    pub fn step(&mut self, index: usize, event: StepEvent) -> Result<&mut Step, Illegal> {
        let id = self.run.op.id.to_string();
        let step = &mut self.run.steps[index];
        let to = step.state.on(event).ok_or(Illegal::Step(index, id, step.state))?;
        step.state = to;
        match to {
            StepState::Calling | StepState::Polling => step.started = step.started.or(Some(self.now)),
            StepState::Done | StepState::Failed | StepState::Unknown => step.ended = Some(self.now),
            StepState::Ready | StepState::Skipped => {}
        }
        self.touched.insert(index);
        Ok(step)
    }

    /// Edits a step without moving it.
    pub fn touch(&mut self, index: usize) -> &mut Step {
        self.touched.insert(index);
        &mut self.run.steps[index]
    }

    /// Replaces the steps with those of a new plan.
    pub fn replace_steps(&mut self, steps: Vec<Step>) {
        self.touched = (0..steps.len()).collect();
        self.run.steps = steps;
        self.replaced = true;
    }

    /// Skips every step that has not begun.
    pub fn skip_ready(&mut self) {
        let ready: Vec<usize> =
            self.run.steps.iter().filter(|s| s.state == StepState::Ready).map(|s| s.index).collect();
        self.skip(&ready);
    }

    /// Skips these steps, which must be ready.
    pub fn skip(&mut self, indexes: &[usize]) {
        for index in indexes {
            self.run.steps[*index].state = StepState::Skipped;
            self.touched.insert(*index);
        }
    }

    /// What happens to the environment's lock.
    pub fn lock(&mut self, lock: Lock) {
        self.lock = lock;
    }

    /// The operation from which it is to take the environment.
    pub fn takes_from(&self) -> Option<&OpId> {
        match &self.lock {
            Lock::TakeFrom(from) => Some(from),
            Lock::Keep | Lock::Take | Lock::Free => None,
        }
    }

    /// Takes the environment from another operation, which this stops in the same transaction.
    pub fn supplant(&mut self, stopped: Change) {
        let from = stopped.run.op.id.clone();
        let guard = Guard::Version(stopped.run.version);
        let (_, other) = stopped.commit(guard);
        // What a terminal state frees passes on instead.
        self.supplanted = other.op.map(|write| OpWrite { lock: Lock::Keep, ..write });
        self.lock = Lock::TakeFrom(from);
        self.audit.extend(other.audit);
        self.notices.extend(other.notices);
        self.marks.extend(other.marks);
    }

    /// Lifts a stop in the same transaction.
    pub fn lift(&mut self, scope: &str) {
        self.lift = Some(scope.to_owned());
    }

    /// Adds to the audit chain.
    pub fn audit(&mut self, actor: &str, action: &str, detail: Value) {
        self.audit.push(AuditEntry {
            at: self.now,
            actor: actor.to_owned(),
            action: action.to_owned(),
            operation: Some(self.run.op.id.clone()),
            detail,
        });
    }

    /// Tells the card's thread, once per key.
    pub fn thread(&mut self, key: impl Into<String>, level: Level, text: impl Into<String>) {
        self.show(key, level, text, Attachment::default());
    }

    /// Tells the card's thread, once per key, with something beside it. What goes well has no card where a schedule started it.
    pub fn show(&mut self, key: impl Into<String>, level: Level, text: impl Into<String>, attachment: Attachment) {
        if self.run.quiet() && matches!(level, Level::Info | Level::Success) {
            return;
        }
        let operation = self.run.op.id.clone();
        let text = match operations::of(self.run.op.kind()).exercise() {
            true => format!("*{EXERCISE}* · {}", text.into()),
            false => text.into(),
        };
        self.notices.push(Notice::Thread { operation, key: key.into(), level, text, attachment });
    }

    /// Shares a file in the card's thread, once per name.
    pub fn share(&mut self, file: File) {
        self.notices.push(Notice::File { operation: self.run.op.id.clone(), file });
    }

    /// Puts this into the canvas of the incident's room.
    pub fn canvas(&mut self, markdown: String) {
        self.notices.push(Notice::Canvas { operation: self.run.op.id.clone(), markdown });
    }

    /// Remembers or forgets something in the same transaction.
    pub fn mark(&mut self, write: MarkWrite) {
        self.marks.push(write);
    }

    /// Takes or plans the time at which something starts by itself, in the same transaction.
    pub fn due(&mut self, write: DueWrite) {
        self.dues.push(write);
    }

    /// Tells one person.
    pub fn whisper(&mut self, channel: &str, user: &str, reply: &Reply) {
        self.notices.push(Notice::Whisper {
            channel: channel.to_owned(),
            user: user.to_owned(),
            level: reply.level,
            text: reply.text.clone(),
            attachment: reply.attachment.clone(),
        });
    }

    /// Says something in a channel that is not the environment's own, once per key.
    pub fn post(&mut self, channel: &str, key: impl Into<String>, level: Level, text: impl Into<String>) {
        self.notices.push(Notice::Post {
            channel: channel.to_owned(),
            key: key.into(),
            level,
            text: text.into(),
            attachment: Attachment::default(),
        });
    }

    /// Publishes to a topic of the environment, once per key.
    pub fn publish(&mut self, topic: Topic, key: impl Into<String>, subject: impl Into<String>, body: Value) {
        let environment = self.run.op.environment().to_owned();
        self.notices.push(Notice::Publish { environment, topic, key: key.into(), subject: subject.into(), body });
    }

    /// Puts into CloudWatch what the run came to, once per round.
    pub fn measure(&mut self, round: i64) {
        let data = datum::of(&self.run);
        if !data.is_empty() {
            let (environment, at) = (self.run.op.environment().to_owned(), self.now());
            let key = format!("{}-{round}", self.run.op.id);
            self.notices.push(Notice::Measure { environment, key, at, data });
        }
    }

    /// This change answers a request.
    pub fn answer(&mut self, request: &str, answer: impl Into<String>) {
        self.answers = Some((request.to_owned(), answer.into()));
    }

    /// The transaction.
    pub fn commit(self, guard: Guard) -> (Run, Commit) {
        let Change { mut run, touched, replaced, lock, supplanted, lift, audit, notices, marks, dues, answers, .. } =
            self;
        let steps = touched.iter().filter_map(|i| run.steps.get(*i).cloned()).collect();
        let op = OpWrite { guard, op: run.op.clone(), steps, replace_steps: replaced, lock };
        run.version += 1;
        (
            run,
            Commit {
                op: Some(op),
                supplanted,
                stop: None,
                lift,
                audit,
                notices,
                marks,
                dues,
                answers,
                ..Commit::default()
            },
        )
    }
}
