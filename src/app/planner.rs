//! From what was asked to a plan, resolved against the live world: at the request, and again just before the run.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use super::{in_force, sides, standing::standing};
use crate::{
    domain::{
        active::Active,
        command::Command,
        environment::{Environment, Side},
        experience,
        incident::{Measured, declared},
        language,
        mark::{Mark, MarkKind},
        moment::Moment,
        operation::{OpId, Run},
        operations::{self, Asked, Known, Marks, Operation, Past, Works},
        plan::Plan,
        point::Point,
        policy::{self, Need, Rule},
        price::{self, Price},
        readiness::{self, Readiness},
        step::{Action, Step},
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

/// Operations of an environment looked through for those that a plan rests on.
const PAST: u32 = 5_000;

/// How far back the health of the primary region is known.
const REMEMBERED: Duration = Duration::from_secs(8 * 86_400);

/// Makes plans.
pub struct Planner {
    environments: BTreeMap<String, Arc<Environment>>,
    rules: Vec<Rule>,
    cloud: Arc<dyn Cloud>,
    store: Arc<dyn Store>,
}

/// Who asks for an operation, when, and what it will be called.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// Its id.
    pub id: &'a OpId,
    /// When it was asked for.
    pub at: Moment,
    /// What is drawn at random is drawn for this moment.
    pub drawn: Moment,
    /// Slack user id of who asked.
    pub by: &'a str,
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

    /// An environment by name, as the config declares it.
    pub fn environment(&self, name: &str) -> Option<&Arc<Environment>> {
        self.environments.get(name)
    }

    /// All environments, as the config declares them.
    pub fn environments(&self) -> impl Iterator<Item = &Arc<Environment>> {
        self.environments.values()
    }

    /// An environment by name, as it is where it runs now.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn where_it_runs(&self, name: &str) -> Result<Option<(Active, Environment)>, StoreError> {
        let Some(config) = self.environments.get(name) else { return Ok(None) };
        let active = self.active(name).await?;
        let environment = active.environment(&*self.on_its_side(config, &active, None).await?).into_owned();
        Ok(Some((active, environment)))
    }

    /// An environment by name, as the config has it and the instances that are live stand, and where it runs.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn standing(&self, name: &str) -> Result<Option<(Arc<Environment>, Active)>, StoreError> {
        let Some(config) = self.environments.get(name) else { return Ok(None) };
        let active = self.active(name).await?;
        Ok(Some((self.on_its_side(config, &active, None).await?, active)))
    }

    /// An environment before it is taken to the side where it runs: which instances are live is known of the primary region.
    async fn on_its_side(
        &self,
        declared: &Arc<Environment>,
        active: &Active,
        own: Option<&OpId>,
    ) -> Result<Arc<Environment>, StoreError> {
        match active.side {
            Side::Primary => standing(self.store.as_ref(), declared, own).await,
            Side::Dr => Ok(Arc::clone(declared)),
        }
    }

    /// Where an environment runs.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn active(&self, name: &str) -> Result<Active, StoreError> {
        Ok(Active::of(&self.store.marks(name, Some(MarkKind::Active)).await?))
    }

    /// What AWS shows of both sides of an environment now, and what the ledger remembers of what AWS cannot show now.
    ///
    /// # Errors
    /// AWS's, for the wrong account, within the ledger's.
    pub async fn readiness(
        &self,
        config: &Environment,
        active: &Active,
        by: &str,
    ) -> Result<Result<Readiness, CloudError>, StoreError> {
        sides::readiness(self.cloud.as_ref(), self.store.as_ref(), config, active, by).await
    }

    /// For how long the primary region of an environment has been seen healthy without a gap; none where it is not known to be.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn healthy(&self, environment: &str, now: Moment) -> Result<Option<Duration>, StoreError> {
        let samples = self.store.samples(environment, now - REMEMBERED).await?;
        Ok(readiness::healthy_for(&samples, now))
    }

    /// What waiting with a failover costs, by what was found of both sides and by what own runs took.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn price(&self, config: &Environment, found: &Readiness) -> Result<Price, StoreError> {
        let samples = self.store.samples(&config.name, found.at - sides::RECALLED).await?;
        let filter = Filter { environment: Some(config.name.clone()), limit: PAST, ..Filter::default() };
        let runs = self.store.list(&filter).await?;
        let open = runs.iter().filter(|op| !op.state.terminal()).filter_map(|op| declared(&op.plan));
        let first_sign = open.map(|room| room.first_sign).min();
        let measured = price::measured(&experience::of(&runs));
        Ok(Price::of(found, [price::answered(&samples), first_sign], measured, config.rto.0))
    }

    /// The approval rules.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// How long own failovers of an environment took; none while fewer were measured than give a number.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn failovers_took(&self, environment: &str) -> Result<Option<Measured>, StoreError> {
        let filter = Filter { environment: Some(environment.to_owned()), limit: PAST, ..Filter::default() };
        let (takes, runs) = price::measured(&experience::of(&self.store.list(&filter).await?));
        Ok(takes.map(|takes| Measured { takes: takes.as_secs(), runs }))
    }

    /// AWS, for what only looks.
    pub fn cloud(&self) -> &dyn Cloud {
        self.cloud.as_ref()
    }

    /// Plans what a command asks for and says who has to agree to it.
    ///
    /// # Errors
    /// See [`NoPlan`].
    pub async fn plan(&self, command: &Command, asking: Asking<'_>) -> Result<(Plan, Vec<Need>), NoPlan> {
        let (Some(operation), Some(environment)) = (operations::asked(command), command.environment()) else {
            return Err(NoPlan::Problems(vec![format!("`{}` is not something to plan.", command.name())]));
        };
        let declared = self.known(environment)?;
        let active = self.active(environment).await?;
        let config = self.on_its_side(declared, &active, Some(asking.id)).await?;
        let env = planned_for(operation, command, &config, &active)?;
        let asked =
            Asked { command, environment: &env, id: asking.id, at: asking.at, drawn: asking.drawn, active: &active };
        let ask = operation.survey(&asked)?;
        let mut world = self.survey(&env, &Survey { readiness: false, ..ask.clone() }, asking.by).await?;
        let (mut healthy, mut price) = (None, None);
        if ask.readiness {
            let found = self.readiness(&config, &active, asking.by).await?.map_err(no_world)?;
            healthy = self.healthy(&config.name, found.at).await?;
            price = Some(self.price(&config, &found).await?);
            world.readiness = Some(found);
        }
        let marks = match operation.marks() {
            Marks::Nothing => Vec::new(),
            Marks::Of(kind) => in_force::marks(self.store.as_ref(), environment, Some(kind)).await?,
            Marks::All => in_force::marks(self.store.as_ref(), environment, None).await?,
        };
        let marks: Vec<Mark> = marks.into_iter().filter(|m| m.operation != asking.id.0).collect();
        let past = self.past(environment, operation.past(&asked, &world, &marks)).await?;
        let rules = self.rules.clone();
        let plan = operation.plan(&asked, &Known { world, marks, past, rules, healthy, price })?;
        let needs = self.needs(&plan);
        Ok((plan, needs))
    }

    /// Who has to agree to such a plan.
    pub fn needs(&self, plan: &Plan) -> Vec<Need> {
        let operation = operations::of(&plan.kind);
        let scope = operation.scope(plan);
        let asked = |environment: &str| policy::needs(&self.rules, operation.kind(), environment, &scope);
        // What is about all environments takes whoever any of them asks for.
        let configured = match plan.environment.as_str() {
            "*" => policy::strictest(self.environments.keys().map(|name| asked(name))),
            one => asked(one),
        };
        operation.needs(plan, configured)
    }

    /// Resolves the same request again, to compare with what was approved.
    ///
    /// # Errors
    /// See [`NoPlan`].
    pub async fn again(&self, run: &Run) -> Result<Plan, NoPlan> {
        let op = &run.op;
        if !operations::of(op.kind()).plans_again(run) {
            return Ok(op.plan.clone());
        }
        let names: Vec<&str> = self.environments.keys().map(String::as_str).collect();
        let command = language::parse(&op.command, &names).map_err(|wrong| {
            vec![format!("What {} was asked for (`{}`) is no longer understood: {}", op.id, op.command, wrong.said)]
        })?;
        let drawn = op.by_schedule.as_ref().map_or(op.created, |by| by.due);
        let asking = Asking { id: &op.id, at: op.created, drawn, by: &op.requester.user };
        self.plan(&command, asking).await.map(|(plan, _)| plan)
    }

    fn known(&self, environment: &str) -> Result<&Arc<Environment>, NoPlan> {
        let unknown = || vec![format!("There is no environment `{environment}` in the config.")].into();
        self.environments.get(environment).ok_or_else(unknown)
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

    /// Runs that a plan rests on, in the order of their ids.
    async fn past(&self, environment: &str, past: Past) -> Result<Vec<Run>, StoreError> {
        let Past { mut ids, whose } = past;
        if let Some(whose) = whose {
            let filter = Filter { environment: Some(environment.to_owned()), states: Vec::new(), limit: PAST };
            ids.extend(self.store.list(&filter).await?.into_iter().filter(|op| whose(&op.plan)).map(|op| op.id));
        }
        ids.sort();
        ids.dedup();
        let mut runs = Vec::with_capacity(ids.len());
        for id in ids {
            runs.extend(self.store.load(&id).await?);
        }
        Ok(runs)
    }
}

/// The environment that an operation is planned for. Since it is another one on the other side, a plan for one side is void on
/// the other.
///
/// # Errors
/// When it does not work where the platform runs.
fn planned_for<'e>(
    operation: &dyn Operation,
    command: &Command,
    config: &'e Environment,
    active: &Active,
) -> Result<Cow<'e, Environment>, NoPlan> {
    match operation.works() {
        Works::OnBoth => Ok(Cow::Borrowed(config)),
        Works::AtHome(next) if active.side != Side::Primary => Err(NoPlan::Problems(vec![format!(
            "`{}` runs in {} since it was failed over, and `{}` works only while it runs in {}. {next}",
            config.name,
            config.region(active.side),
            command.name().replace('.', " "),
            config.primary_region
        )])),
        Works::AtHome(_) | Works::WhereItRuns => Ok(active.environment(config)),
    }
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
        if matches!(spec.action, Action::WaitForPeople(_)) {
            // How long people take to answer one question says nothing of how long they take over the next.
            steps.push(Step::new(index));
            continue;
        }
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
