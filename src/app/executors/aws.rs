//! AWS: a task becomes a call in the environment's account, with our tags, and never waits longer than the lease allows.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{Begun, Executor, Task};
use crate::{
    app::standing::standing,
    domain::{environment::Environment, incarnation::Incarnation, operation::Operation},
    ports::{
        clock::Clock,
        cloud::{Call, Cloud, CloudError, Probe, Progress},
        store::Store,
    },
};

/// The longest a single call may take; less than a lease lasts.
pub const CALL: Duration = Duration::from_secs(40);

/// Carries out what happens in AWS.
#[derive(Clone)]
pub struct Aws {
    cloud: Arc<dyn Cloud>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    environments: BTreeMap<String, Arc<Environment>>,
}

impl Aws {
    pub(super) fn new(
        cloud: Arc<dyn Cloud>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        environments: BTreeMap<String, Arc<Environment>>,
    ) -> Aws {
        Aws { cloud, store, clock, environments }
    }

    /// The environment of a task as it stands: what is live is known to whatever is done in it, to deletions before all.
    async fn environment(&self, task: &Task) -> Result<Arc<Environment>, CloudError> {
        let declared = self.declared(task)?;
        standing(self.store.as_ref(), declared, None).await.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "what is live could not be read");
            CloudError::Retryable { reason: "The ledger does not answer.".to_owned(), after: None }
        })
    }

    fn declared(&self, task: &Task) -> Result<&Arc<Environment>, CloudError> {
        let name = task.op.environment();
        self.environments.get(name).ok_or_else(|| {
            tracing::error!(operation = %task.op.id, environment = name, "the environment is no longer in the config");
            CloudError::Retryable {
                reason: format!(
                    "Environment {name} is no longer in the config file. Put it back until {} has ended.",
                    task.op.id
                ),
                after: None,
            }
        })
    }

    /// What AWS is to be called with.
    ///
    /// # Errors
    /// `Retryable` while the environment is not in the config, since its account and role are known to nobody else, or while the
    /// ledger does not say how it stands.
    async fn call(&self, task: &Task) -> Result<Call, CloudError> {
        Ok(self.called(task, self.environment(task).await?))
    }

    /// The same of many, with one look at each environment.
    pub(super) async fn calls(&self, tasks: &[Task]) -> Vec<Result<Call, CloudError>> {
        let mut stand: BTreeMap<&str, Result<Arc<Environment>, CloudError>> = BTreeMap::new();
        for task in tasks {
            if !stand.contains_key(task.op.environment()) {
                stand.insert(task.op.environment(), self.environment(task).await);
            }
        }
        let of = |task: &Task| stand[task.op.environment()].clone().map(|environment| self.called(task, environment));
        tasks.iter().map(of).collect()
    }

    fn called(&self, task: &Task, environment: Arc<Environment>) -> Call {
        Call {
            operation: task.op.id.clone(),
            step: task.step,
            environment,
            action: task.action.clone(),
            intended: task.intended.unwrap_or_else(|| self.clock.now()),
            tags: tags(&task.op, &task.approvers, Incarnation::of_token(&task.token).as_ref()),
            token: task.token.clone(),
            inputs: task.inputs.clone(),
            external_id: task.external_id.clone(),
            requester: task.op.requester.user.clone(),
        }
    }
}

#[async_trait]
impl Executor for Aws {
    async fn probe(&self, task: &Task) -> Result<Probe, CloudError> {
        let call = self.call(task).await?;
        tokio::time::timeout(CALL, self.cloud.probe(&call)).await.unwrap_or_else(|_| Err(timed_out()))
    }

    async fn start(&self, task: &Task) -> Result<Begun, CloudError> {
        let call = self.call(task).await?;
        let started = tokio::time::timeout(CALL, self.cloud.start(&call)).await;
        Ok(started.unwrap_or_else(|_| Err(timed_out()))?.into())
    }

    async fn poll(&self, tasks: &[Task]) -> Vec<Result<Progress, CloudError>> {
        let calls = self.calls(tasks).await;
        let callable: Vec<Call> = calls.iter().filter_map(|call| call.as_ref().ok().cloned()).collect();
        let asked = tokio::time::timeout(CALL, self.cloud.poll(&callable)).await;
        let mut asked = asked.unwrap_or_else(|_| callable.iter().map(|_| Err(timed_out())).collect()).into_iter();
        let missing = || Err(CloudError::Retryable { reason: "AWS was not asked.".to_owned(), after: None });
        calls.into_iter().map(|call| call.and_then(|_| asked.next().unwrap_or_else(missing))).collect()
    }
}

fn timed_out() -> CloudError {
    CloudError::Unknown { reason: format!("AWS did not answer within {} seconds.", CALL.as_secs()) }
}

fn tags(op: &Operation, approvers: &[String], ledger: Option<&Incarnation>) -> Vec<(String, String)> {
    let mut tags = vec![
        ("bbws:operation".to_owned(), op.id.to_string()),
        ("bbws:environment".to_owned(), op.environment().to_owned()),
        ("bbws:requested-by".to_owned(), op.requester.user.clone()),
        ("bbws:approved-by".to_owned(), approvers.join(" ")),
    ];
    // A step that was intended by a build that knew no names has none to the end.
    tags.extend(ledger.map(|ledger| ("bbws:ledger".to_owned(), ledger.to_string())));
    tags.extend(op.plan.tenant.clone().map(|t| ("bbws:tenant".to_owned(), t)));
    tags.extend(op.plan.retention_days.map(|d| ("bbws:retention-days".to_owned(), d.to_string())));
    tags
}
