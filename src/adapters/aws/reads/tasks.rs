//! The services that a side is to run: whether they are there, whether their tasks can be started without another region, and whether
//! the account may run so many.

use aws_sdk_ecs::types::{LaunchType, Service, TaskDefinition, TaskDefinitionStatus};

use super::{
    super::{ecr, ecs, quotas, session::Session, side_by_side},
    readiness::{brief, one},
};
use crate::domain::{
    environment::{Environment, Side},
    readiness::{Found, Prerequisite},
};

/// What is said of an image that is not in a registry of the account.
const UNSEEN: &str = "its registry cannot be seen from here";
/// CPU units of a vCPU.
const UNITS: f64 = 1024.0;

/// What was found of a side's services.
#[derive(Debug, Default)]
pub struct Tasks {
    /// A line for each thing that was looked at.
    pub prerequisites: Vec<Prerequisite>,
    /// A line for each image in a registry that nobody here can look into.
    pub unseen: Vec<Prerequisite>,
    /// What of it needs the other side, a sentence's middle each.
    pub leans: Vec<String>,
}

/// Where tasks are to run.
struct There<'a> {
    config: &'a Environment,
    side: Side,
    session: &'a Session,
}

/// Looks at the services of a side. `other`: the other one, whose limits are told beside.
pub async fn look(config: &Environment, side: Side, session: &Session, other: Option<&Session>) -> Tasks {
    let Some(declared) = &config.services else { return Tasks::default() };
    let cluster = match side {
        Side::Primary => Some(declared.cluster.as_str()),
        Side::Dr => config.standby_cluster(),
    };
    let Some(cluster) = cluster else { return Tasks::default() };
    let there = There { config, side, session };
    let names: Vec<&str> = declared.services.iter().map(|service| service.name.as_str()).collect();
    let found = ecs::services(session, cluster, &names).await;
    let line = |name: &str, found: Found| Prerequisite {
        subject: format!("Service {name} in {}", session.region),
        vital: false,
        found,
    };
    let services = match found {
        Ok(services) => services,
        Err(error) => {
            let unknown = |name: &&str| line(name, Found::Unknown(brief(&error)));
            return Tasks { prerequisites: names.iter().map(unknown).collect(), ..Tasks::default() };
        }
    };
    let mut tasks = Tasks::default();
    let mut vcpus = Some(0.0);
    for wanted in &declared.services {
        let Some(service) = services.iter().find(|service| service.service_name() == Some(&wanted.name)) else {
            let lacking = Found::Lacking(format!("cluster {cluster} has no such service"));
            tasks.prerequisites.push(line(&wanted.name, lacking));
            continue;
        };
        let running = Found::Ready(format!("in cluster {cluster}, {} tasks run", service.running_count()));
        tasks.prerequisites.push(line(&wanted.name, running));
        let each = there.definition(&wanted.name, service, &mut tasks).await;
        let needed = each.filter(|_| on_fargate(service)).map(|each| each * f64::from(wanted.desired));
        vcpus = vcpus.zip(needed).map(|(sum, needed)| sum + needed);
    }
    tasks.prerequisites.push(there.capacity(vcpus, other).await);
    tasks
}

impl There<'_> {
    /// The definition that tasks of a service are started from, and its images; how many vCPUs a task has, where it says.
    async fn definition(&self, name: &str, service: &Service, tasks: &mut Tasks) -> Option<f64> {
        let arn = service.task_definition().unwrap_or_default();
        let short = arn.rsplit('/').next().unwrap_or(arn);
        let subject = format!("Task definition {short} in {}", self.session.region);
        let mut line = |found| tasks.prerequisites.push(Prerequisite { subject: subject.clone(), vital: false, found });
        let definition: TaskDefinition = match ecs::definition(self.session, arn).await {
            Err(error) => {
                line(Found::Unknown(brief(&error)));
                return None;
            }
            Ok(None) => {
                line(Found::Lacking(format!("ECS does not know it, so that {name} can start no task")));
                return None;
            }
            // Tasks of a service go on to be started from one that is only inactive; ECS tells whoever looks.
            Ok(Some(found)) if found.status() != Some(&TaskDefinitionStatus::Active) => {
                line(Found::Lacking("it is not active: deregistered, or about to be deleted".to_owned()));
                found
            }
            Ok(Some(found)) => {
                line(Found::Ready("active".to_owned()));
                found
            }
        };
        let images = definition.container_definitions().iter().filter_map(|container| container.image());
        let looked = side_by_side(images.map(|image| self.image(image)).collect()).await;
        for (found, leans) in looked {
            match &found.found {
                Found::Unknown(why) if why.starts_with(UNSEEN) => tasks.unseen.push(found),
                _ => tasks.prerequisites.push(found),
            }
            tasks.leans.extend(leans.map(|image| format!("tasks of {name} are started from {image}")));
        }
        definition.cpu()?.parse::<f64>().ok().map(|units| units / UNITS)
    }

    /// Whether an image can be pulled here; its name where it lies in the region that may be gone.
    async fn image(&self, name: &str) -> (Prerequisite, Option<String>) {
        let (here, lost) = (&self.session.region, self.config.region(self.side.other()));
        let subject = format!("Image {name}");
        let line = |found| Prerequisite { subject: subject.clone(), vital: false, found };
        match ecr::Image::parse(name) {
            Some(image) if image.region == *lost => {
                let why = format!("it is pulled from {lost}: replicate its repository to {here} and name that one");
                (line(Found::Lacking(why)), Some(name.to_owned()))
            }
            Some(image) if image.region == *here && image.account == self.config.account => {
                let looked = async { ecr::image(self.session, &image).await };
                (one(subject, false, looked).await, None)
            }
            _ => {
                let why = format!("{UNSEEN}: it is none of ECR in {here}");
                (line(Found::Unknown(why)), None)
            }
        }
    }

    /// Whether the account may run so many tasks here.
    async fn capacity(&self, vcpus: Option<f64>, other: Option<&Session>) -> Prerequisite {
        let (here, there) = (&self.session.region, self.config.region(self.side.other()));
        let line = |found| Prerequisite { subject: format!("Fargate vCPUs in {here}"), vital: false, found };
        let Some(needed) = vcpus else {
            let why = "what the services need of it cannot be seen: one of them is not there, not on Fargate, or its definition names no CPU";
            return line(Found::Unknown(why.to_owned()));
        };
        let most = match quotas::fargate_vcpus(self.session).await {
            Ok(Some(most)) => most,
            Ok(None) => return line(Found::Unknown("Service Quotas does not say how many there may be".to_owned())),
            Err(error) => return line(Found::Unknown(brief(&error))),
        };
        let beside = match other {
            Some(session) => quotas::fargate_vcpus(session).await.ok().flatten(),
            None => None,
        };
        let beside = beside.map(|most| format!("; in {there} {most}")).unwrap_or_default();
        line(match needed <= most {
            true => Found::Ready(format!("{needed} are needed, and the account may have {most}{beside}")),
            false => Found::Lacking(format!(
                "{needed} are needed, and the account may have {most}{beside}: ask for more in Service Quotas"
            )),
        })
    }
}

/// Whether tasks of a service run on Fargate.
fn on_fargate(service: &Service) -> bool {
    let providers = service.capacity_provider_strategy();
    let all = providers.iter().all(|provider| provider.capacity_provider().starts_with("FARGATE"));
    service.launch_type() == Some(&LaunchType::Fargate) || (!providers.is_empty() && all)
}
