//! Commands that only read: help, and the answers that the ledger alone gives.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::desk::{Desk, say};
use crate::{
    domain::{
        answers::{self, Known, Runs, Told, Wants},
        command::{Command, Does, List},
        cost::Hardware,
        environment::Environment,
        language,
        moment::Moment,
        operation::{OpId, Operation, Run, State},
        reach::EVERYWHERE,
        text::escape,
        tier,
    },
    ports::{
        chat::{Level, Reply},
        store::{Filter, MarkKind, StoreError},
    },
};

/// Unfinished runs that one answer rests on; more than that at the same time are nobody's platform.
const UNFINISHED: u32 = 500;

/// How far back is looked for the last measurement of an environment.
const MEASURED: Duration = Duration::from_secs(3600);

impl Desk {
    /// Answers a command that changes nothing.
    pub(super) async fn read(&self, command: &Command, by: &str) -> Result<Reply, StoreError> {
        match command.does() {
            Does::Explain => Ok(say(Level::Info, language::help(&command.values().topic, &self.environments()))),
            Does::Answer => self.answer(command).await,
            Does::List(List::Points) => self.backup_list(command, by).await,
            Does::List(List::Restorable) => self.restore_list(command, by).await,
            Does::List(List::Readiness) => self.dr_status(command, by).await,
            Does::List(List::Failover) => self.dr_failover(command, by).await,
            Does::List(List::Serving) => self.dr_validate(command, by).await,
            Does::List(List::Failback) => self.dr_failback(command, by).await,
            Does::List(List::Schedule) => self.schedule_list(command.environment().unwrap_or_default(), by).await,
            Does::Operation | Does::Control(_) => Ok(no_question(command)),
        }
    }

    async fn answer(&self, command: &Command) -> Result<Reply, StoreError> {
        let Some(answer) = answers::asked(command) else { return Ok(no_question(command)) };
        let (wants, named) = (answer.wants(command), command.environment());
        let standing = if wants.environments { self.standing_now(named).await? } else { Vec::new() };
        let known = self.known(&standing, wants, named).await?;
        let Told { found, text, attachment } = answer.tell(command, &known);
        Ok(Reply { level: if found { Level::Info } else { Level::Error }, text, attachment })
    }

    /// The environment of that name, or all of them, as they stand now, and since when nothing protects each.
    pub(super) async fn standing_now(
        &self,
        named: Option<&str>,
    ) -> Result<Vec<(Environment, Option<Moment>)>, StoreError> {
        let mut all = Vec::new();
        for name in self.environments().into_iter().filter(|name| named.is_none_or(|named| named == *name)) {
            let Some((active, environment)) = self.planner.where_it_runs(name).await? else { continue };
            let exposed = self.planner.environment(name).and_then(|config| active.exposed(config));
            all.push((environment, exposed));
        }
        Ok(all)
    }

    /// What an answer rests on, about these environments; `named` is the one that was asked about.
    pub(super) async fn known<'a>(
        &'a self,
        standing: &'a [(Environment, Option<Moment>)],
        wants: Wants,
        named: Option<&str>,
    ) -> Result<Known<'a>, StoreError> {
        let Wants { environments: _, newest, runs, stops, marks, measured, dues, attainment, approvers } = wants;
        let mut known = Known {
            now: self.clock.now(),
            newest: self.newest(named, newest).await?,
            runs: self.runs(runs).await?,
            stops: if stops { self.store.stops().await? } else { Vec::new() },
            marks: match approvers {
                true => self.store.marks(EVERYWHERE, Some(MarkKind::Reach)).await?,
                false => Vec::new(),
            },
            rules: self.planner.rules(),
            owners: BTreeMap::new(),
            hardware: BTreeMap::new(),
            measured: BTreeMap::new(),
            exposed: standing.iter().filter_map(|(env, at)| Some((env.name.clone(), (*at)?))).collect(),
            samples: Vec::new(),
            tallies: Vec::new(),
            dues: if dues { self.store.dues(named).await?.all } else { Vec::new() },
            environments: standing.iter().map(|(environment, _)| environment).collect(),
        };
        for Environment { name, .. } in standing.iter().map(|(environment, _)| environment) {
            for kind in marks {
                known.marks.extend(self.store.marks(name, Some(*kind)).await?);
            }
            if measured {
                let samples = self.store.samples(name, known.now - MEASURED).await?;
                known.measured.extend(samples.iter().map(|s| s.at).max().map(|at| (name.clone(), at)));
                known.samples.extend(samples);
            }
        }
        for Environment { name, .. } in standing.iter().map(|(environment, _)| environment).filter(|_| attainment) {
            known.tallies.extend(self.store.tallies(name, tier::since(known.now)).await?);
        }
        let setters: BTreeSet<&String> =
            known.marks.iter().map(|mark| &mark.operation).filter(|id| !id.is_empty()).collect();
        for id in setters {
            let Some(run) = self.store.load(&OpId(id.clone())).await? else { continue };
            let left = known.marks.iter().filter(|mark| mark.operation == *id);
            let seen = left.filter_map(|mark| Some((mark.subject.clone(), Hardware::of(&mark.subject, &run)?)));
            known.hardware.extend(seen);
            known.owners.insert(id.clone(), run.op.requester.user);
        }
        Ok(known)
    }

    async fn newest(&self, environment: Option<&str>, limit: u32) -> Result<Vec<Operation>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let filter = Filter { environment: environment.map(str::to_owned), states: Vec::new(), limit };
        self.store.list(&filter).await
    }

    async fn runs(&self, wanted: Runs) -> Result<Vec<Run>, StoreError> {
        let ids: Vec<OpId> = match wanted {
            Runs::Nothing => Vec::new(),
            Runs::One(id) => vec![id],
            Runs::Unfinished => {
                let states = State::ALL.into_iter().filter(|state| !state.terminal()).collect();
                let filter = Filter { environment: None, states, limit: UNFINISHED };
                self.store.list(&filter).await?.into_iter().map(|op| op.id).collect()
            }
        };
        let mut runs = Vec::with_capacity(ids.len());
        for id in ids {
            runs.extend(self.store.load(&id).await?);
        }
        Ok(runs)
    }
}

fn no_question(command: &Command) -> Reply {
    say(Level::Error, format!("`{}` is not a question.", escape(command.name())))
}
