//! ECS: services as it describes them, and how many tasks they are to run.

use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Service, TaskDefinition};

use super::session::Session;
use crate::ports::cloud::CloudError;

/// Names per DescribeServices call.
const PAGE: usize = 10;
/// The state of a service that is there.
const ACTIVE: &str = "ACTIVE";

/// Services of a cluster by their names, as many of them as are there and active.
///
/// # Errors
/// See [`CloudError`].
pub async fn services(session: &Session, cluster: &str, names: &[&str]) -> Result<Vec<Service>, CloudError> {
    let mut found = Vec::new();
    for chunk in names.chunks(PAGE) {
        let thing = format!("service {} of cluster {cluster}", chunk.join(", "));
        let attempt = session.reads("ecs:DescribeServices", thing);
        let wanted = chunk.iter().map(|name| (*name).to_owned()).collect();
        match session.ecs().describe_services().cluster(cluster).set_services(Some(wanted)).send().await {
            Ok(answer) => found.extend(answer.services.unwrap_or_default()),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_cluster_not_found_exception()) => {}
            Err(error) => return Err(attempt.failed(error)),
        }
    }
    found.retain(|service| service.status() == Some(ACTIVE));
    Ok(found)
}

/// One service; none where there is no such service, or it is not active.
///
/// # Errors
/// See [`CloudError`].
pub async fn service(session: &Session, cluster: &str, name: &str) -> Result<Option<Service>, CloudError> {
    let found = services(session, cluster, &[name]).await?;
    Ok(found.into_iter().find(|service| service.service_name() == Some(name)))
}

/// What the tasks of a service are; none where there is no such definition any more.
///
/// # Errors
/// See [`CloudError`].
pub async fn definition(session: &Session, arn: &str) -> Result<Option<TaskDefinition>, CloudError> {
    let attempt = session.reads("ecs:DescribeTaskDefinition", format!("task definition {arn}"));
    match session.ecs().describe_task_definition().task_definition(arn).send().await {
        Ok(answer) => Ok(answer.task_definition),
        // What ECS says of one that it does not know.
        Err(error) if error.as_service_error().is_some_and(|e| e.is_client_exception()) => Ok(None),
        Err(error) => Err(attempt.failed(error)),
    }
}

/// Sets how many tasks a service is to run. To say the same again changes nothing.
///
/// # Errors
/// See [`CloudError`].
pub async fn scale(session: &Session, cluster: &str, name: &str, desired: u32) -> Result<(), CloudError> {
    let thing = format!("service {name} of cluster {cluster} scaled to {desired}");
    let attempt = session.changes("ecs:UpdateService", thing);
    let tasks = i32::try_from(desired)
        .map_err(|_| attempt.never(&format!("{desired} tasks are no number of tasks"), "Correct it in the config."))?;
    let request = session.ecs().update_service().cluster(cluster).service(name).desired_count(tasks);
    request.send().await.map(drop).map_err(|error| attempt.failed(error))
}

/// How far a service is on its way to so many tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rollout {
    /// It runs them, in one deployment that is complete.
    Stable,
    /// Not yet, in words.
    Under(String),
    /// Its deployment failed, in ECS's words.
    Failed(String),
}

/// What a description says of that. One deployment alone proves nothing: a service of no tasks has one too.
pub fn rollout(service: &Service, desired: u32) -> Rollout {
    let failed = |deployment: &&Deployment| deployment.rollout_state() == Some(&DeploymentRolloutState::Failed);
    if let Some(deployment) = service.deployments().iter().find(failed) {
        return Rollout::Failed(deployment.rollout_state_reason().unwrap_or("ECS does not say why").to_owned());
    }
    let (wanted, running) = (u32::try_from(service.desired_count()), u32::try_from(service.running_count()));
    let complete = match service.deployments() {
        // Services of other deployment controllers have no such state.
        [one] => one.rollout_state().is_none_or(|state| *state == DeploymentRolloutState::Completed),
        _ => false,
    };
    if complete && wanted == Ok(desired) && running == Ok(desired) {
        return Rollout::Stable;
    }
    let deployments = match service.deployments().len() {
        1 => String::new(),
        other => format!(", {other} deployments"),
    };
    Rollout::Under(format!("{} of {desired} tasks run{deployments}", service.running_count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(desired: i32, running: i32, states: &[Option<&str>]) -> Service {
        let deployments = states
            .iter()
            .map(|state| Deployment::builder().set_rollout_state(state.map(DeploymentRolloutState::from)).build());
        Service::builder()
            .desired_count(desired)
            .running_count(running)
            .set_deployments(Some(deployments.collect()))
            .build()
    }

    #[test]
    fn stable_is_one_complete_deployment_with_all_tasks() {
        let complete = [Some("COMPLETED")];
        assert_eq!(rollout(&service(4, 4, &complete), 4), Rollout::Stable);
        assert_eq!(rollout(&service(4, 4, &[None]), 4), Rollout::Stable);
        for under in [
            service(4, 3, &complete),
            service(0, 0, &complete),
            service(4, 4, &[Some("IN_PROGRESS")]),
            service(4, 4, &[Some("COMPLETED"), Some("IN_PROGRESS")]),
            service(4, 4, &[]),
            service(2, 2, &complete),
        ] {
            assert!(matches!(rollout(&under, 4), Rollout::Under(_)), "{under:?}");
        }
        assert!(matches!(rollout(&service(4, 4, &[Some("FAILED")]), 4), Rollout::Failed(_)));
        assert_eq!(rollout(&service(0, 0, &complete), 0), Rollout::Stable, "none is what was wanted");
    }
}
