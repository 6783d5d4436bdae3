//! From what was asked to a plan, resolved against the live world: at the request, and again just before the run.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    domain::{
        command::{self, Command, ScheduleAct},
        environment::Environment,
        mark::{Mark, MarkKind},
        moment::Moment,
        operation::{OpId, Run, State, backup, backup::Target, cleanup, delete, hold, resume, schedule, validate},
        plan::Plan,
        point::Point,
        policy::{self, Need, Rule},
        retention,
        step::{Action, Step, StepState},
        world::{Survey, World},
    },
    ports::{
        cloud::{Cloud, CloudError},
        store::{Filter, Store, StoreError},
    },
};

/// Why there is no plan.
#[derive(Debug)]
pub enum NoPlan {
    /// It cannot be done as asked; every reason.
    Problems(Vec<String>),
    /// AWS did not answer; asking again may work.
    Later(String),
    /// The ledger failed.
    Ledger(StoreError),
}

impl From<StoreError> for NoPlan {
    fn from(error: StoreError) -> NoPlan {
        NoPlan::Ledger(error)
    }
}

impl From<Vec<String>> for NoPlan {
    fn from(problems: Vec<String>) -> NoPlan {
        NoPlan::Problems(problems)
    }
}

/// Operations looked through for legal holds of a ticket.
const HOLDS: u32 = 5_000;

/// Makes plans.
pub struct Planner {
    environments: BTreeMap<String, Arc<Environment>>,
    rules: Vec<Rule>,
    cloud: Arc<dyn Cloud>,
    store: Arc<dyn Store>,
}

/// An operation about to be planned.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its id.
    pub id: &'a OpId,
    /// When it was asked for: what depends on the time is planned for this moment, so that planning again gives the same.
    pub at: Moment,
    /// Slack user id of who asked.
    pub by: &'a str,
}

/// What a command that makes an operation is called in ids and in policy.
pub fn kind_and_prefix(command: &Command) -> Option<(&'static str, &'static str)> {
    Some(match command {
        Command::BackupCreate { .. } => (backup::KIND, backup::PREFIX),
        Command::BackupValidate { .. } => (validate::KIND, validate::PREFIX),
        Command::BackupSchedule { act: ScheduleAct::Create | ScheduleAct::Update, .. } => {
            (schedule::KIND, schedule::PREFIX)
        }
        Command::BackupDelete { .. } => (delete::KIND, delete::PREFIX),
        Command::BackupHold { .. } => (hold::KIND, hold::PREFIX),
        _ => return None,
    })
}

impl Planner {
    /// With the config's environments and approval rules.
    pub fn new(
        environments: BTreeMap<String, Arc<Environment>>,
        rules: Vec<Rule>,
        cloud: Arc<dyn Cloud>,
        store: Arc<dyn Store>,
    ) -> Planner {
        Planner { environments, rules, cloud, store }
    }

    /// An environment by name.
    pub fn environment(&self, name: &str) -> Option<&Arc<Environment>> {
        self.environments.get(name)
    }

    /// All environments.
    pub fn environments(&self) -> impl Iterator<Item = &Arc<Environment>> {
        self.environments.values()
    }

    /// AWS, for what only looks.
    pub fn cloud(&self) -> &dyn Cloud {
        self.cloud.as_ref()
    }

    /// Plans what a command asks for and says who has to agree to it.
    ///
    /// # Errors
    /// See [`NoPlan`].
    pub async fn plan(&self, command: &Command, asked: Asked<'_>) -> Result<(Plan, Vec<Need>), NoPlan> {
        match command {
            Command::BackupCreate { environment, scope, tenant, .. } => {
                let env = self.known(environment)?;
                let target = Target::new(env, *scope, tenant.as_deref()).map_err(|why| vec![why])?;
                let world = self.survey(env, &target.survey(), asked.by).await?;
                let marks = self.store.marks(environment, Some(MarkKind::Tier)).await?;
                let others = others(marks, asked.id);
                let plan = target.plan(&world, &others, asked.id, asked.at)?;
                Ok((plan, self.needs(backup::KIND, environment, &target.scope())))
            }
            Command::BackupValidate { environment, checks, .. } => {
                let env = self.known(environment)?;
                let world = self.survey(env, &validate::survey(env, *checks), asked.by).await?;
                let plan = validate::plan(env, *checks, &world, asked.id, asked.at)?;
                Ok((plan, self.needs(validate::KIND, environment, "")))
            }
            Command::BackupSchedule { environment, act, retention, cron, kind, .. } => {
                let env = self.known(environment)?;
                schedule::bounds(env, *retention).map_err(|why| vec![why])?;
                let world = self.survey(env, &schedule::survey(env), asked.by).await?;
                let wanted = schedule::Wanted { act: *act, retention: *retention, cron: cron.as_deref(), kind: *kind };
                let plan = schedule::plan(env, &wanted, &world)?;
                Ok((plan, self.needs(schedule::KIND, environment, act.as_str())))
            }
            Command::BackupDelete { environment, point, .. } => {
                let env = self.known(environment)?;
                let world = self.survey(env, &delete::survey(point), asked.by).await?;
                let marks = self.store.marks(environment, None).await?;
                let plan = delete::plan(env, point, &world, &marks, asked.at)?;
                Ok((plan, delete::needs(env, self.needs(delete::KIND, environment, ""))))
            }
            Command::BackupHold { environment, point, ticket, release, .. } => {
                let env = self.known(environment)?;
                let world = self.survey(env, &hold::survey(point), asked.by).await?;
                let marks = others(self.store.marks(environment, None).await?, asked.id);
                let plan = if *release {
                    let legal = self.legal_holds(&world, point, ticket, &marks).await?;
                    hold::release(env, point, ticket, &world, &marks, &legal)?
                } else {
                    let marks = self.carried_through(marks).await?;
                    hold::hold(env, point, ticket, &world, &marks)?
                };
                let scope = if *release { hold::RELEASE } else { "hold" };
                Ok((plan, hold::needs(self.needs(hold::KIND, environment, scope), *release)))
            }
            other => Err(NoPlan::Problems(vec![format!("`{}` is not something to plan.", other.name())])),
        }
    }

    /// Resolves the same request again, to compare with what was approved.
    ///
    /// # Errors
    /// See [`NoPlan`].
    pub async fn again(&self, run: &Run) -> Result<Plan, NoPlan> {
        let op = &run.op;
        if matches!(op.kind(), resume::KIND | cleanup::KIND) || half_way(run) {
            return Ok(op.plan.clone());
        }
        let names: Vec<&str> = self.environments.keys().map(String::as_str).collect();
        let command = command::parse(&op.command, &names).map_err(|wrong| {
            vec![format!("What {} was asked for (`{}`) is no longer understood: {}", op.id, op.command, wrong.said)]
        })?;
        let asked = Asked { id: &op.id, at: op.created, by: &op.requester.user };
        self.plan(&command, asked).await.map(|(plan, _)| plan)
    }

    fn known(&self, environment: &str) -> Result<&Arc<Environment>, NoPlan> {
        let unknown = || vec![format!("There is no environment `{environment}` in the config.")].into();
        self.environments.get(environment).ok_or_else(unknown)
    }

    fn needs(&self, kind: &str, environment: &str, scope: &str) -> Vec<Need> {
        policy::needs(&self.rules, kind, environment, scope)
    }

    async fn survey(&self, env: &Environment, ask: &Survey, by: &str) -> Result<World, NoPlan> {
        if *ask == Survey::default() {
            return Ok(World::default());
        }
        let mut world = self.cloud.survey(env, ask, by).await.map_err(no_world)?;
        // Regions answer in any order; a plan must not depend on it.
        let order = |p: &Point| (p.region != env.primary_region, p.created, p.arn.clone());
        world.lineage.sort_by_key(order);
        world.newest.sort_by_key(order);
        Ok(world)
    }

    /// Marks without holds that were asked for and not carried through in AWS: those may be asked for again.
    async fn carried_through(&self, marks: Vec<Mark>) -> Result<Vec<Mark>, StoreError> {
        let mut kept = Vec::with_capacity(marks.len());
        for mark in marks {
            let done = match mark.kind {
                MarkKind::Hold => {
                    let held = self.store.load(&OpId(mark.operation.clone())).await?;
                    held.is_none_or(|run| run.op.state == State::Succeeded)
                }
                _ => true,
            };
            if done {
                kept.push(mark);
            }
        }
        Ok(kept)
    }

    /// Ids of the legal holds that the hold of this ticket made, by region, from the record of its steps.
    async fn legal_holds(
        &self,
        world: &World,
        point: &str,
        ticket: &str,
        marks: &[Mark],
    ) -> Result<BTreeMap<String, Vec<String>>, NoPlan> {
        let mut legal: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let Some(point) = world.lineage.iter().find(|p| p.id == point || p.arn == point) else { return Ok(legal) };
        let held = retention::holds(point, marks).into_iter().find(|m| m.note == ticket);
        let Some(held) = held else { return Ok(legal) };
        // A hold that failed half-way and was asked for again left legal holds under both operations.
        let subject = retention::hold_subject(point, ticket);
        let marks_it = |action: &Action| matches!(action, Action::Mark { subject: s, .. } if *s == subject);
        let filter = Filter { environment: Some(held.environment.clone()), states: Vec::new(), limit: HOLDS };
        let mut made: Vec<OpId> = self
            .store
            .list(&filter)
            .await?
            .into_iter()
            .filter(|op| op.plan.steps.iter().any(|s| marks_it(&s.action)))
            .map(|op| op.id)
            .collect();
        made.push(OpId(held.operation.clone()));
        made.sort();
        made.dedup();
        for id in made {
            let Some(run) = self.store.load(&id).await? else { continue };
            for (spec, step) in run.op.plan.steps.iter().zip(&run.steps) {
                if let (Action::LegalHold { region, .. }, Some(hold)) = (&spec.action, step.outputs.get("legal_hold")) {
                    legal.entry(region.clone()).or_default().push(hold.clone());
                }
            }
        }
        Ok(legal)
    }
}

/// A change of settings that is half carried out has changed the very world its plan was made for. Each of its steps
/// compares before it writes.
fn half_way(run: &Run) -> bool {
    matches!(run.op.kind(), schedule::KIND | hold::KIND) && run.steps.iter().any(|s| s.state == StepState::Done)
}

/// Marks that this operation did not set itself: a run that is planned again must not stand in its own way.
fn others(marks: Vec<Mark>, id: &OpId) -> Vec<Mark> {
    marks.into_iter().filter(|m| m.operation != id.0).collect()
}

fn no_world(error: CloudError) -> NoPlan {
    match error {
        CloudError::Permanent { reason } => NoPlan::Problems(vec![reason]),
        CloudError::Retryable { reason, .. } | CloudError::Unknown { reason } => NoPlan::Later(reason),
    }
}

/// Steps of a plan with what experience says of their durations: the median of the last five.
///
/// # Errors
/// The ledger's.
pub async fn steps_with_experience(store: &dyn Store, plan: &Plan) -> Result<Vec<Step>, StoreError> {
    let mut known: BTreeMap<(&str, &str), Option<Duration>> = BTreeMap::new();
    let mut steps = Vec::with_capacity(plan.steps.len());
    for (index, spec) in plan.steps.iter().enumerate() {
        let key = (spec.action.kind(), spec.action.resource());
        let expected = match known.get(&key) {
            Some(expected) => *expected,
            None => {
                let mut past = store.durations(key.0, key.1, 5).await?;
                past.sort_unstable();
                *known.entry(key).or_insert(past.get(past.len() / 2).copied())
            }
        };
        steps.push(Step { expected, ..Step::new(index) });
    }
    Ok(steps)
}
