//! From what was asked to a plan, resolved against the live world: at the request, and again just before the run.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    domain::{
        command::BackupScope,
        environment::Environment,
        moment::Moment,
        operation::{OpId, Operation, backup, backup::Target},
        plan::Plan,
        policy::{self, Need, Rule},
        step::Step,
    },
    ports::{
        cloud::{Cloud, CloudError},
        store::{Store, StoreError},
    },
};

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoPlan {
    /// It cannot be done as asked; every reason.
    Problems(Vec<String>),
    /// AWS did not answer; asking again may work.
    Later(String),
}

/// Makes plans.
pub struct Planner {
    environments: BTreeMap<String, Arc<Environment>>,
    rules: Vec<Rule>,
    cloud: Arc<dyn Cloud>,
}

impl Planner {
    /// With the config's environments and approval rules.
    pub fn new(environments: BTreeMap<String, Arc<Environment>>, rules: Vec<Rule>, cloud: Arc<dyn Cloud>) -> Planner {
        Planner { environments, rules, cloud }
    }

    /// An environment by name.
    pub fn environment(&self, name: &str) -> Option<&Arc<Environment>> {
        self.environments.get(name)
    }

    /// All environments.
    pub fn environments(&self) -> impl Iterator<Item = &Arc<Environment>> {
        self.environments.values()
    }

    /// Plans a backup and says who has to agree to it.
    ///
    /// # Errors
    /// See [`NoPlan`].
    pub async fn backup(
        &self,
        id: &OpId,
        created: Moment,
        requester: &str,
        environment: &str,
        scope: BackupScope,
        tenant: Option<&str>,
    ) -> Result<(Plan, Vec<Need>), NoPlan> {
        let env = self
            .environments
            .get(environment)
            .ok_or_else(|| NoPlan::Problems(vec![format!("There is no environment `{environment}` in the config.")]))?;
        let target = Target::new(env, scope, tenant).map_err(|why| NoPlan::Problems(vec![why]))?;
        let world = self.cloud.survey(env, &target.survey(), requester).await.map_err(no_world)?;
        let plan = target.plan(&world, id, created).map_err(NoPlan::Problems)?;
        let needs = policy::needs(&self.rules, backup::KIND, environment, &target.scope());
        Ok((plan, needs))
    }

    /// Resolves the same request again, to compare with what was approved.
    ///
    /// # Errors
    /// See [`NoPlan`].
    pub async fn again(&self, op: &Operation) -> Result<Plan, NoPlan> {
        if op.kind() != backup::KIND {
            return Ok(op.plan.clone());
        }
        let scope = op.plan.scope.parse::<BackupScope>().map_err(|_| {
            NoPlan::Problems(vec![format!("The scope `{}` of {} is not one this version knows.", op.plan.scope, op.id)])
        })?;
        let tenant = op.plan.tenant.as_deref();
        self.backup(&op.id, op.created, &op.requester.user, op.environment(), scope, tenant).await.map(|(plan, _)| plan)
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
