//! The services that a side is to run: whether they are there, whether their tasks can be started without another region, and whether
//! the account may run so many.

use aws_sdk_ecs::types::{LaunchType, Service, TaskDefinition, TaskDefinitionStatus};

use super::{
    super::{ecr, ecs, quotas, session::Session, side_by_side},
    readiness::{brief, one},
};
use crate::domain::{
    environment::{Environment, Side},
    proven::{Form, Forms, Part},
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
    /// What its steps rest on.
    pub forms: Forms,
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
    let (mut vcpus, mut form) = (Some(0.0), Some(Form::default()));
    for wanted in &declared.services {
        let Some(service) = services.iter().find(|service| service.service_name() == Some(&wanted.name)) else {
            let lacking = Found::Lacking(format!("cluster {cluster} has no such service"));
            tasks.prerequisites.push(line(&wanted.name, lacking));
            (vcpus, form) = (None, None);
            continue;
        };
        let running = Found::Ready(format!("in cluster {cluster}, {} tasks run", service.running_count()));
        tasks.prerequisites.push(line(&wanted.name, running));
        let mut own = of_service(&wanted.name, service);
        own.add(format!("{}: tasks", wanted.name), Some(wanted.desired));
        let (each, whole) = there.definition(&wanted.name, service, &mut tasks, &mut own).await;
        form = form.filter(|_| whole).map(|form| form.with(own));
        let needed = each.filter(|_| on_fargate(service)).map(|each| each * f64::from(wanted.desired));
        vcpus = vcpus.zip(needed).map(|(sum, needed)| sum + needed);
    }
    tasks.prerequisites.push(there.capacity(vcpus, other).await);
    tasks.forms.extend(form.map(|form| (Part::Services, form)));
    tasks
}

impl There<'_> {
    /// The definition that tasks of a service are started from, and its images; how many vCPUs a task has, where it says, and
    /// whether all of it could be seen.
    async fn definition(
        &self,
        name: &str,
        service: &Service,
        tasks: &mut Tasks,
        form: &mut Form,
    ) -> (Option<f64>, bool) {
        let arn = service.task_definition().unwrap_or_default();
        let short = arn.rsplit('/').next().unwrap_or(arn);
        let subject = format!("Task definition {short} in {}", self.session.region);
        let mut line = |found| tasks.prerequisites.push(Prerequisite { subject: subject.clone(), vital: false, found });
        let definition: TaskDefinition = match ecs::definition(self.session, arn).await {
            Err(error) => {
                line(Found::Unknown(brief(&error)));
                return (None, false);
            }
            Ok(None) => {
                line(Found::Lacking(format!("ECS does not know it, so that {name} can start no task")));
                return (None, false);
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
        of_definition(name, &definition, form);
        let looked = side_by_side(images.map(|image| self.image(image)).collect()).await;
        let mut whole = true;
        for (found, leans) in looked {
            match &found.found {
                Found::Ready(digest) => form.add(format!("{name}: {}", found.subject), Some(digest)),
                Found::Lacking(_) | Found::Unknown(_) => whole = false,
            }
            match &found.found {
                Found::Unknown(why) if why.starts_with(UNSEEN) => tasks.unseen.push(found),
                _ => tasks.prerequisites.push(found),
            }
            tasks.leans.extend(leans.map(|image| format!("tasks of {name} are started from {image}")));
        }
        let units = definition.cpu().and_then(|units| units.parse::<f64>().ok());
        (units.map(|units| units / UNITS), whole)
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

/// What of a service decides how its tasks come up. How many run is not in it.
fn of_service(name: &str, service: &Service) -> Form {
    let mut form = Form::default();
    let key = |what: &str| format!("{name}: {what}");
    form.add(key("launch type"), service.launch_type());
    let providers = service.capacity_provider_strategy().iter();
    form.add_all(key("providers"), providers.map(|p| format!("{} {} {}", p.capacity_provider(), p.weight(), p.base())));
    form.add(key("platform"), service.platform_version());
    form.add(key("role"), service.role_arn());
    form.add(key("grace"), service.health_check_grace_period_seconds());
    form.add(key("scheduling"), service.scheduling_strategy());
    form.add(key("controller"), service.deployment_controller().map(|controller| controller.r#type().as_str()));
    let deployment = service.deployment_configuration();
    form.add(key("at least"), deployment.and_then(|configured| configured.minimum_healthy_percent()));
    form.add(key("at most"), deployment.and_then(|configured| configured.maximum_percent()));
    let network = service.network_configuration().and_then(|network| network.awsvpc_configuration());
    form.add_all(key("subnets"), network.map_or(&[][..], |network| network.subnets()));
    form.add_all(key("security groups"), network.map_or(&[][..], |network| network.security_groups()));
    form.add(key("public address"), network.and_then(|network| network.assign_public_ip()));
    let balancers = service.load_balancers().iter().map(|balancer| {
        let (group, name) = (balancer.target_group_arn(), balancer.load_balancer_name());
        format!("{group:?} {name:?} {:?} {:?}", balancer.container_name(), balancer.container_port())
    });
    form.add_all(key("load balancers"), balancers);
    let registries = service.service_registries().iter();
    let registry = |r: &aws_sdk_ecs::types::ServiceRegistry| {
        format!("{:?} {:?} {:?} {:?}", r.registry_arn(), r.port(), r.container_name(), r.container_port())
    };
    form.add_all(key("registries"), registries.map(registry));
    form
}

/// What tasks are started from. Of values of the environment only a digest of all is kept.
fn of_definition(name: &str, definition: &TaskDefinition, form: &mut Form) {
    let key = |what: &str| format!("{name}: {what}");
    form.add(key("definition"), definition.task_definition_arn());
    form.add(key("cpu"), definition.cpu());
    form.add(key("memory"), definition.memory());
    form.add(key("network mode"), definition.network_mode());
    form.add(key("task role"), definition.task_role_arn());
    form.add(key("execution role"), definition.execution_role_arn());
    let platform = definition.runtime_platform();
    form.add(key("architecture"), platform.and_then(|platform| platform.cpu_architecture()));
    form.add(key("system"), platform.and_then(|platform| platform.operating_system_family()));
    for container in definition.container_definitions() {
        let key = |what: &str| format!("{name}: container {} {what}", container.name().unwrap_or_default());
        form.add(key("image"), container.image());
        form.add(key("essential"), container.essential());
        form.add(key("cpu"), Some(container.cpu()));
        form.add(key("memory"), container.memory());
        form.add(key("user"), container.user());
        form.add(key("command"), Some(container.command().join("\n")));
        form.add(key("entry point"), Some(container.entry_point().join("\n")));
        let ports = container.port_mappings().iter();
        form.add_all(key("ports"), ports.map(|port| format!("{:?} {:?}", port.container_port(), port.host_port())));
        let variables = container.environment().iter();
        form.add_all(key("environment"), variables.map(|pair| format!("{:?} {:?}", pair.name(), pair.value())));
        let secrets = container.secrets().iter();
        form.add_all(key("secrets"), secrets.map(|secret| format!("{} {}", secret.name(), secret.value_from())));
    }
}
